"""The tidy tables of a study: its finished runs read together, with scores that came late."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd

from repro.data.tasks import TaskData
from repro.records import make_table
from repro.results.deferred import add_gold_scores, add_returned_scores
from repro.results.files import fingerprint
from repro.results.folders import EXAMPLE, RunFolder


@dataclass(frozen=True)
class Results:
    """Finished tuning runs as tidy tables (see `records`), under the profile that asked now.

    Args:
        gold: task -> its data with test labels that were hidden when the runs ended.
        returned: scores that came back from the GLUE site (see `deferred`).
    """

    folders: tuple[RunFolder, ...]
    profile: str
    gold: Mapping[str, TaskData] = field(default_factory=dict)
    returned: pd.DataFrame | None = None

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the runs and all that decided their numbers."""
        return fingerprint(folder.name for folder in self.folders)

    @cached_property
    def runs(self) -> pd.DataFrame:
        rows = [folder.read_run()["run"] | {"profile": self.profile} for folder in self.folders]
        return make_table("runs", rows)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The table, with `test_source`: "labels", "returned" or, without a test score, empty."""
        frames = [make_table("trials", [])] if not self.folders else []
        for folder in self.folders:
            data = self.gold.get(folder.key["task"])
            frames.append(add_gold_scores(folder, data) if data else folder.read("trials"))
        table = pd.concat(frames, ignore_index=True)
        table["test_source"] = np.where(table["test_score"].notna(), "labels", "")
        if self.returned is None:
            return table
        ids = {folder.name: folder.key["run_id"] for folder in self.folders}
        rows = self.returned[self.returned["run"].isin(ids)]
        return add_returned_scores(
            table, rows.assign(trial_id=rows["run"].map(ids) + "/" + rows["trial"])
        )

    @cached_property
    def evaluations(self) -> pd.DataFrame:
        return self._concatenated("evaluations", self.folders)

    @cached_property
    def losses(self) -> pd.DataFrame:
        return self._concatenated("losses", self.folders)

    @cached_property
    def segments(self) -> pd.DataFrame:
        """The table; only populations have any."""
        populations = [f for f in self.folders if (f.path / "segments.parquet").is_file()]
        return self._concatenated("segments", populations)

    @cached_property
    def test_evaluations(self) -> pd.DataFrame:
        """Count how often each test set was used: once for each trial scored on it.

        Returns:
            one row a tuning run and test set: run_id, task, model, method, split, n_examples,
            n_trials, n_scored (trials whose predictions were held against its labels), n_returned
            (trials whose score came back from the GLUE site).
        """
        rows = []
        for folder in self.folders:
            key = {name: folder.key[name] for name in ("run_id", "task", "model", "method")}
            sources = self.trials.loc[self.trials["run_id"] == key["run_id"], "test_source"]
            for split, about in folder.read_run()["test_sets"].items():
                own = split == "test"  # whose labels may have come later
                n_scored = (sources == "labels").sum() if own else about["n_scored"]
                counts = {"n_scored": n_scored, "n_returned": own * (sources == "returned").sum()}
                row = {"split": split, "n_examples": about["n_examples"], "n_trials": len(sources)}
                rows.append(key | row | counts)
        return pd.DataFrame(rows)

    def predictions(self, run_id: str) -> pd.DataFrame:
        """Return the incumbent's predictions: split, checkpoint, index, prediction, label."""
        return self._predicted(run_id, RunFolder.predictions)

    def trial_predictions(self, run_id: str) -> pd.DataFrame:
        """Return what each trial's best checkpoint predicts (see `RunFolder`)."""
        return self._predicted(run_id, RunFolder.trial_predictions)

    def _predicted(self, run_id: str, read: Callable[[RunFolder], pd.DataFrame]) -> pd.DataFrame:
        """Read predictions of a run, with the labels of the test set that came later."""
        folders = {folder.key["run_id"]: folder for folder in self.folders}
        if run_id not in folders:
            raise ValueError(f"`run_id` must be one of {sorted(folders)}, but got {run_id!r}")
        table, data = read(folders[run_id]), self.gold.get(folders[run_id].key["task"])
        if data is None or table.empty:
            return table
        gold = table["index"].map(data.splits["test"].set_index("index")["label"])
        return table.assign(label=table["label"].where(table["split"] != "test", gold))

    def joint_predictions(self, model: str, task: str) -> pd.DataFrame:
        """Return what all trials on one model and task predict: as above, columns by trial_id.

        Trials that lack a prediction somewhere are left out.
        """
        tables = []
        for folder in self.folders:
            if (folder.key["model"], folder.key["task"]) == (model, task):
                run_id = folder.key["run_id"]
                table = self.trial_predictions(run_id).set_index(list(EXAMPLE))
                missing = table.isna() | (table < 0 if table.dtypes.eq("int16").all() else False)
                table = table.loc[:, ~missing.any()]
                tables.append(table.rename(columns=lambda name, run=run_id: f"{run}/{name}"))
        if not tables:
            raise ValueError(f"there must be results of {model} on {task}, but there are none")
        return pd.concat(tables, axis=1).reset_index()

    @staticmethod
    def _concatenated(table: str, folders) -> pd.DataFrame:
        frames = [folder.read(table) for folder in folders]
        return pd.concat(frames, ignore_index=True) if frames else make_table(table, [])
