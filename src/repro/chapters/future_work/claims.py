"""The questions of Liu & Wang's section 7, put as claims, held against recorded trials."""

from dataclasses import replace

import pandas as pd

from repro.chapters.future_work.experiments import EXPERIMENTS
from repro.stats.decisions import Estimate, above
from repro.stats.ledger import Answer
from repro.stats.rules import mean, some, undecidable


def answers(results: pd.DataFrame, *, scale: str = "toy") -> list[Answer]:
    """Judge every experiment, and what Liu & Wang themselves say of two of them.

    Args:
        results: from `experiments.run_experiments`.
    """
    estimates = {claim: judge(results, claim) for claim in EXPERIMENTS}
    proxies = [estimates["future-loss-proxy"], estimates["future-other-metric"]]
    estimates["liu-proxy-metric"] = some(proxies)
    estimates["liu-seed-in-space"] = estimates["future-seed-search"]
    return [Answer(claim, "miniature", scale, found) for claim, found in estimates.items()]


def judge(results: pd.DataFrame, claim: str) -> Estimate:
    """Judge whether an experiment's mean difference is above 0, over models and tasks.

    These are fixed. Parts of the recorded trials vary, which share neither trials nor training
    seeds nor test examples; what they do share, the validation examples, is what tuning optimises.
    """
    rows = results[results["claim"] == claim].dropna(subset="value")
    if rows.empty:
        return undecidable("no trials of the space that it needs were recorded", above())
    cells = {"/".join(key): part["value"] for key, part in rows.groupby(["model", "task"])}
    cells = {name: values for name, values in cells.items() if len(values) > 1}
    found = mean(cells, above(), tasks="fixed")
    return replace(found, units="parts of the recorded trials")
