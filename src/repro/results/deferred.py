"""Test scores that come after training: from gold labels, or back from the GLUE site.

Scores that came back stand in one CSV file with the columns of RETURNED, one row a metric;
`repro submit` writes it with `percent` empty. A row whose `percent` is empty is left out.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.tasks import TASKS, TaskData, score_predictions
from repro.names import check_name

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
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise ValueError(f"{path} must be a CSV file, but {error}; mend it") from None
    if tuple(table.columns) != RETURNED:
        raise ValueError(
            f"{path} must have the columns {', '.join(RETURNED)}, but got "
            f"{', '.join(table.columns)}; let `repro submit` write it"
        )
    scores = [_score(f"{path} line {i}", row) for i, row in enumerate(table.itertuples(), start=2)]
    table = table.assign(score=scores).drop(columns="percent").dropna(subset="score")
    again = table[table.duplicated(["run", "trial", "metric"])]
    if len(again):
        raise ValueError(
            f"{path} must have one row a trial and metric; drop line {again.index[0] + 2}"
        )
    return table


def _score(where: str, row) -> float:
    try:
        task = TASKS[check_name("task", row.task, TASKS)]
        check_name(f"metric of {task.name}", row.metric, task.metrics)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None
    if not row.percent.strip():
        return math.nan
    try:
        value = float(row.percent)
    except ValueError:
        value = math.nan
    if not -100 <= value <= 100:
        raise ValueError(
            f"{where}: `percent` must be a number from -100 to 100, but got {row.percent!r}"
        )
    return value / 100


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


def add_gold_scores(
    trials: pd.DataFrame,
    data: TaskData,
    *,
    predictions: pd.DataFrame,
    incumbent: pd.DataFrame,
    best_trial_id: str,
) -> pd.DataFrame:
    """Score one run's predictions on labels that were hidden when it ended.

    The last checkpoint is scored of the incumbent alone: of others it was not kept.

    Args:
        trials: of one run.
        predictions, incumbent: of this run, as in `repro.results.predictions`.
    Raises:
        ValueError: if the predictions are not as many as the labels.
    """
    trials, labels = trials.set_index("trial_id"), data.splits["test"]["label"].to_numpy()
    test = predictions[predictions["split"] == "test"]
    for trial_id in trials.index[trials["test_score"].isna()]:
        values = test.get(trial_id.rpartition("/")[2])
        for metric, value in _metrics(data, values, labels).items():
            trials.loc[trial_id, f"test_{metric}"] = value
            if metric == data.task.metric:
                trials.loc[trial_id, "test_score"] = value
    last = incumbent[(incumbent["split"] == "test") & (incumbent["checkpoint"] == "last")]
    scores = _metrics(data, last["prediction"] if len(last) else None, labels)
    if best_trial_id:
        trials.loc[best_trial_id, "last_test_score"] = scores.get(data.task.metric, np.nan)
    return trials.reset_index()


def _metrics(data: TaskData, predictions: pd.Series | None, labels: np.ndarray) -> dict:
    if predictions is None:
        return {}
    if len(predictions) != len(labels):
        raise ValueError(
            f"predictions of {data.task.name} must be as many as its {len(labels)} test labels, "
            f"but are {len(predictions)}; name the labels of the test set that was predicted"
        )
    values = predictions.to_numpy(dtype=float)
    missing = np.isnan(values).any() or (data.task.labels is not None and (values < 0).any())
    return {} if missing else score_predictions(data.task, values, labels)
