"""`compare` in Python and at the prompt, on good tables and on bad ones."""

import csv
import subprocess
import sys
import warnings
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import sklearn.manifold
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.datasets import load_digits, load_iris
from sklearn.decomposition import NMF as PeerNMF
from sklearn.decomposition import PCA as PeerPCA
from sklearn.decomposition import MiniBatchNMF
from sklearn.decomposition import TruncatedSVD as PeerSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdimred import __main__ as command_line
from skdimred._comparison_report import three_digits
from skdimred.compare import REGISTRY, Pair, compare, prepare
from skdimred.decomposition import NMF

# Once the package exports the function, the attribute hides the module.
compare_module = import_module("skdimred.compare")

NAMES = [
    "PCA",
    "TruncatedSVD",
    "RatioLDA",
    "DifferenceLDA",
    "MeanDifferenceLDA",
    "PCoA",
    "NMF",
    "NMF (MiniBatchNMF)",
    "NMF (PCA)",
    "Autoencoder",
    "NcutClustering",
]
FOR_TWO = "MeanDifferenceLDA"
HAS_MDS = hasattr(sklearn.manifold, "ClassicalMDS")
QUICK = {"folds": 3, "repeats": 1}
TIMES = [
    f"{side}{step}_seconds" for side in ("", "peer_") for step in ("fit", "transform")
]


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def iris_rows(iris):
    return compare(*iris, **QUICK)


@pytest.fixture
def run_command(tmp_path, monkeypatch, capsys):
    """Run `python -m skdimred compare ...` in an empty directory, in this process."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        quick = ["--repeats", "1"] if "--repeats" not in arguments else []
        status = command_line.main(["compare", *map(str, arguments), *quick])
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def table(tmp_path):
    """Iris as a data frame with named classes."""
    pytest.importorskip("pandas")
    iris = load_iris(as_frame=True)
    frame = iris.data.copy()
    frame.columns = ["sepal_length", "sepal_width", "petal_length", "petal_width"]
    frame["species"] = iris.target_names[iris.target]
    return frame


def of(name, rows):
    """The row of one estimator."""
    (row,) = (row for row in rows if row["estimator"] == name)
    return row


def save(frame, path):
    frame.to_csv(path, index=False)
    return path


# Warned about and failing on purpose, found by the registry through this module.


class Broken(TransformerMixin, BaseEstimator):
    def __init__(self, n_components=2):
        self.n_components = n_components

    def fit(self, X, y=None):
        raise FloatingPointError("the matrix is not positive definite\nsecond line")

    def transform(self, X):
        raise NotImplementedError


class Warns(PeerPCA):
    n_fits = 0

    def fit_transform(self, X, y=None):
        type(self).n_fits += 1
        warnings.warn("the light is amber", stacklevel=1)
        return super().fit_transform(X)


class NoSubspace(PeerPCA):
    pass


class ExactSVD(PeerSVD):
    """scikit-learn's, with the solver that draws no random projection."""

    def __init__(self, n_components=2, *, random_state=None):
        super().__init__(n_components, algorithm="arpack", random_state=random_state)


# ---------------------------------------------------------------- the function


def test_rows_have_the_promised_keys_and_describe_iris(iris_rows):
    assert [row["estimator"] for row in iris_rows] == NAMES
    documented = compare.__doc__
    for row in iris_rows:
        assert list(row) == list(iris_rows[0])
        if row["estimator"] == FOR_TWO:
            assert row["status"] == "left out"
            assert "it takes 2 classes and the target has 3" in row["note"]
            continue
        if row["estimator"] == "PCoA" and not HAS_MDS:
            assert row["status"] == "left out"
            assert "has no sklearn.manifold.ClassicalMDS" in row["note"]
            continue
        assert row["status"] == "compared"
        assert row["error"] is row["peer_error"] is None
        assert (row["n_samples"], row["n_features"], row["n_classes"]) == (150, 4, 3)
        assert row["scoring"] == "accuracy"
        assert row["folds"] == 3
        assert row["standardized"] is True
        if row["estimator"] in ("PCoA", "NcutClustering"):
            assert f"{row['peer'].split('.')[-1]} has no transform" in row["note"]
            assert row["peer_transform_seconds"] is row["peer_score"] is None
            same = {"PCoA": True, "NcutClustering": None}[row["estimator"]]
            assert row["same_subspace"] is same
            continue
        assert all(row[key] > 0 for key in TIMES)
        for step in ("fit", "transform"):
            ratio = row[f"peer_{step}_seconds"] / row[f"{step}_seconds"]
            assert row[f"{step}_ratio"] == pytest.approx(ratio)
        for key, value in row.items():
            assert f"``{key}``" in documented or key.startswith("peer_")
            assert value is None or isinstance(value, str | bool | int | float)


