"""Block Lanczos against spectra that are known because the rows were made from them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.sparse.linalg import aslinearoperator

from skdimred.metrics import subspace_sine
from skdimred.numerics import krylov, triplets
from skdimred.numerics.columns import ColumnMoments
from skdimred.numerics.krylov import Goal, lanczos
from skdimred.numerics.sparse_rows import sparse_column_moments
from skdimred.numerics.sweep import DenseSweep, OperatorSweep, SparseSweep
from skdimred.numerics.triplets import leading, single_vector

D = 160
i = np.arange(1.0, D + 1)
SPECTRA = {
    "1/i": 1 / i,
    "i^-.5": i**-0.5,
    "exp(-i/20)": np.exp(-i / 20),
    "exp(-i/5)": np.exp(-i / 5),
    "spikes": np.r_[10:1:10j, np.linspace(0.9, 0.4, D - 10)],
    "step": np.r_[np.linspace(1.02, 1, 20), np.linspace(0.5, 0.4, D - 20)],
    # Singular values of noise (Marchenko and Pastur), roughly.
    "noise": 1 + 0.6 * np.cos(np.pi * np.sqrt(np.linspace(0, 0.99, D))),
    "flat": np.linspace(1, 0.97, D),
}


def rows_of(s, rng, n=None, p=None):
    """Rows with singular values `s`, and their right singular vectors."""
    d = len(s)
    U = np.linalg.qr(rng.standard_normal((n or d, d)))[0]
    V = np.linalg.qr(rng.standard_normal((p or d, d)))[0]
    return (U * s) @ V.T, V.T


def sweep_of(X, **options):
    return DenseSweep(X, ColumnMoments.from_block(X), center=False, **options)


def exactly(k, tol=1e-6, **options):
    return Goal(lambda values: k, k, tol, **options)


def find(X, k, tol=1e-6, *, seed=0, block=8, energy=False, sweep=None, **options):
    goal = exactly(k, tol, energy=energy)
    rng = np.random.default_rng(seed)
    return leading(sweep or sweep_of(X), goal, block=block, rng=rng, **options)


def true_residual(X, found):
    """Largest ``|X'X v - s^2 v|`` over s_1^2, as `Triplets.residual` states it."""
    V = found.vectors
    error = (V @ X.T) @ X - found.squares[:, np.newaxis] * V
    return np.linalg.norm(error, axis=1).max() / found.squares[0]


def assert_sound(X, found, k):
    """Orthonormal vectors, values that are theirs, a residual that is true."""
    V = found.vectors
    assert V.shape == (k, X.shape[1])
    assert_allclose(V @ V.T, np.eye(k), atol=1e-9)
    assert np.all(np.diff(found.squares) <= 0)
    size = np.linalg.norm(X @ V.T, axis=0) ** 2
    assert_allclose(found.squares, size, atol=1e-9 * found.squares[0])
    assert true_residual(X, found) <= 10 * found.residual + 1e-10


# What `tol` promises.


@pytest.mark.parametrize("tol", [1e-4, 1e-8])
@pytest.mark.parametrize("name", SPECTRA)
def test_angle_where_there_is_a_gap(rng, name, tol):
    s = SPECTRA[name]
    X, V = rows_of(s, rng)
    for k in (1, 5, 20):
        found = find(X, k, tol)
        assert found.converged
        assert_sound(X, found, k)
        gap = 1 - (s[k] / s[k - 1]) ** 2
        rounding = 1e-13 * (s[0] / s[k - 1]) ** 2 / gap
        if gap >= krylov.LEAST_GAP:
            assert subspace_sine(found.vectors, V[:k]) <= 2 * tol + rounding
        # Without one, the values are right nevertheless.
        assert_allclose(found.squares, s[:k] ** 2, rtol=max(tol, 1e-6))


