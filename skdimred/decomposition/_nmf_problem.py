"""A table that is factorised, how, and the problem that this makes in one unit."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skdimred.blocks import map_ranges
from skdimred.decomposition._nmf_rows import Model
from skdimred.numerics.divergence import (
    Cells,
    multiply_alternate,
    multiply_residual,
)
from skdimred.numerics.factor_products import DenseProducts, SparseProducts
from skdimred.numerics.masked_nonnegative import Known, Masked
from skdimred.numerics.nonnegative import (
    Frobenius,
    Penalty,
    alternate,
    balanced_residual,
)

__all__ = ["Plan", "Problem", "Table"]


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


class Problem:
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
        return Frobenius(self.products(X), self.penalties, map_ranges)

    def products(self, X):
        """Products with a table like this one."""
        options = {"scale": self.table.scale, "weight": self.table.weight}
        options["map_ranges"] = map_ranges
        kind = SparseProducts if sparse.issparse(X) else DenseProducts
        return kind(X, **options)

    def run(self, pair, *, tol, max_iter, gentle=0, report=None):
        """Alternate from a pair of factors, which is emptied: see `alternate`."""

        def tell(value, residual, A, B):
            return report(self.in_units(value), residual, lambda: self.model(A, B))

        options = {"tol": tol, "max_iter": max_iter}
        options["report"] = None if report is None else tell
        if not self.plan.multiply:
            options["gentle"] = min(gentle, max_iter // 3)
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

    @property
    def squares(self):
        """Of all cells over the scale, None unless the loss is `Frobenius`."""
        return self.loss.squares if isinstance(self.loss, Frobenius) else None

    def residual_at_best(self, A, B):
        """The same where A is the best for B.

        Gives also W'X over the square of the scale, None where it is not at hand.
        """
        if not isinstance(self.loss, Frobenius):
            return self.residual(A, B), None
        slopes, cross = self.loss.slopes_and_cross(1, B, A)
        residual = balanced_residual(np.zeros(len(A)), slopes, A, B, self.loss.squares)
        per_W, _ = self._per_factor()
        return residual, cross * (per_W / self.table.scale)

    def _per_factor(self):
        """What weights and components are divided by, for the factors A and B."""
        s = self.table.scale
        return (s**0.5, s**0.5) if self.plan.penalised else (s, 1.0)

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
        dtype = self.loss.dtype
        per_W, per_H = self._per_factor()
        A = (W.T / per_W).astype(dtype)
        if self.root is not None:
            A *= self.root.astype(dtype)
        return np.ascontiguousarray(A), (H / per_H).astype(dtype)


def _power(scale, exponent):
    """A power of a scale, at most so large that it can be calculated with."""
    largest = np.finfo(np.float64).max ** 0.5
    with np.errstate(over="ignore", under="ignore"):
        return float(min(np.float64(scale) ** exponent, largest))
