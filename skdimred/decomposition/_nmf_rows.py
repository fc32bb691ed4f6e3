"""Weights of rows on non-negative components, and what they leave."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skdimred.blocks import map_ranges
from skdimred.numerics.divergence import Cells
from skdimred.numerics.divergence_rows import row_weights
from skdimred.numerics.factor_products import gram, squares_of
from skdimred.numerics.masked_nonnegative import Known, own_problems
from skdimred.numerics.nnls import nnls

__all__ = [
    "Model",
    "RowFit",
    "cells_of",
    "fit_of_rows",
    "transposed_product",
    "weights",
]

# Of the rows that are multiplied at once; how many rows are solved for at once, and of
# sparse ones, which need little memory themselves.
BLOCK_BYTES, SOLVED, SOLVED_SPARSE = 4 << 20, 4096, 2048
# Squared relative error below which it is summed entry by entry.
CLOSE = 1e-6
# Sweeps of the form that is not exact.
SWEEPS = 20


@dataclass(frozen=True)
class Model:
    """Components, and the loss by which rows are held against them.

    Attributes
    ----------
    H : ndarray of shape (k, p)
    beta : float
    l1, l2 : float
        Penalties of the weights.
    missing : bool
        Whether cells of sparse rows that are not stored are unknown.
    exact : bool
        Whether weights are exact, or what some sweeps reach.
    missing_weight : float
        Of an unknown cell.
    scale : float
        Mean of the known cells at fit.
    columns : ndarray of shape (p,) or None, for a divergence
        Their means by column, over the scale, where there may be unknown cells.
    """

    H: np.ndarray
    beta: float
    l1: float
    l2: float
    missing: bool
    exact: bool
    missing_weight: float
    scale: float
    columns: np.ndarray | None


def weights(X, model):
    """Weights (n, k), float64, each row's own."""
    if model.beta != 2:
        return _by_divergence(X, model, None)
    W = np.empty((X.shape[0], len(model.H)))

    def take(block, C, w):
        W[block] = model.scale * w

    _least_squares(X, model, take)
    return W


def _by_divergence(X, model, first):
    rows = X.tocsr() if sparse.issparse(X) else X
    return row_weights(
        rows,
        model.H,
        model.beta,
        missing=model.missing,
        l1=model.l1,
        l2=model.l2,
        exact=model.exact,
        start_from=first,
        map_ranges=map_ranges,
    )


