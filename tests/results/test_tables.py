"""What is read back from finished runs: all trials' predictions, late scores, counts."""

import numpy as np
import pandas as pd
import pytest

from finished_runs import write_runs
from official_layout import write_official
from repro.data.metrics import score_predictions
from repro.results.deferred import read_returned_scores
from repro.show.cells import describe_study
from repro.study.objective import load_data
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, read_results, run_all

GOLD = "g\tf\t2012\t0004\t5.0\tA cat.\tOne cat.\ng\tf\t2012\t0005\t1.5\tA cat.\tA dog.\n"


def smoke(**changes):
    return load_profile("smoke", **({"tasks": ["rte"], "methods": ["grid"]} | changes))


def read(profile, folder):
    return read_results(profile, enumerate_runs(profile), results=folder)


@pytest.fixture
def hidden(tmp_path):
    """A finished study on STS-B without test labels, the changes that make it, and its gold."""
    (tmp_path / "glue").mkdir()
    write_official(tmp_path / "glue", "stsb")
    (tmp_path / "gold.tsv").write_text(GOLD, encoding="utf-8")
    changes = {"tasks": ["stsb"], "source": str(tmp_path / "glue"), "sizes": {}}
    write_runs(smoke(**changes), tmp_path / "results")
    return tmp_path / "results", changes, str(tmp_path / "gold.tsv")


def test_all_trials_predictions_lie_side_by_side(tmp_path):
    profile = smoke(tasks=["rte", "stsb"], shifted_tests={1.0: 10})
    runs = write_runs(profile, tmp_path)
    results = read(profile, tmp_path)
    for run in runs:
        run_id, data = run.tuning.run_id, load_data(run.tuning.context.data)
        table = results.trial_predictions(run_id)
        assert list(table) == ["split", "index", "label", "trial0000", "trial0002"]
        assert table["split"].value_counts().to_dict() == {
            "validation": 32, "test": 32, "test-shift1": 10,
        }  # fmt: skip
        kind = "float32" if data.task.labels is None else "int16"
        assert table["trial0000"].dtype == kind
        trials = results.trials.set_index("trial_id")
        test = table[table["split"] == "test"]
        scores = score_predictions(data.task, test["trial0002"], test["label"])
        stored = trials.loc[f"{run_id}/trial0002", "test_score"]
        assert scores[data.task.metric] == pytest.approx(stored, abs=1e-6)
        best = results.runs.set_index("run_id").loc[run_id, "best_trial_id"].rpartition("/")[2]
        own = results.predictions(run_id)
        own = own[(own["split"] == "test") & (own["checkpoint"] == "best")]
        np.testing.assert_allclose(own["prediction"], test[best], rtol=1e-6)


def test_evaluations_on_each_test_set_are_counted(tmp_path, hidden):
    profile = smoke(shifted_tests={0.0: 10, 1.0: 20})
    write_runs(profile, tmp_path)
    counts = read(profile, tmp_path).test_evaluations.set_index("split")
    # three trials, of which one failed before it predicted anything
    assert counts["n_scored"].to_dict() == {"test": 2, "test-shift0": 2, "test-shift1": 2}
    assert counts["n_examples"].tolist() == [32, 10, 20]
    assert (counts["n_trials"] == 3).all() and (counts["n_returned"] == 0).all()
    folder, changes, gold = hidden
    assert read(smoke(**changes), folder).test_evaluations["n_scored"].tolist() == [0]
    named = read(smoke(**changes, test_labels={"stsb": gold}), folder)
    assert named.test_evaluations["n_scored"].tolist() == [2]


