"""Threads: our own row split outside, one BLAS thread inside.

numpy and scipy each ship an OpenBLAS with a pool of its own. A threaded product waits
for its slowest worker, so that beside a busy process a 30 x 30 factorisation can take
a scheduler quantum (8-16 ms) and a large product several times its quiet time. Work is
therefore split over rows by plain threads, which the scheduler balances, while every
BLAS pool is held to one thread.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

# scipy.linalg is imported so that its BLAS is loaded when the pools are listed.
import scipy.linalg  # noqa: F401
from threadpoolctl import ThreadpoolController

__all__ = ["is_worker", "large_products", "one_blas_thread", "workers"]


class _Pools:
    """The BLAS pools of the process, listed once (1.6 ms), and who holds them.

    The setting belongs to the whole process. The first thread that comes lowers it, and
    the last one that leaves restores it.
    """

    def __init__(self):
        self.pools, self.saved, self.allowed = None, None, 1
        self.start_anew()

    def start_anew(self):
        """Forget threads that held the pools: after a fork they are gone."""
        self.lock, self.holders = threading.Lock(), 0
        if self.saved is not None:
            self._restore()

    @contextmanager
    def hold(self):
        with self.lock:
            if self.holders == 0:
                self._lower()
            self.holders += 1
            allowed = self.allowed
        try:
            yield allowed
        finally:
            with self.lock:
                self.holders -= 1
                if self.holders == 0:
                    self._restore()

    def _lower(self):
        """Set all pools to one thread, and keep what they had."""
        if self.pools is None:
            self.pools = ThreadpoolController().select(user_api="blas").lib_controllers
        saved = [pool.get_num_threads() for pool in self.pools]
        self.allowed = min(saved, default=1)
        if max(saved, default=1) > 1:
            self.saved = saved
            self._set([1] * len(saved))

    def _restore(self):
        if self.saved is not None:
            self._set(self.saved)
            self.saved = None

    def _set(self, counts):
        for pool, count in zip(self.pools, counts, strict=True):
            pool.set_num_threads(count)
            # threadpoolctl >= 3.8 keeps the right to set for the thread that did so.
            if hasattr(pool, "clear_controlling_thread"):
                pool.clear_controlling_thread()

    @contextmanager
    def lend(self):
        """Give scipy's pool back its threads, while all are held."""
        with self.lock:
            if self.saved is not None:
                self._set(
                    [
                        n if s else 1
                        for n, s in zip(self.saved, self._of_scipy(), strict=True)
                    ]
                )
        try:
            yield
        finally:
            with self.lock:
                if self.saved is not None:
                    self._set([1] * len(self.saved))

    def _of_scipy(self):
        folders = (os.path.basename(os.path.dirname(p.filepath)) for p in self.pools)
        return ["scipy" in folder for folder in folders]


_POOLS = _Pools()


def large_products():
    """Context in which scipy's BLAS has its threads back, and numpy's has one.

    For products that read so much memory that a stall is small beside them.
    """
    return _POOLS.lend()


def one_blas_thread():
    """Context in which every BLAS pool is held to one thread.

    Gives the number of threads that the pools had, which is how many a row split may
    use. Costs about 10 us, and 3 us where there is one thread anyway.
    """
    return _POOLS.hold()


# By their number. Threads are kept: to start them, and to have their memory mapped
# afresh, takes as long as a product with 50 MB of rows.
_WORKERS = {}
_STARTING = threading.Lock()
_local = threading.local()


def _mark():
    _local.works = True


def is_worker():
    """Whether this thread is a worker, which must not wait for others."""
    return getattr(_local, "works", False)


def workers(count):
    """The executor of `count` threads that the process keeps."""
    with _STARTING:
        if count not in _WORKERS:
            _WORKERS[count] = ThreadPoolExecutor(count, "skdimred", _mark)
        return _WORKERS[count]


def _forget():
    """Threads do not live on in a forked process."""
    global _STARTING
    _STARTING = threading.Lock()
    _WORKERS.clear()
    _POOLS.start_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
