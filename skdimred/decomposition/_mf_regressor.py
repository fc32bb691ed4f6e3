"""Biased factors for a list of ratings: ids in, a number out."""

from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from skdimred._base import guarded
from skdimred._checks import as_sample_weight
from skdimred._sklearn import with_callbacks
from skdimred.decomposition._mf_fit import START, BiasedFactorsMixin, unit_of
from skdimred.decomposition._mf_parameters import (
    check_parameters,
    choose_method,
    n_threads,
    penalty_of,
)
from skdimred.decomposition._mf_table import Table
from skdimred.numerics.pairwise import Column, alternate_columns, predict_samples

__all__ = ["BiasedMFRegressor"]


class BiasedMFRegressor(BiasedFactorsMixin, RegressorMixin, BaseEstimator):
    r"""Predict a number from ids, such as a rating from a person and a film.

    Each sample has one id in each column of X. An id has a bias and K factors, and

    .. math:: y \approx \mu + \sum_j b_j + \sum_{j < l} v_j^T v_l

    over the columns j, l: with two of them this is the matrix factorisation of
    `BiasedMF`, with more a pairwise factorisation machine [1]_, with one only biases.
    Half the sum of squared errors plus the penalties of `BiasedMF` is minimised.

    Samples are ratings, so that `KFold`, `cross_val_score` and `GridSearchCV` hold out
    ratings as they are.

    Parameters
    ----------
    n_components : int, default=10
        Number K of factors; 0 for biases alone.
    alpha : float, default=10.0
        Penalty of the factors.
    alpha_bias : float or None, default=None
        Penalty of the biases; None for `alpha`.
    l1_ratio : float, default=0.0
        Share of the L1 penalty in that of the factors.
    positive : bool, default=False
        Whether factors must not be negative.
    weighted_alpha : bool, default=False
        Whether the penalty of an id is multiplied by how often it occurs.
    solver : {"auto", "exact", "cg", "cd"}, default="auto"
        As in `BiasedMF`.
    max_iter : int, default=30
        Sweeps over all columns, at most.
    tol : float, default=1e-4
        A sweep is the last if it lowers the objective by no more than this share.
    clip : bool, default=True
        Whether predictions are kept between the least and the largest y of the fit.
    validation_fraction : float, default=0.0
        Share of the samples to leave out of the fit, for `validation_history_`.
    n_jobs : int or None, default=None
        Threads; None for as many as BLAS may use.
    random_state : None, int or RandomState, default=None
        Draws the factors to start from.
    verbose : int, default=0
        Whether to print a line a sweep.

    Attributes
    ----------
    ids_ : list of ndarray
        Ids of each column, in order.
    factors_ : list of ndarray of shape (n_ids, n_components)
        Their factors. With two columns they have the form of a singular value
        decomposition.
    biases_ : list of ndarray of shape (n_ids,)
        Their biases.
    mean_ : float
        Mean of y.
    y_min_, y_max_ : float
        Range of y.
    objective_history_ : ndarray of shape (n_iter_,)
        The objective after each sweep; never rises.
    validation_history_ : ndarray of shape (n_iter_,)
        Root of the mean squared error on the samples left out, after each sweep; only
        with `validation_fraction`. Not clipped.
    n_iter_ : int
        Number of sweeps.
    n_features_in_ : int
        Number of columns of ids.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.
    solver_ : {"exact", "cg", "cd"}
        What ran.

    See Also
    --------
    BiasedMF : The same for a table, with factors of new rows.
    skdimred.model_selection.Cells : Cells of a table as samples.

    Notes
    -----
    Ids are numbers or strings. One that was not there at fit counts for nothing, so
    that a prediction falls back to the mean and the biases of the other ids. The same
    ids may occur in several samples.

    References
    ----------
    .. [1] S. Rendle, "Factorization machines", ICDM 2010, 995-1000.
           https://doi.org/10.1109/ICDM.2010.127

    Examples
    --------
    >>> from skdimred.decomposition import BiasedMFRegressor
    >>> X = [["Ann", "Alien"], ["Ann", "Brazil"], ["Bob", "Alien"], ["Cy", "Brazil"]]
    >>> model = BiasedMFRegressor(1, alpha=0.5, random_state=0).fit(X, [5, 4, 4, 2])
    >>> model.predict([["Bob", "Brazil"], ["Dora", "Alien"]]).round(1)
    array([3.1, 4.1])
    """

    # Of `BiasedMF`, what has no choice here.
    row_bias = col_bias = rotate = True
    implicit_zeros = "missing"

    def __init__(
        self,
        n_components=10,
        *,
        alpha=10.0,
        alpha_bias=None,
        l1_ratio=0.0,
        positive=False,
        weighted_alpha=False,
        solver="auto",
        max_iter=30,
        tol=1e-4,
        clip=True,
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
        self.weighted_alpha = weighted_alpha
        self.solver = solver
        self.max_iter = max_iter
        self.tol = tol
        self.clip = clip
        self.validation_fraction = validation_fraction
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @guarded
    @with_callbacks
    def fit(self, X, y, sample_weight=None):
        """Find the factors and biases of the ids.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Ids, numbers or strings.
        y : array-like of shape (n_samples,)
            Numbers.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each sample counts.

        Returns
        -------
        self : BiasedMFRegressor
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range, or if X or y have missing values.
        """
        check_parameters(self)
        X, y = validate_data(self, X, y, dtype=None, y_numeric=True)
        y = y if y.dtype == np.float32 else y.astype(np.float64)
        weight = as_sample_weight(sample_weight, len(y))
        if weight is not None:
            X, y, weight = X[weight > 0], y[weight > 0], weight[weight > 0]
        pairs = [
            np.unique(_column(X, j), return_inverse=True) for j in range(X.shape[1])
        ]
        self.ids_ = [ids for ids, _ in pairs]
        codes = [np.ravel(code) for _, code in pairs]
        self.y_min_, self.y_max_ = float(y.min()), float(y.max())
        mean = float(np.average(y.astype(np.float64), weights=weight))
        values = y - y.dtype.type(mean)
        if len(codes) == 2:
            self._fit_pairs(codes, values, mean, weight, X)
        else:
            self._fit_columns(codes, values, mean, weight, X)
        return self

    def _fit_pairs(self, codes, values, mean, weight, X):
        """Two columns: the rows and columns of a table."""
        order = np.lexsort(codes[::-1])
        shape = tuple(len(ids) for ids in self.ids_)
        counts = np.bincount(codes[0], minlength=shape[0])
        indptr = np.concatenate(([0], np.cumsum(counts)))
        cells = sparse.csr_array(
            (values[order], codes[1][order].astype(indptr.dtype), indptr), shape=shape
        )
        weight = None if weight is None else weight[order]
        n_columns = self.n_features_in_
        self._fit_table(Table(cells, False, mean, None, weight), X=X)
        self.n_features_in_ = n_columns
        self.factors_ = [self.row_factors_, np.ascontiguousarray(self.components_.T)]
        self.biases_ = [self.row_bias_, self.column_bias_]
        for name in (
            "row_factors_",
            "components_",
            "row_bias_",
            "column_bias_",
            "reconstruction_err_",
            "n_components_",
            "_n_features_out",
            "_column_weight",
            "_seen",
            "_is_far",
            "_unit",
        ):
            del self.__dict__[name]

    def _fit_columns(self, codes, values, mean, weight, X):
        """Any other number of columns, by turns."""
        rng = check_random_state(self.random_state)
        k = 0 if len(codes) == 1 else int(self.n_components)
        weight = np.ones(len(values)) if weight is None else weight
        factor = unit_of(float(np.abs(values).max()))
        values, root = values / values.dtype.type(factor), np.sqrt(factor)
        held = np.zeros(len(values), dtype=bool)
        if self.validation_fraction:
            held = self._held_samples(len(values), rng)
        penalty = penalty_of(self, self.alpha).scaled(root)
        method = choose_method(
            self.solver, penalty, False, len(values) * len(codes), k + 1
        )
        fitted = ~held
        columns = [
            Column.from_codes(
                code[fitted],
                len(ids),
                values[fitted],
                weight[fitted],
                k,
                descent=method == "cd",
                threads=n_threads(self.n_jobs),
            )
            for code, ids in zip(codes, self.ids_, strict=True)
        ]
        level = np.sqrt(np.average(values**2, weights=weight))
        V = [self._drawn(len(ids), k, level, values.dtype, rng) for ids in self.ids_]
        errors = []
        with self._sweeps(X) as report:

            def after_sweep(V, history):
                line = f"objective {history[-1] * factor**2:.6g}"
                if held.any():
                    known = [np.ones(int(held.sum()), dtype=bool)] * len(codes)
                    guess = predict_samples(V, [c[held] for c in codes], known)
                    error = np.sqrt(np.mean((guess - values[held]) ** 2))
                    errors.append(float(error * factor))
                    line += f", held-out RMSE {errors[-1]:.6g}"
                return report(line, lambda: self._found(V, factor, root))

            history = alternate_columns(
                columns,
                V,
                penalty,
                weight[fitted],
                method=method,
                max_iter=self.max_iter,
                tol=self.tol,
                after_sweep=after_sweep,
            )
        for name, value in self._found(V, factor, root).items():
            setattr(self, name, value)
        self.mean_, self.solver_ = mean, method
        self.objective_history_ = np.array(history) * factor**2
        self.n_iter_ = len(history)
        self.__dict__.pop("validation_history_", None)
        if errors:
            self.validation_history_ = np.array(errors)

    def _found(self, V, factor, root):
        """Fitted attributes in the units of y."""
        return {
            "factors_": [v[:, :-1] * v.dtype.type(root) for v in V],
            "biases_": [v[:, -1] * v.dtype.type(factor) for v in V],
        }

    def _held_samples(self, n, rng):
        """Which samples are left out."""
        count = round(self.validation_fraction * n)
        if not 0 < count < n:
            raise ValueError(
                f"validation_fraction={self.validation_fraction!r} holds out {count} "
                f"of {n} samples; at least one must be held out, and one left."
            )
        held = np.zeros(n, dtype=bool)
        held[rng.choice(n, count, replace=False)] = True
        return held

    def _drawn(self, n_ids, k, level, dtype, rng):
        """Numbers to start from."""
        V = np.zeros((n_ids, k + 1), dtype=dtype)
        draw = rng.standard_normal((n_ids, k))
        V[:, :k] = (np.abs(draw) if self.positive else draw) * (START * level**0.5)
        return V

    def predict(self, X):
        """Predict a number for each sample.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_columns)
            Ids; those that were not there at fit count for nothing.

        Returns
        -------
        ndarray of shape (n_samples,)
            Predictions, in float64.

        Raises
        ------
        ValueError
            If X has another number of columns than at fit, or missing values.
        """
        check_is_fitted(self)
        X = validate_data(self, X, dtype=None, reset=False)
        codes, known = [], []
        for j, ids in enumerate(self.ids_):
            code, found = _look_up(_column(X, j), ids)
            codes.append(code)
            known.append(found)
        V = [
            np.column_stack([factors, bias])
            for factors, bias in zip(self.factors_, self.biases_, strict=True)
        ]
        guess = self.mean_ + predict_samples(V, codes, known)
        return np.clip(guess, self.y_min_, self.y_max_) if self.clip else guess

    def __sklearn_is_fitted__(self):
        """Whether there are factors."""
        return hasattr(self, "factors_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags


def _column(X, j):
    """One column of ids; strings, and numbers kept as objects, as what they are."""
    column = X[:, j]
    if column.dtype != object:
        return column
    if all(isinstance(value, str) for value in column):
        return column.astype(str)
    if any(value is None for value in column):
        raise ValueError(
            f"Column {j} of X holds None (first in row "
            f"{[value is None for value in column].index(True)}): each sample needs "
            "an id; leave such samples out, or give them an id of their own."
        )
    try:
        # Whole numbers beyond 2**53 would fall together as floats.
        whole = all(isinstance(value, Integral) for value in column)
        return column.astype(np.int64 if whole else np.float64)
    except OverflowError as error:
        raise ValueError(
            f"Column {j} of X holds whole numbers beyond 64 bits; make them strings."
        ) from error
    except (TypeError, ValueError) as error:
        kinds = sorted({type(value).__name__ for value in column})
        raise ValueError(
            f"Column {j} of X holds ids of different types ({', '.join(kinds)}); make "
            "them all strings or all numbers."
        ) from error


def _look_up(column, ids):
    """Position of each id, and whether it is there."""
    if (column.dtype.kind in "US") != (ids.dtype.kind in "US"):
        column = column.astype(str) if ids.dtype.kind in "US" else column
        if ids.dtype.kind not in "US":
            zeros = np.zeros(len(column), dtype=np.intp)
            return zeros, np.zeros(len(column), dtype=bool)
    place = np.minimum(np.searchsorted(ids, column), len(ids) - 1)
    return place, ids[place] == column
