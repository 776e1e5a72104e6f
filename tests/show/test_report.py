"""Saved files repeat byte for byte, and the page shows what lies in the folders."""

import hashlib
import html.parser
import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from repro.show.report import save_figure, save_table, write_index
from repro.show.table import Table


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def table():
    return Table("table_x", "Scores & <more>.", pd.DataFrame({"a": ["<1>"], "b": ["2"]}))


def draw():
    figure, ax = plt.subplots(figsize=(2, 1.5))
    ax.plot([0, 1], [0, 1], label="line")
    ax.set_ylabel("score (%)")
    return figure


def digests(paths):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]


def test_a_figure_is_the_same_each_time(tmp_path):
    first = save_figure(draw(), tmp_path / "one", "f", "Caption.")
    figure = draw()
    with plt.rc_context({"savefig.bbox": "tight", "pdf.fonttype": 3}):  # as in a notebook
        second = save_figure(figure, tmp_path / "two", "f", "Caption.")
    assert digests(first) == digests(second)
    assert [path.suffix for path in first] == [".png", ".pdf", ".json"]


def test_a_figure_keeps_its_size(tmp_path):
    png = save_figure(draw(), tmp_path, "f", "")[0]
    assert plt.imread(png).shape[:2] == (300, 400)  # 1.5 x 2 inches at 200 dpi


def test_a_saved_figure_is_not_shown_by_itself_too(tmp_path):
    figure = draw()
    assert plt.fignum_exists(figure.number)
    save_figure(figure, tmp_path, "f", "")
    assert not plt.fignum_exists(figure.number)


def test_a_table_is_written_in_three_formats(tmp_path, table):
    paths = save_table(table, tmp_path / "new" / "folder")
    assert [p.name for p in paths] == [f"table_x{s}" for s in (".csv", ".md", ".tex", ".json")]
    assert digests(paths) == digests(save_table(table, tmp_path / "new" / "folder"))
    assert pd.read_csv(paths[0]).shape == (1, 2)
    assert json.loads(paths[-1].read_text())["kind"] == "table"


def test_a_name_cannot_leave_the_folder(tmp_path):
    with pytest.raises(ValueError, match="it becomes a file name"):
        save_figure(draw(), tmp_path, "../f", "")
    assert list(tmp_path.iterdir()) == []


class Reader(html.parser.HTMLParser):
    """Collects links, images and text, and checks that tags close."""

    def __init__(self):
        super().__init__()
        self.links, self.text, self.open = [], "", []

    def handle_starttag(self, tag, attributes):
        if tag not in ("meta", "img"):
            self.open.append(tag)
        attributes = dict(attributes)
        self.links += [attributes[k] for k in ("href", "src") if k in attributes]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def read(path):
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


def test_the_page_lists_everything_and_every_link_leads_somewhere(tmp_path, table):
    root = tmp_path / "mini"
    save_table(table, root / "01_study")
    save_figure(draw(), root / "00_start", "f", "Loss < 1 & score <script>alert()</script>.")
    (root / "01_study.html").write_text("executed")
    (root / "01_study.ipynb").write_text("{}")
    page = read(write_index(root))
    files = {link for link in page.links if not link.startswith("#")}
    assert files == {
        *(f"01_study/table_x{s}" for s in (".csv", ".md", ".tex")),
        *("00_start/f.png", "00_start/f.pdf", "01_study.html", "01_study.ipynb"),
    }
    assert all((root / link).exists() for link in files)
    assert "Loss < 1 & score <script>alert()</script>." in page.text
    assert "<script>" not in (root / "index.html").read_text()
    assert "Scores & <more>." in page.text
    assert "profile mini" in page.text
    assert page.text.index("00_start") < page.text.index("01_study")


def test_the_page_is_the_same_each_time_and_follows_what_is_there(tmp_path, table):
    save_table(table, tmp_path / "01_study")
    first = write_index(tmp_path).read_bytes()
    assert write_index(tmp_path).read_bytes() == first
    for path in (tmp_path / "01_study").glob("table_x.*"):
        path.unlink()
    assert "01_study" not in write_index(tmp_path).read_text()


def test_notebooks_may_lie_in_their_folder(tmp_path, table):
    save_table(table, tmp_path / "01_study")
    (tmp_path / "01_study" / "01_study.html").write_text("executed")
    assert "01_study/01_study.html" in read(write_index(tmp_path)).links


def test_an_empty_folder_gives_a_page_that_says_so(tmp_path):
    assert "Nothing was made yet" in read(write_index(tmp_path)).text


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"kind": "film", "caption": ""}', '{"kind": "table"}']
)
def test_a_foreign_record_is_named(tmp_path, text):
    (tmp_path / "01").mkdir()
    (tmp_path / "01" / "x.json").write_text(text)
    with pytest.raises(ValueError, match=r"x\.json must be a record of save_table"):
        write_index(tmp_path)
