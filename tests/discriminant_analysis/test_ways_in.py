"""Blocks, merging, paths, and sparse rows: one answer whatever the way in."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skdimred import DifferenceLDA, MeanDifferenceLDA, RatioLDA
from skdimred.discriminant_analysis import _routes

ESTIMATORS = [
    RatioLDA(),
    RatioLDA(shrinkage=0.2, metric="total"),
    RatioLDA(1, metric="orthogonal"),
    DifferenceLDA(rho=0.3),
    DifferenceLDA(rho="trace_ratio"),
    DifferenceLDA(rho=0.1, constraint="within", shrinkage="oas"),
    MeanDifferenceLDA(),
]
NAMES = ("scalings_", "eigenvalues_", "means_", "xbar_", "priors_", "coef_")


def some_rows(rng, estimator, n=120, p=5):
    n_classes = 2 if isinstance(estimator, MeanDifferenceLDA) else 3
    y = rng.integers(0, n_classes, n)
    y[:n_classes] = np.arange(n_classes)
    X = rng.standard_normal((n, p)) + 3 * rng.standard_normal((n_classes, p))[y]
    return X, np.array(["ash", "elm", "fir"])[y], rng.integers(0, 3, n).astype(float)


def assert_same(found, whole, atol=1e-10):
    assert np.array_equal(found.classes_, whole.classes_)
    assert_allclose(found.class_weight_, whole.class_weight_)
    for name in NAMES:
        assert_allclose(
            getattr(found, name), getattr(whole, name), rtol=1e-9, atol=atol
        )


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_any_split_gives_the_same(rng, estimator, offset):
    X, y, w = some_rows(rng, estimator)
    X += offset
    atol = 1e-10 if offset == 0 else 1e-7
    whole = clone(estimator).fit(X, y, sample_weight=w)
    cuts = [slice(0, 1), slice(1, 40), slice(40, 41), slice(41, 120)]
    streamed = clone(estimator)
    for cut in cuts:
        if w[cut].any():
            streamed.partial_fit(X[cut], y[cut], sample_weight=w[cut])
    assert_same(streamed, whole, atol)
    blocks = ((X[c], y[c], w[c]) for c in cuts)
    assert_same(clone(estimator).fit(blocks), whole, atol)
    parts = [clone(estimator) for _ in range(2)]
    for part, cut in zip(parts, (slice(0, 50), slice(50, 120)), strict=True):
        part.partial_fit(X[cut], y[cut], sample_weight=w[cut])
    before = pickle.dumps(parts[1])
    assert_same(parts[0].merge(parts[1]), whole, atol)
    assert pickle.dumps(parts[1]) == before
    assert_same(clone(estimator).merge(whole), whole, atol)


def test_merging_unites_classes(rng):
    X, y, _ = some_rows(rng, RatioLDA())
    one = RatioLDA().partial_fit(X[y == "fir"], y[y == "fir"])
    two = RatioLDA().fit(X[y != "fir"], y[y != "fir"])
    with pytest.raises(NotFittedError, match="only one class"):
        one.transform(X)
    assert_same(one.merge(two), RatioLDA().fit(X, y))
    assert list(two.classes_) == ["ash", "elm"]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_paths_and_memory_maps(rng, tmp_path, estimator):
    X, y, w = some_rows(rng, estimator)
    np.save(tmp_path / "rows.npy", X)
    whole = clone(estimator).fit(X, y, sample_weight=w)
    path = tmp_path / "rows.npy"
    assert_same(clone(estimator).fit(path, y, sample_weight=w), whole)
    mapped = np.load(path, mmap_mode="r")
    assert_same(clone(estimator).fit(mapped, y, sample_weight=w), whole)
    assert_allclose(whole.transform(path), whole.transform(X))


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
@pytest.mark.parametrize("shape", [(120, 5), (25, 60)])
@pytest.mark.parametrize(
    "kind", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix]
)
def test_sparse_rows_are_rows(rng, estimator, shape, kind):
    X, y, w = some_rows(rng, estimator, *shape)
    X[rng.random(X.shape) < 0.5] = 0.0
    w += 1
    whole = clone(estimator).fit(X, y, sample_weight=w)
    found = clone(estimator).fit(kind(X), y, sample_weight=w)
    assert found.solver_ == whole.solver_
    assert_same(found, whole, 1e-9)
    assert_allclose(found.transform(kind(X)), whole.transform(X), atol=1e-9)
    if shape[0] > shape[1]:
        half = slice(0, 60), slice(60, 120)
        streamed = clone(estimator)
        for cut, form in zip(half, (kind, np.asarray), strict=True):
            streamed.partial_fit(form(X[cut]), y[cut], sample_weight=w[cut])
        assert_same(streamed, whole, 1e-9)


def test_sparse_rows_far_from_the_origin(rng):
    X, y, _ = some_rows(rng, RatioLDA())
    X[:, 2] += 1e6
    X[rng.random(120) < 0.3, 0] = 0.0
    whole, found = RatioLDA().fit(X, y), RatioLDA().fit(sparse.csr_array(X), y)
    assert_allclose(found.scalings_, whole.scalings_, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("shrinkage", [0.01, 0.5, "oas", "ledoit-wolf"])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, np.asarray])
@pytest.mark.parametrize("weighted", [False, True])
def test_conjugate_gradients_find_the_same(rng, shrinkage, form, weighted):
    X, y, w = some_rows(rng, RatioLDA(), n=90, p=150)
    X[rng.random(X.shape) < 0.8] = 0.0
    X[:, 7] = 2.0  # constant, and stored in every row
    w = w + 1 if weighted else None
    direct = RatioLDA(solver="dual", shrinkage=shrinkage).fit(X, y, sample_weight=w)
    lda = RatioLDA(solver="cg", shrinkage=shrinkage, cg_tol=1e-11)
    lda.fit(form(X), y, sample_weight=w)
    assert lda.solver_ == "cg"
    assert lda.n_iter_ > 3
    assert_allclose(lda.shrinkage_, direct.shrinkage_, rtol=1e-9)
    assert_same(lda, direct, 1e-8)
    assert np.all(lda.scalings_[7] == 0)
    assert lda.residual_ < 1e-9
    # The eigenvalues are right to the square of the tolerance.
    rough = clone(lda).set_params(cg_tol=1e-3).fit(form(X), y, sample_weight=w)
    assert_allclose(rough.eigenvalues_, direct.eigenvalues_, rtol=1e-5)
    assert rough.n_iter_ < lda.n_iter_


def test_conjugate_gradients_take_over_and_say_when_they_stop(rng, monkeypatch):
    X, y, _ = some_rows(rng, RatioLDA(), n=60, p=90)
    S = sparse.csr_array(X)
    assert _routes.choose_solver((3000, 4000), True) == "cg"
    assert _routes.choose_solver((9000, 4000), True) == "gram"
    assert _routes.choose_solver((2000, 4000), True) == "dual"
    assert _routes.choose_solver((9000, 5000), True) == "cg"
    assert _routes.choose_solver((9000, 9000), False) == "dual"
    monkeypatch.setattr(_routes, "MOST_ROWS", 10)
    lda = RatioLDA().fit(S, y)
    assert lda.solver_ == "cg"
    assert_allclose(
        lda.eigenvalues_, RatioLDA(shrinkage="auto").fit(X, y).eigenvalues_, rtol=1e-6
    )
    with pytest.raises(ValueError, match="solver_='cg'"):
        lda.partial_fit(S, y)
    with pytest.warns(ConvergenceWarning, match="after 2 products.*Raise shrinkage"):
        RatioLDA(shrinkage=1e-6, max_iter=2).fit(S, y)
    two = y != "fir"
    mean = MeanDifferenceLDA(shrinkage=0.1).fit(S[two], y[two])
    assert mean.solver_ == "cg"
    dense = MeanDifferenceLDA(shrinkage=0.1).fit(X[two], y[two])
    assert_allclose(mean.eigenvalues_, dense.eigenvalues_, rtol=1e-6)


def test_no_width_for_conjugate_gradients(rng):
    y = np.arange(12) % 3
    X = rng.standard_normal((3, 7))[y]
    lda = RatioLDA(solver="cg").fit(X, y)
    assert np.all(lda.eigenvalues_ == np.inf)
    assert np.array_equal(lda.predict(X), y)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=str)
def test_results_of_a_stream_wait_until_they_are_asked_for(rng, estimator):
    X, y, _ = some_rows(rng, estimator)
    lda = clone(estimator).partial_fit(X, y)
    assert "scalings_" not in vars(lda)
    copy = pickle.loads(pickle.dumps(lda))
    assert_same(lda, clone(estimator).fit(X, y))
    assert "scalings_" in vars(lda)
    assert_same(copy, lda)
    lda.partial_fit(X, y)
    assert "scalings_" not in vars(lda)


def test_bad_streams(rng):
    X, y, _ = some_rows(rng, RatioLDA())
    with pytest.raises(ValueError, match="y and sample_weight must be None"):
        RatioLDA().fit(iter([(X, y)]), y)
    with pytest.raises(ValueError, match=r"must yield tuples \(rows, labels\)"):
        RatioLDA().fit(iter([X]))
    with pytest.raises(ValueError, match="without any block"):
        RatioLDA().fit(iter([]))
    with pytest.raises(ValueError, match=r"Blocks of rows: .*solver='dual'"):
        RatioLDA(solver="dual").fit(iter([(X, y)]))
    with pytest.raises(ValueError, match="n_components=3 must be at most 2"):
        RatioLDA(3).fit(iter([(X, y)]))
    with pytest.raises(ValueError, match="target y is None"):
        RatioLDA().fit(X)
    with pytest.raises(
        TypeError, match="other must be a RatioLDA, found DifferenceLDA"
    ):
        RatioLDA().merge(DifferenceLDA().fit(X, y))
    with pytest.raises(NotFittedError):
        RatioLDA().merge(RatioLDA())
    with pytest.raises(
        ValueError, match="n_features_in_=4 features, and this one to 5"
    ):
        RatioLDA().fit(X, y).merge(RatioLDA().fit(X[:, :4], y))
    with pytest.raises(ValueError, match="must be of one kind"):
        RatioLDA().fit(X, y).merge(
            RatioLDA().fit(X, np.unique(y, return_inverse=True)[1])
        )
    with pytest.raises(
        ValueError, match=r"^other RatioLDA was fitted .*solver_='dual'"
    ):
        RatioLDA().fit(X, y).merge(RatioLDA().fit(X[[0, 1, 2]], y[[0, 1, 2]]))
