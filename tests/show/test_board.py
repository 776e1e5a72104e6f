"""The verdict board counts claims and draws their evidence."""

import re

import pandas as pd
import pytest

from repro.show import board
from repro.show.board import by_source, claim_groups, counts_table, overview


def row(claim, evidence, verdict, **more):
    numbers = dict.fromkeys(
        ("estimate", "low", "high", "claimed_low", "claimed_high"), float("nan")
    )
    text = {"source": "liu_wang_2021", "scale": "toy", "reason": "because", "unit": "points"}
    known = {"claim": f"Claim {claim}.", "section": "4.1", "notebook": "01", "runs_needed": ""}
    known |= {"counted": "runs", "published_value": float("nan")}
    return {"id": claim, "evidence": evidence, "verdict": verdict} | numbers | text | known | more


@pytest.fixture
def rows():
    """a holds on one kind of evidence, b does not, c is open, d is given, e has no evidence."""
    return pd.DataFrame(
        [
            row("a", "published", "undecided", estimate=1.0, low=-1.0, high=3.0, claimed_low=0.0),
            row("a", "miniature", "holds", estimate=2.0, low=1.0, high=3.0, claimed_low=0.0),
            row("b", "published", "does not hold", estimate=-5.0, low=-6.0, high=-4.0),
            row("c", "miniature", "undecided"),
            row("d", "miniature", "true by construction"),
            row("e", None, "not testable here", notebook="", source="dodge_2020"),
        ]
    )


def draw(claim):
    return str(board.TEMPLATES.get_template("board.html").module.forest(board.forest(claim)))


def test_the_paragraph_counts_claims_and_evidence(rows):
    text = overview(rows)
    assert text.startswith("5 claims of 2 sources: **1 holds, 1 does not hold, 1 is undecided**")
    assert "1 could not have come out otherwise and 1 cannot be tested here" in text
    # d is given, so that it is not among those that might be decided
    assert "1 of 2 by the printed numbers" in text
    assert "1 of 2 by the miniature's runs (toy scale)" in text


def test_the_paragraph_turns_with_the_verdicts(rows):
    rows.loc[rows["id"] == "a", "verdict"] = ["does not hold", "holds"]
    assert "for 1 the kinds of evidence disagree" in overview(rows)
    assert overview(rows.head(0)) == "No claim was judged yet."


def test_each_source_is_counted(rows):
    assert by_source(rows) == [
        "**Liu & Wang 2021**, 4 claims: 1 hold, 1 do not, 1 undecided",
    ]
    frame = counts_table(rows).frame
    assert frame.loc[0].tolist() == ["Liu & Wang 2021", "printed numbers", "0", "1", "1", "0", "0"]


def test_decided_claims_stand_open_and_the_others_folded(rows):
    text = str(board.TEMPLATES.get_template("board.html").module.board(claim_groups(rows)))
    heads = re.findall(r"<details( open)?><summary>(\w+)[^<]*\((\d)\)", text)
    assert heads == [(" open", "Decided", "2"), ("", "Undecided", "1"), ("", "True", "2")]
    assert text.count('id="claim-a"') == 1
    assert 'href="#01-claims"' in text
    assert "(sec. 4.1)" in text


def places(svg):
    """Return the x of hollow diamonds, filled circles and of what is claimed."""
    hollow = [float(x) for x in re.findall(r'<polygon points="([\d.]+),', svg)]
    filled = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', svg)]
    return hollow, filled, re.findall(r'<rect x="([\d.]+)" width="([\d.]+)"', svg)


def test_a_forest_row_has_one_scale_for_all_its_evidence(rows):
    (hollow,), (filled,), [(left, width)] = places(draw(rows[rows["id"] == "a"]))
    assert float(left) < hollow < filled  # the bound 0, the estimates 1 and 2
    assert float(left) + float(width) == pytest.approx(240)  # all above 0 is claimed


def test_an_interval_longer_than_the_picture_ends_in_an_arrow(rows):
    claim = rows[rows["id"] == "b"]
    # the arrow's tip comes back to the line by two strokes
    assert "L" not in re.search(r'<path d="(M[^"]+)"', draw(claim))[1]
    long = claim.assign(low=-500.0, published_value=-4.0)
    assert "L" in re.search(r'<path d="(M[^"]+)" fill', draw(long))[1]


def test_without_an_estimate_nothing_is_drawn_and_it_is_said(rows):
    assert "no estimate" in draw(rows[rows["id"] == "e"])
