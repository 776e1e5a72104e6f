"""The claims of Dodge et al. 2020, held against what they print and against runs of one's own.

The tasks are fixed; seeds vary. Runs that share a seed are alike, so that it is seeds that count:
each of either kind is left out in turn.
"""

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from repro.chapters.seeds.analysis import best_scores, by_task, rank_seeds, score_matrices
from repro.chapters.seeds.early_stopping import (
    BUDGETS,
    MAX_TRIALS,
    best_settings,
    score_settings,
    search_settings,
)
from repro.chapters.seeds.significance import concordance
from repro.labels import TASK_LABELS
from repro.published import load_published
from repro.stats.components import variance_ratio
from repro.stats.contrasts import on_each
from repro.stats.decisions import Estimate, Region, above, below, within
from repro.stats.ledger import Answer
from repro.stats.rules import (
    EQUAL,
    MINIMUM,
    every,
    exists,
    from_error,
    jackknife_error,
    missing_scores,
    score_error,
    share,
    undecidable,
)

TASKS = ("mrpc", "rte", "cola", "sst2")
SMALL, BIMODAL = TASKS[:3], TASKS[:2]
NEGLIGIBLE = 0.01  # of the rest's variance: seeds that explain less make no difference
N_SHUFFLES = 2_000
LOG = (np.log, np.exp)
FISHER = (lambda r: math.atanh(np.clip(r, -0.999, 0.999)), math.tanh)
WI, WI_TO_DO = {"of": "rows", "to": "rest"}, {"of": "rows", "to": "columns"}
KINDS = "seeds of each kind"
UNITS = {  # where it is not what the source prints
    "dodge-wi-differ": "ratio",
    "dodge-do-differ": "ratio",
    "dodge-good-everywhere": "Kendall's W",
}


def published_answers() -> list[Answer]:
    """Judge what Tables 1 to 3, section 4.3 and the printed runs of MRPC and RTE can decide."""
    facts = load_published("dodge_2020_table02").set_index("task")
    runs = by_task(load_published("dodge_2020_figure02"))
    best = {t: f.pivot(index="init_rank", columns="order_rank", values="score").to_numpy()
            for t, f in runs.items()}  # fmt: skip
    guesses = facts["majority_baseline"]
    diverged = {task: (table <= guesses[task] + 0.02).astype(float) for task, table in best.items()}
    settings = load_published("dodge_2020_figure06").query("rank == 1")
    settings = settings.assign(t=settings["t_started"], p=settings["p_kept"])
    settings = settings.assign(f=settings["evaluations"] / 30)
    why = "of CoLA and SST none are printed, and these were chosen and judged on the same runs"
    gains = settings["relative_error_reduction"]
    estimates = _of_best(best, diverged, printed=_printed_deviations())
    estimates |= _against_others(facts["n_validation"]) | _of_settings(settings, why)
    estimates["dodge-stopping-helps"] = undecidable(why, above(), value=float(gains.mean()))
    estimates["dodge-good-everywhere"] = _one_good_seed()
    units = UNITS | {"dodge-good-everywhere": "mean rank, of 1"}
    return [Answer(claim, "published", "full", found, units.get(claim, ""))
            for claim, found in estimates.items()]  # fmt: skip


def own_answers(
    scores: pd.DataFrame,
    *,
    baselines: pd.Series,
    stopping: pd.DataFrame,
    evidence: str,
    scale: str,
    margin: float = 0.02,
) -> list[Answer]:
    """Judge what runs of one model can decide.

    Args:
        scores: from `analysis.evaluation_scores`.
        baselines, margin: as for `analysis.diverged_share`.
        stopping: from `early_stopping.compare_settings`.
    """
    best = best_scores(scores)
    limits = best["task"].map(baselines) + margin
    low = (best["score"] <= limits) | (best["status"] == "diverged")
    lost = best["score"].isna() & ~low  # failed: nobody knows what it would have scored
    runs = {task: rows.to_numpy() for task, rows in score_matrices(best).items()}
    hits = score_matrices(best.assign(score=low.astype(float).mask(lost)))
    diverged = {task: rows.to_numpy() for task, rows in hits.items()}
    curves = {task: Curves(rows) for task, rows in by_task(scores).items()}
    why = "which setting is best changes with the runs that are drawn, in jumps"
    estimates = (
        _of_best(runs, diverged) | _of_curves(curves, diverged) | _of_settings(stopping, why)
    )
    estimates["dodge-good-everywhere"] = _agreement(best[best["task"].isin(TASKS)])
    return [Answer(claim, evidence, scale, found, UNITS.get(claim, ""))
            for claim, found in estimates.items()]  # fmt: skip


