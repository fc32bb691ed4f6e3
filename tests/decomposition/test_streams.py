"""Rows by the block, from disk, from another estimator; and fits that fail."""

import copy
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError

from skdimred import PCA
from skdimred.decomposition import TruncatedSVD
from skdimred.metrics import subspace_sine

ESTIMATORS = [PCA, TruncatedSVD]
NAMES = {
    PCA: ["mean_", "noise_variance_"],
    TruncatedSVD: ["energy_ratio_", "compression_ratio_"],
}
COMMON = [
    "components_",
    "singular_values_",
    "explained_variance_",
    "explained_variance_ratio_",
]


def assert_same(one, two, atol=1e-10):
    for name in COMMON + NAMES[type(one)]:
        size = max(1.0, np.abs(getattr(two, name)).max())
        assert_allclose(getattr(one, name), getattr(two, name), atol=atol * size)
    assert one.n_samples_ == two.n_samples_
    assert one.n_components_ == two.n_components_
    assert one.n_features_in_ == two.n_features_in_


def some_rows(rng, n=120, p=7):
    X = rng.standard_normal((n, p)) * np.arange(1, p + 1) + 2
    return X * (rng.random((n, p)) < 0.7), rng.integers(0, 4, n).astype(float)


def blocks_of(X, w=None, sizes=(1, 50, 3, 66)):
    """A generator of blocks, with their weights if there are any."""
    stops = np.cumsum(sizes)
    assert stops[-1] == X.shape[0]
    for start, stop in zip([0, *stops[:-1]], stops, strict=True):
        yield X[start:stop] if w is None else (X[start:stop], w[start:stop])


# All ways lead to the same numbers.


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("k", [3, 0.8, "mle", "gavish-donoho", None])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csr_matrix])
@pytest.mark.parametrize("weighted", [True, False])
def test_weights_repetition_blocks_iterator_and_merge(
    rng, estimator, k, make, weighted
):
    X, w = some_rows(rng)
    w[0] = 1.0
    repeated = np.repeat(X, w.astype(int), axis=0) if weighted else X
    w = w if weighted else None
    rows = make(X)
    whole = estimator(k, svd_solver="full").fit(repeated)
    streamed = estimator(k)
    for block in blocks_of(rows, w):
        streamed.partial_fit(*block[:1], sample_weight=block[1]) if weighted else (
            streamed.partial_fit(block)
        )
    parts = [estimator(k) for _ in range(4)]
    for part, block in zip(parts, blocks_of(rows, w), strict=True):
        block, weight = block if weighted else (block, None)
        part.partial_fit(block, sample_weight=weight)
    merged = estimator(k)
    for i in (2, 0, 3, 1):
        merged.merge(parts[i])
    at_once = estimator(k).fit(rows, sample_weight=w)
    from_iterator = estimator(k).fit(blocks_of(rows, w))
    if weighted:
        # Rows of weight 0 are not counted, and rows are not repeated.
        whole.n_samples_ = np.count_nonzero(w)
        if estimator is TruncatedSVD:
            whole.compression_ratio_ = at_once.compression_ratio_
    for found in (at_once, from_iterator, streamed, merged):
        assert_same(found, whole)
        assert_allclose(found.transform(rows), whole.transform(X), atol=1e-9)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("offset", [0, 1e8])