@pytest.mark.parametrize("tol", [1e-3, 1e-4, 1e-6])
@pytest.mark.parametrize("name", SPECTRA)
def test_energy_lost(rng, name, tol):
    """Below `tol`, for spectra with gaps and without."""
    s = SPECTRA[name]
    X, _ = rows_of(s, rng)
    for k in (1, 2, 5, 20, 50):
        found = find(X, k, tol, energy=True)
        assert found.converged
        assert_sound(X, found, k)
        lost = 1 - np.sum(found.squares) / np.sum(s[:k] ** 2)
        assert lost <= 2 * tol
        kept = np.linalg.norm(found.vectors @ X.T) ** 2
        assert_allclose(kept, np.sum(found.squares), rtol=1e-9)


@pytest.mark.parametrize("name", ["1/i", "exp(-i/20)", "noise", "flat"])
def test_energy_takes_no_more_passes_than_directions(rng, name):
    X, _ = rows_of(SPECTRA[name], rng)
    for k in (5, 20):
        cheap = find(X, k, 1e-3, energy=True)
        assert cheap.passes <= find(X, k, 1e-6).passes


# Spectra that are hard for a Krylov space.


@pytest.mark.parametrize("energy", [True, False])
@pytest.mark.parametrize("k", [5, 10, 20, 23, 40])
@pytest.mark.parametrize("first", [0, 3])
def test_more_copies_than_a_block_has_vectors(rng, energy, k, first):
    """A block Krylov space holds as many copies of a value as the block is wide."""
    s = np.r_[np.linspace(3, 2.5, first), np.full(20, 2.0), np.linspace(1.5, 0.1, 90)]
    X, V = rows_of(s, rng)
    found = find(X, k, energy=energy)
    assert_sound(X, found, k)
    assert_allclose(np.sum(found.squares), np.sum(s[:k] ** 2), rtol=3e-6)
    if k == first + 20 and not energy:
        assert subspace_sine(found.vectors, V[:k]) < 1e-5


@pytest.mark.parametrize(("energy", "tol"), [(True, 1e-3), (True, 1e-6), (False, 1e-6)])
@pytest.mark.parametrize("copies", [9, 20])
@pytest.mark.parametrize("k", [10, 20, 25])
def test_copies_before_a_long_tail(energy, tol, copies, k):
    """All converges, and nothing dies, before a missing copy shows in rounding."""
    s = np.r_[np.full(copies, 2.0), np.linspace(1.5, 0.1, 600)]
    found = find(np.diag(s), k, tol, energy=energy)
    assert 1 - np.sum(found.squares) / np.sum(s[:k] ** 2) < 2 * tol
    assert np.count_nonzero(found.squares > 3.9) == min(k, copies)


@pytest.mark.parametrize("energy", [True, False])
@pytest.mark.parametrize("seed", range(8))
def test_a_few_values_many_times(energy, seed):
    """The Krylov space is exhausted, and goes on from random vectors."""
    rng = np.random.default_rng(seed)
    copies = rng.integers(1, 40, rng.integers(1, 6))
    s = np.repeat(np.sort(rng.uniform(0.3, 2, len(copies)))[::-1], copies)
    s = np.r_[s, np.zeros(rng.integers(0, 20))]
    X, _ = rows_of(s, rng)
    for k in (1, int(rng.integers(1, len(s))), len(s)):
        found = find(X, k, energy=energy, seed=seed)
        rank = min(k, int(np.count_nonzero(s)))
        assert found.converged
        assert_sound(X, found, rank)
        assert_allclose(np.sqrt(found.squares), s[:rank], atol=1e-6)


