"""One cluster more by the eigenvectors, and two put together in exchange.

In the coordinates of the eigenvectors a cluster is a point. A group of nodes that lies
far from the mean of its cluster, as a small one does that coarser graphs did not show,
gets a mean of its own; all nodes go to their nearest mean; and of the k + 1 clusters
the two are joined for which the cost is the least.
"""

import numpy as np

from skdimred.numerics.cut import Cost, affinities
from skdimred.numerics.rounding import fill_empty, group_means

__all__ = ["exchanged"]

SWEEPS = 3


def exchanged(graph, V, labels, balance=0.0):
    """Another partition by way of the eigenvectors.

    Parameters
    ----------
    graph : Graph
    V : ndarray of shape (n, k)
        About the lowest eigenvectors.
    labels : ndarray of int of shape (n,)
        A partition into k clusters, all of which have a node.
    balance : float

    Returns
    -------
    ndarray of int of shape (n,)
        In k clusters. It may cost more than `labels`.
    """
    k, mass = V.shape[1], graph.mass
    centers, whole = group_means(V, labels, mass, k)
    apart = V - centers[labels]
    # A cluster of mass m has rows of about length 1 / sqrt(m).
    far = np.einsum("ij,ij->i", apart, apart) * whole[labels]
    centers = np.vstack([centers, V[far.argmax()]])
    for _ in range(SWEEPS):
        squares = np.einsum("ij,ij->i", centers, centers)
        labels = (squares - 2 * (V @ centers.T)).argmin(axis=1)
        means, whole = group_means(V, labels, mass, k + 1)
        centers = np.where(whole[:, np.newaxis] > 0, means, centers)
    return fill_empty(_joined(graph, labels, whole, k, balance), mass, k)


def _joined(graph, labels, mass, k, balance):
    """Of k + 1 clusters the two put together for which the cost is the least."""
    cost = Cost(k, balance, float(mass.sum()))
    weight = affinities(graph, labels, k + 1)
    among = np.stack([np.bincount(labels, w, k + 1) for w in weight.T], axis=1)
    cut = np.maximum(among.sum(axis=1) - among.diagonal(), 0.0)
    now = cut / cost.size(mass)
    both = np.maximum(cut[:, np.newaxis] + cut - 2 * among, 0.0)
    change = both / cost.size(mass[:, np.newaxis] + mass) - now[:, np.newaxis] - now
    # What has no node is joined before what costs nothing either.
    empty = np.bincount(labels, minlength=k + 1) == 0
    change[empty] = change[:, empty] = -np.inf
    change[np.diag_indices(k + 1)] = np.inf
    kept, joined = np.sort(np.unravel_index(change.argmin(), change.shape))
    labels = np.where(labels == joined, kept, labels)
    # Its number goes to the last one.
    return np.where(labels == k, joined, labels)
