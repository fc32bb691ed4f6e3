"""From rows, or from weights, to the graph that is cut."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from sklearn.metrics.pairwise import euclidean_distances

from skdimred.cluster._neighbors import Neighbors, bridged
from skdimred.numerics.graph import (
    SCALE_NEIGHBOR,
    Kernel,
    dense_weights,
    fit_kernel,
    neighbor_weights,
    row_scales,
    symmetrised,
    tidy,
)

__all__ = ["RowGraph", "dense_graph", "neighbor_graph", "precomputed_graph"]

# Neighbours looked at beyond those asked for, which may be as near as the last one.
MORE = 2
# Of the largest weight, by which a matrix of weights may differ from its transpose.
ASYMMETRY = 1e-7
# A bridge has the weight of the last neighbour, but is never weaker.
WEAKEST_BRIDGE = 1e-6
# Sums of precomputed weights have to be lower, and their products with numbers of rows.
MOST_WEIGHT = 1e300
LOWEST = float(np.finfo(np.float64).min)
# Of weights: the least one that sums and quotients can do with.
LEAST_EXPONENT = -300.0


@dataclass(frozen=True)
class RowGraph:
    """A graph of rows, and what places new rows in it.

    Attributes
    ----------
    weights : csr_array of shape (n, n)
        Symmetric.
    n_components : int
    search : Neighbors
    kernel : Kernel
        In the unit of `search`.
    n_neighbors : int or None
        None where every row is a neighbour of every other.
    """

    weights: sparse.csr_array
    n_components: int
    search: Neighbors
    kernel: Kernel
    n_neighbors: int | None

    def weights_of(self, X):
        """Weights (m, n) from new rows to fitted ones, csr.

        Where all weights of a row would underflow they are as much larger as lets the
        largest be seen: how they relate to each other is what counts.
        """
        n = self.search.rows.shape[0]
        if self.n_neighbors is None:
            rows = self.search.clipped(X)
            D = euclidean_distances(rows, self.search.rows)
            D = D.astype(np.float64, copy=False)
            q = min(n, SCALE_NEIGHBOR)
            near = np.sort(np.partition(D, q - 1, axis=1)[:, :q], axis=1)
            return sparse.csr_array(self._visible(D, slice(None), near))
        m = min(n, self.n_neighbors)
        near, places = self.search.of(X, min(n, max(m, SCALE_NEIGHBOR)))
        near = near.astype(np.float64, copy=False)
        D, places = near[:, :m], places[:, :m].astype(np.int32)
        weights = self._visible(D, places, near)
        starts = np.arange(0, weights.size + 1, m)
        parts = (weights.ravel(), places.ravel(), starts)
        return sparse.csr_array(parts, shape=(X.shape[0], n))

    def _visible(self, D, places, near):
        """Weights; those of a row that underflow as large as the range allows."""
        own = _own_scales(near, self.kernel)[:, np.newaxis]
        with np.errstate(over="ignore"):
            exponents = self.kernel.exponents(D, places, own)
        largest = exponents.max(axis=1, keepdims=True)
        lost = np.flatnonzero(largest < LEAST_EXPONENT)
        if len(lost):
            # The nearest counts, however far it is.
            exponents[lost, D[lost].argmin(axis=1)] = np.maximum(
                largest[lost, 0], LOWEST
            )
            largest[lost] = exponents[lost].max(axis=1, keepdims=True)
            exponents[lost] += LEAST_EXPONENT - largest[lost]
        return np.exp(exponents)


def _own_scales(D, kernel):
    """Scales (m,) of rows from their distances (m, q) to fitted ones."""
    if kernel.sigma is not None:
        return np.full(len(D), kernel.sigma)
    scale = row_scales(D)
    return np.where(np.isfinite(scale), scale, np.median(kernel.scales))


def neighbor_graph(X, n_clusters, n_neighbors, sigma, n_jobs):
    """`RowGraph` of the nearest neighbours of rows."""
    n = X.shape[0]
    search = Neighbors(X, n_jobs)
    m = min(n_neighbors, n - 1)
    q = min(max(m + MORE, SCALE_NEIGHBOR), n - 1)
    D, places = search.among(q)
    D = D.astype(np.float64, copy=False)
    check_distinct(X, D, n_clusters)
    kernel = fit_kernel_in_units(search, D, sigma)
    with np.errstate(over="ignore"):
        directed = neighbor_weights(D, places, m, kernel)
        last = kernel.exponents(D[:, m - 1], places[:, m - 1], kernel.scales)
    W = symmetrised(directed)
    check_underflow(W, kernel, D, sigma, search)
    bridge = np.maximum(np.exp(last), WEAKEST_BRIDGE)
    W, n_components = bridged(W, search, places, bridge, n_clusters, m)
    return RowGraph(W, n_components, search, kernel, n_neighbors)


def dense_graph(X, n_clusters, sigma, n_jobs):
    """`RowGraph` in which every row is a neighbour of every other."""
    n = X.shape[0]
    search = Neighbors(X, n_jobs)
    D = euclidean_distances(search.rows).astype(np.float64, copy=False)
    np.fill_diagonal(D, 0.0)
    q = min(SCALE_NEIGHBOR, n - 1)
    near = np.sort(np.partition(D, q, axis=1)[:, : q + 1], axis=1)[:, 1:]
    check_distinct(X, near, n_clusters)
    kernel = fit_kernel_in_units(search, near, sigma)
    with np.errstate(over="ignore"):
        dense = dense_weights(D, kernel)
    W = tidy(dense)
    check_underflow(W, kernel, near, sigma, search)
    found = np.arange(n)[:, np.newaxis]
    bridge = np.full(n, WEAKEST_BRIDGE)
    W, n_components = bridged(W, search, found, bridge, n_clusters, q)
    return RowGraph(W, n_components, search, kernel, None)


def precomputed_graph(X):
    """Weights as a csr_array in float64, and the number of components.

    Raises
    ------
    ValueError
        If they are no symmetric matrix of finite weights of at least 0, or all 0, or
        their sum would overflow.
    """
    if X.shape[0] != X.shape[1]:
        raise ValueError(
            "A precomputed affinity must be a square matrix, of all rows among each "
            f"other; found shape {X.shape}. For rows of features choose another "
            "affinity."
        )
    W = sparse.csr_array(X, dtype=np.float64, copy=True)
    check_weights(W)
    with np.errstate(over="ignore"):
        total = float(W.sum())
    if not total < MOST_WEIGHT:
        raise ValueError(
            f"The affinities are so large that their sum, {total:.3g}, would overflow: "
            "divide them by their maximum, which changes no cut but in scale."
        )
    W.sum_duplicates()
    W = tidy(W)
    difference = sparse.coo_array(W - W.T)
    apart = np.abs(difference.data)
    if apart.max(initial=0.0) > ASYMMETRY * W.data.max(initial=0.0):
        worst = int(apart.argmax())
        i, j = (int(place[worst]) for place in difference.coords)
        raise ValueError(
            f"A precomputed affinity must be symmetric: from row {i} to row {j} it is "
            f"{W[i, j]:.6g}, and back {W[j, i]:.6g}. Take (A + A.T) / 2 if that is "
            "meant."
        )
    if difference.nnz:
        W = symmetrised(W)
    if W.nnz == np.count_nonzero(W.diagonal()) and W.shape[0] > 1:
        raise ValueError(
            "Every affinity between two different rows is 0: there is no graph to cut. "
            "Was the scale of the affinity far too small for the distances?"
        )
    return W, int(connected_components(W, directed=False)[0])


def check_weights(W):
    """Raise on the first weight that is negative."""
    if W.nnz and W.data.min() < 0:
        at = sparse.coo_array(W)
        worst = int(at.data.argmin())
        i, j = (int(place[worst]) for place in at.coords)
        raise ValueError(
            "Negative values in data: the affinity between rows "
            f"{i} and {j} is {at.data[worst]:.6g}. Affinities are at least 0; "
            "distances have to be turned into them first."
        )


def check_distinct(X, D, n_clusters):
    """Raise if there are fewer different rows than clusters, from their distances."""
    n = X.shape[0]
    # A row without an equal one among its nearest is a different one.
    if np.count_nonzero(D[:, 0] > 0) >= n_clusters:
        return
    n_different = count_different(X)
    if n_different == 1 and n > 1 and n_clusters > 1:
        raise ValueError(
            f"All {n} rows of X are identical: there is nothing to tell clusters apart."
        )
    if n_different < n_clusters:
        raise ValueError(
            f"X has {n_different} different rows, fewer than n_clusters={n_clusters}."
        )


def count_different(X):
    """How many different rows there are."""
    if not sparse.issparse(X):
        return len(np.unique(X, axis=0))
    X = X.tocsr(copy=True)
    X.eliminate_zeros()
    X.sort_indices()
    ends = zip(X.indptr[:-1], X.indptr[1:], strict=True)
    rows = ((X.indices[a:b].tobytes(), X.data[a:b].tobytes()) for a, b in ends)
    return len(set(rows))


def check_underflow(W, kernel, D, sigma, search):
    """Raise if no weight between two different points is left.

    Equal rows have the weight 1 at any scale, and say nothing about it.
    """
    apart = D[D > 0]
    lost = W.nnz == np.count_nonzero(W.diagonal())
    if kernel.sigma is not None and len(apart):
        with np.errstate(over="ignore"):
            lost |= np.exp(-0.5 * (apart.min() / kernel.sigma) ** 2) == 0
    if lost and len(apart):
        least = float(np.ldexp(apart.min(), search.exponent))
        raise ValueError(
            f"sigma={sigma!r} is so small for the distances between rows, which are "
            f"{least:.3g} at least, that every weight underflows to 0. Take a larger "
            "one, or sigma='local'."
        )


def fit_kernel_in_units(search, D, sigma):
    if not isinstance(sigma, str):
        sigma = max(search.in_units(sigma), np.finfo(np.float64).tiny)
    return fit_kernel(D, sigma)
