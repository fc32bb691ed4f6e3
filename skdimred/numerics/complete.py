"""Biased factors of a table of which every cell is known: one side of it.

All rows share one Gram matrix, and a sparse table stays sparse: zeros are cells like
others, but only the stored ones enter the product with the factors.
"""

from dataclasses import dataclass

import numpy as np

from skdimred.numerics.descent import descend
from skdimred.numerics.masked import run_in_threads

__all__ = ["CompleteSide", "spectral_start"]

# Bytes of the rows of a product that one thread takes at a time.
RANGE = 1 << 22
# Rounds in which biases of rows and columns are taken off by turns.
BIAS_ROUNDS = 5


@dataclass(frozen=True)
class CompleteSide:
    """The rows of a table, or its columns as rows.

    Attributes
    ----------
    table : ndarray or sparse array of shape (n, m)
    center : float
        Subtracted from every cell.
    weight : ndarray of shape (m,) or None
        Of the other side's rows.
    bias : bool
        Whether a row has a bias.
    threads : int
    """

    table: object
    center: float
    weight: np.ndarray | None
    bias: bool
    threads: int = 1

    @property
    def total(self):
        """Weight of the known cells of each row."""
        n, m = self.table.shape
        return np.full(n, m if self.weight is None else self.weight.sum(), dtype=float)

    def improve(self, X, other, penalty, mass, *, method, effort):
        """Lower the objective over all rows, in place; see `MaskedSide.improve`."""
        k = X.shape[1] - 1
        K = k + self.bias
        regressors = other.copy()
        regressors[:, k] = 1
        regressors = regressors[:, :K]
        offset = other[:, k].astype(np.float64) + self.center
        weighted = regressors
        if self.weight is not None:
            weighted = regressors * self.weight[:, np.newaxis].astype(X.dtype)
        gram = (regressors.T @ weighted).astype(np.float64)
        target = self._product(weighted).astype(np.float64)
        target -= offset @ weighted
        times = penalty.times(self.total[:1])[0, 0]
        ridge = times * penalty.ridge(k, self.bias)
        if not K:
            found = np.zeros((len(X), 0))
        elif method == "cd":
            l1, lower = penalty.limits(k, self.bias)
            found = descend(
                (gram + np.diag(ridge))[np.newaxis],
                target,
                X[:, :K].astype(np.float64),
                times * l1[np.newaxis],
                lower,
                passes=effort,
                tol=64 * np.finfo(X.dtype).eps,
            )
        else:
            found = _solve(gram, ridge, target)
        X[:, :K] = found
        return self._squares(offset, X[:, :K].astype(np.float64), gram, target)

    def _product(self, right):
        """The table times a thin matrix."""
        table = self.table
        if not isinstance(table, np.ndarray):
            return np.asarray(table @ right)
        out = np.empty((len(table), right.shape[1]), dtype=right.dtype)
        step = max(1, RANGE // max(1, table.shape[1] * table.itemsize))

        def work(tasks):
            for i in tasks:
                rows = slice(i * step, (i + 1) * step)
                np.matmul(table[rows], right, out=out[rows])

        run_in_threads(work, -(-len(table) // step), self.threads)
        return out

    def _squares(self, offset, found, gram, target):
        """Squared errors of each row, without the errors themselves."""
        weight = np.ones(len(offset)) if self.weight is None else self.weight
        column = (weight * offset)[:, np.newaxis]
        cross = self._product(column.astype(self.table.dtype))[:, 0]
        start = self._sums_of_squares(weight) - 2 * cross + offset @ column[:, 0]
        explained = np.einsum("ij,ij->i", found, 2 * target - found @ gram)
        return np.maximum(start - explained, 0.0)

    def _sums_of_squares(self, weight):
        table = self.table
        if isinstance(table, np.ndarray):
            return np.einsum("ij,ij,j->i", table, table, weight, dtype=np.float64)
        return np.asarray(table.astype(np.float64).power(2) @ weight)


def _solve(gram, ridge, target):
    """Rows that minimise; the shortest where the penalty leaves them open."""
    A = gram + np.diag(ridge)
    if (ridge > np.finfo(np.float64).eps * np.diag(gram)).all():
        return np.linalg.solve(A, target.T).T
    values, vectors = np.linalg.eigh(A)
    floor = values[-1] * len(A) * np.finfo(np.float64).eps
    inverse = np.divide(1.0, values, out=np.zeros_like(values), where=values > floor)
    return (target @ vectors * inverse) @ vectors.T


def spectral_start(table, center, weight, biases, penalty, k):
    r"""Columns of a dense table to start from: the solution itself if none has a bias.

    The best product with ridges :math:`\lambda_r, \lambda_c` on the two sides is the
    singular value decomposition with :math:`s - \sqrt{\lambda_r \lambda_c}` for s
    [1]_. Biases are taken off before, which is close where there are some.

    Returns
    -------
    ndarray of shape (m, k + 1)

    References
    ----------
    .. [1] R. Mazumder, T. Hastie and R. Tibshirani, "Spectral regularization
           algorithms for learning large incomplete matrices", Journal of Machine
           Learning Research 11 (2010), 2287-2322.
    """
    n, m = table.shape
    w = np.ones(n) if weight is None else weight
    rest = table - center
    cells = w.sum() if penalty.weighted else 1.0, m if penalty.weighted else 1.0
    c = np.zeros(m)
    for _ in range(BIAS_ROUNDS if any(biases) else 0):
        b = (rest - c).sum(axis=1) / (m + penalty.bias * cells[1]) * biases[0]
        total = w @ (rest - b[:, np.newaxis])
        c = total / (w.sum() + penalty.bias * cells[0]) * biases[1]
    if any(biases):
        rest = rest - b[:, np.newaxis] - c
    rest *= np.sqrt(w)[:, np.newaxis].astype(rest.dtype)
    _, s, V = np.linalg.svd(rest, full_matrices=False)
    l2_rows, l2_columns = penalty.l2 * cells[1], penalty.l2 * cells[0]
    r = min(k, len(s))
    s = np.maximum(s[:r] - np.sqrt(l2_rows * l2_columns), 0.0)
    ratio = (l2_rows / l2_columns) ** 0.25 if penalty.l2 else 1.0
    Q = np.zeros((m, k + 1), dtype=table.dtype)
    Q[:, :r] = V[:r].T * np.sqrt(s) * ratio
    Q[:, k] = c
    return Q
