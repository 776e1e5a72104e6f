"""Tables: no format is broken by its text, and marks keep their meaning."""

import io

import pandas as pd
import pytest

from repro.show.table import Mark, Table, number

NAN = float("nan")


@pytest.fixture
def small():
    frame = pd.DataFrame({"task_name": ["a|b & <c>", "d"], "score": ["-1.0 ± 0.2", "50%"]})
    marks = pd.DataFrame({"task_name": ["bold", ""], "score": ["up bold", ""]})
    legend = {"up": Mark("dark", "higher than grid")}
    return Table("t", "Scores, in % of 1_000.", frame, marks, legend, blocks="task_name")


def test_latex_shades_and_escapes(small):
    text = small.to_latex()
    assert r"\cellcolor" in text and r"\bfseries" in text
    assert r"$-$1.0 $\pm$ 0.2" in text
    assert r"a|b \& $<$c$>$" in text
    assert r"50\%" in text
    assert r"Scores, in \% of 1\_000. Dark grey: higher than grid." in text
    assert text.count("{") == text.count("}")
    assert text.count(r"\midrule") == 2  # under the head, and where the block changes


def test_html_shades_and_escapes(small):
    text = small._repr_html_()
    assert "a|b &amp; &lt;c&gt;" in text
    assert "background-color: #a6a6a6" in text
    assert "font-weight: bold" in text
    assert "<caption" in text and "<caption" not in small.to_html(caption=False)


def test_csv_holds_the_numbers_behind_the_cells(small):
    assert small.to_csv().startswith("task_name,score")
    numbers = Table("t", "c", small.frame, data=pd.DataFrame({"x": [0.1, NAN]}))
    assert pd.read_csv(io.StringIO(numbers.to_csv()))["x"].tolist()[0] == 0.1


def test_an_empty_table_can_be_written():
    table = Table("t", "Nothing.", pd.DataFrame(columns=["a", "b"], dtype="str"))
    for text in (table.to_latex(), table.to_html(), table.to_csv()):
        assert "a" in text


def test_a_table_is_made_of_its_data():
    data = pd.DataFrame({"task": ["rte", "wnli"], "n": [3, 1200], "gain": [-0.0001, NAN]})
    columns = {"task": ("task", str.upper), "n": ("n", ",d"), "gain": ("gain", "+.1f")}
    columns |= {"both": (["task", "n"], lambda task, n: f"{task}{n}")}
    table = Table.of(data, name="t", caption="c", columns=columns)
    assert table.frame.to_numpy().tolist() == [
        ["RTE", "3", "0.0", "rte3"],
        ["WNLI", "1,200", "–", "wnli1200"],
    ]
    assert table.data is data


def test_numbers_have_no_negative_zero():
    assert [number(v, ".1f") for v in (-0.04, 0.04, -0.06)] == ["0.0", "0.0", "-0.1"]
    assert number(-0.004, "+.2%") == "-0.40%" and number(NAN) == "–"