@pytest.mark.parametrize("seed", range(8))
def test_residuals_hold_where_directions_die(seed):
    """Directions that die first, with others that live on behind them."""
    rng = np.random.default_rng(seed)
    s = np.repeat(np.sqrt([3.0, 2.0, 1.0]), rng.integers([12, 3, 50], [13, 4, 51]))
    X, _ = rows_of(s, rng)
    for passes in range(2, 9):
        goal = exactly(30, 1e-9)
        found = lanczos(sweep_of(X), goal, block=8, rng=rng, max_passes=passes)
        V = found.vectors
        assert_allclose(V @ V.T, np.eye(len(V)), atol=1e-9)
        error = np.linalg.norm((V @ X.T) @ X - found.values[:, np.newaxis] * V, axis=1)
        assert np.all(error <= 2 * found.residuals + 1e-12 * s[0] ** 2)


@pytest.mark.parametrize("shape", [(300, 40), (40, 300), (60, 60)])
@pytest.mark.parametrize("on_features", [True, False, None])
@pytest.mark.parametrize("energy", [True, False])
def test_rank_below_the_number_wanted(rng, shape, on_features, energy):
    s = np.array([5.0, 3.0, 3.0, 1.0, 1e-3])
    X, V = rows_of(s, rng, *shape)
    found = find(X, 12, energy=energy, sweep=sweep_of(X, on_features=on_features))
    assert found.converged
    assert_sound(X, found, 5)
    assert_allclose(np.sqrt(found.squares), s, atol=1e-9)
    # eps (s_1 / s_5)^2
    assert subspace_sine(found.vectors, V) < 1e-7


@pytest.mark.parametrize(
    "shape", [(50, 12), (12, 50), (12, 12), (1, 7), (7, 1), (1, 1)]
)
@pytest.mark.parametrize("energy", [True, False])
def test_everything(rng, shape, energy):
    X = rng.standard_normal(shape)
    d = min(shape)
    found = find(X, d, energy=energy)
    assert found.converged
    assert_sound(X, found, d)
    s = np.linalg.svd(X, compute_uv=False)
    assert_allclose(np.sqrt(found.squares), s, rtol=1e-8)


@pytest.mark.parametrize("energy", [True, False])
def test_nothing(energy):
    found = find(np.zeros((30, 20)), 3, energy=energy)
    assert found.converged
    assert found.vectors.shape == (0, 20)
    assert found.residual == 0


@pytest.mark.parametrize("energy", [True, False])
def test_duplicates(rng, energy):
    X = np.tile(rng.standard_normal((25, 8)), (4, 5))
    s = np.linalg.svd(X, compute_uv=False)
    found = find(X, 12, energy=energy)
    assert_sound(X, found, 8)
    assert_allclose(np.sqrt(found.squares), s[:8], rtol=1e-9)


@pytest.mark.parametrize("on_features", [True, False])
@pytest.mark.parametrize("k", [10, 40, 60])
def test_steep(rng, on_features, k):
    """Values below 1e-4 of the first are found once that is taken off the rows."""
    s = np.logspace(0, -11, 60)
    X, V = rows_of(s, rng, 80, 60)
    found = find(X, k, sweep=sweep_of(X, on_features=on_features))
    assert_sound(X, found, k)
    # As a full SVD: to eps s_1.
    assert_allclose(np.sqrt(found.squares), s[:k], atol=2e-15, rtol=1e-6)
    for j in (5, 20, 40):
        if j <= k:
            sine = subspace_sine(found.vectors[:j], V[:j])
            assert sine < 1e-5 + 1e-14 / s[j - 1]


def test_values_just_below_the_first_level(rng):
    """What was found is taken off so well that the rest is found as if alone."""
    s = np.exp(-np.arange(200) / 5)
    X, V = rows_of(s, rng)
    for on_features in (True, False):
        sweep = sweep_of(X, on_features=on_features)
        found = find(X, 50, 1e-8, sweep=sweep)
        assert_sound(X, found, 50)
        assert_allclose(np.sqrt(found.squares), s[:50], rtol=1e-10)
        assert subspace_sine(found.vectors, V[:50]) < 1e-7
        assert found.passes < 30


