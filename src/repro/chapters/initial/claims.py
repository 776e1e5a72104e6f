"""The claims of Liu & Wang's initial study, on their printed numbers and on runs of one's own.

Models and tasks are fixed. What varies are the repetitions, each with a search seed of its own, and
the examples, which all of them share, as they share grid search.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from repro.chapters.initial.analysis import PAPER_MODELS, ModelStudy
from repro.chapters.initial.gains import TuningRuns, printed_gains, unpaired_error
from repro.data.definitions import GLUE_SIZES
from repro.published import load_published, published_rounds, published_scores
from repro.stats.contrasts import on_each
from repro.stats.decisions import Estimate, Region, above, below, within
from repro.stats.incumbents import SPLITS, best_against_last
from repro.stats.ledger import Answer
from repro.stats.overfitting import overfits
from repro.stats.rules import every, from_error, mean, recount, share, some, undecidable

ELECTRA, ROBERTA = PAPER_MODELS
EARLY_STOPPING = ("asha", "bo_asha")
# model, tasks, and for each split the sign of HPO minus grid search and what is claimed of it
AGAINST_GRID = {
    "liu-electra-below-grid": (
        ELECTRA, ("rte", "stsb", "sst2", "qnli"), {"validation": (1, below())},
    ),
    "liu-electra-far-below-grid": (ELECTRA, ("rte", "qnli"), {"validation": (-1, above(0.01))}),
    "liu-electra-overfits-wnli-mrpc": (
        ELECTRA, ("wnli", "mrpc"), {"validation": (1, above()), "test": (1, below())},
    ),
    "liu-roberta-above-grid": (
        ROBERTA, ("wnli", "rte", "mrpc", "stsb"), {"validation": (1, above())},
    ),
}  # fmt: skip
COUNTED = {"liu-electra-nine-overfit": ELECTRA, "liu-roberta-eleven-overfit": ROBERTA}


def published_answers() -> list[Answer]:
    """Judge what Tables 3, 6, 8, 9, 10 and 11 can decide.

    How alike two methods err on the same examples is not printed: a difference has the error of
    two scores that have nothing in common. Table 3's means have no spread over repetitions, so
    that means over tasks take the tasks for a sample.
    """
    tables = pd.concat(published_scores(m, tuned_only=True).assign(model=m) for m in PAPER_MODELS)
    cells = tables.assign(score=tables["score"] / 100).pivot(
        index=["model", "task", "split", "metric"], columns="method", values="score"
    )
    cells = cells.reset_index("metric")
    others = cells.drop(columns=["metric", "grid"]).mean(axis=1)

    def against_grid(model: str, task: str, split: str, *, sign: int, region: Region) -> Estimate:
        cell, n = cells.loc[model, task, split], GLUE_SIZES[task][split]
        error = unpaired_error(cell["grid"], metric=cell["metric"], n=n)
        value = sign * (others[model, task, split] - cell["grid"])
        return from_error(value, error, region, n=n, units="examples")

    early = cells[list(EARLY_STOPPING)].sub(cells["rs"], axis=0)
    gains = {split: early.mean(axis=1).xs(split, level="split") for split in SPLITS}
    behind = (early.xs("test", level="split").loc[ELECTRA] < -1e-9).astype(float)
    exceeds = (others - cells["grid"]).unstack("split") > 1e-9
    n_trials = load_published("liu_wang_2021_table06").pivot(
        index="task", columns="method", values="n_trials"
    )
    ratios = n_trials[list(EARLY_STOPPING)].mean(axis=1) / n_trials["rs"]
    of_sample, fails = partial(mean, tasks="sample"), 1.0 - exceeds.all(axis=1)
    on_validation = gains["validation"].loc[ELECTRA].to_dict()
    estimates = _on_each_task(against_grid) | {
        "liu-hpo-often-fails": share(fails, above(0.5), units="models and tasks"),
        "liu-few-trials": of_sample(n_trials["rs"].to_dict(), within(2.5, 4.5)),
        "liu-more-trials": of_sample(ratios.to_dict(), above(1)),
        "liu-early-stopping-validation": of_sample(on_validation, above()),
        "liu-early-stopping-test": share(dict(list(behind.iterrows())), above(0.5), units="tasks"),
        "liu-random-search-stands": of_sample(gains["test"].to_dict(), within(-0.005, 0.005)),
        "liu-overfitting-exists": some(list(_overfitting(printed_gains()))),
    }
    estimates |= _recounts()
    return [Answer(claim, "published", "full", found) for claim, found in estimates.items()]


def _on_each_task(against_grid: Callable[..., Estimate]) -> dict[str, Estimate]:
    found = {}
    for claim, (model, tasks, claimed) in AGAINST_GRID.items():
        cases = {}
        for task in tasks:
            sides = [
                against_grid(model, task, split, sign=sign, region=region)
                for split, (sign, region) in claimed.items()
            ]
            cases[task] = every(sides)
        found[claim] = on_each(cases)
    return found


def _recounts() -> dict[str, Estimate]:
    """Count overfitting runs anew: BO+ASHA's in Tables 8 and 9, the others' in Tables 10 and 11."""
    rounds = published_rounds()
    rounds = overfits(rounds[rounds["round"].fillna(0) == 0])
    listed = pd.concat(load_published(f"liu_wang_2021_table{n}") for n in ("08", "09"))
    stated = load_published("stated_numbers").query("quantity in ('n_overfitting', 'n_runs')")
    stated = stated.pivot(index="about", columns="quantity", values="value")
    found = {}
    for claim, model in COUNTED.items():
        own = listed.query("model == @model and method == 'bo_asha' and not is_grid")
        others = rounds.query("model == @model and verdict == 'overfits'")
        k, n = stated.loc[model, ["n_overfitting", "n_runs"]]
        value, ends = (len(own) + len(others)) / n, within((k - 0.5) / n, (k + 0.5) / n)
        found[claim] = recount(value, ends, n=int(n), units="printed runs")
    last = found["liu-roberta-eleven-overfit"]
    most = recount(last.value, above(0.5), n=last.n, units=last.units)
    return found | {"liu-roberta-most-overfit": most}


def own_answers(
    studies: Sequence[ModelStudy],
    *,
    predictions: Callable[[str], pd.DataFrame],
    evidence: str,
    scale: str,
) -> list[Answer]:
    """Judge one's own tuning runs at 1 GST; those with another budget do not count.

    A model answers for the one of the paper that it stands for, and for nothing else.

    Args:
        predictions: run_id -> split, checkpoint, index, prediction, label.
    """
    runs = [TuningRuns(study, predictions) for study in studies
            if study.paper and (study.runs["budget_gst"] == 1).all()]  # fmt: skip
    electra, roberta = ([r for r in runs if r.study.paper == p] for p in PAPER_MODELS)

    def against_grid(paper: str, task: str, split: str, *, sign: int, region: Region) -> Estimate:
        of_paper = electra if paper == ELECTRA else roberta
        found = {r.study.model: r.contrast(task, split) for r in of_paper if task in r.tasks}
        return _mean(found, region, sign=sign)

    def early(of: Sequence[TuningRuns], split: str, region: Region) -> Estimate:
        found = {(r.study.model, t): r.contrast(t, split, EARLY_STOPPING, "rs")
                 for r in of for t in r.tasks}  # fmt: skip
        return _mean(found, region)

    counts, ratios, better, behind = {}, {}, {}, {}
    for run in electra:
        for task in run.tasks:
            key, n = (run.study.model, task), run.table(task, "n_trials")
            n = n.reindex(columns=[*EARLY_STOPPING, "rs"])
            counts[key] = n["rs"].dropna()
            ratios[key] = (n[list(EARLY_STOPPING)].mean(axis=1) / n["rs"])[counts[key].index]
            better[key] = _hits(run.contrast(task, "validation", ["rs"])[0], 1)
            test = run.table(task, "test_score").reindex(columns=[*EARLY_STOPPING, "rs"]).mean()
            behind[key] = _hits((test[list(EARLY_STOPPING)] - test["rs"]).to_numpy(), -1)
    over = {
        key: (verdicts == "overfits").astype(float).mask(verdicts == "unknown")
        for run in roberta
        for key, verdicts in overfits(run.study.best).groupby(["model", "task"])["verdict"]
    }
    last = [best_against_last(run.study.best.query("method == 'grid'")) for run in electra]
    last = pd.concat(last) if last else pd.DataFrame(columns=["split", "task", "difference"])
    last = last[last["task"].isin(["wnli", "rte", "mrpc"])]
    gains = {s: dict(list(last[last["split"] == s].groupby("task")["difference"])) for s in SPLITS}
    of_fixed = partial(mean, tasks="fixed")
    estimates = _on_each_task(against_grid) | {
        "liu-hpo-often-fails": share(
            [_fails(run, task) for run in runs for task in run.tasks], above(0.5),
            units="models and tasks",
        ),
        "liu-setting-matters": _some(
            [case for run in runs for case in _poor_trials(run)], above(0.05)
        ),
        "liu-few-trials": of_fixed(counts, within(2.5, 4.5)),
        "liu-grid-not-found": share(better, below(0.5), units="tasks"),
        "liu-more-trials": of_fixed(ratios, above(1)),
        "liu-early-stopping-validation": early(electra, "validation", above()),
        "liu-early-stopping-test": share(behind, above(0.5), units="tasks"),
        "liu-roberta-most-overfit": share(over, above(0.5), units="tasks"),
        "liu-overfitting-exists": _some(
            [case for run in runs for case in _overfitting(run.gains())], above()
        ),
        "liu-best-checkpoint-validation": of_fixed(gains["validation"], above()),
        "liu-best-checkpoint-test": of_fixed(gains["test"], above()),
        "liu-random-search-stands": early(runs, "test", within(-0.005, 0.005)),
    }  # fmt: skip
    return [Answer(claim, evidence, scale, found) for claim, found in estimates.items()]


def _poor_trials(runs: TuningRuns) -> Iterator[Estimate]:
    """Judge for each trial trained to its end whether it lies 5 points below grid search."""
    best = runs.study.best
    grid = best[best["method"] == "grid"].drop_duplicates("task").set_index("task")
    done = runs.study.trials.query("status == 'completed'").dropna(subset="validation_score")
    for task, rows in done.groupby("task"):
        score = grid.loc[task, "validation_score"]
        n = len(runs.right_answers(grid.loc[task, "run_id"], "validation"))
        if np.isnan(score) or n < 2:
            continue
        error = runs.unpaired_error(task, score, n)
        for trial in rows["validation_score"]:
            yield from_error(score - trial, error, above(0.05), n=n, units="examples")


def _overfitting(gains: pd.DataFrame) -> Iterator[Estimate]:
    """Judge for each tuning run whether it gains on validation and loses on test."""
    for run in gains.to_dict("records"):
        sides = []
        for split, region in zip(SPLITS, (above(), below()), strict=True):
            gain, error, n = (run[f"{split}_{name}"] for name in ("gain", "error", "n"))
            known = {"n": n, "units": "examples"}
            if math.isnan(error):
                sides.append(undecidable("no predictions", region, value=gain, **known))
            else:
                sides.append(from_error(gain, error, region, **known))
        yield every(sides)


def _fails(runs: TuningRuns, task: str) -> float:
    """Return 1 where HPO's mean exceeds grid search's not on both splits; NaN if unknown."""
    gains = [runs.contrast(task, split)[0].mean() for split in SPLITS]
    return math.nan if np.isnan(gains).any() else float(min(gains) <= 1e-9)


def _mean(
    found: Mapping[object, tuple[np.ndarray, float]], region: Region, *, sign: int = 1
) -> Estimate:
    values = {key: sign * scores for key, (scores, _) in found.items()}
    errors = {key: error for key, (_, error) in found.items()}
    unknown = any(map(math.isnan, errors.values()))
    return mean(values, region, tasks="fixed", shared="unknown" if unknown else errors)


def _some(cases: Sequence[Estimate], region: Region) -> Estimate:
    return some(cases) if cases else undecidable("no runs", region)


def _hits(values: np.ndarray, sign: int) -> np.ndarray:
    return np.where(np.isnan(values), np.nan, sign * values > 1e-9)
