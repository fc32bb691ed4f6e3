"""Sparse rows: the numbers of dense ones, without ever being dense, untouched."""

import pickle
import re

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, OneHotEncoder

from skdimred import PCA
from skdimred.decomposition import TruncatedSVD
from skdimred.metrics import subspace_sine

MAKERS = [sparse.csr_array, sparse.csc_array, sparse.csr_matrix, sparse.csc_matrix]
SHAPES = {"tall": (80, 15), "square": (30, 30), "wide": (15, 80)}
ESTIMATORS = [PCA, TruncatedSVD]


@pytest.fixture(scope="module")
def text():
    """Sentences about four data sets, and which of them each is about."""
    names = ["iris", "wine", "digits", "breast_cancer", "diabetes", "linnerud"]
    sentences, labels = [], []
    for label, name in enumerate(names):
        about = getattr(sklearn.datasets, f"load_{name}")().DESCR
        parts = [s for s in re.split(r"[.:]\s|\n\n", about) if len(s.split()) > 3]
        sentences += parts
        labels += [label] * len(parts)
    return sentences, np.array(labels)


def sparsely(rng, shape, dtype=np.float64):
    """Rows with a fifth of the entries, and singular values that are apart."""
    X = rng.standard_normal(shape) * np.linspace(4, 1, shape[1])
    return (X * (rng.random(shape) < 0.2)).astype(dtype)


def made(estimator, k, **options):
    options = {"criterion": "directions", "tol": 1e-11, "random_state": 0} | options
    return estimator(k, **options)


NAMES = {
    PCA: [
        "components_",
        "explained_variance_",
        "explained_variance_ratio_",
        "singular_values_",
        "mean_",
        "noise_variance_",
    ],
    TruncatedSVD: [
        "components_",
        "explained_variance_",
        "explained_variance_ratio_",
        "singular_values_",
        "energy_ratio_",
        "compression_ratio_",
    ],
}


def assert_same(one, two, atol):
    for name in NAMES[type(one)]:
        size = max(1.0, np.abs(getattr(two, name)).max())
        assert_allclose(getattr(one, name), getattr(two, name), atol=atol * size)


