"""NcutClustering: its answers, its contract, and what it refuses."""

import inspect
import os
import pickle
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.datasets import (
    load_digits,
    load_wine,
    make_blobs,
    make_circles,
    make_moons,
)
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score as rand_index
from sklearn.metrics import normalized_mutual_info_score as mutual_info
from sklearn.metrics.pairwise import euclidean_distances, rbf_kernel
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import kneighbors_graph
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred.cluster import ClusterMembership, NcutClustering
from skdimred.cluster._neighbors import _nearest_of_different, _nearest_outside

SHARED = Path(os.environ.get("SKDIMRED_DATA", "data"))


def ncut_of(W, labels):
    """The objective, cluster by cluster, from dense weights."""
    W = W.toarray() if sparse.issparse(W) else W
    value = 0.0
    for c in np.unique(labels):
        inside = labels == c
        value += W[inside][:, ~inside].sum() / W[inside].sum()
    return value


def moons(n=1000, noise=0.06):
    return make_moons(n, noise=noise, random_state=0)


def spirals(n=150, turns=1.75):
    """Two arms of n points, evenly spaced along them."""
    t = np.sqrt(np.linspace(0.04, 1, n)) * 2 * np.pi * turns
    arm = np.column_stack([t * np.cos(t), t * np.sin(t)])
    return np.vstack([arm, -arm]), np.repeat([0, 1], n)


CONFIGURED = [
    NcutClustering(3, random_state=0),
    NcutClustering(3, balance=0.5, random_state=0),
    NcutClustering(3, criterion="ratiocut", random_state=0),
    NcutClustering(3, sigma="auto", assign_labels="kmeans", random_state=0),
    NcutClustering(3, affinity="rbf", assign_labels="discretize", random_state=0),
    NcutClustering(3, sigma=1.0, affinity="rbf", assign_labels="cluster_qr"),
    NcutClustering(3, refine=False, random_state=0),
    NcutClustering(3, n_landmarks=40, random_state=0),
]


@pytest.mark.parametrize("estimator", CONFIGURED, ids=str)
def test_iris_in_every_configuration(estimator, iris):
    X, y = iris
    fitted = clone(estimator).fit(X)
    assert mutual_info(y, fitted.labels_) > 0.7
    assert_array_equal(np.unique(fitted.labels_), [0, 1, 2])
    if estimator.n_landmarks is None:
        W = fitted.affinity_matrix_
    else:
        B = fitted.affinity_matrix_.toarray()
        W = B @ np.diag(1 / B.sum(axis=0)) @ B.T
    assert_allclose(fitted.ncut_, ncut_of(W, fitted.labels_), rtol=1e-9, atol=1e-15)
    assert_array_equal(fitted.predict(X), fitted.labels_)
    assert_allclose(fitted.score(X), -fitted.ncut_, rtol=1e-9, atol=1e-12)
    Z = fitted.transform(X)
    assert Z.shape == (150, 3)
    assert_allclose(Z, fitted.embedding_, atol=1e-12)
    assert_allclose(clone(estimator).fit_transform(X), Z, atol=1e-12)
    assert_array_equal(clone(estimator).fit_predict(X), fitted.labels_)
    share = fitted.predict_proba(X)
    assert_allclose(share.sum(axis=1), 1)
    assert share.min() >= 0
    assert np.mean(share.argmax(axis=1) == fitted.labels_) > 0.9


def test_objective_by_criterion_and_balance(digits):
    X = digits[0][:600]
    plain = NcutClustering(10, random_state=0).fit(X)
    assert plain.objective_ == plain.ncut_
    W, labels = plain.affinity_matrix_.toarray(), None
    balanced = NcutClustering(10, balance=0.5, random_state=0).fit(X)
    volume, cut = np.zeros(10), np.zeros(10)
    labels = balanced.labels_
    for c in range(10):
        volume[c] = W[labels == c].sum()
        cut[c] = W[labels == c][:, labels != c].sum()
    expected = np.sum(cut / volume * np.sqrt(W.sum() / (10 * volume)))
    assert_allclose(balanced.objective_, expected)
    ratio = NcutClustering(10, criterion="ratiocut", random_state=0).fit(X)
    labels = ratio.labels_
    expected = sum(
        W[labels == c][:, labels != c].sum() / np.sum(labels == c) for c in range(10)
    )
    assert_allclose(ratio.objective_, expected)
    assert_allclose(ratio.ncut_, ncut_of(W, labels))


def best_rounding(W, k, seed):
    """Lowest cut of scikit-learn's roundings of the eigenvectors of a graph."""
    found = [
        SpectralClustering(
            k, affinity="precomputed", assign_labels=how, random_state=seed
        ).fit_predict(W)
        for how in ("kmeans", "discretize", "cluster_qr")
    ]
    return min(ncut_of(W, labels) for labels in found if len(np.unique(labels)) == k)


