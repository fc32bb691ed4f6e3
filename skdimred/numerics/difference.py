r"""Directions of the difference of scatters, and the rho at which they gain nothing.

.. math:: \max_{W^T W = I} \operatorname{tr} W^T (S_b - \rho S_w) W

is solved by the leading eigenvectors of :math:`S_b - \rho S_w` (maximum margin
criterion [1]_). With S_b of rank r at most r eigenvalues are positive, by Weyl's
inequality, and only directions of positive eigenvalue add to the objective.

The objective at its optimum, :math:`f(\rho)`, is convex, falls with :math:`\rho` and
has the slope :math:`-\operatorname{tr} W^T S_w W`. Newton's iteration for its zero,

.. math:: \rho \leftarrow \frac{\operatorname{tr} W^T S_b W}
                               {\operatorname{tr} W^T S_w W} ,

rises monotonically to the largest ratio of traces that k orthonormal directions reach,
and converges quadratically [2]_ [3]_.

References
----------
.. [1] H. Li, T. Jiang and K. Zhang, "Efficient and robust feature extraction by maximum
       margin criterion", IEEE Transactions on Neural Networks 17 (2006), 157-165.
       https://doi.org/10.1109/TNN.2005.860852
.. [2] H. Wang, S. Yan, D. Xu, X. Tang and T. Huang, "Trace ratio vs. ratio trace for
       dimensionality reduction", CVPR 2007. https://doi.org/10.1109/CVPR.2007.382983
.. [3] T. T. Ngo, M. Bellalij and Y. Saad, "The trace ratio optimization problem", SIAM
       Review 54 (2012), 545-569. https://doi.org/10.1137/120864799
"""

import numpy as np
import scipy.linalg

from skdimred.numerics.krylov import Goal, lanczos
from skdimred.numerics.pencil import Pencil
from skdimred.numerics.signs import fix_signs

__all__ = [
    "difference_by_products",
    "difference_directions",
    "largest_value",
    "null_directions",
    "trace_ratio",
]

EPS = float(np.finfo(np.float64).eps)
MOST_STEPS = 100
# Width of a direction, over the largest one, that is rounding.
NO_WIDTH = 64.0
# An eigenvalue is off by so many eps of the traces.
ERROR = 8.0
# Vectors at once, and the precision of products with the largest eigenvalue.
BLOCK, ROUGH = 8, 1e-2
MOST_PASSES = 1000


def difference_directions(S_w, B, k, rho):
    """Top `k` eigenpairs of S_b - rho S_w.

    Parameters
    ----------
    S_w : ndarray of shape (p, p)
        Within-class scatter.
    B : ndarray of shape (K, p)
        S_b = B'B.
    k : int
    rho : float

    Returns
    -------
    Pencil
        With unit vectors; eigenvalues below the rounding of the scatters are 0.
        `gains` are the positive ones.
    """
    size = float(np.sum(B * B) + rho * S_w.trace())
    floor, S_b = ERROR * EPS * size, B.T @ B
    values, vectors = _leading(S_b - rho * S_w, k)
    if np.any(np.abs(values) <= floor):
        Q = _varying(S_b + S_w)
        values, vectors = _leading(Q.T @ (S_b - rho * S_w) @ Q, min(k, Q.shape[1]))
        vectors = vectors @ Q.T
    return _pencil(values, vectors, rho, floor)


def _varying(total):
    """Orthonormal basis (p, r) of the directions along which something varies.

    Along the others the difference is 0, and so more than a negative one.
    """
    scale = np.sqrt(total.diagonal())
    values, U = np.linalg.eigh(total / np.multiply.outer(scale, scale))
    null = U[:, values <= NO_WIDTH * len(total) * EPS] / scale[:, np.newaxis]
    Q = np.linalg.qr(null, mode="complete")[0]
    return Q[:, null.shape[1] :]


def _leading(A, k):
    """Top eigenvalues, descending, and their eigenvectors as rows."""
    p = len(A)
    values, vectors = scipy.linalg.eigh(
        A, subset_by_index=[p - k, p - 1], check_finite=False
    )
    return values[::-1], vectors[:, ::-1].T


def _pencil(values, vectors, rho, floor):
    vectors = fix_signs(np.ascontiguousarray(vectors))
    values = np.where(np.abs(values) > floor, values, 0.0)
    return Pencil(values, vectors, np.maximum(values, 0.0), 0.0, float(rho))


