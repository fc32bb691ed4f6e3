"""Distances drawn by the Shepard diagram, against all of them."""

import sys
import tracemalloc

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.spatial.distance import pdist
from sklearn.exceptions import NotFittedError
from sklearn.manifold import SpectralEmbedding
from sklearn.metrics import pairwise_distances
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA
from skdimred.inspection import ShepardDisplay
from skdimred.inspection._pairs import draw_pairs
from skdimred.manifold import PCoA
from skdimred.metrics import great_circle_distances, log_fold_change_distances

plt.switch_backend("Agg")

# Coordinates of such distances are as good to draw as others.
pytestmark = pytest.mark.filterwarnings("ignore:The distances are not Euclidean")

draw = ShepardDisplay.from_estimator
ALL = 10**6


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def rows(iris):
    """Different rows: a correction lifts equal ones apart, and transform does not."""
    return np.unique(iris[0], axis=0)


def pairs(display):
    """Both distances of the pairs drawn, sorted."""
    found = np.asarray(display.scatter_.get_offsets())
    return found[np.lexsort(found.T)]


def expected(D, scores):
    return (found := np.column_stack([D, pdist(scores)]))[np.lexsort(found.T)]


@pytest.mark.parametrize("metric", ["braycurtis", "cityblock", "cosine", "euclidean"])
@pytest.mark.parametrize("root", [None, "sqrt"])
@pytest.mark.parametrize("correction", [None, "lingoes", "cailliez"])
def test_all_pairs(metric, root, correction, rows):
    X = rows[::3]
    pcoa = PCoA(2, metric=metric, transform_distance=root, correction=correction)
    display = draw(pcoa.fit(X), X, n_pairs=ALL)
    D = pdist(X, metric)
    D = np.sqrt(D) if root else D
    c = pcoa.correction_constant_
    D = np.sqrt(D**2 + 2 * c) if correction == "lingoes" else D + c
    assert_allclose(pairs(display), expected(D, pcoa.embedding_), atol=1e-6)
    assert display.ax_.get_xlabel().startswith(f"{metric} distance")
    assert ("root" in display.ax_.get_xlabel()) == bool(root)
    assert ("pairs" in display.ax_.get_title()) is False


def test_all_axes_match_the_corrected_distances(rows):
    X = rows[::3]
    for correction in ("lingoes", "cailliez"):
        pcoa = PCoA(None, metric="braycurtis", correction=correction).fit(X)
        display = draw(pcoa, X)
        assert display.stress_ < 1e-7
        assert_allclose(display.correlation_, 1)
        assert display.ax_.get_xlabel() == f"braycurtis distance, {correction}"


def test_stress_and_correlation(rows):
    display = draw(PCA(1).fit(rows), rows, n_pairs=500)
    given, found = np.asarray(display.scatter_.get_offsets()).T
    stress = np.sqrt(np.sum((given - found) ** 2) / np.sum(found**2))
    assert_allclose(display.stress_, stress)
    assert_allclose(display.correlation_, np.corrcoef(given, found)[0, 1])
    n = len(rows)
    assert display.ax_.get_title() == (
        f"stress {stress:.3g}; correlation {display.correlation_:.3f}; "
        f"500 of {n * (n - 1) // 2:,} pairs"
    )
    # A projection brings no pair farther apart.
    assert (found <= given + 1e-9).all()
    low, high = display.line_.get_xydata()
    assert low[0] == low[1] == 0
    assert high[0] == high[1]


@pytest.mark.parametrize(
    ("metric", "distances"),
    [
        ("great_circle", great_circle_distances),
        ("log_fold_change", log_fold_change_distances),
    ],
)
@pytest.mark.parametrize("params", [None, 1])
def test_metrics_of_ours(metric, distances, params, rng):
    X = rng.uniform(0, 80, (40, 2))
    X[1] = X[0] + 1e-6
    if params:
        params = {"great_circle": {"radius": 2.0}}.get(
            metric, {"top": 1, "pseudocount": 0.5}
        )
    pcoa = PCoA(2, metric=metric, metric_params=params).fit(X)
    D = distances(X, **params or {})[np.triu_indices(40, 1)]
    assert_allclose(pairs(draw(pcoa, X)), expected(D, pcoa.embedding_), atol=1e-6)


