"""`NcutClustering` where rows are many: 70,000 pictures, and a million of two moons.

    python benchmarks/many_rows.py     # about five minutes

The pictures are those of mnist_t10k.npz in the folder that SKDIMRED_DATA names, each
once as it is and six times shifted by up to two pixels, on 50 principal components.
What is timed there is the cut of a graph that is given to both sides: scikit-learn's
SpectralClustering with AMG (`pip install pyamg`) gets our weights, and also the
graph of 10 neighbours that it would make itself. The neighbours, for which both sides
ask scikit-learn, are timed apart.

The million rows are beside nobody, as scikit-learn would need a matrix of 8 TB.
"""

import resource
import time
import warnings
from importlib.util import find_spec

import numpy as np
from cuts import FOLDER
from sklearn.cluster import SpectralClustering
from sklearn.datasets import make_moons
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.neighbors import kneighbors_graph
from threadpoolctl import threadpool_limits

from skdimred import PCA, NcutClustering

COPIES, MOST_SHIFT = 7, 2
LANDMARKS, MANY = 1000, 1_000_000


def shifted_digits():
    """Principal components (70,000, 50) of shifted pictures, and their classes."""
    data = np.load(FOLDER / "mnist_t10k.npz")
    pictures = data["X"].reshape(-1, 28, 28).astype(np.float32)
    rng = np.random.default_rng(0)
    shifts = rng.integers(-MOST_SHIFT, MOST_SHIFT + 1, (COPIES - 1, len(pictures), 2))
    sheets = [pictures]
    for each in shifts:
        pairs = zip(pictures, each, strict=True)
        sheets.append(np.stack([np.roll(p, s, axis=(0, 1)) for p, s in pairs]))
    rows = np.concatenate(sheets).reshape(-1, 28 * 28)
    rows = PCA(50, random_state=0).fit_transform(rows)
    return rows.astype(np.float64), np.tile(data["y"], COPIES)


def timed(make, X):
    """A fitted clusterer, and its CPU and wall seconds."""
    cpu, wall = time.process_time(), time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = make.fit(X)
    return fitted, time.process_time() - cpu, time.perf_counter() - wall


def said(name, found, y):
    fitted, cpu, wall = found
    nmi = normalized_mutual_info_score(y, fitted.labels_)
    ari = adjusted_rand_score(y, fitted.labels_)
    print(f"{name}: {cpu:.2f} s CPU, {wall:.2f} s, NMI {nmi:.3f}, ARI {ari:.3f}")


def seventy_thousand():
    X, y = shifted_digits()
    whole = timed(NcutClustering(10, random_state=0), X)
    said("70,000 x 50, ours with the search for neighbours", whole, y)
    W = whole[0].affinity_matrix_
    for balance in (0.0, 0.5):
        make = NcutClustering(
            10, balance=balance, affinity="precomputed", random_state=0
        )
        said(f"70,000 x 50, our cut, balance={balance}", timed(make, W), y)
    if not find_spec("pyamg"):
        print("pyamg is not installed")
        return
    C = kneighbors_graph(X, 10, include_self=True)
    for name, graph in (("our weights", W), ("its own graph", 0.5 * (C + C.T))):
        make = SpectralClustering(
            10, affinity="precomputed", eigen_solver="amg", random_state=0
        )
        said(f"70,000 x 50, sklearn amg on {name}", timed(make, graph), y)


def a_million():
    X, y = make_moons(MANY, noise=0.06, random_state=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    make = NcutClustering(2, n_landmarks=LANDMARKS, random_state=0)
    found = timed(make, X)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said(f"moons, 1,000,000 x 2, {LANDMARKS} landmarks", found, y)
    print(f"  at most {max(0, peak - before) / 1024:.0f} MB above the rows")


if __name__ == "__main__":
    # First, as the most memory that a process had is not to be had back.
    a_million()
    if (FOLDER / "mnist_t10k.npz").exists():
        seventy_thousand()
        with threadpool_limits(1):
            print("one BLAS thread")
            seventy_thousand()