def trace_ratio(find, widths, B, S_w_trace, size):
    """The rho at which the best orthonormal directions add up to 0.

    Parameters
    ----------
    find : callable
        ``find(rho)`` gives the `Pencil` of the leading k directions.
    widths : callable
        ``widths(V)`` gives v'S_w v for the rows of V.
    B : ndarray of shape (K, p)
        S_b = B'B.
    S_w_trace, size : float
        Trace of S_w, and its largest eigenvalue.

    Returns
    -------
    float
        Infinite where as many directions exist along which no class has any width.
    """
    if S_w_trace <= 0:
        return np.inf
    rho = float(np.sum(B * B)) / S_w_trace
    for _ in range(MOST_STEPS):
        V = find(rho).vectors
        width = float(np.sum(widths(V)))
        if width <= NO_WIDTH * len(V) * EPS * size:
            return np.inf
        last, rho = rho, float(np.sum((V @ B.T) ** 2)) / width
        if rho <= last * (1 + 16 * EPS):
            break
    return rho


def null_directions(S_w, B, k):
    """Up to `k` directions of most between-class scatter among those without width."""
    values, vectors = np.linalg.eigh(S_w)
    level = NO_WIDTH * len(S_w) * EPS * max(values[-1], 0.0)
    N = vectors[:, values <= level]
    _, s, Qt = np.linalg.svd(B @ N, full_matrices=False)
    k = min(k, int(np.count_nonzero(s > np.sqrt(EPS) * s.max(initial=0.0))))
    return _pencil(s[:k] ** 2, (N @ Qt[:k].T).T, np.inf, 0.0)


class _Shifted:
    """Products with S_b - rho S_w + shift I, for `lanczos`; I of active features."""

    def __init__(self, times, B, rho, shift, work, active=None):
        self.times, self.B, self.rho = times, B, rho
        self.shift = shift if active is None else shift * active[:, np.newaxis]
        self.size, self.dtype, self.work = B.shape[1], np.dtype(np.float64), work

    def __call__(self, Q):
        W = self.B.T @ (self.B @ Q)
        if self.rho:
            W -= self.rho * self.times(Q)
        return W + self.shift * Q


def largest_value(times, p, work=1e8):
    """Largest eigenvalue of S_w, from above, and the products that it took.

    ``times(V)`` gives S_w V; to about 1 %.
    """
    matrix = _Shifted(times, np.zeros((1, p)), -1.0, 0.0, work)
    goal, rng = Goal(lambda values: 1, 1, ROUGH), np.random.default_rng(0)
    found = lanczos(matrix, goal, block=BLOCK, rng=rng, max_passes=MOST_PASSES)
    return 1.01 * float(found.values[0] + found.residuals[0]), found.passes


def difference_by_products(times, B, k, rho, *, tol, work=1e8, active=None):
    """`difference_directions` from products with S_w alone.

    Block Lanczos on the matrix shifted to be positive; the shift costs as many eps of
    its size.

    Parameters
    ----------
    times : callable
        ``times(V)`` gives S_w V for V of shape (p, m).
    B, k, rho
        As for `difference_directions`.
    tol : float
        Residual that is small enough, over the largest eigenvalue.
    work : float
        Multiply-adds of a product with one vector.
    active : ndarray of shape (p,) or None
        Which features vary: along the others the difference is 0, and so more than a
        negative one.

    Returns
    -------
    pencil : Pencil
    n_iter : int
        Products, with a block each.
    error : float
        Residual over the largest eigenvalue where it was not reached, else 0.
    """
    rng = np.random.default_rng(0)
    n_iter, shift = 0, 0.0
    if rho:
        size, n_iter = largest_value(times, B.shape[1], work)
        shift = rho * size
    matrix = _Shifted(times, B, rho, shift, work, active)
    goal = Goal(lambda values: k, k, tol)
    found = lanczos(matrix, goal, block=BLOCK, rng=rng, max_passes=MOST_PASSES)
    error = float(found.residuals.max(initial=0.0) / max(found.values[0], EPS))
    error = 0.0 if found.converged else error
    floor = ERROR * EPS * (float(np.sum(B * B)) + B.shape[1] * shift)
    pencil = _pencil(found.values - shift, found.vectors, rho, floor)
    return pencil, n_iter + found.passes, error
