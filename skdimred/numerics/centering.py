"""Rows minus a centre, times a matrix, without a centred copy of the rows."""

import numpy as np
from scipy import sparse

__all__ = ["cancellation", "project"]

BLOCK_BYTES = 1 << 20
# Relative error that the shortcut may add to a score, in units of its spread.
SHORTCUT_ERROR = {np.dtype(np.float64): 1e-12, np.dtype(np.float32): 1e-6}


def cancellation(center, W, spread):
    """How many times larger c W is than the scores are wide.

    The shortcut X W - c W for (X - c) W subtracts two numbers of size |c| |W|, and
    what remains has the size of the scores: so many eps are lost. This looks at the
    map alone and never at the rows, so that one row is treated alike in any company.

    Parameters
    ----------
    center : ndarray of shape (p,)
    W : ndarray of shape (p, k)
    spread : ndarray of shape (k,)
        Standard deviation of the scores; columns of spread 0 do not count.

    Returns
    -------
    float
    """
    size = np.abs(center) @ np.abs(W)
    wide = spread > 0
    return float(np.max(size[wide] / spread[wide], initial=0.0))


def project(X, center, W, lost):
    """Scores (X - center) W.

    Parameters
    ----------
    X : ndarray, csr or csc of shape (n, p), float64 or float32
    center : ndarray of shape (p,)
    W : ndarray of shape (p, k)
    lost : float
        See `cancellation`: where the shortcut loses too much for the precision of the
        rows, the centre is subtracted first, block by block.

    Returns
    -------
    ndarray of shape (n, k)
    """
    if np.finfo(X.dtype).eps * lost <= SHORTCUT_ERROR[X.dtype]:
        scores = X @ W
        scores -= center @ W
        return scores
    n, p = X.shape
    dtype = np.result_type(X.dtype, W)
    is_sparse = sparse.issparse(X)
    X = X.tocsr() if is_sparse else X
    scores = np.empty((n, W.shape[1]), dtype)
    step = max(16, BLOCK_BYTES // (8 * p))
    for start in range(0, n, step):
        rows = slice(start, start + step)
        # The subtraction is taken in the wider of both precisions: a float32 centre
        # is rounded, and its rounding is not small beside the spread of such data.
        block = X[rows].toarray() if is_sparse else X[rows]
        Z = np.subtract(block, center, dtype=np.float64).astype(dtype, copy=False)
        np.matmul(Z, W, out=scores[rows])
    return scores
