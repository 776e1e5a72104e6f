"""The course project's three stages: its printed numbers, sweeps over trials, the final comparison.

Frames in are `trials` of `repro.records`, of one model and task, whose `stage` is "one-factor",
"manual", "cold", "warm" or "final": configurations, named by `variant`, that were trained again.
Scores are fractions.
"""

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from repro.stats.incumbents import SPLITS, best_trials
from repro.stats.intervals import t_interval

N_VALIDATION = 408  # examples in the validation set of MRPC
TUNED = ("learning_rate", "weight_decay", "warmup_steps")
SEARCHES = ("manual", "cold", "warm")


def printed_accuracies(published: pd.DataFrame, *, n: int = N_VALIDATION) -> pd.DataFrame:
    """Count the right answers behind printed accuracies.

    Args:
        published: method, score (percent).
        n: examples they were counted on.
    Returns:
        one row a method: method, accuracy, n_right, n, low, high (95 % Wilson interval).
    Raises:
        ValueError: if an accuracy is not that of a whole number of examples.
    """
    accuracy = published["score"] / 100
    n_right = (accuracy * n).round().astype(int)
    off = (n_right / n - accuracy).abs()
    if (off > 0.51e-5).any():  # half of the last printed digit, and a rounding
        raise ValueError(
            f"an accuracy must be a whole number of {n} examples, but {accuracy[off.idxmax()]:.5f} "
            "is not; say how many examples there were"
        )
    low, high = proportion_confint(n_right, n, method="wilson")
    columns = {"accuracy": n_right / n, "n_right": n_right, "n": n, "low": low, "high": high}
    return published[["method"]].assign(**columns).reset_index(drop=True)


def chance_of_gap(gap: int, *, n: int, disagreement: float) -> float:
    """Tell how often two models of equal accuracy differ by `gap` or more right answers of `n`.

    On an example one of them is right and the other wrong with probability `disagreement`, either
    way equally likely: McNemar's null hypothesis, whose distribution is computed, not approximated.

    Args:
        disagreement: for models that err independently, 2 p (1 - p).
    Source: McNemar 1947; Dietterich 1998, sec. 2, for classifiers.
    """
    if not 0 <= disagreement <= 1:
        raise ValueError(f"`disagreement` must be a share in [0, 1], but got {disagreement}")
    one = np.array([disagreement / 2, 1 - disagreement, disagreement / 2])
    total = np.ones(1)
    for _ in range(n):
        total = np.convolve(total, one)
    differences = np.arange(-n, n + 1)
    return float(min(1.0, total[np.abs(differences) >= gap].sum()))


def mean_disagreement(predictions: pd.DataFrame, labels: pd.Series) -> float:
    """Average, over all pairs of models, the share of examples that just one of them gets right.

    Args:
        predictions: one row an example, one column a model.
    Returns:
        NaN for fewer than two models.
    """
    right = predictions.to_numpy() == labels.to_numpy()[:, None]
    n_right, n_models = right.sum(axis=1), right.shape[1]
    if n_models < 2:
        return float("nan")
    pairs = n_models * (n_models - 1) / 2
    return float((n_right * (n_models - n_right)).mean() / pairs)


def sweep_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Follow the best validation score so far over the trials of each sweep.

    Returns:
        one row a trial from the first with a score on: method, variant, stage, run_id, repetition,
        spent (trials, this one included), incumbent_score.
    """
    rows = trials[trials["stage"].isin(["cold", "warm"])].sort_values(["run_id", "trial"])
    score = rows.groupby("run_id")["validation_score"].cummax()
    score = score.groupby(rows["run_id"]).ffill()
    columns = rows[["method", "variant", "stage", "run_id", "repetition"]]
    table = columns.assign(spent=rows["trial"] + 1, incumbent_score=score)
    return table.dropna(subset="incumbent_score").reset_index(drop=True)


def late_gains(curves: pd.DataFrame, *, share: float = 0.25) -> pd.DataFrame:
    """Tell how much each sweep's incumbent still gained in the last `share` of its trials.

    Args:
        curves: from `sweep_curves`.
    Returns:
        one row a sweep: stage, run_id, repetition, difference (fraction; NaN without a score
        before them), n_late (those trials).
    """
    rows = []
    for (stage, run_id, repetition), run in curves.groupby(["stage", "run_id", "repetition"]):
        n = run["spent"].max()
        n_late = max(1, round(share * n))
        before = run.loc[run["spent"] <= n - n_late, "incumbent_score"].max()
        row = {"stage": stage, "run_id": run_id, "repetition": repetition}
        gain = run["incumbent_score"].max() - before
        rows.append(row | {"difference": gain, "n_late": n_late})
    return pd.DataFrame(rows, columns=["stage", "run_id", "repetition", "difference", "n_late"])


def manual_means(trials: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of the manual grid over repetitions.

    Returns:
        one row a configuration: TUNED, mean, sd, n (with a score), n_missing.
    """
    grid = trials[trials["stage"] == "manual"].groupby(list(TUNED))["validation_score"]
    table = grid.agg(mean="mean", sd="std", n="count", rows="size").reset_index()
    return table.assign(n_missing=table["rows"] - table["n"]).drop(columns="rows")


def final_scores(trials: pd.DataFrame) -> pd.DataFrame:
    """Summarise the configurations that were trained again with fresh seeds.

    Returns:
        one row a configuration and split: configuration, TUNED, split, mean, low, high (95 % t
        interval over seeds), sd, n, n_missing (seeds without a score).
    """
    rows = []
    final = trials[trials["stage"] == "final"]
    for name, group in final.groupby("variant", sort=False):
        for split in SPLITS:
            scores = group[f"{split}_score"].dropna()
            row = {"configuration": name, "split": split}
            row |= {column: group[column].iloc[0] for column in TUNED} | t_interval(scores)
            row |= {"sd": scores.std(), "n_missing": len(group) - len(scores)}
            rows.append(row)
    columns = ["configuration", *TUNED, "split", "mean", "low", "high", "sd", "n", "n_missing"]
    return pd.DataFrame(rows, columns=columns)


def final_pairs(trials: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract one final configuration's scores from another's, seed by seed.

    Returns:
        one row a task, seed and split: task, init_seed, split, difference (NaN where either has
        no score).
    """
    keys = ["task", "init_seed"]
    final = trials[trials["stage"] == "final"]
    sides = [final[final["variant"] == name] for name in (first, second)]
    return _differences(sides, keys)


def search_pairs(trials: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract one stage's best trial from another's, repetition by repetition.

    Args:
        first, second: SEARCHES, or "baseline": the configuration of the manual grid that is it.
    Returns:
        as `final_pairs`, with repetition in the place of init_seed.
    """
    sides = [_found_by(trials, name) for name in (first, second)]
    return _differences(sides, ["task", "repetition"])


def _found_by(trials: pd.DataFrame, stage: str) -> pd.DataFrame:
    if stage != "baseline":
        return best_trials(trials[trials["stage"] == stage])
    final = (trials["stage"] == "final") & (trials["variant"] == "baseline")
    baseline = trials.loc[final, list(TUNED)].drop_duplicates()
    return trials[trials["stage"] == "manual"].merge(baseline, on=list(TUNED))


def _differences(sides: list[pd.DataFrame], keys: list[str]) -> pd.DataFrame:
    pairs = sides[0].merge(sides[1], on=keys, suffixes=("", "_other"), validate="one_to_one")
    parts = [
        pairs[keys].assign(
            split=split, difference=pairs[f"{split}_score"] - pairs[f"{split}_score_other"]
        )
        for split in SPLITS
    ]
    return pd.concat(parts, ignore_index=True)
