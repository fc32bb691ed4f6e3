"""The network against its definition, and its gradient against differences."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import expit

from skdimred.numerics.adam import Adam
from skdimred.numerics.network import ACTIVATIONS, Network, Workspace, add_product
from skdimred.numerics.network_start import principal_start, random_start

FUNCTIONS = {
    "identity": lambda a: a,
    "relu": lambda a: np.where(a > 0, a, 0.0),
    "tanh": np.tanh,
    "logistic": expit,
}
NETWORKS = [
    Network(widths, activation, code, tied, bypass)
    for widths in [(5, 2), (5, 4, 2), (5, 4, 3, 2), (1, 3, 1), (4, 3, 6)]
    for activation, code in [("relu", "identity"), ("tanh", "tanh")]
    for tied in (False, True)
    for bypass in (False, True)
    if len(widths) > 2 or not bypass
]
NETWORKS += [
    Network((5, 4, 2), "logistic", "logistic", has_bypass=True),
    Network((5, 4, 2), "identity", "relu", has_bypass=True),
]


def by_definition(network, theta, Z):
    """Code and reconstruction, row by row and layer by layer."""
    parameters = network.views(theta)
    codes, rows = [], []
    for z in Z:
        a = z
        for layer in range(2 * network.depth):
            a = a @ parameters.weights[layer] + parameters.biases[layer]
            if layer == network.depth - 1:
                if network.has_bypass:
                    a = a + z @ parameters.bypass[0]
                a = code = FUNCTIONS[network.code_activation](a)
            elif layer < 2 * network.depth - 1:
                a = FUNCTIONS[network.activation](a)
        codes.append(code)
        rows.append(a + code @ parameters.bypass[1] if network.has_bypass else a)
    return np.array(codes), np.array(rows)


def loss_and_gradient(network, theta, Z, target, weight, factor=0.3):
    gradient = np.full_like(theta, np.nan)
    work = Workspace(network, len(Z) + 2, theta.dtype)
    loss = network.put_gradient(
        network.views(theta), network.views(gradient), Z, target, weight, factor, work
    )
    return loss, gradient * (2 / factor)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_forward_is_the_definition(network, rng):
    theta = rng.standard_normal(network.size)
    Z = rng.standard_normal((7, network.widths[0]))
    codes, rows = by_definition(network, theta, Z)
    parameters = network.views(theta)
    assert_allclose(network.encode(parameters, Z), codes, atol=1e-12)
    assert_allclose(network.decode(parameters, codes), rows, atol=1e-12)
    errors = network.squared_errors(parameters, Z)
    assert_allclose(errors, np.sum((rows - Z) ** 2, axis=1), rtol=1e-12)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
@pytest.mark.parametrize("weighted", [False, True])
def test_gradient_is_that_of_differences(network, weighted, rng):
    theta = rng.standard_normal(network.size)
    Z = rng.standard_normal((7, network.widths[0]))
    target = Z + 0.1 * rng.standard_normal(Z.shape)
    weight = rng.uniform(0.5, 2, 7) if weighted else None
    loss, gradient = loss_and_gradient(network, theta, Z, target, weight)
    errors = np.sum((by_definition(network, theta, Z)[1] - target) ** 2, axis=1)
    assert_allclose(loss, np.sum(errors * (1 if weight is None else weight)))
    step = 1e-6
    for i in range(network.size):
        up, down = theta.copy(), theta.copy()
        up[i] += step
        down[i] -= step
        above = loss_and_gradient(network, up, Z, target, weight)[0]
        below = loss_and_gradient(network, down, Z, target, weight)[0]
        # Sums of a rectifier that pass 0 within a step would show a kink.
        assert_allclose(gradient[i], (above - below) / (2 * step), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("tied", [False, True])
def test_float32_is_float64_to_its_precision(tied, rng):
    network = Network((20, 16, 8, 3), "tanh", tied=tied, has_bypass=True)
    theta = random_start(network, rng)
    Z = rng.standard_normal((50, 20))
    loss, gradient = loss_and_gradient(network, theta, Z, Z, None)
    single = loss_and_gradient(
        network, theta.astype("f4"), *(Z.astype("f4"),) * 2, None
    )
    assert single[1].dtype == np.float32
    assert_allclose(single[0], loss, rtol=1e-5)
    assert_allclose(single[1], gradient, atol=1e-5 * np.abs(gradient).max())


def test_views_cover_the_vector_once():
    for network in NETWORKS:
        theta = np.zeros(network.size)
        parameters = network.views(theta)
        own = parameters.weights + parameters.biases + parameters.bypass
        if network.tied:
            n = network.depth
            for i in range(n):
                assert np.shares_memory(
                    parameters.weights[i], parameters.weights[2 * n - 1 - i]
                )
            own = parameters.weights[:n] + parameters.biases + parameters.bypass[:1]
        for array in own:
            array += 1
        assert np.array_equal(theta, np.ones(network.size))
        matrices = [a for a in own if a.ndim == 2]
        assert sum(a.size for a in matrices) == network.n_weights
        for a in matrices:
            a += 1
        assert (theta[: network.n_weights] == 2).all()


def test_widened_ignores_the_other_features(rng):
    network = Network((3, 4, 2), has_bypass=True)
    parameters = network.views(rng.standard_normal(network.size))
    wide, Z = Network((5, 4, 2), has_bypass=True), rng.standard_normal((6, 5))
    columns = np.array([0, 2, 3])
    spread = parameters.widened(columns, 5)
    code = network.encode(parameters, Z[:, columns])
    assert_allclose(wide.encode(spread, Z), code, atol=1e-12)
    rows = wide.decode(spread, code)
    assert_allclose(rows[:, columns], network.decode(parameters, code), atol=1e-12)
    assert not rows[:, [1, 4]].any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_add_product(dtype, rng):
    A = rng.standard_normal((4, 3)).astype(dtype)
    B = rng.standard_normal((3, 5)).astype(dtype)
    C = rng.standard_normal((4, 5)).astype(dtype)
    expected = 0.5 * A @ B - 2 * C
    for left in (A, np.asfortranarray(A)):
        for right in (B, np.asfortranarray(B)):
            out = C.copy()
            add_product(left, right, out, 0.5, -2.0)
            assert_allclose(out, expected, atol=1e-5)


def test_slopes_are_those_of_the_functions():
    a = np.array([-2.0, -0.3, 0.4, 1.7])
    for name, (function, slope) in ACTIVATIONS.items():
        value = function(a.copy())
        assert_allclose(value, FUNCTIONS[name](a), atol=1e-15)
        numeric = (function(a + 1e-6) - function(a - 1e-6)) / 2e-6
        assert_allclose(1 if slope is None else slope(value), numeric, atol=1e-8)


def test_adam_takes_the_steps_of_its_authors(rng):
    n, rate = 40_000, 1e-2
    theta = rng.standard_normal(n)
    m = v = np.zeros(n)
    expected, adam = theta.copy(), Adam(n, np.float64)
    for t in range(1, 6):
        g = rng.standard_normal(n) * 10.0 ** rng.integers(-9, 3, n)
        if t == 1:
            # Entries that are 0 but for rounding do not move at first.
            g[np.abs(g) < 1e-3 * np.abs(g).max()] = 0.0
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        expected -= rate * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        adam.step(theta, g.copy(), rate)
        assert_allclose(theta, expected, rtol=1e-12, atol=1e-14)


def test_adam_leaves_no_subnormal_numbers():
    """Arithmetic on them is twenty times slower."""
    adam, theta = Adam(4, np.float32), np.zeros(4, np.float32)
    adam.step(theta, np.full(4, 1e-3, np.float32), 1e-3)
    for _ in range(1200):
        adam.step(theta, np.zeros(4, np.float32), 1e-3)
    assert not adam.m.any()


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("widths", [(6, 3), (6, 5, 3), (6, 5, 4, 3)])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("code", ["identity", "relu"])
def test_principal_start_rebuilds_as_the_components(
    tied, widths, activation, code, rng
):
    Z = rng.standard_normal((80, 6)) * [3, 2, 1, 0.5, 0.3, 0.1]
    Z -= Z.mean(axis=0)
    V = np.linalg.svd(Z, full_matrices=False)[2][:3].T
    scores = Z @ V
    network = Network(widths, activation, code, tied, len(widths) > 2)
    theta = random_start(network, rng)
    limits = scores.min(axis=0), scores.max(axis=0)
    principal_start(network, theta, V, limits, rng)
    parameters = network.views(theta)
    C = network.encode(parameters, Z)
    assert_allclose(network.decode(parameters, C), scores @ V.T, atol=1e-12)
    # And no unit is without a gradient: after some steps all have moved.
    if len(widths) > 2:
        adam, gradient = Adam(network.size, theta.dtype), np.empty_like(theta)
        before, work = theta.copy(), Workspace(network, len(Z), theta.dtype)
        for _ in range(3):
            views = network.views(theta), network.views(gradient)
            network.put_gradient(*views, Z, Z, None, 1.0, work)
            adam.step(theta, gradient, 1e-3)
        moved = network.views(np.abs(theta - before))
        for W in moved.weights:
            assert (W.max(axis=0) > 0).mean() > 0.5


@pytest.mark.parametrize(("code", "error"), [("tanh", 0.03), ("logistic", 0.03)])
def test_principal_start_of_a_bent_code_is_close(code, error, rng):
    Z = rng.standard_normal((80, 6)) * [3, 2, 1, 0.5, 0.3, 0.1]
    Z -= Z.mean(axis=0)
    V = np.linalg.svd(Z, full_matrices=False)[2][:3].T
    scores = Z @ V
    network = Network((6, 5, 3), "relu", code, has_bypass=True)
    theta = random_start(network, rng)
    limits = scores.min(axis=0), scores.max(axis=0)
    principal_start(network, theta, V, limits, rng)
    C = network.encode(network.views(theta), Z)
    rebuilt = network.decode(network.views(theta), C)
    assert np.linalg.norm(rebuilt - scores @ V.T) < error * np.linalg.norm(Z)
