"""Ray: the cluster that is named, that of the command that runs this notebook, or one of our own.

`make reproduce` gives its notebooks a folder, in which the first that trains asks for Ray and for
workers; the command starts them then, once for all, and leaves the address there.
"""

import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from unittest import mock

SESSION_VARIABLE = "REPRO_SESSION"  # names the folder that a command shares with its notebooks
_START_ATTEMPTS = 3
ENVIRONMENT = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # relative paths of the profile keep their meaning
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # the store of trials keeps what matters
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),  # the store resumes a study, not Tune
    "TUNE_FORCE_TRIAL_CLEANUP_S": "2",  # else a slot that waits at the desk is waited for
    "TUNE_MAX_PENDING_TRIALS_PG": "2",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_raylet_start_wait_time_s": "60",  # a busy laptop needs longer than Ray expects
}

# Ray listens on all interfaces of a Linux machine unless it is told that there is no cluster; the
# variable is named for the systems where that is its default.
LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}


def connect(*, cores: int | None = None, gpus: int | None = None) -> None:
    """Connect this process to Ray, unless it is: as the module says.

    Its own Ray listens on loopback, with Ray's token authentication and no dashboard. It stays for
    what follows, and ends with the process at the latest.

    Args:
        cores: of its own Ray; all that this process may use when None.
        gpus: of its own Ray; all visible ones when None.
    Raises:
        RuntimeError: if it does not start, or a machine of the cluster lacks this package.
    """
    os.environ.update(ENVIRONMENT)
    if "ray" in sys.modules and sys.modules["ray"].is_initialized():
        return
    if session := os.environ.get(SESSION_VARIABLE):
        return _init(address=ask(Path(session), "ray"))
    if not os.environ.get("RAY_ADDRESS"):
        _authentication()
        _start(cores or len(os.sched_getaffinity(0)), gpus)
        _end_before_the_kernel()
        return
    _init()
    try:
        _check_nodes()
    except BaseException:
        disconnect()
        raise


def ask(session: Path, what: str) -> str:
    """Ask the command whose folder this is for something, and wait for its answer."""
    (session / what).touch()
    while not (answer := session / f"{what}.answer").exists():
        time.sleep(0.1)
    answer = json.loads(answer.read_text(encoding="utf-8"))
    if answer["error"]:
        raise RuntimeError(answer["error"])
    return answer["value"]


def answer(session: Path, what: str, act: Callable[[], str]) -> None:
    """Act once, if a notebook has asked for this, and leave what comes of it or why it failed."""
    file = session / f"{what}.answer"
    if not (session / what).exists() or file.exists():
        return
    value = error = ""
    try:
        value = act()
    except Exception as problem:
        error = str(problem)
    whole = file.with_suffix(".partial")
    whole.write_text(json.dumps({"value": value, "error": error}), encoding="utf-8")
    whole.rename(file)


def environment_of_notebooks() -> dict[str, str]:
    """Return what a notebook's process must know before it imports Ray."""
    if os.environ.get("RAY_ADDRESS"):
        return {}
    return LOOPBACK | _authentication()


def _authentication() -> dict[str, str]:
    """Return what lets nobody else in; no token is left in a file, where Ray lets all read it."""
    if "ray" not in sys.modules:  # which looks for it when it is imported, and not again
        os.environ.setdefault("RAY_AUTH_MODE", "token")
        if "RAY_AUTH_TOKEN_PATH" not in os.environ:
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    return {name: value for name, value in os.environ.items() if name.startswith("RAY_AUTH_")}


def disconnect() -> None:
    """Leave the cluster, or end this process's own Ray with all that it started."""
    import ray

    ray.shutdown()


def _end_before_the_kernel() -> None:
    """Let a notebook's kernel end Ray first; else it waits long for Ray's parts to end."""
    if "ipykernel" not in sys.modules:
        return
    from IPython import get_ipython

    if kernel := getattr(get_ipython(), "kernel", None):
        shut_down = kernel.do_shutdown

        def do_shutdown(restart: bool):
            disconnect()
            return shut_down(restart)

        kernel.do_shutdown = do_shutdown


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
        import repro

        return repro.__version__

    for node in filter(lambda node: node["Alive"], ray.nodes()):
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        try:
            answer = ray.get(version.options(scheduling_strategy=there).remote())
        except Exception as error:
            answer = type(error).__name__
        if answer != repro.__version__:
            raise RuntimeError(
                f"all machines of the cluster must have repro {repro.__version__}, but "
                f"{node['NodeManagerAddress']} has {answer}; start Ray there from the project's "
                ".venv"
            )


def _own_folder() -> Path:
    """Return a folder that nobody else can enter, without what our own ended Rays left in it.

    Ray itself lets everybody write to its folders. Those of the last Ray of a process stay until
    another one starts, for their logs.
    """
    import psutil

    private = Path(tempfile.gettempdir(), f"ray{os.getuid()}")  # short, as a socket's path must be
    private.mkdir(mode=0o700, exist_ok=True)
    if private.lstat().st_uid != os.getuid():
        raise RuntimeError(f"{private} must be yours, but is somebody else's; set TMPDIR")
    private.chmod(0o700)
    folder = private / "r"
    for session in folder.glob("session_[0-9]*"):
        process = int(session.name.rpartition("_")[2])
        if process == os.getpid() or not psutil.pid_exists(process):
            shutil.rmtree(session, ignore_errors=True)
    return folder


def _start(cores: int, gpus: int | None) -> None:
    """Start Ray here; on a busy machine its parts may miss each other the first time."""
    import psutil
    from ray._private import parameter, ray_constants

    before, folder = set(psutil.Process().children(recursive=True)), _own_folder()
    os.environ.update(LOOPBACK)
    ray_constants.ENABLE_RAY_CLUSTER = False  # what the variable sets where Ray is imported later
    # Two processes that a Ray without autoscaling and forwarded logs does not need.
    spare = partial(parameter.RayParams, no_monitor=True, include_log_monitor=False)
    for attempt in range(1, _START_ATTEMPTS + 1):
        try:
            with mock.patch.object(parameter, "RayParams", spare):
                return _init(
                    address="local",  # else one that somebody has started here would be joined
                    _temp_dir=str(folder),
                    num_cpus=cores,
                    num_gpus=gpus,
                    include_dashboard=False,
                    object_store_memory=200 * 1024**2,
                )
        except Exception as error:
            disconnect()
            # Those parts that did start would stay as long as this process.
            for process in set(psutil.Process().children(recursive=True)) - before:
                with suppress(psutil.NoSuchProcess):
                    if "ray" in " ".join(process.cmdline()):
                        process.kill()
            if attempt == _START_ATTEMPTS:
                raise RuntimeError(
                    f"Ray must start within {_START_ATTEMPTS} attempts, but did not "
                    f"({str(error).splitlines()[0]}); is this machine very busy?"
                ) from error
