"""
What is left of a picture at low rank?
======================================

A grey picture is a matrix, one row for each line of pixels. `TruncatedSVD` with K
components replaces it by the matrix of rank K that is nearest to it in squared error.
That matrix is a product of two thin ones, which hold fewer numbers than the picture
has pixels.
"""

# %%
# The picture is one of the two that come with scikit-learn, turned to grey. It has
# 427 lines of 640 pixels.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_sample_image

from skdimred.decomposition import TruncatedSVD
from skdimred.inspection import ScreeDisplay

colour = load_sample_image("china.jpg") / 255
picture = colour @ [0.299, 0.587, 0.114]

ranks = (5, 20, 50, 100)
models = [TruncatedSVD(n_components=k).fit(picture) for k in ranks]

figure, axes = plt.subplots(2, 3, figsize=(10, 5), layout="constrained")
style = {"cmap": "gray", "vmin": 0, "vmax": 1}
axes[0, 0].imshow(picture, **style)
axes[0, 0].set_title(f"original\n{picture.size} numbers", fontsize=10)
for ax, model in zip(axes.flat[1:], models, strict=False):
    ax.imshow(model.inverse_transform(model.transform(picture)), **style)
    ax.set_title(
        f"rank {len(model.components_)}: {model.compression_ratio_:.1%} of the numbers"
        f"\n{model.energy_ratio_.sum():.2%} of the energy",
        fontsize=10,
    )
error = models[-1].inverse_transform(models[-1].transform(picture)) - picture
image = axes[1, 2].imshow(error, cmap="RdBu_r", vmin=-0.2, vmax=0.2)
axes[1, 2].set_title(f"error at rank {ranks[-1]}", fontsize=10)
figure.colorbar(image, ax=axes[1, 2], extend="both", shrink=0.7)
for ax in axes.flat:
    ax.set_xticks([])
    ax.set_yticks([])
plt.show()

# %%
# The energy is the sum of all squared pixels, which is also the sum of all squared
# singular values. What K components leave out is the squared error. So the relative
# error of the picture can be read off the share that is kept, without rebuilding it.
n, p = picture.shape
for k, model in zip(ranks, models, strict=True):
    rebuilt = model.inverse_transform(model.transform(picture))
    measured = np.linalg.norm(rebuilt - picture) / np.linalg.norm(picture)
    foretold = np.sqrt(1 - model.energy_ratio_.sum())
    numbers = k * (n + p + 1)
    print(f"rank {k:3}  {numbers:6} of {n * p} numbers  ", end="")
    print(f"relative error {measured:.4f}  from the energy {foretold:.4f}")

# %%
# The first component holds most of the energy. Nothing was centred and no pixel is
# negative, so it follows the mean brightness of the lines and of the columns. The other
# shares are so small that they need a log axis.
display = ScreeDisplay.from_estimator(models[-1])
display.ax_.set_yscale("log")
plt.show()

shares = models[-1].energy_ratio_
above = np.argmin(shares > display.reference_line_.get_ydata())
print(f"share of the first component: {shares[0]:.3f}")
print(f"components above the broken stick: {above}")

# %%
# A float asks for a share in place of a number of components.
for share in (0.95, 0.99, 0.999):
    model = TruncatedSVD(n_components=share).fit(picture)
    print(f"{share:5} of the energy: rank {len(model.components_)}", end=", ")
    print(f"{model.compression_ratio_:.1%} of the numbers")

# %%
# At rank 5 the tower is a dark block among bands. At rank 20 the roofs are there, and
# the trees are not. From 50 on, the error is in leaves and in slanted edges. Each
# component is a column times a row, so upright and level edges cost few components, and
# what runs aslant costs many.
#
# Neither a share of the energy close to 1 nor the broken stick says whether a picture
# is sharp. Both compare sums of squares, and most of this sum is plain brightness.
#
# From rank :math:`np / (n + p + 1) \approx 256` on, the two thin matrices hold more
# numbers than the picture. And a number here is a float, where a pixel is one byte.
# Picture formats do otherwise: JPEG writes small blocks in a basis of cosines, which
# need not be stored.
