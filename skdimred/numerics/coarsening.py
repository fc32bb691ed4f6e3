"""Coarser and coarser graphs, by matching of nodes along heavy edges.

Two matched nodes become one, whose weights, loops and mass are the sums of theirs. So a
partition of the coarse graph costs what the same partition of the fine one costs
[1]_ [2]_.

References
----------
.. [1] G. Karypis and V. Kumar, "A fast and high quality multilevel scheme for
       partitioning irregular graphs", SIAM Journal on Scientific Computing 20 (1998),
       359-392. https://doi.org/10.1137/S1064827595287997
.. [2] I. S. Dhillon, Y. Guan and B. Kulis, "Weighted graph cuts without eigenvectors: a
       multilevel approach", IEEE Transactions on Pattern Analysis and Machine
       Intelligence 29 (2007), 1944-1957. https://doi.org/10.1109/TPAMI.2007.1115
"""

import numpy as np
from scipy import sparse

from skdimred.numerics.cut import as_graph

__all__ = ["carried_down", "coarsen", "composed", "hierarchy"]

ROUNDS = 2
# Weights that differ by less are equal, and chance chooses between them.
TIES = 1e-3
# A level that keeps more of the nodes is not worth its passes.
TOO_MANY = 0.95
# Share of its degree below which what leaves a node is little, and how many nodes of a
# coarsest one may be kept for that.
LOOSE, KEPT = 0.25, 1 / 8


def hierarchy(graph, n_coarse, rng, least=1, labels=None):
    """Graphs from the one given down to about `n_coarse` nodes.

    Parameters
    ----------
    graph : Graph
    n_coarse : int
        No level is made of a graph with so few nodes.
    rng : Generator
    least : int
        No level has fewer nodes.
    labels : ndarray of int of shape (n,) or None
        Clusters of the nodes of which none are matched with those of another, so that
        every level has this partition.

    Returns
    -------
    graphs : list of Graph
    maps : list of ndarray of int
        ``maps[l]`` (nodes of ``graphs[l]``,): node of ``graphs[l + 1]`` of each.
    """
    graphs, maps = [graph], []
    while graphs[-1].n_nodes > n_coarse:
        node_of = match(graphs[-1], rng, int(KEPT * n_coarse), labels)
        n_nodes = int(node_of.max()) + 1
        if not least <= n_nodes <= TOO_MANY * graphs[-1].n_nodes:
            break
        if labels is not None:
            labels = carried_down(labels, [node_of])
        maps.append(node_of)
        graphs.append(coarsen(graphs[-1], node_of, n_nodes))
    return graphs, maps


def carried_down(labels, maps):
    """Clusters of the nodes of the last level, where every level has them."""
    for node_of in maps:
        coarse = np.empty(int(node_of.max()) + 1, dtype=np.intp)
        coarse[node_of] = labels
        labels = coarse
    return labels


def composed(maps, n_nodes):
    """Node of the last level of each of the `n_nodes` nodes of the first."""
    node = np.arange(n_nodes)
    for node_of in maps:
        node = node_of[node]
    return node


def coarsen(graph, node_of, n_nodes):
    """The graph whose nodes are the sums of those that `node_of` maps to them."""
    places = node_of.astype(np.int32)
    pairs = (places[graph.rows], places[graph.weights.indices])
    weights = sparse.coo_array((graph.weights.data, pairs), shape=(n_nodes, n_nodes))
    mass = None
    if graph.mass is not graph.degree:
        mass = np.bincount(node_of, graph.mass, n_nodes)
    return as_graph(weights.tocsr(), mass)


def match(graph, rng, most_kept=0, labels=None):
    """Node of the next level of each node (n,), numbered without gaps.

    Nodes that little leaves may be clusters already, such as a few rows far from all
    others. Up to `most_kept` of them stay as they are. With `labels`, both nodes of a
    match are of one cluster.

    Nodes that are each other's heaviest free neighbour are matched, in a few rounds.
    Of those left over the first joins the match of its heaviest neighbour, and others
    that would join the same are matched among themselves.
    """
    n, rows, columns = graph.n_nodes, graph.rows, graph.weights.indices
    score = graph.weights.data / np.maximum(graph.degree[rows], graph.degree[columns])
    score *= 1 + TIES * rng.random(n)[np.minimum(rows, columns)]
    score[rows == columns] = -1.0
    kept = _loose(graph, most_kept)
    score[kept[rows] | kept[columns]] = -1.0
    if labels is not None:
        score[labels[rows] != labels[columns]] = -1.0
    to = np.full(n, -1)
    everyone = np.arange(n)
    for _ in range(ROUNDS):
        free = to < 0
        best = _heaviest(graph, np.where(free[rows] & free[columns], score, -1.0))
        mutual = (best >= 0) & (best[best] == everyone)
        if not mutual.any():
            break
        to[mutual] = np.minimum(everyone, best)[mutual]
    left = to < 0
    best = _heaviest(graph, np.where(left[rows] & ~left[columns], score, -1.0))
    lonely = left & (best < 0)
    to[lonely] = everyone[lonely]
    joining = np.flatnonzero(left & (best >= 0))
    goal = to[best[joining]]
    order = np.argsort(goal, kind="stable")
    joining, goal = joining[order], goal[order]
    starts = np.searchsorted(goal, goal)
    turn = np.arange(len(goal)) - starts
    # The first joins; the second and third are a match of their own, and so on.
    partner = joining[np.maximum(np.arange(len(goal)) - (turn + 1) % 2, 0)]
    to[joining] = np.where(turn == 0, goal, partner)
    used = np.zeros(n, dtype=np.intp)
    used[to] = 1
    return (np.cumsum(used) - 1)[to]


def _loose(graph, most):
    """Which nodes little leaves (n,), the `most` that the least leaves of."""
    outside = graph.degree - graph.loops
    loose = (outside > 0) & (outside < LOOSE * graph.degree)
    if np.count_nonzero(loose) > most:
        share = np.divide(outside, graph.degree, out=np.ones(len(loose)), where=loose)
        loose[np.argsort(share, kind="stable")[most:]] = False
    return loose


def _heaviest(graph, score):
    """Neighbour of highest positive score of each node, or -1; of equals the last."""
    best = np.full(graph.n_nodes, -1)
    if not len(score):
        return best
    length = np.diff(graph.weights.indptr)
    some = np.flatnonzero(length)
    top = np.zeros(graph.n_nodes)
    top[some] = np.maximum.reduceat(score, graph.weights.indptr[some])
    hit = np.flatnonzero((score > 0) & (score == top[graph.rows]))
    best[graph.rows[hit]] = graph.weights.indices[hit]
    return best
