"""Permuted columns: the same values, no relation, little memory, X untouched."""

import tracemalloc

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skdimred.numerics import parallel
from skdimred.numerics.parallel import (
    gram_thresholds,
    permuted_features,
    permuted_gram,
    permuted_rows,
    permuted_sparse,
    thresholds,
)


@pytest.fixture
def small_groups(monkeypatch):
    monkeypatch.setattr(parallel, "FEWEST_ROWS", 100)
    monkeypatch.setattr(parallel, "MOST_ROWS", 100)
    monkeypatch.setattr(parallel, "FEATURE_BYTES", 1)


def correlated(rng, n, p, dtype=np.float64):
    """Rows whose columns are nearly one factor, each on its own scale and offset."""
    X = rng.standard_normal((n, 1)) + 0.3 * rng.standard_normal((n, p))
    return (X * np.linspace(1, 3, p) + np.arange(p)).astype(dtype)


def sums(X):
    """Scatter around the mean, float64."""
    Z = X - X.mean(axis=0, dtype=np.float64)
    return Z.T @ Z


def correlations(S):
    scale = np.sqrt(S.diagonal())
    return (S / np.multiply.outer(scale, scale))[np.triu_indices(len(S), 1)]


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_keep_their_values(rng, dtype):
    X = correlated(rng, 1050, 6, dtype)
    rows = np.concatenate(list(permuted_rows(X, rng)))
    assert rows.dtype == dtype
    assert not np.array_equal(rows, X)
    assert np.array_equal(np.sort(rows, axis=0), np.sort(X, axis=0))
    features = np.concatenate(list(permuted_features(X.T, rng)))
    assert not np.array_equal(features, X)
    assert np.array_equal(np.sort(features, axis=1), np.sort(X, axis=1))


@pytest.mark.usefixtures("small_groups")
def test_groups_are_random_rows_of_even_size(rng):
    X = np.arange(1050.0)[:, np.newaxis]
    groups = [rows[:, 0] for rows in permuted_rows(X, rng)]
    assert {len(g) for g in groups} == {95, 96}
    assert_allclose([g.mean() for g in groups], 524.5, atol=5 * 303 / np.sqrt(95))


def test_gram_is_that_of_the_permuted_matrix(rng):
    for shape in ((300, 7), (7, 300)):
        X = correlated(rng, *shape)
        if shape[0] > shape[1]:
            (Z,) = permuted_rows(X, np.random.default_rng(5))
        else:
            Z = np.concatenate(list(permuted_features(X, np.random.default_rng(5)))).T
        for center in (True, False):
            centred = Z - Z.mean(axis=0) * center
            small = centred if shape[0] > shape[1] else centred.T
            gram = permuted_gram(X, np.random.default_rng(5), center=center)
            assert_allclose(gram, small.T @ small, atol=1e-11 * gram.max())


@pytest.mark.usefixtures("small_groups")
@pytest.mark.parametrize("center", [True, False])
def test_sum_over_groups_is_that_of_independent_columns(rng, center):
    X = correlated(rng, 4000, 12)
    X = X[np.argsort(X[:, 0])]
    S = sums(X)
    assert correlations(S).min() > 0.8
    gram = permuted_gram(X, rng, center=center)
    if not center:
        gram -= len(X) * np.multiply.outer(X.mean(axis=0), X.mean(axis=0))
    assert_allclose(gram.diagonal(), S.diagonal(), rtol=0.01)
    off = correlations(gram)
    # Mean 0 and variance 1 / (n - G): no share 1/100 of the true 0.9 is left.
    assert abs(off.mean()) < 5 / np.sqrt(4000 * len(off))
    assert_allclose(off.std(), 1 / np.sqrt(4000), rtol=0.4)


@pytest.mark.usefixtures("small_groups")
def test_groups_give_the_spectrum_of_a_full_permutation(rng):
    X = correlated(rng, 2000, 60)
    X /= X.std(axis=0)
    by_groups = [np.linalg.eigvalsh(permuted_gram(X, rng, center=True))]
    plain = [np.linalg.eigvalsh(sums(rng.permuted(X, axis=0)))]
    for _ in range(9):
        by_groups.append(np.linalg.eigvalsh(permuted_gram(X, rng, center=True)))
        plain.append(np.linalg.eigvalsh(sums(rng.permuted(X, axis=0))))
    assert_allclose(np.mean(by_groups, axis=0), np.mean(plain, axis=0), rtol=0.02)


def test_thresholds_descend_and_do_not_depend_on_offsets(rng):
    for shape in ((200, 10), (10, 200)):
        X = correlated(rng, *shape)
        far = X + 2.0**20
        got, other = (
            gram_thresholds(
                rows, np.random.default_rng(3), center=True, n_permutations=5, level=0.9
            )
            for rows in (X, far)
        )
        assert got.shape == (10,)
        assert np.all(np.diff(got) <= 0)
        assert np.all(got >= 0)
        assert_allclose(got, other, rtol=1e-8, atol=1e-8 * got[0])


