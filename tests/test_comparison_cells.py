"""Comparisons over held-out cells and ratings."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdimred import BiasedMFRegressor
from skdimred.compare import compare_imputers, compare_ratings


def test_imputers_on_a_table_of_low_rank(rng):
    X = rng.standard_normal((150, 3)) @ rng.standard_normal((3, 24))
    X = 5 + 2 * X + 0.2 * rng.standard_normal(X.shape)
    X[rng.random(X.shape) < 0.4] = np.nan
    X[:, 2] *= 1000
    before = X.copy()
    rows = compare_imputers(X, folds=3)
    assert np.array_equal(X, before, equal_nan=True)
    names = [row["imputer"] for row in rows]
    assert sorted(names) == [
        "BiasedMFImputer",
        "IterativeImputer",
        "KNNImputer",
        "SimpleImputer",
    ]
    errors = [row["rmse"] for row in rows]
    assert errors == sorted(errors)
    by_name = dict(zip(names, errors, strict=True))
    # The mean of a column is off by its deviation.
    assert_allclose(by_name["SimpleImputer"], 1.0, atol=0.05)
    assert by_name["BiasedMFImputer"] < 0.5 * by_name["KNNImputer"]
    assert all(row["error"] is None and row["seconds"] > 0 for row in rows)


def test_tables_that_cannot_be_compared(rng):
    with pytest.raises(ValueError, match="two columns"):
        compare_imputers(np.ones((4, 1)))
    X = rng.standard_normal((9, 3))
    X[1, 1] = np.inf
    with pytest.raises(ValueError, match="finite"):
        compare_imputers(X)


def test_ratings(rng):
    X = rng.integers(0, 40, (2000, 2))
    P, Q = rng.standard_normal((40, 2)), rng.standard_normal((40, 2))
    y = 3 + (P[X[:, 0]] * Q[X[:, 1]]).sum(axis=1) + 0.3 * rng.standard_normal(2000)
    rows = compare_ratings(X, y, n_components=2, alpha=0.5, folds=3)
    assert rows[0]["model"] == "BiasedMFRegressor"
    by_name = {row["model"]: row["rmse"] for row in rows}
    assert by_name["BiasedMFRegressor"] < 0.6
    assert by_name["BiasedMFRegressor, biases alone"] > 1
    assert BiasedMFRegressor(2, alpha=0.5, random_state=0).fit(X, y).score(X, y) > 0.9
    with pytest.raises(ValueError, match="two columns of ids"):
        compare_ratings(X[:, :1], y)
