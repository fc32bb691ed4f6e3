"""The ranges of the parameters of `Autoencoder`."""

from numbers import Integral, Real

import numpy as np

from skdimred.numerics.network import ACTIVATIONS

__all__ = ["check_parameters"]

INITS, SOLVERS = ("pca", "random"), ("adam", "lbfgs")


def check_parameters(estimator):
    """Raise on a parameter out of its range."""
    _check_whole("n_components", estimator.n_components)
    _check_whole("max_iter", estimator.max_iter)
    _check_whole("n_iter_no_change", estimator.n_iter_no_change)
    if estimator.batch_size != "auto":
        _check_whole("batch_size", estimator.batch_size, 'or "auto"')
    sizes = estimator.hidden_layer_sizes
    if isinstance(sizes, (str, bytes)) or not (
        isinstance(sizes, Integral) or np.ndim(sizes) == 1
    ):
        raise ValueError(
            f"hidden_layer_sizes={sizes!r} must be a tuple of integers, or one."
        )
    for size in (sizes,) if isinstance(sizes, Integral) else sizes:
        _check_whole("hidden_layer_sizes", size, "each")
    for name, allowed in (
        ("activation", tuple(ACTIVATIONS)),
        ("code_activation", tuple(ACTIVATIONS)),
        ("init", INITS),
        ("solver", SOLVERS),
    ):
        value = getattr(estimator, name)
        if not isinstance(value, str) or value not in allowed:
            raise ValueError(f"{name}={value!r} must be one of {allowed}.")
    for name, low, closed in (
        ("alpha", 0.0, True),
        ("tol", 0.0, True),
        ("noise", 0.0, True),
        ("learning_rate_init", 0.0, False),
        ("validation_fraction", 0.0, False),
    ):
        _check_real(name, getattr(estimator, name), low, closed)
    if estimator.validation_fraction >= 1:
        raise ValueError(
            f"validation_fraction={estimator.validation_fraction!r} must be below 1."
        )
    if estimator.noise and estimator.solver == "lbfgs":
        raise ValueError(
            f'noise={estimator.noise!r} needs solver="adam": L-BFGS needs the same '
            "loss at every step."
        )


def _check_whole(name, value, more=""):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise ValueError(f"{name}={value!r} must be an integer of at least 1 {more}.")
    if value < 1:
        raise ValueError(f"{name}={value!r} must be at least 1.")


def _check_real(name, value, low, closed):
    """Raise unless a value is a finite number above `low`, or at it if `closed`."""
    fine = isinstance(value, Real) and not isinstance(value, (bool, np.bool_))
    fine = fine and np.isfinite(value) and (value > low or (closed and value == low))
    if not fine:
        bound = "of at least" if closed else "above"
        raise ValueError(f"{name}={value!r} must be a finite number {bound} {low:g}.")
