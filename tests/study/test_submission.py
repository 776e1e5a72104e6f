"""Submissions to the GLUE site: files, formats, what is filled, and what is refused."""

import csv
import re
import zipfile

import numpy as np
import pytest

from finished_runs import write_runs
from repro.cli import commands as command_line
from repro.data.definitions import GLUE_SIZES, TASKS
from repro.paths import ROOT
from repro.study import submission
from repro.study.objective import fingerprint_data
from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, read_results
from repro.study.submission import FILES, submit

GLUE = ROOT.parent / "shared/glue"
SIZES = {"cola": 12, "stsb": 10, "wnli": 9, "rte": 8, "mnli": 7}
FURTHER = {"test-mismatched": 6, "test-ax": 5}


def smoke(**changes):
    changes = {"tasks": list(SIZES), "methods": ["grid", "rs"]} | changes
    return load_profile("smoke", **changes)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A finished study; GLUE's numbers of rows are its own for the time being."""
    profile, folder = smoke(), tmp_path / "results"
    for module in ("finished_runs", "repro.study.objective", "repro.study.study"):
        monkeypatch.setattr(f"{module}.load_data", with_sizes)
    for task, size in SIZES.items():
        further = FURTHER if task == "mnli" else {}
        monkeypatch.setitem(GLUE_SIZES, task, {"test": size} | further)
    fingerprint_data.cache_clear()
    write_runs(profile, folder)
    yield profile, folder
    fingerprint_data.cache_clear()


def with_sizes(settings, test_labels=None):
    from dataclasses import replace

    from repro.data.tasks import load_task

    task = settings.task
    data = load_task(task, "mini", sizes={"train": 9, "validation": 8, "test": SIZES[task]})
    splits = dict(data.splits)
    if task == "mnli":
        splits |= {name: splits["test"].head(n) for name, n in FURTHER.items()}
    hidden = float("nan") if data.task.labels is None else -1
    return replace(data, splits=splits | {"test": splits["test"].assign(label=hidden)})


def read_zip(path):
    with zipfile.ZipFile(path) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    return {name: [line.split("\t") for line in t.splitlines()] for name, t in texts.items()}


def test_glue_s_own_files_and_numbers_of_rows():
    # the official counts; reference sizes of the test sets in GLUE's paper, Table 1
    assert {name: GLUE_SIZES[task][split] for name, (task, split) in FILES.items()} == {
        "CoLA": 1063, "SST-2": 1821, "MRPC": 1725, "STS-B": 1379, "QQP": 390965, "MNLI-m": 9796,
        "MNLI-mm": 9847, "QNLI": 5463, "RTE": 3000, "WNLI": 146, "AX": 1104,
    }  # fmt: skip


@pytest.mark.skipif(not GLUE.is_dir(), reason="the real GLUE files are not beside this repository")
@pytest.mark.parametrize("task", ["cola", "stsb", "rte", "wnli"])
def test_numbers_and_indices_are_those_of_the_real_test_sets(task):
    from repro.data.tasks import load_task

    rows = load_task(task, GLUE).splits["test"]
    assert rows["index"].tolist() == list(range(GLUE_SIZES[task]["test"]))


def test_a_submission_has_every_file_in_glue_s_format(study, tmp_path):
    profile, folder = study
    listed = submit(profile, out=tmp_path / "glue.zip", results=folder).set_index("file")
    files = read_zip(tmp_path / "glue.zip")
    assert list(files) == [f"{name}.tsv" for name in FILES] == list(listed.index)
    for name, (task, split) in FILES.items():
        header, *rows = files[f"{name}.tsv"]
        assert header == ["index", "prediction"]
        assert [row[0] for row in rows] == [str(i) for i in range(GLUE_SIZES[task][split])]
    values = {name: {row[1] for row in files[f"{name}.tsv"][1:]} for name in FILES}
    assert values["CoLA"] == {"0", "1"} == values["WNLI"]
    assert values["RTE"] == {"entailment", "not_entailment"}
    assert values["MNLI-m"] | values["MNLI-mm"] | values["AX"] <= set(TASKS["mnli"].labels)
    scores = [float(v) for v in values["STS-B"]]
    assert min(scores) == 0 and max(scores) == 5  # the made-up ones reach beyond both ends
    filled = listed.index[listed["run"] == ""].tolist()
    assert filled == ["SST-2.tsv", "MRPC.tsv", "QQP.tsv", "QNLI.tsv"]
    assert values["QNLI"] == {"entailment"} and values["QQP"] == {"0"}


