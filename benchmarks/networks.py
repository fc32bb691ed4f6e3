"""Cases of `Autoencoder`: scikit-learn's MLPRegressor and torch, the same network.

All run the same number of epochs with batches of the same size. The accuracy is the
mean squared error of rows that the fit has not seen. torch is measured where it is
installed, with one thread. MNIST is read from mnist_t10k.npz, 10,000 pictures as ``X``,
in the folder that the environment variable SKDIMRED_DATA names; without it that case is
left out.
"""

import os
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from sklearn.decomposition import PCA
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPRegressor

from skdimred import Autoencoder

__all__ = ["network_cases"]

HIDDEN = (128, 32)
MNIST = Path(os.environ.get("SKDIMRED_DATA", "data")) / "mnist_t10k.npz"


class Mirrored:
    """MLPRegressor from the rows to themselves."""

    def __init__(self, code, epochs, batch, hidden=HIDDEN):
        self.net = MLPRegressor(
            hidden_layer_sizes=(*hidden, code, *hidden[::-1]),
            batch_size=batch,
            max_iter=epochs,
            tol=0,
            n_iter_no_change=epochs,
            random_state=0,
        )

    def fit(self, X, y=None):
        self.net.fit(X, X)
        return self

    def rebuild(self, X):
        return self.net.predict(X)


class Torch:
    """The same with torch, on the CPU."""

    def __init__(self, code, epochs, batch, hidden=HIDDEN):
        import torch

        torch.manual_seed(0)
        torch.set_num_threads(1)
        self.torch, self.code, self.epochs, self.batch = torch, code, epochs, batch
        self.hidden = hidden

    def fit(self, X, y=None):
        torch, nn = self.torch, self.torch.nn
        rows = torch.from_numpy(np.ascontiguousarray(X))
        widths = (X.shape[1], *self.hidden, self.code)
        widths = (*widths, *widths[-2::-1])
        layers = []
        for i in range(len(widths) - 1):
            layers.append(nn.Linear(widths[i], widths[i + 1], dtype=rows.dtype))
            if i not in (len(self.hidden), len(widths) - 2):
                layers.append(nn.ReLU())
        self.net = nn.Sequential(*layers)
        adam = torch.optim.Adam(self.net.parameters(), lr=1e-3)
        for _ in range(self.epochs):
            for batch in torch.randperm(len(rows)).split(self.batch):
                adam.zero_grad(set_to_none=True)
                Z = rows[batch]
                nn.functional.mse_loss(self.net(Z), Z).backward()
                adam.step()
        return self

    def rebuild(self, X):
        with self.torch.no_grad():
            return self.net(self.torch.from_numpy(np.ascontiguousarray(X))).numpy()


class Linear:
    """PCA, whose error is the one to beat."""

    def __init__(self, code):
        self.pca = PCA(code)

    def fit(self, X, y=None):
        self.pca.fit(X)
        return self

    def rebuild(self, X):
        return self.pca.inverse_transform(self.pca.transform(X))


def digits(dtype):
    """Rows learned from, and others."""
    from sklearn.datasets import load_digits

    X = (load_digits().data / 16).astype(dtype)
    return train_test_split(X, train_size=1400, random_state=0)


@cache
def mnist(dtype):
    """Rows learned from, and others."""
    with np.load(MNIST) as held:
        X = (held["X"].reshape(len(held["X"]), -1) / 255).astype(dtype)
    return train_test_split(X, train_size=8000, random_state=0)


def ours(code, epochs, batch, **params):
    return Autoencoder(
        code,
        hidden_layer_sizes=HIDDEN,
        batch_size=batch,
        max_iter=epochs,
        tol=0,
        random_state=0,
        **params,
    )


def _case(Case, name, data, dtype, plan, goals, **params):
    code, epochs, _ = plan
    peers = {"sklearn MLPRegressor": partial(Mirrored, *plan)}
    if find_spec("torch"):
        peers["torch, one thread"] = partial(Torch, *plan)
    return Case(
        f"Autoencoder {name}, code {code}, {epochs} epochs, {dtype}",
        lambda: (data(dtype)[0], None),
        partial(ours, *plan),
        peers,
        {name: goals[name] for name in peers},
        lambda: data(dtype)[1],
        repeats=3,
        measure="test error",
        **params,
    )


def network_cases(Case):
    """Yield the cases."""
    for dtype, goal in (("float32", 2.0), ("float64", 1.5)):
        goals = {"sklearn MLPRegressor": goal, "torch, one thread": 2.0}
        yield _case(Case, "digits", digits, dtype, (10, 100, 128), goals)
    # Accuracy alone: a linear code is found at once.
    for code in (2, 10):
        yield Case(
            f"Autoencoder digits beside PCA, code {code}",
            lambda: (digits("float32")[0], None),
            partial(ours, code, 100, 128),
            {"sklearn PCA": partial(Linear, code)},
            {"sklearn PCA": 0.0},
            lambda: digits("float32")[1],
            repeats=1,
            measure="test error",
            in_readme=False,
        )
    if MNIST.is_file():
        goals = {"sklearn MLPRegressor": 2.0, "torch, one thread": 2.0}
        for dtype in ("float32", "float64"):
            yield _case(Case, "MNIST 8000 x 784", mnist, dtype, (16, 20, 200), goals)
