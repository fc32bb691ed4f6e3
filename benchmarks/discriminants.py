"""Cases of the discriminant analyses, on tall, wide, sparse and streamed rows.

scikit-learn has one discriminant analysis. It answers the question of `RatioLDA`, and
is timed beside the other two as what a user would otherwise run.
"""

from functools import cache, partial

import numpy as np
import scipy.linalg
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as SklearnLDA
from sklearn.linear_model import RidgeClassifier
from spectra import zipf

from skdimred import DifferenceLDA, MeanDifferenceLDA, RatioLDA

__all__ = ["discriminant_cases", "discriminant_subspace"]


@cache
def classes(n=100_000, p=200, n_classes=10, dtype="float64", seed=0):
    """Rows of overlapping normal classes with correlated features."""
    rng = np.random.default_rng(seed)
    mixing = 0.4 * rng.standard_normal((p, p)) / np.sqrt(p) + np.eye(p)
    means = rng.standard_normal((n_classes, p))
    y = rng.integers(0, n_classes, n)
    X = rng.standard_normal((n, p)) @ mixing + means[y]
    return X.astype(dtype, copy=False), y


@cache
def text(n_classes=20):
    """Tf-idf of documents in classes that differ in their rarer words."""
    X = zipf()
    rng = np.random.default_rng(1)
    W = rng.standard_normal((X.shape[1], n_classes))
    W[:50] = 0.0
    scores = X @ W + 0.02 * rng.standard_normal((X.shape[0], n_classes))
    return X, np.argmax(scores, axis=1)


def scatters(X, y):
    """S_b and S_w, class by class."""
    X = np.asarray(X, dtype=np.float64)
    within, between = 0.0, 0.0
    xbar = X.mean(axis=0)
    for label in np.unique(y):
        rows = X[y == label]
        mean = rows.mean(axis=0)
        rows = rows - mean
        within = within + rows.T @ rows / len(X)
        between = between + len(rows) / len(X) * np.outer(mean - xbar, mean - xbar)
    return between, within


def discriminant_subspace(X, y):
    """Directions of ratio discriminant analysis by the generalised eigensolver."""
    vectors = scipy.linalg.eigh(*scatters(X, y))[1]
    return vectors[:, ::-1][:, : len(np.unique(y)) - 1].T


def difference_subspace(X, y):
    """Directions of positive eigenvalue of the difference."""
    between, within = scatters(X, y)
    values, vectors = np.linalg.eigh(between - within)
    return vectors[:, values > 1e-9 * values[-1]].T


def shrunk_subspace(X, y, a):
    """The same with S_w shrunk by `a`, in the span of the rows of wide data."""
    xbar = X.mean(axis=0)
    _, s, Vt = scipy.linalg.svd(X - xbar, full_matrices=False)
    Vt = Vt[s > 1e-10 * s[0]]
    A, n, p = (X - xbar) @ Vt.T, *X.shape
    within, between = 0.0, 0.0
    labels = np.unique(y)
    for label in labels:
        rows = A[y == label]
        mean = rows.mean(axis=0)
        within = within + (rows - mean).T @ (rows - mean) / n
        between = between + len(rows) / n * np.outer(mean, mean)
    mu = np.trace(within) / p
    within = (1 - a) * within + a * mu * np.eye(len(within))
    vectors = scipy.linalg.eigh(between, within)[1]
    return vectors[:, ::-1][:, : len(labels) - 1].T @ Vt


class Streamed:
    """`RatioLDA` by `partial_fit`, in 100 blocks."""

    def fit(self, X, y):
        lda = RatioLDA()
        for rows in np.array_split(np.arange(len(X)), 100):
            lda.partial_fit(X[rows[0] : rows[-1] + 1], y[rows[0] : rows[-1] + 1])
        self.scalings_ = lda.scalings_
        return self


def _sizes():
    return ((100_000, 200), (12.0, 3.0, 2.2)), ((30_000, 500), (10.0, 2.5, 1.8))


def _tall_cases(Case):
    solvers = ("svd", "eigen", "lsqr")
    peers = {f"sklearn {s}": partial(SklearnLDA, solver=s) for s in solvers}
    for (n, p), goals in _sizes():
        goal = dict(zip(peers, goals, strict=True))
        for make, n_classes, subspace in (
            (RatioLDA, 10, discriminant_subspace),
            (DifferenceLDA, 10, difference_subspace),
            (MeanDifferenceLDA, 2, discriminant_subspace),
        ):
            data = partial(classes, n, p, n_classes)
            yield Case(
                f"{make.__name__} {n} x {p}, {n_classes} classes, float64",
                data,
                make,
                peers,
                goal,
                lambda data=data, subspace=subspace: subspace(*data()),
                peer_solves_it=make is not DifferenceLDA,
                memory=p == 200,
                repeats=3,
                in_readme=p == 200,
            )
    data = partial(classes, dtype="float32")
    goal = {"sklearn svd": 12.0, "sklearn eigen": 5.0}
    yield Case(
        "RatioLDA 100000 x 200, 10 classes, float32",
        data,
        RatioLDA,
        {name: peers[name] for name in goal},
        goal,
        lambda: discriminant_subspace(*data()),
        memory=True,
        repeats=3,
    )


def discriminant_cases(Case, orl_faces):
    """Yield the cases."""
    yield from _tall_cases(Case)
    yield Case(
        "RatioLDA 100000 x 200, 10 classes, 100 blocks by partial_fit",
        classes,
        Streamed,
        {"fit": RatioLDA},
        {"fit": 1 / 1.5},
        lambda: discriminant_subspace(*classes()),
    )
    yield Case(
        "RatioLDA ORL 400 x 10304, shrinkage='ledoit-wolf'",
        orl_faces,
        partial(RatioLDA, shrinkage="ledoit-wolf"),
        {"sklearn svd": SklearnLDA},
        {"sklearn svd": 8.0},
        lambda: shrunk_subspace(
            *orl_faces(), RatioLDA(shrinkage="ledoit-wolf").fit(*orl_faces()).shrinkage_
        ),
        peer_solves_it=False,
        memory=True,
    )

    def few_pixels():
        X, y = orl_faces()
        return X[:, ::7].copy(), y

    for shrinkage in (0.1, "auto"):
        yield Case(
            f"RatioLDA ORL 400 x 1472, shrinkage={shrinkage!r}",
            few_pixels,
            partial(RatioLDA, shrinkage=shrinkage),
            {"sklearn eigen": partial(SklearnLDA, solver="eigen", shrinkage=shrinkage)},
            {"sklearn eigen": 40.0},
            lambda a=shrinkage: shrunk_subspace(
                *few_pixels(), RatioLDA(shrinkage=a).fit(*few_pixels()).shrinkage_
            ),
            repeats=3,
        )
    # A shrinkage of 0.71 is about the ridge that RidgeClassifier has by default.
    yield Case(
        "RatioLDA sparse 20000 x 50000, 20 classes, shrinkage=0.71",
        text,
        partial(RatioLDA, shrinkage=0.71),
        {"RidgeClassifier sparse_cg": partial(RidgeClassifier, solver="sparse_cg")},
        {"RidgeClassifier sparse_cg": 1.0},
        memory=True,
        repeats=3,
    )
