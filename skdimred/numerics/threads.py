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
    """The BLAS pools of the process, listed once (1.6 ms), and who holds them.

    The setting belongs to the whole process. The thread that lowers it is the one that
    restores it; others that come meanwhile find it lowered and leave it alone, so that
    no order of leaving can keep it low.
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.controller = None
        self.holder = None
        self.allowed = 1

    @contextmanager
    def hold(self):
        limiter = None
        with self.lock:
            if self.controller is None:
                self.controller = ThreadpoolController().select(user_api="blas")
            if self.holder is None:
                pools = self.controller.lib_controllers
                self.allowed = min((p.get_num_threads() for p in pools), default=1)
                if self.allowed > 1:
                    self.holder = threading.get_ident()
                    limiter = self.controller.limit(limits=1)
            allowed = self.allowed
        try:
            yield allowed
        finally:
            if limiter is not None:
                with self.lock:
                    limiter.restore_original_limits()
                    self.holder = None


_POOLS = _Pools()


def one_blas_thread():
    """Context in which every BLAS pool is held to one thread.

    Gives the number of threads that the pools had, which is how many a row split may
    use. Costs about 15 us, and 2 us where there is one thread anyway.
    """
    return _POOLS.hold()
