"""Beta divergences: formulas, steps, and weights of rows against general minimisers."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, sparse, special

from skdimred.numerics.divergence import (
    Cells,
    divergence,
    multiplied,
    multiply_alternate,
    multiply_residual,
)
from skdimred.numerics.divergence_rows import row_weights
from skdimred.numerics.nonnegative import NO_PENALTIES, Penalty

BETAS = [-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 3.0]


def table(rng, beta, n=12, p=9):
    X = rng.poisson(2.0, (n, p)).astype(float)
    return X + 0.5 if beta <= 0 else X


def factors(rng, n=12, p=9, k=3):
    return rng.random((n, k)) + 0.1, rng.random((p, k)) + 0.1


def plain_sum(X, V, beta, weight=None):
    """The divergence by its formulas as they are printed, cell by cell."""
    total = 0.0
    for i, j in np.argwhere(~np.isnan(X)):
        x, v = X[i, j], V[i, j]
        if beta == 1:
            d = special.kl_div(x, v)
        elif beta == 0:
            d = x / v - np.log(x / v) - 1
        else:
            d = x**beta / (beta * (beta - 1)) + v**beta / beta
            d -= x * v ** (beta - 1) / (beta - 1)
        total += d * (1 if weight is None else weight[i])
    return total


@pytest.mark.parametrize("beta", BETAS)
def test_formulas(beta, rng):
    X = table(rng, beta)
    W, Ht = factors(rng)
    assert_allclose(Cells(X, beta).value(W, Ht), plain_sum(X, W @ Ht.T, beta))
    assert_allclose(divergence(X + 1, X + 1, beta), 0, atol=1e-13)
    assert (divergence(X + 1, W @ Ht.T, beta) >= 0).all()


@pytest.mark.parametrize("beta", [1 - 1e-6, 1 + 1e-6, 1e-6, -1e-6])
def test_limits_of_beta(beta, rng):
    x, v = rng.random(20) + 0.5, rng.random(20) + 0.5
    assert_allclose(divergence(x, v, beta), divergence(x, v, round(beta)), rtol=1e-3)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("missing", [False, True])
def test_sparse_is_dense(beta, missing, rng):
    X = table(rng, beta)
    stored = sparse.csr_array(X)
    dense = np.where(X > 0, X, np.nan) if missing else X
    W, Ht = factors(rng)
    weight = rng.integers(1, 4, 12).astype(float)
    cells = Cells(stored, beta, missing=missing, weight=weight, scale=2.0)
    other = Cells(dense, beta, weight=weight, scale=2.0)
    expected = plain_sum(dense / 2, W @ Ht.T, beta, weight)
    for kind in (cells, other):
        assert_allclose(kind.value(W, Ht), expected)
        assert kind.total == pytest.approx(weight @ X.sum(axis=1) / 2)
        assert kind.n_known == weight @ (~np.isnan(dense)).sum(axis=1)
    for side in (0, 1):
        a, b = (kind.parts(side, W, Ht, want_value=True) for kind in (cells, other))
        assert_allclose(a.numerator, b.numerator)
        assert_allclose(
            np.broadcast_to(a.denominator, b.denominator.shape), b.denominator
        )
        assert_allclose(a.value, expected)


@pytest.mark.parametrize("beta", BETAS)
def test_parts_are_the_gradient(beta, rng):
    X = table(rng, beta)
    X[0, 0] = np.nan
    W, Ht = factors(rng)
    cells = Cells(X, beta)
    for side, factor in enumerate((W, Ht)):
        parts = cells.parts(side, W, Ht)

        def value(x, side=side, factor=factor):
            pair = [W, Ht]
            pair[side] = x.reshape(factor.shape)
            return plain_sum(X, pair[0] @ pair[1].T, beta)

        slope = optimize.approx_fprime(factor.ravel(), value, 1e-7)
        found = (parts.denominator - parts.numerator).ravel()
        assert_allclose(found, slope, rtol=1e-3, atol=1e-4 * np.abs(slope).max())


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("penalty", [Penalty(), Penalty(0.3, 0.2)])
def test_no_step_rises(beta, penalty, rng):
    X = table(rng, beta)
    W, Ht = factors(rng)
    cells = Cells(X, beta)
    values = []
    for _ in range(30):
        parts = cells.parts(0, W, Ht, want_value=True)
        values.append(parts.value + penalty.value(W) + penalty.value(Ht))
        W = multiplied(W, parts, penalty, beta)
        Ht = multiplied(Ht, cells.parts(1, W, Ht), penalty, beta)
    assert (np.diff(values) <= 1e-12 * values[0]).all()
    assert values[-1] < 0.9 * values[0]


@pytest.mark.parametrize("beta", [0.0, 1.0, 2.0])
def test_alternation_ends_where_nothing_moves(beta, rng):
    X = table(rng, beta)
    cells = Cells(X, beta)
    start = factors(rng)
    seen = []

    def report(value, residual, A, B):
        seen.append((value, cells.value(A.T, B.T), residual))

    found = multiply_alternate(
        cells, *start, NO_PENALTIES, tol=1e-4, max_iter=3000, report=report
    )
    assert found.converged
    assert found.residual <= 1e-4
    values, true, residuals = np.array(seen).T
    assert (np.diff(found.history) <= 0).all()
    assert_allclose(values, true, rtol=1e-10)
    assert_array_equal(values, found.history)
    W, Ht = found.A.T, found.B.T
    assert multiply_residual(cells, W, Ht, NO_PENALTIES) == pytest.approx(residuals[-1])
    # No minimiser finds anything better nearby.
    size = W.size

    def value(z):
        V = z[:size].reshape(W.shape) @ z[size:].reshape(Ht.shape).T
        return plain_sum(X, np.maximum(V, 1e-12), beta)

    z = np.concatenate([W.ravel(), Ht.ravel()])
    options = {"maxiter": 20}
    other = optimize.minimize(
        value, z, method="L-BFGS-B", bounds=[(1e-9, None)] * len(z), options=options
    )
    assert values[-1] <= other.fun * (1 + 1e-3)


@pytest.mark.parametrize("beta", [1.0, 1.5, 2.0])
@pytest.mark.parametrize("penalties", [(0.0, 0.0), (0.2, 0.1)])
def test_weights_of_rows_are_minima(beta, penalties, rng):
    """Where the problem of a row is convex, a general minimiser ends in the same."""
    l1, l2 = penalties
    X = table(rng, beta, n=6, p=15)
    X[0, 3] = np.nan
    H = rng.random((3, 15))
    found = row_weights(X, H, beta, l1=l1, l2=l2)
    for x, w in zip(X, found, strict=True):

        def value(w, x=x):
            fit = plain_sum(x[np.newaxis], np.maximum(w @ H, 1e-12)[np.newaxis], beta)
            return fit + l1 * w.sum() + l2 / 2 * w @ w

        other = optimize.minimize(
            value, w + 0.1, method="L-BFGS-B", bounds=[(0, None)] * 3, tol=1e-14
        )
        # Multiplicative steps come to a weight of 0 but slowly.
        excess, apart = (1e-8, 3e-3) if beta == 1 else (1e-4, 2e-2)
        assert value(w) <= other.fun + excess * abs(other.fun)
        assert_allclose(w, other.x, atol=apart * other.x.max())


@pytest.mark.parametrize("stored", [False, True])
@pytest.mark.parametrize("beta", [0.0, 1.0, 1.5])
@pytest.mark.parametrize("exact", [False, True])
def test_rows_are_on_their_own(stored, beta, exact, rng):
    X, H = table(rng, beta, n=20), rng.random((4, 9))
    if stored:
        X = sparse.csr_array(X)
    W = row_weights(X, H, beta, exact=exact)
    alone = np.vstack([row_weights(X[[i]], H, beta, exact=exact) for i in range(20)])
    assert_allclose(alone, W, rtol=1e-9, atol=1e-12)


def test_newton_meets_the_conditions(rng):
    """The slope sum h - sum x h / (w H) is 0 where w > 0, and at least 0 elsewhere."""
    X, H = rng.poisson(1.0, (300, 40)).astype(float), rng.gamma(0.3, size=(8, 40))
    W = row_weights(X, H, 1.0)
    slope = H.sum(axis=1) - (X / (W @ H)) @ H.T
    size = H.sum(axis=1)
    alive = X.sum(axis=1) > 0
    # A weight times its slope is what could be gained.
    assert np.abs(W * slope)[alive].max() < 1e-6 * X.sum(axis=1).max()
    assert (slope / size)[alive].min() > -1e-4


def test_exact_mixtures_are_found(rng):
    W, H = rng.random((30, 5)), rng.random((5, 25))
    assert_allclose(row_weights(W @ H, H, 1.0), W, atol=1e-5)


@pytest.mark.parametrize("beta", [0.5, 1.0, 2.0])
def test_rows_and_components_of_zeros(beta, rng):
    X, H = table(rng, beta), rng.random((3, 9))
    X[4], H[1] = 0, 0
    for rows in (X, sparse.csr_array(X)):
        W = row_weights(rows, H, beta)
        assert np.isfinite(W).all()
        assert_array_equal(W[4], 0)
        assert_array_equal(W[:, 1], 0)


@pytest.mark.parametrize("unit", [1e-280, 1e-150, 1e150, 1e280])
@pytest.mark.parametrize("beta", [0.0, 1.0, 1.5])
def test_any_unit_of_a_row(unit, beta, rng):
    X, H = table(rng, beta), rng.random((3, 9))
    assert_allclose(row_weights(unit * X, H, beta), unit * row_weights(X, H, beta))


def test_weights_are_repetitions(rng):
    X, weight = table(rng, 1.0), rng.integers(1, 4, 12)
    W, Ht = factors(rng)
    once = Cells(X, 1.0, weight=weight.astype(float))
    often = Cells(np.repeat(X, weight, axis=0), 1.0)
    penalties = Penalty(0.2, 0.1), Penalty(0.1, 0.3)
    found = multiply_alternate(once, W, Ht, penalties, tol=0, max_iter=25)
    other = multiply_alternate(
        often, np.repeat(W, weight, axis=0), Ht, penalties, tol=0, max_iter=25
    )
    assert_allclose(found.B, other.B, rtol=1e-10)
    assert_allclose(found.history, other.history, rtol=1e-12)
