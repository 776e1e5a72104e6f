"""How sure is a verdict? Standard errors over examples, and verdicts that chance alone gives."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint

from repro.chapters.procedure.rules import Rule
from repro.data.definitions import GLUE_SIZES
from repro.stats.incumbents import SPLITS, tuned_metrics
from repro.stats.overfitting import judge_differences
from repro.stats.rules import score_error
from repro.stats.weighted_scores import weighted_scores

_CHUNK = 1_000_000  # weights held at a time


def sign_uncertainty(
    judged: pd.DataFrame,
    best: pd.DataFrame,
    predictions: Callable[[str], pd.DataFrame],
    *,
    n_resamples: int = 1000,
) -> pd.DataFrame:
    """Bootstrap each repetition's scores and their differences from grid's over the examples.

    Both are scored on the same resampled examples, validation and test apart. That the best of
    many trials was chosen on validation is not undone: its difference is an optimistic one.

    Args:
        judged, best: from `judge_rounds` and `best_trials`, grid search among the latter.
        predictions: run_id -> split, checkpoint, index, prediction, label.
    Returns:
        `judged` with, for each split, se_<split> (of the score) and se_<split>_difference
        (fractions), within (whether a difference is smaller than its standard error), p_overfits
        (validation above and test below grid's, in how many resamples; ties count half) and
        p_wrong (that the signs behind the verdict are others).
    Source: Efron & Tibshirani 1993, ch. 6 and 13.
    """
    grid_runs = best[best["method"] == "grid"].set_index(["model", "task"])["run_id"]
    metrics, rows = tuned_metrics(best), []
    for number, judgement in enumerate(judged.to_dict("records")):
        rng, task = np.random.default_rng([0, number]), judgement["task"]
        grid_run = grid_runs[judgement["model"], task]
        ours, grids, row = predictions(judgement["run_id"]), predictions(grid_run), {}
        for split, side in zip(SPLITS, (1, -1), strict=True):
            both, labels = _same_examples(ours, grids, split)
            resampled = [
                weighted_scores(both, labels, weights, metric=metrics[task])
                for weights in _draw_weights(len(labels), rng, n_resamples)
            ]
            scores, grid = np.concatenate(resampled).T
            gains = side * (scores - grid)
            row |= {f"se_{split}": scores.std(ddof=1), f"se_{split}_difference": gains.std(ddof=1)}
            row[f"p_{split}"] = (gains > 0).mean() + (gains == 0).mean() / 2
        rows.append(row)
    names = [name.format(s) for name in ("se_{}", "p_{}", "se_{}_difference") for s in SPLITS]
    return _with_chances(judged.join(pd.DataFrame(rows, judged.index, names, dtype=float)))


def _same_examples(ours: pd.DataFrame, grids: pd.DataFrame, split: str) -> tuple:
    """Return predictions, of shape (n, 2), and labels."""
    sides = [f[(f["split"] == split) & (f["checkpoint"] == "best")] for f in (ours, grids)]
    pair = sides[0].merge(sides[1][["index", "prediction"]], on="index", suffixes=("", "_grid"))
    if not len(pair) == len(sides[0]) == len(sides[1]):
        raise ValueError(
            f"two runs must have predictions of the same {split} examples to be compared, but got "
            f"{len(sides[0])} and {len(sides[1])}, {len(pair)} in common"
        )
    return pair[["prediction", "prediction_grid"]].to_numpy(float), pair["label"]


def _draw_weights(n_examples: int, rng, n_resamples: int) -> Iterator[np.ndarray]:
    """Yield how often each example is drawn, in blocks of resamples that fit in memory."""
    most = max(1, _CHUNK // n_examples)
    for size in [most] * (n_resamples // most) + [n_resamples % most]:
        drawn = rng.integers(n_examples, size=(size, n_examples))
        flat = (drawn + n_examples * np.arange(size)[:, None]).ravel()
        yield np.bincount(flat, minlength=size * n_examples).reshape(size, n_examples)


def _with_chances(rows: pd.DataFrame) -> pd.DataFrame:
    """Turn the chances of each sign into those of overfitting and of a wrong verdict."""
    p_validation, p_test = (rows.pop(f"p_{split}") for split in SPLITS)
    p_overfits = p_validation * p_test
    wrong = {"overfits": 1 - p_overfits, "weak": 1 - p_test, "no": p_overfits}
    p_wrong = np.select([rows["verdict"] == v for v in wrong], list(wrong.values()), np.nan)
    gains = [(rows[f"{s}_score"] - rows[f"grid_{s}_score"]).abs() for s in SPLITS]
    within = [gain < rows[f"se_{s}_difference"] for gain, s in zip(gains, SPLITS, strict=True)]
    return rows.assign(within=within[0] | within[1], p_overfits=p_overfits, p_wrong=p_wrong)


def published_uncertainty(judged: pd.DataFrame) -> pd.DataFrame:
    """Give published verdicts of `judge_rounds` the errors that their numbers of examples allow.

    Without predictions the pairing is unknown: the error of a difference is that of two
    independent scores, which is too large where both models err on the same examples. Columns as
    of `sign_uncertainty`, by normal approximations.
    """
    columns = {}
    for split, side in zip(SPLITS, (1, -1), strict=True):
        ours, grids = judged[f"{split}_score"], judged[f"grid_{split}_score"]
        cells = zip(judged["task"], judged["metric"], ours, grids, strict=True)
        errors = np.array([
            [score_error(score, metric=metric, n=GLUE_SIZES[task][split]) for score in pair]
            for task, metric, *pair in cells
        ])  # fmt: skip
        se = np.hypot(*errors.T)
        columns |= {f"se_{split}": errors[:, 0], f"se_{split}_difference": se}
        columns[f"p_{split}"] = norm.cdf(side * (ours - grids) / se)
    return _with_chances(judged.assign(**columns))


def verdicts_by_chance(
    trials: pd.DataFrame, rule: Rule, *, repetitions: int = 3, n_simulations: int = 10_000
) -> pd.DataFrame:
    """Simulate how often a round gives each verdict if HPO and grid search were equally good.

    Grid search and each repetition try as many trials as grid search did, draw them from one pool,
    the trials of this model and task that were trained to the end, whatever their method, space
    and budget, and take the one best on validation. In a pool of few trials two of them take the
    same one, a tie, which understates overfitting.

    Returns:
        one row a model and task: n_pool, n_draws, p_overfits (any repetition, also weakly),
        p_succeeds, p_neither.
    """
    rows, scores = [], ["validation_score", "test_score", "validation_loss"]
    shape = n_simulations, repetitions
    for number, ((model, task), group) in enumerate(trials.groupby(["model", "task"])):
        pool = group[group["status"] == "completed"].dropna(subset=scores[:2])
        pool = pool[scores].drop_duplicates()  # a larger budget begins with the same trials
        n_draws, rng = int((group["method"] == "grid").sum()), np.random.default_rng([0, number])
        shares = simulate_verdicts(pool.to_numpy(float), n_draws, rule=rule, shape=shape, rng=rng)
        row = {"model": model, "task": task, "n_pool": len(pool), "n_draws": n_draws}
        rows.append(row | shares)
    return pd.DataFrame(rows)


def rounds_against_chance(chance: pd.DataFrame, trace: pd.DataFrame) -> pd.DataFrame:
    """Put how often rounds of a trace overfit beside how often chance alone would make them.

    Returns:
        the rows of `verdicts_by_chance` with n_over of n rounds, share, and low and high, its 95 %
        Wilson interval, which takes the rounds of a task for independent.
    """
    rounds = trace.assign(over=trace["n_overfits"] + trace["n_weak"] > 0)
    rounds = rounds.groupby(["model", "task"])["over"].agg(n_over="sum", n="size").reset_index()
    data = chance.merge(rounds, on=["model", "task"])
    low, high = proportion_confint(data["n_over"], data["n"], method="wilson")
    return data.assign(share=data["n_over"] / data["n"], low=low, high=high)


def describe_chance(rounds: pd.DataFrame) -> str:
    """Say how many rounds overfit, and how many would if nothing were better than anything."""
    expected = (rounds["p_overfits"] * rounds["n"]).sum()
    return (
        f"{rounds['n_over'].sum()} of {rounds['n'].sum()} rounds overfit; if HPO and grid search "
        f"were equally good, chance alone would make {expected:.1f} of them overfit."
    )


def simulate_verdicts(
    pool: np.ndarray, n_draws: int, *, rule: Rule, shape: tuple[int, int], rng
) -> dict[str, float]:
    """Draw grid search and the repetitions from one pool, and return the share of each verdict.

    Args:
        pool: shape (n_trials, 3): validation score, test score, validation loss.
        n_draws: trials that each of them tries.
        shape: numbers of simulated rounds and of repetitions.
    """
    if not len(pool) or n_draws < 1:
        raise ValueError(
            "a pool must hold trials and each search try at least one, but got "
            f"{len(pool)} trials and {n_draws} draws; run grid search and random search first"
        )
    pool = rng.permutation(pool)
    pool = pool[np.argsort(pool[:, 0], kind="stable")]
    # the best of m draws out of n ranks: the maximum of m uniform numbers is U**(1/m)
    best = rng.random((shape[0], shape[1] + 1)) ** (1 / n_draws)
    drawn = pool[(best * len(pool)).astype(int)]
    validation, test, loss = np.moveaxis(drawn[:, 1:] - drawn[:, :1], 2, 0)  # each of this shape
    loss = {"loss": loss, "tie": np.full(shape, -1.0), "off": np.ones(shape)}[rule.weak]
    verdicts = judge_differences(validation, test, loss)
    overfits = np.isin(verdicts, ["overfits", "weak"]).any(axis=1)
    better = {
        "means": (validation.mean(1) > 0) & (test.mean(1) > 0),
        "validation": validation.mean(1) > 0,
        "every": ((validation > 0) & (test > 0)).all(1),
    }[rule.outperforms]
    p_overfits, p_succeeds = overfits.mean(), (better & ~overfits).mean()
    p_neither = 1 - p_overfits - p_succeeds
    return {"p_overfits": p_overfits, "p_succeeds": p_succeeds, "p_neither": p_neither}
