"""What an explorer shows of many trials: choose by name, list the best, lay them out.

Frames in are `trials` of `repro.explorer.found_runs`.
"""

from collections.abc import Mapping

import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, label
from repro.names import check_name
from repro.records import HYPERPARAMETERS
from repro.show.cells import method_label, percent, task_label
from repro.show.table import Table

CHOICES = ("profile", "task", "model", "space", "stage", "variant", "method")  # one dropdown each
SCORE = "validation_score"
SORTS = {  # what a table of trials may be sorted by -> whether the largest comes first
    "validation_score": True,
    "validation_loss": False,
    "learning_rate": True,
    "seconds": True,
    "started_at": True,
}


def choose(trials: pd.DataFrame, values: Mapping[str, str]) -> pd.DataFrame:
    """Keep the trials whose columns have these values."""
    for name, value in values.items():
        trials = trials[trials[name] == value]
    return trials


def best_of(trials: pd.DataFrame, n: int, *, by: str = SCORE) -> pd.DataFrame:
    """Return the first `n` trials by one of SORTS; trials without a value come last."""
    largest_first = SORTS[check_name("order of trials", by, SORTS)]
    return trials.sort_values(by, ascending=not largest_first, kind="stable").head(n)


def short_names(trials: pd.DataFrame) -> dict[str, str]:
    """Name trials by what tells them apart: trial_id -> `RTE RS rep2 #7`."""
    parts = trials[["model", "task", "method", "space", "stage", "variant"]].assign(
        task=trials["task"].map(task_label),
        method=trials["method"].map(method_label),
        repetition="rep" + trials["repetition"].astype(str),
    )
    differing = [parts[name] for name in parts if parts[name].nunique() > 1]
    rows = zip(*differing, "#" + trials["trial"].astype(str), strict=True)
    return dict(zip(trials["trial_id"], map(" ".join, rows), strict=True))


def trials_table(trials: pd.DataFrame, caption: str, *, with_test: bool = False) -> Table:
    """Lay trials out for reading; what is the same in all of them is said once, in the caption.

    Args:
        with_test: show test scores too. Whoever sorts by these overfits the test set.
    """
    names = [name for name in HYPERPARAMETERS if trials[name].notna().any()]
    columns = {
        **{name: name for name in ("model", "space", "stage", "variant", "status")},
        "task": ("task", task_label),
        "method": ("method", method_label),
        "repetition": ("repetition", "d"),
        "trial": ("trial", "d"),
        "validation score (%)": ("validation_score", percent),
        **({"test score (%)": ("test_score", percent)} if with_test else {}),
        **{label(name, HYPERPARAMETER_LABELS): (name, ".3g") for name in names},
        "seconds": ("seconds", ".1f"),
    }
    cells = Table.of(trials, name="trials", caption=caption, columns=columns).frame
    same = [c for c in cells if len(cells) > 1 and cells[c].nunique() == 1 and "score" not in c]
    words = ", ".join(f"{name} {cells[name].iloc[0]}" for name in same if cells[name].iloc[0])
    caption += f" The same in all: {words}." if words else ""
    return Table("trials", caption, cells.drop(columns=same))
