"""What every linear map here shares: a transform that keeps its digits."""

from functools import wraps

import numpy as np
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted

from skdimred._checks import raise_if_not_finite
from skdimred._sklearn import as_rows
from skdimred.blocks import is_iterator, opened
from skdimred.numerics.centering import project
from skdimred.numerics.threads import one_blas_thread

__all__ = ["LinearMapMixin", "guarded"]


def guarded(fit):
    """Hold BLAS to one thread in a fit, and undo the fit if it fails.

    A failed or interrupted fit leaves the estimator as it was before. Passes over many
    rows bring threads of their own (see `blocks`).
    """

    @wraps(fit)
    def wrapper(self, *args, **kwargs):
        before = self.__dict__.copy()
        try:
            with one_blas_thread():
                return fit(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise

    return wrapper


class LinearMapMixin:
    """Scores (X - center) W, and the checks around them.

    A subclass gives `_linear_map`, which returns `center` (p,) and `W` (p, k), and
    sets `_cancellation` in fit (see `numerics.centering`). It defines
    `transform` itself: scikit-learn's `set_output` reaches no inherited one.
    """

    _accept_sparse = False

    @property
    def _n_features_out(self):
        return self._linear_map()[1].shape[1]

    def __sklearn_is_fitted__(self):
        """Whether there is a map to apply."""
        return "_cancellation" in self.__dict__

    def _check_ready(self):
        """Raise NotFittedError unless there is a map to apply."""
        if not hasattr(self, "_cancellation"):
            if hasattr(self, "_pending"):
                raise NotFittedError(self._pending)
            check_is_fitted(self)

    def _scores(self, X):
        """(X - center) W for any input that stands for rows, float32 or float64."""
        self._check_ready()
        if is_iterator(X):
            raise TypeError(
                f"X={X!r} is an iterator, which only fit takes: give the blocks to "
                "transform one by one."
            )
        X = as_rows(self, opened(X), accept_sparse=self._accept_sparse)
        center, W = self._linear_map()
        with np.errstate(invalid="ignore", over="ignore"):
            scores = project(
                X, center, W.astype(X.dtype, copy=False), self._cancellation
            )
        raise_if_not_finite(self, X, scores)
        return scores

    def _checked_scores(self, X):
        """Scores as a float array with as many columns as there are components."""
        self._check_ready()
        scores = check_array(X, dtype=[np.float64, np.float32], input_name="X")
        if scores.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {scores.shape[1]} columns, but inverse_transform takes scores "
                f"on n_components_={self.n_components_} components."
            )
        return scores
