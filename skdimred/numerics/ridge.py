r"""Discriminant directions from products with S_w alone, under a ridge.

With :math:`S = (1 - a) S_w + a \mu I` positive definite and :math:`S_b = C^T C`, C of
full row rank r < K, the leading eigenvectors of :math:`S_b v = \lambda S v` span
:math:`S^{-1} C^T`. Its r columns are found together by conjugate gradients [1]_,
preconditioned by the diagonal of S, and one small pencil in the span of what was
found,

.. math:: (H^T S_b H)\, c = \lambda\, (H^T S H)\, c ,

makes directions of them (Rayleigh and Ritz): an error of size e in H is one of size
:math:`e^2` in the eigenvalues. Neither S_w nor anything else of size p x p is formed.

References
----------
.. [1] M. Hestenes and E. Stiefel, "Methods of conjugate gradients for solving linear
       systems", Journal of Research of the National Bureau of Standards 49 (1952),
       409-436. https://doi.org/10.6028/jres.049.044
"""

import numpy as np
import scipy.linalg

from skdimred.numerics.pencil import Pencil
from skdimred.numerics.signs import fix_signs

__all__ = ["conjugate_gradients", "ridge_directions"]


def conjugate_gradients(times, C, diagonal, *, tol, max_iter):
    """Solve S H = C', all columns at once, each with steps of its own.

    Parameters
    ----------
    times : callable
        ``times(V)`` gives S V for V of shape (p, m).
    C : ndarray of shape (r, p)
    diagonal : ndarray of shape (p,)
        Of S; positive.
    tol : float
        Residual that is small enough, over the right-hand side, in the norm of the
        inverse of the preconditioner.
    max_iter : int

    Returns
    -------
    H : ndarray of shape (p, r)
    R : ndarray of shape (p, r)
        ``C' - S H``, by the recurrence.
    n_iter : int
    error : float
        Largest residual, over the right-hand side.
    """
    inverse = (1 / diagonal)[:, np.newaxis]
    residual = np.array(C.T, dtype=np.float64, order="C")
    solution = np.zeros_like(residual)
    # Of the columns that are still sought: solution, residual and direction.
    H, R, P = np.zeros_like(residual), residual.copy(), inverse * residual
    size = np.einsum("ij,ij->j", R, P)
    least = tol**2 * size
    start, error, n_iter = size, np.zeros(len(C)), 0
    active = np.arange(len(C))
    scratch = np.empty_like(R)
    while len(active) and n_iter < max_iter:
        n_iter += 1
        image = times(P)
        step = np.divide(
            size,
            np.einsum("ij,ij->j", P, image),
            out=np.zeros_like(size),
            where=size > 0,
        )
        H += np.multiply(P, step, out=scratch)
        R -= np.multiply(image, step, out=image)
        Z = np.multiply(R, inverse, out=scratch)
        before, size = size, np.einsum("ij,ij->j", R, Z)
        P *= np.divide(size, before, out=np.zeros_like(size), where=before > 0)
        P += Z
        done = size <= least[active]
        if done.any() or n_iter == max_iter:
            solution[:, active], residual[:, active] = H, R
            error[active] = size
            active, size = active[~done], size[~done]
            H, R, P, scratch = (
                np.ascontiguousarray(V[:, ~done]) for V in (H, R, P, scratch)
            )
    ratio = np.divide(error, start, out=np.zeros_like(start), where=start > 0)
    return solution, residual, n_iter, float(np.sqrt(ratio.max(initial=0.0)))


def ridge_directions(times, B, k, diagonal, *, tol, max_iter):
    """Top `k` directions of the pencil of B'B and S.

    Parameters
    ----------
    times, diagonal, tol, max_iter
        As for `conjugate_gradients`.
    B : ndarray of shape (K, p)
        S_b = B'B.
    k : int
        Rank of B.

    Returns
    -------
    pencil : Pencil
    images : ndarray of shape (k, p)
        S v of its directions v.
    n_iter : int
    error : float
    """
    scale = np.sqrt(diagonal)
    # Rows that span those of B, independent in the units of S.
    P = np.linalg.svd(B / scale, full_matrices=False)[0][:, :k]
    C = P.T @ B
    H, R, n_iter, error = conjugate_gradients(
        times, C, diagonal, tol=tol, max_iter=max_iter
    )
    image = C.T - R
    within = H.T @ image
    between = (C @ H).T @ (C @ H)
    values, vectors = scipy.linalg.eigh(between, (within + within.T) / 2)
    values, Y = values[::-1], vectors[:, ::-1]
    V, images = (H @ Y).T, (image @ Y).T
    signed = fix_signs(V.copy())
    images *= np.sign(np.einsum("ij,ij->i", V, signed))[:, np.newaxis]
    return Pencil(values, signed, values, np.nan), images, n_iter, error
