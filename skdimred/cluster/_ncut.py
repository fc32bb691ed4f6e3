"""Spectral clustering by the normalised cut, which predicts."""

import warnings
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    ClusterMixin,
    TransformerMixin,
)
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdimred._base import guarded
from skdimred._checks import raise_if_not_finite
from skdimred._sklearn import as_rows
from skdimred.cluster._affinity import (
    check_weights,
    dense_graph,
    neighbor_graph,
    precomputed_graph,
)
from skdimred.cluster._coordinates import GraphCoordinates, LandmarkCoordinates
from skdimred.cluster._landmarks import landmark_graph, row_blocks
from skdimred.numerics.bipartite import bipartite_cut, shares
from skdimred.numerics.cut import as_graph, cut_cost
from skdimred.numerics.laplacian import SOLVERS
from skdimred.numerics.multilevel import partition
from skdimred.numerics.rounding import fill_empty
from skdimred.numerics.threads import one_blas_thread

__all__ = ["NcutClustering"]

CRITERIA = ("ncut", "ratiocut")
AFFINITIES = ("nearest_neighbors", "rbf", "precomputed")
# A larger exponent would leave nothing of the cut, and overflow.
MOST_BALANCE = 10
# New rows placed at once, and weights of them where every row has one to every other.
ROWS_AT_ONCE, ENTRIES_AT_ONCE = 1 << 16, 1 << 24
ROUNDINGS = ("auto", "cluster_qr", "discretize", "kmeans")


