"""Cases of `PCA` and `TruncatedSVD` on large, sparse and streamed rows.

The peers of scipy are wrapped as estimators and are given rows that are centred
already. Where the spectrum is flat an angle says nothing, and the share of the best
possible energy that was lost is compared instead.
"""

from functools import cache, partial

import numpy as np
import scipy.sparse.linalg
from scipy import sparse
from sklearn.decomposition import PCA as SklearnPCA
from sklearn.decomposition import IncrementalPCA
from sklearn.decomposition import TruncatedSVD as SklearnSVD

from skdimred import PCA, TruncatedSVD

__all__ = ["centred_square", "spectral_cases", "zipf"]


class Scipy:
    """`scipy.sparse.linalg.svds` as an estimator."""

    def __init__(self, k=2, solver="propack", tol=0.0):
        self.k, self.solver, self.tol = k, solver, tol

    def fit(self, X, y=None):
        k = min(self.k, min(X.shape) - 1)
        _, s, Vt = scipy.sparse.linalg.svds(
            X, k, solver=self.solver, tol=self.tol, random_state=0
        )
        self.components_, self.singular_values_ = Vt[::-1], s[::-1]
        return self


class Streamed:
    """An estimator fed by `partial_fit`, block by block."""

    def __init__(self, make=PCA, blocks=3):
        self.make, self.blocks = make, blocks

    def fit(self, X, y=None):
        found = self.make()
        for block in np.array_split(X, self.blocks):
            found.partial_fit(block)
        self.components_ = found.components_
        return self


SPECTRA = {
    "i^-0.5": lambda i: i**-0.5,
    "i^-1": lambda i: 1 / i,
    "exp(-i/20)": lambda i: np.exp(-i / 20),
    "20 spikes": lambda i: np.where(i <= 20, 10 - 0.2 * i, 1.0),
}


@cache
def centred_square(n, spectrum, seed=0):
    """Square rows with mean 0 and known singular values and vectors."""
    rng = np.random.default_rng(seed)
    U = rng.standard_normal((n, n - 1))
    U = np.linalg.qr(U - U.mean(axis=0))[0]
    V = np.linalg.qr(rng.standard_normal((n, n - 1)))[0]
    s = SPECTRA[spectrum](np.arange(1.0, n))
    return (U * s) @ V.T, V[:, :20].T.copy()


@cache
def zipf(n=20_000, p=50_000, seed=0):
    """Tf-idf of documents whose words follow Zipf's law, rows of length 1."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, p + 1)
    lengths = rng.poisson(140, n)
    words = rng.choice(p, lengths.sum(), p=share / share.sum())
    rows = np.repeat(np.arange(n), lengths)
    X = sparse.coo_array((np.ones(len(rows)), (rows, words)), shape=(n, p)).tocsr()
    X.sum_duplicates()
    X.data = 1 + np.log(X.data)
    X.data *= np.log((1 + n) / (1 + np.bincount(X.indices, minlength=p)))[X.indices] + 1
    X = sparse.csr_array(X.multiply(1 / scipy.sparse.linalg.norm(X, axis=1)[:, None]))
    X.indices, X.indptr = X.indices.astype(np.int32), X.indptr.astype(np.int32)
    return X


@cache
def random_sparse():
    """A flat spectrum: 1 % of the entries, uniform."""
    rng = np.random.default_rng(0)
    return sparse.random_array((6000, 8000), density=0.01, rng=rng, format="csr")


@cache
def best(data, k):
    """Leading right singular vectors by ARPACK to machine precision."""
    return scipy.sparse.linalg.svds(data(), k)[2][::-1]


@cache
def stream(n=100_000, p=200):
    """Rows with covariance eigenvalues 1/i."""
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.standard_normal((p, p)))[0]
    return rng.standard_normal((n, p)) @ (rotation / np.sqrt(np.arange(1, p + 1))).T + 1


def stream_subspace():
    """Principal subspace of `stream`."""
    X = stream()
    return np.linalg.eigh(np.cov(X.T))[1][:, ::-1][:, :10].T


def _square_case(Case, n, spectrum, tol):
    def rows():
        return centred_square(n, spectrum)[0], None

    peers = {
        "scipy propack": partial(Scipy, 20, "propack", 0.0 if tol < 1e-6 else tol),
        "sklearn arpack": partial(
            SklearnPCA,
            20,
            svd_solver="arpack",
            tol=0.0 if tol < 1e-6 else 1e-3,
            random_state=0,
        ),
    }
    goals = dict.fromkeys(peers, 1.2 if tol > 1e-6 else 1.1)
    if tol > 1e-6:
        peers["sklearn auto"] = partial(SklearnPCA, 20, random_state=0)
        goals["sklearn auto"] = 1.6
    if spectrum == "20 spikes":
        peers = {"scipy propack": peers["scipy propack"]}
        goals = {"scipy propack": 1.0}
    return Case(
        f"PCA {n} x {n}, s = {spectrum}, K=20, tol={tol:g}",
        rows,
        partial(PCA, 20, svd_solver="krylov", tol=tol, random_state=0),
        peers,
        goals,
        lambda: centred_square(n, spectrum)[1],
        repeats=3,
        in_readme=n == 4000 and spectrum in ("i^-0.5", "20 spikes"),
    )


def _sparse_cases(Case):
    text, flat = (lambda: (zipf(), None)), (lambda: (random_sparse(), None))
    common = {"measure": "lost energy", "repeats": 3}
    randomized = {"sklearn randomized": partial(SklearnSVD, 100, random_state=0)}
    for tol, goal in ((1e-3, 1.5), (4e-2, 2.0)):
        yield Case(
            f"TruncatedSVD sparse 20000 x 50000, K=100, tol={tol:g}",
            text,
            partial(TruncatedSVD, 100, tol=tol, random_state=0),
            randomized,
            {"sklearn randomized": goal},
            partial(best, zipf, 100),
            **common,
            memory=True,
        )
    for name, data, k in (
        ("sparse 20000 x 50000", text, 100),
        ("sparse 6000 x 8000", flat, 20),
    ):
        peers = {
            "sklearn arpack": partial(
                SklearnSVD, k, algorithm="arpack", random_state=0
            ),
            "scipy propack": partial(Scipy, k),
        }
        if data is flat:
            # Does not converge on it.
            del peers["scipy propack"]
        yield Case(
            f"TruncatedSVD {name}, K={k}, directions to 1e-8",
            data,
            partial(TruncatedSVD, k, criterion="directions", tol=1e-8, random_state=0),
            peers,
            dict.fromkeys(peers, 1.0),
            partial(best, zipf if data is text else random_sparse, k),
            repeats=3,
        )


def spectral_cases(Case):
    """All of them; `Case` is the class of `cases`."""
    for n in (2500, 4000):
        for spectrum in SPECTRA:
            for tol in (1e-4, 1e-8):
                yield _square_case(Case, n, spectrum, tol)
    yield from _sparse_cases(Case)
    yield Case(
        "PCA 100000 x 200, K=10, 100 blocks by partial_fit",
        lambda: (stream(), None),
        partial(Streamed, partial(PCA, 10), 100),
        {"sklearn IncrementalPCA": partial(Streamed, partial(IncrementalPCA, 10), 100)},
        {"sklearn IncrementalPCA": 3.0},
        stream_subspace,
        repeats=3,
    )
