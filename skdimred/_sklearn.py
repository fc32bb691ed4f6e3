"""The one door to scikit-learn's validation.

Small data are what most fits see, and there validation costs more than arithmetic: a
plain float array is recognised in a microsecond and everything else goes through
scikit-learn's own checks. What they leave to us is in `_checks`.
"""

from functools import wraps

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # before scikit-learn 1.9

    class CallbackSupportMixin:
        """Nothing to support."""

    def with_callbacks(method):
        """The method, called as deep in the stack as where there are callbacks."""
        return wraps(method)(lambda *args, **kwargs: method(*args, **kwargs))


__all__ = ["CallbackSupportMixin", "as_rows", "as_rows_and_target", "with_callbacks"]

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


def as_rows(
    estimator, X, *, reset=False, min_samples=1, accept_sparse=False, finite_first=False
):
    """X as a float64 or float32 matrix, not copied where it is one.

    Parameters
    ----------
    estimator : estimator
        Its `n_features_in_` (and `feature_names_in_`) are set if `reset`, and held
        against X otherwise.
    X : array-like of shape (n_samples, n_features)
    reset : bool
    min_samples : int
    accept_sparse : bool
        Whether sparse rows are let through, as csr or csc with each entry stored once.
    finite_first : bool
        Whether X is looked through before a wrong shape is told.

    Returns
    -------
    ndarray, csr or csc of shape (n_samples, n_features)
        NaN and infinity are not looked for: see `_checks.raise_if_not_finite`.
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
        ensure_all_finite=finite_first,
        ensure_min_samples=min_samples,
        accept_sparse=("csr", "csc") if accept_sparse else False,
    )
    return canonical(rows) if sparse.issparse(rows) else np.asarray(rows)


def canonical(X):
    """A sparse matrix with each entry stored once; copied if it is not so."""
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    return X


def as_rows_and_target(
    estimator, X, y, *, reset=True, min_samples=1, accept_sparse=False
):
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
        accept_sparse=("csr", "csc") if accept_sparse else False,
    )
    check_classification_targets(target)
    rows = canonical(rows) if sparse.issparse(rows) else np.asarray(rows)
    return rows, np.asarray(target)
