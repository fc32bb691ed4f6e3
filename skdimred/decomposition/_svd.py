"""Truncated singular value decomposition of rows as they are."""

import warnings

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if

from skdimred._base import guarded
from skdimred.decomposition._fit import SpectralMixin

__all__ = ["TruncatedSVD", "low_rank_factors"]

# A variance of so many roundings of the energy is none.
ROUNDING = 1e-15


class TruncatedSVD(
    SpectralMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find the rank-K matrix closest to X, without centring.

    With weights :math:`w_i` (1 by default), the rows of `components_` solve

    .. math:: \min_{V V^T = I} \sum_i w_i \|x_i - V^T V x_i\|^2 ,

    and are the leading right singular vectors of X, its rows times
    :math:`\sqrt{w_i}`. By the theorem of Eckart and Young [1]_ no matrix of rank K is
    closer to X than :math:`X V^T V = U S V`, in the Frobenius norm as in the spectral
    one. Of the energy :math:`\|X\|_F^2 = \sum_j s_j^2` it keeps :math:`s_1^2 + \dots +
    s_K^2`. On a matrix of words by documents this is latent semantic analysis [2]_.

    Parameters
    ----------
    n_components : int, float in (0, 1), str or None, default=2
        How many components to keep:

        - a number up to ``min(n_samples, n_features)``; weights that sum to more than
          ``n_samples`` take its place;
        - a float: the smallest number whose share of the energy exceeds it. Where the
          mean is far from 0 the first component is about the mean and takes most;
        - "mle", "parallel" or "gavish-donoho": the rules of `PCA`, about the origin;
        - None: all.
    svd_solver : {"auto", "gram", "krylov", "full"}, default="auto"
        As in `PCA`, without centring.
    criterion : {"energy", "directions"}, default="energy"
        What "krylov" has to reach: the energy that the components capture, or the
        components themselves, which costs more where singular values are hardly
        different.
    tol : float, default=1e-3
        For "krylov", about the largest share of the captured energy that may be
        missed, far less being missed where singular values decay; or the sine of the
        angle to the true subspace. For "gram", as in `PCA`, and 1e-6 if `tol` is
        larger.
    random_state : None, int or RandomState, default=None
        Seed of the start of "krylov" and of the permutations of "parallel".

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features_in_)
        Right singular vectors, orthonormal rows by decreasing singular value. The
        entry of largest magnitude of each is positive. A feature that is 0 throughout
        has weight exactly 0 in every component with energy.
    singular_values_ : ndarray of shape (n_components_,)
        Singular values of the (weighted) rows.
    energy_ratio_ : ndarray of shape (n_components_,)
        Share of each squared singular value in the sum of all.
    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the scores, over the sum of the weights. Not in decreasing order,
        as the mean is not taken off.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        The same over the variance of X; 0 where that is 0.
    compression_ratio_ : float
        Numbers that U, S and V hold over those of a dense X: ``K (n + p + 1) / (n p)``.
    n_components_ : int
        Number of components kept.
    n_samples_ : int
        Number of rows of positive weight seen.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.
    svd_solver_ : {"gram", "qr", "full", "krylov", "arpack"}
        What ran, as in `PCA`.
    residual_ : float
        Largest :math:`\|X^T X v - s^2 v\| / s_1^2` over the components; for "krylov"
        as the recurrence gives it.

    See Also
    --------
    sklearn.decomposition.TruncatedSVD : The built-in, for a number of components.
    PCA : The same with the mean taken off.
    low_rank_factors : X as a product of two thin matrices.

    Notes
    -----
    Sparse X is not made dense, and no X is copied but by "full". Costs are those of
    `PCA`.

    References
    ----------
    .. [1] C. Eckart and G. Young, "The approximation of one matrix by another of lower
           rank", Psychometrika 1 (1936), 211-218. https://doi.org/10.1007/BF02288367
    .. [2] S. Deerwester, S. T. Dumais, G. W. Furnas, T. K. Landauer and R. Harshman,
           "Indexing by latent semantic analysis", Journal of the American Society for
           Information Science 41 (1990), 391-407.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.decomposition import TruncatedSVD
    >>> X = load_digits().data
    >>> svd = TruncatedSVD(n_components=0.9).fit(X)
    >>> svd.n_components_, svd.energy_ratio_[:2].round(3)
    (9, array([0.696, 0.047]))
    >>> round(svd.compression_ratio_, 3)
    0.146
    """

    _centers = False
    _needs_spread = False
    _lazy = frozenset(
        {
            "components_",
            "singular_values_",
            "energy_ratio_",
            "explained_variance_",
            "explained_variance_ratio_",
            "compression_ratio_",
            "n_components_",
            "n_samples_",
            "svd_solver_",
            "residual_",
            "_cancellation",
        }
    )
    _energy = "energy"

    def __init__(
        self,
        n_components=2,
        *,
        svd_solver="auto",
        criterion="energy",
        tol=1e-3,
        random_state=None,
    ):
        self.n_components = n_components
        self.svd_solver = svd_solver
        self.criterion = criterion
        self.tol = tol
        self.random_state = random_state

    @guarded
    def fit(self, X, y=None, sample_weight=None):
        """Fit the components to the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or other rows
            Neither copied nor changed. Also the path of an ``.npy`` file, or an
            iterator of blocks of rows or of pairs (rows, sample_weight).
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : TruncatedSVD
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range, if `n_components` is more than
            ``min(n_samples, n_features)``, or if X holds NaN or infinity. If a share of
            the energy takes "krylov" more than 1000 components, or if sparse rows or
            "krylov" are asked for all of more than 4000.
        """
        if not self._fit_rows(X, sample_weight):
            warnings.warn(
                "Every entry of X is 0: there is no energy, and all ratios are 0.",
                UserWarning,
                stacklevel=3,
            )
        return self

    @available_if(SpectralMixin._can_stream)
    @guarded
    def partial_fit(self, X, y=None, sample_weight=None):
        """Add rows to those seen so far; the answer is that of one `fit` on all.

        Adds to a p x p matrix; its eigenproblem is solved when `components_`,
        `transform` or another result is first asked for.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            One or more rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : TruncatedSVD
            The fitted estimator. While fewer rows than components have been seen, the
            last components have no energy.

        Raises
        ------
        ValueError
            As `fit`; if X has another number of features than before; or if the
            estimator was fitted by `fit` in a way that keeps no scatter to add to: to
            fewer rows than features, or by "krylov".
        """
        return self._add_rows(X, sample_weight)

    @available_if(SpectralMixin._can_stream)
    @guarded
    def merge(self, other):
        """Add the rows that another TruncatedSVD has seen.

        Parameters
        ----------
        other : TruncatedSVD
            Fitted; not changed.

        Returns
        -------
        self : TruncatedSVD
            The fitted estimator, with its own parameters.

        Raises
        ------
        ValueError
            If the numbers of features differ, or if one of them keeps no scatter (see
            `partial_fit`).
        TypeError
            If `other` is not a TruncatedSVD.
        """
        return self._merge(other)

    def _set_spectrum(self, solved, n_rows, weight, dtype):
        spectrum, mean = solved.spectrum, solved.mean
        V, squares, total = spectrum.vectors, spectrum.squares, spectrum.total
        k, p = V.shape
        if np.sqrt(squares[0]) > np.finfo(dtype).max:
            raise ValueError(
                f"The singular values of X, up to {np.sqrt(squares[0]):.3g}, overflow "
                f"{dtype}: rescale the features or give them as float64."
            )
        # The mean of the scores is that of the rows, projected.
        if solved.moments is not None:
            scatter = solved.moments.scatter
            variance = np.einsum("ij,ij->i", V @ scatter, V) / weight
            spread = float(np.trace(scatter)) / weight
        else:
            variance = squares / weight - (V @ mean) ** 2
            spread = total / weight - mean @ mean
        variance[variance <= ROUNDING * squares / weight] = 0.0
        spread = spread if spread > ROUNDING * total / weight else np.inf
        energy = squares / (total if total > 0 else np.inf)
        self.components_ = V.astype(dtype, copy=False)
        self.singular_values_ = np.sqrt(squares).astype(dtype, copy=False)
        self.energy_ratio_ = energy.astype(dtype, copy=False)
        self.explained_variance_ = variance.astype(dtype, copy=False)
        self.explained_variance_ratio_ = (variance / spread).astype(dtype, copy=False)
        self.compression_ratio_ = k * (n_rows + p + 1) / (n_rows * p)
        self.n_components_ = k
        self.n_samples_ = n_rows
        self.svd_solver_ = solved.solver
        self.residual_ = spectrum.residual
        self._cancellation = 0.0

    def _linear_map(self):
        return np.zeros(self.n_features_in_), self.components_.T

    def transform(self, X):
        """Project rows on the components.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to project.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            ``X @ components_.T``: on the fitted rows, U S. Float32 for float32 rows,
            float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        return self._scores(X)

    def inverse_transform(self, X):
        """Map scores back to rows of the data space.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Scores, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            The closest rows that so few components make, always dense.

        Raises
        ------
        ValueError
            If X has not `n_components_` columns, or holds NaN or infinity.
        """
        scores = self._checked_scores(X)
        return scores @ self.components_.astype(scores.dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = self.svd_solver != "full"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def low_rank_factors(X, n_components=None, *, random_state=None):
    r"""Write X as a product of two thin matrices.

    With the singular value decomposition :math:`X = U S V`, A is :math:`U \sqrt S` and
    B is :math:`\sqrt S V`, so that both have the same scale. A B is the closest matrix
    of its rank to X, and X itself where the number of components is the rank of X (the
    full-rank factorisation).

    Parameters
    ----------
    X : array-like or sparse matrix of shape (n_samples, n_features)
        The matrix.
    n_components : int, float in (0, 1), str or None, default=None
        Columns of A, as in `TruncatedSVD`; None for the rank of X.
    random_state : None, int or RandomState, default=None
        As in `TruncatedSVD`.

    Returns
    -------
    A : ndarray of shape (n_samples, k)
        Left factor, orthogonal columns.
    B : ndarray of shape (k, n_features)
        Right factor, orthogonal rows.

    Raises
    ------
    ValueError
        As `TruncatedSVD.fit`.

    Examples
    --------
    >>> import numpy as np
    >>> from skdimred.decomposition import low_rank_factors
    >>> X = np.array([[1.0, 3.0, 2.0], [2.0, 2.0, 4.0], [3.0, 3.0, 6.0]])
    >>> A, B = low_rank_factors(X)
    >>> A.shape, B.shape, bool(np.allclose(A @ B, X))
    ((3, 2), (2, 3), True)
    """
    svd = TruncatedSVD(n_components, criterion="directions", random_state=random_state)
    if n_components is None:
        # The rank is read off the singular values, small ones included.
        svd.set_params(tol=1e-12)
    scores = svd.fit_transform(X)
    s, V = svd.singular_values_, svd.components_
    if n_components is None:
        rounding = max(scores.shape[0], V.shape[1]) * np.finfo(V.dtype).eps
        positive = s > rounding * s.max(initial=0.0)
        scores, s, V = scores[:, positive], s[positive], V[positive]
    root = np.sqrt(s)
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    return scores * inverse, root[:, np.newaxis] * V
