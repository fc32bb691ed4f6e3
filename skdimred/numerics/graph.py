r"""Weights of a graph from distances.

A distance :math:`d_{ij}` becomes the weight

.. math:: w_{ij} = \exp\left( -\frac{d_{ij}^2}{2 \sigma^2} \right)
          \quad\text{or}\quad
          w_{ij} = \exp\left( -\frac{d_{ij}^2}{\sigma_i \sigma_j} \right) ,

with one scale for all points, or with the scale of each point, its distance to its
seventh neighbour [1]_. Where neighbours are not mutual the two weights are averaged.

References
----------
.. [1] L. Zelnik-Manor and P. Perona, "Self-tuning spectral clustering", Advances in
       Neural Information Processing Systems 17 (2004), 1601-1608.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

__all__ = [
    "SCALE_NEIGHBOR",
    "Kernel",
    "dense_weights",
    "fit_kernel",
    "neighbor_weights",
    "row_scales",
    "symmetrised",
    "tidy",
]

# The neighbour whose distance is the scale of a point.
SCALE_NEIGHBOR = 7
# Distances this close to the last one taken are equal to it, and taken as well: which
# of equal distances comes first depends on rounding.
TIE = 1e-9
TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Kernel:
    """How distances become weights.

    Attributes
    ----------
    sigma : float or None
        The scale of all points, or None where each has its own.
    scales : ndarray of shape (n,)
        The scale of each point, all equal to `sigma` if there is one.
    """

    sigma: float | None
    scales: np.ndarray

    def exponents(self, distances, places, own):
        """What exp is taken of, negative, for distances from points to other points.

        Parameters
        ----------
        distances : ndarray
        places : ndarray of int or slice
            The points they lead to.
        own : ndarray
            Scales of the points they come from, to be broadcast.
        """
        if self.sigma is not None:
            return -0.5 * (distances / self.sigma) ** 2
        # One after the other: the product of two small scales can underflow.
        return -(distances / own) * (distances / self.scales[places])


def row_scales(distances):
    """Distance (n,) to the seventh of the neighbours, ascending in each row (n, q).

    Where that is 0 the first that is positive, or NaN if none is.
    """
    q = distances.shape[1]
    scale = distances[:, min(SCALE_NEIGHBOR, q) - 1].astype(np.float64)
    nothing = np.flatnonzero(scale == 0)
    if len(nothing):
        rest = distances[nothing]
        first = (rest > 0).argmax(axis=1)
        found = rest[np.arange(len(rest)), first]
        scale[nothing] = np.where(found > 0, found, np.nan)
    return scale


def fit_kernel(distances, sigma):
    """`Kernel` of points from the distances to their neighbours.

    Parameters
    ----------
    distances : ndarray of shape (n, q)
        Ascending in each row, each point's own 0 left out.
    sigma : float, "auto" or "local"
        "auto" takes the median of the scales of the points for all.
    """
    n = len(distances)
    if not isinstance(sigma, str):
        return Kernel(float(sigma), np.full(n, float(sigma)))
    scales = row_scales(distances)
    known = np.isfinite(scales)
    # Without any distance all weights are exp(0), whatever the scale.
    middle = float(np.median(scales[known])) if known.any() else 1.0
    if sigma == "auto":
        return Kernel(middle, np.full(n, middle))
    return Kernel(None, np.where(known, scales, middle))


def neighbor_weights(distances, neighbours, n_neighbors, kernel):
    """Weights from each point to its neighbours.

    Parameters
    ----------
    distances : ndarray of shape (n, q)
        Ascending in each row, for some q of at least `n_neighbors`.
    neighbours : ndarray of int of shape (n, q)
    n_neighbors : int
        Neighbours taken, and all that are as near as the last of them.
    kernel : Kernel

    Returns
    -------
    csr_array of shape (n, n)
        Not symmetric. Weights that underflow are stored as 0.
    """
    n, q = distances.shape
    reach = distances[:, [n_neighbors - 1]] * (1 + TIE)
    taken = distances <= reach
    count = taken.sum(axis=1)
    exponents = kernel.exponents(distances, neighbours, kernel.scales[:, np.newaxis])
    if q > n_neighbors:
        exponents, neighbours = exponents[taken], neighbours[taken]
    starts = np.concatenate([[0], np.cumsum(count)])
    return sparse.csr_array(
        (
            np.exp(exponents).ravel(),
            neighbours.ravel().astype(np.int32, copy=False),
            starts.astype(np.int32 if starts[-1] < 1 << 31 else np.int64),
        ),
        shape=(n, n),
    )


def dense_weights(distances, kernel):
    """Weights (n, n) among all points from distances, which they replace; 0 to itself.

    The diagonal is left out: it would say that each point is its own neighbour.
    """
    n = len(distances)
    for start in range(0, n, 1024):
        rows = slice(start, start + 1024)
        own = kernel.scales[rows, np.newaxis]
        block = kernel.exponents(distances[rows], slice(None), own)
        distances[rows] = np.exp(block)
    distances += distances.T.copy()
    distances *= 0.5
    np.fill_diagonal(distances, 0.0)
    return distances


def symmetrised(weights):
    """The average of weights and their transpose, without entries of 0."""
    return tidy((weights + weights.T.tocsr()) * 0.5)


def tidy(weights):
    """Weights as a csr_array in order, without entries of 0, with small indices."""
    W = sparse.csr_array(weights)
    if not W.data.all():
        W.eliminate_zeros()
    W.sort_indices()
    if W.indices.dtype != np.int32 and max(W.nnz, *W.shape) < 1 << 31:
        indices, indptr = W.indices.astype(np.int32), W.indptr.astype(np.int32)
        W = sparse.csr_array((W.data, indices, indptr), shape=W.shape)
    return W
