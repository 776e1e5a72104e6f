"""Liu & Wang's claims on overfitting and the split (A.5), on their numbers and on runs.

They are about QNLI and ELECTRA alone, which are fixed; repetitions of random search vary, and the
examples of the validation and test sets, which all repetitions share.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from repro.chapters.resplit.analysis import SPLITS, TOP, best_by_validation, published_table7
from repro.chapters.resplit.winners_curse import Predictions
from repro.data.definitions import GLUE_SIZES
from repro.published import load_published
from repro.stats.correlation import row_correlations
from repro.stats.decisions import Estimate, Region, above, below
from repro.stats.ledger import Answer
from repro.stats.rules import correlation, mean, score_error, undecidable

TASK = "qnli"
N_RESAMPLES = 200


def published_answers() -> list[Answer]:
    """Judge the four pairs of Table 7, and QNLI's rounds at 1 and 4 GST of Table 10."""
    pairs = dict(list(published_table7().groupby("split")))
    r = {split: rows["validation_score"].corr(rows["test_score"]) for split, rows in pairs.items()}

    def of_four(split: str, region: Region) -> Estimate:
        scores = pairs[split]["validation_score"], pairs[split]["test_score"]
        found = correlation(*scores, region, units="trials", kind="pearson")
        return replace(found, value=r[split])

    original = of_four("original", below())
    estimates = {
        "liu-more-trials-overfit": _more_budget(),
        "liu-original-split-negative": original,
        "liu-resplit-positive": of_four("resplit", above()),
        "liu-split-explains": replace(
            original, value=r["resplit"] - r["original"], region=above(),
            reason=f"{original.reason}, of each split",
        ),
    }  # fmt: skip
    return [Answer(claim, "published", "full", found) for claim, found in estimates.items()]


def _more_budget() -> Estimate:
    """Judge validation minus test score at 4 GST minus that at 1 GST, by Table 10.

    Rounds are independent. The examples are the same throughout; how alike two trials err on them
    is not printed, so that the scores' errors count as if they did not.
    """
    rounds = load_published("liu_wang_2021_table10").query(
        "task == 'qnli' and repetition != 'mean'"
    )
    gaps = rounds.assign(gap=(rounds["validation_score"] - rounds["test_score"]) / 100)
    gaps = gaps.dropna(subset="round").sort_values(["method", "repetition"])
    small, large = (gaps.loc[gaps["round"] == number, "gap"].to_numpy() for number in (0, 1))
    grid = rounds[rounds["method"] == "grid"].iloc[0]
    errors = [score_error(grid[f"{s}_score"] / 100, metric=grid["metric"], n=GLUE_SIZES[TASK][s])
              for s in ("validation", "test")]  # fmt: skip
    shared = {TASK: math.sqrt(2) * math.hypot(*errors)}
    return mean({TASK: large - small}, above(), tasks="fixed", shared=shared)


def own_answers(
    trials: pd.DataFrame,
    *,
    models: Sequence[str],
    predictions: Mapping[str, Sequence[Predictions]],
    evidence: str,
    scale: str,
) -> list[Answer]:
    """Judge one's own runs of random search on QNLI, of the models that stand for ELECTRA.

    Args:
        predictions: by split: what the error over examples is computed from; without them nothing
            is decided.
    """
    trials = trials[(trials["task"] == TASK) & trials["model"].isin(models)]
    trials = trials.dropna(subset="validation_score").sort_values("trial", kind="stable")

    def answer(statistic: Callable, region: Region, splits: Mapping[str, int]) -> Estimate:
        values, shared, short = {}, {}, 0
        for model, of_model in trials.groupby("model"):
            signed, errors = [], []
            for split, sign in splits.items():
                rows = of_model[of_model["split"] == split]
                runs = [rows[rows["repetition"] == i] for i in sorted(set(rows["repetition"]))]
                short += sum(len(run) < TOP + (statistic is gap_growth) for run in runs)
                signed.append([sign * _observed(statistic, run) for run in runs])
                errors.append(_error(statistic, runs, predictions.get(split, ()), model))
            if len(set(map(len, signed))) > 1:
                return undecidable("the splits have unlike numbers of repetitions", region)
            values[model], shared[model] = np.sum(signed, axis=0), math.hypot(*errors)
        if short:
            return undecidable(f"{short} runs have too few trials with a score", region)
        unknown = any(map(math.isnan, shared.values()))
        return mean(values, region, tasks="fixed", shared="unknown" if unknown else shared)

    original, resplit = SPLITS
    estimates = {
        "liu-more-trials-overfit": answer(gap_growth, above(), {original: 1}),
        "liu-original-split-negative": answer(top_correlation, below(), {original: 1}),
        "liu-resplit-positive": answer(top_correlation, above(), {resplit: 1}),
        "liu-split-explains": answer(top_correlation, above(), {resplit: 1, original: -1}),
    }
    return [Answer(claim, evidence, scale, found) for claim, found in estimates.items()]


def top_correlation(validation: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Correlate the scores of each row's best four trials, see `best_by_validation`."""
    return row_correlations(*best_by_validation(validation, test))


def gap_growth(validation: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return by how much the best trial's validation score lies further above its test score.

    The best of all trials against the best of the first four.
    """
    of_four = best_by_validation(validation[:, :TOP], test[:, :TOP], n=1)
    of_all = best_by_validation(validation, test, n=1)
    return (np.subtract(*of_all) - np.subtract(*of_four))[:, 0]


def _observed(statistic: Callable, run: pd.DataFrame) -> float:
    scores = run[["validation_score", "test_score"]].to_numpy(float).T
    return float(statistic(*scores[:, None])[0]) if len(run) else math.nan


def _error(
    statistic: Callable,
    runs: Sequence[pd.DataFrame],
    predictions: Sequence[Predictions],
    model: str,
) -> float:
    """Return the standard error over examples of the mean over runs: resampled; NaN if unknown."""
    study = next((p for p in predictions if (p.model, p.task) == (model, TASK)), None)
    if study is None:
        return math.nan
    rng, table = np.random.default_rng(0), study.table
    pools = [table[table["split"] == name] for name in ("validation", "test")]
    columns = [table.columns[3:].get_indexer(run["trial_id"]) for run in runs]
    if not runs or not all(map(len, pools)) or any((c < 0).any() for c in columns):
        return math.nan
    scores = [study.draw(pool, len(pool), draws=N_RESAMPLES, rng=rng) for pool in pools]
    values = np.mean([statistic(*(s[:, places] for s in scores)) for places in columns], axis=0)
    return float(np.nanstd(values)) if np.isfinite(values).any() else math.nan
