r"""One shrinkage coefficient for the pooled within-class scatter.

:math:`S(a) = (1 - a) S_w + a \mu I` with :math:`\mu = \operatorname{tr} S_w / p`. The
coefficients below minimise the expected squared Frobenius error, estimated from the
data [1]_ or under normality [2]_; both need nothing but norms, so they cost the same
in the p x p matrix and in any orthonormal coordinates of the rows.

References
----------
.. [1] O. Ledoit and M. Wolf, "A well-conditioned estimator for large-dimensional
       covariance matrices", Journal of Multivariate Analysis 88 (2004), 365-411.
       https://doi.org/10.1016/S0047-259X(03)00096-4
.. [2] Y. Chen, A. Wiesel, Y. C. Eldar and A. O. Hero, "Shrinkage algorithms for MMSE
       covariance estimation", IEEE Transactions on Signal Processing 58 (2010),
       5016-5029. https://doi.org/10.1109/TSP.2010.2053029
"""

import numpy as np

__all__ = ["ledoit_wolf", "oas", "size_of"]


def size_of(S_w, p):
    """Mean variance mu = tr S_w / p, and tr S_w^2 in units of mu^2.

    S_w (r, r) is taken in any orthonormal coordinates that hold all of it.
    """
    mu = float(S_w.trace()) / p
    unit = S_w / mu if mu > 0 else S_w
    return mu, float(np.sum(unit * unit))


def ledoit_wolf(size, squares, weight, n, p):
    """Ledoit and Wolf's coefficient, in [0, 1].

    Parameters
    ----------
    size : tuple of two floats
        Of S_w, see `size_of`.
    squares : ndarray of shape (n_samples,)
        ||z||^2 of the rows z, centred in their class.
    weight : ndarray of shape (n_samples,) or None
        Of the rows.
    n : float
        Sum of the weights.
    p : int
        Number of features.

    Returns
    -------
    float
    """
    mu, square = size
    distance = square - p
    if mu <= 0 or distance <= 0:
        return 1.0
    if weight is not None:
        # Rows that do not count may hold anything.
        squares, weight = squares[weight > 0], weight[weight > 0]
    fourth = float(np.average((squares / mu) ** 2, weights=weight))
    return float(min(max((fourth - square) / n, 0.0) / distance, 1.0))


def oas(size, n, p):
    """Oracle approximating coefficient, in [0, 1]; arguments as `ledoit_wolf`."""
    mu, square = size
    distance = (n + 1.0) * (square - p) / p
    if mu <= 0 or distance <= 0:
        return 1.0
    return float(min((square / p + p) / distance, 1.0))
