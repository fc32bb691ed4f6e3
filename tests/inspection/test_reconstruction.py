"""What the reconstruction plot draws, against what the estimator returns."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA
from skdimred.inspection import ReconstructionDisplay

plt.switch_backend("Agg")

ROWS = [3, 500, 1796]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(10).fit(digits[0])


def rebuild(pca, X):
    """Independent of the estimator's own methods."""
    V, mean = pca.components_, pca.mean_
    return (X - mean) @ V.T @ V + mean


def test_images(pca, digits):
    X = digits[0]
    display = ReconstructionDisplay.from_estimator(
        pca, X, image_shape=(8, 8), indices=ROWS
    )
    rebuilt = rebuild(pca, X[ROWS])
    expected = X[ROWS], rebuilt, rebuilt - X[ROWS]
    assert display.images_.shape == display.axes_.shape == (3, 3)
    for images, rows in zip(display.images_, expected, strict=True):
        for image, row in zip(images, rows, strict=True):
            assert_allclose(image.get_array(), row.reshape(8, 8), atol=1e-10)
    assert {image.get_clim() for image in display.images_[:2].flat} == {(0, 16)}
    limit = np.abs(rebuilt - X[ROWS]).max()
    for image in display.images_[2]:
        assert_allclose(image.get_clim(), (-limit, limit), rtol=1e-9)
    assert display.lines_ is None
    assert len(display.colorbars_) == 2
    display.figure_.draw_without_rendering()


def test_relative_error(pca, digits):
    X = digits[0]
    display = ReconstructionDisplay.from_estimator(
        pca, X, image_shape=(8, 8), indices=ROWS
    )
    errors = [
        np.sqrt(np.sum((x - z) ** 2) / np.sum(x**2))
        for x, z in zip(X[ROWS], rebuild(pca, X[ROWS]), strict=True)
    ]
    assert_allclose(display.relative_errors_, errors, rtol=1e-9)
    titles = [ax.get_title() for ax in display.axes_[0]]
    assert titles == [
        f"row {i}\nrel. error {error:.2g}"
        for i, error in zip(ROWS, errors, strict=True)
    ]


def test_relative_error_of_a_row_of_zeros():
    display = ReconstructionDisplay(
        originals=np.zeros((2, 3)), reconstructions=[[0, 0, 0], [0, 1, 0]]
    )
    assert list(display.plot().relative_errors_) == [0, np.inf]


def test_curves(pca, digits):
    X = digits[0]
    display = ReconstructionDisplay.from_estimator(
        pca, X, image_shape=None, indices=ROWS
    )
    rebuilt = rebuild(pca, X[ROWS])
    assert display.axes_.shape == (2, 3)
    assert display.lines_.shape == (3, 3)
    expected = X[ROWS], rebuilt, rebuilt - X[ROWS]
    for lines, rows in zip(display.lines_, expected, strict=True):
        for line, row in zip(lines, rows, strict=True):
            assert_array_equal(line.get_xdata(), np.arange(64))
            assert_allclose(line.get_ydata(), row, atol=1e-10)
    for j in range(3):
        both = [line.axes for line in display.lines_[:2, j]]
        assert both == [display.axes_[0, j]] * 2
        assert display.lines_[2, j].axes is display.axes_[1, j]
    limits = {ax.get_ylim() for ax in display.axes_[1]}
    assert len(limits) == 1
    low, high = limits.pop()
    assert low == -high
    assert high >= np.abs(rebuilt - X[ROWS]).max()
    assert display.images_ is None
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_colour(top, rng):
    originals = rng.uniform(0, top, (2, 24))
    rebuilt = originals + rng.normal(0, top / 9, (2, 24))
    display = ReconstructionDisplay(
        originals=originals, reconstructions=rebuilt, image_shape=(2, 4, 3)
    ).plot()
    shown = [[image.get_array() for image in images] for images in display.images_]
    assert_allclose(np.reshape(shown[0], (2, -1)), originals / top, rtol=1e-12)
    clipped = np.clip(rebuilt / top, 0, 1)
    assert_allclose(np.reshape(shown[1], (2, -1)), clipped, rtol=1e-12)
    # Grey is no error, and the largest error is a full or an empty channel.
    error = rebuilt - originals
    half = error / np.abs(error).max() / 2
    assert_allclose(np.reshape(shown[2], (2, -1)), 0.5 + half, rtol=1e-9)
    assert display.colorbars_ == []


@pytest.mark.parametrize("image_shape", [(8, 8), None])
def test_exact_reconstruction_has_limits_too(image_shape, digits):
    X = digits[0][:2]
    display = ReconstructionDisplay(
        originals=X, reconstructions=X, image_shape=image_shape
    ).plot()
    assert list(display.relative_errors_) == [0, 0]
    if image_shape:
        assert display.images_[2, 0].get_clim() == (-1, 1)
    display.figure_.draw_without_rendering()


def test_rows_at_even_steps(pca, digits):
    display = ReconstructionDisplay.from_estimator(
        pca, digits[0], image_shape=(8, 8), n_samples=3
    )
    names = [ax.get_title().split("\n")[0] for ax in display.axes_[0]]
    assert names == ["row 0", "row 599", "row 1198"]
    assert_array_equal(display.originals, digits[0][[0, 599, 1198]])


