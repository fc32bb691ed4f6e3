"""Promises that every estimator keeps, on rows that hypothesis makes up."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skdimred import PCA, RatioLDA


@st.composite
def labelled_rows(draw):
    """Rows, labels and weights, with the troubles that real tables have."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, p = draw(st.integers(8, 60)), draw(st.integers(1, 30))
    n_classes = draw(st.integers(2, 4))
    y = np.arange(n) % n_classes
    X = rng.standard_normal((n, p)) + 3 * rng.standard_normal((n_classes, p))[y]
    X *= 10.0 ** rng.integers(-2, 3, p) if draw(st.booleans()) else 1.0
    X += draw(st.sampled_from([0.0, 10.0, 1e5]))
    trouble = draw(st.sampled_from(["none", "constant", "duplicate", "rows", "int"]))
    if trouble == "constant" and p > 1:
        X[:, rng.integers(p)] = 0.1
    if trouble == "duplicate" and p > 1:
        X[:, 1] = X[:, 0]
    if trouble == "rows":
        X[n // 2 :], y[n // 2 :] = X[: n - n // 2], y[: n - n // 2]
    if trouble == "int":
        X = np.round(X)
        X[0] += 1.0
    return X, y, rng.integers(1, 4, n)


def fitted_or_told_why(estimator, *args, **kwargs):
    """The fitted estimator, or None where the data have no answer and it says so."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            warnings.filterwarnings("ignore", "Every feature of X is constant")
            return estimator.fit(*args, **kwargs)
    except ValueError as error:
        known = ("class means coincide", "direction only", "holds one class")
        if not any(text in str(error) for text in known):
            raise
        return None


@pytest.mark.parametrize("make", [PCA, RatioLDA, lambda: RatioLDA(shrinkage=0.1)])
@settings(max_examples=80, deadline=None)
@given(data=labelled_rows())
def test_finite_shaped_and_untouched(make, data):
    X, y, _ = data
    before = X.copy()
    fitted = fitted_or_told_why(make(), X, y)
    assert np.array_equal(X, before)
    if fitted is None:
        return
    T = fitted.transform(X)
    assert np.isfinite(T).all()
    assert T.shape == (len(X), fitted.n_components_)
    assert T.shape[1] == len(fitted.get_feature_names_out())
    assert_allclose(fitted.explained_variance_ratio_.sum(), 1, rtol=1e-6)
    size = np.abs(T).max()
    assert_allclose(make().fit_transform(X, y), T, atol=1e-9 * size)
    alone = np.vstack([fitted.transform(row[np.newaxis]) for row in X])
    assert_allclose(alone, T, atol=1e-9 * size)


@settings(max_examples=60, deadline=None)
@given(data=labelled_rows(), shift=st.floats(-1e3, 1e3))
def test_pca_forgets_origin_and_order(data, shift):
    X, _, _ = data
    plain = PCA(1).fit(X)
    moved = PCA(1).fit(X[::-1] + shift)
    assert_allclose(moved.explained_variance_, plain.explained_variance_, rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(data=labelled_rows(), cut=st.integers(1, 59))
def test_weights_repetition_and_streams_agree(data, cut):
    X, _, w = data
    whole = PCA(1).fit(np.repeat(X, w, axis=0))
    gap = whole.explained_variance_ratio_[0]
    streamed = PCA(1).partial_fit(X[:cut], sample_weight=w[:cut])
    if cut < len(X):
        streamed.partial_fit(X[cut:], sample_weight=w[cut:])
    for other in (PCA(1).fit(X, sample_weight=w), streamed):
        assert_allclose(other.mean_, whole.mean_, rtol=1e-12, atol=1e-12)
        assert_allclose(other.explained_variance_, whole.explained_variance_, rtol=1e-9)
        assert_allclose(other.explained_variance_ratio_[0], gap, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(data=labelled_rows(), seed=st.integers(0, 10**6))
def test_the_ratio_is_invariant_to_linear_maps(data, seed):
    """Where S_w is regular the ratio knows no units and no rotation."""
    X, y, _ = data
    n, p = X.shape
    if n < p + 10:
        return
    fitted = fitted_or_told_why(RatioLDA(), X, y)
    if fitted is None or np.isinf(fitted.eigenvalues_).any():
        return
    rng = np.random.default_rng(seed)
    Q, _ = np.linalg.qr(rng.standard_normal((p, p)))
    span = np.ptp(X, axis=0)
    Z = X / np.where(span > 0, span, 1.0)
    mapped = fitted_or_told_why(RatioLDA(), Z @ Q, y)
    assert_allclose(mapped.eigenvalues_, fitted.eigenvalues_, rtol=1e-4)
    odds = fitted.decision_function(X)
    assert_allclose(
        mapped.decision_function(Z @ Q), odds, atol=1e-4 * np.abs(odds).max()
    )
