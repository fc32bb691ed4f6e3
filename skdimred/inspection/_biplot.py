"""Rows as points, and variables as arrows among them."""

import numpy as np
from sklearn.utils.validation import check_array

from skdimred.inspection._classes import check_components
from skdimred.inspection._panels import (
    DARK,
    check_count,
    check_step,
    import_pyplot,
    one_axes,
    with_defaults,
)
from skdimred.inspection._points import (
    axis_labels,
    check_columns,
    check_names,
    check_y,
    equal_aspect,
    ratio_of,
    scatter_rows,
    scores_of,
)
from skdimred.inspection._text import add_texts, place_texts

__all__ = ["BiplotDisplay"]

# More are drawn if asked for; they hide each other and the rows.
MOST_ARROWS = 12
# Length of the longest arrow, as a share of the distance of the farthest row.
REACH = 0.8


def directions_of(estimator, Y):
    """Rows (n, k) and directions of the variables (p, k), as an estimator has them."""
    if hasattr(estimator, "biplot_scores"):
        directions = estimator.biplot_scores(Y)
        return scores_of(estimator, None), np.asarray(directions)
    needed = ("transform", "components_", "explained_variance_")
    lacking = [name for name in needed if not hasattr(estimator, name)]
    if lacking:
        raise ValueError(
            f"estimator must have biplot_scores, or {', '.join(needed)}; found "
            f"{type(estimator).__name__} without {', '.join(lacking)}."
        )
    spread = np.sqrt(np.asarray(estimator.explained_variance_, dtype=np.float64))
    return scores_of(estimator, Y), np.asarray(estimator.components_).T * spread


def names_of(estimator, Y, n_features):
    """Names of variables: columns of a data frame, those seen in fit, or numbers."""
    for names in (
        getattr(Y, "columns", None),
        None
        if hasattr(estimator, "biplot_scores")
        else getattr(estimator, "feature_names_in_", None),
    ):
        if names is not None and len(names) == n_features:
            return [str(name) for name in names]
    return [f"x{j}" for j in range(n_features)]


