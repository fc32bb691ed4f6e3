"""Rows beside what is left of them after a reduction."""

import numpy as np
from sklearn.utils.validation import check_array, check_is_fitted

from skdimred.inspection._panels import (
    BLUE,
    DARK,
    VERMILLION,
    add_colorbar,
    check_count,
    check_image_shape,
    frame,
    import_pyplot,
    make_panels,
    signed_image,
    take_rows,
    with_defaults,
)

__all__ = ["ReconstructionDisplay"]


def relative_errors(originals, reconstructions):
    """Norm of each error over that of its row (n,); infinite where the row is 0."""
    error = np.linalg.norm(reconstructions - originals, axis=1)
    norm = np.linalg.norm(originals, axis=1)
    exact = np.where(error > 0, np.inf, 0.0)
    return np.divide(error, norm, out=exact, where=norm > 0)


def brightness_limits(originals, shape):
    """Numbers drawn black and white, those of the originals.

    Colour images keep the scale that they come in, 0 to 1 or 0 to 255, if they fit it;
    stretched to their own extremes they would change their hue.
    """
    low, high = float(originals.min()), float(originals.max())
    if len(shape) == 3 and low >= 0:
        for top in (1.0, 255.0):
            if high <= top:
                return 0.0, top
    return low, high if high > low else low + 1.0


def choose_rows(n_rows, n_samples, indices):
    """Return the positions asked for, or `n_samples` at even steps."""
    if indices is None:
        k = check_count(n_samples, "n_samples", n_rows, "rows of X")
        return np.arange(k) * n_rows // k
    chosen = np.asarray(indices)
    if chosen.ndim != 1 or not len(chosen) or chosen.dtype.kind not in "iu":
        raise ValueError(
            f"indices={indices!r} must be a list of row numbers, at least one."
        )
    chosen = chosen.astype(np.intp)
    bad = chosen[(chosen < -n_rows) | (chosen >= n_rows)]
    if len(bad):
        raise ValueError(f"indices holds {bad[0]}, but X has {n_rows} rows.")
    return chosen % n_rows


