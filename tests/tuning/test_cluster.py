"""What happens when a local Ray does not start; those that do are in test_study, test_two_nodes."""

import subprocess
import sys

import psutil
import pytest

from repro.tuning import cluster


@pytest.fixture
def parts(monkeypatch):
    """Let Ray fail to start, with a part of it already running each time."""
    started = []

    def fail(**options):
        sleep = [sys.executable, "-c", "import time; time.sleep(60)", "ray/gcs_server"]
        started.append(subprocess.Popen(sleep))
        raise RuntimeError("The current node timed out\nduring startup")

    monkeypatch.setattr(cluster, "_init", fail)
    yield started
    for part in started:
        part.kill()
        part.wait()


def test_a_ray_that_does_not_start_is_told_and_leaves_no_process(parts):
    before = set(psutil.Process().children())
    message = r"within 3 attempts, but did not \(The current node timed out\); is this machine very"
    with pytest.raises(RuntimeError, match=message):
        cluster._start({})
    assert len(parts) == 3
    gone, alive = psutil.wait_procs(set(psutil.Process().children()) - before, timeout=20)
    assert len(gone) == 3 and not alive
