"""What the picture of an embedding draws, against the coordinates."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import SpectralEmbedding
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA, TruncatedSVD
from skdimred.inspection import EmbeddingDisplay
from skdimred.manifold import PCoA

plt.switch_backend("Agg")

# Coordinates of such distances are as good to draw as others.
pytestmark = pytest.mark.filterwarnings("ignore:The distances are not Euclidean")

draw = EmbeddingDisplay.from_estimator

CITIES = {
    "London": (51.51, -0.13),
    "Paris": (48.86, 2.35),
    "Rome": (41.89, 12.51),
    "Berlin": (52.52, 13.41),
    "Madrid": (40.42, -3.70),
    "Vienna": (48.21, 16.37),
    "Stockholm": (59.33, 18.06),
    "Athens": (37.98, 23.73),
    "Lisbon": (38.72, -9.14),
    "Warsaw": (52.23, 21.01),
}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def offsets(display):
    """All points drawn, class by class."""
    return np.vstack([s.get_offsets() for s in display.scatters_ if s is not None])


def boxes(texts):
    return [text.get_window_extent() for text in texts]


@pytest.mark.parametrize(
    "pcoa",
    [
        PCoA(3, metric="cityblock", transform_distance="sqrt"),
        PCoA(3),
        PCoA(3, metric="cosine", n_landmarks=40, random_state=0),
    ],
    ids=str,
)
def test_fitted_rows_and_others(pcoa, wine):
    X = wine[0]
    display = draw(pcoa.fit(X))
    assert_allclose(offsets(display), pcoa.embedding_[:, :2], rtol=1e-12)
    assert_allclose(offsets(draw(pcoa, X[:9])), pcoa.transform(X[:9])[:, :2])
    first, second = pcoa.explained_variance_ratio_[:2]
    assert display.ax_.get_xlabel() == f"axis 1 ({100 * first:.1f}%)"
    assert display.ax_.get_ylabel() == f"axis 2 ({100 * second:.1f}%)"
    assert display.legend_ is display.colorbar_ is None
    assert display.texts_ == []


@pytest.mark.parametrize("cls", [PCA, TruncatedSVD])
def test_linear_maps(cls, wine):
    X, y = wine
    estimator = cls(4).fit(X)
    display = draw(estimator, X, y, components=(3, 1))
    scores = estimator.transform(X)[:, [3, 1]]
    for i, points in enumerate(display.scatters_):
        assert_allclose(points.get_offsets(), scores[y == i], rtol=1e-9, atol=1e-9)
    share = 100 * estimator.explained_variance_ratio_[3]
    assert display.ax_.get_xlabel() == f"axis 4 ({share:.1f}%)"


def test_one_unit_is_as_long_on_both_axes(iris):
    figure, axes = plt.subplots(1, 2, sharex=True, sharey=True, figsize=(9, 3))
    for ax in (None, axes[0]):
        display = draw(PCoA(2).fit(iris[0]), ax=ax)
        display.figure_.draw_without_rendering()
        to_pixels = display.ax_.transData.get_matrix()
        assert_allclose(to_pixels[0, 0], to_pixels[1, 1], rtol=1e-9)
    assert figure is display.figure_


def test_no_shares_and_no_transform(iris):
    spectral = SpectralEmbedding(2, affinity="rbf", random_state=0).fit(iris[0])
    display = draw(spectral)
    assert_allclose(offsets(display), spectral.embedding_)
    assert display.ax_.get_xlabel() == "axis 1"
    with pytest.raises(ValueError, match="X must be None, as SpectralEmbedding has no"):
        draw(spectral, iris[0])


def test_pipelines(wine):
    X, y = wine
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    display = draw(pipeline, X, y)
    assert_allclose(
        np.sort(offsets(display), axis=0), np.sort(pipeline.transform(X), axis=0)
    )
    share = 100 * pipeline[-1].explained_variance_ratio_[0]
    assert display.ax_.get_xlabel() == f"axis 1 ({share:.1f}%)"
    pipeline = make_pipeline(StandardScaler(), PCoA(2)).fit(X)
    assert_allclose(offsets(draw(pipeline)), pipeline[-1].embedding_)


def test_sparse_frames_and_precomputed(wine):
    X = wine[0]
    expected = offsets(draw(PCoA(2, metric="cityblock").fit(X), X))
    rows = sparse.csr_array(X)
    pcoa = PCoA(2, metric="cityblock").fit(rows)
    assert_allclose(offsets(draw(pcoa, rows)), expected, atol=1e-6)
    frame = pd.DataFrame(X, columns=[f"feature {i}" for i in range(13)])
    pcoa = PCoA(2, metric="cityblock").set_output(transform="pandas").fit(frame)
    assert_allclose(offsets(draw(pcoa, frame)), expected, atol=1e-6)
    D = pairwise_distances(X, metric="cityblock")
    pcoa = PCoA(2, metric="precomputed").fit(D)
    assert_allclose(offsets(draw(pcoa)), expected, atol=1e-6)
    assert_allclose(offsets(draw(pcoa, D[:9])), expected[:9], atol=1e-6)


@pytest.mark.parametrize(
    "y",
    [
        ["b", "a", "b", "c"],
        [True, False, True, False],
        np.array([2.0, 1.0, 2.0, 7.0]),
        pd.Series(["b", "a", "b", "c"], dtype="category"),
        pd.Series([2, 1, 2, 7], dtype="Int64"),
        ["b", 1, "b", 2],
    ],
    ids=str,
)
def test_classes(y):
    scores = np.arange(8.0).reshape(4, 2)
    display = EmbeddingDisplay(scores=scores, y=y).plot()
    listed = list(y)
    for points, text in zip(display.scatters_, display.legend_.texts, strict=True):
        own = [i for i in range(4) if float_or(listed[i]) == float_or(text.get_text())]
        assert_allclose(points.get_offsets(), scores[own])
    assert len(display.scatters_) == len(set(listed))
    assert display.colorbar_ is None


def float_or(label):
    """Numbers have more than one name."""
    if isinstance(label, bool):
        return str(label)
    try:
        return float(label)
    except ValueError:
        return str(label)


@pytest.mark.parametrize(
    "y",
    [
        np.linspace(0.5, 3, 30),
        np.arange(30),
        pd.Series(np.linspace(0, 1, 30), name="age", dtype="Float64"),
    ],
    ids=["float", "many whole", "pandas"],
)
def test_numbers(y, rng):
    display = EmbeddingDisplay(scores=rng.normal(size=(30, 2)), y=y).plot()
    (points,) = display.scatters_
    assert_allclose(points.get_array(), np.asarray(y, dtype=float))
    assert display.legend_ is None
    assert display.colorbar_.mappable is points
    assert display.colorbar_.ax.get_ylabel() == (getattr(y, "name", None) or "")


def test_names_of_series_and_many_classes(rng):
    scores = rng.normal(size=(42, 2))
    y = pd.Series(np.arange(42) % 3, name="species")
    display = EmbeddingDisplay(scores=scores, y=y).plot()
    assert display.legend_.get_title().get_text() == "species"
    display = EmbeddingDisplay(scores=scores, y=[f"c{i % 21}" for i in range(42)])
    assert display.plot().legend_ is None
    assert len(display.scatters_) == 21


@pytest.mark.parametrize("components", [(0, 1), 0])
def test_cities(components):
    pcoa = PCoA(2, metric="great_circle").fit(list(CITIES.values()))
    display = draw(pcoa, labels=CITIES, components=components)
    assert [text.get_text() for text in display.texts_] == list(CITIES)
    assert_allclose([text.xy for text in display.texts_], offsets(display))
    display.figure_.draw_without_rendering()
    found, points = boxes(display.texts_), offsets(display)
    pixels = display.ax_.transData.transform(points)
    for i, box in enumerate(found):
        assert not any(box.overlaps(other) for other in found[:i])
        assert not any(box.contains(*point) for point in pixels)
        assert display.ax_.bbox.fully_contains(box.x0, box.y0)
        assert display.ax_.bbox.fully_contains(box.x1, box.y1)


def test_crowded_names_overlap_less_than_at_their_points(rng):
    scores = rng.normal(size=(40, 2))
    display = EmbeddingDisplay(scores=scores, labels=range(100, 140)).plot()
    display.figure_.draw_without_rendering()

    def n_overlaps():
        found = boxes(display.texts_)
        return sum(a.overlaps(b) for i, a in enumerate(found) for b in found[:i])

    placed = n_overlaps()
    for text in display.texts_:
        text.set_position((0, 0))
    assert placed < n_overlaps()
    EmbeddingDisplay(scores=np.zeros((3, 2)), labels=list("abc")).plot()


@pytest.mark.parametrize("k", [1, 2])
def test_a_strip(k, wine):
    X, y = wine
    pca = PCA(k).fit(X)
    display = draw(pca, X, y, components=0)
    for i, points in enumerate(display.scatters_):
        x, height = points.get_offsets().T
        assert_allclose(x, pca.transform(X)[y == i, 0])
        # Each class keeps to its lane, and neighbours are apart.
        assert (np.abs(height + i) < 0.4).all()
        assert (np.abs(np.diff(height[np.argsort(x)])) > 0.01).all()
    assert [t.get_text() for t in display.ax_.get_yticklabels()] == ["0", "1", "2"]
    assert display.legend_ is None
    assert not display.ax_.get_legend()
    assert display.ax_.get_aspect() == "auto"
    display = draw(pca, X, components=[0])
    assert list(display.ax_.get_yticks()) == []
    assert draw(pca, X, X[:, 0], components=0).colorbar_ is not None
    assert_array_equal(offsets(draw(pca, X, components=0)), offsets(display))


def test_draws_where_it_is_told(iris):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = draw(PCoA(2).fit(iris[0]), ax=left, y=iris[1])
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.plot(right) is display
    assert display.ax_ is right
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="ax must be one Axes; found"):
        display.plot([left, right])
    part = plt.figure(layout="constrained").subfigures(1, 2)[0]
    display = draw(PCoA(2).fit(iris[0][:5]), ax=part.subplots(), labels=list("abcde"))


def test_keywords_reach_the_artists(iris):
    pcoa = PCoA(2).fit(iris[0][:6])
    display = draw(
        pcoa,
        labels=list("abcdef"),
        scatter_kw={"s": 7, "color": "black", "alpha": 1},
        label_kw={"size": 5, "c": "red"},
    )
    assert list(display.scatters_[0].get_sizes()) == [7]
    assert tuple(display.scatters_[0].get_facecolor()[0]) == (0, 0, 0, 1)
    assert {text.get_fontsize() for text in display.texts_} == {5}
    assert {text.get_color() for text in display.texts_} == {"red"}
    numbers = np.linspace(0, 1, 6)
    display = draw(pcoa, y=numbers, scatter_kw={"cmap": "plasma"})
    assert display.scatters_[0].get_cmap().name == "plasma"
    display = draw(pcoa, y=numbers, scatter_kw={"color": "black"})
    assert display.colorbar_ is None


def test_bad_estimators(iris):
    X, y = iris
    with pytest.raises(NotFittedError):
        draw(PCoA())
    with pytest.raises(ValueError, match=r"X must be given: PCA does not keep"):
        draw(PCA(2).fit(X))
    with pytest.raises(
        ValueError, match=r"transform or embedding_.*LogisticRegression"
    ):
        draw(LogisticRegression(max_iter=1000).fit(X, y), X)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"y": [0] * 149}, "y must hold one value for each of 150 rows; found 149"),
        ({"y": [0, None] * 75}, "y holds None in row 1"),
        ({"y": [0.5, np.nan] * 75}, "y holds nan in row 1"),
        ({"y": pd.Series(["a", pd.NA] * 75, dtype="string")}, "y holds .* in row 1"),
        ({"y": [0.5, np.inf] * 75}, "y holds infinity"),
        ({"labels": ["a"]}, "labels must hold one name for each of 150 rows; found 1"),
        ({"labels": "a" * 150}, "labels must hold one name"),
        ({"components": 2}, "components=2 must be .* from 0 to 1.*2 components"),
        ({"components": (0, 0)}, "components="),
        ({"components": True}, "components=True"),
    ],
)
def test_bad_parameters(parameters, message, iris):
    with pytest.raises(ValueError, match=message):
        draw(PCoA(2).fit(iris[0]), **parameters)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scores": np.ones((3, 3))}, "scores must have 1 or 2 columns.*found 3"),
        ({"scores": np.full((3, 2), np.nan)}, "scores"),
        ({"components": (0,)}, "components must hold 2.*found 1"),
        ({"ratio": [0.5]}, "ratio must hold 2.*found 1"),
    ],
)
def test_bad_numbers(parameters, message):
    with pytest.raises(ValueError, match=message):
        EmbeddingDisplay(**{"scores": np.ones((3, 2))} | parameters).plot()
    assert not plt.get_fignums()


def test_without_matplotlib(monkeypatch, iris):
    pcoa = PCoA(2).fit(iris[0])
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skdimred\[plot\]"'):
        draw(pcoa)
