r"""A dense network that maps rows to a code and back, on one flat parameter vector.

With matrices :math:`W_l` and vectors :math:`b_l` from width p over :math:`h_1, h_2,
\dots` to k, the encoder is the first half of the layers and the decoder, its mirror
image, the second:

.. math:: a_0 = z, \qquad a_l = f(a_{l-1} W_l + b_l) .

The output has no activation, and the code has one of its own. A bypass is a linear path
beside the hidden layers: z P is added to the code before its activation, and c Q to the
output, for a code c. Rows Z are rebuilt as Z', and the loss is

.. math:: J = \frac{1}{p\,\sum_i w_i} \Big( \sum_i w_i \|z_i' - z_i\|^2
              + \alpha \, \|\theta_W\|^2 \Big) ,

with :math:`\theta_W` all entries of the W, P and Q. All of them are views of one
vector, so that an optimiser sees nothing else.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.linalg import blas
from scipy.special import expit

__all__ = ["ACTIVATIONS", "Network", "Parameters", "Workspace", "add_product"]


# What replaces the sums of a layer, in place, and the slope there, as a function of the
# activated values; None for 1 throughout.
ACTIVATIONS = {
    "identity": (lambda a: a, None),
    "logistic": (lambda a: expit(a, out=a), lambda a: a * (1 - a)),
    "tanh": (lambda a: np.tanh(a, out=a), lambda a: 1 - a * a),
    "relu": (lambda a: np.maximum(a, 0, out=a), lambda a: a > 0),
}


def add_product(A, B, C, alpha=1.0, beta=1.0):
    """Replace C by ``alpha A B + beta C`` in one pass over it.

    Parameters
    ----------
    A, B : ndarray
        Of the dtype of C, each row by row or column by column in memory.
    C : ndarray
        Row by row in memory, float32 or float64.
    """
    gemm = blas.sgemm if C.dtype == np.float32 else blas.dgemm
    # BLAS counts columns first, so the product is that of the transposes.
    (right, trans_b), (left, trans_a) = (
        (M.T, 0) if M.flags.c_contiguous else (M, 1) for M in (A, B)
    )
    gemm(
        alpha,
        left,
        right,
        beta,
        C.T,
        trans_a=trans_a,
        trans_b=trans_b,
        overwrite_c=1,
    )


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

    def widened(self, columns, n_features):
        """The same for rows of more features, of which some columns count.

        The others have weight 0 and are rebuilt as 0.
        """
        last = len(self.weights) - 1
        axes = {0: 0, last: 1}

        def widen(array, axis):
            shape = list(array.shape)
            shape[axis] = n_features
            wide = np.zeros(shape, array.dtype)
            wide[(slice(None),) * axis + (columns,)] = array
            return wide

        return Parameters(
            [widen(W, axes[i]) if i in axes else W for i, W in enumerate(self.weights)],
            [*self.biases[:-1], widen(self.biases[-1], 0)],
            [widen(P, axis) for axis, P in enumerate(self.bypass)],
        )


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
        Whether the matrices of the decoder are those of the encoder, transposed.
    has_bypass : bool
        Needs a hidden layer to pass by.
    """

    widths: tuple
    activation: str = "relu"
    code_activation: str = "identity"
    tied: bool = False
    has_bypass: bool = False

    @property
    def depth(self):
        """Layers of the encoder; the code is the output of the last."""
        return len(self.widths) - 1

    @property
    def all_widths(self):
        """Features, units of every layer, and features again."""
        return (*self.widths, *self.widths[-2::-1])

    @property
    def _stored(self):
        """Shapes of the matrices that have entries of their own, P and Q last."""
        shapes, k = list(pairwise(self.all_widths)), self.widths[-1]
        shapes = shapes[: self.depth] if self.tied else shapes
        if self.has_bypass:
            p = self.widths[0]
            shapes += [(p, k)] if self.tied else [(p, k), (k, p)]
        return shapes

    @property
    def n_weights(self):
        """Entries of all matrices, which come first in a flat vector."""
        return sum(a * b for a, b in self._stored)

    @property
    def size(self):
        """Length of a flat vector."""
        return self.n_weights + sum(self.all_widths[1:])

    def views(self, theta):
        """`Parameters` that share memory with a flat vector."""
        start, arrays = 0, []
        for shape in (*self._stored, *((b,) for b in self.all_widths[1:])):
            size = int(np.prod(shape))
            arrays.append(theta[start : start + size].reshape(shape))
            start += size
        n = self.depth if self.tied else 2 * self.depth
        weights, bypass = arrays[:n], arrays[n : len(self._stored)]
        if self.tied:
            weights += [W.T for W in weights[::-1]]
            bypass += [P.T for P in bypass]
        return Parameters(weights, arrays[len(self._stored) :], bypass)

    def activation_of(self, layer):
        """What a layer does with its sums, and the slope; the last does nothing."""
        is_code = layer == self.depth - 1
        return ACTIVATIONS[self.code_activation if is_code else self.activation]

    def encode(self, parameters, Z):
        """Code (n, k) of rows."""
        return self._hidden(parameters, Z, range(self.depth))[-1]

    def decode(self, parameters, C):
        """Rows (n, p) that codes stand for."""
        layers = range(self.depth, 2 * self.depth - 1)
        out = self._hidden(parameters, C, layers)[-1] @ parameters.weights[-1]
        out += parameters.biases[-1]
        if parameters.bypass:
            add_product(C, parameters.bypass[1], out)
        return out

    def _hidden(self, parameters, Z, layers, work=None):
        """The input, and the output of each layer but the last of the network."""
        outputs = [Z]
        for layer in layers:
            out = None if work is None else work.sums[layer][: len(Z)]
            sums = np.dot(outputs[-1], parameters.weights[layer], out=out)
            sums += parameters.biases[layer]
            if parameters.bypass and layer == self.depth - 1:
                add_product(Z, parameters.bypass[0], sums)
            outputs.append(self.activation_of(layer)[0](sums))
        return outputs

    def squared_errors(self, parameters, Z):
        """Squared norm of what each row loses (n,), in float64."""
        errors = self.decode(parameters, self.encode(parameters, Z))
        errors -= Z
        return np.einsum("ij,ij->i", errors, errors, dtype=np.float64)

    def put_gradient(self, parameters, gradient, Z, target, weight, factor, work):
        """Sum of the squared errors of some rows, and its gradient.

        Parameters
        ----------
        parameters : Parameters
        gradient : Parameters
            Overwritten by `factor` / 2 times the gradient of the sum.
        Z : ndarray of shape (m, p)
            Input, row by row in memory.
        target : ndarray of shape (m, p)
            What it should be mapped to: Z, unless noise was added to that.
        weight : ndarray of shape (m,) or None
            In the dtype of Z.
        factor : float
            Larger than 0.
        work : Workspace

        Returns
        -------
        float
        """
        outputs = self._hidden(parameters, Z, range(2 * self.depth - 1), work)
        errors = np.subtract(target, parameters.biases[-1], out=work.errors[: len(Z)])
        add_product(outputs[-1], parameters.weights[-1], errors, factor, -factor)
        if parameters.bypass:
            code = outputs[self.depth]
            add_product(code, parameters.bypass[1], errors, factor)
        if weight is None:
            error = float(np.vdot(errors, errors))
        else:
            error = float(np.vdot(np.einsum("ij,ij->i", errors, errors), weight))
            errors *= weight[:, np.newaxis]
        self._go_back(parameters, gradient, outputs, errors, work)
        return error / factor**2

    def _go_back(self, parameters, gradient, outputs, delta, work):
        """Gradients from the last layer to the first; the outputs are overwritten."""
        n, errors = len(delta), delta
        for layer in range(2 * self.depth - 1, -1, -1):
            source, bypass = outputs[layer], gradient.bypass
            if bypass and layer == self.depth:
                self._put(bypass, 1, source, errors)
            elif bypass and layer == self.depth - 1:
                self._put(bypass, 0, outputs[0], delta)
            self._put(gradient.weights, layer, source, delta)
            np.dot(work.ones[:n], delta, out=gradient.biases[layer])
            if layer == 0:
                return
            W = parameters.weights[layer]
            back = np.dot(delta, W.T, out=work.back[layer][:n])
            if bypass and layer == self.depth:
                add_product(errors, parameters.bypass[1].T, back)
            # What the layer put out has been used: its place is taken.
            delta, slope = source, self.activation_of(layer - 1)[1]
            if slope is None:
                delta = back
            else:
                np.multiply(back, slope(source), out=delta)

    def _put(self, gradients, i, source, delta):
        """Gradient of one matrix; one with two uses gets that of both."""
        if not self.tied:
            np.dot(source.T, delta, out=gradients[i])
        elif i >= len(gradients) // 2:
            np.dot(delta.T, source, out=gradients[i].T)
        else:
            add_product(source.T, delta, gradients[i])


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
        widths = network.all_widths
        self.sums = [np.empty((n_rows, b), dtype) for b in widths[1:-1]]
        self.back = [np.empty((n_rows, a), dtype) for a in widths[:-1]]
        self.errors = np.empty((n_rows, widths[0]), dtype)
        self.ones = np.ones(n_rows, dtype)
