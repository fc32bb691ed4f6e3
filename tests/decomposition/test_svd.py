"""TruncatedSVD and low-rank factors against LAPACK, whatever the rows come in."""

import pickle

import numpy as np
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import NotFittedError

from skdimred import PCA
from skdimred.decomposition import TruncatedSVD, low_rank_factors
from skdimred.metrics import subspace_sine

SOLVERS = ["auto", "gram", "krylov", "full"]
SHAPES = {"tall": (60, 8), "square": (12, 12), "wide": (9, 50)}


def by_svd(X, w=None, center=False):
    """Singular values and right singular vectors of float64 rows, by LAPACK."""
    Z = np.asarray(X, dtype=np.longdouble)
    w = np.ones(len(Z)) if w is None else w
    if center:
        Z = Z - w @ Z / w.sum()
    Z = (Z * np.sqrt(w)[:, np.newaxis]).astype(np.float64)
    _, s, Vt = np.linalg.svd(Z, full_matrices=False)
    return s, Vt


def some_rows(rng, shape, dtype):
    """Rows of any type with zeros, an offset and well separated singular values."""
    if dtype is bool:
        return rng.random(shape) < np.linspace(0.1, 0.7, shape[1])
    X = rng.standard_normal(shape) * np.linspace(3, 1, shape[1]) + 0.5
    X *= rng.random(shape) < 0.6
    return np.round(4 * X).astype(int) if dtype is int else X.astype(dtype)


def memory_mapped(X, tmp_path):
    np.save(tmp_path / "rows.npy", X)
    return np.load(tmp_path / "rows.npy", mmap_mode="r")


KINDS = {
    "C": lambda X, _: np.ascontiguousarray(X),
    "F": lambda X, _: np.asfortranarray(X),
    "mapped": memory_mapped,
    "csr_matrix": lambda X, _: sparse.csr_matrix(X),
    "csr_array": lambda X, _: sparse.csr_array(X),
    "csc_matrix": lambda X, _: sparse.csc_matrix(X),
    "csc_array": lambda X, _: sparse.csc_array(X),
}


def snapshot(X):
    arrays = (X.data, X.indices, X.indptr) if sparse.issparse(X) else (X,)
    return [(a.dtype, a.tobytes()) for a in arrays]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, int, bool])
@pytest.mark.parametrize("center", [True, False])
def test_every_solver_on_every_kind_of_rows(rng, tmp_path, kind, solver, dtype, center):
    if solver == "full" and kind.startswith("cs"):
        solver = "krylov"
    for shape in SHAPES.values():
        D = some_rows(rng, shape, dtype)
        X = KINDS[kind](D, tmp_path)
        before = snapshot(X)
        options = {"svd_solver": solver, "tol": 1e-9, "random_state": 0}
        if center:
            estimator = PCA(3, **options)
        else:
            estimator = TruncatedSVD(3, criterion="directions", **options)
        scores = estimator.fit_transform(X)
        assert snapshot(X) == before
        s, Vt = by_svd(D, center=center)
        is_single = dtype is np.float32
        V = estimator.components_
        assert V.dtype == scores.dtype == (np.float32 if is_single else np.float64)
        rtol = 1e-5 if is_single else 1e-11
        assert_allclose(estimator.singular_values_, s[:3], rtol=rtol)
        assert subspace_sine(V, Vt[:3]) < (1e-4 if is_single else 1e-7)
        # Signs are those of the largest entries, whatever the solver.
        signed = Vt[:3] * np.sign([v[np.argmax(np.abs(v))] for v in Vt])[:3, np.newaxis]
        assert_allclose(V, signed, atol=1e-3 if is_single else 1e-6)
        mean = D.mean(axis=0, dtype=np.float64) if center else np.zeros(shape[1])
        assert_allclose(scores, (D - mean) @ V.T, atol=2e-5 if is_single else 1e-12)
        if center:
            assert_allclose(estimator.mean_, mean, atol=1e-6 if is_single else 1e-14)
            ratio = estimator.explained_variance_ratio_
        else:
            ratio = estimator.energy_ratio_
        assert_allclose(ratio, s[:3] ** 2 / np.sum(s**2), rtol=10 * rtol)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_all_components(rng, solver, center, shape):
    """All ratios sum to 1, and nothing is lost."""
    X = some_rows(rng, shape, np.float64)
    for rows in (X, sparse.csr_array(X)):
        if sparse.issparse(rows) and solver == "full":
            continue
        options = {"svd_solver": solver, "random_state": 0}
        if center:
            estimator = PCA(None, **options).fit(rows)
            ratio = estimator.explained_variance_ratio_
        else:
            estimator = TruncatedSVD(None, **options).fit(rows)
            ratio = estimator.energy_ratio_
        k = min(shape)
        assert estimator.n_components_ == k
        assert_allclose(ratio.sum(), 1, rtol=1e-12)
        V = estimator.components_
        assert_allclose(V @ V.T, np.eye(k), atol=1e-8)
        back = estimator.inverse_transform(estimator.transform(rows))
        assert_allclose(back, X, atol=1e-9)


