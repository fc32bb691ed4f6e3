"""How `Autoencoder` is fitted: parameters, start, descent, what is kept."""

import warnings
from numbers import Integral

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skdimred._checks import raise_if_not_finite
from skdimred.decomposition import PCA
from skdimred.neural_network._course import Course
from skdimred.neural_network._descent import Batches, Problem, lbfgs
from skdimred.neural_network._rows import (
    StandardRows,
    raise_if_too_close,
    standards,
)
from skdimred.numerics.network import Network
from skdimred.numerics.network_start import (
    leave_saddle,
    principal_start,
    random_start,
)

__all__ = ["NetworkFitMixin"]

# Rows of a batch where none are asked for.
BATCH_ROWS = 200


class NetworkFitMixin:
    """What `fit` and `partial_fit` do once their input is checked."""

    _sweep_name = "epoch"

    def _fit_rows(self, X, y, weight, warm, metadata):
        rng = self._new_rng()
        train, held = self._split(len(X), weight, rng)
        counted = weight
        if len(held):
            counted = np.ones(len(X)) if weight is None else weight.copy()
            counted[held] = 0.0
        columns = self._standardise(X, counted, warm, narrow=True)
        network, theta = self._start(X, counted, columns, warm, rng)
        rows = StandardRows(X, self.mean_, self.scale_, columns, theta.dtype)
        problem = Problem(network, rows, train, weight, self.alpha)
        judge = Problem(network, rows, held, weight, 0.0) if len(held) else None
        if len(held) and columns is not None:
            judge.left_out = self._left_out(X, held, weight, columns)
        unit = self.scale_**2 * network.widths[0] / self.n_features_in_
        course = Course(problem, judge, unit, self.tol, self.n_iter_no_change)
        if not np.any(self.noise):
            course.begin(theta)
        if self._at_saddle(network) and not warm:
            leave_saddle(network, theta, rng)
        self._descend(X, y, metadata, course, theta, columns, warm, rng)

    def _descend(self, X, y, metadata, course, theta, columns, warm, rng):
        """Run epochs, and set the attributes."""
        losses, scores = self._curves(warm, course.held is not None)
        run = self._run_adam if self.solver == "adam" else self._run_lbfgs
        with self._sweeps(X, y, metadata) as report:

            def each(theta, loss):
                """Note an epoch; whether it should be the last."""
                course.add(theta, loss)
                network = course.problem.network
                return report(
                    course.line(), lambda: self._weights(network, theta, columns)
                )

            with np.errstate(over="ignore", invalid="ignore"):
                try:
                    rests = run(course, theta, each, rng)
                except KeyboardInterrupt:
                    rests = True
                    warnings.warn(
                        "Training interrupted by user: the best weights so far are "
                        f"kept, after {len(course.losses)} epochs.",
                        UserWarning,
                        stacklevel=5,
                    )
        theta = course.kept(theta)
        self._set_weights(course.problem.network, theta, columns)
        self.loss_curve_ = losses + course.losses
        self.n_iter_ = len(self.loss_curve_)
        self.validation_scores_ = None
        if course.held is not None:
            self.validation_scores_ = scores + course.scores
        self.best_loss_ = float(course.least * course.unit)
        self._tell(course, rests, theta)

    def _curves(self, warm, holds):
        """Losses and scores of the fits before, which this one goes on with.

        Epochs of which some have a score and others none would not make a curve.
        """
        scores = getattr(self, "validation_scores_", None)
        if not warm or (holds and scores is None):
            return [], []
        return list(self.loss_curve_), list(scores or [])

    def _run_adam(self, course, theta, each, rng):
        """Epochs until the course rests or somebody asks to stop; whether so."""
        batches = Batches(
            course.problem,
            theta,
            self._batch_rows(len(course.problem.index)),
            self.learning_rate_init,
            self._noise_of(course.problem),
            rng,
        )
        for _ in range(self.max_iter):
            loss = batches.epoch()
            course.steps += batches.n_batches
            if each(theta, loss) or course.rests:
                return True
        return False

    def _run_lbfgs(self, course, theta, each, rng):
        def each_or_stop(theta, loss):
            if each(theta, loss):
                raise StopIteration

        start = theta.astype(np.float64)
        rests = lbfgs(course.problem, start, self.max_iter, self.tol, each_or_stop)
        if not course.losses:
            # There was no way down: the first look was the only iteration.
            course.losses.append(course.first * course.unit)
        return rests

    def _tell_if_astray(self, course, theta, stacklevel):
        """Warn of weights that are worse than none; whether they are."""
        astray = course.is_astray(theta)
        if astray:
            warnings.warn(
                "The descent diverges: the loss is far above that of the mean of the "
                f"rows. Lower learning_rate_init={self.learning_rate_init}"
                + (f" or noise={self.noise}." if np.any(self.noise) else "."),
                ConvergenceWarning,
                stacklevel=stacklevel,
            )
        return astray

    def _tell(self, course, rests, theta):
        if self._tell_if_astray(course, theta, 8):
            return
        if course.rose:
            warnings.warn(
                "No epoch brought the loss below that of the start, whose weights are "
                f"kept: lower learning_rate_init={self.learning_rate_init}"
                + ("." if rests else f", or raise max_iter={self.max_iter}."),
                ConvergenceWarning,
                stacklevel=6,
            )
        elif not rests:
            warnings.warn(
                f"The descent has not come to rest within max_iter={self.max_iter}: "
                f"{len(course.losses)} epochs. Raise it, or tol.",
                ConvergenceWarning,
                stacklevel=6,
            )

    def _fit_more(self, X, weight, fitted):
        """One epoch over some rows."""
        rng = self.__dict__.get("_rng") or self._new_rng()
        index = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
        columns = self._standardise(X, weight, fitted, narrow=False)
        network, theta = self._start(X, weight, columns, fitted, rng)
        if self._at_saddle(network) and not fitted:
            leave_saddle(network, theta, rng)
        rows = StandardRows(X, self.mean_, self.scale_, columns, theta.dtype)
        problem = Problem(network, rows, index, weight, self.alpha)
        unit = self.scale_**2
        course = Course(problem, None, unit, self.tol, self.n_iter_no_change)
        adam = self._adam.copy() if "_adam" in self.__dict__ else None
        batches = Batches(
            problem,
            theta,
            self._batch_rows(len(index)),
            self.learning_rate_init,
            self._noise_of(problem),
            rng,
            adam,
        )
        with np.errstate(over="ignore", invalid="ignore"):
            course.add(theta, batches.epoch())
        self._set_weights(network, theta, None)
        self._tell_if_astray(course, theta, 6)
        self._adam, self._rng = batches.adam, rng
        self.loss_curve_ = [*getattr(self, "loss_curve_", []), *course.losses]
        self.best_loss_ = min(self.loss_curve_)
        self.n_iter_ = len(self.loss_curve_)
        self.validation_scores_ = None
        if self.verbose:
            name = type(self).__name__
            print(f"[{name}] {self._sweep_name} {self.n_iter_}: {course.line()}")

    def _new_rng(self):
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        return np.random.default_rng(seed)

    def _split(self, n, weight, rng):
        """Positions of the rows learned from, and of those held out."""
        index = np.arange(n) if weight is None else np.flatnonzero(weight)
        if not self.early_stopping or self.solver != "adam":
            return index, index[:0]
        count = max(1, round(self.validation_fraction * len(index)))
        if count >= len(index):
            raise ValueError(
                f"early_stopping=True holds out {count} of n_samples={len(index)} rows "
                "and leaves none to learn from: give more rows."
            )
        order = rng.permutation(len(index))
        return np.sort(index[order[count:]]), np.sort(index[order[:count]])

    def _left_out(self, X, held, weight, columns):
        """Error of rows held out in features that are constant in the others."""
        others = np.delete(np.arange(X.shape[1]), columns)
        Z = (X[np.ix_(held, others)] - self.mean_[others].astype(float)) / self.scale_
        rows = np.average(
            (Z**2).sum(axis=1), weights=None if weight is None else weight[held]
        )
        return float(rows) / len(columns)

    def _standardise(self, X, weight, fitted, narrow):
        """Set the mean and the scale; positions of features that vary, if not all."""
        try:
            mean, scale, varying = standards(X, weight)
        except FloatingPointError:
            raise_if_not_finite(self, X, np.inf)
        if fitted:
            return None
        self._varies = scale > 0
        if scale == 0:
            raise_if_too_close(X if weight is None else X[weight > 0])
            if narrow:
                warnings.warn(
                    "Every feature of X is constant: there is nothing to encode.",
                    UserWarning,
                    stacklevel=6,
                )
            # A first row alone tells at least a unit.
            size = float(np.sqrt(np.mean(np.square(mean, dtype=np.float64))))
            self.mean_, self.scale_ = mean, (size or 1.0) if not narrow else 1.0
            return None
        self.mean_, self.scale_ = mean, scale
        return None if varying.all() or not narrow else np.flatnonzero(varying)

    def _start(self, X, weight, columns, fitted, rng):
        """The network, on the features that vary, and the weights to begin with."""
        dtype = X.dtype if self.solver == "adam" else np.dtype(np.float64)
        sizes = self._hidden_sizes()
        tail = (self.activation, self.code_activation, bool(self.tied_weights))
        tail += (self.init == "pca" and len(sizes) > 0,)
        widths = (X.shape[1], *sizes, int(self.n_components))
        whole = Network(widths, *tail)
        if fitted:
            return whole, self._known_weights(whole)
        self._network = whole
        self._dtype = X.dtype
        p = X.shape[1] if columns is None else len(columns)
        network = Network((p, *widths[1:]), *tail)
        if self.n_components >= X.shape[1] and not np.any(self.noise):
            warnings.warn(
                f"n_components={self.n_components} is not less than the "
                f"{X.shape[1]} features of X: the code reduces nothing.",
                UserWarning,
                stacklevel=6,
            )
        theta = random_start(network, rng)
        if self.init == "pca":
            V, scores = self._principal(X, weight, columns)
            principal_start(network, theta, V, scores, rng)
        return network, theta.astype(dtype)

    def _at_saddle(self, network):
        """Whether the start is at principal components that no gradient leads off."""
        return network.tied and network.has_bypass

    def _principal(self, X, weight, columns):
        """Components as columns, and the least and largest score on each."""
        used = slice(None) if weight is None else weight > 0
        n = len(X) if weight is None else np.count_nonzero(used)
        p = X.shape[1] if columns is None else len(columns)
        k = min(int(self.n_components), n - 1, p)
        if k < 1 or not self._varies:
            nothing = np.zeros(0)
            return np.zeros((p, 0)), (nothing, nothing)
        if weight is not None:
            # Only their ratios matter here, but PCA needs a sum above 1.
            weight = weight / weight.max()
            weight *= n / weight.sum()
        pca = PCA(k, random_state=self.random_state).fit(X, sample_weight=weight)
        V = pca.components_.T if columns is None else pca.components_.T[columns]
        low = high = np.zeros(k)
        if self.code_activation != "identity":
            scores = pca.transform(X)[used] / self.scale_
            low, high = scores.min(axis=0), scores.max(axis=0)
        return V.astype(np.float64), (low, high)

    def _known_weights(self, network):
        """Weights of the last fit as a flat vector."""
        if network != self._network:
            raise ValueError(
                "The weights to go on with belong to another network: widths "
                f"{self._network.widths} and {network.widths}, or other activations. "
                "Set warm_start=False and call fit, or clone the estimator."
            )
        theta = np.empty(network.size, self._dtype)
        views = network.views(theta)
        for group, known in (
            (views.weights, self.coefs_),
            (views.biases, self.intercepts_),
            (views.bypass, self.bypass_coefs_),
        ):
            for array, values in zip(group, known, strict=True):
                array[...] = values
        return theta

    def _weights(self, network, theta, columns):
        """Attributes that stand for a flat vector, all features included."""
        parts = network.views(theta.astype(self._dtype, copy=False))
        if columns is not None:
            parts = parts.widened(columns, self.n_features_in_)
        return {
            "coefs_": [W.copy() for W in parts.weights],
            "intercepts_": [b.copy() for b in parts.biases],
            "bypass_coefs_": [P.copy() for P in parts.bypass],
        }

    def _set_weights(self, network, theta, columns):
        self.__dict__.pop("_adam", None)
        self.__dict__.pop("_rng", None)
        for name, value in self._weights(network, theta, columns).items():
            setattr(self, name, value)

    def _noise_of(self, problem):
        """Standard deviation of the noise in each standardised feature, or 0."""
        if not np.any(self.noise):
            return 0.0
        _, p = problem.rows.shape
        squares, total = np.zeros(p), 0
        buffer = np.empty((BATCH_ROWS, p), problem.rows.dtype)
        for start in range(0, len(problem.index), BATCH_ROWS):
            Z = problem.rows.take(problem.index[start : start + BATCH_ROWS], buffer)
            squares += np.einsum("ij,ij->j", Z, Z, dtype=np.float64)
            total += len(Z)
        return self.noise * np.sqrt(squares / total)

    def _batch_rows(self, n):
        rows = BATCH_ROWS if self.batch_size == "auto" else int(self.batch_size)
        return min(rows, n)

    def _hidden_sizes(self):
        sizes = self.hidden_layer_sizes
        return (int(sizes),) if isinstance(sizes, Integral) else tuple(map(int, sizes))
