r"""Biased factors over the known cells of a table: one side of it, the other given.

.. math:: x_{ij} \approx \mu + b_i + c_j + p_i^T q_j

With the columns' :math:`q_j, c_j` given, each row is a ridge problem of its own: what
it knows, less :math:`c_j`, is explained by :math:`(q_j, 1)`, and its unknowns are
:math:`(p_i, b_i)`. The columns are the same problem of the transposed table. A side
gathers the other's numbers block by block (see `padded`), solves the stack (see
`stacked` and `descent`) and hands back the squared errors of its rows.
"""

from dataclasses import dataclass, replace

import numpy as np

from skdimred.numerics.descent import descend
from skdimred.numerics.padded import PaddedRows, pad_rows
from skdimred.numerics.stacked import errors, gram, improve, minimum_norm, solve
from skdimred.numerics.threads import is_worker, workers

__all__ = ["MaskedSide", "Penalty", "run_in_threads"]

# Blocks of coordinate descent are larger: its steps are long vectors.
DESCENT_SLAB = 1 << 23
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
        X = X.astype(np.float64, copy=False)
        factors, bias = X[:, :-1], X[:, -1]
        cost = 0.5 * self.bias * bias**2
        cost += 0.5 * self.l2 * np.einsum("ij,ij->i", factors, factors)
        if self.l1:
            cost += self.l1 * np.abs(factors).sum(axis=1)
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
    """

    known: PaddedRows
    total: np.ndarray
    bias: bool
    threads: int = 1

    @classmethod
    def from_csr(cls, table, weight, k, bias, *, descent=False, threads=1):
        """Blocks of a csr table and of the weights of its cells, if not None."""
        slab = {"slab": DESCENT_SLAB} if descent else {}
        roots = None if weight is None else np.sqrt(weight).astype(table.dtype)
        known = pad_rows(table, roots, k + 2, **slab)
        if weight is None:
            total = np.diff(table.indptr).astype(np.float64)
        else:
            row = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
            total = np.bincount(row, weight, minlength=table.shape[0])
        return cls(known, total, bias, threads)

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
        basis, level = None, np.square(table[:, :K]).max(axis=0)
        # Lost beside the squares of the regressors: as good as no penalty.
        if method != "cd" and (ridge <= np.finfo(X.dtype).eps * level).any():
            method = "shortest"
        if method == "cg" and effort is None and not _iterates(X.dtype, K):
            method = "exact"
        if method == "cg":
            basis, inverse, spread = _basis(table[:-1, :K], mass, ridge)
            table[:-1, :K] = table[:-1, :K] @ basis.T
            start = X[:, :K] @ inverse
            ridge = np.ones(K)
        else:
            spread, start = None, X[:, :K]
        step = _Step(self, penalty, ridge, spread, method, effort, k)
        squares = self._run(step, table, start, out := np.zeros_like(start))
        X[:, :K] = out if basis is None else out @ basis
        return squares

    def _run(self, step, table, start, out):
        squares = np.zeros(self.known.n_rows)
        width = table.shape[1]

        def work(tasks):
            room = np.empty((self.known.largest, width), dtype=table.dtype)
            for i in tasks:
                rows, columns, values, roots = self.known.block(i)
                slab = room[: columns.size]
                np.take(table, columns.ravel(), axis=0, out=slab, mode="clip")
                slab = slab.reshape(*columns.shape, width)
                if roots is not None:
                    slab *= roots[:, :, np.newaxis]
                G, r = slab[:, :, :-1], values - slab[:, :, -1]
                out[rows], error = step(rows, G, r, start[rows])
                squares[rows] = np.einsum("bd,bd->b", error, error)

        run_in_threads(work, len(self.known), self.threads)
        return squares


@dataclass(frozen=True)
class _Step:
    """How the stack of a block is solved."""

    side: MaskedSide
    penalty: Penalty
    ridge: np.ndarray
    spread: np.ndarray | None
    method: str
    effort: int | None
    k: int

    def __call__(self, rows, G, r, start):
        """Unknowns of the rows of a block, and their errors."""
        total = self.side.total[rows]
        times = self.penalty.times(total)
        ridge = (times * self.ridge).astype(G.dtype)
        if self.method == "cg":
            scale = (total[:, np.newaxis] * self.spread).astype(G.dtype)
            if self.effort is not None:
                return improve(G, r, ridge, scale, start, self.effort)
            return _finish(G, r, ridge, scale, start)
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


def _finish(G, r, ridge, scale, start):
    """Iterate to the rounding of float32; factor what does not get there."""
    with np.errstate(over="ignore", invalid="ignore"):
        x, error, unreached = improve(G, r, ridge, scale, start, MOST_STEPS, FINE)
    unreached |= ~np.isfinite(x).all(axis=1)
    if unreached.any():
        left = np.flatnonzero(unreached)
        few = ridge if len(ridge) == 1 else ridge[left]
        x[left] = solve(G[left], r[left], few)
        error[left] = errors(G[left], r[left], x[left])
    return x, error


def _basis(regressors, mass, ridge):
    """A basis of the unknowns in which they are about independent.

    Were the known cells drawn at random, the Gram matrix of a row with d of them would
    be d times the mean square of the regressors. Scaled such that the ridge is 1, its
    eigenvectors make Gram matrices about diagonal, and conjugate gradients need few
    steps.

    Returns
    -------
    basis : ndarray of shape (K, K)
        ``x = y @ basis`` for the new unknowns y.
    inverse : ndarray of shape (K, K)
    spread : ndarray of shape (K,)
        Mean squares of the regressors along them.
    """
    root = np.sqrt(ridge).astype(regressors.dtype)
    share = (mass / max(mass.sum(), np.finfo(float).tiny))[:, np.newaxis]
    second = (regressors * share.astype(regressors.dtype)).T @ regressors
    second /= root[:, np.newaxis] * root
    spread, vectors = np.linalg.eigh(second)
    basis = vectors.T / root
    return basis, root[:, np.newaxis] * vectors, np.maximum(spread, 0)
