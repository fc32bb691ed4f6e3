"""MeanDifferenceLDA: the same direction by three roads."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LinearRegression

from skdimred import MeanDifferenceLDA, RatioLDA
from skdimred.metrics import subspace_sine


@pytest.fixture
def two_wines(wine):
    X, y = wine
    return X[y < 2], y[y < 2]


@pytest.mark.parametrize("shrinkage", [None, 0.3, "auto", "oas"])
@pytest.mark.parametrize("priors", [None, [0.2, 0.8]])
def test_is_the_ratio_for_two_classes(two_wines, shrinkage, priors):
    X, y = two_wines
    options = {"shrinkage": shrinkage, "priors": priors}
    mean, ratio = MeanDifferenceLDA(**options), RatioLDA(**options)
    mean.fit(X, y), ratio.fit(X, y)
    for name in ("scalings_", "eigenvalues_", "coef_", "intercept_", "shrinkage_"):
        assert_allclose(getattr(mean, name), getattr(ratio, name), rtol=1e-12)
    assert_allclose(mean.predict_proba(X), ratio.predict_proba(X), atol=1e-12)
    pi = mean.priors_
    square = mean.eigenvalues_[0] / pi[0] / pi[1]
    assert_allclose(mean.mahalanobis_distance_**2, square)


def test_is_least_squares_on_balanced_targets(two_wines):
    X, y = two_wines
    n = np.bincount(y)
    targets = np.where(y == 0, len(y) / n[0], -len(y) / n[1])
    coef = LinearRegression().fit(X, targets).coef_
    W = MeanDifferenceLDA().fit(X, y).scalings_[:, 0]
    unit = coef / np.linalg.norm(coef) * np.sign(coef @ W)
    assert_allclose(W / np.linalg.norm(W), unit, atol=1e-12)


def test_maximises_the_distance(rng, two_wines):
    X, y = two_wines
    lda = MeanDifferenceLDA().fit(X, y)
    Z = X - lda.means_[y]
    S_w, m = Z.T @ Z / len(X), lda.means_[1] - lda.means_[0]
    w = lda.scalings_[:, 0]
    assert_allclose(w @ S_w @ w, 1.0)
    assert_allclose(abs(w @ m), lda.mahalanobis_distance_)
    assert_allclose(lda.mahalanobis_distance_**2, m @ np.linalg.solve(S_w, m))
    for _ in range(20):
        v = w + 0.1 * np.abs(w) * rng.standard_normal(13)
        assert abs(v @ m) / np.sqrt(v @ S_w @ v) < lda.mahalanobis_distance_


def test_three_classes_are_an_error_that_names_the_ratio(iris, rng):
    message = r"Only binary .* 3 classes, \[0, 1, 2\].*Use RatioLDA"
    with pytest.raises(ValueError, match=message):
        MeanDifferenceLDA().fit(*iris)
    lda = MeanDifferenceLDA().partial_fit(iris[0][:100], iris[1][:100])
    with pytest.raises(ValueError, match="Use RatioLDA"):
        lda.partial_fit(iris[0][100:], iris[1][100:])
    assert lda.transform(iris[0]).shape == (150, 1)
    with pytest.raises(ValueError, match="holds one class"):
        MeanDifferenceLDA().fit(iris[0][:50], iris[1][:50])


def test_a_class_of_weight_zero_does_not_count(iris):
    X, y = iris
    w = (y < 2).astype(float)
    lda = MeanDifferenceLDA().fit(X, y, sample_weight=w)
    alone = MeanDifferenceLDA().fit(X[y < 2], y[y < 2])
    assert_allclose(lda.scalings_, alone.scalings_)
    assert set(lda.predict(X)) <= {0, 1}


@pytest.mark.parametrize("n", [15, 90])
def test_singular_scatter_is_treated_as_by_the_ratio(rng, n):
    X = rng.standard_normal((n, 20))
    X[:, 3] = X[:, 4]
    y = np.arange(n) % 2
    X[:, 5] = y
    mean, ratio = MeanDifferenceLDA().fit(X, y), RatioLDA().fit(X, y)
    assert subspace_sine(mean.scalings_.T, ratio.scalings_.T) < 1e-10
    assert mean.mahalanobis_distance_ == np.inf
    assert mean.score(X, y) == 1.0


def test_breast_cancer():
    X, y = load_breast_cancer(return_X_y=True)
    lda = MeanDifferenceLDA().fit(X, y)
    assert lda.score(X, y) > 0.96
    assert_allclose(lda.inverse_transform(lda.transform(lda.means_)), lda.means_)
    back = lda.inverse_transform(lda.transform(X))
    line = lda.means_[1] - lda.means_[0]
    assert subspace_sine([line], [back[0] - lda.means_[0]]) < 1e-9


@pytest.mark.parametrize("shape", [(90, 8), (20, 40)])
def test_priors_do_not_enter_the_direction(rng, shape):
    X = rng.standard_normal(shape)
    y = np.arange(len(X)) % 2
    even = MeanDifferenceLDA().fit(X, y)
    odd = MeanDifferenceLDA(priors=[1 - 1e-26, 1e-26]).fit(X, y)
    assert_allclose(odd.scalings_, even.scalings_, rtol=1e-9)
