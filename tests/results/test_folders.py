"""Folders of tuning runs: what is recorded is found again, also by a larger budget."""

import json
import math
import os
import shutil
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from repro.data.definitions import TASKS
from repro.records import run_key
from repro.results.files import unsealed
from repro.results.folders import RunFolder
from repro.results.tables import Results
from repro.training.types import Evaluation, Seeds, Segment, TrialResult
from repro.tuning import in_process
from repro.tuning.runs import Request, TuningRun
from repro.tuning.spaces import search_space

SPACE = search_space("electra-mini", epochs=1)
EXAMPLES = {
    split: pd.DataFrame({"index": range(4), "label": [0, 1, 1, 0]})
    for split in ("validation", "test")
}
PREDICTED = list(product(EXAMPLES, ("best", "last")))
SEEDS = Seeds(1, 2, 3)
ABOUT = {"profile": "made up", "split": "official", "gpus_per_trial": 0}
TIMES = ["seconds", "training_seconds", "evaluation_seconds", "started_at", "worker"]


def folder_of(path, budget_gst, **more):
    key = run_key("m", "rte", "rs", f"{budget_gst:g}gst", space="full", budget_gst=budget_gst)
    return RunFolder(path / f"{budget_gst:g}gst", key, ABOUT, **more)


class Study:
    """Tunes one run with trials of four evaluations, one update each; grid search cost 10."""

    def __init__(self, folder, *, method="rs", saves=False, stop_after=math.inf):
        self.folder, self.saves, self.trained = folder, saves, []
        gst = folder.key["budget_gst"]
        budget = {"grid_run_id": "grid", "budget_gst": gst}
        run = TuningRun("run", method, SPACE, 1, seeds=(SEEDS,), **budget)
        self.recall, self.record = folder.recall, folder.record
        in_process.tune_runs(
            [run], self.train, store=self, known_costs={"grid": 10.0},
            stop=lambda: len(self.trained) == stop_after,
        )  # fmt: skip

    def train(self, request, report):
        self.trained.append(request.trial)
        rate = request.configuration["learning_rate"]
        rng, evaluations, verdict = np.random.default_rng(int(rate * 1e9)), [], None
        for step in (1, 2, 3, 4):
            score = rng.random()
            evaluations.append(Evaluation(step, step / 4, 0.1, 0.5, score, {"accuracy": score}))
            if verdict := report(evaluations[-1]):
                break
        result = TrialResult(
            verdict or "completed",
            hyperparameters={"learning_rate": rate},
            settings={"device": "cpu"},
            evaluations=tuple(evaluations),
            losses=rng.random(step).astype(np.float32),
            predictions={f"{s}_{c}": rng.integers(2, size=4) for s, c in PREDICTED},
            steps=step,
            epochs_trained=step / 4,
        )  # fmt: skip
        if self.saves and result.score > request.score_to_beat:
            checkpoint = self.folder.checkpoint(request.trial)
            checkpoint.mkdir(parents=True)
            (checkpoint / "model").write_text(f"{result.score}")
        return result

    def finish(self, run, *, budget, spent):
        ledger = {"budget_unit": "steps", "budget": budget, "spent": spent}
        self.folder.finish(task=TASKS["rte"], examples=EXAMPLES, ledger=ledger)


def assert_same_tables(one, other):
    for name in ("trials", "evaluations", "losses", "examples"):
        frames = [f.read(name).drop(columns=TIMES, errors="ignore") for f in (one, other)]
        pd.testing.assert_frame_equal(*frames)
    pd.testing.assert_frame_equal(one.trial_predictions(), other.trial_predictions())
    assert one.read_run()["run"] == other.read_run()["run"]


@pytest.mark.parametrize("method", ["rs", "asha", "bo_asha"])
@pytest.mark.parametrize("stop_after", [math.inf, 2])
def test_a_larger_budget_begins_with_the_trials_of_a_smaller_one(tmp_path, method, stop_after):
    small = folder_of(tmp_path, 1.0)
    try:
        Study(small, method=method, stop_after=stop_after)
        statuses = small.read("trials")["status"].tolist()
        assert method != "rs" or statuses == ["completed", "completed", "cut"]  # 4 + 4 + 2 updates
        n_first = len(statuses) - statuses.count("cut")
    except KeyboardInterrupt:  # killed: nothing was cut, and the folder is in progress
        n_first = 2
        assert not small.finished
    large = folder_of(tmp_path, 4.0, smaller=(tmp_path / "other", small.path))
    trained = Study(large, method=method).trained
    assert trained == list(range(n_first, len(large.read("trials"))))
    anew = folder_of(tmp_path / "anew", 4.0)
    assert Study(anew, method=method).trained == list(range(len(large.read("trials"))))
    assert_same_tables(large, anew)
    # the smaller folder may go away
    shutil.rmtree(small.path, ignore_errors=True)
    assert len(Results((large,), "p").predictions(large.key["run_id"])) == 16


