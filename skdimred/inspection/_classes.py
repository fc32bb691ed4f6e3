"""Classes by one or two scores: how they are told apart, where, and their densities.

The log posterior of class k at the score s is ``s @ weights[:, k] + bias[k]``, up to a
term of s alone. Class k is the likeliest in an intersection of half-spaces, so that
the boundaries are found exactly and need no grid.
"""

from numbers import Integral

import numpy as np
from scipy.stats import gaussian_kde
from sklearn.utils.validation import column_or_1d

__all__ = [
    "boundary_points",
    "boundary_segments",
    "check_components",
    "check_labels",
    "outline",
    "score_rule",
]

# Differences up to this share of the largest number are rounding.
ROUNDING = 1e-12


def check_components(components, n_components, what="discriminants", least=1):
    """Return the one or two components to draw, as a tuple of int.

    With ``least=2`` it must be two of them.
    """
    if components is None and least <= n_components:
        return tuple(range(min(2, n_components)))
    if n_components < least:
        raise ValueError(
            f"estimator must have at least {least} components to draw; found "
            f"{n_components}. Fit it with more."
        )
    chosen = components if isinstance(components, (tuple, list)) else (components,)
    if (
        not least <= len(chosen) <= 2
        or any(isinstance(c, bool) or not isinstance(c, Integral) for c in chosen)
        or not all(0 <= c < n_components for c in chosen)
        or len(set(chosen)) < len(chosen)
    ):
        number = "one or two" if least == 1 else "two"
        raise ValueError(
            f"components={components!r} must be {number} different integers from 0 "
            f"to {n_components - 1}: there are {n_components} {what}, counted from 0."
        )
    return tuple(int(c) for c in chosen)


def check_labels(y, classes, n_rows):
    """Position in `classes` of each label (n_rows,)."""
    labels = column_or_1d(y).tolist()
    if len(labels) != n_rows:
        raise ValueError(
            f"y must hold one label for each of {n_rows} rows; found {len(labels)}."
        )
    known = {label: i for i, label in enumerate(np.asarray(classes).tolist())}
    unknown = {label for label in labels if label not in known}
    if unknown:
        raise ValueError(
            f"y holds {sorted(unknown, key=str)[:9]}, not among the classes fitted, "
            f"{list(known)[:9]}{' and more' if len(known) > 9 else ''}. Leave those "
            "rows out, or fit the estimator with them."
        )
    return np.array([known[label] for label in labels], dtype=np.intp)


def score_rule(estimator, components):
    """Means of the classes and log posterior, by the scores on some components.

    The scores are ``(X - center) @ scalings_``, and the log posterior is ``X @ coef_.T
    + intercept_``. All other components stay at the overall mean.

    Returns
    -------
    means : ndarray of shape (K, d)
        NaN for a class without rows.
    weights : ndarray of shape (d, K)
    bias : ndarray of shape (K,)
    """
    scalings = np.asarray(estimator.scalings_, dtype=np.float64)
    overall = estimator.priors_ @ estimator.means_
    # The solver "eigen" of scikit-learn does not centre.
    center = getattr(estimator, "xbar_", 0.0)
    means = (estimator.means_ - center) @ scalings[:, components]
    if hasattr(estimator, "class_weight_"):
        means[estimator.class_weight_ == 0] = np.nan
    coef = np.asarray(estimator.coef_, dtype=np.float64)
    bias = coef @ overall + estimator.intercept_
    if len(coef) == 1:
        coef, bias = np.vstack([0 * coef, coef]), np.append(0.0, bias)
    # What is common to all classes decides nothing, and need not be in the span.
    coef = coef - coef.mean(axis=0)
    length = np.linalg.norm(scalings, axis=0)
    length[length == 0] = 1.0
    weights = np.linalg.lstsq(scalings / length, coef.T, rcond=None)[0]
    weights = (weights / length[:, np.newaxis])[list(components)]
    origin = (overall - center) @ scalings[:, components]
    return means, weights, bias - origin @ weights


def _possible(weights, bias):
    """Without the classes of prior 0, which are nowhere the likeliest."""
    possible = np.isfinite(bias)
    return weights[:, possible], bias[possible]


