"""One sentence each that says what numbers of notebook 07 show."""

import numpy as np
import pandas as pd

from repro.chapters.how_sure.laboratory import Laboratory
from repro.show.cells import method_label


def of_studies(differences: pd.DataFrame, lab: Laboratory, *, repetitions: int) -> str:
    """Say how often studies have the wrong sign, and how wide they scatter."""
    wrong, width = [], []
    for split, rows in differences.groupby("split", sort=False):
        wrong.append(f"{100 * rows['p_wrong'].mean():.0f} % on {split}")
        width.append(f"{100 * (rows['q975'] - rows['q025']).median():.1f}")
    return (
        f"Of {lab.settings.studies:,} studies of {repetitions} repetitions for each model, task "
        "and method, the mean difference from grid search has the wrong sign in "
        f"{' and '.join(wrong)}; the middle 95 % of the studies span {' and '.join(width)} points."
    )


def of_sample(again: pd.DataFrame) -> str:
    """Say how many recorded trials came out the same."""
    same = int(again["same"].sum())
    return (
        f"{same} of {len(again)} recorded trials, their first {again['n_evaluations'].max()} "
        "evaluations trained again just now, came out bit for bit."
    )


def of_repetitions(shares: pd.DataFrame) -> str:
    """Say how much more repetitions help, with one grid search and with several."""
    test = shares[shares["split"] == "test"].groupby(["way", "n"])["wrong"].mean()
    fewest, most = test["once"].index.min(), test["once"].index.max()
    return (
        f"On test the share of wrong conclusions goes from {100 * test['once'][fewest]:.0f} % "
        f"with {fewest} repetition to {100 * test['once'][most]:.0f} % with {most} as long as all "
        f"are compared with one grid search, and to {100 * test['repeated'][most]:.0f} % where "
        "grid search is repeated as often."
    )


def of_verdicts(shares: pd.DataFrame) -> str:
    """Say how often two walks of the procedure agree, and whether successes are real."""
    if shares.empty:
        return "The recorded trials do not last for the procedure."
    agree, least = 100 * shares["agree"].mean(), shares.loc[shares["agree"].idxmin()]
    borne = (shares["borne_out"] * shares["succeeds"]).sum() / shares["succeeds"].sum()
    text = (
        f"Two walks on the same model, task and method agree in {agree:.0f} % of the cases (least: "
        f"{least['model']} on {least['task']}, {100 * least['agree']:.0f} %)"
    )
    if np.isnan(borne):
        return f"{text}; none ends in success."
    return f"{text}; {100 * borne:.0f} % of the successes are true on both splits."


def of_budgets(effects: pd.DataFrame) -> str:
    """Say from which budget HPO is above grid search on test, by model and method."""
    parts = []
    for (model, method), rows in effects.groupby(["model", "method"], sort=False):
        sure = rows[rows["low"] > 0]["budget_gst"]
        never = rows[rows["high"] < 0]["budget_gst"]
        text = f"from {sure.min():g} GST on" if len(sure) else "at no budget"
        if len(never):
            text += f", beyond chance below at {never.min():g} to {never.max():g} GST"
        parts.append(f"{model}, {method_label(method)}: {text}")
    return f"Beyond chance above grid search on test: {'; '.join(parts)}." if parts else ""


def of_overfitting(shares: pd.DataFrame) -> str:
    """Say whether runs overfit more often than chance gives."""
    parts = []
    for model, rows in shares.groupby("model", sort=False):
        chance = rows[rows["method"] == "grid"]["value"].mean()
        others = rows[rows["method"] != "grid"]["value"].mean()
        parts.append(f"{model} {100 * others:.0f} %, by chance {100 * chance:.0f} %")
    return f"Tuning runs that overfit: {'; '.join(parts)}." if parts else ""