@pytest.mark.parametrize("k", [10, 26])
def test_no_higher_than_what_scikit_learn_rounds(k, digits):
    X = digits[0]
    W = NcutClustering(k, random_state=0).fit(X).affinity_matrix_
    best = best_rounding(W, k, 0)
    for seed in range(5):
        found = NcutClustering(k, random_state=seed).fit(X)
        assert found.ncut_ <= 0.95 * best
        again = NcutClustering(k, affinity="precomputed", random_state=seed).fit(W)
        assert_array_equal(again.labels_, found.labels_)


def few_far(rng):
    X = make_blobs(1500, 8, centers=10, cluster_std=2.5, random_state=1)[0]
    X[rng.random(1500) < 0.02] *= 6
    return X


@pytest.mark.filterwarnings("ignore:Graph is not fully connected")
@pytest.mark.parametrize(
    ("make", "k"),
    [
        (few_far, 10),
        (lambda rng: rng.standard_t(2, size=(1000, 6)), 10),
        # Small clusters that coarse nodes hide.
        (lambda rng: load_digits().data, 4),
        (lambda rng: load_digits().data, 5),
        # Vectors that differ little, and many ways to cut.
        (lambda rng: StandardScaler().fit_transform(load_wine().data), 2),
        (lambda rng: rng.standard_normal((140, 2)), 26),
        (lambda rng: rng.standard_normal((300, 2)), 15),
        (lambda rng: make_circles(500, noise=0.1, factor=0.5, random_state=2)[0], 2),
    ],
)
def test_no_higher_with_any_seed(make, k):
    X = make(np.random.default_rng(1))
    W = NcutClustering(k, random_state=0).fit(X).affinity_matrix_
    for seed in range(3):
        found = NcutClustering(k, random_state=seed).fit(X)
        assert found.ncut_ <= best_rounding(W, k, seed) * (1 + 1e-9)


def test_an_outlier_among_dense_weights_is_not_missed(rng):
    """The cheapest cut of a Gaussian kernel may be a few rows far from all others."""
    X = np.vstack([rng.standard_normal((500, 4)), [[9.0, 0, 0, 0], [9.2, 0, 0, 0]]])
    W = rbf_kernel(X, gamma=0.1)
    alone = np.arange(502) >= 500
    found = NcutClustering(2, affinity="precomputed", random_state=0).fit(W)
    assert found.ncut_ <= ncut_of(W, alone) * (1 + 1e-9)


def test_classes_of_the_digits(digits):
    X, y = digits
    ours, theirs = [], []
    for seed in range(3):
        labels = NcutClustering(10, balance=0.5, random_state=seed).fit_predict(X)
        ours.append(mutual_info(y, labels))
        peer = SpectralClustering(10, affinity="nearest_neighbors", random_state=seed)
        theirs.append(mutual_info(y, peer.fit_predict(X)))
    assert np.median(ours) > np.median(theirs) + 0.02
    assert np.median(ours) > 0.9


def test_pendigits_against_published_figures():
    """LSC-K 79.7 and U-SPEC 80.3, by the larger of the entropies."""
    path = SHARED / "pendigits.npz"
    if not path.exists():
        pytest.skip(f"{path} is not there: set SKDIMRED_DATA to its folder")
    data = np.load(path)
    X, y = data["X"].astype(float), data["y"]
    found = [
        mutual_info(
            y,
            NcutClustering(10, balance=0.5, random_state=seed).fit_predict(X),
            average_method="max",
        )
        for seed in range(5)
    ]
    assert np.mean(found) >= 0.803


@pytest.mark.parametrize("make", ["moons", "circles", "blobs", "spirals"])
def test_shapes_that_k_means_cannot_see(make):
    if make == "blobs":
        X, y = make_blobs(2000, centers=8, n_features=10, random_state=0)
        estimator = NcutClustering(8, random_state=0)
    elif make == "spirals":
        X, y = spirals()
        estimator = NcutClustering(2, n_neighbors=4, random_state=0)
    else:
        X, y = make_circles(1000, factor=0.5, noise=0.04, random_state=0)
        if make == "moons":
            X, y = moons()
        estimator = NcutClustering(2, random_state=0)
        assert rand_index(y, KMeans(2, random_state=0).fit_predict(X)) < 0.6
    assert rand_index(y, estimator.fit_predict(X)) == 1


