"""
A row between two clusters
==========================

Iris versicolor and virginica grow into each other, and any partition draws a line where
there is none. As a distribution over clusters, a flower may be in between.
"""

# %%
# A hierarchy first. Ward's method joins the two clusters that lose least by it, again
# and again. The number of clusters is where the tree is cut: at a height of 10 there
# are three.
import matplotlib.pyplot as plt
import numpy as np
from scipy.cluster.hierarchy import dendrogram, linkage
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skdimred.cluster import ClusterMembership, NcutClustering
from skdimred.inspection import MembershipDisplay

iris = load_iris()
height = 10.0
figure, ax = plt.subplots(figsize=(9, 3.6), layout="constrained")
dendrogram(linkage(iris.data, "ward"), no_labels=True, color_threshold=height, ax=ax)
ax.axhline(height, color="0.25", linestyle="--")
ax.set_ylabel("height")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# The same cut by scikit-learn, k-means and a graph cut, as distributions. A bar is a
# flower, and flowers are in the order of their species: setosa, versicolor, virginica.
# The hierarchy has no centres and cannot predict, so that the nearest flowers vote.
cut = AgglomerativeClustering(n_clusters=None, distance_threshold=height)
clusterers = {
    "hierarchy cut at 10": cut,
    "k-means": KMeans(3, random_state=0),
    "graph cut": NcutClustering(3, random_state=0),
}
figure, axes = plt.subplots(3, 1, figsize=(9, 6.4), layout="constrained")
for ax, (name, clusterer) in zip(axes, clusterers.items(), strict=True):
    member = ClusterMembership(clusterer).fit(iris.data)
    MembershipDisplay.from_estimator(member, iris.data, sort=False, ax=ax)
    ax.set_title(f"{name} ({member.method_})", fontsize=10)
    ax.set_xlabel("")
    sizes = np.cumsum(np.bincount(iris.target))
    ax.set_xticks(sizes - 25, iris.target_names)
plt.show()

# %%
# A distribution over clusters is a reduced table. The digits over 10 to 80 clusters of
# k-means, before a linear classifier: while the clusters are few, distributions keep
# more than labels.
digits, digit = load_digits(return_X_y=True)
counts = [10, 20, 40, 80]
figure, ax = plt.subplots(figsize=(6.4, 4), layout="constrained")
for output, style in (("membership", "o-"), ("one-hot", "s--")):
    scores = [
        cross_val_score(
            make_pipeline(
                ClusterMembership(KMeans(k, n_init=1, random_state=0), output=output),
                LogisticRegression(max_iter=1000),
            ),
            digits,
            digit,
            cv=3,
        ).mean()
        for k in counts
    ]
    print(f"{output:11}", np.round(scores, 3))
    ax.plot(counts, scores, style, label=output)
ax.set(xlabel="clusters", ylabel="accuracy on held-out rows", xticks=counts)
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False)
plt.show()
