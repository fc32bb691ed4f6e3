"""How rows come in: at once, as blocks, or as another estimator that has seen them."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from skdimred._base import LinearMapMixin
from skdimred._checks import as_sample_weight, raise_if_not_finite
from skdimred._sklearn import as_rows
from skdimred._stream import StreamMixin
from skdimred.blocks import is_iterator, lies_on_disk, opened
from skdimred.decomposition._krylov import solve
from skdimred.decomposition._spectrum import (
    Problem,
    Solved,
    scatter_spectrum,
    summarise,
)
from skdimred.numerics.rank import Count
from skdimred.numerics.threads import one_blas_thread

__all__ = ["ROUNDED", "SpectralMixin", "most_components"]

# A sum of weights this close to 1 was meant to be 1.
ROUNDED = 1e-6
# Of a tolerance that is a share of the energy, an eigenvalue deserves no more.
GRAM_TOL = 1e-6
SVD_SOLVERS = ("auto", "gram", "krylov", "full")
RULES = ("mle", "parallel", "gavish-donoho")


def most_components(n_rows, weight, p):
    """How many components there can be; weights count as repetitions of rows."""
    return min(max(n_rows, int(weight * (1 + 1e-12))), p)


def _check_weight(n, weight):
    if weight <= 1 + ROUNDED:
        raise ValueError(
            f"sample_weight sums to {weight:g}, but weights count as repetitions of a "
            "row and the variance divides by their sum minus 1. Multiply them, for "
            f"instance by {n}/{weight:g} so that they average 1."
        )


class SpectralMixin(StreamMixin, LinearMapMixin):
    """What `PCA` and `TruncatedSVD` share.

    A subclass has `_centers`, whether the rows are centred; `_needs_spread`, whether
    one row is too few; `_energy`, the name of `criterion` that stops on the energy
    captured; `_lazy`, the names of the attributes that come with a spectrum; and
    `_set_spectrum(solved, n_rows, weight, dtype)`, which sets them.
    """

    _accept_sparse = True

    def __sklearn_is_fitted__(self):
        """Whether rows have been seen."""
        return "_stale" in self.__dict__ or super().__sklearn_is_fitted__()

    def _fit_rows(self, X, sample_weight):
        """Fit to all rows at once, or to all blocks of an iterator.

        Returns
        -------
        bool
            Whether there is anything to find in them.
        """
        self._check_parameters()
        X = opened(X)
        if is_iterator(X):
            return self._fit_blocks(X, sample_weight)
        least = 2 if self._needs_spread else 1
        mapped = lies_on_disk(X)
        X = as_rows(self, X, reset=True, min_samples=least, accept_sparse=True)
        sample_weight = as_sample_weight(sample_weight, X.shape[0])
        n, p = X.shape
        weight = float(n)
        if sample_weight is not None:
            n, weight = int(np.count_nonzero(sample_weight)), float(sample_weight.sum())
        if sparse.issparse(X) and self.svd_solver == "full":
            raise ValueError(
                "svd_solver='full' would make a dense copy of the sparse X: use "
                "'gram', 'krylov' or 'auto', or give X.toarray()."
            )
        problem = Problem(
            X,
            sample_weight,
            self._count(n, weight, p),
            self._centers,
            self.tol,
            self._gram_tol(),
            self.criterion == self._energy,
            partial(raise_if_not_finite, self, X),
            self._make_rng,
            mapped,
        )
        solved = solve(problem, self.svd_solver)
        self._set_spectrum(solved, n, weight, X.dtype)
        self._moments = solved.moments
        self.__dict__.pop("_stale", None)
        return solved.spectrum.total > 0

    def _fit_blocks(self, blocks, sample_weight):
        if sample_weight is not None:
            raise ValueError(
                "sample_weight must be None where X is an iterator: let it yield pairs "
                "(rows, sample_weight)."
            )
        moments = dtype = None
        for block in blocks:
            X, w = block if isinstance(block, tuple) else (block, None)
            if w is not None and not np.any(w):
                # No row of this block counts, though rows of others may.
                continue
            part, kind = self._summary(opened(X), w, reset=moments is None)
            dtype = kind if dtype is None else np.result_type(dtype, kind)
            moments = part if moments is None else moments.merge(part)
        if moments is None:
            raise ValueError(
                "X is an iterator without any block of rows of a positive weight."
            )
        count = self._count(moments.n_rows, moments.weight, self.n_features_in_)
        return self._solve_moments(moments, count, dtype) > 0

    def _add_rows(self, X, sample_weight):
        """Add rows to the moments of those seen so far."""
        self._check_parameters()
        first = not self.__sklearn_is_fitted__()
        if not first:
            self._check_moments("add rows to")
        moments, dtype = self._summary(opened(X), sample_weight, reset=first)
        if not first:
            moments = self._moments.merge(moments)
            dtype = np.result_type(dtype, self._dtype())
        return self._stream(moments, dtype)

    def _stream(self, moments, dtype):
        """Take new moments; their spectrum is found when it is asked for."""
        self._streamed_count(moments)
        spread = moments.scatter.diagonal().max() / max(1.0, moments.weight)
        if np.finfo(dtype).max < spread:
            raise ValueError(
                f"The variance of X, {spread:.3g}, overflows {np.dtype(dtype)}: "
                "rescale the features or give them as float64."
            )
        self._drop_results()
        self._moments, self._stale = moments, np.dtype(dtype)
        return self

    def _solve_stream(self):
        moments, dtype = self._moments, self._stale
        with one_blas_thread():
            self._solve_moments(moments, self._streamed_count(moments), dtype)

    def _dtype(self):
        """Precision of the components, or of those to come."""
        stale = self.__dict__.get("_stale")
        return self.components_.dtype if stale is None else stale

    def _merge(self, other):
        """Add the rows that another estimator has seen."""
        self._check_parameters()
        self._check_kind(other)
        check_is_fitted(other)
        other._check_moments("merge", "other")
        moments, dtype = other._moments, other._dtype()
        if self.__sklearn_is_fitted__():
            self._check_moments("merge")
            self._check_features(other)
            moments = self._moments.merge(moments)
            dtype = np.result_type(dtype, self._dtype())
        else:
            self._adopt_features(other)
        return self._stream(moments, dtype)

    def _can_stream(self):
        if isinstance(self.n_components, str) and self.n_components == "parallel":
            raise AttributeError(
                "n_components='parallel' permutes the rows, which streams and merged "
                "fits do not keep: there is no partial_fit and no merge."
            )
        return True

    def _check_moments(self, action, whose="This"):
        if self._moments is None:
            raise ValueError(
                f"{whose} {type(self).__name__} was fitted by fit() with "
                f"svd_solver_='{self.svd_solver_}' to n_samples_={self.n_samples_} "
                f"rows of n_features_in_={self.n_features_in_} features, which leaves "
                f"no scatter matrix to {action}. Start from a new "
                f"{type(self).__name__} and call partial_fit for every block."
            )

    def _summary(self, X, sample_weight, *, reset):
        """Moments of a block, and its dtype."""
        X = as_rows(self, X, reset=reset, accept_sparse=True)
        sample_weight = as_sample_weight(sample_weight, X.shape[0])
        moments = summarise(X, sample_weight)
        raise_if_not_finite(self, X, moments.scatter.diagonal())
        return moments, X.dtype

    def _solve_moments(self, moments, count, dtype):
        if count.rule == "parallel":
            raise ValueError(
                "n_components='parallel' permutes the rows, which blocks do not leave: "
                "use fit on all rows, or give 'mle', 'gavish-donoho' or a number."
            )
        # Without the rows there is nothing better to turn to: np.inf takes it.
        for tol in (self._gram_tol(), np.inf):
            spectrum, solver = scatter_spectrum(moments, count, self._centers, tol)
            if spectrum is not None:
                break
        solved = Solved(moments, moments.mean, spectrum, solver)
        self._set_spectrum(solved, moments.n_rows, moments.weight, dtype)
        self._moments = moments
        self.__dict__.pop("_stale", None)
        return spectrum.total

    def _streamed_count(self, moments):
        """`Count` while rows come: a number may exceed the rows seen so far."""
        p = self.n_features_in_
        n, weight = moments.n_rows, moments.weight
        if n > 1 and self._needs_spread:
            _check_weight(n, weight)
        rule = self._rule()
        if not isinstance(rule, int):
            limit = most_components(n, weight, p)
            return Count(rule, limit, (max(n, round(weight)), p), self._centers)
        if rule > p:
            raise ValueError(f"n_components={rule} must be at most n_features={p}.")
        return Count(rule, p)

    def _count(self, n, weight, p):
        """`Count` for all rows at once, checked."""
        if self._needs_spread:
            if n < 2:
                raise ValueError(
                    f"n_samples={n} with a positive weight: the variance of fewer than "
                    "two rows is not defined."
                )
            _check_weight(n, weight)
        rule, limit = self._rule(), most_components(n, weight, p)
        if isinstance(rule, int) and rule > limit:
            raise ValueError(
                f"n_components={rule} must be at most "
                f"min(n_samples, n_features)=min({max(n, int(weight))}, {p})={limit}."
            )
        if isinstance(rule, str) and rule == "mle" and max(n, weight) < p:
            raise ValueError(
                f"n_components='mle' needs at least as many rows as features, found "
                f"n_samples={n} and n_features={p}: use 'gavish-donoho' or 'parallel'."
            )
        return Count(rule, limit, (max(n, round(weight)), p), self._centers)

    def _rule(self):
        """The parameter as int, float, str or None, whichever numpy type it has."""
        k = self.n_components
        if k is None or isinstance(k, str):
            return k
        return int(k) if isinstance(k, Integral) else float(k)

    def _gram_tol(self):
        """Error allowed in an eigenvalue of a Gram matrix."""
        return self.tol if self.criterion == "directions" else min(self.tol, GRAM_TOL)

    def _make_rng(self):
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return np.random.default_rng(seed)

    def _check_parameters(self):
        k = self.n_components
        share = isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1
        rule = isinstance(k, str) and k in RULES
        if isinstance(k, (bool, np.bool_)) or not (
            k is None or share or rule or (isinstance(k, Integral) and k >= 1)
        ):
            raise ValueError(
                f"n_components={k!r} must be an integer of at least 1, a float in "
                f"(0, 1) (a share of the {self._energy}), one of {RULES} or None (all)."
            )
        choices = ("directions", self._energy)
        for name, allowed in (("svd_solver", SVD_SOLVERS), ("criterion", choices)):
            value = getattr(self, name)
            if not (isinstance(value, str) and value in allowed):
                raise ValueError(f"{name}={value!r} must be one of {allowed}.")
        for name in ("center", "whiten"):
            value = getattr(self, name, False)
            if not isinstance(value, (bool, np.bool_)):
                raise ValueError(f"{name}={value!r} must be True or False.")
        if not (isinstance(self.tol, Real) and self.tol >= 0):
            raise ValueError(f"tol={self.tol!r} must be a number of at least 0.")
