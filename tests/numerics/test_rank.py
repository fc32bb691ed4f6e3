"""Rules for the number of components: published numbers and independent routes."""

from math import lgamma, log, pi, sqrt

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from sklearn import decomposition
from sklearn.datasets import load_breast_cancer

from skdimred.numerics.parallel import gram_thresholds
from skdimred.numerics.rank import (
    gavish_donoho,
    gavish_donoho_factor,
    minka,
    parallel,
    resolve,
)


@pytest.fixture(scope="session")
def tables(iris, wine, digits):
    """Rows by name, without the pixels of digits that are always blank."""
    found = {
        "iris": iris[0],
        "wine": wine[0],
        "breast cancer": load_breast_cancer().data,
        "digits": digits[0],
    }
    return {name: X[:, X.std(axis=0) > 0] for name, X in found.items()}


def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


def squares_of(X):
    """All squared singular values of the centred rows, 0 where 0 to rounding."""
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    return np.where(s > max(X.shape) * 2.3e-16 * s[0], s, 0.0) ** 2


def evidence(values, k, N):
    """Log of Minka's approximation, one factor after the other."""
    d = len(values)
    v = sum(values[k:]) / (d - k)
    hat = [*values[:k], *[v] * (d - k)]
    m = d * k - k * (k + 1) / 2
    result = -k * log(2) - 0.5 * N * (d - k) * log(v)
    result += 0.5 * (m + k) * log(2 * pi) - 0.5 * k * log(N)
    for i in range(k):
        half = (d - i) / 2
        result += lgamma(half) - half * log(pi) - 0.5 * N * log(values[i])
        for j in range(i + 1, d):
            gap = (values[i] - values[j]) * (1 / hat[j] - 1 / hat[i])
            result -= 0.5 * log(N * gap)
    return result


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("name", ["iris", "wine", "breast cancer", "digits"])
def test_minka_agrees_with_scikit_learn(tables, name, scaled):
    X = standardised(tables[name]) if scaled else tables[name]
    peer = decomposition.PCA("mle", svd_solver="full").fit(X)
    assert minka(squares_of(X), len(X)) == peer.n_components_


@pytest.mark.parametrize("seed", range(20))
def test_minka_maximises_the_evidence_of_the_paper(seed):
    rng = np.random.default_rng(seed)
    d = int(rng.integers(2, 12))
    values = np.sort(rng.chisquare(1, d) + 0.05)[::-1]
    N = int(rng.integers(d, 60))
    best = 1 + np.argmax([evidence(values, k, N) for k in range(1, d)])
    assert minka(values, N) == best
    assert minka(1e-200 * values, N) == best


def test_minka_does_not_count_what_is_zero(digits):
    blank = squares_of(digits[0])
    assert np.count_nonzero(blank) == 61 < len(blank)
    # A likelihood that is infinite at their rank, 61, would decide otherwise.
    assert minka(blank, 1797) == minka(blank[:61], 1797) == 60


def test_minka_of_few_or_equal_values():
    assert minka(np.array([]), 5) == 1
    assert minka(np.zeros(3), 5) == 1
    assert minka(np.array([2.0]), 5) == 1
    assert minka(np.array([2.0, 0.0]), 5) == 1
    assert minka(np.array([2.0, 1.0]), 5) == 1
    assert minka(np.ones(6), 100) == 1
    assert minka(np.array([90.0, 90.0, 90.0, 1.0, 1.0, 1.0]), 100) == 3
    nearly = np.array([90.0, 90.0 - 1e-13, 90.0, 1.0, 1.0 - 1e-15, 1.0])
    assert minka(nearly, 100) == 3


def test_gavish_donoho_factor_published():
    # Gavish and Donoho (2014): the abstract's 2.858 for square matrices, and Table IV.
    assert round(gavish_donoho_factor(1.0), 3) == 2.858
    assert round(gavish_donoho_factor(0.5), 3) == 2.171
    # As the aspect goes to 0 the median goes to 1 and the threshold to sqrt(2).
    assert_allclose(gavish_donoho_factor(1e-12), sqrt(2), rtol=1e-11)


@pytest.mark.parametrize("aspect", [1e-6, 1e-3, 0.05, 0.3, 0.9, 0.9999, 1.0])
def test_gavish_donoho_median_by_quadrature(aspect):
    factor = gavish_donoho_factor(aspect)
    root = sqrt(aspect**2 + 14 * aspect + 1)
    square = 2 * (aspect + 1) + 8 * aspect / (aspect + 1 + root)
    median = square / factor**2
    low, high = (1 - sqrt(aspect)) ** 2, (1 + sqrt(aspect)) ** 2

    def density(x):
        return sqrt(max(0.0, (high - x) * (x - low))) / (2 * pi * aspect * x)

    above, error = quad(density, median, high, epsabs=1e-10, epsrel=1e-10, limit=500)
    assert error < 1e-8
    assert_allclose(above, 0.5, atol=1e-8)


