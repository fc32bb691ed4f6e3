"""Rows as points in the plane, or along a line."""

import numpy as np

from skdimred.inspection._classes import check_components
from skdimred.inspection._panels import import_pyplot, one_axes
from skdimred.inspection._points import (
    axis_labels,
    check_columns,
    check_names,
    check_y,
    equal_aspect,
    ratio_of,
    scatter_rows,
    scores_of,
    settle,
)
from skdimred.inspection._text import add_texts, place_texts

__all__ = ["EmbeddingDisplay"]


def spread(x):
    """Heights in (-0.4, 0.4) that hold apart points that are neighbours in x.

    The r-th point from the left takes the r-th number of van der Corput's sequence,
    whose neighbours are far apart. No chance is in it.
    """
    rank = np.empty(len(x), dtype=np.intp)
    rank[np.argsort(x, kind="stable")] = np.arange(1, len(x) + 1)
    height, place = np.zeros(len(x)), 0.5
    while rank.any():
        height += place * (rank % 2)
        rank, place = rank // 2, place / 2
    return 0.8 * (height - 0.5)


class EmbeddingDisplay:
    """Rows of a table as points, coloured by what is known of them.

    Use `from_estimator` to draw with a fitted estimator. Two components are drawn to
    one scale, so that distances can be read off. One component is drawn as a strip of
    the points themselves, a lane for each class: the height within a lane only holds
    neighbours apart.

    Parameters
    ----------
    scores : array-like of shape (n_samples, d)
        Coordinates of the rows on the one or two components drawn.
    y : array-like of shape (n_samples,) or None, default=None
        Class or number of each row. Whole numbers are classes if they take 20 values
        at most. The name of a pandas Series is written beside the colours.
    labels : sequence of str or None, default=None
        Names to write beside the points.
    components : tuple of int or None, default=None
        Which components they are, counted from 0. None takes the first ones.
    ratio : array-like of shape (d,) or None, default=None
        Share of each in the variance, for the labels of the axes.

    Attributes
    ----------
    scatters_ : list of PathCollection
        Points of each class; one collection if there are none.
    texts_ : list of Annotation
        Names beside the points.
    legend_ : Legend or None
        Names of the classes, if they are 20 at most and not at lanes of their own.
    colorbar_ : Colorbar or None
        Scale of y, where it holds numbers.
    ax_ : Axes
        Holds all of them.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    BiplotDisplay : The same with arrows for variables.
    ShepardDisplay : How well distances in the embedding agree with those given.

    Examples
    --------
    >>> from skdimred.inspection import EmbeddingDisplay
    >>> from skdimred.manifold import PCoA
    >>> cities = [[48.86, 2.35], [41.89, 12.51], [52.52, 13.41], [40.42, -3.70]]
    >>> pcoa = PCoA(2, metric="great_circle").fit(cities)
    >>> display = EmbeddingDisplay.from_estimator(
    ...     pcoa, labels=["Paris", "Rome", "Berlin", "Madrid"]
    ... )
    >>> display.ax_.get_xlabel()
    'axis 1 (71.4%)'
    """

    def __init__(self, *, scores, y=None, labels=None, components=None, ratio=None):
        self.scores = scores
        self.y = y
        self.labels = labels
        self.components = components
        self.ratio = ratio

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X=None,
        y=None,
        *,
        components=None,
        ax=None,
        labels=None,
        scatter_kw=None,
        label_kw=None,
    ):
        """Draw rows where a fitted estimator places them.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `transform` or `embedding_`; a
            Pipeline that ends in one, too. Axes carry its `explained_variance_ratio_`
            if it has one.
        X : array-like, data frame or sparse matrix, or None, default=None
            Rows to draw, whatever `transform` takes. None draws the fitted rows, of an
            estimator that keeps them as `embedding_`.
        y : array-like of shape (n_samples,) or None, default=None
            Class or number of each row drawn. Whole numbers are classes if they take 20
            values at most.
        components : int, tuple of one or two int, or None, default=None
            Which components to draw, counted from 0. None draws the first two, or the
            only one.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        labels : sequence of str or None, default=None
            Names to write beside the points, one for each row drawn.
        scatter_kw : dict or None, default=None
            Keywords for the points.
        label_kw : dict or None, default=None
            Keywords for the names.

        Returns
        -------
        display : EmbeddingDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator cannot place the rows; if `y` or `labels` has not one entry
            for each row, or y a missing one; or if `components` names other than one
            or two of them.
        ImportError
            If matplotlib is not installed.
        """
        scores = scores_of(estimator, X)
        k = scores.shape[1]
        components = check_components(components, k, "components")
        display = cls(
            scores=scores[:, components],
            y=y,
            labels=labels,
            components=components,
            ratio=ratio_of(estimator, components, k),
        )
        return display.plot(ax, scatter_kw=scatter_kw, label_kw=label_kw)

    def plot(self, ax=None, *, scatter_kw=None, label_kw=None):
        """Draw the rows.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        scatter_kw : dict or None, default=None
            Keywords for the points.
        label_kw : dict or None, default=None
            Keywords for the names.

        Returns
        -------
        display : EmbeddingDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If what the display holds is not finite, or not of one size.
        ImportError
            If matplotlib is not installed.
        """
        scores, components, ratio = check_columns(
            self.scores, self.components, self.ratio
        )
        classes, values = check_y(self.y, len(scores))
        names = self.labels
        if names is not None:
            names = check_names(names, "labels", len(scores), "rows")
        plt = import_pyplot(self)
        self.ax_ = one_axes(plt, ax)
        self.figure_ = self.ax_.figure
        axes = axis_labels(components, ratio)
        flat = len(components) == 1
        if flat:
            scores = self._lay_in_lanes(scores[:, 0], classes, values)
        else:
            equal_aspect(self.ax_)
            self.ax_.set_ylabel(axes[1])
        self.ax_.set_xlabel(axes[0])
        self.ax_.spines[["top", "right"]].set_visible(False)
        self.scatters_, self.legend_, self.colorbar_ = scatter_rows(
            plt, self.ax_, scores, self.y, scatter_kw
        )
        if flat and self.legend_ is not None:
            self.legend_.remove()
            self.legend_ = None
        self.texts_ = []
        if names is None:
            settle(self.ax_)
        else:
            # Room for names at the margin.
            self.ax_.margins(0.1)
            self.texts_ = add_texts(self.ax_, scores, names, label_kw)
            place_texts(self.ax_, self.texts_, scores)
        return self

    def _lay_in_lanes(self, x, classes, values):
        """Points of a strip: the first class has the highest lane."""
        lane = np.zeros(len(x)) if classes is None else -values.astype(np.float64)
        height = np.empty(len(x))
        for level in np.unique(lane):
            height[lane == level] = spread(x[lane == level])
        n_lanes = 1 if classes is None else len(classes)
        # A lane by itself need not be as high as the axes.
        pad = 0.6 if n_lanes > 1 else 1.0
        self.ax_.set_ylim(1 - n_lanes - pad, pad)
        names = [] if classes is None else [str(label) for label in classes]
        self.ax_.set_yticks(-np.arange(len(names)), names)
        self.ax_.set_ylabel(getattr(self.y, "name", None) or "" if names else "")
        self.ax_.tick_params(axis="y", length=0)
        self.ax_.spines["left"].set_visible(False)
        return np.column_stack([x, lane + height])
