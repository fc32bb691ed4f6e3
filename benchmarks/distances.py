"""Cases of `PCoA`: distances given, rows, and landmarks.

The peers are scikit-learn's ClassicalMDS, scikit-bio's pcoa with the dense and with the
fast solver, and landmark scaling as de Silva and Tenenbaum describe it, written here.
"""

from functools import cache, partial
from pathlib import Path

import numpy as np
import scipy.linalg
from scipy.spatial.distance import pdist, squareform

from skdimred import PCoA
from skdimred.metrics import great_circle_distances

__all__ = ["distance_cases"]

DUNE = Path(__file__).parents[1] / "docs" / "examples" / "dune.csv"


class Skbio:
    """`skbio.stats.ordination.pcoa` as an estimator."""

    def __init__(self, k, method):
        self.k, self.method = k, method

    def fit(self, D, y=None):
        from skbio import DistanceMatrix
        from skbio.stats.ordination import pcoa

        found = pcoa(
            DistanceMatrix(D),
            method=self.method,
            dimensions=self.k,
            warn_neg_eigval=False,
        )
        self.embedding_ = np.asarray(found.samples)
        return self


class LandmarkScaling:
    """Axes of the landmarks; everything else is placed among them."""

    def __init__(self, k, m, seed=0):
        self.k, self.m, self.seed = k, m, seed

    def fit(self, X, y=None):
        rng = np.random.RandomState(self.seed)
        few = X[np.sort(rng.choice(len(X), self.m, replace=False))]
        S = great_circle_distances(few) ** 2
        mean = S.mean(axis=0)
        B = S - mean
        values, V = np.linalg.eigh(-0.5 * (B - B.mean(axis=1)[:, np.newaxis]))
        C = V[:, ::-1][:, : self.k] / np.sqrt(values[::-1][: self.k])
        self.embedding_ = np.concatenate(
            [
                -0.5 * ((great_circle_distances(X[i : i + 4096], few) ** 2 - mean) @ C)
                for i in range(0, len(X), 4096)
            ]
        )
        return self


@cache
def meadows(n):
    """Bray-Curtis distances of counts drawn around the 20 sites of the dune meadow."""
    rng = np.random.default_rng(0)
    rows = DUNE.read_text().split()[1:]
    sites = np.array([row.split(",")[1:] for row in rows], dtype=float)
    share = rng.gamma(2 * sites[rng.integers(0, 20, n)] + 0.02)
    share /= share.sum(axis=1, keepdims=True)
    counts = np.array([rng.multinomial(400, row) for row in share])
    return squareform(pdist(counts.astype(float), "braycurtis"))


@cache
def places(n):
    """Latitude and longitude of points in 60 clusters on a sphere."""
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((60, 3))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    X = centres[rng.integers(0, 60, n)] + 0.15 * rng.standard_normal((n, 3))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    return np.rad2deg(
        np.column_stack([np.arcsin(X[:, 2]), np.arctan2(X[:, 1], X[:, 0])])
    )


def exact(D, k):
    """Coordinates by LAPACK."""
    S = D**2
    B = -0.5 * (S - S.mean(axis=0) - S.mean(axis=1)[:, np.newaxis] + S.mean())
    n = len(D)
    values, vectors = scipy.linalg.eigh(B, subset_by_index=[n - k, n - 1])
    return vectors[:, ::-1] * np.sqrt(values[::-1])


@cache
def reference_places():
    """Coordinates of 40,000 points from 3000 landmarks, a thousand times as exact."""
    pcoa = PCoA(3, metric="great_circle", n_landmarks=3000, random_state=1)
    return pcoa.fit(places(40_000)).embedding_


def distance_cases(Case, shipped):
    """Yield the cases."""
    from sklearn import manifold

    peers, goals = {}, {}
    if hasattr(manifold, "ClassicalMDS"):
        mds = partial(manifold.ClassicalMDS, 5, metric="precomputed")
        peers["sklearn ClassicalMDS"], goals["sklearn ClassicalMDS"] = mds, 40.0
    for method, goal in (("eigh", 8.0), ("fsvd", 1 / 1.3)):
        peers[f"skbio {method}"] = partial(Skbio, 5, method)
        goals[f"skbio {method}"] = goal
    for n in (2500, 5000):
        own = peers if n == 2500 else {"skbio fsvd": peers["skbio fsvd"]}
        yield Case(
            f"PCoA Bray-Curtis {n} x {n}, k=5",
            lambda n=n: (meadows(n), None),
            partial(PCoA, 5, metric="precomputed"),
            own,
            {name: goals[name] for name in own},
            lambda n=n: exact(meadows(n), 5),
            memory=n == 2500,
            repeats=3,
            measure="coordinates",
        )
    if hasattr(manifold, "ClassicalMDS"):
        yield Case(
            "PCoA digits, Euclidean, k=5",
            partial(shipped, "digits"),
            partial(PCoA, 5),
            {"sklearn ClassicalMDS": partial(manifold.ClassicalMDS, 5)},
            {"sklearn ClassicalMDS": 80.0},
            lambda: exact(squareform(pdist(shipped("digits")[0])), 5),
            repeats=3,
            measure="coordinates",
        )
    yield Case(
        "PCoA 40000 points on a sphere, 200 landmarks",
        lambda: (places(40_000), None),
        partial(PCoA, 3, metric="great_circle", n_landmarks=200, random_state=0),
        {"landmark scaling": partial(LandmarkScaling, 3, 200)},
        {"landmark scaling": 0.5},
        reference_places,
        repeats=3,
        measure="procrustes",
    )
