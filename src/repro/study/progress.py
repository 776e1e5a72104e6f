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
    finished, side by side. The last line says which share of the workers' time went into training
    and evaluation; `n_workers` is None where others share them.
    """

    def __init__(self, *, n_runs: int, n_done: int = 0):
        self.n_runs, self.n_workers, self._waits = n_runs, None, ""
        self._n_trials = self._n_failed = self._work = 0
        self._in_notebook = None  # the place of the line
        self.begin(n_done=n_done)

    def begin(self, *, n_done: int) -> None:
        """Start the clock, with so many runs done before."""
        self.n_done = self._n_before = n_done
        self._started, self._waits = time.monotonic(), ""

    def __enter__(self) -> "StudyProgress":
        self._show()
        return self

    def __exit__(self, *_) -> None:
        self._show(last=True)

    def wait(self, reason: str) -> None:
        """Show what is waited for, until the study begins."""
        self._waits = f" · waiting {reason}"
        self._show()

    def trial_done(self, run_id: str, result: TrialResult, *, is_new: bool = True) -> None:
        self._n_trials += 1
        self._n_failed += result.status in ("failed", "diverged")
        self._work += (result.training_seconds + result.evaluation_seconds) * is_new
        self._show()

    def run_done(self, run_id: str) -> None:
        self.n_done += 1
        self._show()

    def _show(self, *, last: bool = False) -> None:
        line = self.line()
        if path := os.environ.get(PROGRESS_VARIABLE):
            whole = Path(path).with_suffix(".tmp")
            whole.write_text(line, encoding="utf-8")
            os.replace(whole, path)
        elif "ipykernel" in sys.modules:
            from IPython.display import display

            if self._in_notebook is None:
                self._in_notebook = display({"text/plain": line}, raw=True, display_id=True)
            else:
                self._in_notebook.update({"text/plain": line}, raw=True)
        elif sys.stderr.isatty():
            print(f"\r\033[K{line}", end="\n" if last else "", file=sys.stderr, flush=True)
        elif last:
            print(line, file=sys.stderr)

    def line(self) -> str:
        """Return the line as it stands."""
        filled = _WIDTH * self.n_done // max(self.n_runs, 1)
        bar = "█" * filled + "░" * (_WIDTH - filled)
        elapsed = time.monotonic() - self._started
        failed = f" ({self._n_failed} failed or diverged)" if self._n_failed else ""
        n_new, n_left = self.n_done - self._n_before, self.n_runs - self.n_done
        left = f"about {format_seconds(elapsed / n_new * n_left)} left" if n_new else "estimating"
        share = ""
        if self.n_workers and self._work:
            share = f" · {share_of_core_time(self._work, elapsed, self.n_workers)}"
        return (
            f"{bar} {self.n_done}/{self.n_runs} tuning runs · {self._n_trials} trials{failed} · "
            f"{format_seconds(elapsed)} elapsed · {left if n_left else 'done'}{self._waits}{share}"
        )


def share_of_core_time(work: float, elapsed: float, n_workers: int) -> str:
    """Say how busy workers were: `86 % of the time of 2 workers in training and evaluation`."""
    workers = "1 worker" if n_workers == 1 else f"{n_workers} workers"
    return f"{work / (elapsed * n_workers):.0%}".replace("%", " %") + (
        f" of the time of {workers} in training and evaluation"
    )


def format_seconds(seconds: float) -> str:
    """Return `1:02:03` or `2:03`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
