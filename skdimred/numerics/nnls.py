r"""Exact non-negative least squares for many right-hand sides at once.

Every column x of the answer minimises :math:`\tfrac12 x^T S x - c^T x` over x >= 0, on
its own. Given which of its entries are positive, that is a linear system; which they
are is found by exchanging all entries that violate the conditions x >= 0, S x - c >= 0
at once, and only the last of them where that does not lead on (block principal pivoting
[1]_). From the answer of a few sweeps of coordinate descent one or two exchanges do.

References
----------
.. [1] J. Kim and H. Park, "Fast nonnegative matrix factorization: an active-set-like
       method and comparisons", SIAM Journal on Scientific Computing 33 (2011),
       3261-3281. https://doi.org/10.1137/110821172
"""

import numpy as np

from skdimred.numerics.factor_products import serially
from skdimred.numerics.nonnegative import hals

__all__ = ["nnls"]

SWEEPS = 10
# Exchanges of all that violate before one at a time, and exchanges in all.
FULL, MOST_EXCHANGES = 3, 100
# Numbers in the systems that are solved at once.
SYSTEM_SIZE = 1 << 18
# What counts as a violation, and what is added to a singular S, over its size.
TOLERANCE, RIDGE = 1e-12, 1e-14


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
    X = np.zeros((k, n))
    if S.ndim == 2:
        hals(X, C, S, sweeps, map_ranges)
    else:
        own_sweeps(X, C, S, sweeps)
    if not exact:
        return X
    size = np.einsum("...ii->...i", S).max(axis=-1, initial=0.0)
    # A matrix of zeros leaves nothing to solve, and takes any ridge.
    size = np.where(size > 0, size, 1.0)
    S = S + (RIDGE * k) * size[..., np.newaxis, np.newaxis] * np.eye(k)
    step = max(1, 4 * SYSTEM_SIZE // k**2)

    def over(columns):
        for start in range(columns.start, columns.stop, step):
            block = slice(start, min(start + step, columns.stop))
            own = S if S.ndim == 2 else S[block]
            X[:, block] = _pivoted(own, C[:, block].T, X[:, block].T > 0).T

    for _ in map_ranges(over, n, work=float(n) * k**3):
        pass
    return X


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
    """Block principal pivoting of the rows of C (b, k), from which are positive."""
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
        if not go.any():
            break
        active, wrong, count = active[go], wrong[go], count[go]
        better = count < fewest[active]
        fewest[active] = np.where(better, count, fewest[active])
        left[active] = np.where(better, FULL, left[active] - 1)
        last = k - 1 - np.argmax(wrong[:, ::-1], axis=1)
        single = np.zeros_like(wrong)
        single[np.arange(len(active)), last] = True
        all_at_once = (left[active] >= 0)[:, np.newaxis]
        positive[active] ^= np.where(all_at_once, wrong, single)
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
        inside = np.arange(m) < sizes[rows, np.newaxis]
        if S.ndim == 2:
            system = S[index[:, :, np.newaxis], index[:, np.newaxis]]
        else:
            place = rows[:, np.newaxis, np.newaxis]
            system = S[place, index[:, :, np.newaxis], index[:, np.newaxis]]
        system *= inside[:, :, np.newaxis] & inside[:, np.newaxis]
        system[:, np.arange(m), np.arange(m)] += ~inside
        right = np.where(inside, C[rows[:, np.newaxis], index], 0.0)
        x[rows[:, np.newaxis], index] = np.linalg.solve(system, right[..., np.newaxis])[
            ..., 0
        ]
        start = stop
    return x
