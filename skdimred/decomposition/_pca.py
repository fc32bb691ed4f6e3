"""Principal component analysis of rows that may be weighted, streamed or off-centre."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_array

from skdimred._base import LinearMapMixin, guarded
from skdimred._sklearn import as_rows, as_sample_weight, raise_if_not_finite
from skdimred.decomposition._spectrum import (
    full_spectrum,
    scatter_spectrum,
    summarise,
    tall_spectrum,
    wide_spectrum,
)
from skdimred.numerics.centering import cancellation
from skdimred.numerics.likelihood import log_density

__all__ = ["PCA"]

# A sum of weights this close to 1 was meant to be 1.
ROUNDED = 1e-6
SVD_SOLVERS = ("auto", "gram", "full")


def _check_weight(n, weight):
    if weight <= 1 + ROUNDED:
        raise ValueError(
            f"sample_weight sums to {weight:g}, but weights count as repetitions of a "
            "row and the variance divides by their sum minus 1. Multiply them, for "
            f"instance by {n}/{weight:g} so that they average 1."
        )


def _plain_number(n_components):
    """The parameter as int, float or None, whichever numpy or other type it has."""
    if n_components is None or isinstance(n_components, Integral):
        return n_components and int(n_components)
    return float(n_components)


def _most_components(n_rows, weight, p):
    """How many components there can be; weights count as repetitions of rows."""
    return min(max(n_rows, int(weight * (1 + 1e-12))), p)


class PCA(
    LinearMapMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find the directions of maximal variance, exactly.

    With weights :math:`w_i` (1 by default), mean :math:`m` and covariance :math:`C =
    \sum_i w_i (x_i - m)(x_i - m)^T / (\sum_i w_i - 1)`, the rows of `components_`
    solve two problems at once [1]_ [2]_:

    .. math:: \max_{V V^T = I} \operatorname{tr} V C V^T
              \qquad\text{and}\qquad
              \min_{V V^T = I} \sum_i w_i \|(x_i - m) - V^T V (x_i - m)\|^2 ,

    whose common answer is :math:`C v = \lambda v` for the largest :math:`\lambda`.

    Parameters
    ----------
    n_components : int, float in (0, 1) or None, default=None
        How many components to keep: a number up to ``min(n_samples, n_features)``;
        the smallest number whose share of the variance exceeds a float; or all.
        Weights that sum to more than ``n_samples`` take its place.
    svd_solver : {"auto", "gram", "full"}, default="auto"
        - "gram": eigenvectors of the smaller Gram matrix of the centred rows, p x p
          in one pass over X or n x n, with a refinement where singular values are too
          small for it (see `tol`). X is not copied.
        - "full": LAPACK's SVD of a centred copy of X.
        - "auto": "gram".
    whiten : bool, default=False
        Scale scores to unit variance. Components without variance give scores of 0.
    tol : float, default=1e-6
        Relative error allowed in the smallest eigenvalue kept. A Gram matrix gives it
        to about ``eps * (s_1 / s_k) ** 2``; where that is more than `tol`, the
        singular values are refined. For float32 rows values below 1e-4 count as 1e-4.
    random_state : None, int or RandomState, default=None
        Not used by the present solvers, which are deterministic. Accepted so that
        a PCA can be swapped for scikit-learn's.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features_in_)
        Orthonormal rows by decreasing variance. The entry of largest magnitude of
        each is positive. A constant feature has weight exactly 0 in every component
        with variance.
    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the scores, with denominator ``sum(sample_weight) - 1``.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        The eigen-ratio: share of each eigenvalue in the sum of all.
    singular_values_ : ndarray of shape (n_components_,)
        Singular values of the centred (and weighted) rows.
    mean_ : ndarray of shape (n_features_in_,)
        Weighted mean, float64 also for float32 rows: its rounding would not be small
        beside the spread of data far from the origin.
    n_components_ : int
        Number of components kept.
    noise_variance_ : float
        Mean of the eigenvalues left out, the noise of probabilistic PCA [3]_.
    n_samples_ : int
        Number of rows of positive weight seen.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.
    svd_solver_ : {"gram", "qr", "full"}
        What ran: "qr" is "gram" refined through a triangular root of the rows.
    residual_ : float
        Largest :math:`\|C v - \lambda v\| / \lambda_1` over the components.

    See Also
    --------
    sklearn.decomposition.PCA : The built-in, without weights or `partial_fit`.
    skdimred.discriminant_analysis.RatioLDA : Directions that separate classes.

    Notes
    -----
    Sums are taken around a provisional centre, so that data far from the origin keep
    their digits; a covariance computed as ``X'X - n m m'`` loses ``(mean / std) ** 2``
    of them.

    For n rows and p features, d the smaller and D the larger: ``D d**2`` multiply-adds
    in one pass over X, an eigenproblem of size d, memory ``O(d**2)`` beside X. Weights
    act as repetition: an integer weight equals that many copies of the row, 0 equals
    leaving it out.

    References
    ----------
    .. [1] K. Pearson, "On lines and planes of closest fit to systems of points in
           space", Philosophical Magazine 2 (1901), 559-572.
           https://doi.org/10.1080/14786440109462720
    .. [2] H. Hotelling, "Analysis of a complex of statistical variables into principal
           components", Journal of Educational Psychology 24 (1933), 417-441.
           https://doi.org/10.1037/h0071325
    .. [3] M. E. Tipping and C. M. Bishop, "Probabilistic principal component
           analysis", Journal of the Royal Statistical Society B 61 (1999), 611-622.
           https://doi.org/10.1111/1467-9868.00196

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdimred.decomposition import PCA
    >>> X = load_iris().data
    >>> pca = PCA(n_components=0.95).fit(X)
    >>> pca.n_components_
    2
    >>> pca.explained_variance_ratio_.round(3)
    array([0.925, 0.053])
    >>> pca.transform(X).shape
    (150, 2)
    """

    def __init__(
        self,
        n_components=None,
        *,
        svd_solver="auto",
        whiten=False,
        tol=1e-6,
        random_state=None,
    ):
        self.n_components = n_components
        self.svd_solver = svd_solver
        self.whiten = whiten
        self.tol = tol
        self.random_state = random_state

    @guarded
    def fit(self, X, y=None, sample_weight=None):
        """Fit the components to the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            At least two rows. Float arrays are neither copied nor changed;
            memory-mapped ones are read block by block.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : PCA
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range, if `n_components` is more than
            ``min(n_samples, n_features)``, if there are fewer than two rows of
            positive weight, or if X holds NaN or infinity.
        """
        self._check_parameters()
        X = as_rows(self, X, reset=True, min_samples=2)
        sample_weight = as_sample_weight(sample_weight, len(X))
        n, p = X.shape
        weight = float(n)
        if sample_weight is not None:
            n, weight = int(np.count_nonzero(sample_weight)), float(sample_weight.sum())
        limit = _most_components(n, weight, p)
        self._check_counts(n, weight, p, limit)
        problem = X, sample_weight, _plain_number(self.n_components), limit
        check_finite = partial(raise_if_not_finite, self, X)
        solve = tall_spectrum if len(X) >= p else wide_spectrum
        if self.svd_solver == "full":
            solve = full_spectrum
        moments, mean, spectrum, solver = solve(*problem, self.tol, check_finite)
        self._set_spectrum(spectrum, mean, n, weight, solver, X.dtype)
        self._moments = moments
        if spectrum.total <= 0:
            warnings.warn(
                "Every feature of X is constant: there is no variance to explain, and "
                "all ratios are 0.",
                UserWarning,
                stacklevel=3,
            )
        return self

    @guarded
    def partial_fit(self, X, y=None, sample_weight=None):
        """Add rows to those seen so far; the answer is that of one `fit` on all.

        Exact for any split, one row at a time included. Keeps the p x p scatter and
        solves its eigenproblem at every call, so larger blocks cost less; singular
        values below 1e-7 of the largest are not resolved unless they come from
        features of uneven scale.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            One or more rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : PCA
            The fitted estimator. While fewer rows than components have been seen, the
            last components have no variance.

        Raises
        ------
        ValueError
            As `fit`; if X has another number of features than before; or if the
            estimator was fitted to fewer rows than features by `fit`, which keeps no
            scatter to add to.
        """
        self._check_parameters()
        first = not hasattr(self, "components_")
        if not first and self._moments is None:
            raise ValueError(
                "This PCA was fitted by fit() with "
                f"svd_solver_='{self.svd_solver_}' to n_samples_={self.n_samples_} "
                f"rows of n_features_in_={self.n_features_in_} features, which leaves "
                "no scatter matrix to add rows to. Start from a new PCA and call "
                "partial_fit for every block."
            )
        X = as_rows(self, X, reset=first)
        sample_weight = as_sample_weight(sample_weight, len(X))
        p = X.shape[1]
        is_number = isinstance(self.n_components, Integral)
        if is_number and self.n_components > p:
            raise ValueError(
                f"n_components={self.n_components} must be at most n_features={p}."
            )
        moments = summarise(X, sample_weight)
        raise_if_not_finite(self, X, moments.scatter.diagonal())
        if not first:
            moments = self._moments.merge(moments)
        if moments.n_rows > 1:
            _check_weight(moments.n_rows, moments.weight)
        limit = p
        if not is_number:
            limit = _most_components(moments.n_rows, moments.weight, p)
        # Without the rows there is nothing better to turn to: np.inf takes it.
        for tol in (self.tol, np.inf):
            spectrum, solver = scatter_spectrum(
                moments, _plain_number(self.n_components), limit, tol
            )
            if spectrum is not None:
                break
        dtype = X.dtype if first else np.result_type(X, self.components_)
        self._set_spectrum(
            spectrum, moments.mean, moments.n_rows, moments.weight, solver, dtype
        )
        self._moments = moments
        return self

    def _check_parameters(self):
        k = self.n_components
        share = isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1
        if isinstance(k, (bool, np.bool_)) or not (
            k is None or share or (isinstance(k, Integral) and k >= 1)
        ):
            raise ValueError(
                f"n_components={k!r} must be an integer of at least 1, a float in "
                "(0, 1) (a share of the variance), or None (all)."
            )
        if not (isinstance(self.svd_solver, str) and self.svd_solver in SVD_SOLVERS):
            raise ValueError(
                f"svd_solver={self.svd_solver!r} must be one of {SVD_SOLVERS}."
            )
        if not isinstance(self.whiten, (bool, np.bool_)):
            raise ValueError(f"whiten={self.whiten!r} must be True or False.")
        if not (isinstance(self.tol, Real) and self.tol >= 0):
            raise ValueError(f"tol={self.tol!r} must be a number of at least 0.")

    def _check_counts(self, n, weight, p, limit):
        if n < 2:
            raise ValueError(
                f"n_samples={n} with a positive weight: the variance of fewer than two "
                "rows is not defined."
            )
        _check_weight(n, weight)
        if isinstance(self.n_components, Integral) and self.n_components > limit:
            raise ValueError(
                f"n_components={self.n_components} must be at most "
                f"min(n_samples, n_features)=min({max(n, int(weight))}, {p})={limit}."
            )

    def _set_spectrum(self, spectrum, mean, n_rows, weight, solver, dtype):
        degrees = weight - 1 if weight > 1 + ROUNDED else np.inf
        k, p = spectrum.vectors.shape
        variance = spectrum.squares / degrees
        if np.finfo(dtype).max < variance[0]:
            raise ValueError(
                f"The variance of X, {variance[0]:.3g}, overflows {dtype}: rescale the "
                "features or give them as float64."
            )
        total = spectrum.total if spectrum.total > 0 else np.inf
        left_out = _most_components(n_rows, weight, p) - k
        noise = spectrum.rest / degrees / left_out if left_out > 0 else 0.0
        self.components_ = spectrum.vectors.astype(dtype, copy=False)
        self.explained_variance_ = variance.astype(dtype, copy=False)
        ratio = spectrum.squares / total
        self.explained_variance_ratio_ = ratio.astype(dtype, copy=False)
        self.singular_values_ = np.sqrt(spectrum.squares).astype(dtype, copy=False)
        self.mean_ = mean
        self.n_components_ = k
        self.noise_variance_ = float(noise)
        self.n_samples_ = n_rows
        self.svd_solver_ = solver
        self.residual_ = spectrum.residual
        self._cancellation = cancellation(mean, self.components_.T, np.sqrt(variance))

    def _linear_map(self):
        return self.mean_, self.components_.T

    def _whitening(self):
        """Factors (k,) from scores to unit variance; 0 without variance."""
        std = np.sqrt(self.explained_variance_)
        return np.divide(1, std, out=np.zeros_like(std), where=std > 0)

    def transform(self, X):
        """Project rows on the components.

        Each row is treated by itself: its scores do not depend on the other rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to project.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            ``(X - mean_) @ components_.T``, over the standard deviation of each
            component if `whiten`. Float32 for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        scores = self._scores(X)
        if self.whiten:
            scores *= self._whitening().astype(scores.dtype, copy=False)
        return scores

    def inverse_transform(self, X):
        """Map scores back to rows of the data space.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Scores, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            The point of the principal subspace with these scores; the rows
            themselves where no component was left out.

        Raises
        ------
        ValueError
            If X has not `n_components_` columns, or holds NaN or infinity.
        """
        self._check_ready()
        scores = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if scores.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {scores.shape[1]} columns, but inverse_transform takes scores "
                f"on n_components_={self.n_components_} components."
            )
        if self.whiten:
            scores = scores * np.sqrt(self.explained_variance_).astype(scores.dtype)
        rows = scores @ self.components_.astype(scores.dtype, copy=False) + self.mean_
        return rows.astype(scores.dtype, copy=False)

    def score_samples(self, X):
        """Log-likelihood of each row under probabilistic PCA.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            In nats, float64. Where the fitted rows leave directions without variance
            (fewer rows than features and all components kept, say), the model is a
            normal on a subspace: the density within it for rows that lie on it, and
            -inf for the others.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        self._check_ready()
        X = as_rows(self, X)
        Z = X - self.mean_
        raise_if_not_finite(self, X, Z)
        positive = self.explained_variance_ > 0
        return log_density(
            Z,
            self.components_[positive],
            self.explained_variance_[positive],
            self.noise_variance_,
        )

    def score(self, X, y=None, sample_weight=None):
        """Mean log-likelihood of the rows under probabilistic PCA.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        log_likelihood : float
            In nats a row; see `score_samples`.

        Raises
        ------
        ValueError
            As `score_samples`, and for bad weights.
        """
        density = self.score_samples(X)
        weight = as_sample_weight(sample_weight, len(density))
        return float(np.average(density, weights=weight))

    def get_covariance(self):
        """Covariance of the probabilistic model.

        Returns
        -------
        covariance : ndarray of shape (n_features_in_, n_features_in_)
            ``V' diag(explained_variance_ - noise_variance_) V + noise_variance_ I``.
        """
        self._check_ready()
        V, noise = self.components_, self.noise_variance_
        covariance = (V.T * np.maximum(self.explained_variance_ - noise, 0)) @ V
        covariance.flat[:: len(covariance) + 1] += noise
        return covariance

    def get_precision(self):
        """Inverse of the covariance of the probabilistic model.

        Returns
        -------
        precision : ndarray of shape (n_features_in_, n_features_in_)
            By the matrix inversion lemma, from the components alone.

        Raises
        ------
        ValueError
            If the model has directions without variance.
        """
        self._check_ready()
        V, noise = self.components_, self.noise_variance_
        rank = int(np.count_nonzero(self.explained_variance_ > 0))
        if rank < len(V) or (rank < V.shape[1] and noise <= 0):
            raise ValueError(
                f"The fitted rows have variance in {rank} directions of {V.shape[1]} "
                "only, so their covariance has no inverse. Choose n_components below "
                f"{rank}."
            )
        inverse_noise = 1 / noise if len(V) < V.shape[1] else 0.0
        precision = (V.T * (1 / self.explained_variance_ - inverse_noise)) @ V
        precision.flat[:: len(precision) + 1] += inverse_noise
        return precision

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
