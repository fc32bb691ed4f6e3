"""Relative error against time: NMF beside scikit-learn's coordinate descent.

    python benchmarks/nmf.py                     # every table, about half an hour
    python benchmarks/nmf.py --only MNIST --seeds 2
    python benchmarks/nmf.py --data FOLDER       # with mnist_t10k.npz, news20_bow.npz
    python benchmarks/nmf.py --figure curves.png

Both sides run in turn in one process, on float32. The peer is looped over its compiled
sweep with a clock that is stopped while its error is taken; ours is the estimator, with
a callback that reads the clock after each iteration, and what a fit takes after the
last one is added to each time. What is compared is the time to the error that the peer
has after a stated number of seconds, times 1.0001; medians over seeds.

- "default": each from its own default start, which is part of the time;
- "alone": both from the start of scikit-learn, times the one number that fits X best;
- "random": both from the same random start, times that number.

One thread is CPU time, default threads are wall time. Results go to benchmarks/results;
rows that a run leaves out stay as they were, and so does what follows the table.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import tracemalloc
import warnings
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from statistics import median

import numpy as np
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF as SklearnNMF
from sklearn.decomposition import MiniBatchNMF
from sklearn.decomposition import _nmf as peer
from sklearn.feature_extraction.text import TfidfTransformer
from threadpoolctl import threadpool_limits

import skdimred
from skdimred import NMF

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
MARK = "<!-- printed by benchmarks/nmf.py -->"
FOLDER = Path(os.environ.get("SKDIMRED_DATA", "data"))
SETTLE_SECONDS = 0.1
CLOSE = 1.0001
# Share of the time of the peer that ours may take, on dense and on sparse tables.
LONGER, LONGER_SPARSE = 0.6, 1.0


@dataclass(frozen=True)
class Case:
    """One row: data, number of components, seconds of the peer, and goals."""

    name: str
    data: object
    k: int
    seconds: float
    default: float
    alone: float


def faces():
    from cases import orl_faces

    return (orl_faces()[0] / 255).astype(np.float32)


def digits():
    return load_digits().data.astype(np.float32)


def mnist(folder):
    return np.load(folder / "mnist_t10k.npz")["X"].astype(np.float32) / 255


def counts(folder):
    f = np.load(folder / "news20_bow.npz")
    parts = f["X_data"].astype(np.float32), f["X_indices"], f["X_indptr"]
    return sparse.csr_matrix(parts, shape=tuple(f["X_shape"]))


def news(folder):
    return TfidfTransformer().fit_transform(counts(folder)).astype(np.float32)


def words():
    from spectra import zipf

    return sparse.csr_matrix(zipf(20_000, 30_000)).astype(np.float32)


def dense(n=20_000, p=2_000, k=20):
    """Half-empty factors of gamma variates, and a tenth of noise."""
    rng = np.random.default_rng(0)
    W = rng.gamma(0.5, 1, (n, k)) * (rng.random((n, k)) < 0.5)
    H = rng.gamma(0.5, 1, (k, p)) * (rng.random((k, p)) < 0.5)
    X = W @ H
    return (X + 0.5 * X.mean() * rng.random(X.shape)).astype(np.float32)


def cases(folder):
    """The cases whose data are there."""
    yield Case("ORL 400 x 10304, k=25", faces, 25, 3.0, 6.0, 2.5)
    yield Case("ORL 400 x 10304, k=49", faces, 49, 6.0, 6.0, 2.5)
    yield Case("digits 1797 x 64, k=16", digits, 16, 1.0, 6.0, 1.7)
    if (folder / "mnist_t10k.npz").exists():
        load = partial(mnist, folder)
        yield Case("MNIST 10000 x 784, k=40", load, 40, 4.0, 4.0, 2.0)
    yield Case("dense 20000 x 2000, k=20", dense, 20, 8.0, 6.0, 3.0)
    if (folder / "news20_bow.npz").exists():
        load = partial(news, folder)
        yield Case("news TF-IDF 18221 x 36568, k=20", load, 20, 2.0, 1.3, 1.0)
    yield Case("Zipf TF-IDF 20000 x 30000, k=50", words, 50, 4.0, 1.3, 1.0)


class Clock:
    """Times of the iterations of a fit, as a callback of scikit-learn."""

    def __init__(self, now):
        self.now, self.times = now, []

    def setup(self, estimator, context):
        """Start the clock."""
        self.start = self.now()

    def on_fit_task_begin(self, estimator, context):
        """Nothing."""

    def on_fit_task_end(self, estimator, context):
        """Read the clock, and ask to stop when time is up."""
        if context.task_name == "sweep":
            self.times.append(self.now() - self.start)
            return self.times[-1] > self.limit
        return False

    def teardown(self, estimator, context):
        """Nothing."""


@cache
def squares(load):
    X = load()
    values = X.data if sparse.issparse(X) else X.ravel()
    pieces = np.array_split(values, max(1, len(values) // 1_000_000))
    return float(sum(np.sum(part.astype(np.float64) ** 2) for part in pieces))


def relative_error(X, W, Ht, total):
    fit = float(np.einsum("ij,ij->", X @ Ht, W, dtype=np.float64))
    size = float(np.sum((W.T @ W).astype(np.float64) * (Ht.T @ Ht)))
    return np.sqrt(max(total - 2 * fit + size, 0.0) / total)


def of_peer(case, X, start, now):
    """(seconds, relative error) of each iteration of scikit-learn."""
    total, curve = squares(case.data), []
    begin = now()
    W, H = start()
    W, Ht = np.ascontiguousarray(W), np.ascontiguousarray(H.T)
    spent = now() - begin
    rng = np.random.RandomState(0)
    while spent < case.seconds:
        begin = now()
        peer._update_coordinate_descent(X, W, Ht, 0.0, 0.0, False, rng)
        peer._update_coordinate_descent(X.T, Ht, W, 0.0, 0.0, False, rng)
        spent += now() - begin
        curve.append((spent, relative_error(X, W, Ht, total)))
    return curve


def of_ours(case, X, start, seed, now):
    """(seconds, relative error) of each iteration of ours, and those of the fit."""
    clock = Clock(now)
    clock.limit = case.seconds * (LONGER_SPARSE if sparse.issparse(X) else LONGER)
    nmf = NMF(case.k, tol=0.0, max_iter=10_000, random_state=seed)
    given = {}
    if start is not None:
        nmf.set_params(init="custom")
        given = dict(zip("WH", start(), strict=True))
    nmf.set_callbacks(clock)
    begin = now()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nmf.fit(X, **given)
    errors = np.sqrt(2 * nmf.objective_history_ / squares(case.data))
    # The last sweep that is told of is one that did not take place.
    times = clock.times[: len(errors)]
    after = now() - begin - times[-1]
    return [(t + after, e) for t, e in zip(times, errors, strict=True)]


def seconds_to(curve, error):
    return next((t for t, e in curve if e <= error), np.inf)


def starts(case, X, seed):
    """By name, what each side begins from; None is its own default."""
    rng = np.random.RandomState(seed)

    def theirs():
        return peer._initialize_nmf(X, case.k, init="nndsvda", random_state=seed)

    def scaled(W, H):
        fit = float(np.einsum("ij,ij->", X @ H.T, W, dtype=np.float64))
        root = np.sqrt(fit / np.sum((W.T @ W).astype(float) * (H @ H.T)))
        return (W * root).astype(X.dtype), (H * root).astype(X.dtype)

    alone = scaled(*theirs())
    random = scaled(
        np.abs(rng.standard_normal((X.shape[0], case.k))),
        np.abs(rng.standard_normal((case.k, X.shape[1]))),
    )
    yield "default", theirs, None
    yield "alone", lambda: tuple(map(np.copy, alone)), lambda: alone
    yield "random", lambda: tuple(map(np.copy, random)), lambda: random


def compare(case, seeds, threads, kinds):
    """Rows of the table of one case at one setting, and the curves of its last seed."""
    X, rows, curves = case.data(), {}, {}
    now = time.process_time if threads == 1 else time.perf_counter
    with threadpool_limits(threads):
        for seed in range(seeds):
            for kind, theirs, ours in starts(case, X, seed):
                if kind not in kinds:
                    continue
                time.sleep(SETTLE_SECONDS)
                their_curve = of_peer(case, X, theirs, now)
                time.sleep(SETTLE_SECONDS)
                our_curve = of_ours(case, X, ours, seed, now)
                goal = their_curve[-1][1] * CLOSE
                took = seconds_to(their_curve, goal), seconds_to(our_curve, goal)
                end = their_curve[-1][1], our_curve[-1][1]
                rows.setdefault(kind, []).append((*took, *end))
                curves[kind] = their_curve, our_curve
    return rows, curves


def line(case, setting, kind, runs):
    theirs, ours, their_error, our_error = zip(*runs, strict=True)
    ratios = [t / o for t, o in zip(theirs, ours, strict=True)]
    goal = case.default if kind == "default" else case.alone
    return {
        "case": case.name,
        "start": kind,
        "setting": setting,
        "ratio": median(ratios),
        "least": min(ratios),
        "goal": goal,
        "peer seconds": median(theirs),
        "our seconds": median(ours),
        "peer error": median(their_error),
        "our error": median(our_error),
    }


KEY = ("case", "start", "setting")
COLUMNS = ("case", "start", "setting", "ratio", "least", "goal", "our seconds")
ERRORS = ("peer error", "our error")


def table(rows):
    """Rows as Markdown."""
    names = [*COLUMNS, *ERRORS]
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        cells = [
            f"{row[c]:.3g}" if isinstance(row[c], float) else row[c] for c in COLUMNS
        ]
        cells += [f"{row[c]:.6f}" for c in ERRORS]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def converged(folder, seeds):
    """Final errors at max_iter=2000 and tol=1e-6: medians over seeds."""
    for case in cases(folder):
        X, found = case.data(), {"theirs": [], "ours": []}
        if case.seconds > 1 or sparse.issparse(X):
            continue
        for seed in range(seeds):
            for who, make in (("theirs", SklearnNMF), ("ours", NMF)):
                model = make(case.k, tol=1e-6, max_iter=2000, random_state=seed)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    model.fit(X)
                error = model.reconstruction_err_ / np.sqrt(squares(case.data))
                found[who].append(float(error))
        theirs, ours = median(found["theirs"]), median(found["ours"])
        yield f"{case.name}: {ours:.6f} v {theirs:.6f} ({ours / theirs:.5f}x)"


def alternated(ours, theirs, repeats=3):
    """Median seconds of both, in turn."""
    times = ([], [])
    for _ in range(repeats):
        for place, run in enumerate((ours, theirs)):
            time.sleep(SETTLE_SECONDS)
            begin = time.process_time()
            run()
            times[place].append(time.process_time() - begin)
    return [median(t) for t in times]


def kullback_leibler(folder):
    """Seconds an iteration and to the peer's value, on counts."""
    X = counts(folder)
    X = X[np.asarray(X.sum(axis=1)).ravel() > 0]
    rng = np.random.RandomState(0)
    k = 20
    scale = np.sqrt(X.mean() / k)
    W = (scale * np.abs(rng.standard_normal((X.shape[0], k)))).astype(np.float32)
    H = (scale * np.abs(rng.standard_normal((k, X.shape[1])))).astype(np.float32)
    iterations, curves = 20, ([], [])
    clock = Clock(time.process_time)
    clock.limit = np.inf
    nmf = NMF(k, beta_loss="kullback-leibler", init="custom", tol=0.0)
    nmf.set_params(max_iter=iterations).set_callbacks(clock)
    w, h, spent = W.copy(), H.copy(), 0.0
    for _ in range(iterations):
        begin = time.process_time()
        w, *_ = peer._multiplicative_update_w(X, w, h, 1, 0, 0, 1)
        h = peer._multiplicative_update_h(X, w, h, 1, 0, 0, 1)
        spent += time.process_time() - begin
        curves[0].append((spent, peer._beta_divergence(X, w, h, 1)))
    begin = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nmf.fit(X, W=W, H=H)
    # The last sweep that is told of is one that did not take place.
    times = clock.times[: len(nmf.objective_history_)]
    after = time.process_time() - begin - times[-1]
    curves[1].extend(zip(times, nmf.objective_history_, strict=True))
    theirs, ours = (curve[-1][0] / iterations for curve in curves)
    reached = seconds_to(curves[1], curves[0][-1][1])
    yield f"KL news counts, k=20: {theirs / ours:.2f}x an iteration ({ours:.3f} s)"
    spent = curves[0][-1][0]
    yield (
        f"KL news counts, k=20: {spent / reached:.2f}x to its value, "
        f"{spent / (reached + after):.2f}x with the exact weights ({after:.2f} s)"
    )


