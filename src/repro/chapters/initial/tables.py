"""The tables of Liu & Wang 2021, each with our numbers and, in rows or columns named so, theirs.

Our scores come as fractions and are shown in percent; published frames are in percent, as
`repro.published` reads them, with the published model that each of ours stands for named.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from repro.labels import (
    METHOD_LABELS,
    TASK_LABELS,
    in_order,
    label,
)
from repro.show.cells import (
    describe_study,
    frame_of,
    number,
    of_model,
    of_published,
    plays,
    seconds,
    slug,
)
from repro.show.table import Table
from repro.stats.incumbents import grid_costs, trial_counts


def table2(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    *,
    published: pd.DataFrame | None = None,
    published_models: Mapping[str, str] | None = None,
) -> Table:
    """Show what grid search costs on each task: one GST.

    Args:
        published: the published Table 2 (task, model, grid_seconds, epochs).
        published_models: our model -> the published one it stands for.
    """
    data = grid_costs(runs, trials)
    data["published_model"] = data["model"].map(published_models or {}).fillna("")
    paper = published
    if paper is None:
        paper = pd.DataFrame(columns=["model", "task", "grid_seconds", "epochs"])
    paper = paper.rename(columns={"model": "published_model", "epochs": "published_epochs"})
    paper = paper.rename(columns={"grid_seconds": "published_seconds"})
    keep = ["published_model", "task", "published_seconds", "published_epochs"]
    data = data.merge(paper[keep], how="left", on=["published_model", "task"])
    order = in_order(data["task"], TASK_LABELS)
    data = data.sort_values(["model", "task"], key=lambda c: _ranked(c, order))
    rows = [_cost_row(row, with_paper=published is not None) for row in data.to_dict("records")]
    is_grid = runs["method"] == "grid"
    note = describe_study(runs[is_grid], trials[trials["method"] == "grid"])
    caption = (
        "Table 2: cost of grid search, 1 GST: optimizer steps and seconds summed over its trials. "
        f"The paper's seconds are wall-clock on a server of V100 GPUs. {note}"
    )
    return Table("table02_grid_cost", caption, frame_of(rows), data=data, blocks="model")


def _ranked(column: pd.Series, order: list[str]) -> pd.Series:
    return column.map(order.index) if column.name == "task" else column


def _cost_row(row: Mapping, *, with_paper: bool) -> dict:
    cells = {
        "model": row["model"],
        "task": label(row["task"], TASK_LABELS),
        "epochs": number(row["epochs"], "g"),
        "trials": number(row["n_trials"], "g"),
        "steps": number(row["steps"], ",.0f"),
        "seconds": seconds(row["seconds"]),
    }
    if with_paper:
        cells["paper: model"] = row["published_model"]
        cells["paper: epochs"] = number(row["published_epochs"], "g")
        cells["paper: seconds"] = seconds(row["published_seconds"])
    return cells


def table6(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    *,
    model: str,
    published: pd.DataFrame | None = None,
    published_model: str = "",
) -> Table:
    """Show how many trials each method started, and how they ended.

    Args:
        published: the published Table 6 (task, method, n_trials); it has ELECTRA only.
        published_model: the published model that `model` stands for.
    """
    runs, trials = of_model(runs, trials, model)
    data = trial_counts(trials, runs)
    paper = of_published(published, published_model, ["task", "method", "n_trials"])
    paper = paper.rename(columns={"n_trials": "published_n_trials"})
    data = data.merge(
        paper[["task", "method", "published_n_trials"]], how="left", on=["task", "method"]
    )
    methods = [m for m in in_order(data["method"], METHOD_LABELS) if m != "grid"]
    rows = [
        _count_row(data[data["task"] == task].set_index("method"), task, methods, len(paper) > 0)
        for task in in_order(data["task"], TASK_LABELS)
    ]
    caption = (
        f"Table 6: trials started in one tuning run, {plays(model, published_model)}: mean over "
        "repetitions (range where they differ; early = of these, stopped by the scheduler or cut "
        f"at the end of the budget). {describe_study(runs, trials)}"
    )
    return Table(f"table06_trials_{slug(model)}", caption, frame_of(rows), data=data)


def _count_row(counts: pd.DataFrame, task: str, methods: list[str], with_paper: bool) -> dict:
    cells = {"task": label(task, TASK_LABELS)}
    for method in methods:
        name = label(method, METHOD_LABELS)
        row = counts.reindex([method]).iloc[0]
        text = number(row["n_trials"], ".3g")
        if row["minimum"] != row["maximum"] and pd.notna(row["minimum"]):
            text += f" ({row['minimum']:.0f}–{row['maximum']:.0f})"
        cells[name] = text
        if method != "rs":
            cells[f"{name}: early"] = number(row["stopped"] + row["cut"], ".3g")
        if with_paper:
            cells[f"{name}: paper"] = number(row["published_n_trials"], ".3g")
    return cells


def claims_table(rows: Iterable[Mapping[str, Any]], *, note: str, name: str = "claims") -> Table:
    """Set the paper's claims against what was found here.

    Args:
        rows: claim, paper, here, interval (text, or empty), agrees (True, False, or None where the
            numbers do not decide).
        note: where the numbers come from; see `describe_study`.
    Raises:
        ValueError: if a row has other keys.
    """
    columns = ["claim", "paper", "here", "interval", "agrees"]
    texts = {True: "yes", False: "no", None: "undecided"}
    cells = []
    for row in rows:
        if set(row) != set(columns):
            raise ValueError(f"a claim must have the keys {columns}, but got {sorted(row)}")
        cells.append({c: str(row[c]) for c in columns} | {"agrees": texts[row["agrees"]]})
    caption = f"The paper's claims and what was found here. {note}"
    return Table(name, caption, frame_of(cells, columns))
