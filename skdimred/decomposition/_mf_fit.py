"""What `BiasedMF` and its kin share: the fit, and how rows are folded in."""

import warnings
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdimred._base import guarded
from skdimred._cells import aligned_weights, known_cells
from skdimred._checks import as_sample_weight
from skdimred._sweeps import SweepMixin
from skdimred.decomposition._mf_parameters import (
    check_parameters,
    choose_method,
    n_threads,
    penalty_of,
)
from skdimred.decomposition._mf_table import (
    DENSE_BLOCK,
    Table,
    mean_of,
    rows_of,
)
from skdimred.numerics.biased_factors import (
    alternate,
    fold_in,
    leading_columns,
    predict,
)
from skdimred.numerics.complete import CompleteSide, spectral_start
from skdimred.numerics.masked import MaskedSide, Penalty

__all__ = ["START", "BiasedFactorsMixin", "unit_of"]

# Size of the numbers to start from, over the root of the values'.
START = 0.1
# Cells of a table without gaps up to which its singular value decomposition is taken.
SMALL_TABLE = 4e6
# Known cells times factors up to which the start is brought near the largest singular
# vectors, and rounds of it: in tables as small, chance may lead astray.
SMALL_START, ROUNDS = 5e5, 5
# Value of which a sum of squares might overflow.
LARGEST = 1e150


@dataclass(frozen=True)
class _Settings:
    """Parameters of the last fit, by which rows are folded in."""

    penalty: Penalty
    row_bias: bool
    implicit_zeros: str


