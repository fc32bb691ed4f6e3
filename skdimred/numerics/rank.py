"""How many components: a number, all of them, or a share of the variance."""

import numpy as np

__all__ = ["resolve"]


def resolve(n_components, squares, total, limit):
    """Number of components to keep.

    Parameters
    ----------
    n_components : int, float in (0, 1) or None
        None keeps `limit`; a float keeps the smallest number whose share of `total`
        exceeds it.
    squares : ndarray of shape (m,)
        Squared singular values in descending order, all of them if `n_components` is
        a float.
    total : float
        Their sum, 0 for constant data.
    limit : int
        The most there can be.

    Returns
    -------
    int
    """
    if n_components is None:
        return limit
    if isinstance(n_components, int):
        return n_components
    if total <= 0:
        return 1
    share = np.cumsum(squares[:limit]) / total
    return int(min(limit, np.searchsorted(share, n_components, side="right") + 1))
