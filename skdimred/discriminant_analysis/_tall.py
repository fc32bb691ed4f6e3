"""Discriminant directions from the p x p class moments of tall data."""

from dataclasses import replace
from functools import partial

import numpy as np
from scipy import sparse

from skdimred.blocks import map_ranges, map_reduce
from skdimred.discriminant_analysis._solution import (
    EPS,
    MIN_RCOND,
    RANK_ERROR,
    Solution,
    rank_of_means,
    scale_infinite,
)
from skdimred.numerics.centers import float32_is_safe
from skdimred.numerics.moments import ClassMoments, varies
from skdimred.numerics.pencil import Pencil, limit_directions
from skdimred.numerics.root import Root, cholesky_of_correlation
from skdimred.numerics.shrinkage import ledoit_wolf, oas, size_of
from skdimred.numerics.sparse_classes import sparse_class_moments

__all__ = ["solve_moments", "solve_tall", "squared_distances", "summarise"]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
FLOAT32_SIZE = 1 << 18
# Reciprocal condition of S_w that keeps five digits of products taken in float32.
FLOAT32_MIN_RCOND = 1e-3


def summarise(rows, precision=FLOAT64):
    """Class moments of all rows, in one pass."""
    X, codes, n_classes = rows.X, rows.codes, rows.n_classes
    if rows.is_sparse:
        return sparse_class_moments(X, codes, n_classes, rows.sample_weight)
    return map_reduce(
        lambda block, labels, weight: ClassMoments.from_block(
            block, labels, n_classes, weight, precision=precision
        ),
        X,
        codes,
        rows.sample_weight,
        work=X.shape[0] * X.shape[1] ** 2,
    )


def solve_tall(rows, priors, task):
    """Moments and solution of labelled rows.

    Products of float32 rows are taken in float32 first, and again in float64 where
    S_w turns out too ill-conditioned for them.
    """
    fast = task.solver in ("auto", "gram") and task.inverts and not rows.is_sparse
    if fast and _float32_may_do(rows.X, rows.codes, rows.n_classes):
        moments = summarise(rows, FLOAT32)
        if np.isfinite(moments.scatter.diagonal()).all():
            solution = solve_moments(
                moments, priors, task, rows=rows, min_rcond=FLOAT32_MIN_RCOND
            )
            if solution is not None:
                return moments, solution
    moments = summarise(rows)
    rows.check_finite(moments.scatter.diagonal())
    return moments, solve_moments(moments, priors, task, rows=rows)


