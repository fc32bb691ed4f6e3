r"""The weights of rows by a beta divergence, components held.

Each row is a problem of its own, :math:`\min_{w \ge 0} \sum_j d_\beta(x_j | (w H)_j) +
\lambda \sum w + \tfrac\mu2 \|w\|^2`. In units in which the row and all components have
mean 1,

- for beta = 1, which is convex, Newton's method is a sequence of non-negative least
  squares problems, each solved exactly by `nnls`; a step is halved until the divergence
  of the row falls enough [1]_;
- for another beta, multiplicative steps are taken until the row hardly moves.

References
----------
.. [1] D. P. Bertsekas, "Projected Newton methods for optimization problems with simple
       constraints", SIAM Journal on Control and Optimization 20 (1982), 221-246.
       https://doi.org/10.1137/0320018
"""

import numpy as np
from scipy import sparse

from skdimred.numerics.divergence import CHUNK, divergence
from skdimred.numerics.factor_products import serially
from skdimred.numerics.nnls import nnls

__all__ = ["row_weights"]

# Numbers in the matrices of the rows that are taken at once.
BLOCK_SIZE = 1 << 18
# Pairs of components whose products are made at once: so many numbers.
PAIRS_SIZE = 1 << 21
# Entries whose components are gathered at once.
PART = 1 << 13
FLOOR, LARGEST = 1e-30, 1e150
# Largest value in single precision.
HIGHEST = 1e30
# Multiplicative steps before Newton's, steps of the latter, and halvings of one.
WARM, MOST_NEWTON, MOST_HALVINGS = 5, 100, 30
# What a row still has to promise, over its sum, and the share of it that it must keep.
PROMISE, KEPT = 1e-14, 1e-4
# Share of its fit that a positive cell may lose in a step.
MOST_LOST = 0.9
# Multiplicative steps, and the relative change of a row at which they end.
MOST_STEPS, STILL = 1000, 1e-7


