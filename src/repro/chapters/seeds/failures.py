"""Do seeds fail because of the optimizer? Recorded runs of one cell, trained in several ways.

A way of training is a space of the recorded trials; runs of two ways with the same seed are a pair.
"""

import numpy as np
import pandas as pd
from scipy.stats import binomtest, rankdata
from statsmodels.stats.proportion import proportion_confint

from repro.stats.intervals import t_interval

WAYS = {  # space -> what it is
    "failing": "uncorrected",
    "failing-twice": "uncorrected, schedule twice",
    "failing-longer": "uncorrected, three times as long",
    "failing-reinitialised": "uncorrected, top layer fresh",
    "failing-corrected": "corrected",
    "failing-corrected-twice": "corrected, schedule twice",
    "failing-corrected-longer": "corrected, three times as long",
}
# first and second of a pair -> what is compared
COMPARED = {
    ("failing", "failing-corrected"): "correct the bias, clip all together",
    ("failing-twice", "failing-corrected-twice"): "the same, schedule twice",
    ("failing", "failing-twice"): "apply the schedule twice",
    ("failing", "failing-longer"): "train three times as long",
    ("failing-corrected", "failing-corrected-longer"): "the same, corrected",
    ("failing", "failing-reinitialised"): "start the top layer fresh",
}


def ended_runs(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Say of each run whether it failed: ended at or below a guess, or with no score at all.

    A guess is 0: the score is Matthews' correlation.

    Args:
        trials, evaluations: as `results.recorded` has them; spaces that are not WAYS are left out.
    Returns:
        one row a run: way, trial, seed, end_score (validation, at the last evaluation), failed.
    Source: Mosbach et al. 2021, sec. 3.2.
    """
    trials = trials[trials["space"].isin(WAYS)]
    key = ["model", "task", "space", "trial"]
    last = evaluations.sort_values("step").groupby(key)["validation_score"].last()
    runs = trials.join(last.rename("end_score"), on=key)
    completed = runs["status"] == "completed"
    runs = runs.assign(
        way=runs["space"],
        seed=runs["init_seed"],
        end_score=runs["end_score"].where(completed).astype(float),
    )
    if runs.duplicated(["way", "seed"]).any():
        raise ValueError("there must be one run a way and seed, but some are there twice")
    runs["failed"] = ~(runs["end_score"] > 1e-6)
    return runs[["way", "trial", "seed", "end_score", "failed"]].reset_index(drop=True)


def summarise_ways(runs: pd.DataFrame) -> pd.DataFrame:
    """Summarise the runs of each way of training, in the order of WAYS.

    Args:
        runs: from `ended_runs`, as for all functions below.
    Returns:
        one row a way: n_failed, n, share, low, high (Wilson interval of the share), mean,
        deviation (ddof 1), maximum, of the end scores that there are.
    """
    table = runs.groupby("way").agg(
        n_failed=("failed", "sum"),
        n=("failed", "size"),
        mean=("end_score", "mean"),
        deviation=("end_score", "std"),
        maximum=("end_score", "max"),
    )
    table["share"] = table["n_failed"] / table["n"]
    table["low"], table["high"] = proportion_confint(table["n_failed"], table["n"], method="wilson")
    return table.loc[[way for way in WAYS if way in table.index]].reset_index()


def paired_runs(runs: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Set the runs of two ways side by side: index seed, columns as in `runs`, then the way."""
    two = runs[runs["way"].isin([first, second])]
    wide = two.pivot(index="seed", columns="way", values=["end_score", "failed"])
    kinds = pd.MultiIndex.from_product([["end_score", "failed"], [first, second]])
    wide = wide.reindex(columns=kinds)
    return wide.dropna(subset=[("failed", first), ("failed", second)])


def compare_ways(runs: pd.DataFrame) -> pd.DataFrame:
    """Compare ways of training, the pairs of COMPARED, on the seeds that both have.

    Returns:
        one row a pair with any common seed: first, second, n, only_first and only_second (failed),
        p (exact McNemar test), mean, low, high (Student's interval of second minus first end
        score), deviation_ratio (second over first).
    Source: McNemar 1947.
    """
    rows = []
    for first, second in COMPARED:
        wide = paired_runs(runs, first, second)
        if wide.empty:
            continue
        failed = wide["failed"].astype(bool)
        only = [int((failed[a] & ~failed[b]).sum()) for a, b in ((first, second), (second, first))]
        scores = wide["end_score"].astype(float).dropna()
        gain = t_interval(scores[second] - scores[first])
        rows.append(
            {"first": first, "second": second, "n": len(wide)}
            | dict(zip(("only_first", "only_second"), only, strict=True))
            | {"p": binomtest(only[0], sum(only)).pvalue if sum(only) else 1.0}
            | {name: gain[name] for name in ("mean", "low", "high")}
            | {"deviation_ratio": scores[second].std() / scores[first].std()}
        )
    return pd.DataFrame(rows)


def progress(evaluations: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Lay the best scores so far of the usual way's runs out as `early_stopping` takes them."""
    rows = evaluations[evaluations["space"] == "failing"]
    wide = rows.pivot(index="trial", columns="step", values="validation_score").astype(float)
    return {task: wide.cummax(axis=1).ffill(axis=1).dropna() for task in rows["task"].unique()}


def early_signs(evaluations: pd.DataFrame, runs: pd.DataFrame, *, way: str) -> pd.DataFrame:
    """Ask at each evaluation how well its score tells the runs that will fail.

    Returns:
        one row an evaluation: share (of the training done), auc (the chance that a run that fails
        is below one that does not, ties half: .5 says nothing, 1 all), n_low (runs at or below 0
        there), n_low_failed (of these, those that fail). No rows unless some fail and some do not.
    """
    fails = runs[runs["way"] == way].set_index("trial")["failed"]
    rows = evaluations[evaluations["space"] == way].sort_values("step")
    wide = rows.pivot(index="trial", columns="step", values="validation_score").reindex(fails.index)
    columns = ["share", "auc", "n_low", "n_low_failed"]
    if not 0 < fails.sum() < len(fails):
        return pd.DataFrame(columns=columns)
    n_bad, n_good = int(fails.sum()), int((~fails).sum())
    found = []
    for step, scores in wide.items():
        ranks = rankdata(-scores.fillna(-np.inf))
        auc = (ranks[fails.to_numpy()].sum() - n_bad * (n_bad + 1) / 2) / (n_bad * n_good)
        low = ~(scores > 1e-6)
        row = (step / wide.columns[-1], auc, int(low.sum()), int((low & fails).sum()))
        found.append(dict(zip(columns, row, strict=True)))
    return pd.DataFrame(found)
