"""Watch all that a submission has started, by descent, and end it."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import psutil
from sandbox import Limits

_PR_SET_CHILD_SUBREAPER = 36


def become_subreaper() -> None:
    """Become the parent of all orphans below this process, so that none gets away (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def end_descendants() -> None:
    """Kill all processes below this one; first stop them, so that none has a child meanwhile."""
    for _ in range(100):
        alive = [p for p in _descendants() if _status(p) not in (None, psutil.STATUS_ZOMBIE)]
        for action in (signal.SIGSTOP, signal.SIGKILL):
            for process in alive:
                with contextlib.suppress(psutil.Error):
                    process.send_signal(action)
        psutil.wait_procs(alive, timeout=1)
        if not alive:
            return


class Watch(threading.Thread):
    """Sample what a submission uses, and end it where that is too much.

    `reason` is then "out of memory" or what it had too much of; `peak` is in bytes.
    """

    def __init__(self, folder: Path, limits: Limits):
        super().__init__(daemon=True)
        self.reason, self.peak = "", 0
        self._folder, self._limits, self._done = folder, limits, threading.Event()

    def run(self) -> None:
        started = time.monotonic()
        for turn in range(10**9):
            if self._done.wait(0.1):
                return
            self.reason = self._excess(time.monotonic() - started, look_at_disk=turn % 5 == 0)
            if self.reason:
                end_descendants()
                return

    def stop(self) -> None:
        """End the watching."""
        self._done.set()
        self.join()

    def _excess(self, seconds: float, *, look_at_disk: bool) -> str:
        limits, processes = self._limits, _descendants()
        if len(processes) > limits.processes:
            return f"it had more than {limits.processes} processes"
        self.peak = max(self.peak, sum(map(_memory, processes)))
        if self.peak > limits.memory_gb * 2**30:
            return "out of memory"
        if seconds > limits.seconds:
            return "timed out"
        if look_at_disk and _disk(self._folder) > limits.disk_gb * 2**30:
            return f"its files took more than {limits.disk_gb:g} GB"
        return ""


def _descendants() -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return psutil.Process().children(recursive=True)
    return []


def _status(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.Error):
        return process.status()
    return None


def _memory(process: psutil.Process) -> int:
    """Return a process's own memory and its share of what it shares, in bytes."""
    with contextlib.suppress(psutil.Error, AttributeError):
        return process.memory_full_info().pss
    with contextlib.suppress(psutil.Error):
        return process.memory_info().rss
    return 0


def _disk(folder: Path) -> int:
    """Return the bytes that files take."""
    total, waiting = 0, [folder]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    total += 512 * entry.stat(follow_symlinks=False).st_blocks
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total
