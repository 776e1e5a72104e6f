"""The tables of the notebook on resplits: Table 7, correlations, simulated runs, uses of test sets.

Captions end with `note`, which says where the numbers come from; the frames come from the functions
of `analysis` and `winners_curse` that are named.
"""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd

from repro.chapters.resplit.analysis import SPLITS, published_table7
from repro.chapters.resplit.winners_curse import average_runs
from repro.results.tables import Results
from repro.show.cells import (
    describe_study,
    in_paper_order,
    p_value,
    percent,
    points,
    task_label,
    with_dagger,
)
from repro.show.table import NOTHING, Table, number


def describe_splits(results: Mapping[str, Results]) -> str:
    """Say in one sentence which profile, how many repetitions and how many failures there are."""
    runs, trials = (
        pd.concat(getattr(one, table) for one in results.values()) for table in ("runs", "trials")
    )
    return describe_study(runs, trials)


def table7(top: pd.DataFrame, *, note: str) -> Table:
    """Show `top_trials` of the first repetition on each split, with their test ranks."""
    paper = published_table7().assign(task="QNLI, paper", test_source="")
    paper[["validation_score", "test_score"]] /= 100
    places = paper.groupby("split")["test_score"].rank(method="min", ascending=False)
    ours = in_paper_order(top[top["repetition"] == 1], ["task", "model", "split", "rank"])
    ours = ours.assign(task=ours["task"].map(task_label) + ", " + ours["model"])
    caption = (
        "Table 7: the four best trials of one random search by validation score, on the original "
        "split and on a resplit: scores in percent, and the rank of the test score among the "
        f"four. Repetition 1; the other ones are in the CSV file. {note}"
    )
    columns = {
        "task": "task",
        "rank": ("rank", "d"),
        "split": "split",
        "validation": ("validation_score", percent),
        "test": (["test_score", "test_source"], lambda score, by: with_dagger(percent(score), by)),
        "test rank": ("test_rank", ".0f"),
    }
    about = {"name": "table07", "caption": caption, "columns": columns, "blocks": "task"}
    rows = pd.concat([ours, paper.assign(test_rank=places)], ignore_index=True)
    return _side_by_side(Table.of(rows, **about), by="split", data=top)


def top_correlations(top: pd.DataFrame, published: pd.DataFrame, *, note: str) -> Table:
    """Show `correlations` of `top_trials` by repetition, and `published_correlations`."""
    ours = in_paper_order(top, ["task", "model", "repetition", "split"])
    ours = ours.assign(whose=ours["model"] + ", repetition " + ours["repetition"].astype(str))
    ranges = (
        f"{row.split}: {row.lowest:+.2f} to {row.highest:+.2f}"
        for row in published.drop_duplicates("split").itertuples()
    )
    caption = (
        "Correlation of validation and test scores over the four best trials of one random search "
        "(p-value, two-sided; with four pairs Pearson's is 1 - |r|). The scores that the paper "
        "prints do not give the r that it states: scores rounded to these digits can have any r "
        f"in a range ({'; '.join(ranges)}). {note}"
    )
    columns = {
        "task": ("task", task_label),
        "whose": "whose",
        "split": "split",
        "Pearson (p)": (["pearson", "pearson_p"], _with_p),
        "Spearman (p)": (["spearman", "spearman_p"], _with_p),
    }
    rows = pd.concat([ours, published.assign(task="qnli")])
    name = "top_four_correlations"
    table = Table.of(rows, name=name, caption=caption, columns=columns, blocks="task")
    return _side_by_side(table, by="split", data=top)


def all_correlations(found: pd.DataFrame, *, by: str, name: str, what: str) -> Table:
    """Show the `correlations` over all trials by split or shift, with intervals.

    Args:
        what: what is correlated, and where the numbers come from.
    """
    rows = in_paper_order(found, ["model", "task", by])
    counts = rows.groupby(["model", "task"])["n"].transform(
        lambda n: "/".join(map(str, dict.fromkeys(n)))
    )
    caption = (
        f"Correlation over all trials of random search, repetitions pooled: {what} Pearson's r "
        "with its 95 % interval by Fisher's z over trials, Spearman's with its p-value."
    )
    columns = {
        "model": "model",
        "task": ("task", task_label),
        "trials": "trials",
        by: (by, "shift {:g}".format if by == "shift" else str),
        "Pearson": (["pearson", "low", "high"], _with_interval),
        "Spearman (p)": (["spearman", "spearman_p"], _with_p),
    }
    about = {"name": name, "caption": caption, "columns": columns, "blocks": "model"}
    return _side_by_side(Table.of(rows.assign(trials=counts), **about), by=by, data=found)


