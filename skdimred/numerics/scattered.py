"""Rows that know a large share of the columns, whose numbers are not gathered.

To gather the other side's factors for each cell takes more time than the products with
them. Where a row knows one column in ten or more, it takes less to multiply by the
factors of all columns at once, in one matrix product for many rows, and to pick out or
scatter a single number a cell.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Scattered", "WideRows", "wide_rows"]

# Share of the columns from which on a row is wide, for many factors; the number of
# factors up to which it is twice as large.
SHARE, FACTORS = 0.1, 20
# Bytes of the rows written out at a time, and the fewest rows that pay.
ROOM, FEWEST = 1 << 20, 12


@dataclass(frozen=True)
class WideRows:
    """The known cells of wide rows, in groups.

    Attributes
    ----------
    n_blocks : int
        Blocks of `padded.PaddedRows`, from the first, that hold the same rows.
    edges : ndarray of shape (n_groups + 1,)
        Where groups begin in the order of the rows by degree.
    starts : ndarray of shape (n_wide + 1,)
        Where rows begin in the flat arrays.
    place : ndarray of shape (n_cells,)
        Position of each cell in its group written out row by row.
    values, roots : ndarray of shape (n_cells,), or None
        As in `PaddedRows`.
    width : int
        Number of columns.
    """

    n_blocks: int
    edges: np.ndarray
    starts: np.ndarray
    place: np.ndarray
    values: np.ndarray
    roots: np.ndarray | None
    width: int

    def __len__(self):
        return len(self.edges) - 1

    def group(self, i, table):
        """Rows of group i as a slice, their regressors, and what these explain.

        Parameters
        ----------
        i : int
        table : ndarray of shape (width + 1, K + 1)
            Regressors of the columns and, last, what is taken off their cells.
        """
        rows = slice(self.edges[i], self.edges[i + 1])
        starts = self.starts[self.edges[i] : self.edges[i + 1] + 1]
        cells = slice(starts[0], starts[-1])
        room = np.empty((rows.stop - rows.start, self.width), dtype=table.dtype)
        roots = None if self.roots is None else self.roots[cells]
        A = Scattered(
            table[:-1, :-1], self.place[cells], roots, starts - starts[0], room
        )
        room[:] = table[:-1, -1]
        return rows, A, self.values[cells] - A.picked(room)


@dataclass(frozen=True)
class Scattered:
    """Regressors of wide rows: those of all columns, and which cells are known.

    The cells of all B rows lie one after the other in one vector.
    """

    T: np.ndarray
    place: np.ndarray
    roots: np.ndarray | None
    starts: np.ndarray
    room: np.ndarray

    def picked(self, dense):
        """The known cells of rows written out."""
        found = dense.ravel().take(self.place)
        if self.roots is not None:
            found *= self.roots
        return found

    def times(self, x):
        """Regressors times x, a number a cell."""
        return self.picked(np.matmul(x, self.T.T, out=self.room))

    def transposed(self, e):
        """Transposed regressors times e, of shape (B, K)."""
        self.room.fill(0)
        self.room.ravel()[self.place] = e if self.roots is None else e * self.roots
        return self.room @ self.T

    def squares(self, e):
        """Sum of squares over the cells of each row."""
        return np.add.reduceat(e * e, self.starts[:-1])

    def along(self, e, length):
        """The cells of each row times a number of its own."""
        return e * np.repeat(length, np.diff(self.starts))

    def problem(self, b, r):
        """Regressors (1, d, K) of row b, and what they explain, (1, d)."""
        cells = slice(self.starts[b], self.starts[b + 1])
        G = self.T[self.place[cells] - b * self.room.shape[1]]
        if self.roots is not None:
            G = G * self.roots[cells, np.newaxis]
        return G[np.newaxis], r[np.newaxis, cells]

    def set_error(self, error, b, own):
        """Put the errors of row b into those of all."""
        error[self.starts[b] : self.starts[b + 1]] = own


def wide_rows(table, roots, known, k):
    """The rows of a table that are wide, None if there are few.

    Parameters
    ----------
    table : csr of shape (n_rows, n_columns)
        No row has a column twice.
    roots : ndarray of shape (table.nnz,) or None
        Roots of the weights of its cells.
    known : padded.PaddedRows
        The same table.
    k : int
        Number of factors.
    """
    width = table.shape[1]
    share = SHARE * (1 + FACTORS / max(1, k))
    most = ROOM // (table.dtype.itemsize * max(1, width))
    n_wide = int(np.searchsorted(-known.degree, -share * width, side="right"))
    n_blocks = int(np.searchsorted(known.edges, n_wide, side="right")) - 1
    n_wide = int(known.edges[n_blocks])
    if most < FEWEST or n_wide < FEWEST:
        return None
    edges = np.linspace(0, n_wide, -(-n_wide // most) + 1).astype(np.intp)
    degree = known.degree[:n_wide]
    starts = np.concatenate(([0], np.cumsum(degree)))
    first = table.indptr[known.order[:n_wide]]
    source = np.repeat(first - starts[:-1], degree) + np.arange(starts[-1])
    group = np.searchsorted(edges, np.arange(n_wide), side="right") - 1
    shift = (np.arange(n_wide) - edges[group]) * width
    place = np.repeat(shift, degree) + table.indices[source]
    values = table.data[source]
    if roots is not None:
        roots = roots[source]
        values = values * roots
    return WideRows(
        n_blocks, edges, starts, place.astype(np.intp), values, roots, width
    )
