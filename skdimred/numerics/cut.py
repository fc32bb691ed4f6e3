r"""What a cut of a graph costs.

For symmetric weights W with degrees :math:`d_i = \sum_j W_{ij}` and a partition of the
nodes into k clusters, the cut of cluster c is the weight that leaves it,

.. math:: \operatorname{cut}_c = \sum_{i \in c} \sum_{j \notin c} W_{ij} ,

and its mass :math:`m_c` is the sum of the degrees of its nodes (then also called its
volume) or the number of them. The cost of the partition is

.. math:: J = \sum_c \frac{\operatorname{cut}_c}{m_c}
              \left( \frac{M}{k\, m_c} \right)^b , \qquad M = \sum_c m_c .

With b = 0 and the degrees it is the normalised cut [1]_,
:math:`\operatorname{tr}[Y^T (D - W) Y (Y^T D Y)^{-1}]` for the indicator matrix Y, and
with b = 0 and the number of nodes the ratio cut [2]_. An exponent b > 0 makes clusters
below the mean mass dearer. A cluster of mass 0 has nothing to cut, and costs nothing.

References
----------
.. [1] J. Shi and J. Malik, "Normalized cuts and image segmentation", IEEE Transactions
       on Pattern Analysis and Machine Intelligence 22 (2000), 888-905.
       https://doi.org/10.1109/34.868688
.. [2] L. Hagen and A. B. Kahng, "New spectral methods for ratio cut partitioning and
       clustering", IEEE Transactions on Computer-Aided Design 11 (1992), 1074-1085.
       https://doi.org/10.1109/43.159993
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

__all__ = ["Cost", "Graph", "affinities", "as_graph", "cut_cost", "totals"]

TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Graph:
    """Symmetric weights, with what is asked of them again and again.

    Attributes
    ----------
    weights : csr_array of shape (n, n)
        Float64, each entry stored once; the diagonal counts as weight within.
    rows : ndarray of shape (nnz,)
        Row of each stored entry.
    degree, loops, mass : ndarray of shape (n,)
        Row sums, the diagonal, and how much each node counts in its cluster.
    """

    weights: sparse.csr_array
    rows: np.ndarray
    degree: np.ndarray
    loops: np.ndarray
    mass: np.ndarray

    @property
    def n_nodes(self):
        """How many nodes there are."""
        return len(self.degree)


def as_graph(weights, mass=None):
    """`Graph` of a symmetric csr_array; the mass is the degree if None."""
    n = weights.shape[0]
    rows = np.repeat(np.arange(n, dtype=np.int32), np.diff(weights.indptr))
    degree = _row_sums(weights.indptr, weights.data)
    on_diagonal = rows == weights.indices
    loops = np.bincount(rows[on_diagonal], weights.data[on_diagonal], n)
    return Graph(weights, rows, degree, loops, degree if mass is None else mass)


def _row_sums(indptr, values):
    """Sums (n,) of the values of each row."""
    sums = np.zeros(len(indptr) - 1)
    some = np.flatnonzero(np.diff(indptr))
    if len(some):
        sums[some] = np.add.reduceat(values, indptr[some])
    return sums


@dataclass(frozen=True)
class Cost:
    """The cost J of k clusters, by their cuts and masses."""

    n_clusters: int
    balance: float
    total_mass: float

    def size(self, mass):
        """What a cut is divided by: m (k m / M)^b."""
        # What has no mass has no edges, and 0 over anything is 0.
        mass = np.where(mass > 0, mass, 1.0)
        if self.balance == 0:
            return mass
        share = mass * (self.n_clusters / max(self.total_mass, TINY))
        share = np.sqrt(share) if self.balance == 0.5 else share**self.balance
        return np.maximum(mass * share, TINY)

    def of(self, cut, mass):
        """J from the cut and the mass of each cluster, along the last axis."""
        with np.errstate(over="ignore"):
            return (cut / self.size(mass)).sum(axis=-1)


def affinities(graph, labels, n_clusters):
    """Weight (n, k) from each node to each cluster."""
    n = graph.n_nodes
    place = graph.rows * np.intp(n_clusters) + labels[graph.weights.indices]
    flat = np.bincount(place, graph.weights.data, n * n_clusters)
    return flat.reshape(n, n_clusters)


def totals(graph, labels, within, n_clusters):
    """Cut, mass and number of nodes of each cluster.

    Parameters
    ----------
    graph : Graph
    labels : ndarray of int of shape (n,)
    within : ndarray of shape (n,)
        Weight from each node to its own cluster.
    n_clusters : int

    Returns
    -------
    cut, mass, count : ndarray of shape (k,)
    """
    # Summed as differences: where nothing leaves a cluster, nothing is left of it.
    cut = np.bincount(labels, np.maximum(graph.degree - within, 0.0), n_clusters)
    mass = np.bincount(labels, graph.mass, n_clusters)
    return cut, mass, np.bincount(labels, minlength=n_clusters)


def cut_cost(graph, labels, n_clusters, balance=0.0):
    """The cost J of a partition."""
    small = labels.astype(np.int16) if n_clusters < 1 << 15 else labels
    inside = small[graph.rows] == small[graph.weights.indices]
    within = _row_sums(graph.weights.indptr, graph.weights.data * inside)
    # Both sums run over the row in one order, so that all within is exactly all.
    cut, mass, _ = totals(graph, labels, within, n_clusters)
    return float(Cost(n_clusters, balance, float(graph.mass.sum())).of(cut, mass))
