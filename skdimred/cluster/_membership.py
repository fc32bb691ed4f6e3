"""Rows as their distribution over clusters, by any clusterer."""

from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.cluster import KMeans
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted

from skdimred._base import guarded
from skdimred._checks import raise_if_not_finite
from skdimred._sklearn import as_rows
from skdimred.cluster._affinity import RowGraph
from skdimred.cluster._neighbors import Neighbors
from skdimred.numerics.bipartite import shares
from skdimred.numerics.graph import SCALE_NEIGHBOR, fit_kernel
from skdimred.numerics.threads import one_blas_thread

__all__ = ["ClusterMembership"]

OUTPUTS = ("membership", "one-hot", "distance")
# What clusterers of scikit-learn call rows of no cluster.
NOISE = -1


class ClusterMembership(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Represent rows by how much they belong to each cluster.

    Any clusterer of scikit-learn becomes a transformer. The features of a row are its
    distribution over the clusters, for instance [0.7, 0.25, 0.05, 0]:

    - what `predict_proba` gives, where the clusterer has it (GaussianMixture,
      `NcutClustering`);
    - otherwise, where it has centres :math:`\mu_c` (KMeans, MeanShift), with T the
      temperature,

      .. math:: p_c(x) \propto \exp\left( -\frac{\|x - \mu_c\|^2}{T g} \right) ,

      where g is the median, over the fitted rows, of by how much the square of the
      distance to the second nearest centre is more than that to the nearest: at T = 1
      half of the rows give their second cluster less than 1 / e of what their first
      has;
    - otherwise (AgglomerativeClustering, HDBSCAN, SpectralClustering) the vote of the
      nearest fitted rows with weights :math:`\exp(-d^2 / \sigma \sigma_i)`, for the
      scales :math:`\sigma` that `NcutClustering` has by default. Rows of no cluster
      (noise) do not vote.

    Parameters
    ----------
    estimator : clusterer or None, default=None
        Anything with `fit` and then `labels_` or `predict`. It is cloned. None for
        ``KMeans(random_state=0)``.
    output : {"membership", "one-hot", "distance"}, default="membership"
        The distribution; 1 for the cluster that `predict` names, or has the most of
        it, and 0 for the others; or the distances to the centres.
    temperature : float, default=1.0
        The T above: towards 0 memberships become one-hot, and equal as it grows.
    n_neighbors : int, default=10
        How many fitted rows vote.

    Attributes
    ----------
    estimator_ : clusterer
        The fitted clusterer.
    classes_ : ndarray of shape (n_clusters,)
        Label of the cluster that each column stands for.
    method_ : {"predict_proba", "centers", "votes"}
        Where memberships come from.
    scale_ : float or None
        The g above; None without centres.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.

    See Also
    --------
    NcutClustering : A clusterer with `predict_proba`.
    sklearn.cluster.FeatureAgglomeration : Clusters of columns, not of rows.

    Examples
    --------
    >>> from sklearn.cluster import AgglomerativeClustering
    >>> from skdimred.cluster import ClusterMembership
    >>> X = [[0.0], [0.2], [0.3], [0.9], [1.0], [1.3]]
    >>> cut = AgglomerativeClustering(n_clusters=None, distance_threshold=1.0)
    >>> ClusterMembership(cut, n_neighbors=3).fit(X).transform([[0.1], [0.6]]).round(2)
    array([[0.  , 1.  ],
           [0.34, 0.66]])
    """

    def __init__(
        self, estimator=None, *, output="membership", temperature=1.0, n_neighbors=10
    ):
        self.estimator = estimator
        self.output = output
        self.temperature = temperature
        self.n_neighbors = n_neighbors

    @guarded
    def fit(self, X, y=None):
        """Fit the clusterer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows. Sparse where the clusterer takes them so.
        y : None
            Ignored.

        Returns
        -------
        self : ClusterMembership
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if `output` is "distance" and the
            clusterer has no centres; if it found no cluster; or whatever it raises.
        TypeError
            If `estimator` is not a clusterer.
        """
        self._check_parameters()
        X = self._checked(X, reset=True)
        fitted = clone(self._clusterer).fit(X)
        centers = _centers(fitted)
        if self.output == "distance" and centers is None:
            raise ValueError(
                f"output='distance' needs centres, and {type(fitted).__name__} has "
                "none: take 'membership' or 'one-hot'."
            )
        self.estimator_, self.scale_, self._votes = fitted, None, None
        if hasattr(fitted, "predict_proba"):
            self.method_ = "predict_proba"
            self.classes_ = np.arange(fitted.predict_proba(X[:1]).shape[1])
        elif centers is not None:
            self.method_ = "centers"
            self.classes_ = np.arange(len(centers))
            self.scale_ = _median_gap(X, centers)
        else:
            self.method_ = "votes"
            self._fit_votes(X)
        return self

    def _fit_votes(self, X):
        """Keep the rows of each cluster, which vote on others."""
        fitted = self.estimator_
        if not (hasattr(fitted, "labels_") or hasattr(fitted, "predict")):
            raise TypeError(
                f"estimator={fitted!r} must be a clusterer: after its fit it has "
                "neither labels_ nor predict."
            )
        precomputed = getattr(fitted, "metric", None) == "precomputed"
        if precomputed or get_tags(fitted).input_tags.pairwise:
            raise ValueError(
                f"{type(fitted).__name__} was given distances or affinities, and has "
                "no predict_proba: there are no rows among which neighbours could vote."
            )
        labels = np.asarray(
            fitted.labels_ if hasattr(fitted, "labels_") else fitted.predict(X)
        )
        some = np.flatnonzero(labels != NOISE)
        if not len(some):
            raise ValueError(
                f"{type(fitted).__name__} found no cluster: all {len(labels)} rows are "
                "noise."
            )
        self.classes_, places = np.unique(labels[some], return_inverse=True)
        search = Neighbors(X[some])
        q = min(SCALE_NEIGHBOR, len(some) - 1)
        D = search.among(q)[0] if q else np.zeros((1, 1))
        kernel = fit_kernel(D, "local")
        voters = RowGraph(None, 0, search, kernel, int(self.n_neighbors))
        self._votes = voters, places

    def transform(self, X):
        """Give the membership of rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_clusters)
            Rows that sum to 1; or distances.

        Raises
        ------
        ValueError
            If X has another number of columns than at fit, or holds NaN or infinity.
        """
        check_is_fitted(self)
        X = self._checked(X)
        with one_blas_thread():
            if self.output == "distance":
                out = _distances(X, _centers(self.estimator_))
            elif self.output == "one-hot":
                out = self._one_hot(X)
            else:
                out = self._shares(X)
        return out.astype(X.dtype, copy=False)

    def _shares(self, X):
        """The distribution of each row over the clusters."""
        if self.method_ == "predict_proba":
            return self.estimator_.predict_proba(X)
        if self.method_ == "votes":
            voters, places = self._votes
            return shares(voters.weights_of(X), places, len(self.classes_))
        centers = _centers(self.estimator_)
        D = _distances(X, centers)
        nearest = D.min(axis=1, keepdims=True)
        # Difference of squares, which keeps its digits; of a far row it is infinite.
        with np.errstate(over="ignore"):
            more = (D - nearest) * (D + nearest)
        scale = self.temperature * self.scale_
        if not scale > 0:
            share = (more == 0).astype(np.float64)
        else:
            with np.errstate(over="ignore"):
                share = np.exp(-more / scale)
        return share / share.sum(axis=1, keepdims=True)

    def _one_hot(self, X):
        if hasattr(self.estimator_, "predict") and self.method_ != "votes":
            labels = self.estimator_.predict(X)
        else:
            labels = self.classes_[self._shares(X).argmax(axis=1)]
        return labels[:, np.newaxis] == self.classes_

    @property
    def _clusterer(self):
        return KMeans(random_state=0) if self.estimator is None else self.estimator

    @property
    def _n_features_out(self):
        return len(self.classes_)

    def _checked(self, X, reset=False):
        # A clusterer that takes no sparse rows says so itself.
        X = as_rows(
            self, X, reset=reset, min_samples=2 if reset else 1, accept_sparse=True
        )
        values = X.data if sparse.issparse(X) else X
        if values.size:
            raise_if_not_finite(self, X, np.array([values.min(), values.max()]))
        return X.tocsr() if sparse.issparse(X) else X

    def _check_parameters(self):
        clusterer, output = self._clusterer, self.output
        if isinstance(clusterer, type) or not all(
            hasattr(clusterer, method) for method in ("fit", "get_params")
        ):
            raise TypeError(
                f"estimator={clusterer!r} must be an instance of a clusterer, with fit "
                "and get_params."
            )
        if not (isinstance(output, str) and output in OUTPUTS):
            raise ValueError(f"output={output!r} must be one of {OUTPUTS}.")
        T, m = self.temperature, self.n_neighbors
        if not (isinstance(T, Real) and 0 < T < np.inf) or isinstance(T, bool):
            raise ValueError(f"temperature={T!r} must be a positive number.")
        if not isinstance(m, Integral) or isinstance(m, bool) or m < 1:
            raise ValueError(f"n_neighbors={m!r} must be an integer of at least 1.")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        inner = get_tags(self._clusterer).input_tags
        tags.input_tags.sparse = inner.sparse
        tags.input_tags.pairwise = inner.pairwise
        tags.input_tags.positive_only = inner.positive_only
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _centers(fitted):
    """Centres (k, p) of the clusters, or None."""
    for name in ("cluster_centers_", "means_"):
        centers = getattr(fitted, name, None)
        if centers is not None and np.ndim(centers) == 2 and len(centers):
            return np.asarray(centers)
    return None


def _median_gap(X, centers):
    """Median excess of the second smallest squared distance over the smallest."""
    if len(centers) == 1:
        return 1.0
    D = _distances(X, centers)
    first, second = np.partition(D, 1, axis=1)[:, :2].T
    with np.errstate(over="ignore"):
        gaps = (second - first) * (second + first)
        gap = float(np.median(gaps)) or float(np.mean(gaps))
    if not np.isfinite(gap):
        raise ValueError(
            "The squares of the distances between rows of X and the centres overflow: "
            "scale X down, for instance by its largest entry."
        )
    return gap


def _distances(X, centers):
    """Distances (m, k) in float64, also of rows of which the squares overflow."""
    if not np.isfinite(centers).all():
        raise ValueError(
            "The clusterer found centres that are not finite: are entries of X so "
            "large that their squares overflow? Scale X down."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        D = euclidean_distances(X, centers).astype(np.float64, copy=False)
    for i in np.flatnonzero(~np.isfinite(D).all(axis=1)):
        row = X[[i]].toarray() if sparse.issparse(X) else X[[i]]
        row = row.astype(np.float64)
        exponent = np.frexp(max(np.abs(row).max(), np.abs(centers).max()))[1]
        apart = np.ldexp(row, -exponent) - np.ldexp(
            centers.astype(np.float64), -exponent
        )
        with np.errstate(over="ignore"):
            D[i] = np.ldexp(np.sqrt((apart**2).sum(axis=1)), exponent)
    return np.minimum(D, np.finfo(X.dtype).max)
