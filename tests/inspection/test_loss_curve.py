"""What the loss curve draws, against the fitted attributes."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA
from skdimred.inspection import LossCurveDisplay
from skdimred.neural_network import Autoencoder

plt.switch_backend("Agg")
pytestmark = pytest.mark.filterwarnings(
    "ignore:The descent has not come to rest", "ignore:Stochastic Optimizer"
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def fitted(X, **params):
    return Autoencoder(2, max_iter=12, tol=0, random_state=0, **params).fit(X)


def test_the_loss_of_each_epoch(digits):
    deep = fitted(digits[0])
    display = LossCurveDisplay.from_estimator(deep)
    at, loss = display.line_.get_data()
    assert list(at) == list(range(1, 13))
    assert_allclose(loss, deep.loss_curve_)
    best = int(np.argmin(deep.loss_curve_))
    assert_allclose(display.best_.get_data(), [[best + 1], [loss[best]]])
    assert display.validation_line_ is None
    assert display.baseline_line_ is None
    assert display.legend_ is None
    display.figure_.draw_without_rendering()


def test_errors_held_out_stand_beside_the_loss(digits):
    deep = fitted(digits[0], early_stopping=True)
    display = LossCurveDisplay.from_estimator(
        deep, baseline=27.0, baseline_name="PCA", baseline_kw={"color": "red"}
    )
    held = display.validation_line_
    assert held.axes is display.ax_
    assert display.validation_ax_ is None
    assert_allclose(held.get_ydata(), -np.array(deep.validation_scores_))
    best = int(np.argmax(deep.validation_scores_))
    assert_allclose(display.best_.get_ydata(), -deep.validation_scores_[best])
    assert_allclose(display.baseline_line_.get_ydata(), 27.0)
    assert display.baseline_line_.get_color() == "red"
    names = [text.get_text() for text in display.legend_.get_texts()]
    assert names == ["loss", "held-out error", "PCA"]


def test_scores_of_others_have_an_axis(iris):
    X, y = iris
    mlp = MLPRegressor(early_stopping=True, max_iter=8, random_state=0).fit(X, y)
    display = LossCurveDisplay.from_estimator(mlp)
    if max(mlp.validation_scores_) > 0:
        assert display.validation_line_.axes is display.validation_ax_
        assert_allclose(display.validation_line_.get_ydata(), mlp.validation_scores_)
    display = LossCurveDisplay(loss=[3, 2, 1], validation_scores=[0.2, 0.6, 0.5]).plot()
    assert display.validation_ax_ is not display.ax_
    assert_allclose(display.best_.get_data(), [[2], [0.6]])
    assert display.best_.axes is display.validation_ax_
    display.figure_.draw_without_rendering()


def test_one_epoch_and_given_axes():
    _, ax = plt.subplots()
    display = LossCurveDisplay(loss=[1.5]).plot(ax, line_kw={"c": "k", "lw": 3})
    assert display.ax_ is ax
    assert display.line_.get_color() == "k"
    assert display.line_.get_linewidth() == 3
    assert display.line_.get_marker() == "o"


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"loss": []}, "loss must hold"),
        ({"loss": [[1.0]]}, "loss must hold"),
        ({"loss": [1.0, np.nan]}, "nan for epoch 2"),
        ({"loss": [1.0, 2.0], "validation_scores": [1.0]}, "must hold 2"),
        ({"loss": [1.0], "baseline": "PCA"}, "baseline='PCA'"),
        ({"loss": [1.0], "baseline": np.inf}, "baseline=inf"),
    ],
)
def test_bad_contents(held, words):
    with pytest.raises(ValueError, match=words):
        LossCurveDisplay(**held).plot()


def test_bad_estimators(digits):
    X = digits[0][:60]
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(Autoencoder())
    with pytest.raises(ValueError, match="loss_curve_; found PCA"):
        LossCurveDisplay.from_estimator(PCA(2).fit(X))
    pipeline = make_pipeline(StandardScaler(), Autoencoder(max_iter=2)).fit(X)
    with pytest.raises(ValueError, match="Pipeline"):
        LossCurveDisplay.from_estimator(pipeline)


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"LossCurveDisplay\.plot draws with"):
        LossCurveDisplay(loss=[1.0]).plot()
