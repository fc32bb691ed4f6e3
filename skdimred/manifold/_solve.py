"""From distances to coordinates, by the route that suits them."""

import warnings
from dataclasses import dataclass

import numpy as np

from skdimred.decomposition import PCA
from skdimred.numerics.axes import (
    EPS,
    ZERO,
    Axes,
    cailliez_constant,
    dense_axes,
    iterative_axes,
    lowest_value,
)
from skdimred.numerics.centering import CenteredSquares, double_centered
from skdimred.numerics.landmarks import landmark_axes
from skdimred.numerics.signs import fix_signs

__all__ = ["Solved", "choose_solver", "solve_distances", "solve_euclidean", "solve_few"]

# Points up to which all eigenvalues are found at once, and the share of them from which
# that is cheaper than the leading ones.
DENSE, SHARE = 500, 1 / 20
# Points up to which no iteration makes sense.
TINY = 5
# Points up to which the lowest eigenvalue, to all digits, is found by a dense solver.
DENSE_LOWEST = 1500
# Axes at which the search for a share of the trace begins.
FIRST = 10
LOWEST_TOL = 0.03


@dataclass
class Solved:
    """Coordinates, and what else there is to tell.

    Attributes
    ----------
    embedding : ndarray of shape (n, k)
    values : ndarray of shape (k,)
        Eigenvalues in units of `unit` squared, corrected if asked for; 0 where there is
        no axis.
    lowest, trace : float
        Before any correction, in the same unit.
    corrected_trace : float
    constant : float
        Of the correction: added to distances (in their unit), or half of what is added
        to their squares (in its square).
    unit : float
    solver : str
    residual : float
    n_negative : int or None
    passes : int
    coef, intercept : ndarray of shape (n, k), (k,), or None
        Coordinates of a new row are ``squares @ coef + intercept``.
    converged : bool
    pca : tuple of PCA and signs, or None
        For the Euclidean distance, instead of `coef`.
    """

    embedding: np.ndarray
    values: np.ndarray
    lowest: float
    trace: float
    corrected_trace: float
    constant: float
    unit: float
    solver: str
    residual: float
    n_negative: int | None
    passes: int
    coef: np.ndarray | None = None
    intercept: np.ndarray | None = None
    converged: bool = True
    pca: tuple | None = None


def choose_solver(n, n_components, held):
    """Choose "dense", "lanczos" or "krylov" for ``eigen_solver="auto"``.

    "dense" up to 500 points, if all axes are wanted, or more than one in 20 of them;
    otherwise "lanczos" where the squared distances are held in memory, so that a
    product with one vector costs little more than to read them, and "krylov", which
    needs fewer passes, where they are read from disk or taken anew from the rows.

    Parameters
    ----------
    n : int
    n_components : int, float or None
    held : bool
    """
    many = isinstance(n_components, int) and n_components > SHARE * n
    if n <= DENSE or n_components is None or many:
        return "dense"
    return "lanczos" if held else "krylov"


def wanted(n_components, trace):
    """From eigenvalues in descending order, how many are kept."""

    def count(values):
        positive = int(np.count_nonzero(values > 0))
        if n_components is None:
            return max(1, positive)
        if isinstance(n_components, int):
            return n_components
        reached = np.cumsum(values) >= n_components * trace * (1 - 1e-12)
        kept = int(np.argmax(reached)) + 1 if reached.any() else positive
        return max(1, min(positive, kept))

    return count


