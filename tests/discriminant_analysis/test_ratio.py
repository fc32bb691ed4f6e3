"""RatioLDA against independent routes, and where others go wrong."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
import sklearn
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.covariance import OAS, LedoitWolf
from sklearn.datasets import make_blobs
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.utils.fixes import parse_version
from sklearn.utils.validation import check_is_fitted

from skdimred import RatioLDA
from skdimred.metrics import subspace_sine

DIVIDES_BY_N = parse_version(sklearn.__version__) >= parse_version("1.9")
TALL_SOLVERS = ["auto", "gram", "eigh", "qr", "dual"]


def scatters(X, y, priors=None, w=None):
    """S_b and S_w, class by class, from their definition."""
    labels = np.unique(y)
    w = np.ones(len(X)) if w is None else w
    share = np.array([w[y == k].sum() for k in labels]) / w.sum()
    priors = share if priors is None else np.asarray(priors)
    means = np.array([np.average(X[y == k], axis=0, weights=w[y == k]) for k in labels])
    B = means - priors @ means
    S_b = (B.T * priors) @ B
    Z = X - means[np.searchsorted(labels, y)]
    return S_b, (Z.T * w) @ Z / w.sum()


def by_eigh(X, y, shrinkage=0.0, **kwargs):
    """Eigenvalues and directions as rows by the generalised eigensolver."""
    S_b, S_w = scatters(X, y, **kwargs)
    p = len(S_w)
    S_w = (1 - shrinkage) * S_w + shrinkage * np.trace(S_w) / p * np.eye(p)
    values, vectors = scipy.linalg.eigh(S_b, S_w)
    k = min(p, len(np.unique(y)) - 1)
    return values[::-1][:k], vectors[:, ::-1][:, :k].T


def problem(rng, n=200, p=6, n_classes=4, spread=2.0):
    y = np.arange(n) % n_classes
    X = rng.standard_normal((n, p)) + spread * rng.standard_normal((n_classes, p))[y]
    return X, y


@pytest.mark.parametrize("solver", TALL_SOLVERS)
@pytest.mark.parametrize("shrinkage", [None, 0.0, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_every_solver_solves_the_pencil(rng, solver, shrinkage, dtype):
    X, y = problem(rng)
    X = X.astype(dtype)
    lda = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X, y)
    values, vectors = by_eigh(X.astype(np.float64), y, shrinkage or 0.0)
    eps = np.finfo(dtype).eps
    assert_allclose(lda.eigenvalues_, values, rtol=1e3 * eps)
    assert subspace_sine(lda.scalings_.T, vectors) < 1e3 * eps
    _, S_w = scatters(X.astype(np.float64), y)
    a = shrinkage or 0.0
    S_w = (1 - a) * S_w + a * np.trace(S_w) / 6 * np.eye(6)
    W = lda.scalings_
    assert_allclose(W.T @ S_w @ W, np.eye(3), atol=1e3 * eps)
    assert_allclose(lda.explained_variance_ratio_.sum(), 1, rtol=10 * eps)
    assert W.dtype == lda.transform(X).dtype == dtype
    assert lda.solver_ == {"auto": "gram", "qr": "gram" if a else "qr"}.get(
        solver, solver
    )


@pytest.mark.parametrize("k", [1, 2, None])
def test_agrees_with_scikit_learn(iris, wine, k):
    for X, y in (iris, wine):
        ours = RatioLDA(k).fit(X, y)
        theirs = LinearDiscriminantAnalysis(n_components=k).fit(X, y)
        # Before 1.9 scikit-learn divided S_w by n - K.
        stretch = 1.0 if DIVIDES_BY_N else np.sqrt(len(X) / (len(X) - 3))
        assert_allclose(
            np.abs(ours.transform(X)), stretch * np.abs(theirs.transform(X)), atol=1e-9
        )
        assert_allclose(ours.xbar_, theirs.xbar_)
        assert_allclose(ours.means_, theirs.means_)
        assert_allclose(ours.priors_, theirs.priors_)
        assert_allclose(
            ours.explained_variance_ratio_, theirs.explained_variance_ratio_
        )
        if k != 1 and DIVIDES_BY_N:
            assert_allclose(ours.coef_, theirs.coef_, rtol=1e-8, atol=1e-9)
            assert_allclose(ours.intercept_, theirs.intercept_, rtol=1e-8)
            assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
        assert_allclose(
            X @ ours.coef_.T + ours.intercept_, ours.decision_function(X), atol=1e-8
        )


def test_predictions_honour_n_components(digits):
    X, y = digits
    one, all_of_them = RatioLDA(1).fit(X, y), RatioLDA().fit(X, y)
    assert one.score(X, y) < 0.6 < 0.9 < all_of_them.score(X, y)
    T = all_of_them.transform(X)[:, :1]
    centroids = np.array([T[y == k].mean() for k in range(10)])
    nearest = -0.5 * (T - centroids) ** 2 + np.log(one.priors_)
    assert np.array_equal(one.predict(X), nearest.argmax(axis=1))


def test_two_classes_are_the_difference_of_means_and_least_squares(wine):
    X, y = wine
    X, y = X[y < 2], y[y < 2]
    lda = RatioLDA().fit(X, y)
    _, S_w = scatters(X, y)
    difference = X[y == 1].mean(axis=0) - X[y == 0].mean(axis=0)
    by_hand = np.linalg.solve(S_w, difference)
    n0, n1 = np.bincount(y)
    target = np.where(y == 1, len(y) / n1, -len(y) / n0)
    regression = LinearRegression().fit(X, target).coef_
    w = lda.scalings_[:, 0]
    for other in (by_hand, regression):
        scale = np.linalg.norm(w) / np.linalg.norm(other)
        assert_allclose(np.abs(w), np.abs(other) * scale, rtol=1e-9)
    probability = lda.predict_proba(X)
    assert probability.shape == (len(X), 2)
    assert_allclose(probability.sum(axis=1), 1)
    assert lda.decision_function(X).shape == (len(X),)
    assert lda.coef_.shape == (1, X.shape[1])


@pytest.mark.parametrize("solver", ["gram", "dual"])
def test_shrinkage_coefficients(rng, solver):
    X, y = problem(rng, n=60, p=10)
    means = np.array([X[y == k].mean(axis=0) for k in range(4)])
    Z = X - means[y]
    for name, estimator in (("ledoit-wolf", LedoitWolf), ("oas", OAS)):
        lda = RatioLDA(shrinkage=name, solver=solver).fit(X, y)
        expected = estimator(assume_centered=True).fit(Z).shrinkage_
        assert_allclose(lda.shrinkage_, expected, rtol=1e-10)
        assert 0 < lda.shrinkage_ < 1
        values, vectors = by_eigh(X, y, lda.shrinkage_)
        assert_allclose(lda.eigenvalues_, values, rtol=1e-9)
        assert subspace_sine(lda.scalings_.T, vectors) < 1e-10
    auto = RatioLDA(shrinkage="auto", solver=solver).fit(X, y)
    assert (
        auto.shrinkage_
        == RatioLDA(shrinkage="ledoit-wolf", solver=solver).fit(X, y).shrinkage_
    )


@pytest.mark.parametrize("solver", ["gram", "dual"])
def test_priors_enter_the_directions_and_the_predictions(rng, solver):
    X, y = problem(rng)
    priors = [0.7, 0.1, 0.1, 0.1]
    lda = RatioLDA(priors=priors, solver=solver).fit(X, y)
    values, vectors = by_eigh(X, y, priors=priors)
    assert_allclose(lda.eigenvalues_, values, rtol=1e-9)
    assert subspace_sine(lda.scalings_.T, vectors) < 1e-10
    assert_allclose(lda.priors_, priors)
    if DIVIDES_BY_N:
        theirs = LinearDiscriminantAnalysis(priors=priors).fit(X, y)
        assert_allclose(lda.predict_proba(X), theirs.predict_proba(X), atol=1e-9)
    with pytest.warns(UserWarning, match="priors sum to 2, not 1"):
        twice = RatioLDA(priors=np.multiply(priors, 2), solver=solver).fit(X, y)
    assert_allclose(twice.priors_, priors)


# Where others go wrong.


def test_a_constant_column_gets_weight_exactly_zero():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n, p = int(rng.integers(20, 200)), int(rng.integers(2, 12))
        X, y = problem(rng, n=n, p=p, n_classes=int(rng.integers(2, 5)), spread=1.0)
        column = int(rng.integers(0, p + 1))
        X = np.insert(X, column, 0.1, axis=1)
        lda = RatioLDA().fit(X, y)
        assert np.all(lda.scalings_[column] == 0)
        assert np.all(lda.coef_[:, column] == 0)
        moved = X.copy()
        moved[:, column] += 1e-9
        assert np.array_equal(lda.predict(X), lda.predict(moved))


@pytest.mark.parametrize("solver", TALL_SOLVERS)
@pytest.mark.parametrize("shrinkage", [None, 0.1, "ledoit-wolf"])
def test_digits_with_their_constant_pixels(digits, solver, shrinkage):
    X, y = digits
    lda = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X, y)
    constant = np.ptp(X, axis=0) == 0
    assert constant.sum() == 3
    assert np.all(lda.scalings_[constant] == 0)
    assert lda.score(X, y) > 0.94


@pytest.mark.parametrize("solver", ["auto", "gram", "eigh", "qr"])
def test_columns_of_sixteen_decades(wine, solver):
    X, y = wine
    scale = np.logspace(-8, 8, X.shape[1])
    plain = RatioLDA(solver=solver).fit(X, y)
    scaled = RatioLDA(solver=solver).fit(X * scale, y)
    assert_allclose(scaled.eigenvalues_, plain.eigenvalues_, rtol=1e-10)
    unscaled = scaled.scalings_.T * scale
    assert subspace_sine(unscaled, plain.scalings_.T) < 1e-10


@pytest.mark.parametrize("solver", TALL_SOLVERS)
@pytest.mark.parametrize("n", [200, 40_000])
def test_an_offset_of_1e8(rng, solver, n):
    if solver == "dual" and n > 1000:
        n = 400
    X, y = problem(rng, n=n)
    far = X + 1e8
    X = far - 1e8  # the rows that are really held there
    lda = RatioLDA(solver=solver).fit(far, y)
    values, vectors = by_eigh(X, y)
    assert_allclose(lda.eigenvalues_, values, rtol=1e-9)
    assert subspace_sine(lda.scalings_.T, vectors) < 1e-10
    near = RatioLDA(solver=solver).fit(X, y)
    assert_allclose(lda.transform(far), near.transform(X), atol=1e-6)
    assert np.array_equal(lda.predict(far), near.predict(X))


def test_float32_far_from_the_origin(rng):
    X, y = problem(rng, n=20_000, p=20)
    far = (X + 1e4).astype(np.float32)
    lda = RatioLDA().fit(far, y)
    _, vectors = by_eigh(far.astype(np.float64) - 1e4, y)
    assert subspace_sine(lda.scalings_.T, vectors) < 1e-5


@pytest.mark.parametrize("solver", ["auto", "gram", "eigh", "qr"])
def test_duplicate_columns(wine, solver):
    X, y = wine
    plain = RatioLDA(solver=solver).fit(X, y)
    for copies in (X[:, [3]], X[:, [3, 7]], 10 * X[:, [3]]):
        doubled = np.column_stack([X, copies])
        lda = RatioLDA(solver=solver).fit(doubled, y)
        assert_allclose(lda.eigenvalues_, plain.eigenvalues_, rtol=1e-9)
        assert_allclose(lda.transform(doubled), plain.transform(X), atol=1e-9)
    twice = RatioLDA(solver=solver).fit(np.column_stack([X, X[:, [3]]]), y)
    assert_allclose(twice.scalings_[3], twice.scalings_[-1], rtol=1e-9)


@pytest.mark.parametrize("gap", [1e-4, 1e-6, 1e-7])
def test_nearly_collinear_columns(rng, gap):
    """The signal lies in the small difference of two features."""
    n = 150
    y = np.arange(n) % 3
    signal = rng.standard_normal((n, 2)) + 2 * rng.standard_normal((3, 2))[y]
    base = rng.standard_normal(n)
    X = np.column_stack([base, base + gap * signal[:, 0], signal[:, 1]])
    lda = RatioLDA().fit(X, y)
    reference = RatioLDA().fit(np.column_stack([base, signal]), y)
    rebuilt = X[:, 1] - X[:, 0]
    held = RatioLDA().fit(np.column_stack([base, rebuilt / gap, signal[:, 1]]), y)
    assert_allclose(lda.eigenvalues_, held.eigenvalues_, rtol=1e-6)
    assert_allclose(held.eigenvalues_, reference.eigenvalues_, rtol=1e-6)
    assert lda.solver_ == ("gram" if gap > 1e-5 else "qr")


def test_class_separation_of_a_million(rng):
    X, y = problem(rng, spread=1e6)
    values, vectors = by_eigh(X, y)
    lda = RatioLDA().fit(X, y)
    assert_allclose(lda.eigenvalues_, values, rtol=1e-9)
    assert subspace_sine(lda.scalings_.T, vectors) < 1e-8


@pytest.mark.parametrize("solver", ["auto", "gram", "eigh", "qr", "dual"])
def test_a_perfect_separator_is_kept(rng, solver):
    """A feature without any within-class variance has an infinite ratio."""
    X, y = problem(rng, n=90, p=4, n_classes=3, spread=0.1)
    X[:, 2] = np.array([0.0, 1.0, 5.0])[y]
    lda = RatioLDA(solver=solver).fit(X, y)
    assert lda.eigenvalues_[0] == np.inf
    assert np.isfinite(lda.eigenvalues_[1])
    assert_allclose(lda.explained_variance_ratio_, [1, 0], atol=1e-12)
    assert lda.score(X, y) == 1.0
    assert np.isfinite(lda.predict_proba(X)).all()
    direction = lda.scalings_[:, 0] / np.linalg.norm(lda.scalings_[:, 0])
    assert_allclose(direction, [0, 0, 1, 0], atol=1e-7)


def test_a_stated_answer_without_within_class_scatter():
    X, y = np.array([[0.0], [1.0], [1.0]]), np.array([0, 1, 1])
    lda = RatioLDA().fit(X, y)
    assert lda.eigenvalues_[0] == np.inf
    assert np.array_equal(lda.predict(X), y)
    assert np.isfinite(lda.transform(X)).all()


@pytest.mark.parametrize("solver", ["auto", "gram", "dual"])
def test_collinear_class_means_keep_shapes_together(rng, solver):
    y = np.arange(90) % 3
    X = rng.standard_normal((90, 4))
    for k in range(3):
        X[y == k] += np.array([k, 2 * k, 0, 0]) - X[y == k].mean(axis=0)
    lda = RatioLDA(solver=solver).set_output(transform="pandas").fit(X, y)
    assert lda.n_components_ == 1
    assert list(lda.transform(X).columns) == ["ratiolda0"]
    with pytest.raises(ValueError, match=r"differ in 1 direction only.*n_components=2"):
        RatioLDA(2, solver=solver).fit(X, y)


def test_equal_means_are_an_error(rng):
    y = np.arange(40) % 2
    X = rng.integers(-5, 5, (40, 3)).astype(float)
    X[y == 1] = X[y == 0]
    with pytest.raises(ValueError, match="class means coincide, so no direction"):
        RatioLDA().fit(X, y)
    with pytest.raises(ValueError, match="class means coincide, so no direction"):
        RatioLDA().fit(np.full((10, 2), 0.1), np.arange(10) % 2)


# More features than rows.


def ridge_limit(X, y, k, alpha=1e-9):
    """Directions for a small explicit ridge, in the span of the rows."""
    _, s, Vt = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    V = Vt[s > 1e-10 * s[0]]
    S_b, S_w = scatters(X @ V.T, y)
    S_w += alpha * np.trace(S_w) * np.eye(len(S_w))
    return scipy.linalg.eigh(S_b, S_w)[1][:, ::-1][:, :k].T @ V


@pytest.mark.parametrize("solver", ["auto", "gram", "qr"])
@pytest.mark.parametrize(("n", "p"), [(20, 60), (21, 20), (22, 20), (20, 20)])
def test_wide_data_have_the_ridge_limit(rng, solver, n, p):
    X, y = problem(rng, n=n, p=p, n_classes=4)
    lda = RatioLDA(solver=solver).fit(X, y)
    n_infinite = min(p - (n - 4), 3)
    assert np.isinf(lda.eigenvalues_).sum() == n_infinite
    assert lda.n_components_ == 3
    limit = ridge_limit(X, y, 3)
    sine = subspace_sine(lda.scalings_[:, :n_infinite].T, limit[:n_infinite])
    assert sine < 1e-4
    assert subspace_sine(lda.scalings_.T, limit) < 1e-4
    # Rows of one class coincide along the directions of infinite ratio.
    T = lda.transform(X)[:, :n_infinite]
    within = T - np.array([T[y == k].mean(axis=0) for k in range(4)])[y]
    assert np.abs(within).max() < 1e-6 * np.abs(T).max()
    assert lda.score(X, y) == 1.0


def test_wide_data_never_meet_a_p_by_p_matrix(rng):
    import tracemalloc

    X, y = problem(rng, n=30, p=4000)
    tracemalloc.start()
    for shrinkage in (None, 0.1, "ledoit-wolf", "oas"):
        RatioLDA(shrinkage=shrinkage).fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000**2 * 8 / 10


@pytest.mark.parametrize("shrinkage", [0.01, 0.5, "ledoit-wolf", "oas"])
def test_dual_and_primal_agree(rng, shrinkage):
    X, y = problem(rng, n=25, p=40)
    w = rng.integers(1, 4, 25).astype(float)
    dual = RatioLDA(shrinkage=shrinkage).fit(X, y, sample_weight=w)
    primal = RatioLDA(shrinkage=shrinkage, solver="eigh").fit(X, y, sample_weight=w)
    assert (dual.solver_, primal.solver_) == ("dual", "eigh")
    assert_allclose(dual.shrinkage_, primal.shrinkage_, rtol=1e-10)
    assert_allclose(dual.eigenvalues_, primal.eigenvalues_, rtol=1e-9)
    assert_allclose(dual.scalings_, primal.scalings_, rtol=1e-6, atol=1e-9)
    assert_allclose(dual.means_, primal.means_, atol=1e-12)


def test_wide_data_with_one_huge_column(rng):
    X, y = problem(rng, n=30, p=50)
    X[:, 7] = 1e9 + 1e7 * rng.standard_normal(30)
    lda = RatioLDA().fit(X, y)
    assert lda.n_components_ == 3
    T = lda.transform(X)
    within = T - np.array([T[y == k].mean(axis=0) for k in range(4)])[y]
    # The score of that column cancels seven digits of the others.
    assert np.abs(within).max() < 1e-2 * np.abs(T).max()
    assert lda.score(X, y) == 1.0


# Weights and streams.


@pytest.mark.parametrize("solver", ["gram", "eigh", "qr", "dual"])
@pytest.mark.parametrize("shrinkage", [None, 0.2, "ledoit-wolf", "oas"])
def test_weights_are_repetitions(rng, solver, shrinkage):
    X, y = problem(rng, n=60)
    w = rng.integers(0, 4, 60)
    weighted = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X, y, sample_weight=w)
    X_repeated, y_repeated = np.repeat(X, w, axis=0), np.repeat(y, w)
    whole = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X_repeated, y_repeated)
    for name in ("scalings_", "eigenvalues_", "means_", "xbar_", "priors_", "coef_"):
        assert_allclose(getattr(weighted, name), getattr(whole, name), atol=1e-9)
    assert_allclose(weighted.class_weight_, whole.class_weight_)


@pytest.mark.parametrize("shrinkage", [None, 0.2, "oas"])
@pytest.mark.parametrize("size", [1, 7, 60])
def test_partial_fit_is_fit(rng, shrinkage, size):
    X, y = problem(rng, n=120)
    X, w = X + 1e3, rng.integers(0, 3, 120).astype(float)
    names = np.array(["ash", "elm", "fir", "yew"])[y]
    order = np.argsort(y, kind="stable")  # classes appear one after the other
    lda = RatioLDA(shrinkage=shrinkage)
    for start in range(0, 120, size):
        rows = order[start : start + size]
        if w[rows].any():
            lda.partial_fit(X[rows], names[rows], sample_weight=w[rows])
    whole = RatioLDA(shrinkage=shrinkage).fit(X, names, sample_weight=w)
    assert np.array_equal(lda.classes_, whole.classes_)
    for name in ("scalings_", "eigenvalues_", "means_", "xbar_", "priors_"):
        assert_allclose(getattr(lda, name), getattr(whole, name), rtol=1e-8, atol=1e-10)
    assert np.array_equal(lda.predict(X), whole.predict(X))


def test_partial_fit_waits_and_says_for_what(rng):
    X, y = problem(rng, n=40)
    lda = RatioLDA(2).partial_fit(X[y == 0], y[y == 0], classes=[0, 1, 2, 3])
    with pytest.raises(NotFittedError, match=r"seen too little.*only one class"):
        lda.transform(X)
    lda.partial_fit(X[y == 1], y[y == 1])
    with pytest.raises(NotFittedError, match="differ in 1 direction only"):
        lda.predict(X)
    lda.partial_fit(X[y == 2], y[y == 2])
    assert lda.transform(X).shape == (40, 2)
    assert lda.predict_proba(X).shape == (40, 4)
    assert np.all(lda.predict_proba(X)[:, 3] == 0)
    assert np.isfinite(lda.means_).all()
    lda.partial_fit(X[y == 3], y[y == 3])
    assert_allclose(lda.scalings_, RatioLDA(2).fit(X, y).scalings_, atol=1e-10)


def test_partial_fit_goes_on_from_fit(rng):
    X, y = problem(rng)
    lda = pickle.loads(pickle.dumps(RatioLDA().fit(X[:90], y[:90])))
    lda.partial_fit(X[90:], y[90:])
    assert_allclose(lda.scalings_, RatioLDA().fit(X, y).scalings_, atol=1e-10)
    wide = RatioLDA().fit(*problem(rng, n=20, p=40))
    with pytest.raises(ValueError, match="solver_='dual'"):
        wide.partial_fit(*problem(rng, n=20, p=40))


def test_partial_fit_is_absent_where_it_cannot_be_exact():
    for lda, reason in (
        (RatioLDA(solver="dual"), "use solver='auto'"),
        (RatioLDA(shrinkage="auto"), "use 'oas'"),
    ):
        assert not hasattr(lda, "partial_fit")
        with pytest.raises(AttributeError) as error:
            lda.partial_fit  # noqa: B018
        assert reason in str(error.value)


# Labels, rows, frames.


@pytest.mark.parametrize(
    "labels",
    [
        ["b", "a", "c", "d"],
        [True, False, True, False],
        [-5, 10**12, 3, 0],
        [1.0, 2.0, 5.0, 4.0],
        np.array(["x", "yy", "z", "w"], dtype=object),
    ],
)
def test_labels_of_any_kind(rng, labels):
    X, y = problem(rng, n=400, spread=8.0)
    names = np.asarray(labels)[y]
    lda = RatioLDA().fit(X, names)
    assert np.array_equal(lda.classes_, np.unique(names))
    assert np.mean(lda.predict(X) == names) > 0.9
    assert RatioLDA().fit(X, names.tolist()).score(X, names) > 0.9


def test_rows_alone_and_untouched(rng, tmp_path):
    X, y = problem(rng, n=3000, p=50)
    before = X.copy()
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    lda = RatioLDA().fit(X, y)
    assert_allclose(RatioLDA().fit(mapped, y).scalings_, lda.scalings_, atol=1e-12)
    assert_allclose(
        RatioLDA().fit(np.asfortranarray(X), y).scalings_, lda.scalings_, atol=1e-10
    )
    alone = np.vstack([lda.transform(row[np.newaxis]) for row in X[:20]])
    assert_allclose(lda.transform(X)[:20], alone, atol=1e-11)
    assert_allclose(lda.transform(X), RatioLDA().fit_transform(X, y), atol=1e-12)
    assert np.array_equal(X, before)


def test_frames_and_grid_search(wine):
    X, y = wine
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(13)])
    target = pd.Series(y, name="cultivar")
    pipe = make_pipeline(
        RatioLDA().set_output(transform="pandas"), KNeighborsClassifier()
    )
    search = GridSearchCV(pipe, {"ratiolda__n_components": [1, 2]}, cv=3)
    search.fit(frame, target)
    assert search.best_score_ > 0.95
    assert "RatioLDA" in search.best_estimator_[0]._repr_html_()
    assert repr(clone(RatioLDA(2, shrinkage=0.1))) == (
        "RatioLDA(n_components=2, shrinkage=0.1)"
    )


def test_many_classes(rng):
    X, y = make_blobs(5000, 20, centers=100, random_state=0)
    lda = RatioLDA().fit(X, y)
    assert lda.n_components_ == 20
    _, vectors = by_eigh(X, y)
    assert subspace_sine(lda.scalings_[:, :5].T, vectors[:5]) < 1e-9


# Bad input.


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components=0 must be an integer of at least 1"),
        ({"n_components": 0.5}, "n_components=0.5 must be an integer"),
        ({"n_components": 3}, r"at most 2: 3 class means differ in at most 2 direct"),
        ({"solver": "svd"}, r"solver='svd' must be one of \('auto'"),
        ({"shrinkage": 2}, r"shrinkage=2 must be None, a number in \[0, 1\]"),
        ({"shrinkage": "lw"}, "shrinkage='lw' must be None"),
        ({"tol": -1}, "tol=-1 must be a number of at least 0"),
        ({"priors": [0.5, 0.5]}, r"one entry for each of the 3 classes.*\(2,\)"),
        ({"priors": [1.5, 0.5, -1]}, "priors must be finite and not negative"),
        ({"priors": [0, 0, 1]}, "priors must be positive for at least 2"),
        ({"priors": ["a", "b", "c"]}, "must hold numbers"),
    ],
)
def test_bad_parameters(iris, parameters, message):
    with pytest.raises(ValueError, match=message):
        RatioLDA(**parameters).fit(*iris)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(60, 4), (12, 50), (20_000, 30)])
def test_bad_entries_are_found_and_named(rng, bad, shape):
    X, y = problem(rng, *shape)
    good = X.copy()
    X[5, 3] = bad
    with pytest.raises(ValueError, match=r"(NaN|infinity).*row 5, column 3"):
        RatioLDA().fit(X, y)
    lda = RatioLDA().fit(good, y)
    for method in (lda.transform, lda.predict, lda.predict_proba):
        with pytest.raises(ValueError, match=r"row 5, column 3"):
            method(X)


def test_other_bad_calls(iris, rng):
    X, y = iris
    with pytest.raises(ValueError, match=r"one class.*\[1\].*at least 2 classes"):
        RatioLDA().fit(X, np.ones(150, dtype=int))
    with pytest.raises(ValueError, match=r"one class of positive weight, \[0\]"):
        RatioLDA().fit(X, y, sample_weight=(y == 0).astype(float))
    with pytest.raises(ValueError, match="continuous"):
        RatioLDA().fit(X, rng.standard_normal(150))
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        RatioLDA().fit(X, y[:-1])
    with pytest.raises(ValueError, match="NaN"):
        RatioLDA().fit(X, np.where(y == 0, np.nan, 1.0))
    with pytest.raises(NotFittedError):
        RatioLDA().predict(X)
    with pytest.raises(ValueError, match=r"found -2.0 for row 3"):
        RatioLDA().fit(X, y, sample_weight=np.where(np.arange(150) == 3, -2.0, 1.0))
    lda = RatioLDA().fit(X, y)
    with pytest.raises(ValueError, match="expecting 4 features"):
        lda.partial_fit(X[:, :3], y)


def test_a_failed_fit_leaves_the_estimator_as_it_was(iris):
    X, y = iris
    lda = RatioLDA().fit(X, y)
    before = copy.deepcopy(lda.scalings_)
    wide = np.column_stack([X, X])
    wide[3, 3] = np.nan
    for call in (lda.fit, lda.partial_fit):
        with pytest.raises(ValueError, match=r"NaN|features"):
            call(wide, y)
    assert lda.n_features_in_ == 4
    assert np.array_equal(lda.scalings_, before)


# Inputs that once gave wrong answers here.


@pytest.mark.parametrize("solver", TALL_SOLVERS)
@pytest.mark.parametrize("distance", [1e6, 1e7, 1e9])
def test_directions_survive_a_class_far_away(rng, solver, distance):
    y = np.arange(300) % 4
    X = rng.standard_normal((300, 6))
    X[:, 1:] += 0.5 * rng.standard_normal((4, 6))[y][:, 1:]
    near = RatioLDA(solver="gram").fit(X, y)
    if solver == "eigh":
        distance = 1e4  # it loses ratios below p eps of the largest, and says so
    X[:, 0] += distance * y
    lda = RatioLDA(solver=solver).fit(X, y)
    assert lda.n_components_ == 3
    assert 0.05 < lda.eigenvalues_[2] < near.eigenvalues_[0]
    if solver in ("auto", "gram", "qr"):
        streamed = RatioLDA().partial_fit(X[:40], y[:40]).partial_fit(X[40:], y[40:])
        assert_allclose(streamed.eigenvalues_, lda.eigenvalues_, rtol=1e-6)


@pytest.mark.parametrize("separation", [1e3, 1e5, 1e6])
def test_predictions_of_float32_rows_of_classes_far_apart(rng, separation):
    X = rng.standard_normal((600, 4))
    y = np.arange(600) % 3
    X[:, 0] += np.array([0, 6, separation])[y]
    single = X.astype("f4")
    assert RatioLDA().fit(single, y).score(single, y) > 0.98
    assert RatioLDA().fit(X, y).score(single, y) > 0.98


def test_probabilities_in_the_ridge_limit_are_not_all_or_nothing(rng):
    X = rng.standard_normal((160, 300))
    y = np.arange(160) % 3
    X[:, :5] += 0.8 * y[:, np.newaxis]
    lda = RatioLDA().fit(X[:60], y[:60])
    assert np.isinf(lda.eigenvalues_).all()
    held_out = lda.predict_proba(X[60:])
    assert np.mean(held_out.max(axis=1) > 0.9999) < 0.5


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.uint8, np.int64, np.uint64])
def test_labels_of_narrow_types(rng, dtype):
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    y = np.array([low, high, low + 1], dtype=dtype)[np.arange(70_000) % 3]
    X = rng.standard_normal((70_000, 2)) + 3 * (np.arange(70_000) % 3)[:, np.newaxis]
    lda = RatioLDA(1).fit(X, y)
    assert np.array_equal(lda.classes_, np.unique(y))
    assert lda.classes_.dtype == dtype
    narrow = np.array([-100, 100], dtype=np.int8)[np.arange(600) % 2]
    assert np.array_equal(RatioLDA().fit(X[:600], narrow).classes_, [-100, 100])


def test_large_weights_change_nothing(rng):
    X, y = problem(rng, n=20, p=50, n_classes=3)
    plain = RatioLDA().fit(X, y)
    heavy = RatioLDA().fit(X, y, sample_weight=np.full(20, 1e12))
    assert np.isinf(heavy.eigenvalues_).all()
    assert subspace_sine(heavy.scalings_.T, plain.scalings_.T) < 1e-10


@pytest.mark.parametrize("solver", ["gram", "dual"])
@pytest.mark.parametrize("scale", [1e-60, 1e100])
@pytest.mark.parametrize("shrinkage", ["ledoit-wolf", "oas"])
def test_shrinkage_knows_no_units(rng, solver, scale, shrinkage):
    X, y = problem(rng, n=40, p=12)
    plain = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X, y)
    scaled = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X * scale, y)
    assert_allclose(scaled.shrinkage_, plain.shrinkage_, rtol=1e-9)


@pytest.mark.parametrize("solver", TALL_SOLVERS)
@pytest.mark.parametrize("shrinkage", [None, 0.1])
def test_no_junk_beside_collinear_means(solver, shrinkage):
    for seed in range(10):
        rng = np.random.default_rng(seed)
        y = np.arange(90) % 3
        X = rng.standard_normal((90, 4))
        for k in range(3):
            X[y == k] += np.array([k, 2 * k, 0, 0]) - X[y == k].mean(axis=0)
        X += 1e4
        lda = RatioLDA(solver=solver, shrinkage=shrinkage).fit(X, y)
        assert lda.n_components_ == 1


def test_waiting_counts_as_not_fitted(rng):
    X, y = problem(rng, n=40)
    lda = RatioLDA().partial_fit(X[y == 0], y[y == 0])
    with pytest.raises(NotFittedError):
        check_is_fitted(lda)
    with pytest.raises(
        ValueError, match=r"n_components=7 must be at most n_features=6"
    ):
        RatioLDA(7).partial_fit(X, y)
    with pytest.raises(ValueError, match="Class labels must be of one kind"):
        RatioLDA().partial_fit(X, y).partial_fit(X, y.astype(str))
    with pytest.raises(ValueError, match="name them all by classes="):
        RatioLDA(priors=[0.5, 0.2, 0.2, 0.1]).partial_fit(X[y < 2], y[y < 2])


def test_the_proof_comes_along(digits):
    for solver in TALL_SOLVERS:
        assert RatioLDA(solver=solver).fit(*digits).residual_ < 1e-10


@pytest.mark.parametrize("solver", TALL_SOLVERS)
def test_rows_that_coincide(rng, solver):
    """Within classes, which is a perfect separation, and altogether, which is none."""
    y = np.array([0, 0, 1, 1, 2, 2])
    X = rng.standard_normal((3, 50))[y]
    lda = RatioLDA(solver=solver).fit(X, y)
    assert np.isinf(lda.eigenvalues_).all()
    assert lda.n_components_ == 2
    T = lda.transform(X)
    assert 1 < np.abs(T).max() < 1e4
    assert np.array_equal(lda.predict(X), y)
    with pytest.raises(ValueError, match="class means coincide"):
        RatioLDA(solver=solver).fit(X[[0] * 6], y)


@pytest.mark.parametrize("shape", [(200, 6), (30, 60)])
@pytest.mark.parametrize("shrinkage", [None, 0.2])
@pytest.mark.parametrize("k", [None, 2])
def test_metrics_span_the_same_and_predict_the_same(rng, shape, shrinkage, k):
    X, y = problem(rng, *shape)
    X[:, 1] = 3.0
    S_b, S_w = scatters(X, y)
    S_w *= 1 - (shrinkage or 0.0)
    S_w += (
        (shrinkage or 0.0)
        / (1 - (shrinkage or 0.0))
        * np.trace(S_w)
        / shape[1]
        * np.eye(shape[1])
    )
    within, total, orthogonal = (
        RatioLDA(k, metric=metric, shrinkage=shrinkage).fit(X, y)
        for metric in ("within", "total", "orthogonal")
    )
    eye = np.eye(k or 3)
    W = total.scalings_
    assert_allclose(W.T @ (S_b + S_w) @ W, eye, atol=1e-10)
    W = orthogonal.scalings_
    assert_allclose(W.T @ W, eye, atol=1e-12)
    assert np.all(W[1] == 0)
    for lda in (total, orthogonal):
        assert subspace_sine(lda.scalings_.T, within.scalings_.T) < 1e-10
        assert_allclose(lda.predict_proba(X), within.predict_proba(X), atol=1e-9)
        assert_allclose(lda.coef_, within.coef_, rtol=1e-6, atol=1e-9)
        back = lda.inverse_transform(lda.transform(X))
        again = within.inverse_transform(within.transform(X))
        assert_allclose(back, again, atol=1e-8)


def test_inverse_gives_the_means_back(rng):
    X, y = problem(rng)
    lda = RatioLDA().fit(X, y)
    assert_allclose(lda.inverse_transform(lda.transform(lda.means_)), lda.means_)
    Z = lda.transform(X)
    assert_allclose(lda.transform(lda.inverse_transform(Z)), Z)
    with pytest.raises(ValueError, match="X has 2 columns, but inverse_transform"):
        lda.inverse_transform(Z[:, :2])


def test_the_limit_of_classes_is_a_zero_eigenvalue(iris):
    X, y = iris
    S_b, S_w = scatters(X, y)
    values = scipy.linalg.eigh(S_b, S_w, eigvals_only=True)[::-1]
    assert_allclose(values[:2], [32.192, 0.285], atol=5e-4)
    assert np.all(np.abs(values[2:]) < 1e-12)
    lda = RatioLDA().fit(X, y)
    assert lda.rank_ == lda.n_components_ == 2
    assert_allclose(lda.explained_variance_ratio_, [0.991, 0.009], atol=5e-4)
    assert 0 < lda.rcond_ < 1
    assert lda.n_iter_ == 1


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"metric": "mahalanobis"}, "metric='mahalanobis' must be one of"),
        ({"cg_tol": 0.0}, "cg_tol=0.0 must be"),
        ({"max_iter": 0}, "max_iter=0 must be"),
        ({"solver": "cg", "shrinkage": 0.0}, "give a positive shrinkage"),
    ],
)
def test_more_bad_parameters(digits, parameters, message):
    with pytest.raises(ValueError, match=message):
        RatioLDA(**parameters).fit(*digits)
