"""Each estimator of this package beside its counterpart in scikit-learn.

Both go through the same Pipeline, the same folds and the same grid of `n_components`;
then they are timed in turn on the same rows, and the subspaces they found are held
against each other. `compare` does it in Python; `python -m skdimred compare` does it at
a prompt and draws the picture.

`REGISTRY` lists what is compared: an estimator joins by one line.
"""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from skdimred._comparison_cells import compare_imputers, compare_ratings
from skdimred._comparison_data import Target, check_features, check_target
from skdimred._comparison_run import run

__all__ = ["compare", "compare_imputers", "compare_ratings"]


def at_most_rank(n_rows, n_features, n_classes):
    """Return how many components the rank of the data allows."""
    return min(n_rows, n_features)


def at_most_rank_of_rows(n_rows, n_features, n_classes):
    """Return how many axes distances among the rows can have."""
    return min(n_rows - 1, n_features)


def at_most_classes(n_rows, n_features, n_classes):
    """Return how many components the class means allow."""
    return min(n_features, n_classes - 1)


@dataclass(frozen=True)
class Pair:
    """One estimator of ours and its counterpart, each as 'module:Class'.

    `subspace` names the attribute that holds the vectors found, as columns where
    `as_columns`; None where the estimator has no linear subspace. `limit` bounds
    `n_components` from (rows in a fold, features, classes). `params`, as (name, value)
    pairs, go to both, and `own_params` to ours. With more than `most_classes` the pair
    is left out, and without a target where it does not map scores back (`inverts`
    False). A peer that does not transform new rows (`peer_transforms` False) has no
    score. A pair that is `non_negative` is left out for data with a negative number,
    and its columns keep their zero: they are divided by their standard deviation alone.
    `size` is the parameter that `n_components` stands for, and the first `constant`
    columns of an embedding are the same for all rows.
    """

    name: str
    ours: str
    peer: str
    needs_y: bool = False
    subspace: str | None = "components_"
    as_columns: bool = False
    limit: Callable = at_most_rank
    params: tuple = ()
    own_params: tuple = ()
    most_classes: int | None = None
    peer_transforms: bool = True
    inverts: bool = True
    non_negative: bool = False
    size: str = "n_components"
    constant: int = 0


LDA = "sklearn.discriminant_analysis:LinearDiscriminantAnalysis"
REGISTRY = (
    Pair("PCA", "skdimred.decomposition:PCA", "sklearn.decomposition:PCA"),
    Pair(
        "TruncatedSVD",
        "skdimred.decomposition:TruncatedSVD",
        "sklearn.decomposition:TruncatedSVD",
    ),
    Pair(
        "RatioLDA",
        "skdimred.discriminant_analysis:RatioLDA",
        LDA,
        needs_y=True,
        subspace="scalings_",
        as_columns=True,
        limit=at_most_classes,
    ),
    Pair(
        "DifferenceLDA",
        "skdimred.discriminant_analysis:DifferenceLDA",
        LDA,
        needs_y=True,
        # Another problem than the peer's: another subspace.
        subspace=None,
        limit=at_most_classes,
    ),
    Pair(
        "MeanDifferenceLDA",
        "skdimred.discriminant_analysis:MeanDifferenceLDA",
        LDA,
        needs_y=True,
        subspace="scalings_",
        as_columns=True,
        limit=at_most_classes,
        most_classes=2,
    ),
    Pair(
        "PCoA",
        "skdimred.manifold:PCoA",
        "sklearn.manifold:ClassicalMDS",
        subspace="embedding_",
        as_columns=True,
        limit=at_most_rank_of_rows,
        peer_transforms=False,
        inverts=False,
    ),
    # Of the many local minima each finds one, so there is no subspace to agree on.
    *(
        Pair(
            name,
            "skdimred.decomposition:NMF",
            f"sklearn.decomposition:{peer}",
            subspace=None,
            non_negative=True,
        )
        for name, peer in (
            ("NMF", "NMF"),
            ("NMF (MiniBatchNMF)", "MiniBatchNMF"),
            ("NMF (PCA)", "PCA"),
        )
    ),
    Pair(
        "Autoencoder",
        "skdimred.neural_network:Autoencoder",
        # What it begins with, and the best that is linear.
        "sklearn.decomposition:PCA",
        subspace=None,
        # A tenth of the epochs that the default takes.
        own_params=(("tol", 5e-3),),
    ),
    Pair(
        "NcutClustering",
        "skdimred.cluster:NcutClustering",
        "sklearn.cluster:SpectralClustering",
        subspace=None,
        limit=at_most_rank_of_rows,
        # The default kernel of the peer vanishes on many tables.
        params=(("affinity", "nearest_neighbors"),),
        peer_transforms=False,
        inverts=False,
        size="n_clusters",
        constant=1,
    ),
)


