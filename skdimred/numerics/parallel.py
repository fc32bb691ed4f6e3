r"""What singular values reach when the columns of a matrix are independent.

Parallel analysis [1]_ keeps the components whose squared singular values exceed those
of a matrix of the same columns without any relation between them. Such matrices are
made from the data by permuting every column on its own, so that no distribution is
assumed [2]_; `rank.parallel` compares with a quantile over a number of them.

No array of the size of the data is formed. What is tall is permuted by groups of rows,
what is wide by blocks of features, and what is sparse stays as sparse as it is.

References
----------
.. [1] J. L. Horn, "A rationale and test for the number of factors in factor analysis",
       Psychometrika 30 (1965), 179-185. https://doi.org/10.1007/BF02289447
.. [2] A. Buja and N. Eyuboglu, "Remarks on parallel analysis", Multivariate Behavioral
       Research 27 (1992), 509-540. https://doi.org/10.1207/s15327906mbr2704_2
"""

from math import isqrt

import numpy as np

from skdimred.numerics.moments import Moments

__all__ = [
    "gram_thresholds",
    "permuted_features",
    "permuted_gram",
    "permuted_rows",
    "permuted_sparse",
    "thresholds",
]

# Rows of a group: as many as fit the size, within these numbers.
GROUP_BYTES, FEWEST_ROWS, MOST_ROWS = 8 << 20, 1024, 4096
FEATURE_BYTES = 2 << 20


def thresholds(samples, level):
    """Quantile, place by place, of (n_permutations, d) squared singular values."""
    return np.quantile(samples, level, axis=0)


def gram_thresholds(X, rng, *, center, n_permutations, level):
    """Thresholds from the eigenvalues of Gram matrices of permuted columns.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64 or float32
    rng : numpy.random.Generator
    center : bool
        Whether the mean is taken off.
    n_permutations : int
    level : float in [0, 1]

    Returns
    -------
    ndarray of shape (min(n, p),)
        Squared singular values, descending.
    """
    samples = np.empty((n_permutations, min(X.shape)))
    for sample in samples:
        gram = permuted_gram(X, rng, center=center)
        sample[:] = np.maximum(np.linalg.eigvalsh(gram)[::-1], 0.0)
    return thresholds(samples, level)


def permuted_gram(X, rng, *, center):
    r"""Smaller Gram matrix, float64, of rows whose columns are permuted independently.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64 or float32
    rng : numpy.random.Generator
    center : bool
        Whether the mean is taken off.

    Returns
    -------
    ndarray of shape (p, p) for n >= p, (n, n) otherwise

    Notes
    -----
    Wide rows are permuted as a whole, and so are tall ones that fit one group. Other
    tall ones are dealt at random into G groups, permuted within each, and the scatters
    *within* groups are summed. Times :math:`(n - 1) / (n - G)`, this has the diagonal
    of the true scatter S in the mean; entry jk has mean 0 and, for groups of like
    variances, variance :math:`S_{jj} S_{kk} / (n - G)`. A permutation of all rows has
    mean 0 and variance :math:`S_{jj} S_{kk} / (n - 1)`: groups cost as much as G - 1
    rows, one in thousands. The scatter *between* groups is left out: their means are
    those of true rows, and would bring the share (G - 1) / (n - 1) of S itself.
    """
    n, p = X.shape
    if n < p:
        return _gram_of_features(X, rng, center)
    scatter, mean, n_groups = np.zeros((p, p)), np.zeros(p), 0
    for rows in permuted_rows(X, rng):
        part = Moments.from_block(rows)
        scatter += part.scatter
        mean += (part.weight / n) * part.mean
        n_groups += 1
    scatter *= (n - 1) / max(1, n - n_groups)
    if not center:
        scatter += np.multiply.outer(mean, n * mean)
    return scatter


def _gram_of_features(X, rng, center):
    gram, product = np.zeros((2, len(X), len(X)))
    for features in permuted_features(X, rng):
        if center:
            # The first subtraction makes a constant feature exactly 0.
            features -= features[:, :1]
            features -= features.mean(axis=1, keepdims=True)
        gram += np.matmul(features.T, features, out=product)
    return gram


def permuted_rows(X, rng):
    """Groups of random rows (n_group, p), each column permuted within its group.

    Equal generators give equal groups, for another pass over the same matrix.
    """
    n, p = X.shape
    most = min(MOST_ROWS, max(FEWEST_ROWS, GROUP_BYTES // (X.itemsize * max(1, p))))
    order = np.arange(n, dtype=np.int32 if n < 2**31 else np.int64)
    rng.shuffle(order)
    for group in np.array_split(order, -(-n // most)):
        # Sorted: rows on disk are read in the order in which they lie.
        rows = np.asarray(X)[np.sort(group)]
        yield rng.permuted(rows, axis=0, out=rows)


def permuted_features(X, rng):
    """Blocks of features as rows (n_block, n), float64, each feature permuted.

    Equal generators give equal blocks.
    """
    n, p = X.shape
    step = max(16, FEATURE_BYTES // (8 * max(1, n)))
    for start in range(0, p, step):
        features = np.array(X.T[start : start + step], np.float64, order="C")
        yield rng.permuted(features, axis=1, out=features)


def permuted_sparse(X, rng):
    r"""Sparse matrix with the values of each column at other rows.

    Row i of column j goes to :math:`a_j \pi(i) + b_j` modulo P, the smallest prime
    from n, with a random permutation :math:`\pi` of all rows and random :math:`a_j
    \ne 0` and :math:`b_j`; and on by the same map from where there is no row. That is
    a permutation for each column, and costs one pass over the values. Any two rows go
    to any other two equally often (but for the few that go on), so the covariances of
    the columns have the mean and variance of a permutation. Shifts alone, a = 1, turn
    columns that are nearly alike into a circulant matrix, whose spectrum is wider.

    Parameters
    ----------
    X : sparse array or matrix of shape (n, p), CSR or CSC
    rng : numpy.random.Generator

    Returns
    -------
    sparse array or matrix of shape (n, p)
        Of the type of X.
    """
    n, p = X.shape
    prime = _prime_from(n)
    a, b = rng.integers(1, prime, size=p), rng.integers(prime, size=p)
    entries = X.tocoo(copy=False)
    column = entries.col
    rows = a[column] * rng.permutation(n)[entries.row] + b[column]
    rows %= prime
    outside = np.flatnonzero(rows >= n)
    while len(outside):
        j = column[outside]
        rows[outside] = (a[j] * rows[outside] + b[j]) % prime
        outside = outside[rows[outside] >= n]
    return type(X)((entries.data, (rows, column)), shape=X.shape)


def _prime_from(n):
    """Smallest prime that is not below n."""
    prime = max(2, n)
    while not np.all(prime % np.arange(2, isqrt(prime) + 1)):
        prime += 1
    return prime
