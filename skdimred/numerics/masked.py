r"""Biased factors over the known cells of a table: one side of it, the other given.

.. math:: x_{ij} \approx \mu + b_i + c_j + p_i^T q_j

With the columns' :math:`q_j, c_j` given, each row is a ridge problem of its own: what
it knows, less :math:`c_j`, is explained by :math:`(q_j, 1)`, and its unknowns are
:math:`(p_i, b_i)`. The columns are the same problem of the transposed table. A side
gathers the other's numbers block by block (see `padded`), solves the stack (see
`stacked` and `descent`) and hands back the squared errors of its rows.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from skdimred.numerics.basis import Basis
from skdimred.numerics.descent import descend
from skdimred.numerics.padded import PaddedRows, pad_rows
from skdimred.numerics.scattered import WideRows, wide_rows
from skdimred.numerics.stacked import (
    Gathered,
    errors,
    gram,
    improve,
    minimum_norm,
    solve,
)
from skdimred.numerics.threads import is_worker, workers

__all__ = ["MaskedSide", "Penalty", "run_in_threads"]

# Blocks of coordinate descent are larger: its steps are long vectors. So are those of
# tables with very many cells, where threads are worth the while: shorter calls would
# wait for each other. Whatever the number of threads, as results depend on blocks.
DESCENT_SLAB, MANY_SLAB, MANY_CELLS = 1 << 23, 1 << 22, 4_000_000
# From so many unknowns on, float32 problems are brought to the end by conjugate
# gradients: relative size of the gradient, and steps until they are factored after all.
LARGE, FINE, MOST_STEPS = 33, 2e-6, 40
# Power of the largest number of a dtype.
MOST_RIDGE = 0.85


@dataclass(frozen=True)
class Penalty:
    """What is added to half the squared errors, for each row and each column.

    ``l2 / 2 * |p|^2 + l1 * |p|_1 + bias / 2 * b^2``, times the weight of the known
    cells where `weighted`; p is not negative where `positive`.
    """

    l2: float
    l1: float
    bias: float
    positive: bool = False
    weighted: bool = False

    @property
    def is_smooth(self):
        """Whether the problem of a row is a linear system."""
        return self.l1 == 0 and not self.positive

    def scaled(self, root):
        """The same problem for values divided by ``root**2``."""
        return replace(self, l2=self.l2 / root**2, l1=self.l1 / root**3)

    def times(self, total):
        """Factor of the penalty of each row, of shape (n, 1) or (1, 1)."""
        return total[:, np.newaxis] if self.weighted else np.ones((1, 1))

    def ridge(self, k, bias):
        """Factors of half the squares of the unknowns of a row."""
        return np.array([self.l2] * k + [self.bias] * bias)

    def limits(self, k, bias):
        """L1 penalties and lower bounds of the unknowns of a row."""
        free = [-np.inf] * bias
        lower = [0.0 if self.positive else -np.inf] * k
        return np.array([self.l1] * k + [0.0] * bias), np.array(lower + free)

    def of(self, X, total):
        """Penalty of each row of X (n, k + 1), factors and bias, in float64."""
        factors, bias = X[:, :-1], X[:, -1].astype(np.float64)
        cost = 0.5 * self.bias * bias**2
        cost += 0.5 * self.l2 * np.einsum("ij,ij->i", factors, factors)
        if self.l1:
            cost += self.l1 * np.abs(factors).sum(axis=1, dtype=np.float64)
        return cost * self.times(total)[:, 0]


def run_in_threads(work, n_tasks, threads):
    """Call ``work(tasks)`` in each thread; `tasks` gives numbers that no other gets."""
    tasks = iter(range(n_tasks))
    if threads == 1 or n_tasks < 2 or is_worker():
        work(tasks)
        return
    for _ in workers(threads).map(work, [tasks] * threads):
        pass


@dataclass(frozen=True)
class MaskedSide:
    """The rows of a table, or its columns as rows.

    Attributes
    ----------
    known : PaddedRows
    total : ndarray of shape (n,)
        Weight of the known cells of each row.
    bias : bool
        Whether a row has a bias.
    threads : int
    wide : WideRows or None
        Rows that "cg" takes out of `known`.
    basis : Basis
        Where "cg" solves.
    """

    known: PaddedRows
    total: np.ndarray
    bias: bool
    threads: int = 1
    wide: WideRows | None = None
    basis: Basis = field(default_factory=Basis)

    @classmethod
    def from_csr(
        cls, table, weight, k, bias, *, descent=False, iterative=False, threads=1
    ):
        """Blocks of a csr table and of the weights of its cells, if not None."""
        slab = {}
        if descent or table.nnz >= MANY_CELLS:
            slab = {"slab": DESCENT_SLAB if descent else MANY_SLAB}
        roots = None if weight is None else np.sqrt(weight).astype(table.dtype)
        known = pad_rows(table, roots, k + 2, **slab)
        if weight is None:
            total = np.diff(table.indptr).astype(np.float64)
        else:
            row = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
            total = np.bincount(row, weight, minlength=table.shape[0])
        wide = wide_rows(table, roots, known, k) if iterative else None
        return cls(known, total, bias, threads, wide)

    def improve(self, X, other, penalty, mass, *, method, effort):
        """Lower the objective over all rows, in place.

        Parameters
        ----------
        X : ndarray of shape (n, k + 1)
            Factors and bias of each row; changed.
        other : ndarray of shape (m, k + 1)
            The same of the other side.
        penalty : Penalty
        mass : ndarray of shape (m,)
            Weight of the known cells of the other side's rows.
        method : {"exact", "cg", "cd"}
        effort : int or None
            Steps of "cg", passes of "cd"; None for the minimiser.

        Returns
        -------
        ndarray of shape (n,)
            Weighted squared errors of each row, in float64.
        """
        k = X.shape[1] - 1
        K = k + self.bias
        # What is larger leaves nothing, and would overflow.
        most = float(np.finfo(X.dtype).max) ** MOST_RIDGE
        ridge = np.minimum(penalty.ridge(k, self.bias), most)
        table = np.zeros((len(other) + 1, K + 1), dtype=X.dtype)
        table[:-1, :k] = other[:, :k]
        if self.bias:
            table[:-1, k] = 1
        table[:-1, K] = other[:, k]
        level = np.maximum(table[:, :K].max(axis=0), -table[:, :K].min(axis=0)) ** 2
        # Lost beside the squares of the regressors: as good as no penalty.
        if method != "cd" and (ridge <= np.finfo(X.dtype).eps * level).any():
            method = "shortest"
        if method == "cg" and effort is None and not _iterates(X.dtype, K):
            method = "exact"
        order, total = self.known.order, self.total[self.known.order]
        start, turn, inverse = X[order, :K], None, None
        if method == "cg":
            turn = self.basis.turn(table[:-1, :K], mass, ridge, total, effort is None)
            table[:-1, :K] = table[:-1, :K] @ turn.forth
            start = start @ turn.back
            ridge = np.ones(1)
            inverse = np.multiply.outer(total.astype(X.dtype), turn.spread)
            inverse += penalty.times(total).astype(X.dtype)
            np.reciprocal(inverse, out=inverse)
        step = _Step(self, penalty, total, ridge, inverse, method, effort, k)
        squares = np.zeros(len(X))
        squares[order] = self._run(step, table, start)
        X[:, :K] = 0
        X[order, :K] = start if turn is None else start @ turn.forth.T
        return squares

    def _run(self, step, table, x):
        """Improve x, in the order of the rows by degree; squared errors in float64."""
        squares = np.empty(len(x))
        width = table.shape[1]
        wide = self.wide if step.method == "cg" and self.wide is not None else ()
        first = wide.n_blocks if wide else 0

        def blocks(tasks):
            room = np.empty((self.known.largest_from(first), width), dtype=table.dtype)
            for i in tasks:
                if i < len(wide):
                    yield wide.group(i, table)
                    continue
                rows, columns, values, roots = self.known.block(i - len(wide) + first)
                slab = room[: columns.size]
                np.take(table, columns.ravel(), axis=0, out=slab, mode="clip")
                slab = slab.reshape(*columns.shape, width)
                if roots is not None:
                    slab *= roots[:, :, np.newaxis]
                yield rows, Gathered(slab[:, :, :-1]), values - slab[:, :, -1]

        def work(tasks):
            for rows, A, r in blocks(tasks):
                x[rows], error = step(rows, A, r, x[rows])
                squares[rows] = A.squares(error)

        run_in_threads(work, len(wide) + len(self.known) - first, self.threads)
        return squares


@dataclass(frozen=True)
class _Step:
    """How the stack of a block is solved."""

    side: MaskedSide
    penalty: Penalty
    total: np.ndarray
    ridge: np.ndarray
    inverse: np.ndarray | None
    method: str
    effort: int | None
    k: int

    def __call__(self, rows, A, r, start):
        """Unknowns of the rows of a block, and their errors."""
        times = self.penalty.times(self.total[rows])
        ridge = (times * self.ridge).astype(start.dtype)
        if self.method == "cg":
            inverse = self.inverse[rows]
            if self.effort is not None:
                return improve(A, r, ridge, inverse, start, self.effort)
            return _finish(A, r, ridge, inverse, start)
        G = A.G
        if not G.shape[2]:
            x = start
        elif self.method == "cd":
            x = self._descend(G, r, ridge, times, start)
        elif self.method == "shortest":
            x = minimum_norm(G, r, ridge)
        else:
            x = solve(G, r, ridge)
        return x, errors(G, r, x)

    def _descend(self, G, r, ridge, times, start):
        A, b = gram(G, r, ridge)
        l1, lower = self.penalty.limits(self.k, self.side.bias)
        return descend(
            A,
            b[:, :, 0],
            start,
            (times * l1).astype(G.dtype),
            lower.astype(G.dtype),
            passes=self.effort,
            tol=64 * np.finfo(G.dtype).eps,
        )


def _iterates(dtype, K):
    """Whether conjugate gradients take less time to the last digit than factors."""
    return dtype == np.float32 and K >= LARGE


def _finish(A, r, ridge, inverse, start):
    """Iterate to the rounding of float32; factor what does not get there."""
    with np.errstate(over="ignore", invalid="ignore"):
        x, error, unreached = improve(A, r, ridge, inverse, start, MOST_STEPS, FINE)
    unreached |= ~np.isfinite(x).all(axis=1)
    for b in np.flatnonzero(unreached):
        one, own = A.problem(b, r)
        few = np.broadcast_to(ridge[b % len(ridge)], (1, one.shape[2]))
        x[b] = solve(one, own, few)[0]
        A.set_error(error, b, errors(one, own, x[b : b + 1])[0])
    return x, error
