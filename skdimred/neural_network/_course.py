"""What a descent has reached: its history, its best weights, and when it rests."""

import numpy as np

__all__ = ["Course"]

# Steps before which a descent that has not yet fallen below its start does not rest:
# the principal components are a saddle, which takes some to leave.
LEAST_STEPS = 200
# Share of the variance above the start at which a descent has gone astray.
RISE = 0.1
# Multiple of the error of the mean alone above which a descent has gone astray, where
# the loss of the start is not known.
ASTRAY = 10.0
# Share of a loss that may be rounding.
ROUNDING = 1e-6


class Course:
    """Follow a descent from epoch to epoch.

    Parameters
    ----------
    problem : Problem
        Its rows are learned from.
    held : Problem or None
        Its rows judge, where some are held out.
    unit : float
        Mean squared error, in the units of X, of a loss of 1.
    tol : float
        Improvement of the loss that counts.
    patience : int
        Epochs in a row without one after which the descent rests.
    """

    def __init__(self, problem, held, unit, tol, patience):
        self.problem, self.held, self.unit = problem, held, unit
        self.tol, self.patience, self.waited = tol, patience, 0
        self.losses, self.scores = [], []
        self.best = self.start = None
        self.least, self.best_epoch = np.inf, 0
        self.mark = self.first = self.last = np.inf
        self.steps = 0

    def begin(self, theta):
        """Take the start as the best so far, so that nothing worse is kept."""
        judge = self.problem if self.held is None else self.held
        self.first = self.least = judge.error(theta) + self.problem.penalty_of(theta)
        self.best = self.start = theta.copy()

    def add(self, theta, loss):
        """Note an epoch.

        Raises
        ------
        ValueError
            If the weights or the loss are no longer finite.
        """
        if not (np.isfinite(loss) and np.isfinite(theta).all()):
            raise ValueError(
                f"The loss is no longer finite in epoch {len(self.losses) + 1}: the "
                "descent diverges. Scale the features of X "
                "(sklearn.preprocessing.StandardScaler) or lower learning_rate_init."
            )
        self.losses.append(loss * self.unit)
        judged = loss
        if self.held is not None:
            error = self.held.error(theta)
            self.scores.append(-error * self.unit)
            judged = error + self.problem.penalty_of(theta)
        self.waited = 0 if judged < self.mark - self.tol else self.waited + 1
        self.mark, self.last = min(self.mark, judged), judged
        if judged < self.least:
            self.least, self.best = judged, theta.copy()
            self.best_epoch = len(self.losses)

    def kept(self, theta):
        """The best weights; those of the last epoch, `theta`, if none were judged.

        The loss of an epoch of batches is that of the weights on the way. Where the
        weights at its end are worse than the start, the start is the best.
        """
        if self.best_epoch and self.start is not None and self.held is None:
            loss = self.problem.error(self.best) + self.problem.penalty_of(self.best)
            # Not by rounding alone, where L-BFGS adds up in another order.
            if loss > self.first * (1 + ROUNDING):
                self.best, self.least, self.best_epoch = self.start, self.first, 0
        return theta if self.best is None else self.best

    @property
    def rests(self):
        """Whether too many epochs have brought too little."""
        young = not self.best_epoch and self.steps < LEAST_STEPS
        return self.waited >= self.patience and not young

    @property
    def rose(self):
        """Whether no epoch fell below the start and the last ended far above it."""
        if self.best_epoch or not self.losses:
            return False
        return self.last > self.first + RISE

    def is_astray(self, theta):
        """Whether all epochs rebuilt rows far worse than the mean alone does."""
        if not self.losses or np.isfinite(self.first):
            return False
        level = self.problem.level()
        error = min(self.losses) / self.unit - self.problem.penalty_of(theta)
        return 0 < ASTRAY * level < error

    def line(self):
        """What to print of the last epoch."""
        text = f"loss {self.losses[-1]:.6g}"
        return text + (f", validation {self.scores[-1]:.6g}" if self.scores else "")
