"""One table and one figure of all experiments; differences are in points of test score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from repro.chapters.future_work.claims import judge
from repro.chapters.future_work.experiments import LABELS
from repro.show.cells import in_paper_order, points, points_with_interval, task_label
from repro.show.style import OWN, PAGE_WIDTH, new_axes, styled
from repro.show.table import Table
from repro.stats.ledger import load_claims

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = ("o", "s", "^", "D")


def summarise(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row an experiment: claim, value, low, high (fractions), reason."""
    rows = []
    for claim in LABELS:
        found = judge(results, claim)
        row = {"claim": claim, "value": found.value, "low": found.low, "high": found.high}
        rows.append(row | {"n": found.n, "reason": found.reason})
    return pd.DataFrame(rows)


def experiments_table(results: pd.DataFrame, *, note: str) -> Table:
    """Show each experiment's difference: on each task, and its mean with an interval."""
    wide = results.groupby(["claim", "task"])["value"].mean().unstack()
    tasks = in_paper_order(pd.DataFrame({"task": list(wide)}), ["task"])["task"]
    data = summarise(results).join(wide.reindex(columns=tasks), on="claim")
    claims = load_claims()["claim"]
    columns = {
        "question": ("claim", claims.get),
        **{task_label(task): (task, "+.1f") for task in tasks},
        "mean [95% interval]": (["value", "low", "high"], points_with_interval),
    }
    shown = data.assign(**{task: 100 * data[task] for task in tasks})
    caption = (
        "What each proposal changes, in points of test score (of the share of choices that "
        "overfit, for the best of ten runs), mean over models. The interval is of the mean over "
        "models and tasks, from parts of the recorded trials that have nothing in common. "
        f"{note}"
    )
    return Table.of(shown, name="future_work", caption=caption, columns=columns)


def describe(results: pd.DataFrame) -> str:
    """Say in one sentence which proposals help beyond chance, and which harm."""
    found = summarise(results)
    clear = found[(found["low"] > 0) | (found["high"] < 0)]
    if clear.empty:
        return "No interval excludes zero."
    texts = [f"“{LABELS[row.claim]}” by {points(row.value)}" for row in clear.itertuples()]
    return (
        f"Of {len(found)} proposals, {len(clear)} change the outcome by more than their 95% "
        f"intervals allow for chance (points): {', '.join(texts)}."
    )


@styled
def plot_experiments(results: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the difference of each experiment: a point a task and model, and mean and interval."""
    ax = ax or new_axes(PAGE_WIDTH, 3.4)
    found = summarise(results)
    models = list(dict.fromkeys(results["model"]))
    for place, row in enumerate(found.itertuples()):
        for model, marker in zip(models, _MARKERS, strict=False):
            rows = results[(results["claim"] == row.claim) & (results["model"] == model)]
            rows = rows.groupby("task", as_index=False)["value"].mean()
            look = {"ls": "none", "marker": marker, "ms": 3.5, "mfc": "none", "color": "0.55"}
            label = model if place == 0 else None
            ax.plot(100 * rows["value"], [place + 0.18] * len(rows), label=label, **look)
        if pd.notna(row.low):
            ax.plot([100 * row.low, 100 * row.high], [place - 0.12] * 2, color=OWN, lw=1.4)
        ax.plot(100 * row.value, place - 0.12, "o", color=OWN, ms=5)
    ax.axvline(0, color="black", lw=0.6)
    ax.set(xlabel="difference (points)", yticks=range(len(found)))
    ax.set_yticklabels([LABELS[claim] for claim in found["claim"]])
    ax.set_ylim(len(found) - 0.5, -0.5)
    ax.legend(loc="lower right")
    return ax
