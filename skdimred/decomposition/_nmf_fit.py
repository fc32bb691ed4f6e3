"""Non-negative factors of a table: from its start to where it stops."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from skdimred.blocks import map_ranges
from skdimred.decomposition._nmf_rows import Model, RowFit, fit_of_rows
from skdimred.numerics.divergence import (
    Cells,
    multiply_alternate,
    multiply_residual,
)
from skdimred.numerics.factor_products import DenseProducts, SparseProducts, gram
from skdimred.numerics.masked_nonnegative import Known, Masked
from skdimred.numerics.nonnegative import (
    Frobenius,
    Penalty,
    alternate,
    balanced_residual,
    hals,
)
from skdimred.numerics.nonnegative_start import (
    filled,
    low_rank,
    nndsvd,
    rescaled,
    separable,
)

__all__ = ["Fitted", "Plan", "Table", "factorise"]

# Zeros of a start, over the mean of its factor: what takes them for 0, and what is
# multiplied and must not.
LITTLE, SOME = 0.1, 1.0
# Iterations on the compressed table and on one whose gaps are filled, and the least
# gain of one.
WARM_ITER, WARM_GAIN = 30, 3e-4
# Gentle ones before these, and before those on a small table that is not compressed,
# where there are so many for each component, and so many at most.
GENTLE, GENTLE_EACH, GENTLE_SMALL = 15, 2, 20
# Share of the tolerance left to the factor that is solved for last.
MARGIN = 0.9
MOST_ROUNDS = 5
# Least eigenvalue of the products of components, over the largest, below which weights
# are as good as not unique.
DEPENDENT = 1e-8
# Sweeps for weights on components that are given.
START_SWEEPS = 10
# A compressed table pays where so many times k (n + p) is below n p, and this is not
# small; from given factors only where the residual is so many tolerances or more.
RANK_COST, SMALL, NEAR_ENOUGH = 6.0, 5e5, 30.0


@dataclass(frozen=True)
class Table:
    """What is factorised.

    Attributes
    ----------
    X : ndarray, csr or csc of shape (n, p)
    weight : ndarray of shape (n,) or None
        Of the rows.
    scale : float
        Weighted mean of the known cells.
    gaps : bool
        Whether cells of a dense X are unknown.
    missing : bool
        Whether cells of a sparse X that are not stored are unknown.
    """

    X: object
    weight: np.ndarray | None
    scale: float
    gaps: bool
    missing: bool

    @property
    def has_unknown(self):
        """Whether any cell is unknown."""
        return self.gaps or self.missing


@dataclass(frozen=True)
class Plan:
    """How it is factorised.

    Attributes
    ----------
    k : int
    beta : float
    multiply : bool
        By multiplicative steps, and not by coordinate descent.
    alpha_W, alpha_H, l1_ratio : float
    tol : float
    max_iter : int
    missing_weight : float
    exact : bool
        Whether weights of rows are exact.
    """

    k: int
    beta: float
    multiply: bool
    alpha_W: float
    alpha_H: float
    l1_ratio: float
    tol: float
    max_iter: int
    missing_weight: float
    exact: bool

    @property
    def penalised(self):
        """Whether the penalties fix the scale of the components."""
        return self.alpha_W > 0 or self.alpha_H > 0

    @property
    def least_weights(self):
        """Whether the weights of rows are the best on their components."""
        return self.exact and self.beta in (1.0, 2.0)

    def penalties(self, n, p):
        """(l1, l2) of W and of H, in the units of the table."""
        one, two = self.l1_ratio, 1.0 - self.l1_ratio
        W, H = p * self.alpha_W, n * self.alpha_H
        return (W * one, W * two), (H * one, H * two)

    def nothing(self, table):
        """The model of a table of zeros."""
        H = np.zeros((self.k, table.X.shape[1]), table.X.dtype)
        columns = np.ones(table.X.shape[1])
        return Model(
            H,
            self.beta,
            0.0,
            0.0,
            table.missing,
            self.exact,
            self.missing_weight,
            1.0,
            columns,
        )


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
    """

    model: Model
    rows: RowFit
    history: list
    residual: float
    n_iter: int
    converged: bool


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
    problem = _Problem(table_seen, plan)
    # Let go as soon as it is taken over, as factors may be large.
    pair = list(problem.start(init, rng))
    history, n_iter, residual, converged = [], 0, np.inf, False
    tol = plan.tol
    for _ in range(MOST_ROUNDS):
        found = problem.run(pair, tol, plan.max_iter - n_iter, report)
        history += [problem.in_units(value) for value in found.history]
        n_iter += found.n_iter
        model = problem.model(found.A, found.B)
        first = problem.first(found, table.X.shape[0], keep)
        rows = _rows(table, model, first)
        if not plan.least_weights:
            # What rows get is not what the alternation had.
            residual = problem.residual(found.A, found.B)
            converged = found.converged
            break
        pair = list(problem.factors(rows.W[keep], model.H))
        residual, converged = problem.residual(*pair), found.converged
        n_last, was = found.n_iter, found.residual
        del found
        if residual <= plan.tol or not converged or n_iter >= plan.max_iter:
            break
        tol *= MARGIN * min(1.0, plan.tol / residual) if residual > 0 else 1.0
        if was > tol and n_last <= 1:
            break
    order = np.argsort(-rows.shares, kind="stable")
    rows = replace(rows, W=rows.W[:, order], shares=rows.shares[order])
    model = replace(model, H=np.ascontiguousarray(model.H[order]))
    if _has_many_weights(model.H):
        # Of which a new row gets those that the order and the start yield.
        rows = _rows(table, model, None)
    return Fitted(model, rows, history, residual, n_iter, converged)


