"""One sign for every component, decided from the component alone."""

import numpy as np

__all__ = ["fix_signs"]

# Entries this close to the largest count as equal to it, so that rounding does not
# choose between two entries of opposite sign (1, -1).
TIE = 1e-6


def fix_signs(vectors):
    """Flip rows, in place, so that the entry of largest magnitude is positive.

    Of entries that are equal in magnitude the first one decides. Neither the data nor
    their order nor their weights enter.

    Parameters
    ----------
    vectors : ndarray of shape (k, p)

    Returns
    -------
    ndarray of shape (k, p)
        `vectors` itself.
    """
    if vectors.size == 0:
        return vectors
    size = np.abs(vectors)
    largest = size.max(axis=1, initial=0.0, keepdims=True)
    first = (size >= (1 - TIE) * largest).argmax(axis=1)
    deciding = vectors[np.arange(len(vectors)), first]
    vectors *= np.copysign(1.0, deciding)[:, np.newaxis].astype(vectors.dtype)
    return vectors
