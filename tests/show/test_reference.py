"""A run's tables against the reference: equal numbers are counted, unequal ones listed."""

import pandas as pd
import pytest

from repro.show.reference import compare, renew


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "mini" / "01_study"
    folder.mkdir(parents=True)
    table = pd.DataFrame({"task": ["rte", "cola"], "score": [0.5, None], "seconds": [1.0, 2.0]})
    table.to_csv(folder / "scores.csv", index=False)
    (folder / "picture.png").write_bytes(b"png")
    (folder / "picture.pdf").write_bytes(b"pdf")
    renew(tmp_path / "mini", tmp_path / "reference")
    return tmp_path


def change(run, **columns):
    path = run / "mini/01_study/scores.csv"
    pd.read_csv(path).assign(**columns).to_csv(path, index=False)
    return compare(run / "mini", run / "reference")


def test_the_reference_holds_tables_and_pictures_in_one_format_each(run):
    names = {p.name for p in (run / "reference/01_study").iterdir()}
    assert names == {"scores.csv", "picture.png"}


def test_an_equal_run_is_said_to_be_equal(run):
    comparison = compare(run / "mini", run / "reference")
    # one score; the other is missing, and times are not compared
    assert comparison.sentence() == (
        "1 number of 1 table compared with the reference: all equal within 1e-06"
    )


def test_times_and_last_digits_may_differ(run):
    assert change(run, score=[0.5 + 1e-8, None], seconds=[7.0, 8.0]).differences.empty


@pytest.mark.parametrize(
    ("columns", "where", "here"),
    [
        ({"score": [0.6, None]}, ("0", "score"), "0.6"),
        ({"score": [0.5, 0.1]}, ("1", "score"), "0.1"),
        ({"task": ["rte", "mrpc"]}, ("1", "task"), "mrpc"),
        ({"more": [1, 2]}, ("", ""), "2 rows of task, score, seconds, more"),
    ],
)
def test_what_differs_is_listed_with_its_place(run, columns, where, here):
    comparison = change(run, **columns)
    (row,) = comparison.differences.to_dict("records")
    assert (row["notebook"], row["table"]) == ("01_study", "scores")
    assert (row["row"], row["column"], row["here"]) == (*where, here)
    assert "1 difference" in comparison.sentence()
    assert here in comparison.table().to_html()


def test_a_missing_table_differs_but_a_notebook_that_was_not_run_does_not(run):
    (run / "mini/01_study/scores.csv").unlink()
    (row,) = compare(run / "mini", run / "reference").differences.to_dict("records")
    assert row["here"] == "no table"
    nothing = compare(run / "elsewhere", run / "reference")
    assert nothing.n_tables == 0
    assert nothing.sentence().startswith("nothing was compared")


def test_an_empty_run_renews_nothing(run, tmp_path):
    with pytest.raises(FileNotFoundError, match="run `make reproduce` first"):
        renew(tmp_path / "nothing", run / "reference")
    assert (run / "reference/01_study/scores.csv").is_file()