def test_scores_are_those_of_the_same_pipeline_written_out(iris, iris_rows):
    X, y = iris
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    peers = (
        PeerPCA(random_state=0),
        PeerSVD(random_state=0),
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(),
    )
    for row, peer, grid in zip(iris_rows, peers, [[1, 2]] * 4, strict=False):
        scores = [
            cross_val_score(
                make_pipeline(
                    StandardScaler(),
                    peer.set_params(n_components=k),
                    KNeighborsClassifier(5),
                ),
                X,
                y,
                cv=folds,
            )
            for k in grid
        ]
        best = int(np.argmax([score.mean() for score in scores]))
        assert row["peer_n_components"] == grid[best]
        assert row["peer_score"] == pytest.approx(scores[best].mean())
        assert row["peer_score_std"] == pytest.approx(scores[best].std())


def test_same_input_gives_the_same_rows_but_for_the_clock(iris, iris_rows):
    clock = {*TIMES, "fit_ratio", "transform_ratio"}
    for row, again in zip(iris_rows, compare(*iris, **QUICK), strict=True):
        assert {k: v for k, v in row.items() if k not in clock} == {
            k: v for k, v in again.items() if k not in clock
        }


def test_ours_and_the_peer_find_the_same_subspace_and_score_on_digits():
    X, y = load_digits(return_X_y=True)
    rows = compare(X, y, n_components=[2, 9], standardize=False, **QUICK)
    assert [row["estimator"] for row in rows] == NAMES
    assert of("DifferenceLDA", rows)["subspace_sine"] is None
    for row in rows[:3]:
        # scikit-learn's TruncatedSVD projects at random, and is that far off by itself.
        exact = row["estimator"] != "TruncatedSVD"
        assert row["subspace_sine"] < (1e-9 if exact else 1e-3)
        assert row["same_subspace"] is (row["subspace_sine"] < 1e-6)
        assert row["n_components"] == row["peer_n_components"] == 9
        assert row["score"] == pytest.approx(row["peer_score"], abs=0.01)
        assert row["compared_n_components"] == 9


def test_an_exact_peer_finds_the_subspace_of_our_truncated_svd(monkeypatch):
    (pair,) = (pair for pair in REGISTRY if pair.name == "TruncatedSVD")
    pair = replace(pair, peer=f"{__name__}:ExactSVD")
    monkeypatch.setattr(compare_module, "REGISTRY", (pair,))
    X, y = load_digits(return_X_y=True)
    (row,) = compare(X, y, n_components=9, standardize=False, **QUICK)
    assert row["same_subspace"] is True
    assert row["subspace_sine"] < 1e-9
    assert row["score"] == pytest.approx(row["peer_score"], abs=1e-9)


def test_standardized_columns_have_no_mean_to_tell_svd_from_pca(iris_rows):
    pca, svd = (of(name, iris_rows) for name in ("PCA", "TruncatedSVD"))
    assert svd["n_components"] == pca["n_components"]
    assert svd["score"] == pytest.approx(pca["score"])


def test_inputs_are_not_modified(iris):
    X, y = (a.copy() for a in iris)
    X.flags.writeable = y.flags.writeable = False
    compare(X, y, n_components=2, **QUICK)
    assert np.array_equal(X, iris[0])
    assert np.array_equal(y, iris[1])


