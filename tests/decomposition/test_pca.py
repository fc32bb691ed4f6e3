"""PCA against the SVD of the centred float64 data, and where others go wrong."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skdimred import PCA
from skdimred.metrics import subspace_sine


def by_svd(X):
    """Singular values and right singular vectors of the centred float64 rows."""
    Z = np.asarray(X, dtype=np.longdouble)
    Z = (Z - Z.mean(axis=0)).astype(np.float64)
    _, s, Vt = np.linalg.svd(Z, full_matrices=False)
    return s, Vt


def assert_is_pca(pca, X, sine, relative=None):
    s, Vt = by_svd(X)
    k = pca.n_components_
    assert subspace_sine(pca.components_, Vt[:k]) <= sine
    assert_allclose(pca.singular_values_, s[:k], rtol=relative or sine, atol=1e-14)
    ratio = s**2 / np.sum(s**2)
    assert_allclose(
        pca.explained_variance_ratio_, ratio[:k], rtol=10 * sine, atol=1e-14
    )


# Where scikit-learn's default is silently wrong.


def test_iris_in_kelvin_float32(iris):
    X = iris[0].astype(np.float32) + np.float32(273.15)
    assert_is_pca(PCA(3).fit(X), X, 2e-6)
    theirs = sklearn.decomposition.PCA(3).fit(X)
    assert subspace_sine(theirs.components_, by_svd(X)[1][:3]) > 0.1


@pytest.mark.parametrize("k", [3, 0.99])
def test_digits_a_long_way_off_float32(digits, k):
    X = digits[0].astype(np.float32) + np.float32(1e4)
    pca = PCA(k).fit(X)
    assert_is_pca(pca, X, 1e-5)
    if k == 0.99:
        assert pca.n_components_ == 41


@pytest.mark.parametrize("spread", [1.0, 1e7])
def test_a_column_of_timestamps(rng, spread):
    X = rng.standard_normal((1000, 5))
    X[:, 2] = 1.7e9 + spread * X[:, 2]
    pca = PCA().fit(X)
    s, Vt = by_svd(X)
    assert_allclose(pca.singular_values_, s, rtol=1e-6)
    for k in range(1, 5):
        assert subspace_sine(pca.components_[:k], Vt[:k]) < 1e-6


@pytest.mark.parametrize("k", [2, 0.9, None])
@pytest.mark.parametrize("shape", [(400, 6), (30_000, 40), (12, 40)])
def test_an_offset_of_1e8(rng, shape, k):
    X = rng.standard_normal(shape) * np.linspace(1, 3, shape[1]) + 1e8
    pca = PCA(k).fit(X)
    s, Vt = by_svd(X)
    found = min(pca.n_components_, min(shape[0] - 1, shape[1]))
    assert_allclose(pca.singular_values_[:found], s[:found], rtol=1e-8)
    assert subspace_sine(pca.components_[:found], Vt[:found]) < 1e-6
    Z = X - X.astype(np.longdouble).mean(axis=0)
    scores = pca.transform(X)
    assert np.abs(scores - (Z @ pca.components_.T)).max() < 1e-6


@pytest.mark.parametrize("shape", [(200, 10), (8, 20)])
def test_whitening_without_variance_gives_zero(rng, shape):
    n, p = shape
    X = rng.standard_normal((n, 3)) @ rng.standard_normal((3, p))
    Z = PCA(whiten=True).fit_transform(X)
    assert_allclose(Z[:, :3].std(axis=0, ddof=1), 1.0)
    assert np.all(Z[:, 3:] == 0)


def test_constant_rows_have_ratios_of_zero_and_say_so():
    X = np.full((10, 3), 0.1)
    with pytest.warns(UserWarning, match="Every feature of X is constant"):
        pca = PCA().fit(X)
    assert np.all(pca.explained_variance_ratio_ == 0)
    assert_allclose(pca.components_ @ pca.components_.T, np.eye(3))
    assert np.all(np.isfinite(pca.transform(X)))


@pytest.mark.parametrize("value", [0.1, 1e8 + 0.1, -1e-300])
@pytest.mark.parametrize("n", [9, 400])
def test_a_constant_feature_has_weight_exactly_zero(rng, value, n):
    X = rng.standard_normal((n, 12))
    X[:, 4] = value
    pca = PCA(5).fit(X)
    assert np.all(pca.components_[:, 4] == 0)
    assert subspace_sine(pca.components_, by_svd(X)[1][:5]) < 1e-10


# The ordinary cases.


@pytest.mark.parametrize("solver", ["auto", "gram", "full"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("k", [1, 4, 0.8, None])
@pytest.mark.parametrize("shape", [(300, 8), (9, 8), (8, 8), (8, 9), (10, 200), (2, 5)])
def test_is_the_svd(rng, solver, dtype, order, k, shape):
    X = rng.standard_normal(shape) @ np.diag(np.linspace(3, 1, shape[1])) + 0.5
    X = np.asarray(X, dtype=dtype, order=order)
    if k == 4 and min(shape) < 4:
        k = 2
    pca = PCA(k, svd_solver=solver).fit(X)
    s, Vt = by_svd(X)
    eps = np.finfo(dtype).eps
    found = min(pca.n_components_, shape[0] - 1)
    # A Gram matrix gives s to eps (s_1 / s)^2, here 2e4 at the most.
    assert_allclose(
        pca.singular_values_[:found],
        s[:found],
        rtol=1e5 * eps if dtype == np.float64 else 1e-4,
    )
    assert subspace_sine(pca.components_[:found], Vt[:found]) < 1e4 * eps
    assert pca.components_.dtype == dtype
    assert pca.transform(X).dtype == dtype
    assert pca.inverse_transform(pca.transform(X)).dtype == dtype
    if k is None:
        assert pca.n_components_ == min(shape)
        back = pca.inverse_transform(pca.transform(X))
        assert_allclose(back, X, atol=1e2 * eps)


def test_float32_products_give_way_where_they_do_not_do(rng):
    scale = np.logspace(0, -3, 20)
    X = (rng.standard_normal((40_000, 20)) * scale + 1).astype(np.float32)
    assert_is_pca(PCA().fit(X), X, 1e-4)
    assert_is_pca(PCA(3).fit(X), X, 1e-5)


@pytest.mark.parametrize("solver", ["gram", "full"])
def test_wide_rows_never_meet_a_p_by_p_matrix(rng, solver):
    import tracemalloc

    X = rng.standard_normal((20, 3000)) + 1e3
    tracemalloc.start()
    PCA(5, svd_solver=solver).fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3000**2 * 8 / 10


def test_small_singular_values_are_refined():
    X = load_breast_cancer().data
    pca = PCA().fit(X)
    assert pca.svd_solver_ == "qr"
    assert 0 < pca.residual_ < 1e-13
    s, _ = by_svd(X)
    assert_allclose(pca.singular_values_, s, rtol=1e-9)
    assert PCA(2).fit(X).svd_solver_ == "gram"
    assert PCA(2, tol=0).fit(X).svd_solver_ == "qr"


def test_collinear_columns_are_refined_from_the_rows(rng):
    X = rng.standard_normal((500, 4))
    X = np.column_stack(
        [X, X @ rng.standard_normal(4) + 1e-9 * rng.standard_normal(500)]
    )
    s, _ = by_svd(X)
    pca = PCA().fit(X)
    assert_allclose(pca.singular_values_, s, rtol=1e-5)


@pytest.mark.parametrize("decades", [1, 2, 3, 4, 5, 7, 12])
def test_wide_components_are_orthonormal(rng, decades):
    Q, _ = np.linalg.qr(rng.standard_normal((300, 40)))
    P, _ = np.linalg.qr(rng.standard_normal((40, 40)))
    V = PCA().fit(P * np.logspace(0, -decades, 40) @ Q.T).components_
    assert_allclose(V @ V.T, np.eye(40), atol=1e-9)


def test_wide_with_small_singular_values(rng):
    Q, _ = np.linalg.qr(rng.standard_normal((100, 12)))
    X = rng.standard_normal((12, 12)) @ np.diag(np.logspace(0, -9, 12)) @ Q.T
    pca = PCA().fit(X)
    s, Vt = by_svd(X)
    assert_allclose(pca.singular_values_[:11], s[:11], rtol=1e-4)
    assert_allclose(pca.components_ @ pca.components_.T, np.eye(12), atol=1e-12)
    assert subspace_sine(pca.components_[:6], Vt[:6]) < 1e-8


@pytest.mark.parametrize("k", [2, 5, None, 0.9])
def test_agrees_with_scikit_learn(digits, k):
    X = digits[0]
    ours = PCA(k).fit(X)
    theirs = sklearn.decomposition.PCA(k, svd_solver="full").fit(X)
    assert ours.n_components_ == theirs.n_components_
    assert_allclose(ours.explained_variance_, theirs.explained_variance_, atol=1e-10)
    assert_allclose(ours.noise_variance_, theirs.noise_variance_, atol=1e-10)
    assert_allclose(ours.get_covariance(), theirs.get_covariance(), atol=1e-10)
    if k is not None:
        assert_allclose(
            ours.get_precision(), theirs.get_precision(), rtol=1e-6, atol=1e-8
        )
        assert_allclose(ours.score_samples(X), theirs.score_samples(X), rtol=1e-9)
        assert_allclose(ours.score(X), theirs.score(X))
    assert ours.residual_ < 1e-13


def test_density_without_noise(rng):
    X = rng.standard_normal((6, 9))
    pca = PCA().fit(X)
    density = pca.score_samples(np.vstack([X, rng.standard_normal((2, 9))]))
    assert np.isfinite(density[:6]).all()
    assert np.all(density[6:] == -np.inf)
    with pytest.raises(ValueError, match=r"variance in 5 directions of 9.*below 5"):
        pca.get_precision()


# Weights and streams.


@pytest.mark.parametrize("shape", [(40, 5), (15, 30)])
def test_weights_are_repetitions(rng, shape):
    X = rng.standard_normal(shape) + 3
    w = rng.integers(0, 4, shape[0])
    whole = PCA(3, whiten=True).fit(np.repeat(X, w, axis=0))
    weighted = PCA(3, whiten=True).fit(X, sample_weight=w)
    streamed = PCA(3, whiten=True).partial_fit(X, sample_weight=w)
    for pca in (weighted, streamed):
        assert_allclose(pca.transform(X), whole.transform(X), atol=1e-10)
        for name in (
            "components_",
            "explained_variance_",
            "explained_variance_ratio_",
            "singular_values_",
            "mean_",
            "noise_variance_",
        ):
            assert_allclose(getattr(pca, name), getattr(whole, name), atol=1e-10)


@pytest.mark.parametrize("size", [1, 7, 100])
@pytest.mark.parametrize("offset", [0, 1e8])
def test_partial_fit_is_fit(rng, size, offset):
    X = rng.standard_normal((100, 6)) * np.arange(1, 7) + offset
    pca = PCA(3)
    for start in range(0, 100, size):
        pca.partial_fit(X[start : start + size])
    whole = PCA(3).fit(X)
    tolerance = 1e-10 if offset == 0 else 1e-7
    assert_allclose(pca.components_, whole.components_, atol=tolerance)
    assert_allclose(pca.explained_variance_, whole.explained_variance_, rtol=tolerance)
    assert_allclose(pca.mean_, whole.mean_, rtol=1e-14, atol=1e-14)
    assert pca.n_samples_ == 100


def test_partial_fit_goes_on_from_fit(rng):
    X = rng.standard_normal((80, 5))
    pca = PCA().fit(X[:50]).partial_fit(X[50:])
    assert_allclose(pca.components_, PCA().fit(X).components_, atol=1e-10)
    restored = pickle.loads(pickle.dumps(PCA().fit(X[:50]))).partial_fit(X[50:])
    assert_allclose(restored.components_, pca.components_, atol=1e-12)


def test_partial_fit_of_fewer_rows_than_components(rng):
    X = rng.standard_normal((20, 6))
    pca = PCA(4).partial_fit(X[:1])
    assert np.all(pca.explained_variance_ == 0)
    assert pca.partial_fit(X[1:3]).transform(X).shape == (20, 4)
    pca.partial_fit(X[3:])
    assert_allclose(pca.components_, PCA(4).fit(X).components_, atol=1e-10)


def test_partial_fit_of_uneven_scales(rng):
    X = rng.standard_normal((300, 5)) * np.logspace(-6, 4, 5)
    pca = PCA().partial_fit(X[:100]).partial_fit(X[100:])
    assert_allclose(pca.singular_values_, by_svd(X)[0], rtol=1e-6)


def test_partial_fit_after_a_wide_fit_says_why(rng):
    pca = PCA().fit(rng.standard_normal((5, 20)))
    with pytest.raises(ValueError, match=r"svd_solver_='gram'.*Start from a new PCA"):
        pca.partial_fit(rng.standard_normal((5, 20)))


# Rows: memory-mapped, frames, far away, in company and alone.


def test_memory_mapped_rows_are_read_only_and_not_copied(tmp_path, rng):
    X = rng.standard_normal((30_000, 20))
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    assert_allclose(
        PCA(3).fit(mapped).components_, PCA(3).fit(X).components_, atol=1e-12
    )
    wide = np.load(tmp_path / "rows.npy", mmap_mode="r")[:15]
    assert PCA(3).fit(wide).components_.shape == (3, 20)


def test_rows_are_never_changed(rng):
    for shape in ((50, 4), (4, 50), (60_000, 30)):
        X = rng.standard_normal(shape) + 5
        before = X.copy()
        pca = PCA(2, whiten=True).fit(X)
        pca.inverse_transform(pca.transform(X))
        pca.score(X[:40])
        assert np.array_equal(X, before)


def test_row_by_row(rng):
    X = rng.standard_normal((50, 6)) + 1e6
    pca = PCA(3).fit(X)
    alone = np.vstack([pca.transform(row[np.newaxis]) for row in X])
    assert_allclose(pca.transform(X), alone, atol=1e-9)
    assert_allclose(PCA(3).fit_transform(X), pca.transform(X), atol=1e-12)


def test_frames_in_and_out(iris):
    frame = pd.DataFrame(iris[0], columns=["a", "b", "c", "d"])
    pca = PCA(2).set_output(transform="pandas").fit(frame)
    out = pca.transform(frame)
    assert list(out.columns) == ["pca0", "pca1"]
    assert list(pca.feature_names_in_) == ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match="feature names"):
        pca.transform(frame[["b", "a", "c", "d"]])
    with pytest.warns(UserWarning, match="valid feature names"):
        pca.transform(iris[0])
    pca.fit(iris[0])
    assert not hasattr(pca, "feature_names_in_")


def test_in_a_grid_search(wine):
    X, y = wine
    pipe = make_pipeline(PCA(), KNeighborsClassifier())
    search = GridSearchCV(pipe, {"pca__n_components": [1, 2, 5, 0.99, None]}, cv=3)
    search.fit(X, y)
    assert search.best_score_ > 0.6


def test_display_computes_nothing_and_works(iris):
    pca = PCA(2).fit(iris[0])
    assert "PCA" in pca._repr_html_()
    assert repr(clone(pca)) == "PCA(n_components=2)"


# Bad input, before any work, naming parameter, value and remedy.


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, r"n_components=0 must be an integer of at least 1"),
        ({"n_components": 5}, r"n_components=5 must be at most min\(n_samples, n_feat"),
        ({"n_components": 1.0}, r"n_components=1.0 must be .* or None"),
        ({"n_components": True}, r"n_components=True must be"),
        (
            {"n_components": "kaiser"},
            r"n_components='kaiser' must be .*'mle', 'parallel'",
        ),
        ({"criterion": "energy"}, r"criterion='energy' must be one of"),
        ({"center": None}, r"center=None must be True or False"),
        ({"svd_solver": "arpack"}, r"svd_solver='arpack' must be one of \('auto'"),
        ({"whiten": 3}, r"whiten=3 must be True or False"),
        ({"tol": -1.0}, r"tol=-1.0 must be a number of at least 0"),
    ],
)
def test_bad_parameters(iris, parameters, message):
    with pytest.raises(ValueError, match=message):
        PCA(**parameters).fit(iris[0])


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1.0, 2.0], r"shape \(150,\).*found shape \(2,\)"),
        (-1.0, "not negative; found -1.0 for row 0"),
        (np.full(150, np.nan), "must be finite"),
        (np.zeros(150), "every entry of sample_weight is 0"),
        (np.full(150, 1 / 150), r"sums to 1, .*Multiply them"),
        (np.eye(150)[3], "n_samples=1 with a positive weight"),
        ("heavy", "must hold numbers"),
    ],
)
def test_bad_weights(iris, weight, message):
    with pytest.raises(ValueError, match=message):
        PCA().fit(iris[0], sample_weight=weight)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(50, 4), (4, 50), (60_000, 30)])
@pytest.mark.parametrize("solver", ["gram", "full"])
def test_bad_entries_are_found_and_named(rng, bad, shape, solver):
    X = rng.standard_normal(shape)
    X[2, 1] = bad
    with pytest.raises(ValueError, match=r"X contains (NaN|infinity).*row 2, column 1"):
        PCA(2, svd_solver=solver).fit(X)
    pca = PCA(2).fit(rng.standard_normal(shape))
    with pytest.raises(ValueError, match=r"row 2, column 1"):
        pca.transform(X)
    if solver == "gram":
        with pytest.raises(ValueError, match=r"row 2, column 1"):
            PCA(2).partial_fit(X)


def test_overflow_is_named():
    X = np.array([[1e200, 1.0], [-1e200, 2.0], [3e200, 0.0]])
    with pytest.raises(ValueError, match=r"squares overflow.*3e\+200"):
        PCA(1).fit(X)


def test_other_bad_calls(rng, iris):
    X = iris[0]
    with pytest.raises(NotFittedError):
        PCA().transform(X)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        PCA().fit(X[:1])
    pca = PCA(2).fit(X)
    with pytest.raises(ValueError, match="expecting 4 features"):
        pca.transform(X[:, :3])
    with pytest.raises(ValueError, match="expecting 4 features"):
        pca.partial_fit(X[:, :3])
    with pytest.raises(ValueError, match=r"3 columns.*n_components_=2"):
        pca.inverse_transform(X[:, :3])
    with pytest.raises(ValueError, match="at most n_features=4"):
        PCA(5).partial_fit(X)


def test_a_failed_fit_leaves_the_estimator_as_it_was(iris):
    X = iris[0]
    pca = PCA(2).fit(X)
    before = copy.deepcopy(pca.__dict__)
    bad = np.column_stack([X, X])
    bad[5, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        pca.fit(bad)
    with pytest.raises(ValueError, match="features"):
        pca.partial_fit(bad)
    assert pca.n_features_in_ == 4
    assert_allclose(pca.components_, before["components_"])
    fresh = PCA(2)
    with pytest.raises(ValueError, match="NaN"):
        fresh.fit(bad)
    assert not hasattr(fresh, "n_features_in_")


def test_an_interrupted_fit_leaves_nothing(iris, monkeypatch):
    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skdimred.decomposition._pca.cancellation", stop)
    pca = PCA(2)
    with pytest.raises(KeyboardInterrupt):
        pca.fit(iris[0])
    assert vars(pca) == vars(PCA(2))


# Inputs that once gave wrong answers here.


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("solver", ["auto", "full"])
def test_whitening_of_exact_collinearity(dtype, wide, solver):
    """Sums of columns, one-hot codes and start + duration = end."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        counts = rng.poisson(1, (3000, 3)).astype(float)
        start = 1.7e9 + rng.integers(0, 10**7, 500)
        span = rng.integers(60, 10**5, 500).astype(float)
        low = rng.integers(-50, 50, (100, 3)) @ rng.integers(-3, 4, (3, 8)) + 1e4
        tables = [
            (np.column_stack([counts, counts[:, 0] + counts[:, 1]]), 3),
            (np.eye(4)[rng.integers(0, 4, 300)], 3),
            (low, 3),
        ]
        if dtype == np.float64:
            tables.append((np.column_stack([start, span, start + span]), 2))
        if wide:
            far = 1e6 if dtype == np.float64 else 1e2
            X = rng.integers(-9, 9, (6, 3)) @ rng.integers(-9, 9, (3, 30)) + far
            tables = [(X, 3)]
        for X, rank in tables:
            Z = PCA(svd_solver=solver, whiten=True).fit_transform(X.astype(dtype))
            assert np.all(Z[:, rank:] == 0), (seed, X.shape)
            assert_allclose(Z[:, :rank].std(axis=0, ddof=1), 1, rtol=1e-3)


