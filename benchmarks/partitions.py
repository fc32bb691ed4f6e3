"""How good the partitions of `NcutClustering` are, over many sets and five seeds each.

    python benchmarks/partitions.py [--only TEXT] [--jobs N] [--write]

Two questions, each of scikit-learn's SpectralClustering and of ours:

- Classes. Normalised mutual information (NMI) and adjusted Rand index (ARI) with the
  classes, medians over the seeds; theirs with affinity="nearest_neighbors", ours with
  balance 0 and 0.5. On every set as many clusters as classes.
- The cut. On our graph (balance 0) the normalised cut of ours, and of the best of their
  k-means, discretize and cluster_qr with the same seed; roundings that lose a cluster
  are left out, and so are sets that have a component for each. Printed are the mean of
  the ratios, the largest one, and ours at worst over theirs at best.

The sets are those that scikit-learn ships or makes, and each file with `X` and `y` in
the folder that SKDIMRED_DATA names. `--write` keeps the tables in results/.
"""

import argparse
import os
import warnings

# Before numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from cuts import FOLDER
from joblib import Parallel, delayed
from sklearn import datasets
from sklearn.cluster import SpectralClustering
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.preprocessing import scale

import skdimred
from skdimred import NcutClustering
from skdimred.numerics.cut import as_graph, cut_cost

SEEDS = range(5)
ROUNDINGS = ("kmeans", "discretize", "cluster_qr")
RESULTS = Path(__file__).parent / "results" / f"partitions-{skdimred.__version__}.md"
# Rounding, of a cost.
EQUAL = 1 + 1e-9


@dataclass(frozen=True)
class Row:
    """What was found on one set; the arrays have a value for each seed."""

    name: str
    shape: tuple
    k: int
    theirs: np.ndarray
    plain: np.ndarray
    balanced: np.ndarray
    cut: np.ndarray
    their_cut: np.ndarray


def shipped(name, scaled, rows=None):
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return (scale(X) if scaled else X)[:rows], y[:rows]


def stored(path, rows=None, scaled=False):
    data = np.load(path)
    X, y = data["X"][:rows].astype(np.float64), data["y"][:rows]
    return (scale(X) if scaled else X), y


def uneven():
    return datasets.make_blobs([600, 200, 60], random_state=3)


def stretched():
    X, y = datasets.make_blobs(1000, centers=3, random_state=170)
    return X @ np.array([[0.6, -0.6], [-0.4, 0.8]]), y


def sets():
    """Name of each set, and what returns its rows and classes."""
    found = {}
    for name in ("iris", "wine", "breast_cancer", "digits"):
        found[name] = partial(shipped, name, False)
        if name != "digits":
            found[f"{name} standardised"] = partial(shipped, name, True)
    found["digits, 500 rows"] = partial(shipped, "digits", False, 500)
    made = {
        "moons": partial(datasets.make_moons, 1000, noise=0.06, random_state=0),
        "noisy moons": partial(datasets.make_moons, 1000, noise=0.12, random_state=0),
        "circles": partial(
            datasets.make_circles, 1000, noise=0.05, factor=0.5, random_state=0
        ),
        "blobs, 8": partial(
            datasets.make_blobs, 2000, 10, centers=8, cluster_std=3.0, random_state=0
        ),
        "blobs, 15": partial(
            datasets.make_blobs, 1500, 5, centers=15, cluster_std=2.0, random_state=1
        ),
        "blobs of different spread": partial(
            datasets.make_blobs,
            1000,
            centers=3,
            cluster_std=[1.0, 2.5, 0.5],
            random_state=170,
        ),
        "blobs of different size": uneven,
        "stretched blobs": stretched,
    }
    found |= made
    for path in sorted(FOLDER.glob("*.npz")):
        with np.load(path) as data:
            if not {"X", "y"} <= set(data.files) or data["X"].ndim != 2:
                continue
            n = len(data["X"])
        found[path.stem] = partial(stored, path)
        found[f"{path.stem} standardised"] = partial(stored, path, scaled=True)
        if n > 6000:
            found[f"{path.stem}, 3000 rows"] = partial(stored, path, 3000)
    return found


def agreement(y, labels):
    return normalized_mutual_info_score(y, labels), adjusted_rand_score(y, labels)


