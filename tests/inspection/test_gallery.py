"""What the gallery of components draws, against the components."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skdimred import PCA, RatioLDA
from skdimred.inspection import ComponentGalleryDisplay

plt.switch_backend("Agg")

SHAPE = (8, 8)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def pca(digits):
    return PCA(10).fit(digits[0])


def draw(estimator, **parameters):
    return ComponentGalleryDisplay.from_estimator(
        estimator, **{"image_shape": SHAPE, **parameters}
    )


def test_each_by_its_own_scale(pca):
    display = draw(pca)
    assert display.images_.shape == (10,)
    for image, component in zip(display.images_, pca.components_, strict=True):
        assert_array_equal(image.get_array(), component.reshape(SHAPE))
        limit = np.abs(component).max()
        assert image.get_clim() == (-limit, limit)
        assert image.cmap.name == "RdBu_r"
    assert display.colorbar_ is None
    display.figure_.draw_without_rendering()


def test_common_scale(pca):
    display = draw(pca, n_components=4, scale="common")
    limit = np.abs(pca.components_[:4]).max()
    assert {image.get_clim() for image in display.images_} == {(-limit, limit)}
    assert display.colorbar_ is not None
    assert draw(pca, scale="common", colorbar=False).colorbar_ is None


def test_titles(pca):
    ratio = pca.explained_variance_ratio_
    titles = [image.axes.get_title() for image in draw(pca).images_]
    assert titles == [f"{i} ({100 * r:.1f}%)" for i, r in enumerate(ratio, start=1)]


def test_share_of_the_energy_comes_first(digits):
    svd = sklearn.decomposition.TruncatedSVD(2, algorithm="arpack").fit(digits[0])
    svd.energy_ratio_ = np.array([0.75, 0.125])
    titles = [image.axes.get_title() for image in draw(svd).images_]
    assert titles == ["1 (75.0%)", "2 (12.5%)"]


def test_components_without_negative_weights(digits):
    nmf = sklearn.decomposition.NMF(5, init="nndsvda", max_iter=400, tol=1e-2)
    display = draw(nmf.fit(digits[0]))
    for image, component in zip(display.images_, nmf.components_, strict=True):
        assert image.get_clim() == (0, component.max())
        assert image.cmap.name == "Reds"
    assert [image.axes.get_title() for image in display.images_] == list("12345")


@pytest.mark.parametrize(
    "lda",
    [
        RatioLDA(3),
        LinearDiscriminantAnalysis(n_components=3),
        LinearDiscriminantAnalysis("eigen", shrinkage=0.1, n_components=3),
    ],
)
def test_discriminants(lda, digits):
    X, y = digits
    display = draw(lda.fit(X, y))
    assert display.images_.shape == (3,)
    for image, direction in zip(display.images_, lda.scalings_.T[:3], strict=True):
        assert_array_equal(image.get_array(), direction.reshape(SHAPE))


@pytest.mark.parametrize(
    ("k", "shape"), [(1, (1, 1)), (2, (1, 2)), (5, (2, 3)), (9, (3, 3)), (10, (3, 4))]
)
def test_grid_is_nearly_square(k, shape, pca):
    display = draw(pca, n_components=k)
    assert display.axes_.shape == shape
    panels = [ax for ax in display.axes_.flat if ax is not None]
    assert panels == [image.axes for image in display.images_]
    assert len(panels) == k
    display.figure_.draw_without_rendering()


def test_number_of_columns(pca):
    assert draw(pca, n_cols=5).axes_.shape == (2, 5)
    assert draw(pca, n_cols=1).axes_.shape == (10, 1)


def test_not_too_many_unless_asked_for(digits):
    pca = PCA().fit(digits[0])
    assert len(draw(pca).images_) == 36
    assert len(draw(pca, n_components=40).images_) == 40


def test_colour_images(rng):
    components = rng.normal(size=(2, 18))
    display = ComponentGalleryDisplay(components=components, image_shape=(2, 3, 3))
    for image, row in zip(display.plot().images_, components, strict=True):
        half = row / np.abs(row).max() / 2
        assert_allclose(image.get_array().ravel(), 0.5 + half, rtol=1e-12)
    components = np.abs(components)
    display = ComponentGalleryDisplay(components=components, image_shape=(2, 3, 3))
    for image, row in zip(display.plot().images_, components, strict=True):
        assert_allclose(image.get_array().ravel(), row / row.max(), rtol=1e-12)


def test_a_component_of_zeros_is_white(pca):
    components = [np.zeros(64), pca.components_[0]]
    display = ComponentGalleryDisplay(components=components, image_shape=SHAPE).plot()
    assert display.images_[0].get_clim() == (-1, 1)
    display.figure_.draw_without_rendering()


def test_one_axes_is_divided(pca):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    display = draw(pca, ax=right)
    assert plt.get_fignums() == [figure.number]
    assert display.figure_ is figure
    assert display.bounding_ax_ is right
    figure.draw_without_rendering()
    middle = left.get_position().x1
    assert all(image.axes.get_position().x0 > middle for image in display.images_)
    with pytest.raises(ValueError, match="axis off"):
        display.plot(right)


def test_many_axes_are_drawn_into(pca):
    figure, axes = plt.subplots(2, 5)
    display = draw(pca, ax=axes)
    assert plt.get_fignums() == [figure.number]
    assert_array_equal(display.axes_, axes)
    assert [image.axes for image in display.images_] == list(axes.flat)
    with pytest.raises(ValueError, match="one Axes or 10 of them; found 5"):
        display.plot(axes[0])


def test_keywords_reach_the_images(pca):
    display = draw(pca, image_kw={"cmap": "PuOr"})
    assert {image.cmap.name for image in display.images_} == {"PuOr"}


def test_not_fitted():
    with pytest.raises(NotFittedError):
        draw(PCA())


def test_bad_estimators(digits):
    X = digits[0]
    with pytest.raises(ValueError, match=r"Pipeline.*pipeline\['pca'\]"):
        draw(make_pipeline(PCA(2)).fit(X))
    with pytest.raises(ValueError, match=r"components_ or scalings_; found KernelPCA"):
        draw(sklearn.decomposition.KernelPCA(2).fit(X[:50]))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"image_shape": (8, 9)}, r"image_shape=\(8, 9\) holds 72 .* 64 features"),
        ({"image_shape": None}, "image_shape=None .* feature_names, one for each"),
        ({"n_components": 11}, "n_components=11 must be an integer from 1 to 10"),
        ({"n_components": 0}, "n_components=0"),
        ({"n_components": 0.9}, "n_components=0.9"),
        ({"scale": "all"}, "scale='all' must be one of .*'each', 'common'"),
        ({"scale": None}, "scale=None"),
        ({"n_cols": 0}, "n_cols=0"),
        ({"n_cols": 11}, "n_cols=11"),
    ],
)
def test_bad_parameters(parameters, message, pca):
    with pytest.raises(ValueError, match=message):
        draw(pca, **parameters)
    assert not plt.get_fignums()


def test_bad_numbers():
    parameters = {"components": np.ones((2, 4)), "image_shape": (2, 2)}
    with pytest.raises(ValueError, match=r"ratio must hold .* 2 components; found 1"):
        ComponentGalleryDisplay(**parameters, ratio=[0.5]).plot()
    parameters["components"] = np.full((2, 4), np.inf)
    with pytest.raises(ValueError, match="components"):
        ComponentGalleryDisplay(**parameters).plot()