def compare(
    X,
    y=None,
    *,
    n_components=None,
    folds=5,
    repeats=7,
    standardize=True,
    random_state=0,
    progress=None,
):
    """Compare every estimator here with its counterpart in scikit-learn.

    Each of the two is put into the same `Pipeline` and its `n_components` is chosen by
    the same grid search over the same folds. With classes, the score is the accuracy
    of 5 nearest neighbours in the reduced space: that classifier knows nothing but
    distances between embedded rows, has nothing to tune and no chance in it, so the
    score speaks of the embedding. (A linear classifier would undo any rotation and
    scaling, and so hide what they do.) Without classes, estimators that need them are
    left out, and the score is the share of the held-out rows' variance that the
    reconstruction explains; as it only grows with `n_components`, the fewest
    components that reach 0.9 are taken, or the most if none do.

    At the `n_components` that ours chose, both are then fitted to all rows: timed in
    turn within this process, and their subspaces compared.

    Parameters
    ----------
    X : array-like or data frame of shape (n_samples, n_features)
        Finite numbers, at least 4 rows and 2 columns. Never modified.
    y : array-like of shape (n_samples,), default=None
        Class labels of any kind, at least 2 rows in each class. A continuous target
        is set aside, and the comparison made as if there were none.
    n_components : int or sequence of int, default=None
        The grid, each at least 1. Values that an estimator cannot reach, on any fold,
        are left out for it; for clusterings it is the number of clusters. None takes
        1, 2, 4, ... 64 as far as they are in reach and below `n_features`, and the
        number of classes less one for discriminants.
    folds : int, default=5
        At least 2. Lowered to the size of the smallest class, which `note` then says.
    repeats : int, default=7
        At least 1. Timings of each estimator; the median is kept.
    standardize : bool, default=True
        Whether a `StandardScaler` comes first; for NMF, one that takes off no mean.
        Turn it off where all features share one unit, such as pixels.
    random_state : int or None, default=0
        Shuffles the folds, and seeds the estimators that draw at random.
    progress : callable, default=None
        Called as ``progress(done, total, text)`` before each step; `print` will do.

    Returns
    -------
    list of dict
        One row an estimator, with the same keys in each, so that
        ``pandas.DataFrame(rows)`` is a table. What does not apply is None.

        - ``estimator``, ``peer``: its name, and its counterpart's import path.
        - ``status``: "compared", "failed" (see ``error``, ``peer_error``) or
          "left out" (see ``note``).
        - ``scoring``: "accuracy" or "explained variance"; ``folds``,
          ``standardized``, ``n_samples``, ``n_features``, ``n_classes``.
        - ``score``, ``score_std``, ``n_components``: mean and standard deviation over
          the folds at the best `n_components`; ``peer_score``, ... the counterpart's.
        - ``fit_seconds``, ``transform_seconds``, ``peer_fit_seconds``, ...: medians;
          ``fit_ratio``, ``transform_ratio``: the counterpart's time divided by ours,
          above 1 where ours is faster.
        - ``compared_n_components``: how many components were timed and compared;
          ``subspace_sine``: sine of the largest angle between the two subspaces;
          ``same_subspace``: whether it is below 1e-6.
        - ``n_warnings``, ``peer_n_warnings``: warnings raised and held back.
        - ``note``: whatever else a reader should know, in plain words.

    Raises
    ------
    ValueError
        If `X` has columns of text, missing or infinite values (the message names
        them), or too few rows or columns; if `y` misses values or has a class with a
        single row; if an argument is out of its range. Raised before any fit. An
        estimator that fails later is a row of status "failed".
    TypeError
        If `X` is sparse, or another argument has the wrong type.

    See Also
    --------
    skdimred.metrics.subspace_sine : The measure behind ``subspace_sine``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdimred.compare import compare
    >>> X, y = load_iris(return_X_y=True)
    >>> rows = compare(X, y, n_components=[1, 2], folds=3, repeats=1)
    >>> for row in rows[:5]:
    ...     print(row["estimator"], row["n_components"], row["status"])
    PCA 2 compared
    TruncatedSVD 2 compared
    RatioLDA 1 compared
    DifferenceLDA 1 compared
    MeanDifferenceLDA None left out
    """
    if progress is not None and not callable(progress):
        raise TypeError(f"progress must be callable or None; found {progress!r}.")
    plan = prepare(
        X,
        y,
        n_components=n_components,
        folds=folds,
        repeats=repeats,
        standardize=standardize,
        random_state=random_state,
    )
    return [result.row for result in run(REGISTRY, plan, progress)]


