"""A basis of the unknowns of ridge problems in which they are about independent.

Were the known cells drawn at random, the Gram matrix of a row with d of them would be
d times the mean square of the regressors. Scaled such that the ridge is 1, its
eigenvectors make Gram matrices about diagonal, and conjugate gradients need few steps.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["Basis", "Turn"]

# Size of what is beside the diagonal up to which a basis is kept.
OFF_DIAGONAL = 0.3


@dataclass(frozen=True)
class Turn:
    """A change of basis.

    Attributes
    ----------
    forth, back : ndarray of shape (K, K)
        ``x = y @ forth.T`` and ``y = x @ back`` for the new unknowns y; regressors are
        turned by ``forth``.
    spread : ndarray of shape (K,)
        Mean squares of the regressors along the new unknowns.
    """

    forth: np.ndarray
    back: np.ndarray
    spread: np.ndarray


class Basis:
    """The basis of one side of a table, kept from one sweep to the next.

    Any orthogonal one is right, since it leaves the ridge as it is; one that has
    become a bad guess costs steps. To find it anew in each sweep would take as long
    as some of the products of the sweep.
    """

    def __init__(self):
        self.vectors = None

    def turn(self, regressors, mass, ridge, total, anew):
        """The change of basis for given regressors.

        Parameters
        ----------
        regressors : ndarray of shape (m, K)
        mass : ndarray of shape (m,)
            How often each of them occurs.
        ridge : ndarray of shape (K,)
            Positive penalties.
        total : ndarray of shape (n,)
            Weight of the known cells of each row.
        anew : bool
            Whether the answer must not depend on calls before.

        Returns
        -------
        Turn
        """
        root = np.sqrt(ridge).astype(regressors.dtype)
        share = (mass / max(mass.sum(), np.finfo(float).tiny))[:, np.newaxis]
        second = (regressors * share.astype(regressors.dtype)).T @ regressors
        second /= root[:, np.newaxis] * root
        spread = None
        if self.vectors is not None and not anew:
            spread = _diagonal(self.vectors.T @ second @ self.vectors, total)
        if spread is None:
            spread, self.vectors = np.linalg.eigh(second)
        forth = self.vectors / root[:, np.newaxis]
        back = root[:, np.newaxis] * self.vectors
        return Turn(forth, back, np.maximum(spread, 0))


def _diagonal(second, total):
    """The diagonal of a matrix, None if the rest is large for a row of usual total."""
    usual = second.dtype.type(total.mean()) if len(total) else 0
    root = np.sqrt(usual * np.maximum(np.diag(second), 0) + 1)
    scaled = usual * second / (root[:, np.newaxis] * root)
    np.fill_diagonal(scaled, 0)
    size = np.linalg.norm(scaled)
    return np.diag(second).copy() if size <= OFF_DIAGONAL else None
