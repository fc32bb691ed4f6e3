"""PCoA against its definition, PCA, and data on which others fail."""

import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skdimred import PCA, PCoA
from skdimred.metrics import subspace_sine

pytestmark = pytest.mark.filterwarnings("ignore:The distances are not Euclidean")
SOLVERS = ["dense", "lanczos", "krylov"]
METRICS = [
    *("braycurtis", "manhattan", "canberra", "chebyshev", "cosine", "correlation"),
    *("hamming", "seuclidean", "mahalanobis", "log_fold_change"),
]


def counts(rng, n=60, p=12):
    return rng.poisson(np.exp(rng.normal(1, 1, (n, 1)) + rng.normal(0, 1, p))) + 0.0


def by_definition(D, k, w=None):
    """Leading eigenvalues and coordinates (up to sign), and all eigenvalues."""
    n = len(D)
    w = np.ones(n) if w is None else w
    P = np.eye(n) - np.outer(np.ones(n), w) / w.sum()
    B = -0.5 * P @ D**2 @ P.T
    root = np.sqrt(w)
    values, vectors = np.linalg.eigh(root[:, None] * B * root)
    values, vectors = values[::-1], vectors[:, ::-1]
    X = vectors[:, :k] * np.sqrt(np.maximum(values[:k], 0)) / root[:, None]
    return values[:k], X, values


def assert_up_to_sign(found, expected, **kwargs):
    signs = np.sign(np.sum(found * expected, axis=0))
    assert_allclose(found, expected * signs, **kwargs)


# The definition.


