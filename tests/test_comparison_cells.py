"""Comparisons over held-out cells and ratings."""

import csv

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skdimred import BiasedMFRegressor
from skdimred import __main__ as command_line
from skdimred.compare import compare_imputers, compare_ratings


def test_imputers_on_a_table_of_low_rank(rng):
    X = rng.standard_normal((150, 3)) @ rng.standard_normal((3, 24))
    X = 5 + 2 * X + 0.2 * rng.standard_normal(X.shape)
    X[rng.random(X.shape) < 0.4] = np.nan
    X[:, 2] *= 1000
    before = X.copy()
    rows = compare_imputers(X, folds=3)
    assert np.array_equal(X, before, equal_nan=True)
    names = [row["imputer"] for row in rows]
    assert sorted(names) == [
        "BiasedMFImputer",
        "IterativeImputer",
        "KNNImputer",
        "SimpleImputer",
    ]
    errors = [row["rmse"] for row in rows]
    assert errors == sorted(errors)
    by_name = dict(zip(names, errors, strict=True))
    # The mean of a column is off by its deviation.
    assert_allclose(by_name["SimpleImputer"], 1.0, atol=0.05)
    assert by_name["BiasedMFImputer"] < 0.5 * by_name["KNNImputer"]
    assert all(row["error"] is None and row["seconds"] > 0 for row in rows)


def test_tables_that_cannot_be_compared(rng):
    with pytest.raises(ValueError, match="two columns"):
        compare_imputers(np.ones((4, 1)))
    X = rng.standard_normal((9, 3))
    X[1, 1] = np.inf
    with pytest.raises(ValueError, match="finite"):
        compare_imputers(X)


def test_ratings(rng):
    X = rng.integers(0, 40, (2000, 2))
    P, Q = rng.standard_normal((40, 2)), rng.standard_normal((40, 2))
    y = 3 + (P[X[:, 0]] * Q[X[:, 1]]).sum(axis=1) + 0.3 * rng.standard_normal(2000)
    rows = compare_ratings(X, y, n_components=2, alpha=0.5, folds=3)
    assert rows[0]["model"] == "BiasedMFRegressor"
    by_name = {row["model"]: row["rmse"] for row in rows}
    assert by_name["BiasedMFRegressor"] < 0.6
    assert by_name["BiasedMFRegressor, biases alone"] > 1
    assert BiasedMFRegressor(2, alpha=0.5, random_state=0).fit(X, y).score(X, y) > 0.9
    with pytest.raises(ValueError, match="two columns of ids"):
        compare_ratings(X[:, :1], y)
    y[7] = np.nan
    with pytest.raises(ValueError, match="finite; found nan in row 7"):
        compare_ratings(X, y)


@pytest.fixture
def files(tmp_path, rng):
    """A table with gaps, and ratings, some of them broken."""
    pd = pytest.importorskip("pandas")
    X = rng.standard_normal((90, 2)) @ rng.standard_normal((2, 8))
    X[rng.random(X.shape) < 0.3] = np.nan
    table = pd.DataFrame(X, columns=list("abcdefgh"))
    table["who"] = "someone"
    table.to_csv(tmp_path / "table.csv", index=False)
    film = rng.integers(0, 20, 900)
    ratings = pd.DataFrame(
        {
            "when": np.arange(900),
            "stars": film % 5 + rng.random(900),
            "film": [f"film {i}" for i in film],
            "user": rng.integers(0, 30, 900),
        }
    )
    ratings.loc[4, "film"] = None
    ratings.to_csv(tmp_path / "ratings.csv", index=False)
    (tmp_path / "plain.tsv").write_text("196\t242\t3\n186\t302\t3\n")
    return tmp_path


def at_prompt(capsys, *arguments):
    status = command_line.main([*map(str, arguments)])
    return status, *capsys.readouterr()


def test_imputers_at_the_prompt(files, capsys):
    path, out = files / "table.csv", files / "new" / "folder"
    status, text, _ = at_prompt(
        capsys, "compare-imputers", path, "--drop", "who", "--folds", 3, "--out", out
    )
    assert status == 0
    assert "table.csv: 90 rows, 8 columns, " in text
    with open(out / "comparison_imputers.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    data = np.genfromtxt(path, delimiter=",", skip_header=1, usecols=range(8))
    wanted = compare_imputers(data, folds=3)
    assert [row["imputer"] for row in rows] == [row["imputer"] for row in wanted]
    for row, same in zip(rows, wanted, strict=True):
        assert_allclose(float(row["rmse"]), same["rmse"])
        assert f"{row['imputer']:<36}{same['rmse']:>10.4f}" in text
    assert all(len(line) < 80 for line in text.splitlines() if "Wrote" not in line)


def test_ratings_at_the_prompt(files, capsys):
    status, text, _ = at_prompt(
        capsys,
        *("compare-ratings", files / "ratings.csv", "--ids", "user,film"),
        *("--rating", "stars", "--n-components", 2, "--alpha", 1),
        *("--folds", 3, "--out", files),
    )
    assert status == 0
    assert "899 ratings of 30 x 20 ids (user x film)" in text
    assert "1 line without an id or a rating left out" in text
    with open(files / "comparison_ratings.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    errors = {row["model"]: float(row["rmse"]) for row in rows}
    # A film tells its rating to what is drawn from [0, 1).
    assert_allclose(
        errors["BiasedMFRegressor, biases alone"], np.sqrt(1 / 12), rtol=0.2
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("compare-imputers", "absent.csv"), "does not exist"),
        (("compare-imputers", "table.csv"), "hold no numbers: 'who'"),
        (("compare-imputers", "table.csv", "--drop", "x"), "no column 'x'"),
        (("compare-imputers", "table.csv", "--drop", "who", "--folds", 1), "n_splits"),
        (("compare-imputers", "--drop", "a"), "speaks of a table"),
        (("compare-ratings", "plain.tsv"), "line of column names"),
        (("compare-ratings", "ratings.csv", "--ids", "user"), "two columns"),
        (("compare-ratings", "ratings.csv", "--rating", "user", "--ids", "user,film"),
         "a third"),
        (("compare-ratings", "ratings.csv", "--rating", "film", "--ids", "user,stars"),
         "hold no numbers: 'film'"),
        (("compare-ratings", "ratings.csv", "--rating", "absent"), "no column"),
    ],
)  # fmt: skip
def test_bad_input_at_the_prompt(files, capsys, monkeypatch, arguments, text):
    monkeypatch.chdir(files)
    status, _, said = at_prompt(capsys, *arguments)
    assert status == 2
    assert text in " ".join(said.split())
    assert not list(files.glob("comparison*"))


def test_help_of_both_commands(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("compare-imputers", "compare-ratings"):
        with pytest.raises(SystemExit, match="0"):
            command_line.main([name, "--help"])
        out = capsys.readouterr().out
        assert "--folds" in out
        assert "example" in out
        assert max(map(len, out.splitlines())) <= 80
