"""
Which directions separate the classes?
======================================

Two criteria look for directions in which class means lie far apart and classes are
narrow: the ratio of the scatter between classes to the scatter within (`RatioLDA`), and
the difference of the two (`DifferenceLDA`). A ratio of variances has no unit. A
difference has, and it shows.
"""

# %%
# The wine data hold 13 measurements of 178 wines from three cultivars. Proline runs up
# to 1680 and magnesium to 162; no other number exceeds 30. So the difference is taken
# twice: of the raw features, and of features with variance 1.
#
# The fourth picture has two classes, and so one direction: `MeanDifferenceLDA` on 569
# tumours, benign or malignant, with 30 features.
import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, scale

from skdimred.discriminant_analysis import (
    DifferenceLDA,
    MeanDifferenceLDA,
    RatioLDA,
)
from skdimred.inspection import DiscriminantDisplay

wine = load_wine()
X, cultivar = wine.data, wine.target
tumours = load_breast_cancer()
kind = tumours.target_names[tumours.target]

panels = {
    "wine, ratio": (RatioLDA(), X, cultivar),
    "wine, difference, raw": (DifferenceLDA(), X, cultivar),
    "wine, difference, standardised": (DifferenceLDA(), scale(X), cultivar),
    "tumours, difference of means": (MeanDifferenceLDA(), tumours.data, kind),
}
figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
for ax, (title, (lda, rows, labels)) in zip(axes.flat, panels.items(), strict=True):
    lda.fit(rows, labels)
    DiscriminantDisplay.from_estimator(lda, rows, labels, ax=ax)
    ax.set_title(title)
plt.show()

# %%
# The lines are where the predicted class changes, the large marks are the class means.
#
# The *ratio* keeps three round clouds apart. The difference of the *raw* features puts
# nearly all of its eigenvalues into one direction. Its largest loadings:
for title, (lda, _, _) in list(panels.items())[1:3]:
    loadings = np.abs(lda.scalings_[:, 0])
    print(title)
    for i in np.argsort(-loadings)[:3]:
        print(f"  {wine.feature_names[i]:30} {loadings[i]:.4f}")

# %%
# That direction is the axis of proline, whose variance is the largest by far. It tells
# the first cultivar from the other two, and these two hardly from each other; that is
# left to the second direction. *Standardised*, the same criterion shares its weight
# among the measurements, and the picture is as good as that of the ratio. So are the
# predictions, here on rows that were held out:
models = {
    "ratio": RatioLDA(),
    "difference, raw": DifferenceLDA(),
    "difference, standardised": make_pipeline(StandardScaler(), DifferenceLDA()),
}
for name, model in models.items():
    accuracy = cross_val_score(model, X, cultivar, cv=10).mean()
    print(f"{name:26} {accuracy:.3f}")

# %%
# Of the *tumours*, the dashed line leaves few benign ones on the wrong side, and more
# malignant ones: classes are taken to be equally wide, but the malignant one is wider.
lda, rows, labels = panels["tumours, difference of means"]
for label in lda.classes_:
    wrong = np.count_nonzero(lda.predict(rows[labels == label]) != label)
    print(f"{label:10} {wrong:2d} of {np.count_nonzero(labels == label)} mistaken")
