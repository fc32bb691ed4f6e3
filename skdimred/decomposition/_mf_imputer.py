"""Missing cells filled by biased factors, as a step of a pipeline."""

from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from skdimred._base import guarded
from skdimred._sklearn import with_callbacks
from skdimred.decomposition._mf_fit import BiasedFactorsMixin
from skdimred.decomposition._mf_parameters import check_parameters

__all__ = ["BiasedMFImputer"]


class BiasedMFImputer(
    BiasedFactorsMixin, OneToOneFeatureMixin, TransformerMixin, BaseEstimator
):
    """Fill missing cells by biased factors of rows and columns.

    `BiasedMF` under the name of what it is used for: `transform` gives the table with
    its missing cells filled and the known ones as they are, for any estimator that
    takes no NaN. Features on different scales should be put on one before, for instance
    by `StandardScaler`, which leaves NaN alone.

    Parameters
    ----------
    n_components : int, default=10
        Number of factors; 0 fills by biases alone.
    alpha : float, default=10.0
        Penalty of the factors. Smaller for small or standardised tables.
    alpha_bias : float or None, default=None
        Penalty of the biases; None for `alpha`.
    row_bias, col_bias : bool, default=True
        Whether rows and columns have a bias.
    max_iter : int, default=30
        Sweeps over columns and rows, at most.
    tol : float, default=1e-4
        A sweep is the last if it lowers the objective by no more than this share.
    n_jobs : int or None, default=None
        Threads; None for as many as BLAS may use.
    random_state : None, int or RandomState, default=None
        Draws the factors to start from.
    verbose : int, default=0
        Whether to print a line a sweep.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features_in_)
        Factors of the columns.
    mean_ : float
        Mean of the known cells.
    column_bias_ : ndarray of shape (n_features_in_,)
        Biases of the columns.
    row_factors_ : ndarray of shape (n_samples, n_components_)
        Factors of the rows fitted.
    row_bias_ : ndarray of shape (n_samples,)
        Their biases.
    objective_history_ : ndarray of shape (n_iter_,)
        The objective after each sweep; never rises.
    reconstruction_err_ : float
        Root of the mean squared error on the known cells.
    n_iter_ : int
        Number of sweeps.
    n_components_ : int
        Number of factors.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any that are all strings.
    solver_ : {"exact", "cg"}
        What ran, as in `BiasedMF`.

    See Also
    --------
    BiasedMF : The factors themselves.
    sklearn.impute.KNNImputer : By the nearest rows.
    sklearn.impute.IterativeImputer : By a regression of each column on the others.

    Notes
    -----
    A column without a known cell stays, filled with the mean and the biases of the
    rows. A row without one is filled with the mean and the biases of the columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdimred.decomposition import BiasedMFImputer
    >>> X, y = load_iris(return_X_y=True)
    >>> X[np.random.default_rng(0).random(X.shape) < 0.3] = np.nan
    >>> model = make_pipeline(BiasedMFImputer(2, alpha=1.0), KNeighborsClassifier())
    >>> model.fit(X, y).score(X, y) > 0.9
    True
    """

    # Of `BiasedMF`, what has no choice here.
    l1_ratio = validation_fraction = 0.0
    positive = weighted_alpha = False
    implicit_zeros, solver, rotate = "missing", "auto", True

    def __init__(
        self,
        n_components=10,
        *,
        alpha=10.0,
        alpha_bias=None,
        row_bias=True,
        col_bias=True,
        max_iter=30,
        tol=1e-4,
        n_jobs=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.alpha_bias = alpha_bias
        self.row_bias = row_bias
        self.col_bias = col_bias
        self.max_iter = max_iter
        self.tol = tol
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.verbose = verbose

    @guarded
    @with_callbacks
    def fit(self, X, y=None, sample_weight=None):
        """Find the factors and biases.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            NaN is missing in a dense table, what is not stored in a sparse one.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            How often each row counts.

        Returns
        -------
        self : BiasedMFImputer
            The fitted estimator.

        Raises
        ------
        ValueError
            As `BiasedMF.fit`.
        """
        check_parameters(self)
        self._fit_table(self._read(X, sample_weight, None, reset=True), X=X)
        del self._seen
        return self

    def fit_transform(self, X, y=None, sample_weight=None):
        """Fit, and fill the missing cells.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            As in `fit`.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,) or None, default=None
            As in `fit`.

        Returns
        -------
        X_full : ndarray of shape (n_samples, n_features_in_)
            Dense, as every cell is known.

        Raises
        ------
        ValueError
            As `fit`.
        """
        return self.fit(X, y, sample_weight=sample_weight).transform(X)

    def transform(self, X):
        """Fill the missing cells of rows, each by itself.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows, with missing cells as in `fit`.

        Returns
        -------
        X_full : ndarray of shape (n_samples, n_features_in_)
            Dense, as every cell is known.

        Raises
        ------
        ValueError
            As `BiasedMF.transform`.
        """
        return self._completed(X)

    def __sklearn_is_fitted__(self):
        """Whether there are factors."""
        return hasattr(self, "components_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
