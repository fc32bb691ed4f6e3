"""The command line: `python -m skdimred compare` and its kin."""

import argparse
import csv
import os
import shlex
import sys
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from threading import Lock, Timer

from skdimred import __version__
from skdimred._comparison_cells_command import add_cell_commands
from skdimred._comparison_data import (
    UnusableColumns,
    UnusableTarget,
    name_some,
    read_table,
)
from skdimred._comparison_report import report, wrap, write_rows
from skdimred._comparison_run import run
from skdimred.compare import REGISTRY, prepare

__all__ = ["main"]

QUIET_SECONDS = 1.0  # a run shorter than this says nothing about its progress

EPILOG = """\
examples:
  python -m skdimred compare
      the digits that scikit-learn ships, pixels as they are
  python -m skdimred compare penguins.csv --target species --drop island,sex
      a table of your own, classes in the column 'species'
  python -m skdimred compare spectra.parquet --n-components 2,5,10 --out results
      without classes: only what needs none, scored by the variance kept

The score with classes is the accuracy of 5 nearest neighbours in the reduced
space, without classes the share of held-out variance that the reconstruction
explains. Exit status: 0 compared, 1 nothing could be compared, 2 bad input.
"""


def build_parser():
    """Return the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m skdimred",
        description="Dimension reduction beside scikit-learn's own.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="commands", dest="command")
    compare = commands.add_parser(
        "compare",
        help="hold each estimator against its counterpart in scikit-learn",
        description="Hold each estimator against its counterpart in scikit-learn: same "
        "pipeline,\nsame folds, same grid search; then score, speed and subspace. "
        "Prints a table,\nwrites comparison.csv and, with matplotlib, comparison.png.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument(
        "data",
        nargs="?",
        type=Path,
        help="a .csv, .tsv or .parquet table with a header",
    )
    _add_options(compare)
    compare.set_defaults(run=_compare)
    add_cell_commands(commands)
    return parser


def _add_options(compare):
    """Add the options of the command `compare`."""
    data = compare.add_argument_group("the data")
    data.add_argument("--target", metavar="COLUMN", help="the column of class labels")
    data.add_argument(
        "--drop", metavar="COLUMNS", default="", help="columns to leave out: a,b,c"
    )
    data.add_argument(
        "--standardize",
        action=argparse.BooleanOptionalAction,
        help="give every column variance 1 first (default: yes for your table, no for "
        "the digits)",
    )
    how = compare.add_argument_group("the comparison")
    how.add_argument(
        "--n-components",
        metavar="LIST",
        type=_whole_numbers,
        help="the grid to search, as in 2,5,10 (default: 1,2,4,... up to 64)",
    )
    how.add_argument(
        "--folds",
        metavar="N",
        type=int,
        default=5,
        help="folds of the cross-validation (default: 5)",
    )
    how.add_argument(
        "--repeats",
        metavar="N",
        type=int,
        default=7,
        help="timings of each estimator (default: 7)",
    )
    how.add_argument(
        "--random-state",
        metavar="N",
        type=int,
        default=0,
        help="seed of whatever is drawn (default: 0)",
    )
    out = compare.add_argument_group("the output")
    out.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="where the files go; made if absent (default: here)",
    )
    out.add_argument("--no-plot", action="store_true", help="draw no picture")
    out.add_argument("--quiet", action="store_true", help="show no progress on stderr")


def _whole_numbers(text):
    """Numbers of a comma list."""
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a list of whole numbers such as 2,5,10"
        ) from None


def main(argv=None):
    """Run the command line and return its exit status."""
    parser = build_parser()
    options = parser.parse_args(argv)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        return options.run(options)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # a reader such as `head` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _compare(options):
    """Load, check, compare, print and write; 2 where the input is at fault."""
    try:
        data = _load(options)
        plan = prepare(
            data.X,
            data.y,
            n_components=options.n_components,
            folds=options.folds,
            repeats=options.repeats,
            standardize=data.standardize,
            random_state=options.random_state,
            y_name=f"column '{options.target}'",
        )
        options.out.mkdir(parents=True, exist_ok=True)
    except (ValueError, TypeError, OSError, ImportError) as error:
        return _refuse(error, options)
    with _Progress(options.quiet) as progress:
        results = run(REGISTRY, plan, progress, embed=not options.no_plot)
    print(report(results, plan, data.title, data.notes))
    try:
        written = [write_rows([r.row for r in results], options.out / "comparison.csv")]
        if not options.no_plot:
            written += _draw(results, plan, data, options.out / "comparison.png")
    except OSError as error:
        return _refuse(error, options)
    print(f"\nWrote {' and '.join(str(path) for path in written)}")
    return 0 if any(r.row["status"] == "compared" for r in results) else 1


def _refuse(error, options):
    """Say what is wrong with the input and what to do; no traceback."""
    print(wrap(f"error: {error}"), file=sys.stderr)
    # Hints are not folded, so that they can be copied.
    if isinstance(error, UnusableColumns) and len(error.columns) <= 20:
        columns = shlex.quote(",".join(error.columns))
        print(f"To leave them out: --drop {columns}", file=sys.stderr)
        if options.target is None:
            print("To name the column of classes: --target COLUMN", file=sys.stderr)
    if isinstance(error, UnusableTarget):
        column = shlex.quote(options.target)
        print(f"To do without it: --drop {column} and no --target", file=sys.stderr)
    return 2


@dataclass
class _Data:
    """What is compared, and how it is called."""

    X: object
    y: object
    title: str
    standardize: bool
    notes: list


def _load(options):
    """Load the digits, or the user's table cut into columns and target."""
    if options.data is None:
        for name in ("target", "drop"):
            if getattr(options, name):
                raise ValueError(
                    f"--{name} speaks of a table: give its path, as in "
                    f"'python -m skdimred compare data.csv --{name} ...'."
                )
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        return _Data(X, y, "scikit-learn's digits", bool(options.standardize), [])
    frame, notes = read_table(options.data)
    for name in next(csv.reader([options.drop]), []):
        frame = frame.drop(columns=_column(frame, name, options.data))
    y = None
    if options.target is not None:
        target = _column(frame, options.target, options.data)
        y, frame = frame[target], frame.drop(columns=target)
    standardize = options.standardize is not False
    return _Data(frame, y, options.data.name, standardize, notes)


