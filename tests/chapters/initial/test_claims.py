"""The claims of the initial study, judged on made-up runs whose answers are known."""

import pandas as pd
import pytest

from repro.chapters.initial.claims import claims_in_words, initial_study_claims
from repro.published import load_published, published_scores
from synthetic_study import make_study


def claims_of(runs, trials, model="tiny-electra", published_model="electra-base"):
    return initial_study_claims(
        runs,
        trials,
        model=model,
        published_model=published_model,
        published_scores=published_scores(published_model, tuned_only=True),
        published_counts=load_published("liu_wang_2021_table06"),
    )


@pytest.fixture
def study():
    return make_study()


def shifted(study, *, validation, test):
    """The study with every score at 0.5, and HPO's moved by so much against grid search's."""
    trials = study.trials.copy()
    hpo = trials["method"] != "grid"
    for split, shift in (("validation", validation), ("test", test)):
        scored = trials[f"{split}_score"].notna()
        trials.loc[scored, f"{split}_score"] = 0.5
        trials.loc[scored & hpo, f"{split}_score"] = 0.5 + shift
    return study.runs, trials


def test_every_claim_has_the_columns_of_the_table_and_a_verdict(study):
    rows = claims_of(study.runs, study.trials)
    assert len(rows) == 8
    assert all(set(row) == {"claim", "paper", "here", "interval", "agrees"} for row in rows)
    assert all(row["agrees"] in (True, False, None) for row in rows)


def test_a_clear_difference_agrees_or_not_by_its_side(study):
    # ELECTRA in the paper: HPO above grid search on validation, below on test, on average.
    up, down = (
        claims_of(*shifted(study, validation=v, test=t)) for v, t in ((0.1, -0.1), (-0.1, 0.1))
    )
    assert [row["agrees"] for row in up[:2]] == [True, True]
    assert [row["agrees"] for row in down[:2]] == [False, False]
    assert up[0]["here"] == "+10.00 points"
    assert up[0]["interval"] == "[+10.00, +10.00]"


def test_no_difference_is_undecided(study):
    rows = claims_of(*shifted(study, validation=0.0, test=0.0))
    assert [row["agrees"] for row in rows[:2]] == [None, None]


def test_the_share_of_overfitting_runs_counts_runs(study):
    runs, trials = shifted(study, validation=0.1, test=-0.1)  # every scored run overfits
    row = claims_of(runs, trials)[2]
    found, _, total = row["here"].partition(" of ")
    assert found == total.split()[0]
    assert row["paper"] == "9 of 72 (12%)"
    assert row["agrees"] is False


def test_without_test_scores_nothing_is_claimed_about_test(study):
    trials = study.trials.assign(test_score=float("nan"), last_test_score=float("nan"))
    rows = claims_of(study.runs, trials)
    assert rows[1]["here"] == "no scores"
    assert [rows[i]["agrees"] for i in (1, 2, 5, 7)] == [None] * 4


def test_words_say_what_does_not_hold(study):
    text = claims_in_words(
        claims_of(*shifted(study, validation=-0.1, test=0.1)), model="m", profile="mini"
    )
    assert text.startswith("With m, profile mini:")
    assert text.count("does **not** hold") >= 2


def test_only_the_models_own_runs_count(study):
    other = study.trials["model"] != "tiny-electra"
    ruined = pd.concat([study.trials[~other], study.trials[other].assign(validation_score=0.0)])
    assert claims_of(study.runs, ruined) == claims_of(study.runs, study.trials)