class BiasedFactorsMixin(SweepMixin):
    """Fit of biased factors to known cells, and fold-in of rows.

    A subclass has the parameters of `BiasedMF`, or sets those that it lacks as
    attributes of the class.
    """

    def _read(self, X, sample_weight, cell_weight, *, reset, mean=None):
        """X as a `Table`; the mean is taken from it unless given."""
        cells = known_cells(self, X, reset=reset)
        zeros = self.implicit_zeros if reset else self._settings.implicit_zeros
        sparse_zeros = zeros == "observed" and sparse.issparse(X)
        complete = sparse_zeros or isinstance(cells, np.ndarray)
        row_weight = as_sample_weight(sample_weight, cells.shape[0])
        if cell_weight is not None:
            if sparse_zeros:
                raise ValueError(
                    "cell_weight goes with implicit_zeros='missing': there are no "
                    "weights for zeros that are not stored."
                )
            if complete:
                cells = Table(cells, True, 0.0, None, None).as_masked().cells
                complete = False
            cell_weight = aligned_weights(cell_weight, cells, X)
            cells, cell_weight = _of_positive_weight(cells, cell_weight)
        if not complete:
            self._check_known(cells, row_weight, len_known=cells.nnz)
        if mean is None:
            mean = 0.0
            if self.row_bias or self.col_bias:
                mean = mean_of(cells, complete, row_weight, cell_weight)
        if not np.isfinite(mean):
            raise ValueError("X holds values whose sum overflows; rescale them.")
        if not complete:
            values = cells.data - cells.dtype.type(mean)
            cells = sparse.csr_array(
                (values, cells.indices, cells.indptr), shape=cells.shape
            )
        return Table(cells, complete, mean, row_weight, cell_weight)

    def _check_known(self, cells, row_weight, len_known):
        if row_weight is not None and len_known:
            len_known = int(np.diff(cells.indptr)[row_weight > 0].sum())
        if not len_known:
            raise ValueError(
                "X has no known cell: all are missing, or of weight 0. "
                f"{type(self).__name__} needs at least one."
            )

    @property
    def _alpha(self):
        """The penalty of the factors, where it is not chosen by the fit."""
        return self.alpha

    def _fit_table(self, table, *, X=None, max_iter=None, warm=None, k=None):
        """Minimise over a table, and set what was found.

        Parameters
        ----------
        table : Table
        X : object
            For callbacks.
        max_iter : int or None
            The parameter if None.
        warm : ndarray of shape (m, k + 1) or None
            Columns to start from.
        k : int or None
            Number of factors; the parameter if None.
        """
        rng = check_random_state(self.random_state)
        every, (table, held) = table, self._hold_out(table, rng)
        factor = unit_of(table.largest)
        root = np.sqrt(factor)
        self._unit, self._is_far = factor, table.is_far
        self._in_double = table.needs_double
        scaled = table.in_double() if self._in_double else table
        scaled = scaled.scaled(1 / factor)
        scaled = scaled.centered() if self._is_far else scaled
        k = int(self.n_components if k is None else k)
        penalty = penalty_of(self, self._alpha)
        biases = bool(self.row_bias), bool(self.col_bias)
        n_cells = table.cells.size
        method = choose_method(self.solver, penalty, table.complete, n_cells, k + 1)
        problem = scaled.problem(
            k, biases, penalty.scaled(root), method, n_threads(self.n_jobs)
        )
        self._warn_of_empty(problem)
        if warm is None:
            Q = self._start(scaled, problem, k, biases, rng)
        else:
            Q = np.array(warm, dtype=scaled.cells.dtype)
            Q[:, :-1] /= root
            Q[:, -1] /= factor
        errors, dtype = [], table.cells.dtype
        max_iter = self.max_iter if max_iter is None else max_iter
        with self._sweeps(X, most=max_iter) as report:

            def after_sweep(found):
                value = found.history[-1] * factor**2
                line = f"objective {value:.6g}"
                if held is not None:
                    errors.append(_rmse(found, held, factor))
                    line += f", held-out RMSE {errors[-1]:.6g}"
                return report(line, lambda: _attributes(found, factor, dtype))

            found = alternate(
                problem,
                Q,
                max_iter=max_iter,
                tol=self.tol,
                rotate=self.rotate,
                after_sweep=after_sweep,
                warm=warm is not None,
            )
        if self._in_double:
            _round_columns(problem, found, table.cells.dtype)
        self._set(found, table, problem, factor, method)
        self.__dict__.pop("validation_history_", None)
        if held is not None:
            errors[-1] = _rmse(found, held, factor)
            self.validation_history_ = np.array(errors)
            # The rows as `transform` would place them, by all that they know.
            self._seen = every
            P = self._fold_in(every.cells, every.complete, every.cell_weight)
            self.row_factors_, self.row_bias_ = P[:, :-1], P[:, -1]

    @guarded
    def _add_rows(self, X, sample_weight, cell_weight):
        """One sweep over the rows seen so far and new ones."""
        new = self._read(X, sample_weight, cell_weight, reset=False, mean=self.mean_)
        table = self._seen.followed_by(new)
        warm = self._columns(table.cells.dtype)
        self._fit_table(table, X=X, max_iter=1, warm=warm, k=self.n_components_)
        return self

    def _set(self, found, table, problem, factor, method):
        with np.errstate(over="ignore"):
            history = np.array(found.history) * factor**2
            fitted = _attributes(found, factor, table.cells.dtype)
        if not all(np.isfinite(part).all() for part in (history, *fitted.values())):
            raise ValueError(
                "X holds values whose squares overflow "
                f"{table.cells.dtype}; rescale them."
            )
        self.mean_ = table.mean
        for name, value in fitted.items():
            setattr(self, name, value)
        self.objective_history_ = history
        weight = problem.weighted(problem.rows.total)
        rms = np.sqrt(problem.weighted(found.squares) / weight)
        self.reconstruction_err_ = float(rms * factor)
        self.n_iter_ = len(history)
        self.n_components_ = len(self.components_)
        self.solver_ = method
        self._n_features_out = self.n_components_
        self._column_weight = problem.columns.total
        self._settings = _Settings(
            penalty_of(self, self._alpha), bool(self.row_bias), self.implicit_zeros
        )
        self._seen = table

    def _hold_out(self, table, rng):
        """Leave some cells out of the fit."""
        share = self.validation_fraction
        if not share:
            return table, None
        if table.complete and sparse.issparse(table.cells):
            raise ValueError(
                "validation_fraction holds out known cells, of which a sparse table "
                "with implicit_zeros='observed' has too many: take 0."
            )
        table = table.as_masked()
        cells = table.cells
        n_held = round(share * cells.nnz)
        if not 0 < n_held < cells.nnz:
            raise ValueError(
                f"validation_fraction={share!r} holds out {n_held} of {cells.nnz} "
                "known cells; at least one must be held out, and one left."
            )
        keep = np.ones(cells.nnz, dtype=bool)
        keep[rng.choice(cells.nnz, n_held, replace=False)] = False
        rows, out = rows_of(cells), ~keep
        held = rows[out], cells.indices[out], cells.data[out]
        return table.subset(keep), held

    def _start(self, table, problem, k, biases, rng):
        """Columns to start from."""
        n, m = table.cells.shape
        dtype = table.cells.dtype
        smooth = problem.penalty.is_smooth
        dense = isinstance(table.cells, np.ndarray)
        if dense and smooth and k and n * m <= SMALL_TABLE:
            args = table.row_weight, biases, problem.penalty, k
            return spectral_start(table.cells, table.mean, *args)
        level = table.deviation
        Q = np.zeros((m, k + 1), dtype=dtype)
        draw = rng.standard_normal((m, k))
        Q[:, :k] = (np.abs(draw) if self.positive else draw) * (START * level**0.5)
        small = table.cells.size * k <= SMALL_START
        if small and k and not (table.complete or self.positive):
            weighted = table.cells
            if table.cell_weight is not None:
                values = weighted.data * table.cell_weight
                weighted = sparse.csr_array(
                    (values, weighted.indices, weighted.indptr), shape=(n, m)
                )
            Q[:, :k] = leading_columns(
                weighted, table.row_weight, problem.columns.total, Q[:, :k], ROUNDS
            )
        Q[problem.columns.total == 0] = 0
        return Q

    def _warn_of_empty(self, problem):
        counts = [
            (int(np.sum(side.total == 0)), name)
            for side, name in ((problem.rows, "row"), (problem.columns, "column"))
        ]
        texts = [f"{n} {name}{'s' * (n != 1)}" for n, name in counts if n]
        if texts:
            many = sum(n for n, _ in counts) != 1
            warnings.warn(
                f"{' and '.join(texts)} of X {'have' if many else 'has'} no known "
                "cell: factors and bias are 0 there, and predictions are the mean and "
                "the other bias.",
                UserWarning,
                stacklevel=5,
            )

    def _columns(self, dtype):
        """Factors and bias of the columns, (m, k + 1)."""
        k, m = self.components_.shape
        Q = np.empty((m, k + 1), dtype=dtype)
        Q[:, :-1] = self.components_.T
        Q[:, -1] = self.column_bias_
        return Q

    def _rows(self):
        """Factors and bias of the fitted rows, (n, k + 1)."""
        return np.column_stack([self.row_factors_, self.row_bias_])

    def _fold_in(self, cells, complete, cell_weight=None):
        """Factors and bias of rows, (n, k + 1), in the dtype of their cells."""
        if self._is_far and complete and sparse.issparse(cells):
            return self._fold_in_blocks(cells)
        k, bias = self.n_components_, self._settings.row_bias
        # In the units of the fit, so that the rows come out as they did there.
        factor, root = self._unit, np.sqrt(self._unit)
        penalty = self._settings.penalty.scaled(root)
        wanted = cells.dtype
        if self._in_double:
            cells = cells.astype(np.float64)
        dtype = cells.dtype
        Q = self._columns(dtype)
        Q[:, :k] /= root
        Q[:, k] /= factor
        threads = n_threads(self.n_jobs)
        table = Table(cells, complete, self.mean_, None, None).scaled(1 / factor)
        table = table.centered() if self._is_far else table
        cells = table.cells
        if complete:
            side = CompleteSide(cells, table.mean, None, bias, threads)
        else:
            side = MaskedSide.from_csr(
                cells,
                cell_weight,
                k,
                bias,
                descent=self.solver_ == "cd",
                threads=threads,
            )
        with np.errstate(over="ignore", invalid="ignore"):
            P, _ = fold_in(side, Q, penalty, self._column_weight, self.solver_)
            P[:, :k] *= root
            P[:, k] *= factor
            P = P.astype(wanted, copy=False)
        if not np.isfinite(P).all():
            row = int(np.argmax(~np.isfinite(P).all(axis=1)))
            raise ValueError(
                f"Row {row} of X holds values whose squares overflow {wanted}; rescale "
                "the rows or give them as float64."
            )
        return P

    def _fold_in_blocks(self, cells):
        """The same of sparse rows that are written out, few at a time."""
        n, m = cells.shape
        P = np.empty((n, self.n_components_ + 1), dtype=cells.dtype)
        step = max(1, DENSE_BLOCK // m)
        for start in range(0, n, step):
            rows = slice(start, start + step)
            P[rows] = self._fold_in(cells[rows].toarray(), True)
        return P

    def _folded(self, X):
        """`Table` of new rows, and their factors and biases."""
        check_is_fitted(self)
        check_parameters(self)
        cells = known_cells(self, X, reset=False)
        complete = isinstance(cells, np.ndarray) or (
            sparse.issparse(X) and self._settings.implicit_zeros == "observed"
        )
        table = Table(cells, complete, self.mean_, None, None)
        if not complete:
            centered = cells.data - cells.dtype.type(self.mean_)
            cells = sparse.csr_array(
                (centered, cells.indices, cells.indptr), shape=cells.shape
            )
            table = Table(cells, False, self.mean_, None, None)
        return table, self._fold_in(table.cells, complete)

    def _completed(self, X):
        """Rows with their missing cells filled, dense."""
        table, P = self._folded(X)
        if table.complete:
            cells = table.cells
            return cells.toarray() if sparse.issparse(cells) else cells.copy()
        full = P[:, :-1] @ self.components_.astype(P.dtype, copy=False)
        full += self.column_bias_.astype(P.dtype) + P.dtype.type(self.mean_)
        full += P[:, -1:]
        # The values themselves: less the mean and plus the mean they would change.
        known = known_cells(self, X, reset=False)
        full[rows_of(known), known.indices] = known.data
        return full


def _attributes(found, factor, dtype):
    """Fitted attributes in the units and the dtype of the data."""
    root = np.sqrt(factor)
    P, Q = found.P, found.Q
    fitted = {
        "components_": np.ascontiguousarray(Q[:, :-1].T) * Q.dtype.type(root),
        "column_bias_": Q[:, -1] * Q.dtype.type(factor),
        "row_factors_": P[:, :-1] * P.dtype.type(root),
        "row_bias_": P[:, -1] * P.dtype.type(factor),
    }
    return {name: value.astype(dtype, copy=False) for name, value in fitted.items()}


def _round_columns(problem, found, dtype):
    """Round columns to what is kept of them, and solve the rows for that."""
    found.Q[:] = found.Q.astype(dtype)
    if problem.method == "cd":
        found.P[:] = 0
    found.squares = problem.improve_rows(found.P, found.Q, None)


def unit_of(largest):
    """A power of 4 about the largest value; 1 for values of a usual size."""
    if not largest < LARGEST:
        raise ValueError(
            f"X holds values whose squares overflow (largest less the mean "
            f"{largest:.3g}); rescale them."
        )
    if largest == 0 or 1e-6 < largest < 1e6:
        return 1.0
    return float(4.0 ** np.round(np.log2(largest) / 2))


def _rmse(found, held, factor):
    rows, columns, values = held
    error = predict(found.P, found.Q, rows, columns) - values / factor
    return float(np.sqrt(np.mean(error**2)) * factor)


def _of_positive_weight(cells, weight):
    """Known cells that count, and their weights."""
    if (weight > 0).all():
        return cells, weight
    part = Table(cells, False, 0.0, None, weight).subset(weight > 0)
    return part.cells, part.cell_weight
