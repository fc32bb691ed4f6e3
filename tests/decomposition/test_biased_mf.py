"""Biased factors: optimality, exact fold-in, weights, and every way in."""

import pickle
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline

from skdimred.decomposition import BiasedMF, BiasedMFImputer, _mf_fit
from skdimred.model_selection import Cells


def with_gaps(X, share, rng):
    return np.where(rng.random(X.shape) < share, X, np.nan)


@pytest.fixture
def ratings(rng):
    """Ratings from 1 to 5 with biases and three factors, most of them unknown."""
    T = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 70))
    T += rng.standard_normal((120, 1)) + rng.standard_normal(70) + 3
    return with_gaps(np.clip(np.round(T), 1, 5), 0.3, rng)


def as_sparse(X):
    known = ~np.isnan(X)
    return sparse.coo_array((X[known], np.nonzero(known)), shape=X.shape)


def objective(mf, X, row_weight=None):
    """What is minimised, from the attributes alone."""
    w = np.ones(len(X)) if row_weight is None else row_weight
    P, Q = mf.row_factors_, mf.components_.T
    guess = mf.mean_ + P @ Q.T + mf.row_bias_[:, np.newaxis] + mf.column_bias_
    beta = mf.alpha if mf.alpha_bias is None else mf.alpha_bias

    def penalty(F, b):
        known = 1.0
        if mf.weighted_alpha:
            known = ~np.isnan(X)
            known = known.sum(axis=1) if F is P else w @ known
        size = mf.l1_ratio * np.abs(F).sum(axis=1)
        size += (1 - mf.l1_ratio) / 2 * (F**2).sum(axis=1)
        return known * (mf.alpha * size + beta / 2 * b**2)

    error = 0.5 * np.nansum((X - guess) ** 2, axis=1)
    rows = w @ (error + penalty(P, mf.row_bias_))
    return rows + penalty(Q, mf.column_bias_).sum()


CASES = [
    {},
    {"solver": "exact"},
    {"solver": "cg"},
    {"solver": "cd"},
    {"alpha_bias": 0.5, "solver": "cg"},
    {"weighted_alpha": True, "alpha": 0.1},
    {"weighted_alpha": True, "alpha": 0.1, "solver": "cg", "alpha_bias": 0.02},
    {"l1_ratio": 0.3},
    {"positive": True},
    {"row_bias": False},
    {"col_bias": False, "solver": "cg"},
    {"row_bias": False, "col_bias": False, "l1_ratio": 0.2, "positive": True},
    {"rotate": False},
    {"n_components": 0},
]


@pytest.mark.parametrize("params", CASES, ids=str)
def test_the_objective_is_the_stated_one_and_never_rises(ratings, params):
    params = {"n_components": 5, "alpha": 2.0, **params}
    mf = BiasedMF(**params, tol=0, max_iter=12, random_state=0).fit(ratings)
    history = mf.objective_history_
    assert_allclose(history[-1], objective(mf, ratings), rtol=1e-9)
    assert (np.diff(history) <= 0).all()
    assert len(history) == mf.n_iter_ <= 12
    error = ratings - mf.inverse_transform(mf.row_factors_, mf.row_bias_)
    assert_allclose(mf.reconstruction_err_, np.sqrt(np.nanmean(error**2)))


@pytest.mark.parametrize("params", CASES, ids=str)
def test_fold_in_is_exact_and_row_by_row(ratings, params):
    params = {"n_components": 5, "alpha": 2.0, **params}
    mf = BiasedMF(**params, max_iter=6, random_state=0)
    Z = mf.fit_transform(ratings)
    assert_allclose(mf.transform(ratings), Z, atol=1e-10)
    assert_array_equal(clone(mf).fit(ratings).row_factors_, Z)
    assert_allclose(mf.transform(ratings[5::7]), Z[5::7], atol=1e-10)
    factors, bias = mf.fold_in(ratings)
    assert_allclose(bias, mf.row_bias_, atol=1e-10)
    # The slope of each row's problem is 0, or within the L1 penalty where it is not.
    error = ratings - mf.inverse_transform(factors, bias)
    slope = -np.nan_to_num(error) @ mf.components_.T
    times = (~np.isnan(ratings)).sum(axis=1)[:, np.newaxis] if mf.weighted_alpha else 1
    slope += times * mf.alpha * (1 - mf.l1_ratio) * factors
    l1 = mf.alpha * mf.l1_ratio
    inside = factors != 0
    assert_allclose((slope + l1 * np.sign(factors))[inside], 0, atol=1e-8)
    if not mf.positive:
        assert (np.abs(slope[~inside]) <= l1 + 1e-8).all()
    else:
        assert (slope[~inside] >= -l1 - 1e-8).all()
    if mf.row_bias:
        beta = mf.alpha if mf.alpha_bias is None else mf.alpha_bias
        slope = -np.nansum(error, axis=1) + np.ravel(times) * beta * bias
        assert_allclose(slope, 0, atol=1e-8)


