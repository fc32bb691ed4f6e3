"""
How alike are twenty meadows?
=============================

Counts of species are a hard case for the Euclidean distance. Two meadows without a
single species in common may lie close together, because neither has much of anything,
and two with the same species far apart, because one has twice as much. So ecologists
compare sites by dissimilarities of their own. Principal coordinates analysis draws a
map from any of them.
"""

# %%
# Twenty meadows in the dunes of the island of Terschelling and the cover of 30 species
# on a scale from 0 to 9, with the management of each meadow [1]_.
#
# Bray-Curtis dissimilarity is the sum of the differences of two sites over the sum of
# all that they have: 0 for the same counts, 1 where no species is in both.
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.spatial.distance import pdist

from skdimred.decomposition import PCA
from skdimred.inspection import BiplotDisplay, ShepardDisplay
from skdimred.manifold import PCoA

table = pd.read_csv("dune.csv")
management = table.pop("management").map(
    {
        "BF": "biological farming",
        "HF": "hobby farming",
        "NM": "nature conservation",
        "SF": "standard farming",
    }
)
dissimilarity, distance = pdist(table, "braycurtis"), pdist(table)
nothing_shared = dissimilarity == 1
print(f"{nothing_shared.sum()} of {len(distance)} pairs share no species;")
closer = distance < distance[nothing_shared].min()
print(f"by the Euclidean distance {1 - closer.mean():.0%} of pairs are as far apart")

# %%
# No points in space have such dissimilarities exactly, and that is what the warning
# says. The axes are right nevertheless: they are the leading ones, and the negative
# eigenvalues are small beside theirs.
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    pcoa = PCoA(metric="braycurtis").fit(table)
for warning in caught:
    print(warning.message)
print("eigenvalues", pcoa.eigenvalues_.round(3), end=", ")
print(f"the lowest {pcoa.negative_eigenvalue_:.3f}, {pcoa.n_negative_} are negative")

# %%
# Sites that lie together hold the same species. The arrows say which: each points to
# where its species grows, the longer the steeper. The ten longest are drawn.
figure, ax = plt.subplots(figsize=(8, 6.4), layout="constrained")
BiplotDisplay.from_estimator(pcoa, table, n_features=10, y=management, ax=ax)
plt.show()

# %%
# The first axis tells wet meadows from others: common spike-rush (*Eleopalu*) and
# creeping bent (*Agrostol*) grow at one end, perennial ryegrass (*Lolipere*) at the
# other. The second has plants of poor ground, sweet vernal grass (*Anthodor*) and
# autumn hawkbit (*Scorautu*), against rough meadow-grass (*Poatriv*) and marsh foxtail
# (*Alopgeni*). The nature reserves lie at the end of one axis or of the other.
#
# How good is the map? Its distances, over the dissimilarities that it was made from;
# beside them the same for the two leading scores of PCA.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.4), layout="constrained")
for ax, model in zip(axes, (pcoa, PCA(2).fit(table)), strict=True):
    display = ShepardDisplay.from_estimator(model, table, metric="braycurtis", ax=ax)
    ax.set_title(f"{type(model).__name__}, correlation {display.correlation_:.2f}")
    ax.set_xlabel("Bray-Curtis dissimilarity")
display.line_.set_visible(False)  # PCA has another unit.
plt.show()

# %%
# If the negative eigenvalues are not to be left alone, there are three remedies. Two
# add a constant, to squared dissimilarities (Lingoes) or to the dissimilarities
# themselves (Cailliez); the third takes the square root. None has a negative eigenvalue
# left. All make the dissimilarities more equal, and the shares of the leading axes
# smaller. How much do they change the map? The last column is the correlation of its
# distances with those of the first map.
remedies = {
    "as it is": {},
    "Lingoes": {"correction": "lingoes"},
    "Cailliez": {"correction": "cailliez"},
    "square root": {"transform_distance": "sqrt"},
}
first_map = pdist(pcoa.embedding_)
print(f"{'':12} {'constant':>9} {'shares':>14} {'same map':>9}")
for name, parameters in remedies.items():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = PCoA(metric="braycurtis", **parameters).fit(table)
    same = np.corrcoef(pdist(other.embedding_), first_map)[0, 1]
    shares = "  ".join(f"{share:.3f}" for share in other.explained_variance_ratio_)
    print(f"{name:12} {other.correction_constant_:9.4f} {shares:>14} {same:9.3f}")

# %%
# .. [1] R. H. G. Jongman, C. J. F. ter Braak and O. F. R. van Tongeren, *Data Analysis
#        in Community and Landscape Ecology*, Pudoc, Wageningen 1987.