def test_the_second_vector_of_spirals_is_right():
    """Weights between the arms are so weak that the eigenvalue is a few 1e-6."""
    X, y = spirals()
    D = euclidean_distances(X)
    W = np.exp(-(D**2) / (2 * 0.55**2))
    np.fill_diagonal(W, 0)
    found = NcutClustering(2, affinity="precomputed", random_state=0).fit(W)
    assert 1e-7 < found.eigenvalues_[1] < 1e-5
    assert found.residual_ < 1e-12
    assert rand_index(y, found.labels_) == 1
    assert rand_index(y, found.embedding_[:, 1] > 0) == 1
    # The quotient is its eigenvalue, and no indicator has a lower one.
    d, v = W.sum(axis=1), found.embedding_[:, 1]
    energy = 0.5 * np.sum(W * (v[:, np.newaxis] - v) ** 2)
    assert_allclose(energy / (d @ v**2), found.eigenvalues_[1], rtol=1e-9)
    assert found.eigenvalues_[1] < found.ncut_


def test_components_are_the_answer():
    blobs = [np.random.default_rng(i).normal(100 * i, 1, (40, 2)) for i in range(6)]
    X, y = np.vstack(blobs), np.repeat(np.arange(6), 40)
    found = NcutClustering(6, random_state=0).fit(X)
    assert found.n_connected_components_ == 6
    assert found.ncut_ == 0
    assert_array_equal(found.eigenvalues_, 0)
    assert_array_equal(found.labels_, y)
    assert found.solver_ == "components"
    more = NcutClustering(8, random_state=0).fit(X)
    assert_array_equal(more.eigenvalues_[:6], 0)
    assert (more.eigenvalues_[6:] > 0.01).all()
    # Fewer clusters: what lies near to each other is put together.
    fewer = NcutClustering(3, random_state=0).fit(np.vstack([X, X[:30] + 3]))
    assert fewer.n_connected_components_ == 3
    assert fewer.ncut_ == 0
    for c in range(3):
        together = np.unique(y[fewer.labels_[:240] == c])
        assert np.ptp(together) == len(together) - 1


def test_small_components_are_joined_and_large_ones_are_not():
    X, y = moons()
    far = np.random.default_rng(0).normal(size=(12, 2)) * 0.01 + [1.5, 1.2]
    with_far = np.vstack([X, far])
    found = NcutClustering(2, random_state=0).fit(with_far)
    assert found.n_connected_components_ == 2
    assert rand_index(y, found.labels_[:1000]) == 1
    # As many components as clusters, none of them tiny.
    three = np.vstack(
        [
            np.random.default_rng(i).normal(c, 1, (n, 2))
            for i, (c, n) in enumerate(((0, 500), (40, 500), (80, 20)))
        ]
    )
    found = NcutClustering(3, random_state=0).fit(three)
    assert_array_equal(np.bincount(found.labels_), [500, 500, 20])


@pytest.mark.parametrize("k", [2, 3])
def test_cliques_and_rows_alone(k):
    W = np.zeros((30, 30))
    W[:10, :10] = W[10:20, 10:20] = 1
    np.fill_diagonal(W, 0)
    estimator = NcutClustering(k, affinity="precomputed", random_state=0)
    with pytest.warns(UserWarning, match="12 components"):
        estimator.fit(W)
    labels = estimator.labels_
    assert len(set(labels[:10])) == len(set(labels[10:20])) == 1
    assert labels[0] != labels[10]
    assert estimator.ncut_ == 0
    assert len(set(labels)) == k


def test_equal_weights(rng):
    found = NcutClustering(3, affinity="precomputed", random_state=0).fit(
        np.ones((30, 30))
    )
    assert np.bincount(found.labels_).min() > 0
    assert_allclose(found.ncut_, 2.0)
    assert_allclose(found.eigenvalues_, [0, 1, 1], atol=1e-12)
    assert np.isfinite(found.transform(np.ones((30, 30)))).all()


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array, sparse.coo_matrix])
def test_precomputed_weights_are_the_graph(kind, digits):
    X = digits[0][:400]
    fitted = NcutClustering(10, random_state=0).fit(X)
    W = fitted.affinity_matrix_.toarray()
    given = kind(W.copy())
    found = NcutClustering(10, affinity="precomputed", random_state=0).fit(given)
    assert_array_equal(found.labels_, fitted.labels_)
    assert_array_equal(found.predict(given), found.labels_)
    assert_allclose(found.transform(given), found.embedding_)
    assert_allclose(found.score(given), -found.ncut_)
    assert_allclose(found.predict_proba(given).sum(axis=1), 1)
    dense = given.toarray() if sparse.issparse(given) else given
    assert_array_equal(dense, W)
    # A row without weights is in no cluster more than the rows on average.
    nothing = found.predict_proba(np.zeros((1, 400)))
    assert_allclose(nothing[0], np.bincount(found.labels_) / 400)


