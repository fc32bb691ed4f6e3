"""Biased factors with the penalty chosen by cross-validation over cells."""

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from skdimred._base import guarded
from skdimred._cells import Cells, dealt_to_folds
from skdimred._sklearn import with_callbacks
from skdimred.decomposition._biased_mf import BiasedMF
from skdimred.decomposition._mf_fit import unit_of
from skdimred.decomposition._mf_parameters import check_parameters, is_count
from skdimred.decomposition._mf_table import rows_of
from skdimred.numerics.biased_factors import predict

__all__ = ["BiasedMFCV"]

# The lowest alpha of the grid, over the one at which all factors are 0.
LOWEST = 0.02
# What is added to the columns of the last alpha, over their size at a cold start:
# factors that have become 0 stay so otherwise.
JITTER = 0.1
POWER_STEPS = 30


class BiasedMFCV(BiasedMF):
    """`BiasedMF` with `alpha`, and the number of factors, chosen over held-out cells.

    The known cells are split into folds. For each number of factors the penalties are
    gone through from the largest to the smallest, each fit starting from the last, and
    the squared errors on the cells held out are added up; the parameters of the lowest
    sum are fitted to all cells.

    Parameters
    ----------
    n_components : int or sequence of int, default=10
        Numbers of factors to try.
    alphas : int or sequence of float, default=8
        Penalties to try, each above 0; or how many, on a geometric grid down from
        where all factors are about 0.
    cv : int or cross-validation splitter, default=5
        How cells are held out: a number of folds, among which each row's cells are
        dealt in turn (`CellKFold`), or any splitter of samples. With ``KFold``,
        ``shuffle=True`` is wanted.
    alpha_bias : float or None, default=None
        Penalty of the biases; None for `alpha`.
    l1_ratio : float, default=0.0
        As in `BiasedMF`.
    positive : bool, default=False
        As in `BiasedMF`.
    row_bias, col_bias : bool, default=True
        As in `BiasedMF`.
    weighted_alpha : bool, default=False
        As in `BiasedMF`.
    implicit_zeros : {"missing", "observed"}, default="missing"
        As in `BiasedMF`; a sparse table must have "missing".
    solver : {"auto", "exact", "cg", "cd"}, default="auto"
        As in `BiasedMF`.
    max_iter : int, default=30
        Sweeps at each penalty, at most.
    tol : float, default=1e-4
        As in `BiasedMF`.
    rotate : bool, default=True
        As in `BiasedMF`.
    n_jobs : int or None, default=None
        Threads; None for as many as BLAS may use.
    random_state : None, int or RandomState, default=None
        Draws the folds, and the factors to start from.
    verbose : int, default=0
        Whether to print a line a sweep.

    Attributes
    ----------
    alpha_ : float
        Penalty chosen.
    n_components_ : int
        Number of factors chosen.
    alphas_ : ndarray of shape (n_alphas,)
        Penalties tried, in decreasing order.
    rmse_path_ : ndarray of shape (n_numbers, n_alphas, n_folds)
        Root of the mean squared error on the cells held out, for each number of
        factors, penalty and fold.
    components_ : ndarray of shape (n_components_, n_features_in_)
        Factors of the columns, fitted to all cells like all that follows.
    mean_ : float
        Mean of the known cells; 0 without biases.
    column_bias_ : ndarray of shape (n_features_in_,)
        Biases of the columns.
    row_factors_ : ndarray of shape (n_samples, n_components_)
        Factors of the rows.
    row_bias_ : ndarray of shape (n_samples,)
        Biases of the rows.
    objective_history_ : ndarray of shape (n_iter_,)
        The objective after each sweep at the penalty chosen.
    reconstruction_err_ : float
        Root of the mean squared error on the known cells.
    n_iter_ : int
        Number of these sweeps.
    solver_ : {"exact", "cg", "cd"}
        What ran.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.

    See Also
    --------
    BiasedMF : For given parameters.
    skdimred.model_selection.CellKFold : The folds.
    sklearn.linear_model.LassoCV : The same idea.

    Examples
    --------
    >>> import numpy as np
    >>> from skdimred.decomposition import BiasedMFCV
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 40))
    >>> X += 0.1 * rng.normal(size=X.shape)
    >>> X[rng.random(X.shape) < 0.4] = np.nan
    >>> mf = BiasedMFCV([1, 2], alphas=[0.1, 1.0, 10.0], cv=3, random_state=0).fit(X)
    >>> mf.n_components_, mf.alpha_
    (2, 0.1)
    """

    validation_fraction = 0.0

    def __init__(
        self,
        n_components=10,
        *,
        alphas=8,
        cv=5,
        alpha_bias=None,
        l1_ratio=0.0,
        positive=False,
        row_bias=True,
        col_bias=True,
        weighted_alpha=False,
        implicit_zeros="missing",
        solver="auto",
        max_iter=30,
        tol=1e-4,
        rotate=True,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.alphas = alphas
        self.cv = cv
        self.alpha_bias = alpha_bias
        self.l1_ratio = l1_ratio
        self.positive = positive
        self.row_bias = row_bias
        self.col_bias = col_bias
        self.weighted_alpha = weighted_alpha
        self.implicit_zeros = implicit_zeros
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.rotate = rotate
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @property
    def _alpha(self):
        return self.alpha_

    @guarded
    @with_callbacks
    def fit(self, X, y=None, cell_weight=None):
        """Choose the parameters, and fit them to all cells.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            As in `BiasedMF.fit`.
        y : None
            Ignored.
        cell_weight : array-like or sparse matrix of X's shape, or None, default=None
            As in `BiasedMF.fit`; held-out cells count with their weights, too.

        Returns
        -------
        self : BiasedMFCV
            The fitted estimator.

        Raises
        ------
        ValueError
            As `BiasedMF.fit`, or if there are fewer known cells than folds.
        """
        numbers = self._numbers()
        check_parameters(self)
        if self.implicit_zeros == "observed" and sparse.issparse(X):
            raise ValueError(
                "BiasedMFCV holds out known cells, of which a sparse table with "
                "implicit_zeros='observed' has too many: use BiasedMF."
            )
        table = self._read(X, None, cell_weight, reset=True).as_masked()
        self.alphas_ = self._grid(table)
        splits = self._splits(table)
        path = np.empty((len(numbers), len(self.alphas_), len(splits)))
        weight = np.empty(len(splits))
        for f, (train, test) in enumerate(splits):
            part, held, held_weight = _parted(table, train, test)
            weight[f] = held_weight.sum()
            for i, k in enumerate(numbers):
                path[i, :, f] = self._path(part, k, held, held_weight)
        self.rmse_path_ = path
        mean = np.average(path**2, axis=2, weights=weight)
        best, last = np.unravel_index(np.argmin(mean), mean.shape)
        self._path(table, numbers[best], None, None, self.alphas_[: last + 1])
        return self

    def _numbers(self):
        """Numbers of factors to try."""
        given = self.n_components
        numbers = [given] if np.ndim(given) == 0 else list(given)
        if not numbers or not all(is_count(k, 0) for k in numbers):
            raise ValueError(
                f"n_components={given!r} must be an integer of at least 0, or several."
            )
        return [int(k) for k in numbers]

    def _grid(self, table):
        """Penalties in decreasing order."""
        if is_count(self.alphas, 1):
            top = _spectral_norm(table)
            if self.weighted_alpha:
                top /= np.sqrt(np.prod([table.cells.nnz / n for n in _used(table)]))
            if top == 0:
                return np.ones(1)
            return np.geomspace(top / 2, LOWEST * top, int(self.alphas))
        try:
            alphas = np.sort(np.asarray(self.alphas, dtype=np.float64).ravel())[::-1]
        except (TypeError, ValueError) as error:
            raise ValueError(f"alphas={self.alphas!r} must hold numbers.") from error
        if not alphas.size or not np.isfinite(alphas).all() or alphas[-1] <= 0:
            raise ValueError(
                f"alphas={self.alphas!r} must be an integer of at least 1, or finite "
                "numbers above 0."
            )
        return alphas

    def _splits(self, table):
        """Positions of the cells fitted and held out in each fold."""
        n = table.cells.nnz
        if is_count(self.cv, 2):
            if n < self.cv:
                raise ValueError(f"X has {n} known cells, fewer than cv={self.cv}.")
            rng = check_random_state(self.random_state)
            fold = dealt_to_folds(rows_of(table.cells), int(self.cv), rng)
            return [
                (np.flatnonzero(fold != f), np.flatnonzero(fold == f))
                for f in range(int(self.cv))
            ]
        if not hasattr(self.cv, "split"):
            raise ValueError(
                f"cv={self.cv!r} must be an integer of at least 2, or have a split "
                "method, such as CellKFold()."
            )
        cells = table.cells
        listed = Cells(rows_of(cells), cells.indices, cells.data, cells.shape)
        return list(self.cv.split(listed))

    def _path(self, table, k, held, weight, alphas=None):
        """Fit penalty after penalty; return the errors on held-out cells."""
        alphas = self.alphas_ if alphas is None else alphas
        errors, warm = [], None
        rng = check_random_state(self.random_state)
        for alpha in alphas:
            self.alpha_ = float(alpha)
            if warm is not None:
                noise = rng.standard_normal((len(warm), k)) * JITTER
                size = np.sqrt(table.deviation) * 0.1
                warm[:, :k] += np.abs(noise) * size if self.positive else noise * size
            self._fit_table(table, warm=warm, k=k)
            warm = self._columns(table.cells.dtype)
            if held is not None:
                rows, columns, values = held
                guess = predict(self._rows(), warm, rows, columns)
                square = np.average((guess - values) ** 2, weights=weight)
                errors.append(float(np.sqrt(square)))
        return errors

    def fit_transform(self, X, y=None, cell_weight=None):
        """Fit, and give the factors of the rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            As in `fit`.
        y : None
            Ignored.
        cell_weight : array-like or sparse matrix of X's shape, or None, default=None
            As in `fit`.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Factors of the rows.

        Raises
        ------
        ValueError
            As `fit`.
        """
        return self.fit(X, y, cell_weight=cell_weight).row_factors_.copy()

    def partial_fit(self, X, y=None, cell_weight=None):
        """Add rows, and go on for one sweep with the parameters chosen.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            New rows; all rows in the first call, which is a `fit`.
        y : None
            Ignored.
        cell_weight : array-like or sparse matrix of X's shape, or None, default=None
            As in `fit`.

        Returns
        -------
        self : BiasedMFCV
            The fitted estimator.

        Raises
        ------
        ValueError
            As `BiasedMF.partial_fit`.
        """
        if not hasattr(self, "_seen"):
            return self.fit(X, y, cell_weight=cell_weight)
        check_parameters(self)
        return self._add_rows(X, None, cell_weight)


def _parted(table, train, test):
    """The table of some cells; others as (rows, columns, values); their weights."""
    cells = table.cells
    keep = np.zeros(cells.nnz, dtype=bool)
    keep[train] = True
    rows = rows_of(cells)
    weight = np.ones(len(test))
    if table.cell_weight is not None:
        weight = table.cell_weight[test]
    if not weight.any() or not len(train):
        raise ValueError("cv leaves a fold without cells that count.")
    held = rows[test], cells.indices[test], cells.data[test]
    return table.subset(keep), held, weight


def _spectral_norm(table):
    """About the largest singular value of the known cells, the others being 0."""
    factor = unit_of(table.largest)
    cells = table.scaled(1 / factor).cells
    v = np.ones(cells.shape[1]) + np.arange(cells.shape[1]) % 3
    size = 0.0
    for _ in range(POWER_STEPS):
        norm = np.linalg.norm(v)
        if norm == 0:
            return 0.0
        u = cells @ (v / norm)
        size = float(np.linalg.norm(u))
        v = cells.T @ u
    return size * factor


def _used(table):
    """How many rows and columns know a cell."""
    cells = table.cells
    return np.count_nonzero(np.diff(cells.indptr)), len(np.unique(cells.indices))
