"""The tables of the notebook on strategies, each of the frame that `analysis` makes for it."""

import pandas as pd

from repro.chapters.strategies.analysis import BASE, NAMES, STRATEGY, kind_and_number
from repro.labels import HYPERPARAMETER_LABELS, METHOD_LABELS, label
from repro.show.cells import describe_study as describe_study
from repro.show.cells import in_paper_order, percent, points, seconds, short
from repro.show.spaces import space_rows, table1
from repro.show.table import NOTHING, Table, number
from repro.stats.intervals import FEW

_VARIANTS = {
    "starts": "random starts: {}",
    "every": "every {} epochs",
    "known": "known configuration first",
    "best-seeds": "from the best seeds",
}


def spaces_table(planned: list, *, profile: str) -> Table:
    """Show what grid search tries and where the others search, from `run.enumerate_strategies`."""
    by_method = {run.tuning.method: run.tuning for run in planned}
    grid = list(by_method["grid"].grid)
    spaces = {"Bayesian": by_method["hyperopt_asha"].space, "population": by_method["pbt"].space}
    rows = pd.concat(space_rows(name, space=space, grid=grid) for name, space in spaces.items())
    rows.loc[rows["space"] == "grid", "model"] = "grid search"
    return table1(rows.drop_duplicates(), profile=profile)


def strategy_label(method: str, variant: str) -> str:
    """Name a strategy: its method, and what differs from how the article ran it."""
    kind, n = kind_and_number(variant)
    change = _VARIANTS.get(kind, variant).format(n)
    return ", ".join(filter(None, (label(method, METHOD_LABELS), change)))


def strategy_table(strategies: pd.DataFrame, *, note: str) -> Table:
    """Show what each strategy reached and what it cost."""
    rows = strategies.assign(changed=strategies["variant"] != BASE)
    validation, test = (
        [f"{split}_mean", f"{split}_sd", f"{split}_n", "n_runs"] for split in ("validation", "test")
    )
    return Table.of(
        in_paper_order(rows, ["changed", *STRATEGY]).drop(columns="changed"),
        name="strategies",
        caption="Strategies side by side: score of the best trial's best checkpoint in percent, "
        "mean ± standard deviation over repetitions; what a tuning run cost (mean; seconds of its "
        "trials, one after another); and in how many runs it reached grid search's own score, and "
        "how much earlier than grid search itself, as a share of all its steps. A trial of PBT is "
        f"one interval of one member. {note}",
        columns={
            "strategy": (STRATEGY, strategy_label),
            "validation": (validation, _score),
            "test": ([*test, "returned"], _score),
            "trials": ("n_trials", ".0f"),
            "steps": ("steps_spent", ",.0f"),
            "epochs": ("epochs_spent", ".0f"),
            "seconds": ("seconds_spent", seconds),
            "reached grid's": (["method", "n_reached", "n_runs"], _reached),
            "steps saved": ("saved", ".0%"),
        },
    )


def _score(mean: float, sd: float, n: int, n_runs: int, returned: bool = False) -> str:
    text = percent(mean) + (f" ± {percent(sd)}" if n > 1 else "")
    return text + (f" (n={n})" if 0 < n < n_runs else "") + ("†" if returned else "")


def _reached(method: str, n: int, n_runs: int) -> str:
    return NOTHING if method == "grid" else f"{n} of {n_runs}"


def schedule_table(lineage: pd.DataFrame, *, note: str) -> Table:
    """Show the schedule of hyperparameters that made the best member of a population."""
    names = ["learning_rate", "weight_decay", "batch_size", "epochs"]
    forms = {"learning_rate": short}
    return Table.of(
        lineage,
        name="pbt_schedule",
        caption="The schedule of hyperparameters that led to the best score of population-based "
        f"training, segment by segment; the CSV file has all digits, to train it again. {note}",
        columns={
            "from epoch": ("start", "g"),
            "to epoch": ("end", "g"),
            "member": (["member", "copied_from"], _member),
            **{label(n, HYPERPARAMETER_LABELS): (n, forms.get(n, ".3g")) for n in names},
            "explored": ("operations", lambda text: text.replace("_", " ") or NOTHING),
            "validation at the end": ("last_validation_score", percent),
        },
    )