def _least_squares(X, model, take):
    """``take(block, C, W)`` for blocks of rows: where, products and weights.

    The products (k, b) with the components and the weights (b, k) are over the scale of
    the model.
    """
    k, p = model.H.shape
    # Rows are held in units of the scale, as squares of cells may overflow.
    unit, l1 = model.scale, model.l1 / model.scale
    Ht = np.divide(model.H.T, unit, dtype=np.float64, order="C")
    options = {"exact": model.exact, "sweeps": None if model.exact else SWEEPS}
    ridge = model.l2 * np.eye(k)
    plain, width = gram(model.H), max(4 * k, p)
    rows = X
    if sparse.issparse(X):
        rows, width = X.tocsr(), 4 * k + 3 * X.nnz // max(1, X.shape[0])
    step = max(256, BLOCK_BYTES // (8 * width))

    def of_block(block):
        C, W = np.empty((k, len(block))), np.empty((len(block), k))
        whole = np.ones(len(block), bool)
        for start in range(0, len(block), step):
            part = slice(start, min(start + step, len(block)))
            x = rows[block[part].start : block[part].stop]
            x = x.astype(np.float64, copy=False)
            if model.missing or (not sparse.issparse(x) and np.isnan(x.sum())):
                C[:, part], W[part] = _masked(x, model, Ht, ridge, options)
                whole[part] = False
            else:
                C[:, part] = (x @ Ht).T
        if whole.all():
            W[:] = nnls(plain + ridge, C - l1, **options).T
        elif whole.any():
            W[whole] = nnls(plain + ridge, C[:, whole] - l1, **options).T
        take(slice(block.start, block.stop), C, W)

    solved = SOLVED_SPARSE if sparse.issparse(X) else SOLVED

    def over(taken):
        for start in range(taken.start, taken.stop, solved):
            of_block(range(start, min(start + solved, taken.stop)))

    for _ in map_ranges(over, X.shape[0], work=float(X.shape[0]) * k * (p + k)):
        pass


def _masked(x, model, Ht, ridge, options):
    """Products and weights of rows with unknown cells."""
    H = model.H.astype(np.float64, copy=False)
    known = Known.of(
        x, scale=model.scale, weight=model.missing_weight, columns=model.columns
    )
    W = np.empty((x.shape[0], len(H)))
    for block, S, C in own_problems(known, 0, H):
        own = np.moveaxis(S, 2, 0) + ridge
        W[block] = nnls(own, C - model.l1 / model.scale, **options).T
    cells = x if sparse.issparse(x) else np.where(np.isnan(x), 0.0, x)
    return np.ascontiguousarray((cells @ Ht).T), W


@dataclass(frozen=True)
class RowFit:
    """What components make of rows.

    Attributes
    ----------
    W : ndarray of shape (n, k), float64
    loss : float
        Half the squared error of the known cells, or their divergence, of X over the
        scale of the model.
    shares : ndarray of shape (k,)
        Of each component in the fit.
    total : float
        Sum of the squares of the known cells, or of these themselves, likewise.
    n_known : float
        Weighted number of known cells.
    """

    W: np.ndarray
    loss: float
    shares: np.ndarray
    total: float
    n_known: float


def fit_of_rows(X, model, sample_weight=None, *, gaps=False, first=None, squares=None):
    """Weights of rows, their loss, and the share of each component in the fit.

    Parameters
    ----------
    X : ndarray, csr or csc of shape (n, p)
    model : Model
    sample_weight : ndarray of shape (n,) or None
    gaps : bool
        Whether cells of dense rows are unknown.
    first : ndarray of shape (n, k) or None
        Weights to begin with, for a divergence.
    squares : float or None
        What `RowFit` has as its total, where it is known, for the squared error.

    Returns
    -------
    RowFit
    """
    times = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    if model.beta != 2:
        H = model.H.astype(np.float64, copy=False)
        W = _by_divergence(X, model, first)
        cells = cells_of(X, model, sample_weight)
        Ht = np.ascontiguousarray(H.T)
        loss = cells.value(W / model.scale, Ht)
        shares = _sums_of_parts(X, W / model.scale, Ht, times, model)
        shares /= cells.total or 1.0
        return RowFit(W, loss, shares, cells.total, cells.n_known)
    W, fit = np.empty((X.shape[0], len(model.H))), []

    def take(block, C, w):
        W[block] = w
        fit.append((block.start, np.einsum("n,nk,kn->k", times[block], w, C)))

    _least_squares(X, model, take)
    # In the order of the rows, whichever thread was first.
    cross = np.sum([part for _, part in sorted(fit, key=lambda one: one[0])], axis=0)
    if squares is None:
        squares = squares_of(X, model.scale, sample_weight)
    products = W.T @ (W if sample_weight is None else W * times[:, np.newaxis])
    half = (squares - 2 * cross.sum() + np.sum(products * gram(model.H))) / 2
    n_known = float(times.sum()) * X.shape[1]
    is_sparse = sparse.issparse(X)
    if model.missing or (not is_sparse and (gaps or half < CLOSE * squares)):
        cells = cells_of(X, model, sample_weight)
        Ht = np.ascontiguousarray(model.H.T, dtype=np.float64)
        half, n_known = cells.value(W, Ht), cells.n_known
    W *= model.scale
    return RowFit(W, max(half, 0.0), cross / (squares or 1.0), squares, n_known)


def _sums_of_parts(X, W, Ht, times, model):
    """Sum over the known cells of what each component adds to the fit."""
    weighted = W * times[:, np.newaxis]
    if sparse.issparse(X) and model.missing:
        known = X.tocsr().astype(np.float64)
        known.data = np.ones_like(known.data)
        return np.einsum("nk,nk->k", weighted, known @ Ht)
    if sparse.issparse(X) or not np.isnan(X.sum()):
        return weighted.sum(axis=0) * Ht.sum(axis=0)
    sums, step = np.zeros(Ht.shape[1]), max(1, BLOCK_BYTES // (8 * X.shape[1]))
    for start in range(0, len(X), step):
        block = slice(start, start + step)
        known = (~np.isnan(X[block])).astype(np.float64)
        sums += np.einsum("nk,nk->k", weighted[block], known @ Ht)
    return sums


def transposed_product(X, W, times, model):
    """W'X of shape (k, p), with what is fitted in place of unknown cells.

    Of weights over the scale of the model.

    Parameters
    ----------
    X : ndarray, csr or csc of shape (n, p)
    W : ndarray of shape (n, k)
    times : ndarray of shape (n,)
        How often each row counts.
    model : Model

    Returns
    -------
    ndarray of shape (k, p), float64, or the precision of a sparse X
    """
    weighted = W * times[:, np.newaxis]
    if sparse.issparse(X) and not model.missing:
        return np.ascontiguousarray((X.T @ weighted.astype(X.dtype)).T)
    H = model.H.astype(np.float64, copy=False)
    if sparse.issparse(X):
        product = np.asarray((X.T @ weighted).T, dtype=np.float64)
        if model.missing:
            fit = X.tocsr().astype(np.float64)
            fit.data = np.zeros_like(fit.data)
            cells = cells_of(fit, model, None)
            fit.data = cells.fit_of_entries(W, np.ascontiguousarray(H.T))
            filled = weighted.T @ W @ H - np.asarray((fit.T @ weighted).T)
            product += model.scale * filled
        return np.ascontiguousarray(product)
    product = np.zeros((len(H), X.shape[1]))
    step = max(1, BLOCK_BYTES // (8 * X.shape[1]))
    for start in range(0, len(X), step):
        block = slice(start, start + step)
        x = X[block]
        unknown = np.isnan(x)
        if unknown.any():
            x = np.where(unknown, model.scale * (W[block] @ H), x)
        product += weighted[block].T @ x
    return product


def cells_of(X, model, sample_weight):
    """The cells of rows over the scale, by the loss of the components."""
    rows = X.tocsr() if sparse.issparse(X) else X
    return Cells(
        rows,
        model.beta,
        scale=model.scale,
        missing=model.missing,
        weight=sample_weight,
        map_ranges=map_ranges,
    )
