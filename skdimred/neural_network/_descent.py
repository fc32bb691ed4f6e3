"""Ways down the loss of a network: Adam by epochs of batches, and L-BFGS."""

import numpy as np
from scipy.optimize import minimize

from skdimred.blocks import map_ranges, split
from skdimred.numerics.adam import Adam
from skdimred.numerics.network import Workspace

__all__ = ["Batches", "Problem", "lbfgs"]

# Rows at a time where a whole pass is wanted.
CHUNK_ROWS = 512
# Decrease of the loss in a step of L-BFGS that counts as none, in units of `tol`: steps
# are many and small near the end, an epoch of Adam is large.
LBFGS_TOL = 1e-4
# Multiply-adds of a part of a batch, and parts at most: each has a gradient of its own,
# which is added up.
PART_WORK, MOST_PARTS = 5e7, 4


class Problem:
    """The loss of a network on some rows, per feature and unit of weight.

    Parameters
    ----------
    network : Network
    rows : StandardRows
    index : ndarray of int
        Which rows.
    weight : ndarray of shape (n,) or None
        Of all rows.
    alpha : float
    """

    def __init__(self, network, rows, index, weight, alpha):
        self.network, self.rows, self.index = network, rows, index
        self.weight = None if weight is None else weight[index]
        self.total = float(len(index) if weight is None else self.weight.sum())
        # Rows of weight 1 on average.
        self.unit = self.total / len(index)
        self.penalty = alpha / (network.widths[0] * self.total)
        # Error in features that the network leaves out.
        self.left_out = 0.0

    def penalty_of(self, theta):
        """Penalty on the weights, biases aside."""
        weights = theta[: self.network.n_weights]
        return self.penalty * float(np.vdot(weights, weights))

    def add_penalty(self, theta, gradient):
        """Add the gradient of the penalty."""
        n = self.network.n_weights
        gradient[:n] += theta.dtype.type(2 * self.penalty) * theta[:n]

    def level(self):
        """Mean squared error where every row is rebuilt as the mean."""
        total, p = 0.0, self.network.widths[0]
        buffer = np.empty((min(CHUNK_ROWS, len(self.index)), p), self.rows.dtype)
        for start in range(0, len(self.index), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            Z = self.rows.take(self.index[chunk], buffer)
            squares = np.einsum("ij,ij->i", Z, Z, dtype=np.float64)
            weight = 1.0 if self.weight is None else self.weight[chunk]
            total += float(np.sum(squares * weight))
        return total / (p * self.total)

    def error(self, theta):
        """Mean squared error of the rows, without the penalty."""
        parameters = self.network.views(theta)
        total, p = 0.0, self.network.widths[0]
        buffer = np.empty((min(CHUNK_ROWS, len(self.index)), p), theta.dtype)
        for start in range(0, len(self.index), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            Z = self.rows.take(self.index[chunk], buffer)
            errors = self.network.squared_errors(parameters, Z)
            weight = 1.0 if self.weight is None else self.weight[chunk]
            total += float(np.sum(errors * weight))
        return total / (p * self.total) + self.left_out


class Batches:
    """Epochs of Adam over random batches.

    Parameters
    ----------
    problem : Problem
    theta : ndarray of shape (size,)
        Changed in place.
    batch_size : int
    rate : float
    noise : float or ndarray of shape (p,)
        Standard deviation of what is added to the input, 0 for none.
    rng : Generator
    adam : Adam or None
        Running means to go on from.
    """

    def __init__(self, problem, theta, batch_size, rate, noise, rng, adam=None):
        self.problem, self.theta, self.rate, self.rng = problem, theta, rate, rng
        network, n = problem.network, len(problem.index)
        self.n_batches = -(-n // batch_size)
        most = -(-n // self.n_batches)
        # Forward once and back twice. How a batch is cut does not depend on how many
        # threads there are, so that the answer does not either.
        self.work = 3.0 * most * network.n_weights
        n_parts = int(np.clip(self.work // PART_WORK, 1, MOST_PARTS))
        self.parts = [
            _Part(network, part.stop - part.start, theta.dtype)
            for part in split(most, n_parts)
        ]
        self.views = network.views(theta)
        self.buffer = np.empty((most, network.widths[0]), theta.dtype)
        self.noise = np.asarray(noise, theta.dtype) if np.any(noise) else None
        self.adam = Adam(network.size, theta.dtype) if adam is None else adam
        self.weight = None
        if problem.weight is not None:
            self.weight = (problem.weight / problem.unit).astype(theta.dtype)

    def epoch(self):
        """Go through all rows once; the mean loss on the way.

        Where one batch holds all rows, the loss after the step.
        """
        problem, n = self.problem, len(self.problem.index)
        order = np.arange(n) if self.n_batches == 1 else self.rng.permutation(n)
        error = penalty = 0.0
        for batch in np.array_split(order, self.n_batches):
            penalty += problem.penalty_of(self.theta) if problem.penalty else 0.0
            error += self._step(batch)
        if self.n_batches == 1 and self.noise is None:
            return problem.error(self.theta) + problem.penalty_of(self.theta)
        return error / (n * problem.network.widths[0]) + penalty / self.n_batches

    def _step(self, batch):
        """One step of Adam; the sum of the squared errors before it."""
        problem = self.problem
        Z = target = problem.rows.take(problem.index[batch], self.buffer)
        if self.noise is not None:
            Z = self.rng.standard_normal(target.shape, dtype=target.dtype)
            Z *= self.noise
            Z += target
        weight = None if self.weight is None else self.weight[batch]
        factor = 2.0 / target.size
        ranges = split(len(batch), len(self.parts))

        def differentiate(which):
            for part, rows in zip(self.parts[which], ranges[which], strict=False):
                part.error = problem.network.put_gradient(
                    self.views,
                    part.views,
                    Z[rows],
                    target[rows],
                    None if weight is None else weight[rows],
                    factor,
                    part.work,
                )

        self._spread(differentiate, len(ranges))
        first, *others = self.parts[: len(ranges)]
        for part in others:
            first.gradient += part.gradient
        if problem.penalty:
            problem.add_penalty(self.theta, first.gradient)
        self.adam.step(self.theta, first.gradient, self.rate, self._spread)
        return sum(part.error for part in self.parts[: len(ranges)])

    def _spread(self, function, length):
        """Call a function on slices of a range, by threads where that pays."""
        if len(self.parts) == 1:
            function(slice(0, length))
            return
        for _ in map_ranges(function, length, work=self.work):
            pass


class _Part:
    """What one thread needs to differentiate a part of a batch."""

    def __init__(self, network, n_rows, dtype):
        self.gradient = np.empty(network.size, dtype)
        self.views = network.views(self.gradient)
        self.work = Workspace(network, n_rows, dtype)
        self.error = 0.0


def lbfgs(problem, theta, max_iter, tol, each):
    """Descend along all rows at once, in float64.

    Parameters
    ----------
    problem : Problem
    theta : ndarray of shape (size,), float64
        Where to begin.
    max_iter : int
    tol : float
    each : callable
        ``each(theta, loss)`` after every iteration; StopIteration ends the descent.

    Returns
    -------
    bool
        Whether it came to rest within `max_iter` iterations.
    """
    network, index = problem.network, problem.index
    p, n = network.widths[0], len(index)
    most = min(CHUNK_ROWS, n)
    work, buffer = Workspace(network, most, theta.dtype), np.empty((most, p))
    part = np.empty_like(theta)

    def loss(theta):
        total, gradient = np.zeros(1), np.zeros_like(theta)
        views = network.views(theta), network.views(part)
        for start in range(0, n, CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            Z = problem.rows.take(index[chunk], buffer)
            weight = None if problem.weight is None else problem.weight[chunk]
            factor = 2.0 / (p * problem.total)
            total += network.put_gradient(*views, Z, Z, weight, factor, work)
            gradient += part
        problem.add_penalty(theta, gradient)
        return float(total[0]) / (p * problem.total) + problem.penalty_of(
            theta
        ), gradient

    found = minimize(
        loss,
        theta,
        jac=True,
        method="L-BFGS-B",
        callback=lambda intermediate_result: each(
            intermediate_result.x, intermediate_result.fun
        ),
        options={
            "maxiter": max_iter,
            "maxfun": 20 * max_iter,
            "ftol": LBFGS_TOL * tol,
            "gtol": 0.0,
            "maxcor": 20,
        },
    )
    return found.status != 1