def _rows(table, model, first):
    """The rows of a table on components."""
    return fit_of_rows(table.X, model, table.weight, gaps=table.gaps, first=first)


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


class _Problem:
    """A table and a plan in one unit: cells of mean 1, weights in the rows."""

    def __init__(self, table, plan):
        self.table, self.plan = table, plan
        X, s = table.X, table.scale
        n = X.shape[0] if table.weight is None else float(table.weight.sum())
        (l1_W, l2_W), (l1_H, l2_H) = plan.penalties(n, X.shape[1])
        self.l1_W, self.l2_W, self.l1_H, self.l2_H = l1_W, l2_W, l1_H, l2_H
        beta = plan.beta
        # Of the objective; both factors have the root of the unit of the table.
        one, two = _power(s, 0.5 - beta), _power(s, 1.0 - beta)
        self.root = None
        if table.weight is not None and not plan.multiply:
            self.root = np.sqrt(table.weight)
        # Rows are held times the roots of their weights; in the divergences they are
        # not.
        own = l1_W * one
        if l1_W and self.root is not None:
            own = own * self.root
        self.penalties = Penalty(own, l2_W * two), Penalty(l1_H * one, l2_H * two)
        self.known = None
        if not plan.multiply and table.has_unknown:
            self.known = Known.of(
                X, scale=s, weight=plan.missing_weight, row_weight=table.weight
            )
        self.loss = self._loss()
        self.columns = self._column_means()
        # Gentle iterations to begin with.
        self.gentle = 0

    def _column_means(self):
        """Means of the columns over that of all, for rows with unknown cells."""
        if self.known is not None:
            return self.known.columns.astype(np.float64)
        if self.plan.multiply:
            return None
        X = self.table.X
        times = np.ones(X.shape[0]) if self.table.weight is None else self.table.weight
        sums = np.asarray(X.T @ (times / self.table.scale).astype(X.dtype))
        return sums.astype(np.float64) / times.sum()

    def _loss(self):
        table, plan, s = self.table, self.plan, self.table.scale
        X, weight = table.X, table.weight
        if plan.multiply:
            rows = X.tocsr() if sparse.issparse(X) else X
            return Cells(
                rows,
                plan.beta,
                scale=s,
                missing=table.missing,
                weight=weight,
                map_ranges=map_ranges,
            )
        if self.known is not None:
            return Masked(self.known, self.penalties)
        return Frobenius(self._products(X), self.penalties, map_ranges)

    def _products(self, X):
        options = {"scale": self.table.scale, "weight": self.table.weight}
        if sparse.issparse(X):
            return SparseProducts(X, **options)
        return DenseProducts(X, map_ranges=map_ranges, **options)

    def start(self, init, rng):
        """Factors A (k, n) and B (k, p) to begin with."""
        if isinstance(init, tuple):
            A, B = self.factors(*init)
            if self.plan.multiply or self.known is not None:
                return A, B
            return self._warmed(A, B, rng, only_if_better=True)
        if self.table.missing and init != "random":
            raise ValueError(
                f"init={init!r} needs a table without missing cells, but cells of X "
                "that are not stored are missing: use init='random' or 'custom'."
            )
        complete = self._complete()
        A, B, low = self._begun(init, complete, rng)
        if self.plan.multiply:
            share, root = SOME if init == "little" else LITTLE, self._counts()
            A, B = filled(A, B, share, root=root)
            return (A, B) if low is None or root is None else (A / root, B)
        if self.known is not None:
            return self._run_on(complete, A, B) if complete is not None else (A, B)
        return self._warmed(A, B, rng, low=low)

    def _begun(self, init, complete, rng):
        """Factors as the method of the start makes them, and the compressed table."""
        k, X = self.plan.k, self.table.X
        if init == "random":
            B = np.abs(rng.standard_normal((k, X.shape[1]))).astype(X.dtype)
            return self._weights_on(B, complete), B, None
        if init == "separable":
            B = self._spanning(rng)
            return self._weights_on(B, complete), B, None
        low = low_rank(complete, k, rng)
        A, B = nndsvd(low, k)
        if init != "nndsvd" and not (self.plan.multiply and init == "little"):
            share = LITTLE if init == "little" else SOME
            scatter = rng if init == "nndsvdar" else None
            A, B = filled(A, B, share, rng=scatter, root=complete.root)
        return *rescaled(low, A, B), low

    def _counts(self):
        """Roots of the weights of the rows."""
        weight, dtype = self.table.weight, self.table.X.dtype
        return None if weight is None else np.sqrt(weight).astype(dtype)

    def _weights_on(self, B, complete):
        """Weights of the rows on given components, about."""
        A = np.ones((len(B), self.table.X.shape[0]), B.dtype)
        if complete is None or self.plan.multiply:
            return A * B.dtype.type(1 / B.sum(axis=0, dtype=np.float64).mean())
        return hals(np.zeros_like(A), complete.right(B), B @ B.T, START_SWEEPS)

    def _spanning(self, rng):
        """Rows of the table that span it, and random ones if they are fewer than k."""
        X = _without_gaps(self.table) if self.table.gaps else self.table.X
        rows = X[separable(X, self.plan.k)]
        rows = rows.toarray() if sparse.issparse(rows) else rows
        B = np.abs(rng.standard_normal((self.plan.k, X.shape[1]))).astype(X.dtype)
        B[: len(rows)] = rows / self.table.scale
        return B

    def _complete(self):
        """Products with the table, its gaps filled; None if most is unknown."""
        if self.table.missing:
            return None
        X = _without_gaps(self.table) if self.table.gaps else self.table.X
        return self._products(X)

    def _run_on(self, products, A, B):
        """A few iterations on a table that is cheaper than the true one."""
        found = alternate(
            Frobenius(products, self.penalties, map_ranges),
            A,
            B,
            tol=self.plan.tol,
            max_iter=min(GENTLE + WARM_ITER, self.plan.max_iter),
            gentle=GENTLE,
            least_gain=WARM_GAIN,
        )
        return found.A, found.B

    def _warmed(self, A, B, rng, *, low=None, only_if_better=False):
        """Factors after some iterations on a compressed dense table."""
        loss, products = self.loss, self.loss.products
        n, p = products.shape
        cost = max(SMALL, RANK_COST * self.plan.k * (n + p))
        if products.is_dear:
            return A, B
        if cost > n * p:
            few = min(GENTLE_SMALL, GENTLE_EACH * self.plan.k)
            self.gentle = few if n * p < SMALL else GENTLE
            return A, B
        if not only_if_better:
            low = low_rank(products, self.plan.k, rng) if low is None else low
            return self._run_on(low, A, B)
        if self.residual(A, B) <= NEAR_ENOUGH * self.plan.tol:
            return A, B
        A, B = rescaled(products, A, B) if not self.plan.penalised else (A, B)
        before = loss.objective(A, B)
        other = self._run_on(low_rank(products, self.plan.k, rng), A, B)
        return other if loss.objective(*other) < before else (A, B)

    def run(self, pair, tol, max_iter, report):
        """Alternate from a pair of factors, which is emptied: see `alternate`."""

        def tell(value, residual, A, B):
            return report(self.in_units(value), residual, lambda: self.model(A, B))

        options = {"tol": tol, "max_iter": max_iter}
        options["report"] = None if report is None else tell
        if not self.plan.multiply:
            gentle, self.gentle = min(self.gentle, max_iter // 3), 0
            options["gentle"] = gentle
            return alternate(self.loss, pair.pop(0), pair.pop(0), **options)
        W, Ht = (np.ascontiguousarray(pair.pop(0).T) for _ in range(2))
        return multiply_alternate(self.loss, W, Ht, self.penalties, **options)

    def in_units(self, value):
        """An objective in the units of the table, inf where it overflows."""
        with np.errstate(over="ignore", under="ignore"):
            unit = np.float64(self.table.scale) ** self.plan.beta
            return float(value and value * unit)

    def residual(self, A, B):
        """How far from stationary a pair is."""
        if self.plan.multiply:
            W, Ht = np.ascontiguousarray(A.T), np.ascontiguousarray(B.T)
            return multiply_residual(self.loss, W, Ht, self.penalties)
        slopes = self.loss.slopes(0, A, B), self.loss.slopes(1, B, A)
        return balanced_residual(*slopes, A, B, self.loss.squares)

    def _units(self, B):
        """What components and weights are multiplied by, for the units of the table."""
        s = self.table.scale
        if self.plan.penalised:
            root = np.sqrt(s) * np.ones(len(B))
            return root, root
        norms = np.sqrt(np.einsum("ij,ij->i", B, B, dtype=np.float64))
        inverse = np.divide(1.0, norms, out=np.zeros_like(norms), where=norms > 0)
        return inverse, s * norms

    def model(self, A, B):
        """The components as they are given out, and what weights are found by."""
        plan, table = self.plan, self.table
        up, _ = self._units(B)
        H = (B * up[:, np.newaxis]).astype(B.dtype)
        return Model(
            # No negative zero.
            H + 0.0,
            plan.beta,
            self.l1_W,
            self.l2_W,
            table.missing,
            plan.exact,
            plan.missing_weight,
            table.scale,
            self.columns,
        )

    def first(self, found, n_rows, keep):
        """Weights of the rows where the alternation stopped, for Newton's method."""
        if self.plan.beta != 1 or not self.plan.exact:
            return None
        _, up = self._units(found.B)
        W = found.A.T * up
        if isinstance(keep, slice):
            return W
        first = np.tile(W.mean(axis=0), (n_rows, 1))
        first[keep] = W
        return first

    def factors(self, W, H):
        """Factors A and B of weights and components in the units of the table."""
        s, dtype = self.table.scale, self.loss.dtype
        per_W, per_H = (s**0.5, s**0.5) if self.plan.penalised else (s, 1.0)
        A = (W.T / per_W).astype(dtype)
        if self.root is not None:
            A *= self.root.astype(dtype)
        return np.ascontiguousarray(A), (H / per_H).astype(dtype)


def _power(scale, exponent):
    """A power of a scale, at most so large that it can be calculated with."""
    largest = np.finfo(np.float64).max ** 0.5
    with np.errstate(over="ignore", under="ignore"):
        return float(min(np.float64(scale) ** exponent, largest))


def _without_gaps(table):
    """A dense table with what is expected in place of unknown cells."""
    X = table.X
    known = Known.of(X, scale=table.scale, weight=0.0, row_weight=table.weight)
    rows = known.rows if table.weight is None else known.rows / np.sqrt(table.weight)
    expected = table.scale * np.multiply.outer(rows, known.columns)
    return np.where(known.mask, X, expected).astype(X.dtype)
