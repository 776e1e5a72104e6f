"""Tuning strategies side by side: what each reached at which cost, use of the workers, lineage.

Frames in are `runs`, `trials`, `evaluations` and `segments` of `repro.records`. Scores are
fractions. A strategy is a method and a `variant`: "" as the article ran it, else what differs.
"""

import numpy as np
import pandas as pd

from repro.records import HYPERPARAMETERS
from repro.stats.incumbents import (
    SPLITS,
    best_trials,
    incumbent_bands,
    incumbent_curves,
    is_returned,
    paired_differences,
)
from repro.stats.intervals import bootstrap_interval, t_interval

STRATEGY = ["method", "variant"]
BASE = ""  # as the article ran it
THREE = ("grid", "hyperopt_asha", "pbt")  # the article's
NAMES = {"grid": "grid search", "hyperopt_asha": "Bayesian search", "pbt": "PBT"}
# kind of variant -> what is compared, and whether it is the variant that shall be better
ADVICE = {
    "starts": ("More random starts than {} for Bayesian search", False),
    "every": ("Perturbing after the article's interval, not every {} epochs", False),
    "best-seeds": ("Seeds first, then PBT from the best seeds, over PBT alone", True),
    "known": ("Starting Bayesian search from a known configuration", True),
}
SEARCHED = ("learning_rate", "warmup_steps", "weight_decay", "batch_size", "epochs")


def of_article(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of the article's three strategies, as it ran them."""
    return trials[trials["method"].isin(THREE) & (trials["variant"] == BASE)]


def kind_and_number(variant: str) -> tuple[str, str]:
    """Split the name of a variant: "starts1" is ("starts", "1"), "known" is ("known", "")."""
    kind = variant.rstrip("0123456789.")
    return kind, variant.removeprefix(kind)


def strategy_scores(
    runs: pd.DataFrame, trials: pd.DataFrame, evaluations: pd.DataFrame
) -> pd.DataFrame:
    """Give each tuning run's incumbent, what the run cost, and what matching grid search saved.

    Returns:
        the rows of `best_trials` with steps_spent, epochs_spent and seconds_spent of the whole run,
        and saved: how much earlier than its repetition's grid search a run reached that search's
        final score, as a share of that search's steps (NaN where it never did, and of grid search
        itself).
    """
    spent = runs.set_index("run_id")[["steps", "epochs_trained", "seconds"]]
    spent.columns = ["steps_spent", "epochs_spent", "seconds_spent"]
    curves = incumbent_curves(trials, evaluations)
    grid = curves[curves["method"] == "grid"].groupby("repetition")
    grid = grid.agg(goal=("incumbent_score", "max"), whole=("spent", "max"))
    curves = curves.join(grid, on="repetition")
    reached = curves[curves["incumbent_score"] >= curves["goal"]]
    own = reached[reached["method"] == "grid"].groupby("repetition")["spent"].min()
    reached = reached[reached["method"] != "grid"].join(own.rename("own"), on="repetition")
    earlier = (reached["own"] - reached["spent"]) / reached["whole"]
    spent["saved"] = earlier.groupby(reached["run_id"]).max()
    return best_trials(trials, runs).join(spent, on="run_id")


def strategy_differences(scores: pd.DataFrame) -> pd.DataFrame:
    """Subtract what the article says is worse from what it says is better, where both were run.

    Returns:
        one row a comparison and repetition: comparison, difference (fraction), and mean, low and
        high (95 % t interval over repetitions) of the comparison.
    """
    compared = [
        (f"PBT over {NAMES[other]}, {split}", ("pbt", BASE), (other, BASE), split)
        for other in ("grid", "hyperopt_asha")
        for split in SPLITS
    ]
    strategies = dict(list(scores.groupby(STRATEGY)))
    for method, variant in strategies:
        kind, number = kind_and_number(variant)
        if kind in ADVICE:
            text, is_better = ADVICE[kind]
            sides = ((method, variant), (method, BASE))[:: 1 if is_better else -1]
            compared.append((text.format(number), *sides, "validation"))
    frames, nothing = [], scores.head(0)
    for comparison, better, worse, split in compared:
        sides = (strategies.get(side, nothing) for side in (better, worse))
        pairs = paired_differences(*sides, by=["task", "repetition"])
        values = pairs.loc[pairs["split"] == split, "difference"].dropna()
        found = t_interval(values)
        columns = {"comparison": comparison, "difference": values.to_numpy()}
        frames.append(pd.DataFrame(columns | {k: found[k] for k in ("mean", "low", "high")}))
    return pd.concat(frames, ignore_index=True)


def summarise_strategies(scores: pd.DataFrame) -> pd.DataFrame:
    """Average scores and costs over the repetitions of each strategy.

    Returns:
        one row a strategy: method, variant; mean, sd and n of either split, such as test_sd; means
        of n_trials, costs and saved; n_reached (runs that reached grid search's score), n_runs,
        returned (whether a test score came back from GLUE).
    """
    groups = scores.assign(returned=is_returned(scores)).groupby(STRATEGY)
    costs = groups[["n_trials", "steps_spent", "epochs_spent", "seconds_spent", "saved"]].mean()
    columns = {
        f"{split}_{name}": groups[f"{split}_score"].agg(statistic)
        for split in SPLITS
        for name, statistic in (("mean", "mean"), ("sd", "std"), ("n", "count"))
    }
    counts = {"n_reached": groups["saved"].count(), "n_runs": groups.size()}
    return costs.assign(**columns, **counts, returned=groups["returned"].any()).reset_index()


def article_bands(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Average the incumbents of the article's strategies over steps, from `incumbent_bands`."""
    return incumbent_bands(incumbent_curves(of_article(trials), evaluations))


def timeline(trials: pd.DataFrame) -> pd.DataFrame:
    """Lay the trials out in time, in seconds, on as many lanes (workers) as ever ran side by side.

    Processes come and go, so a lane is what is free when a trial starts, not a process. A pause
    of more than ten seconds in which nobody worked (a start of workers, a second sitting) is cut
    to ten.
    """
    rows = trials.dropna(subset="started_at").sort_values("started_at")
    ends = (rows["started_at"] + rows["seconds"]).cummax()
    idle = (rows["started_at"] - ends.shift()).clip(lower=0).fillna(0.0)
    start = rows["started_at"] - rows["started_at"].min() - (idle - 10).clip(lower=0).cumsum()
    table = rows[STRATEGY].assign(start=start, end=start + rows["seconds"])
    free_at: list[float] = []  # of each lane
    lanes = []
    for begin, end in zip(table["start"], table["end"], strict=True):
        lane = next((i for i, free in enumerate(free_at) if free <= begin + 0.01), len(free_at))
        free_at[lane : lane + 1] = [end]
        lanes.append(lane)
    return table.assign(worker=lanes)


def utilisation(times: pd.DataFrame, *, n_bins: int = 60) -> pd.DataFrame:
    """Tell how many workers of a timeline were busy on average, in each of `n_bins` stretches."""
    edges = np.linspace(0.0, times["end"].max(), n_bins + 1)
    left, right = edges[:-1, None], edges[1:, None]
    starts, ends = times[["start", "end"]].to_numpy().T
    overlap = np.minimum(right, ends) - np.maximum(left, starts)
    busy = overlap.clip(min=0).sum(axis=1) / (edges[1] - edges[0])
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "busy": busy})