def test_noise(rng):
    X = rng.standard_normal((700, 250))
    s = np.linalg.svd(X, compute_uv=False)
    for k in (1, 10, 40):
        found = find(X, k)
        assert_sound(X, found, k)
        assert_allclose(np.sqrt(found.squares), s[:k], rtol=1e-9)


# Restarts, bounds, chance.


@pytest.mark.parametrize("energy", [True, False])
@pytest.mark.parametrize("name", ["1/i", "spikes", "noise", "exp(-i/20)"])
@pytest.mark.parametrize("k", [1, 10, 40])
def test_a_small_basis_is_restarted(rng, energy, name, k):
    s = SPECTRA[name]
    X, _ = rows_of(s, rng)
    free = find(X, k, energy=energy)
    tight = find(X, k, energy=energy, max_basis=1, block=2)
    assert tight.converged
    assert_sound(X, tight, k)
    assert_allclose(np.sum(tight.squares), np.sum(s[:k] ** 2), rtol=2e-6)
    # In vectors, as the blocks differ.
    assert 2 * tight.passes <= 3 * 8 * free.passes


def test_a_restart_keeps_the_basis_within_its_bound(rng, monkeypatch):
    sizes = []
    look = krylov._Basis.ritz

    def watched(self, n_wanted):
        sizes.append(self.count)
        return look(self, n_wanted)

    monkeypatch.setattr(krylov._Basis, "ritz", watched)
    X, _ = rows_of(SPECTRA["noise"], rng)
    assert find(X, 4, 1e-8, block=4, max_basis=1).converged
    # at_most + 8 blocks
    assert max(sizes) <= 4 + 8 * 4
    assert np.sum(np.diff(sizes) < 0) >= 2


@pytest.mark.parametrize("energy", [True, False])
def test_a_bound_on_the_passes_is_kept_and_told(rng, energy):
    s = SPECTRA["noise"]
    X, _ = rows_of(s, rng)
    found = find(X, 5, 1e-8, energy=energy, max_passes=3)
    assert not found.converged
    assert found.passes == 3
    assert found.residual > 1e-8
    assert_sound(X, found, 5)


def test_the_same_seed_gives_the_same_digits(rng):
    X, _ = rows_of(SPECTRA["1/i"], rng)
    one, two, other = find(X, 5), find(X, 5), find(X, 5, seed=1)
    assert np.array_equal(one.vectors, two.vectors)
    assert np.array_equal(one.squares, two.squares)
    assert not np.array_equal(one.vectors, other.vectors)
    assert subspace_sine(one.vectors, other.vectors) < 2e-6


def test_a_count_that_grows_with_what_is_found(rng):
    s = SPECTRA["i^-.5"]
    X, V = rows_of(s, rng)
    share = np.cumsum(s**2) / np.sum(s**2)
    for wanted in (0.3, 0.6, 0.9):

        def count(values, wanted=wanted):
            held = np.cumsum(values) / np.sum(s**2)
            return int(np.searchsorted(held, wanted, side="right")) + 1

        goal = Goal(count, D, 1e-6)
        found = leading(sweep_of(X), goal, block=8, rng=np.random.default_rng(0))
        k = int(np.searchsorted(share, wanted, side="right")) + 1
        assert len(found.squares) == k
        assert subspace_sine(found.vectors, V[:k]) < 1e-5


def test_a_count_that_cannot_be_reached_stops_at_its_bound(rng):
    X, _ = rows_of(SPECTRA["flat"], rng)
    goal = Goal(lambda values: len(values) + 1, 7, 1e-6)
    found = leading(sweep_of(X), goal, block=4, rng=np.random.default_rng(0))
    assert len(found.squares) == 7


# Kinds of sweeps.


