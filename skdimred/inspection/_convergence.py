"""Objective of iterative fits, sweep by sweep."""

from skdimred.inspection._histories import (
    check_histories,
    ordinates,
    read_fits,
)
from skdimred.inspection._panels import (
    check_choice,
    class_colours,
    import_pyplot,
    one_axes,
    with_defaults,
)
from skdimred.inspection._points import MOST_IN_LEGEND, last_step

__all__ = ["ConvergenceDisplay"]

VIEWS = ("value", "relative", "excess")
XS = ("sweep", "time")
SCALES = ("linear", "log", None)
# Of the legend, in inches.
LINE_HEIGHT = 0.18


class ConvergenceDisplay:
    """Objective of one or more iterative fits, sweep by sweep, and where they stopped.

    Use `from_estimator` to draw one fitted estimator and `from_estimators` to compare
    several. A curve ends in a mark, full where the fit converged or where that is not
    known, empty where it did not converge. Three views show

    - "value": the objective itself;
    - "relative": the objective over its first value;
    - "excess": the objective less the lowest of all, on a logarithmic axis, where a
      linear rate is a straight line. A curve that reaches the lowest value leaves the
      picture at its lower edge.

    Parameters
    ----------
    histories : array-like of shape (n_sweeps + 1,) or (n_sweeps,), or dict of them
        Objective at the start and after each sweep, or after each sweep alone; for
        several fits by their names.
    validation_histories : array-like, dict or None, default=None
        Error on held-out data, of as many values or one fewer, which is the start.
        Drawn dashed, with an axis at the right.
    times : array-like, dict or None, default=None
        Seconds since the start, one for each value in `histories`.
    n_iters : int, dict or None, default=None
        Sweeps made. None takes the first value of a history as that of the start.
    residuals : float, dict or None, default=None
        Residual of the Karush-Kuhn-Tucker conditions at the end, for the legend.
    converged : bool, dict or None, default=None
        Whether the fit converged.
    quantity : str, default="objective"
        What the histories hold, for the label.
    validation_quantity : str, default="held-out error"
        What the validation histories hold, for the label.

    Attributes
    ----------
    lines_ : dict of Line2D
        Curve of each fit, by its name.
    stops_ : dict of Line2D
        Mark at the end of each curve.
    validation_lines_ : dict of Line2D
        Held-out error of the fits that have one.
    best_ : float or None
        What was taken off in the view "excess".
    legend_ : Legend or None
        Names, numbers of sweeps and residuals, if the fits are 20 at most.
    ax_ : Axes
        Holds the curves.
    validation_ax_ : Axes or None
        Holds `validation_lines_`; shares the x-axis with `ax_`.
    figure_ : Figure
        Holds both.

    See Also
    --------
    ComponentGalleryDisplay : What the fits found, as images or words.
    ReconstructionDisplay : What they make of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from skdimred.inspection import ConvergenceDisplay
    >>> display = ConvergenceDisplay(
    ...     histories={"rate 1/2": 3 + 0.5 ** np.arange(9), "rate 1/4": [4, 3.25, 3.06]}
    ... ).plot(view="excess", best=3)
    >>> display.lines_["rate 1/4"].get_ydata().round(4)
    array([1.  , 0.25, 0.06])
    >>> [text.get_text() for text in display.legend_.get_texts()]
    ['rate 1/2: 8 sweeps', 'rate 1/4: 2 sweeps']
    """

    def __init__(
        self,
        *,
        histories,
        validation_histories=None,
        times=None,
        n_iters=None,
        residuals=None,
        converged=None,
        quantity="objective",
        validation_quantity="held-out error",
    ):
        self.histories = histories
        self.validation_histories = validation_histories
        self.times = times
        self.n_iters = n_iters
        self.residuals = residuals
        self.converged = converged
        self.quantity = quantity
        self.validation_quantity = validation_quantity

    @classmethod
    def from_estimator(
        cls,
        estimator,
        *,
        view="value",
        x="sweep",
        yscale=None,
        best=None,
        ax=None,
        line_kw=None,
        stop_kw=None,
        validation_kw=None,
    ):
        """Draw how the fit of an estimator went.

        Parameters
        ----------
        estimator : estimator
            Fitted, of this package or another, with `objective_history_`, or else
            `loss_curve_` or `error_`; or a Pipeline that ends in one. Where present,
            `validation_history_` or `validation_scores_`, `time_history_`, `n_iter_`
            and `kkt_residual_` are drawn too. It has converged if `kkt_residual_` is
            at most `tol`, or without them if `n_iter_` is below `max_iter`.
        view : {"value", "relative", "excess"}, default="value"
            What to show of the objective.
        x : {"sweep", "time"}, default="sweep"
            What the curves are drawn over. "time" needs `time_history_`.
        yscale : {"linear", "log"} or None, default=None
            Scale of the objective. None is "log" for the view "excess", else "linear".
        best : float or None, default=None
            Value taken off in the view "excess", such as that of a long fit. None
            takes the lowest that is drawn.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        line_kw : dict or None, default=None
            Keywords for the curves.
        stop_kw : dict or None, default=None
            Keywords for the marks at their ends.
        validation_kw : dict or None, default=None
            Keywords for the curves of the held-out error.

        Returns
        -------
        display : ConvergenceDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If the estimator keeps no history, or one that is not finite or not of one
            value a sweep; or if a parameter is out of its range.
        ImportError
            If matplotlib is not installed.
        """
        name = type(last_step(estimator)).__name__
        return cls.from_estimators(
            {name: estimator},
            view=view,
            x=x,
            yscale=yscale,
            best=best,
            ax=ax,
            line_kw=line_kw,
            stop_kw=stop_kw,
            validation_kw=validation_kw,
        )

    @classmethod
    def from_estimators(
        cls,
        estimators,
        *,
        view="value",
        x="sweep",
        yscale=None,
        best=None,
        ax=None,
        line_kw=None,
        stop_kw=None,
        validation_kw=None,
    ):
        """Draw how several fits went, in one plot.

        Parameters
        ----------
        estimators : dict or list of estimators
            Names and fitted estimators, as `from_estimator` takes them. In a list they
            go by their classes.
        view : {"value", "relative", "excess"}, default="value"
            What to show of the objective.
        x : {"sweep", "time"}, default="sweep"
            What the curves are drawn over. "time" needs `time_history_` of all.
        yscale : {"linear", "log"} or None, default=None
            Scale of the objective. None is "log" for the view "excess", else "linear".
        best : float or None, default=None
            Value taken off in the view "excess", such as that of a long fit. None
            takes the lowest that is drawn.
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        line_kw : dict or None, default=None
            Keywords for the curves.
        stop_kw : dict or None, default=None
            Keywords for the marks at their ends.
        validation_kw : dict or None, default=None
            Keywords for the curves of the held-out error.

        Returns
        -------
        display : ConvergenceDisplay
            With what was drawn as attributes.

        Raises
        ------
        NotFittedError
            If an estimator is not fitted.
        TypeError
            If `estimators` is neither a dict nor a list.
        ValueError
            As `from_estimator`, or if there is no estimator.
        ImportError
            If matplotlib is not installed.
        """
        words = read_fits(estimators)
        words = {word: value for word, value in words.items() if value is not None}
        return cls(**words).plot(
            ax,
            view=view,
            x=x,
            yscale=yscale,
            best=best,
            line_kw=line_kw,
            stop_kw=stop_kw,
            validation_kw=validation_kw,
        )

    def plot(
        self,
        ax=None,
        *,
        view="value",
        x="sweep",
        yscale=None,
        best=None,
        line_kw=None,
        stop_kw=None,
        validation_kw=None,
    ):
        """Draw the histories.

        Parameters
        ----------
        ax : Axes or None, default=None
            Where to draw. None makes a figure.
        view : {"value", "relative", "excess"}, default="value"
            What to show of the objective.
        x : {"sweep", "time"}, default="sweep"
            What the curves are drawn over.
        yscale : {"linear", "log"} or None, default=None
            Scale of the objective. None is "log" for the view "excess", else "linear";
            and "linear" where no value is above 0.
        best : float or None, default=None
            Value taken off in the view "excess". None takes the lowest of all.
        line_kw : dict or None, default=None
            Keywords for the curves.
        stop_kw : dict or None, default=None
            Keywords for the marks at their ends.
        validation_kw : dict or None, default=None
            Keywords for the curves of the held-out error.

        Returns
        -------
        display : ConvergenceDisplay
            This display, with what was drawn as attributes.

        Raises
        ------
        ValueError
            If a history is not finite, or its length is not that of the others; if a
            parameter is out of its range; if `x` is "time" and times are not known; or
            if `yscale` is "log" and a value is below 0 or none above.
        ImportError
            If matplotlib is not installed.
        """
        for value, name, allowed in (
            (view, "view", VIEWS),
            (x, "x", XS),
            (yscale, "yscale", SCALES),
        ):
            check_choice(value, name, allowed)
        histories = check_histories(self)
        places = [place_of(history, x) for history in histories]
        heights, self.best_ = ordinates(histories, view, best)
        log = takes_logarithm(heights, view, yscale)
        plt = import_pyplot(self)
        self.ax_ = one_axes(plt, ax)
        self.figure_ = self.ax_.figure
        colours = class_colours(plt, len(histories))
        self._draw_curves(plt, histories, places, heights, colours, line_kw)
        self._label(x, view, best)
        if log:
            # Zeros are drawn far below, not left out.
            self.ax_.set_yscale("log", nonpositive="clip")
        self._draw_stops(plt, histories, places, heights, log, stop_kw)
        self._draw_validation(plt, histories, places, validation_kw)
        self._add_legend(plt, histories)
        if ax is None and self.legend_ is not None:
            # A long legend should not make the curves low.
            width, height = self.figure_.get_size_inches()
            more = LINE_HEIGHT * max(0, len(histories) - 3)
            self.figure_.set_size_inches(width, height + more)
        return self

    def _draw_curves(self, plt, histories, places, heights, colours, line_kw):
        self.lines_ = {}
        for i, history in enumerate(histories):
            style = {"color": colours[i], "linewidth": 1.5}
            style = with_defaults(style, line_kw, plt.Line2D)
            line = self.ax_.plot(places[i], heights[i], **style)[0]
            self.lines_[history.name] = line

    def _draw_stops(self, plt, histories, places, heights, log, stop_kw):
        self.stops_ = {}
        for i, history in enumerate(histories):
            colour = self.lines_[history.name].get_color()
            full = history.converged is None or history.converged
            style = {
                "color": colour,
                "marker": "o",
                "markersize": 6,
                "markerfacecolor": colour if full else "white",
                "linestyle": "none",
                "zorder": 4,
            }
            at, height = places[i][-1], heights[i][-1]
            if log and height <= 0:
                # Where the curve leaves the picture.
                height = 0.0
                style["transform"] = self.ax_.get_xaxis_transform()
                style["clip_on"] = False
            style = with_defaults(style, stop_kw, plt.Line2D)
            self.stops_[history.name] = self.ax_.plot([at], [height], **style)[0]

    def _draw_validation(self, plt, histories, places, validation_kw):
        self.validation_ax_, self.validation_lines_ = None, {}
        if all(history.validation is None for history in histories):
            return
        ax = self.validation_ax_ = self.ax_.twinx()
        for history, place in zip(histories, places, strict=True):
            if history.validation is None:
                continue
            style = {
                "color": self.lines_[history.name].get_color(),
                "linewidth": 1.2,
                "linestyle": "--",
            }
            style = with_defaults(style, validation_kw, plt.Line2D)
            values = history.validation
            line = ax.plot(place[len(place) - len(values) :], values, **style)[0]
            self.validation_lines_[history.name] = line
        ax.set_ylabel(f"{self.validation_quantity} (dashed)")
        ax.spines[["top", "left"]].set_visible(False)

    def _label(self, x, view, best):
        from matplotlib.ticker import MaxNLocator

        label = self.quantity
        if view == "relative":
            label += " over its first value"
        elif view == "excess":
            lowest = "" if best is not None else "the lowest, "
            label += f" above {lowest}{self.best_:.6g}"
        self.ax_.set_ylabel(label)
        self.ax_.set_xlabel("sweep" if x == "sweep" else "time (s)")
        if x == "sweep":
            self.ax_.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        self.ax_.spines[["top", "right"]].set_visible(False)

    def _add_legend(self, plt, histories):
        from matplotlib.transforms import ScaledTranslation

        self.legend_ = None
        if len(histories) > MOST_IN_LEGEND:
            return
        # Below the label, as curves may run anywhere.
        down = -3.2 * plt.rcParams["font.size"] / 72
        move = ScaledTranslation(0, down, self.figure_.dpi_scale_trans)
        self.legend_ = self.ax_.legend(
            [(self.lines_[h.name], self.stops_[h.name]) for h in histories],
            [str(i) for i in range(len(histories))],
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            bbox_transform=self.ax_.transAxes + move,
            frameon=False,
            fontsize="small",
        )
        for text, history in zip(self.legend_.get_texts(), histories, strict=True):
            # A name may begin with an underscore and hold dollar signs.
            text.set(text=history.label, parse_math=False)


def place_of(history, x):
    """Where each value of a history lies along the x-axis."""
    if x == "sweep":
        return history.sweeps
    if history.times is None:
        raise ValueError(
            "x='time' needs the times of all fits (time_history_, or times of the "
            f"display); found none for {history.name!r}. Draw it over x='sweep'."
        )
    return history.times


def takes_logarithm(heights, view, yscale):
    """Whether the axis is logarithmic."""
    most = max(values.max() for values in heights)
    if yscale is None:
        return view == "excess" and most > 0
    if yscale == "linear":
        return False
    least = min(values.min() for values in heights)
    if least < 0 or most <= 0:
        raise ValueError(
            "yscale='log' needs values of at least 0, and one above; found "
            f"{least:g} to {most:g}. Take view='excess' or yscale='linear'."
        )
    return True
