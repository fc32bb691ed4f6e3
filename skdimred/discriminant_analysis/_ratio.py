"""Ratio discriminant analysis: between-class over within-class scatter."""

from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)

from skdimred.discriminant_analysis._fit import DiscriminantMixin
from skdimred.discriminant_analysis._solution import Task
from skdimred.numerics.pencil import eigh_directions, ratio_directions
from skdimred.numerics.signs import fix_signs

__all__ = ["RatioLDA"]

SOLVERS = ("auto", "gram", "eigh", "qr", "dual", "cg")
METRICS = ("within", "total", "orthogonal")


class RatioLDA(
    DiscriminantMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find the directions in which classes lie far apart for their width.

    With class shares (priors) :math:`\pi_k`, class means :math:`m_k`, their mean
    :math:`\bar m = \sum_k \pi_k m_k` and weights :math:`w_i` (1 by default),

    .. math:: S_b = \sum_k \pi_k (m_k - \bar m)(m_k - \bar m)^T, \qquad
              S_w = \frac{1}{\sum_i w_i} \sum_i w_i (x_i - m_{y_i})(x_i - m_{y_i})^T ,

    the columns of `scalings_` solve [1]_ [2]_

    .. math:: \max_{W^T S_w W = I} \operatorname{tr} W^T S_b W
              \iff S_b v = \lambda S_w v .

    K class means lie in an affine space of dimension K - 1, so :math:`S_b` has at most
    rank K - 1, and there are at most ``min(p, K - 1)`` useful directions.

    Parameters
    ----------
    n_components : int or None, default=None
        How many directions to keep, at most ``min(n_features, n_classes - 1)``. None
        keeps all that separate the class means: fewer if the means are collinear.
    solver : {"auto", "gram", "eigh", "qr", "dual", "cg"}, default="auto"
        - "gram": Cholesky factor of the p x p within-class scatter and a thin SVD of
          the whitened class means. One pass over X.
        - "eigh": the same pencil through `scipy.linalg.eigh`. Ratios below ``p * eps``
          of the largest are lost in its rounding and left out.
        - "qr": a triangular root of the within-class scatter from the rows, for
          nearly collinear features. Two passes over X.
        - "dual": the n x n Gram matrix; never a p x p one. Sees the units of the
          features: bring them to one scale first.
        - "cg": conjugate gradients on products with the rows, for sparse rows too many
          both ways; neither matrix is formed. Needs `shrinkage`.
        - "auto": "dual" if ``n_samples <= n_features``; otherwise "gram", and "qr" if
          the scatter proves nearly singular (rcond < 1e-12 in units of the
          within-class standard deviations). For sparse rows "cg" takes over from
          "dual" above 2000 rows, and from "gram" above 4000 features.
    shrinkage : None, float in [0, 1], "ledoit-wolf", "oas" or "auto", default=None
        Replaces :math:`S_w` by :math:`(1 - a) S_w + a\, (\operatorname{tr} S_w / p)
        I`, with `a` as given or estimated; :math:`S_b` is left alone. "auto" is
        "ledoit-wolf", and so is None for the solver "cg".
    metric : {"within", "total", "orthogonal"}, default="within"
        What the directions are orthonormal in. They span the same space, whose classes
        are as far apart, and predictions are the same.

        - "within": :math:`W^T S_w W = I`; distances between scores are Mahalanobis
          distances.
        - "total": :math:`W^T (S_b + S_w) W = I` (uncorrelated discriminant analysis
          [4]_): scores are uncorrelated with unit variance over all rows, if the
          priors are the class shares and without shrinkage.
        - "orthogonal": :math:`W^T W = I` (orthogonal discriminant analysis [4]_): the
          first direction, and what each further one adds at a right angle.
    priors : array-like of shape (n_classes,) or None, default=None
        Class shares; None takes them from the weights of the rows. They enter
        :math:`S_b` and the predictions, not :math:`S_w`.
    tol : float, default=1e-12
        Class means closer together than this along a direction, in units of the
        within-class standard deviation, or of the largest distance, count as equal.
    cg_tol : float, default=1e-4
        For "cg", residual at which the directions are found, relative. Eigenvalues are
        right to about its square.
    max_iter : int, default=1000
        For "cg", most iterations.

    Attributes
    ----------
    scalings_ : ndarray of shape (n_features_in_, n_components_)
        Directions as columns, by decreasing eigenvalue, the entry of largest
        magnitude of each positive. A constant feature has weight exactly 0.
    eigenvalues_ : ndarray of shape (n_components_,)
        Between- over within-class scatter along each direction; infinite where
        classes have no width (see Notes).
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of each eigenvalue in the sum of all; sums to 1 over all directions.
    means_ : ndarray of shape (n_classes, n_features_in_)
        Weighted class means, float64. An unseen class has the overall mean.
    xbar_ : ndarray of shape (n_features_in_,)
        Overall mean under the priors, float64.
    priors_ : ndarray of shape (n_classes,)
        Class shares, summing to 1.
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.
    class_weight_ : ndarray of shape (n_classes,)
        Sum of the weights of each class.
    coef_ : ndarray of shape (n_classes, n_features_in_) or (1, n_features_in_)
        Coefficients of the linear classifier; one row for two classes.
    intercept_ : ndarray of shape (n_classes,) or (1,)
        Its intercepts.
    n_components_ : int
        Number of directions kept.
    rank_ : int
        Number of directions in which the class means differ: the rank of S_b, at most
        ``min(p, K - 1)``.
    rcond_ : float
        Reciprocal condition number of the (shrunk) within-class scatter, in units of
        the within-class standard deviations; 0 where that is too small to invert it,
        NaN for "cg".
    n_iter_ : int
        Iterations of "cg"; 1 for the other solvers.
    shrinkage_ : float
        The coefficient used, 0 without shrinkage.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.
    solver_ : {"gram", "eigh", "qr", "dual", "cg"}
        What ran.
    residual_ : float
        Largest :math:`\|S_b v - \lambda S_w v\| / (\|S_b v\| + \lambda \|S_w v\|)`
        over the directions of finite ratio.

    See Also
    --------
    DifferenceLDA : The difference of both scatters instead of their ratio.
    MeanDifferenceLDA : Two classes, without an eigenproblem.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : The built-in.
    skdimred.decomposition.PCA : Directions of variance, without classes.

    Notes
    -----
    *Singular within-class scatter* (fewer rows than features, or a feature that is
    constant inside every class): the ratio is unbounded. What is solved is then the
    limit :math:`a \to 0` of the shrunk problem. Directions along which rows of one
    class coincide while class means differ come first; their eigenvalue is infinite,
    they are orthonormal up to one factor, ranked by their between-class scatter, and
    `explained_variance_ratio_` is shared among them [3]_. Any length would do for them;
    their unit is the within-class deviation that they would have if features were
    uncorrelated, or as much less as it takes to outweigh the directions of finite
    ratio, which follow. Between features that say the same
    the limit divides the weight evenly. Unlike the ratio itself, a ridge depends on
    the units of the features: bring them to one scale first.

    *Rows in the space of the means.* The directions :math:`S_w W` span the differences
    of the class means. `inverse_transform` maps scores to the point of that affine
    space which has them: the class means themselves, for theirs, where all directions
    are kept.

    *Predictions* assume normal classes with the common scatter :math:`S_w`: the class
    with the largest :math:`\log \pi_k - \|W^T(x - m_k)\|^2 / 2`, over the components
    kept. Along directions of infinite ratio that is the nearest class mean.

    *Two classes*: the direction is :math:`S_w^{-1}(m_1 - m_2)`, and also the least
    squares coefficient of the targets N/N_1 and -N/N_2.

    For n rows: ``n p**2`` multiply-adds in one pass and memory of a few p x p matrices
    ("gram"), or ``p n**2`` and n x n matrices ("dual"), beside X. Weights act as
    repetition.

    References
    ----------
    .. [1] R. A. Fisher, "The use of multiple measurements in taxonomic problems",
           Annals of Eugenics 7 (1936), 179-188.
           https://doi.org/10.1111/j.1469-1809.1936.tb02137.x
    .. [2] C. R. Rao, "The utilization of multiple measurements in problems of
           biological classification", Journal of the Royal Statistical Society B 10
           (1948), 159-203. https://doi.org/10.1111/j.2517-6161.1948.tb00008.x
    .. [3] L.-F. Chen et al., "A new LDA-based face recognition system which can solve
           the small sample size problem", Pattern Recognition 33 (2000), 1713-1726.
           https://doi.org/10.1016/S0031-3203(99)00139-9
    .. [4] J. Ye, "Characterization of a family of algorithms for generalized
           discriminant analysis on undersampled problems", Journal of Machine Learning
           Research 6 (2005), 483-502. https://www.jmlr.org/papers/v6/ye05a.html

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdimred.discriminant_analysis import RatioLDA
    >>> X, y = load_wine(return_X_y=True)
    >>> lda = RatioLDA().fit(X, y)
    >>> lda.explained_variance_ratio_.round(2)
    array([0.69, 0.31])
    >>> lda.transform(X).shape
    (178, 2)
    >>> round(lda.score(X, y), 3)
    1.0
    """

    def __init__(
        self,
        n_components=None,
        *,
        solver="auto",
        shrinkage=None,
        metric="within",
        priors=None,
        tol=1e-12,
        cg_tol=1e-4,
        max_iter=1000,
    ):
        self.n_components = n_components
        self.solver = solver
        self.shrinkage = shrinkage
        self.metric = metric
        self.priors = priors
        self.tol = tol
        self.cg_tol = cg_tol
        self.max_iter = max_iter

    def _task(self, shrinkage):
        return Task(
            eigh_directions if self.solver == "eigh" else ratio_directions,
            solver=self.solver,
            shrinkage=shrinkage,
            tol=self.tol,
            cg_tol=self.cg_tol,
            max_iter=self.max_iter,
        )

    def _check_parameters(self):
        for name, allowed in (("solver", SOLVERS), ("metric", METRICS)):
            value = getattr(self, name)
            if not (isinstance(value, str) and value in allowed):
                raise ValueError(f"{name}={value!r} must be one of {allowed}.")
        if not (isinstance(self.cg_tol, Real) and 0 < self.cg_tol < 1):
            raise ValueError(f"cg_tol={self.cg_tol!r} must be a number in (0, 1).")
        if not (isinstance(self.max_iter, Integral) and self.max_iter >= 1):
            raise ValueError(
                f"max_iter={self.max_iter!r} must be an integer of at least 1."
            )
        return super()._check_parameters()

    def _placed(self, solution, V, spread):
        """Columns of `scalings_` in the metric asked for, and what whitens scores."""
        k = V.shape[1]
        if self.metric == "total":
            finite = np.isfinite(solution.pencil.values[:k])
            width = np.sqrt(spread + finite)
            return V / width, np.diag(width)
        if self.metric == "orthogonal":
            Q, R = np.linalg.qr(V)
            # The rounding of the factorisation reaches constant features too.
            Q[~V.any(axis=1)] = 0.0
            signed = fix_signs(Q.T.copy()).T
            return signed, np.einsum("ij,ij->j", signed, Q)[:, np.newaxis] * R
        return V, np.eye(k)

    def transform(self, X):
        """Project rows on the discriminant directions.

        Each row is treated by itself: its scores do not depend on the other rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to project.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            ``(X - xbar_) @ scalings_``. With the metric "within" the within-class
            variance (shrunk, if asked for) of each column is 1, or 0 where its
            eigenvalue is infinite. Float32 for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        return self._scores(X)

    def inverse_transform(self, X):
        """Map scores to rows, in the affine space of the class means (see Notes).

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Scores, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            The point of that space which has these scores.

        Raises
        ------
        ValueError
            If X has not `n_components_` columns, or holds NaN or infinity.
        """
        return self._point_of_means(X)
