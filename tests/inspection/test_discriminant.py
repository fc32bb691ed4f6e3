"""What the discriminant plot draws, against what the estimator says."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA, DifferenceLDA, MeanDifferenceLDA, RatioLDA
from skdimred.inspection import DiscriminantDisplay

plt.switch_backend("Agg")

draw = DiscriminantDisplay.from_estimator

# All directions that tell the three cultivars of wine apart.
PLANES = [
    RatioLDA(),
    RatioLDA(metric="total", priors=[0.7, 0.2, 0.1]),
    RatioLDA(metric="orthogonal", shrinkage=0.1),
    DifferenceLDA(rho=0.3),
    LinearDiscriminantAnalysis(),
    LinearDiscriminantAnalysis(solver="eigen", priors=[0.7, 0.2, 0.1]),
]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def two(wine):
    """Two cultivars, named."""
    X, y = wine
    return X[y < 2], np.array(["barolo", "grignolino"])[y[y < 2]]


def predicted(lda, scores, components):
    """Classes of rows with some scores, and else with those of the overall mean."""
    origin = lda.priors_ @ lda.means_
    shift = np.zeros((len(scores), lda.scalings_.shape[1]))
    start = lda.transform(origin[np.newaxis])[:, components]
    shift[:, components] = np.reshape(scores, (len(scores), -1)) - start
    return lda.predict(origin + shift @ np.linalg.pinv(lda.scalings_))


def sides(segments, size):
    """Points close to both sides of the middle of each segment."""
    ends = np.array(segments)
    along = ends[:, 1] - ends[:, 0]
    across = np.column_stack([-along[:, 1], along[:, 0]])
    step = 1e-6 * size * across / np.linalg.norm(across, axis=1)[:, np.newaxis]
    middle = ends.mean(axis=1)
    return middle - step, middle + step


@pytest.mark.parametrize("lda", PLANES, ids=str)
def test_points_means_and_labels(lda, wine):
    X, y = wine
    display = draw(lda.fit(X, y), X, y)
    scores = lda.transform(X)
    for i in range(3):
        assert_allclose(display.scatters_[i].get_offsets(), scores[y == i], rtol=1e-6)
        mean = scores[y == i].mean(axis=0)
        assert_allclose(display.means_[i].get_offsets()[0], mean, atol=1e-6)
    first, second = lda.explained_variance_ratio_
    label = f"discriminant 1 ({100 * first:.1f}% of the eigenvalues)"
    assert display.ax_.get_xlabel() == label
    assert f"discriminant 2 ({100 * second:.1f}%" in display.ax_.get_ylabel()
    assert [text.get_text() for text in display.legend_.texts] == ["0", "1", "2"]
    assert display.densities_ is None
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("lda", PLANES, ids=str)
def test_predictions_change_at_the_boundaries_and_nowhere_else(lda, wine, rng):
    X, y = wine
    display = draw(lda.fit(X, y), X, y)
    segments = display.boundaries_.get_segments()
    size = np.ptp(lda.transform(X))
    left, right = (predicted(lda, at, [0, 1]) for at in sides(segments, size))
    assert (left != right).all()
    low, high = np.transpose([display.ax_.get_xlim(), display.ax_.get_ylim()])
    points = rng.uniform(low, high, (400, 2))
    labels = predicted(lda, points, [0, 1])
    crossed = np.zeros(200, dtype=bool)
    for a, b in segments:
        crossed |= crosses(points[:200], points[200:], a, b)
    # Regions are convex.
    assert not crossed[labels[:200] == labels[200:]].any()
    assert crossed[labels[:200] != labels[200:]].all()


def crosses(p, q, a, b):
    """Whether the ways from p to q cross the segment from a to b."""

    def side(u, v, w):
        return np.sign(
            (v - u)[..., 0] * (w - u)[..., 1] - (v - u)[..., 1] * (w - u)[..., 0]
        )

    return (side(a, b, p) != side(a, b, q)) & (side(p, q, a) != side(p, q, b))


@pytest.mark.parametrize(
    "lda", [RatioLDA(), LinearDiscriminantAnalysis(solver="eigen")], ids=str
)
@pytest.mark.parametrize("components", [(0, 1), (3, 1)])
def test_other_components_stay_at_the_overall_mean(lda, components, digits):
    X, y = digits
    X = X[:, X.std(axis=0) > 1]
    lda.fit(X, y)
    display = draw(lda, X, y, components=components)
    segments = display.boundaries_.get_segments()
    left, right = (predicted(lda, at, list(components)) for at in sides(segments, 1.0))
    assert (left != right).all()
    assert len(segments) >= 9
    assert display.ax_.get_xlabel().startswith(f"discriminant {components[0] + 1} ")
    assert display.ax_.get_ylabel().startswith("discriminant 2 ")


@pytest.mark.parametrize(
    "lda",
    [RatioLDA(), MeanDifferenceLDA(), DifferenceLDA(), LinearDiscriminantAnalysis()],
    ids=str,
)
def test_two_classes(lda, two):
    X, y = two
    display = draw(lda.fit(X, y), X, y)
    assert display.scatters_ is None
    assert [text.get_text() for text in display.legend_.texts] == [
        "barolo",
        "grignolino",
    ]
    assert display.ax_.get_ylabel() == "density"
    share = 100 * lda.explained_variance_ratio_[0]
    assert f"discriminant 1 ({share:.1f}%" in display.ax_.get_xlabel()
    scores = lda.transform(X)[:, 0]
    for label, line in zip(lda.classes_, display.means_, strict=True):
        assert_allclose(line.get_xdata(), scores[y == label].mean(), atol=1e-6)
    for density in display.densities_:
        x, height = density.get_xy().T
        assert_allclose(np.trapezoid(height, x), 1, atol=0.01)
    ((at, _), _), *others = display.boundaries_.get_segments()
    assert not others
    left = lda.predict(X[scores < at])
    right = lda.predict(X[scores > at])
    assert len(set(left)) == len(set(right)) == 1
    assert left[0] != right[0]
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("components", [0, (0,), [1]])
def test_one_of_several_components(components, wine):
    X, y = wine
    lda = RatioLDA().fit(X, y)
    display = draw(lda, X, y, components=components)
    axis = int(np.ravel(components)[0])
    assert display.ax_.get_xlabel().startswith(f"discriminant {axis + 1} ")
    at = [segment[0][0] for segment in display.boundaries_.get_segments()]
    grid = np.linspace(-20, 20, 4001)
    labels = predicted(lda, grid, [axis])
    changes = grid[1:][labels[1:] != labels[:-1]]
    assert_allclose(at, changes, atol=0.011)
    # One kept is one to draw.
    one = draw(RatioLDA(n_components=1).fit(X, y), X, y)
    assert len(one.densities_) == 3


def test_far_boundaries_do_not_widen_the_picture(two):
    X, y = two
    lda = MeanDifferenceLDA(priors=[1 - 1e-20, 1e-20]).fit(X, y)
    with_it = draw(lda, X, y)
    ((at, _), _), *_ = with_it.boundaries_.get_segments()
    low, high = with_it.ax_.get_xlim()
    assert not low < at < high
    assert draw(lda, X, y, boundaries=False).ax_.get_xlim() == (low, high)


def test_no_boundaries(wine):
    X, y = wine
    display = draw(RatioLDA().fit(X, y), X, y, boundaries=False)
    assert display.boundaries_ is None
    assert len(display.ax_.collections) == 6


def test_a_class_of_prior_zero_has_no_region(wine):
    X, y = wine
    display = draw(RatioLDA(priors=[0.5, 0.5, 0]).fit(X, y), X, y)
    assert len(display.boundaries_.get_segments()) == 1
    assert len(display.legend_.texts) == 3


def test_classes_without_rows(wine):
    X, y = wine
    lda = RatioLDA().partial_fit(X, y, classes=[0, 1, 2, 3])
    display = draw(lda, X[y > 0], y[y > 0])
    assert [s is None for s in display.scatters_] == [True, False, False, True]
    # A class fitted has a mean and a region, one only announced has neither.
    assert [mean is None for mean in display.means_] == [False, False, False, True]
    assert [text.get_text() for text in display.legend_.texts] == ["1", "2"]
    one = draw(lda, X[y > 0], y[y > 0], components=1)
    assert [d is None for d in one.densities_] == [True, False, False, True]
    assert [mean is None for mean in one.means_] == [False, False, False, True]


@pytest.mark.parametrize("n_classes", [2, 4])
def test_rows_of_a_class_that_coincide(n_classes, rng):
    X, y = rng.normal(size=(24, 80)), np.arange(24) % n_classes
    lda = RatioLDA().fit(X, y)
    assert np.isinf(lda.eigenvalues_).all()
    display = draw(lda, X, y)
    segments = display.boundaries_.get_segments()
    assert len(segments) >= n_classes - 1
    assert np.isfinite(segments).all()
    if n_classes == 2:
        for density, label in zip(display.densities_, [0, 1], strict=True):
            x, height = density.get_xy().T
            assert_allclose(np.trapezoid(height, x), 1, rtol=1e-9)
            assert_allclose(x.mean(), lda.transform(X[y == label]).mean(), atol=0.05)
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("values", [[1.0], [1, 2], [1, 1, 2, 2]])
def test_few_values_are_a_histogram(values):
    display = DiscriminantDisplay(
        scores=np.reshape(values, (-1, 1)),
        y=["a"] * len(values),
        classes=["a"],
        means=[[np.mean(values)]],
    ).plot()
    x, height = display.densities_[0].get_xy().T
    assert_allclose(np.trapezoid(height, x), 1, rtol=1e-9)
    assert set(x[height > 0].round()) == set(values)
    assert np.ptp(height[height > 0]) < 1e-9 * height.max()
    assert display.ax_.get_xlabel() == "discriminant 1"


@pytest.mark.parametrize(("n_classes", "legend"), [(7, 7), (10, 10), (20, 20), (21, 0)])
def test_many_classes(n_classes, legend, rng):
    y = np.arange(9 * n_classes) % n_classes
    X = rng.normal(size=(n_classes, 30))[y] * 3 + rng.normal(size=(len(y), 30))
    display = draw(RatioLDA().fit(X, y), X, y)
    assert len(display.scatters_) == n_classes
    colours = [tuple(s.get_facecolor()[0]) for s in display.scatters_]
    assert len(set(colours)) == n_classes
    if legend:
        assert len(display.legend_.texts) == legend
    else:
        assert display.legend_ is None


def test_sparse_frames_and_pandas_output(wine):
    X, y = wine
    frame = pd.DataFrame(X, columns=[f"feature {i}" for i in range(13)])
    expected = draw(RatioLDA().fit(X, y), X, y)
    tall = RatioLDA().set_output(transform="pandas").fit(frame, y)
    for display in (
        draw(tall, frame, pd.Series(y)),
        draw(RatioLDA().fit(sparse.csr_array(X), y), sparse.csr_array(X), y.tolist()),
    ):
        for ours, theirs in zip(display.scatters_, expected.scatters_, strict=True):
            assert_allclose(ours.get_offsets(), theirs.get_offsets(), atol=1e-9)
        assert_allclose(
            display.boundaries_.get_segments(),
            expected.boundaries_.get_segments(),
            atol=1e-7,
        )


def test_float32(wine):
    X, y = wine
    lda = RatioLDA().fit(X.astype(np.float32), y)
    segments = draw(lda, X.astype(np.float32), y).boundaries_.get_segments()
    expected = draw(RatioLDA().fit(X, y), X, y).boundaries_.get_segments()
    assert_allclose(segments, expected, atol=0.01)


def test_draws_where_it_is_told(wine):
    X, y = wine
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = draw(RatioLDA().fit(X, y), X, y, ax=left)
    assert display.ax_ is left
    assert display.figure_ is figure
    assert display.plot(right, boundaries=False) is display
    assert display.ax_ is right
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="ax must be one Axes; found"):
        display.plot([left, right])


def test_keywords_reach_the_artists(wine):
    X, y = wine
    lda = RatioLDA().fit(X, y)
    display = draw(
        *(lda, X, y),
        scatter_kw={"s": 7, "alpha": 0.25, "color": "black"},
        mean_kw={"marker": "*", "ec": "red"},
        boundary_kw={"color": "red", "lw": 3},
    )
    for points, mean in zip(display.scatters_, display.means_, strict=True):
        assert list(points.get_sizes()) == [7]
        assert tuple(points.get_facecolor()[0]) == (0, 0, 0, 0.25)
        assert tuple(mean.get_edgecolor()[0]) == (1, 0, 0, 1)
    assert list(display.boundaries_.get_linewidth()) == [3]
    assert tuple(display.boundaries_.get_color()[0]) == (1, 0, 0, 1)
    display = draw(
        *(lda, X, y),
        components=0,
        density_kw={"color": "black", "lw": 5},
        mean_kw={"ls": ":"},
        boundary_kw={"linestyles": "-"},
    )
    assert {density.get_linewidth() for density in display.densities_} == {5}
    assert {density.get_facecolor() for density in display.densities_} == {(0, 0, 0, 1)}
    assert {line.get_linestyle() for line in display.means_} == {":"}
    assert display.boundaries_.get_linestyle() == [(0, None)]


@pytest.mark.parametrize("cls", [RatioLDA, LinearDiscriminantAnalysis])
def test_not_fitted(cls, wine):
    with pytest.raises(NotFittedError):
        draw(cls(), *wine)


def test_bad_estimators(wine):
    X, y = wine
    pipeline = make_pipeline(StandardScaler(), RatioLDA()).fit(X, y)
    with pytest.raises(ValueError, match=r"Pipeline.*pipeline\['ratiolda'\]"):
        draw(pipeline, X, y)
    for estimator in (
        PCA(2),
        QuadraticDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(solver="lsqr"),
    ):
        name = type(estimator).__name__
        with pytest.raises(ValueError, match=f"found {name} without .*'eigen'"):
            draw(estimator.fit(X, y), X, y)
    assert not plt.get_fignums()


def test_bad_labels(wine, two):
    X, y = wine
    lda = RatioLDA().fit(X, y)
    with pytest.raises(ValueError, match=r"y must hold .* 178 rows; found 177"):
        draw(lda, X, y[:-1])
    with pytest.raises(ValueError, match=r"y holds \[3, 4\], .* \[0, 1, 2\]"):
        draw(lda, X, np.where(y == 0, 4, np.where(y == 1, 3, y)))
    with pytest.raises(ValueError, match=r"y holds \['1'\]"):
        draw(lda, X, ["1"] * 178)
    with pytest.raises(ValueError, match=r"y holds \['Barolo'\]"):
        draw(RatioLDA().fit(*two), X, ["Barolo"] * 178)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    "components", [2, -1, True, "0", 0.0, (), (0, 0), (0, 2), (0, 1, 0), (0, None)]
)
def test_bad_components(components, wine):
    with pytest.raises(ValueError, match=r"components=.* integers from 0 to 1"):
        draw(RatioLDA().fit(*wine), *wine, components=components)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"scores": np.ones((3, 3))}, "scores must have one or two columns.*found 3"),
        ({"scores": np.full((3, 2), np.nan)}, "scores"),
        ({"y": [0, 1]}, "y must hold one label for each of 3 rows; found 2"),
        ({"means": np.ones((3, 2))}, r"means must have shape \(2, 2\)"),
        ({"rule": (np.ones((1, 2)), np.ones(2))}, "rule must hold weights"),
        ({"components": (0,)}, "components must hold 2.*found 1"),
        ({"ratio": [0.5]}, "ratio must hold 2.*found 1"),
    ],
)
def test_bad_numbers(parameters, message):
    good = {
        "scores": np.arange(6.0).reshape(3, 2),
        "y": [0, 1, 1],
        "classes": [0, 1],
        "means": np.ones((2, 2)),
    }
    with pytest.raises(ValueError, match=message):
        DiscriminantDisplay(**good | parameters).plot()
    assert not plt.get_fignums()


def test_without_matplotlib(monkeypatch, wine):
    lda = RatioLDA().fit(*wine)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skdimred\[plot\]"'):
        draw(lda, *wine)
