"""Checks of weights, and of finiteness where a fit has already looked at every entry.

Finiteness is read off the sums that a fit computes anyway (any NaN or infinity reaches
them) instead of in a pass of its own.
"""

import numpy as np
from scipy import sparse

__all__ = ["as_sample_weight", "raise_if_not_finite"]


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
    is_sparse = sparse.issparse(X)
    values = X.data if is_sparse else X
    for name, is_bad in (("NaN", np.isnan), ("infinity", np.isinf)):
        bad = is_bad(values)
        if bad.any():
            if is_sparse:
                rows, columns = (axis[bad] for axis in X.tocoo().coords)
                first = np.lexsort((columns, rows))[0]
                row, column = rows[first], columns[first]
            else:
                rows = np.flatnonzero(bad.any(axis=1))
                row, column = rows[0], np.argmax(bad[rows[0]])
            raise ValueError(
                f"Input X contains {name} (first at row {row}, column {column}; "
                f"{len(np.unique(rows))} rows in all). "
                f"{type(estimator).__name__} needs finite values: impute them "
                "(sklearn.impute) or drop those rows."
            )
    raise ValueError(
        "X holds values whose squares overflow "
        f"{X.dtype} (largest magnitude {np.abs(values).max():.3g}); rescale them."
    )
