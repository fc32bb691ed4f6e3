"""Partitions of least cost, found on a small graph and carried up to the large one.

A small graph is cut by its eigenvectors, off which partitions are read in several ways
(see `rounding`) and then descend (see `cut_descent`). A larger one is coarsened first
(see `coarsening`). Its own eigenvectors are found, roughly, by way of the coarser
graphs (see `lifting`), and partitions read off their means on a graph of a few hundred
nodes. There they descend; the best of them are carried up, level by level, and descend
on each, the nearer the graph is to the one given the fewer.

A group of few nodes may be lost on the way, where a coarse node holds some of it and
some of what surrounds it. So where a small cluster was found the graph is coarsened
again, within the clusters; then the eigenvectors are asked for a cluster that should be
apart (see `exchange`); and where there was a small one, or the cost is far above what
the eigenvalues allow, k-means of better eigenvectors begins anew.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components

from skdimred.numerics.coarsening import carried_down, composed, hierarchy
from skdimred.numerics.cut import as_graph, cut_cost
from skdimred.numerics.cut_descent import descend
from skdimred.numerics.exchange import exchanged
from skdimred.numerics.laplacian import dense_vectors
from skdimred.numerics.lifting import lifted_vectors, settled_vectors
from skdimred.numerics.rounding import (
    by_means,
    by_pivots,
    by_rotation,
    fill_empty,
    group_means,
    means_from,
    two_means,
    unit_rows,
)

__all__ = ["Partition", "partition"]

# Nodes of the coarsest graph, and how many of them at least for each cluster.
COARSE = 400
COARSE_PER_CLUSTER = 40
# Most nodes of the coarsest graph for their number of clusters alone.
MOST_COARSE = 2000
# Share of the mass that two partitions to begin with may differ in and count as one.
ALIKE = 0.05
# Of the starts, how many descend, and how many are carried up to graphs of less than
# SMALL_LEVEL times the coarsest; from there on one is.
DESCENDING, CARRIED, SMALL_LEVEL = 4, 2, 4
# Nodes of the smallest graph, where the eigenproblem is solved.
SMALLEST = 150
# Share of the mean mass of the clusters below which one is small, and starts of k-means
# on a graph that is coarsened again within the clusters.
SMALL_CLUSTER, FEW = 0.1, 8
# A cost over the sum of the eigenvalues, about its bound, from which k-means of better
# vectors is tried, as it is after a small cluster up to EXACT nodes; for so
# many nodes times clusters at most. What then costs less than so many times the best
# descends. And how many exchanges are tried.
LOOSE, EXACT, MOST_FOR_MEANS, NEAR, EXCHANGES = 2.2, 5000, 1 << 25, 1.1, 3


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
        About how many starts of k-means there are.
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
        labels = _pool(start(graph), graph, n_clusters, balance, refine)[0][1]
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


def _pool(starts, graph, k, balance, refine, descending=DESCENDING):
    """Partitions as (cost, labels), or what they descend to, the cheapest first."""
    labels = [fill_empty(y, graph.mass, k) for y in starts]
    pool = _costed(graph, labels, k, balance)
    return _descended(graph, pool[:descending], k, balance) if refine else pool


def _search(graph, k, balance, n_init, refine, rng):
    """Labels (n,) of low cost by way of coarser graphs."""
    n_coarse = max(COARSE, min(COARSE_PER_CLUSTER * k, MOST_COARSE), 3 * k)
    task = graph, k, balance, refine
    if graph.n_nodes <= n_coarse:
        V = dense_vectors(graph, k)
        starts = _starts(graph, V, n_init, rng, plain=True)
        pool = _pool(starts, *task, len(starts))[:DESCENDING]
        if graph.n_nodes < COARSE_PER_CLUSTER * k:
            # Of many small clusters there are many partitions next to the best.
            pool = [_exchanged(V, each, *task) for each in pool]
        return min(pool, key=_cost)[1]
    best, node_of, values, V = _multilevel(*task, n_coarse, n_init, rng)
    small = _has_small(graph, best[1], k)
    if refine and small:
        other = _multilevel(*task, n_coarse, FEW, rng, best[1])[0]
        best = min(best, other, key=_cost)
    lower, settled = best, None
    if k > 2:
        # Of two, the threshold below tells the same.
        lower = _exchanged(V[:, :k], best, *task)
    if lower is not best:
        settled = settled_vectors(graph, values, V, k)
        best = _exchanged(settled, lower, *task)
    loose = best[0] > LOOSE * values[:k].sum() or (small and graph.n_nodes <= EXACT)
    if loose and graph.n_nodes * k <= MOST_FOR_MEANS:
        if settled is None:
            settled = settled_vectors(graph, values, V, k)
        best = _by_vectors(settled, node_of, best, *task, rng)
    return best[1]


def _exchanged(V, best, graph, k, balance, refine):
    """What exchanges of a cluster lead to, as long as each lowers the cost."""
    for _ in range(EXCHANGES):
        near = _costed(graph, [exchanged(graph, V, best[1], balance)], k, balance)
        if near[0][0] >= best[0]:
            break
        best = _descended(graph, near, k, balance)[0] if refine else near[0]
    return best


def _by_vectors(V, node_of, best, graph, k, balance, refine, rng):
    """The cheaper of a partition and of what k-means of the eigenvectors leads to.

    This begins among the means over coarse nodes, which `node_of` tells.
    """
    if k == 2:
        # There is one vector that is not constant, and the best threshold of it.
        orthonormal = V * np.sqrt(graph.mass)[:, np.newaxis]
        found = [two_means(V[:, 1]), by_pivots(orthonormal)]
    else:
        every = np.ones(len(V))
        means, count = group_means(V, node_of, every, int(node_of.max()) + 1)
        labels = by_means(means[np.newaxis], k, FEW, rng, count[np.newaxis])
        labels = [in_order(fill_empty(y, count, k), k) for y in labels]
        found = means_from(V, np.unique(labels, axis=0)[:, node_of], k, every)
    found = [fill_empty(y, graph.mass, k) for y in found]
    near = [y for c, y in _costed(graph, found, k, balance) if c < NEAR * best[0]]
    return min([best, *_pool(near, graph, k, balance, refine)], key=_cost)


def _cost(each):
    return each[0]


def _multilevel(graph, k, balance, refine, n_coarse, n_init, rng, labels=None):
    """The best by way of coarser graphs, and what it began with.

    With `labels` no node of a coarser graph is in two of these clusters, which are a
    partition to begin with, too.

    Returns
    -------
    best : tuple of float and ndarray of shape (n,)
        Cost and labels.
    node_of : ndarray of int of shape (n,)
        Node of the first graph that was cut.
    values, V : ndarray
        Rough eigenpairs.
    """
    graphs, maps = hierarchy(graph, SMALLEST, rng, least=2 * k, labels=labels)
    level = next(
        (i for i, each in enumerate(graphs) if each.n_nodes <= n_coarse),
        len(graphs) - 1,
    )
    values, V = lifted_vectors(graphs, maps, k)
    graphs, maps = graphs[: level + 1], maps[:level]
    node_of = composed(maps, graph.n_nodes)
    if graph.mass is graph.degree:
        means, _ = group_means(V[:, :k], node_of, graph.mass, graphs[-1].n_nodes)
    else:
        # Where degrees differ much, those of the graph are too rough.
        means = dense_vectors(graphs[-1], k)
    starts = _starts(graphs[-1], means, n_init, rng)
    if labels is not None:
        starts.append(carried_down(labels, maps))
    if refine:
        best = _carried(graphs, maps, n_coarse, starts, k, balance)
    else:
        cost, labels = _costed(graphs[-1], starts, k, balance)[0]
        best = cost, labels[node_of]
    return best, node_of, values, V


def _has_small(graph, labels, k):
    """Whether a cluster has far less than the mean mass."""
    mass = np.bincount(labels, graph.mass, k)
    return mass.min() < SMALL_CLUSTER * mass.mean()


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


def _starts(graph, V, n_init, rng, plain=False):
    """Different partitions of a graph from its eigenvectors V (n, k).

    Where the first few agree, there is no need for more.
    """
    k, found = V.shape[1], []
    orthonormal = V * np.sqrt(graph.mass)[:, np.newaxis]
    known = [by_rotation(orthonormal)]
    every = np.ones(len(V))
    spaces, weights = [V, unit_rows(V)], [graph.mass, every]
    if plain:
        spaces, weights = [V, *spaces], [every, *weights]
        if k == 2:
            known.append(two_means(V[:, 1]))
    spaces, weights = np.stack(spaces), np.stack(weights)
    few = 0.0 if plain else ALIKE * graph.mass.sum()
    for share in (2, n_init // 2 - 2):
        if share > 0:
            known += [*by_means(spaces, k, share, rng, weights)]
        for labels in known:
            labels = in_order(fill_empty(labels, graph.mass, k), k)
            if all(graph.mass @ (labels != other) > few for other in found):
                found.append(labels)
        if len(found) == 1:
            break
        known = [by_pivots(orthonormal)]
    return found


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
