"""The claims of Liu & Wang's initial study, on their printed numbers and on runs of one's own.

Models and tasks are fixed. What varies are the repetitions, each with a search seed of its own, and
the examples, which all of them share, as they share grid search.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from repro.chapters.initial.analysis import PAPER_MODELS, ModelStudy
from repro.data.definitions import GLUE_SIZES
from repro.published import load_published, published_rounds, published_scores
from repro.records import METRICS
from repro.stats.contrasts import on_each
from repro.stats.decisions import Estimate, Region, above, below, within
from repro.stats.incumbents import SPLITS, best_against_last, pair_with_grid
from repro.stats.ledger import Answer
from repro.stats.overfitting import overfits
from repro.stats.rules import (
    every,
    from_error,
    mean,
    recount,
    score_error,
    share,
    some,
    undecidable,
)

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
        error = math.sqrt(2) * score_error(cell["grid"], metric=cell["metric"], n=n)
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
    of_sample = partial(mean, tasks="sample")
    estimates = _on_each_task(against_grid) | {
        "liu-hpo-often-fails": share(
            1.0 - exceeds.all(axis=1), above(0.5), units="models and tasks"
        ),
        "liu-few-trials": of_sample(n_trials["rs"].to_dict(), within(2.5, 4.5)),
        "liu-more-trials": of_sample(ratios.to_dict(), above(1)),
        "liu-early-stopping-validation": of_sample(
            gains["validation"].loc[ELECTRA].to_dict(), above()
        ),
        "liu-early-stopping-test": share(_rows(behind), above(0.5), units="tasks"),
        "liu-random-search-stands": of_sample(gains["test"].to_dict(), within(-0.005, 0.005)),
        "liu-overfitting-exists": _printed_overfitting(),
    }
    return [
        Answer(claim, "published", "full", found)
        for claim, found in (estimates | _recounts()).items()
    ]


def _on_each_task(against_grid: Callable[..., Estimate]) -> dict[str, Estimate]:
    return {
        claim: on_each(
            {
                task: every(
                    [against_grid(model, task, split, sign=sign, region=region)
                     for split, (sign, region) in claimed.items()]
                )
                for task in tasks
            }
        )
        for claim, (model, tasks, claimed) in AGAINST_GRID.items()
    }  # fmt: skip


def _rows(table: pd.DataFrame) -> dict:
    return {key: table.loc[key].to_numpy() for key in table.index}


def _printed_overfitting() -> Estimate:
    """Judge every repetition of every round of Tables 10 and 11 by its own differences."""
    cases = []
    for run in pair_with_grid(published_rounds()).to_dict("records"):
        sides = []
        for split, region in zip(SPLITS, (above(), below()), strict=True):
            score, grid = run[f"{split}_score"], run[f"grid_{split}_score"]
            n = GLUE_SIZES[run["task"]][split]
            error = math.sqrt(2) * score_error(grid, metric=run["metric"], n=n)
            sides.append(from_error(score - grid, error, region, n=n, units="examples"))
        cases.append(every(sides))
    return some(cases)


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
    verdicts = [overfits(run.study.best) for run in roberta]
    over = {
        key: (rows["verdict"] == "overfits").astype(float).mask(rows["verdict"] == "unknown")
        for frame in verdicts for key, rows in frame.groupby(["model", "task"])
    }  # fmt: skip
    last = [best_against_last(run.study.best.query("method == 'grid'")) for run in electra]
    last = pd.concat(last) if last else pd.DataFrame(columns=["split", "task", "difference"])
    last = last[last["task"].isin(["wnli", "rte", "mrpc"])]
    gains = {
        split: dict(list(last[last["split"] == split].groupby("task")["difference"]))
        for split in SPLITS
    }
    of_fixed = partial(mean, tasks="fixed")
    estimates = _on_each_task(against_grid) | {
        "liu-hpo-often-fails": share(
            [run.fails(task) for run in runs for task in run.tasks], above(0.5),
            units="models and tasks",
        ),
        "liu-setting-matters": _some(
            [case for run in runs for case in run.poor_trials()], above(0.05)
        ),
        "liu-few-trials": of_fixed(counts, within(2.5, 4.5)),
        "liu-grid-not-found": share(better, below(0.5), units="tasks"),
        "liu-more-trials": of_fixed(ratios, above(1)),
        "liu-early-stopping-validation": early(electra, "validation", above()),
        "liu-early-stopping-test": share(behind, above(0.5), units="tasks"),
        "liu-roberta-most-overfit": share(over, above(0.5), units="tasks"),
        "liu-overfitting-exists": _some(
            [case for run in runs for case in run.overfitting_cases()], above()
        ),
        "liu-best-checkpoint-validation": of_fixed(gains["validation"], above()),
        "liu-best-checkpoint-test": of_fixed(gains["test"], above()),
        "liu-random-search-stands": early(runs, "test", within(-0.005, 0.005)),
    }  # fmt: skip
    return [Answer(claim, evidence, scale, found) for claim, found in estimates.items()]


class TuningRuns:
    """One model's tuning runs, with the errors over examples of what is compared."""

    def __init__(self, study: ModelStudy, predictions: Callable[[str], pd.DataFrame]):
        self.study, self.tasks = study, sorted(set(study.best["task"]))
        self._predictions, self._right = predictions, {}
        self._best = study.best.set_index("run_id")
        self._metrics = {task: self._metric(task) for task in self.tasks}

    def table(self, task: str, column: str) -> pd.DataFrame:
        """Return a column of the best trials: a row a repetition, a column a method."""
        best = self.study.best
        return best[best["task"] == task].pivot(index="repetition", columns="method", values=column)

    def contrast(
        self, task: str, split: str, methods: Sequence[str] = (), other: str = "grid"
    ) -> tuple[np.ndarray, float]:
        """Subtract a method's score from those of others, all but grid search by default.

        Returns:
            shape (n_values,): one value a tuning run where grid search is subtracted, which has no
            repetitions of its own, else one a repetition; and the standard error over examples of
            their mean, NaN where predictions are missing.
        """
        scores, runs = (self.table(task, name) for name in (f"{split}_score", "run_id"))
        methods = [m for m in methods or scores.columns.drop("grid") if m in scores]
        if not methods or other not in scores:
            return np.zeros(0), math.nan
        rows = runs[methods].notna().any(axis=1)
        once = other == "grid" and runs["grid"].count() == 1
        base = scores[other]
        if once:
            base = pd.Series(base[runs[other].first_valid_index()], base.index)
        values = scores.loc[rows, methods].sub(base[rows], axis=0)
        sides = runs[methods].stack().tolist(), runs[other].dropna().tolist()
        error = self.error(task, split, *sides)
        if other == "grid":
            return values.to_numpy().ravel(), error
        return values.mean(axis=1, skipna=False).to_numpy(), error

    def error(self, task: str, split: str, first: Sequence[str], second: Sequence[str]) -> float:
        """Return the standard error over examples of a difference of runs' mean scores.

        Where the score is no share of right answers, or labels are kept back, it is that of two
        scores that have nothing in common; NaN without predictions.
        """
        sides = []
        for run_ids in (first, second):
            right = [self._right_answers(run_id, split) for run_id in run_ids]
            sides.append(pd.concat(right, axis=1).mean(axis=1, skipna=False))
        examples, n = (sides[0] - sides[1]).to_numpy(), len(sides[1])
        if n < 2:
            return math.nan
        metric = self._metrics[task]
        if metric == "accuracy" and np.isfinite(examples).all():
            return examples.std(ddof=1) / math.sqrt(n)
        score = float(self._best.loc[list(second), f"{split}_score"].mean())
        return math.sqrt(2) * score_error(score, metric=metric, n=n)

    def _metric(self, task: str) -> str:
        """Return the metric that was tuned: the one that equals the score."""
        rows = self.study.best.query("task == @task").dropna(subset="validation_score")
        score = rows["validation_score"]
        return next((m for m in METRICS if np.allclose(rows[f"validation_{m}"], score)), "")

    def fails(self, task: str) -> float:
        """Return 1 where HPO's mean exceeds grid search's not on both splits; NaN if unknown."""
        gains = [self.contrast(task, split)[0].mean() for split in SPLITS]
        return math.nan if np.isnan(gains).any() else float(min(gains) <= 1e-9)

    def poor_trials(self) -> list[Estimate]:
        """Judge for each trial trained to its end whether it lies 5 points below grid search."""
        best, cases = self.study.best, []
        grid = best[best["method"] == "grid"].drop_duplicates("task").set_index("task")
        done = self.study.trials.query("status == 'completed'").dropna(subset="validation_score")
        for task, rows in done.groupby("task"):
            score, n = grid.loc[task, "validation_score"], self._n(grid.loc[task, "run_id"])
            if np.isnan(score) or n < 2:
                continue
            error = math.sqrt(2) * score_error(score, metric=self._metrics[task], n=n)
            cases += [
                from_error(score - trial, error, above(0.05), n=n, units="examples")
                for trial in rows["validation_score"]
            ]
        return cases

    def overfitting_cases(self) -> list[Estimate]:
        """Judge for each run whether it gains on validation and loses on test."""
        best, cases = self.study.best, []
        grid = best[best["method"] == "grid"].groupby("task")["run_id"].agg(list)
        for run in pair_with_grid(best).to_dict("records"):
            sides = []
            for split, region in zip(SPLITS, (above(), below()), strict=True):
                gain = run[f"{split}_score"] - run[f"grid_{split}_score"]
                error = self.error(run["task"], split, [run["run_id"]], grid[run["task"]])
                known = {"n": self._n(run["run_id"], split), "units": "examples"}
                if math.isnan(error):
                    sides.append(undecidable("no predictions", region, value=gain, **known))
                else:
                    sides.append(from_error(gain, error, region, **known))
            cases.append(every(sides))
        return cases

    def _n(self, run_id: str, split: str = "validation") -> int:
        return len(self._right_answers(run_id, split))

    def _right_answers(self, run_id: str, split: str) -> pd.Series:
        """Return 1 for each example that a run's best trial answers right; NaN without a label."""
        if run_id not in self._right:
            rows = pd.DataFrame(columns=["split", "index", "right"])
            if self._best.loc[run_id, "trial_id"]:
                rows = self._predictions(run_id).query("checkpoint == 'best'")
                right = (rows["prediction"] == rows["label"]).astype(float)
                rows = rows.assign(right=right.where(rows["label"] >= 0))
            self._right[run_id] = {
                split: rows[rows["split"] == split].set_index("index")["right"].astype(float)
                for split in SPLITS
            }
        return self._right[run_id][split]


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
