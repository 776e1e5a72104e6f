"""The initial study: what each model's tuning runs reached and cost, the paper's numbers beside.

Scores are fractions; `published` ones too.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from repro.labels import METHOD_LABELS, TASK_LABELS, in_order, join_words, label
from repro.published import counterpart, load_published, published_scores
from repro.records import RUN_KEY, SETTING, STATUSES
from repro.stats.incumbents import (
    best_trials,
    differences_from_grid,
    incumbent_curves,
    is_returned,
    select_model,
    summarise,
)
from repro.stats.intervals import summarise_differences
from repro.stats.overfitting import (
    compare_with_grid,
    overfitting_hyperparameters,
)

PAPER_MODELS = ("electra-base", "roberta-base")


@dataclass(frozen=True)
class ModelStudy:
    """The tuning runs of one model, and the published one that it stands for; empty for none.

    Evaluations of other models do no harm.
    """

    model: str
    paper: str
    runs: pd.DataFrame
    trials: pd.DataFrame
    evaluations: pd.DataFrame

    @cached_property
    def best(self) -> pd.DataFrame:
        """The incumbents, from `best_trials`."""
        return best_trials(self.trials, self.runs)

    @cached_property
    def differences(self) -> pd.DataFrame:
        """Each tuning run against grid search, from `differences_from_grid`."""
        return differences_from_grid(self.best)

    @property
    def curves(self) -> pd.DataFrame:
        """Each tuning run's incumbent over the steps spent, from `incumbent_curves`."""
        return incumbent_curves(self.trials, self.evaluations)


def by_model(results: Any, profile: Any) -> list[ModelStudy]:
    """Cut the results of a study into its profile's models.

    Raises:
        ValueError: if a model has no runs, or a method comes with several spaces or budgets.
    """
    return [
        ModelStudy(
            model.name,
            counterpart(model.family),
            *select_model(results.runs, results.trials, model.name),
            results.evaluations,
        )
        for model in profile.models
    ]


def grid_costs(study: ModelStudy) -> pd.DataFrame:
    """Say what grid search cost on each task: one GST.

    Returns:
        one row a task: model, task, epochs (of its configurations; NaN without trials), n_trials,
        n_failed, steps, seconds, gpu_seconds (sums over trials, means over grid's repetitions),
        published_model, published_seconds and published_epochs.
    Source: Liu & Wang 2021, Table 2, which gives wall-clock seconds of trials side by side.
    """
    costs = ["n_trials", "n_failed", "steps", "seconds", "gpu_seconds"]
    runs, trials = (table[table["method"] == "grid"] for table in (study.runs, study.trials))
    printed = _of_paper("liu_wang_2021_table02", study.paper).set_index("task")
    printed = printed.rename(columns={"grid_seconds": "seconds"})[["seconds", "epochs"]]
    data = runs.groupby("task")[costs].mean().join(printed.add_prefix("published_"))
    data.insert(0, "epochs", trials.groupby("task")["epochs"].max())
    return data.reset_index().assign(model=study.model, published_model=study.paper)


def scores_beside_published(study: ModelStudy) -> pd.DataFrame:
    """Put the scores of Table 3 beside the summarised ones.

    Returns:
        the rows of `summarise` with published (NaN where nothing is printed), above_grid (whether
        the mean is) and n_returned (test scores that came back from the GLUE site).
    """
    keys = ["task", "method", "split", "metric"]
    printed = _of_paper("liu_wang_2021_table03", study.paper).set_index(keys)["score"] / 100
    data = summarise(study.best).join(printed.rename("published"), on=keys)
    of_grid = data["mean"].where(data["method"] == "grid")
    of_grid = of_grid.groupby([data["task"], data["split"], data["metric"]]).transform("max")
    is_back = study.best.assign(n=is_returned(study.best)).groupby(["task", "method"])["n"].sum()
    n_returned = data.join(is_back.rename("n_back"), on=["task", "method"])["n_back"]
    n_returned = n_returned.where(data["split"] == "test", 0)
    return data.assign(above_grid=data["mean"] > of_grid, n_returned=n_returned)


def _of_paper(table: str, paper: str) -> pd.DataFrame:
    printed = load_published(table)
    return printed[printed["model"] == paper]


def trial_counts(study: ModelStudy) -> pd.DataFrame:
    """Count the trials of each setting by status, averaged over its repetitions.

    Returns:
        one row a setting: n_trials and one column a status (means over repetitions, those without
        a trial too), minimum, maximum (of n_trials), n_runs (repetitions), published_n_trials.
    Source: Liu & Wang 2021, Table 6, which is of ELECTRA only.
    """
    counts = pd.crosstab(study.trials["run_id"], study.trials["status"])
    counts = counts.reindex(study.best["run_id"], columns=list(STATUSES), fill_value=0)
    table = study.best[[*RUN_KEY, "n_trials"]].join(counts, on="run_id")
    groups = table.groupby(list(SETTING), dropna=False)
    extremes = groups["n_trials"].agg(minimum="min", maximum="max", n_runs="size")
    printed = _of_paper("liu_wang_2021_table06", study.paper).set_index(["task", "method"])
    return (
        groups[["n_trials", *STATUSES]]
        .mean()
        .join(extremes)
        .reset_index()
        .join(printed["n_trials"].rename("published_n_trials"), on=["task", "method"])
    )