def test_without_classes_the_fewest_components_that_keep_the_variance(iris):
    rows = compare(iris[0], n_components=[1, 2, 3], standardize=False, **QUICK)
    pca, svd, lda = (of(name, rows) for name in NAMES[:3])
    assert pca["scoring"] == svd["scoring"] == "explained variance"
    assert pca["n_components"] == 1  # which holds 92% on iris
    assert 0.9 < pca["score"] < 0.95
    assert svd["n_components"] == 2  # the first is about the mean
    assert 0.95 < svd["score"] < 1
    assert lda["status"] == "left out"
    assert "it needs a target" in lda["note"]
    assert lda["score"] is None
    few = of("PCA", compare(iris[0][:, :2], n_components=[1], **QUICK))
    assert few["n_components"] == 1  # below 0.9 and yet the best there is


def test_two_classes_take_the_difference_of_means(iris):
    X, y = iris
    rows = compare(X[:100], y[:100], n_components=1, **QUICK)
    row = of(FOR_TWO, rows)
    assert row["status"] == "compared"
    assert row["same_subspace"] is True
    assert row["score"] == of("RatioLDA", rows)["score"]


def test_continuous_target_is_set_aside_and_said(iris):
    rows = compare(iris[0][:, :3], iris[0][:, 3], **QUICK)
    assert [row["status"] for row in rows[:6]] == [
        *["compared"] * 2,
        *["left out"] * 4,
    ]
    assert [row["status"] for row in rows[6:]] == ["compared"] * 4 + ["left out"]
    assert all("y is continuous" in row["note"] for row in rows)


def test_labels_may_be_text_booleans_or_whole_floats(iris):
    X, y = iris
    X, y = X[50:], y[50:]
    expected = [row["score"] for row in compare(X, y, n_components=1, **QUICK)]
    for labels in (
        np.array(["", "b", "c"])[y],
        np.array(["", "b", "c"], dtype=object)[y],
        (y == 2).astype(object),
        y.astype(float),
        y[:, None],
    ):
        rows = compare(X, labels, n_components=1, **QUICK)
        assert [row["score"] for row in rows] == expected
        assert {row["n_classes"] for row in rows} == {2}


def test_grid_values_out_of_reach_are_left_out_and_said(iris):
    rows = compare(*iris, n_components=[2, 4, 3], **QUICK)
    pca, svd, lda = (of(name, rows) for name in NAMES[:3])
    assert pca["note"] == svd["note"] == ""
    assert lda["n_components"] == 2
    assert "n_components=3, 4 left out: at most 2 here" in lda["note"]
    lda = of("RatioLDA", compare(*iris, n_components=4, **QUICK))
    assert lda["status"] == "left out"
    assert "n_components is at most 2" in lda["note"]


def test_limits_are_those_of_the_smallest_fold():
    X = np.random.default_rng(0).normal(size=(9, 40))
    plan = prepare(
        X,
        None,
        n_components=None,
        folds=4,
        repeats=1,
        standardize=True,
        random_state=0,
    )
    assert plan.smallest_fold == 6
    assert plan.limit(Pair("PCA", "", "")) == 6
    rows = compare(X, folds=4, repeats=1)
    assert rows[0]["status"] == "compared"


def test_folds_are_lowered_to_the_smallest_class(iris):
    rows = compare(iris[0][:53], np.repeat([0, 1], [50, 3]), folds=5, repeats=1)
    for row in rows:
        assert row["folds"] == 3
        assert "3 folds instead of 5: class '1' of y has 3 rows." in row["note"]


def test_failure_is_a_row_and_stops_nothing(iris, monkeypatch):
    here, peer = f"{__name__}:Broken", "sklearn.decomposition:PCA"
    pairs = (
        Pair("Ours fails", here, peer),
        Pair("Peer fails", peer, here),
        Pair("Missing", "skdimred.nowhere:Thing", here),
        Pair("Fine", peer, peer),
    )
    monkeypatch.setattr(compare_module, "REGISTRY", pairs)
    ours, theirs, missing, fine = compare(*iris, **QUICK)
    assert ours["status"] == theirs["status"] == missing["status"] == "failed"
    said = "FloatingPointError: the matrix is not positive definite"
    assert ours["error"] == theirs["peer_error"] == said
    assert ours["peer_score"] > 0.8
    assert ours["fit_ratio"] is None
    assert ours["same_subspace"] is None
    assert theirs["score"] > 0.8
    assert theirs["fit_seconds"] > 0
    assert missing["error"].startswith("ModuleNotFoundError: No module named")
    assert fine["status"] == "compared"


