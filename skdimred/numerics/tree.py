"""A k-d tree of rows, where it is faster than all distances.

A tree splits along coordinates. Along the principal axes of the rows, to which they are
turned first, a split leaves more behind, and distances stay what they are. How much of
the tree a search goes through is told by a few of them: a search meets the leaves whose
boxes come nearer than the last neighbour. Nothing is timed, so that the choice, and
the last digit of each distance, are the same in every run.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy.spatial import cKDTree

__all__ = ["Tree", "planted"]

# Columns up to which rows are not turned, and from which there is no tree.
FLAT, MOST_COLUMNS = 3, 64
# Rows up to which a tree of few columns is the faster one, whatever they look like.
FEW_ROWS, FEW_COLUMNS = 1000, 12
# Of the variances, the square of their sum over the sum of their squares, from which a
# search meets most leaves; and how many rows tell the variances.
MOST_DIMENSIONS, ROWS_OF_VARIANCE = 10, 4096
# Searches that are tried, and for how many neighbours.
TRIED, NEIGHBOURS = 32, 10
# Share of the leaves that a search may meet, where a tree was measured to take the time
# of all distances: at so many rows, its bounds over n, and columns from which on a leaf
# costs more.
SHARE, AT_ROWS, LEAST_SHARE, MOST_SHARE, MANY_COLUMNS = 0.2, 8000, 0.17, 0.3, 24


@dataclass(frozen=True)
class Tree:
    """A k-d tree.

    Attributes
    ----------
    nodes : cKDTree
    axes : ndarray of shape (p, p) or None
        What rows are multiplied with first.
    """

    nodes: cKDTree
    axes: np.ndarray | None

    def query(self, rows, q, workers):
        """Distances (m, q) of rows to the nearest in the tree, and which they are."""
        if self.axes is not None:
            rows = turned(rows, self.axes)
        D, places = self.nodes.query(rows, k=q, workers=workers)
        return D.reshape(-1, q), places.reshape(-1, q)


def planted(rows):
    """The `Tree` of centred rows (n, p), or None where all distances are faster."""
    n, p = rows.shape
    if p <= FLAT:
        return Tree(cKDTree(rows), None)
    if p > MOST_COLUMNS:
        return None
    some = rows[:: -(-n // ROWS_OF_VARIANCE)].astype(np.float64, copy=False)
    C = some.T @ some
    total = float(np.trace(C))
    if total == 0:
        return Tree(cKDTree(rows), None)
    C /= total
    few = n <= FEW_ROWS and p <= FEW_COLUMNS
    if not few and np.sum(C * C) * MOST_DIMENSIONS < 1:
        return None
    axes = scipy.linalg.eigh(C, check_finite=False)[1][:, ::-1]
    along = turned(rows, axes)
    tree = Tree(cKDTree(along), axes)
    share = np.clip(SHARE * np.sqrt(AT_ROWS / n), LEAST_SHARE, MOST_SHARE)
    share *= min(1.0, MANY_COLUMNS / p)
    return tree if few or leaves_met(tree.nodes, along) <= share else None


def turned(rows, axes):
    """Rows along other axes, each whatever the others are: a product would differ."""
    return np.einsum("ij,jk->ik", rows.astype(np.float64, copy=False), axes)


def leaves_met(nodes, rows):
    """Share of the leaves that come nearer to a row than its last neighbour, a mean.

    Rows next to each other in the tree, as many as a leaf has, stand for a leaf.
    """
    n = len(rows)
    ordered, starts = rows[nodes.indices], np.arange(0, n, nodes.leafsize)
    low = np.minimum.reduceat(ordered, starts, axis=0)
    high = np.maximum.reduceat(ordered, starts, axis=0)
    tried = rows[np.linspace(0, n - 1, min(n, TRIED)).astype(np.intp)]
    reach = nodes.query(tried, k=[min(n, NEIGHBOURS + 1)])[0].ravel()
    met = 0
    for row, far in zip(tried, reach, strict=True):
        gap = np.maximum(low - row, row - high)
        np.maximum(gap, 0.0, out=gap)
        met += np.count_nonzero(np.einsum("ij,ij->i", gap, gap) <= far * far)
    return met / (len(tried) * len(starts))
