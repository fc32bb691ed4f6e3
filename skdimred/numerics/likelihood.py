"""Log-density of probabilistic PCA, without a p x p inverse."""

import numpy as np

# Distance from a subspace, over the size of the row, that is put down to rounding.
ON_SUBSPACE = 1e-9

__all__ = ["log_density"]


def log_density(Z, components, variance, noise):
    r"""Log-density of centred rows under N(0, V' diag(variance - noise) V + noise I).

    With scores t = V z, the quadratic form splits into :math:`\sum_k t_k^2 /
    \lambda_k` and the squared residual over the noise; the residual is taken as a
    difference of vectors, not of squares.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
    components : ndarray of shape (k, p)
        Orthonormal rows.
    variance : ndarray of shape (k,)
        Positive.
    noise : float
        Variance outside the components. Where that is 0 for k < p the normal is
        degenerate: rows on its subspace get their density within it, others -inf.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    k, p = components.shape
    dimension = p if noise > 0 else k
    scores = Z @ components.T
    density = dimension * np.log(2 * np.pi) + np.log(variance).sum()
    density = density + (scores**2 / variance).sum(axis=1)
    if k < p:
        residual = Z - scores @ components
        square = np.einsum("ij,ij->i", residual, residual)
        if noise > 0:
            density += (p - k) * np.log(noise) + square / noise
        else:
            size = np.einsum("ij,ij->i", Z, Z) + variance.max(initial=0.0)
            near = max(ON_SUBSPACE, 64 * float(np.finfo(components.dtype).eps))
            density[square > near**2 * size] = np.inf
    return -0.5 * density
