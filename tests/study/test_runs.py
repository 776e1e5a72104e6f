"""Fingerprints: what moves which runs' and what moves none; folders."""

import pytest

from official_layout import write_official
from repro.study.profile import Profile, chapter_modules, load_profile
from repro.study.runs import bind_run, fingerprint_inputs
from repro.study.settings import Section
from repro.study.study import enumerate_runs

INITIAL = ["01 grid", "01 rs", "01 asha", "01 bo_asha"]
PROCEDURE = ["02 rs", "02 asha", "02 bo_asha"]
RESPLIT = ["04 grid", "04 rs"]
STRATEGIES = ["05 grid", "05 hyperopt_asha", "05 pbt", "05 seeds_asha"]
STAGES = ["06 grid", "06 bo", "06 seeds"]
ALL = {*INITIAL, *PROCEDURE, "03 seeds", *RESPLIT, *STRATEGIES, *STAGES}
BUDGETED = {*INITIAL[1:], *PROCEDURE, "04 rs"}
SEARCHED = BUDGETED | {"05 hyperopt_asha", "05 pbt", "06 bo"}
# setting -> another value, and which runs of the smoke profile it can change
MOVES = {
    "split": ("held_out", ALL - {*RESPLIT}),  # which compares its own two splits
    "split_seed": (43, {*RESPLIT}),
    "split_ratios": ((0.6, 0.2, 0.2), {*RESPLIT}),
    "shift": (0.5, ALL - {*RESPLIT}),
    "sizes": ({"train": 48}, ALL),
    "shifted_tests": ({0.5: 10}, ALL - {*RESPLIT}),
    "budget_unit": ("seconds", BUDGETED),
    "seed": (1, SEARCHED),
    "training_seed": (43, ALL - {"03 seeds"}),
    "dropout_after_first_validation": (False, ALL - {"03 seeds"}),
    "evaluations_per_epoch": ({"default": 3}, ALL - {"03 seeds"}),
    "precision": ("bf16", ALL),
    "max_length": (40, ALL - {*STAGES}),  # where every configuration has its own
    "adam_epsilon": (1e-8, ALL - {*STAGES}),
    # where something waits for results, or a budget ends in the middle of one
    "gpus_per_trial": (1, ALL),
    "trials_at_once_per_run": (2, BUDGETED | {"05 hyperopt_asha", "05 seeds_asha", "06 bo"}),
}
MOVES_NONE = {
    "name": "other",
    "description": "other",
    "test_labels": {"rte": "gold.tsv"},
    "returned_scores": "scores.csv",
    "models": load_profile("smoke", tasks=["rte"]).models,
    "methods": ("grid", "rs"),
    "budget_gst": 3.0,
    "repetitions": 2,
    "cpus_per_trial": 2,
    "trials_at_once": 4,
    "keep_checkpoints": True,
    "tracking": "tensorboard",
    "overrides": {"repetitions": 2},
}


def inputs_of(profile):
    """Return section and method, and what else names a run -> what its fingerprint is made of."""
    inputs = {}
    for chapter in chapter_modules("run", having="SECTION"):
        for planned in chapter.planned_runs(profile):
            key, tuning = planned.run.key, planned.run.tuning
            if not planned.depends:
                words = [f"{chapter.SECTION[:2]} {key['method']}", key["run_id"]]
                words[1] = words[1].replace(f"/{tuning.budget_gst:g}gst/", "/")
                if chapter.SECTION.startswith("04"):
                    words.append(planned.part)
                inputs[tuple(words)] = fingerprint_inputs(tuning, unit=profile.budget_unit)
    return inputs


@pytest.fixture(scope="module")
def before():
    return inputs_of(load_profile("smoke"))


def test_every_setting_is_among_those_that_move_a_fingerprint_or_among_the_others():
    sections = {name for name, value in vars(load_profile("smoke")).items()
                if isinstance(value, Section)}  # fmt: skip
    trained = {"procedure", "seed_study", "resplit", "strategies", "three_stage"}
    assert sections == {*trained, "how_sure"}
    assert {*MOVES, "source", *MOVES_NONE} == set(Profile.model_fields)
    assert not set(MOVES) & set(MOVES_NONE)


@pytest.mark.parametrize("setting", MOVES)
def test_what_can_change_a_trial_moves_the_fingerprints_of_the_runs_that_it_can_change(
    setting, before
):
    value, expected = MOVES[setting]
    after = inputs_of(load_profile("smoke").model_copy(update={setting: value}))
    common = before.keys() & after.keys()
    assert {key[0] for key in common} == ALL
    assert {key[0] for key in common if before[key] != after[key]} == expected


@pytest.mark.parametrize("setting", MOVES_NONE)
def test_what_cannot_change_a_trial_moves_no_fingerprint(setting, before):
    value = MOVES_NONE[setting]
    after = inputs_of(load_profile("smoke").model_copy(update={setting: value}))
    common = before.keys() & after.keys()
    assert {key[0] for key in common} >= ALL - {"01 asha", "01 bo_asha"}
    assert all(before[key] == after[key] for key in common)


def test_other_data_of_the_same_task_move_the_fingerprint(tmp_path):
    write_official(tmp_path, "rte")
    folders = [
        bind_run(profile, enumerate_runs(profile)[0]).path
        for profile in (
            load_profile("smoke", tasks=["rte"], source=source, sizes={"train": 2})
            if source == "mini"
            else load_profile("laptop", tasks=["rte"], source=source, split="official")
            for source in ("mini", str(tmp_path))
        )
    ]
    assert folders[0] != folders[1]


def test_the_precision_that_is_used_counts_not_the_one_that_is_asked_for():
    bf16, fp16 = (load_profile("smoke", precision=p) for p in ("bf16", "fp16"))
    assert inputs_of(fp16) == inputs_of(bf16)  # on a CPU bf16 stands in


@pytest.mark.parametrize("has_gpu", [True, False])
def test_trials_with_a_share_of_a_gpu_use_it_and_others_do_not(monkeypatch, has_gpu):
    monkeypatch.setattr("torch.cuda.is_available", lambda: has_gpu)  # here, where nothing trains
    without, with_share = (
        load_profile("smoke", precision="fp16", gpus_per_trial=n).training("rte") for n in (0, 0.5)
    )
    assert (without.device, without.precision) == ("cpu", "bf16")
    assert (with_share.device, with_share.precision) == ("cuda", "fp16")


def test_budgets_of_one_search_lie_side_by_side(tmp_path):
    paths = {}
    for gst in (1, 4):
        profile = load_profile("smoke", tasks=["rte"], methods=["grid", "asha"], budget_gst=gst)
        grid_run, asha_run = enumerate_runs(profile)
        grid, asha = (bind_run(profile, run, results=tmp_path) for run in (grid_run, asha_run))
        assert asha.key["run_id"] == f"tiny-electra/rte/asha/{gst}gst/full/rep1"
        paths[gst] = grid.path, asha.path
    assert paths[1][0] == paths[4][0]
    assert [paths[gst][1].name for gst in (1, 4)] == ["1gst", "4gst"]
    assert paths[1][1].parent == paths[4][1].parent
    search = paths[1][1].parent
    assert search.relative_to(tmp_path).as_posix().startswith("tiny-electra/rte/asha/full/rep1-")
    for name in ("1gst", "0.5gst.partial", "8gst", "2trials", "10gst.tensorboard"):
        (search / name).mkdir(parents=True)
    assert bind_run(profile, asha_run, results=tmp_path).smaller == (
        search / "1gst", search / "0.5gst",
    )  # fmt: skip
