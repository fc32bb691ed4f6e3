"""ClusterMembership over the clusterers that there are."""

import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import (
    DBSCAN,
    HDBSCAN,
    AgglomerativeClustering,
    Birch,
    BisectingKMeans,
    KMeans,
    MeanShift,
    MiniBatchKMeans,
    SpectralClustering,
)
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred.cluster import ClusterMembership, NcutClustering

CLUSTERERS = [
    (None, "centers", 8),
    (KMeans(3, random_state=0), "centers", 3),
    (MiniBatchKMeans(3, random_state=0), "centers", 3),
    (BisectingKMeans(3, random_state=0), "centers", 3),
    (MeanShift(), "centers", None),
    (GaussianMixture(3, random_state=0), "predict_proba", 3),
    (NcutClustering(3, random_state=0), "predict_proba", 3),
    (AgglomerativeClustering(3), "votes", 3),
    (AgglomerativeClustering(None, distance_threshold=20.0), "votes", None),
    (HDBSCAN(copy=True), "votes", None),
    (DBSCAN(eps=1.5), "votes", None),
    (Birch(n_clusters=3), "votes", 3),
    (SpectralClustering(3, gamma=0.1, random_state=0), "votes", 3),
]


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(240, centers=3, n_features=4, random_state=0)


@pytest.mark.parametrize(
    ("clusterer", "method", "k"), CLUSTERERS, ids=lambda each: str(each)
)
def test_every_clusterer_gives_a_distribution(clusterer, method, k, blobs):
    X, y = blobs
    member = ClusterMembership(clusterer).fit(X[:200])
    assert member.method_ == method
    k = len(member.classes_) if k is None else k
    Z = member.transform(X)
    assert Z.shape == (240, k)
    assert_allclose(Z.sum(axis=1), 1)
    assert Z.min() >= 0
    assert len(member.get_feature_names_out()) == k
    assert_allclose(clone(member).fit_transform(X[:200]), Z[:200], atol=1e-12)
    alone = np.vstack([member.transform(row[np.newaxis]) for row in X[:5]])
    assert_allclose(alone, Z[:5], atol=1e-9)
    if k == 3:
        assert adjusted_rand_score(y, Z.argmax(axis=1)) > 0.95
    hot = clone(member).set_params(output="one-hot").fit(X[:200]).transform(X)
    assert_array_equal(np.sort(np.unique(hot)), [0, 1] if k > 1 else [1])
    assert_allclose(hot.sum(axis=1), 1)
    assert np.mean(hot.argmax(axis=1) == Z.argmax(axis=1)) > 0.98


def test_the_formula_of_centres(iris):
    X, _ = iris
    for T in (0.3, 1.0, 4.0):
        member = ClusterMembership(KMeans(3, random_state=0), temperature=T).fit(X)
        squares = euclidean_distances(X, member.estimator_.cluster_centers_) ** 2
        two = np.sort(squares, axis=1)
        assert_allclose(member.scale_, np.median(two[:, 1] - two[:, 0]), rtol=1e-6)
        p = np.exp(-squares / (T * member.scale_))
        expected = p / p.sum(axis=1, keepdims=True)
        assert_allclose(member.transform(X), expected, rtol=1e-6, atol=1e-12)
    # At temperature 1 half of the rows give their second less than 1 / e of the first.
    Z = np.sort(ClusterMembership(KMeans(3, random_state=0)).fit_transform(X), axis=1)
    assert_allclose(np.median(Z[:, 1] / Z[:, 2]), np.exp(-1), rtol=0.02)


def test_temperatures_and_units(iris):
    X, _ = iris
    kmeans = KMeans(3, random_state=0)
    cold = ClusterMembership(kmeans, temperature=1e-9).fit_transform(X)
    hot = ClusterMembership(kmeans, temperature=1e9).fit_transform(X)
    one_hot = ClusterMembership(kmeans, output="one-hot").fit_transform(X)
    assert_allclose(cold, one_hot, atol=1e-12)
    assert_allclose(hot, 1 / 3, atol=1e-6)
    plain = ClusterMembership(kmeans).fit_transform(X)
    for scale in (1e-3, 1e3):
        scaled = ClusterMembership(kmeans).fit_transform(X * scale)
        assert_allclose(scaled, plain, atol=1e-6)


