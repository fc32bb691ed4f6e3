r"""Weight, mean and sum of squared deviations of each column, in one pass.

What `moments` keeps without the p x p products: enough to centre rows implicitly, to
know which features vary, and to know the total variance of which a truncated
factorisation holds a share. The sums are taken around a provisional centre, for the
reason given there.
"""

from dataclasses import dataclass

import numpy as np

from skdimred.numerics.centers import sample_center
from skdimred.numerics.moments import QUIET, rows_per_block, varies

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
        step = min(n, rows_per_block(X, BLOCK_BYTES, X.dtype))
        buffer = np.empty((step, p), X.dtype)
        for start in range(0, n, step):
            rows = slice(start, start + step)
            Z = X[rows]
            out = buffer[: len(Z)]
            if center is not None:
                Z = np.subtract(Z, center, out=out)
            w = (
                np.ones(len(Z), X.dtype)
                if sample_weight is None
                else sample_weight[rows].astype(X.dtype)
            )
            total += w @ Z
            squares += w @ np.multiply(Z, Z, out=out)
        offset = total / weight if weight > 0 else total
        center = np.zeros(p) if center is None else center.astype(np.float64)
        return cls(weight, center, offset, squares - offset * total)

    @property
    def mean(self):
        """Weighted mean, float64 (p,)."""
        return self.center + self.offset

    @property
    def active(self):
        """Which features vary by more than the rounding of their values, (p,)."""
        return varies(self.squares, self.weight, self.mean)

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
    """Centre of dense rows for `ColumnMoments.from_block`; None for the origin."""
    return sample_center(X, sample_weight, X.dtype)
