"""Where distances come from: a matrix that is given, or rows and a metric."""

import warnings
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import sparse
from scipy.spatial.distance import pdist, squareform
from sklearn import get_config
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import pairwise_distances
from sklearn.metrics.pairwise import PAIRWISE_BOOLEAN_FUNCTIONS

from skdimred.blocks import map_ranges
from skdimred.metrics import OWN_METRICS

__all__ = [
    "EUCLIDEAN",
    "Squares",
    "check_distances",
    "check_new_distances",
    "chunked",
    "fits_in_memory",
    "is_euclidean",
    "pairwise",
    "rows_at_once",
]

EUCLIDEAN = ("euclidean", "l2")
MANHATTAN = ("manhattan", "cityblock", "l1")
# Relative asymmetry and diagonal of a distance matrix that are rounding.
ASYMMETRY, DIAGONAL = 1e-7, 1e-8
# Distance, over the largest, at which a new row is a fitted one.
SAME = 1e-6
# Difference of distances, over the largest, that is rounding.
ROUNDING = 1e-5
# Distances whose squares, added up, stay within the range of float64.
LEAST, MOST = 1e-60, 1e60
TOO_LARGE = 1e150
TILE = 256
BLOCK_BYTES = 4 << 20


def is_euclidean(metric, params):
    """Whether a metric is the Euclidean distance, so that no distance is needed."""
    if metric == "minkowski":
        return params.get("p", 2) == 2 and params.get("w") is None
    return isinstance(metric, str) and metric in EUCLIDEAN and not params


def pairwise(X, Y, metric, params, n_jobs):
    """Distances among the rows of X, or from them to those of Y."""
    if isinstance(metric, str) and metric in OWN_METRICS:
        return OWN_METRICS[metric](X, Y, **params)
    if sparse.issparse(X):
        X, Y = _narrow(X), None if Y is None else _narrow(Y)
    plain = not sparse.issparse(X) and not params
    if Y is None and plain and isinstance(metric, str) and metric in MANHATTAN:
        # Half the work of the full matrix.
        return squareform(pdist(X, "cityblock"))
    if isinstance(metric, str) and metric in PAIRWISE_BOOLEAN_FUNCTIONS:
        # The distance of a row from itself is not 0 in all of them, which shows only
        # where it is taken.
        Y = X if Y is None else Y
        X, Y = (None if Z is None else _as_bool(Z, metric) for Z in (X, Y))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataConversionWarning)
        return pairwise_distances(X, Y, metric=metric, n_jobs=n_jobs, **params)


def _narrow(X):
    """Sparse rows in csr form, with narrow indices where they fit."""
    X = X.tocsr()
    if X.indices.dtype == np.int64 and max(X.nnz, *X.shape) <= np.iinfo(np.int32).max:
        X = X.copy()
        X.indices, X.indptr = (a.astype(np.int32) for a in (X.indices, X.indptr))
    return X


def _as_bool(X, metric):
    X = X.toarray() if sparse.issparse(X) else X
    if not np.all((X == 0) | (X == 1)):
        raise ValueError(
            f"metric={metric!r} compares presences: X must hold 0 and 1 (or False and "
            "True) only. Take X > 0 first, or another metric."
        )
    return X.astype(bool)


