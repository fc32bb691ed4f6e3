r"""Where the descent of a network begins.

At random, entries are drawn as Glorot and Bengio do: uniform, with a variance that
keeps sums about as large from layer to layer in both directions.

At the principal components V, the bypass carries the scores z V to the code and back,
and the hidden layers add exactly 0: the last matrix of each half is 0. The rest is
drawn at random, so that gradients differ from unit to unit and none is dead. A code
activation f other than the identity is met where it is straight: a scores s becomes
:math:`f(g s + t)`, and the decoder undoes the gain g, the slope and the shift t.

X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward
neural networks", AISTATS 2010, 249-256.
"""

import numpy as np

__all__ = ["leave_saddle", "principal_start", "random_start"]

# Constant output of hidden units that would otherwise begin at 0, where the rectifier
# has no slope.
LIFT = 0.1
# Largest magnitude of the sums at the code where the activation bends.
BEND = 0.25
# What is left of entries that tied weights do not allow to be 0.
SMALL = 0.1
# Share of a random start that leads off a saddle.
PUSH = 0.3
SLOPES = {"identity": 1.0, "relu": 1.0, "tanh": 1.0, "logistic": 0.25}


def random_start(network, rng):
    """Flat vector (size,) with weights at random and biases 0.

    Parameters
    ----------
    network : Network
    rng : Generator
    """
    theta = np.zeros(network.size)
    weights = network.views(theta).weights
    # The slope of the logistic function is a quarter at most.
    variance = 24.0 if network.activation == "logistic" else 6.0
    for W in weights[: network.depth] if network.tied else weights:
        reach = np.sqrt(variance / sum(W.shape))
        W[...] = rng.uniform(-reach, reach, W.shape)
    return theta


def principal_start(network, theta, V, scores, rng):
    """Move a random start to where rows are rebuilt as by V.

    Parameters
    ----------
    network : Network
        With a bypass, unless it has no hidden layer.
    theta : ndarray of shape (size,)
        From `random_start`; changed.
    V : ndarray of shape (p, r)
        Orthonormal columns, r at most the width of the code.
    scores : tuple of ndarray of shape (r,)
        Least and largest score of the rows on each.
    rng : Generator
    """
    parameters = network.views(theta)
    deep, tied = bool(parameters.bypass), network.tied
    encoder, decoder = parameters.bypass or parameters.weights
    r = V.shape[1]
    gain, shift = _straight(network.code_activation, tied, *scores)
    if deep:
        # Codes beyond the rank of the rows find their own way.
        reach = np.sqrt(6.0 / sum(encoder.shape))
        encoder[...] = rng.uniform(-reach, reach, encoder.shape)
        parameters.weights[network.depth - 1][...] = 0.0
    # 0 in both halves would be a unit without a gradient.
    decoder[r:] *= SMALL if tied else 0.0
    encoder[:, :r] = gain * V
    if not tied:
        slope = SLOPES[network.code_activation]
        decoder[:r] = (V / (gain * slope)).T
        if deep:
            parameters.weights[-1][...] = 0.0
    elif network.activation == "relu":
        for bias in parameters.biases[network.depth : -1]:
            bias[...] = LIFT
    parameters.biases[network.depth - 1][:r] = shift
    # The mean of the rows, which is 0, is rebuilt as 0, and lies where the sums of the
    # decoder's first layer change their sign: else units could be 0 for every row.
    code = network.encode(parameters, np.zeros((1, V.shape[0])))
    if deep:
        parameters.biases[network.depth][...] -= (
            code @ parameters.weights[network.depth]
        )[0]
    parameters.biases[-1][...] -= network.decode(parameters, code)[0]


def leave_saddle(network, theta, rng):
    """Move tied weights a little off the principal start, which is a saddle.

    The matrix at the code is 0 there in both halves, and no gradient of first order
    tells how to leave.

    Parameters
    ----------
    network : Network
        Tied, with a bypass.
    theta : ndarray of shape (size,)
        Changed.
    rng : Generator
    """
    W = network.views(theta).weights[network.depth - 1]
    reach = PUSH * np.sqrt(6.0 / sum(W.shape))
    W[...] = rng.uniform(-reach, reach, W.shape)


def _straight(activation, tied, low, high):
    """Gain and shift with which scores meet the activation where it is straight."""
    if activation == "relu":
        return np.ones_like(low), -low
    largest = np.maximum(np.abs(low), np.abs(high))
    if activation == "identity" or tied:
        return np.ones_like(low), np.zeros_like(low)
    return BEND / np.where(largest > 0, largest, 1.0), np.zeros_like(low)
