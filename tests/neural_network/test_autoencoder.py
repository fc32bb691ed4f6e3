"""The autoencoder beside PCA and MLPRegressor, and on data that are hard."""

import pickle
import warnings
from importlib.util import find_spec

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from skdimred import PCA
from skdimred.metrics import subspace_sine
from skdimred.neural_network import Autoencoder
from skdimred.neural_network._course import Course
from skdimred.neural_network._descent import Problem
from skdimred.neural_network._rows import StandardRows
from skdimred.numerics.network import Network

pytestmark = pytest.mark.filterwarnings(
    "ignore:The descent has not come to rest:sklearn.exceptions.ConvergenceWarning",
    "ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning",
)
HAS_CALLBACKS = find_spec("sklearn.callback") is not None


@pytest.fixture(scope="module")
def parts():
    return train_test_split(load_digits().data / 16, train_size=1400, random_state=0)


def error_of(reducer, X):
    back = reducer.inverse_transform(reducer.transform(X))
    return np.mean((back - X) ** 2)


def by_definition(fitted, X):
    """Code and reconstruction from the public attributes alone."""
    functions = {
        "identity": lambda a: a,
        "relu": lambda a: np.maximum(a, 0),
        "tanh": np.tanh,
        "logistic": lambda a: 1 / (1 + np.exp(-a)),
    }
    a = Z = (X - fitted.mean_) / fitted.scale_
    half = len(fitted.coefs_) // 2
    for i, (W, b) in enumerate(zip(fitted.coefs_, fitted.intercepts_, strict=True)):
        a = a @ W + b
        if i == half - 1:
            if fitted.bypass_coefs_:
                a = a + Z @ fitted.bypass_coefs_[0]
            a = code = functions[fitted.code_activation](a)
        elif i < 2 * half - 1:
            a = functions[fitted.activation](a)
    if fitted.bypass_coefs_:
        a = a + code @ fitted.bypass_coefs_[1]
    return code, fitted.mean_ + fitted.scale_ * a


# Against PCA and MLPRegressor.


@pytest.mark.parametrize("seed", range(5))
def test_test_error_beats_pca_and_mlp(parts, seed):
    train, test = parts
    linear = error_of(PCA(10).fit(train), test)
    ours = Autoencoder(10, max_iter=100, batch_size=128, tol=0, random_state=seed)
    ours.fit(train.astype(np.float32))
    assert -ours.score(test) <= 0.7 * linear
    if seed == 0:
        mlp = MLPRegressor(
            hidden_layer_sizes=(128, 32, 10, 32, 128),
            batch_size=128,
            max_iter=100,
            tol=0,
            n_iter_no_change=100,
            random_state=seed,
        )
        mlp.fit(train, train)
        assert -ours.score(test) < np.mean((mlp.predict(test) - test) ** 2)


@pytest.mark.parametrize("seed", range(5))
def test_two_dimensions_beat_those_of_pca(parts, seed):
    train, test = parts
    ours = Autoencoder(2, max_iter=60, batch_size=128, random_state=seed)
    ours.fit(train.astype(np.float32))
    assert -ours.score(test) < error_of(PCA(2).fit(train), test)


@pytest.mark.parametrize("alpha", [0.0, 1e-4])
def test_linear_network_finds_the_principal_subspace(parts, alpha):
    train, _ = parts
    pca = PCA(10).fit(train)
    linear = Autoencoder(
        10,
        hidden_layer_sizes=(),
        activation="identity",
        init="random",
        solver="lbfgs",
        alpha=alpha,
        random_state=0,
    ).fit(train)
    assert -linear.score(train) <= 1.001 * error_of(pca, train)
    decoder = linear.coefs_[1]
    assert subspace_sine(decoder, pca.components_) < 1e-2
    unit = decoder / np.linalg.norm(decoder, axis=1)[:, np.newaxis]
    assert np.abs(unit @ unit.T - np.eye(10)).max() > 0.1


@pytest.mark.parametrize("tied", [False, True])
def test_linear_start_is_pca(parts, tied):
    train, _ = parts
    pca = PCA(10).fit(train)
    linear = Autoencoder(
        10, hidden_layer_sizes=(), tied_weights=tied, solver="lbfgs", alpha=0.0
    ).fit(train)
    assert_allclose(-linear.score(train), error_of(pca, train), rtol=1e-9)
    assert subspace_sine(linear.coefs_[1], pca.components_) < 1e-6
    scores = linear.transform(train) * linear.scale_
    assert_allclose(scores, pca.transform(train), atol=1e-5)


