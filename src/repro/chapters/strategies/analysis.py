"""Tuning strategies side by side: cost, what each reached by when, use of the workers, lineage.

Frames in are `runs`, `trials`, `evaluations` and `segments` of `repro.records`. Scores are
fractions. `variant` is empty for a strategy as the article ran it, else it names a change of it.
"""

import numpy as np
import pandas as pd

from repro.records import HYPERPARAMETERS, RUN_KEY
from repro.stats.incumbents import SPLITS, best_trials
from repro.stats.intervals import bootstrap_interval

COSTS = ("steps", "epochs", "seconds")
STRATEGY = ("method", "variant")
BASE = ""  # as the article ran it


def incumbents_by_cost(
    trials: pd.DataFrame, evaluations: pd.DataFrame, *, cost: str
) -> pd.DataFrame:
    """Follow the best validation score so far over what a tuning run has spent.

    Trials are laid end to end in the order of starting, as on one worker.

    Args:
        cost: one of COSTS; seconds are those of the trials, set-up and test predictions included.
    Returns:
        one row an evaluation: the run's key, spent (in `cost`), incumbent_score.
    """
    whole = {"steps": "steps", "epochs": "epochs_trained", "seconds": "seconds"}[cost]
    trials = trials.sort_values(["run_id", "trial"])
    before = trials.groupby("run_id")[whole].cumsum() - trials[whole]
    keys = trials[[*RUN_KEY, "trial_id", "trial", "epochs_trained"]].assign(before=before)
    table = evaluations.merge(keys, on="trial_id").sort_values(["run_id", "trial", "step"])
    # the epoch of a segment's evaluation counts from the start of its lineage
    last = table.groupby("trial_id")["epoch"].transform("max")
    within = table["epoch"] - (last - table["epochs_trained"])
    table["spent"] = table["before"] + (within if cost == "epochs" else table[_WITHIN[cost]])
    table["incumbent_score"] = table.groupby("run_id")["validation_score"].cummax()
    return table[[*RUN_KEY, "trial_id", "spent", "incumbent_score"]].reset_index(drop=True)


_WITHIN = {"steps": "step", "seconds": "seconds"}


def incumbent_bands(curves: pd.DataFrame, *, n_points: int = 80, seed: int = 0) -> pd.DataFrame:
    """Average the incumbents' curves of each strategy over repetitions.

    A strategy's curve begins where its slowest repetition has its first score and ends where its
    shortest has spent all.

    Returns:
        one row a strategy and point: method, variant, stage, spent, mean, low, high (95 %
        percentile bootstrap interval over repetitions; NaN for one), n (repetitions).
    """
    rows, names = [], [*STRATEGY, "stage"]
    for key, group in curves.groupby(names):
        runs = [run.sort_values("spent") for _, run in group.groupby("run_id")]
        first = max(run["spent"].min() for run in runs)
        last = min(run["spent"].max() for run in runs)
        at = np.linspace(first, max(first, last), n_points)
        scores = np.stack([_held(run, at) for run in runs])  # (repetitions, points)
        low, high = np.array([_interval(column, seed) for column in scores.T]).T
        table = {"spent": at, "mean": scores.mean(axis=0), "low": low, "high": high}
        rows.append(pd.DataFrame(dict(zip(names, key, strict=True)) | table | {"n": len(runs)}))
    return pd.concat(rows, ignore_index=True)


def _interval(scores: np.ndarray, seed: int) -> tuple[float, float]:
    """Draw the same repetitions at each point of a curve, so that its band is smooth."""
    return bootstrap_interval(scores, rng=np.random.default_rng(seed), n_resamples=500)


def _held(run: pd.DataFrame, at: np.ndarray) -> np.ndarray:
    """Return the last score at or before each point."""
    places = np.searchsorted(run["spent"].to_numpy(), at * (1 + 1e-12), side="right") - 1
    return run["incumbent_score"].to_numpy()[np.clip(places, 0, None)]


def cost_to_match_grid(curves: pd.DataFrame) -> pd.DataFrame:
    """Tell what each tuning run had spent when it reached grid search's final score.

    Returns:
        one row a run of the other strategies: the run's key, spent (NaN: never reached), grid_spent
        (all of grid search's), saved (share of grid search's cost not needed; NaN: never reached).
    """
    ends = curves.groupby("run_id").agg(score=("incumbent_score", "max"), total=("spent", "max"))
    runs = curves.drop_duplicates("run_id").set_index("run_id").join(ends)
    grid = runs[runs["method"] == "grid"].set_index("repetition")
    rows = []
    for run_id, run in runs[runs["method"] != "grid"].iterrows():
        goal = grid.loc[run["repetition"]]
        own = curves[(curves["run_id"] == run_id) & (curves["incumbent_score"] >= goal["score"])]
        spent, of_grid = own["spent"].min(), goal["total"]
        row = {
            "run_id": run_id,
            "spent": spent,
            "grid_spent": of_grid,
            "saved": 1 - spent / of_grid,
        }
        rows.append({name: run[name] for name in RUN_KEY if name != "run_id"} | row)
    return pd.DataFrame(rows)