def test_binary_graph_of_scikit_learn(digits):
    W = kneighbors_graph(digits[0], 10, include_self=True)
    W = 0.5 * (W + W.T)
    found = NcutClustering(10, affinity="precomputed", random_state=0).fit(W)
    peer = SpectralClustering(10, affinity="precomputed", random_state=0).fit(W)
    assert found.ncut_ < 0.95 * ncut_of(W, peer.labels_)


def test_nystrom_on_new_rows(digits):
    """New rows by the formula, and near to where a fit to all places them."""
    X, y = digits
    fitted = NcutClustering(10, balance=0.5, random_state=0).fit(X[:1200])
    new = X[1200:]
    assert mutual_info(y[1200:], fitted.predict(new)) > 0.8
    Z, share = fitted.transform(new), fitted.predict_proba(new)
    weights, told_apart = [], []
    S = np.sort(euclidean_distances(X[:1200]), axis=1)[:, 7]
    for row in new[:20]:
        d = np.linalg.norm(X[:1200] - row, axis=1)
        near = np.argsort(d)[:10]
        told_apart.append(np.diff(np.sort(d)[9:11])[0] > 0)
        w = np.zeros(1200)
        w[near] = np.exp(-(d[near] ** 2) / (np.sort(d)[6] * S[near]))
        weights.append(w)
    w, some = np.array(weights), np.flatnonzero(told_apart)
    assert len(some) > 15
    expected = w @ np.eye(10)[fitted.labels_] / w.sum(axis=1, keepdims=True)
    assert_allclose(share[some], expected[some], atol=1e-6)
    E, values = fitted.embedding_, fitted.eigenvalues_
    expected = w @ E / w.sum(axis=1, keepdims=True) / (1 - values)
    expected = np.clip(expected, E.min(0), E.max(0))
    assert_allclose(Z[some], expected[some], atol=1e-5)
    alone = np.vstack([fitted.transform(row[np.newaxis]) for row in new[:5]])
    assert_allclose(alone, Z[:5], atol=1e-9)
    mixed = fitted.predict(np.vstack([new[:3], X[:3], new[3:6]]))
    expected = np.concatenate(
        [fitted.predict(new[:3]), fitted.labels_[:3], fitted.predict(new[3:6])]
    )
    assert_array_equal(mixed, expected)


@pytest.mark.parametrize("solver", ["dense", "lanczos", "shift-invert"])
@pytest.mark.parametrize("criterion", ["ncut", "ratiocut"])
def test_embedding_solves_the_pencil(solver, criterion, digits):
    X = digits[0][:700]
    found = NcutClustering(
        8, eigen_solver=solver, criterion=criterion, random_state=0
    ).fit(X)
    W = found.affinity_matrix_
    d = W.sum(axis=1)
    mass = d if criterion == "ncut" else np.ones(700)
    V, values = found.embedding_, found.eigenvalues_
    left = d[:, np.newaxis] * V - W @ V
    assert_allclose(left, mass[:, np.newaxis] * V * values, atol=1e-6)
    assert_allclose((V.T * mass) @ V / mass.sum(), np.eye(8), atol=1e-7)
    assert_allclose(V[:, 0], 1)
    assert found.solver_ == solver
    assert found.residual_ < 1e-8


@pytest.mark.parametrize("scale", [1e3, 1e-3, 1e150, 1e-150, 1e250])
@pytest.mark.parametrize("balance", [0.0, 0.5])
def test_units_do_not_matter(scale, balance, digits, iris):
    for X, k in ((iris[0], 3), (digits[0], 10), (moons(600, 0.12)[0], 2)):
        estimator = NcutClustering(k, balance=balance, random_state=0)
        labels = estimator.fit_predict(X)
        assert_array_equal(clone(estimator).fit_predict(X * scale), labels)
        fitted = clone(estimator).fit(X * scale)
        assert_array_equal(fitted.predict(X[:50] * scale), labels[:50])


def test_far_from_the_origin(iris, digits):
    for X, k in ((iris[0], 3), (digits[0], 10)):
        labels = NcutClustering(k, random_state=0).fit_predict(X)
        moved = NcutClustering(k, random_state=0).fit_predict(X + 1e6)
        assert rand_index(labels, moved) > 0.99


