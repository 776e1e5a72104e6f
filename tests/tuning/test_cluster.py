"""Ray: where it listens, when it does not start, and a cluster of which a machine goes away."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml

from repro.paths import ROOT
from repro.training.types import Evaluation, TrialResult
from repro.tuning.cluster import (
    ENVIRONMENT,
    LOOPBACK,
    connect,
    disconnect,
    environment_of_notebooks,
)
from repro.tuning.ray_tune import tune_runs
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import search_space

pytest_plugins = ("shared_ray",)
pytestmark = pytest.mark.filterwarnings("ignore")  # of processes that are killed on purpose
N_TRIALS = 6


def test_a_local_ray_listens_on_loopback_alone(shared_ray):
    """Ray Tune has been imported before: what is set for the import comes too late."""
    from ray import nodes

    assert [node["NodeManagerAddress"] for node in nodes()] == ["127.0.0.1"]
    own = psutil.Process()
    listening = {
        connection.laddr.ip
        for process in [own, *own.children(recursive=True)]
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening and listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_nobody_else_can_enter_the_folders_of_ray_and_those_that_ended_are_gone(shared_ray):
    import ray

    def session():
        return Path(ray._private.worker._global_node.get_session_dir_path())

    first, private = session(), session().parents[1]
    assert (private.stat().st_mode & 0o777, private.stat().st_uid) == (0o700, os.getuid())
    (first.parent / "session_2026-01-01_00-00-00_000000_999999999").mkdir()  # it was killed
    disconnect()
    connect(cores=2, gpus=1)
    mine = [p for p in first.parent.glob("session_[0-9]*") if p.name.endswith(f"_{os.getpid()}")]
    assert mine == [session()] and mine != [first]
    assert not list(first.parent.glob("*_999999999"))


def test_a_token_is_made_only_while_ray_will_still_look_for_it(monkeypatch):
    monkeypatch.setattr(os, "environ", {})
    monkeypatch.setitem(sys.modules, "ray", object())
    assert not [name for name in environment_of_notebooks() if "AUTH" in name]
    monkeypatch.delitem(sys.modules, "ray")
    token = environment_of_notebooks()["RAY_AUTH_TOKEN"]
    assert len(token) == 64 and environment_of_notebooks()["RAY_AUTH_TOKEN"] == token


@pytest.fixture
def parts(monkeypatch):
    """Let Ray fail to start, with a part of it already running each time."""
    started = []

    def fail(**options):
        sleep = [sys.executable, "-c", "import time; time.sleep(60)", "ray/gcs_server"]
        started.append(subprocess.Popen(sleep))
        raise RuntimeError("The current node timed out\nduring startup")

    disconnect()
    monkeypatch.setattr("ray.init", fail)
    yield started
    for part in started:
        part.kill()
        part.wait()


def test_a_ray_that_does_not_start_is_told_and_leaves_no_process(parts):
    before = set(psutil.Process().children())
    message = r"within 3 attempts, but did not \(The current node timed out\); is this machine very"
    with pytest.raises(RuntimeError, match=message):
        connect()
    assert len(parts) == 3
    gone, alive = psutil.wait_procs(set(psutil.Process().children()) - before, timeout=20)
    assert len(gone) == 3 and not alive


@pytest.fixture(scope="module")
def cluster():
    """A head that trains nothing, and two nodes of one core each."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield from start_cluster(monkeypatch)


def start_cluster(monkeypatch):
    for name, value in (LOOPBACK | ENVIRONMENT).items():
        monkeypatch.setenv(name, value)  # before Ray is imported
    from ray.cluster_utils import Cluster

    disconnect()
    size = {"object_store_memory": 100 * 1024**2}
    try:
        head = {"num_cpus": 0, "include_dashboard": False, **size}
        cluster = Cluster(initialize_head=True, head_node_args=head)
        nodes = [cluster.add_node(num_cpus=1, **size) for _ in range(2)]
        cluster.wait_for_nodes(timeout=60)
    except Exception as error:
        pytest.skip(f"Ray cannot start several nodes here just now: {error}")
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster, {node.node_id: node for node in nodes}
    disconnect()
    cluster.shutdown()


def slow(request, report):
    """An objective without a model that says where it ran."""
    import ray

    time.sleep(0.5)
    report(Evaluation(1, 1.0, 0.5, loss=0.5, score=0.5, metrics={}))
    time.sleep(0.5)
    node = ray.get_runtime_context().get_node_id()
    return TrialResult("completed", node, steps=1, seconds=1.0)


class TakesNodeAway:
    """A store of trials that removes the node of the third trial when it ends."""

    def __init__(self, cluster, nodes):
        self.cluster, self.nodes = cluster, nodes
        self.results, self.finished, self.removed = {}, [], ""

    def __getstate__(self):
        return {}  # Ray Tune pickles what it is given, and the cluster cannot be

    def recall(self, request):
        return None

    def record(self, request, result):
        self.results[request.run_id, request.trial] = result
        if len(self.results) == 3:
            self.removed = result.message
            self.cluster.remove_node(self.nodes[self.removed], allow_graceful=False)

    def finish(self, run, *, budget, spent):
        self.finished.append(run.run_id)


def test_a_machine_with_another_version_is_named_before_anything_is_trained(cluster, monkeypatch):
    import ray

    monkeypatch.setattr("repro.__version__", "9.9")
    with pytest.raises(RuntimeError, match=r"repro 9\.9, but \d.* has \d.*\.venv"):
        connect()
    assert not ray.is_initialized()


def test_a_cluster_that_is_not_named_is_left_alone(cluster, monkeypatch):
    import ray

    monkeypatch.delenv("RAY_ADDRESS")
    connect(cores=1)
    assert [node["Resources"]["CPU"] for node in ray.nodes()] == [1.0]
    disconnect()


def test_a_study_survives_the_loss_of_a_node(cluster):
    import ray
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(sys.modules[__name__])
    space = search_space("electra-mini", epochs=1)
    runs = [TuningRun(f"rs{i}", "rs", space, i, n_trials=N_TRIALS) for i in range(2)]
    connect()
    assert sum(node["Alive"] for node in ray.nodes()) == 3
    store = TakesNodeAway(*cluster)
    tune_runs(runs, slow, store=store)
    assert sorted(store.finished) == ["rs0", "rs1"]
    assert len(store.results) == 2 * N_TRIALS
    assert {result.status for result in store.results.values()} == {"completed"}
    *_, last = [result.message for result in store.results.values()]
    assert store.removed and last != store.removed


def test_the_example_cluster_file_is_one():
    path = ROOT / "examples/cluster.yaml"
    example = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert {"cluster_name", "provider", "auth"} <= set(example)
    assert len(example["provider"]["worker_ips"]) == example["max_workers"]