def strategy_scores(runs: pd.DataFrame, trials: pd.DataFrame) -> pd.DataFrame:
    """Give each tuning run's incumbent and cost.

    Returns:
        the rows of `best_trials` with steps, epochs_spent and seconds_spent of the whole run.
    """
    costs = runs.set_index("run_id")[["steps", "epochs_trained", "seconds"]]
    costs.columns = ["steps_spent", "epochs_spent", "seconds_spent"]
    return best_trials(trials, runs).join(costs, on="run_id")


def paired_differences(
    scores: pd.DataFrame, first: tuple[str, str], second: tuple[str, str]
) -> pd.DataFrame:
    """Subtract one strategy's scores from another's, repetition by repetition.

    Args:
        scores: from `strategy_scores`.
        first, second: (method, variant); the difference is first minus second.
    Returns:
        one row a task, repetition and split: these and difference (fraction).
    """
    keys = ["task", "repetition"]
    sides = [scores[(scores["method"] == m) & (scores["variant"] == v)] for m, v in (first, second)]
    pairs = sides[0].merge(sides[1], on=keys, suffixes=("", "_other"))
    parts = [
        pairs[keys].assign(
            split=split, difference=pairs[f"{split}_score"] - pairs[f"{split}_score_other"]
        )
        for split in SPLITS
    ]
    return pd.concat(parts, ignore_index=True)


def lineage(trials: pd.DataFrame, segments: pd.DataFrame, trial_id: str) -> pd.DataFrame:
    """Follow a segment back to the start: the schedule of hyperparameters that made it.

    Returns:
        one row a segment from the first to `trial_id`: generation, member, start, end,
        copied_from, operations, and the trial's hyperparameters, seeds and scores.
    """
    by_id = segments.set_index("trial_id")
    chain = []
    while trial_id:
        chain.append(trial_id)
        trial_id = by_id.loc[trial_id, "parent"]
    names = [*HYPERPARAMETERS, "init_seed", "order_seed", "dropout_seed"]
    names += ["trial_id", "validation_score", "last_validation_score", "test_score"]
    of_life = ["generation", "member", "start", "end", "copied_from", "operations"]
    table = by_id.loc[chain[::-1], of_life].reset_index()
    return table.merge(trials[names], on="trial_id", validate="one_to_one")


def timeline(trials: pd.DataFrame) -> pd.DataFrame:
    """Lay the trials out in time, on as many lanes as ever ran side by side.

    Processes come and go, so a lane is what is free when a trial starts, not a process. A pause
    of more than ten seconds in which nobody worked (a start of workers, a second sitting) is cut
    to ten.

    Returns:
        one row a trial: worker (0, 1, ...), start and end (seconds since the first start),
        method, variant.
    """
    rows = trials.dropna(subset="started_at").sort_values("started_at")
    ends = (rows["started_at"] + rows["seconds"]).cummax()
    idle = (rows["started_at"] - ends.shift()).clip(lower=0).fillna(0.0)
    start = rows["started_at"] - rows["started_at"].min() - (idle - 10).clip(lower=0).cumsum()
    table = pd.DataFrame({"start": start, "end": start + rows["seconds"]})
    lanes = _lanes(table["start"], table["end"])
    return table.assign(worker=lanes, method=rows["method"], variant=rows["variant"])


def _lanes(starts, ends) -> list[int]:
    """Give each interval the first lane that is free; starts ascend."""
    free_at: list[float] = []
    lanes = []
    for start, end in zip(starts, ends, strict=True):
        lane = next((i for i, free in enumerate(free_at) if free <= start + 0.01), len(free_at))
        free_at[lane : lane + 1] = [end]
        lanes.append(lane)
    return lanes


def utilisation(times: pd.DataFrame, *, n_bins: int = 60) -> pd.DataFrame:
    """Tell how many workers were training over time.

    Args:
        times: from `timeline`.
    Returns:
        one row a stretch of time: start, end (seconds), busy (mean number of working workers).
    """
    edges = np.linspace(0.0, times["end"].max(), n_bins + 1)
    left, right = edges[:-1, None], edges[1:, None]
    overlap = np.minimum(right, times["end"].to_numpy()) - np.maximum(
        left, times["start"].to_numpy()
    )
    busy = overlap.clip(min=0).sum(axis=1) / (edges[1] - edges[0])
    return pd.DataFrame({"start": edges[:-1], "end": edges[1:], "busy": busy})
