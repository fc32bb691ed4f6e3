"""From labelled rows to the pencil of ratio discriminant analysis, by every route."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from skdimred.blocks import left_product, map_ranges, map_reduce
from skdimred.numerics import gram
from skdimred.numerics.moments import ClassMoments, varies
from skdimred.numerics.pencil import (
    Pencil,
    eigh_pencil,
    limit_directions,
    ratio_directions,
)
from skdimred.numerics.root import Root, cholesky_of_correlation
from skdimred.numerics.shrinkage import ledoit_wolf, oas
from skdimred.numerics.signs import fix_signs

__all__ = ["Solution", "dual", "summarise", "tall", "tall_from_rows"]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
EPS = np.finfo(FLOAT64).eps
FLOAT32_SIZE = 1 << 18
# Reciprocal condition of S_w, scaled to unit variances, from which its Cholesky factor
# keeps ten digits of the answer, and five where products were taken in float32.
MIN_RCOND, FLOAT32_MIN_RCOND = 1e-12, 1e-3
# A singular value of a root, or an eigenvalue of a Gram matrix, is off by its largest
# times eps times a modest multiple of the dimension.
RANK_ERROR = 8.0
# Ratio shown by the weakest direction of infinite ratio, over the best finite one.
OUTWEIGH = 1e4
# Range of eigenvalues within which a Gram matrix resolves all of them.
GRAM_RANGE = 1e-9


@dataclass(frozen=True)
class Solution:
    """Directions, and what is needed to place and use them.

    Attributes
    ----------
    pencil : Pencil
        Directions as rows over all features.
    center : ndarray of shape (p,)
    offsets : ndarray of shape (K, p)
        Class means minus `center`.
    offset : ndarray of shape (p,)
        Overall mean, with the priors, minus `center`.
    solver : str
    shrinkage : float
    """

    pencil: Pencil
    center: np.ndarray
    offsets: np.ndarray
    offset: np.ndarray
    solver: str
    shrinkage: float


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


def tall_from_rows(
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
            solution = tall(
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
    return moments, tall(moments, priors, solver, shrinkage, tol, rows=rows)


def _float32_may_do(X, codes, n_classes):
    """Whether float32 products promise enough, from a sample of the rows.

    The least eigenvalue of a sample of 4 p rows is about a quarter of that of all.
    """
    if X.dtype != FLOAT32 or X.size < FLOAT32_SIZE:
        return False
    step = max(1, len(X) // max(512, 4 * X.shape[1]))
    sample = ClassMoments.from_block(X[::step], codes[::step], n_classes).scatter
    scale = np.sqrt(sample.diagonal())
    if not np.all(scale > 0):
        return False
    return cholesky_of_correlation(sample, scale)[1] >= FLOAT32_MIN_RCOND / 4


def tall(moments, priors, solver, shrinkage, tol, *, rows=None, min_rcond=MIN_RCOND):
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
    if not active.any():
        return Solution(_nothing(p), moments.center, moments.offsets, offset, "gram", 0)
    S_w, B_active = moments.scatter[np.ix_(active, active)] / weight, B[:, active]
    # A feature constant within every class, up to rounding, has no within scatter.
    flat = ~varies(within, weight, size)[active]
    S_w[flat] = 0.0
    S_w[:, flat] = 0.0
    a = _coefficient(shrinkage, S_w, p, moments, rows)
    if a > 0:
        S_w *= 1 - a
        S_w.flat[:: len(S_w) + 1] += a * within.sum() / weight / p
    pencil, ran = None, "gram" if solver in ("auto", "dual") else solver
    most = min(np.count_nonzero(priors) - 1, len(S_w))
    noise = RANK_ERROR * EPS * _relative_size(size[active], S_w.diagonal())
    if solver == "eigh":
        pencil = eigh_pencil(B_active.T @ B_active, S_w, most, min_rcond=MIN_RCOND)
        pencil = pencil and _positive(pencil, max(tol, noise))
    elif solver != "qr" or a > 0:
        pencil, ran = (
            ratio_directions(S_w, B_active, tol=tol, noise=noise, min_rcond=min_rcond),
            "gram",
        )
    if pencil is None and min_rcond > MIN_RCOND:
        return None
    if pencil is None:
        root = None
        if rows is not None and a == 0 and solver in ("auto", "qr"):
            root, ran = _root(moments, rows, active, flat), "qr"
        pencil = _singular(S_w, root, B_active, size[active], tol)
    pencil = _embed(pencil.first(most), active)
    return Solution(pencil, moments.center, moments.offsets, offset, ran, a)


def _nothing(p):
    return Pencil(np.empty(0), np.empty((0, p)), np.empty(0), 0.0)


def _relative_size(size, variances):
    """Largest magnitude of a feature over its standard deviation, at least 1."""
    std = np.sqrt(variances)
    return max(1.0, float(np.max(size[std > 0] / std[std > 0], initial=1.0)))


def _positive(pencil, tol):
    """The directions with a positive eigenvalue."""
    keep = pencil.values > (tol * max(1.0, np.sqrt(max(pencil.values[0], 0.0)))) ** 2
    values = pencil.values[keep]
    return Pencil(values, pencil.vectors[keep], values, pencil.rcond)


def _embed(pencil, active):
    if active.all():
        return pencil
    vectors = np.zeros((len(pencil.vectors), len(active)))
    vectors[:, active] = pencil.vectors
    return Pencil(pencil.values, vectors, pencil.gains, pencil.rcond)


def _root(moments, rows, active, flat):
    """Triangular root of S_w over the active features, from a second pass."""
    X, codes, sample_weight = rows
    n, p = X.shape
    centers = moments.center + moments.offsets
    root = map_reduce(
        partial(Root.from_block, centers=centers),
        X,
        sample_weight,
        codes,
        work=2 * n * p**2,
    )
    R = root.R[:, active] / np.sqrt(moments.weight)
    R[:, flat] = 0.0
    return R


def _singular(S_w, root, B, size, tol):
    """Ridge limit for a singular S_w, from its root or else from itself.

    Rank is decided in units of the within-class standard deviation, where rounding is
    alike in all features; the ridge itself is taken in the units of the rows.
    """
    p = len(S_w)
    square = S_w.diagonal() if root is None else np.einsum("ij,ij->j", root, root)
    scale = np.sqrt(np.where(square > 0, square, np.einsum("ij,ij->j", B, B)))
    relative = RANK_ERROR * EPS * p * _relative_size(size, scale**2)
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
    n_infinite = int(
        np.count_nonzero(between > 10 * relative * np.linalg.norm(scaled_B))
    )
    # Null vectors in the units of the rows, orthonormal, and S_w^+ = H H'.
    N = np.linalg.qr((Vt[null] / scale).T)[0]
    H = (Vt[~null] / s[~null, np.newaxis] / scale).T
    H -= N @ (N.T @ H)
    smallest = s[~null].min(initial=1.0)
    tol = max(tol, relative / smallest)
    pencil = limit_directions(B, H, N, n_infinite, tol=tol)
    return _scale_infinite(pencil)


def _scale_infinite(pencil):
    """Scale directions of infinite ratio, along which S_w is 0 and any length would do.

    The weakest of them is made to show a ratio that outweighs the best finite one, and
    the priors, as an infinite ratio should.
    """
    infinite = np.isinf(pencil.values)
    if not infinite.any():
        return pencil
    best = max(1.0, float(pencil.values[~infinite].max(initial=1.0)))
    factor = np.sqrt(OUTWEIGH * best / float(pencil.gains[infinite].min()))
    vectors = pencil.vectors * np.where(infinite, factor, 1.0)[:, np.newaxis]
    return Pencil(pencil.values, vectors, pencil.gains, pencil.rcond)


def _coefficient(shrinkage, S_w, p, moments, rows):
    """The shrinkage coefficient in [0, 1] that a parameter stands for."""
    if shrinkage is None:
        return 0.0
    if not isinstance(shrinkage, str):
        return float(shrinkage)
    trace, square = float(S_w.trace()), float(np.sum(S_w * S_w))
    if shrinkage == "oas":
        return oas(trace, square, moments.weight, p)
    X, codes, sample_weight = rows
    centers = moments.center + moments.offsets
    fourth = sum(
        map_ranges(
            lambda part: _fourth_moment(
                X[part],
                codes[part],
                None if sample_weight is None else sample_weight[part],
                centers,
            ),
            len(X),
            work=8.0 * X.size,
        )
    )
    return ledoit_wolf(trace, square, fourth / moments.weight, moments.weight, p)


def _fourth_moment(X, codes, sample_weight, centers):
    """Sum of w ||x - class mean||^4 over rows."""
    step = max(64, (1 << 20) // (8 * X.shape[1]))
    total = 0.0
    for start in range(0, len(X), step):
        part = slice(start, start + step)
        Z = X[part] - centers[codes[part]]
        fourth = np.einsum("ij,ij->i", Z, Z) ** 2
        total += fourth.sum() if sample_weight is None else fourth @ sample_weight[part]
    return float(total)


def dual(X, codes, n_classes, sample_weight, priors, shrinkage, tol, check_finite):
    """Solve in the span of the rows, through their n x n Gram matrix.

    With Z = U S V' the centred rows, every quantity of the pencil lives in the
    coordinates Z V = U S, so that nothing of size p x p is formed. Arguments as
    elsewhere; `check_finite` is shown sums that every entry of X entered.
    """
    n, p = X.shape
    record = map_reduce(
        partial(gram.WideGram.from_block, sample_weight=sample_weight),
        X.T,
        work=p * n**2,
    )
    check_finite(record.gram.diagonal())
    root_weight = np.ones(n) if sample_weight is None else np.sqrt(sample_weight)
    weight = float(root_weight @ root_weight)
    members = np.zeros((n, n_classes))
    members[np.arange(n), codes] = root_weight
    counts = np.einsum("ij,ij->j", members, members)
    averaging = members / np.where(counts > 0, counts, 1.0)

    U, s, error = _left_singular(
        X, sample_weight, gram.recenter(record.gram, sample_weight)
    )
    A = U * s
    means = averaging.T @ A
    A -= members @ means
    B = np.sqrt(priors)[:, np.newaxis] * (means - priors @ means)
    if shrinkage is None:
        a, pencil = 0.0, _dual_limit(A / np.sqrt(weight), B, error, tol)
    else:
        a, pencil = _dual_shrunk(A, B, root_weight, weight, p, shrinkage, tol)

    pencil = pencil.first(np.count_nonzero(priors) - 1)
    left = np.concatenate([(U / s) @ pencil.vectors.T, averaging], axis=1)
    out = left_product(X, sample_weight, record.mean, left)
    k = len(pencil.vectors)
    out[:, ~record.active(weight)] = 0.0
    vectors, offsets = fix_signs(out[:k]), out[k:]
    pencil = Pencil(pencil.values, vectors, pencil.gains, pencil.rcond)
    return Solution(pencil, record.mean, offsets, priors @ offsets, "dual", a)


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
        lambda features: gram.root_of_features(X.T[features], sample_weight),
        p,
        work=2 * p * n**2,
    )
    R = np.concatenate(list(roots))
    _, s, Ut = np.linalg.svd(R)
    error = RANK_ERROR * n * EPS * s[0]
    keep = s > error
    return Ut[: len(s)][keep].T, s[keep], error


def _dual_limit(A, B, error, tol):
    """Ridge limit in the coordinates of the rows; `A` is centred within classes."""
    r = A.shape[1]
    _, s, Qt = np.linalg.svd(A)
    s = np.concatenate([s, np.zeros(r - len(s))])[:r]
    null = s <= max(error / np.sqrt(len(A)), RANK_ERROR * r * EPS * s.max(initial=0.0))
    N, H = Qt[null].T, (Qt[~null] / s[~null, np.newaxis]).T
    between = np.linalg.svd(B @ N, compute_uv=False)
    noise = 10 * max(error / np.sqrt(len(A)), RANK_ERROR * r * EPS * np.linalg.norm(B))
    pencil = limit_directions(B, H, N, int(np.count_nonzero(between > noise)), tol=tol)
    return _scale_infinite(pencil)


def _dual_shrunk(A, B, root_weight, weight, p, shrinkage, tol):
    """Coefficient and directions of the shrunk pencil, in coordinates of the rows."""
    S_w = A.T @ A / weight
    trace, square = float(S_w.trace()), float(np.sum(S_w * S_w))
    if shrinkage == "oas":
        a = oas(trace, square, weight, p)
    elif shrinkage == "ledoit-wolf":
        norms = np.einsum("ij,ij->i", A, A)
        fourth = np.divide(norms, root_weight, where=root_weight > 0, out=norms * 0)
        a = ledoit_wolf(trace, square, float(fourth @ fourth) / weight, weight, p)
    else:
        a = float(shrinkage)
    S_w *= 1 - a
    S_w.flat[:: len(S_w) + 1] += a * trace / p
    pencil = ratio_directions(S_w, B, tol=tol, min_rcond=0.0)
    if pencil is None or a == 0:
        pencil = _dual_limit(A / np.sqrt(weight), B, 0.0, tol)
    return a, pencil