def test_another_configuration_or_seed_or_segment_is_another_trial(tmp_path):
    folder = folder_of(tmp_path, 1.0)
    request = Request("run", 7, {"learning_rate": 1e-3}, {}, seeds=SEEDS)
    assert folder.recall(request) is None
    folder.record(request, TrialResult("failed", "no memory"))
    result = folder.recall(request)
    assert (result.status, result.message, result.best) == ("failed", "no memory", None)
    assert folder.recall(replace(request, configuration={"learning_rate": 2e-3})) is None
    assert folder.recall(replace(request, seeds=Seeds(1, 2, 4))) is None
    assert folder.recall(replace(request, segment=Segment(0.0, 1.0))) is None
    assert folder.recall(replace(request, trial=8)) is None
    part = replace(request, trial=8, segment=Segment(1.0, 2.0, 3, 2, 4, 0, "learning_rate * 1.2"))
    folder.record(part, TrialResult("completed", segment=part.segment))
    assert folder.recall(part).segment == part.segment


@pytest.mark.parametrize("stop_after", [math.inf, 2])
def test_the_incumbents_checkpoint_is_there_whoever_trained_it(tmp_path, stop_after):
    def checkpoints(folder):
        best = folder.read_run()["run"]["best_trial_id"].rpartition("/")[2]
        score = folder.read("trials")["validation_score"].max()
        (kept,) = (folder.path / "checkpoints").iterdir()
        assert (kept.name, (kept / "model").read_text()) == (best, f"{score}")
        return int(best.removeprefix("trial"))

    small = folder_of(tmp_path, 1.0)
    try:
        Study(small, saves=True, stop_after=stop_after)
        checkpoints(small)
    except KeyboardInterrupt:
        pass
    # 12 updates are three whole trials, of which two were trained before: the incumbent is theirs
    large = folder_of(tmp_path, 1.2, smaller=(small.path,), keeps_checkpoints=True)
    assert Study(large, saves=True).trained == [2]
    assert checkpoints(large) < 2
    # where nothing was kept, what may be the incumbent is trained again
    bare = folder_of(tmp_path / "bare", 1.0)
    Study(bare)
    again = folder_of(tmp_path / "bare", 1.2, smaller=(bare.path,), keeps_checkpoints=True)
    assert 0 in Study(again, saves=True).trained
    assert checkpoints(again) < 2


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def another_score(path):
    table = pd.read_parquet(path)
    table.assign(validation_score=0.999).to_parquet(path, index=False)


def another_profile(path):
    path.write_text(path.read_text().replace("made up", "made down"))