def memory(folder):
    """Most memory in use during a fit of a sparse table, above the table."""
    fits = [("Zipf TF-IDF, k=50", words(), 50, {})]
    if (folder / "news20_bow.npz").exists():
        X = counts(folder)
        X = X[np.asarray(X.sum(axis=1)).ravel() > 0]
        options = {"beta_loss": "kullback-leibler", "solver": "mu", "init": "nndsvda"}
        fits += [("news TF-IDF, k=20", news(folder), 20, {})]
        fits += [("KL news counts, k=20", X, 20, options)]
    for name, X, k, options in fits:
        peaks = []
        for make in (NMF, SklearnNMF):
            model = make(k, max_iter=6, random_state=0, **options)
            tracemalloc.start()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                model.fit_transform(X)
            peaks.append(tracemalloc.get_traced_memory()[1] / 1e6)
            tracemalloc.stop()
        yield f"memory, {name}: {peaks[0]:.0f} MB v {peaks[1]:.0f} MB"


def weights_of_rows(folder):
    """`transform` of 4000 rows, and how far from exact it is."""
    X = mnist(folder).astype(np.float64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = SklearnNMF(40, max_iter=60, random_state=0).fit(X)
        theirs.max_iter = 200
        H, few = theirs.components_, X[:4000]
        ours = NMF(40, init="custom", max_iter=1, random_state=0)

        def error(W):
            return float(np.sum((few - W @ ours.components_) ** 2))

        for algorithm in ("exact", "sweeps"):
            ours.set_params(transform_algorithm=algorithm)
            ours.fit(X, W=theirs.transform(X), H=H)
            theirs.components_ = np.ascontiguousarray(ours.components_)
            seconds = alternated(
                lambda: ours.transform(few), lambda: theirs.transform(few)
            )
            W = ours.transform(few)
            if algorithm == "exact":
                best = error(W)
            yield (
                f"transform of 4000 rows of MNIST, {algorithm}: "
                f"{seconds[1] / seconds[0]:.2f}x, excess {error(W) / best - 1:.1e} v "
                f"{error(theirs.transform(few)) / best - 1:.1e}"
            )


def streaming(folder):
    """One epoch of blocks of 1024 against ten of MiniBatchNMF."""
    X = mnist(folder)

    def ours():
        nmf = NMF(40, random_state=0)
        for start in range(0, len(X), 1024):
            nmf.partial_fit(X[start : start + 1024])
        return nmf

    def theirs():
        options = {"tol": 0, "max_no_improvement": None, "random_state": 0}
        return MiniBatchNMF(40, batch_size=1024, max_iter=10, **options).fit(X)

    seconds = alternated(ours, theirs)
    errors = [
        float(np.linalg.norm(X - m.transform(X) @ m.components_) / np.linalg.norm(X))
        for m in (ours(), theirs())
    ]
    yield (
        f"MNIST in blocks, one epoch v ten of MiniBatchNMF: {seconds[0]:.2f} s v "
        f"{seconds[1]:.2f} s, error {errors[0]:.4f} v {errors[1]:.4f}"
    )


def by_nimfa(X, k):
    """Least squares NMF of nimfa, 40 iterations."""
    import nimfa

    fit = nimfa.Lsnmf(X.astype(np.float64), seed="random", rank=k, max_iter=40)()
    return np.asarray(fit.basis()), np.asarray(fit.coef())


def by_torchnmf(X, k):
    """Multiplicative updates of torchnmf, 400 iterations."""
    import torch
    from torchnmf.nmf import NMF as Theirs

    net = Theirs(X.shape, rank=k)
    net.fit(torch.from_numpy(X), beta=2, max_iter=400)
    # Theirs factorise the transpose of ours.
    return net.H.detach().numpy(), net.W.detach().numpy().T


def by_nmf_torch(X, k):
    """Coordinate descent of nmf-torch."""
    # The package has the name of this file.
    before, sys.path[:] = (
        sys.path[:],
        [p for p in sys.path if Path(p).resolve() != HERE],
    )
    try:
        from nmf import run_nmf
    finally:
        sys.path[:] = before
    W, H, _ = run_nmf(X, n_components=k, algo="halsvar", tol=1e-4)
    return np.asarray(W), np.asarray(H)


def others(folder):
    """Seconds and relative errors of further packages, where they are installed."""
    makers = {"nimfa": by_nimfa, "torchnmf": by_torchnmf, "nmf-torch": by_nmf_torch}
    for case in cases(folder):
        if case.k > 25 or case.seconds > 3 or sparse.issparse(case.data()):
            continue
        X = case.data()
        found = NMF(case.k, random_state=0)
        begin = time.process_time()
        found.fit(X)
        yield (
            f"{case.name}: ours {time.process_time() - begin:.2f} s, error "
            f"{found.relative_error_:.4f}"
        )
        for name, make in makers.items():
            begin = time.process_time()
            try:
                W, H = make(X, case.k)
            except ImportError:
                yield f"{case.name}: {name} is not installed"
                continue
            except Exception as error:
                yield f"{case.name}: {name} fails ({type(error).__name__}: {error})"
                continue
            seconds = time.process_time() - begin
            error = relative_error(X, W, np.ascontiguousarray(H.T), squares(case.data))
            yield f"{case.name}: {name} {seconds:.2f} s, error {error:.4f}"


def beside_a_busy_process(folder):
    """A fit at default threads, quiet and beside a process that keeps a core busy."""
    X = digits() if not (folder / "mnist_t10k.npz").exists() else mnist(folder)
    code = "import time; end = time.time() + 60\nwhile time.time() < end: pass"
    seconds = []
    for busy in (False, True):
        process = subprocess.Popen([sys.executable, "-c", code]) if busy else None
        try:
            time.sleep(0.3)
            times = []
            for _ in range(3):
                begin = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    NMF(40, max_iter=20, random_state=0).fit(X)
                times.append(time.perf_counter() - begin)
            seconds.append(median(times))
        finally:
            if process:
                process.kill()
                process.wait()
    yield (
        f"20 iterations on {X.shape[0]} x {X.shape[1]}, default threads: "
        f"{seconds[0]:.2f} s, beside a busy process {seconds[1]:.2f} s"
    )


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="part of a name")
    parser.add_argument("--seeds", type=int, default=5, metavar="N")
    parser.add_argument("--data", type=Path, default=FOLDER, metavar="FOLDER")
    parser.add_argument("--threads", choices=("one", "default", "both"), default="both")
    parser.add_argument("--starts", default="default,alone,random")
    parser.add_argument("--figure", type=Path, metavar="FILE")
    parser.add_argument("--readme", action="store_true", help="also its table there")
    parser.add_argument("--skip-rest", action="store_true", help="the first table only")
    arguments = parser.parse_args(argv)
    rows, drawn = [], {}
    for case in cases(arguments.data):
        if arguments.only.lower() not in case.name.lower():
            continue
        for threads, setting in ((1, "one thread"), (os.cpu_count(), "default")):
            if arguments.threads not in ("both", setting.split()[0]):
                continue
            found, curves = compare(
                case, arguments.seeds, threads, arguments.starts.split(",")
            )
            for kind, runs in found.items():
                rows.append(line(case, setting, kind, runs))
                print(table(rows[-1:]).splitlines()[-1], flush=True)
            drawn.setdefault(case.name, curves)
    sentences = []
    if not arguments.skip_rest:
        parts = [converged(arguments.data, arguments.seeds)]
        if (arguments.data / "mnist_t10k.npz").exists():
            parts += [weights_of_rows(arguments.data), streaming(arguments.data)]
        if (arguments.data / "news20_bow.npz").exists():
            parts.append(kullback_leibler(arguments.data))
        parts += [memory(arguments.data), others(arguments.data)]
        for sentence in beside_a_busy_process(arguments.data):
            print(sentence, flush=True)
            sentences.append(sentence)
        with threadpool_limits(1):
            for part in parts:
                for sentence in part:
                    print(sentence, flush=True)
                    sentences.append(sentence)
    ranked = keep(rows, sentences)
    if arguments.readme:
        rewrite_readme(ranked)
    if arguments.figure:
        draw(drawn, arguments.figure)


