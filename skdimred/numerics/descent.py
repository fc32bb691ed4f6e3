r"""Coordinate descent on stacks of small quadratic problems with L1 penalty or signs.

.. math:: \min_x \tfrac12 x^T A x - b^T x + \sum_f \lambda_f |x_f| ,
          \qquad x_f \ge 0 \text{ where asked}

One coordinate of all problems at a time, so that each step is one operation on long
vectors; the gradient is kept up to date by a column of A. Each problem stops for
itself, so its answer does not depend on what stands beside it.
"""

import numpy as np

__all__ = ["descend"]

# Passes over all coordinates within which an exact answer is looked for.
MOST = 2000


def descend(A, b, x, l1, lower, *, passes=None, tol=0.0):
    """Minimise from x.

    Parameters
    ----------
    A : ndarray of shape (B, K, K) or (1, K, K)
        Symmetric, positive diagonals; one matrix stands for all problems.
    b, x : ndarray of shape (B, K)
        x is where to start; not changed.
    l1 : ndarray of shape (B, K) or (1, K)
        Penalties.
    lower : ndarray of shape (K,)
        0 for unknowns that must not be negative, -inf for others.
    passes : int or None
        Over all coordinates. None goes on until no coordinate of a problem changes by
        more than `tol` times its largest.
    tol : float

    Returns
    -------
    ndarray of shape (B, K)
    """
    # Problems along the last axis, where the operations run.
    A = np.ascontiguousarray(A.transpose(1, 2, 0))
    x, b = np.ascontiguousarray(x.T), np.ascontiguousarray(b.T)
    l1 = np.ascontiguousarray(np.broadcast_to(l1, b.T.shape).T)
    gradient = np.einsum("fgb,gb->fb", A, x) - b
    if passes is not None:
        for _ in range(passes):
            _one_pass(A, x, gradient, l1, lower)
        return np.ascontiguousarray(x.T)
    result = x.copy()
    left = np.arange(x.shape[1])
    for _ in range(MOST):
        change = _one_pass(A, x, gradient, l1, lower)
        done = change <= tol * np.abs(x).max(axis=0, initial=0.0)
        if done.any():
            result[:, left[done]] = x[:, done]
            keep = ~done
            left, x = left[keep], x[:, keep]
            if not len(left):
                break
            gradient, l1 = gradient[:, keep], l1[:, keep]
            A = A[:, :, keep] if A.shape[2] > 1 else A
    result[:, left] = x
    return np.ascontiguousarray(result.T)


def _one_pass(A, x, gradient, l1, lower):
    """Change every coordinate once; return the largest change of each problem."""
    largest = np.zeros(x.shape[1], dtype=x.dtype)
    tiny = np.finfo(x.dtype).tiny
    for f in range(len(x)):
        # No regressor and no ridge: nothing pulls the coordinate off 0.
        diagonal = np.maximum(A[f, f], tiny)
        target = x[f] * diagonal - gradient[f]
        size = np.maximum(np.abs(target) - l1[f], 0)
        new = np.copysign(size, target)
        new /= diagonal
        np.maximum(new, lower[f], out=new)
        new += 0.0  # no negative zeros
        change = new - x[f]
        x[f] = new
        gradient += A[f] * change
        np.maximum(largest, np.abs(change), out=largest)
    return largest
