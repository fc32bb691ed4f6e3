"""Principal coordinates analysis of any distance, with a transform for new rows."""

import warnings
from numbers import Integral, Real

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import distance_metrics
from sklearn.neighbors import VALID_METRICS
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from skdimred._base import guarded
from skdimred._checks import as_sample_weight, raise_if_not_finite
from skdimred._sklearn import as_rows
from skdimred.blocks import lies_on_disk, opened
from skdimred.manifold._distances import (
    Squares,
    check_distances,
    check_new_distances,
    chunked,
    fits_in_memory,
    is_euclidean,
    pairwise,
    rows_at_once,
)
from skdimred.manifold._solve import DENSE, solve_distances, solve_euclidean, solve_few
from skdimred.metrics import OWN_METRICS, fitted_params
from skdimred.numerics.threads import one_blas_thread

__all__ = ["PCoA"]

EIGEN_SOLVERS = ("auto", "dense", "lanczos", "krylov")
CORRECTIONS = (None, "lingoes", "cailliez")
# Metrics for which sparse rows are taken.
SPARSE_METRICS = ("euclidean", "l2", "l1", "manhattan", "cityblock", "cosine")
PAIRWISE_METRICS = {*distance_metrics(), *VALID_METRICS["brute"]}
# Share of the largest eigenvalue from which a negative one is told of.
NOTABLE = 0.01


