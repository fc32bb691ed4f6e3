"""Ways down the loss of a network: Adam by epochs of batches, and L-BFGS."""

import numpy as np
from scipy.optimize import minimize

from skdimred.numerics.adam import Adam
from skdimred.numerics.network import Workspace

__all__ = ["Batches", "Problem", "lbfgs"]

# Rows at a time where a whole pass is wanted.
CHUNK_ROWS = 512
# Decrease of the loss in a step of L-BFGS that counts as none, in units of `tol`: steps
# are many and small near the end, an epoch of Adam is large.
LBFGS_TOL = 1e-4


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

    def penalty_of(self, theta):
        """Penalty on the weights, biases aside."""
        weights = theta[: self.network.n_weights]
        return self.penalty * float(np.vdot(weights, weights))

    def add_penalty(self, theta, gradient):
        """Add the gradient of the penalty."""
        n = self.network.n_weights
        gradient[:n] += theta.dtype.type(2 * self.penalty) * theta[:n]

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
        return total / (p * self.total)


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
        self.gradient = np.empty_like(theta)
        self.views = network.views(theta), network.views(self.gradient)
        self.work = Workspace(network, most, theta.dtype)
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
        problem, network = self.problem, self.problem.network
        Z = target = problem.rows.take(problem.index[batch], self.buffer)
        if self.noise is not None:
            Z = self.rng.standard_normal(target.shape, dtype=target.dtype)
            Z *= self.noise
            Z += target
        error = network.put_gradient(
            *self.views,
            Z,
            target,
            None if self.weight is None else self.weight[batch],
            2.0 / (len(batch) * network.widths[0]),
            self.work,
        )
        if problem.penalty:
            problem.add_penalty(self.theta, self.gradient)
        self.adam.step(self.theta, self.gradient, self.rate)
        return error


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
