"""Rows minus a centre, times a matrix, without a centred copy of the rows."""

import numpy as np

__all__ = ["center_first", "project"]

BLOCK_BYTES = 1 << 20
# Relative error that the shortcut may add to a score, in units of its spread.
SHORTCUT_ERROR = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-6}


def center_first(center, W, spread, dtype):
    """Whether X W - c W would lose digits that (X - c) W keeps.

    The shortcut subtracts two numbers of size |c| |W|; what remains has the size of
    the scores. The rule looks at the map alone and never at the rows, so that one row
    is treated alike in any company.

    Parameters
    ----------
    center : ndarray of shape (p,)
    W : ndarray of shape (p, k)
    spread : ndarray of shape (k,)
        Standard deviation of the scores; columns of spread 0 do not count.
    dtype : dtype
        Precision of the rows to come.

    Returns
    -------
    bool
    """
    size = np.abs(center) @ np.abs(W)
    error = np.finfo(dtype).eps * size
    return bool(
        np.any((error > SHORTCUT_ERROR[np.dtype(dtype)] * spread) & (spread > 0))
    )


def project(X, center, W, first):
    """Scores (X - center) W.

    Parameters
    ----------
    X : ndarray of shape (n, p), float64 or float32
    center : ndarray of shape (p,)
    W : ndarray of shape (p, k)
    first : bool
        Subtract before the product, block by block (see `center_first`).

    Returns
    -------
    ndarray of shape (n, k)
    """
    if not first:
        scores = X @ W
        scores -= center @ W
        return scores
    n, p = X.shape
    dtype = np.result_type(X, W)
    scores = np.empty((n, W.shape[1]), dtype)
    step = max(16, BLOCK_BYTES // (8 * p))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        # The subtraction is taken in the wider of both precisions: a float32 centre
        # is rounded, and its rounding is not small beside the spread of such data.
        Z = np.subtract(X[rows], center, dtype=np.float64).astype(dtype, copy=False)
        np.matmul(Z, W, out=scores[rows])
    return scores
