"""Data on which an earlier form went wrong in silence."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skdimred import DifferenceLDA, RatioLDA
from skdimred.discriminant_analysis import _routes


@pytest.mark.parametrize("solver", ["auto", "gram", "qr"])
def test_a_direction_without_width_but_for_rounding(solver):
    X = np.array(
        [
            [-1, -1, -1, 0, -1, 0],
            [1, -1, 2, 1, 0, 0],
            [0, 0, -1, 1, 1, -1],
            [-1, -1, -1, 1, -1, 1],
            [0, 0, -2, -2, 0, 0],
            [1, -1, 1, 0, -1, 0],
            [2, -1, 0, 0, 0, 0],
            [0, 0, -1, 1, -1, 0],
        ],
        dtype=float,
    )
    y = np.array([0, 1, 2, 0, 2, 0, 1, 2])
    lda = RatioLDA(solver=solver).fit(X, y)
    assert lda.score(X, y) == 1.0
    assert np.abs(lda.scalings_).max() < 1e6


@pytest.mark.parametrize("distance", [1e6, 1e9, 1e10, 1e12])
@pytest.mark.parametrize(
    "lda", [RatioLDA(), DifferenceLDA(constraint="within", rho=0.0)], ids=str
)
def test_predictions_where_one_class_is_far(rng, distance, lda):
    y = np.repeat([0, 1, 2], 100)
    X = rng.standard_normal((300, 3))
    X[y == 1, 1] += 8
    X[y == 2, 0] += distance
    assert lda.fit(X, y).score(X, y) == 1.0


def test_float32_far_from_the_origin_keeps_small_differences(rng):
    n, p = 60_000, 60
    y = rng.integers(0, 2, n)
    X = rng.standard_normal((n, p)) + 1e4
    X[:, 0] += 0.05 * y
    whole = RatioLDA().fit(X.astype(np.float32).astype(float), y)
    lda = RatioLDA().fit(X.astype(np.float32), y)
    assert_allclose(lda.eigenvalues_, whole.eigenvalues_, rtol=1e-3)


def test_almost_no_shrinkage_of_wide_data_is_the_limit(rng):
    X, y = rng.standard_normal((9, 30)), np.arange(9) % 3
    exact = RatioLDA(shrinkage=1e-6).fit(X, y).eigenvalues_ * 1e-6
    for a in (1e-8, 1e-10):
        assert_allclose(
            RatioLDA(shrinkage=a).fit(X, y).eigenvalues_ * a, exact, rtol=1e-4
        )
    for a in (1e-14, 1e-16, 1e-18):
        lda = RatioLDA(shrinkage=a).fit(X, y)
        assert np.all(lda.eigenvalues_ == np.inf)
        assert lda.residual_ < 1e-9


@pytest.mark.parametrize("shrinkage", [0.3, "auto", "oas", 1.0])
@pytest.mark.parametrize("solver", ["dual", "gram", "cg"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_rows_that_coincide_within_classes(rng, shrinkage, solver, form):
    X, y = rng.standard_normal((4, 5))[np.arange(46) % 4], np.arange(46) % 4
    lda = RatioLDA(solver=solver, shrinkage=shrinkage).fit(form(X), y)
    assert np.all(lda.eigenvalues_ == np.inf)
    assert np.array_equal(lda.predict(form(X)), y)


@pytest.mark.parametrize("scale", [1e-60, 1e80, 1e100])
def test_trace_ratio_at_any_scale(rng, scale):
    X, y = rng.standard_normal((60, 4)), np.arange(60) % 3
    X += 2 * rng.standard_normal((3, 4))[y]
    plain = DifferenceLDA(rho="trace_ratio").fit(X, y)
    lda = DifferenceLDA(rho="trace_ratio").fit(X * scale, y)
    assert_allclose(lda.rho_, plain.rho_, rtol=1e-9)
    assert_allclose(lda.scalings_, plain.scalings_, atol=1e-8)


def test_a_column_of_zeros_by_products(rng, monkeypatch):
    monkeypatch.setattr(_routes, "MOST_FEATURES", 5)
    X, y = rng.standard_normal((90, 8)), np.arange(90) % 3
    X[:, 3] = 0.0
    with pytest.warns(UserWarning, match="1 of 1 eigenvalues"):
        lda = DifferenceLDA().fit(sparse.csr_array(X), y)
    with pytest.warns(UserWarning, match="1 of 1 eigenvalues"):
        dense = DifferenceLDA().fit(X, y)
    assert lda.solver_ == "krylov"
    assert_allclose(lda.eigenvalues_, dense.eigenvalues_, rtol=1e-8)
    assert lda.scalings_[3, 0] == 0


@pytest.mark.parametrize("offset", [1e5, 1e7])
def test_sparse_rows_far_from_the_origin_by_conjugate_gradients(rng, offset):
    X, y = rng.standard_normal((300, 6)) + offset, np.arange(300) % 3
    X[:, 0] += y
    options = {"shrinkage": 0.1}
    direct = RatioLDA(**options).fit(X, y)
    lda = RatioLDA(solver="cg", cg_tol=1e-9, **options).fit(sparse.csr_array(X), y)
    assert_allclose(lda.eigenvalues_[0], direct.eigenvalues_[0], rtol=1e-6)


def test_huge_priors_and_rows_that_do_not_count(rng):
    X, y = rng.standard_normal((60, 4)), np.arange(60) % 3
    with pytest.warns(UserWarning, match="The priors sum to inf"):
        lda = RatioLDA(priors=[1e308] * 3).fit(X, y)
    assert_allclose(lda.priors_, 1 / 3)
    w = np.ones(60)
    w[7] = 0.0
    without = RatioLDA(shrinkage="auto").fit(np.delete(X, 7, 0), np.delete(y, 7))
    X[7] = 1e100
    lda = RatioLDA(shrinkage="auto").fit(X, y, sample_weight=w)
    assert_allclose(lda.shrinkage_, without.shrinkage_)
