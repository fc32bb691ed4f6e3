"""Exact non-negative least squares against SciPy's, one right-hand side at a time."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize

from skdimred.numerics.nnls import nnls, own_sweeps

PROBLEMS = {
    "tall": lambda rng: rng.random((50, 8)),
    "signed": lambda rng: rng.standard_normal((40, 15)),
    "many": lambda rng: rng.random((120, 60)),
    "sparse": lambda rng: rng.random((60, 20)) * (rng.random((60, 20)) < 0.2),
    "one": lambda rng: rng.random((30, 1)),
    "repeated": lambda rng: np.repeat(rng.random((50, 4)), 3, axis=1),
    "rank": lambda rng: rng.random((50, 4)) @ rng.random((4, 12)),
    "wide": lambda rng: rng.random((5, 12)),
    "zero column": lambda rng: rng.random((30, 6)) * (np.arange(6) != 2),
    "hilbert": lambda rng: 1 / (np.arange(20)[:, np.newaxis] + np.arange(15) + 1.0),
    "powers": lambda rng: np.vander(np.linspace(0, 1, 30), 7),
    "scales": lambda rng: rng.random((50, 8)) * 10.0 ** np.arange(-6, 2),
    "tiny": lambda rng: 1e-100 * rng.random((50, 8)),
}


def residuals(A, X, B):
    return np.linalg.norm(A @ X - B, axis=0)


@pytest.mark.parametrize("make", PROBLEMS.values(), ids=PROBLEMS)
def test_as_good_as_scipy(make, rng):
    A = make(rng)
    inside = A @ np.maximum(rng.standard_normal((A.shape[1], 10)), 0)
    B = np.hstack([rng.random((len(A), 20)) * A.max(), inside])
    X = nnls(A.T @ A, A.T @ B)
    best = np.array([optimize.nnls(A, b, maxiter=3000)[1] for b in B.T])
    assert (X >= 0).all()
    # Half the digits of the residual are lost where it is 0.
    norms = np.linalg.norm(B, axis=0)
    slack = np.where(best < 1e-7 * norms, 1e-7, 1e-12) * norms
    assert (residuals(A, X, B) <= best * (1 + 1e-9) + slack).all()


def test_weights_where_they_are_unique(rng):
    A, B = rng.random((50, 12)), rng.random((50, 30))
    X = nnls(A.T @ A, A.T @ B)
    expected = np.array([optimize.nnls(A, b)[0] for b in B.T]).T
    assert_allclose(X, expected, atol=1e-12)
    assert_array_equal(X == 0, expected == 0)


def test_conditions_of_a_minimum(rng):
    A = rng.random((80, 30))
    S, C = A.T @ A, A.T @ rng.random((80, 200))
    X = nnls(S, C)
    slope = S @ X - C
    size = np.abs(C).max()
    assert (slope >= -1e-10 * size).all()
    assert np.abs(slope[X > 0]).max() < 1e-10 * size


def test_a_linear_term_may_be_negative(rng):
    S, C = np.eye(3) + 0.1, -rng.random((3, 4))
    assert_array_equal(nnls(S, C), np.zeros((3, 4)))


@pytest.mark.parametrize("exact", [True, False])
def test_columns_are_on_their_own(exact, rng):
    A = rng.random((40, 25))
    S, C = A.T @ A, A.T @ rng.random((40, 60))
    together = nnls(S, C, exact=exact)
    alone = np.hstack([nnls(S, C[:, [i]], exact=exact) for i in range(60)])
    assert_allclose(alone, together, atol=1e-12)


def test_a_matrix_for_each_column(rng):
    many = [rng.random((20, 7)) * (rng.random((20, 1)) < 0.7) for _ in range(15)]
    b = rng.random((20, 15))
    S = np.array([A.T @ A for A in many])
    C = np.array([A.T @ x for A, x in zip(many, b.T, strict=True)]).T
    X = nnls(S, C)
    for i, A in enumerate(many):
        best = optimize.nnls(A, b[:, i])[1]
        assert np.linalg.norm(A @ X[:, i] - b[:, i]) <= best + 1e-10


def test_nothing_depends_on_dead_entries(rng):
    S = np.zeros((6, 4, 4))
    S[:, 1:, 1:] = np.eye(3)
    C = np.vstack([np.zeros(6), rng.standard_normal((3, 6))])
    X = nnls(S, C)
    assert_array_equal(X[0], 0)
    assert_allclose(X[1:], np.maximum(C[1:], 0))
    assert_array_equal(nnls(np.zeros((3, 3)), np.zeros((3, 2))), 0)


def test_sweeps_come_close_from_above(rng):
    A, B = rng.random((50, 10)), rng.random((50, 30))
    S, C = A.T @ A, A.T @ B

    def value(X):
        return 0.5 * np.sum(X * (S @ X)) - np.sum(C * X)

    best = value(nnls(S, C))
    found = [value(nnls(S, C, exact=False, sweeps=m)) for m in (1, 5, 20, 200)]
    assert (np.diff(found) < 0).all()
    assert found[0] > best
    assert found[-1] - best < 1e-6 * abs(best)
    own = np.zeros_like(C)
    own_sweeps(own, C, np.broadcast_to(S, (30, 10, 10)), 20)
    assert value(own) == pytest.approx(found[2], rel=1e-12)


@pytest.mark.parametrize("unit", [1e-250, 1e-100, 1e100, 1e250])
def test_any_unit_of_the_right_side(unit, rng):
    A = rng.random((30, 9))
    S, C = A.T @ A, A.T @ rng.random((30, 12))
    assert_allclose(nnls(S, unit * C), unit * nnls(S, C), rtol=1e-10)


def test_input_is_not_changed(rng):
    A = rng.random((30, 9))
    S, C = A.T @ A, A.T @ rng.random((30, 12))
    before = S.copy(), C.copy()
    nnls(S, C)
    assert_array_equal(S, before[0])
    assert_array_equal(C, before[1])
