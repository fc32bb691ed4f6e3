"""Components as images."""

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

__all__ = ["ComponentGalleryDisplay"]

SCALES = ("each", "common")
# More are drawn if asked for; their images are small and take seconds.
MOST_PANELS = 36


class ComponentGalleryDisplay:
    """The first components of an estimator, each as the image that it is.

    Use `from_estimator` to draw a fitted estimator. White is a weight of 0, red
    positive and blue negative; for colour images, grey is 0. If no component has a
    negative weight, the scale begins at 0.

    Parameters
    ----------
    components : array-like of shape (n_components, n_features)
        Vectors as rows.
    image_shape : tuple of int
        Height and width of the image that a row holds, line by line; with a third
        number 3 for red, green and blue.
    ratio : array-like of shape (n_components,) or None, default=None
        Share of each component in the whole, for the titles.

    Attributes
    ----------
    images_ : ndarray of AxesImage of shape (n_components,)
        The images.
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
    """

    def __init__(self, *, components, image_shape, ratio=None):
        self.components = components
        self.image_shape = image_shape
        self.ratio = ratio

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        image_shape,
        n_components=None,
        scale="each",
        ax=None,
        n_cols=None,
        colorbar=True,
        image_kw=None,
    ):
        """Draw the components of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `components_`, or with
            `scalings_`, whose columns are drawn.
        image_shape : tuple of int
            Height and width of the image that a row holds, line by line; with a third
            number 3 for red, green and blue.
        n_components : int or None, default=None
            How many to draw, the first ones. None draws all, but 36 at most.
        scale : {"each", "common"}, default="each"
            Whether the strongest colour is the largest weight of each component, or
            of all.
        ax : Axes, array-like of Axes or None, default=None
            One Axes is divided into panels. Several, one for each component, are drawn
            into. None makes a figure.
        n_cols : int or None, default=None
            Columns of the grid, where it is made here. None makes it nearly square.
        colorbar : bool, default=True
            Whether to draw the scale where it is common. Colour images have none.
        image_kw : dict or None, default=None
            Keywords for all images.

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
            not as large as a component; if `n_components` is more than there are; if
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
        display = cls(
            components=components[:k],
            image_shape=image_shape,
            ratio=None if ratio is None else ratio[:k],
        )
        return display.plot(
            ax, scale=scale, n_cols=n_cols, colorbar=colorbar, image_kw=image_kw
        )

    def plot(self, ax=None, *, scale="each", n_cols=None, colorbar=True, image_kw=None):
        """Draw the components.

        Parameters
        ----------
        ax : Axes, array-like of Axes or None, default=None
            One Axes is divided into panels. Several, one for each component, are drawn
            into. None makes a figure.
        scale : {"each", "common"}, default="each"
            Whether the strongest colour is the largest weight of each component, or
            of all.
        n_cols : int or None, default=None
            Columns of the grid, where it is made here. None makes it nearly square.
        colorbar : bool, default=True
            Whether to draw the scale where it is common. Colour images have none.
        image_kw : dict or None, default=None
            Keywords for all images.

        Returns
        -------
        display : ComponentGalleryDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If the components are not finite or not as large as `image_shape`; if a
            parameter is out of its range; or if `ax` has another number of panels.
        ImportError
            If matplotlib is not installed.
        """
        check_choice(scale, "scale", SCALES)
        components = check_array(
            self.components, dtype=np.float64, input_name="components"
        )
        k = len(components)
        shape = check_image_shape(self.image_shape, components.shape[1])
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
        colorbar = colorbar and scale == "common" and len(shape) == 2
        room = 0.6 if colorbar else 0.0
        self._lay_out(plt, ax, k, n_cols, shape[0] / shape[1], room)
        limits = np.abs(components).max(axis=1)
        if scale == "common":
            limits[:] = limits.max()
        negative = bool((components < 0).any())
        panels = [panel for panel in self.axes_.flat if panel is not None]
        self.images_ = np.empty(k, dtype=object)
        for i, panel in enumerate(panels):
            arguments = signed_image(components[i], shape, limits[i], negative=negative)
            self.images_[i] = panel.imshow(**arguments | (image_kw or {}))
            share = "" if ratio is None else f" ({ratio[i]:.1%})"
            panel.set_title(f"{i + 1}{share}", fontsize=9)
            frame(panel)
        self.colorbar_ = None
        if colorbar:
            last = panels[min(n_cols, k) - 1]
            self.colorbar_ = add_colorbar(last, self.images_[0])
        return self

    def _lay_out(self, plt, ax, k, n_cols, aspect, room):
        n_rows = -(-k // n_cols)
        side = min(1.4, 12 / n_cols, 12 / (n_rows * aspect))
        figsize = (max(n_cols * side, 1.8) + room, n_rows * (side * aspect + 0.25))
        self.figure_, self.bounding_ax_, self.axes_ = make_panels(
            plt, ax, (n_rows, n_cols), k, figsize
        )
