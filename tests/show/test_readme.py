"""The README says what the reference's ledger says."""

import pandas as pd
import pytest

from repro.paths import FIGURES, ROOT
from repro.show.ledger import read_claims
from repro.show.readme import BEGIN, CLAIMS, END, outcomes, renew_readme
from repro.stats.ledger import load_claims


def row(claim, evidence, verdict):
    about = {"source": "liu_wang_2021", "scale": "toy", "claim": "It is -1.", "notebook": "01_a"}
    return {"id": claim, "evidence": evidence, "verdict": verdict} | about


@pytest.fixture
def rows():
    first, second = CLAIMS[:2]
    return pd.DataFrame(
        [
            row(first, "published", "undecided"),
            row(first, "miniature", "undecided"),
            row(second, "published", "holds"),
            row(second, "miniature", "does not hold"),
        ]
    )


def test_decided_claims_come_first_and_equal_verdicts_are_said_once(rows):
    table = outcomes(rows).splitlines()[4:]
    verdicts = "✓ holds (printed numbers)<br>✗ does not hold (miniature)"
    assert table[0] == f"| It is −1. | {verdicts} | [01](notebooks/01_a.ipynb) |"
    assert "? undecided (printed numbers, miniature)" in table[1]


def test_only_what_came_out_is_replaced(rows, tmp_path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{BEGIN}\nOUTDATED\n{END}\nafter\n")
    renew_readme(path, rows)
    text = path.read_text()
    assert text.startswith(f"before\n{BEGIN}\n2 claims of 1 source: ")
    assert "OUTDATED" not in text and text.endswith(f"{END}\nafter\n")
    once = text
    renew_readme(path, rows)
    assert path.read_text() == once


def test_a_readme_without_a_place_for_it_is_refused(rows, tmp_path):
    (tmp_path / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match="must hold the lines"):
        renew_readme(tmp_path / "README.md", rows)


def test_the_main_claims_exist():
    assert set(CLAIMS) <= set(load_claims()["id"])


def test_the_readme_says_what_the_reference_says():
    rows = read_claims(FIGURES / "reference/claims.json")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert text.split(BEGIN)[1].split(END)[0].strip() == outcomes(rows), "run `make reference`"
