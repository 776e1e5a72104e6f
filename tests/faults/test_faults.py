"""A sample of what `make faults` does: nothing is lost, nothing silent."""

import time

import pytest

import faults

# A process is forked beside threads that do nothing meanwhile.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    return faults.Bench(tmp_path_factory.mktemp("faults"), seed=20261121)


@pytest.mark.parametrize(
    ("kind", "n"),
    [
        (faults.damage_finished, 8),
        (faults.damage_in_progress, 2),
        (faults.fill_disk, 1),
        (faults.kill_drivers, 2),
        (faults.run_side_by_side, 1),
    ],
)
def test_a_disturbed_study_has_the_tables_of_an_undisturbed_one(bench, kind, n):
    tally = faults.disturb(bench, n, {kind: 1}, until=time.monotonic() + 600)[kind]
    assert tally.problems == []
    assert tally.done >= n


def test_what_is_lost_would_be_seen(bench, monkeypatch):
    monkeypatch.setattr("repro.results.folders.RunFolder.damage", lambda folder: "")
    tally = faults.disturb(bench, 4, {faults.damage_finished: 1}, until=time.monotonic() + 600)
    assert tally[faults.damage_finished].problems
