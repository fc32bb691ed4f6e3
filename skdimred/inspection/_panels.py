"""What the displays share: checks, a grid of panels, and rows of X as images."""

from numbers import Integral

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

__all__ = [
    "BLUE",
    "DARK",
    "LIGHT",
    "VERMILLION",
    "add_colorbar",
    "check_choice",
    "check_count",
    "check_image_shape",
    "check_step",
    "class_colours",
    "frame",
    "import_pyplot",
    "make_panels",
    "one_axes",
    "signed_image",
    "take_rows",
    "with_defaults",
]

# Blue and vermillion of Okabe and Ito, light blue of Tol, apart in grey as well.
BLUE, VERMILLION, LIGHT, DARK = "#0072B2", "#D55E00", "#88CCEE", "0.25"
# More of Okabe and Ito, without the yellow, which is faint on white.
CLASSES = (BLUE, VERMILLION, "#009E73", "#CC79A7", "#E69F00", "#56B4E9", DARK)
# White is 0 in both, and positive numbers are red in both.
DIVERGING, SEQUENTIAL = "RdBu_r", "Reds"


def import_pyplot(display):
    """Return `matplotlib.pyplot`, or say how to install it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            f"{type(display).__name__}.plot draws with matplotlib, which cannot be "
            f'imported ({error}). Install it with: pip install "skdimred[plot]"'
        ) from error
    return plt


def with_defaults(defaults, given, artist):
    """Keywords of an artist, `given` ones first, whichever alias they go by."""
    from matplotlib.cbook import normalize_kwargs

    given = normalize_kwargs(given or {}, artist)
    # matplotlib would warn of both, or overrule the one that was given.
    beaten = {"color": ("facecolor", "edgecolor"), "c": ("facecolor",)}
    dropped = {name for key in beaten if key in given for name in beaten[key]}
    defaults = {name: defaults[name] for name in defaults if name not in dropped}
    return {**defaults, **given}


def class_colours(plt, n_classes):
    """A colour for each class, apart for the colour-blind where they are up to 7."""
    if n_classes <= len(CLASSES):
        return CLASSES[:n_classes]
    if n_classes <= 10:
        return plt.get_cmap("tab10").colors[:n_classes]
    return plt.get_cmap("viridis")(np.linspace(0, 0.95, n_classes))


def check_step(estimator):
    """Raise unless `estimator` is fitted and is no Pipeline."""
    if isinstance(estimator, Pipeline):
        raise ValueError(
            "estimator must be the step that holds the components; found a Pipeline "
            f"with the steps {list(estimator.named_steps)}. Pass that step, for "
            f"instance pipeline[{estimator.steps[-1][0]!r}]."
        )
    check_is_fitted(estimator)


def check_choice(value, name, allowed):
    """Raise unless `value` is one of `allowed`."""
    if not any(value is a or (isinstance(value, str) and value == a) for a in allowed):
        raise ValueError(f"{name}={value!r} must be one of {tuple(allowed)}.")


def check_count(value, name, most, what):
    """Raise unless `value` is a whole number from 1 to `most`, the number of `what`."""
    if (
        isinstance(value, (bool, np.bool_))
        or not isinstance(value, Integral)
        or not 1 <= value <= most
    ):
        raise ValueError(
            f"{name}={value!r} must be an integer from 1 to {most}, the number of "
            f"{what}."
        )
    return int(value)


def check_image_shape(image_shape, n_features):
    """Return the shape as a tuple of int, one that `n_features` numbers fill."""
    shape = image_shape if isinstance(image_shape, (tuple, list)) else ()
    if (
        len(shape) not in (2, 3)
        or not all(isinstance(side, Integral) and side >= 1 for side in shape)
        or shape[2:] not in ((), (3,), [], [3])
    ):
        raise ValueError(
            f"image_shape={image_shape!r} must be (height, width), or (height, width, "
            "3) for colour."
        )
    shape = tuple(int(side) for side in shape)
    if np.prod(shape) != n_features:
        raise ValueError(
            f"image_shape={shape} holds {np.prod(shape)} numbers, but a row has "
            f"{n_features} features."
        )
    return shape


def one_axes(plt, ax):
    """Return the Axes passed, or that of a new figure."""
    if ax is None:
        return plt.subplots(layout="constrained")[1]
    if not isinstance(ax, plt.Axes):
        raise ValueError(f"ax must be one Axes; found {ax!r}.")
    return ax


def make_panels(plt, ax, shape, n_panels, figsize):
    """Lay out panels row by row.

    Parameters
    ----------
    plt : module
    ax : None, Axes or array-like of Axes
        As `PartialDependenceDisplay` takes it: None makes a figure, one Axes gives its
        area away, several are drawn into.
    shape : tuple of int
        Rows and columns of the grid, where it is made here.
    n_panels : int
        Panels wanted, at most the cells of the grid.
    figsize : tuple of float

    Returns
    -------
    figure : Figure or SubFigure
    bounding_ax : Axes or None
        The one Axes passed.
    axes : ndarray of Axes
        None in the cells left empty. As passed, where several were.
    """
    if ax is None:
        figure = plt.figure(figsize=figsize, layout="constrained")
        grid, bounding_ax = figure.add_gridspec(*shape), None
    elif isinstance(ax, plt.Axes):
        if not ax.axison:
            raise ValueError(
                "ax has its axis off, as an Axes has that gave its area to an earlier "
                "plot. Pass the axes_ of that display, or a new Axes."
            )
        if ax.get_subplotspec() is None:
            raise ValueError(
                "ax must be a subplot to be divided into panels; found an Axes placed "
                "by hand. Make it by plt.subplots or figure.add_subplot."
            )
        figure, bounding_ax = ax.figure, ax
        grid = ax.get_subplotspec().subgridspec(*shape)
        ax.set_axis_off()
    else:
        axes = np.array(ax, dtype=object)
        if axes.size != n_panels or not all(isinstance(a, plt.Axes) for a in axes.flat):
            raise ValueError(
                f"ax must be one Axes or {n_panels} of them; found {axes.size} objects "
                f"of type {', '.join(sorted({type(a).__name__ for a in axes.flat}))}."
            )
        return axes.flat[0].figure, None, axes
    axes = np.full(shape, None, dtype=object)
    for i in range(n_panels):
        axes.flat[i] = figure.add_subplot(grid[np.unravel_index(i, shape)])
    return figure, bounding_ax, axes


def frame(ax):
    """Take the ticks off an image and leave it a thin frame."""
    ax.set_xticks([])
    ax.set_yticks([])
    ax.spines[:].set_color("0.8")


def add_colorbar(ax, image, start=1.06, width=0.07):
    """Draw a scale as high as the image, in room beside the last panel."""
    bar = ax.figure.colorbar(image, cax=ax.inset_axes([start, 0, width, 1]))
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=8)
    return bar


def signed_image(values, shape, limit, *, negative=True):
    """Arguments for `imshow` such that 0 is white, or grey in colour images.

    Parameters
    ----------
    values : ndarray of shape (n_features,)
    shape : tuple of int
        With a third number, red, green and blue are drawn from -limit (none) to limit
        (full), or from 0 if nothing is negative.
    limit : float
        Magnitude of the strongest colour; 0 where there is nothing to see.
    negative : bool
        Whether the scale goes below 0.
    """
    limit = float(limit) or 1.0
    values = values.reshape(shape)
    if len(shape) == 3:
        low = -limit if negative else 0.0
        return {"X": np.clip((values - low) / (limit - low), 0, 1)}
    if negative:
        return {"X": values, "cmap": DIVERGING, "vmin": -limit, "vmax": limit}
    return {"X": values, "cmap": SEQUENTIAL, "vmin": 0.0, "vmax": limit}


def take_rows(X, indices):
    """Rows of an array, data frame, sparse matrix or list."""
    if hasattr(X, "iloc"):
        return X.iloc[indices]
    if hasattr(X, "tocsr"):
        return X.tocsr()[indices]
    return (X if hasattr(X, "shape") else np.asarray(X))[indices]
