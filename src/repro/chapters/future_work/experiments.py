"""What section 7 of Liu & Wang 2021 leaves to others, tried on recorded trials.

Each experiment replays random searches two ways on one model and task, and returns the mean
difference of what they give on test (fractions). A search of n trials is n recorded trials drawn at
random; its choice is the one with the highest validation score.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from repro.data.definitions import TASKS
from repro.results.recorded import Recorded
from repro.study.pools import Pool, read_pools

N_TRIALS = 8  # of a search, about what random search gets for grid search's time
N_DRAWS = 1_000
TOP = 5  # trials of an ensemble
REPETITIONS = 10
PARTS = 3  # of a cell, to judge by
LEAST = 4 * N_TRIALS  # trials of a part to draw searches from
FIXABLE = ("warmup_ratio", "attention_dropout", "hidden_dropout", "weight_decay")


@dataclass(frozen=True, eq=False)
class Cell:
    """The recorded trials of one model and task, or a part of them and of the test examples."""

    recorded: Recorded
    pools: dict[str, Pool]  # by space
    model: str
    task: str
    number: int = 0  # of the part
    n: int = 1
    _cache: dict = field(default_factory=dict)

    def scores(self, space: str = "full") -> pd.DataFrame:
        """Return of each trial what it has at its best checkpoint, NaN where it has nothing."""
        pool = self.pools[space]
        test = score_answers(self, self.answers("test", space), self.labels("test"))
        names = ("validation_score", "validation_loss")
        return pd.DataFrame({name: pool.whole(name) for name in names} | {"test_score": test})

    def answers(self, split: str, space: str = "full") -> np.ndarray:
        """Return what trials predict at their best checkpoints, a row a trial."""
        if (key := (split, space)) not in self._cache:
            cell = {"model": self.model, "task": self.task, "space": space}
            frame = self.recorded.predictions(split, **cell)
            self._cache[key] = frame.reindex(self.pools[space].trials["trial"]).to_numpy(float)
        return self._cache[key][:, self._examples(split)]

    def labels(self, split: str) -> np.ndarray:
        labels = self.recorded.labels(split, task=self.task, space="full").astype(float)
        return labels[self._examples(split)]

    def _examples(self, split: str) -> slice:
        return slice(self.number, None, self.n) if split == "test" else slice(None)

    def part(self, number: int, n: int) -> "Cell":
        """Return one of n parts that have no trial, training seed or test example in common."""
        pools = {space: _part_of(pool, number, n) for space, pool in self.pools.items()}
        return Cell(self.recorded, pools, self.model, self.task, number, n)


def _part_of(pool: Pool, number: int, n: int) -> Pool:
    seeds = pool.trials["init_seed"].rank(method="dense").to_numpy(int)
    unit = seeds if seeds.max() > 1 else np.arange(len(pool))
    rows = np.flatnonzero(unit % n == number)
    curves = {name: values[rows] for name, values in pool.curves.items()}
    trials = pool.trials.iloc[rows].reset_index(drop=True)
    return replace(pool, trials=trials, curves=curves, lengths=pool.lengths[rows])


def read_cells(recorded: Recorded) -> list[Cell]:
    """Return the models and tasks of which the full space was recorded."""
    pools = read_pools(recorded)
    keys = [(model, task) for model, task, space in pools if space == "full" and task in TASKS]
    return [
        Cell(recorded, {s: p for (m, t, s), p in pools.items() if (m, t) == key}, *key)
        for key in keys
    ]


def score_answers(cell: Cell, answers: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Score each row of answers: accuracy, or a correlation; Matthews' is that of zeros and ones.

    Args:
        labels: shape (n_examples,), or as the answers.
    """
    if TASKS[cell.task].metric in ("matthews", "pearson"):
        return _correlate(answers, labels)
    return np.where(np.isnan(answers).any(axis=-1), np.nan, (answers == labels).mean(axis=-1))


