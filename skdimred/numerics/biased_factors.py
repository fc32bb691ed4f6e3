r"""Alternating minimisation of biased factors, over known cells or over all.

.. math:: \tfrac12 \sum_{ij \text{ known}} w_i w_{ij}
          (x_{ij} - \mu - b_i - c_j - p_i^T q_j)^2
          + \sum_i w_i \Omega(p_i, b_i) + \sum_j \Omega(q_j, c_j)

A weight :math:`w_i` of a row counts the row with its penalty, so that it equals as many
copies of the row. With one side given, the other is a problem a row (see `masked` and
`complete`); no half-sweep raises the objective.
"""

from dataclasses import dataclass, field, replace

import numpy as np

__all__ = [
    "Problem",
    "Solution",
    "alternate",
    "fold_in",
    "leading_columns",
    "predict",
    "svd_form",
]

# Sweeps of conjugate gradients that take two steps a side; later ones start so near
# that one step does.
EARLY = 1
# Passes of coordinate descent in a sweep.
PASSES = 2
# Sweeps without the L1 penalty that come first: from small numbers it would lead to
# zeros, where all slopes are 0.
WITHOUT_L1 = 5
CELLS_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Problem:
    """Both sides of a table, and what is minimised.

    Attributes
    ----------
    rows, columns : MaskedSide or CompleteSide
    row_weight : ndarray of shape (n,) or None
    penalty : masked.Penalty
    method : {"exact", "cg", "cd"}
    """

    rows: object
    columns: object
    row_weight: np.ndarray | None
    penalty: object
    method: str

    def weighted(self, values):
        """Sum over rows with their weights."""
        if self.row_weight is None:
            return float(values.sum())
        return float(values @ self.row_weight)

    def improve_rows(self, P, Q, effort, penalty=None):
        """Half a sweep; returns the squared errors of the rows."""
        return self.rows.improve(
            P,
            Q,
            penalty or self.penalty,
            self.columns.total,
            method=self.method,
            effort=effort,
        )

    def improve_columns(self, P, Q, effort, penalty=None):
        """The other half."""
        mass = self.rows.total
        if self.row_weight is not None:
            mass = mass * self.row_weight
        self.columns.improve(
            Q, P, penalty or self.penalty, mass, method=self.method, effort=effort
        )

    def objective(self, P, Q, squares):
        """What is minimised, from the squared errors of the rows."""
        cost = self.weighted(0.5 * squares + self.penalty.of(P, self.rows.total))
        return cost + float(self.penalty.of(Q, self.columns.total).sum())


@dataclass
class Solution:
    """Factors and bias of each row (n, k + 1) and column (m, k + 1), and the way there.

    `squares` holds the squared errors of the rows, `history` the objective after each
    sweep, of which the last is that of the solution.
    """

    P: np.ndarray
    Q: np.ndarray
    squares: np.ndarray | None = None
    history: list = field(default_factory=list)


def alternate(problem, Q, *, max_iter, tol, rotate, after_sweep, warm=False):
    """Sweep over columns and rows until the objective hardly falls.

    Parameters
    ----------
    problem : Problem
    Q : ndarray of shape (m, k + 1)
        Factors and biases of the columns to start from; changed.
    max_iter : int
    tol : float
        A sweep is the last if it lowers the objective by no more than this share.
    rotate : bool
        Whether the solution is brought to the form of a singular value decomposition.
    after_sweep : callable
        ``after_sweep(solution)`` returns whether to stop.
    warm : bool
        Whether `Q` is a solution of a similar problem, and not drawn at random.

    Returns
    -------
    Solution
    """
    n = len(problem.rows.total)
    P = np.zeros((n, Q.shape[1]), dtype=Q.dtype)
    found = Solution(P, Q)
    if warm:
        problem.improve_rows(P, Q, None)
    else:
        _start(problem, P, Q)
    is_finished = False
    for sweep in range(max_iter):
        effort = _effort(problem.method, sweep)
        problem.improve_columns(P, Q, effort)
        # The rows are solved to the end after the last sweep, or in it.
        is_finished = sweep == max_iter - 1 and problem.method != "cd"
        if is_finished:
            value = _finish(problem, found, rotate)
        else:
            found.squares = problem.improve_rows(P, Q, effort)
            value = problem.objective(P, Q, found.squares)
        before = found.history[-1] if sweep else np.inf
        # A rise is one of rounding.
        found.history.append(min(value, before))
        if after_sweep(found) or (sweep and before - value <= tol * before):
            break
    if not is_finished:
        value = _finish(problem, found, rotate)
        found.history[-1] = min(value, found.history[-1])
    return found


