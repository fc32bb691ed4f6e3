"""Moments: exact under any split, any order, any offset."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skdimred.numerics.moments import ClassMoments, Moments


def exact(X, w=None):
    """Mean and scatter in extended precision."""
    X = np.asarray(X, dtype=np.longdouble)
    w = np.ones(len(X), np.longdouble) if w is None else np.asarray(w, np.longdouble)
    mean = (w @ X) / w.sum()
    Z = X - mean
    return mean.astype(float), ((Z * w[:, None]).T @ Z).astype(float)


def merged(parts):
    total = parts[0]
    for part in parts[1:]:
        total = total.merge(part)
    return total


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 40),
    p=st.integers(1, 5),
    offset=st.sampled_from([0.0, 1.0, 1e4, 1e8]),
    cuts=st.lists(st.integers(0, 40), max_size=6),
    weighted=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_any_split_in_any_order_gives_the_same(n, p, offset, cuts, weighted, seed):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p)) + offset
    w = rng.integers(0, 4, n).astype(float) if weighted else None
    if weighted and not w.any():
        w[0] = 1.0
    edges = sorted({0, n, *(c for c in cuts if c <= n)})
    ranges = [slice(a, b) for a, b in pairwise(edges)]
    parts = [Moments.from_block(X[r], None if w is None else w[r]) for r in ranges]
    rng.shuffle(parts)
    total = merged(parts)
    mean, scatter = exact(X, w)
    assert_allclose(total.mean, mean, rtol=1e-14, atol=1e-13)
    assert_allclose(total.scatter, scatter, atol=1e-12 * max(1.0, scatter.max()))
    assert total.n_rows == (n if w is None else np.count_nonzero(w))


def test_one_row_blocks_far_from_the_origin(rng):
    X = rng.standard_normal((300, 4)) + 1e8
    total = merged([Moments.from_block(X[i : i + 1]) for i in range(300)])
    _, scatter = exact(X)
    assert_allclose(total.scatter, scatter, rtol=0, atol=1e-11 * scatter.max())


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("offset", [0.0, 3.0, 1e4])
@pytest.mark.parametrize("precision", [np.float32, np.float64])
def test_float32_rows_of_many_blocks(rng, precision, offset, order):
    X = rng.standard_normal((60_000, 20)) * np.linspace(1, 3, 20) + offset
    X = np.asarray(X, dtype=np.float32, order=order)
    got = Moments.from_block(X, precision=precision)
    mean, scatter = exact(X)
    scale = np.sqrt(np.multiply.outer(scatter.diagonal(), scatter.diagonal()))
    limit = 1e-6 if precision == np.float32 else 1e-13
    assert np.abs((got.scatter - scatter) / scale).max() < limit
    # The mean costs nothing however many standard deviations it is from the origin.
    assert np.abs(got.mean - mean).max() < (1e-5 if precision == np.float32 else 1e-11)


def test_a_misleading_sample_is_found_out(rng):
    """Rows that the sample sees weigh nothing, and lie far from those that count."""
    n = 300_000
    X = rng.standard_normal((n, 2))
    step = n // 512
    X[::step] -= 1e9
    w = np.ones(n)
    w[::step] = 0.0
    got = Moments.from_block(X, w)
    keep = w > 0
    _, scatter = exact(X[keep])
    assert_allclose(got.scatter, scatter, atol=1e-12 * scatter.max())


def test_a_drift_of_a_million_deviations(rng):
    X = rng.standard_normal((200_000, 2)) + np.linspace(0, 1e6, 200_000)[:, None]
    got = Moments.from_block(X)
    _, scatter = exact(X)
    assert_allclose(got.scatter, scatter, rtol=1e-12)


@pytest.mark.parametrize("n_classes", [2, 60])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_class_moments_against_each_class_by_itself(rng, n_classes, weighted, offset):
    n, p = 50_000, 6
    codes = rng.integers(0, n_classes, n)
    X = rng.standard_normal((n, p)) + 100 * rng.standard_normal((n_classes, p))[codes]
    X += offset
    w = rng.integers(0, 3, n).astype(float) if weighted else None
    parts = [
        ClassMoments.from_block(X[r], codes[r], n_classes, None if w is None else w[r])
        for r in (slice(0, 7), slice(7, 8), slice(8, 30_000), slice(30_000, n))
    ]
    got = merged(parts[::-1])
    scatter = 0.0
    for k in range(n_classes):
        rows = codes == k
        mean, part = exact(X[rows], None if w is None else w[rows])
        scatter = scatter + part
        assert_allclose(got.means[k], mean, rtol=1e-13, atol=1e-12)
    assert_allclose(got.scatter, scatter, atol=1e-12 * scatter.max())
    assert_allclose(got.weights, np.bincount(codes, w, n_classes))


def test_class_separation_of_a_million_deviations(rng):
    codes = np.arange(200_000) % 3
    X = rng.standard_normal((200_000, 3)) + 1e6 * np.eye(3)[codes]
    got = ClassMoments.from_block(X, codes, 3)
    scatter = sum(exact(X[codes == k])[1] for k in range(3))
    assert_allclose(got.scatter, scatter, atol=1e-12 * scatter.max())


def test_final_scatters_add_up(rng):
    X, codes = rng.standard_normal((200, 4)) + 1e6, np.arange(200) % 3
    w = rng.integers(1, 4, 200).astype(float)
    moments = Moments.from_block(X, w)
    repeated = np.repeat(X, w.astype(int), axis=0)
    assert_allclose(moments.covariance(), np.cov(repeated.T), rtol=1e-8, atol=1e-9)
    classes = ClassMoments.from_block(X, codes, 3, w)
    total = classes.within_scatter() + classes.between_scatter()
    assert_allclose(total, moments.scatter / moments.weight, atol=1e-12)
    weighted = classes.between_scatter(np.array([0.5, 0.5, 0.0]))
    gap = classes.offsets[0] - classes.offsets[1]
    assert_allclose(weighted, np.outer(gap, gap) / 4, atol=1e-13)


def test_classes_can_be_renumbered(rng):
    X, codes = rng.standard_normal((50, 3)), np.arange(50) % 2
    small = ClassMoments.from_block(X, codes, 2)
    large = small.reindex(np.array([3, 1]), 4)
    assert_allclose(large.means[[3, 1]], small.means)
    assert_allclose(large.weights, [0, 25, 0, 25])
    assert np.isnan(large.means[0]).all()


def test_rows_are_not_touched(rng):
    X = rng.standard_normal((1000, 5)).astype(np.float32) + 1e3
    before = X.copy()
    X.flags.writeable = False
    Moments.from_block(X, np.ones(1000))
    ClassMoments.from_block(X, np.arange(1000) % 2, 2)
    assert np.array_equal(X, before)
