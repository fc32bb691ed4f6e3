r"""Half steps of non-negative factors where some cells are not known.

With :math:`\Omega` the known cells and weight c for the others,

.. math:: \tfrac12 \sum_{ij \in \Omega} (z_{ij} - a_i^T b_j)^2
          + \tfrac c2 \sum_{ij \notin \Omega} (r_i m_j - a_i^T b_j)^2 ,

where r and m are the means of the known cells of rows and of columns, for a mean of all
of 1. What is hidden does not enter. The second sum is what keeps a row or column with
few known cells from running away in a direction that these do not see; where nothing is
missing it is empty.

Every row has a matrix of its own, :math:`S_i = (1 - c) \sum_{j \in \Omega_i} b_j b_j^T
+ c B B^T`. For a block of rows they are one product of the mask with the products of
pairs of components.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skdimred.numerics.factor_products import inner
from skdimred.numerics.nonnegative import NO_PENALTIES, Half, Penalty, slope

__all__ = ["Known", "Masked", "own_problems"]

SWEEPS = 2
# Numbers in the matrices of a block of rows.
BLOCK_SIZE = 1 << 22


@dataclass(frozen=True)
class Known:
    """The known cells of a table.

    Attributes
    ----------
    values : ndarray, csr or csc of shape (n, p)
        Known values, divided by the mean of all, minus c times what is expected of
        them; 0 or not stored where unknown.
    mask : ndarray of bool, csr or csc of shape (n, p)
        Where values are known.
    rows, columns : ndarray of shape (n,) and (p,)
        Their means.
    squares : float
        Sum of the squared known values and of c times the squares expected elsewhere.
    weight : float
        c.
    """

    values: object
    mask: object
    rows: np.ndarray
    columns: np.ndarray
    squares: float
    weight: float

    @classmethod
    def of(cls, X, *, scale, weight, columns=None, row_weight=None):
        """From a dense X with NaN, or a sparse one whose stored cells are known.

        Parameters
        ----------
        X : ndarray, csr or csc of shape (n, p)
        scale : float
            The mean of the known cells.
        weight : float
            c.
        columns : ndarray of shape (p,) or None
            Means of the columns; None for those of X.
        row_weight : ndarray of shape (n,) or None
            How often each row counts.
        """
        times = np.ones(X.shape[0]) if row_weight is None else row_weight
        if sparse.issparse(X):
            mask = X.copy()
            mask.data = np.ones_like(X.data)
            known = X.astype(np.float64)
            known.data = known.data / scale
        else:
            mask = ~np.isnan(X)
            known = np.where(mask, X, 0.0).astype(np.float64)
            known /= scale
        sums, counts = _sums(known), _sums(mask)
        rows = _means(sums(1), counts(1))
        if columns is None:
            columns = _means(_sums(known, times)(0), _sums(mask, times)(0))
        root = np.sqrt(times)
        if sparse.issparse(X):
            i, j = known.tocoo().coords
            squares = float(times[i] @ known.data**2)
            expected = rows[i] * columns[j]
            seen = float(times[i] @ expected**2)
            known.data = (known.data - weight * expected) * root[i]
        else:
            squares = float(times @ np.einsum("ij,ij->i", known, known))
            expected = np.where(mask, np.multiply.outer(rows, columns), 0.0)
            seen = float(times @ np.einsum("ij,ij->i", expected, expected))
            expected *= weight
            known -= expected
            known *= root[:, np.newaxis]
        hidden = float(times @ rows**2) * float(columns @ columns) - seen
        dtype = X.dtype
        return cls(
            known.astype(dtype),
            mask,
            (rows * root).astype(dtype),
            columns.astype(dtype),
            squares + weight * max(hidden, 0.0),
            weight,
        )

    def side(self, side):
        """Values, mask and means from the side of the rows (0) or the columns (1)."""
        if side == 0:
            return self.values, self.mask, self.rows, self.columns
        return self.values.T, self.mask.T, self.columns, self.rows


def _sums(table, times=None):
    """Function that gives the sums of the rows (1) or the weighted ones of columns."""

    def along(axis):
        if axis == 1:
            return np.asarray(table.sum(axis=1, dtype=np.float64)).reshape(-1)
        return np.asarray(table.T @ times).reshape(-1)

    return along


def _means(sums, counts):
    """Means, and 1 where there is nothing to average."""
    return np.divide(sums, counts, out=np.ones_like(sums), where=counts > 0)


def own_problems(known, side, other):
    """The quadratic problems of all rows or columns, block by block.

    Parameters
    ----------
    known : Known
    side : {0, 1}
        Rows or columns.
    other : ndarray of shape (k, p) or (k, n)
        The factor held.

    Yields
    ------
    block : slice
    S : ndarray of shape (k, k, b)
    C : ndarray of shape (k, b)
    """
    values, mask, own, across = known.side(side)
    k, dtype, c = len(other), other.dtype, known.weight
    left, right = np.triu_indices(k)
    is_sparse = sparse.issparse(values)
    # Symmetric pairs once; of sparse rows, only for the columns that a block has.
    pairs = None if is_sparse else other[left] * other[right]
    everywhere = (c * (other @ other.T))[:, :, np.newaxis].astype(dtype)
    expected = c * (other @ across.astype(dtype))
    if is_sparse:
        values, mask = values.tocsr(), mask.tocsr()
    step = max(16, BLOCK_SIZE // k**2)
    for start in range(0, values.shape[0], step):
        block = slice(start, min(start + step, values.shape[0]))
        if is_sparse:
            here = mask[block]
            seen = np.unique(here.indices)
            few = other[:, seen]
            own_pairs = few[left]
            own_pairs *= few[right]
            products = (here[:, seen] @ np.ascontiguousarray(own_pairs.T)).T
            C = np.ascontiguousarray((values[block] @ other.T).T)
        else:
            products = pairs @ mask[block].T.astype(dtype)
            C = other @ values[block].T
        products = products * dtype.type(1.0 - c)
        S = np.empty((k, k, products.shape[1]), dtype)
        S[left, right] = products
        S[right, left] = products
        if c:
            S += everywhere
            C += np.multiply.outer(expected, own[block]).astype(dtype, copy=False)
        yield block, S, C


class Masked:
    """Half the squared error of the known cells, and its half steps.

    Parameters
    ----------
    known : Known
    penalties : tuple of Penalty
    """

    def __init__(self, known, penalties=NO_PENALTIES):
        self.known, self.penalties = known, penalties
        self.dtype, self.squares = known.values.dtype, known.squares

    def _quadratics(self, side, other):
        """The problems of `own_problems`, without and with their penalties."""
        penalty = self.penalties[side]
        for block, S, C in own_problems(self.known, side, other):
            l1 = penalty.l1 if np.ndim(penalty.l1) == 0 else penalty.l1[block]
            ridged = S
            if penalty.l2:
                ridged = S.copy()
                ridged[np.arange(len(S)), np.arange(len(S))] += penalty.l2
            yield block, S, C, Penalty(l1).taken_off(C), ridged

    def slopes(self, side, factor, other):
        """Squared norms (k,) of the projected gradient in one factor."""
        total = np.zeros(len(factor))
        for block, _, _, linear, ridged in self._quadratics(side, other):
            a = np.ascontiguousarray(factor[:, block])
            total += slope(a, _times(ridged, a) - linear)
        return total

    def half(self, side, start, other, look=False, sweeps=None):
        """Move one factor, the other held: see `Frobenius.half`."""
        new, slopes = start, np.zeros(len(start)) if look else None
        error = self.squares
        for block, S, C, linear, ridged in self._quadratics(side, other):
            a = np.ascontiguousarray(new[:, block])
            if look and side == 1:
                slopes += slope(a, _times(ridged, a) - linear)
            _sweep(a, linear, ridged, sweeps or SWEEPS)
            if look and side == 0:
                slopes += slope(a, _times(ridged, a) - linear)
            error += inner(a, _times(S, a)) - 2 * inner(a, C)
            new[:, block] = a
        return Half(new, 0.5 * max(error, 0.0), slopes)

    def value(self, A, B, loss):
        """The objective, of which the loss is known."""
        return loss + self.penalties[0].value(A) + self.penalties[1].value(B)


def _times(S, a):
    """Every column of a (k, b) times its own matrix."""
    return np.einsum("ijb,jb->ib", S, a)


def _sweep(a, C, S, sweeps):
    """Coordinate descent, column by column with its own matrix, in place."""
    diagonal = np.einsum("iib->ib", S)
    inverse = np.divide(1, diagonal, out=np.zeros_like(diagonal), where=diagonal > 0)
    for _ in range(sweeps):
        for t in range(len(a)):
            change = C[t] - np.einsum("jb,jb->b", S[t], a)
            np.maximum(a[t] + change * inverse[t], 0.0, out=a[t])
            # Where nothing holds an entry and a penalty pulls it down, that is to 0.
            a[t][(diagonal[t] <= 0) & (C[t] < 0)] = 0.0
