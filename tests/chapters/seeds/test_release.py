"""The data release: written, read back, refused, and enough for all analyses and displays."""

import zipfile

import pandas as pd
import pytest

from repro.chapters.seeds.release import SUMS, Release, as_release, read_release, write_release
from repro.cli.commands import main
from synthetic_study import make_study

TASKS = pd.DataFrame(
    [
        {"task": task, "metric": "accuracy", "majority_baseline": 1 / 3}
        | {"n_train": 100, "n_validation": 50}
        for task in ("mrpc", "rte", "cola")
    ]
)


@pytest.fixture
def release():
    return as_release(make_study(repetitions=1), TASKS)


def test_a_release_comes_back_as_it_was(tmp_path, release):
    path = write_release(release, tmp_path / "new/seeds.zip")
    again = read_release(path)
    for name in ("runs", "trials", "evaluations", "losses", "tasks"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(release, name))
    before = path.read_bytes()
    assert write_release(release, path).read_bytes() == before
    assert list(tmp_path.glob("new/*")) == [path]


def test_pandas_alone_reads_what_is_in_it_and_every_column_is_described(tmp_path, release):
    path = write_release(release, tmp_path / "seeds.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    words = pd.read_csv(tmp_path / "data_dictionary.csv")
    for name in ("runs", "trials", "evaluations", "losses", "tasks"):
        frame = pd.read_csv(tmp_path / f"{name}.csv")
        assert len(frame) == len(getattr(release, name))
        assert set(frame) == set(words.loc[words["table"] == name, "name"])
    assert f"`trials.csv`: {len(release.trials)} rows" in (tmp_path / "README.md").read_text()


def rewrite(path, changes):
    """Write an archive again with some files changed, or left out for None."""
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist()}
    contents = {n: d for n, d in (contents | changes).items() if d is not None}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name, data)


def test_somebody_elses_may_leave_out_runs_losses_and_checksums(tmp_path, release):
    path = write_release(release, tmp_path / "theirs.zip")
    rewrite(path, {"runs.csv": None, "losses.csv": None, SUMS: None})
    theirs = read_release(path)
    assert len(theirs.losses) == len(theirs.runs) == 0
    assert theirs.profile == "unknown"
    pd.testing.assert_frame_equal(theirs.trials, release.trials)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tasks.csv": b"task\nrte\n"}, "tasks.csv must have the checksum"),
        ({"trials.csv": None, SUMS: None}, "must hold trials.csv, but holds none"),
        ({"tasks.csv": b"task\nrte\n", SUMS: None}, "tasks.csv: table `tasks` must have the col"),
    ],
)
def test_broken_archives_are_refused(tmp_path, release, changes, message):
    path = write_release(release, tmp_path / "seeds.zip")
    rewrite(path, changes)
    with pytest.raises(ValueError, match=message):
        read_release(path)


def test_what_is_no_archive_is_refused(tmp_path, release):
    with pytest.raises(FileNotFoundError, match="must be a file, but there is none"):
        read_release(tmp_path / "none.zip")
    (tmp_path / "text.zip").write_text("no zip")
    with pytest.raises(ValueError, match="must be a zip archive"):
        read_release(tmp_path / "text.zip")
    with pytest.raises(ValueError, match="must end in .zip, but got seeds.csv"):
        write_release(release, tmp_path / "seeds.csv")
    broken = Release(**vars(release) | {"tasks": TASKS.drop(columns="metric")})
    with pytest.raises(ValueError, match="must have the columns .'metric'"):
        write_release(broken, tmp_path / "seeds.zip")
    assert not (tmp_path / "seeds.zip").exists()


def test_an_unfinished_study_is_not_released(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "repro.chapters.seeds.run.finished_seed_study.__kwdefaults__", {"results": tmp_path}
    )
    status = main(["release", "--profile", "smoke", "--out", str(tmp_path / "seeds.zip")])
    assert status == 2
    assert "must be finished, but 2 of 2 runs are not" in capsys.readouterr().err
    assert list(tmp_path.glob("*.zip")) == []
