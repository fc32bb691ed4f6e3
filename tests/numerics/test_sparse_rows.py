"""Moments of columns and sparse rows, and products in tiles, against plain ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_digits

from skdimred.numerics import sparse_rows, tiles
from skdimred.numerics.columns import ColumnMoments, provisional_center
from skdimred.numerics.moments import Moments
from skdimred.numerics.sparse_rows import (
    sparse_column_moments,
    sparse_gram,
    sparse_moments,
)
from skdimred.numerics.tiles import project_off, tile_shape, times, transposed_times

MAKERS = [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix]


def exact(X, w=None):
    """Weight, mean and sum of squared deviations of each column, in longdouble."""
    Z = np.asarray(X, dtype=np.longdouble)
    w = np.ones(len(Z), np.longdouble) if w is None else w.astype(np.longdouble)
    mean = w @ Z / w.sum()
    return float(w.sum()), mean, w @ (Z - mean) ** 2


def assert_moments(columns, X, w, rtol):
    weight, mean, squares = exact(X, w)
    assert columns.weight == weight
    spread = np.sqrt((squares / weight).astype(float))
    assert np.all(np.abs(columns.mean - mean) <= rtol * (spread + np.abs(mean)))
    assert_allclose(columns.squares, squares.astype(float), rtol=rtol)
    raw = (squares + weight * mean**2).astype(float)
    assert_allclose(columns.raw_squares, raw, rtol=rtol)


def sparsely(rng, n, p, density=0.2):
    return rng.standard_normal((n, p)) * (rng.random((n, p)) < density)


# Columns of dense rows.


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("offset", [0.0, 1e3])
def test_columns_of_dense_rows(rng, monkeypatch, dtype, weighted, offset):
    monkeypatch.setattr("skdimred.numerics.columns.BLOCK_BYTES", 1)
    X = (rng.standard_normal((900, 7)) * np.arange(1, 8) + offset).astype(dtype)
    w = rng.integers(0, 4, 900).astype(float) if weighted else None
    columns = ColumnMoments.from_block(X, w, center=provisional_center(X, w))
    assert_moments(columns, X, w, 1e-13 if dtype == np.float64 else 3e-6)


def test_columns_far_away_keep_their_digits(rng):
    X = rng.standard_normal((400, 5)) + 1e8
    columns = ColumnMoments.from_block(X, center=provisional_center(X, None))
    assert_moments(columns, X, None, 1e-13)


def test_columns_merge_in_any_order(rng):
    X, w = rng.standard_normal((300, 6)) + 50, rng.integers(0, 4, 300).astype(float)
    w[:20] = 0.0
    cuts = [slice(0, 20), slice(20, 90), slice(90, 91), slice(91, 300)]
    parts = [
        ColumnMoments.from_block(X[c], w[c], center=X[c].mean(axis=0)) for c in cuts
    ]
    for order in ([0, 1, 2, 3], [3, 2, 1, 0], [2, 0, 3, 1]):
        merged = parts[order[0]]
        for i in order[1:]:
            merged = merged.merge(parts[i])
        assert_moments(merged, X, w, 1e-13)


def test_columns_that_vary():
    X = np.column_stack([np.full(50, 0.1), np.arange(50.0), np.zeros(50)])
    columns = ColumnMoments.from_block(X, center=provisional_center(X, None))
    assert list(columns.active) == [False, True, False]


# Columns of sparse rows.


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [True, False])
def test_columns_of_sparse_rows(rng, make, dtype, weighted):
    D = sparsely(rng, 200, 9).astype(dtype)
    D[:, 3], D[:, 4] = 0.0, rng.standard_normal(200) + 1e3
    w = rng.integers(0, 4, 200).astype(float) if weighted else None
    X = make(D)
    columns = sparse_column_moments(X, w)
    assert_moments(columns, D, w, 1e-12)
    assert columns.mean.dtype == columns.squares.dtype == np.float64


def test_columns_with_zeros_that_are_stored(rng):
    X = sparse.csr_array(sparsely(rng, 60, 5))
    X.data[::3] = 0.0
    assert_moments(sparse_column_moments(X), X.toarray(), None, 1e-13)


def test_columns_with_wide_indices(rng):
    D = sparsely(rng, 60, 5)
    X = sparse.csr_array(D)
    X.indices, X.indptr = X.indices.astype(np.int64), X.indptr.astype(np.int64)
    assert_moments(sparse_column_moments(X), D, None, 1e-13)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("weighted", [True, False])
def test_columns_without_any_entry(make, weighted):
    w = np.arange(4.0) if weighted else None
    columns = sparse_column_moments(make((4, 3)), w)
    for numbers in (columns.mean, columns.squares, columns.raw_squares):
        assert numbers.dtype == np.float64
        assert np.array_equal(numbers, np.zeros(3))
    assert not columns.active.any()


@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1])
@pytest.mark.parametrize("n", [10, 3000])
def test_a_constant_sparse_column_does_not_vary(rng, value, n):
    """The mean of n equal numbers is that number, however many were added up."""
    D = rng.standard_normal((n, 3))
    D[:, 1] = value
    assert list(sparse_column_moments(sparse.csr_array(D)).active) == [
        True,
        False,
        True,
    ]


def test_a_sparse_column_with_one_entry():
    D = np.zeros((500, 3))
    D[17, 1] = 3.0
    columns = sparse_column_moments(sparse.csr_array(D))
    assert_allclose(columns.squares, [0, 9 - 9 / 500, 0])
    assert list(columns.active) == [False, True, False]


# Scatter and Gram matrices of sparse rows.


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("route", ["products", "blocks", "chosen", "far"])
def test_moments_of_sparse_rows(rng, monkeypatch, make, weighted, route):
    D = sparsely(rng, 700, 8) * np.arange(1, 9)
    if route == "far":
        D[:, 2] = rng.standard_normal(700) + 1e7
    if route == "products":
        monkeypatch.setattr(sparse_rows, "SPARSE_COST", 0.0)
        monkeypatch.setattr(sparse_rows, "_moments_of_dense_blocks", None)
    if route == "blocks":
        monkeypatch.setattr(sparse_rows, "SPARSE_COST", np.inf)
        monkeypatch.setattr(sparse_rows, "sparse_gram", None)
    w = rng.integers(0, 4, 700).astype(float) if weighted else None
    got, true = sparse_moments(make(D), w), Moments.from_block(D, w)
    assert (got.n_rows, got.weight) == (true.n_rows, true.weight)
    assert_allclose(got.mean, true.mean, rtol=1e-13, atol=1e-13)
    scale = np.sqrt(true.scatter.diagonal())
    assert_allclose(
        got.scatter / scale / scale[:, None],
        true.scatter / scale / scale[:, None],
        atol=1e-12,
    )


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_gram_of_sparse_rows_leaves_them_alone(rng, make, weighted, dtype):
    D = sparsely(rng, 30, 20).astype(dtype)
    w = rng.integers(0, 4, 30).astype(float) if weighted else None
    Z = D * np.sqrt(1.0 if w is None else w[:, None])
    X = make(D)
    before = [a.copy() for a in (X.data, X.indices, X.indptr)]
    assert_allclose(sparse_gram(X, w, on_features=True), Z.T @ Z, atol=1e-13)
    assert_allclose(sparse_gram(X, w, on_features=False), Z @ Z.T, atol=1e-13)
    for got, was in zip((X.data, X.indices, X.indptr), before, strict=True):
        assert np.array_equal(got, was)


def test_moments_of_digits(digits):
    X = load_digits().data
    got, true = sparse_moments(sparse.csr_array(X)), Moments.from_block(X)
    assert_allclose(got.scatter, true.scatter, atol=1e-9)
    assert list(got.active) == list(np.ptp(X, axis=0) > 0)


# Tiles.


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(50, 7), (7, 50), (33, 33), (1, 9), (9, 1)])
@pytest.mark.parametrize("wide", [1, 4, 1000])
def test_products_in_tiles(rng, order, shape, wide):
    B = np.asarray(rng.standard_normal(shape), order=order)
    Q, Y = rng.standard_normal((shape[1], 3)), rng.standard_normal((shape[0], 3))
    out, image = np.empty((2, shape[0], 3))
    assert_allclose(times(B, Q, wide, out, image), B @ Q, atol=1e-13)
    W = rng.standard_normal((shape[1], 3))
    sum_of_both = W + B.T @ Y
    transposed_times(B, Y, wide, W, np.empty((wide, 3)))
    assert_allclose(W, sum_of_both, atol=1e-13)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(1, 1), (10**6, 3), (3, 10**6), (2000, 2000)])
@pytest.mark.parametrize("b", [1, 8, 1000])
def test_tiles_fit_and_follow_the_rows(order, shape, b):
    strides = (8 * shape[1], 8) if order == "C" else (8, 8 * shape[0])
    A = np.lib.stride_tricks.as_strided(np.zeros(1), shape, strides)
    high, wide = tile_shape(A, b)
    assert 1 <= high <= shape[0]
    assert 1 <= wide <= shape[1]
    assert high * wide * b <= max(tiles.TILE, tiles.TILE_SIDE**2 * b)


@pytest.mark.parametrize(("m", "b"), [(0, 3), (1, 1), (17, 5), (40, 3)])
def test_project_off_leaves_what_is_orthogonal(rng, monkeypatch, m, b):
    monkeypatch.setattr(tiles, "TILE", 64)
    monkeypatch.setattr(tiles, "TILE_SIDE", 4)
    rows = np.linalg.qr(rng.standard_normal((50, 40)))[0].T[:m]
    W = rng.standard_normal((50, b))
    before = W.copy()
    H = project_off(rows, W)
    assert H.shape == (m, b)
    assert_allclose(rows @ W, np.zeros((m, b)), atol=1e-14)
    assert_allclose(rows.T @ H + W, before, atol=1e-14)
