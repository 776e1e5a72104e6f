"""The driver of the procedure: waves, resuming, mined spaces; training is made up, but once."""

import json
import zlib
from functools import partial

import numpy as np
import pandas as pd
import pytest

import serial
from notebook_cells import run_notebook
from repro.chapters.procedure import run as procedure
from repro.chapters.procedure.run import run_procedure
from repro.records import make_table
from repro.results.files import digest
from repro.results.folders import FORMAT
from repro.results.tables import Results
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, read_results
from synthetic_study import _trial as make_trial

TIMES = ["seconds"]


class FakeStudy:
    """Stands for `run_all`: writes a run's tables at once, with the scores that it is told."""

    def __init__(self, scores, *, dies_after=None):
        self.scores, self.dies_after, self.ran, self.waves = scores, dies_after, [], []

    def __call__(self, profile, runs, *, results):
        study = read_results(profile, runs, results=results)
        self.waves.append([folder.key["run_id"] for folder in study.folders])
        for folder in study.folders:
            if not folder.finished:
                if len(self.ran) == self.dies_after:
                    raise KeyboardInterrupt
                self.ran.append(folder.key["run_id"])
                self._write(folder)
        return study

    def _write(self, folder):
        rng = np.random.default_rng(zlib.crc32(folder.key["run_id"].encode()))
        trial = make_trial(folder.key, 0, status="completed", method=folder.key["method"], rng=rng)
        trial |= {"warmup_ratio": 0.02} if folder.key["method"] != "grid" else {}
        names = ("validation_score", "test_score", "validation_loss")
        trial |= dict(zip(names, self.scores(folder.key), strict=True))
        metric = {"rte": "accuracy", "cola": "matthews"}[folder.key["task"]]
        trial[f"validation_{metric}"] = trial["validation_score"]
        folder.path.mkdir(parents=True)
        make_table("trials", [trial]).to_parquet(folder.path / "trials.parquet")
        costs = {"steps": 10, "seconds": 1.0, "n_trials": 1, "n_failed": 0, "spent": 10.0}
        run = folder.key | costs | {"epochs_trained": 1.0, "gpu_seconds": 0.0, "overshoot": 0.0}
        run |= {"profile": "", "split": "official", "budget_unit": "steps", "budget": None}
        run |= {"best_trial_id": trial["trial_id"]}
        files = {"trials.parquet": digest(folder.path / "trials.parquet")}
        about = {"run": run, "format": FORMAT, "files": files}
        (folder.path / "run.json").write_text(json.dumps(about))


def overfits_until(spaces, budgets=()):
    """Return scores of which HPO's overfit in these spaces, fall short with these budgets."""

    def scores(key):
        if key["method"] == "grid":
            return 0.80, 0.70, 0.5
        if key["space"] in spaces:
            return 0.82, 0.68, 0.4
        return (0.78, 0.72, 0.4) if key["budget_gst"] in budgets else (0.82, 0.72, 0.4)

    return scores


def profile(**changes):
    changes = {"tasks": ["rte", "cola"], "repetitions": 2} | changes
    settings = {"tasks": changes["tasks"], "budgets_gst": [1, 4], "methods": ["rs", "asha"]}
    return load_profile("smoke", **changes | {"procedure": settings | changes.get("procedure", {})})


def run(monkeypatch, folder, fake, **changes):
    monkeypatch.setattr(procedure, "run_all", fake)
    return run_procedure(profile(**changes), results=folder)


def test_all_paths_share_a_study_a_round(monkeypatch, tmp_path):
    fake = FakeStudy(overfits_until(["full"], budgets=[1.0]))
    found = run(monkeypatch, tmp_path, fake)
    # full 1 overfits, s-wr 1 falls short, s-wr 4 succeeds: 3 waves of 2 tasks x 2 methods x 2
    assert [len(wave) for wave in fake.waves] == [2 + 8] * 3
    assert len(set(fake.ran)) == len(fake.ran) == 2 + 3 * 8
    path = found.trace.query("task == 'rte' and method == 'asha'")
    assert path["decision"].tolist() == ["reduce_space", "more_budget", "succeeds"]
    assert path["action"].tolist() == ["start", "reduce_space", "more_budget"]
    assert path[["space", "budget_gst"]].to_numpy().tolist() == [
        ["full", 1], ["s-wr", 1], ["s-wr", 4],
    ]  # fmt: skip
    assert (found.trace["steps"] == 20).all()
    assert len(found.results.runs) == len(fake.ran)
    assert len(found.rounds) == 3 * 8


