"""The tables of Liu & Wang 2021, each with our numbers and, in rows or columns named so, theirs.

Scores are shown in percent.
"""

import itertools
from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd

from repro.chapters.initial.analysis import (
    ModelStudy,
    grid_costs,
    overfitting_beside_published,
    scores_beside_published,
    trial_counts,
)
from repro.labels import (
    HYPERPARAMETER_LABELS,
    METHOD_LABELS,
    METRIC_LABELS,
    TASK_LABELS,
    in_order,
    label,
)
from repro.published import load_published
from repro.show import spaces
from repro.show.cells import (
    describe_study,
    frame_of,
    in_paper_order,
    in_place_of,
    method_label,
    number,
    percent,
    scientific,
    seconds,
    task_label,
    with_dagger,
)
from repro.show.report import model_slug
from repro.show.studies import best_vs_last as best_vs_last
from repro.show.studies import ledger as ledger
from repro.show.table import BOLD, NOTHING, Mark, Table
from repro.stats.incumbents import SPLITS
from repro.stats.overfitting import SEARCHED, VERDICTS, overfits
from repro.tuning.spaces import grid_configurations, search_space

_ABOVE = {"above": Mark("light", "our mean above our grid search's")}
_AGAINST_GRID = {
    "higher": Mark("dark", "higher than grid search's"),
    "lower": Mark("light", "lower than grid search's"),
    "weak": Mark("medium", "run that overfits weakly"),
}


def table1(profile: Any) -> Table:
    """Show the search spaces and grids of a profile's models beside the paper's."""
    rows = pd.concat(
        spaces.space_rows(
            model.name,
            space=search_space(model.family, epochs=epochs),
            grid=grid_configurations(model.family, epochs=epochs),
            task="other" if task == "default" else task,
        )
        for model in profile.models
        for task, epochs in model.epochs.items()
    )
    published = load_published("liu_wang_2021_table01")
    return spaces.table1(rows, published=published, profile=profile.title)


def table2(studies: Iterable[ModelStudy]) -> Table:
    """Show what grid search costs on each task: one GST."""
    studies = list(studies)
    grid = [pd.concat([getattr(study, name) for study in studies]) for name in ("runs", "trials")]
    note = describe_study(*(table[table["method"] == "grid"] for table in grid))
    return Table.of(
        in_paper_order(pd.concat(map(grid_costs, studies)), ["model", "task"]),
        name="table02_grid_cost",
        caption="Table 2: cost of grid search, 1 GST: optimizer steps and seconds summed over its "
        f"trials. The paper's seconds are wall-clock on a server of V100 GPUs. {note}",
        columns={
            "model": "model",
            "task": ("task", task_label),
            "epochs": ("epochs", "g"),
            "trials": ("n_trials", "g"),
            "steps": ("steps", ",.0f"),
            "seconds": ("seconds", seconds),
            "paper: model": "published_model",
            "paper: epochs": ("published_epochs", "g"),
            "paper: seconds": ("published_seconds", seconds),
        },
        blocks="model",
    )


def table3(study: ModelStudy) -> Table:
    """Show each method's scores on validation and test, the paper's in columns beside ours.

    A task's column holds the metrics that the paper prints, or all that the task defines.
    """
    data = scores_beside_published(study)
    heads = {}  # of a task's column -> the task and its metrics
    for task in in_order(data["task"], TASK_LABELS):
        rows = data[(data["task"] == task) & (data["metric"] != "score")]
        printed = rows.dropna(subset="published")
        shown = printed if len(printed) else rows
        metrics = in_order(shown["metric"], METRIC_LABELS) or ["score"]
        names = "/".join(label(metric, METRIC_LABELS) for metric in metrics)
        heads[f"{task_label(task)} ({names})"] = task, metrics
    cells, marks = [], []
    for split, method in itertools.product(SPLITS, in_order(data["method"], METHOD_LABELS)):
        rows = data[(data["split"] == split) & (data["method"] == method)]
        n_expected = (rows["n"] + rows["n_missing"]).max()
        cells.append({("", "split"): split, ("", "method"): method_label(method)})
        marks.append({})
        for head, (task, metrics) in heads.items():
            of_task = rows[rows["task"] == task].set_index("metric")
            text = _mean_and_spread(of_task.reindex(metrics), n_expected=n_expected)
            cells[-1]["here", head] = text
            if of_task["above_grid"].get("score", False):
                marks[-1]["here", head] = "above"
            printed = of_task["published"].reindex(metrics)
            if printed.notna().all():
                cells[-1]["as printed", head] = "/".join(map(percent, printed))
    groups = ["here", *(["as printed"] if data["published"].notna().any() else [])]
    columns = [("", "split"), ("", "method"), *itertools.product(groups, heads)]
    caption = (
        f"Table 3 with {in_place_of(study.model, study.paper)}: score of the best trial's best "
        "checkpoint in percent, mean ± standard deviation over repetitions"
        + ("; as printed: for HPO means of 3. " if len(groups) > 1 else ". ")
        + describe_study(study.runs, study.trials)
    )
    frames = frame_of(cells, columns), frame_of(marks, columns)
    name = f"table03_{model_slug(study.model)}"
    return Table(name, caption, *frames, _ABOVE, data, blocks=("", "split"))


