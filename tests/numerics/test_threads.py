"""BLAS is held to one thread while somebody needs it, and set free afterwards."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skdimred import PCA
from skdimred.blocks import map_ranges, split
from skdimred.numerics.threads import one_blas_thread


def blas_threads():
    return [i["num_threads"] for i in threadpool_info() if i["user_api"] == "blas"]


def test_the_setting_comes_back():
    before = blas_threads()
    with one_blas_thread() as allowed:
        assert set(blas_threads()) == {1}
        with one_blas_thread() as inner:
            assert inner == allowed
        assert set(blas_threads()) == {1}
    assert blas_threads() == before
    assert allowed == min(before)


@pytest.mark.parametrize("first_to_leave", ["main", "other"])
def test_concurrent_holders_do_not_undo_each_other(first_to_leave):
    before = blas_threads()
    inside, leave = threading.Event(), threading.Event()

    def hold():
        with one_blas_thread():
            inside.set()
            leave.wait(10)

    other = threading.Thread(target=hold)
    with one_blas_thread():
        other.start()
        assert inside.wait(10)
        if first_to_leave == "other":
            leave.set()
            other.join(10)
            assert set(blas_threads()) == {1}
    leave.set()
    other.join(10)
    assert blas_threads() == before
    # Nor is the setting left in the hands of a thread that is gone.
    with threadpool_limits(1, user_api="blas"):
        assert set(blas_threads()) == {1}
    assert blas_threads() == before


def test_a_fit_in_another_thread_leaves_the_setting_alone(rng):
    before = blas_threads()
    X = rng.standard_normal((50_000, 30))
    other = threading.Thread(target=PCA(2).fit, args=(X,))
    other.start()
    PCA(2).fit(X)
    other.join(30)
    assert blas_threads() == before


def test_a_limit_set_outside_is_respected():
    with threadpool_limits(1, user_api="blas"), one_blas_thread() as allowed:
        assert allowed == 1


@pytest.mark.parametrize("length", [1, 2, 5, 1000])
def test_ranges_cover_everything_in_order(length):
    parts = list(map_ranges(lambda r: np.arange(length)[r], length, work=1e12))
    assert np.array_equal(np.concatenate(parts), np.arange(length))


def test_ranges_are_of_similar_size():
    assert [s.start for s in split(10, 3)] == [0, 3, 6]


def test_threads_change_nothing_but_rounding(rng):
    X = rng.standard_normal((50_000, 40)) * np.linspace(1, 2, 40)
    many = PCA(3).fit(X)
    with threadpool_limits(1, user_api="blas"):
        one = PCA(3).fit(X)
    np.testing.assert_allclose(many.components_, one.components_, atol=1e-11)
    again = PCA(3).fit(X)
    assert np.array_equal(many.components_, again.components_)
