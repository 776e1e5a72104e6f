"""A submission to the GLUE site: one zip of the incumbents' test predictions in GLUE's own formats.

The site wants a file for every task; a task without predictions is filled with its first class,
and said so. What comes back is entered in a small file (see `results.deferred`).
"""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.definitions import BUILT_IN, GLUE_SIZES, TASKS
from repro.paths import RESULTS
from repro.results.deferred import RETURNED
from repro.results.files import write_zip
from repro.results.tables import Results
from repro.study.profile import Profile
from repro.study.study import enumerate_runs, read_results

FILES = {  # name -> its task and which of its test sets
    name: (task, split)
    for task, about in BUILT_IN.items()
    for name, split in about.submitted.items()
}
_NAMED = ("mnli", "qnli", "rte")  # whose classes the site wants by name


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
    for name, (task, split) in FILES.items():
        file, trial, values = f"{name}.tsv", chosen.get(task), None
        row = {"file": file, "task": task, "rows": GLUE_SIZES[task][split]}
        if trial is not None:
            values = _predictions(file, study, trial, split=split)
        if values is not None:
            row |= {"run": trial["run_id"], "trial": trial["name"]}
            row |= {"validation_score": trial["validation_score"]}
        lines = enumerate(_texts(task, np.zeros(row["rows"]) if values is None else values))
        texts[file] = "index\tprediction\n" + "".join(f"{i}\t{text}\n" for i, text in lines)
        rows.append({"run": "", "trial": "", "validation_score": np.nan} | row)
    write_zip(out, texts)
    scores = Path(profile.returned_scores or out.with_suffix(".csv"))
    _ask_for_scores(scores, study, chosen)
    columns = ["file", "task", "rows", "run", "trial", "validation_score"]
    return pd.DataFrame(rows)[columns]


def _texts(task: str, predictions: np.ndarray) -> list[str]:
    """Write predictions as the site reads them: numbers, or classes by number or name."""
    labels = TASKS[task].labels
    if labels is None:
        return [f"{value:.3f}" for value in np.clip(predictions, *TASKS[task].score_range)]
    ids = predictions.astype(int)
    return [labels[i] for i in ids] if task in _NAMED else [str(i) for i in ids]


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


def _predictions(file: str, study: Results, trial: pd.Series, *, split: str) -> np.ndarray | None:
    """Return one trial's predictions in the order of GLUE's index; None where it made none."""
    table = study.trial_predictions(trial["run_id"])
    table = table[table["split"] == split].sort_values("index")
    if table.empty or trial["name"] not in table:
        return None
    values, n_rows = table[trial["name"]].to_numpy(dtype=float), GLUE_SIZES[trial["task"]][split]
    if not np.array_equal(table["index"], np.arange(n_rows)):
        raise ValueError(
            f"{file} must have {n_rows} rows, numbered from 0, but {trial['run_id']} "
            f"predicted {len(values)}; submit a study on the real GLUE data"
        )
    missing = np.isnan(values) if TASKS[trial["task"]].labels is None else values < 0
    if missing.any():
        raise ValueError(
            f"{file} must have a prediction in every row, but {trial['trial_id']} has none; "
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
        for task in dict.fromkeys(task for task, _ in FILES.values() if task in chosen):
            for metric in TASKS[task].metrics:
                row = (task, names[chosen[task]["run_id"]], chosen[task]["name"], metric)
                if row not in there:
                    writer.writerow([*row, ""])
