"""The course project's three stages: its printed numbers, sweeps over trials, the final comparison.

Frames in are `trials` of `repro.records`, of one model and task, whose `stage` is "one-factor",
"manual", "cold", "warm" or "final": configurations, named by `variant`, that were trained again.
Scores are fractions.
"""

from functools import reduce

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from repro.chapters.three_stage.spaces import TUNED
from repro.stats.incumbents import SPLITS, best_trials, incumbent_curves, paired_differences
from repro.stats.incumbents import incumbent_bands as incumbent_bands
from repro.stats.intervals import t_interval
from repro.stats.sensitivity import edge_of_range

N_VALIDATION = 408  # examples in the validation set of MRPC
SEARCHES = {"manual": "manual grid", "cold": "cold sweep", "warm": "warm sweep"}
FINAL_LABELS = {
    "baseline": "baseline",
    "manual": "manual grid's best",
    "cold": "cold sweep's best",
    "warm": "warm sweep's best",
    "printed-manual": "project's best manual",
    "printed-automatic": "project's best automatic",
}
_PRINTED_PAIRS = (("manual", "baseline"), ("automatic", "baseline"), ("manual", "automatic"))


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


def printed_gaps(printed: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Tell how often two equally good models differ as much as two of the project's stages.

    Args:
        printed: from `printed_accuracies`.
        predictions: of our trials, from `Results.joint_predictions`.
    Returns:
        one row a pair of stages and assumption: first, second, gap (right answers), assumption,
        disagreement (share of examples that just one of the two gets right), chance.
    """
    n_right, n = printed.set_index("method")["n_right"], int(printed["n"].iloc[0])
    validation = predictions[predictions["split"] == "validation"]
    twins = [name for name in validation if "/final-baseline/" in name]
    accuracy = printed["accuracy"].mean()
    disagreements = {
        "few disagreements": 0.05,
        "as two seeds here": mean_disagreement(validation[twins], validation["label"]),
        "independent": 2 * accuracy * (1 - accuracy),
    }
    rows = []
    for first, second in _PRINTED_PAIRS:
        gap = int(n_right[first] - n_right[second])
        for name, share in disagreements.items():
            row = {"first": first, "second": second, "gap": gap, "assumption": name}
            chance = chance_of_gap(abs(gap), n=n, disagreement=share)
            rows.append(row | {"disagreement": share, "chance": chance})
    return pd.DataFrame(rows)


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
    one_example = np.array([disagreement / 2, 1 - disagreement, disagreement / 2])  # -1, 0, 1
    chances = reduce(np.convolve, n * [one_example])
    return float(min(1.0, chances[np.abs(np.arange(-n, n + 1)) >= gap].sum()))


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


def cut_texts(lengths, max_lengths) -> pd.DataFrame:
    """Tell what share of texts, by their numbers of tokens, each maximum length cuts."""
    lengths = pd.Series(lengths)
    shares = {f"at most {n} tokens": f"{(lengths > n).mean():.0%}" for n in max_lengths}
    return pd.DataFrame({"training texts cut": shares})


def sweep_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Follow the best validation score so far over the trials of each sweep."""
    curves = incumbent_curves(trials[trials["stage"].isin(["cold", "warm"])], cost="trials")
    return curves.dropna(subset="incumbent_score").reset_index(drop=True)


def late_gains(curves: pd.DataFrame, *, share: float = 0.25) -> pd.DataFrame:
    """Tell how much each sweep's incumbent still gained in the last `share` of its trials.

    Args:
        curves: from `sweep_curves`.
    Returns:
        one row a sweep: stage, run_id, repetition, difference (fraction; NaN without a score
        before them), n_late (those trials).
    """
    rows, keys = [], ["stage", "run_id", "repetition"]
    for key, run in curves.groupby(keys):
        n, scores = run["spent"].max(), run["incumbent_score"]
        n_late = max(1, round(share * n))
        gain = scores.max() - scores[run["spent"] <= n - n_late].max()
        rows.append([*key, gain, n_late])
    return pd.DataFrame(rows, columns=[*keys, "difference", "n_late"])


def manual_means(trials: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of the manual grid over repetitions.

    Returns:
        one row a configuration: TUNED, mean, sd, n (with a score), n_missing.
    """
    grid = trials[trials["stage"] == "manual"].groupby(list(TUNED))["validation_score"]
    table = grid.agg(mean="mean", sd="std", n="count", rows="size").reset_index()
    return table.assign(n_missing=table["rows"] - table["n"]).drop(columns="rows")


def search_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of manual grids and sweeps, with their scores less their repetition's mean.

    Returns:
        their rows with the column `centred`: some training seeds are luckier than others.
    """
    rows = trials[trials["stage"].isin(SEARCHES)]
    mean = rows.groupby("repetition")["validation_score"].transform("mean")
    return rows.assign(centred=rows["validation_score"] - mean)


def search_edges(trials: pd.DataFrame, space) -> pd.DataFrame:
    """Tell where in the sweeps' ranges the best trials of each search lie.

    Returns:
        the rows of `sensitivity.edge_of_range`, with a column search.
    """
    tables = [
        edge_of_range(trials[trials["stage"] == stage], space=space).assign(search=name)
        for stage, name in SEARCHES.items()
    ]
    return pd.concat(tables, ignore_index=True)


def best_trial(trials: pd.DataFrame) -> str:
    """Return the id of the best trial of all searches of the first repetition."""
    first = trials[(trials["repetition"] == 1) & trials["stage"].isin(SEARCHES)]
    best = first.sort_values("validation_score", ascending=False, kind="stable")
    return best["trial_id"].iloc[0]


def final_scores(trials: pd.DataFrame) -> pd.DataFrame:
    """Summarise the configurations that were trained again with fresh seeds.

    Returns:
        one row a configuration and split: configuration, TUNED, split, mean, low, high (95 % t
        interval over seeds), sd, n, n_missing (seeds without a score), selected (the validation
        score that it was chosen for, in the first repetition; NaN for one that was not chosen).
    """
    first = trials[(trials["repetition"] == 1) & trials["stage"].isin(SEARCHES)]
    selected = first.groupby("stage")["validation_score"].max()
    rows = []
    for name, group in trials[trials["stage"] == "final"].groupby("variant", sort=False):
        for split in SPLITS:
            scores = group[f"{split}_score"].dropna()
            row = {"configuration": name, **group[list(TUNED)].iloc[0], "split": split}
            row |= t_interval(scores) | {"sd": scores.std(), "n_missing": len(group) - len(scores)}
            rows.append(row | {"selected": selected.get(name, np.nan)})
    columns = ["configuration", *TUNED, "split", "mean", "low", "high", "sd", "n", "n_missing"]
    return pd.DataFrame(rows, columns=[*columns, "selected"])


def final_pairs(trials: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract one final configuration's scores from another's, seed by seed.

    Returns:
        one row a task, seed and split: task, init_seed, split, difference (NaN where either has
        no score).
    """
    final = trials[trials["stage"] == "final"]
    sides = (final[final["variant"] == name] for name in (first, second))
    return paired_differences(*sides, by=["task", "init_seed"])


def search_pairs(trials: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract one stage's best trial from another's, repetition by repetition.

    Args:
        first, second: SEARCHES, or "baseline": the configuration of the manual grid that is it.
    Returns:
        as `final_pairs`, with repetition in the place of init_seed.
    """
    sides = (_chosen(trials, stage) for stage in (first, second))
    return paired_differences(*sides, by=["task", "repetition"])


def _chosen(trials: pd.DataFrame, stage: str) -> pd.DataFrame:
    if stage != "baseline":
        return best_trials(trials[trials["stage"] == stage])
    is_baseline = (trials["stage"] == "final") & (trials["variant"] == "baseline")
    baseline = trials.loc[is_baseline, list(TUNED)].drop_duplicates()
    return trials[trials["stage"] == "manual"].merge(baseline, on=list(TUNED))
