"""Alternating coordinate descent: its steps, its start, its stop."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from skdimred.blocks import map_ranges
from skdimred.numerics.factor_products import (
    DenseProducts,
    LowRankProducts,
    SparseProducts,
)
from skdimred.numerics.nonnegative import (
    NO_PENALTIES,
    Frobenius,
    Penalty,
    alternate,
    balanced_residual,
    hals,
)
from skdimred.numerics.nonnegative_start import (
    filled,
    low_rank,
    nndsvd,
    rescaled,
    separable,
)


@pytest.fixture
def problem(rng):
    X = rng.random((40, 4)) @ rng.random((4, 30)) + 0.1 * rng.random((40, 30))
    return X, rng.random((4, 40)), rng.random((4, 30))


def objective(X, A, B, penalties=NO_PENALTIES):
    half = 0.5 * np.sum((X - A.T @ B) ** 2)
    return half + penalties[0].value(A) + penalties[1].value(B)


@pytest.mark.parametrize("kind", ["dense", "csr", "csc"])
@pytest.mark.parametrize("weighted", [False, True])
def test_products(kind, weighted, rng):
    X = rng.random((50, 20)) * (rng.random((50, 20)) < 0.3)
    weight = rng.integers(0, 4, 50).astype(float) if weighted else None
    root = np.sqrt(weight) if weighted else np.ones(50)
    Z = root[:, np.newaxis] * X / 3.0
    options = {"scale": 3.0, "weight": weight}
    if kind == "dense":
        products = DenseProducts(X, map_ranges=map_ranges, **options)
    else:
        products = SparseProducts(sparse.csr_array(X).asformat(kind), **options)
    A, B = rng.random((3, 50)), rng.random((3, 20))
    assert_allclose(products.right(B), B @ Z.T)
    assert_allclose(products.left(A), A @ Z)
    assert products.squares == pytest.approx(np.sum(Z**2))


def test_low_rank_products(rng):
    Q, R = np.linalg.qr(rng.random((30, 4)))[0], rng.random((4, 20))
    low = LowRankProducts(Q, R)
    A, B = rng.random((3, 30)), rng.random((3, 20))
    assert_allclose(low.right(B), B @ (Q @ R).T)
    assert_allclose(low.left(A), A @ Q @ R)
    assert low.squares == pytest.approx(np.sum((Q @ R) ** 2))


def test_a_sweep_is_one_minimum_after_the_other(problem):
    X, A, B = problem
    S, C = B @ B.T, B @ X.T
    expected = A.copy()
    for t in range(4):
        step = (C[t] - S[t] @ expected) / S[t, t]
        expected[t] = np.maximum(expected[t] + step, 0)
    assert_allclose(hals(A.copy(), C, S, 1), expected, rtol=1e-12)


def test_dead_components_stay(rng):
    S = np.diag([1.0, 0.0, 2.0])
    A = rng.random((3, 7))
    found = hals(A.copy(), rng.random((3, 7)), S, 3)
    assert_array_equal(found[1], A[1])
    assert np.isfinite(found).all()


def test_objective_and_slopes(problem):
    X, A, B = problem
    penalties = Penalty(0.2, 0.3), Penalty(0.1, 0.4)
    loss = Frobenius(DenseProducts(X), penalties)
    assert loss.objective(A, B) == pytest.approx(objective(X, A, B, penalties))
    A[0, :5] = 0
    gradient = B @ (A.T @ B - X).T + 0.2 + 0.3 * A
    moves = np.where(A > 0, gradient, np.minimum(gradient, 0))
    assert_allclose(loss.slopes(0, A, B), np.sum(moves**2, axis=1))
    gradient = A @ (A.T @ B - X) + 0.1 + 0.4 * B
    assert_allclose(loss.slopes(1, B, A), np.sum(gradient**2, axis=1))


@pytest.mark.parametrize("penalties", [(0.0, 0.0), (0.5, 0.2)])
@pytest.mark.parametrize("extrapolate", [True, False])
@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_never_rises_and_stops_at_the_tolerance(problem, penalties, extrapolate, kind):
    X, A, B = problem
    before = A.copy(), B.copy()
    penalties = Penalty(*penalties), Penalty(*penalties)
    products = DenseProducts(X)
    if kind == "sparse":
        products = SparseProducts(sparse.csr_array(X))
    seen = []

    def report(value, residual, A, B):
        assert value == pytest.approx(objective(X, A, B, penalties), rel=1e-9)
        seen.append(value)

    found = alternate(
        Frobenius(products, penalties),
        A,
        B,
        tol=1e-7,
        max_iter=2000,
        extrapolate=extrapolate,
        report=report,
    )
    assert found.converged
    assert found.n_iter == len(found.history) < 2000
    assert_array_equal(found.history, seen)
    assert (np.diff(seen) <= 0).all()
    assert_array_equal(A, before[0])
    assert_array_equal(B, before[1])
    loss = Frobenius(products, penalties)
    slopes = loss.slopes(0, found.A, found.B), loss.slopes(1, found.B, found.A)
    residual = balanced_residual(*slopes, found.A, found.B, products.squares)
    assert residual == pytest.approx(found.residual, rel=1e-3, abs=1e-12)
    assert residual <= 1e-7


def test_extrapolation_is_faster(problem):
    X, A, B = problem
    loss = Frobenius(DenseProducts(X))
    slow, fast = (
        alternate(loss, A, B, tol=1e-6, max_iter=5000, extrapolate=e).n_iter
        for e in (False, True)
    )
    assert fast < slow


def test_the_residual_knows_no_units(problem, rng):
    X, A, B = problem
    d = 10.0 ** rng.uniform(-2, 2, (4, 1))

    def residual(X, A, B):
        loss = Frobenius(DenseProducts(X))
        slopes = loss.slopes(0, A, B), loss.slopes(1, B, A)
        return balanced_residual(*slopes, A, B, loss.squares)

    plain = residual(X, A, B)
    assert residual(X, d * A, B / d) == pytest.approx(plain, rel=1e-9)
    assert residual(1e8 * X, 1e4 * A, 1e4 * B) == pytest.approx(plain, rel=1e-9)


def test_one_step_may_be_asked_to_end_it(problem):
    X, A, B = problem
    found = alternate(
        Frobenius(DenseProducts(X)),
        A,
        B,
        tol=0,
        max_iter=50,
        report=lambda value, *_: value < 30,
    )
    assert found.converged
    assert found.history[-1] < 30
    assert all(value >= 30 for value in found.history[:-1])


@pytest.mark.parametrize("kind", ["dense", "sparse"])
def test_nndsvd_of_all_singular_pairs(kind, rng):
    """Against the definition, from a full singular value decomposition."""
    X = rng.random((25, 12)) * (rng.random((25, 12)) < 0.5)
    products = (
        DenseProducts(X) if kind == "dense" else SparseProducts(sparse.csr_array(X))
    )
    A, B = nndsvd(low_rank(products, 5, rng), 5)
    U, s, Vt = np.linalg.svd(X)
    for j in range(5):
        best = max(
            (
                np.outer(np.maximum(e * U[:, j], 0), np.maximum(e * Vt[j], 0))
                for e in (1, -1)
            ),
            key=np.linalg.norm,
        )
        assert_allclose(np.outer(A[j], B[j]), s[j] * best, atol=1e-8)
        assert np.linalg.norm(A[j]) == pytest.approx(np.linalg.norm(B[j]))


def test_range_finder_of_low_rank(rng):
    X = rng.random((60, 5)) @ rng.random((5, 40))
    low = low_rank(DenseProducts(X), 5, rng)
    assert_allclose(low.Q @ low.R, X, atol=1e-12)


def test_filled_and_rescaled(problem, rng):
    X, A, B = problem
    A[:, ::2], B[:, 1::3] = 0, 0
    mean = A.mean(), B.mean()
    kept = A.copy(), B.copy()
    filled(A, B, 0.01)
    assert_allclose(A[kept[0] == 0], 0.01 * mean[0])
    assert_allclose(B[kept[1] == 0], 0.01 * mean[1])
    assert_array_equal(A[kept[0] > 0], kept[0][kept[0] > 0])
    A, B = rescaled(DenseProducts(X), 7 * A, B)
    error = np.linalg.norm(X - A.T @ B)
    for c in (0.99, 1.01):
        assert np.linalg.norm(X - c * A.T @ B) > error
    assert np.vdot(X - A.T @ B, A.T @ B) == pytest.approx(0, abs=1e-9 * np.sum(X**2))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.csc_array])
def test_rows_that_span_the_others(kind, rng):
    H = rng.random((5, 20))
    X = np.vstack([rng.dirichlet(np.ones(5), 40) @ H, H])[rng.permutation(45)]
    X *= rng.uniform(0.1, 10, (45, 1))
    found = separable(kind(X), 5)
    spanning = X[found] / X[found].sum(axis=1, keepdims=True)
    H /= H.sum(axis=1, keepdims=True)
    order = np.argmax(spanning @ H.T / np.linalg.norm(H, axis=1), axis=1)
    assert sorted(order) == list(range(5))
    assert_allclose(spanning, H[order], atol=1e-12)
    assert len(separable(kind(X), 9)) == 5
    assert len(separable(kind(0 * X), 3)) <= 1