def test_thresholds_are_quantiles_place_by_place():
    samples = np.array([[4.0, 1.0], [6.0, 0.0], [5.0, 2.0]])
    assert_allclose(thresholds(samples, 0.5), [5.0, 1.0])
    assert_allclose(thresholds(samples, 1.0), [6.0, 2.0])


@pytest.mark.parametrize(
    "shape", [(300, 5), (5, 300), (40, 40), (1, 3), (3, 1), (1, 1)]
)
@pytest.mark.parametrize("center", [True, False])
def test_same_generator_same_gram_of_any_shape(rng, shape, center):
    X = rng.standard_normal(shape)
    one, two = (
        permuted_gram(X, np.random.default_rng(1), center=center) for _ in range(2)
    )
    assert one.shape == (min(shape),) * 2
    assert np.all(np.isfinite(one))
    assert np.array_equal(one, two)


def test_constant_features_of_wide_rows_are_exactly_zero(rng):
    X = np.tile(1e8 * rng.standard_normal(50), (8, 1)) + 0.1
    assert not permuted_gram(X, rng, center=True).any()


@pytest.mark.parametrize("shape", [(200_000, 20), (60, 60_000)])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_memory_is_far_below_that_of_the_rows(rng, shape, dtype):
    X = rng.standard_normal(shape, dtype=dtype)
    tracemalloc.start()
    permuted_gram(X, rng, center=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.4 * X.nbytes


@pytest.mark.parametrize("shape", [(3000, 4), (4, 3000)])
def test_memory_map_is_read_only(rng, tmp_path, shape):
    X = rng.standard_normal(shape)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    got = permuted_gram(mapped, np.random.default_rng(2), center=True)
    X.setflags(write=False)
    before = X.copy()
    assert np.array_equal(got, permuted_gram(X, np.random.default_rng(2), center=True))
    assert np.array_equal(X, before)
    turned = np.asfortranarray(X)
    same = permuted_gram(turned, np.random.default_rng(2), center=True)
    assert_allclose(same, got, atol=1e-12 * got.max())


@pytest.mark.parametrize("kind", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
@pytest.mark.parametrize("shape", [(1, 4), (2, 3), (48, 7), (97, 150)])
def test_sparse_columns_keep_their_values(rng, kind, shape):
    dense = rng.standard_normal(shape) * (rng.random(shape) < 0.4)
    X = getattr(sparse, kind)(dense, dtype=np.float32)
    for part in (X.data, X.indices, X.indptr):
        part.setflags(write=False)
    Z = permuted_sparse(X, rng)
    assert type(Z) is type(X)
    assert (Z.dtype, Z.shape, Z.nnz) == (X.dtype, X.shape, X.nnz)
    assert np.array_equal(np.sort(Z.toarray(), axis=0), np.sort(X.toarray(), axis=0))
    assert np.array_equal(X.toarray(), dense.astype(np.float32))


def test_sparse_columns_lose_their_relation(rng):
    n, p = 2000, 30
    same = rng.random((n, 1)) < 0.2
    X = sparse.csr_array((same & (rng.random((n, p)) < 0.9)).astype(float))
    assert correlations(sums(X.toarray())).min() > 0.7
    off = correlations(sums(permuted_sparse(X, rng).toarray()))
    assert abs(off.mean()) < 5 / np.sqrt(n * len(off))
    assert_allclose(off.std(), 1 / np.sqrt(n), rtol=0.2)


@pytest.mark.parametrize("shape", [(300, 300), (420, 200), (150, 600)])
def test_sparse_spectrum_of_columns_nearly_alike(rng, shape):
    """By shifts alone the largest value would be up to twice as large."""
    same = rng.random((shape[0], 1)) < 0.2
    dense = (same & (rng.random(shape) < 0.95)).astype(float)
    X = sparse.csc_array(dense)
    got, plain = [], []
    for _ in range(8):
        Z, full = permuted_sparse(X, rng).toarray(), rng.permuted(dense, axis=0)
        got.append(np.linalg.norm(Z - Z.mean(axis=0), 2))
        plain.append(np.linalg.norm(full - full.mean(axis=0), 2))
    assert_allclose(np.mean(got), np.mean(plain), rtol=0.05)


def test_sparse_is_reproducible(rng):
    X = sparse.csr_array(rng.random((50, 20)) * (rng.random((50, 20)) < 0.2))
    one, two = (permuted_sparse(X, np.random.default_rng(4)) for _ in range(2))
    assert np.array_equal(one.toarray(), two.toarray())


def test_primes():
    found = [parallel._prime_from(n) for n in (1, 2, 3, 4, 9, 24, 90, 10**6)]
    assert found == [2, 2, 3, 5, 11, 29, 97, 1000003]
