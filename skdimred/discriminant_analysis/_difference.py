"""Difference discriminant analysis: between-class minus within-class scatter."""

import warnings
from dataclasses import replace
from numbers import Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)

from skdimred.discriminant_analysis._fit import DiscriminantMixin
from skdimred.discriminant_analysis._solution import Task
from skdimred.numerics.difference import (
    difference_by_products,
    difference_directions,
    largest_value,
    null_directions,
    trace_ratio,
)
from skdimred.numerics.pencil import ratio_directions

__all__ = ["DifferenceLDA"]

CONSTRAINTS = ("orthonormal", "within")
# A difference of ratios up to this share of rho is none.
ZERO = 1e-12
# Least within-class variance of a direction that the classifier believes in, over the
# mean variance of all.
LEAST_WIDTH = 1e-8
KRYLOV_TOL = 1e-8


class DifferenceLDA(
    DiscriminantMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find the directions in which class means differ by more than classes spread.

    With :math:`S_b` and :math:`S_w` as in `RatioLDA`, both over the same sum of
    weights, the columns of `scalings_` solve [1]_

    .. math:: \max_W \operatorname{tr} W^T (S_b - \rho S_w) W
              \quad\text{under}\quad W^T W = I ,

    by :math:`(S_b - \rho S_w) v = \lambda v` for the largest :math:`\lambda` (maximum
    margin criterion), or under :math:`W^T S_w W = I`, which gives the directions of
    `RatioLDA` with eigenvalues :math:`\lambda - \rho`.

    Only directions of positive eigenvalue add to the objective. There are as many of
    them under either constraint: as many as ratios :math:`\lambda` greater than
    :math:`\rho`, and so at most K - 1.

    Parameters
    ----------
    n_components : int or None, default=None
        How many directions to keep, at most as many as the class means differ in. None
        keeps those of positive eigenvalue (all, with ``rho="trace_ratio"``).
    rho : float of at least 0, or "trace_ratio", default=1.0
        Weight of the within-class scatter. "trace_ratio" finds the one at which the
        objective is 0 at its optimum: the largest :math:`\operatorname{tr} W^T S_b W /
        \operatorname{tr} W^T S_w W` of so many directions [2]_, by Newton's iteration.
    constraint : {"orthonormal", "within"}, default="orthonormal"
        Under "orthonormal" the answer depends on the units of the features: the
        difference counts what varies most (see Notes). Under "within" it does not.
    shrinkage : None, float in [0, 1], "ledoit-wolf", "oas" or "auto", default=None
        As in `RatioLDA`.
    priors : array-like of shape (n_classes,) or None, default=None
        Class shares; None takes them from the weights of the rows. They enter
        :math:`S_b` and the predictions, not :math:`S_w`.
    tol : float, default=1e-12
        Class means closer together than this along a direction, in units of the
        within-class standard deviation, or of the largest distance, count as equal.

    Attributes
    ----------
    scalings_ : ndarray of shape (n_features_in_, n_components_)
        Directions as columns, by decreasing eigenvalue, the entry of largest
        magnitude of each positive. A constant feature has weight exactly 0.
    eigenvalues_ : ndarray of shape (n_components_,)
        What each direction adds to the objective.
    spectrum_ : ndarray of shape (rank_,)
        The eigenvalues of as many directions as the class means differ in, the
        negative ones, which would lower the objective, too.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of each eigenvalue in the sum of the positive ones, 0 for the others. With
        "trace_ratio", where they add up to 0, share of the between-class scatter along
        each direction in that along all kept.
    rho_ : float
        The weight used; infinite where "trace_ratio" found enough directions along
        which no class has any width. Eigenvalues are then the between-class scatter.
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
        Number of directions in which the class means differ, at most K - 1.
    shrinkage_ : float
        The coefficient used, 0 without shrinkage.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.
    solver_ : {"gram", "qr", "dual", "cg", "krylov"}
        What ran: on the p x p scatter, in the span of the rows ("dual"), or on
        products with sparse rows.
    rcond_ : float
        As in `RatioLDA` under "within"; 0 under "orthonormal", which inverts nothing.
    n_iter_ : int
        Products with sparse rows; 1 for the direct solvers.
    residual_ : float
        Of the eigenproblem, relative.

    See Also
    --------
    RatioLDA : The ratio of both scatters instead of their difference.

    Notes
    -----
    *No direction of positive eigenvalue*: classes overlap by more than `rho` allows.
    The best direction is kept all the same. A warning tells of this, and of directions
    asked for by `n_components` whose eigenvalues are negative.

    *Units.* A ratio of variances has no unit, a difference has. Under "orthonormal" a
    feature in millimetres counts a million times as much as in metres. Bring the
    features to one scale first. In turn nothing is inverted, so that fewer rows than
    features, or equal features, need no special care.

    *The ratio of traces is unbounded* where classes have no width along enough
    directions. Under "orthonormal" `rho_` is then infinite; under "within", and for
    sparse rows too many both ways, that is an error.

    *Predictions* assume normal classes whose common scatter is that of the scores
    within classes, with at least 1e-8 of the mean variance along every direction.

    References
    ----------
    .. [1] H. Li, T. Jiang and K. Zhang, "Efficient and robust feature extraction by
           maximum margin criterion", IEEE Transactions on Neural Networks 17 (2006),
           157-165. https://doi.org/10.1109/TNN.2005.860852
    .. [2] T. T. Ngo, M. Bellalij and Y. Saad, "The trace ratio optimization problem",
           SIAM Review 54 (2012), 545-569. https://doi.org/10.1137/120864799

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.preprocessing import scale
    >>> from skdimred.discriminant_analysis import DifferenceLDA
    >>> X, y = load_wine(return_X_y=True)
    >>> DifferenceLDA(rho=0.5).fit(scale(X), y).eigenvalues_.round(2)
    array([3.44, 1.59])
    >>> raw = DifferenceLDA().fit(X, y)  # sees little but proline, in mg/l
    >>> [round(float(value), 2) for value in raw.eigenvalues_]
    [40217.97, 2.89]
    """

    _lazy = (*DiscriminantMixin._lazy, "rho_", "spectrum_")

    def __init__(
        self,
        n_components=None,
        *,
        rho=1.0,
        constraint="orthonormal",
        shrinkage=None,
        priors=None,
        tol=1e-12,
    ):
        self.n_components = n_components
        self.rho = rho
        self.constraint = constraint
        self.shrinkage = shrinkage
        self.priors = priors
        self.tol = tol

    def _check_parameters(self):
        rho = self.rho
        is_number = isinstance(rho, Real) and not isinstance(rho, (bool, np.bool_))
        if not (
            (isinstance(rho, str) and rho == "trace_ratio")
            or (is_number and 0 <= rho < np.inf)
        ):
            raise ValueError(
                f"rho={rho!r} must be a finite number of at least 0 or 'trace_ratio'."
            )
        if not (isinstance(self.constraint, str) and self.constraint in CONSTRAINTS):
            raise ValueError(
                f"constraint={self.constraint!r} must be one of {CONSTRAINTS}."
            )
        return super()._check_parameters()

    @property
    def _is_open(self):
        """Whether rho is to be found."""
        return isinstance(self.rho, str)

    def _task(self, shrinkage):
        common = {"shrinkage": shrinkage, "tol": self.tol}
        if self.constraint == "within":
            return Task(ratio_directions, **common)
        return Task(
            self._find,
            inverts=False,
            cg_tol=KRYLOV_TOL,
            find_by_products=self._find_by_products,
            **common,
        )

    def _find(self, S_w, B, k):
        if not self._is_open:
            return difference_directions(S_w, B, k, self.rho)
        kept = min(self.n_components or k, k)
        rho = trace_ratio(
            lambda rho: difference_directions(S_w, B, kept, rho),
            lambda V: np.einsum("ij,ij->i", V @ S_w, V),
            B,
            float(S_w.trace()),
            float(S_w.trace()),
        )
        if np.isinf(rho):
            return null_directions(S_w, B, k)
        return difference_directions(S_w, B, k, rho)

    def _find_by_products(self, times, B, k, *, tol, active):
        options = {"tol": tol, "active": active}
        if not self._is_open:
            return difference_by_products(times, B, k, float(self.rho), **options)
        kept, counts = min(self.n_components or k, k), []

        def find(rho, m=kept):
            pencil, n_iter, error = difference_by_products(times, B, m, rho, **options)
            counts.append((n_iter, error))
            return pencil

        size, _ = largest_value(times, B.shape[1])
        rho = trace_ratio(
            find,
            lambda V: np.einsum("ij,ji->i", V, times(V.T)),
            B,
            size * B.shape[1],
            size,
        )
        if np.isinf(rho):
            raise ValueError(
                "The ratio of traces is unbounded, as along enough directions no class "
                "has any width: give rho a number, or shrinkage."
            )
        pencil = find(rho, k)
        return pencil, sum(n for n, _ in counts), counts[-1][1]

    def _shifted(self, pencil):
        """The pencil of the difference, from that of the ratio under "within"."""
        if pencil.rho is not None or len(pencil.values) == 0:
            return pencil
        k = min(self.n_components or len(pencil.values), len(pencil.values))
        rho = float(np.mean(pencil.values[:k])) if self._is_open else float(self.rho)
        values = pencil.values if np.isinf(rho) else pencil.values - rho
        gains = pencil.gains
        if np.isfinite(values).all():
            gains = np.maximum(values, 0.0)
        return replace(pencil, values=values, gains=gains, rho=rho)

    def _positive(self, pencil):
        """Number of directions that add to the objective."""
        if self.constraint == "within":
            return int(np.count_nonzero(pencil.values > ZERO * max(1.0, pencil.rho)))
        return int(np.count_nonzero(pencil.gains))

    def _trouble(self, pencil):
        trouble = super()._trouble(pencil)
        if trouble:
            return trouble
        pencil = self._shifted(pencil)
        if self._is_open:
            if np.isinf(pencil.rho) and self.constraint == "within":
                return (
                    "the ratio of traces is unbounded, as along some directions no "
                    "class has any width: give rho a number, shrinkage, or "
                    "constraint='orthonormal'"
                )
            return None
        k = self.n_components or 1
        if self.constraint == "orthonormal" and not pencil.values[:k].all():
            found = int(np.count_nonzero(pencil.values[:k]))
            return (
                f"of n_components={k} eigenvalues at rho={self.rho:g} only {found} are "
                "more than the rounding of the scatters: bring the features to one "
                "scale"
            )
        return None

    def _kept(self, pencil):
        if self._is_open or self.n_components is not None:
            return super()._kept(pencil)
        return max(1, self._positive(pencil))

    def _set_solution(self, solution, priors):
        pencil = self._shifted(solution.pencil)
        super()._set_solution(replace(solution, pencil=pencil), priors)
        if self._is_open:
            spread = priors @ self._centroids**2
            self.explained_variance_ratio_ = (spread / spread.sum()).astype(self._dtype)
        self.rho_ = pencil.rho
        # Squares of the unit of the rows, which float32 may not hold.
        self.spectrum_ = pencil.values
        self.eigenvalues_ = pencil.values[: self.n_components_]
        k, useful = self.n_components_, self._positive(pencil)
        if not self._is_open and k > useful:
            warnings.warn(
                f"{k - useful} of {k} eigenvalues kept at rho={self.rho:g} are not "
                f"positive: {np.round(pencil.values[:k], 6).tolist()}. Classes overlap "
                "by more than that along such directions. Give a smaller rho, or keep "
                "fewer.",
                UserWarning,
                stacklevel=5,
            )

    def _placed(self, solution, V, spread):
        """Columns of `scalings_`, and what whitens their scores."""
        k = V.shape[1]
        if self.constraint == "within":
            return V, np.eye(k)
        within = solution.within[:k, :k]
        values, U = np.linalg.eigh((within + within.T) / 2)
        least = LEAST_WIDTH * float(within.trace() + spread.sum()) / k
        return V, U / np.sqrt(np.maximum(values, least or 1.0))

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
            ``(X - xbar_) @ scalings_``. Float32 for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        return self._scores(X)

    def inverse_transform(self, X):
        """Map scores to rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Scores, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            Under "orthonormal" the closest rows that have these scores, in the
            subspace of the directions; under "within" those in the affine space of the
            class means, as `RatioLDA` has them.

        Raises
        ------
        ValueError
            If X has not `n_components_` columns, or holds NaN or infinity.
        """
        if self.constraint == "within":
            return self._point_of_means(X)
        scores = self._checked_scores(X)
        rows = scores @ self.scalings_.T.astype(scores.dtype, copy=False) + self.xbar_
        return rows.astype(scores.dtype, copy=False)
