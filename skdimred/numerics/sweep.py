r"""Products with Z'Z or Z Z', one read of the rows each, and neither of them formed.

Z stands for the rows minus a centre, times the square roots of their weights. A sweep
takes the b columns of Q and gives Z'Z Q (vectors over the features) or Z Z'Q (vectors
over the rows).

- Dense rows are taken in blocks that stay in the cache between the two products, so
  that X is read from memory once a sweep (see `tiles`). A centre is subtracted
  implicitly, as a rank-one term; where it is so far that this would cost digits, it is
  subtracted from each block in a buffer.
- Sparse rows are cut into parts once, as views, for the threads. Centring is implicit.
- A `scipy.sparse.linalg.LinearOperator` is applied to all vectors at once.
"""

from functools import partial, reduce
from itertools import pairwise

import numpy as np
from scipy import sparse

from skdimred.numerics.moments import QUIET
from skdimred.numerics.tiles import block_shape, tile_shape, times, transposed_times

__all__ = ["DenseSweep", "OperatorSweep", "SparseSweep"]

BLOCK_BYTES = 2 << 20
LEAST_ROWS = 32
# Norm of the mean over that of a typical centred row up to which the centre is
# subtracted implicitly, which loses so many eps.
FAR = {np.dtype(np.float64): 1e3, np.dtype(np.float32): 3.0}
# Multiply-adds in cache that cost as much as one with a stored entry.
SPARSE_COST = 6.0


def serially(function, length):
    """Apply a function to the whole range at once, without threads."""
    yield function(slice(0, length))


def _total(arrays):
    """Sum of arrays of one shape, into the first of them."""
    return reduce(lambda total, array: np.add(total, array, out=total), arrays)


class Sweep:
    """What the kinds share: sizes, and counting.

    A kind gives ``left(V)``, Z V for V of shape (n_features, b), and ``right(U)``, Z'U
    for U of shape (n_rows, b), and may fuse the two.

    Attributes
    ----------
    n_rows, n_features : int
    on_features : bool
        Whether vectors have `n_features` entries (products with Z'Z) or `n_rows`.
    size : int
        The one or the other.
    dtype : dtype
        Precision of the products.
    total : float
        Sum of all squared singular values, the squared Frobenius norm of Z.
    work : float
        Cost of a sweep for one vector, in multiply-adds of a dense product.
    passes : int
        Sweeps taken so far.
    """

    def __init__(self, shape, on_features, dtype, total, work):
        self.n_rows, self.n_features = shape
        self.on_features = shape[1] <= shape[0] if on_features is None else on_features
        self.size = self.n_features if self.on_features else self.n_rows
        self.dtype, self.total, self.work = np.dtype(dtype), total, work
        self.passes = 0

    @QUIET
    def __call__(self, Q):
        """Z'Z Q or Z Z'Q, float64, for Q of shape (size, b)."""
        self.passes += 1
        Q = np.ascontiguousarray(Q, dtype=self.dtype)
        return self._on_features(Q) if self.on_features else self._on_rows(Q)

    def _on_features(self, Q):
        return self.right(self.left(Q))

    def _on_rows(self, Q):
        return self.left(self.right(Q))

    def singular_values(self, V):
        """Norms of the columns of Z V, for V of shape (n_features, b)."""
        Y = self.left(V)
        return np.sqrt(np.einsum("ij,ij->j", Y, Y))

    def _weighted(self, U):
        """Vectors over the rows, times the square roots of the weights."""
        return U if self.root is None else U * self.root[:, np.newaxis]


