"""The tables of Dodge et al. 2020, ours beside theirs, and those that their claims need besides.

Our scores and standard deviations are fractions; Table 1 shows percent, Table 3 fractions, as the
paper does. Captions end with `note`, from `describe_seeds`; the frames come from `best_scores`,
`aggregated_deviations`, `components_by_task`, `rank_seeds` and `diverged_share` of `analysis`,
`seed_tests` and `concordance` (the agreement) of `significance`, and `compare_settings`.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import pandas as pd

from repro.chapters.seeds.analysis import FACTORS, PARTS, by_task
from repro.chapters.seeds.release import Release
from repro.labels import TASK_LABELS
from repro.published import load_published
from repro.show.cells import p_value, percent, scientific, share_with_interval, task_label
from repro.show.table import Table, number

_PUBLISHED = {
    ("bert-large", "phang_2018"): "BERT (Phang et al. 2018)",
    ("bert-large", "liu_2019"): "BERT (Liu et al. 2019)",
    ("bert-large", "dodge_2020"): "BERT, best of all seeds (Dodge et al. 2020)",
    ("stilts", "phang_2018"): "STILTs (Phang et al. 2018)",
    ("xlnet", "yang_2019"): "XLNet (Yang et al. 2019)",
    ("roberta", "liu_2019"): "RoBERTa (Liu et al. 2019)",
    ("albert", "lan_2019"): "ALBERT (Lan et al. 2019)",
}
_FACTS = {  # column -> its name, and how it is written
    "majority_baseline": ("majority baseline", ".2f"),
    "n_train": ("training samples", ",.0f"),
    "n_validation": ("validation samples", ",.0f"),
}
_AGGREGATES = {"wi": "Agg. over WI", "do": "Agg. over DO", "total": "Total"}
_TESTS = {
    "p_value": "best against worst, paper",
    "p_naive": "best against worst, here",
    "p_calibrated": "the same, calibrated",
    "p_anova": "two-way analysis of variance",
    "p_naive_below_5": "shuffles with p < .05",
}


def describe_seeds(best: pd.DataFrame, *, model: str, profile: str) -> str:
    """Say in one sentence which runs there are and how many are missing."""
    sizes = [
        f"{task_label(task)} {rows['init_seed'].nunique()} x {rows['order_seed'].nunique()}"
        for task, rows in by_task(best).items()
    ]
    n_missing = int(best["score"].isna().sum())
    return (
        f"{model}, profile {profile}; WI x DO seeds: {', '.join(sizes)}; "
        f"{n_missing} of {len(best)} runs without a score."
    )


def describe_live(data: Release) -> str:
    """Say in one sentence what was trained just now, where recorded runs are analysed."""
    trials = data.trials
    n_tasks, n_failed = trials["task"].nunique(), int((trials["status"] != "completed").sum())
    return (
        f"Trained or found here: {len(trials)} runs on {n_tasks} tasks, {n_failed} of them without "
        "an end; the recorded ones are analysed."
    )


def named(table: Table, name: str) -> Table:
    """Return a table under another name, so that both are kept."""
    return replace(table, name=name)


def table1(best: pd.DataFrame, *, note: str) -> Table:
    """Show the best of all seeds beside what others report."""
    data = best.groupby("task", sort=False)["score"].agg(["mean", "max", "count"])
    paper = load_published("dodge_2020_table01")
    printed = paper.pivot(index=["model", "reported_by"], columns="task", values="score")
    printed = printed.reindex(list(_PUBLISHED)).set_axis(list(_PUBLISHED.values()))
    names = {"mean": "here: mean of one run", "max": "here: best of all seeds"}
    ours = 100 * data[list(names)].T.rename(index=names)
    caption = (
        "Table 1: validation scores in percent; MRPC (accuracy + F1) / 2, CoLA Matthews "
        f"correlation, else accuracy. The printed rows are of the real tasks. Here: {note}"
    )
    cells = pd.concat([printed.reindex(columns=data.index), ours]).map(number)
    frame = _with_task_columns(cells, "model")
    return Table("table01_best_of_seeds", caption, frame, data=data.reset_index())


def describe_gain(best: pd.DataFrame) -> str:
    """Say in one sentence what choosing the best of all seeds adds to the mean run."""
    gains = best.groupby("task", sort=False)["score"].agg(["mean", "max"]).diff(axis=1)["max"]
    texts = [f"{number(100 * gain)} points on {task_label(task)}" for task, gain in gains.items()]
    return f"The best of all seeds lies above the mean seed by {', '.join(texts)}."


def table2(facts: pd.DataFrame, *, note: str) -> Table:
    """Show the tasks' sizes and majority baselines."""
    parts = []
    for where, frame in (("here", facts), ("paper", load_published("dodge_2020_table02"))):
        frame = frame.set_index("task").reindex(facts["task"])
        cells = {f"{name}, {where}": frame[c].map(lambda v, form=form: number(v, form))
                 for c, (name, form) in _FACTS.items()}  # fmt: skip
        parts.append(pd.DataFrame(cells).T)
    frame = _with_task_columns(pd.concat(parts), "")
    return Table("table02_tasks", f"Table 2: the tasks. {note}", frame, data=facts)


