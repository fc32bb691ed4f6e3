r"""Principal directions of wide data, through the n x n Gram matrix of the rows.

With Z the centred, weighted rows, Z Z' = U S^2 U' and V = S^{-1} U'Z, so nothing of
size p x p is formed. Features are taken in blocks, minus their values in one base row,
which makes a constant feature exactly 0; the small matrix Z Z' is centred afterwards.

Where the Gram matrix does not resolve the smallest singular value asked for, one
Rayleigh-Ritz step on U'Z gives it to eps s_1, as a full SVD.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skdimred.numerics.centering import unit_root
from skdimred.numerics.gram import (
    EIGENVALUE_ERROR,
    EPS,
    finish,
    residual_of,
    rest_of,
    top_eigenpairs,
)
from skdimred.numerics.moments import QUIET

__all__ = [
    "WideGram",
    "base_row",
    "eigenvectors_of_wide_gram",
    "off_mean",
    "project_features",
    "recenter",
    "root_of_features",
    "shifted_features",
    "spectrum_of_projection",
]

WIDE_BYTES = 2 << 20


@dataclass(frozen=True)
class WideGram:
    """Gram matrix of rows minus a base row, summed over ranges of features.

    Attributes
    ----------
    offset : ndarray of shape (p,), float64
        Weighted mean of each feature of the range, minus the base row.
    squares : ndarray of shape (p,), float64
        Scatter of each feature of the range.
    gram : ndarray of shape (n, n), float64
        Z Z' over the features of the range; to be centred by `recenter`.
    """

    offset: np.ndarray
    squares: np.ndarray
    gram: np.ndarray

    @classmethod
    @QUIET
    def from_block(cls, features, *, sample_weight, center=True):
        """Sum the range of features given as rows, ``X.T[a:b]``, in float64.

        Without `center` nothing is subtracted, and `gram` is that of the rows.
        """
        p, n = features.shape
        root = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
        weight = float(root @ root)
        totals, squares = np.empty(p), np.empty(p)
        gram, product = np.zeros((n, n)), np.empty((n, n))
        for columns, Z in shifted_features(features, sample_weight, center):
            np.matmul(root, Z, out=totals[columns])
            np.einsum("ij,ij->j", Z, Z, out=squares[columns])
            np.matmul(Z, Z.T, out=product)
            gram += product
        offset = totals / weight
        squares -= offset * totals
        return cls(offset, squares, gram)

    def merge(self, other):
        """Gram matrix over the features of both, `other`'s after `self`'s."""
        offset = np.concatenate([self.offset, other.offset])
        squares = np.concatenate([self.squares, other.squares])
        return WideGram(offset, squares, self.gram + other.gram)


def base_row(sample_weight):
    """The row that is taken off all: one of the largest weight.

    As it holds at least 1/n of the weight, the mean lies within sqrt(n) standard
    deviations of it, and centring afterwards loses no more than n eps.
    """
    return 0 if sample_weight is None else int(np.argmax(sample_weight))


def shifted_features(features, sample_weight, center=True):
    """Blocks of Z, n x (a few features), as (slice of features, view of one buffer).

    Parameters
    ----------
    features : ndarray or csr of shape (p, n)
        ``X.T``, or a range of its rows.
    sample_weight : ndarray of shape (n,) or None
    center : bool
        Whether the base row is subtracted.
    """
    p, n = features.shape
    step = max(16, WIDE_BYTES // (8 * n))
    buffer = np.empty((n, step))
    base = base_row(sample_weight)
    for start in range(0, p, step):
        columns = slice(start, min(p, start + step))
        Z = buffer[:, : columns.stop - start]
        rows = features[columns].T
        rows = rows.toarray() if sparse.issparse(rows) else rows
        off = rows[base] if center else 0.0
        np.subtract(rows, off, out=Z, dtype=np.float64)
        if sample_weight is not None:
            Z *= np.sqrt(sample_weight)[:, np.newaxis]
        yield columns, Z


def recenter(gram, sample_weight):
    """Centre Z Z', in place, by projecting off sqrt(w) from both sides."""
    unit = unit_root(len(gram), sample_weight)
    image = gram @ unit
    image -= 0.5 * (unit @ image) * unit
    gram -= np.multiply.outer(image, unit)
    gram -= np.multiply.outer(unit, image)
    return gram


