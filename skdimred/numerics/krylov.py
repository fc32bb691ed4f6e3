r"""Leading eigenpairs of G = Z'Z by block Lanczos, from products with it alone.

For G = Z'Z (or Z Z', the smaller) and a random block Q the vectors are sought in

.. math:: \operatorname{span}\{Q, Q G, Q G^2, \ldots\},

which holds, after a number of products that grows with the inverse square root of the
relative gap of the eigenvalues, all eigenvectors wanted [1]_; without a gap, a subspace
that captures as much of the energy in about as many [2]_. In an orthonormal basis of
it G becomes a small banded matrix T, whose eigenpairs (theta, y) give those of G with

.. math:: \|G v - \theta v\| = \|R\, y_{\text{last}}\| ,

R the coefficients of the next block: the residual is known without another product.

- A block finds up to b copies of a repeated eigenvalue. A single vector would find one
  and report convergence.
- The basis is orthogonalised in full: against the last two blocks, where all but
  rounding is, and once more against the rest; a second time where the norm fell by 0.7
  (Daniel, Gragg, Kaufman and Stewart's test [3]_).
- Directions of a block that die are replaced by random ones: an invariant subspace
  does not end the search.
- A basis that would outgrow its cap is compressed to its leading Ritz vectors (thick
  restart [4]_).

References
----------
.. [1] Y. Saad, "On the rates of convergence of the Lanczos and the block-Lanczos
       methods", SIAM Journal on Numerical Analysis 17 (1980), 687-706.
       https://doi.org/10.1137/0717059
.. [2] C. Musco and C. Musco, "Randomized block Krylov methods for stronger and faster
       approximate singular value decomposition", NeurIPS 2015.
       https://arxiv.org/abs/1504.05477
.. [3] J. Daniel, W. Gragg, L. Kaufman and G. Stewart, "Reorthogonalization and stable
       algorithms for updating the Gram-Schmidt QR factorization", Mathematics of
       Computation 30 (1976), 772-795.
       https://doi.org/10.1090/S0025-5718-1976-0431641-8
.. [4] K. Wu and H. Simon, "Thick-restart Lanczos method for large symmetric eigenvalue
       problems", SIAM Journal on Matrix Analysis and Applications 22 (2000), 602-616.
       https://doi.org/10.1137/S0895479898334605
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from skdimred.numerics.tiles import project_off

__all__ = ["LEAST_GAP", "Complement", "Goal", "Ritz", "column_norms", "lanczos"]

DGKS = 0.7
# Relative gap below which vectors are not told apart one by one: the values and the
# energy they capture are right nevertheless.
LEAST_GAP = 1e-2
# Share of the largest image of a vector below which a new direction is rounding.
DEAD = 1e-12
# Share of the energy captured at which values count as shown.
SHOWN = 0.99
# Relative distance at which values count as copies.
COPY = 1e-4
# Rows of the basis to begin with.
FIRST_ROOM = 64
# Share of the eigenvectors of T up to which the subset solver beats the full one, and
# the size from which it does.
SUBSET_SHARE, SUBSET_SIZE = 0.1, 150
# Range of the columns of a block beyond which it is orthogonalised again.
UNEVEN = 1e-3
TINY = 1e-300
BASIS_BYTES = 256 << 20
MOST_BASIS, SMALL = 1024, 300


@dataclass(frozen=True)
class Goal:
    """What to find, and when it is found.

    Attributes
    ----------
    count : callable
        From Ritz values in descending order, how many of them are wanted; more than
        there are if they do not suffice yet. Called at every check.
    at_most : int
        Bound on the count; if the count stays above it, so many are found.
    tol : float
        With `energy` False, sine of the angle to the wanted subspace, where there is a
        relative gap of at least `LEAST_GAP` behind it; the residual of each vector is
        below `tol` times the gap. Otherwise, share of the captured energy that may
        be lost.
    energy : bool
    floor : float
        Eigenvalues up to this are zero.
    """

    count: Callable
    at_most: int
    tol: float
    energy: bool = False
    floor: float = 0.0

    def wanted(self, values):
        """Number of eigenpairs wanted, given leading Ritz values."""
        return min(self.count(values), self.at_most)


@dataclass(frozen=True)
class Ritz:
    """Approximate leading eigenpairs of G.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Descending.
    vectors : ndarray of shape (k, d)
        Orthonormal rows.
    residuals : ndarray of shape (k,)
        ``|G v - value v|``.
    passes : int
        Products with G, of a block each.
    converged : bool
    """

    values: np.ndarray
    vectors: np.ndarray
    residuals: np.ndarray
    passes: int
    converged: bool


class _Basis:
    """Orthonormal rows, and the matrix T of G in them."""

    def __init__(self, size, room):
        self.rows = np.empty((min(room, FIRST_ROOM), size))
        self.T = np.zeros((len(self.rows), len(self.rows)))
        self.room, self.count = room, 0
        # Whether T is full: where a block was not what came out of the one before.
        self.whole = False
        # Where the last block starts, and the one before.
        self.last = self.local = 0

    def append(self, Q):
        """Add the columns of Q."""
        if self.count + Q.shape[1] > len(self.rows):
            self._grow(self.count + Q.shape[1])
        self.local, self.last = 0 if self.whole else self.last, self.count
        self.rows[self.count : self.count + Q.shape[1]] = Q.T
        self.count += Q.shape[1]

    def _grow(self, needed):
        """Make room for half as many rows again, and for those needed."""
        room = min(self.room, max(needed, len(self.rows) * 3 // 2))
        rows, T = np.empty((room, self.rows.shape[1])), np.zeros((room, room))
        rows[: self.count] = self.rows[: self.count]
        T[: self.count, : self.count] = self.T[: self.count, : self.count]
        self.rows, self.T = rows, T

    def project(self, W):
        """Take the basis off W = G Q, Q the last block, in place; fill in T."""
        last, local, count = self.last, self.local, self.count
        near = self.rows[local:count]
        H = project_off(near, W)
        before = column_norms(W)
        H += project_off(near, W)
        self.T[local:count, last:count] = H
        self.T[last:count, local:count] = H.T
        project_off(self.rows[:local], W)
        if (column_norms(W) < DGKS * before).any():
            self.purify(W)

    def purify(self, W):
        """Take the basis off W once more."""
        project_off(self.rows[: self.count], W)

    def ritz(self, n_wanted):
        """Leading eigenvalues of T, descending, and its eigenvectors as columns."""
        m = self.count
        T = self.T[:m, :m]
        T = (T + T.T) / 2
        if m > SUBSET_SIZE and n_wanted < SUBSET_SHARE * m:
            values, Y = scipy.linalg.eigh(
                T, subset_by_index=[m - n_wanted, m - 1], check_finite=False
            )
        else:
            values, Y = np.linalg.eigh(T)
        return values[::-1], Y[:, ::-1]

    def compress(self, values, Y):
        """Keep the Ritz vectors of these values only (thick restart)."""
        kept = len(values)
        self.rows[:kept] = Y[:, :kept].T @ self.rows[: self.count]
        self.T[:] = 0.0
        self.T[np.arange(kept), np.arange(kept)] = values
        self.count = kept
        # The next block couples to all of them.
        self.last = self.local = 0


def column_norms(W):
    """Lengths of the columns."""
    return np.sqrt(np.einsum("ij,ij->j", W, W))


def _next_block(W, basis, dead_below, rng):
    """Orthonormal columns Q (d, c) and R (c, b) with W = Q R, W free of the basis.

    Directions that W has only by rounding are replaced by random ones, with which R
    has nothing to do.
    """
    room = basis.rows.shape[1] - basis.count
    Q, R = np.linalg.qr(W)
    size = np.abs(R.diagonal())
    even = size.min() > max(UNEVEN * size.max(), dead_below)
    if even and Q.shape[1] <= room:
        return Q, R, 0
    # What the columns had in common was cancelled, and rounding has grown. Ordered by
    # size, as what is behind a dead direction may well be alive.
    basis.purify(Q)
    Q, again = np.linalg.qr(Q)
    U, s, Vt = np.linalg.svd(again @ R)
    alive = min(int(np.count_nonzero(s > dead_below)), room)
    wanted = min(len(s), room)
    Q, R = Q @ U[:, :wanted], s[:wanted, np.newaxis] * Vt[:wanted]
    R[alive:] = 0.0
    for column in range(alive, wanted):
        vector = rng.standard_normal((len(Q), 1))
        for _ in range(2):
            basis.purify(vector)
            vector -= Q[:, :column] @ (Q[:, :column].T @ vector)
            vector /= np.linalg.norm(vector)
        Q[:, column] = vector[:, 0]
    return Q, R, wanted - alive


def lanczos(sweep, goal, *, block, rng, max_passes=None, max_basis=None):
    """Leading eigenpairs of the G of a sweep.

    Parameters
    ----------
    sweep : Sweep
        See `sweep`.
    goal : Goal
    block : int
        Vectors taken through G at once.
    rng : numpy.random.Generator
    max_passes, max_basis : int or None

    Returns
    -------
    Ritz
    """
    d = sweep.size
    block = min(block, d)
    eps = float(np.finfo(sweep.dtype).eps)
    # Beyond half the space a basis would be as large as square data.
    room = max_basis or min(MOST_BASIS, max(SMALL, d // 2), BASIS_BYTES // (8 * d))
    cap = min(d, max(room, goal.at_most + max(goal.at_most // 2, 8 * block)))
    basis = _Basis(d, cap + block)
    Q = np.linalg.qr(rng.standard_normal((d, block)))[0]
    basis.append(Q)
    schedule, passes, size = _Schedule(goal, sweep, block), 0, 0.0
    while True:
        W = sweep(Q)
        passes += 1
        size = max(size, float(column_norms(W).max()))
        basis.project(W)
        dead_below = max(DEAD, 4 * eps * np.sqrt(d)) * size
        Q, R, n_dead = _next_block(W, basis, dead_below, rng)
        exhausted = Q.shape[1] == 0 or passes == max_passes
        full = basis.count + Q.shape[1] > cap < d
        if exhausted or n_dead or full or schedule.is_due(passes):
            extra = max(goal.at_most // 2, 2 * block, 8)
            values, Y = basis.ritz(goal.at_most + (extra if full else 1))
            residuals = np.linalg.norm(R @ Y[basis.last : basis.count], axis=0)
            k = goal.wanted(values)
            verdict = schedule.look(
                values, residuals, k, basis.count, passes, n_dead, eps
            )
            verdict = verdict or Q.shape[1] == 0
            if verdict or exhausted:
                break
            if full:
                kept = min(basis.count - block, k + extra)
                basis.compress(values[:kept], Y)
                schedule.forget(passes)
        if schedule.inject and basis.count + block <= d:
            Q, _, _ = _next_block(np.zeros_like(W), basis, 1.0, rng)
            schedule.inject, basis.whole = False, True
        basis.append(Q)
    k = min(k, len(values))
    vectors = Y[:, :k].T @ basis.rows[: basis.count]
    return Ritz(
        np.maximum(values[:k], 0.0), vectors, residuals[:k], passes, bool(verdict)
    )


class Complement:
    """A sweep in the complement of eigenvectors of its G."""

    def __init__(self, sweep, vectors):
        self.sweep, self.vectors = sweep, vectors
        self.size, self.dtype, self.work = sweep.size, sweep.dtype, sweep.work

    def _off(self, Q):
        return Q - self.vectors @ (self.vectors.T @ Q)

    def __call__(self, Q):
        """G Q in the complement."""
        return self._off(self.sweep(self._off(Q)))


class _Schedule:
    """When to look at T, and whether what is seen there suffices.

    A look costs an eigenproblem. The logarithm of the residual falls about linearly,
    so the next look is due most of the way to where it will cross the tolerance, but
    no later than the price of a look would pay for in products.
    """

    def __init__(self, goal, sweep, block):
        self.goal, self.work = goal, sweep.work
        # Passes until directions first died, and when the last vectors replaced them.
        self.life = self.born = self.at_birth = None
        self.history, self.block = [], block
        # Whether the next block is to be random, in search of more copies.
        self.inject = False
        self.forget(0)

    def forget(self, passes):
        self.seen, self.due, self.captured = [], passes + 1, None

    def is_due(self, passes):
        return passes >= self.due

    def look(self, values, residuals, k, m, passes, n_dead, eps):
        """Whether the `k` leading Ritz pairs, of a basis of `m`, reach the goal."""
        if values[0] <= self.goal.floor:
            return True
        if k > m:
            self.due = passes + 1
            return False
        goal, theta, r = self.goal, values[:k], residuals[:k]
        behind = values[k] + residuals[k] if len(values) > k else theta[-1]
        gap = np.maximum(theta - behind, LEAST_GAP * max(theta[-1], 0.0))
        gap = np.maximum(gap, np.finfo(float).eps * values[0])
        captured = float(theta.sum())
        if goal.energy:
            error = self._lost(theta, r, gap, captured, m, k)
        else:
            error = float((r / gap).max())
        done = error <= goal.tol or r.max() <= 8 * eps * values[0]
        growth = max(1e-12, 16 * eps, goal.tol if goal.energy else 0.0)
        done = self._survives(passes, captured, n_dead, growth) and done
        if done and self.life is None and self._is_crowded(theta):
            self._begin_trial(passes, captured)
            self.inject, done = True, False
        self.captured = captured, m
        self._set_due(passes, error, m)
        return done

    def _survives(self, passes, captured, n_dead, growth):
        """Whether what was found outlived the random vectors that replaced dead ones.

        A chain of blocks that dies has met each of its values; there may be copies,
        and what takes its place shows them only after as many passes as the first
        chain took to show the values themselves.
        """
        self.history.append((passes, captured))
        if n_dead and self.life is None:
            self._begin_trial(passes, captured)
            return False
        if self.life is None:
            return True
        if passes - self.born < self.life:
            return False
        grown = captured > self.at_birth * (1 + growth)
        self.born, self.at_birth = passes, captured
        self.inject = grown and not n_dead
        return not grown

    def _begin_trial(self, passes, captured):
        shown = (p for p, seen in self.history if seen >= SHOWN * captured)
        self.life, self.born, self.at_birth = next(shown) + 1, passes, captured

    def _is_crowded(self, theta):
        """Whether a value was found as often as a block can find it."""
        if len(theta) < self.block:
            return False
        apart = theta[: len(theta) - self.block + 1] - theta[self.block - 1 :]
        return bool((apart <= COPY * theta[: len(apart)]).any())

    def _lost(self, theta, r, gap, captured, m, k):
        """Share of the captured energy that may still be missing.

        The bound from the residuals is blind to directions that the basis has not met,
        so the basis must hold twice as many as are wanted, and what the last blocks
        added, continued, must be small as well.
        """
        bound = float(np.minimum(r, r**2 / gap).sum()) / captured
        if self.captured is None or m < 2 * k:
            return 1.0
        before, m_before = self.captured
        if m <= m_before:
            return 1.0
        gain = (captured - before) * m / (m - m_before) / 3 / captured
        return max(bound, gain)

    def _set_due(self, passes, error, m):
        self.seen.append((passes, np.log(max(error, TINY))))
        if len(self.seen) < 2 or self.life is not None:
            self.due = passes + 1
            return
        (p0, e0), (p1, e1) = self.seen[-2:]
        slope = min((e1 - e0) / (p1 - p0), -1e-2)
        wait = (np.log(max(self.goal.tol, TINY)) - e1) / slope
        # Price of a look in products: where it is high, rather one product too many.
        price = 5.0 * m**3 / (8.0 * self.work)
        wait *= 0.7 if price < 1 else 0.9
        self.due = passes + int(np.clip(np.ceil(wait), 1, 2 + min(price, passes / 4)))