def _column(frame, name, path):
    """Return the label of the column called `name`."""
    labels = {str(label): label for label in frame.columns}
    if name not in labels:
        close = get_close_matches(name, labels, n=1)
        hint = f"did you mean '{close[0]}'? " if close else ""
        raise ValueError(
            f"'{path}' has no column '{name}'; {hint}it has {name_some(list(labels))}."
        )
    return labels[name]


def _draw(results, plan, data, path):
    """Draw the picture, and return its path in a list, empty where there is none."""
    try:
        from skdimred._comparison_figure import draw
    except ImportError:
        print("\nFor the picture: pip install 'skdimred[compare]'")
        return []
    draw(results, plan, data.title, path)
    return [path]


class _Progress:
    """Steps on stderr once a second has passed: a bar of rich, or plain lines."""

    def __init__(self, quiet):
        self.quiet = quiet
        self.bar = self.step = None
        self.shown = False
        self.lock = Lock()
        self.timer = Timer(QUIET_SECONDS, self._start)
        self.timer.daemon = True

    def __enter__(self):
        if not self.quiet:
            self.timer.start()
        return self

    def __exit__(self, *_):
        self.timer.cancel()
        with self.lock:
            if self.bar:
                self.bar.stop()

    def __call__(self, done, total, text):
        """Note the step that begins now."""
        with self.lock:
            self.step = done, total, text
            if self.shown:
                self._show()

    def _start(self):
        """Begin to show, with the step that is under way."""
        with self.lock:
            self.shown = True
            if sys.stderr.isatty():
                self.bar = _rich_bar()
            if self.step:
                self._show()

    def _show(self):
        done, total, text = self.step
        if self.bar:
            self.bar.update(
                self.bar.task_ids[0], completed=done, total=total, step=text
            )
            self.bar.start()  # does nothing once started
            self.bar.refresh()
        else:
            print(f"[{done + 1}/{total}] {text}", file=sys.stderr, flush=True)


def _rich_bar():
    """Return a bar, or None without rich."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ImportError:
        return None
    bar = Progress(
        BarColumn(20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[step]}"),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,  # a thread that redraws would disturb the timings
    )
    bar.add_task("", step="")
    return bar


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        # A terminal that has no sign for a character shows '?' and goes on.
        stream.reconfigure(errors="replace")
    sys.exit(main())
