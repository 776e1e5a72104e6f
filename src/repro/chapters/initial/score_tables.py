"""Tables of scores: Table 3, Tables 8 and 9, and the best against the last checkpoint (A.1)."""

from collections.abc import Mapping

import pandas as pd

from repro.labels import (
    HYPERPARAMETER_LABELS,
    METHOD_LABELS,
    METRIC_LABELS,
    TASK_LABELS,
    in_order,
    label,
)
from repro.records import METRICS
from repro.show.cells import (
    NOTHING,
    describe_study,
    frame_of,
    is_returned,
    mean_and_spread,
    metrics_in_order,
    number,
    of_model,
    of_published,
    percent,
    plays,
    scientific,
    slug,
    with_dagger,
)
from repro.show.table import BOLD, Mark, Table
from repro.stats.incumbents import SPLITS, best_trials, summarise
from repro.stats.overfitting import (
    SEARCHED,
    compare_with_grid,
    overfits,
    overfitting_hyperparameters,
)

ABOVE = {"above": Mark("light", "our mean above our grid search's")}
AGAINST_GRID = {
    "higher": Mark("dark", "higher than grid search's"),
    "lower": Mark("light", "lower than grid search's"),
    "weak": Mark("medium", "run that overfits weakly"),
}


def table3(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    *,
    model: str,
    published: pd.DataFrame | None = None,
    published_model: str = "",
) -> Table:
    """Show each method's scores on validation and test, the paper's in a row of their own beneath.

    Args:
        published: the published Table 3 (task, method, split, metric, score in percent).
        published_model: the published model that `model` stands for.
    """
    runs, trials = of_model(runs, trials, model)
    columns = ["task", "method", "split", "metric", "score"]
    paper = of_published(published, published_model, columns)
    best = best_trials(trials, runs)
    data = _scores_beside(summarise(best), paper)
    returned = best[is_returned(best)].groupby(["task", "method"]).size()
    data = data.join(returned.rename("n_returned"), on=["task", "method"])
    data["n_returned"] = data["n_returned"].where(data["split"] == "test").fillna(0).astype(int)
    tasks = {task: _shown_metrics(data, task) for task in in_order(data["task"], TASK_LABELS)}
    rows, marks = [], []
    for split in SPLITS:
        of_split = data[data["split"] == split]
        for method in in_order(data["method"], METHOD_LABELS):
            head = {"split": split, "method": label(method, METHOD_LABELS)}
            cells, above = _score_rows(of_split, method, tasks)
            rows += [head | {"source": source} | texts for source, texts in cells.items()]
            marks += [above if source == "here" else {} for source in cells]
    frame = frame_of(rows)
    caption = (
        f"Table 3 with {plays(model, published_model)}: score of the best trial's best checkpoint "
        "in percent, mean ± standard deviation over repetitions, rows “here”"
        + ("; rows “paper”: as printed, for HPO means of 3. " if len(paper) else ". ")
        + describe_study(runs, trials)
    )
    marks = frame_of(marks, frame.columns)
    return Table(f"table03_{slug(model)}", caption, frame, marks, ABOVE, data, blocks="split")


def _scores_beside(summary: pd.DataFrame, paper: pd.DataFrame) -> pd.DataFrame:
    keys = ["task", "method", "split", "metric"]
    paper = paper.assign(published=paper["score"].astype(float) / 100)
    return summary.merge(paper[[*keys, "published"]], how="left", on=keys)


def _shown_metrics(data: pd.DataFrame, task: str) -> list[str]:
    """The metrics of a task's column: the paper's where it has any, else all that are defined."""
    rows = data[(data["task"] == task) & (data["metric"] != "score")]
    printed = rows[rows["published"].notna()]
    return metrics_in_order((printed if len(printed) else rows)["metric"]) or ["score"]


def _score_rows(data: pd.DataFrame, method: str, tasks: Mapping[str, list[str]]):
    """Return {source: {column: text}} for one split and method, and {column: mark}."""
    here, paper, above = {}, {}, {}
    mine = data[data["method"] == method]
    n_expected = (mine["n"] + mine["n_missing"]).max()
    for task, metrics in tasks.items():
        rows = mine[mine["task"] == task].set_index("metric")
        names = "/".join(label(m, METRIC_LABELS) for m in metrics)
        column = f"{label(task, TASK_LABELS)} ({names})"
        text = mean_and_spread(rows, metrics, n_expected=n_expected)
        here[column] = with_dagger(text, "returned" if (rows["n_returned"] > 0).any() else "")
        printed = [percent(v) for v in rows["published"].reindex(metrics)]
        paper[column] = NOTHING if NOTHING in printed else "/".join(printed)
        above[column] = "above" if _mean(data, task, method) > _mean(data, task, "grid") else ""
    has_paper = mine["published"].notna().any()
    return {"here": here} | ({"paper": paper} if has_paper else {}), above


