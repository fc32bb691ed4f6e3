r"""Non-negative components of rows that come in blocks.

What a component update needs of the rows are two sums [1]_, :math:`S = \sum_i w_i
W_i^T W_i` and :math:`C = \sum_i w_i W_i^T x_i`, with W_i the weights found by the
components of the time. A block adds to both, and a few sweeps of coordinate descent
move the components. Rows of long ago were held against worse components, and fade.

References
----------
.. [1] J. Mairal, F. Bach, J. Ponce and G. Sapiro, "Online learning for matrix
       factorization and sparse coding", Journal of Machine Learning Research 11 (2010),
       19-60.
"""

from dataclasses import dataclass, replace

import numpy as np

from skdimred.decomposition._nmf_fit import Fitted, factorise
from skdimred.decomposition._nmf_rows import fit_of_rows, transposed_product
from skdimred.numerics.nonnegative import balanced_residual, hals, slope

__all__ = ["Stream"]

# Rows seen before a block count the less the more of all rows are in it: by the power
# of the share that they make up.
FADING = 2.0
SWEEPS = 3
# Of a first block, which is only the beginning, at most.
FIRST_ITER, FIRST_TOL = 30, 1e-3


@dataclass(frozen=True)
class Stream:
    """What is kept of the rows seen.

    Attributes
    ----------
    S : ndarray of shape (k, k), float64
    C : ndarray of shape (k, p), float64
        Both over the square of the scale of the model.
    weight : float
        Of all rows seen.
    """

    S: np.ndarray
    C: np.ndarray
    weight: float

    @classmethod
    def of(cls, table, found):
        """After a fit to a table."""
        times = np.ones(table.X.shape[0]) if table.weight is None else table.weight
        S, C = cls._sums(table.X, found.rows.W, times, found.model, found.cross)
        return cls(S, C, float(times.sum()))

    @staticmethod
    def _sums(X, W, times, model, C=None):
        W = W / model.scale
        if C is None:
            C = transposed_product(X, W, times, model) / model.scale
        return W.T @ (W * times[:, np.newaxis]), C

    @classmethod
    def begun(cls, table, plan, init, rng):
        """After a fit to a first block.

        Parameters
        ----------
        table : Table
        plan : Plan
        init : str or tuple of ndarray
        rng : numpy.random.Generator

        Returns
        -------
        Fitted
        Stream
        """
        plan = replace(
            plan,
            tol=max(plan.tol, FIRST_TOL),
            max_iter=min(plan.max_iter, FIRST_ITER),
        )
        found = factorise(table, plan, init, rng)
        return found, cls.of(table, found)

    def advanced(self, table, plan, model):
        """After another block.

        Parameters
        ----------
        table : Table
        plan : Plan
        model : Model
            Components so far.

        Returns
        -------
        Fitted
        Stream
        """
        X, n = table.X, table.X.shape[0]
        times = np.ones(n) if table.weight is None else table.weight
        weight = self.weight + float(times.sum())
        fade = (self.weight / weight) ** FADING
        # The rows on the components as they were; sweeps are close enough.
        rows = fit_of_rows(
            X, replace(model, exact=False), table.weight, gaps=table.gaps
        )
        S, C = self._sums(X, rows.W, times, model)
        (_, _), (l1, l2) = plan.penalties(weight, X.shape[1])
        l1, l2 = (value / model.scale / model.scale for value in (l1, l2))
        H = model.H.astype(np.float64)
        slopes = slope(H, S @ H + l2 * H + l1 - C)
        A = np.ascontiguousarray((rows.W / model.scale * np.sqrt(times)[:, None]).T)
        residual = balanced_residual(0 * slopes, slopes, A, H, rows.total)
        S, C = fade * self.S + S, fade * self.C + C
        hals(H, C - l1, S + l2 * np.eye(len(S)), SWEEPS)
        if not plan.penalised:
            norms = np.sqrt(np.einsum("ij,ij->i", H, H))
            norms[norms == 0] = 1.0
            H /= norms[:, np.newaxis]
            # In units of the new components, the old weights are so much larger.
            S, C = S * np.multiply.outer(norms, norms), C * norms[:, np.newaxis]
        model = replace(model, H=(H + 0.0).astype(X.dtype))
        found = Fitted(model, rows, [_loss(rows, model)], float(residual), 1, True)
        return found, Stream(S, C, weight)


def _loss(rows, model):
    """The loss of rows in the units of the table, inf where it overflows."""
    with np.errstate(over="ignore"):
        return float(rows.loss and rows.loss * np.float64(model.scale) ** 2)
