"""The page shows what lies in the folders, and its links lead somewhere."""

import html.parser

import matplotlib.pyplot as plt
import pandas as pd

from repro.show.page import write_page
from repro.show.reference import compare, renew
from repro.show.report import Report
from repro.show.table import Table

TABLE = Table("table_x", "Scores & <more>.", pd.DataFrame({"a": ["<1>"], "b": ["2"]}))
VOID = {"meta", "img"}


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
    assert "Loss < 1 & score <script>alert()</script>." in page.text
    assert "<script>" not in (tmp_path / "mini/index.html").read_text()
    assert "Scores & <more>." in page.text
    assert "profile mini" in page.text
    assert page.text.index("00_start") < page.text.index("01_study")


def test_the_page_is_the_same_each_time_and_follows_what_is_there(tmp_path):
    Report("01_study", "mini", figures=tmp_path).table(TABLE)
    first = write_page(tmp_path / "mini").read_bytes()
    assert write_page(tmp_path / "mini").read_bytes() == first
    Report("01_study", "mini", figures=tmp_path)
    assert "01_study" not in write_page(tmp_path / "mini").read_text()


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path):
    assert "Nothing was made yet" in read(write_page(tmp_path)).text


def test_what_differs_from_the_reference_is_said_and_listed(tmp_path):
    Report("01_study", "mini", figures=tmp_path).table(TABLE)
    renew(tmp_path / "mini", tmp_path / "reference")
    (tmp_path / "mini/01_study/table_x.csv").write_text("a,b\n<1>,3\n")
    comparison = compare(tmp_path / "mini", tmp_path / "reference")
    page = read(write_page(tmp_path / "mini", comparison))
    assert page.text.count("1 difference, listed on the page") == 2
    assert "01_study" in page.text and "table_x" in page.text