def _finish(problem, found, rotate):
    """Bring the components to their form and the rows to their minimum."""
    P, Q = found.P, found.Q
    if rotate and problem.penalty.is_smooth:
        svd_form(P, Q, problem.row_weight, balance=not problem.penalty.weighted)
        Q[problem.columns.total == 0] = 0
    else:
        _put_in_order(P, Q, problem.row_weight)
    if problem.method == "cd":
        # From where `fold_in` starts, so that rows come out as they would there.
        P[:] = 0
    found.squares = problem.improve_rows(P, Q, None)
    return problem.objective(P, Q, found.squares)


def _effort(method, sweep):
    if method == "cg":
        return 2 if sweep < EARLY else 1
    return PASSES if method == "cd" else None


def _start(problem, P, Q):
    """Rows from columns drawn at random, before the first sweep."""
    penalty = problem.penalty
    if problem.method != "cd":
        problem.improve_rows(P, Q, None if problem.method == "exact" else 1)
        return
    smooth = replace(penalty, l1=0.0, l2=penalty.l2 + penalty.l1)
    if penalty.positive:
        P[:, :-1] = np.abs(Q[:, :-1]).mean()
    problem.improve_rows(P, Q, PASSES, smooth)
    for _ in range(WITHOUT_L1 if penalty.l1 else 0):
        problem.improve_columns(P, Q, PASSES, smooth)
        problem.improve_rows(P, Q, PASSES, smooth)


def fold_in(side, Q, penalty, mass, method):
    """Factors and bias of new rows, the columns given.

    Parameters
    ----------
    side : MaskedSide or CompleteSide
        The new rows.
    Q : ndarray of shape (m, k + 1)
    penalty : masked.Penalty
    mass : ndarray of shape (m,)
        Weight of the known cells of each column at fit.
    method : {"exact", "cg", "cd"}

    Returns
    -------
    P : ndarray of shape (n, k + 1)
    squares : ndarray of shape (n,)
        Squared errors of the rows.
    """
    P = np.zeros((len(side.total), Q.shape[1]), dtype=Q.dtype)
    squares = side.improve(P, Q, penalty, mass, method=method, effort=None)
    return P, squares


def predict(P, Q, rows, columns):
    """Bias plus bias plus product for each of some cells, in float64.

    Parameters
    ----------
    P : ndarray of shape (n, k + 1)
    Q : ndarray of shape (m, k + 1)
    rows, columns : ndarray of shape (n_cells,)
    """
    out = np.empty(len(rows))
    for start in range(0, len(rows), CELLS_AT_ONCE):
        part = slice(start, start + CELLS_AT_ONCE)
        p, q = P[rows[part]], Q[columns[part]]
        product = np.einsum("ij,ij->i", p[:, :-1], q[:, :-1], dtype=np.float64)
        out[part] = product + p[:, -1] + q[:, -1]
    return out