@pytest.mark.parametrize("k", [2, 10])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
@pytest.mark.parametrize("max_iter", [1, 8])
def test_never_worse_than_pca_on_the_training_rows(
    parts, k, tied, activation, max_iter
):
    train = parts[0][:600]
    deep = Autoencoder(
        k,
        tied_weights=tied,
        activation=activation,
        max_iter=max_iter,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "No epoch brought", ConvergenceWarning)
        deep.fit(train)
    assert -deep.score(train) <= error_of(PCA(k).fit(train), train) * (1 + 1e-9)


def test_no_dead_code_in_20_seeds(parts):
    train = parts[0][:500].astype(np.float32)
    for seed in range(20):
        for init in ("pca", "random"):
            deep = Autoencoder(
                5, hidden_layer_sizes=(64,), init=init, max_iter=15, random_state=seed
            )
            code = deep.fit(train).transform(train)
            assert (code.std(axis=0) > 0.01).all(), (seed, init)


# What the attributes mean.


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"tied_weights": True},
        {"init": "random", "activation": "tanh"},
        {"hidden_layer_sizes": (), "init": "random"},
        {"hidden_layer_sizes": 7, "code_activation": "relu"},
        {"code_activation": "tanh", "activation": "logistic"},
        {"code_activation": "logistic", "solver": "lbfgs"},
    ],
)
def test_attributes_are_the_network(digits, params):
    X = digits[0][:200]
    fitted = Autoencoder(3, max_iter=10, random_state=0, **params).fit(X)
    code, rows = by_definition(fitted, X)
    assert_allclose(fitted.transform(X), code, atol=1e-10)
    assert_allclose(fitted.inverse_transform(code), rows, atol=1e-9)
    errors = np.mean((rows - X) ** 2, axis=1)
    assert_allclose(fitted.score_samples(X), errors, rtol=1e-9)
    assert_allclose(fitted.score(X), -errors.mean(), rtol=1e-12)
    weight = np.arange(200.0)
    expected = -np.average(errors, weights=weight)
    assert_allclose(fitted.score(X, sample_weight=weight), expected, rtol=1e-12)
    n_hidden = len(fitted._hidden_sizes())
    assert len(fitted.coefs_) == 2 * (n_hidden + 1) == len(fitted.intercepts_)
    assert_allclose(fitted.mean_, X.mean(axis=0))
    variance = X.var(axis=0)
    assert_allclose(fitted.scale_**2, variance[variance > 0].mean())
    if params.get("tied_weights"):
        for W, V in zip(fitted.coefs_, fitted.coefs_[::-1], strict=True):
            assert np.array_equal(W, V.T)


def test_loss_is_the_mean_squared_error_and_the_penalty(digits):
    X = digits[0][:150]
    fitted = Autoencoder(3, alpha=0.5, max_iter=15, tol=0, random_state=0).fit(X)
    # One batch: the loss of an epoch is that of the weights after it.
    matrices = [*fitted.coefs_, *fitted.bypass_coefs_]
    squares = sum(np.sum(W**2) for W in matrices)
    penalty = 0.5 * squares * fitted.scale_**2 / X.size
    assert_allclose(fitted.best_loss_, -fitted.score(X) + penalty, rtol=1e-9)
    assert fitted.best_loss_ == min(fitted.loss_curve_)
    assert fitted.n_iter_ == len(fitted.loss_curve_) == 15
    assert fitted.validation_scores_ is None


def test_units_do_not_matter(digits):
    X = digits[0][:300]
    params = {"max_iter": 10, "tol": 0, "random_state": 0}
    fitted = Autoencoder(3, **params).fit(X)
    for factor, shift in ((2.0**40, 0.0), (2.0**-40, 0.0), (1.0, 1024.0)):
        other = Autoencoder(3, **params).fit(factor * X + shift)
        code = other.transform(factor * X + shift)
        assert_allclose(code, fitted.transform(X), rtol=1e-6, atol=1e-6)
        losses = np.array(fitted.loss_curve_) * factor**2
        assert_allclose(other.loss_curve_, losses, rtol=1e-6)


def test_constant_features_have_weight_0(rng):
    X = rng.standard_normal((90, 6))
    X[:, [1, 4]] = [0.1, -7.0]
    for params in ({}, {"init": "random"}, {"tied_weights": True}, {"noise": 0.3}):
        fitted = Autoencoder(2, max_iter=5, random_state=0, **params).fit(X)
        assert not fitted.coefs_[0][[1, 4]].any()
        assert not fitted.coefs_[-1][:, [1, 4]].any()
        back = fitted.inverse_transform(fitted.transform(X))
        assert (back[:, [1, 4]] == [0.1, -7.0]).all()
        # They change nothing else.
        rest = np.delete(X, [1, 4], axis=1)
        alone = Autoencoder(2, max_iter=5, random_state=0, **params).fit(rest)
        assert_allclose(fitted.transform(X), alone.transform(rest), atol=1e-10)


