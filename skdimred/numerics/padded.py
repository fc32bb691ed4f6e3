"""Rows of a table with missing cells, in blocks of about equal length.

Rows are sorted by how many cells they know and cut into blocks that are padded to the
longest row. What a block gathers of the other side then fits into the second cache, and
all its rows are solved by a few products of stacked matrices.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["PaddedRows", "pad_rows"]

# Bytes of what a block gathers: half of a usual second cache.
SLAB = 1 << 20
# A row may be shorter than the longest of its block by this share, or by two cells.
WASTE = 0.2


@dataclass(frozen=True)
class PaddedRows:
    """Known cells row by row, padded.

    Attributes
    ----------
    order : ndarray of shape (n_known_rows,)
        Rows that know a cell, by decreasing number of cells.
    degree : ndarray of shape (n_known_rows,)
        Cells of each, in this order.
    edges : ndarray of shape (n_blocks + 1,)
        Where the blocks begin in `order`.
    offsets : ndarray of shape (n_blocks + 1,)
        Where they begin in the flat arrays.
    columns : ndarray of shape (n_padded,)
        Column of each cell; that of padding is `n_columns`.
    values, roots : ndarray of shape (n_padded,), or None
        Value of each cell times the root of its weight, and that root; 0 where padded.
        Roots are None where all weights are 1.
    n_rows, n_columns : int
        Shape of the table.
    """

    order: np.ndarray
    degree: np.ndarray
    edges: np.ndarray
    offsets: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    roots: np.ndarray | None
    n_rows: int
    n_columns: int

    def __len__(self):
        return len(self.edges) - 1

    def block(self, i):
        """Rows of block i, a slice of `order`; columns, values and roots of its cells.

        The last three are of shape (rows, length).
        """
        rows = slice(self.edges[i], self.edges[i + 1])
        flat = slice(self.offsets[i], self.offsets[i + 1])
        shape = (rows.stop - rows.start, -1)
        roots = None if self.roots is None else self.roots[flat].reshape(shape)
        return (
            rows,
            self.columns[flat].reshape(shape),
            self.values[flat].reshape(shape),
            roots,
        )

    def largest_from(self, first):
        """Cells of the largest block from one on, padding included."""
        return int(np.diff(self.offsets[first:]).max(initial=0))


def pad_rows(table, roots, width, slab=SLAB):
    """Cut rows into blocks.

    Parameters
    ----------
    table : csr of shape (n_rows, n_columns)
        Stored cells are known; a cell may be stored more than once.
    roots : ndarray of shape (table.nnz,) or None
        Roots of their weights.
    width : int
        Numbers gathered for each cell.
    slab : int
        Bytes of what a block gathers.

    Returns
    -------
    PaddedRows
    """
    indptr, indices, values = table.indptr, table.indices, table.data
    degree = np.diff(indptr)
    order = np.argsort(-degree, kind="stable")[: np.count_nonzero(degree)]
    degree = degree[order]
    room = max(1, slab // (values.itemsize * width))
    edges, offsets = _cut(degree, room)
    size, pad = int(offsets[-1]), table.shape[1]
    columns = np.empty(size, dtype=indices.dtype)
    padded = np.empty(size, dtype=values.dtype)
    padded_roots = None if roots is None else np.empty(size, dtype=values.dtype)
    starts, last = indptr[order], max(0, len(indices) - 1)
    for i in range(len(edges) - 1):
        rows, flat = slice(edges[i], edges[i + 1]), slice(offsets[i], offsets[i + 1])
        steps = np.arange(degree[edges[i]])
        source = (starts[rows, np.newaxis] + steps).ravel()
        # Past the end of a row stand the cells of the next one, taken off again.
        np.minimum(source, last, out=source)
        np.take(indices, source, out=columns[flat], mode="clip")
        np.take(values, source, out=padded[flat], mode="clip")
        if roots is not None:
            np.take(roots, source, out=padded_roots[flat], mode="clip")
            padded[flat] *= padded_roots[flat]
        if degree[edges[i + 1] - 1] < len(steps):
            beyond = (steps >= degree[rows, np.newaxis]).ravel()
            columns[flat][beyond] = pad
            padded[flat][beyond] = 0
            if roots is not None:
                padded_roots[flat][beyond] = 0
    return PaddedRows(
        order, degree, edges, offsets, columns, padded, padded_roots, *table.shape
    )


def _cut(degree, room):
    """Where blocks begin, in rows and in cells."""
    edges, offsets = [0], [0]
    n, rising = len(degree), -degree
    while edges[-1] < n:
        first = edges[-1]
        longest = int(degree[first])
        shortest = min(longest - 2, int(longest * (1 - WASTE)))
        last = min(n, first + max(1, room // longest))
        last = first + int(np.searchsorted(rising[first:last], -shortest, "right"))
        edges.append(last)
        offsets.append(offsets[-1] + (last - first) * longest)
    return np.array(edges), np.array(offsets)