@dataclass(frozen=True)
class Plan:
    """A comparison with every argument checked and nothing fitted yet."""

    X: np.ndarray
    target: Target
    splits: list
    grid: tuple | None
    repeats: int
    standardize: bool
    random_state: int | None

    @property
    def smallest_fold(self):
        """Rows in the smallest training set."""
        return min(len(train) for train, _ in self.splits)

    @property
    def neighbors(self):
        """Neighbours that classify a row: scikit-learn's default, or all there are."""
        return min(5, self.smallest_fold)

    def limit(self, pair):
        """Return the most components `pair` can have on every fold."""
        return pair.limit(self.smallest_fold, self.X.shape[1], len(self.target.classes))


def prepare(
    X, y, *, n_components, folds, repeats, standardize, random_state, y_name="y"
):
    """Check all arguments of `compare` and fix the folds."""
    grid = n_components
    if grid is not None:
        grid = np.ravel(grid).tolist()
        if not grid:
            raise ValueError("n_components is empty; give at least one number.")
        grid = tuple(sorted({_check_int(k, "n_components", 1) for k in grid}))
    folds = _check_int(folds, "folds", 2)
    repeats = _check_int(repeats, "repeats", 1)
    if not isinstance(standardize, bool | np.bool_):
        raise TypeError(f"standardize must be True or False; found {standardize!r}.")
    if random_state is not None:
        random_state = _check_int(random_state, "random_state", 0, 2**32 - 1)
    X = check_features(X)
    target = check_target(y, len(X), folds, name=y_name)
    splits = _fix_folds(len(X), target, random_state)
    return Plan(X, target, splits, grid, repeats, bool(standardize), random_state)


def _check_int(value, name, least, most=None):
    """Return a whole number within its bounds."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be a whole number; found {value!r}.")
    if value < least:
        raise ValueError(f"{name} must be at least {least}; found {value}.")
    if most is not None and value > most:
        raise ValueError(f"{name} must be at most {most}; found {value}.")
    return int(value)


def _fix_folds(n_samples, target, random_state):
    """Draw the (train, test) indices that every search will use."""
    from sklearn.model_selection import KFold, StratifiedKFold

    kind = KFold if target.codes is None else StratifiedKFold
    cv = kind(target.folds, shuffle=True, random_state=random_state)
    return list(cv.split(np.empty((n_samples, 1)), target.codes))
