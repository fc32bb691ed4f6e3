"""What the heat map of factors draws."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn.decomposition
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skdimred import BiasedMF
from skdimred.inspection import FactorHeatmapDisplay

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_columns_stand_with_the_component_on_which_they_weigh_most():
    weights = [[0.1, -3, 0, 1, 0.2], [2, 1, 0, 0.5, -0.4]]
    display = FactorHeatmapDisplay(components=weights).plot(n_features=None)
    assert_array_equal(display.features_, [3, 2, 1, 0, 4])
    drawn = np.asarray(display.image_.get_array())
    assert_array_equal(drawn, np.array(weights)[:, [3, 2, 1, 0, 4]].T)
    assert display.image_.get_clim() == (-3, 3)
    few = FactorHeatmapDisplay(components=weights).plot(n_features=2)
    assert_array_equal(few.features_, [1, 0])
    positive = FactorHeatmapDisplay(components=np.abs(weights)).plot()
    assert positive.image_.get_clim() == (0, 3)
    display.figure_.draw_without_rendering()


def test_names_and_estimators(wine):
    frame = pd.DataFrame(wine[0]).add_prefix("a rather long name of feature ")
    mf = BiasedMF(3, alpha=1.0, random_state=0).fit(frame)
    display = FactorHeatmapDisplay.from_estimator(mf, n_features=5)
    labels = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert len(labels) == 5
    assert all(len(text) == 24 and text.endswith("…") for text in labels)
    assert [t.get_text() for t in display.ax_.get_xticklabels()] == ["1", "2", "3"]
    ax = plt.figure().add_subplot()
    pca = sklearn.decomposition.PCA(2).fit(wine[0])
    names = [f"f{j}" for j in range(13)]
    display = FactorHeatmapDisplay.from_estimator(
        pca, feature_names=names, ax=ax, image_kw={"cmap": "PuOr"}
    )
    assert display.ax_ is ax
    assert display.image_.get_cmap().name == "PuOr"
    labels = [text.get_text() for text in ax.get_yticklabels()]
    assert labels == [names[j] for j in display.features_]


def test_what_cannot_be_drawn_is_told(wine):
    mf = BiasedMF(2).fit(wine[0])
    with pytest.raises(ValueError, match="one name for each of 13"):
        FactorHeatmapDisplay.from_estimator(mf, feature_names=["a"])
    with pytest.raises(ValueError, match="n_features=0"):
        FactorHeatmapDisplay.from_estimator(mf, n_features=0)
    with pytest.raises(ValueError, match="Pipeline"):
        FactorHeatmapDisplay.from_estimator(make_pipeline(mf))
    with pytest.raises(ValueError, match="components_"):
        FactorHeatmapDisplay.from_estimator(
            sklearn.decomposition.KernelPCA(2).fit(wine[0])
        )
    with pytest.raises(ValueError, match="finite matrix"):
        FactorHeatmapDisplay(components=np.empty((0, 3))).plot()
    with pytest.raises(NotFittedError):
        FactorHeatmapDisplay.from_estimator(BiasedMF())