def _mean(data: pd.DataFrame, task: str, method: str) -> float:
    names = {"task": task, "method": method, "metric": "score"}
    rows = data[(data[list(names)] == list(names.values())).all(axis=1)]
    return rows["mean"].iloc[0] if len(rows) else float("nan")


def table8_9(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    *,
    model: str,
    published: pd.DataFrame | None = None,
    published_model: str = "",
) -> Table:
    """Show the best trials' hyperparameters of the tuning runs that overfit, against grid's.

    Args:
        published: the published Table 8 or 9; rows of tasks that were not run here are left out.
        published_model: the published model that `model` stands for.
    """
    runs, trials = of_model(runs, trials, model)
    best = best_trials(trials, runs)
    data = overfitting_hyperparameters(best).assign(source="here")
    columns = ["task", "method", "repetition", "is_grid", "metric", *SEARCHED]
    paper = of_published(published, published_model, columns)
    paper = paper[paper["task"].isin(set(runs["task"]))].assign(model=published_model)
    lines = [_run_line(row, _our_scores(row)) for row in _by_task(data)]
    if len(paper):
        paper = compare_with_grid(paper).assign(source="paper")
        lines += [_run_line(row, _their_scores(row)) for row in _by_task(paper)]
        data = pd.concat([data, paper], ignore_index=True)
    names = ["source", "run", "validation", "test"]
    names += [label(h, HYPERPARAMETER_LABELS) for h in SEARCHED]
    frame, marks = (frame_of([line[i] for line in lines], names) for i in (0, 1))
    caption = (
        f"Tables 8 and 9 with {plays(model, published_model)}: hyperparameters of the best trials "
        f"of the tuning runs that overfit. {_verdict_counts(best)} Scores in percent. "
        f"{describe_study(runs, trials)}"
    )
    name = f"table08_09_{slug(model)}"
    return Table(name, caption, frame, marks, AGAINST_GRID, data, blocks="source")


def _by_task(rows: pd.DataFrame) -> list[dict]:
    tasks, methods = in_order(rows["task"], TASK_LABELS), in_order(rows["method"], METHOD_LABELS)
    return sorted(
        rows.to_dict("records"),
        key=lambda row: (tasks.index(row["task"]), methods.index(row["method"])),
    )


def _run_line(row: Mapping, scores: Mapping[str, str]) -> tuple[dict, dict]:
    """Return the cells and the marks of one tuning run."""
    run = f"{label(row['task'], TASK_LABELS)}, {label(row['method'], METHOD_LABELS)}"
    run += "" if row["is_grid"] else f", rep {row['repetition']}"
    cells, marks = {"source": row["source"], "run": run} | dict(scores), {}
    for name in SEARCHED:
        column = label(name, HYPERPARAMETER_LABELS)
        cells[column] = _hyperparameter(name, row[name])
        against = row[f"{name}_against_grid"]
        marks[column] = against if against in AGAINST_GRID else ""
    if row["is_grid"]:
        marks |= {"run": BOLD, "validation": BOLD, "test": BOLD}
    elif row.get("verdict") == "weak":
        marks["run"] = "weak"
    return cells, marks


def _hyperparameter(name: str, value: float) -> str:
    if name == "learning_rate":
        return scientific(value)
    return number(value, ".0f" if name == "batch_size" else ".3f")


def _our_scores(row: Mapping) -> dict[str, str]:
    metrics = metrics_in_order(m for m in METRICS if pd.notna(row[f"validation_{m}"])) or ["score"]
    cells = {s: "/".join(percent(row[f"{s}_{m}"]) for m in metrics) for s in SPLITS}
    return cells | {"test": with_dagger(cells["test"], row.get("test_source", ""))}


def _their_scores(row: Mapping) -> dict[str, str]:
    columns = {row["metric"]: "{}_score"}
    if pd.notna(row["second_metric"]):
        columns[row["second_metric"]] = "second_{}_score"
    ordered = [columns[m] for m in metrics_in_order(columns)]
    return {s: "/".join(number(row[c.format(s)]) for c in ordered) for s in SPLITS}


def _verdict_counts(best: pd.DataFrame) -> str:
    is_grid = best["method"] == "grid"
    counts = overfits(best[~is_grid], best[is_grid])["verdict"].value_counts()
    overfit = counts.get("overfits", 0) + counts.get("weak", 0)
    text = f"{overfit} of {counts.sum()} runs overfit, {counts.get('weak', 0)} of them weakly"
    unknown = counts.get("unknown", 0)
    return f"{text}; {unknown} undecided." if unknown else f"{text}."
