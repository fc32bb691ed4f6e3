"""Factors as a heat map: which columns each component is about."""

from numbers import Integral

import numpy as np

from skdimred.inspection._panels import (
    add_colorbar,
    check_step,
    import_pyplot,
    one_axes,
    signed_image,
)

__all__ = ["FactorHeatmapDisplay"]

# Characters of a name that are drawn.
LONGEST = 24


class FactorHeatmapDisplay:
    """Weights of components on columns as a heat map, columns in order of components.

    Use `from_estimator` to draw a fitted estimator. Of many columns those of largest
    weight are drawn. Each stands with the component on which it weighs most, so that
    what a component is about is a run of strong colour; white is 0, red positive and
    blue negative.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Weights.
    feature_names : array-like of str of shape (n_features,) or None, default=None
        Names of the columns; None for their numbers.

    Attributes
    ----------
    features_ : ndarray of int of shape (n_drawn,)
        Columns drawn, from top to bottom.
    image_ : AxesImage
        The heat map, columns of the table as rows of the image.
    colorbar_ : Colorbar
        Scale of the colours.
    ax_ : Axes
        Holds the map.
    figure_ : Figure
        Holds the Axes.

    See Also
    --------
    ComponentGalleryDisplay : Components as images.
    BiplotDisplay : Rows and columns in one picture.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdimred.decomposition import BiasedMF
    >>> from skdimred.inspection import FactorHeatmapDisplay
    >>> wine = load_wine()
    >>> X = (wine.data - wine.data.mean(axis=0)) / wine.data.std(axis=0)
    >>> mf = BiasedMF(3, alpha=1.0, random_state=0).fit(X)
    >>> display = FactorHeatmapDisplay.from_estimator(
    ...     mf, feature_names=wine.feature_names, n_features=4
    ... )
    >>> [wine.feature_names[j] for j in display.features_]
    ['flavanoids', 'alcohol', 'color_intensity', 'magnesium']
    """

    def __init__(self, *, components, feature_names=None):
        self.components = components
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls, estimator, *, feature_names=None, n_features=30, ax=None, image_kw=None
    ):
        """Draw the components of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `components_`.
        feature_names : array-like of str or None, default=None
            Names of the columns, one for each; None for `feature_names_in_`, or else
            their numbers.
        n_features : int or None, default=30
            Columns drawn at most; None for all.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        image_kw : dict or None, default=None
            Keywords for `imshow`.

        Returns
        -------
        display : FactorHeatmapDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no components or is a Pipeline, or if names are not as
            many as columns.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        components = getattr(estimator, "components_", None)
        if components is None:
            raise ValueError(
                f"estimator must have components_; found {type(estimator).__name__}, "
                "which has none."
            )
        if feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        display = cls(components=components, feature_names=feature_names)
        return display.plot(ax, n_features=n_features, image_kw=image_kw)

    def plot(self, ax=None, *, n_features=30, image_kw=None):
        """Draw the weights.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        n_features : int or None, default=30
            Columns drawn at most; None for all.
        image_kw : dict or None, default=None
            Keywords for `imshow`.

        Returns
        -------
        display : FactorHeatmapDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If what the display holds is out of its range.
        ImportError
            If matplotlib is not installed.
        """
        weights, names = self._checked()
        if n_features is not None and (
            isinstance(n_features, bool)
            or not isinstance(n_features, Integral)
            or n_features < 1
        ):
            raise ValueError(
                f"n_features={n_features!r} must be an integer of at least 1, or None."
            )
        plt = import_pyplot(self)
        self.features_ = _in_order(weights, n_features)
        drawn = weights[:, self.features_].T
        if ax is None:
            size = 1.8 + 0.4 * len(weights), 1.2 + 0.2 * len(drawn)
            ax = plt.figure(figsize=size, layout="constrained").add_subplot()
        self.ax_ = ax = one_axes(plt, ax)
        self.figure_ = ax.figure
        limit = np.abs(drawn).max(initial=0.0)
        style = signed_image(
            drawn, drawn.shape, limit, negative=bool((drawn < 0).any())
        )
        style = {**style, "aspect": "auto", "interpolation": "nearest"}
        cells = style.pop("X")
        self.image_ = ax.imshow(cells, **{**style, **(image_kw or {})})
        ax.set_xticks(np.arange(len(weights)), np.arange(1, len(weights) + 1))
        ax.set_yticks(np.arange(len(drawn)), [names[j] for j in self.features_])
        ax.tick_params(length=0, labelsize=8)
        ax.set_xlabel("component")
        ax.spines[:].set_color("0.8")
        self.colorbar_ = add_colorbar(ax, self.image_, 1.04, 0.04)
        return self

    def _checked(self):
        """Weights as a finite matrix, and a name for each column."""
        weights = np.asarray(self.components, dtype=np.float64)
        if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all():
            raise ValueError(
                "components must be a finite matrix with a row for each component; "
                f"found shape {weights.shape}."
            )
        p = weights.shape[1]
        names = np.arange(p) if self.feature_names is None else self.feature_names
        if len(names) != p:
            raise ValueError(
                f"feature_names must hold one name for each of {p} columns; found "
                f"{len(names)}."
            )
        names = [str(name) for name in names]
        cut = [n if len(n) <= LONGEST else n[: LONGEST - 1] + "…" for n in names]
        return weights, cut


def _in_order(weights, n_features):
    """Columns of largest weight, by the component on which they weigh most."""
    size = np.abs(weights).max(axis=0)
    keep = np.argsort(-size, kind="stable")[:n_features]
    where = np.abs(weights).argmax(axis=0)
    value = weights[where, np.arange(weights.shape[1])]
    return keep[np.lexsort((-value[keep], where[keep]))]