class BiplotDisplay:
    r"""Rows of a table as points, with an arrow for each variable.

    Use `from_estimator` to draw with a fitted estimator. An arrow points to where its
    variable grows; all arrows are drawn longer or shorter by one factor, so that the
    longest is 0.8 times as long as the farthest row is far from the origin. Only their
    directions, and their lengths among each other, have a meaning:

    - of an estimator with `biplot_scores`, such as `PCoA`: the slope of the variable
      along each axis,
    - of PCA and its like: the loading, :math:`v_{jk} \sqrt{\lambda_k}` for variable j
      on axis k of variance :math:`\lambda_k`: covariance of the variable with the axis
      scaled to variance 1.

    Parameters
    ----------
    scores : array-like of shape (n_samples, 2)
        Coordinates of the rows on the two components drawn.
    directions : array-like of shape (n_features, 2)
        Direction of each variable on them.
    feature_names : sequence of str or None, default=None
        Names of the variables. None numbers them, from x0.
    y : array-like of shape (n_samples,) or None, default=None
        Class or number of each row. Whole numbers are classes if they take 20 values
        at most.
    components : tuple of int or None, default=None
        Which components they are, counted from 0. None takes the first two.
    ratio : array-like of shape (2,) or None, default=None
        Share of each in the variance, for the labels of the axes.

    Attributes
    ----------
    features_ : ndarray of shape (n_drawn,)
        Positions of the variables drawn, the longest arrow first.
    arrow_scale_ : float
        The tip of an arrow is at its direction times this; 1 if all are 0.
    arrows_ : list of FancyArrowPatch
        The arrows, as in `features_`.
    texts_ : list of Annotation
        Names at the tips.
    scatters_ : list of PathCollection
        Points of each class; one collection if there are none.
    legend_ : Legend or None
        Names of the classes, if they are 20 at most.
    colorbar_ : Colorbar or None
        Scale of y, where it holds numbers.
    ax_ : Axes
        Holds all of them.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    EmbeddingDisplay : The rows alone, with names beside them.
    ComponentGalleryDisplay : Components whose variables are pixels.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdimred.decomposition import PCA
    >>> from skdimred.inspection import BiplotDisplay
    >>> iris = load_iris()
    >>> display = BiplotDisplay.from_estimator(
    ...     PCA(2).fit(iris.data), iris.data, feature_names=iris.feature_names
    ... )
    >>> display.texts_[0].get_text()
    'petal length (cm)'
    """

    def __init__(
        self,
        *,
        scores,
        directions,
        feature_names=None,
        y=None,
        components=None,
        ratio=None,
    ):
        self.scores = scores
        self.directions = directions
        self.feature_names = feature_names
        self.y = y
        self.components = components
        self.ratio = ratio

    @classmethod
    def from_estimator(
        cls,
        estimator,
        Y,
        *,
        feature_names=None,
        components=None,
        n_features=None,
        ax=None,
        y=None,
        scatter_kw=None,
        arrow_kw=None,
        label_kw=None,
    ):
        """Draw rows and variables as a fitted estimator relates them.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `biplot_scores` and `embedding_`,
            or with `transform`, `components_` and `explained_variance_`.
        Y : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            With `biplot_scores`: variables of the fitted rows, those of the fit or
            others. Otherwise the rows to draw, whatever `transform` takes.
        feature_names : sequence of str or None, default=None
            Names of the variables. None takes the columns of a data frame, or the
            names seen in `fit`, or numbers them from x0.
        components : tuple of two int or None, default=None
            Which components to draw, counted from 0. None draws the first two.
        n_features : int or None, default=None
            How many variables to draw, those of the longest arrows. None draws all, but
            12 at most.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        y : array-like of shape (n_samples,) or None, default=None
            Class or number of each row. Whole numbers are classes if they take 20
            values at most.
        scatter_kw : dict or None, default=None
            Keywords for the points.
        arrow_kw : dict or None, default=None
            Keywords for the arrows.
        label_kw : dict or None, default=None
            Keywords for the names.

        Returns
        -------
        display : BiplotDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no directions of variables, fewer than two components
            or is a Pipeline; if `Y`, `y` or `feature_names` has another size; if
            `components` names other than two of them; or if `n_features` is more than
            there are.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        scores, directions = directions_of(estimator, Y)
        k = scores.shape[1]
        components = check_components(components, k, "components", least=2)
        if feature_names is None:
            feature_names = names_of(estimator, Y, len(directions))
        display = cls(
            scores=scores[:, components],
            directions=directions[:, components],
            feature_names=feature_names,
            y=y,
            components=components,
            ratio=ratio_of(estimator, components, k),
        )
        return display.plot(
            ax,
            n_features=n_features,
            scatter_kw=scatter_kw,
            arrow_kw=arrow_kw,
            label_kw=label_kw,
        )

    def plot(
        self,
        ax=None,
        *,
        n_features=None,
        scatter_kw=None,
        arrow_kw=None,
        label_kw=None,
    ):
        """Draw rows and variables.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        n_features : int or None, default=None
            How many variables to draw, those of the longest arrows. None draws all, but
            12 at most.
        scatter_kw : dict or None, default=None
            Keywords for the points.
        arrow_kw : dict or None, default=None
            Keywords for the arrows.
        label_kw : dict or None, default=None
            Keywords for the names.

        Returns
        -------
        display : BiplotDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If what the display holds is not finite, or not of one size; or if
            `n_features` is more than there are.
        ImportError
            If matplotlib is not installed.
        """
        scores, directions, names, components, ratio = self._checked()
        p = len(directions)
        n_drawn = min(p, MOST_ARROWS)
        if n_features is not None:
            n_drawn = check_count(n_features, "n_features", p, "variables")
        plt = import_pyplot(self)
        self.ax_ = one_axes(plt, ax)
        self.figure_ = self.ax_.figure
        equal_aspect(self.ax_)
        xlabel, ylabel = axis_labels(components, ratio)
        self.ax_.set(xlabel=xlabel, ylabel=ylabel)
        self.ax_.spines[["top", "right"]].set_visible(False)
        self.scatters_, self.legend_, self.colorbar_ = scatter_rows(
            plt, self.ax_, scores, self.y, scatter_kw
        )
        lengths = np.linalg.norm(directions, axis=1)
        self.features_ = np.argsort(-lengths, kind="stable")[:n_drawn]
        farthest = np.linalg.norm(scores, axis=1).max()
        scale = REACH * farthest / (lengths.max() or 1.0)
        # Where all lie at the origin, there is no cloud to fit.
        self.arrow_scale_ = float(scale) if lengths.max() * farthest > 0 else 1.0
        tips = self.arrow_scale_ * directions[self.features_]
        self._draw_arrows(tips, arrow_kw)
        self._draw_names(scores, tips, [names[j] for j in self.features_], label_kw)
        return self

    def _checked(self):
        """What the display holds, as arrays of one size."""
        scores, components, ratio = check_columns(
            self.scores, self.components, self.ratio, counts=(2,)
        )
        directions = check_array(
            self.directions, dtype=np.float64, input_name="directions"
        )
        p = len(directions)
        if directions.shape[1] != 2:
            raise ValueError(
                "directions must have 2 columns, one for each column of scores; found "
                f"{directions.shape[1]}."
            )
        names = self.feature_names
        names = [f"x{j}" for j in range(p)] if names is None else names
        names = check_names(names, "feature_names", p, "variables")
        check_y(self.y, len(scores))
        return scores, directions, names, components, ratio

    def _draw_arrows(self, tips, arrow_kw):
        from matplotlib.patches import FancyArrowPatch

        style = {
            "arrowstyle": "-|>",
            "mutation_scale": 10,
            "shrinkA": 0,
            "shrinkB": 0,
            "color": DARK,
            "linewidth": 1.2,
            "zorder": 3,
        }
        style = with_defaults(style, arrow_kw, FancyArrowPatch)
        self.arrows_ = [FancyArrowPatch((0, 0), tip, **style) for tip in tips]
        for arrow in self.arrows_:
            self.ax_.add_patch(arrow)
        self.ax_.update_datalim(np.vstack([tips, [[0.0, 0.0]]]))

    def _draw_names(self, scores, tips, names, label_kw):
        # Room for names at the margin.
        self.ax_.margins(0.15)
        self.ax_.autoscale_view()
        self.texts_ = add_texts(self.ax_, tips, names, label_kw)
        # Names should hide no arrow, and hang on at the tip as its continuation.
        shafts = tips * np.linspace(0.05, 1, 20)[:, np.newaxis, np.newaxis]
        length = np.linalg.norm(tips, axis=1, keepdims=True)
        along = np.divide(tips, length, out=np.zeros_like(tips), where=length > 0)
        place_texts(self.ax_, self.texts_, scores, shafts.reshape(-1, 2), along)
