"""
Does a change of origin change the components?
==============================================

It should not: adding a constant to every feature moves the rows and leaves their
spread as it is. In floating point it can.

The iris data stand for any measurement with a large offset. We add 273.15 to all four
features, as a change from Celsius to kelvin would, and store the rows in float32.
"""

# %%
# The exact answer comes from an SVD in float64 of the rows as stored, so it already
# includes what the rounding to float32 did to the data.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.decomposition import PCA as BuiltIn

from skdimred.decomposition import PCA
from skdimred.metrics import subspace_sine

X, species = load_iris(return_X_y=True)
kelvin = (X + 273.15).astype(np.float32)


def exact_components(rows, k):
    """Leading k right singular vectors of the centred rows, signs fixed."""
    rows = rows.astype(np.float64)
    V = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)[2][:k]
    largest = V[np.arange(k), np.abs(V).argmax(axis=1)]
    return V * np.sign(largest)[:, np.newaxis]


exact = exact_components(kelvin, 2)
ours = PCA(n_components=2).fit(kelvin)
theirs = BuiltIn(n_components=2).fit(kelvin)
for name, pca in (("skdimred", ours), ("scikit-learn", theirs)):
    sine = subspace_sine(pca.components_, exact)
    variance = pca.explained_variance_.round(3)
    print(f"{name:12}  sine {sine:.0e}  variance {variance}")

# %%
# The sine of the largest angle between the plane found and the exact plane is near
# float32's rounding, 6e-8, for skdimred. With scikit-learn's default solver the plane
# is tilted by an angle that one can see.
BLACK, BLUE, VERMILLION = "0.25", "#0072B2", "#D55E00"
GROUPS = (("setosa", "#332288", "o"), ("versicolor", "#CC6677", "^"))
GROUPS += (("virginica", "#117733", "s"),)

centred = kelvin.astype(np.float64) - kelvin.astype(np.float64).mean(axis=0)
planes = {
    "exact": centred @ exact.T,
    "skdimred: PCA": ours.transform(kelvin),
    "scikit-learn: PCA": theirs.transform(kelvin),
}
figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.6), layout="constrained", sharex=True, sharey=True
)
for ax, (title, Z) in zip(axes, planes.items(), strict=True):
    for group, (name, colour, marker) in enumerate(GROUPS):
        rows = species == group
        ax.scatter(*Z[rows].T, 16, c=colour, marker=marker, lw=0, alpha=0.8, label=name)
    ax.set_title(title)
    ax.set_xlabel("component 1")
    ax.spines[["top", "right"]].set_visible(False)
axes[0].set_ylabel("component 2")
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
plt.show()

# %%
# How large must the offset be? We shift the rows by offsets from 1 to 100,000 and
# measure the same sine. The grey line is what rounding the shifted rows to float32
# does to the exact answer: below it the error of a method is hidden by that of its
# input.
offsets = np.logspace(0, 5, 26)
solvers = {
    "scikit-learn: PCA": (BuiltIn(2), VERMILLION, "s"),
    'scikit-learn: PCA, svd_solver="full"': (BuiltIn(2, svd_solver="full"), BLACK, "x"),
    "skdimred: PCA": (PCA(2), BLUE, "o"),
}
original = exact_components(X, 2)
sines = {name: [] for name in solvers}
rounding = []
for offset in offsets:
    rows = (X + offset).astype(np.float32)
    exact = exact_components(rows, 2)
    rounding.append(subspace_sine(exact, original))
    for name, (pca, *_) in solvers.items():
        sines[name].append(subspace_sine(pca.fit(rows).components_, exact))

figure, ax = plt.subplots(figsize=(8, 4.6), layout="constrained")
for name, (_, colour, marker) in solvers.items():
    ax.loglog(offsets, sines[name], c=colour, marker=marker, ms=5, lw=1.5, label=name)
ax.loglog(offsets, rounding, c="0.6", lw=4, alpha=0.6, label="rounding of the rows")
ax.axvline(273.15, c="0.6", lw=1, ls=":")
ax.text(273.15 * 1.1, 3e-9, "kelvin", c="0.4", va="bottom")
ax.set_ylim(2e-9, 3)
ax.set_xlabel("offset added to every feature")
ax.set_ylabel("sine to the exact plane")
ax.spines[["top", "right"]].set_visible(False)
figure.legend(loc="outside lower center", ncols=2, frameon=False)
plt.show()

# %%
# The default solver of scikit-learn takes the covariance of tall data as
# :math:`X^T X - n\, m m^T`, a difference of two large and nearly equal numbers. With a
# mean of :math:`\kappa` standard deviations it loses a factor :math:`\kappa^2`, so a
# tenfold offset costs about two digits. What is left is rounding, which is why the
# curve is ragged. Its full SVD centres a copy of the rows first, in float32, and stays
# near the grey line. skdimred sums around a centre near the rows, in one pass and
# without a copy, and is exact to float32's rounding at every offset. So the answer is
# no, if the sums are taken in the right place.