# Numbers of the energy, the variance and the compression.


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("load", [load_breast_cancer, None])
def test_agrees_with_scikit_learn(digits, solver, load):
    X = digits[0] if load is None else load().data
    ours = TruncatedSVD(5, svd_solver=solver, criterion="directions", tol=1e-9).fit(X)
    theirs = sklearn.decomposition.TruncatedSVD(5, algorithm="arpack", random_state=0)
    theirs.fit(X)
    assert_allclose(ours.singular_values_, theirs.singular_values_, rtol=1e-10)
    assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-7)
    assert_allclose(
        ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-7
    )
    assert subspace_sine(ours.components_, theirs.components_) < 1e-8


@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_explained_variance_is_that_of_the_scores(rng, shape, weighted):
    X = some_rows(rng, shape, np.float64) + 1
    w = rng.integers(0, 4, shape[0]).astype(float) if weighted else None
    svd = TruncatedSVD(4).fit(X, sample_weight=w)
    T = svd.transform(X)
    mean = np.average(T, axis=0, weights=w)
    variance = np.average((T - mean) ** 2, axis=0, weights=w)
    assert_allclose(svd.explained_variance_, variance, rtol=1e-10)
    off = X - np.average(X, axis=0, weights=w)
    total = np.average(np.sum(off**2, axis=1), weights=w)
    assert_allclose(svd.explained_variance_ratio_, variance / total, rtol=1e-10)


