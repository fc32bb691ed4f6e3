r"""Principal directions from the smaller Gram matrix of the centred rows.

Let Z be the n x p rows minus their mean, times the square roots of their weights. The
directions of maximal variance, which are those of minimal reconstruction error, solve

.. math:: \max_{V V^T = I_k} \operatorname{tr} V Z^T Z V^T ,

and are the leading right singular vectors of Z [1]_. Tall data give them as
eigenvectors of the p x p scatter Z'Z; wide data through the n x n matrix
Z Z' = U S^2 U', as V = S^{-1} U'Z.

A Gram matrix holds the squares of the singular values, so its eigenvalues carry an
error near eps times the largest: relative to the k-th it is eps (s_1 / s_k)^2. Where
that exceeds the tolerance asked for, the functions here say so and the singular values
are taken from a triangular root instead (tall), or from one Rayleigh-Ritz step on U'Z
(wide): error eps s_1 in s itself, as a full SVD.

References
----------
.. [1] C. Eckart and G. Young, "The approximation of one matrix by another of lower
       rank", Psychometrika 1 (1936), 211-218. https://doi.org/10.1007/BF02288367
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from skdimred.numerics.moments import QUIET
from skdimred.numerics.rank import resolve
from skdimred.numerics.signs import fix_signs

__all__ = [
    "Spectrum",
    "WideGram",
    "centered_features",
    "complete_rows",
    "eigenvectors_of_wide_gram",
    "project_features",
    "recenter",
    "root_of_features",
    "spectrum_of_projection",
    "spectrum_of_root",
    "spectrum_of_rows",
    "spectrum_of_scatter",
]

EPS = np.finfo(np.float64).eps
# An eigenvalue of a d x d Gram matrix is off by a few eps times the largest.
EIGENVALUE_ERROR = 10.0
# Share of the eigenvectors up to which the subset solver beats the full one, and the
# size from which it does (measured; numpy's full solver has less overhead).
SUBSET_SHARE, SUBSET_SIZE = 0.25, 150
WIDE_BYTES = 1 << 20
# Directions without variance that are found one by one; more of them, all at once.
GRAM_SCHMIDT_ROWS = 32


@dataclass(frozen=True)
class Spectrum:
    """Leading singular values and right singular vectors of the centred rows.

    Attributes
    ----------
    squares : ndarray of shape (k,)
        Squared singular values, descending; 0 where they are zero to rounding.
    vectors : ndarray of shape (k, p)
        Orthonormal rows, signs fixed.
    total : float
        Sum of all squared singular values.
    rest : float
        Sum of those left out.
    residual : float
        Largest ||Z'Z v - s^2 v|| over s_1^2, 0 for constant data.
    """

    squares: np.ndarray
    vectors: np.ndarray
    total: float
    rest: float
    residual: float


def spectrum_of_scatter(
    scatter, active, n_components, limit, *, max_rank, tol, eps=EPS
):
    """Spectrum from the p x p scatter of tall data.

    Parameters
    ----------
    scatter : ndarray of shape (p, p), float64
    active : ndarray of shape (p,), bool
        Features that vary; the others get weight exactly 0.
    n_components : int, float or None
        See `rank.resolve`.
    limit : int
        The most components that there can be.
    max_rank : int
        The most of them that can have variance: centring takes one of n rows.
    tol : float
        Relative error allowed in the smallest squared singular value kept.
    eps : float
        Unit roundoff of the products that made the scatter.

    Returns
    -------
    Spectrum, or None
        None if the scatter does not resolve the smallest value kept to `tol`.
    """
    variances = scatter.diagonal()[active]
    total = float(variances.sum())
    error = EIGENVALUE_ERROR * eps
    # The eigenvalues range at least as far as the diagonal: no need to compute them
    # to see that the last is out of reach.
    all_wanted = n_components is None and max_rank >= len(variances) > 0
    if (
        all_wanted
        and np.isfinite(tol)
        and error * variances.max() > tol * variances.min()
    ):
        return None
    everywhere = len(variances) == len(active)
    inner = scatter if everywhere else scatter[np.ix_(active, active)]
    values, vectors = _top_eigenpairs(inner, n_components)
    floor = error * values.max(initial=0.0)
    k = resolve(n_components, values, total, limit)
    kept = min(k, len(values), max_rank)
    rest = _rest(values, k, len(inner), total)
    if np.isfinite(tol) and kept > 0:
        # What is left out is asked for too: its mean is the noise variance.
        smallest = min(values[kept - 1], rest) if k < max_rank else values[kept - 1]
        if floor > tol * smallest:
            return None
    values = np.where(values > floor, values, 0.0)
    values, vectors = values[:k], vectors[:k]
    residual = _residual(inner, values, vectors)
    if not everywhere:
        vectors = _embed(vectors, active)
    return _finish(values, vectors, k, total, rest, residual)


def spectrum_of_root(R, n_rows, active, n_components, limit):
    """Spectrum from a triangular root of the scatter of the active features.

    Parameters
    ----------
    R : ndarray of shape (r, n_active)
    n_rows : int
        Rows that the root sums up: its rounding grows with them.
    active : ndarray of shape (p,), bool
    n_components : int, float or None
    limit : int

    Returns
    -------
    Spectrum
    """
    _, s, Vt = np.linalg.svd(R, full_matrices=False)
    size = max(n_rows, R.shape[1])
    return _from_singular_values(s, Vt, active, n_components, limit, size)


def spectrum_of_rows(X, sample_weight, center, offset, active, n_components, limit):
    """Spectrum by LAPACK's SVD of a centred copy of the rows, the reference route."""
    Z = X[:, active] - center[active]
    Z -= offset[active]
    if sample_weight is not None:
        Z *= np.sqrt(sample_weight)[:, np.newaxis]
    _, s, Vt = scipy.linalg.svd(Z, full_matrices=False, overwrite_a=True)
    return _from_singular_values(s, Vt, active, n_components, limit, max(Z.shape))


