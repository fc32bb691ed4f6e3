"""What the picture of convergence draws, against fits that are run here."""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, DictionaryLearning
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skdimred.inspection import ConvergenceDisplay

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


class LeastSquares(TransformerMixin, BaseEstimator):
    """X as a product of two factors over its known cells, by turns.

    The objective is the sum of squares over the cells that are not held out, plus
    `alpha` times those of the factors. Its minimiser over one factor is exact, so the
    objective never rises.
    """

    def __init__(self, k=3, alpha=1.0, max_iter=20, tol=1e-3, held_out=0.0, start=True):
        self.k = k
        self.alpha = alpha
        self.max_iter = max_iter
        self.tol = tol
        self.held_out = held_out
        self.start = start

    def fit(self, X, y=None):
        rng = np.random.default_rng(0)
        began = time.perf_counter()
        known = rng.random(X.shape) >= self.held_out
        W, H = rng.random((len(X), self.k)), rng.random((self.k, X.shape[1]))
        penalty = self.alpha * np.eye(self.k)

        def factor(X, H, known):
            return np.array(
                [
                    np.linalg.solve(H[:, m] @ H[:, m].T + penalty, H[:, m] @ x[m])
                    for x, m in zip(X, known, strict=True)
                ]
            )

        objectives, errors, times = [], [], []

        def note():
            R = X - W @ H
            squares = np.sum(R[known] ** 2)
            objectives.append(squares + self.alpha * (np.sum(W**2) + np.sum(H**2)))
            if self.held_out:
                errors.append(np.sqrt(np.mean(R[~known] ** 2)))
            times.append(time.perf_counter() - began)

        note()
        for sweep in range(1, self.max_iter + 1):
            self.n_iter_ = sweep
            W = factor(X, H, known)
            H = factor(X.T, W.T, known.T).T
            note()
            R = (X - W @ H) * known
            gradient = self.alpha * W - R @ H.T
            self.kkt_residual_ = np.linalg.norm(gradient) / np.linalg.norm(X @ H.T)
            if self.kkt_residual_ <= self.tol:
                break
        self.components_ = H
        first = 0 if self.start else 1
        self.objective_history_ = np.array(objectives[first:])
        self.time_history_ = np.array(times[first:])
        if self.held_out:
            self.validation_history_ = np.array(errors[first:])
        return self


def fitted(X, **parameters):
    return LeastSquares(**parameters).fit(X)


@pytest.fixture(scope="module")
def X(digits):
    return digits[0][:150]


@pytest.fixture(scope="module")
def short(X):
    return fitted(X, max_iter=4, tol=0.0)


@pytest.fixture(scope="module")
def long(X):
    return fitted(X, max_iter=200, tol=1e-2)


@pytest.fixture(scope="module")
def held_out(X):
    return fitted(X, k=12, alpha=0.1, held_out=0.3)


def texts(display):
    return [text.get_text() for text in display.legend_.get_texts()]


def test_the_objective_after_each_sweep(long):
    display = ConvergenceDisplay.from_estimator(long)
    x, y = display.lines_["LeastSquares"].get_data()
    assert_array_equal(x, np.arange(long.n_iter_ + 1))
    assert_array_equal(y, long.objective_history_)
    assert (np.diff(y) <= 0).all()
    assert display.ax_.get_yscale() == "linear"
    assert display.ax_.get_xlabel() == "sweep"
    assert display.ax_.get_ylabel() == "objective"
    assert display.validation_ax_ is None
    display.figure_.draw_without_rendering()


def test_without_the_start(X):
    est = fitted(X, max_iter=5, tol=0.0, start=False)
    display = ConvergenceDisplay.from_estimator(est)
    x, y = display.lines_["LeastSquares"].get_data()
    assert_array_equal(x, [1, 2, 3, 4, 5])
    assert_array_equal(y, est.objective_history_)


def test_where_and_how_the_fits_stopped(short, long):
    display = ConvergenceDisplay.from_estimators({"short": short, "long": long})
    assert long.n_iter_ < 200
    for name, est in (("short", short), ("long", long)):
        ((x,), (y,)) = display.stops_[name].get_data()
        assert (x, y) == (est.n_iter_, est.objective_history_[-1])
    assert display.stops_["short"].get_markerfacecolor() == "white"
    colour = display.lines_["long"].get_color()
    assert display.stops_["long"].get_markerfacecolor() == colour
    assert texts(display) == [
        f"short: 4 sweeps, not converged, KKT residual {short.kkt_residual_:.1e}",
        f"long: {long.n_iter_} sweeps, KKT residual {long.kkt_residual_:.1e}",
    ]


