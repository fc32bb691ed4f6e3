"""Descent of the cost of a cut, node by node and never upwards.

Moving node i from cluster a to b changes the cut and the mass of these two alone, and
what it gains is known exactly from the weight of i to each cluster [1]_. A pass takes
all nodes that have something to gain, drops those with a neighbour that has more, so
that the gains of the others do not touch each other's edges, and moves as many of them,
best first, as make the cost least. In a dense graph it takes the few best instead, and
counts the edges between them. A cluster is never emptied.

References
----------
.. [1] F. Nie, J. Lu, D. Wu, R. Wang and X. Li, "A novel normalized-cut solver with
       nearest neighbor hierarchical initialization", IEEE Transactions on Pattern
       Analysis and Machine Intelligence 46 (2024), 659-666.
       https://arxiv.org/abs/2311.15214
"""

import numpy as np

from skdimred.numerics.cut import Cost, affinities, totals

__all__ = ["descend"]

# Of the cost: a smaller gain may be rounding, and is not taken.
NO_GAIN = 1e-9
# Passes with less to gain, of the cost, are not worth their time after a few.
SMALL_GAIN = 1e-6
MOST_SMALL = 3
# Share of all pairs that are edges, from which a graph is dense, and moves looked at
# in a pass there.
DENSE, FEW = 0.1, 64
# Nodes times clusters looked at as one candidate for a pass.
MOST_AT_ONCE = 1 << 21


def descend(graph, labels, n_clusters, balance=0.0, max_passes=100):
    """Move nodes between clusters as long as the cost falls.

    Parameters
    ----------
    graph : Graph
    labels : ndarray of int of shape (n,)
        From 0 to ``n_clusters - 1``; not changed.
    n_clusters : int
    balance : float
    max_passes : int

    Returns
    -------
    labels : ndarray of int of shape (n,)
        Where every cluster had a node, it has one still.
    cost : float
        At most that of the labels given.
    """
    labels = np.array(labels, dtype=np.intp)
    cost = Cost(n_clusters, balance, float(graph.mass.sum()))
    S = affinities(graph, labels, n_clusters)
    at = np.arange(len(S))
    # Where most nodes are neighbours, one move at a time would be left.
    dense = graph.weights.nnz > DENSE * graph.n_nodes**2
    at_once = MOST_AT_ONCE // n_clusters + 1
    small = 0
    for _ in range(max_passes):
        within = S[at, labels]
        clusters = totals(graph, labels, within, n_clusters)
        value = float(cost.of(*clusters[:2]))
        nodes, to, gain = _gains(graph, labels, S, within, clusters, cost)
        keep = gain > NO_GAIN * value
        nodes, to, gain = nodes[keep], to[keep], gain[keep]
        if not len(nodes):
            break
        if dense:
            nodes, to, weight = _first(graph, labels, S, nodes, to, gain)
        else:
            nodes, to = _apart(graph, nodes, to, gain)
            nodes, to = nodes[:at_once], to[:at_once]
            weight = S[nodes]
        count, lower = _best_prefix(graph, labels, weight, clusters, cost, nodes, to)
        if not value - lower > NO_GAIN * value:
            break
        _move(graph, labels, S, nodes[:count], to[:count])
        value = lower
        small = small + 1 if gain.sum() < SMALL_GAIN * value else 0
        if small == MOST_SMALL:
            break
    return labels, value


def _gains(graph, labels, S, within, clusters, cost):
    """Best move of each node at a boundary, and what the cost falls by."""
    cut, mass, count = clusters
    outside = graph.degree - within
    can_leave = (count > 1) & (mass > 0)
    leaves = (outside > 1e-12 * graph.degree) & can_leave[labels]
    leaves &= mass[labels] - graph.mass > 1e-12 * mass[labels]
    nodes = np.flatnonzero(leaves)
    if not len(nodes):
        return nodes, nodes, np.zeros(0)
    own, m = labels[nodes], graph.mass[nodes]
    loop = graph.loops[nodes]
    edges, inside = graph.degree[nodes] - loop, within[nodes] - loop
    now = cut / cost.size(mass)
    left = np.maximum(cut[own] - edges + 2 * inside, 0.0)
    dearer = left / cost.size(mass[own] - m) - now[own]
    joined = np.maximum(cut + (edges[:, np.newaxis] - 2 * S[nodes]), 0.0)
    joined /= cost.size(mass + m[:, np.newaxis])
    joined -= now
    at = np.arange(len(nodes))
    joined[at, own] = np.inf
    to = joined.argmin(axis=1)
    return nodes, to, -(dearer + joined[at, to])


