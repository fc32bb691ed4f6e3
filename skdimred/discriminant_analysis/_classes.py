"""Classes: their shares, and those of several blocks together."""

import warnings

import numpy as np

__all__ = ["as_codes", "class_shares", "merged", "united"]


def class_shares(priors, classes, counts):
    """Priors of the classes that are there, summing to 1; their shares for None.

    Raises
    ------
    ValueError
        If there is not one finite prior of at least 0 for each class, or fewer than two
        are positive.
    """
    given = priors
    if given is None:
        return counts / counts.sum()
    try:
        priors = np.asarray(given, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"priors={given!r} must hold numbers.") from error
    if priors.shape != classes.shape:
        raise ValueError(
            f"priors must have one entry for each of the {len(classes)} classes "
            f"(with partial_fit, name them all by classes=); found shape "
            f"{priors.shape}."
        )
    if not np.isfinite(priors).all() or np.any(priors < 0):
        raise ValueError(
            f"priors must be finite and not negative; found {priors.tolist()}."
        )
    with np.errstate(over="ignore"):
        total = priors.sum()
    present = np.where(counts > 0, priors, 0.0)
    present /= present.max() or 1.0
    if np.count_nonzero(present) < 2:
        raise ValueError(
            "priors must be positive for at least 2 of the classes in y; found "
            f"{priors.tolist()} for {classes.tolist()}."
        )
    if abs(total - 1) > 1e-5:
        warnings.warn(
            f"The priors sum to {total:g}, not 1; they are divided by it.",
            UserWarning,
            stacklevel=7,
        )
    return present / present.sum()


def united(classes, others):
    """Sorted union of class labels of one kind."""
    if (classes.dtype.kind in "US") != (others.dtype.kind in "US") and "O" not in (
        classes.dtype.kind,
        others.dtype.kind,
    ):
        raise ValueError(
            f"Class labels must be of one kind; found {classes.tolist()} and "
            f"{others.tolist()}."
        )
    try:
        return np.union1d(classes, others)
    except TypeError as error:
        raise ValueError(
            f"Class labels must be of one kind; found {classes.tolist()} and "
            f"{others.tolist()}."
        ) from error


def merged(moments, classes, dtype, other, other_classes, other_dtype):
    """Moments, classes and dtype of the rows of both."""
    known = united(classes, other_classes)
    moments = moments.reindex(np.searchsorted(known, classes), len(known))
    other = other.reindex(np.searchsorted(known, other_classes), len(known))
    return moments.merge(other), known, np.result_type(dtype, other_dtype)


def as_codes(y):
    """Sorted classes and, for each label, its class's position."""
    if y.dtype.kind in "iu" and len(y) > 256:
        low, high = int(y.min()), int(y.max())
        if high - low < len(y):
            # Counting beats sorting small integers; in a type that holds their range.
            wide = y.astype(np.int64) if y.dtype.itemsize < 8 else y
            shifted = (wide - low).astype(np.intp, copy=False)
            present = np.bincount(shifted) > 0
            positions = np.cumsum(present) - 1
            # In modular arithmetic, as the type wraps around, this is exact.
            classes = np.flatnonzero(present).astype(y.dtype) + y.min()
            return classes, positions[shifted]
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes
