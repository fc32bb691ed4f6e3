"""Hold out cells of a table, where scikit-learn's splitters hold out rows."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_random_state

from skdimred._cells import Cells, dealt_to_folds

__all__ = ["CellKFold", "Cells"]


class CellKFold:
    """Split the known cells of a table into folds, row by row.

    The cells of each row are dealt to the folds in turn, after a shuffle. So a row with
    d cells has in each fold d divided by the number of folds, rounded up or down, and
    a row with two cells or more is never held out as a whole. `KFold` with
    ``shuffle=True`` takes no notice of rows.

    Parameters
    ----------
    n_splits : int, default=5
        Number of folds, at least 2.
    random_state : None, int or RandomState, default=None
        Draws the folds.

    See Also
    --------
    Cells : What is split.
    sklearn.model_selection.KFold : Folds of samples.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import cross_val_score
    >>> from skdimred.decomposition import BiasedMF
    >>> from skdimred.model_selection import CellKFold, Cells
    >>> rng = np.random.default_rng(0)
    >>> X = np.add.outer(rng.normal(size=30), rng.normal(size=20))
    >>> X[rng.random(X.shape) < 0.5] = np.nan
    >>> cells = Cells.from_matrix(X)
    >>> mf = BiasedMF(0, alpha_bias=1e-3)
    >>> cv = CellKFold(3, random_state=0)
    >>> cross_val_score(mf, cells, cv=cv).round(2)
    array([-0., -0., -0.])
    """

    def __init__(self, n_splits=5, *, random_state=None):
        self.n_splits = n_splits
        self.random_state = random_state

    def get_n_splits(self, X=None, y=None, groups=None):
        """Give the number of folds.

        Parameters
        ----------
        X, y, groups : object
            Ignored.

        Returns
        -------
        int
            `n_splits`.
        """
        return self.n_splits

    def split(self, X, y=None, groups=None):
        """Generate the cells of each fold.

        Parameters
        ----------
        X : Cells
            The known cells of a table, as `Cells.from_matrix` lists them.
        y, groups : object
            Ignored.

        Yields
        ------
        train, test : ndarray of int
            Positions of cells.

        Raises
        ------
        TypeError
            If X is a table: scikit-learn would take positions of cells for rows.
        ValueError
            If there are fewer cells than folds.
        """
        if not isinstance(self.n_splits, Integral) or not self.n_splits >= 2:
            raise ValueError(
                f"n_splits={self.n_splits!r} must be an integer of at least 2."
            )
        if not isinstance(X, Cells):
            raise TypeError(
                "CellKFold splits the cells of a table, and X is a "
                f"{type(X).__name__}, of which rows would be taken: give "
                "Cells.from_matrix(X) in its place, to the search or the scores too."
            )
        cells = X
        if len(cells) < self.n_splits:
            raise ValueError(
                f"X has {len(cells)} known cells, fewer than n_splits={self.n_splits}."
            )
        rng = check_random_state(self.random_state)
        fold = dealt_to_folds(cells.rows, self.n_splits, rng)
        for k in range(self.n_splits):
            yield np.flatnonzero(fold != k), np.flatnonzero(fold == k)

    def __repr__(self):
        return f"CellKFold(n_splits={self.n_splits}, random_state={self.random_state})"
