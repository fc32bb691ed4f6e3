"""Discriminant directions against the same computation with sixty digits."""

import mpmath
import numpy as np
import pytest

from skdimred import DifferenceLDA, MeanDifferenceLDA, RatioLDA
from skdimred.metrics import subspace_sine


def exact_scatters(X, y):
    """S_b and S_w of the rows as they are, in sixty digits."""
    labels = np.unique(y)
    p, n = X.shape[1], len(X)
    rows = mpmath.matrix(X.tolist())
    means = {}
    for label in labels:
        members = [i for i in range(n) if y[i] == label]
        means[label] = [
            mpmath.fsum(rows[i, j] for i in members) / len(members) for j in range(p)
        ]
    counts = {label: int(np.sum(y == label)) for label in labels}
    overall = [
        mpmath.fsum(counts[label] * means[label][j] for label in labels) / n
        for j in range(p)
    ]
    Z = mpmath.matrix(n, p)
    for i in range(n):
        for j in range(p):
            Z[i, j] = rows[i, j] - means[y[i]][j]
    B = mpmath.matrix(len(labels), p)
    for k, label in enumerate(labels):
        for j in range(p):
            B[k, j] = mpmath.sqrt(mpmath.mpf(counts[label]) / n) * (
                means[label][j] - overall[j]
            )
    return B.T * B, Z.T * Z / n


def to_float(vectors):
    """Columns of an mpmath matrix as unit rows of floats."""
    rows = []
    for j in range(vectors.cols):
        column = vectors[:, j]
        rows.append([float(v) for v in column / mpmath.norm(column)])
    return np.array(rows)


def exact_ratio(X, y, k):
    """Leading directions of the ratio as rows, and their eigenvalues."""
    with mpmath.workdps(60):
        S_b, S_w = exact_scatters(X, y)
        L = mpmath.cholesky(S_w)
        inverse = L**-1
        values, vectors = mpmath.eigsy(inverse * S_b * inverse.T)
        W = inverse.T * vectors
        p = len(values)
        order = range(p - 1, p - 1 - k, -1)
        columns = mpmath.matrix(p, k)
        for position, j in enumerate(order):
            columns[:, position] = W[:, j]
        return to_float(columns), np.array([float(values[j]) for j in order])


def exact_difference(X, y, k, rho):
    """Leading directions of the difference as rows, and their eigenvalues."""
    with mpmath.workdps(60):
        S_b, S_w = exact_scatters(X, y)
        values, vectors = mpmath.eigsy(S_b - rho * S_w)
        p = len(values)
        columns = mpmath.matrix(p, k)
        for position in range(k):
            columns[:, position] = vectors[:, p - 1 - position]
        return to_float(columns), np.array([float(values[p - 1 - j]) for j in range(k)])


def rows(rng, n=40, p=5, n_classes=3):
    y = np.arange(n) % n_classes
    X = rng.standard_normal((n, p)) + 2 * rng.standard_normal((n_classes, p))[y]
    return X, y


def scaled(rng):
    X, y = rows(rng)
    return X * 10.0 ** np.array([-8, -4, 0, 4, 8]), y


def far(rng):
    X, y = rows(rng)
    return X + 1e8, y


def separate(rng):
    X, y = rows(rng)
    return X + 1e6 * rng.standard_normal((3, 5))[y], y


def collinear(gap):
    def make(rng):
        X, y = rows(rng)
        X[:, 4] = X[:, 3] + gap * X[:, 4]
        return X, y

    return make


CASES = [
    (rows, 1e-13, 1e-12),
    (scaled, 1e-12, 1e-12),
    (far, 1e-12, 1e-12),
    (separate, 1e-12, 1e-12),
    # Eigenvalues of a scatter know the weak direction to eps over its rcond.
    (collinear(1e-4), 1e-10, 1e-6),
    (collinear(1e-6), 1e-8, 1e-6),
    (collinear(1e-8), 1e-6, 1e-6),
]


@pytest.mark.parametrize(("make", "tol", "value_tol"), CASES)
@pytest.mark.parametrize("solver", ["auto", "qr"])
def test_ratio(rng, make, tol, value_tol, solver):
    X, y = make(rng)
    vectors, values = exact_ratio(X, y, 2)
    lda = RatioLDA(solver=solver).fit(X, y)
    scale = X.std(axis=0)
    assert subspace_sine(lda.scalings_.T * scale, vectors * scale) < tol
    assert subspace_sine(lda.scalings_.T, vectors) < tol
    assert np.all(np.abs(lda.eigenvalues_ / values - 1) < value_tol)


@pytest.mark.parametrize(("make", "tol", "value_tol"), CASES)
def test_mean_difference(rng, make, tol, value_tol):
    X, y = make(rng)
    X, y = X[y < 2], y[y < 2]
    vectors, values = exact_ratio(X, y, 1)
    lda = MeanDifferenceLDA().fit(X, y)
    scale = X.std(axis=0)
    assert subspace_sine(lda.scalings_.T * scale, vectors * scale) < tol
    assert abs(lda.eigenvalues_[0] / values[0] - 1) < value_tol


@pytest.mark.parametrize("make", [case[0] for case in CASES])
@pytest.mark.parametrize("rho", [0.1, 0.5, 2.0])
def test_difference(rng, make, rho):
    X, y = make(rng)
    vectors, values = exact_difference(X, y, 2, rho)
    lda = DifferenceLDA(rho=rho)
    # Of a matrix of this size nothing smaller than its rounding is known.
    least = 1e-14 * (1 + rho) * np.sum(X.var(axis=0))
    if values[0] < least:
        with pytest.raises(ValueError, match="more than the rounding of the scatters"):
            lda.fit(X, y)
        return
    lda.fit(X, y)
    k = lda.n_components_
    assert k == np.count_nonzero(values > least)
    gap = values[k - 1] - (values[1] if k == 1 else 0.0)
    assert subspace_sine(lda.scalings_.T, vectors[:k]) < 1e-12 + 9 * least / gap
    assert np.all(np.abs(lda.eigenvalues_ - values[:k]) < least)
