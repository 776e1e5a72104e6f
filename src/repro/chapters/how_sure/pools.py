"""What whole pools say without a grid search: tuning curves, overtuning, luck among the best."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from repro.chapters.how_sure.effects import ESTIMATE, in_batches, with_errors
from repro.chapters.how_sure.laboratory import METHODS, Laboratory
from repro.data.definitions import TASKS
from repro.labels import TASK_LABELS, label
from repro.stats.bands import tuning_bands
from repro.stats.correlation import row_correlations
from repro.stats.weighted_scores import weighted_scores
from repro.study.pools import Clock, Pool
from repro.study.replay_many import Replays, replay_many

TOP = 4  # trials, as in the paper's Table 7
LEAST_GAIN = 0.001  # of a run whose overtuning is put in proportion (see `overtuning`)
COUNTS = (4, 16, 64, 256)  # trials of a tuning run
SIZES = (60, 120, 240, 500, 1000)  # validation examples
_DRAWS = 1000


def named_pools(lab: Laboratory) -> dict[str, Pool]:
    """Return a title -> each pool of the full space, and of the real recorded curves."""
    pools = [cell.pools["full"] for cell in lab.cells] + list(lab.others.values())
    return {f"{pool.model}, {label(pool.task, TASK_LABELS)}": pool for pool in pools}


def draws(pool: Pool, n_trials: int, *, n: int = _DRAWS, seed: int = 0) -> np.ndarray:
    """Draw random searches of so many whole trials: rows of the pool, shape (n, n_trials)."""
    rng = np.random.default_rng([seed, n_trials])
    return rng.random((n, len(pool))).argsort(axis=1)[:, :n_trials]


def curves(pools: Mapping[str, Pool], *, most: int = 256) -> pd.DataFrame:
    """Estimate the median best of n trials, on validation, and that of the winner on test.

    Returns:
        one row a pool and n: pool, n, best, low, high (validation; bands that hold for all n at
        once, from `tuning_bands`) and test (mean test score of the trial chosen on validation).
    """
    parts = []
    for name, pool in pools.items():
        validation, test = (pool.whole(f"{split}_score") for split in ("validation", "test"))
        most_here = min(most, len(pool))
        table = tuning_bands(validation, n_max=most_here, bounds=(-1, 1))
        table["test"] = _test_of_chosen(validation, test, most_here)
        parts.append(table.assign(pool=name))
    return pd.concat(parts, ignore_index=True)


def _test_of_chosen(validation: np.ndarray, test: np.ndarray, most: int) -> np.ndarray:
    """Return the expected test score of the best of n trials on validation, for n to `most`."""
    known = ~np.isnan(validation)
    order = np.argsort(validation[known], kind="stable")
    ranks = np.arange(len(order) + 1)[:, None] / len(order)
    chance = np.diff(ranks ** np.arange(1, most + 1), axis=0)  # that rank i is the best of n
    return test[known][order] @ chance


def overtuning(pools: Mapping[str, Pool], *, counts: Sequence[int] = COUNTS) -> pd.DataFrame:
    """Measure how far the final incumbent's test score lies below the best incumbent's before it.

    Returns:
        one row a pool and number of trials: pool, n_trials, points (mean overtuning, fraction);
        known, the share of runs whose incumbents gain at least LEAST_GAIN on the first one; and of
        these none, slight (below a tenth of the gain) and severe (more than all of it).
    Source: the definitions of overtuning in `followup_facts`: over incumbents only.
    """
    rows = []
    for name, pool in pools.items():
        validation, test = (pool.whole(f"{split}_score") for split in ("validation", "test"))
        validation = np.where(np.isnan(validation), -np.inf, validation)
        for n_trials in (n for n in counts if n <= len(pool)):
            order = draws(pool, n_trials)
            best = np.maximum.accumulate(validation[order], axis=1)
            is_new = np.diff(best, axis=1, prepend=-np.inf) > 0
            place = np.maximum.accumulate(np.where(is_new, np.arange(n_trials), 0), axis=1)
            scores = np.take_along_axis(test[order], place, axis=1)
            highest = scores.max(axis=1)
            lost, gained = highest - scores[:, -1], highest - scores[:, 0]
            known = gained >= LEAST_GAIN
            share = lost[known] / gained[known]
            rows.append(
                {
                    "pool": name,
                    "n_trials": n_trials,
                    "points": lost.mean(),
                    "known": known.mean(),
                    "none": (share == 0).mean(),
                    "slight": ((share > 0) & (share < 0.1)).mean(),
                    "severe": (share > 1).mean(),
                }
            )
    return pd.DataFrame(rows)


def top_correlations(pools: Mapping[str, Pool], *, n_trials: int = 16) -> pd.DataFrame:
    """Correlate validation and test scores over all trials, and over the best four of a run.

    Returns:
        one row a pool: pool, n, r (all trials), upper (the upper half by validation), median, low
        and high (middle 95 % over runs of `n_trials`) and negative (share of runs) of the best
        four's r; undefined (share of runs in which a score is the same in all four).
    """
    rows = []
    for name, pool in pools.items():
        scores = np.stack([pool.whole(f"{split}_score") for split in ("validation", "test")])
        scores = scores[:, ~np.isnan(scores).any(axis=0)]
        upper = scores[:, np.argsort(-scores[0], kind="stable")[: scores.shape[1] // 2]]
        order = np.random.default_rng(0).random((_DRAWS, scores.shape[1])).argsort(axis=1)
        order = order[:, :n_trials]
        best = np.argsort(-scores[0][order], axis=1, kind="stable")[:, :TOP]
        r = row_correlations(*np.take_along_axis(scores[:, order], best[None], axis=2))
        known = r[~np.isnan(r)]
        quantiles = np.quantile(known, (0.5, 0.025, 0.975)) if len(known) else [np.nan] * 3
        rows.append(
            {
                "pool": name,
                "n": scores.shape[1],
                "r": float(row_correlations(*scores)),
                "upper": float(row_correlations(*upper)),
                **dict(zip(("median", "low", "high"), quantiles, strict=True)),
                "negative": (known < 0).mean(),
                "undefined": np.isnan(r).mean(),
            }
        )
    return pd.DataFrame(rows)


def winners_curse(lab: Laboratory, *, n_trials: int = 16, n_draws: int = 200) -> pd.DataFrame:
    """Tell by how much the best of a run looks better than it is, by validation examples.

    Validation sets are drawn from the recorded test predictions, whose mean is the truth then.

    Returns:
        one row a model, task and size: optimism (validation score of the chosen trial minus its
        true score), regret (the best trial's true score minus the chosen one's); fractions.
    """
    rows = []
    for cell in lab.cells:
        pool = cell.pools["full"]
        if not pool.recorded.has_predictions:
            continue
        values, labels = pool.answers("test").T, pool.labels("test")
        rng, n, metric = np.random.default_rng(0), len(labels), TASKS[cell.task].metric
        true = weighted_scores(values, labels, np.ones((1, n)), metric=metric)[0]
        order = rng.random((n_draws, len(true))).argsort(axis=1)[:, :n_trials]
        for size in SIZES:
            weights = rng.multinomial(size, np.full(n, 1 / n), size=n_draws)
            scores = weighted_scores(values, labels, weights, metric=metric)
            drawn, at = np.take_along_axis(scores, order, axis=1), np.arange(n_draws)
            chosen = drawn.argmax(axis=1)
            optimism = (drawn[at, chosen] - true[order[at, chosen]]).mean()
            regret = (true[order].max(axis=1) - true[order[at, chosen]]).mean()
            rows.append(cell.key | {"size": size, "optimism": optimism, "regret": regret})
    return pd.DataFrame(rows, columns=["model", "task", "size", "optimism", "regret"])


def against_trainings(lab: Laboratory, *, worth: Sequence[float]) -> pd.DataFrame:
    """Replay random search and ASHA on real recorded curves at budgets of whole trainings.

    Args:
        worth: budgets, in trainings of average length; those that a pool lasts for are kept. Test
            examples are as they are: there are some ten thousand of them.
    Returns:
        one row a pool, method and budget: pool, method, trainings, n_trials; pruned (share of runs
        in which ASHA stopped the trial that would have been the best of those started); and of
        the mean test score the columns of `effects.contrast`.
    """
    rows, n_worlds, n_runs = [], lab.settings.resamples, lab.settings.replays_of_each
    for name, pool in lab.others.items():
        clock, rng = Clock(lab.settings.workers, "steps"), np.random.default_rng(0)
        mean_time = pool.ends(pool.times(clock)).mean()
        deadlines = [w * mean_time / clock.workers for w in sorted(worth)]
        worlds = rng.integers(len(pool), size=(n_worlds, len(pool)))
        own = np.tile(np.arange(len(pool)), (n_worlds * n_runs, 1))
        orders = rng.permuted(np.vstack([own, np.repeat(worlds, n_runs, axis=0)]), axis=1)
        for method, asha in METHODS.items():
            done = replay_many(pool, orders, clock=clock, deadline=deadlines[-1], asha=asha)
            for trainings, deadline in zip(sorted(worth), deadlines, strict=True):
                if deadline > done.lasted.min():
                    break
                found = done.at(deadline)
                own_scores, scores = found.test_score.reshape(2, n_worlds, n_runs)
                sides = in_batches(own_scores.reshape(1, -1))[0], in_batches(scores)
                row = {"pool": name, "method": method, "trainings": trainings}
                row["n_trials"] = found.n_trials[: n_worlds * n_runs].mean()
                row["pruned"] = pruned(done, deadline)[: n_worlds * n_runs].mean()
                rows.append(row | with_errors(*sides))
    names = ["pool", "method", "trainings", "n_trials", "pruned", *ESTIMATE]
    return pd.DataFrame(rows, columns=names)


def pruned(done: Replays, time: float) -> np.ndarray:
    """Tell of each replay whether the best of the started trials was stopped before its best."""
    counts, pool = done.evaluations(time), done.pool
    whole = pool.whole("validation_score")[done.order]
    reached = pool.at_best("validation_score")[done.order, np.maximum(counts, 1) - 1]
    stopped = (done.reached < pool.lengths[done.order]) & (counts == done.reached) & (counts > 0)
    best = np.where((counts > 0) & ~np.isnan(whole), whole, -np.inf).argmax(axis=1)
    rows = np.arange(len(best))
    return stopped[rows, best] & (reached[rows, best] < whole[rows, best])
