"""Non-negative factors of a table: from its start to where it stops."""

from dataclasses import dataclass, replace

import numpy as np

from skdimred.decomposition._nmf_problem import Problem
from skdimred.decomposition._nmf_rows import Model, RowFit, fit_of_rows
from skdimred.decomposition._nmf_start import begun
from skdimred.numerics.factor_products import gram

__all__ = ["Fitted", "factorise"]

# Share of the tolerance left to the factor that is solved for last.
MARGIN = 0.9
MOST_ROUNDS = 5
# Least eigenvalue of the products of components, over the largest, below which weights
# are as good as not unique.
DEPENDENT = 1e-8


@dataclass(frozen=True)
class Fitted:
    """Where a fit ended.

    Attributes
    ----------
    model : Model
        Components in the units of the table, by decreasing share.
    rows : RowFit
        Of all rows on them.
    history : list of float
        The objective, iteration by iteration.
    residual : float
    n_iter : int
    converged : bool
    cross : ndarray of shape (k, p) or None
        W'X over the square of the scale, where it came by the way.
    """

    model: Model
    rows: RowFit
    history: list
    residual: float
    n_iter: int
    converged: bool
    cross: np.ndarray | None = None


def factorise(table, plan, init, rng, report=None):
    """Factorise a table from one start.

    Parameters
    ----------
    table : Table
        With a positive cell.
    plan : Plan
    init : str or tuple of ndarray
        "nndsvd", "nndsvda", "nndsvdar", "little" (the first with little instead of
        nothing), "random", "separable"; or W (n, k) and H (k, p).
    rng : numpy.random.Generator
    report : callable or None
        ``report(objective, residual, model)`` after each iteration.

    Returns
    -------
    Fitted
    """
    keep = slice(None) if table.weight is None else table.weight > 0
    if table.weight is not None and not keep.all():
        table_seen = replace(table, X=table.X[keep], weight=table.weight[keep])
        if isinstance(init, tuple):
            init = (init[0][keep], init[1])
    else:
        table_seen = table
    problem = Problem(table_seen, plan)
    # Let go as soon as it is taken over, as factors may be large.
    pair, gentle = begun(problem, init, rng)
    history, n_iter, residual, converged, cross = [], 0, np.inf, False, None
    tol = plan.tol
    for _ in range(MOST_ROUNDS):
        left = plan.max_iter - n_iter
        found = problem.run(pair, tol=tol, max_iter=left, gentle=gentle, report=report)
        gentle = 0
        history += [problem.in_units(value) for value in found.history]
        n_iter += found.n_iter
        model = problem.model(found.A, found.B)
        first = problem.first(found, table.X.shape[0], keep)
        rows = _rows(table, model, first, problem.squares)
        if not plan.least_weights:
            # What rows get is not what the alternation had.
            residual = problem.residual(found.A, found.B)
            converged = found.converged
            break
        pair = list(problem.factors(rows.W[keep], model.H))
        residual, cross = problem.residual_at_best(*pair)
        converged = found.converged
        n_last, was, asked = found.n_iter, found.residual, found.asked
        del found
        done = residual <= plan.tol or not converged or asked
        if done or n_iter >= plan.max_iter:
            break
        tol *= MARGIN * min(1.0, plan.tol / residual) if residual > 0 else 1.0
        if was > tol and n_last <= 1:
            break
    order = np.argsort(-rows.shares, kind="stable")
    rows = replace(rows, W=rows.W[:, order], shares=rows.shares[order])
    model = replace(model, H=np.ascontiguousarray(model.H[order]))
    cross = None if cross is None else cross[order]
    if _has_many_weights(model.H):
        # Of which a new row gets those that the order and the start yield.
        rows, cross = _rows(table, model, None), None
    return Fitted(model, rows, history, residual, n_iter, converged, cross)


def _rows(table, model, first, squares=None):
    """The rows of a table on components."""
    options = {"gaps": table.gaps, "first": first, "squares": squares}
    return fit_of_rows(table.X, model, table.weight, **options)


def _has_many_weights(H):
    """Whether components are so near to dependent that weights are not unique."""
    products = gram(H)
    norms = np.sqrt(products.diagonal())
    used = norms > 0
    if not used.any():
        return False
    values = np.linalg.eigvalsh(
        products[np.ix_(used, used)] / np.multiply.outer(norms[used], norms[used])
    )
    return bool(values[0] < DEPENDENT * values[-1])