class Curves:
    """The scores of a task's runs at each evaluation.

    Args:
        rows: of `analysis.evaluation_scores`, of one task.
    """

    def __init__(self, rows: pd.DataFrame):
        seeds = [np.unique(rows[name]) for name in ("init_seed", "order_seed")]
        known = rows.dropna(subset="evaluation")
        wide = known.pivot(
            index=["init_seed", "order_seed"], columns="evaluation", values="score"
        ).reindex(pd.MultiIndex.from_product(seeds))
        shape = *map(len, seeds), wide.shape[1]
        self.scores = wide.to_numpy().reshape(shape)  # WI, DO, evaluation
        self.epochs = known.groupby("evaluation")["epoch"].max().to_numpy()

    def pair(self, *, share: float = 1.0, epoch: float = math.inf) -> np.ndarray:
        """Return the scores at the last evaluation so early, and at the last of all."""
        last = self.epochs.max(initial=0.0)
        early = np.flatnonzero((self.epochs <= share * last + 1e-9) & (self.epochs < epoch - 1e-9))
        return self.scores[..., [early[-1], -1]] if len(early) else self.scores[..., :0]


def over_seeds(
    statistic: Callable[[np.ndarray], float],
    table: np.ndarray,
    region: Region,
    scale: tuple[Callable, Callable] = (float, float),
    *,
    least: float = 0.0,
) -> Estimate:
    """Judge a smooth statistic of all runs by leaving out each seed of either kind in turn.

    What neither kind decides is counted twice, which makes it careful. Of a standard deviation of
    long-tailed scores (Student's t, 3 degrees of freedom) under strong seeds, 25 of each, 13 % of
    the decisions are wrong where nothing is there; of all else that was simulated at most 6 %.

    Args:
        table: shape (n_wi, n_do) or (n_wi, n_do, ...).
        least: the smallest error to believe, on the scale of the test.
    Source: Owen 2007 (resampling rows and columns).
    """
    n, m = table.shape[:2]
    known = {"n": min(n, m), "units": KINDS}
    runs = table.reshape(n * m, -1).sum(axis=1) if table.size else np.zeros(0)
    if reason := missing_scores(runs):
        return undecidable(reason, region, **known)
    if np.ptp(table, axis=(0, 1)).max() <= 1e-12:
        return undecidable(EQUAL, region, **known)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(table))
        if min(n, m) < MINIMUM:
            reason = f"{n} x {m} seeds, fewer than {MINIMUM} of a kind"
            return undecidable(reason, region, value=value, **known)
        left = [[scale[0](statistic(np.delete(table, i, axis))) for i in range(table.shape[axis])]
                for axis in (0, 1)]  # fmt: skip
        error = math.hypot(*(jackknife_error(np.array(values)) for values in left))
        error = max(least, error) if error > 0 else error  # or NaN
        return from_error(value, error, region, df=min(n, m) - 1, scale=scale, **known)


def _on_each(
    tasks: Collection[str], cases: Mapping[str, Estimate], *, nothing: str = "no runs"
) -> Estimate:
    """Judge whether a claim holds on each task; on one that is unknown it might not."""
    return on_each({task: cases.get(task, undecidable(nothing, above())) for task in tasks})