def _from_singular_values(s, Vt, active, n_components, limit, size):
    total = float(s @ s)
    squares = np.where(s > size * EPS * s.max(initial=0.0), s, 0.0) ** 2
    k = resolve(n_components, squares, total, limit)
    vectors = _embed(Vt[:k], active)
    # LAPACK's SVD is backward stable: the residual is its rounding.
    residual = EPS * size if total > 0 else 0.0
    rest = float(squares[k:].sum())
    return _finish(squares[:k], vectors, k, total, rest, residual)


def _finish(values, vectors, k, total, rest, residual):
    """Spectrum of `k` components: those with variance, completed by others.

    What an eigensolver returns for the value 0 depends on rounding; the completion
    depends on the subspace with variance alone.
    """
    squares = np.zeros(k)
    squares[: len(values)] = values
    positive = int(np.count_nonzero(squares))
    vectors = fix_signs(complete_rows(vectors[:positive], k))
    return Spectrum(squares, vectors, total, rest, residual)


@dataclass(frozen=True)
class WideGram:
    """Gram matrix of centred rows, summed over ranges of features.

    Attributes
    ----------
    offset : ndarray of shape (p,), float64
        Weighted mean of each feature of the range, minus its value in the first row
        of positive weight.
    squares : ndarray of shape (p,), float64
        Scatter of each feature of the range.
    gram : ndarray of shape (n, n), float64
        Z Z' over the features of the range.
    """

    offset: np.ndarray
    squares: np.ndarray
    gram: np.ndarray

    @classmethod
    @QUIET
    def from_block(cls, features, *, sample_weight):
        """Sum the range of features given as rows, ``X.T[a:b]``, in float64."""
        p, n = features.shape
        offset, squares = np.empty(p), np.empty(p)
        gram, product = np.zeros((n, n)), np.empty((n, n))
        for columns, Z in centered_features(features, sample_weight, offset):
            np.einsum("ij,ij->j", Z, Z, out=squares[columns])
            np.matmul(Z, Z.T, out=product)
            gram += product
        return cls(offset, squares, gram)

    def merge(self, other):
        """Gram matrix over the features of both, `other`'s after `self`'s."""
        offset = np.concatenate([self.offset, other.offset])
        squares = np.concatenate([self.squares, other.squares])
        return WideGram(offset, squares, self.gram + other.gram)


def project_features(X, sample_weight, offset, left, features, out):
    """Fill ``out[:, features]`` with ``left' Z`` for one range of features.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    sample_weight : ndarray of shape (n,) or None
    offset : ndarray of shape (p,)
    left : ndarray of shape (n, m)
    features : slice
    out : ndarray of shape (m, p)
    """
    part = out[:, features]
    blocks = centered_features(
        X.T[features], sample_weight, offset[features], known=True
    )
    for columns, Z in blocks:
        np.matmul(left.T, Z, out=part[:, columns])


def root_of_features(features, sample_weight):
    """Triangular R (n, n) with R'R = Z Z' over a range of features ``X.T[a:b]``."""
    p, n = features.shape
    R, waiting = np.empty((0, n)), []
    for columns, Z in centered_features(features, sample_weight, np.empty(p)):
        waiting.append(Z.T.copy())
        if columns.stop == p or sum(map(len, waiting)) >= 4 * n:
            R, waiting = np.linalg.qr(np.concatenate([R, *waiting]), mode="r"), []
    return R