def test_negative_indices_count_from_the_end(pca, digits):
    display = ReconstructionDisplay.from_estimator(
        pca, digits[0], image_shape=(8, 8), indices=np.array([-1])
    )
    assert display.axes_[0, 0].get_title().startswith("row 1796\n")
    assert_array_equal(display.originals, digits[0][[1796]])


def test_frames_sparse_lists_and_pipelines(digits):
    X = digits[0][:100]
    shown = {"image_shape": (8, 8), "indices": [0, 99]}
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    pipeline = make_pipeline(StandardScaler(), PCA(9)).set_output(transform="pandas")
    errors = []
    for table, model in (
        (frame, PCA(9)),
        (X.tolist(), PCA(9)),
        (X, sklearn.decomposition.PCA(9)),
        (sparse.coo_array(X), sklearn.decomposition.PCA(9, svd_solver="arpack")),
        (frame, pipeline),
    ):
        display = ReconstructionDisplay.from_estimator(model.fit(table), table, **shown)
        assert_array_equal(display.originals, X[[0, 99]])
        errors.append(display.relative_errors_)
    assert_allclose(errors[1:4], [errors[0]] * 3, rtol=1e-6)
    assert (errors[4] > errors[0]).any()


def test_one_axes_is_divided(pca, digits):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = ReconstructionDisplay.from_estimator(
        pca, digits[0], image_shape=(8, 8), n_samples=4, ax=right
    )
    assert plt.get_fignums() == [figure.number]
    assert display.bounding_ax_ is right
    assert not right.axison
    assert display.axes_.shape == (3, 4)
    figure.draw_without_rendering()
    middle = left.get_position().x1
    assert all(ax.get_position().x0 > middle for ax in display.axes_.flat)
    with pytest.raises(ValueError, match="axis off"):
        display.plot(right)


def test_many_axes_are_drawn_into(pca, digits):
    figure, axes = plt.subplots(3, 2)
    display = ReconstructionDisplay.from_estimator(
        pca, digits[0], image_shape=(8, 8), n_samples=2, ax=axes, colorbar=False
    )
    assert plt.get_fignums() == [figure.number]
    assert display.bounding_ax_ is None
    assert_array_equal(display.axes_, axes)
    assert display.colorbars_ == []
    assert [len(ax.images) for ax in axes.flat] == [1] * 6
    for bad in (axes[:2], axes.T, figure, [1] * 6):
        with pytest.raises(ValueError, match="ax must"):
            display.plot(bad)
    with pytest.raises(ValueError, match="placed by hand"):
        display.plot(figure.add_axes((0, 0, 1, 1)))


def test_keywords_reach_the_artists(pca, digits):
    draw = ReconstructionDisplay.from_estimator
    display = draw(
        *(pca, digits[0]),
        image_shape=(8, 8),
        image_kw={"cmap": "bone"},
        error_kw={"cmap": "PuOr", "interpolation": "bicubic"},
    )
    maps = [[image.cmap.name for image in images] for images in display.images_]
    assert maps == [["bone"] * 6, ["bone"] * 6, ["PuOr"] * 6]
    display = draw(
        *(pca, digits[0]), image_shape=None, line_kw={"lw": 9}, error_kw={"c": "k"}
    )
    assert [line.get_linewidth() for line in display.lines_[:, 0]] == [9, 9, 1.2]
    assert display.lines_[2, 0].get_color() == "k"


def test_not_fitted(digits):
    with pytest.raises(NotFittedError):
        ReconstructionDisplay.from_estimator(PCA(), digits[0], image_shape=(8, 8))


def test_no_way_back(digits):
    X, y = digits
    lda = LinearDiscriminantAnalysis().fit(X[:, X.std(axis=0) > 0], y)
    with pytest.raises(ValueError, match=r"Analysis without inverse_transform"):
        ReconstructionDisplay.from_estimator(lda, X, image_shape=(8, 8))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) holds 72 .* 64 features"),
        ({"image_shape": (4, 8, 2)}, r"\(height, width, 3\)"),
        ({"image_shape": 64}, "image_shape=64"),
        ({"image_shape": (8.0, 8)}, "image_shape="),
        ({"image_shape": (-8, -8)}, "image_shape="),
        ({"n_samples": 0}, "n_samples=0 must be an integer from 1 to 1797"),
        ({"n_samples": 1798}, "n_samples=1798"),
        ({"n_samples": True}, "n_samples=True"),
        ({"n_samples": 2.0}, "n_samples=2.0"),
        ({"indices": []}, "indices="),
        ({"indices": [0.5]}, "indices="),
        ({"indices": [[1]]}, "indices="),
        ({"indices": [1, 1797]}, "indices holds 1797, but X has 1797 rows"),
    ],
)
def test_bad_parameters(parameters, message, pca, digits):
    parameters = {"image_shape": (8, 8), **parameters}
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay.from_estimator(pca, digits[0], **parameters)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"reconstructions": np.ones((2, 5))}, r"\(2, 4\) and \(2, 5\)"),
        ({"reconstructions": np.full((2, 4), np.nan)}, "reconstructions"),
        ({"names": ["one"]}, "names must hold .* 2 rows; found 1"),
        ({"image_shape": (3, 1)}, "holds 3 numbers, but a row has 4"),
    ],
)
def test_bad_numbers(parameters, message):
    rows = np.ones((2, 4))
    parameters = {"originals": rows, "reconstructions": rows, **parameters}
    with pytest.raises(ValueError, match=message):
        ReconstructionDisplay(**parameters).plot()
    assert not plt.get_fignums()
