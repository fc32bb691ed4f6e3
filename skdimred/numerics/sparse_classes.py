"""Class moments of sparse rows, and what is known without a p x p scatter."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy import sparse

from skdimred.numerics.centers import sums_by_class
from skdimred.numerics.moments import QUIET, ClassMoments
from skdimred.numerics.sparse_rows import (
    BLOCK_BYTES,
    NEAR,
    SPARSE_COST,
    products,
    sparse_gram,
)

__all__ = [
    "ClassColumns",
    "sparse_class_moments",
    "squared_norm_of_scatter",
]


@dataclass(frozen=True)
class ClassColumns:
    """Weight, mean and scatter of each column by class, without products of columns.

    Attributes
    ----------
    weights : ndarray of shape (K,)
        Sum of the weights of each class.
    means : ndarray of shape (K, p)
        Class means; 0 for an empty class.
    squares : ndarray of shape (p,)
        Sum of w (x - class mean)^2.
    """

    weights: np.ndarray
    means: np.ndarray
    squares: np.ndarray

    @classmethod
    @QUIET
    def from_sparse(cls, X, codes, n_classes, sample_weight=None):
        """Summarise labelled rows.

        Parameters
        ----------
        X : csr_array or csc_array of shape (n, p), or matrix
            Each entry stored once.
        codes : ndarray of shape (n,), integer
        n_classes : int
        sample_weight : ndarray of shape (n,), float64, or None
        """
        p = X.shape[1]
        weights = np.bincount(codes, sample_weight, n_classes).astype(np.float64)
        present = np.where(weights > 0, weights, 1.0)[:, np.newaxis]
        major = np.repeat(np.arange(len(X.indptr) - 1), np.diff(X.indptr))
        rows, columns = (major, X.indices) if X.format == "csr" else (X.indices, major)
        place = codes[rows].astype(np.int64) * p + columns
        share = None if sample_weight is None else sample_weight[rows]
        data = X.data.astype(np.float64)

        def sums(values):
            found = np.bincount(place, values, n_classes * p)
            return found.astype(np.float64, copy=False).reshape(n_classes, p)

        means = sums(data if share is None else share * data) / present
        data -= means.ravel()[place]
        weighted = data if share is None else share * data
        # As in `sparse_column_moments`: a sum of positive terms.
        unstored = weights[:, np.newaxis] - sums(share)
        unstored[unstored <= len(codes) * np.finfo(np.float64).eps * present] = 0.0
        squares = np.bincount(columns, weighted * data, p)
        squares += np.einsum("ij,ij,ij->j", unstored, means, means)
        return cls(weights, means, squares)

    @classmethod
    @QUIET
    def from_dense(cls, X, codes, n_classes, sample_weight=None):
        """Summarise labelled dense rows, in two passes."""
        n, p = X.shape
        weights = np.bincount(codes, sample_weight, n_classes).astype(np.float64)
        present = np.where(weights > 0, weights, 1.0)[:, np.newaxis]
        step = max(16, BLOCK_BYTES // (8 * p))
        means, squares = np.zeros((n_classes, p)), np.zeros(p)
        for is_last in (False, True):
            totals = np.zeros((n_classes, p))
            for start in range(0, n, step):
                rows = slice(start, start + step)
                Z = X[rows] - means[codes[rows]]
                weight = None if sample_weight is None else sample_weight[rows]
                totals += sums_by_class(Z, codes[rows], n_classes, weight)
                if is_last:
                    share = np.ones(len(Z)) if weight is None else weight
                    squares += share @ (Z * Z)
            off = totals / present
            means += off
        squares = np.maximum(squares - weights @ off**2, 0.0)
        return cls(weights, means, squares)

    @property
    def is_near(self):
        """Whether the means may be taken off products without losing digits."""
        taken = self.weights @ self.means**2
        return bool(np.all(taken <= NEAR * self.squares))


@QUIET
def sparse_class_moments(X, codes, n_classes, sample_weight=None):
    """`ClassMoments` of sparse rows; arguments as `ClassColumns.from_sparse`.

    The means are taken off the products of stored entries where they are near; where
    some column lies far off, or so many entries are stored that dense products are
    cheaper, blocks of rows are made dense one at a time.
    """
    n, p = X.shape
    X = X.tocsr()
    found = ClassColumns.from_sparse(X, codes, n_classes, sample_weight)
    if not found.is_near or products(X) * SPARSE_COST > n * p**2 / 2:
        return _moments_of_dense_blocks(X, codes, n_classes, sample_weight)
    scatter = sparse_gram(X, sample_weight, on_features=True)
    root = np.sqrt(found.weights)[:, np.newaxis] * found.means
    scatter -= root.T @ root
    np.fill_diagonal(scatter, found.squares)
    return ClassMoments(found.weights, np.zeros(p), found.means, scatter)


def _moments_of_dense_blocks(X, codes, n_classes, sample_weight):
    step = max(256, BLOCK_BYTES // (8 * X.shape[1]))
    moments = None
    for start in range(0, X.shape[0], step):
        rows = slice(start, start + step)
        weight = None if sample_weight is None else sample_weight[rows]
        block = ClassMoments.from_block(
            X[rows].toarray(), codes[rows], n_classes, weight
        )
        moments = block if moments is None else moments.merge(block)
    return moments


def squared_norm_of_scatter(X, codes, sample_weight, columns):
    """``|Z'Z|^2`` for Z the weighted rows minus their class means, from the entries.

    Parameters
    ----------
    X : ndarray or csr of shape (n, p)
    codes : ndarray of shape (n,), integer
    sample_weight : ndarray of shape (n,) or None
    columns : ClassColumns

    Returns
    -------
    float
    """
    weights, means = columns.weights, columns.means
    if not sparse.issparse(X):
        root = np.ones(len(X)) if sample_weight is None else np.sqrt(sample_weight)
        return _dense_squared_norm(X, codes, root, means)
    X = X.astype(np.float64)
    if sample_weight is not None:
        X.data *= np.repeat(np.sqrt(sample_weight), np.diff(X.indptr))
    turned = X.T.tocsr()
    # The squares of X X' and of X'X add up to the same.
    left, right = (X, turned) if products(X) > products(turned) else (turned, X)
    cost = np.add.accumulate(np.diff(left.indptr)) if left.nnz else np.zeros(1)
    total = 0.0
    for rows in _ranges(cost, left.shape[0]):
        total += float(np.sum((left[rows] @ right).data ** 2))
    root = np.sqrt(weights)[:, np.newaxis] * means
    image = X @ root.T
    return total - 2 * float(np.sum(image**2)) + float(np.sum((root @ root.T) ** 2))


def _dense_squared_norm(X, codes, root, means):
    n, p = X.shape
    step = max(16, BLOCK_BYTES // (8 * p))

    def centred(rows):
        return (X[rows] - means[codes[rows]]) * root[rows, np.newaxis]

    total = 0.0
    for start in range(0, n, step):
        Z = centred(slice(start, start + step))
        total += float(np.sum((Z @ Z.T) ** 2))
        for after in range(start + step, n, step):
            total += 2 * float(np.sum((Z @ centred(slice(after, after + step)).T) ** 2))
    return total


def _ranges(cost, length, parts=64):
    """Contiguous ranges of about equal cost, given its running sum."""
    goals = np.linspace(0, cost[-1], min(parts, max(1, length)) + 1)[1:-1]
    edges = [0, *np.searchsorted(cost, goals), length]
    for start, stop in pairwise(edges):
        if stop > start:
            yield slice(start, stop)
