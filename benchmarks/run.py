"""Time our estimators beside their peers, with accuracy and memory, and print a table.

    python benchmarks/run.py                 # every case, about ten minutes
    python benchmarks/run.py --only ORL      # cases whose name holds ORL
    python benchmarks/run.py --readme        # also rewrite the table in README.md

With --only and --readme the other rows stay as they were.

Ours and the peer are fitted in turn in one process, so that a drifting clock hits both.
Three settings are timed: one BLAS thread (CPU time, what the work costs), default
threads (wall time, what users wait) and default threads beside a busy process. The
accuracy is the sine of the largest angle to a reference subspace. Peak memory beyond
the data is read in a process of its own. Results go to benchmarks/results,
and a choice of the cases to README.md.
"""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
import scipy
import sklearn
from cases import CASES, Case
from ratings import file_cases, held_out_error
from sklearn.metrics import normalized_mutual_info_score
from threadpoolctl import threadpool_info, threadpool_limits

import skdimred
from skdimred.metrics import subspace_sine

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
MARK = "<!-- benchmarks: printed by benchmarks/run.py -->"
REPEATS = 5
BUSY_SECONDS = 600
SETTLE_SECONDS = 0.1


def main(argv=None):
    arguments = _parser().parse_args(argv)
    if arguments.memory:
        print(_extra_memory(*arguments.memory))
        return
    if arguments.ratings:
        CASES.extend(file_cases(Case, arguments.ratings))
    cases = [c for c in CASES if arguments.only.lower() in c.name.lower()]
    if not cases:
        sys.exit(f"No case has {arguments.only!r} in its name.")
    records = []
    for case in cases:
        print(case.name, flush=True)
        record = run(case, arguments.repeats)
        records += record
        for row in record:
            print("   ", _one_line(row), flush=True)
    print("\n" + table(records))
    if arguments.readme or not arguments.only:
        records = _merged(records)
        path = _save(records)
        print(f"\nWrote {path.relative_to(HERE.parent)}")
    if arguments.readme:
        _rewrite_readme(records)


def _parser():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="TEXT", help="part of a name")
    parser.add_argument("--repeats", type=int, default=REPEATS, metavar="N")
    parser.add_argument("--readme", action="store_true", help="rewrite its table")
    parser.add_argument("--ratings", metavar="FILE", help="ratings, as in u.data")
    parser.add_argument(
        "--memory", nargs=2, metavar=("CASE", "WHO"), help=argparse.SUPPRESS
    )
    return parser


def run(case, repeats):
    """Records of one case, one a peer."""
    X, y = case.data()
    truth = case.reference() if case.reference else None
    rows = []
    for peer, make_peer in case.peers.items():
        row = {"case": case.name, "peer": peer, "goal": case.goal[peer]}
        row["measure"] = case.measure
        makers = {"ours": case.ours, "theirs": make_peer}
        for setting, limit, busy in (
            ("one_thread", 1, False),
            ("default", None, False),
            ("busy", None, True),
        ):
            with _threads(limit), _busy_process(busy):
                times = case.repeats or repeats
                row[setting] = _alternate(makers, X, y, case.loops, times)
        for who, make in makers.items():
            compared = truth is not None and (who == "ours" or case.peer_solves_it)
            measure = MEASURES[case.measure]
            row[f"sine_{who}"] = measure(make, X, y, truth) if compared else None
            if case.memory:
                row[f"memory_{who}"] = _memory_in_a_process(case.name, who, peer)
        rows.append(row)
    return rows


@contextmanager
def _threads(limit):
    if limit is None:
        yield
    else:
        with threadpool_limits(limit):
            yield


@contextmanager
def _busy_process(wanted):
    """One process that keeps a core busy, for a bounded time."""
    if not wanted:
        yield
        return
    code = "import time; end = time.time() + %d\nwhile time.time() < end: pass"
    code %= BUSY_SECONDS
    process = subprocess.Popen([sys.executable, "-c", code])
    try:
        time.sleep(0.3)
        yield
    finally:
        process.kill()
        process.wait()


