"""Cells as samples, folds of cells, and alpha chosen over them."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.model_selection import (
    KFold,
    ShuffleSplit,
    cross_val_score,
    train_test_split,
)

from skdimred.decomposition import BiasedMF, BiasedMFCV
from skdimred.model_selection import CellKFold, Cells


@pytest.fixture
def table(rng):
    T = rng.standard_normal((90, 2)) @ rng.standard_normal((2, 40))
    T += 0.3 * rng.standard_normal(T.shape) + rng.standard_normal(40)
    return np.where(rng.random(T.shape) < 0.5, T, np.nan)


def test_cells_hold_what_is_known(table):
    cells = Cells.from_matrix(table)
    assert len(cells) == cells.shape[0] == np.sum(~np.isnan(table))
    again = np.full(table.shape, np.nan)
    again[cells.rows, cells.columns] = cells.values
    assert_array_equal(again, table)
    C = cells.to_csr()
    assert_array_equal(Cells.from_matrix(C).values, cells.values)
    assert_array_equal(Cells.from_matrix(C.tocsc()).columns, cells.columns)
    part = cells[np.array([4, 2])]
    assert_array_equal(part.values, cells.values[[4, 2]])
    assert part.table_shape == table.shape
    assert len(cells[3]) == 1
    assert len(cells[2:9]) == 7
    assert repr(part) == "Cells(2 of a 90 x 40 table)"
    assert Cells([0, 2], [1, 0], [1, 2]).table_shape == (3, 2)
    train, test = train_test_split(cells, random_state=0)
    assert len(train) + len(test) == len(cells)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (([0, 1], [0], [1.0, 2.0]), "as many"),
        (([0.5], [0], [1.0]), "whole numbers"),
        (([-1], [0], [1.0]), "not be negative"),
        (([0], [0], [np.nan]), "finite"),
        (([5], [0], [1.0], (3, 3)), "no room"),
        (([0], [0], [1.0], (3,)), "rows and columns"),
        (([0], [0], [1.0], 3), "rows and columns"),
        (([0], [0], [1.0], (3.5, 2)), "rows and columns"),
        (([0], [0], [1.0], (-1, 2)), "rows and columns"),
        (([0], [0], [[1.0]]), "as many"),
        (([[0]], [0], [1.0]), "vector of whole numbers"),
        (([0], [[0], [1, 2]], [1.0]), "columns must be a vector"),
        (([True], [0], [1.0]), "rows must be a vector"),
        ((["a"], [0], [1.0]), "rows must be a vector"),
        (([2**64 - 1], [0], [1.0]), "less than"),
        (([0], [0], ["a"]), "values must hold numbers"),
        (([0], [0], [1j]), "values must hold numbers"),
        (([0], [0], [object()]), "values must hold numbers"),
        (([0], [0], [np.inf]), "finite; found inf for the cell of row 0"),
    ],
)
def test_bad_cells_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        Cells(*arguments)
    with pytest.raises(ValueError, match="more than once"):
        Cells([0, 0], [1, 1], [1.0, 2.0]).to_csr()


@pytest.mark.parametrize(
    ("X", "text"),
    [
        (np.ones(3), "rows and columns"),
        (np.ones((2, 2, 2)), "rows and columns"),
        (None, "rows and columns"),
        (5.0, "rows and columns"),
        ([["a", "b"]], "hold numbers"),
        (np.ones((2, 2)) * 1j, "hold numbers"),
        ([[1.0, np.inf]], "row 0, column 1"),
        (sparse.csr_array([[0.0, np.nan]]), "row 0, column 1"),
        (sparse.coo_array(([1.0, 2.0], ([0, 0], [1, 1]))), "more than once"),
    ],
)
def test_bad_tables_of_cells_are_named(X, text):
    with pytest.raises(ValueError, match=text):
        Cells.from_matrix(X)


def test_few_cells():
    none = Cells([], [], [])
    assert (len(none), none.table_shape, none.to_csr().shape) == (0, (0, 0), (0, 0))
    assert Cells.from_matrix(np.full((3, 2), np.nan)).table_shape == (3, 2)
    for empty in (none, Cells([], [], [], (3, 2))):
        with pytest.raises(ValueError, match="no known cell"):
            BiasedMF().fit(empty)
        with pytest.raises(ValueError, match="fewer than n_splits"):
            next(CellKFold(2).split(empty))
    one = BiasedMF(1, alpha=1.0).fit(Cells([0], [0], [4.0]))
    assert one.predict_cells([0], [0]) == 4.0
    ints = Cells(np.uint8([1]), [0], [True])
    assert (ints.values.dtype, ints.table_shape) == (np.float64, (2, 1))


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, np.ndarray.tolist])
def test_folds_of_cells_take_no_table(table, make):
    X = make(np.nan_to_num(table))
    with pytest.raises(TypeError, match=r"Cells\.from_matrix\(X\)"):
        next(CellKFold(3).split(X))
    if not isinstance(X, list):
        with pytest.raises(TypeError, match=r"Cells\.from_matrix\(X\)"):
            cross_val_score(BiasedMF(2, alpha=1.0), X, cv=CellKFold(3))


def test_folds_of_cells_leave_every_row_some(table):
    cells = Cells.from_matrix(table)
    splitter = CellKFold(4, random_state=0)
    assert splitter.get_n_splits() == 4
    tests = []
    for train, test in splitter.split(cells):
        assert_array_equal(np.sort(np.append(train, test)), np.arange(len(cells)))
        tests.append(test)
        held = np.bincount(cells.rows[test], minlength=90)
        degree = np.bincount(cells.rows)
        assert (np.abs(held - degree / 4) < 1).all()
        assert abs(len(test) - len(cells) / 4) < 1
    assert_array_equal(np.sort(np.concatenate(tests)), np.arange(len(cells)))
    again = [test for _, test in splitter.split(cells)]
    assert all(np.array_equal(a, b) for a, b in zip(tests, again, strict=True))
    with pytest.raises(ValueError, match="fewer than n_splits=9"):
        next(CellKFold(9).split(cells[:8]))
    with pytest.raises(ValueError, match="n_splits=1"):
        next(CellKFold(1).split(cells))
    scores = cross_val_score(BiasedMF(2, alpha=1.0), cells, cv=splitter)
    assert (scores > -0.6).all()


@pytest.mark.parametrize(
    "cv", [3, KFold(3, shuffle=True, random_state=0), ShuffleSplit(2, random_state=0)]
)
def test_alpha_and_width_are_those_of_the_least_error(table, cv):
    grid = [0.3, 3.0, 300.0]
    mf = BiasedMFCV([0, 1, 2], alphas=grid, cv=cv, random_state=0).fit(table)
    assert_array_equal(mf.alphas_, grid[::-1])
    folds = 2 if isinstance(cv, ShuffleSplit) else 3
    assert mf.rmse_path_.shape == (3, 3, folds)
    mean = (mf.rmse_path_**2).mean(axis=2)
    best = np.unravel_index(mean.argmin(), mean.shape)
    assert (mf.n_components_, mf.alpha_) == (best[0], mf.alphas_[best[1]])
    assert mf.n_components_ == 2
    plain = BiasedMF(2, alpha=mf.alpha_, random_state=0, tol=1e-7, max_iter=300)
    plain.fit(table)
    mf.set_params(alphas=[mf.alpha_], n_components=2, tol=1e-7, max_iter=300).fit(table)
    assert_allclose(mf.objective_history_[-1], plain.objective_history_[-1], rtol=1e-3)
    assert_allclose(mf.transform(table), mf.row_factors_, atol=1e-8)
    assert mf.score(table) > -0.6


def test_warm_starts_end_where_cold_ones_do(table):
    warm = BiasedMFCV(2, alphas=[0.5, 5.0, 50.0], cv=3, tol=1e-7, max_iter=500)
    warm.set_params(random_state=0).fit(table)
    cold = [
        BiasedMFCV(2, alphas=[a], cv=3, tol=1e-7, max_iter=500, random_state=0)
        .fit(table)
        .rmse_path_[0, 0]
        for a in (50.0, 5.0, 0.5)
    ]
    assert_allclose(warm.rmse_path_[0], cold, rtol=0.02)


def test_the_grid_spans_what_matters(table):
    mf = BiasedMFCV(5, alphas=6, cv=3, random_state=0).fit(table)
    assert len(mf.alphas_) == 6
    assert mf.alphas_[0] > 10 * mf.alphas_[-1]
    inside = mf.rmse_path_.mean(axis=2)[0]
    assert inside.argmin() > 0
    weighted = BiasedMFCV(2, alphas=4, weighted_alpha=True, cv=3, random_state=0)
    assert weighted.fit(table).score(table) > -0.7
    sparse_table = Cells.from_matrix(table).to_csr()
    again = BiasedMFCV(5, alphas=6, cv=3, random_state=0).fit(sparse_table)
    assert again.alpha_ == mf.alpha_


def test_l1_and_signs_are_chosen_for_too(table):
    for params in ({"l1_ratio": 0.3}, {"positive": True}):
        mf = BiasedMFCV(2, alphas=[0.3, 3.0], cv=2, random_state=0, **params)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            mf.fit(table)
        assert mf.solver_ == "cd"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"n_components": []}, "n_components"),
        ({"n_components": [1, -1]}, "n_components"),
        ({"alphas": []}, "alphas"),
        ({"alphas": [0.0]}, "alphas"),
        ({"alphas": "many"}, "alphas"),
        ({"cv": 1}, "cv=1"),
        ({"cv": 10**6}, "fewer than cv"),
    ],
)
def test_bad_parameters_are_named(table, params, text):
    with pytest.raises(ValueError, match=text):
        BiasedMFCV(**params).fit(table)
    observed = BiasedMFCV(implicit_zeros="observed")
    with pytest.raises(ValueError, match="implicit_zeros"):
        observed.fit(sparse.csr_array(np.nan_to_num(table)))


@pytest.mark.parametrize("scale", [1e-150, 1e140])
def test_the_grid_follows_the_scale(table, scale):
    params = {"alphas": 3, "alpha_bias": 1.0, "cv": 2, "max_iter": 5, "random_state": 0}
    unit = BiasedMFCV(2, **params).fit(table)
    mf = BiasedMFCV(2, **params).fit(table * scale)
    assert_allclose(mf.alphas_ / scale, unit.alphas_)
    assert_allclose(mf.rmse_path_ / scale, unit.rmse_path_, rtol=1e-6)


@pytest.mark.parametrize("n_splits", [2.5, "3", 1])
def test_a_number_of_folds_is_whole(table, n_splits):
    with pytest.raises(ValueError, match="must be an integer of at least 2"):
        next(CellKFold(n_splits).split(Cells.from_matrix(table)))
