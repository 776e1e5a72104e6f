"""The authors' own runs: the scores of Figure 2, as far as they are known, and what is drawn there.

MRPC and RTE come with the package. Other tasks, or the whole release, go into a folder of CSV files
with the same columns: task, init_rank, order_rank, score (a fraction; empty where a run has none).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from repro.published import load_published
from repro.show.cells import task_label
from repro.stats.expected_performance import expected_maximum

COLUMNS = ["task", "init_rank", "order_rank", "score"]
MODEL = "BERT-large, the authors' runs"
N_EVALUATIONS = 30  # of a run of theirs, as Figure 6 counts


def read_matrices(folder: str | Path | None = None) -> dict[str, pd.DataFrame]:
    """Return a matrix of scores a task, WI seeds down and DO seeds across, for `analysis`.

    Args:
        folder: of further CSV files; a task in it takes the place of the package's.
    Raises:
        ValueError: naming the file and what is wrong with it.
    """
    frame = load_published("dodge_2020_figure02")[COLUMNS]
    for path in sorted(Path(folder).glob("*.csv")) if folder is not None else ():
        further = _read(path)
        frame = pd.concat([frame[~frame["task"].isin(further["task"])], further])
    if folder is not None and not any(Path(folder).glob("*.csv")):
        raise ValueError(f"there must be CSV files in {folder}, but there are none; mend its path")
    return {
        task: rows.pivot(index="init_rank", columns="order_rank", values="score")
        for task, rows in frame.groupby("task", sort=False)
    }


def _read(path: Path) -> pd.DataFrame:
    frame = pd.read_csv(path)
    if missing := [column for column in COLUMNS if column not in frame]:
        raise ValueError(f"{path} must have the columns {COLUMNS}, but lacks {missing}")
    if not pd.api.types.is_numeric_dtype(frame["score"]) or (frame["score"].abs() > 1).any():
        raise ValueError(
            f"{path}: `score` must be a fraction, but goes up to {frame['score'].max()}"
        )
    if frame.duplicated(COLUMNS[:3]).any():
        raise ValueError(f"{path} must hold one run a pair of seeds, but some are there twice")
    seeds = frame.groupby("task")[COLUMNS[1:3]].nunique()
    if len(few := seeds[(seeds < 2).any(axis=1)]):
        raise ValueError(
            f"{path} must have two seeds of each kind or more, but {few.index[0]} has "
            f"{few.iloc[0, 0]} by {few.iloc[0, 1]}"
        )
    return frame[COLUMNS]


def beside(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> dict[str, Any]:
    """Put the authors' tasks behind ours, for panels: a title -> what is drawn of a task."""
    return dict(ours) | {f"{task_label(task)}, authors": part for task, part in theirs.items()}


def expected_curves(matrices: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the `expected_maximum` of each task's runs, and the points read off Figure 1.

    Returns:
        task -> as `analysis.scenario_curves`; scenario "from the runs" or "printed".
    """
    printed = load_published("dodge_2020_figure01").query("scenario == 'every evaluation'")
    curves = {}
    for task, matrix in matrices.items():
        ours = expected_maximum(matrix.to_numpy().ravel()).assign(scenario="from the runs")
        points = printed[printed["task"] == task].rename(columns={"score": "mean"})
        points = points[["n", "mean"]].assign(scenario="printed")
        curves[task] = pd.concat([ours, points], ignore_index=True).assign(task=task)
    return curves


def printed_settings() -> pd.DataFrame:
    """Return the best setting of each budget that the authors printed, as `compare_settings`.

    Source: Dodge et al. 2020, Figures 6 and 7 (executed notebooks).
    """
    best = load_published("dodge_2020_figure06").query("rank == 1").reset_index(drop=True)
    best = best.rename(columns={"t_started": "t", "p_kept": "p"})
    return best.assign(f=best["evaluations"] / N_EVALUATIONS)
