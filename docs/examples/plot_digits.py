"""
What do PCA and RatioLDA keep?
==============================

Both reduce many features to a few. PCA keeps variance and does not know the labels.
RatioLDA keeps what separates the labels, measured in class widths. Here both are
fitted to one half of scikit-learn's digits, 8 x 8 pixels in 10 classes, and shown the
other half.
"""

# %%
# First two components each. Every point is a digit that the fit has not seen.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skdimred.decomposition import PCA
from skdimred.discriminant_analysis import RatioLDA

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)

COLOURS = ["#332288", "#CC6677", "#117733", "#DDCC77", "#88CCEE"]
COLOURS += ["#882255", "#44AA99", "#999933", "#AA4499", "#777777"]

# Fives and nines share a place in the right panel: move their labels apart.
NUDGES = {("RatioLDA", 5): (-9, -9), ("RatioLDA", 9): (9, 9)}

figure, axes = plt.subplots(1, 2, figsize=(10, 5), layout="constrained")
for ax, model in zip(axes, (PCA(2), RatioLDA(2)), strict=True):
    name = type(model).__name__
    Z = model.fit(X, y).transform(X_new)
    ax.scatter(*Z.T, 12, c=np.take(COLOURS, y_new), lw=0, alpha=0.7)
    for digit, colour in enumerate(COLOURS):
        ax.annotate(
            str(digit),
            np.median(Z[y_new == digit], axis=0),
            NUDGES.get((name, digit), (0, 0)),
            textcoords="offset points",
            c="black" if digit in (3, 4, 6) else "white",
            fontsize=12,
            fontweight="bold",
            ha="center",
            va="center",
            bbox={
                "boxstyle": "circle,pad=0.25",
                "fc": colour,
                "ec": "white",
                "lw": 1.5,
            },
        )
    ax.set_title(name)
    ax.set_xticks([])
    ax.set_yticks([])
plt.show()

# %%
# Two numbers tell what is kept. The first is the share of the held-out variance that
# is left after the rows are projected on the span of the directions. The second is the
# accuracy of 5 nearest neighbours among the scores.


def variance_kept(directions):
    """Share of the held-out variance in the span of the columns."""
    Q = np.linalg.qr(directions)[0]
    Z = X_new - X.mean(axis=0)
    return np.sum((Z @ Q) ** 2) / np.sum(Z**2)


def accuracy(model):
    """Share of held-out rows that their nearest neighbours classify correctly."""
    neighbours = KNeighborsClassifier(5).fit(model.transform(X), y)
    return neighbours.score(model.transform(X_new), y_new)


counts = np.arange(1, 10)
kept = {"PCA": [], "RatioLDA": []}
for k in counts:
    pca, lda = PCA(k).fit(X), RatioLDA(k).fit(X, y)
    kept["PCA"].append((variance_kept(pca.components_.T), accuracy(pca)))
    kept["RatioLDA"].append((variance_kept(lda.scalings_), accuracy(lda)))

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for name, colour, marker in (("PCA", "#0072B2", "o"), ("RatioLDA", "#D55E00", "s")):
    for ax, values in zip(axes, np.transpose(kept[name]), strict=True):
        ax.plot(counts, values, c=colour, marker=marker, label=name)
for ax, title in zip(axes, ("variance kept", "accuracy"), strict=True):
    ax.set_title(f"{title}, held-out rows")
    ax.set_xlabel("n_components")
    ax.set_xticks(counts)
    ax.set_ylim(0, 1)
    ax.grid(axis="y", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].legend(frameon=False)
plt.show()

for k in (2, 5, 9):
    for name in kept:
        share, right = kept[name][k - 1]
        print(f"{k} components, {name:8}  variance {share:.3f}  accuracy {right:.3f}")

# %%
# With two components RatioLDA classifies more rows correctly and keeps hardly any of
# the variance. Its directions put large weights on pixels that vary little within a
# class, and those carry little variance. The lead is gone at nine components, which is
# all that ten class means allow: PCA can go on from there and RatioLDA cannot. And no
# image can be rebuilt from what RatioLDA keeps. Variance and separation are different
# aims; the task decides which of them to keep.
