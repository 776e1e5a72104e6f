"""The article's claims follow the intervals of the differences."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.strategies.analysis import strategy_scores
from repro.chapters.strategies.claims import spread_ratio, strategy_claims, strategy_differences


def test_differences_are_taken_within_a_repetition(frames):
    differences = strategy_differences(strategy_scores(*frames)).set_index("claim")
    # PBT's .66 and .67 against grid's .71 and .72
    rows = differences.loc["PBT beats grid search on validation"]
    assert rows["difference"].tolist() == pytest.approx([-0.05, -0.05])
    assert rows["mean"].tolist() == pytest.approx([-0.05, -0.05])
    assert len(differences) == 8  # four claims, two repetitions


def test_a_variant_is_held_against_its_method_on_the_side_that_the_article_takes(frames):
    runs, trials, evaluations = frames
    rows = {}
    for name, change in (("starts1", "hyperopt_asha"), ("best-seeds", "pbt")):
        parts = [t[t["method"] == change].assign(variant=name) for t in (runs, trials)]
        for part in parts:
            part["run_id"] = part["run_id"].str.replace("article", name)
        parts[1]["trial_id"] = parts[1]["trial_id"].str.replace("article", name)
        worse = parts[1].assign(validation_score=parts[1]["validation_score"] - 0.1)
        scores = strategy_scores(
            pd.concat([runs, parts[0]]), pd.concat([trials, worse]), evaluations
        )
        rows[name] = strategy_differences(scores).iloc[-1]
    assert rows["starts1"]["claim"] == "More random starts than 1 help Bayesian search"
    assert rows["starts1"]["difference"] == pytest.approx(0.1)  # the article's own is the better
    assert rows["best-seeds"]["claim"].startswith("Seeds first")
    assert rows["best-seeds"]["difference"] == pytest.approx(-0.1)


def test_claims_are_decided_by_their_intervals(frames):
    scores = strategy_scores(*frames)
    rows = strategy_claims(strategy_differences(scores), scores, frames[1])
    claims = {claim.claim: claim for claim in rows}
    # PBT's .65 is below grid's .7 and Hyperopt's .8 in both repetitions
    assert claims["PBT beats grid search on test"].agrees is False
    assert claims["PBT beats Bayesian search on validation"].agrees is False
    assert claims["PBT beats Bayesian search on validation"].here == "-15.00 points (n = 2)"
    reached = claims["PBT reaches grid search's score with fewer steps"]
    assert (reached.here, reached.agrees) == ("reached in 0 of 2 runs", None)
    # three configurations: one bootstrap draw in nine holds only one of them, with no spread
    assert claims["Hyperparameters move the score more than seeds do"].agrees is None


def test_without_scores_nothing_is_claimed(frames):
    runs, trials, evaluations = frames
    failed = trials.assign(validation_score=np.nan, test_score=np.nan, status="failed")
    scores = strategy_scores(runs, failed, evaluations.head(0))
    differences = strategy_differences(scores)
    assert differences["difference"].isna().all()
    assert {claim.agrees for claim in strategy_claims(differences, scores, failed)} == {None}


def test_the_spread_of_configurations_by_hand():
    # Means 1 and 5, variances 2 within: between them 8 - 2/2 = 7; sqrt(7/2).
    assert spread_ratio(np.array([[0.0, 2.0], [4.0, 6.0]])) == pytest.approx(np.sqrt(3.5))
    assert spread_ratio(np.array([[0.0, 2.0], [2.0, 0.0]])) == 0.0
    assert np.isnan(spread_ratio(np.array([[1.0, 1.0], [2.0, 2.0]])))
