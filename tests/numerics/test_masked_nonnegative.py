"""Coordinate descent where cells are unknown, against the sums written out."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdimred.numerics.factor_products import DenseProducts
from skdimred.numerics.masked_nonnegative import Known, Masked, own_problems
from skdimred.numerics.nonnegative import Frobenius, Penalty, alternate


@pytest.fixture
def gapped(rng):
    X = rng.random((30, 3)) @ rng.random((3, 20)) + 0.05 * rng.random((30, 20))
    X /= X.mean()
    return np.where(rng.random(X.shape) < 0.3, np.nan, X)


def objective(X, A, B, c, times=None):
    """As it is printed; the mean of the known cells being 1."""
    times = np.ones(len(X)) if times is None else times
    rows = np.nanmean(X, axis=1)
    mask = ~np.isnan(X)
    columns = (times @ np.where(mask, X, 0)) / (times @ mask)
    target = np.where(mask, X, np.multiply.outer(rows, columns))
    weight = np.where(mask, 1.0, c) * times[:, np.newaxis]
    return 0.5 * np.sum(weight * (target - A.T @ B) ** 2)


@pytest.mark.parametrize("c", [0.0, 0.02, 0.5, 1.0])
@pytest.mark.parametrize("weighted", [False, True])
def test_objective_as_printed(c, weighted, gapped, rng):
    times = rng.integers(1, 4, 30).astype(float) if weighted else None
    known = Known.of(gapped, scale=1.0, weight=c, row_weight=times)
    A, B = rng.random((3, 30)), rng.random((3, 20))
    root = 1.0 if times is None else np.sqrt(times)
    half = Masked(known).half(0, A * root, B)
    expected = objective(gapped, half.factor / root, B, c, times)
    if not weighted:
        assert half.loss == pytest.approx(expected, rel=1e-10)
    assert half.loss <= objective(gapped, A, B, c, times)
    other = Masked(known).half(1, B.copy(), A * root)
    assert other.loss <= objective(gapped, A, B, c, times)


def test_slopes_are_the_gradient(gapped, rng):
    A, B = rng.random((3, 30)), rng.random((3, 20))
    loss = Masked(Known.of(gapped, scale=1.0, weight=0.1), (Penalty(), Penalty()))
    step = 1e-6
    for side, factor in ((0, A), (1, B)):
        gradient = np.zeros_like(factor)
        for place in np.ndindex(factor.shape):
            moved = factor.copy()
            moved[place] += step
            pair = (moved, B) if side == 0 else (A, moved)
            up = objective(gapped, *pair, 0.1)
            moved[place] -= 2 * step
            gradient[place] = (up - objective(gapped, *pair, 0.1)) / (2 * step)
        other = B if side == 0 else A
        expected = np.sum(gradient**2, axis=1)
        assert_allclose(loss.slopes(side, factor, other), expected, rtol=1e-5)


@pytest.mark.parametrize("form", ["csr", "csc"])
@pytest.mark.parametrize("c", [0.0, 0.1])
def test_sparse_is_dense(form, c, gapped, rng):
    stored = sparse.csr_array(np.nan_to_num(gapped)).asformat(form)
    B, A = rng.random((3, 20)), rng.random((3, 30))
    kinds = [Known.of(X, scale=1.0, weight=c) for X in (gapped, stored)]
    assert kinds[0].squares == pytest.approx(kinds[1].squares)
    for side, other in ((0, B), (1, A)):
        blocks = [list(own_problems(known, side, other)) for known in kinds]
        for (_, S, C), (_, S2, C2) in zip(*blocks, strict=True):
            assert_allclose(S, S2)
            assert_allclose(C, C2)


@pytest.mark.parametrize("c", [0.0, 0.02])
def test_nothing_missing(c, rng):
    X = rng.random((30, 20))
    A, B = rng.random((3, 30)), rng.random((3, 20))
    known = Known.of(X, scale=1.0, weight=c)
    found = alternate(Masked(known), A, B, tol=1e-6, max_iter=500)
    plain = alternate(Frobenius(DenseProducts(X)), A, B, tol=1e-6, max_iter=500)
    assert found.history[-1] == pytest.approx(plain.history[-1], rel=1e-6)
    assert known.squares == pytest.approx(np.sum(X**2))


def test_never_rises(gapped, rng):
    A, B = rng.random((3, 30)), rng.random((3, 20))
    known = Known.of(gapped, scale=1.0, weight=0.02)
    seen = []

    def report(value, residual, A, B):
        assert value == pytest.approx(objective(gapped, A, B, 0.02), rel=1e-8)
        seen.append(value)

    found = alternate(Masked(known), A, B, tol=1e-6, max_iter=1000, report=report)
    assert found.converged
    assert found.residual <= 1e-6
    assert (np.diff(seen) <= 0).all()


def test_rows_and_columns_without_known_cells(gapped, rng):
    gapped[3], gapped[:, 5] = np.nan, np.nan
    known = Known.of(gapped, scale=1.0, weight=0.0)
    assert known.rows[3] == known.columns[5] == 1
    A, B = rng.random((3, 30)), rng.random((3, 20))
    half = Masked(known).half(0, A, B)
    assert np.isfinite(half.factor).all()
    # Nothing depends on it.
    assert_array_equal(half.factor[:, 3], A[:, 3])


def test_float32_stays(gapped, rng):
    known = Known.of(gapped.astype(np.float32), scale=1.0, weight=0.02)
    A, B = (rng.random((3, m), dtype=np.float32) for m in (30, 20))
    half = Masked(known).half(0, A, B, look=True)
    assert half.factor.dtype == np.float32
