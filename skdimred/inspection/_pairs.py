"""Pairs of rows drawn at random, and how far apart their rows are."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.exceptions import DataConversionWarning
from sklearn.metrics import pairwise_distances
from sklearn.utils import check_random_state

__all__ = ["check_n_pairs", "draw_pairs", "embedded_distances", "pair_distances"]

# Pairs whose distances are taken at once, from the diagonal of a square.
SIDE = 32
# Mean radius of the Earth in km, as in `skdimred.metrics`.
EARTH = 6371.0088


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
    if metric in OF_OURS:
        return OF_OURS[metric](A, B, **params)
    out = np.empty(A.shape[0])
    for start in range(0, len(out), SIDE):
        rows = slice(start, start + SIDE)
        with warnings.catch_warnings():
            # Metrics of presences take X > 0, as the estimator has checked.
            warnings.simplefilter("ignore", DataConversionWarning)
            D = pairwise_distances(A[rows], B[rows], metric=metric, **params)
        out[rows] = D.diagonal()
    return out


def _great_circle(A, B, *, radius=EARTH):
    a, b = _unit_vectors(A), _unit_vectors(B)
    near, far = (np.linalg.norm(v, axis=1) for v in (a - b, a + b))
    return 2 * radius * np.arctan2(near, far)


def _unit_vectors(X):
    latitude, longitude = np.deg2rad(X).T
    across = np.cos(latitude)
    return np.column_stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)]
    )


def _log_fold_change(A, B, *, pseudocount=1.0, top=None):
    gap = np.abs(np.log2(A + pseudocount) - np.log2(B + pseudocount))
    if top is None:
        return gap.mean(axis=1)
    return np.sqrt(np.mean(np.sort(gap, axis=1)[:, -int(top) :] ** 2, axis=1))


# What `skdimred.metrics` gives between all rows, for pairs alone.
OF_OURS = {"great_circle": _great_circle, "log_fold_change": _log_fold_change}


def fitted_params(metric, params, X):
    """Parameters of a metric, those included that it would take from all rows."""
    params = dict(params or {})
    if metric == "seuclidean" and params.get("V") is None:
        params["V"] = np.var(X, axis=0, ddof=1)
    if metric == "mahalanobis" and params.get("VI") is None:
        params["VI"] = np.linalg.inv(np.atleast_2d(np.cov(X.T))).T
    return params


def embedded_distances(scores, i, j):
    """Euclidean distances (m,) between rows i and j."""
    scores = np.asarray(scores, dtype=np.float64)
    return np.linalg.norm(scores[i] - scores[j], axis=1)
