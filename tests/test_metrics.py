"""Angles between subspaces."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import haversine_distances

from skdimred.metrics import (
    great_circle_distances,
    hoyer_sparseness,
    log_fold_change_distances,
    subspace_sine,
)


@pytest.mark.parametrize("angle", [0.0, 1e-15, 1e-8, 0.3, np.pi / 2])
def test_small_angles_keep_their_digits(angle):
    A = np.eye(3)[:2]
    B = np.array([[0.0, 7.0, 0.0], [-np.cos(angle), 0.0, -np.sin(angle)]])
    assert subspace_sine(A, B) == pytest.approx(np.sin(angle), rel=1e-6, abs=1e-16)


def test_basis_does_not_matter(rng):
    A = rng.standard_normal((3, 8))
    assert subspace_sine(A, rng.standard_normal((3, 3)) @ A * 1e-200) < 1e-12
    assert subspace_sine(A, A[:2]) == 1.0
    assert subspace_sine(np.vstack([A, A[0]]), A) < 1e-14
    assert subspace_sine(np.zeros((1, 8)), np.zeros((2, 8))) == 0.0


def test_bad_input():
    with pytest.raises(ValueError, match=r"shapes \(2, 2\) and \(2, 3\)"):
        subspace_sine(np.eye(2), np.ones((2, 3)))
    with pytest.raises(ValueError, match="NaN"):
        subspace_sine([[np.nan]], [[1.0]])


def test_great_circle():
    places = np.array([[0, 0], [0, 90], [90, 0], [-90, 77], [0, 180], [1e-9, 0]])
    D = great_circle_distances(places, radius=1.0)
    quarter = np.pi / 2
    assert_allclose(D[0], [0, quarter, quarter, quarter, np.pi, np.deg2rad(1e-9)])
    assert_allclose(D, D.T, atol=1e-15)
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(-90, 90, 40), rng.uniform(-180, 180, 40)])
    expected = haversine_distances(np.deg2rad(X)) * 6371.0088
    assert_allclose(great_circle_distances(X), expected, rtol=1e-7, atol=1e-9)
    assert_allclose(
        great_circle_distances(X, X[:3]), expected[:, :3], rtol=1e-7, atol=1e-9
    )
    with pytest.raises(ValueError, match=r"two columns.* found shape \(2, 3\)"):
        great_circle_distances(np.zeros((2, 3)))
    with pytest.raises(ValueError, match=r"found 91 in row 1\. Are the columns exch"):
        great_circle_distances([[0, 0], [91, 0]])


def test_log_fold_change():
    rng = np.random.default_rng(0)
    X = rng.poisson(20, (12, 50)).astype(float)
    logs = np.log2(X + 1)
    gap = np.abs(logs[:, None] - logs)
    assert_allclose(log_fold_change_distances(X), gap.mean(axis=2))
    leading = np.sqrt(np.mean(np.sort(gap, axis=2)[:, :, -7:] ** 2, axis=2))
    assert_allclose(log_fold_change_distances(X, top=7), leading)
    assert_allclose(log_fold_change_distances(X, X[:3], top=7), leading[:, :3])
    all_of_them = np.sqrt(np.mean(gap**2, axis=2))
    assert_allclose(log_fold_change_distances(X, top=500), all_of_them)
    with pytest.raises(ValueError, match="found 0 in row 0, column 1"):
        log_fold_change_distances([[1, 0]], pseudocount=0.0)
    with pytest.raises(ValueError, match="top=0 must be"):
        log_fold_change_distances(X, top=0)
    with pytest.raises(ValueError, match="X has 50 features and Y has 2"):
        log_fold_change_distances(X, X[:, :2])


def test_hoyer_sparseness_of_known_vectors(rng):
    """m equal entries of p give (sqrt p - sqrt m) / (sqrt p - 1)."""
    p = 16
    for m in range(1, p + 1):
        h = np.zeros(p)
        h[rng.permutation(p)[:m]] = -3.0
        expected = (4 - np.sqrt(m)) / 3
        assert hoyer_sparseness(h) == pytest.approx(expected, abs=1e-14)
    H = rng.random((5, p))
    found = hoyer_sparseness(H)
    assert found.shape == (5,)
    assert ((found > 0) & (found < 1)).all()
    l1, l2 = np.abs(H).sum(axis=1), np.linalg.norm(H, axis=1)
    assert_allclose(found, (4 - l1 / l2) / 3)
    for unit in (1e-300, 1e300):
        assert_allclose(hoyer_sparseness(unit * H), found)
    assert_allclose(hoyer_sparseness(-H[:, ::-1]), found)
    assert_allclose(hoyer_sparseness(H.astype(np.float32)), found, rtol=1e-5)


def test_hoyer_sparseness_of_odd_vectors():
    assert hoyer_sparseness([5.0]) == hoyer_sparseness([0.0, 0.0]) == 0
    assert hoyer_sparseness(np.zeros((3, 4))).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="found shape"):
        hoyer_sparseness(np.zeros((3, 0)))
    with pytest.raises(ValueError, match="row 1, column 0"):
        hoyer_sparseness([[1.0, 2.0], [np.nan, 1.0]])
