"""Cases of `BiasedMF` and `BiasedMFRegressor`: ratings, most of which are unknown.

    python benchmarks/ratings.py                     # a table sweep by sweep
    python benchmarks/ratings.py --ratings u.data    # with ratings of your own

The peers are cmfrec, whose alternating least squares minimise the same objective, and
Surprise. Ratings are drawn: people and things have popularities, biases and ten
factors. Those of MovieLens may not be handed on; download ml-100k.zip from
https://grouplens.org/datasets/movielens/100k/ and give its u.data (user, item, rating
and time, with tabs between them).

Each side has one thread, and so has BLAS. The time of a sweep is that of a fit less
that of a shorter one, over the sweeps between them; what is left is set-up and the last
half-sweep. `fit` has ten sweeps.
"""

import argparse
import os
import sys
import time
import warnings
from functools import cache, partial
from statistics import median

import numpy as np
from scipy import sparse

from skdimred import BiasedMF, BiasedMFRegressor

__all__ = ["file_cases", "rating_cases"]

SWEEPS, FEW = 10, 4
# The drawn tables: name, then rows, columns and ratings, then alpha by K.
DRAWN = (
    ("943 x 1682, 1e5 ratings", (943, 1682, 100_000), {10: 10.0, 50: 12.0, 100: 8.0}),
    ("6040 x 3706, 1e6 ratings", (6040, 3706, 1_000_000), {10: 10.0, 50: 30.0}),
)


@cache
def drawn(n, m, size, seed=0):
    """Cells fitted and cells held out, one in ten, of a drawn table."""
    rng = np.random.default_rng(seed)
    shares = [rng.lognormal(0, s, k) for s, k in ((1.0, n), (1.3, m))]
    cells = np.empty(0, dtype=np.int64)
    while len(cells) < size:
        rows, columns = (rng.choice(len(p), size, p=p / p.sum()) for p in shares)
        cells = np.union1d(cells, rows * m + columns)
    cells = np.sort(rng.choice(cells, size, replace=False))
    rows, columns = cells // m, cells % m
    P, Q = 0.4 * rng.standard_normal((n, 10)), 0.4 * rng.standard_normal((m, 10))
    b, c = 0.4 * rng.standard_normal(n), 0.5 * rng.standard_normal(m)
    values = 3.5 + b[rows] + c[columns] + 0.85 * rng.standard_normal(size)
    for start in range(0, size, 1 << 20):
        part = slice(start, start + (1 << 20))
        values[part] += np.einsum("ij,ij->i", P[rows[part]], Q[columns[part]])
    values = np.clip(np.round(values), 1, 5).astype(np.float32)
    return held_out(rows, columns, values, (n, m), rng)


@cache
def from_file(path):
    """The same of a file of ratings."""
    data = np.loadtxt(path, usecols=(0, 1, 2))
    rows, columns = (np.unique(data[:, j], return_inverse=True)[1] for j in (0, 1))
    shape = int(rows.max()) + 1, int(columns.max()) + 1
    values = data[:, 2].astype(np.float32)
    return held_out(rows, columns, values, shape, np.random.default_rng(0))


def held_out(rows, columns, values, shape, rng):
    """A sparse table of nine cells in ten; rows, columns and values of the others."""
    test = rng.random(len(values)) < 0.1
    table = (values[~test], (rows[~test], columns[~test]))
    rest = rows[test], columns[test], values[test]
    return sparse.coo_matrix(table, shape=shape), rest


class Cmfrec:
    """`cmfrec.CMF` with the objective of `BiasedMF`, as an estimator."""

    def __init__(self, k, alpha, sweeps, exact=False, threads=1):
        self.k, self.alpha, self.sweeps = k, alpha, sweeps
        self.exact, self.threads = exact, threads

    def fit(self, X, y=None):
        from cmfrec import CMF

        found = CMF(
            k=self.k,
            lambda_=self.alpha,
            method="als",
            use_cg=not self.exact,
            finalize_chol=False,
            niter=self.sweeps,
            nthreads=self.threads,
            use_float=True,
            verbose=False,
            precompute_for_predictions=False,
        ).fit(X)
        self.mean_ = found.glob_mean_
        self.row_factors_, self.components_ = found.A_, found.B_.T
        self.row_bias_, self.column_bias_ = found.user_bias_, found.item_bias_
        return self


class Surprise:
    """`surprise.SVD`, by ids; X has two columns."""

    def fit(self, X, y):
        from surprise import SVD, Dataset, Reader

        reader = Reader(rating_scale=(float(y.min()), float(y.max())))
        data = Dataset(reader)
        data.raw_ratings = [
            (u, i, float(r), None) for (u, i), r in zip(X.tolist(), y, strict=True)
        ]
        self.model = SVD(random_state=0).fit(data.construct_trainset(data.raw_ratings))
        return self

    def predict(self, X):
        return np.array([self.model.predict(u, i).est for u, i in X.tolist()])


def ours(k, alpha, sweeps, threads=1):
    return BiasedMF(
        k, alpha=alpha, max_iter=sweeps, tol=0, n_jobs=threads, random_state=0
    )