def mean_differences(studies: Iterable[ModelStudy]) -> pd.DataFrame:
    """Average HPO minus grid search by model, split, task and method: `summarise_differences`."""
    differences = pd.concat(study.differences for study in studies)
    return summarise_differences(differences, ["model", "split", "task", "method"])


def published_differences(*models: str) -> pd.DataFrame:
    """Subtract grid search's published score from each method's.

    Returns:
        one row a model, task, method and split: these and difference (fraction).
    Source: Liu & Wang 2021, Table 3; of several metrics the one that was tuned.
    """
    keys = ["model", "task", "split"]
    scores = pd.concat(published_scores(m, tuned_only=True).assign(model=m) for m in models)
    is_grid = scores["method"] == "grid"
    grid = scores[is_grid].set_index(keys)["score"].rename("grid")
    others = scores[~is_grid].join(grid, on=keys)
    others["difference"] = (others["score"] - others["grid"]) / 100
    return others[["model", "task", "method", "split", "difference"]]


def describe_outcome(studies: Iterable[ModelStudy], across: pd.DataFrame) -> str:
    """Say what came of tuning; `across` is `aggregates.aggregate` by split and method."""
    gains = pd.concat(study.differences for study in studies)
    means = gains.groupby(["model", "task", "split"])["difference"].mean().unstack()
    fails = (means.min(axis=1) <= 1e-9).sum()
    text = (
        f"On grid search's own budget, HPO does not beat it on both validation and test in {fails} "
        f"of {len(means)} cases (a model on a task)."
    )
    test = 100 * across.loc[across["split"] == "test", "iqm"].dropna()
    if len(test):
        text += (
            f" A typical tuning run gains {test.min():+.1f} to {test.max():+.1f} points on test, "
            "depending on the method."
        )
    return text


def describe_aggregates(across: pd.DataFrame) -> str:
    """Say which methods gain on test beyond their intervals, all tasks together."""
    test, parts = across[across["split"] == "test"], []
    for word, hits in (("gain", test["iqm_low"] > 0), ("lose", test["iqm_high"] < 0)):
        methods = in_order(test.loc[hits, "method"], METHOD_LABELS)
        names = [label(method, METHOD_LABELS) for method in methods]
        parts += [f"{join_words(names)} {word}"] if names else []
    if not parts:
        return "All tasks together, no method is distinguishable from grid search on test."
    return f"All tasks together, {' and '.join(parts)} against grid search on test."


def example_run(study: ModelStudy) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return trials and incumbents of one tuning run that shows much.

    Of the runs with few trials and some that were stopped, its incumbent changed most.
    """
    curves = study.curves.dropna(subset="incumbent_score")
    rises = curves.groupby("run_id")["incumbent_score"].diff().fillna(1) > 0
    changes = curves[rises].groupby("run_id")["trial"].nunique()
    stopped = study.trials["status"].eq("stopped").groupby(study.trials["run_id"]).sum()
    n_trials = study.trials.groupby("run_id").size()
    order = pd.DataFrame({"few": n_trials <= 16, "stopped": stopped > 0, "changes": changes})
    order = order.assign(n=stopped).fillna(0)
    run_id = order.sort_values(list(order), kind="stable").index[-1]
    return study.trials[study.trials["run_id"] == run_id], curves[curves["run_id"] == run_id]


def describe_run(trials: pd.DataFrame) -> str:
    """Say in a sentence what became of the trials of one tuning run."""
    first, ends = trials.iloc[0], trials["status"].value_counts()
    parts = [f"{ends[status]} {status}" for status in STATUSES if status in ends]
    text = (
        f"One tuning run of {label(first['method'], METHOD_LABELS)} on "
        f"{label(first['task'], TASK_LABELS)} ({first['model']}, repetition {first['repetition']}) "
        f"started {len(trials)} trials: {join_words(parts)}."
    )
    if trials["validation_score"].isna().all():
        return f"{text} None has a score."
    best = trials.loc[trials["validation_score"].idxmax(), "trial"]
    return f"{text} Trial {best} ended as the incumbent."


def describe_proposals(study: ModelStudy, *, random_starts: int = 10) -> str:
    """Say whether Bayesian optimisation had trials enough to propose any.

    Optuna's TPE draws `random_starts` trials before its first proposal.
    """
    counts = study.best.loc[study.best["method"] == "bo_asha", "n_trials"]
    if counts.empty or counts.max() > random_starts:
        n = int((counts > random_starts).sum())
        return f"BO proposed configurations in {n} of {len(counts)} runs of BO+ASHA."
    return (
        f"BO+ASHA is RS+ASHA here in all but name: its runs of {study.model} had at most "
        f"{counts.max():.0f} trials, and Bayesian optimisation draws its first {random_starts} at "
        "random."
    )


def overfitting_beside_published(study: ModelStudy) -> pd.DataFrame:
    """List the best trials of overfitting tuning runs, and then the published ones of these tasks.

    Returns:
        the rows of `overfitting_hyperparameters` with source ("here" or "paper"); the scores of
        the paper's are in its own columns, in percent.
    Source: Liu & Wang 2021, Tables 8 and 9.
    """
    here = overfitting_hyperparameters(study.best).assign(source="here")
    tables = [f"liu_wang_2021_table{number}" for number in ("08", "09")]
    paper = pd.concat([_of_paper(table, study.paper) for table in tables])
    paper = paper[paper["task"].isin(study.runs["task"])]
    if paper.empty:
        return here
    paper = compare_with_grid(paper).assign(source="paper")
    return pd.concat([here, paper], ignore_index=True)
