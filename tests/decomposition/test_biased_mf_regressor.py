"""Ratings by ids: the same model as the table's, any number of columns, any ids."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, KFold, cross_val_score

from skdimred.decomposition import BiasedMF, BiasedMFRegressor


@pytest.fixture
def ratings(rng):
    """Ids in two columns and a rating with noise."""
    n = 3000
    X = np.column_stack([rng.integers(0, 60, n), rng.integers(0, 40, n)])
    P, Q = rng.standard_normal((60, 2)), rng.standard_normal((40, 2))
    b, c = rng.standard_normal(60), rng.standard_normal(40)
    y = 3 + (P[X[:, 0]] * Q[X[:, 1]]).sum(axis=1) + b[X[:, 0]] + c[X[:, 1]]
    return X, y + 0.3 * rng.standard_normal(n)


def pairwise(model, codes):
    """The prediction, pair by pair of columns."""
    guess = np.full(len(codes), model.mean_)
    c = codes.shape[1]
    for j in range(c):
        guess += model.biases_[j][codes[:, j]]
        for m in range(j):
            v, u = model.factors_[j][codes[:, j]], model.factors_[m][codes[:, m]]
            guess += (v * u).sum(axis=1)
    return guess


@pytest.mark.parametrize("solver", ["exact", "cg", "cd"])
def test_two_columns_are_the_rows_and_columns_of_a_table(ratings, solver):
    X, y = ratings
    _, first = np.unique(X, axis=0, return_index=True)
    X, y = X[first], y[first]
    model = BiasedMFRegressor(3, alpha=1.0, solver=solver, clip=False, random_state=0)
    model.fit(X, y)
    table = sparse.coo_array((y, (X[:, 0], X[:, 1])), shape=(60, 40))
    mf = BiasedMF(3, alpha=1.0, solver=solver, random_state=0).fit(table)
    assert_allclose(model.predict(X), mf.predict_cells(X[:, 0], X[:, 1]), atol=1e-8)
    assert_allclose(model.objective_history_, mf.objective_history_, rtol=1e-9)
    assert_allclose(model.factors_[1].T, mf.components_, atol=1e-8)


@pytest.mark.parametrize("params", [{}, {"solver": "cg"}, {"l1_ratio": 0.2}])
def test_three_columns_are_a_pairwise_machine(rng, params):
    n = 4000
    X = np.column_stack([rng.integers(0, m, n) for m in (30, 20, 6)])
    V = [rng.standard_normal((m, 2)) for m in (30, 20, 6)]
    y = sum(
        (V[i][X[:, i]] * V[j][X[:, j]]).sum(axis=1) for i in range(3) for j in range(i)
    )
    y += 0.1 * rng.standard_normal(n)
    model = BiasedMFRegressor(2, alpha=0.5, max_iter=60, tol=1e-6, **params)
    model.set_params(clip=False, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.98
    assert (np.diff(model.objective_history_) <= 0).all()
    assert_allclose(model.predict(X), pairwise(model, X), atol=1e-8)
    cost = 0.5 * np.sum((y - model.predict(X)) ** 2)
    for v, b in zip(model.factors_, model.biases_, strict=True):
        ratio = model.l1_ratio
        cost += 0.5 * (ratio * np.abs(v).sum() + (1 - ratio) / 2 * np.sum(v**2))
        cost += 0.25 * np.sum(b**2)
    assert_allclose(model.objective_history_[-1], cost, rtol=1e-8)


def test_one_column_is_a_ridge_of_means(rng):
    ids, y = rng.integers(0, 9, 200), rng.standard_normal(200)
    model = BiasedMFRegressor(4, alpha=2.0, clip=False).fit(ids[:, np.newaxis], y)
    counts = np.bincount(ids)
    wanted = np.bincount(ids, y - y.mean()) / (counts + 2)
    assert_allclose(model.biases_[0], wanted, atol=1e-10)
    assert_allclose(model.predict(ids[:, np.newaxis]), y.mean() + wanted[ids])


def test_ids_of_any_kind(ratings):
    X, y = ratings
    model = BiasedMFRegressor(2, alpha=1.0, random_state=0)
    wanted = model.fit(X, y).predict(X)
    names = np.char.add("id", np.char.zfill(X.astype(str), 3))
    frame = pd.DataFrame({"who": names[:, 0], "what": X[:, 1]})
    for ids in (names, names.astype(object), frame, X.astype(float), X - 1000):
        found = clone(model).fit(ids, y)
        assert_array_equal(found.predict(ids), wanted)
    assert list(clone(model).fit(frame, y).feature_names_in_) == ["who", "what"]
    mixed = np.array([["a", 1], [2, 3]], dtype=object)
    with pytest.raises(ValueError, match=r"Column 0 of X holds ids of different types"):
        model.fit(mixed, [1.0, 2.0])


def test_unknown_ids_fall_back_to_the_biases(ratings):
    X, y = ratings
    model = BiasedMFRegressor(2, alpha=1.0, clip=False, random_state=0).fit(X, y)
    guess = model.predict([[5, 999], [-1, 7], [-1, 999], [5, 7]])
    b, c = model.biases_
    mean = model.mean_
    known = mean + b[5] + c[7] + model.factors_[0][5] @ model.factors_[1][7]
    assert_allclose(guess, [mean + b[5], mean + c[7], mean, known])
    names = X.astype(str)
    by_name = clone(model).fit(names, y)
    assert_allclose(by_name.predict([["nobody", "nothing"]]), mean)


def test_weights_are_repetitions(ratings, rng):
    X, y = ratings
    w = rng.integers(0, 3, len(y))
    for ids in (X, np.column_stack([X, X[:, 0] % 5]), X[:, :1]):
        model = BiasedMFRegressor(2, alpha=1.0, random_state=0, max_iter=10)
        one = clone(model).fit(ids, y, sample_weight=w)
        two = clone(model).fit(np.repeat(ids, w, axis=0), np.repeat(y, w))
        assert_allclose(one.predict(ids), two.predict(ids), atol=1e-7)
        double = clone(model).set_params(alpha=2.0).fit(ids, y, np.full(len(y), 2.0))
        plain = clone(model).fit(ids, y)
        assert_allclose(double.predict(ids), plain.predict(ids), atol=1e-7)


def test_search_over_ratings(ratings):
    X, y = ratings
    folds = KFold(3, shuffle=True, random_state=0)
    grid = {"n_components": [0, 2], "alpha": [1.0, 1e4]}
    model = BiasedMFRegressor(random_state=0)
    search = GridSearchCV(model, grid, cv=folds).fit(X, y)
    assert search.best_params_ == {"n_components": 2, "alpha": 1.0}
    scores = cross_val_score(search.best_estimator_, X, y, cv=folds)
    assert scores.min() > 0.9


def test_clipping_and_validation(ratings):
    X, y = ratings
    y = np.clip(np.round(y), 1, 5)
    for ids in (X, np.column_stack([X, X[:, 0] % 5])):
        model = BiasedMFRegressor(2, alpha=1.0, validation_fraction=0.2, random_state=0)
        model.fit(ids, y)
        guess = model.predict(ids)
        assert guess.min() >= 1
        assert guess.max() <= 5
        free = model.set_params(clip=False).predict(ids)
        assert free.max() > 5
        assert_allclose(guess, np.clip(free, 1, 5))
        history = model.validation_history_
        assert history.shape == model.objective_history_.shape
        assert history[-1] < history[0]
        rest = model.set_params(validation_fraction=0.0).fit(ids, y)
        assert not hasattr(rest, "validation_history_")


def test_scales_and_types(ratings):
    X, y = ratings
    for ids in (X, np.column_stack([X, X[:, 0] % 5])):
        model = BiasedMFRegressor(2, alpha=1.0, alpha_bias=1.0, random_state=0)
        wanted = model.fit(ids, y).predict(ids)
        for s in (1000.0, 1e-150, 1e140):
            scaled = clone(model).set_params(alpha=s).fit(ids, y * s)
            assert_allclose(scaled.predict(ids) / s, wanted, rtol=1e-6)
        single = clone(model).fit(ids, y.astype(np.float32))
        assert single.factors_[0].dtype == np.float32
        assert_allclose(single.predict(ids), wanted, atol=0.05)
        with pytest.raises(ValueError, match="overflow"):
            clone(model).fit(ids, y * 1e200)
    with pytest.raises(ValueError, match="alpha=-1"):
        BiasedMFRegressor(alpha=-1).fit(X, y)


def test_whole_numbers_beside_strings_stay_apart(ratings):
    X, y = ratings
    expected = BiasedMFRegressor(2, alpha=1.0, random_state=0).fit(X, y).predict(X)
    # As doubles all of these are 2**60.
    mixed = np.empty(X.shape, dtype=object)
    mixed[:, 0] = 2**60 + X[:, 0]
    mixed[:, 1] = [f"film {j:02}" for j in X[:, 1]]
    model = BiasedMFRegressor(2, alpha=1.0, random_state=0).fit(mixed, y)
    assert len(model.ids_[0]) == len(np.unique(X[:, 0]))
    assert_array_equal(model.predict(mixed), expected)
    mixed[0, 0] = 2**70
    with pytest.raises(ValueError, match="beyond 64 bits; make them strings"):
        model.fit(mixed, y)


def test_none_is_no_id():
    X = np.array([["Ann", None], ["Bob", None]], dtype=object)
    with pytest.raises(ValueError, match="Column 1 of X holds None"):
        BiasedMFRegressor(1).fit(X, [1.0, 2.0])


def test_clip_is_true_or_false():
    with pytest.raises(ValueError, match="clip='y' must be True or False"):
        BiasedMFRegressor(1, clip="y").fit([[1, 2], [2, 2]], [1.0, 2.0])
