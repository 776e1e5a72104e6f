"""The tables of the notebook on resplits: Table 7, its correlations, simulated runs, looks."""

from collections.abc import Mapping

import pandas as pd

from repro.chapters.resplit.analysis import top_trials
from repro.labels import TASK_LABELS, in_order, label
from repro.show.cells import NOTHING, frame_of, number, percent, points, with_dagger
from repro.show.table import Table


def table7(trials: pd.DataFrame, *, published: pd.DataFrame, note: str) -> Table:
    """Show the best four trials of the first repetition on each split, with their test ranks.

    Args:
        trials: of random search, with the column split: "resplit" and another one.
        published: Table 7 (partition, task, rank, validation_score, test_score in percent).
        note: where the numbers come from.
    """
    data, own = top_trials(trials), _own_split(trials)
    places = published.groupby("partition")["test_score"].rank(method="min", ascending=False)
    paper = published.assign(
        test_rank=places,
        split=published["partition"].map({"origin": own, "resplit": "resplit"}),
        validation_score=published["validation_score"] / 100,
        test_score=published["test_score"] / 100,
    )
    rows = []
    first = data[data["repetition"] == 1]
    for task in in_order(first["task"], TASK_LABELS):
        for model, group in first[first["task"] == task].groupby("model"):
            rows += _rank_rows(f"{label(task, TASK_LABELS)}, {model}", group)
    rows += _rank_rows("QNLI, paper", paper)
    caption = (
        "Table 7: the four best trials of one random search by validation score, on the split "
        f"“{own}” and on a resplit: scores in percent, and the rank of the test score among the "
        f"four. Repetition 1; the other ones are in the CSV file. {note}"
    )
    return Table("table07", caption, frame_of(rows), data=data, blocks="task")


def _own_split(frame: pd.DataFrame) -> str:
    return next((s for s in frame["split"].unique() if s != "resplit"), "official")


def _rank_rows(name: str, group: pd.DataFrame) -> list[dict]:
    splits = sorted(group["split"].unique(), key=lambda split: split == "resplit")
    rows = []
    for rank in sorted(group["rank"].unique()):
        row = {"task": name, "rank": number(rank, "d")}
        for split in splits:
            found = group[(group["split"] == split) & (group["rank"] == rank)]
            for column in ("validation", "test"):
                value = found[f"{column}_score"].iloc[0] if len(found) else float("nan")
                sources = found.get("test_source", ()) if column == "test" else ()
                row[f"{split}: {column}"] = with_dagger(percent(value), *sources)
            place = found["test_rank"].iloc[0] if len(found) else float("nan")
            row[f"{split}: test rank"] = number(place, ".0f")
        rows.append(row)
    return rows


def top_correlations(found: pd.DataFrame, *, published: pd.DataFrame, note: str) -> Table:
    """Show the correlations of the best four trials of every repetition, with their p-values.

    Args:
        found: from `agreement.correlations` by split, model, task and repetition.
        published: from `agreement.published_correlations`.
    """
    own, rows = _own_split(found), []
    order = in_order(found["task"], TASK_LABELS)
    found = found.sort_values("task", key=lambda tasks: tasks.map(order.index), kind="stable")
    keys = ["task", "model", "repetition"]
    for (task, model, repetition), group in found.groupby(keys, sort=False):
        row = {"task": label(task, TASK_LABELS), "whose": f"{model}, repetition {repetition}"}
        for cells in group.sort_values("split", key=lambda s: s == "resplit").to_dict("records"):
            row |= _r_and_p(cells["split"], cells)
        rows.append(row)
    printed = published.assign(split=published["partition"].map(
        {"origin": own, "resplit": "resplit"}))  # fmt: skip
    stated = printed.assign(pearson=printed["stated"], pearson_p=printed["stated_p"])
    for whose, table in (("paper, as stated", stated), ("paper, from its Table 7", printed)):
        row = {"task": "QNLI", "whose": whose}
        for cells in table.to_dict("records"):
            if whose.endswith("stated"):
                cells |= {"spearman": float("nan"), "spearman_p": float("nan")}
            row |= _r_and_p(cells["split"], cells)
        rows.append(row)
    ranges = "; ".join(
        f"{row['partition']}: {row['lowest']:+.2f} to {row['highest']:+.2f}"
        for row in published.to_dict("records")
    )
    caption = (
        "Correlation of validation and test scores over the four best trials of one random search "
        "(p-value, two-sided; with four pairs Pearson's is 1 - |r|). The scores that the paper "
        "prints do not give the r that it states: scores rounded to these digits can have any r "
        f"in a range ({ranges}). {note}"
    )
    return Table("top_four_correlations", caption, frame_of(rows), data=found, blocks="task")


def _r_and_p(split: str, cells: Mapping) -> dict[str, str]:
    return {
        f"{split}: {name} (p)": _with_p(cells[key], cells[f"{key}_p"])
        for name, key in (("Pearson", "pearson"), ("Spearman", "spearman"))
    }