# Rows, weights and ways in.


def test_weights_equal_repetition_in_one_batch(rng):
    X = rng.standard_normal((60, 8))
    w = rng.integers(0, 4, 60)
    params = {"max_iter": 30, "batch_size": 500, "random_state": 0}
    for more in ({}, {"hidden_layer_sizes": (), "solver": "lbfgs", "init": "random"}):
        weighted = Autoencoder(2, **params, **more).fit(X, sample_weight=w)
        repeated = Autoencoder(2, **params, **more).fit(np.repeat(X, w, axis=0))
        assert_allclose(weighted.mean_, repeated.mean_, atol=1e-12)
        assert_allclose(weighted.loss_curve_, repeated.loss_curve_, rtol=1e-6)
        assert_allclose(weighted.transform(X), repeated.transform(X), atol=1e-5)


def test_weights_draw_the_code_to_their_rows(parts):
    X = parts[0][:400]
    weight = np.where(np.arange(400) < 40, 50.0, 1.0)
    params = {"max_iter": 60, "batch_size": 64, "random_state": 0}
    plain = Autoencoder(2, **params).fit(X).score_samples(X)
    drawn = Autoencoder(2, **params).fit(X, sample_weight=weight).score_samples(X)
    assert drawn[:40].mean() < 0.9 * plain[:40].mean()
    assert drawn[40:].mean() > plain[40:].mean()


def test_weights_may_sum_to_1(parts):
    train = parts[0][:300]
    params = {"alpha": 0.0, "max_iter": 3, "random_state": 0}
    plain = Autoencoder(3, **params).fit(train)
    for total in (1.0, 1e-8):
        weight = np.full(300, total / 300)
        shared = Autoencoder(3, **params).fit(train, sample_weight=weight)
        assert_allclose(shared.transform(train), plain.transform(train), atol=1e-8)


@pytest.mark.parametrize("code_activation", ["relu", "tanh"])
def test_rows_of_weight_0_do_not_shift_the_start(parts, code_activation):
    train = parts[0][:300].copy()
    train[200:] *= 100.0
    weight = np.repeat([1.0, 0.0], [200, 100])
    deep = Autoencoder(
        3, code_activation=code_activation, max_iter=3, tol=0.0, random_state=0
    )
    left_out = clone(deep).fit(train, sample_weight=weight)
    absent = clone(deep).fit(train[:200])
    assert_allclose(left_out.loss_curve_, absent.loss_curve_, rtol=1e-6)


def test_rows_stand_alone_and_precision_is_kept(digits):
    X = digits[0][:700]
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 1e-4)):
        rows = X.astype(dtype)
        before = rows.copy()
        fitted = Autoencoder(4, max_iter=3, random_state=0).fit(rows)
        code = fitted.transform(rows)
        assert code.dtype == fitted.coefs_[0].dtype == fitted.mean_.dtype == dtype
        assert fitted.inverse_transform(code).dtype == dtype
        alone = np.vstack([fitted.transform(row[np.newaxis]) for row in rows[:40]])
        assert_allclose(alone, code[:40], atol=tolerance)
        assert np.array_equal(rows, before)
        again = Autoencoder(4, max_iter=3, random_state=0).fit_transform(rows)
        assert np.array_equal(again, code)


def test_float32_far_from_the_origin(parts):
    X = (parts[0] * 16 + 4096).astype(np.float32)
    fitted = Autoencoder(5, max_iter=20, random_state=0).fit(X)
    near = Autoencoder(5, max_iter=20, random_state=0).fit(X - np.float32(4096))
    assert_allclose(fitted.score(X), near.score(X - np.float32(4096)), rtol=0.05)


def test_read_only_file_and_lists(tmp_path, digits):
    X = digits[0][:300]
    np.save(tmp_path / "X.npy", X)
    held = np.load(tmp_path / "X.npy", mmap_mode="r")
    params = {"max_iter": 3, "random_state": 0}
    expected = Autoencoder(3, **params).fit(X).transform(X)
    assert_allclose(Autoencoder(3, **params).fit(held).transform(held), expected)
    assert_allclose(Autoencoder(3, **params).fit(X.tolist()).transform(X), expected)