class NcutClustering(
    ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, BaseEstimator
):
    r"""Cut a graph of the rows where little weight is cut: spectral clustering.

    With symmetric weights W among the rows and their degrees :math:`D = \operatorname
    {diag}(W 1)`, a partition with indicator matrix Y has the normalised cut [1]_

    .. math:: \operatorname{Ncut} = \operatorname{tr}[Y^T (D - W) Y (Y^T D Y)^{-1}]
              = \sum_c \frac{\operatorname{cut}_c}{\operatorname{vol}_c} ,

    where :math:`\operatorname{cut}_c` is the weight that leaves cluster c and
    :math:`\operatorname{vol}_c` the sum of its degrees. Relaxed to any Y it is solved
    by the lowest eigenvectors of :math:`(D - W) v = \lambda D v`. Partitions are read
    off these, and then descend on the cut itself, by moves of rows whose exact gain
    is known [2]_; by default on coarser graphs first [3]_. What is descended is

    .. math:: \sum_c \frac{\operatorname{cut}_c}{\operatorname{vol}_c}
              \left( \frac{\operatorname{vol}}{k \operatorname{vol}_c} \right)^b ,

    with `balance` as b, and the number of rows in place of the volume for the ratio
    cut.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters k, each of which gets at least one row.
    criterion : {"ncut", "ratiocut"}, default="ncut"
        Whether cuts are divided by volumes or by numbers of rows.
    balance : float, default=0.0
        The exponent b, from 0 to 10. The lowest cut of real data splits off small
        pieces; 0.5 makes them dearer, and mostly agrees better with classes.
    affinity : {"nearest_neighbors", "rbf", "precomputed"}, default="nearest_neighbors"
        Weights between each row and its neighbours, or among all rows; or X holds
        weights, square in `fit`, from new rows to fitted ones afterwards.
    n_neighbors : int, default=10
        Neighbours of a row, itself not counted; those as near as the last one are
        taken as well. With landmarks, how many of these a row has weights to.
    sigma : float, "auto" or "local", default="local"
        Scale of the weights. A number: :math:`\exp(-d^2 / 2 \sigma^2)`; "auto": the
        median distance to the seventh neighbour for it; "local": :math:`\exp(-d^2 /
        \sigma_i \sigma_j)`, with that distance of each row [4]_.
    eigen_solver : {"auto", "dense", "lanczos", "shift-invert"}, default="auto"
        For `embedding_`: LAPACK, Lanczos on the pencil, or on its inverse by a sparse
        factorisation. "auto" takes the first up to 500 rows of a component, then the
        second, and where that is slow the third.
    assign_labels : {"auto", "cluster_qr", "discretize", "kmeans"}, default="auto"
        How partitions to begin with are found. "auto": in several ways from the
        eigenvectors of a small coarse graph, of which the best are carried up to the
        graph itself. The others: from `embedding_`, by QR with pivots, by a rotation
        onto indicators, or by k-means.
    refine : bool, default=True
        Whether partitions descend on the cut.
    n_landmarks : int or None, default=None
        Cut the graph of so many landmarks instead, and give each row to the clusters
        of its nearest ones: for 1e5 rows and more.
    n_init : int, default=16
        Starts of k-means; with "auto", about how many there are.
    random_state : None, int or RandomState, default=None
        Seed of the coarsening, of k-means and of the landmarks.
    n_jobs : int or None, default=None
        Threads of the search for neighbours; None for as many as BLAS has.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,)
        Cluster of each row, numbered in the order of their first rows.
    ncut_ : float
        Normalised cut of `labels_` on `affinity_matrix_`.
    objective_ : float
        What was descended, with the criterion and `balance`; `ncut_` by default.
    affinity_matrix_ : csr_array of shape (n_samples, n_samples)
        Weights W. With landmarks, weights B (n_samples, n_landmarks) of rows to them,
        and :math:`W = B \operatorname{diag}(B^T 1)^{-1} B^T` is the graph of `ncut_`.
    embedding_ : ndarray of shape (n_samples, n_clusters)
        Spectral coordinates, computed when first asked for: the lowest eigenvectors,
        with mean square 1 (weighted by degrees). The first is constant if the graph is
        connected; otherwise the first are the indicators of the components. Equal rows
        have their mean, as the graph need not treat them as equals.
    eigenvalues_ : ndarray of shape (n_clusters,)
        Their eigenvalues, ascending; 0 for each component.
    residual_ : float
        Of the eigenpairs, over the largest possible eigenvalue.
    solver_ : {"components", "dense", "lanczos", "shift-invert"}
        What found the eigenpairs; "components" if these are all of them.
    n_connected_components_ : int
        Components of the graph.
    landmarks_ : ndarray or sparse matrix of shape (n_landmarks, n_features_in_)
        The landmarks that some row has a weight to, if there are any.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.

    See Also
    --------
    sklearn.cluster.SpectralClustering : The built-in: the eigenvectors alone, without
        `predict` and `transform`.
    ClusterMembership : The distribution over clusters as features.

    Notes
    -----
    *Components.* k components for k clusters are the answer, whatever their shape. A
    component far smaller than n / k is joined to its nearest rows before the cut, by
    edges as weak as those to the last neighbour: otherwise a few rows far from others
    would be a cluster that cuts nothing. Where there are more components than clusters,
    the smallest are joined to what is near. Components of a precomputed graph are left
    as they are; if there are more than clusters, they are put together by size, with a
    warning.

    *New rows* get weights to their nearest fitted rows. `predict_proba` is where their
    weight goes, `predict` where most of it does, and `transform` the extension of
    the eigenvectors by the same weights (Nystrom's). A row that is equal to a fitted
    one is treated as that row; where several are equal, by the mean of their weights,
    but of precomputed ones as the first.

    References
    ----------
    .. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE
           Transactions on Pattern Analysis and Machine Intelligence 22 (2000), 888-905.
           https://doi.org/10.1109/34.868688
    .. [2] F. Nie, J. Lu, D. Wu, R. Wang and X. Li, "A novel normalized-cut solver with
           nearest neighbor hierarchical initialization", IEEE Transactions on Pattern
           Analysis and Machine Intelligence 46 (2024), 659-666.
           https://arxiv.org/abs/2311.15214
    .. [3] I. S. Dhillon, Y. Guan and B. Kulis, "Weighted graph cuts without
           eigenvectors: a multilevel approach", IEEE Transactions on Pattern Analysis
           and Machine Intelligence 29 (2007), 1944-1957.
           https://doi.org/10.1109/TPAMI.2007.1115
    .. [4] L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering", Advances in
           Neural Information Processing Systems 17 (2004), 1601-1608.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from skdimred.cluster import NcutClustering
    >>> X, y = make_moons(300, noise=0.05, random_state=0)
    >>> ncut = NcutClustering(2, random_state=0).fit(X)
    >>> round(ncut.ncut_, 5), bool((ncut.labels_ == 1 - y).all())
    (6e-05, True)
    >>> ncut.predict([[1.0, 0.0], [0.0, 0.5]])
    array([1, 0])
    """

    _lazy = frozenset({"embedding_", "eigenvalues_", "residual_", "solver_"})

    def __init__(
        self,
        n_clusters=8,
        *,
        criterion="ncut",
        balance=0.0,
        affinity="nearest_neighbors",
        n_neighbors=10,
        sigma="local",
        eigen_solver="auto",
        assign_labels="auto",
        refine=True,
        n_landmarks=None,
        n_init=16,
        random_state=None,
        n_jobs=None,
    ):
        self.n_clusters = n_clusters
        self.criterion = criterion
        self.balance = balance
        self.affinity = affinity
        self.n_neighbors = n_neighbors
        self.sigma = sigma
        self.eigen_solver = eigen_solver
        self.assign_labels = assign_labels
        self.refine = refine
        self.n_landmarks = n_landmarks
        self.n_init = n_init
        self.random_state = random_state
        self.n_jobs = n_jobs

    @guarded
    def fit(self, X, y=None):
        """Cut the graph of the rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, or weights of shape (n_samples, n_samples) if they are precomputed.
            Not changed.
        y : None
            Ignored.

        Returns
        -------
        self : NcutClustering
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if X holds NaN or infinity, or fewer
            different rows than clusters; if weights are negative or not symmetric; or
            if all of them underflow, as `sigma` is too small.
        """
        self._check_parameters()
        X = self._checked(X, reset=True)
        if self.n_clusters > X.shape[0]:
            raise ValueError(
                f"n_clusters={self.n_clusters} must be at most n_samples={X.shape[0]}."
            )
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        if self.n_landmarks is None:
            self._fit_graph(X, seed)
        else:
            self._fit_landmarks(X, seed)
        self._sparse_rows = sparse.issparse(X) and self.affinity != "precomputed"
        if self.n_connected_components_ > self.n_clusters:
            warnings.warn(
                f"The graph has {self.n_connected_components_} components, more than "
                f"n_clusters={self.n_clusters}: they were put together by size, as "
                "nothing has to be cut. Take more neighbours or a larger scale, or as "
                "many clusters.",
                UserWarning,
                stacklevel=3,
            )
        return self

    def _fit_graph(self, X, seed):
        k, rows = int(self.n_clusters), None
        if self.affinity == "precomputed":
            W, n_components = precomputed_graph(X)
        else:
            if self.affinity == "rbf":
                rows = dense_graph(X, k, self.sigma, self.n_jobs)
            else:
                m = int(self.n_neighbors)
                rows = neighbor_graph(X, k, m, self.sigma, self.n_jobs)
            W, n_components = rows.weights, rows.n_components
        mass = np.ones(X.shape[0]) if self.criterion == "ratiocut" else None
        coordinates = GraphCoordinates(W, mass, k, self.eigen_solver, X, rows)
        found = partition(
            W,
            k,
            mass=mass,
            balance=float(self.balance),
            n_init=self.n_init,
            refine=bool(self.refine),
            start=coordinates.start(self.assign_labels, self.n_init, seed),
            n_components=n_components,
            rng=np.random.default_rng(seed),
        )
        self.__dict__.pop("landmarks_", None)
        self._coordinates = coordinates
        self.labels_, self.objective_ = found.labels, found.cost
        if mass is None and self.balance == 0:
            self.ncut_ = found.cost
        else:
            self.ncut_ = cut_cost(as_graph(W), found.labels, k)
        self.affinity_matrix_, self.n_connected_components_ = W, n_components

    def _fit_landmarks(self, X, seed):
        k = int(self.n_clusters)
        options = (self.n_neighbors, self.sigma, seed, self.n_jobs)
        rows, E, marks = landmark_graph(X, int(self.n_landmarks), k, *options)
        if E.shape[0] < k:
            raise ValueError(
                f"Only {E.shape[0]} of n_landmarks={self.n_landmarks} landmarks are "
                f"different and near to a row, fewer than n_clusters={k}: take more."
            )
        B = rows.weights
        coordinates = LandmarkCoordinates(rows, E, k, self.eigen_solver, X.dtype)
        found = partition(
            E,
            k,
            balance=float(self.balance),
            n_init=self.n_init,
            refine=bool(self.refine),
            start=coordinates.start(self.assign_labels, self.n_init, seed),
            rng=np.random.default_rng(seed),
        )
        labels = np.concatenate(
            [shares(B[r], found.labels, k).argmax(1) for r in row_blocks(X.shape[0])]
        )
        labels = fill_empty(labels, np.asarray(B.sum(axis=1)).ravel(), k)
        coordinates.labels, self._coordinates = found.labels, coordinates
        self.labels_, self.ncut_ = labels, bipartite_cut(B, labels, k)
        self.objective_ = bipartite_cut(B, labels, k, float(self.balance))
        self.affinity_matrix_ = B
        self.n_connected_components_ = rows.n_components
        self.landmarks_ = marks

    def fit_predict(self, X, y=None):
        """Cut the graph of the rows, and return the cluster of each.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            `labels_`.
        """
        return self.fit(X, y).labels_

    def fit_transform(self, X, y=None):
        """Cut the graph of the rows, and return their spectral coordinates.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_clusters)
            `embedding_`.
        """
        return self.fit(X, y).embedding_

    def predict(self, X):
        """Give new rows to clusters.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows; or their weights to the fitted rows if these are precomputed.

        Returns
        -------
        labels : ndarray of shape (n_samples,)
            Where most of the weight of each row goes; for fitted rows `labels_`.

        Raises
        ------
        ValueError
            If X has another number of columns than at fit, holds NaN or infinity, or
            negative weights.
        """
        check_is_fitted(self)
        X = self._checked(X)
        labels = [
            self._decided(same, self._coordinates.shares(same, weights, self.labels_))
            for same, weights in self._placed(X)
        ]
        return np.concatenate(labels)

    def _has_shares(self):
        """Whether there is `predict_proba`.

        scikit-learn's contract knows it for sparse rows of classifiers alone.
        """
        if not self.__dict__.get("_sparse_rows", False):
            return True
        raise AttributeError(
            "There is no predict_proba after a fit to sparse rows: "
            "ClusterMembership gives the distribution of these over the clusters."
        )

    @available_if(_has_shares)
    def predict_proba(self, X):
        """Distribute rows over the clusters.

        Not after a fit to sparse rows of features: see `ClusterMembership` for these.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `predict`.

        Returns
        -------
        share : ndarray of shape (n_samples, n_clusters)
            Share of the weight of each row that goes to each cluster. A fitted row
            has a weight of 1 to itself, unless weights are precomputed. A row without
            any weight is distributed as the fitted rows are.
        """
        check_is_fitted(self)
        X = self._checked(X)
        share = [
            self._coordinates.shares(same, weights, self.labels_)
            for same, weights in self._placed(X)
        ]
        return np.concatenate(share).astype(X.dtype, copy=False)

    def transform(self, X):
        """Give rows their spectral coordinates.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `predict`.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_clusters)
            For fitted rows `embedding_`. For others its extension, kept within its
            bounds: with weights w, ``w @ embedding_ / (w.sum() * (1 -
            eigenvalues_))``. A coordinate whose eigenvalue is 1 is 0 throughout.
        """
        check_is_fitted(self)
        X = self._checked(X)
        coordinates = [
            self._coordinates.of(same, weights) for same, weights in self._placed(X)
        ]
        return np.concatenate(coordinates).astype(X.dtype, copy=False)

    def score(self, X, y=None):
        """Tell minus the normalised cut of rows, by their weights to the fitted ones.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `predict`.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Of the weight of the rows that `predict` gives to a cluster, the share that
            goes to other clusters; minus the sum of it over the clusters that have
            rows. For the fitted rows ``-ncut_``.
        """
        check_is_fitted(self)
        X = self._checked(X)
        k, place = self._coordinates.k, self._coordinates
        leaves, volume = np.zeros((2, k))
        for same, weights in self._placed(X):
            labels = self._decided(same, place.shares(same, weights, self.labels_))
            to = place.weight_to_clusters(weights, self.labels_)
            whole, within = to.sum(axis=1), to[np.arange(len(to)), labels]
            leaves += np.bincount(labels, whole - within, k)
            volume += np.bincount(labels, whole, k)
        cut = np.divide(leaves, volume, out=np.zeros(k), where=volume > 0)
        return -float(np.maximum(cut, 0.0).sum())

    def _placed(self, X):
        """Which fitted rows the rows equal, and their weights, block by block."""
        step = ROWS_AT_ONCE
        if self.affinity != "nearest_neighbors":
            step = max(1, ENTRIES_AT_ONCE // self.affinity_matrix_.shape[1])
        for start in range(0, X.shape[0], step):
            with one_blas_thread():
                yield self._coordinates.place(X[start : start + step])

    def _decided(self, same, share):
        """Clusters of rows: those of the fitted rows they equal, or by their shares."""
        labels = share.argmax(axis=1)
        labels[same >= 0] = self.labels_[same[same >= 0]]
        return labels

    def __getattr__(self, name):
        coordinates = self.__dict__.get("_coordinates")
        if name in type(self)._lazy and coordinates is not None:
            if name == "embedding_":
                return coordinates.embedding
            spectrum = coordinates.spectrum
            return getattr(spectrum, {"eigenvalues_": "values"}.get(name, name[:-1]))
        if name == "predict_proba":
            # It exists, but for sparse rows: this says so.
            self._has_shares()
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    def _checked(self, X, reset=False):
        """X as float64 or float32 rows, finite."""
        X = as_rows(
            self,
            X,
            reset=reset,
            min_samples=2 if reset else 1,
            accept_sparse=True,
            finite_first=self.affinity == "precomputed",
        )
        values = X.data if sparse.issparse(X) else X
        if values.size:
            # Not their sum, which overflows.
            ends = np.array([values.min(), values.max()])
            raise_if_not_finite(self, X, ends)
        if self.affinity == "precomputed" and not reset:
            check_weights(sparse.csr_array(X))
        return sparse.csr_array(X) if sparse.issparse(X) else X

    def _check_parameters(self):
        """Raise on a parameter out of its range."""
        counts = [("n_clusters", 1), ("n_neighbors", 1), ("n_init", 1)]
        if self.n_landmarks is not None:
            counts.append(("n_landmarks", 2))
        for name, least in counts:
            value = getattr(self, name)
            whole = isinstance(value, Integral) and not isinstance(value, bool)
            if not whole or value < least:
                raise ValueError(
                    f"{name}={value!r} must be an integer of at least {least}."
                )
        jobs = self.n_jobs
        whole = isinstance(jobs, Integral) and not isinstance(jobs, bool)
        if jobs is not None and not (whole and jobs):
            raise ValueError(
                f"n_jobs={jobs!r} must be None or an integer other than 0."
            )
        choices = (
            ("criterion", CRITERIA),
            ("affinity", AFFINITIES),
            ("eigen_solver", SOLVERS),
            ("assign_labels", ROUNDINGS),
            ("refine", (True, False)),
        )
        for name, allowed in choices:
            value = getattr(self, name)
            if not any(type(value) is type(a) and value == a for a in allowed):
                raise ValueError(f"{name}={value!r} must be one of {allowed}.")
        balance, sigma = self.balance, self.sigma
        if not isinstance(balance, Real) or not 0 <= balance <= MOST_BALANCE:
            raise ValueError(
                f"balance={balance!r} must be a number from 0 to {MOST_BALANCE}."
            )
        number = isinstance(sigma, Real) and not isinstance(sigma, bool)
        if not (number and 0 < sigma < np.inf) and not (
            isinstance(sigma, str) and sigma in ("auto", "local")
        ):
            raise ValueError(
                f"sigma={sigma!r} must be a positive number, 'auto' or 'local'."
            )
        self._check_landmarks()

    def _check_landmarks(self):
        """Raise where landmarks cannot do what is asked for."""
        if self.n_landmarks is None:
            return
        if self.affinity != "nearest_neighbors" or self.criterion != "ncut":
            raise ValueError(
                f"n_landmarks={self.n_landmarks} goes with affinity="
                "'nearest_neighbors' and criterion='ncut'; found affinity="
                f"{self.affinity!r} and criterion={self.criterion!r}."
            )
        if self.n_landmarks < self.n_clusters:
            raise ValueError(
                f"n_landmarks={self.n_landmarks} must be at least n_clusters="
                f"{self.n_clusters}."
            )

    @property
    def _n_features_out(self):
        return self.n_clusters

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        precomputed = self.affinity == "precomputed"
        tags.input_tags.sparse = True
        tags.input_tags.pairwise = precomputed
        tags.input_tags.positive_only = precomputed
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