def _correlate(values: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return Pearson's r of each row with its labels; 0 of a row that does not vary."""
    rows, others = (x - x.mean(axis=-1, keepdims=True) for x in (values, labels))
    spread = np.sqrt((rows**2).sum(axis=-1) * (others**2).sum(axis=-1))
    return (rows * others).sum(axis=-1) / np.where(spread > 0, spread, np.inf)


def draw_searches(n_pool: int, rng: np.random.Generator, n_trials: int = N_TRIALS) -> np.ndarray:
    """Draw searches without replacement, of at most half the pool: shape (N_DRAWS, n_trials)."""
    n_trials = max(1, min(n_trials, n_pool // 2))
    return rng.random((N_DRAWS, n_pool)).argsort(axis=1)[:, :n_trials]


def choose(values: np.ndarray, searches: np.ndarray) -> np.ndarray:
    """Return of each search the trial with the highest value, the earlier on a tie; NaN loses."""
    values = np.where(np.isnan(values), -np.inf, values)
    return searches[np.arange(len(searches)), values[searches].argmax(axis=1)]


def loss_as_proxy(cell: Cell, rng: np.random.Generator) -> float:
    """Choose by the validation loss at each trial's best checkpoint, in place of the score."""
    scores = cell.scores()
    test, searches = scores["test_score"].to_numpy(), draw_searches(len(scores), rng)
    by_loss = choose(-scores["validation_loss"].to_numpy(), searches)
    by_score = choose(scores["validation_score"].to_numpy(), searches)
    return float(np.nanmean(test[by_loss] - test[by_score]))


def other_metric(cell: Cell, rng: np.random.Generator) -> float:
    """Choose by another metric: Matthews' for accuracy, accuracy for it, Spearman's for Pearson."""
    scores, labels = cell.scores(), cell.labels("validation")
    answers, metric = cell.answers("validation"), TASKS[cell.task].metric
    if metric == "pearson":
        other = _correlate(rankdata(answers, axis=1), rankdata(labels))
    elif metric == "matthews":
        other = (answers == labels).mean(axis=1)
    else:
        other = _correlate(answers, labels)
    test, searches = scores["test_score"].to_numpy(), draw_searches(len(scores), rng)
    own = choose(scores["validation_score"].to_numpy(), searches)
    return float(np.nanmean(test[choose(other, searches)] - test[own]))


def ensemble(cell: Cell, rng: np.random.Generator) -> float:
    """Let the best few trials of a search vote, in place of taking the best."""
    validation = cell.scores()["validation_score"].fillna(-np.inf).to_numpy()
    answers, labels = cell.answers("test"), cell.labels("test")
    searches = draw_searches(len(validation), rng, 2 * N_TRIALS)
    ranks = (-validation[searches]).argsort(axis=1, kind="stable")[:, :TOP]
    best = np.take_along_axis(searches, ranks, axis=1)
    if TASKS[cell.task].labels is None:
        joint = answers[best].mean(axis=1)
    else:
        classes = np.unique(labels)
        votes = np.stack([(answers[best] == c).sum(axis=1) for c in classes])
        joint = classes[votes.argmax(axis=0)]
    return float(
        (
            score_answers(cell, joint, labels) - score_answers(cell, answers[best[:, 0]], labels)
        ).mean()
    )


def own_split(cell: Cell, rng: np.random.Generator) -> float:
    """Score each trial on a random half of the validation set of its own, or all on the same."""
    answers, labels = cell.answers("validation"), cell.labels("validation")
    test = cell.scores()["test_score"].to_numpy()
    searches = draw_searches(len(test), rng)
    half = len(labels) // 2
    own = rng.random((*searches.shape, len(labels))).argsort(axis=-1)[..., :half]
    same = np.broadcast_to(own[:, :1], own.shape)
    found = []
    for rows in (own, same):
        of_trials = np.take_along_axis(answers[searches], rows, axis=-1)
        values = score_answers(cell, of_trials, labels[rows])
        found.append(searches[np.arange(len(searches)), values.argmax(axis=1)])
    return float(np.nanmean(test[found[0]] - test[found[1]]))


def draw_grids(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw grid searches, each configuration with a recorded seed: validation and test scores."""
    scores = cell.scores("grid")
    configurations = cell.pools["grid"].trials["configuration"].to_numpy()
    drawn = np.stack(
        [
            rng.choice(np.flatnonzero(configurations == c), N_DRAWS)
            for c in np.unique(configurations)
        ],
        axis=1,
    )
    best = choose(scores["validation_score"].to_numpy(), drawn)
    return tuple(scores[name].to_numpy()[best] for name in ("validation_score", "test_score"))


def repetitions_overfit(cell: Cell, rng: np.random.Generator) -> float:
    """Take the best of many tuning runs: how much more often does it overfit against the grid?"""
    scores = cell.scores()
    validation, test = (scores[n].to_numpy() for n in ("validation_score", "test_score"))
    grid_validation, grid_test = draw_grids(cell, rng)
    runs = [choose(validation, draw_searches(len(scores), rng)) for _ in range(REPETITIONS)]
    best = choose(validation, np.stack(runs, axis=1))

    def overfits(trials: np.ndarray) -> float:
        return float(((validation[trials] > grid_validation) & (test[trials] < grid_test)).mean())

    return overfits(best) - float(np.mean([overfits(run) for run in runs]))


def mined_order(cell: Cell, rng: np.random.Generator) -> float:
    """Fix what overfitting winners point to, in place of the warm-up ratio, and search again.

    Mined is the hyperparameter in which the overfitting winners of three runs lie farthest from the
    mean of the space, in its deviations. To fix is to keep the third of the trials that are
    nearest to grid search's value.
    """
    scores, trials = cell.scores(), cell.pools["full"].trials
    validation, test = (scores[n].to_numpy() for n in ("validation_score", "test_score"))
    grid = cell.pools["grid"].trials
    names = [n for n in FIXABLE if trials[n].std() > 0 and grid[n].nunique() == 1]
    values = trials[names].to_numpy(float)
    standard = (values - values.mean(axis=0)) / values.std(axis=0)
    distance = np.abs(values - grid[names].iloc[0].to_numpy(float))
    kept = [distance[:, i].argsort(kind="stable")[: len(trials) // 3] for i in range(len(names))]
    after = [_mean_after(validation, test, trial, rng) for trial in kept]
    grid_validation, grid_test = draw_grids(cell, rng)
    runs = np.stack([choose(validation, draw_searches(len(scores), rng)) for _ in range(3)], axis=1)
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


def _by_seed(cell: Cell) -> tuple[np.ndarray, np.ndarray]:
    """Return validation and test scores of the space `seeds`, by configuration and seed."""
    trials = cell.pools["seeds"].trials
    frame = cell.scores("seeds").assign(
        configuration=trials["configuration"], seed=trials["init_seed"]
    )
    names = ("validation_score", "test_score")
    tables = [frame.pivot(index="configuration", columns="seed", values=n) for n in names]
    return tuple(table.dropna(axis=1).to_numpy() for table in tables)


def _seed_searches(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Draw searches over configurations with one seed, and over as many pairs with any seed.

    Returns:
        test scores by configuration and seed; seed and choice of the first; pairs and choice (its
        place among the pairs) of the second.
    """
    validation, test = _by_seed(cell)
    n, m = validation.shape
    seed = rng.integers(m, size=N_DRAWS)
    alone = validation[:, seed].argmax(axis=0)
    pairs = rng.random((N_DRAWS, n * m)).argsort(axis=1)[:, :n]
    return test, seed, alone, pairs, validation.ravel()[pairs].argmax(axis=1)


def search_over_seeds(cell: Cell, rng: np.random.Generator) -> float:
    """Search pairs of configuration and seed, in place of configurations with one seed."""
    test, seed, alone, pairs, place = _seed_searches(cell, rng)
    chosen = pairs[np.arange(N_DRAWS), place]
    return float((test.ravel()[chosen] - test[alone, seed]).mean())


def found_with_its_seed(cell: Cell, rng: np.random.Generator) -> float:
    """Train what either search chose with seeds that it had not seen."""
    test, seed, alone, pairs, place = _seed_searches(cell, rng)
    n, m = test.shape
    seen = np.zeros((N_DRAWS, n * m), bool)
    np.put_along_axis(seen, pairs, True, axis=1)
    chosen = pairs[np.arange(N_DRAWS), place] // m
    fresh = ~seen.reshape(N_DRAWS, n, m)[np.arange(N_DRAWS), chosen]
    joint = np.where(fresh, test[chosen], 0).sum(axis=1) / fresh.sum(axis=1).clip(1)
    others = (test[alone].sum(axis=1) - test[alone, seed]) / (m - 1)
    return float((joint - others)[fresh.any(axis=1)].mean())


EXPERIMENTS: dict[str, tuple[Callable[[Cell, np.random.Generator], float], str]] = {
    # claim -> the experiment and the spaces that it needs
    "future-seed-search": (search_over_seeds, "seeds"),
    "future-seed-search-fresh": (found_with_its_seed, "seeds"),
    "future-loss-proxy": (loss_as_proxy, "full"),
    "future-other-metric": (other_metric, "full"),
    "future-repetitions-overfit": (repetitions_overfit, "grid"),
    "future-mined-order": (mined_order, "grid"),
    "future-ensemble": (ensemble, "full"),
    "future-own-split": (own_split, "full"),
}


def run_experiments(recorded: Recorded, *, seed: int = 0) -> pd.DataFrame:
    """Carry out every experiment on parts of every model and task of which enough was recorded.

    Returns:
        one row an experiment, model, task and part: claim, model, task, part, value (fraction).
    """
    columns = ["claim", "model", "task", "part", "value"]
    return pd.DataFrame(list(_rows(read_cells(recorded), seed)), columns=columns)


def _rows(cells: list[Cell], seed: int) -> Iterator[dict]:
    for number, cell in enumerate(cells):
        for part, piece in enumerate(cell.part(i, PARTS) for i in range(PARTS)):
            for place, (claim, (experiment, space)) in enumerate(EXPERIMENTS.items()):
                if space not in piece.pools or len(piece.pools["full"]) < LEAST:
                    continue
                rng = np.random.default_rng([seed, place, number, part])
                known = {"claim": claim, "model": cell.model, "task": cell.task, "part": part}
                yield known | {"value": experiment(piece, rng)}
