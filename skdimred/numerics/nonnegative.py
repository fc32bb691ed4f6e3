r"""Non-negative factors by alternating, extrapolated coordinate descent.

With Z (n, p) the data, A (k, n) and B (k, p) minimise

.. math:: f(A, B) = \tfrac12 \|Z - A^T B\|_F^2 + \sum_{it} \lambda_i^A a_{ti}
          + \lambda^B \sum B + \tfrac12 \mu^A \|A\|_F^2 + \tfrac12 \mu^B \|B\|_F^2
          \quad\text{over } A \ge 0,\ B \ge 0 .

For fixed B this is :math:`\min_{A \ge 0} \tfrac12 \langle A, S A \rangle - \langle C, A
\rangle` with the k x k matrix :math:`S = B B^T + \mu^A I` and :math:`C = B Z^T -
\lambda^A`. One sweep of coordinate descent (HALS, [1]_) minimises over one component,
all rows at once, after the other: :math:`a_t \leftarrow \max(0, a_t + (c_t - s_t A) /
s_{tt})`. Scaled so that S has a unit diagonal, that is one product, one subtraction and
one maximum. Sweeps run on blocks of columns that stay in the cache, several for each
product with Z [2]_.

Between half steps both factors are extrapolated along their last change [3]_. The
objective is known after each half step from C and S alone; where it would rise, the
extrapolation is undone, shortened, and a plain step taken.

References
----------
.. [1] A. Cichocki and A.-H. Phan, "Fast local algorithms for large scale nonnegative
       matrix and tensor factorizations", IEICE Transactions on Fundamentals E92-A
       (2009), 708-721. https://doi.org/10.1587/transfun.E92.A.708
.. [2] N. Gillis and F. Glineur, "Accelerated multiplicative updates and hierarchical
       ALS algorithms for nonnegative matrix factorization", Neural Computation 24
       (2012), 1085-1105. https://doi.org/10.1162/NECO_a_00256
.. [3] A. M. S. Ang and N. Gillis, "Accelerating nonnegative matrix factorization
       algorithms using extrapolation", Neural Computation 31 (2019), 417-439.
       https://doi.org/10.1162/neco_a_01157
"""

from dataclasses import dataclass

import numpy as np

from skdimred.numerics.factor_products import inner, serially

__all__ = [
    "NO_PENALTIES",
    "Factors",
    "Frobenius",
    "Penalty",
    "alternate",
    "balanced_residual",
    "hals",
    "slope",
]

# Numbers in a block of a factor, for the caches.
BLOCK_SIZE = 1 << 17
LEAST_WIDTH, MOST_WIDTH = 512, 16384
# Components below this share of the largest have no weight.
DEAD = 1e-14
# Extrapolation: first, factor after a rise, growth of it and of its limit.
FIRST, SHRINK, GROWTH, LIMIT_GROWTH = 0.5, 1.5, 1.05, 1.01
# Sweeps for a product with the data, and where these are large and sparse.
SWEEPS, DEAR_SWEEPS = 3, 1
# Iterations from one look at the residual to the next, and how near the tolerance it
# has to be for a look at each.
LOOK, NEAR = 5, 3.0
# Change of the objective that is rounding, in eps of the squared norm, and how many
# such changes end it.
ROUNDING, MOST_STILL = 0.1, 10


@dataclass(frozen=True)
class Penalty:
    """What is added to the loss for one factor.

    Attributes
    ----------
    l1 : float or ndarray of shape (n,)
        Times the sum of the entries (of each column).
    l2 : float
        Times half the squared norm.
    """

    l1: float | np.ndarray = 0.0
    l2: float = 0.0

    def value(self, A, weight=None):
        """The penalty of a factor A (k, n), of weighted columns where so given."""
        value, times = 0.0, 1.0 if weight is None else weight
        if np.any(self.l1):
            value += float(np.sum(A.sum(axis=0, dtype=np.float64) * self.l1 * times))
        if self.l2:
            times = 1.0 if weight is None else np.sqrt(weight)
            scaled = np.ascontiguousarray(A * times)
            value += 0.5 * self.l2 * inner(scaled, scaled)
        return value

    def taken_off(self, C):
        """The linear term C minus the slope of the first part."""
        return C - np.asarray(self.l1, C.dtype) if np.any(self.l1) else C


NO_PENALTIES = (Penalty(), Penalty())


@dataclass(frozen=True)
class Half:
    """Half a step.

    Attributes
    ----------
    factor : ndarray of shape (k, n)
        The new factor.
    loss : float
        Half the squared error at it, without penalties.
    slopes : ndarray of shape (k,) or None
        Squared norm of the projected gradient, component by component.
    """

    factor: np.ndarray
    loss: float
    slopes: np.ndarray | None


@dataclass(frozen=True)
class Factors:
    """Where `alternate` stopped.

    Attributes
    ----------
    A : ndarray of shape (k, n)
    B : ndarray of shape (k, p)
    history : list of float
        The objective after each iteration, never rising.
    residual : float
        The last one that was looked at, inf if none was.
    n_iter : int
    converged : bool
        False if it was the number of iterations that ended it.
    asked : bool
        Whether it was `report` that asked to stop.
    """

    A: np.ndarray
    B: np.ndarray
    history: list
    residual: float
    n_iter: int
    converged: bool
    asked: bool = False


