"""Biased factors beside other ways to fill a table and to predict ratings."""

import warnings
from importlib.util import find_spec
from time import perf_counter

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import KFold

from skdimred._cells import Cells
from skdimred.decomposition import BiasedMFCV, BiasedMFImputer, BiasedMFRegressor
from skdimred.model_selection import CellKFold

__all__ = ["compare_imputers", "compare_ratings"]


def compare_imputers(X, *, folds=5, random_state=0):
    """Hold `BiasedMFImputer` against scikit-learn's imputers, on cells held out.

    Columns are put to mean 0 and variance 1 by the cells that are known to the
    imputers, so that errors of all columns count alike: an error of 1 is that of the
    column means. The penalty and the number of factors of ours are chosen by
    `BiasedMFCV` on these cells alone, which counts as its time; the others have their
    defaults.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Numbers, NaN where unknown; whole tables will do.
    folds : int, default=5
        Parts into which the known cells are split, each held out once; at least 2.
    random_state : int, default=0
        Draws the folds, and seeds the imputers.

    Returns
    -------
    list of dict
        For each imputer ``imputer``, its name; ``rmse``, the mean over the folds of the
        root of the mean squared error on the cells held out, in standard deviations of
        their column; ``seconds``, the mean time to fit and fill; ``error``, what it
        raised, or None. By increasing error.

    Raises
    ------
    ValueError
        If X has fewer than two columns, or an infinite value.

    See Also
    --------
    compare_ratings : The same for ratings.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skdimred.compare import compare_imputers
    >>> rows = compare_imputers(load_wine().data, folds=3)
    >>> [row["imputer"] for row in rows][-1]
    'SimpleImputer'
    """
    X = np.array(X, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] < 2:
        raise ValueError(f"X must have at least two columns; found shape {X.shape}.")
    cells = Cells.from_matrix(X)
    found = {name: ([], [], []) for name in _imputers(random_state)}
    for train, test in CellKFold(folds, random_state=random_state).split(cells):
        known = cells[train]
        gaps = np.full(X.shape, np.nan)
        gaps[known.rows, known.columns] = known.values
        gaps, scaled = _standardized(gaps, X)
        held = cells.rows[test], cells.columns[test]
        for name, imputer in _imputers(random_state).items():
            errors, seconds, raised = found[name]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    start = perf_counter()
                    full = imputer(gaps)
                    seconds.append(perf_counter() - start)
                error = full[held] - scaled[held]
                errors.append(float(np.sqrt(np.mean(error**2))))
            except Exception as error:
                raised.append(f"{type(error).__name__}: {error}")
    return _rows("imputer", found)


