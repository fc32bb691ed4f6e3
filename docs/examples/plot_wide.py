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
# The digits that scikit-learn ships have 64 features. A map to 1000 random Fourier
# features makes a wide problem of the same rows. The number of training rows grows
# from 2 to 40 a class, drawn at random 10 times (5 times for 1000 features); all other
# rows are held out.
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.kernel_approximation import RBFSampler
from sklearn.model_selection import StratifiedShuffleSplit

from skdimred.discriminant_analysis import RatioLDA

pixels, y = load_digits(return_X_y=True)
fourier = RBFSampler(gamma=1 / 1250, n_components=1000, random_state=0)
wide = fourier.fit_transform(pixels)

MODELS = {
    "RatioLDA, ridge limit": (RatioLDA(), "#0072B2", "o", "-"),
    "RatioLDA, shrinkage": (RatioLDA(shrinkage="oas"), "#0072B2", "o", "--"),
    "scikit-learn, svd": (LinearDiscriminantAnalysis(), "#D55E00", "s", "-"),
    "scikit-learn, lsqr with shrinkage": (
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        "#D55E00",
        "s",
        "--",
    ),
}


def held_out_accuracy(X, per_class, repeats):
    """Accuracy of each model (n_models,), the mean over random draws."""
    draws = StratifiedShuffleSplit(repeats, train_size=10 * per_class, random_state=0)
    scores = [
        [
            model.fit(X[train], y[train]).score(X[test], y[test])
            for model, *_ in MODELS.values()
        ]
        for train, test in draws.split(X, y)
    ]
    return np.mean(scores, axis=0)


per_class = np.array([2, 3, 4, 5, 6, 7, 8, 10, 14, 20, 40])
with warnings.catch_warnings():
    # scikit-learn warns that features are collinear, as they are bound to be here.
    warnings.simplefilter("ignore")
    results = {
        "64 pixels": (64, [held_out_accuracy(pixels, m, 10) for m in per_class]),
        "1000 random features": (
            1000,
            [held_out_accuracy(wide, m, 5) for m in per_class],
        ),
    }

# %%
figure, axes = plt.subplots(
    1, 2, figsize=(10, 4.6), layout="constrained", sharex=True, sharey=True
)
for ax, (title, (p, scores)) in zip(axes, results.items(), strict=True):
    for (name, (_, colour, marker, line)), accuracy in zip(
        MODELS.items(), np.transpose(scores), strict=True
    ):
        hollow = {"mfc": "white"} if line == "--" else {}
        ax.semilogx(
            per_class,
            accuracy,
            c=colour,
            marker=marker,
            ls=line,
            ms=5,
            label=name,
            **hollow,
        )
    if p < 10 * per_class[-1]:
        ax.axvline(p / 10, c="0.6", lw=1, ls=":")
        ax.text(p / 10 * 1.06, 0.24, "as many rows\nas features", c="0.4", va="bottom")
    ax.set_title(title)
    ax.set_xlabel("training rows in each of 10 classes")
    ax.set_xticks([2, 4, 6, 10, 20, 40], [2, 4, 6, 10, 20, 40])
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

print(f"{'rows a class':34}", *(f"{m:5d}" for m in per_class))
for title, (_, scores) in results.items():
    print(title)
    for name, accuracy in zip(MODELS, np.transpose(scores), strict=True):
        print(f"  {name:32}", *(f"{a:5.2f}" for a in accuracy))

# %%
# Three things can be read off.
#
# *Truly wide data* (right): the ridge limit beats the solver that leaves out the
# directions without width, most of all with few rows. There those directions are what
# separates the classes best. Shrinkage adds little to the limit.
#
# *As many rows as features* (left, near the dotted line): both methods without
# shrinkage get worse with more rows before they get better, and between 5 and 7 rows a
# class the ridge limit is the worse of the two. Few directions without width remain,
# they are mostly accidents of the sample, and the limit trusts them first.
#
# *Shrinkage* has no such dip, in either package. So with fewer rows than a few times
# the features, set `shrinkage`. The ridge limit is a sound default only where the rows
# are far fewer than the features.
