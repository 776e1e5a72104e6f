"""Any results folder is read: what is damaged is named, and the rest is there."""

import shutil

import pandas as pd
import pytest

from repro.explorer.found_runs import find_runs
from repro.records import check_table
from synthetic_study import make_study, write_study


@pytest.fixture(scope="module")
def study():
    return make_study(models=["tiny-electra"], tasks=["rte", "cola"], methods=["grid", "rs"])


@pytest.fixture(scope="module")
def written(study, tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    return folder, write_study(study, folder / "somewhere/below")


@pytest.fixture
def copied(written, tmp_path):
    """A copy to spoil; the path of its first run, and what that run is called."""
    folder, paths = written
    shutil.copytree(folder, tmp_path / "results")
    name = paths[0].relative_to(folder)
    return tmp_path / "results", tmp_path / "results" / name, name.as_posix()


def test_all_runs_below_are_found_and_called_by_their_folder(study, written):
    folder, paths = written
    found = find_runs(folder)
    assert found.skipped == {}
    assert set(found.trials["run_id"]) == {p.relative_to(folder).as_posix() for p in paths}
    check_table("trials", found.trials)
    assert found.trials["trial_id"].is_unique
    old = found.trials["trial_id"].str.removeprefix("somewhere/below/").str.replace("-0123abcd", "")
    ours = found.trials.assign(trial_id=old).set_index("trial_id").sort_index()
    theirs = study.trials.set_index("trial_id").sort_index()
    numbers = theirs.columns.drop("run_id")
    pd.testing.assert_frame_equal(ours[numbers], theirs[numbers])
    assert (found.trials["profile"] == "mini").all() and (found.trials["split"] == "official").all()


def test_the_same_run_asked_by_two_profiles_stays_two_runs(study, tmp_path):
    for name in ("one", "other"):
        write_study(study, tmp_path / name)
    found = find_runs(tmp_path)
    assert found.trials["run_id"].nunique() == 2 * len(study.runs)
    assert found.trials["trial_id"].is_unique


def test_evaluations_are_read_of_the_trials_that_are_asked_for(study, written):
    found = find_runs(written[0])
    wanted = found.trials.dropna(subset="validation_score")["trial_id"].iloc[[0, -1]].tolist()
    rows = check_table("evaluations", found.evaluations(wanted))
    assert set(rows["trial_id"]) == set(wanted)
    n = study.evaluations.groupby("trial_id").size()
    assert len(rows) == sum(
        n[i.replace("somewhere/below/", "").replace("-0123abcd", "")] for i in wanted
    )
    assert found.evaluations([]).empty


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda p: (p / "run.json").write_text("{"), "run.json cannot be read: JSONDecodeError"),
        (lambda p: (p / "run.json").write_text("{}"), "run.json cannot be read: KeyError: 'run'"),
        (lambda p: (p / "run.json").write_text("[]"), "run.json cannot be read: TypeError"),
        (lambda p: (p / "run.json").unlink(), "run.json cannot be read: FileNotFoundError"),
        (lambda p: (p / "trials.parquet").write_bytes(b"PAR1 no"), "trials.parquet cannot be read"),
        (lambda p: (p / "trials.parquet").unlink(), "parquet cannot be read: FileNotFoundError"),
        (
            lambda p: change(p, lambda t: t.drop(columns="max_length")),
            '"max_length" does not exist',
        ),
        (lambda p: change(p, lambda t: t.assign(steps="many")), "Failed to parse string: 'many'"),
        (lambda p: change(p, lambda t: t.assign(status="lost")), "unknown status 'lost'"),
    ],
)
def test_a_spoilt_run_is_named_and_the_others_are_read(copied, spoil, why, study):
    folder, path, name = copied
    spoil(path)
    found = find_runs(folder)
    assert list(found.skipped) == [name]
    assert why in found.skipped[name]
    assert found.trials["run_id"].nunique() == len(study.runs) - 1


def change(path, how):
    how(pd.read_parquet(path / "trials.parquet")).to_parquet(path / "trials.parquet")


def test_damaged_evaluations_are_said_when_asked_for(copied):
    folder, path, name = copied
    (path / "evaluations.parquet").write_bytes(b"PAR1 no")
    found = find_runs(folder)
    assert found.skipped == {}
    with pytest.raises(ValueError, match="evaluations.parquet cannot be read"):
        found.evaluations([f"{name}/trial0000"])


def test_a_run_in_progress_is_not_a_finished_one(copied, study):
    folder, path, _ = copied
    path.rename(path.with_name(path.name + ".partial"))
    found = find_runs(folder)
    assert found.trials["run_id"].nunique() == len(study.runs) - 1 and found.skipped == {}


@pytest.mark.parametrize("there", [True, False])
def test_an_empty_or_missing_folder_has_no_runs(tmp_path, there):
    folder = tmp_path if there else tmp_path / "nowhere"
    found = find_runs(folder)
    assert len(found.trials) == len(found.evaluations(["a/trial0000"][:0])) == 0
    assert {"profile", "split", "validation_score"} <= set(found.trials)