def test_rows_made_batch_by_batch(monkeypatch, digits):
    """As where they are too many to be kept standardised."""
    X = digits[0][:500]
    fitted = Autoencoder(3, max_iter=5, random_state=0).fit(X)
    monkeypatch.setattr("skdimred.neural_network._rows.HELD_BYTES", 0)
    other = Autoencoder(3, max_iter=5, random_state=0).fit(X)
    assert np.array_equal(other.coefs_[0], fitted.coefs_[0])


def test_early_stopping_judges_by_rows_held_out(parts):
    train, test = parts
    fitted = Autoencoder(
        10,
        early_stopping=True,
        validation_fraction=0.2,
        n_iter_no_change=3,
        tol=5e-3,
        random_state=0,
    ).fit(train)
    assert len(fitted.validation_scores_) == fitted.n_iter_ < 200
    assert max(fitted.validation_scores_) > fitted.validation_scores_[0]
    held = -max(fitted.validation_scores_)
    assert_allclose(-fitted.score(test), held, rtol=0.2)
    assert_allclose(fitted.best_loss_, held, rtol=1e-2)
    assert not hasattr(fitted, "partial_fit")
    with pytest.raises(ValueError, match="n_samples=1 rows"):
        fitted.fit(train[:1])


def test_scores_of_the_rows_held_out_match_the_loss_curve(parts):
    train = parts[0][:200]
    params = {"early_stopping": True, "max_iter": 4, "random_state": 0}
    deep = Autoencoder(3, warm_start=True, **params).fit(train)
    first = list(deep.validation_scores_)
    deep.fit(train)
    assert len(deep.validation_scores_) == len(deep.loss_curve_) == deep.n_iter_ == 8
    assert deep.validation_scores_[:4] == first
    # Nothing is held out of all rows at once.
    along = Autoencoder(3, solver="lbfgs", **params).fit(train)
    assert along.validation_scores_ is None


@pytest.mark.parametrize("weighted", [False, True])
def test_a_feature_that_varies_among_rows_held_out_alone(rng, weighted):
    """What the network cannot rebuild of them counts in their score."""
    X = np.c_[rng.standard_normal((40, 4)), np.zeros(40)]
    weight = rng.uniform(1, 2, 40) if weighted else None
    deep = Autoencoder(
        2, early_stopping=True, validation_fraction=0.05, max_iter=2, random_state=0
    )
    gains = []
    plain = clone(deep).fit(X, sample_weight=weight).validation_scores_
    for row in range(40):
        other = X.copy()
        other[row, 4] = 10.0
        scores = clone(deep).fit(other, sample_weight=weight).validation_scores_
        gains.append(plain[-1] - scores[-1])
    # Two rows are held out, and one of them is off by 10 in one of five features.
    held = np.flatnonzero(np.array(gains) > 5)
    share = np.full(2, 0.5) if weight is None else weight[held] / weight[held].sum()
    assert_allclose(np.array(gains)[held], share * 10.0**2 / 5, rtol=1e-3)


def test_noise_is_that_of_each_feature(rng):
    """A code of noisy rows that is best for clean ones: less noise comes through."""
    T = rng.uniform(-1, 1, (1500, 2))
    clean = np.tanh(T @ rng.standard_normal((2, 20))) * 10.0 ** rng.integers(-1, 1, 20)
    noisy = clean + 0.5 * clean.std(axis=0) * rng.standard_normal(clean.shape)
    params = {"max_iter": 60, "hidden_layer_sizes": (64,), "random_state": 0}
    errors = []
    for noise in (0.0, 0.5):
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "n_components=20 is not less")
            fitted = Autoencoder(20, noise=noise, **params).fit(clean)
        errors.append(np.mean((by_definition(fitted, noisy)[1] - clean) ** 2))
    assert errors[1] < 0.5 * errors[0]


def test_same_seed_same_weights_and_fit_twice_is_fit_once(digits):
    X = digits[0][:400]
    first = Autoencoder(3, max_iter=4, random_state=7).fit(X)
    again = clone(first).fit(X)
    twice = clone(first).fit(X[::-1]).fit(X)
    other = clone(first).set_params(random_state=8).fit(X)
    for W, V, U, T in zip(
        first.coefs_, again.coefs_, twice.coefs_, other.coefs_, strict=True
    ):
        assert np.array_equal(W, V)
        assert np.array_equal(W, U)
        assert not np.array_equal(W, T)
    copy = pickle.loads(pickle.dumps(first))
    assert np.array_equal(copy.transform(X), first.transform(X))