def test_without_gaps_and_biases_it_is_the_shrunk_svd(rng):
    X = rng.standard_normal((40, 25))
    U, s, V = np.linalg.svd(X, full_matrices=False)
    settings = {"row_bias": False, "col_bias": False, "random_state": 0}
    for alpha, k in ((3.0, 25), (1.0, 30), (2.0, 5)):
        keep = np.arange(25) < k
        wanted = (U * np.maximum(s - alpha, 0) * keep) @ V
        mf = BiasedMF(k, alpha=alpha, **settings).fit(X)
        assert_allclose(mf.row_factors_ @ mf.components_, wanted, atol=1e-10)
        # By sweeps, too, where cells might be missing.
        mf.set_params(tol=1e-13, max_iter=3000)
        mf.fit(X, cell_weight=np.ones(X.shape))
        assert_allclose(mf.row_factors_ @ mf.components_, wanted, atol=5e-5)


def test_zeros_observed_are_cells_that_hold_0(rng):
    X = rng.random((50, 20)) * (rng.random((50, 20)) < 0.3)
    mf = BiasedMF(4, alpha=0.5, implicit_zeros="observed", tol=1e-12, max_iter=1000)
    mf.set_params(random_state=0)
    by_sparse, by_dense = clone(mf).fit(sparse.csr_array(X)), clone(mf).fit(X)
    assert_allclose(by_sparse.mean_, X.mean())
    assert_allclose(
        by_sparse.row_factors_ @ by_sparse.components_,
        by_dense.row_factors_ @ by_dense.components_,
        atol=1e-5,
    )
    assert_allclose(by_sparse.transform(sparse.csc_array(X)), by_sparse.transform(X))
    assert_array_equal(by_sparse.complete(sparse.coo_array(X)), X)


def test_with_gaps_the_optimum_of_the_nuclear_norm(ratings):
    """At full width: spectral norm of the residual at most alpha, and equal on top."""
    mf = BiasedMF(70, alpha=8.0, row_bias=False, col_bias=False, random_state=0)
    mf.set_params(tol=1e-14, max_iter=3000).fit(ratings)
    product = mf.row_factors_ @ mf.components_
    residual = np.nan_to_num(ratings - product)
    U, s, V = np.linalg.svd(product)
    rank = int(np.sum(s > 1e-6 * s[0]))
    assert 1 < rank < 60
    assert np.linalg.norm(residual, 2) <= 8 * (1 + 1e-4)
    assert_allclose(U[:, :rank].T @ residual @ V[:rank].T, 8 * np.eye(rank), atol=1e-3)


def test_missing_cells_of_a_table_without_noise_are_found(rng):
    T = rng.standard_normal((120, 3)) @ rng.standard_normal((3, 80))
    T += rng.standard_normal((120, 1)) + rng.standard_normal(80) + 3
    X = with_gaps(T, 0.4, rng)
    mf = BiasedMF(3, alpha=1e-6, tol=1e-10, max_iter=300, random_state=0).fit(X)
    assert_allclose(mf.complete(X), T, atol=1e-3)
    rows, columns = np.nonzero(np.isnan(X))
    assert_allclose(mf.predict_cells(rows, columns), T[rows, columns], atol=1e-3)
    new = with_gaps(T[:9], 0.5, rng)
    assert_allclose(mf.complete(new), T[:9], atol=1e-2)


def test_all_formats_and_threads_agree(ratings):
    C = as_sparse(ratings)
    for params in ({"solver": "exact"}, {"solver": "cg"}, {"l1_ratio": 0.2}):
        make = BiasedMF(4, alpha=1.0, random_state=0, max_iter=5, n_jobs=1, **params)
        wanted = make.fit(ratings)
        shuffled = sparse.csr_array(C)
        shuffled.indices = shuffled.indices.copy()
        for i in range(120):
            part = slice(shuffled.indptr[i], shuffled.indptr[i + 1])
            shuffled.indices[part] = shuffled.indices[part][::-1].copy()
            shuffled.data[part] = shuffled.data[part][::-1].copy()
        shuffled.has_sorted_indices = shuffled.has_canonical_format = False
        tables = [C, C.tocsr(), C.tocsc(), sparse.coo_matrix(C), shuffled]
        for table in (*tables, Cells.from_matrix(ratings), ratings.copy(order="F")):
            other = clone(make).set_params(n_jobs=2).fit(table)
            assert_array_equal(other.row_factors_, wanted.row_factors_)
            assert_array_equal(other.components_, wanted.components_)
            assert_array_equal(other.transform(table), wanted.transform(ratings))
            assert_array_equal(other.complete(table), wanted.complete(ratings))


def test_a_stored_zero_is_known(rng):
    X = np.where(rng.random((30, 12)) < 0.4, 0.0, 1.0)
    rows, columns = np.nonzero(np.ones_like(X))
    table = sparse.coo_array((X.ravel(), (rows, columns)), shape=X.shape)
    mf = BiasedMF(2, alpha=0.1, random_state=0)
    assert_allclose(mf.fit(table).mean_, X.mean())
    assert_array_equal(mf.complete(table), X)