def test_the_order_of_merging_does_not_matter(rng, estimator, offset):
    X, _ = some_rows(rng)
    X = X + offset
    whole = estimator(3, svd_solver="full").fit(X)
    parts = [estimator(3).partial_fit(block) for block in blocks_of(X)]
    left = copy.deepcopy(parts[0]).merge(parts[1]).merge(parts[2]).merge(parts[3])
    right = copy.deepcopy(parts[2]).merge(parts[3])
    balanced = copy.deepcopy(parts[0]).merge(parts[1]).merge(right)
    backwards = estimator(3).merge(parts[3]).merge(parts[2]).merge(parts[1])
    backwards.merge(parts[0])
    rtol = 1e-10 if offset == 0 else 1e-7
    for found in (left, balanced, backwards):
        assert_allclose(found.singular_values_[0], whole.singular_values_[0], rtol=rtol)
        if estimator is PCA or offset == 0:
            assert_allclose(found.components_, whole.components_, atol=1e-7)
        assert found.n_samples_ == 120


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_merging_leaves_the_other_alone(rng, estimator):
    X, _ = some_rows(rng)
    other = estimator(2).fit(X[:60])
    before = pickle.dumps(other)
    found = estimator(3).partial_fit(X[60:]).merge(other).partial_fit(X[:10])
    assert pickle.dumps(other) == before
    assert found.n_components_ == 3
    assert found.merge(found).n_samples_ == 260


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fit_merge_and_partial_fit_go_on_from_each_other(rng, estimator):
    X, _ = some_rows(rng)
    found = estimator(3).fit(blocks_of(X[:70], sizes=(30, 40))).partial_fit(X[70:90])
    found.merge(estimator(3).fit(X[90:]))
    assert_same(found, estimator(3, svd_solver="full").fit(X))
    # A fit starts anew.
    assert_same(found.fit(iter([X[:40]])), estimator(3).fit(X[:40]))


def test_an_iterator_is_read_once_and_block_by_block(rng):
    X, _ = some_rows(rng)
    read = []

    def blocks():
        for i, block in enumerate(np.split(X, 6)):
            read.append(i)
            yield block

    PCA(2).fit(blocks())
    assert read == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_blocks_of_many_kinds(rng, tmp_path, estimator):
    X, w = some_rows(rng)
    np.save(tmp_path / "rows.npy", X[:30])
    frame = pd.DataFrame(X[60:90], columns=list("abcdefg"))
    blocks = [
        tmp_path / "rows.npy",
        (sparse.csc_matrix(X[30:60]), w[30:60]),
        frame.to_numpy(),
        X[90:].tolist(),
    ]
    w[:30] = w[60:] = 1.0
    found = estimator(3).fit(iter(blocks))
    assert_same(found, estimator(3).fit(X, sample_weight=w))


def test_the_dtype_of_blocks(rng):
    X, _ = some_rows(rng)
    single = X.astype(np.float32)
    assert PCA(2).fit(iter([single, single])).components_.dtype == np.float32
    assert PCA(2).fit(iter([single, X])).components_.dtype == np.float64
    assert PCA(2).partial_fit(single).components_.dtype == np.float32
    assert PCA(2).partial_fit(single).partial_fit(X).components_.dtype == np.float64


def test_names_from_frames(rng):
    X, _ = some_rows(rng)
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    found = PCA(2).fit(iter([frame[:50], frame[50:]]))
    assert list(found.feature_names_in_) == list("abcdefg")
    merged = PCA(2).merge(found)
    assert list(merged.feature_names_in_) == list("abcdefg")
    with pytest.raises(ValueError, match="feature names"):
        PCA(2).fit(iter([frame[:50], frame[50:][list("gfedcba")]]))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_merging_other_features_is_refused(rng, estimator):
    """The same columns in another order are other features."""
    frame = pd.DataFrame(some_rows(rng)[0], columns=list("abcdefg"))
    one = estimator(2).fit(frame)
    with pytest.raises(ValueError, match="feature names"):
        one.merge(estimator(2).fit(frame[list("gfedcba")]))
    assert one.merge(estimator(2).fit(frame)).n_samples_ == 240


