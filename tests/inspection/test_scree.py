"""What the scree plot draws, against the formulas."""

import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
import sklearn.decomposition
from numpy.testing import assert_allclose
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import PCA, RatioLDA
from skdimred.inspection import ScreeDisplay

plt.switch_backend("Agg")

PCAS = [PCA, sklearn.decomposition.PCA]


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def stick(d):
    """The formula, term by term."""
    return np.array([sum(1 / i for i in range(j, d + 1)) / d for j in range(1, d + 1)])


def heights(display):
    return [bar.get_height() for bar in display.bars_]


class Energies(sklearn.decomposition.TruncatedSVD):
    """A truncated SVD that knows the share of each squared singular value."""

    def fit(self, X, y=None):
        super().fit(X)
        self.energy_ratio_ = self.singular_values_**2 / np.sum(X**2)
        self.n_samples_ = len(X)
        return self


@pytest.mark.parametrize("cls", PCAS)
@pytest.mark.parametrize("k", [1, 12, 64])
def test_bars_and_cumulative_line(cls, k, digits):
    pca = cls(k).fit(digits[0])
    display = ScreeDisplay.from_estimator(pca)
    assert_allclose(heights(display), pca.explained_variance_ratio_, rtol=1e-12)
    x, y = display.line_.get_data()
    assert list(x) == list(range(1, k + 1))
    assert_allclose(y, np.cumsum(pca.explained_variance_ratio_), rtol=1e-12)
    assert display.line_.axes is display.cumulative_ax_
    assert display.reference_line_.axes is display.ax_
    assert display.ax_.get_ylabel() == "share of the variance"
    display.figure_.draw_without_rendering()


@pytest.mark.parametrize("cls", PCAS)
def test_broken_stick_has_a_piece_for_each_possible_component(cls, digits):
    line = ScreeDisplay.from_estimator(cls(64).fit(digits[0])).reference_line_
    assert_allclose(line.get_ydata(), stick(64), rtol=1e-12)
    assert_allclose(line.get_ydata().sum(), 1, rtol=1e-12)
    # Fewer components are the first pieces of as many; fewer rows make fewer.
    line = ScreeDisplay.from_estimator(cls(5).fit(digits[0])).reference_line_
    assert_allclose(line.get_ydata(), stick(64)[:5], rtol=1e-12)
    line = ScreeDisplay.from_estimator(cls(5).fit(digits[0][:30])).reference_line_
    assert_allclose(line.get_ydata(), stick(30)[:5], rtol=1e-12)


@pytest.mark.parametrize("cls", PCAS)
@pytest.mark.parametrize("n", [1797, 40])
def test_noise_is_the_mean_share_left_out(cls, n, digits):
    X = digits[0][:n]
    values = np.linalg.svd(X - X.mean(axis=0), compute_uv=False) ** 2
    display = ScreeDisplay.from_estimator(cls(10).fit(X), reference="noise")
    noise = values[10:].mean() / values.sum()
    assert_allclose(display.reference_line_.get_ydata(), np.full(10, noise), rtol=1e-9)


def test_noise_of_weighted_rows(digits):
    X, weight = digits[0][:20], np.full(20, 5.0)
    pca = PCA(10).fit(X, sample_weight=weight)
    noise = pca.noise_variance_ / np.cov(X.T, fweights=weight.astype(int)).trace()
    display = ScreeDisplay.from_estimator(pca, reference="noise")
    assert_allclose(display.reference_line_.get_ydata(), noise, rtol=1e-9)
    # Weights allow more components than rows.
    pca = PCA(30).fit(X, sample_weight=weight)
    assert len(ScreeDisplay.from_estimator(pca).reference_line_.get_ydata()) == 30


def test_energies_come_before_variances(digits):
    X = digits[0]
    svd = Energies(6, algorithm="arpack").fit(X)
    values = np.linalg.svd(X, compute_uv=False) ** 2
    share = values / values.sum()
    display = ScreeDisplay.from_estimator(svd, reference="noise")
    assert_allclose(heights(display), share[:6], rtol=1e-9)
    assert_allclose(display.reference_line_.get_ydata(), share[6:].mean(), rtol=1e-9)
    assert display.ax_.get_ylabel() == "share of the energy"


def test_no_number_of_rows_known(digits):
    svd = sklearn.decomposition.TruncatedSVD(3, algorithm="arpack").fit(digits[0][:20])
    display = ScreeDisplay.from_estimator(svd)
    assert_allclose(heights(display), svd.explained_variance_ratio_, rtol=1e-12)
    assert_allclose(display.reference_line_.get_ydata(), stick(64)[:3], rtol=1e-12)


