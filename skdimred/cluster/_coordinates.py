"""Where rows lie in a fitted graph: weights, shares and spectral coordinates."""

import os
from threading import RLock

import numpy as np
from scipy import sparse

from skdimred.numerics.bipartite import shares
from skdimred.numerics.cut import as_graph
from skdimred.numerics.laplacian import low_spectrum
from skdimred.numerics.rounding import by_means, by_pivots, by_rotation
from skdimred.numerics.threads import one_blas_thread

__all__ = ["GraphCoordinates", "LandmarkCoordinates"]

# An eigenvector is not extended if 1 - lambda is smaller: it would be all rounding.
NEAR_ONE = 1e-6
# Entries of rows of which checksums are taken at once.
CHECKED_AT_ONCE = 1 << 22
# Rows compared with others at once.
COMPARED_AT_ONCE = 1 << 14

_SOLVING = RLock()


def _forget():
    """The thread that was solving does not live on in a forked process."""
    global _SOLVING
    _SOLVING = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class Coordinates:
    """Eigenpairs of the pencil of a graph, computed when first asked for.

    Parameters
    ----------
    weights : csr_array of shape (n, n)
    mass : ndarray of shape (n,) or None
        None for the degrees.
    k : int
    solver : str
    dtype : dtype
        Of the coordinates.
    """

    def __init__(self, weights, mass, k, solver, dtype):
        self.weights, self.mass, self.k = weights, mass, k
        self.solver, self.dtype = solver, dtype
        self._spectrum = None

    @property
    def spectrum(self):
        with _SOLVING:
            if self._spectrum is None:
                with one_blas_thread():
                    graph = as_graph(self.weights, self.mass)
                    self._spectrum = low_spectrum(graph, self.k, self.solver)
            return self._spectrum

    def start(self, assign_labels, n_init, seed):
        """What gives the partitions to begin with; None for coarser graphs."""
        if assign_labels == "auto":
            return None

        def partitions(graph):
            V = self.spectrum.vectors
            if assign_labels == "kmeans":
                rng = np.random.default_rng(seed)
                return by_means(V[None], self.k, n_init, rng, graph.mass[None])
            rounded = by_pivots if assign_labels == "cluster_qr" else by_rotation
            return [rounded(V * np.sqrt(graph.mass)[:, np.newaxis])]

        return partitions


class GraphCoordinates(Coordinates):
    """Coordinates in a graph of rows.

    Parameters
    ----------
    weights, mass, k, solver
        As above.
    X : ndarray or csr
        The rows that were fitted, or their weights.
    rows : RowGraph or None
        None where weights were given.
    """

    def __init__(self, weights, mass, k, solver, X, rows):
        super().__init__(weights, mass, k, solver, X.dtype)
        self.rows, self._order, self._embedding = rows, None, None
        self._known = self._first = self._points = None
        if rows is None:
            # Weights may be those given only up to rounding: they were symmetrised.
            given = _canonical(X)
            self._known = given.copy() if (given != weights).nnz else weights

    @property
    def embedding(self):
        if self._embedding is None:
            found = self.spectrum
            total = self.weights.sum() if self.mass is None else self.mass.sum()
            V = found.vectors * np.sqrt(float(total) or 1.0)
            if self.mass is None:
                V[:, np.abs(1 - found.values) <= NEAR_ONE] = 0.0
            self._embedding = self._merged(V).astype(self.dtype, copy=False)
        return self._embedding

    @property
    def _means(self):
        """Matrix (n, n) of means over equal rows, in the first of them; or None.

        Many rows that are equal, or equally near, need not have the same neighbours.
        A row to be placed cannot tell which of them it is.
        """
        if self._first is None:
            rows, step = self.rows.search.rows, COMPARED_AT_ONCE
            starts = range(0, rows.shape[0], step)
            first = [self._same(rows[start : start + step], rows) for start in starts]
            self._first = np.concatenate(first)
        first, every = self._first, np.arange(len(self._first))
        # Rows that share a checksum without being equal stay alone.
        first = np.where(first < 0, every, first)
        if (first == every).all():
            return None
        n, share = len(first), 1.0 / np.bincount(first, minlength=len(first))[first]
        return sparse.csr_array((share, (first, every)), shape=(n, n))

    def _merged(self, V):
        """Coordinates with those of equal rows replaced by their mean."""
        means = None if self.rows is None else self._means
        if means is None:
            return V
        mass = as_graph(self.weights, self.mass).mass
        whole = means @ mass
        scale = np.where(whole > 0, whole, 1.0)[:, np.newaxis]
        first = means.tocsc().indices
        merged = ((means @ (mass[:, np.newaxis] * V)) / scale)[first]
        # What a row alone has is not to change in its last digit.
        some = np.bincount(first, minlength=len(V))[first] > 1
        return np.where(
            some[:, np.newaxis] & (whole[first] > 0)[:, np.newaxis], merged, V
        )

    def place(self, X):
        """Which fitted row each row equals, or -1, and its weights (m, n) to them."""
        if self.rows is None:
            new = _canonical(X)
            same = self._same(new, self._known)
        else:
            known = self.rows.search.clipped(X)
            same = self._same(known, self.rows.search.rows)
            new = None
        others = np.flatnonzero(same < 0)
        if len(others) < len(same) and self._points is None:
            means = None if self.rows is None else self._means
            self._points = self.weights if means is None else means @ self.weights
        if not len(others):
            return same, self._points[same]
        new = self.rows.weights_of(X[others]) if new is None else new[others]
        if len(others) == len(same):
            return same, new
        stacked = sparse.vstack([self._points[same[same >= 0]], new], format="csr")
        back = np.empty(len(same), dtype=np.intp)
        back[np.concatenate([np.flatnonzero(same >= 0), others])] = np.arange(len(same))
        return same, stacked[back]

    def _same(self, new, fitted):
        """Fitted row that each new one equals, or -1, by way of checksums."""
        if self._order is None:
            sums = _checksums(fitted)
            order = np.argsort(sums, kind="stable")
            self._order = order, sums[order]
        order, sums = self._order
        near = np.searchsorted(sums, _checksums(new))
        candidates = order[np.minimum(near, len(order) - 1)]
        if sparse.issparse(fitted):
            apart = sparse.csr_array(new != fitted[candidates])
            equal = np.diff(apart.indptr) == 0
        else:
            equal = (new == fitted[candidates]).all(axis=1)
        return np.where(equal, candidates, -1)

    def shares(self, same, weights, labels):
        """Share (m, k) of the weight of each row that goes to each cluster."""
        to = self.weight_to_clusters(weights, labels)
        if self.rows is not None:
            known = np.flatnonzero(same >= 0)
            to[known, labels[same[known]]] += 1.0
        whole = to.sum(axis=1, keepdims=True)
        alone = np.bincount(labels, minlength=self.k) / len(labels)
        return np.where(whole > 0, to / np.where(whole > 0, whole, 1.0), alone)

    def weight_to_clusters(self, weights, labels):
        """Weight (m, k) of each row to each cluster."""
        m = weights.shape[0]
        rows = np.repeat(np.arange(m), np.diff(weights.indptr))
        place = rows * np.intp(self.k) + labels[weights.indices]
        return np.bincount(place, weights.data, m * self.k).reshape(m, self.k)

    def of(self, same, weights):
        """Coordinates (m, k)."""
        Z, values = self.embedding, self.spectrum.values
        degree = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
        if self.mass is None:
            rest = np.where(np.abs(1 - values) > NEAR_ONE, 1 - values, 1.0) * degree
        else:
            rest = degree - values
            least = NEAR_ONE * np.maximum(degree, np.finfo(np.float64).tiny)
            rest = np.where(np.abs(rest) < least, np.copysign(least, rest), rest)
        rest = np.where(degree > 0, rest, np.inf)
        out = np.clip((weights @ Z) / rest, Z.min(axis=0), Z.max(axis=0))
        out[same >= 0] = Z[same[same >= 0]]
        return out


