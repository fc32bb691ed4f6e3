"""Rows as points: their coordinates, what colours them, and names beside them."""

from numbers import Real

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d

from skdimred.inspection._panels import (
    BLUE,
    add_colorbar,
    class_colours,
    with_defaults,
)

__all__ = [
    "MARKERS",
    "MOST_IN_LEGEND",
    "axis_labels",
    "check_columns",
    "check_names",
    "check_y",
    "class_legend",
    "equal_aspect",
    "ratio_of",
    "scatter_classes",
    "scatter_rows",
    "scores_of",
    "settle",
]

MARKERS = "o^sDvPX<>*"
MOST_IN_LEGEND = 20


def last_step(estimator):
    """The estimator itself, or the last step of a Pipeline."""
    return estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator


def scores_of(estimator, X):
    """Coordinates of the rows X (n, k), or of the fitted ones where X is None."""
    check_is_fitted(estimator)
    name = type(last_step(estimator)).__name__
    known = getattr(last_step(estimator), "embedding_", None)
    places = hasattr(estimator, "transform")
    if not places and known is None:
        raise ValueError(
            f"estimator must have transform or embedding_; found {name}, which has "
            "neither."
        )
    if X is None and known is None:
        raise ValueError(
            f"X must be given: {name} does not keep the coordinates of the fitted "
            "rows (embedding_). Pass the rows to draw."
        )
    if X is not None and not places:
        raise ValueError(
            f"X must be None, as {name} has no transform to place rows. Leave it out "
            "to draw the fitted rows."
        )
    scores = known if X is None else estimator.transform(X)
    return scores.toarray() if hasattr(scores, "toarray") else np.asarray(scores)


def ratio_of(estimator, components, n_columns):
    """Shares of the components in the variance, or None if they are not known."""
    ratio = getattr(last_step(estimator), "explained_variance_ratio_", None)
    if ratio is None or len(ratio) != n_columns:
        return None
    return np.asarray(ratio)[list(components)]


def check_columns(scores, components, ratio, counts=(1, 2)):
    """Scores as float64, their components and shares, of one size."""
    scores = check_array(scores, dtype=np.float64, input_name="scores")
    d = scores.shape[1]
    if d not in counts:
        raise ValueError(
            f"scores must have {' or '.join(map(str, counts))} columns, one for each "
            f"axis; found {d}."
        )
    components = tuple(range(d)) if components is None else components
    ratio = None if ratio is None else np.ravel(ratio)
    for name, given in (("components", components), ("ratio", ratio)):
        if given is not None and len(given) != d:
            raise ValueError(
                f"{name} must hold {d}, one for each column of scores; found "
                f"{len(given)}."
            )
    return scores, components, ratio


def check_names(names, name, n, what):
    """Return names as a list of str, one for each of `n` of `what`."""
    # A string would be taken apart into letters.
    found = [names] if isinstance(names, str) else list(names)
    if len(found) != n or isinstance(names, str):
        raise ValueError(
            f"{name} must hold one name for each of {n} {what}; found {len(found)}."
        )
    return [str(name) for name in found]


def axis_labels(components, ratio):
    """Names of axes, counted from 1, with the share that each carries."""
    labels = [f"axis {c + 1}" for c in components]
    if ratio is None:
        return labels
    return [f"{a} ({100 * share:.1f}%)" for a, share in zip(labels, ratio, strict=True)]


