"""Incumbents, their summaries and their curves against values worked by hand."""

import numpy as np
import pandas as pd
import pytest

from repro.stats.incumbents import (
    best_against_last,
    best_trials,
    differences_from_grid,
    incumbent_bands,
    incumbent_curves,
    pair_with_grid,
    paired_differences,
    summarise,
)
from repro.stats.intervals import summarise_differences
from synthetic_study import make_study

NAN = float("nan")


@pytest.fixture(scope="module")
def study():
    return make_study()


@pytest.fixture(scope="module")
def best(study):
    return best_trials(study.trials, study.runs)


def split_grid(best):
    return best[best["method"] != "grid"], best[best["method"] == "grid"]


def set_scores(trials, run_id, scores, column="validation_score"):
    trials = trials.copy()
    trials.loc[trials["run_id"] == run_id, column] = scores
    return trials


RUN = "tiny-electra/rte/asha/1gst/full/rep1"


# --- incumbents ---------------------------------------------------------------------------------


def test_best_trial_is_the_highest_and_the_earlier_on_a_tie(study):
    trials = set_scores(study.trials, RUN, [0.5, 0.7, 0.7, NAN])
    row = best_trials(trials).set_index("run_id").loc[RUN]
    assert row["trial_id"] == f"{RUN}/trial0001"
    assert (row["n_trials"], row["n_scored"], row["n_failed"]) == (4, 3, 0)


def test_best_trial_of_all_tied_is_the_first(study):
    trials = set_scores(study.trials, RUN, 0.6)
    assert best_trials(trials).set_index("run_id").loc[RUN, "trial_id"].endswith("trial0000")


def test_best_trials_keep_a_run_without_scores_and_one_without_trials(study):
    dead = "tiny-roberta/cola/bo_asha/1gst/full/rep3"
    trials = study.trials[study.trials["run_id"] != RUN]
    table = best_trials(trials, study.runs).set_index("run_id")
    assert set(table.index) == set(study.runs["run_id"])
    assert (table.loc[dead, "trial_id"], table.loc[dead, "n_failed"]) == ("", 4)
    assert (table.loc[RUN, "n_trials"], table.loc[RUN, "status"]) == (0, "")
    assert np.isnan(table.loc[[dead, RUN], ["validation_score", "learning_rate"]]).all(axis=None)


def test_best_trials_agree_with_the_runs_own_record(study, best):
    recorded = study.runs.set_index("run_id")["best_trial_id"]
    assert (best.set_index("run_id")["trial_id"] == recorded.loc[best["run_id"]]).all()


def test_nothing_depends_on_the_order_of_rows(study, best):
    trials = study.trials.sample(frac=1, random_state=1)
    runs = study.runs.sample(frac=1, random_state=2)
    again = best_trials(trials, runs)
    pd.testing.assert_frame_equal(best, again)
    frames = [differences_from_grid(b) for b in (best, again.sample(frac=1, random_state=3))]
    first, second = [summarise_differences(f, ["model", "split"]) for f in frames]
    pd.testing.assert_frame_equal(first, second)


# --- summaries ----------------------------------------------------------------------------------


def test_summary_over_three_repetitions(study):
    # scores .5 .6 .7: mean .6; deviations -.1 0 .1; sum of squares .02 / (3 - 1) -> sd .1
    trials = study.trials
    for repetition, score in enumerate((0.5, 0.6, 0.7), start=1):
        run = RUN.replace("rep1", f"rep{repetition}")
        trials = set_scores(trials, run, score)
    table = summarise(best_trials(trials))
    table = table[(table["split"] == "validation") & (table["metric"] == "score")]
    row = pick(table, model="tiny-electra", task="rte", method="asha")
    assert row["mean"] == pytest.approx(0.6)
    assert row["sd"] == pytest.approx(0.1)
    assert (row["minimum"], row["maximum"], row["n"], row["n_missing"]) == (0.5, 0.7, 3, 0)


