"""Histories of iterative fits: read from estimators, checked, and put on one axis."""

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skdimred.inspection._points import last_step

__all__ = ["History", "check_histories", "ordinates", "read_fit", "read_fits"]

# Where fits keep the value of each sweep, ours first, and what it is.
VALUES = (
    ("objective_history_", "objective"),
    ("loss_curve_", "loss"),
    ("error_", "error"),
)
VALIDATIONS = (
    ("validation_history_", "held-out error"),
    ("validation_scores_", "held-out score"),
)


@dataclass(frozen=True)
class History:
    """What one fit did, sweep by sweep.

    Parameters
    ----------
    name : str or another key
    values : ndarray of shape (m,)
        Objective after each of `sweeps`.
    sweeps : ndarray of shape (m,)
        From 0 where the start is among the values, else from 1.
    times : ndarray of shape (m,) or None
        Seconds since the start.
    validation : ndarray of shape (m,) or (m - 1,), or None
        The last one is that of the last sweep.
    residual : float or None
    converged : bool or None
    """

    name: str
    values: np.ndarray
    sweeps: np.ndarray
    times: np.ndarray | None
    validation: np.ndarray | None
    residual: float | None
    converged: bool | None

    @property
    def label(self):
        """Name, number of sweeps, and how well the fit converged."""
        n = self.sweeps[-1]
        parts = [f"{n} sweep" + "s" * bool(n != 1)]
        if self.converged is not None and not self.converged:
            parts.append("not converged")
        if self.residual is not None:
            parts.append(f"KKT residual {self.residual:.1e}")
        return f"{self.name}: {', '.join(parts)}"


def read_fit(estimator):
    """What a fitted estimator tells of its sweeps, as a dict of the display's words."""
    check_is_fitted(estimator)
    step = last_step(estimator)
    values, quantity = first_of(step, VALUES)
    if values is None:
        raise ValueError(
            "estimator must have objective_history_, loss_curve_ or error_, one value "
            f"for each sweep of its fit; found {type(step).__name__} without them."
        )
    validation, validation_quantity = first_of(step, VALIDATIONS)
    n_iter = getattr(step, "n_iter_", None)
    return {
        "histories": values,
        "validation_histories": validation,
        "times": getattr(step, "time_history_", None),
        "n_iters": n_iter if isinstance(n_iter, Integral) else None,
        "residuals": getattr(step, "kkt_residual_", None),
        "converged": has_converged(step),
        "quantity": quantity,
        "validation_quantity": validation_quantity,
    }


def read_fits(estimators):
    """The same of several, a dict of names and values for each word."""
    read = {name: read_fit(estimator) for name, estimator in named(estimators).items()}
    words = {}
    for word in next(iter(read.values())):
        found = {name: one[word] for name, one in read.items() if one[word] is not None}
        if word.endswith("quantity"):
            words[word] = " or ".join(dict.fromkeys(found.values())) or None
        else:
            words[word] = found or None
    return words


def named(estimators):
    """Estimators as a dict; in a list they go by their class, numbered if alike."""
    if isinstance(estimators, Mapping):
        out = dict(estimators)
    elif isinstance(estimators, (list, tuple)):
        out = {}
        for estimator in estimators:
            base = name = type(last_step(estimator)).__name__
            count = 1
            while name in out:
                count += 1
                name = f"{base} {count}"
            out[name] = estimator
    else:
        raise TypeError(
            "estimators must be a dict of names and fitted estimators, or a list of "
            f"estimators; found {type(estimators).__name__}."
        )
    if not out:
        raise ValueError("estimators must hold at least one fitted estimator.")
    return out


def first_of(estimator, attributes):
    """Value and meaning of the first attribute that is there."""
    for attribute, meaning in attributes:
        value = getattr(estimator, attribute, None)
        if value is not None:
            return value, meaning
    return None, None


def has_converged(estimator):
    """Whether its residual is below its tolerance, or else it stopped by itself."""
    residual = getattr(estimator, "kkt_residual_", None)
    tol = getattr(estimator, "tol", None)
    if residual is not None and isinstance(tol, Real):
        return bool(residual <= tol)
    n_iter = getattr(estimator, "n_iter_", None)
    most = getattr(estimator, "max_iter", None)
    if isinstance(n_iter, Integral) and isinstance(most, Integral):
        return bool(n_iter < most)
    return None


