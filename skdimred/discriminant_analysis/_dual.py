"""Discriminant directions of wide data, in coordinates of the rows."""

from dataclasses import replace

import numpy as np

from skdimred.blocks import left_product, map_ranges, wide_gram
from skdimred.discriminant_analysis._solution import (
    EPS,
    MIN_RCOND,
    RANK_ERROR,
    Solution,
    scale_infinite,
)
from skdimred.numerics import wide
from skdimred.numerics.moments import varies
from skdimred.numerics.pencil import limit_directions
from skdimred.numerics.shrinkage import ledoit_wolf, oas, size_of
from skdimred.numerics.signs import fix_signs

__all__ = ["solve_dual"]

# Range of eigenvalues within which a Gram matrix resolves all of them.
GRAM_RANGE = 1e-9


def solve_dual(rows, priors, task):
    """Solve in the span of the rows, through their n x n Gram matrix.

    With Z = U S V' the centred rows, every quantity of the pencil lives in the
    coordinates Z V = U S, so that nothing of size p x p is formed.
    """
    X, codes, n_classes = rows.X, rows.codes, rows.n_classes
    sample_weight = rows.sample_weight
    # So that its features, taken range by range, lie together.
    X = X.tocsc() if rows.is_sparse else X
    n, p = X.shape
    record = wide_gram(X, sample_weight)
    rows.check_finite(record.gram.diagonal())
    root_weight = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
    weight = float(root_weight @ root_weight)
    members = np.zeros((n, n_classes))
    members[np.arange(n), codes] = root_weight
    counts = np.einsum("ij,ij->j", members, members)
    averaging = members / np.where(counts > 0, counts, 1.0)

    U, s, error = _left_singular(
        X, sample_weight, wide.recenter(record.gram, sample_weight)
    )
    A = U * s
    means = averaging.T @ A
    A -= members @ means
    A /= np.sqrt(weight)
    off = means - priors @ means
    B = np.sqrt(priors)[:, np.newaxis] * off
    most = np.count_nonzero(priors) - 1
    a, pencil, residual, S_w = _dual_pencil(
        A, B, off[priors > 0], error / np.sqrt(weight), most, task, root_weight, p
    )
    inner = pencil.vectors

    k = len(pencil.vectors)
    directions = wide.off_mean((U / s) @ pencil.vectors.T, sample_weight)
    left = np.concatenate([directions, averaging], axis=1)
    out = left_product(X, sample_weight, left)
    base = X[[wide.base_row(sample_weight)]]
    base = (base.toarray() if rows.is_sparse else base)[0].astype(np.float64)
    out[:k, ~varies(record.squares, weight, base + record.offset)] = 0.0
    vectors, offsets = fix_signs(out[:k]), out[k:]
    total = record.squares / weight
    within = total - counts / weight @ (offsets - record.offset) ** 2
    within[within <= RANK_ERROR * n * EPS * total] = 0.0
    # Signs of the scatter between directions change with them.
    flips = np.sign(np.einsum("ij,ij->i", vectors, out[:k]))
    inner = flips[:, np.newaxis] * inner
    pencil = replace(pencil, vectors=vectors)
    pencil = scale_infinite(pencil, within) if task.inverts else pencil
    S_w = inner @ S_w @ inner.T
    center, offset = base, priors @ offsets
    return Solution(pencil, center, offsets, offset, "dual", a, residual, S_w)


def _left_singular(X, sample_weight, gram_matrix):
    """U (n, r), s (r,) of the centred rows, and the error of a small s."""
    n, p = X.shape
    values, vectors = np.linalg.eigh(gram_matrix)
    floor = RANK_ERROR * n * EPS * max(values[-1], 0.0)
    # values[0] is 0, as the rows are centred. Where values[1] is close to the floor,
    # small singular values carry information that the Gram matrix has squared away.
    if n < 3 or values[1] > GRAM_RANGE * values[-1]:
        keep = values > floor
        return vectors[:, keep], np.sqrt(values[keep]), np.sqrt(floor)
    roots = map_ranges(
        lambda features: wide.root_of_features(X.T[features], sample_weight),
        p,
        work=2 * p * n**2,
    )
    R = np.concatenate(list(roots))
    _, s, Ut = np.linalg.svd(R)
    error = RANK_ERROR * n * EPS * s[0]
    keep = s > error
    return Ut[: len(s)][keep].T, s[keep], error


def _dual_pencil(A, B, off, error, most, task, root_weight, p):
    """Coefficient and directions in coordinates of the rows.

    Parameters
    ----------
    A : ndarray of shape (n, r)
        Rows centred within classes, S_w = A'A.
    B : ndarray of shape (K, r)
        S_b = B'B.
    off : ndarray of shape (K', r)
        Means of the classes that count, minus the overall mean.
    error : float
        Size up to which a singular value of A is rounding.
    most : int
        Most directions that there can be.
    task : Task
    root_weight : ndarray of shape (n,)
    p : int

    Returns
    -------
    a : float
    pencil : Pencil
    residual : float
    S_w : ndarray of shape (r, r)
        Shrunk.
    """
    r = A.shape[1]
    s = np.linalg.svd(off, compute_uv=False)
    largest = s.max(initial=0.0)
    noise = max(error, RANK_ERROR * r * EPS * largest)
    k = min(most, int(np.count_nonzero(s > max(noise, task.tol * largest))))
    if A.size and np.linalg.norm(A, 2) <= error:
        # Rows coincide within their classes.
        A = np.zeros_like(A)
    S_w = A.T @ A
    a, pencil = task.shrinkage or 0.0, None
    if isinstance(a, str):
        n = float(root_weight @ root_weight)
        if a == "oas":
            a = oas(size_of(S_w, p), n, p)
        else:
            count = np.where(root_weight > 0, root_weight**2, 1.0)
            squares = np.einsum("ij,ij->i", A, A) * n / count
            a = ledoit_wolf(size_of(S_w, p), squares, root_weight**2, n, p)
    if a > 0:
        mu = S_w.trace() / p
        S_w *= 1 - a
        S_w.flat[:: r + 1] += a * mu
    if k > 0 and not task.inverts:
        pencil = task.find(S_w, B, k)
    elif k > 0 and a > 0:
        pencil = task.find(S_w, B, k, min_rcond=MIN_RCOND)
    if pencil is None:
        pencil = _dual_limit(A, B, off, error, k)
    return float(a), pencil, pencil.residual(S_w, B), S_w


def _dual_limit(A, B, off, error, k):
    """Ridge limit in the coordinates of the rows."""
    r = A.shape[1]
    _, s, Qt = np.linalg.svd(A)
    s = np.concatenate([s, np.zeros(r - len(s))])[:r]
    null = s <= max(error, RANK_ERROR * r * EPS * s.max(initial=0.0))
    N, H = Qt[null].T, (Qt[~null] / s[~null, np.newaxis]).T
    between = np.linalg.svd(off @ N, compute_uv=False)
    noise = 10 * max(error, RANK_ERROR * r * EPS * np.linalg.norm(off))
    n_infinite = min(k, int(np.count_nonzero(between > noise)))
    return limit_directions(B, H, N, n_infinite, k - n_infinite)
