"""
What do two numbers keep of a digit?
====================================

PCA and an `Autoencoder` reduce the 64 pixels of scikit-learn's digits to two numbers,
from which they rebuild the pixels. Half of the digits are learned from, and all
pictures are of the other half.
"""

# %%
# The descent starts at the error of PCA. The dashed line is PCA on the rows of the fit.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from skdimred.decomposition import PCA
from skdimred.inspection import (
    EmbeddingDisplay,
    LossCurveDisplay,
    ReconstructionDisplay,
)
from skdimred.neural_network import Autoencoder

X, y = load_digits(return_X_y=True)
X, X_new, y, y_new = train_test_split(X, y, test_size=0.5, stratify=y, random_state=0)


def error(reducer, X):
    """Mean squared error of the rows rebuilt."""
    return np.mean((reducer.inverse_transform(reducer.transform(X)) - X) ** 2)


pca = PCA(n_components=2).fit(X)
deep = Autoencoder(n_components=2, tol=1e-3, random_state=0).fit(X)
LossCurveDisplay.from_estimator(deep, baseline=error(pca, X), baseline_name="PCA")
plt.show()

print(f"error of new digits, PCA: {error(pca, X_new):.2f}")
print(f"error of new digits, network: {error(deep, X_new):.2f}")

# %%
# Neither has seen the labels. The network bends the plane along which the digits lie,
# so that fewer of them fall on each other.
figure, axes = plt.subplots(1, 2, figsize=(11, 5), layout="constrained")
for ax, model in zip(axes, (pca, deep), strict=True):
    EmbeddingDisplay.from_estimator(model, X_new, y_new, ax=ax)
    ax.set_title(type(model).__name__)
axes[0].get_legend().remove()
plt.show()

for model in (pca, deep):
    knn = KNeighborsClassifier().fit(model.transform(X), y)
    share = knn.score(model.transform(X_new), y_new)
    print(f"{type(model).__name__}: 5 neighbours name {share:.1%} of the digits")

# %%
# What two numbers rebuild.
some = [np.flatnonzero(y_new == digit)[0] for digit in range(0, 10, 2)]
for model in (pca, deep):
    display = ReconstructionDisplay.from_estimator(
        model, X_new, image_shape=(8, 8), indices=some
    )
    display.figure_.suptitle(type(model).__name__)
plt.show()

# %%
# A row unlike those of the fit is rebuilt badly. Here ten reducers learn nine digits
# each, with a code of eight numbers, and are shown all ten. The area under the curve is
# the chance that a digit of the tenth kind has a larger error than one of the others.
areas = []
for odd in range(10):
    known = X[y != odd]
    pca = PCA(n_components=8).fit(known)
    deep = Autoencoder(n_components=8, tol=2e-3, random_state=0).fit(known)
    errors = np.mean((pca.inverse_transform(pca.transform(X_new)) - X_new) ** 2, axis=1)
    areas.append(
        [
            roc_auc_score(y_new == odd, errors),
            roc_auc_score(y_new == odd, deep.score_samples(X_new)),
        ]
    )

figure, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
at = np.arange(10)
for shift, values, name, colour in zip(
    (-0.2, 0.2),
    np.transpose(areas),
    ("PCA", "Autoencoder"),
    ("#88CCEE", "#D55E00"),
    strict=True,
):
    ax.bar(at + shift, values, 0.4, label=name, color=colour)
ax.set_ylim(0.5, 1)
ax.set_xticks(at)
ax.set_xlabel("digit left out of the fit")
ax.set_ylabel("area under the curve")
ax.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# The errors of the network tell the unknown digit better, whichever it is. A one looks
# like a part of other digits, so that even eight linear components rebuild it well.
