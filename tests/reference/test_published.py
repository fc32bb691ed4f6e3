"""Published numbers, each with where it stands."""

import numpy as np
from numpy.testing import assert_allclose

from skdimred import PCA, RatioLDA


def test_iris_principal_components(iris):
    """R's ``summary(prcomp(iris[, 1:4]))``, as printed in many textbooks."""
    pca = PCA().fit(iris[0])
    assert_allclose(
        np.sqrt(pca.explained_variance_), [2.0563, 0.49262, 0.2797, 0.15439], rtol=2e-4
    )
    assert_allclose(
        pca.explained_variance_ratio_, [0.9246, 0.05307, 0.0171, 0.00521], atol=6e-5
    )


def test_iris_discriminants(iris):
    """R's ``MASS::lda(Species ~ ., iris)``: proportion of trace .9912 and .0088.

    Venables and Ripley, Modern Applied Statistics with S (2002), section 12.1. The
    coefficients there are scaled to S_w over n - K instead of n.
    """
    lda = RatioLDA().fit(*iris)
    assert_allclose(lda.explained_variance_ratio_, [0.9912, 0.0088], atol=5e-5)
    coefficients = np.array(
        [
            [0.8293776, 0.02410215],
            [1.5344731, 2.16452123],
            [-2.2012117, -0.93192121],
            [-2.8104603, 2.83918785],
        ]
    )
    ours = lda.scalings_ * np.sqrt(147 / 150)
    signs = np.sign(np.sum(ours * coefficients, axis=0))
    assert_allclose(ours * signs, coefficients, atol=1e-6)


def test_iris_eigenvalues(iris):
    """The eigenvalues of S_w^-1 S_b, 32.1919 and 0.2854, with S_b and S_w over n.

    Output of SAS PROC CANDISC on these data, in its user's guide: example "Analyzing
    Iris Data by Using PROC CANDISC".
    """
    assert_allclose(RatioLDA().fit(*iris).eigenvalues_, [32.1919, 0.2854], atol=5e-5)
