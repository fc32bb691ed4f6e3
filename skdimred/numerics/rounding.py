r"""From eigenvectors of a cut to partitions.

Where the relaxed problem is solved by indicators of clusters, the rows of the
eigenvectors V are k points, and rows of unit length k orthogonal directions. Otherwise
they lie near such points, and a partition is read off in three ways:

- `by_pivots`: QR with pivots picks k rows that are as orthogonal as can be, and each
  row goes to the one that its polar factor points to [1]_;
- `by_rotation`: from there, the rotation of the rows onto indicators and the indicators
  of the rotated rows are found in turn [2]_;
- `by_means`: k-means, several starts side by side.

References
----------
.. [1] A. Damle, V. Minden and L. Ying, "Simple, direct and efficient multi-way spectral
       clustering", Information and Inference 8 (2019), 181-203.
       https://doi.org/10.1093/imaiai/iay008
.. [2] S. X. Yu and J. Shi, "Multiclass spectral clustering", IEEE International
       Conference on Computer Vision (2003), 313-319.
       https://doi.org/10.1109/ICCV.2003.1238361
"""

import numpy as np
import scipy.linalg

__all__ = [
    "by_means",
    "by_pivots",
    "by_rotation",
    "fill_empty",
    "group_means",
    "means_from",
    "two_means",
    "unit_rows",
]

TINY = float(np.finfo(np.float64).tiny)
# Distances held at once by k-means.
MOST_AT_ONCE = 1 << 22


def unit_rows(Z):
    """Rows scaled to length 1; rows of 0 stay."""
    length = np.sqrt(np.einsum("ij,ij->i", Z, Z))[:, np.newaxis]
    return np.divide(Z, length, out=np.zeros_like(Z), where=length > TINY)


def polar(A):
    """Orthogonal factor of A."""
    U, _, Vt = np.linalg.svd(A, full_matrices=False)
    return U @ Vt


def by_pivots(V):
    """Partition (n,) by QR with pivots of orthonormal eigenvectors V (n, k)."""
    return np.abs(V @ _pivot_rotation(V)).argmax(axis=1)


def _pivot_rotation(V):
    k = V.shape[1]
    pivots = scipy.linalg.qr(V.T, mode="r", pivoting=True, check_finite=False)[1][:k]
    return polar(V[pivots].T)


def by_rotation(V, max_iter=30):
    """Partition (n,) by rotation of the rows of V (n, k), scaled to length 1."""
    Z, R = unit_rows(V), _pivot_rotation(V)
    n, k = V.shape
    last = -1.0
    for _ in range(max_iter):
        labels = (Z @ R).argmax(axis=1)
        Y = np.zeros((n, k))
        Y[np.arange(n), labels] = 1.0
        U, s, Vt = np.linalg.svd(Z.T @ Y)
        if abs(s.sum() - last) <= 1e-9 * max(1.0, last):
            break
        last, R = s.sum(), U @ Vt
    return labels


