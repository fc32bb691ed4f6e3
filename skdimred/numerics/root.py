r"""A triangular root of the scatter: R with R'R = sum of w (x - c)(x - c)'.

The scatter squares the singular values, so that those below 1e-8 of the largest drown
in its rounding. R has the singular values themselves. It comes from a QR
decomposition of the rows, block by block [1]_, without the large orthogonal factor;
or, where only the columns' scales are uneven and the correlations well conditioned,
from the Cholesky factor of the correlation matrix, which costs no pass over the rows
and keeps digits that the scales would take [2]_.

References
----------
.. [1] J. Demmel, L. Grigori, M. Hoemmen and J. Langou, "Communication-optimal parallel
       and sequential QR and LU factorizations", SIAM Journal on Scientific Computing
       34 (2012), A206-A239. https://doi.org/10.1137/080731992
.. [2] J. Demmel and K. Veselic, "Jacobi's method is more accurate than QR", SIAM
       Journal on Matrix Analysis and Applications 13 (1992), 1204-1245.
       https://doi.org/10.1137/0613074
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy import sparse

__all__ = ["Root", "root_of_scatter"]

# Rows of one QR step as a multiple of the columns: the triangle that is carried along
# then costs a fifth of the work.
ROWS_PER_COLUMN = 4
MIN_BLOCK_ROWS = 1024
# Range of scales within which the order of the columns costs no digits worth having.
EVEN_SCALES = 1e6


@dataclass(frozen=True)
class Root:
    """Triangular root of a scatter.

    Attributes
    ----------
    R : ndarray of shape (r, p), float64
        Upper trapezoidal, R'R the scatter.
    """

    R: np.ndarray

    @classmethod
    def from_block(cls, X, sample_weight, codes=None, *, center, offsets):
        """Root of the scatter of rows around known means.

        Parameters
        ----------
        X : ndarray or csr of shape (n, p)
            Made dense block by block where sparse.
        sample_weight : ndarray of shape (n,), float64, or None
        codes : ndarray of shape (n,), integer, or None
            Class of each row; None for one class.
        center : ndarray of shape (p,), float64
        offsets : ndarray of shape (K, p), float64
            Class means minus `center`: subtracted in two steps, as a mean rounded to
            one number leaves a direction of its own on data far from the origin.
        """
        n, p = X.shape
        means, rest = _two_sum(center, offsets)
        step = max(MIN_BLOCK_ROWS, ROWS_PER_COLUMN * p)
        R = np.empty((0, p))
        for start in range(0, n, step):
            rows = slice(start, start + step)
            Z = X[rows]
            own = slice(0, 1) if codes is None else codes[rows]
            Z = (Z.toarray() if sparse.issparse(Z) else Z) - means[own]
            Z -= rest[own]
            if sample_weight is not None:
                Z *= np.sqrt(sample_weight[rows])[:, np.newaxis]
            R = np.linalg.qr(np.concatenate([R, Z]), mode="r")
        return cls(R)

    def merge(self, other):
        """Root of the sum of both scatters."""
        return Root(np.linalg.qr(np.concatenate([self.R, other.R]), mode="r"))


def _two_sum(a, b):
    """Rounded sum, and its rounding (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


def root_of_scatter(scatter, min_rcond):
    """Root of a positive definite scatter; None if its correlations are near singular.

    Triangular up to the order of the columns.

    Parameters
    ----------
    scatter : ndarray of shape (p, p), float64
        Positive diagonal.
    min_rcond : float
        Smallest reciprocal condition number of the correlation matrix accepted.

    Returns
    -------
    ndarray of shape (p, p) or None
    """
    scale = np.sqrt(scatter.diagonal())
    order = None
    if scale.max() > EVEN_SCALES * scale.min():
        # In the order of decreasing scale the root is graded, and its SVD keeps the
        # digits of the small values.
        order = np.argsort(-scale, kind="stable")
        scatter, scale = scatter[np.ix_(order, order)], scale[order]
    upper, rcond = cholesky_of_correlation(scatter, scale)
    if rcond < min_rcond:
        return None
    upper *= scale
    return upper if order is None else upper[:, np.argsort(order)]


def cholesky_of_correlation(scatter, scale):
    """Upper Cholesky factor of scatter / (scale scale'), and its rcond.

    Returns
    -------
    upper : ndarray of shape (p, p)
        Unusable where `rcond` is 0.
    rcond : float
        LAPACK's estimate in the 1-norm; 0 if the matrix is not positive definite.
    """
    correlation = scatter / scale
    correlation /= scale[:, np.newaxis]
    norm = scipy.linalg.lapack.dlange("1", correlation.T)
    upper, failed = scipy.linalg.lapack.dpotrf(correlation.T, lower=0, clean=1)
    if failed:
        return upper, 0.0
    rcond, _ = scipy.linalg.lapack.dpocon(upper, norm, uplo="U")
    return upper, float(rcond)