def leading_columns(table, row_weight, total, Q, rounds):
    """Factors of columns to start from: about those of the table with 0 where unknown.

    A start at random ends in a bad local minimum now and then where cells are few.

    Parameters
    ----------
    table : csr of shape (n, m)
        Known cells less their mean, times their weights.
    row_weight : ndarray of shape (n,) or None
    total : ndarray of shape (m,)
        Weight of the known cells of each column.
    Q : ndarray of shape (m, k)
        Drawn at random; not changed.
    rounds : int
        Of subspace iteration.

    Returns
    -------
    ndarray of shape (m, k)
    """
    n, m = table.shape
    weight = np.ones(n) if row_weight is None else row_weight
    W = Q.astype(np.float64)
    for _ in range(rounds):
        image = weight[:, np.newaxis] * (table @ W)
        W = np.linalg.qr(table.T @ image)[0]
    known = total.sum() / (weight.sum() * m)
    sizes = np.sqrt(weight @ (table @ W) ** 2) / known
    out = np.zeros(Q.shape)
    out[:, : W.shape[1]] = W * np.sqrt(sizes)
    return out


def svd_form(P, Q, row_weight, *, balance):
    """Make components orthogonal and order them, in place; their product stays.

    With `balance`, both sides get the roots of the singular values of the product (of
    which the sum of squares of all factors is the least), otherwise the factors are
    rotated. The largest entry of each component is positive.
    """
    k = Q.shape[1] - 1
    if not k:
        return
    p, q = P[:, :k].astype(np.float64), Q[:, :k].astype(np.float64)
    if balance:
        left = p if row_weight is None else p * np.sqrt(row_weight)[:, np.newaxis]
        find = _balance_by_grams if P.dtype == np.float32 else _balance
        p_new, q_new = find(left, p, q)
    else:
        _, _, V = np.linalg.svd(q, full_matrices=False)
        p_new, q_new = p @ V.T, q @ V.T
    P[:, :k], Q[:, :k] = 0.0, 0.0
    r = q_new.shape[1]
    P[:, :r], Q[:, :r] = p_new, q_new
    _fix_signs(P, Q)


def _balance(left, p, q):
    """Both sides with the roots of the singular values of ``left @ q.T``."""
    R_p = np.linalg.qr(left, mode="r")
    q, R_q = np.linalg.qr(q)
    _, s, V = np.linalg.svd(R_p @ R_q.T, full_matrices=False)
    # p turns by the same map: p (R_q' V' s^-1/2), 0 where s is.
    root = np.sqrt(s)
    inverse = np.divide(1.0, root, out=np.zeros_like(s), where=root > 0)
    return p @ (R_q.T @ V.T * inverse), q @ V.T * root


def _balance_by_grams(left, p, q):
    """The same to the digits of float32, in a fifth of the time.

    Grams have the squares of singular values, so that those below 1e-8 of the largest
    are lost in float64; float32 has 7 digits.
    """
    eps = np.finfo(np.float32).eps
    d, V = np.linalg.eigh(q.T @ q)
    keep = d > d[-1] * eps**2
    forth = V[:, keep] * np.sqrt(d[keep])
    squares, W = np.linalg.eigh(forth.T @ (left.T @ left) @ forth)
    kept = squares > squares[-1:] * eps**2
    # In decreasing order.
    squares, W = squares[kept][::-1], W[:, kept][:, ::-1]
    root = squares**0.25
    back = V[:, keep] / np.sqrt(d[keep])
    return p @ (forth @ W / root), q @ (back @ W * root)


def _put_in_order(P, Q, row_weight):
    """Order components by what they contribute, and fix their signs."""
    k = Q.shape[1] - 1
    squares = np.square(P[:, :k].astype(np.float64))
    rows = squares.sum(axis=0) if row_weight is None else row_weight @ squares
    columns = np.square(Q[:, :k].astype(np.float64)).sum(axis=0)
    order = np.argsort(-rows * columns, kind="stable")
    P[:, :k], Q[:, :k] = P[:, order], Q[:, order]
    _fix_signs(P, Q)


def _fix_signs(P, Q):
    """Make the entry of largest magnitude of each component positive."""
    q = Q[:, :-1]
    if not q.size:
        return
    peak = q[np.abs(q).argmax(axis=0), np.arange(q.shape[1])]
    sign = np.where(peak < 0, -1, 1).astype(Q.dtype)
    Q[:, :-1] *= sign
    P[:, :-1] *= sign