def best_lineage(
    scores: pd.DataFrame, trials: pd.DataFrame, segments: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the segments of the article's best population, and the lineage of its best."""
    populations = scores[(scores["method"] == "pbt") & (scores["variant"] == BASE)]
    best = populations.sort_values("validation_score", ascending=False, kind="stable").iloc[0]
    of_best = segments[segments["run_id"] == best["run_id"]]
    return of_best, lineage(trials, segments, best["trial_id"])


def lineage(trials: pd.DataFrame, segments: pd.DataFrame, trial_id: str) -> pd.DataFrame:
    """Follow a segment back to the start: the schedule of hyperparameters that made it.

    Returns:
        one row a segment from the first to `trial_id`: columns of `segments`, and the trial's
        hyperparameters, seeds and scores.
    """
    by_id = segments.set_index("trial_id")
    chain = []
    while trial_id:
        chain.append(trial_id)
        trial_id = by_id.loc[trial_id, "parent"]
    names = [*HYPERPARAMETERS, "init_seed", "order_seed", "dropout_seed"]
    names += ["trial_id", "validation_score", "last_validation_score", "test_score"]
    of_segment = ["generation", "member", "start", "end", "copied_from", "operations"]
    table = by_id.loc[chain[::-1], of_segment].reset_index()
    return table.merge(trials[names], on="trial_id", validate="one_to_one")


def compare_replay(schedule: pd.DataFrame, results: list) -> pd.DataFrame:
    """Set the last scores of a lineage's segments beside those of `run.replay_schedule`."""
    again = [result.last.score if result.last else np.nan for result in results]
    table = schedule[["start", "end", "last_validation_score"]].assign(replayed=again)
    return table.assign(same=table["replayed"] == table["last_validation_score"])


def exchange_costs(segments: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Tell what loading and saving checkpoints costs a population, against its training.

    Returns:
        one row a strategy: method, variant, n_segments, seconds (mean, of one segment); and
        seconds_share (mean over runs), seconds_low and seconds_high, of a run's training time.
    """
    data = segments.merge(trials[["trial_id", *STRATEGY, "training_seconds"]], on="trial_id")
    segments_of = data.groupby(STRATEGY)["exchange_seconds"]
    runs = data.groupby([*STRATEGY, "run_id"])[["exchange_seconds", "training_seconds"]].sum()
    shares = (runs["exchange_seconds"] / runs["training_seconds"]).groupby(STRATEGY)
    names = {"seconds_share": "mean", "seconds_low": "min", "seconds_high": "max"}
    costs = segments_of.agg(n_segments="size", seconds="mean")
    return costs.join(shares.agg(**names)).reset_index()


def warmups(trials: pd.DataFrame) -> pd.DataFrame:
    """Count the configurations of Bayesian search whose warm-up lasts their whole training.

    Returns:
        one row for the others and one for these (never_peaks), with their share of the trials, and
        the mean validation score of those that completed, with its bootstrap interval.
    """
    bayes = trials[(trials["method"] == "hyperopt_asha") & (trials["steps"] > 0)]
    planned = bayes["steps"] / bayes["epochs_trained"] * bayes["epochs"]
    rows = []
    for never_peaks, group in bayes.groupby(bayes["warmup_steps"] >= planned):
        scores = group.loc[group["status"] == "completed", "validation_score"].dropna()
        low, high = bootstrap_interval(scores, rng=np.random.default_rng(0))
        row = {"never_peaks": never_peaks, "n_trials": len(group), "share": len(group) / len(bayes)}
        row |= {"n_completed": len(scores), "mean": scores.mean(), "low": low, "high": high}
        rows.append(row)
    return pd.DataFrame(rows)
