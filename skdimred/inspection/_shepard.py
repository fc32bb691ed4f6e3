"""Distances that were given against distances in the picture."""

import numpy as np
from sklearn.utils.validation import check_array

from skdimred.inspection._pairs import (
    aimed_at,
    check_n_pairs,
    distances_of,
    draw_pairs,
    embedded_distances,
    given_matrix,
    metric_of,
    placed_rows,
)
from skdimred.inspection._panels import (
    BLUE,
    DARK,
    check_count,
    check_step,
    import_pyplot,
    one_axes,
    with_defaults,
)

__all__ = ["ShepardDisplay"]

# Ranges of the two distances up to this ratio are drawn to one scale.
MOST_UNEQUAL = 4.0


class ShepardDisplay:
    r"""Distances in an embedding against those that it should show.

    Use `from_estimator` to draw with a fitted estimator. A point stands for a pair of
    rows, and on the line both distances are the same. With the distances
    :math:`\delta` and those in the embedding d, the title gives their correlation and
    Kruskal's stress-1 [1]_ over the m pairs drawn,

    .. math:: \sqrt{\sum_{m} (\delta - d)^2 \Big/ \sum_{m} d^2} ,

    without the monotone regression of nonmetric scaling. A stress of 0 is a perfect
    picture. It counts absolute distances: of an embedding whose unit is another one,
    such as that of t-SNE, look at the correlation.

    Parameters
    ----------
    distances : array-like of shape (n_drawn,)
        The distance of each pair.
    embedded : array-like of shape (n_drawn,)
        Its distance in the embedding.
    n_possible : int or None, default=None
        How many pairs of rows there are, for the title.
    distance_name : str, default="distance"
        Label of the first distance.
    embedded_name : str, default="distance in the embedding"
        Label of the second.

    Attributes
    ----------
    stress_ : float
        Kruskal's stress-1 of the pairs drawn. Infinite if all rows are placed on one
        point although their distances are not 0.
    correlation_ : float or None
        Of the two distances, None if one of them is the same for all pairs.
    scatter_ : PathCollection
        The pairs.
    line_ : Line2D
        The line of identity.
    ax_ : Axes
        Holds both.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    EmbeddingDisplay : The embedding itself.
    ScreeDisplay : Share of the variance that each axis carries.

    References
    ----------
    .. [1] J. B. Kruskal, "Multidimensional scaling by optimizing goodness of fit to a
           nonmetric hypothesis", Psychometrika 29 (1964), 1-27.
           https://doi.org/10.1007/BF02289565

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdimred.inspection import ShepardDisplay
    >>> from skdimred.manifold import PCoA
    >>> X = load_iris().data
    >>> display = ShepardDisplay.from_estimator(PCoA(2).fit(X), X)
    >>> round(display.stress_, 3)
    0.042
    """

    def __init__(
        self,
        *,
        distances,
        embedded,
        n_possible=None,
        distance_name="distance",
        embedded_name="distance in the embedding",
    ):
        self.distances = distances
        self.embedded = embedded
        self.n_possible = n_possible
        self.distance_name = distance_name
        self.embedded_name = embedded_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        n_pairs=10000,
        random_state=0,
        n_components=None,
        metric=None,
        ax=None,
        scatter_kw=None,
        line_kw=None,
    ):
        """Draw pairs of rows as a fitted estimator places them.

        The distance compared with is the one that the axes are to match: after
        `transform_distance`, and with the constant of a `correction`, where the
        estimator has them. Only the rows of the pairs drawn are placed, and only their
        distances are taken.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `transform` or `embedding_`.
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Rows, those of the fit or others; those of the fit if the estimator has no
            `transform`. Where distances are precomputed, those among the fitted rows,
            of shape (n_samples, n_samples).
        n_pairs : int, default=10000
            How many pairs to draw, at random and none twice; all if there are fewer.
        random_state : None, int or RandomState, default=0
            Draws the pairs.
        n_components : int or None, default=None
            Take the distances on so many of the first axes. None takes all.
        metric : str, callable or None, default=None
            Distance of rows, as `PCoA` takes it. None takes that of the estimator, with
            its `metric_params`, or "euclidean" if it has none. What "seuclidean" and
            "mahalanobis" need to know of all rows is taken from X if it is not given.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        scatter_kw : dict or None, default=None
            Keywords for the points.
        line_kw : dict or None, default=None
            Keywords for the line of identity.

        Returns
        -------
        display : ShepardDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator cannot place the rows or is a Pipeline; if there are fewer
            than two rows; if precomputed distances are not among the fitted rows; or
            if another parameter is out of its range.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        n_pairs = check_n_pairs(n_pairs)
        params = {}
        if metric is None:
            metric, params = metric_of(estimator)
        X = X if hasattr(X, "shape") else np.asarray(X)
        n = X.shape[0] if len(X.shape) == 2 else 0
        if n < 2:
            raise ValueError(
                f"X must be a table of at least two rows; found shape {X.shape}."
            )
        i, j = draw_pairs(n, n_pairs, random_state)
        if isinstance(metric, str) and metric == "precomputed":
            X, scores = given_matrix(estimator, X)
            D = np.asarray(X[i, j], dtype=np.float64)
            name = "distance given"
        else:
            rows, place = np.unique(np.concatenate([i, j]), return_inverse=True)
            scores = placed_rows(estimator, X, rows)
            i, j = place[: len(i)], place[len(i) :]
            D = distances_of(X, rows, i, j, metric, params)
            name = f"{getattr(metric, '__name__', metric)} distance"
        k = scores.shape[1]
        if n_components is not None:
            k = check_count(n_components, "n_components", k, "axes")
        D, done = aimed_at(estimator, D)
        display = cls(
            distances=D,
            embedded=embedded_distances(scores[:, :k], i, j),
            n_possible=n * (n - 1) // 2,
            distance_name=(name + done).replace("_", " "),
            embedded_name=f"distance on {k} {'axis' if k == 1 else 'axes'}",
        )
        return display.plot(ax, scatter_kw=scatter_kw, line_kw=line_kw)

    def plot(self, ax=None, *, scatter_kw=None, line_kw=None):
        """Draw the pairs.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        scatter_kw : dict or None, default=None
            Keywords for the points.
        line_kw : dict or None, default=None
            Keywords for the line of identity.

        Returns
        -------
        display : ShepardDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If the distances are not finite, negative, or not of one size.
        ImportError
            If matplotlib is not installed.
        """
        given, found = self._checked()
        plt = import_pyplot(self)
        self.ax_ = one_axes(plt, ax)
        self.figure_ = self.ax_.figure
        self._measure(given, found)
        self._draw(plt, given, found, scatter_kw, line_kw)
        title = [f"stress {self.stress_:.3g}"]
        if self.correlation_ is not None:
            title.append(f"correlation {self.correlation_:.3f}")
        if self.n_possible is not None and self.n_possible > len(given):
            title.append(f"{len(given):,} of {self.n_possible:,} pairs")
        self.ax_.set_title("; ".join(title), fontsize="medium")
        self.ax_.set(xlabel=self.distance_name, ylabel=self.embedded_name)
        self.ax_.spines[["top", "right"]].set_visible(False)
        return self

    def _checked(self):
        given, found = (
            check_array(
                values, dtype=np.float64, ensure_2d=False, input_name=name
            ).ravel()
            for name, values in (
                ("distances", self.distances),
                ("embedded", self.embedded),
            )
        )
        for name, values in (("distances", given), ("embedded", found)):
            if values.min() < 0:
                raise ValueError(
                    f"{name} must be at least 0; found {values.min():g} at position "
                    f"{np.argmin(values)}."
                )
        if len(given) != len(found):
            raise ValueError(
                "distances and embedded must hold one number for each pair; found "
                f"{len(given)} and {len(found)}."
            )
        return given, found

    def _measure(self, given, found):
        gap, size = np.linalg.norm(given - found), np.linalg.norm(found)
        self.stress_ = float(gap / size) if size > 0 else np.inf if gap > 0 else 0.0
        a, b = given - given.mean(), found - found.mean()
        # Means are rounded: what is the same for all pairs differs from its own.
        level = np.sqrt(len(a)) * 1e-12
        flat = [
            np.linalg.norm(part) <= level * np.abs(whole).max()
            for part, whole in ((a, given), (b, found))
        ]
        self.correlation_ = None
        if not any(flat):
            a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)
            self.correlation_ = float(np.clip(a @ b, -1, 1))

    def _draw(self, plt, given, found, scatter_kw, line_kw):
        from matplotlib.collections import PathCollection

        n = len(given)
        style = {"facecolor": BLUE, "linewidth": 0}
        style |= {"s": 6, "alpha": 0.2} if n > 1000 else {"s": 16, "alpha": 0.5}
        style = with_defaults(style, scatter_kw, PathCollection)
        self.scatter_ = self.ax_.scatter(given, found, **style)
        style = {"color": DARK, "linewidth": 1.0, "zorder": 3}
        style = with_defaults(style, line_kw, plt.Line2D)
        ends = [0.0, min(given.max(), found.max())]
        self.line_ = self.ax_.plot(ends, ends, **style)[0]
        x, y = (1.04 * values.max() or 1.0 for values in (given, found))
        if max(x, y) <= MOST_UNEQUAL * min(x, y):
            self.ax_.set_aspect("equal")
        self.ax_.set(xlim=(0, x), ylim=(0, y))
