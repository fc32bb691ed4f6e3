"""The table a comparison starts from: read, checked, and refused by column name."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

__all__ = [
    "Target",
    "UnusableColumns",
    "UnusableTarget",
    "check_features",
    "check_target",
    "read_table",
]

NAMES_SHOWN = 6  # a message naming more columns than this is no longer read


class UnusableColumns(ValueError):
    """Columns that hold no finite numbers; `columns` lists them by name."""

    def __init__(self, message, columns):
        super().__init__(message)
        self.columns = columns


class UnusableTarget(ValueError):
    """Labels that no stratified cross-validation can split."""


@dataclass(frozen=True)
class Target:
    """Class labels as integer codes, or the reason why there are none."""

    codes: np.ndarray | None = None
    classes: tuple = ()
    folds: int = 0
    why_none: str = ""
    note: str = ""

    @property
    def counts(self):
        """Rows in each class, in the order of `classes`."""
        return np.bincount(self.codes, minlength=len(self.classes))


def name_some(names):
    """Quote the first few of many names."""
    shown = ", ".join(f"'{name}'" for name in names[:NAMES_SHOWN])
    more = len(names) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def count_of(count, noun):
    """Say a number with its noun: '1 row', '2 rows'."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def read_table(path):
    """Read a CSV or Parquet file, and say what was done to it besides reading.

    Returns the data frame and a list of notes. OSError, ImportError and ValueError
    carry messages meant for the reader.
    """
    path = Path(path)
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if not path.is_file():
        what = "is a directory" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"'{path}' {what}; give the path of a table.")
    if not {".csv", ".tsv", ".parquet", ".pq"} & set(suffixes):
        raise ValueError(
            f"Cannot tell the format of '{path}' from its name: it must end in .csv, "
            ".tsv, .parquet or .pq (.csv and .tsv may be compressed, as in .csv.gz)."
        )
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            f"Reading '{path}' needs pandas: pip install 'skdimred[compare]'."
        ) from error
    try:
        if {".parquet", ".pq"} & set(suffixes):
            frame = pd.read_parquet(path)
        else:
            frame = _read_text(pd, path, "\t" if ".tsv" in suffixes else ",")
    except ImportError as error:
        raise ImportError(
            f"Reading '{path}' needs pyarrow: pip install 'skdimred[compare]'."
        ) from error
    except ValueError as error:  # pandas' and pyarrow's parse errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"Cannot read '{path}' as a table: {reason}") from error
    if len(frame.columns) and str(frame.columns[0]) in ("Unnamed: 0", ""):
        note = "The first column has no name: it is taken for row names and left out."
        return frame.iloc[:, 1:], [note]
    return frame, []


def _read_text(pd, path, separator):
    """Read delimited text; a lone header with ';' or tabs in it was cut by those."""
    frame = pd.read_csv(path, sep=separator)
    if len(frame.columns) == 1:
        for other in (";", "\t"):
            if other in str(frame.columns[0]):
                return pd.read_csv(path, sep=other)
    return frame


def check_features(X):
    """Return X as a float array (n, p) of finite numbers; X itself is not touched."""
    if hasattr(X, "tocsr"):
        raise TypeError("X is sparse; compare needs a dense table: pass X.toarray().")
    if hasattr(X, "iloc") and hasattr(X, "columns"):
        names, values, faults = _from_frame(X)
    else:
        names, values, faults = _from_array(X)
    faults |= _not_finite(values, names, skip=faults)
    if faults:
        raise UnusableColumns(_say_faults(faults), list(faults))
    n_samples, n_features = values.shape
    if n_features < 2:
        found = f" ({name_some(names)})" if n_features else ""
        raise ValueError(
            f"X has {count_of(n_features, 'usable column')}{found}; there is nothing "
            "to reduce: give at least 2 columns of numbers."
        )
    if n_samples < 4:
        raise ValueError(
            f"X has {count_of(n_samples, 'row')}; cross-validation needs at least 4."
        )
    return values


def _from_array(X):
    """Names, float values (n, p) and no faults yet of anything numpy can read."""
    values = np.asarray(X)
    if values.dtype.kind == "c":
        raise ValueError("X holds complex numbers; pass its real and imaginary parts.")
    if values.dtype != np.float32:
        try:
            values = values.astype(np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"X must hold numbers only ({error}); encode text as numbers or leave "
                "those columns out."
            ) from error
    if values.ndim != 2:
        raise ValueError(
            "X must be a table of shape (n_samples, n_features); found shape "
            f"{values.shape}."
        )
    names = getattr(X, "columns", [f"column {j}" for j in range(values.shape[1])])
    return [str(name) for name in names], values, {}


def _from_frame(X):
    """Names, float values (n, p) and unusable columns, left NaN, of a data frame."""
    single = all(dtype == np.float32 for dtype in X.dtypes)
    values = np.full(X.shape, np.nan, np.float32 if single else np.float64)
    names = [str(name) for name in X.columns]
    faults = {}
    for j, name in enumerate(names):
        column = X.iloc[:, j]
        try:
            if column.dtype != object and column.dtype.kind not in "biuf":
                raise TypeError("a category, a text or a date, whatever it looks like")
            values[:, j] = column.to_numpy(dtype=values.dtype, na_value=np.nan)
        except (TypeError, ValueError):
            faults[name] = _say_not_numeric(column)
    return names, values, faults