def _float32_may_do(X, codes, n_classes):
    """Whether float32 products promise enough, from a sample of the rows.

    The least eigenvalue of a sample of 4 p rows is about a quarter of that of all.
    """
    if X.dtype != FLOAT32 or X.size < FLOAT32_SIZE or not float32_is_safe(X):
        return False
    step = max(1, len(X) // max(512, 4 * X.shape[1]))
    sample = ClassMoments.from_block(X[::step], codes[::step], n_classes).scatter
    scale = np.sqrt(sample.diagonal())
    if not np.all(scale > 0):
        return False
    return cholesky_of_correlation(sample, scale)[1] >= FLOAT32_MIN_RCOND / 4


def solve_moments(moments, priors, task, *, rows=None, min_rcond=MIN_RCOND):
    """Solve from p x p class moments.

    Parameters
    ----------
    moments : ClassMoments
    priors : ndarray of shape (K,)
    task : Task
    rows : Rows or None
        For what moments cannot give: a root of S_w, fourth moments.
    min_rcond : float

    Returns
    -------
    Solution, or None if S_w is less well conditioned than a raised `min_rcond`
    """
    weight, p = moments.weight, moments.scatter.shape[0]
    B, offset = moments.between(priors)
    size = np.abs(moments.center) + np.abs(moments.offsets).max(axis=0)
    shares = moments.weights / weight
    spread = shares @ (moments.offsets - shares @ moments.offsets) ** 2
    within = moments.scatter.diagonal()
    active = varies(within + weight * spread, weight, size)
    S_w, B, size = (
        moments.scatter[np.ix_(active, active)] / weight,
        B[:, active],
        size[active],
    )
    # A feature constant within every class, up to rounding, has no within scatter.
    flat = ~varies(within[active], weight, size)
    S_w[flat] = 0.0
    S_w[:, flat] = 0.0
    variances = S_w.diagonal().copy()
    a = _coefficient(task.shrinkage, S_w, p, moments, rows)
    if a > 0:
        S_w *= 1 - a
        S_w.flat[:: len(S_w) + 1] += a * variances.sum() / p

    scale = np.sqrt(np.where(variances > 0, variances, np.einsum("ij,ij->j", B, B)))
    eps = EPS if min_rcond == MIN_RCOND else float(np.finfo(FLOAT32).eps)
    off = (moments.offsets - offset)[priors > 0][:, active]
    k = rank_of_means(off, scale, size, task.tol, eps)
    most = min(np.count_nonzero(priors) - 1, len(S_w))
    if min_rcond > MIN_RCOND and k < most:
        # Float32 may have hidden what the means differ in.
        return None
    k = min(k, most)

    solver = task.solver
    pencil, ran = None, "gram" if solver == "auto" else solver
    if k == 0:
        pencil = Pencil(np.empty(0), np.empty((0, len(S_w))), np.empty(0), 0.0)
    elif not task.inverts:
        pencil = task.find(S_w, B, k)
    elif solver != "qr" or a > 0:
        pencil = task.find(S_w, B, k, min_rcond=min_rcond)
        ran = "eigh" if solver == "eigh" else "gram"
    if pencil is None and min_rcond > MIN_RCOND:
        return None
    if pencil is None:
        root = None
        if rows is not None and a == 0 and solver in ("auto", "qr"):
            root, ran = _root(moments, rows, active, flat), "qr"
        pencil = scale_infinite(_singular(S_w, root, B, off, size, scale, k), variances)
    within = pencil.vectors @ S_w @ pencil.vectors.T
    residual = pencil.residual(S_w, B)
    vectors = np.zeros((len(pencil.vectors), p))
    vectors[:, active] = pencil.vectors
    return Solution(
        replace(pencil, vectors=vectors),
        moments.center,
        moments.offsets,
        offset,
        ran,
        a,
        residual,
        within,
    )


def _root(moments, rows, active, flat):
    """Triangular root of S_w over the active features, from a second pass."""
    n, p = rows.X.shape
    root = map_reduce(
        partial(Root.from_block, center=moments.center, offsets=moments.offsets),
        rows.X.tocsr() if rows.is_sparse else rows.X,
        rows.sample_weight,
        rows.codes,
        work=2 * n * p**2,
    )
    R = root.R[:, active] / np.sqrt(moments.weight)
    R[:, flat] = 0.0
    return R


def _singular(S_w, root, B, off, size, scale, k):
    """Ridge limit for a singular S_w, from its root or else from itself.

    Rank is decided in units of the within-class standard deviation, where rounding is
    alike in all features; the ridge itself is taken in the units of the rows.
    """
    p = len(S_w)
    relative = RANK_ERROR * EPS * p * max(1.0, float(np.max(size / scale)))
    if root is None:
        values, vectors = np.linalg.eigh(S_w / np.multiply.outer(scale, scale))
        s, Vt = np.sqrt(np.maximum(values[::-1], 0)), vectors.T[::-1]
        relative = np.sqrt(min(relative, 1e-6))
    else:
        _, s, Vt = np.linalg.svd(root / scale, full_matrices=True)
        s = np.concatenate([s, np.zeros(p - len(s))])
    null = s <= relative * max(1.0, s[0])
    scaled = off / scale
    between = np.linalg.svd(scaled @ Vt[null].T, compute_uv=False)
    noise = 10 * relative * np.linalg.norm(scaled)
    n_infinite = min(k, int(np.count_nonzero(between > noise)))
    # Null vectors in the units of the rows, orthonormal, and S_w^+ = H H'.
    N = np.linalg.qr((Vt[null] / scale).T)[0]
    H = (Vt[~null] / s[~null, np.newaxis] / scale).T
    H -= N @ (N.T @ H)
    return limit_directions(B, H, N, n_infinite, k - n_infinite)


def _coefficient(shrinkage, S_w, p, moments, rows):
    """The shrinkage coefficient in [0, 1] that a parameter stands for."""
    if shrinkage is None:
        return 0.0
    if not isinstance(shrinkage, str):
        return float(shrinkage)
    if shrinkage == "oas":
        return oas(size_of(S_w, p), moments.weight, p)
    center, offsets = moments.center, moments.offsets
    parts = map_ranges(
        lambda part: squared_distances(rows.X[part], rows.codes[part], center, offsets),
        rows.X.shape[0],
        work=8.0 * rows.X.shape[0] * p,
    )
    squares = np.concatenate(list(parts))
    return ledoit_wolf(size_of(S_w, p), squares, rows.sample_weight, moments.weight, p)


def squared_distances(X, codes, center, offsets):
    """Squared distance of each row from its class mean, (n,)."""
    n, p = X.shape
    step = max(64, (1 << 20) // (8 * p))
    squares = np.empty(n)
    for start in range(0, n, step):
        part = slice(start, start + step)
        block = X[part].toarray() if sparse.issparse(X) else X[part]
        Z = block - center
        Z -= offsets[codes[part]]
        np.einsum("ij,ij->i", Z, Z, out=squares[part])
    return squares