def test_noise_beside_one_huge_feature(rng):
    X = rng.standard_normal((2000, 5))
    X[:, 0] = 1.7e9 + 86400 * np.arange(2000)
    pca = PCA(1).fit(X)
    assert_allclose(pca.noise_variance_, by_svd(X)[0][1:] @ by_svd(X)[0][1:] / 1999 / 4)
    assert np.isfinite(pca.score(X))
    Y = rng.standard_normal((60_000, 5)) * [3e3, 1, 1, 1, 1]
    assert_allclose(PCA(1).fit(Y.astype("f4")).noise_variance_, 1, rtol=0.05)


def test_density_of_the_fitted_rows_in_float32(rng):
    X = rng.standard_normal((8, 20)).astype("f4")
    assert np.isfinite(PCA().fit(X).score_samples(X)).all()


@pytest.mark.parametrize("number", [np.float32(0.9), np.float64(0.9), np.int64(2)])
def test_numbers_of_any_type(iris, number):
    plain = 0.9 if number < 1 else 2
    assert (
        PCA(number).fit(iris[0]).n_components_ == PCA(plain).fit(iris[0]).n_components_
    )


@pytest.mark.parametrize("garbage", [1e30, 1e100, -1e14])
@pytest.mark.parametrize("shape", [(100, 6), (60_000, 8), (6, 50)])
def test_rows_of_weight_zero_do_not_exist(rng, garbage, shape):
    X = rng.standard_normal(shape)
    w = np.ones(len(X))
    X[0], w[0] = garbage, 0.0
    with_them, without = PCA(3).fit(X, sample_weight=w), PCA(3).fit(X[1:])
    assert_allclose(
        with_them.explained_variance_, without.explained_variance_, rtol=1e-9
    )
    assert_allclose(with_them.components_, without.components_, atol=1e-9)