class DenseSweep(Sweep):
    """Sweeps over dense rows.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64 or float32
    columns : ColumnMoments
        Of X, for the centre and the total.
    center : bool
        Whether Z is centred.
    sample_weight : ndarray of shape (n,) or None
    map_ranges : callable
        ``map_ranges(function, length)`` yields ``function(slice)`` over ranges that
        cover ``range(length)``, in order: where threads come in.
    on_features : bool or None
        None iterates on the smaller side.
    dtype : dtype or None
        Precision of the products; None is that of X.
    """

    def __init__(
        self,
        X,
        columns,
        *,
        center=True,
        sample_weight=None,
        map_ranges=serially,
        on_features=None,
        dtype=None,
    ):
        dtype = np.dtype(X.dtype if dtype is None else dtype)
        total = columns.total(center)
        super().__init__(X.shape, on_features, dtype, total, 2.0 * X.size)
        self.X, self.map_ranges = X, map_ranges
        self.shift = self.mean = self.root = None
        if center:
            mean = columns.mean
            far = np.sqrt(mean @ mean) > FAR[dtype] * np.sqrt(total / columns.weight)
            if far:
                # In two steps, as a mean rounded to one number would leave a
                # direction of its own.
                self.shift = mean.astype(X.dtype)
                mean = (columns.center - self.shift) + columns.offset
            self.mean = mean.astype(dtype)
        if sample_weight is not None:
            self.root = np.sqrt(sample_weight).astype(dtype)

    def _near(self, B, shift, buffer=None):
        """Rows or columns of X minus their shift, in the precision of the products."""
        if shift is None and B.dtype == self.dtype:
            return B
        out = None if buffer is None else buffer[: len(B)]
        off = 0.0 if shift is None else shift
        return np.subtract(B, off, out=out, dtype=self.dtype)

    def _on_features(self, Q):
        weight = None if self.root is None else self.root**2
        return self._fused(self.X, Q, self.shift, None, self.mean, weight)

    def _on_rows(self, Q):
        shift = None if self.shift is None else self.shift[:, np.newaxis]
        W = self._fused(self.X.T, self._weighted(Q), shift, self.mean, None, None)
        return self._weighted(W)

    def _fused(self, A, Q, shift, u, v, weight):
        """``(A - u v')' diag(weight) (A - u v') Q``, A read once.

        A is X or its transpose, minus the shift; one of u and v is the mean, the other,
        given as None, is all ones.
        """
        (length, d), b = A.shape, Q.shape[1]
        centred = self.mean is not None
        along = Q.sum(axis=0) if v is None else v @ Q

        def over(rows):
            if rows.stop - rows.start == length:
                high, wide = tile_shape(A, b)
                vectors, empty = Q, np.empty
            else:
                high, wide = block_shape(A)
                vectors, empty = np.asfortranarray(Q), partial(np.empty, order="F")
            W, sums = np.zeros_like(empty((d, b))), np.zeros(b)
            product, image = (empty((high, b), self.dtype) for _ in range(2))
            part = empty((wide, b), self.dtype)
            buffer = None
            if shift is not None or A.dtype != self.dtype:
                order = "F" if A.strides[1] > A.strides[0] else "C"
                buffer = np.empty((high, d), self.dtype, order)
            for start in range(rows.start, rows.stop, high):
                taken = slice(start, min(start + high, rows.stop))
                is_row = shift is None or shift.ndim == 1
                B = self._near(A[taken], shift if is_row else shift[taken], buffer)
                Y = times(B, vectors, wide, product[: len(B)], image[: len(B)])
                if centred:
                    Y -= along if u is None else np.multiply.outer(u[taken], along)
                if weight is not None:
                    Y *= weight[taken, np.newaxis]
                if centred:
                    sums += Y.sum(axis=0) if u is None else u[taken] @ Y
                transposed_times(B, Y, wide, W, part)
            if centred:
                W -= sums if v is None else np.multiply.outer(v, sums)
            return W

        return np.ascontiguousarray(_total(self.map_ranges(over, length)))

    def _left_blocks(self, V, rows):
        """Slices of rows, and Z V there."""
        along = 0.0 if self.mean is None else self.mean @ V
        step = max(LEAST_ROWS, BLOCK_BYTES // (self.X.itemsize * self.n_features))
        for start in range(rows.start, rows.stop, step):
            taken = slice(start, min(start + step, rows.stop))
            B = self._near(self.X[taken], self.shift)
            Y = (B @ V).astype(np.float64, copy=False)
            Y -= along
            if self.root is not None:
                Y *= self.root[taken, np.newaxis]
            yield taken, Y

    @QUIET
    def left(self, V):
        """Z V of shape (n_rows, b), float64."""
        V = np.ascontiguousarray(V, dtype=self.dtype)
        out = np.empty((self.n_rows, V.shape[1]))

        def over(rows):
            for taken, Y in self._left_blocks(V, rows):
                out[taken] = Y

        for _ in self.map_ranges(over, self.n_rows):
            pass
        return out

    @QUIET
    def singular_values(self, V):
        """Norms of the columns of Z V; Z V is not kept."""
        V = np.ascontiguousarray(V, dtype=self.dtype)

        def over(rows):
            return sum(
                np.einsum("ij,ij->j", Y, Y) for _, Y in self._left_blocks(V, rows)
            )

        return np.sqrt(_total(self.map_ranges(over, self.n_rows)))

    @QUIET
    def right(self, U):
        """Z'U of shape (n_features, b), float64."""
        U = np.ascontiguousarray(self._weighted(U), dtype=self.dtype)
        out = np.empty((self.n_features, U.shape[1]))
        along = U.sum(axis=0)
        step = max(LEAST_ROWS, BLOCK_BYTES // (self.X.itemsize * self.n_rows))

        def over(features):
            for start in range(features.start, features.stop, step):
                taken = slice(start, min(start + step, features.stop))
                shift = None if self.shift is None else self.shift[taken]
                B = self._near(self.X[:, taken], shift)
                out[taken] = B.T @ U
                if self.mean is not None:
                    out[taken] -= np.multiply.outer(self.mean[taken], along)

        for _ in self.map_ranges(over, self.n_features):
            pass
        return out


class _Implicit(Sweep):
    """Rows that only multiply: centre and weights are rank-one terms around them.

    A kind gives ``_times(V)``, X V, and ``_transposed_times(U)``, X'U. Features in
    `constant` are left out.
    """

    constant = ()

    def _set_center(self, mean, sample_weight):
        self.mean = None if mean is None else mean.astype(self.dtype)
        self.root = None
        if sample_weight is not None:
            self.root = np.sqrt(sample_weight).astype(self.dtype)

    @QUIET
    def left(self, V):
        """Z V of shape (n_rows, b)."""
        V = np.ascontiguousarray(V, dtype=self.dtype)
        if len(self.constant):
            V = V.copy()
            V[self.constant] = 0.0
        Y = self._times(V)
        if self.mean is not None:
            Y -= self.mean @ V
        return self._weighted(Y)

    @QUIET
    def right(self, U):
        """Z'U of shape (n_features, b)."""
        U = np.ascontiguousarray(self._weighted(U), dtype=self.dtype)
        W = self._transposed_times(U)
        if self.mean is not None:
            W -= np.multiply.outer(self.mean, U.sum(axis=0))
        if len(self.constant):
            W[self.constant] = 0.0
        return W


class SparseSweep(_Implicit):
    """Sweeps over sparse rows.

    Parameters
    ----------
    X : csr_array or csc_array of shape (n, p), or matrix
    columns : ColumnMoments
    center, sample_weight, on_features
        As for `DenseSweep`.
    map_ranges : callable
        Called with ranges of the parts of X, `n_parts` at most.
    n_parts : int
    """

    def __init__(
        self,
        X,
        columns,
        *,
        center=True,
        sample_weight=None,
        map_ranges=serially,
        n_parts=1,
        on_features=None,
    ):
        total, work = columns.total(center), 2.0 * SPARSE_COST * X.nnz
        super().__init__(X.shape, on_features, X.dtype, total, work)
        self._set_center(columns.mean if center else None, sample_weight)
        if center and not columns.active.all():
            # Implicit centring leaves their rounding, which may not be small.
            self.constant = np.flatnonzero(~columns.active)
        self.map_ranges = map_ranges
        self.by_rows = X.format == "csr"
        self.parts = list(_parts(X, n_parts))
        self.transposed = [(taken, part.T) for taken, part in self.parts]

    def _times(self, V):
        return self._stacked(V) if self.by_rows else self._summed(V)

    def _transposed_times(self, U):
        return self._summed(U) if self.by_rows else self._stacked(U)

    def _stacked(self, V):
        """Products of the parts, csr slices of X or of its transpose, one by one."""
        out = np.empty((self.parts[-1][0].stop, V.shape[1]))

        def fill(positions):
            for taken, part in self.parts[positions]:
                out[taken] = part @ V

        for _ in self.map_ranges(fill, len(self.parts)):
            pass
        return out

    def _summed(self, V):
        """Products of the transposed parts, added up."""

        def add(positions):
            return _total(part @ V[taken] for taken, part in self.transposed[positions])

        total = _total(self.map_ranges(add, len(self.parts)))
        return total.astype(np.float64, copy=False)


def _parts(X, n_parts):
    """Slices of the major axis with about as many entries each, as csr views."""
    size = len(X.indptr) - 1
    indices = X.indices
    if max(*X.shape, X.nnz) <= np.iinfo(np.int32).max:
        # Half the memory traffic of the indices.
        indices = indices.astype(np.int32, copy=False)
    goals = np.linspace(0, X.nnz, min(n_parts, size) + 1)[1:-1]
    edges = [0, *np.searchsorted(X.indptr, goals), size]
    for start, stop in pairwise(edges):
        low, high = X.indptr[start], X.indptr[stop]
        # The constructor would copy what is a view of a much larger array.
        part = sparse.csr_array((stop - start, X.shape[X.format == "csr"]))
        part.data, part.indices = X.data[low:high], indices[low:high]
        part.indptr = (X.indptr[start : stop + 1] - low).astype(indices.dtype)
        yield slice(start, stop), part


class OperatorSweep(_Implicit):
    """Sweeps over a matrix known by its products.

    Parameters
    ----------
    operator : scipy.sparse.linalg.LinearOperator of shape (n, p)
        With `matmat` and `rmatmat`.
    mean : ndarray of shape (p,) or None
        Taken off the rows.
    total : float
        Squared Frobenius norm of the centred, weighted rows.
    sample_weight : ndarray of shape (n,) or None
    on_features : bool or None
    """

    def __init__(self, operator, mean, total, *, sample_weight=None, on_features=None):
        dtype = np.promote_types(operator.dtype, np.float32)
        work = 2.0 * operator.shape[0] * operator.shape[1]
        super().__init__(operator.shape, on_features, dtype, total, work)
        self.operator = operator
        self._set_center(mean, sample_weight)

    def _times(self, V):
        return np.array(self.operator.matmat(V), dtype=np.float64)

    def _transposed_times(self, U):
        return np.array(self.operator.rmatmat(U), dtype=np.float64)
