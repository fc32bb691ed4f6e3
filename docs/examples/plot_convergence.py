"""
Where should a factorisation start?
===================================

Non-negative matrix factorisation has many local minima, and iterations that come near
one slowly. Both depend on where it starts: on random numbers, as many programs do, or
on what a singular value decomposition says. And what if a third of the table is not
known?
"""

# %%
# The digits that scikit-learn ships, 16 components. Random starts with six seeds, and
# the default start.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import NMF as BuiltIn
from sklearn.exceptions import ConvergenceWarning

from skdimred.decomposition import NMF
from skdimred.inspection import ConvergenceDisplay

X = load_digits().data
K, SEEDS = 16, range(6)
PRECISE = {"tol": 1e-6, "max_iter": 3000}
fits = {"default": NMF(K, random_state=0, **PRECISE).fit(X)}
for seed in SEEDS:
    model = NMF(K, init="random", random_state=seed, **PRECISE)
    fits[f"random, seed {seed}"] = model.fit(X)

display = ConvergenceDisplay.from_estimators(fits, view="excess")
display.ax_.set_xscale("log")
display.figure_.set_size_inches(8, 5)
plt.show()

for name, model in fits.items():
    print(f"{name:15} {model.n_iter_:4} iterations  ", end="")
    print(f"relative error {model.relative_error_:.5f}")

# %%
# Drawn is how far the objective is above the lowest of all, at each iteration. All have
# converged, to a residual of 1e-6, and they have not come to the same place. A line
# that runs down has found the lowest of these minima; the others level off in other
# ones. More iterations help none of those; another start does, which is what `n_init`
# is for.
#
# The same seeds, as they are used by most: default tolerance, here and in scikit-learn.
# Theirs stops by another rule, so the numbers of iterations do not compare, but the
# errors do.
print("seed  skdimred default  random  scikit-learn default  random")
for seed in SEEDS:
    errors = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for kind in (NMF, BuiltIn):
            for init in (None, "random"):
                model = kind(K, init=init, random_state=seed).fit(X)
                errors.append(model.reconstruction_err_ / np.linalg.norm(X))
    print(f"{seed:4}  {errors[0]:16.5f}  {errors[1]:.4f}", end="")
    print(f"  {errors[2]:20.5f}  {errors[3]:.4f}")

# %%
# Missing cells
# -------------
#
# A third of the pixels of each digit are hidden, drawn at random. The fit sees NaN in
# their place, and the factors fill them in.
rng = np.random.default_rng(0)
hidden = rng.random(X.shape) < 1 / 3
known = np.where(hidden, np.nan, X)

counts = (2, 4, 6, 8, 10, 13, 16, 20, 25)
errors = []
for k in counts:
    model = NMF(k, max_iter=1000, random_state=0).fit(known)
    rebuilt = model.inverse_transform(model.transform(known))
    errors.append(
        [
            np.linalg.norm((X - rebuilt)[cells]) / np.linalg.norm(X[cells])
            for cells in (~hidden, hidden)
        ]
    )
means = np.broadcast_to(np.nanmean(known, axis=0), X.shape)
by_means = np.linalg.norm((X - means)[hidden]) / np.linalg.norm(X[hidden])

figure, ax = plt.subplots(figsize=(6.5, 4), layout="constrained")
for line, label, colour in zip(
    np.transpose(errors), ("known", "hidden"), ("#0072B2", "#D55E00"), strict=True
):
    ax.plot(counts, line, marker="o", c=colour, label=f"{label} cells")
ax.axhline(by_means, c="0.4", ls="--", label="hidden, by the means of pixels")
ax.set_xlabel("number of components")
ax.set_ylabel("relative error")
ax.set_ylim(0)
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# More components always fit the known cells better. The hidden ones they foretell
# better up to some number, and then no more. That is how ``n_components="held-out"``
# chooses, though with whole blocks of cells. Filled in by the best number of them:
best = counts[int(np.argmin([error for _, error in errors]))]
model = NMF(best, max_iter=1000, random_state=0).fit(known)
rebuilt = model.inverse_transform(model.transform(known))
filled = np.where(hidden, rebuilt, X)
print(f"{best} components")

figure, axes = plt.subplots(3, 8, figsize=(9, 3.8), layout="constrained")
grey = plt.get_cmap("gray").with_extremes(bad="#D55E00")
for row, (title, pictures) in zip(
    axes, {"seen": known, "filled": filled, "true": X}.items(), strict=True
):
    for ax, picture in zip(row, pictures[:8], strict=True):
        ax.imshow(picture.reshape(8, 8), cmap=grey, vmin=0, vmax=16)
        ax.set_xticks([])
        ax.set_yticks([])
    row[0].set_ylabel(title)
plt.show()

# %%
# The hidden pixels are orange in the first line.
