"""Tables of what makes runs fail, where variance comes from, and how to compare two ways.

Scores are validation scores at the end of training, in percent; captions end with `note`.
"""

from collections.abc import Mapping

import pandas as pd

from repro.chapters.seeds.comparison import pairs_needed, probability_of_outperforming
from repro.chapters.seeds.failures import COMPARED, WAYS, paired_runs
from repro.chapters.seeds.predictions import VARIANCES
from repro.chapters.seeds.sources import SOURCES
from repro.published import load_published
from repro.show.cells import (
    p_value,
    percent,
    points_with_interval,
    share_with_interval,
    task_label,
)
from repro.show.table import NOTHING, Table, number

_RECIPES = {
    ("mosbach_2021", "devlin"): "uncorrected, 3 epochs (Mosbach et al.)",
    ("mosbach_2021", "lee"): "the same with mixout (Mosbach et al.)",
    ("mosbach_2021", "mosbach"): "corrected, 20 epochs (Mosbach et al.)",
    ("zhang_2021", "standard"): "corrected, 3 epochs (Zhang et al.)",
    ("zhang_2021", "longer"): "corrected, longer (Zhang et al.)",
    ("zhang_2021", "reinitialised"): "corrected, top layers fresh (Zhang et al.)",
    ("zhang_2021", "reinitialised and longer"): "both (Zhang et al.)",
}


def ways_table(summary: pd.DataFrame, *, note: str) -> Table:
    """Show how the runs of each way of training end, from `failures.summarise_ways`."""
    columns = {
        "way": ("way", WAYS.get),
        "failed": (["n_failed", "n"], "{} of {}".format),
        "percent [95% interval]": (["share", "low", "high"], share_with_interval),
        "mean": ("mean", percent),
        "standard deviation": ("deviation", percent),
        "best": ("maximum", percent),
    }
    caption = f"Runs that end no better than a guess, and the scores of all runs. {note}"
    return Table.of(summary, name="ways_of_training", caption=caption, columns=columns)


def compared_table(compared: pd.DataFrame, *, note: str) -> Table:
    """Show what one change does to runs with the same seeds, from `failures.compare_ways`."""
    columns = {
        "change": (["first", "second"], lambda *pair: COMPARED[pair]),
        "pairs": "n",
        "only without it fail": "only_first",
        "only with it fail": "only_second",
        "p": ("p", p_value),
        "gain of the mean [95% interval]": (["mean", "low", "high"], points_with_interval),
        "ratio of deviations": ("deviation_ratio", ".2f"),
    }
    caption = (
        "What one change does to runs with the same seed. The p-value asks whether pairs of which "
        f"just one fails lie on one side more often than by chance (McNemar). {note}"
    )
    return Table.of(compared, name="changes_of_training", caption=caption, columns=columns)


def describe_failures(summary: pd.DataFrame, compared: pd.DataFrame) -> str:
    """Say in one sentence how many runs fail with and without correction."""
    rows = summary.set_index("way")
    if not {"failing", "failing-corrected"} <= set(rows.index):
        return ""
    texts = [
        f"{rows['n_failed'][way]} of {rows['n'][way]}" for way in ("failing", "failing-corrected")
    ]
    pair = compared.query("first == 'failing' and second == 'failing-corrected'").iloc[0]
    return (
        f"{texts[0]} uncorrected runs fail and {texts[1]} corrected ones; of the pairs with the "
        f"same seed only the uncorrected one fails in {pair['only_first']}, only the corrected one "
        f"in {pair['only_second']}."
    )


def signs_table(signs: pd.DataFrame, *, note: str) -> Table:
    """Show how early the runs that fail can be told, from `failures.early_signs`."""
    columns = {
        "after": ("share", ".0%"),
        "area under the curve": ("auc", ".2f"),
        "at or below a guess": "n_low",
        "of these, fail in the end": "n_low_failed",
    }
    caption = (
        "How well the score at a time tells the runs that will fail: the chance that a run that "
        f"fails is below one that does not, .50 by guessing. {note}"
    )
    return Table.of(signs, name="early_signs", caption=caption, columns=columns)


