"""Measure a whole study: wall time, the share of core time spent in training, and peak memory.

The study of a profile is carried out from nothing in a temporary folder. The share is what all
trials spent in updates and evaluations, over wall time times cores, Ray's start included; the
memory is that of this process and its descendants together (proportional set size).

    python benchmarks/study.py [--profile mini] [-p NAME VALUE ...]
"""

import argparse
import os
import tempfile
import threading
import time
from pathlib import Path

import psutil
import yaml

from repro.study.profile import load_profile
from repro.study.study import enumerate_runs, run_all


def main() -> None:
    options = _options()
    overrides = {name: yaml.safe_load(value) for name, value in options.p}
    profile = load_profile(options.profile, **overrides)
    n_cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder, PeakMemory() as memory:
        start = time.perf_counter()
        results = run_all(profile, enumerate_runs(profile), results=Path(folder))
        wall = time.perf_counter() - start
        start = time.perf_counter()
        run_all(profile, enumerate_runs(profile), results=Path(folder))
        again = time.perf_counter() - start
        runs, trials = results.runs, results.trials
    work = float(trials["training_seconds"].sum() + trials["evaluation_seconds"].sum())
    first = trials["started_at"].min()
    tuning = float((trials["started_at"] + trials["seconds"]).max() - first)
    print("| profile | tuning runs | trials | wall s | second time s |", end=" ")
    print("in training, of all core time | from the first trial on | peak memory GB |")
    print("|---|---|---|---|---|---|---|---|")
    print(
        f"| {profile.title} | {len(runs)} | {len(trials)} | {wall:.0f} | {again:.1f} | "
        f"{work / (wall * n_cores):.0%} | {work / (tuning * n_cores):.0%} | "
        f"{memory.peak / 1e9:.2f} |"
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="mini")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"))
    return parser.parse_args()


class PeakMemory:
    """The largest memory of this process and its descendants, looked at every two seconds."""

    def __enter__(self) -> "PeakMemory":
        self.peak, self._done = 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(2):
            me = psutil.Process()
            self.peak = max(self.peak, sum(map(_pss, [me, *me.children(recursive=True)])))


def _pss(process: psutil.Process) -> int:
    try:
        return process.memory_full_info().pss
    except psutil.Error:  # it has just ended
        return 0


if __name__ == "__main__":
    main()