def test_warnings_are_held_back_and_counted(iris, monkeypatch):
    pair = Pair("Warns", f"{__name__}:Warns", "sklearn.decomposition:PCA")
    monkeypatch.setattr(compare_module, "REGISTRY", (pair,))
    (row,) = compare(*iris, n_components=2, **QUICK)
    assert row["n_warnings"] == 3
    assert row["peer_n_warnings"] == 0
    assert f"{__name__}.Warns warned 3 times: the light is amber" in row["note"]


def test_estimators_without_a_linear_subspace_are_compared_all_the_same(
    iris, monkeypatch
):
    path = f"{__name__}:NoSubspace"
    monkeypatch.setattr(
        compare_module, "REGISTRY", (Pair("Bare", path, path, subspace=None),)
    )
    (row,) = compare(*iris, n_components=2, **QUICK)
    assert row["status"] == "compared"
    assert row["subspace_sine"] is row["same_subspace"] is None


def test_different_subspaces_are_told_apart(iris, monkeypatch):
    peer = "sklearn.decomposition:FactorAnalysis"
    pair = Pair("Other", "sklearn.decomposition:PCA", peer)
    monkeypatch.setattr(compare_module, "REGISTRY", (pair,))
    (row,) = compare(*iris, n_components=1, **QUICK)
    assert row["same_subspace"] is False
    assert 0.001 < row["subspace_sine"] <= 1


def of_nmf(rows):
    return [row for row in rows if row["estimator"].startswith("NMF")]