def _of_best(
    best: Mapping[str, np.ndarray],
    diverged: Mapping[str, np.ndarray],
    printed: Mapping[str, Estimate] | None = None,
) -> dict[str, Estimate]:
    """Judge what the best score of each run decides.

    Args:
        diverged: 1 for a run that diverged; NaN where unknown.
        printed: standard deviations of tasks whose runs are not known.
    """
    nothing = "no runs" if printed is None else "its runs are not printed"

    def each(tasks: Collection[str], judge: Callable, tables: Mapping = best) -> Estimate:
        cases = {task: judge(task, table) for task, table in tables.items() if task in tasks}
        return _on_each(tasks, cases, nothing=nothing)

    def dissimilar(task: str, table: np.ndarray) -> Estimate:
        region = above(1) if task in SMALL else below(1)
        return variance_ratio(table, region, **WI_TO_DO, units="seeds")

    spreads = dict(printed or {})
    for task, table in best.items():
        least = _error_of_deviation(min(table.shape))
        spreads[task] = over_seeds(np.std, table, above(0.01), LOG, least=least)
    return {
        "dodge-seeds-move-scores": _on_each(SMALL, spreads, nothing=nothing),
        "dodge-small-tasks-vary": _on_each(
            SMALL, {t: _ratio(spreads[t], spreads.get("sst2")) for t in SMALL if t in spreads}
        ),
        "dodge-wi-differ": each(TASKS, lambda task, table: _differ(table)),
        "dodge-do-differ": each(TASKS, lambda task, table: _differ(table.T)),
        "dodge-wi-do-comparable": each(
            TASKS,
            lambda task, table: variance_ratio(table, within(1 / 2, 2), **WI_TO_DO, units="seeds"),
        ),
        "dodge-wi-more-dissimilar": each(TASKS, dissimilar),
        "dodge-deviations-comparable": each(
            TASKS, lambda task, table: over_seeds(_deviations, table, within(0.8, 1.25), LOG)
        ),
        "dodge-some-diverge": each(
            SMALL, lambda task, table: exists(table, 0.01, units="initialisations"), diverged
        ),
        "dodge-worst-seeds-diverge": each(
            BIMODAL, lambda task, table: _worst_diverge(table, diverged[task])
        ),
    }


def _differ(table: np.ndarray) -> Estimate:
    """Judge whether rows differ at all; against it, that they differ by a negligible part only."""
    found = variance_ratio(table, above(margin=NEGLIGIBLE), **WI, units="seeds")
    little = variance_ratio(table, above(NEGLIGIBLE), **WI, units="seeds")
    return replace(found, p_against=little.p_against)


def _deviations(table: np.ndarray) -> float:
    """Return the mean standard deviation given a WI seed over that given a DO seed (Table 3)."""
    return table.std(axis=1).mean() / table.std(axis=0).mean()


def _ratio(first: Estimate, second: Estimate | None) -> Estimate:
    """Judge whether one standard deviation is above another; both were tested by logarithms."""
    parts = [e for e in (first, second) if e is not None]
    n = min(e.n for e in parts)
    if second is None or any(e.spread is None for e in parts):
        reason = next((e.reason for e in parts if e.reason), "no runs of SST")
        return undecidable(reason, above(1), n=n, units=KINDS)
    error, df = math.hypot(*(e.spread.error for e in parts)), min(e.spread.df for e in parts)
    value = first.value / second.value
    return from_error(value, error, above(1), n=n, units=KINDS, df=df, scale=LOG)


def _worst_diverge(scores: np.ndarray, diverged: np.ndarray) -> Estimate:
    """Judge whether most runs of the worst seed of each kind diverge.

    It is the worst by these very runs, which speaks for the claim: so only runs that did not
    choose it count for it.
    """
    cases = []
    for table, hits in ((scores, diverged), (scores.T, diverged.T)):
        found = share(hits[table.mean(axis=1).argmin()], above(0.5), units="runs")
        chosen = table[:, ::2].mean(axis=1).argmin()
        others = share(hits[chosen, 1::2], above(0.5), units="runs")
        cases.append(replace(found, p_for=max(found.p_for, others.p_for)))
    return every(cases)


def _of_curves(
    curves: Mapping[str, Curves], diverged: Mapping[str, np.ndarray]
) -> dict[str, Estimate]:
    """Judge what the scores during training decide; of early ones not the best so far.

    The best so far is part of a later one, so that pure noise correlates by .5 or so.
    """

    def each(tasks: Collection[str], judge: Callable) -> Estimate:
        return _on_each(tasks, {t: judge(t, c) for t, c in curves.items() if t in tasks})

    def ranks(pair: np.ndarray) -> Estimate:
        return over_seeds(_rank_correlation, pair, above(0.5), FISHER)

    def calmer(scores: np.ndarray) -> float:
        return scores.max(axis=2).std() - scores[..., -1].std()

    return {
        "dodge-early-ranks": each(SMALL, lambda task, curve: ranks(curve.pair(epoch=1))),
        "dodge-sst-after-two-epochs": each(
            ["sst2"], lambda task, curve: ranks(curve.pair(share=2 / 3))
        ),
        "dodge-evaluate-often-variance": each(
            TASKS, lambda task, curve: over_seeds(calmer, curve.scores, below())
        ),
        "dodge-pearson-alike": each(
            TASKS, lambda task, curve: over_seeds(_kinds_apart, curve.scores, within(-0.1, 0.1))
        ),
        "dodge-divergence-seen-early": each(
            SMALL, lambda task, curve: _seen_early(curve.pair(share=1 / 6), diverged[task])
        ),
        "dodge-stopping-helps": each(TASKS, lambda task, curve: _stopping(curve.scores)),
    }


