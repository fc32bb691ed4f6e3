"""What the biplot draws, against coordinates and directions of variables."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA, TruncatedSVD
from skdimred.inspection import BiplotDisplay
from skdimred.manifold import PCoA

plt.switch_backend("Agg")

# Coordinates of such distances are as good to draw as others.
pytestmark = pytest.mark.filterwarnings("ignore:The distances are not Euclidean")

draw = BiplotDisplay.from_estimator
PCAS = [PCA, sklearn.decomposition.PCA]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def bray(iris):
    return PCoA(3, metric="braycurtis", transform_distance="sqrt").fit(iris[0])


def tips(display):
    """Ends of the arrows in data coordinates, by the paths as they were given."""
    return np.array([arrow._posA_posB[1] for arrow in display.arrows_])


def names(display):
    return [text.get_text() for text in display.texts_]


@pytest.mark.parametrize("components", [None, (2, 0)])
def test_arrows_are_the_slopes_of_the_variables(components, bray, iris):
    X = iris[0]
    display = draw(bray, X, components=components)
    axes = list(components or (0, 1))
    scores = bray.embedding_[:, axes]
    assert_allclose(display.scatters_[0].get_offsets(), scores)
    # By least squares, as the axes are uncorrelated.
    slopes = np.linalg.lstsq(scores, X - X.mean(axis=0), rcond=None)[0].T
    drawn = tips(display)
    assert_allclose(
        drawn, display.arrow_scale_ * slopes[display.features_], rtol=1e-6, atol=1e-9
    )
    lengths = np.linalg.norm(drawn, axis=1)
    assert (np.diff(lengths) <= 0).all()
    assert_allclose(lengths[0], 0.8 * np.linalg.norm(scores, axis=1).max())
    share = 100 * bray.explained_variance_ratio_[axes[0]]
    assert display.ax_.get_xlabel() == f"axis {axes[0] + 1} ({share:.1f}%)"


@pytest.mark.parametrize("cls", PCAS)
def test_arrows_of_pca_are_loadings(cls, wine):
    X, y = wine
    X = StandardScaler().fit_transform(X)
    pca = cls(2).fit(X)
    display = draw(pca, X, y=y, n_features=13)
    # Of standardised variables, loadings are correlations with the axes.
    correlation = np.corrcoef(X.T, pca.transform(X).T)[:13, 13:]
    arrows = tips(display) / display.arrow_scale_
    expected = correlation[display.features_] * np.sqrt(178 / 177)
    assert_allclose(arrows, expected, rtol=1e-6, atol=1e-9)
    assert len(display.scatters_) == len(display.legend_.texts) == 3


def test_variables_other_than_those_of_the_fit(bray, iris, rng):
    Y = pd.DataFrame({"up": bray.embedding_[:, 1], "noise": rng.normal(size=150)})
    display = draw(bray, Y, n_features=2)
    up = tips(display)[names(display).index("up")]
    assert_allclose(up, [0, display.arrow_scale_], atol=1e-9)


def test_names(bray, iris):
    X = iris[0]
    assert sorted(names(draw(bray, X))) == ["x0", "x1", "x2", "x3"]
    frame = pd.DataFrame(X, columns=list("abcd"))
    display = draw(bray, frame)
    assert names(display) == ["abcd"[j] for j in display.features_]
    display = draw(bray, frame, feature_names=list("efgh"))
    assert names(display) == ["efgh"[j] for j in display.features_]
    pca = PCA(2).fit(frame)
    assert set(names(draw(pca, frame))) == set("abcd")
    with pytest.warns(UserWarning, match="feature names"):
        display = draw(pca, X)
    assert set(names(display)) == set("abcd")
    # Names seen in fit are not those of other variables.
    pcoa = PCoA(2).fit(frame)
    assert set(names(draw(pcoa, X[:, ::-1]))) == {"x0", "x1", "x2", "x3"}


def test_names_are_apart_and_near_their_tips(wine):
    X = StandardScaler().fit_transform(wine[0])
    display = draw(PCoA(2).fit(X), X, n_features=13)
    display.figure_.draw_without_rendering()
    boxes = [text.get_window_extent() for text in display.texts_]
    ends = display.ax_.transData.transform(tips(display))
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:i])
        gap = np.maximum([box.x0, box.y0] - ends[i], ends[i] - [box.x1, box.y1])
        assert np.linalg.norm(np.maximum(gap, 0)) < 20 * display.figure_.dpi / 72


def test_the_longest_arrows(digits):
    X = digits[0]
    pca = PCA(5).fit(X)
    loadings = pca.components_[:2].T * np.sqrt(pca.explained_variance_[:2])
    lengths = np.linalg.norm(loadings, axis=1)
    assert len(draw(pca, X).arrows_) == 12
    display = draw(pca, X, n_features=3)
    assert len(display.arrows_) == len(display.texts_) == 3
    assert set(display.features_) == set(np.argsort(lengths)[-3:])


def test_sparse_frames_landmarks_and_precomputed(iris):
    X = iris[0]
    expected = tips(draw(TruncatedSVD(2).fit(X), X))
    rows = sparse.csr_array(X)
    assert_allclose(tips(draw(TruncatedSVD(2).fit(rows), rows)), expected, atol=1e-6)
    expected = tips(draw(PCoA(2, metric="cityblock").fit(X), X))
    D = pairwise_distances(X, metric="cityblock")
    pcoa = PCoA(2, metric="precomputed").fit(D)
    assert_allclose(tips(draw(pcoa, X)), expected, atol=1e-6)
    pcoa = PCoA(2, metric="cityblock", n_landmarks=150).fit(X)
    assert_allclose(tips(draw(pcoa, X)), expected, atol=1e-4)
    pca = PCA(2).set_output(transform="pandas").fit(X)
    assert_allclose(tips(draw(pca, X)), tips(draw(PCA(2).fit(X), X)))


def test_nothing_to_scale():
    display = BiplotDisplay(scores=np.ones((3, 2)), directions=np.zeros((2, 2))).plot()
    assert display.arrow_scale_ == 1
    display = BiplotDisplay(scores=np.zeros((3, 2)), directions=np.eye(2)).plot()
    assert display.arrow_scale_ == 1
    display.figure_.draw_without_rendering()


def test_arrows_are_within_the_picture(iris):
    display = draw(PCA(2).fit(iris[0]), iris[0])
    display.figure_.draw_without_rendering()
    low, high = np.transpose([display.ax_.get_xlim(), display.ax_.get_ylim()])
    assert ((low < tips(display)) & (tips(display) < high)).all()
    to_pixels = display.ax_.transData.get_matrix()
    assert_allclose(to_pixels[0, 0], to_pixels[1, 1], rtol=1e-9)


def test_draws_where_it_is_told(bray, iris):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = draw(bray, iris[0], ax=left)
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.plot(right, n_features=1) is display
    assert display.ax_ is right
    assert len(display.arrows_) == 1
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="ax must be one Axes; found"):
        display.plot([left, right])


def test_keywords_reach_the_artists(bray, iris):
    display = draw(
        *(bray, iris[0]),
        y=np.linspace(0, 1, 150),
        scatter_kw={"s": 7},
        arrow_kw={"color": "red", "lw": 3},
        label_kw={"fontsize": 5},
    )
    assert display.colorbar_ is not None
    assert list(display.scatters_[0].get_sizes()) == [7]
    assert {arrow.get_linewidth() for arrow in display.arrows_} == {3}
    assert {arrow.get_edgecolor() for arrow in display.arrows_} == {(1, 0, 0, 1)}
    assert {text.get_fontsize() for text in display.texts_} == {5}


def test_bad_estimators(bray, iris):
    X = iris[0]
    with pytest.raises(NotFittedError):
        draw(PCoA(), X)
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    with pytest.raises(ValueError, match=r"Pipeline.*pipeline\['pca'\]"):
        draw(pipeline, X)
    with pytest.raises(ValueError, match=r"StandardScaler without components_, expl"):
        draw(pipeline[0], X)
    with pytest.raises(ValueError, match="at least 2 components to draw; found 1"):
        draw(PCA(1).fit(X), X)
    with pytest.raises(ValueError, match=r"Y must have a row for each of the 150"):
        draw(bray, X[:9])
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"components": 0}, "components=0 must be two different integers from 0 to 2"),
        ({"components": (0, 3)}, "components="),
        ({"n_features": 5}, "n_features=5 must be an integer from 1 to 4"),
        ({"n_features": True}, "n_features=True"),
        ({"feature_names": ["a"]}, "feature_names must hold .* 4 variables; found 1"),
        ({"feature_names": "abcd"}, "feature_names must hold"),
        ({"y": [1]}, "y must hold one value for each of 150 rows; found 1"),
    ],
)
def test_bad_parameters(parameters, message, bray, iris):
    with pytest.raises(ValueError, match=message):
        draw(bray, iris[0], **parameters)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scores": np.ones((3, 1))}, "scores must have 2 columns.*found 1"),
        ({"directions": np.ones((3, 3))}, "directions must have 2 columns.*found 3"),
        ({"directions": np.full((3, 2), np.nan)}, "directions"),
        ({"ratio": [0.5]}, "ratio must hold 2.*found 1"),
    ],
)
def test_bad_numbers(parameters, message):
    good = {"scores": np.ones((3, 2)), "directions": np.eye(2)}
    with pytest.raises(ValueError, match=message):
        BiplotDisplay(**good | parameters).plot()
    assert not plt.get_fignums()


def test_without_matplotlib(monkeypatch, bray, iris):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skdimred\[plot\]"'):
        draw(bray, iris[0])
