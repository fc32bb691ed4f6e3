r"""How many non-negative components: as many as predict cells that were held out.

The table is cut into three parts of the rows and three of the columns. Without one
part of both, factors are fitted to the rest; the rows held out get weights by their
other columns, the columns held out components by their other rows, and the product
predicts the cells in which both meet [1]_. For the squared error of complete tables
these are plain least squares: a row held out may lie outside the cone of the
components, and would else count as a want of components.

References
----------
.. [1] A. B. Owen and P. O. Perry, "Bi-cross-validation of the SVD and the nonnegative
       matrix factorization", The Annals of Applied Statistics 3 (2009), 564-594.
       https://doi.org/10.1214/08-AOAS227
"""

from dataclasses import replace

import numpy as np
from scipy import sparse

from skdimred.decomposition._nmf_fit import factorise
from skdimred.decomposition._nmf_rows import cells_of, weights

__all__ = ["count_by_cells"]

FOLDS = 3
# Numbers that are tried grow by so much; it ends after so many without a lower error.
GROWTH, PATIENCE = 1.35, 3
# A lower error is one by so much: less would be luck.
LEAST_GAIN = 0.02
TOLERANCE, MOST_ITER = 1e-3, 100


def count_by_cells(table, plan, rng):
    """The number of components that predicts held-out cells best.

    Parameters
    ----------
    table : Table
    plan : Plan
        Of any number of components.
    rng : numpy.random.Generator

    Returns
    -------
    k : int
    errors : dict of int to float
        Root mean squared error of the cells held out, or their mean divergence, by
        number of components.

    Raises
    ------
    ValueError
        If there are fewer than 3 rows or columns.
    """
    n, p = table.X.shape
    if min(n, p) < FOLDS:
        raise ValueError(
            f"n_components='held-out' needs at least {FOLDS} rows and features; found "
            f"{n} and {p}."
        )
    plan = replace(plan, tol=max(plan.tol, TOLERANCE), max_iter=MOST_ITER)
    rows = np.array_split(rng.permutation(n), FOLDS)
    columns = np.array_split(rng.permutation(p), FOLDS)
    folds = [_Fold(table, r, c) for r, c in zip(rows, columns, strict=True)]
    most = min(n - len(rows[0]), p - len(columns[0]))
    errors, seed = {}, int(rng.integers(2**31))
    power = 1.0 if plan.beta == 2 else plan.beta

    def in_units(error):
        with np.errstate(over="ignore", under="ignore"):
            return float(error * np.float64(table.scale) ** power)

    def error(k):
        if k not in errors:
            found = [
                f.error(replace(plan, k=k), np.random.default_rng(seed)) for f in folds
            ]
            mean = sum(e for e, _ in found) / max(sum(m for _, m in found), 1)
            errors[k] = in_units(np.sqrt(mean) if plan.beta == 2 else mean)
        return errors[k]

    best, k, waited = 1, 1, 0
    while k <= most and waited < PATIENCE:
        waited = (
            0 if k == 1 or error(k) < (1 - LEAST_GAIN) * error(best) else waited + 1
        )
        best = k if waited == 0 else best
        k = max(k + 1, int(k * GROWTH))
    # Between its neighbours, one by one or by halves.
    tried = sorted(errors)
    place = tried.index(best)
    low = tried[place - 1] if place else best
    high = tried[min(place + 1, len(tried) - 1)]
    for k in sorted(set(np.linspace(low, high, 8).astype(int).tolist())):
        error(k)
    least = min(errors.values())
    return min(k for k, e in errors.items() if e <= (1 + LEAST_GAIN) * least), dict(
        sorted(errors.items())
    )


class _Fold:
    """A table without some rows and columns, and what these two hold."""

    def __init__(self, table, rows, columns):
        n, p = table.X.shape
        self.rows = np.setdiff1d(np.arange(n), rows)
        self.columns = np.setdiff1d(np.arange(p), columns)
        X = table.X.tocsr() if sparse.issparse(table.X) else table.X
        weight = table.weight
        kept, out = X[self.rows], X[np.sort(rows)]
        own = None if weight is None else weight[self.rows]
        self.inner = replace(table, X=kept[:, self.columns], weight=own)
        self.beside = out[:, self.columns]
        self.below = kept[:, np.sort(columns)]
        self.held = out[:, np.sort(columns)]
        self.weight = None if weight is None else weight[np.sort(rows)]

    def error(self, plan, rng):
        """Summed error of the cells held out, and their number."""
        unknown = self.inner.has_unknown
        init = "random" if self.inner.missing else "little"
        found = factorise(self.inner, plan, init, rng)
        model = found.model
        if plan.beta == 2 and not unknown:
            W = self.beside @ np.linalg.pinv(model.H.astype(np.float64))
            H = self.below.T @ np.linalg.pinv(found.rows.W.T)
            return self._loss(W, np.ascontiguousarray(H), model)
        W = weights(self.beside, model)
        across = replace(
            model,
            H=np.ascontiguousarray(found.rows.W.T) / model.scale,
            l1=0.0,
            l2=0.0,
            columns=None,
        )
        if unknown:
            across = replace(across, columns=np.ones(len(self.rows)))
        below = self.below.T
        below = below.tocsr() if sparse.issparse(below) else np.ascontiguousarray(below)
        H = weights(below, across) / model.scale
        return self._loss(W, H, model)

    def _loss(self, W, H, model):
        cells = cells_of(self.held, model, self.weight)
        loss = cells.value(W / model.scale, H)
        return (2 * loss if model.beta == 2 else loss), cells.n_known
