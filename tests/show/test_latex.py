"""Tables are LaTeX that pdfLaTeX takes, where it is installed."""

import re
import shutil
import subprocess

import pandas as pd
import pytest

from repro.chapters.initial.claims import published_answers
from repro.chapters.procedure import rules
from repro.chapters.procedure.costs import published_costs
from repro.chapters.procedure.patterns import published_patterns
from repro.chapters.procedure.tables import (
    costs_table,
    patterns_table,
    replay_table,
    rounds_table,
    trace_table,
    uncertainty_table,
)
from repro.chapters.procedure.uncertainty import published_uncertainty
from repro.chapters.three_stage import analysis, tables
from repro.paths import FIGURES
from repro.published import load_published, published_rounds
from repro.show.ledger import chapter_rows, ledger_table
from repro.show.table import BLUE, BOLD, Mark, Table

DOCUMENT = r"""\documentclass{article}
\usepackage[utf8]{inputenc}\usepackage[T1]{fontenc}\usepackage[landscape,margin=1cm]{geometry}
\usepackage{booktabs}\usepackage{colortbl}\usepackage{xcolor}
\begin{document}
%s
\end{document}
"""


def with_every_symbol():
    heads = pd.MultiIndex.from_tuples([("", "a & b"), ("x_1", "50 %"), ("x_1", "{}")])
    cells = [["±×≥≤–→↓↑†<>−✓✗", "“quoted” ≈ σ", "-1.5"], ["~^\\#$", "95 %", "{ü}"]]
    frame = pd.DataFrame(cells, columns=heads)
    marks = pd.DataFrame([["m", BLUE, BOLD], ["", f"m {BOLD}", ""]], columns=heads)
    legend = {"m": Mark("light", "50 % & more")}
    return Table("symbols", "All → symbols, ≤ 5 % of them.", frame, marks, legend)


@pytest.fixture(scope="module")
def published():
    """The tables that are made of printed numbers alone."""
    verdicts = load_published("liu_wang_2021_table05")
    trace = rules.replay(published_rounds(), verdicts)
    judged = rules.judge_rounds(published_rounds(), rules.Rule(weak="tie"))
    printed = analysis.printed_accuracies(load_published("course_project_table01"))
    return [
        with_every_symbol(),
        replay_table(trace, verdicts),
        trace_table(trace.assign(steps=1.0, seconds=1.0), note=""),
        *(rounds_table(judged, model=model, note="As printed.") for model in rules.PAPER_LADDERS),
        patterns_table(published_patterns(), note="", name="patterns"),
        uncertainty_table(published_uncertainty(judged), note="", name="uncertainty"),
        costs_table(published_costs(trace), unit="days", note="", name="costs"),
        tables.printed_table(printed),
        ledger_table(chapter_rows(published_answers())),
    ]


def test_all_characters_are_those_that_latex_knows(published):
    for table in published:
        latex = table.to_latex()
        assert not re.search(r"[^\x00-\xff]", latex), table.name
        assert not re.search(r"(?<!\\)[&#](?=[^&]*\\caption)", latex.split(r"\caption")[-1])


def test_a_column_of_long_texts_is_wrapped():
    frame = pd.DataFrame([["short", "a text of some forty characters, or more", "1.0"]] * 2)
    frame.columns = ["a", "b", "c"]
    assert r"\begin{tabular}{llr}" in Table("t", "T.", frame).to_latex()
    frame.loc[1, "b"] += "."
    assert r"\begin{tabular}{lp{5cm}r}" in Table("t", "T.", frame).to_latex()


def compile_tables(tables, folder):
    document = DOCUMENT % "\n\\clearpage\n".join(tables)
    (folder / "all.tex").write_text(document, encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    done = subprocess.run(command, cwd=folder, capture_output=True, timeout=300)
    log = done.stdout.decode(errors="replace")
    assert done.returncode == 0, log[-1500:]
    return log


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_pdflatex_compiles_each_table(published, tmp_path):
    log = compile_tables([table.to_latex() for table in published], tmp_path)
    assert f"({len(published)} pages" in log


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="pdflatex is not installed")
def test_pdflatex_compiles_the_tables_of_runs_that_are_here(tmp_path):
    tables = [file.read_text(encoding="utf-8") for file in sorted(FIGURES.glob("*/*/*.tex"))]
    if not tables:
        pytest.skip("no notebook has been run in this folder")
    compile_tables(tables, tmp_path)
