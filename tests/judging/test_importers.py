import json
import zipfile
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from finished_runs import write_runs
from foreign_trials import (
    RATES,
    SCORES,
    TESTS,
    frame,
    write_csv,
    write_optuna,
    write_ray,
    write_trainer_states,
    write_wandb,
)
from repro.judging.importers import read_trials


def test_a_csv_file_is_read_by_the_usual_names(tmp_path):
    trials = read_trials(write_csv(tmp_path))
    assert (trials.score, trials.sign, trials.hyperparameters) == (
        "val_accuracy",
        1,
        ("learning_rate",),
    )
    assert trials.frame["score"].tolist() == SCORES
    assert trials.frame["test_score"].tolist() == TESTS
    assert trials.frame["learning_rate"].tolist() == RATES
    assert trials.is_share


def test_a_ray_folder_keeps_failed_and_stopped_trials_apart(tmp_path):
    trials = read_trials(write_ray(tmp_path))
    assert trials.frame["score"].tolist() == pytest.approx(SCORES)
    status = ["completed"] * 8
    status[2], status[4] = "failed", "stopped"
    assert trials.frame["status"].tolist() == status
    assert trials.hyperparameters == ("learning_rate", "model/layers")
    assert len(trials.scored) == 7


def test_a_ray_folder_of_an_unknown_version_is_read_with_a_note(tmp_path):
    folder = write_ray(tmp_path)
    next(folder.glob("experiment_state*")).write_text('{"trials_v9": []}', encoding="utf-8")
    trials = read_trials(folder)
    assert any("No readable experiment state" in note for note in trials.notes)
    assert (trials.frame["status"] == "failed").sum() == 1  # error.txt still says so


def test_a_result_grid_is_read_from_its_results():
    results = [
        SimpleNamespace(
            metrics={"val_accuracy": score, "training_iteration": 3, "config": {"lr": rate}},
            config={"lr": rate},
            error=ValueError("boom") if i == 2 else None,
        )
        for i, (rate, score) in enumerate(zip(RATES, SCORES, strict=True))
    ]

    class Grid(list):
        def get_dataframe(self):
            raise AssertionError("not needed")

    trials = read_trials(Grid(results))
    assert trials.hyperparameters == ("learning_rate",)
    assert len(trials.scored) == 7


def test_trainer_states_are_one_trial_a_run_of_the_latest_checkpoint(tmp_path):
    trials = read_trials(write_trainer_states(tmp_path))
    assert trials.frame["trial"].tolist() == [f"run-{i}" for i in range(8)]
    assert trials.frame["score"].tolist() == pytest.approx(SCORES)
    assert trials.score == "eval_accuracy"
    assert trials.frame["learning_rate"].tolist() == RATES
    assert any("pickle" in note for note in trials.notes)


def test_the_best_evaluation_counts_where_the_trainer_kept_the_best_model(tmp_path):
    folder = write_trainer_states(tmp_path)
    path = folder / "run-3/checkpoint-20/trainer_state.json"
    state = json.loads(path.read_text(encoding="utf-8"))
    state |= {"best_metric": SCORES[3] - 0.05, "best_model_checkpoint": "checkpoint-10"}
    path.write_text(json.dumps(state), encoding="utf-8")
    assert read_trials(folder).frame["score"][3] == pytest.approx(SCORES[3] - 0.05)


def test_offline_runs_of_weights_and_biases_are_read_without_it(tmp_path):
    trials = read_trials(write_wandb(tmp_path))
    assert trials.frame["score"].tolist() == pytest.approx(SCORES)
    status = [*["completed"] * 2, "failed", *["completed"] * 4, "running"]
    assert trials.frame["status"].tolist() == status
    assert trials.hyperparameters == ("learning_rate", "model/layers")


def test_an_export_of_weights_and_biases_is_a_csv_file_like_any(tmp_path):
    table = frame().rename(columns={"trial": "Name"})
    table = table.assign(State="finished", Created="2026", Runtime=1, Sweep="s", Tags="")
    table.loc[7, "State"] = "crashed"
    table.to_csv(tmp_path / "export.csv", index=False)
    trials = read_trials(tmp_path / "export.csv")
    assert trials.hyperparameters == ("learning_rate",)
    assert len(trials.scored) == 7


@pytest.fixture(scope="module")
def study_file(tmp_path_factory):
    return write_optuna(tmp_path_factory.mktemp("optuna"))


def test_an_optuna_storage_is_read_by_file_url_and_study(study_file):
    import optuna

    url = f"sqlite:///{study_file}"
    sources = study_file, url, optuna.load_study(study_name="tuning", storage=url)
    for source in sources:
        trials = read_trials(source)
        assert trials.sign == 1
        assert trials.domains == {"learning_rate": (1e-6, 1e-2)}
        assert trials.frame["status"].tolist()[2] == "failed"
        assert trials.scored["score"].tolist() == [
            s for i, s in enumerate(SCORES) if i not in (2, 4)
        ]
        assert trials.scored["test_score"].tolist()[0] == TESTS[0]


def test_a_study_with_several_objectives_must_say_which():
    import optuna

    study = optuna.create_study(directions=["maximize", "minimize"])
    for rate, score in zip(RATES, SCORES, strict=True):
        values = {"values": [score, 1 - score], "params": {"lr": rate}}
        domain = optuna.distributions.FloatDistribution(0, 1)
        study.add_trial(optuna.trial.create_trial(**values, distributions={"lr": domain}))
    with pytest.raises(ValueError, match="one objective, but this has 2"):
        read_trials(study)
    second = read_trials(study, score="values_1")
    assert second.sign == -1
    assert second.frame["score"].tolist() == pytest.approx([s - 1 for s in SCORES])


