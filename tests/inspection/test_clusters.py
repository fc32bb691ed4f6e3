"""What the displays of clusters draw, against the numbers."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.datasets import make_blobs
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred.cluster import ClusterMembership, NcutClustering
from skdimred.inspection import EigengapDisplay, MembershipDisplay

plt.switch_backend("Agg")


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(300, centers=4, cluster_std=1.2, random_state=3)[0]


def lapack(W, m, ratio=False):
    W = W.toarray() if hasattr(W, "toarray") else np.asarray(W)
    d = W.sum(axis=1)
    mass = np.ones(len(d)) if ratio else d
    return scipy.linalg.eigh(np.diag(d) - W, np.diag(mass))[0][:m]


@pytest.mark.parametrize("criterion", ["ncut", "ratiocut"])
def test_eigenvalues_are_drawn(criterion, blobs):
    ncut = NcutClustering(3, criterion=criterion, random_state=0).fit(blobs)
    display = EigengapDisplay.from_estimator(ncut)
    expected = lapack(ncut.affinity_matrix_, 8, criterion == "ratiocut")
    x, y = display.points_.get_data()
    assert_array_equal(x, np.arange(1, 9))
    assert_allclose(y, expected, atol=1e-9)
    assert display.largest_gap_ == np.diff(expected).argmax() + 1 == 4
    assert_allclose(display.gap_line_.get_ydata(), expected[3:5], atol=1e-9)
    assert_allclose(display.cluster_line_.get_xdata(), 3.5)
    display.figure_.draw_without_rendering()


def test_other_graphs(blobs):
    peer = SpectralClustering(4, gamma=0.3, random_state=0).fit(blobs)
    display = EigengapDisplay.from_estimator(peer, n_eigenvalues=7)
    expected = lapack(peer.affinity_matrix_, 7)
    assert_allclose(display.points_.get_ydata(), expected, atol=1e-9)
    marks = NcutClustering(4, n_landmarks=60, random_state=0).fit(blobs)
    display = EigengapDisplay.from_estimator(marks)
    B = marks.affinity_matrix_.toarray()
    W = B @ np.diag(1 / B.sum(axis=0)) @ B.T
    assert_allclose(display.points_.get_ydata(), lapack(W, 10), atol=1e-9)
    one = EigengapDisplay(eigenvalues=[0.0, 0.0])
    assert one.plot().largest_gap_ == 1
    assert one.cluster_line_ is None


def test_what_has_no_eigenvalues(blobs):
    with pytest.raises(ValueError, match="KMeans, which has none"):
        EigengapDisplay.from_estimator(KMeans(2).fit(blobs))
    with pytest.raises(NotFittedError):
        EigengapDisplay.from_estimator(NcutClustering())
    ncut = NcutClustering(3, random_state=0).fit(blobs)
    for m in (0, 301, 2.5):
        with pytest.raises(ValueError, match="n_eigenvalues"):
            EigengapDisplay.from_estimator(ncut, n_eigenvalues=m)
    for values in ([0.1], [0.2, 0.1], [[0, 1], [1, 2]]):
        with pytest.raises(ValueError, match="ascending"):
            EigengapDisplay(eigenvalues=values).plot()


def test_keywords_and_axes(blobs):
    ncut = NcutClustering(3, random_state=0).fit(blobs)
    _, ax = plt.subplots()
    display = EigengapDisplay.from_estimator(
        ncut, ax=ax, point_kw={"color": "k"}, gap_kw={"lw": 7}
    )
    assert display.ax_ is ax
    assert display.points_.get_color() == "k"
    assert display.gap_line_.get_linewidth() == 7
    member = MembershipDisplay.from_estimator(
        ncut, blobs[:5], ax=ax, bar_kw={"alpha": 0.5}
    )
    assert member.bars_[0][0].get_alpha() == 0.5
    with pytest.raises(ValueError, match="ax must be one Axes"):
        MembershipDisplay(membership=[[1.0]]).plot(3)


@pytest.mark.parametrize(
    "estimator",
    [
        NcutClustering(3, random_state=0),
        ClusterMembership(KMeans(3, random_state=0)),
        GaussianMixture(3, random_state=0),
        make_pipeline(StandardScaler(), ClusterMembership(KMeans(3, random_state=0))),
    ],
)
@pytest.mark.parametrize("sort", [True, False])
def test_bars_are_the_shares(estimator, sort, iris):
    X = iris[0]
    fitted = estimator.fit(X)
    give = getattr(fitted, "predict_proba", None) or fitted.transform
    share = give(X[::5])
    display = MembershipDisplay.from_estimator(fitted, X[::5], sort=sort)
    heights = np.array([[bar.get_height() for bar in bars] for bars in display.bars_])
    assert_allclose(heights.T, share[display.order_], atol=1e-12)
    bottoms = np.array([[bar.get_y() for bar in bars] for bars in display.bars_])
    assert_allclose((bottoms + heights)[-1], 1)
    if sort:
        most = share.argmax(axis=1)[display.order_]
        assert (np.diff(most) >= 0).all()
    else:
        assert_array_equal(display.order_, np.arange(30))
    display.figure_.draw_without_rendering()


def test_names_of_clusters_and_rows(iris):
    member = ClusterMembership(KMeans(3, random_state=0)).fit(iris[0])
    rows = [f"row {i}" for i in range(4)]
    display = MembershipDisplay.from_estimator(
        member, iris[0][::40], names=["a", "b", "c"], labels=rows
    )
    assert [text.get_text() for text in display.legend_.get_texts()] == ["a", "b", "c"]
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks == [rows[i] for i in display.order_]
    with pytest.raises(ValueError, match="one name for each of 3 clusters"):
        MembershipDisplay.from_estimator(member, iris[0], names=["a"])
    with pytest.raises(ValueError, match="one name for each of 150 rows"):
        MembershipDisplay.from_estimator(member, iris[0], labels=["a"])
    many = MembershipDisplay(membership=np.eye(25)).plot()
    assert many.legend_ is None


def test_what_is_no_distribution(iris):
    kmeans = KMeans(3, random_state=0).fit(iris[0])
    with pytest.raises(ValueError, match=r"sum to 1; found .* in row 0"):
        MembershipDisplay.from_estimator(kmeans, iris[0])
    with pytest.raises(ValueError, match="in row 1"):
        MembershipDisplay(membership=[[0.5, 0.5], [1.5, -0.5]]).plot()
    spectral = SpectralClustering(2, random_state=0).fit(iris[0])
    with pytest.raises(ValueError, match="predict_proba or transform"):
        MembershipDisplay.from_estimator(spectral, iris[0])


@pytest.mark.parametrize("values", [[0.0, np.inf], [0.0, np.nan], [0.5, 0.1], [0.0]])
def test_wrong_eigenvalues(values):
    with pytest.raises(ValueError, match="two or more finite numbers"):
        EigengapDisplay(eigenvalues=values).plot()
