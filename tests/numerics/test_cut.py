"""Cost of a cut, its descent, coarser graphs, rounding and partitions."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import adjusted_rand_score

from skdimred.numerics.bipartite import bipartite_cut, landmark_weights, shares
from skdimred.numerics.coarsening import carried_down, coarsen, hierarchy, match
from skdimred.numerics.cut import affinities, as_graph, cut_cost
from skdimred.numerics.cut_descent import descend
from skdimred.numerics.graph import (
    dense_weights,
    fit_kernel,
    neighbor_weights,
    symmetrised,
    tidy,
)
from skdimred.numerics.multilevel import partition
from skdimred.numerics.rounding import (
    by_means,
    by_pivots,
    by_rotation,
    fill_empty,
    means_from,
    two_means,
    unit_rows,
)


def random_graph(rng, n, density=0.1, loops=False, connected=True):
    W = np.triu(rng.random((n, n)) * (rng.random((n, n)) < density), 0 if loops else 1)
    W = W + W.T
    if connected:
        ring = np.arange(n)
        W[ring, (ring + 1) % n] = W[(ring + 1) % n, ring] = rng.random(n) + 0.01
    return tidy(W)


def trace_form(W, labels, k, mass):
    """tr[Y' (D - W) Y (Y' M Y)^-1], as it is written."""
    W = W.toarray()
    Y = np.eye(k)[labels]
    D, M = np.diag(W.sum(axis=1)), np.diag(mass)
    return np.trace(Y.T @ (D - W) @ Y @ np.linalg.inv(Y.T @ M @ Y))


@pytest.mark.parametrize("loops", [False, True])
def test_cost_is_the_trace(loops, rng):
    for _ in range(10):
        W = random_graph(rng, 40, loops=loops)
        labels = np.concatenate([np.arange(4), rng.integers(0, 4, 36)])
        graph = as_graph(W)
        degree = W.toarray().sum(axis=1)
        assert_allclose(
            cut_cost(graph, labels, 4), trace_form(W, labels, 4, degree), rtol=1e-12
        )
        by_count = as_graph(W, np.ones(40))
        expected = trace_form(W, labels, 4, np.ones(40))
        assert_allclose(cut_cost(by_count, labels, 4), expected, rtol=1e-12)


@pytest.mark.parametrize("balance", [0.3, 0.5, 1.0, 2.0])
def test_balance_is_an_exponent_of_the_mass(balance, rng):
    W = random_graph(rng, 50)
    labels = np.concatenate([np.arange(3), rng.integers(0, 3, 47)])
    A = W.toarray()
    expected = 0.0
    for c in range(3):
        inside = labels == c
        volume = A[inside].sum()
        share = A.sum() / (3 * volume)
        expected += A[inside][:, ~inside].sum() / volume * share**balance
    assert_allclose(cut_cost(as_graph(W), labels, 3, balance), expected, rtol=1e-12)


def test_nothing_cut_costs_exactly_nothing(rng):
    blocks = [random_graph(rng, n).toarray() for n in (17, 30, 4)]
    W = tidy(sparse.block_diag(blocks))
    labels = np.repeat([0, 1, 2], [17, 30, 4])
    assert cut_cost(as_graph(W), labels, 3) == 0.0
    assert cut_cost(as_graph(W), labels, 3, 0.5) == 0.0
    # A cluster without edges has nothing to cut, either.
    W = tidy(sparse.block_diag([blocks[0], np.zeros((2, 2))]))
    assert cut_cost(as_graph(W), np.repeat([0, 1], [17, 2]), 2, 0.5) == 0.0


@pytest.mark.parametrize("ratio", [False, True])
@pytest.mark.parametrize("balance", [0.0, 0.5])
def test_descent_never_rises_and_never_empties(ratio, balance, rng):
    """200 random graphs in all, loops and several components among them."""
    gained = 0
    for trial in range(50):
        n, k = int(rng.integers(12, 120)), int(rng.integers(2, 7))
        W = random_graph(
            rng, n, rng.uniform(0.03, 0.5), trial % 3 == 0, connected=trial % 4 > 0
        )
        mass = np.ones(n) if ratio else None
        graph = as_graph(W, mass)
        start = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
        before = start.copy()
        labels, cost = descend(graph, start, k, balance)
        assert_array_equal(start, before)
        first = cut_cost(graph, start, k, balance)
        assert cut_cost(graph, labels, k, balance) <= first
        assert_allclose(cost, cut_cost(graph, labels, k, balance), rtol=1e-9)
        assert np.bincount(labels, minlength=k).min() > 0
        gained += cost < first
    assert gained > 40


def test_descent_ends_where_no_single_move_gains(rng):
    W = random_graph(rng, 40, 0.3)
    graph = as_graph(W)
    labels, cost = descend(graph, rng.integers(0, 3, 40), 3)
    for i in range(40):
        for c in range(3):
            moved = labels.copy()
            moved[i] = c
            if len(set(moved)) == 3:
                assert cut_cost(graph, moved, 3) > cost * (1 - 1e-6)


def test_affinities_are_the_product(rng):
    W = random_graph(rng, 30)
    labels = rng.integers(0, 5, 30)
    assert_allclose(affinities(as_graph(W), labels, 5), W @ np.eye(5)[labels])


@pytest.mark.parametrize("make", ["random", "star", "path", "empty", "dense"])
def test_matching_shrinks_and_keeps_the_cost(make, rng):
    n = 200
    if make == "star":
        W = np.zeros((n, n))
        W[0, 1:] = W[1:, 0] = rng.random(n - 1) + 0.1
    elif make == "path":
        W = np.diag(rng.random(n - 1) + 0.1, 1)
        W = W + W.T
    elif make == "dense":
        W = rng.random((n, n))
        W = W + W.T
    else:
        W = random_graph(rng, n, 0.03).toarray() * (make == "random")
    graph = as_graph(tidy(W))
    node_of = match(graph, rng)
    count = np.bincount(node_of)
    assert count.min() > 0
    assert count.max() <= 3
    if make != "empty":
        assert len(count) <= 0.55 * n
    # Nodes are merged within components.
    component = connected_components(graph.weights, directed=False)[1]
    for c in range(len(count)):
        assert make == "star" or len(set(component[node_of == c])) == 1
    coarse = coarsen(graph, node_of, len(count))
    labels = rng.integers(0, 4, len(count))
    for mass in (None, np.ones(n)):
        fine = as_graph(tidy(W), mass)
        coarse = coarsen(fine, node_of, len(count))
        for balance in (0.0, 0.5):
            assert_allclose(
                cut_cost(coarse, labels, 4, balance),
                cut_cost(fine, labels[node_of], 4, balance),
                rtol=1e-12,
            )


def test_hierarchy_ends(rng):
    # Leaves of a star can only be matched with each other.
    n = 5000
    W = sparse.coo_array((np.ones(n - 1), (np.zeros(n - 1, int), np.arange(1, n))))
    W.resize((n, n))
    graphs, maps = hierarchy(as_graph(tidy(W + W.T)), 400, rng)
    assert graphs[-1].n_nodes <= 400
    assert len(graphs) == len(maps) + 1 <= 8
    found = partition(tidy(W + W.T), 2, rng=rng)
    assert set(found.labels) == {0, 1}


def test_levels_keep_a_partition(rng):
    graph = as_graph(random_graph(rng, 900, 0.02))
    labels = rng.integers(0, 5, 900)
    graphs, maps = hierarchy(graph, 100, rng, labels=labels)
    assert len(maps) >= 2
    coarse = carried_down(labels, maps)
    assert len(coarse) == graphs[-1].n_nodes < 300
    assert_allclose(cut_cost(graphs[-1], coarse, 5), cut_cost(graph, labels, 5))
    for node_of in reversed(maps):
        coarse = coarse[node_of]
    assert_array_equal(coarse, labels)


def test_nodes_that_little_leaves_are_not_matched(rng):
    """Two far pairs, each one node by now, beside a path."""
    W = np.diag(np.ones(59), 1)
    W[0, 58] = W[1, 59] = 1e-3
    W[58, 59] = W[57, 58] = 0
    W = W + W.T
    W[58, 58] = W[59, 59] = 2.0
    graph = as_graph(tidy(W))
    node_of = match(graph, rng, 10)
    assert np.bincount(node_of)[node_of[58:]].max() == 1
    # As many as may be kept, and those first that the least leaves.
    W[0, 58] = W[58, 0] = 1e-2
    sizes = []
    for _ in range(10):
        node_of = match(as_graph(tidy(W)), rng, 1)
        sizes.append(np.bincount(node_of)[node_of[58:]])
    assert_array_equal(np.array(sizes)[:, 1], 1)
    assert max(np.array(sizes)[:, 0]) > 1


def test_roundings_read_off_indicators(rng):
    labels = rng.integers(0, 5, 80)
    V = np.eye(5)[labels] / np.sqrt(np.bincount(labels))
    rotation = np.linalg.qr(rng.standard_normal((5, 5)))[0]
    for found in (
        by_pivots(V @ rotation),
        by_rotation(V @ rotation),
        *by_means((V @ rotation)[np.newaxis], 5, 8, rng),
    ):
        if len(set(found)) == 5:
            assert adjusted_rand_score(labels, found) == 1
    assert adjusted_rand_score(labels, by_pivots(V @ rotation)) == 1
    assert adjusted_rand_score(labels, by_rotation(V @ rotation)) == 1
    best = by_means(unit_rows(V @ rotation)[np.newaxis], 5, 8, rng)
    assert max(adjusted_rand_score(labels, y) for y in best) == 1


def test_means_honour_weights_and_spaces(rng):
    Z = np.array([[0.0], [1.0], [10.0], [11.0]])
    heavy = np.array([[1.0, 1.0, 0.0, 0.0]])
    for labels in by_means(Z[np.newaxis], 2, 5, rng, heavy):
        # Rows without weight draw no centre to themselves.
        assert labels[0] != labels[1]
    both = by_means(np.stack([Z, Z[::-1]]), 2, 3, rng)
    assert both.shape == (6, 4)
    for labels in both:
        assert labels[0] == labels[1] != labels[2] == labels[3]


def test_empty_clusters_are_filled():
    labels = np.array([0, 0, 0, 3, 3, 0])
    filled = fill_empty(labels, np.array([1.0, 5, 2, 1, 1, 3]), 5)
    assert_array_equal(np.bincount(filled, minlength=5) > 0, True)
    assert_array_equal(labels, [0, 0, 0, 3, 3, 0])
    assert filled[1] == 1
    assert filled[5] == 2


def test_partition_groups_components_by_mass(rng):
    blocks = [random_graph(rng, n, 0.9).toarray() for n in (30, 20, 12, 9)]
    W = tidy(sparse.block_diag(blocks))
    found = partition(W, 4, rng=rng)
    assert found.cost == 0
    assert found.n_components == 4
    assert_array_equal(found.labels, np.repeat(np.arange(4), [30, 20, 12, 9]))
    # The heaviest alone; the lighter ones together.
    found = partition(W, 2, rng=rng)
    assert found.cost == 0
    assert_array_equal(np.bincount(found.labels), [30, 41])


@pytest.mark.parametrize("k", [1, 2, 39, 40])
def test_partition_of_any_number(k, rng):
    W = random_graph(rng, 40)
    found = partition(W, k, rng=rng)
    assert_array_equal(np.unique(found.labels), np.arange(k))
    # Numbered in the order of their first nodes.
    first = [np.argmax(found.labels == c) for c in range(k)]
    assert first == sorted(first)


def test_partition_finds_what_was_planted(rng):
    truth = rng.integers(0, 6, 1500)
    inside = truth[:, np.newaxis] == truth
    A = np.triu(rng.random((1500, 1500)) < np.where(inside, 0.08, 0.005), 1)
    found = partition(tidy((A + A.T).astype(float)), 6, rng=rng)
    assert adjusted_rand_score(truth, found.labels) > 0.99
    assert found.cost <= cut_cost(as_graph(tidy((A + A.T).astype(float))), truth, 6)


def test_kernels():
    D = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8], [0, 0, 0, 0, 0, 0, 0, 2.0]])
    kernel = fit_kernel(D, "local")
    assert_array_equal(kernel.scales, [7.0, 2.0])
    exponents = kernel.exponents(D[:, :2], np.array([[1, 1], [0, 0]]), kernel.scales)
    assert_allclose(exponents[0], [-1 / 14, -4 / 4])
    assert fit_kernel(D, "auto").sigma == 4.5
    assert_allclose(
        fit_kernel(D, 3.0).exponents(D[0], slice(None), None), -(D[0] ** 2) / 18
    )
    # No scale at all: all weights are those of distance 0.
    assert_array_equal(fit_kernel(np.zeros((3, 2)), "local").scales, 1.0)


def test_neighbours_as_near_as_the_last_are_taken():
    D = np.array([[1.0, 2.0, 2.0, 3.0], [1.0, 2.0, 4.0, 5.0]] * 2)
    places = np.array([[1, 2, 3, 0], [0, 2, 3, 1], [3, 0, 1, 2], [2, 0, 1, 3]])
    W = neighbor_weights(D, places, 2, fit_kernel(D, 1.0))
    assert_array_equal(np.diff(W.indptr), [3, 2, 3, 2])
    assert_allclose(W.toarray()[0], [0, np.exp(-0.5), np.exp(-2), np.exp(-2)])
    S = symmetrised(W).toarray()
    assert_allclose(S, (W.toarray() + W.toarray().T) / 2)


def test_dense_weights_are_the_average_of_both_ways(rng):
    X = rng.standard_normal((12, 3))
    D = np.linalg.norm(X[:, np.newaxis] - X, axis=2)
    kernel = fit_kernel(np.sort(D, axis=1)[:, 1:], "local")
    s = np.sort(D, axis=1)[:, 7]
    expected = np.exp(-(D**2) / np.outer(s, s))
    np.fill_diagonal(expected, 0)
    assert_allclose(dense_weights(D.copy(), kernel), expected, rtol=1e-12)


def test_landmarks_are_the_graph_of_points(rng):
    B = sparse.csr_array(rng.random((50, 8)) * (rng.random((50, 8)) < 0.5) + 0.01)
    W = B @ np.diag(1 / B.toarray().sum(axis=0)) @ B.toarray().T
    assert_allclose(W.sum(axis=1), B.toarray().sum(axis=1))
    labels = np.concatenate([np.arange(3), rng.integers(0, 3, 47)])
    graph = as_graph(tidy(W))
    for balance in (0.0, 0.5):
        assert_allclose(
            bipartite_cut(B, labels, 3, balance),
            cut_cost(graph, labels, 3, balance),
            rtol=1e-10,
        )
    E = landmark_weights(B).toarray()
    assert_allclose(E.sum(axis=1), B.toarray().sum(axis=0), rtol=1e-12)
    own = rng.integers(0, 3, 8)
    expected = B.toarray() @ np.eye(3)[own]
    assert_allclose(shares(B, own, 3), expected / expected.sum(axis=1, keepdims=True))


def test_two_means_are_the_best_of_all_thresholds(rng):
    v = np.concatenate([rng.standard_normal(30), 4 + rng.standard_normal(9)])

    def squares(labels):
        return sum(np.var(v[labels == c]) * np.sum(labels == c) for c in (0, 1))

    found = two_means(v)
    order = np.sort(v)
    every = [(v > cut).astype(int) for cut in order[:-1]]
    assert_allclose(squares(found), min(squares(labels) for labels in every))
    assert set(found) == {0, 1}


def test_means_from_partitions(rng, monkeypatch):
    Z = np.repeat(np.eye(4), 25, axis=0) * 5 + 0.1 * rng.standard_normal((100, 4))
    truth = np.repeat(np.arange(4), 25)
    noisy = truth.copy()
    noisy[::7] = rng.integers(0, 4, len(noisy[::7]))
    bad = np.arange(100) % 4
    labels = np.stack([bad, noisy])
    found = means_from(Z, labels, 4, np.ones(100))
    assert adjusted_rand_score(found[1], truth) == 1
    monkeypatch.setattr("skdimred.numerics.rounding.MOST_AT_ONCE", 1)
    assert_array_equal(means_from(Z, labels, 4, np.ones(100)), found)