def test_partial_fit_from_the_first_call(parts):
    train, test = parts
    streamed = Autoencoder(10, batch_size=64, random_state=0)
    blocks = np.array_split(train, 4)
    streamed.partial_fit(blocks[0])
    assert streamed.n_iter_ == len(streamed.loss_curve_) == 1
    for _ in range(15):
        for block in blocks:
            streamed.partial_fit(block)
    assert streamed.n_iter_ == 61
    assert -streamed.score(test) < 0.8 * error_of(PCA(10).fit(train), test)
    # As one epoch after the other, a pickled one goes on as the first would.
    copy = pickle.loads(pickle.dumps(streamed))
    one, other = streamed.partial_fit(blocks[0]), copy.partial_fit(blocks[0])
    assert np.array_equal(one.coefs_[0], other.coefs_[0])


@pytest.mark.parametrize("n", [1, 2, 5])
def test_partial_fit_from_few_rows(n, rng):
    X = 1e6 + 1e3 * rng.standard_normal((n, 4))
    fitted = Autoencoder(2, random_state=0).partial_fit(X)
    more = 1e6 + 1e3 * rng.standard_normal((50, 4))
    for _ in range(30):
        fitted.partial_fit(more)
    assert np.isfinite(fitted.transform(more)).all()
    assert np.isfinite(fitted.loss_curve_).all()


def test_partial_fit_of_tied_weights_leaves_the_saddle(parts):
    train, _ = parts
    tied = Autoencoder(5, tied_weights=True, activation="tanh", random_state=0)
    for _ in range(40):
        tied.partial_fit(train)
    assert -tied.score(train) < 0.9 * error_of(PCA(5).fit(train), train)


def test_lbfgs_at_rest_from_the_start(rng):
    X = rng.standard_normal((50, 4))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "n_components=4")
        full = Autoencoder(4, hidden_layer_sizes=(), solver="lbfgs", alpha=0.0).fit(X)
    assert full.n_iter_ == len(full.loss_curve_) >= 1
    assert -full.score(X) < 1e-20


def test_partial_fit_after_fit_goes_on(parts):
    train, _ = parts
    fitted = Autoencoder(5, max_iter=5, random_state=0).fit(train)
    before = fitted.score(train)
    for _ in range(10):
        fitted.partial_fit(train)
    assert fitted.n_iter_ == 15
    assert fitted.score(train) > before


def test_warm_start_goes_on(parts):
    train, _ = parts
    warm = Autoencoder(5, max_iter=5, warm_start=True, random_state=0).fit(train)
    before, mean = warm.score(train), warm.mean_
    warm.fit(train[:1000])
    assert warm.n_iter_ == 10 == len(warm.loss_curve_)
    assert warm.mean_ is mean
    assert warm.score(train) > before
    with pytest.raises(ValueError, match="another network"):
        warm.set_params(hidden_layer_sizes=(9,)).fit(train)
    assert warm.score(train) > before
    cold = Autoencoder(5, max_iter=5, random_state=0).fit(train).fit(train)
    assert cold.n_iter_ == 5


@pytest.mark.parametrize("batch_size", ["auto", 400])
def test_early_stopping_switched_between_warm_fits(parts, batch_size):
    train = parts[0][:400]
    deep = Autoencoder(
        3, batch_size=batch_size, max_iter=4, warm_start=True, random_state=0
    ).fit(train)
    score, mean = deep.score(train), deep.mean_
    # Its epochs have no scores: the curves begin anew, and the weights do not.
    deep.set_params(early_stopping=True).fit(train)
    assert len(deep.validation_scores_) == len(deep.loss_curve_) == deep.n_iter_ == 4
    assert deep.mean_ is mean
    assert deep.loss_curve_[0] < -1.05 * score
    # The weights kept are those of the best epoch, by the rows held out.
    best = int(np.argmax(deep.validation_scores_))
    least = -deep.validation_scores_[best]
    assert least <= deep.best_loss_ < 1.01 * least
    held = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
    held = np.sort(held.permutation(400)[:40])
    assert_allclose(-deep.score(train[held]), least, rtol=1e-6)
    deep.fit(train)
    assert len(deep.validation_scores_) == len(deep.loss_curve_) == deep.n_iter_ == 8
    # Switched off, the curve of the loss goes on.
    deep.set_params(early_stopping=False).fit(train)
    assert deep.validation_scores_ is None
    assert len(deep.loss_curve_) == deep.n_iter_ == 12
    assert deep.best_loss_ <= deep.loss_curve_[8]