@pytest.mark.parametrize(
    ("metric", "params"),
    [
        ("minkowski", {"p": 3}),
        ("seuclidean", None),
        ("mahalanobis", None),
        ("jaccard", None),
        (lambda a, b: np.abs(a - b).max(), None),
    ],
    ids=["minkowski", "seuclidean", "mahalanobis", "jaccard", "callable"],
)
def test_metrics_of_others(metric, params, rows):
    X = rows[::3]
    if metric == "jaccard":
        X = 1.0 * (np.median(X, axis=0) < X)
    pcoa = PCoA(2, metric=metric, metric_params=params, store_distances=True).fit(X)
    D = pcoa.dissimilarity_matrix_[np.triu_indices(len(X), 1)]
    assert_allclose(pairs(draw(pcoa, X)), expected(D, pcoa.embedding_), atol=1e-6)


def test_given_metric_and_number_of_axes(rows):
    pca = PCA(3).fit(rows)
    display = draw(pca, rows, metric="cityblock", n_components=1, n_pairs=ALL)
    D = pdist(rows, "cityblock")
    scores = pca.transform(rows)[:, :1]
    assert_allclose(pairs(display), expected(D, scores), atol=1e-9)
    assert display.ax_.get_ylabel() == "distance on 1 axis"
    assert draw(pca, rows).ax_.get_ylabel() == "distance on 3 axes"


def test_new_rows_and_no_transform(rows):
    pcoa = PCoA(2, metric="cityblock").fit(rows[:100])
    display = draw(pcoa, rows[100:], n_pairs=ALL)
    D, scores = pdist(rows[100:], "cityblock"), pcoa.transform(rows[100:])
    assert_allclose(pairs(display), expected(D, scores), atol=1e-9)
    spectral = SpectralEmbedding(2, affinity="rbf", random_state=0).fit(rows)
    display = draw(spectral, rows, n_pairs=ALL)
    assert_allclose(pairs(display), expected(pdist(rows), spectral.embedding_))
    with pytest.raises(ValueError, match=r"X must hold the 149 fitted.*found 9 rows"):
        draw(spectral, rows[:9])


def test_sparse_frames_lists_and_landmarks(rows):
    reference = pairs(draw(PCoA(2, metric="cityblock").fit(rows), rows))
    pcoa = PCoA(2, metric="cityblock")
    table = sparse.csr_array(rows)
    assert_allclose(pairs(draw(pcoa.fit(table), table)), reference, atol=1e-6)
    table = sparse.coo_matrix(rows)
    assert_allclose(pairs(draw(pcoa.fit(table), table)), reference, atol=1e-6)
    frame = pd.DataFrame(rows, columns=list("abcd"), index=range(7, 7 + len(rows)))
    framed = PCoA(2, metric="cityblock").set_output(transform="pandas").fit(frame)
    assert_allclose(pairs(draw(framed, frame)), reference, atol=1e-6)
    pcoa = PCoA(2, metric="cityblock").fit(rows)
    assert_allclose(pairs(draw(pcoa, rows.tolist())), reference, atol=1e-6)
    pcoa = PCoA(2, metric="cityblock", n_landmarks=30, random_state=0).fit(rows)
    display = draw(pcoa, rows, n_pairs=ALL)
    D = pdist(rows, "cityblock")
    assert_allclose(pairs(display), expected(D, pcoa.embedding_), atol=1e-6)


def test_precomputed(rows, tmp_path):
    D = pairwise_distances(rows, metric="cityblock")
    reference = pairs(draw(PCoA(2, metric="cityblock").fit(rows), rows))
    np.save(tmp_path / "D.npy", D)
    pcoa = PCoA(2, metric="precomputed").fit(D)
    for given in (D, D.tolist(), pd.DataFrame(D), np.load(tmp_path / "D.npy", "r")):
        display = draw(pcoa, given)
        assert_allclose(pairs(display), reference, atol=1e-6)
    assert display.ax_.get_xlabel() == "distance given"
    few = PCoA(2, metric="precomputed", n_landmarks=30, random_state=0).fit(D)
    found = pairs(draw(few, D, n_pairs=ALL))
    assert_allclose(found, expected(pdist(rows, "cityblock"), few.embedding_))
    for bad, what in (
        (D[:9], r"shape \(9, 149\)"),
        (sparse.csr_array(D), "a sparse matrix"),
        (D + 1, "1 on its diagonal"),
    ):
        with pytest.raises(ValueError, match=f"X must hold the distances.*{what}"):
            draw(pcoa, bad)
    with pytest.raises(ValueError, match=r"must keep the coordinates.*PCA without"):
        draw(PCA(2).fit(D), D, metric="precomputed")


