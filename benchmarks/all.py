"""Run all measurements and write benchmarks/RESULTS.md, with the machine named.

python benchmarks/all.py [--glue DIR]
"""

import argparse
import os
import platform
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--glue", help="a directory with the official GLUE files, for real RTE")
    glue = parser.parse_args().glue
    parts = [
        "# Speed\n",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d}; {_machine()}.\n",
        "## A trial's training throughput against transformers' Trainer\n",
        _run("throughput.py", *(["--glue", glue] if glue else [])),
        "## Random search, end to end from a cold start\n",
        _run("search.py"),
        "## What the driver adds to a trial\n",
        _run("driver.py"),
        "## Simulated machines, lost and added\n",
        _run("driver.py", "--nodes", "8", "--workers", "8", "--trials", "50000"),
        "## A whole study on the profile mini\n",
        _run("study.py"),
        "## Analyses\n",
        _run("analysis.py"),
        "## Exploring 10,000 trials in 400 tuning runs\n",
        _run("exploring.py"),
    ]
    (HERE / "RESULTS.md").write_text("\n".join(parts), encoding="utf-8")
    print(f"written: {HERE / 'RESULTS.md'}")


def _machine() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.processor() or platform.machine()
    return f"{len(os.sched_getaffinity(0))} cores of {name}, Python {platform.python_version()}"


def _run(script: str, *arguments: str) -> str:
    command = [sys.executable, HERE / script, *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    print(done.stdout, flush=True)
    return done.stdout


if __name__ == "__main__":
    main()
