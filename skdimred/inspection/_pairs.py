"""Pairs of rows drawn at random, and how far apart their rows are."""

import warnings
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_random_state

from skdimred.inspection._panels import take_rows
from skdimred.inspection._points import scores_of
from skdimred.metrics import OWN_METRICS, fitted_params

__all__ = [
    "aimed_at",
    "check_n_pairs",
    "distances_of",
    "draw_pairs",
    "embedded_distances",
    "given_matrix",
    "metric_of",
    "pair_distances",
    "placed_rows",
]

# Pairs whose distances are taken at once, from the diagonal of a square.
SIDE = 32
# Distance of a row from itself, over that from others, that is rounding.
ROUNDING = 1e-8


def check_n_pairs(n_pairs):
    """Raise unless it is a whole number of at least 1."""
    if (
        isinstance(n_pairs, (bool, np.bool_))
        or not isinstance(n_pairs, Integral)
        or n_pairs < 1
    ):
        raise ValueError(f"n_pairs={n_pairs!r} must be an integer of at least 1.")
    return int(n_pairs)


def draw_pairs(n, n_pairs, random_state):
    """Positions i < j (m,), (m,) of different pairs of n rows; all if they suffice."""
    total = n * (n - 1) // 2
    if total <= n_pairs:
        i, j = np.triu_indices(n, 1)
        return i, j
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max)
    # A Generator needs no list of all pairs, as a RandomState does.
    number = np.random.default_rng(seed).choice(total, n_pairs, replace=False)
    # Pairs in order of j: the first of j has the number j (j - 1) / 2.
    j = ((1 + np.sqrt(1 + 8.0 * number)) / 2).astype(np.int64)
    j -= j * (j - 1) // 2 > number
    j += j * (j + 1) // 2 <= number
    return number - j * (j - 1) // 2, j


def pair_distances(A, B, metric, params):
    """Distance of each row of A from the same row of B.

    Parameters
    ----------
    A, B : ndarray or sparse matrix of shape (m, p)
    metric : str or callable
        As `PCoA` takes it, but for "precomputed".
    params : dict
        Further arguments of the metric.

    Returns
    -------
    ndarray of shape (m,)
    """
    if callable(metric):
        return np.array([metric(a, b, **params) for a, b in zip(A, B, strict=True)])
    out = np.empty(A.shape[0])
    for start in range(0, len(out), SIDE):
        rows = slice(start, start + SIDE)
        with warnings.catch_warnings():
            # Metrics of presences take X > 0, as the estimator has checked.
            warnings.simplefilter("ignore", DataConversionWarning)
            if metric in OWN_METRICS:
                D = OWN_METRICS[metric](A[rows], B[rows], **params)
            else:
                D = pairwise_distances(A[rows], B[rows], metric=metric, **params)
        out[rows] = D.diagonal()
    return out


def embedded_distances(scores, i, j):
    """Euclidean distances (m,) between rows i and j."""
    scores = np.asarray(scores, dtype=np.float64)
    return np.linalg.norm(scores[i] - scores[j], axis=1)


def placed_rows(estimator, X, rows):
    """Coordinates (m, k) of some rows of X."""
    if hasattr(estimator, "transform"):
        return scores_of(estimator, take_rows(X, rows))
    scores = scores_of(estimator, None)
    if len(scores) != X.shape[0]:
        raise ValueError(
            f"X must hold the {len(scores)} fitted rows, as "
            f"{type(estimator).__name__} has no transform; found {X.shape[0]} rows."
        )
    return scores[rows]


def distances_of(X, rows, i, j, metric, params):
    """Distances (m,) between some rows of X."""
    few = take_rows(X, rows)
    few = few if sparse.issparse(few) else np.asarray(few)
    params = fitted_params(metric, params, X if sparse.issparse(X) else np.asarray(X))
    D = pair_distances(few[i], few[j], metric, params)
    if not (np.isfinite(D).all() and D.min() >= 0):
        at = int(np.argmax(~np.isfinite(D) | (D < 0)))
        raise ValueError(
            f"metric={metric!r} gives {D[at]} between rows {rows[i[at]]} and "
            f"{rows[j[at]]} of X. Leave such rows out, or choose another metric."
        )
    return D


def metric_of(estimator):
    """The metric of an estimator, and its parameters."""
    metric = getattr(estimator, "metric", None)
    if getattr(estimator, "dissimilarity", None) == "precomputed":
        # MDS of scikit-learn before 1.8, whose metric is True or False.
        metric = "precomputed"
    if not (isinstance(metric, str) or callable(metric)):
        return "euclidean", {}
    params = getattr(estimator, "metric_params", None)
    return metric, getattr(estimator, "metric_params_", params) or {}


def given_matrix(estimator, D):
    """Precomputed distances among the fitted rows, and their coordinates."""
    if not hasattr(estimator, "embedding_"):
        raise ValueError(
            "estimator must keep the coordinates of the fitted rows (embedding_) where "
            f"X holds distances; found {type(estimator).__name__} without them."
        )
    scores = scores_of(estimator, None)
    D = D if sparse.issparse(D) else np.asanyarray(D)
    square = (len(scores),) * 2
    own = 0.0
    if not sparse.issparse(D) and D.shape == square:
        # Up to rounding, as the estimators allow.
        own = float(np.abs(D.diagonal()).max()) - ROUNDING * float(np.max(D[0]))
    if sparse.issparse(D) or D.shape != square or own > 0:
        found = (
            "a sparse matrix"
            if sparse.issparse(D)
            else f"shape {D.shape}"
            if D.shape != square
            else f"{np.abs(D.diagonal()).max():g} on its diagonal"
        )
        raise ValueError(
            f"X must hold the distances among all {len(scores)} fitted rows, dense and "
            f"with a diagonal of 0; found {found}. Those from new rows to fitted ones "
            "are not enough."
        )
    return D, scores


def aimed_at(estimator, D):
    """Distances as the axes try to match them, and in words what was done to them."""
    done = ""
    if getattr(estimator, "transform_distance", None) == "sqrt":
        D, done = np.sqrt(D), ", root"
    correction = getattr(estimator, "correction", None)
    constant = getattr(estimator, "correction_constant_", 0.0)
    if correction == "cailliez":
        # Rows at distance 0 are one point.
        D = np.where(D > 0, D + constant, 0.0)
    elif correction == "lingoes":
        D = np.where(D > 0, np.sqrt(D**2 + 2 * constant), 0.0)
    return D, done + (f", {correction}" if correction and constant else "")
