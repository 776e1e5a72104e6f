"""The claims of the initial study, judged on made-up runs whose answers are known."""

import pandas as pd
import pytest

from repro.chapters.initial.claims import initial_study_claims
from repro.show.claims import claims_in_words
from synthetic_study import make_study


@pytest.fixture
def study():
    return make_study()


@pytest.fixture
def claims_of(one_model):
    def hold(study, trials, model="tiny-electra"):
        return initial_study_claims(one_model(study, model, "electra-base", trials=trials))

    return hold


def shifted(study, *, validation, test):
    """The study with every score at 0.5, and HPO's moved by so much against grid search's."""
    trials = study.trials.copy()
    hpo = trials["method"] != "grid"
    for split, shift in (("validation", validation), ("test", test)):
        scored = trials[f"{split}_score"].notna()
        trials.loc[scored, f"{split}_score"] = 0.5
        trials.loc[scored & hpo, f"{split}_score"] = 0.5 + shift
    return study, trials


def test_every_claim_has_a_verdict(study, claims_of):
    claims = claims_of(study, study.trials)
    assert len(claims) == 8
    assert all(claim.claim and claim.paper and claim.here for claim in claims)
    assert all(claim.agrees in (True, False, None) for claim in claims)


def test_a_clear_difference_agrees_or_not_by_its_side(study, claims_of):
    # ELECTRA in the paper: HPO above grid search on validation, below on test, on average.
    up, down = (
        claims_of(*shifted(study, validation=v, test=t)) for v, t in ((0.1, -0.1), (-0.1, 0.1))
    )
    assert [row.agrees for row in up[:2]] == [True, True]
    assert [row.agrees for row in down[:2]] == [False, False]
    assert up[0].here == "+10.00 points"
    assert up[0].interval == "[+10.00, +10.00]"


def test_no_difference_is_undecided(study, claims_of):
    rows = claims_of(*shifted(study, validation=0.0, test=0.0))
    assert [row.agrees for row in rows[:2]] == [None, None]


def test_the_share_of_overfitting_runs_counts_runs(study, claims_of):
    study, trials = shifted(study, validation=0.1, test=-0.1)  # every scored run overfits
    row = claims_of(study, trials)[2]
    found, _, total = row.here.partition(" of ")
    assert found == total.split()[0]
    assert row.paper == "9 of 72 (12%)"
    assert row.agrees is False


def test_without_test_scores_nothing_is_claimed_about_test(study, claims_of):
    trials = study.trials.assign(test_score=float("nan"), last_test_score=float("nan"))
    rows = claims_of(study, trials)
    assert rows[1].here == "no scores"
    assert [rows[i].agrees for i in (1, 2, 5, 7)] == [None] * 4


def test_words_say_what_does_not_hold(study, claims_of):
    text = claims_in_words(
        claims_of(*shifted(study, validation=-0.1, test=0.1)), model="m", profile="mini"
    )
    assert text.startswith("With m, profile mini:")
    assert text.count("does **not** hold") >= 2


def test_only_the_models_own_runs_count(study, claims_of):
    other = study.trials["model"] != "tiny-electra"
    ruined = pd.concat([study.trials[~other], study.trials[other].assign(validation_score=0.0)])
    assert claims_of(study, ruined) == claims_of(study, study.trials)