def rounded_cut(graph, W, k, rounding, seed):
    """Normalised cut of scikit-learn's rounding; NaN if it loses a cluster."""
    make = SpectralClustering(
        k, affinity="precomputed", assign_labels=rounding, random_state=seed
    )
    labels = make.fit_predict(W)
    if len(np.unique(labels)) < k:
        return np.nan
    return cut_cost(graph, labels.astype(np.intp), k)


def measured(name, data):
    """`Row` of a set."""
    warnings.simplefilter("ignore")
    X, y = data()
    k = len(np.unique(y))
    theirs, plain, balanced, cuts, best = [], [], [], [], []
    sharp = np.nan
    for seed in SEEDS:
        peer = SpectralClustering(k, affinity="nearest_neighbors", random_state=seed)
        theirs.append(agreement(y, peer.fit_predict(X)))
        half = NcutClustering(k, balance=0.5, random_state=seed)
        balanced.append(agreement(y, half.fit_predict(X)))
        ours = NcutClustering(k, random_state=seed).fit(X)
        plain.append(agreement(y, ours.labels_))
        cuts.append(ours.ncut_)
        if ours.n_connected_components_ >= k:
            # There is nothing to cut.
            best.append(np.nan)
            continue
        W = ours.affinity_matrix_
        graph = as_graph(W)
        # It does not depend on the seed.
        if seed == SEEDS[0]:
            sharp = rounded_cut(graph, W, k, "cluster_qr", seed)
        blurred = [rounded_cut(graph, W, k, how, seed) for how in ROUNDINGS[:2]]
        best.append(np.nanmin([sharp, *blurred]))
    arrays = (np.array(each) for each in (theirs, plain, balanced, cuts, best))
    return Row(name, X.shape, k, *arrays)


def table(rows):
    """Lines of a Markdown table."""
    yield (
        "| set | rows x columns, k | NMI theirs / 0 / 0.5 | ARI theirs / 0 / 0.5 "
        "| cut: mean ratio | largest | worst over best |"
    )
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        middle = [np.median(a, axis=0) for a in (row.theirs, row.plain, row.balanced)]
        nmi, ari = (" / ".join(f"{m[i]:.3f}" for m in middle) for i in (0, 1))
        cuts = "- | - | -"
        if np.isfinite(row.their_cut).any():
            ratio = row.cut / row.their_cut
            ends = row.cut.max() / np.nanmin(row.their_cut)
            cuts = f"{np.nanmean(ratio):.3f} | {np.nanmax(ratio):.3f} | {ends:.3f}"
        yield (
            f"| {row.name} | {row.shape[0]} x {row.shape[1]}, {row.k} "
            f"| {nmi} | {ari} | {cuts} |"
        )


def summary(rows):
    """Lines that count."""
    for name in ("plain", "balanced"):
        for i, what in enumerate(("NMI", "ARI")):
            gap = np.array(
                [
                    np.median(getattr(r, name)[:, i]) - np.median(r.theirs[:, i])
                    for r in rows
                ]
            )
            lower = [r.name for r, g in zip(rows, gap, strict=True) if g < -0.02]
            said = f": {', '.join(lower)}" if lower else ""
            yield (
                f"- {what}, balance {'0.5' if name == 'balanced' else '0'}: more than "
                f".02 higher on {(gap > 0.02).sum()} of {len(rows)} sets, more than "
                f".02 lower on {len(lower)}{said}."
            )
    ours = np.concatenate([row.cut for row in rows])
    theirs = np.concatenate([row.their_cut for row in rows])
    yield (
        f"- The cut is above the best of scikit-learn's with the same seed in "
        f"{(ours > theirs * EQUAL).sum()} of {np.isfinite(theirs).sum()} fits."
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="sets whose name has this text")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--write", action="store_true", help=f"keep in {RESULTS.name}")
    given = parser.parse_args()
    chosen = [each for each in sets().items() if given.only in each[0]]
    rows = Parallel(n_jobs=given.jobs)(delayed(measured)(*each) for each in chosen)
    text = "\n".join([*table(rows), "", *summary(rows)]) + "\n"
    print(text)
    if given.write:
        RESULTS.write_text(text)


if __name__ == "__main__":
    main()
