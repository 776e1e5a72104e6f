"""Test scores that come after training: from gold labels, or back from the GLUE site.

Scores that came back stand in one CSV file with the columns of RETURNED, one row a metric;
`repro submit` writes it with `percent` empty. A row whose `percent` is empty is left out.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.definitions import TASKS
from repro.data.tasks import TaskData
from repro.names import check_name
from repro.results.folders import RunFolder
from repro.results.trials import scores_on_test

RETURNED = ("task", "run", "trial", "metric", "percent")


def read_returned_scores(path: Path) -> pd.DataFrame:
    """Read scores that came back for submitted predictions.

    Returns:
        columns task, run (name of its folder), trial, metric, score (fraction).
    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: with its line, if a row is not a score of a GLUE task's own metric.
    """
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        error = str(error).strip()
        raise ValueError(f"{path} must be a CSV file, but {error}; mend it") from None
    if tuple(table.columns) != RETURNED:
        raise ValueError(
            f"{path} must have the columns {', '.join(RETURNED)}, but got "
            f"{', '.join(table.columns)}; let `repro submit` write it"
        )
    for line, row in enumerate(table.itertuples(), start=2):
        try:
            task = TASKS[check_name("task", row.task, TASKS)]
            check_name(f"metric of {task.name}", row.metric, task.metrics)
        except ValueError as error:
            raise ValueError(f"{path} line {line}: {error}") from None
    table = table[table["percent"].str.strip() != ""]
    percent = pd.to_numeric(table["percent"].where(~table["percent"].str.contains("_")), "coerce")
    lowest = np.where(table["metric"].isin(["accuracy", "f1"]), 0.0, -100.0)
    fits = percent.between(lowest, 100) & ~(percent.abs().between(0, 1, inclusive="neither"))
    if len(bad := table[~fits]):
        raise ValueError(
            f"{path} line {bad.index[0] + 2}: `percent` must be a number as the GLUE site gives "
            f"it, from {lowest[~fits][0]:g} to 100 and no fraction of 1, but got "
            f"{bad['percent'].iloc[0]!r}"
        )
    if len(again := table[table.duplicated(["run", "trial", "metric"])]):
        raise ValueError(
            f"{path} must have one row a trial and metric; drop line {again.index[0] + 2}"
        )
    return table.drop(columns="percent").assign(score=percent / 100)


def add_returned_scores(trials: pd.DataFrame, returned: pd.DataFrame) -> pd.DataFrame:
    """Fill in returned scores where the test labels are hidden.

    Args:
        trials: as in records, with `test_source` ("labels", "returned" or empty).
        returned: trial_id, task, metric, score.
    """
    trials = trials.copy()
    for row in returned.itertuples():
        hidden = trials["trial_id"].eq(row.trial_id) & trials["test_source"].ne("labels")
        trials.loc[hidden, f"test_{row.metric}"] = row.score
        if row.metric == TASKS[row.task].metric:
            trials.loc[hidden, "test_score"] = row.score
            trials.loc[hidden, "test_source"] = "returned"
    return trials


def add_gold_scores(folder: RunFolder, data: TaskData) -> pd.DataFrame:
    """Return the trials of a run, scored on test labels that were hidden when it ended."""
    trials, labels = folder.read("trials"), data.splits["test"]["label"]
    for trial, predictions in folder.each_predictions():
        for column, score in scores_on_test(data.task, predictions, labels).items():
            trials.loc[trials["trial"] == trial, column] = score
    return trials
