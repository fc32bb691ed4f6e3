"""Conjugate gradients and the small pencil behind them."""

import numpy as np
import pytest
import scipy.linalg
from numpy.testing import assert_allclose

from skdimred.numerics.ridge import conjugate_gradients, ridge_directions


def system(rng, p=40, r=3, condition=1e4):
    Q = np.linalg.qr(rng.standard_normal((p, p)))[0]
    S = (Q * np.geomspace(1, 1 / condition, p)) @ Q.T
    return (S + S.T) / 2, rng.standard_normal((r, p))


@pytest.mark.parametrize("r", [1, 3])
@pytest.mark.parametrize("tol", [1e-3, 1e-10])
def test_solves(rng, r, tol):
    S, C = system(rng, r=r)
    before = C.copy()
    H, R, n_iter, error = conjugate_gradients(
        lambda V: S @ V, C, S.diagonal().copy(), tol=tol, max_iter=500
    )
    assert error <= tol
    assert n_iter < 500
    assert np.array_equal(C, before)
    assert_allclose(R, C.T - S @ H, atol=1e-10)
    size = np.sqrt(np.sum(R**2 / S.diagonal()[:, None], axis=0))
    assert np.all(size <= 1.01 * tol * np.sqrt(np.sum(C**2 / S.diagonal(), axis=1)))


def test_columns_stop_one_by_one(rng):
    S, C = system(rng)
    C[1] = S @ rng.standard_normal(40)
    C[2] = 0.0
    widths = []

    def times(V):
        widths.append(V.shape[1])
        return S @ V

    H, _, n_iter, _ = conjugate_gradients(
        times, C, S.diagonal().copy(), tol=1e-9, max_iter=1000
    )
    assert_allclose(H[:, 2], 0)
    assert widths[0] == 3
    assert widths[-1] < 3
    assert len(widths) == n_iter


def test_stops_at_its_bound(rng):
    S, C = system(rng)
    H, R, n_iter, error = conjugate_gradients(
        lambda V: S @ V, C, S.diagonal().copy(), tol=1e-12, max_iter=4
    )
    assert n_iter == 4
    assert error > 1e-12
    assert_allclose(R, C.T - S @ H, atol=1e-12)


def test_directions_solve_the_pencil(rng):
    S, C = system(rng)
    B = np.concatenate([C, C[:1] - C[1:2]])  # rank 3
    pencil, images, _, _ = ridge_directions(
        lambda V: S @ V, B, 3, S.diagonal().copy(), tol=1e-11, max_iter=1000
    )
    values, vectors = scipy.linalg.eigh(B.T @ B, S)
    assert_allclose(pencil.values, values[::-1][:3], rtol=1e-9)
    assert_allclose(
        np.abs(pencil.vectors), np.abs(vectors[:, ::-1][:, :3].T), rtol=1e-6, atol=1e-8
    )
    assert_allclose(images, pencil.vectors @ S, atol=1e-9)
    assert_allclose(pencil.vectors @ images.T, np.eye(3), atol=1e-8)


def test_eigenvalues_are_right_to_the_square(rng):
    S, B = system(rng, condition=100)
    exact = scipy.linalg.eigh(B.T @ B, S, eigvals_only=True)[::-1][:3]
    for tol in (1e-2, 1e-3, 1e-4):
        pencil = ridge_directions(
            lambda V: S @ V, B, 3, S.diagonal().copy(), tol=tol, max_iter=1000
        )[0]
        assert np.all(np.abs(pencil.values / exact - 1) < 10 * tol**2)
