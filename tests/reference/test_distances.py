"""Published tables of distances, and what R makes of them.

dune: 20 sites and 30 species of dune meadow vegetation; R. Jongman, C. ter Braak and O.
van Tongeren, "Data analysis in community and landscape ecology" (1987). The numbers are
those of the R packages vegan 2.6-4 and ape 5.7. eurodist: road distances between 21
European cities in km, from R's datasets; the numbers are those of R's cmdscale.
"""

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdimred import PCoA

TABLES = Path(__file__).parents[2] / "docs" / "examples"
pytestmark = pytest.mark.filterwarnings("ignore:The distances are not Euclidean")


@pytest.fixture(scope="module")
def dune():
    rows = (TABLES / "dune.csv").read_text().split()[1:]
    return np.array([row.split(",")[1:] for row in rows], dtype=float)


@pytest.fixture(scope="module")
def eurodist():
    return np.loadtxt(TABLES / "eurodist.csv", delimiter=",", skiprows=1)


@pytest.mark.parametrize("solver", ["auto", "lanczos", "krylov"])
def test_dune(dune, solver):
    assert dune.shape == (20, 30)
    pcoa = PCoA(3, metric="braycurtis", eigen_solver=solver).fit(dune)
    assert_allclose(pcoa.eigenvalues_, [1.716266, 1.022398, 0.461464], atol=5e-7)
    assert_allclose(pcoa.explained_variance_ratio_[:2], [0.399222, 0.237821], atol=5e-7)
    assert_allclose(pcoa.negative_eigenvalue_, -0.096786, atol=5e-7)
    if solver == "auto":
        assert pcoa.n_negative_ == 5
    assert_allclose(pcoa.transform(dune), pcoa.embedding_, atol=1e-10)


def test_corrections_of_dune(dune):
    lingoes, cailliez = (
        PCoA(metric="braycurtis", correction=name).fit(dune)
        for name in ("lingoes", "cailliez")
    )
    assert_allclose(lingoes.correction_constant_, 0.096786, atol=5e-7)
    assert_allclose(cailliez.correction_constant_, 0.286338, atol=5e-7)
    for pcoa in (lingoes, cailliez):
        assert pcoa.n_negative_ == 5
        assert_allclose(pcoa.negative_eigenvalue_, -0.096786, atol=5e-7)
        assert_allclose(pcoa.transform(dune), pcoa.embedding_, atol=1e-10)
    plain = PCoA(metric="braycurtis").fit(dune)
    assert_allclose(lingoes.eigenvalues_, plain.eigenvalues_ + 0.0967857, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.int16, np.uint16, np.int64])
@pytest.mark.parametrize("solver", ["auto", "lanczos", "krylov"])
def test_eurodist(eurodist, dtype, solver):
    pcoa = PCoA(3, metric="precomputed", eigen_solver=solver)
    pcoa.fit(eurodist.astype(dtype))
    # An imaginary axis of 2251844 is larger than the third real one.
    assert_allclose(
        pcoa.eigenvalues_, [19538377.09, 11856555.33, 1528844.47], atol=5e-3
    )
    assert_allclose(np.abs(pcoa.embedding_[0, :2]), [2290.27468, 1798.80293], atol=5e-6)
