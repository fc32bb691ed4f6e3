"""When a k-d tree is planted, and what it finds."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import NearestNeighbors

from skdimred.cluster._neighbors import Neighbors
from skdimred.numerics.tree import leaves_met, planted


def flat(rng, n, p, dimensions=3):
    """Rows near a space of few dimensions that no axis lies in."""
    mixed = rng.standard_normal((n, dimensions)) @ rng.standard_normal((dimensions, p))
    return mixed + 0.01 * rng.standard_normal((n, p))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("n", "p"), [(3000, 20), (3000, 2), (500, 10), (2000, 60)])
def test_a_tree_finds_what_all_distances_do(n, p, dtype, rng):
    X = flat(rng, n, p).astype(dtype)
    search = Neighbors(X)
    assert search.tree is not None
    D, places = search.among(8)
    exact = X.astype(np.float64)
    expected, _ = (
        NearestNeighbors(algorithm="brute").fit(exact).kneighbors(n_neighbors=8)
    )
    tol = 1e-9 if dtype == np.float64 else 2e-5
    assert_allclose(D, expected, rtol=tol, atol=tol)
    apart = np.linalg.norm(exact[:, np.newaxis] - exact[places], axis=2)
    assert_allclose(D, apart, rtol=tol, atol=tol)
    new = flat(rng, 50, p).astype(dtype)
    D, _ = search.of(new, 3)
    index = NearestNeighbors(algorithm="brute").fit(exact)
    expected, _ = index.kneighbors(new.astype(np.float64), 3)
    assert_allclose(D, expected, rtol=tol, atol=tol)


def test_no_tree_where_all_distances_are_faster(rng):
    assert planted(rng.standard_normal((4000, 20))) is None
    assert planted(rng.standard_normal((100, 65))) is None
    # Two wide directions say little about the others, along which all is near.
    X = rng.standard_normal((4000, 20))
    X[:, :2] *= 3
    assert planted(X) is None


def test_the_share_of_leaves_that_is_met(rng):
    line = np.column_stack([np.linspace(0, 1, 4000), np.zeros((4000, 3))])
    tree = planted(line - line.mean(axis=0))
    turned = (line - line.mean(axis=0)) @ tree.axes
    assert leaves_met(tree.nodes, turned) < 0.01
    # Of a ball in many dimensions most is near to all.
    cloud = rng.standard_normal((900, 12))
    tree = planted(cloud)
    assert leaves_met(tree.nodes, cloud @ tree.axes) > 0.5


def test_rows_that_are_all_equal():
    D, places = Neighbors(np.full((2000, 8), 3.0)).among(3)
    assert_array_equal(D, 0)
    assert (places != np.arange(2000)[:, np.newaxis]).all()


@pytest.mark.parametrize("p", [8, 20, 70])
@pytest.mark.parametrize("far", [1e7, 1e12])
def test_one_row_or_half_of_them_far_away(p, far, rng):
    """Products lose all digits where rows are long beside their distances."""
    X = rng.standard_normal((1500, p))
    expected = NearestNeighbors(algorithm="brute").fit(X).kneighbors(n_neighbors=9)[1]
    X[0] = far
    _, places = Neighbors(X).among(9)
    apart = np.abs(X[:, np.newaxis] - X[places]).max(axis=2)
    assert apart[1:].max() < 100
    kept = (expected != 0).all(axis=1) & (np.arange(1500) > 0)
    assert_array_equal(places[kept], expected[kept])
    X = np.round(rng.standard_normal((1500, p)) * 1e3)
    index = NearestNeighbors(algorithm="brute").fit(X[:700])
    expected, _ = index.kneighbors(n_neighbors=9)
    X[700:] += np.round(far)
    D, _ = Neighbors(X).among(9)
    assert_allclose(D[:700], expected, rtol=1e-6)


def test_a_row_does_not_depend_on_others(rng):
    X, new = flat(rng, 3000, 16), flat(rng, 40, 16)
    search = Neighbors(X)
    assert search.tree.axes is not None
    D, places = search.of(new, 5)
    for i in range(0, 40, 7):
        alone = search.of(new[[i]], 5)
        assert_array_equal(alone[0][0], D[i])
        assert_array_equal(alone[1][0], places[i])


def test_equal_distances_stay_equal_far_from_the_origin(rng):
    """All neighbours as near as the last one are found, in a grid of two parts."""
    for p, gap in ((8, 3000.0), (20, 9000.0)):
        X = rng.integers(0, 2, (1200, p)).astype(float)
        X[600:] += gap
        D, places = Neighbors(X).among(12)
        exact = np.linalg.norm(X[:, np.newaxis] - X[places], axis=2)
        assert_allclose(D, exact, rtol=1e-10, atol=0)


@pytest.mark.parametrize("p", [6, 20, 70])
@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_equal_rows_are_no_distance_apart(p, shift, rng):
    """Products leave 1e-8 of their length between them, which would be a scale."""
    X = np.repeat(rng.standard_normal((60, p)), 20, axis=0) + shift
    D, places = Neighbors(X).among(12)
    assert_array_equal(D, 0)
    assert_array_equal(X[places[:, 0]], X)
    X[::20, 0] += 1e-6 * max(1.0, shift * 1e-3)
    D, places = Neighbors(X).among(20)
    assert (np.diff(D, axis=1) >= 0).all()
    gap = np.linalg.norm(X[:, np.newaxis] - X[places], axis=2)
    assert_allclose(D, gap, rtol=1e-6, atol=0)
