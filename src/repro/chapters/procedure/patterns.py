"""Which hyperparameter to fix: those that overfitting runs' best trials set to one side of grid's.

Liu & Wang looked for such a pattern by eye (sec. 5.1) and proposed mining it (sec. 7).
"""

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from repro.stats.overfitting import SEARCHED

N_PERMUTATIONS = 10_000


def hyperparameter_patterns(
    rows: pd.DataFrame,
    spaces: pd.DataFrame,
    *,
    incumbents: pd.DataFrame | None = None,
    seed: int = 0,
) -> pd.DataFrame:
    """Test for each hyperparameter whether overfitting runs set it to one side of grid's value.

    The sign test asks whether so many values on one side would come up if the best trials of
    overfitting runs were draws from the search space. How much of the space lies below grid's
    value counts (a third of (0, 0.3) below 0.1), and so the test is exact, but two-sided by
    doubling; equal values say nothing and are left out. Runs on one task share grid search and
    data and are not independent, hence `n_tasks` beside `n_runs`. The permutation test asks
    whether they lie lower or higher than the best trials of the runs that do not overfit.

    Args:
        rows: from `compare_with_grid`, of one model: overfitting runs and their grid search.
        spaces: the model's search space in the shape of the published Table 1.
        incumbents: from `overfits`: all runs of the model with their verdicts, for the permutation
            test; without them it is left out (NaN), as for the published tables.
    Returns:
        one row a hyperparameter, the smallest p first: hyperparameter, n_runs (with another value
        than grid's), n_tasks, n_lower, n_higher, n_equal, expected_lower (of n_runs), side, p_sign,
        p_holm (Holm's correction for having looked at all of them), p_permutation. A
        hyperparameter that can lie on one side only has no test (NaN).
    Source: Liu & Wang 2021, sec. 5.1 and A.3; Holm 1979.
    """
    space = spaces[~spaces["space"].isin(["grid"])]
    table = pd.DataFrame([_sign_row(rows, space, name) for name in SEARCHED])
    tested = table["p_sign"].notna()
    table["p_holm"] = np.nan
    if tested.any():
        table.loc[tested, "p_holm"] = multipletests(table.loc[tested, "p_sign"], method="holm")[1]
    permuted = {
        name: np.nan if incumbents is None else _permutation_p(incumbents, name, seed)
        for name in SEARCHED
    }
    table["p_permutation"] = table["hyperparameter"].map(permuted)
    return table.sort_values("p_sign", kind="stable").reset_index(drop=True)


def choose_hyperparameter(patterns: pd.DataFrame, candidates: list[str]) -> pd.Series:
    """Return the row of the candidate with the smallest p, however large that is.

    Raises:
        ValueError: if no candidate could be tested.
    """
    rows = patterns[patterns["hyperparameter"].isin(candidates)].dropna(subset="p_sign")
    if rows.empty:
        raise ValueError(
            f"a hyperparameter to fix must be among {candidates} and lie beside grid's value in an "
            "overfitting run, but none does; use `fix` order"
        )
    return rows.loc[rows["p_sign"].idxmin()]


def _sign_row(rows: pd.DataFrame, space: pd.DataFrame, name: str) -> dict:
    runs = rows[~rows["is_grid"]]
    sides = runs[f"{name}_against_grid"]
    beside = runs[sides.isin(["lower", "higher"])]
    lower = (beside[f"{name}_against_grid"] == "lower").to_numpy()
    chances = np.array([_chance_lower(rows, space, name, run) for _, run in beside.iterrows()])
    testable = len(beside) > 0 and bool(((chances > 0) & (chances < 1)).all())
    n_lower, n_higher = int(lower.sum()), int((~lower).sum())
    return {
        "hyperparameter": name,
        "n_runs": len(beside),
        "n_tasks": beside["task"].nunique(),
        "n_lower": n_lower,
        "n_higher": n_higher,
        "n_equal": int((sides == "equal").sum()),
        "expected_lower": float(chances.sum()) if len(beside) else np.nan,
        "side": "" if n_lower == n_higher else ("lower" if n_lower > n_higher else "higher"),
        "p_sign": _two_sided(chances, n_lower) if testable else np.nan,
    }


def _chance_lower(rows: pd.DataFrame, space: pd.DataFrame, name: str, run: pd.Series) -> float:
    """Return how likely a draw from the space lies below grid's value, given it is not equal."""
    grid = rows[rows["is_grid"] & (rows["task"] == run["task"])][name].iloc[0]
    domain = space[space["hyperparameter"] == name]
    values, kind = domain["value"].astype(float), domain["domain"].iloc[0]
    if kind == "choice":
        others = values[~np.isclose(values, grid)]
        return float((others < grid).mean())
    low, high = values.min(), values.max()
    if kind == "log_interval":
        low, high, grid = np.log([low, high, grid])
    return float(np.clip((grid - low) / (high - low), 0, 1))


def _two_sided(chances: np.ndarray, n_lower: int) -> float:
    """Double the smaller tail of the sum of independent yes-or-no draws with these chances."""
    mass = np.ones(1)
    for chance in chances:
        mass = np.convolve(mass, [1 - chance, chance])
    return float(min(1.0, 2 * min(mass[: n_lower + 1].sum(), mass[n_lower:].sum())))


def _permutation_p(incumbents: pd.DataFrame, name: str, seed: int) -> float:
    """Permute within tasks who overfits; two-sided p of the difference in mean deviation."""
    known = incumbents.dropna(subset=name)
    if known[name].nunique() < 2:
        return float("nan")
    rng = np.random.default_rng(seed)
    overfits = known["verdict"].isin(["overfits", "weak"])
    if overfits.all() or not overfits.any():
        return float("nan")
    found, drawn = 0.0, np.zeros(N_PERMUTATIONS)
    for _, of_task in known.groupby("task", sort=True):
        marks = overfits[of_task.index].to_numpy(float)
        values = of_task[name].to_numpy(float) - of_task[name].mean()
        found += marks @ values
        drawn += rng.permuted(np.tile(marks, (N_PERMUTATIONS, 1)), axis=1) @ values
    return float((1 + (np.abs(drawn) >= abs(found) - 1e-12).sum()) / (1 + N_PERMUTATIONS))
