"""Log-density of probabilistic PCA, without a p x p inverse."""

import numpy as np

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
        Positive if k < p; not used otherwise.

    Returns
    -------
    ndarray of shape (n,), float64
    """
    k, p = components.shape
    scores = Z @ components.T
    density = p * np.log(2 * np.pi) + np.log(variance).sum()
    density = density + (scores**2 / variance).sum(axis=1)
    if k < p:
        residual = Z - scores @ components
        density += (p - k) * np.log(noise)
        density += np.einsum("ij,ij->i", residual, residual) / noise
    return -0.5 * density