def _with_p(value: float, p: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:+.2f} ({p:.2f})"


def all_correlations(found: pd.DataFrame, *, columns: str, name: str, what: str) -> Table:
    """Show the correlations over all trials, one column a value of `columns`, with intervals.

    Args:
        found: from `agreement.correlations` by `columns`, model and task.
        name: file name of the table.
        what: what is correlated, and where the numbers come from.
    """
    rows = []
    for model in sorted(found["model"].unique()):
        for task in in_order(found["task"], TASK_LABELS):
            group = found[(found["model"] == model) & (found["task"] == task)]
            if group.empty:
                continue
            row = {"model": model, "task": label(task, TASK_LABELS)}
            row["trials"] = "/".join(number(n, "d") for n in dict.fromkeys(group["n"]))
            for cells in group.sort_values(columns).to_dict("records"):
                head = cells[columns] if columns == "split" else f"{columns} {cells[columns]:g}"
                row[f"{head}: Pearson"] = _with_interval(cells)
                row[f"{head}: Spearman (p)"] = _with_p(cells["spearman"], cells["spearman_p"])
            rows.append(row)
    caption = (
        f"Correlation over all trials of random search, repetitions pooled: {what} Pearson's r "
        "with its 95 % percentile bootstrap interval over trials, Spearman's with its p-value."
    )
    return Table(name, caption, frame_of(rows), data=found, blocks="model")


def _with_interval(cells: Mapping) -> str:
    if pd.isna(cells["pearson"]):
        return NOTHING
    text = f"{cells['pearson']:+.2f}"
    return text if pd.isna(cells["low"]) else f"{text} [{cells['low']:+.2f}, {cells['high']:+.2f}]"


def simulated_runs(simulated: pd.DataFrame, *, note: str) -> Table:
    """Show what became of simulated tuning runs, averaged over models and tasks.

    Args:
        simulated: from `selection.simulate_runs`, with model and task.
    """
    keys = ["n_trials", "validation_size", "shift"]
    numbers = ["correlation", "top_correlation", "negative", "overfits", "optimism"]
    if simulated.empty:
        empty = pd.DataFrame(columns=["trials", "validation examples", "shift"], dtype="str")
        return Table("simulated_runs", f"No simulated runs: no shifted test sets. {note}", empty)
    n_tasks = simulated.groupby("n_trials")["task"].transform("nunique")
    everywhere = simulated[n_tasks == simulated["task"].nunique()]
    ends = everywhere["n_trials"].agg(["min", "max"])
    everywhere = everywhere[everywhere["n_trials"].isin(ends)]
    data = everywhere.groupby(keys)[numbers].mean().reset_index()
    rows = [
        {
            "trials": number(row["n_trials"], ".0f"),
            "validation examples": number(row["validation_size"], ".0f"),
            "shift": number(row["shift"], "g"),
            "r, all trials": number(row["correlation"], "+.2f"),
            "r, top four": number(row["top_correlation"], "+.2f"),
            "r of top four below 0": percent(row["negative"]),
            "runs that overfit": percent(row["overfits"]),
            "winner's curse": points(row["optimism"]),
        }
        for row in data.to_dict("records")
    ]
    caption = (
        "Simulated tuning runs with the fewest and the most trials that all tasks have, means over "
        "models and tasks: r of validation and test scores; shares in percent of the runs; and by "
        "how many points the incumbent's validation score lies above its test score, more than it "
        f"does for all trials. {note}"
    )
    return Table("simulated_runs", caption, frame_of(rows), data=simulated, blocks="trials")


def looks_table(looks: pd.DataFrame, *, note: str) -> Table:
    """Show how often each test set was looked at.

    Args:
        looks: from `Results.test_evaluations`, with the column study.
    """
    keys = ["study", "task", "split"]
    sums = looks.groupby(keys).agg(
        n_runs=("run_id", "nunique"), n_trials=("n_trials", "sum"), looks=("n_scored", "sum"),
        returned=("n_returned", "sum"), n_examples=("n_examples", "max"),
    ).reset_index()  # fmt: skip
    rows = [
        {
            "study": row["study"],
            "task": label(row["task"], TASK_LABELS),
            "test set": row["split"],
            "examples": number(row["n_examples"], ".0f"),
            "tuning runs": number(row["n_runs"], "d"),
            "trials": number(row["n_trials"], "d"),
            "looks": number(row["looks"], "d"),
            "returned scores": number(row["returned"], "d"),
        }
        for row in sums.to_dict("records")
    ]
    caption = (
        "How often each test set was looked at: one look is one trial whose predictions were held "
        "against its labels. All of them came after the tuning run had ended; tuning is given no "
        f"test labels. {note}"
    )
    return Table("test_looks", caption, frame_of(rows), data=sums, blocks="study")
