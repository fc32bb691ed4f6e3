"""Principal component analysis of rows that may be weighted, streamed, sparse, far."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if

from skdimred._base import guarded
from skdimred._checks import as_sample_weight, raise_if_not_finite
from skdimred._sklearn import as_rows
from skdimred.blocks import opened
from skdimred.decomposition._fit import ROUNDED, SpectralMixin, most_components
from skdimred.numerics.centering import cancellation
from skdimred.numerics.likelihood import log_density

__all__ = ["PCA"]

DENSE_BYTES = 4 << 20


class PCA(
    SpectralMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
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
    n_components : int, float in (0, 1), str or None, default=None
        How many components to keep:

        - a number up to ``min(n_samples, n_features)``; weights that sum to more than
          ``n_samples`` take its place;
        - a float: the smallest number whose share of the variance exceeds it;
        - "mle": the rank with most evidence under probabilistic PCA [4]_;
        - "parallel": the components whose variance exceeds the 95 % quantile of what
          20 random permutations of each column give [5]_;
        - "gavish-donoho": the singular values worth keeping to denoise a matrix, those
          above the median times a factor of the aspect ratio [6]_;
        - None: all.
    center : bool, default=True
        Whether the mean is taken off. Without it `mean_` is 0, and variance means the
        mean square about the origin.
    svd_solver : {"auto", "gram", "krylov", "full"}, default="auto"
        - "gram": eigenvectors of the smaller Gram matrix of the centred rows, p x p
          in one pass over X or n x n, with a refinement where singular values are too
          small for it (see `tol`).
        - "krylov": block Lanczos, a few passes over X for the leading components alone
          [7]_.
        - "full": LAPACK's SVD of a centred copy of X.
        - "auto": with d the smaller and D the larger of both sizes of X and K
          components, "gram" if ``d (1 + d / D) <= 420 (1 + K / 10) ** 0.62`` (for
          float32 rows, ``d (1 + d / (2 D)) <= 400 (1 + K / 10) ** 0.35``) or if K is
          not known beforehand; "krylov" otherwise, and for a share of the variance
          with d over 8000. Sparse: "gram" if ``d <= 10 (K + 60)`` and up to 4000.

        But for "full", X is not copied, and sparse X is not made dense.
    criterion : {"directions", "variance"}, default="directions"
        What "krylov" has to reach: the directions, or the variance that they capture,
        which is cheaper where the eigenvalues are hardly different.
    whiten : bool, default=False
        Scale scores to unit variance. Components without variance give scores of 0.
    tol : float, default=1e-6
        For "gram", relative error allowed in the smallest eigenvalue kept. A Gram
        matrix gives it to about ``eps * (s_1 / s_k) ** 2``; where that is more than
        `tol`, the singular values are refined. For float32 rows values below 1e-4
        count as 1e-4. For "krylov", sine of the angle to the true subspace, as long as
        the eigenvalue after it is smaller by 1 %; or the share of the captured
        variance that may be missed. Products with float32 rows know an angle to about
        ``1e-7 * (s_1 / s_k) ** 2``, whatever `tol`.
    random_state : None, int or RandomState, default=None
        Seed of the start of "krylov", which moves what it finds by less than `tol`,
        and of the permutations of "parallel".

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
    svd_solver_ : {"gram", "qr", "full", "krylov", "arpack"}
        What ran: "qr" is "gram" refined through a triangular root of the rows;
        "arpack" is "krylov" by a single vector, for few components of sparse rows at a
        `tol` of 1e-7 or less.
    residual_ : float
        Largest :math:`\|C v - \lambda v\| / \lambda_1` over the components; for
        "krylov" as the recurrence gives it.

    See Also
    --------
    sklearn.decomposition.PCA : The built-in, without weights or `partial_fit`.
    TruncatedSVD : The same about the origin, with the share of the energy.
    skdimred.discriminant_analysis.RatioLDA : Directions that separate classes.

    Notes
    -----
    Sums are taken around a provisional centre, so that data far from the origin keep
    their digits; a covariance computed as ``X'X - n m m'`` loses ``(mean / std) ** 2``
    of them.

    For n rows and p features, d the smaller and D the larger, "gram" takes ``D d**2``
    multiply-adds in one pass over X, an eigenproblem of size d and memory ``O(d**2)``
    beside X; "krylov" ``2 n p`` for each of some 4 to 10 K vectors, 8 or 16 of them a
    pass, more where eigenvalues hardly differ, and memory ``O(K d)``. Weights act as
    repetition: an integer weight equals that many copies of the row, 0 equals leaving
    it out.

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
    .. [4] T. P. Minka, "Automatic choice of dimensionality for PCA", Advances in
           Neural Information Processing Systems 13 (2000), 598-604.
    .. [5] J. L. Horn, "A rationale and test for the number of factors in factor
           analysis", Psychometrika 30 (1965), 179-185.
           https://doi.org/10.1007/BF02289447
    .. [6] M. Gavish and D. L. Donoho, "The optimal hard threshold for singular values
           is 4/sqrt(3)", IEEE Transactions on Information Theory 60 (2014), 5040-5053.
           https://doi.org/10.1109/TIT.2014.2323359
    .. [7] C. Musco and C. Musco, "Randomized block Krylov methods for stronger and
           faster approximate singular value decomposition", NeurIPS 2015.
           https://arxiv.org/abs/1504.05477

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

    _energy = "variance"
    _needs_spread = True
    _lazy = frozenset(
        {
            "components_",
            "explained_variance_",
            "explained_variance_ratio_",
            "singular_values_",
            "mean_",
            "n_components_",
            "noise_variance_",
            "n_samples_",
            "svd_solver_",
            "residual_",
            "_cancellation",
        }
    )

    def __init__(
        self,
        n_components=None,
        *,
        center=True,
        svd_solver="auto",
        criterion="directions",
        whiten=False,
        tol=1e-6,
        random_state=None,
    ):
        self.n_components = n_components
        self.center = center
        self.svd_solver = svd_solver
        self.criterion = criterion
        self.whiten = whiten
        self.tol = tol
        self.random_state = random_state

    @property
    def _centers(self):
        return bool(self.center)

    @guarded
    def fit(self, X, y=None, sample_weight=None):
        """Fit the components to the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or other rows
            At least two rows. Float arrays are neither copied nor changed;
            memory-mapped ones are read block by block. Sparse ones are centred
            implicitly. Also the path of an ``.npy`` file, or an iterator of blocks of
            rows or of pairs (rows, sample_weight), read once and solved as
            `partial_fit` would.
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
            positive weight, or if X holds NaN or infinity. If a share of the variance
            takes "krylov" more than 1000 components, or if sparse rows or "krylov" are
            asked for all of more than 4000.
        """
        if not self._fit_rows(X, sample_weight):
            about = "" if self.center else " 0"
            warnings.warn(
                f"Every feature of X is constant{about}: there is no variance to "
                "explain, and all ratios are 0.",
                UserWarning,
                stacklevel=3,
            )
        return self

    @available_if(SpectralMixin._can_stream)
    @guarded
    def partial_fit(self, X, y=None, sample_weight=None):
        """Add rows to those seen so far; the answer is that of one `fit` on all.

        Exact for any split, one row at a time included. Adds to the p x p scatter;
        its eigenproblem is solved when `components_`, `transform` or another result is
        first asked for. Singular values below 1e-7 of the largest are not resolved
        unless they come from features of uneven scale.

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
        self : PCA
            The fitted estimator. While fewer rows than components have been seen, the
            last components have no variance.

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
        """Add the rows that another PCA has seen; the answer is that of one fit on all.

        Parameters
        ----------
        other : PCA
            Fitted; not changed.

        Returns
        -------
        self : PCA
            The fitted estimator, with its own parameters.

        Raises
        ------
        ValueError
            If the numbers of features differ, or if one of them keeps no scatter (see
            `partial_fit`).
        TypeError
            If `other` is not a PCA.
        """
        return self._merge(other)

    def _set_spectrum(self, solved, n_rows, weight, dtype):
        spectrum, mean = solved.spectrum, solved.mean
        if not self.center:
            mean = np.zeros_like(mean)
        degrees = weight - 1 if weight > 1 + ROUNDED else np.inf
        k, p = spectrum.vectors.shape
        variance = spectrum.squares / degrees
        if np.finfo(dtype).max < variance[0]:
            raise ValueError(
                f"The variance of X, {variance[0]:.3g}, overflows {dtype}: rescale the "
                "features or give them as float64."
            )
        total = spectrum.total if spectrum.total > 0 else np.inf
        left_out = most_components(n_rows, weight, p) - k
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
        self.svd_solver_ = solved.solver
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
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        scores = self._checked_scores(X)
        if self.whiten:
            scores = scores * np.sqrt(self.explained_variance_).astype(scores.dtype)
        rows = scores @ self.components_.astype(scores.dtype, copy=False) + self.mean_
        return rows.astype(scores.dtype, copy=False)

    def score_samples(self, X):
        """Log-likelihood of each row under probabilistic PCA.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        X = as_rows(self, opened(X), accept_sparse=True)
        if not sparse.issparse(X):
            return self._log_density(X)
        X = X.tocsr()
        step = max(16, DENSE_BYTES // (8 * X.shape[1]))
        starts = range(0, X.shape[0], step)
        return np.concatenate(
            [self._log_density(X[i : i + step].toarray()) for i in starts]
        )

    def _log_density(self, X):
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
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        tags.input_tags.sparse = self.svd_solver != "full"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