def _rank_correlation(pair: np.ndarray) -> float:
    return np.corrcoef(rankdata(pair.reshape(-1, 2), axis=0).T)[0, 1]


def _kinds_apart(scores: np.ndarray) -> float:
    """Return Pearson's minus Spearman's correlation, mean over pairs of evaluations."""
    runs = scores.reshape(-1, scores.shape[-1])
    apart = np.corrcoef(runs.T) - np.corrcoef(rankdata(runs, axis=0).T)
    apart = np.atleast_2d(apart)[np.triu_indices(scores.shape[-1], 1)]
    apart = apart[np.isfinite(apart)]
    return apart.mean() if len(apart) else math.nan


def _seen_early(pair: np.ndarray, diverged: np.ndarray) -> Estimate:
    """Judge whether runs that are low early diverge more often than all do.

    Seeds of either kind are shuffled, so that what runs share by a seed stays together.
    """
    n, m = diverged.shape
    known, region = {"n": min(n, m), "units": KINDS}, above()
    reason = missing_scores((pair[..., 0] + diverged).ravel() if pair.size else np.zeros(0))
    k = int(np.nansum(diverged))
    if reason or not 0 < k < diverged.size:
        return undecidable(reason or f"{k} of {n * m} runs diverged", region, **known)
    if min(n, m) < MINIMUM:
        reason = f"{n} x {m} seeds, fewer than {MINIMUM} of a kind"
        return undecidable(reason, region, **known)
    early = pair[..., 0]
    limit = np.sort(early, axis=None)[k - 1]
    low, tied = early < limit, early == limit
    weights = (low + tied * (k - low.sum()) / tied.sum()) / k  # of ties each counts in part
    rng = np.random.default_rng(0)
    shuffled = np.array([
        (weights * diverged[rng.permutation(n)][:, rng.permutation(m)]).sum()
        for _ in range(N_SHUFFLES)
    ])  # fmt: skip
    found = (weights * diverged).sum()
    tails = (shuffled >= found - 1e-9).sum(), (shuffled <= found + 1e-9).sum()
    p_for, p_against = ((1 + tail) / (1 + N_SHUFFLES) for tail in tails)
    value, nan = float(found - k / diverged.size), math.nan
    return Estimate(value, nan, nan, region=region, p_for=p_for, p_against=p_against, **known)


