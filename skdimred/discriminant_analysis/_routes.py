"""Which route leads to the directions."""

from skdimred.discriminant_analysis._dual import solve_dual
from skdimred.discriminant_analysis._products import solve_products
from skdimred.discriminant_analysis._tall import solve_tall

__all__ = ["choose_solver", "solve"]

# Features up to which sparse rows are summed into a p x p scatter, and rows up to which
# into an n x n Gram matrix (of dense products).
MOST_FEATURES, MOST_ROWS = 4000, 2000


def choose_solver(shape, is_sparse):
    """Choose "gram", "dual" or "cg" for ``solver="auto"``.

    - Dense: "dual" if n <= p, else "gram".
    - Sparse: "dual" if n <= p and n <= 2000; "gram" if n > p and p <= 4000; otherwise
      "cg", which forms neither matrix.

    Parameters
    ----------
    shape : tuple (n, p)
    is_sparse : bool

    Returns
    -------
    {"gram", "dual", "cg"}
    """
    n, p = shape
    if n <= p:
        return "cg" if is_sparse and n > MOST_ROWS else "dual"
    return "cg" if is_sparse and p > MOST_FEATURES else "gram"


def solve(rows, priors, task):
    """Solve by the solver named, or by the one chosen.

    Returns
    -------
    moments : ClassMoments or None
        None where the route does not take them.
    solution : Solution
    """
    solver = task.solver
    if solver == "auto":
        solver = choose_solver(rows.X.shape, rows.is_sparse)
    if solver == "dual":
        return None, solve_dual(rows, priors, task)
    if solver == "cg":
        return None, solve_products(rows, priors, task)
    return solve_tall(rows, priors, task)