def test_non_negative_pairs_keep_the_zero_of_each_column(iris):
    X, y = iris
    k = 2
    folds = StratifiedKFold(3, shuffle=True, random_state=0)
    peers = (
        PeerNMF(k, random_state=0),
        MiniBatchNMF(k, random_state=0),
        PeerPCA(k, random_state=0),
    )
    rows = of_nmf(compare(X, y, n_components=k, **QUICK))
    assert [row["peer"].split(".")[-1] for row in rows] == [
        type(peer).__name__ for peer in peers
    ]
    for row, peer in zip(rows, peers, strict=True):
        assert row["status"] == "compared"
        assert row["same_subspace"] is row["subspace_sine"] is None
        assert "Columns were given variance 1 and kept their means." in row["note"]
        for key, reducer in (("score", NMF(k, random_state=0)), ("peer_score", peer)):
            pipe = make_pipeline(
                StandardScaler(with_mean=False), reducer, KNeighborsClassifier(5)
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                scores = cross_val_score(pipe, X, y, cv=folds)
            assert row[key] == pytest.approx(scores.mean())
    assert len({row["score"] for row in rows}) == 1
    as_is = of_nmf(compare(X, y, n_components=k, standardize=False, **QUICK))
    assert all("kept their means" not in row["note"] for row in as_is)
    assert [row["status"] for row in as_is] == ["compared"] * 3


def test_non_negative_pairs_are_left_out_for_negative_numbers(iris):
    X = iris[0].copy()
    X[7, 2] = -0.5
    for standardize in (True, False):
        rows = compare(X, n_components=1, standardize=standardize, **QUICK)
        for row in of_nmf(rows):
            assert row["status"] == "left out"
            assert row["score"] is row["fit_seconds"] is None
            assert "no negative numbers, and there is -0.5 in row 7" in row["note"]
        assert of("PCA", rows)["status"] == "compared"


def test_nmf_explains_held_out_rows_no_better_than_pca(iris):
    rows = compare(iris[0], n_components=2, standardize=False, **QUICK)
    nmf, beside_pca = of("NMF", rows), of("NMF (PCA)", rows)
    assert nmf["scoring"] == "explained variance"
    assert nmf["score"] == pytest.approx(nmf["peer_score"], abs=1e-3)
    assert 0.95 < beside_pca["score"] < beside_pca["peer_score"] + 1e-3


def test_a_search_of_the_same_estimator_is_made_once(iris, monkeypatch):
    path = f"{__name__}:Warns"
    pairs = tuple(Pair(name, path, path) for name in "ab")
    pairs += (Pair("c", path, path, non_negative=True),)
    monkeypatch.setattr(compare_module, "REGISTRY", pairs)
    monkeypatch.setattr(Warns, "n_fits", 0)
    rows = compare(*iris, n_components=2, **QUICK)
    # Two searches of 3 folds; the fits to all rows do not go through fit_transform.
    assert Warns.n_fits == 2 * 3
    assert [row["n_warnings"] for row in rows] == [3, 3, 3]
    assert [row["peer_n_warnings"] for row in rows] == [3, 3, 3]
    assert rows[0]["score"] == rows[1]["score"]


def test_progress_is_called_before_each_step(iris):
    seen = []
    compare(*iris, n_components=1, progress=lambda *step: seen.append(step), **QUICK)
    out = {FOR_TWO} if HAS_MDS else {FOR_TWO, "PCoA"}
    assert [done for done, _, _ in seen] == [
        3 * i + third
        for i, name in enumerate(NAMES)
        if name not in out
        for third in range(3)
    ]
    assert {total for _, total, _ in seen} == {3 * len(NAMES)}


def test_data_frames_give_what_their_values_give(table, iris):
    expected = compare(*iris, n_components=2, **QUICK)
    before = table.copy()
    rows = compare(
        table.drop(columns="species"), table["species"], n_components=2, **QUICK
    )
    assert [row["score"] for row in rows] == [row["score"] for row in expected]
    assert table.equals(before)
    table["wide"] = table["sepal_width"] > 3
    table["rank"] = np.arange(150, dtype=np.uint8)
    table["box"] = table["sepal_width"].astype(object)
    rows = compare(table.drop(columns="species"), n_components=2, **QUICK)
    assert rows[0]["status"] == "compared"
    assert rows[0]["n_features"] == 7


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1; found 0"),
        ({"n_components": []}, ValueError, "n_components is empty"),
        ({"n_components": 2.5}, TypeError, "n_components must be a whole number"),
        ({"n_components": "2"}, TypeError, "n_components must be a whole number"),
        ({"folds": 1}, ValueError, "folds must be at least 2; found 1"),
        ({"folds": True}, TypeError, "folds must be a whole number; found True"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1; found 0"),
        ({"standardize": "yes"}, TypeError, "standardize must be True or False"),
        ({"random_state": -1}, ValueError, "random_state must be at least 0"),
        ({"random_state": 2**32}, ValueError, "random_state must be at most"),
        ({"progress": 1}, TypeError, "progress must be callable or None; found 1"),
        ({"X": np.zeros(5)}, ValueError, r"found shape \(5,\)"),
        ({"X": [["a", 1]] * 9}, ValueError, "X must hold numbers only"),
        ({"X": np.ones((9, 1))}, ValueError, "X has 1 usable column"),
        ({"X": np.ones((3, 2))}, ValueError, "X has 3 rows"),
        ({"X": 1j * np.ones((9, 2))}, ValueError, "complex"),
        ({"X": [[1, np.nan, np.inf]] * 9}, ValueError, "'column 1' misses 9 of 9"),
        ({"y": np.zeros(4)}, ValueError, r"each of the 150 rows .* shape \(4,\)"),
        ({"y": np.zeros(150)}, ValueError, "y holds one class only, '0.0'"),
        ({"y": np.r_[[2], [1] * 149]}, ValueError, "Class '2' of y has only 1 row"),
        ({"y": np.arange(150)}, ValueError, "'5' and 144 more of y have only 1 row"),
        ({"y": [None] + ["a"] * 149}, ValueError, "y misses 1 of 150 values"),
        ({"y": [np.nan] + [1.0] * 149}, ValueError, "y misses 1 of 150 values"),
    ],
)
def test_bad_arguments_are_named_before_any_work(iris, arguments, error, message):
    called = []
    arguments = {
        "X": iris[0],
        "y": iris[1],
        "progress": lambda *step: called.append(step),
    } | arguments
    with pytest.raises(error, match=message):
        compare(**arguments)
    assert not called


def test_sparse_is_refused_with_the_remedy(iris):
    from scipy.sparse import csr_array

    with pytest.raises(TypeError, match=r"X\.toarray\(\)"):
        compare(csr_array(iris[0]), iris[1])


