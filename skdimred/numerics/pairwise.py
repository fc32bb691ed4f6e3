r"""Factors of the ids in several columns: a pairwise factorisation machine.

A sample has one id in each of c columns, each id a factor v and a bias b, and

.. math:: y \approx \mu + \sum_j b_j + \sum_{j < l} v_j^T v_l .

With the other columns given, the ids of one column are ridge problems like the rows of
a table: a sample's regressors are the sum of its other factors, and 1. So the columns
are improved by turns. Two columns give biased factors.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skdimred.numerics.masked import MaskedSide

__all__ = ["Column", "Sums", "alternate_columns", "predict_samples"]

# Sweeps of conjugate gradients that take two steps, and passes of coordinate descent.
EARLY, PASSES = 3, 2


@dataclass(frozen=True)
class Column:
    """One column of ids.

    Attributes
    ----------
    codes : ndarray of int of shape (n_samples,)
        Id of each sample.
    side : MaskedSide
        Ids as rows, samples as columns.
    """

    codes: np.ndarray
    side: MaskedSide

    @classmethod
    def from_codes(cls, codes, n_ids, values, weight, k, *, descent, threads):
        """Sort samples by their ids."""
        order = np.argsort(codes, kind="stable")
        counts = np.bincount(codes, minlength=n_ids)
        indptr = np.concatenate(([0], np.cumsum(counts)))
        shape = (n_ids, len(codes))
        table = sparse.csr_array((values[order], order, indptr), shape=shape)
        weight = None if weight is None else weight[order]
        side = MaskedSide.from_csr(
            table, weight, k, True, descent=descent, threads=threads
        )
        return cls(codes, side)


class Sums:
    """Over the columns: factors, their squares, and biases of each sample."""

    def __init__(self, n_samples, k, dtype):
        self.factors = np.zeros((n_samples, k), dtype=dtype)
        self.squares = np.zeros(n_samples, dtype=dtype)
        self.bias = np.zeros(n_samples, dtype=dtype)

    def add(self, V, sign=1):
        """Add the factors and biases (n_samples, k + 1) of one column."""
        self.factors += sign * V[:, :-1]
        self.squares += sign * np.einsum("ij,ij->i", V[:, :-1], V[:, :-1])
        self.bias += sign * V[:, -1]

    def prediction(self):
        """What all columns together say, less the mean."""
        total = np.einsum("ij,ij->i", self.factors, self.factors)
        return self.bias + 0.5 * (total - self.squares)

    def as_regressors(self):
        """Sums without one column, as what its ids are explained by."""
        return np.column_stack([self.factors, self.prediction()])


def alternate_columns(
    columns, V, penalty, weight, *, method, max_iter, tol, after_sweep
):
    """Improve the ids of one column after the other until the objective hardly falls.

    Parameters
    ----------
    columns : list of Column
    V : list of ndarray of shape (n_ids, k + 1)
        Factors and biases to start from; changed.
    penalty : masked.Penalty
    weight : ndarray of shape (n_samples,)
    method : {"exact", "cg", "cd"}
    max_iter : int
    tol : float
    after_sweep : callable
        ``after_sweep(V, history)`` returns whether to stop.

    Returns
    -------
    list of float
        The objective after each sweep.
    """
    n, k = len(weight), V[0].shape[1] - 1
    history = []
    for sweep in range(max_iter):
        effort = {"cg": 2 if sweep < EARLY else 1, "cd": PASSES}.get(method)
        # Anew in each sweep, so that rounding does not add up.
        sums = Sums(n, k, V[0].dtype)
        for column, v in zip(columns, V, strict=True):
            sums.add(v[column.codes])
        for column, v in zip(columns, V, strict=True):
            sums.add(v[column.codes], -1)
            squares = column.side.improve(
                v, sums.as_regressors(), penalty, weight, method=method, effort=effort
            )
            sums.add(v[column.codes])
        value = 0.5 * float(squares.sum())
        for column, v in zip(columns, V, strict=True):
            value += float(penalty.of(v, column.side.total).sum())
        before = history[-1] if sweep else np.inf
        history.append(min(value, before))
        if after_sweep(V, history) or (sweep and before - value <= tol * before):
            break
    return history


def predict_samples(V, codes, known):
    """Predictions less the mean; ids that are not known count for nothing.

    Parameters
    ----------
    V : list of ndarray of shape (n_ids, k + 1)
    codes : list of ndarray of int of shape (n_samples,)
    known : list of ndarray of bool of shape (n_samples,)
    """
    sums = Sums(len(codes[0]), V[0].shape[1] - 1, np.float64)
    for v, code, is_known in zip(V, codes, known, strict=True):
        sums.add(v[code].astype(np.float64) * is_known[:, np.newaxis])
    return sums.prediction()