@pytest.mark.parametrize("affinity", ["nearest_neighbors", "rbf"])
@pytest.mark.parametrize("kind", ["dense", "float32", "sparse"])
def test_equal_rows_have_equal_coordinates(affinity, kind):
    """Of rows as near as each other, only some are neighbours."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, (600, 8)).astype(float)
    X = sparse.csr_array(bits) if kind == "sparse" else bits
    X = X.astype(np.float32) if kind == "float32" else X
    fitted = NcutClustering(4, affinity=affinity, random_state=0).fit(X)
    Z = fitted.embedding_
    _, group = np.unique(bits, axis=0, return_inverse=True)
    firsts = np.unique(group, return_index=True)[1]
    assert len(firsts) < 260
    assert_array_equal(Z, Z[firsts][group.ravel()])
    assert_array_equal(fitted.transform(X), Z)
    assert_array_equal(fitted.predict(X), fitted.labels_)
    assert_allclose(-fitted.score(X), fitted.ncut_, rtol=1e-12)
    degree = np.asarray(fitted.affinity_matrix_.sum(axis=1)).ravel()
    assert_allclose(degree @ Z[:, 1:], 0, atol=1e-4 * degree.sum())
    # Rows of which there is one have the vectors as they were found.
    alone = np.bincount(group.ravel())[group.ravel()] == 1
    V = fitted._coordinates.spectrum.vectors[alone] * np.sqrt(degree.sum())
    assert alone.any()
    assert_allclose(Z[alone], V, rtol=1e-5, atol=1e-6)


def test_float32_in_float32_out(digits):
    X = digits[0].astype(np.float32)
    fitted = NcutClustering(10, random_state=0).fit(X)
    assert fitted.embedding_.dtype == np.float32
    assert fitted.transform(X[:5]).dtype == np.float32
    assert fitted.predict_proba(X[:5]).dtype == np.float32
    wide = NcutClustering(10, random_state=0).fit(digits[0])
    assert_array_equal(fitted.labels_, wide.labels_)
    assert wide.labels_.dtype == fitted.labels_.dtype == np.intp


def test_sparse_rows(digits):
    X = digits[0]
    fitted = NcutClustering(10, random_state=0).fit(X)
    for kind in (sparse.csr_array, sparse.csc_matrix):
        found = NcutClustering(10, random_state=0).fit(kind(X))
        assert rand_index(found.labels_, fitted.labels_) > 0.99
        assert_array_equal(found.predict(kind(X)), found.labels_)
        assert_allclose(found.transform(kind(X)), found.embedding_)
        assert found.score(kind(X)) == pytest.approx(-found.ncut_)
        with pytest.raises(AttributeError, match="ClusterMembership"):
            found.predict_proba(kind(X))
    marks = NcutClustering(10, n_landmarks=200, random_state=0).fit(sparse.csr_array(X))
    assert mutual_info(digits[1], marks.labels_) > 0.6
    assert sparse.issparse(marks.landmarks_)


def test_same_labels_on_one_thread_and_two():
    code = (
        "import numpy as np; from sklearn.datasets import load_digits;"
        "from skdimred.cluster import NcutClustering;"
        "X = load_digits().data;"
        "f = NcutClustering(10, random_state=3).fit(X);"
        "g = NcutClustering(10, n_landmarks=150, random_state=3).fit(X);"
        "print(f.labels_.tolist(), repr(f.ncut_), g.labels_.tolist())"
    )
    found = set()
    for threads in ("1", "2"):
        names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        env = os.environ | dict.fromkeys(names, threads)
        run = subprocess.run(
            [sys.executable, "-c", code], env=env, capture_output=True, check=True
        )
        found.add(run.stdout)
    assert len(found) == 1


def test_same_seed_same_labels(digits):
    X = digits[0][:500]
    for options in ({}, {"n_landmarks": 60}, {"assign_labels": "kmeans"}):
        a = NcutClustering(7, random_state=5, **options).fit(X)
        b = NcutClustering(7, random_state=5, **options).fit(X)
        assert_array_equal(a.labels_, b.labels_)
        assert_array_equal(a.embedding_, b.embedding_)


def test_landmarks():
    X, y = make_moons(20_000, noise=0.1, random_state=0)
    found = NcutClustering(2, n_landmarks=500, random_state=0).fit(X)
    assert rand_index(y, found.labels_) > 0.98
    assert found.affinity_matrix_.shape == (20_000, len(found.landmarks_))
    assert_array_equal(found.predict(X), found.labels_)
    assert_allclose(found.score(X), -found.ncut_, rtol=1e-9)
    # Eigenpairs of the weights among rows, which are not formed.
    B, V = found.affinity_matrix_, found.embedding_
    d = B.sum(axis=1)
    product = B @ ((B.T @ V) / B.sum(axis=0)[:, np.newaxis])
    left = d[:, np.newaxis] * V - product
    assert_allclose(left, d[:, np.newaxis] * V * found.eigenvalues_, atol=1e-5)
    assert_allclose((V.T * d) @ V / d.sum(), np.eye(2), atol=1e-3)


def test_in_a_pipeline_and_a_grid_search(iris):
    X, _ = iris
    pipe = make_pipeline(StandardScaler(), NcutClustering(random_state=0))
    grid = {
        "ncutclustering__n_clusters": [2, 3],
        "ncutclustering__sigma": ["auto", 1.0],
    }
    search = GridSearchCV(pipe, grid, cv=3).fit(X)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    # Two species are one clump: the fewer clusters, the lower the cut.
    assert search.best_params_["ncutclustering__n_clusters"] == 2
    assert search.predict(X).shape == (150,)


def test_pickle_clone_frames_and_lazy_attributes(iris):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(iris[0], columns=list("abcd"))
    fitted = NcutClustering(3, random_state=0).set_output(transform="pandas").fit(X)
    assert "embedding_" not in vars(fitted)
    again = pickle.loads(pickle.dumps(fitted))
    assert_allclose(again.embedding_, fitted.embedding_)
    frame = fitted.transform(X)
    assert list(frame.columns) == [f"ncutclustering{j}" for j in range(3)]
    assert list(fitted.feature_names_in_) == list("abcd")
    fresh = NcutClustering()
    for name in ("embedding_", "eigenvalues_", "labels_"):
        assert not hasattr(fresh, name)
    with pytest.raises(NotFittedError):
        fresh.predict(X)


def test_a_failed_fit_changes_nothing(iris):
    X, _ = iris
    fitted = NcutClustering(3, random_state=0).fit(X)
    labels = fitted.labels_.copy()
    with pytest.raises(ValueError, match="identical"):
        fitted.fit(np.ones((10, 4)))
    assert_array_equal(fitted.labels_, labels)
    assert_array_equal(fitted.predict(X), labels)


def test_input_is_not_changed(digits):
    X = digits[0][:200].copy()
    X.flags.writeable = False
    NcutClustering(4, random_state=0).fit(X).transform(X)
    W = sparse.csr_array(rbf_kernel(X, gamma=1e-3))
    before = W.copy()
    W.data.flags.writeable = False
    found = NcutClustering(4, affinity="precomputed", random_state=0).fit(W)
    found.predict(W)
    assert_array_equal(W.data, before.data)
    assert not np.shares_memory(found.affinity_matrix_.data, W.data)


def weights_like(iris, change):
    W = rbf_kernel(iris[0])
    change(W)
    return W


def negative(W):
    W[3, 5] = W[5, 3] = -0.5


def asymmetric(W):
    W[3, 5] += 0.1


def missing(W):
    W[3, 5] = W[5, 3] = np.nan


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            negative,
            "Negative values in data: the affinity between rows 3 and 5 is -0.5",
        ),
        (asymmetric, "must be symmetric: from row 3 to row 5"),
        (missing, "contains NaN"),
        (lambda W: W.fill(0), "Every affinity between two different rows is 0"),
    ],
)
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_wrong_weights(change, message, kind, iris):
    W = kind(weights_like(iris, change))
    with pytest.raises(ValueError, match=message):
        NcutClustering(2, affinity="precomputed").fit(W)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_clusters": 0}, "n_clusters=0 must be an integer of at least 1"),
        ({"n_clusters": 2.0}, "n_clusters=2.0 must be an integer"),
        ({"n_clusters": "eigengap"}, "must be an integer"),
        ({"n_clusters": 151}, "n_clusters=151 must be at most n_samples=150"),
        ({"sigma": 0}, "sigma=0 must be a positive number"),
        ({"sigma": -1.0}, "sigma=-1.0"),
        ({"sigma": np.inf}, "sigma=inf"),
        ({"sigma": "median"}, "sigma='median'"),
        ({"balance": -0.1}, "balance=-0.1"),
        ({"balance": np.nan}, "balance=nan"),
        ({"balance": 1e300}, r"balance=1e\+300 must be a number from 0 to 10"),
        ({"balance": None}, "balance=None"),
        ({"criterion": "cut"}, "criterion='cut' must be one of"),
        ({"affinity": "cosine"}, "affinity='cosine' must be one of"),
        ({"eigen_solver": "amg"}, "eigen_solver='amg'"),
        ({"assign_labels": "qr"}, "assign_labels='qr'"),
        ({"refine": 1}, "refine=1"),
        ({"n_neighbors": 0}, "n_neighbors=0"),
        ({"n_init": True}, "n_init=True"),
        ({"n_landmarks": 1}, "n_landmarks=1"),
        ({"n_landmarks": 5}, "n_landmarks=5 must be at least n_clusters=8"),
        ({"n_landmarks": 50, "affinity": "rbf"}, "goes with affinity"),
        ({"n_landmarks": 50, "criterion": "ratiocut"}, "goes with affinity"),
    ],
)
def test_wrong_parameters(parameters, message, iris):
    with pytest.raises(ValueError, match=message):
        NcutClustering(**parameters).fit(iris[0])


def test_wrong_rows(iris):
    X, _ = iris
    with pytest.raises(ValueError, match="All 20 rows of X are identical"):
        NcutClustering(2).fit(np.full((20, 3), 7.0))
    with pytest.raises(ValueError, match="2 different rows, fewer than n_clusters=3"):
        NcutClustering(3).fit(np.repeat([[0.0], [1.0]], 20, axis=0))
    with pytest.raises(ValueError, match="2 different rows"):
        NcutClustering(3).fit(sparse.csr_array(np.repeat([[0.0], [1.0]], 20, axis=0)))
    with pytest.raises(ValueError, match="square matrix"):
        NcutClustering(3, affinity="precomputed").fit(X)
    fitted = NcutClustering(3, random_state=0).fit(X)
    with pytest.raises(ValueError, match="3 features"):
        fitted.predict(X[:, :3])
    bad = X.copy()
    bad[7, 2] = np.inf
    for method in (fitted.fit, fitted.predict, fitted.transform, fitted.score):
        with pytest.raises(ValueError, match="infinity"):
            method(bad)


@pytest.mark.parametrize("affinity", ["nearest_neighbors", "rbf"])
@pytest.mark.parametrize("landmarks", [None, 100])
def test_a_scale_at_which_all_weights_underflow(affinity, landmarks):
    if landmarks and affinity == "rbf":
        affinity = "nearest_neighbors"
    X, _ = moons()
    start = time.perf_counter()
    estimator = NcutClustering(
        2, affinity=affinity, sigma=1e-6, n_landmarks=landmarks, random_state=0
    )
    with pytest.raises(ValueError, match="sigma=1e-06 is so small"):
        estimator.fit(X)
    assert time.perf_counter() - start < 2


def test_a_scale_at_which_most_weights_underflow():
    X, _ = moons()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for affinity in ("nearest_neighbors", "rbf"):
            found = NcutClustering(2, affinity=affinity, sigma=2e-4, random_state=0)
            found.fit(X)
            assert_array_equal(np.unique(found.labels_), [0, 1])
            assert np.isfinite(found.embedding_).all()
            assert np.isfinite(found.transform(X + 0.01)).all()


def test_rows_far_from_all_fitted_ones():
    X, _ = moons()
    for options in ({}, {"sigma": 0.1}, {"affinity": "rbf", "sigma": 0.1}):
        found = NcutClustering(2, random_state=0, **options).fit(X)
        far = np.array([[50.0, 0.3], [-1e9, 0.0], [1e300, -1e300]])
        share = found.predict_proba(far)
        assert_allclose(share.sum(axis=1), 1)
        assert np.isfinite(found.transform(far)).all()
        assert np.isfinite(found.score(far))
        assert len(set(found.predict(far[:2]))) == 2


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_few_rows(n, rng):
    X = rng.standard_normal((n, 1))
    for k in range(1, n + 1):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = NcutClustering(k, random_state=0).fit(X)
        assert_array_equal(np.unique(found.labels_), np.arange(k))
        assert found.transform(X).shape == (n, k)
        assert np.isfinite(found.embedding_).all()
        assert_allclose(found.predict(X), found.labels_)


def test_many_equal_rows(rng):
    """Each point 25 times: its neighbours are all at distance 0."""
    centers = np.array([[0.0, 0], [1, 0], [0, 1], [30, 30], [31, 30], [30, 31]])
    X = np.repeat(centers, 25, axis=0)
    found = NcutClustering(2, random_state=0).fit(X)
    assert_array_equal(found.labels_, np.repeat([0, 1], 75))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = NcutClustering(6, random_state=0).fit(X)
    assert rand_index(found.labels_, np.repeat(np.arange(6), 25)) == 1


def test_more_clusters_than_a_coarse_graph_has_nodes(digits):
    X = digits[0]
    found = NcutClustering(300, random_state=0).fit(X)
    assert_array_equal(np.unique(found.labels_), np.arange(300))


@pytest.mark.parametrize(
    "estimator",
    [
        NcutClustering(3, random_state=0),
        NcutClustering(3, n_landmarks=30, random_state=0),
        ClusterMembership(),
    ],
    ids=str,
)
def test_every_fitted_attribute_is_documented(estimator, iris):
    fitted = clone(estimator).fit(iris[0])
    documented = type(fitted).__doc__.split("Attributes\n")[1].split("See Also\n")[0]
    names = {n for n in vars(fitted) if n.endswith("_") and not n.startswith("_")}
    for name in names | getattr(fitted, "_lazy", set()):
        assert f"    {name} : " in documented, name
        assert getattr(fitted, name, None) is not None or name == "scale_"
    _, *others = inspect.signature(type(fitted)).parameters.values()
    assert all(p.kind is p.KEYWORD_ONLY for p in others)
    # A second fit of another kind leaves nothing of the first.
    again = fitted.set_params(**clone(estimator).get_params()).fit(iris[0][:, :2])
    assert again.n_features_in_ == 2
    assert {n for n in vars(again) if n.endswith("_")} == names


def test_a_fit_without_landmarks_forgets_them(iris):
    estimator = NcutClustering(3, n_landmarks=30, random_state=0).fit(iris[0])
    assert hasattr(estimator, "landmarks_")
    estimator.set_params(n_landmarks=None).fit(iris[0])
    assert not hasattr(estimator, "landmarks_")
    assert estimator.affinity_matrix_.shape == (150, 150)


@pytest.mark.parametrize("affinity", ["nearest_neighbors", "rbf"])
def test_many_new_rows(affinity):
    """More than are placed at once, fitted ones and others in turn."""
    X, _ = moons()
    found = NcutClustering(2, affinity=affinity, random_state=0).fit(X)
    new = np.vstack([X, X + 0.001])
    copies = 35 if affinity == "nearest_neighbors" else 10
    labels = found.predict(np.tile(new, (copies, 1)))
    assert_array_equal(labels, np.tile(found.predict(new), copies))
    assert_array_equal(labels[:1000], found.labels_)
    Z = found.transform(np.tile(new, (copies, 1)))
    assert_allclose(Z, np.tile(found.transform(new), (copies, 1)), atol=1e-7)
    assert_allclose(found.score(np.tile(X, (copies, 1))), -found.ncut_, atol=1e-9)


def test_predict_on_training_rows_of_weights_symmetric_up_to_rounding(iris):
    K = rbf_kernel(iris[0])
    K = K * (1 + 1e-9 * np.tri(len(K)))
    for X in (K, sparse.csr_array(K), K.astype(np.float32)):
        ncut = NcutClustering(3, affinity="precomputed", random_state=0).fit(X)
        assert_array_equal(ncut.predict(X), ncut.labels_)
        assert_array_equal(ncut.transform(X), ncut.embedding_)
        assert_array_equal(ncut.predict(X[7:9]), ncut.labels_[7:9])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_predict_on_training_rows_beside_a_large_column(kind, rng):
    small = make_moons(300, noise=0.3, random_state=0)[0]
    X = kind(np.column_stack([small, 1e12 * rng.integers(2, size=300)]))
    ncut = NcutClustering(6, random_state=0).fit(X)
    assert_array_equal(ncut.predict(X), ncut.labels_)
    assert_array_equal(ncut.transform(X), ncut.embedding_)


@pytest.mark.parametrize("affinity", ["nearest_neighbors", "rbf"])
def test_equal_rows_hide_no_underflow(affinity, rng):
    X = rng.normal(size=(60, 3))
    X[30] = X[31]
    with pytest.raises(ValueError, match="sigma=1e-06 is so small"):
        NcutClustering(3, affinity=affinity, sigma=1e-6).fit(X)


def test_landmarks_of_equal_rows():
    X = np.ones((50, 2))
    with (
        pytest.warns(Warning, match="distinct clusters"),
        pytest.raises(ValueError, match="Only 1 of n_landmarks=20"),
    ):
        NcutClustering(3, n_landmarks=20, random_state=0).fit(X)


@pytest.mark.parametrize("criterion", ["ncut", "ratiocut"])
def test_very_large_weights(criterion, iris):
    K = rbf_kernel(iris[0])
    expected = NcutClustering(3, affinity="precomputed", criterion=criterion)
    expected.set_params(random_state=0).fit(K)
    ncut = clone(expected).fit(K * 2.0**900)
    assert_array_equal(ncut.labels_, expected.labels_)
    assert_allclose(ncut.embedding_, expected.embedding_, atol=1e-9)
    with pytest.raises(ValueError, match="would overflow"):
        clone(expected).fit(K * 1e305)


def test_bridges_between_groups_of_equal_rows(rng):
    X = rng.integers(30, size=(6000, 1)) * np.array([[1.0, 0.3]])
    component = np.unique(X[:, 0], return_inverse=True)[1]
    points = rng.permutation(len(X))[:3000]
    places, squares = _nearest_of_different(X, points, component)
    assert (component[places] != component[points]).all()
    assert_allclose(squares, 1.09)
    expected = _nearest_outside(X, points, component)
    assert_allclose(squares, expected[1], atol=1e-9)
    start = time.process_time()
    ncut = NcutClustering(2, random_state=0).fit(np.tile(X, (3, 1)))
    assert time.process_time() - start < 3
    assert_array_equal(ncut.predict(X), ncut.labels_[: len(X)])


@pytest.mark.parametrize("n_jobs", [0, 1.5, True, "all"])
def test_a_number_of_threads_that_is_none(n_jobs):
    X = np.arange(40.0).reshape(-1, 4)
    with pytest.raises(ValueError, match=f"n_jobs={n_jobs!r} must be None or"):
        NcutClustering(2, n_jobs=n_jobs).fit(X)
    NcutClustering(2, n_jobs=np.int64(-1)).fit(X)