def printed_recipes() -> Table:
    """Show what others print of these changes on BERT-large: mean and deviation over seeds."""
    tables = [load_published(f"{source}_table01") for source in ("mosbach_2021", "zhang_2021")]
    table = pd.concat(tables, ignore_index=True)
    cells = table.assign(
        cell=[
            f"{m:.1f} ± {d:.1f}"
            for m, d in zip(table["mean_percent"], table["deviation_percent"], strict=True)
        ]
    ).pivot(index=["source", "recipe"], columns="task", values="cell")
    cells = cells.loc[list(_RECIPES)].fillna(NOTHING).rename(columns=task_label)
    frame = cells.reset_index(drop=True).rename_axis(columns=None)
    frame.insert(0, "recipe", list(_RECIPES.values()))
    caption = (
        "Printed for BERT-large: mean and standard deviation over seeds in percent; Mosbach et al. "
        "25 seeds on validation, Zhang et al. 20 seeds on half of the validation set."
    )
    return Table("printed_recipes", caption, frame.astype("str"), data=table)


def sources_table(components: pd.DataFrame, *, note: str) -> Table:
    """Show the components of four crossed sources, from `sources.source_components`."""
    columns = {
        "source": ("factor", lambda name: SOURCES.get(name, "the rest")),
        "levels": ("df", lambda df: "" if pd.isna(df) else f"{df + 1:.0f}"),
        "percent of the variance [95% interval]": (["share", "low", "high"], share_with_interval),
        "p": ("p", p_value),
    }
    rows = components.assign(df=components["df"].where(components["factor"] != "rest"))
    caption = (
        "Components of the variance of the test score over four crossed sources of chance, each "
        f"pair of levels of two of them once; the rest is what they do together. {note}"
    )
    return Table.of(rows, name="variance_sources", caption=caption, columns=columns)


def accuracy_table(cases: Mapping[str, tuple[pd.Series, pd.Series]], *, note: str) -> Table:
    """Show how accuracy varies over seeds and why, and how often runs disagree.

    Args:
        cases: what the runs are -> `split_variance` and `disagreement` of them.
    """
    rows = pd.DataFrame(
        [
            {"runs": name}
            | {part: variance[part] for part in VARIANCES}
            | {k: answers[k] for k in ("pairwise", "independent", "kappa", "accuracy")}
            for name, (variance, answers) in cases.items()
        ]
    )
    deviation = lambda value: number(100 * max(value, 0.0) ** 0.5, ".2f")  # noqa: E731
    columns = {
        "runs": "runs",
        "accuracy": ("accuracy", percent),
        "deviation on this test set": ("observed", deviation),
        "of the distribution": ("distribution", deviation),
        "of the test set": ("test set", deviation),
        "the same by calibration": ("calibrated", deviation),
        "two runs disagree on": ("pairwise", ".1%"),
        "independent errors would": ("independent", ".1%"),
        "Fleiss' kappa": ("kappa", ".2f"),
    }
    caption = (
        "Standard deviation of test accuracy over seeds, in points: observed; what would be left "
        "on an endless test set; what this finite one adds, and what the error rate alone says "
        "that it adds (Jordan 2024). Beside it how often two runs answer an example differently. "
        f"{note}"
    )
    return Table.of(rows, name="accuracy_over_seeds", caption=caption, columns=columns)


def outperforming_table(runs: pd.DataFrame, *, note: str) -> Table:
    """Show how often the changed way wins, seed by seed, and what that allows to conclude."""
    rows = []
    for (first, second), change in COMPARED.items():
        scores = paired_runs(runs, first, second)["end_score"].astype(float)
        if len(scores):
            found = probability_of_outperforming(scores[second], scores[first])
            rows.append({"change": change} | found)
    columns = {
        "change": "change",
        "pairs": "n",
        "the changed run wins [95% interval]": (["p", "low", "high"], share_with_interval),
        "conclusion": "conclusion",
    }
    caption = (
        "How often the changed run scores higher than the one with the same seed, in percent "
        "(Bouthillier et al. 2021). Pairs of runs that recognise a winner of three in four with "
        f"5 % of false alarms and of misses: {pairs_needed()} by the sign test; they print 29, "
        f"which is the size for runs that are not paired. {note}"
    )
    return Table.of(pd.DataFrame(rows), name="outperforming", caption=caption, columns=columns)
