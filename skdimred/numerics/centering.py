r"""Centring without a centred copy: of rows, and of squared distances on both sides.

Rows minus a centre, times a matrix, are the product less that of the centre, where this
costs no digits (`project`).

With S the squared distances among n points of weights w, u the unit vector along
:math:`\sqrt w` and :math:`P = I - u u^T`, the matrix of principal coordinates [1]_,

.. math:: B = -\tfrac12 P W^{1/2} S W^{1/2} P , \qquad W = \operatorname{diag}(w) ,

holds the inner products of the points around their mean, times the roots of their
weights. Its product with a vector v is

.. math:: B v = -\tfrac12 P (\sqrt w \circ S (\sqrt w \circ P v)) ,

two projections around one product with S, so that B is not formed (`CenteredSquares`).

References
----------
.. [1] J. C. Gower, "Some distance properties of latent root and vector methods used in
       multivariate analysis", Biometrika 53 (1966), 325-338.
       https://doi.org/10.1093/biomet/53.3-4.325
"""

import numpy as np
from scipy import sparse
from scipy.linalg.blas import dsymv

__all__ = ["CenteredSquares", "cancellation", "double_centered", "project"]

BLOCK_BYTES = 1 << 20
# Vectors up to which as many symmetric products are cheaper than one for all.
FEW = 3
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


class CenteredSquares:
    """Products with B, for `krylov`.

    Parameters
    ----------
    blocks : callable
        Each call yields pairs (slice of rows, those rows of S as float64) that cover
        all rows in order: one pass.
    n : int
    sample_weight : ndarray of shape (n,) or None

    Attributes
    ----------
    size : int
        n.
    dtype : dtype
        float64.
    work : float
        Multiply-adds of a product with one vector.
    passes : int
        Products taken so far.
    """

    def __init__(self, blocks, n, sample_weight=None):
        self.blocks, self.size, self.dtype = blocks, n, np.dtype(np.float64)
        self.work, self.passes = float(n) ** 2, 0
        self.root = None if sample_weight is None else np.sqrt(sample_weight)
        self.unit = unit_root(n, sample_weight)

    def off_mean(self, V):
        """P V."""
        return V - np.multiply.outer(self.unit, self.unit @ V)

    def _weighted(self, V):
        return (
            V if self.root is None else V * self.root.reshape(-1, *[1] * (V.ndim - 1))
        )

    def __call__(self, V):
        """B V for V of shape (n, b)."""
        self.passes += 1
        V = self._weighted(self.off_mean(V))
        W = np.empty_like(V)
        for rows, S in self.blocks():
            if len(S) == self.size and V.shape[1] <= FEW:
                # Reads one triangle: half the memory traffic, which is what it costs.
                for column in range(V.shape[1]):
                    W[:, column] = dsymv(1.0, S.T, V[:, column])
            else:
                np.matmul(S, V, out=W[rows])
        W = self._weighted(W)
        W *= -0.5
        return self.off_mean(W)

    def moments(self):
        """Weighted mean of each row of S (n,), and the trace of B."""
        share = np.ones(self.size) if self.root is None else self.root**2
        means = np.empty(self.size)
        total = share.sum()
        diagonal = 0.0
        for rows, S in self.blocks():
            if len(S) == self.size:
                means[:] = dsymv(1.0, S.T, share)
            else:
                np.matmul(S, share, out=means[rows])
            own = np.arange(rows.start, rows.start + len(S))
            diagonal += float(S[own - rows.start, own] @ share[rows])
        means /= total
        return means, float(0.5 * (means @ share) - 0.5 * diagonal)


def unit_root(n, sample_weight):
    """sqrt(w) of unit length, (n,)."""
    root = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
    return root / np.linalg.norm(root)


def double_centered(S, sample_weight=None):
    """B itself, in the memory of S (n, n)."""
    u = unit_root(len(S), sample_weight)
    if sample_weight is not None:
        root = np.sqrt(sample_weight)
        S *= root
        S *= root[:, np.newaxis]
    S *= -0.5
    image = S @ u
    image -= 0.5 * (u @ image) * u
    S -= np.multiply.outer(image, u)
    S -= np.multiply.outer(u, image)
    return S
