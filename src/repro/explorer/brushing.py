"""What an explorer shows of many trials: choose by name, brush by value, list the best.

Frames in are `trials` of `repro.explorer.found_runs`; a mask is a boolean Series on their index.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, TASK_LABELS, label
from repro.names import check_name
from repro.records import HYPERPARAMETERS

CHOICES = ("profile", "task", "model", "space", "method")  # one dropdown each
SCORE = "validation_score"
SORTS = {  # what a table of trials may be sorted by -> whether the largest comes first
    "validation_score": True,
    "test_score": True,
    "validation_loss": False,
    "learning_rate": True,
    "seconds": True,
    "started_at": True,
}
MOST_LINES = 1500
_MOST_STOPS = 24


def choose(trials: pd.DataFrame, wanted: Mapping[str, str | None]) -> pd.DataFrame:
    """Keep the trials whose columns have the wanted values; None keeps all."""
    keep = pd.Series(True, index=trials.index)
    for name, value in wanted.items():
        if value is not None:
            keep &= trials[name] == value
    return trials[keep]


def brush_stops(trials: pd.DataFrame) -> dict[str, tuple[float, ...]]:
    """Find the axes of a brush: hyperparameters that differ between trials, and the score.

    Returns:
        column -> ascending stops for the ends of a range, from the lowest to the highest value;
        the values themselves where these are few.
    """
    stops = {}
    for name in (*HYPERPARAMETERS, SCORE):
        values = np.unique(trials[name].dropna())
        if len(values) > 1:
            stops[name] = tuple(_stops(values).tolist())
    return stops


def _stops(values: np.ndarray) -> np.ndarray:
    if len(values) <= _MOST_STOPS:
        return values
    low, high = values[0], values[-1]
    space = np.geomspace if low > 0 and high / low >= 4 else np.linspace
    inner = space(low, high, _MOST_STOPS)[1:-1]
    return np.array([low, *inner, high])


def brush(trials: pd.DataFrame, ranges: Mapping[str, tuple[float, float]]) -> pd.Series:
    """Mark the trials whose values lie in all `ranges`, ends included; no value is outside."""
    mask = pd.Series(True, index=trials.index)
    for name, (low, high) in ranges.items():
        mask &= trials[name].between(low, high)
    return mask


def sample_for_lines(trials: pd.DataFrame, mask: pd.Series, names: Iterable[str]) -> pd.DataFrame:
    """Keep as many trials as can be drawn fast and told apart: chosen ones before others.

    The best chosen ones stay, and those at the ends of each axis; the rest is drawn at random, the
    same each time.

    Args:
        trials: with a score; `mask` says which are chosen, `names` the other axes.
    """
    columns = trials[[*names, SCORE]]
    ends = [*columns.idxmin(), *columns.idxmax()]
    chosen = trials[mask[trials.index]]
    at_random = [part.sample(frac=1, random_state=0).index for part in (chosen, trials)]
    kept = [*ends, *best_of(chosen, MOST_LINES // 10).index, *at_random[0], *at_random[1]]
    return trials.loc[list(dict.fromkeys(kept))[:MOST_LINES]]


def best_of(trials: pd.DataFrame, n: int, *, by: str = SCORE) -> pd.DataFrame:
    """Return the first `n` trials by one of SORTS; trials without a value come last."""
    largest_first = SORTS[check_name("order of trials", by, SORTS)]
    return trials.sort_values(by, ascending=not largest_first, kind="stable").head(n)


def short_names(trials: pd.DataFrame) -> dict[str, str]:
    """Name trials by what tells them apart: trial_id -> `RTE RS rep2 #7`."""
    parts = {
        "model": trials["model"],
        "task": trials["task"].map(lambda name: label(name, TASK_LABELS)),
        "method": trials["method"].map(lambda name: label(name, METHOD_LABELS)),
        "space": trials["space"],
        "repetition": "rep" + trials["repetition"].astype(str),
    }
    differing = [part for part in parts.values() if part.nunique() > 1]
    numbers = "#" + trials["trial"].astype(str)
    rows = zip(*differing, numbers, strict=True)
    return dict(zip(trials["trial_id"], map(" ".join, rows), strict=True))


def list_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Lay trials out for reading, all text, scores in percent; without empty columns."""
    columns = {
        "model": trials["model"],
        "task": trials["task"].map(lambda name: label(name, TASK_LABELS)),
        "method": trials["method"].map(lambda name: label(name, METHOD_LABELS)),
        "space": trials["space"],
        "rep.": trials["repetition"].astype(str),
        "trial": trials["trial"].astype(str),
        "status": trials["status"],
    }
    for name in ("validation_score", "test_score"):
        columns[name.replace("_", " ") + " (%)"] = _written(100 * trials[name], "{:.1f}")
    for name in HYPERPARAMETERS:
        if trials[name].notna().any():
            columns[label(name, HYPERPARAMETER_LABELS)] = _written(trials[name], "{:.3g}")
    columns["seconds"] = _written(trials["seconds"], "{:.1f}")
    return pd.DataFrame(columns).reset_index(drop=True)


def split_constant(cells: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """Take the columns that say the same of all rows out of a table, and say it once."""
    same = [c for c in cells if len(cells) > 1 and cells[c].nunique() == 1 and "score" not in c]
    words = ", ".join(f"{name} {cells[name].iloc[0]}" for name in same)
    return cells.drop(columns=same), f"The same in all: {words}." if words else ""


def _written(values: pd.Series, form: str) -> pd.Series:
    return values.map(lambda value: "–" if np.isnan(value) else form.format(value))
