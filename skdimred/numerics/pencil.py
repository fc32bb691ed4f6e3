r"""The symmetric pencil A v = lambda B v, and the one of ratio discriminant analysis.

`eigh_pencil` is the general route, LAPACK's generalised eigensolver behind a rank
guard. Ratio discriminant analysis has a pencil of low rank: :math:`S_b = B^T B` with
one row of B per class, so that with a Cholesky factor :math:`S_w = L L^T`

.. math:: S_b v = \lambda S_w v \iff
          L^{-1} B^T = P \Sigma Q^T,\quad v = L^{-T} P,\quad \lambda = \Sigma^2 ,

a thin SVD of as many columns as classes instead of a p x p eigenproblem [1]_. Features
are first scaled to unit within-class variance; the answer is invariant to it and the
factorisation loses the least digits near that scaling [2]_.

Where S_w is singular the ratio is unbounded, and what is solved is the limit of
:math:`S_b v = \lambda (S_w + \alpha I) v` as :math:`\alpha \to 0`. With N an
orthonormal basis of the null space of S_w and :math:`S_w^+ = H H^T`, first-order
perturbation of :math:`B (S_w + \alpha I)^{-1} B^T = B N N^T B^T / \alpha + B H H^T
B^T + O(\alpha)` gives two families:

- infinite ratio: with :math:`B N = P \Sigma Q^T`, the directions N Q, in which rows of
  one class coincide while class means do not (null-space LDA [3]_);
- finite ratio, in what the first family leaves of the class means: the singular
  vectors P' of :math:`(I - P P^T) B H = P' \Sigma' L^T`, with :math:`\lambda =
  \Sigma'^2` and :math:`v = (H - N Q \Sigma^{-1} P^T B H) L`, so that
  :math:`v^T S_w v = 1` and v keeps no trace of the first family's class contrasts.

References
----------
.. [1] R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals
       of Eugenics 7 (1936), 179-188. https://doi.org/10.1111/j.1469-1809.1936.tb02137.x
.. [2] A. van der Sluis, "Condition numbers and equilibration of matrices", Numerische
       Mathematik 14 (1969), 14-23. https://doi.org/10.1007/BF02165096
.. [3] L.-F. Chen et al., "A new LDA-based face recognition system which can solve the
       small sample size problem", Pattern Recognition 33 (2000), 1713-1726.
       https://doi.org/10.1016/S0031-3203(99)00139-9
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from skdimred.numerics.root import cholesky_of_correlation
from skdimred.numerics.signs import fix_signs

__all__ = [
    "Pencil",
    "eigh_directions",
    "eigh_pencil",
    "limit_directions",
    "mean_direction",
    "ratio_directions",
]

EPS = np.finfo(np.float64).eps
# An eigenvalue of a p x p pencil is off by a few p eps times the largest.
EIGENVALUE_ERROR = 8.0


@dataclass(frozen=True)
class Pencil:
    """Directions that solve A v = lambda B v.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Eigenvalues, descending; infinite where v'Bv = 0 < v'Av.
    vectors : ndarray of shape (k, p)
        One direction a row, signs fixed, v'Bv = 1 where the eigenvalue is finite.
    gains : ndarray of shape (k,)
        What the directions are ranked by: the eigenvalues; or v'Av for unit v where
        eigenvalues are infinite, and then 0 for the finite ones.
    rcond : float
        Reciprocal condition number of B scaled to unit diagonal; 0 where singular.
    rho : float or None
        Where not None, the pencil is that of A - rho B and I (see `difference`).
    """

    values: np.ndarray
    vectors: np.ndarray
    gains: np.ndarray
    rcond: float
    rho: float | None = None

    def residual(self, S_w, B):
        """Largest ||S_b v - l S_w v|| over ||S_b v|| + l ||S_w v||; S_b = B'B."""
        V = self.vectors
        return self.residual_of_images((V @ B.T) @ B, V @ S_w)

    def residual_of_images(self, between, within):
        """The same from the products S_b v and S_w v, as rows."""
        values = self.values[:, np.newaxis]
        if self.rho is None:
            finite = np.isfinite(self.values)
            left, right = between[finite], values[finite] * within[finite]
        elif np.isinf(self.rho):
            left, right = between + within, between
        else:
            left, right = between, self.rho * within + values * self.vectors
        # Their squares may overflow where they do not.
        unit = max(np.abs(left).max(initial=0.0), np.abs(right).max(initial=0.0)) or 1.0
        left, right = left / unit, right / unit
        size = np.linalg.norm(left, axis=1) + np.linalg.norm(right, axis=1)
        error = np.linalg.norm(left - right, axis=1)
        return float(np.max(error / np.where(size > 0, size, 1.0), initial=0.0))


def _factors(S_w, min_rcond):
    """Cholesky factor at unit diagonal, the scale, rcond; None where singular."""
    scale = np.sqrt(S_w.diagonal())
    if not np.all(scale > 0):
        return None
    upper, rcond = cholesky_of_correlation(S_w, scale)
    return None if rcond < min_rcond else (upper, scale, rcond)