def solve_distances(squares, n_components, correction, sample_weight, solver, tol, rng):
    """Solve for squared distances among all points.

    Parameters
    ----------
    squares : Squares
    n_components : int, float or None
    correction : {None, "lingoes", "cailliez"}
    sample_weight : ndarray of shape (n,) or None
    solver : {"auto", "dense", "lanczos", "krylov"}
    tol : float
    rng : numpy.random.Generator

    Returns
    -------
    Solved
    """
    n = squares.n
    if solver == "auto":
        solver = choose_solver(n, n_components, squares.matrix is not None)
    k = n_components
    if k is None or n < TINY or (isinstance(k, int) and k > n - 2):
        # What leaves an iteration nothing to leave out.
        solver = "dense"
    too_many = squares.matrix is None and squares.distances is None and n > DENSE
    if solver == "dense" and too_many:
        raise ValueError(
            f"n_components={n_components!r} takes all eigenvalues of a {n} x {n} "
            "matrix, more than scikit-learn's working_memory holds: give a number of "
            "components, n_landmarks, or raise it with sklearn.set_config."
        )

    def axes(lowest_tol):
        operator = CenteredSquares(squares.blocks, n, sample_weight)
        means, trace = operator.moments()
        found = _axes(
            operator, squares, n_components, trace, solver, tol, rng, lowest_tol
        )
        return found, means, trace

    points, constant = None, 0.0
    if correction is not None:
        points = squares.distinct()
        if sample_weight is not None:
            points = points[sample_weight[points] > 0]
    free = correction == "lingoes" and sample_weight is None and len(points) == n
    if correction is None or free:
        found, means, trace = axes(0.0 if free else LOWEST_TOL)
        lowest, corrected, n_negative = found.lowest, trace, found.n_negative
    else:
        _, trace = CenteredSquares(squares.blocks, n, sample_weight).moments()
        lowest, constant, n_negative = _constant(squares, points, correction, rng)
        _correct(squares, correction, constant)
        found, means, corrected = axes(LOWEST_TOL)
    values, vectors = found.values, found.vectors
    if free and lowest < 0:
        constant = -lowest
        corrected = trace + constant * (n - 1)
        if isinstance(n_components, int) and values.all():
            # The same eigenvectors, and all eigenvalues higher by the constant.
            squares.lift = 2 * constant
            values = values + constant
        else:
            _correct(squares, correction, constant)
            again, means, _ = axes(LOWEST_TOL)
            values, vectors = again.values, again.vectors
    constant *= squares.unit ** (2 if correction == "lingoes" else 1)
    solved = Solved(
        None,
        np.maximum(values, 0.0),
        lowest,
        trace,
        corrected,
        constant,
        squares.unit,
        solver,
        found.residual,
        n_negative,
        found.passes,
        converged=found.converged,
    )
    return _placed(solved, vectors, means, squares, sample_weight)


def _correct(squares, correction, constant):
    """Add the constant, in the unit, to distances or to their squares."""
    if correction == "cailliez":
        squares.shift = constant
    else:
        squares.lift = 2 * constant
    if squares.matrix is not None:
        squares.hold(squares.matrix)


def _axes(operator, squares, n_components, trace, solver, tol, rng, lowest_tol):
    count = wanted(n_components, trace)
    n = operator.size
    if solver == "dense":
        return _all_axes(operator, squares, count)
    k = n_components if isinstance(n_components, int) else FIRST
    while True:
        k = min(k, n - 2)
        if squares.largest == 0:
            zero = np.zeros((k, n))
            zero[np.arange(k), np.arange(k)] = 1.0
            return Axes(np.zeros(k), zero, 0.0, 0, 0.0, 0, True)
        found = iterative_axes(
            operator,
            k,
            tol=tol,
            rng=rng,
            cheap=solver == "lanczos",
            lowest_tol=lowest_tol,
        )
        if isinstance(n_components, int):
            return found
        kept = count(found.values)
        enough = found.values.sum() >= n_components * trace * (1 - 1e-12)
        if k == n - 2 and not enough and found.values[-1] > 0:
            return _all_axes(operator, squares, count)
        if enough or not found.values[-1] > 0:
            return Axes(
                found.values[:kept],
                found.vectors[:kept],
                found.lowest,
                found.n_negative,
                found.residual,
                found.passes,
                found.converged,
            )
        k *= 2


def _all_axes(operator, squares, count):
    """Axes by the dense solver, in the memory of the squares where it may be."""
    weight = None if operator.root is None else operator.root**2
    if squares.matrix is None:
        S = np.concatenate([S for _, S in squares.blocks()])
    elif weight is not None and not weight.all():
        # Needed once more, to place the rows that do not count.
        S = squares.matrix.copy()
    else:
        S = squares.matrix
    return dense_axes(double_centered(S, weight), count)


def _constant(squares, points, correction, rng):
    """Lowest eigenvalue among different points, the constant, how many are negative."""
    n = len(points)
    if correction == "lingoes" and n == squares.n > DENSE_LOWEST:
        operator = CenteredSquares(squares.blocks, n)
        # The sum of all eigenvalues bounds the largest where few are negative.
        largest = 2 * operator.moments()[1]
        lowest = min(0.0, lowest_value(operator, largest, rng, 0.0))
        return lowest, -lowest, None
    S = np.concatenate([S[:, points] for _, S in squares.blocks()])[points]
    D = np.sqrt(S) if correction == "cailliez" else None
    B = double_centered(S)
    floor = ZERO * n * EPS * np.linalg.norm(B)
    n_negative = None
    if correction == "lingoes" or n <= DENSE:
        values = np.linalg.eigvalsh(B)
        lowest, n_negative = float(values[0]), int(np.count_nonzero(values < -floor))
        if n_negative == 0:
            return 0.0, 0.0, 0
        if correction == "lingoes":
            return lowest, -lowest, n_negative
    constant, lowest = cailliez_constant(B, double_centered(D))
    if lowest >= -floor:
        return 0.0, 0.0, 0
    return lowest, constant, n_negative


