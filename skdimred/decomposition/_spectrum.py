"""Passes over the rows that lead to a spectrum, from the cheapest to the most exact."""

from functools import partial

import numpy as np

from skdimred.blocks import left_product, map_reduce, wide_gram
from skdimred.numerics import gram, wide
from skdimred.numerics.centers import float32_is_safe
from skdimred.numerics.moments import Moments, varies
from skdimred.numerics.root import Root, root_of_scatter

__all__ = [
    "full_spectrum",
    "scatter_spectrum",
    "summarise",
    "tall_spectrum",
    "wide_spectrum",
]

FLOAT32, FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
# Products of float32 rows are taken in float32 from this size (below, float64 costs
# nothing) and believed where they promise the smallest eigenvalue to this error.
FLOAT32_SIZE, FLOAT32_TOL = 1 << 18, 1e-4
# Reciprocal condition of the correlations from which a Cholesky root of the scatter
# has the digits that `tol` asks for by default, uneven scales or not.
MIN_RCOND = 1e-8
# Directions of wide data, S^-1 U'Z, are orthonormal to the error of the eigenvalues:
# about 1e-9 at worst before the refinement takes over.
ORTHONORMAL_TOL = 1e-8


def summarise(X, sample_weight, precision=FLOAT64):
    """Moments of all rows, in one pass."""
    return map_reduce(
        partial(Moments.from_block, precision=precision),
        X,
        sample_weight,
        work=X.shape[0] * X.shape[1] ** 2,
    )


def scatter_spectrum(moments, n_components, limit, tol, *, precision=FLOAT64):
    """Spectrum from moments alone.

    Returns
    -------
    spectrum : Spectrum or None
        None if the moments cannot promise `tol`.
    solver : {"gram", "qr"}
    """
    active = moments.active
    spectrum = gram.spectrum_of_scatter(
        moments.scatter,
        active,
        n_components,
        limit,
        max_rank=min(moments.n_rows - 1, int(np.count_nonzero(active))),
        tol=tol,
        eps=float(np.finfo(precision).eps),
    )
    if spectrum is not None or precision == FLOAT32:
        return spectrum, "gram"
    scatter = moments.scatter
    if not active.all():
        scatter = scatter[np.ix_(active, active)]
    root = root_of_scatter(scatter, MIN_RCOND)
    if root is None:
        return None, "gram"
    spectrum = gram.spectrum_of_root(root, moments.n_rows, active, n_components, limit)
    return spectrum, "qr"


def tall_spectrum(X, sample_weight, n_components, limit, tol, check_finite):
    """Solve for at least as many rows as features.

    Float32 products first where they may do, then float64 ones, then a root of the
    scatter, then a root of the rows: each step only if the one before cannot promise
    `tol`.

    Returns
    -------
    moments : Moments
    mean : ndarray of shape (p,)
    spectrum : Spectrum
    solver : {"gram", "qr"}
    """
    if X.dtype == FLOAT32 and X.size >= FLOAT32_SIZE and float32_is_safe(X):
        moments = summarise(X, sample_weight, FLOAT32)
        if np.isfinite(moments.scatter.diagonal()).all():
            spectrum, solver = scatter_spectrum(
                moments,
                n_components,
                limit,
                max(tol, FLOAT32_TOL),
                precision=FLOAT32,
            )
            if spectrum is not None:
                return moments, moments.mean, spectrum, solver
    moments = summarise(X, sample_weight)
    check_finite(moments.scatter.diagonal())
    spectrum, solver = scatter_spectrum(moments, n_components, limit, tol)
    if spectrum is None:
        active = moments.active
        root = map_reduce(
            partial(
                Root.from_block,
                center=moments.center,
                offsets=moments.offset[np.newaxis],
            ),
            X,
            sample_weight,
            work=2 * X.shape[0] * X.shape[1] ** 2,
        )
        spectrum = gram.spectrum_of_root(
            root.R[:, active], moments.n_rows, active, n_components, limit
        )
        solver = "qr"
    return moments, moments.mean, spectrum, solver


def wide_spectrum(X, sample_weight, n_components, limit, tol, check_finite):
    """Solve for fewer rows than features; as `tall_spectrum`, without moments."""
    n_rows, weight = len(X), float(len(X))
    if sample_weight is not None:
        n_rows, weight = np.count_nonzero(sample_weight), float(sample_weight.sum())
    record = wide_gram(X, sample_weight)
    check_finite(record.gram.diagonal())
    left, k, *proof = wide.eigenvectors_of_wide_gram(
        wide.recenter(record.gram, sample_weight),
        n_components,
        limit,
        max_rank=n_rows - 1,
        tol=min(tol, ORTHONORMAL_TOL),
    )
    left = wide.off_mean(left, sample_weight)
    projection = left_product(X, sample_weight, left)
    mean = X[wide.base_row(sample_weight)] + record.offset
    projection[:, ~varies(record.squares, weight, mean)] = 0.0
    is_precise = proof[-1]
    spectrum = wide.spectrum_of_projection(projection, k, *proof)
    return None, mean, spectrum, "gram" if is_precise else "qr"


def full_spectrum(X, sample_weight, n_components, limit, tol, check_finite):
    """Solve by an SVD of a centred copy, which needs no `tol`.

    Moments are for `partial_fit` alone, and wide data have none.
    """
    share = np.ones(len(X)) if sample_weight is None else sample_weight
    base = X[wide.base_row(sample_weight)].astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        Z = X - base
        offset = share @ Z / share.sum()
        Z -= offset
        Z *= np.sqrt(share)[:, np.newaxis]
        squares = np.einsum("ij,ij->j", Z, Z)
    check_finite(squares)
    mean = base + offset
    active = varies(squares, float(share.sum()), mean)
    spectrum = gram.spectrum_of_rows(Z, active, n_components, limit)
    moments = summarise(X, sample_weight) if len(X) >= X.shape[1] else None
    return moments, mean, spectrum, "full"
