"""
How many components?
====================

There is no answer without a purpose. Some rules look for what is more than noise, some
for what is more than chance, some keep a share. Here they are applied to the same rows:
first to rows whose rank is known, then to scikit-learn's digits, where nobody knows.
"""

# %%
# Made rows first: five directions of signal in 60 features, and noise of variance 1 in
# all of them. The scree shows the share of each component, and two lines to hold it
# against. The *broken stick* is what a split at random would give the largest piece,
# the second largest, and so on. The *noise* is the mean share of the components that
# were left out.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline

from skdimred.decomposition import PCA
from skdimred.inspection import (
    ComponentGalleryDisplay,
    ReconstructionDisplay,
    ScreeDisplay,
)

rng = np.random.default_rng(0)
made = rng.normal(size=(1000, 5)) @ rng.normal(size=(5, 60))
made += rng.normal(size=made.shape)
digits, digit = load_digits(return_X_y=True)


def draw_scree(X, title):
    """Two screes of the first 20 components, one for each line of reference."""
    axes = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")[1]
    pca = PCA(n_components=20).fit(X)
    for ax, reference in zip(axes, ("broken-stick", "noise"), strict=True):
        ScreeDisplay.from_estimator(pca, reference=reference, ax=ax)
        ax.set_title(title)
    plt.show()


draw_scree(made, "five directions and noise")

# %%
# The bars drop from the fifth to the sixth, and everything after them lies on the noise
# line. The digits have no such step, and no floor.
draw_scree(digits, "digits")

# %%
# What the rules of `n_components` keep, and the broken stick beside them, counted up to
# the first component below it:
RULES = (0.9, 0.95, "mle", "parallel", "gavish-donoho")


def above_broken_stick(X):
    """Number of leading components above the line."""
    pca = PCA().fit(X)
    display = ScreeDisplay.from_estimator(pca)
    plt.close(display.figure_)
    above = pca.explained_variance_ratio_ > display.reference_line_.get_ydata()
    return int(np.argmin(above))


chosen = {}
for name, X in (("made", made), ("digits", digits)):
    for rule in RULES:
        pca = PCA(n_components=rule, random_state=0).fit(X)
        chosen[name, rule] = pca.n_components_
    chosen[name, "broken stick"] = above_broken_stick(X)

print(f"{'rule':14} made  digits")
for rule in (*RULES, "broken stick"):
    print(f"{rule!s:14} {chosen['made', rule]:4}  {chosen['digits', rule]:6}")

# %%
# On the made rows the three rules and the broken stick agree on five; a share of the
# variance knows nothing of noise. On the digits they differ widely, because each asks
# something else, and none of their models holds. Probabilistic PCA, which `mle` rests
# on, takes what is left out to have the same variance in every direction. In the digits
# it never has, and so the evidence is largest at the very end. Parallel analysis asks
# which components hold more than unrelated pixels would give. The rule of Gavish and
# Donoho asks what to keep in order to come closest to rows without noise.
#
# So test them on purposes. The first: to remove noise. Noise of standard deviation 4 is
# added to the pixels, which run from 0 to 16, and the error is that of the rebuilt
# digits to the clean ones. The second: to classify, by 5 nearest neighbours in the
# space of K components.
noisy = digits + rng.normal(scale=4, size=digits.shape)
full = PCA().fit(noisy)
scores, V = full.transform(noisy), full.components_
tried = np.arange(1, 65)
errors = [
    np.linalg.norm(full.mean_ + scores[:, :k] @ V[:k] - digits)
    / np.linalg.norm(noisy - digits)
    for k in tried
]
classified = (1, 2, 3, 5, 7, 9, 12, 15, 21, 29, 40, 60)
accuracies = [
    cross_val_score(
        make_pipeline(PCA(n_components=k), KNeighborsClassifier(5)), digits, digit, cv=5
    ).mean()
    for k in classified
]
for rule in RULES[2:]:
    pca = PCA(n_components=rule, random_state=0).fit(noisy)
    chosen["noisy", rule] = pca.n_components_

figure, axes = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
axes[0].plot(tried, errors, c="0.3")
axes[0].set_title("noisy digits: error that is left")
axes[0].set_ylim(0, 1.05)
axes[1].plot(classified, accuracies, c="0.3", marker="o", ms=4)
axes[1].set_title("digits: accuracy of 5 nearest neighbours")
axes[1].set_ylim(0, 1.05)
STYLES = {
    "parallel": ("#0072B2", "--"),
    "gavish-donoho": ("#D55E00", ":"),
    "mle": ("#009E73", "-."),
}
for ax, rows in zip(axes, ("noisy", "digits"), strict=True):
    for rule, (c, ls) in STYLES.items():
        ax.axvline(chosen[rows, rule], c=c, ls=ls, lw=2, label=rule)
    ax.set_xlabel("components")
    ax.grid(axis="y", color="0.9")
    ax.spines[["top", "right"]].set_visible(False)
figure.legend(
    *axes[0].get_legend_handles_labels(),
    loc="outside lower center",
    ncols=3,
    frameon=False,
)
plt.show()

best = int(np.argmin(errors))
print(f"least error {errors[best]:.3f} of the noise, with {tried[best]} components")
for rule in STYLES:
    k = chosen["noisy", rule]
    print(f"  {rule:14} {k:2} components, error {errors[k - 1]:.3f}")
for k, accuracy in zip(classified, accuracies, strict=True):
    if k in (5, 9, 21, 60):
        print(f"{k:2} components classify {accuracy:.3f}")

# %%
# With noise that is the same in all pixels, the rule made for it comes close to the
# least error, and so does parallel analysis. `mle` keeps nearly twice as many as are
# best. For classification there is no best number within the plot: the accuracy rises
# and then stays, so more components cost time and nothing else. Where there is such a
# score, search for the number by the score, as on the :doc:`first page <../index>`.
#
# What the components are is seen best as images. Red is positive, blue negative; the
# titles give the share of the variance.
pca = PCA(n_components=18).fit(digits)
ComponentGalleryDisplay.from_estimator(pca, image_shape=(8, 8), n_cols=9)
plt.show()

# %%
# The first look like strokes that are there or not. The finer ones change sign from
# pixel to pixel, and no number says where one kind ends and the other begins.
#
# Six rows, and what nine components make of them:
shown = {"image_shape": (8, 8), "indices": [0, 1, 2, 3, 4, 5]}
ReconstructionDisplay.from_estimator(PCA(9).fit(digits), digits, **shown)
plt.show()

# %%
# And twenty-one:
ReconstructionDisplay.from_estimator(PCA(21).fit(digits), digits, **shown)
plt.show()
