"""Components as images, or by the names of their features."""

import numpy as np
from sklearn.utils.validation import check_array

from skdimred.inspection._panels import (
    add_colorbar,
    check_choice,
    check_count,
    check_image_shape,
    check_step,
    frame,
    import_pyplot,
    make_panels,
    signed_image,
)
from skdimred.inspection._words import (
    check_feature_names,
    check_n_top,
    draw_words,
    figure_size,
    top_features,
)

__all__ = ["ComponentGalleryDisplay"]

SCALES = ("each", "common")
# More are drawn if asked for; their images are small and take seconds.
MOST_PANELS = 36


class ComponentGalleryDisplay:
    """The first components of an estimator, as the images or topics that they are.

    Use `from_estimator` to draw a fitted estimator.

    - With `image_shape`, each component is an image. White is a weight of 0, red
      positive and blue negative; for colour images, grey is 0. If no component has a
      negative weight, the scale begins at 0.
    - With names of the features, as those of the words that texts are counted by, each
      component is a list of those of largest magnitude, with a bar for each weight. A
      weight of 0 has no bar and no name.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Vectors as rows.
    image_shape : tuple of int or None, default=None
        Height and width of the image that a row holds, line by line; with a third
        number 3 for red, green and blue. None draws the names of features.
    ratio : array-like of shape (n_components,) or None, default=None
        Share of each component in the whole, for the titles.
    feature_names : array-like of shape (n_features,) or None, default=None
        Name of each feature, in the order of the columns; instead of `image_shape`.

    Attributes
    ----------
    images_ : ndarray of AxesImage of shape (n_components,), or None
        The images. None where features are named.
    bars_ : ndarray of BarContainer of shape (n_components,), or None
        Weights of the features named, from the top. None where there are images.
    colorbar_ : Colorbar or None
        The scale, where it is common to all.
    axes_ : ndarray of Axes
        The panels row by row, None where there is none; of the shape passed as `ax`,
        where several were.
    bounding_ax_ : Axes or None
        The Axes that was divided into panels.
    figure_ : Figure
        Holds all of them.

    See Also
    --------
    ReconstructionDisplay : What the components make of the rows.
    ScreeDisplay : Share of the variance that each component carries.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.decomposition import PCA
    >>> from skdimred.inspection import ComponentGalleryDisplay
    >>> pca = PCA(n_components=8).fit(load_digits().data)
    >>> display = ComponentGalleryDisplay.from_estimator(pca, image_shape=(8, 8))
    >>> display.axes_.shape
    (3, 3)
    >>> display.axes_[0, 1].get_title()
    '2 (13.6%)'

    Components by the names of their features:

    >>> from sklearn.datasets import load_wine
    >>> X = load_wine(as_frame=True).data
    >>> pca = PCA(n_components=2).fit(X / X.std())
    >>> display = ComponentGalleryDisplay.from_estimator(pca, n_top=3)
    >>> [label.get_text() for label in display.axes_[0, 0].get_yticklabels()]
    ['flavanoids', 'total_phenols', 'od280/od315_of_diluted_wines']
    """

    def __init__(self, *, components, image_shape=None, ratio=None, feature_names=None):
        self.components = components
        self.image_shape = image_shape
        self.ratio = ratio
        self.feature_names = feature_names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        image_shape=None,
        feature_names=None,
        n_components=None,
        n_top=8,
        scale="each",
        ax=None,
        n_cols=None,
        colorbar=True,
        image_kw=None,
        bar_kw=None,
    ):
        """Draw the components of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `components_`, or with
            `scalings_`, whose columns are drawn.
        image_shape : tuple of int or None, default=None
            Height and width of the image that a row holds, line by line; with a third
            number 3 for red, green and blue. None draws the names of features.
        feature_names : array-like of shape (n_features,) or None, default=None
            Name of each feature, in the order of the columns; instead of
            `image_shape`. None takes `feature_names_in_`, where the estimator has it.
            Those of a vectorizer are its ``get_feature_names_out()``.
        n_components : int or None, default=None
            How many to draw, the first ones. None draws all, but 36 at most.
        n_top : int, default=8
            How many features to name for each component, or all if they are fewer.
        scale : {"each", "common"}, default="each"
            Whether the strongest colour, or the longest bar, is the largest weight of
            each component, or of all.
        ax : Axes, array-like of Axes or None, default=None
            One Axes is divided into panels. Several, one for each component, are drawn
            into. None makes a figure.
        n_cols : int or None, default=None
            Columns of the grid, where it is made here. None makes it nearly square.
        colorbar : bool, default=True
            Whether to draw the scale of images where it is common. Colour images have
            none.
        image_kw : dict or None, default=None
            Keywords for all images.
        bar_kw : dict or None, default=None
            Keywords for all bars.

        Returns
        -------
        display : ComponentGalleryDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no components or is a Pipeline; if `image_shape` is
            not as large as a component, or there is neither it nor names of all
            features, or both are given; if `n_components` is more than there are; if
            another parameter is out of its range; or if `ax` has another number of
            panels.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        ratio = getattr(estimator, "explained_variance_ratio_", None)
        ratio = getattr(estimator, "energy_ratio_", ratio)
        if hasattr(estimator, "components_"):
            components = estimator.components_
        elif hasattr(estimator, "scalings_"):
            # scikit-learn's may have columns that transform does not use.
            components = estimator.scalings_.T[: None if ratio is None else len(ratio)]
        else:
            raise ValueError(
                "estimator must have components_ or scalings_; found "
                f"{type(estimator).__name__}, which has neither."
            )
        k = min(len(components), MOST_PANELS)
        if n_components is not None:
            k = check_count(
                n_components, "n_components", len(components), "fitted components"
            )
        if image_shape is None and feature_names is None:
            feature_names = getattr(estimator, "feature_names_in_", None)
        display = cls(
            components=components[:k],
            image_shape=image_shape,
            ratio=None if ratio is None else ratio[:k],
            feature_names=feature_names,
        )
        return display.plot(
            ax,
            n_top=n_top,
            scale=scale,
            n_cols=n_cols,
            colorbar=colorbar,
            image_kw=image_kw,
            bar_kw=bar_kw,
        )

    def plot(
        self,
        ax=None,
        *,
        n_top=8,
        scale="each",
        n_cols=None,
        colorbar=True,
        image_kw=None,
        bar_kw=None,
    ):
        """Draw the components.

        Parameters
        ----------
        ax : Axes, array-like of Axes or None, default=None
            One Axes is divided into panels. Several, one for each component, are drawn
            into. None makes a figure.
        n_top : int, default=8
            How many features to name for each component, or all if they are fewer.
        scale : {"each", "common"}, default="each"
            Whether the strongest colour, or the longest bar, is the largest weight of
            each component, or of all.
        n_cols : int or None, default=None
            Columns of the grid, where it is made here. None makes it nearly square.
        colorbar : bool, default=True
            Whether to draw the scale of images where it is common. Colour images have
            none.
        image_kw : dict or None, default=None
            Keywords for all images.
        bar_kw : dict or None, default=None
            Keywords for all bars.

        Returns
        -------
        display : ComponentGalleryDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If the components are not finite or not as large as `image_shape`; if there
            is neither it nor names of all features, or both; if a parameter is out of
            its range; or if `ax` has another number of panels.
        ImportError
            If matplotlib is not installed.
        """
        check_choice(scale, "scale", SCALES)
        n_top = check_n_top(n_top)
        components = check_array(
            self.components, dtype=np.float64, input_name="components"
        )
        k, p = components.shape
        shape, names = self._checked_features(p)
        ratio = None if self.ratio is None else np.ravel(self.ratio)
        if ratio is not None and len(ratio) != k:
            raise ValueError(
                f"ratio must hold one share for each of {k} components; found "
                f"{len(ratio)}."
            )
        if n_cols is None:
            n_cols = int(np.ceil(np.sqrt(k)))
        else:
            n_cols = check_count(n_cols, "n_cols", k, "components")
        plt = import_pyplot(self)
        limits = np.abs(components).max(axis=1)
        if scale == "common":
            limits[:] = limits.max()
        self.images_, self.bars_, self.colorbar_ = None, None, None
        grid = (-(-k // n_cols), n_cols)
        if shape is None:
            top = [top_features(row, n_top) for row in components]
            self._lay_out(plt, ax, grid, k, figure_size(grid, names, top))
            self.bars_ = draw_words(
                self._panels(), components, names, top, limits, bar_kw
            )
        else:
            colorbar = colorbar and scale == "common" and len(shape) == 2
            self._draw_images(
                plt, ax, grid, components, shape, limits, colorbar, image_kw
            )
        for i, panel in enumerate(self._panels()):
            share = "" if ratio is None else f" ({ratio[i]:.1%})"
            panel.set_title(f"{i + 1}{share}", fontsize=9)
        return self

    def _checked_features(self, p):
        """Shape of the images, or names of the features, the other one None."""
        shape, names = self.image_shape, self.feature_names
        if shape is not None and names is not None:
            raise ValueError(
                "image_shape and feature_names draw components as images or by names: "
                f"give one of them; found image_shape={shape!r} and names."
            )
        if names is not None:
            return None, check_feature_names(names, p)
        if shape is None:
            raise ValueError(
                "image_shape=None draws components by the names of their features, "
                "and there are none. Give image_shape=(height, width), or "
                "feature_names, one for each column."
            )
        return check_image_shape(shape, p), None

    def _panels(self):
        return [panel for panel in self.axes_.flat if panel is not None]

    def _lay_out(self, plt, ax, grid, k, figsize):
        self.figure_, self.bounding_ax_, self.axes_ = make_panels(
            plt, ax, grid, k, figsize
        )

    def _draw_images(
        self, plt, ax, grid, components, shape, limits, colorbar, image_kw
    ):
        (n_rows, n_cols), k = grid, len(components)
        aspect = shape[0] / shape[1]
        side = min(1.4, 12 / n_cols, 12 / (n_rows * aspect))
        width = max(n_cols * side, 1.8) + (0.6 if colorbar else 0.0)
        self._lay_out(plt, ax, grid, k, (width, n_rows * (side * aspect + 0.25)))
        negative = bool((components < 0).any())
        self.images_ = np.empty(k, dtype=object)
        panels = self._panels()
        for i, panel in enumerate(panels):
            arguments = signed_image(components[i], shape, limits[i], negative=negative)
            self.images_[i] = panel.imshow(**arguments | (image_kw or {}))
            frame(panel)
        if colorbar:
            last = panels[min(n_cols, k) - 1]
            self.colorbar_ = add_colorbar(last, self.images_[0])
