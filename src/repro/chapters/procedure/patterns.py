"""Which hyperparameter to fix: those that overfitting runs' best trials set to one side of grid's.

Liu & Wang looked for such a pattern by eye (sec. 5.1) and proposed mining it (sec. 7).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from repro.chapters.procedure.rules import PAPER_LADDERS
from repro.published import published_overfitting_trials
from repro.stats.decisions import holm
from repro.stats.overfitting import SEARCHED, compare_with_grid
from repro.tuning.spaces import Choice, Domain, search_space

N_PERMUTATIONS = 10_000


def hyperparameter_patterns(
    rows: pd.DataFrame,
    domains: Mapping[str, Domain],
    *,
    incumbents: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Test for each hyperparameter whether overfitting runs set it to one side of grid's value.

    The sign test asks whether so many values on one side would come up if the best trials of
    overfitting runs were draws from the search space, of which some share lies below grid's value
    (a third of (0, 0.3) below 0.1): exact, but two-sided by doubling; equal values are left out.
    Runs on one task share grid search and data and are not independent, hence `n_tasks` beside
    `n_runs`. The permutation test asks whether they lie lower or higher than the best trials of
    the runs that do not overfit.

    Args:
        rows: from `compare_with_grid`, of one model: overfitting runs and their grid search.
        domains: of the model's search space.
        incumbents: from `overfits`: all runs of the model; without them no permutation test.
    Returns:
        one row a hyperparameter, the smallest p first: hyperparameter, n_runs (with another value
        than grid's), n_tasks, n_lower, n_higher, n_equal, expected_lower (of n_runs), p_sign,
        p_holm (corrected for having looked at all of them), p_permutation. NaN: no test, as of a
        hyperparameter that can lie on one side only.
    Source: Liu & Wang 2021, sec. 5.1 and A.3; Holm 1979.
    """
    grid = rows[rows["is_grid"]].drop_duplicates("task").set_index("task")
    ours, table = rows[~rows["is_grid"]], []
    for name in SEARCHED:
        sides = ours[f"{name}_against_grid"]
        n = {f"n_{side}": (sides == side).sum() for side in ("lower", "higher", "equal")}
        tasks = ours.loc[sides.isin(["lower", "higher"]), "task"]
        chances = _chances_below(domains[name], tasks.map(grid[name]).to_numpy(float))
        testable = len(tasks) > 0 and bool(((chances > 0) & (chances < 1)).all())
        row = {"hyperparameter": name, "n_runs": len(tasks), "n_tasks": tasks.nunique()} | n
        row["expected_lower"] = chances.sum() if len(tasks) else np.nan
        row["p_sign"] = _two_sided(chances, n["n_lower"]) if testable else np.nan
        permuted = np.nan if incumbents is None else _permutation_p(incumbents, name)
        table.append(row | {"p_permutation": permuted})
    table = pd.DataFrame(table)
    table.insert(table.columns.get_loc("p_permutation"), "p_holm", holm(table["p_sign"]))
    return table.sort_values("p_sign", kind="stable").reset_index(drop=True)


def published_patterns() -> dict[str, pd.DataFrame]:
    """Test the paper's own case, by model (Liu & Wang 2021, Tables 1, 8 and 9)."""
    patterns = {}
    for model in PAPER_LADDERS:
        rows = compare_with_grid(published_overfitting_trials(model).assign(model=model))
        space = search_space(model.removesuffix("-base"), epochs=3)
        patterns[model] = hyperparameter_patterns(rows, space.domains)
    return patterns


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


def _chances_below(domain: Domain, values: np.ndarray) -> np.ndarray:
    """Return how likely a draw lies below each of `values`, given that it is not equal."""
    if not isinstance(domain, Choice):
        return np.clip(domain.position(values), 0, 1)
    choices = np.array(domain.values, float)
    others = [choices[~np.isclose(choices, value)] for value in values]
    return np.array([(o < value).mean() for o, value in zip(others, values, strict=True)])


def _two_sided(chances: np.ndarray, n_lower: int) -> float:
    """Double the smaller tail of the sum of independent yes-or-no draws with these chances."""
    mass = np.ones(1)
    for chance in chances:
        mass = np.convolve(mass, [1 - chance, chance])
    return float(min(1.0, 2 * min(mass[: n_lower + 1].sum(), mass[n_lower:].sum())))


def _permutation_p(incumbents: pd.DataFrame, name: str) -> float:
    """Permute within tasks who overfits; two-sided p of the difference in mean deviation."""
    known = incumbents.dropna(subset=name)
    overfits = known["verdict"].isin(["overfits", "weak"])
    if known[name].nunique() < 2 or overfits.nunique() < 2:
        return float("nan")
    rng = np.random.default_rng(0)
    observed, drawn = 0.0, np.zeros(N_PERMUTATIONS)
    for _, of_task in known.groupby("task"):
        marks = overfits[of_task.index].to_numpy(float)
        values = of_task[name].to_numpy(float) - of_task[name].mean()
        observed += marks @ values
        drawn += rng.permuted(np.tile(marks, (N_PERMUTATIONS, 1)), axis=1) @ values
    return float((1 + (np.abs(drawn) >= abs(observed) - 1e-12).sum()) / (1 + N_PERMUTATIONS))