def describe_differences(differences: pd.DataFrame) -> str:
    """Say how PBT did on test against the other two, and whether that is more than chance."""
    parts = []
    for other in ("grid", "hyperopt_asha"):
        rows = differences[differences["comparison"] == f"PBT over {NAMES[other]}, test"]
        if rows.empty:
            continue
        first, n = rows.iloc[0], len(rows)
        how = f" (95% interval {points(first['low'])} to {points(first['high'])})"
        parts.append(f"{points(first['mean'])} points over {NAMES[other]}{how * (n >= FEW)}")
    if not parts:
        return "PBT was not run beside another strategy, so that nothing can be compared."
    text = f"On test PBT gains {' and '.join(parts)}"
    return f"{text}, in {n} repetitions{', too few for an interval' * (n < FEW)}."


def describe_schedule(lineage: pd.DataFrame) -> str:
    """Say in a sentence whether a population's best was ever perturbed."""
    copied, explored = lineage["copied_from"].notna(), lineage["operations"].ne("")
    end = lineage["end"].iloc[-1]
    if not (copied | explored).any():
        return (
            f"The best lineage was never perturbed: it trained {end:g} epochs with the values it "
            "was born with, as a trial of random search would."
        )
    return (
        f"The best lineage copied another member {copied.sum()} times and was perturbed "
        f"{explored.sum()} times in {end:g} epochs."
    )


def _member(member: int, copied_from: float) -> str:
    return f"{member}" if pd.isna(copied_from) else f"{member} (copied {copied_from:.0f})"


def replay_table(replay: pd.DataFrame, *, note: str) -> Table:
    """Set the scores of a lineage beside those of its schedule trained again from the start."""
    return Table.of(
        replay,
        name="pbt_replay",
        caption="Validation score at the end of each segment, in the population and when the "
        f"schedule is trained again without it. {note}",
        columns={
            "from epoch": ("start", "g"),
            "to epoch": ("end", "g"),
            "in the population": ("last_validation_score", ".6f"),
            "trained again": ("replayed", ".6f"),
            "the same": ("same", {True: "yes", False: "no"}.get),
        },
    )


def exchange_table(exchange: pd.DataFrame, *, note: str) -> Table:
    """Show what loading and saving checkpoints costs a population, against its training."""
    return Table.of(
        exchange,
        name="pbt_exchange",
        caption=f"Cost of exchanging checkpoints in population-based training. {note}",
        columns={
            "strategy": (STRATEGY, strategy_label),
            "segments": ("n_segments", "d"),
            "milliseconds each": ("seconds", lambda value: number(1e3 * value)),
            "share of training time": ("seconds_share", ".1%"),
            "range over runs": (["seconds_low", "seconds_high"], "{:.1%} to {:.1%}".format),
        },
    )


def warmup_table(warmups: pd.DataFrame, *, note: str) -> Table:
    """Show the configurations whose warm-up lasts as long as their whole training."""
    lasts = {True: "as long as the training", False: "shorter than the training"}
    return Table.of(
        warmups,
        name="warmups",
        caption="Warm-ups of the Bayesian search, which the article counts in steps: where they "
        "last as long as the training, the learning rate never reaches its value. Scores of the "
        f"trials that ran to their end, with the interval over trials. {note}",
        columns={
            "warm-up": ("never_peaks", lasts.get),
            "trials": (["n_trials", "share"], "{} ({:.0%})".format),
            "completed": ("n_completed", "d"),
            "mean validation score": ("mean", percent),
            "interval": (["low", "high"], lambda *ends: "[{}, {}]".format(*map(percent, ends))),
        },
    )
