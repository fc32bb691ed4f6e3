r"""Weighted counts, means and scatter that can be merged in any order.

The scatter :math:`S = \sum_i w_i (x_i - m)(x_i - m)^T` must not be computed as
:math:`\sum_i w_i x_i x_i^T - W m m^T`: with a mean of :math:`\kappa` standard
deviations the difference loses a factor :math:`\kappa^2` of precision, all of it at
:math:`\kappa = 10^4` in float32. Here every sum is taken around a provisional centre
:math:`c`, and the correction is made with the small number :math:`m - c`:

.. math:: S = \sum_i w_i (x_i - c)(x_i - c)^T - W (m - c)(m - c)^T .

`c` is the origin where a sample of the rows, spread evenly, has means of a few
standard deviations at most, and the mean of that sample otherwise. What the correction
took away is compared with what it left, feature by feature, and a block that lost more
than it may is summed again around the mean just found. The second pass is rare: with a
fraction `f` of the rows sampled and equal weights, :math:`(m - c)^2 \le s^2 / f`,
because the sampled rows alone carry that much of the variance :math:`s^2`.

A mean is kept in two parts, the centre and a small offset from it, so that the
difference of two means is exact to the size of that difference, and merging [1]_ loses
nothing on data far from the origin.

References
----------
.. [1] T. F. Chan, G. H. Golub and R. J. LeVeque, "Algorithms for computing the sample
       variance", The American Statistician 37 (1983), 242-247.
       https://doi.org/10.1080/00031305.1983.10483115
"""

from dataclasses import dataclass

import numpy as np

from skdimred.numerics.centers import (
    KAPPA_SQUARED,
    sample_center,
    sample_class_centers,
    sums_by_class,
)

__all__ = ["ClassMoments", "Moments", "varies"]

# Rows of one product: measured best for the product alone, and, where the block is
# first shifted into a buffer, for a buffer that stays in the cache. Float32 products
# are shorter, as their rounding averages out over the blocks.
PLAIN_BYTES = {np.dtype(np.float64): 8 << 20, np.dtype(np.float32): 2 << 20}
SHIFTED_BYTES = 2 << 20
# A block up to the first size is cheapest shifted by its mean at once; up to the second
# it is in the cache, and summing it twice costs no more than to look at a sample first.
TINY_BYTES, SMALL_BYTES = 1 << 18, 2 << 20
# Each pass around the mean that the last one found gains as many digits as it had;
# more than two are needed only where weights hide the rows that count.
MOST_PASSES = 4
# A standard deviation of so many roundings of the values themselves is none.
CONSTANT_ULPS = 10
# NaN and infinity in the rows pass through to the sums, where the caller finds them.
QUIET = np.errstate(invalid="ignore", over="ignore")


@dataclass(frozen=True)
class Moments:
    """Weight, mean and centred scatter of some rows.

    Attributes
    ----------
    n_rows : int
        Rows with a positive weight.
    weight : float
        Sum of the weights.
    center : ndarray of shape (p,), float64
        Provisional centre.
    offset : ndarray of shape (p,), float64
        Mean minus `center`.
    scatter : ndarray of shape (p, p), float64
        Sum of w (x - mean)(x - mean)'.
    """

    n_rows: int
    weight: float
    center: np.ndarray
    offset: np.ndarray
    scatter: np.ndarray

    @classmethod
    @QUIET
    def from_block(cls, X, sample_weight=None, *, precision=np.float64):
        """Summarise the rows of a float array, reading each once.

        Parameters
        ----------
        X : ndarray of shape (n, p), float64 or float32
        sample_weight : ndarray of shape (n,), float64, or None
        precision : dtype
            float32 lets the products inside one block of float32 rows be taken in
            float32; the sum over blocks is float64 in any case.
        """
        n_rows, weight = _count(X, sample_weight)
        center = None
        if X.nbytes <= TINY_BYTES and weight > 0:
            factor = np.ones(n_rows) if sample_weight is None else sample_weight
            center = (factor @ X / weight).astype(X.dtype, copy=False)
        elif X.nbytes > SMALL_BYTES:
            center = sample_center(X, sample_weight, precision)
        for passes_left in range(MOST_PASSES - 1, -1, -1):
            total, scatter = _shifted_sums(X, sample_weight, center, precision)
            offset = total / weight if weight > 0 else total
            scatter -= np.multiply.outer(offset, total)
            precise = _is_precise(offset * total, scatter, precision)
            if precise or not passes_left or _stays(center, offset, X.dtype):
                break
            center = _moved(center, offset, X.dtype)
        center = np.zeros(X.shape[1]) if center is None else center.astype(np.float64)
        return cls(n_rows, weight, center, offset, scatter)

    @property
    def mean(self):
        """Weighted mean, float64 (p,)."""
        return self.center + self.offset

    def covariance(self):
        """Covariance (p, p), with weights as repetitions: over their sum minus 1."""
        return self.scatter / (self.weight - 1)

    @property
    def active(self):
        """Which features vary by more than the rounding of their values, (p,)."""
        return varies(self.scatter.diagonal(), self.weight, self.mean)

    def about_origin(self):
        """Sum of w x x' (p, p): the scatter around 0."""
        mean = self.mean
        return self.scatter + np.multiply.outer(self.weight * mean, mean)

    def merge(self, other):
        """Moments of the rows of both; exact up to rounding, in any order."""
        if other.weight > self.weight:
            return other.merge(self)
        if other.weight == 0:
            return self
        weight = self.weight + other.weight
        delta = (other.center - self.center) + (other.offset - self.offset)
        offset = self.offset + (other.weight / weight) * delta
        scatter = self.scatter + other.scatter
        scatter += np.multiply.outer(
            delta, (self.weight * other.weight / weight) * delta
        )
        return Moments(self.n_rows + other.n_rows, weight, self.center, offset, scatter)


