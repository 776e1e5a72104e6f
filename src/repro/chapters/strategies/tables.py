"""The tables of the notebook on strategies: scores and costs, schedule, importance."""

import numpy as np
import pandas as pd

from repro.chapters.strategies.analysis import BASE, STRATEGY
from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, in_order, label
from repro.show.cells import (
    NOTHING,
    frame_of,
    mean_and_spread,
    number,
    percent,
    seconds,
    short,
    with_dagger,
)
from repro.show.table import Table
from repro.stats.intervals import bootstrap_interval

_CHANGES = {
    "known": "known configuration first",
    "best-seeds": "from the best seeds",
}


def strategy_label(method: str, variant: str) -> str:
    """Name a strategy: its method, and what differs from how the article ran it."""
    name = label(method, METHOD_LABELS)
    if variant.startswith("starts"):
        n = variant.removeprefix("starts")
        return f"{name}, {n} random start{'' if n == '1' else 's'}"
    if variant.startswith("every"):
        return f"{name}, every {variant.removeprefix('every')} epochs"
    return f"{name}, {_CHANGES.get(variant, variant)}" if variant else name


def strategies_in_order(frame: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the (method, variant) pairs of a frame: as the article ran them first."""
    methods = in_order(frame["method"], METHOD_LABELS)
    pairs = set(zip(frame["method"], frame["variant"], strict=True))
    return sorted(pairs, key=lambda pair: (pair[1] != BASE, methods.index(pair[0]), pair[1]))


def strategy_table(scores: pd.DataFrame, saved: pd.DataFrame, *, note: str) -> Table:
    """Show what each strategy reached and what it cost.

    Args:
        scores: from `analysis.strategies.strategy_scores`.
        saved: from `analysis.strategies.cost_to_match_grid`, in steps.
    """
    pairs = strategies_in_order(scores)
    data = scores.merge(saved[["run_id", "saved"]], how="left", on="run_id")
    groups = {pair: data[(data[list(STRATEGY)] == list(pair)).all(axis=1)] for pair in pairs}
    caption = (
        "Strategies side by side: score of the best trial's best checkpoint in percent, mean ± "
        "standard deviation over repetitions; what a tuning run cost (mean; seconds of its trials, "
        "one after another); and in how many runs it reached grid search's own score, with the "
        "share of grid search's steps that it saved there. A trial of PBT is one interval of one "
        f"member. {note}"
    )
    frame = frame_of([_strategy_row(pair, rows) for pair, rows in groups.items()])
    return Table("strategies", caption, frame, data=data)


def _strategy_row(pair: tuple[str, str], rows: pd.DataFrame) -> dict:
    method, variant = pair
    cells = {"strategy": strategy_label(method, variant)}
    for split in ("validation", "test"):
        values = rows[f"{split}_score"]
        summary = {"mean": [values.mean()], "sd": [values.std()], "n": [values.count()]}
        summary = pd.DataFrame(summary, index=["score"])
        cells[split] = mean_and_spread(summary, ["score"], n_expected=len(rows))
    cells["test"] = with_dagger(cells["test"], *rows.get("test_source", ()))
    cells["trials"] = number(rows["n_trials"].mean(), ".0f")
    cells["steps"] = number(rows["steps_spent"].mean(), ",.0f")
    cells["epochs"] = number(rows["epochs_spent"].mean(), ".0f")
    cells["seconds"] = seconds(rows["seconds_spent"].mean())
    reached = rows["saved"].dropna()
    cells["reached grid's"] = NOTHING if method == "grid" else f"{len(reached)} of {len(rows)}"
    cells["steps saved"] = f"{reached.mean():.0%}" if len(reached) else NOTHING
    return cells


def schedule_table(schedule: pd.DataFrame, *, note: str) -> Table:
    """Show the schedule of hyperparameters that made the best member of a population.

    Args:
        schedule: from `analysis.strategies.lineage`.
    """
    names = ["learning_rate", "weight_decay", "batch_size", "epochs"]
    rows = []
    for row in schedule.to_dict("records"):
        copied = "" if pd.isna(row["copied_from"]) else f" (copied {row['copied_from']:.0f})"
        cells = {"from epoch": f"{row['start']:g}", "to epoch": f"{row['end']:g}"}
        cells["member"] = f"{row['member']}{copied}"
        for name in names:
            form = short if name == "learning_rate" else "{:.3g}".format
            cells[label(name, HYPERPARAMETER_LABELS)] = form(row[name])
        cells["explored"] = row["operations"].replace("_", " ") or NOTHING
        rows.append(cells | {"validation at the end": percent(row["last_validation_score"])})
    caption = (
        "The schedule of hyperparameters that led to the best score of population-based training, "
        f"segment by segment; the CSV file has all digits, to train it again. {note}"
    )
    return Table("pbt_schedule", caption, frame_of(rows), data=schedule)


def replay_table(schedule: pd.DataFrame, replayed: list, *, note: str) -> Table:
    """Set the scores of a lineage beside those of its schedule trained again from the start.

    Args:
        replayed: results, from `strategies.replay_schedule`.
    """
    data = schedule[["start", "end", "last_validation_score"]].assign(
        replayed=[result.last.score if result.last else float("nan") for result in replayed]
    )
    data["same"] = data["replayed"] == data["last_validation_score"]
    rows = [
        {
            "from epoch": f"{row['start']:g}",
            "to epoch": f"{row['end']:g}",
            "in the population": f"{row['last_validation_score']:.6f}",
            "trained again": f"{row['replayed']:.6f}",
            "the same": "yes" if row["same"] else "no",
        }
        for row in data.to_dict("records")
    ]
    caption = (
        "Validation score at the end of each segment, in the population and when the schedule is "
        f"trained again without it. {note}"
    )
    return Table("pbt_replay", caption, frame_of(rows), data=data)


def exchange_table(segments: pd.DataFrame, trials: pd.DataFrame, *, note: str) -> Table:
    """Show what loading and saving checkpoints costs a population, against its training."""
    data = segments.merge(trials[["trial_id", "variant", "training_seconds", "seconds"]])
    rows = []
    for variant, group in data.groupby("variant"):
        share = group.groupby("run_id")[["exchange_seconds", "training_seconds"]].sum()
        share = share["exchange_seconds"] / share["training_seconds"]
        rows.append(
            {
                "strategy": strategy_label("pbt", variant),
                "segments": number(len(group), "d"),
                "milliseconds each": number(1e3 * group["exchange_seconds"].mean(), ".1f"),
                "share of training time": f"{share.mean():.1%}",
                "range over runs": f"{share.min():.1%} to {share.max():.1%}",
            }
        )
    caption = f"Cost of exchanging checkpoints in population-based training. {note}"
    return Table("pbt_exchange", caption, frame_of(rows), data=data)


def warmup_table(trials: pd.DataFrame, *, note: str) -> Table:
    """Count the configurations whose warm-up lasts as long as their whole training."""
    bayes = trials[(trials["method"] == "hyperopt_asha") & (trials["steps"] > 0)]
    planned = bayes["steps"] / bayes["epochs_trained"] * bayes["epochs"]
    data = bayes.assign(planned_steps=planned, never_peaks=bayes["warmup_steps"] >= planned)
    rows = []
    for peaks, group in data.groupby("never_peaks"):
        completed = group[group["status"] == "completed"]["validation_score"].dropna()
        low, high = bootstrap_interval(completed, rng=np.random.default_rng(0))
        rows.append(
            {
                "warm-up": "as long as the training" if peaks else "shorter than the training",
                "trials": f"{len(group)} ({len(group) / len(data):.0%})",
                "completed": number(len(completed), "d"),
                "mean validation score": percent(completed.mean()),
                "interval": f"[{percent(low)}, {percent(high)}]",
            }
        )
    caption = (
        "Warm-ups of the Bayesian search, which the article counts in steps: where they last as "
        "long as the training, the learning rate never reaches its value. Scores of the trials "
        f"that ran to their end, with the interval over trials. {note}"
    )
    return Table("warmups", caption, frame_of(rows), data=data)
