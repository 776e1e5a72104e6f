"""How often do studies of so many repetitions conclude wrongly, if they look at means as papers do?

A study draws its repetitions and its grid search; it concludes that HPO is above grid search, or
below it. Wrong is what contradicts the mean over all replays.
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind_from_stats

from repro.chapters.how_sure.laboratory import METHODS, Laboratory
from repro.stats.decisions import LEVEL

SPLITS = {"validation": "validation_score", "test": "test_score"}
QUANTILES = (0.025, 0.25, 0.5, 0.75, 0.975)


def study_differences(lab: Laboratory, *, repetitions: int = 3, seed: int = 0) -> pd.DataFrame:
    """Repeat Table 3 many times: HPO's mean over repetitions minus that of one grid search.

    Returns:
        one row a model, task, method and split: mean (over all replays), q025, q250, q500, q750
        and q975 over studies, p_above and p_wrong (shares of them; one that ties is not wrong).
    """
    rows, n = [], lab.settings.studies
    for where, runs, grid, rng in _drawn(lab, seed):
        one = rng.choice(grid, size=n)
        means = rng.choice(runs, size=(n, repetitions)).mean(axis=1) - one
        true = runs.mean() - grid.mean()
        quantiles = {f"q{1000 * q:03.0f}": np.quantile(means, q) for q in QUANTILES}
        shares = {"p_above": (means > 0).mean(), "p_wrong": (means * np.sign(true) < 0).mean()}
        rows.append(where | {"mean": true} | quantiles | shares)
    return pd.DataFrame(rows)


def _drawn(lab: Laboratory, seed: int) -> Iterator[tuple]:
    """Yield model, task, method and split, the replays' scores, grid search's, and a generator."""
    for number, cell in enumerate(lab.cells):
        grids = cell.grids()[0]
        for method, (split, score) in product(METHODS, SPLITS.items()):
            if runs := cell.runs(method, "full").get(1.0):
                where = cell.key | {"method": method, "split": split}
                scores = (getattr(side, score)[0] for side in (runs, grids))
                yield where, *scores, np.random.default_rng([seed, number])


def conclusions(lab: Laboratory, *, repetitions: Sequence[int], seed: int = 0) -> pd.DataFrame:
    """Tell how often studies conclude rightly and wrongly, by their number of repetitions.

    By the sign of the mean difference, with grid search run once, as in the paper, and repeated as
    often as HPO; and by Welch's test at 5 % of two-sided error, which may stay undecided.

    Returns:
        one row a model, task, method, split, number of repetitions n and way ("once", "repeated",
        "tested"): right, wrong, undecided (shares), mean (the true difference).
    """
    rows = []
    for where, runs, grid, rng in _drawn(lab, seed):
        true, size = runs.mean() - grid.mean(), lab.settings.studies
        for n in repetitions:
            ours = rng.choice(runs, size=(size, n))
            grids = rng.choice(grid, size=(size, n))
            found = {"once": ours.mean(axis=1) - grids[:, 0]}
            found["repeated"] = ours.mean(axis=1) - grids.mean(axis=1)
            if n > 1:
                found["tested"] = found["repeated"] * (_welch(ours, grids) <= LEVEL)
            for way, difference in found.items():
                sides = difference * np.sign(true)
                shares = {"right": (sides > 0).mean(), "wrong": (sides < 0).mean()}
                shares["undecided"] = (sides == 0).mean()
                rows.append(where | {"n": n, "way": way, "mean": true} | shares)
    return pd.DataFrame(rows)


def _welch(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return two-sided p-values, a row each; 1 where neither side spreads."""
    sides = [(x.mean(axis=1), x.std(axis=1, ddof=1), x.shape[1]) for x in (a, b)]
    with np.errstate(divide="ignore", invalid="ignore"):
        p = ttest_ind_from_stats(*sides[0], *sides[1], equal_var=False).pvalue
    return np.where(sides[0][1] + sides[1][1] > 0, p, 1.0)


def over_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Average `conclusions` over models and tasks: `n`, way, method, split and the shares."""
    groups = table.groupby(["method", "split", "way", "n"], sort=False)
    return groups[["right", "wrong", "undecided"]].mean().reset_index()