def _entries(graph, nodes):
    """Neighbours and weights of some nodes, with the position of the node of each."""
    start = graph.weights.indptr[nodes].astype(np.intp)
    length = graph.weights.indptr[nodes + 1] - start
    of = np.repeat(np.arange(len(nodes)), length)
    first = np.cumsum(length) - length
    entries = np.arange(len(of)) + (start - first)[of]
    return graph.weights.indices[entries], graph.weights.data[entries], of, first


def _apart(graph, nodes, to, gain):
    """Moves of which no two are neighbours, each better than its neighbours', in order.

    Of equal gains the one of the first node is the better.
    """
    rank = np.zeros(graph.n_nodes, dtype=np.intp)
    order = np.lexsort((nodes, -gain))
    rank[nodes[order]] = np.arange(len(nodes), 0, -1)
    neighbours, _, of, first = _entries(graph, nodes)
    rivals = rank[neighbours]
    rivals[neighbours == nodes[of]] = 0
    # Each node has a neighbour, as weight leaves its cluster.
    best = np.maximum.reduceat(rivals, first)
    free = (rank[nodes] > best)[order]
    chosen = order[free]
    return nodes[chosen], to[chosen]


def _first(graph, labels, S, nodes, to, gain):
    """The best FEW moves, neighbours or not, in order.

    Returns
    -------
    nodes, to : ndarray of int of shape (m,)
    weight : ndarray of shape (m, k)
        Weight of each node to each cluster after the moves before its own.
    """
    order = np.lexsort((nodes, -gain))[:FEW]
    nodes, to = nodes[order], to[order]
    among = np.tril(graph.weights[nodes][:, nodes].toarray(), -1)
    clusters = np.arange(S.shape[1])
    came = (to[:, np.newaxis] == clusters).astype(np.float64)
    came -= labels[nodes][:, np.newaxis] == clusters
    return nodes, to, S[nodes] + among @ came


def _best_prefix(graph, labels, weight, clusters, cost, nodes, to):
    """How many of the moves, in their order, make the cost least, and that cost.

    `weight` (m, k) is what each node has to each cluster when its turn comes. That is
    what it has now where no two nodes are neighbours.
    """
    cut, mass, count = clusters
    k = len(cut)
    own, at = labels[nodes], np.arange(len(nodes))
    loop, m = graph.loops[nodes], graph.mass[nodes]
    edges = graph.degree[nodes] - loop
    cuts, masses = np.zeros((2, len(nodes), k))
    counts = np.zeros((len(nodes), k), dtype=np.intp)
    cuts[at, own] = 2 * (weight[at, own] - loop) - edges
    cuts[at, to] = edges - 2 * weight[at, to]
    masses[at, own], masses[at, to] = -m, m
    counts[at, own], counts[at, to] = -1, 1
    cuts = np.maximum(cut + np.cumsum(cuts, axis=0), 0.0)
    masses = np.maximum(mass + np.cumsum(masses, axis=0), 0.0)
    value = cost.of(cuts, masses)
    # One that keeps a node of no mass alone would pass for one without a cut.
    empty = (count + np.cumsum(counts, axis=0) < 1) | (masses <= 1e-12 * mass)
    value[(empty & (mass > 0)).any(axis=1)] = np.inf
    best = int(value.argmin())
    return best + 1, float(value[best])


def _move(graph, labels, S, nodes, to):
    """Move nodes, and what their neighbours have to the clusters with them."""
    neighbours, weights, of, _ = _entries(graph, nodes)
    flat, base = S.reshape(-1), neighbours * np.intp(S.shape[1])
    np.add.at(flat, base + labels[nodes][of], -weights)
    np.add.at(flat, base + to[of], weights)
    labels[nodes] = to
