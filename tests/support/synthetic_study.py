"""A small made-up study in the tables of `repro.records`, for the tests of analysis and display."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repro.records import make_table, run_key

METRICS = {
    "mrpc": ("accuracy", "f1"),
    "stsb": ("pearson", "spearman"),
    "qqp": ("accuracy", "f1"),
    "cola": ("matthews",),
}
HARD = {"rte": 0.62, "mrpc": 0.81, "cola": 0.45, "wnli": 0.56, "stsb": 0.83}


@dataclass(frozen=True)
class Study:
    """The four tables of one study."""

    runs: pd.DataFrame
    trials: pd.DataFrame
    evaluations: pd.DataFrame
    losses: pd.DataFrame
    fingerprint: str = "made up"


def make_study(
    *,
    models: Sequence[str] = ("tiny-electra", "tiny-roberta"),
    tasks: Sequence[str] = ("mrpc", "rte", "cola"),
    methods: Sequence[str] = ("grid", "rs", "asha", "bo_asha"),
    repetitions: int = 3,
    n_trials: int = 4,
    seed: int = 0,
) -> Study:
    """Make a study with one failed and one diverged trial, and one run without a scored trial.

    Grid search runs once; the others `repetitions` times. The failed trial is the first of the
    first model's rs/rep1 on the first task, the diverged one that of rs/rep2; every trial of the
    last model's last method's last repetition on the last task failed.
    """
    rng = np.random.default_rng(seed)
    tables = {"runs": [], "trials": [], "evaluations": [], "losses": []}
    for model in models:
        for task in tasks:
            for method in methods:
                for repetition in range(1, (1 if method == "grid" else repetitions) + 1):
                    place = (model, task, method, repetition)
                    dead = place == (models[-1], tasks[-1], methods[-1], repetitions)
                    odd = (model, task, method) == (models[0], tasks[0], "rs")
                    first = {1: "failed", 2: "diverged"}.get(repetition) if odd else None
                    _add_run(tables, place, n_trials=n_trials, first=first, dead=dead, rng=rng)
    return Study(**{name: make_table(name, rows) for name, rows in tables.items()})


def write_study(study: Study, folder: Path) -> list[Path]:
    """Write what a results folder holds of each run, but for predictions; return its folders."""
    paths, trials = [], dict(list(study.trials.groupby("run_id")))
    evaluations = dict(list(study.evaluations.groupby(study.evaluations["trial_id"].str[:-10])))
    for row in study.runs.to_dict("records"):
        paths.append(folder / f"{row['run_id']}-0123abcd")
        paths[-1].mkdir(parents=True)
        run = {name: None if value != value else value for name, value in row.items()}
        (paths[-1] / "run.json").write_text(json.dumps({"run": run}))
        trials[row["run_id"]].to_parquet(paths[-1] / "trials.parquet", index=False)
        rows = evaluations.get(row["run_id"], study.evaluations.head(0))
        rows.to_parquet(paths[-1] / "evaluations.parquet", index=False)
    return paths


def _add_run(tables, place, *, n_trials, first, dead, rng) -> None:
    model, task, method, repetition = place
    columns = {"space": "full", "budget_gst": 1.0, "repetition": repetition}
    key = run_key(model, task, method, "1gst", "full", **columns)
    trials = []
    for number in range(n_trials):
        status = "failed" if dead else (first if number == 0 else None)
        trials.append(_trial(key, number, status=status, method=method, rng=rng))
        if trials[-1]["status"] != "failed":
            _add_curve(tables, trials[-1], rng)
    scored = [t for t in trials if not np.isnan(t["validation_score"])]
    best = max(scored, key=lambda t: t["validation_score"])["trial_id"] if scored else ""
    steps = sum(t["steps"] for t in trials)
    tables["trials"] += trials
    tables["runs"].append(
        key
        | {"profile": "mini", "split": "official", "budget_unit": "steps"}
        | {"budget": float("nan") if method == "grid" else 400.0, "spent": float(steps)}
        | {"overshoot": 0.0, "steps": steps, "epochs_trained": steps / 50, "seconds": steps / 10}
        | {"gpu_seconds": 0.0, "n_trials": len(trials), "best_trial_id": best}
        | {"n_failed": sum(t["status"] in ("failed", "diverged") for t in trials)}
    )


def _trial(key, number, *, status, method, rng) -> dict:
    stopped = method.endswith("asha") and number % 2
    status = status or ("stopped" if stopped else "completed")
    steps = {"failed": 0, "diverged": 20, "stopped": 40}.get(status, 100)
    searched = method != "grid"
    row = key | {
        "trial_id": f"{key['run_id']}/trial{number:04d}",
        "trial": number,
        "status": status,
        "message": "loss is not finite" if status == "diverged" else "",
        "learning_rate": 10 ** rng.uniform(-4.5, -3.8) if searched else [3e-5, 1e-4][number % 2],
        "warmup_ratio": rng.uniform(0, 0.2) if searched else 0.1,
        "attention_dropout": rng.uniform(0, 0.2) if searched else 0.1,
        "hidden_dropout": rng.uniform(0, 0.2) if searched else 0.1,
        "weight_decay": rng.uniform(0, 0.3) if searched else 0.0,
        "batch_size": float(rng.choice([16, 32, 64])) if searched else 32.0,
        "epochs": 3.0,
        "steps": steps,
    }
    row |= {
        "init_seed": 1,
        "order_seed": 2,
        "dropout_seed": 3,
        "started_at": 0.0,
        "worker": "test:1",
    }
    row |= {"epochs_trained": steps / 50, "seconds": steps / 10}
    row |= {"training_seconds": steps / 15, "evaluation_seconds": steps / 40}
    if status in ("failed", "diverged"):
        return row | {"validation_score": float("nan")}
    return row | _scores(key["task"], steps, rng)


def _scores(task, steps, rng) -> dict:
    level = HARD.get(task, 0.8)
    validation, test = level + rng.normal(0, 0.02), level - 0.02 + rng.normal(0, 0.02)
    row = {"best_step": steps / 2, "validation_loss": rng.uniform(0.4, 0.7)}
    row |= {"validation_score": validation, "test_score": test}
    row |= {"last_validation_score": validation - abs(rng.normal(0, 0.01))}
    row |= {"last_validation_loss": 0.8, "last_test_score": test + rng.normal(-0.005, 0.01)}
    for place, metric in enumerate(METRICS.get(task, ("accuracy",))):
        row |= {f"validation_{metric}": validation + 0.03 * place}
        row |= {f"test_{metric}": test + 0.03 * place}
    return row


def _add_curve(tables, trial, rng) -> None:
    level = HARD.get(trial["task"], 0.8)
    for step in range(10, trial["steps"] + 1, 10):
        score = level + 0.05 * (1 - np.exp(-step / 30)) + rng.normal(0, 0.01)
        tables["evaluations"].append(
            {"trial_id": trial["trial_id"], "step": step, "epoch": step / 50}
            | {"seconds": step / 10, "validation_score": score}
            | {"validation_loss": 0.5 + 0.3 * np.exp(-step / 40)}
        )
    for step in range(1, trial["steps"] + 1):
        loss = 0.3 + 0.6 * np.exp(-step / 30) + abs(rng.normal(0, 0.05))
        tables["losses"].append({"trial_id": trial["trial_id"], "step": step, "loss": loss})