def _side_by_side(table: Table, *, by: str, data: pd.DataFrame) -> Table:
    """Lay out beside each other what differs in column `by` alone of those before it."""
    heads = list(table.frame)
    index, heads = heads[: heads.index(by)], heads[heads.index(by) + 1 :]
    order = pd.MultiIndex.from_frame(table.frame[index].drop_duplicates())
    wide = table.frame.pivot(index=index, columns=by, values=heads).reindex(order)
    wide = wide[[(head, value) for value in table.frame[by].unique() for head in heads]]
    wide.columns = [f"{value}: {head}" for head, value in wide.columns]
    frame = wide.fillna(NOTHING).reset_index().astype("str")
    return replace(table, frame=frame, data=data)


def _with_p(value: float, p: float) -> str:
    return NOTHING if pd.isna(value) else f"{value:+.2f} ({p_value(p)})"


def _with_interval(value: float, low: float, high: float) -> str:
    if pd.isna(value):
        return NOTHING
    return f"{value:+.2f}" if pd.isna(low) else f"{value:+.2f} [{low:+.2f}, {high:+.2f}]"


def simulated_runs(simulated: pd.DataFrame, *, note: str) -> Table:
    """Show what became of `simulate_runs`, averaged over models and tasks."""
    caption = (
        "Simulated tuning runs with the fewest and the most trials that all tasks have, means over "
        "models and tasks: r of validation and test scores; shares in percent of the runs; and by "
        "how many points the incumbent's validation score lies above its test score, more than it "
        f"does for all trials. {note}"
    )
    columns = {
        "trials": ("n_trials", ".0f"),
        "validation examples": ("validation_size", ".0f"),
        "shift": ("shift", "g"),
        "r, all trials": ("correlation", "+.2f"),
        "r, top four": ("top_correlation", "+.2f"),
        "r of top four below 0": ("negative", percent),
        "runs that overfit": ("overfits", percent),
        "winner's curse": ("optimism", points),
    }
    if simulated.empty:
        caption = f"No simulated runs: no shifted test sets. {note}"
    rows, name = average_runs(simulated), "simulated_runs"
    table = Table.of(rows, name=name, caption=caption, columns=columns, blocks="trials")
    return replace(table, data=simulated)


def uses_table(counts: pd.DataFrame, *, note: str) -> Table:
    """Show how often each test set was used, by `count_test_evaluations`."""
    caption = (
        "How often each test set was used: once for each trial whose predictions were held against "
        "its labels. All of that came after the tuning run had ended; tuning is given no test "
        f"labels. {note}"
    )
    columns = {
        "study": "study",
        "task": ("task", task_label),
        "test set": "split",
        "examples": ("n_examples", ".0f"),
        "tuning runs": ("n_runs", "d"),
        "trials": ("n_trials", "d"),
        "trials scored": ("n_scored", "d"),
    }
    if counts["n_returned"].any():
        columns["returned scores"] = ("n_returned", "d")
    return Table.of(counts, name="test_looks", caption=caption, columns=columns, blocks="study")


def describe_ranking(found: pd.DataFrame) -> str:
    """Say on which split validation ranks trials more as test does, by `correlations`."""
    known = found.dropna(subset="pearson").set_index(["model", "task", "split"])
    parts = []
    for split, rows in known.groupby("split"):
        low, high = rows["pearson"].min(), rows["pearson"].max()
        parts.append(f"from {low:+.2f} to {high:+.2f} on the {split} split")
    low, high = (known[end].unstack("split").reindex(columns=SPLITS) for end in ("low", "high"))
    apart = int((high["original"] < low["resplit"]).sum())
    if not parts:
        return "No correlation of validation and test scores can be estimated."
    return (
        f"Over all trials r lies {' and '.join(parts)}; on {apart or 'no'} "
        f"task{'s' * (apart != 1)} is it lower on the original split by more than the intervals "
        "allow."
    )


def describe_shift(simulated: pd.DataFrame) -> str:
    """Say how often simulated runs overfit without any shift, and at the largest."""
    rows = simulated.dropna(subset="overfits")
    if rows.empty:
        return "No tuning run could be simulated, because there are no further test sets."
    by_shift = rows.groupby("shift")["overfits"].mean()
    text = (
        f"{by_shift.iloc[0]:.0%} of simulated tuning runs overfit though validation and test are "
        "of one distribution: luck alone is enough."
    )
    if len(by_shift) > 1:
        more = "more" if by_shift.iloc[-1] > by_shift.iloc[0] else "fewer"
        text += f" At the largest shift {more} do, {by_shift.iloc[-1]:.0%}."
    return text


def describe_curse(simulated: pd.DataFrame) -> str:
    """Say how much the incumbent's validation score promises too much at both ends of the knobs."""
    rows = simulated[simulated["shift"] == 0].groupby(["validation_size", "n_trials"])
    means = 100 * rows["optimism"].mean()
    if means.empty:
        return "Nothing was simulated at shift 0."
    (size, n), (least_size, least_n) = means.idxmax(), means.idxmin()
    return (
        f"Choosing the best of {n} trials on {size} validation examples makes its score "
        f"{number(means.max())} points too good on average; of {least_n} on {least_size}, "
        f"{number(means.min())}."
    )
