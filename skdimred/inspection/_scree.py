"""How much each component carries, and how much it would by chance."""

from numbers import Integral

import numpy as np

from skdimred.inspection._panels import (
    DARK,
    LIGHT,
    VERMILLION,
    check_choice,
    check_step,
    import_pyplot,
    one_axes,
    with_defaults,
)

__all__ = ["ScreeDisplay"]

REFERENCES = ("broken-stick", "noise", None)


def broken_stick(n_pieces):
    """Expected lengths of the pieces of a unit stick, longest first.

    The stick breaks at ``n_pieces - 1`` points drawn uniformly; the j-th longest of d
    pieces has expected length ``sum(1 / i for i in range(j, d + 1)) / d``.
    """
    return np.cumsum(1 / np.arange(n_pieces, 0, -1))[::-1] / n_pieces


class ScreeDisplay:
    r"""Share of each component, their cumulative sum, and a line to compare with.

    Use `from_estimator` to draw a fitted estimator. Two lines of reference are drawn
    over the bars:

    - "broken-stick": were the whole split at random into d parts, the j-th largest
      would be expected to be :math:`\frac{1}{d} \sum_{i=j}^{d} \frac{1}{i}` [1]_.
      Components above the line carry more than such a split would give them.
    - "noise": the mean share of the components left out, the noise of probabilistic
      PCA [2]_.

    Parameters
    ----------
    ratio : array-like of shape (n_components,)
        Share of each component in the whole.
    n_possible : int or None, default=None
        How many components there can be, the d of the broken stick. None takes those
        in `ratio`.
    noise : float or None, default=None
        Mean share of the components left out. None divides what `ratio` leaves of 1
        among them.
    share_of : str, default="variance"
        What the whole is, for the label.

    Attributes
    ----------
    bars_ : BarContainer
        A bar for each component.
    line_ : Line2D
        Cumulative sum of the shares, on the axis at the right.
    reference_line_ : Line2D or None
        The line of reference.
    ax_ : Axes
        Holds the bars and the reference.
    cumulative_ax_ : Axes
        Holds `line_`; shares the x-axis with `ax_`.
    figure_ : Figure
        Holds both.

    See Also
    --------
    ComponentGalleryDisplay : The components as images.
    ReconstructionDisplay : What the components make of the rows.

    References
    ----------
    .. [1] D. A. Jackson, "Stopping rules in principal components analysis: a
           comparison of heuristical and statistical approaches", Ecology 74 (1993),
           2204-2214. https://doi.org/10.2307/1939574
    .. [2] M. E. Tipping and C. M. Bishop, "Probabilistic principal component
           analysis", Journal of the Royal Statistical Society B 61 (1999), 611-622.
           https://doi.org/10.1111/1467-9868.00196

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.decomposition import PCA
    >>> from skdimred.inspection import ScreeDisplay
    >>> pca = PCA(n_components=12).fit(load_digits().data)
    >>> display = ScreeDisplay.from_estimator(pca)
    >>> int(sum(pca.explained_variance_ratio_ > display.reference_line_.get_ydata()))
    10
    """

    def __init__(self, *, ratio, n_possible=None, noise=None, share_of="variance"):
        self.ratio = ratio
        self.n_possible = n_possible
        self.noise = noise
        self.share_of = share_of

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        reference="broken-stick",
        ax=None,
        bar_kw=None,
        line_kw=None,
        reference_kw=None,
    ):
        """Draw the shares that a fitted estimator reports.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `energy_ratio_` (shares of the
            sum of all squared singular values) or else `explained_variance_ratio_`.
            There can be as many components as the smaller of `n_samples_` and
            `n_features_in_`, or as `n_features_in_` if it does not know `n_samples_`;
            for discriminants, one less than the classes at most.
        reference : {"broken-stick", "noise"} or None, default="broken-stick"
            Line to compare with. "noise" is `noise_variance_` over the total variance,
            or the share left over divided by the number of components left out.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        bar_kw : dict or None, default=None
            Keywords for the bars.
        line_kw : dict or None, default=None
            Keywords for the cumulative line.
        reference_kw : dict or None, default=None
            Keywords for the line of reference.

        Returns
        -------
        display : ScreeDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no shares or is a Pipeline, if `reference` is none of
            the above, or if it is "noise" and no component was left out.
        ImportError
            If matplotlib is not installed.
        """
        check_choice(reference, "reference", REFERENCES)
        check_step(estimator)
        energy = getattr(estimator, "energy_ratio_", None)
        ratio = getattr(estimator, "explained_variance_ratio_", energy)
        if ratio is None:
            raise ValueError(
                "estimator must have energy_ratio_ or explained_variance_ratio_; found "
                f"{type(estimator).__name__}, which has neither."
            )
        share_of, noise = "variance", None
        n_possible = estimator.n_features_in_
        if energy is not None:
            ratio, share_of = energy, "energy"
        elif hasattr(estimator, "scalings_"):
            share_of = "eigenvalues"
            n_possible = min(n_possible, len(estimator.classes_) - 1)
        n_possible = min(n_possible, getattr(estimator, "n_samples_", n_possible))
        # Weights that count as repetitions allow more components than rows.
        n_possible = max(n_possible, len(ratio))
        if share_of == "variance" and hasattr(estimator, "noise_variance_"):
            noise = 0.0
            if np.sum(ratio) > 0:
                total = np.sum(estimator.explained_variance_) / np.sum(ratio)
                noise = float(estimator.noise_variance_ / total)
        display = cls(
            ratio=ratio, n_possible=n_possible, noise=noise, share_of=share_of
        )
        return display.plot(
            ax,
            reference=reference,
            bar_kw=bar_kw,
            line_kw=line_kw,
            reference_kw=reference_kw,
        )

    def plot(
        self,
        ax=None,
        *,
        reference="broken-stick",
        bar_kw=None,
        line_kw=None,
        reference_kw=None,
    ):
        """Draw the shares.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        reference : {"broken-stick", "noise"} or None, default="broken-stick"
            Line to compare with.
        bar_kw : dict or None, default=None
            Keywords for the bars.
        line_kw : dict or None, default=None
            Keywords for the cumulative line.
        reference_kw : dict or None, default=None
            Keywords for the line of reference.

        Returns
        -------
        display : ScreeDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If what the display holds or `reference` is out of its range, or if
            `reference` is "noise" and no component was left out.
        ImportError
            If matplotlib is not installed.
        """
        check_choice(reference, "reference", REFERENCES)
        ratio = self._checked_ratio()
        level = self._reference_level(reference, ratio)
        plt = import_pyplot(self)
        ax = one_axes(plt, ax)
        at = np.arange(1, len(ratio) + 1)
        self.ax_, self.figure_ = ax, ax.figure
        self._draw_bars(plt, at, ratio, bar_kw)
        self._draw_reference(plt, at, level, reference, reference_kw)
        self._draw_cumulative(plt, at, ratio, line_kw)
        self._add_legend(plt)
        return self

    def _checked_ratio(self):
        ratio = np.asarray(self.ratio, dtype=np.float64)
        if ratio.ndim != 1 or not len(ratio) or not (ratio >= 0).all():
            raise ValueError(
                "ratio must hold one share of at least 0 for each component; found "
                f"{self.ratio!r}."
            )
        return ratio

    def _reference_level(self, reference, ratio):
        """Heights of the line of reference (n_components,), or None."""
        k, d = len(ratio), self.n_possible
        if d is None:
            d = k
        elif not isinstance(d, Integral) or d < k:
            raise ValueError(
                f"n_possible={d!r} must be an integer of at least {k}, the number of "
                "shares in ratio."
            )
        if reference is None:
            return None
        if reference == "broken-stick":
            return broken_stick(d)[:k]
        if d == k:
            raise ValueError(
                "reference='noise' is the mean share of the components left out, and "
                f"none of {d} is. Fit fewer components or take another reference."
            )
        rest = max(0.0, 1.0 - ratio.sum()) / (d - k)
        return np.full(k, rest if self.noise is None else self.noise, dtype=float)

    def _draw_bars(self, plt, at, ratio, bar_kw):
        from matplotlib.patches import Rectangle
        from matplotlib.ticker import MaxNLocator

        # Gaps between many bars would be finer than a pixel and shimmer.
        width = 0.8 if len(at) <= 60 else 1.0
        style = {"color": LIGHT, "width": width, "label": "each component"}
        self.bars_ = self.ax_.bar(at, ratio, **with_defaults(style, bar_kw, Rectangle))
        self.ax_.set_xlabel("component")
        self.ax_.set_ylabel(f"share of the {self.share_of}")
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.ax_.spines[["top", "right"]].set_visible(False)

    def _draw_reference(self, plt, at, level, reference, reference_kw):
        self.reference_line_ = None
        if level is None:
            return
        label = {"broken-stick": "broken stick", "noise": "mean share left out"}
        style = {
            "color": DARK,
            "linewidth": 1.5,
            "linestyle": "--",
            "label": label[reference],
        }
        if len(at) == 1:
            # A single point has no line.
            style |= {"marker": "_", "markersize": 20, "markeredgewidth": 1.5}
            style["linestyle"] = "none"
        style = with_defaults(style, reference_kw, plt.Line2D)
        self.reference_line_ = self.ax_.plot(at, level, **style)[0]

    def _draw_cumulative(self, plt, at, ratio, line_kw):
        ax = self.cumulative_ax_ = self.ax_.twinx()
        style = {"color": VERMILLION, "linewidth": 1.5, "label": "cumulative"}
        if len(at) <= 60:
            style |= {"marker": "o", "markersize": 4}
        style = with_defaults(style, line_kw, plt.Line2D)
        self.line_ = ax.plot(at, np.cumsum(ratio), **style)[0]
        ax.set_ylim(0, 1.02)
        ax.set_ylabel("cumulative share", color=self.line_.get_color())
        ax.tick_params(axis="y", colors=self.line_.get_color())
        ax.spines[["top", "left"]].set_visible(False)
        # A margin in proportion would leave many bars far from the axes.
        ax.set_xlim(0.4, len(at) + 0.6)

    def _add_legend(self, plt):
        from matplotlib.transforms import ScaledTranslation

        # Below the label: inside, any place can hold a bar or the line, and above
        # there may be a title. In points, so that it fits axes of any size.
        handles = [self.bars_, self.reference_line_, self.line_]
        handles = [handle for handle in handles if handle is not None]
        down = -3.2 * plt.rcParams["font.size"] / 72
        move = ScaledTranslation(0, down, self.figure_.dpi_scale_trans)
        self.ax_.legend(
            handles=handles,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=self.ax_.transAxes + move,
            ncols=len(handles),
            frameon=False,
        )
