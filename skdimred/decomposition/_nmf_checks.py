"""Checks of tables that must not be negative, and of factors to begin with."""

import warnings

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

__all__ = ["as_factors", "known_mean", "raise_if_out_of_range", "raise_if_zero"]

SEVERAL = 1 << 20


def known_mean(estimator, X, weight, missing):
    """Whether dense cells are unknown, and the weighted mean of those that are known.

    Parameters
    ----------
    estimator : estimator
        Named in errors.
    X : ndarray, csr or csc of shape (n, p)
    weight : ndarray of shape (n,) or None
    missing : bool
        Whether cells of sparse X that are not stored are unknown.

    Returns
    -------
    gaps : bool
    mean : float
        NaN if no cell is known.

    Raises
    ------
    ValueError
        If a known cell is negative or infinite, or NaN in a sparse X.
    """
    name = type(estimator).__name__
    values = X.data if sparse.issparse(X) else X
    if not values.size:
        return False, np.nan if missing else 0.0
    gaps = bool(np.isnan(values.min()))
    if gaps and sparse.issparse(X):
        row, column = _first(X, np.isnan)
        raise ValueError(
            f"Input X contains NaN (first at row {row}, column {column}), and is "
            f"sparse: leave unknown cells out, and use implicit_zeros='missing'."
        )
    low = values.min() if not gaps else np.fmin.reduce(values, axis=None)
    if np.isnan(low):
        return True, np.nan
    if low < 0:
        row, column = _first(X, lambda cells: cells < 0)
        raise ValueError(
            f"Negative values in data passed to {name} (input X): first at row {row}, "
            f"column {column}. Shift or clip them, or use a decomposition that may "
            "subtract, such as PCA."
        )
    with np.errstate(over="ignore"):
        sums, counts = _row_sums(X, gaps, missing)
    if not np.isfinite(sums).all() and np.isinf(values).any():
        row, column = _first(X, np.isinf)
        raise ValueError(
            f"Input X contains infinity (first at row {row}, column {column}). {name} "
            "needs finite or unknown (NaN) cells."
        )
    times = np.ones(X.shape[0]) if weight is None else weight
    count = float(times @ counts)
    with np.errstate(over="ignore"):
        mean = float(times @ sums) / count if count else 0.0
    return gaps, mean


def raise_if_out_of_range(X, scale):
    """Raise a ValueError if no cell is known, or their mean would lose digits."""
    if np.isnan(scale):
        raise ValueError("X has no known cell, so there is nothing to fit.")
    info = np.finfo(X.dtype)
    low, high = float(info.tiny) / float(info.eps), float(info.max) * float(info.eps)
    if scale > 0 and not low <= scale <= high:
        raise ValueError(
            f"The mean of X is {scale:.3g}, but must lie from {low:.2g} to {high:.2g} "
            f"for {X.dtype}: multiply X by a number."
        )


def _row_sums(X, gaps, missing):
    """Sums and numbers of the known cells of each row."""
    n, p = X.shape
    counts = np.full(n, float(p))
    if sparse.issparse(X):
        if missing:
            counts = np.diff(X.tocsr().indptr).astype(np.float64)
        return np.asarray(X.sum(axis=1, dtype=np.float64)).reshape(-1), counts
    sums = np.empty(n)
    step = max(1, SEVERAL // p)
    for start in range(0, n, step):
        rows = X[start : start + step]
        block = slice(start, start + len(rows))
        if gaps:
            known = ~np.isnan(rows)
            counts[block] = known.sum(axis=1)
            rows = np.where(known, rows, 0)
        sums[block] = rows.sum(axis=1, dtype=np.float64)
    return sums, counts


def _first(X, is_bad):
    """Row and column of the first bad cell."""
    if sparse.issparse(X):
        bad = is_bad(X.data)
        rows, columns = (axis[bad] for axis in X.tocoo().coords)
        first = np.lexsort((columns, rows))[0]
        return int(rows[first]), int(columns[first])
    for row, cells in enumerate(X):
        bad = is_bad(cells)
        if bad.any():
            return row, int(np.argmax(bad))
    raise AssertionError("no cell is bad")


def raise_if_zero(X, missing, beta):
    """Raise a ValueError if a known cell is 0, where beta <= 0 forbids that."""
    if sparse.issparse(X) and not missing and X.nnz < X.shape[0] * X.shape[1]:
        where = "cells that are not stored"
    elif np.any((X.data if sparse.issparse(X) else X) == 0):
        where = "row {}, column {}".format(*_first(X, lambda cells: cells == 0))
    else:
        return
    raise ValueError(
        f"beta_loss={beta:g} cannot be taken of a cell that is 0 ({where}): add a "
        "small number to X, or use a positive beta_loss."
    )


def as_factors(estimator, X, W, H):
    """Factors to begin with, in the precision of X, or None.

    Raises
    ------
    ValueError
        If ``init="custom"`` lacks one, or one has the wrong shape, is negative or 0.
    """
    if estimator.init != "custom":
        if W is not None or H is not None:
            warnings.warn(
                f"W and H are not used with init={estimator.init!r}: set "
                "init='custom' to begin with them.",
                RuntimeWarning,
                stacklevel=6,
            )
        return None
    for name, factor in (("W", W), ("H", H)):
        if factor is None:
            raise ValueError(f"init='custom' needs W and H; {name} is None.")
    W, H = _factor(W, "W"), _factor(H, "H")
    k = estimator.n_components
    k = H.shape[0] if k is None or isinstance(k, str) else k
    for name, factor, shape in (
        ("W", W, (X.shape[0], k)),
        ("H", H, (k, X.shape[1])),
    ):
        if factor.shape != shape:
            raise ValueError(f"{name} must have shape {shape}; found {factor.shape}.")
    # Both parts of a component of a size, before squares or float32 overflow.
    sizes = W.max(axis=0), H.max(axis=1)
    both = (sizes[0] > 0) & (sizes[1] > 0)
    root = np.ones(k)
    root[both] = np.sqrt(sizes[1][both]) / np.sqrt(sizes[0][both])
    return (W * root).astype(X.dtype), (H / root[:, np.newaxis]).astype(X.dtype)


def _factor(factor, name):
    factor = check_array(factor, dtype=np.float64, order="C", input_name=name)
    if factor.min() < 0:
        raise ValueError(f"Negative values in {name}, where the fit is to begin.")
    if not factor.any():
        raise ValueError(f"{name} is 0 throughout: there is nothing to begin with.")
    return factor
