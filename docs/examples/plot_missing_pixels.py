"""
Can missing cells be filled before a classifier?
================================================

Half of the pixels of the handwritten digits are lost, at random. `BiasedMFImputer`
learns factors of the rows and columns from the pixels that are left, and fills in the
others. How close does it come, and does a classifier do better on what it filled?
"""

# %%
# The data: 1797 pictures of 8 x 8 pixels, half of them unknown.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skdimred import BiasedMFCV, BiasedMFImputer

X, y = load_digits(return_X_y=True)
rng = np.random.default_rng(0)
lost = rng.random(X.shape) < 0.5
gaps = np.where(lost, np.nan, X)

# %%
# The number of factors and the penalty are chosen by holding out known pixels:
# `BiasedMFCV` needs no complete picture for that.
cv = BiasedMFCV([5, 10, 20], alphas=8, cv=3, random_state=0).fit(gaps)
print(f"{cv.n_components_} factors, alpha = {cv.alpha_:.0f}")

# %%
# The error on the lost pixels, beside that of the mean of each column and of the
# nearest five pictures. An imputer is a step of a pipeline, so that in each fold it
# learns from the training rows alone.
imputers = {
    "column mean": SimpleImputer(),
    "5 nearest rows": KNNImputer(),
    "biased factors": BiasedMFImputer(
        cv.n_components_, alpha=cv.alpha_, random_state=0
    ),
}
filled = {}
for name, imputer in imputers.items():
    filled[name] = imputer.fit_transform(gaps)
    error = np.sqrt(np.mean((filled[name] - X)[lost] ** 2))
    model = make_pipeline(imputer, KNeighborsClassifier())
    accuracy = cross_val_score(model, gaps, y, cv=3).mean()
    print(f"{name:15} error {error:.2f}, accuracy {accuracy:.3f}")
accuracy = cross_val_score(KNeighborsClassifier(), X, y, cv=3).mean()
print(f"{'nothing lost':15} error 0.00, accuracy {accuracy:.3f}")

# %%
# Six of the pictures: as they were, what is known of them, and filled in.
rows = [X, gaps, filled["column mean"], filled["biased factors"]]
titles = ["digit", "known", "column mean", "biased factors"]
figure, axes = plt.subplots(6, 4, figsize=(5, 7), layout="constrained")
for line, i in zip(axes, range(10, 16), strict=True):
    for ax, table in zip(line, rows, strict=True):
        ax.set_facecolor("lightsteelblue")
        ax.imshow(table[i].reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
        ax.set(xticks=[], yticks=[])
for ax, title in zip(axes[0], titles, strict=True):
    ax.set_title(title, fontsize=10)