def test_gavish_donoho_of_noise_free_values():
    exact = np.array([9.0, 4.0, 1.0, 0.0, 0.0, 0.0, 0.0])
    assert gavish_donoho(exact, 20, 7) == 3
    assert gavish_donoho(np.zeros(4), 20, 4) == 1
    assert gavish_donoho(np.array([]), 20, 0) == 1
    assert gavish_donoho(np.ones(4), 20, 4) == 1
    assert gavish_donoho(np.ones(1), 1, 1) == 1
    # A centred single row has no degree of freedom left.
    assert gavish_donoho(np.zeros(1), 0, 3) == 1


def test_gavish_donoho_leaves_out_the_direction_of_the_mean(rng):
    X = rng.standard_normal((4, 50)) + 10.0 * rng.standard_normal((4, 1))
    squares = np.append(squares_of(X)[:3], 0.0)
    assert gavish_donoho(squares, 3, 50) == gavish_donoho(squares[:3], 3, 50)


@pytest.mark.parametrize(
    ("name", "scaled", "expected"),
    [
        ("iris", True, (3, 1, 1)),
        ("wine", True, (12, 3, 3)),
        ("breast cancer", True, (29, 13, 5)),
        ("digits", False, (60, 21, 9)),
    ],
)
def test_rules_on_known_tables(tables, name, scaled, expected):
    X = standardised(tables[name]) if scaled else tables[name]
    assert by_rules(X) == expected


@pytest.mark.parametrize(("n", "p", "rank"), [(500, 100, 5), (200, 400, 5)])
def test_rules_find_a_known_rank(rng, n, p, rank):
    signal = rng.standard_normal((n, rank)) @ rng.standard_normal((rank, p))
    X = 3 * signal / sqrt(rank) + rng.standard_normal((n, p))
    assert by_rules(X) == (rank, rank, rank)


def test_rules_find_a_known_rank_of_long_rows(rng):
    signal = rng.standard_normal((2000, 10)) @ rng.standard_normal((10, 50))
    X = signal + rng.standard_normal((2000, 50))
    assert by_rules(X) == (10, 10, 10)


def by_rules(X):
    """Minka's, Gavish and Donoho's and Horn's number, through `resolve`."""
    squares = squares_of(X)
    limits = gram_thresholds(
        X, np.random.default_rng(0), center=True, n_permutations=20, level=0.95
    )
    total, limit = squares.sum(), min(X.shape)
    return tuple(
        resolve(rule, squares, total, limit, shape=X.shape)
        for rule in ("mle", "gavish-donoho", limits)
    )


def test_parallel_stops_at_the_first_that_does_not_exceed():
    squares = np.array([9.0, 5.0, 3.0, 2.9])
    assert parallel(squares, np.array([4.0, 4.0, 3.0, 1.0])) == 2
    assert parallel(squares, np.array([10.0, 1.0, 1.0, 1.0])) == 1
    assert parallel(squares, np.zeros(4)) == 4
    assert parallel(squares, np.zeros(3)) == 3
    assert parallel(squares[:2], np.zeros(4)) == 2
    assert parallel(np.zeros(2), np.zeros(2)) == 1


def test_resolve_never_exceeds_the_limit():
    squares = np.array([90.0, 80.0, 70.0, 1.1, 1.0, 0.9])
    for rule in ("mle", "gavish-donoho", np.ones(6)):
        assert resolve(rule, squares, 243.0, 6, shape=(100, 6)) >= 3
        assert resolve(rule, squares, 243.0, 2, shape=(100, 6)) == 2
        assert resolve(rule, np.zeros(6), 0.0, 6, shape=(100, 6)) == 1


def test_resolve_counts_the_row_that_centring_costs():
    # The median of five values is 3; that of six, with the mean's direction, 1.75.
    squares = np.array([10.0, 6.0, 3.0, 0.5, 0.4, 0.0]) ** 2
    for center, expected in ((True, 1), (False, 2)):
        got = resolve(
            "gavish-donoho", squares, squares.sum(), 6, shape=(6, 6), center=center
        )
        assert got == gavish_donoho(squares, 6 - center, 6) == expected
