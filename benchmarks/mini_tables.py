"""Tables of `mini_report.py`: one row a task, one table a model family, and verdicts in words."""

import platform
import time

import numpy as np
import pandas as pd

from repro.data.miniature.tasks import SIZES, load_mini_task

SEARCH_SEEDS = 2  # seeds of the search for a good learning rate


def good_learning_rates(trials):
    """Choose per model, task and initialisation the rate with the best mean validation score."""
    searched = trials[trials["purpose"].isin(["search", "random init"])]
    searched = searched[searched["seed"] < SEARCH_SEEDS]
    keys = ["model", "task", "purpose", "learning_rate"]
    means = searched.groupby(keys)["validation"].mean().reset_index()
    return means.loc[means.groupby(keys[:3])["validation"].idxmax()]


def baseline(task):
    """Give the score of always answering with the majority; 0 for correlations."""
    if task in ("cola", "stsb"):
        return 0.0
    return float(load_mini_task(task)["validation"]["label"].value_counts(normalize=True).max())


def summarise(trials, model, task):
    """Compute a task's row of the report.

    Returns:
        a dict of numbers; spreads are standard deviations, `lead` is the difference of pretrained
        and random initialisation in standard errors of the difference, on the validation split.
    """
    mine = trials[(trials["model"] == model) & (trials["task"] == task)]
    rates = good_learning_rates(mine).set_index("purpose")["learning_rate"]
    fresh = mine[
        (mine["purpose"] == "random init") & (mine["learning_rate"] == rates["random init"])
    ]
    ours = mine[mine["purpose"] == "seeds"]
    several = mine[mine["purpose"] == "configurations"]
    a, b = ours["validation"], fresh["validation"]
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    floor = baseline(task)
    return {
        "baseline": floor,
        "random init": b.mean(),
        "pretrained": a.mean(),
        "lead / s.e.": (a.mean() - b.mean()) / error if error else np.nan,
        "best": a.max(),
        "of range": (a.max() - floor) / (1 - floor),
        "good rate": rates["search"],
        "seed s.d.": a.std(ddof=1),
        "config. s.d.": several["validation"].std(ddof=1),
        "wide s.d.": mine[mine["purpose"] == "wide"]["validation"].std(ddof=1),
        "at 1e-2": mine[mine["purpose"] == "too high"]["validation"].mean(),
        "test": ours["test_0"].mean(),
        "shifted": ours["test_1"].mean(),
        "rank": rank_correlation(several, "test_0"),
        "rank shifted": rank_correlation(several, "test_1"),
        "CPU s": ours["cpu_seconds"].median(),
    }


def rank_correlation(trials, test):
    """Correlate the ranks of validation and test scores; NaN where either is constant."""
    if min(trials["validation"].nunique(), trials[test].nunique()) < 2:
        return np.nan
    return trials["validation"].corr(trials[test], method="spearman")


def markdown(frame):
    """Write a frame as a Markdown table with three digits."""
    lines = ["| " + " | ".join(["task", *frame.columns]) + " |"]
    lines.append("|" + "---|" * (len(frame.columns) + 1))
    for name, row in frame.iterrows():
        cells = [f"{v:.0e}" if k == "good rate" else f"{v:.3g}" for k, v in row.items()]
        lines.append("| " + " | ".join([name, *cells]) + " |")
    return "\n".join(lines)


def rate_table(trials, model):
    """Average the validation scores of the search over its seeds: task by learning rate."""
    mine = trials[(trials["model"] == model) & (trials["purpose"] == "search")]
    table = mine.pivot_table(index="task", columns="learning_rate", values="validation")
    return table.reindex([t for t in SIZES if t in table.index]).rename(columns="{:.0e}".format)


def verdicts(table):
    """Say in how many tasks each criterion holds, and what rate and shift do on average."""
    rest = table.drop(index="wnli", errors="ignore")
    wins = (table["lead / s.e."] > 2).sum()
    inside = ((rest["of range"] >= 0.2) & (rest["best"] < 0.97)).sum()
    spread = {of: (rest[f"{of} s.d."] / rest["seed s.d."]).median() for of in ("config.", "wide")}
    fall = (rest["pretrained"] - rest["at 1e-2"]).mean()
    lower = (rest["test"] - rest["shifted"]).mean()
    rank, shifted = rest["rank"].mean(), rest["rank shifted"].mean()
    lines = [
        f"pretrained leads by more than two standard errors on {wins} of {len(table)} tasks",
        f"best score a fifth of the range above the baseline and below 0.97 on {inside} of"
        f" {len(rest)} tasks (WNLI apart)",
        f"spread over configurations / spread over seeds: median {spread['config.']:.1f} in the"
        f" search space, {spread['wide']:.1f} over two decades of learning rates",
        f"at learning rate 1e-2 the score falls by {fall:.3f} on average",
        f"shift 1 lowers the test score by {lower:.3f} on average; Spearman correlation of"
        f" validation and test over configurations {rank:.2f}, shifted {shifted:.2f}",
    ]
    return "\n".join(f"- {line}" for line in lines)


INTRODUCTION = """# How informative the embedded miniature is

Written by `python benchmarks/mini_report.py` on {date}, {machine}; {n} fine-tunings, one thread
each, 5 epochs with BERT and 3 with the others; all of them are in `mini_trials.csv`. Scores are
Matthews correlation (cola), Pearson correlation (stsb), else accuracy; on the validation split at
the best checkpoint unless another split is named. *Random init*: the same model with fresh weights,
at its own best learning rate. *Lead*: pretrained minus random init in standard errors, {seeds}
seeds each. *Of range*: best score above the baseline as a share of what is left. *Config. s.d.*:
over {configurations} random configurations of the family's search space, one seed; *wide s.d.*: the
same with learning rates log-uniform in [1e-4, 1e-2]; *seed s.d.*: {seeds} seeds at the good rate.
*Rank*: Spearman correlation of validation and test over the configurations; *shifted*: the test
drawn at shift 1.
"""


def write_report(trials, path, *, seeds, configurations):
    """Write the report of all trials."""
    parts = [
        INTRODUCTION.format(
            date=time.strftime("%Y-%m-%d"), machine=f"{platform.machine()} CPU", n=len(trials),
            seeds=seeds, configurations=configurations,
        )
    ]  # fmt: skip
    for model in trials["model"].unique():
        tasks = [t for t in SIZES if t in set(trials["task"])]
        table = pd.DataFrame({task: summarise(trials, model, task) for task in tasks}).T
        parts += [f"## {model}\n", verdicts(table), "", markdown(table), ""]
        parts += ["Validation score by learning rate:\n", markdown(rate_table(trials, model)), ""]
    path.write_text("\n".join(parts))
