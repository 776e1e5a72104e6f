"""What is planned is recorded once, and can be trained again to the same numbers."""

import shutil
from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pandas as pd
import pytest
import yaml

from repro.results.recorded import read_recorded
from repro.study.recording import check_reproduced, curve, record, train_again, train_planned
from repro.study.recording_plan import Plan, chunks, planned_trials, read_plan

SIZES = {"wnli": {"train": 32, "validation": 20, "test": 30}}
CELL = {"models": {"tiny-bert": "bert-mini"}, "sizes": SIZES, "epochs": 1}
PARTS = [
    {"space": "full", **CELL, "random": 3},
    {"space": "grid", **CELL, "grid": True, "seeds": {"first": 42, "n": 2}},
]
PLAN = {"what": "a test", "licence": "none", "shifted_tests": {1.0: 10}, "parts": PARTS}


def plan_with(**part) -> Plan:
    return Plan(what="a test", licence="none", parts=[{"space": "p", **CELL, **part}])


def trials_of(plan: Plan, part: int = 0):
    return planned_trials(plan, plan.parts[part], "tiny-bert", "wnli")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Record a plan of nine short trials."""
    folder = tmp_path_factory.mktemp("recorded") / "small"
    folder.mkdir()
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    record(folder, workers=1, results=folder.parent, say=lambda line: None)
    return folder


def test_every_planned_trial_is_recorded_with_its_curve(folder):
    recorded = read_recorded(folder)
    counts = recorded.trials.groupby("space").size().to_dict()
    assert counts == {"full": 3, "grid": 6}  # the grid of this family has 3 configurations
    trial = trials_of(read_plan(folder), part=1)[3]
    assert (trial.configuration_number, trial.seeds.init) == (0, 43)
    mine = pd.DataFrame(curve(trial, train_planned(trial)))
    key = pd.DataFrame([trial.key])
    pd.testing.assert_frame_equal(
        recorded.evaluations.merge(key)[list(mine)], mine, check_exact=True
    )


def test_test_is_scored_at_new_bests_and_at_the_end(folder):
    for _, trial in read_recorded(folder).evaluations.groupby(["space", "trial"]):
        score = trial["validation_score"]
        is_best = score > score.cummax().shift(fill_value=-1)
        number = np.arange(1, len(trial) + 1)
        traced = is_best | np.isin(number, (1, 4, 16)) | (number == len(trial))
        assert trial["test_score"].notna().tolist() == traced.tolist()


def test_predictions_give_the_scores_again(folder):
    recorded = read_recorded(folder)
    predictions = recorded.predictions("test", model="tiny-bert", task="wnli", space="full")
    labels = recorded.labels("test", task="wnli", space="full")
    assert predictions.shape == (3, 30)
    at_best = recorded.evaluations.query("space == 'full'").sort_values(
        ["trial", "validation_score", "step"], ascending=[True, False, True]
    )
    expected = at_best.groupby("trial")["test_score"].first()
    np.testing.assert_allclose((predictions == labels).mean(axis=1), expected, atol=1e-7)


def test_what_is_recorded_is_not_trained_again(folder):
    said = []
    before = (folder / "trials.parquet").read_bytes()
    record(folder, workers=1, results=folder.parent, say=said.append)
    assert said == ["0 trials are to be recorded"]
    assert (folder / "trials.parquet").read_bytes() == before


def test_tables_stand_for_the_chunks_that_they_were_made_of(folder, tmp_path):
    copied, said = shutil.copytree(folder, tmp_path / "small"), []
    record(copied, workers=1, results=tmp_path, say=said.append)
    assert said == ["0 trials are to be recorded"]
    assert_same_tables(copied, folder)
    # a longer plan is trained where it differs, and the rest stays
    longer = PLAN | {"parts": [PARTS[0] | {"random": 4}, PARTS[1]]}
    (copied / "plan.yaml").write_text(yaml.safe_dump(longer))
    record(copied, workers=1, results=tmp_path, say=said.append)
    assert said[1] == "4 trials are to be recorded"
    spaces = [read_recorded(f).evaluations.query("space == 'grid'") for f in (copied, folder)]
    pd.testing.assert_frame_equal(*(s.reset_index(drop=True) for s in spaces))
    assert len(read_recorded(copied).trials) == 10


def assert_same_tables(one, other):
    for name in ("trials", "evaluations", "predictions", "labels"):
        tables = [pd.read_parquet(folder / f"{name}.parquet") for folder in (one, other)]
        pd.testing.assert_frame_equal(*tables)


def test_trained_again_it_is_the_same_and_an_altered_number_is_found(folder):
    recorded = read_recorded(folder)
    assert train_again(recorded, n=2, seed=0)["same"].all()
    first = train_again(recorded, n=2, seed=0, until=1)
    assert first["same"].all() and first["n_evaluations"].tolist() == [1, 1]
    altered = recorded.evaluations.assign(
        validation_loss=recorded.evaluations["validation_loss"] + np.float32(1e-6)
    )
    again = train_again(replace(recorded, evaluations=altered), n=2, seed=0)
    assert not again["same"].any()
    assert again["largest_difference"].between(5e-7, 2e-6).all()
    with pytest.raises(ValueError, match=r"2 of 2 did not, .*small; restore the folder"):
        check_reproduced(again, recorded)
    elsewhere = replace(recorded, manifest={"versions": {"torch": "another"}})
    check_reproduced(again, elsewhere)
    with pytest.raises(ValueError, match="must come out as they were recorded"):
        check_reproduced(again.assign(first_difference=0.1), elsewhere)


def test_a_larger_plan_begins_with_the_trials_of_a_smaller():
    full = [trials_of(plan_with(random=n, space="full")) for n in (3, 30)]
    assert full[0] == full[1][:3]
    first = trials_of(plan_with(first_of_full=3, space="seeds"))
    assert [t.configuration for t in first] == [t.configuration for t in full[0]]


def test_crossed_levels_of_any_two_sources_occur_once_together():
    counts = {"train": 40, "validation": 6, "test": 6}
    plan = plan_with(grid=True, levels=5, split="resplit", split_counts=counts)
    sources = [
        (*vars(trial.seeds).values(), trial.data.split_seed) for trial in trials_of(plan)[::3]
    ]
    for one, other in combinations(zip(*sources, strict=True), 2):
        assert set(zip(one, other, strict=True)) == set(product(range(5), repeat=2))


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 2},
        {"seeds": {"first": 7}},
        {"training": {"evaluations_per_epoch": 3}},
        {"sizes": {"wnli": {"train": 33, "validation": 20, "test": 30}}},
        {"models": {"tiny-electra": "electra-mini"}},
    ],
)
def test_whatever_decides_a_trial_moves_the_name_of_its_file(change):
    usual, other = (chunks(plan_with(grid=True, **c)) for c in ({}, change))
    assert usual[0].file != other[0].file
    assert usual[0].file == chunks(plan_with(grid=True, training={"optimizer": "adamw"}))[0].file


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("parts: [", "must be YAML"),
        (yaml.safe_dump(PLAN | {"pars": []}), "`pars`: unknown key"),
        (
            yaml.safe_dump(PLAN | {"parts": [{"space": "x", **CELL, "random": 2, "grid": True}]}),
            "part 'x' must say just one of random, grid",
        ),
    ],
)
def test_a_wrong_plan_is_refused_by_its_file_and_place(tmp_path, text, message):
    (tmp_path / "plan.yaml").write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        record(tmp_path, results=tmp_path)
    assert "plan.yaml" in str(error.value)


def test_an_unknown_part_is_refused_with_the_known(folder):
    with pytest.raises(ValueError, match=r"unknown part of the plan 'ful'.*full, grid"):
        record(folder, ["ful"], results=folder.parent)