def by_means(spaces, n_clusters, n_init, rng, weights=None, max_iter=15):
    """Partitions (m, n) by k-means, from several starts in each of some spaces.

    Starts are drawn by k-means++ and go on side by side, in batches that fit into
    memory.

    Parameters
    ----------
    spaces : ndarray of shape (s, n, p)
        The rows to be clustered, in each space.
    n_clusters, n_init : int
    rng : Generator
    weights : ndarray of shape (s, n) or None
        How much each row counts.
    max_iter : int
    """
    s, n, _ = spaces.shape
    if weights is None:
        weights = np.ones((s, n))
    total = weights.sum(axis=1, keepdims=True)
    weights = np.where(total > 0, weights * (n / np.where(total > 0, total, 1.0)), 1.0)
    at_once = max(1, MOST_AT_ONCE // (s * n * n_clusters))
    batches = [
        _means(spaces, n_clusters, min(at_once, n_init - first), rng, weights, max_iter)
        for first in range(0, n_init, at_once)
    ]
    return np.concatenate(batches)


def _means(Z, k, n_init, rng, weights, max_iter):
    s, n, _ = Z.shape
    turned = np.ascontiguousarray(Z.transpose(0, 2, 1))
    centers = _seeds(Z, turned, k, n_init, rng, weights)
    return _lloyd(Z, turned, centers, k, weights, max_iter).reshape(s * n_init, n)


def means_from(Z, labels, n_clusters, weights, max_iter=5):
    """Partitions (m, n) by k-means from others.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        The rows.
    labels : ndarray of int of shape (m, n)
    n_clusters : int
    weights : ndarray of shape (n,)
    max_iter : int
    """
    turned = np.ascontiguousarray(Z.T)[np.newaxis]
    at_once = max(1, MOST_AT_ONCE // (len(Z) * n_clusters))
    found = []
    for first in range(0, len(labels), at_once):
        some = labels[first : first + at_once, np.newaxis]
        share = ((some == np.arange(n_clusters)[:, np.newaxis]) * weights)[np.newaxis]
        share = share.reshape(1, -1, len(Z))
        mass = share.sum(axis=2)[:, :, np.newaxis]
        centers = share @ Z / np.maximum(mass, TINY)
        several = (Z[np.newaxis], turned, centers, n_clusters, weights[np.newaxis])
        found.append(_lloyd(*several, max_iter)[0])
    return np.concatenate(found)


def group_means(V, group, weights, n_groups):
    """Means (g, p) of the rows of V (n, p) by group, 0 of none, and weights (g,)."""
    whole = np.bincount(group, weights, n_groups)
    sums = np.stack([np.bincount(group, weights * v, n_groups) for v in V.T], axis=1)
    return sums / np.where(whole > 0, whole, 1.0)[:, np.newaxis], whole


def two_means(v):
    """Partition (n,) by a threshold of v (n,), of least squares."""
    order = np.argsort(v, kind="stable")
    below = np.cumsum(v[order])
    count = np.arange(1, len(v))
    first, second = below[:-1], below[-1] - below[:-1]
    best = (first**2 / count + second**2 / (len(v) - count)).argmax()
    labels = np.zeros(len(v), dtype=np.intp)
    labels[order[best + 1 :]] = 1
    return labels


def _lloyd(Z, turned, centers, k, weights, max_iter):
    """Labels (s, m, n) from centres (s, m * k, p)."""
    s, n, _ = Z.shape
    labels, clusters = None, np.arange(k)[:, np.newaxis]
    for _ in range(max_iter):
        far = centers @ turned
        far *= -2.0
        far += np.einsum("sij,sij->si", centers, centers)[:, :, np.newaxis]
        far = far.reshape(s, -1, k, n)
        nearest = far.argmin(axis=2)
        if labels is not None and np.array_equal(nearest, labels):
            break
        labels = nearest
        share = (labels[:, :, np.newaxis] == clusters) * weights[:, None, None]
        share = share.reshape(s, -1, n)
        mass = share.sum(axis=2)[:, :, np.newaxis]
        centers = np.where(mass > 0, share @ Z / np.maximum(mass, TINY), centers)
    return labels


def _seeds(Z, turned, k, n_init, rng, weights):
    """Centres (s, n_init * k, p) by k-means++."""
    s, n, p = Z.shape
    squares = np.einsum("sij,sij->si", Z, Z)
    centers = np.empty((s, n_init, k, p))
    nearest = np.full((s, n_init, n), np.inf)
    chance = np.repeat(weights[:, np.newaxis], n_init, axis=1)
    space = np.arange(s)[:, np.newaxis]
    for j in range(k):
        heap = np.cumsum(chance, axis=2)
        drawn = rng.random((s, n_init, 1)) * heap[:, :, -1:]
        place = np.minimum((heap <= drawn).sum(axis=2), n - 1)
        centers[:, :, j] = Z[space, place]
        far = centers[:, :, j] @ turned
        far *= -2.0
        far += squares[:, np.newaxis]
        far += squares[space, place][:, :, np.newaxis]
        np.minimum(nearest, np.maximum(far, 0.0), out=nearest)
        chance = nearest * weights[:, np.newaxis]
    return centers.reshape(s, n_init * k, p)


def fill_empty(labels, mass, n_clusters):
    """Give each cluster without a node the heaviest one of the largest cluster.

    Returns
    -------
    ndarray of int of shape (n,)
        `labels` itself where none is empty.
    """
    count = np.bincount(labels, minlength=n_clusters)
    if count.all():
        return labels
    labels = labels.copy()
    for empty in np.flatnonzero(count == 0):
        largest = count.argmax()
        members = np.flatnonzero(labels == largest)
        labels[members[mass[members].argmax()]] = empty
        count[largest] -= 1
        count[empty] += 1
    return labels