def table3(deviations: pd.DataFrame, *, note: str) -> Table:
    """Show the expected standard deviations of runs that share a seed."""
    ours = deviations.set_index("task")[list(_AGGREGATES)].T
    paper = load_published("dodge_2020_table03")
    paper = paper.pivot(index="aggregated_over", columns="task", values="standard_deviation")
    both = pd.concat({"here": ours, "paper": paper.reindex(columns=ours.columns)}).swaplevel()
    both = both.loc[list(product(_AGGREGATES, ("here", "paper")))]
    cells = both.map(lambda value: number(value, ".4f"))
    cells.index = [f"{_AGGREGATES[name]}, {where}" for name, where in both.index]
    caption = (
        "Table 3: expected standard deviation of the validation score. 'Agg. over WI' is the mean "
        "over WI seeds of the deviation across data orders: it holds WI fixed, so what it "
        f"measures is the data order and the rest. {note}"
    )
    frame = _with_task_columns(cells, "")
    return Table("table03_deviations", caption, frame, data=deviations)


def table4(tests: pd.DataFrame, *, note: str) -> Table:
    """Show the p-values of the best against the worst seed: naive, calibrated, and the ANOVA's."""
    long = tests.merge(load_published("dodge_2020_table04"), how="left", on=["factor", "task"])
    long = long.melt(["factor", "task"], list(_TESTS), var_name="test")
    long["cell"] = [
        number(value, ".0%") if test == "p_naive_below_5" else _p_value(value)
        for test, value in zip(long["test"], long["value"], strict=True)
    ]
    cells = long.pivot(index=["factor", "test"], columns="task", values="cell")
    cells = cells.loc[list(product(FACTORS, _TESTS)), tests["task"].unique()]
    frame = _with_task_columns(cells.rename(index=PARTS | _TESTS), "factor", "test")
    caption = (
        "Table 4: p-values. The best and the worst seed are chosen because they are extremes, so "
        "that the paper's test finds a difference in shuffles of the same scores, too: in how "
        "many, says the last row of each block. Calibrated: the share of shuffles whose extremes "
        "differ as much. The analysis of variance asks whether any seeds differ, choosing none. "
        f"{note}"
    )
    return Table("table04_best_against_worst", caption, frame, data=tests, blocks="factor")


def _p_value(p: float) -> str:
    """Write small ones with their power of ten, which the paper prints."""
    return scientific(p) if p < 0.001 else p_value(p)


def variance_table(components: pd.DataFrame, *, note: str) -> Table:
    """Show the components of the variance in percent, with intervals."""
    shares = components[["share", "low", "high"]].itertuples(index=False)
    cells = components.assign(cell=[share_with_interval(*row) for row in shares]).pivot(
        index="factor", columns="task", values="cell"
    )
    cells = cells.loc[list(PARTS), components["task"].unique()].rename(index=PARTS)
    caption = (
        "Components of the variance of the validation score in percent, with 95 % generalised "
        f"intervals; the rest is WI x DO interaction and dropout. {note}"
    )
    frame = _with_task_columns(cells, "share of variance")
    return Table("variance_components", caption, frame, data=components)


def rank_table(ranks: pd.DataFrame, agreement: Mapping[str, float], *, note: str) -> Table:
    """Show the ranks of the WI seeds on each task, and how well tasks agree."""
    tasks = list(ranks)
    columns = {"WI seed": "init_seed"} | {task_label(task): (task, "g") for task in tasks}
    caption = (
        "Ranks of the weight initialisations by their mean score; 1 is the best. Kendall's W = "
        f"{number(agreement['W'], '.2f')} (0: tasks do not agree, 1: the same order), p = "
        f"{number(agreement['p_shuffles'], '.2g')} by shuffling each task's ranks. {note}"
    )
    columns["mean rank"] = (tasks, lambda *row: number(sum(row) / len(row)))
    return Table.of(ranks.reset_index(), name="wi_ranks", caption=caption, columns=columns)


def diverged_table(shares: pd.DataFrame, *, margin: float, note: str) -> Table:
    """Show how many runs diverged by the criterion's `margin`."""
    caption = (
        "Diverged runs: those that failed, or whose best validation score is at most "
        f"{100 * margin:g} points above always saying the most frequent class. {note}"
    )
    columns = {
        "task": ("task", task_label),
        "diverged": (["n_diverged", "n"], "{} of {}".format),
        "percent [95 % interval]": (["share", "low", "high"], share_with_interval),
        "without a score": "n_missing",
    }
    return Table.of(shares, name="diverged", caption=caption, columns=columns)


def stopping_table(stopping: pd.DataFrame, *, budget: int, note: str) -> Table:
    """Recommend for a budget how many runs to start, when to stop them, and how many to keep.

    Only what wins on other runs than those that chose it is recommended.
    """
    caption = (
        f"With a budget of {budget} full trainings: the setting that is best on these runs, and "
        "its gain where half of the runs choose it and the other half judge it (mean of splits). "
        f"It is recommended only where it gains on the other half of every split. {note}"
    )
    columns = {
        "task": ("task", task_label),
        "recommended": (["wins", "t", "f", "p", "budget"], _recommend),
        "expected score": ("score", percent),
        "without stopping": ("baseline", percent),
        "error reduction": ("relative_error_reduction", ".1%"),
        "on other runs": ("others_mean", ".1%"),
    }
    rows = stopping[stopping["budget"] == budget]
    name = f"early_stopping_{budget}"
    return replace(Table.of(rows, name=name, caption=caption, columns=columns), data=stopping)


def _recommend(wins: bool, t: int, f: float, p: int, budget: int) -> str:
    if not wins or t == p:
        return f"train {budget} to the end: nothing wins on other runs"
    return f"start {t}, stop at {f:.0%}, keep {p}"


def _with_task_columns(cells: pd.DataFrame, *heads: str) -> pd.DataFrame:
    """Turn the index into text columns, and name the tasks' columns as papers do."""
    cells = cells.rename(columns=TASK_LABELS).rename_axis(columns=None, index=list(heads))
    return cells.reset_index().astype("str")