@pytest.mark.parametrize("params", CASES, ids=str)
def test_weights_of_rows_are_repetitions(ratings, params):
    params = {"n_components": 3, "alpha": 2.0, **params, "random_state": 0}
    weight = np.random.default_rng(0).integers(0, 4, len(ratings))
    one = BiasedMF(**params).fit(ratings, sample_weight=weight)
    other = BiasedMF(**params).fit(np.repeat(ratings, weight, axis=0))
    assert_allclose(one.objective_history_, other.objective_history_, rtol=1e-9)
    assert_allclose(one.components_, other.components_, atol=1e-6)
    repeated = np.repeat(one.row_factors_, weight, axis=0)
    assert_allclose(repeated, other.row_factors_, atol=1e-6)
    assert_allclose(one.objective_history_[-1], objective(one, ratings, weight))


def test_weights_of_cells(ratings, rng):
    mf = BiasedMF(3, alpha=1.0, random_state=0, max_iter=8)
    dropped = ratings.copy()
    weight = np.where(rng.random(ratings.shape) < 0.8, 1.0, 0.0)
    dropped[weight == 0] = np.nan
    wanted = clone(mf).fit(dropped)
    found = clone(mf).fit(ratings, cell_weight=weight)
    assert_array_equal(found.components_, wanted.components_)
    # All weights times 2 is half the penalty.
    double = clone(mf).fit(ratings, cell_weight=np.full(ratings.shape, 2.0))
    half = clone(mf).set_params(alpha=0.5).fit(ratings)
    assert_allclose(double.components_, half.components_, atol=1e-6)
    C = as_sparse(ratings).tocsr()
    pattern = C.copy()
    pattern.data = rng.uniform(0.1, 2, C.nnz)
    dense = np.full(ratings.shape, np.nan)
    dense[~np.isnan(ratings)] = pattern.data
    for X in (C, ratings):
        for w in (pattern, pattern.tocoo(), dense):
            found = clone(mf).fit(X, cell_weight=w)
            rows, columns = np.nonzero(~np.isnan(ratings))
            guess = found.predict_cells(rows, columns)
            error = ratings[rows, columns] - guess
            rms = np.sqrt(np.average(error**2, weights=pattern.data))
            assert_allclose(found.reconstruction_err_, rms)


def test_svd_form(ratings):
    mf = BiasedMF(4, alpha=1.0, tol=1e-12, max_iter=2000, random_state=0).fit(ratings)
    Q, P = mf.components_, mf.row_factors_
    s = np.linalg.norm(Q, axis=1) ** 2
    assert_allclose(Q @ Q.T, np.diag(s), atol=1e-9)
    assert (np.diff(s) <= 0).all()
    assert_allclose(P.T @ P, np.diag(s), atol=1e-3 * s[0])
    assert_allclose(np.linalg.svd(P @ Q, compute_uv=False)[:4], s, rtol=1e-3)
    peak = np.take_along_axis(Q, np.abs(Q).argmax(axis=1, keepdims=True), axis=1)
    assert (peak > 0).all()
    plain = clone(mf).set_params(rotate=False).fit(ratings)
    assert_allclose(plain.objective_history_[-1], mf.objective_history_[-1], rtol=1e-8)
    assert_allclose(plain.complete(ratings), mf.complete(ratings), atol=1e-3)


def test_l1_makes_zeros_and_all_zero_is_not_fallen_into(ratings):
    shares = []
    for ratio in (0.0, 0.1, 0.4, 0.8):
        mf = BiasedMF(6, alpha=1.0, l1_ratio=ratio, max_iter=60, random_state=0)
        mf.fit(ratings)
        shares.append(np.mean(mf.components_ == 0))
        biases = BiasedMF(0, alpha=1.0, l1_ratio=ratio).fit(ratings)
        assert mf.objective_history_[-1] < 0.7 * biases.objective_history_[-1]
    assert shares[0] == 0
    assert (np.diff(shares) > 0).all()
    # Where nothing is worth its price, zeros are the answer.
    mf = BiasedMF(3, alpha=1e4, l1_ratio=0.5, random_state=0).fit(ratings)
    assert not mf.components_.any()
    assert np.isfinite(mf.complete(ratings)).all()


@pytest.mark.parametrize("l1_ratio", [0.0, 0.3])
def test_positive_factors_are_not_negative(ratings, l1_ratio):
    mf = BiasedMF(5, alpha=1.0, positive=True, l1_ratio=l1_ratio, random_state=0)
    Z = mf.fit_transform(ratings)
    assert (mf.components_ >= 0).all()
    assert (Z >= 0).all()
    assert (mf.components_ == 0).any()
    assert (
        mf.reconstruction_err_ < BiasedMF(0, alpha=1.0).fit(ratings).reconstruction_err_
    )