def _stopping(scores: np.ndarray) -> Estimate:
    """Judge the share of the error that stopping removes, mean over budgets, on other runs.

    Every other run chooses each budget's setting, the rest judge it. Larger budgets than a quarter
    of the runs that choose have little to choose from: their gains are zero by construction.
    """
    n, m, k = scores.shape
    best = np.maximum.accumulate(scores, axis=2)
    judges = np.indices((n, m)).sum(axis=0) % 2
    chooses = pd.DataFrame(best[judges == 0])
    largest = min(MAX_TRIALS, len(chooses) // 2) // 2
    if k < 2 or largest < 1 or np.isnan(scores).any() or min(n, m) < MINIMUM:
        return over_seeds(lambda table: math.nan, scores, above())  # says why
    chosen = best_settings(search_settings(chooses, [b for b in BUDGETS if b <= largest]))

    def gain(table: np.ndarray) -> float:
        runs = pd.DataFrame(table[table[..., -1] == 1][:, :-1])
        return score_settings(chosen, runs)["relative_error_reduction"].mean()

    return over_seeds(gain, np.dstack([best, judges]), above())


def _of_settings(settings: pd.DataFrame, why: str) -> dict[str, Estimate]:
    """Describe the best settings of early stopping, whose errors nobody knows; `why`."""
    n, budgets = len(settings), settings["budget"]
    started = (settings["t"] / settings["p"].where(settings["p"] > 0)).fillna(math.inf)
    right = settings["f"].between(0.2 - 1e-9, 0.3 + 1e-9).groupby(settings["task"]).mean() > 0.5
    gains, ends = settings["score"] - settings["baseline"], budgets.quantile([1 / 3, 2 / 3])
    small, large = gains[budgets <= ends.iloc[0]].mean(), gains[budgets >= ends.iloc[1]].mean()
    values = {
        "dodge-start-many": (started.median(), above(2)),
        "dodge-keep-half": ((settings["p"] / budgets).median(), within(1 / 3, 2 / 3)),
        "dodge-stop-early": (float(right.sum()), above(2)),
        "dodge-gain-steady": (large / small if small > 0 else math.nan, within(1 / 2, 2)),
    }
    return {
        claim: undecidable(why, region, value=value, n=n, units="best settings")
        for claim, (value, region) in values.items()
    }


def _agreement(best: pd.DataFrame) -> Estimate:
    """Judge whether tasks agree on good WI seeds; that none is good everywhere cannot be shown."""
    ranks = rank_seeds(best)
    known, region = {"n": len(ranks), "units": "seeds"}, above(1 / len(TASKS))
    if lacking := [TASK_LABELS[task] for task in TASKS if task not in ranks]:
        return undecidable(f"no runs on {', '.join(lacking)}", region, **known)
    found = concordance(ranks)
    if len(ranks) < MINIMUM or math.isnan(found["W"]):
        return undecidable(f"{len(ranks)} seeds with ranks on all tasks", region, **known)
    return Estimate(
        found["W"], math.nan, math.nan, region=region, p_for=found["p_shuffles"], **known
    )


def _one_good_seed() -> Estimate:
    """Judge the ranks of the best WI seed, which are all that is printed, by chance ranks.

    That a given seed's ranks add up to so little, each over its number of seeds, times the number
    of seeds that all tasks have: it was named for being the best.
    """
    stated = load_published("stated_numbers").query("source == 'dodge_2020'")
    seeds = _n_seeds()
    ranks = stated.query("section == '4.3' and quantity == 'rank'").set_index("about")["value"]
    places = np.meshgrid(*(np.arange(1, seeds[task] + 1) / seeds[task] for task in ranks.index))
    total = sum(rank / seeds[task] for task, rank in ranks.items())
    p = float((sum(places) <= total + 1e-9).mean() * min(seeds.values()))
    value, nan = total / len(ranks), math.nan
    return Estimate(value, nan, nan, min(seeds.values()), "seeds", below(0.5), p_for=p)


def _n_seeds() -> dict[str, int]:
    stated = load_published("stated_numbers").query("quantity == 'n_seeds'")
    return {task: int(row.value) for row in stated.itertuples() for task in row.about.split()}


def _error_of_deviation(n_seeds: int) -> float:
    """Return the error of a standard deviation's logarithm, as if each seed had been run once."""
    return 1 / math.sqrt(2 * (n_seeds - 1))


def _printed_deviations() -> dict[str, Estimate]:
    table = load_published("dodge_2020_table03").query("aggregated_over == 'total'")
    printed, seeds = table.set_index("task")["standard_deviation"], _n_seeds()
    return {
        task: from_error(printed[task], _error_of_deviation(n), above(0.01),
                         n=n, units=KINDS, df=n - 1, scale=LOG)
        for task, n in seeds.items()
    }  # fmt: skip


def _against_others(n_examples: pd.Series) -> dict[str, Estimate]:
    """Judge the gains of Table 1, as if the two scores were of unrelated samples of examples."""
    table = load_published("dodge_2020_table01").dropna(subset="score")
    table = table.assign(score=table["score"] / 100)
    ours = table[table["reported_by"] == "dodge_2020"].set_index("task")["score"]
    same = table[(table["model"] == "bert-large") & (table["reported_by"] != "dodge_2020")]
    newer = table[table["model"].isin(["xlnet", "roberta", "albert"]) & (table["task"] == "mrpc")]

    def gains(rows: pd.DataFrame, region: Region) -> Estimate:
        cases = []
        for row in rows.itertuples():
            n = int(n_examples[row.task])
            error = math.sqrt(2) * score_error(row.score, metric=row.metric, n=n)
            gain = ours[row.task] - row.score
            cases.append(from_error(gain, error, region, n=n, units="examples"))
        return every(cases)

    best = same.loc[same.groupby("task")["score"].idxmax()]
    return {
        "dodge-best-above-published": gains(best, above()),
        "dodge-seven-points": gains(same[same["task"].isin(["rte", "cola"])], above(0.065)),
        "dodge-mrpc-above-newer-models": gains(newer.nlargest(1, "score"), above()),
    }
