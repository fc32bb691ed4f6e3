r"""A dense network that maps rows to a code and back, on one flat parameter vector.

With the layers :math:`W_l, b_l` of widths p, h_1, ..., k, ..., h_1, p, the encoder is
the first half of them and the decoder, its mirror image, the second:

.. math:: a_0 = z, \qquad a_l = f(a_{l-1} W_l + b_l) .

The output has no activation, the code one of its own. A bypass adds a linear path
beside the hidden layers, z P to the code before its activation and c Q from the code c
to the output. Rows Z are rebuilt as Z', and the loss is

.. math:: J = \frac{1}{p\,\sum_i w_i} \Big( \sum_i w_i \|z_i' - z_i\|^2
              + \alpha \, \|\theta_W\|^2 \Big) ,

with :math:`\theta_W` all entries of the W, P and Q. All parameters are views of one
vector, weights before biases, so that an optimiser sees nothing else.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import expit

__all__ = ["ACTIVATIONS", "Network", "Parameters", "Workspace"]


def _keep(a):
    return a


def _rectify(a):
    return np.maximum(a, 0, out=a)


def _tanh(a):
    return np.tanh(a, out=a)


def _logistic(a):
    return expit(a, out=a)


# Slopes as functions of the activated value; None for 1 throughout.
ACTIVATIONS = {
    "identity": (_keep, None),
    "logistic": (_logistic, lambda a: a * (1 - a)),
    "tanh": (_tanh, lambda a: 1 - a * a),
    "relu": (_rectify, lambda a: a > 0),
}


@dataclass(frozen=True)
class Parameters:
    """Views of a flat vector.

    Attributes
    ----------
    weights : list of ndarray
        Of shape (inputs, outputs), the encoder's and then the decoder's.
    biases : list of ndarray
        Of shape (outputs,).
    bypass : list of ndarray
        P (p, k) and Q (k, p), or nothing.
    """

    weights: list
    biases: list
    bypass: list


@dataclass(frozen=True)
class Network:
    """What a flat vector stands for.

    Attributes
    ----------
    widths : tuple of int
        Features, units of each hidden layer of the encoder, units of the code.
    activation, code_activation : str
        Keys of `ACTIVATIONS`.
    tied : bool
        Whether the weights of the decoder are those of the encoder, transposed.
    has_bypass : bool
    """

    widths: tuple
    activation: str = "relu"
    code_activation: str = "identity"
    tied: bool = False
    has_bypass: bool = False
    shapes: tuple = field(init=False, repr=False)

    def __post_init__(self):
        widths = (*self.widths, *self.widths[-2::-1])
        object.__setattr__(self, "shapes", tuple(zip(widths, widths[1:], strict=False)))

    @property
    def depth(self):
        """Layers of the encoder; the code is the output of the last."""
        return len(self.widths) - 1

    def _stored(self):
        """Shapes of the matrices that have entries of their own."""
        shapes = list(self.shapes[: self.depth] if self.tied else self.shapes)
        if self.has_bypass:
            p, k = self.widths[0], self.widths[-1]
            shapes += [(p, k)] if self.tied else [(p, k), (k, p)]
        return shapes

    @property
    def n_weights(self):
        """Entries of all matrices; they come first in a flat vector."""
        return sum(a * b for a, b in self._stored())

    @property
    def size(self):
        """Length of a flat vector."""
        return self.n_weights + sum(b for _, b in self.shapes)

    def views(self, theta):
        """`Parameters` that share memory with the flat vector."""
        arrays, start = [], 0
        for shape in (*self._stored(), *((b,) for _, b in self.shapes)):
            size = int(np.prod(shape))
            arrays.append(theta[start : start + size].reshape(shape))
            start += size
        n = self.depth if self.tied else 2 * self.depth
        weights, rest = arrays[:n], arrays[n:]
        if self.tied:
            weights += [W.T for W in weights[::-1]]
        biases = rest[-len(self.shapes) :]
        bypass = rest[: -len(self.shapes)]
        if self.tied and bypass:
            bypass = [bypass[0], bypass[0].T]
        return Parameters(weights, biases, bypass)

    def function_of(self, layer):
        """Activation of a layer and its slope."""
        if layer == 2 * self.depth - 1:
            return ACTIVATIONS["identity"]
        is_code = layer == self.depth - 1
        return ACTIVATIONS[self.code_activation if is_code else self.activation]

    def encode(self, parameters, Z):
        """Code (n, k) of standardised rows."""
        return self._run(parameters, Z, range(self.depth))[-1]

    def decode(self, parameters, C):
        """Standardised rows (n, p) that a code stands for."""
        layers = range(self.depth, 2 * self.depth)
        return self._run(parameters, C, layers)[-1]

    def _run(self, parameters, Z, layers, work=None):
        """Output of each of some layers, after the input."""
        outputs, source = [Z], Z
        for layer in layers:
            out = None if work is None else work.outputs[layer][: len(Z)]
            a = np.dot(outputs[-1], parameters.weights[layer], out=out)
            a += parameters.biases[layer]
            if parameters.bypass and layer == self.depth - 1:
                a += Z @ parameters.bypass[0]
            elif parameters.bypass and layer == 2 * self.depth - 1:
                a += source @ parameters.bypass[1]
            outputs.append(self.function_of(layer)[0](a))
            if layer == self.depth - 1:
                source = outputs[-1]
        return outputs

    def squared_errors(self, parameters, Z):
        """Squared norm of what each row loses (n,), in float64."""
        errors = self.decode(parameters, self.encode(parameters, Z))
        errors -= Z
        return np.einsum("ij,ij->i", errors, errors, dtype=np.float64)

    def add_gradient(self, parameters, gradient, Z, target, weight, factor, work):
        """Sum of weighted squared errors of some rows, and its gradient.

        Parameters
        ----------
        parameters : Parameters
        gradient : Parameters
            Overwritten by `factor` / 2 times the gradient of the sum.
        Z : ndarray of shape (m, p)
            Input.
        target : ndarray of shape (m, p)
            What it should be mapped to: Z, unless noise was added to that.
        weight : ndarray of shape (m,) or None
        factor : float
        work : Workspace

        Returns
        -------
        float
        """
        outputs = self._run(parameters, Z, range(2 * self.depth), work)
        delta = np.subtract(outputs[-1], target, out=outputs[-1])
        if weight is None:
            error = float(np.vdot(delta, delta))
        else:
            error = float(np.einsum("ij,ij,i->", delta, delta, weight))
            delta *= weight[:, np.newaxis]
        delta *= factor
        ones = work.ones[: len(Z)]
        to_code = None
        for layer in range(2 * self.depth - 1, -1, -1):
            before = outputs[layer]
            self._add_weights(gradient, layer, before, delta)
            np.dot(ones, delta, out=gradient.biases[layer])
            if parameters.bypass:
                to_code = self._cross(parameters, gradient, layer, outputs, delta, to_code)
            if layer == 0:
                break
            out = work.deltas[layer - 1][: len(Z)]
            delta = np.dot(delta, parameters.weights[layer].T, out=out)
            if to_code is not None and layer == self.depth:
                delta += to_code
            slope = self.function_of(layer - 1)[1]
            if slope is not None:
                delta *= slope(before)
        return error

    def _add_weights(self, gradient, layer, before, delta):
        """Gradient of one matrix; of both its uses where weights are tied."""
        if not self.tied:
            np.dot(before.T, delta, out=gradient.weights[layer])
        elif layer >= self.depth:
            # A transposed view of what the encoder's layer will add to.
            gradient.weights[layer].T[...] = delta.T @ before
        else:
            gradient.weights[layer][...] += before.T @ delta

    def _cross(self, parameters, gradient, layer, outputs, delta, to_code):
        """Gradients of the bypass, and what it brings back to the code."""
        if layer == 2 * self.depth - 1:
            gradient.bypass[1][...] = outputs[self.depth].T @ delta
            return delta @ parameters.bypass[1].T
        if layer == self.depth - 1:
            own = outputs[0].T @ delta
            if self.tied:
                gradient.bypass[0][...] += own
            else:
                gradient.bypass[0][...] = own
        return to_code


class Workspace:
    """Arrays that one gradient after the other is computed in.

    Parameters
    ----------
    network : Network
    n_rows : int
        The most rows that come at once.
    dtype : dtype
    """

    def __init__(self, network, n_rows, dtype):
        self.outputs = [np.empty((n_rows, b), dtype) for _, b in network.shapes]
        self.deltas = [np.empty((n_rows, b), dtype) for _, b in network.shapes[:-1]]
        self.ones = np.ones(n_rows, dtype)
