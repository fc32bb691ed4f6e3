"""Discriminant analysis of two classes by the difference of their means."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)

from skdimred.discriminant_analysis._fit import DiscriminantMixin
from skdimred.discriminant_analysis._solution import Task
from skdimred.numerics.pencil import mean_direction

__all__ = ["MeanDifferenceLDA"]


class MeanDifferenceLDA(
    DiscriminantMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator
):
    r"""Find the direction in which the means of two classes lie farthest apart.

    With class means :math:`m_1, m_2` and the within-class scatter :math:`S_w` of
    `RatioLDA`, the column of `scalings_` solves

    .. math:: \max_{w^T S_w w = 1} |w^T (m_2 - m_1)|
              \iff w \propto S_w^{-1} (m_2 - m_1) ,

    a system of linear equations and no eigenproblem. The maximum is Mahalanobis's
    distance of the means [1]_. It is the direction of `RatioLDA` for two classes, and
    also that of least squares on the targets :math:`N / N_1` for the rows of one class
    and :math:`-N / N_2` for those of the other [2]_.

    Parameters
    ----------
    n_components : 1 or None, default=None
        There is one direction; so that a grid may name it.
    shrinkage : None, float in [0, 1], "ledoit-wolf", "oas" or "auto", default=None
        As in `RatioLDA`.
    priors : array-like of shape (2,) or None, default=None
        Class shares for the predictions; None takes them from the weights of the rows.
        They do not enter the direction.
    tol : float, default=1e-12
        Means closer together than this, in units of the within-class standard
        deviation, count as equal.

    Attributes
    ----------
    scalings_ : ndarray of shape (n_features_in_, 1)
        The direction, its entry of largest magnitude positive. A constant feature has
        weight exactly 0.
    mahalanobis_distance_ : float
        Distance of the class means in units of the within-class deviation; infinite
        where rows of one class coincide along the direction.
    eigenvalues_ : ndarray of shape (1,)
        Between- over within-class scatter along the direction, as in `RatioLDA`: the
        squared distance times both priors.
    explained_variance_ratio_ : ndarray of shape (1,)
        1.
    means_ : ndarray of shape (2, n_features_in_)
        Weighted class means, float64.
    xbar_ : ndarray of shape (n_features_in_,)
        Overall mean under the priors, float64.
    priors_ : ndarray of shape (2,)
        Class shares, summing to 1.
    classes_ : ndarray of shape (2,)
        Class labels, sorted.
    class_weight_ : ndarray of shape (2,)
        Sum of the weights of each class.
    coef_ : ndarray of shape (1, n_features_in_)
        Coefficients of the linear classifier, for ``classes_[1]``.
    intercept_ : ndarray of shape (1,)
        Its intercept.
    n_components_ : int
        1.
    rank_ : int
        1.
    shrinkage_ : float
        The coefficient used, 0 without shrinkage.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.
    solver_ : {"gram", "qr", "dual", "cg"}
        What ran (see `RatioLDA`).
    rcond_ : float
        As in `RatioLDA`.
    n_iter_ : int
        Iterations of "cg"; 1 for the other solvers.
    residual_ : float
        As in `RatioLDA`.

    See Also
    --------
    RatioLDA : Any number of classes.

    Notes
    -----
    Why scatter, and not the difference of means alone: without the constraint the
    objective grows with the length of `w`, and with :math:`w^T w = 1` the answer is
    :math:`m_2 - m_1` itself, which is blind to the directions in which rows scatter.

    A singular within-class scatter is treated as in `RatioLDA`. More than two classes
    are an error.

    References
    ----------
    .. [1] P. C. Mahalanobis, "On the generalised distance in statistics", Proceedings
           of the National Institute of Sciences of India 2 (1936), 49-55.
    .. [2] R. A. Fisher, "The use of multiple measurements in taxonomic problems",
           Annals of Eugenics 7 (1936), 179-188.
           https://doi.org/10.1111/j.1469-1809.1936.tb02137.x

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skdimred.discriminant_analysis import MeanDifferenceLDA
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> lda = MeanDifferenceLDA().fit(X, y)
    >>> round(lda.mahalanobis_distance_, 2)
    3.83
    >>> round(lda.score(X, y), 3)
    0.965
    """

    _lazy = (*DiscriminantMixin._lazy, "mahalanobis_distance_")
    _most_classes = 2

    def __init__(self, n_components=None, *, shrinkage=None, priors=None, tol=1e-12):
        self.n_components = n_components
        self.shrinkage = shrinkage
        self.priors = priors
        self.tol = tol

    def _task(self, shrinkage):
        return Task(mean_direction, shrinkage=shrinkage, tol=self.tol)

    def _placed(self, solution, V, spread):
        return V, np.eye(1)

    def _set_solution(self, solution, priors):
        super()._set_solution(solution, priors)
        value = solution.pencil.values[0]
        present = priors[priors > 0]
        self.mahalanobis_distance_ = float(np.sqrt(value / np.prod(present)))

    def transform(self, X):
        """Project rows on the direction.

        Each row is treated by itself: its score does not depend on the other rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to project.

        Returns
        -------
        X_new : ndarray of shape (n_samples, 1)
            ``(X - xbar_) @ scalings_``, of unit within-class variance (shrunk, if
            asked for). Float32 for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        return self._scores(X)

    def inverse_transform(self, X):
        """Map scores to points of the line through both class means.

        Parameters
        ----------
        X : array-like of shape (n_samples, 1)
            Scores, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            The point of the line that has each score; the class means for theirs.

        Raises
        ------
        ValueError
            If X has not one column, or holds NaN or infinity.
        """
        return self._point_of_means(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags
