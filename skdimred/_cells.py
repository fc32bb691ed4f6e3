"""Known cells of a table: as samples that a splitter can deal out, and as a matrix.

A cell is known if a dense table holds a number there, and not NaN, or if a sparse one
stores it, be it 0. Nothing here is ever as large as the table but a dense table itself.
"""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.utils.validation import check_array, validate_data

__all__ = ["Cells", "aligned_weights", "dealt_to_folds", "known_cells"]


# Power of the largest number of a dtype up to which weights may go.
MOST_WEIGHT = 1 / 3


class Cells:
    """Known cells of a table as samples, so that splitters hold out cells.

    scikit-learn's splitters and searches deal in samples. Given `Cells` in the place of
    X they hold out cells, and the estimator fits the rest of the same table::

        GridSearchCV(BiasedMF(), grid, cv=KFold(5, shuffle=True)).fit(
            Cells.from_matrix(X)
        )

    Parameters
    ----------
    rows, columns : array-like of int of shape (n_cells,)
        Where the cells are.
    values : array-like of float of shape (n_cells,)
        What they hold.
    table_shape : tuple of int or None, default=None
        Rows and columns of the table; None for as many as the indices tell.

    Attributes
    ----------
    rows, columns, values : ndarray of shape (n_cells,)
        As given.
    table_shape : tuple of int
        Rows and columns of the table.
    shape : tuple of int
        ``(n_cells,)``.

    Raises
    ------
    ValueError
        If lengths differ, if an index is not whole or outside the table, if a value is
        no number, NaN or infinite, or if `table_shape` is not two whole numbers.

    See Also
    --------
    skdimred.model_selection.CellKFold : Folds that leave each row some cells.
    skdimred.decomposition.BiasedMF : What is fitted to them.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.model_selection import train_test_split
    >>> from skdimred.model_selection import Cells
    >>> X = np.array([[5.0, np.nan, 1.0], [np.nan, 4.0, 2.0]])
    >>> cells = Cells.from_matrix(X)
    >>> len(cells), cells.table_shape
    (4, (2, 3))
    >>> train, test = train_test_split(cells, test_size=1, random_state=0)
    >>> len(train), test.rows, test.columns, test.values
    (3, array([1]), array([1]), array([4.]))
    """

    def __init__(self, rows, columns, values, table_shape=None):
        self.rows, self.columns = _indices(rows, "rows"), _indices(columns, "columns")
        values = _as_floats(values, "values")
        if not self.rows.shape == self.columns.shape == values.shape:
            raise ValueError(
                "rows, columns and values must be as many; found shapes "
                f"{self.rows.shape}, {self.columns.shape} and {values.shape}."
            )
        if not np.isfinite(values).all():
            i = int(np.argmax(~np.isfinite(values)))
            raise ValueError(
                f"values must be finite; found {values[i]} for the cell of row "
                f"{self.rows[i]}, column {self.columns[i]}. Leave unknown cells out."
            )
        least = tuple(
            int(axis.max(initial=-1)) + 1 for axis in (self.rows, self.columns)
        )
        shape = least if table_shape is None else _as_shape(table_shape)
        if shape[0] < least[0] or shape[1] < least[1]:
            raise ValueError(
                f"table_shape={table_shape!r} has no room for cells up to row "
                f"{least[0] - 1}, column {least[1] - 1}."
            )
        self.values, self.table_shape = values, shape

    @classmethod
    def from_matrix(cls, X):
        """List the known cells of a table.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_rows, n_columns)
            NaN is unknown in a dense table, what is not stored in a sparse one.

        Returns
        -------
        Cells
            Row by row.

        Raises
        ------
        ValueError
            If a stored cell is not finite, or stored twice.
        """
        if X is None or np.ndim(X) != 2:
            raise ValueError(
                f"X must have rows and columns; found shape {np.shape(X)} of "
                f"{type(X).__name__}."
            )
        if sparse.issparse(X):
            table = _as_csr(X)
            rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
            return cls(rows, table.indices, table.data, table.shape)
        if hasattr(X, "dtypes"):
            # Frames have ways of their own to say that a cell is missing.
            X = check_array(
                X, dtype=[np.float64, np.float32], ensure_all_finite="allow-nan"
            )
        X = _as_floats(X, "X")
        rows, columns = np.nonzero(~np.isnan(X))
        return cls(rows, columns, X[rows, columns], X.shape)

    @property
    def shape(self):
        """As many samples as cells."""
        return self.values.shape

    def __len__(self):
        return len(self.values)

    def __getitem__(self, key):
        if isinstance(key, tuple):
            key = key[0]
        if isinstance(key, Integral):
            key = [key]
        part = object.__new__(Cells)
        part.rows, part.columns = self.rows[key], self.columns[key]
        part.values, part.table_shape = self.values[key], self.table_shape
        return part

    def __repr__(self):
        return (
            f"Cells({len(self)} of a {self.table_shape[0]} x {self.table_shape[1]}"
            " table)"
        )

    def to_csr(self):
        """Put the cells into a sparse table.

        Returns
        -------
        csr_array of shape `table_shape`
            Float32 or float64, like the values.

        Raises
        ------
        ValueError
            If a cell is there twice.
        """
        cells = (self.values, (self.rows, self.columns))
        return _as_csr(sparse.coo_array(cells, shape=self.table_shape))


def _as_floats(values, name):
    """Values as float32 or float64."""
    try:
        array = np.asarray(values)
        if array.dtype in (np.float32, np.float64):
            return array
        if array.dtype.kind in "biufO":
            return array.astype(np.float64)
        found = array.dtype
    except (TypeError, ValueError) as error:
        found = str(error)
    raise ValueError(f"{name} must hold numbers; found {found}.")


def _as_shape(table_shape):
    """Rows and columns of a table."""
    sizes = table_shape if isinstance(table_shape, (tuple, list, np.ndarray)) else ()
    whole = [isinstance(n, Integral) and n >= 0 for n in sizes]
    if len(whole) != 2 or not all(whole):
        raise ValueError(
            f"table_shape={table_shape!r} must be the numbers of rows and columns."
        )
    return tuple(int(n) for n in sizes)


def _indices(values, name):
    """Indices as a vector of whole numbers of at least 0."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise ValueError(
            f"{name} must be a vector of whole numbers; {error}."
        ) from error
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise ValueError(
            f"{name} must be a vector of whole numbers; found shape {array.shape} of "
            f"{array.dtype}."
        )
    if array.size and array.min() < 0:
        raise ValueError(f"{name} must not be negative; found {array.min()}.")
    if array.size and array.max() >= np.iinfo(np.intp).max:
        raise ValueError(f"{name} must be less than 2**63 - 1; found {array.max()}.")
    return array.astype(np.intp, copy=False)


def _as_csr(X):
    """A csr table with each cell once and in order; duplicates are an error."""
    csr = sparse.csr_array(X)
    if X.format == "coo":
        # The conversion has summed cells that were there twice.
        twice = X.nnz - csr.nnz
        if twice:
            order = np.lexsort((X.col, X.row))
            row, column = X.row[order], X.col[order]
            same = (np.diff(row) == 0) & (np.diff(column) == 0)
            first = int(np.argmax(same))
            _raise_twice(twice, row[first], column[first])
    elif not csr.has_canonical_format:
        csr = csr.copy()
        csr.sort_indices()
        row = np.repeat(np.arange(csr.shape[0]), np.diff(csr.indptr))
        same = (np.diff(row) == 0) & (np.diff(csr.indices) == 0)
        if same.any():
            first = int(np.argmax(same))
            _raise_twice(int(same.sum()), row[first], csr.indices[first])
    return csr


def _raise_twice(count, row, column):
    raise ValueError(
        f"X holds {count} cells more than once (first row {row}, column {column}). "
        "They are not added up in silence: take their mean, or the last one, before."
    )


def known_cells(estimator, X, *, reset):
    """What an estimator is to fit: a csr of known cells, or a dense table without gaps.

    Parameters
    ----------
    estimator : estimator
        Its `n_features_in_` is set if `reset`, and held against X otherwise.
    X : array-like, sparse matrix or Cells

    Returns
    -------
    csr_array or ndarray of shape (n_rows, n_columns)
        Float32 or float64. An ndarray only if no cell is missing.
    """
    name = type(estimator).__name__
    if isinstance(X, Cells):
        if reset:
            estimator.n_features_in_ = X.table_shape[1]
            estimator.__dict__.pop("feature_names_in_", None)
        elif X.table_shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"X has {X.table_shape[1]} features, but {name} is expecting "
                f"{estimator.n_features_in_} features as input."
            )
        return X.to_csr()
    X = validate_data(
        estimator,
        X,
        reset=reset,
        dtype=[np.float64, np.float32],
        accept_sparse=("csr", "csc", "coo"),
        ensure_all_finite="allow-nan",
    )
    if sparse.issparse(X):
        table = _as_csr(X)
        if np.isnan(table.data).any():
            place = int(np.argmax(np.isnan(table.data)))
            row = int(np.searchsorted(table.indptr, place, side="right")) - 1
            raise ValueError(
                f"Input X contains NaN (first at row {row}, column "
                f"{table.indices[place]}). In a sparse table a missing cell is one "
                "that is not stored."
            )
        return table
    missing = np.isnan(X)
    if not missing.any():
        return np.asarray(X)
    known = ~missing
    indptr = np.concatenate(([0], np.cumsum(known.sum(axis=1))))
    return sparse.csr_array((X[known], np.nonzero(known)[1], indptr), shape=X.shape)


def aligned_weights(cell_weight, table, X):
    """Weights of the cells of a csr table, in the order in which it stores them.

    Parameters
    ----------
    cell_weight : array-like or sparse matrix
        Of the table's shape, or for `Cells` one number for each.
    table : csr_array
    X : object
        As given to the estimator.

    Returns
    -------
    ndarray of shape (table.nnz,)

    Raises
    ------
    ValueError
        If a known cell has no weight, or one that is negative or not finite.
    """
    if isinstance(X, Cells):
        weight = np.asarray(cell_weight, dtype=np.float64)
        if weight.shape != X.shape:
            raise ValueError(
                f"cell_weight must have one weight for each of {len(X)} cells; found "
                f"shape {weight.shape}."
            )
        weight = weight[np.lexsort((X.columns, X.rows))]
    elif sparse.issparse(cell_weight):
        if cell_weight.shape != table.shape:
            _raise_shape(cell_weight.shape, table.shape)
        given = _as_csr(cell_weight)
        same = np.array_equal(given.indptr, table.indptr)
        if not same or not np.array_equal(given.indices, table.indices):
            raise ValueError(
                "cell_weight must store the cells that are known in X, and no others."
            )
        weight = given.data.astype(np.float64)
    else:
        dense = np.asarray(cell_weight, dtype=np.float64)
        if dense.shape != table.shape:
            _raise_shape(dense.shape, table.shape)
        rows = np.repeat(np.arange(table.shape[0]), np.diff(table.indptr))
        weight = dense[rows, table.indices]
    bad = ~np.isfinite(weight) | (weight < 0)
    if bad.any():
        raise ValueError(
            "cell_weight must be finite and not negative where X is known; found "
            f"{weight[bad][0]} in {int(bad.sum())} cells."
        )
    largest, most = weight.max(initial=0.0), np.finfo(table.dtype).max ** MOST_WEIGHT
    if largest > most:
        raise ValueError(
            f"cell_weight goes up to {largest:.3g}, of which products overflow "
            f"{table.dtype}; divide it, alpha and alpha_bias by one number."
        )
    return weight


def _raise_shape(found, wanted):
    raise ValueError(f"cell_weight must have the shape of X, {wanted}; found {found}.")


def dealt_to_folds(rows, n_splits, rng):
    """Fold of each cell, given its row: those of a row go to the folds in turn."""
    order = rng.permutation(len(rows))
    order = order[np.argsort(rows[order], kind="stable")]
    # Row after row without starting anew, so that all folds are of one size.
    fold = np.empty(len(rows), dtype=np.intp)
    fold[order] = np.arange(len(rows)) % n_splits
    return fold
