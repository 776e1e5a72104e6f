"""The ledger: every claim decided once an evidence, or said why not."""

from dataclasses import replace

import pandas as pd
import pytest

from repro.stats.decisions import VERDICTS, above
from repro.stats.ledger import Answer, judge, load_claims
from repro.stats.rules import from_error, undecidable


def claim(name, source="paper", by_construction=""):
    row = {"id": name, "source": source, "unit": "points", "by_construction": by_construction}
    return row | {"published_value": 1.0}


@pytest.fixture
def claims():
    rows = [claim("better"), claim("larger"), claim("never-falls", by_construction="it cannot")]
    return pd.DataFrame([*rows, claim("faster", "article")]).set_index("id", drop=False)


def estimate(value):
    return from_error(value, 1.0, above(), n=10, units="runs", df=9)


def answer(name, value=3.0, **settings):
    settings = {"evidence": "miniature", "scale": "toy"} | settings
    return Answer(name, estimate=estimate(value), **settings)


def test_every_claim_has_a_row_in_the_order_of_the_list(claims):
    table = judge([answer("faster"), answer("better")], claims)
    assert table["id"].tolist() == ["better", "larger", "never-falls", "faster"]
    assert table["verdict"].tolist() == [
        "holds",
        "not testable here",
        "true by construction",
        "holds",
    ]
    assert set(table["verdict"]) <= set(VERDICTS)
    assert table["unit"].tolist()[0] == "points" and table["counted"].tolist()[0] == "runs"


def test_p_values_are_corrected_for_the_open_claims_of_a_source(claims):
    # the paper has two claims that may come out either way, the article one
    table = judge([answer("better"), answer("faster")], claims).set_index("id")
    alone = estimate(3.0).p
    assert table.loc["better", "p_corrected"] == pytest.approx(2 * alone)
    assert table.loc["faster", "p_corrected"] == pytest.approx(alone)


def test_one_evidence_does_not_change_the_verdicts_of_another(claims):
    own = [answer("better", v, evidence="own run", scale="full") for v in (3.0,)]
    before = judge([answer("better")], claims)
    after = judge([*own, answer("better")], claims)
    assert after["evidence"].tolist()[:2] == ["miniature", "own run"]
    pd.testing.assert_series_equal(after.iloc[0], before.iloc[0], check_names=False)


def test_an_undecided_claim_says_how_many_runs_would_decide_it(claims):
    unclear = Answer("larger", "miniature", "toy", undecidable("no runs", above()))
    table = judge([answer("better", 1.0), unclear], claims).set_index("id")
    assert table.loc["better", "verdict"] == "undecided"
    assert table.loc["better", "runs_needed"] > 50
    assert table.loc["larger", "reason"] == "no runs"
    assert table.loc["larger", "runs_needed"] == "unknown: no runs"


def test_none_are_needed_is_not_said_of_what_a_more_careful_test_left_open(claims):
    doubted = replace(estimate(9.0), p_for=0.2)
    table = judge([answer("better"), Answer("larger", "miniature", "toy", doubted)], claims)
    row = table.set_index("id").loc["larger"]
    assert row["verdict"] == "undecided"
    assert row["runs_needed"].startswith("unknown: one of its two tests has decided")


def test_what_is_by_construction_here_only_is_said_so(claims):
    reason = "its rounds share their trials"
    given = answer("better", evidence="miniature", by_construction=reason)
    table = judge([given, answer("better", evidence="published", scale="full")], claims)
    assert table["verdict"].tolist()[:2] == ["holds", "true by construction"]
    assert table["reason"].tolist()[1] == reason


def test_bad_answers_are_refused(claims):
    with pytest.raises(ValueError, match="unknown claim 'bettter'.*did you mean 'better'"):
        judge([answer("bettter")], claims)
    with pytest.raises(ValueError, match="one answer an evidence, but 'better' has several"):
        judge([answer("better"), answer("better", 1.0)], claims)
    with pytest.raises(ValueError, match="unknown evidence 'mini'"):
        answer("better", evidence="mini")
    with pytest.raises(ValueError, match="unknown scale 'large'"):
        answer("better", scale="large")


def test_without_any_answer_the_ledger_lists_all_claims():
    table, claims = judge([]), load_claims()
    assert table["id"].tolist() == claims["id"].tolist()
    assert set(table["verdict"]) == {"not testable here", "true by construction"}


def test_a_claim_that_is_listed_twice_is_refused(tmp_path, monkeypatch):
    (tmp_path / "published").mkdir()
    pd.DataFrame([claim("better"), claim("better")]).to_csv(
        tmp_path / "published/claims.csv", index=False
    )
    monkeypatch.setenv("REPRO_DATA", str(tmp_path))
    with pytest.raises(ValueError, match="listed once, but 'better' is there again"):
        load_claims()
