"""svd_solver="krylov": what it promises, what it says, and what it costs."""

import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning

from skdimred import PCA
from skdimred.decomposition import TruncatedSVD
from skdimred.decomposition._krylov import choose_solver
from skdimred.metrics import subspace_sine
from skdimred.numerics.rank import Count


def by_svd(X):
    """Singular values and right singular vectors of the centred float64 rows."""
    Z = np.asarray(X, dtype=np.longdouble)
    Z = (Z - Z.mean(axis=0)).astype(np.float64)
    _, s, Vt = np.linalg.svd(Z, full_matrices=False)
    return s, Vt


def krylov(k, **options):
    return PCA(k, svd_solver="krylov", **{"random_state": 0} | options)


def decaying(rng, n, p, power=0.5):
    return rng.standard_normal((n, p)) * np.arange(1, p + 1) ** -power


# Which solver runs.


@pytest.mark.parametrize(
    ("shape", "is_sparse", "rule", "solver"),
    [
        # d (1 + d / D) <= 420 (1 + K / 10) ** 0.62
        ((10**7, 540), False, 5, "gram"),
        ((10**7, 541), False, 5, "krylov"),
        ((10**7, 829), False, 20, "gram"),
        ((10**7, 830), False, 20, "krylov"),
        ((270, 270), False, 5, "gram"),
        ((271, 271), False, 5, "krylov"),
        # d <= 10 (K + 60)
        ((650, 10**7), True, 5, "gram"),
        ((651, 10**7), True, 5, "krylov"),
        ((4001, 10**7), True, 3900, "krylov"),
        # Everything, or a rule that looks at everything.
        ((9000, 9000), False, None, "gram"),
        ((9000, 9000), False, "mle", "gram"),
        ((9000, 8000), False, 0.5, "gram"),
        ((9000, 8001), False, 0.5, "krylov"),
        ((4001, 5000), True, None, "krylov"),
        ((4000, 5000), True, 0.5, "gram"),
        ((4001, 5000), True, 0.5, "krylov"),
    ],
)
def test_choice(shape, is_sparse, rule, solver):
    for both in (shape, shape[::-1]):
        assert choose_solver(both, is_sparse, Count(rule, min(shape))) == solver


@pytest.mark.parametrize(
    ("shape", "k", "solver"),
    [
        # d (1 + d / (2 D)) <= 400 (1 + K / 10) ** 0.35
        ((10**7, 460), 5, "gram"),
        ((10**7, 461), 5, "krylov"),
        ((307, 307), 5, "gram"),
        ((308, 308), 5, "krylov"),
    ],
)
def test_choice_for_float32(shape, k, solver):
    count = Count(k, min(shape))
    assert choose_solver(shape, False, count, np.dtype(np.float32)) == solver


def test_what_ran_is_told(rng):
    X = decaying(rng, 900, 700)
    assert PCA(2).fit(X).svd_solver_ == "krylov"
    assert PCA(60).fit(X).svd_solver_ == "gram"
    S = sparse.csr_array(X * (rng.random(X.shape) < 0.05))
    assert PCA(2).fit(S).svd_solver_ == "krylov"
    assert PCA(2, tol=1e-8).fit(S).svd_solver_ == "arpack"
    assert PCA(40, tol=1e-8, svd_solver="krylov").fit(S).svd_solver_ == "krylov"


# Exactness.


@pytest.mark.parametrize("offset", [0, 1e3, 1e6, 1e8])
@pytest.mark.parametrize("shape", [(500, 40), (40, 500), (150, 150)])
def test_far_away(rng, shape, offset):
    X = decaying(rng, *shape) + offset
    s, Vt = by_svd(X)
    pca = krylov(5, tol=1e-8).fit(X)
    assert_allclose(pca.singular_values_, s[:5], rtol=1e-12)
    assert subspace_sine(pca.components_, Vt[:5]) < 1e-8
    mean = X.astype(np.longdouble).mean(axis=0)
    assert_allclose(pca.mean_, mean, rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("offset", [0, 1e2, 1e3, 1e4])
@pytest.mark.parametrize("shape", [(500, 40), (40, 500), (150, 150)])
@pytest.mark.parametrize("make", [np.ascontiguousarray, np.asfortranarray])
def test_far_away_in_float32(rng, make, shape, offset):
    X = make((decaying(rng, *shape) + offset).astype(np.float32))
    s, Vt = by_svd(X)
    pca = krylov(5).fit(X)
    assert pca.components_.dtype == np.float32
    assert_allclose(pca.singular_values_, s[:5], rtol=2e-6)
    assert subspace_sine(pca.components_, Vt[:5]) < 1e-4
    scores = (X - pca.mean_) @ pca.components_.T
    assert_allclose(pca.transform(X), scores, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e-18, 1e15])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_extremes_of_float32(rng, make, scale):
    """Squares of these leave the range of float32."""
    X = rng.standard_normal((400, 30)) * np.arange(1, 31)
    far = make((X * scale).astype(np.float32))
    pca = krylov(3).fit(far)
    assert subspace_sine(pca.components_, by_svd(X)[1][:3]) < 1e-4
    assert_allclose(pca.singular_values_, scale * by_svd(X)[0][:3], rtol=1e-5)


