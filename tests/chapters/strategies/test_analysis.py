"""What is computed of strategies, on frames made by hand."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.strategies.analysis import (
    article_bands,
    best_lineage,
    compare_replay,
    exchange_costs,
    kind_and_number,
    lineage,
    strategy_differences,
    strategy_scores,
    summarise_strategies,
    timeline,
    utilisation,
    warmups,
)
from repro.records import make_table


def test_costs_are_of_whole_runs_and_what_matching_grid_search_saved_by_hand(frames):
    scores = strategy_scores(*frames)
    assert scores["steps_spent"].tolist() == [30] * 6
    saved = scores.set_index(["method", "repetition"])["saved"]
    # grid has its .71 at step 20 of 30; Hyperopt passes it in its third trial, step 30; PBT never
    assert saved["hyperopt_asha", 1] == pytest.approx((20 - 30) / 30)
    assert np.isnan(saved["pbt", 1]) and np.isnan(saved["grid", 1])
    runs, trials, evaluations = frames
    early = trials.assign(trial=trials["trial"].map({0: 1, 1: 2, 2: 0}))
    # now its best trial comes first, grid's last: 10 steps for 30, of 30
    saved = strategy_scores(runs, early, evaluations).set_index(["method", "repetition"])["saved"]
    assert saved["hyperopt_asha", 1] == pytest.approx(2 / 3)


def test_differences_are_taken_within_a_repetition(frames):
    scores = strategy_scores(*frames)
    differences = strategy_differences(scores).set_index("comparison")
    # PBT's .66 and .67 against grid's .71 and .72
    rows = differences.loc["PBT over grid search, validation"]
    assert rows["difference"].tolist() == pytest.approx([-0.05, -0.05])
    assert rows["mean"].tolist() == pytest.approx([-0.05, -0.05])
    assert len(differences) == 8  # four comparisons, two repetitions
    lower = scores.assign(validation_score=scores["validation_score"] - [0.1, 0.12] * 3)
    for method, variant, sign in (("hyperopt_asha", "starts1", 1), ("pbt", "best-seeds", -1)):
        tried = lower[lower["method"] == method].assign(variant=variant)
        row = strategy_differences(pd.concat([scores, tried])).iloc[-1]
        # t(1, .975) = 12.71: .11 and .01 / sqrt(2) * sqrt(2)
        assert row["mean"] == pytest.approx(sign * 0.11)
        assert row["high"] - row["mean"] == pytest.approx(12.706 * 0.01, rel=1e-3)


def test_strategies_are_averaged_over_repetitions(frames):
    table = summarise_strategies(strategy_scores(*frames)).set_index("method")
    # the best of each are .71 and .72, .81 and .82, .66 and .67; tests .1 lower
    assert table["validation_mean"].tolist() == pytest.approx([0.715, 0.815, 0.665])
    assert table.loc["grid", "test_mean"] == pytest.approx(0.615)
    assert table.loc["pbt", ["n_reached", "n_runs", "n_trials"]].tolist() == [0, 2, 3]
    assert table["validation_sd"].tolist() == pytest.approx([0.01 / np.sqrt(2)] * 3)


def test_bands_are_of_the_articles_strategies(frames):
    _, trials, evaluations = frames
    last = article_bands(trials, evaluations).groupby("method")[["spent", "mean"]].last()
    assert last["spent"].tolist() == [30] * 3
    assert last["mean"].tolist() == pytest.approx([0.715, 0.815, 0.665])


def test_the_lineage_follows_the_checkpoints(frames, segments):
    table = lineage(frames[1], segments, "m/rte/pbt/article/rep1/trial0002")
    assert table["trial_id"].str[-1].tolist() == ["0", "2"]
    assert table["member"].tolist() == [0, 1]
    assert table["learning_rate"].tolist() == pytest.approx([1e-4, 3e-4])


def test_the_best_population_is_that_of_the_highest_score(frames, segments):
    runs, trials, evaluations = frames
    first = trials["repetition"] == 1  # repetition 2 has no segments here, and is to be worse
    trials = trials.assign(validation_score=trials["validation_score"].where(first, 0.1))
    scores = strategy_scores(runs, trials, evaluations)
    population, schedule = best_lineage(scores, trials, segments)
    assert len(population) == 3
    assert schedule["trial_id"].str[-1].tolist() == ["0", "2"]


def test_a_replay_is_the_same_only_to_the_last_digit(frames, segments):
    schedule = lineage(frames[1], segments, "m/rte/pbt/article/rep1/trial0002")

    class Result:
        def __init__(self, score):
            self.last = None if score is None else self
            self.score = score

    first, second = schedule["last_validation_score"]
    replay = compare_replay(schedule, [Result(first), Result(second + 1e-12)])
    assert replay["same"].tolist() == [True, False]
    assert not compare_replay(schedule, [Result(None)] * 2)["same"].any()


def test_exchange_costs_by_hand(frames, segments):
    row = exchange_costs(segments, frames[1]).iloc[0]
    # three segments of a run, .05 of 1 s of training each
    names = ["n_segments", "seconds", "seconds_share", "seconds_low", "seconds_high"]
    assert row[names].tolist() == pytest.approx([3, 0.05, 0.05, 0.05, 0.05])


def test_warmups_that_never_end_are_counted_by_hand(frames):
    _, trials, _ = frames
    # ten steps an epoch, three epochs planned: a warm-up of 30 steps or more never ends
    trials = trials.assign(warmup_steps=trials["trial"].map({0: 29, 1: 30, 2: 31}))
    trials.loc[trials["trial"] == 2, "status"] = "stopped"
    table = warmups(trials)
    assert table["never_peaks"].tolist() == [False, True]
    assert table["n_trials"].tolist() == [2, 4] and table["n_completed"].tolist() == [2, 2]
    assert table["share"].tolist() == pytest.approx([1 / 3, 2 / 3])
    assert table["mean"].tolist() == pytest.approx([0.615, 0.415])


def test_lanes_and_utilisation_by_hand(trial):
    # Two overlap from 1 to 2; the third comes 100 s later, of which 10 are kept.
    rows = [trial("grid", 1, n, 0.5, started_at=at) for n, at in enumerate((0.0, 1.0, 103.0))]
    times = timeline(make_table("trials", rows))
    assert times["worker"].tolist() == [0, 1, 0]
    assert times["start"].tolist() == [0.0, 1.0, 13.0]
    busy = utilisation(times, n_bins=15)  # one second each
    assert busy["busy"].tolist() == pytest.approx([1, 2, 1, *[0] * 10, 1, 1])


def test_a_variant_is_a_kind_and_a_number():
    assert kind_and_number("starts1") == ("starts", "1")
    assert kind_and_number("every0.5") == ("every", "0.5")
    assert kind_and_number("best-seeds") == ("best-seeds", "")
    assert kind_and_number("") == ("", "")
