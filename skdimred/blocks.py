"""The one door by which rows come in: contiguous row ranges, mapped and merged.

A summary is a record with `merge`; `map_reduce` makes one for each range of rows and
merges them in the order of the rows, so the answer does not depend on which thread
finished first.
"""

from concurrent.futures import ThreadPoolExecutor
from functools import partial, reduce
from itertools import pairwise

import numpy as np

from skdimred.numerics import wide
from skdimred.numerics.threads import one_blas_thread

__all__ = ["left_product", "map_ranges", "map_reduce", "split", "wide_gram"]

# Below this many multiply-adds a pass takes under a millisecond, and starting
# threads would cost as much as they save.
SMALL_WORK = 2e7
# More ranges than threads: beside a busy process one thread gets less done than the
# other, and takes fewer of them.
RANGES_PER_THREAD = 3


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
    if work < SMALL_WORK:
        yield function(slice(0, length))
        return
    with one_blas_thread() as allowed:
        if allowed == 1:
            yield function(slice(0, length))
            return
        with ThreadPoolExecutor(allowed) as pool:
            yield from pool.map(function, split(length, RANGES_PER_THREAD * allowed))


def map_reduce(summarise, *arrays, work):
    """Summarise row ranges of `arrays` in parallel and merge the summaries.

    Parameters
    ----------
    summarise : callable
        ``summarise(*ranges)`` returns a record that has ``merge(other)``.
    *arrays : ndarray or None
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
        len(arrays[0]),
        work=work,
    )
    return reduce(lambda left, right: left.merge(right), parts)


def wide_gram(X, sample_weight):
    """`WideGram` of all features of wide data, X (n, p)."""
    return map_reduce(
        partial(wide.WideGram.from_block, sample_weight=sample_weight),
        X.T,
        work=X.shape[1] * X.shape[0] ** 2,
    )


def left_product(X, sample_weight, left):
    """``left' Z`` (m, p) for Z the rows of wide data minus their base row, weighted.

    Parameters
    ----------
    X : ndarray of shape (n, p)
    sample_weight : ndarray of shape (n,) or None
    left : ndarray of shape (n, m)
    """
    out = np.empty((left.shape[1], X.shape[1]))
    ranges = map_ranges(
        lambda features: wide.project_features(X, sample_weight, left, features, out),
        X.shape[1],
        work=left.size * X.shape[1],
    )
    for _ in ranges:
        pass
    return out