@pytest.mark.parametrize(
    "lda", [RatioLDA(4), LinearDiscriminantAnalysis(n_components=4)]
)
def test_discriminants_are_one_less_than_the_classes(lda, digits):
    X, y = digits
    display = ScreeDisplay.from_estimator(lda.fit(X[:, X.std(axis=0) > 0], y))
    assert_allclose(display.reference_line_.get_ydata(), stick(9)[:4], rtol=1e-12)
    assert display.ax_.get_ylabel() == "share of the eigenvalues"


def test_no_reference(digits):
    display = ScreeDisplay.from_estimator(PCA(3).fit(digits[0]), reference=None)
    assert display.reference_line_ is None
    assert len(display.ax_.lines) == 0


def test_no_variance():
    with pytest.warns(UserWarning, match="constant"):
        pca = PCA(2).fit(np.ones((9, 4)))
    display = ScreeDisplay.from_estimator(pca, reference="noise")
    assert list(display.line_.get_ydata()) == [0, 0]
    assert list(display.reference_line_.get_ydata()) == [0, 0]


@pytest.mark.parametrize("k", [1, 2, 200])
def test_any_number_of_components_fits_the_axes(k):
    ratio = np.full(k, 1 / 200)
    display = ScreeDisplay(ratio=ratio, n_possible=300).plot(reference="noise")
    rest = (1 - k / 200) / (300 - k)
    assert_allclose(display.reference_line_.get_ydata(), rest, rtol=1e-9, atol=1e-15)
    display.figure_.draw_without_rendering()
    low, high = display.ax_.get_xlim()
    assert low < 1 <= k < high
    ticks = [t for t in display.ax_.get_xticks() if low <= t <= high]
    assert ticks
    assert all(tick == int(tick) for tick in ticks)


def test_draws_where_it_is_told(digits):
    figure, (left, right) = plt.subplots(1, 2)
    pca = PCA(3).fit(digits[0])
    display = ScreeDisplay.from_estimator(pca, ax=left)
    assert display.ax_ is left
    assert display.figure_ is figure
    assert plt.get_fignums() == [figure.number]
    assert display.plot(right, reference=None) is display
    assert display.ax_ is right
    assert len(right.patches) == 3
    assert len(left.patches) == 3
    assert plt.get_fignums() == [figure.number]


def test_keywords_reach_the_artists(digits):
    display = ScreeDisplay.from_estimator(
        PCA(3).fit(digits[0]),
        bar_kw={"facecolor": "green"},
        line_kw={"c": "black", "lw": 7},
        reference_kw={"ls": ":"},
    )
    assert display.bars_[0].get_facecolor() == (0, 128 / 255, 0, 1)
    assert display.line_.get_color() == "black"
    assert display.line_.get_linewidth() == 7
    assert display.reference_line_.get_linestyle() == ":"


@pytest.mark.parametrize("cls", PCAS)
def test_not_fitted(cls):
    with pytest.raises(NotFittedError):
        ScreeDisplay.from_estimator(cls())


def test_bad_estimators(digits):
    X = digits[0]
    pipeline = make_pipeline(StandardScaler(), PCA(2)).fit(X)
    with pytest.raises(ValueError, match=r"Pipeline.*pipeline\['pca'\]"):
        ScreeDisplay.from_estimator(pipeline)
    with pytest.raises(ValueError, match=r"explained_variance_ratio_.*StandardScaler"):
        ScreeDisplay.from_estimator(pipeline[0])
    with pytest.raises(ValueError, match=r"reference='noise'.*none of 64"):
        ScreeDisplay.from_estimator(PCA().fit(X), reference="noise")
    assert not plt.get_fignums()


@pytest.mark.parametrize("bad", ["elbow", True, 1, ["noise"]])
def test_bad_reference(bad, digits):
    with pytest.raises(ValueError, match=r"reference=.*broken-stick"):
        ScreeDisplay.from_estimator(PCA(2).fit(digits[0]), reference=bad)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"ratio": []}, "ratio must hold"),
        ({"ratio": [[0.5]]}, "ratio must hold"),
        ({"ratio": [0.5, np.nan]}, "ratio must hold"),
        ({"ratio": [0.5, -0.1]}, "ratio must hold"),
        ({"ratio": [0.5, 0.1], "n_possible": 1}, "n_possible=1 .* at least 2"),
        ({"ratio": [0.5, 0.1], "n_possible": 2.5}, "n_possible=2.5"),
    ],
)
def test_bad_numbers(parameters, message):
    with pytest.raises(ValueError, match=message):
        ScreeDisplay(**parameters).plot()
    assert not plt.get_fignums()


def test_several_axes():
    with pytest.raises(ValueError, match="ax must be one Axes; found"):
        ScreeDisplay(ratio=[0.5]).plot(plt.subplots(1, 2)[1])


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r'pip install "skdimred\[plot\]"'):
        ScreeDisplay(ratio=[0.5]).plot()