# Sparse is dense.


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["auto", "gram", "krylov"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("k", [3, 0.5, "half"])
def test_sparse_is_dense(rng, estimator, solver, shape, weighted, k):
    D = sparsely(rng, shape)
    w = rng.integers(0, 4, shape[0]).astype(float) if weighted else None
    k = min(shape) // 2 if k == "half" else k
    dense = made(estimator, k, svd_solver="full").fit(D, sample_weight=w)
    for make in MAKERS:
        X = make(D)
        found = made(estimator, k, svd_solver=solver).fit(X, sample_weight=w)
        assert_same(found, dense, 1e-9)
        scores = dense.transform(D)
        assert_allclose(found.transform(X), scores, atol=1e-8)
        assert isinstance(found.transform(X), np.ndarray)
        back = found.inverse_transform(scores)
        assert_allclose(back, dense.inverse_transform(scores), atol=1e-8)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("whiten", [True, False])
@pytest.mark.parametrize("center", [True, False])
def test_density_of_sparse_rows(rng, monkeypatch, shape, whiten, center):
    monkeypatch.setattr("skdimred.decomposition._pca.DENSE_BYTES", 1)
    D = sparsely(rng, shape)
    pca = PCA(4, whiten=whiten, center=center)
    one, two = clone(pca).fit(D), clone(pca).fit(sparse.csc_array(D))
    expected = one.score_samples(D)
    assert_allclose(two.score_samples(sparse.csr_array(D)), expected, rtol=1e-8)
    assert_allclose(two.score_samples(sparse.csc_array(D)), expected, rtol=1e-8)
    w = rng.uniform(0, 2, shape[0])
    assert_allclose(
        two.score(sparse.csr_array(D), sample_weight=w),
        np.average(expected, weights=w),
        rtol=1e-8,
    )
    assert_allclose(two.transform(sparse.csr_array(D)), one.transform(D), atol=1e-8)


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("solver", ["gram", "krylov"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_float32_stays_float32(rng, make, solver, shape):
    D = sparsely(rng, shape, np.float32)
    true = made(PCA, 3, svd_solver="full").fit(D.astype(np.float64))
    pca = PCA(3, svd_solver=solver, random_state=0).fit(make(D))
    assert pca.components_.dtype == np.float32
    assert pca.transform(make(D)).dtype == np.float32
    assert_same(pca, true, 1e-4)


@pytest.mark.parametrize(("dtype", "offset"), [(np.float64, 1e6), (np.float32, 1e4)])
@pytest.mark.parametrize("solver", ["auto", "gram", "krylov"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_full_columns_far_away(rng, dtype, offset, solver, shape):
    """Sparse in name only: the mean is not small beside the spread."""
    D = (rng.standard_normal(shape) * np.linspace(3, 1, shape[1]) + offset).astype(
        dtype
    )
    true = PCA(3, svd_solver="full").fit(D)
    for make in (sparse.csr_array, sparse.csc_matrix):
        pca = PCA(3, svd_solver=solver, random_state=0).fit(make(D))
        limit = 1e-8 if dtype == np.float64 else 1e-4
        assert subspace_sine(pca.components_, true.components_) < limit
        rtol = 1e-9 if dtype == np.float64 else 1e-5
        assert_allclose(pca.singular_values_, true.singular_values_, rtol=rtol)
        assert_allclose(pca.mean_, true.mean_, rtol=1e-14)
        scores = true.transform(D)
        assert_allclose(
            pca.transform(make(D)), scores, atol=1e-4 * np.abs(scores).max()
        )


@pytest.mark.parametrize("offset", [0, 1e3, 1e5])
def test_energy_of_columns_far_away(rng, offset):
    """A tolerance in the energy is no leave to lose it to rounding."""
    D = rng.standard_normal((200, 40)) * np.linspace(3, 1, 40) + offset
    s = PCA(5, svd_solver="full").fit(D).singular_values_
    for tol in (1e-2, 1e-4):
        pca = PCA(5, svd_solver="krylov", criterion="variance", tol=tol, random_state=0)
        pca.fit(sparse.csr_array(D))
        kept = np.linalg.norm((D - D.mean(axis=0)) @ pca.components_.T) ** 2
        assert 1 - kept / np.sum(s**2) < tol
        assert_allclose(np.sum(pca.singular_values_**2), kept, rtol=1e-8)


@pytest.mark.parametrize("tol", [1e-3, 1e-4])
@pytest.mark.parametrize("shape", [(60, 400), (400, 60)])
def test_steep_spectra_at_a_loose_tolerance(rng, tol, shape):
    """What is found in rough products is orthonormal, and its values are its own."""
    U = np.linalg.qr(rng.standard_normal((shape[0], 30)))[0]
    V = np.linalg.qr(rng.standard_normal((shape[1], 30)))[0]
    D = U * np.logspace(0, -5, 30) @ V.T
    svd = TruncatedSVD(20, svd_solver="krylov", tol=tol, random_state=0)
    svd.fit(sparse.csr_array(D))
    W = svd.components_
    assert_allclose(W @ W.T, np.eye(20), atol=1e-9)
    assert_allclose(svd.singular_values_, np.linalg.norm(D @ W.T, axis=0), atol=1e-4)
    lost = np.sum(D**2) - np.sum(svd.singular_values_**2)
    assert lost < tol * np.sum(D**2)


@pytest.mark.parametrize("tol", [1e-3, 1e-8])
@pytest.mark.parametrize("k", [10, None])
def test_components_beyond_the_rank(tol, k):
    """Features of zeros, and fewer directions than are asked for."""
    for seed in range(40):
        rng = np.random.default_rng(seed)
        D = rng.standard_normal((30, 16)) * (rng.random((30, 16)) < 0.06)
        svd = TruncatedSVD(k, svd_solver="krylov", tol=tol, random_state=0)
        svd.fit(sparse.csr_array(D))
        V, s = svd.components_, np.linalg.svd(D, compute_uv=False)
        assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-8)
        assert_allclose(svd.singular_values_, s[: len(V)], atol=2 * tol * s[0])
        rank = min(len(V), np.linalg.matrix_rank(D))
        assert np.count_nonzero(svd.singular_values_) == rank
        assert np.all(svd.components_[:rank, ~D.any(axis=0)] == 0)


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-6])
@pytest.mark.parametrize("k", [3, 30])
def test_the_residual_is_true(text, tol, k):
    """Also where float32 products found the subspace."""
    X = TfidfVectorizer().fit_transform(text[0])
    svd = TruncatedSVD(k, svd_solver="krylov", tol=tol, random_state=0).fit(X)
    V, squares = svd.components_, svd.singular_values_**2
    error = (V @ X.T) @ X - squares[:, np.newaxis] * V
    true = np.linalg.norm(error, axis=1).max() / squares[0]
    assert true <= 2 * svd.residual_ + 1e-12


def test_the_residual_of_few_values_many_times(rng):
    codes = rng.zipf(1.5, 400) % 90
    X = sparse.csr_array((np.ones(400), codes, np.arange(401)), shape=(400, 90))
    svd = TruncatedSVD(20, svd_solver="krylov", random_state=0).fit(X)
    V, squares = svd.components_, svd.singular_values_**2
    error = (V @ X.T) @ X - squares[:, np.newaxis] * V
    true = np.linalg.norm(error, axis=1).max() / squares[0]
    assert true <= 2 * svd.residual_ + 1e-12
    assert_allclose(svd.singular_values_, np.sqrt(np.sort(np.bincount(codes))[:-21:-1]))


@pytest.mark.parametrize("garbage", [1e20, 1e100])
def test_rows_of_weight_zero_do_not_exist(rng, garbage):
    D = sparsely(rng, (60, 20))
    w = np.ones(60)
    D[4], w[4] = garbage, 0.0
    for tol in (1e-3, 1e-9):
        svd = TruncatedSVD(3, svd_solver="krylov", tol=tol, random_state=0)
        svd.fit(sparse.csr_array(D), sample_weight=w)
        s = np.linalg.svd(np.delete(D, 4, axis=0), compute_uv=False)
        assert_allclose(svd.singular_values_, s[:3], rtol=2 * tol)


@pytest.mark.parametrize("center", [True, False])
def test_identity_of_captured_and_lost_variance(text, center):
    X = TfidfVectorizer().fit_transform(text[0])
    D = X.toarray()
    pca = PCA(20, center=center, svd_solver="krylov", random_state=0).fit(X)
    off = D - pca.mean_
    total = np.sum(off**2) / (len(D) - 1)
    lost = np.sum((D - pca.inverse_transform(pca.transform(X))) ** 2) / (len(D) - 1)
    captured = pca.explained_variance_.sum()
    assert_allclose(captured + lost, total, rtol=1e-12)
    assert_allclose(captured / pca.explained_variance_ratio_.sum(), total, rtol=1e-12)
    T = pca.transform(X)
    C = T.T @ T / (len(D) - 1)
    assert_allclose(C, np.diag(pca.explained_variance_), atol=1e-9)
    if center:
        assert_allclose(T.mean(axis=0), np.zeros(20), atol=1e-14)


# Odd formats, and that nothing is changed.


def arrays_of(X):
    return X.data, X.indices, X.indptr


def untidy(D, order, int64=False):
    """CSR or CSC with unsorted indices, duplicates and zeros that are stored."""
    rng = np.random.default_rng(0)
    rows, columns = np.nonzero(D)
    values = D[rows, columns]
    half = values / 2
    zeros = rng.integers(0, D.shape[0], 20), rng.integers(0, D.shape[1], 20)
    i = np.concatenate([rows, rows, zeros[0]])
    j = np.concatenate([columns, columns, zeros[1]])
    v = np.concatenate([half, values - half, np.zeros(20)])
    mixed = rng.permutation(len(v))
    i, j, v = i[mixed], j[mixed], v[mixed]
    major, minor = (i, j) if order == "csr" else (j, i)
    by_major = np.argsort(major, kind="stable")
    size = D.shape[order == "csc"]
    indptr = np.concatenate([[0], np.cumsum(np.bincount(major, minlength=size))])
    kind = np.int64 if int64 else np.int32
    make = sparse.csr_array if order == "csr" else sparse.csc_array
    X = make((v[by_major], minor[by_major].astype(kind), indptr.astype(kind)), D.shape)
    X.indices, X.indptr = X.indices.astype(kind), X.indptr.astype(kind)
    return X


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["gram", "krylov"])
@pytest.mark.parametrize("order", ["csr", "csc"])
@pytest.mark.parametrize("int64", [True, False])
def test_untidy_rows_count_once_and_are_left_untidy(
    rng, estimator, solver, order, int64
):
    for shape in SHAPES.values():
        D = sparsely(rng, shape)
        X = untidy(D, order, int64)
        assert X.nnz > np.count_nonzero(D)
        before = [a.copy() for a in arrays_of(X)]
        found = made(estimator, 3, svd_solver=solver).fit(X)
        scores = found.transform(X)
        if estimator is PCA:
            found.score(X)
        found.set_params(n_components=2).partial_fit(X) if shape[0] > 79 else None
        for array, was in zip(arrays_of(X), before, strict=True):
            assert array.dtype == was.dtype
            assert np.array_equal(array, was)
        true = made(estimator, 3, svd_solver="full").fit(D)
        assert_allclose(scores, true.transform(D), atol=1e-8)


@pytest.mark.parametrize("solver", ["gram", "krylov"])
@pytest.mark.parametrize("kind", ["coo", "lil", "dok", "bsr", "dia"])
def test_other_formats(rng, solver, kind):
    D = sparsely(rng, (40, 12))
    X = sparse.csr_array(D).asformat(kind)
    pca = made(PCA, 2, svd_solver=solver).fit(X)
    assert_same(pca, made(PCA, 2, svd_solver="full").fit(D), 1e-9)
    assert X.format == kind


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint16])
@pytest.mark.parametrize("solver", ["gram", "krylov"])
def test_integers(rng, dtype, solver):
    D = rng.poisson(0.4, (50, 20)).astype(dtype)
    for make in (sparse.csr_array, sparse.csc_matrix):
        svd = made(TruncatedSVD, 4, svd_solver=solver).fit(make(D))
        true = np.linalg.svd(D.astype(float), compute_uv=False)
        assert_allclose(svd.singular_values_, true[:4], rtol=1e-11)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("solver", ["gram", "krylov"])
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_no_entry_at_all(estimator, solver, make, shape):
    fitted = estimator(3, svd_solver=solver)
    with pytest.warns(UserWarning, match=r"is constant|is 0"):
        fitted.fit(make(shape))
    V = fitted.components_
    assert_allclose(V @ V.T, np.eye(3), atol=1e-14)
    assert np.all(fitted.explained_variance_ratio_ == 0)
    assert np.all(fitted.transform(make(shape)) == 0)


