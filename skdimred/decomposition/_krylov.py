"""Spectra of rows that are too many both ways for a Gram matrix, and the choice."""

import warnings
from dataclasses import replace
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from skdimred.blocks import map_ranges, map_reduce, n_ranges
from skdimred.decomposition._spectrum import (
    Solved,
    full_spectrum,
    gram_spectrum,
    summarise,
    with_rule,
)
from skdimred.numerics import parallel
from skdimred.numerics.centers import float32_is_safe
from skdimred.numerics.columns import ColumnMoments, provisional_center
from skdimred.numerics.gram import finish
from skdimred.numerics.krylov import Goal
from skdimred.numerics.sparse_rows import sparse_column_moments
from skdimred.numerics.sweep import DenseSweep, SparseSweep
from skdimred.numerics.triplets import leading

__all__ = ["choose_solver", "krylov_spectrum", "permutation_rule", "solve"]

# See `choose_solver`; fitted to 310 timings, of `benchmarks/crossover.py`.
RULE = {np.dtype(np.float64): (1.0, 420, 0.62), np.dtype(np.float32): (0.5, 400, 0.35)}
SPARSE_SLOPE, SPARSE_LEAST = 10.0, 60
# Rows and features beyond which a rule that needs every singular value is refused, for
# sparse rows, and a share of the variance is sought by growth.
MOST_SPARSE, MOST_DENSE = 4000, 8000
# Components after which the search for a share of the variance gives up.
MOST_GROWN = 1000
# Vectors taken through the rows at once; more where many are wanted.
BLOCK, LARGE_BLOCK, LARGE = 8, 16, 64
SPARSE_BLOCK, SPARSE_LARGE = 4, 32
# Up to this many components, at this tolerance, of sparse rows, a single vector wins.
SINGLE, SINGLE_TOL = 32, 1e-7
MANY_ROWS = 1000
# Share of the energy from which float32 products of sparse rows find the subspace.
ROUGH_TOL = 1e-5
# Entries, of rows without weight perhaps, whose squares float32 does not hold.
FLOAT32_MAX = 1e18
# (norm of the mean / typical norm of a centred row)^2 up to which float32 serves.
FAR_FLOAT32 = 9.0
# Multiply-adds up to which the scatter is kept for `partial_fit` nevertheless.
CHEAP = 1e8
# Permutations of parallel analysis, and the quantile of what they give.
PERMUTATIONS, LEVEL, ROUGH = 20, 0.95, 1e-3


def choose_solver(shape, is_sparse, count, dtype=np.float64):
    """Choose "gram" or "krylov" for ``svd_solver="auto"``.

    With d the smaller and D the larger of both sizes, and K components:

    - K given, dense: "gram" if ``d (1 + d / D) <= 420 (1 + K / 10) ** 0.62``, or, for
      float32 rows, ``d (1 + d / (2 D)) <= 400 (1 + K / 10) ** 0.35``. The left side is
      the cost of the Gram
      matrix and of its eigenvectors, the right one that of the passes of block
      Lanczos.
    - K given, sparse: "gram" if ``d <= 10 (K + 60)`` and ``d <= 4000``.
    - K not known beforehand: "gram", which gives all singular values, but for a share
      of the variance with d over 8000, or anything sparse with d over 4000.

    Parameters
    ----------
    shape : tuple (n, p)
    is_sparse : bool
    count : Count
    dtype : dtype

    Returns
    -------
    {"gram", "krylov"}
    """
    d, D = min(shape), max(shape)
    most = MOST_SPARSE if is_sparse else MOST_DENSE
    if count.number is None:
        grows = isinstance(count.rule, float) or is_sparse
        return "krylov" if grows and d > most else "gram"
    if is_sparse:
        cheap = d <= min(most, SPARSE_SLOPE * (count.number + SPARSE_LEAST))
    else:
        share, least, power = RULE[np.dtype(dtype)]
        price = least * (1 + count.number / 10) ** power
        cheap = d * (1 + share * d / D) <= price
    return "gram" if cheap else "krylov"


def solve(problem, solver):
    """Solve a problem by the solver named, or by the one chosen.

    Parameters
    ----------
    problem : Problem
    solver : {"auto", "gram", "krylov", "full"}

    Returns
    -------
    Solved
    """
    if problem.count.rule == "parallel":
        problem = with_rule(problem, permutation_rule(problem))
    if solver == "auto":
        solver = choose_solver(
            problem.X.shape, problem.is_sparse, problem.count, problem.X.dtype
        )
    if solver == "full":
        return full_spectrum(problem)
    solved = gram_spectrum(problem) if solver == "gram" else None
    return krylov_spectrum(problem) if solved is None else solved


