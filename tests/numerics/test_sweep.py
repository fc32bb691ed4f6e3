"""Sweeps against products with the centred, weighted rows written out."""

from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from skdimred.numerics import tiles
from skdimred.numerics.columns import ColumnMoments, provisional_center
from skdimred.numerics.sparse_rows import sparse_column_moments
from skdimred.numerics.sweep import DenseSweep, OperatorSweep, SparseSweep

SHAPES = [(70, 11), (40, 40), (9, 83), (1, 5), (6, 1)]


def in_pieces(function, length):
    """Three ranges of uneven length, in order, as threads would hand them back."""
    edges = sorted({0, length // 5, length // 2, length})
    for start, stop in pairwise(edges):
        yield function(slice(start, stop))


def written_out(X, w, center):
    """The rows minus their mean, times the roots of their weights, float64."""
    Z = np.asarray(X, dtype=np.longdouble)
    w = np.ones(len(Z)) if w is None else w
    if center:
        Z = Z - w @ Z / w.sum()
    return (Z * np.sqrt(w)[:, np.newaxis]).astype(np.float64)


def weights(rng, n, weighted):
    return 1.0 + rng.integers(0, 3, n) if weighted else None


def assert_is_sweep(sweep, Z, rng, rtol):
    """Products from both sides, and the numbers that go with them."""
    n, p = Z.shape
    size = np.linalg.norm(Z, 2)
    atol = rtol * size * np.sqrt(n + p)
    V, U = rng.standard_normal((p, 5)), rng.standard_normal((n, 5))
    assert_allclose(sweep.left(V), Z @ V, atol=atol)
    assert_allclose(sweep.right(U), Z.T @ U, atol=atol)
    G = Z.T @ Z if sweep.on_features else Z @ Z.T
    assert sweep.size == len(G)
    Q = rng.standard_normal((len(G), 3))
    W = sweep(Q)
    assert W.dtype == np.float64
    assert_allclose(W, G @ Q, atol=atol * size)
    assert_allclose(sweep.total, np.sum(Z**2), rtol=10 * rtol)
    assert sweep.passes == 1


@pytest.fixture
def small_tiles(monkeypatch):
    """Several tiles both ways even in a small matrix."""
    monkeypatch.setattr(tiles, "TILE", 64)
    monkeypatch.setattr(tiles, "TILE_SIDE", 4)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_dense(rng, dtype, order, center, weighted, shape):
    X = np.asarray(rng.standard_normal(shape) + 1, dtype=dtype, order=order)
    X.setflags(write=False)
    w = weights(rng, len(X), weighted)
    columns = ColumnMoments.from_block(X, w, center=provisional_center(X, w))
    Z = written_out(X, w, center)
    for on_features in (True, False, None):
        sweep = DenseSweep(
            X,
            columns,
            center=center,
            sample_weight=w,
            map_ranges=in_pieces,
            on_features=on_features,
        )
        if on_features is None:
            assert sweep.on_features == (shape[1] <= shape[0])
        assert_is_sweep(sweep, Z, rng, 10 * np.finfo(dtype).eps)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize(("dtype", "offset"), [(np.float64, 1e6), (np.float32, 1e3)])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", [(70, 11), (9, 83)])
def test_dense_rows_far_away_keep_their_digits(rng, dtype, offset, order, shape):
    X = np.asarray(rng.standard_normal(shape) + offset, dtype=dtype, order=order)
    columns = ColumnMoments.from_block(X, center=provisional_center(X, None))
    Z = written_out(X, None, True)
    for on_features in (True, False):
        sweep = DenseSweep(X, columns, on_features=on_features)
        # An implicit centre would cost offset eps, 1e-10 and 1e-4.
        assert_is_sweep(sweep, Z, rng, 10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "make", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix]
)
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("n_parts", [1, 1000])
def test_sparse(rng, dtype, make, center, weighted, n_parts):
    for shape in SHAPES:
        D = rng.standard_normal(shape) * (rng.random(shape) < 0.3)
        D[shape[0] // 2] = 0.0
        D[0, 0] = 1.0
        X = make(D.astype(dtype))
        w = weights(rng, len(D), weighted)
        columns = sparse_column_moments(X, w)
        Z = written_out(D.astype(dtype), w, center)
        for on_features in (True, False):
            sweep = SparseSweep(
                X,
                columns,
                center=center,
                sample_weight=w,
                map_ranges=in_pieces,
                n_parts=n_parts,
                on_features=on_features,
            )
            assert_is_sweep(sweep, Z, rng, 10 * np.finfo(dtype).eps)


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_sparse_parts_share_the_entries_evenly(rng, make):
    D = rng.standard_normal((300, 200)) * (rng.random((300, 200)) < 0.1)
    X = make(D)
    sweep = SparseSweep(X, sparse_column_moments(X), n_parts=6)
    entries = [part.nnz for _, part in sweep.parts]
    assert len(entries) == 6
    assert sum(entries) == X.nnz
    assert max(entries) < 1.3 * X.nnz / 6
    starts = [taken.start for taken, _ in sweep.parts]
    stops = [taken.stop for taken, _ in sweep.parts]
    assert starts == [0, *stops[:-1]]
    assert stops[-1] == len(X.indptr) - 1


@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_sparse_parts_are_views(rng, make):
    D = rng.standard_normal((300, 200)) * (rng.random((300, 200)) < 0.1)
    X = make(D)
    sweep = SparseSweep(X, sparse_column_moments(X), n_parts=6)
    assert all(np.shares_memory(part.data, X.data) for _, part in sweep.parts)
    assert all(np.shares_memory(part.indices, X.indices) for _, part in sweep.parts)


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_operator(rng, center, weighted):
    for shape in ((40, 7), (7, 40)):
        X = rng.standard_normal(shape) + 1
        w = weights(rng, len(X), weighted)
        Z = written_out(X, w, center)
        mean = np.average(X, axis=0, weights=w) if center else None
        for on_features in (True, False):
            sweep = OperatorSweep(
                aslinearoperator(X),
                mean,
                np.sum(Z**2),
                sample_weight=w,
                on_features=on_features,
            )
            assert_is_sweep(sweep, Z, rng, 1e-14)


def test_rows_are_read_in_blocks_that_fit_the_cache(rng):
    """The rows as memory-mapped ones see it: no slice of more than a few tiles."""
    taken = []

    class Watched(np.ndarray):
        def __getitem__(self, key):
            out = super().__getitem__(key)
            if isinstance(key, slice):
                taken.append(out.nbytes)
            return out

    X = rng.standard_normal((20_000, 60)).view(Watched)
    sweep = DenseSweep(X, ColumnMoments.from_block(X.view(np.ndarray)))
    sweep(rng.standard_normal((60, 8)))
    assert len(taken) > 3
    assert max(taken) < X.nbytes / 3
