"""Kernels as the estimators call them: every BLAS pool held to one thread."""

import pytest

from skdimred.numerics.threads import one_blas_thread


@pytest.fixture(autouse=True)
def held(request):
    if request.module.__name__.endswith("test_threads"):
        yield
        return
    with one_blas_thread():
        yield
