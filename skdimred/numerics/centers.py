"""Provisional centres of rows, from a sample of them, and sums by class.

A centre need not be the mean, only near enough to it: see `moments`.
"""

import numpy as np
from scipy import sparse

__all__ = [
    "KAPPA_SQUARED",
    "float32_is_safe",
    "sample_center",
    "sample_class_centers",
    "sums_by_class",
]

SAMPLE_ROWS = 512
# (|mean - centre| / std)^2 up to which the correction is small: it costs as many eps,
# 5e-15 in float64 and, in float32, little more than the rounding of its products.
KAPPA_SQUARED = {np.dtype(np.float64): 25.0, np.dtype(np.float32): 4.0}
# Size of a one-hot matrix up to which building a sparse one costs more than it saves.
DENSE_ONE_HOT = 1 << 15


def float32_is_safe(X):
    """Whether squares of the rows neither underflow nor overflow in float32."""
    sample = X[:: max(1, len(X) // SAMPLE_ROWS)].astype(np.float64)
    square = np.einsum("ij,ij->j", sample, sample) / len(sample)
    return bool(np.all((square == 0) | ((square > 1e-26) & (square < 1e26))))


def _sample_rows(n, sample_weight):
    """Positions of about SAMPLE_ROWS rows that count, spread evenly."""
    positions = np.arange(0, n, max(1, n // SAMPLE_ROWS))
    if sample_weight is None:
        return positions
    counting = positions[sample_weight[positions] > 0]
    return counting if len(counting) else np.flatnonzero(sample_weight)[:SAMPLE_ROWS]


def sample_center(X, sample_weight, precision):
    """Centre (p,) in the dtype of X; None where sums around the origin will do."""
    rows = _sample_rows(len(X), sample_weight)
    if len(rows) == 0:
        return None
    sample = X[rows].astype(np.float64)
    mean = sample.mean(axis=0)
    square = np.einsum("ij,ij->j", sample, sample) / len(sample)
    limit = KAPPA_SQUARED[np.dtype(precision)]
    if np.all(mean**2 <= limit * (square - mean**2)):
        return None
    return mean.astype(X.dtype)


def sample_class_centers(X, codes, n_classes, sample_weight, precision):
    """Centre of each class (K, p) in the dtype of X, from a sample of the rows.

    None where sums around the origin will do. A class that the sample misses gets one
    of its own rows as centre; an empty class, 0.
    """
    rows = _sample_rows(len(X), sample_weight)
    sample, sampled = X[rows].astype(np.float64), codes[rows]
    counts = np.bincount(sampled, minlength=n_classes)
    sums = sums_by_class(sample, sampled, n_classes)
    means = sums / np.maximum(counts, 1)[:, np.newaxis]
    taken = np.einsum("ij,ij->j", means, sums)
    left = np.einsum("ij,ij->j", sample, sample) - taken
    if np.all(taken <= KAPPA_SQUARED[np.dtype(precision)] * left):
        return None
    centers = means.astype(X.dtype)
    first = np.full(n_classes, -1)
    counting = np.arange(len(X))
    if sample_weight is not None:
        counting = np.flatnonzero(sample_weight)
    first[codes[counting[::-1]]] = counting[::-1]
    missed = np.flatnonzero((counts == 0) & (first >= 0))
    centers[missed] = X[first[missed]]
    return centers


def sums_by_class(Z, codes, n_classes, factor=None):
    """Sums of the rows of each class (K, p), each row times its factor."""
    values = np.ones(len(Z), Z.dtype) if factor is None else factor
    if len(Z) * n_classes <= DENSE_ONE_HOT:
        members = np.zeros((len(Z), n_classes), Z.dtype)
        members[np.arange(len(Z)), codes] = values
        return members.T @ Z
    members = sparse.csc_array(
        (values, codes, np.arange(len(Z) + 1)), shape=(n_classes, len(Z))
    )
    return members @ Z
