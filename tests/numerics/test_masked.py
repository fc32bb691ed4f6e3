"""Half-sweeps over known cells, held against plain loops over rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import minimize

from skdimred.numerics import masked
from skdimred.numerics.basis import Basis
from skdimred.numerics.biased_factors import svd_form
from skdimred.numerics.complete import CompleteSide
from skdimred.numerics.descent import descend
from skdimred.numerics.masked import MaskedSide, Penalty
from skdimred.numerics.padded import pad_rows
from skdimred.numerics.ranking import best_columns, hidden_cells
from skdimred.numerics.stacked import Gathered, improve, minimum_norm, solve


def random_table(rng, shape, density, dtype=np.float64):
    values = rng.random(shape)
    return sparse.csr_array(
        np.where(rng.random(shape) < density, values, 0), dtype=dtype
    )


@pytest.fixture
def table(rng):
    """A table whose rows know from 0 to all of their cells."""
    X = rng.standard_normal((50, 23))
    X[rng.random(X.shape) > rng.random(50)[:, np.newaxis]] = 0
    X[3] = 0
    X[4] = rng.standard_normal(23)
    return sparse.csr_array(X)


@pytest.mark.parametrize("slab", [1, 1000, 1 << 20])
@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_hold_every_cell_once(table, rng, slab, weighted):
    roots = rng.random(table.nnz) if weighted else None
    known = pad_rows(table, roots, 5, slab=slab)
    cells, seen = sparse.lil_array((50, 24)), []
    for i in range(len(known)):
        rows, columns, values, block_roots = known.block(i)
        assert values.size <= max(slab // 40, values.shape[1])
        seen.extend(known.order[rows])
        for b, row in enumerate(known.order[rows]):
            for place, column in enumerate(columns[b]):
                if column == 23:
                    assert values[b, place] == 0
                else:
                    root = block_roots[b, place] if weighted else 1.0
                    cells[row, column] = values[b, place] / root
    assert sorted(seen) == list(np.flatnonzero(np.diff(table.indptr)))
    assert_allclose(cells.toarray()[:, :23], table.toarray(), rtol=1e-14)


def row_by_row(table, other, penalty, bias, weight):
    """The same problem solved by one normal equation after the other."""
    k = other.shape[1] - 1
    out = np.zeros((table.shape[0], k + 1))
    for i in range(table.shape[0]):
        cells = slice(table.indptr[i], table.indptr[i + 1])
        columns, w = table.indices[cells], weight[cells]
        if not len(columns):
            continue
        G = np.column_stack([other[columns, :k], np.ones(len(columns))])[:, : k + bias]
        r = table.data[cells] - other[columns, k]
        times = w.sum() if penalty.weighted else 1.0
        A = (G.T * w) @ G + times * np.diag(penalty.ridge(k, bias))
        out[i, : k + bias] = np.linalg.solve(A, (G.T * w) @ r)
    return out


@pytest.mark.parametrize("k", [0, 1, 4, 30])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_exact_half_sweep_is_the_normal_equations(table, rng, k, bias, weighted):
    penalty = Penalty(0.3, 0.0, 0.7, weighted=weighted)
    other = rng.standard_normal((23, k + 1))
    weight = rng.uniform(0.5, 2, table.nnz)
    side = MaskedSide.from_csr(table, weight, k, bias)
    X = np.zeros((50, k + 1))
    squares = side.improve(X, other, penalty, None, method="exact", effort=None)
    wanted = row_by_row(table, other, penalty, bias, weight)
    assert_allclose(X, wanted, atol=1e-10)
    rows = np.repeat(np.arange(50), np.diff(table.indptr))
    guess = (X[rows, :k] * other[table.indices, :k]).sum(axis=1)
    error = table.data - guess - X[rows, k] - other[table.indices, k]
    assert_allclose(squares, np.bincount(rows, weight * error**2, 50), atol=1e-10)


def test_threads_change_no_bit(rng):
    X = random_table(rng, (4000, 300), 0.3)
    other = rng.standard_normal((300, 9))
    mass = np.bincount(X.indices, minlength=300).astype(float)
    for method, effort in (("exact", None), ("cg", 2), ("cd", 2)):
        found = []
        for threads in (1, 2, 3):
            side = MaskedSide.from_csr(X, None, 8, True, threads=threads)
            assert len(side.known) > 4
            P = np.ones((4000, 9))
            penalty = Penalty(1.0, 0.1 if method == "cd" else 0.0, 1.0)
            side.improve(P, other, penalty, mass, method=method, effort=effort)
            found.append(P)
        assert_array_equal(found[0], found[1])
        assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_steps_of_conjugate_gradients_lower_the_objective_to_the_minimum(dtype, rng):
    X = random_table(rng, (300, 80), 0.3, dtype)
    other = rng.standard_normal((80, 41)).astype(dtype)
    mass = np.bincount(X.indices, minlength=80).astype(float)
    penalty = Penalty(0.5, 0.0, 2.0)
    side = MaskedSide.from_csr(X, None, 40, True)
    best = np.zeros((300, 41), dtype)
    squares = side.improve(best, other, penalty, mass, method="exact", effort=None)
    least = 0.5 * squares.sum() + penalty.of(best, side.total).sum()
    P, before = np.zeros((300, 41), dtype), np.inf
    for _ in range(60):
        squares = side.improve(P, other, penalty, mass, method="cg", effort=8)
        value = 0.5 * squares.sum() + penalty.of(P, side.total).sum()
        assert value <= before * (1 + 1e-6)
        before = value
    assert_allclose(before, least, rtol=1e-4)
    to_the_end = np.zeros((300, 41), dtype)
    side.improve(to_the_end, other, penalty, mass, method="cg", effort=None)
    assert_allclose(to_the_end, best, atol=2e-4 if dtype == np.float32 else 1e-9)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("effort", [1, 3, None])
def test_wide_rows_are_rows_like_others(rng, weighted, effort):
    density = np.linspace(0.01, 1, 300)[:, np.newaxis]
    cells = rng.standard_normal((300, 120)) * (rng.random((300, 120)) < density)
    X = sparse.csr_array(cells.astype(np.float32))
    weight = rng.uniform(0, 3, X.nnz) if weighted else None
    other = rng.standard_normal((120, 41)).astype(np.float32)
    mass = np.bincount(X.indices, weight, minlength=120).astype(float)
    penalty = Penalty(0.5, 0.0, 2.0, weighted=weighted)
    found = []
    for iterative, threads in ((False, 1), (True, 1), (True, 2)):
        side = MaskedSide.from_csr(
            X, weight, 40, True, iterative=iterative, threads=threads
        )
        assert (side.wide is not None) == iterative
        P = np.zeros((300, 41), np.float32)
        squares = side.improve(P, other, penalty, mass, method="cg", effort=effort)
        found.append((P, squares))
    for one, two in zip(*found[:2], strict=True):
        assert_allclose(two, one, rtol=2e-4, atol=2e-4)
    assert_array_equal(found[1][0], found[2][0])
    # They hold the cells that the first blocks would.
    wide, known = side.wide, side.known
    assert 200 < wide.edges[-1] < len(known.order)
    assert wide.edges[-1] == known.edges[wide.n_blocks]
    rows = np.repeat(known.order[: wide.edges[-1]], np.diff(wide.starts))
    within = np.repeat(np.arange(wide.edges[-1]), np.diff(wide.starts))
    first = wide.edges[np.searchsorted(wide.edges, within, side="right") - 1]
    columns = wide.place - (within - first) * 120
    values = wide.values if weight is None else wide.values / wide.roots
    assert_allclose(values, X.toarray()[rows, columns], rtol=1e-6)


def test_rows_that_steps_do_not_finish_are_factored(rng, monkeypatch):
    X = random_table(rng, (60, 50), 0.6, np.float32)
    other = rng.standard_normal((50, 41)).astype(np.float32)
    penalty, mass = Penalty(1e-2, 0.0, 1.0), np.full(50, 36.0)
    exact, stopped = np.zeros((2, 60, 41), np.float32)
    side = MaskedSide.from_csr(X, None, 40, True, iterative=True)
    assert side.wide.edges[-1] > 50
    wanted = side.improve(exact, other, penalty, mass, method="exact", effort=None)
    monkeypatch.setattr(masked, "MOST_STEPS", 1)
    squares = side.improve(stopped, other, penalty, mass, method="cg", effort=None)
    assert_allclose(stopped, exact, atol=2e-3)
    assert_allclose(squares, wanted, rtol=1e-2, atol=1e-4)


def test_a_kept_basis_is_left_where_it_is_far_off(rng):
    basis, ridge, mass = Basis(), np.full(6, 2.0), np.ones(50)
    T = rng.standard_normal((50, 6)) @ rng.standard_normal((6, 6))
    first = basis.turn(T, mass, ridge, np.full(9, 30.0), False)
    assert_allclose(first.forth @ first.back.T, np.eye(6), atol=1e-12)
    assert_allclose(first.forth.T @ np.diag(ridge) @ first.forth, np.eye(6), atol=1e-12)
    near = basis.turn(T * (1 + 1e-3 * T), mass, ridge, np.full(9, 30.0), False)
    assert_array_equal(near.forth, first.forth)
    turned = T * (1 + 1e-3 * T) @ near.forth
    assert_allclose(near.spread, np.mean(turned**2, axis=0), rtol=1e-10)
    far = basis.turn(T[:, ::-1] * 3.0, mass, ridge, np.full(9, 30.0), False)
    assert not np.array_equal(far.forth, first.forth)
    anew = Basis().turn(T[:, ::-1] * 3.0, mass, ridge, np.full(9, 30.0), True)
    assert_array_equal(far.forth, anew.forth)


def test_stacks_agree_where_cells_are_few_and_where_many(rng):
    for d in (3, 12):
        G, r = rng.standard_normal((6, d, 7)), rng.standard_normal((6, d))
        ridge = rng.uniform(0.5, 2, (6, 7))
        inverse = 1 / (1 + ridge)
        plain = [
            np.linalg.solve(G[b].T @ G[b] + np.diag(ridge[b]), G[b].T @ r[b])
            for b in range(6)
        ]
        assert_allclose(solve(G, r, ridge), plain, rtol=1e-9)
        x, error = improve(Gathered(G), r, ridge, inverse, np.zeros((6, 7)), 7)
        assert_allclose(x, plain, rtol=1e-6)
        assert_allclose(error, r - np.einsum("bdk,bk->bd", G, x), atol=1e-12)
        shortest = [np.linalg.lstsq(G[b], r[b], rcond=None)[0] for b in range(6)]
        assert_allclose(minimum_norm(G, r, np.zeros((1, 7))), shortest, rtol=1e-7)


@pytest.mark.parametrize("positive", [True, False])
def test_descent_ends_at_the_optimality_conditions(rng, positive):
    G = rng.standard_normal((40, 12, 6))
    A = np.matmul(G.transpose(0, 2, 1), G) + 0.01 * np.eye(6)
    b = 4 * rng.standard_normal((40, 6))
    l1 = np.full((1, 6), 1.5)
    l1[0, -1] = 0
    lower = np.full(6, 0.0 if positive else -np.inf)
    x = descend(A, b, np.zeros((40, 6)), l1, lower, tol=1e-15)
    slope = np.einsum("bij,bj->bi", A, x) - b
    at_zero, free = x == 0, x != 0
    assert_allclose((slope + l1 * np.sign(x))[free], 0, atol=1e-9)
    floor = -np.broadcast_to(l1, x.shape)[at_zero]
    assert (slope[at_zero] >= floor - 1e-9).all()
    if positive:
        assert (x >= 0).all()
    else:
        assert (slope[at_zero] <= -floor + 1e-9).all()
    # A route of its own: bounded quasi-Newton steps on positive and negative parts.
    for i in range(3):

        def value(z, i=i):
            y = z[:6] - (0 if positive else z[6:])
            cost = 0.5 * y @ A[i] @ y - b[i] @ y + l1[0] @ z[:6]
            return cost + (0 if positive else l1[0] @ z[6:])

        z = minimize(value, np.zeros(12), bounds=[(0, None)] * 12, tol=1e-13).x
        y = z[:6] - (0 if positive else z[6:])
        assert_allclose(x[i], y, atol=1e-4)


def test_descent_of_a_problem_does_not_depend_on_its_neighbours(rng):
    G = rng.standard_normal((30, 5, 8))
    A = np.matmul(G.transpose(0, 2, 1), G) + 0.1 * np.eye(8)
    b = rng.standard_normal((30, 8))
    args = np.full((1, 8), 0.2), np.zeros(8)
    together = descend(A, b, np.zeros((30, 8)), *args, tol=1e-14)
    for i in range(0, 30, 7):
        alone = descend(A[i : i + 1], b[i : i + 1], np.zeros((1, 8)), *args, tol=1e-14)
        assert_array_equal(alone[0], together[i])


@pytest.mark.parametrize("method", ["exact", "cd"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_complete_tables_are_tables_whose_cells_are_all_known(rng, method, make):
    X = rng.standard_normal((20, 9)) * (rng.random((20, 9)) < 0.5)
    w = rng.uniform(0, 2, 9)
    penalty = Penalty(0.4, 0.3 if method == "cd" else 0.0, 0.8, weighted=True)
    other = rng.standard_normal((9, 4))
    indptr, indices = np.arange(21) * 9, np.tile(np.arange(9), 20)
    cells = sparse.csr_array((X.ravel() - 0.3, indices, indptr), shape=X.shape)
    masked = MaskedSide.from_csr(cells, np.tile(w, 20), 3, True)
    complete = CompleteSide(make(X), 0.3, w, True)
    found = []
    for side in (masked, complete):
        P = np.zeros((20, 4))
        squares = side.improve(P, other, penalty, None, method=method, effort=None)
        found.append((P, squares, side.total))
    for one, two in zip(*found, strict=True):
        assert_allclose(one, two, atol=1e-10)


def test_svd_form_keeps_the_product_and_lowers_the_penalty(rng):
    P, Q = rng.standard_normal((30, 6)), rng.standard_normal((20, 6))
    Q[:, 3] = Q[:, 2]
    product = P[:, :5] @ Q[:, :5].T
    for balance in (True, False):
        p, q = P.copy(), Q.copy()
        svd_form(p, q, None, balance=balance)
        assert_allclose(p[:, :5] @ q[:, :5].T, product, atol=1e-12)
        gram = q[:, :5].T @ q[:, :5]
        assert_allclose(gram - np.diag(np.diag(gram)), 0, atol=1e-12)
        assert (np.diff(np.diag(gram)) <= 1e-12).all()
        assert (q[:, :5].max(axis=0) >= -q[:, :5].min(axis=0)).all()
        assert_array_equal(p[:, 5], P[:, 5])
        if balance:
            singular = np.linalg.svd(product, compute_uv=False)[:5]
            assert_allclose(np.diag(gram), singular, atol=1e-12)
            assert np.sum(p**2) + np.sum(q**2) < np.sum(P**2) + np.sum(Q**2)


def test_svd_form_of_float32_is_that_of_float64(rng):
    for rank in (6, 3):
        P, Q = rng.standard_normal((90, 7)), rng.standard_normal((70, 7))
        Q[:, rank:6] = Q[:, :1]
        weight = rng.uniform(0.5, 2, 90)
        p, q = P.astype(np.float32), Q.astype(np.float32)
        svd_form(P, Q, weight, balance=True)
        svd_form(p, q, weight, balance=True)
        assert p.dtype == q.dtype == np.float32
        assert_allclose(p[:, :rank], P[:, :rank], atol=2e-5)
        assert_allclose(q[:, :rank], Q[:, :rank], atol=2e-5)
        assert_allclose(p[:, rank:6], 0, atol=1e-3)
    nothing = np.zeros((9, 4), np.float32)
    svd_form(nothing, nothing.copy(), None, balance=True)
    assert not nothing.any()


def test_best_columns_and_hidden_cells(rng):
    P, Q = rng.standard_normal((7, 3)), rng.standard_normal((11, 3))
    known = random_table(rng, (7, 11), 0.4)
    full = P[:, :2] @ Q[:, :2].T + P[:, 2:] + Q[:, 2]
    columns, values = best_columns(P, Q, known, 11)
    for i in range(7):
        left = np.setdiff1d(
            np.arange(11), known.indices[known.indptr[i] :][: known[[i]].nnz]
        )
        wanted = left[np.argsort(-full[i, left])]
        assert_array_equal(columns[i, : len(left)], wanted)
        assert_allclose(values[i, : len(left)], full[i, wanted])
        assert (columns[i, len(left) :] == -1).all()
    hidden = hidden_cells(known.indptr, known.indices, 11)
    rows = np.repeat(np.arange(7), np.diff(known.indptr))
    degree = np.diff(known.indptr)
    count = np.bincount(rows, hidden, minlength=7)
    assert_array_equal(count, np.where(degree, np.maximum(1, degree // 5), 0))
    part = known[[2, 5]]
    again = hidden_cells(part.indptr, part.indices, 11)
    assert_array_equal(again, hidden[np.isin(rows, [2, 5])])