DAMAGE = {
    "a flipped bit in a table": ("trials.parquet", flip, "was changed after it was written"),
    "a changed score": ("trials.parquet", another_score, "was changed after it was written"),
    "a truncated trial": ("trials/trial0001.npz", lambda p: os.truncate(p, 100), "was changed"),
    "an emptied trial": ("trials/trial0001.npz", lambda p: os.truncate(p, 0), "was changed"),
    "a missing table": ("evaluations.parquet", Path.unlink, "is missing"),
    "a missing trial": ("trials/trial0000.npz", Path.unlink, "is missing"),
    "a stray trial": ("trials/trial0000.npz", lambda p: shutil.copy(p, f"{p.parent}/trial0099.npz"),
                      "is no trial of this run"),
    "an emptied run.json": ("run.json", lambda p: os.truncate(p, 0), "cannot be read"),
    "a changed run.json": ("run.json", another_profile, "was changed after it was written"),
    "a run.json that is a list": ("run.json", lambda p: p.write_text("[]"), "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_seen_named_and_mended_with_what_is_whole(tmp_path, case):
    file, damage, words = DAMAGE[case]
    folder, whole = folder_of(tmp_path / "a", 1.0), folder_of(tmp_path / "b", 1.0)
    Study(folder)
    Study(whole)
    assert folder.damage() == ""
    damage(folder.path / file)
    assert words in folder.damage() and str(folder.path) in folder.damage()
    folder.reopen()
    assert not folder.finished
    lost = {int(file[-5])} if "trial0" in file and "stray" not in case else set()
    assert set(Study(folder).trained) == lost
    assert folder.damage() == ""
    assert_same_tables(folder, whole)


def test_another_runs_folder_is_not_taken_for_this_one(tmp_path):
    Study(folder_of(tmp_path, 1.0))
    other = folder_of(tmp_path, 2.0)
    (tmp_path / "1gst").rename(other.path)
    assert "is another's: {'run_id': 'm/rte/rs/1gst" in other.damage()


def test_another_searchs_folder_is_not_taken_for_this_one(tmp_path):
    folder = folder_of(tmp_path, 1.0)
    Study(replace(folder, about=ABOUT | {"fingerprint": "0123abcd"}))
    this = replace(folder, about=ABOUT | {"fingerprint": "ffffffff"})
    assert "is another's: {'fingerprint': '0123abcd'}" in this.damage()


def test_a_checkpoint_that_a_power_cut_emptied_is_trained_again(tmp_path):
    folder = replace(folder_of(tmp_path, 1.0), keeps_checkpoints=True)
    Study(folder, saves=True)
    (kept,) = folder.path.glob("checkpoints/*/model")
    score = kept.read_text()
    os.truncate(kept, 0)
    assert "checkpoints was changed" in folder.damage()
    folder.reopen()
    assert Study(folder, saves=True).trained
    assert (folder.damage(), kept.read_text()) == ("", score)


def finish_population(folder):
    for trial, parent in enumerate((None, None, 0, 0)):
        part = Segment(0.0, 1.0, trial % 2, 1 + trial // 2, parent)
        request = Request("run", trial, {}, {}, seeds=SEEDS, segment=part)
        folder.record(request, TrialResult("completed", segment=part))
    ledger = {"budget_unit": "steps", "budget": math.inf, "spent": 0}
    folder.finish(task=TASKS["rte"], examples=EXAMPLES, ledger=ledger)


def test_a_population_of_which_a_part_is_lost_is_trained_anew(tmp_path):
    """What the others went on from is not kept."""
    folder = folder_of(tmp_path, 1.0)
    finish_population(folder)
    flip(folder.path / "losses.parquet")
    folder.reopen()  # all trials are whole
    assert len(list(folder.partial.glob("trials/*"))) == 4
    shutil.rmtree(folder.partial)
    finish_population(folder)
    flip(folder.path / "trials/trial0003.npz")
    folder.reopen()
    assert list(folder.partial.glob("trials/*")) == []


@pytest.mark.parametrize("left", [None, b"", b"short"])
def test_a_population_whose_state_is_lost_says_how_to_go_on(tmp_path, left):
    folder = folder_of(tmp_path, 1.0)
    state = folder.state(3, 1)
    if left is not None:
        state.parent.mkdir(parents=True)
        state.write_bytes(left)
    part = Segment(1.0, 2.0, member=0, generation=2, parent=3)
    request = Request("run", 4, {"learning_rate": 1e-3}, {}, seeds=SEEDS, segment=part)
    with pytest.raises(ValueError, match=r"0001-trial0003.* must hold the state .*; remove .*1gst"):
        folder.recall(request)


def test_no_bit_of_a_trial_in_progress_changes_unseen(tmp_path):
    folder = folder_of(tmp_path, 1.0)
    request = Request("run", 0, {"learning_rate": 1e-3}, {}, seeds=SEEDS)
    predictions = {f"{s}_{c}": np.arange(4) for s, c in PREDICTED}
    result = TrialResult("completed", losses=np.ones(4, np.float32), predictions=predictions)
    folder.record(request, result)
    (path,) = folder.partial.glob("trials/*.npz")
    content = path.read_bytes()
    inside = unsealed(content)
    for place in range(0, len(inside), 7):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        path.write_bytes(changed)
        assert folder.recall(request) is None
    path.write_bytes(inside)  # as they were before they had a checksum
    assert folder.recall(request).predictions["test_best"].tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("size", [0, 10, 500])
def test_a_trial_that_a_power_cut_left_unreadable_is_trained_again_and_said(tmp_path, size, caplog):
    folder = folder_of(tmp_path, 1.0)
    with pytest.raises(KeyboardInterrupt):
        Study(folder, stop_after=2)
    os.truncate(folder.partial / "trials/trial0001.npz", size)
    assert Study(folder).trained[0] == 1
    (said,) = caplog.messages
    assert said.startswith(f"{folder.partial}/trials/trial0001.npz must hold a finished trial")
    assert said.endswith("it is trained again")


def test_results_of_another_format_are_refused_by_name(tmp_path):
    folder = folder_of(tmp_path, 1.0)
    Study(folder)
    about = folder.read_run()
    del about["format"]  # as in the first format
    (folder.path / "run.json").write_text(json.dumps(about))
    with pytest.raises(
        ValueError, match="1gst must hold results of format 2, .* 1; remove the fol"
    ):
        Results((folder,), "p").runs  # noqa: B018


def test_a_run_of_failed_trials_has_no_incumbent(tmp_path):
    folder = folder_of(tmp_path, 1.0)
    for trial in (0, 1):
        request = Request("run", trial, {"learning_rate": 1e-3}, {}, seeds=SEEDS)
        folder.record(request, TrialResult("failed", "no memory"))
    ledger = {"budget_unit": "steps", "budget": math.inf, "spent": 0}
    folder.finish(task=TASKS["rte"], examples=EXAMPLES, ledger=ledger)
    trials = folder.read("trials")
    assert trials["learning_rate"].tolist() == [1e-3, 1e-3]
    assert (
        trials[["init_seed", "order_seed", "dropout_seed"]].to_numpy().tolist() == [[1, 2, 3]] * 2
    )
    assert folder.read_run()["run"]["best_trial_id"] == ""
    assert folder.predictions().empty
    assert list(folder.trial_predictions()) == ["split", "index", "label"]
    assert Results((folder,), "p").test_evaluations["n_scored"].tolist() == [0]
