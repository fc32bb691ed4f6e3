"""Landmarks among many rows, and the weights of rows to them."""

from dataclasses import replace

import numpy as np
from scipy import sparse
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from skdimred.cluster._affinity import (
    RowGraph,
    check_distinct,
    check_underflow,
    fit_kernel_in_units,
)
from skdimred.cluster._neighbors import Neighbors, bridged, exponent_of
from skdimred.numerics.bipartite import landmark_weights
from skdimred.numerics.graph import SCALE_NEIGHBOR

__all__ = ["landmark_graph", "row_blocks"]

# Rows for each landmark from which the landmarks are taken, and sweeps of k-means.
SAMPLE, SWEEPS = 10, 5
# Rows whose neighbours are looked for at once.
ROWS_AT_ONCE = 1 << 16


def row_blocks(n):
    """Slices that cover n rows."""
    for start in range(0, n, ROWS_AT_ONCE):
        yield slice(start, min(n, start + ROWS_AT_ONCE))


def landmark_graph(X, n_landmarks, n_clusters, n_neighbors, sigma, seed, n_jobs):
    """Landmarks of rows, and the graphs by way of them.

    Returns
    -------
    rows : RowGraph
        Its `search` and `kernel` are those of the landmarks, its `weights` B (n, p)
        those from rows to them.
    E : csr_array of shape (p, p)
        Weights among the landmarks, and the bridges from small components of them.
    landmarks : ndarray or csr of shape (p, n_features)
    """
    marks = _choose(X, n_landmarks, seed)
    search = Neighbors(marks, n_jobs)
    p = marks.shape[0]
    if p < max(2, n_clusters):
        raise ValueError(
            f"Only {p} of n_landmarks={n_landmarks} landmarks are different, and "
            f"n_clusters={n_clusters} take at least {max(2, n_clusters)}: take more "
            "landmarks, or fewer clusters if X has no more different rows."
        )
    q = min(max(n_neighbors, SCALE_NEIGHBOR), p - 1)
    D, places = search.among(q)
    D = D.astype(np.float64, copy=False)
    check_distinct(marks, D, n_clusters)
    kernel = fit_kernel_in_units(search, D, sigma)
    m = min(n_neighbors, p)
    rows = RowGraph(None, 0, search, kernel, m)
    B = _weights(rows, X, m, p)
    used = np.bincount(B.indices, B.data, p) > 0
    if not used.all():
        # A landmark that is near to no row would be an island.
        kept = np.flatnonzero(used)
        marks = marks[kept]
        B = sparse.csr_array(B[:, kept])
        search = Neighbors(marks, n_jobs)
        scales = kernel.scales[kept]
        rows = replace(rows, search=search, kernel=replace(kernel, scales=scales))
        places = search.among(min(q, len(kept) - 1))[1]
    E = landmark_weights(B)
    check_underflow(E, kernel, D, sigma, search)
    bridge = np.full(E.shape[0], np.median(E.data))
    E, n_components = bridged(E, search, places, bridge, n_clusters, m)
    return replace(rows, weights=B, n_components=n_components), E, marks


def _weights(graph, X, m, p):
    """Weights (n, p) from all rows to landmarks, made block by block."""
    n = X.shape[0]
    data, places = np.empty((n, m)), np.empty((n, m), dtype=np.int32)
    for rows in row_blocks(n):
        block = graph.weights_of(X[rows])
        data[rows] = block.data.reshape(-1, m)
        places[rows] = block.indices.reshape(-1, m)
    starts = np.arange(0, data.size + 1, m)
    B = sparse.csr_array((data.ravel(), places.ravel(), starts), shape=(n, p))
    return B


def _choose(X, n_landmarks, seed):
    """Landmarks: centres of a few sweeps of k-means on a sample, different rows."""
    n = X.shape[0]
    rng = np.random.default_rng(seed)
    few = np.sort(rng.choice(n, min(n, SAMPLE * n_landmarks), replace=False))
    if sparse.issparse(X):
        # Means of sparse rows would be dense.
        return X[np.sort(rng.choice(few, min(n, n_landmarks), replace=False))]
    sample = X[few]
    if len(sample) > n_landmarks:
        exponent = exponent_of(sample)
        sample = np.ldexp(sample, -exponent)
        means = KMeans(
            n_landmarks, init="random", n_init=1, max_iter=SWEEPS, random_state=seed
        )
        # In threads the order of its sums, and so their rounding, is left to chance.
        with threadpool_limits(1, user_api="openmp"):
            sample = np.ldexp(means.fit(sample).cluster_centers_, exponent)
    return np.unique(sample, axis=0)
