"""What weight initialisation (WI) and data order (DO) do to scores, over a grid of their seeds.

A matrix has a row a WI seed and a column a DO seed; its cells are fractions, NaN where a run has
no score. What an analysis cannot do with holes it says, and it counts them (`n_missing`).
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from statsmodels.stats.proportion import proportion_confint

from repro.stats.correlation import row_correlations
from repro.stats.expected_performance import expected_maximum
from repro.stats.variance_components import variance_components

FACTORS = ("wi", "do")
PARTS = {"wi": "WI", "do": "DO", "rest": "rest"}  # of the variance, and how they are written
SCENARIOS = ("every evaluation", "every epoch", "once, at the end")
_TRIAL = ["task", "trial_id", "init_seed", "order_seed", "status"]


def by_task(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Cut a frame by its task, in the study's order."""
    return dict(list(frame.groupby("task", sort=False)))


def evaluation_scores(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Give each evaluation the score of Dodge et al.: (accuracy + F1) / 2 where both are known.

    Returns:
        one row an evaluation, and one (score NaN) for a trial without any: task, trial_id,
        init_seed, order_seed, status, evaluation (1, 2, ...), epoch, step, score (fraction).
    Source: Dodge et al. 2020, Table 2.
    """
    score = evaluations["validation_score"].astype(float)
    if {"accuracy", "f1"} <= set(evaluations):  # of recorded runs only the task's own metric is
        score = ((evaluations["accuracy"] + evaluations["f1"]) / 2).fillna(score)
    scored = evaluations[["trial_id", "step", "epoch"]].assign(score=score)
    scored = scored.sort_values(["trial_id", "step"])
    scored["evaluation"] = scored.groupby("trial_id").cumcount() + 1
    return trials[_TRIAL].merge(scored, how="left", on="trial_id")


def best_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row a trial, with its highest score over all evaluations (NaN without any).

    Args:
        scores: from `evaluation_scores`, as for all functions below.
    Source: Dodge et al. 2020, sec. 4.
    """
    return scores.groupby(_TRIAL, as_index=False, sort=False)["score"].max()


def scenario_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return each trial's score as who evaluates often, after each epoch or once would see it.

    Returns:
        one row a trial: task, trial_id, and a column each of SCENARIOS: the best of all
        evaluations; of those that end an epoch, and the last; the last one (NaN without any).
    Source: Dodge et al. 2020, Figure 1.
    """
    last = scores["evaluation"] == scores.groupby("trial_id")["evaluation"].transform("max")
    ends_epoch = np.isclose(scores["epoch"], scores["epoch"].round(), atol=1e-9)
    seen = zip(SCENARIOS, (last | True, last | ends_epoch, last), strict=True)
    columns = {scenario: scores["score"].where(rows) for scenario, rows in seen}
    keys = ["task", "trial_id"]
    return scores[keys].assign(**columns).groupby(keys, as_index=False, sort=False).max()


def scenario_curves(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the `expected_maximum` of each task's runs under each scenario.

    A crossed grid of seeds is no sample of independent runs: those that share a seed are a little
    alike.
    """
    tasks = by_task(scenario_scores(scores))
    parts = [
        expected_maximum(rows[scenario]).assign(task=task, scenario=scenario)
        for scenario in SCENARIOS
        for task, rows in tasks.items()
    ]
    return pd.concat(parts, ignore_index=True)


def progress_matrices(scores: pd.DataFrame, *, best_so_far: bool) -> dict[str, pd.DataFrame]:
    """Lay the scores of each task out by trial (rows) and evaluation (columns).

    With `best_so_far` a cell is the highest score up to the evaluation, also of a trial that ended
    before; else the score at it, or NaN. Trials without any evaluation are left out, and tasks
    with fewer than two trials.
    """
    matrices = {}
    for task, rows in by_task(scores.dropna(subset="evaluation")).items():
        matrix = rows.pivot(index="trial_id", columns="evaluation", values="score")
        matrix.columns = matrix.columns.astype(int)
        if len(matrix) >= 2:
            matrices[task] = matrix.cummax(axis=1).ffill(axis=1) if best_so_far else matrix
    return matrices


def evaluation_correlations(
    scores: pd.DataFrame, *, kind: str, best_so_far: bool
) -> dict[str, pd.DataFrame]:
    """Correlate on each task the scores at any two evaluations, over all trials that have both.

    The paper's caption says best so far; its code took the scores at the evaluations.

    Source: Dodge et al. 2020, Figures 5 ("spearman") and 9 ("pearson").
    """
    progress = progress_matrices(scores, best_so_far=best_so_far)
    return {task: matrix.corr(kind, min_periods=2) for task, matrix in progress.items()}


def early_correlations(
    scores: pd.DataFrame, *, n_shuffles: int = 20, seed: int = 0
) -> pd.DataFrame:
    """Correlate the scores at each evaluation with the final ones: what an early look tells.

    The best so far is a part of what comes later, so that even noise correlates with it. How much,
    says the baseline: each evaluation's scores are shuffled over the runs, then made best so far.

    Returns:
        one row a task and evaluation: epoch, and Spearman's r with the last one of score,
        best_so_far and noise (best so far of shuffles, mean).
    """
    rng, parts = np.random.default_rng(seed), []
    epochs = scores.groupby(["task", "evaluation"])["epoch"].max()
    for task, matrix in progress_matrices(scores, best_so_far=False).items():
        whole = matrix.dropna()
        values = whole.to_numpy()
        shuffled = [rng.permuted(values, axis=0) for _ in range(n_shuffles)]
        noise = [_with_last(np.maximum.accumulate(rows, axis=1)) for rows in shuffled]
        columns = {
            "score": _with_last(values),
            "best_so_far": _with_last(np.maximum.accumulate(values, axis=1)),
            "noise": np.mean(noise, axis=0),
        }
        rows = pd.DataFrame({"task": task, "evaluation": whole.columns} | columns)
        parts.append(rows.assign(epoch=epochs[task].reindex(whole.columns).to_numpy()))
    return pd.concat(parts, ignore_index=True)


def _with_last(values: np.ndarray) -> np.ndarray:
    """Return Spearman's r of each column with the last; NaN of one that does not vary."""
    ranks = rankdata(values, axis=0).T
    return row_correlations(ranks, ranks[-1:])


def sample_runs(scores: pd.DataFrame, *, n: int = 20) -> pd.DataFrame:
    """Return the evaluations of up to `n` random trials of each task, always the same ones."""
    shuffled = best_scores(scores).sample(frac=1, random_state=0)
    return scores[scores["trial_id"].isin(shuffled.groupby("task").head(n)["trial_id"])]


def score_matrices(best: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Lay the scores of each task out by WI seed (rows) and DO seed (columns).

    Args:
        best: from `best_scores`, as for all functions below.
    Raises:
        ValueError: if two trials have the same seeds, or there are fewer than two of a kind.
    """
    matrices = {}
    for task, rows in by_task(best).items():
        if rows.duplicated(["init_seed", "order_seed"]).any():
            raise ValueError(
                f"`best` must hold one trial a pair of seeds, but got {len(rows)} of {task} with "
                "some pairs twice; select one model"
            )
        matrix = rows.pivot(index="init_seed", columns="order_seed", values="score")
        if min(matrix.shape) < 2:
            raise ValueError(
                f"there must be at least two WI and two DO seeds, but got {matrix.shape[0]} and "
                f"{matrix.shape[1]} on {task}; train more seeds"
            )
        matrices[task] = matrix
    return matrices


def rank_seeds(best: pd.DataFrame) -> pd.DataFrame:
    """Rank the WI seeds that all tasks have, a column a task, by their mean score; 1 is the best.

    Ties share their mean rank; sorted by the mean rank.

    Source: Dodge et al. 2020, sec. 4.3.
    """
    means = best.groupby(["init_seed", "task"])["score"].mean().unstack().dropna()
    ranks = means[list(by_task(best))].rank(ascending=False).rename_axis(columns=None)
    return ranks.loc[ranks.mean(axis=1).sort_values(kind="stable").index]


def diverged_share(
    best: pd.DataFrame, baselines: pd.Series, *, margin: float = 0.02
) -> pd.DataFrame:
    """Count the runs that diverged: failed, or never better than a guess by more than `margin`.

    Args:
        baselines: by task, the score of always saying the most frequent class; by chance the best
            of many evaluations lies above it.
    Returns:
        one row a task: n_diverged, n, share, low, high (Wilson interval), n_missing (of the
        diverged, those without any score).
    Source: Dodge et al. 2020, sec. 4: "performance close to that of predicting the most frequent
        label"; the margin is ours.
    """
    lost = best["score"].isna()
    low = best["score"] <= best["task"].map(baselines) + margin
    groups = best.assign(diverged=low | lost, lost=lost).groupby("task", sort=False)
    table = groups.agg(
        n_diverged=("diverged", "sum"), n=("diverged", "size"), n_missing=("lost", "sum")
    )
    table["share"] = table["n_diverged"] / table["n"]
    ends = proportion_confint(table["n_diverged"], table["n"], method="wilson")
    return table.assign(low=ends[0], high=ends[1]).reset_index()


def sorted_matrix(matrix: pd.DataFrame) -> pd.DataFrame:
    """Sort rows by their mean, the best on top, and columns, the best at the right (Figure 2)."""
    rows = matrix.mean(axis=1).sort_values(ascending=False, kind="stable").index
    columns = matrix.mean(axis=0).sort_values(kind="stable").index
    return matrix.loc[rows, columns]


def seed_deviations(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return the standard deviation of the scores that share a seed, and that of all scores.

    Returns:
        one row a seed: factor ("wi": across data orders; "do"; "total"), seed (0 for all of them),
        deviation (ddof 0; NaN for fewer than two scores), n.
    Source: Dodge et al. 2020, Figure 8.
    """
    parts = []
    everything = pd.DataFrame(matrix.to_numpy().reshape(1, -1))
    for factor, frame in {"wi": matrix, "do": matrix.T, "total": everything}.items():
        n = frame.notna().sum(axis=1)
        deviations = frame.std(axis=1, ddof=0).where(n >= 2)
        columns = {"seed": frame.index, "deviation": deviations.to_numpy(), "n": n.to_numpy()}
        parts.append(pd.DataFrame({"factor": factor, **columns}))
    return pd.concat(parts, ignore_index=True)


def aggregated_deviations(matrices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Average the standard deviations over the seeds of each kind.

    Despite its name "aggregated over WI" is no component of the variance: it holds WI fixed, so
    it measures what the data order and the rest do.

    Returns:
        one row a task: wi, do, total (fractions), n_missing.
    Source: Dodge et al. 2020, Table 3 (ddof 0).
    """
    means = {
        task: seed_deviations(matrix).groupby("factor")["deviation"].mean()
        for task, matrix in matrices.items()
    }
    table = pd.DataFrame(means).T[["wi", "do", "total"]].rename_axis(index="task", columns=None)
    n_missing = [int(matrix.isna().sum(axis=None)) for matrix in matrices.values()]
    return table.assign(n_missing=n_missing).reset_index()


def components_by_task(matrices: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return the `variance_components` of each task: WI, DO and the rest (dropout and more)."""
    parts = [variance_components(m, factors=FACTORS).assign(task=t) for t, m in matrices.items()]
    return pd.concat(parts, ignore_index=True)


def extreme_seeds(matrix: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of the seed of each kind with the best mean, and with the worst.

    Returns:
        columns factor, extreme ("best", "worst"), seed, score; no rows without scores.
    Source: Dodge et al. 2020, Figure 3.
    """
    parts = [pd.DataFrame(columns=["factor", "extreme", "seed", "score"])]
    for factor, frame in zip(FACTORS, (matrix, matrix.T), strict=True):
        means = frame.mean(axis=1).dropna()
        seeds = {"best": means.idxmax(), "worst": means.idxmin()} if len(means) else {}
        for extreme, seed in seeds.items():
            columns = {"factor": factor, "extreme": extreme, "seed": seed}
            parts.append(pd.DataFrame(columns | {"score": frame.loc[seed].dropna()}))
    return pd.concat(parts[1:] or parts, ignore_index=True)
