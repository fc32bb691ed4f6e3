"""Factors that a factorisation begins with, and what is done to them first."""

import numpy as np
from scipy import sparse

from skdimred.blocks import map_ranges
from skdimred.numerics.masked_nonnegative import Known
from skdimred.numerics.nnls import nnls
from skdimred.numerics.nonnegative import Frobenius, alternate
from skdimred.numerics.nonnegative_start import (
    filled,
    low_rank,
    nndsvd,
    rescaled,
    separable,
)

__all__ = ["begun"]

# Zeros of a start, over the mean of its factor: what takes them for 0, and what is
# multiplied and must not.
LITTLE, SOME = 0.1, 1.0
# Iterations on the compressed table and on one whose gaps are filled, and the least
# gain of one.
WARM_ITER, WARM_GAIN = 30, 3e-4
# Gentle ones before these, and before those on a small table that is not compressed,
# where there are so many for each component, and so many at most.
GENTLE, GENTLE_EACH, GENTLE_SMALL = 15, 1, 10
# A compressed table pays where so many times k (n + p) is below n p, and this is not
# small; from given factors only where the residual is so many tolerances or more.
RANK_COST, SMALL, NEAR_ENOUGH = 6.0, 5e5, 30.0


def begun(problem, init, rng):
    """Factors to begin with.

    Parameters
    ----------
    problem : Problem
    init : str or tuple of ndarray
        As for `factorise`.
    rng : numpy.random.Generator

    Returns
    -------
    pair : list of ndarray
        A (k, n) and B (k, p).
    gentle : int
        How many gentle iterations there should be at first.
    """
    plan, table = problem.plan, problem.table
    if table.missing and init != "random" and not isinstance(init, tuple):
        raise ValueError(
            f"init={init!r} needs a table without missing cells, but cells of X "
            "that are not stored are missing: use init='random' or 'custom'."
        )
    simple = not plan.multiply and problem.known is None
    low = None
    if isinstance(init, tuple):
        pair = problem.factors(*init)
        if simple and not plan.penalised:
            pair = rescaled(problem.loss.products, *pair)
    else:
        complete = _complete(problem)
        *pair, low = _by(init, problem, complete, rng)
        if problem.known is not None and complete is not None:
            pair = _run_on(problem, complete, *pair)
    if not simple:
        return list(pair), 0
    return _warmed(problem, *pair, low, isinstance(init, tuple), rng)


def _by(init, problem, complete, rng):
    """Factors as the method makes them, and the compressed table, None if not made."""
    plan, table = problem.plan, problem.table
    k, X, low = plan.k, table.X, None
    if init in ("random", "separable"):
        B = np.abs(rng.standard_normal((k, X.shape[1]))).astype(X.dtype)
        A = np.ones((k, X.shape[0]), X.dtype)
        A *= X.dtype.type(1 / B.sum(axis=0, dtype=np.float64).mean())
        if init == "separable":
            A, B = _spanning(problem, complete, A, B)
    else:
        low = low_rank(complete, k, rng)
        A, B = rescaled(low, *nndsvd(low, k))
    weight = table.weight
    root = None if weight is None else np.sqrt(weight).astype(X.dtype)
    if plan.multiply:
        share = SOME if init == "little" else LITTLE
        A, B = filled(A, B, share, root=root)
        return (A if low is None or root is None else A / root), B, low
    if low is not None and init != "nndsvd":
        share, scatter = LITTLE if init == "little" else SOME, None
        if init == "nndsvdar":
            scatter = rng
        A, B = rescaled(low, *filled(A, B, share, rng=scatter, root=root))
    elif init == "random" and complete is not None:
        A, B = rescaled(complete, A if root is None else A * root, B)
    return A, B, low


def _spanning(problem, complete, A, B):
    """Rows that span the table, in place of the first of B, and weights on them."""
    table = problem.table
    X = _without_gaps(table) if table.gaps else table.X
    rows = X[separable(X, len(B))]
    rows = rows.toarray() if sparse.issparse(rows) else rows
    B[: len(rows)] = rows / table.scale
    if problem.plan.multiply:
        return A, B
    S = B.astype(np.float64) @ B.T.astype(np.float64)
    C = complete.right(B).astype(np.float64)
    return nnls(S, C, map_ranges=map_ranges).astype(B.dtype), B


def _complete(problem):
    """Products with the table, its gaps filled; None if most is unknown."""
    table = problem.table
    if table.missing:
        return None
    if not table.gaps and problem.squares is not None:
        return problem.loss.products
    return problem.products(_without_gaps(table) if table.gaps else table.X)


def _run_on(problem, products, A, B):
    """A few iterations on a table that is cheaper than the true one."""
    found = alternate(
        Frobenius(products, problem.penalties, map_ranges),
        A,
        B,
        tol=problem.plan.tol,
        max_iter=min(GENTLE + WARM_ITER, problem.plan.max_iter),
        gentle=GENTLE,
        least_gain=WARM_GAIN,
    )
    return [found.A, found.B]


def _warmed(problem, A, B, low, given, rng):
    """A pair after iterations on a compressed table, and gentle ones still to do."""
    loss, plan = problem.loss, problem.plan
    products, (n, p) = loss.products, loss.products.shape
    if products.is_dear:
        return [A, B], 0
    if max(SMALL, RANK_COST * plan.k * (n + p)) > n * p:
        few = min(GENTLE_SMALL, GENTLE_EACH * plan.k) if n * p < SMALL else GENTLE
        return [A, B], few
    if given and problem.residual(A, B) <= NEAR_ENOUGH * plan.tol:
        return [A, B], 0
    low = low_rank(products, plan.k, rng) if low is None else low
    other = _run_on(problem, low, A, B)
    if given and loss.objective(*other) >= loss.objective(A, B):
        return [A, B], 0
    return other, 0


def _without_gaps(table):
    """A dense table with what is expected in place of unknown cells."""
    X = table.X
    known = Known.of(X, scale=table.scale, weight=0.0, row_weight=table.weight)
    rows = known.rows if table.weight is None else known.rows / np.sqrt(table.weight)
    expected = table.scale * np.multiply.outer(rows, known.columns)
    return np.where(known.mask, X, expected).astype(X.dtype)
