"""How a pair of estimators is scored, timed and held side by side.

Whatever one of the two raises ends that one's part and is told in its row; whatever it
warns of is counted. Both sides of a pair see the same folds and the same rows.
"""

import warnings
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from importlib import import_module
from statistics import median
from time import perf_counter

import numpy as np

__all__ = ["COLUMNS", "Result", "Side", "run"]

SAME_SUBSPACE = 1e-6  # sine below which two subspaces count as the same
VARIANCE_WANTED = 0.9  # without classes: the fewest components that keep this share
DEFAULT_GRID = (1, 2, 4, 8, 16, 32, 64)
SHORTEST_TIMING = 0.02  # seconds; quicker calls are timed several at once
MOST_CALLS_AT_ONCE = 50

COLUMNS = (
    *("estimator", "peer", "status", "scoring", "folds", "standardized"),
    *("n_samples", "n_features", "n_classes"),
    *("score", "score_std", "n_components"),
    *("peer_score", "peer_score_std", "peer_n_components"),
    *("fit_seconds", "peer_fit_seconds", "fit_ratio"),
    *("transform_seconds", "peer_transform_seconds", "transform_ratio"),
    *("compared_n_components", "subspace_sine", "same_subspace"),
    *("n_warnings", "peer_n_warnings", "error", "peer_error", "note"),
)


@dataclass
class Side:
    """What was found of one estimator of a pair, up to where it failed if it did."""

    estimator: object = None
    grid: tuple = ()
    means: np.ndarray | None = None
    stds: np.ndarray | None = None
    best: int | None = None
    embedding: np.ndarray | None = None
    warned: list = field(default_factory=list)
    error: str | None = None

    @property
    def n_components(self):
        """The best of the grid."""
        return None if self.best is None else self.grid[self.best]


@dataclass
class Result:
    """A row, and behind it the two sides, from which the picture is drawn."""

    pair: object
    row: dict
    ours: Side = field(default_factory=Side)
    peer: Side = field(default_factory=Side)
    notes: list = field(default_factory=list)

    def sides(self):
        """Each side with the import path of its class."""
        return (self.ours, self.pair.ours), (self.peer, self.pair.peer)

    def alive(self):
        """Sides that have not failed."""
        return [side for side in (self.ours, self.peer) if side.error is None]


def run(pairs, plan, progress=None, embed=False):
    """Compare each of `pairs` as planned; `embed` keeps 2-D embeddings as well."""
    report = progress or (lambda done, total, text: None)
    rows, searched = {}, {}
    results = []
    for done, pair in enumerate(pairs):
        result = Result(pair, _start_row(pair, plan))
        grid, why_not = _grid(result, plan)
        if grid:
            for third, (side, path) in enumerate(result.sides()):
                package = path.partition(".")[0]
                step = f"{pair.name}: grid search, {package}"
                report(3 * done + third, 3 * len(pairs), step)
                if side is result.peer and not pair.peer_transforms:
                    side.estimator = _make(path, dict(pair.params), plan.random_state)
                    result.notes.append(f"{path.split(':')[1]} has no transform.")
                    continue
                # The same search may have been made for an earlier pair.
                key = path, pair.params, pair.non_negative, grid
                if key not in searched:
                    _search(side, path, grid, pair, plan)
                    searched[key] = deepcopy(vars(side))
                vars(side).update(deepcopy(searched[key]))
            report(3 * done + 2, 3 * len(pairs), f"{pair.name}: timing both in turn")
            if pair.non_negative not in rows:
                rows[pair.non_negative] = _standardized(plan, pair)
            _fit_and_time(result, plan, rows[pair.non_negative], embed)
        _finish_row(result, plan, why_not)
        results.append(result)
    return results


def _standardized(plan, pair):
    """All rows as the reducers see them outside the folds."""
    if not plan.standardize:
        return plan.X
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the searches meet the same and record it
        return _scaler(pair).fit_transform(plan.X)


def _scaler(pair):
    """To variance 1, and to mean 0 unless that would make numbers negative."""
    from sklearn.preprocessing import StandardScaler

    return StandardScaler(with_mean=not pair.non_negative)


def _start_row(pair, plan):
    """Row with every key, and the values known before any work."""
    classes = plan.target.classes
    return dict.fromkeys(COLUMNS) | {
        "estimator": pair.name,
        "peer": pair.peer.replace(":", "."),
        "status": "left out",
        "scoring": "accuracy" if classes else "explained variance",
        "folds": len(plan.splits),
        "standardized": plan.standardize,
        "n_samples": plan.X.shape[0],
        "n_features": plan.X.shape[1],
        "n_classes": len(classes) or None,
    }


