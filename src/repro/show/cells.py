"""The text of single cells, and the sentence on profile, repetitions and failures in captions."""

from collections.abc import Sequence
from functools import partial

import pandas as pd

from repro.labels import (
    EVIDENCE_LABELS,
    METHOD_LABELS,
    SOURCE_LABELS,
    TASK_LABELS,
    in_order,
    label,
)
from repro.records import SETTING
from repro.show.table import NOTHING, number
from repro.stats.incumbents import best_trials, is_returned


def percent(value: float) -> str:
    """Format a fraction in percent."""
    return number(100 * value)


def points(value: float) -> str:
    """Format a difference of fractions in percentage points, with its sign."""
    return number(100 * value, "+.1f")


def interval(low: float, high: float) -> str:
    """Format an interval of differences in percentage points."""
    return "" if pd.isna(low) else f" [{points(low)}, {points(high)}]"


def points_with_interval(value: float, low: float, high: float) -> str:
    """Format a difference of fractions and its interval in percentage points."""
    return NOTHING if pd.isna(value) else points(value) + interval(low, high)


def share_with_interval(share: float, low: float, high: float) -> str:
    """Format a share and its interval in whole percent."""
    if pd.isna(share):
        return NOTHING
    ends = "" if pd.isna(low) else f" [{100 * low:.0f}, {100 * high:.0f}]"
    return f"{100 * share:.0f}{ends}"


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


task_label = partial(label, labels=TASK_LABELS)
method_label = partial(label, labels=METHOD_LABELS)


def in_paper_order(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sort the rows by these columns; what has labels, in their order."""
    orders = {"task": TASK_LABELS, "method": METHOD_LABELS}
    orders |= {"source": SOURCE_LABELS, "evidence": EVIDENCE_LABELS}

    def rank(column: pd.Series) -> pd.Series:
        labels = orders.get(column.name)
        return column.map(in_order(column, labels).index) if labels else column

    return frame.sort_values(list(by), key=rank, kind="stable")


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
    counts = runs.groupby(["split", *SETTING], dropna=False).size()
    low, high = counts.min(), counts.max()
    return str(low) if low == high else f"{low} to {high}"


def in_place_of(model: str, published_model: str) -> str:
    """Say which model the reader sees, and which published one it stands for."""
    return f"{model} in place of the paper's {published_model}" if published_model else model


def frame_of(rows: list[dict], columns: Sequence | None = None) -> pd.DataFrame:
    """Build a frame of text cells from one dictionary a row; what a row lacks is empty.

    Args:
        columns: names; or pairs of names, which make a head of two levels.
    """
    frame = pd.DataFrame(rows, columns=columns, dtype="str").fillna("")
    if len(frame.columns) and all(isinstance(name, tuple) for name in frame.columns):
        frame.columns = pd.MultiIndex.from_tuples(frame.columns)
    return frame


def p_value(p: float) -> str:
    """Write a p-value as in print: .034, or < .001."""
    if pd.isna(p):
        return NOTHING
    return "< .001" if p < 0.001 else f"{p:.3f}".replace("0.", ".", 1)
