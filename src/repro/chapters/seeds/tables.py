"""The tables of Dodge et al. 2020, ours beside theirs, and those that their claims need besides.

Our scores and standard deviations are fractions; Table 1 shows percent, Table 3 fractions, as the
paper does.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from repro.chapters.seeds.analysis import FACTORS, aggregated_deviations, rank_seeds
from repro.chapters.seeds.variance import best_against_worst, concordance, variance_analysis
from repro.labels import TASK_LABELS, label
from repro.show.cells import NOTHING, frame_of, number, percent, scientific
from repro.show.table import Table

_ROWS = {
    ("bert-large", "phang_2018"): "BERT (Phang et al. 2018)",
    ("bert-large", "liu_2019"): "BERT (Liu et al. 2019)",
    ("bert-large", "dodge_2020"): "BERT, best of all seeds (Dodge et al. 2020)",
    ("stilts", "phang_2018"): "STILTs (Phang et al. 2018)",
    ("xlnet", "yang_2019"): "XLNet (Yang et al. 2019)",
    ("roberta", "liu_2019"): "RoBERTa (Liu et al. 2019)",
    ("albert", "lan_2019"): "ALBERT (Lan et al. 2019)",
}
_AGGREGATES = {"wi": "Agg. over WI", "do": "Agg. over DO", "total": "Total"}
_FACTOR_LABELS = {"wi": "WI", "do": "DO", "rest": "rest"}


def describe_seeds(best: pd.DataFrame, *, model: str, profile: str) -> str:
    """Say in one sentence which runs there are and how many are missing."""
    sizes = [
        f"{label(task, TASK_LABELS)} {rows['init_seed'].nunique()} x {rows['order_seed'].nunique()}"
        for task, rows in best.groupby("task", sort=False)
    ]
    n_missing = int(best["score"].isna().sum())
    return (
        f"{model}, profile {profile}; WI x DO seeds: {', '.join(sizes)}; "
        f"{n_missing} of {len(best)} runs without a score."
    )


def table1(best: pd.DataFrame, published: pd.DataFrame, *, note: str) -> Table:
    """Show the best of all seeds beside what others report.

    Args:
        best: from `seeds.best_scores`.
        published: the published Table 1.
        note: from `describe_seeds`, as for all tables here.
    """
    tasks = _tasks(best)
    rows = []
    for (model, reported_by), name in _ROWS.items():
        mine = (published["model"] == model) & (published["reported_by"] == reported_by)
        scores = published[mine].set_index("task")["score"].reindex(tasks)
        rows.append({"model": name} | _cells(scores.map(number)))
    scores = best.groupby("task")["score"]
    rows.append({"model": "here: mean of one run"} | _cells(scores.mean()[tasks].map(percent)))
    rows.append({"model": "here: best of all seeds"} | _cells(scores.max()[tasks].map(percent)))
    caption = (
        "Table 1: validation scores in percent; MRPC (accuracy + F1) / 2, CoLA Matthews "
        f"correlation, else accuracy. The printed rows are of the real tasks. Here: {note}"
    )
    data = scores.agg(["mean", "max", "count"]).reset_index()
    return Table("table01_best_of_seeds", caption, frame_of(rows), data=data)


def table2(facts: pd.DataFrame, published: pd.DataFrame, *, note: str) -> Table:
    """Show the tasks' sizes and majority baselines.

    Args:
        facts: the table `tasks`.
        published: the published Table 2.
    """
    rows = []
    for where, frame in (("here", facts), ("paper", published)):
        frame = frame.set_index("task").reindex(facts["task"])
        rows += [
            {"": f"majority baseline, {where}"} | _cells(frame["majority_baseline"], ".2f"),
            {"": f"training samples, {where}"} | _cells(frame["n_train"], ",.0f"),
            {"": f"validation samples, {where}"} | _cells(frame["n_validation"], ",.0f"),
        ]
    return Table("table02_tasks", f"Table 2: the tasks. {note}", frame_of(rows), data=facts)


def table3(matrices: Mapping[str, pd.DataFrame], published: pd.DataFrame, *, note: str) -> Table:
    """Show the expected standard deviations of runs that share a seed.

    Args:
        matrices: task -> from `seeds.score_matrix`, as for all tables here.
        published: the published Table 3.
    """
    ours = pd.DataFrame({task: aggregated_deviations(m) for task, m in matrices.items()})
    paper = published.pivot(index="aggregated_over", columns="task", values="standard_deviation")
    rows = []
    for name, text in _AGGREGATES.items():
        rows.append({"": f"{text}, here"} | _cells(ours.loc[name], ".4f"))
        theirs = paper.loc[name].reindex(list(matrices))
        rows.append({"": f"{text}, paper"} | _cells(theirs, ".4f"))
    caption = (
        "Table 3: expected standard deviation of the validation score. 'Agg. over WI' is the mean "
        "over WI seeds of the deviation across data orders: it holds WI fixed, so what it "
        f"measures is the data order and the rest. {note}"
    )
    data = ours.T.rename_axis("task").reset_index()
    return Table("table03_deviations", caption, frame_of(rows), data=data)


def table4(
    matrices: Mapping[str, pd.DataFrame], published: pd.DataFrame, *, note: str, seed: int = 0
) -> Table:
    """Show the p-values of the best against the worst seed: naive, calibrated, and the ANOVA's.

    Args:
        published: the published Table 4.
    """
    data = pd.DataFrame(
        {"factor": factor, "task": task}
        | best_against_worst(matrix, factor, seed=seed)
        | {"p_anova": variance_analysis(matrix).set_index("factor").loc[factor, "p"]}
        for factor in FACTORS
        for task, matrix in matrices.items()
    )
    rows = [row for factor in FACTORS for row in _test_rows(data, published, factor)]
    caption = (
        "Table 4: p-values. The best and the worst seed are chosen because they are extremes, so "
        "that the paper's test finds a difference in most shuffles of the same scores (last row of "
        "each block). Calibrated: the share of shuffles whose extremes differ as much. The "
        f"analysis of variance asks whether any seeds differ, choosing none. {note}"
    )
    return Table("table04_best_against_worst", caption, frame_of(rows), data=data, blocks="factor")


def _test_rows(data: pd.DataFrame, published: pd.DataFrame, factor: str) -> list[dict]:
    mine = data[data["factor"] == factor].set_index("task")
    theirs = published[published["factor"] == factor].set_index("task")["p_value"]
    lines = {
        "best against worst, paper": theirs.reindex(mine.index),
        "best against worst, here": mine["p_naive"],
        "the same, calibrated": mine["p_calibrated"],
        "two-way analysis of variance": mine["p_anova"],
    }
    head = {"factor": _FACTOR_LABELS[factor]}
    rows = [head | {"test": text} | _cells(p.map(scientific)) for text, p in lines.items()]
    return [
        *rows,
        head | {"test": "shuffles with p < .05"} | _cells(mine["p_naive_below_5"], ".0%"),
    ]


def variance_table(matrices: Mapping[str, pd.DataFrame], *, note: str) -> Table:
    """Show the components of the variance in percent, with intervals."""
    parts = [variance_analysis(matrix).assign(task=task) for task, matrix in matrices.items()]
    data = pd.concat(parts, ignore_index=True)
    rows = []
    for part, text in _FACTOR_LABELS.items():
        found = data[data["factor"] == part].set_index("task")
        cells = found.apply(_share, axis=1)
        rows.append({"share of variance": text} | _cells(cells))
    caption = (
        "Components of the variance of the validation score in percent, with 95 % generalised "
        f"intervals; the rest is WI x DO interaction and dropout. {note}"
    )
    return Table("variance_components", caption, frame_of(rows), data=data)


def _share(row: pd.Series) -> str:
    if np.isnan(row["share"]):
        return NOTHING
    return f"{100 * row['share']:.0f} [{100 * row['low']:.0f}, {100 * row['high']:.0f}]"


def rank_table(best: pd.DataFrame, *, note: str, seed: int = 0) -> Table:
    """Show the ranks of the WI seeds on each task, and how well tasks agree."""
    ranks = rank_seeds(best)[_tasks(best)]
    found = concordance(ranks, seed=seed)
    rows = [
        {"WI seed": str(number_)} | _cells(row, "g") | {"mean rank": f"{row.mean():.1f}"}
        for number_, row in ranks.iterrows()
    ]
    caption = (
        "Ranks of the weight initialisations by their mean score; 1 is the best. Kendall's W = "
        f"{number(found['W'], '.2f')} (0: tasks do not agree, 1: the same order), p = "
        f"{number(found['p_shuffles'], '.2g')} by shuffling each task's ranks. {note}"
    )
    return Table("wi_ranks", caption, frame_of(rows), data=ranks.reset_index())


def diverged_table(shares: pd.DataFrame, *, margin: float, note: str) -> Table:
    """Show how many runs diverged.

    Args:
        shares: from `seeds.diverged_share`.
        margin: the criterion's.
    """
    rows = [
        {
            "task": label(row["task"], TASK_LABELS),
            "diverged": f"{row['n_diverged']} of {row['n']}",
            "percent [95 % interval]": _share(row),
            "without a score": str(row["n_missing"]),
        }
        for row in shares.to_dict("records")
    ]
    caption = (
        "Diverged runs: those that failed, or whose best validation score is at most "
        f"{100 * margin:g} points above always saying the most frequent class. {note}"
    )
    return Table("diverged", caption, frame_of(rows), data=shares)


def stopping_table(best: pd.DataFrame, judged: pd.DataFrame, *, budget: int, note: str) -> Table:
    """Recommend, for a budget, how many runs to start, when to stop and how many to keep.

    Args:
        best: from `early_stopping.best_settings`, with the column task.
        judged: from `early_stopping.judge_settings`, with the column task.
        budget: in full trainings.
    """
    rows = []
    for row in best[best["budget"] == budget].to_dict("records"):
        others = judged[(judged["task"] == row["task"]) & (judged["budget"] == budget)]
        gain = others["relative_error_reduction"]
        rows.append(
            {
                "task": label(row["task"], TASK_LABELS),
                "start": str(row["t"]),
                "stop after": f"{row['f']:.0%}",
                "keep": str(row["p"]),
                "expected score": percent(row["score"]),
                "without stopping": percent(row["baseline"]),
                "error reduction": number(row["relative_error_reduction"], ".1%"),
                "on other trials": number(gain.mean(), ".1%"),
            }
        )
    caption = (
        f"With a budget of {budget} full trainings: how many to start, after which part of the "
        "training to stop all but how many, and the expected best score, in percent. The last "
        "column is the gain of settings chosen on half of the trials and judged on the other "
        f"half, mean over splits. {note}"
    )
    return Table(f"early_stopping_{budget}", caption, frame_of(rows), data=best)


def _tasks(best: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(best["task"]))


def _cells(values: pd.Series, form: str | None = None) -> dict[str, str]:
    """Return one cell a task."""
    cells = values if form is None else values.map(lambda value: number(value, form))
    return {label(str(task), TASK_LABELS): cell for task, cell in cells.items()}
