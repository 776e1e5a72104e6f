"""A submission to the GLUE site: one zip of the incumbents' test predictions in GLUE's own formats.

The site wants a file for every task; a task without predictions is filled with its first class,
and said so. What comes back is entered in a small file (see `results.deferred`).
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.definitions import GLUE_SIZES, TASKS
from repro.paths import RESULTS
from repro.results.archives import write_zip
from repro.results.deferred import RETURNED
from repro.results.tables import Results
from repro.study.profile import Profile
from repro.study.study import enumerate_runs, read_results


@dataclass(frozen=True)
class GlueFile:
    """One file of a submission: of which task and which of its test sets."""

    task: str
    split: str = "test"

    @property
    def n_rows(self) -> int:
        return GLUE_SIZES[self.task][self.split]

    def texts(self, predictions: np.ndarray) -> list[str]:
        """Write predictions as the site reads them: numbers, or classes by number or name."""
        task = TASKS[self.task]
        if task.labels is None:
            return [f"{value:.3f}" for value in np.clip(predictions, *task.score_range)]
        ids = predictions.astype(int)
        named = self.task in ("mnli", "qnli", "rte")
        return [task.labels[i] for i in ids] if named else [str(i) for i in ids]


FILES = {
    "CoLA": GlueFile("cola"),
    "SST-2": GlueFile("sst2"),
    "MRPC": GlueFile("mrpc"),
    "STS-B": GlueFile("stsb"),
    "QQP": GlueFile("qqp"),
    "MNLI-m": GlueFile("mnli"),
    "MNLI-mm": GlueFile("mnli", "test-mismatched"),
    "QNLI": GlueFile("qnli"),
    "RTE": GlueFile("rte"),
    "WNLI": GlueFile("wnli"),
    "AX": GlueFile("mnli", "test-ax"),
}


def submit(
    profile: Profile,
    *,
    out: Path,
    model: str | None = None,
    method: str | None = None,
    rank: int = 1,
    results: Path = RESULTS,
) -> pd.DataFrame:
    """Write a GLUE submission from what a study has finished, and the file for its scores.

    Args:
        out: the zip; its scores are asked for in the file that the profile names, or beside it.
        model: of the profile; its first when None.
        method: whose trials; of all methods when None.
        rank: by validation score, among all trials on a task; 1 is the incumbent.
    Returns:
        one row a file: file, task, rows, run, trial, validation_score (empty, NaN where filled).
    Raises:
        ValueError: if nothing is finished, predictions are not GLUE's, or `out` is there already.
    """
    if out.exists():
        raise ValueError(f"{out} must not exist yet; remove it or name another with --out")
    if profile.split != "official" or rank < 1:
        raise ValueError(
            "a submission must be of split 'official' and a rank from 1 on, "
            f"but got {profile.split} and {rank}"
        )
    name = profile.model(model).name if model else profile.models[0].name
    runs = [run for run in enumerate_runs(profile) if run.key["model"] == name]
    study = read_results(profile, runs, results=results)
    study = replace(study, folders=tuple(folder for folder in study.folders if folder.finished))
    chosen = _choose(study.trials, method, rank)
    if not chosen:
        raise ValueError(
            f"a tuning run of {name} by {method or 'any method'} must be finished, but none is; "
            "run the study first"
        )
    rows, texts = [], {}
    for file, glue in FILES.items():
        row, values = {"run": "", "trial": "", "validation_score": np.nan}, None
        if (trial := chosen.get(glue.task)) is not None:
            values = _predictions(file, glue, study, trial)
        if values is None:
            values = np.zeros(glue.n_rows)
        else:
            row = {"run": trial["run_id"], "trial": trial["name"]}
            row["validation_score"] = trial["validation_score"]
        rows.append({"file": f"{file}.tsv", "task": glue.task, "rows": glue.n_rows} | row)
        lines = [f"{i}\t{text}\n" for i, text in enumerate(glue.texts(values))]
        texts[f"{file}.tsv"] = "index\tprediction\n" + "".join(lines)
    write_zip(out, texts)
    scores = Path(profile.returned_scores or out.with_suffix(".csv"))
    _ask_for_scores(scores, study, chosen)
    return pd.DataFrame(rows)


def _choose(trials: pd.DataFrame, method: str | None, rank: int) -> dict[str, pd.Series]:
    """Return task -> the trial at this rank by validation score; the earlier one on a tie."""
    if method is not None:
        trials = trials[trials["method"] == method]
    trials = trials.assign(name=trials["trial_id"].str.split("/").str[-1])
    ranked = trials.dropna(subset="validation_score").sort_values(
        "validation_score", ascending=False, kind="stable"
    )
    places = ranked.groupby("task").cumcount() + 1
    return {row["task"]: row for _, row in ranked[places == rank].iterrows()}


def _predictions(file: str, glue: GlueFile, study: Results, trial: pd.Series) -> np.ndarray | None:
    """Return one trial's predictions in the order of GLUE's index; None where it made none."""
    table = study.trial_predictions(trial["run_id"])
    table = table[table["split"] == glue.split].sort_values("index")
    if table.empty or trial["name"] not in table:
        return None
    values = table[trial["name"]].to_numpy(dtype=float)
    if len(values) != glue.n_rows or (table["index"].to_numpy() != np.arange(glue.n_rows)).any():
        raise ValueError(
            f"{file}.tsv must have {glue.n_rows} rows, numbered from 0, but {trial['run_id']} "
            f"predicted {len(values)}; submit a study on the real GLUE data"
        )
    missing = np.isnan(values) if TASKS[glue.task].labels is None else values < 0
    if missing.any():
        raise ValueError(
            f"{file}.tsv must have a prediction in every row, but {trial['trial_id']} has none; "
            "it failed before it could predict: submit another rank"
        )
    return values


def _ask_for_scores(path: Path, study: Results, chosen: dict[str, pd.Series]) -> None:
    """Append a row for each score to come, with an empty percentage, unless it is there already."""
    names = {folder.key["run_id"]: folder.name for folder in study.folders}
    there = set()
    if path.exists():
        known = pd.read_csv(path, dtype="str", keep_default_na=False)
        there = set(known[list(RETURNED[:-1])].itertuples(index=False, name=None))
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        if not there and not path.stat().st_size:
            writer.writerow(RETURNED)
        for task in dict.fromkeys(glue.task for glue in FILES.values() if glue.task in chosen):
            for metric in TASKS[task].metrics:
                row = (task, names[chosen[task]["run_id"]], chosen[task]["name"], metric)
                if row not in there:
                    writer.writerow([*row, ""])
