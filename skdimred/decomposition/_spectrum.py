"""Passes over the rows that lead to a spectrum, from the cheapest to the most exact."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from scipy import sparse

from skdimred.blocks import left_product, map_reduce, wide_gram
from skdimred.numerics import gram, wide
from skdimred.numerics.centers import float32_is_safe
from skdimred.numerics.moments import Moments, varies
from skdimred.numerics.rank import Count
from skdimred.numerics.root import Root, root_of_scatter
from skdimred.numerics.sparse_rows import (
    sparse_column_moments,
    sparse_gram,
    sparse_moments,
)
from skdimred.numerics.sweep import SparseSweep

__all__ = [
    "Problem",
    "Solved",
    "full_spectrum",
    "gram_spectrum",
    "scatter_spectrum",
    "summarise",
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
# (norm of the mean / typical norm of a centred row)^2 up to which a sparse Gram matrix
# of the rows is centred afterwards.
NEAR = 25.0


@dataclass(frozen=True)
class Problem:
    """Rows, and what is wanted of their spectrum.

    Attributes
    ----------
    X : ndarray, csr or csc matrix or array, of shape (n, p)
    sample_weight : ndarray of shape (n,) or None
    count : Count
    center : bool
        Whether the spectrum is that of the centred rows.
    tol, gram_tol : float
        What "krylov" has to reach, and a Gram matrix.
    energy : bool
        Whether Krylov stops on captured energy or on the directions.
    check_finite : callable
        Raises where the sums that it is given are not finite.
    make_rng : callable
        Returns a `numpy.random.Generator`; called where chance is used.
    mapped : bool
        Whether the rows lie on disk.
    """

    X: object
    sample_weight: np.ndarray | None
    count: Count
    center: bool
    tol: float
    gram_tol: float
    energy: bool
    check_finite: Callable
    make_rng: Callable
    mapped: bool = False

    @property
    def is_sparse(self):
        """Whether X is a sparse matrix or array."""
        return sparse.issparse(self.X)

    @property
    def n_rows(self):
        """Rows with a positive weight."""
        w = self.sample_weight
        return self.X.shape[0] if w is None else int(np.count_nonzero(w))

    @property
    def weight(self):
        """Sum of the weights."""
        w = self.sample_weight
        return float(self.X.shape[0] if w is None else w.sum())


@dataclass(frozen=True)
class Solved:
    """A spectrum, where it is centred, and how it was found.

    Attributes
    ----------
    moments : Moments or None
        For `partial_fit`, where the way there left them.
    mean : ndarray of shape (p,)
    spectrum : Spectrum
    solver : {"gram", "qr", "full", "krylov", "arpack"}
    """

    moments: Moments | None
    mean: np.ndarray
    spectrum: gram.Spectrum
    solver: str


def summarise(X, sample_weight, precision=FLOAT64):
    """Moments of all rows, in one pass."""
    if sparse.issparse(X):
        return sparse_moments(X, sample_weight)
    return map_reduce(
        partial(Moments.from_block, precision=precision),
        X,
        sample_weight,
        work=X.shape[0] * X.shape[1] ** 2,
    )


def scatter_spectrum(moments, count, center, tol, *, precision=FLOAT64):
    """Spectrum from moments alone.

    Returns
    -------
    spectrum : Spectrum or None
        None if the moments cannot promise `tol`.
    solver : {"gram", "qr"}
    """
    if center:
        scatter, active = moments.scatter, moments.active
    else:
        scatter = moments.about_origin()
        active = scatter.diagonal() > 0
    spectrum = gram.spectrum_of_scatter(
        scatter,
        active,
        count,
        max_rank=min(moments.n_rows - center, int(np.count_nonzero(active))),
        tol=tol,
        eps=float(np.finfo(precision).eps),
    )
    if spectrum is not None or precision == FLOAT32:
        return spectrum, "gram"
    if not active.all():
        scatter = scatter[np.ix_(active, active)]
    root = root_of_scatter(scatter, MIN_RCOND)
    if root is None:
        return None, "gram"
    return gram.spectrum_of_root(root, moments.n_rows, active, count), "qr"


def gram_spectrum(problem):
    """Solve by the smaller Gram matrix; None where sparse rows need another way."""
    n, p = problem.X.shape
    if problem.is_sparse:
        return (_sparse_tall if n >= p else _sparse_wide)(problem)
    return _tall(problem) if n >= p else _wide(problem)


def _tall(problem):
    """Solve for at least as many rows as features.

    Float32 products first where they may do, then float64 ones, then a root of the
    scatter, then a root of the rows: each step only if the one before cannot promise
    `tol`.
    """
    X, w, tol = problem.X, problem.sample_weight, problem.gram_tol
    if X.dtype == FLOAT32 and X.size >= FLOAT32_SIZE and float32_is_safe(X):
        moments = summarise(X, w, FLOAT32)
        if np.isfinite(moments.scatter.diagonal()).all():
            spectrum, solver = scatter_spectrum(
                moments,
                problem.count,
                problem.center,
                max(tol, FLOAT32_TOL),
                precision=FLOAT32,
            )
            if spectrum is not None:
                return Solved(moments, moments.mean, spectrum, solver)
    moments = summarise(X, w)
    problem.check_finite(moments.scatter.diagonal())
    spectrum, solver = scatter_spectrum(moments, problem.count, problem.center, tol)
    if spectrum is None:
        spectrum, solver = _spectrum_by_root(problem, moments), "qr"
    return Solved(moments, moments.mean, spectrum, solver)


def _spectrum_by_root(problem, moments):
    """Spectrum from a triangular root of the rows, in another pass."""
    X, center, offset = problem.X, moments.center, moments.offset
    active = moments.active
    if not problem.center:
        center, offset = np.zeros_like(center), np.zeros_like(offset)
        active = moments.about_origin().diagonal() > 0
    root = map_reduce(
        partial(Root.from_block, center=center, offsets=offset[np.newaxis]),
        X,
        problem.sample_weight,
        work=2 * X.shape[0] * X.shape[1] ** 2,
    )
    return gram.spectrum_of_root(
        root.R[:, active], moments.n_rows, active, problem.count
    )


def _wide(problem):
    """Solve for fewer rows than features; as `_tall`, without moments."""
    X, w, center = problem.X, problem.sample_weight, problem.center
    record = wide_gram(X, w, center)
    problem.check_finite(record.gram.diagonal())
    base = X[wide.base_row(w)] if center else np.zeros(X.shape[1])
    mean = base + record.offset
    if center:
        products = wide.recenter(record.gram, w)
        active = varies(record.squares, problem.weight, mean)
    else:
        products = record.gram
        active = record.squares + problem.weight * mean**2 > 0
    left, k, *proof = wide.eigenvectors_of_wide_gram(
        products,
        problem.count.among(int(np.count_nonzero(active))),
        max_rank=problem.n_rows - center,
        tol=min(problem.gram_tol, ORTHONORMAL_TOL),
    )
    left = wide.off_mean(left, w) if center else left
    projection = left_product(X, w, left, center)
    projection[:, ~active] = 0.0
    spectrum = wide.spectrum_of_projection(projection, k, *proof)
    is_precise = proof[-1]
    return Solved(None, mean, spectrum, "gram" if is_precise else "qr")


def _sparse_tall(problem):
    """Solve from the scatter of sparse rows; None if it cannot promise `tol`."""
    columns = sparse_column_moments(problem.X, problem.sample_weight)
    problem.check_finite(columns.squares)
    moments = summarise(problem.X, problem.sample_weight)
    spectrum, solver = scatter_spectrum(
        moments, problem.count, problem.center, problem.gram_tol
    )
    if spectrum is None:
        return None
    return Solved(moments, moments.mean, spectrum, solver)


def _sparse_wide(problem):
    """Solve from the Gram matrix of sparse rows; None if it cannot promise `tol`."""
    X, w, center = problem.X, problem.sample_weight, problem.center
    columns = sparse_column_moments(X, w)
    problem.check_finite(columns.squares)
    mean, total = columns.mean, float(columns.squares.sum())
    if center and columns.weight * (mean @ mean) > NEAR * total:
        return None
    active = columns.active if center else columns.raw_squares > 0
    products = sparse_gram(X, w, on_features=False)
    if center:
        wide.recenter(products, w)
    left, k, *proof = wide.eigenvectors_of_wide_gram(
        products,
        problem.count.among(int(np.count_nonzero(active))),
        max_rank=problem.n_rows - center,
        tol=min(problem.gram_tol, ORTHONORMAL_TOL),
    )
    left = wide.off_mean(left, w) if center else left
    sweep = SparseSweep(_as_float64(X), columns, center=center, sample_weight=w)
    projection = np.ascontiguousarray(sweep.right(left).T)
    projection[:, ~active] = 0.0
    spectrum = wide.spectrum_of_projection(projection, k, *proof)
    return Solved(None, mean, spectrum, "gram" if proof[-1] else "qr")


def _as_float64(X):
    return X.astype(np.float64, copy=False)


def full_spectrum(problem):
    """Solve by an SVD of a centred copy, which needs no `tol`.

    Moments are for `partial_fit` alone, and wide data have none.
    """
    X, w = problem.X, problem.sample_weight
    share = np.ones(len(X)) if w is None else w
    base = X[wide.base_row(w)].astype(np.float64) if problem.center else 0.0
    with np.errstate(invalid="ignore", over="ignore"):
        Z = X - base
        Z = Z.astype(np.float64, copy=False)
        offset = share @ Z / share.sum()
        if problem.center:
            Z -= offset
        Z *= np.sqrt(share)[:, np.newaxis]
        squares = np.einsum("ij,ij->j", Z, Z)
    problem.check_finite(squares)
    mean = base + offset
    active = squares > 0
    if problem.center:
        active = varies(squares, problem.weight, mean)
    spectrum = gram.spectrum_of_rows(Z, active, problem.count)
    moments = summarise(X, w) if len(X) >= X.shape[1] else None
    return Solved(moments, mean, spectrum, "full")


def with_rule(problem, rule):
    """The same problem, with another rule for the number of components."""
    return replace(problem, count=replace(problem.count, rule=rule))
