"""Distances that others lack, and a measure of how well a reduction did its work.

Signs and rotations of components carry no meaning, so two answers are compared by
the subspaces they span and never entry by entry.
"""

import numpy as np

__all__ = [
    "great_circle_distances",
    "hoyer_sparseness",
    "log_fold_change_distances",
    "subspace_sine",
]

# Mean radius of the Earth, in km.
EARTH = 6371.0088
BLOCK_BYTES = 1 << 20
# Ratio of the eigenvalues of correlations that are taken for dependent.
LEAST_RCOND = 1e-12


def great_circle_distances(X, Y=None, *, radius=EARTH):
    r"""Compute distances along the surface of a sphere.

    With unit vectors a and b, the angle between them is :math:`2 \arctan(|a - b| / |a +
    b|)`, which keeps its digits for neighbours and for antipodes.

    Parameters
    ----------
    X : array-like of shape (n, 2)
        Latitude and longitude, in degrees.
    Y : array-like of shape (m, 2) or None, default=None
        The same; None takes `X`.
    radius : float, default=6371.0088
        Of the sphere; that of the Earth in km.

    Returns
    -------
    distances : ndarray of shape (n, m), float64
        In the unit of `radius`.

    Raises
    ------
    ValueError
        If there are not two columns, or a latitude is beyond 90 degrees.

    Examples
    --------
    >>> from skdimred.metrics import great_circle_distances
    >>> paris_rome_sydney = [[48.86, 2.35], [41.89, 12.51], [-33.86, 151.21]]
    >>> great_circle_distances(paris_rome_sydney).round()
    array([[    0.,  1107., 16960.],
           [ 1107.,     0., 16320.],
           [16960., 16320.,     0.]])
    """
    A = _unit_vectors(X, "X")
    B = A if Y is None else _unit_vectors(Y, "Y")
    out = np.empty((len(A), len(B)))
    step = max(1, BLOCK_BYTES // (8 * max(1, len(B))))
    for start in range(0, len(A), step):
        rows = slice(start, start + step)
        near, far = np.zeros_like(out[rows]), np.zeros_like(out[rows])
        for j in range(3):
            near += np.subtract.outer(A[rows, j], B[:, j]) ** 2
            far += np.add.outer(A[rows, j], B[:, j]) ** 2
        np.arctan2(np.sqrt(near), np.sqrt(far), out=out[rows])
    out *= 2 * radius
    return out


def _unit_vectors(X, name):
    X = np.asarray(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != 2:
        raise ValueError(
            f"{name} must have two columns, latitude and longitude in degrees; found "
            f"shape {X.shape}."
        )
    beyond = np.abs(X[:, 0]) > 90
    if beyond.any():
        row = int(np.argmax(beyond))
        raise ValueError(
            f"{name} must have latitudes from -90 to 90 degrees in its first column; "
            f"found {X[row, 0]:g} in row {row}. Are the columns exchanged?"
        )
    latitude, longitude = np.deg2rad(X).T
    across = np.cos(latitude)
    return np.column_stack(
        [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)]
    )


def hoyer_sparseness(components):
    r"""Measure how much each vector is a part: 0 if all alike, 1 if one entry is all.

    .. math:: \frac{\sqrt p - \|h\|_1 / \|h\|_2}{\sqrt p - 1}

    for a vector h of p entries [1]_. It does not change with the unit of h, nor with
    the order or the signs of its entries. The mean over components tells how much a
    decomposition is one into parts.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features) or (n_features,)
        Vectors as rows, such as `components_`; or one vector.

    Returns
    -------
    sparseness : ndarray of shape (n_components,) or float
        In [0, 1]. A vector of zeros, which has no parts, has 0, as one of a single
        entry has.

    Raises
    ------
    ValueError
        If there is no entry, or one is NaN or infinite.

    References
    ----------
    .. [1] P. O. Hoyer, "Non-negative matrix factorization with sparseness constraints",
           Journal of Machine Learning Research 5 (2004), 1457-1469.

    Examples
    --------
    >>> from skdimred.metrics import hoyer_sparseness
    >>> hoyer_sparseness([[1, 1, 1, 1], [2, 0, 0, 2], [0, 5, 0, 0]]).round(3)
    array([0.   , 0.586, 1.   ])
    """
    given = np.asarray(components, dtype=np.float64)
    H = np.atleast_2d(given)
    if H.ndim != 2 or H.shape[1] == 0:
        raise ValueError(
            "components must be vectors as rows, with an entry at least; found shape "
            f"{given.shape}."
        )
    if not np.isfinite(H).all():
        row, column = np.argwhere(~np.isfinite(H))[0]
        raise ValueError(
            f"components must be finite; found {H[row, column]} in row {row}, column "
            f"{column}."
        )
    p = H.shape[1]
    # In units of the largest entry, as squares may overflow.
    largest = np.abs(H).max(axis=1, keepdims=True)
    H = np.divide(np.abs(H), largest, out=np.zeros_like(H), where=largest > 0)
    norms = np.sqrt(np.einsum("ij,ij->i", H, H))
    if p == 1:
        sparseness = np.zeros(len(H))
    else:
        ratio = np.divide(
            H.sum(axis=1), norms, out=np.full(len(H), np.sqrt(p)), where=norms > 0
        )
        sparseness = np.clip((np.sqrt(p) - ratio) / (np.sqrt(p) - 1), 0.0, 1.0)
    return sparseness if given.ndim > 1 else float(sparseness[0])


def log_fold_change_distances(X, Y=None, *, pseudocount=1.0, top=None):
    r"""Compute how many times more one row has than another, in logarithms.

    .. math:: d(x, y) = \frac{1}{p} \sum_j
              \left| \log_2 \frac{x_j + c}{y_j + c} \right| ,

    or, of the `top` features in which a pair of rows differs most, the root of the mean
    square: the leading log fold change [1]_.

    Parameters
    ----------
    X : array-like of shape (n, p)
        Counts or expressions, not logarithms.
    Y : array-like of shape (m, p) or None, default=None
        The same; None takes `X`.
    pseudocount : float, default=1.0
        The c that is added to every entry.
    top : int or None, default=None
        None averages over all features.

    Returns
    -------
    distances : ndarray of shape (n, m), float64
        Doublings from a row of `X` to one of `Y`, on average.

    Raises
    ------
    ValueError
        If an entry plus the pseudocount is not positive, or `top` is less than 1.

    References
    ----------
    .. [1] M. E. Ritchie et al., "limma powers differential expression analyses for
           RNA-sequencing and microarray studies", Nucleic Acids Research 43 (2015),
           e47. https://doi.org/10.1093/nar/gkv007

    Examples
    --------
    >>> from skdimred.metrics import log_fold_change_distances
    >>> log_fold_change_distances([[1, 3, 0], [3, 3, 0]], pseudocount=1.0).round(3)
    array([[0.   , 0.333],
           [0.333, 0.   ]])
    """
    A = _logarithms(X, "X", pseudocount)
    B = A if Y is None else _logarithms(Y, "Y", pseudocount)
    if A.shape[1] != B.shape[1]:
        raise ValueError(
            f"X has {A.shape[1]} features and Y has {B.shape[1]}: give the same."
        )
    p = A.shape[1]
    if top is not None and not top >= 1:
        raise ValueError(f"top={top!r} must be an integer of at least 1, or None.")
    k = p if top is None else min(int(top), p)
    out = np.empty((len(A), len(B)))
    step = max(1, BLOCK_BYTES // (8 * p))
    for i, a in enumerate(A):
        # The lower half of a symmetric matrix has been seen.
        first = i if Y is None else 0
        for start in range(first, len(B), step):
            rows = slice(start, start + step)
            gap = np.abs(B[rows] - a)
            if top is None:
                out[i, rows] = gap.mean(axis=1)
            else:
                largest = (
                    gap if k == p else np.partition(gap, p - k, axis=1)[:, p - k :]
                )
                out[i, rows] = np.sqrt(np.mean(largest**2, axis=1))
        if Y is None:
            out[i:, i] = out[i, i:]
    return out


def _logarithms(X, name, pseudocount):
    X = np.asarray(X, dtype=np.float64) + pseudocount
    if X.ndim != 2:
        raise ValueError(f"{name} must be a matrix; found shape {X.shape}.")
    if not X.min(initial=1.0) > 0:
        row, column = (int(v) for v in np.argwhere(~(X > 0))[0])
        raise ValueError(
            f"{name} plus pseudocount={pseudocount:g} must be positive for its "
            f"logarithm; found {X[row, column]:g} in row {row}, column {column}."
        )
    return np.log2(X)


# Names for metrics that scikit-learn lacks.
OWN_METRICS = {
    "great_circle": great_circle_distances,
    "log_fold_change": log_fold_change_distances,
}


def fitted_params(metric, params, X, sample_weight=None):
    """Parameters of a metric, those included that it would take from all rows.

    Raises
    ------
    ValueError
        If the covariance that "mahalanobis" inverts is singular.
    """
    params = dict(params or {})
    if metric == "seuclidean" and params.get("V") is None:
        params["V"] = _covariance(X, sample_weight).diagonal().copy()
    if metric == "mahalanobis" and params.get("VI") is None:
        C = _covariance(X, sample_weight)
        scale = np.sqrt(C.diagonal())
        regular = np.all(scale > 0)
        if regular:
            values = np.linalg.eigvalsh(C / np.multiply.outer(scale, scale))
            regular = values[0] > LEAST_RCOND * values[-1]
        if not regular:
            raise ValueError(
                "metric='mahalanobis' inverts the covariance of X, which is singular: "
                "there are constant or dependent columns, or too few rows. Leave such "
                "columns out, or give metric_params={'VI': ...}."
            )
        params["VI"] = np.linalg.inv(C)
    return params


def _covariance(X, sample_weight):
    """Covariance of rows, weights being repetitions."""
    X = np.asarray(X, dtype=np.float64)
    w = np.ones(len(X)) if sample_weight is None else sample_weight
    Z = X - np.average(X, axis=0, weights=w)
    total = w.sum()
    return (Z.T * w) @ Z / (total - 1 if total > 1 else total)


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