def centered_features(features, sample_weight, offset, known=False):
    """Blocks of Z, n x (a few features), as (slice of features, view of one buffer).

    Parameters
    ----------
    features : ndarray of shape (p, n)
        ``X.T``, or a range of its rows.
    sample_weight : ndarray of shape (n,) or None
    offset : ndarray of shape (p,)
        Mean of each feature minus its value in the first row that counts: filled in
        block by block, or read where it is `known`. Taking that value off first makes
        a constant feature exactly 0.
    known : bool
    """
    p, n = features.shape
    step = max(16, WIDE_BYTES // (8 * n))
    buffer = np.empty((n, step))
    share, first = np.full(n, 1 / n), 0
    if sample_weight is not None:
        first = int(np.argmax(sample_weight > 0))
        root = np.sqrt(sample_weight)[:, np.newaxis]
        share = sample_weight / sample_weight.sum()
    for start in range(0, p, step):
        columns = slice(start, min(p, start + step))
        Z = buffer[:, : columns.stop - start]
        base = features[columns, first].astype(np.float64)
        np.subtract(features[columns].T, base, out=Z, dtype=np.float64)
        if not known:
            offset[columns] = share @ Z
        Z -= offset[columns]
        if sample_weight is not None:
            Z *= root
        yield columns, Z


def recenter(gram, sample_weight):
    """Remove from Z Z', in place, what the rounding of the mean left in it.

    Z'sqrt(w) is zero but for that rounding, which on data far from the origin is not
    small: the projection off sqrt(w), from both sides, takes it out exactly.
    """
    root = np.ones(len(gram)) if sample_weight is None else np.sqrt(sample_weight)
    unit = root / np.linalg.norm(root)
    image = gram @ unit
    image -= 0.5 * (unit @ image) * unit
    gram -= np.multiply.outer(image, unit)
    gram -= np.multiply.outer(unit, image)
    return gram


def eigenvectors_of_wide_gram(gram, n_components, limit, *, max_rank, tol):
    """Left singular vectors from the n x n Gram matrix, and how many to keep.

    Parameters
    ----------
    gram : ndarray of shape (n, n)
    n_components, limit, max_rank, tol
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
    values, vectors = _top_eigenpairs(gram, n_components)
    floor = EIGENVALUE_ERROR * len(gram) * EPS * values.max(initial=0.0)
    k = resolve(n_components, values, total, limit)
    kept = min(k, len(values), max_rank)
    error = EIGENVALUE_ERROR * EPS * values[0]
    is_precise = kept == 0 or not np.isfinite(tol) or error <= tol * values[kept - 1]
    m = min(kept, int(np.count_nonzero(values > floor)))
    rest = _rest(np.where(values > floor, values, 0.0), k, len(gram), total)
    residual = _residual(gram, values[:m], vectors[:m])
    if not is_precise:
        _, vectors = _top_eigenpairs(gram, None)
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
        return _finish(s**2, projection, k, total, rest, residual)
    Q, R = np.linalg.qr(projection.T)
    _, s, Wt = np.linalg.svd(R.T)
    s = np.where(s > max(projection.shape) * EPS * s.max(initial=0.0), s, 0.0)
    rest = float((s[k:] ** 2).sum())
    return _finish(s[:k] ** 2, (Wt @ Q.T)[:k], k, total, rest, residual)


def _top_eigenpairs(S, n_components):
    """Eigenvalues >= 0, descending, and eigenvectors as rows."""
    d = len(S)
    if (
        isinstance(n_components, int)
        and d >= SUBSET_SIZE
        and n_components <= SUBSET_SHARE * d
    ):
        values, vectors = scipy.linalg.eigh(
            S, subset_by_index=[d - n_components, d - 1], check_finite=False
        )
    else:
        values, vectors = np.linalg.eigh(S)
    return np.maximum(values[::-1], 0.0), np.ascontiguousarray(vectors.T[::-1])


def _rest(values, k, d, total):
    """Sum of the eigenvalues left out: added up where they are known."""
    if len(values) == d:
        return float(values[k:].sum())
    return max(0.0, total - float(values[:k].sum()))


def _residual(S, values, vectors):
    """Largest ||S v - value v|| over the largest value."""
    if len(values) == 0 or values[0] <= 0:
        return 0.0
    error = vectors @ S
    error -= values[:, np.newaxis] * vectors
    return float(np.sqrt(np.einsum("ij,ij->i", error, error).max()) / values[0])


def _embed(vectors, active):
    """Vectors over the active features as vectors over all, 0 elsewhere."""
    if active.all():
        return vectors
    full = np.zeros((len(vectors), len(active)), vectors.dtype)
    full[:, active] = vectors
    return full


def complete_rows(vectors, k):
    """Orthonormal rows, completed to `k` by the axes least used so far."""
    m, p = vectors.shape
    if m >= k:
        return vectors[:k]
    full = np.zeros((k, p), vectors.dtype)
    full[:m] = vectors
    use = np.einsum("ij,ij->j", vectors, vectors)
    unused = np.flatnonzero(use == 0)[: k - m]
    # Features of weight 0 throughout, the constant ones, need no orthogonalising.
    full[np.arange(m, m + len(unused)), unused] = 1.0
    use[unused] = 1.0
    m += len(unused)
    if k - m > GRAM_SCHMIDT_ROWS:
        full[m:] = np.linalg.qr(full[:m].T, mode="complete")[0][:, m:k].T
        m = k
    for row in range(m, k):
        axis = int(np.argmin(use))
        full[row, axis] = 1.0
        for _ in range(2):
            full[row] -= (full[:row] @ full[row]) @ full[:row]
        full[row] /= np.linalg.norm(full[row])
        use += full[row] ** 2
    return full
