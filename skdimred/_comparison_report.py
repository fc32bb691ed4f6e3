"""A comparison in words: the table at the prompt and the rows in a file."""

import csv
import textwrap

from skdimred._comparison_data import count_of
from skdimred._comparison_run import COLUMNS

__all__ = ["report", "say_seconds", "three_digits", "wrap", "write_rows"]

WIDTH = 79
STEPS = ("fit", "transform")
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


def wrap(text, indent=""):
    """Fold a text to the width of a terminal, never inside a word or a path."""
    return textwrap.fill(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def write_rows(rows, path):
    """Write rows as CSV, None as an empty cell, and return the path."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(rows)
    return path


def report(results, plan, title, notes=()):
    """Everything a reader at the prompt should see, no line wider than 79."""
    said = [*notes, *filter(None, [plan.target.note])]
    parts = ["\n".join([_heading(plan, title), *map(wrap, said)])]
    blocks = [_block(r) for r in results if r.row["status"] != "left out"]
    if blocks:
        blocks[0] = f"{_column_heads(plan)}\n{blocks[0]}"
    left_out = [
        wrap(" ".join(result.notes))
        for result in results
        if result.row["status"] == "left out"
    ]
    return "\n\n".join([*parts, *blocks, *left_out])


def _heading(plan, title):
    """Say what was compared, and how it was scored and timed."""
    rows, columns = plan.X.shape
    what = f"{title}: {count_of(rows, 'row')}, {columns} columns"
    what += " (standardized)" if plan.standardize else " (not standardized)"
    spread = f"mean ± std over {len(plan.splits)} folds"
    if plan.target.codes is None:
        score = f"variance: share of held-out variance reconstructed, {spread}"
    else:
        counts = plan.target.counts
        what += f", {len(counts)} classes"
        score = (
            f"accuracy: of {plan.neighbors} nearest neighbours, {spread} "
            f"(largest class: {counts.max() / rows:.0%})"
        )
    median = f"median of {plan.repeats}" if plan.repeats > 1 else "a single one"
    times = (
        f"times: {median}, both in turn; speed-up: scikit-learn's time over skdimred's"
    )
    return "\n".join(map(wrap, (what, score, times)))


def _line(name, *cells):
    """One line of the table."""
    widths = (17, 13, 10, 12)
    return f"{name:<24}" + "".join(
        f"{cell:>{width}}" for cell, width in zip(cells, widths, strict=True)
    )


def _column_heads(plan):
    score = "variance" if plan.target.codes is None else "accuracy"
    return _line("", score, "components", "fit", "transform")


def _block(result):
    """One estimator and its counterpart, their speeds, subspaces and notes."""
    row = result.row
    lines = [wrap(f"{row['estimator']} and {row['peer']}")]
    for name, prefix in (("skdimred", ""), ("scikit-learn", "peer_")):
        if row[f"{prefix}error"]:
            lines.append(wrap(f"{name} failed: {row[f'{prefix}error']}", "  "))
        if row[f"{prefix}score"] is not None or row[f"{prefix}fit_seconds"]:
            lines.append(_measured(name, prefix, row))
    if row["fit_ratio"]:
        ratios = (
            f"{three_digits(row[f'{step}_ratio'])}x" if row[f"{step}_ratio"] else "-"
            for step in STEPS
        )
        lines.append(_line("  speed-up", "", "", *ratios))
    if row["same_subspace"] is not None:
        k = count_of(row["compared_n_components"], "component")
        same = "yes" if row["same_subspace"] else "no"
        sine = f"sine {row['subspace_sine']:.1g} between them"
        lines.append(f"  same subspace at {k}: {same} ({sine})")
    lines += [wrap(note, "  ") for note in result.notes]
    return "\n".join(lines)


def _measured(name, prefix, row):
    """Give what was measured of one side."""
    score, best = "-", row[f"{prefix}n_components"] or "-"
    if row[f"{prefix}score"] is not None:
        score = f"{row[f'{prefix}score']:.3f} ± {row[f'{prefix}score_std']:.3f}"
    seconds = (say_seconds(row[f"{prefix}{step}_seconds"]) for step in STEPS)
    return _line(f"  {name}", score, best, *seconds)


def say_seconds(seconds):
    """Write a time in the unit that suits it."""
    if seconds is None:
        return "-"
    scale, unit = next((u for u in UNITS if seconds >= u[0]), UNITS[-1])
    return f"{three_digits(seconds / scale)} {unit}"


def three_digits(value):
    """Write a positive number with three digits or more, zeros kept; two if small."""
    if 0 < value < 0.1:
        return f"{value:.2g}"
    return f"{value:.{2 if value < 10 else 1 if value < 100 else 0}f}"
