"""What a stream of rows leaves to be solved when it is asked for, and merging."""

import os
from threading import RLock

import numpy as np

__all__ = ["StreamMixin"]

_SOLVING = RLock()


def _forget():
    """The thread that was solving does not live on in a forked process."""
    global _SOLVING
    _SOLVING = RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


class StreamMixin:
    """Solve a stream when one of its results is first asked for.

    A stream only adds to the moments. The eigenproblem, dearer than a block of rows,
    waits. A subclass has `_lazy`, the names of the attributes that come with it,
    `_solve_stream()`, which sets them from `_moments` and takes away `_stale`, and
    `_can_stream()`, which raises an AttributeError where the parameters allow none.
    """

    def __getattr__(self, name):
        if name in type(self)._lazy:
            with _SOLVING:
                if "_stale" in self.__dict__:
                    self._solve_stream()
            if name in self.__dict__:
                return self.__dict__[name]
        if name in ("partial_fit", "merge"):
            # They exist, but for what the parameters rule out: this says what.
            self._can_stream()
        raise AttributeError(
            f"{type(self).__name__!r} object has no attribute {name!r}"
        )

    def _drop_results(self):
        for name in type(self)._lazy:
            self.__dict__.pop(name, None)

    def _check_kind(self, other):
        """Raise unless `other` is of the same class."""
        if type(other) is not type(self):
            raise TypeError(
                f"other must be a {type(self).__name__}, found {type(other).__name__}."
            )

    def _check_features(self, other):
        """Raise unless the features of `other` are those seen so far."""
        if self.n_features_in_ != other.n_features_in_:
            raise ValueError(
                f"other was fitted to n_features_in_={other.n_features_in_} "
                f"features, and this one to {self.n_features_in_}."
            )
        names = [getattr(e, "feature_names_in_", None) for e in (self, other)]
        known = all(name is not None for name in names)
        if known and not np.array_equal(*names):
            raise ValueError(
                "The feature names of other are not those of this "
                f"{type(self).__name__}: {names[1]} and {names[0]}."
            )

    def _adopt_features(self, other):
        """Take the features of `other`."""
        self.n_features_in_ = other.n_features_in_
        if hasattr(other, "feature_names_in_"):
            self.feature_names_in_ = other.feature_names_in_