def test_gold_labels_score_what_is_finished(hidden):
    folder, changes, gold = hidden
    before = read(smoke(**changes), folder)
    assert before.trials["test_score"].isna().all() and set(before.trials["test_source"]) == {""}
    results = read(smoke(**changes, test_labels={"stsb": gold}), folder)
    trials = results.trials.set_index("trial")
    assert trials["test_source"].tolist() == ["labels", "", "labels"]
    run_id = results.runs["run_id"][0]
    table = results.trial_predictions(run_id)
    test = table[table["split"] == "test"]
    assert test["label"].tolist() == [5.0, 1.5]
    assert table.loc[table["split"] == "validation", "label"].notna().all()
    # two examples: their correlation is the sign of the difference
    sign = np.sign(test["trial0000"].iloc[0] - test["trial0000"].iloc[1])
    assert trials.loc[0, "test_score"] == pytest.approx(sign)
    assert trials.loc[0, "test_spearman"] == pytest.approx(sign)
    assert trials.loc[[0, 2], "last_test_score"].abs().tolist() == pytest.approx([1, 1])
    same = [c for c in before.trials if not c.startswith(("test_", "last_test"))]
    pd.testing.assert_frame_equal(before.trials[same], results.trials[same])


def returned_file(tmp_path, *rows, header="task,run,trial,metric,percent"):
    path = tmp_path / "returned.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def test_returned_scores_stand_in_for_hidden_ones_and_are_marked(hidden, tmp_path):
    folder, changes, gold = hidden
    name = read(smoke(**changes), folder).folders[0].name
    rows = (
        f"stsb,{name},trial0002,pearson,87.5", f"stsb,{name},trial0002,spearman,-86.1",
        f"stsb,{name},trial0000,pearson,", "rte,another/study-00000000,trial0000,accuracy,70",
    )  # fmt: skip
    file = str(returned_file(tmp_path, *rows))
    results = read(smoke(**changes, returned_scores=file), folder)
    row = results.trials.set_index("trial").loc[2]
    assert (row["test_score"], row["test_pearson"], row["test_spearman"]) == (0.875, 0.875, -0.861)
    assert results.trials["test_source"].tolist() == ["", "", "returned"]
    assert results.test_evaluations[["n_scored", "n_returned"]].to_numpy().tolist() == [[0, 1]]
    is_shown = results.runs["best_trial_id"][0] == row["trial_id"]
    note = describe_study(results.runs, results.trials)
    assert ("test scores of 1 of 1 tuning runs (†) came back from GLUE" in note) == is_shown
    # labels that we have ourselves go first
    both = read(smoke(**changes, returned_scores=file, test_labels={"stsb": gold}), folder)
    assert both.trials["test_source"].tolist() == ["labels", "", "labels"]
    assert abs(both.trials["test_score"][2]) == pytest.approx(1)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("rtee,r,t,accuracy,70", "line 2: unknown task 'rtee'.*known: cola"),
        ("rte,r,t,f1,70", "line 2: unknown metric of rte 'f1'; known: accuracy"),
        ("rte,r,t,accuracy,seventy", "`percent` must be a number .* from 0 to 100 .*got 'sev"),
        ("rte,r,t,accuracy,170", "from 0 to 100 and no fraction of 1, but got '170'"),
        ("rte,r,t,accuracy,nan", "from 0 to 100 and no fraction of 1, but got 'nan'"),
        ("rte,r,t,accuracy,7\nrte,r,t,accuracy,8", "one row a trial and metric; drop line 3"),
    ],
)
def test_scores_that_cannot_be_are_refused(tmp_path, row, message):
    with pytest.raises(ValueError, match=message):
        read_returned_scores(returned_file(tmp_path, row))


def test_another_table_is_refused_before_anything_starts(tmp_path, monkeypatch):
    started = lambda *_, **__: pytest.fail("something was started")  # noqa: E731
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", started)
    profile = smoke(returned_scores=str(returned_file(tmp_path, header="task,score")))
    with pytest.raises(ValueError, match="must have the columns task, run, trial, metric, percent"):
        run_all(profile, enumerate_runs(profile), results=tmp_path / "results")
    assert not (tmp_path / "results").exists()
