"""The settings of notebook 04, and the two studies that it compares."""

import pytest

from repro.chapters.resplit.run import split_sizes
from repro.chapters.resplit.settings import split_profiles
from repro.study.profile import load_profile


@pytest.mark.parametrize("name", ["smoke", "mini", "laptop", "paper"])
def test_each_profile_gives_two_studies_that_differ_in_the_split(name):
    profile = load_profile(name)
    studies = split_profiles(profile)
    assert list(studies) == ["original", "resplit"]
    original, resplit = studies.values()
    assert original.split == profile.split and resplit.split == "resplit"
    assert original.methods == resplit.methods == ("grid", "rs")
    assert [m.name for m in original.models] == [profile.models[0].name]
    assert original.models[0].tasks == profile.resplit.tasks
    assert original.repetitions == profile.resplit.repetitions
    assert bool(original.shifted_tests) == (profile.source == "mini") and not resplit.shifted_tests
    assert original.title == profile.title


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
        split_profiles(load_profile("smoke", resplit={"tasks": ["rtee"]}))


def test_sizes_of_both_splits_are_shown_before_training():
    sizes = split_sizes(load_profile("smoke"))
    assert sizes.index.tolist() == [("original", "rte"), ("resplit", "rte")]
    original, resplit = (sizes.loc[split].iloc[0] for split in ("original", "resplit"))
    # a resplit is of training and validation set; only the original split has further test sets
    parts = ["train", "validation", "test"]
    assert resplit[parts].sum() == original[["train", "validation"]].sum()
    assert original["test-shift1"] == 64 and resplit.drop(parts).isna().all()
