"""Matrix factorisation with biases, of tables with missing cells."""

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.validation import check_array, check_is_fitted

from skdimred._base import guarded
from skdimred._cells import Cells
from skdimred._sklearn import with_callbacks
from skdimred.decomposition._mf_fit import BiasedFactorsMixin
from skdimred.decomposition._mf_parameters import check_parameters, is_count
from skdimred.decomposition._mf_table import rows_of
from skdimred.numerics.biased_factors import predict
from skdimred.numerics.ranking import best_columns, hidden_cells

__all__ = ["BiasedMF"]


class BiasedMF(
    BiasedFactorsMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    r"""Find factors and biases of rows and columns that explain the known cells.

    A table of people by things, of which most cells are unknown, is written as

    .. math:: x_{ij} \approx \mu + b_i + c_j + p_i^T q_j

    with the mean :math:`\mu` of the known cells, a bias of each row and column, and K
    factors of each. Over the known cells alone, and with :math:`\lambda` for `alpha`,
    :math:`\rho` for `l1_ratio` and :math:`\beta` for `alpha_bias`, it minimises [1]_

    .. math::
        \tfrac12 \sum_{ij \text{ known}} (x_{ij} - \mu - b_i - c_j - p_i^T q_j)^2
        + \lambda \rho \Big(\sum_i |p_i|_1 + \sum_j |q_j|_1\Big)
        + \tfrac{\lambda (1 - \rho)}{2} \Big(\sum_i \|p_i\|^2 + \sum_j \|q_j\|^2\Big)
        + \tfrac{\beta}{2} \Big(\sum_i b_i^2 + \sum_j c_j^2\Big) .

    Without biases and L1 penalty, and with K large enough, the product is the matrix
    that minimises half the squared errors plus :math:`\lambda` times the sum of its
    singular values [2]_. With no cell missing either, these are the singular values of
    X less :math:`\lambda`, and 0 where that is negative.

    Parameters
    ----------
    n_components : int, default=10
        Number K of factors; 0 for biases alone. It may exceed the rank.
    alpha : float, default=10.0
        Penalty of the factors. For values of another scale s times as large, the same
        answer takes s times the `alpha` and the same `alpha_bias`; with ``l1_ratio=1``,
        s ** 1.5 times.
    alpha_bias : float or None, default=None
        Penalty of the biases; None for `alpha`.
    l1_ratio : float, default=0.0
        Share of the L1 penalty in that of the factors; entries become exactly 0.
    positive : bool, default=False
        Whether factors must not be negative. Biases are free.
    row_bias, col_bias : bool, default=True
        Whether rows and columns have a bias. Without either, the mean is not taken off.
    weighted_alpha : bool, default=False
        Whether the penalty of a row or column is multiplied by the number of its known
        cells, or their weight [3]_. `alpha` is then about 0.1 for ratings.
    implicit_zeros : {"missing", "observed"}, default="missing"
        What a sparse table does not store: missing cells, or zeros that were observed,
        as in counts and TF-IDF. A stored 0 is observed in both cases.
    solver : {"auto", "exact", "cg", "cd"}, default="auto"
        How a row is solved with the columns given, and the other way round:

        - "exact": its normal equations, by factoring them.
        - "cg": one or two steps of preconditioned conjugate gradients a sweep, from
          where the last sweep ended; the rows are solved to the end after the last.
        - "cd": coordinate descent on the normal equations, the one for `l1_ratio` and
          `positive`.
        - "auto": "cd" where it must be; "exact" for small tables, for those without a
          missing cell, and where a penalty is 0; otherwise "cg".
    max_iter : int, default=30
        Sweeps over columns and rows, at most.
    tol : float, default=1e-4
        A sweep is the last if it lowers the objective by no more than this share.
    rotate : bool, default=True
        Whether the components are brought to the form of a singular value
        decomposition: orthogonal, in decreasing order, which leaves the objective as it
        is or lowers it. Not with an L1 penalty or `positive`, where they are ordered
        only.
    validation_fraction : float, default=0.0
        Share of the known cells to leave out of the fit, drawn at random, for
        `validation_history_`.
    n_jobs : int or None, default=None
        Threads; None for as many as BLAS may use. The answer does not depend on it.
    random_state : None, int or RandomState, default=None
        Draws the factors to start from, and what is left out for validation.
    verbose : int, default=0
        Whether to print a line a sweep.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features_in_)
        Factors of the columns. The entry of largest magnitude of each component is
        positive.
    mean_ : float
        Mean of the known cells; 0 without biases.
    column_bias_ : ndarray of shape (n_features_in_,)
        Biases of the columns.
    row_factors_ : ndarray of shape (n_samples, n_components_)
        Factors of the rows, as `transform` gives them.
    row_bias_ : ndarray of shape (n_samples,)
        Biases of the rows.
    objective_history_ : ndarray of shape (n_iter_,)
        The objective after each sweep; never rises. The last is that of the result.
    validation_history_ : ndarray of shape (n_iter_,)
        Root of the mean squared error on the cells left out, after each sweep; only
        with `validation_fraction`.
    reconstruction_err_ : float
        Root of the mean squared error on the cells fitted.
    n_iter_ : int
        Number of sweeps.
    n_components_ : int
        Number of factors.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.
    solver_ : {"exact", "cg", "cd"}
        What ran.

    See Also
    --------
    BiasedMFCV : The same with `alpha` chosen by cross-validation over cells.
    BiasedMFRegressor : The same for a list of ratings.
    BiasedMFImputer : Fills the missing cells, as a step of a pipeline.
    TruncatedSVD : For tables without missing cells and without penalty.

    Notes
    -----
    *Missing.* NaN in a dense table, what is not stored in a sparse one. Rows or columns
    without a known cell have factors and bias 0, so that predictions fall back to the
    mean and the other bias; a warning tells how many there are.

    *Weights.* `sample_weight` in `fit` counts a row with its penalty: a weight of 2
    equals a row twice. `cell_weight` multiplies squared errors alone.

    *Where penalties are 0* and a row has fewer known cells than unknowns, of all that
    fit it takes the shortest.

    *Columns of different units* should be put on one scale before, since one `alpha`
    holds for all. Float32 tables with columns hundreds of times as large as others are
    solved in float64, and the result is rounded.

    *Local minima.* The objective is not convex, so the answer depends on where it
    starts, hence on `random_state`. With an L1 penalty all zeros are always a local
    minimum; the first sweeps go without it, so as not to end there needlessly.

    *Cost.* A sweep of "cg" takes time in proportion to K times the number of known
    cells; memory beyond the data is about 40 bytes a known cell in float32 (70 where
    most rows know one column in ten or more), and never grows
    with rows times columns. The known cells are kept for `partial_fit`.

    References
    ----------
    .. [1] Y. Koren, R. Bell and C. Volinsky, "Matrix factorization techniques for
           recommender systems", Computer 42 (2009), 30-37.
           https://doi.org/10.1109/MC.2009.263
    .. [2] T. Hastie, R. Mazumder, J. D. Lee and R. Zadeh, "Matrix completion and
           low-rank SVD via fast alternating least squares", Journal of Machine Learning
           Research 16 (2015), 3367-3402.
    .. [3] Y. Zhou, D. Wilkinson, R. Schreiber and R. Pan, "Large-scale parallel
           collaborative filtering for the Netflix Prize", AAIM 2008, 337-348.
           https://doi.org/10.1007/978-3-540-68880-8_32

    Examples
    --------
    >>> import numpy as np
    >>> from skdimred.decomposition import BiasedMF
    >>> X = np.array([[5, 4, np.nan, 1], [4, np.nan, 1, 1], [1, 1, 5, np.nan],
    ...               [np.nan, 1, 5, 4], [5, 5, 1, np.nan]])
    >>> mf = BiasedMF(1, alpha=0.1, random_state=0).fit(X)
    >>> mf.complete(X).round(1)
    array([[5. , 4. , 0.9, 1. ],
           [4. , 3.6, 1. , 1. ],
           [1. , 1. , 5. , 3.9],
           [1.1, 1. , 5. , 4. ],
           [5. , 5. , 1. , 1.2]])
    """

    def __init__(
        self,
        n_components=10,
        *,
        alpha=10.0,
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
        validation_fraction=0.0,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.alpha = alpha
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
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @guarded
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None, cell_weight=None):
        """Find the factors and biases.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            NaN is missing in a dense table; see `implicit_zeros` for a sparse one. Not
            changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.
        cell_weight : array-like or sparse matrix of X's shape, or None, default=None
            Weights of the known cells; 0 makes a cell missing. A sparse one stores the
            cells that X stores. For `Cells`, one number for each.

        Returns
        -------
        self : BiasedMF
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if X has no known cell, holds infinity,
            NaN in a sparse table, or a cell twice; or if weights do not fit.
        """
        check_parameters(self)
        table = self._read(X, sample_weight, cell_weight, reset=True)
        self._fit_table(table, X=X)
        return self

    def fit_transform(self, X, y=None, sample_weight=None, cell_weight=None):
        """Fit, and give the factors of the rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            As in `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            As in `fit`.
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
        self.fit(X, y, sample_weight=sample_weight, cell_weight=cell_weight)
        return self.row_factors_.copy()

    @guarded
    def partial_fit(self, X, y=None, sample_weight=None, cell_weight=None):
        """Add rows to those seen so far, and go on for one sweep over all of them.

        The cells of all rows are kept. The mean stays that of the first call.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            New rows; `row_factors_` and `row_bias_` grow by them.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            As in `fit`.
        cell_weight : array-like or sparse matrix of X's shape, or None, default=None
            As in `fit`.

        Returns
        -------
        self : BiasedMF
            The fitted estimator.

        Raises
        ------
        ValueError
            As `fit`, and if X has another number of columns than before.
        """
        check_parameters(self)
        if not hasattr(self, "_seen"):
            table = self._read(X, sample_weight, cell_weight, reset=True)
            self._fit_table(table, X=X, max_iter=1)
            return self
        if self.n_components != self.n_components_:
            raise ValueError(
                f"n_components={self.n_components} was {self.n_components_} at the "
                "first fit: fit anew to change it."
            )
        return self._add_rows(X, sample_weight, cell_weight)

    def transform(self, X):
        """Find the factors of rows, with the columns as they are.

        Each row is solved exactly, by itself, with the penalties and biases of the
        fit: parameters that were set after it count from the next fit on.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            Rows, with missing cells as in `fit`.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Factors; 0 for a row without a known cell. Float32 for float32 rows,
            float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of columns than at fit, holds infinity, NaN in a
            sparse table, or a cell twice.
        """
        return self.fold_in(X)[0]

    def fold_in(self, X):
        """Find the factors and the biases of rows, with the columns as they are.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            As in `transform`.

        Returns
        -------
        factors : ndarray of shape (n_samples, n_components_)
            As `transform` gives them.
        row_bias : ndarray of shape (n_samples,)
            Their biases.

        Raises
        ------
        ValueError
            As `transform`.
        """
        P = self._folded(X)[1]
        return np.ascontiguousarray(P[:, :-1]), P[:, -1].copy()

    def inverse_transform(self, X, row_bias=None):
        """Predict every cell of rows from their factors.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Factors, as `transform` gives them.
        row_bias : array-like of shape (n_samples,) or None, default=None
            Biases of the rows (see `fold_in`); None for 0.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            All cells.

        Raises
        ------
        ValueError
            If shapes do not fit.
        """
        check_is_fitted(self)
        k = self.n_components_
        factors = check_array(
            X,
            dtype=[np.float64, np.float32],
            input_name="X",
            ensure_min_features=min(1, k),
        )
        if factors.shape[1] != k:
            raise ValueError(
                f"X has {factors.shape[1]} columns, but inverse_transform takes "
                f"n_components_={k} factors."
            )
        dtype = factors.dtype
        bias = self.column_bias_.astype(dtype) + dtype.type(self.mean_)
        cells = factors @ self.components_.astype(dtype, copy=False) + bias
        if row_bias is not None:
            row_bias = np.asarray(row_bias, dtype=dtype)
            if row_bias.shape != (len(factors),):
                raise ValueError(
                    f"row_bias must have shape ({len(factors)},), one for each row of "
                    f"X; found shape {row_bias.shape}."
                )
            cells += row_bias[:, np.newaxis]
        return cells

    def complete(self, X):
        """Fill the missing cells of rows, and leave the known ones as they are.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            As in `transform`.

        Returns
        -------
        X_full : ndarray of shape (n_samples, n_features_in_)
            Dense, as every cell is known.

        Raises
        ------
        ValueError
            As `transform`.
        """
        return self._completed(X)

    def predict_cells(self, rows, columns):
        """Predict cells of the fitted rows, one by one.

        Parameters
        ----------
        rows, columns : array-like of int of shape (n_cells,)
            Where the cells are in the table fitted.

        Returns
        -------
        ndarray of shape (n_cells,)
            In float64.

        Raises
        ------
        ValueError
            If an index is not whole, or outside the table.
        """
        check_is_fitted(self)
        shape = len(self.row_factors_), self.n_features_in_
        cells = Cells(rows, columns, np.zeros(np.shape(rows)), shape)
        Q = self._columns(self.components_.dtype)
        return self.mean_ + predict(self._rows(), Q, cells.rows, cells.columns)

    def top_n(self, X, n=10, *, exclude_known=True):
        """Find the columns of highest prediction for each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            What the rows are known to hold, as in `transform`.
        n : int, default=10
            Columns wanted, at most all.
        exclude_known : bool, default=True
            Whether to leave out the columns that a row knows. With
            ``implicit_zeros="observed"``, those that it stores.

        Returns
        -------
        columns : ndarray of int of shape (n_samples, n)
            Best first; -1 where a row has no more left.
        values : ndarray of shape (n_samples, n)
            Predictions, 0 beside a -1.

        Raises
        ------
        ValueError
            As `transform`, or if `n` is not in 1 to `n_features_in_`.
        """
        check_is_fitted(self)
        if not is_count(n, 1) or n > self.n_features_in_:
            raise ValueError(
                f"n={n!r} must be an integer from 1 to the number of columns, "
                f"{self.n_features_in_}."
            )
        table, P = self._folded(X)
        known = table.cells if exclude_known else None
        columns, values = best_columns(P, self._columns(P.dtype), known, int(n))
        return columns, np.where(columns < 0, 0, values + P.dtype.type(self.mean_))

    def score(self, X, y=None):
        """Give minus the error on cells that were not seen.

        Of a table, one in five of the known cells of each row (at least one) are
        hidden, the same ones each time, and predicted from the rest of the row: rows
        of any table will do, and a search by `GridSearchCV` over rows means something.
        `Cells` are predicted as they are, as cells of the rows fitted.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or Cells
            Rows, or cells of the table fitted.
        y : None
            Ignored.

        Returns
        -------
        float
            Minus the root of the mean squared error.

        Raises
        ------
        ValueError
            As `transform`, or if there is no known cell.
        """
        check_is_fitted(self)
        if isinstance(X, Cells):
            if not len(X):
                raise ValueError("X has no cell to score.")
            guess = self.predict_cells(X.rows, X.columns)
            return -float(np.sqrt(np.mean((guess - X.values) ** 2)))
        check_parameters(self)
        table = self._read(X, None, None, reset=False, mean=self.mean_)
        parts = [self._errors_on_hidden(part.cells) for part in table.blocks_of_rows()]
        return -float(np.sqrt(np.mean(np.concatenate(parts) ** 2)))

    def _errors_on_hidden(self, cells):
        """Errors on the cells of rows that are hidden, predicted from the others."""
        hidden = hidden_cells(cells.indptr, cells.indices, cells.shape[1])
        rows, columns = rows_of(cells)[hidden], cells.indices[hidden]
        indptr = np.concatenate(([0], np.cumsum(~hidden)))[cells.indptr]
        seen = (cells.data[~hidden], cells.indices[~hidden], indptr)
        P = self._fold_in(sparse.csr_array(seen, shape=cells.shape), False)
        guess = predict(P, self._columns(P.dtype), rows, columns)
        return guess - cells.data[hidden]

    def __sklearn_is_fitted__(self):
        """Whether there are factors."""
        return hasattr(self, "components_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