def _alternate(makers, X, y, loops, repeats):
    """Median CPU and wall seconds of a fit, and the median ratios, in turn."""
    cpu, wall = {who: [] for who in makers}, {who: [] for who in makers}
    for repeat in range(repeats + 1):
        for who, make in makers.items():
            # BLAS workers that have just finished for one side spin on for a while,
            # and would take a core from the other.
            time.sleep(SETTLE_SECONDS)
            wall_start, cpu_start = time.perf_counter(), time.process_time()
            for _ in range(loops):
                _fit(make(), X, y)
            if repeat:  # the first round warms up
                wall[who].append((time.perf_counter() - wall_start) / loops)
                cpu[who].append((time.process_time() - cpu_start) / loops)
    result = {}
    for clock, seconds in (("cpu", cpu), ("wall", wall)):
        pairs = zip(seconds["theirs"], seconds["ours"], strict=True)
        result[f"{clock}_ratio"] = median(t / o for t, o in pairs)
        for who in makers:
            result[f"{clock}_{who}"] = median(seconds[who])
    return result


def _fit(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(X) if y is None else estimator.fit(X, y)


def _sine(make, X, y, truth):
    """Sine of the largest angle between the fitted subspace and the truth."""
    fitted = _fit(make(), X, y)
    if hasattr(fitted, "components_"):
        found = fitted.components_
    elif hasattr(fitted, "scalings_"):
        found = fitted.scalings_.T
    else:
        return None
    return subspace_sine(found[: len(truth)], truth)


def _lost(make, X, y, truth):
    """Share of the energy that the truth captures and the fit does not."""
    V = _fit(make(), X, y).components_
    return 1 - float(np.sum((X @ V.T) ** 2) / np.sum((X @ truth.T) ** 2))


def _displaced(make, X, y, truth):
    """Largest difference of a coordinate, over the largest coordinate."""
    found = _fit(make(), X, y).embedding_
    signs = np.sign(np.sum(found * truth, axis=0))
    return float(np.abs(found * signs - truth).max() / np.abs(truth).max())


def _misfit(make, X, y, truth):
    """1 - r^2 of the best rotation and scaling onto the true points (Procrustes)."""
    found = _fit(make(), X, y).embedding_
    found, truth = found - found.mean(axis=0), truth - truth.mean(axis=0)
    overlap = np.linalg.svd(found.T @ truth, compute_uv=False).sum()
    return float(1 - overlap**2 / np.sum(found**2) / np.sum(truth**2))


def _test_error(make, X, y, rows):
    """Mean squared error of rows that the fit has not seen."""
    fitted = _fit(make(), X, y)
    if hasattr(fitted, "rebuild"):
        rebuilt = fitted.rebuild(rows)
    else:
        rebuilt = fitted.inverse_transform(fitted.transform(rows))
    return float(np.mean((rebuilt - rows) ** 2))


def _held_out(make, X, y, truth):
    """Error on cells that were held out."""
    return held_out_error(_fit(make(), X, y), X, truth)


def _misgrouped(make, X, y, truth):
    """1 - the normalised mutual information of the clusters and the classes."""
    labels = _fit(make(), X, y).labels_
    return 1 - float(normalized_mutual_info_score(truth, labels))


MEASURES = {
    "sine": _sine,
    "lost energy": _lost,
    "coordinates": _displaced,
    "procrustes": _misfit,
    "test error": _test_error,
    "held-out error": _held_out,
    "classes": _misgrouped,
}


def _memory_in_a_process(name, who, peer):
    who = peer if who == "theirs" else who
    command = [sys.executable, __file__, "--memory", name, who]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    return float(out.stdout) if out.returncode == 0 else None


def _extra_memory(name, who):
    """Peak resident bytes of a fit beyond what was resident before it (Linux)."""
    case = next(c for c in CASES if c.name == name)
    X, y = case.data()
    make = case.ours if who == "ours" else case.peers[who]
    # A fit of something small first, so that libraries and thread pools are there.
    _fit(type(make())(), np.random.default_rng(0).random((60, 4)), np.arange(60) % 3)
    Path("/proc/self/clear_refs").write_text("5")
    before = _status("VmRSS")
    _fit(make(), X, y)
    return max(0, _status("VmHWM") - before)


def _status(field):
    text = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(rf"{field}:\s+(\d+)", text)[1])