# Rows on disk.


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["auto", "gram", "krylov", "full"])
@pytest.mark.parametrize("as_path", [str, Path])
@pytest.mark.parametrize("shape", [(200, 9), (9, 200)])
def test_a_path(rng, tmp_path, estimator, solver, as_path, shape):
    X = rng.standard_normal(shape) * np.linspace(3, 1, shape[1])
    np.save(tmp_path / "rows.npy", X)
    np.save(tmp_path / "columns.npy", np.asfortranarray(X))
    options = {"svd_solver": solver, "criterion": "directions", "tol": 1e-10}
    whole = estimator(3, random_state=0, **options).fit(X)
    for name in ("rows.npy", "columns.npy"):
        path = as_path(tmp_path / name)
        found = estimator(3, random_state=0, **options).fit(path)
        assert_same(found, whole, atol=1e-8)
        assert_allclose(found.transform(path), whole.transform(X), atol=1e-8)
        if solver == "gram" and shape[0] > shape[1]:
            assert estimator(3).partial_fit(path).n_samples_ == 200
    if estimator is PCA:
        assert_allclose(whole.score(as_path(tmp_path / "rows.npy")), whole.score(X))


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("name", ["rows.csv", "rows.npz", "rows", ""])
def test_a_path_to_something_else(estimator, name):
    with pytest.raises(ValueError, match=r"X='.*' must be the path of an .npy file"):
        estimator().fit(name)


def test_a_path_to_nothing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"rows\.npy"):
        PCA().fit(tmp_path / "rows.npy")


# Calls that make no sense, named.


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_block_without_weight_is_passed_over(rng, estimator):
    X, w = some_rows(rng)
    half = len(X) // 2
    w[:half] = 0.0
    blocks = [(X[:half], w[:half]), (X[half:], w[half:])]
    found = estimator(3).fit(iter(blocks))
    assert_same(found, estimator(3).fit(X, sample_weight=w), atol=1e-10)
    with pytest.raises(ValueError, match="without any block"):
        estimator(3).fit(iter(blocks[:1]))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_bad_iterators(rng, estimator):
    X, w = some_rows(rng)
    with pytest.raises(
        ValueError, match=r"sample_weight must be None where X is an it"
    ):
        estimator().fit(iter([X]), sample_weight=w)
    with pytest.raises(ValueError, match="X is an iterator without any block"):
        estimator().fit(iter([]))
    with pytest.raises(ValueError, match=r"n_components=9 must be at most .*7"):
        estimator(9).fit(iter([X]))
    with pytest.raises(ValueError, match="expecting 7 features"):
        estimator().fit(iter([X, X[:, :4]]))
    with pytest.raises(ValueError, match=r"'parallel' permutes the rows"):
        estimator("parallel").fit(iter([X]))
    for call in ("transform", "partial_fit"):
        with pytest.raises((TypeError, ValueError), match="iterator"):
            getattr(estimator(2).fit(X), call)(iter([X]))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_bad_merges(rng, estimator):
    X, _ = some_rows(rng)
    found = estimator(2).fit(X)
    before = dict(vars(found))
    other = TruncatedSVD if estimator is PCA else PCA
    message = f"other must be a {estimator.__name__}, found {other.__name__}"
    with pytest.raises(TypeError, match=message):
        found.merge(other(2).fit(X))
    with pytest.raises(NotFittedError):
        found.merge(estimator(2))
    with pytest.raises(
        ValueError, match=r"n_features_in_=4 features, and this one to 7"
    ):
        found.merge(estimator(2).fit(X[:, :4]))
    wide = estimator(2, svd_solver="gram").fit(X[:5])
    with pytest.raises(ValueError, match=r"other .*svd_solver_='gram'.*no scatter"):
        found.merge(wide)
    with pytest.raises(ValueError, match=r"This .*n_samples_=5 rows.*no scatter"):
        wide.merge(found)
    for name in ("partial_fit", "merge"):
        assert not hasattr(estimator("parallel"), name)
    assert vars(found) == before


# Fits that fail leave things as they were.


def state_of(estimator):
    return {name: id(value) for name, value in vars(estimator).items()}


