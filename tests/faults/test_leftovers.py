"""What studies leave behind in a process and in the folder of temporary files: nothing."""

import gc

import psutil
import pytest
import tiny_study

from repro.tuning.cluster import connect, disconnect

pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's own files and threads


def open_files():
    gc.collect()
    return psutil.Process().num_fds()


def test_a_study_in_this_process_leaves_no_file_open_and_no_temporary_file(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.setattr("ray.is_initialized", lambda: False)
    tiny_study.carry_out(tmp_path / "first")
    before = open_files()
    for n in range(3):
        tiny_study.carry_out(tmp_path / f"{n}")
    assert open_files() == before
    assert list((tmp_path / "tmp").iterdir()) == []


def test_studies_on_ray_leave_no_file_open(tmp_path):
    connect(cores=1)
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(tiny_study)  # workers cannot import it
    try:
        tiny_study.carry_out(tmp_path / "first")
        before = open_files()
        tiny_study.carry_out(tmp_path / "second")
        assert open_files() <= before
    finally:
        disconnect()
