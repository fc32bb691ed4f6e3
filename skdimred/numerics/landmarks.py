r"""Principal coordinates of many points from their distances to a few.

With S_L the squared distances among m landmarks, centred on both sides as :math:`W = V
\operatorname{diag}(\omega) V^T`, and s the squared distances of a point to the
landmarks, with r those of the landmarks on average,

.. math:: f = -\tfrac12 V_r^T (s - r)

are inner products with the leading r landmark axes, by :math:`|\omega|`. Over all
points, :math:`B \approx F \operatorname{diag}(\omega_r)^{-1} F^T` (Nystrom [1]_). With
the centred F = Q R, the eigenpairs of :math:`R \operatorname{diag}(\omega_r)^{-1} R^T`
give those of this approximation of B: signed, orthogonal over all points, and at the
price of the distances alone. Landmark scaling [2]_ keeps the axes of the landmarks
instead.

References
----------
.. [1] J. C. Platt, "FastMap, MetricMap, and Landmark MDS are all Nystrom algorithms",
       AISTATS 2005. https://proceedings.mlr.press/r5/platt05a.html
.. [2] V. de Silva and J. B. Tenenbaum, "Sparse multidimensional scaling using landmark
       points", Stanford University 2004.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["LandmarkAxes", "landmark_axes"]

EPS = float(np.finfo(np.float64).eps)
# Inner products with landmark axes that are kept, so that distances are taken once.
MOST_KEPT = 1 << 23


@dataclass(frozen=True)
class LandmarkAxes:
    """Axes as linear functions of the squared distances to the landmarks.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Eigenvalues of the approximation of B, descending.
    coef : ndarray of shape (m, k)
    intercept : ndarray of shape (k,)
        Coordinates of a point are ``s @ coef + intercept``.
    lowest : float
        Lowest eigenvalue of the approximation, if negative.
    trace : float
        Of B, from the mean squared distance to the landmarks.
    scores : ndarray of shape (n, k) or None
        Coordinates of all points; None where they were too many to keep.
    """

    values: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray
    lowest: float
    trace: float
    scores: np.ndarray | None


def landmark_axes(S_L, blocks, k, sample_weight=None):
    """Leading axes of all points.

    Parameters
    ----------
    S_L : ndarray of shape (m, m)
        Squared distances among the landmarks.
    blocks : callable
        Each call yields pairs (slice of points, their squared distances to the
        landmarks).
    k : int or None
        Number of axes; None for all that are positive.
    sample_weight : ndarray of shape (n,) or None

    Returns
    -------
    LandmarkAxes
    """
    m = len(S_L)
    r = S_L.mean(axis=0)
    W = -0.5 * (S_L - r - r[:, np.newaxis] + r.mean())
    omega, V = np.linalg.eigh(W)
    order = np.argsort(-np.abs(omega), kind="stable")
    rank = _rank(omega[order], m, k)
    omega, V = omega[order[:rank]], V[:, order[:rank]]
    R, mean, weight, spread = None, np.zeros(rank), 0.0, 0.0
    kept_rows, size = [], 0
    for rows, S in blocks():
        F = -0.5 * ((S - r) @ V)
        size += F.size
        if size <= MOST_KEPT:
            kept_rows.append(F)
        w = np.ones(len(F)) if sample_weight is None else sample_weight[rows]
        R, mean, weight = _added(R, mean, weight, F, w)
        spread += float(w @ S.mean(axis=1))
    omega = np.where(omega == 0, 1.0, omega)
    values, Y = np.linalg.eigh((R / omega) @ R.T)
    values, Y = values[::-1], Y[:, ::-1]
    lowest = float(min(values[-1], 0.0))
    positive = int(np.count_nonzero(values > 8 * m * EPS * np.abs(values).max()))
    k = max(1, positive) if k is None else k
    # Axes beyond those that there are have no extent.
    values = np.append(values, np.zeros(max(0, k - len(values))))
    kept = min(k, positive)
    # Coordinates are Q Y sqrt(values), with Q = (F - mean) R^-1.
    turn = np.zeros((rank, k))
    turn[:, :kept] = np.linalg.lstsq(R, Y[:, :kept] * np.sqrt(values[:kept]), None)[0]
    coef = -0.5 * (V @ turn)
    intercept = -(r @ coef) - mean @ turn
    return LandmarkAxes(
        np.where(np.arange(k) < kept, values[:k], 0.0),
        coef,
        intercept,
        lowest,
        spread - weight * 0.5 * float(r.mean()),
        None
        if size > MOST_KEPT
        else np.concatenate([(F - mean) @ turn for F in kept_rows]),
    )


def _rank(omega, m, k):
    """How many landmark axes the approximation rests on."""
    positive = int(np.count_nonzero(np.abs(omega) > 8 * m * EPS * abs(omega[0])))
    wanted = m // 2 if k is None else max(4 * k, m // 4)
    return max(1, min(wanted, positive))


def _added(R, mean, weight, F, w):
    """Triangular root of the scatter of the rows F added to those before."""
    total = float(w.sum())
    if total == 0:
        return (np.zeros((F.shape[1],) * 2) if R is None else R), mean, weight
    own = w @ F / total
    Z = np.sqrt(w)[:, np.newaxis] * (F - own)
    rows = [Z] if R is None else [R, Z]
    if weight > 0:
        shift = np.sqrt(weight * total / (weight + total)) * (own - mean)
        rows.append(shift[np.newaxis])
    R = np.linalg.qr(np.concatenate(rows), mode="r")
    if len(R) < F.shape[1]:
        R = np.concatenate([R, np.zeros((F.shape[1] - len(R), F.shape[1]))])
    return R, mean + (total / (weight + total)) * (own - mean), weight + total
