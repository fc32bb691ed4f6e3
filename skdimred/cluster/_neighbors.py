"""Neighbours among fitted rows, and bridges from small components to what is near.

Rows are centred, and scaled by a power of two where their squares would over- or
underflow; neither changes which rows are neighbours.
"""

import numpy as np
from joblib import effective_n_jobs
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from sklearn.neighbors import NearestNeighbors

from skdimred.numerics.graph import tidy
from skdimred.numerics.threads import one_blas_thread
from skdimred.numerics.tree import Tree, planted

__all__ = ["Neighbors", "bridged", "exponent_of"]

# Shares of the length of a row. A distance below the first is taken again: by way of
# products, or along other axes, it has lost digits that tell equal ones from others.
# Where the last one is below the second, others may be nearer: all are found anew.
NEAR, LOST = 1e-3, 1e-5
# Rows whose median is the centre: the mean goes along with a single one far away.
ROWS_OF_CENTER = 255
# Rows from which a search in a tree is worth its threads.
ROWS_FOR_THREADS = 2000
# Magnitudes between which squares of float64 and float32 rows are safe.
SAFE = {np.dtype(np.float64): 1e100, np.dtype(np.float32): 1e12}
# Shares of the mean cluster size n / k. A component below the first is joined to its
# surroundings; below the second only where this leaves k components.
SMALL, TINY = 1 / 4, 1 / 20
# Distances taken at once, and in all, when bridges are looked for.
BLOCK, MOST_DISTANCES = 1 << 22, 1 << 29


