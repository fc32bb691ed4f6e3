"""Which columns a row would rate highest, and which of its cells are hidden from it."""

import numpy as np

__all__ = ["best_columns", "hidden_cells"]

# Numbers of a block of predictions.
BLOCK = 1 << 22
# One in so many known cells of a row is hidden.
ONE_IN = 5


def best_columns(P, Q, known, n):
    """Columns of highest prediction of each row, best first.

    Parameters
    ----------
    P : ndarray of shape (n_rows, k + 1)
        Factors and bias of rows.
    Q : ndarray of shape (m, k + 1)
        The same of columns.
    known : csr or None
        Cells to leave out.
    n : int

    Returns
    -------
    columns : ndarray of int of shape (n_rows, n)
        -1 where a row has fewer left. Of equal predictions the first column comes
        first.
    values : ndarray of shape (n_rows, n)
        Predictions less the mean.
    """
    columns = np.empty((len(P), n), dtype=np.intp)
    values = np.empty((len(P), n), dtype=P.dtype)
    step = max(1, BLOCK // len(Q))
    for start in range(0, len(P), step):
        rows = slice(start, start + step)
        guess = P[rows, :-1] @ Q[:, :-1].T
        guess += P[rows, -1:] + Q[:, -1]
        if isinstance(known, np.ndarray):
            guess[:] = -np.inf
        elif known is not None:
            part = known[rows]
            place = np.repeat(np.arange(len(guess)), np.diff(part.indptr))
            guess[place, part.indices] = -np.inf
        best = np.argsort(-guess, axis=1, kind="stable")[:, :n]
        values[rows] = np.take_along_axis(guess, best, axis=1)
        columns[rows] = np.where(np.isneginf(values[rows]), -1, best)
    return columns, values


def hidden_cells(indptr, indices, n_columns):
    """Which known cells are hidden: one in five of each row, at least one.

    The columns have an order drawn once and for all; a row hides those of its cells
    that come first in it, so that what is hidden does not depend on other rows.

    Parameters
    ----------
    indptr, indices : ndarray
        Of a csr table.
    n_columns : int

    Returns
    -------
    ndarray of bool of shape (indices.size,)
    """
    degree = np.diff(indptr)
    rank = np.random.default_rng(0).permutation(n_columns)[indices]
    row = np.repeat(np.arange(len(degree)), degree)
    order = np.lexsort((rank, row))
    place = np.arange(len(indices)) - np.repeat(indptr[:-1], degree)
    hidden = np.empty(len(indices), dtype=bool)
    hidden[order] = place < np.repeat(np.maximum(1, degree // ONE_IN), degree)
    return hidden
