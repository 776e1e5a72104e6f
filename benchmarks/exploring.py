"""Time the explorer on a made-up results folder, in CPU seconds of one thread.

python benchmarks/exploring.py [--runs 400] [--trials 25]
"""

import argparse
import json
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from analysis import measure

from repro.explorer.explore import ALL, Explorer
from repro.records import TABLES, make_table, run_key

MODELS, TASKS = ("tiny-electra", "tiny-roberta"), ("rte", "mrpc", "cola", "stsb", "sst2")
METHODS = ("rs", "asha", "bo_asha", "pbt")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--trials", type=int, default=25, help="in each run")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_results(Path(folder), asked.runs, asked.trials)
        print("| explorer | CPU s | wanted |")
        print("|---|---|---|")
        measure("open the folder, first picture included", "3", lambda: Explorer(folder))
        explorer = Explorer(folder)
        measure("read the folder", "3", explorer.refresh_button.click)
        for place, tab in enumerate(explorer.tabs):
            explorer.tab.selected_index = place
            show = _redraw(explorer, tab)
            measure(f"redraw: {tab.title}, all trials", "0.5", show)
        explorer.choices["task"].value = "rte"
        for place, tab in enumerate(explorer.tabs):
            explorer.tab.selected_index = place
            measure(f"redraw: {tab.title}, one task", "0.5", _redraw(explorer, tab))


def _redraw(explorer: Explorer, tab):
    trials = explorer.found.trials
    if (task := explorer.choices["task"].value) != ALL:
        trials = trials[trials["task"] == task]
    return lambda: tab.show(explorer.found, trials)


def write_results(folder: Path, n_runs: int, n_trials: int) -> None:
    """Write finished runs, spread over models, tasks and methods."""
    rng, places = np.random.default_rng(0), list(product(MODELS, TASKS, METHODS))
    for number in range(n_runs):
        model, task, method = places[number % len(places)]
        repetition = 1 + number // len(places)
        columns = {"space": "full", "budget_gst": 1.0, "repetition": repetition}
        key = run_key(model, task, method, "1gst", "full", **columns)
        path = folder / f"{key['run_id']}-{number:08x}"
        path.mkdir(parents=True)
        trials = make_trials(key, n_trials, rng)
        trials.to_parquet(path / "trials.parquet", index=False)
        make_evaluations(trials, rng).to_parquet(path / "evaluations.parquet", index=False)
        run = dict.fromkeys((c.name for c in TABLES["runs"] if c.kind == "number"), 0.0)
        run |= dict.fromkeys((c.name for c in TABLES["runs"] if c.kind == "integer"), 0)
        run |= {"profile": "made up", "split": "official", "budget_unit": "steps"}
        (path / "run.json").write_text(json.dumps({"run": run | key | {"best_trial_id": ""}}))


def make_trials(key: dict, n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Make a run's table of trials; hyperparameters and scores are uniform."""
    kinds = {c.name: c.kind for c in TABLES["trials"] if c.name not in key}
    rows = []
    for trial in range(n):
        row = {name: 100 if kind == "integer" else "" for name, kind in kinds.items()}
        row |= {name: rng.random() for name, kind in kinds.items() if kind == "number"}
        row |= {"trial_id": f"{key['run_id']}/trial{trial:04d}", "trial": trial}
        row |= {"status": "completed", "best_step": 50.0}
        rows.append(key | row)
    return make_table("trials", rows)


def make_evaluations(trials: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Make ten evaluations a trial."""
    rows = [
        {"trial_id": trial_id, "step": step, "epoch": step / 30, "seconds": step / 10}
        | {"validation_score": rng.random(), "validation_loss": 1.0}
        for trial_id in trials["trial_id"]
        for step in range(10, 101, 10)
    ]
    return make_table("evaluations", rows)


if __name__ == "__main__":
    main()
