"""Components by the names of their features, against the components."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from numpy.testing import assert_array_equal
from sklearn.datasets import load_wine
from sklearn.decomposition import NMF, LatentDirichletAllocation
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline

from skdimred import PCA, TruncatedSVD
from skdimred.inspection import ComponentGalleryDisplay

plt.switch_backend("Agg")

draw = ComponentGalleryDisplay.from_estimator


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def texts():
    """Word counts of the docstrings of two subjects, and the words."""
    documents = [
        inspect.getdoc(getattr(module, name))
        for module in (scipy.stats, sklearn.metrics)
        for name in sorted(module.__all__)
    ]
    vectorizer = CountVectorizer(
        stop_words="english", min_df=5, max_df=0.5, token_pattern="[a-z]{4,}"
    )
    counts = vectorizer.fit_transform(d for d in documents if d)
    return counts, vectorizer


@pytest.fixture(scope="module")
def tfidf(texts):
    return TfidfTransformer().fit_transform(texts[0])


@pytest.fixture(scope="module")
def nmf(tfidf):
    return NMF(5, init="nndsvda", max_iter=500, tol=1e-2).fit(tfidf)


def words_of(display):
    """Words and weights of each panel, from the top down, as they are seen."""
    panels = []
    for bars in display.bars_:
        ax = bars[0].axes if len(bars) else None
        if ax is None:
            panels.append([])
            continue
        low, high = ax.get_ylim()
        assert low > high
        ticks = zip(ax.get_yticks(), ax.get_yticklabels(), strict=True)
        label = {round(at): text.get_text() for at, text in ticks}
        middles = [round(bar.get_y() + bar.get_height() / 2) for bar in bars]
        widths = [bar.get_width() for bar in bars]
        panels.append([(label[m], w) for m, w in zip(middles, widths, strict=True)])
    return panels


def expected(component, names, n):
    """The same by a plain sort."""
    pairs = sorted(zip(names, component, strict=True), key=lambda pair: -abs(pair[1]))
    return [(name, weight) for name, weight in pairs[:n] if weight]


def test_top_words_of_topics(nmf, texts):
    names = texts[1].get_feature_names_out()
    display = draw(nmf, feature_names=names)
    assert display.bars_.shape == (5,)
    assert display.images_ is None
    assert display.axes_.shape == (2, 3)
    for found, component in zip(words_of(display), nmf.components_, strict=True):
        assert found == expected(component, names, 8)
    titles = [bars[0].axes.get_title() for bars in display.bars_]
    assert titles == list("12345")
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("n_top", [1, 3, 20])
def test_number_of_words(n_top, nmf, texts):
    names = texts[1].get_feature_names_out()
    display = draw(nmf, feature_names=names, n_top=n_top, n_components=2)
    panels = words_of(display)
    assert [len(panel) for panel in panels] == [n_top, n_top]
    assert panels[1] == expected(nmf.components_[1], names, n_top)
    display.figure_.draw_without_rendering()


def test_signed_weights(texts, tfidf):
    svd = TruncatedSVD(4).fit(tfidf)
    names = texts[1].get_feature_names_out()
    display = draw(svd, feature_names=names)
    colours = {}
    for bars, found, component in zip(
        display.bars_, words_of(display), svd.components_, strict=True
    ):
        assert found == expected(component, names, 8)
        for bar in bars:
            colours.setdefault(bar.get_width() > 0, set()).add(bar.get_facecolor())
        low, high = bars[0].axes.get_xlim()
        assert -low == high > np.abs(component).max()
    # A colour for each sign, red for positive and blue for negative as in images.
    ((red, _, blue, _),), ((other_red, _, other_blue, _),) = (
        colours[True],
        colours[False],
    )
    assert red > blue
    assert other_red < other_blue
    share = svd.energy_ratio_[0]
    assert display.axes_[0, 0].get_title() == f"1 ({share:.1%})"


def test_counts_of_latent_dirichlet_allocation(texts):
    counts, vectorizer = texts
    lda = LatentDirichletAllocation(3, max_iter=3, random_state=0).fit(counts)
    names = vectorizer.get_feature_names_out()
    display = draw(lda, feature_names=names)
    for found, component in zip(words_of(display), lda.components_, strict=True):
        assert found == expected(component, names, 8)
    assert {bars[0].axes.get_xlim()[0] for bars in display.bars_} == {0.0}


def test_scales(nmf, texts):
    names = texts[1].get_feature_names_out()
    top = nmf.components_.max(axis=1)
    display = draw(nmf, feature_names=names)
    ends = [bars[0].axes.get_xlim()[1] for bars in display.bars_]
    np.testing.assert_allclose(ends, 1.02 * top)
    display = draw(nmf, feature_names=names, scale="common")
    ends = [bars[0].axes.get_xlim()[1] for bars in display.bars_]
    np.testing.assert_allclose(ends, 1.02 * top.max())
    assert display.colorbar_ is None


def test_names_known_to_the_estimator():
    X = load_wine(as_frame=True).data
    pca = PCA(2).fit(X / X.std())
    panels = words_of(draw(pca, n_top=30))
    assert [len(panel) for panel in panels] == [13, 13]
    assert panels[0] == expected(pca.components_[0], X.columns, 13)
    # Those that are given come first.
    given = words_of(draw(pca, feature_names=list("abcdefghijklm")))
    assert given[0] == expected(pca.components_[0], "abcdefghijklm", 8)
    assert words_of(draw(pca, feature_names=X.columns.to_series()))[0] == panels[0][:8]
    # As an image it needs no names.
    assert draw(pca, image_shape=(1, 13)).bars_ is None


def test_weights_of_zero_are_not_named():
    components = np.array([[0.0, 3.0, 0.0, -0.0], [0.0, 0.0, 0.0, 0.0]])
    names = list("abcd")
    display = ComponentGalleryDisplay(components=components, feature_names=names)
    assert words_of(display.plot()) == [[("b", 3.0)], []]
    assert display.axes_[0, 1].get_xlim() == (0, 1.02)
    display.figure_.draw_without_rendering()
    only = ComponentGalleryDisplay(components=components[1:], feature_names=names)
    assert words_of(only.plot()) == [[]]
    only.figure_.draw_without_rendering()


def test_equal_weights_are_named_in_order():
    display = ComponentGalleryDisplay(
        components=[[1.0, -2.0, 1.0, 2.0]], feature_names=list("abcd")
    ).plot(n_top=3)
    assert words_of(display) == [[("b", -2.0), ("d", 2.0), ("a", 1.0)]]


def test_names_are_no_formulas():
    names = [r"$\frac", "a$b", "price in $ and in $", 7]
    display = ComponentGalleryDisplay(
        components=[[4.0, 3.0, 2.0, 1.0]], feature_names=names
    ).plot()
    display.figure_.draw_without_rendering()
    assert [word for word, _ in words_of(display)[0]] == [*names[:3], "7"]


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_any_unit(unit, nmf, texts):
    names = texts[1].get_feature_names_out()
    one, other = (
        ComponentGalleryDisplay(components=c, feature_names=names).plot()
        for c in (nmf.components_, unit * nmf.components_)
    )
    other.figure_.draw_without_rendering()
    for a, b in zip(words_of(one), words_of(other), strict=True):
        assert [word for word, _ in a] == [word for word, _ in b]


def test_axes_and_keywords(nmf, texts):
    names = texts[1].get_feature_names_out()
    figure, axes = plt.subplots(1, 5)
    display = draw(nmf, feature_names=names, ax=axes, bar_kw={"fc": "green"})
    assert plt.get_fignums() == [figure.number]
    assert_array_equal(display.axes_, axes)
    for panel, bars in zip(axes, display.bars_, strict=True):
        assert bars[0].axes is panel
        assert {bar.get_facecolor() for bar in bars} == {(0, 128 / 255, 0, 1)}
    figure, ax = plt.subplots(layout="constrained")
    display = draw(nmf, feature_names=names, ax=ax, n_cols=5)
    assert display.bounding_ax_ is ax
    assert display.axes_.shape == (1, 5)


def test_bad_names(nmf, texts, tfidf):
    vectorizer = texts[1]
    names = vectorizer.get_feature_names_out()
    p = len(names)
    # The words of vocabulary_ are in another order than the columns.
    with pytest.raises(ValueError, match=r"found dict.*get_feature_names_out\(\)"):
        draw(nmf, feature_names=vectorizer.vocabulary_)
    with pytest.raises(ValueError, match="order of the columns; found str"):
        draw(nmf, feature_names="x" * p)
    with pytest.raises(ValueError, match="found ndarray"):
        draw(nmf, feature_names=names[:, np.newaxis])
    with pytest.raises(ValueError, match="found set"):
        draw(nmf, feature_names=set(names))
    with pytest.raises(ValueError, match=f"each of {p} features; found {p - 1}"):
        draw(nmf, feature_names=names[:-1])
    with pytest.raises(ValueError, match=r"image_shape=None .* there are none"):
        draw(nmf)
    with pytest.raises(ValueError, match="give one of them"):
        draw(nmf, feature_names=names, image_shape=(1, p))
    with pytest.raises(ValueError, match=r"Pipeline.*pipeline\['nmf'\]"):
        draw(make_pipeline(TfidfTransformer(), nmf), feature_names=names)
    assert not plt.get_fignums()


@pytest.mark.parametrize("n_top", [0, -1, 2.0, True, None, "8"])
def test_bad_number_of_words(n_top, nmf, texts):
    with pytest.raises(ValueError, match=r"n_top=.* must be an integer of at least 1"):
        draw(nmf, feature_names=texts[1].get_feature_names_out(), n_top=n_top)
    assert not plt.get_fignums()
