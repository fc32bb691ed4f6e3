"""Eigenpairs of double-centred squares against LAPACK."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdimred.numerics.axes import (
    both_ends,
    cailliez_constant,
    dense_axes,
    iterative_axes,
    lowest_value,
)
from skdimred.numerics.centering import CenteredSquares, double_centered
from skdimred.numerics.landmarks import landmark_axes


def squares(rng, n=60):
    D = np.abs(rng.standard_normal((n, 4))[:, None] - rng.standard_normal((n, 4)))
    S = (D.sum(axis=2) + D.sum(axis=2).T) ** 2
    np.fill_diagonal(S, 0.0)
    return S


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("step", [7, 60])
def test_products_are_those_of_the_matrix(rng, weighted, step):
    S = squares(rng)
    w = rng.uniform(0.5, 2, 60) if weighted else None

    def blocks():
        for start in range(0, 60, step):
            yield slice(start, min(60, start + step)), S[start : start + step]

    operator = CenteredSquares(blocks, 60, w)
    share = np.ones(60) if w is None else w
    P = np.eye(60) - np.outer(np.ones(60), share) / share.sum()
    root = np.sqrt(share)
    B = -0.5 * root[:, None] * (P @ S @ P.T) * root
    for width in (1, 3, 8):
        V = rng.standard_normal((60, width))
        assert_allclose(operator(V), B @ V, atol=1e-10)
    assert operator.passes == 3
    means, trace = operator.moments()
    assert_allclose(means, S @ share / share.sum())
    assert_allclose(trace, np.trace(B))
    assert_allclose(double_centered(S.copy(), w), B, atol=1e-11)


@pytest.mark.parametrize("cheap", [False, True])
@pytest.mark.parametrize("lowest_tol", [0.0, 0.03])
def test_iterative_is_dense(rng, cheap, lowest_tol):
    S = squares(rng)
    B = double_centered(S.copy())
    values, vectors = np.linalg.eigh(B)
    dense = dense_axes(B.copy(), lambda found: 3)
    operator = CenteredSquares(lambda: [(slice(0, 60), S)], 60)
    found = iterative_axes(
        operator, 3, tol=1e-11, rng=rng, cheap=cheap, lowest_tol=lowest_tol
    )
    for axes in (dense, found):
        assert_allclose(axes.values, values[::-1][:3], rtol=1e-11)
        signs = np.sign(np.sum(axes.vectors.T * vectors[:, ::-1][:, :3], axis=0))
        assert_allclose(axes.vectors.T * signs, vectors[:, ::-1][:, :3], atol=1e-8)
        assert_allclose(axes.lowest, values[0], rtol=1e-3 if lowest_tol else 1e-10)
        assert axes.converged
    assert dense.n_negative == np.count_nonzero(values < -1e-9)


def test_a_single_vector_gives_up_where_it_misses_copies():
    n = 30
    S = (1 - np.eye(n)).astype(float)
    operator = CenteredSquares(lambda: [(slice(0, n), S)], n)
    rng = np.random.default_rng(0)
    # All eigenvalues are equal: one vector sees one of them.
    assert both_ends(operator, 3, 1e-10, 0.03, rng) is None
    found = iterative_axes(operator, 3, tol=1e-10, rng=rng, cheap=True, lowest_tol=0.03)
    assert_allclose(found.values, 0.5)
    assert_allclose(found.vectors @ found.vectors.T, np.eye(3), atol=1e-10)


def test_the_lowest_value(rng):
    S = squares(rng)
    operator = CenteredSquares(lambda: [(slice(0, 60), S)], 60)
    values = np.linalg.eigvalsh(double_centered(S.copy()))
    found = lowest_value(operator, values[-1], rng, 0.0)
    assert_allclose(found, values[0], rtol=1e-11)
    # Where nothing is negative, the lowest is 0.
    X = rng.standard_normal((60, 3))
    S = np.sum((X[:, None] - X) ** 2, axis=2)
    operator = CenteredSquares(lambda: [(slice(0, 60), S)], 60)
    assert abs(lowest_value(operator, 100.0, rng, 0.0)) < 1e-10


@pytest.mark.parametrize("weighted", [False, True])
def test_all_points_as_landmarks_are_the_exact_answer(rng, weighted):
    X = rng.standard_normal((50, 3))
    S = np.sum((X[:, None] - X) ** 2, axis=2)
    w = rng.uniform(0.5, 2, 50) if weighted else None

    def blocks():
        for start in range(0, 50, 9):
            yield slice(start, min(50, start + 9)), S[start : start + 9]

    axes = landmark_axes(S, blocks, 3, w)
    values = np.linalg.eigvalsh(double_centered(S.copy(), w))[::-1][:3]
    assert_allclose(axes.values, values, rtol=1e-10)
    assert_allclose(axes.trace, values.sum(), rtol=0.2 if weighted else 1e-10)
    Z = S @ axes.coef + axes.intercept
    share = np.ones(50) if w is None else w
    assert_allclose(share @ Z, 0, atol=1e-9)
    assert_allclose((Z.T * share) @ Z, np.diag(values), atol=1e-9)


def test_the_additive_constant_of_many_points(rng):
    """More points than are solved densely at each step."""
    n = 620
    X = rng.standard_normal((n, 3))
    D = np.abs(X[:, None] - X).max(axis=2) ** 1.3
    squares, distances = double_centered(D**2), double_centered(D.copy())
    c, lowest = cailliez_constant(squares, distances)
    assert_allclose(lowest, np.linalg.eigvalsh(squares)[0], rtol=1e-10)
    off = 1 - np.eye(n)
    values = np.linalg.eigvalsh(double_centered((D + c * off) ** 2))
    assert values[0] > -1e-10 * values[-1]
    less = np.linalg.eigvalsh(double_centered((D + 0.999999 * c * off) ** 2))
    assert less[0] < -1e-9 * values[-1]
