"""What was claimed of seeds since: why runs fail, and where the variance comes from."""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from repro.chapters.seeds.comparison import power_of_sign_test
from repro.chapters.seeds.failures import paired_runs
from repro.chapters.seeds.predictions import judge_variance_share
from repro.chapters.seeds.seed_rules import LOG, deviation_ratio, over_seeds
from repro.chapters.seeds.sources import SOURCES, judge_ratio
from repro.published import load_published
from repro.stats.contrasts import on_each
from repro.stats.decisions import Estimate, Region, above, below, within
from repro.stats.ledger import Answer
from repro.stats.rules import (
    every,
    from_error,
    jackknife,
    mean,
    missing_scores,
    recount,
    share,
    undecidable,
)

NARROWER = below(1)  # a ratio of deviations
N_PAIRS = 29  # of Bouthillier et al.
_SEEDS = {"mosbach_2021": 25, "zhang_2021": 20}


def published_answers() -> list[Answer]:
    """Judge what the printed tables decide, their deviations taken for those of normal scores."""
    mosbach, zhang = (_recipes(source) for source in _SEEDS)
    n, k = _SEEDS.values()
    few = "printed without the runs behind it"
    found = {
        "mosbach-recipe-lifts": _gain(mosbach, "devlin", "mosbach", n=n),
        "mosbach-recipe-steadies": _steadies(mosbach, "devlin", "mosbach", n=n, region=below(0.5)),
        "zhang-half-fail": share([1] * 24 + [0] * 26, within(0.3, 0.7), units="runs"),
        "zhang-fresh-layers-lift": _gain(zhang, "standard", "reinitialised", n=k),
        "zhang-fresh-layers-steady": _steadies(zhang, "standard", "reinitialised", n=k),
        "zhang-longer-lifts": _gain(zhang, "standard", "longer", n=k),
        "zhang-init-order-comparable": undecidable(few, within(0.8, 1.25), value=1.99 / 2.21),
        "jordan-mostly-test-set": undecidable(few, below(0.5), value=(0.21 / 0.80) ** 2),
        "jordan-unstable-is-real": undecidable(few, above(0.5), value=(2.08 / 2.24) ** 2),
        "bouthillier-pairs-enough": recount(
            power_of_sign_test(N_PAIRS), above(0.95), n=N_PAIRS, units="pairs"
        ),
    }
    return [Answer(claim, "published", "full", estimate) for claim, estimate in found.items()]


def _recipes(source: str) -> pd.DataFrame:
    """Return mean and deviation (fractions) by recipe and task."""
    table = load_published(f"{source}_table01").set_index(["recipe", "task"])
    return (
        table[["mean_percent", "deviation_percent"]].set_axis(["mean", "deviation"], axis=1) / 100
    )


def _gain(table: pd.DataFrame, first: str, second: str, *, n: int) -> Estimate:
    cases = {}
    for task in table.loc[first].index:
        one, two = table.loc[(first, task)], table.loc[(second, task)]
        squares = np.array([one["deviation"], two["deviation"]]) ** 2 / n
        known = _welch(squares, np.array([n - 1, n - 1])) | {"n": n, "units": "seeds of each"}
        cases[task] = from_error(two["mean"] - one["mean"], region=above(), **known)
    return on_each(cases)


def _welch(squares: np.ndarray, freedom: np.ndarray) -> dict[str, float]:
    """Return the error of a difference of means of these squared errors, and its freedom."""
    df = squares.sum() ** 2 / (squares**2 / freedom).sum()
    return {"error": math.sqrt(squares.sum()), "df": df}


def _steadies(
    table: pd.DataFrame, first: str, second: str, *, n: int, region: Region = NARROWER
) -> Estimate:
    ratio = table.loc[second, "deviation"] / table.loc[first, "deviation"]
    known = {"n": n, "units": "seeds of each", "df": n - 1, "scale": LOG}
    error = math.sqrt(1 / (n - 1))
    return on_each({task: from_error(r, error, region, **known) for task, r in ratio.items()})