def bad_rows(rng, kind):
    X, _ = some_rows(rng)
    X[5, 2] = np.inf if kind == "inf" else np.nan
    return X


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("kind", ["nan", "inf"])
@pytest.mark.parametrize("fitted", ["no", "fit", "stream"])
@pytest.mark.parametrize("solver", ["gram", "krylov", "full"])
def test_a_failed_fit(rng, estimator, kind, fitted, solver):
    good, bad = some_rows(rng)[0], bad_rows(rng, kind)
    found = estimator(3, svd_solver=solver)
    if fitted == "fit":
        found.fit(good)
    elif fitted == "stream":
        found.partial_fit(good)
        assert found.components_.shape == (3, 7)
    before = state_of(found)

    def third_is_bad():
        yield from (good, good, bad)

    def stops_in_between():
        yield good
        raise KeyError("no more")

    named = r"X contains (NaN|infinity) \(first at row 5, column 2"
    calls = [
        (found.fit, bad),
        (found.fit, bad[:, :6]),
        (found.fit, third_is_bad()),
        (found.partial_fit, bad),
    ]
    if solver != "full":
        calls.append((found.fit, sparse.csr_array(bad)))
    for call, rows in calls:
        with pytest.raises(ValueError, match=named):
            call(rows)
        assert state_of(found) == before
    with pytest.raises(KeyError, match="no more"):
        found.fit(stops_in_between())
    assert state_of(found) == before
    if fitted == "no":
        with pytest.raises(NotFittedError):
            found.transform(good)
    else:
        assert_same(
            found.partial_fit(good),
            estimator(3).partial_fit(np.concatenate([good, good])),
        )


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_stream_that_overflows_fails_at_once_and_goes_on(rng, estimator):
    """Not when a result is asked for: then the rows seen before would be lost."""
    X = rng.standard_normal((50, 4)).astype(np.float32)
    found = estimator(2).partial_fit(X)
    far = (1e25 * X).astype(np.float32)
    with pytest.raises(ValueError, match="overflow"):
        found.partial_fit(far * np.float32(1e13))
    assert_allclose(found.singular_values_, estimator(2).fit(X).singular_values_)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_an_interrupted_stream(rng, estimator, monkeypatch):
    X, _ = some_rows(rng)

    def stop(*args, **kwargs):
        raise KeyboardInterrupt

    found = estimator(2).partial_fit(X)
    assert found.n_components_ == 2
    before = state_of(found)
    monkeypatch.setattr("skdimred.decomposition._fit.summarise", stop)
    for call in (found.partial_fit, lambda rows: found.fit(iter([rows]))):
        with pytest.raises(KeyboardInterrupt):
            call(X)
        assert state_of(found) == before


# Results that wait to be asked for.


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_stream_may_be_looked_at_in_any_way(rng, estimator):
    X, _ = some_rows(rng)
    whole = estimator(3).fit(X)
    looks = [
        lambda e: e.components_,
        lambda e: e.transform(X),
        lambda e: e.inverse_transform(np.zeros((1, 3))),
        lambda e: e.get_feature_names_out(),
        lambda e: e.n_samples_,
        lambda e: e.residual_,
        lambda e: e.svd_solver_,
        lambda e: pickle.loads(pickle.dumps(e)).components_,
        lambda e: copy.deepcopy(e).components_,
        lambda e: e.set_output(transform="pandas").transform(X),
    ]
    if estimator is PCA:
        looks += [lambda e: e.score(X), lambda e: e.get_covariance()]
    for look in looks:
        streamed = estimator(3).partial_fit(X[:50]).partial_fit(X[50:])
        assert repr(streamed)
        look(streamed)
        assert_same(streamed, whole)
        assert hasattr(streamed, "components_")
        assert not hasattr(streamed, "no_such_thing_")
    assert not hasattr(clone(streamed), "components_")


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_looking_does_not_change_what_comes(rng, estimator):
    X = load_breast_cancer().data
    looked, blind = estimator(4), estimator(4)
    for block in np.array_split(X, 9):
        looked.partial_fit(block)
        assert looked.components_.shape == (4, 30)
        blind.partial_fit(block)
    assert np.array_equal(looked.components_, blind.components_)
    assert subspace_sine(looked.components_, estimator(4).fit(X).components_) < 1e-7
