r"""The cut of many points by way of a few landmarks.

Each of n points has weights B (n, p) to its nearest landmarks. With the row sums
:math:`D = \operatorname{diag}(B 1)` and the column sums :math:`\Delta`, the weights
among points by way of landmarks are

.. math:: W = B \Delta^{-1} B^T ,

whose row sums are D again. They are not formed: with the weights :math:`E = B^T D^{-1}
B` among landmarks, whose row sums are :math:`\Delta`, the pencils of W and E have the
same eigenvalues below 1, and the vectors u of :math:`(\Delta - E) u = \lambda \Delta u`
give those of the points [1]_ [2]_,

.. math:: v = (1 - \lambda)^{-1/2} D^{-1} B u .

That is one p x p problem, and the sparse products with B.

References
----------
.. [1] X. Chen and D. Cai, "Large scale spectral clustering with landmark-based
       representation", AAAI Conference on Artificial Intelligence 25 (2011), 313-318.
.. [2] D. Huang, C.-D. Wang, J.-S. Wu, J.-H. Lai and C.-K. Kwoh, "Ultra-scalable
       spectral clustering and ensemble clustering", IEEE Transactions on Knowledge and
       Data Engineering 32 (2020), 1212-1226. https://arxiv.org/abs/1903.01057
"""

import numpy as np
from scipy import sparse

from skdimred.numerics.cut import Cost
from skdimred.numerics.graph import symmetrised

__all__ = ["bipartite_cut", "landmark_weights", "shares"]


def landmark_weights(B):
    """Weights E (p, p) among landmarks, csr_array, from those of points to them."""
    scaled = B.copy()
    scaled.data /= np.repeat(np.asarray(B.sum(axis=1)).ravel(), np.diff(B.indptr))
    E = sparse.csr_array(B.T @ scaled)
    return symmetrised(E)


def shares(B, labels, n_clusters):
    """Share (n, k) of the weight of each point that goes to each cluster's landmarks.

    The rows of B must have a positive sum.
    """
    n = B.shape[0]
    rows = np.repeat(np.arange(n), np.diff(B.indptr))
    place = rows * np.intp(n_clusters) + labels[B.indices]
    flat = np.bincount(place, B.data, n * n_clusters).reshape(n, n_clusters)
    return flat / flat.sum(axis=1, keepdims=True)


def bipartite_cut(B, labels, n_clusters, balance=0.0):
    """Cost of a partition (n,) of the points in W (see `cut`), their volumes as masses.

    Parameters
    ----------
    B : csr_array of shape (n, p)
    labels : ndarray of int of shape (n,)
    n_clusters : int
    balance : float

    Returns
    -------
    float
    """
    p = B.shape[1]
    rows = np.repeat(labels, np.diff(B.indptr))
    flat = np.bincount(rows * np.intp(p) + B.indices, B.data, n_clusters * p)
    sums = flat.reshape(n_clusters, p)
    columns = np.maximum(sums.sum(axis=0), np.finfo(np.float64).tiny)
    within = np.sum(sums**2 / columns, axis=1)
    volume = sums.sum(axis=1)
    cut = np.maximum(volume - within, 0.0)
    return float(Cost(n_clusters, balance, float(volume.sum())).of(cut, volume))
