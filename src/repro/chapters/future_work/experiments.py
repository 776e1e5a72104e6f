"""What section 7 of Liu & Wang 2021 leaves to others, tried on recorded trials.

Each experiment replays random searches two ways on the pools of one model and task, by space, and
returns the mean difference of what they give on test (fractions). A search of n trials is n
recorded trials drawn at random; its choice is the one with the highest validation score.
"""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from repro.data.definitions import TASKS
from repro.results.recorded import Recorded
from repro.stats.correlation import row_correlations
from repro.study.pools import Pool, read_pools

Pools = Mapping[str, Pool]  # by space
N_TRIALS = 8  # of a search, about what random search gets for grid search's time
N_DRAWS = 1_000
TOP = 5  # trials of an ensemble
REPETITIONS = 10
PARTS = 3  # of a model's and task's trials, to judge by
LEAST = 4 * N_TRIALS  # trials of a part to draw searches from
FIXABLE = ("warmup_ratio", "attention_dropout", "hidden_dropout", "weight_decay")


def read_cells(recorded: Recorded) -> dict[tuple[str, str], Pools]:
    """Return the pools of each model and task of which the full space was recorded."""
    return {
        (model, task): pools
        for (model, task), pools in read_pools(recorded).items()
        if "full" in pools and task in TASKS
    }


def best_scores(pool: Pool) -> pd.DataFrame:
    """Return of each trial what it has at its best checkpoint, NaN where it has nothing."""
    test = score_answers(TASKS[pool.task].metric, pool.answers("test"), pool.labels("test"))
    names = ("validation_score", "validation_loss")
    return pd.DataFrame({name: pool.whole(name) for name in names} | {"test_score": test})