@pytest.mark.parametrize("solver", ["gram", "krylov"])
@pytest.mark.parametrize("make", MAKERS)
def test_one_entry(solver, make):
    X = np.zeros((200, 30))
    X[11, 7] = 3.0
    svd = TruncatedSVD(2, svd_solver=solver, random_state=0).fit(make(X))
    assert_allclose(svd.singular_values_, [3, 0], atol=1e-14)
    assert_allclose(svd.components_[0], np.eye(30)[7], atol=1e-14)
    pca = PCA(2, svd_solver=solver, random_state=0).fit(make(X))
    assert_allclose(pca.singular_values_, [3 * np.sqrt(199 / 200), 0], atol=1e-14)


@pytest.mark.parametrize("solver", ["gram", "krylov"])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_weights_are_repetitions(rng, solver, shape):
    D = sparsely(rng, shape)
    w = rng.integers(1, 4, shape[0])
    w[2] = 0
    D[2] = 1e20
    for estimator in ESTIMATORS:
        repeated = sparse.csr_array(np.repeat(D, w, axis=0))
        one = made(estimator, 3, svd_solver=solver).fit(repeated)
        for make in MAKERS:
            two = made(estimator, 3, svd_solver=solver).fit(make(D), sample_weight=w)
            for name in ("components_", "singular_values_", "explained_variance_"):
                assert_allclose(getattr(one, name), getattr(two, name), atol=1e-9)


