"""The procedure of Liu & Wang's Figure 1, walked thousands of times on recorded trials.

Rounds draw their trials independently, as the paper's did; a path keeps its one grid search.
"""

import numpy as np
import pandas as pd

from repro.chapters.how_sure.laboratory import METHODS, SPACE_BUDGETS, SPACES, Cell, Laboratory
from repro.stats.overfitting import judge_differences
from repro.study.replay_many import Incumbents

REPETITIONS = 3
VERDICTS = ("succeeds", "overfits", "tbd")


def decide(runs: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Decide many rounds: "overfits", "succeeds", or neither.

    Args:
        runs: shape (n_paths, n_repetitions, 3): validation score, test score, validation loss.
        grid: shape (n_paths, 1, 3).
    Source: Liu & Wang 2021, Figure 1 and sec. 5.2.
    """
    validation, test, loss = np.moveaxis(runs - grid, 2, 0)
    verdicts = judge_differences(validation, test, loss)
    overfits = np.isin(verdicts, ("overfits", "weak")).any(axis=1)
    succeeds = (validation.mean(axis=1) > 0) & (test.mean(axis=1) > 0)
    return np.select([overfits, succeeds], ["overfits", "succeeds"], "neither")


def walk_paths(lab: Laboratory, *, seed: int = 0) -> pd.DataFrame:
    """Walk the procedure on every model, task and method whose pools last for it.

    Returns:
        one row a walk: model, task, method, verdict, space, budget_gst (where it ended), n_rounds,
        path (its settings in words), validation and test (true mean differences from grid search
        there, over all replays).
    """
    parts = []
    for number, cell in enumerate(lab.cells):
        grids = _scores(cell.grids()[0])
        for method in METHODS:
            if rounds := _rounds(cell, method):
                rng = np.random.default_rng([seed, number])
                drawn = grids[rng.integers(len(grids), size=lab.settings.paths)]
                walks = _walk(rounds, drawn, rng)
                parts.append(walks.assign(**cell.key, method=method))
    names = ["model", "task", "method", "verdict", "space", "budget_gst", "n_rounds", "path"]
    nothing = pd.DataFrame(columns=[*names, "validation", "test"])
    return pd.concat(parts, ignore_index=True) if parts else nothing


def _scores(runs: Incumbents) -> np.ndarray:
    """Return validation score, test score and validation loss as recorded: shape (n_runs, 3)."""
    names = ("validation_score", "test_score", "validation_loss")
    return np.stack([getattr(runs, name)[0] for name in names], axis=-1)


def _rounds(cell: Cell, method: str) -> dict[tuple[str, float], np.ndarray]:
    """Return (space, budget) -> what single replays reach.

    Nothing where pools do not last, or the smallest space is not recorded.
    """
    rounds = {
        (space, budget): _scores(runs)
        for space in cell.pools
        for budget, runs in cell.runs(method, space).items()
        if budget in SPACE_BUDGETS
    }
    lasts = len(rounds) == len(SPACE_BUDGETS) * len(cell.pools)
    return rounds if lasts and SPACES[-1] in cell.pools else {}


def _walk(rounds: dict, grids: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    spaces, n = list(dict.fromkeys(space for space, _ in rounds)), len(grids)
    space, budget, verdict = np.zeros(n, int), np.zeros(n, int), np.full(n, "", object)
    n_rounds, words = np.zeros(n, int), np.full(n, "", object)
    true = {key: scores.mean(axis=0) - grids.mean(axis=0) for key, scores in rounds.items()}
    while (open_ := verdict == "").any():
        for key, scores in rounds.items():
            at = open_ & (space == spaces.index(key[0])) & (budget == SPACE_BUDGETS.index(key[1]))
            drawn = scores[rng.integers(len(scores), size=(at.sum(), REPETITIONS))]
            decision = np.full(n, "", object)
            decision[at] = decide(drawn, grids[at, None])
            n_rounds[at] += 1
            words[at] = words[at] + f" → {key[0]} {key[1]:g}"
            over, rest = decision == "overfits", decision == "neither"
            last = space == len(spaces) - 1
            verdict[decision == "succeeds"] = "succeeds"
            verdict[over & last] = "overfits"
            verdict[rest & (budget == len(SPACE_BUDGETS) - 1)] = "tbd"
            space = np.where(over & ~last, space + 1, space)
            budget = np.where(rest & (verdict == ""), budget + 1, budget)
            open_ = open_ & ~at  # one round a turn
    ends = [(spaces[s], SPACE_BUDGETS[b]) for s, b in zip(space, budget, strict=True)]
    table = pd.DataFrame({"verdict": verdict, "n_rounds": n_rounds})
    table["path"] = [text.removeprefix(" → ") for text in words]
    table["space"], table["budget_gst"] = zip(*ends, strict=True)
    table["validation"], table["test"] = zip(*(true[end][:2] for end in ends), strict=True)
    return table


def verdict_shares(walks: pd.DataFrame) -> pd.DataFrame:
    """Count verdicts of each model, task and method, and how far they can be relied on.

    Returns:
        one row each: the share of each verdict; agree, how often two walks give the same verdict;
        path, the most frequent one, and its share; n_rounds (mean); borne_out, of the walks that
        end in "succeeds" the share where HPO's true mean is above grid search's on both splits.
    """
    key = ["model", "task", "method"]
    rows = []
    for setting, group in walks.groupby(key, sort=False):
        shares = group["verdict"].value_counts(normalize=True).reindex(VERDICTS, fill_value=0.0)
        paths = group["path"].value_counts(normalize=True)
        good = group[group["verdict"] == "succeeds"]
        true = (good["validation"] > 0) & (good["test"] > 0)
        rows.append(
            dict(zip(key, setting, strict=True))
            | shares.to_dict()
            | {
                "agree": float((shares**2).sum()),
                "path": paths.index[0],
                "path_share": paths.iloc[0],
                "n_paths": len(paths),
                "n_rounds": group["n_rounds"].mean(),
                "borne_out": true.mean() if len(good) else np.nan,
            }
        )
    names = ["agree", "path", "path_share", "n_paths", "n_rounds", "borne_out"]
    return pd.DataFrame(rows, columns=[*key, *VERDICTS, *names])
