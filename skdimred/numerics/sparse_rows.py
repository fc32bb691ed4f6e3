"""Moments and Gram matrices of sparse rows, from their stored entries."""

import numpy as np

from skdimred.numerics.columns import ColumnMoments
from skdimred.numerics.moments import QUIET, Moments

__all__ = ["products", "sparse_column_moments", "sparse_gram", "sparse_moments"]

# Cost of a multiply-add of two stored entries in that of one of a dense product
# (measured), which decides whether a block of rows is multiplied as it is.
SPARSE_COST = 60.0
BLOCK_BYTES = 4 << 20
# (mean / std)^2 up to which the mean may be taken off the products.
NEAR = 25.0


@QUIET
def sparse_column_moments(X, sample_weight=None):
    """`ColumnMoments` of a sparse matrix from its stored entries.

    Around the mean an unstored entry contributes its square, so the scatter is a sum
    of positive terms: nothing cancels, however dense or far from 0 a column is.

    Parameters
    ----------
    X : csr_array or csc_array of shape (n, p), or matrix
        Each entry stored once.
    sample_weight : ndarray of shape (n,) or None
    """
    n, p = X.shape
    major = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
    rows, columns = (major, X.indices) if X.format == "csr" else (X.indices, major)
    if sample_weight is None:
        weight, share = float(n), None
    else:
        weight, share = float(sample_weight.sum()), sample_weight[rows]
    data = X.data.astype(np.float64)
    weighted = data if share is None else share * data
    center = _sums(columns, weighted, p) / weight
    data -= center[columns]
    weighted = data if share is None else share * data
    stored = _sums(columns, share, p)
    unstored = weight - stored
    unstored[unstored <= n * np.finfo(np.float64).eps * weight] = 0.0
    # The rounding of the first sum, which is not small where values are large.
    offset = (_sums(columns, weighted, p) - unstored * center) / weight
    squares = _sums(columns, weighted * data, p)
    squares += unstored * center**2 - weight * offset**2
    return ColumnMoments(weight, center, offset, np.maximum(squares, 0.0))


def _sums(columns, values, p):
    """Sum of the values of each column, or their number, float64 (p,)."""
    return np.bincount(columns, values, p).astype(np.float64, copy=False)


@QUIET
def sparse_moments(X, sample_weight=None):
    """`Moments` of sparse rows.

    The mean is taken off the products of stored entries where it is near; where some
    column lies far off, or so many entries are stored that dense products are cheaper,
    blocks of rows are made dense one at a time.

    Parameters
    ----------
    X : csr_array or csc_array of shape (n, p), or matrix
        Each entry stored once.
    sample_weight : ndarray of shape (n,) or None
    """
    n, p = X.shape
    columns = sparse_column_moments(X, sample_weight)
    is_near = np.all(columns.weight * columns.mean**2 <= NEAR * columns.squares)
    if not is_near or products(X.tocsr()) * SPARSE_COST > n * p**2 / 2:
        return _moments_of_dense_blocks(X.tocsr(), sample_weight)
    scatter = sparse_gram(X, sample_weight, on_features=True)
    scatter -= np.multiply.outer(columns.weight * columns.mean, columns.mean)
    # As these are sums of positive terms.
    np.fill_diagonal(scatter, columns.squares)
    n_rows = n if sample_weight is None else int(np.count_nonzero(sample_weight))
    return Moments(n_rows, columns.weight, columns.center, columns.offset, scatter)


def products(X):
    """Multiply-adds of the product of csr rows with themselves."""
    return float(np.sum(np.diff(X.indptr).astype(np.float64) ** 2))


def _moments_of_dense_blocks(X, sample_weight):
    n, p = X.shape
    step = max(256, BLOCK_BYTES // (8 * p))
    moments = None
    for start in range(0, n, step):
        rows = slice(start, min(n, start + step))
        weight = None if sample_weight is None else sample_weight[rows]
        block = Moments.from_block(X[rows].toarray(), weight)
        moments = block if moments is None else moments.merge(block)
    return moments


@QUIET
def sparse_gram(X, sample_weight, *, on_features):
    """X'WX (p, p) or the Gram matrix of the weighted rows (n, n), dense float64."""
    X = X.astype(np.float64)
    if sample_weight is not None:
        X = X.tocsr()
        X.data *= np.repeat(np.sqrt(sample_weight), np.diff(X.indptr))
    return (X.T @ X if on_features else X @ X.T).toarray()
