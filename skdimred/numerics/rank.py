r"""How many components: a number, all of them, a share of the variance, or a rule.

The rules look at the squared singular values :math:`s_1^2 \ge s_2^2 \ge \dots` of an
n x p matrix, all of them, exactly 0 where they are zero to rounding, and keep at least
one component:

- `minka`: the rank at which probabilistic PCA has most evidence [1]_;
- `gavish_donoho`: what is worth keeping to denoise a matrix [2]_;
- `parallel`: what the same columns do not reach once they are independent [3]_.

References
----------
.. [1] T. P. Minka, "Automatic choice of dimensionality for PCA", Advances in Neural
       Information Processing Systems 13 (2000), 598-604.
.. [2] M. Gavish and D. L. Donoho, "The optimal hard threshold for singular values is
       4/sqrt(3)", IEEE Transactions on Information Theory 60 (2014), 5040-5053.
       https://doi.org/10.1109/TIT.2014.2323359
.. [3] J. L. Horn, "A rationale and test for the number of factors in factor analysis",
       Psychometrika 30 (1965), 179-185. https://doi.org/10.1007/BF02289447
"""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaln

__all__ = [
    "Count",
    "gavish_donoho",
    "gavish_donoho_factor",
    "minka",
    "parallel",
    "resolve",
]

# Relative gap below which two eigenvalues count as equal.
TIE = 1e-8


@dataclass(frozen=True)
class Count:
    """How many components to keep, once singular values are known; see `resolve`.

    Attributes
    ----------
    rule : int, float, None, str or ndarray
    limit : int
    shape : tuple (n_rows, n_features) or None
    center : bool
    """

    rule: object
    limit: int
    shape: tuple | None = None
    center: bool = True

    @property
    def number(self):
        """The number, where it is known beforehand, or None."""
        return self.rule if isinstance(self.rule, int) else None

    @property
    def needs_all(self):
        """Whether the rule looks at every singular value."""
        return isinstance(self.rule, (str, np.ndarray))

    def among(self, n_features):
        """The same with so many features that vary."""
        return replace(self, shape=(self.shape[0], n_features)) if self.shape else self

    def __call__(self, squares, total):
        """Number of components, from squared singular values and their sum."""
        return resolve(
            self.rule,
            squares,
            total,
            self.limit,
            shape=self.shape,
            center=self.center,
        )


def resolve(n_components, squares, total, limit, *, shape=None, center=True):
    """Number of components to keep.

    Parameters
    ----------
    n_components : int, float in (0, 1), None, "mle", "gavish-donoho" or ndarray
        None keeps `limit`; a float keeps the smallest number whose share of `total`
        exceeds it; a string names a rule; an array holds the thresholds of `parallel`.
    squares : ndarray of shape (m,)
        Squared singular values in descending order, all of them if `n_components` is
        a float or a rule.
    total : float
        Their sum, 0 for constant data.
    limit : int
        The most there can be.
    shape : tuple (n_rows, n_features), optional
        Needed by the rules named by a string; constant features are left out.
    center : bool, default=True
        Whether the mean was taken off, which costs one of the rows.

    Returns
    -------
    int
    """
    if n_components is None:
        return limit
    if isinstance(n_components, int):
        return n_components
    if isinstance(n_components, np.ndarray):
        return min(limit, parallel(squares, n_components))
    if n_components == "mle":
        return min(limit, minka(squares, shape[0]))
    if n_components == "gavish-donoho":
        return min(limit, gavish_donoho(squares, shape[0] - center, shape[1]))
    if total <= 0:
        return 1
    share = np.cumsum(squares[:limit]) / total
    return int(min(limit, np.searchsorted(share, n_components, side="right") + 1))


