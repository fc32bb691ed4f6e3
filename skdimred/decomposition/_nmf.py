"""Non-negative matrix factorisation."""

import warnings
from dataclasses import replace
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdimred._base import guarded
from skdimred._checks import as_sample_weight
from skdimred._sklearn import as_rows, with_callbacks
from skdimred._sweeps import SweepMixin
from skdimred.decomposition._nmf_cells import count_by_cells
from skdimred.decomposition._nmf_checks import (
    as_factors,
    known_mean,
    raise_if_out_of_range,
    raise_if_zero,
)
from skdimred.decomposition._nmf_fit import factorise
from skdimred.decomposition._nmf_online import Stream
from skdimred.decomposition._nmf_problem import Plan, Table
from skdimred.decomposition._nmf_rows import fit_of_rows, weights

__all__ = ["NMF"]

INITS = (None, "nndsvd", "nndsvda", "nndsvdar", "random", "separable", "custom")
SAME = 1e-6
LOSSES = {"frobenius": 2.0, "kullback-leibler": 1.0, "itakura-saito": 0.0}


class NMF(SweepMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Write non-negative rows as non-negative sums of few non-negative parts.

    With weights :math:`w_i` of the rows (1 by default), W and H solve

    .. math:: \min_{W \ge 0, H \ge 0} \sum_i w_i \Big[ \sum_j d(x_{ij}, (W H)_{ij})
              + p\,\alpha_W \big( \rho \|W_i\|_1 + \tfrac{1 - \rho}2 \|W_i\|_2^2 \big)
              \Big] + n\,\alpha_H \big( \rho \|H\|_1 + \tfrac{1 - \rho}2 \|H\|_F^2 \big)

    for n rows (:math:`\sum_i w_i`) of p features, :math:`\rho` being `l1_ratio` and d
    half the squared difference, or a beta divergence. The sum runs over the known
    cells. As nothing is ever subtracted, a component is a part [1]_, and not a filter
    that takes off what others put on, as those of `PCA` are.

    Without penalties a component may be multiplied by any number by which its weights
    are divided. The rule here: rows of `components_` have unit Euclidean norm, so that
    `transform` gives weights in the units of X.

    Parameters
    ----------
    n_components : int, "auto", "held-out" or None, default="auto"
        How many. "auto" takes those of given `W` and `H`, and as many as features
        otherwise, as None does. "held-out" hides cells, predicts them, and takes the
        number that does this best.
    init : str or None, default=None
        Where the fit begins:

        - "nndsvd": non-negative parts of singular pairs [2]_; "nndsvda", with the mean
          in place of zeros; "nndsvdar", with random numbers about as large;
        - "random": random components, and weights fitted to them;
        - "separable": rows of X that span the others, the solution itself where every
          row is a mixture of such [3]_;
        - "custom": the `W` and `H` given to `fit`;
        - None: "nndsvd" with a tenth of the mean in place of zeros, and "random"
          where there are more components than rows or features, or most cells missing.
    solver : {"auto", "cd", "mu"}, default="auto"
        Coordinate descent, for the squared error, with extrapolation [4]_; or
        multiplicative updates, for any loss. "auto" is the first where it can be.
    beta_loss : str or float, default="frobenius"
        The loss: "frobenius", "kullback-leibler" or "itakura-saito", which have a beta
        of 2, 1 and 0; or another beta.
    tol : float, default=1e-4
        The fit stops at a `kkt_residual_` of so much.
    max_iter : int, default=200
        How many iterations there may be of each start.
    random_state : None, int or RandomState, default=None
        Seed of starts, and of the cells that are held out.
    alpha_W : float, default=0.0
        Penalty of the weights.
    alpha_H : float or "same", default="same"
        Penalty of the components; "same" is `alpha_W`.
    l1_ratio : float, default=0.0
        Share of the first norm in the penalties.
    n_init : int, default=1
        Number of starts, the best of which is kept. Those after the first are random.
    implicit_zeros : {"observed", "missing"}, default="observed"
        Whether cells of sparse X that are not stored are 0 or unknown. NaN in dense X
        is always unknown.
    missing_weight : float, default=0.02
        For the squared error, weight of an unknown cell, which counts as if it held
        what the means of its row and its column make one expect. It keeps rows and
        columns with few known cells from running away. 0 leaves the loss to what is
        known.
    transform_algorithm : {"exact", "sweeps"}, default="exact"
        Whether weights are the exact solution for each row or what 20 sweeps of
        coordinate descent reach, which is faster and close. For losses other than the
        squared error, "sweeps" is five multiplicative updates.
    verbose : int, default=0
        Whether to print a line an iteration.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features_in_)
        Parts as rows, by decreasing share in the fit. Of unit norm, where nothing is
        penalised. Exactly 0 where they are not positive.
    energy_ratio_ : ndarray of shape (n_components_,)
        Share of each component in the sum of squares of the known cells. Where nothing
        is penalised or unknown they sum to 1 minus the squared `relative_error_`. For
        another loss, share in the sum of the cells.
    reconstruction_err_ : float
        Norm of X - W H over the known cells; for another loss, the root of twice the
        divergence.
    relative_error_ : float
        The first over the norm of the known cells; for another loss, the divergence
        per known cell of X over its mean, which for beta = 1 is that over the sum of X.
    kkt_residual_ : float
        Norm of the projected gradient, where both parts of each component have the same
        norm, over the norm of X to the power 3/2: 0 at a stationary point, and the same
        for c X. For another loss, the root of what a multiplicative update would gain
        over the sum of X.
    objective_history_ : ndarray of shape (n_iter_,)
        The objective after each iteration, in the units of X, with the penalties and
        the unknown cells by their `missing_weight`. It never rises.
    n_iter_ : int
        Number of iterations, of the best start.
    n_components_ : int
        Number of components.
    held_out_errors_ : dict of int to float
        For "held-out": the error on the hidden cells, by number of components.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.

    See Also
    --------
    sklearn.decomposition.NMF : The built-in.
    PCA : Components that may subtract, the best of their number.
    skdimred.metrics.hoyer_sparseness : How much a component is a part.

    Notes
    -----
    There are as many solutions as local minima; another start may find a better one.
    The answer for c X is that for X, with weights times c.

    Sparse X is touched through its entries alone. A dense X is first compressed by a
    range finder, and the iterations on it begin where those on the compressed one end.

    References
    ----------
    .. [1] D. D. Lee and H. S. Seung, "Learning the parts of objects by non-negative
           matrix factorization", Nature 401 (1999), 788-791.
           https://doi.org/10.1038/44565
    .. [2] C. Boutsidis and E. Gallopoulos, "SVD based initialization: a head start for
           nonnegative matrix factorization", Pattern Recognition 41 (2008), 1350-1362.
           https://doi.org/10.1016/j.patcog.2007.09.010
    .. [3] N. Gillis and S. A. Vavasis, "Fast and robust recursive algorithms for
           separable nonnegative matrix factorization", IEEE Transactions on Pattern
           Analysis and Machine Intelligence 36 (2014), 698-714.
           https://doi.org/10.1109/TPAMI.2013.226
    .. [4] A. M. S. Ang and N. Gillis, "Accelerating nonnegative matrix factorization
           algorithms using extrapolation", Neural Computation 31 (2019), 417-439.
           https://doi.org/10.1162/neco_a_01157

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.decomposition import NMF
    >>> X = load_digits().data
    >>> nmf = NMF(n_components=16, random_state=0).fit(X)
    >>> round(nmf.relative_error_, 2), bool((nmf.components_ == 0).mean() > 0.5)
    (0.26, True)
    """

    def __init__(
        self,
        n_components="auto",
        *,
        init=None,
        solver="auto",
        beta_loss="frobenius",
        tol=1e-4,
        max_iter=200,
        random_state=None,
        alpha_W=0.0,
        alpha_H="same",
        l1_ratio=0.0,
        n_init=1,
        implicit_zeros="observed",
        missing_weight=0.02,
        transform_algorithm="exact",
        verbose=0,
    ):
        self.n_components = n_components
        self.init = init
        self.solver = solver
        self.beta_loss = beta_loss
        self.tol = tol
        self.max_iter = max_iter
        self.random_state = random_state
        self.alpha_W = alpha_W
        self.alpha_H = alpha_H
        self.l1_ratio = l1_ratio
        self.n_init = n_init
        self.implicit_zeros = implicit_zeros
        self.missing_weight = missing_weight
        self.transform_algorithm = transform_algorithm
        self.verbose = verbose

    @guarded
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None, *, W=None, H=None):
        """Fit the components to the rows of X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative rows; neither copied nor changed. NaN cells are unknown.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.
        W : array-like of shape (n_samples, n_components) or None, default=None
            Weights to begin with, for ``init="custom"``.
        H : array-like of shape (n_components, n_features) or None, default=None
            Components to begin with, for ``init="custom"``.

        Returns
        -------
        self : NMF
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if X has a negative or infinite cell, or
            none that is known; if it has zeros and beta is 0 or less; if `init` needs a
            complete table, or no more components than rows and features.
        """
        self._fit(X, sample_weight, W, H)
        return self

    @guarded
    @with_callbacks
    def fit_transform(self, X, y=None, sample_weight=None, *, W=None, H=None):
        """Fit the components to the rows of X and give their weights.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative rows; neither copied nor changed. NaN cells are unknown.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.
        W : array-like of shape (n_samples, n_components) or None, default=None
            Weights to begin with, for ``init="custom"``.
        H : array-like of shape (n_components, n_features) or None, default=None
            Components to begin with, for ``init="custom"``.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components_)
            Weights, as `transform` gives them.

        Raises
        ------
        ValueError
            As `fit`.
        """
        return self._fit(X, sample_weight, W, H)

    def _fit(self, X, sample_weight, W, H):
        self._check_parameters()
        X, table = self._read(X, sample_weight)
        n, p = X.shape
        given = as_factors(self, X, W, H)
        rng = _generator(self.random_state)
        self.__dict__.pop("held_out_errors_", None)
        k = self._count(table, given, rng)
        inits = self._inits(table, given, k)
        plan = self._plan(k, n, p)
        if table.scale <= 0:
            return self._set_nothing(X, k, plan, table)
        metadata = None if sample_weight is None else {"sample_weight": sample_weight}
        best = None
        most = self.max_iter * len(inits)
        with self._sweeps(X, metadata=metadata, most=most) as report:
            # What one start draws must not move the next.
            generators = [rng, *rng.spawn(len(inits) - 1)]
            for init, own in zip(inits, generators, strict=True):
                found = factorise(table, plan, init, own, self._told(report))
                # Starts that end in the same place are not told apart by rounding.
                if best is None or found.history[-1] < (1 - SAME) * best.history[-1]:
                    best = found
        self._set(best, table, plan)
        if not best.converged and best.residual > self.tol:
            warnings.warn(
                f"NMF stopped at max_iter={self.max_iter} with a KKT residual of "
                f"{best.residual:.2g}, above tol={self.tol:g}. Raise max_iter or tol.",
                ConvergenceWarning,
                stacklevel=5,
            )
        return self._given_out(best.rows.W, X)

    def _read(self, X, sample_weight, reset=True):
        """X as validated rows, and the table that is made of them."""
        X = as_rows(self, X, reset=reset, accept_sparse=True)
        weight = as_sample_weight(sample_weight, X.shape[0])
        gaps, scale = known_mean(self, X, weight, self.implicit_zeros == "missing")
        missing = sparse.issparse(X) and self.implicit_zeros == "missing"
        # Where all is stored nothing is missing.
        missing = missing and X.nnz < X.shape[0] * X.shape[1]
        raise_if_out_of_range(X, scale)
        if self._beta <= 0:
            raise_if_zero(X, missing, self._beta)
        return X, Table(X, weight, scale, gaps, missing)

    def _count(self, table, given, rng):
        k, (_, p) = self.n_components, table.X.shape
        if given is not None:
            return given[1].shape[0]
        if k == "held-out":
            if table.scale <= 0:
                return 1
            k, errors = count_by_cells(table, self._plan(1, *table.X.shape), rng)
            self.held_out_errors_ = errors
            return k
        return p if k is None or k == "auto" else k

    def _inits(self, table, given, k):
        """The starts, one after the other."""
        n, p = table.X.shape
        if table.weight is not None:
            n = int(np.count_nonzero(table.weight))
        if given is not None:
            return [given] + ["random"] * (self.n_init - 1)
        first = self.init
        if first is None:
            first = "random" if k > min(n, p) or table.missing else "little"
        elif k > min(n, p) and first.startswith("nndsvd"):
            raise ValueError(
                f"init={first!r} needs n_components <= min(n_samples, n_features) = "
                f"{min(n, p)}; found {k}. Use init='random'."
            )
        return [first] + ["random"] * (self.n_init - 1)

    def _plan(self, k, n, p):
        alpha_H = self.alpha_W if self.alpha_H == "same" else self.alpha_H
        multiply = self._beta != 2 or self.solver == "mu"
        return Plan(
            k=k,
            beta=self._beta,
            multiply=multiply,
            alpha_W=float(self.alpha_W),
            alpha_H=float(alpha_H),
            l1_ratio=float(self.l1_ratio),
            tol=self.tol,
            max_iter=self.max_iter,
            missing_weight=float(self.missing_weight),
            exact=self.transform_algorithm == "exact",
        )

    @property
    def _beta(self):
        loss = self.beta_loss
        return float(LOSSES.get(loss, loss) if isinstance(loss, str) else loss)

    def _told(self, report):
        """What is told of an iteration."""

        def tell(objective, residual, model):
            line = f"objective {objective:.6g}"
            if np.isfinite(residual):
                line += f", KKT residual {residual:.2g}"
            return report(line, lambda: {"_model": model(), **_shape(model())})

        return tell

    def _set(self, found, table, plan):
        """Set the attributes of a fit."""
        loss, total = max(found.rows.loss, 0.0), found.rows.total
        self._model = found.model
        self.components_ = found.model.H
        self.n_components_ = len(found.model.H)
        self.energy_ratio_ = found.rows.shares.astype(found.model.H.dtype)
        self.reconstruction_err_ = _times_power(
            np.sqrt(2 * loss), found.model.scale, plan.beta / 2
        )
        relative = np.sqrt(2 * loss / total) if plan.beta == 2 else loss / total
        self.relative_error_ = float(relative)
        self.kkt_residual_ = float(found.residual)
        self.objective_history_ = np.array(found.history)
        self.n_iter_ = found.n_iter
        self._stream = Stream.of(table, found) if self._streams() else None

    def _set_nothing(self, X, k, plan, table):
        """Set what there is to say of a table of zeros."""
        self._model = plan.nothing(table)
        self.components_ = self._model.H
        self.n_components_ = k
        self.energy_ratio_ = np.zeros(k, X.dtype)
        self.reconstruction_err_ = self.relative_error_ = self.kkt_residual_ = 0.0
        self.objective_history_, self.n_iter_ = np.zeros(1), 1
        self._stream = None
        return np.zeros((X.shape[0], k), X.dtype)

    def _given_out(self, W, X):
        # No negative zero.
        return W.astype(X.dtype, copy=False) + X.dtype.type(0)

    def _streams(self):
        """Whether rows can be added."""
        return self._beta == 2 and self.solver != "mu"

    def _can_stream(self):
        if not self._streams():
            raise AttributeError(
                "partial_fit needs the squared error and solver 'auto' or 'cd'; found "
                f"beta_loss={self.beta_loss!r} and solver={self.solver!r}."
            )
        return True

    @available_if(_can_stream)
    @guarded
    def partial_fit(self, X, y=None, sample_weight=None, *, W=None, H=None):
        """Fit the components on to more rows.

        The rows seen before are remembered by what the components made of them, and
        less and less so, as the components change.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative rows, best a few hundred or more at once. NaN cells are
            unknown.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.
        W : array-like of shape (n_samples, n_components) or None, default=None
            Weights to begin with, at the first call and for ``init="custom"``.
        H : array-like of shape (n_components, n_features) or None, default=None
            Components to begin with, at the first call and for ``init="custom"``.

        Returns
        -------
        self : NMF
            The fitted estimator. `objective_history_`, `kkt_residual_`, the shares and
            the errors are those of the last rows, on the components as they were before
            them. Components keep the order in which the first rows left them.

        Raises
        ------
        ValueError
            As `fit`, or if X has another number of features than before.
        """
        first = not hasattr(self, "_model")
        self._check_parameters()
        X, table = self._read(X, sample_weight, reset=first)
        rng = _generator(self.random_state)
        given = as_factors(self, X, W, H) if first else None
        k = self._count(table, given, rng) if first else self.n_components_
        plan = self._plan(k, *X.shape)
        if table.scale <= 0:
            if first:
                self._set_nothing(X, k, plan, table)
            return self
        if first or self._stream is None:
            init = self._inits(table, given, k)[0]
            found, stream = Stream.begun(table, plan, init, rng)
        else:
            found, stream = self._stream.advanced(table, plan, self._held())
        self._set(found, table, plan)
        self._stream = stream
        return self

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_is_fitted__(self):
        """Whether there are components."""
        return "_model" in self.__dict__

    def _held(self):
        """What rows are held against: the components as they are now."""
        H, exact = self.components_, self.transform_algorithm == "exact"
        return replace(self._model, H=H, exact=exact)

    def _rows(self, X):
        """Rows to be held against the components."""
        check_is_fitted(self)
        X = as_rows(self, X, accept_sparse=True)
        weight = None
        known_mean(self, X, weight, self._model.missing)
        if self._model.beta <= 0:
            raise_if_zero(X, self._model.missing, self._model.beta)
        return X

    def transform(self, X):
        """Find the weights of rows, each on its own.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative rows; NaN cells are unknown. By the squared error, a row
            without a known cell is taken for an average one; by another loss it has no
            weights.

        Returns
        -------
        W : ndarray of shape (n_samples, n_components_)
            Non-negative weights. Float32 for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or a negative or infinite
            cell.
        """
        X = self._rows(X)
        return self._given_out(weights(X, self._held()), X)

    def inverse_transform(self, X):
        """Map weights back to rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_components_)
            Weights, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            ``X @ components_``.

        Raises
        ------
        ValueError
            If X has not `n_components_` columns, or holds NaN or infinity.
        """
        check_is_fitted(self)
        W = check_array(
            X, dtype=[np.float64, np.float32], accept_sparse=True, input_name="X"
        )
        if W.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {W.shape[1]} columns, but inverse_transform takes weights of "
                f"n_components_={self.n_components_} components."
            )
        return W @ self.components_.astype(W.dtype, copy=False)

    def score(self, X, y=None, sample_weight=None):
        """Tell how closely the components fit rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Non-negative rows; NaN cells are unknown.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        score : float
            Minus the mean over the known cells of the squared error, or of the
            divergence. More components score higher on any rows; see
            ``n_components="held-out"``.

        Raises
        ------
        ValueError
            As `transform`.
        """
        X = self._rows(X)
        weight = as_sample_weight(sample_weight, X.shape[0])
        gaps = not sparse.issparse(X) and bool(np.isnan(X).any())
        found = fit_of_rows(X, self._held(), weight, gaps=gaps)
        per_cell = 2.0 if self._model.beta == 2 else 1.0
        mean = per_cell * found.loss / found.n_known
        return -_times_power(mean, self._model.scale, self._model.beta)

    def _check_parameters(self):
        k = self.n_components
        whole = isinstance(k, Integral) and not isinstance(k, (bool, np.bool_))
        if not (k is None or k in ("auto", "held-out") or (whole and k >= 1)):
            raise ValueError(
                f"n_components={k!r} must be an integer of at least 1, 'auto', "
                "'held-out' or None (all features)."
            )
        choices = {
            "init": INITS,
            "solver": ("auto", "cd", "mu"),
            "implicit_zeros": ("observed", "missing"),
            "transform_algorithm": ("exact", "sweeps"),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if not (value is None or isinstance(value, str)) or value not in allowed:
                raise ValueError(f"{name}={value!r} must be one of {allowed}.")
        for name in ("max_iter", "n_init"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name}={value!r} must be an integer of at least 1.")
        numbers = ["tol", "alpha_W", "l1_ratio", "missing_weight"]
        if self.alpha_H != "same":
            numbers.append("alpha_H")
        for name in numbers:
            value, high = getattr(self, name), np.inf
            if name in ("l1_ratio", "missing_weight"):
                high = 1.0
            if not (isinstance(value, Real) and 0 <= value <= high) or value == np.inf:
                raise ValueError(
                    f"{name}={value!r} must be a number of at least 0"
                    + (" and at most 1." if high == 1 else ".")
                )
        loss = self.beta_loss
        named = isinstance(loss, str) and loss in LOSSES
        if not named and not (isinstance(loss, Real) and np.isfinite(loss)):
            raise ValueError(
                f"beta_loss={loss!r} must be one of {tuple(LOSSES)} or a number."
            )
        if self.solver == "cd" and self._beta != 2:
            raise ValueError(
                f"solver='cd' minimises the squared error, and not beta_loss={loss!r}: "
                "use solver='mu' or 'auto'."
            )
        alpha_H = self.alpha_W if self.alpha_H == "same" else self.alpha_H
        if (self.alpha_W > 0) != (alpha_H > 0):
            warnings.warn(
                f"alpha_W={self.alpha_W:g} and alpha_H={alpha_H:g} penalise one factor "
                "alone: what is taken off it is put on the other, and the penalty "
                "tends to 0. Penalise both.",
                UserWarning,
                stacklevel=6,
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.positive_only = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _times_power(value, scale, exponent):
    """A value times a power of a scale, inf where it overflows."""
    with np.errstate(over="ignore", under="ignore"):
        return float(value and value * np.float64(scale) ** exponent)


def _shape(model):
    return {"components_": model.H, "n_components_": len(model.H)}


def _generator(random_state):
    """A generator drawn from what scikit-learn takes for a random state."""
    return np.random.default_rng(check_random_state(random_state).randint(2**31 - 1))
