r"""Exact non-negative least squares for many right-hand sides at once.

Every column x of the answer minimises :math:`\tfrac12 x^T S x - c^T x` over x >= 0, on
its own. Given which of its entries are positive, that is a linear system; which they
are is found by exchanging all entries that violate the conditions x >= 0, S x - c >= 0
at once, and only the last of them where that does not lead on (block principal pivoting
[1]_). From the answer of a few sweeps of coordinate descent one or two exchanges do.

Where S is so close to singular that exchanges end above the sweeps, or not at all, the
column is solved by going from one set of positive entries to the next without ever
going up (Lawson and Hanson [2]_). Columns are held in units in which S has a unit
diagonal and the largest entry of c is 1.

References
----------
.. [1] J. Kim and H. Park, "Fast nonnegative matrix factorization: an active-set-like
       method and comparisons", SIAM Journal on Scientific Computing 33 (2011),
       3261-3281. https://doi.org/10.1137/110821172
.. [2] C. L. Lawson and R. J. Hanson, "Solving Least Squares Problems", SIAM (1995),
       chapter 23. https://doi.org/10.1137/1.9781611971217
"""

import numpy as np

from skdimred.numerics.factor_products import serially
from skdimred.numerics.nonnegative import hals

__all__ = ["nnls"]

SWEEPS = 10
# Exchanges of all that violate before one at a time, and exchanges in all.
FULL, MOST_EXCHANGES = 3, 100
# Numbers in the systems that are solved at once; columns that are gone through at
# once, and numbers in their matrices where each has its own.
SYSTEM_SIZE, WIDTH, OWN_SIZE = 1 << 16, 2048, 1 << 20
# What counts as a violation, what is added to a singular S, and a change of the
# objective that is rounding.
TOLERANCE, RIDGE, ROUNDING = 1e-12, 1e-14, 1e-13
# Supports that are gone through downwards, over the number of entries.
MOST_SUPPORTS = 10