def test_the_start_is_kept_where_the_best_epoch_ends_above_it(parts):
    """The loss of an epoch may be low on the way, and its last step astray."""
    train = parts[0][:300]
    rows = StandardRows(train, train.mean(axis=0), train.std(), None, np.float64)
    network = Network((64, 3), "identity", "identity", False, False)
    problem = Problem(network, rows, np.arange(300), None, 0.1)
    rng = np.random.default_rng(0)
    start = 0.01 * rng.standard_normal(network.size)
    course = Course(problem, None, 4.0, 0.0, 10)
    course.begin(start)
    course.add(100 * start, 0.5 * course.first)
    assert_array_equal(course.kept(start), start)
    assert course.best_epoch == 0
    assert course.least == problem.error(start) + problem.penalty_of(start)


# Hard rows.


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"init": "random"},
        {"tied_weights": True},
        {"solver": "lbfgs"},
        {"hidden_layer_sizes": ()},
        {"code_activation": "relu"},
        {"code_activation": "logistic"},
    ],
)
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 1), (3, 5), (30, 1), (7, 3)])
@pytest.mark.filterwarnings("ignore:n_components", "ignore:Every feature")
def test_small_shapes(params, shape, rng):
    X = rng.standard_normal(shape)
    fitted = Autoencoder(2, max_iter=5, random_state=0, **params).fit(X)
    assert fitted.transform(X).shape == (shape[0], 2)
    back = fitted.inverse_transform(fitted.transform(X))
    assert back.shape == shape
    assert np.isfinite(back).all()
    assert np.isfinite(fitted.score(X))


def test_constant_rows_are_told_of(rng):
    X = np.full((9, 3), 0.1)
    with pytest.warns(UserWarning, match="constant"):
        fitted = Autoencoder(2, max_iter=3).fit(X)
    assert_allclose(fitted.inverse_transform(fitted.transform(X)), X, rtol=1e-15)


def test_more_components_than_features_are_told_of(rng):
    X = rng.standard_normal((80, 3))
    for k in (3, 5):
        with pytest.warns(UserWarning, match=f"n_components={k} is not less than"):
            fitted = Autoencoder(k, max_iter=20, random_state=0).fit(X)
        assert -fitted.score(X) < 1e-3
        assert fitted.transform(X).shape == (80, k)


def test_wild_scales_give_no_nan(parts, rng):
    X = parts[0][:300] * 10.0 ** rng.integers(-12, 13, 64)
    for init in ("pca", "random"):
        fitted = Autoencoder(3, init=init, max_iter=20, random_state=0).fit(X)
        assert np.isfinite(fitted.transform(X)).all()
        assert np.isfinite(fitted.loss_curve_).all()
    outlier = parts[0][:300].copy()
    outlier[0, 30] = 1e12
    fitted = Autoencoder(3, max_iter=20, random_state=0).fit(outlier)
    assert np.isfinite(fitted.transform(outlier)).all()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_units_that_float32_can_hardly_tell(rng, solver):
    """The smallest numbers of float32 have no inverse there."""
    X = (rng.standard_normal((60, 5)) * [9, 4, 1, 1, 1]).astype(np.float32)
    small = X * np.float32(1e-40)
    deep = Autoencoder(2, solver=solver, max_iter=3, random_state=0)
    codes = clone(deep).fit(small).transform(small)
    assert codes.dtype == np.float32
    expected = clone(deep).fit(X).transform(X)
    assert_allclose(np.abs(codes), np.abs(expected), atol=0.02)
    wide = clone(deep).fit(X.astype(float) * 1e-150)
    assert np.isfinite(wide.transform(np.zeros((2, 5), np.float32))).all()
    wide = clone(deep).fit(X.astype(float) * 1e150)
    assert_allclose(wide.transform(X), wide.transform(np.zeros((60, 5))), atol=1e-6)


@pytest.mark.parametrize("scale", [1e-200, 1e-300])
def test_rows_too_close_for_squares_are_not_called_constant(rng, scale):
    X = rng.standard_normal((20, 3)) * scale
    deep = Autoencoder(2, max_iter=2, random_state=0)
    with pytest.raises(ValueError, match="underflows: multiply X"):
        deep.fit(X)
    with pytest.raises(ValueError, match="underflows: multiply X"):
        deep.partial_fit(X)
    assert not hasattr(deep, "coefs_")


def test_divergence_is_named_where_the_start_is_not_judged(rng):
    """Large but finite losses, with noise and in partial_fit."""
    X = rng.standard_normal((300, 5)) @ rng.standard_normal((5, 5))
    deep = Autoencoder(
        2, hidden_layer_sizes=(8,), learning_rate_init=100.0, max_iter=5, random_state=0
    )
    with pytest.warns(ConvergenceWarning, match=r"diverges.*noise=0\.5"):
        clone(deep).set_params(noise=0.5).fit(X)
    with pytest.warns(ConvergenceWarning, match="diverges"):
        deep.partial_fit(X)
    # Rows of another size are no divergence.
    calm = clone(deep).set_params(learning_rate_init=1e-3).partial_fit(X)
    calm.partial_fit(1e4 * X)


