"""Classification by the nearest class mean, in the space of the directions kept."""

import numpy as np
from scipy.special import expit, log_softmax
from sklearn.base import ClassifierMixin

__all__ = ["DiscriminantClassifierMixin"]


class DiscriminantClassifierMixin(ClassifierMixin):
    """Predict by log prior minus half the squared distance to the class mean.

    In coordinates with unit within-class variance that is the Bayes rule for normal
    classes of common scatter. The estimator has `classes_`, `priors_`, `xbar_` and
    `_scores`, and calls `_set_classifier` in fit.
    """

    def _set_classifier(self, centroids, W, whitening, dtype):
        """Keep the rule for scores, and the same as coefficients.

        Parameters
        ----------
        centroids : ndarray of shape (n_classes, k)
            Class means minus `xbar_`, as scores.
        W : ndarray of shape (n_features, k)
        whitening : ndarray of shape (k, k)
            From scores to coordinates of unit within-class variance.
        dtype : dtype
        """
        priors = self.priors_
        log_priors = np.log(priors, where=priors > 0, out=np.full(len(priors), -np.inf))
        places = centroids @ whitening
        bias = log_priors - 0.5 * np.einsum("ij,ij->i", places, places)
        weights = places @ whitening.T
        coef = weights @ W.T
        intercept = bias - coef @ self.xbar_
        if len(priors) == 2:
            coef, intercept = coef[1:] - coef[:1], intercept[1:] - intercept[:1]
        self.coef_ = coef.astype(dtype, copy=False)
        self.intercept_ = intercept
        self._centroids, self._rule = centroids, (whitening, places, log_priors)

    def _joint_log_likelihood(self, X):
        """Log prior plus log density of each class, up to a term of the row alone.

        From the distances themselves: expanded, their squares would cancel where a
        class lies far from the others.
        """
        scores = self._scores(X).astype(np.float64)
        whitening, places, log_priors = self._rule
        Z = scores @ whitening
        likelihood = np.empty((len(Z), len(places)))
        for k, place in enumerate(places):
            gap = Z - place
            likelihood[:, k] = log_priors[k] - 0.5 * np.einsum("ij,ij->i", gap, gap)
        return likelihood, Z

    def decision_function(self, X):
        """Log odds of the classes, up to a term common to the row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n_samples, n_classes) or (n_samples,)
            For two classes the log odds of ``classes_[1]``.
        """
        likelihood, Z = self._joint_log_likelihood(X)
        if len(self.classes_) == 2:
            return likelihood[:, 1] - likelihood[:, 0]
        # Linear in the row, as `coef_` and `intercept_` are.
        return likelihood + 0.5 * np.einsum("ij,ij->i", Z, Z)[:, np.newaxis]

    def predict(self, X):
        """Most likely class of each row, by the components kept.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        y : ndarray of shape (n_samples,)
            Labels from `classes_`.
        """
        best = np.argmax(self._joint_log_likelihood(X)[0], axis=1)
        return self.classes_[best]

    def predict_log_proba(self, X):
        """Logarithm of the class probabilities.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        log_probability : ndarray of shape (n_samples, n_classes)
            Finite where the prior is positive, however small the probability.
        """
        return log_softmax(self._joint_log_likelihood(X)[0], axis=1)

    def predict_proba(self, X):
        """Class probabilities under normal classes of common scatter.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probability : ndarray of shape (n_samples, n_classes)
            Rows sum to 1.
        """
        if len(getattr(self, "classes_", ())) == 2:
            second = expit(self.decision_function(X))
            return np.column_stack([1 - second, second])
        return np.exp(self.predict_log_proba(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Fewer directions than classes ask for may well mix some of them up.
        tags.classifier_tags.poor_score = self.n_components is not None
        return tags