def hals(A, C, S, sweeps, map_ranges=serially):
    """Sweeps of coordinate descent on ``<A, S A> / 2 - <C, A>``, A >= 0, in place.

    Parameters
    ----------
    A, C : ndarray of shape (k, n)
    S : ndarray of shape (k, k)
        Symmetric, positive semidefinite.
    sweeps : int
    map_ranges : callable
        As for `DenseProducts`.

    Returns
    -------
    A : ndarray of shape (k, n)
    """
    k, n = A.shape
    diagonal = S.diagonal().astype(np.float64)
    lives = diagonal > DEAD * diagonal.max(initial=0.0)
    live, dead = np.flatnonzero(lives), np.flatnonzero(~lives)
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    others = (S / root[:, np.newaxis] / root).astype(A.dtype)
    np.fill_diagonal(others, 0.0)
    up = root[:, np.newaxis].astype(A.dtype)
    down = (1.0 / root)[:, np.newaxis].astype(A.dtype)
    width = BLOCK_SIZE // k // 64 * 64
    width = min(MOST_WIDTH, max(LEAST_WIDTH, width))

    def over(columns):
        for start in range(columns.start, columns.stop, width):
            block = slice(start, min(start + width, columns.stop))
            a, c = A[:, block] * up, C[:, block] * down
            product = np.empty(a.shape[1], A.dtype)
            # Where nothing holds an entry and a penalty pulls it down, that is to 0.
            a[dead] = np.where(c[dead] < 0, 0.0, a[dead])
            for _ in range(sweeps):
                for t in live:
                    np.dot(others[t], a, out=product)
                    np.subtract(c[t], product, out=product)
                    np.maximum(product, 0.0, out=a[t])
            np.multiply(a, down, out=A[:, block])

    for _ in map_ranges(over, n, work=4.0 * sweeps * n * k**2):
        pass
    return A


def slope(A, gradient):
    """Squared norm (k,) of the gradient where A may move along it, A >= 0."""
    # At 0, only what pulls upwards counts.
    moves = gradient * ((A > 0) | (gradient < 0))
    return np.array([inner(row, row) for row in moves])


def _slopes(A, C, S):
    """The same for the gradient ``S A - C``, block by block."""
    total = np.zeros(len(A))
    for start in range(0, A.shape[1], MOST_WIDTH):
        block = slice(start, start + MOST_WIDTH)
        total += slope(A[:, block], S @ A[:, block] - C[:, block])
    return total


class Frobenius:
    """Half the squared error of all entries, and its half steps.

    Parameters
    ----------
    products : DenseProducts, SparseProducts or LowRankProducts
    penalties : tuple of Penalty
        Of A and of B.
    map_ranges : callable
        As for `DenseProducts`.
    """

    def __init__(self, products, penalties=NO_PENALTIES, map_ranges=serially):
        self.products, self.penalties = products, penalties
        self.map_ranges = map_ranges
        self.dtype, self.squares = products.dtype, products.squares
        self.sweeps = DEAR_SWEEPS if products.is_dear else SWEEPS

    def _quadratic(self, side, other):
        """What half a step minimises: C, S, and both with their penalties."""
        multiply = self.products.right if side == 0 else self.products.left
        penalty = self.penalties[side]
        C, S = multiply(other), other @ other.T
        ridged = S
        if penalty.l2:
            ridged = S + S.dtype.type(penalty.l2) * np.eye(len(S), dtype=S.dtype)
        return C, S, penalty.taken_off(C), ridged

    def slopes(self, side, factor, other):
        """Squared norms (k,) of the projected gradient in one factor."""
        return self.slopes_and_cross(side, factor, other)[0]

    def slopes_and_cross(self, side, factor, other):
        """The same, and the products of the other factor with the data."""
        C, _, linear, ridged = self._quadratic(side, other)
        return _slopes(factor, linear, ridged), C

    def objective(self, A, B):
        """The objective at a pair of factors."""
        C, S, _, _ = self._quadratic(0, B)
        error = self.squares - 2 * inner(A, C) + inner(A @ A.T, S)
        return self.value(A, B, 0.5 * max(error, 0.0))

    def half(self, side, start, other, look=False, sweeps=None):
        """Move one factor, the other held.

        Parameters
        ----------
        side : {0, 1}
            0 for A, 1 for B.
        start : ndarray of shape (k, n) or (k, p)
            Becomes the new factor.
        other : ndarray of shape (k, p) or (k, n)
        look : bool
            Whether the slopes are wanted: of A where it ends, of B where it starts.
        sweeps : int or None
            None for as many as serve.

        Returns
        -------
        Half
        """
        C, S, linear, ridged = self._quadratic(side, other)
        slopes = None
        if look and side == 1:
            slopes = _slopes(start, linear, ridged)
        new = hals(start, linear, ridged, sweeps or self.sweeps, self.map_ranges)
        if look and side == 0:
            slopes = _slopes(new, linear, ridged)
        error = self.squares - 2 * inner(new, C) + inner(new @ new.T, S)
        return Half(new, 0.5 * max(error, 0.0), slopes)

    def value(self, A, B, loss):
        """The objective, of which the loss is known."""
        return loss + self.penalties[0].value(A) + self.penalties[1].value(B)


