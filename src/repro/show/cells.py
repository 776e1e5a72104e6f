"""The text of single cells, and the sentence on profile, repetitions and failures in captions."""

import re
from collections.abc import Iterable, Sequence
from functools import partial

import pandas as pd

from repro.labels import METHOD_LABELS, METRIC_LABELS, TASK_LABELS, in_order, label
from repro.show.table import NOTHING, number
from repro.stats.incumbents import best_trials


def percent(value: float) -> str:
    """Format a fraction in percent."""
    return number(100 * value)


def points(value: float) -> str:
    """Format a difference of fractions in percentage points, with its sign."""
    return number(100 * value, "+.1f")


def interval(low: float, high: float) -> str:
    """Format an interval of differences in percentage points."""
    return "" if pd.isna(low) else f" [{points(low)}, {points(high)}]"


def scientific(value: float) -> str:
    """Format a learning rate as the paper does: 3.9e-5."""
    return number(value, ".1e").replace("e-0", "e-").replace("e+0", "e+")


def short(value: float) -> str:
    """Format a learning rate with no more digits than it needs: 1e-4, 2.99e-5."""
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def seconds(value: float) -> str:
    """Format seconds: one decimal below ten, none above."""
    return number(value, ".1f" if value < 10 else ",.0f")


def mean_and_spread(rows: pd.DataFrame, metrics: Sequence[str], *, n_expected: int) -> str:
    """Format means and standard deviations of one cell's metrics: 92.3/89.2 ± 0.4/0.5.

    Args:
        rows: indexed by metric, with mean, sd (fractions) and n; empty where nothing was run.
        n_expected: repetitions that others have; fewer are named in the cell.
    """
    rows = rows.reindex(metrics)
    n = rows["n"].fillna(0).max()
    if not n:
        return NOTHING
    text = "/".join(map(percent, rows["mean"]))
    if n > 1:
        text += " ± " + "/".join(map(percent, rows["sd"]))
    return text if n == n_expected else f"{text} (n={n:.0f})"


task_label = partial(label, labels=TASK_LABELS)
method_label = partial(label, labels=METHOD_LABELS)
_ORDERS = {"task": TASK_LABELS, "method": METHOD_LABELS}


def in_paper_order(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sort the rows by these columns, tasks and methods as the paper orders them."""

    def rank(column: pd.Series) -> pd.Series:
        if column.name not in _ORDERS:
            return column
        return column.map(in_order(column, _ORDERS[column.name]).index)

    return frame.sort_values(list(by), key=rank, kind="stable")


def metrics_in_order(metrics: Iterable[str]) -> list[str]:
    """Order the metrics of one cell as the paper's pairs: F1 before accuracy."""
    known = list(METRIC_LABELS)
    return sorted(set(metrics), key=lambda m: known.index(m) if m in known else len(known))


def describe_study(runs: pd.DataFrame, trials: pd.DataFrame) -> str:
    """Say in one sentence which profile, how many repetitions and how many failures there are."""
    best = best_trials(trials, runs)
    n_failed = int(trials["status"].isin(["failed", "diverged"]).sum())
    text = f"Profile {', '.join(sorted(set(runs['profile']))) or 'unknown'}; "
    text += f"{_repetitions(runs)}; {n_failed} of {len(trials)} trials failed or diverged"
    if n_empty := int(best["validation_score"].isna().sum()):
        text += f"; {n_empty} of {len(best)} tuning runs without a score"
    if n_returned := int(is_returned(best).sum()):
        text += f"; test scores of {n_returned} of {len(best)} tuning runs (†) came back from GLUE"
    return text + "."


def is_returned(rows: pd.DataFrame) -> pd.Series:
    """Tell of each row whether its test score came back from the GLUE site."""
    return rows.get("test_source", pd.Series("", rows.index)) == "returned"


def with_dagger(text: str, *sources: str) -> str:
    """Mark a test score that came back from the GLUE site, or a mean that has one in it.

    Args:
        sources: `test_source` of what the cell shows.
    """
    return f"{text}†" if "returned" in sources else text


def _repetitions(runs: pd.DataFrame) -> str:
    is_grid = runs["method"] == "grid"
    texts = [_count(runs[rows]) for rows in (~is_grid, is_grid)]
    if not is_grid.any():
        return f"n = {texts[0]} repetitions"
    if is_grid.all():
        return f"grid search: n = {texts[1]}"
    return f"n = {texts[0]} repetitions (grid search: {texts[1]})"


def _count(runs: pd.DataFrame) -> str:
    if runs.empty:
        return "0"
    counts = runs.groupby(["split", "model", "task", "method", "space", "budget_gst"]).size()
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low} to {high}"


def of_model(runs: pd.DataFrame, trials: pd.DataFrame, model: str):
    """Return the rows of one model.

    Raises:
        ValueError: if there are none, or a method comes with several spaces or budgets.
    """
    known = sorted(set(runs["model"]))
    if model not in known:
        raise ValueError(f"`model` must be one of {known}, but got {model!r}")
    runs, trials = runs[runs["model"] == model], trials[trials["model"] == model]
    settings = runs[["method", "space", "budget_gst"]].drop_duplicates()
    if settings["method"].duplicated().any():
        raise ValueError(
            "a method must come with one search space and one budget in this table, but got "
            f"{settings.to_dict('records')}; select the runs first"
        )
    return runs, trials


def of_published(published: pd.DataFrame | None, model: str, columns: Sequence[str]):
    """Return the published rows of `model` (all, where the frame has no column `model`)."""
    if published is None:
        return pd.DataFrame(columns=list(columns))
    if "model" in published:
        published = published[published["model"] == model]
    return published.reset_index(drop=True)


def slug(model: str) -> str:
    """Turn a model's name or path into a part of a file name."""
    return re.sub(r"[^\w.-]+", "-", model).strip("-")


def plays(model: str, published_model: str) -> str:
    """Say which model the reader sees, and which published one it stands for."""
    return f"{model} in the place of the paper's {published_model}" if published_model else model


def frame_of(rows: list[dict], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Build a frame of text cells from one dictionary a row; what a row lacks is empty.

    Args:
        columns: all there shall be; by default those of the rows, in the order of appearance.
    """
    columns = list(dict.fromkeys(c for r in rows for c in r) if columns is None else columns)
    cells = [[r.get(c, "") for c in columns] for r in rows]
    return pd.DataFrame(cells, columns=columns, dtype="str")
