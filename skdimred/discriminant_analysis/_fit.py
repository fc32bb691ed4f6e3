"""How labelled rows come in: at once, as blocks, or as another estimator's."""

import warnings
from functools import partial
from numbers import Integral, Real

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from skdimred._base import LinearMapMixin, guarded
from skdimred._checks import as_sample_weight, raise_if_not_finite
from skdimred._sklearn import as_rows_and_target
from skdimred._stream import StreamMixin
from skdimred.blocks import is_iterator, opened
from skdimred.discriminant_analysis._classes import (
    as_codes,
    class_shares,
    merged,
    united,
)
from skdimred.discriminant_analysis._classifier import DiscriminantClassifierMixin
from skdimred.discriminant_analysis._routes import solve
from skdimred.discriminant_analysis._solution import Rows
from skdimred.discriminant_analysis._tall import solve_moments, summarise
from skdimred.numerics.centering import cancellation
from skdimred.numerics.threads import one_blas_thread

__all__ = ["DiscriminantMixin"]

SHRINKAGES = ("auto", "ledoit-wolf", "oas")


class DiscriminantMixin(StreamMixin, LinearMapMixin, DiscriminantClassifierMixin):
    """What the three estimators share.

    A subclass has `_task(shrinkage)`, what is to be found; `_kept(pencil)`, how many of
    the directions found it keeps; `_placed(solution, V, spread)`, the columns of
    `scalings_` and what whitens their scores; and may add to `_check_parameters`,
    `_trouble` and `_set_solution`.
    """

    _accept_sparse = True
    _lazy = (
        "scalings_",
        "eigenvalues_",
        "explained_variance_ratio_",
        "means_",
        "xbar_",
        "priors_",
        "coef_",
        "intercept_",
        "n_components_",
        "shrinkage_",
        "solver_",
        "residual_",
        "rank_",
        "rcond_",
        "n_iter_",
        "_centroids",
        "_rule",
        "_cancellation",
    )
    _most_classes = None

    def _can_stream(self):
        """Whether partial_fit exists; raise what to do instead where it does not."""
        solver = getattr(self, "solver", "auto")
        if solver in ("dual", "cg"):
            raise AttributeError(
                f"partial_fit and merge need the p x p scatter that solver={solver!r} "
                "avoids: use solver='auto'."
            )
        if self.shrinkage in ("auto", "ledoit-wolf"):
            raise AttributeError(
                f"shrinkage={self.shrinkage!r} needs all rows at once. With "
                "partial_fit and merge use 'oas', a number in [0, 1], or None."
            )
        return True

    @guarded
    def fit(self, X, y=None, sample_weight=None):
        """Fit the directions to labelled rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features), or other rows
            Rows. Float arrays are neither copied nor changed; memory-mapped ones are
            read block by block. Sparse ones are centred implicitly. Also the path of
            an ``.npy`` file, or an iterator of blocks (rows, labels) or (rows, labels,
            sample_weight), read once and solved as `partial_fit` would.
        y : array-like of shape (n_samples,)
            Class labels, at least two different ones. None where X is an iterator.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if y has one class or the class means
            coincide; if `n_components` is more than the directions there are; if X
            holds NaN or infinity; or for what the notes of the class refuse.
        """
        return self._fit_rows(X, y, sample_weight)

    @available_if(_can_stream)
    @guarded
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Add labelled rows to those seen so far, as if `fit` had seen them all.

        Exact for any split, one row at a time included; classes may appear at any
        call. Adds to the p x p within-class scatter; the directions are found when
        `scalings_`, `transform` or another result is first asked for. Not available
        where the solver is "dual" or "cg", which have no such scatter, nor with
        ``shrinkage="ledoit-wolf"``, whose coefficient needs all rows at once.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            One or more rows.
        y : array-like of shape (n_samples,)
            Class labels.
        classes : array-like of shape (n_classes,) or None, default=None
            All classes to expect, so that predictions have a column for each from the
            start. None takes the classes as they come.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : object
            While too few classes or rows have been seen for `n_components`
            directions, the estimator counts as not fitted and says what it waits for.

        Raises
        ------
        ValueError
            As `fit` for bad parameters and rows; if X has another number of features
            than before; if the classes are too many; or if `fit` ran a solver that
            leaves no scatter to add to.
        """
        return self._add_rows(X, y, classes, sample_weight)

    @available_if(_can_stream)
    @guarded
    def merge(self, other):
        """Add the rows that another one has seen, as if one fit had seen all.

        Parameters
        ----------
        other : object
            Of this class; has seen rows; not changed. Its classes may be others.

        Returns
        -------
        self : object
            The estimator, with its own parameters.

        Raises
        ------
        ValueError
            If the numbers of features differ, or if one of them keeps no scatter (see
            `partial_fit`).
        TypeError
            If `other` is of another class.
        """
        return self._merge(other)

    def __sklearn_is_fitted__(self):
        """Whether there are directions."""
        return hasattr(self, "_cancellation")

    def _fit_rows(self, X, y, sample_weight):
        """Fit to all rows at once, or to all blocks of an iterator."""
        shrinkage = self._check_parameters()
        X = opened(X)
        if is_iterator(X):
            return self._fit_blocks(X, y, sample_weight)
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None: give the class of each row."
            )
        X, y = as_rows_and_target(self, X, y, min_samples=2, accept_sparse=True)
        sample_weight = as_sample_weight(sample_weight, X.shape[0])
        classes, codes = as_codes(y)
        counts = np.bincount(codes, sample_weight, len(classes))
        priors = self._check_classes(classes, counts, X.shape[1])
        check_finite = partial(raise_if_not_finite, self, X)
        rows = Rows(X, codes, len(classes), sample_weight, check_finite)
        moments, solution = solve(rows, priors, self._task(shrinkage))
        self._accept(solution, classes, counts, priors, X.dtype)
        self._moments = moments
        return self

    def _accept(self, solution, classes, counts, priors, dtype):
        """Set the answer, or raise what is wrong with it."""
        trouble = self._trouble(solution.pencil)
        if trouble:
            raise ValueError(f"{trouble[0].upper()}{trouble[1:]}.")
        self.classes_ = classes
        self.class_weight_ = np.asarray(counts, dtype=np.float64)
        self._dtype = np.dtype(dtype)
        self._set_solution(solution, priors)
        self.__dict__.pop("_stale", None)
        self.__dict__.pop("_pending", None)

    def _fit_blocks(self, blocks, y, sample_weight):
        if y is not None or sample_weight is not None:
            raise ValueError(
                "y and sample_weight must be None where X is an iterator: let it yield "
                "(rows, labels) or (rows, labels, sample_weight)."
            )
        shrinkage = self._check_stream_parameters()
        total = classes = dtype = None
        for block in blocks:
            if not (isinstance(block, tuple) and len(block) in (2, 3)):
                raise ValueError(
                    "X is an iterator and must yield tuples (rows, labels) or (rows, "
                    f"labels, sample_weight); found {type(block).__name__}."
                )
            if len(block) == 3 and block[2] is not None and not np.any(block[2]):
                continue
            part = self._summary(*block, reset=total is None)
            if total is not None:
                part = merged(total, classes, dtype, *part)
            total, classes, dtype = part
        if total is None:
            raise ValueError(
                "X is an iterator without any block of rows of a positive weight."
            )
        priors = self._check_classes(classes, total.weights, self.n_features_in_)
        solution = solve_moments(total, priors, self._task(shrinkage))
        self._accept(solution, classes, total.weights, priors, dtype)
        self._moments = total
        return self

    def _summary(self, X, y, sample_weight=None, *, reset):
        """Class moments of a block, its classes and its dtype."""
        X, y = as_rows_and_target(self, opened(X), y, reset=reset, accept_sparse=True)
        sample_weight = as_sample_weight(sample_weight, X.shape[0])
        classes, codes = as_codes(y)
        check_finite = partial(raise_if_not_finite, self, X)
        rows = Rows(X, codes, len(classes), sample_weight, check_finite)
        moments = summarise(rows)
        check_finite(moments.scatter.diagonal())
        return moments, classes, X.dtype

    def _add_rows(self, X, y, classes, sample_weight):
        """Add rows to the moments of those seen so far."""
        self._check_stream_parameters()
        first = not hasattr(self, "classes_")
        if not first:
            self._check_moments("add rows to")
        moments, known, dtype = self._summary(X, y, sample_weight, reset=first)
        if classes is not None:
            expected = united(np.unique(np.asarray(classes)), known)
            positions = np.searchsorted(expected, known)
            moments, known = moments.reindex(positions, len(expected)), expected
        if not first:
            old = self._moments, self.classes_, self._dtype
            moments, known, dtype = merged(*old, moments, known, dtype)
        return self._stream(moments, known, dtype)

    def _merge(self, other):
        """Add the rows that another estimator has seen."""
        self._check_stream_parameters()
        self._check_kind(other)
        if not hasattr(other, "classes_"):
            check_is_fitted(other)
        other._check_moments("merge", "other")
        part = other._moments, other.classes_, other._dtype
        if hasattr(self, "classes_"):
            self._check_moments("merge")
            self._check_features(other)
            part = merged(self._moments, self.classes_, self._dtype, *part)
        else:
            self._adopt_features(other)
        return self._stream(*part)

    def _stream(self, moments, classes, dtype):
        """Take new moments; the directions are found when they are asked for."""
        k, p = self.n_components, self.n_features_in_
        if k is not None and k > p:
            raise ValueError(f"n_components={k} must be at most n_features={p}.")
        present = np.count_nonzero(moments.weights)
        self._check_number(classes[moments.weights > 0], least=1)
        if present > 1:
            self._class_shares(classes, moments.weights)
        self._drop_results()
        self.__dict__.pop("_pending", None)
        self.classes_, self.class_weight_ = classes, moments.weights
        self._moments, self._dtype, self._stale = moments, np.dtype(dtype), True
        return self

    def _solve_stream(self):
        """Set the answer for the rows so far, or what is still missing for one."""
        moments, classes, trouble = self._moments, self.classes_, "only one class"
        task = self._task(self._check_parameters())
        with one_blas_thread(), warnings.catch_warnings():
            if np.count_nonzero(moments.weights) > 1:
                # Priors that do not sum to 1 were told of when the rows came.
                warnings.filterwarnings("ignore", "The priors sum to")
                priors = self._class_shares(classes, moments.weights)
                solution = solve_moments(moments, priors, task)
                trouble = self._trouble(solution.pencil)
            if not trouble:
                self._set_solution(solution, priors)
        if trouble:
            self._pending = (
                f"This {type(self).__name__} has seen too little so far: {trouble}. "
                "Call partial_fit with more rows before using it."
            )
        del self.__dict__["_stale"]

    def _check_stream_parameters(self):
        shrinkage = self._check_parameters()
        try:
            self._can_stream()
        except AttributeError as error:
            raise ValueError(f"Blocks of rows: {error}") from None
        return shrinkage

    def _check_moments(self, action, whose="This"):
        if self._moments is None:
            raise ValueError(
                f"{whose} {type(self).__name__} was fitted by fit() with "
                f"solver_='{self.solver_}' to n_features_in_={self.n_features_in_} "
                f"features, which leaves no scatter matrix to {action}. Start from a "
                f"new {type(self).__name__} and call partial_fit for every block."
            )

    def _check_parameters(self):
        """Raise on a bad parameter; return the shrinkage asked for, by its own name."""
        k = self.n_components
        if k is not None and (
            isinstance(k, (bool, np.bool_)) or not isinstance(k, Integral) or k < 1
        ):
            raise ValueError(
                f"n_components={k!r} must be an integer of at least 1, or None (all)."
            )
        if not (isinstance(self.tol, Real) and self.tol >= 0):
            raise ValueError(f"tol={self.tol!r} must be a number of at least 0.")
        shrinkage = self.shrinkage
        if isinstance(shrinkage, str) and shrinkage in SHRINKAGES:
            return "ledoit-wolf" if shrinkage == "auto" else shrinkage
        is_number = isinstance(shrinkage, Real) and not isinstance(shrinkage, bool)
        if shrinkage is None or (is_number and 0 <= shrinkage <= 1):
            return None if shrinkage is None else float(shrinkage)
        raise ValueError(
            f"shrinkage={shrinkage!r} must be None, a number in [0, 1] or one of "
            f"{SHRINKAGES}."
        )

    def _check_number(self, present, least=2):
        """Raise unless the number of classes, of positive weight, is possible."""
        if len(present) < least:
            raise ValueError(
                f"y holds one class of positive weight, {present.tolist()}; "
                "discriminant analysis needs at least 2 classes to tell apart."
            )
        most = self._most_classes
        if most is not None and len(present) > most:
            raise ValueError(
                "Only binary classification is supported. The type of the target is "
                f"multiclass: y holds {len(present)} classes, {present[:9].tolist()}, "
                f"but {type(self).__name__} takes the difference of two means. Use "
                "RatioLDA."
            )

    def _check_classes(self, classes, counts, p):
        """Class shares, if there are classes and features enough."""
        self._check_number(classes[counts > 0])
        present = int(np.count_nonzero(counts))
        k, most = self.n_components, min(p, present - 1)
        if k is not None and k > most:
            raise ValueError(
                f"n_components={k} must be at most {most}: {present} class means "
                f"differ in at most {present - 1} directions, and there are {p} "
                "features."
            )
        return self._class_shares(classes, counts)

    def _class_shares(self, classes, counts):
        return class_shares(self.priors, classes, counts)

    def _trouble(self, pencil):
        """Why the directions found do not do, or None."""
        found, k = len(pencil.values), self.n_components
        if found == 0:
            return "the class means coincide, so no direction separates them"
        if k is not None and k > found:
            return (
                f"the class means differ in {found} direction{'s' * (found > 1)} only, "
                f"fewer than n_components={k}"
            )
        return None

    def _kept(self, pencil):
        """How many directions to keep."""
        return self.n_components or len(pencil.values)

    def _set_solution(self, solution, priors):
        pencil, dtype = solution.pencil, self._dtype
        k = self._kept(pencil)
        offsets = solution.offsets
        if not np.all(self.class_weight_ > 0):
            present = (self.class_weight_ > 0)[:, np.newaxis]
            offsets = np.where(present, offsets, solution.offset)
        off = offsets - solution.offset
        V = pencil.vectors[:k].T
        spread = priors @ (off @ V) ** 2
        W, whitening = self._placed(solution, V, spread)
        self.priors_ = priors
        self.xbar_ = solution.center + solution.offset
        self.means_ = solution.center + offsets
        self.scalings_ = np.ascontiguousarray(W, dtype=dtype)
        self.eigenvalues_ = pencil.values[:k].astype(dtype, copy=False)
        gains = np.maximum(pencil.gains, 0.0)
        ratio = gains[:k] / (gains.sum() or 1.0)
        self.explained_variance_ratio_ = ratio.astype(dtype, copy=False)
        self.n_components_ = k
        self.shrinkage_ = solution.shrinkage
        self.solver_ = solution.solver
        self.rank_ = len(pencil.values)
        self.rcond_ = pencil.rcond
        self.n_iter_ = solution.n_iter
        self._set_classifier(off @ W, W, whitening, dtype)
        self.residual_ = solution.residual
        widths = 1 / np.linalg.norm(whitening, axis=1)
        self._cancellation = cancellation(self.xbar_, W, widths)

    def _linear_map(self):
        return self.xbar_, self.scalings_

    def _point_of_means(self, X):
        """The point of the affine space of the class means with these scores."""
        scores = self._checked_scores(X)
        share = np.sqrt(self.priors_)[:, np.newaxis]
        off = share * (self.means_ - self.xbar_)
        loadings = np.linalg.lstsq(off @ self.scalings_, off, rcond=None)[0]
        rows = scores @ loadings + self.xbar_
        return rows.astype(scores.dtype, copy=False)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        tags.input_tags.sparse = True
        return tags
