"""One line of text that says how far a study is, wherever it runs.

In a notebook it is updated in place; in a terminal it is redrawn; run headlessly, it goes to the
file that REPRO_PROGRESS names, from which `python -m repro reproduce` draws it.
"""

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from repro.training.types import TrialResult

PROGRESS_VARIABLE = "REPRO_PROGRESS"
_WIDTH = 24


class StudyProgress:
    """A bar of finished and total tuning runs, with trials, elapsed and remaining time.

    The remaining time supposes that the runs to come take as long as those that this session
    finished, side by side.
    """

    def __init__(self, *, n_runs: int, n_done: int = 0):
        self.n_runs, self.n_done = n_runs, n_done
        self._n_before = n_done
        self._n_trials = self._n_failed = 0
        self._started = time.monotonic()
        self._show = _display()

    def __enter__(self) -> "StudyProgress":
        self._show(self.line(), last=False)
        return self

    def __exit__(self, *_) -> None:
        self._show(self.line(), last=True)

    def trial_done(self, run_id: str, result: TrialResult) -> None:
        self._n_trials += 1
        self._n_failed += result.status in ("failed", "diverged")
        self._show(self.line(), last=False)

    def run_done(self, run_id: str) -> None:
        self.n_done += 1
        self._show(self.line(), last=False)

    def line(self) -> str:
        """Return the line as it stands."""
        filled = _WIDTH * self.n_done // max(self.n_runs, 1)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        elapsed = time.monotonic() - self._started
        failed = f" ({self._n_failed} failed or diverged)" if self._n_failed else ""
        n_new, n_left = self.n_done - self._n_before, self.n_runs - self.n_done
        left = f"about {format_seconds(elapsed / n_new * n_left)} left" if n_new else "estimating"
        return (
            f"{bar} {self.n_done}/{self.n_runs} tuning runs · {self._n_trials} trials{failed} · "
            f"{format_seconds(elapsed)} elapsed · {left if n_left else 'done'}"
        )


def format_seconds(seconds: float) -> str:
    """Return `1:02:03` or `2:03`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _display() -> Callable:
    """Return what shows a line where this process runs."""
    if path := os.environ.get(PROGRESS_VARIABLE):
        return lambda line, *, last: _write(Path(path), line)
    return _notebook_display() if "ipykernel" in sys.modules else _show_in_terminal


def _write(path: Path, line: str) -> None:
    """Overwrite a file, whole lines only."""
    temporary = path.with_suffix(".tmp")
    temporary.write_text(line, encoding="utf-8")
    os.replace(temporary, path)


def _notebook_display() -> Callable:
    handle = None

    def show(line: str, *, last: bool) -> None:
        from IPython.display import display

        nonlocal handle
        if handle is None:
            handle = display({"text/plain": line}, raw=True, display_id=True)
        else:
            handle.update({"text/plain": line}, raw=True)

    return show


def _show_in_terminal(line: str, *, last: bool) -> None:
    """Redraw the line in a terminal; elsewhere write only the last one."""
    if sys.stderr.isatty():
        print(f"\r\033[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
    elif last:
        print(line, file=sys.stderr)
