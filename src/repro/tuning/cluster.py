"""Ray: connect to the cluster that is named, or start one on this machine."""

import importlib
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_START_ATTEMPTS = 3
ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of the profile keep their meaning
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the store keeps what matters
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # the store resumes a study, not Tune
    "TUNE_MAX_PENDING_TRIALS_PG": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "60",  # a busy laptop needs longer than Ray expects
}

# Ray listens on all interfaces of a Linux machine unless it is told that there is no cluster; the
# variable is named for the systems where that is its default.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


@contextmanager
def connected(*, cores: int | None = None, gpus: int | None = None) -> Iterator[None]:
    """Use the Ray cluster at RAY_ADDRESS, or start one on this machine for the duration.

    A local one listens on loopback, with Ray's token authentication and no dashboard.

    Args:
        cores: of the local one; all that this process may use when None.
        gpus: of the local one; all visible ones when None.
    Raises:
        RuntimeError: if a local one does not start, or a machine of the cluster lacks this package.
    """
    os.environ.update(ENVIRONMENT)
    import ray

    if ray.is_initialized():
        yield
        return
    if os.environ.get("RAY_ADDRESS"):
        _init()
    else:
        _start(_local_options(cores, gpus))
    try:
        if os.environ.get("RAY_ADDRESS"):
            _check_nodes()
        yield
    finally:
        ray.shutdown()


def _init(**options) -> None:
    import ray

    ray.init(logging_level=logging.ERROR, log_to_driver=False, namespace="repro", **options)


def _check_nodes() -> None:
    """Raise unless every machine of the cluster has this package, in this version."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    import repro

    @ray.remote(num_cpus=0, max_retries=0)
    def version() -> str:
        return importlib.import_module("repro").__version__

    for node in filter(lambda node: node["Alive"], ray.nodes()):
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        try:
            found = ray.get(version.options(scheduling_strategy=there).remote())
        except Exception as error:
            found = type(error).__name__
        if found != repro.__version__:
            raise RuntimeError(
                f"all machines of the cluster must have repro {repro.__version__}, but there is "
                f"{found} on {node['NodeManagerAddress']}; start Ray there from the project's .venv"
            )


def _start(options: dict) -> None:
    """Start a local Ray; on a busy machine its parts may miss each other the first time."""
    import psutil
    import ray
    from ray._private import ray_constants

    before = set(psutil.Process().children(recursive=True))
    os.environ.update(LOOPBACK)
    ray_constants.ENABLE_RAY_CLUSTER = False  # what the variable sets where Ray is imported later
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            return _init(**options)
        except Exception as error:
            ray.shutdown()
            _kill_parts(set(psutil.Process().children(recursive=True)) - before)
            if attempt == _START_ATTEMPTS:
                raise RuntimeError(
                    f"Ray must start within {_START_ATTEMPTS} attempts, but did not "
                    f"({str(error).splitlines()[0]}); is this machine very busy?"
                ) from error


def _kill_parts(processes) -> None:
    """Kill those parts of Ray that did start; they would stay as long as this process."""
    import psutil

    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if "ray" in " ".join(process.cmdline()):
                process.kill()


def _local_options(cores: int | None, gpus: int | None) -> dict:
    return {
        "address": "local",  # else one that somebody has started on this machine would be joined
        "num_cpus": cores or len(os.sched_getaffinity(0)),
        "num_gpus": gpus,
        "include_dashboard": False,
        "object_store_memory": 200 * 1024**2,
    }
