r"""Non-negative factors by a beta divergence, touching what is stored only.

With :math:`v_{ij} = \sum_t w_{it} h_{jt}` the divergence is :math:`\sum_{ij} d_\beta
(x_{ij} | v_{ij})`, for beta = 1 that of Kullback and Leibler, :math:`x \log (x/v) - x +
v`, and for beta = 0 that of Itakura and Saito, :math:`x/v - \log(x/v) - 1`. Majorised
at the factor w by a function that separates its entries, it is least at [1]_

.. math:: w_{it} \left( \frac{\sum_j x_{ij} v_{ij}^{\beta - 2} h_{jt}}
          {\sum_j v_{ij}^{\beta - 1} h_{jt}} \right)^{\gamma(\beta)} ,

so that no step raises it. For beta = 1 only stored entries enter, as the denominator is
a column sum of H. Steps start from factors extrapolated upwards along their last change
[2]_; where the divergence rises, that is undone.

References
----------
.. [1] C. Févotte and J. Idier, "Algorithms for nonnegative matrix factorization with
       the beta-divergence", Neural Computation 23 (2011), 2421-2456.
       https://doi.org/10.1162/NECO_a_00168
.. [2] L. T. K. Hien, V. Leplat and N. Gillis, "Block majorization minimization with
       extrapolation and application to beta-NMF", SIAM Journal on Mathematics of Data
       Science 7 (2025). https://doi.org/10.1137/24M1650193
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skdimred.numerics.factor_products import inner, serially
from skdimred.numerics.nonnegative import Factors, Penalty

__all__ = [
    "Cells",
    "divergence",
    "multiplied",
    "multiply_alternate",
    "multiply_residual",
]

# Entries whose fit is found at once, bytes of dense rows, entries whose loss is.
CHUNK = 4096
BLOCK_BYTES, ENTRIES = 2 << 20, 1 << 16
# Iterations from one look at the residual to the next, change of the objective that is
# rounding, in eps of the sum, and how many such changes end it.
LOOK, ROUNDING, MOST_STILL = 10, 0.5, 10


def divergence(x, v, beta):
    """Divergences of x >= 0 from positive v, entry by entry, in double.

    Parameters
    ----------
    x, v : ndarray
        x is positive where beta <= 0.
    beta : float
    """
    x, v = x.astype(np.float64, copy=False), v.astype(np.float64, copy=False)
    if beta == 2:
        return (x - v) ** 2 / 2
    if beta == 1:
        logs = np.log(np.divide(x, v, out=np.ones_like(v), where=x > 0))
        return x * logs - x + v
    if beta == 0:
        ratio = x / v
        return ratio - np.log(ratio) - 1.0
    terms = x**beta + (beta - 1) * v**beta - beta * x * v ** (beta - 1)
    return terms / (beta * (beta - 1))


@dataclass(frozen=True)
class Parts:
    """Of a multiplicative step, and the divergence where it starts.

    Attributes
    ----------
    numerator : ndarray of shape (n, k)
    denominator : ndarray of shape (n, k) or (k,)
    value : float or None
    """

    numerator: np.ndarray
    denominator: np.ndarray
    value: float | None


class Cells:
    """What a divergence sums over.

    Parameters
    ----------
    X : ndarray or csr of shape (n, p), float64 or float32
        Non-negative. NaN in an ndarray is unknown.
    beta : float
    scale : float
        Divides X.
    missing : bool
        Whether cells that are not stored are unknown, and not 0.
    weight : ndarray of shape (n,) or None
        How often each row counts.
    map_ranges : callable
        As for `DenseProducts`.

    Attributes
    ----------
    total : float
        Weighted sum of all known cells, over the scale.
    n_known : float
        Weighted number of them.
    """

    def __init__(
        self, X, beta, *, scale=1.0, missing=False, weight=None, map_ranges=serially
    ):
        self.X, self.beta, self.scale, self.missing = X, beta, scale, missing
        self.weight, self.map_ranges = weight, map_ranges
        self.dtype = X.dtype
        # Of a fit, below which it is taken for this.
        self.floor = X.dtype.type(np.finfo(X.dtype).eps ** 2)
        self.by_entries = sparse.issparse(X) and (missing or beta == 1)
        self.has_gaps = not sparse.issparse(X) and bool(np.isnan(X.sum()))
        if self.by_entries:
            self.rows = np.repeat(
                np.arange(X.shape[0], dtype=np.int32), np.diff(X.indptr)
            )
            self.x = (X.data / scale).astype(X.dtype, copy=False)
        n, p = X.shape
        known = np.full(n, float(p))
        if self.has_gaps:
            known = np.count_nonzero(~np.isnan(X), axis=1).astype(np.float64)
            sums = np.nansum(X, axis=1, dtype=np.float64)
        else:
            sums = np.asarray(X.sum(axis=1, dtype=np.float64)).reshape(-1)
        if missing and sparse.issparse(X):
            known = np.diff(X.indptr).astype(np.float64)
        times = np.ones(n) if weight is None else weight
        self.total = float(times @ sums) / scale
        self.n_known = float(times @ known)

    def parts(self, side, W, Ht, want_value=False):
        """Parts of a step of W (side 0) or of Ht (side 1).

        Parameters
        ----------
        side : {0, 1}
        W : ndarray of shape (n, k)
        Ht : ndarray of shape (p, k)
        want_value : bool

        Returns
        -------
        Parts
        """
        if self.by_entries:
            return self._of_entries(side, W, Ht, want_value)
        return self._of_blocks(side, W, Ht, want_value)

    def value(self, W, Ht):
        """The divergence of all known cells from what the factors make of them."""
        if self.by_entries:
            return self._value_of_entries(W, Ht, self.fit_of_entries(W, Ht))

        def over(rows):
            return sum(self._value_of(*part) for part in self._blocks(rows, W, Ht))

        n, p = self.X.shape
        return float(sum(self.map_ranges(over, n, work=4.0 * n * p * W.shape[1])))

    def fit_of_entries(self, W, Ht):
        """What the factors make of the stored entries."""
        v, columns = np.empty(len(self.x), W.dtype), self.X.indices

        def fill(entries):
            buffers = np.empty((2, CHUNK, W.shape[1]), W.dtype)
            for start in range(entries.start, entries.stop, CHUNK):
                c = slice(start, min(start + CHUNK, entries.stop))
                left, right = buffers[:, : c.stop - c.start]
                # Clipped, as it would otherwise be checked and copied once more.
                np.take(W, self.rows[c], axis=0, out=left, mode="clip")
                np.take(Ht, columns[c], axis=0, out=right, mode="clip")
                np.einsum("ij,ij->i", left, right, out=v[c])

        for _ in self.map_ranges(fill, len(v), work=8.0 * len(v) * W.shape[1]):
            pass
        return np.maximum(v, self.floor, out=v)

    def _value_of_entries(self, W, Ht, v):
        value = 0.0
        if not self.missing:
            # Cells that are not stored add what is fitted there.
            value = float(_total(W, self.weight) @ _total(Ht)) - self.total
        for start in range(0, len(v), ENTRIES):
            part = slice(start, start + ENTRIES)
            x, times = self.x[part], None
            if self.weight is not None:
                times = self.weight[self.rows[part]]
            if self.missing:
                terms = divergence(x, v[part], self.beta)
                value += float(terms.sum() if times is None else times @ terms)
                continue
            logs = np.log(np.where(x > 0, x / v[part], 1), dtype=v.dtype)
            x = x if times is None else times * x
            value += inner(x.astype(v.dtype, copy=False), logs)
        return value

    def _of_entries(self, side, W, Ht, want_value):
        beta, v = self.beta, self.fit_of_entries(W, Ht)
        value = self._value_of_entries(W, Ht, v) if want_value else None
        top = self.x / v if beta == 1 else self.x * v ** (beta - 2)
        bottom = v ** (beta - 1) if self.missing else None
        across = Ht if side == 0 else W
        if self.weight is not None and side == 1:
            weight = self.weight[self.rows]
            top = (top * weight).astype(self.dtype)
            bottom = None if bottom is None else (bottom * weight).astype(self.dtype)
        numerator = self._spread(top, side) @ across
        if bottom is None:
            plain = _total(Ht) if side == 0 else _total(W, self.weight)
            denominator = plain.astype(self.dtype)
        else:
            denominator = self._spread(bottom, side) @ across
        return Parts(numerator, denominator, value)

    def _spread(self, values, side):
        """A matrix of the pattern of X, or its transpose."""
        matrix = sparse.csr_array(
            (values, self.X.indices, self.X.indptr), shape=self.X.shape
        )
        return matrix if side == 0 else matrix.T

    def _blocks(self, rows, W, Ht):
        """Blocks of rows: where, cells, which are known, and what is made of them."""
        step = max(16, BLOCK_BYTES // (self.X.shape[1] * self.dtype.itemsize))
        for start in range(rows.start, rows.stop, step):
            block = slice(start, min(start + step, rows.stop))
            v = np.maximum(W[block] @ Ht.T, self.floor)
            yield block, *self._dense(block), v

    def _value_of(self, block, x, known, v):
        terms = divergence(x, v, self.beta)
        if known is not None:
            terms *= known
        terms = terms.sum(axis=1)
        return float(terms.sum() if self.weight is None else self.weight[block] @ terms)

    def _of_blocks(self, side, W, Ht, want_value):
        (n, p), k, beta = self.X.shape, W.shape[1], self.beta
        out = np.zeros((2, (n, p)[side], k), self.dtype)

        def over(rows):
            value, sums = 0.0, np.zeros((2, p, k), self.dtype) if side else None
            for block, x, known, v in self._blocks(rows, W, Ht):
                if want_value:
                    value += self._value_of(block, x, known, v)
                top = x / v if beta == 1 else x * v ** (beta - 2)
                bottom = np.ones_like(v) if beta == 1 else v ** (beta - 1)
                if known is not None:
                    top, bottom = top * known, bottom * known
                if side == 0:
                    out[0, block], out[1, block] = top @ Ht, bottom @ Ht
                    continue
                left = W[block]
                if self.weight is not None:
                    left = left * self.weight[block, np.newaxis].astype(self.dtype)
                sums[0] += top.T @ left
                sums[1] += bottom.T @ left
            return value, sums

        value = 0.0
        for part, sums in self.map_ranges(over, n, work=4.0 * n * p * k):
            value += part
            if sums is not None:
                out += sums
        return Parts(out[0], out[1], value)

    def _dense(self, block):
        """Rows as a dense block, and which cells of it are known, None for all."""
        x = self.X[block]
        if sparse.issparse(x):
            x = x.toarray()
        x = x / self.dtype.type(self.scale)
        if not self.has_gaps:
            return x, None
        known = ~np.isnan(x)
        # Its divergence from any fit is finite, and not counted.
        return np.where(known, x, 1.0 if self.beta <= 0 else 0.0), known


def _total(factor, weight=None):
    """Weighted sums (k,) of a factor (n, k), in double."""
    if weight is None:
        return factor.sum(axis=0, dtype=np.float64)
    return weight @ factor.astype(np.float64)


def multiplied(start, parts, penalty, beta):
    """The factor after a multiplicative step from `start`.

    Parameters
    ----------
    start : ndarray of shape (n, k)
    parts : Parts
    penalty : Penalty
    beta : float

    Returns
    -------
    ndarray of shape (n, k)
    """
    if beta == 1 and penalty.l2:
        # The majoriser has the logarithm and the square of an entry: two roots.
        down = _slowed(start, parts, Penalty(penalty.l1))
        up = parts.numerator * start
        root = np.sqrt(down**2 + 4 * start.dtype.type(penalty.l2) * up)
        return 2 * up / np.maximum(down + root, np.finfo(start.dtype).tiny)
    bottom = _slowed(start, parts, penalty)
    # Where nothing depends on an entry it stays.
    ratio = np.divide(
        parts.numerator, bottom, out=np.ones_like(start), where=bottom > 0
    )
    if beta < 1:
        ratio **= 1 / (2 - beta)
    elif beta > 2:
        ratio **= 1 / (beta - 1)
    ratio *= start
    return ratio


def _slowed(start, parts, penalty):
    """The denominator with the slope of the penalties."""
    l1 = np.asarray(penalty.l1, start.dtype)
    bottom = np.broadcast_to(parts.denominator, start.shape)
    if l1.any():
        bottom = bottom + (l1 if l1.ndim == 0 else l1[:, np.newaxis])
    if penalty.l2:
        bottom = bottom + start.dtype.type(penalty.l2) * start
    return bottom


def _gain(start, parts, penalty, weight=None):
    """About what a multiplicative step would gain, in double, for weighted rows."""
    bottom = _slowed(start, parts, penalty)
    slope = bottom - parts.numerator
    gain = np.divide(start, bottom, out=np.zeros_like(start), where=bottom > 0)
    gain *= slope
    if weight is not None:
        gain *= weight[:, np.newaxis].astype(gain.dtype)
    return inner(gain, np.ascontiguousarray(slope))


def multiply_residual(cells, W, Ht, penalties, parts=None):
    """The residual of `multiply_alternate` at a pair of factors.

    Parameters
    ----------
    cells : Cells
    W : ndarray of shape (n, k)
    Ht : ndarray of shape (p, k)
    penalties : tuple of Penalty
    parts : Parts or None
        Of a step of Ht from there, if known.

    Returns
    -------
    float
    """
    parts = cells.parts(1, W, Ht) if parts is None else parts
    gains = _gain(Ht, parts, penalties[1])
    gains += _gain(W, cells.parts(0, W, Ht), penalties[0], cells.weight)
    size = max(cells.total, np.finfo(np.float64).tiny)
    return float(np.sqrt(max(gains, 0.0) / size))


def multiply_alternate(cells, W, Ht, penalties, *, tol, max_iter, report=None):
    r"""Alternate extrapolated multiplicative steps until the residual is at most `tol`.

    The residual is the root of :math:`\sum_{it} w_{it} g_{it}^2 / q_{it}`, over both
    factors, with g the gradient and q the denominator of the step, over the sum of X:
    about what a plain step would gain. It is the same for c X, and however a component
    is shared out between its two parts.

    Parameters
    ----------
    cells : Cells
    W : ndarray of shape (n, k)
    Ht : ndarray of shape (p, k)
    penalties : tuple of Penalty
        Of W and of Ht.
    tol : float
    max_iter : int
    report : callable or None
        ``report(value, residual, A, B)`` after each iteration, with the factors
        transposed; returns whether to stop.

    Returns
    -------
    Factors
        With `A` and `B` transposed views.
    """
    beta = cells.beta
    eps = float(np.finfo(cells.dtype).eps)
    best = last = ahead = (W, Ht)
    history, value, residual, still, pace = [], np.inf, np.inf, 0, 1.0

    def penalised(W, Ht, loss):
        own = penalties[0].value(W.T, cells.weight)
        return loss + own + penalties[1].value(Ht.T)

    def factors(n_iter, converged, asked=False):
        A, B = best[0].T, best[1].T
        return Factors(A, B, history, residual, n_iter, converged, asked)

    for n_iter in range(1, max_iter + 1):
        look = n_iter % LOOK == 0 or residual <= 3 * tol
        # W from where it was extrapolated to, then Ht from where it was.
        new_W = multiplied(ahead[0], cells.parts(0, *ahead), penalties[0], beta)
        parts = cells.parts(1, new_W, ahead[1], want_value=True)
        new = penalised(new_W, ahead[1], parts.value)
        noise = ROUNDING * eps * max(cells.total, abs(new))
        if new > value + noise and pace > 1.0:
            pace, ahead, last = 1.0, best, best
            history.append(value)
            if report is not None and report(value, residual, best[0].T, best[1].T):
                return factors(n_iter, True, True)
            continue
        still = still + 1 if new > value - noise else 0
        value = min(value, new)
        history.append(value)
        best = (new_W, ahead[1])
        if look:
            residual = multiply_residual(cells, *best, penalties, parts)
        stop = report is not None and report(value, residual, best[0].T, best[1].T)
        if (look and residual <= tol) or still >= MOST_STILL or stop:
            return factors(n_iter, True, bool(stop))
        new_Ht = multiplied(ahead[1], parts, penalties[1], beta)
        before, pace = pace, (1 + np.sqrt(1 + 4 * pace**2)) / 2
        share = cells.dtype.type(min((before - 1) / pace, 0.9999))
        news = (new_W, new_Ht)
        ahead = tuple(
            now + share * np.maximum(now - old, 0)
            for now, old in zip(news, last, strict=True)
        )
        last = news
    return factors(max_iter, False)
