"""The course project's three stages: its printed numbers, sweeps over trials, the final comparison.

The column `stage` of trials is "one-factor", "manual", "cold", "warm" or "final": configurations,
named by `variant`, that were trained again.
"""

from functools import reduce

import numpy as np
import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from repro.chapters.three_stage.spaces import TUNED
from repro.stats.incumbents import SPLITS, incumbent_curves, paired_differences
from repro.stats.incumbents import incumbent_bands as incumbent_bands
from repro.stats.intervals import t_interval
from repro.stats.sensitivity import edge_of_range

N_VALIDATION = 408  # examples in the validation set of MRPC
SEARCHES = {"manual": "manual grid", "cold": "cold sweep", "warm": "warm sweep"}
PRINTED = {"baseline": "baseline", "manual": "manual", "cold": "automatic"}  # the project's words
FINAL_LABELS = {
    "baseline": "baseline",
    "manual": "manual grid's best",
    "cold": "cold sweep's best",
    "warm": "warm sweep's best",
    "printed-manual": "project's best manual",
    "printed-automatic": "project's best automatic",
}


def printed_accuracies(published: pd.DataFrame) -> pd.DataFrame:
    """Count the right answers behind the printed accuracies.

    Returns:
        one row a method: method, accuracy, n_right, n, low, high (95 % Wilson interval).
    Raises:
        ValueError: if an accuracy is not that of a whole number of N_VALIDATION examples.
    """
    n, accuracy = N_VALIDATION, published["score"] / 100
    n_right = (accuracy * n).round().astype(int)
    off = (n_right / n - accuracy).abs()
    if (off > 0.51e-5).any():  # half of the last printed digit, and a rounding
        raise ValueError(
            f"an accuracy must be a whole number of {n} examples, but {accuracy[off.idxmax()]:.5f} "
            "is not; mend the published table"
        )
    low, high = proportion_confint(n_right, n, method="wilson")
    columns = {"accuracy": n_right / n, "n_right": n_right, "n": n, "low": low, "high": high}
    return published[["method"]].assign(**columns).reset_index(drop=True)


def printed_gaps(printed: pd.DataFrame, predictions: pd.DataFrame) -> pd.DataFrame:
    """Tell how often two equally good models differ as much as two of the project's stages.

    Args:
        predictions: of our trials, from `Results.joint_predictions`.
    Returns:
        one row a pair of stages and assumption: first, second, gap (right answers), assumption,
        disagreement (share of examples that just one of the two gets right), chance.
    """
    validation = predictions[predictions["split"] == "validation"]
    twins = validation[[name for name in validation if "/final-baseline/" in name]]
    accuracy = printed["accuracy"].mean()
    disagreements = {
        "few disagreements": 0.05,
        "as two seeds here": mean_disagreement(twins, validation["label"]),
        "independent": 2 * accuracy * (1 - accuracy),
    }
    n_right, rows = printed.set_index("method")["n_right"], []
    for pair in (("manual", "baseline"), ("automatic", "baseline"), ("manual", "automatic")):
        gap = int(n_right[pair[0]] - n_right[pair[1]])
        for name, share in disagreements.items():
            chance = chance_of_gap(abs(gap), n=N_VALIDATION, disagreement=share)
            rows.append([*pair, gap, name, share, chance])
    columns = ["first", "second", "gap", "assumption", "disagreement", "chance"]
    return pd.DataFrame(rows, columns=columns)


def chance_of_gap(gap: int, *, n: int, disagreement: float) -> float:
    """Tell how often two models of equal accuracy differ by `gap` or more right answers of `n`.

    On an example one of them is right and the other wrong with probability `disagreement`, either
    way equally likely: McNemar's null hypothesis, whose distribution is computed, not approximated.

    Source: McNemar 1947; Dietterich 1998, sec. 2, for classifiers.
    """
    one_example = np.array([disagreement / 2, 1 - disagreement, disagreement / 2])  # -1, 0, 1
    chances = reduce(np.convolve, n * [one_example])
    return float(np.minimum(1.0, chances[np.abs(np.arange(-n, n + 1)) >= gap].sum()))


def mean_disagreement(predictions: pd.DataFrame, labels: pd.Series) -> float:
    """Average, over all pairs of models, the share of examples that just one of them gets right."""
    right = predictions.to_numpy() == labels.to_numpy()[:, None]
    n_right, n_models = right.sum(axis=1), right.shape[1]
    n_pairs = n_models * (n_models - 1) / 2
    return float((n_right * (n_models - n_right)).mean() / n_pairs) if n_pairs else float("nan")


def cut_texts(lengths, max_lengths) -> pd.DataFrame:
    """Tell what share of texts, by their numbers of tokens, each maximum length cuts."""
    lengths = pd.Series(lengths)
    shares = {f"at most {n} tokens": f"{(lengths > n).mean():.0%}" for n in max_lengths}
    return pd.DataFrame({"training texts cut": shares})