def keep(rows, sentences):
    """Write what was measured over what was before."""
    path = HERE / "results" / f"nmf-{skdimred.__version__}.json"
    kept = {"rows": [], "rest": []}
    if path.exists():
        kept = json.loads(path.read_text())
    merged = {tuple(row[key] for key in KEY): row for row in (*kept["rows"], *rows)}
    order = [case.name for case in cases(FOLDER)]
    ranked = sorted(
        merged.values(),
        key=lambda row: (
            order.index(row["case"]) if row["case"] in order else len(order),
            row["setting"] != "one thread",
        ),
    )
    kept = {"rows": ranked, "rest": sentences or kept["rest"]}
    path.write_text(json.dumps(kept, indent=1) + "\n")
    text = "\n\n".join([table(ranked), *kept["rest"]])
    path.with_suffix(".md").write_text(text + "\n")
    return ranked


def rewrite_readme(rows):
    """Put the table into README.md, without the random starts."""
    names = (
        "case",
        "start",
        "threads",
        "sooner",
        "in",
        "error at the end, peer / ours",
    )
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    for row in rows:
        if row["start"] != "random":
            errors = f"{row['peer error']:.6f} / {row['our error']:.6f}"
            sooner = f"{row['ratio']:.3g}x | {row['our seconds']:.3g} s"
            if not row["ratio"]:
                sooner = "not reached | -"
            first = f"{row['case']} | {row['start']} | {row['setting']}"
            lines.append(f"| {first} | {sooner} | {errors} |")
    text = README.read_text()
    start, end = text.index(MARK) + len(MARK), text.rindex(MARK)
    README.write_text(text[:start] + "\n" + "\n".join(lines) + "\n" + text[end:])


def draw(drawn, path):
    """Relative error against time, a panel a case."""
    import matplotlib.pyplot as plt

    names = list(drawn)
    figure, axes = plt.subplots(
        -(-len(names) // 2), 2, figsize=(10, 3 * -(-len(names) // 2)), squeeze=False
    )
    for ax in axes.flat[len(names) :]:
        ax.set_visible(False)
    for ax, name in zip(axes.flat, names, strict=False):
        best = min(e for pair in drawn[name].values() for c in pair for _, e in c)
        for kind, style in (("default", "-"), ("alone", "--"), ("random", ":")):
            for curve, who, colour in zip(
                drawn[name].get(kind, ()),
                ("scikit-learn", "NMF"),
                ("C1", "C0"),
                strict=False,
            ):
                seconds, errors = zip(*curve, strict=True)
                excess = [e / best - 1 + 1e-6 for e in errors]
                ax.loglog(seconds, excess, style, color=colour, label=f"{who}, {kind}")
        ax.set(title=name, xlabel="seconds", ylabel="excess of the error")
    axes.flat[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    sys.exit(main())