def test_recorded_trials_are_read_by_name():
    trials = read_trials("deberta", where={"model": "deberta-base"})
    assert len(trials.scored) == 1024
    assert trials.frame["test_score"].notna().all()
    with pytest.raises(ValueError, match="one search, but there are 2; choose with where"):
        read_trials("deberta")


def test_own_results_are_read_one_tuning_run_at_a_time(tmp_path):
    from repro.study.profile import load_profile

    write_runs(load_profile("smoke"), tmp_path)
    with pytest.raises(ValueError, match="one search, but there are .* where={'run_id'"):
        read_trials(tmp_path)
    run = next(tmp_path.rglob("trials.parquet")).parent
    trials = read_trials(run)
    assert trials.score == "validation_score"
    assert "learning_rate" in trials.hyperparameters


BAD = {
    "pickle": ("trials.pkl", b"\x80\x04", "must not be a pickle"),
    "torch": ("training_args.bin", b"\x80\x04", "must not be a pickle"),
    "other": ("trials.xlsx", b"PK", "must end in .csv"),
    "empty": ("empty.csv", b"", "must be a readable .csv file"),
    "no score": ("a.csv", b"lr,layers\n1,2\n", "one column must be the validation score"),
    "two scores": (
        "b.csv",
        b"lr,val_loss,val_accuracy\n1,2,3\n",
        "but ['val_loss', 'val_accuracy']",
    ),
    "direction": ("c.csv", b"lr,metric\n1,2\n", "give direction='maximize' or"),
    "text": ("d.csv", b"lr,accuracy\n1,good\n", "must hold numbers, but row 0 holds 'good'"),
    "status": ("e.csv", b"lr,accuracy,state\n1,1,odd\n", "must be among"),
    "all failed": ("f.csv", b"lr,accuracy\n1,nan\n2,inf\n", "none has: {'failed': 2}"),
    "no rows": ("g.csv", b"lr,accuracy\n", "none has: no trials at all"),
    "directions": (
        "h.csv",
        b"lr,score,direction\n1,1,maximize\n2,1,minimize\n",
        "all trials must have one direction",
    ),
    "several tasks": (
        "k.csv",
        b"task,lr,accuracy\nrte,1,1\nmrpc,1,2\n",
        "the trials must be of one task, but `task` has 2",
    ),
    "several rows": ("i.csv", b"trial,lr,accuracy\n1,1,1\n1,1,2\n", "each trial must be one row"),
    "storage": ("j.db", b"not a database at all, but long enough to look at", "that Optuna"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_errors_of_one_line(tmp_path, case):
    name, content, message = BAD[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        read_trials(path)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_archives_are_refused_before_anything_is_read(tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("trials.csv", "lr,accuracy\n1,1\n")
    with pytest.raises(ValueError, match="must not be an archive"):
        read_trials(path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("no-such-thing", "is neither; recorded are"),
        ("sqlite:///no-such-file.db", "is neither"),
        (3.5, "but got float"),
    ],
)
def test_what_is_no_source_is_named(source, message):
    with pytest.raises(ValueError, match=message):
        read_trials(source)


def test_a_folder_of_nothing_or_of_two_tools_is_refused(tmp_path):
    with pytest.raises(ValueError, match="but holds none of them"):
        read_trials(tmp_path)
    write_ray(tmp_path / "a")
    write_trainer_states(tmp_path / "b")
    with pytest.raises(ValueError, match="files of one tool"):
        read_trials(tmp_path)


@pytest.mark.parametrize(
    "content", [b"", b":W&B\xe1\xbe\x07rest", b":W&B\xe1\xbe\x00" + b"\xff" * 60]
)
def test_run_files_of_another_version_or_damaged_are_refused_or_empty(tmp_path, content):
    (tmp_path / "run-a.wandb").write_bytes(content)
    with pytest.raises(ValueError, match="run file of Weights|damaged|one column must be"):
        read_trials(tmp_path)


def test_duplicates_and_rows_that_are_still_running_are_said_to_be_left_out():
    table = frame().assign(seed=1, status="completed")
    table.loc[7, ["val_accuracy", "status"]] = [np.nan, "running"]
    table = pd.concat([table, table.iloc[[0]], table.iloc[[1]].assign(trial=99)])
    trials = read_trials(table)
    assert len(trials.frame) == 8
    text = " ".join(trials.notes)
    assert "Left out: 2 rows" in text
    assert "Still running: 1 of 8 trials" in text


def test_what_might_be_a_hyperparameter_tells_configurations_apart():
    table = frame().assign(model_name="a", n_layers=[1, 2] * 4, runtime=range(8), n=3, epoch=9)
    trials = read_trials(table)
    assert trials.hyperparameters == ("learning_rate", "model_name", "n_layers", "n_")


def test_order_of_rows_gives_the_order_of_trials_and_repetitions_share_a_configuration():
    table = pd.concat([frame().assign(seed=s, trial=range(8 * s, 8 * s + 8)) for s in (0, 1)])
    table["val_accuracy"] += 0.001 * table["seed"]
    trials = read_trials(table)
    assert trials.frame["configuration"].tolist() == [*range(8), *range(8)]


def test_a_column_may_be_chosen_and_a_wrong_one_is_named():
    trials = read_trials(frame(), score="test_accuracy", hyperparameters=["lr"])
    assert trials.frame["score"].tolist() == TESTS
    for name in ("score", "test"):
        with pytest.raises(ValueError, match=f"`{name}` must name a column, but got 'acuracy'"):
            read_trials(frame(), **{name: "acuracy"})
    with pytest.raises(ValueError, match="did you mean 'lr'"):
        read_trials(frame(), hyperparameters=["lrr"])
    with pytest.raises(ValueError, match="`where` must leave some trials"):
        read_trials(frame(), where={"trial": 77})