@pytest.mark.parametrize("offset", [1e2, 1e4, 1e6])
def test_explained_variance_of_scores_far_away(rng, offset):
    """The mean of scores is not small beside their spread, nor is its rounding."""
    X = rng.standard_normal((200, 5)) * np.arange(1, 6) + offset
    svd = TruncatedSVD(3).fit(X)
    assert_allclose(svd.explained_variance_, svd.transform(X).var(axis=0), rtol=1e-6)


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("k", [1, 3, 0.9, None])
def test_energy_and_compression(rng, shape, k):
    X = rng.standard_normal(shape) + 1
    svd = TruncatedSVD(k).fit(X)
    s, _ = by_svd(X)
    energy = s**2 / np.sum(s**2)
    count = svd.n_components_
    if k == 0.9:
        assert count == np.searchsorted(np.cumsum(energy), 0.9, side="right") + 1
    assert_allclose(svd.energy_ratio_, energy[:count], rtol=1e-8)
    n, p = shape
    numbers = svd.components_.size + svd.singular_values_.size + n * count
    assert_allclose(svd.compression_ratio_, numbers / (n * p))
    # What is lost is the energy of the rest (Eckart and Young).
    back = svd.inverse_transform(svd.transform(X))
    assert_allclose(np.sum((X - back) ** 2), np.sum(s[count:] ** 2), atol=1e-9)
    if count < min(shape):
        assert_allclose(np.linalg.norm(X - back, 2), s[count], rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_rows_of_this_rank_are_closer(digits, solver):
    X = digits[0][:200]
    svd = TruncatedSVD(6, svd_solver=solver, random_state=0).fit(X)
    found = np.sum((X - svd.inverse_transform(svd.transform(X))) ** 2)
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    best = np.sum((X - (U[:, :6] * s[:6]) @ Vt[:6]) ** 2)
    assert best * (1 - 1e-12) <= found <= best + 1e-6 * np.sum(s[:6] ** 2)


def test_scores_are_left_vectors_times_singular_values(digits):
    X = digits[0]
    svd = TruncatedSVD(10, criterion="directions").fit(X)
    gram = svd.transform(X).T @ svd.transform(X)
    assert_allclose(gram, np.diag(svd.singular_values_**2), atol=1e-5)


# Weights.


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("center", [True, False])
def test_weights_are_repetitions(rng, solver, shape, center):
    X = some_rows(rng, shape, np.float64) + 1
    w = rng.integers(1, 4, shape[0])
    w[1] = 0
    repeated = np.repeat(X, w, axis=0)
    make = PCA if center else TruncatedSVD
    options = {"criterion": "directions", "svd_solver": solver, "tol": 1e-12}
    whole = make(3, random_state=0, **options).fit(repeated)
    weighted = make(3, random_state=0, **options).fit(X, sample_weight=w)
    names = ["components_", "singular_values_", "explained_variance_"]
    names.append("explained_variance_ratio_" if center else "energy_ratio_")
    for name in names:
        assert_allclose(getattr(weighted, name), getattr(whole, name), atol=1e-10)
    assert_allclose(weighted.transform(X), whole.transform(X), atol=1e-10)
    assert weighted.n_samples_ == np.count_nonzero(w)


@pytest.mark.parametrize("solver", SOLVERS)
def test_rows_of_weight_zero_do_not_exist(rng, solver):
    for shape in SHAPES.values():
        X = rng.standard_normal(shape)
        w = np.ones(len(X))
        X[0], w[0] = 1e30, 0.0
        options = {"svd_solver": solver, "criterion": "directions", "tol": 1e-10}
        one = TruncatedSVD(2, random_state=0, **options).fit(X, sample_weight=w)
        two = TruncatedSVD(2, random_state=0, **options).fit(X[1:])
        assert_allclose(one.components_, two.components_, atol=1e-7)
        assert_allclose(one.energy_ratio_, two.energy_ratio_, rtol=1e-9)


@pytest.mark.parametrize("factor", [1e-3, 1e3])
def test_the_scale_of_weights_does_not_matter(rng, factor):
    X, w = rng.standard_normal((50, 6)) + 1, rng.uniform(0.5, 2, 50)
    one = TruncatedSVD(3).fit(X, sample_weight=w)
    two = TruncatedSVD(3).fit(X, sample_weight=factor * w)
    for name in ("components_", "energy_ratio_", "explained_variance_"):
        assert_allclose(getattr(one, name), getattr(two, name), rtol=1e-9)


@pytest.mark.parametrize("solver", ["gram", "krylov", "full"])
def test_weights_that_sum_to_more_than_the_rows(rng, solver):
    """There are as many components as the repeated rows would have."""
    X = rng.standard_normal((6, 40))
    svd = TruncatedSVD(9, svd_solver=solver).fit(X, sample_weight=np.full(6, 2.0))
    assert_allclose(svd.singular_values_[:6] ** 2, 2 * by_svd(X)[0] ** 2)
    assert np.all(svd.singular_values_[6:] == 0)
    V = svd.components_
    assert_allclose(V @ V.T, np.eye(9), atol=1e-12)


# The ends of what there is.


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_few_rows_and_few_features(rng, solver, shape):
    X = rng.standard_normal(shape) + 2
    svd = TruncatedSVD(1, svd_solver=solver).fit(X)
    s, Vt = by_svd(X)
    assert_allclose(svd.singular_values_, s[:1])
    assert subspace_sine(svd.components_, Vt[:1]) < 1e-7
    assert svd.explained_variance_.shape == (1,)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_zeros_have_no_energy_and_say_so(solver, shape):
    X = np.zeros(shape)
    svd = TruncatedSVD(3, svd_solver=solver)
    with pytest.warns(UserWarning, match="Every entry of X is 0"):
        svd.fit(X)
    assert np.all(svd.energy_ratio_ == 0)
    assert np.all(svd.explained_variance_ratio_ == 0)
    V = svd.components_
    assert_allclose(V @ V.T, np.eye(3), atol=1e-14)
    assert np.all(svd.transform(X) == 0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_a_feature_of_zeros_has_weight_exactly_zero(rng, solver, shape):
    X = rng.standard_normal(shape)
    X[:, 3] = 0.0
    for k in (2, None):
        svd = TruncatedSVD(k, svd_solver=solver).fit(X)
        energetic = svd.singular_values_ > 0
        assert np.all(svd.components_[energetic, 3] == 0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_constant_rows_have_energy_but_no_variance(solver):
    svd = TruncatedSVD(2, svd_solver=solver).fit(np.full((7, 4), 0.1))
    assert_allclose(svd.energy_ratio_, [1, 0], atol=1e-15)
    assert np.all(svd.explained_variance_ == 0)
    assert np.all(svd.explained_variance_ratio_ == 0)


@pytest.mark.parametrize("rule", ["mle", "gavish-donoho", "parallel"])
def test_rules_count_what_the_rows_hold(rng, rule):
    """Four strong directions in noise, about the origin."""
    loadings = np.linalg.qr(rng.standard_normal((20, 4)))[0].T
    X = 8 * rng.standard_normal((300, 4)) @ loadings
    X += 0.3 * rng.standard_normal((300, 20))
    counts = set()
    for rows in (X, sparse.csr_array(X)):
        for solver in ("gram", "krylov"):
            svd = TruncatedSVD(rule, svd_solver=solver, random_state=0).fit(rows)
            counts.add(svd.n_components_)
    assert counts == {4}


# Bad input.


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"n_components": 0},
            r"n_components=0 must be an integer .*share of the energ",
        ),
        ({"n_components": 5}, r"n_components=5 must be at most min\(n_samples, n_feat"),
        ({"n_components": "kaiser"}, r"n_components='kaiser' must be"),
        ({"criterion": "variance"}, r"criterion='variance' must be one of .*'energy'"),
        ({"svd_solver": "randomized"}, r"svd_solver='randomized' must be one of"),
        ({"tol": np.nan}, r"tol=nan must be a number"),
        ({"tol": None}, r"tol=None must be a number"),
    ],
)
def test_bad_parameters(iris, parameters, message):
    with pytest.raises(ValueError, match=message):
        TruncatedSVD(**parameters).fit(iris[0])


