"""Recorded trials as the explorer shows runs: each model, task and space is one tuning run."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repro.explorer.found_runs import FoundRuns
from repro.records import HYPERPARAMETERS, make_table
from repro.results.recorded import read_recorded

_CELL = ["model", "task", "space"]
# what the trials of a space amount to; of all others, random search
_METHODS = {"grid": "grid"} | dict.fromkeys(
    ("seeds", "sources", "init-x-order", "failing", "failing-corrected"), "seeds"
)


@dataclass(frozen=True)
class RecordedRuns(FoundRuns):
    """As `FoundRuns`, with the evaluations of all trials at hand."""

    curves: pd.DataFrame

    def evaluations(self, trial_ids: Iterable[str]) -> pd.DataFrame:
        chosen = self.curves[self.curves["trial_id"].isin(set(trial_ids))]
        names = ["trial_id", "step", "epoch", "validation_score", "validation_loss"]
        known = chosen[[name for name in names if name in chosen]]
        return make_table("evaluations", known.assign(seconds=float("nan")).to_dict("records"))


def find_recorded(name_or_folder: str | Path) -> RecordedRuns:
    """Read recorded trials; scores are those of the best checkpoints."""
    recorded = read_recorded(name_or_folder)
    trials = recorded.trials.assign(trial_id=_trial_ids(recorded.trials))
    evaluations = recorded.evaluations.assign(trial_id=_trial_ids(recorded.evaluations))
    ranked = evaluations.sort_values(["validation_score", "step"], ascending=[False, True])
    best = ranked.drop_duplicates("trial_id").rename(columns={"step": "best_step"})
    last = evaluations.sort_values("step").groupby("trial_id")[["step", "epoch"]].last()
    scores = best[["trial_id", "best_step", "validation_score", "test_score"]]
    kept = ["trial_id", "trial", "status", *_CELL]
    kept += [name for name in HYPERPARAMETERS if name in trials]
    table = trials[kept].merge(scores, how="left", on="trial_id")
    reached = last.reindex(table["trial_id"]).reset_index(drop=True)
    table = table.assign(
        run_id=table[_CELL].agg("/".join, axis=1),
        steps=reached["step"].fillna(0).astype("int64"),
        epochs_trained=reached["epoch"],
        repetition=1,
        method=table["space"].map(_METHODS).fillna("rs"),
        **dict.fromkeys(("variant", "stage", "message", "worker"), ""),
        **{seed: trials.get(seed, 0) for seed in ("init_seed", "order_seed", "dropout_seed")},
    )
    table = make_table("trials", table.to_dict("records"))
    table = table.assign(profile="recorded", split="official")
    return RecordedRuns(recorded.folder, table, {}, evaluations)


def _trial_ids(table: pd.DataFrame) -> pd.Series:
    numbers = table["trial"].map("trial{:04d}".format)
    return table[_CELL].agg("/".join, axis=1) + "/" + numbers
