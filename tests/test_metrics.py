"""Angles between subspaces."""

import numpy as np
import pytest

from skdimred.metrics import subspace_sine


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