def boundary_points(weights, bias):
    """Points of a line at which the likeliest class changes, in order.

    Parameters
    ----------
    weights : ndarray of shape (1, K)
    bias : ndarray of shape (K,)

    Returns
    -------
    ndarray of shape (m,), with m < K
    """
    (slope,), bias = _possible(weights, bias)
    tol = ROUNDING * np.abs(slope).max()
    # Far to the left the smallest slope wins; then each class hands over to the one
    # that overtakes it first.
    leading = slope <= slope.min() + tol
    at, points = int(np.argmax(np.where(leading, bias, -np.inf))), []
    while (steeper := slope > slope[at] + tol).any():
        gain = np.where(steeper, slope - slope[at], 1.0)
        crossing = np.where(steeper, (bias[at] - bias) / gain, np.inf)
        first = crossing.min()
        at = int(np.argmax(np.where(crossing == first, slope, -np.inf)))
        points.append(first)
    return np.array(points)


def boundary_segments(weights, bias, low, high):
    """Segments in a rectangle along which two classes are the likeliest.

    Parameters
    ----------
    weights : ndarray of shape (2, K)
    bias : ndarray of shape (K,)
    low, high : ndarray of shape (2,)
        Opposite corners of the rectangle.

    Returns
    -------
    ndarray of shape (m, 2, 2)
        Both ends of each segment.
    """
    weights, bias = _possible(weights, bias)
    # In units of the rectangle, where one tolerance does for both axes.
    middle, half = (low + high) / 2, (high - low) / 2
    W, b = weights.T * half, bias + middle @ weights
    W, b = W - W.mean(axis=0), b - b.mean()
    tol = ROUNDING * max(np.abs(W).max(), np.abs(b).max())
    sides = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    found = [np.empty((0, 2, 2))]
    for i in range(len(b) - 1):
        # Class i beats class k where normals[k] @ u + offsets[k] > 0.
        normals, offsets = W[i] - W, b[i] - b
        length = np.linalg.norm(normals, axis=1)
        rivals = np.flatnonzero(length > tol)
        rivals = rivals[rivals > i]
        unit = normals[rivals] / length[rivals, np.newaxis]
        foot = -unit * (offsets[rivals] / length[rivals])[:, np.newaxis]
        along = np.column_stack([-unit[:, 1], unit[:, 0]])
        start, stop = _clipped(
            foot,
            along,
            np.vstack([normals, sides]),
            np.append(offsets, np.ones(4)),
            tol,
        )
        seen = start < stop
        ends = np.stack([start[seen], stop[seen]], axis=1)[:, :, np.newaxis]
        found.append(foot[seen, np.newaxis] + ends * along[seen, np.newaxis])
    return middle + np.concatenate(found) * half


def _clipped(foot, along, normals, offsets, tol):
    """Where each line foot + t along enters and leaves all half-planes."""
    value = foot @ normals.T + offsets
    slope = along @ normals.T
    level = np.abs(slope) <= tol
    at = -value / np.where(level, 1.0, slope)
    start = np.where(~level & (slope > 0), at, -np.inf).max(axis=1)
    stop = np.where(~level & (slope < 0), at, np.inf).min(axis=1)
    outside = (level & (value < -tol)).any(axis=1)
    return np.where(outside, np.inf, start), stop


def outline(values, least):
    """Corners of the density of some numbers: a kernel density, or else a histogram."""
    if len(np.unique(values)) >= 3 and values.std() >= least:
        kde = gaussian_kde(values)
        reach = 3 * np.sqrt(kde.covariance[0, 0])
        x = np.linspace(values.min() - reach, values.max() + reach, 400)
        height = kde(x)
    else:
        # From half a bin below the least value, so that rounding splits no bar.
        n_bins = round(np.ptp(values) / least) + 1
        edges = values.min() + least * (np.arange(n_bins + 1) - 0.5)
        height = np.repeat(np.histogram(values, edges, density=True)[0], 2)
        x = np.repeat(edges, 2)[1:-1]
    return np.concatenate([x[:1], x, x[-1:]]), np.concatenate([[0], height, [0]])