def recorded_answers(
    runs: pd.DataFrame,
    *,
    norms: pd.DataFrame,
    sources: pd.DataFrame,
    matrices: Mapping[str, pd.DataFrame],
    right: Mapping[str, np.ndarray],
) -> list[Answer]:
    """Judge what recorded runs of the miniature decide.

    Args:
        runs: from `failures.ended_runs`.
        norms: from `run.trace_gradients`.
        sources: from `sources.source_scores`.
        matrices: from `analysis.score_matrices`.
        right: "stable" and "unstable" -> 0 or 1 a run and test example.
    """
    rte = matrices["rte"].to_numpy(float) if "rte" in matrices else np.zeros((0, 0))
    others = [name for name in SOURCES if name != "split_seed"]
    found = _of_ways(runs) | {
        "mosbach-gradients-vanish": _vanishing(norms),
        "zhang-init-order-comparable": over_seeds(deviation_ratio, rte, within(0.8, 1.25), LOG),
        "jordan-mostly-test-set": judge_variance_share(right["stable"], below(0.5)),
        "jordan-calibrated-predicts": judge_variance_share(
            right["stable"], within(0.5, 2), of="calibrated", to="test set"
        ),
        "jordan-unstable-is-real": judge_variance_share(right["unstable"], above(0.5)),
        "bouthillier-split-largest": every(
            [judge_ratio(sources, above(1), of="split_seed", to=name) for name in others]
        ),
        "bouthillier-init-below-half": judge_ratio(
            sources, below(0.5), of="init_seed", to="split_seed"
        ),
        "bouthillier-init-order-alike": judge_ratio(
            sources, within(0.5, 2), of="init_seed", to="order_seed"
        ),
    }
    chosen = {"mosbach-some-fail": "the learning rate was chosen so that some runs fail"}
    return [
        Answer(claim, "miniature", "toy", estimate, by_construction=chosen.get(claim, ""))
        for claim, estimate in found.items()
    ]


def _of_ways(runs: pd.DataFrame) -> dict[str, Estimate]:
    fails = runs.loc[runs["way"] == "failing", "failed"].astype(float)
    usual, corrected = "failing", "failing-corrected"
    longer, fresh = "failing-corrected-longer", "failing-reinitialised"
    return {
        "mosbach-some-fail": share(fails, above(0.05), units="seeds"),
        "mosbach-uncorrected-fails": only_first_fails(runs, usual, corrected),
        "mosbach-longer-saves": only_first_fails(runs, usual, "failing-longer"),
        "mosbach-recipe-lifts": mean_gain(runs, usual, longer),
        "mosbach-recipe-steadies": spread_ratio(runs, usual, longer, region=below(0.5)),
        "mosbach-longer-steadies": spread_ratio(runs, corrected, longer),
        "zhang-correction-lifts": mean_gain(runs, usual, corrected),
        "zhang-correction-steadies": spread_ratio(runs, usual, corrected),
        "zhang-fresh-layers-lift": mean_gain(runs, usual, fresh),
        "zhang-fresh-layers-steady": spread_ratio(runs, usual, fresh),
        "zhang-longer-lifts": mean_gain(runs, corrected, longer),
    }


def only_first_fails(runs: pd.DataFrame, first: str, second: str) -> Estimate:
    """Judge of the pairs of which just one fails the share in which it is the first: McNemar."""
    failed = paired_runs(runs, first, second)["failed"].astype(bool)
    one = failed[failed[first] != failed[second]]
    region = above(0.5)
    if one.empty:
        reason = f"in none of {len(failed)} pairs just one fails"
        return undecidable(reason, region, n=len(failed), units="pairs")
    return share(one[first].astype(float), region, units="pairs that differ")


def mean_gain(runs: pd.DataFrame, first: str, second: str) -> Estimate:
    """Judge the mean of the second way's end score minus the first's with the same seed."""
    scores = paired_runs(runs, first, second)["end_score"].astype(float)
    return mean({"": scores[second] - scores[first]}, above(), tasks="fixed")


def spread_ratio(
    runs: pd.DataFrame, first: str, second: str, *, region: Region = NARROWER
) -> Estimate:
    """Judge the deviation of the second way's end scores over the first's, leaving out seeds."""
    table = paired_runs(runs, first, second)["end_score"][[first, second]].to_numpy(float)

    def ratio(rows: np.ndarray) -> float:
        return rows[:, 1].std(ddof=1) / rows[:, 0].std(ddof=1)

    reason = missing_scores(table.sum(axis=1))
    if not reason and (len(table) < 3 or not table.std(axis=0).all()):
        reason = "no spread to compare"
    if reason:
        return undecidable(reason, region, n=len(table), units="pairs")
    left = [ratio(np.delete(table, i, axis=0)) for i in range(len(table))]
    return jackknife(ratio(table), left, region, units="pairs", scale=LOG)


def _vanishing(norms: pd.DataFrame) -> Estimate:
    """Judge the embeddings' gradient late in training: failed runs over others (Welch)."""
    late = norms[(norms["part"] == "embeddings") & (norms["step"] > norms["step"].max() * 2 / 3)]
    logs = np.log(late["norm"].clip(lower=1e-12)).groupby([late["failed"], late["trial"]]).mean()
    groups = [logs[logs.index.get_level_values(0) == failed].to_numpy() for failed in (True, False)]
    region, known = below(0.5), {"n": len(logs), "units": "runs"}
    if min(map(len, groups)) < 3:
        return undecidable("fewer than three runs that fail, or that do not", region, **known)
    squares = np.array([group.var(ddof=1) / len(group) for group in groups])
    known |= _welch(squares, np.array([len(group) - 1 for group in groups]))
    ratio = math.exp(groups[0].mean() - groups[1].mean())
    return from_error(ratio, region=region, scale=LOG, **known)
