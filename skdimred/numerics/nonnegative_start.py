r"""Where the alternation of non-negative factors begins.

- `low_rank`: a range finder's Q R close to Z, from a few products with thin matrices
  [1]_. It yields the singular vectors of `nndsvd`, and is itself a matrix so cheap that
  the first iterations may be spent on it.
- `nndsvd`: of each singular pair the signed half with more energy [2]_.
- `separable`: rows of Z that span the cone of the others, found one by one as the row
  that lies farthest off those before (successive projection, [3]_). Exact where every
  row is a non-negative combination of k of them.

References
----------
.. [1] N. Halko, P.-G. Martinsson and J. A. Tropp, "Finding structure with randomness",
       SIAM Review 53 (2011), 217-288. https://doi.org/10.1137/090771806
.. [2] C. Boutsidis and E. Gallopoulos, "SVD based initialization: a head start for
       nonnegative matrix factorization", Pattern Recognition 41 (2008), 1350-1362.
       https://doi.org/10.1016/j.patcog.2007.09.010
.. [3] N. Gillis and S. A. Vavasis, "Fast and robust recursive algorithms for separable
       nonnegative matrix factorization", IEEE Transactions on Pattern Analysis and
       Machine Intelligence 36 (2014), 698-714. https://doi.org/10.1109/TPAMI.2013.226
"""

import numpy as np

from skdimred.numerics.factor_products import LowRankProducts, gram, inner

__all__ = ["filled", "low_rank", "nndsvd", "rescaled", "separable"]

# Columns of the range finder beyond k, and how often it goes to Z' and back. Products
# with a sparse matrix are too dear for what more of them would gain.
LEAST_EXTRA, EXTRA_SHARE, POWERS = 10, 0.5, 2


def low_rank(products, k, rng):
    """A matrix of rank a little above k close to Z.

    Parameters
    ----------
    products : DenseProducts or SparseProducts
    k : int
    rng : numpy.random.Generator

    Returns
    -------
    LowRankProducts
    """
    n, p = products.shape
    extra = LEAST_EXTRA if products.is_dear else max(LEAST_EXTRA, EXTRA_SHARE * k)
    rank = min(k + int(extra), n, p)
    sample = rng.standard_normal((rank, p)).astype(products.dtype)
    if rank == p:
        sample = np.eye(p, dtype=products.dtype)
    Q = _orthonormal(products.right(sample))
    for _ in range(0 if products.is_dear else POWERS):
        Q = _orthonormal(products.left(Q))
        Q = _orthonormal(products.right(Q))
    return LowRankProducts(np.ascontiguousarray(Q.T), products.left(Q))


def _orthonormal(rows):
    """Orthonormal rows of the same span."""
    return np.ascontiguousarray(np.linalg.qr(rows.T)[0].T)


def nndsvd(low, k):
    """Non-negative parts of k singular pairs of ``Q R``.

    Parameters
    ----------
    low : LowRankProducts
    k : int
        At most the rank of `low`.

    Returns
    -------
    A : ndarray of shape (k, n)
    B : ndarray of shape (k, p)
        With zeros where the halves left out were.
    """
    values, vectors = np.linalg.eigh(gram(low.R))
    s = np.sqrt(np.maximum(values[::-1][:k], 0.0))
    vectors = np.ascontiguousarray(vectors[:, ::-1][:, :k].T).astype(low.dtype)
    # Singular vectors, the right ones times their singular values; then their halves.
    A, B = vectors @ low.Q.T, vectors @ low.R
    for j in range(k):
        halves = []
        for sign in (1, -1):
            u, v = np.maximum(sign * A[j], 0.0), np.maximum(sign * B[j], 0.0)
            sizes = float(np.linalg.norm(u)), float(np.linalg.norm(v))
            halves.append((sizes[0] * sizes[1], sizes, u, v))
        size, (size_u, size_v), u, v = max(halves, key=lambda half: half[0])
        if size > 0 and s[j] > len(s) * np.finfo(low.dtype).eps * s[0]:
            root = np.sqrt(size)
            A[j], B[j] = u * (root / size_u), v * (root / size_v)
        else:
            A[j], B[j] = 0.0, 0.0
    return A, B


def filled(A, B, share, *, rng=None, root=None):
    """Factors with a share of their mean in place of zeros.

    Parameters
    ----------
    A, B : ndarray of shape (k, n) and (k, p)
        Changed.
    share : float
    rng : numpy.random.Generator or None
        Scatters the values in B, if given.
    root : ndarray of shape (n,) or None
        Roots of the weights of the rows, by which A is multiplied.
    """
    root = np.ones(A.shape[1]) if root is None else root.astype(np.float64)
    value = share * float(sum(a @ root for a in A)) / float(root @ root) / len(A)
    for a in A:
        np.copyto(a, (value * root).astype(A.dtype), where=a <= 0)
    value = share * float(B.mean(dtype=np.float64))
    for b in B:
        scatter = 1.0 if rng is None else np.abs(rng.standard_normal(len(b)))
        np.copyto(b, np.asarray(value * scatter, B.dtype), where=b <= 0)
    return A, B


def rescaled(products, A, B):
    """Both factors times one number, with which their product is closest to Z."""
    fit = inner(A, products.right(B))
    size = inner(A @ A.T, B @ B.T)
    root = np.sqrt(fit / size) if fit > 0 and size > 0 else 1.0
    return A * A.dtype.type(root), B * B.dtype.type(root)


def separable(X, k):
    """Positions of k rows that span the cone of all.

    Rows are first divided by their sums, so that a cone becomes a simplex.

    Parameters
    ----------
    X : ndarray, csr or csc of shape (n, p)
        Non-negative.
    k : int

    Returns
    -------
    ndarray of int of shape (at most k,)
        In the order in which they were found; fewer where the rest are combinations.
    """
    n = X.shape[0]
    sums = np.asarray(X.sum(axis=1, dtype=np.float64)).reshape(-1)
    inverse = np.divide(1.0, sums, out=np.zeros(n), where=sums > 0)
    # Squared distances of the rows from the span of those chosen.
    squares = _row_squares(X) * inverse**2
    start, found, basis = squares.copy(), [], np.empty((0, X.shape[1]))
    for _ in range(min(k, n)):
        row = int(np.argmax(squares))
        if squares[row] <= 1e-12 * start[row]:
            break
        found.append(row)
        vector = _dense_row(X, row) * inverse[row]
        for _ in range(2):
            vector = vector - (basis @ vector) @ basis
        vector /= np.linalg.norm(vector)
        basis = np.vstack([basis, vector])
        along = np.asarray(X @ vector, dtype=np.float64) * inverse
        squares = np.maximum(squares - along**2, 0.0)
        squares[row] = 0.0
    return np.array(found, dtype=np.intp)


def _is_sparse(X):
    return not isinstance(X, np.ndarray)


def _dense_row(X, row):
    values = X[[row]].toarray() if _is_sparse(X) else X[row]
    return np.asarray(values, dtype=np.float64).reshape(-1)


def _row_squares(X):
    if _is_sparse(X):
        return np.asarray(X.astype(np.float64).power(2).sum(axis=1)).reshape(-1)
    return np.einsum("ij,ij->i", X, X, dtype=np.float64)