@pytest.mark.parametrize("metric", ["braycurtis", "cityblock", "chebyshev"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("n", [8, 60])
def test_solves_the_problem(rng, metric, solver, weighted, n):
    X = counts(rng, n)
    w = rng.uniform(0.5, 2, n) if weighted else None
    D = squareform(pdist(X, metric))
    values, coordinates, every = by_definition(D, 3, w)
    pcoa = PCoA(3, metric="precomputed", eigen_solver=solver).fit(D, sample_weight=w)
    assert_allclose(pcoa.eigenvalues_, values, rtol=1e-10)
    assert_up_to_sign(pcoa.embedding_, coordinates, atol=1e-9 * D.max())
    assert_allclose(pcoa.trace_, every.sum(), rtol=1e-10)
    assert_allclose(pcoa.explained_variance_ratio_, values / every.sum(), rtol=1e-9)
    assert_allclose(
        pcoa.negative_eigenvalue_, every[-1], rtol=1e-3, atol=1e-10 * every[0]
    )
    if solver == "dense":
        assert pcoa.n_negative_ == np.count_nonzero(every < -1e-10 * every[0])
    assert pcoa.solver_ == solver
    assert pcoa.residual_ < 1e-8
    largest = np.argmax(np.abs(pcoa.embedding_), axis=0)
    assert np.all(pcoa.embedding_[largest, range(3)] > 0)


@pytest.mark.parametrize("shape", [(50, 6), (6, 50)])
@pytest.mark.parametrize("metric", ["euclidean", "l2", "minkowski", "precomputed"])
@pytest.mark.parametrize("weighted", [False, True])
def test_euclidean_is_pca(rng, shape, metric, weighted):
    X, new = rng.standard_normal(shape) + 100, rng.standard_normal((7, shape[1])) + 100
    w = rng.uniform(0.5, 2, len(X)) if weighted else None
    k = 4
    pca = PCA(k).fit(X, sample_weight=None if w is None else w / w.mean())
    rows = squareform(pdist(X)) if metric == "precomputed" else X
    others = cdist(new, X) if metric == "precomputed" else new
    pcoa = PCoA(k, metric=metric).fit(rows, sample_weight=w)
    assert pcoa.solver_ == ("dense" if metric == "precomputed" else "pca")
    scores = pca.transform(np.concatenate([X, new]))
    found = np.concatenate([pcoa.embedding_, pcoa.transform(others)])
    assert_up_to_sign(found, scores, atol=1e-10)
    assert_allclose(
        pcoa.explained_variance_ratio_, pca.explained_variance_ratio_, rtol=1e-9
    )
    assert pcoa.negative_eigenvalue_ == 0
    assert pcoa.n_negative_ == 0


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("correction", [None, "lingoes", "cailliez"])
@pytest.mark.parametrize("root", [None, "sqrt"])
def test_fitted_rows_are_placed_where_they_are(rng, metric, correction, root):
    X = counts(rng, 40, 8)
    if metric == "hamming":
        X = np.minimum(X, 3)
    X[5] = X[11]
    pcoa = PCoA(3, metric=metric, correction=correction, transform_distance=root)
    Z = pcoa.fit_transform(X)
    size = np.abs(Z).max()
    assert_allclose(pcoa.transform(X), Z, atol=1e-10 * size)
    assert_allclose(Z[5], Z[11], atol=1e-10 * size)
    # Row by row.
    assert_allclose(
        np.concatenate([pcoa.transform(row[None]) for row in X[:9]]),
        pcoa.transform(X)[:9],
        atol=1e-12 * size,
    )


@pytest.mark.parametrize("correction", ["lingoes", "cailliez"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_corrections_make_distances_euclidean(rng, correction, solver):
    D = squareform(pdist(counts(rng), "braycurtis"))
    pcoa = PCoA(3, metric="precomputed", correction=correction, eigen_solver=solver)
    pcoa.fit(D)
    c, off = pcoa.correction_constant_, 1 - np.eye(len(D))
    assert c > 0
    corrected = np.sqrt(D**2 + 2 * c * off) if correction == "lingoes" else D + c * off
    values, X, every = by_definition(corrected, 3)
    assert every[-1] > -1e-9 * every[0]
    assert abs(every[-2]) < 1e-9 * every[0]  # and not more than it takes
    assert_allclose(pcoa.eigenvalues_, values, rtol=1e-9)
    assert_up_to_sign(pcoa.embedding_, X, atol=1e-8)
    assert_allclose(pcoa.explained_variance_ratio_, values / every.sum(), rtol=1e-9)
    before = by_definition(D, 3)[2]
    assert_allclose(pcoa.negative_eigenvalue_, before[-1], rtol=1e-9)
    if correction == "lingoes":
        assert_allclose(c, -before[-1], rtol=1e-9)
        assert_allclose(
            pcoa.corrected_ratio_, PCoA(3, metric="precomputed").fit(D).corrected_ratio_
        )


def test_cailliez_is_the_largest_eigenvalue_of_his_matrix(rng):
    D = squareform(pdist(counts(rng, 25), "braycurtis"))
    n = len(D)
    P = np.eye(n) - 1 / n
    B1, B2 = -0.5 * P @ D**2 @ P, -0.5 * P @ D @ P
    zero = np.zeros((n, n))
    M = np.block([[zero, 2 * B1], [-np.eye(n), -4 * B2]])
    constant = np.linalg.eigvals(M).real.max()
    pcoa = PCoA(metric="precomputed", correction="cailliez").fit(D)
    assert_allclose(pcoa.correction_constant_, constant, rtol=1e-9)


@pytest.mark.parametrize("correction", [None, "lingoes", "cailliez"])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("metric", ["manhattan", "euclidean"])
def test_weights_are_repetitions(rng, correction, solver, metric):
    X = counts(rng, 30, 6)
    w = rng.integers(0, 4, 30)
    options = {"metric": metric, "correction": correction, "eigen_solver": solver}
    weighted = PCoA(3, **options).fit(X, sample_weight=w)
    repeated = PCoA(3, **options).fit(np.repeat(X, w, axis=0))
    for name in ("eigenvalues_", "trace_", "correction_constant_"):
        assert_allclose(getattr(weighted, name), getattr(repeated, name), rtol=1e-8)
    size = np.abs(weighted.embedding_).max()
    assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-8 * size)
    assert_allclose(weighted.embedding_, weighted.transform(X), atol=1e-9 * size)


# How many axes.


@pytest.mark.parametrize("solver", ["auto", "lanczos"])
def test_a_share_of_the_trace(rng, solver):
    X = counts(rng, 80, 40)
    every = PCoA(None, metric="braycurtis").fit(X)
    assert np.all(every.eigenvalues_ > 0)
    shares = np.cumsum(every.explained_variance_ratio_)
    for share in (0.1, 0.5, 0.9):
        pcoa = PCoA(share, metric="braycurtis", eigen_solver=solver).fit(X)
        k = int(np.argmax(shares >= share)) + 1
        assert pcoa.n_components_ == k
        assert_allclose(pcoa.embedding_, every.embedding_[:, :k], atol=1e-8)
    assert every.broken_stick_.shape == every.eigenvalues_.shape
    with pytest.warns(UserWarning, match="axes have a positive eigenvalue"):
        whole = PCoA(79, metric="cosine").fit(X)
    assert_allclose(whole.broken_stick_.sum(), 1.0)


@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "precomputed"])
def test_axes_without_eigenvalue_are_zero(rng, metric):
    X = np.repeat(rng.standard_normal((4, 2)), 2, axis=0)
    X = squareform(pdist(X)) if metric == "precomputed" else X
    pcoa = PCoA(7, metric=metric)
    with pytest.warns(UserWarning, match=r"Only \d of n_components=7 axes"):
        Z = pcoa.fit_transform(X)
    assert Z.shape == (8, 7)
    assert len(pcoa.get_feature_names_out()) == 7
    empty = pcoa.eigenvalues_ == 0
    assert np.all(Z[:, empty] == 0)
    assert np.all(pcoa.explained_variance_ratio_[empty] == 0)
    assert np.all(pcoa.transform(X)[:, empty] == 0)
    assert np.all(pcoa.biplot_scores(rng.standard_normal((8, 3)))[:, empty] == 0)
    with pytest.raises(ValueError, match="n_components=9 must be at most n_samples=8"):
        PCoA(9, metric=metric).fit(X)


def test_no_distance_at_all():
    D = np.zeros((6, 6))
    for solver in ("auto", *SOLVERS):
        with pytest.warns(UserWarning, match="Only 0 of n_components=2 axes"):
            pcoa = PCoA(metric="precomputed", eigen_solver=solver).fit(D)
        assert np.all(pcoa.embedding_ == 0)
        assert np.all(pcoa.explained_variance_ratio_ == 0)
        assert np.all(pcoa.transform(D) == 0)


@pytest.mark.parametrize("solver", SOLVERS)
def test_repeated_eigenvalues(solver):
    # The corners of a simplex: n - 1 equal eigenvalues; a ring: pairs of them.
    n = 24
    pcoa = PCoA(5, metric="precomputed", eigen_solver=solver).fit(1 - np.eye(n))
    assert_allclose(pcoa.eigenvalues_, 0.5)
    steps = np.abs(np.subtract.outer(np.arange(n), np.arange(n)))
    D = np.minimum(steps, n - steps) * 2 * np.pi / n
    pcoa = PCoA(6, metric="precomputed", eigen_solver=solver).fit(D)
    values = by_definition(D, 6)[0]
    assert_allclose(pcoa.eigenvalues_, values, rtol=1e-9)
    assert_allclose(values[::2], values[1::2], rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_largest_positive_not_the_largest_in_magnitude(rng, solver):
    n = 40
    values = np.zeros(n)
    values[:4], values[-2:] = (12, 7, 3, 1), (-6, -9)
    Q = np.linalg.qr(np.column_stack([np.ones(n), rng.standard_normal((n, n - 1))]))[0]
    Q = np.roll(Q, -1, axis=1)  # the mean last but for the negative ones
    order = [*range(4), *range(6, n), 4, 5]
    B = (Q[:, : n - 1] * values[order][: n - 1]) @ Q[:, : n - 1].T
    B -= 9 * np.outer(Q[:, 20], Q[:, 20])
    squares = np.add.outer(B.diagonal(), B.diagonal()) - 2 * B
    squares += 2 * 100 * (1 - np.eye(n))  # so that they are not negative
    pcoa = PCoA(3, metric="precomputed", eigen_solver=solver)
    pcoa.fit(np.sqrt(np.maximum(squares, 0)))
    assert_allclose(pcoa.eigenvalues_, [112, 107, 103], rtol=1e-9)


# Input of every kind.


@pytest.mark.parametrize("scale", [1e-170, 1e-100, 1e-5, 1e5, 1e100, 1e150])
@pytest.mark.parametrize("correction", [None, "cailliez"])
def test_scale(rng, scale, correction):
    D = squareform(pdist(counts(rng, 30), "braycurtis"))
    options = {"metric": "precomputed", "correction": correction}
    plain, scaled = PCoA(**options).fit(D), PCoA(**options).fit(D * scale)
    assert_allclose(scaled.embedding_, plain.embedding_ * scale, rtol=1e-9, atol=0)
    assert_allclose(
        scaled.explained_variance_ratio_, plain.explained_variance_ratio_, rtol=1e-10
    )
    assert_allclose(
        scaled.transform(D * scale), scaled.embedding_, rtol=1e-7, atol=1e-12 * scale
    )


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.int64, bool])
def test_integer_distances(rng, dtype):
    X = rng.integers(0, 2, (30, 100))
    D = np.round(squareform(pdist(X, "hamming")) * 100)
    D = D > 50 if dtype is bool else D
    whole = PCoA(3, metric="precomputed").fit(D.astype(float))
    assert_allclose(
        PCoA(3, metric="precomputed").fit(D.astype(dtype)).embedding_, whole.embedding_
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_float32(rng, solver):
    D = squareform(pdist(counts(rng), "braycurtis"))
    whole = PCoA(3, metric="precomputed").fit(D)
    D32 = D.astype(np.float32)
    pcoa = PCoA(3, metric="precomputed", eigen_solver=solver).fit(D32)
    assert pcoa.embedding_.dtype == np.float32
    assert pcoa.transform(D32).dtype == np.float32
    assert_allclose(pcoa.embedding_, whole.embedding_, atol=1e-6)
    assert_allclose(pcoa.eigenvalues_, whole.eigenvalues_, rtol=1e-6)


@pytest.mark.parametrize("copy", [True, False])
@pytest.mark.parametrize("solver", ["auto", *SOLVERS])
@pytest.mark.parametrize("correction", [None, "lingoes", "cailliez"])
def test_distances_are_not_changed(rng, tmp_path, copy, solver, correction):
    D = squareform(pdist(counts(rng), "braycurtis"))
    options = {"copy": copy, "eigen_solver": solver, "correction": correction}
    pcoa = PCoA(3, metric="precomputed", **options)
    before = D.copy()
    D.flags.writeable = False
    whole = clone(pcoa).fit(D)
    assert np.array_equal(D, before)
    np.save(tmp_path / "D.npy", D)
    for rows in (np.load(tmp_path / "D.npy", mmap_mode="r"), tmp_path / "D.npy"):
        found = clone(pcoa).fit(rows)
        assert_allclose(found.embedding_, whole.embedding_, atol=1e-8)
    assert len(pickle.dumps(whole)) < D.nbytes / 3


@pytest.mark.parametrize("metric", ["manhattan", "cosine", "euclidean"])
def test_sparse_rows(rng, metric):
    X = counts(rng) * (rng.random((60, 12)) < 0.5)
    X[:, 0] += 1
    whole = PCoA(3, metric=metric).fit(X)
    for kind in (sparse.csr_array, sparse.csc_matrix):
        pcoa = PCoA(3, metric=metric).fit(kind(X))
        assert_allclose(pcoa.embedding_, whole.embedding_, atol=1e-8)
        assert_allclose(pcoa.transform(kind(X)), whole.embedding_, atol=1e-8)
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        PCoA(metric="braycurtis").fit(sparse.csr_array(X))


def test_rows_too_many_for_the_working_memory(rng):
    X = counts(rng, 700, 5)
    whole = PCoA(3, metric="manhattan").fit(X)
    assert whole.solver_ == "lanczos"
    with sklearn.config_context(working_memory=1):
        found = PCoA(3, metric="manhattan").fit(X)
        assert found.solver_ == "krylov"
        size = np.abs(whole.embedding_).max()
        assert_allclose(found.embedding_, whole.embedding_, atol=1e-8 * size)
        assert_allclose(found.transform(X), found.embedding_, atol=1e-9 * size)
        with pytest.raises(ValueError, match="working_memory holds"):
            PCoA(None, metric="manhattan").fit(X)


def test_frames_pipelines_and_grids(digits):
    X, y = digits[0][:200], digits[1][:200]
    frame = pd.DataFrame(X).add_prefix("pixel")
    pcoa = PCoA(2, metric="manhattan").set_output(transform="pandas")
    assert list(pcoa.fit_transform(frame).columns) == ["pcoa0", "pcoa1"]
    model = make_pipeline(PCoA(), KNeighborsClassifier())
    grid = {"pcoa__metric": ["manhattan", "euclidean"], "pcoa__n_components": [2, 10]}
    search = GridSearchCV(model, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.8


def test_a_metric_of_ones_own(rng):
    X = counts(rng, 20, 4)

    def metric(a, b, power=1.0):
        return np.abs(a - b).sum() ** power

    own = PCoA(metric=metric, metric_params={"power": 0.5}).fit(X)
    named = PCoA(metric="manhattan", transform_distance="sqrt").fit(X)
    assert_allclose(own.embedding_, named.embedding_, atol=1e-9)
    assert_allclose(own.transform(X[:3]), named.transform(X[:3]), atol=1e-9)


def test_missing_values_where_the_metric_takes_them(rng):
    X = rng.standard_normal((30, 6))
    X[rng.random(X.shape) < 0.1] = np.nan
    pcoa = PCoA(metric="nan_euclidean").fit(X)
    assert np.isfinite(pcoa.embedding_).all()
    assert_allclose(pcoa.transform(X), pcoa.embedding_, atol=1e-10)


def test_distances_are_kept_where_asked_for(rng):
    X = counts(rng, 20, 4)
    for metric in ("manhattan", "euclidean"):
        pcoa = PCoA(metric=metric, store_distances=True).fit(X)
        assert_allclose(
            pcoa.dissimilarity_matrix_,
            cdist(X, X, metric.replace("manhattan", "cityblock")),
        )
        assert not hasattr(PCoA(metric=metric).fit(X), "dissimilarity_matrix_")


# Landmarks.


def test_landmarks(rng):
    X = rng.standard_normal((2000, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    places = np.rad2deg(
        np.column_stack([np.arcsin(X[:, 2]), np.arctan2(X[:, 1], X[:, 0])])
    )
    exact = PCoA(3, metric="great_circle").fit(places)
    few = PCoA(3, metric="great_circle", n_landmarks=200, random_state=0).fit(places)
    assert few.solver_ == "nystrom"
    assert few.landmarks_.shape == (200,)
    assert subspace_sine(few.embedding_.T, exact.embedding_.T) < 0.02
    assert_allclose(few.eigenvalues_, exact.eigenvalues_, rtol=0.02)
    assert_allclose(few.trace_, exact.trace_, rtol=0.05)
    assert_allclose(few.transform(places[:50]), few.embedding_[:50], atol=1e-7)
    # The axes are those of all points: centred, and orthogonal.
    gram = few.embedding_.T @ few.embedding_
    assert_allclose(gram, np.diag(few.eigenvalues_), atol=1e-9 * gram[0, 0])
    assert_allclose(few.embedding_.mean(axis=0), 0, atol=1e-8)
    again = clone(few).fit(places)
    assert np.array_equal(again.embedding_, few.embedding_)
    weighted = clone(few).fit(places, sample_weight=np.ones(2000))
    assert_allclose(weighted.embedding_, few.embedding_, atol=1e-7)
    D = squareform(pdist(X))
    euclidean = PCoA(3, metric="precomputed", n_landmarks=50, random_state=0).fit(D)
    assert_allclose(euclidean.eigenvalues_, PCA(3).fit(X).singular_values_ ** 2)
    assert_allclose(euclidean.transform(D), euclidean.embedding_, atol=1e-10)


def test_landmarks_and_corrections_exclude_each_other(rng):
    with pytest.raises(ValueError, match="'lingoes' needs all distances"):
        PCoA(correction="lingoes", n_landmarks=5).fit(counts(rng))


# Biplots.


def test_biplot_scores(rng):
    X = counts(rng, 40, 6)
    pcoa = PCoA(3, metric="braycurtis").fit(X)
    scores = pcoa.biplot_scores(X)
    n, Z = len(X), pcoa.embedding_
    centred = X - X.mean(axis=0)
    standard = Z / Z.std(axis=0, ddof=1)
    covariance = centred.T @ standard / (n - 1)
    assert_allclose(scores, covariance * (pcoa.eigenvalues_ / (n - 1)) ** -0.5)
    with pytest.raises(
        ValueError, match="row for each of the 40 fitted rows; found 39"
    ):
        pcoa.biplot_scores(X[:39])


# Bad input.


def bad(D, change):
    D = D.copy()
    change(D)
    return D


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda D: D.__setitem__((2, 5), -1.0),
            "Negative values in data: .* rows 2 and 5",
        ),
        (
            lambda D: D.__setitem__((7, 3), 9.0),
            r"symmetric: from row 3 to row 7|from row 7",
        ),
        (
            lambda D: D.__setitem__((4, 4), 1.0),
            "row 4 from itself is 1, not 0: is X a sim",
        ),
        (lambda D: D.__setitem__((1, 6), np.nan), r"NaN or inf.* rows 1 and 6 is nan"),
        (lambda D: D.__setitem__((6, 1), np.inf), r"NaN or inf.* rows 6 and 1 is inf"),
    ],
)
def test_bad_distances(rng, change, message):
    D = squareform(pdist(counts(rng, 20), "braycurtis"))
    with pytest.raises(ValueError, match=message):
        PCoA(metric="precomputed").fit(bad(D, change))
    with pytest.raises(ValueError, match=r"found 190 in a row: .*squareform"):
        PCoA(metric="precomputed").fit(squareform(D))
    with pytest.raises(ValueError, match=r"1e[+]160, whose square overflows"):
        PCoA(metric="precomputed").fit(D / D.max() * 1e160)
    nearly = D * (1 + 1e-10 * rng.standard_normal(D.shape))
    PCoA(metric="precomputed").fit(nearly)
    with pytest.raises(ValueError, match=r"square matrix.* found shape \(20, 12\)"):
        PCoA(metric="precomputed").fit(counts(rng, 20))


def test_rows_that_a_metric_cannot_take(rng):
    X = counts(rng, 20)
    X[[3, 8]] = 0
    with pytest.raises(ValueError, match="'braycurtis' gives nan between rows 3 and 8"):
        PCoA(metric="braycurtis").fit(X)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        PCoA(metric="manhattan").fit(np.where(X[0, 0] == X, np.nan, X))
    with pytest.raises(ValueError, match="'jaccard' compares presences"):
        PCoA(metric="jaccard").fit(X)
    assert PCoA(metric="jaccard").fit((X > 1)[:3]).embedding_.shape == (3, 2)
    pcoa = PCoA(metric="precomputed").fit(cdist(X, X))
    with pytest.raises(ValueError, match=r"Negative values in data: .* row 1 to fit"):
        pcoa.transform(cdist(X[:2], X) * [[1], [-1]])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components=0 must be"),
        ({"n_components": 1.5}, "n_components=1.5 must be"),
        ({"n_components": True}, "n_components=True must be"),
        ({"metric": "bray"}, "metric='bray' must be one of"),
        ({"metric": 3}, "metric=3 must be a name or a function"),
        ({"metric_params": [1]}, r"metric_params=\[1\] must be a dict"),
        ({"correction": "sqrt"}, "correction='sqrt' must be one of"),
        ({"transform_distance": "log"}, "transform_distance='log' must be one of"),
        ({"eigen_solver": "arpack"}, "eigen_solver='arpack' must be one of"),
        ({"n_landmarks": 1}, "n_landmarks=1 must be"),
        ({"tol": -1.0}, "tol=-1.0 must be"),
        ({"copy": "no"}, "copy='no' must be one of"),
    ],
)
def test_bad_parameters(rng, parameters, message):
    with pytest.raises(ValueError, match=message):
        PCoA(**parameters).fit(counts(rng))