def test_one_huge_feature(rng):
    """Dates beside measurements."""
    X = rng.standard_normal((800, 12))
    X[:, 3] = 1.7e9 + 86400 * rng.permutation(800)
    s, Vt = by_svd(X)
    pca = krylov(4).fit(X)
    assert_allclose(pca.singular_values_[:1], s[:1], rtol=1e-12)
    assert subspace_sine(pca.components_[:1], Vt[:1]) < 1e-9
    mean = X.astype(np.longdouble).mean(axis=0)
    assert_allclose(pca.mean_, mean, rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize("value", [0.1, 1e6 + 0.1, -1e-300])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_matrix])
@pytest.mark.parametrize("k", [2, 6, None])
def test_a_constant_feature_has_weight_exactly_zero(rng, make, value, k):
    for shape in ((300, 25), (25, 300)):
        X = rng.standard_normal((shape[0], 4)) @ rng.standard_normal((4, shape[1]))
        X[:, 7] = value
        pca = krylov(k).fit(make(X))
        V = pca.components_
        assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-9)
        varied = pca.explained_variance_ > 0
        assert np.count_nonzero(varied) == min(len(V), 4)
        assert np.all(V[varied, 7] == 0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("value", [0.1, 1000.1, 1e6 + 0.1])
def test_all_components_beside_a_constant_feature(make, value):
    """Rounding of the constant is no direction of its own."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        X = rng.standard_normal((15, 4)) * 10.0 ** rng.integers(-3, 1)
        X[:, 3] = value
        pca = krylov(None).fit(make(X))
        V = pca.components_
        assert_allclose(V @ V.T, np.eye(4), atol=1e-10)
        assert pca.explained_variance_[3] == 0
        assert np.all(V[:3, 3] == 0)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("shape", [(40, 6), (2, 30)])
def test_constant_rows(make, shape):
    X = make(np.tile(np.linspace(0.1, 7e5, shape[1]), (shape[0], 1)))
    for k in (1, 2, None):
        with pytest.warns(UserWarning, match="Every feature of X is constant"):
            pca = krylov(k).fit(X)
        V = pca.components_
        assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-12)
        assert np.all(pca.explained_variance_ == 0)


def test_binary_designs(rng):
    """Columns of Hadamard's matrix: few values, many times."""
    from scipy.linalg import hadamard

    X = hadamard(128) * np.repeat([3.0, 2.0, 1.0], [20, 28, 80])
    for k in (5, 10, 30, 60):
        svd = TruncatedSVD(k, svd_solver="krylov", random_state=0).fit(X)
        s = np.sort(np.linalg.norm(X, axis=0))[::-1]
        assert_allclose(svd.singular_values_, s[:k], rtol=1e-9)


@pytest.mark.parametrize("k", [5, 20, 60, 0.301])
@pytest.mark.parametrize("criterion", ["energy", "directions"])
@pytest.mark.parametrize("seed", range(2))
def test_one_hot_codes(k, criterion, seed):
    """Squared singular values are counts: small integers, over and over."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 300, 500)
    X = sparse.csr_array((np.ones(500), codes, np.arange(501)), shape=(500, 300))
    svd = TruncatedSVD(
        k, svd_solver="krylov", criterion=criterion, tol=1e-6, random_state=seed
    ).fit(X)
    counts = np.sort(np.bincount(codes, minlength=300))[::-1]
    found = svd.n_components_
    if k == 0.301:
        share = np.cumsum(counts) / 500
        assert found == np.searchsorted(share, 0.301, side="right") + 1
    assert_allclose(svd.singular_values_, np.sqrt(counts[:found]), atol=1e-6)
    V = svd.components_
    assert_allclose(V @ V.T, np.eye(found), atol=1e-9)
    error = np.linalg.norm((V @ X.T) @ X - counts[:found, np.newaxis] * V, axis=1)
    assert error.max() / counts[0] < 10 * svd.residual_ + 1e-9


# What it says of itself.


@pytest.mark.parametrize("criterion", ["variance", "directions"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_the_residual_is_true(digits, make, criterion):
    X = digits[0]
    for tol in (1e-2, 1e-4, 1e-8):
        pca = krylov(8, tol=tol, criterion=criterion).fit(make(X))
        V, values = pca.components_, pca.explained_variance_
        C = np.cov(X.T)
        true = np.linalg.norm(V @ C - values[:, np.newaxis] * V, axis=1).max()
        true /= values[0]
        assert true <= 2 * pca.residual_ + 1e-13
        assert pca.residual_ <= 2 * true + 1e-13


@pytest.mark.parametrize("criterion", ["variance", "directions"])
def test_a_bound_on_the_passes_warns(rng, monkeypatch, criterion):
    monkeypatch.setattr("skdimred.numerics.triplets.LEAST_PASSES", 2 - 4 * 5)
    X = rng.standard_normal((300, 200))
    pca = krylov(5, tol=1e-8, criterion=criterion)
    with pytest.warns(ConvergenceWarning, match=r"after 2 passes .*tol=1e-08.*Raise"):
        pca.fit(X)
    # Still the best that was found, and as good as it says.
    V = pca.components_
    assert_allclose(V @ V.T, np.eye(5), atol=1e-12)
    assert pca.residual_ > 1e-3
    assert 0.5 < pca.singular_values_[0] / by_svd(X)[0][0] <= 1


@pytest.mark.parametrize("k", [3, 20])
@pytest.mark.parametrize("tol", [0, np.inf])
def test_the_ends_of_tol(rng, k, tol):
    X = decaying(rng, 200, 120)
    pca = krylov(k, tol=tol).fit(X)
    if tol == 0:
        assert_allclose(pca.singular_values_, by_svd(X)[0][:k], rtol=1e-12)
        assert pca.residual_ < 1e-13


# A share of the variance.


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("criterion", ["variance", "directions"])
def test_a_share_takes_as_many_as_by_gram(digits, make, share, criterion):
    X = make(digits[0])
    gram = PCA(share, svd_solver="gram").fit(X)
    found = krylov(share, criterion=criterion).fit(X)
    assert found.n_components_ == gram.n_components_
    ratio = found.explained_variance_ratio_
    assert_allclose(ratio, gram.explained_variance_ratio_, rtol=1e-5)


def test_a_share_of_noise(rng):
    X = rng.standard_normal((500, 160))
    gram = PCA(0.5, svd_solver="gram").fit(X)
    assert krylov(0.5).fit(X).n_components_ == gram.n_components_ > 40


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_a_share_beyond_what_is_sought_is_told(rng, monkeypatch, make):
    monkeypatch.setattr("skdimred.decomposition._krylov.MOST_GROWN", 5)
    X = make(rng.standard_normal((100, 60)))
    pca = krylov(0.9)
    with pytest.raises(ValueError, match=r"n_components=0.9: the first 5 .*gram"):
        pca.fit(X)
    assert not hasattr(pca, "components_")
    share = krylov(5).fit(X).explained_variance_ratio_.sum()
    assert krylov(0.9 * share).fit(X).n_components_ == 5


def test_all_of_too_many_is_refused_before_any_work(monkeypatch):
    monkeypatch.setattr("skdimred.decomposition._krylov.MOST_SPARSE", 8)
    monkeypatch.setattr("skdimred.decomposition._krylov.MOST_GROWN", 8)
    for rule in (None, "mle", "gavish-donoho"):
        with pytest.raises(ValueError, match=r"n_components=.* takes all .*=10"):
            krylov(rule).fit(np.eye(12, 10))


# Rules.


@pytest.mark.parametrize("rule", ["mle", "gavish-donoho", "parallel"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_rules(rule, make):
    X = load_breast_cancer().data
    X = X / X.std(axis=0)
    gram = PCA(rule, svd_solver="gram", random_state=0).fit(make(X))
    found = krylov(rule).fit(make(X))
    assert 1 < found.n_components_ < 30
    if rule != "parallel":
        assert found.n_components_ == gram.n_components_
    else:
        # Other permutations.
        assert abs(found.n_components_ - gram.n_components_) <= 1


@pytest.mark.parametrize("rule", ["gavish-donoho", "parallel"])
def test_rules_for_wide_rows(rng, rule):
    X = rng.standard_normal((40, 200))
    X += 9 * rng.standard_normal((40, 3)) @ np.linalg.qr(rng.normal(size=(200, 3)))[0].T
    for rows in (X, sparse.csr_array(X)):
        for solver in ("gram", "krylov"):
            pca = PCA(rule, svd_solver=solver, random_state=0).fit(rows)
            assert pca.n_components_ == 3


def test_noise_is_what_gram_says(digits):
    X = digits[0]
    for k in (3, 20):
        one, two = krylov(k, tol=1e-8).fit(X), PCA(k, svd_solver="gram").fit(X)
        assert_allclose(one.noise_variance_, two.noise_variance_, rtol=1e-10)
        assert_allclose(one.score_samples(X), two.score_samples(X), rtol=1e-8)


# Chance and threads.


def test_the_seed(rng):
    X = rng.standard_normal((200, 150))
    one, two = krylov(4).fit(X), krylov(4).fit(X)
    for name in ("components_", "singular_values_", "explained_variance_ratio_"):
        assert np.array_equal(getattr(one, name), getattr(two, name))
    state = np.random.RandomState(3)
    other = krylov(4, random_state=state).fit(X)
    assert not np.array_equal(other.components_, one.components_)
    assert_allclose(other.transform(X), one.transform(X), atol=1e-4)
    exact = [krylov(4, tol=1e-10, random_state=i).fit_transform(X) for i in (0, 1)]
    assert_allclose(*exact, atol=1e-8)


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("shape", [(400, 60), (60, 400)])
def test_threads_change_rounding_only(rng, monkeypatch, make, shape):
    X = make(decaying(rng, *shape, 2.0) * (rng.random(shape) < 0.5))
    w = rng.uniform(0.5, 2, shape[0])
    alone = krylov(2).fit(X, sample_weight=w)

    @contextmanager
    def two_threads():
        yield 2

    monkeypatch.setattr("skdimred.blocks.SMALL_WORK", 0)
    monkeypatch.setattr("skdimred.blocks.one_blas_thread", two_threads)
    split = krylov(2).fit(X, sample_weight=w)
    again = krylov(2).fit(X, sample_weight=w)
    assert np.array_equal(split.components_, again.components_)
    assert_allclose(split.components_, alone.components_, atol=1e-9)
    assert_allclose(split.singular_values_, alone.singular_values_, rtol=1e-12)
    assert_allclose(split.mean_, alone.mean_, atol=1e-14)


# Streams.


def test_small_fits_may_be_streamed_on(rng, monkeypatch):
    X = decaying(rng, 200, 12)
    pca = krylov(3, tol=1e-10).fit(X[:150]).partial_fit(X[150:])
    assert_allclose(pca.components_, PCA(3).fit(X).components_, atol=1e-9)
    monkeypatch.setattr("skdimred.decomposition._krylov.CHEAP", 0)
    pca = krylov(3).fit(X)
    with pytest.raises(ValueError, match=r"svd_solver_='krylov'.*Start from a new PCA"):
        pca.partial_fit(X)


# Memory.


def peak(function, *args):
    tracemalloc.start()
    function(*args)
    size = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return size


def test_tall_rows_are_not_copied(rng, tmp_path):
    X = rng.standard_normal((30_000, 40)) + 3
    np.save(tmp_path / "rows.npy", X)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for rows in (X, np.asfortranarray(X), mapped, tmp_path / "rows.npy", X + 1e6):
        for solver in ("gram", "krylov"):
            size = peak(PCA(3, svd_solver=solver).fit, rows)
            # Blocks of rows in buffers of 2 MiB, for the threads to share.
            assert size < X.nbytes / 2


@pytest.mark.parametrize("mapped", [False, True])
def test_wide_rows_are_not_copied(rng, tmp_path, mapped):
    X = rng.standard_normal((120, 12_000))
    if mapped:
        np.save(tmp_path / "rows.npy", X)
        X = np.load(tmp_path / "rows.npy", mmap_mode="r")
    for solver in ("gram", "krylov"):
        assert peak(PCA(3, svd_solver=solver).fit, X) < 0.6 * X.nbytes


def test_square_rows_are_not_copied(rng):
    """The basis has 1024 vectors at most, a tenth of it for 5 components."""
    X = decaying(rng, 1100, 1100, 1.0)
    assert peak(krylov(5).fit, X) < X.nbytes / 2


@pytest.mark.parametrize("shape", [(20_000, 3000), (3000, 20_000)])
@pytest.mark.parametrize("make", [sparse.csr_array, sparse.csc_array])
def test_sparse_rows_are_never_dense(rng, shape, make):
    where = tuple(rng.integers(size, size=60_000) for size in shape)
    X = make(sparse.coo_array((rng.standard_normal(60_000), where), shape=shape))
    size = peak(krylov(3, criterion="variance", tol=1e-2).fit, X)
    assert size < shape[0] * shape[1] * 8 / 10