def _say_not_numeric(column):
    """Say what a column holds, and show the first value that is no number."""
    kind = {"M": "dates", "m": "durations", "c": "complex numbers"}.get(
        column.dtype.kind, "text"
    )
    if str(column.dtype) == "category":
        kind = "categories"
    odd = (value for value in column.dropna() if not _reads_as_number(value))
    example = next(odd, None)
    return f"holds {kind}" + (f" (as '{str(example)[:20]}')" if example else "")


def _reads_as_number(value):
    """Whether float() takes a value, be it written as text."""
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _not_finite(values, names, skip):
    """Map each column with missing or infinite values to how many it has."""
    faults = {}
    for j in np.flatnonzero(~np.isfinite(values).all(axis=0)):
        if names[j] in skip:
            continue
        missing = int(np.isnan(values[:, j]).sum())
        infinite = int(np.isinf(values[:, j]).sum())
        parts = []
        if missing:
            parts.append(f"misses {missing} of {count_of(len(values), 'value')}")
        if infinite:
            parts.append(f"holds {count_of(infinite, 'infinite value')}")
        faults[names[j]] = " and ".join(parts)
    return faults


def _say_faults(faults):
    """One sentence on every unusable column, and one on what to do."""
    said = [f"'{name}' {fault}" for name, fault in list(faults.items())[:NAMES_SHOWN]]
    if len(faults) > NAMES_SHOWN:
        said.append(f"and {len(faults) - NAMES_SHOWN} more columns likewise")
    remedies = {
        "text": "encode text as numbers (OneHotEncoder, pandas.get_dummies)",
        "categories": "encode categories as numbers (OneHotEncoder)",
        "dates": "turn dates into numbers",
        "durations": "turn durations into numbers",
        "misses": "fill missing values (SimpleImputer) or drop those rows",
        "infinite": "replace infinite values",
    }
    found = " ".join(fault.split(" (as ")[0] for fault in faults.values())
    needed = [remedy for key, remedy in remedies.items() if key in found]
    remedy = "; ".join([*needed, "or leave these columns out"])
    return (
        f"Only columns of finite numbers can be compared: {'; '.join(said)}. "
        f"{remedy[0].upper()}{remedy[1:]}."
    )


def check_target(y, n_samples, folds, name="y"):
    """Return y as a `Target`, its folds lowered to the smallest class if need be."""
    if y is None:
        return _no_classes(n_samples, folds, "it needs a target and none was given")
    values = np.asarray(y)
    if values.ndim == 2 and values.shape[1] == 1:
        values = values.ravel()
    if values.shape != (n_samples,):
        raise ValueError(
            f"{name} must hold one label for each of the {n_samples} rows of X; found "
            f"shape {values.shape}."
        )
    missing = _count_missing(y, values)
    if missing:
        raise ValueError(
            f"{name} misses {missing} of {count_of(n_samples, 'value')}: drop those "
            "rows, or give the missing ones a class of their own."
        )
    if values.dtype == object:
        plain = np.array(values.tolist())
        values = plain if plain.dtype.kind in "biuf" else values.astype(str)
    if values.dtype.kind == "f" and (values != np.floor(values)).any():
        note = (
            f"{name} is continuous, so it is set aside: the estimators that need no "
            "target are compared by the variance they keep."
        )
        return _no_classes(n_samples, folds, "the target is continuous", note)
    classes, codes, counts = np.unique(values, return_inverse=True, return_counts=True)
    return _check_classes(classes.tolist(), codes.ravel(), counts, folds, name)


def _no_classes(n_samples, folds, why, note=""):
    """Say why there are no classes, with at least two rows to hold out in each fold."""
    most = n_samples // 2  # one row has no variance to explain
    if most < folds:
        note = (
            f"{note} {most} folds instead of {folds}: X has {n_samples} rows.".strip()
        )
    return Target(folds=min(folds, most), why_none=why, note=note)


def _count_missing(y, values):
    """How many labels are missing or infinite."""
    if hasattr(y, "isna"):
        missing = int(np.asarray(y.isna()).sum())
    elif values.dtype == object:
        missing = sum(
            v is None or (not isinstance(v, str) and str(v) in ("nan", "NaT", "<NA>"))
            for v in values
        )
    else:
        missing = 0
    if values.dtype.kind == "f":
        missing = int((~np.isfinite(values)).sum())
    return missing


def _check_classes(classes, codes, counts, folds, name):
    """Refuse what no stratified cross-validation can split."""
    if len(classes) < 2:
        raise UnusableTarget(
            f"{name} holds one class only, '{classes[0]}'; give a target with at least "
            "2 classes, or none."
        )
    alone = [classes[k] for k in np.flatnonzero(counts < 2)]
    if alone:
        which = "Class" if len(alone) == 1 else "Classes"
        have = "has only 1 row" if len(alone) == 1 else "have only 1 row each"
        raise UnusableTarget(
            f"{which} {name_some(alone)} of {name} {have}; cross-validation needs at "
            "least 2 in every class: merge or drop such classes. If it is a quantity "
            "or an identifier and no class, compare without a target."
        )
    smallest = int(counts.min())
    note = ""
    if smallest < folds:
        note = (
            f"{smallest} folds instead of {folds}: class "
            f"'{classes[int(counts.argmin())]}' of {name} has {smallest} rows."
        )
    return Target(codes, tuple(classes), min(folds, smallest), note=note)
