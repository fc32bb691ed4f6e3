"""Cases of `NcutClustering`: end to end, beside scikit-learn's SpectralClustering.

The peers are its default (ARPACK and k-means), the fastest of its solvers and roundings
on small data (ARPACK and QR with pivots) and, where pyamg is installed, AMG. What is
compared beside the time is how far the clusters are from classes that are known.

The folder that the environment variable SKDIMRED_DATA names, data if none,
may hold pendigits.npz and mnist_t10k.npz with `X` and `y`; cases without their file are
left out.
"""

import os
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn import datasets
from sklearn.cluster import SpectralClustering

from skdimred import PCA, NcutClustering

__all__ = ["cut_cases"]

FOLDER = Path(os.environ.get("SKDIMRED_DATA", "data"))


@cache
def made(name):
    """Rows and classes of a made data set."""
    if name == "blobs":
        return datasets.make_blobs(2000, 10, centers=8, cluster_std=3.0, random_state=0)
    n, noise = {"moons": (1000, 0.06), "noisy moons": (1000, 0.12)}[name]
    return datasets.make_moons(n, noise=noise, random_state=0)


@cache
def stored(name):
    """Rows and classes from a file; those of MNIST on 50 principal components."""
    data = np.load(FOLDER / name)
    X, y = data["X"].astype(np.float64), data["y"]
    return (PCA(50, random_state=0).fit_transform(X), y) if X.shape[1] > 50 else (X, y)


def peers_of(k, goal_default, goal_fastest):
    """Peers for k clusters, and the least ratio wanted against each."""
    make = partial(SpectralClustering, k, affinity="nearest_neighbors", random_state=0)
    peers = {
        "sklearn arpack kmeans": make,
        "sklearn arpack cluster_qr": partial(make, assign_labels="cluster_qr"),
    }
    goals = {
        "sklearn arpack kmeans": goal_default,
        "sklearn arpack cluster_qr": goal_fastest,
    }
    if find_spec("pyamg"):
        peers["sklearn amg kmeans"] = partial(make, eigen_solver="amg")
        goals["sklearn amg kmeans"] = goal_fastest
    return peers, goals


def cut_cases(Case, shipped):
    """Yield the cases."""
    small = {
        "iris": (3, partial(shipped, "iris")),
        "moons": (2, partial(made, "moons")),
        "noisy moons": (2, partial(made, "noisy moons")),
        "blobs": (8, partial(made, "blobs")),
        "digits": (10, partial(shipped, "digits")),
    }
    for name, (k, data) in small.items():
        peers, goals = peers_of(k, 1.5, 1.0)
        yield Case(
            f"NcutClustering {name}, k={k}",
            data,
            partial(NcutClustering, k, random_state=0),
            peers,
            goals,
            lambda data=data: data()[1],
            loops=5,
            measure="classes",
        )
    for name, default, fastest in (
        ("pendigits.npz", 1.5, 1.5),
        ("mnist_t10k.npz", 6.0, 1.5),
    ):
        if not (FOLDER / name).exists():
            continue
        peers, goals = peers_of(10, default, fastest)
        for balance in (0.0, 0.5):
            yield Case(
                f"NcutClustering {name.split('.')[0]}, k=10, balance={balance}",
                partial(stored, name),
                partial(NcutClustering, 10, balance=balance, random_state=0),
                peers,
                goals,
                lambda name=name: stored(name)[1],
                memory=True,
                repeats=3,
                measure="classes",
            )
