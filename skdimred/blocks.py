"""The one door by which rows come in: contiguous row ranges, mapped and merged.

A summary is a record with `merge`; `map_reduce` makes one for each range of rows and
merges them in the order of the rows, so the answer does not depend on which thread
finished first.
"""

import os
from collections.abc import Iterator
from functools import partial, reduce
from itertools import pairwise
from mmap import mmap

import numpy as np

from skdimred.numerics import wide
from skdimred.numerics.threads import is_worker, one_blas_thread, workers

__all__ = [
    "is_iterator",
    "left_product",
    "lies_on_disk",
    "map_ranges",
    "map_reduce",
    "n_ranges",
    "opened",
    "split",
    "wide_gram",
]

# Multiply-adds of a range, one or two milliseconds, for which dealing it to a thread
# pays: a pass of less than two of them is not cut.
SMALL_WORK = 5e7
# More ranges than threads: beside a busy process one thread gets less done than the
# other, and takes fewer of them.
RANGES_PER_THREAD = 3


def opened(X):
    """X itself, or a read-only memory map if X is the path of an ``.npy`` file.

    Raises
    ------
    ValueError
        If a path does not name an ``.npy`` file.
    """
    if not isinstance(X, (str, os.PathLike)):
        return X
    path = os.fspath(X)
    if not str(path).endswith(".npy"):
        raise ValueError(
            f"X={path!r} must be the path of an .npy file (see numpy.save), an array, "
            "a sparse matrix or an iterator of blocks of rows."
        )
    return np.load(path, mmap_mode="r")


def is_iterator(X):
    """Whether X gives blocks of rows one after the other."""
    return isinstance(X, Iterator)


def lies_on_disk(X):
    """Whether the memory of an array is mapped from a file."""
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            return True
        X = X.base
    return isinstance(X, mmap)


def n_ranges(work):
    """How many ranges `map_ranges` would cut a pass of so much work into."""
    if work < 2 * SMALL_WORK:
        return 1
    with one_blas_thread() as allowed:
        return _n_ranges(work, allowed)


def _n_ranges(work, allowed):
    if allowed == 1:
        return 1
    return max(1, min(RANGES_PER_THREAD * allowed, int(work / max(SMALL_WORK, 1.0))))


def split(length, parts):
    """Cut ``range(length)`` into at most `parts` contiguous slices of similar size."""
    parts = max(1, min(parts, length))
    edges = [length * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


def map_ranges(function, length, *, work):
    """Call ``function(slice)`` on row ranges that cover ``range(length)``.

    Parameters
    ----------
    function : callable
    length : int
    work : float
        Multiply-adds of all calls together: decides whether threads pay.

    Yields
    ------
    object
        What the calls returned, in the order of the ranges.
    """
    if work < 2 * SMALL_WORK or is_worker():
        yield function(slice(0, length))
        return
    with one_blas_thread() as allowed:
        if allowed == 1:
            yield function(slice(0, length))
            return
        ranges = split(length, _n_ranges(work, allowed))
        yield from workers(allowed).map(function, ranges)


def map_reduce(summarise, *arrays, work):
    """Summarise row ranges of `arrays` in parallel and merge the summaries.

    Parameters
    ----------
    summarise : callable
        ``summarise(*ranges)`` returns a record that has ``merge(other)``.
    *arrays : ndarray, csr or None
        Row-aligned arrays (memory-mapped ones are read range by range); None is
        passed on as None.
    work : float
        Multiply-adds of the whole pass.

    Returns
    -------
    record
        The merged summary of all rows.
    """
    parts = map_ranges(
        lambda rows: summarise(*(None if a is None else a[rows] for a in arrays)),
        arrays[0].shape[0],
        work=work,
    )
    return reduce(lambda left, right: left.merge(right), parts)


def wide_gram(X, sample_weight, center=True):
    """`WideGram` of all features of wide data, X (n, p), an ndarray or csc."""
    return map_reduce(
        partial(wide.WideGram.from_block, sample_weight=sample_weight, center=center),
        X.T,
        work=X.shape[1] * X.shape[0] ** 2,
    )


def left_product(X, sample_weight, left, center=True):
    """``left' Z`` (m, p) for Z the rows of wide data minus their base row, weighted.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    sample_weight : ndarray of shape (n,) or None
    left : ndarray of shape (n, m)
    center : bool
        Whether the base row is subtracted.
    """
    out = np.empty((left.shape[1], X.shape[1]))
    ranges = map_ranges(
        lambda features: wide.project_features(
            X, sample_weight, left, features, out, center
        ),
        X.shape[1],
        work=left.size * X.shape[1],
    )
    for _ in ranges:
        pass
    return out