def _mean_and_spread(rows: pd.DataFrame, *, n_expected: int) -> str:
    """Write one cell's metrics as 92.3/89.2 ± 0.4/0.5, with n where it is not as expected."""
    n = rows["n"].fillna(0).max()
    if not n:
        return NOTHING
    text = "/".join(map(percent, rows["mean"]))
    text += " ± " + "/".join(map(percent, rows["sd"])) if n > 1 else ""
    text += "" if n == n_expected else f" (n={n:.0f})"
    return with_dagger(text, "returned" if rows["n_returned"].any() else "")


def table6(study: ModelStudy) -> Table:
    """Show how many trials each method started, and how many of them ended early."""
    data = trial_counts(study)
    methods = [m for m in in_order(data["method"], METHOD_LABELS) if m != "grid"]
    has_paper, cells = data["published_n_trials"].notna().any(), []
    for task in in_order(data["task"], TASK_LABELS):
        rows = data[data["task"] == task].set_index("method").reindex(methods)
        row = {"task": task_label(task)}
        for method, counts in rows.iterrows():
            name, low, high = method_label(method), counts["minimum"], counts["maximum"]
            row[name] = number(counts["n_trials"], ".3g")
            row[name] += f" ({low:.0f}–{high:.0f})" if low < high else ""
            if method != "rs":
                row[f"{name}: early"] = number(counts["stopped"] + counts["cut"], ".3g")
            if has_paper:
                row[f"{name}: paper"] = number(counts["published_n_trials"], ".3g")
        cells.append(row)
    caption = (
        f"Table 6: trials started in one tuning run, {in_place_of(study.model, study.paper)}: "
        "mean over repetitions (range where they differ; early = of these, stopped by the "
        "scheduler or cut at the end of the budget). "
        f"{describe_study(study.runs, study.trials)}"
    )
    name = f"table06_trials_{model_slug(study.model)}"
    return Table(name, caption, frame_of(cells), data=data)


def table8_9(study: ModelStudy) -> Table:
    """Show the best trials' hyperparameters of the tuning runs that overfit, against grid's."""
    data = overfitting_beside_published(study)
    rows = in_paper_order(data, ["source", "task", "method"]).reset_index(drop=True)
    names = {name: label(name, HYPERPARAMETER_LABELS) for name in SEARCHED}
    cells, marks = [], []
    for row in rows.to_dict("records"):
        run = f"{task_label(row['task'])}, {method_label(row['method'])}"
        run += "" if row["is_grid"] else f", rep {row['repetition']}"
        scores = _printed_scores(row) if row["source"] == "paper" else _our_scores(row)
        values = {column: _FORMS.get(h, _three_digits)(row[h]) for h, column in names.items()}
        cells.append({"source": row["source"], "run": run} | scores | values)
        against = {column: row[f"{h}_against_grid"] for h, column in names.items()}
        marks.append({c: side if side in _AGAINST_GRID else "" for c, side in against.items()})
        if row["is_grid"]:
            marks[-1] |= dict.fromkeys(["run", *SPLITS], BOLD)
        elif row["verdict"] == "weak":
            marks[-1]["run"] = "weak"
    columns = ["source", "run", *SPLITS, *names.values()]
    counts = overfits(study.best)["verdict"].value_counts().reindex(VERDICTS, fill_value=0)
    n_overfit, unknown = counts["overfits"] + counts["weak"], counts["unknown"]
    caption = (
        f"Tables 8 and 9 with {in_place_of(study.model, study.paper)}: hyperparameters of the best "
        f"trials of the tuning runs that overfit. {n_overfit} of {counts.sum()} runs overfit, "
        f"{counts['weak']} of them weakly{f'; {unknown} undecided' if unknown else ''}. "
        "The claims count runs that overfit not just weakly. Scores in percent. "
        f"{describe_study(study.runs, study.trials)}"
    )
    frames = frame_of(cells, columns), frame_of(marks, columns)
    name = f"table08_09_{model_slug(study.model)}"
    return Table(name, caption, *frames, _AGAINST_GRID, data, blocks="source")


_FORMS = {"learning_rate": scientific, "batch_size": partial(number, form=".0f")}
_three_digits = partial(number, form=".3f")


def _our_scores(row: dict) -> dict[str, str]:
    metrics = [m for m in METRIC_LABELS if m != "score" and pd.notna(row[f"validation_{m}"])]
    cells = {s: "/".join(percent(row[f"{s}_{m}"]) for m in metrics or ["score"]) for s in SPLITS}
    return cells | {"test": with_dagger(cells["test"], row.get("test_source", ""))}


def _printed_scores(row: dict) -> dict[str, str]:
    columns = {row["metric"]: "{}_score"}
    if pd.notna(row["second_metric"]):
        columns[row["second_metric"]] = "second_{}_score"
    ordered = [columns[metric] for metric in in_order(columns, METRIC_LABELS)]
    return {s: "/".join(number(row[c.format(s)]) for c in ordered) for s in SPLITS}
