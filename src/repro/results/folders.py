"""What tuning runs leave on disk: one folder a run, there complete or not at all.

While a run is in progress, its folder's name ends in `.partial` and each finished trial is one
file in it, so that a killed run goes on where it stopped. A finished folder holds `run.json`,
`trials.parquet`, `evaluations.parquet`, `losses.parquet`, `predictions.parquet` (the incumbent's),
`trial_predictions.parquet` and, where asked for, `checkpoint/` (the incumbent's best).
"""

import json
import math
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.tasks import Task
from repro.records import make_table
from repro.results.outcomes import (
    evaluation_row,
    loss_table,
    read_trial,
    score_row,
    segment_rows,
    write_trial,
)
from repro.results.predictions import describe_test_sets, incumbent_predictions, trial_predictions
from repro.training.types import TrialResult
from repro.tuning.runs import Request


@dataclass(frozen=True)
class RunFolder:
    """The folder of one tuning run.

    Args:
        path: of the finished folder.
        key: the columns of `records.RUN_KEY`.
        about: everything else that `run.json` shall say: what was asked, versions, and the seeds
            of all trials, or a list of each trial's.
    """

    path: Path
    key: dict
    about: dict = field(default_factory=dict)

    @property
    def finished(self) -> bool:
        return (self.path / "run.json").is_file()

    @property
    def name(self) -> str:
        """The run's id with its fingerprint: unique over all studies."""
        return f"{self.key['run_id']}-{self.path.name.rpartition('-')[2]}"

    @property
    def partial(self) -> Path:
        return self.path.with_name(self.path.name + ".partial")

    def checkpoint(self, trial: int) -> Path:
        """Where trial number `trial` saves its best checkpoint while the run is in progress."""
        return self.partial / "checkpoints" / f"trial{trial:04d}"

    def state(self, trial: int, generation: int) -> Path:
        """Where a segment leaves its state for those that continue it."""
        return self.partial / "states" / f"{generation:04d}-trial{trial:04d}.safetensors"

    def drop_states(self, *, before: int) -> None:
        """Remove the states of the generations that nobody continues any more."""
        for path in self.partial.glob("states/*.safetensors"):
            if int(path.name[:4]) < before:
                path.unlink(missing_ok=True)  # another worker may be as quick

    def recall(self, request: Request) -> TrialResult | None:
        """Return the recorded result of this very trial, if there is one."""
        path = self._trial_path(request.trial)
        if not path.is_file():
            return None
        configuration, result = read_trial(path)
        same = configuration == request.configuration and result.segment == request.segment
        return result if same else None

    def record(self, request: Request, result: TrialResult) -> None:
        """Keep the result of a trial, in a file that is complete or absent."""
        path = self._trial_path(request.trial)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_trial(path, request.configuration, result)

    def finish(self, *, task: Task, examples: dict[str, pd.DataFrame], ledger: dict) -> None:
        """Turn the recorded trials into the tables of a finished folder.

        Args:
            examples: of the validation and test splits, with columns index and label.
            ledger: `budget_unit`, `budget` (infinite for grid search) and `spent`.
        """
        self.partial.mkdir(parents=True, exist_ok=True)
        paths = sorted(self.partial.glob("trial*.npz"))
        trials = {int(path.stem.removeprefix("trial")): read_trial(path) for path in paths}
        results = {number: result for number, (_, result) in trials.items()}
        tables = self._tables(task, examples, trials)
        if segments := segment_rows(self.key["run_id"], results):
            tables["segments"] = make_table("segments", segments)
        for name, table in tables.items():
            table.to_parquet(self.partial / f"{name}.parquet", index=False)
        run = self._run_row(tables["trials"], ledger)
        self._keep_checkpoint(run["best_trial_id"])
        shutil.rmtree(self.partial / "states", ignore_errors=True)
        settings = next((result.settings for result in results.values() if result.settings), {})
        test_sets = describe_test_sets(task, examples, results.values())
        about = {**self.about, "run": run, "settings": settings, "test_sets": test_sets}
        _write_json(self.partial / "run.json", about)
        self.partial.rename(self.path)
        for path in self.path.glob("trial*.npz"):  # only now: a kill must lose nothing
            path.unlink()

    def read(self, table: str) -> pd.DataFrame:
        """Return a table of the finished run: trials, evaluations, losses, predictions, ...

        Raises:
            FileNotFoundError: if the run was finished by a version that did not write the table.
        """
        path = self.path / f"{table}.parquet"
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} must be there, but is not; remove the folder and run again"
            )
        return pd.read_parquet(path)

    def read_run(self) -> dict:
        """Return `run.json`."""
        return json.loads((self.path / "run.json").read_text())

    def _trial_path(self, trial: int) -> Path:
        return self.partial / f"trial{trial:04d}.npz"

    def _tables(self, task, examples, trials) -> dict[str, pd.DataFrame]:
        rows, evaluations, losses, incumbent = [], [], [], None
        for number, (configuration, result) in trials.items():
            row = self._trial_row(number, configuration, result)
            row |= score_row(task, result, examples)
            evaluations += [evaluation_row(row["trial_id"], e) for e in result.evaluations]
            losses.append(loss_table(result, row["trial_id"]))
            if _beats(row, incumbent[0] if incumbent else None):
                incumbent = row, result
            rows.append(row)
        predictions = {f"trial{number:04d}": r.predictions for number, (_, r) in trials.items()}
        return {
            "trials": make_table("trials", rows),
            "evaluations": make_table("evaluations", evaluations),
            "losses": pd.concat(losses) if losses else make_table("losses", []),
            "predictions": incumbent_predictions(examples, incumbent[1] if incumbent else None),
            "trial_predictions": trial_predictions(task, examples, predictions),
        }

    def _trial_row(self, number: int, configuration: dict, result: TrialResult) -> dict:
        return {
            **self.key,
            "trial_id": f"{self.key['run_id']}/trial{number:04d}",
            "trial": number,
            "status": result.status,
            "message": result.message,
            **(result.hyperparameters or configuration),
            **self._seeds(result.segment.member if result.segment else number),
            "steps": result.steps,
            "epochs_trained": result.epochs_trained,
            "seconds": result.seconds,
            "training_seconds": result.training_seconds,
            "evaluation_seconds": result.evaluation_seconds,
            "started_at": result.started_at,
            "worker": result.worker,
        }

    def _seeds(self, number: int) -> dict:
        seeds = self.about["seeds"]
        return seeds[number] if isinstance(seeds, list) else seeds

    def _run_row(self, trials: pd.DataFrame, ledger: dict) -> dict:
        scores = trials["validation_score"]
        best = trials["trial_id"][scores.idxmax()] if scores.notna().any() else ""
        seconds = math.fsum(trials["seconds"])
        budget, spent = ledger["budget"], ledger["spent"]
        limited = math.isfinite(budget)
        return {
            **self.key,
            "budget_gst": None if math.isnan(self.key["budget_gst"]) else self.key["budget_gst"],
            "budget_unit": ledger["budget_unit"],
            "budget": budget if limited else None,  # JSON has no infinity
            "spent": spent,
            "overshoot": max(0.0, spent - budget) if limited else 0.0,
            "profile": self.about["profile"],
            "split": self.about["split"],
            "steps": int(trials["steps"].sum()),
            "epochs_trained": math.fsum(trials["epochs_trained"]),
            "seconds": seconds,
            "gpu_seconds": seconds * self.about["gpus_per_trial"],
            "n_trials": len(trials),
            "n_failed": int(trials["status"].isin(["failed", "diverged"]).sum()),
            "best_trial_id": best,
        }

    def _keep_checkpoint(self, best_trial_id: str) -> None:
        checkpoints = self.partial / "checkpoints"
        best = checkpoints / best_trial_id.rpartition("/")[2]
        if best_trial_id and best.is_dir() and not (self.partial / "checkpoint").exists():
            best.rename(self.partial / "checkpoint")
        shutil.rmtree(checkpoints, ignore_errors=True)


def _beats(row: dict, other: dict | None) -> bool:
    """Whether a trial has a better validation score than another; a tie goes to the earlier."""
    score = row.get("validation_score")
    return score is not None and (other is None or score > other["validation_score"])


def _write_json(path: Path, content: dict) -> None:
    clean = json.dumps(content, indent=2, sort_keys=True, default=_plain)
    path.write_text(clean + "\n")


def _plain(value):
    return value.item() if isinstance(value, np.generic) else str(value)