def test_rows_and_columns_without_a_known_cell(ratings):
    X = ratings.copy()
    X[[3, 8]] = np.nan
    X[:, [0, 5, 9]] = np.nan
    for params in ({"solver": "exact"}, {"solver": "cg"}, {"l1_ratio": 0.5}):
        with pytest.warns(UserWarning, match="2 rows and 3 columns") as caught:
            mf = BiasedMF(3, alpha=1.0, random_state=0, **params).fit(X)
        assert len(caught) == 1
        assert not mf.row_factors_[[3, 8]].any()
        assert not mf.row_bias_[[3, 8]].any()
        assert not mf.components_[:, [0, 5, 9]].any()
        full = mf.complete(X)
        assert_allclose(full[3], mf.mean_ + mf.column_bias_)
        assert_allclose(full[1, 5], mf.mean_ + mf.row_bias_[1])
        assert_allclose(full[3, 5], mf.mean_)
        assert np.isfinite(full).all()
    with pytest.warns(UserWarning, match="1 row of X has no known cell"):
        BiasedMF(1).fit(np.array([[1.0, 2.0], [np.nan, np.nan]]))


def test_scales(ratings):
    """Values s times as large take s times the alpha; from 1e-200 to 1e140."""
    plain = BiasedMF(3, alpha=1.0, alpha_bias=1.0, random_state=0).fit(ratings)
    for s in (1000.0, 1e-200, 1e140):
        mf = BiasedMF(3, alpha=s, alpha_bias=1.0, random_state=0).fit(ratings * s)
        assert_allclose(
            mf.complete(ratings * s) / s, plain.complete(ratings), rtol=1e-6
        )
        assert mf.n_iter_ == plain.n_iter_
    small = BiasedMF(3, alpha=1e30, alpha_bias=1.0, random_state=0)
    Z = small.fit_transform((ratings * 1e30).astype(np.float32))
    assert_allclose(Z / 1e15, plain.row_factors_, atol=1e-2)
    with pytest.raises(ValueError, match="overflow"):
        BiasedMF(2).fit(ratings * 1e200)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("solver", ["auto", "cg", "cd"])
def test_penalties_from_none_to_all(ratings, dtype, solver):
    """Below rounding as good as 0; above all values, the mean."""
    X = ratings.astype(dtype)
    for alpha in (1e-300, 1e-60, 1e-20, 1e-9, 1e20, 1e60, 1e300):
        mf = BiasedMF(3, alpha=alpha, solver=solver, max_iter=5, random_state=0)
        full = mf.fit(X).complete(X)
        assert np.isfinite(full).all()
        if alpha > 1:
            assert_allclose(full[np.isnan(X)], mf.mean_, rtol=1e-5)
        else:
            assert mf.reconstruction_err_ < 0.7


def test_score_of_zeros_observed_is_that_of_the_dense_table(rng, monkeypatch):
    X = rng.random((30, 9)) * (rng.random((30, 9)) < 0.5)
    mf = BiasedMF(2, alpha=0.3, implicit_zeros="observed", random_state=0).fit(X)
    wanted = mf.score(X)
    monkeypatch.setattr("skdimred.decomposition._mf_table.DENSE_BLOCK", 40)
    assert_allclose(mf.score(sparse.csr_array(X)), wanted)


def test_float32_stays_and_is_as_exact_as_it_can_be(ratings):
    for solver in ("exact", "cg", "cd"):
        mf = BiasedMF(40, alpha=1.0, solver=solver, random_state=0, tol=0, max_iter=8)
        single = clone(mf).fit(ratings.astype(np.float32))
        double = clone(mf).fit(ratings)
        for name in ("components_", "row_factors_", "row_bias_", "column_bias_"):
            assert getattr(single, name).dtype == np.float32
            assert getattr(double, name).dtype == np.float64
        assert_allclose(single.objective_history_, double.objective_history_, rtol=1e-4)
        assert single.transform(ratings.astype(np.float32)).dtype == np.float32
        assert single.transform(ratings).dtype == np.float64
        assert (np.diff(single.objective_history_) <= 0).all()
    whole = np.where(np.isnan(ratings), 0, ratings).astype(np.int64)
    assert BiasedMF(2).fit(whole).components_.dtype == np.float64


def test_few_cells(rng):
    """One cell, one column, one row, constants: finite, and what can be known."""
    one = np.full((4, 3), np.nan)
    one[1, 2] = 5.0
    with pytest.warns(UserWarning, match="3 rows and 2 columns"):
        mf = BiasedMF(2, random_state=0).fit(one)
    assert_allclose(mf.complete(one), 5.0)
    column = rng.standard_normal((9, 1))
    assert np.isfinite(BiasedMF(3, alpha=0.1).fit(column).complete(column)).all()
    row = rng.standard_normal((1, 9))
    assert BiasedMF(3, alpha=0.1).fit_transform(row).shape == (1, 3)
    constant = with_gaps(np.full((20, 10), 7.0), 0.6, rng)
    mf = BiasedMF(2, alpha=0.1, random_state=0).fit(constant)
    assert_allclose(mf.complete(constant), 7.0)
    assert mf.objective_history_[-1] == 0