def test_a_huge_row_of_weight_0_is_left_out_in_silence(rng):
    X = rng.standard_normal((40, 5)).astype(np.float32) * np.float32(1e-18)
    X[5] = 1e30
    weight = np.ones(40)
    weight[5] = 0
    deep = Autoencoder(2, max_iter=2, random_state=0).fit(X, sample_weight=weight)
    assert deep.scale_ < 1e-16
    with pytest.raises(ValueError, match="overflow"):
        deep.transform(X)


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1.0), (np.float64, 1e200)])
def test_codes_of_rows_that_overflow(rng, dtype, size):
    deep = Autoencoder(2, max_iter=2, random_state=0)
    deep.fit(rng.standard_normal((40, 5)) * 1e150)
    codes = np.array([[0.0, 0.0], [size, size]], dtype)
    with pytest.raises(ValueError, match=r"row [01] of X .* overflows float"):
        deep.inverse_transform(codes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_divergence_is_named(parts, dtype):
    train = parts[0].astype(dtype)
    fitted = Autoencoder(3, max_iter=3, random_state=0).fit(train)
    before = dict(fitted.__dict__)
    fitted.set_params(learning_rate_init=1e30, init="random", batch_size=50)
    with pytest.raises(ValueError, match=r"diverges\. Scale the features"):
        fitted.fit(train)
    assert fitted.coefs_ is before["coefs_"]
    fitted.set_params(learning_rate_init=30.0, init="pca", max_iter=12)
    with pytest.warns(ConvergenceWarning, match="lower learning_rate_init=30"):
        fitted.fit(train)
    assert_allclose(-fitted.score(train), error_of(PCA(3).fit(train), train), rtol=1e-3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_numbers_are_named(bad, rng):
    X = rng.standard_normal((900, 4))
    fitted = Autoencoder(2, max_iter=2, random_state=0).fit(X)
    X[777, 2] = bad
    name = "NaN" if np.isnan(bad) else "infinity"
    for method in ("fit", "partial_fit", "transform", "score_samples", "score"):
        with pytest.raises(ValueError, match=rf"{name}.*row 777, column 2"):
            getattr(clone(fitted) if "fit" in method else fitted, method)(X)
    with pytest.raises(ValueError, match="overflow"):
        Autoencoder().fit(1e200 * np.where(np.isfinite(X), X, 0.0))
    with pytest.raises(ValueError, match="overflow"):
        fitted.score(np.full((1, 4), 1e300))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_components", 0),
        ("n_components", 1.5),
        ("n_components", True),
        ("hidden_layer_sizes", (3, 0)),
        ("hidden_layer_sizes", "ab"),
        ("hidden_layer_sizes", 2.5),
        ("hidden_layer_sizes", None),
        ("activation", "sigmoid"),
        ("code_activation", None),
        ("init", "zeros"),
        ("solver", "sgd"),
        ("alpha", -1),
        ("alpha", np.nan),
        ("batch_size", 0),
        ("batch_size", "all"),
        ("learning_rate_init", 0),
        ("max_iter", 0),
        ("tol", -1e-3),
        ("validation_fraction", 1.0),
        ("n_iter_no_change", 0),
        ("noise", -0.1),
    ],
)
def test_parameters_out_of_range(name, value, iris):
    with pytest.raises(ValueError, match=name):
        Autoencoder(**{name: value}).fit(iris[0])


def test_other_bad_input(iris):
    X = iris[0]
    with pytest.raises(ValueError, match=r"noise=0\.1 needs solver"):
        Autoencoder(noise=0.1, solver="lbfgs").fit(X)
    assert not hasattr(Autoencoder(solver="lbfgs"), "partial_fit")
    for method in ("transform", "inverse_transform", "score", "score_samples"):
        with pytest.raises(NotFittedError):
            getattr(Autoencoder(), method)(X)
    fitted = Autoencoder(max_iter=2, random_state=0).fit(X)
    with pytest.raises(ValueError, match="n_components=2"):
        fitted.inverse_transform(X)
    with pytest.raises(ValueError, match="row 3"):
        fitted.fit(X, sample_weight=np.where(np.arange(150) == 3, -1.0, 1.0))
    with pytest.raises(ValueError, match="zero"):
        fitted.fit(X, sample_weight=np.zeros(150))


