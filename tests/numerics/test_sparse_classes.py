"""Class moments of sparse rows against those of dense ones."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse

from skdimred.numerics.moments import ClassMoments
from skdimred.numerics.sparse_classes import (
    ClassColumns,
    sparse_class_moments,
    squared_norm_of_scatter,
)


def rows(rng, n=300, p=20, density=0.1):
    X = rng.standard_normal((n, p)) * (rng.random((n, p)) < density)
    return X, rng.integers(0, 4, n), rng.integers(0, 3, n).astype(float)


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("density", [0.02, 0.9])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_moments(rng, form, density, weighted, offset):
    X, codes, w = rows(rng, density=density)
    X[:, 3] += offset
    w = w if weighted else None
    found = sparse_class_moments(form(X), codes, 5, w)
    exact = ClassMoments.from_block(X, codes, 5, w)
    assert_allclose(found.weights, exact.weights)
    assert_allclose(found.means[:4], exact.means[:4], rtol=1e-12, atol=1e-12)
    assert_allclose(found.scatter, exact.scatter, rtol=1e-9, atol=1e-8)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(300, 20), (30, 200)])
def test_columns_and_the_norm(rng, weighted, shape):
    X, codes, w = rows(rng, *shape)
    w = w if weighted else None
    exact = ClassMoments.from_block(X, codes, 4, w)
    for form, make in (
        (sparse.csr_array, ClassColumns.from_sparse),
        (sparse.csc_array, ClassColumns.from_sparse),
        (np.asarray, ClassColumns.from_dense),
    ):
        S = form(X)
        found = make(S, codes, 4, w)
        assert_allclose(found.weights, exact.weights)
        assert_allclose(found.means, exact.means, atol=1e-13)
        assert_allclose(found.squares, exact.scatter.diagonal(), atol=1e-12)
        S = S.tocsr() if sparse.issparse(S) else S
        norm = squared_norm_of_scatter(S, codes, w, found)
        assert_allclose(norm, np.sum(exact.scatter**2), rtol=1e-12)