def test_paths_end_each_in_their_own_time(monkeypatch, tmp_path):
    always, never = overfits_until(["full", "s-wr", "smin"]), overfits_until([])
    fake = FakeStudy(lambda key: (always if key["task"] == "cola" else never)(key))
    found = run(monkeypatch, tmp_path, fake)
    last = found.trace.groupby(["task", "method"])["decision"].last()
    assert last.to_dict() == {
        ("rte", "rs"): "succeeds",
        ("rte", "asha"): "succeeds",
        ("cola", "rs"): "overfits",
        ("cola", "asha"): "overfits",
    }
    assert [len(wave) for wave in fake.waves] == [10, 5, 5]


@pytest.mark.parametrize("dies_after", [0, 1, 7, 13, 25])
def test_killed_in_mid_round_it_gives_the_same_trace(monkeypatch, tmp_path, dies_after):
    scores = overfits_until(["full"], budgets=[1.0])
    whole = run(monkeypatch, tmp_path / "whole", FakeStudy(scores))
    killed, resumed = FakeStudy(scores, dies_after=dies_after), FakeStudy(scores)
    with pytest.raises(KeyboardInterrupt):
        run(monkeypatch, tmp_path / "killed", killed)
    again = run(monkeypatch, tmp_path / "killed", resumed)
    assert len(killed.ran) == dies_after
    assert not set(killed.ran) & set(resumed.ran)
    pd.testing.assert_frame_equal(again.trace, whole.trace)
    pd.testing.assert_frame_equal(again.rounds, whole.rounds)


def test_the_first_round_is_the_initial_study(monkeypatch, tmp_path):
    fake = FakeStudy(overfits_until([]))
    run(monkeypatch, tmp_path, fake)
    initial = profile(methods=["grid", "rs", "asha"])
    study = read_results(initial, enumerate_runs(initial), results=tmp_path)
    assert {folder.key["run_id"] for folder in study.folders} == set(fake.ran)
    assert all(folder.finished for folder in study.folders)


def test_mined_spaces_replace_those_in_between(monkeypatch, tmp_path):
    # every incumbent lies at a warm-up of 0.02, below grid's 0.1; other values are draws
    fake = FakeStudy(overfits_until(["full"]))
    found = run(monkeypatch, tmp_path, fake, procedure={"fix": "mined"})
    assert found.ladders["tiny-electra"].spaces == ("full", "s-wr", "smin")
    warmup = found.patterns["tiny-electra"].set_index("hyperparameter").loc["warmup_ratio"]
    assert (warmup["n_runs"], warmup["n_lower"]) == (8, 8)
    nothing = FakeStudy(overfits_until([]))
    found = run(monkeypatch, tmp_path / "none", nothing, procedure={"fix": "mined"})
    assert set(found.trace["decision"]) == {"succeeds"}


def test_a_missing_score_names_its_cell(monkeypatch, tmp_path):
    fake = FakeStudy(lambda key: (0.8, float("nan") if key["repetition"] == 2 else 0.7, 0.5))
    with pytest.raises(ValueError, match="`test_score` of .*/cola/asha, round 0, rep.* 2"):
        run(monkeypatch, tmp_path, fake)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fix": "guess"}, "`procedure.fix`: must be 'order' or 'mined'"),
        ({"fixx": "mined"}, "unknown key \\(did you mean 'fix'\\?\\); known: spaces, budgets_gst"),
        ({"spaces": {"default": ["full", "fixed-epochs"]}}, "reduction 'fixed-epochs'.*known: l"),
        ({"spaces": {"default": ["full", "s-w"]}}, "unknown reduction 's-w'.*'s-wr'"),
        ({"spaces": {"default": ["smin", "full"]}}, "fewer hyperparameters .* full comes after"),
        ({"spaces": {"electra-mini": ["full"]}}, "`spaces` must have a default"),
        ({"budgets_gst": [4, 1]}, "must rise from one to the next"),
        ({"methods": ["grid"]}, "must not hold grid"),
        ({"weak": "los"}, "`procedure.weak`: must be 'loss', 'tie' or 'off'"),
        ({"outperforms": "all"}, "`procedure.outperforms`: must be 'means', "),
    ],
)
def test_impossible_settings_are_refused_on_loading(settings, message):
    with pytest.raises(ValueError, match=message):
        profile(procedure=settings)


def test_unknown_tasks_are_refused_before_training(monkeypatch, tmp_path):
    with pytest.raises(ValueError, match="unknown task of the procedure 'wnli'; known: cola, rte"):
        run(monkeypatch, tmp_path, FakeStudy(overfits_until([])), procedure={"tasks": ["wnli"]})


