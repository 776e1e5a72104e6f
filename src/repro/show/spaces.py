"""Table 1: the search spaces of grid search and of HPO, ours and the paper's."""

from typing import Any

import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, TASK_LABELS, in_order, label
from repro.show.cells import frame_of, short
from repro.show.table import Table

_DOMAINS = {
    "Uniform": "interval",
    "LogUniform": "log_interval",
    "WholeNumber": "interval",
    "Choice": "choice",
}
_BOUNDS = ("low", "high")


def space_rows(model: str, *, space: Any, grid: list[dict], task: str = "all") -> pd.DataFrame:
    """Lay out a search space and its grid in the shape of the published Table 1.

    Args:
        space: a `repro.tuning.spaces.SearchSpace`.
        grid: the grid's configurations.
        task: the task this holds for, where the number of epochs depends on it.
    Returns:
        one row a value or bound: model, space, hyperparameter, domain, bound, task, value.
    """
    rows = []
    for name in dict.fromkeys(n for configuration in grid for n in configuration):
        values = list(dict.fromkeys(c[name] for c in grid))
        kind = "choice" if len(values) > 1 else "constant"
        rows += [("grid", name, kind, "", v) for v in values]
    for name, domain in space.domains.items():
        kind = _DOMAINS[type(domain).__name__]
        if kind == "choice":
            rows += [(space.name, name, kind, "", v) for v in domain.values]
        else:
            rows += [(space.name, name, kind, bound, getattr(domain, bound)) for bound in _BOUNDS]
    rows += [(space.name, name, "constant", "", v) for name, v in space.fixed.items()]
    table = pd.DataFrame(rows, columns=["space", "hyperparameter", "domain", "bound", "value"])
    return table.assign(model=model, task=task)


def table1(
    spaces: pd.DataFrame, *, published: pd.DataFrame | None = None, profile: str = ""
) -> Table:
    """Show the search spaces of grid search and HPO, with the paper's beside them.

    Args:
        spaces: rows of `space_rows`, of one model or several.
        published: the published Table 1; all its models are shown.
    """
    parts = [spaces.assign(source="here")]
    if published is not None:
        parts.append(published.assign(source="paper"))
    data = pd.concat(parts, ignore_index=True)
    columns = data[["source", "model", "space"]].drop_duplicates().itertuples(index=False)
    cells = {
        f"{c.model}, {c.space} ({c.source})": _space_column(
            data[(data[["source", "model", "space"]] == list(c)).all(axis=1)]
        )
        for c in columns
    }
    names = in_order(data["hyperparameter"], HYPERPARAMETER_LABELS)
    rows = [
        {"hyperparameter": label(n, HYPERPARAMETER_LABELS)}
        | {column: texts.get(n, "") for column, texts in cells.items()}
        for n in names
    ]
    caption = (
        "Table 1: search spaces of grid search and of HPO: {values} tried, (low, high) interval, "
        "log(low, high) uniform in the logarithm."
    )
    caption += f" Profile {profile}." if profile else ""
    return Table("table01_search_spaces", caption, frame_of(rows), data=data)


def _space_column(rows: pd.DataFrame) -> dict[str, str]:
    texts = {}
    for name, group in rows.groupby("hyperparameter"):
        tasks = {}
        for task, of_task in group.groupby("task", sort=False):
            tasks.setdefault(_domain_text(of_task), []).append(label(task, TASK_LABELS))
        texts[name] = "; ".join(
            text if len(tasks) == 1 else f"{text} for {', '.join(where)}"
            for text, where in tasks.items()
        )
    return texts


def _domain_text(rows: pd.DataFrame) -> str:
    form = short if rows["hyperparameter"].iloc[0] == "learning_rate" else "{:.4g}".format
    values, kind = [form(float(v)) for v in rows["value"]], rows["domain"].iloc[0]
    if kind == "constant":
        return values[0]
    text = ", ".join(values)
    return {"choice": f"{{{text}}}", "interval": f"({text})", "log_interval": f"log({text})"}[kind]