def sweep_curves(trials: pd.DataFrame) -> pd.DataFrame:
    """Follow the best validation score so far over the trials of each sweep."""
    curves = incumbent_curves(trials[trials["stage"].isin(["cold", "warm"])], cost="trials")
    return curves.dropna(subset="incumbent_score").reset_index(drop=True)


def manual_means(trials: pd.DataFrame) -> pd.DataFrame:
    """Average the scores of the manual grid over repetitions, as `mean`, by TUNED."""
    grid = trials[trials["stage"] == "manual"].groupby(list(TUNED))["validation_score"]
    return grid.mean().rename("mean").reset_index()


def search_trials(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of manual grids and sweeps, with their scores `centred` by repetition.

    Some training seeds are luckier than others.
    """
    rows = trials[trials["stage"].isin(SEARCHES)]
    mean = rows.groupby("repetition")["validation_score"].transform("mean")
    return rows.assign(centred=rows["validation_score"] - mean)


def response_surface(searches: pd.DataFrame) -> pd.DataFrame:
    """Fit a parabola in learning rate (its logarithm) and warm-up to the scores of `search_trials`.

    Returns:
        one row a point of a grid over the trials' range: learning_rate, warmup_steps, score; none
        where fewer than twelve trials have a score or one of the two does not vary.
    """
    rows, names = searches.dropna(subset="centred"), ["learning_rate", "warmup_steps"]
    columns = [*names, "score"]
    if len(rows) < 12 or (rows[names].nunique() < 3).any():
        return pd.DataFrame(columns=columns, dtype=float)
    ends = rows[names].agg(["min", "max"])
    rate = np.geomspace(*ends["learning_rate"], 40)
    steps = np.linspace(*ends["warmup_steps"], 40)
    x, y = np.log(rows["learning_rate"].to_numpy()), rows["warmup_steps"].to_numpy(float)
    centre, spread = (x.mean(), y.mean()), (x.std(), y.std())

    def design(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        x, y = (x - centre[0]) / spread[0], (y - centre[1]) / spread[1]
        return np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], axis=-1)

    scores = (rows["centred"] + rows["validation_score"].mean()).to_numpy()
    fit = np.linalg.lstsq(design(x, y), scores, rcond=None)[0]
    grid_x, grid_y = (part.ravel() for part in np.meshgrid(rate, steps))
    score = np.clip(design(np.log(grid_x), grid_y) @ fit, scores.min(), scores.max())
    return pd.DataFrame(dict(zip(columns, (grid_x, grid_y, score), strict=True)))


def search_edges(trials: pd.DataFrame, space) -> pd.DataFrame:
    """Tell where in `space` the best of each search lie: `edge_of_range`, with a column search."""
    return pd.concat(
        edge_of_range(trials[trials["stage"] == stage], space=space).assign(search=name)
        for stage, name in SEARCHES.items()
    ).reset_index(drop=True)


def best_trial(trials: pd.DataFrame) -> str:
    """Return the id of the best trial of all searches of the first repetition."""
    scores = _first_searches(trials).set_index("trial_id")["validation_score"]
    return scores.sort_values(ascending=False, kind="stable").index[0]


def _first_searches(trials: pd.DataFrame) -> pd.DataFrame:
    return trials[(trials["repetition"] == 1) & trials["stage"].isin(SEARCHES)]


def final_scores(trials: pd.DataFrame) -> pd.DataFrame:
    """Summarise the configurations that were trained again with fresh seeds.

    Returns:
        one row a configuration and split: configuration, TUNED, split, mean, low, high (95 % t
        interval over seeds), sd, n, n_missing (seeds without a score), selected (the validation
        score that it was chosen for, in the first repetition; NaN for one that was not chosen).
    """
    selected = _first_searches(trials).groupby("stage")["validation_score"].max()
    rows = []
    for name, group in trials[trials["stage"] == "final"].groupby("variant", sort=False):
        known = {"configuration": name, **group[list(TUNED)].iloc[0]}
        known["selected"] = selected.get(name, np.nan)
        for split in SPLITS:
            scores = group[f"{split}_score"].dropna()
            counts = {"sd": scores.std(), "n_missing": len(group) - len(scores)}
            rows.append(known | {"split": split} | t_interval(scores) | counts)
    columns = ["configuration", *TUNED, "split", "mean", "low", "high", "sd", "n", "n_missing"]
    return pd.DataFrame(rows, columns=[*columns, "selected"])


def final_pairs(trials: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Subtract one final configuration's scores from another's: `paired_differences` by seed."""
    final = trials[trials["stage"] == "final"]
    sides = (final[final["variant"] == name] for name in (first, second))
    return paired_differences(*sides, by=["task", "init_seed"])
