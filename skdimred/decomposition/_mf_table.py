"""The table that biased factors are fitted to, and the problem made of it."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skdimred.numerics.biased_factors import Problem
from skdimred.numerics.complete import CompleteSide
from skdimred.numerics.masked import MaskedSide

__all__ = ["DENSE_BLOCK", "Table", "mean_of", "rows_of"]

BLOCK = 1 << 14
# Cells of a block of a sparse table of which the zeros are written out.
DENSE_BLOCK = 1 << 22
# Largest value over the median deviation of a sample (one value in STEP) from which on
# columns are looked at, and largest deviation of a column over their median for which
# float32 will do.
LARGE, UNEVEN, STEP = 100.0, 300.0, 61
# Share of the squared errors that may be lost beside the square of the mean.
LOST = 1e-6


@dataclass(frozen=True)
class Table:
    """Cells less their mean, and weights.

    Attributes
    ----------
    cells : csr_array or ndarray of shape (n, m)
        Of a table of which every cell is known `mean` is not yet taken off, so that a
        sparse one stays sparse and a dense one is not copied.
    complete : bool
        Whether every cell is known, those that are not stored being 0.
    mean : float
    row_weight : ndarray of shape (n,) or None
    cell_weight : ndarray of shape (cells.nnz,) or None
    """

    cells: object
    complete: bool
    mean: float
    row_weight: np.ndarray | None
    cell_weight: np.ndarray | None

    def problem(self, k, biases, penalty, method, threads):
        """Both sides, for k factors and biases of rows and columns or not."""
        row_bias, column_bias = biases
        if self.complete:
            args = (self.cells, self.mean)
            rows = CompleteSide(*args, None, row_bias, threads)
            columns = CompleteSide(
                self.cells.T, self.mean, self.row_weight, column_bias, threads
            )
            return Problem(rows, columns, self.row_weight, penalty, method)
        settings = {
            "descent": method == "cd",
            "iterative": method == "cg",
            "threads": threads,
        }
        rows = MaskedSide.from_csr(
            self.cells, self.cell_weight, k, row_bias, **settings
        )
        transposed, weight = self._transposed()
        columns = MaskedSide.from_csr(transposed, weight, k, column_bias, **settings)
        return Problem(rows, columns, self.row_weight, penalty, method)

    def _transposed(self):
        """Columns as rows, and weights of their cells, those of the rows in them."""
        if self.row_weight is None and self.cell_weight is None:
            return self.cells.T.tocsr(), None
        cells = self.cells
        weight = np.ones(cells.nnz) if self.cell_weight is None else self.cell_weight
        if self.row_weight is not None:
            weight = weight * np.repeat(self.row_weight, np.diff(cells.indptr))
        counts = weight > 0
        row = np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))[counts]
        order = np.lexsort((row, cells.indices[counts]))
        values, weight = cells.data[counts][order], weight[counts][order]
        per_column = np.bincount(cells.indices[counts], minlength=cells.shape[1])
        indptr = np.concatenate(([0], np.cumsum(per_column)))
        shape = cells.shape[::-1]
        return sparse.csr_array((values, row[order], indptr), shape=shape), weight

    @property
    def largest(self):
        """Largest magnitude of a cell less the mean."""
        values = self.cells if isinstance(self.cells, np.ndarray) else self.cells.data
        if not values.size:
            return abs(self.mean)
        if not self.complete:
            return float(np.abs(values).max())
        ends = [float(values.min()), float(values.max()), 0.0]
        return max(abs(end - self.mean) for end in ends)

    @property
    def deviation(self):
        """Root of the weighted mean square of the cells less the mean."""
        cells = self.cells
        if self.row_weight is None and self.cell_weight is None and not self.complete:
            return float(np.sqrt(_sum_of_squares(cells.data) / cells.nnz))
        if self.complete and not isinstance(cells, np.ndarray):
            return float(np.sqrt(self._mean_square_with_zeros()))
        if isinstance(cells, np.ndarray):
            squares = np.square(cells - cells.dtype.type(self.mean))
        else:
            squares = cells.copy()
            squares.data = np.square(cells.data.astype(np.float64))
        square = mean_of(squares, self.complete, self.row_weight, self.cell_weight)
        return float(np.sqrt(max(square, 0.0)))

    def _mean_square_with_zeros(self):
        """Mean square less the mean of a sparse table of which all cells are known."""
        cells, (n, m) = self.cells, self.cells.shape
        squares = (cells.data.astype(np.float64) - self.mean) ** 2
        sums = np.bincount(rows_of(cells), squares, minlength=n)
        sums += (m - np.diff(cells.indptr)) * self.mean**2
        return float(np.average(sums / m, weights=self.row_weight))

    @property
    def needs_double(self):
        """Whether products of float32 would lose what is to be found.

        Where columns are of very different sizes, the normal equations hold squares
        of them.
        """
        cells = self.cells
        if cells.dtype != np.float32 or not cells.size:
            return False
        if self.complete and sparse.issparse(cells):
            return False
        values = cells.ravel() if isinstance(cells, np.ndarray) else cells.data
        part = values[::STEP].astype(np.float64)
        if self.largest <= LARGE * np.median(np.abs(part - np.median(part))):
            return False
        if isinstance(cells, np.ndarray):
            deviations = cells.std(axis=0, dtype=np.float64)
        else:
            m = cells.shape[1]
            count = np.maximum(np.bincount(cells.indices, minlength=m), 1)
            means = np.bincount(cells.indices, cells.data, m) / count
            error = cells.data - means[cells.indices]
            deviations = np.sqrt(np.bincount(cells.indices, error**2, m) / count)
        some = deviations[deviations > 0]
        return bool(some.size and some.max() > UNEVEN * np.median(some))

    def in_double(self):
        """The same table in float64."""
        return replace(self, cells=self.cells.astype(np.float64))

    @property
    def is_far(self):
        """Whether the mean of all cells is so large that squares lose the rest.

        A sparse table then stores nearly all of them: a zero is far from the mean.
        """
        if not (self.complete and self.mean):
            return False
        if sparse.issparse(self.cells):
            lost = np.finfo(self.cells.dtype).eps * self.mean**2
            return bool(lost > LOST * self._mean_square_with_zeros())
        cells, unit, squares = self.cells, self.largest + abs(self.mean), 0.0
        step = max(1, BLOCK // cells.shape[1])
        for start in range(0, len(cells), step):
            block = cells[start : start + step].astype(np.float64)
            squares += float(np.sum(((block - self.mean) / unit) ** 2))
        lost = np.finfo(cells.dtype).eps * (self.mean / unit) ** 2
        return bool(lost > LOST * squares / cells.size)

    def centered(self):
        """The same table with its mean taken off; dense, as no cell is then 0."""
        if not self.complete:
            return self
        cells = self.cells.toarray() if sparse.issparse(self.cells) else self.cells
        cells = cells - cells.dtype.type(self.mean)
        return replace(self, cells=cells, mean=0.0)

    def scaled(self, factor):
        """The same table times a number, a power of 2."""
        if factor == 1:
            return self
        return replace(self, cells=self.cells * factor, mean=self.mean * factor)

    def subset(self, keep):
        """The table with some of its stored cells only."""
        cells = self.cells
        counts = np.bincount(rows_of(cells)[keep], minlength=cells.shape[0])
        indptr = np.concatenate(([0], np.cumsum(counts)))
        part = sparse.csr_array(
            (cells.data[keep], cells.indices[keep], indptr), shape=cells.shape
        )
        weight = None if self.cell_weight is None else self.cell_weight[keep]
        return replace(self, cells=part, cell_weight=weight)

    def followed_by(self, other):
        """These rows and those of another table; the mean is that of this one."""
        first, second = self, other
        alike = type(first.cells) is type(second.cells)
        if not (alike and first.complete and second.complete):
            first, second = first.as_masked(), second.as_masked()
        both = (first.cells, second.cells)
        if isinstance(both[0], np.ndarray):
            cells = np.concatenate(both)
        else:
            cells = sparse.csr_array(sparse.vstack(both, format="csr"))
        return Table(
            cells,
            first.complete,
            self.mean,
            _joined(self.row_weight, other.row_weight, *(c.shape[0] for c in both)),
            _joined(first.cell_weight, second.cell_weight, *(c.size for c in both)),
        )

    def blocks_of_rows(self):
        """The rows as tables that might have missing cells, few at a time if sparse."""
        n, m = self.cells.shape
        if not (self.complete and sparse.issparse(self.cells)):
            yield self.as_masked()
            return
        step = max(1, DENSE_BLOCK // m)
        for start in range(0, n, step):
            rows = self.cells[start : start + step]
            yield Table(rows, True, self.mean, None, None).as_masked()

    def as_masked(self):
        """The same table as one that might have missing cells."""
        if not self.complete:
            return self
        dense = self.cells
        if sparse.issparse(dense):
            dense = dense.toarray()
        n, m = dense.shape
        indices = np.tile(np.arange(m, dtype=np.int32), n)
        cells = sparse.csr_array(
            (
                dense.ravel() - dense.dtype.type(self.mean),
                indices,
                np.arange(n + 1) * m,
            ),
            shape=(n, m),
        )
        return replace(self, cells=cells, complete=False)


def _joined(first, second, n_first, n_second):
    if first is None and second is None:
        return None
    return np.concatenate(
        [
            np.ones(n) if weight is None else weight
            for weight, n in ((first, n_first), (second, n_second))
        ]
    )


def rows_of(cells):
    """Row of each stored cell of a csr table."""
    return np.repeat(np.arange(cells.shape[0]), np.diff(cells.indptr))


def _sum_of_squares(values):
    """In float64, a block at a time."""
    starts = range(0, len(values), BLOCK)
    blocks = (values[start : start + BLOCK] for start in starts)
    return sum(float(np.dot(block, block)) for block in blocks)


def mean_of(cells, complete, row_weight, cell_weight):
    """Weighted mean of the known cells."""
    if complete:
        if sparse.issparse(cells):
            # Its own sum adds up float32.
            sums = np.bincount(rows_of(cells), cells.data, minlength=cells.shape[0])
        else:
            sums = cells.sum(axis=1, dtype=np.float64)
        return float(np.average(sums / cells.shape[1], weights=row_weight))
    if row_weight is None and cell_weight is None:
        return float(cells.data.mean(dtype=np.float64))
    weight = np.ones(cells.nnz) if cell_weight is None else cell_weight
    if row_weight is not None:
        weight = weight * row_weight[rows_of(cells)]
    return float(np.average(cells.data.astype(np.float64), weights=weight))
