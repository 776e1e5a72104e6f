"""What the procedure cost and found, held against enumerating everything and against the paper."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import binomtest, fisher_exact

from repro.chapters.procedure.rules import PATH, Ladder, paths_of
from repro.stats.intervals import summarise_differences


def procedure_costs(
    trace: pd.DataFrame, grid_runs: pd.DataFrame, ladders: Mapping[str, Ladder]
) -> pd.DataFrame:
    """Compare what the procedure spent with running every space x budget for all of its paths.

    Rounds that the procedure did not need are priced at their budget times what grid search
    spent, and at the path's own seconds a step.

    Args:
        trace: with n, steps and seconds (sums over the repetitions of a round).
        grid_runs: rows of `runs` of method "grid"; counted once a model and task on both sides.
        ladders: by model.
    Returns:
        one row a model: n_paths, rounds, steps, seconds, and the same with all_ before;
        share_steps and share_seconds.
    Source: Liu & Wang 2021, sec. 5.3 (6.8 against 16 days on four V100).
    """
    grid = grid_runs.set_index(["model", "task"])[["steps", "seconds"]]
    rows = []
    for model, of_model in trace.groupby("model", sort=False):
        of_grid = grid.loc[model].loc[of_model["task"].unique()]
        spent = of_model[["steps", "seconds"]].sum() + of_grid.sum()
        skipped = [
            _skipped(path, ladders[model], grid.loc[(model, key[1]), "steps"])
            for key, path in of_model.groupby(list(PATH))
        ]
        n_skipped, steps, seconds = np.sum(skipped, axis=0)
        row = {"model": model, "n_paths": len(skipped), "rounds": len(of_model), **spent}
        row |= {"all_rounds": len(of_model) + int(n_skipped)}
        row |= {"all_steps": spent["steps"] + steps, "all_seconds": spent["seconds"] + seconds}
        rows.append(row)
    table = pd.DataFrame(rows)
    shares = {f"share_{c}": table[c] / table[f"all_{c}"] for c in ("steps", "seconds")}
    return table.assign(**shares)


def _skipped(path: pd.DataFrame, ladder: Ladder, grid_steps: float) -> tuple[int, float, float]:
    ran = set(path[["space", "budget_gst"]].itertuples(index=False, name=None))
    skipped = [b for s in ladder.spaces for b in ladder.budgets if (s, b) not in ran]
    steps = sum(skipped) * grid_steps * path["n"].iloc[0]
    return len(skipped), steps, steps * path["seconds"].sum() / path["steps"].sum()


def published_costs(trace: pd.DataFrame, grid_cost: pd.DataFrame, ladders) -> pd.DataFrame:
    """Do the same for the replay, in the days that Table 2's grid searches stand for.

    Args:
        trace: from `replay`; grid_cost: from `published_grid_cost`.
    """
    seconds = grid_cost.rename(columns={"grid_seconds": "steps"}).assign(method="grid")
    places = pd.MultiIndex.from_frame(trace[["model", "task"]])
    spent = seconds.set_index(["model", "task"])["steps"].reindex(places).to_numpy()
    spent = spent * trace["budget_gst"] * trace["n"]
    priced = trace.assign(steps=spent, seconds=spent)
    return procedure_costs(priced, seconds.assign(seconds=seconds["steps"]), ladders)


def procedure_claims(
    trace: pd.DataFrame,
    published: pd.DataFrame,
    *,
    costs: pd.DataFrame,
    patterns: pd.DataFrame,
    paper_patterns: pd.DataFrame,
    seed: int = 0,
) -> list[dict]:
    """Hold the claims of section 5 on one model against our paths.

    Args:
        trace, published: our trace and the replay of the paper's, each of one model.
        costs: from `procedure_costs`, of the model.
        patterns, paper_patterns: from `hyperparameter_patterns`, ours and the paper's.
    Returns:
        rows for `tables.claims_table`.
    """
    return [
        _successes(trace, published),
        _after_reducing(trace, published),
        _after_raising(trace, published, seed),
        _remaining(trace, published),
        _cheaper(costs),
        _warmup(patterns, paper_patterns),
    ]


def _share(k: int, n: int) -> str:
    return f"{k} of {n} ({k / n:.0%})" if n else "none"


def _counted(claim: str, ours: tuple[int, int], paper: tuple[int, int]) -> dict:
    """Compare two shares: unlike where Fisher's exact test says so at 5 %.

    They agree where, besides, our Wilson interval holds the paper's share.
    """
    claim = claim.replace(" (", ", as often as in the paper (")
    row = {"claim": claim, "paper": _share(*paper), "here": _share(*ours)}
    if not ours[1] or not paper[1]:
        return row | {"interval": "", "agrees": None}
    low, high = binomtest(*ours).proportion_ci(method="wilson")
    unlike = fisher_exact([[k, n - k] for k, n in (ours, paper)]).pvalue < 0.05
    agrees = False if unlike else (True if low <= paper[0] / paper[1] <= high else None)
    return row | {"interval": f"[{low:.0%}, {high:.0%}]", "agrees": agrees}


def _successes(trace, published) -> dict:
    counts = []
    for frame in (trace, published):
        first = frame[frame["round"] == 0].set_index(list(PATH))["decision"] == "succeeds"
        failed = paths_of(frame).set_index(list(PATH)).loc[first.index[~first]]
        counts.append((int((failed["verdict"] == "succeeds").sum()), len(failed)))
    return _counted("Where HPO fails at 1 GST, the procedure makes it succeed (5.3)", *counts)


def _after_reducing(trace, published) -> dict:
    counts = []
    for frame in (trace, published):
        after = frame[frame["action"] == "reduce_space"]
        free = (after[["n_overfits", "n_weak"]].sum(axis=1) == 0).sum()
        counts.append((int(free), len(after)))
    return _counted("After a reduction of the space, no repetition overfits (5.2)", *counts)


def _remaining(trace, published) -> dict:
    counts = [(int((v := paths_of(f)["verdict"]).eq("overfits").sum()), len(v))
              for f in (trace, published)]  # fmt: skip
    return _counted("Overfitting remains in the smallest space (5.3)", *counts)


def _after_raising(trace, published, seed: int) -> dict:
    ours, paper = (_gains_of_budget(frame) for frame in (trace, published))
    row = {"claim": "More budget raises the mean validation score (5.2)"}
    row["paper"] = f"{100 * paper['difference'].mean():+.2f} points"
    if ours.empty:
        return row | {"here": "no round raised the budget", "interval": "", "agrees": None}
    found = summarise_differences(ours.assign(all="all"), ["all"], seed=seed).iloc[0]
    low, high = 100 * found["low"], 100 * found["high"]
    return row | {
        "here": f"{100 * found['difference']:+.2f} points",
        "interval": "" if np.isnan(low) else f"[{low:+.2f}, {high:+.2f}]",
        "agrees": True if low > 0 else (False if high < 0 else None),
    }


def _gains_of_budget(trace: pd.DataFrame) -> pd.DataFrame:
    before = trace.groupby(list(PATH), sort=False)["mean_validation_score"].shift()
    frame = trace.assign(difference=trace["mean_validation_score"] - before)
    return frame[frame["action"] == "more_budget"]


def _cheaper(costs: pd.DataFrame) -> dict:
    share, paper = costs["share_steps"].iloc[0], 6.8 / 16
    return {
        "claim": "The procedure costs less than every space x budget (5.3)",
        "paper": f"6.8 of 16 days ({paper:.0%})",
        "here": f"{share:.0%} of the steps",
        "interval": "",
        "agrees": bool(share < 1),
    }


def _warmup(patterns: pd.DataFrame, paper: pd.DataFrame) -> dict:
    rows = [p.set_index("hyperparameter").loc["warmup_ratio"] for p in (patterns, paper)]
    ours, theirs = ((int(r["n_lower"]), int(r["n_runs"])) for r in rows)
    return _counted("Overfitting runs' warm-up lies below grid's (5.1)", ours, theirs)
