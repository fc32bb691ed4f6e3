"""What every route to the pencil of discriminant analysis ends in."""

from dataclasses import dataclass

import numpy as np

from skdimred.numerics.pencil import Pencil

__all__ = ["EPS", "RANK_ERROR", "Solution", "scale_infinite"]

EPS = float(np.finfo(np.float64).eps)
# A singular value of a root, or an eigenvalue of a Gram matrix, is off by its largest
# times eps times a modest multiple of the dimension.
RANK_ERROR = 8.0
# Ratio shown by the weakest direction of infinite ratio, over the best finite one.
OUTWEIGH = 1e4


@dataclass(frozen=True)
class Solution:
    """Directions, and what is needed to place and use them.

    Attributes
    ----------
    pencil : Pencil
        Directions as rows over all features.
    center : ndarray of shape (p,)
    offsets : ndarray of shape (K, p)
        Class means minus `center`.
    offset : ndarray of shape (p,)
        Overall mean, with the priors, minus `center`.
    solver : str
    shrinkage : float
    residual : float
        Of the pencil, relative.
    """

    pencil: Pencil
    center: np.ndarray
    offsets: np.ndarray
    offset: np.ndarray
    solver: str
    shrinkage: float
    residual: float


def scale_infinite(pencil, variances):
    """Scale directions of infinite ratio, along which S_w is 0 and any length would do.

    The unit is the within-class deviation that they would have if the features were
    uncorrelated. Beside directions of finite ratio, or where that deviation is 0 too,
    the weakest is made to outweigh the best finite one, as an infinite ratio should.

    Parameters
    ----------
    pencil : Pencil
    variances : ndarray of shape (p,)
        Within-class variance of each feature.
    """
    infinite = np.isinf(pencil.values)
    if not infinite.any():
        return pencil
    V = pencil.vectors[infinite]
    unit = float(np.sum(V * V * variances) / np.sum(V * V))
    square = 1 / unit if unit > 0 else 0.0
    if square == 0 or not infinite.all():
        best = max(1.0, float(pencil.values[~infinite].max(initial=1.0)))
        square = max(square, OUTWEIGH * best / float(pencil.gains[infinite].min()))
    factor = np.where(infinite, np.sqrt(square), 1.0)[:, np.newaxis]
    return Pencil(pencil.values, pencil.vectors * factor, pencil.gains, pencil.rcond)