def minka(squares, n_rows):
    r"""Rank of largest evidence under probabilistic PCA, by Laplace's approximation.

    For :math:`\lambda_i \propto s_i^2`, d of them, N rows and rank k, with
    :math:`v = \sum_{j > k} \lambda_j / (d - k)`, :math:`\hat\lambda_j = \lambda_j` up
    to k and v after it, and :math:`m = dk - k(k + 1) / 2`, the evidence is [1]_

    .. math::
        p(k) \approx 2^{-k} \prod_{i \le k} \Gamma(\tfrac{d-i+1}{2}) \pi^{-(d-i+1)/2}
               \Big(\prod_{i \le k} \lambda_i\Big)^{-N/2} v^{-N(d-k)/2}
               (2\pi)^{(m+k)/2} |A|^{-1/2} N^{-k/2} , \qquad
        |A| = \prod_{i \le k} \prod_{j > i} N (\lambda_i - \lambda_j)
              (\hat\lambda_j^{-1} - \hat\lambda_i^{-1}) .

    Only ratios of eigenvalues matter: whether they are sums of squares or are divided
    by N or by N - 1 does not.

    Parameters
    ----------
    squares : ndarray of shape (m,)
        Zeros do not count, d is the number of positive ones: the model is that of the
        subspace that holds the rows. With zeros the evidence for their rank would be
        infinite, and one constant feature would decide for all others.
    n_rows : float
        N, at least the number of features for the approximation to be a good one.

    Returns
    -------
    int
        From 1 to d - 1, the smallest of equals; 1 if d < 2.

    Notes
    -----
    A pair of equal eigenvalues determines no rotation, and the approximation would be
    infinite. Its gap, relative to the eigenvalue, counts as 1 instead, the most there
    can be, so that such a pair favours no rank. Eigenvalues all equal give 1.
    """
    values = squares[squares > 0]
    d = len(values)
    if d < 2:
        return 1
    values = values / values[0]
    logs = np.log(values)
    k = np.arange(1, d)
    noise = np.cumsum(values[:0:-1])[::-1] / (d - k)
    dims = d - k + 1
    volume = np.cumsum(gammaln(dims / 2) - np.log(np.pi) * dims / 2) - k * np.log(2)
    kept = np.cumsum(logs)[:-1]
    likelihood = -0.5 * n_rows * (kept + (d - k) * np.log(noise))
    # log |A| as its three sums of logarithms of relative gaps: l_i - l_j over all
    # j > i; l_i - l_j again over j <= k; l_i - v, d - k times.
    all_pairs, inner_pairs, noise_pairs = np.zeros((3, d))
    for i in range(d - 1):
        gaps = _log_gap(values[i], values[i + 1 :])
        all_pairs[i] = gaps.sum()
        inner_pairs[i + 1 :] += gaps + (logs[i] - logs[i + 1 :])
        noise_pairs[i] = _log_gap(values[: i + 1], noise[i]).sum()
    noise_pairs = (d - k) * (noise_pairs[:-1] + kept - k * np.log(noise))
    m = d * k - k * (k + 1) / 2
    curvature = np.cumsum(all_pairs)[:-1] + np.cumsum(inner_pairs)[:-1] + noise_pairs
    curvature += m * np.log(n_rows)
    prior = volume + 0.5 * (m + k) * np.log(2 * np.pi) - 0.5 * k * np.log(n_rows)
    return int(np.argmax(prior + likelihood - 0.5 * curvature)) + 1


def _log_gap(larger, smaller):
    """log((larger - smaller) / larger), 0 where they are equal."""
    gap = (larger - smaller) / larger
    return np.log(np.where(gap > TIE, gap, 1.0))


@lru_cache(maxsize=128)
def gavish_donoho_factor(aspect):
    r"""Optimal hard threshold over the median singular value.

    In white noise of unknown level and with :math:`\beta = \min(n, p) / \max(n, p)`,
    the threshold of least asymptotic squared error is :math:`\omega(\beta)` times the
    median singular value [2]_:

    .. math::
        \omega(\beta) = \frac{\lambda(\beta)}{\sqrt{\mu_\beta}} , \qquad
        \lambda(\beta)^2 = 2 (\beta + 1)
            + \frac{8 \beta}{\beta + 1 + \sqrt{\beta^2 + 14 \beta + 1}} ,

    where :math:`\mu_\beta` is the median of the distribution of Marchenko and Pastur.
    With :math:`r = \sqrt\beta` and :math:`x = 1 + r^2 - 2 r \cos\theta` its density is
    :math:`\frac{2}{\pi} \sin^2\theta / x`, with a Poisson kernel, and its integral is

    .. math::
        F(\theta) = \frac{1}{\pi} \Big[ \theta + r \sin\theta - \frac{1 - r^2}{r^2}
            \Big(\arctan\frac{r \sin\theta}{1 - r \cos\theta} - r \sin\theta\Big)\Big] .

    Parameters
    ----------
    aspect : float in (0, 1]
        :math:`\beta`.

    Returns
    -------
    float
        From sqrt(2), the limit for :math:`\beta \to 0`, to 2.858 at 1.
    """
    r = np.sqrt(aspect)

    def excess(theta):
        sine = r * np.sin(theta)
        # What rounding is left in the difference, eps / r, enters x times r.
        angle = np.arctan2(sine, 1 - r * np.cos(theta)) - sine
        return (theta + sine - (1 - aspect) / aspect * angle) / np.pi - 0.5

    median = 1 + aspect - 2 * r * np.cos(brentq(excess, 0.0, np.pi, xtol=1e-14))
    root = np.sqrt(aspect**2 + 14 * aspect + 1)
    square = 2 * (aspect + 1) + 8 * aspect / (aspect + 1 + root)
    return float(np.sqrt(square / median))


def gavish_donoho(squares, n_rows, n_features):
    """Number of singular values above the optimal hard threshold.

    Parameters
    ----------
    squares : ndarray of shape (m,)
        The first ``min(n_rows, n_features)`` count; those not given are zero.
    n_rows : int
        Rows, less one if the mean was taken off: centred rows are n - 1 rows of the
        same noise, in a basis of what is orthogonal to the mean.
    n_features : int
        Features, less those that are constant, which have no noise.

    Returns
    -------
    int
        At least 1. A median of 0, of a rank below half, means no noise, and all
        positive singular values count.
    """
    if not squares.any():
        return 1
    small, large = sorted((max(1, n_rows), n_features))
    values = np.zeros(small)
    values[: len(squares)] = np.sqrt(squares[:small])
    threshold = gavish_donoho_factor(small / large) * np.median(values)
    return max(1, int(np.count_nonzero(values > threshold)))


def parallel(squares, thresholds):
    """Number of leading values that exceed the threshold at their place.

    Counting stops at the first that does not, and gives at least 1. The module
    `parallel` has thresholds.
    """
    m = min(len(squares), len(thresholds))
    missed = np.flatnonzero(squares[:m] <= thresholds[:m])
    return max(1, int(missed[0]) if len(missed) else m)