class ReconstructionDisplay:
    r"""Some rows, what a reduction makes of them, and the difference.

    Use `from_estimator` to draw what a fitted transformer rebuilds. A column of panels
    stands for a row :math:`x`. Its title gives the relative error :math:`\|x' - x\| /
    \|x\|` of the reconstruction :math:`x'`, over all features and without centring.

    Parameters
    ----------
    originals : array-like of shape (n_shown, n_features)
        Rows as they were.
    reconstructions : array-like of shape (n_shown, n_features)
        The same rows, rebuilt.
    image_shape : tuple of int or None, default=None
        Height and width of the image that a row holds, line by line; with a third
        number 3 for red, green and blue. None draws rows as curves.
    names : sequence of str or None, default=None
        What to call the rows. None numbers them.

    Attributes
    ----------
    relative_errors_ : ndarray of shape (n_shown,)
        Relative error of each reconstruction.
    images_ : ndarray of AxesImage of shape (3, n_shown), or None
        Originals, reconstructions and differences, if they are images.
    lines_ : ndarray of Line2D of shape (3, n_shown), or None
        The same as curves. The first two share a panel.
    colorbars_ : list of Colorbar
        Scales of the originals and of the differences, where drawn.
    axes_ : ndarray of Axes of shape (3, n_shown) or (2, n_shown)
        The panels, a row of them for each row of images or curves.
    bounding_ax_ : Axes or None
        The Axes that was divided into panels.
    figure_ : Figure
        Holds all of them.

    See Also
    --------
    ComponentGalleryDisplay : The components that rows are rebuilt from.
    ScreeDisplay : Share of the variance that each of them carries.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.decomposition import PCA
    >>> from skdimred.inspection import ReconstructionDisplay
    >>> X = load_digits().data
    >>> pca = PCA(n_components=10).fit(X)
    >>> display = ReconstructionDisplay.from_estimator(
    ...     pca, X, image_shape=(8, 8), indices=[0, 1, 2]
    ... )
    >>> display.relative_errors_.round(2)
    array([0.22, 0.27, 0.28])
    """

    def __init__(self, *, originals, reconstructions, image_shape=None, names=None):
        self.originals = originals
        self.reconstructions = reconstructions
        self.image_shape = image_shape
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator,
        X,
        *,
        image_shape,
        n_samples=6,
        indices=None,
        ax=None,
        colorbar=True,
        image_kw=None,
        line_kw=None,
        error_kw=None,
    ):
        """Reduce some rows, rebuild them and draw both.

        Parameters
        ----------
        estimator : estimator
            Fitted transformer with `inverse_transform`; a Pipeline of such steps too.
        X : array-like, data frame or sparse matrix of shape (n_samples, n_features)
            Rows to choose from. Only those shown are transformed.
        image_shape : tuple of int or None
            Height and width of the image that a row holds, line by line; with a third
            number 3 for red, green and blue. None draws rows as curves.
        n_samples : int, default=6
            How many rows to show, at even steps through X.
        indices : sequence of int or None, default=None
            Which rows to show, in place of `n_samples`.
        ax : Axes, array-like of Axes or None, default=None
            One Axes is divided into panels. Several are drawn into: of shape (3,
            n_shown) for images and (2, n_shown) for curves. None makes a figure.
        colorbar : bool, default=True
            Whether to draw the scales of images. Colour images have none.
        image_kw : dict or None, default=None
            Keywords for the images of originals and reconstructions.
        line_kw : dict or None, default=None
            Keywords for the curves of originals and reconstructions.
        error_kw : dict or None, default=None
            Keywords for the differences, images or curves.

        Returns
        -------
        display : ReconstructionDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator cannot rebuild rows; if `image_shape` is not as large as a
            row; if `n_samples` or `indices` asks for rows that X has not; or if `ax`
            has another number of panels.
        ImportError
            If matplotlib is not installed.
        """
        check_is_fitted(estimator)
        for method in ("transform", "inverse_transform"):
            if not hasattr(estimator, method):
                raise ValueError(
                    "estimator must have transform and inverse_transform; found "
                    f"{type(estimator).__name__} without {method}."
                )
        n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
        chosen = choose_rows(n_rows, n_samples, indices)
        rows = take_rows(X, chosen)
        n_features = np.shape(rows)[1] if len(np.shape(rows)) == 2 else None
        if image_shape is not None and n_features is not None:
            check_image_shape(image_shape, n_features)
        rebuilt = estimator.inverse_transform(estimator.transform(rows))
        display = cls(
            originals=rows.toarray() if hasattr(rows, "toarray") else rows,
            reconstructions=rebuilt.toarray()
            if hasattr(rebuilt, "toarray")
            else rebuilt,
            image_shape=image_shape,
            names=[f"row {i}" for i in chosen],
        )
        return display.plot(
            ax,
            colorbar=colorbar,
            image_kw=image_kw,
            line_kw=line_kw,
            error_kw=error_kw,
        )

    def plot(
        self,
        ax=None,
        *,
        colorbar=True,
        image_kw=None,
        line_kw=None,
        error_kw=None,
    ):
        """Draw the rows and what became of them.

        Parameters
        ----------
        ax : Axes, array-like of Axes or None, default=None
            One Axes is divided into panels. Several are drawn into: of shape (3,
            n_shown) for images and (2, n_shown) for curves. None makes a figure.
        colorbar : bool, default=True
            Whether to draw the scales of images. Colour images have none.
        image_kw : dict or None, default=None
            Keywords for the images of originals and reconstructions.
        line_kw : dict or None, default=None
            Keywords for the curves of originals and reconstructions.
        error_kw : dict or None, default=None
            Keywords for the differences, images or curves.

        Returns
        -------
        display : ReconstructionDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If the two sets of rows differ in shape or are not finite; if `image_shape`
            is not as large as a row; or if `ax` has another number of panels.
        ImportError
            If matplotlib is not installed.
        """
        originals, rebuilt = (
            check_array(rows, dtype=np.float64, input_name=name)
            for name, rows in (
                ("originals", self.originals),
                ("reconstructions", self.reconstructions),
            )
        )
        if originals.shape != rebuilt.shape:
            raise ValueError(
                "originals and reconstructions must have the same shape; found "
                f"{originals.shape} and {rebuilt.shape}."
            )
        n = len(originals)
        names = self.names
        if names is None:
            names = [f"row {i}" for i in range(n)]
        elif len(names) != n:
            raise ValueError(
                f"names must hold one name for each of {n} rows; found {len(names)}."
            )
        shape = self.image_shape
        if shape is not None:
            shape = check_image_shape(shape, originals.shape[1])
        plt = import_pyplot(self)
        n_lines = 2 if shape is None else 3
        aspect = 0.75 if shape is None else shape[0] / shape[1]
        self._lay_out(plt, ax, n_lines, n, aspect)
        self.relative_errors_ = relative_errors(originals, rebuilt)
        self.images_, self.lines_, self.colorbars_ = None, None, []
        if shape is None:
            self._draw_curves(plt, originals, rebuilt, line_kw, error_kw)
        else:
            self._draw_images(originals, rebuilt, shape, image_kw, error_kw)
            if colorbar and len(shape) == 2:
                self.colorbars_ = [
                    add_colorbar(self.axes_[i, -1], self.images_[i, -1]) for i in (0, 2)
                ]
        for panel, name, error in zip(
            self.axes_[0], names, self.relative_errors_, strict=True
        ):
            panel.set_title(f"{name}\nrel. error {error:#.2g}", fontsize=9)
        return self

    def _lay_out(self, plt, ax, n_lines, n, aspect):
        shape = (n_lines, n)
        width = 1.45 if n_lines == 3 else 2.6
        width = min(width, 14 / n)
        figsize = (max(n * width + 1.0, 2.6), n_lines * width * aspect + 0.6)
        self.figure_, self.bounding_ax_, axes = make_panels(
            plt, ax, shape, n_lines * n, figsize
        )
        if axes.ndim > 1 and axes.shape != shape:
            raise ValueError(f"ax must have shape {shape}; found {axes.shape}.")
        self.axes_ = axes.reshape(shape)

    def _draw_images(self, originals, rebuilt, shape, image_kw, error_kw):
        low, high = brightness_limits(originals, shape)
        error = rebuilt - originals
        limit = np.abs(error).max()
        self.images_ = np.empty(self.axes_.shape, dtype=object)
        for (i, j), panel in np.ndenumerate(self.axes_):
            if i == 2:
                arguments = signed_image(error[j], shape, limit)
            else:
                X = (originals, rebuilt)[i][j].reshape(shape)
                if len(shape) == 3:
                    arguments = {"X": np.clip((X - low) / (high - low), 0, 1)}
                else:
                    arguments = {"X": X, "cmap": "gray", "vmin": low, "vmax": high}
            given = (error_kw if i == 2 else image_kw) or {}
            self.images_[i, j] = panel.imshow(**arguments | given)
            frame(panel)
        for panel, label in zip(
            self.axes_[:, 0], ("original", "reconstruction", "difference"), strict=True
        ):
            panel.set_ylabel(label)

    def _draw_curves(self, plt, originals, rebuilt, line_kw, error_kw):
        from matplotlib.ticker import MaxNLocator

        at = np.arange(originals.shape[1])
        curves = (originals, rebuilt, rebuilt - originals)
        styles = (
            {"color": DARK, "linewidth": 2.5, "alpha": 0.5, "label": "original"},
            {"color": BLUE, "linewidth": 1.2, "label": "reconstruction"},
            {"color": VERMILLION, "linewidth": 1.2, "label": "difference"},
        )
        self.lines_ = np.empty((3, len(originals)), dtype=object)
        for (i, j), _ in np.ndenumerate(self.lines_):
            given = error_kw if i == 2 else line_kw
            style = with_defaults(styles[i], given, plt.Line2D)
            panel = self.axes_[max(i - 1, 0), j]
            self.lines_[i, j] = panel.plot(at, curves[i][j], **style)[0]
        limit = 1.05 * np.abs(curves[2]).max() or 1.0
        both = np.concatenate(curves[:2])
        # Room above the curves for the legend.
        span = np.ptp(both) or 1.0
        limits = (both.min() - 0.05 * span, both.max() + 0.2 * span), (-limit, limit)
        for (i, j), panel in np.ndenumerate(self.axes_):
            panel.set_ylim(limits[i])
            panel.tick_params(labelleft=j == 0, labelbottom=i == 1, labelsize=8)
            panel.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
            panel.spines[["top", "right"]].set_visible(False)
            if i == 1:
                panel.axhline(0, color="0.8", lw=0.8, zorder=0)
                panel.set_xlabel("feature", fontsize=9)
        self.axes_[0, 0].legend(
            loc="upper left",
            ncols=2,
            frameon=False,
            fontsize=8,
            handlelength=1.2,
            columnspacing=1.0,
            borderaxespad=0.0,
        )
        self.axes_[1, 0].set_ylabel("difference")
