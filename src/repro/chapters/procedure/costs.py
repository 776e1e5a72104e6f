"""What the procedure cost, against enumerating every search space and budget."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from repro.chapters.procedure.rules import PAPER_LADDERS, PATH, Ladder
from repro.published import published_grid_cost


def procedure_costs(
    trace: pd.DataFrame, grid_runs: pd.DataFrame, ladders: Mapping[str, Ladder]
) -> pd.DataFrame:
    """Compare what the procedure spent with running every space x budget for all of its paths.

    Rounds that the procedure did not need are priced at their budget times what grid search
    spent, and at the path's own seconds a step. Grid search counts once a model and task on both
    sides.

    Args:
        trace: with n, steps and seconds (sums over the repetitions of a round).
    Returns:
        one row a model: n_paths, rounds, steps, seconds, and the same with all_ before;
        share_steps and share_seconds.
    Source: Liu & Wang 2021, sec. 5.3 (6.8 against 16 days on four V100).
    """
    grid = grid_runs.set_index(["model", "task"])[["steps", "seconds"]]
    rows = []
    for model, rounds in trace.groupby("model", sort=False):
        ladder, not_run = ladders[model], []
        for (_, task, _), path in rounds.groupby(list(PATH)):
            ran = set(path[["space", "budget_gst"]].itertuples(index=False, name=None))
            skipped = [b for s in ladder.spaces for b in ladder.budgets if (s, b) not in ran]
            steps = sum(skipped) * grid.loc[(model, task), "steps"] * path["n"].iloc[0]
            seconds = steps * path["seconds"].sum() / path["steps"].sum()
            not_run.append((len(skipped), steps, seconds))
        n_skipped, steps, seconds = np.sum(not_run, axis=0)
        spent = rounds[["steps", "seconds"]].sum()
        spent += grid.loc[model].loc[rounds["task"].unique()].sum()
        row = {"model": model, "n_paths": len(not_run), "rounds": len(rounds), **spent}
        row |= {"all_rounds": len(rounds) + int(n_skipped)}
        row |= {"all_steps": spent["steps"] + steps, "all_seconds": spent["seconds"] + seconds}
        rows.append(row)
    table = pd.DataFrame(rows)
    shares = {f"share_{c}": table[c] / table[f"all_{c}"] for c in ("steps", "seconds")}
    return table.assign(**shares)


def published_costs(trace: pd.DataFrame) -> pd.DataFrame:
    """Do the same for the replay, in the seconds that Table 2's grid searches stand for."""
    grid = published_grid_cost().rename(columns={"grid_seconds": "seconds"})
    grid = grid.assign(steps=grid["seconds"])
    seconds = grid.set_index(["model", "task"])["seconds"].rename("of_grid")
    spent = trace.join(seconds, on=["model", "task"])["of_grid"] * trace["budget_gst"] * trace["n"]
    return procedure_costs(trace.assign(steps=spent, seconds=spent), grid, PAPER_LADDERS)
