r"""Leading singular triplets of the rows of a sweep.

`krylov` finds the leading eigenpairs of G = Z'Z. G holds squares, and knows singular
values far below s_1 only by their rounding. Where such are wanted, what was found is
taken off the rows on both sides, and the rest, now leading, is sought again.

Where a product is so cheap that orthogonalising dominates, ARPACK's restarted Lanczos
with a single vector is tried first, and checked (see `single_vector`).
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy.sparse.linalg import ArpackError, LinearOperator, eigsh

from skdimred.numerics.krylov import Complement, Goal, Ritz, column_norms, lanczos

__all__ = ["Triplets", "leading"]

# Squared singular values below this share of the largest, or so many eps of it, are
# sought again.
LEVEL, DIGITS = 1e-8, 1024
# Range of eigenvalues within which their roots have all digits but the last few.
NO_SQUARE = 1e-4
# Error of orthonormal vectors that is not worth a correction.
ORTHONORMAL = 1e-14
# Vectors and products that look for what a single vector missed.
CHECK_BLOCK, CHECK_PASSES = 4, 8
LEAST_PASSES = 300


@dataclass(frozen=True)
class Triplets:
    """Leading singular values and right singular vectors of Z.

    Attributes
    ----------
    squares : ndarray of shape (k,)
        Squared singular values, descending.
    vectors : ndarray of shape (k, p)
        Orthonormal rows.
    residual : float
        Largest ``|G v - s^2 v|`` over s_1^2.
    passes : int
    converged : bool
    single : bool
        Whether a single vector found them.
    """

    squares: np.ndarray
    vectors: np.ndarray
    residual: float
    passes: int
    converged: bool
    single: bool


def leading(
    sweep,
    goal,
    *,
    block,
    rng,
    rough=None,
    single=False,
    max_passes=None,
    max_basis=None,
):
    """Leading singular triplets of the rows of a sweep, zero ones left out.

    Parameters
    ----------
    sweep : Sweep
    goal : Goal
        Its count is asked about all squared singular values found so far.
    block : int
    rng : numpy.random.Generator
    rough : Sweep or None
        Over the same rows in lower precision: good enough to find a subspace, where
        singular values are then taken from `sweep`.
    single : bool
        Try a single vector first (see `single_vector`).
    max_passes, max_basis : int or None

    Returns
    -------
    Triplets
    """
    rough = sweep if rough is None else rough
    sweeps = {sweep, rough}
    eps = float(np.finfo(rough.dtype).eps)
    options = {"block": block, "rng": rng}
    options |= {"max_passes": max_passes, "max_basis": max_basis}
    if max_passes is None:
        options["max_passes"] = LEAST_PASSES + 4 * goal.at_most
    found = single_vector(sweep, goal, rng) if single else None
    single = found is not None
    if not single:
        found = lanczos(rough, goal, **options)
    size = float(found.values.max(initial=0.0))
    residual = float(found.residuals.max(initial=0.0))
    most = min(sweep.n_rows, sweep.n_features)
    rounding = max(sweep.n_rows, sweep.n_features) * np.finfo(sweep.dtype).eps
    floor = float(rounding) ** 2 * size
    squares, V, deflated = np.empty(0), np.empty((0, sweep.n_features)), sweep
    if rough is not sweep and not _is_resolved(found, goal, eps):
        # To be taken off the rows, vectors have to be exact.
        rough, eps = sweep, float(np.finfo(sweep.dtype).eps)
        found = lanczos(sweep, goal, **options)
    while len(found.values) and found.values[0] > floor:
        resolved = found.values > _least(found.values, eps)
        vectors = found.vectors[resolved]
        # Values of rough products are taken again.
        known = found.values[resolved] if rough is sweep else None
        s, right = _right_side(deflated, known, vectors)
        squares, V = np.append(squares, s**2), np.concatenate([V, right])
        # What a level finds is larger than what the next one does, but for rounding.
        wanted = goal.wanted(np.append(squares, found.values[~resolved]))
        if len(squares) >= min(wanted, most):
            break
        left = deflated.left(right.T) / s if sweep.on_features else vectors.T
        deflated = _Deflated(deflated, left, right)
        rest = replace(
            goal,
            count=partial(_still_wanted, goal, squares),
            at_most=wanted - len(squares),
            floor=floor,
        )
        found = lanczos(deflated, rest, **options)
    if deflated is not sweep:
        Q, R = np.linalg.qr(V.T)
        V = (Q * np.sign(R.diagonal())).T
    order = np.argsort(-squares, kind="stable")
    return Triplets(
        squares[order],
        V[order],
        max(residual / size, 4 * eps) if size > 0 else 0.0,
        sum(s.passes for s in sweeps),
        found.converged,
        single,
    )


def _least(values, eps):
    """Eigenvalue up to which G knows too little of its digits."""
    return max(LEVEL, DIGITS * eps) * values[0]


def _is_resolved(found, goal, eps):
    """Whether all that is wanted was found, to the precision of the products."""
    values = found.values
    if len(values) < goal.wanted(values):
        return False
    return bool(values[-1] > _least(values, eps))


def _still_wanted(goal, found, values):
    """Number of values wanted beyond those found."""
    return goal.wanted(np.append(found, values)) - len(found)


def _right_side(sweep, values, vectors):
    """Singular values and right singular vectors (rows) of Ritz vectors."""
    if sweep.on_features:
        known = values is not None and sweep.dtype == np.float64
        if known and values[-1] > NO_SQUARE * values[0]:
            return np.sqrt(values), vectors
        return sweep.singular_values(vectors.T), vectors
    right = sweep.right(vectors.T)
    s = column_norms(right)
    right /= s
    return s, _orthonormal(right).T


def _orthonormal(V):
    """The closest orthonormal columns to columns that nearly are.

    One step of Newton's iteration for the polar factor squares the error, which the
    levels of `leading` keep below LEVEL.
    """
    error = V.T @ V
    error.flat[:: len(error) + 1] -= 1.0
    if np.abs(error).max(initial=0.0) < ORTHONORMAL:
        return V
    return V - V @ (error / 2)


class _Deflated:
    """A sweep with singular vectors taken off on both sides."""

    def __init__(self, sweep, left, right):
        self.U, self.V = left, right
        # Of a second level, the sweep below holds the first; only the lowest counts.
        self.sweep, self.counter = sweep, getattr(sweep, "counter", sweep)
        for name in ("on_features", "size", "dtype", "work", "n_rows", "n_features"):
            setattr(self, name, getattr(sweep, name))

    def left(self, V):
        """Z V without the part found."""
        Y = self.sweep.left(V - self.V.T @ (self.V @ V))
        return Y - self.U @ (self.U.T @ Y)

    def right(self, U):
        """Z'U without the part found."""
        W = self.sweep.right(U - self.U @ (self.U.T @ U))
        return W - self.V.T @ (self.V @ W)

    def singular_values(self, V):
        """Norms of the columns of Z V without the part found."""
        return column_norms(self.left(V))

    def __call__(self, Q):
        self.counter.passes += 1
        return (
            self.right(self.left(Q)) if self.on_features else self.left(self.right(Q))
        )


def single_vector(sweep, goal, rng):
    """Leading eigenpairs by ARPACK's restarted single-vector Lanczos, then checked.

    Where a product with G is so cheap that orthogonalising dominates, the fewer and
    more balanced steps of a single vector win. It may miss copies of a repeated value,
    which a block in the complement of what it found would show.

    Returns
    -------
    Ritz, or None
        None if it did not converge or the block met a larger value than the last.
    """
    k, d = goal.at_most, sweep.size
    operator = LinearOperator(
        (d, d), matvec=lambda q: sweep(q.reshape(-1, 1))[:, 0], dtype=np.float64
    )
    try:
        start = rng.standard_normal(d)
        values, vectors = eigsh(operator, k, which="LA", v0=start)
    except ArpackError:
        return None
    values, vectors = values[::-1], vectors[:, ::-1]
    residuals = column_norms(sweep(vectors) - vectors * values)
    rest = lanczos(
        Complement(sweep, vectors),
        Goal(lambda values: 1, 1, 1e-6),
        block=CHECK_BLOCK,
        rng=rng,
        max_passes=CHECK_PASSES,
    )
    if rest.values[0] > values[-1] * (1 + 1e-6):
        return None
    return Ritz(values, vectors.T, residuals, sweep.passes, True)