# Progress.


def test_a_line_an_epoch(digits, capsys):
    Autoencoder(2, max_iter=3, verbose=True, early_stopping=True).fit(digits[0][:100])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    for i, line in enumerate(lines):
        assert line.startswith(f"[Autoencoder] epoch {i + 1}: loss ")
        assert ", validation -" in line
    deep = Autoencoder(2, verbose=True, random_state=0)
    deep.partial_fit(digits[0][:100]).partial_fit(digits[0][:100])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == f"[Autoencoder] epoch 2: loss {deep.loss_curve_[1]:.6g}"
    assert len(lines) == 2


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_interruption_keeps_the_best_weights(digits, monkeypatch, solver):
    X = digits[0]
    name = "skdimred.neural_network._course.Course.line"
    calls = []

    def line(self):
        calls.append(self)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return ""

    monkeypatch.setattr(name, line)
    deep = Autoencoder(3, solver=solver, max_iter=50, random_state=0)
    with pytest.warns(UserWarning, match="interrupted by user"):
        deep.fit(X)
    assert deep.n_iter_ == 6
    assert -deep.score(X) < error_of(PCA(3).fit(X), X)


def test_tied_weights_that_had_no_time_are_told_of_it(rng):
    """Off the saddle the loss is larger at first: the remedy is more epochs."""
    deep = Autoencoder(
        2,
        hidden_layer_sizes=(8,),
        activation="identity",
        code_activation="relu",
        tied_weights=True,
        max_iter=3,
        random_state=0,
    )
    with pytest.warns(ConvergenceWarning, match="or raise max_iter=3"):
        deep.fit(rng.standard_normal((60, 5)) @ rng.standard_normal((5, 5)))


def test_not_at_rest_is_told(digits):
    with pytest.warns(ConvergenceWarning, match="max_iter=2: 2 epochs"):
        Autoencoder(2, max_iter=2, random_state=0).fit(digits[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Autoencoder(2, tol=0.05, random_state=0).fit(digits[0])


@pytest.mark.skipif(not HAS_CALLBACKS, reason="scikit-learn has no callbacks yet")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_callbacks_see_each_epoch(digits, solver):
    from sklearn.callback import ProgressBar, ScoringMonitor

    X = digits[0][:300]
    monitor = ScoringMonitor(scoring=None)
    deep = Autoencoder(3, solver=solver, max_iter=5, random_state=0)
    deep.set_callbacks(ProgressBar(), monitor).fit(X)
    assert deep.n_iter_ == 5


def test_in_a_pipeline_and_a_grid(wine):
    X, _ = wine
    pipeline = make_pipeline(StandardScaler(), Autoencoder(max_iter=10, random_state=0))
    grid = {"autoencoder__n_components": [1, 3]}
    search = GridSearchCV(pipeline, grid, cv=2).fit(X)
    assert search.best_params_ == {"autoencoder__n_components": 3}
    names = search.best_estimator_.get_feature_names_out()
    assert list(names) == ["autoencoder0", "autoencoder1", "autoencoder2"]
    pipeline.set_output(transform="pandas")
    assert pipeline.fit_transform(X).shape == (178, 2)


def test_parts_of_a_batch_add_up(monkeypatch, digits):
    """As where a batch is so much work that threads share it."""
    X = digits[0][:1000]
    params = {"batch_size": 400, "max_iter": 3, "random_state": 0}
    weight = np.linspace(0.5, 2, 1000)
    whole = Autoencoder(4, **params).fit(X, sample_weight=weight)
    monkeypatch.setattr("skdimred.neural_network._descent.PART_WORK", 1e6)
    cut = Autoencoder(4, **params).fit(X, sample_weight=weight)
    assert_allclose(cut.loss_curve_, whole.loss_curve_, rtol=1e-6)
    assert_allclose(cut.transform(X), whole.transform(X), atol=1e-4)
    few = Autoencoder(4, **params | {"batch_size": 3}).fit(X[:7])
    assert np.isfinite(few.score(X[:7]))


def test_the_number_of_threads_changes_nothing(rng):
    X = rng.standard_normal((400, 500))
    params = {"hidden_layer_sizes": (400,), "batch_size": 200, "max_iter": 2}
    fits = []
    for threads in (1, None):
        with threadpool_limits(threads, user_api="blas"):
            deep = Autoencoder(3, random_state=0, init="random", **params)
            fits.append(deep.fit(X))
    assert np.array_equal(fits[0].coefs_[0], fits[1].coefs_[0])