def test_negative_eigenvalues_are_told(rng):
    D = squareform(pdist(counts(rng), "braycurtis"))
    with pytest.warns(UserWarning, match=r"lowest eigenvalue is -\d+\.\d% of the larg"):
        PCoA(metric="precomputed").fit(D)


# Data on which an earlier form went wrong in silence.


@pytest.mark.parametrize("scale", [1e-9, 1e-40, 1e40])
def test_small_units_with_many_rows(rng, scale):
    X = rng.random((600, 4))
    plain = PCoA(metric="cityblock").fit(X)
    pcoa = PCoA(metric="cityblock").fit(X * scale)
    assert pcoa.solver_ == "lanczos"
    assert_allclose(
        pcoa.embedding_, plain.embedding_ * scale, rtol=1e-6, atol=1e-9 * scale
    )


def test_equal_rows_must_be_equal_for_a_correction():
    D = np.array([[0, 0, 1, 2.0], [0, 0, 2, 1], [1, 2, 0, 1], [2, 1, 1, 0]])
    for correction in ("lingoes", "cailliez"):
        with pytest.raises(ValueError, match="Rows 0 and 1 are at distance 0, but not"):
            PCoA(metric="precomputed", correction=correction).fit(D)


@pytest.mark.parametrize("metric", ["cosine", "nan_euclidean"])
@pytest.mark.parametrize("correction", ["lingoes", "cailliez"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_distances_of_rows_from_themselves_are_rounding(rng, metric, correction, dtype):
    X = rng.random((25, 6)).astype(dtype)
    if metric == "nan_euclidean":
        X[3, 2] = np.nan
    pcoa = PCoA(metric=metric, correction=correction).fit(X)
    assert_allclose(pcoa.transform(X), pcoa.embedding_, atol=1e-5)


def test_a_low_eigenvalue_far_below_the_largest(rng):
    D = squareform(pdist(rng.standard_normal((300, 3)), "cityblock"))
    D = np.block([[D, np.full_like(D, 40.0)], [np.full_like(D, 40.0), D]])
    lowest = by_definition(D, 1)[2][-1]
    for copy in (True, False):
        pcoa = PCoA(metric="precomputed", copy=copy).fit(D)
        assert_allclose(pcoa.negative_eigenvalue_, lowest, rtol=1e-3)


@pytest.mark.filterwarnings("ignore:Only")
@pytest.mark.parametrize("solver", SOLVERS)
def test_as_many_columns_as_asked_for(rng, solver):
    X = rng.random((40, 60))
    for n, k in ((2, 2), (3, 1), (4, 3), (6, 5), (6, 6), (40, 38), (40, 40)):
        pcoa = PCoA(k, metric="cityblock", eigen_solver=solver).fit(X[:n])
        assert pcoa.embedding_.shape == (n, k)
    assert (
        PCoA(None, metric="cosine", eigen_solver=solver).fit(X[:6]).n_components_ >= 1
    )
    for rows, k, m in ((rng.random((40, 2)), 5, 40), (np.ones((10, 3)), 2, 5)):
        pcoa = PCoA(k, n_landmarks=m, random_state=0).fit(rows)
        assert pcoa.embedding_.shape == (len(rows), k)


@pytest.mark.parametrize("metric", ["seuclidean", "mahalanobis"])
def test_weights_enter_what_a_metric_takes_from_the_rows(rng, metric):
    X, w = rng.random((40, 4)), rng.integers(0, 4, 40)
    weighted = PCoA(metric=metric).fit(X, sample_weight=w)
    repeated = PCoA(metric=metric).fit(np.repeat(X, w, axis=0))
    assert_allclose(weighted.eigenvalues_, repeated.eigenvalues_)


def test_metrics_that_are_no_distances(rng):
    X = rng.random((30, 6)) > 0.5
    with pytest.raises(ValueError, match="from itself is"):
        PCoA(metric="russellrao").fit(X)
    with pytest.raises(ValueError, match="covariance of X, which is singular"):
        PCoA(metric="mahalanobis").fit(np.ones((9, 2)))
    with sklearn.config_context(working_memory=1):
        with pytest.raises(ValueError, match="Negative values in data"):
            PCoA(metric=lambda a, b: a[0] - b[0]).fit(rng.random((520, 4)))
        assert PCoA(3, metric="cityblock").fit(rng.random((400, 5))).solver_ == "dense"