def test_own_distributions_are_taken(iris):
    X, _ = iris
    for clusterer in (
        GaussianMixture(3, random_state=0),
        NcutClustering(3, random_state=0),
    ):
        member = ClusterMembership(clusterer).fit(X)
        assert_allclose(member.transform(X), clone(clusterer).fit(X).predict_proba(X))


def test_votes_are_those_of_the_nearest_rows(iris):
    X, _ = iris
    member = ClusterMembership(AgglomerativeClustering(3), n_neighbors=5).fit(X[::2])
    labels, old, new = member.estimator_.labels_, X[::2], X[1::2]
    D, among = euclidean_distances(new, old), np.sort(euclidean_distances(old), axis=1)
    checked = 0
    for d, row in zip(D, member.transform(new), strict=True):
        near = np.argsort(d, kind="stable")
        scale = np.sort(d)[6]
        if d[near[4]] == d[near[5]] or d[near[0]] == 0:
            continue
        near = near[:5]
        w = np.exp(-(d[near] ** 2) / (scale * among[near, 7]))
        expected = np.bincount(labels[near], w, 3) / w.sum()
        assert_allclose(row, expected, atol=1e-6)
        checked += 1
    assert checked > 40


def test_noise_does_not_vote(rng):
    X = np.vstack([rng.normal(0, 0.1, (40, 2)), rng.normal(5, 0.1, (40, 2)), [[2, 2]]])
    member = ClusterMembership(DBSCAN(eps=0.5)).fit(X)
    assert member.estimator_.labels_[-1] == -1
    assert_array_equal(member.classes_, [0, 1])
    Z = member.transform(X)
    assert_allclose(Z.sum(axis=1), 1)
    # The row of no cluster belongs to the nearer one.
    assert Z[-1, 0] > Z[-1, 1]
    with pytest.raises(ValueError, match="DBSCAN found no cluster: all 81 rows"):
        ClusterMembership(DBSCAN(eps=1e-6)).fit(X)


def test_distances(iris):
    X, _ = iris
    kmeans = KMeans(4, random_state=0).fit(X)
    member = ClusterMembership(KMeans(4, random_state=0), output="distance").fit(X)
    assert_allclose(member.transform(X), kmeans.transform(X), atol=1e-7)
    mixture = GaussianMixture(3, random_state=0)
    found = ClusterMembership(mixture, output="distance").fit_transform(X)
    expected = euclidean_distances(X, clone(mixture).fit(X).means_)
    assert_allclose(found, expected, atol=1e-7)
    with pytest.raises(ValueError, match="AgglomerativeClustering has none"):
        ClusterMembership(AgglomerativeClustering(), output="distance").fit(X)


def test_one_cluster(iris):
    for clusterer in (KMeans(1), AgglomerativeClustering(1), GaussianMixture(1)):
        for output in ("membership", "one-hot"):
            Z = ClusterMembership(clusterer, output=output).fit_transform(iris[0])
            assert_array_equal(Z, np.ones((150, 1)))


def test_equal_rows():
    X = np.repeat([[0.0, 0], [4, 4]], 10, axis=0)
    for clusterer in (KMeans(2, random_state=0), AgglomerativeClustering(2)):
        Z = ClusterMembership(clusterer).fit_transform(X)
        assert_allclose(Z.sum(axis=1), 1)
        assert (Z[:10] == Z[0]).all()
        assert Z[0].argmax() != Z[-1].argmax()


def test_before_a_classifier(digits):
    X, y = digits[0][:900], digits[1][:900]
    member = ClusterMembership(KMeans(40, n_init=1, random_state=0))
    pipe = make_pipeline(StandardScaler(), member, LogisticRegression(max_iter=2000))
    score = cross_val_score(pipe, X, y, cv=3)
    assert score.mean() > 0.8
    grid = {
        "clustermembership__output": ["membership", "one-hot"],
        "clustermembership__estimator__n_clusters": [10, 30],
        "clustermembership__temperature": [0.5],
    }
    search = GridSearchCV(pipe, grid, cv=3).fit(X, y)
    assert search.best_params_["clustermembership__estimator__n_clusters"] == 30