@pytest.mark.parametrize(
    ("tasks", "expected"),
    [
        ("all", {"tiny-electra": {"rte", "cola"}, "tiny-roberta": {"rte", "cola"}}),
        ("rte", {"tiny-electra": {"rte"}, "tiny-roberta": {"rte"}}),
        (
            {"default": ["rte", "cola"], "roberta-mini": ["cola"]},
            {"tiny-electra": {"rte", "cola"}, "tiny-roberta": {"cola"}},
        ),
    ],
)
def test_tasks_may_be_all_or_a_few_or_differ_by_family(monkeypatch, tmp_path, tasks, expected):
    models = {"models": ["tiny-electra", "tiny-roberta"], "repetitions": 1}
    fake = FakeStudy(overfits_until([]))
    found = run(monkeypatch, tmp_path, fake, **models, procedure={"tasks": tasks})
    assert found.trace.groupby("model")["task"].agg(set).to_dict() == expected


def test_tasks_by_family_need_a_default_and_known_families():
    with pytest.raises(ValueError, match="`tasks` must have a default, but got .'electra-mini'"):
        profile(procedure={"tasks": {"electra-mini": ["rte"]}})
    with pytest.raises(ValueError, match="unknown family 'electro'"):
        profile(procedure={"tasks": {"default": ["rte"], "electro": ["rte"]}})


def made_up_predictions(run_id):
    rng = np.random.default_rng(zlib.crc32(run_id.encode()))
    frame = pd.DataFrame({"split": ["validation", "test"] * 50, "index": np.arange(100) // 2})
    columns = {"checkpoint": "best", "label": 1, "prediction": rng.integers(2, size=100)}
    return frame.assign(**columns)


def made_up_evaluations(results):
    steps = pd.DataFrame({"step": [1, 2, 3, 4]})
    table = results.trials[["trial_id", "validation_score"]].merge(steps, how="cross")
    return table.assign(epoch=table["step"] / 4, seconds=1.0)


@pytest.mark.parametrize(
    ("models", "methods", "spaces"),
    [(["tiny-electra", "tiny-roberta"], ["rs", "asha"], ["full"]), (["tiny-bert"], ["asha"], [])],
)
def test_the_notebook_runs_whatever_there_is(tmp_path, monkeypatch, models, methods, spaces):
    # BERT is not in the paper, nothing of it overfits, and no curve is random search's
    fake = FakeStudy(overfits_until(spaces, budgets=[1.0]))
    settings = {"methods": methods, "tasks": ["rte", "cola"]}
    procedure_of = partial(run_procedure, results=tmp_path / "results")
    monkeypatch.setattr(procedure, "run_all", fake)
    monkeypatch.setattr(procedure, "run_procedure", procedure_of)
    monkeypatch.setattr(Results, "predictions", lambda _, run_id: made_up_predictions(run_id))
    monkeypatch.setattr(Results, "evaluations", property(made_up_evaluations))
    parameters = {"profile": "smoke", "models": models, "repetitions": 2, "procedure": settings}
    items = run_notebook("02_procedure_execution", parameters, tmp_path, monkeypatch)
    assert {"figure01", "replay", "trace", "costs", "costs_paper", "uncertainty", "claims"} < set(
        items
    )
    for model in models:
        assert {f"path_strips_{model}", f"table10_11_{model}"} < set(items)
        assert (f"full_curves_{model}" in items) == ("rs" in methods)
    assert "As printed." in items["table10_11_electra-base"]["caption"]
    assert items["headline"]["finding"].startswith("Of ")


def trained(monkeypatch, folder, stop_after=None):
    """Run the procedure with real training, in this process; killed after so many trials."""
    tune_runs = partial(serial.tune_runs, stop_after=stop_after)
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", tune_runs)
    settings = {"methods": ["rs", "asha"], "budgets_gst": [1, 2]}
    return run_procedure(load_profile("smoke", procedure=settings), results=folder)


def test_really_trained_and_killed_in_mid_round_it_gives_the_same_trace(monkeypatch, tmp_path):
    whole = trained(monkeypatch, tmp_path / "whole")
    assert whole.trace["round"].max() > 0
    n_first = len(whole.results.trials.merge(whole.rounds.query("round == 0")["run_id"]))
    killed, n_kills = tmp_path / "killed", 0
    for stop_after in (2, n_first + 1):  # the second time three grid trials need no training
        try:
            trained(monkeypatch, killed, stop_after)
        except KeyboardInterrupt:
            n_kills += 1
    assert n_kills == 2
    assert list(killed.rglob("*.partial"))
    again = trained(monkeypatch, killed)
    assert not list(killed.rglob("*.partial"))
    pd.testing.assert_frame_equal(again.trace.drop(columns=TIMES), whole.trace.drop(columns=TIMES))
