"""Rows of known classes along the directions that separate them."""

import numpy as np
from sklearn.utils.validation import check_array, column_or_1d

from skdimred.inspection._classes import (
    boundary_points,
    boundary_segments,
    check_components,
    check_labels,
    outline,
    score_rule,
)
from skdimred.inspection._panels import (
    DARK,
    check_step,
    class_colours,
    import_pyplot,
    one_axes,
    with_defaults,
)
from skdimred.inspection._points import MARKERS, class_legend, scatter_classes

__all__ = ["DiscriminantDisplay"]

NEEDED = (
    "transform",
    "classes_",
    "means_",
    "priors_",
    "scalings_",
    "coef_",
    "intercept_",
)
# A class narrower than this share of the picture is drawn as a bar of that width.
LEAST_WIDTH = 0.01


class DiscriminantDisplay:
    """Rows of known classes in discriminant space, and where predictions change.

    Use `from_estimator` to draw with a fitted estimator. Two components are drawn as
    points, a colour and a marker for each class; one as the density of each class.
    With more than 20 classes there is no legend; colours then run from dark to light
    in the order of the classes.

    The boundaries are exact for the linear rule of the estimator with all components
    that are not drawn at the overall mean: where these matter, rows may lie on the
    wrong side and be predicted right, or the reverse.

    Parameters
    ----------
    scores : array-like of shape (n_samples, d)
        Scores on the one or two components drawn.
    y : array-like of shape (n_samples,)
        Label of each row.
    classes : array-like of shape (n_classes,)
        All labels, in the order of the legend.
    means : array-like of shape (n_classes, d)
        Scores of the class means; NaN for a class without one.
    rule : tuple of ndarray or None, default=None
        Weights of shape (d, n_classes) and bias of shape (n_classes,), such that
        ``scores @ weights + bias`` is the log posterior up to a term of the row. None
        draws no boundaries.
    components : tuple of int or None, default=None
        Which components they are, counted from 0. None takes the first ones.
    ratio : array-like of shape (d,) or None, default=None
        Share of each in the sum of the eigenvalues, for the labels.

    Attributes
    ----------
    scatters_ : list of PathCollection, or None
        Points of each class, None for one without rows. None with one component.
    densities_ : list of Polygon, or None
        Density of each class, None for one without rows. None with two components.
    means_ : list of PathCollection or of Line2D
        Mark of each class mean, a line with one component; None for a class without.
    boundaries_ : LineCollection or None
        Where the predicted class changes. With two components to one width of the
        picture around it.
    legend_ : Legend or None
        Labels of the classes that have rows, if they are 20 at most.
    ax_ : Axes
        Holds all of them.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    ScreeDisplay : Share of the eigenvalues that each component carries.
    skdimred.discriminant_analysis.RatioLDA : Directions by the ratio of the scatters.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdimred.discriminant_analysis import RatioLDA
    >>> from skdimred.inspection import DiscriminantDisplay
    >>> X, y = load_wine(return_X_y=True)
    >>> display = DiscriminantDisplay.from_estimator(RatioLDA().fit(X, y), X, y)
    >>> display.ax_.get_xlabel()
    'discriminant 1 (68.7% of the eigenvalues)'
    >>> len(display.scatters_)
    3
    """

    def __init__(
        self, *, scores, y, classes, means, rule=None, components=None, ratio=None
    ):
        self.scores = scores
        self.y = y
        self.classes = classes
        self.means = means
        self.rule = rule
        self.components = components
        self.ratio = ratio

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        y,
        *,
        components=None,
        boundaries=True,
        ax=None,
        scatter_kw=None,
        density_kw=None,
        mean_kw=None,
        boundary_kw=None,
    ):
        """Draw rows as a fitted estimator sees them.

        Parameters
        ----------
        estimator : estimator
            Fitted discriminant analysis of this package, or scikit-learn's with the
            solver "svd" or "eigen".
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Rows to draw, those of the fit or others; whatever `transform` takes.
        y : array-like of shape (n_samples,)
            Class of each row.
        components : int, tuple of one or two int, or None, default=None
            Which components to draw, counted from 0. None draws the first two, or the
            only one.
        boundaries : bool, default=True
            Whether to draw where the predicted class changes.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        scatter_kw : dict or None, default=None
            Keywords for the points of all classes.
        density_kw : dict or None, default=None
            Keywords for the densities of all classes.
        mean_kw : dict or None, default=None
            Keywords for the class means: of `scatter`, or with one component of lines.
        boundary_kw : dict or None, default=None
            Keywords for the boundaries, a `LineCollection`.

        Returns
        -------
        display : DiscriminantDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no discriminants or is a Pipeline; if y has not one
            label for each row, or one that the fit did not see; or if `components`
            names other than one or two of them.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        lacking = [name for name in NEEDED if not hasattr(estimator, name)]
        if lacking:
            raise ValueError(
                "estimator must be a discriminant analysis with "
                f"{', '.join(NEEDED)}; found {type(estimator).__name__} without "
                f"{', '.join(lacking)}. scikit-learn's has them all with the solvers "
                "'svd' and 'eigen'."
            )
        scores = np.asarray(estimator.transform(X))
        check_labels(y, estimator.classes_, len(scores))
        components = check_components(components, scores.shape[1])
        ratio = getattr(estimator, "explained_variance_ratio_", None)
        means, weights, bias = score_rule(estimator, components)
        display = cls(
            scores=scores[:, components],
            y=column_or_1d(y),
            classes=estimator.classes_,
            means=means,
            rule=(weights, bias),
            components=components,
            ratio=None if ratio is None else np.asarray(ratio)[list(components)],
        )
        return display.plot(
            ax,
            boundaries=boundaries,
            scatter_kw=scatter_kw,
            density_kw=density_kw,
            mean_kw=mean_kw,
            boundary_kw=boundary_kw,
        )

    def plot(
        self,
        ax=None,
        *,
        boundaries=True,
        scatter_kw=None,
        density_kw=None,
        mean_kw=None,
        boundary_kw=None,
    ):
        """Draw the rows.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        boundaries : bool, default=True
            Whether to draw where the predicted class changes.
        scatter_kw : dict or None, default=None
            Keywords for the points of all classes.
        density_kw : dict or None, default=None
            Keywords for the densities of all classes.
        mean_kw : dict or None, default=None
            Keywords for the class means: of `scatter`, or with one component of lines.
        boundary_kw : dict or None, default=None
            Keywords for the boundaries, a `LineCollection`.

        Returns
        -------
        display : DiscriminantDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If what the display holds is not finite, or not of one size.
        ImportError
            If matplotlib is not installed.
        """
        scores, means, rule, components, ratio = self._checked()
        codes = check_labels(self.y, self.classes, len(scores))
        plt = import_pyplot(self)
        self.ax_ = one_axes(plt, ax)
        self.figure_ = self.ax_.figure
        rows = [scores[codes == i] for i in range(len(means))]
        colours = class_colours(plt, len(means))
        self.scatters_, self.densities_, self.boundaries_ = None, None, None
        if len(components) == 2:
            self._draw_points(plt, rows, means, colours, scatter_kw, mean_kw)
        else:
            self._draw_densities(plt, rows, means, colours, density_kw, mean_kw)
        if boundaries and rule is not None:
            self._draw_boundaries(rule, boundary_kw)
        labels = [f"discriminant {c + 1}" for c in components]
        if ratio is not None:
            labels = [
                f"{label} ({100 * share:.1f}% of the eigenvalues)"
                for label, share in zip(labels, ratio, strict=True)
            ]
        self.ax_.set_xlabel(labels[0])
        self.ax_.set_ylabel([*labels, "density"][1])
        self.ax_.spines[["top", "right"]].set_visible(False)
        handles = self.densities_ if self.scatters_ is None else self.scatters_
        self.legend_ = class_legend(self.ax_, handles)
        return self

    def _checked(self):
        """What the display holds, as arrays of one size."""
        scores = check_array(self.scores, dtype=np.float64, input_name="scores")
        d, K = scores.shape[1], len(self.classes)
        if d > 2:
            raise ValueError(
                f"scores must have one or two columns, one for each axis; found {d}."
            )
        means = np.asarray(self.means, dtype=np.float64)
        if means.shape != (K, d):
            raise ValueError(f"means must have shape {(K, d)}; found {means.shape}.")
        rule = self.rule
        if rule is not None:
            rule = tuple(np.asarray(part, dtype=np.float64) for part in rule)
            if [part.shape for part in rule] != [(d, K), (K,)]:
                raise ValueError(
                    f"rule must hold weights of shape {(d, K)} and bias of shape "
                    f"{(K,)}; found {[part.shape for part in rule]}."
                )
        components = tuple(range(d)) if self.components is None else self.components
        ratio = None if self.ratio is None else np.ravel(self.ratio)
        for name, given in (("components", components), ("ratio", ratio)):
            if given is not None and len(given) != d:
                raise ValueError(
                    f"{name} must hold {d}, one for each column of scores; found "
                    f"{len(given)}."
                )
        return scores, means, rule, components, ratio

    def _draw_points(self, plt, rows, means, colours, scatter_kw, mean_kw):
        from matplotlib.collections import PathCollection

        bold = {"s": 130, "edgecolor": "white", "linewidth": 1.5, "zorder": 4}
        self.scatters_ = scatter_classes(
            self.ax_, rows, colours, self.classes, scatter_kw
        )
        self.means_ = [None] * len(rows)
        for i in np.flatnonzero(np.isfinite(means).all(axis=1)):
            style = {"facecolor": colours[i], "marker": MARKERS[i % len(MARKERS)]}
            style = with_defaults(style | bold, mean_kw, PathCollection)
            self.means_[i] = self.ax_.scatter(*means[i], **style)

    def _draw_densities(self, plt, rows, means, colours, density_kw, mean_kw):
        from matplotlib.colors import to_rgba
        from matplotlib.patches import Polygon

        shown = np.concatenate([*rows, means])
        least = LEAST_WIDTH * (np.ptp(shown[np.isfinite(shown)]) or 1.0)
        self.densities_, self.means_ = [None] * len(rows), [None] * len(rows)
        for i, values in enumerate(rows):
            if len(values):
                style = {
                    "facecolor": to_rgba(colours[i], 0.3),
                    "edgecolor": colours[i],
                    "linewidth": 1.2,
                    "label": str(self.classes[i]),
                }
                style = with_defaults(style, density_kw, Polygon)
                self.densities_[i] = self.ax_.fill(
                    *outline(values[:, 0], least), **style
                )[0]
            if np.isfinite(means[i, 0]):
                style = {"color": colours[i], "linewidth": 1.5}
                style = with_defaults(style, mean_kw, plt.Line2D)
                self.means_[i] = self.ax_.axvline(means[i, 0], **style)
        self.ax_.set_ylim(bottom=0)

    def _draw_boundaries(self, rule, boundary_kw):
        from matplotlib.collections import LineCollection

        style = {"colors": DARK, "linewidth": 0.9, "zorder": 3}
        if len(rule[0]) == 1:
            points = boundary_points(*rule)
            segments = [[(point, 0), (point, 1)] for point in points]
            style |= {"linestyle": "--", "transform": self.ax_.get_xaxis_transform()}
        else:
            low, high = np.transpose([self.ax_.get_xlim(), self.ax_.get_ylim()])
            # Beyond the picture, which an Axes that shares the axis may widen.
            reach = high - low
            segments = boundary_segments(*rule, low - reach, high + reach)
        style = with_defaults(style, boundary_kw, LineCollection)
        self.boundaries_ = LineCollection(segments, **style)
        # The boundary of two far classes should not make the picture small.
        self.ax_.add_collection(self.boundaries_, autolim=False)