def nnls(S, C, *, exact=True, sweeps=None, map_ranges=serially):
    """Non-negative least squares, column by column.

    Parameters
    ----------
    S : ndarray of shape (k, k) or (n, k, k), float64
        Symmetric positive semidefinite; one for all columns, or one for each.
    C : ndarray of shape (k, n), float64
    exact : bool
        Whether the sweeps are followed by exchanges.
    sweeps : int or None
        Of coordinate descent, from 0. None for as many as serve the exchanges.
    map_ranges : callable
        As for `DenseProducts`.

    Returns
    -------
    ndarray of shape (k, n), float64
        Exactly 0 where an entry is not positive.
    """
    k, n = C.shape
    sweeps = SWEEPS if sweeps is None else sweeps
    S, C, units = _in_units(S, C)
    if S.ndim == 3:
        X = np.zeros((k, n))
        own_sweeps(X, C, S, sweeps)
    else:
        # Exchanges take the supports only, for which single precision is enough.
        dtype = np.float32 if exact else np.float64
        X = hals(np.zeros((k, n), dtype), C.astype(dtype), S, sweeps, map_ranges)
        X = X.astype(np.float64)
    if not exact:
        return X * units
    S = S + (RIDGE * k) * np.eye(k)
    width = WIDTH if S.ndim == 2 else max(1, OWN_SIZE // k**2)

    def over(columns):
        for start in range(columns.start, columns.stop, width):
            block = slice(start, min(start + width, columns.stop))
            own = S if S.ndim == 2 else S[block]
            X[:, block] = _solved(own, C[:, block].T, X[:, block].T).T

    for _ in map_ranges(over, n, work=float(n) * k**3):
        pass
    return X * units


def _in_units(S, C):
    """S with a unit diagonal, C with entries of at most 1, and the units of X."""
    diagonal = np.einsum("...ii->...i", S)
    root = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    S = S / root[..., np.newaxis] / root[..., np.newaxis, :]
    root = root[:, np.newaxis] if S.ndim == 2 else root.T
    C = C / root
    largest = np.abs(C).max(axis=0, initial=0.0)
    largest = np.where(largest > 0, largest, 1.0)
    return S, np.ascontiguousarray(C / largest), largest / root


def _value(S, C, X):
    """The objective of rows X (b, k)."""
    image = X @ S if S.ndim == 2 else np.einsum("bij,bj->bi", S, X)
    return np.einsum("bi,bi->b", X, image / 2 - C)


def _solved(S, C, X):
    """Rows of X (b, k) moved to the minimum."""
    new, unfinished = _pivoted(S, C, X > 0)
    before = _value(S, C, X)
    unfinished |= _value(S, C, new) > before + ROUNDING * np.abs(before)
    rest = np.flatnonzero(unfinished)
    if len(rest):
        own = S if S.ndim == 2 else S[rest]
        new[rest] = _descended(own, C[rest], X[rest])
    return new


def own_sweeps(A, C, S, sweeps):
    """Coordinate descent where every column has a matrix of its own, in place.

    Parameters
    ----------
    A, C : ndarray of shape (k, n)
    S : ndarray of shape (n, k, k)
    sweeps : int
    """
    diagonal = np.ascontiguousarray(np.einsum("nii->in", S))
    inverse = np.divide(1, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    a = np.ascontiguousarray(A.T)
    for _ in range(sweeps):
        for t in range(len(A)):
            change = C[t] - np.einsum("nj,nj->n", S[:, t], a)
            new = np.maximum(a[:, t] + change * inverse[t], 0.0)
            # Where the diagonal is 0 nothing depends on it.
            a[:, t] = np.where(diagonal[t] > 0, new, 0.0)
    A[:] = a.T


def _pivoted(S, C, positive):
    """Block principal pivoting of the rows of C (b, k), from which are positive.

    Gives the rows of X, and which of them still violate the conditions.
    """
    b, k = C.shape
    X = np.zeros((b, k))
    small = TOLERANCE * np.abs(C).max(axis=1, keepdims=True, initial=0.0)
    # Fewest violations so far, and full exchanges left, row by row.
    fewest, left = np.full(b, k + 1), np.full(b, FULL)
    active = np.arange(b)
    for _ in range(MOST_EXCHANGES):
        own = S if S.ndim == 2 else S[active]
        x = _on_support(own, C[active], positive[active])
        slack = x @ S if S.ndim == 2 else np.einsum("bij,bj->bi", own, x)
        slack -= C[active]
        X[active] = np.maximum(x, 0.0)
        tiny = TOLERANCE * np.abs(x).max(axis=1, keepdims=True, initial=0.0)
        wrong = np.where(positive[active], x < -tiny, slack < -small[active])
        count = wrong.sum(axis=1)
        go = count > 0
        active, wrong, count = active[go], wrong[go], count[go]
        if len(active) == 0:
            break
        better = count < fewest[active]
        fewest[active] = np.where(better, count, fewest[active])
        left[active] = np.where(better, FULL, left[active] - 1)
        last = k - 1 - np.argmax(wrong[:, ::-1], axis=1)
        single = np.zeros_like(wrong)
        single[np.arange(len(active)), last] = True
        all_at_once = (left[active] >= 0)[:, np.newaxis]
        positive[active] ^= np.where(all_at_once, wrong, single)
    unfinished = np.zeros(b, bool)
    unfinished[active] = True
    return X, unfinished


def _descended(S, C, X):
    """Rows of X (b, k) >= 0 moved down from one support to the next."""
    X, k = X.copy(), X.shape[1]
    positive, value = X > 0, np.full(len(X), np.inf)
    active = np.arange(len(X))
    for _ in range(MOST_SUPPORTS * k):
        own = S if S.ndim == 2 else S[active]
        x, inside = X[active], positive[active]
        z = _on_support(own, C[active], inside)
        # As far as the first entry that would turn negative, which leaves.
        falls = inside & (z <= 0)
        share = np.ones_like(x)
        np.divide(x, x - z, out=share, where=falls & (x > z))
        share[falls & (x <= z)] = 0.0
        least = share.min(axis=1, keepdims=True)
        x += least * (z - x)
        inside &= ~(falls & (share <= least))
        x = np.where(inside, np.maximum(x, 0.0), 0.0)
        whole = ~falls.any(axis=1)
        now = _value(own, C[active], x)
        image = x @ S if S.ndim == 2 else np.einsum("bij,bj->bi", own, x)
        pull = np.where(inside, 0.0, C[active] - image)
        enters = pull.argmax(axis=1)
        size = np.take_along_axis(pull, enters[:, np.newaxis], 1)[:, 0]
        fell = now < value[active] - ROUNDING * np.abs(now)
        X[active], positive[active] = x, inside
        positive[active[whole], enters[whole]] = True
        value[active[whole]] = now[whole]
        active = active[~whole | (fell & (size > TOLERANCE))]
        if len(active) == 0:
            break
    return X


def _on_support(S, C, positive):
    """Solutions (b, k) that are 0 off their supports and solve the system on them."""
    b, k = C.shape
    x = np.zeros((b, k))
    sizes = positive.sum(axis=1)
    # Rows with supports of similar size are solved together, padded to the largest.
    order = np.argsort(sizes, kind="stable")
    supports = np.argsort(~positive, axis=1, kind="stable")
    start = int(np.searchsorted(sizes[order], 1))
    while start < b:
        # The rows that still fit, if the last of them sets the size.
        m = int(sizes[order[start]])
        limit = max(m + 4, int(1.25 * m))
        stop = int(np.searchsorted(sizes[order], limit, side="right"))
        stop = min(stop, start + max(1, SYSTEM_SIZE // m**2))
        rows = order[start:stop]
        m = int(sizes[rows[-1]])
        index = supports[rows, :m]
        cells = index[:, :, np.newaxis] * k + index[:, np.newaxis]
        inside = np.arange(m) < sizes[rows, np.newaxis]
        if S.ndim == 3:
            cells += (rows * k**2)[:, np.newaxis, np.newaxis]
        system = S.ravel().take(cells)
        system *= inside[:, :, np.newaxis] & inside[:, np.newaxis]
        system[:, np.arange(m), np.arange(m)] += ~inside
        right = np.where(inside, C[rows[:, np.newaxis], index], 0.0)
        x[rows[:, np.newaxis], index] = np.linalg.solve(system, right[..., np.newaxis])[
            ..., 0
        ]
        start = stop
    return x