def _one_line(row):
    parts = [f"{row['peer']:14}"]
    for setting, clock in (
        ("one_thread", "cpu"),
        ("default", "wall"),
        ("busy", "wall"),
    ):
        r = row[setting]
        parts.append(
            f"{setting} {r[f'{clock}_ratio']:.2f}x ({r[f'{clock}_ours']:.3g} s)"
        )
    own = row["default"]["wall_ours"] / row["one_thread"]["wall_ours"]
    busy = row["busy"]["wall_ours"] / row["one_thread"]["wall_ours"]
    parts.append(f"own default/one {own:.2f} busy/one {busy:.2f}")
    parts.append(f"{row['measure']} {_both(row, ' v ')}")
    parts.append(f"MB {_megabytes(row, ' v ')}")
    return " | ".join(parts)


def _both(row, between):
    """Accuracy of both sides; errors in the unit of the data with three digits."""
    measures = {"held-out error": ".3f", "classes": ".3f", "test error": ".2e"}
    digits = measures.get(row.get("measure"), ".0e")
    both = row["sine_ours"], row["sine_theirs"]
    return between.join("-" if x is None else f"{x:{digits}}" for x in both)


def _megabytes(row, between):
    both = [row.get(f"memory_{who}") for who in ("ours", "theirs")]
    return between.join("-" if m is None else f"{m / 1e6:.0f}" for m in both)


def table(records):
    """The README's table, in Markdown."""
    lines = [
        "| case | peer | one thread, CPU | default threads | beside a busy process "
        "| sine, ours / peer | extra MB, ours / peer |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in records:
        ratios = [
            f"{row[s][f'{c}_ratio']:.1f}x"
            for s, c in (("one_thread", "cpu"), ("default", "wall"), ("busy", "wall"))
        ]
        sines = _both(row, " / ")
        cells = [row["case"], row["peer"], *ratios, sines, _megabytes(row, " / ")]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _versions():
    blas = [i for i in threadpool_info() if i["user_api"] == "blas"]
    return {
        "skdimred": skdimred.__version__,
        "scikit-learn": sklearn.__version__,
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "blas": sorted({f"{i['internal_api']} {i['version']}" for i in blas}),
    }


def _merged(records):
    """The records of all cases, old ones where a case was not run now."""
    path = HERE / "results" / f"{skdimred.__version__}.json"
    old = json.loads(path.read_text())["records"] if path.exists() else []
    new = {(row["case"], row["peer"]): row for row in old + records}
    return [
        new[case.name, peer]
        for case in CASES
        for peer in case.peers
        if (case.name, peer) in new
    ]


def _save(records):
    path = HERE / "results" / f"{skdimred.__version__}.json"
    path.parent.mkdir(exist_ok=True)
    content = {"versions": _versions(), "records": records}
    path.write_text(json.dumps(content, indent=1) + "\n")
    path.with_suffix(".md").write_text(table(records) + "\n")
    return path


def _rewrite_readme(records):
    text = README.read_text()
    shown = {case.name for case in CASES if case.in_readme}
    records = [row for row in records if row["case"] in shown]
    start, end = text.index(MARK), text.rindex(MARK)
    README.write_text(
        text[: start + len(MARK)] + "\n" + table(records) + "\n" + text[end:]
    )
    print("Rewrote the table in README.md")


if __name__ == "__main__":
    main()
