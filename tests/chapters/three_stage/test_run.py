"""The course project's three stages, carried out in this process: no Ray."""

import json

import numpy as np
import pandas as pd
import pytest

import serial
from repro.chapters.three_stage.run import (
    chosen_configurations,
    enumerate_stages,
    project_of,
    run_three_stages,
    warm_sweeps,
)
from repro.chapters.three_stage.spaces import CANDIDATES, TUNED
from repro.records import check_table
from repro.study.profile import load_profile
from repro.study.study import run_all
from repro.tuning import ray_tune as orchestration
from tiny_models import make_model

FINAL = ["baseline", "manual", "cold", "warm", "printed-manual", "printed-automatic"]


def smoke(**changes):
    return load_profile("smoke", three_stage=changes or None)


@pytest.fixture(scope="module")
def serially():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(orchestration, "tune_runs", serial.tune_runs)
        yield


@pytest.fixture(scope="module")
def study(tmp_path_factory, serially):
    folder = tmp_path_factory.mktemp("results")
    return folder, run_three_stages(smoke(), results=folder)


def test_each_stage_leaves_its_tables(study):
    _, results = study
    for name in ("runs", "trials", "evaluations", "losses"):
        check_table(name, getattr(results, name))
    n_trials = results.runs.set_index(["stage", "variant"])["n_trials"].to_dict()
    stages = {("one-factor", ""): 15 * 2, ("manual", ""): 18, ("cold", ""): 3, ("warm", ""): 3}
    assert n_trials == stages | {("final", name): 2 for name in FINAL}
    assert results.trials["validation_accuracy"].notna().all()


def test_the_first_stage_pairs_the_same_seeds_and_the_last_has_fresh_ones(study):
    _, results = study
    seeds = results.trials.groupby("stage")["init_seed"].agg(set)
    names = [name for column in CANDIDATES.values() for name in column]
    of_stage = results.trials[results.trials["stage"] == "one-factor"]
    for _, group in of_stage.groupby(names):
        assert set(group["init_seed"]) == seeds["one-factor"] and len(group) == 2
    final = results.trials[results.trials["stage"] == "final"]
    assert (final.groupby("variant")["init_seed"].agg(set) == seeds["final"]).all()
    assert seeds["manual"] == seeds["cold"] == seeds["warm"]
    parts = [seeds[name] for name in ("one-factor", "manual", "final")]
    assert len(set.union(*parts)) == 2 + 1 + 2


def test_the_warm_sweep_is_told_the_manual_grids_scores_and_does_not_repeat_it(study):
    folder, results = study
    [path] = folder.glob("*/*/bo/warm/*/*/run.json")
    options = json.loads(path.read_text())["inputs"]["options"]
    grid = results.trials[results.trials["stage"] == "manual"]
    assert options["known_scores"] == grid["validation_score"].tolist()
    assert pd.DataFrame(options["known"])[list(TUNED)].to_numpy().tolist() == (
        grid[list(TUNED)].to_numpy().tolist()
    )
    warm = results.trials[results.trials["stage"] == "warm"]
    tried = set(map(tuple, grid[list(TUNED)].to_numpy()))
    assert not tried & set(map(tuple, warm[list(TUNED)].to_numpy()))


def test_the_last_stage_trains_what_each_stage_chose(study):
    _, results = study
    trials = results.trials
    for stage in ("manual", "cold", "warm"):
        rows = trials[trials["stage"] == stage]
        best = rows.loc[rows["validation_score"].idxmax(), list(TUNED)]
        final = trials.loc[trials["variant"] == stage, list(TUNED)]
        assert (final == best.astype(float)).all(axis=None)


def test_a_finished_study_is_not_trained_again(study, monkeypatch):
    folder, results = study
    monkeypatch.setattr(orchestration, "tune_runs", None)
    again = run_three_stages(smoke(), results=folder)
    pd.testing.assert_frame_equal(again.trials, results.trials)


def test_a_grid_that_failed_leaves_no_warm_sweep_and_chooses_nothing(study):
    _, results = study
    failed = results.trials.assign(validation_score=np.nan)
    assert warm_sweeps(smoke(), failed) == []
    assert chosen_configurations(smoke(), failed) == {}


def test_max_length_reaches_the_texts_and_the_two_that_cut_nothing_are_equal(study):
    _, results = study
    trials = results.trials[results.trials["stage"] == "one-factor"]
    baseline = project_of(smoke()).baseline
    others = [c for c in baseline if c != "max_length" and c in trials]
    same = (trials[others] == pd.Series({c: float(baseline[c]) for c in others})).all(axis=1)
    losses = results.losses[results.losses["trial_id"].isin(trials[same]["trial_id"])]
    of = trials.set_index("trial_id")["max_length"]
    losses = losses.assign(length=losses["trial_id"].map(of)).groupby("length")["loss"].agg(list)
    assert losses[48.0] == losses[64.0]  # no text is that long
    assert losses[22.0] != losses[48.0]


def test_an_epsilon_can_matter(study):
    _, results = study
    trials = results.trials[results.trials["stage"] == "one-factor"]
    losses = results.losses.groupby("trial_id")["loss"].agg(tuple)
    epsilons = trials[trials["adam_epsilon"] != 1e-8]
    found = epsilons.groupby("adam_epsilon")["trial_id"].agg(lambda ids: tuple(losses[ids]))
    plain = losses[trials["trial_id"][:2]]
    assert len({*found, tuple(plain)}) == 3


def test_all_seven_candidates_are_read_back_from_a_distilbert(tmp_path, serially):
    model = str(make_model(tmp_path / "distilbert", "distilbert"))
    profile = smoke(model=model, max_lengths=[16, 24, 32])
    last = enumerate_stages(profile)[-1:]
    trials = run_all(profile, last, results=tmp_path / "results").trials
    assert set(trials["status"]) == {"completed"}
    project = project_of(profile)
    wanted = [c for c in (project.baseline, *project.variations) for _ in range(2)]
    for columns in CANDIDATES.values():
        for column in columns:
            assert trials[column].tolist() == [c[column] for c in wanted]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_lengths": [48, 48, 64]}, "max_lengths`: must be three lengths .* got .48, 48, 64."),
        ({"max_lengths": [2, 48, 64]}, "max_lengths`: must be three lengths from 4 on"),
        ({"n_seeds": 1}, "n_seeds`: must be greater than or equal to 2, but got 1"),
        ({"final_seeds": 1}, "final_seeds`: must be greater than or equal to 2, but got 1"),
        ({"scale": "article"}, "'project' or 'project-mini'"),
        ({"n_trails": 3}, "unknown key .*did you mean 'n_trials'"),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as caught:
        smoke(**changes)
    assert "\n" not in str(caught.value)


def test_a_length_that_the_model_cannot_take_is_refused_before_any_training(tmp_path):
    with pytest.raises(ValueError, match="`max_length` must be between 4 and 6[0-9] .* got 128"):
        run_three_stages(smoke(max_lengths=[20, 48, 128]), results=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_task_is_refused_before_any_training(tmp_path):
    with pytest.raises(ValueError, match="mrcp"):
        run_three_stages(smoke(task="mrcp"), results=tmp_path)
