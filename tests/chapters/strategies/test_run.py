"""The comparison of strategies, carried out in this process: no Ray."""

import numpy as np
import pandas as pd
import pytest

import serial
from repro.chapters.strategies.analysis import lineage
from repro.chapters.strategies.run import (
    best_seeds,
    compare_strategies,
    enumerate_strategies,
    replay_schedule,
)
from repro.records import check_table
from repro.study.profile import load_profile
from repro.study.study import read_results, run_all
from repro.tuning import ray_tune as orchestration

TIMINGS = ["seconds", "training_seconds", "evaluation_seconds", "started_at", "worker"]


def smoke(**changes):
    return load_profile("smoke", strategies=changes or None)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orchestration, "tune_runs", serial.tune_runs)
        return folder, compare_strategies(smoke(population=4, n_seeds=4), results=folder)


def test_each_strategy_leaves_its_tables(study):
    folder, results = study
    for name in ("runs", "trials", "evaluations", "losses", "segments"):
        check_table(name, getattr(results, name))
    found = results.runs.set_index(["method", "variant"])["n_trials"]
    assert found["grid", ""] == 18
    assert found["hyperopt_asha", ""] == 3
    assert found["seeds_asha", ""] == 4
    assert found["pbt", ""] == (results.segments["run_id"].str.contains("article/")).sum()
    assert ("pbt", "best-seeds") in found
    assert results.trials["validation_score"].notna().all()
    assert not list(folder.rglob("*.safetensors"))  # no state is left behind


def test_a_population_killed_and_resumed_gives_the_same_tables(study, tmp_path, monkeypatch):
    _, whole = study
    profile = smoke(population=4, n_seeds=0)
    runs = [r for r in enumerate_strategies(profile) if r.tuning.method == "pbt"]
    for stop_after in (3, 5, None):  # in the first generation, and in the second
        monkeypatch.setattr(
            orchestration,
            "tune_runs",
            lambda *a, stop_after=stop_after, **k: serial.tune_runs(*a, stop_after=stop_after, **k),
        )
        if stop_after:
            with pytest.raises(KeyboardInterrupt):
                run_all(profile, runs, results=tmp_path)
        else:
            run_all(profile, runs, results=tmp_path)
    resumed, run_id = read_results(profile, runs, results=tmp_path), runs[0].tuning.run_id
    for name in ("trials", "evaluations", "losses", "segments"):
        tables = [getattr(results, name).copy() for results in (whole, resumed)]
        key = "run_id" if "run_id" in tables[0] else "trial_id"
        tables = [t[t[key].str.startswith(run_id)].reset_index(drop=True) for t in tables]
        timed = [c for c in (*TIMINGS, "exchange_seconds") if c in tables[0]]
        pd.testing.assert_frame_equal(*(t.drop(columns=timed) for t in tables))


def test_the_replayed_schedule_gives_the_lineages_scores_bit_for_bit(study):
    _, results = study
    # the longest life with a copy in it, not only the incumbent's
    segments = results.segments
    copied = segments[segments["copied_from"].notna()].sort_values("generation")
    assert len(copied)
    schedule = lineage(results.trials, segments, copied["trial_id"].iloc[-1])
    assert len(schedule) > 1 and schedule["learning_rate"].nunique() > 1
    replayed = replay_schedule(smoke(), schedule)
    for column, found in {
        "validation_score": [result.best.score for result in replayed],
        "last_validation_score": [result.last.score for result in replayed],
    }.items():
        assert schedule[column].tolist() == found
    losses = results.losses.set_index("trial_id")["loss"]
    for trial_id, result in zip(schedule["trial_id"], replayed, strict=True):
        assert np.array_equal(losses.loc[[trial_id]].to_numpy(np.float32), result.losses)


def test_the_best_seeds_are_those_of_the_best_trials(study):
    _, results = study
    trials = results.trials[results.trials["method"] == "seeds_asha"]
    best = best_seeds(results.trials, repetition=1, n=2)
    scores = trials.set_index("init_seed")["validation_score"]
    assert [scores[seeds.init] for seeds in best] == sorted(scores, reverse=True)[:2]
    population = results.trials[results.trials["variant"] == "best-seeds"]
    all_four = {seeds.init for seeds in best_seeds(results.trials, repetition=1, n=4)}
    assert set(population["init_seed"]) == all_four


def test_strategies_of_a_repetition_share_their_training_seed_and_no_other():
    profile = smoke(repetitions=3)
    seeds = {}
    for run in enumerate_strategies(profile):
        if run.tuning.method != "seeds_asha":
            seeds.setdefault(run.key["repetition"], set()).update(run.tuning.seeds)
    assert [len(found) for found in seeds.values()] == [1, 1, 1]
    assert len(set.union(*seeds.values())) == 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"population": 1}, "population`: must be greater than or equal to 2, but got 1"),
        ({"interval": 5.0}, "interval`: must be less than 5, but got 5.0"),
        ({"other_intervals": [0.0]}, "other_intervals.0`: must be greater than 0, but got 0.0"),
        ({"random_starts": 4}, "random starts must be at most `n_trials`, 3, but got 4"),
        ({"population": 4}, "`n_seeds` must be at least `population`, 4, .* but got 2"),
        ({"populaton": 4}, "unknown key .*did you mean 'population'"),
    ],
)
def test_a_comparison_that_cannot_be_is_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        smoke(**changes)
    assert "\n" not in str(caught.value)


def test_an_unknown_tracker_is_refused():
    with pytest.raises(ValueError, match="`tracking`.*'none', 'tensorboard' or 'wandb'"):
        load_profile("smoke", tracking="mlflow")
