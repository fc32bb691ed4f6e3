"""A network that learns a code of few numbers from which rows can be rebuilt."""

import numpy as np
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_array, check_is_fitted

from skdimred._base import guarded
from skdimred._checks import as_sample_weight, raise_if_not_finite
from skdimred._sklearn import as_rows, with_callbacks
from skdimred._sweeps import SweepMixin
from skdimred.blocks import map_ranges
from skdimred.neural_network._fit import NetworkFitMixin
from skdimred.neural_network._parameters import check_parameters
from skdimred.neural_network._rows import CHUNK_ROWS, standardise
from skdimred.numerics.network import Parameters

__all__ = ["Autoencoder"]


class Autoencoder(
    NetworkFitMixin,
    SweepMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
):
    r"""Find a code of few numbers from which a network rebuilds the rows.

    With the rows standardised, :math:`z_i = (x_i - \mu) / \sigma` for one number
    :math:`\sigma`, an encoder e and a decoder d of dense layers minimise

    .. math:: \frac{1}{p \sum_i w_i} \Big( \sum_i w_i \|d(e(z_i)) - z_i\|^2
              + \alpha \|\theta\|^2 \Big)

    over their weights :math:`\theta`, biases being left out of the second term. Without
    hidden layers and with the identity as activation, the minimum is that of `PCA`: the
    decoder spans the principal subspace [1]_, in a basis that need not be orthogonal.
    With hidden layers the code may also follow curved surfaces [2]_. That minimum is
    not the only one, and which of them a descent finds depends on its start.

    Parameters
    ----------
    n_components : int, default=2
        Units of the code. As many as there are features or more reduce nothing, which a
        warning says.
    hidden_layer_sizes : tuple of int, default=(128, 32)
        Units of the hidden layers from the features to the code; the decoder mirrors
        them. An int stands for one layer and () for none.
    activation : {"relu", "tanh", "logistic", "identity"}, default="relu"
        What hidden units do with their sums.
    code_activation : {"identity", "relu", "tanh", "logistic"}, default="identity"
        What units of the code do. With "relu" they can die: be 0 for every row.
    tied_weights : bool, default=False
        Whether the matrices of the decoder are those of the encoder, transposed.
    init : {"pca", "random"}, default="pca"
        Where the descent starts:

        - "pca": at the principal components. A linear path beside the hidden layers
          carries the scores to the code and the code to the output, and hidden layers
          add 0 at first and what they learn later. Without hidden layers, the weights
          are the components. Never ends at a larger loss than it starts with, but
          with `noise`. A `code_activation` of "tanh" or "logistic" bends the scores: a
          little, or without a remedy where weights are tied.
        - "random": uniform weights as Glorot and Bengio draw them; no linear path.
    solver : {"adam", "lbfgs"}, default="adam"
        Adam by random batches, or L-BFGS along all rows at once, in float64.
    alpha : float, default=1e-4
        Weight of the squares of the weights.
    batch_size : int or "auto", default="auto"
        Rows of a batch for "adam"; "auto" for 200, or all if they are fewer. Batches of
        an epoch are of one size but for a row.
    learning_rate_init : float, default=1e-3
        Length of a step of "adam" in each weight.
    max_iter : int, default=200
        The most epochs, or iterations of "lbfgs".
    tol : float, default=1e-4
        Improvement of the loss that counts, as a share of the variance of X. "lbfgs"
        rests where a step brings less than ``1e-4 * tol``.
    early_stopping : bool, default=False
        Whether rows are held out to tell when to stop and which epoch was the best.
        Only for "adam".
    validation_fraction : float, default=0.1
        Share of the rows held out.
    n_iter_no_change : int, default=10
        Epochs in a row without an improvement of more than `tol` that end the descent.
    noise : float, default=0.0
        Standard deviation of the noise added to the input in training, and not to what
        is to be rebuilt, in units of that of each feature. Only for "adam".
    warm_start : bool, default=False
        Whether another `fit` goes on from the weights of the last, whose `mean_` and
        `scale_` it keeps, and adds its epochs to `loss_curve_`. Where `early_stopping`
        was off before and is on now, the curves and `n_iter_` begin anew, so that each
        epoch has its score. Rows held out are drawn in each fit: with an integer as
        `random_state` they are the same ones.
    random_state : None, int or RandomState, default=None
        Seed of the weights, of the batches, of the rows held out and of the noise.
    verbose : bool, default=False
        Whether to print a line an epoch.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_inputs, n_outputs)
        Matrix of each layer, the encoder's and then the decoder's, for standardised
        rows. A feature that is constant at fit has weight exactly 0.
    intercepts_ : list of ndarray of shape (n_outputs,)
        Biases of each layer.
    bypass_coefs_ : list of ndarray
        The linear path, if there is one: from the features to the code, of shape
        ``(n_features_in_, n_components)``, and from the code to the output, of shape
        ``(n_components, n_features_in_)``. Else empty.
    mean_ : ndarray of shape (n_features_in_,)
        Weighted mean of the rows, :math:`\mu`.
    scale_ : float
        Root of the mean variance of the features that vary, :math:`\sigma`; 1 if none
        does.
    loss_curve_ : list of float
        Loss of each epoch in the units of X, the mean over its batches: mean squared
        error of an entry, plus the term of `alpha`.
    validation_scores_ : list of float or None
        Minus the mean squared error of the rows held out after each epoch that had any;
        None without `early_stopping`, and for "lbfgs".
    best_loss_ : float
        Loss of the weights kept: least of `loss_curve_`, or that of the start if no
        epoch fell below it; with `early_stopping`, that of the rows held out.
    n_iter_ : int
        Number of epochs run.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where X had any that are all strings.

    See Also
    --------
    PCA : The best linear code, found at once.
    sklearn.neural_network.MLPRegressor : Networks that predict a target.
    skdimred.inspection.LossCurveDisplay : The course of the descent.
    skdimred.inspection.ReconstructionDisplay : Rows beside what the code leaves of
        them.

    Notes
    -----
    All features are divided by the same number, so that a feature with a hundred times
    the spread of the others is what the code will be about, as in `PCA`. Use a
    `StandardScaler` where the units differ. A constant factor on all of X changes
    nothing but the units.

    Weights equal repetition where one batch holds all rows, and on average otherwise.
    Standardised rows are kept up to 256 MB, and made batch by batch above. The weights
    kept are those of the best epoch; `partial_fit` keeps its last. A descent whose loss
    becomes infinite is an error, and one that ends far above its start, or the mean of
    the rows, a warning.

    References
    ----------
    .. [1] P. Baldi and K. Hornik, "Neural networks and principal component analysis:
           learning from examples without local minima", Neural Networks 2 (1989),
           53-58. https://doi.org/10.1016/0893-6080(89)90014-2
    .. [2] G. E. Hinton and R. R. Salakhutdinov, "Reducing the dimensionality of data
           with neural networks", Science 313 (2006), 504-507.
           https://doi.org/10.1126/science.1127647

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.decomposition import PCA
    >>> from skdimred.neural_network import Autoencoder
    >>> X = load_digits().data / 16
    >>> pca = PCA(n_components=2).fit(X)
    >>> linear = ((pca.inverse_transform(pca.transform(X)) - X) ** 2).mean()
    >>> deep = Autoencoder(n_components=2, tol=1e-2, random_state=0).fit(X)
    >>> deep.transform(X).shape
    (1797, 2)
    >>> bool(-deep.score(X) < 0.8 * linear)
    True
    """

    def __init__(
        self,
        n_components=2,
        *,
        hidden_layer_sizes=(128, 32),
        activation="relu",
        code_activation="identity",
        tied_weights=False,
        init="pca",
        solver="adam",
        alpha=1e-4,
        batch_size="auto",
        learning_rate_init=1e-3,
        max_iter=200,
        tol=1e-4,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=10,
        noise=0.0,
        warm_start=False,
        random_state=None,
        verbose=False,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.code_activation = code_activation
        self.tied_weights = tied_weights
        self.init = init
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate_init = learning_rate_init
        self.max_iter = max_iter
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.noise = noise
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    @guarded
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Fit the network to the rows of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; not changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts. Rows of weight 0 are left out.

        Returns
        -------
        self : Autoencoder
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter is out of its range; if X holds NaN, infinity or values whose
            squares overflow, or varies by so little that squares underflow; if the
            descent diverges; or if `warm_start` is to go on with weights of other
            shapes.

        Notes
        -----
        An interruption (Ctrl-C) ends the descent with a warning. The best weights so
        far are kept.
        """
        check_parameters(self)
        warm = bool(self.warm_start) and hasattr(self, "coefs_")
        X = as_rows(self, X, reset=not warm)
        weight = as_sample_weight(sample_weight, len(X))
        self._fit_rows(X, y, weight, warm, {"sample_weight": sample_weight})
        return self

    def _can_go_on(self):
        """Whether more rows can come later."""
        if self.solver == "lbfgs" or self.early_stopping:
            raise AttributeError(
                'partial_fit needs solver="adam" and early_stopping=False: it goes '
                "through its rows once, by batches, and holds none out."
            )
        return True

    @available_if(_can_go_on)
    @guarded
    def partial_fit(self, X, y=None, sample_weight=None):
        """Go through some rows once, one epoch of Adam.

        Goes on from the weights of `fit` or of the last call. `mean_`, `scale_` and the
        principal components of the start are those of the first rows, so let these be
        many and typical.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows; not changed.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : Autoencoder
            The fitted estimator.

        Raises
        ------
        ValueError
            As `fit`; or if X has another number of features than before.
        """
        check_parameters(self)
        fitted = hasattr(self, "coefs_")
        X = as_rows(self, X, reset=not fitted)
        weight = as_sample_weight(sample_weight, len(X))
        self._fit_more(X, weight, fitted)
        return self

    def transform(self, X):
        """Encode rows.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows to encode.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components)
            Their codes. Float32 for float32 rows, float64 otherwise.

        Raises
        ------
        ValueError
            If X has another number of features than at fit, or holds NaN or infinity.
        """
        check_is_fitted(self)
        X = as_rows(self, X)
        return self._map(X, self._network.encode, self._n_features_out)

    def inverse_transform(self, X):
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes, as `transform` gives them.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_)
            Rows that the decoder makes of them.

        Raises
        ------
        ValueError
            If X has not `n_components` columns, or holds NaN or infinity; or if a row
            that a code stands for overflows.
        """
        check_is_fitted(self)
        C = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if C.shape[1] != self._n_features_out:
            raise ValueError(
                f"X has {C.shape[1]} columns, but inverse_transform takes codes of "
                f"n_components={self._n_features_out} columns."
            )
        rows = self._map(C, self._network.decode, self.n_features_in_, raw=True)
        with np.errstate(over="ignore", invalid="ignore"):
            rows *= np.float64(self.scale_).astype(rows.dtype)
            rows += self.mean_.astype(rows.dtype, copy=False)
        bad = ~np.isfinite(rows).all(axis=1)
        if bad.any():
            raise ValueError(
                f"The code in row {int(np.argmax(bad))} of X stands for a row that "
                f"overflows {rows.dtype}: give smaller codes, or codes as float64."
            )
        return rows

    def score_samples(self, X):
        """Return the mean squared error of the reconstruction of each row.

        A row unlike those of the fit is rebuilt badly: the larger, the more anomalous.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        errors : ndarray of shape (n_samples,)
            Mean over the features of the squared error, float64.

        Raises
        ------
        ValueError
            As `transform`.
        """
        check_is_fitted(self)
        X = as_rows(self, X)
        errors = self._map(X, self._row_errors, 1, np.float64)[:, 0]
        with np.errstate(over="ignore"):
            errors *= self.scale_**2 / self.n_features_in_
        raise_if_not_finite(self, X, errors)
        return errors

    def score(self, X, y=None, sample_weight=None):
        """Return minus the mean squared error of the reconstruction.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        score : float
            Mean of `score_samples`, with the sign changed: larger is better.

        Raises
        ------
        ValueError
            As `transform`.
        """
        errors = self.score_samples(X)
        weight = as_sample_weight(sample_weight, len(errors))
        return -float(np.average(errors, weights=weight))

    def _row_errors(self, parameters, Z):
        return self._network.squared_errors(parameters, Z)[:, np.newaxis]

    def _map(self, X, function, width, dtype=None, raw=False):
        """``function(parameters, Z)`` of all rows, chunk by chunk, over threads."""
        groups = (self.coefs_, self.intercepts_, self.bypass_coefs_)
        parameters = Parameters(
            *([a.astype(X.dtype, copy=False) for a in group] for group in groups)
        )
        out = np.empty((len(X), width), X.dtype if dtype is None else dtype)

        def fill(rows):
            with np.errstate(invalid="ignore", over="ignore"):
                for start in range(rows.start, rows.stop, CHUNK_ROWS):
                    chunk = slice(start, min(start + CHUNK_ROWS, rows.stop))
                    Z = X[chunk]
                    Z = Z if raw else standardise(Z, self.mean_, self.scale_)
                    out[chunk] = function(parameters, np.ascontiguousarray(Z))
                    # A rectifier turns minus infinity into 0.
                    evidence = np.array([Z.sum(), out[chunk].sum()])
                    raise_if_not_finite(self, X, evidence)

        for _ in map_ranges(fill, len(X), work=len(X) * self._network.n_weights):
            pass
        return out

    @property
    def _n_features_out(self):
        return len(self.intercepts_[len(self.coefs_) // 2 - 1])

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
