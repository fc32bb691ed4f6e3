"""The pencil, its two routes, and the limit where S_w is singular."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdimred.metrics import subspace_sine
from skdimred.numerics.pencil import eigh_pencil, limit_directions, ratio_directions


def problem(rng, p=6, n_classes=4, scale=None):
    A = rng.standard_normal((40, p))
    S_w = A.T @ A / 40
    B = rng.standard_normal((n_classes, p))
    B -= B.mean(axis=0)
    if scale is not None:
        S_w, B = S_w * np.multiply.outer(scale, scale), B * scale
    return S_w, B


def test_both_routes_solve_the_pencil(rng):
    S_w, B = problem(rng)
    cholesky = ratio_directions(S_w, B, 3)
    general = eigh_pencil(B.T @ B, S_w, 3)
    assert_allclose(cholesky.values, general.values, rtol=1e-12)
    assert_allclose(cholesky.vectors, general.vectors, rtol=1e-9, atol=1e-11)
    for pencil in (cholesky, general):
        W = pencil.vectors
        assert_allclose(W @ S_w @ W.T, np.eye(3), atol=1e-12)
        assert_allclose(W @ B.T @ B @ W.T, np.diag(pencil.values), atol=1e-11)
        assert pencil.residual(S_w, B) < 1e-13


def test_scales_of_sixteen_decades_cost_nothing(rng):
    scale = np.logspace(-8, 8, 6)
    S_w, B = problem(rng)
    S_scaled, B_scaled = S_w * np.multiply.outer(scale, scale), B * scale
    plain = ratio_directions(S_w, B, 3)
    scaled = ratio_directions(S_scaled, B_scaled, 3)
    assert_allclose(scaled.values, plain.values, rtol=1e-12)
    assert subspace_sine(scaled.vectors * scale, plain.vectors) < 1e-12


def test_rank_guard(rng):
    S_w, B = problem(rng)
    S_w[:, 5], S_w[5] = S_w[:, 4], S_w[4]
    assert ratio_directions(S_w, B, 3) is None
    assert eigh_pencil(B.T @ B, S_w, 3) is None


@pytest.mark.parametrize("null", [1, 2, 3, 4])
def test_limit_is_the_limit_of_small_ridges(rng, null):
    """Both families, against the explicit ridge as it shrinks."""
    p, n_classes = 7, 5
    A = rng.standard_normal((30, p - null))
    Q, _ = np.linalg.qr(rng.standard_normal((p, p)))
    N, R = Q[:, :null], Q[:, null:]
    S_w = R @ (A.T @ A / 30) @ R.T
    B = rng.standard_normal((n_classes, p))
    B -= B.mean(axis=0)
    sigma, V = np.linalg.eigh(A.T @ A / 30)
    H = R @ (V / np.sqrt(sigma))
    n_infinite = np.linalg.matrix_rank(B @ N)
    limit = limit_directions(B, H, N, n_infinite, 4 - n_infinite)
    assert np.isinf(limit.values).sum() == n_infinite
    finite = limit.vectors[n_infinite:]
    assert_allclose(finite @ S_w @ finite.T, np.eye(len(finite)), atol=1e-10)
    errors = []
    for alpha in (1e-4, 1e-6):
        ridge = ratio_directions(S_w + alpha * np.eye(p), B, 4, min_rcond=0.0)
        first, second = ridge.vectors[:n_infinite], ridge.vectors[n_infinite:]
        error = subspace_sine(first, limit.vectors[:n_infinite])
        if len(finite):
            error = max(error, subspace_sine(second, finite))
        errors.append(error)
    # The error is proportional to the ridge.
    assert errors[1] < 1e-3
    assert errors[1] < 0.02 * errors[0] + 1e-9
    assert_allclose(ridge.values[n_infinite:], limit.values[n_infinite:], rtol=1e-2)


def test_signs_do_not_depend_on_the_route(rng):
    S_w, B = problem(rng)
    first = ratio_directions(S_w, B, 3).vectors
    largest = np.abs(first).argmax(axis=1)
    assert np.all(first[np.arange(3), largest] > 0)