def _canonical(X):
    """Weights as a csr_array in float64, each stored once; a copy if that changes X."""
    X = sparse.csr_array(X, dtype=np.float64)
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def _checksums(rows):
    """Integers (n,), equal for equal rows whatever stands beside them, else at random.

    Sums of floats would depend on their order, and hide a small column by a large one.
    """
    n, p = rows.shape
    multipliers = np.random.default_rng(0).integers(
        1 << 63, size=p, dtype=np.uint64, endpoint=True
    )
    multipliers |= np.uint64(1)
    if sparse.issparse(rows):
        terms = _bits(rows.data) * multipliers[rows.indices]
        total = np.concatenate([np.zeros(1, np.uint64), np.cumsum(terms)])
        return total[rows.indptr[1:]] - total[rows.indptr[:-1]]
    out = np.empty(n, dtype=np.uint64)
    step = max(1, CHECKED_AT_ONCE // p)
    for start in range(0, n, step):
        some = slice(start, start + step)
        out[some] = (_bits(rows[some]) * multipliers).sum(axis=1, dtype=np.uint64)
    return out


def _bits(values):
    """Bits of floats as integers; 0 for both zeros."""
    values = np.ascontiguousarray(values) + values.dtype.type(0)
    bits = values.view(f"u{values.dtype.itemsize}").astype(np.uint64)
    # Round numbers have their bits at the top, where a product would lose them.
    return bits ^ (bits >> np.uint64(32))


class LandmarkCoordinates(Coordinates):
    """Coordinates of rows by way of landmarks.

    Parameters
    ----------
    rows : RowGraph
        Of the landmarks, with the weights of the fitted rows.
    E : csr_array of shape (p, p)
        Weights among landmarks.
    labels : ndarray of int of shape (p,)
        Clusters of the landmarks.
    """

    def __init__(self, rows, E, k, solver, dtype):
        super().__init__(E, None, k, solver, dtype)
        self.rows, self.labels = rows, None

    @property
    def embedding(self):
        return self.of(None, self.rows.weights)

    def place(self, X):
        """No row in particular, and weights (m, p)."""
        return np.full(X.shape[0], -1), self.rows.weights_of(X)

    def shares(self, same, weights, labels):
        """Share (m, k) of the weight of each row that goes to each cluster."""
        return shares(weights, self.labels, self.k)

    def weight_to_clusters(self, weights, labels):
        """Weight (m, k) of each row to the fitted rows of each cluster."""
        B, p = self.rows.weights, self.weights.shape[0]
        rows = np.repeat(labels, np.diff(B.indptr)) * np.intp(p) + B.indices
        sums = np.bincount(rows, B.data, self.k * p).reshape(self.k, p)
        return weights @ (sums / sums.sum(axis=0)).T

    def of(self, same, weights):
        """Coordinates (m, k)."""
        U, values = self.spectrum.vectors, self.spectrum.values
        keep = np.abs(1 - values) > NEAR_ONE
        scale = np.zeros(self.k)
        total = np.sqrt(float(self.weights.sum()))
        scale[keep] = total / np.sqrt(np.abs(1 - values[keep]))
        whole = np.asarray(weights.sum(axis=1)).reshape(-1, 1)
        return ((weights @ (U * scale)) / whole).astype(self.dtype, copy=False)
