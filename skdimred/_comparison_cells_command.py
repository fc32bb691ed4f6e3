"""The commands `compare-imputers` and `compare-ratings`."""

import argparse
import csv
import sys
from pathlib import Path

import numpy as np

from skdimred._comparison_cells import compare_imputers, compare_ratings
from skdimred._comparison_data import count_of, name_some, read_table
from skdimred._comparison_report import say_seconds, wrap

__all__ = ["add_cell_commands"]

IMPUTERS = """\
Hold BiasedMFImputer against scikit-learn's imputers. The known cells of a table
are split into folds, and each fold is filled from the others. Prints a table
and writes comparison_imputers.csv.
"""
RATINGS = """\
Hold BiasedMFRegressor against biases alone and, where it is installed, against
Surprise. The ratings are split into folds, and each fold is predicted from the
others. Prints a table and writes comparison_ratings.csv.
"""
EXAMPLES = {
    "imputers": """\
examples:
  python -m skdimred compare-imputers
      the wine data that scikit-learn ships
  python -m skdimred compare-imputers patients.csv --drop id,ward
      a table of your own; an empty cell is an unknown one
""",
    "ratings": """\
example:
  python -m skdimred compare-ratings ratings.csv --ids user,film --rating stars
      one line a rating; without --ids and --rating the first three columns
""",
}
SUMMARIES = {
    "imputers": "hold BiasedMFImputer against the imputers of scikit-learn",
    "ratings": "hold BiasedMFRegressor against biases alone and Surprise",
}


def add_cell_commands(commands):
    """Add both commands to the subparsers of the command line."""
    for name, text in (("imputers", IMPUTERS), ("ratings", RATINGS)):
        parser = commands.add_parser(
            f"compare-{name}",
            help=SUMMARIES[name],
            description=text,
            epilog=EXAMPLES[name],
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        kinds = "a .csv, .tsv or .parquet table with a header"
        if name == "imputers":
            parser.add_argument("data", nargs="?", type=Path, help=kinds)
            parser.add_argument(
                "--drop", metavar="COLUMNS", default="", help="columns to leave out"
            )
        else:
            _add_rating_options(parser, kinds)
        _add_options(parser)
        parser.set_defaults(run=_run, load=_imputers if name == "imputers" else _rated)


def _add_rating_options(parser, kinds):
    parser.add_argument("data", type=Path, help=kinds)
    parser.add_argument(
        "--ids",
        metavar="COLUMNS",
        help="the two columns of ids, as in user,film (default: the first two)",
    )
    parser.add_argument(
        "--rating", metavar="COLUMN", help="the column of ratings (default: the third)"
    )
    parser.add_argument(
        "--n-components",
        metavar="N",
        type=int,
        default=20,
        help="factors of BiasedMFRegressor (default: 20)",
    )
    parser.add_argument(
        "--alpha",
        metavar="PENALTY",
        type=float,
        default=12.0,
        help="penalty of its factors (default: 12)",
    )


def _add_options(parser):
    parser.add_argument(
        "--folds", metavar="N", type=int, default=5, help="number of folds (default: 5)"
    )
    parser.add_argument(
        "--random-state",
        metavar="N",
        type=int,
        default=0,
        help="seed of whatever is drawn (default: 0)",
    )
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=Path(),
        help="where the file goes; made if absent (default: here)",
    )


def _run(options):
    """Load, compare, print and write; 2 where the input is at fault."""
    try:
        key, rows, lines = options.load(options)
        options.out.mkdir(parents=True, exist_ok=True)
        path = options.out / f"comparison_{key}s.csv"
        _write(rows, path)
    except (ValueError, TypeError, OSError, ImportError) as error:
        print(wrap(f"error: {error}"), file=sys.stderr)
        return 2
    name = next(iter(rows[0]))
    print("\n".join(map(wrap, lines)))
    print(f"\n{'':<36}{'error':>10}{'time':>12}")
    for row in rows:
        if row["error"]:
            print(wrap(f"{row[name]} failed: {row['error']}"))
        else:
            seconds = say_seconds(row["seconds"])
            print(f"{row[name]:<36}{row['rmse']:>10.4f}{seconds:>12}")
    print(f"\nWrote {path}")
    return 0 if any(row["error"] is None for row in rows) else 1