def _placed(solved, vectors, means, squares, sample_weight):
    """Coordinates of the rows, and the map for new ones."""
    values = solved.values
    real = values > 0
    X = (np.sqrt(values)[:, np.newaxis] * vectors).T
    share = np.ones(len(X)) if sample_weight is None else sample_weight
    if sample_weight is not None:
        root = np.sqrt(share)
        X = X / np.where(root > 0, root, 1.0)[:, np.newaxis]
    coef = share[:, np.newaxis] * X / np.where(real, values, 1.0)
    # Rows of x add up to 0 with their weights, but for rounding.
    solved.coef = -0.5 * (
        coef - share[:, np.newaxis] * (coef.sum(axis=0) / share.sum())
    )
    solved.coef *= solved.unit
    solved.intercept = -(means @ solved.coef)
    solved.embedding = X * solved.unit
    if sample_weight is not None and not share.all():
        # Rows that do not count have no part in the eigenvectors: placed like new ones.
        for rows, S in squares.blocks():
            absent = np.flatnonzero(share[rows] == 0)
            placed = S[absent] @ solved.coef + solved.intercept
            solved.embedding[absent + rows.start] = placed
    signs = _signs(solved.embedding, sample_weight)
    solved.embedding = solved.embedding * signs
    solved.coef, solved.intercept = solved.coef * signs, solved.intercept * signs
    return solved


def _signs(embedding, sample_weight=None):
    """Signs that make the entry of largest magnitude on each axis positive.

    Rows of weight 0 have no say.
    """
    rows = embedding if sample_weight is None else embedding[sample_weight > 0]
    size = np.abs(rows).max(axis=0, initial=0.0)
    rows = rows / np.where(size > 0, size, 1.0)
    fixed = fix_signs(rows.T.copy()).T
    return np.where(np.einsum("ij,ij->j", fixed, rows) < 0, -1.0, 1.0)


def solve_euclidean(X, n_components, sample_weight, tol, random_state):
    """Coordinates for the Euclidean distance: the scores of PCA."""
    n, p = X.shape
    rule = n_components
    if isinstance(rule, int):
        rule = min(rule, n, p)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Every feature of X is constant")
        pca = PCA(rule, tol=max(tol, 1e-10), random_state=random_state)
        pca.fit(X, sample_weight=sample_weight)
    values = pca.singular_values_.astype(np.float64) ** 2
    share = float(pca.explained_variance_ratio_.sum(dtype=np.float64))
    trace = float(values.sum()) / share if share > 0 else 0.0
    eps = float(np.finfo(X.dtype).eps)
    values[values <= (ZERO * eps) ** 2 * max(n, p) * values.max(initial=0.0)] = 0.0
    k = len(values)
    if isinstance(n_components, int):
        k = n_components
    elif n_components is None:
        k = max(1, int(np.count_nonzero(values)))
    embedding = np.zeros((n, k), X.dtype)
    used = min(k, len(values))
    embedding[:, :used] = np.asarray(pca.transform(X))[:, :used]
    full = np.zeros(k)
    full[:used] = values[:used]
    embedding[:, full == 0] = 0.0
    signs = _signs(embedding, sample_weight).astype(X.dtype)
    return Solved(
        embedding * signs,
        full,
        0.0,
        trace,
        trace,
        0.0,
        1.0,
        "pca",
        pca.residual_,
        0,
        1,
        pca=(pca, signs),
    )


def solve_few(squares, S_L, blocks, n, n_components, sample_weight):
    """Coordinates of all points from squared distances to landmarks.

    Parameters
    ----------
    squares : Squares
        For the unit.
    S_L : ndarray of shape (m, m)
    blocks : callable
        Pairs of a slice of points and their squares (b, m).
    n : int
    n_components : int, float or None
    sample_weight : ndarray of shape (n,) or None
    """
    k = n_components if isinstance(n_components, int) else None
    axes = landmark_axes(S_L, blocks, k, sample_weight)
    values, coef, intercept = axes.values, axes.coef, axes.intercept
    if isinstance(n_components, float):
        kept = max(1, wanted(n_components, axes.trace)(values))
        values, coef, intercept = values[:kept], coef[:, :kept], intercept[:kept]
    if axes.scores is None:
        embedding = np.empty((n, len(values)))
        for rows, S in blocks():
            embedding[rows] = S @ coef + intercept
    else:
        embedding = axes.scores[:, : len(values)]
    signs = _signs(embedding, sample_weight)
    return Solved(
        embedding * (signs * squares.unit),
        values,
        axes.lowest,
        axes.trace,
        axes.trace,
        0.0,
        squares.unit,
        "nystrom",
        np.nan,
        None,
        1,
        coef=coef * (signs * squares.unit),
        intercept=intercept * (signs * squares.unit),
    )
