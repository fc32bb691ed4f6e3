"""Parameters of biased factors: what may be asked for, and what follows."""

from numbers import Integral, Real

import numpy as np
from joblib import effective_n_jobs

from skdimred.numerics.masked import Penalty
from skdimred.numerics.threads import one_blas_thread

__all__ = [
    "check_parameters",
    "choose_method",
    "is_count",
    "n_threads",
    "penalty_of",
]

SOLVERS = ("auto", "exact", "cg", "cd")
# Multiply-adds of all Gram matrices of a sweep up to which they are always formed.
SMALL_GRAMS = 5e6


def is_count(value, least):
    """Whether a value is a whole number of at least `least`."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        return False
    return value >= least


def _is_number(value, least=0.0, most=np.inf):
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        return False
    return least <= value <= most and np.isfinite(value)


def check_parameters(estimator):
    """Raise on a bad parameter of `BiasedMF` or a kin, by name.

    Raises
    ------
    ValueError
    """
    params = estimator.get_params(deep=False)
    rules = (
        (
            "n_components",
            lambda v: is_count(v, 0) or "alphas" in params,
            "an integer of at least 0",
        ),
        ("alpha", _is_number, "a finite number of at least 0"),
        (
            "alpha_bias",
            lambda v: v is None or _is_number(v),
            "a finite number of at least 0, or None for alpha",
        ),
        ("l1_ratio", lambda v: _is_number(v, most=1.0), "a number in [0, 1]"),
        (
            "implicit_zeros",
            lambda v: isinstance(v, str) and v in ("missing", "observed"),
            "'missing' or 'observed'",
        ),
        (
            "solver",
            lambda v: isinstance(v, str) and v in SOLVERS,
            f"one of {SOLVERS}",
        ),
        ("max_iter", lambda v: is_count(v, 1), "an integer of at least 1"),
        ("tol", _is_number, "a finite number of at least 0"),
        (
            "validation_fraction",
            lambda v: _is_number(v) and v < 1,
            "a number in [0, 1)",
        ),
        (
            "n_jobs",
            lambda v: v is None or is_count(v, 1) or (is_count(v, -(10**6)) and v < 0),
            "an integer other than 0, or None",
        ),
    )
    for name, is_good, wanted in rules:
        if name in params and not is_good(params[name]):
            raise ValueError(f"{name}={params[name]!r} must be {wanted}.")
    for name in (
        "positive",
        "row_bias",
        "col_bias",
        "weighted_alpha",
        "rotate",
        "clip",
    ):
        if name in params and not isinstance(params[name], (bool, np.bool_)):
            raise ValueError(f"{name}={params[name]!r} must be True or False.")


def penalty_of(estimator, alpha):
    """The penalty that the parameters ask for, at one alpha."""
    bias = estimator.alpha_bias
    return Penalty(
        l2=float(alpha) * (1 - estimator.l1_ratio),
        l1=float(alpha) * estimator.l1_ratio,
        bias=float(alpha if bias is None else bias),
        positive=bool(estimator.positive),
        weighted=bool(estimator.weighted_alpha),
    )


def choose_method(solver, penalty, complete, n_cells, n_unknowns):
    """How rows and columns are solved.

    "cd" where there is an L1 penalty or a sign; "exact" where all cells are known, or
    where something is not penalised at all, or where Gram matrices are cheap; "cg"
    otherwise.

    Raises
    ------
    ValueError
        If the solver cannot solve the problem.
    """
    if not penalty.is_smooth:
        if solver not in ("auto", "cd"):
            raise ValueError(
                f"solver={solver!r} has no L1 penalty and no signs: with l1_ratio > 0 "
                "or positive=True take 'cd' or 'auto'."
            )
        return "cd"
    open_ended = penalty.l2 == 0 or penalty.bias == 0
    if solver == "cg" and open_ended:
        raise ValueError(
            "solver='cg' needs alpha > 0 and alpha_bias > 0: take 'exact' or 'auto'."
        )
    if solver == "cd":
        return "cd"
    if complete or open_ended or solver == "exact":
        return "exact"
    small = n_cells * n_unknowns**2 <= SMALL_GRAMS
    return "exact" if solver == "auto" and small else "cg"


def n_threads(n_jobs):
    """Threads to deal blocks to; None for as many as BLAS was allowed."""
    if n_jobs is None:
        with one_blas_thread() as allowed:
            return allowed
    return effective_n_jobs(n_jobs)
