"""Table 1: the search spaces of grid search and of HPO, ours and the paper's."""

import pandas as pd

from repro.labels import HYPERPARAMETER_LABELS, in_order, label
from repro.show.cells import short, task_label
from repro.show.table import Table
from repro.tuning.spaces import Choice, LogUniform, SearchSpace, Uniform, WholeNumber

_BRACKETS = {"constant": "{}", "choice": "{{{}}}", "interval": "({})", "log_interval": "log({})"}
_DOMAINS = {Uniform: "interval", LogUniform: "log_interval", WholeNumber: "interval"}


def space_rows(
    model: str, *, space: SearchSpace, grid: list[dict], task: str = "all"
) -> pd.DataFrame:
    """Lay out a search space and its grid in the shape of the published Table 1.

    Args:
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
        if isinstance(domain, Choice):
            rows += [(space.name, name, "choice", "", v) for v in domain.values]
        else:
            ends = {"low": domain.low, "high": domain.high}
            rows += [(space.name, name, _DOMAINS[type(domain)], *end) for end in ends.items()]
    rows += [(space.name, name, "constant", "", v) for name, v in space.fixed.items()]
    table = pd.DataFrame(rows, columns=["space", "hyperparameter", "domain", "bound", "value"])
    return table.assign(model=model, task=task)


def table1(
    spaces: pd.DataFrame, *, published: pd.DataFrame | None = None, profile: str = ""
) -> Table:
    """Show the search spaces of grid search and HPO, with the paper's beside them.

    Args:
        spaces: rows of `space_rows`, of one model or several.
        published: Liu & Wang's Table 1, all of whose models are shown; without it the spaces are
            another source's.
    """
    paper = [] if published is None else [published.assign(source="paper")]
    data = pd.concat([spaces.assign(source="here"), *paper], ignore_index=True)
    names = in_order(data["hyperparameter"], HYPERPARAMETER_LABELS)
    cells = {"hyperparameter": [label(name, HYPERPARAMETER_LABELS) for name in names]}
    for (source, model, space), rows in data.groupby(["source", "model", "space"], sort=False):
        texts = {name: _text(group) for name, group in rows.groupby("hyperparameter")}
        cells[f"{model}, {space} ({source})"] = [texts.get(name, "") for name in names]
    name, title = "search_spaces", "Search spaces"
    if published is not None:
        name, title = "table01_search_spaces", "Table 1: search spaces"
    caption = (
        f"{title} of grid search and of HPO: {{values}} tried, (low, high) interval, "
        "log(low, high) uniform in the logarithm."
    )
    caption += f" Profile {profile}." if profile else ""
    return Table(name, caption, pd.DataFrame(cells, dtype="str"), data=data)


def _text(rows: pd.DataFrame) -> str:
    """Write the domain of one hyperparameter, which may differ from task to task."""
    form = short if rows["hyperparameter"].iloc[0] == "learning_rate" else "{:.4g}".format
    tasks = {}  # domain -> tasks
    for task, of_task in rows.groupby("task", sort=False):
        values = ", ".join(form(float(value)) for value in of_task["value"])
        text = _BRACKETS[of_task["domain"].iloc[0]].format(values)
        tasks.setdefault(text, []).append(task_label(task))
    if len(tasks) == 1:
        return next(iter(tasks))
    return "; ".join(f"{text} for {', '.join(where)}" for text, where in tasks.items())
