r"""Principal directions from the scatter of tall data, or from a root of it.

Let Z be the n x p rows minus their mean, times the square roots of their weights. The
directions of maximal variance, which are those of minimal reconstruction error, solve

.. math:: \max_{V V^T = I_k} \operatorname{tr} V Z^T Z V^T ,

and are the leading right singular vectors of Z [1]_. Tall data give them as
eigenvectors of the p x p scatter Z'Z; `wide` has the other case.

A Gram matrix holds the squares of the singular values, so its eigenvalues carry an
error near eps times the largest: relative to the k-th it is eps (s_1 / s_k)^2. Where
that exceeds the tolerance asked for, the scatter is refused and the singular values
are taken from a triangular root instead: error eps s_1 in s itself, as a full SVD.

References
----------
.. [1] C. Eckart and G. Young, "The approximation of one matrix by another of lower
       rank", Psychometrika 1 (1936), 211-218. https://doi.org/10.1007/BF02288367
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from skdimred.numerics.signs import fix_signs

__all__ = [
    "Spectrum",
    "complete_rows",
    "finish",
    "residual_of",
    "rest_of",
    "spectrum_of_root",
    "spectrum_of_rows",
    "spectrum_of_scatter",
    "top_eigenpairs",
]

EPS = np.finfo(np.float64).eps
# An eigenvalue of a d x d Gram matrix is off by a few eps times the largest.
EIGENVALUE_ERROR = 10.0
# Share of the eigenvectors up to which the subset solver beats the full one, and the
# size from which it does (measured; numpy's full solver has less overhead).
SUBSET_SHARE, SUBSET_SIZE = 0.1, 150
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


def spectrum_of_scatter(scatter, active, count, *, max_rank, tol, eps=EPS):
    """Spectrum from the p x p scatter of tall data.

    Parameters
    ----------
    scatter : ndarray of shape (p, p), float64
    active : ndarray of shape (p,), bool
        Features that vary; the others get weight exactly 0.
    count : Count
        How many components are wanted.
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
    all_wanted = count.rule is None and max_rank >= len(variances) > 0
    if (
        all_wanted
        and np.isfinite(tol)
        and error * variances.max() > tol * variances.min()
    ):
        return None
    everywhere = len(variances) == len(active)
    inner = scatter if everywhere else scatter[np.ix_(active, active)]
    values, vectors = top_eigenpairs(inner, count.number)
    floor = error * values.max(initial=0.0)
    # The rules take a value that is zero to rounding for what it is.
    resolved = np.where(values > floor, values, 0.0) if count.needs_all else values
    k = count.among(len(variances))(resolved, total)
    kept = min(k, len(values), max_rank)
    rest = rest_of(values, k, len(inner), total)
    if np.isfinite(tol) and kept > 0:
        # What is left out is asked for too: its mean is the noise variance.
        smallest = min(values[kept - 1], rest) if k < max_rank else values[kept - 1]
        if floor > tol * smallest:
            return None
    values = np.where(values > floor, values, 0.0)
    values, vectors = values[:k], vectors[:k]
    residual = residual_of(inner, values, vectors)
    if not everywhere:
        vectors = _embed(vectors, active)
    return finish(values, vectors, k, total, rest, residual)


def spectrum_of_root(R, n_rows, active, count):
    """Spectrum from a triangular root of the scatter of the active features.

    Parameters
    ----------
    R : ndarray of shape (r, n_active)
    n_rows : int
        Rows that the root sums up: its rounding grows with them.
    active : ndarray of shape (p,), bool
    count : Count

    Returns
    -------
    Spectrum
    """
    _, s, Vt = np.linalg.svd(R, full_matrices=False)
    size = max(n_rows, R.shape[1])
    return _from_singular_values(R, s, Vt, active, count, size)


def spectrum_of_rows(Z, active, count):
    """Spectrum by LAPACK's SVD of centred, weighted rows, the reference route.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
    active : ndarray of shape (p,), bool
    count : Count

    Returns
    -------
    Spectrum
    """
    Z = Z[:, active]
    # LAPACK's wrapper in older versions of scipy refuses a matrix without columns.
    svd = scipy.linalg.svd if Z.size else np.linalg.svd
    _, s, Vt = svd(Z, full_matrices=False)
    return _from_singular_values(Z, s, Vt, active, count, max(Z.shape))


def _from_singular_values(A, s, Vt, active, count, size):
    """Spectrum from the SVD of A, whose values are exact to size eps s_1."""
    total = float(s @ s)
    squares = np.where(s > size * EPS * s.max(initial=0.0), s, 0.0) ** 2
    k = count.among(int(np.count_nonzero(active)))(squares, total)
    vectors = Vt[:k]
    error = (vectors @ A.T) @ A - squares[:k, np.newaxis] * vectors
    residual = _relative_norm(error, squares[:k])
    rest = float(squares[k:].sum())
    return finish(squares[:k], _embed(vectors, active), k, total, rest, residual)


def finish(values, vectors, k, total, rest, residual):
    """Spectrum of `k` components: those with variance, completed by others.

    What an eigensolver returns for the value 0 depends on rounding; the completion
    depends on the subspace with variance alone.
    """
    squares = np.zeros(k)
    squares[: len(values)] = values
    positive = int(np.count_nonzero(squares))
    vectors = fix_signs(complete_rows(vectors[:positive], k))
    return Spectrum(squares, vectors, total, rest, residual)


def top_eigenpairs(S, number):
    """Leading eigenvalues >= 0, descending, and eigenvectors as rows; None for all."""
    d = len(S)
    if number is not None and d >= SUBSET_SIZE and number <= SUBSET_SHARE * d:
        values, vectors = scipy.linalg.eigh(
            S, subset_by_index=[d - number, d - 1], check_finite=False
        )
    else:
        values, vectors = np.linalg.eigh(S)
    return np.maximum(values[::-1], 0.0), np.ascontiguousarray(vectors.T[::-1])


def rest_of(values, k, d, total):
    """Sum of the eigenvalues left out: added up where they are known."""
    if len(values) == d:
        return float(values[k:].sum())
    return max(0.0, total - float(values[:k].sum()))


def residual_of(S, values, vectors):
    """Largest ||S v - value v|| over the largest value."""
    error = vectors @ S
    error -= values[:, np.newaxis] * vectors
    return _relative_norm(error, values)


def _relative_norm(error, values):
    """Largest norm of the rows of `error` over the largest value; 0 without any."""
    if len(values) == 0 or values[0] <= 0:
        return 0.0
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