def test_the_predictions_are_those_of_the_trial_at_the_rank(study, tmp_path):
    profile, folder = study
    results = read_results(profile, enumerate_runs(profile), results=folder)
    trials = results.trials[(results.trials["task"] == "rte") & (results.trials["method"] == "rs")]
    ranked = trials.sort_values("validation_score", ascending=False)["trial_id"].tolist()
    for rank in (1, 2):
        out = tmp_path / f"{rank}.zip"
        listed = submit(profile, out=out, method="rs", rank=rank, results=folder)
        row = listed.set_index("file").loc["RTE.tsv"]
        assert f"{row['run']}/{row['trial']}" == ranked[rank - 1]
        table = results.trial_predictions(row["run"])
        ids = table.loc[table["split"] == "test", row["trial"]]
        names = [TASKS["rte"].labels[i] for i in ids]
        assert [r[1] for r in read_zip(out)["RTE.tsv"][1:]] == names


def test_the_same_study_gives_the_same_bytes(study, tmp_path):
    profile, folder = study
    paths = [tmp_path / name for name in ("a.zip", "b.zip")]
    for path in paths:
        submit(profile, out=path, results=folder)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_scores_are_asked_for_once_and_come_back_into_the_tables(study, tmp_path):
    profile, folder = study
    file = tmp_path / "scores.csv"
    file.write_text("task,run,trial,metric,percent\n")
    asking = profile.model_copy(update={"returned_scores": str(file)})
    submit(asking, out=tmp_path / "a.zip", results=folder)
    text = file.read_text()
    rows = list(csv.DictReader(text.splitlines()))
    assert [(r["task"], r["metric"]) for r in rows] == [
        ("cola", "matthews"), ("stsb", "pearson"), ("stsb", "spearman"), ("mnli", "accuracy"),
        ("rte", "accuracy"), ("wnli", "accuracy"),
    ]  # fmt: skip
    file.write_text(re.sub("(rte.*),$", r"\1,61.5", text, flags=re.M))
    submit(asking, out=tmp_path / "b.zip", results=folder)  # adds nothing, changes nothing
    assert len(file.read_text().splitlines()) == 7 and "61.5" in file.read_text()
    results = read_results(asking, enumerate_runs(asking), results=folder)
    trials = results.trials[results.trials["test_source"] == "returned"]
    assert trials["test_score"].tolist() == [0.615] and trials["task"].tolist() == ["rte"]
    submit(asking, out=tmp_path / "c.zip", rank=2, results=folder)
    assert len(file.read_text().splitlines()) == 13


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"method": "asha"}, "by asha must be finished, but none is; run the study first"),
        ({"split": "held_out"}, {}, "must be of split 'official'.*but got held_out and 1"),
        ({}, {"rank": 0}, "a rank from 1 on, but got official and 0"),
        ({}, {"model": "tiny-bert"}, "unknown model 'tiny-bert'"),
    ],
)
def test_what_cannot_be_submitted_is_refused(study, tmp_path, changes, options, message):
    profile, folder = study
    with pytest.raises(ValueError, match=message):
        submit(
            profile.model_copy(update=changes), out=tmp_path / "x.zip", results=folder, **options
        )
    assert not list(tmp_path.glob("x*"))


def test_other_numbers_of_rows_are_refused_and_nothing_written(study, tmp_path, monkeypatch):
    profile, folder = study
    monkeypatch.setitem(GLUE_SIZES, "rte", {"test": 3000})
    with pytest.raises(ValueError, match="RTE.tsv must have 3000 rows.* but tiny.* predicted 8"):
        submit(profile, out=tmp_path / "x.zip", results=folder)
    assert not list(tmp_path.glob("x*"))


def test_a_file_that_is_there_is_kept(study, tmp_path):
    profile, folder = study
    (tmp_path / "x.zip").write_text("mine")
    with pytest.raises(ValueError, match="x.zip must not exist yet"):
        submit(profile, out=tmp_path / "x.zip", results=folder)
    assert (tmp_path / "x.zip").read_text() == "mine"


def test_the_command_lists_what_is_filled(study, tmp_path, monkeypatch, capsys):
    profile, folder = study
    monkeypatch.setattr(submission, "RESULTS", folder)
    monkeypatch.setattr(submission.submit, "__kwdefaults__",
                        submission.submit.__kwdefaults__ | {"results": folder})  # fmt: skip
    monkeypatch.setattr(command_line, "load_profile", lambda *_, **__: profile)
    assert command_line.main(["submit", "--out", str(tmp_path / "x.zip")]) == 0
    out = capsys.readouterr().out
    assert "filled, for the site wants them all" in out and "SST-2.tsv, MRPC.tsv" in out
    assert np.isin(["CoLA.tsv", "AX.tsv"], out.split()).all()
    assert f"enter what comes back in {tmp_path / 'x.csv'}" in out
    assert (tmp_path / "x.csv").is_file()