def rows_at_once(n_columns):
    """Rows of distances to hold at once, by scikit-learn's working memory."""
    budget = get_config()["working_memory"] * 2**20 / 4
    return max(1, int(min(budget, 8 * BLOCK_BYTES) // (8 * max(1, n_columns))))


def fits_in_memory(n):
    """Whether scikit-learn's working memory holds an n x n matrix of float64."""
    return 8 * float(n) ** 2 <= get_config()["working_memory"] * 2**20


def check_distances(D, metric):
    """Largest distance of a square matrix.

    Raises
    ------
    ValueError
        If the matrix holds NaN, infinity or negative numbers, if it is not symmetric,
        or if its diagonal is not 0.
    """
    n = len(D)
    looks = map_ranges(partial(_look, D, metric), n, work=10.0 * n**2)
    largest, worst, where = 0.0, 0.0, (0, 0)
    for high, gap, place in looks:
        largest = max(largest, high)
        if gap > worst:
            worst, where = gap, place
    if largest > TOO_LARGE:
        raise ValueError(
            f"The largest distance is {largest:g}, whose square overflows: divide all "
            "distances by a number of that size."
        )
    if worst > ASYMMETRY * largest:
        a, b = where
        raise ValueError(
            f"Distances must be symmetric: from row {a} to row {b} it is "
            f"{float(D[a, b]):g}, and back {float(D[b, a]):g}. Take (D + D.T) / 2 if "
            "that is meant."
        )
    diagonal = np.abs(np.asarray(D.diagonal(), dtype=np.float64))
    if diagonal.max() > DIAGONAL * largest:
        row = int(np.argmax(diagonal))
        raise ValueError(
            f"The distance of row {row} from itself is {diagonal[row]:g}, not 0: is X "
            "a similarity matrix? Distances are needed, for instance "
            "sqrt(2 - 2 * similarity) for similarities of 1 to themselves."
        )
    return largest


def _look(D, metric, rows):
    """Largest distance, largest asymmetry and its place, in rows of the upper half."""
    n = len(D)
    largest, worst, where = 0.0, 0.0, (0, 0)
    for i in range(rows.start, rows.stop, TILE):
        ours = slice(i, min(i + TILE, rows.stop))
        for j in range(i, n, TILE):
            theirs = slice(j, min(j + TILE, n))
            upper = np.asarray(D[ours, theirs], dtype=np.float64)
            with np.errstate(invalid="ignore"):
                gap = upper - D[theirs, ours].T
            high, low = float(upper.max()), float(upper.min())
            above, below = float(gap.max()), float(gap.min())
            if not np.isfinite([high, low, above, below]).all():
                _raise_bad(D, metric)
            if low < 0 or low - above < 0:
                _raise_negative(D)
            largest = max(largest, high)
            if max(above, -below) > worst:
                worst = max(above, -below)
                a, b = np.unravel_index(int(np.argmax(np.abs(gap))), gap.shape)
                where = i + int(a), j + int(b)
    return largest, worst, where


def _raise_negative(D):
    """Name a negative distance, if there is one."""
    for i, row in enumerate(D):
        if row.min() < 0:
            j = int(np.argmin(row))
            raise ValueError(
                f"Negative values in data: the distance between rows {i} and {j} is "
                f"{float(row[j]):g}. Distances are at least 0."
            )


def check_new_distances(D):
    """Raise unless the distances of new rows are finite and not negative."""
    low, high = float(D.min()), float(D.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        row, column = (int(v) for v in np.argwhere(~np.isfinite(D))[0])
        raise ValueError(
            f"Input X contains NaN or infinity: the distance of row {row} to fitted "
            f"row {column} is {D[row, column]}."
        )
    if low < 0:
        row, column = (int(v) for v in np.argwhere(D < 0)[0])
        raise ValueError(
            f"Negative values in data: the distance of row {row} to fitted row "
            f"{column} is {low:g}. Distances are at least 0."
        )


def _raise_bad(D, metric):
    good = (np.isfinite(np.asarray(row, dtype=np.float64)) for row in D)
    i, row = next((i, row) for i, row in enumerate(good) if not row.all())
    j = int(np.argmin(row))
    value = D[i, j]
    if metric == "precomputed":
        raise ValueError(
            f"Input X contains NaN or infinity: the distance between rows {i} and {j} "
            f"is {value}."
        )
    raise ValueError(
        f"metric={metric!r} gives {value} between rows {i} and {j}. Are they empty, or "
        "constant? Leave such rows out, or choose a metric that is defined for them."
    )


@dataclass
class Squares:
    """Squared distances among n rows.

    Attributes
    ----------
    distances : ndarray of shape (n, n) or None
        None where they are taken anew for each pass.
    make_rows : callable or None
        ``make_rows(slice)`` gives rows of distances, where there is no matrix.
    n : int
    largest : float
        Of the distances. They are divided by a unit only where their squares would
        overflow or underflow.
    is_root : bool
        Whether the square root of the distances is taken.
    matrix : ndarray of shape (n, n) or None
        The squares, where they are held.
    shift, lift : float
        Added to distances, and to squares, between different points, in the unit.
    """

    distances: np.ndarray | None
    make_rows: object
    n: int
    largest: float
    is_root: bool = False
    matrix: np.ndarray | None = None
    shift: float = 0.0
    lift: float = 0.0

    @property
    def unit(self):
        """What distances, as they are transformed, are divided by."""
        largest = np.sqrt(self.largest) if self.is_root else self.largest
        return 1.0 if LEAST < largest < MOST else float(largest) or 1.0

    def of(self, D):
        """Squares of distances D (m, n), float64, with the constants added."""
        if self.unit == 1 and not (self.shift or self.lift or self.is_root):
            return np.multiply(D, D, dtype=np.float64)
        S = np.divide(D, self.unit**2 if self.is_root else self.unit, dtype=np.float64)
        if self.is_root and self.shift:
            np.sqrt(S, out=S)
        if self.shift:
            S += self.shift
        if self.shift or not self.is_root:
            S *= S
        if self.lift:
            S += self.lift
        if self.shift or self.lift:
            S[self.same(D)] = 0.0
        return S

    def same(self, D):
        """Where distances are those of a point from itself."""
        return np.asarray(D) <= SAME * self.largest

    def distinct(self):
        """Positions of the first of each set of rows that are one point."""
        first = np.arange(self.n)
        step = max(1, BLOCK_BYTES // (8 * self.n))
        take = self.make_rows if self.distances is None else self.distances.__getitem__
        for start in range(0, self.n, step):
            rows = slice(start, min(self.n, start + step))
            before = np.arange(self.n) < np.arange(rows.start, rows.stop)[:, np.newaxis]
            D = np.asarray(take(rows), dtype=np.float64)
            same = self.same(D) & before
            for i in np.flatnonzero(same.any(axis=1)):
                j = int(np.argmax(same[i]))
                self._check_one_point(D[i], rows.start + int(i), j, take)
                first[rows.start + i] = j
        return np.flatnonzero(first == np.arange(self.n))

    def _check_one_point(self, row, i, j, take):
        """Raise unless two rows at distance 0 are at the same distances from others."""
        gap = np.abs(row - np.asarray(take(slice(j, j + 1)), dtype=np.float64)[0])
        if gap.max() > ROUNDING * self.largest:
            k = int(np.argmax(gap))
            raise ValueError(
                f"Rows {j} and {i} are at distance 0, but not at the same distance "
                f"from row {k}: a correction takes rows at distance 0 for one point. "
                "Give them a small distance, or leave one of them out."
            )

    def hold(self, out=None):
        """Form the matrix of squares, in `out` if given."""
        self.matrix = np.empty((self.n, self.n)) if out is None else out
        step = max(1, BLOCK_BYTES // (8 * self.n))
        plain = self.unit == 1 and not (self.shift or self.lift or self.is_root)

        def fill(part):
            for start in range(part.start, part.stop, step):
                rows = slice(start, min(part.stop, start + step))
                D = self.distances[rows]
                if plain:
                    np.multiply(D, D, out=self.matrix[rows])
                else:
                    self.matrix[rows] = self.of(D)

        for _ in map_ranges(fill, self.n, work=10.0 * self.n**2):
            pass
        np.fill_diagonal(self.matrix, 0.0)
        return self.matrix

    def blocks(self):
        """One pass: pairs of a slice of rows and their squares."""
        if self.matrix is not None:
            yield slice(0, self.n), self.matrix
            return
        if self.distances is not None:
            take, bytes_at_once = self.distances.__getitem__, BLOCK_BYTES
        else:
            take, bytes_at_once = self.make_rows, 16 * BLOCK_BYTES
        step = max(1, bytes_at_once // (8 * self.n))
        for start in range(0, self.n, step):
            rows = slice(start, min(self.n, start + step))
            S = self.of(take(rows))
            own = np.arange(rows.start, rows.stop)
            S[own - rows.start, own] = 0.0
            yield rows, S


def chunked(X, metric, params, n_jobs):
    """``make_rows`` for rows and a metric."""
    return partial(_rows_of, X, metric, params, n_jobs)


def _rows_of(X, metric, params, n_jobs, rows):
    D = pairwise(X[rows], X, metric, params, n_jobs)
    if D.min() < 0:
        i, j = (int(v) for v in np.argwhere(D < 0)[0])
        raise ValueError(
            f"Negative values in data: the distance between rows {rows.start + i} and "
            f"{j} is {D[i, j]:g}. Distances are at least 0."
        )
    if not np.isfinite(D).all():
        i, j = (int(v) for v in np.argwhere(~np.isfinite(D))[0])
        raise ValueError(
            f"metric={metric!r} gives {D[i, j]} between rows {rows.start + i} and {j}. "
            "Are they empty, or constant? Leave such rows out."
        )
    return D