def check_y(y, n_rows):
    """What y says of each row: a class or a number.

    Numbers that are whole are classes where they take 20 different values at most.

    Returns
    -------
    classes : list or None
        All classes in order, None for numbers.
    values : ndarray of shape (n_rows,) or None
        Position of each row's class in `classes`, or its number; None without y.
    """
    if y is None:
        return None, None
    values = column_or_1d(y)
    if len(values) != n_rows:
        raise ValueError(
            f"y must hold one value for each of {n_rows} rows; found {len(values)}."
        )
    listed = values.tolist()
    missing = [i for i, value in enumerate(listed) if _is_missing(value)]
    if missing:
        raise ValueError(
            f"y holds {listed[missing[0]]!r} in row {missing[0]}: leave such rows out, "
            "or give them a class of their own."
        )
    if all(isinstance(v, Real) and not isinstance(v, bool) for v in listed):
        numbers = np.array(listed, dtype=np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError("y holds infinity: leave such rows out.")
        whole = (numbers == np.floor(numbers)).all()
        if not whole or len(np.unique(numbers)) > MOST_IN_LEGEND:
            return None, numbers
    try:
        classes = sorted(set(listed))
    except TypeError:
        classes = sorted(set(listed), key=str)
    known = {label: i for i, label in enumerate(classes)}
    return classes, np.array([known[label] for label in listed], dtype=np.intp)


def _is_missing(value):
    try:
        return value is None or bool(value != value)
    except TypeError:
        # The missing value of pandas is neither equal to itself nor unequal.
        return True


def looks(n_rows):
    """How points look, the smaller the more they are."""
    return {"s": 8 if n_rows > 1000 else 20, "alpha": 0.6, "linewidth": 0.5}


def scatter_classes(ax, rows, colours, classes, scatter_kw):
    """Draw the points of each class; None stands for a class without any."""
    from matplotlib.collections import PathCollection

    scatters = [None] * len(rows)
    for i, points in enumerate(rows):
        if len(points):
            style = {
                "facecolor": colours[i],
                "marker": MARKERS[i % len(MARKERS)],
                "label": str(classes[i]),
            }
            style = style | looks(sum(map(len, rows)))
            style = with_defaults(style, scatter_kw, PathCollection)
            scatters[i] = ax.scatter(*points.T, **style)
    return scatters


def scatter_rows(plt, ax, points, y, scatter_kw):
    """Draw points in the colours of `y`, with what explains them.

    Parameters
    ----------
    plt : module
    ax : Axes
    points : ndarray of shape (n_rows, 2)
    y : array-like of shape (n_rows,) or None
    scatter_kw : dict or None

    Returns
    -------
    scatters : list of PathCollection
    legend : Legend or None
    colorbar : Colorbar or None
    """
    from matplotlib.collections import PathCollection

    classes, values = check_y(y, len(points))
    title = getattr(y, "name", None)
    if classes is not None:
        rows = [points[values == i] for i in range(len(classes))]
        colours = class_colours(plt, len(classes))
        scatters = scatter_classes(ax, rows, colours, classes, scatter_kw)
        return scatters, class_legend(ax, scatters, title), None
    style = looks(len(points))
    if values is None:
        style["facecolor"] = BLUE
        style = with_defaults(style, scatter_kw, PathCollection)
    else:
        style = with_defaults(style, scatter_kw, PathCollection)
        if not {"c", "color", "facecolor"} & set(style):
            style = {"c": values, "cmap": "viridis", **style}
    points = ax.scatter(*points.T, **style)
    bar = None
    if points.get_array() is not None:
        bar = add_colorbar(ax, points, start=1.03, width=0.03)
        # Through transparent colours the page would be seen.
        bar.solids.set_alpha(1)
        bar.set_label("" if title is None else str(title))
    return [points], None, bar


def class_legend(ax, handles, title=None):
    """A legend of the classes that were drawn, or None if they are too many."""
    handles = [handle for handle in handles if handle is not None]
    if len(handles) > MOST_IN_LEGEND:
        return None
    # Beside the axes: inside, any place can hold a row.
    legend = ax.legend(
        handles=handles,
        loc="upper left",
        bbox_to_anchor=(1, 1),
        frameon=False,
        handletextpad=0.4,
        title=None if title is None else str(title),
    )
    for handle in legend.legend_handles:
        if hasattr(handle, "set_sizes"):
            handle.set(alpha=1, sizes=[30])
    return legend


def equal_aspect(ax):
    """One unit as long on both axes, so that distances can be read off."""
    shared = any(
        len(group.get_siblings(ax)) > 1
        for group in (ax.get_shared_x_axes(), ax.get_shared_y_axes())
    )
    # Wider limits leave the panel as large as it is, but would move its neighbours'.
    ax.set_aspect("equal", adjustable="box" if shared else "datalim")


def settle(ax):
    """Let the layout find its sizes.

    One scale for both axes moves their limits, and these the numbers beside them, for
    which the layout leaves room only the next time.
    """
    # The outermost figure, where this one is a part of it.
    ax.figure.figure.draw_without_rendering()
