r"""Products of a matrix with thin factors kept as rows, the only touch of the matrix.

A factor is kept transposed and contiguous: `A` of shape (k, n) over the rows of X and
`B` of shape (k, p) over its features, so that one component is one stretch of memory.
Every kind gives ``right(B)``, :math:`B Z^T` of shape (k, n), and ``left(A)``,
:math:`A Z` of shape (k, p), for Z the rows of X divided by one number, each times the
square root of its weight; and `squares`, the squared Frobenius norm of Z.
"""

import numpy as np
from scipy import sparse

__all__ = [
    "DenseProducts",
    "LowRankProducts",
    "SparseProducts",
    "gram",
    "inner",
    "rows_of",
    "serially",
    "squares_of",
    "turned",
]

CHUNK = 8192
BLOCK_BYTES = 1 << 20
# Cells of a small table.
SMALL = 5e5
# Numbers in a vector of the processor; rows that are transposed at once, for the
# caches; work of a stored entry, in multiply-adds of a dense product.
LANES, TURNED, ENTRY_WORK = 4, 512, 8.0


def serially(function, length, work):
    """Apply a function to the whole range at once, without threads."""
    yield function(slice(0, length))


def inner(A, B):
    """Sum of the products of the entries of two contiguous arrays, in double."""
    a, b = A.reshape(-1), B.reshape(-1)
    if a.dtype == np.float64:
        return float(a @ b)
    starts = range(0, a.size, CHUNK)
    return float(sum(float(a[s : s + CHUNK] @ b[s : s + CHUNK]) for s in starts))


def gram(A):
    """``A A'`` of shape (k, k) in double, for A (k, n), which is not copied."""
    total = np.zeros((len(A), len(A)))
    for start in range(0, A.shape[1], CHUNK):
        block = A[:, start : start + CHUNK].astype(np.float64, copy=False)
        total += block @ block.T
    return total


def turned(M, out=None):
    """The transpose of M (n, k) as a contiguous array, or into one with fewer rows."""
    out = np.empty(M.shape[::-1], M.dtype) if out is None else out
    for start in range(0, len(M), TURNED):
        rows = slice(start, start + TURNED)
        out[:, rows] = M[rows, : len(out)].T
    return out


def rows_of(X, entries):
    """Rows of a slice of the stored entries of a csr or csc matrix."""
    if X.format == "csc":
        return X.indices[entries]
    places = np.arange(*entries.indices(X.nnz))
    return np.searchsorted(X.indptr, places, side="right") - 1


