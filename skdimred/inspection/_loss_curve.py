"""The course of a descent, epoch by epoch."""

from numbers import Real

import numpy as np

from skdimred.inspection._panels import (
    BLUE,
    DARK,
    VERMILLION,
    check_step,
    import_pyplot,
    one_axes,
    with_defaults,
)

__all__ = ["LossCurveDisplay"]


def check_curve(values, name):
    """Return one finite number an epoch, float64."""
    curve = np.asarray(values, dtype=np.float64)
    if curve.ndim != 1 or not len(curve):
        raise ValueError(f"{name} must hold one number an epoch; found {values!r}.")
    if not np.isfinite(curve).all():
        epoch = int(np.argmin(np.isfinite(curve))) + 1
        raise ValueError(f"{name} holds {curve[epoch - 1]} for epoch {epoch}.")
    return curve


class LossCurveDisplay:
    """Loss after each epoch of a fit, and how held-out rows fared.

    Use `from_estimator` to draw a fitted estimator. A dot marks the best epoch: the one
    with the best score of the held-out rows, or else the least loss. Scores that are
    errors with the sign changed, none above 0, are drawn as errors beside the loss;
    others, such as the coefficient of determination, on an axis at the right.

    Parameters
    ----------
    loss : array-like of shape (n_epochs,)
        Loss of each epoch.
    validation_scores : array-like of shape (n_epochs,) or None, default=None
        Score of the held-out rows after each epoch; larger is better.
    baseline : float or None, default=None
        A loss to compare with, such as that of PCA.
    baseline_name : str, default="baseline"
        What to call it.

    Attributes
    ----------
    line_ : Line2D
        The loss.
    validation_line_ : Line2D or None
        Errors or scores of the held-out rows.
    baseline_line_ : Line2D or None
        A level line at the baseline.
    best_ : Line2D
        The dot at the best epoch.
    legend_ : Legend or None
        Names of the lines, where there are several.
    ax_ : Axes
        Holds the loss.
    validation_ax_ : Axes or None
        Holds scores that are no errors; shares the x-axis with `ax_`.
    figure_ : Figure
        Holds both.

    See Also
    --------
    ReconstructionDisplay : Rows beside what the fitted estimator makes of them.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdimred.inspection import LossCurveDisplay
    >>> from skdimred.neural_network import Autoencoder
    >>> X = load_digits().data
    >>> deep = Autoencoder(n_components=2, tol=1e-2, random_state=0).fit(X)
    >>> display = LossCurveDisplay.from_estimator(deep)
    >>> len(display.line_.get_xdata()) == deep.n_iter_
    True
    """

    def __init__(
        self,
        *,
        loss,
        validation_scores=None,
        baseline=None,
        baseline_name="baseline",
    ):
        self.loss = loss
        self.validation_scores = validation_scores
        self.baseline = baseline
        self.baseline_name = baseline_name

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        baseline=None,
        baseline_name="baseline",
        ax=None,
        line_kw=None,
        validation_kw=None,
        baseline_kw=None,
    ):
        """Draw the course of a fit.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `loss_curve_`; its
            `validation_scores_` are drawn, too, if it has any.
        baseline : float or None, default=None
            A loss to compare with, such as that of PCA.
        baseline_name : str, default="baseline"
            What to call it.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        line_kw : dict or None, default=None
            Keywords for the loss.
        validation_kw : dict or None, default=None
            Keywords for the errors or scores of the held-out rows.
        baseline_kw : dict or None, default=None
            Keywords for the baseline.

        Returns
        -------
        display : LossCurveDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator has no `loss_curve_` or is a Pipeline, or if `baseline` is
            no number.
        ImportError
            If matplotlib is not installed.
        """
        check_step(estimator)
        if not hasattr(estimator, "loss_curve_"):
            raise ValueError(
                f"estimator must have loss_curve_; found {type(estimator).__name__}, "
                "which has none."
            )
        display = cls(
            loss=estimator.loss_curve_,
            validation_scores=getattr(estimator, "validation_scores_", None),
            baseline=baseline,
            baseline_name=baseline_name,
        )
        return display.plot(
            ax, line_kw=line_kw, validation_kw=validation_kw, baseline_kw=baseline_kw
        )

    def plot(self, ax=None, *, line_kw=None, validation_kw=None, baseline_kw=None):
        """Draw the curves.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        line_kw : dict or None, default=None
            Keywords for the loss.
        validation_kw : dict or None, default=None
            Keywords for the errors or scores of the held-out rows.
        baseline_kw : dict or None, default=None
            Keywords for the baseline.

        Returns
        -------
        display : LossCurveDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If what the display holds is not finite, or not of one length.
        ImportError
            If matplotlib is not installed.
        """
        loss = check_curve(self.loss, "loss")
        scores = self.validation_scores
        if scores is not None:
            scores = check_curve(scores, "validation_scores")
            if len(scores) != len(loss):
                raise ValueError(
                    f"validation_scores must hold {len(loss)}, one for each epoch of "
                    f"loss; found {len(scores)}."
                )
        plt = import_pyplot(self)
        self.ax_ = one_axes(plt, ax)
        self.figure_ = self.ax_.figure
        at = np.arange(1, len(loss) + 1)
        style = with_defaults(self._style(BLUE, "loss", at), line_kw, plt.Line2D)
        self.line_ = self.ax_.plot(at, loss, **style)[0]
        self._draw_validation(plt, at, scores, validation_kw)
        self._draw_baseline(plt, baseline_kw)
        self._finish(plt, at, loss, scores)
        return self

    def _style(self, colour, label, at):
        style = {"color": colour, "linewidth": 1.5, "label": label}
        # A single point has no line.
        return style if len(at) > 1 else style | {"marker": "o"}

    def _draw_validation(self, plt, at, scores, validation_kw):
        self.validation_line_ = self.validation_ax_ = None
        if scores is None:
            return
        errors = (scores <= 0).all()
        name = "held-out error" if errors else "held-out score"
        style = self._style(VERMILLION, name, at)
        style = with_defaults(style, validation_kw, plt.Line2D)
        ax = self.ax_
        if not errors:
            ax = self.validation_ax_ = self.ax_.twinx()
        line = ax.plot(at, -scores if errors else scores, **style)[0]
        self.validation_line_ = line
        if not errors:
            ax.set_ylabel("score of the held-out rows", color=line.get_color())
            ax.tick_params(axis="y", colors=line.get_color())
            ax.spines[["top", "left"]].set_visible(False)

    def _draw_baseline(self, plt, baseline_kw):
        self.baseline_line_ = None
        level = self.baseline
        if level is None:
            return
        if not isinstance(level, Real) or not np.isfinite(level):
            raise ValueError(f"baseline={level!r} must be a finite number or None.")
        style = {
            "color": DARK,
            "linewidth": 1.2,
            "linestyle": "--",
            "label": self.baseline_name,
        }
        style = with_defaults(style, baseline_kw, plt.Line2D)
        self.baseline_line_ = self.ax_.axhline(level, **style)

    def _finish(self, plt, at, loss, scores):
        from matplotlib.ticker import MaxNLocator

        line = self.line_ if scores is None else self.validation_line_
        best = int(np.argmin(loss) if scores is None else np.argmax(scores))
        self.best_ = line.axes.plot(
            at[best],
            line.get_ydata()[best],
            color=line.get_color(),
            marker="o",
            markersize=6,
            linestyle="none",
            zorder=line.get_zorder() + 1,
        )[0]
        self.ax_.set_xlabel("epoch")
        self.ax_.set_ylabel("loss")
        self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.ax_.spines[["top", "right"]].set_visible(False)
        lines = [self.line_, self.validation_line_, self.baseline_line_]
        lines = [line for line in lines if line is not None]
        self.legend_ = None
        if len(lines) > 1:
            self._add_legend(plt, lines)

    def _add_legend(self, plt, lines):
        from matplotlib.transforms import ScaledTranslation

        # Below the label: inside, any place can hold a curve or the baseline.
        down = -3.2 * plt.rcParams["font.size"] / 72
        move = ScaledTranslation(0, down, self.figure_.dpi_scale_trans)
        self.legend_ = self.ax_.legend(
            handles=lines,
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=self.ax_.transAxes + move,
            ncols=len(lines),
            frameon=False,
        )
