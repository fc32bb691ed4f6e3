"""From labelled rows to the pencil of ratio discriminant analysis, by every route."""

from dataclasses import dataclass
from functools import partial

import numpy as np

from skdimred.blocks import left_product, map_ranges, map_reduce
from skdimred.numerics import gram
from skdimred.numerics.moments import ClassMoments, float32_is_safe, varies
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
    residual : float
        Of the pencil, relative.
    """

    pencil: Pencil
    center: np.ndarray
    offsets: np.ndarray
    offset: np.ndarray
    solver: str
    shrinkage: float
    residual: float


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
    if X.dtype != FLOAT32 or X.size < FLOAT32_SIZE or not float32_is_safe(X):
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
        pencil = _scale_infinite(_singular(S_w, root, B, size, scale, k), variances)
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


def _scale_infinite(pencil, variances):
    """Scale directions of infinite ratio, along which S_w is 0 and any length would do.

    The unit is the within-class deviation that they would have if the features were
    uncorrelated. Beside directions of finite ratio, or where that deviation is 0 too,
    the weakest is made to outweigh the best finite one, as an infinite ratio should.

    Parameters
    ----------
    pencil : Pencil
    variances : ndarray of shape (p,)
        Within-class variance of each feature.
    """
    infinite = np.isinf(pencil.values)
    if not infinite.any():
        return pencil
    V = pencil.vectors[infinite]
    unit = float(np.sum(V * V * variances) / np.sum(V * V))
    square = 1 / unit if unit > 0 else 0.0
    if square == 0 or not infinite.all():
        best = max(1.0, float(pencil.values[~infinite].max(initial=1.0)))
        square = max(square, OUTWEIGH * best / float(pencil.gains[infinite].min()))
    factor = np.where(infinite, np.sqrt(square), 1.0)[:, np.newaxis]
    return Pencil(pencil.values, pencil.vectors * factor, pencil.gains, pencil.rcond)


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
    A /= np.sqrt(weight)
    B = np.sqrt(priors)[:, np.newaxis] * (means - priors @ means)
    a, pencil = _dual_pencil(
        A,
        B,
        error / np.sqrt(weight),
        np.count_nonzero(priors) - 1,
        shrinkage,
        tol,
        root_weight,
        p,
    )
    residual = pencil.residual(A.T @ A if a == 0 else _shrunk(A.T @ A, a, p), B)

    k = len(pencil.vectors)
    left = np.concatenate([(U / s) @ pencil.vectors.T, averaging], axis=1)
    out = left_product(X, sample_weight, record.offset, left)
    first = int(np.argmax(root_weight > 0))
    out[:, ~varies(record.squares, weight, X[first] + record.offset)] = 0.0
    vectors, offsets = fix_signs(out[:k]), out[k:] + record.offset
    spread = counts / weight @ out[k:] ** 2
    pencil = _scale_infinite(
        Pencil(pencil.values, vectors, pencil.gains, pencil.rcond),
        np.maximum(record.squares / weight - spread, 0.0),
    )
    center = X[first].astype(np.float64)
    return Solution(pencil, center, offsets, priors @ offsets, "dual", a, residual)


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


def _dual_pencil(A, B, error, most, shrinkage, tol, root_weight, p):
    """Coefficient and directions in coordinates of the rows.

    Parameters
    ----------
    A : ndarray of shape (n, r)
        Rows centred within classes, S_w = A'A.
    B : ndarray of shape (K, r)
        S_b = B'B.
    error : float
        Size up to which a singular value of A is rounding.
    most : int
        Most directions that there can be.
    shrinkage, tol
        As in `tall`.
    root_weight : ndarray of shape (n,)
    p : int
    """
    r = A.shape[1]
    s = np.linalg.svd(B, compute_uv=False)
    largest = s.max(initial=0.0)
    noise = max(error, RANK_ERROR * r * EPS * largest)
    k = min(most, int(np.count_nonzero(s > max(noise, tol * largest))))
    a, pencil = shrinkage or 0.0, None
    if isinstance(a, str):
        S_w, n = A.T @ A, float(root_weight @ root_weight)
        if a == "oas":
            a = oas(S_w, n, p)
        else:
            count = np.where(root_weight > 0, root_weight**2, 1.0)
            squares = np.einsum("ij,ij->i", A, A) * n / count
            a = ledoit_wolf(S_w, squares, root_weight**2, n, p)
    if a > 0:
        pencil = ratio_directions(_shrunk(A.T @ A, a, p), B, k, min_rcond=0.0)
    if pencil is None:
        pencil = _dual_limit(A, B, error, k)
    return float(a), pencil


def _shrunk(S_w, a, p):
    """S_w (r, r), in coordinates of p features, shrunk towards its mean variance."""
    mu = S_w.trace() / p
    S_w *= 1 - a
    S_w.flat[:: len(S_w) + 1] += a * mu
    return S_w


def _dual_limit(A, B, error, k):
    """Ridge limit in the coordinates of the rows."""
    r = A.shape[1]
    _, s, Qt = np.linalg.svd(A)
    s = np.concatenate([s, np.zeros(r - len(s))])[:r]
    null = s <= max(error, RANK_ERROR * r * EPS * s.max(initial=0.0))
    N, H = Qt[null].T, (Qt[~null] / s[~null, np.newaxis]).T
    between = np.linalg.svd(B @ N, compute_uv=False)
    noise = 10 * max(error, RANK_ERROR * r * EPS * np.linalg.norm(B))
    n_infinite = min(k, int(np.count_nonzero(between > noise)))
    return limit_directions(B, H, N, n_infinite, k - n_infinite)
