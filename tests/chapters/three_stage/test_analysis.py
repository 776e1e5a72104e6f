"""The analysis of the course project: hand-worked numbers, properties, degenerate inputs."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from project_stages import study
from repro.chapters.three_stage import analysis
from repro.published import load_published
from repro.tuning.spaces import LogUniform, SearchSpace

PUBLISHED = load_published("course_project_table01")


def test_the_printed_accuracies_are_347_350_and_348_right_of_408():
    printed = analysis.printed_accuracies(PUBLISHED).set_index("method")
    assert printed["n_right"].to_dict() == {"baseline": 347, "manual": 350, "automatic": 348}
    # Wilson by hand for 347 of 408: (p + z²/2n ± z sqrt(p q / n + z²/4n²)) / (1 + z²/n)
    p, n, z = 347 / 408, 408, 1.959964
    half = z * math.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    row = printed.loc["baseline"]
    assert (row["low"], row["high"]) == pytest.approx((middle - half, middle + half), abs=1e-6)


def test_an_accuracy_of_no_whole_number_is_refused():
    odd = pd.DataFrame({"method": ["a"], "score": [85.1]})
    with pytest.raises(ValueError, match="whole number of 408 examples, but 0.85100 is not"):
        analysis.printed_accuracies(odd)


def test_the_chance_of_a_gap_by_hand():
    # two examples, always just one model right: differences -2, 0, 2 with 1/4, 1/2, 1/4
    assert analysis.chance_of_gap(2, n=2, disagreement=1.0) == pytest.approx(0.5)
    # one example: 1/10 for either side
    assert analysis.chance_of_gap(1, n=1, disagreement=0.2) == pytest.approx(0.2)
    assert analysis.chance_of_gap(1, n=50, disagreement=0.0) == 0.0
    assert analysis.chance_of_gap(0, n=50, disagreement=0.3) == pytest.approx(1.0)


def test_independent_models_differ_as_two_binomials_do():
    n, p = 60, 0.85
    pmf = binom.pmf(np.arange(n + 1), n, p)
    gaps = np.abs(np.arange(n + 1)[:, None] - np.arange(n + 1))
    expected = np.outer(pmf, pmf)[gaps >= 3].sum()
    found = analysis.chance_of_gap(3, n=n, disagreement=2 * p * (1 - p))
    assert found == pytest.approx(expected)


def test_a_larger_gap_is_rarer_and_more_disagreement_makes_it_commoner():
    chances = [analysis.chance_of_gap(gap, n=408, disagreement=0.1) for gap in (1, 3, 10, 30)]
    assert chances == sorted(chances, reverse=True)
    chances = [analysis.chance_of_gap(3, n=408, disagreement=d) for d in (0.01, 0.1, 0.5)]
    assert chances == sorted(chances)


def test_mean_disagreement_by_hand():
    # right: a 1 1 0 0, b 1 0 1 0, c 1 1 0 0: pairs ab 2/4, bc 2/4, ac 0: mean 1/3
    labels = pd.Series([1, 1, 1, 1])
    answers = pd.DataFrame({"a": [1, 1, 0, 0], "b": [1, 0, 1, 0], "c": [1, 1, 0, 0]})
    assert analysis.mean_disagreement(answers, labels) == pytest.approx(1 / 3)
    assert np.isnan(analysis.mean_disagreement(answers[["a"]], labels))
    assert np.isnan(analysis.mean_disagreement(answers[[]], labels))


def test_printed_gaps_are_held_against_three_shares_of_disagreement():
    # of 100 examples the two twins disagree on 20; the third column is not the baseline's
    twins = {f"m/mrpc/seeds/final-baseline/rep1/trial000{i}": [1] * 100 for i in (0, 1)}
    twins["m/mrpc/seeds/final-baseline/rep1/trial0001"] = [0] * 20 + [1] * 80
    predictions = pd.DataFrame(twins | {"m/mrpc/seeds/final-cold/rep1/trial0000": 0})
    predictions = predictions.assign(split="validation", label=1)
    test = predictions.assign(split="test", label=0)
    printed = analysis.printed_accuracies(PUBLISHED)
    gaps = analysis.printed_gaps(printed, pd.concat([predictions, test]))
    assert gaps["gap"].tolist() == [3] * 3 + [1] * 3 + [2] * 3
    p = (347 + 350 + 348) / 3 / 408
    shares = gaps["disagreement"].iloc[:3].tolist()
    assert shares == pytest.approx([0.05, 0.2, 2 * p * (1 - p)])
    expected = analysis.chance_of_gap(3, n=408, disagreement=0.2)
    assert gaps["chance"].iloc[1] == expected


def test_a_text_is_cut_that_is_longer_than_the_length():
    cut = analysis.cut_texts([10, 20, 30, 40], (20, 40))["training texts cut"]
    assert cut.to_dict() == {"at most 20 tokens": "50%", "at most 40 tokens": "0%"}


def test_the_best_trial_is_that_of_the_first_repetition():
    # repetition 2 scores more; in the first the cold sweep's second trial has .85
    assert analysis.best_trial(study()).endswith("/cold-/rep1/trial0001")


def test_sweep_curves_rise_and_count_trials():
    curves = analysis.sweep_curves(study())
    cold = curves[(curves["stage"] == "cold") & (curves["repetition"] == 1)]
    assert cold["spent"].tolist() == [1, 2, 3]
    assert cold["incumbent_score"].tolist() == [0.7, 0.85, 0.85]
    assert set(curves["stage"]) == {"cold", "warm"}
    shuffled = study().sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(curves, analysis.sweep_curves(shuffled))


def test_final_pairs_by_hand():
    trials = study()
    pairs = analysis.final_pairs(trials, "manual", "baseline")
    assert pairs["difference"].tolist() == pytest.approx([0.01] * 4)  # two seeds, two splits


def test_scores_of_searches_are_centred_by_repetition():
    rows = analysis.search_trials(study())
    assert set(rows["stage"]) == {"manual", "cold", "warm"}
    # repetition 2 scores .02 more throughout
    first, second = (rows.loc[rows["repetition"] == r, "centred"].tolist() for r in (1, 2))
    assert first == pytest.approx(second)
    assert sum(first) == pytest.approx(0)


def test_edges_are_told_of_each_search():
    space = SearchSpace("s", "f", {"learning_rate": LogUniform(1e-3, 1e-1)}, {})
    edges = analysis.search_edges(analysis.search_trials(study()), space)
    assert edges["search"].tolist() == ["manual grid", "cold sweep", "warm sweep"]
    # 2e-3 of 1e-3 to 1e-1: log10(2) / 2
    assert edges["position"].tolist() == pytest.approx([math.log10(2) / 2] * 2 + [0])


def test_a_final_trial_that_failed_is_counted_and_leaves_its_pair():
    trials = study(final={"warm": (np.nan, 0.9)})
    final = analysis.final_scores(trials).set_index(["configuration", "split"])
    row = final.loc["warm", "validation"]
    assert (row["mean"], row["n"], row["n_missing"]) == (0.9, 1, 1) and np.isnan(row["low"])
    pairs = analysis.final_pairs(trials, "warm", "cold")
    assert pairs["difference"].isna().sum() == 2


def test_final_scores_say_for_which_score_they_were_chosen():
    selected = analysis.final_scores(study()).set_index("configuration")["selected"]
    # the best of the first repetition
    assert selected[["manual", "cold", "warm"]].unique().tolist() == [0.82, 0.85, 0.83]
    assert selected[["baseline", "printed-manual"]].isna().all()


def test_a_surface_finds_the_parabola_that_made_the_scores():
    rng = np.random.default_rng(0)
    rate, steps = 10 ** rng.uniform(-5, -3, 60), rng.integers(0, 30, 60)
    score = 0.8 - 0.02 * (np.log10(rate) + 4) ** 2 - 1e-4 * (steps - 12) ** 2
    searches = pd.DataFrame({"learning_rate": rate, "warmup_steps": steps})
    searches = searches.assign(validation_score=score, centred=score - score.mean())
    surface = analysis.response_surface(searches)
    best = surface.loc[surface["score"].idxmax()]
    assert np.log10(best["learning_rate"]) == pytest.approx(-4, abs=0.1)
    assert best["warmup_steps"] == pytest.approx(12, abs=2)
    assert analysis.response_surface(searches.head(5)).empty