@dataclass(frozen=True)
class ClassMoments:
    """Weight and mean of each class, and the scatter within classes.

    Attributes
    ----------
    weights : ndarray of shape (K,), float64
        Sum of the weights of each class; a class may still be empty.
    center : ndarray of shape (p,), float64
        One provisional centre for all classes.
    offsets : ndarray of shape (K, p), float64
        Class means minus `center`; 0 for an empty class.
    scatter : ndarray of shape (p, p), float64
        Sum over classes and rows of w (x - class mean)(x - class mean)'.
    """

    weights: np.ndarray
    center: np.ndarray
    offsets: np.ndarray
    scatter: np.ndarray

    @classmethod
    @QUIET
    def from_block(
        cls, X, codes, n_classes, sample_weight=None, *, precision=np.float64
    ):
        """Summarise labelled rows, reading each once.

        Parameters
        ----------
        X : ndarray of shape (n, p), float64 or float32
        codes : ndarray of shape (n,), integer
            Class of each row, in ``range(n_classes)``.
        n_classes : int
        sample_weight : ndarray of shape (n,), float64, or None
        precision : dtype
            As in `Moments.from_block`.
        """
        weights = np.bincount(codes, sample_weight, n_classes).astype(np.float64)
        present = np.where(weights > 0, weights, 1.0)[:, np.newaxis]
        centers = None
        if X.nbytes > SMALL_BYTES:
            centers = sample_class_centers(
                X, codes, n_classes, sample_weight, precision
            )
        for passes_left in range(MOST_PASSES - 1, -1, -1):
            totals, scatter = _class_sums(
                X, codes, n_classes, sample_weight, centers, precision
            )
            offsets = totals / present
            scatter -= offsets.T @ totals
            taken = np.einsum("ij,ij->j", offsets, totals)
            precise = _is_precise(taken, scatter, precision)
            if precise or not passes_left or _stays(centers, offsets, X.dtype):
                break
            centers = _moved(centers, offsets, X.dtype)
        center = np.zeros(X.shape[1])
        if centers is not None:
            center = centers[int(np.argmax(weights))].astype(np.float64)
            offsets += centers - center
        offsets[weights == 0] = 0.0
        return cls(weights, center, offsets, scatter)

    @property
    def weight(self):
        """Sum of all weights."""
        return float(self.weights.sum())

    @property
    def means(self):
        """Class means, float64 (K, p); NaN for an empty class."""
        means = self.center + self.offsets
        means[self.weights == 0] = np.nan
        return means

    def within_scatter(self):
        """S_w (p, p): scatter within classes over the sum of the weights."""
        return self.scatter / self.weight

    def between_scatter(self, priors=None):
        """S_b (p, p) of the class means; priors are the class shares unless given."""
        B, _ = self.between(self.weights / self.weight if priors is None else priors)
        return B.T @ B

    def between(self, priors):
        """Rows sqrt(prior) (class mean - overall mean), and the overall offset.

        Parameters
        ----------
        priors : ndarray of shape (K,)
            Sum to 1; 0 for empty classes.

        Returns
        -------
        B : ndarray of shape (K, p)
            S_b = B'B; taken between means relative to `center`, so that a large
            common offset costs no digits.
        offset : ndarray of shape (p,)
            Overall mean minus `center`.
        """
        offset = priors @ self.offsets
        return np.sqrt(priors)[:, np.newaxis] * (self.offsets - offset), offset

    def reindex(self, positions, n_classes):
        """The same moments among `n_classes` classes, the old ones at `positions`."""
        weights = np.zeros(n_classes)
        offsets = np.zeros((n_classes, self.offsets.shape[1]))
        weights[positions], offsets[positions] = self.weights, self.offsets
        return ClassMoments(weights, self.center, offsets, self.scatter)

    def merge(self, other):
        """Moments of the rows of both; exact up to rounding, in any order."""
        if other.weight > self.weight:
            return other.merge(self)
        weights = self.weights + other.weights
        share = np.divide(
            other.weights, weights, out=np.zeros_like(weights), where=weights > 0
        )
        delta = (other.center - self.center) + (other.offsets - self.offsets)
        root = np.sqrt(self.weights * share)[:, np.newaxis] * delta
        offsets = self.offsets + share[:, np.newaxis] * delta
        scatter = self.scatter + other.scatter
        scatter += root.T @ root
        return ClassMoments(weights, self.center, offsets, scatter)


