"""DifferenceLDA against its definition, and where the answer depends on units."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdimred import DifferenceLDA, RatioLDA
from skdimred.discriminant_analysis import _routes
from skdimred.metrics import subspace_sine


def scatters(X, y, priors=None):
    """S_b and S_w, class by class, from their definition."""
    labels, codes = np.unique(y, return_inverse=True)
    priors = np.bincount(codes) / len(y) if priors is None else np.asarray(priors)
    means = np.array([X[y == k].mean(axis=0) for k in labels])
    B = means - priors @ means
    Z = X - means[codes]
    return (B.T * priors) @ B, Z.T @ Z / len(X)


def problem(rng, n=200, p=6, n_classes=4, spread=2.0):
    y = np.arange(n) % n_classes
    X = rng.standard_normal((n, p)) + spread * rng.standard_normal((n_classes, p))[y]
    return X, y


@pytest.mark.parametrize("rho", [0.0, 0.3, 1.0, 2.5])
@pytest.mark.parametrize("shape", [(200, 6), (40, 90)])
@pytest.mark.parametrize("priors", [None, [0.1, 0.2, 0.3, 0.4]])
def test_solves_the_eigenproblem(rng, rho, shape, priors):
    X, y = problem(rng, *shape, spread=3.0)
    S_b, S_w = scatters(X, y, priors)
    lda = DifferenceLDA(rho=rho, priors=priors).fit(X, y)
    W, values = lda.scalings_, lda.eigenvalues_
    assert_allclose((S_b - rho * S_w) @ W, W * values, atol=1e-10 * values[0])
    assert_allclose(W.T @ W, np.eye(len(values)), atol=1e-12)
    every = np.linalg.eigvalsh(S_b - rho * S_w)[::-1]
    size = 1e-10 * every[0]
    assert len(values) == np.count_nonzero(every > size) <= 3
    assert_allclose(lda.spectrum_, every[:3], atol=size)
    assert lda.rho_ == rho
    assert lda.residual_ < 1e-12
    assert_allclose(lda.explained_variance_ratio_.sum(), 1.0)


@pytest.mark.parametrize("shrinkage", [None, 0.3])
def test_within_has_the_directions_of_the_ratio(rng, shrinkage):
    X, y = problem(rng)
    ratio = RatioLDA(shrinkage=shrinkage).fit(X, y)
    rho = float(ratio.eigenvalues_[1:].mean())
    lda = DifferenceLDA(rho=rho, constraint="within", shrinkage=shrinkage).fit(X, y)
    assert_allclose(lda.spectrum_, ratio.eigenvalues_ - rho)
    assert lda.n_components_ == 2
    assert_allclose(lda.scalings_, ratio.scalings_[:, :2])


def test_as_many_positive_under_either_constraint(digits):
    X, y = digits
    for rho in (0.5, 1.0, 3.0):
        a, b = (
            DifferenceLDA(rho=rho, constraint=c).fit(X, y)
            for c in ("within", "orthonormal")
        )
        assert a.n_components_ == b.n_components_
        above = np.count_nonzero(RatioLDA().fit(X, y).eigenvalues_ > rho)
        assert a.n_components_ == above
    assert DifferenceLDA().fit(X, y).n_components_ == 7


@pytest.mark.parametrize("k", [1, 2, 3, None])
@pytest.mark.parametrize("constraint", ["orthonormal", "within"])
def test_trace_ratio_is_the_zero_of_the_objective(rng, k, constraint):
    X, y = problem(rng)
    S_b, S_w = scatters(X, y)
    lda = DifferenceLDA(k, rho="trace_ratio", constraint=constraint).fit(X, y)
    W = lda.scalings_
    assert W.shape[1] == (k or 3)
    ratio = np.trace(W.T @ S_b @ W) / np.trace(W.T @ S_w @ W)
    assert_allclose(lda.rho_, ratio, rtol=1e-12)
    assert abs(lda.eigenvalues_.sum()) < 1e-10 * np.abs(lda.spectrum_).max()
    if constraint == "orthonormal":
        for _ in range(50):
            Q = np.linalg.qr(W + 0.1 * rng.standard_normal(W.shape))[0]
            assert np.trace(Q.T @ S_b @ Q) / np.trace(Q.T @ S_w @ Q) < ratio


def test_trace_ratio_without_width_is_null_space_lda(rng):
    X, y = problem(rng, n=20, p=50)
    lda = DifferenceLDA(rho="trace_ratio").fit(X, y)
    assert lda.rho_ == np.inf
    S_b, S_w = scatters(X, y)
    W = lda.scalings_
    assert_allclose(S_w @ W, 0, atol=1e-12)
    assert_allclose(np.diag(W.T @ S_b @ W), lda.eigenvalues_)
    assert subspace_sine(W.T, RatioLDA().fit(X, y).scalings_.T) < 1e-8
    assert np.isfinite(lda.residual_)
    assert lda.residual_ < 1e-10
    assert lda.score(X, y) == 1.0
    with pytest.raises(ValueError, match="The ratio of traces is unbounded"):
        DifferenceLDA(rho="trace_ratio", constraint="within").fit(X, y)


def test_units_change_the_difference_and_not_the_ratio(rng, wine):
    X, y = wine
    M = rng.standard_normal((13, 13))
    ratio, mapped = RatioLDA().fit(X, y), RatioLDA().fit(X @ M + 5, y)
    assert_allclose(
        np.abs(mapped.transform(X @ M + 5)), np.abs(ratio.transform(X)), atol=1e-7
    )
    raw = DifferenceLDA().fit(X, y)
    # Proline, in mg/l, is all that the difference sees of raw wine.
    assert np.argmax(np.abs(raw.scalings_[:, 0])) == 12
    assert_allclose(np.abs(raw.scalings_[12, 0]), 0.9997, atol=5e-5)
    near = KNeighborsClassifier(5)
    good = cross_val_score(make_pipeline(StandardScaler(), DifferenceLDA(), near), X, y)
    poor = cross_val_score(make_pipeline(DifferenceLDA(), near), X, y)
    assert poor.mean() < 0.75 < 0.95 < good.mean()


def test_what_is_not_positive_is_told(wine):
    X, y = scale(wine[0]), wine[1]
    for constraint in ("orthonormal", "within"):
        lda = DifferenceLDA(rho=10.0, constraint=constraint)
        with pytest.warns(UserWarning, match=r"1 of 1 eigenvalues kept at rho=10 "):
            lda.fit(X, y)
        assert lda.eigenvalues_.shape == (1,)
        assert lda.eigenvalues_[0] < 0
        assert lda.explained_variance_ratio_[0] == 0
        assert np.isfinite(lda.predict_proba(X)).all()
        with pytest.warns(UserWarning, match="2 of 2 eigenvalues"):
            lda.set_params(n_components=2).fit(X, y)
        assert np.all(lda.eigenvalues_ < 0)
        assert_allclose(lda.eigenvalues_, lda.spectrum_)
    with pytest.warns(UserWarning, match=r"1 of 2 .*\[1\.0.*, -0\."):
        DifferenceLDA(2, rho=5.0).fit(X, y)


def test_directions_without_scatter_are_not_made_up(rng):
    """Equal columns make a direction of eigenvalue 0, more than a negative one."""
    X, y = problem(rng, p=3)
    doubled = np.column_stack([X, X[:, 0]])
    with pytest.warns(UserWarning, match="3 of 3 eigenvalues"):
        lda = DifferenceLDA(3, rho=1e3).fit(doubled, y)
    assert np.all(lda.eigenvalues_ < -1)
    assert np.all(lda.transform(doubled).std(axis=0) > 0.1)
    assert_allclose(lda.scalings_[0], lda.scalings_[3], atol=1e-10)


def test_infinite_ratios_within(rng):
    X, y = problem(rng, n=120, p=4)
    X = np.column_stack([X, y == 1])
    lda = DifferenceLDA(constraint="within", rho=0.01).fit(X, y)
    ratio = RatioLDA().fit(X, y)
    assert_allclose(lda.eigenvalues_, ratio.eigenvalues_ - 0.01)
    assert_allclose(lda.scalings_, ratio.scalings_)
    assert lda.n_components_ == 3
    assert lda.spectrum_[0] == np.inf


def test_constant_and_equal_columns(rng):
    X, y = problem(rng)
    X = np.column_stack([X, np.full(200, 0.1), X[:, 0]])
    lda = DifferenceLDA(rho=0.5).fit(X, y)
    assert np.all(lda.scalings_[6] == 0)
    assert_allclose(lda.scalings_[0], lda.scalings_[7], atol=1e-12)


@pytest.mark.parametrize("rho", [0.4, "trace_ratio"])
@pytest.mark.parametrize("shrinkage", [None, 0.2])
def test_products_with_sparse_rows(rng, monkeypatch, rho, shrinkage):
    X, y = problem(rng, n=150, p=30, spread=1.0)
    X[rng.random(X.shape) < 0.7] = 0.0
    dense = DifferenceLDA(rho=rho, shrinkage=shrinkage).fit(X, y)
    monkeypatch.setattr(_routes, "MOST_FEATURES", 10)
    for kind in (sparse.csr_array, sparse.csc_matrix):
        lda = clone(dense).fit(kind(X), y)
        assert lda.solver_ == "krylov"
        assert_allclose(lda.spectrum_, dense.spectrum_, rtol=1e-9, atol=1e-10)
        assert_allclose(lda.scalings_, dense.scalings_, atol=1e-6)
        assert_allclose(lda.rho_, dense.rho_, rtol=1e-10)
        assert lda.residual_ < 1e-7
        assert lda.n_iter_ > 1


def test_equal_eigenvalues_are_all_found_by_products(monkeypatch):
    """Classes at the corners of a simplex: the same eigenvalue three times."""
    corners = np.repeat(np.eye(4, 12) * 5, 2, axis=0)
    noise = np.tile([1.0, -1.0], 4)[:, None] * np.eye(12)[11]
    y = np.arange(8) // 2
    monkeypatch.setattr(_routes, "MOST_FEATURES", 5)
    X = sparse.csr_array(np.tile(corners + noise, (3, 1)))
    lda = DifferenceLDA(rho=1.0).fit(X, np.tile(y, 3))
    assert lda.solver_ == "krylov"
    assert_allclose(lda.eigenvalues_, 25 / 4)


def test_inverse_is_the_closest_row_with_the_scores(wine):
    X, y = scale(wine[0]), wine[1]
    lda = DifferenceLDA().fit(X, y)
    Z = lda.transform(X)
    back = lda.inverse_transform(Z)
    assert_allclose(lda.transform(back), Z, atol=1e-12)
    assert_allclose((X - back) @ lda.scalings_, 0, atol=1e-12)
    within = DifferenceLDA(constraint="within").fit(X, y)
    assert_allclose(
        within.inverse_transform(within.transform(within.means_)), within.means_
    )


def test_predictions_are_those_of_normal_classes_in_the_space(wine):
    X, y = scale(wine[0]), wine[1]
    lda = DifferenceLDA().fit(X, y)
    Z = lda.transform(X)
    S_w = scatters(Z, y)[1]
    means = np.array([Z[y == k].mean(axis=0) for k in range(3)])
    distance = np.array(
        [np.einsum("ij,ij->i", (Z - m) @ np.linalg.inv(S_w), Z - m) for m in means]
    ).T
    expected = np.log(np.bincount(y) / len(y)) - distance / 2
    found = lda.decision_function(X)
    assert_allclose(
        found - found[:, :1], expected - expected[:, :1], rtol=1e-9, atol=1e-9
    )
    assert_allclose(
        found - found[:, :1],
        X @ (lda.coef_ - lda.coef_[0]).T + lda.intercept_ - lda.intercept_[0],
        atol=1e-9,
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"rho": -1.0}, r"rho=-1.0 must be a finite number of at least 0"),
        ({"rho": np.inf}, "rho=inf must be"),
        ({"rho": np.nan}, "rho=nan must be"),
        ({"rho": "ratio"}, "rho='ratio' must be"),
        ({"rho": True}, "rho=True must be"),
        ({"constraint": "total"}, "constraint='total' must be one of"),
        ({"n_components": 0}, "n_components=0 must be"),
        ({"n_components": 3}, "n_components=3 must be at most 2"),
        ({"shrinkage": 2.0}, "shrinkage=2.0 must be"),
        ({"tol": -1}, "tol=-1 must be"),
    ],
)
def test_bad_parameters(iris, parameters, message):
    with pytest.raises(ValueError, match=message):
        DifferenceLDA(**parameters).fit(*iris)


def test_float32_and_scipy_agree(rng):
    X, y = problem(rng, n=2000, p=30)
    S_b, S_w = scatters(X, y)
    values = scipy.linalg.eigh(S_b - S_w, eigvals_only=True)[::-1][:3]
    lda = DifferenceLDA().fit(X.astype(np.float32), y)
    assert lda.scalings_.dtype == np.float32
    assert lda.eigenvalues_.dtype == np.float64
    assert_allclose(lda.spectrum_, values, rtol=1e-5)
