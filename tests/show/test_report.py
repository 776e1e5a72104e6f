"""A report saves and shows; its files repeat byte for byte."""

import hashlib

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from repro.published import published_fingerprint
from repro.show.report import ITEMS, Report, read_items
from repro.show.table import Table
from repro.stats.decisions import above
from repro.stats.ledger import Answer
from repro.stats.rules import mean


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def table():
    return Table("table_x", "Scores & <more>.", pd.DataFrame({"a": ["<1>"], "b": ["2"]}))


@pytest.fixture
def report(tmp_path):
    return Report("01_study", "mini", note="Profile mini.", figures=tmp_path)


def draw():
    figure, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, 1], [0, 1], label="line")
    ax.set_ylabel("score (%)")
    return figure


def digests(folder):
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}


def test_a_figure_is_the_same_each_time(tmp_path):
    first, second = (Report("01", name, figures=tmp_path) for name in ("one", "two"))
    first.figure(draw(), "f", "Caption.")
    figure = draw()
    with plt.rc_context({"savefig.bbox": "tight", "pdf.fonttype": 3}):  # as in a notebook
        second.figure(figure, "f", "Caption.")
    assert digests(first.folder) == digests(second.folder)
    assert set(digests(first.folder)) == {"f.png", "f.pdf", ITEMS}


def test_a_figure_keeps_its_size_and_is_not_shown_by_itself_too(report):
    figure = draw()
    assert plt.fignum_exists(figure.number)
    report.figure(figure, "f", "")
    assert plt.imread(report.folder / "f.png").shape[:2] == (300, 400)  # 1.5 x 2 in at 200 dpi
    assert not plt.fignum_exists(figure.number)


def test_tables_and_figures_are_kept_in_the_order_of_showing(report, table, capsys):
    report.figure(draw(), "z", "A line.")
    report.table(table, finding="It rises.")
    z, x = read_items(report.folder)
    assert (z["name"], z["kind"], z["caption"]) == ("z", "figure", "A line.")
    assert (z["note"], z["place"]) == ("Profile mini.", "folded")
    assert (x["name"], x["kind"], x["finding"]) == ("table_x", "table", "It rises.")
    assert pd.read_csv(report.folder / "table_x.csv").shape == (1, 2)
    assert "Table object" in (out := capsys.readouterr().out) or "Table(" in out
    assert out.index("Markdown") < out.index("Table(")  # the finding stands above


def test_a_headline_is_an_item_and_a_place_must_be_known(report, table):
    report.headline("It gains -1 point.")
    assert read_items(report.folder)[0]["finding"] == "It gains −1 point."
    with pytest.raises(ValueError, match="unknown place 'middle'"):
        report.table(table, place="middle")


def test_a_new_report_leaves_nothing_of_the_one_before(report, table, tmp_path):
    report.table(table)
    (report.folder / "01_study.ipynb").write_text("{}")  # not an item: it stays
    again = Report("01_study", "mini", figures=tmp_path)
    assert {p.name for p in again.folder.iterdir()} == {ITEMS, "01_study.ipynb"}
    assert read_items(again.folder) == []


def test_a_name_cannot_leave_the_folder(report, tmp_path):
    with pytest.raises(ValueError, match="it becomes a file name"):
        report.figure(draw(), "../f", "")
    assert list(tmp_path.rglob("f.*")) == []


@pytest.mark.parametrize("text", ["{", "[1]", '{"kind": "film"}', '[{"name": "x"}]'])
def test_a_foreign_list_of_items_is_named(tmp_path, text):
    (tmp_path / ITEMS).write_text(text)
    with pytest.raises(ValueError, match=r"items\.json must be a report's list"):
        read_items(tmp_path)


def test_a_ledger_row_says_which_data_it_rests_on(report):
    estimate = mean({"rte": [1.0, 1.2, 1.1, 0.9, 1.0]}, above(), tasks="fixed")
    answers = [
        Answer("liu-hpo-often-fails", evidence, "toy", estimate)
        for evidence in ("published", "miniature")
    ]
    rows = [
        report.claims(answers, data=data).dropna(subset="evidence").set_index("evidence")["data"]
        for data in (["a", "b"], ["b", "a"], ["c"])
    ]
    own = [row["miniature"] for row in rows]
    assert own[0] == own[1] != own[2] and len(own[0]) == 16
    assert {row["published"] for row in rows} == {published_fingerprint()}