def balanced_residual(slopes_A, slopes_B, A, B, squares):
    r"""Projected gradient where both parts of a component have the same norm.

    The norm of the gradient in both factors over :math:`\|Z\|^{3/2}`: the same for
    c Z, and however a component is shared out between its two parts.
    """
    norms_A = np.einsum("ij,ij->i", A, A, dtype=np.float64)
    norms_B = np.einsum("ij,ij->i", B, B, dtype=np.float64)
    ratio = np.zeros_like(norms_A)
    np.divide(norms_A, norms_B, out=ratio, where=(norms_B > 0) & (norms_A > 0))
    ratio = np.sqrt(ratio)
    inverse = np.divide(1.0, ratio, out=np.zeros_like(ratio), where=ratio > 0)
    total = float(slopes_A @ ratio + slopes_B @ inverse)
    return np.sqrt(total) / squares**0.75 if squares > 0 else 0.0


def alternate(loss, A, B, *, tol, max_iter, gentle=0, least_gain=0.0, report=None):
    """Alternate half steps until the residual is at most `tol`.

    Parameters
    ----------
    loss : Frobenius
        Or another with `half`, `value`, `squares` and `dtype`.
    A, B : ndarray of shape (k, n) and (k, p)
        The start, not changed.
    tol : float
        Of `balanced_residual`.
    max_iter : int
    gentle : int
        Iterations of one sweep each and without extrapolation, before the others. They
        are slower, and lead to better local minima.
    least_gain : float
        Ends it where the objective falls by a smaller share of itself.
    report : callable or None
        ``report(value, residual, A, B)`` after each iteration; returns
        whether to stop.

    Returns
    -------
    Factors
    """
    pace = _Pace(gentle)
    noise = ROUNDING * float(np.finfo(loss.dtype).eps) * loss.squares
    # Pairs (A, B): the best so far, and the one that the next half step starts from,
    # whose arrays it takes for its own.
    best, ahead, last_B = (A, B), (A.copy(), B), B
    del A, B
    history, value, residual, still = [], np.inf, np.inf, 0
    for n_iter in range(1, max_iter + 1):
        look = n_iter % LOOK == 0 or residual <= NEAR * tol
        sweeps = 1 if n_iter <= gentle else None
        half = loss.half(0, *ahead, look, sweeps)
        new = loss.value(half.factor, ahead[1], half.loss)
        if new > value + noise and pace.ran:
            pace.rose()
            history.append(value)
            if report is not None and report(value, residual, *best):
                return Factors(*best, history, residual, n_iter, True, True)
            half = ahead = None
            last_B = loss.half(1, best[1].copy(), best[0]).factor
            ahead = best[0].copy(), last_B
            continue
        still = still + 1 if new > value - noise else 0
        value_before, value = value, min(value, new)
        history.append(value)
        last_A, best, slopes = best[0], (half.factor, ahead[1]), half.slopes
        # Arrays that are not needed are let go before the next are made.
        half = ahead = None
        still_there = look or n_iter == 1
        A_ahead = best[0] if still_there else pace.along(best[0], last_A)
        last_A = None
        step = loss.half(1, best[1].copy(), A_ahead, look, sweeps)
        if look:
            residual = balanced_residual(slopes, step.slopes, *best, loss.squares)
        stop = report is not None and report(value, residual, *best)
        small = n_iter > gentle and value_before - value < least_gain * value
        if (look and residual <= tol) or still >= MOST_STILL or small or stop:
            return Factors(*best, history, residual, n_iter, True, bool(stop))
        if A_ahead is best[0]:
            A_ahead = A_ahead.copy()
        ahead = A_ahead, pace.along(step.factor, last_B)
        last_B, A_ahead, step = step.factor, None, None
        pace.fell()
    return Factors(*best, history, residual, max_iter, False)


class _Pace:
    """How far both factors are extrapolated."""

    def __init__(self, gentle):
        self.gentle, self.step, self.limit, self.ran = gentle, FIRST, 1.0, False

    def along(self, new, old):
        """`new`, moved on along its change from `old`, not below 0."""
        if self.gentle > 0:
            return new
        ahead = new - old
        ahead *= new.dtype.type(self.step)
        ahead += new
        self.ran = True
        return np.maximum(ahead, 0.0, out=ahead)

    def fell(self):
        """The objective fell: go farther."""
        if self.gentle > 0:
            self.gentle -= 1
            return
        self.limit = min(1.0, LIMIT_GROWTH * self.limit)
        self.step = min(self.limit, GROWTH * self.step)

    def rose(self):
        """The objective rose: go less far, and not farther soon."""
        self.limit, self.step = self.step, self.step / SHRINK
        self.ran = False
