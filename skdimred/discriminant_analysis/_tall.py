"""Ratio discriminant analysis from the p x p class moments of tall data."""

from functools import partial

import numpy as np

from skdimred.blocks import map_ranges, map_reduce
from skdimred.discriminant_analysis._solution import (
    EPS,
    RANK_ERROR,
    Solution,
    scale_infinite,
)
from skdimred.numerics.centers import float32_is_safe
from skdimred.numerics.moments import ClassMoments, varies
from skdimred.numerics.pencil import (
    Pencil,
    eigh_pencil,
    limit_directions,
    ratio_directions,
)
from skdimred.numerics.root import Root, cholesky_of_correlation
from skdimred.numerics.shrinkage import ledoit_wolf, oas

__all__ = ["solve_moments", "solve_tall", "summarise"]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
FLOAT32_SIZE = 1 << 18
# Reciprocal condition of S_w, scaled to unit variances, from which its Cholesky factor
# keeps ten digits of the answer, and five where products were taken in float32.
MIN_RCOND, FLOAT32_MIN_RCOND = 1e-12, 1e-3


def summarise(X, codes, n_classes, sample_weight, precision=FLOAT64):
    """Class moments of all rows, in one pass."""
    return map_reduce(
        lambda rows, labels, weight: ClassMoments.from_block(
            rows, labels, n_classes, weight, precision=precision
        ),
        X,
        codes,
        sample_weight,
        work=X.shape[0] * X.shape[1] ** 2,
    )


def solve_tall(
    X, codes, n_classes, sample_weight, priors, solver, shrinkage, tol, check_finite
):
    """Moments and solution of labelled rows.

    Products of float32 rows are taken in float32 first, and again in float64 where
    S_w turns out too ill-conditioned for them.
    """
    rows = X, codes, sample_weight
    if solver in ("auto", "gram") and _float32_may_do(X, codes, n_classes):
        moments = summarise(X, codes, n_classes, sample_weight, FLOAT32)
        if np.isfinite(moments.scatter.diagonal()).all():
            solution = solve_moments(
                moments,
                priors,
                solver,
                shrinkage,
                tol,
                rows=rows,
                min_rcond=FLOAT32_MIN_RCOND,
            )
            if solution is not None:
                return moments, solution
    moments = summarise(X, codes, n_classes, sample_weight)
    check_finite(moments.scatter.diagonal())
    return moments, solve_moments(moments, priors, solver, shrinkage, tol, rows=rows)


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


def solve_moments(
    moments, priors, solver, shrinkage, tol, *, rows=None, min_rcond=MIN_RCOND
):
    """Solve from p x p class moments.

    Parameters
    ----------
    moments : ClassMoments
    priors : ndarray of shape (K,)
    solver : {"auto", "gram", "eigh", "qr"}
    shrinkage : None, "ledoit-wolf", "oas" or float
    tol : float
    rows : tuple (X, codes, sample_weight) or None
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
    a = _coefficient(shrinkage, S_w, p, moments, rows)
    if a > 0:
        S_w *= 1 - a
        S_w.flat[:: len(S_w) + 1] += a * variances.sum() / p

    scale = np.sqrt(np.where(variances > 0, variances, np.einsum("ij,ij->j", B, B)))
    eps = EPS if min_rcond == MIN_RCOND else float(np.finfo(FLOAT32).eps)
    noise = RANK_ERROR * eps * float(np.linalg.norm(np.maximum(size / scale, 1.0)))
    s = np.linalg.svd(B / scale, compute_uv=False)
    k = int(np.count_nonzero(s > max(noise, tol * max(1.0, s.max(initial=0.0)))))
    k = min(k, np.count_nonzero(priors) - 1, len(S_w))

    pencil, ran = None, "gram" if solver == "auto" else solver
    if k == 0:
        pencil = Pencil(np.empty(0), np.empty((0, len(S_w))), np.empty(0), 0.0)
    elif solver == "eigh":
        pencil = eigh_pencil(B.T @ B, S_w, k, min_rcond=MIN_RCOND)
    elif solver != "qr" or a > 0:
        pencil, ran = ratio_directions(S_w, B, k, min_rcond=min_rcond), "gram"
    if pencil is None and min_rcond > MIN_RCOND:
        return None
    if pencil is None:
        root = None
        if rows is not None and a == 0 and solver in ("auto", "qr"):
            root, ran = _root(moments, rows, active, flat), "qr"
        pencil = scale_infinite(_singular(S_w, root, B, size, scale, k), variances)
    residual = pencil.residual(S_w, B)
    vectors = np.zeros((len(pencil.vectors), p))
    vectors[:, active] = pencil.vectors
    pencil = Pencil(pencil.values, vectors, pencil.gains, pencil.rcond)
    return Solution(pencil, moments.center, moments.offsets, offset, ran, a, residual)


def _root(moments, rows, active, flat):
    """Triangular root of S_w over the active features, from a second pass."""
    X, codes, sample_weight = rows
    n, p = X.shape
    root = map_reduce(
        partial(Root.from_block, center=moments.center, offsets=moments.offsets),
        X,
        sample_weight,
        codes,
        work=2 * n * p**2,
    )
    R = root.R[:, active] / np.sqrt(moments.weight)
    R[:, flat] = 0.0
    return R


def _singular(S_w, root, B, size, scale, k):
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
    scaled_B = B / scale
    between = np.linalg.svd(scaled_B @ Vt[null].T, compute_uv=False)
    noise = 10 * relative * np.linalg.norm(scaled_B)
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
        return oas(S_w, moments.weight, p)
    X, codes, sample_weight = rows
    squares = np.concatenate(
        list(
            map_ranges(
                lambda part: _squares(
                    X[part], codes[part], moments.center, moments.offsets
                ),
                len(X),
                work=8.0 * X.size,
            )
        )
    )
    return ledoit_wolf(S_w, squares, sample_weight, moments.weight, p)


def _squares(X, codes, center, offsets):
    """Squared distance of each row from its class mean, (n,)."""
    step = max(64, (1 << 20) // (8 * X.shape[1]))
    squares = np.empty(len(X))
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        Z = X[part] - center
        Z -= offsets[codes[part]]
        np.einsum("ij,ij->i", Z, Z, out=squares[part])
    return squares