def eigh_pencil(A, B, k, *, min_rcond=1e-12):
    """Top `k` of A v = lambda B v by `scipy.linalg.eigh`; None if B is near singular.

    Only values above the rounding of the largest are returned.

    Parameters
    ----------
    A : ndarray of shape (p, p)
        Symmetric.
    B : ndarray of shape (p, p)
        Symmetric, positive definite.
    k : int
    min_rcond : float
        Rank guard: smallest rcond of B, scaled to unit diagonal, that is accepted.

    Returns
    -------
    Pencil or None
    """
    factors = _factors(B, min_rcond)
    if factors is None:
        return None
    _, scale, rcond = factors
    unit = np.multiply.outer(scale, scale)
    p = len(A)
    values, vectors = scipy.linalg.eigh(
        A / unit, B / unit, subset_by_index=[p - k, p - 1], check_finite=False
    )
    # Values below the rounding of the largest say nothing, not even their sign.
    keep = values > EIGENVALUE_ERROR * p * EPS * np.abs(values).max(initial=0.0)
    values, vectors = values[keep][::-1], vectors.T[keep][::-1] / scale
    return Pencil(values, fix_signs(vectors), values, rcond)


def eigh_directions(S_w, B, k, *, min_rcond=1e-12):
    """`ratio_directions` by `eigh_pencil`."""
    return eigh_pencil(B.T @ B, S_w, k, min_rcond=min_rcond)


def mean_direction(S_w, B, k=1, *, min_rcond=1e-12):
    r"""Direction of the difference of two means, or None if S_w is near singular.

    .. math:: \max_{w^T S_w w = 1} w^T (m_2 - m_1)
              \implies w \propto S_w^{-1} (m_2 - m_1) ,

    by one Cholesky factorisation and two triangular solves.

    Parameters
    ----------
    S_w : ndarray of shape (p, p)
        Within-class scatter.
    B : ndarray of shape (K, p)
        Multiples of the difference, not all 0; S_b = B'B.
    k : int
        1.
    min_rcond : float
        Rank guard on S_w scaled to unit diagonal.

    Returns
    -------
    Pencil or None
    """
    factors = _factors(S_w, min_rcond)
    if factors is None:
        return None
    upper, scale, rcond = factors
    trtrs = scipy.linalg.lapack.dtrtrs
    row = B[int(np.argmax(np.einsum("ij,ij->i", B, B)))]
    whitened, _ = trtrs(upper, row / scale, lower=0, trans=1)
    w, _ = trtrs(upper, whitened, lower=0, trans=0)
    w /= scale * np.linalg.norm(whitened)
    value = np.array([np.sum((B @ w) ** 2)])
    return Pencil(value, fix_signs(w[np.newaxis]), value, rcond)


def ratio_directions(S_w, B, k, *, min_rcond=1e-12):
    """Top `k` of ratio discriminant analysis, or None if S_w is near singular.

    Parameters
    ----------
    S_w : ndarray of shape (p, p)
        Within-class scatter.
    B : ndarray of shape (K, p)
        S_b = B'B.
    k : int
        At most the rank of B.
    min_rcond : float
        Rank guard on S_w scaled to unit diagonal.

    Returns
    -------
    Pencil or None
    """
    factors = _factors(S_w, min_rcond)
    if factors is None:
        return None
    upper, scale, rcond = factors
    trtrs = scipy.linalg.lapack.dtrtrs
    whitened, _ = trtrs(upper, (B / scale).T, lower=0, trans=1)
    P, s, _ = np.linalg.svd(whitened, full_matrices=False)
    vectors, _ = trtrs(upper, P[:, :k], lower=0, trans=0)
    vectors = np.ascontiguousarray((vectors / scale[:, np.newaxis]).T)
    values = s[:k] ** 2
    return Pencil(values, fix_signs(vectors), values, rcond)


def limit_directions(B, H, N, n_infinite, n_finite):
    """Directions of ratio discriminant analysis in the ridge limit, S_w singular.

    Parameters
    ----------
    B : ndarray of shape (K, p)
        S_b = B'B.
    H : ndarray of shape (p, r)
        S_w^+ = H H'.
    N : ndarray of shape (p, q)
        Orthonormal basis of the null space of S_w.
    n_infinite : int
        Rank of B N: how many directions have an infinite ratio.
    n_finite : int
        How many of finite ratio to take, at most what is left of the rank of B.

    Returns
    -------
    Pencil
    """
    P, s, Qt = np.linalg.svd(B @ N, full_matrices=False)
    P, s = P[:, :n_infinite], s[:n_infinite]
    unbounded = (N @ Qt[:n_infinite].T).T
    BH = B @ H
    contrasts = P.T @ BH
    _, finite_s, Lt = np.linalg.svd(BH - P @ contrasts, full_matrices=False)
    finite_s, L = finite_s[:n_finite], Lt[:n_finite].T
    finite = (H @ L).T - ((contrasts @ L) / s[:, np.newaxis]).T @ unbounded
    values = np.concatenate([np.full(n_infinite, np.inf), finite_s**2])
    gains = np.concatenate([s**2, np.zeros(len(finite))]) if n_infinite else values
    vectors = np.concatenate([unbounded, finite])
    return Pencil(values, fix_signs(vectors), gains, 0.0)
