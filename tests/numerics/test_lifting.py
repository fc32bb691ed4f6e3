"""Eigenvectors by way of coarser graphs, and the exchange of a cluster."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.datasets import load_digits, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import kneighbors_graph

from skdimred.numerics.coarsening import hierarchy
from skdimred.numerics.cut import as_graph, cut_cost
from skdimred.numerics.exchange import exchanged
from skdimred.numerics.graph import tidy
from skdimred.numerics.laplacian import low_spectrum
from skdimred.numerics.lifting import lifted_vectors, settled_vectors


def neighbours(X, mass=None):
    W = kneighbors_graph(X, 10)
    return as_graph(tidy(sparse.csr_array((W + W.T) * 0.5)), mass)


@pytest.fixture(scope="module")
def digits():
    return neighbours(load_digits().data)


def quotients(graph, V):
    return np.einsum("ij,ij->j", V, graph.degree[:, None] * V - graph.weights @ V)


@pytest.mark.parametrize("ratio", [False, True])
def test_lifted_vectors_are_nearly_those_of_the_graph(digits, ratio, rng):
    graph = as_graph(digits.weights, np.ones(1797) if ratio else None)
    graphs, maps = hierarchy(graph, 150, rng)
    assert len(maps) >= 3
    values, V = lifted_vectors(graphs, maps, 8)
    exact = low_spectrum(graph, 8)
    gram = V.T @ (graph.mass[:, np.newaxis] * V)
    assert_allclose(gram, np.eye(V.shape[1]), atol=1e-9)
    assert_allclose(quotients(graph, V), values, atol=1e-9)
    # By the principle of Courant and Fischer none is below its place.
    assert (values[:8] >= exact.values - 1e-12).all()
    assert values[:8].sum() < 1.2 * exact.values.sum()
    better = settled_vectors(graph, values, V, 8)
    sums = quotients(graph, better).sum()
    assert exact.values.sum() - 1e-9 < sums < 1.03 * exact.values.sum()
    cosines = np.linalg.svd(exact.vectors.T @ (graph.mass[:, np.newaxis] * better))[1]
    assert cosines.min() > 0.95


def test_weights_may_be_of_any_scale(digits):
    def vectors(scale):
        graph = as_graph(digits.weights * scale, np.ones(1797))
        graphs, maps = hierarchy(graph, 150, np.random.default_rng(0))
        values, V = lifted_vectors(graphs, maps, 5)
        return values / scale, settled_vectors(graph, values, V, 5)

    values, V = vectors(1.0)
    # Powers of two, which change no digit.
    for scale in (2.0**-960, 2.0**960):
        others, U = vectors(scale)
        assert_allclose(others, values, atol=1e-12)
        assert_allclose(np.abs(U.T @ V), np.eye(5), atol=1e-6)


def test_components_and_what_the_polynomial_leaves_nothing_of(rng):
    X = np.concatenate([rng.standard_normal((300, 2)) + 100 * i for i in range(3)])
    graph = neighbours(X)
    graphs, maps = hierarchy(graph, 100, rng)
    values, V = lifted_vectors(graphs, maps, 3)
    assert_allclose(values[:3], 0, atol=1e-6)
    # A star has the eigenvalues 0, 1 and 2 alone: its vectors are any.
    n = 3000
    hub = (np.zeros(n - 1, dtype=int), np.arange(1, n))
    W = sparse.coo_array((np.ones(n - 1), hub), shape=(n, n))
    graph = as_graph(tidy(W + W.T))
    graphs, maps = hierarchy(graph, 150, rng)
    values, V = lifted_vectors(graphs, maps, 2)
    V = settled_vectors(graph, values, V, 2)
    assert_allclose(V.T @ (graph.mass[:, np.newaxis] * V), np.eye(2), atol=1e-8)
    assert_allclose(quotients(graph, V), [0, 1], atol=1e-8)


def test_one_graph_alone_has_exact_vectors(rng):
    graph = neighbours(make_moons(100, noise=0.1, random_state=0)[0])
    values, V = lifted_vectors([graph], [], 4)
    assert_allclose(quotients(graph, V)[:4], low_spectrum(graph, 4).values, atol=1e-10)
    assert (values == 0).all()


def test_an_exchange_finds_the_cluster_that_was_missed(rng):
    """Two of five clusters are one, and another is cut in two."""
    centers = np.array([[0, 0], [8, 0], [0, 8], [8, 8], [4, 16]])
    truth = np.repeat(np.arange(5), [150, 150, 150, 150, 20])
    graph = neighbours(centers[truth] + rng.standard_normal((620, 2)))
    V = low_spectrum(graph, 5).vectors
    wrong = truth.copy()
    wrong[truth == 4] = 3
    wrong[np.flatnonzero(truth == 0)[:75]] = 4
    for balance in (0.0, 0.5):
        found = exchanged(graph, V, wrong, balance)
        assert set(found) == set(range(5))
        assert adjusted_rand_score(truth, found) > 0.98
        before = cut_cost(graph, wrong, 5, balance)
        assert cut_cost(graph, found, 5, balance) < 0.1 * before
        # Nothing is missing, and there are five clusters still.
        assert set(exchanged(graph, V, truth, balance)) == set(range(5))