def test_without_penalty_the_shortest_of_all_that_fit(rng):
    X = with_gaps(rng.standard_normal((12, 8)), 0.3, rng)
    X[0] = np.nan
    X[0, 2] = 4.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mf = BiasedMF(4, alpha=0.0, random_state=0, tol=1e-9, max_iter=200).fit(X)
    assert mf.solver_ == "exact"
    assert np.isfinite(mf.complete(X)).all()
    G = np.append(mf.components_[:, 2], 1.0)
    r = 4 - mf.mean_ - mf.column_bias_[2]
    found = np.append(mf.row_factors_[0], mf.row_bias_[0])
    assert_allclose(found, G * r / (G @ G), atol=1e-8)


def test_a_huge_table_is_never_formed():
    rng = np.random.default_rng(0)
    n = 200_000
    rows, columns = rng.integers(0, n, n), rng.integers(0, n, n)
    _, first = np.unique(rows * n + columns, return_index=True)
    rows, columns = rows[first], columns[first]
    table = sparse.coo_array((rng.random(len(rows)), (rows, columns)), shape=(n, n))
    tracemalloc.start()
    try:
        with pytest.warns(UserWarning, match="no known cell"):
            mf = BiasedMF(2, alpha=0.1, max_iter=2, random_state=0).fit(table)
        Z = mf.transform(table)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert Z.shape == (n, 2)
    assert peak < 400e6
    assert np.isfinite(mf.predict_cells(rows[:9], columns[:9])).all()
    columns, values = mf.top_n(table.tocsr()[:3], 4)
    assert columns.shape == values.shape == (3, 4)


def test_partial_fit_goes_on_over_all_rows_seen(ratings):
    C = as_sparse(ratings).tocsr()
    mf = BiasedMF(3, alpha=1.0, random_state=0, tol=0, max_iter=10).fit(C[:80])
    folded = mf.transform(C[80:])
    mf.partial_fit(C[80:])
    assert mf.row_factors_.shape == (120, 3)
    assert len(mf.objective_history_) == 1
    assert_allclose(mf.objective_history_[-1], objective(mf, ratings), rtol=1e-9)
    assert_allclose(mf.transform(C), mf.row_factors_, atol=1e-10)
    assert not np.allclose(mf.row_factors_[80:], folded)
    added = mf.objective_history_[-1]
    stream = BiasedMF(3, alpha=1.0, random_state=0)
    for start in range(0, 120, 40):
        stream.partial_fit(ratings[start : start + 40])
    assert stream.row_factors_.shape == (120, 3)
    whole = BiasedMF(3, alpha=1.0, random_state=0, tol=0).fit(ratings)
    assert stream.objective_history_[-1] < 1.25 * whole.objective_history_[-1]
    assert added < 1.25 * whole.objective_history_[-1]
    with pytest.raises(ValueError, match="features"):
        mf.partial_fit(ratings[:, :5])
    with pytest.raises(ValueError, match="n_components"):
        mf.set_params(n_components=4).partial_fit(ratings)


def test_partial_fit_of_tables_without_gaps(rng):
    X = rng.standard_normal((60, 8))
    mf = BiasedMF(3, alpha=0.5, random_state=0).fit(X[:40], sample_weight=np.arange(40))
    mf.partial_fit(X[40:])
    assert mf.row_factors_.shape == (60, 3)
    weight = np.append(np.arange(40), np.ones(20))
    assert_allclose(mf.objective_history_[-1], objective(mf, X, weight), rtol=1e-9)
    gaps = with_gaps(X, 0.5, rng)
    mf.partial_fit(gaps)
    assert mf.row_factors_.shape == (120, 3)


def test_validation_cells_are_not_fitted(ratings):
    mf = BiasedMF(3, alpha=1.0, validation_fraction=0.2, random_state=0).fit(ratings)
    assert mf.validation_history_.shape == mf.objective_history_.shape
    assert mf.validation_history_[-1] < mf.validation_history_[0]
    assert mf.validation_history_[-1] > 1.2 * mf.reconstruction_err_
    assert_allclose(mf.transform(ratings), mf.row_factors_, atol=1e-10)
    assert not hasattr(
        mf.set_params(validation_fraction=0.0).fit(ratings), "validation_history_"
    )