def test_summary_counts_the_repetition_without_a_score(best):
    row = pick(summarise(best), model="tiny-roberta", task="cola", method="bo_asha", metric="score")
    assert (row["n"], row["n_missing"]) == (2, 1)


def test_summary_of_one_repetition_has_no_standard_deviation(best):
    row = pick(summarise(best), method="grid", task="rte", metric="accuracy")
    assert np.isnan(row["sd"]) and row["mean"] == row["minimum"] == row["maximum"]


def test_summary_has_only_the_metrics_a_task_defines(best):
    metrics = summarise(best).groupby("task")["metric"].unique().map(set)
    assert metrics["mrpc"] == {"score", "accuracy", "f1"}
    assert metrics["cola"] == {"score", "matthews"}


def test_best_checkpoint_is_never_below_the_last_on_validation(best):
    pairs = best_against_last(best)
    validation = pairs.loc[pairs["split"] == "validation", "difference"].dropna()
    assert (validation >= 0).all() and len(validation) == len(best) - 1
    test = pairs[pairs["split"] == "test"].merge(best, on="run_id")
    assert np.allclose(
        test["difference"], test["test_score"] - test["last_test_score"], equal_nan=True
    )


def test_incumbent_curve_is_monotone_and_laid_end_to_end(study):
    curves = incumbent_curves(study.trials, study.evaluations)
    for _, curve in curves.groupby("run_id"):
        assert (curve["incumbent_score"].diff().dropna() >= 0).all()
        assert (curve["spent"].diff().dropna() > 0).all()
    # rs/rep2 on MRPC: the diverged trial spent 20 steps, then three of 100: ends at 320
    run = "tiny-electra/mrpc/rs/1gst/full/rep2"
    assert curves.loc[curves["run_id"] == run, "spent"].max() == 320


def test_incumbent_curve_passes_over_a_missing_score(study):
    evaluations = study.evaluations.copy()
    first = evaluations["trial_id"] == f"{RUN}/trial0000"
    evaluations.loc[first, "validation_score"] = [0.4, NAN, 0.3, NAN, 0.5] + [0.1] * 5
    curve = incumbent_curves(study.trials, evaluations).query("run_id == @RUN")
    assert curve["incumbent_score"].head(6).tolist() == [0.4, 0.4, 0.4, 0.4, 0.5, 0.5]


def test_without_evaluations_an_incumbent_ends_where_it_does_with_them(study):
    curves = incumbent_curves(study.trials)
    best = study.trials.groupby("run_id")["validation_score"].max()
    for run_id, rows in curves.groupby("run_id"):
        assert rows["incumbent_score"].iloc[-1] == pytest.approx(best[run_id], nan_ok=True)
        assert (rows["incumbent_score"].diff().dropna() >= 0).all()


@pytest.mark.parametrize(
    ("cost", "spent"),
    [
        ("steps", [2, 4, 6, 8]),
        ("epochs", [0.5, 1, 1.5, 2]),
        ("seconds", [3, 6, 13, 16]),  # a trial lasts 10: its set-up and its test scores count
        ("trials", [1, 2]),
    ],
)
def test_what_is_spent_is_counted_in_the_unit_that_is_asked_for(study, cost, spent):
    # two trials of 4 steps, 1 epoch and 10 s. The second goes on where another had stopped after
    # one epoch: its evaluations count epochs from there.
    trials = study.trials[study.trials["run_id"] == RUN].head(2)
    trials = trials.assign(steps=4, epochs_trained=1.0, seconds=10.0)
    evaluations = pd.DataFrame(
        {"trial_id": trials["trial_id"].repeat(2), "step": [2, 4, 2, 4]}
        | {"epoch": [0.5, 1.0, 1.5, 2.0], "seconds": [3.0, 6.0, 3.0, 6.0]}
        | {"validation_score": [NAN, 0.4, 0.6, 0.5]}
    )
    curve = incumbent_curves(trials, evaluations, cost=cost)
    assert curve["spent"].tolist() == spent
    if cost != "trials":
        assert curve["incumbent_score"].tolist() == pytest.approx([NAN, 0.4, 0.6, 0.6], nan_ok=True)


