"""
Moons, rings and a spiral
=========================

k-means gives every row to the nearest centre, so clusters are cut off from each other
by straight lines. Clusters that wind around each other are out of its reach. Cutting a
graph of neighbours is not: it asks where few and weak edges have to be cut.
"""

# %%
# Three shapes, and the clusters that both find in them.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import make_circles, make_moons
from sklearn.metrics import adjusted_rand_score

from skdimred.cluster import NcutClustering
from skdimred.inspection import EigengapDisplay, EmbeddingDisplay

angle = np.sqrt(np.linspace(0.04, 1, 150)) * 3.5 * np.pi
arm = np.column_stack([angle * np.cos(angle), angle * np.sin(angle)])
shapes = {
    "moons": make_moons(600, noise=0.07, random_state=0),
    "rings": make_circles(600, factor=0.5, noise=0.05, random_state=0),
    "spiral": (np.vstack([arm, -arm]), np.repeat([0, 1], 150)),
}
figure, axes = plt.subplots(2, 3, figsize=(10, 6.4), layout="constrained")
for column, (name, (X, y)) in zip(axes.T, shapes.items(), strict=True):
    # The points of the spiral lie apart, and its arms close to each other.
    neighbours = 4 if name == "spiral" else 10
    ncut = NcutClustering(2, n_neighbors=neighbours, random_state=0)
    for ax, model in zip(column, (KMeans(2, random_state=0), ncut), strict=True):
        labels = model.fit_predict(X)
        EmbeddingDisplay(scores=X, y=labels).plot(ax).legend_.remove()
        # No sign of a zero.
        agreement = round(adjusted_rand_score(y, labels), 2) + 0.0
        ax.set_title(f"{name}: {type(model).__name__}, {agreement:.2f}")
        ax.set(xlabel="", ylabel="", xticks=[], yticks=[])
plt.show()

# %%
# The number is the adjusted Rand index with the shapes: 1 where they are found, about 0
# for clusters at random.
#
# The moons again, nearer to each other, so that something has to be cut. The second
# eigenvector of the graph tells them apart; the first is constant. What is drawn is
# its value, over the plane.
X, y = make_moons(600, noise=0.1, random_state=0)
ncut = NcutClustering(2, random_state=0).fit(X)
print(f"normalised cut {ncut.ncut_:.4f}, eigenvalues {ncut.eigenvalues_.round(5)}")
figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
EmbeddingDisplay(scores=X, y=ncut.embedding_[:, 1]).plot(axes[0])
axes[0].set(xlabel="", ylabel="", title="second eigenvector")
EigengapDisplay.from_estimator(ncut, n_eigenvalues=8, ax=axes[1])
axes[1].set_title("lowest eigenvalues")
plt.show()

# %%
# New rows get weights to their nearest fitted ones, and so every place in the plane has
# a distribution over the clusters. The line is where both have a half.
across, up = np.linspace(-1.6, 2.6, 160), np.linspace(-1.0, 1.5, 100)
plane = np.stack(np.meshgrid(across, up), axis=-1)
share = ncut.predict_proba(plane.reshape(-1, 2))[:, 0].reshape(plane.shape[:2])
figure, ax = plt.subplots(figsize=(7.5, 4), layout="constrained")
drawn = ax.contourf(
    *np.moveaxis(plane, -1, 0), share, 10, cmap="RdBu_r", vmin=0, vmax=1
)
ax.contour(*np.moveaxis(plane, -1, 0), share, [0.5], colors="k")
ax.scatter(*X.T, c=ncut.labels_, cmap="RdBu", s=8, edgecolors="k", linewidths=0.3)
figure.colorbar(drawn, label="share of the first cluster")
plt.show()