def test_score_means_something_over_rows_and_over_cells(rng):
    T = 2 * rng.standard_normal((150, 2)) @ rng.standard_normal((2, 60))
    T += rng.standard_normal(60)
    X = with_gaps(T + 0.3 * rng.standard_normal(T.shape), 0.4, rng)
    grid = {"n_components": [0, 1, 2], "alpha": [0.3, 300.0]}
    search = GridSearchCV(BiasedMF(random_state=0), grid, cv=3).fit(X)
    assert search.best_params_ == {"n_components": 2, "alpha": 0.3}
    assert search.best_score_ > -0.6
    cells = Cells.from_matrix(X)
    folds = KFold(3, shuffle=True, random_state=0)
    search = GridSearchCV(BiasedMF(random_state=0), grid, cv=folds).fit(cells)
    assert search.best_params_ == {"n_components": 2, "alpha": 0.3}
    mf = search.best_estimator_
    assert mf.row_factors_.shape == (150, 2)
    missing = np.isnan(X)
    error = (mf.complete(X) - T)[missing]
    assert np.sqrt(np.mean(error**2)) < 0.5
    # The hidden cells of a row do not depend on the other rows.
    parts = [mf.score(X[i : i + 1]) for i in range(150)]
    hidden = np.maximum(1, (~missing).sum(axis=1) // 5)
    assert_allclose(mf.score(X), -np.sqrt(np.average(np.square(parts), weights=hidden)))


def test_top_n(ratings):
    mf = BiasedMF(3, alpha=1.0, random_state=0).fit(ratings)
    full = mf.inverse_transform(mf.row_factors_, mf.row_bias_)
    columns, values = mf.top_n(ratings, 5)
    unknown = np.where(np.isnan(ratings), full, -np.inf)
    assert_allclose(values, -np.sort(-unknown, axis=1)[:, :5])
    assert_allclose(np.take_along_axis(unknown, columns, axis=1), values)
    columns, values = mf.top_n(ratings[:4], 70, exclude_known=False)
    assert_array_equal(np.sort(columns, axis=1), np.tile(np.arange(70), (4, 1)))
    columns, values = mf.top_n(ratings[:4], 70)
    left = np.isnan(ratings[:4]).sum(axis=1)
    assert_array_equal((columns >= 0).sum(axis=1), left)
    assert np.isfinite(values).all()


def test_topics_of_counts():
    """Parts of pictures, all zeros observed: closer than with half the factors."""
    X = sparse.csr_array(load_digits().data[:300])
    settings = {
        "positive": True,
        "row_bias": False,
        "col_bias": False,
        "implicit_zeros": "observed",
        "alpha": 1.0,
        "random_state": 0,
    }
    few, many = (BiasedMF(k, **settings).fit(X) for k in (5, 10))
    assert many.mean_ == 0
    assert (many.components_ >= 0).all()
    assert many.reconstruction_err_ < 0.9 * few.reconstruction_err_
    assert_allclose(many.transform(X), many.row_factors_, atol=1e-8)


def test_imputer_in_a_pipeline(rng):
    T = rng.standard_normal((200, 2)) @ rng.standard_normal((2, 12))
    y = T @ rng.standard_normal(12)
    X = with_gaps(T, 0.7, rng)
    model = make_pipeline(BiasedMFImputer(2, alpha=0.01, random_state=0), Ridge(0.1))
    assert model.fit(X[:150], y[:150]).score(X[150:], y[150:]) > 0.95
    imputer = model[0]
    full = imputer.transform(X)
    assert_array_equal(full[~np.isnan(X)], X[~np.isnan(X)])
    assert np.isfinite(full).all()
    assert list(imputer.get_feature_names_out()) == [f"x{i}" for i in range(12)]


BAD = [
    ({"n_components": -1}, "n_components=-1 must be"),
    ({"n_components": 2.0}, "n_components=2.0 must be"),
    ({"n_components": True}, "n_components=True must be"),
    ({"alpha": -1}, "alpha=-1 must be"),
    ({"alpha": np.nan}, "alpha=nan must be"),
    ({"alpha": "a"}, "alpha='a' must be"),
    ({"alpha_bias": -1}, "alpha_bias=-1 must be"),
    ({"l1_ratio": 1.5}, "l1_ratio=1.5 must be"),
    ({"positive": "no"}, "positive='no' must be"),
    ({"implicit_zeros": "zero"}, "implicit_zeros='zero' must be"),
    ({"solver": "svd"}, "solver='svd' must be"),
    ({"solver": "cg", "alpha": 0.0}, "alpha > 0"),
    ({"solver": "exact", "l1_ratio": 0.5}, "'cd' or 'auto'"),
    ({"max_iter": 0}, "max_iter=0 must be"),
    ({"tol": -1}, "tol=-1 must be"),
    ({"validation_fraction": 1.0}, r"validation_fraction=1\.0 must be"),
    ({"validation_fraction": 1e-9}, "at least one must be held out"),
    ({"n_jobs": 0}, "n_jobs=0 must be"),
]


@pytest.mark.parametrize(("params", "text"), BAD, ids=str)
def test_bad_parameters_are_named(ratings, params, text):
    with pytest.raises(ValueError, match=text):
        BiasedMF(**params).fit(ratings)


def test_bad_tables_are_named(ratings):
    mf = BiasedMF(2, random_state=0).fit(ratings)
    before = pickle.dumps(mf.__dict__)
    C = as_sparse(ratings)
    twice = sparse.coo_array(
        (
            np.append(C.data, 1.0),
            (np.append(C.row, C.row[7]), np.append(C.col, C.col[7])),
        ),
        shape=C.shape,
    )
    place = f"row {C.row[7]}, column {C.col[7]}"
    with pytest.raises(ValueError, match=f"1 cells more than once.*{place}"):
        mf.fit(twice)
    csr = C.tocsr()
    doubled = sparse.csr_array(
        (np.repeat(csr.data, 2), np.repeat(csr.indices, 2), 2 * csr.indptr),
        shape=csr.shape,
    )
    with pytest.raises(ValueError, match=f"{csr.nnz} cells more than once"):
        mf.fit(doubled)
    nan = csr.copy()
    nan.data[5] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        mf.fit(nan)
    for bad in (np.inf, -np.inf):
        X = ratings.copy()
        X[1, 1] = bad
        with pytest.raises(ValueError, match="infinity"):
            mf.fit(X)
        nan.data[5] = bad
        with pytest.raises(ValueError, match="infinity"):
            mf.fit(nan)
    for empty in (np.full((3, 4), np.nan), sparse.csr_array((3, 4))):
        with pytest.raises(ValueError, match="no known cell"):
            mf.fit(empty)
    with pytest.raises(ValueError, match="no known cell"):
        mf.fit(ratings, cell_weight=np.zeros(ratings.shape))
    for weight, text in (
        (np.ones((2, 2)), "shape of X"),
        (np.full(ratings.shape, -1.0), "not negative"),
        (C.tocsr()[:, ::-1], "known in X"),
    ):
        with pytest.raises(ValueError, match=text):
            mf.fit(ratings, cell_weight=weight)
    with pytest.raises(ValueError, match="implicit_zeros"):
        BiasedMF(implicit_zeros="observed").fit(C, cell_weight=C)
    with pytest.raises(ValueError, match="n_components_=2"):
        mf.inverse_transform(np.ones((2, 3)))
    with pytest.raises(ValueError, match="row_bias"):
        mf.inverse_transform(np.ones((2, 2)), row_bias=np.ones(3))
    with pytest.raises(ValueError, match="n=71"):
        mf.top_n(ratings, 71)
    with pytest.raises(ValueError, match="no room"):
        mf.predict_cells([0], [70])
    assert pickle.dumps(mf.__dict__) == before
    with pytest.raises(NotFittedError):
        BiasedMF().transform(ratings)


def test_input_is_not_changed_and_may_be_read_only(ratings):
    C = as_sparse(ratings).tocsr()
    copies = ratings.copy(), C.data.copy()
    ratings.flags.writeable = C.data.flags.writeable = False
    C.indices.flags.writeable = C.indptr.flags.writeable = False
    for X in (ratings, C):
        mf = BiasedMF(3, alpha=1.0, random_state=0).fit(X)
        mf.complete(X)
        mf.partial_fit(X)
    assert_array_equal(ratings, copies[0])
    assert_array_equal(C.data, copies[1])


def test_lines_of_progress(ratings, capsys):
    mf = BiasedMF(2, alpha=1.0, verbose=1, max_iter=3, tol=0, random_state=0)
    mf.set_params(validation_fraction=0.1).fit(ratings)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith("[BiasedMF] sweep 1: objective ")
    assert "held-out RMSE" in lines[2]


@pytest.mark.parametrize(("dtype", "mean"), [("d", 2.0**27), ("f", 2.0**13)])
def test_a_large_mean_of_a_full_table_does_not_matter(rng, dtype, mean):
    X = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40))
    X += rng.standard_normal((60, 1)) + rng.standard_normal(40)
    # What both tables hold exactly.
    X = np.round(X * 256) / 256
    near, far = X.astype(dtype), (X + mean).astype(dtype)
    mf = BiasedMF(3, alpha=0.5)
    expected = mf.fit_transform(near)
    err, history = mf.reconstruction_err_, mf.objective_history_
    found = mf.fit_transform(far)
    close = {"rtol": 1e-3, "atol": 1e-3} if dtype == "f" else {"atol": 1e-6}
    assert_allclose(found, expected, **close)
    assert_allclose(mf.reconstruction_err_, err, rtol=1e-3)
    assert_allclose(mf.objective_history_[-1], history[-1], rtol=1e-4)
    assert_array_equal(mf.transform(far), found)
    assert_allclose(mf.transform(far[:7]), found[:7], **close)


