"""Ratio discriminant analysis: between-class over within-class scatter."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if

from skdimred._base import LinearMapMixin, guarded
from skdimred._checks import as_sample_weight, raise_if_not_finite
from skdimred._sklearn import as_codes, as_rows_and_target
from skdimred.discriminant_analysis._classifier import DiscriminantClassifierMixin
from skdimred.discriminant_analysis._dual import solve_dual
from skdimred.discriminant_analysis._tall import solve_moments, solve_tall, summarise
from skdimred.numerics.centering import cancellation

__all__ = ["RatioLDA"]

SOLVERS = ("auto", "gram", "eigh", "qr", "dual")
SHRINKAGES = ("auto", "ledoit-wolf", "oas")


def _can_stream(estimator):
    """Whether partial_fit exists; raise what to do instead where it does not."""
    if estimator.solver == "dual":
        raise AttributeError(
            "partial_fit needs the p x p scatter that solver='dual' avoids: use "
            "solver='auto'."
        )
    if estimator.shrinkage in ("auto", "ledoit-wolf"):
        raise AttributeError(
            f"shrinkage={estimator.shrinkage!r} needs all rows at once. With "
            "partial_fit use 'oas', a number in [0, 1], or None."
        )
    return True


def _united(classes, others):
    """Sorted union of class labels of one kind."""
    if (classes.dtype.kind in "US") != (others.dtype.kind in "US") and "O" not in (
        classes.dtype.kind,
        others.dtype.kind,
    ):
        raise ValueError(
            f"Class labels must be of one kind; found {classes.tolist()} and "
            f"{others.tolist()}."
        )
    return np.union1d(classes, others)


class RatioLDA(
    LinearMapMixin,
    ClassNamePrefixFeaturesOutMixin,
    DiscriminantClassifierMixin,
    TransformerMixin,
    BaseEstimator,
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
    solver : {"auto", "gram", "eigh", "qr", "dual"}, default="auto"
        - "gram": Cholesky factor of the p x p within-class scatter and a thin SVD of
          the whitened class means. One pass over X.
        - "eigh": the same pencil through `scipy.linalg.eigh`. Ratios below ``p * eps``
          of the largest are lost in its rounding and left out.
        - "qr": a triangular root of the within-class scatter from the rows, for
          nearly collinear features. Two passes over X.
        - "dual": the n x n Gram matrix; never a p x p one. Sees the units of the
          features: bring them to one scale first.
        - "auto": "dual" if ``n_samples <= n_features``; otherwise "gram", and "qr" if
          the scatter proves nearly singular (rcond < 1e-12 in units of the
          within-class standard deviations).
    shrinkage : None, float in [0, 1], "ledoit-wolf", "oas" or "auto", default=None
        Replaces :math:`S_w` by :math:`(1 - a) S_w + a\, (\operatorname{tr} S_w / p)
        I`, with `a` as given or estimated; :math:`S_b` is left alone. "auto" is
        "ledoit-wolf".
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
    shrinkage_ : float
        The coefficient used, 0 without shrinkage.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.
    solver_ : {"gram", "eigh", "qr", "dual"}
        What ran.
    residual_ : float
        Largest :math:`\|S_b v - \lambda S_w v\| / (\|S_b v\| + \lambda \|S_w v\|)`
        over the directions of finite ratio.

    See Also
    --------
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
        priors=None,
        tol=1e-12,
    ):
        self.n_components = n_components
        self.solver = solver
        self.shrinkage = shrinkage
        self.priors = priors
        self.tol = tol

    @guarded
    def fit(self, X, y, sample_weight=None):
        """Fit the directions to labelled rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows. Float arrays are neither copied nor changed; memory-mapped ones are
            read block by block.
        y : array-like of shape (n_samples,)
            Class labels, at least two different ones.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : RatioLDA
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if y has one class or the class means
            coincide; if `n_components` is more than the directions there are; or if X
            holds NaN or infinity.
        """
        shrinkage = self._check_parameters()
        X, y = as_rows_and_target(self, X, y, min_samples=2)
        sample_weight = as_sample_weight(sample_weight, len(X))
        classes, codes = as_codes(y)
        counts = np.bincount(codes, sample_weight, len(classes))
        priors = self._check_classes(classes, counts, X.shape[1])
        check_finite = partial(raise_if_not_finite, self, X)
        problem = X, codes, len(classes), sample_weight
        moments = None
        if self._is_dual(X):
            solution = solve_dual(*problem, priors, shrinkage, self.tol, check_finite)
        else:
            moments, solution = solve_tall(
                *problem, priors, self.solver, shrinkage, self.tol, check_finite
            )
        trouble = self._trouble(solution.pencil)
        if trouble:
            raise ValueError(f"{trouble[0].upper()}{trouble[1:]}.")
        self._set_solution(solution, classes, counts, priors, X.dtype)
        self._moments = moments
        return self

    @available_if(_can_stream)
    @guarded
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Add labelled rows to those seen so far, as if `fit` had seen them all.

        Exact for any split, one row at a time included; classes may appear at any
        call. Keeps the p x p within-class scatter and solves the pencil at every
        call, so larger blocks cost less. Not available with ``solver="dual"``, which
        has no such scatter, nor with ``shrinkage="ledoit-wolf"``, whose coefficient
        needs all rows at once.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            One or more rows.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,) or None, default=None
            All classes to expect, so that predictions have a column for each from the
            start. None takes the classes as they come.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : RatioLDA
            While too few classes or rows have been seen for `n_components`
            directions, the estimator counts as not fitted and says what it waits for.

        Raises
        ------
        ValueError
            As `fit` for bad parameters and rows; if X has another number of features
            than before; or if `fit` ran the "dual" solver, which leaves no scatter to
            add to.
        """
        shrinkage = self._check_parameters()
        first = not hasattr(self, "classes_")
        if not (first or self._moments is not None):
            raise ValueError(
                "This RatioLDA was fitted by fit() with solver_='dual' (n_samples <= "
                "n_features), which leaves no scatter matrix to add rows to. Start "
                "from a new RatioLDA and call partial_fit for every block."
            )
        X, y = as_rows_and_target(self, X, y, reset=first)
        sample_weight = as_sample_weight(sample_weight, len(X))
        seen, codes = as_codes(y)
        known = seen if first else _united(self.classes_, seen)
        if classes is not None:
            known = _united(np.asarray(classes), known)
        if self.n_components is not None and self.n_components > X.shape[1]:
            raise ValueError(
                f"n_components={self.n_components} must be at most "
                f"n_features={X.shape[1]}."
            )
        moments = summarise(X, codes, len(seen), sample_weight)
        raise_if_not_finite(self, X, moments.scatter.diagonal())
        moments = moments.reindex(np.searchsorted(known, seen), len(known))
        if not first:
            old = np.searchsorted(known, self.classes_)
            moments = self._moments.reindex(old, len(known)).merge(moments)
        self._solve_moments(moments, known, shrinkage, X.dtype)
        self._moments = moments
        return self

    def _solve_moments(self, moments, classes, shrinkage, dtype):
        """Set the answer for the rows so far, or what is still missing for one."""
        if hasattr(self, "scalings_"):
            dtype = np.result_type(dtype, self.scalings_)
        trouble = "only one class"
        if np.count_nonzero(moments.weights) > 1:
            priors = self._class_shares(classes, moments.weights)
            solution = solve_moments(moments, priors, self.solver, shrinkage, self.tol)
            trouble = self._trouble(solution.pencil)
        if not trouble:
            self._set_solution(solution, classes, moments.weights, priors, dtype)
            return
        for name in [name for name in self.__dict__ if name.endswith("_")]:
            if name not in ("n_features_in_", "feature_names_in_"):
                del self.__dict__[name]
        self.__dict__.pop("_cancellation", None)
        self.classes_ = classes
        self._pending = (
            f"This RatioLDA has seen too little so far: {trouble}. Call partial_fit "
            "with more rows before using it."
        )

    def _check_parameters(self):
        """Raise on a bad parameter; return the shrinkage asked for, by its own name."""
        k = self.n_components
        if k is not None and (
            isinstance(k, (bool, np.bool_)) or not isinstance(k, Integral) or k < 1
        ):
            raise ValueError(
                f"n_components={k!r} must be an integer of at least 1, or None (all)."
            )
        if not (isinstance(self.solver, str) and self.solver in SOLVERS):
            raise ValueError(f"solver={self.solver!r} must be one of {SOLVERS}.")
        if not (isinstance(self.tol, Real) and self.tol >= 0):
            raise ValueError(f"tol={self.tol!r} must be a number of at least 0.")
        shrinkage = self.shrinkage
        if isinstance(shrinkage, str) and shrinkage in SHRINKAGES:
            return "ledoit-wolf" if shrinkage == "auto" else shrinkage
        is_number = isinstance(shrinkage, Real) and not isinstance(shrinkage, bool)
        if shrinkage is None or (is_number and 0 <= shrinkage <= 1):
            return shrinkage or None
        raise ValueError(
            f"shrinkage={shrinkage!r} must be None, a number in [0, 1] or one of "
            f"{SHRINKAGES}."
        )

    def _check_classes(self, classes, counts, p):
        present = int(np.count_nonzero(counts))
        if present < 2:
            found = classes[counts > 0].tolist()
            raise ValueError(
                f"y holds one class of positive weight, {found}; discriminant "
                "analysis needs at least 2 classes to tell apart."
            )
        most = min(p, present - 1)
        if self.n_components is not None and self.n_components > most:
            raise ValueError(
                f"n_components={self.n_components} must be at most {most}: "
                f"{present} class means differ in at most {present - 1} directions, "
                f"and there are {p} features."
            )
        return self._class_shares(classes, counts)

    def _class_shares(self, classes, counts):
        if self.priors is None:
            return counts / counts.sum()
        try:
            priors = np.asarray(self.priors, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"priors={self.priors!r} must hold numbers.") from error
        if priors.shape != classes.shape:
            raise ValueError(
                f"priors must have one entry for each of the {len(classes)} classes "
                f"(with partial_fit, name them all by classes=); found shape "
                f"{priors.shape}."
            )
        if not np.isfinite(priors).all() or np.any(priors < 0):
            raise ValueError(
                f"priors must be finite and not negative; found {priors.tolist()}."
            )
        present = np.where(counts > 0, priors, 0.0)
        if np.count_nonzero(present) < 2:
            raise ValueError(
                "priors must be positive for at least 2 of the classes in y; found "
                f"{priors.tolist()} for {classes.tolist()}."
            )
        if abs(priors.sum() - 1) > 1e-5:
            warnings.warn(
                f"The priors sum to {priors.sum():g}, not 1; they are divided by it.",
                UserWarning,
                stacklevel=5,
            )
        return present / present.sum()

    def _is_dual(self, X):
        n, p = X.shape
        return self.solver == "dual" or (self.solver == "auto" and n <= p)

    def _trouble(self, pencil):
        """Why the directions found do not do, or None."""
        found = len(pencil.values)
        if found == 0:
            return "the class means coincide, so no direction separates them"
        if self.n_components is not None and self.n_components > found:
            return (
                f"the class means differ in {found} direction{'s' * (found > 1)} only, "
                f"fewer than n_components={self.n_components}"
            )
        return None

    def _set_solution(self, solution, classes, counts, priors, dtype):
        pencil = solution.pencil
        k = self.n_components or len(pencil.values)
        W = pencil.vectors[:k].copy().T
        offsets = solution.offsets
        if not np.all(counts > 0):
            present = (counts > 0)[:, np.newaxis]
            offsets = np.where(present, offsets, solution.offset)
        self.classes_ = classes
        self.class_weight_ = np.asarray(counts, dtype=np.float64)
        self.priors_ = priors
        self.xbar_ = solution.center + solution.offset
        self.means_ = solution.center + offsets
        self.scalings_ = W.astype(dtype, copy=False)
        self.eigenvalues_ = pencil.values[:k].astype(dtype, copy=False)
        ratio = pencil.gains[:k] / pencil.gains.sum()
        self.explained_variance_ratio_ = ratio.astype(dtype, copy=False)
        self.n_components_ = k
        self.shrinkage_ = solution.shrinkage
        self.solver_ = solution.solver
        self._set_classifier((offsets - solution.offset) @ W, W, dtype)
        self.residual_ = solution.residual
        self._cancellation = cancellation(self.xbar_, W, np.ones(k))

    def _linear_map(self):
        return self.xbar_, self.scalings_

    def transform(self, X):
        """Project rows on the discriminant directions.

        Each row is treated by itself: its scores do not depend on the other rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to project.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            ``(X - xbar_) @ scalings_``. The within-class variance (shrunk, if asked
            for) of each column is 1, or 0 where its eigenvalue is infinite. Float32
            for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        return self._scores(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
