"""The one door to scikit-learn's validation.

Small data are what most fits see, and there validation costs more than arithmetic: a
plain float array is recognised in a microsecond and everything else goes through
scikit-learn's own checks. Finiteness is read off the sums that a fit computes anyway
(any NaN or infinity reaches them) instead of in a pass of its own.
"""

import numpy as np
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

__all__ = [
    "as_codes",
    "as_rows",
    "as_rows_and_target",
    "as_sample_weight",
    "raise_if_not_finite",
]

FLOATS = (np.dtype(np.float64), np.dtype(np.float32))


def _is_plain(estimator, X, *, reset, min_samples):
    """Whether scikit-learn's checks would pass X through and record nothing new."""
    return (
        type(X) in (np.ndarray, np.memmap)
        and X.dtype in FLOATS
        and X.ndim == 2
        and X.shape[0] >= min_samples
        and X.shape[1] >= 1
        and (reset or X.shape[1] == getattr(estimator, "n_features_in_", None))
        and (reset or not hasattr(estimator, "feature_names_in_"))
    )


def as_rows(estimator, X, *, reset=False, min_samples=1):
    """X as a float64 or float32 matrix, not copied where it is one.

    Parameters
    ----------
    estimator : estimator
        Its `n_features_in_` (and `feature_names_in_`) are set if `reset`, and held
        against X otherwise.
    X : array-like of shape (n_samples, n_features)
    reset : bool
    min_samples : int

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        NaN and infinity are not looked for: see `raise_if_not_finite`.
    """
    if _is_plain(estimator, X, reset=reset, min_samples=min_samples):
        if reset:
            estimator.n_features_in_ = X.shape[1]
            estimator.__dict__.pop("feature_names_in_", None)
        return np.asarray(X)
    rows = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        ensure_min_samples=min_samples,
    )
    return np.asarray(rows)


def as_rows_and_target(estimator, X, y, *, reset=True, min_samples=1):
    """X as `as_rows`, and y as a vector of as many class labels."""
    if (
        type(y) is np.ndarray
        and y.ndim == 1
        and y.dtype.kind in "iubUS"
        and _is_plain(estimator, X, reset=reset, min_samples=min_samples)
        and len(y) == len(X)
    ):
        return as_rows(estimator, X, reset=reset, min_samples=min_samples), y
    rows, target = validate_data(
        estimator,
        X,
        y,
        reset=reset,
        dtype=[np.float64, np.float32],
        ensure_all_finite=False,
        ensure_min_samples=min_samples,
    )
    check_classification_targets(target)
    return np.asarray(rows), np.asarray(target)


def as_codes(y):
    """Sorted classes and, for each label, its class's position."""
    if y.dtype.kind in "iu" and len(y) > 256:
        low, high = int(y.min()), int(y.max())
        if high - low < len(y):
            # Counting beats sorting where labels are small integers.
            # In a type that holds the range of a narrow one.
            wide = y.astype(np.int64) if y.dtype.itemsize < 8 else y
            shifted = (wide - low).astype(np.intp, copy=False)
            present = np.bincount(shifted) > 0
            positions = np.cumsum(present) - 1
            # In modular arithmetic, as the type wraps around, this is exact.
            classes = np.flatnonzero(present).astype(y.dtype) + y.min()
            return classes, positions[shifted]
    classes, codes = np.unique(y, return_inverse=True)
    return classes, codes


def as_sample_weight(sample_weight, n_samples):
    """Weights as float64 of shape (n_samples,), or None for all equal to 1.

    Raises
    ------
    ValueError
        If they have another shape, are negative, not finite, or all zero.
    """
    if sample_weight is None:
        return None
    try:
        weight = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"sample_weight must hold numbers, one for each row: {error}"
        ) from error
    if weight.ndim == 0:
        weight = np.full(n_samples, float(weight))
    if weight.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have shape ({n_samples},), one weight for each row "
            f"of X; found shape {weight.shape}."
        )
    bad = ~np.isfinite(weight) | (weight < 0)
    if bad.any():
        row = int(np.argmax(bad))
        raise ValueError(
            "sample_weight must be finite and not negative; found "
            f"{weight[row]} for row {row}."
        )
    if not weight.any():
        raise ValueError(
            "Sample weights must contain at least one non-zero number: every entry of "
            "sample_weight is 0, so no row counts."
        )
    return weight


def raise_if_not_finite(estimator, X, evidence):
    """Name the first bad entry if sums over X show a NaN or an infinity in it.

    Parameters
    ----------
    estimator : estimator
    X : ndarray
        Looked through only if the evidence is not finite.
    evidence : ndarray or float
        Sums that every entry of X entered.

    Raises
    ------
    ValueError
        If X holds NaN or infinity, or values so large that their squares overflow.
    """
    if np.isfinite(evidence).all():
        return
    for name, is_bad in (("NaN", np.isnan), ("infinity", np.isinf)):
        bad = is_bad(X)
        if bad.any():
            row, column = np.unravel_index(int(np.argmax(bad)), bad.shape)
            raise ValueError(
                f"Input X contains {name} (first at row {row}, column {column}; "
                f"{int(bad.any(axis=1).sum())} rows in all). "
                f"{type(estimator).__name__} needs finite values: impute them "
                "(sklearn.impute) or drop those rows."
            )
    raise ValueError(
        "X holds values whose squares overflow "
        f"{X.dtype} (largest magnitude {np.abs(X).max():.3g}); rescale the features."
    )
