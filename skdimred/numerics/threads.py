"""Threads: our own row split outside, one BLAS thread inside.

numpy and scipy each ship an OpenBLAS with a pool of its own. A threaded product waits
for its slowest worker, so that beside a busy process a 30 x 30 factorisation can take
a scheduler quantum (8-16 ms) and a large product several times its quiet time. Work is
therefore split over rows by plain threads, which the scheduler balances, while every
BLAS pool is held to one thread.
"""

import threading
from contextlib import contextmanager

# scipy.linalg is imported so that its BLAS is loaded when the pools are listed.
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

__all__ = ["one_blas_thread"]


class _Pools:
    """The BLAS pools of the process, listed once (1.6 ms), and who holds them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.holders = 0
        self.controllers = None
        self.saved = ()

    def acquire(self):
        with self.lock:
            if self.controllers is None:
                blas = ThreadpoolController().select(user_api="blas")
                self.controllers = blas.lib_controllers
            if self.holders == 0:
                self.saved = tuple(c.get_num_threads() for c in self.controllers)
                self._set([1] * len(self.saved))
            self.holders += 1
            return max(1, min(self.saved, default=1))

    def release(self):
        with self.lock:
            self.holders -= 1
            if self.holders == 0:
                self._set(self.saved)

    def _set(self, counts):
        for controller, saved, count in zip(
            self.controllers, self.saved, counts, strict=True
        ):
            if saved != 1:
                controller.set_num_threads(count)


_POOLS = _Pools()


@contextmanager
def one_blas_thread():
    """Hold the BLAS pools to one thread; yield how many threads they had.

    The setting belongs to the whole process, so concurrent holders are counted: the
    first one in saves and lowers it, the last one out restores it. Costs about 5 us.
    """
    allowed = _POOLS.acquire()
    try:
        yield allowed
    finally:
        _POOLS.release()