class Neighbors:
    """Rows that can be searched for the nearest to others.

    Parameters
    ----------
    X : ndarray or csr of shape (n, p)
        Finite.
    n_jobs : int or None
    """

    def __init__(self, X, n_jobs=None):
        self.n_jobs = n_jobs
        self.exponent = exponent_of(X)
        self.center = None
        if not sparse.issparse(X):
            some = self._scaled(X[:: -(-X.shape[0] // ROWS_OF_CENTER)])
            self.center = np.median(some, axis=0).astype(X.dtype)
        self.rows = self.moved(X)
        self.tree = None if self.center is None else planted(self.rows)
        self._brute = self._exact = None

    def _scaled(self, X):
        if self.exponent == 0:
            return X
        if sparse.issparse(X):
            X = X.copy()
            X.data = np.ldexp(X.data, -self.exponent)
            return X
        return np.ldexp(X, -self.exponent)

    def moved(self, X):
        scaled = self._scaled(X)
        return scaled if self.center is None else scaled - self.center

    def in_units(self, distance):
        """A distance in the unit of those found here."""
        return float(np.ldexp(distance, -self.exponent))

    def among(self, q):
        """Distances (n, q) of each row to its nearest others, and which they are."""
        n = self.rows.shape[0]
        D, places = self._nearest(self.rows, q + 1)
        itself = places == np.arange(n)[:, np.newaxis]
        # Among equal rows a row may not be one of its own nearest.
        itself[~itself.any(axis=1), -1] = True
        return D[~itself].reshape(n, q), places[~itself].reshape(n, q)

    def of(self, X, q):
        """Distances (m, q) of rows X to the nearest fitted ones, and which they are."""
        return self._nearest(self.clipped(X), q)

    def _nearest(self, rows, q):
        """Distances (m, q) of moved rows and places; exactly 0 where rows are equal."""
        if self.tree is None:
            D, places = self._index().kneighbors(rows, n_neighbors=q)
        else:
            D, places = self._query(self.tree, rows, q)
            if self.tree.axes is None:
                return D, places
        length = np.sqrt(_squares(rows))
        lost = np.flatnonzero(D[:, -1] < LOST * length)
        if len(lost) and self.center is not None:
            if self._exact is None:
                self._exact = Tree(cKDTree(self.rows), None)
            D[lost], places[lost] = self._query(self._exact, rows[lost], q)
            length[lost] = 0.0
        self._sharpen(rows, D, places, NEAR * length[:, np.newaxis] > D)
        return D, places

    def _sharpen(self, rows, D, places, near):
        """Take some of the distances again, and put their rows in order."""
        i, j = np.nonzero(near)
        width = rows.shape[1]
        if sparse.issparse(rows):
            width = 2 * int(np.diff(rows.indptr).max(initial=0))
        step = max(1, BLOCK // max(1, width))
        for start in range(0, len(i), step):
            a, b = i[start : start + step], j[start : start + step]
            D[a, b] = np.sqrt(_squares(rows[a] - self.rows[places[a, b]]))
        i = np.unique(i)
        order = np.argsort(D[i], axis=1, kind="stable")
        D[i] = np.take_along_axis(D[i], order, axis=1)
        places[i] = np.take_along_axis(places[i], order, axis=1)

    def clipped(self, X):
        """New rows, moved as the fitted ones were.

        Beyond some magnitude squares overflow, and a row is as far as can be told.
        """
        limit = SAFE[self.rows.dtype]
        rows = self.moved(X)
        if sparse.issparse(rows):
            rows = sparse.csr_array(rows, copy=True)
            rows.data = np.clip(rows.data, -limit, limit).astype(self.rows.dtype)
            return rows
        return np.clip(rows, -limit, limit).astype(self.rows.dtype, copy=False)

    def _query(self, tree, rows, q):
        if self.n_jobs is not None:
            return tree.query(rows, q, effective_n_jobs(self.n_jobs))
        # The search among all distances takes all threads as well.
        with one_blas_thread() as threads:
            few = rows.shape[0] < ROWS_FOR_THREADS
            return tree.query(rows, q, 1 if few else threads)

    def _index(self):
        if self._brute is None:
            index = NearestNeighbors(algorithm="brute", n_jobs=self.n_jobs)
            self._brute = index.fit(self.rows)
        return self._brute


def exponent_of(X):
    """Power of two that brings the largest entry of X near 1; 0 if squares are safe."""
    values = X.data if sparse.issparse(X) else X
    largest = float(max(values.max(initial=0), -values.min(initial=0)))
    limit = SAFE[values.dtype]
    if largest == 0 or 1 / limit < largest < limit:
        return 0
    return int(np.frexp(largest)[1])


def bridged(W, search, found, bridge, n_clusters, n_neighbors):
    """Join small components to their surroundings.

    Each gets edges from its points that lie nearest to others. Components of a size
    that clusters have are left alone, and so is a graph that has as many as there are
    clusters, none of them tiny. Where there are more of them than clusters, the
    smallest count as small.

    Parameters
    ----------
    W : csr_array of shape (n, n)
        Symmetric weights.
    search : Neighbors
    found : ndarray of int of shape (n, q)
        Neighbours known already, the nearest first.
    bridge : ndarray of shape (n,)
        Weight of an edge from each point.
    n_clusters, n_neighbors : int
        The latter is how many edges a component gets.

    Returns
    -------
    W : csr_array of shape (n, n)
        The same weights and those of the new edges.
    n_components : int
    """
    n = W.shape[0]
    least = None
    while True:
        n_components, component = connected_components(W, directed=False)
        size = np.bincount(component)
        if least is None:
            share = n / n_clusters
            tiny = np.count_nonzero(size >= TINY * share) == n_clusters
            least = share * (TINY if tiny else SMALL)
        small = size < least
        if not small.any() and n_components > n_clusters:
            # Some have to be put together: the smallest, with what they are near to.
            small[np.argsort(size, kind="stable")[: n_components - n_clusters]] = True
        if n_components == 1 or not small.any():
            return W, int(n_components)
        near, far = _bridges(search, found, component, small, n_neighbors)
        edges = sparse.coo_array((bridge[near], (near, far)), shape=(n, n)).tocsr()
        # Two points can be each other's: the heavier edge counts once.
        W = tidy(W.maximum(edges.maximum(edges.T.tocsr())))


def _bridges(search, found, component, small, n_neighbors):
    """Points of small components, and points of the one that is nearest to each.

    Of one only: a bridge to two components would join these as well.
    """
    points = np.flatnonzero(small[component])
    own = component[points]
    outside = component[found[points]] != own[:, np.newaxis]
    first = outside.argmax(axis=1)
    some = np.flatnonzero(outside[np.arange(len(points)), first])
    settled = np.zeros(len(small), dtype=bool)
    settled[own[some]] = True
    near, far = points[some], found[points[some], first[some]]
    rest = _sampled(points[~settled[own]], component, search.rows.shape[0])
    if len(rest):
        places, squares = _nearest_of_different(search.rows, rest, component)
        order = np.argsort(squares, kind="stable")
        near = np.concatenate([near, rest[order]])
        far = np.concatenate([far, places[order]])
    order = np.argsort(component[near], kind="stable")
    near, far = near[order], far[order]
    start = np.searchsorted(component[near], component[near])
    same_goal = component[far] == component[far[start]]
    near, far = near[same_goal], far[same_goal]
    turn = np.arange(len(near)) - np.searchsorted(component[near], component[near])
    return near[turn < n_neighbors], far[turn < n_neighbors]


def _sampled(points, component, n):
    """As many points, spread over their components, as there is time for."""
    step = int(np.ceil(len(points) * n / MOST_DISTANCES))
    if step <= 1:
        return points
    points = points[np.argsort(component[points], kind="stable")]
    own = component[points]
    turn = np.arange(len(points)) - np.searchsorted(own, own)
    return points[turn % step == 0]


def _nearest_of_different(rows, points, component):
    """`_nearest_outside`, where many rows are equal from one of each."""
    n = rows.shape[0]
    if sparse.issparse(rows) or len(points) * n <= BLOCK:
        return _nearest_outside(rows, points, component)
    keys = np.column_stack([component, rows])
    _, first, group = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    if 2 * len(first) > n:
        return _nearest_outside(rows, points, component)
    kept = np.sort(first)
    some, back = np.unique(group.ravel()[points], return_inverse=True)
    points = np.searchsorted(kept, first[some])
    places, squares = _nearest_outside(rows[kept], points, component[kept])
    return kept[places][back], squares[back]


def _squares(rows):
    """Sums (n,) of the squares of each row, in float64."""
    if not sparse.issparse(rows):
        return np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    rows = sparse.csr_array(rows, dtype=np.float64)
    return np.asarray(rows.multiply(rows).sum(axis=1)).ravel()


def _nearest_outside(rows, points, component):
    """Nearest row of another component for some rows, and its squared distance."""
    n = rows.shape[0]
    is_sparse = sparse.issparse(rows)
    squares = _squares(rows)
    places = np.empty(len(points), dtype=np.intp)
    least = np.empty(len(points))
    step = max(1, BLOCK // n)
    for start in range(0, len(points), step):
        some = points[start : start + step]
        inner = rows[some] @ rows.T
        far = squares - 2 * np.asarray(inner.toarray() if is_sparse else inner)
        far[component[some][:, np.newaxis] == component] = np.inf
        best = far.argmin(axis=1)
        places[start : start + step] = best
        least[start : start + step] = far[np.arange(len(some)), best] + squares[some]
    return places, least
