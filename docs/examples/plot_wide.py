"""
What happens with more features than rows?
==========================================

With more features than rows the scatter within classes is singular, and the ratio that
discriminant analysis maximises has no bound. Every program then solves some other
problem. Here are four answers and what each is worth on rows it has not seen.

- `RatioLDA()`: the limit of ridge regularisation. Directions without any width within
  classes come first.
- `LinearDiscriminantAnalysis()`: scikit-learn's default solver, `svd`, leaves the
  directions without width out.
- `RatioLDA(shrinkage="oas")` and
  `LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")`: a scatter drawn
  towards a round one, by a coefficient estimated from the rows.
"""

# %%
# The digits that scikit-learn ships have 64 features. A map to 500 random Fourier
# features makes a wide problem of the same rows. The number of training rows grows
# from 2 to 30 a class, drawn at random 4 times; all other rows are held out.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import RBFSampler
from sklearn.model_selection import StratifiedShuffleSplit

from skdimred.discriminant_analysis import RatioLDA

pixels, y = load_digits(return_X_y=True)
fourier = RBFSampler(gamma=1 / 1250, n_components=500, random_state=0)
wide = fourier.fit_transform(pixels)

BLUE, VERMILLION = "#0072B2", "#D55E00"
HOLLOW = {"ls": "--", "ms": 5, "mfc": "white"}
MODELS = {
    # Wide, so that it shows below the curves that run along with it.
    "RatioLDA, ridge limit": (
        RatioLDA(),
        {"c": BLUE, "marker": "o", "ms": 10, "lw": 5, "alpha": 0.4},
    ),
    "RatioLDA, shrinkage": (
        RatioLDA(shrinkage="oas"),
        {"c": BLUE, "marker": "o", **HOLLOW},
    ),
    "scikit-learn, svd": (
        LinearDiscriminantAnalysis(),
        {"c": VERMILLION, "marker": "s", "ms": 5},
    ),
    "scikit-learn, lsqr with shrinkage": (
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        {"c": VERMILLION, "marker": "s", **HOLLOW},
    ),
}


def held_out_accuracy(X, per_class):
    """Accuracy of each model (n_models,), the mean over random draws."""
    draws = StratifiedShuffleSplit(4, train_size=10 * per_class, random_state=0)
    scores = [
        [
            model.fit(X[train], y[train]).score(X[test], y[test])
            for model, _ in MODELS.values()
        ]
        for train, test in draws.split(X, y)
    ]
    return np.mean(scores, axis=0)


per_class = np.array([2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 30])
with warnings.catch_warnings():
    # scikit-learn warns that features are collinear, as they are bound to be here.
    warnings.simplefilter("ignore")
    results = {
        "64 pixels": (64, [held_out_accuracy(pixels, m) for m in per_class]),
        "500 random features": (500, [held_out_accuracy(wide, m) for m in per_class]),
    }

# %%
figure, axes = plt.subplots(
    1, 2, figsize=(10, 4.6), layout="constrained", sharex=True, sharey=True
)
for ax, (title, (p, scores)) in zip(axes, results.items(), strict=True):
    for (name, (_, style)), accuracy in zip(
        MODELS.items(), np.transpose(scores), strict=True
    ):
        ax.semilogx(per_class, accuracy, label=name, **style)
    if p < 10 * per_class[-1]:
        ax.axvline(p / 10, c="0.6", lw=1, ls=":")
        ax.text(p / 10 * 1.06, 0.24, "as many rows\nas features", c="0.4", va="bottom")
    ax.set_title(title)
    ax.set_xlabel("training rows in each of 10 classes")
    ax.set_xticks([2, 4, 6, 10, 20, 30], [2, 4, 6, 10, 20, 30])
    ax.minorticks_off()
    ax.grid(axis="y", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("accuracy on held-out rows")
figure.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=2,
    frameon=False,
)
plt.show()

print(f"{'rows a class':36}", *(f"{m:5d}" for m in per_class))
for title, (_, scores) in results.items():
    print(title)
    for name, accuracy in zip(MODELS, np.transpose(scores), strict=True):
        print(f"  {name:34}", *(f"{a:5.2f}" for a in accuracy))

# %%
# Three things can be read off.
#
# *Truly wide data* (right): the ridge limit beats the solver that leaves out the
# directions without width, most of all with few rows. Those directions are what tells
# the classes apart there. Shrinkage adds nothing that one can see up to 10 rows a
# class, and a little after that.
#
# *As many rows as features* (left, near the dotted line): both methods without
# shrinkage get worse with more rows before they get better, and at 5 and 6 rows a class
# the ridge limit is the worse of the two. Few directions without width remain, they are
# mostly accidents of the sample, and the limit trusts them first.
#
# *Shrinkage* has no such dip, in either package. With two rows a class scikit-learn's
# is far behind, and no better than chance on 500 features; it estimates a coefficient
# for each class by itself, where RatioLDA takes one for the common scatter.
#
# So with fewer rows than a few times the features, set `shrinkage`. The ridge limit is
# a sound default only where the rows are far fewer than the features.
