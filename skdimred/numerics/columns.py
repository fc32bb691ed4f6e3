r"""Weight, mean and sum of squared deviations of each column, in one pass.

What `moments` keeps without the p x p products: enough to centre rows implicitly, to
know which features vary, and to know the total variance of which a truncated
factorisation holds a share. The sums are taken around a provisional centre, for the
reason given there.
"""

from dataclasses import dataclass

import numpy as np

from skdimred.numerics.centers import SAMPLE_ROWS, sample_center
from skdimred.numerics.moments import QUIET, varies

__all__ = ["ColumnMoments", "provisional_center"]

BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class ColumnMoments:
    """Weight, mean and scatter of the columns of some rows.

    Attributes
    ----------
    weight : float
        Sum of the weights.
    center : ndarray of shape (p,), float64
        Provisional centre.
    offset : ndarray of shape (p,), float64
        Mean minus `center`.
    squares : ndarray of shape (p,), float64
        Sum of w (x - mean)^2.
    """

    weight: float
    center: np.ndarray
    offset: np.ndarray
    squares: np.ndarray

    @classmethod
    @QUIET
    def from_block(cls, X, sample_weight=None, *, center=None):
        """Summarise the rows of a float array, reading each once.

        Parameters
        ----------
        X : ndarray of shape (n, p), float64 or float32
        sample_weight : ndarray of shape (n,), float64, or None
        center : ndarray of shape (p,) or None
            In the dtype of X; None stands for the origin.
        """
        n, p = X.shape
        weight = float(n if sample_weight is None else sample_weight.sum())
        total, squares = np.zeros(p), np.zeros(p)
        step = min(n, max(1, BLOCK_BYTES // (8 * p)))
        buffer = np.empty((step, p))
        for start in range(0, n, step):
            rows = slice(start, start + step)
            Z = X[rows]
            out = buffer[: len(Z)]
            if center is not None or X.dtype != np.float64:
                off = 0.0 if center is None else center
                Z = np.subtract(Z, off, out=out, dtype=np.float64)
            w = np.ones(len(Z)) if sample_weight is None else sample_weight[rows]
            total += w @ Z
            squares += w @ np.multiply(Z, Z, out=out)
        offset = total / weight if weight > 0 else total
        center = np.zeros(p) if center is None else center.astype(np.float64)
        squares = np.maximum(squares - offset * total, 0.0)
        return cls(weight, center, offset, squares)

    @property
    def mean(self):
        """Weighted mean, float64 (p,)."""
        return self.center + self.offset

    @property
    def active(self):
        """Which features vary by more than the rounding of their values, (p,)."""
        return varies(self.squares, self.weight, self.mean)

    def total(self, center):
        """Sum of the squares of what varies about the mean, or about the origin."""
        squares = self.squares[self.active] if center else self.raw_squares
        return float(squares.sum())

    @property
    def raw_squares(self):
        """Sum of w x^2 for each column, (p,)."""
        return self.squares + self.weight * self.mean**2

    def merge(self, other):
        """Moments of the rows of both; exact up to rounding, in any order."""
        if other.weight > self.weight:
            return other.merge(self)
        if other.weight == 0:
            return self
        weight = self.weight + other.weight
        delta = (other.center - self.center) + (other.offset - self.offset)
        return ColumnMoments(
            weight,
            self.center,
            self.offset + (other.weight / weight) * delta,
            self.squares
            + other.squares
            + (self.weight * other.weight / weight) * delta**2,
        )


@QUIET
def provisional_center(X, sample_weight):
    """Centre of dense rows for `ColumnMoments.from_block`; None for the origin.

    From one in 32 of the rows that count, 512 at most.
    """
    counting = np.arange(len(X))
    if sample_weight is not None:
        counting = np.flatnonzero(sample_weight)
    wanted = max(1, min(SAMPLE_ROWS, len(counting) // 32))
    rows = counting[:: -(-len(counting) // wanted)]
    weight = None if sample_weight is None else sample_weight[rows]
    return sample_center(X[rows], weight, X.dtype)