def test_all_sweeps_used_and_no_residual(X):
    est = fitted(X, max_iter=3, tol=0.0)
    del est.kkt_residual_
    draw = ConvergenceDisplay.from_estimator
    assert texts(draw(est)) == ["LeastSquares: 3 sweeps, not converged"]
    est.max_iter = 4
    assert texts(draw(est)) == ["LeastSquares: 3 sweeps"]
    del est.n_iter_
    display = draw(est)
    assert texts(display) == ["LeastSquares: 3 sweeps"]
    assert display.stops_["LeastSquares"].get_markerfacecolor() != "white"


def test_excess_over_the_lowest_of_all(short, long):
    display = ConvergenceDisplay.from_estimators(
        {"short": short, "long": long}, view="excess"
    )
    lowest = long.objective_history_[-1]
    assert display.best_ == lowest
    assert display.ax_.get_yscale() == "log"
    assert display.ax_.get_ylabel() == f"objective above the lowest, {lowest:.6g}"
    for name, est in (("short", short), ("long", long)):
        heights = display.lines_[name].get_ydata()
        assert_allclose(heights, est.objective_history_ - lowest, rtol=1e-12)
    display.figure_.draw_without_rendering()
    # The curve that is lowest leaves at the lower edge, and its mark is there.
    stop = display.stops_["long"]
    place = stop.get_transform().transform(stop.get_xydata())[0]
    edge = display.ax_.transData.transform((long.n_iter_, 1.0))
    assert_allclose(place, [edge[0], display.ax_.bbox.y0], rtol=1e-9)
    low, high = display.ax_.get_ylim()
    positive = [v for v in display.lines_["long"].get_ydata() if v > 0]
    assert 0 < low <= min(positive)
    assert max(positive) <= high < 10 * max(positive)


def test_excess_over_a_known_value(short, long):
    best = float(long.objective_history_[-1])
    display = ConvergenceDisplay.from_estimator(short, view="excess", best=best)
    y = display.lines_["LeastSquares"].get_ydata()
    assert_allclose(y, short.objective_history_ - best, rtol=1e-12)
    assert (y > 0).all()
    assert display.ax_.get_ylabel() == f"objective above {best:.6g}"
    with pytest.raises(ValueError, match=r"best=.* no history is below; the lowest"):
        display.plot(view="excess", best=2 * best)


def test_relative_does_not_see_the_unit(long):
    histories = {c: c * long.objective_history_ for c in (1.0, 1e-6, 1e6)}
    display = ConvergenceDisplay(histories=histories).plot(view="relative")
    one, *others = (line.get_ydata() for line in display.lines_.values())
    assert one[0] == 1
    assert_allclose(others, [one, one], rtol=1e-12)
    assert display.ax_.get_ylabel() == "objective over its first value"


def test_held_out_error_at_the_right(held_out):
    display = ConvergenceDisplay.from_estimator(held_out)
    line = display.validation_lines_["LeastSquares"]
    assert line.axes is display.validation_ax_ is not display.ax_
    x, y = line.get_data()
    assert_array_equal(x, np.arange(held_out.n_iter_ + 1))
    assert_array_equal(y, held_out.validation_history_)
    assert line.get_linestyle() == "--"
    assert line.get_color() == display.lines_["LeastSquares"].get_color()
    assert display.validation_ax_.get_ylabel() == "held-out error (dashed)"
    # So many factors of few cells learn their noise, which the picture should show.
    assert y.min() < y[-1]
    display.figure_.draw_without_rendering()


def test_held_out_error_without_the_start(held_out, long):
    names = ("held out", "long")
    display = ConvergenceDisplay(
        histories=dict(
            zip(
                names,
                (held_out.objective_history_, long.objective_history_),
                strict=True,
            )
        ),
        validation_histories={"held out": held_out.validation_history_[1:]},
    ).plot()
    assert list(display.validation_lines_) == ["held out"]
    x = display.validation_lines_["held out"].get_xdata()
    assert_array_equal(x, np.arange(1, held_out.n_iter_ + 1))