def test_unknown_costs_are_refused(study):
    with pytest.raises(ValueError, match="unknown cost 'step' .did you mean 'steps'"):
        incumbent_curves(study.trials, cost="step")


def test_a_band_averages_what_each_repetition_had_by_then():
    # one repetition has its first score after 1, the other after 2 (its score is missing before);
    # the first has spent all after 4: points at 2, 3 and 4
    curves = pd.DataFrame(
        {"run_id": list("aaabbb"), "spent": [1, 3, 4, 1, 2, 9], "method": "rs"}
        | {"incumbent_score": [0.4, 0.5, 0.8, NAN, 0.6, 0.7]}
    )
    band = incumbent_bands(curves, by=["method"], n_points=3)
    assert band["spent"].tolist() == [2, 3, 4]
    assert band["mean"].tolist() == pytest.approx([0.5, 0.55, 0.7])
    assert band["low"].tolist() == pytest.approx([0.4, 0.5, 0.6])  # of two values: their range
    assert band["n"].tolist() == [2, 2, 2]
    alone = incumbent_bands(curves[curves["run_id"] == "a"], by=["method"], n_points=3)
    assert alone["low"].isna().all()


# --- against grid search ------------------------------------------------------------------------


def test_every_run_is_held_against_the_one_grid_run(best):
    paired = pair_with_grid(best)
    assert len(paired) == (best["method"] != "grid").sum()
    grid = best[best["method"] == "grid"].set_index(["model", "task"])["test_score"]
    expected = grid.loc[pd.MultiIndex.from_frame(paired[["model", "task"]])]
    assert (paired["grid_test_score"].to_numpy() == expected.to_numpy()).all()


def test_a_repeated_grid_is_paired_by_repetition(best):
    incumbents, grid = split_grid(best)
    grids = pd.concat(
        [grid.assign(repetition=r, test_score=r / 10) for r in (1, 2, 3)], ignore_index=True
    )
    paired = pair_with_grid(pd.concat([incumbents, grids]))
    assert (paired["grid_test_score"] == paired["repetition"] / 10).all()


def test_a_missing_grid_is_named(best):
    missing = (best.method == "grid") & (best.task == "rte") & (best.model == "tiny-electra")
    with pytest.raises(ValueError, match="tiny-electra/rte must have .*; add method 'grid'"):
        pair_with_grid(best[~missing])


def test_two_splits_in_one_frame_are_refused(best):
    _, grid = split_grid(best)
    with pytest.raises(ValueError, match="a second one; analyse one data split at a time"):
        pair_with_grid(pd.concat([best, grid]))


# --- helpers ------------------------------------------------------------------------------------


def pick(frame, **values):
    for name, value in values.items():
        frame = frame[frame[name] == value]
    return frame.iloc[0]


def test_scores_are_subtracted_pair_by_pair():
    first = pd.DataFrame(
        {"repetition": [2, 1], "validation_score": [0.5, 0.6], "test_score": [NAN, 0.4]}
    )
    second = first.assign(validation_score=[0.2, 0.5], test_score=0.1)[::-1]
    pairs = paired_differences(first, second, by=["repetition"]).set_index(["split", "repetition"])
    assert pairs["difference"].tolist() == pytest.approx([0.3, 0.1, NAN, 0.3], nan_ok=True)
    assert pairs.index.tolist() == [
        ("validation", 2), ("validation", 1), ("test", 2), ("test", 1)
    ]  # fmt: skip
    with pytest.raises(ValueError, match="not a one-to-one merge"):
        paired_differences(first, second.assign(repetition=1), by=["repetition"])