@pytest.mark.parametrize("on_features", [True, False])
def test_kinds_of_sweeps_agree(rng, on_features):
    X = rng.standard_normal((90, 50)) * (rng.random((90, 50)) < 0.3) * (1 / i[:50])
    S = sparse.csr_array(X)
    s, V = np.linalg.svd(X)[1:]
    for sweep in (
        sweep_of(X, on_features=on_features),
        SparseSweep(S, sparse_column_moments(S), center=False, on_features=on_features),
        OperatorSweep(aslinearoperator(X), None, np.sum(X**2), on_features=on_features),
    ):
        found = find(X, 6, 1e-8, sweep=sweep)
        assert_sound(X, found, 6)
        assert_allclose(np.sqrt(found.squares), s[:6], rtol=1e-12)
        assert subspace_sine(found.vectors, V[:6]) < 1e-7


@pytest.mark.parametrize("on_features", [True, False])
def test_float32(rng, on_features):
    s = np.logspace(0, -2, 60)
    X, V = rows_of(s, rng, 90)
    X = X.astype(np.float32)
    found = find(X, 20, sweep=sweep_of(X, on_features=on_features))
    assert found.converged
    assert_allclose(np.sqrt(found.squares), s[:20], rtol=1e-5)
    assert subspace_sine(found.vectors, V[:20]) < 1e-4
    assert_allclose(found.vectors @ found.vectors.T, np.eye(20), atol=1e-6)


def test_float32_makes_up_no_direction(rng):
    """What a rank leaves over is rounding, 1e-7, not 4e-3."""
    X = rng.standard_normal((63, 46)) @ np.diag(np.linspace(1, 0.05, 46))
    X = (X @ rng.standard_normal((46, 67)) / 8).astype(np.float32)
    s = np.linalg.svd(X.astype(float), compute_uv=False)
    found = find(X, 63)
    values = np.zeros(63)
    values[: len(found.squares)] = np.sqrt(found.squares)
    assert_allclose(values, s, atol=1e-4 * s[0])


# A single vector.


def sparse_diagonal(s):
    X = sparse.diags_array(s).tocsr()
    return X, SparseSweep(X, sparse_column_moments(X), center=False)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ["1/i", "spikes", "noise"])
def test_a_single_vector(name, seed):
    s = SPECTRA[name]
    X, sweep = sparse_diagonal(s)
    found = find(X, 8, 1e-8, sweep=sweep, single=True, seed=seed)
    assert found.single
    assert_sound(X, found, 8)
    assert_allclose(np.sqrt(found.squares), s[:8], rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("copies", [2, 3, 5])
@pytest.mark.parametrize("rest", [1.0, 1.98, 1.9999])
def test_a_single_vector_misses_no_copy(seed, copies, rest):
    """Copies of a value above the last that is wanted, by little or by far."""
    s = np.r_[3, 2.5, np.full(copies, 2.0), np.linspace(rest, 0.1, 150)]
    X, sweep = sparse_diagonal(s)
    found = find(X, copies + 3, 1e-8, sweep=sweep, single=True, seed=seed)
    assert_sound(X, found, copies + 3)
    assert_allclose(np.sqrt(found.squares), s[: copies + 3], rtol=1e-8)


@pytest.mark.parametrize("rank", [0, 1, 5])
def test_a_single_vector_where_the_rank_ends(rank):
    s = np.r_[np.linspace(3, 1, rank), np.zeros(60 - rank)]
    X, sweep = sparse_diagonal(s)
    found = find(X, 8, 1e-8, sweep=sweep, single=True)
    assert len(found.squares) == rank
    assert_allclose(np.sqrt(found.squares), s[:rank], rtol=1e-10)


def test_a_single_vector_says_when_it_fails(monkeypatch):
    X, sweep = sparse_diagonal(SPECTRA["flat"])

    def fails(*args, **kwargs):
        raise triplets.ArpackError(-1)

    monkeypatch.setattr(triplets, "eigsh", fails)
    goal = exactly(3)
    assert single_vector(sweep, goal, np.random.default_rng(0)) is None
    found = find(X, 3, sweep=sweep, single=True)
    assert not found.single
    assert_sound(X, found, 3)
