r"""Lowest eigenvectors of the pencil of a large graph, by way of its coarser ones.

The problem :math:`(D - W) v = \lambda M v` (see `laplacian`) is solved on the smallest
graph of a hierarchy. Level by level its solutions are carried up, which leaves them
constant on each coarse node; a Chebyshev polynomial of the pencil smooths them, and
the best combinations of the smoothed ones are taken (Rayleigh and Ritz) [1]_. A few
more than are asked for go along, as those next to the last converge the slowest.

This gives sums of eigenvalues within a few percent, where `laplacian` gives all digits
in tens of times the time: enough for partitions to begin with.

References
----------
.. [1] Y. Zhou, Y. Saad, M. L. Tiago and J. R. Chelikowsky, "Self-consistent-field
       calculations using Chebyshev-filtered subspace iteration", Journal of
       Computational Physics 219 (2006), 172-184.
       https://doi.org/10.1016/j.jcp.2006.03.017
"""

import numpy as np
import scipy.linalg
from scipy import sparse

from skdimred.numerics.laplacian import dense_vectors, positive

__all__ = ["lifted_vectors", "settled_vectors"]

# Vectors besides those asked for, and the degree of the polynomial.
MORE, DEGREE = 4, 6
# Better vectors: the degree, and how often at most it is applied. The last time the sum
# of the eigenvalues stays above this share of what it was, as each time takes off most
# of what is too much.
LAST_DEGREE, MOST_TURNS, SETTLED = 10, 8, 0.92
# Of their Gram matrix: a direction below this share of the largest is rounding.
DEPENDENT = 1e-12


def lifted_vectors(graphs, maps, k):
    """Roughly the lowest eigenpairs of the first graph of a hierarchy.

    Parameters
    ----------
    graphs, maps : list
        As `hierarchy` returns them.
    k : int
        How many are asked for, at most the number of nodes of the last graph.

    Returns
    -------
    values : ndarray of shape (p,)
        Ascending, for some p from k on. None is lower than the eigenvalue of its place,
        but all are 0 if there is one graph.
    V : ndarray of shape (n, p)
        ``V.T @ M @ V = I``.
    """
    V = dense_vectors(graphs[-1], min(k + MORE, graphs[-1].n_nodes))
    values = np.zeros(V.shape[1])
    for graph, node_of in zip(reversed(graphs[:-1]), reversed(maps), strict=True):
        root, *pencil, top = _pencil(graph)
        values, Z = _turned(*pencil, _damped(*pencil, V[node_of] * root, DEGREE))
        values, V = top * values, Z / root
    return values, V


def settled_vectors(graph, values, V, k):
    """Better eigenvectors (n, k) from rough pairs of a graph, some of them beyond k."""
    root, *pencil, top = _pencil(graph)
    values, Z = values / top, V * root
    for _ in range(MOST_TURNS):
        before = values[:k].sum()
        values, Z = _turned(*pencil, _damped(*pencil, Z, LAST_DEGREE))
        if values[:k].sum() > SETTLED * before:
            break
    return Z[:, :k] / root


def _pencil(graph):
    """M^(1/2), and S = M^-1/2 (D - W) M^-1/2 over a bound of its norm.

    Returns
    -------
    root : ndarray of shape (n, 1)
    A : csr_array of shape (n, n)
    diagonal : ndarray of shape (n, 1)
        S over the bound is ``diagonal - A``.
    top : float
        The bound.
    """
    root = np.sqrt(positive(graph.mass))
    weights = graph.weights
    A = weights.data / (root[graph.rows] * root[weights.indices])
    diagonal = graph.degree / root**2
    top = 2 * float(diagonal.max()) or 1.0
    A = sparse.csr_array((A / top, weights.indices, weights.indptr), weights.shape)
    return root[:, np.newaxis], A, (diagonal / top)[:, np.newaxis], top


def _turned(A, diagonal, Z):
    """Ritz values, ascending, and orthonormal vectors in the span of Z."""
    size, axes = scipy.linalg.eigh(Z.T @ Z, check_finite=False)
    if not size[0] > DEPENDENT * size[-1]:
        # The polynomial left nothing of some: any others take their place.
        Z, size, axes = np.linalg.qr(Z)[0], np.ones(len(size)), np.eye(len(size))
    basis = axes / np.sqrt(size)
    inner = basis.T @ (Z.T @ (diagonal * Z - A @ Z)) @ basis
    values, turn = scipy.linalg.eigh((inner + inner.T) / 2, check_finite=False)
    return values, Z @ (basis @ turn)


def _damped(A, diagonal, Z, degree):
    """Chebyshev polynomial of S of Z, small from the value of its last vector on."""
    last = Z[:, -1:]
    least = float(np.sum(last * (diagonal * last - A @ last)) / np.sum(last * last))
    least = min(max(least, 0.0), 0.5)
    half, shifted = (1 - least) / 2, diagonal - (1 + least) / 2
    before, Z = Z, (shifted * Z - A @ Z) / half
    for _ in range(degree - 1):
        before, Z = Z, (shifted * Z - A @ Z) * (2 / half) - before
    return Z
