"""Discriminant directions of rows too many both ways, from products with them."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from skdimred.blocks import map_ranges, n_ranges
from skdimred.discriminant_analysis._solution import (
    Solution,
    rank_of_means,
    scale_infinite,
)
from skdimred.discriminant_analysis._tall import squared_distances
from skdimred.numerics.columns import ColumnMoments
from skdimred.numerics.moments import varies
from skdimred.numerics.pencil import Pencil
from skdimred.numerics.ridge import ridge_directions
from skdimred.numerics.shrinkage import ledoit_wolf, oas
from skdimred.numerics.signs import fix_signs
from skdimred.numerics.sparse_classes import ClassColumns, squared_norm_of_scatter
from skdimred.numerics.sweep import DenseSweep, SparseSweep

__all__ = ["solve_products"]

# Coefficient below which an estimated one is not taken at its word: without a ridge
# the iteration might not end.
LEAST_RIDGE = 1e-8


def solve_products(rows, priors, task):
    """Solve by products with the rows; nothing of size n x n or p x p is formed."""
    X = rows.X
    p = X.shape[1]
    summarise = ClassColumns.from_sparse if rows.is_sparse else ClassColumns.from_dense
    found = summarise(X, rows.codes, rows.n_classes, rows.sample_weight)
    rows.check_finite(found.squares)
    weight = float(found.weights.sum())
    size = np.abs(found.means).max(axis=0)
    # Features constant within every class, up to rounding, have no scatter there.
    flat = ~varies(found.squares, weight, size)
    found = replace(found, squares=np.where(flat, 0.0, found.squares))
    offset = priors @ found.means
    off = (found.means - offset)[priors > 0]
    B = np.sqrt(priors)[:, np.newaxis] * (found.means - offset)
    within = found.squares / weight
    active = varies(weight * (within + np.einsum("ij,ij->j", B, B)), weight, size)
    B[:, ~active] = 0.0
    a = _coefficient(task, rows, found)
    ridge = a * float(within.sum()) / p
    diagonal = (1 - a) * within + ridge
    times = partial(_times, _within(rows, found), active, 1 - a, ridge)

    if task.inverts and diagonal.any() and not diagonal.all():
        raise ValueError(
            f"shrinkage={task.shrinkage!r} leaves features without any within-class "
            "variance, which solver='cg' cannot do without: give a positive shrinkage "
            "or None."
        )
    scale = np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    k = rank_of_means(np.where(active, off, 0.0), scale, size, task.tol)
    k, image = min(k, np.count_nonzero(priors) - 1), None
    if k == 0:
        pencil, n_iter = Pencil(np.empty(0), np.empty((0, p)), np.empty(0), 0.0), 1
    elif task.inverts and not diagonal.any():
        pencil, n_iter = scale_infinite(_without_width(B, k), within), 1
    elif task.inverts:
        pencil, image, n_iter, error = ridge_directions(
            times, B, k, diagonal, tol=task.cg_tol, max_iter=task.max_iter
        )
        _warn_unless(error <= task.cg_tol, n_iter, error, task)
    else:
        pencil, n_iter, error = task.find_by_products(
            times, B, k, tol=task.cg_tol, active=active
        )
        _warn_unless(error == 0, n_iter, error, task)
        pencil.vectors[:, ~active] = 0.0
    if image is None:
        image = times(pencil.vectors.T).T
    residual = pencil.residual_of_images((pencil.vectors @ B.T) @ B, image)
    return Solution(
        pencil,
        np.zeros(p),
        found.means,
        offset,
        "cg" if task.inverts else "krylov",
        a,
        residual,
        image @ pencil.vectors.T,
        n_iter,
    )


def _without_width(B, k):
    """Ridge limit where no row differs from the mean of its class."""
    _, s, Vt = np.linalg.svd(B, full_matrices=False)
    return Pencil(np.full(k, np.inf), fix_signs(Vt[:k].copy()), s[:k] ** 2, 0.0)


def _warn_unless(converged, n_iter, error, task):
    if not converged:
        warnings.warn(
            f"The iteration stopped after {n_iter} products with the within-class "
            f"scatter without reaching cg_tol={task.cg_tol:g} (residual {error:.1e}). "
            "Raise shrinkage, cg_tol or max_iter.",
            ConvergenceWarning,
            stacklevel=6,
        )


def _within(rows, found):
    """``V -> S_w V`` for V (p, m), from two products with the rows."""
    X, w, codes = rows.X, rows.sample_weight, rows.codes
    total = float(found.weights.sum())
    mean = found.weights @ found.means / total
    squares = found.squares + found.weights @ (found.means - mean) ** 2
    columns = ColumnMoments(total, mean, np.zeros_like(mean), squares)
    options = {"sample_weight": w, "on_features": True}
    if rows.is_sparse:
        work = 4.0 * X.nnz * rows.n_classes
        options["map_ranges"] = partial(map_ranges, work=work)
        sweep = SparseSweep(X, columns, center=False, n_parts=n_ranges(work), **options)
    else:
        options["map_ranges"] = partial(map_ranges, work=16.0 * X.size)
        sweep = DenseSweep(X, columns, **options)
    share = np.ones(len(codes)) if w is None else np.sqrt(w)
    present = np.where(found.weights > 0, found.weights, 1.0)
    # Classes are averaged by a product with few, sorted entries.
    members = _indicator(codes, share, rows.n_classes)

    def times(V):
        U = sweep.left(V)
        for _ in range(2):
            # Once more for what rounding has left of a mean that is far.
            U -= members @ ((members.T @ U) / present[:, np.newaxis])
        W = sweep.right(U)
        W /= total
        return W

    return times


def _indicator(codes, share, n_classes):
    n = len(codes)
    return sparse.csr_array((share, codes, np.arange(n + 1)), shape=(n, n_classes))


def _times(within, active, factor, ridge, V):
    """Product of the shrunk scatter, a constant feature having none but the ridge."""
    if not active.all():
        V = np.where(active[:, np.newaxis], V, 0.0)
    W = within(V)
    W *= factor
    W[~active] = 0.0
    W += ridge * V
    return W


def _coefficient(task, rows, found):
    """The shrinkage coefficient; Ledoit and Wolf's where none was asked for."""
    shrinkage = task.shrinkage
    if shrinkage is None and task.inverts:
        shrinkage = "ledoit-wolf"
    if not isinstance(shrinkage, str):
        return float(shrinkage or 0.0)
    X, w, p = rows.X, rows.sample_weight, rows.X.shape[1]
    X = X.tocsr() if rows.is_sparse else X
    n, codes, means = float(found.weights.sum()), rows.codes, found.means
    mu = float(found.squares.sum()) / n / p
    if mu <= 0:
        return 1.0
    square = squared_norm_of_scatter(X, codes, w, found) / (n * mu) ** 2
    if shrinkage == "oas":
        return max(LEAST_RIDGE, oas((mu, square), n, p))
    if not rows.is_sparse:
        squares = squared_distances(X, codes, np.zeros(p), means)
        return max(LEAST_RIDGE, ledoit_wolf((mu, square), squares, w, n, p))
    squares = np.asarray(X.multiply(X).sum(axis=1), dtype=np.float64).ravel()
    squares -= 2 * (X @ means.T)[np.arange(len(codes)), codes]
    squares += np.einsum("ij,ij->i", means, means)[codes]
    squares = np.maximum(squares, 0.0)
    return max(LEAST_RIDGE, ledoit_wolf((mu, square), squares, w, n, p))
