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

__all__ = ["ledoit_wolf", "oas"]


def ledoit_wolf(trace, square, fourth, n, p):
    """Ledoit and Wolf's coefficient, in [0, 1].

    Parameters
    ----------
    trace : float
        tr S_w.
    square : float
        tr S_w^2.
    fourth : float
        Mean of ||z||^4 over the rows z, centred in their class.
    n : float
        Number of rows (sum of weights).
    p : int
        Number of features.

    Returns
    -------
    float
    """
    distance = square - trace * trace / p
    error = (fourth - square) / n
    return 1.0 if distance <= 0 else float(min(max(error, 0.0) / distance, 1.0))


def oas(trace, square, n, p):
    """Oracle approximating coefficient, in [0, 1]; arguments as `ledoit_wolf`."""
    mean_square = trace * trace / p
    error = square + p * mean_square
    distance = (n + 1.0) * (square - mean_square)
    return 1.0 if distance <= 0 else float(min(error / distance, 1.0))
