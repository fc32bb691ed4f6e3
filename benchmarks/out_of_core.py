"""Fit a file of 2 GB under a cap of 500 MB of memory (Linux; makes the file first).

    python benchmarks/out_of_core.py [FOLDER]

Each estimator runs in a process of its own whose data segment may grow by 500 MB, on
``np.load(path, mmap_mode="r")`` of a million rows of 500 float32 features.
IncrementalPCA is given a tenth of the rows, and its time is multiplied by ten.
"""

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA as SklearnPCA
from sklearn.decomposition import IncrementalPCA

from skdimred import PCA

CAP = 500 << 20
SHAPE, STEP = (1_000_000, 500), 50_000
CASES = {
    "PCA": (lambda: PCA(10), 1),
    "PCA krylov": (lambda: PCA(10, svd_solver="krylov", random_state=0), 1),
    "sklearn PCA": (lambda: SklearnPCA(10), 1),
    "sklearn IncrementalPCA": (lambda: IncrementalPCA(10, batch_size=5000), 10),
}


def main():
    if len(sys.argv) == 4:
        _run(sys.argv[2], sys.argv[3])
        return
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())
    path = folder / "rows.npy"
    if not path.exists():
        _write(path)
    for name in CASES:
        subprocess.run([sys.executable, __file__, "run", str(path), name], check=True)


def _write(path):
    rng = np.random.default_rng(0)
    scale = 1 / np.sqrt(np.arange(1, SHAPE[1] + 1, dtype=np.float32))
    rows = np.lib.format.open_memmap(path, "w+", np.float32, SHAPE)
    for start in range(0, SHAPE[0], STEP):
        block = rng.standard_normal((STEP, SHAPE[1]), dtype=np.float32)
        rows[start : start + STEP] = block * scale + 1
    rows.flush()


def _run(path, name):
    make, part = CASES[name]
    X = np.load(path, mmap_mode="r")[: SHAPE[0] // part]
    # A fit of something small first, so that libraries and thread pools are there.
    make().fit(np.random.default_rng(0).random((60, 12)))
    text = Path("/proc/self/status").read_text()
    used = 1024 * int(text.split("VmData:")[1].split()[0])
    resource.setrlimit(resource.RLIMIT_DATA, (used + CAP, used + CAP))
    start = time.process_time()
    try:
        make().fit(X)
    except MemoryError as error:
        print(f"{name:24} MemoryError: {error}")
        return
    print(f"{name:24} {part * (time.process_time() - start):.1f} s of CPU time")


if __name__ == "__main__":
    main()
