"""A run by hand: what it trains, that it is kept, and that it can be stopped and go on."""

from dataclasses import replace

import pandas as pd
import pytest

from repro.explorer.found_runs import find_runs
from repro.explorer.small_runs import LiveRun, SmallRun, family_space, plan_small_run, run_here
from repro.explorer.tuning_form import TuningForm
from repro.stats.incumbents import incumbent_curves
from repro.study.profile import load_profile

TIMES = ["seconds", "training_seconds", "evaluation_seconds", "started_at", "worker"]
WANTED = SmallRun("tiny-electra", "rte", n_trials=3)


@pytest.fixture(scope="module")
def profile():
    return load_profile("smoke")


def train(profile, wanted, folder, *, stop_after=None):
    run, n = plan_small_run(profile, wanted, results=folder), wanted.n_trials
    live = LiveRun(n)
    run_here(profile, run, live, stop=lambda: live.n_done == stop_after)
    return run, live


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "pbt"}, "unknown method of a small run 'pbt'; known: rs, asha"),
        ({"n_trials": 1}, "from 2 to 24, but got 1"),
        ({"n_trials": 25}, "from 2 to 24, but got 25"),
        ({"learning_rates": (1e-3, 1e-4)}, "must rise from above 0"),
        ({"learning_rates": (0.0, 1e-4)}, "must rise from above 0"),
    ],
)
def test_what_no_form_should_ask_is_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        replace(WANTED, **changes)


def test_a_model_or_task_of_another_profile_is_refused(profile):
    with pytest.raises(ValueError, match="unknown task 'mrpc'; known: rte, cola"):
        plan_small_run(profile, replace(WANTED, task="mrpc"))
    with pytest.raises(ValueError, match="unknown model"):
        plan_small_run(profile, replace(WANTED, model="tiny-bert"))


def test_grid_search_divides_the_range_evenly_and_keeps_the_rest(profile):
    wanted = replace(WANTED, method="grid", learning_rates=(1e-4, 1e-2))
    grid = plan_small_run(profile, wanted).tuning.grid
    assert [c["learning_rate"] for c in grid] == pytest.approx([1e-4, 1e-3, 1e-2])
    assert len({tuple(sorted((c | {"learning_rate": 0}).items())) for c in grid}) == 1


def test_every_choice_is_another_run(profile, tmp_path):
    others = [{"task": "cola"}, {"method": "asha"}, {"n_trials": 4}, {"repetition": 2}]
    others += [{"learning_rates": (1e-4, 1e-2)}, {"learning_rates": (1e-4, 2e-2)}]
    runs = [plan_small_run(profile, replace(WANTED, **c), results=tmp_path) for c in [{}, *others]]
    assert len({run.folder.path for run in runs}) == len(runs)
    family = family_space(profile, "tiny-electra", "rte").domains["learning_rate"]
    domain = runs[0].tuning.space.domains["learning_rate"]
    assert (domain, runs[-1].tuning.space.domains["learning_rate"].high) == (family, 2e-2)


def test_a_stopped_run_goes_on_and_ends_as_a_whole_one(profile, tmp_path):
    whole, live = train(profile, WANTED, tmp_path / "whole")
    assert live.finished and live.n_done == 3
    with pytest.raises(KeyboardInterrupt):
        train(profile, WANTED, tmp_path / "stopped", stop_after=1)
    assert find_runs(tmp_path / "stopped").trials.empty
    resumed, again = train(profile, WANTED, tmp_path / "stopped")
    pd.testing.assert_frame_equal(again.points, live.points)
    tables = [run.folder.read("trials").drop(columns=TIMES) for run in (whole, resumed)]
    pd.testing.assert_frame_equal(*tables)
    assert whole.folder.read("trials")["started_at"].notna().all()
    points = incumbent_curves(whole.folder.read("trials"), whole.folder.read("evaluations"))
    pd.testing.assert_frame_equal(points[list(live.points)], live.points, check_dtype=False)
    best = whole.folder.read("trials")["validation_score"].max()
    assert live.line() == f"3 of 3 trials done · best validation score {100 * best:.1f} %"
    found = find_runs(tmp_path)
    assert found.trials["run_id"].nunique() == 2 and found.skipped == {}


def test_the_form_trains_beside_and_says_what_it_does(profile, tmp_path):
    form = TuningForm(profile, tmp_path)
    form.n_trials.value = 2
    form.run_button.click()
    assert form.run_button.disabled, form.status.value
    assert form.wait(120)
    assert "<b>done</b>" in form.status.value and "2 of 2 trials done" in form.status.value
    assert form.picture.value.startswith('<img alt="Validation scores')
    assert not form.run_button.disabled and form.stop_button.disabled
    assert len(find_runs(tmp_path).trials) == 2
    form.run_button.click()
    assert form.wait(60) and "not repeated" in form.status.value
    form.repetition.value = 2
    form.run_button.click()
    form.stop_button.click()
    assert form.wait(60) and "of 2 trials done" in form.status.value
    assert "<b>stopped</b>" in form.status.value


def test_what_goes_wrong_is_said_in_the_form(profile, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError("no <space> left")

    monkeypatch.setattr("repro.explorer.tuning_form.plan_small_run", fail)
    form = TuningForm(profile, tmp_path)
    form.run_button.click()
    assert form.wait(60) and "OSError: no &lt;space&gt; left" in form.status.value
    assert not form.run_button.disabled