def test_over_time(short, long):
    display = ConvergenceDisplay.from_estimators([short, long], x="time")
    assert list(display.lines_) == ["LeastSquares", "LeastSquares 2"]
    for line, est in zip(display.lines_.values(), (short, long), strict=True):
        assert_array_equal(line.get_xdata(), est.time_history_)
    ((x,), _) = display.stops_["LeastSquares 2"].get_data()
    assert x == long.time_history_[-1]
    assert display.ax_.get_xlabel() == "time (s)"


def test_no_times(short):
    display = ConvergenceDisplay(histories=short.objective_history_)
    with pytest.raises(
        ValueError, match=r"x='time' needs .* found none for 'objective"
    ):
        display.plot(x="time")
    assert not plt.get_fignums()


def test_estimators_of_others(X):
    X = X / 16
    net = MLPRegressor(
        hidden_layer_sizes=(5,),
        max_iter=40,
        tol=1.0,
        early_stopping=True,
        random_state=0,
    )
    net.fit(X, X)
    words = DictionaryLearning(3, max_iter=5, tol=0, random_state=0).fit(X)
    display = ConvergenceDisplay.from_estimators([net, words])
    assert_array_equal(
        display.lines_["MLPRegressor"].get_data(),
        [np.arange(1, net.n_iter_ + 1), net.loss_curve_],
    )
    y = display.validation_lines_["MLPRegressor"].get_ydata()
    assert_array_equal(y, net.validation_scores_)
    assert_array_equal(display.lines_["DictionaryLearning"].get_ydata(), words.error_)
    assert display.ax_.get_ylabel() == "loss or error"
    assert display.validation_ax_.get_ylabel() == "held-out score (dashed)"
    assert "not converged" not in texts(display)[0]
    assert "not converged" in texts(display)[1]


def test_a_pipeline_is_drawn_by_its_last_step(X):
    pipeline = make_pipeline(MinMaxScaler(), LeastSquares(max_iter=3)).fit(X)
    display = ConvergenceDisplay.from_estimator(pipeline)
    history = pipeline[-1].objective_history_
    assert_array_equal(display.lines_["LeastSquares"].get_ydata(), history)


def test_draws_where_it_is_told(short):
    figure, (left, right) = plt.subplots(1, 2)
    display = ConvergenceDisplay.from_estimator(short, ax=left)
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.plot(right, view="excess") is display
    assert display.ax_ is right
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="ax must be one Axes"):
        display.plot([left, right])


def test_keywords_reach_the_artists(held_out):
    display = ConvergenceDisplay.from_estimator(
        held_out,
        line_kw={"c": "black", "lw": 7},
        stop_kw={"ms": 11},
        validation_kw={"ls": ":"},
    )
    name = "LeastSquares"
    assert display.lines_[name].get_color() == "black"
    assert display.lines_[name].get_linewidth() == 7
    assert display.stops_[name].get_color() == "black"
    assert display.stops_[name].get_markersize() == 11
    assert display.validation_lines_[name].get_linestyle() == ":"


@pytest.mark.parametrize("unit", [1e-200, 1e200])
@pytest.mark.parametrize("view", ["value", "relative", "excess"])
@pytest.mark.parametrize("yscale", ["linear", "log"])
def test_any_unit(unit, view, yscale, long):
    display = ConvergenceDisplay(histories=unit * long.objective_history_)
    display.plot(view=view, yscale=yscale).figure_.draw_without_rendering()
    low, high = display.ax_.get_ylim()
    y = display.lines_["objective"].get_ydata()
    assert low <= y[y > 0].min() <= y.max() <= high


def test_an_exact_fit_and_a_log_axis():
    display = ConvergenceDisplay(histories=[4.0, 1.0, 0.0]).plot(yscale="log")
    display.figure_.draw_without_rendering()
    assert display.ax_.get_ylim()[0] > 0.1


@pytest.mark.parametrize("history", [[3.0], [0.0], [2.0, 2.0], [-5.0, -5.0]])
def test_nothing_gained(history):
    display = ConvergenceDisplay(histories=history).plot(view="excess")
    assert display.ax_.get_yscale() == "linear"
    assert_array_equal(display.lines_["objective"].get_ydata(), 0)
    display.figure_.draw_without_rendering()