# Bad input.


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_bad_entries_are_found_and_named(rng, bad, make, estimator):
    D = sparsely(rng, (40, 12))
    fitted = made(estimator, 2).fit(make(D))
    before = dict(vars(fitted))
    D[7, 3], D[9, 1] = bad, bad
    match = r"X contains (NaN|infinity) \(first at row 7, column 3; 2 rows in all\)"
    with pytest.raises(ValueError, match=match):
        fitted.transform(make(D))
    for solver in ("gram", "krylov"):
        fresh = estimator(2, svd_solver=solver)
        with pytest.raises(ValueError, match=match):
            fresh.fit(make(D))
        assert vars(fresh) == vars(estimator(2, svd_solver=solver))
        with pytest.raises(ValueError, match=match):
            fresh.partial_fit(make(D))
        fitted.svd_solver = solver
        with pytest.raises(ValueError, match=match):
            fitted.fit(make(D))
    fitted.svd_solver = "auto"
    assert vars(fitted) == before


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_full_solver_says_what_to_do(rng, estimator):
    X = sparse.csr_array(sparsely(rng, (20, 5)))
    fresh = estimator(2, svd_solver="full")
    with pytest.raises(ValueError, match=r"svd_solver='full' .*dense copy.*'krylov'"):
        fresh.fit(X)
    assert not hasattr(fresh, "n_features_in_")


