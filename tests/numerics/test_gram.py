"""Spectra from Gram matrices and roots, against LAPACK's SVD."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdimred.metrics import subspace_sine
from skdimred.numerics import gram, wide
from skdimred.numerics.moments import Moments
from skdimred.numerics.rank import Count, resolve
from skdimred.numerics.root import Root, root_of_scatter
from skdimred.numerics.signs import fix_signs


def graded(rng, n, p, decades):
    """Rows with singular values over so many decades."""
    k = min(n - 1, p)
    U, _ = np.linalg.qr(rng.standard_normal((n, k)) - 0.0)
    U -= U.mean(axis=0)
    U, _ = np.linalg.qr(U)
    V, _ = np.linalg.qr(rng.standard_normal((p, k)))
    return U * np.logspace(0, -decades, k) @ V.T


def tall(X, k, tol=1e-6):
    moments = Moments.from_block(X)
    n, p = X.shape
    return gram.spectrum_of_scatter(
        moments.scatter, moments.active, Count(k, p), max_rank=min(n - 1, p), tol=tol
    )


def test_scatter_says_when_it_cannot_resolve(rng):
    X = graded(rng, 60, 8, decades=6)
    assert tall(X, None) is None
    assert tall(X, 2) is not None
    assert tall(X, None, tol=np.inf) is not None


def test_root_resolves_what_the_scatter_cannot(rng):
    X = graded(rng, 400, 8, decades=11)
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    mean = X.mean(axis=0)
    zero = np.zeros((1, 8))
    parts = [
        Root.from_block(part, None, center=mean, offsets=zero)
        for part in np.split(X, 4)
    ]
    root = parts[0].merge(parts[1]).merge(parts[2]).merge(parts[3])
    got = gram.spectrum_of_root(root.R, 400, np.ones(8, bool), Count(None, 8))
    assert_allclose(np.sqrt(got.squares), s, rtol=1e-3, atol=2e-16)
    assert_allclose(np.sqrt(got.squares)[:6], s[:6], rtol=1e-7)


def test_root_of_a_scatter_keeps_uneven_scales(rng):
    scale = np.logspace(-7, 0, 5)
    X = rng.standard_normal((200, 5)) * scale
    moments = Moments.from_block(X)
    root = root_of_scatter(moments.scatter, 1e-8)
    s = np.linalg.svd(X - X.mean(axis=0), compute_uv=False)
    assert_allclose(np.linalg.svd(root, compute_uv=False), s, rtol=1e-8)
    collinear = np.column_stack([X, X[:, 4]])
    assert root_of_scatter(Moments.from_block(collinear).scatter, 1e-8) is None


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("decades", [1, 7])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_wide_route(rng, weighted, decades, offset):
    n, p = 20, 300
    X = graded(rng, n, p, decades) + offset * rng.standard_normal(p)
    w = rng.integers(1, 4, n).astype(float) if weighted else None
    share = np.full(n, 1 / n) if w is None else w / w.sum()
    Z = X - share @ X
    Z -= share @ Z
    if weighted:
        Z *= np.sqrt(w)[:, None]
    _, s, Vt = np.linalg.svd(Z, full_matrices=False)
    parts = [
        wide.WideGram.from_block(X.T[r], sample_weight=w)
        for r in (slice(0, 1), slice(1, 120), slice(120, p))
    ]
    record = parts[0].merge(parts[1]).merge(parts[2])
    left, k, *proof = wide.eigenvectors_of_wide_gram(
        wide.recenter(record.gram, w), Count(None, n), max_rank=n - 1, tol=1e-6
    )
    out = np.empty((left.shape[1], p))
    wide.project_features(X, w, wide.off_mean(left, w), slice(0, p), out)
    got = wide.spectrum_of_projection(out, k, *proof)
    assert got.vectors.shape == (n, p)
    assert_allclose(got.vectors @ got.vectors.T, np.eye(n), atol=1e-9)
    noise = 1e-9 if offset else 1e-14
    assert_allclose(np.sqrt(got.squares[:-1]), s[:-1], atol=noise * s[0])
    assert subspace_sine(got.vectors[:3], Vt[:3]) < 1e3 * noise


@pytest.mark.parametrize("missing", [1, 5, 60])
def test_completion_is_orthonormal(rng, missing):
    k = 100
    V, _ = np.linalg.qr(rng.standard_normal((k, k - missing)))
    full = gram.complete_rows(V.T, k)
    assert_allclose(full @ full.T, np.eye(k), atol=1e-12)
    assert np.array_equal(full[: k - missing], V.T)


def test_share_of_variance_is_exceeded_not_met():
    squares = np.array([4.0, 3.0, 2.0, 1.0])
    assert resolve(0.7, squares, 10.0, 4) == 3
    assert resolve(0.69, squares, 10.0, 4) == 2
    assert resolve(0.9999, squares, 10.0, 4) == 4
    assert resolve(None, squares, 10.0, 4) == 4
    assert resolve(0.5, np.zeros(4), 0.0, 4) == 1


def test_signs_of_ties_are_decided_by_the_first():
    v = np.array([[-1.0, 1.0 + 1e-12], [1.0, -1.0 - 1e-12], [0.0, -2.0]])
    assert np.array_equal(np.sign(fix_signs(v)), [[1, -1], [1, -1], [0, 1]])
