"""Measures of how well a reduction did its work.

Signs and rotations of components carry no meaning, so two answers are compared by
the subspaces they span and never entry by entry.
"""

import numpy as np

__all__ = ["subspace_sine"]


def subspace_sine(A, B):
    r"""Sine of the largest principal angle between two row spaces.

    With orthonormal bases :math:`Q_A, Q_B` of the row spaces of `A` and `B`, it is
    :math:`\|Q_B (I - Q_A^T Q_A)\|_2`, computed from the residual and not from a
    cosine, so that angles down to 1e-16 keep their digits [1]_. It is 0 when the two
    spaces are the same and 1 when one holds a direction orthogonal to the other, as
    it always does when the ranks differ.

    Parameters
    ----------
    A : array-like of shape (k, n_features)
        Vectors as rows, as in `components_`; `scalings_` is passed transposed.
    B : array-like of shape (m, n_features)
        Vectors as rows.

    Returns
    -------
    sine : float
        Between 0 and 1.

    Raises
    ------
    ValueError
        If `A` and `B` are not matrices with the same number of columns, or hold NaN
        or infinity.

    References
    ----------
    .. [1] A. Bjorck and G. H. Golub, "Numerical methods for computing angles between
           linear subspaces", Mathematics of Computation 27 (1973), 579-594.
           https://doi.org/10.1090/S0025-5718-1973-0348991-3

    Examples
    --------
    >>> import numpy as np
    >>> from skdimred.metrics import subspace_sine
    >>> float(subspace_sine([[1.0, 0.0, 0.0]], [[-2.0, 0.0, 0.0]]))
    0.0
    >>> float(np.round(subspace_sine([[1.0, 0.0]], [[1.0, 1.0]]), 4))
    0.7071
    """
    A, B = (np.asarray(M, dtype=np.float64) for M in (A, B))
    if A.ndim != 2 or B.ndim != 2 or A.shape[1] != B.shape[1]:
        raise ValueError(
            "A and B must be matrices with vectors as rows and the same number of "
            f"columns; found shapes {A.shape} and {B.shape}."
        )
    if not (np.isfinite(A).all() and np.isfinite(B).all()):
        raise ValueError("A and B must not hold NaN or infinity.")
    Q_A, Q_B = _orthonormal_rows(A), _orthonormal_rows(B)
    if len(Q_A) != len(Q_B):
        return 1.0
    if len(Q_A) == 0:
        return 0.0
    residual = Q_B - (Q_B @ Q_A.T) @ Q_A
    return float(min(1.0, np.linalg.norm(residual, 2)))


def _orthonormal_rows(A):
    """Orthonormal basis (r, n_features) of the row space of A, r its numerical rank."""
    # The largest entry, unlike the norm, neither overflows nor underflows.
    scale = np.abs(A).max(axis=1, initial=0.0, keepdims=True)
    A = np.divide(A, scale, out=np.zeros_like(A), where=scale > 0)
    _, s, Vt = np.linalg.svd(A, full_matrices=False)
    tolerance = max(A.shape, default=1) * np.finfo(np.float64).eps
    return Vt[s > tolerance * s.max(initial=0.0)]