@pytest.mark.parametrize("scale", [1e-25, 1e-18, 1e15])
def test_extremes_of_float32(rng, scale):
    X = rng.standard_normal((60_000, 5)) * np.arange(1, 6)
    far = (X * scale).astype("f4")
    assert subspace_sine(PCA(2).fit(far).components_, PCA(2).fit(X).components_) < 1e-5
    with pytest.raises(ValueError, match="overflows float32"):
        PCA(2).fit((X * 1e25).astype("f4"))


def test_streams_that_have_no_variance_yet(recwarn):
    pca = PCA(2).partial_fit([[0.0, 0.0], [1.0, 1.0], [0.0, 0.0], [3.0, 3.0]])
    assert np.isfinite(pca.components_).all()
    PCA(tol=np.inf).fit([[0.0, 0.0], [1.0, 1.0], [3.0, 3.0]])
    assert not recwarn.list
    X = np.eye(4)
    with pytest.raises(ValueError, match="sums to 1"):
        PCA().partial_fit(X, sample_weight=np.full(4, 0.25))


def test_a_constant_feature_of_a_wide_table_in_any_position(rng):
    for value in (0.1, 1e160, -3e-9, 1.7e9):
        X = rng.standard_normal((40, 3000))
        X[:, 7] = value
        pca = PCA(5).fit(X)
        assert np.all(pca.components_[:, 7] == 0)
        assert subspace_sine(
            pca.components_, PCA(5).fit(X * (value != X)).components_
        ) < (1e-9)


def test_float32_rows_for_a_float64_model(rng):
    X = rng.standard_normal((300, 4)) + 1e3
    pca = PCA(2).fit(X)
    assert_allclose(pca.transform(X.astype("f4")), pca.transform(X), atol=2e-4)