def _standardized(gaps, X):
    """Both tables by mean and deviation of the columns of the first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a column may have no cell left
        mean, deviation = np.nanmean(gaps, axis=0), np.nanstd(gaps, axis=0)
    mean = np.nan_to_num(mean)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return (gaps - mean) / deviation, (X - mean) / deviation


def _imputers(random_state):
    """Functions that fill a table, by name."""
    # Without it scikit-learn does not give out its IterativeImputer.
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401
    from sklearn.impute import IterativeImputer, KNNImputer, SimpleImputer

    def ours(gaps):
        n, p = gaps.shape
        most = min(20, max(1, min(n, p) // 2))
        numbers = sorted({1, max(1, most // 2), most})
        cv = BiasedMFCV(numbers, alphas=8, cv=3, random_state=random_state).fit(gaps)
        best = BiasedMFImputer(
            cv.n_components_, alpha=cv.alpha_, random_state=random_state
        )
        return best.fit_transform(gaps)

    keep = {"keep_empty_features": True}
    theirs = {
        "KNNImputer": KNNImputer(**keep),
        "IterativeImputer": IterativeImputer(random_state=random_state, **keep),
        "SimpleImputer": SimpleImputer(**keep),
    }
    fits = {name: peer.fit_transform for name, peer in theirs.items()}
    return {"BiasedMFImputer": ours, **fits}


def compare_ratings(X, y, *, n_components=20, alpha=12.0, folds=5, random_state=0):
    """Hold `BiasedMFRegressor` against Surprise's models, where that is installed.

    All see the same folds of the ratings. Surprise's models have their defaults.

    Parameters
    ----------
    X : array-like of shape (n_samples, 2)
        Ids of rows and columns, such as people and films.
    y : array-like of shape (n_samples,)
        Ratings.
    n_components : int, default=20
        Factors of `BiasedMFRegressor`.
    alpha : float, default=12.0
        Its penalty; that of the biases is half of it, at most 5.
    folds : int, default=5
        At least 2.
    random_state : int, default=0
        Shuffles the folds, and seeds the models.

    Returns
    -------
    list of dict
        For each model ``model``, its name; ``rmse``, mean over the folds; ``seconds``
        of a fit; ``error``, what it raised, or None. By increasing error.

    Raises
    ------
    ValueError
        If X has not two columns, or another length than y, or y is not finite.

    See Also
    --------
    compare_imputers : The same for tables.

    Examples
    --------
    >>> import numpy as np
    >>> from skdimred.compare import compare_ratings
    >>> rng = np.random.default_rng(0)
    >>> X = rng.integers(0, 30, (600, 2))
    >>> y = X[:, 0] % 5 + rng.random(600)
    >>> rows = compare_ratings(X, y, n_components=2, alpha=1.0, folds=3)
    >>> "BiasedMFRegressor" in [row["model"] for row in rows]
    True
    """
    X, y = np.asarray(X), np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or X.shape[1] != 2 or y.shape != X.shape[:1]:
        raise ValueError(
            "X must have two columns of ids, and y a rating for each row; found shapes "
            f"{X.shape} and {y.shape}."
        )
    if not np.isfinite(y).all():
        i = int(np.argmax(~np.isfinite(y)))
        raise ValueError(f"y must be finite; found {y[i]} in row {i}.")
    settings = {"alpha_bias": min(5.0, alpha / 2), "random_state": random_state}
    biases = BiasedMFRegressor(0, alpha=min(5.0, alpha), random_state=random_state)
    models = {
        "BiasedMFRegressor": BiasedMFRegressor(n_components, alpha=alpha, **settings),
        "BiasedMFRegressor, biases alone": biases,
    }
    if find_spec("surprise"):
        models["surprise SVD"] = _Surprise("SVD", random_state)
        models["surprise BaselineOnly"] = _Surprise("BaselineOnly", random_state)
    found = {name: ([], [], []) for name in models}
    splitter = KFold(folds, shuffle=True, random_state=random_state)
    for train, test in splitter.split(X):
        for name, model in models.items():
            errors, seconds, raised = found[name]
            try:
                model = model if isinstance(model, _Surprise) else clone(model)
                start = perf_counter()
                model.fit(X[train], y[train])
                seconds.append(perf_counter() - start)
                guess = model.predict(X[test])
                errors.append(float(np.sqrt(np.mean((guess - y[test]) ** 2))))
            except Exception as error:
                raised.append(f"{type(error).__name__}: {error}")
    return _rows("model", found)


class _Surprise:
    """One of Surprise's models, by ids."""

    def __init__(self, name, random_state):
        self.name, self.random_state = name, random_state

    def fit(self, X, y):
        import surprise

        reader = surprise.Reader(rating_scale=(float(y.min()), float(y.max())))
        data = surprise.Dataset(reader)
        ratings = zip(X.tolist(), y.tolist(), strict=True)
        data = data.construct_trainset([(u, i, r, None) for (u, i), r in ratings])
        seeded = {"random_state": self.random_state} if self.name == "SVD" else {}
        if self.name == "BaselineOnly":
            seeded["verbose"] = False
        self.model = getattr(surprise, self.name)(**seeded).fit(data)

    def predict(self, X):
        return np.array([self.model.predict(u, i).est for u, i in X.tolist()])


def _rows(key, found):
    """Means over the folds; what failed comes last."""
    rows = [
        {
            key: name,
            "rmse": float(np.mean(errors)) if errors and not raised else None,
            "seconds": float(np.mean(seconds)) if errors and not raised else None,
            "error": raised[0] if raised else None,
        }
        for name, (errors, seconds, raised) in found.items()
    ]
    return sorted(rows, key=lambda r: np.inf if r["rmse"] is None else r["rmse"])
