"""A recorded study stands in for one's own where one's own is its beginning."""

from dataclasses import replace

import pandas as pd
import pytest
import yaml

from finished_runs import write_runs
from repro.results.tables import Results
from repro.study.profile import load_profile
from repro.study.recorded_studies import longest_study, read_study, record_study
from repro.study.runs import bind_run

PLAN = {"what": "a test", "licence": "MIT", "profile": "smoke", "changes": {"repetitions": 2}}
SMALL = {"tasks": ["rte"], "models": ["tiny-bert"], "methods": ["grid", "rs"]}


def made_up(repetitions, results):
    profile = load_profile("smoke", **SMALL, repetitions=repetitions)
    runs = write_runs(profile, results)
    folders = tuple(bind_run(profile, run, results=results) for run in runs)
    return Results(folders, profile.title)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recorded")
    (folder / "plan.yaml").write_text(yaml.safe_dump(PLAN))
    asked = []

    def run(profile, results):
        asked.append(profile.strategies.repetitions)
        return made_up(2, results)

    record_study("strategies", run, folder=folder, results=folder / "results")
    assert asked == [2]
    return folder


def test_what_is_read_is_what_was_recorded(folder):
    study, own = read_study(folder), made_up(2, folder / "results")
    kept = own.trials.assign(worker="", started_at=float("nan"))
    pd.testing.assert_frame_equal(study.trials, kept)
    pd.testing.assert_frame_equal(study.evaluations, own.evaluations)
    both = (s.joint_predictions("tiny-bert", "rte") for s in (study, own))
    pd.testing.assert_frame_equal(*both, check_dtype=False)


def test_it_stands_in_for_the_study_that_it_goes_on_from(folder, tmp_path):
    own = made_up(1, folder / "results")
    found, said = longest_study(own, load_profile("smoke"), section="strategies", folder=folder)
    assert found.trials["repetition"].max() == 2
    n = len(own.trials)
    assert f"{n} of {n} trials have the scores" in said


@pytest.mark.parametrize("changed", [{"strategies": {"n_trials": 5}}, {"seed": 7}])
def test_other_settings_are_judged_on_ones_own_runs(folder, changed):
    own = made_up(1, folder / "results")
    profile = load_profile("smoke", **changed)
    found, said = longest_study(own, profile, section="strategies", folder=folder)
    assert found is own and "none with their settings" in said


def test_without_a_record_ones_own_runs_are_judged(tmp_path):
    own = made_up(1, tmp_path)
    profile = load_profile("smoke")
    assert longest_study(own, profile, section="strategies", folder=tmp_path)[0] is own


def test_trials_that_come_out_otherwise_end_it(folder):
    own = made_up(1, folder / "results")
    trials = own.trials.assign(test_score=own.trials["test_score"] + 1e-9)
    altered = replace(own)
    altered.__dict__["trials"] = trials
    with pytest.raises(ValueError, match=r"must come out as those in .* but \d+ of \d+ did not"):
        longest_study(altered, load_profile("smoke"), section="strategies", folder=folder)