class PCoA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""Find points whose distances are those given: classical scaling.

    With distances D among n rows, weights :math:`w_i` (1 by default) and the weighted
    centring P, the inner products of points around their mean are [1]_ [2]_

    .. math:: B = -\tfrac12 P\, (D \circ D)\, P^T ,

    and the coordinates :math:`X = U \Lambda^{1/2}` of its leading eigenpairs solve
    :math:`\min_X \|B - X X^T\|_F`. For the Euclidean distance among rows of a table
    they are the scores of `PCA`. A new row is placed where its distances to the fitted
    rows put it (Gower's added point [3]_): with s its squared distances and r those of
    the fitted rows on average,

    .. math:: x = -\tfrac12 \Lambda^{-1} X^T (s - r) .

    Parameters
    ----------
    n_components : int, float or None, default=2
        Number of axes; None for all of positive eigenvalue; in (0, 1), as many as hold
        this share of the trace.
    metric : str or callable, default="euclidean"
        Any name that `sklearn.metrics.pairwise_distances` knows, or a function of two
        rows. "precomputed": X holds distances, square in `fit`, from new rows to
        fitted ones in `transform`. "great_circle": X holds latitude and longitude in
        degrees, distances are in km. "log_fold_change": see
        `skdimred.metrics.log_fold_change_distances`.
    metric_params : dict or None, default=None
        Further arguments of the metric.
    correction : {None, "lingoes", "cailliez"}, default=None
        What is done about negative eigenvalues (see Notes).
    transform_distance : {None, "sqrt"}, default=None
        "sqrt" takes the root of the distances first, which leaves few or no negative
        eigenvalues for Bray-Curtis, Manhattan, Jaccard and others.
    eigen_solver : {"auto", "dense", "lanczos", "krylov"}, default="auto"
        - "dense": all eigenpairs by `scipy.linalg.eigh`.
        - "lanczos": the leading ones by Lanczos on products with D o D, so that B is
          not formed. Where it missed copies of an eigenvalue, "krylov" takes over.
        - "krylov": the same by blocks of vectors, which takes fewer passes.
        - "auto": "dense" up to 500 rows, if all axes are wanted, or more than one in
          20; otherwise "lanczos" where the squares are held in memory, and "krylov"
          where they are read from disk, taken from `X` itself (`copy=False`), or
          computed anew for each pass, as they do not fit into scikit-learn's
          `working_memory`.

        For the Euclidean distance none of them runs: see `solver_`.
    n_landmarks : int or None, default=None
        Use the distances to so many rows, drawn at random, alone: for 1e5 rows and
        more. The answer is approximate (see `numerics.landmarks` for the method), but
        `transform` agrees with it. Not with a correction.
    tol : float, default=1e-10
        Of the iterative solvers, sine of the angle to the eigenvectors.
    copy : bool, default=True
        Whether to hold the squared distances, as large as X in float64, where X is
        precomputed. X itself is never changed.
    store_distances : bool, default=False
        Whether to keep the distances as `dissimilarity_matrix_`.
    n_jobs : int or None, default=None
        For `sklearn.metrics.pairwise_distances`.
    random_state : None, int or RandomState, default=None
        Draws the landmarks, and starts the iterative solvers, which moves what they
        find by less than `tol`.

    Attributes
    ----------
    embedding_ : ndarray of shape (n_samples, n_components_)
        Coordinates of the rows, in the unit of the distances. The entry of largest
        magnitude on each axis, among rows of positive weight, is positive. An axis
        without positive eigenvalue is 0.
    eigenvalues_ : ndarray of shape (n_components_,)
        Sum of squares (weighted) along each axis.
    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Eigenvalues over their sum over all axes, the trace of B. With negative ones,
        the shares of all positive axes add up to more than 1.
    corrected_ratio_ : ndarray of shape (n_components_,)
        The same after all eigenvalues are raised by the lowest: ``(lambda - lowest) /
        (trace - (n - 1) * lowest)``, for unweighted rows.
    broken_stick_ : ndarray of shape (n_components_,)
        Shares expected were the trace broken into n - 1 axes at random.
    negative_eigenvalue_ : float
        The lowest eigenvalue before any correction, or 0; to about 1e-5 of itself
        where an iterative solver ran without a correction, and of the approximation
        with landmarks. With a correction, that of the different points, unweighted.
    n_negative_ : int or None
        Number of negative eigenvalues, None where only the leading ones were found.
    trace_ : float
        Of B, before any correction: the sum of all eigenvalues.
    correction_constant_ : float
        What "cailliez" added to the distances, or half of what "lingoes" added to
        their squares; 0 without a correction.
    dual_coef_ : ndarray of shape (n_samples or n_landmarks, n_components_) or None
        Coordinates of new rows are their squared distances to the fitted rows times
        this, plus a constant (where squares would over- or underflow, distances are
        divided by the largest first). None for the Euclidean distance.
    metric_params_ : dict
        Arguments of the metric, those included that it took from the rows.
    landmarks_ : ndarray of shape (n_landmarks,)
        Positions of the landmarks, if any.
    dissimilarity_matrix_ : ndarray of shape (n_samples, n_samples)
        The distances, with `store_distances`.
    n_components_ : int
        Number of axes.
    n_samples_ : int
        Number of rows.
    n_features_in_ : int
        Number of columns of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.
    solver_ : {"pca", "dense", "lanczos", "krylov", "nystrom"}
        What ran: "pca" for the Euclidean distance, "nystrom" with landmarks.
    n_iter_ : int
        Passes over the distances.
    residual_ : float
        Largest :math:`\|B v - \lambda v\|` over the largest eigenvalue; NaN with
        landmarks.

    See Also
    --------
    skdimred.decomposition.PCA : The same for the Euclidean distance.
    sklearn.manifold.ClassicalMDS : The built-in, without `transform`.

    Notes
    -----
    *Negative eigenvalues* say that no points have these distances. Their axes are
    imaginary and are never returned; the lowest is told by `negative_eigenvalue_`, and
    a warning comes if it is more than 1 % of the largest. "lingoes" [4]_ adds twice its
    magnitude to the squared distances: the same picture, all eigenvalues higher.
    "cailliez" [5]_ adds the least constant to the distances themselves that makes them
    Euclidean. Rows at distance 0 are one point: the constant is that of the different
    points of positive weight, and counts between different points only. So weights
    are repetitions, and `transform` gives the fitted rows their coordinates.

    *Axes without eigenvalue*: asked for more axes than there are positive eigenvalues,
    the rest is 0, and a warning says so.

    *Cost.* With the squares in memory a product with one vector is a read of them, and
    20 to 50 of them suffice: the distances themselves cost more. Nothing of size n x n
    is kept.

    References
    ----------
    .. [1] J. C. Gower, "Some distance properties of latent root and vector methods
           used in multivariate analysis", Biometrika 53 (1966), 325-338.
           https://doi.org/10.1093/biomet/53.3-4.325
    .. [2] W. S. Torgerson, "Multidimensional scaling: I. Theory and method",
           Psychometrika 17 (1952), 401-419. https://doi.org/10.1007/BF02288916
    .. [3] J. C. Gower, "Adding a point to vector diagrams in multivariate analysis",
           Biometrika 55 (1968), 582-585. https://doi.org/10.1093/biomet/55.3.582
    .. [4] J. C. Lingoes, "Some boundary conditions for a monotone analysis of
           symmetric matrices", Psychometrika 36 (1971), 195-203.
           https://doi.org/10.1007/BF02291398
    .. [5] F. Cailliez, "The analytical solution of the additive constant problem",
           Psychometrika 48 (1983), 305-308. https://doi.org/10.1007/BF02294026

    Examples
    --------
    >>> from skdimred.manifold import PCoA
    >>> cities = [[48.86, 2.35], [41.89, 12.51], [52.52, 13.41], [40.42, -3.70]]
    >>> pcoa = PCoA(2, metric="great_circle").fit(cities)
    >>> pcoa.embedding_.round()
    array([[ -17., -400.],
           [-104.,  704.],
           [-872., -197.],
           [ 994., -106.]])
    >>> pcoa.transform([[50.85, 4.35]]).round()  # Brussels
    array([[-274., -459.]])
    """

    def __init__(
        self,
        n_components=2,
        *,
        metric="euclidean",
        metric_params=None,
        correction=None,
        transform_distance=None,
        eigen_solver="auto",
        n_landmarks=None,
        tol=1e-10,
        copy=True,
        store_distances=False,
        n_jobs=None,
        random_state=None,
    ):
        self.n_components = n_components
        self.metric = metric
        self.metric_params = metric_params
        self.correction = correction
        self.transform_distance = transform_distance
        self.eigen_solver = eigen_solver
        self.n_landmarks = n_landmarks
        self.tol = tol
        self.copy = copy
        self.store_distances = store_distances
        self.n_jobs = n_jobs
        self.random_state = random_state

    @guarded
    def fit(self, X, y=None, sample_weight=None):
        """Find the coordinates of the rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, or distances of shape (n_samples, n_samples) if they are precomputed;
            also the path of an ``.npy`` file, or a memory map. Sparse for the metrics
            "euclidean", "manhattan", "cosine" and their other names.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How much each row counts in the mean and in the axes. Rows of weight 0 are
            placed like new ones.

        Returns
        -------
        self : PCoA
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if distances are negative, not finite,
            not symmetric or not 0 from a row to itself; or if `n_components` is more
            than there are rows.
        """
        params, solver_rng = self._check_parameters()
        X = opened(X)
        if self.metric == "precomputed" and getattr(X, "ndim", 2) == 1:
            raise ValueError(
                f"Precomputed distances must be a square matrix; found {len(X)} in a "
                "row: use scipy.spatial.distance.squareform."
            )
        on_disk = lies_on_disk(X)
        X = as_rows(
            self, X, reset=True, min_samples=2, accept_sparse=self._takes_sparse
        )
        n = X.shape[0]
        k = self.n_components
        k = int(k) if isinstance(k, Integral) else None if k is None else float(k)
        if isinstance(k, int) and k > n:
            raise ValueError(
                f"n_components={k} must be at most n_samples={n}: n points lie in a "
                "space of n - 1 dimensions."
            )
        weight = as_sample_weight(sample_weight, n)
        if self.metric == "precomputed":
            self._check_square(X)
        else:
            if self.metric != "nan_euclidean":
                with np.errstate(invalid="ignore", over="ignore"):
                    raise_if_not_finite(self, X, np.float64(X.sum()))
            params = fitted_params(self.metric, params, X, weight)
        distances = None
        if self.n_landmarks is not None:
            solved, self.landmarks_ = self._fit_landmarks(X, params, k, weight)
        elif is_euclidean(self.metric, params) and self.transform_distance is None:
            rng = self.random_state
            solved = solve_euclidean(X, k, weight, self.tol, rng)
        else:
            squares, distances = self._squares(X, params, on_disk)
            solved = solve_distances(
                squares,
                k,
                self.correction,
                weight,
                self.eigen_solver,
                self.tol,
                solver_rng,
            )
            self._squared = (squares.largest, squares.shift, squares.lift)
        if self.n_landmarks is None:
            self.__dict__.pop("landmarks_", None)
        if self.store_distances:
            if distances is None:
                distances = pairwise(X, None, self.metric, params, self.n_jobs)
            self.dissimilarity_matrix_ = np.array(distances)
        else:
            self.__dict__.pop("dissimilarity_matrix_", None)
        self.metric_params_, self._weight = params, weight
        self._keep_rows(X, solved)
        self._set_solution(solved, n, X.dtype)
        return self

    def _fit_landmarks(self, X, params, k, weight):
        """Coordinates from distances to a few rows alone."""
        n = X.shape[0]
        m = min(self.n_landmarks, n)
        rng = check_random_state(self.random_state)
        pool = np.arange(n) if weight is None else np.flatnonzero(weight)
        places = np.sort(rng.choice(pool, min(m, len(pool)), replace=False))
        if self.metric == "precomputed":
            D_L = np.asarray(X[np.ix_(places, places)], dtype=np.float64)

            def take(rows):
                return X[rows][:, places]

        else:
            few = X[places]
            D_L = pairwise(few, None, self.metric, params, self.n_jobs)

            def take(rows):
                return pairwise(X[rows], few, self.metric, params, self.n_jobs)

        largest = check_distances(D_L, self.metric)
        squares = Squares(None, None, n, largest, self._is_root)
        step = rows_at_once(m)

        def blocks():
            for start in range(0, n, step):
                rows = slice(start, min(n, start + step))
                D = take(rows)
                check_new_distances(D)
                yield rows, squares.of(D)

        solved = solve_few(squares, squares.of(D_L), blocks, n, k, weight)
        self._squared = (squares.largest, 0.0, 0.0)
        return solved, places

    def _squares(self, X, params, on_disk):
        """Squared distances among all rows, and the distances themselves."""
        n = X.shape[0]
        if self.metric == "precomputed":
            squares = Squares(
                X, None, n, check_distances(X, "precomputed"), self._is_root
            )
            if self.copy and not on_disk and X.dtype == np.float64:
                squares.hold()
            return squares, X
        if n > DENSE and not fits_in_memory(n):
            make_rows = chunked(X, self.metric, params, self.n_jobs)
            step = rows_at_once(n)
            largest = max(
                float(make_rows(slice(start, min(n, start + step))).max())
                for start in range(0, n, step)
            )
            return Squares(None, make_rows, n, largest, self._is_root), None
        D = pairwise(X, None, self.metric, params, self.n_jobs)
        D = np.asarray(D, dtype=np.float64)
        squares = Squares(D, None, n, check_distances(D, self.metric), self._is_root)
        if self.correction is None and not self.store_distances:
            # D is ours: its squares take its place.
            squares.hold(D)
            squares.distances = None
        else:
            squares.hold()
        return squares, D

    def _check_square(self, X):
        if X.shape[0] != X.shape[1]:
            raise_if_not_finite(self, X, np.float64(X.sum()))
            raise ValueError(
                "Precomputed distances must be a square matrix, of all rows from each "
                f"other; found shape {X.shape}. For rows of features choose a metric."
            )

    def _keep_rows(self, X, solved):
        """Keep the rows that distances of new ones are taken to."""
        self._X_fit = None
        if self.metric != "precomputed" and solved.pca is None:
            kept = X if self.n_landmarks is None else X[self.landmarks_]
            self._X_fit = kept.copy()

    def _check_parameters(self):
        """Raise on a bad parameter; return those of the metric, and a generator."""
        k, m, metric = self.n_components, self.n_landmarks, self.metric
        share = isinstance(k, Real) and not isinstance(k, Integral) and 0 < k < 1
        if isinstance(k, (bool, np.bool_)) or not (
            k is None or share or (isinstance(k, Integral) and k >= 1)
        ):
            raise ValueError(
                f"n_components={k!r} must be an integer of at least 1, a float in "
                "(0, 1) (a share of the trace) or None (all positive axes)."
            )
        if m is not None and (
            isinstance(m, (bool, np.bool_)) or not isinstance(m, Integral) or m < 2
        ):
            raise ValueError(
                f"n_landmarks={m!r} must be an integer of at least 2, or None."
            )
        choices = (
            ("correction", CORRECTIONS),
            ("transform_distance", (None, "sqrt")),
            ("eigen_solver", EIGEN_SOLVERS),
            ("copy", (True, False)),
            ("store_distances", (True, False)),
        )
        for name, allowed in choices:
            value = getattr(self, name)
            if not any(
                value is a or (type(value) is type(a) and value == a) for a in allowed
            ):
                raise ValueError(f"{name}={value!r} must be one of {allowed}.")
        if not (isinstance(self.tol, Real) and 0 <= self.tol < 1):
            raise ValueError(f"tol={self.tol!r} must be a number in [0, 1).")
        if not (isinstance(metric, str) or callable(metric)):
            raise ValueError(
                f"metric={metric!r} must be a name or a function of two rows."
            )
        known = {*OWN_METRICS, "precomputed", *PAIRWISE_METRICS}
        if isinstance(metric, str) and metric not in known:
            raise ValueError(f"metric={metric!r} must be one of {sorted(known)}.")
        params = {} if self.metric_params is None else self.metric_params
        if not isinstance(params, dict):
            raise ValueError(f"metric_params={params!r} must be a dict or None.")
        if m is not None and self.correction is not None:
            raise ValueError(
                f"correction={self.correction!r} needs all distances, and n_landmarks="
                f"{m} leaves most of them out: give one of the two."
            )
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        return params, np.random.default_rng(seed)

    def _set_solution(self, solved, n, dtype):
        k, scale = len(solved.values), solved.unit**2
        self._pca = solved.pca
        self.embedding_ = solved.embedding.astype(dtype, copy=False)
        self.eigenvalues_ = solved.values * scale
        total = solved.corrected_trace
        self.explained_variance_ratio_ = solved.values / (total or 1.0)
        raised = solved.trace - (n - 1) * solved.lowest
        corrected = (solved.values > 0) * (solved.values - solved.lowest)
        if solved.constant:
            corrected = solved.values
            raised = total
        self.corrected_ratio_ = corrected / (raised or 1.0)
        d = max(1, n - 1)
        sticks = np.cumsum(1 / np.arange(d, 0, -1))[::-1] / d
        self.broken_stick_ = np.concatenate([sticks, np.zeros(max(0, k - d))])[:k]
        self.negative_eigenvalue_ = solved.lowest * scale
        self.n_negative_ = solved.n_negative
        self.trace_ = solved.trace * scale
        self.correction_constant_ = solved.constant
        self.dual_coef_, self._intercept = solved.coef, solved.intercept
        self.n_components_, self.n_samples_ = k, n
        self.solver_, self.n_iter_ = solved.solver, max(1, solved.passes)
        self.residual_ = solved.residual
        self._warn(solved)

    def _warn(self, solved):
        values = solved.values
        if not solved.converged:
            warnings.warn(
                f"The eigenvectors did not reach tol={self.tol:g} (residual "
                f"{solved.residual:.1e}): raise tol, or ask for another number of "
                "components.",
                ConvergenceWarning,
                stacklevel=5,
            )
        if np.any(values == 0):
            warnings.warn(
                f"Only {np.count_nonzero(values)} of n_components="
                f"{self.n_components_} axes have a positive eigenvalue; the others are "
                "0.",
                UserWarning,
                stacklevel=5,
            )
        high = values.max(initial=0.0)
        if self.correction is None and solved.lowest < -NOTABLE * high < 0:
            warnings.warn(
                "The distances are not Euclidean: the lowest eigenvalue is "
                f"{solved.lowest / high:.1%} of the largest. The axes are right, and "
                "shares of them are too large; see correction and "
                "transform_distance='sqrt'.",
                UserWarning,
                stacklevel=5,
            )

    def fit_transform(self, X, y=None, sample_weight=None):
        """Find the coordinates of the rows, and return them.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As for `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            As for `fit`.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            `embedding_`.
        """
        return self.fit(X, y, sample_weight=sample_weight).embedding_

    def transform(self, X):
        """Place new rows among the fitted ones.

        Each row is treated by itself: its coordinates do not depend on the other rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows; or their distances to the fitted rows if these are precomputed.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Coordinates; for fitted rows those in `embedding_`.

        Raises
        ------
        ValueError
            If X has another number of columns than at fit, or holds NaN, infinity or
            negative distances.
        """
        check_is_fitted(self)
        X = as_rows(
            self,
            opened(X),
            accept_sparse=self._takes_sparse,
            finite_first=self.metric == "precomputed",
        )
        if self._pca is not None:
            return self._scores_of_pca(X)
        n = X.shape[0]
        out = np.empty((n, self.n_components_))
        largest, shift, lift = self._squared
        is_root = self._is_root
        squares = Squares(None, None, n, largest, is_root, shift=shift, lift=lift)
        step = rows_at_once(len(self.dual_coef_))
        with one_blas_thread():
            for start in range(0, n, step):
                rows = slice(start, start + step)
                D = self._distances_to_fitted(X[rows])
                check_new_distances(D)
                np.matmul(squares.of(D), self.dual_coef_, out=out[rows])
        out += self._intercept
        dtype = X.dtype if self.metric != "precomputed" else self.embedding_.dtype
        return out.astype(np.result_type(dtype, self.embedding_.dtype), copy=False)

    def _distances_to_fitted(self, X):
        if self.metric == "precomputed":
            return X if self.n_landmarks is None else X[:, self.landmarks_]
        return pairwise(X, self._X_fit, self.metric, self.metric_params_, self.n_jobs)

    def _scores_of_pca(self, X):
        out = np.zeros((X.shape[0], self.n_components_), X.dtype)
        pca, signs = self._pca
        scores = np.asarray(pca.transform(X))
        used = min(self.n_components_, scores.shape[1])
        out[:, :used] = scores[:, :used] * signs[:used]
        out[:, self.eigenvalues_ == 0] = 0.0
        return out

    def biplot_scores(self, Y):
        """Find the directions in which variables of the fitted rows grow, for a biplot.

        Parameters
        ----------
        Y : array-like of shape (n_samples, n_variables)
            Variables of the fitted rows, those of X or others.

        Returns
        -------
        scores : ndarray of shape (n_variables, n_components_)
            Covariance of each variable with the coordinates standardised to variance 1,
            over the standard deviation of the coordinates. 0 on axes without
            eigenvalue.

        Raises
        ------
        ValueError
            If Y has another number of rows than were fitted, or holds NaN or infinity.
        """
        check_is_fitted(self)
        Y = check_array(Y, dtype=np.float64, input_name="Y")
        if len(Y) != self.n_samples_:
            raise ValueError(
                f"Y must have a row for each of the {self.n_samples_} fitted rows; "
                f"found {len(Y)}."
            )
        share = np.ones(len(Y)) if self._weight is None else self._weight
        Y = Y - np.average(Y, axis=0, weights=share)
        X = self.embedding_.astype(np.float64)
        values = self.eigenvalues_
        inverse = np.divide(1, values, out=np.zeros(len(values)), where=values > 0)
        return (Y * share[:, np.newaxis]).T @ X * inverse

    @property
    def _is_root(self):
        return self.transform_distance == "sqrt"

    @property
    def _n_features_out(self):
        return self.n_components_

    @property
    def _takes_sparse(self):
        return isinstance(self.metric, str) and self.metric in SPARSE_METRICS

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        precomputed = isinstance(self.metric, str) and self.metric == "precomputed"
        tags.input_tags.pairwise = precomputed
        tags.input_tags.positive_only = precomputed
        tags.input_tags.sparse = self._takes_sparse
        nan = isinstance(self.metric, str) and self.metric == "nan_euclidean"
        tags.input_tags.allow_nan = nan
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