def varies(squares, weight, size):
    """Whether sums of squared deviations exceed the rounding of values of that size."""
    rounding = CONSTANT_ULPS * np.finfo(np.float64).eps * np.abs(size)
    return np.sqrt(np.maximum(squares, 0.0)) > np.sqrt(weight) * rounding


def _count(X, sample_weight):
    if sample_weight is None:
        return len(X), float(len(X))
    return int(np.count_nonzero(sample_weight)), float(sample_weight.sum())


def rows_per_block(X, n_bytes, precision):
    """Rows of `X` that fill about `n_bytes` in the given precision."""
    return max(256, n_bytes // (np.dtype(precision).itemsize * max(1, X.shape[1])))


def _is_precise(taken, scatter, precision):
    """Whether a correction took little from the sums for what it left, everywhere."""
    left = scatter.diagonal()
    return bool(np.all(taken <= KAPPA_SQUARED[np.dtype(precision)] * left))


def _moved(center, offset, dtype):
    """Centre in the dtype of the rows, moved to the mean just found."""
    return (offset if center is None else center + offset).astype(dtype)


def _stays(center, offset, dtype):
    """Whether another pass would be around the same centre."""
    return center is not None and np.array_equal(_moved(center, offset, dtype), center)


def _shifted_sums(X, sample_weight, center, precision):
    """Sum of w (x - c), float64 (p,), and of w (x - c)(x - c)', float64 (p, p)."""
    n, p = X.shape
    plain = center is None and sample_weight is None and X.dtype == precision
    n_bytes = PLAIN_BYTES[np.dtype(precision)] if plain else SHIFTED_BYTES
    step = min(n, rows_per_block(X, n_bytes, precision))
    total, scatter = np.zeros(p), None
    ones = np.ones(step, precision)
    order = "F" if X.flags.f_contiguous and not X.flags.c_contiguous else "C"
    buffer = None if plain else np.empty((step, p), precision, order)
    product = np.empty((p, p), precision)
    for start in range(0, n, step):
        Z = X[start : start + step]
        factor = ones[: len(Z)]
        if not plain:
            Z = _shift(Z, center, buffer[: len(Z)])
        if sample_weight is not None:
            factor = np.sqrt(sample_weight[start : start + step]).astype(precision)
            Z *= factor[:, np.newaxis]
        total += factor @ Z
        # numpy sees the transpose and calls syrk: half the work of a full product.
        np.matmul(Z.T, Z, out=product)
        scatter = _add(scatter, product)
    return total, scatter


def _add(scatter, product):
    """Float64 sum of products whose array is used again."""
    if scatter is None:
        return product.astype(np.float64)
    scatter += product
    return scatter


def _shift(rows, center, out):
    """Rows minus their centre into `out`, subtracted before any rounding to `out`."""
    if center is None:
        out[...] = rows
        return out
    return np.subtract(rows, center, out=out, dtype=out.dtype)


def _class_sums(X, codes, n_classes, sample_weight, centers, precision):
    """Sums of w z by class, float64 (K, p), and of w z z', z a row minus its centre."""
    n, p = X.shape
    plain = centers is None and sample_weight is None and X.dtype == precision
    # Two buffers share the cache here: one for the rows, one for their centres.
    n_bytes = PLAIN_BYTES[np.dtype(precision)] if plain else SHIFTED_BYTES // 2
    step = min(n, rows_per_block(X, n_bytes, precision))
    own_center = None if centers is None else np.empty((step, p), X.dtype)
    buffer = None if plain else np.empty((step, p), precision)
    product = np.empty((p, p), precision)
    totals, scatter = np.zeros((n_classes, p)), None
    for start in range(0, n, step):
        Z, labels = X[start : start + step], codes[start : start + step]
        size, factor = len(Z), None
        if centers is not None:
            np.take(centers, labels, axis=0, out=own_center[:size], mode="clip")
        if not plain:
            shift = None if centers is None else own_center[:size]
            Z = _shift(Z, shift, buffer[:size])
        if sample_weight is not None:
            factor = np.sqrt(sample_weight[start : start + step]).astype(precision)
            Z *= factor[:, np.newaxis]
        totals += sums_by_class(Z, labels, n_classes, factor)
        np.matmul(Z.T, Z, out=product)
        scatter = _add(scatter, product)
    return totals, scatter