@pytest.mark.parametrize("n", [2, 3, 40, 10**6, 10**8])
def test_pairs_differ(n):
    m = min(300, n * (n - 1) // 2)
    i, j = draw_pairs(n, m, 0)
    assert len(set(zip(i.tolist(), j.tolist(), strict=True))) == len(i) == m
    assert ((i >= 0) & (i < j) & (j < n)).all()


def test_pairs_are_drawn_evenly():
    counts = np.zeros((6, 6))
    for seed in range(3000):
        counts[draw_pairs(6, 5, seed)] += 1
    # One in three of 15 pairs; five standard deviations.
    assert (np.abs(counts[np.triu_indices(6, 1)] - 1000) < 5 * 26).all()


def test_the_same_pairs_for_the_same_seed(rows):
    pca = PCA(2).fit(rows)
    first, again, other = (
        pairs(draw(pca, rows, n_pairs=50, random_state=seed))
        for seed in (3, np.random.RandomState(3), 4)
    )
    assert_allclose(first, again)
    assert not np.allclose(first, other)


def test_no_square_matrix_is_formed(rng):
    X = rng.normal(size=(20000, 3))
    pca = PCA(2).fit(X)
    tracemalloc.start()
    draw(pca, X, n_pairs=1000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * 20000**2 / 50


def test_nothing_to_correlate():
    display = ShepardDisplay(distances=[1.0, 1.0], embedded=[0.0, 0.0]).plot()
    assert display.stress_ == np.inf
    assert display.correlation_ is None
    assert display.ax_.get_title() == "stress inf"
    display = ShepardDisplay(distances=[0.0], embedded=[0.0]).plot()
    assert display.stress_ == 0
    display = ShepardDisplay(distances=[0.1] * 3, embedded=[1.0, 2.0, 3.0]).plot()
    assert display.correlation_ is None


def test_one_scale_unless_the_ranges_are_far_apart():
    a = np.linspace(0.1, 1, 9)
    assert ShepardDisplay(distances=a, embedded=a / 2).plot().ax_.get_aspect() == 1
    display = ShepardDisplay(distances=a, embedded=50 * a).plot()
    assert display.ax_.get_aspect() == "auto"


def test_draws_where_it_is_told_with_what_it_is_given(rows):
    figure, (left, right) = plt.subplots(1, 2, layout="constrained")
    pca = sklearn.decomposition.PCA(2).fit(rows)
    display = draw(
        *(pca, rows), ax=left, scatter_kw={"s": 3}, line_kw={"c": "red", "lw": 3}
    )
    assert display.ax_ is left
    assert display.figure_ is figure
    assert list(display.scatter_.get_sizes()) == [3]
    assert display.line_.get_color() == "red"
    assert display.line_.get_linewidth() == 3
    assert display.plot(right) is display
    assert display.ax_ is right
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(ValueError, match="ax must be one Axes; found"):
        display.plot([left, right])


def test_bad_estimators(rows):
    with pytest.raises(NotFittedError):
        draw(PCoA(), rows)
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(rows)
    with pytest.raises(ValueError, match=r"Pipeline.*pipeline\['pca'\]"):
        draw(pipeline, rows)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_pairs": 0}, "n_pairs=0 must be an integer of at least 1"),
        ({"n_pairs": 2.0}, "n_pairs=2.0"),
        ({"n_pairs": True}, "n_pairs=True"),
        ({"n_components": 3}, "n_components=3 must be an integer from 1 to 2.*axes"),
        ({"metric": lambda a, b: np.nan}, "gives nan between rows .* of X"),
        ({"metric": lambda a, b: -1.0}, "gives -1.0 between rows"),
        ({"metric": "nonsense"}, "nonsense"),
        ({"X": [[1.0, 2.0, 3.0, 4.0]]}, r"X must be .* two rows; found shape \(1, 4\)"),
        ({"X": [1.0, 2.0]}, r"found shape \(2,\)"),
    ],
)
def test_bad_parameters(parameters, message, rows):
    parameters = {"X": rows} | parameters
    with pytest.raises(ValueError, match=message):
        draw(PCA(2).fit(rows), **parameters)
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"distances": [1.0, -1.0]}, "distances must be at least 0; found -1 at pos"),
        ({"embedded": [1.0, np.nan]}, "embedded"),
        ({"embedded": [1.0]}, "must hold one number for each pair; found 2 and 1"),
        ({"distances": []}, "1 is required"),
    ],
)
def test_bad_numbers(parameters, message):
    good = {"distances": [1.0, 2.0], "embedded": [1.0, 2.0]}
    with pytest.raises(ValueError, match=message):
        ShepardDisplay(**good | parameters).plot()
    assert not plt.get_fignums()


def test_without_matplotlib(monkeypatch, rows):
    pca = PCA(2).fit(rows)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skdimred\[plot\]"'):
        draw(pca, rows)
