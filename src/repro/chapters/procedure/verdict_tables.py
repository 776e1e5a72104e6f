"""Tables around verdicts: which hyperparameter to fix, how sure they are, what they cost."""

from collections.abc import Mapping

import pandas as pd

from repro.chapters.procedure.rules import PATH
from repro.chapters.procedure.tables import path_name
from repro.labels import HYPERPARAMETER_LABELS, TASK_LABELS, label
from repro.show.cells import frame_of, number, points
from repro.show.table import Table


def patterns_table(patterns: Mapping[str, pd.DataFrame], *, note: str, name: str) -> Table:
    """Show which hyperparameters overfitting runs set to one side of grid search's value.

    Args:
        patterns: model -> from `hyperparameter_patterns`.
    """
    data = pd.concat([frame.assign(model=model) for model, frame in patterns.items()])
    rows = [
        {"model": row["model"], "hyperparameter": label(row["hyperparameter"], _NAMES)}
        | {"runs": str(row["n_runs"]), "tasks": str(row["n_tasks"])}
        | {"below grid": str(row["n_lower"]), "above": str(row["n_higher"])}
        | {"equal": str(row["n_equal"]), "below by chance": number(row["expected_lower"])}
        | {"p (sign)": number(row["p_sign"], ".3f"), "p (Holm)": number(row["p_holm"], ".3f")}
        | {"p (permutation)": number(row["p_permutation"], ".3f")}
        for row in data.to_dict("records")
    ]
    caption = (
        "Hyperparameters of the best trials of overfitting tuning runs against grid search's. "
        "p (sign): if they were draws from the search space; p (Holm): corrected for looking at "
        "all; p (permutation): against the runs that do not overfit. Runs on one task share its "
        f"data and grid search. {note}"
    )
    return Table(name, caption, frame_of(rows), data=data, blocks="model")


_NAMES = HYPERPARAMETER_LABELS


def uncertainty_table(
    uncertainty: pd.DataFrame, *, chance: pd.DataFrame | None = None, note: str, name: str
) -> Table:
    """Show each overfitting repetition's differences from grid search with their standard errors.

    Args:
        uncertainty: from `sign_uncertainty` or `published_uncertainty`.
        chance: from `verdicts_by_chance`: how often a round overfits by chance alone.
    """
    data = uncertainty[uncertainty["verdict"] != "no"]
    if chance is not None:
        by_chance = chance[["model", "task", "p_overfits"]]
        data = data.merge(by_chance.rename(columns={"p_overfits": "p_by_chance"}), how="left")
    rows = []
    for row in data.to_dict("records"):
        cells = {"model": row["model"], "path": path_name([row[k] for k in PATH])}
        cells |= {"round": str(row["round"]), "rep": str(row["repetition"])}
        for split in ("validation", "test"):
            gain = row[f"{split}_score"] - row[f"grid_{split}_score"]
            error = 100 * row[f"se_{split}_difference"]
            cells[f"{split}: SE"] = number(100 * row[f"se_{split}"])
            cells[f"{split} minus grid"] = f"{points(gain)} ± {number(error)}"
        cells |= {"verdict": "weak" if row["verdict"] == "weak" else "overfits"}
        cells["P(signs wrong)"] = number(row["p_wrong"], ".2f")
        if chance is not None:
            cells["P(round overfits by chance)"] = number(row["p_by_chance"], ".2f")
        rows.append(cells)
    caption = (
        "Repetitions that overfit: scores minus grid search's, in points ± one standard error over "
        f"examples, and the probability that the signs behind the verdict are others. {note}"
    )
    return Table(name, caption, frame_of(rows), data=data, blocks="model")


def chance_table(chance: pd.DataFrame, trace: pd.DataFrame, *, note: str) -> Table:
    """Show how often rounds give each verdict by chance, beside how often they did.

    Args:
        chance: from `verdicts_by_chance`.
    """
    found = trace.assign(over=trace["n_overfits"] + trace["n_weak"] > 0)
    found = found.groupby(["model", "task"])["over"].agg(n_over="sum", n="size").reset_index()
    data = chance.merge(found, on=["model", "task"])
    rows = [
        {"model": row["model"], "task": label(row["task"], TASK_LABELS)}
        | {"trials in the pool": str(row["n_pool"]), "draws": str(row["n_draws"])}
        | {f"P({v})": number(row[f"p_{v}"], ".2f") for v in ("overfits", "succeeds", "neither")}
        | {"rounds that overfit here": f"{row['n_over']} of {row['n']}"}
        for row in data.to_dict("records")
    ]
    caption = (
        "How often one round would give each verdict if HPO and grid search were equally good. "
        f"{note}"
    )
    return Table("verdicts_by_chance", caption, frame_of(rows), data=data, blocks="model")


def costs_table(costs: pd.DataFrame, *, unit: str, note: str, name: str = "costs") -> Table:
    """Show what the procedure spent, against every space x budget.

    Args:
        costs: from `procedure_costs` or `published_costs`.
        unit: "steps", or "days" where the steps are Table 2's seconds.
    """
    rows = []
    for row in costs.to_dict("records"):
        cells = {"model": row["model"], "paths": str(row["n_paths"])}
        cells["rounds"] = f"{row['rounds']} of {row['all_rounds']}"
        if unit == "days":
            cells["days"], cells["days, all"] = (
                number(row[c] / 86400, ".2f") for c in ("seconds", "all_seconds")
            )
        else:
            for column in ("steps", "seconds"):
                cells[column] = number(row[column], ",.0f")
                cells[f"{column}, all"] = number(row[f"all_{column}"], ",.0f")
        rows.append(cells | {"share": f"{row['share_steps']:.0%}"})
    return Table(name, f"Cost against every space x budget. {note}", frame_of(rows), data=costs)


def asha_table(losses: pd.DataFrame, *, note: str) -> Table:
    """Show what ASHA stops, replayed over full curves.

    Args:
        losses: from `asha_losses`.
    """
    rows = [
        {"model": row["model"], "task": label(row["task"], TASK_LABELS)}
        | {"trials": str(row["n_trials"])}
        | {"winner stopped": f"{row['p_winner_stopped']:.0%}"}
        | {f"{s} lost": points(-row[f"{s}_loss"]) for s in ("validation", "test")}
        | {"evaluations saved": f"{row['evaluations_saved']:.0%}"}
        | {"stopped first, short warm-up": f"{row['p_stopped_low']:.0%}"}
        | {"stopped first, long warm-up": f"{row['p_stopped_high']:.0%}"}
        for row in losses.to_dict("records")
    ]
    caption = (
        "ASHA replayed over full curves in random orders: how often it stops the trial that would "
        "have won, what its own winner scores less (points), and how often it stops trials at the "
        f"first rung whose warm-up is below, or above, the median. {note}"
    )
    return Table("asha_replay", caption, frame_of(rows), data=losses, blocks="model")
