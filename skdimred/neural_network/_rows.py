"""Rows as a network sees them: less their mean, over one scale, a batch at a time."""

import numpy as np

from skdimred.numerics.columns import ColumnMoments, provisional_center

__all__ = ["StandardRows", "raise_if_too_close", "standardise", "standards"]

# Bytes up to which standardised rows are kept, and not made anew in every epoch.
HELD_BYTES = 256 << 20
CHUNK_ROWS = 512


def standards(X, weight):
    """Mean (p,), scale, and which features vary (p,), of weighted rows.

    The scale is the root of the mean variance of the features that vary. It is one
    number for all, so that distances between rows keep their proportions.

    Raises
    ------
    FloatingPointError
        If squares overflow, or X holds NaN or infinity.

    Returns
    -------
    mean : ndarray of shape (p,)
        In the dtype of X.
    scale : float
        0 where nothing varies.
    varying : ndarray of shape (p,), bool
    """
    center = provisional_center(X, weight)
    moments = ColumnMoments.from_block(X, weight, center=center)
    if not np.isfinite(moments.squares).all():
        raise FloatingPointError
    varying = moments.active
    variance = moments.squares[varying] / moments.weight
    scale = float(np.sqrt(variance.mean())) if varying.any() else 0.0
    return moments.mean.astype(X.dtype), scale, varying


def raise_if_too_close(X):
    """Raise if rows differ, but by less than squares in float64 can tell from 0."""
    apart = float((X.max(axis=0) - X.min(axis=0)).max())
    if apart > 0 and apart**2 < np.finfo(np.float64).tiny:
        raise ValueError(
            f"X varies by {apart:.3g} at most, and the square of that underflows: "
            "multiply X by a constant."
        )


def standardise(X, mean, scale):
    """Rows less their mean, over the scale, in memory of their own.

    What overflows becomes infinite, without a warning.
    """
    least = np.finfo(X.dtype).tiny
    # Float32 may have no such number as the scale, or not its inverse.
    dtype = X.dtype if least <= scale <= 1 / least else np.dtype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        Z = np.subtract(X, mean.astype(dtype, copy=False), dtype=dtype)
        Z *= dtype.type(1.0 / scale)
        return Z.astype(X.dtype, copy=False)


class StandardRows:
    """Standardised rows, of the features that vary.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    mean : ndarray of shape (p,)
    scale : float
    columns : ndarray of int, or None
        Features taken, None for all.
    dtype : dtype
    """

    def __init__(self, X, mean, scale, columns, dtype):
        self.mean = mean if columns is None else mean[columns]
        self.X, self.scale, self.columns, self.dtype = X, scale, columns, dtype
        self.shape = (len(X), len(self.mean))
        self.held = None
        if len(X) * len(self.mean) * np.dtype(dtype).itemsize <= HELD_BYTES:
            self.held = np.empty(self.shape, dtype)
            for start in range(0, len(X), CHUNK_ROWS):
                rows = slice(start, start + CHUNK_ROWS)
                self.held[rows] = self._standard(X[rows])

    def _standard(self, rows):
        rows = rows if self.columns is None else rows[:, self.columns]
        return standardise(rows.astype(self.dtype, copy=False), self.mean, self.scale)

    def take(self, index, out):
        """Rows of some positions, into `out` of as many rows or more."""
        out = out[: len(index)]
        if self.held is None:
            out[...] = self._standard(self.X[index])
        else:
            # Positions are known to be right; the default mode would buffer.
            np.take(self.held, index, axis=0, out=out, mode="clip")
        return out