def squares_of(X, scale, weight=None):
    """Sum of the squared known cells of X over its scale, of weighted rows, in double.

    Parameters
    ----------
    X : ndarray, csr or csc of shape (n, p)
        NaN in an ndarray is unknown.
    scale : float
    weight : ndarray of shape (n,) or None

    Returns
    -------
    float
    """
    total = 0.0
    if not sparse.issparse(X):
        step = max(1, BLOCK_BYTES // (8 * X.shape[1]))
        for start in range(0, len(X), step):
            block = slice(start, start + step)
            # Divided first, as squares of cells may overflow.
            rows = X[block].astype(np.float64)
            rows /= scale
            if weight is not None:
                rows *= np.sqrt(weight[block, np.newaxis])
            part = inner(rows, rows)
            total += float(np.nansum(rows * rows)) if np.isnan(part) else part
        return total
    for start in range(0, X.nnz, BLOCK_BYTES // 8):
        entries = slice(start, start + BLOCK_BYTES // 8)
        values = X.data[entries].astype(np.float64)
        values /= scale
        if weight is None:
            total += inner(values, values)
        else:
            total += float(weight[rows_of(X, entries)] @ (values * values))
    return total


class _Products:
    """What the kinds share: the unit of X and the weights of its rows.

    Attributes
    ----------
    shape : tuple of int
    dtype : dtype
    squares : float
    is_dear : bool
        Whether a product costs much more than what is done with its result.
    """

    is_dear = False

    def __init__(self, shape, dtype, scale, weight):
        self.shape, self.dtype = shape, np.dtype(dtype)
        # Not applied to X: that would be a copy of it.
        self.per_scale = self.dtype.type(1.0 / scale)
        self.root = None if weight is None else np.sqrt(weight).astype(dtype)

    def _scaled(self, product, over_rows):
        product *= self.per_scale
        if over_rows and self.root is not None:
            product *= self.root
        return product

    def _weighted(self, A):
        return A if self.root is None else A * self.root


class DenseProducts(_Products):
    """Products with a dense matrix.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64 or float32
    scale : float
        Divides X.
    weight : ndarray of shape (n,) or None
    map_ranges : callable
        ``map_ranges(function, length, work=...)`` yields ``function(slice)`` over
        ranges that cover ``range(length)``: where threads come in.
    """

    def __init__(self, X, *, scale=1.0, weight=None, map_ranges=serially):
        super().__init__(X.shape, X.dtype, scale, weight)
        self.X, self.map_ranges = X, map_ranges
        self.squares = squares_of(X, scale, weight)

    def _mapped(self, function, length, k):
        parts = list(self.map_ranges(function, length, work=self.X.size * k))
        return parts[0] if len(parts) == 1 else np.concatenate(parts, axis=1)

    def right(self, B):
        """B Z' of shape (k, n)."""
        # As its transpose, in which BLAS runs through X as it lies.
        out = self._mapped(lambda r: turned(self.X[r] @ B.T), self.shape[0], len(B))
        return self._scaled(out, over_rows=True)

    def left(self, A):
        """A Z of shape (k, p)."""
        A = self._weighted(A)
        out = self._mapped(lambda c: A @ self.X[:, c], self.shape[1], len(A))
        return self._scaled(out, over_rows=False)


class SparseProducts(_Products):
    """Products with a sparse matrix, through its entries.

    Parameters
    ----------
    X : csr or csc of shape (n, p)
        Each entry stored once.
    scale, weight, map_ranges
        As for `DenseProducts`.
    """

    def __init__(self, X, *, scale=1.0, weight=None, map_ranges=serially):
        super().__init__(X.shape, X.dtype, scale, weight)
        self.map_ranges = map_ranges
        # Where it is small, everything is done as on a dense matrix.
        self.is_dear = X.shape[0] * X.shape[1] >= SMALL
        self.X, self.squares = X, squares_of(X, scale, weight)

    def right(self, B):
        """B Z' of shape (k, n)."""
        return self._scaled(self._mapped(self.X, B), over_rows=True)

    def left(self, A):
        """A Z of shape (k, p)."""
        return self._scaled(self._mapped(self.X.T, self._weighted(A)), over_rows=False)

    def _mapped(self, M, F):
        """``F M'`` for a sparse M, where a thread has half of the components."""
        k, lanes = len(F), -(-len(F) // LANES)
        parts = min(2, lanes)
        out = np.empty((k, M.shape[0]), self.dtype)

        def over(halves):
            edges = (lanes * part // parts for part in (halves.start, halves.stop))
            taken = slice(*(min(k, LANES * edge) for edge in edges))
            few = F[taken]
            # Padded, as what is left of a vector costs as much as several vectors.
            width = LANES * -(-len(few) // LANES) if len(few) > LANES else len(few)
            columns = np.empty((M.shape[1], width), self.dtype)
            columns[:, : len(few)], columns[:, len(few) :] = few.T, 0.0
            turned(M @ columns, out[taken])

        for _ in self.map_ranges(over, parts, work=ENTRY_WORK * M.nnz * k):
            pass
        return out


class LowRankProducts:
    """Products with ``Q R``, a matrix of low rank.

    Parameters
    ----------
    Q : ndarray of shape (n, l)
        Orthonormal columns.
    R : ndarray of shape (l, p)
    """

    is_dear = False

    def __init__(self, Q, R):
        self.Q, self.R = Q, R
        self.shape, self.dtype = (Q.shape[0], R.shape[1]), Q.dtype
        self.squares = inner(R, R)

    def right(self, B):
        """B R'Q' of shape (k, n)."""
        return (B @ self.R.T) @ self.Q.T

    def left(self, A):
        """A Q R of shape (k, p)."""
        return (A @ self.Q) @ self.R