def check_histories(display):
    """What a display holds, as a list of `History`."""
    given = {
        word: getattr(display, word)
        for word in (
            "histories",
            "validation_histories",
            "times",
            "n_iters",
            "residuals",
            "converged",
        )
    }
    if not isinstance(display.histories, Mapping):
        name = display.quantity
        given = {w: None if v is None else {name: v} for w, v in given.items()}
    names = list(given["histories"])
    if not names:
        raise ValueError("histories must hold at least one history; found none.")
    for word, values in given.items():
        if values is None:
            continue
        found = list(values) if isinstance(values, Mapping) else values
        if found is values or not set(found) <= set(names):
            raise ValueError(
                f"{word} must be a dict with the names of histories, {names}; found "
                f"{found!r}."
            )
    return [
        checked(name, **{w: (v or {}).get(name) for w, v in given.items()})
        for name in names
    ]


def checked(
    name, histories, validation_histories, times, n_iters, residuals, converged
):
    values = as_numbers(histories, "histories", name)
    m = len(values)
    n_iter = m - 1 if n_iters is None else n_iters
    if not isinstance(n_iter, Integral) or n_iter not in (m - 1, m):
        raise ValueError(
            f"histories must hold one value for each sweep of {name!r}, or one more, "
            f"the start first; found {m} values for {n_iter} sweeps."
        )
    validation = validation_histories
    if validation is not None:
        validation = as_numbers(validation, "validation_histories", name)
        if len(validation) not in (m, m - 1):
            raise ValueError(
                f"validation_histories must hold {m} values for {name!r}, as histories "
                f"does, or one fewer without the start; found {len(validation)}."
            )
    if times is not None:
        times = as_numbers(times, "times", name)
        if len(times) != m or times[0] < 0 or (np.diff(times) < 0).any():
            raise ValueError(
                f"times must hold {m} seconds for {name!r}, of at least 0 and never "
                f"less than before; found {len(times)} from {times.min():g} to "
                f"{times.max():g}."
            )
    if residuals is not None:
        residuals = float(as_numbers([residuals], "residuals", name)[0])
    if converged is not None and not isinstance(converged, (bool, np.bool_)):
        raise ValueError(
            f"converged must be True, False or None for {name!r}; found {converged!r}."
        )
    return History(
        name=name,
        values=values,
        sweeps=np.arange(n_iter + 1 - m, n_iter + 1),
        times=times,
        validation=validation,
        residual=residuals,
        converged=converged,
    )


def as_numbers(values, word, name):
    """Finite float64 of shape (m,), m at least 1."""
    try:
        out = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{word} must hold numbers for {name!r}: {error}") from error
    if out.ndim != 1 or not len(out):
        raise ValueError(
            f"{word} must hold at least one number for {name!r}, in one dimension; "
            f"found shape {out.shape}."
        )
    bad = ~np.isfinite(out)
    if bad.any():
        at = int(np.argmax(bad))
        raise ValueError(
            f"{word} must be finite; found {out[at]} at position {at} of {name!r}."
        )
    return out


def ordinates(histories, view, best):
    """Heights of each history as a view shows it, and the value taken off.

    Parameters
    ----------
    histories : list of History
    view : {"value", "relative", "excess"}
    best : float or None
        For "excess"; None for the lowest of all.

    Returns
    -------
    heights : list of ndarray
    best : float or None
    """
    values = [history.values for history in histories]
    if view == "value":
        return values, None
    if view == "relative":
        for history in histories:
            if history.values[0] <= 0:
                raise ValueError(
                    "view='relative' divides by the first value, which must be above "
                    f"0; found {history.values[0]:g} for {history.name!r}."
                )
        return [v / v[0] for v in values], None
    lowest = min(v.min() for v in values)
    if best is None:
        best = float(lowest)
    elif (
        isinstance(best, bool)
        or not isinstance(best, Real)
        or not -np.inf < best <= lowest
    ):
        raise ValueError(
            f"best={best!r} must be a number that no history is below; the lowest "
            f"value is {lowest:.17g}."
        )
    return [v - best for v in values], float(best)