def test_bad_calls(iris):
    X = iris[0]
    with pytest.raises(NotFittedError):
        TruncatedSVD().transform(X)
    svd = TruncatedSVD(2).fit(X)
    with pytest.raises(ValueError, match="expecting 4 features"):
        svd.transform(X[:, :3])
    with pytest.raises(ValueError, match=r"3 columns.*n_components_=2"):
        svd.inverse_transform(X[:, :3])


def test_overflow_is_named():
    with pytest.raises(ValueError, match="overflow"):
        TruncatedSVD(1).fit(np.array([[1e200, 1.0], [1.0, 2.0]]))
    with pytest.raises(ValueError, match="overflow"):
        TruncatedSVD(1).fit(np.full((4, 3), 3e38, dtype=np.float32))


def test_clone_pickle_and_display(iris):
    svd = TruncatedSVD(3, tol=1e-4, random_state=1).fit(iris[0])
    assert clone(svd).get_params() == svd.get_params()
    restored = pickle.loads(pickle.dumps(svd))
    assert np.array_equal(restored.transform(iris[0]), svd.transform(iris[0]))
    assert_allclose(
        restored.partial_fit(iris[0]).singular_values_,
        np.sqrt(2) * svd.singular_values_,
    )
    assert "TruncatedSVD" in svd._repr_html_()


# Low-rank factors.


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("shape", [(40, 15), (15, 40), (300, 120)])
@pytest.mark.parametrize("rank", [1, 3, 15])
def test_rank_factorisation(rng, dtype, make, shape, rank):
    left = rng.integers(-3, 4, (shape[0], rank))
    X = (left @ rng.integers(-3, 4, (rank, shape[1]))).astype(dtype)
    A, B = low_rank_factors(make(X), random_state=0)
    true = np.linalg.matrix_rank(X.astype(float))
    assert A.shape == (shape[0], true)
    assert B.shape == (true, shape[1])
    assert A.dtype == B.dtype == dtype
    atol = 1e-10 if dtype == np.float64 else 1e-3
    assert_allclose(A @ B, X, atol=atol)
    # Orthogonal, and of the same scale on both sides.
    s = np.linalg.svd(X.astype(float), compute_uv=False)[:true]
    assert_allclose(A.T @ A, np.diag(s), atol=atol * s[0])
    assert_allclose(B @ B.T, np.diag(s), atol=atol * s[0])


@pytest.mark.parametrize("decades", [2, 6, 10])
def test_rank_with_small_singular_values(rng, decades):
    U = np.linalg.qr(rng.standard_normal((60, 9)))[0]
    V = np.linalg.qr(rng.standard_normal((30, 9)))[0]
    X = U * np.logspace(0, -decades, 9) @ V.T
    for rows in (X, X.T, sparse.csr_array(X), sparse.csr_array(X.T)):
        A, B = low_rank_factors(rows, random_state=0)
        assert A.shape[1] == 9
        assert_allclose(A @ B, rows.toarray() if sparse.issparse(rows) else rows)


@pytest.mark.parametrize("k", [1, 5, 0.5, "gavish-donoho"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_the_closest_product(digits, k, make):
    X = digits[0][:300]
    A, B = low_rank_factors(make(X), k, random_state=0)
    U, s, Vt = np.linalg.svd(X, full_matrices=False)
    m = A.shape[1]
    if not isinstance(k, int):
        assert m == TruncatedSVD(k).fit(X).n_components_
    assert_allclose(A @ B, (U[:, :m] * s[:m]) @ Vt[:m], atol=1e-4)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_factors_of_nothing(make):
    with pytest.warns(UserWarning, match="Every entry of X is 0"):
        A, B = low_rank_factors(make(np.zeros((5, 3))))
    assert A.shape == (5, 0)
    assert B.shape == (0, 3)
    assert np.array_equal(A @ B, np.zeros((5, 3)))
