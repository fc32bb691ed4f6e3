r"""Lowest eigenpairs of the pencil of a cut.

With degrees D and masses M (see `cut`) the relaxed problem is

.. math:: (D - W)\, v = \lambda M v ,

whose eigenvalues are the least cost of a partition's relaxation. Each component of the
graph gives an eigenvalue 0, with its indicator for vector. These are found by a walk
over the graph and not by an iteration, which misses copies of an eigenvalue; every
component then has a problem of its own, with its constant vector taken out.

Eigenvalues are computed from their vectors as :math:`\tfrac12 \sum_{ij} W_{ij} (v_i -
v_j)^2`, which keeps its digits however small they are.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from scipy import sparse
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh, splu

from skdimred.numerics.cut import as_graph
from skdimred.numerics.signs import fix_signs

__all__ = ["SOLVERS", "Spectrum", "dense_vectors", "low_spectrum", "positive"]

SOLVERS = ("auto", "dense", "lanczos", "shift-invert")
# Nodes of a component up to which LAPACK is the fastest.
DENSE = 500
# "auto" gives Lanczos so many restarts before it takes the other.
RESTARTS = 15
# Shift, over the mean of D / M: below 0, where the pencil is definite.
SHIFT = 1e-5
TOL = 1e-11
# Of an eigenvalue: one that is lower by more was missed.
COPY = 1e-7


@dataclass(frozen=True)
class Spectrum:
    """The lowest eigenpairs.

    Attributes
    ----------
    values : ndarray of shape (k,)
        Ascending; exactly 0 for each component of the graph.
    vectors : ndarray of shape (n, k)
        ``vectors.T @ M @ vectors = I``. First the components by decreasing mass.
    residual : float
        Largest ``|(D - W) v - lambda M v|`` in the norm of the inverse of M, over the
        largest D / M.
    solver : str
        What ran: "components" where these are all.
    n_components : int
    """

    values: np.ndarray
    vectors: np.ndarray
    residual: float
    solver: str
    n_components: int


def dense_vectors(graph, k):
    """The k lowest eigenvectors (n, k) of a small graph, not told apart from others."""
    mass = positive(graph.mass)
    root = 1 / np.sqrt(mass)
    A = graph.weights.toarray()
    np.negative(A, out=A)
    A[np.diag_indices(len(A))] += graph.degree
    A *= root
    A *= root[:, np.newaxis]
    V = scipy.linalg.eigh(
        A, subset_by_index=[0, k - 1], overwrite_a=True, check_finite=False
    )[1]
    return V * root[:, np.newaxis]


def low_spectrum(graph, k, solver="auto"):
    """The k lowest eigenpairs.

    Parameters
    ----------
    graph : Graph
    k : int
        At most the number of nodes.
    solver : {"auto", "dense", "lanczos", "shift-invert"}
        For components of the graph.

    Returns
    -------
    Spectrum
    """
    n = graph.n_nodes
    n_components, component = connected_components(graph.weights, directed=False)
    mass = positive(graph.mass)
    weight = np.bincount(component, mass, n_components)
    order = np.argsort(-weight, kind="stable")[:k]
    V = np.zeros((n, k))
    for j, c in enumerate(order):
        V[component == c, j] = 1 / np.sqrt(weight[c])
    values, ran = np.zeros(k), "components"
    if n_components < k:
        more, V[:, n_components:], ran = _beyond(
            graph, mass, component, n_components, k - n_components, solver
        )
        values[n_components:] = more
    fix_signs(V.T)
    residual = graph.degree[:, np.newaxis] * V - graph.weights @ V
    residual -= mass[:, np.newaxis] * V * values
    # Divided first: squares of large weights would overflow.
    residual /= float((graph.degree / mass).max(initial=0.0)) or 1.0
    residual = np.sqrt(np.sum(residual**2 / mass[:, np.newaxis], axis=0).max())
    return Spectrum(values, V, float(residual), ran, int(n_components))


def positive(mass):
    """Masses with the mean in place of 0, which only nodes without any edge have."""
    if mass.all():
        return mass
    some = mass[mass > 0]
    return np.where(mass > 0, mass, some.mean() if len(some) else 1.0)


def _beyond(graph, mass, component, n_components, wanted, solver):
    """Lowest positive eigenvalues over all components, and vectors (n, wanted)."""
    n = graph.n_nodes
    values, vectors, ran = [], [], "dense"
    for c in range(n_components):
        nodes = np.flatnonzero(component == c)
        few = min(wanted, len(nodes) - 1)
        if few == 0:
            continue
        part, m = graph, mass
        if n_components > 1:
            part, m = as_graph(graph.weights[nodes][:, nodes]), mass[nodes]
        lowest, V, used = _connected(part, m, few, solver)
        if used != "dense":
            ran = used
        values.append(lowest)
        for v in V.T:
            vectors.append((nodes, v))
    values = np.concatenate(values)
    order = np.argsort(values, kind="stable")[:wanted]
    out = np.zeros((n, wanted))
    for j, i in enumerate(order):
        nodes, v = vectors[i]
        out[nodes, j] = v
    return values[order], out, ran


def _connected(graph, mass, k, solver):
    """The k lowest eigenpairs after the first of a connected graph, and the solver."""
    n = graph.n_nodes
    if solver == "auto" and n <= DENSE:
        solver = "dense"
    if solver == "dense" or k >= n - 2:
        V, ran = _dense(graph, mass, k), "dense"
    else:
        V, ran = _iterated(graph, mass, k, solver)
    V -= np.average(V, axis=0, weights=mass)
    V /= np.sqrt(mass @ V**2)
    values = _energies(graph, V)
    order = np.argsort(values, kind="stable")
    return values[order], V[:, order], ran


def _energies(graph, V):
    """Sum of W_ij (v_i - v_j)^2 over all edges, for each column."""
    rows, columns, data = graph.rows, graph.weights.indices, graph.weights.data
    return np.array([0.5 * data @ (v[rows] - v[columns]) ** 2 for v in V.T])


def _dense(graph, mass, k):
    L = -graph.weights.toarray()
    L[np.diag_indices(len(L))] += graph.degree
    wanted = {"subset_by_index": [1, k]}
    return scipy.linalg.eigh(L, np.diag(mass), check_finite=False, **wanted)[1]


def _iterated(graph, mass, k, solver):
    """Eigenvectors (n, k) by Lanczos on the pencil, or on its inverse."""
    root = np.sqrt(mass)
    scaled = sparse.diags_array(1 / root)
    A = (scaled @ graph.weights @ scaled).tocsr()
    diagonal = graph.degree / mass
    one = (root / np.linalg.norm(root))[:, np.newaxis]
    if solver != "shift-invert":
        most = RESTARTS if solver == "auto" else None
        try:
            V = _all_copies(_mirrored(A, diagonal), one, A, diagonal, k, most)
            return V / root[:, np.newaxis], "lanczos"
        except ArpackNoConvergence:
            if solver == "lanczos":
                raise
    shift = SHIFT * diagonal.mean()
    factor = splu(
        (sparse.diags_array(diagonal + shift) - A).tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )
    V = _all_copies((factor.solve, 0.0), one, A, diagonal, k, None)
    return V / root[:, np.newaxis], "shift-invert"


def _mirrored(A, diagonal):
    """The pencil subtracted from what is above it, and twice that."""
    top = 2 * float(diagonal.max())

    def apply(x):
        return (top - diagonal) * x + A @ x

    return apply, top


def _all_copies(operator, one, A, diagonal, k, restarts):
    """Eigenvectors (n, k) of the largest eigenvalues of an operator, ascending in S.

    One start finds one vector of an eigenvalue, and others by rounding alone. So what
    was found is taken out and a further vector looked for, until it is a higher one.

    Parameters
    ----------
    operator : tuple of callable and float
        The product with a vector, and what is taken off along the vectors found.
    one : ndarray of shape (n, 1)
        The first eigenvector, known.
    A, diagonal
        The pencil is S = diagonal - A.
    k : int
    restarts : int or None
    """
    n = len(one)
    found, values, wanted = np.empty((n, 0)), np.empty(0), k
    while True:
        known = np.hstack([one, found])
        count = min(wanted, n - 1 - known.shape[1])
        if count < 1:
            return found[:, :k]
        V = _leading(operator, known, count, restarts)
        new = np.einsum("ij,ij->j", V, diagonal[:, np.newaxis] * V - A @ V)
        missed = len(values) == 0 or new.min() < values[k - 1] * (1 - COPY)
        found, values = np.hstack([found, V]), np.concatenate([values, new])
        order = np.argsort(values, kind="stable")
        found, values = found[:, order], values[order]
        if not missed:
            return found[:, :k]
        wanted = 1 if wanted == k and len(values) == k else k


def _leading(operator, known, count, restarts):
    """Eigenvectors (n, count) of the largest eigenvalues beside the known ones."""
    apply, top = operator
    n = len(known)
    start = np.random.default_rng(known.shape[1]).standard_normal(n)
    start -= known @ (known.T @ start)

    def product(x):
        x = np.ravel(x)
        if top:
            return apply(x) - known @ (top * (known.T @ x))
        y = apply(x)
        return y - known @ (known.T @ y)

    return eigsh(
        LinearOperator((n, n), product, dtype=np.float64),
        count,
        which="LA",
        tol=TOL if top else 0.0,
        v0=start,
        ncv=min(n - 1, max(2 * count + 12, 32)),
        maxiter=restarts,
    )[1]