def predicted(fitted, rows, columns):
    """Predictions of cells, from the attributes that both sides have."""
    out = np.empty(len(rows))
    for start in range(0, len(rows), 1 << 16):
        i, j = rows[start : start + (1 << 16)], columns[start : start + (1 << 16)]
        p, q = fitted.row_factors_[i], fitted.components_.T[j]
        product = np.einsum("ij,ij->i", p, q)
        out[start : start + len(i)] = (
            fitted.mean_ + product + fitted.row_bias_[i] + fitted.column_bias_[j]
        )
    return out


def objective(fitted, X, alpha):
    """What both minimise, in float64."""
    error = X.data - predicted(fitted, X.row, X.col)
    parts = ("row_factors_", "components_", "row_bias_", "column_bias_")
    sizes = (np.square(getattr(fitted, name), dtype=np.float64) for name in parts)
    return 0.5 * float(error @ error) + 0.5 * alpha * sum(s.sum() for s in sizes)


def held_out_error(fitted, X, truth):
    """Root of the mean squared error on held-out cells."""
    rows, columns, values = truth
    if isinstance(fitted, (Surprise, BiasedMFRegressor)):
        guess = fitted.predict(np.column_stack([rows, columns]))
    else:
        guess = predicted(fitted, rows, columns)
    return float(np.sqrt(np.mean((guess - values) ** 2)))


def table_of(source):
    return source()[0], None


def pairs_of(source):
    X = source()[0]
    return np.column_stack([X.row, X.col]), X.data


def cells_of(source):
    return source()[1]


def rating_cases(Case):
    """Whole fits of drawn ratings, for the table of `run.py`."""
    for name, size, alphas in DRAWN:
        yield from _cases(Case, name, partial(drawn, *size), alphas)


def file_cases(Case, path):
    """The same of a file of ratings, and `BiasedMFRegressor` beside Surprise."""
    source = partial(from_file, path)
    yield from _cases(Case, os.path.basename(path), source, {10: 10.0, 50: 12.0})
    yield Case(
        f"BiasedMFRegressor {os.path.basename(path)}, K=20",
        partial(pairs_of, source),
        partial(
            BiasedMFRegressor, 20, alpha=12.0, alpha_bias=5.0, tol=1e-3, random_state=0
        ),
        {"Surprise SVD": Surprise},
        {"Surprise SVD": 4.0},
        partial(cells_of, source),
        measure="held-out error",
        in_readme=False,
    )


def _cases(Case, name, source, alphas):
    for k, alpha in alphas.items():
        yield Case(
            f"BiasedMF {name}, K={k}, {SWEEPS} sweeps, float32",
            partial(table_of, source),
            partial(ours, k, alpha, SWEEPS),
            {"cmfrec": partial(Cmfrec, k, alpha, SWEEPS)},
            {"cmfrec": 2.0},
            partial(cells_of, source),
            measure="held-out error",
            memory=name.endswith("1e6 ratings"),
            repeats=3,
        )


def _seconds(make, X, clock, repeats=3):
    """Median time of each of several fits, made in turn."""
    times = [[] for _ in make]
    for _ in range(repeats):
        for one, seconds in zip(make, times, strict=True):
            start = clock()
            one().fit(X)
            seconds.append(clock() - start)
    return [median(seconds) for seconds in times]


def sweep_by_sweep(name, source, alphas):
    """Print a line for each number of factors."""
    X, truth = source()
    for k, alpha in alphas.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            makers = [
                partial(side, k, alpha, sweeps)
                for side in (ours, Cmfrec)
                for sweeps in (FEW, SWEEPS)
            ]
            few, many, peer_few, peer_many = _seconds(makers, X, time.process_time)
            sweep = (many - few) / (SWEEPS - FEW)
            peer_sweep = (peer_many - peer_few) / (SWEEPS - FEW)
            mine, theirs = makers[1]().fit(X), makers[3]().fit(X)
            walls = _seconds(
                [partial(ours, k, alpha, SWEEPS, t) for t in (1, 2)],
                X,
                time.perf_counter,
            )
        print(
            f"{name}, K={k}: sweep {1e3 * sweep:.1f} ms,"
            f" cmfrec {peer_sweep / sweep:.2f}x;"
            f" fit {1e3 * many:.0f} ms, {peer_many / many:.2f}x;"
            f" beside the sweeps {(many - SWEEPS * sweep) / sweep:.1f} sweeps;"
            f" objective {objective(mine, X, alpha):.6g}"
            f" v {objective(theirs, X, alpha):.6g};"
            f" held-out error {held_out_error(mine, X, truth):.4f}"
            f" v {held_out_error(theirs, X, truth):.4f};"
            f" two threads {walls[0] / walls[1]:.2f}x",
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ratings", metavar="FILE", help="ratings in u.data's format")
    path = parser.parse_args().ratings
    if path:
        source = partial(from_file, path)
        sweep_by_sweep(os.path.basename(path), source, {10: 10.0, 50: 12.0, 100: 8.0})
        return
    for name, size, alphas in DRAWN:
        sweep_by_sweep(name, partial(drawn, *size), alphas)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":
        # BLAS reads it when it is loaded.
        os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
        os.execv(sys.executable, [sys.executable, *sys.argv])
    main()