def test_mle_needs_rows(rng):
    X = sparse.csr_array(sparsely(rng, (10, 25)))
    with pytest.raises(ValueError, match=r"n_components='mle' needs.*'gavish-donoho'"):
        PCA("mle").fit(X)


# At work.


def test_latent_semantic_analysis(text):
    sentences, labels = text
    lsa = make_pipeline(
        TfidfVectorizer(), TruncatedSVD(20, random_state=0), Normalizer(copy=False)
    )
    T = lsa.fit_transform(sentences)
    # A few sentences share no word with the rest.
    assert np.mean(np.abs(np.linalg.norm(T, axis=1) - 1) < 1e-9) > 0.95
    # Sentences about one data set are nearer to each other than to others.
    cosine = T @ T.T
    same = labels[:, np.newaxis] == labels
    assert cosine[same].mean() > 2 * cosine[~same].mean()
    assert_allclose(lsa.transform(sentences[:5]), T[:5], atol=1e-12)


def test_in_a_grid_search(text):
    sentences, labels = text
    pipe = make_pipeline(
        CountVectorizer(), TruncatedSVD(random_state=0), LogisticRegression()
    )
    values = [5, 0.5, "gavish-donoho", None]
    grid = {"truncatedsvd__n_components": values}
    search = GridSearchCV(pipe, grid, cv=3, error_score="raise")
    search.fit(sentences, labels)
    assert search.best_score_ > np.bincount(labels).max() / len(labels)


def test_one_hot_codes(text):
    words = np.array([s.split()[:3] for s in text[0]])
    codes = OneHotEncoder().fit_transform(words)
    whole = PCA(0.2).fit(codes)
    dense = PCA(0.2).fit(codes.toarray())
    assert whole.n_components_ == dense.n_components_
    ratio = dense.explained_variance_ratio_
    assert_allclose(whole.explained_variance_ratio_, ratio, rtol=1e-8)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_frames_out(text, estimator):
    X = CountVectorizer().fit_transform(text[0])
    fitted = estimator(2).set_output(transform="pandas").fit(X)
    out = fitted.transform(X)
    assert isinstance(out, pd.DataFrame)
    prefix = estimator.__name__.lower()
    assert list(out.columns) == [f"{prefix}0", f"{prefix}1"]
    assert_allclose(out, clone(fitted).set_output(transform="default").fit_transform(X))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_pickle_and_clone(rng, estimator):
    X = sparse.csr_array(sparsely(rng, (60, 9)))
    fitted = estimator(3, random_state=0).fit(X)
    restored = pickle.loads(pickle.dumps(fitted))
    assert np.array_equal(restored.transform(X), fitted.transform(X))
    restored.partial_fit(X)
    assert restored.n_samples_ == 120
    assert not hasattr(clone(fitted), "components_")