def test_sparse_rows_and_float32(digits):
    X = digits[0][:300]
    for clusterer in (KMeans(5, random_state=0), NcutClustering(5, random_state=0)):
        dense = ClusterMembership(clusterer).fit_transform(X)
        Z = ClusterMembership(clusterer).fit_transform(sparse.csr_array(X))
        assert Z.shape == dense.shape
        assert_allclose(Z.sum(axis=1), 1)
        Z32 = ClusterMembership(clusterer).fit_transform(X.astype(np.float32))
        assert Z32.dtype == np.float32
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        ClusterMembership(AgglomerativeClustering(5)).fit(sparse.csr_array(X))


def test_the_clusterer_is_cloned_and_failures_change_nothing(iris):
    kmeans = KMeans(3, random_state=0)
    member = ClusterMembership(kmeans).fit(iris[0])
    assert not hasattr(kmeans, "labels_")
    before = member.transform(iris[0])
    member.set_params(estimator=KMeans(1000))
    with pytest.raises(ValueError, match="n_samples"):
        member.fit(iris[0])
    member.set_params(estimator=kmeans)
    assert_array_equal(member.transform(iris[0]), before)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"estimator": KMeans}, TypeError, "must be an instance"),
        ({"estimator": "kmeans"}, TypeError, "must be an instance"),
        ({"output": "soft"}, ValueError, "output='soft' must be one of"),
        ({"temperature": 0}, ValueError, "temperature=0 must be a positive number"),
        ({"temperature": np.inf}, ValueError, "temperature=inf"),
        ({"n_neighbors": 0}, ValueError, "n_neighbors=0"),
        ({"n_neighbors": 2.5}, ValueError, r"n_neighbors=2\.5"),
    ],
)
def test_wrong_parameters(parameters, error, message, iris):
    with pytest.raises(error, match=message):
        ClusterMembership(**parameters).fit(iris[0])


def test_wrong_rows(iris):
    bad = iris[0].copy()
    bad[3, 1] = np.nan
    member = ClusterMembership(AgglomerativeClustering(3)).fit(iris[0])
    for method in (member.fit, member.transform):
        with pytest.raises(ValueError, match="NaN"):
            method(bad)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        affinity = np.exp(-euclidean_distances(iris[0]))
        inner = SpectralClustering(3, affinity="precomputed", random_state=0)
        with pytest.raises(ValueError, match="no rows among which"):
            ClusterMembership(inner).fit(affinity)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_rows_of_which_squares_overflow(kind, dtype):
    X = np.repeat(np.eye(3), 5, axis=0)
    X = (X + 0.01 * np.random.default_rng(0).normal(size=X.shape)).astype(dtype)
    centers = ClusterMembership(KMeans(3, random_state=0)).fit(kind(X))
    far = dtype(1e200 if dtype == np.float64 else 1e30)
    new = kind(np.array([[far, 0, 0], [0, 0, -far]], dtype=dtype))
    share = centers.transform(new)
    assert share.dtype == dtype
    assert_allclose(share.sum(axis=1), 1)
    away = ClusterMembership(KMeans(3, random_state=0), output="distance")
    assert_allclose(away.fit(kind(X)).transform(new), far, rtol=1e-6)


def test_what_is_no_clusterer_and_what_was_given_distances():
    X = np.random.default_rng(0).normal(size=(20, 20))
    for wrong in (StandardScaler(), make_pipeline(AgglomerativeClustering(3))):
        with pytest.raises(TypeError, match="neither labels_ nor predict"):
            ClusterMembership(wrong).fit(X)
    cut = AgglomerativeClustering(3, metric="precomputed", linkage="average")
    with pytest.raises(ValueError, match="no rows among which neighbours"):
        ClusterMembership(cut).fit(np.abs(X - X.T))


@pytest.mark.filterwarnings("ignore")
def test_rows_too_large_for_the_clusterer():
    X = 1e200 * np.random.default_rng(0).normal(size=(30, 2))
    with pytest.raises(ValueError, match="overflow"):
        ClusterMembership(KMeans(3, random_state=0)).fit(X)
