"""Products of a large matrix with a few vectors, in tiles.

With 4 to 24 vectors a product is bound by the copy that BLAS makes of the large operand
to lay it out for its kernel: as dear as the multiplication itself. Tiles of about half
a million multiply-adds are multiplied where they lie (measured: 1.5 to 2.3 times as
fast as one large call), and stay in the cache between a product with the tile and one
with its transpose.
"""

import numpy as np

__all__ = ["project_off", "tile_shape", "times", "transposed_times"]

# Multiply-adds of one tile, and its short side (measured).
TILE, TILE_SIDE = 1 << 19, 64


def tile_shape(A, b):
    """Rows and columns of the tiles in which A meets b vectors.

    Longer along the contiguous axis; higher where A has few columns.
    """
    length, d = A.shape
    long, short = max(TILE // (TILE_SIDE * b), TILE_SIDE), TILE_SIDE
    if A.strides[1] > A.strides[0]:
        long, short = short, long
    wide = min(long, d)
    return min(length, max(short, TILE // (wide * b))), wide


def block_shape(A, size=8 << 20):
    """Rows and columns of the blocks of A that a thread beside others multiplies.

    Python threads take turns at every call, and calls as short as those of tiles would
    wait for each other longer than they last (measured: twice the time of one thread).
    """
    length, d = A.shape
    return min(length, max(TILE_SIDE, size // (A.itemsize * d))), d


def times(B, Q, wide, out, image):
    """B Q into `out`, in tiles of `wide` columns; `image` has the shape of `out`."""
    np.matmul(B[:, :wide], Q[:wide], out=out)
    for j in range(wide, B.shape[1], wide):
        out += np.matmul(B[:, j : j + wide], Q[j : j + wide], out=image)
    return out


def transposed_times(B, Y, wide, W, part):
    """Add B'Y to W, in tiles of `wide` columns of B; `part` holds one of them."""
    for j in range(0, B.shape[1], wide):
        tile = B[:, j : j + wide]
        W[j : j + wide] += np.matmul(tile.T, Y, out=part[: tile.shape[1]])


def project_off(rows, W):
    """Take orthonormal rows off the columns of W, in place, block by block.

    Parameters
    ----------
    rows : ndarray of shape (m, d)
    W : ndarray of shape (d, b)

    Returns
    -------
    ndarray of shape (m, b)
        The coefficients taken.
    """
    b = W.shape[1]
    H = np.empty((len(rows), b))
    if len(rows) == 0:
        return H
    high, wide = tile_shape(rows, b)
    image, part = np.empty((high, b)), np.empty((wide, b))
    for start in range(0, len(rows), high):
        B, taken = rows[start : start + high], H[start : start + high]
        times(B, W, wide, taken, image[: len(B)])
        transposed_times(B, -taken, wide, W, part)
    return H