def test_many_fits(long):
    histories = {f"fit {i}": long.objective_history_ + i for i in range(25)}
    display = ConvergenceDisplay(histories=histories).plot(view="excess")
    assert display.legend_ is None
    colours = [tuple(np.ravel(line.get_color())) for line in display.lines_.values()]
    assert len(set(colours)) == 25
    for i in range(5):
        del histories[f"fit {i}"]
    assert len(texts(display.plot())) == 20
    display.figure_.draw_without_rendering()
    assert display.ax_.get_position().height * display.figure_.get_figheight() > 2.5


def test_what_is_passed_is_not_changed(long):
    history = long.objective_history_.copy()
    history.flags.writeable = False
    ConvergenceDisplay(histories=history).plot(view="excess")
    assert_array_equal(history, long.objective_history_)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        ConvergenceDisplay.from_estimator(LeastSquares())


def test_bad_estimators(short, X):
    with pytest.raises(ValueError, match=r"objective_history_, .*; found PCA without"):
        ConvergenceDisplay.from_estimator(PCA(2).fit(X))
    with pytest.raises(TypeError, match=r"dict .* or a list .* found LeastSquares"):
        ConvergenceDisplay.from_estimators(short)
    with pytest.raises(ValueError, match="at least one fitted"):
        ConvergenceDisplay.from_estimators({})
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"histories": []}, "histories must hold at least one number for 'objective'"),
        ({"histories": {}}, "at least one history"),
        ({"histories": [[2.0, 1.0]]}, r"one dimension; found shape \(1, 2\)"),
        ({"histories": ["a", "b"]}, "histories must hold numbers"),
        ({"histories": {"a": [2.0, np.nan]}}, "found nan at position 1 of 'a'"),
        ({"histories": [np.inf, 1.0]}, "found inf at position 0"),
        ({"n_iters": 5}, "found 3 values for 5 sweeps"),
        ({"n_iters": 1}, "found 3 values for 1 sweeps"),
        ({"n_iters": 2.0}, "for 2.0 sweeps"),
        ({"validation_histories": [1.0]}, "must hold 3 values .* found 1"),
        ({"validation_histories": [1.0, np.nan]}, "validation_histories must be fin"),
        ({"times": [0.0, 1.0]}, "times must hold 3 seconds .* found 2"),
        ({"times": [0.0, 2.0, 1.0]}, "never less than before"),
        ({"residuals": np.nan}, "residuals must be finite"),
        ({"residuals": [0.1, 0.2]}, "residuals must hold"),
        ({"converged": "no"}, "converged must be True, False or None .* 'no'"),
        ({"times": [-1.0, 2.0, 3.0]}, "at least 0"),
        (
            {"histories": {"a": [1.0]}, "n_iters": 0},
            r"n_iters must be a dict .*\['a'\]",
        ),
        ({"histories": {"a": [1.0]}, "times": {"b": [0]}}, r"names .*found \['b'\]"),
    ],
)
def test_bad_histories(parameters, message):
    parameters = {"histories": [3.0, 2.0, 1.0], **parameters}
    with pytest.raises(ValueError, match=message):
        ConvergenceDisplay(**parameters).plot()
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"view": "gap"}, "view='gap' must be one of"),
        ({"x": "epoch"}, "x='epoch' must be one of"),
        ({"yscale": "symlog"}, "yscale='symlog' must be one of"),
        ({"view": "excess", "best": np.nan}, "best=nan must be a number"),
        ({"view": "excess", "best": -np.inf}, "best=-inf must be a number"),
        ({"view": "excess", "best": "0"}, "best='0' must be a number"),
        ({"view": "relative"}, "first value, which must be above 0; found -1"),
        ({"yscale": "log"}, "yscale='log' needs .* found -2 to -1"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        ConvergenceDisplay(histories=[-1.0, -2.0]).plot(**parameters)
    assert not plt.get_fignums()


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skdimred\[plot\]"'):
        ConvergenceDisplay(histories=[1.0]).plot()


def test_any_name(long):
    history = long.objective_history_
    names = ["_private", r"$\alpha$", "$", 3, "3"]
    display = ConvergenceDisplay(histories=dict.fromkeys(names, history)).plot()
    display.figure_.draw_without_rendering()
    assert list(display.lines_) == names
    sweeps = f"{long.n_iter_} sweeps"
    assert texts(display) == [f"{name}: {sweeps}" for name in names]


def test_a_series_is_one_history(long):
    series = pd.Series(long.objective_history_, index=range(7, 8 + long.n_iter_))
    display = ConvergenceDisplay(histories=series).plot()
    assert_array_equal(display.lines_["objective"].get_ydata(), series)
