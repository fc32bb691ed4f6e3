"""What every route to the pencil of discriminant analysis ends in."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skdimred.numerics.pencil import Pencil

__all__ = [
    "EPS",
    "MIN_RCOND",
    "RANK_ERROR",
    "Rows",
    "Solution",
    "Task",
    "rank_of_means",
    "scale_infinite",
]

EPS = float(np.finfo(np.float64).eps)
# A singular value of a root, or an eigenvalue of a Gram matrix, is off by its largest
# times eps times a modest multiple of the dimension.
RANK_ERROR = 8.0
# Ratio shown by the weakest direction of infinite ratio, over the best finite one.
OUTWEIGH = 1e4
# Within-class variance of a direction, over that of the widest feature, that is none.
NO_WIDTH = 1e-12
# Reciprocal condition of S_w, scaled to unit variances, from which its Cholesky factor
# keeps ten digits of the answer.
MIN_RCOND = 1e-12


@dataclass(frozen=True)
class Rows:
    """Labelled rows.

    Attributes
    ----------
    X : ndarray, csr or csc of shape (n, p)
    codes : ndarray of shape (n,), integer
        Class of each row, in ``range(n_classes)``.
    n_classes : int
    sample_weight : ndarray of shape (n,) or None
    check_finite : callable
        Is shown sums that every entry of X entered; raises if they are not finite.
    """

    X: object
    codes: np.ndarray
    n_classes: int
    sample_weight: np.ndarray | None
    check_finite: Callable

    @property
    def is_sparse(self):
        """Whether X is sparse."""
        return sparse.issparse(self.X)


@dataclass(frozen=True)
class Task:
    """What is to be found from the scatters.

    Attributes
    ----------
    find : callable
        ``find(S_w, B, k, min_rcond=...)`` gives the `Pencil` of `k` directions, or
        None where S_w is too near singular. Without `inverts`, never None.
    inverts : bool
        Whether the answer involves the inverse of S_w.
    solver : str
        As a parameter of the estimator.
    shrinkage : None, "ledoit-wolf", "oas" or float
    tol : float
        Distance of class means that counts as none.
    cg_tol : float
    max_iter : int
    find_by_products : callable or None
        Where not `inverts`: ``find_by_products(times, B, k, tol=...)`` does without
        S_w itself; gives the pencil, the number of products and the error.
    """

    find: Callable
    inverts: bool = True
    solver: str = "auto"
    shrinkage: object = None
    tol: float = 1e-12
    cg_tol: float = 1e-4
    max_iter: int = 1000
    find_by_products: Callable | None = None


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
    within : ndarray of shape (k, k)
        S_w (shrunk) in the directions.
    n_iter : int
        Iterations of conjugate gradients; 1 for a direct solver.
    """

    pencil: Pencil
    center: np.ndarray
    offsets: np.ndarray
    offset: np.ndarray
    solver: str
    shrinkage: float
    residual: float
    within: np.ndarray
    n_iter: int = 1


def rank_of_means(off, scale, size, tol, eps=EPS):
    """In how many directions class means differ, in units of the scale.

    Parameters
    ----------
    off : ndarray of shape (K, p)
        Class means minus the overall mean: as they lie, however small the shares of
        their classes.
    scale, size : ndarray of shape (p,)
        Within-class deviation, and magnitude of the values, whose rounding counts.
    tol : float
        As in `Task`.
    eps : float
        Precision of the products.
    """
    s = np.linalg.svd(off / scale, compute_uv=False)
    noise = RANK_ERROR * eps * float(np.linalg.norm(np.maximum(size / scale, 1.0)))
    return int(np.count_nonzero(s > max(noise, tol * max(1.0, s.max(initial=0.0)))))


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
    # Rounding of entries that are none is no width.
    square = 1 / unit if unit > NO_WIDTH * float(np.max(variances)) else 0.0
    if square == 0 or not infinite.all():
        best = max(1.0, float(pencil.values[~infinite].max(initial=1.0)))
        square = max(square, OUTWEIGH * best / float(pencil.gains[infinite].min()))
    factor = np.where(infinite, np.sqrt(square), 1.0)[:, np.newaxis]
    return replace(pencil, vectors=pencil.vectors * factor)
