"""Check which is faster, Gram matrix or block Lanczos, against the rule of "auto".

    OPENBLAS_NUM_THREADS=1 python benchmarks/crossover.py

Times both on singular values i^-0.5 over sizes, aspects, precisions and numbers of
components, and prints the regret: the time of the solver that the rule chooses over
that of the faster one. About ten minutes.
"""

import time
from itertools import product

import numpy as np

from skdimred import PCA
from skdimred.decomposition._krylov import choose_solver
from skdimred.numerics.rank import Count

SIZES = (300, 450, 700, 1000, 1500, 2000, 3000)
MOST = 2.2e7


def rows(n, p, dtype):
    """Rows whose singular values fall about as i^-0.5."""
    rng = np.random.default_rng(0)
    d = min(n, p)
    Q = np.linalg.qr(rng.standard_normal((d, d)))[0] * np.arange(1, d + 1) ** -0.5
    G = rng.standard_normal((n, p)) / np.sqrt(max(n, p))
    return (G @ Q.T if n >= p else Q @ G).astype(dtype)


def seconds(X, k, solver):
    """CPU time of a fit, the shortest of a few."""
    times = []
    for _ in range(3 if min(X.shape) <= 1000 else 2):
        start = time.process_time()
        PCA(k, svd_solver=solver, random_state=0).fit(X)
        times.append(time.process_time() - start)
    return min(times)


def main():
    regrets = {}
    for d, aspect, is_wide in product(SIZES, (1, 2, 3, 10), (False, True)):
        D = d * aspect
        if d * D > MOST or (is_wide and aspect == 1):
            continue
        shape = (d, D) if is_wide else (D, d)
        for dtype in ("float64", "float32"):
            X = rows(*shape, dtype)
            for k in (2, 10, 50, 200):
                if k > d / 2:
                    continue
                times = {s: seconds(X, k, s) for s in ("gram", "krylov")}
                chosen = choose_solver(shape, False, Count(k, d), X.dtype)
                regret = times[chosen] / min(times.values())
                regrets.setdefault(dtype, []).append(regret)
                print(
                    f"{shape[0]:6} x {shape[1]:<6} {dtype} K={k:<4} "
                    f"gram {times['gram']:.4f} krylov {times['krylov']:.4f} "
                    f"-> {chosen:7} regret {regret:.2f}",
                    flush=True,
                )
    for dtype, values in regrets.items():
        print(f"{dtype}: largest regret {max(values):.2f}, mean {np.mean(values):.3f}")


if __name__ == "__main__":
    main()
