"""The two studies of notebook 04: what differs between them, and what is refused."""

import pytest

from repro.chapters.resplit.run import SPLITS, enumerate_split, split_sizes
from repro.study.profile import load_profile


@pytest.mark.parametrize("name", ["smoke", "mini", "laptop", "paper"])
def test_each_profile_gives_two_studies_that_differ_in_the_split(name):
    profile = load_profile(name)
    settings, studies = profile.resplit, [enumerate_split(profile, split) for split in SPLITS]
    for runs in studies:
        assert {run.tuning.method for run in runs} == {"grid", "rs"}
        assert {run.key["model"] for run in runs} == {profile.models[0].name}
        assert {run.key["task"] for run in runs} == set(settings.tasks)
        assert max(run.key["repetition"] for run in runs) == settings.repetitions
        budgets = {run.tuning.budget_gst for run in runs if run.tuning.has_budget}
        assert budgets == {settings.budget_gst}
    original, resplit = ({run.tuning.context.data for run in runs} for runs in studies)
    assert {data.split for data in original} == {profile.split}
    assert {data.split for data in resplit} == {"resplit"}
    shifts = set(settings.shifts) if profile.source == "mini" else set()
    assert all({shift for shift, _ in data.shifted_tests} == shifts for data in original)
    assert not any(data.shifted_tests for data in resplit)


def test_a_profile_that_resplits_is_compared_with_the_official_split():
    runs = enumerate_split(load_profile("smoke", split="resplit"), "original")
    assert {run.tuning.context.data.split for run in runs} == {"official"}


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"shifts": [0.5, 1.0]}, "`shifts` must hold 0, .* but got .0.5, 1.0.; add it"),
        ({"examples": 2}, "greater than or equal to 4"),
        ({"trial_counts": [2]}, "greater than or equal to 4"),
        ({"taks": ["rte"]}, "unknown key"),
    ],
)
def test_settings_that_cannot_be_are_refused(section, message):
    with pytest.raises(ValueError, match=message):
        load_profile("smoke", resplit=section)


def test_an_unknown_task_of_the_section_is_refused():
    with pytest.raises(ValueError, match="unknown task 'rtee'"):
        split_sizes(load_profile("smoke", resplit={"tasks": ["rtee"]}))


def test_sizes_of_both_splits_are_shown_before_training():
    sizes = split_sizes(load_profile("smoke"))
    assert sizes.index.tolist() == [("original", "rte"), ("resplit", "rte")]
    original, resplit = (sizes.loc[split].iloc[0] for split in SPLITS)
    # a resplit is of training and validation set; only the original split has further test sets
    parts = ["train", "validation", "test"]
    assert resplit[parts].sum() == original[["train", "validation"]].sum()
    assert original["test-shift1"] == 64 and resplit.drop(parts).isna().all()