@pytest.mark.parametrize("scale", [1e-30, 1e-18, 1e18, 1e30])
def test_rows_of_float32_are_folded_in_at_any_scale(ratings, scale):
    X = (ratings * scale).astype(np.float32)
    mf = BiasedMF(3, alpha=scale, alpha_bias=1.0, random_state=0)
    assert_array_equal(mf.fit_transform(X), mf.transform(X))
    unit = BiasedMF(3, alpha=1.0, alpha_bias=1.0, random_state=0).fit(ratings)
    expected = unit.complete(ratings)
    assert_allclose(mf.complete(X) / np.float32(scale), expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("params", [{"l1_ratio": 0.5}, {"positive": True}])
@pytest.mark.parametrize("dtype", ["f", "d"])
def test_fit_transform_of_coordinate_descent_is_transform(ratings, params, dtype):
    X = ratings.astype(dtype)
    mf = BiasedMF(5, alpha=0.5, random_state=0, **params)
    assert_array_equal(mf.fit_transform(X), mf.transform(X))


def test_frames_with_missing_values_of_their_own():
    frame = pd.DataFrame(
        {
            "a": pd.array([1, 2, None, 4], dtype="Int64"),
            "b": pd.array([1.5, None, 3.0, 4.0], dtype="Float64"),
            "c": [2.0, 1.0, np.nan, 0.0],
        }
    )
    X = np.array([[1, 1.5, 2], [2, np.nan, 1], [np.nan, 3, np.nan], [4, 4, 0]])
    expected = BiasedMFImputer(1, alpha=0.1, random_state=0).fit_transform(X)
    mf = BiasedMF(1, alpha=0.1, random_state=0).fit(frame)
    assert_array_equal(mf.complete(frame), expected)
    imputer = BiasedMFImputer(1, alpha=0.1, random_state=0)
    assert_array_equal(imputer.fit_transform(frame), expected)
    assert_array_equal(Cells.from_matrix(frame).values, X[~np.isnan(X)])


@pytest.mark.parametrize(("dtype", "most"), [("f", 1e12), ("d", 1e100)])
def test_weights_are_bounded_by_what_may_be_multiplied(ratings, dtype, most):
    X, weight = ratings.astype(dtype), np.full(ratings.shape, most)
    mf = BiasedMF(2, alpha=1.0, random_state=0)
    expected = mf.fit(X).complete(X)
    # Weights and penalties times one number ask for the same.
    heavy = BiasedMF(2, alpha=most, random_state=0).fit(X, cell_weight=weight)
    guess = heavy.inverse_transform(heavy.row_factors_, heavy.row_bias_)
    hidden = np.isnan(X)
    assert_allclose(guess[hidden], expected[hidden], atol=1e-3)
    with pytest.raises(ValueError, match=r"cell_weight goes up to 1e\+\d+, of which"):
        mf.fit(X, cell_weight=weight * most**2)


@pytest.mark.parametrize("solver", ["exact", "cg", "cd"])
@pytest.mark.parametrize("dense", [False, True])
def test_float32_columns_of_very_different_sizes(rng, solver, dense):
    X = rng.standard_normal((200, 3)) @ rng.standard_normal((3, 30))
    X += 0.1 * rng.standard_normal(X.shape)
    if not dense:
        X[rng.random(X.shape) < 0.4] = np.nan
    X[:, 0] *= 1e6
    mf = BiasedMF(3, alpha=1e-2, solver=solver, max_iter=25, random_state=0)
    X = X.astype(np.float32)
    wanted = clone(mf).fit(X.astype(np.float64)).objective_history_
    Z = mf.fit_transform(X)
    assert Z.dtype == mf.components_.dtype == mf.row_bias_.dtype == np.float32
    assert mf.complete(X).dtype == np.float32
    assert_allclose(mf.objective_history_[-1], wanted[-1], rtol=1e-4)
    assert_array_equal(mf.transform(X), Z)
    assert_allclose(mf.transform(X[3:9]), Z[3:9], rtol=1e-5)


def test_rows_are_folded_in_by_the_parameters_of_the_fit(ratings):
    mf = BiasedMF(3, alpha=2.0, random_state=0)
    Z = mf.fit_transform(ratings)
    full = mf.complete(ratings)
    score = mf.score(ratings)
    mf.set_params(alpha=50.0, positive=True, l1_ratio=0.5, row_bias=False)
    mf.set_params(alpha_bias=9.0, weighted_alpha=True, implicit_zeros="observed")
    assert_allclose(mf.transform(ratings), Z, atol=1e-10)
    assert_allclose(mf.complete(ratings), full, atol=1e-10)
    assert mf.score(ratings) == score
    known = ~np.isnan(ratings)
    stored = sparse.csr_array((ratings[known], np.nonzero(known)), shape=known.shape)
    assert_allclose(mf.transform(stored), Z, atol=1e-10)
    mf.set_params(implicit_zeros="missing").fit(ratings)
    assert (mf.row_factors_ >= 0).all()
    assert not mf.row_bias_.any()


@pytest.mark.parametrize("dtype", ["f", "d"])
@pytest.mark.parametrize("mean", [1e4, 1e6])
def test_a_large_mean_of_zeros_observed_does_not_matter(rng, monkeypatch, dtype, mean):
    X = rng.standard_normal((60, 3)) @ rng.standard_normal((3, 40))
    X = (X + rng.standard_normal((60, 1)) + mean).astype(dtype)
    stored = sparse.csr_array(X)
    mf = BiasedMF(3, alpha=0.5, tol=1e-9, max_iter=300, random_state=0)
    dense = clone(mf).fit(X.astype(np.float64))
    mf.set_params(implicit_zeros="observed")
    Z = mf.fit_transform(stored)
    assert_allclose(mf.mean_, dense.mean_, rtol=1e-12)
    found, wanted = Z @ mf.components_, dense.row_factors_ @ dense.components_
    assert_allclose(found, wanted, atol=5e-2)
    assert_allclose(mf.reconstruction_err_, dense.reconstruction_err_, rtol=1e-3)
    assert_allclose(mf.objective_history_[-1], dense.objective_history_[-1], rtol=1e-3)
    assert_array_equal(mf.transform(stored), Z)
    monkeypatch.setattr(_mf_fit, "DENSE_BLOCK", 7 * 40)
    assert_allclose(mf.transform(stored), Z, rtol=1e-4, atol=1e-5)
