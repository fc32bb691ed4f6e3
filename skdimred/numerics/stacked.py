r"""Ridge problems in stacks, one for each row of a table with missing cells.

Row i knows d cells. With the regressors :math:`G_i` (d x K) that it gathers and what is
to be explained, :math:`r_i`, it has to solve

.. math:: \min_x \tfrac12 \|r_i - G_i x\|^2 + \tfrac12 x^T \Lambda_i x ,

a system with the Gram matrix :math:`G_i^T G_i + \Lambda_i`. Rows of a block are padded
to the same d by zeros, which change nothing. `solve` factors the Gram matrices, or
those of the cells where they are fewer than K; `improve` takes a few steps of conjugate
gradients from where the last sweep left x, which never raises the objective.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Gathered", "errors", "gram", "improve", "minimum_norm", "solve"]

# Multiply-adds of a row below which a call of BLAS costs more than they do.
TINY = 128


@dataclass(frozen=True)
class Gathered:
    """Regressors of rows, gathered cell by cell: ndarray of shape (B, d, K)."""

    G: np.ndarray

    def times(self, x):
        """``G x`` of shape (B, d)."""
        if self.G.shape[1] * self.G.shape[2] < TINY:
            return np.einsum("bdk,bk->bd", self.G, x)
        return np.matmul(self.G, x[:, :, np.newaxis])[:, :, 0]

    def transposed(self, e):
        """``G' e`` of shape (B, K)."""
        if self.G.shape[1] * self.G.shape[2] < TINY:
            return np.einsum("bdk,bd->bk", self.G, e)
        return np.matmul(self.G.transpose(0, 2, 1), e[:, :, np.newaxis])[:, :, 0]

    def squares(self, e):
        """Sum of squares over the cells of each row."""
        return np.einsum("bd,bd->b", e, e)

    def along(self, e, length):
        """The cells of each row times a number of its own."""
        return length[:, np.newaxis] * e

    def problem(self, b, r):
        """Regressors (1, d, K) of row b, and what they explain, (1, d)."""
        return self.G[b : b + 1], r[b : b + 1]

    def set_error(self, error, b, own):
        """Put the errors of row b into those of all."""
        error[b] = own


def errors(G, r, x):
    """What is left unexplained, ``r - G x``, of shape (B, d)."""
    return r - Gathered(G).times(x)


def gram(G, r, ridge):
    """Gram matrices with the ridge on their diagonals, and right-hand sides.

    Parameters
    ----------
    G : ndarray of shape (B, d, K)
        Regressors.
    r : ndarray of shape (B, d)
        What they explain.
    ridge : ndarray of shape (1 or B, K)
        Penalty of each unknown.

    Returns
    -------
    A : ndarray of shape (B, K, K)
    b : ndarray of shape (B, K, 1)
    """
    B, _, K = G.shape
    transposed = G.transpose(0, 2, 1)
    A = np.matmul(transposed, G)
    A.reshape(B, -1)[:, :: K + 1] += ridge
    return A, np.matmul(transposed, r[:, :, np.newaxis])


def solve(G, r, ridge):
    """The minimiser of each problem of a stack, for positive penalties.

    Parameters
    ----------
    G, r, ridge
        As in `gram`.

    Returns
    -------
    ndarray of shape (B, K)
    """
    B, d, K = G.shape
    if d >= K:
        A, b = gram(G, r, ridge)
        return np.linalg.solve(A, b)[:, :, 0]
    # x = L^-1 G' (G L^-1 G' + I)^-1 r, a system as large as the row has cells.
    H = G / ridge[:, np.newaxis, :]
    if d == 1:
        norm = 1.0 + np.einsum("bk,bk->b", H[:, 0], G[:, 0])
        return H[:, 0] * (r[:, 0] / norm)[:, np.newaxis]
    A = np.matmul(H, G.transpose(0, 2, 1))
    A.reshape(B, -1)[:, :: d + 1] += 1.0
    u = np.linalg.solve(A, r[:, :, np.newaxis])
    return np.matmul(H.transpose(0, 2, 1), u)[:, :, 0]


def minimum_norm(G, r, ridge):
    """The same where some penalties are 0: the shortest of all minimisers.

    Directions of a Gram matrix below the rounding of its largest eigenvalue are held to
    be none.
    """
    A, b = gram(G.astype(np.float64), r.astype(np.float64), ridge)
    values, vectors = np.linalg.eigh(A)
    floor = values[:, -1:] * (A.shape[1] * np.finfo(G.dtype).eps)
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > floor)
    x = np.matmul(vectors.transpose(0, 2, 1), b)[:, :, 0] * inverse
    return np.matmul(vectors, x[:, :, np.newaxis])[:, :, 0].astype(G.dtype)


def improve(A, r, ridge, inverse, x, steps, tol=None):
    """Conjugate gradients from x, preconditioned by a diagonal.

    Parameters
    ----------
    A : Gathered or scattered.Scattered
        Regressors of B problems.
    r : ndarray
        What they explain, a number a cell.
    ridge : ndarray of shape (1 or B, 1 or K)
        Positive penalties.
    inverse : ndarray of shape (B, K)
        About the reciprocal diagonal of the Gram matrix with its ridge, where the
        basis is such that the rest of it is small.
    x : ndarray of shape (B, K)
        Where to start; not changed.
    steps : int
    tol : float or None
        Stop before where each gradient is no more than this share of what it is at 0.

    Returns
    -------
    x : ndarray of shape (B, K)
    error : ndarray
        ``r - G x``, like r.
    open : ndarray of shape (B,)
        Which problems did not reach `tol`, if that is given.
    """
    tiny = np.finfo(x.dtype).tiny
    if tol is not None:
        slope = A.transposed(r)
        goal = tol**2 * np.einsum("bk,bk,bk->b", slope, slope, inverse)
        unreached = goal >= 0
    error = r - A.times(x)
    x, direction, size = x.copy(), None, None
    is_one = ridge.size == 1 and ridge.item() == 1
    for _ in range(steps):
        # Taken anew from the error, which costs no product more than an update.
        residual = A.transposed(error)
        residual -= x if is_one else ridge * x
        z = residual * inverse
        new = np.einsum("bk,bk->b", residual, z)
        if tol is not None:
            unreached = new > goal
            if not unreached.any():
                break
        if direction is None:
            direction = z
        else:
            direction *= (new / np.maximum(size, tiny))[:, np.newaxis]
            direction += z
        size = new
        image = A.times(direction)
        along = A.squares(image)
        pulled = direction if is_one else ridge * direction
        along += np.einsum("bk,bk->b", pulled, direction)
        length = size / np.maximum(along, tiny)
        x += length[:, np.newaxis] * direction
        error -= A.along(image, length)
    return (x, error) if tol is None else (x, error, unreached)
