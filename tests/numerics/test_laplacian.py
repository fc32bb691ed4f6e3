"""Lowest eigenpairs of the pencil of a cut, against LAPACK and formulas."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose
from scipy import sparse

from skdimred.numerics.cut import as_graph
from skdimred.numerics.graph import tidy
from skdimred.numerics.laplacian import dense_vectors, low_spectrum


def ring(n, dimensions=1):
    """A cycle, or a product of cycles, whose spectrum is known."""
    C = sparse.diags_array([np.ones(n - 1), [1.0]], offsets=[1, n - 1], shape=(n, n))
    C = C + C.T
    W = C
    for _ in range(dimensions - 1):
        W = sparse.kron(W, sparse.eye_array(n)) + sparse.kron(
            sparse.eye_array(W.shape[0]), C
        )
    return tidy(W)


def random_graph(rng, n, density=0.05):
    W = np.triu(rng.random((n, n)) * (rng.random((n, n)) < density), 1)
    np.fill_diagonal(W[:, 1:], 0.5)
    return tidy(W + W.T)


def lapack(W, mass, k):
    L = np.diag(W.sum(axis=1)) - W.toarray()
    return scipy.linalg.eigh(L, np.diag(mass))[0][:k]


@pytest.mark.parametrize("solver", ["auto", "dense", "lanczos", "shift-invert"])
@pytest.mark.parametrize("ratio", [False, True])
def test_every_solver_finds_what_lapack_does(solver, ratio, rng):
    W = random_graph(rng, 150)
    mass = np.ones(150) if ratio else W.sum(axis=1)
    graph = as_graph(W, mass if ratio else None)
    found = low_spectrum(graph, 7, solver)
    assert_allclose(found.values, lapack(W, mass, 7), atol=1e-10)
    assert found.values[0] == 0
    V = found.vectors
    assert_allclose(V.T @ (mass[:, np.newaxis] * V), np.eye(7), atol=1e-9)
    assert found.residual < 1e-9
    assert found.n_components == 1
    # The entry of largest magnitude is positive.
    assert (V[np.abs(V).argmax(axis=0), np.arange(7)] > 0).all()


@pytest.mark.parametrize("solver", ["auto", "lanczos", "shift-invert", "dense"])
def test_components_are_found_whatever_the_solver(solver, rng):
    """An iteration alone finds one or two of six equal eigenvalues."""
    sizes = [90, 120, 60, 200, 31, 2]
    W = tidy(sparse.block_diag([random_graph(rng, n, 0.2) for n in sizes]))
    found = low_spectrum(as_graph(W), 9, solver)
    assert_allclose(found.values[:6], 0, atol=0)
    assert (found.values[6:] > 1e-4).all()
    assert_allclose(found.values, lapack(W, W.sum(axis=1), 9), atol=1e-9)
    indicators = found.vectors[:, :6] != 0
    assert (indicators.sum(axis=1) == 1).all()
    assert sorted(indicators.sum(axis=0)) == sorted(sizes)
    assert found.residual < 1e-9


def test_more_components_than_asked_for(rng):
    W = tidy(sparse.block_diag([random_graph(rng, 10, 0.5)] * 5))
    found = low_spectrum(as_graph(W), 3)
    assert (found.values == 0).all()
    assert found.solver == "components"
    assert found.n_components == 5


def test_nodes_without_edges_are_components(rng):
    W = tidy(sparse.block_diag([random_graph(rng, 20, 0.3), np.zeros((3, 3))]))
    found = low_spectrum(as_graph(W), 6)
    assert np.isfinite(found.vectors).all()
    assert (found.values[:4] == 0).all()
    assert (found.values[4:] > 0).all()
    assert np.isfinite(dense_vectors(as_graph(W), 6)).all()


def test_tiny_gaps_keep_their_digits():
    """A long cycle: eigenvalues 1 - cos(2 pi j / n), each twice."""
    n = 1000
    expected = 1 - np.cos(2 * np.pi * np.array([0, 1, 1, 2, 2]) / n)
    for solver in ("auto", "dense", "shift-invert"):
        found = low_spectrum(as_graph(ring(n)), 5, solver)
        assert_allclose(found.values, expected, rtol=1e-7, atol=1e-15)
    assert low_spectrum(as_graph(ring(n)), 5).solver == "shift-invert"


def test_large_graphs_without_a_dense_matrix():
    n = 30
    W = ring(n, 3)
    found = low_spectrum(as_graph(W), 7)
    step = (1 - np.cos(2 * np.pi / n)) / 3
    assert_allclose(found.values, [0] + [step] * 6, rtol=1e-6, atol=1e-14)


def test_dense_vectors_span_those_of_the_pencil(rng):
    W = random_graph(rng, 80)
    d = W.sum(axis=1)
    V = dense_vectors(as_graph(W), 5)
    values = lapack(W, d, 5)
    assert_allclose(V.T @ (d[:, np.newaxis] * V), np.eye(5), atol=1e-10)
    L = np.diag(d) - W.toarray()
    assert_allclose(L @ V, d[:, np.newaxis] * V * values, atol=1e-9)