# ------------------------------------------------------------ the command line


def test_digits_need_no_argument(run_command, tmp_path):
    status, out, err = run_command("--no-plot", "--quiet", "--folds", "2")
    assert status == 0
    assert err == ""
    assert max(map(len, out.splitlines())) <= 79
    assert "scikit-learn's digits: 1797 rows, 64 columns (not standardized)" in out
    for name in (*NAMES, "LinearDiscriminantAnalysis", "same subspace"):
        assert name in out
    assert "Wrote comparison.csv" in out
    with open(tmp_path / "comparison.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["estimator"] for row in rows] == NAMES
    assert float(rows[0]["fit_ratio"]) > 0


def test_picture_is_drawn_beside_the_rows(run_command, table, tmp_path):
    pytest.importorskip("matplotlib")
    data = save(table, tmp_path / "iris.csv")
    status, out, err = run_command(
        data, "--target", "species", "--out", "deep/er", "--quiet"
    )
    assert (status, err) == (0, "")
    assert "(standardized), 3 classes" in out
    assert "Wrote deep/er/comparison.csv and deep/er/comparison.png" in out
    assert (tmp_path / "deep/er/comparison.png").read_bytes()[:4] == b"\x89PNG"


def test_without_matplotlib_the_rest_is_done(run_command, table, tmp_path, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "skdimred._comparison_figure", raising=False)
    data = save(table, tmp_path / "iris.csv")
    status, out, err = run_command(data, "--target", "species", "--quiet")
    assert (status, err) == (0, "")
    assert "For the picture: pip install 'skdimred[compare]'" in out
    assert out.endswith("Wrote comparison.csv\n")
    assert not (tmp_path / "comparison.png").exists()


def test_parquet_gives_what_csv_gives(run_command, table, tmp_path):
    pytest.importorskip("pyarrow")
    table.to_parquet(tmp_path / "iris.parquet")
    save(table, tmp_path / "iris.csv")
    scores = []
    for name in ("iris.parquet", "iris.csv"):
        status, _, _ = run_command(name, "--target", "species", "--no-plot", "--quiet")
        assert status == 0
        with open("comparison.csv", encoding="utf-8") as file:
            scores.append([row["score"] for row in csv.DictReader(file)])
    assert scores[0] == scores[1]


def test_no_target_compares_what_needs_none(run_command, table, tmp_path):
    data = save(table.drop(columns="species"), tmp_path / "iris.csv")
    status, out, _ = run_command(data, "--no-plot", "--quiet")
    assert status == 0
    assert "share of held-out variance" in out
    assert "RatioLDA is left out: it needs a target and none was given." in out


def test_row_names_and_semicolons_are_understood(run_command, table, tmp_path):
    table.to_csv(tmp_path / "iris.csv", sep=";")
    status, out, _ = run_command(
        "iris.csv", "--target", "species", "--no-plot", "--quiet"
    )
    assert status == 0
    assert "iris.csv: 150 rows, 4 columns" in out
    assert "The first column has no name" in out


def spoil(table):
    """Add one column of every kind that cannot be compared."""
    return table.assign(
        width=table["sepal_width"].where(table.index > 1),
        ratio=table["sepal_width"].where(table.index > 0, np.inf),
        grade=table["species"].astype("category"),
        day=np.datetime64("2026-01-01", "ns"),
    )


def test_unusable_columns_are_named_with_the_remedy(run_command, table, tmp_path):
    data = save(spoil(table), tmp_path / "iris.csv")
    status, out, err = run_command(data)
    err = " ".join(err.split())
    assert (status, out) == (2, "")
    assert "'species' holds text (as 'setosa')" in err
    assert "'width' misses 2 of 150 values" in err
    assert "'ratio' holds 1 infinite value" in err
    assert "To leave them out: --drop species,grade,day,width,ratio" in err
    assert "To name the column of classes: --target COLUMN" in err
    assert not (tmp_path / "comparison.csv").exists()
    drop = "grade,day,width,ratio"
    status, out, _ = run_command(
        data, "--target", "species", "--drop", drop, "--no-plot", "--quiet"
    )
    assert status == 0
    assert "150 rows, 4 columns" in out


def test_kinds_of_columns_are_called_by_their_name(table):
    with pytest.raises(ValueError, match="'grade' holds categories") as caught:
        compare(spoil(table))
    assert "'day' holds dates (as '2026-01-01" in str(caught.value)
    assert "Encode text as numbers" in str(caught.value)
    many = table[["species"] * 9]
    many.columns = [f"c{j}" for j in range(9)]
    with pytest.raises(ValueError, match="and 3 more columns likewise"):
        compare(many)


BAD_INPUT = {
    "no such file": (["nowhere.csv"], "'nowhere.csv' does not exist"),
    "a directory": (["."], "'.' is a directory"),
    "unknown format": (["iris.xls"], "must end in .csv"),
    "empty file": (["empty.csv"], "Cannot read 'empty.csv' as a table"),
    "wrong target": (
        ["iris.csv", "--target", "specie"],
        "has no column 'specie'; did you mean 'species'? it has 'sepal_length'",
    ),
    "wrong drop": (["iris.csv", "--drop", "zzz"], "has no column 'zzz'; it has"),
    "lone class": (
        ["lone.csv", "--target", "species"],
        "Class 'versicolor' of column 'species' has only 1 row",
    ),
    "lone class, remedy": (
        ["lone.csv", "--target", "species"],
        "To do without it: --drop species and no --target",
    ),
    "missing labels": (
        ["holes.csv", "--target", "species"],
        "column 'species' misses 1 of 150 values",
    ),
    "one column": (
        ["narrow.csv", "--target", "species"],
        "X has 1 usable column ('sepal_length')",
    ),
    "target, no table": (["--target", "species"], "give its path"),
    "one fold": (["iris.csv", "--target", "species", "--folds", "1"], "folds must be"),
    "output is a file": (
        ["iris.csv", "--target", "species", "--out", "iris.csv"],
        "File exists",
    ),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_told_without_a_traceback(run_command, table, tmp_path, case):
    arguments, message = BAD_INPUT[case]
    save(table, tmp_path / "iris.csv")
    (tmp_path / "iris.xls").touch()
    (tmp_path / "empty.csv").touch()
    save(table.iloc[:51], tmp_path / "lone.csv")
    save(table[["sepal_length", "species"]], tmp_path / "narrow.csv")
    holes = table.assign(species=table["species"].where(table.index > 0))
    save(holes, tmp_path / "holes.csv")
    status, out, err = run_command(*arguments)
    assert (status, out) == (2, "")
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert not (tmp_path / "comparison.csv").exists()


def test_few_members_lower_the_folds_and_say_so(run_command, table, tmp_path):
    data = save(table.iloc[:53], tmp_path / "iris.csv")
    status, out, _ = run_command(data, "--target", "species", "--no-plot", "--quiet")
    assert status == 0
    said = "3 folds instead of 5: class 'versicolor' of column 'species' has 3 rows."
    assert said in " ".join(out.split())


def test_continuous_target_is_set_aside_at_the_prompt(run_command, table, tmp_path):
    data = save(table.drop(columns="species"), tmp_path / "iris.csv")
    status, out, _ = run_command(
        data, "--target", "petal_width", "--no-plot", "--quiet"
    )
    assert status == 0
    assert "column 'petal_width' is continuous" in out
    assert "RatioLDA is left out: the target is continuous." in out
    assert "150 rows, 3 columns" in out


@pytest.mark.parametrize("missing", ["pandas", "pyarrow"])
def test_missing_packages_are_named_with_the_extra(
    run_command, tmp_path, monkeypatch, missing
):
    pytest.importorskip(missing)
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == "pyarrow":
        monkeypatch.setitem(sys.modules, "fastparquet", None)
    (tmp_path / "a.parquet").touch()
    status, _, err = run_command("a.parquet")
    assert status == 2
    assert f"needs {missing}: pip install 'skdimred[compare]'." in " ".join(err.split())


def test_nothing_to_compare_is_status_1(run_command, table, tmp_path, monkeypatch):
    path = f"{__name__}:Broken"
    monkeypatch.setattr(command_line, "REGISTRY", (Pair("Bad", path, path),))
    data = save(table, tmp_path / "iris.csv")
    status, out, _ = run_command(data, "--target", "species", "--quiet")
    assert status == 1
    assert "skdimred failed: FloatingPointError: the matrix" in out
    assert "scikit-learn failed: FloatingPointError" in out


def test_progress_lines_come_after_a_moment_and_quiet_silences_them(
    run_command, table, tmp_path, monkeypatch
):
    data = save(table, tmp_path / "iris.csv")
    common = (data, "--target", "species", "--no-plot", "--n-components", "1,2")
    monkeypatch.setattr(command_line, "QUIET_SECONDS", 600)
    assert run_command(*common)[2] == ""
    monkeypatch.setattr(command_line, "QUIET_SECONDS", 0)
    step = f"[9/{3 * len(NAMES)}] RatioLDA: timing both in turn"
    assert step in run_command(*common)[2]
    assert run_command(*common, "--quiet")[2] == ""


def test_terminal_gets_a_bar_and_no_lines(run_command, table, tmp_path, monkeypatch):
    pytest.importorskip("rich")
    data = save(table, tmp_path / "iris.csv")
    monkeypatch.setattr(command_line, "QUIET_SECONDS", 0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    _, _, err = run_command(data, "--target", "species", "--no-plot")
    assert "[9/9]" not in err


def test_bare_command_prints_help(capsys):
    assert command_line.main([]) == 0
    assert "python -m skdimred" in capsys.readouterr().out


def test_help_names_every_option_within_80_columns(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit) as caught:
        command_line.main(["compare", "--help"])
    assert caught.value.code == 0
    out = capsys.readouterr().out
    for option in ("--target", "--drop", "--out", "--folds", "--no-standardize"):
        assert option in out
    assert max(map(len, out.splitlines())) <= 80


def test_malformed_list_is_refused(capsys):
    with pytest.raises(SystemExit) as caught:
        command_line.main(["compare", "--n-components", "2,x"])
    assert caught.value.code == 2
    assert "'2,x' is not a list of whole numbers" in capsys.readouterr().err


def test_module_runs_in_a_process_of_its_own_and_imports_little(tmp_path):
    # What scikit-learn itself loads is not ours to spare.
    code = (
        "import sys, sklearn.neighbors; before = set(sys.modules); "
        "import skdimred.compare;"
        "print({'matplotlib', 'pandas', 'rich', 'dask', 'torch'}"
        " & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
    done = subprocess.run(
        [sys.executable, "-m", "skdimred", "compare", "nowhere.csv"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: 'nowhere.csv' does not exist")
    assert done.stdout == ""


# ----------------------------------------------------------------- the picture


def test_align_undoes_any_rotation_and_reflection():
    figure = pytest.importorskip("skdimred._comparison_figure", exc_type=ImportError)
    rng = np.random.default_rng(0)
    reference = rng.normal(size=(30, 2))
    turn, _ = np.linalg.qr(rng.normal(size=(2, 2)))
    for flip in (np.eye(2), np.diag([1, -1])):
        turned = reference @ turn @ flip + [3, -4]
        assert np.allclose(figure.align(turned, reference), reference)
    assert np.allclose(
        figure.align(-reference[:, :1], reference[:, :1])[:, 0], reference[:, 0]
    )


@pytest.mark.parametrize("n_classes", [0, 2, 14])
def test_pictures_of_few_and_many_classes(run_command, tmp_path, n_classes):
    pytest.importorskip("matplotlib")
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(140, 4)), columns=list("abcd"))
    target = []
    if n_classes:
        # Names that matplotlib would take for mathematics, or hide.
        frame["k"] = [f"_$x_{i % n_classes}" for i in range(140)]
        target = ["--target", "k"]
    save(frame, tmp_path / "data.csv")
    status, _, err = run_command("data.csv", *target, "--quiet")
    assert (status, err) == (0, "")
    assert (tmp_path / "comparison.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00466, "0.0047"),
        (0.02, "0.02"),
        (0.1, "0.10"),
        (9.99, "9.99"),
        (284.3, "284"),
    ],
)
def test_small_ratios_are_not_written_as_zero(value, text):
    assert three_digits(value) == text
