"""Tables that several notebooks show of a study: costs, a trial's scores, best against last."""

import pandas as pd

from repro.labels import METRIC_LABELS, TASK_LABELS, in_order, label
from repro.show.cells import (
    describe_study,
    in_paper_order,
    interval,
    method_label,
    number,
    percent,
    points,
    seconds,
    task_label,
)
from repro.show.report import model_slug
from repro.show.table import BOLD, NOTHING, Table
from repro.stats.incumbents import (
    SPLITS,
    best_against_last,
    best_trials,
    checkpoint_gains,
    select_model,
)


def ledger(runs: pd.DataFrame, trials: pd.DataFrame) -> Table:
    """Show what the tuning runs of each method cost, and by how much they overshot their budgets.

    Sums over the runs; a budget and its overshoot are in the unit of the budget.
    """
    costs = ["n_trials", "n_failed", "steps", "epochs_trained", "seconds", "gpu_seconds"]
    groups = runs.groupby(["model", "method"])
    sums = groups[["budget", "spent", "overshoot", *costs]].sum(min_count=1)
    data = sums.join(groups.size().rename("runs")).reset_index()
    units = sorted(set(runs["budget_unit"]))

    def overshoot(steps: float, budget: float) -> str:
        return NOTHING if pd.isna(budget) else f"{number(steps, ',.0f')} ({steps / budget:.1%})"

    columns = {
        "model": "model",
        "method": ("method", method_label),
        "tuning runs": ("runs", "d"),
        "trials": ("n_trials", "d"),
        "failed or diverged": ("n_failed", "d"),
        "budget": ("budget", ",.0f"),
        "spent": ("spent", ",.0f"),
        "overshoot": (["overshoot", "budget"], overshoot),
        "steps": ("steps", ",.0f"),
        "epochs": ("epochs_trained", ",.0f"),
        "seconds": ("seconds", seconds),
        "GPU-seconds": ("gpu_seconds", seconds),
    }
    if units == ["steps"]:  # it would say once more what was spent
        del columns["steps"]
    if not data["gpu_seconds"].any():
        del columns["GPU-seconds"]
    return Table.of(
        in_paper_order(data, ["model", "method"]),
        name="ledger",
        caption=f"Costs of all tuning runs, summed: budget, spent and overshoot in "
        f"{' and '.join(units)}; overshoot also in percent of the budget. Grid search has no "
        f"budget: its cost sets the others'. {describe_study(runs, trials)}",
        columns=columns,
        blocks="model",
    )


def trial_scores(scores: pd.DataFrame, *, model: str, task: str, profile: str) -> Table:
    """Show one trial's scores beside a guess.

    Args:
        scores: split, metric, best, last, guess (fractions), from `trials.score_trial`.
    """
    return Table.of(
        scores,
        name="trial_scores",
        caption=f"One trial of {model} on {label(task, TASK_LABELS)}, in percent, beside a guess "
        "that always says the most frequent class (the mean in a regression). "
        f"Profile {profile}.",
        columns={
            "split": "split",
            "metric": ("metric", lambda metric: label(metric, METRIC_LABELS)),
            "best checkpoint": ("best", percent),
            "last checkpoint": ("last", percent),
            "most frequent class": ("guess", percent),
        },
        blocks="split",
    )


def describe_trial(scores: pd.DataFrame, *, model: str, task: str) -> str:
    """Say in a sentence what one trial scored beside a guess.

    Args:
        scores: as for `trial_scores`; the first metric of each split counts.
    """
    first = scores.drop_duplicates("split").set_index("split")
    row = first.loc["validation"]
    text = (
        f"{model} scores {percent(row['best'])}% ({row['metric']}) on the "
        f"validation examples of {label(task, TASK_LABELS)}"
    )
    if "test" in first.index and pd.notna(first.loc["test", "best"]):
        text += f" and {percent(first.loc['test', 'best'])}% on its test examples"
    return f"{text}; always guessing the most frequent class gives {percent(row['guess'])}%."


def best_vs_last(
    runs: pd.DataFrame,
    trials: pd.DataFrame,
    *,
    model: str,
    every_trial: bool = False,
    seed: int = 0,
) -> Table:
    """Show what the best checkpoint gains over the last, in the best trial of each tuning run.

    Args:
        every_trial: compare in every trial, not in the best one alone.
        seed: of the bootstrap.
    Source: Liu & Wang 2021, A.1.
    """
    runs, trials = select_model(runs, trials, model)
    pairs = best_against_last(trials if every_trial else best_trials(trials, runs))
    data = checkpoint_gains(pairs, seed=seed)
    tasks = [*in_order(set(data["task"]) - {"all"}, TASK_LABELS), "all"]
    cells = {"task": ["all tasks" if task == "all" else task_label(task) for task in tasks]}
    of_split = {
        split: data[data["split"] == split].set_index("task").loc[tasks] for split in SPLITS
    }
    cells["n"] = [number(n, "d") for n in data.groupby("task")["n"].max()[tasks]]
    for split, rows in of_split.items():
        gains = rows[["difference", "low", "high"]].itertuples(index=False)
        cells[f"{split}: best"] = rows["best"].map(percent).tolist()
        cells[f"{split}: last"] = rows["last"].map(percent).tolist()
        cells[f"{split}: best - last"] = [points(gain) + interval(*ends) for gain, *ends in gains]
    frame = pd.DataFrame(cells, dtype="str")
    marks = pd.DataFrame("", frame.index, frame.columns)
    marks.iloc[-1] = BOLD
    unit = "trials" if every_trial else "runs"
    caption = (
        f"Best against last checkpoint with {model}, in "
        + ("every trial" if every_trial else "the best trial of each tuning run of every method")
        + ": mean scores in percent, and best minus last in points with its 95 % percentile "
        f"bootstrap interval over {unit} (last row: over tasks and {unit}). On validation the gain "
        "cannot be negative, for the best checkpoint is chosen there. "
        f"{describe_study(runs, trials)}"
    )
    return Table(f"best_vs_last_{model_slug(model)}", caption, frame, marks, data=data)
