"""The page shows what lies in the folders, and its links lead somewhere."""

import html.parser
import json

import matplotlib.pyplot as plt
import pandas as pd

from repro.show.ledger import collect_claims
from repro.show.page import write_page
from repro.show.reference import compare, renew
from repro.show.report import Report
from repro.show.table import Table
from repro.stats.decisions import above
from repro.stats.ledger import Answer
from repro.stats.rules import mean

TABLE = Table("table_x", "Scores & <more>.", pd.DataFrame({"a": ["<1>"], "b": ["2"]}))
VOID = {"meta", "img", "link"}


class Reader(html.parser.HTMLParser):
    """Collects links, images, identifiers and text, and checks that tags close."""

    def __init__(self):
        super().__init__()
        self.links, self.ids, self.text, self.open = [], [], "", []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        attributes = dict(attributes)
        self.links += [attributes[k] for k in ("href", "src") if k in attributes]
        self.ids += [attributes["id"]] if "id" in attributes else []

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    assert len(set(reader.ids)) == len(reader.ids)
    return reader


def draw():
    plt.switch_backend("agg")
    return plt.figure(figsize=(2, 1.5))


def test_the_page_lists_everything_and_every_link_leads_somewhere(tmp_path):
    study = Report("01_study", "mini", figures=tmp_path)
    study.table(TABLE)
    start = Report("00_start", "mini", figures=tmp_path)
    start.figure(draw(), "f", "Loss < 1 & score <script>alert()</script>.")
    start.table(TABLE)  # of the same name in another notebook
    (study.folder / "01_study.html").write_text("executed")
    page = read(write_page(tmp_path / "mini"))
    files = {link for link in page.links if not link.startswith("#")}
    assert files == {
        *(f"{folder}/table_x{s}" for folder in ("00_start", "01_study") for s in (".csv", ".tex")),
        *("00_start/f.png", "00_start/f.pdf", "01_study/01_study.html"),
    }
    assert all((tmp_path / "mini" / link).exists() for link in files)
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert "Loss < 1 & score <script>alert()</script>." in page.text
    assert "<script>alert" not in (tmp_path / "mini/index.html").read_text()
    assert "Scores & <more>." in page.text
    assert "Profile mini" in page.text
    assert page.text.index("00_start") < page.text.index("01_study")


def test_a_section_has_the_notebook_s_title_its_headline_and_leads_with_what_carries_it(tmp_path):
    report = Report("01_study", "mini", note="Profile mini.", figures=tmp_path)
    report.figure(draw(), "cost", "What it cost.")
    report.headline("HPO gains -0.5 points, **less** than 5 %.")
    report.figure(draw(), "gain", "What it gained.", place="lead", finding="It gained 1 point.")
    cells = [{"cell_type": "markdown", "source": ["# Does it help?\n", "text"]}]
    (report.folder / "01_study.ipynb").write_text(json.dumps({"cells": cells}))
    page = write_page(tmp_path / "mini")
    text, source = read(page).text, page.read_text()
    assert "Does it help?" in text
    assert text.count("HPO gains −0.5 points, less than 5%.") == 2  # among all answers, and here
    assert source.index('href="#01_study"') < source.index('<section id="verdicts">')
    assert text.index("It gained 1 point.") < text.index("1 more tables and figures")
    assert text.index("1 more tables and figures") < text.index("What it cost.")
    assert source.count("Profile mini.") == 1  # once a section, not under every figure


def test_what_belongs_at_the_top_is_shown_there_and_not_again(tmp_path):
    report = Report("01_study", "mini", figures=tmp_path)
    report.figure(draw(), "quadrant", "All runs.", place="top")
    page = write_page(tmp_path / "mini").read_text()
    assert page.count('id="01_study-quadrant"') == 1
    assert page.index("01_study-quadrant") < page.index('<section id="01_study">')


def test_the_page_is_the_same_each_time_and_follows_what_is_there(tmp_path):
    Report("01_study", "mini", figures=tmp_path).table(TABLE)
    first = write_page(tmp_path / "mini").read_bytes()
    assert write_page(tmp_path / "mini").read_bytes() == first
    Report("01_study", "mini", figures=tmp_path)
    emptied = write_page(tmp_path / "mini").read_text()
    assert "Scores & <more>" not in emptied and "has shown nothing" in emptied


def test_a_picture_that_is_gone_is_said_to_be(tmp_path):
    report = Report("01_study", "mini", figures=tmp_path)
    report.figure(draw(), "f", "A line.")
    (report.folder / "f.png").unlink()
    page = read(write_page(tmp_path / "mini"))
    assert "The picture f.png is missing" in page.text
    assert "01_study/f.png" not in page.links


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path):
    text = read(write_page(tmp_path)).text
    assert "Nothing was made yet" in text and "No claim was judged yet" in text


def test_the_verdicts_come_first_and_link_to_their_evidence(tmp_path):
    values = {"rte": [0.1, 0.2, 0.1, 0.05, 0.15], "mrpc": [0.1, 0.11, 0.1, 0.12, 0.1]}
    report = Report("01_study", "mini", figures=tmp_path)
    estimate = mean(values, above(), tasks="fixed")
    report.claims([Answer("liu-early-stopping-validation", "miniature", "toy", estimate)])
    collect_claims(tmp_path / "mini")
    page = read(write_page(tmp_path / "mini"))
    assert "1 holds, 0 do not hold" in page.text
    assert "#01_study-claims" in page.links and "01_study-claims" in page.ids
    assert "claim-liu-early-stopping-validation" in page.ids


def test_what_differs_from_the_reference_is_said_and_listed(tmp_path):
    Report("01_study", "mini", figures=tmp_path).table(TABLE)
    renew(tmp_path / "mini", tmp_path / "reference")
    (tmp_path / "mini/01_study/table_x.csv").write_text("a,b\n<1>,3\n")
    comparison = compare(tmp_path / "mini", tmp_path / "reference")
    page = read(write_page(tmp_path / "mini", comparison))
    assert "1 difference, listed on the page" in page.text
    assert "01_study" in page.text and "table_x" in page.text
