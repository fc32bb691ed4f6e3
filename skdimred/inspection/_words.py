"""Components as lists of features, with a bar for each weight."""

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from skdimred.inspection._panels import BLUE, VERMILLION, with_defaults

__all__ = [
    "check_feature_names",
    "check_n_top",
    "draw_words",
    "figure_size",
    "top_features",
]


def check_n_top(n_top):
    """Raise unless it is a whole number of at least 1."""
    if (
        isinstance(n_top, (bool, np.bool_))
        or not isinstance(n_top, Integral)
        or n_top < 1
    ):
        raise ValueError(f"n_top={n_top!r} must be an integer of at least 1.")
    return int(n_top)


def check_feature_names(names, n_features):
    """Return the names as a list of str, one for each feature."""
    if not isinstance(names, Mapping) and np.ndim(names) == 1:
        names = list(names)
    else:
        # The order of a vocabulary is that in which it met the words.
        raise ValueError(
            "feature_names must be a list of names in the order of the columns; found "
            f"{type(names).__name__}. For a vectorizer take its "
            "get_feature_names_out()."
        )
    if len(names) != n_features:
        raise ValueError(
            f"feature_names must hold one name for each of {n_features} features; "
            f"found {len(names)}."
        )
    return [str(name) for name in names]


def top_features(weights, n_top):
    """Features of largest magnitude, largest first, those of weight 0 left out.

    Parameters
    ----------
    weights : ndarray of shape (n_features,)
    n_top : int

    Returns
    -------
    ndarray of int of shape (m,)
        m is n_top at most. Of equal weights the first feature comes first.
    """
    magnitude = np.abs(weights)
    order = np.argsort(-magnitude, kind="stable")[:n_top]
    return order[magnitude[order] > 0]


def figure_size(grid, names, top):
    """Width and height in which the names `top`, per component, have room."""
    n_rows, n_cols = grid
    longest = max((len(names[j]) for at in top for j in at), default=0)
    width = 1.2 + 0.07 * min(longest, 40)
    return max(n_cols * width, 2.0), n_rows * (0.17 * most_lines(top) + 0.45)


def most_lines(top):
    return max(1, *(len(at) for at in top))


def draw_words(panels, components, names, top, limits, bar_kw):
    """Draw a bar for each weight from the top down, and the name beside it.

    Parameters
    ----------
    panels : list of Axes
    components : ndarray of shape (n_components, n_features)
    names : list of str
    top : list of ndarray of int
        Features to name in each panel.
    limits : ndarray of shape (n_components,)
        Weight at the end of each x-axis.
    bar_kw : dict or None

    Returns
    -------
    ndarray of BarContainer of shape (n_components,)
    """
    from matplotlib.patches import Rectangle
    from matplotlib.ticker import MaxNLocator

    weights = [row[at] for row, at in zip(components, top, strict=True)]
    signed = any((shown < 0).any() for shown in weights)
    n_lines = most_lines(top)
    bars = np.empty(len(panels), dtype=object)
    for i, panel in enumerate(panels):
        lines = np.arange(len(top[i]))
        colours = [VERMILLION if weight > 0 else BLUE for weight in weights[i]]
        style = with_defaults({"color": colours, "height": 0.7}, bar_kw, Rectangle)
        bars[i] = panel.barh(lines, weights[i], **style)
        # A dollar sign is one, and begins no formula.
        words = [names[j] for j in top[i]]
        panel.set_yticks(lines, words, fontsize=8, parse_math=False)
        panel.tick_params(axis="y", length=0)
        panel.tick_params(axis="x", labelsize=7)
        panel.xaxis.set_major_locator(MaxNLocator(3))
        panel.axvline(0, color="0.8", linewidth=0.8, zorder=0)
        panel.spines[["top", "right", "left"]].set_visible(False)
        high = 1.02 * (float(limits[i]) or 1.0)
        panel.set_xlim(-high if signed else 0.0, high)
        # As many lines in each panel, so that bars are of one height.
        panel.set_ylim(n_lines - 0.5, -0.5)
    return bars
