"""Partitions of least cost, found on a small graph and carried up to the large one.

The graph is coarsened to a few hundred nodes (see `coarsening`). There the eigenproblem
is dense and small; partitions are read off its eigenvectors in several ways (see
`rounding`) and descend (see `descent`). The best few of them are carried up, level by
level, and descend on each, the nearer the graph is to the one given the fewer. Where a
small cluster is found the graph is coarsened again, within the clusters.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from skdimred.numerics.coarsening import carried_down, hierarchy
from skdimred.numerics.cut import as_graph, cut_cost
from skdimred.numerics.cut_descent import descend
from skdimred.numerics.laplacian import dense_vectors, low_spectrum
from skdimred.numerics.rounding import (
    by_means,
    by_pivots,
    by_rotation,
    fill_empty,
    unit_rows,
)

__all__ = ["Partition", "partition"]

# Nodes of the coarsest graph, and how many of them at least for each cluster.
COARSE = 400
COARSE_PER_CLUSTER = 40
# Most nodes of the coarsest graph for their number of clusters alone.
MOST_COARSE = 2000
# Of the starts, how many descend, and how many are carried up to graphs of less than
# SMALL_LEVEL times the coarsest; from there on one is.
DESCENDING, CARRIED, SMALL_LEVEL = 6, 3, 4
# Entries a node from which a graph counts as dense. There matching lumps nodes that lie
# far from all others with them, and what the exact eigenvectors give is tried as well,
# from a few starts.
DENSE_ENTRIES, FEW = 64, 8
# Share of the mean mass of the clusters below which one is small. There may be more
# pieces then that are far from all others than the coarse graph tells apart: so up to
# EXACT nodes the exact eigenvectors are tried, after coarsening again.
SMALL_CLUSTER, EXACT = 0.1, 5000


@dataclass(frozen=True)
class Partition:
    """Labels (n,), what they cost, and how many components the graph has."""

    labels: np.ndarray
    cost: float
    n_components: int


def partition(
    weights,
    n_clusters,
    *,
    rng,
    mass=None,
    balance=0.0,
    n_init=16,
    refine=True,
    start=None,
    n_components=None,
):
    """Partition a graph at low cost.

    Parameters
    ----------
    weights : csr_array of shape (n, n)
        Symmetric, not negative.
    n_clusters : int
    rng : Generator
    mass : ndarray of shape (n,) or None
        Of the nodes; None for their degrees.
    balance : float
    n_init : int
        Starts of k-means on the coarsest graph.
    refine : bool
        Whether partitions descend.
    start : callable or None
        ``start(graph)`` gives partitions to begin with, in place of coarser graphs.
    n_components : int or None
        Of the graph, where they are known.

    Returns
    -------
    Partition
        Each of the clusters has a node.
    """
    graph = as_graph(weights, mass)
    component = None
    if n_components is None or n_components >= n_clusters:
        n_components, component = connected_components(weights, directed=False)
    if n_components >= n_clusters:
        labels = _group(component, n_components, graph, n_clusters).astype(np.intp)
    elif n_clusters == graph.n_nodes:
        labels = np.arange(n_clusters)
    elif start is not None:
        labels = _from(start(graph), graph, n_clusters, balance, refine)[1]
    else:
        labels = _search(graph, n_clusters, balance, n_init, refine, rng)
    labels = in_order(labels, n_clusters)
    cost = cut_cost(graph, labels, n_clusters, balance)
    return Partition(labels, cost, int(n_components))


def in_order(labels, n_clusters):
    """Clusters numbered in the order of their first nodes."""
    first = np.full(n_clusters, len(labels))
    np.minimum.at(first, labels, np.arange(len(labels)))
    number = np.empty(n_clusters, dtype=np.intp)
    number[np.argsort(first, kind="stable")] = np.arange(n_clusters)
    return number[labels]


def _group(component, n_components, graph, n_clusters):
    """Components put together to as many clusters, of masses as equal as they go.

    The heaviest go first, each to the cluster that is the lightest so far, and of
    equals to the one of fewest nodes. There is nothing to cut.
    """
    if n_components == n_clusters:
        return component
    mass = np.bincount(component, graph.mass, n_components)
    count = np.bincount(component, minlength=n_components)
    of, clusters = np.empty(n_components, dtype=np.intp), np.zeros((n_clusters, 2))
    order = np.lexsort((-count, -mass))
    of[order[:n_clusters]] = np.arange(n_clusters)
    clusters[:, 0], clusters[:, 1] = mass[order[:n_clusters]], count[order[:n_clusters]]
    for c in order[n_clusters:]:
        lightest = np.lexsort((clusters[:, 1], clusters[:, 0]))[0]
        of[c] = lightest
        clusters[lightest] += mass[c], count[c]
    return of[component]


def _from(starts, graph, k, balance, refine):
    """The cheapest (cost, labels) of some partitions, or of those they descend to."""
    labels = [fill_empty(y, graph.mass, k) for y in starts]
    pool = _costed(graph, labels, k, balance)
    if refine:
        pool = _descended(graph, pool[:DESCENDING], k, balance)
    return pool[0]


def _search(graph, k, balance, n_init, refine, rng):
    """Labels (n,) of low cost by way of coarser graphs."""
    n_coarse = max(COARSE, min(COARSE_PER_CLUSTER * k, MOST_COARSE), 3 * k)
    graphs, maps = hierarchy(graph, n_coarse, rng, least=2 * k)
    V = dense_vectors(graphs[-1], k)
    starts = _starts(graphs[-1], V, n_init, rng)
    small = False
    if refine:
        best = _carried(graphs, maps, n_coarse, starts, k, balance)
        small = bool(maps) and _has_small(graph, best[1], k)
        if small:
            best = _again(graph, n_coarse, best, k, balance, rng)
    else:
        cost, labels = _costed(graphs[-1], starts, k, balance)[0]
        for node_of in reversed(maps):
            labels = labels[node_of]
        best = cost, labels
    dense = graph.weights.nnz > DENSE_ENTRIES * graph.n_nodes
    if maps and (dense or (small and graph.n_nodes <= EXACT)):
        V = low_spectrum(graph, k).vectors
        few = _starts(graph, V, FEW, rng)
        exact = _from(few, graph, k, balance, refine)
        best = min(best, exact, key=lambda each: each[0])
    return best[1]


def _has_small(graph, labels, k):
    """Whether a cluster has far less than the mean mass."""
    mass = np.bincount(labels, graph.mass, k)
    return mass.min() < SMALL_CLUSTER * mass.mean()


def _again(graph, n_coarse, best, k, balance, rng):
    """The cheaper of a partition and of what is found on a graph coarsened within it.

    No coarse node is in two of its clusters, and so the coarse eigenvectors are nearer
    to those of the graph.
    """
    graphs, maps = hierarchy(graph, n_coarse, rng, least=2 * k, labels=best[1])
    V = dense_vectors(graphs[-1], k)
    starts = [carried_down(best[1], maps), *_starts(graphs[-1], V, FEW, rng)]
    other = _carried(graphs, maps, n_coarse, starts, k, balance)
    return min(best, other, key=lambda each: each[0])


def _carried(graphs, maps, n_coarse, starts, k, balance):
    """The cheapest partition of the first graph, carried up from starts on the last."""
    pool = _costed(graphs[-1], starts, k, balance)[:DESCENDING]
    pool = _descended(graphs[-1], pool, k, balance)[:CARRIED]
    for level in reversed(range(len(maps))):
        if graphs[level].n_nodes >= SMALL_LEVEL * n_coarse:
            pool = pool[:1]
        pool = [(cost, labels[maps[level]]) for cost, labels in pool]
        pool = _descended(graphs[level], pool, k, balance)
    return pool[0]


def _starts(graph, V, n_init, rng):
    """Different partitions of a graph from its eigenvectors V (n, k).

    Where the first few agree, there is no need for more.
    """
    k, found = V.shape[1], {}
    orthonormal = V * np.sqrt(graph.mass)[:, np.newaxis]
    known = [by_rotation(orthonormal)]
    spaces = np.stack([V, unit_rows(V)])
    weights = np.stack([graph.mass, np.ones(len(V))])
    for share in (2, n_init // 2 - 2):
        if share > 0:
            known += [*by_means(spaces, k, share, rng, weights)]
        for labels in known:
            labels = in_order(fill_empty(labels, graph.mass, k), k)
            found.setdefault(labels.tobytes(), labels)
        if len(found) == 1:
            break
        known = [by_pivots(orthonormal)]
    return list(found.values())


def _costed(graph, labels, k, balance):
    """Partitions as (cost, labels), the cheapest first, equal costs once."""
    return _distinct([(cut_cost(graph, y, k, balance), y) for y in labels])


def _descended(graph, pool, k, balance):
    """Each after its descent, the cheapest first, equal costs once."""
    pool = (descend(graph, labels, k, balance) for _, labels in pool)
    return _distinct([(cost, labels) for labels, cost in pool])


def _distinct(pool):
    """The cheapest first; of equal costs, which equal partitions have, the first."""
    pool = sorted(pool, key=lambda each: each[0])
    return [
        each
        for i, each in enumerate(pool)
        if i == 0 or each[0] - pool[i - 1][0] > 1e-9 * each[0]
    ]
