"""Progress of fits that go sweep by sweep."""

from contextlib import contextmanager

from skdimred._sklearn import CallbackSupportMixin

__all__ = ["SweepMixin"]


class SweepMixin(CallbackSupportMixin):
    """Report each sweep of a fit, as a line and to scikit-learn's callbacks.

    A fit is decorated with ``@guarded`` and, below it, ``@with_callbacks``. The
    estimator has `max_iter` and `verbose`, and may call a sweep otherwise.
    """

    _sweep_name = "sweep"

    @contextmanager
    def _sweeps(self, X, y=None, metadata=None, *, most=None):
        """Context that gives ``report(line, state)``, to be called after each sweep.

        `line` is what `verbose` prints; `state`, called, returns the fitted attributes
        so far as a dict, from which a callback may make an estimator to look at.
        `report` returns whether a callback asks to stop. `most` is how many sweeps
        there may be, ``max_iter`` if None.
        """
        most = self.max_iter if most is None else most
        tasks = None
        if hasattr(self, "_init_callback_context"):
            tasks = _Tasks(self, most, {"X": X, "y": y, "metadata": metadata})
        count = 0

        def report(line, state):
            nonlocal count
            count += 1
            if self.verbose:
                print(f"[{type(self).__name__}] {self._sweep_name} {count}: {line}")
            return tasks is not None and tasks.next(state)

        yield report
        if tasks is not None:
            tasks.end()


class _Tasks:
    """The tasks of scikit-learn's callbacks: a fit, and its sweeps below it."""

    def __init__(self, estimator, most, data):
        self.data = {"estimator": estimator, **data}
        self.name = estimator._sweep_name
        # One more than there are: the last sweep to begin does not take place.
        self.fit = estimator._init_callback_context(max_subtasks=most + 1)
        self.fit.call_on_fit_task_begin(**self.data)
        # Without callbacks nobody asks for the last state, which may hold large arrays.
        self.watched, self.state = bool(getattr(estimator, "_skl_callbacks", ())), None
        self._begin()

    def _begin(self):
        self.sweep = self.fit.subcontext(self.name)
        self.sweep.call_on_fit_task_begin(**self.data)

    def next(self, state):
        if self.watched:
            self.state = state
        stop = self.sweep.call_on_fit_task_end(
            **self.data, reconstruction_attributes=state
        )
        self._begin()
        return stop

    def end(self):
        self.sweep.call_on_fit_task_end(**self.data)
        self.fit.call_on_fit_task_end(**self.data, reconstruction_attributes=self.state)
