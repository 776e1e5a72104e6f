"""What the kernel of one submission may see and use: a sandbox of bubblewrap, else limits alone.

As a program, `python sandbox.py LIMITS COMMAND ...` limits itself and becomes the command.
"""

import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

ISOLATIONS = ("bwrap", "limits")
_ENVIRONMENT = Path(sys.prefix), Path(sys.base_prefix)
_SYSTEM = ("/bin", "/sbin", "/lib", "/lib64", "/lib32", "/etc/ld.so.cache", "/etc/alternatives")


@dataclass(frozen=True)
class Limits:
    """What one submission may use; gigabytes are 2**30 bytes."""

    cell_seconds: int = 120
    seconds: int = 600  # the whole notebook
    memory_gb: float = 4.0  # all its processes together, and each
    disk_gb: float = 1.0  # all its files together, and each
    processes: int = 64


def find_isolation(folder: Path) -> str:
    """Return "bwrap" if a program can be run in such a sandbox here, else "limits".

    That the program is there says little: many a machine forbids what it needs.
    """
    if shutil.which("bwrap") is None:
        return "limits"
    make_folders(folder)
    probe = [*_bubblewrap(folder, readable=()), sys.executable, "-I", "-c", ""]
    done = subprocess.run(probe, env=environment(folder), capture_output=True, timeout=300)
    return "bwrap" if done.returncode == 0 else "limits"


def make_folders(folder: Path) -> None:
    """Make what a kernel needs in the one folder that it may write to."""
    for name in ("work", "home", "tmp", "shm"):
        (folder / name).mkdir(exist_ok=True)


def confined(folder: Path, *, isolation: str, limits: Limits, readable: tuple[Path, ...]) -> list:
    """Return the words to put before a command.

    Args:
        readable: what the command may read besides the system and the Python environment; without
            a sandbox it may read whatever this account may.
    """
    wall = _bubblewrap(folder, readable=readable) if isolation == "bwrap" else []
    return [sys.executable, "-I", str(Path(__file__)), json.dumps(asdict(limits)), *wall]


def environment(folder: Path, **more: str) -> dict[str, str]:
    """Return an environment with nothing of the grader's; home and temporary files lie inside."""
    home, kept = str(folder / "home"), ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH")
    own = {"HOME": home, "IPYTHONDIR": home, "JUPYTER_RUNTIME_DIR": home, "MPLCONFIGDIR": home}
    fixed = {
        "USER": "student",
        "GRADING": "1",
        "OMP_NUM_THREADS": "1",
        "HF_HUB_OFFLINE": "1",
        "MPLBACKEND": "agg",
    }
    passed_on = {name: os.environ[name] for name in kept if name in os.environ}
    return passed_on | own | fixed | {"TMPDIR": str(folder / "tmp")} | more


def _bubblewrap(folder: Path, *, readable: tuple[Path, ...]) -> list[str]:
    """Nothing but the named paths is there; of them, only `folder` can be written to."""
    words = ["bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--ro-bind", "/usr", "/usr", "--proc", "/proc", "--dev", "/dev"]
    for path in _SYSTEM:
        if os.path.islink(path) and not path.startswith("/etc"):
            words += ["--symlink", os.readlink(path), path]
        else:
            words += ["--ro-bind-try", path, path]
    words += ["--bind", str(folder / "tmp"), "/tmp", "--bind", str(folder / "shm"), "/dev/shm"]
    for path in dict.fromkeys((*_ENVIRONMENT, *readable)):
        words += ["--ro-bind", str(path), str(path)]
    return [*words, "--bind", str(folder), str(folder), "--chdir", str(folder / "work")]


def _limit(kind: int, most: float) -> None:
    """Lower a limit of this process and its children, as far as it is not lower already."""
    hard = resource.getrlimit(kind)[1]
    limit = int(most) if hard == resource.RLIM_INFINITY else min(int(most), hard)
    resource.setrlimit(kind, (limit, limit))


def _threads_of_account() -> int:
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            count += len(os.listdir(process / "task")) * (process.stat().st_uid == os.getuid())
    return count


def _main(limits: Limits, command: list[str]) -> None:
    _limit(resource.RLIMIT_CPU, limits.seconds)
    _limit(resource.RLIMIT_DATA, limits.memory_gb * 2**30)
    _limit(resource.RLIMIT_FSIZE, limits.disk_gb * 2**30)
    _limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux" and os.geteuid():  # it counts all of the account, and not of root
        _limit(resource.RLIMIT_NPROC, _threads_of_account() + 4 * limits.processes)
    with contextlib.suppress(OSError):  # where memory runs out, this one goes first
        Path("/proc/self/oom_score_adj").write_text("1000")
    os.execvp(command[0], command)


if __name__ == "__main__":
    _main(Limits(**json.loads(sys.argv[1])), sys.argv[2:])