def row_weights(
    X,
    H,
    beta,
    *,
    missing=False,
    l1=0.0,
    l2=0.0,
    exact=True,
    start_from=None,
    map_ranges=serially,
):
    """Weights of the rows of X on the components H, row by row.

    Parameters
    ----------
    X : ndarray or csr of shape (n, p)
        Non-negative; NaN in an ndarray is unknown.
    H : ndarray of shape (k, p)
    beta : float
    missing : bool
        Whether cells that are not stored are unknown.
    l1, l2 : float
        Penalties.
    exact : bool
        False for as many multiplicative steps as a fit takes at first, and no more.
    start_from : ndarray of shape (n, k) or None
        Positive weights to begin with.
    map_ranges : callable
        As for `DenseProducts`.

    Returns
    -------
    ndarray of shape (n, k), float64
    """
    means = H.mean(axis=1, dtype=np.float64)
    live = np.flatnonzero(means > 0)
    units = means[live]
    Ht = np.ascontiguousarray((H[live] / units[:, np.newaxis]).T, dtype=np.float64)
    k, by_entries = len(live), sparse.issparse(X) and (missing or beta == 1)
    width = k**2 if by_entries else max(k**2, X.shape[1])
    step = max(64, BLOCK_SIZE // max(width, 1))
    W = np.zeros((X.shape[0], len(H)))

    def over(rows):
        for start in range(rows.start, rows.stop, step):
            block = slice(start, min(start + step, rows.stop))
            x = X[block].astype(np.float64)
            if not by_entries and sparse.issparse(x):
                x = x.toarray()
            sums = np.nansum(x, axis=1) if not by_entries else x.sum(axis=1)
            sizes = np.asarray(sums).reshape(-1) / X.shape[1]
            # Of smaller ones the inverse overflows.
            alive = np.flatnonzero(sizes >= np.finfo(np.float64).tiny)
            if len(alive) and k:
                # Penalties in the units of row and component.
                size = sizes[alive, np.newaxis]
                with np.errstate(over="ignore"):
                    ones = _in_units(l1, size ** (1 - beta) / units)
                    squares = _in_units(l2, size ** (2 - beta) / units**2)
                problem = _Rows(x[alive], size, Ht, beta, missing, ones, squares)
                first = np.full((len(alive), k), 1.0 / k)
                if start_from is not None:
                    first = start_from[block][np.ix_(alive, live)] / (size / units)
                found = problem.solve(first, exact) * (size / units)
                W[np.ix_(block.start + alive, live)] = found

    for _ in map_ranges(over, X.shape[0], work=10.0 * X.shape[0] * width):
        pass
    return W


def _in_units(penalty, units):
    """A penalty in other units, at most so large that it can be calculated with."""
    return np.minimum(penalty * units, LARGEST) if penalty else np.zeros_like(units)


class _Rows:
    """Rows of mean 1 and what a step of their weights is made of."""

    def __init__(self, x, size, Ht, beta, missing, l1, l2):
        self.Ht, self.beta, self.missing, self.l1, self.l2 = Ht, beta, missing, l1, l2
        self.by_entries = sparse.issparse(x)
        if self.by_entries:
            self.x = x.multiply(1 / size).tocsr()
        else:
            known = ~np.isnan(x)
            self.known = None if known.all() else known
            self.x = np.where(known, x / size, float(beta <= 0))
        self.plain = Ht.sum(axis=0)

    def taken(self, rows):
        """The same for some of the rows."""
        new = object.__new__(_Rows)
        new.__dict__.update(self.__dict__)
        new.x, new.l1, new.l2 = self.x[rows], self.l1[rows], self.l2[rows]
        if not self.by_entries and self.known is not None:
            new.known = self.known[rows]
        return new

    def fit(self, w):
        """What the weights make of the cells, or of the stored ones; never 0."""
        return np.maximum(self.image(w), FLOOR)

    def image(self, w):
        """W H in the cells, or in the stored ones."""
        if not self.by_entries:
            return w @ self.Ht.T
        x = self.x
        v = np.empty(x.nnz)
        rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
        for start in range(0, len(v), CHUNK):
            c = slice(start, start + CHUNK)
            # Clipped, as it would otherwise be checked and copied once more.
            left = np.take(w, rows[c], axis=0, mode="clip")
            right = np.take(self.Ht, x.indices[c], axis=0, mode="clip")
            np.einsum("ij,ij->i", left, right, out=v[c])
        return v

    def by_cell(self, per_row):
        """A number of each row (n,) in its cells."""
        if not self.by_entries:
            return per_row[:, np.newaxis]
        return np.repeat(per_row, np.diff(self.x.indptr))

    def row_sums(self, terms):
        """Sums over the cells of each row, or over the stored ones."""
        if not self.by_entries:
            return terms.sum(axis=1)
        sums = np.add.reduceat(np.append(terms, 0.0), self.x.indptr[:-1])
        sums[np.diff(self.x.indptr) == 0] = 0.0
        return sums

    def longest(self, v, change):
        """How far (n,) no cell that is positive loses most of its fit v."""
        loss = np.where(self.cells > 0, -change / v, 0.0)
        if self.by_entries:
            most = np.maximum.reduceat(np.append(loss, 0.0), self.x.indptr[:-1])
            most[np.diff(self.x.indptr) == 0] = 0.0
        else:
            if self.known is not None:
                loss *= self.known
            most = loss.max(axis=1)
        return np.minimum(1.0, MOST_LOST / np.maximum(most, MOST_LOST))

    @property
    def cells(self):
        return self.x.data if self.by_entries else self.x

    def spread(self, values, across):
        """Values in their cells, times a matrix."""
        if not self.by_entries:
            if self.known is not None:
                values = values * self.known
            return values @ across
        x = self.x
        matrix = sparse.csr_array((values, x.indices, x.indptr), shape=x.shape)
        return matrix @ across

    def bottom(self, w, v):
        """The slope of what pulls weights down."""
        if self.beta == 1 and not self.missing and getattr(self, "known", None) is None:
            down = self.plain
        else:
            down = self.spread(v ** (self.beta - 1), self.Ht)
        return down + self.l1 + self.l2 * w

    def value(self, w, v):
        """The objective, row by row."""
        terms = divergence(self.cells, v, self.beta)
        if self.by_entries and not self.missing:
            terms -= v
        elif not self.by_entries and self.known is not None:
            terms *= self.known
        sums = self.row_sums(terms)
        if self.by_entries and not self.missing:
            sums += w @ self.plain
        return sums + (self.l1 * w).sum(axis=1) + 0.5 * (self.l2 * w * w).sum(axis=1)

    def multiplied(self, w):
        """Weights after a multiplicative step."""
        v, beta = self.fit(w), self.beta
        ratio = self.spread(self.cells * v ** (beta - 2), self.Ht) / self.bottom(w, v)
        if beta < 1:
            ratio **= 1 / (2 - beta)
        elif beta > 2:
            ratio **= 1 / (beta - 1)
        return w * ratio

    def solve(self, w, exact):
        """Weights, from where they begin; changes `w`."""
        newton = exact and self.beta == 1
        limit = WARM if newton or not exact else MOST_STEPS
        rest = np.arange(len(w))
        for _ in range(limit):
            rows = self if len(rest) == len(w) else self.taken(rest)
            new = rows.multiplied(w[rest])
            moved = np.abs(new - w[rest]).max(axis=1) > STILL * new.max(axis=1)
            w[rest] = new
            rest = rest[moved]
            if len(rest) == 0:
                return w
        return self.newton(w) if newton else w

    def curvature(self, values):
        """Matrices (n, k, k) of values in the cells between pairs of components."""
        k = self.Ht.shape[1]
        S = np.empty((self.x.shape[0], k, k))
        # In single precision: it only decides how fast the slope vanishes.
        values = np.minimum(values, HIGHEST).astype(np.float32)
        if self.by_entries:
            return self._curvature_of_entries(values, S)
        Ht = self.Ht.astype(np.float32)
        left, right = np.triu_indices(k)
        step = max(1, PAIRS_SIZE // len(Ht))
        for start in range(0, len(left), step):
            i, j = left[start : start + step], right[start : start + step]
            pairs = np.take(Ht, i, axis=1)
            pairs *= np.take(Ht, j, axis=1)
            products = self.spread(values, pairs)
            S[:, i, j] = products
            S[:, j, i] = products
        return S

    def _curvature_of_entries(self, values, S):
        # Row by row, as each has columns of its own.
        edges = self.x.indptr.tolist()
        first = 0
        while first < len(S):
            last = np.searchsorted(self.x.indptr, edges[first] + PART, side="right") - 1
            last = max(first + 1, int(last))
            part = slice(edges[first], edges[last])
            H = np.take(self.Ht, self.x.indices[part], axis=0).astype(np.float32)
            scaled = H * values[part, np.newaxis]
            for i in range(first, last):
                own = slice(edges[i] - part.start, edges[i + 1] - part.start)
                S[i] = H[own].T @ scaled[own]
            first = last
        return S

    def newton(self, w):
        """Newton's method, row by row, for the divergence of Kullback and Leibler."""
        k, rest = w.shape[1], np.arange(len(w))
        for _ in range(MOST_NEWTON):
            rows, now = self.taken(rest), w[rest]
            v = rows.fit(now)
            ratio = rows.cells / v
            top, down = rows.spread(ratio, self.Ht), rows.bottom(now, v)
            S = rows.curvature(ratio / v)
            S[:, np.arange(k), np.arange(k)] += rows.l2
            slope = down - top
            C = np.einsum("nij,nj->ni", S, now) - slope
            step = nnls(S, np.ascontiguousarray(C.T)).T - now
            promise = np.einsum("nj,nj->n", slope, step)
            go = -promise > PROMISE * rows.x.shape[1]
            if not go.any():
                break
            v = v[rows.by_cell(go) if self.by_entries else go]
            rows, rest = rows.taken(go), rest[go]
            w[rest] = rows.searched(now[go], v, step[go], promise[go])
        return w

    def searched(self, now, v, step, promise):
        """Weights after shares of steps, halved until each row fell enough."""
        change = self.image(step)
        share = self.longest(v, change)
        before, todo = self.value(now, v), np.arange(len(now))
        rows = self
        for _ in range(MOST_HALVINGS):
            new = now[todo] + share[todo, np.newaxis] * step[todo]
            fit = np.maximum(v + rows.by_cell(share[todo]) * change, FLOOR)
            bound = before[todo] + KEPT * share[todo] * promise[todo]
            rose = rows.value(new, fit) > bound + 1e-15 * np.abs(before[todo])
            if not rose.any():
                todo = todo[rose]
                break
            cells = rows.by_cell(rose) if self.by_entries else rose
            rows, todo, v, change = (
                rows.taken(rose),
                todo[rose],
                v[cells],
                change[cells],
            )
            share[todo] /= 2
        share[todo] = 0.0
        return np.maximum(now + share[:, np.newaxis] * step, 0.0)