def _grid(result, plan):
    """Grid of `n_components` that both sides can reach, or none and the reason."""
    if result.pair.needs_y and plan.target.codes is None:
        return (), plan.target.why_none
    if not _is_there(result.pair.peer):
        return (), f"this scikit-learn has no {result.pair.peer.replace(':', '.')}"
    if not result.pair.inverts and plan.target.codes is None:
        return (), "it does not map its coordinates back to rows"
    if result.pair.non_negative and plan.X.min() < 0:
        row, column = np.argwhere(plan.X < 0)[0]
        found = f"{plan.X[row, column]:g} in row {row}, column {column}"
        return (), f"it takes no negative numbers, and there is {found}"
    n_classes, bound = len(plan.target.classes), result.pair.most_classes
    if bound is not None and n_classes > bound:
        return (), f"it takes {bound} classes and the target has {n_classes}"
    most = plan.limit(result.pair)
    if plan.grid is None:
        # As many components as columns reduce nothing and span everything.
        most = min(most, plan.X.shape[1] - 1)
        grid = {k for k in DEFAULT_GRID if k <= most}
        if result.pair.needs_y:  # all that the class means span
            grid.add(min(most, DEFAULT_GRID[-1]))
        return tuple(sorted(grid)), ""
    beyond = [str(k) for k in plan.grid if k > most]
    if len(beyond) == len(plan.grid):
        return (), f"n_components is at most {most} here, below all that were asked for"
    if beyond:
        left = ", ".join(beyond)
        result.notes.append(f"n_components={left} left out: at most {most} here.")
    return tuple(k for k in plan.grid if k <= most), ""


def _is_there(path):
    """Whether a class of 'module:Class' exists, or its module fails to say."""
    module, name = path.split(":")
    try:
        return hasattr(import_module(module), name)
    except ImportError:
        return True


@contextmanager
def _contained(side):
    """Keep what the work on one side raises, and collect what it warns of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            yield
        except Exception as error:
            first_line = (str(error).strip().splitlines() or ["no message"])[0]
            side.error = f"{type(error).__name__}: {first_line}"
    side.warned += [str(warning.message) for warning in caught]


def _search(side, path, grid, pair, plan):
    """Score one estimator on every fold for every `n_components` of the grid."""
    from sklearn.model_selection import GridSearchCV

    with _contained(side):
        params = dict(pair.params)
        params |= dict(pair.own_params) if path == pair.ours else {}
        side.estimator = _make(path, params, plan.random_state)
        supervised = plan.target.codes is not None
        search = GridSearchCV(
            _pipeline(side.estimator, pair, plan),
            {f"reduce__{pair.size}": list(grid)},
            scoring="accuracy" if supervised else _explained_variance,
            cv=plan.splits,
            refit=False,
            error_score="raise",
        ).fit(plan.X, plan.target.codes)
        side.grid = grid
        side.means = search.cv_results_["mean_test_score"]
        side.stds = search.cv_results_["std_test_score"]
        enough = np.flatnonzero(side.means >= VARIANCE_WANTED)
        by_variance = not supervised and len(enough)
        side.best = int(enough[0] if by_variance else side.means.argmax())


def _make(path, params, random_state):
    """Estimator of 'module:Class', seeded where it can be."""
    module, name = path.split(":")
    estimator = getattr(import_module(module), name)(**params)
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=random_state)
    return estimator


def _pipeline(reducer, pair, plan):
    """Scale if asked, reduce, classify if there are classes."""
    from sklearn.base import clone
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import Pipeline

    steps = [("scale", _scaler(pair))] if plan.standardize else []
    steps.append(("reduce", clone(reducer)))
    if plan.target.codes is not None:
        steps.append(("classify", KNeighborsClassifier(plan.neighbors)))
    return Pipeline(steps)


def _explained_variance(pipeline, X, y=None):
    """Share of the variance of held-out rows that their reconstruction explains."""
    from sklearn.metrics import r2_score

    Z = pipeline[:-1].transform(X) if len(pipeline) > 1 else X
    reducer = pipeline[-1]
    back = reducer.inverse_transform(reducer.transform(Z))
    return r2_score(Z, back, multioutput="variance_weighted")


def _fit_and_time(result, plan, Z, embed):
    """Fit both sides to all rows at one `n_components`, and time them in turn."""
    from sklearn.base import clone

    codes, pair = plan.target.codes, result.pair
    k = result.ours.n_components or result.peer.n_components
    result.row["compared_n_components"] = k
    for side in result.alive():
        with _contained(side):
            side.estimator.set_params(**{pair.size: k}).fit(Z, codes)
            if hasattr(side.estimator, "transform"):
                side.estimator.transform(Z)
            if embed and hasattr(side.estimator, "fit_transform"):
                flat = min(2, plan.limit(pair)) + pair.constant
                picture = clone(side.estimator).set_params(**{pair.size: flat})
                found = np.asarray(picture.fit_transform(Z, codes))
                side.embedding = found[:, pair.constant :]
    alive = result.alive()
    fits = [lambda e=side.estimator: e.fit(Z, codes) for side in alive]
    able = [side for side in alive if hasattr(side.estimator, "transform")]
    transforms = [lambda e=side.estimator: e.transform(Z) for side in able]
    for step, sides, calls in (("fit", alive, fits), ("transform", able, transforms)):
        for side, seconds in zip(
            sides, _time_in_turn(calls, plan.repeats), strict=True
        ):
            prefix = "" if side is result.ours else "peer_"
            result.row[f"{prefix}{step}_seconds"] = seconds


def _time_in_turn(calls, repeats):
    """Median seconds of each call, made in turn so that drift meets all alike."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the same were recorded by the fit before
        at_once = [
            int(np.clip(SHORTEST_TIMING / _seconds(call, 1), 1, MOST_CALLS_AT_ONCE))
            for call in calls
        ]
        seconds = [[] for _ in calls]
        for turn in range(repeats):
            order = range(len(calls)) if turn % 2 == 0 else reversed(range(len(calls)))
            for i in order:
                seconds[i].append(_seconds(calls[i], at_once[i]))
    return [median(s) for s in seconds]


