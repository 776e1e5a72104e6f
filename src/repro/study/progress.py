"""One line of text that says how far a study is, wherever it runs.

In a notebook it is updated in place; in a terminal it is redrawn; run headlessly, it goes to the
file that REPRO_PROGRESS names, from which `python -m repro reproduce` draws it.
"""

import os
import sys
import time
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
        self._show = _find_display()

    def __enter__(self) -> "StudyProgress":
        self._show(self.line())
        return self

    def __exit__(self, *_) -> None:
        self._show(self.line(), last=True)

    def trial_done(self, run_id: str, result: TrialResult) -> None:
        self._n_trials += 1
        self._n_failed += result.status in ("failed", "diverged")
        self._show(self.line())

    def run_done(self, run_id: str) -> None:
        self.n_done += 1
        self._show(self.line())

    def line(self) -> str:
        """Return the line as it stands."""
        filled = _WIDTH * self.n_done // max(self.n_runs, 1)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        elapsed = time.monotonic() - self._started
        failed = f" ({self._n_failed} failed or diverged)" if self._n_failed else ""
        return (
            f"{bar} {self.n_done}/{self.n_runs} tuning runs · {self._n_trials} trials{failed} · "
            f"{_clock(elapsed)} elapsed · {self._remaining(elapsed)}"
        )

    def _remaining(self, elapsed: float) -> str:
        n_new, n_left = self.n_done - self._n_before, self.n_runs - self.n_done
        if not n_left:
            return "done"
        return f"about {_clock(elapsed / n_new * n_left)} left" if n_new else "estimating"


def _clock(seconds: float) -> str:
    hours, rest = divmod(round(seconds), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def _find_display():
    if path := os.environ.get(PROGRESS_VARIABLE):
        return _FileDisplay(Path(path))
    if "ipykernel" in sys.modules:
        return _NotebookDisplay()
    return _TerminalDisplay()


class _FileDisplay:
    """Overwrites a file, whole lines only."""

    def __init__(self, path: Path):
        self._path = path

    def __call__(self, line: str, *, last: bool = False) -> None:
        temporary = self._path.with_suffix(".tmp")
        temporary.write_text(line, encoding="utf-8")
        os.replace(temporary, self._path)


class _NotebookDisplay:
    """Updates one line of a cell's output in place."""

    def __init__(self):
        self._handle = None

    def __call__(self, line: str, *, last: bool = False) -> None:
        from IPython.display import display

        content = {"text/plain": line}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)


class _TerminalDisplay:
    """Redraws the line in a terminal; writes only the last one elsewhere."""

    def __call__(self, line: str, *, last: bool = False) -> None:
        if sys.stderr.isatty():
            print(f"\r\033[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last:
            print(line, file=sys.stderr)