def off_mean(left, sample_weight):
    """Columns of `left` (n, m) projected off sqrt(w), along which the mean would enter.

    Then left'Z is that of centred rows, for rows minus any base.
    """
    unit = unit_root(len(left), sample_weight)
    return left - np.multiply.outer(unit, unit @ left)


def project_features(X, sample_weight, left, features, out, center=True):
    """Fill ``out[:, features]`` with ``left' Z``, Z the rows minus the base row.

    Parameters
    ----------
    X : ndarray or csc of shape (n, p)
    sample_weight : ndarray of shape (n,) or None
    left : ndarray of shape (n, m)
    features : slice
    out : ndarray of shape (m, p)
    center : bool
        Whether the base row is subtracted.
    """
    part = out[:, features]
    for columns, Z in shifted_features(X.T[features], sample_weight, center):
        np.matmul(left.T, Z, out=part[:, columns])


def root_of_features(features, sample_weight):
    """Triangular R (n, n), R'R the centred Z Z' over features ``X.T[a:b]``."""
    p, n = features.shape
    unit = unit_root(n, sample_weight)
    R, waiting = np.empty((0, n)), []
    for columns, Z in shifted_features(features, sample_weight):
        rows = Z.T - np.multiply.outer(unit @ Z, unit)
        waiting.append(rows)
        if columns.stop == p or sum(map(len, waiting)) >= 4 * n:
            R, waiting = np.linalg.qr(np.concatenate([R, *waiting]), mode="r"), []
    return R


def eigenvectors_of_wide_gram(gram, count, *, max_rank, tol):
    """Left singular vectors from the n x n Gram matrix, and how many to keep.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
    count, max_rank, tol
        As for `spectrum_of_scatter`.

    Returns
    -------
    U : ndarray of shape (n, m)
        Left singular vectors to project the rows on: those kept that are not zero
        to rounding, or all n where a refinement is needed.
    k : int
        Number of components to keep.
    total, rest, residual : float
    is_precise : bool
        As in `Spectrum`.
    """
    total = float(np.trace(gram))
    values, vectors = top_eigenpairs(gram, count.number)
    floor = EIGENVALUE_ERROR * len(gram) * EPS * values.max(initial=0.0)
    resolved = np.where(values > floor, values, 0.0) if count.needs_all else values
    k = count(resolved, total)
    kept = min(k, len(values), max_rank)
    error = EIGENVALUE_ERROR * EPS * values[0]
    is_precise = kept == 0 or not np.isfinite(tol) or error <= tol * values[kept - 1]
    m = min(kept, int(np.count_nonzero(values > floor)))
    rest = rest_of(np.where(values > floor, values, 0.0), k, len(gram), total)
    residual = residual_of(gram, values[:m], vectors[:m])
    if not is_precise:
        _, vectors = top_eigenpairs(gram, None)
        m = len(gram)
    return vectors[:m].T, k, total, rest, residual, bool(is_precise)


def spectrum_of_projection(projection, k, total, rest, residual, is_precise):
    """Spectrum from U'Z, whose rows are s_i v_i up to the error of U.

    Parameters
    ----------
    projection : ndarray of shape (m, p)
        Overwritten.
    k : int
    total, rest, residual : float
        As in `Spectrum`.
    is_precise : bool
        Where False, one Rayleigh-Ritz step restores orthogonality: with U'Z = R'Q',
        the SVD of the small R'.
    """
    if is_precise:
        s = np.linalg.norm(projection, axis=1)
        projection /= np.where(s > 0, s, 1.0)[:, np.newaxis]
        return finish(s**2, projection, k, total, rest, residual)
    Q, R = np.linalg.qr(projection.T)
    _, s, Wt = np.linalg.svd(R.T)
    s = np.where(s > max(projection.shape) * EPS * s.max(initial=0.0), s, 0.0)
    rest = float((s[k:] ** 2).sum())
    return finish(s[:k] ** 2, (Wt @ Q.T)[:k], k, total, rest, residual)
