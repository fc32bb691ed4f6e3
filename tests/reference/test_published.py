"""Published numbers, each with where it stands."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from skdimred import PCA, RatioLDA
from skdimred.decomposition import TruncatedSVD
from skdimred.numerics.rank import gavish_donoho_factor

SOLVERS = ["auto", "gram", "krylov", "full"]


def test_iris_principal_components(iris):
    """R's ``summary(prcomp(iris[, 1:4]))``, as printed in many textbooks."""
    pca = PCA().fit(iris[0])
    assert_allclose(
        np.sqrt(pca.explained_variance_), [2.0563, 0.49262, 0.2797, 0.15439], rtol=2e-4
    )
    assert_allclose(
        pca.explained_variance_ratio_, [0.9246, 0.05307, 0.0171, 0.00521], atol=6e-5
    )


@pytest.mark.parametrize("solver", SOLVERS)
def test_iris_explained_variance_ratio(iris, solver):
    """0.92461872 and 0.05306648, then 0.01710261 and 0.00521218.

    The first two stand in the example "Comparison of LDA and PCA 2D projection of Iris
    dataset" of scikit-learn's gallery.
    """
    X = iris[0]
    published = [0.924619, 0.053066, 0.017103, 0.005212]
    for rows in (X, sparse.csr_array(X)) if solver != "full" else (X,):
        ratio = PCA(svd_solver=solver).fit(rows).explained_variance_ratio_
        assert_allclose(ratio, published, atol=6e-7)


RATINGS = [
    [0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 5],
    [0, 0, 0, 3, 0, 4, 0, 0, 0, 0, 3],
    [0, 0, 0, 0, 4, 0, 0, 1, 0, 4, 0],
    [3, 3, 4, 0, 0, 0, 0, 2, 2, 0, 0],
    [5, 4, 5, 0, 0, 0, 0, 5, 5, 0, 0],
    [0, 0, 0, 0, 5, 0, 1, 0, 0, 5, 0],
    [4, 3, 4, 0, 0, 0, 0, 5, 5, 0, 1],
    [0, 0, 0, 4, 0, 4, 0, 0, 0, 0, 4],
    [0, 0, 0, 2, 0, 2, 5, 0, 0, 1, 2],
    [0, 0, 0, 0, 5, 0, 0, 0, 0, 4, 0],
    [1, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0],
]


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("criterion", ["energy", "directions"])
def test_ratings_keep_three_dimensions(solver, criterion):
    """P. Harrington, Machine Learning in Action (2012), section 14.5.

    Singular values 15.77, 11.41, 11.03, ...: 90 % of the energy 541.999 is 487.80;
    two of them hold 378.83 and three hold 500.50.
    """
    X = np.array(RATINGS, dtype=float)
    kinds = (X, sparse.csr_array(X), sparse.csc_array(X))
    for rows in kinds if solver != "full" else (X,):
        svd = TruncatedSVD(0.9, svd_solver=solver, criterion=criterion, random_state=0)
        svd.fit(rows)
        assert svd.n_components_ == 3
        squares = svd.singular_values_**2
        assert_allclose(squares[:2].sum(), 378.8295595, rtol=1e-6)
        assert_allclose(squares.sum(), 500.5002891, rtol=1e-6)
        assert_allclose((squares / svd.energy_ratio_)[0], np.sum(X**2), rtol=1e-12)


TITLES = [
    "Human machine interface for Lab ABC computer applications",
    "A survey of user opinion of computer system response time",
    "The EPS user interface management system",
    "System and human system engineering testing of EPS",
    "Relation of user-perceived response time to error measurement",
    "The generation of random, binary, unordered trees",
    "The intersection graph of paths in trees",
    "Graph minors IV: Widths of trees and well-quasi-ordering",
    "Graph minors: A survey",
]
TERMS = (
    "human interface computer user system response time eps survey trees graph minors"
)


@pytest.mark.parametrize("solver", SOLVERS)
def test_titles_of_technical_memoranda(solver):
    """Singular values of the 12 words that occur more than once in 9 titles.

    S. Deerwester et al., "Indexing by latent semantic analysis", Journal of the
    American Society for Information Science 41 (1990), 391-407.
    """
    counts = CountVectorizer(vocabulary=TERMS.split()).fit_transform(TITLES).T
    X = counts.astype(float).tocsr()
    assert X.shape == (12, 9)
    # As printed, and to one more digit.
    published = [3.34, 2.54, 2.35, 1.64, 1.50, 1.31, 0.85, 0.56, 0.36]
    finer = [3.341, 2.542, 2.354, 1.645, 1.505, 1.306, 0.846, 0.560, 0.364]
    kinds = (X.toarray(), X, X.tocsc()) if solver != "full" else (X.toarray(),)
    for rows in kinds:
        svd = TruncatedSVD(None, svd_solver=solver, random_state=0).fit(rows)
        assert_allclose(svd.singular_values_, published, atol=0.0051)
        assert_allclose(svd.singular_values_, finer, atol=6e-4)
        two = TruncatedSVD(2, svd_solver=solver, random_state=0).fit(rows)
        assert_allclose(two.singular_values_, finer[:2], atol=6e-4)


def test_optimal_hard_threshold():
    """Gavish and Donoho, IEEE Transactions on Information Theory 60 (2014), 5040-5053.

    The factors on the median singular value: 2.858 for square matrices and 2.171 for
    those twice as long as wide.
    """
    assert_allclose(gavish_donoho_factor(1.0), 2.858, atol=5e-4)
    assert_allclose(gavish_donoho_factor(0.5), 2.171, atol=5e-4)


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
