"""What weight initialisation (WI) and data order (DO) do to scores, over a grid of their seeds.

A matrix has a row a WI seed and a column a DO seed; its cells are fractions, NaN where a run has
no score. What an analysis cannot do with holes it says, and it counts them (`n_missing`).
"""

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from repro.names import check_name

FACTORS = ("wi", "do")
_SEEDS = {"wi": "init_seed", "do": "order_seed"}


def evaluation_scores(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Give each evaluation the score of Dodge et al.: (accuracy + F1) / 2 where a task has both.

    Returns:
        one row an evaluation, and one (score NaN) for a trial without any: task, trial_id,
        init_seed, order_seed, status, evaluation (1, 2, ...), epoch, step, score (fraction).
    Source: Dodge et al. 2020, Table 2.
    """
    pair = (evaluations["accuracy"] + evaluations["f1"]) / 2
    scored = evaluations[["trial_id", "step", "epoch"]].assign(
        score=pair.fillna(evaluations["validation_score"])
    )
    scored = scored.sort_values(["trial_id", "step"])
    scored["evaluation"] = scored.groupby("trial_id").cumcount() + 1
    keys = trials[["task", "trial_id", "init_seed", "order_seed", "status"]]
    return keys.merge(scored, how="left", on="trial_id")


def best_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a trial, with its highest score over all evaluations (NaN without any).

    Args:
        scores: from `evaluation_scores`.
    Source: Dodge et al. 2020, sec. 4.
    """
    keys = ["task", "trial_id", "init_seed", "order_seed", "status"]
    return scores.groupby(keys, as_index=False, sort=False)["score"].max()


def score_matrix(best: pd.DataFrame) -> pd.DataFrame:
    """Lay the scores of one task out by WI seed (rows) and DO seed (columns).

    Raises:
        ValueError: if there are several tasks, two trials of the same seeds, or fewer than two
            seeds of a kind.
    """
    if best["task"].nunique() != 1 or best.duplicated(["init_seed", "order_seed"]).any():
        raise ValueError(
            "`best` must hold one task and one trial a pair of seeds, but got tasks "
            f"{sorted(set(best['task']))} and {len(best)} rows; select one task and model"
        )
    matrix = best.pivot(index="init_seed", columns="order_seed", values="score")
    if min(matrix.shape) < 2:
        raise ValueError(
            f"there must be at least two WI and two DO seeds, but got {matrix.shape[0]} and "
            f"{matrix.shape[1]}; train more seeds"
        )
    return matrix


def sorted_matrix(matrix: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by their mean, the best on top, and columns, the best at the right.

    Source: Dodge et al. 2020, Figure 2.
    """
    rows = matrix.mean(axis=1).sort_values(ascending=False, kind="stable").index
    columns = matrix.mean(axis=0).sort_values(kind="stable").index
    return matrix.loc[rows, columns]


def seed_deviations(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return the standard deviation of the scores that share a seed.

    Returns:
        one row a seed: factor ("wi": across data orders), seed, deviation (ddof 0; NaN for fewer
        than two scores), n.
    Source: Dodge et al. 2020, Figure 8.
    """
    rows = []
    for factor, frame in zip(FACTORS, (matrix, matrix.T), strict=True):
        n = frame.notna().sum(axis=1)
        deviations = frame.std(axis=1, ddof=0).where(n >= 2)
        columns = {"seed": frame.index, "deviation": deviations.to_numpy(), "n": n.to_numpy()}
        rows.append(pd.DataFrame({"factor": factor, **columns}))
    return pd.concat(rows, ignore_index=True)


def aggregated_deviations(matrix: pd.DataFrame) -> dict:
    """Average the standard deviations over the seeds of each kind.

    Despite its name "aggregated over WI" is no component of the variance: it holds WI fixed, so
    it measures what the data order and the rest do.

    Returns:
        wi, do, total (fractions), n_missing.
    Source: Dodge et al. 2020, Table 3 (ddof 0).
    """
    means = seed_deviations(matrix).groupby("factor")["deviation"].mean()
    total = float(np.nanstd(matrix)) if matrix.notna().any(axis=None) else float("nan")
    return {"wi": means["wi"], "do": means["do"], "total": total, "n_missing": count_holes(matrix)}


def extreme_seeds(matrix: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Return the scores of the seed with the best mean and of the one with the worst.

    Returns:
        columns extreme ("best", "worst"), seed, score.
    Source: Dodge et al. 2020, Figure 3.
    """
    frame = by_factor(matrix, factor).dropna(how="all")
    means = frame.mean(axis=1)
    seeds = {"best": means.idxmax(), "worst": means.idxmin()} if len(means) else {}
    parts = [
        pd.DataFrame({"extreme": name, "seed": seed, "score": frame.loc[seed].dropna()})
        for name, seed in seeds.items()
    ]
    empty = pd.DataFrame(columns=["extreme", "seed", "score"])
    return pd.concat(parts, ignore_index=True) if parts else empty


def rank_seeds(best: pd.DataFrame, *, factor: str = "wi") -> pd.DataFrame:
    """Rank the seeds of a factor on each task by their mean score; 1 is the best.

    Returns:
        one row a seed that all tasks have, a column a task; ties share their mean rank. Sorted by
        the mean rank.
    Source: Dodge et al. 2020, sec. 4.3.
    """
    seed = _SEEDS[check_name("factor", factor, FACTORS)]
    means = best.groupby([seed, "task"])["score"].mean().unstack().dropna()
    ranks = means.rank(ascending=False)
    return ranks.loc[ranks.mean(axis=1).sort_values(kind="stable").index]


def diverged_share(
    best: pd.DataFrame, baselines: pd.Series, *, margin: float = 0.02, level: float = 0.95
) -> pd.DataFrame:
    """Count the runs that diverged: failed, or never better than a guess by more than `margin`.

    Args:
        best: from `best_scores`.
        baselines: by task, the score of always saying the most frequent class.
        margin: a fraction of 1; by chance the best of many evaluations lies above the guess.
    Returns:
        one row a task: n_diverged, n, share, low, high (Wilson interval), n_missing (of the
        diverged, those without any score).
    Source: Dodge et al. 2020, sec. 4: "performance close to that of predicting the most frequent
        label"; the margin is ours.
    """
    rows = []
    for task, group in best.groupby("task", sort=False):
        n_missing = int(group["score"].isna().sum())
        n_diverged = int((group["score"] <= baselines[task] + margin).sum()) + n_missing
        low, high = binomtest(n_diverged, len(group)).proportion_ci(level, method="wilson")
        rows.append(
            {"task": task, "n_diverged": n_diverged, "n": len(group)}
            | {"share": n_diverged / len(group), "low": low, "high": high, "n_missing": n_missing}
        )
    return pd.DataFrame(rows)


def by_factor(matrix: pd.DataFrame, factor: str) -> pd.DataFrame:
    """Return the matrix with the seeds of `factor` as its rows."""
    return matrix if check_name("factor", factor, FACTORS) == "wi" else matrix.T


def count_holes(matrix: pd.DataFrame) -> int:
    """Count the pairs of seeds without a score."""
    return int(matrix.isna().sum().sum())


def score_matrices(best: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Return the `score_matrix` of each task."""
    return {task: score_matrix(rows) for task, rows in best.groupby("task", sort=False)}
