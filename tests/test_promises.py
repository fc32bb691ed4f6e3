"""Promises that every estimator keeps, on rows that hypothesis makes up."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse

from skdimred import NMF, PCA, DifferenceLDA, PCoA, RatioLDA
from skdimred.decomposition import TruncatedSVD, low_rank_factors


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
            warnings.filterwarnings("ignore", "The distances are not Euclidean")
            return estimator.fit(*args, **kwargs)
    except ValueError as error:
        known = ("class means coincide", "direction only", "holds one class")
        if not any(text in str(error) for text in known):
            raise
        return None


MAKERS = [
    PCA,
    RatioLDA,
    lambda: RatioLDA(shrinkage=0.1),
    lambda: RatioLDA(metric="total"),
    lambda: DifferenceLDA(rho=0.01),
    lambda: DifferenceLDA(rho="trace_ratio", shrinkage=0.1),
    lambda: PCoA(1, metric="manhattan"),
    lambda: PCoA(1, metric="chebyshev", correction="cailliez"),
]


@pytest.mark.filterwarnings("ignore:The distances are not Euclidean")
@pytest.mark.parametrize("make", MAKERS)
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
    if not isinstance(fitted, PCoA):
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


@st.composite
def spectral_problem(draw):
    """Rows with zeros, weights, a number of components, and the way to find them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, p = draw(st.integers(2, 40)), draw(st.integers(1, 40))
    X = rng.standard_normal((n, p))
    X *= 10.0 ** rng.integers(-1, 2, p) if draw(st.booleans()) else 1.0
    trouble = draw(
        st.sampled_from(
            ["none", "zeros", "few", "rank", "constant", "duplicate", "rows", "one hot"]
        )
    )
    if trouble in ("zeros", "few"):
        X *= rng.random((n, p)) < (0.3 if trouble == "zeros" else 0.02)
    if trouble == "rank":
        X = rng.standard_normal((n, 2)) @ rng.standard_normal((2, p))
    if trouble == "constant":
        X[:, rng.integers(p)] = 0.1
    if trouble == "duplicate":
        X[:, p // 2 :] = X[:, : p - p // 2]
    if trouble == "rows":
        X[n // 2 :] = X[: n - n // 2]
    if trouble == "one hot":
        X = np.eye(p)[rng.integers(0, p, n)]
    w = draw(st.sampled_from([None, rng.integers(1, 4, n).astype(float)]))
    make = draw(
        st.sampled_from(
            [np.asarray, np.asfortranarray, sparse.csr_array, sparse.csc_matrix]
        )
    )
    solver = draw(st.sampled_from(["auto", "gram", "krylov", "full"]))
    if solver == "full" and make in (sparse.csr_array, sparse.csc_matrix):
        solver = "krylov"
    center = draw(st.booleans())
    k = draw(st.one_of(st.none(), st.integers(1, min(n, p)), st.floats(0.05, 0.95)))
    return X, w, make, solver, center, k


def quietly(fit, *args, **kwargs):
    """The fitted estimator, with no warning but of rows without variance."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", "Every (feature|entry) of X is")
        return fit(*args, **kwargs)


@settings(max_examples=300, deadline=None)
@given(problem=spectral_problem())
def test_every_solver_finds_what_lapack_does(problem):
    X, w, make, solver, center, k = problem
    rows = make(X)
    options = {"svd_solver": solver, "tol": 1e-8, "random_state": 0}
    if center:
        estimator = PCA(k, **options)
    else:
        estimator = TruncatedSVD(k, criterion="directions", **options)
    fitted = quietly(estimator.fit, rows, sample_weight=w)
    weight = np.ones(len(X)) if w is None else w
    Z = X.astype(np.longdouble)
    Z = (Z - weight @ Z / weight.sum() if center else Z).astype(float)
    s = np.linalg.svd(Z * np.sqrt(weight)[:, np.newaxis], compute_uv=False)
    count, V = fitted.n_components_, fitted.components_
    assert_allclose(V @ V.T, np.eye(count), atol=1e-8)
    true = np.append(s, np.zeros(count))[:count]
    size = max(s[0], 1e-7 * np.linalg.norm(X), 1e-12)
    assert_allclose(fitted.singular_values_, true, atol=1e-7 * size)
    # What the components hold is what their singular values say.
    held = (Z * np.sqrt(weight)[:, np.newaxis]) @ V.T
    assert_allclose(np.linalg.norm(held, axis=0), true, atol=1e-6 * size)
    total = np.sum(s**2)
    ratio = fitted.explained_variance_ratio_ if center else fitted.energy_ratio_
    if total > 1e-20:
        assert_allclose(ratio, true**2 / total, atol=1e-7)
    if isinstance(k, float) and total > 1e-20:
        share = np.cumsum(true**2) / total
        assert share[-1] > k - 1e-7 or count == len(s)
        assert count == 1 or share[-2] <= k + 1e-7
    # What they miss and what they hold are all there is.
    back = fitted.inverse_transform(fitted.transform(rows))
    missed = np.sum((X - back) ** 2 * weight[:, np.newaxis])
    assert_allclose(missed + np.sum(true**2), total, atol=1e-7 * size**2)


@settings(max_examples=60, deadline=None)
@given(problem=spectral_problem(), cut=st.integers(1, 39))
def test_streams_take_sparse_and_dense_rows_alike(problem, cut):
    X, w, make, _, center, _ = problem
    cut = min(cut, len(X) - 1)
    rows = make(X)
    parts = (slice(0, cut), slice(cut, None))
    weights = [None if w is None else w[part] for part in parts]
    if sparse.issparse(rows):
        rows = rows.tocsr()
    blocks = [rows[part] for part in parts]
    estimator = PCA if center else TruncatedSVD
    whole = quietly(estimator(1).fit, X, sample_weight=w)
    streamed = estimator(1)
    for block, weight in zip(blocks, weights, strict=True):
        streamed.partial_fit(block, sample_weight=weight)
    merged = estimator(1)
    for block, weight in zip(blocks[::-1], weights[::-1], strict=True):
        merged.merge(estimator(1).partial_fit(block, sample_weight=weight))
    iterated = quietly(estimator(1).fit, zip(blocks, weights, strict=True))
    size = max(whole.singular_values_[0], 1e-7 * np.linalg.norm(X), 1e-12)
    for found in (streamed, merged, iterated):
        assert_allclose(
            found.singular_values_, whole.singular_values_, atol=1e-9 * size
        )
        name = "explained_variance_ratio_" if center else "energy_ratio_"
        assert_allclose(getattr(found, name), getattr(whole, name), atol=1e-7)


@settings(max_examples=60, deadline=None)
@given(problem=spectral_problem())
def test_factors_make_up_the_matrix(problem):
    X, _, make, _, _, _ = problem
    A, B = quietly(low_rank_factors, make(X), random_state=0)
    size = np.abs(X).max(initial=0.0)
    assert_allclose(A @ B, X, atol=1e-9 * size)
    assert A.shape[1] == np.linalg.matrix_rank(X, tol=1e-9 * np.linalg.norm(X))


@st.composite
def counts(draw):
    """Non-negative rows with zeros, ties and features of all sizes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n, p, k = (
        draw(st.integers(1, 40)),
        draw(st.integers(1, 25)),
        draw(st.integers(1, 6)),
    )
    X = rng.poisson(draw(st.sampled_from([0.2, 2.0, 50.0])), (n, p)).astype(float)
    X *= 10.0 ** rng.integers(-3, 4, p) if draw(st.booleans()) else 1.0
    trouble = draw(st.sampled_from(["none", "row", "column", "duplicate", "rank"]))
    if trouble == "row":
        X[rng.integers(n)] = 0
    if trouble == "column":
        X[:, rng.integers(p)] = 0
    if trouble == "duplicate":
        X[n // 2 :] = X[: n - n // 2]
    if trouble == "rank":
        X = np.outer(rng.random(n), rng.random(p))
    return X, k


@pytest.mark.filterwarnings("ignore:NMF stopped at max_iter")
@pytest.mark.parametrize("loss", ["frobenius", "kullback-leibler"])
@settings(max_examples=30, deadline=None)
@given(data=counts(), stored=st.booleans())
def test_non_negative_factors(loss, data, stored):
    X, k = data
    before = X.copy()
    given = sparse.csr_array(X) if stored else X
    nmf = NMF(k, beta_loss=loss, max_iter=30, random_state=0)
    W = nmf.fit_transform(given)
    assert np.array_equal(X, before)
    for factor in (W, nmf.components_):
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()
        assert not np.signbit(factor).any()
    assert (np.diff(nmf.objective_history_) <= 0).all()
    if loss == "frobenius":
        assert 0 <= nmf.relative_error_ <= 1
    size = max(X.max(), 1e-300)
    R = nmf.inverse_transform(W)
    again = nmf.inverse_transform(nmf.transform(given))
    assert_allclose(again, R, atol=1e-6 * size)
    alone = np.vstack([nmf.transform(given[[i]]) for i in range(len(X))])
    assert_allclose(nmf.inverse_transform(alone), R, atol=1e-5 * size)
