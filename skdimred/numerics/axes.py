r"""Eigenpairs of principal coordinates, and constants that make distances Euclidean.

Distances that come from no Euclidean space give B negative eigenvalues. Two classical
corrections add the least constant that leaves none:

- to the squared distances, twice the magnitude of the lowest eigenvalue [1]_. All
  eigenvalues move up by it, and the eigenvectors stay;
- to the distances themselves [2]_, the largest c at which the lowest eigenvalue of

  .. math:: B(c) = B_1 + 2 c B_2 + \tfrac{c^2}{2} P

  is 0, with :math:`B_1 = -\tfrac12 P D^2 P` (entries squared) and :math:`B_2 =
  -\tfrac12 P D P`. Cailliez found it as the largest eigenvalue of a non-symmetric
  matrix twice as large. For a unit vector v, :math:`v^T B(c) v = 0` is a quadratic
  equation in c; its larger root, with v the lowest eigenvector at the last c, is the
  next c. From :math:`c = 0` this rises monotonically to the constant, quadratically
  (Newton's iteration for the lowest eigenvalue, on its Rayleigh functional).

References
----------
.. [1] J. C. Lingoes, "Some boundary conditions for a monotone analysis of symmetric
       matrices", Psychometrika 36 (1971), 195-203. https://doi.org/10.1007/BF02291398
.. [2] F. Cailliez, "The analytical solution of the additive constant problem",
       Psychometrika 48 (1983), 305-308. https://doi.org/10.1007/BF02294026
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.sparse.linalg import eigsh

from skdimred.numerics.krylov import (
    LEAST_GAP,
    Complement,
    Goal,
    lanczos,
)

__all__ = ["Axes", "cailliez_constant", "dense_axes", "iterative_axes", "lowest_value"]

EPS = float(np.finfo(np.float64).eps)
# An eigenvalue up to so many eps of the largest, times n, is rounding.
ZERO = 8.0
BLOCK, FLIPPED, MOST_PASSES = 8, 4, 1000
# Points from which a product with the matrix takes several milliseconds.
LARGE = 3000
# Where all digits of the lowest eigenvalue are wanted.
EXACT = 1e-8
# Points up to which the lowest eigenpair is found by a dense solver; the steps of
# Newton's iteration, of which six suffice; solves within one.
DENSE_LOWEST, MOST_STEPS, MOST_SOLVES = 4000, 60, 3
# Points up to which eigenvectors are found afresh for each step; rough steps, the gain
# at which they end, their precision and products; steps that follow one eigenvector.
DENSE_BEST = 500
MOST_ROUGH, ROUGH_STEP, ROUGH_TOL, ROUGH_PASSES, MOST_FOLLOWED = 8, 1e-3, 1e-2, 40, 4
STEP_TOL = 1e-14
# Basis of a single vector, and the residual of the lowest eigenvalue, relative to it,
# that is enough to tell of it.
MOST_BASIS, LOWEST_TOL = 200, 0.03
# The same for `lowest_value`, relative to the largest eigenvalue.
LOWEST_GOAL = 1e-4
TINY = 1e-300
# Products that look for what a single vector missed: in the complement of what it
# found a random vector meets all that is left.
CHECK_PASSES = 10


@dataclass(frozen=True)
class Axes:
    """Leading eigenpairs of B.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Descending, algebraically; those that are rounding are 0.
    vectors : ndarray of shape (k, n)
        Orthonormal rows.
    lowest : float
        Lowest eigenvalue, 0 where it is rounding.
    n_negative : int or None
        Number of negative eigenvalues, where known.
    residual : float
        Largest ``|B v - value v|`` over the largest eigenvalue.
    passes : int
        Products with B.
    converged : bool
    """

    values: np.ndarray
    vectors: np.ndarray
    lowest: float
    n_negative: int | None
    residual: float
    passes: int
    converged: bool


def dense_axes(B, count):
    """Axes from all eigenvalues of B.

    Parameters
    ----------
    B : ndarray of shape (n, n)
        Overwritten.
    count : callable
        From all eigenvalues, descending and rounding set to 0, how many are wanted.

    Returns
    -------
    Axes
    """
    n = len(B)
    values, vectors = scipy.linalg.eigh(B, overwrite_a=True, check_finite=False)
    values, vectors = values[::-1], vectors[:, ::-1]
    # The mean itself is an eigenvector of value 0 that is no axis.
    floor = ZERO * n * EPS * np.abs(values).max(initial=0.0)
    values = np.where(np.abs(values) > floor, values, 0.0)
    k = min(count(values), n)
    return Axes(
        values[:k],
        np.ascontiguousarray(vectors[:, :k].T),
        float(min(values[-1], 0.0)),
        int(np.count_nonzero(values < 0)),
        ZERO * EPS,
        0,
        True,
    )


def iterative_axes(operator, k, *, tol, rng, cheap, lowest_tol):
    """Axes from products with B alone.

    Parameters
    ----------
    operator : CenteredSquares
    k : int
    tol : float
        Sine of the angle to the eigenvectors, where there is a gap behind them.
    rng : numpy.random.Generator
    cheap : bool
        Whether a product is so cheap that a single vector wins.
    lowest_tol : float
        Residual of the lowest eigenvalue, relative to it; 0 for all digits.

    Returns
    -------
    Axes
    """
    n = operator.size
    tol = max(tol, 4 * EPS)
    found = (
        both_ends(operator, k, tol, lowest_tol or LOWEST_TOL, rng) if cheap else None
    )
    if found is None:
        goal = Goal(lambda values: k, k, tol)
        top = lanczos(operator, goal, block=BLOCK, rng=rng, max_passes=MOST_PASSES)
        loose = LOWEST_GOAL if lowest_tol else 0.0
        lowest = lowest_value(operator, float(top.values[0]), rng, loose)
        found = top.values, top.vectors, top.residuals, lowest, top.converged
    elif lowest_tol == 0:
        lowest = lowest_value(operator, float(found[0][0]), rng, 0.0)
        found = (*found[:3], lowest, True)
    values, vectors, residuals, lowest, converged = found
    largest = float(values[0]) if len(values) else 0.0
    floor = ZERO * n * EPS * largest
    return Axes(
        np.where(values > floor, values, 0.0),
        vectors,
        lowest if lowest < -floor else 0.0,
        None,
        float(residuals.max(initial=0.0)) / max(largest, TINY),
        operator.passes,
        converged,
    )


def both_ends(operator, k, tol, lowest_tol, rng):
    """Leading eigenpairs and the lowest eigenvalue from one Krylov space.

    Lanczos with a single vector and full orthogonalisation. It may miss copies of a
    repeated eigenvalue, for which a random vector looks in the complement.

    Returns
    -------
    tuple of values (k,), vectors (k, n), residuals (k,), lowest, True; or None
        None if it did not converge within `MOST_BASIS` products, or if copies were
        missed.
    """
    n = operator.size
    most = min(MOST_BASIS, n - 1)
    if k > most // 3:
        return None
    basis = np.empty((most + 1, n))
    diagonal, off = np.empty(most), np.empty(most)
    basis[0] = _unit(operator.off_mean(rng.standard_normal((n, 1)))[:, 0])
    due = 2 * k + 10
    for m in range(1, most + 1):
        w = operator(basis[m - 1][:, np.newaxis])[:, 0]
        diagonal[m - 1] = basis[m - 1] @ w
        for _ in range(2):
            w -= basis[:m].T @ (basis[:m] @ w)
        off[m - 1] = np.linalg.norm(w)
        size = max(abs(diagonal[:m]).max(), off[:m].max())
        ended = off[m - 1] <= ZERO * n * EPS * size
        if m >= due or ended or m == most:
            due = m + 5
            values, Y = scipy.linalg.eigh_tridiagonal(diagonal[:m], off[: m - 1])
            values, Y = values[::-1], Y[:, ::-1]
            residuals = off[m - 1] * np.abs(Y[-1])
            if m <= k:
                return None
            gap = np.maximum(
                values[:k] - values[k], LEAST_GAP * max(values[k - 1], 0.0)
            )
            good = np.all(residuals[:k] <= tol * gap + 8 * EPS * size)
            low = residuals[-1] <= lowest_tol * abs(values[-1])
            if ended or (good and (low or values[-1] > 0)):
                break
        if m == most:
            return None
        basis[m] = w / off[m - 1]
    vectors = Y[:, :k].T @ basis[:m]
    rest = lanczos(
        Complement(operator, vectors.T),
        Goal(lambda values: 1, 1, 1e-6),
        block=1,
        rng=rng,
        max_passes=CHECK_PASSES,
    )
    if rest.values[0] > values[k - 1] * (1 + 1e-6):
        return None
    return values[:k], vectors, residuals[:k], float(values[-1]), True


def _unit(v):
    return v / np.linalg.norm(v)


class _Flipped:
    """``shift I - B``, whose largest eigenvalue is the lowest of B, for `lanczos`."""

    def __init__(self, times, n, shift):
        self.times, self.shift, self.size = times, shift, n
        self.dtype, self.work = np.dtype(np.float64), float(n) ** 2

    def __call__(self, V):
        return self.shift * V - self.times(V)


def lowest_value(operator, largest, rng, tol):
    """Lowest eigenvalue of B.

    Parameters
    ----------
    operator : CenteredSquares
    largest : float
        The largest eigenvalue, or more, to which errors are relative.
    rng : numpy.random.Generator
    tol : float
        As in `Goal`.
    """
    goal = Goal(lambda values: 1, 1, max(tol, EXACT))
    flipped = _Flipped(operator, operator.size, largest)
    found = lanczos(flipped, goal, block=FLIPPED, rng=rng, max_passes=MOST_PASSES)
    return largest - float(found.values[0])


def cailliez_constant(squares, distances):
    """The constant that makes all distances Euclidean when added to them.

    Every vector gives a c that is not too large, and the lowest eigenvector the best.
    For more than a few hundred points rough vectors, from a few products, serve for the
    first steps; then one eigenvector is followed by Rayleigh quotient iteration, and a
    Cholesky factorisation certifies that nothing lower was left behind.

    Parameters
    ----------
    squares, distances : ndarray of shape (n, n)
        B from the squared distances, and from the distances themselves.

    Returns
    -------
    c : float
    lowest : float
        The lowest eigenvalue of `squares`.
    """
    n = len(squares)
    unit = np.full(n, n**-0.5)
    size, slope = np.linalg.norm(squares), np.linalg.norm(distances)

    def matrix(c):
        B = squares + 2 * c * distances
        B.flat[:: n + 1] += c**2 / 2
        # The mean is no axis: moved away from the bottom.
        B += np.multiply.outer(unit, (size + c * slope) * unit)
        return B

    def improved(c, v):
        """Larger root of the quadratic equation of v, if it is more."""
        v = v - v.mean()
        v /= np.linalg.norm(v)
        a, h = v @ squares @ v, v @ distances @ v
        return max(c, float(-2 * h + np.sqrt(max(4 * h**2 - 2 * a, 0.0))))

    v = _lowest_vector(matrix(0.0))
    lowest, c = float(v @ squares @ v), improved(0.0, v)
    if n > DENSE_BEST:
        c = _approached(matrix, improved, c, lambda c: size + c * slope)
    for _ in range(MOST_STEPS):
        if n > DENSE_BEST and _is_positive(matrix(c), size):
            break
        last, c = c, improved(c, _lowest_vector(matrix(c)))
        if c <= last * (1 + STEP_TOL) + TINY:
            break
    return c, lowest


def _approached(matrix, improved, c, bound):
    """A better c: from rough vectors, then from one that is followed."""
    rng = np.random.default_rng(0)
    for _ in range(MOST_ROUGH):
        last, c = c, improved(c, _rough_vector(matrix(c), bound(c), rng))
        if c <= last * (1 + ROUGH_STEP):
            break
    v = _lowest_vector(matrix(c))
    for _ in range(MOST_FOLLOWED):
        last, c = c, improved(c, v)
        if c <= last * (1 + STEP_TOL):
            break
        v = _followed(matrix(c), v)
    return c


def _rough_vector(B, largest, rng):
    """Vector near the lowest eigenvector, from a few products."""
    flipped = _Flipped(lambda V: B @ V, len(B), largest)
    goal = Goal(lambda values: 1, 1, ROUGH_TOL)
    found = lanczos(flipped, goal, block=1, rng=rng, max_passes=ROUGH_PASSES)
    return found.vectors[0]


def _followed(B, v):
    """Eigenvector that a vector is close to, by Rayleigh quotient iteration."""
    size = np.abs(B).max() * len(B)
    for _ in range(MOST_SOLVES):
        image = B @ v
        value = float(v @ image)
        if np.linalg.norm(image - value * v) <= EPS * size:
            break
        A = B.copy()
        A.flat[:: len(A) + 1] -= value
        factors = scipy.linalg.lu_factor(A, overwrite_a=True, check_finite=False)
        pivots = factors[0].diagonal()
        if not np.all(pivots):
            break
        w = scipy.linalg.lu_solve(factors, v, check_finite=False)
        v = w / np.linalg.norm(w)
    return v


def _is_positive(B, size):
    """Whether no eigenvalue is negative by more than rounding."""
    B.flat[:: len(B) + 1] += ZERO * EPS * np.sqrt(len(B)) * size
    return scipy.linalg.lapack.dpotrf(B, overwrite_a=True)[1] == 0


def _lowest_vector(B):
    """Eigenvector of the lowest eigenvalue of a dense matrix, overwritten."""
    if len(B) <= DENSE_LOWEST:
        _, v = scipy.linalg.eigh(
            B, subset_by_index=[0, 0], overwrite_a=True, check_finite=False
        )
        return v[:, 0]
    start = np.random.default_rng(0).standard_normal(len(B))
    return eigsh(B, 1, which="SA", v0=start)[1][:, 0]