def krylov_spectrum(problem):
    """Solve by block Lanczos."""
    count, tol = problem.count, problem.tol
    columns, sweep = _sweep(problem)
    rough = None
    if problem.energy and tol >= ROUGH_TOL and problem.is_sparse:
        rough = _rough_sweep(problem, columns)
    total = sweep.total
    active = columns.active if problem.center else columns.raw_squares > 0
    count = count.among(int(np.count_nonzero(active)))
    at_most = _most_sought(problem, count)
    is_open = count.number is None and not count.needs_all and count.rule is not None
    goal = Goal(
        partial(count, total=total) if is_open else lambda values: at_most,
        at_most,
        tol,
        problem.energy,
    )
    single = (
        problem.is_sparse
        and not problem.energy
        and not is_open
        and tol <= SINGLE_TOL
        and at_most <= min(SINGLE, sweep.size // 2 - 1)
    )
    found = leading(
        sweep,
        goal,
        block=_block_size(problem, at_most),
        rng=problem.make_rng(),
        rough=rough,
        single=single,
    )
    if not found.converged:
        warnings.warn(
            f"Block Lanczos stopped after {found.passes} passes over X without "
            f"reaching tol={tol:g} (residual {found.residual:.1e}). Raise tol, or ask "
            "for fewer components.",
            ConvergenceWarning,
            stacklevel=2,
        )
    known = np.append(found.squares, np.zeros(max(0, count.limit - len(found.squares))))
    k = count(known if count.needs_all else found.squares, total)
    if is_open and k > len(found.squares) and len(found.squares) >= at_most:
        raise ValueError(
            f"n_components={count.rule}: the first {at_most} components hold "
            f"{found.squares.sum() / total:.1%} of the total, and the search by Krylov "
            "stops there. Ask for a smaller share or a number of components, or give "
            f"svd_solver='gram', which takes a {sweep.size} x {sweep.size} matrix."
        )
    squares = found.squares[:k]
    vectors = found.vectors[: len(squares)]
    vectors[:, ~active] = 0.0
    # The rounding of a constant feature may have looked like a direction of its own.
    real = np.einsum("ij,ij->i", vectors, vectors) > 0.5
    squares, vectors = squares[real], vectors[real]
    rest = 0.0 if k == count.limit else max(0.0, total - float(squares.sum()))
    spectrum = finish(squares, vectors, k, total, rest, found.residual)
    n, p = problem.X.shape
    moments = None
    if n >= p and float(n) * p**2 <= CHEAP:
        moments = summarise(problem.X, problem.sample_weight)
    solver = "arpack" if found.single else "krylov"
    return Solved(moments, columns.mean, spectrum, solver)


def _most_sought(problem, count):
    """Largest number of components that is looked for."""
    if count.number is not None:
        return min(count.number, *problem.X.shape)
    if isinstance(count.rule, float):
        return min(count.limit, MOST_GROWN, *problem.X.shape)
    limit = min(count.limit, *problem.X.shape)
    if limit > max(MOST_SPARSE, MOST_GROWN):
        raise ValueError(
            f"n_components={count.rule!r} takes all min(n_samples, n_features)={limit} "
            "singular values of X, which svd_solver='krylov' does not look for beyond "
            f"{MOST_SPARSE}. Give a number of components or a share of the variance."
        )
    return limit


def _block_size(problem, at_most):
    if problem.is_sparse:
        return SPARSE_BLOCK if at_most < SPARSE_LARGE else BLOCK
    if problem.mapped:
        # A pass is a read of the disk, and columns are cheap.
        return at_most + max(4, at_most // 8)
    return BLOCK if at_most <= LARGE else LARGE_BLOCK


def _sweep(problem):
    """Moments of the columns, and the sweep over the rows."""
    X, w, center = problem.X, problem.sample_weight, problem.center
    if problem.is_sparse:
        columns = sparse_column_moments(X, w)
        problem.check_finite(columns.squares)
        if X.dtype == np.float32 and not _fits_float32(columns, center):
            X = X.astype(np.float64)
        work = 8.0 * X.nnz
        sweep = SparseSweep(
            X,
            columns,
            center=center,
            sample_weight=w,
            map_ranges=partial(map_ranges, work=work),
            n_parts=n_ranges(work),
        )
        return columns, sweep
    in_order = problem.mapped and X.flags.c_contiguous and len(X) >= MANY_ROWS
    start = provisional_center(X, w)
    dtype = X.dtype
    if dtype == np.float32 and not float32_is_safe(X):
        dtype = np.dtype(np.float64)
    columns = map_reduce(
        partial(ColumnMoments.from_block, center=start), X, w, work=8.0 * X.size
    )
    problem.check_finite(columns.squares)
    sweep = DenseSweep(
        X,
        columns,
        center=center,
        sample_weight=w,
        map_ranges=partial(map_ranges, work=16.0 * X.size),
        # Rows on disk are read in the order in which they lie there, if there are so
        # many that a basis over the features is small beside them.
        on_features=in_order or None,
        dtype=dtype,
    )
    return columns, sweep


def _is_far(columns):
    distance = columns.weight * (columns.mean @ columns.mean)
    return distance > FAR_FLOAT32 * columns.total(center=True)


def _fits_float32(columns, center):
    """Whether float32 products of sparse rows keep the digits they have.

    Squares of typical entries must neither underflow nor overflow, and the mean that
    is taken off implicitly must not be far.
    """
    typical = columns.raw_squares.sum() / max(1.0, columns.weight)
    if center and _is_far(columns):
        return False
    return bool(typical == 0 or 1e-20 < typical < 1e20)


def _rough_sweep(problem, columns):
    """Sweep over sparse rows in float32, None where it would not serve."""
    X, w = problem.X, problem.sample_weight
    if X.dtype == np.float32 or not _fits_float32(columns, problem.center):
        return None
    if max(abs(X.data.min(initial=0)), X.data.max(initial=0)) > FLOAT32_MAX:
        return None
    work = 4.0 * X.nnz
    return SparseSweep(
        X.astype(np.float32),
        columns,
        center=problem.center,
        sample_weight=w,
        map_ranges=partial(map_ranges, work=work),
        n_parts=n_ranges(work),
    )


def permutation_rule(problem):
    """Thresholds of parallel analysis, or the number itself for large sparse rows.

    Raises
    ------
    ValueError
        For weights that are no whole numbers, and for dense rows with both sizes over
        8000.
    """
    X, d = problem.X, min(problem.X.shape)
    problem.check_finite(X.sum(axis=0, dtype=np.float64))
    if problem.sample_weight is not None:
        repeats = np.round(problem.sample_weight).astype(np.intp)
        if not np.array_equal(repeats, problem.sample_weight):
            raise ValueError(
                "n_components='parallel' permutes the entries of each column, and "
                "sample_weight must hold whole numbers, as many copies of the rows: "
                "round them, or give a number of components."
            )
        X = X[np.repeat(np.arange(X.shape[0]), repeats)]
        problem = replace(problem, X=X, sample_weight=None)
    rng, center = problem.make_rng(), problem.center
    if problem.is_sparse:
        return _sparse_permutation_rule(problem, rng)
    if d > MOST_DENSE:
        raise ValueError(
            f"n_components='parallel' takes {PERMUTATIONS} Gram matrices of size "
            f"min(n_samples, n_features)={d}, more than the {MOST_DENSE} allowed: "
            "give a number of components or a share of the variance."
        )
    return parallel.gram_thresholds(
        X, rng, center=center, n_permutations=PERMUTATIONS, level=LEVEL
    )


def _sparse_permutation_rule(problem, rng):
    """Grow the number of components until one does not reach its threshold."""
    k, limit = 16, min(problem.count.limit, MOST_GROWN)
    while True:
        k = min(k, limit)
        samples = [
            _leading_squares(problem, parallel.permuted_sparse(problem.X, rng), k)
            for _ in range(PERMUTATIONS)
        ]
        thresholds = parallel.thresholds(np.array(samples), LEVEL)
        squares = _leading_squares(problem, problem.X, k)
        below = np.flatnonzero(squares <= thresholds)
        if len(below):
            return max(1, int(below[0]))
        if k == limit:
            return k
        k *= 4


def _leading_squares(problem, X, k):
    """About the `k` leading squared singular values of sparse rows, (k,)."""
    columns = sparse_column_moments(X)
    sweep = SparseSweep(X, columns, center=problem.center)
    goal = Goal(lambda values: k, k, ROUGH, energy=True)
    found = leading(sweep, goal, block=BLOCK, rng=problem.make_rng())
    return np.append(found.squares, np.zeros(k))[:k]