def _write(rows, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _imputers(options):
    """Compare imputers; what is said before the table."""
    if options.data is None:
        if options.drop:
            raise ValueError(
                "--drop speaks of a table: give its path, as in 'python -m skdimred "
                "compare-imputers data.csv --drop ...'."
            )
        from sklearn.datasets import load_wine

        X, title, notes = load_wine().data, "scikit-learn's wine data", []
    else:
        frame, notes = read_table(options.data)
        title = options.data.name
        for name in next(csv.reader([options.drop]), []):
            frame = frame.drop(columns=_label(frame, name, options.data))
        X = _numbers(frame, options.data)
    rows = compare_imputers(X, folds=options.folds, random_state=options.random_state)
    known = int(np.isfinite(X).sum())
    lines = [
        f"{title}: {count_of(len(X), 'row')}, {X.shape[1]} columns, {known} known "
        f"cells of {X.size}",
        "error: root of the mean squared error on cells held out, in standard "
        f"deviations of their column, mean over {options.folds} folds",
        "time: to fit and fill, for BiasedMFImputer with the choice of its penalty",
    ]
    return "imputer", rows, [*lines, *notes]


def _rated(options):
    """Compare models of ratings; what is said before the table."""
    frame, notes = read_table(options.data)
    labels = [str(label) for label in frame.columns]
    if len(labels) < 3:
        raise ValueError(
            f"'{options.data}' must have two columns of ids and one of ratings; it has "
            f"{name_some(labels)}."
        )
    if all(_is_number(label) for label in labels[:3]):
        raise ValueError(
            f"The first line of '{options.data}' holds numbers: put a line of column "
            "names before it, such as user,item,rating."
        )
    ids = labels[:2] if options.ids is None else next(csv.reader([options.ids]))
    rating = labels[2] if options.rating is None else options.rating
    if len(set(ids)) != 2 or rating in ids:
        raise ValueError(
            f"--ids must name two columns, and --rating a third; found "
            f"{name_some(ids)} and '{rating}'."
        )
    columns = [_label(frame, name, options.data) for name in (*ids, rating)]
    frame = frame[columns]
    y = _numbers(frame[columns[2:]], options.data)[:, 0]
    without = frame.isna().any(axis=1).to_numpy()
    if without.any():
        notes.append(
            f"{count_of(int(without.sum()), 'line')} without an id or a rating left "
            "out."
        )
        frame, y = frame[~without], y[~without]
    X = frame[columns[:2]].to_numpy()
    rows = compare_ratings(
        X,
        y,
        n_components=options.n_components,
        alpha=options.alpha,
        folds=options.folds,
        random_state=options.random_state,
    )
    counts = [frame[label].nunique() for label in columns[:2]]
    lines = [
        f"{options.data.name}: {count_of(len(y), 'rating')} of {counts[0]} x "
        f"{counts[1]} ids ({ids[0]} x {ids[1]})",
        "error: root of the mean squared error on ratings held out, mean over "
        f"{options.folds} folds; time: to fit",
    ]
    if not any("surprise" in row["model"] for row in rows):
        lines.append("Surprise is not installed: pip install scikit-surprise.")
    return "rating", rows, [*lines, *notes]


def _numbers(frame, path):
    """A frame as float64, NaN where nothing stands."""
    bad = [
        str(label)
        for label in frame.columns
        if frame[label].dtype.kind not in "biuf" and not _all_missing(frame[label])
    ]
    if bad:
        raise ValueError(
            f"Columns of '{path}' that hold no numbers: {name_some(bad)}. Leave them "
            "out, or write numbers in their place."
        )
    return frame.to_numpy(dtype=np.float64, na_value=np.nan)


def _all_missing(column):
    return bool(column.isna().all())


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _label(frame, name, path):
    """The label of a column by its name."""
    labels = {str(label): label for label in frame.columns}
    if name not in labels:
        raise ValueError(
            f"'{path}' has no column '{name}'; it has {name_some(list(labels))}."
        )
    return labels[name]