def _seconds(call, times):
    """Seconds of one call, the mean over `times` of them."""
    start = perf_counter()
    for _ in range(times):
        call()
    return max(perf_counter() - start, 1e-9) / times


def _compare_subspaces(result):
    """Sine between what the two sides found; None where there is no such thing."""
    from skdimred.metrics import subspace_sine

    pair, k = result.pair, result.row["compared_n_components"]
    if pair.subspace is None or len(result.alive()) < 2:
        return None
    try:
        found = [
            np.asarray(getattr(s.estimator, pair.subspace)) for s in result.alive()
        ]
        ours, peer = ((V.T if pair.as_columns else V)[:k] for V in found)
        return subspace_sine(ours, peer)
    except (AttributeError, ValueError) as error:
        result.notes.append(f"The subspaces could not be compared: {error}")
        return None


def _finish_row(result, plan, why_not):
    """Fill in the row what the two sides found, and say it where it is odd."""
    row = result.row
    if why_not:
        result.notes.append(f"{row['estimator']} is left out: {why_not}.")
    else:
        if result.pair.non_negative and plan.standardize:
            result.notes.append("Columns were given variance 1 and kept their means.")
        row["status"] = "compared" if len(result.alive()) == 2 else "failed"
        row["subspace_sine"] = sine = _compare_subspaces(result)
        row["same_subspace"] = None if sine is None else sine < SAME_SUBSPACE
    for prefix, (side, path) in zip(("", "peer_"), result.sides(), strict=True):
        if why_not:
            break
        row[f"{prefix}error"] = side.error
        row[f"{prefix}n_warnings"] = len(side.warned)
        if side.best is not None:
            row[f"{prefix}score"] = float(side.means[side.best])
            row[f"{prefix}score_std"] = float(side.stds[side.best])
            row[f"{prefix}n_components"] = side.n_components
        if side.warned:
            result.notes.append(_say_warned(path, side.warned))
    for step in ("fit", "transform"):
        ours, peer = row[f"{step}_seconds"], row[f"peer_{step}_seconds"]
        row[f"{step}_ratio"] = peer / ours if ours and peer else None
    row["note"] = " ".join([*result.notes, *filter(None, [plan.target.note])])


def _say_warned(path, warned):
    """How often one side warned, and of what."""
    name = path.replace(":", ".")
    times = "once" if len(warned) == 1 else f"{len(warned)} times"
    kinds = list(dict.fromkeys(warned))
    more = f" (and {len(kinds) - 1} other kinds)" if len(kinds) > 1 else ""
    first = " ".join(kinds[0].split())
    return f"{name} warned {times}: {first[:120]}{more}"