def score_answers(metric: str, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Score each row of answers; Matthews' correlation is that of zeros and ones.

    Args:
        labels: shape (n_examples,), or as the answers.
    """
    missing = np.isnan(answers).any(axis=-1)
    if metric == "spearman":
        answers, labels = rankdata(answers, axis=-1), rankdata(labels, axis=-1)
    if metric in ("matthews", "pearson", "spearman"):
        scores = np.nan_to_num(row_correlations(answers, labels))
    else:
        scores = (answers == labels).mean(axis=-1)
    return np.where(missing, np.nan, scores)


def draw_searches(n_pool: int, rng: np.random.Generator, n_trials: int = N_TRIALS) -> np.ndarray:
    """Draw searches without replacement, of at most half the pool: shape (N_DRAWS, n_trials)."""
    n_trials = max(1, min(n_trials, n_pool // 2))
    return rng.random((N_DRAWS, n_pool)).argsort(axis=1)[:, :n_trials]


def choose(values: np.ndarray, searches: np.ndarray) -> np.ndarray:
    """Return of each search the trial with the highest value, the earlier on a tie; NaN loses."""
    values = np.where(np.isnan(values), -np.inf, values)
    return searches[np.arange(len(searches)), values[searches].argmax(axis=1)]


def choose_by(values: np.ndarray, pool: Pool, rng: np.random.Generator) -> float:
    """Choose by other values of the trials, in place of their validation scores."""
    validation, _, test = best_scores(pool).to_numpy().T
    searches = draw_searches(len(test), rng)
    return float(np.nanmean(test[choose(values, searches)] - test[choose(validation, searches)]))


def loss_as_proxy(pools: Pools, rng: np.random.Generator) -> float:
    """Choose by the validation loss at each trial's best checkpoint, in place of the score."""
    return choose_by(-pools["full"].whole("validation_loss"), pools["full"], rng)


def other_metric(pools: Pools, rng: np.random.Generator) -> float:
    """Choose by another metric: Matthews' for accuracy, accuracy for it, Spearman's for Pearson."""
    pool = pools["full"]
    other = {"pearson": "spearman", "matthews": "accuracy"}
    metric = other.get(TASKS[pool.task].metric, "matthews")
    scores = score_answers(metric, pool.answers("validation"), pool.labels("validation"))
    return choose_by(scores, pool, rng)


def ensemble(pools: Pools, rng: np.random.Generator) -> float:
    """Let the best few trials of a search vote, in place of taking the best."""
    pool = pools["full"]
    answers, labels = pool.answers("test"), pool.labels("test")
    validation = np.nan_to_num(pool.whole("validation_score"), nan=-np.inf)
    searches = draw_searches(len(validation), rng, 2 * N_TRIALS)
    ranks = (-validation[searches]).argsort(axis=1, kind="stable")[:, :TOP]
    best = np.take_along_axis(searches, ranks, axis=1)
    if TASKS[pool.task].labels is None:
        joint = answers[best].mean(axis=1)
    else:
        classes = np.unique(labels)
        votes = np.stack([(answers[best] == c).sum(axis=1) for c in classes])
        joint = classes[votes.argmax(axis=0)]
    metric = TASKS[pool.task].metric
    together, alone = (score_answers(metric, a, labels) for a in (joint, answers[best[:, 0]]))
    return float((together - alone).mean())


def own_split(pools: Pools, rng: np.random.Generator) -> float:
    """Score each trial on a random half of the validation set of its own, or all on the same."""
    pool = pools["full"]
    answers, labels = pool.answers("validation"), pool.labels("validation")
    test = best_scores(pool)["test_score"].to_numpy()
    searches = draw_searches(len(test), rng)
    own = rng.random((*searches.shape, len(labels))).argsort(axis=-1)[..., : len(labels) // 2]
    same = np.broadcast_to(own[:, :1], own.shape)
    scores = []
    for rows in (own, same):
        of_trials = np.take_along_axis(answers[searches], rows, axis=-1)
        values = score_answers(TASKS[pool.task].metric, of_trials, labels[rows])
        scores.append(test[searches[np.arange(len(searches)), values.argmax(axis=1)]])
    return float(np.nanmean(scores[0] - scores[1]))


def draw_grids(grid: Pool, rng: np.random.Generator) -> np.ndarray:
    """Draw grid searches, each configuration with a recorded seed: validation and test scores."""
    validation, _, test = best_scores(grid).to_numpy().T
    configurations = grid.trials["configuration"].to_numpy()
    rows = [np.flatnonzero(configurations == c) for c in np.unique(configurations)]
    best = choose(validation, np.stack([rng.choice(r, N_DRAWS) for r in rows], axis=1))
    return np.stack([validation[best], test[best]])


def repetitions_overfit(pools: Pools, rng: np.random.Generator) -> float:
    """Take the best of many tuning runs: how much more often does it overfit against the grid?"""
    validation, _, test = best_scores(pools["full"]).to_numpy().T
    grid_validation, grid_test = draw_grids(pools["grid"], rng)
    runs = [choose(validation, draw_searches(len(test), rng)) for _ in range(REPETITIONS)]
    best = choose(validation, np.stack(runs, axis=1))

    def overfits(trials: np.ndarray) -> float:
        return float(((validation[trials] > grid_validation) & (test[trials] < grid_test)).mean())

    return overfits(best) - float(np.mean([overfits(run) for run in runs]))


def mined_order(pools: Pools, rng: np.random.Generator) -> float:
    """Fix what overfitting winners point to, in place of the warm-up ratio, and search again.

    Mined is the hyperparameter in which the overfitting winners of three runs lie farthest from the
    mean of the space, in its deviations. To fix is to keep the third of the trials that are
    nearest to grid search's value.
    """
    validation, _, test = best_scores(pools["full"]).to_numpy().T
    trials, grid = pools["full"].trials, pools["grid"].trials
    names = [n for n in FIXABLE if trials[n].std() > 0 and grid[n].nunique() == 1]
    values = trials[names].to_numpy(float)
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    distance = np.abs(values - grid[names].iloc[0].to_numpy(float))
    kept = [distance[:, i].argsort(kind="stable")[: len(trials) // 3] for i in range(len(names))]
    after = [_mean_after(validation, test, trial, rng) for trial in kept]
    grid_validation, grid_test = draw_grids(pools["grid"], rng)
    runs = np.stack([choose(validation, draw_searches(len(test), rng)) for _ in range(3)], axis=1)
    overfits = (validation[runs] > grid_validation[:, None]) & (test[runs] < grid_test[:, None])
    some = overfits.any(axis=1)
    if not some.any():
        return float("nan")
    pointed = (standard[runs[some]] * overfits[some][..., None]).sum(axis=1)
    mined = np.abs(pointed / overfits[some].sum(axis=1)[:, None]).argmax(axis=1)
    return float(np.take(after, mined).mean() - after[names.index("warmup_ratio")])


def _mean_after(
    validation: np.ndarray, test: np.ndarray, trials: np.ndarray, rng: np.random.Generator
) -> float:
    """Return the mean test score of searches among some of the trials."""
    searches = trials[draw_searches(len(trials), rng, min(N_TRIALS, len(trials)))]
    return float(np.nanmean(test[choose(validation, searches)]))


def _seed_searches(pool: Pool, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw searches over configurations with one seed, and over as many pairs with any seed.

    Returns:
        test scores by configuration and seed; seed and choice of the first; pairs, and the pair
        chosen, of the second.
    """
    frame = best_scores(pool).join(pool.trials[["configuration", "init_seed"]])
    wide = frame.pivot(index="configuration", columns="init_seed")
    names = ("validation_score", "test_score")
    validation, test = (wide[name].dropna(axis=1).to_numpy() for name in names)
    n, m = validation.shape
    seed = rng.integers(m, size=N_DRAWS)
    alone = validation[:, seed].argmax(axis=0)
    pairs = rng.random((N_DRAWS, n * m)).argsort(axis=1)[:, :n]
    return test, seed, alone, pairs, choose(validation.ravel(), pairs)


def search_over_seeds(pools: Pools, rng: np.random.Generator) -> float:
    """Search pairs of configuration and seed, in place of configurations with one seed."""
    test, seed, alone, _, pair = _seed_searches(pools["seeds"], rng)
    return float((test.ravel()[pair] - test[alone, seed]).mean())


def found_with_its_seed(pools: Pools, rng: np.random.Generator) -> float:
    """Train what either search chose with seeds that it had not seen."""
    test, seed, alone, pairs, pair = _seed_searches(pools["seeds"], rng)
    n, m = test.shape
    seen = np.zeros((N_DRAWS, n * m), bool)
    np.put_along_axis(seen, pairs, True, axis=1)
    chosen = pair // m
    fresh = ~seen.reshape(N_DRAWS, n, m)[np.arange(N_DRAWS), chosen]
    joint = np.where(fresh, test[chosen], 0).sum(axis=1) / fresh.sum(axis=1).clip(1)
    others = (test[alone].sum(axis=1) - test[alone, seed]) / (m - 1)
    return float((joint - others)[fresh.any(axis=1)].mean())


EXPERIMENTS: dict[str, tuple[Callable[[Pools, np.random.Generator], float], str, str]] = {
    # claim -> the experiment, the space that it needs, and what it does
    "future-seed-search": (search_over_seeds, "seeds", "search seeds, too"),
    "future-seed-search-fresh": (found_with_its_seed, "seeds", "the same, with fresh seeds"),
    "future-loss-proxy": (loss_as_proxy, "full", "choose by loss"),
    "future-other-metric": (other_metric, "full", "choose by another metric"),
    "future-repetitions-overfit": (repetitions_overfit, "grid", "best of ten runs: overfits"),
    "future-mined-order": (mined_order, "grid", "mine what to fix"),
    "future-ensemble": (ensemble, "full", "let the best five vote"),
    "future-own-split": (own_split, "full", "a split for each trial"),
}
LABELS = {claim: label for claim, (_, _, label) in EXPERIMENTS.items()}


def run_experiments(recorded: Recorded, *, seed: int = 0) -> pd.DataFrame:
    """Carry out every experiment on parts of every model and task of which enough was recorded.

    Returns:
        one row an experiment, model, task and part: claim, model, task, part, value (fraction).
    """
    rows = []
    for number, ((model, task), pools) in enumerate(read_cells(recorded).items()):
        for part in range(PARTS):
            pieces = {space: pool.part(part, PARTS) for space, pool in pools.items()}
            for place, (claim, (experiment, space, _)) in enumerate(EXPERIMENTS.items()):
                if space in pieces and len(pieces["full"]) >= LEAST:
                    rng = np.random.default_rng([seed, place, number, part])
                    rows.append((claim, model, task, part, experiment(pieces, rng)))
    return pd.DataFrame(rows, columns=["claim", "model", "task", "part", "value"])
