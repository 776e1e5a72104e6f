"""What one command shares with the notebooks that it runs side by side.

A folder with a line of progress from each, and with the address of the workers: the first notebook
that trains asks for them, and they stay for all that follow (see `tuning.cluster`).
"""

import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from jupyter_core.utils import ensure_event_loop
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, papermill_engines

from repro.study.progress import PROGRESS_VARIABLE, format_seconds, share_of_core_time
from repro.tuning.cluster import (
    SESSION_VARIABLE,
    answer,
    connect,
    disconnect,
    environment_of_notebooks,
)

_PATIENCE = 60  # interrupts of a kernel, one a second, before it is killed


class Session:
    """Notebooks that run, what they say, and their workers.

    Args:
        out: the terminal, or what stands for it: on a terminal one line is drawn again and again,
            elsewhere a line is written when it changed.
        every: seconds between two lines of a notebook, at least, where it is no terminal.
    """

    engine = "repro"  # of papermill

    def __init__(
        self,
        out: TextIO,
        *,
        cpus_per_trial: float = 1,
        gpus_per_trial: float = 0,
        every: float = 15,
    ):
        self._out, self._every, self._resources = out, every, (cpus_per_trial, gpus_per_trial)
        self._folder = tempfile.TemporaryDirectory(prefix="repro-")
        self._started: dict[str, float] = {}  # of the notebooks that run
        self._clients: dict[str, PapermillNotebookClient] = {}
        self._shown: dict[str, tuple[float, str]] = {}
        self._began, self._desk = time.monotonic(), None
        self.stopping, self._asked_to_stop = False, 0

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        if self._out.isatty():
            self._draw({})
            print(end="\r", file=self._out, flush=True)
        if self._desk is not None:
            with suppress(Exception):  # its cluster may be gone
                self._say_how_busy()
        if "ray" in sys.modules:
            disconnect()
        self._folder.cleanup()

    def file(self, name: str) -> Path:
        """Return where a notebook's study keeps its line of progress."""
        return Path(self._folder.name) / f"{name}.progress"

    def begin(self, name: str) -> None:
        self._started[name] = time.monotonic()
        if not self._out.isatty():
            self.say(f"{name}: running")

    def say(self, line: str) -> None:
        """Write a line that stays."""
        width = shutil.get_terminal_size().columns - 1 if self._out.isatty() else 0
        wipe = "\r" + " " * width + "\r" if width else ""
        print(f"{wipe}{line}", file=self._out, flush=True)

    def end(self, name: str) -> None:
        self._clients.pop(name, None)
        del self._started[name]

    def execute(self, client: PapermillNotebookClient, name: str) -> None:
        """Run a notebook with a kernel that knows of this session."""
        self._clients[name] = client
        shared = {PROGRESS_VARIABLE: str(self.file(name)), SESSION_VARIABLE: self._folder.name}
        try:
            client.execute(env=os.environ | environment_of_notebooks() | shared)
        finally:
            ensure_event_loop().close()  # of this thread

    def look(self) -> None:
        """Start Ray and workers if a notebook asks for them; show how far all are."""
        answer(Path(self._folder.name), "ray", self._start_ray)
        answer(Path(self._folder.name), "desk", self._open_desk)
        lines = {name: self._read(name) for name in list(self._started)}
        if self._out.isatty():
            self._draw(lines)
            return
        for name, line in lines.items():
            at, shown = self._shown.get(name, (float("-inf"), ""))
            if line not in ("", shown) and time.monotonic() - at >= self._every:
                self.say(f"{name}: {line}")
                self._shown[name] = time.monotonic(), line

    def _read(self, name: str) -> str:
        file = self.file(name)
        return " ".join(file.read_text(encoding="utf-8").split()) if file.exists() else ""

    def _draw(self, lines: dict[str, str]) -> None:
        width, text = shutil.get_terminal_size().columns - 1, ""
        if lines:
            name = next((name for name, line in lines.items() if line), next(iter(lines)))
            others = "".join(f" (and {other})" for other in lines if other != name)
            elapsed = format_seconds(time.monotonic() - self._started.get(name, time.monotonic()))
            text = f"{name} {elapsed}  {lines[name]}{others}"
        print("\r" + text[:width].ljust(width), end="", file=self._out, flush=True)

    def stop(self) -> None:
        """Interrupt what runs in the kernels; asked again and again, end them."""
        self.stopping, self._asked_to_stop = True, self._asked_to_stop + 1
        how = signal.SIGINT if self._asked_to_stop < _PATIENCE else signal.SIGKILL
        for client in list(self._clients.values()):
            process = getattr(client.km, "provisioner", None)
            if pid := getattr(process, "pid", None):
                with suppress(ProcessLookupError):
                    os.kill(pid, how)

    def _start_ray(self) -> str:
        import ray

        connect()
        return ray.get_runtime_context().gcs_address

    def _open_desk(self) -> str:
        from repro.tuning.ray_tune import desk_name, open_desk

        self._desk = open_desk(*self._resources)
        return desk_name()

    def _say_how_busy(self) -> None:
        import ray

        seconds, n_workers = ray.get(self._desk.usage.remote(), timeout=10)
        if seconds and n_workers:
            share = share_of_core_time(seconds, time.monotonic() - self._began, n_workers)
            self.say(f"all notebooks together: {share}")


class _SessionEngine(Engine):
    """papermill's own engine, but for the kernel's environment, which differs by notebook."""

    @classmethod
    def execute_managed_notebook(
        cls, manager, kernel_name, *, run: Callable[[PapermillNotebookClient], None], **options
    ):
        known = {name: options[name] for name in ("config", "extra_arguments")}
        known["startup_timeout"] = options["start_timeout"]
        run(PapermillNotebookClient(manager, kernel_name=kernel_name, **known))


papermill_engines.register(Session.engine, _SessionEngine)
