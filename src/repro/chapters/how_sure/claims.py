"""The claims of Liu & Wang that recorded trials can judge, on thousands of replays.

Models and tasks are fixed; what varies are the recorded pool, grid search's training seeds and the
test examples (see `laboratory`). A model answers for the one of the paper that it stands for, and
for nothing else; both methods are random search and ASHA, since replays of BO are approximate.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd

from repro.chapters.how_sure.effects import SETTING, SHARES, contrast, difference, effects
from repro.chapters.how_sure.laboratory import METHODS, Cell, Laboratory
from repro.chapters.how_sure.pools import draws, pruned
from repro.data.definitions import TASKS
from repro.stats.contrasts import on_each
from repro.stats.decisions import Estimate, Region, above, below, within
from repro.stats.ledger import Answer
from repro.stats.rules import (
    every,
    exists,
    from_error,
    mean,
    score_error,
    share,
    some,
    undecidable,
)
from repro.study.pools import Clock, Pool
from repro.study.replay_many import replay_many

ELECTRA, ROBERTA = "electra-base", "roberta-base"
BROUGHT = {(ELECTRA, "rte"), (ELECTRA, "sst2"), (ELECTRA, "qnli"), (ROBERTA, "cola")}
FOUR = ("rte", "stsb", "sst2", "qnli")
UNITS = "recorded trials"
N_VALIDATION = 120
OVERFITS = {"validation": above(), "test": below()}  # what is claimed of the mean differences
# model, tasks, budget in GST, and what is claimed of the mean difference from grid search
AGAINST_GRID = {
    "liu-electra-below-grid": (ELECTRA, FOUR, 1.0, {"validation": below()}),
    "liu-electra-far-below-grid": (ELECTRA, ("qnli", "rte"), 1.0, {"validation": below(-0.01)}),
    "liu-electra-overfits-wnli-mrpc": (ELECTRA, ("wnli", "mrpc"), 1.0, OVERFITS),
    "liu-roberta-above-grid": (
        ROBERTA, ("wnli", "rte", "mrpc", "stsb"), 1.0, {"validation": above()},
    ),
    "liu-stsb-four-gst": (ELECTRA, ("stsb",), 4.0, {"validation": above(), "test": above()}),
    "liu-four-gst-not-enough": (ELECTRA, ("rte", "qnli"), 4.0, {"validation": below()}),
}  # fmt: skip
CLOCK = "the virtual clock's workers and grid search's configurations fix it"
RS, ASHA = {"method": "rs"}, {"method": "asha"}
ONE_GST, FOUR_GST = {"budget_gst": 1.0}, {"budget_gst": 4.0}


class _Evidence:
    """World means of the cells that stand for the paper's models, and estimates on them."""

    def __init__(self, lab: Laboratory, means: pd.DataFrame):
        papers = {cell.model: cell.paper for cell in lab.cells if cell.paper}
        means = means[means["model"].isin(papers) & means["method"].isin(METHODS)]
        self.means = means.assign(paper=means["model"].map(papers))
        self.cells = [cell for cell in lab.cells if cell.paper]

    def rows(self, paper: str = "", tasks: Sequence[str] = (), **setting) -> pd.DataFrame:
        rows = self.means[self.means["paper"] == paper] if paper else self.means
        for name, value in ({"space": "full", "budget_gst": 1.0} | setting).items():
            rows = rows[rows[name] == value] if value != "" else rows
        return rows[rows["task"].isin(tasks)] if tasks else rows

    def mean(self, rows: pd.DataFrame, quantity: str, region: Region) -> Estimate:
        """Judge the mean of a quantity over cells and methods."""
        n = len(rows[(rows["world"] == 0) & (rows["batch"] == 0)])
        if not n:
            return undecidable("not recorded", region)
        found = contrast(rows.assign(weight=1 / n), quantity)
        if quantity in SHARES:  # 0 or 1 in all worlds is not certain
            least = 1 / min(len(cell.pools["full"]) for cell in self.cells)
            found["error"] = max(found["error"], least)
        return self.judge(found, region)

    def means_of(self, rows: pd.DataFrame, claimed: Mapping[str, Region]) -> Estimate:
        """Judge whether the means of several quantities all are where they are claimed."""
        return every([self.mean(rows, quantity, region) for quantity, region in claimed.items()])

    def difference(
        self, rows: pd.DataFrame, quantity: str, region: Region, *, first: dict, second: dict
    ) -> Estimate:
        found = difference(rows.assign(all=""), quantity, first, second, each="all")
        if found.empty:
            return undecidable("not recorded", region)
        return self.judge(found.iloc[0].to_dict(), region)

    def over_worlds(
        self, rows: pd.DataFrame, statistic: Callable[[pd.DataFrame], float], region: Region
    ) -> Estimate:
        """Judge any statistic of the rows of a world by its spread over worlds.

        That holds the noise of their few replays too, which makes it careful.
        """
        values = {world: float(statistic(part)) for world, part in rows.groupby("world")}
        if not values or math.isnan(values.get(0, math.nan)):
            return undecidable("not recorded, or it never happens", region)
        spread = np.nanstd([v for world, v in values.items() if world], ddof=1)
        return self.judge({"value": values[0], "error": spread}, region)

    def judge(self, found: dict, region: Region) -> Estimate:
        n = sum(len(pool) for cell in self.cells for pool in cell.pools.values())
        df = self.means["world"].max() - 1
        return from_error(found["value"], found["error"], region, n=n, units=UNITS, df=df)


def recorded_answers(lab: Laboratory, means: pd.DataFrame, walks: pd.DataFrame) -> list[Answer]:
    """Judge claims on the recorded miniature.

    Args:
        means: from `effects.world_means`.
        walks: from `paths.walk_paths`.
    """
    known = _Evidence(lab, means)
    if not known.cells:
        return []
    estimates = _of_first_round(known) | _of_budgets(known) | _of_spaces(known, walks)
    for claim, (paper, tasks, budget, claimed) in AGAINST_GRID.items():
        rows = {task: known.rows(paper, [task], budget_gst=budget) for task in tasks}
        estimates[claim] = on_each({t: known.means_of(r, claimed) for t, r in rows.items()})
    estimates |= _of_trials(known)
    fixed = {"liu-few-trials": CLOCK}
    return [
        Answer(claim, "miniature", "toy", found, by_construction=fixed.get(claim, ""))
        for claim, found in estimates.items()
    ]


def _of_first_round(known: _Evidence) -> dict[str, Estimate]:
    electra, roberta, both = known.rows(ELECTRA), known.rows(ROBERTA), known.rows()
    random = known.rows(ELECTRA, **RS)

    def fails(rows: pd.DataFrame) -> float:
        means = rows.groupby(["model", "task"])[["validation", "test"]].mean()
        return (means.min(axis=1) <= 0).mean()

    def gains(rows: pd.DataFrame, quantity: str) -> pd.Series:
        table = rows.pivot_table(index=["model", "task"], columns="method", values=quantity)
        return (table["asha"] - table["rs"]).dropna()

    def times_as_many(rows: pd.DataFrame) -> float:
        return np.exp(gains(rows.assign(log=np.log(rows["n_trials"])), "log")).mean()

    def loses(quantity: str) -> Callable[[pd.DataFrame], float]:
        return lambda rows: (gains(rows, quantity) < 0).mean()

    def mostly(of: str, *, among: str) -> Callable[[pd.DataFrame], float]:
        return lambda rows: rows[of].sum() / rows[among].sum() if rows[among].any() else math.nan

    def low(rows: pd.DataFrame, name: str) -> Estimate:
        return known.over_worlds(rows, mostly(f"low_{name}", among="overfits"), above(0.5))

    cells = both.groupby(["model", "task", "method"])
    alike = within(-0.005, 0.005)
    return {
        "liu-hpo-often-fails": known.over_worlds(both, fails, above(0.5)),
        "liu-few-trials": known.mean(random, "n_trials", within(2.5, 4.5)),
        "liu-grid-not-found": known.mean(random, "beats", below(0.5)),
        "liu-more-trials": known.over_worlds(electra, times_as_many, above(1)),
        "liu-early-stopping-validation": known.difference(
            electra, "validation", above(), first=ASHA, second=RS
        ),
        "liu-early-stopping-test": known.over_worlds(electra, loses("test"), above(0.5)),
        "liu-random-search-stands": known.difference(both, "test", alike, first=ASHA, second=RS),
        "liu-random-below-asha": known.over_worlds(both, loses("validation"), below(0.5)),
        "liu-roberta-most-overfit": known.mean(roberta, "overfits", above(0.5)),
        "liu-overfitting-exists": some([known.means_of(rows, OVERFITS) for _, rows in cells]),
        "liu-test-mostly-worse": known.over_worlds(
            both, mostly("overfits", among="beats"), above(0.5)
        ),
        "liu-low-warmup": low(electra, "warmup"),
        "liu-warmup-and-dropout": every([low(roberta, "warmup"), low(roberta, "dropout")]),
    }


def _of_budgets(known: _Evidence) -> dict[str, Estimate]:
    any_budget = known.rows(budget_gst="")
    brought = any_budget[pd.MultiIndex.from_frame(any_budget[["paper", "task"]]).isin(BROUGHT)]
    ahead = {
        task: known.difference(
            known.rows(ELECTRA, [task], **FOUR_GST), "best_of_three", above(), first=RS, second=ASHA
        )
        for task in FOUR
    }
    cola = known.means_of(known.rows(ROBERTA, ["cola"], **FOUR_GST), OVERFITS)
    return {
        "liu-budget-raises-validation": known.difference(
            any_budget, "validation", above(), first=FOUR_GST, second=ONE_GST
        ),
        "liu-budget-brings-overfitting": known.difference(
            brought, "overfits", above(), first=FOUR_GST, second=ONE_GST
        ),
        "liu-random-gains-more": known.mean(_gains_of_random(known), "gain", above()),
        "liu-random-above-asha": on_each(ahead),
        "liu-validation-only": on_each(
            {"sst2": undecidable("not recorded", above()), "cola": cola}
        ),
    }


def _gains_of_random(known: _Evidence) -> pd.DataFrame:
    """Return what random search gains by four times the budget, minus what ASHA does."""
    rows = known.rows(ELECTRA, FOUR, budget_gst="")
    table = rows.pivot(
        index=["model", "task", "world", "batch"],
        columns=["method", "budget_gst"],
        values="validation",
    )
    four, one = (table.xs(b, axis=1, level="budget_gst").reindex(columns=list(METHODS))
                 for b in (4.0, 1.0))  # fmt: skip
    gains = four - one
    return (gains["rs"] - gains["asha"]).dropna().rename("gain").reset_index()


def _of_spaces(known: _Evidence, walks: pd.DataFrame) -> dict[str, Estimate]:
    rows = known.rows(space="")
    reduced = [space for space in rows["space"].unique() if space != "full"]
    wide = rows.assign(space=rows["space"].where(rows["space"] == "full", "reduced"))
    full, smaller = {"space": "full"}, {"space": "reduced"}
    each = {
        (model, task, method, space): known.difference(
            part, "overfits", below(), first={"space": space}, second=full
        )
        for (model, task, method), part in rows.groupby(["model", "task", "method"])
        for space in reduced
    }
    smallest = [
        known.means_of(part, OVERFITS)
        for _, part in known.rows(space="smin").groupby(["model", "task", "method"])
    ]
    nothing = undecidable("no reduced space is recorded", below())
    wide = wide.groupby([*SETTING, "world", "batch"], as_index=False)["overfits"].mean()
    return {
        "liu-larger-space-overfits": known.difference(
            wide, "overfits", above(), first=full, second=smaller
        ),
        "liu-fixed-warmup-helps": known.difference(
            known.rows(ELECTRA, space=""), "overfits", below(), first={"space": "s-wr"}, second=full
        ),
        "liu-reducing-can-help": some(list(each.values())) if each else nothing,
        "liu-overfitting-remains": some(smallest) if smallest else nothing,
        "liu-most-still-overfit": _still_overfits(known, walks),
    }  # fmt: skip


def _still_overfits(known: _Evidence, walks: pd.DataFrame) -> Estimate:
    """Judge the paths that raised their budget, then reduced the space, on the paper's cells.

    Walks on one model, task and method have the same pool and count as one.
    """
    cells = [(c.model, c.task) for c in known.cells if (c.paper, c.task) in BROUGHT]
    at = pd.MultiIndex.from_frame(walks[["model", "task"]]).isin(cells)
    raised = walks[at & walks["path"].str.contains("full 4 → s")]
    again = raised["path"].str.contains(r"→ s-[a-z-]+ 4 → smin")
    still = (again | (raised["verdict"] == "overfits")).astype(float)
    keys = ["model", "task", "method"]
    groups = {key: still[rows.index] for key, rows in raised.groupby(keys)}
    return share(groups, above(0.5), units="models, tasks and methods")


def _of_trials(known: _Evidence) -> dict[str, Estimate]:
    poor, hits, gains, errors = [], [], {}, {}
    for cell in known.cells:
        grid, pool = cell.grids()[0], cell.pools["full"]
        score, metric = float(grid.validation_score[0].mean()), TASKS[cell.task].metric
        poor += _poor(pool, score, metric=metric, n=N_VALIDATION)
        hits.append(float(_prunes(pool, cell.clock, cell.gst)))
        if cell.paper == ELECTRA and cell.task in ("wnli", "rte", "mrpc"):
            key = cell.model, cell.task
            gains[key], errors[key] = _best_minus_last(cell)
    return {
        "liu-setting-matters": some(poor),
        "liu-asha-prunes-good-trials": exists(hits, 0.01, units="models and tasks"),
        "liu-best-checkpoint-test": mean(gains, above(), tasks="fixed", shared=errors),
    }


def _poor(pool: Pool, best: float, *, metric: str, n: int) -> list[Estimate]:
    """Judge of each trial whether its validation score is five points below the best."""
    scores = pool.whole("validation_score")
    error = math.sqrt(2) * score_error(best, metric=metric, n=n)
    return [
        from_error(best - score, error, above(0.05), n=n, units="examples")
        for score in scores[~np.isnan(scores)]
    ]


def _prunes(pool: Pool, clock: Clock, deadline: float) -> bool:
    """Tell whether ASHA ever stopped the best of the trials that a replay started."""
    orders = draws(pool, len(pool), n=200)
    done = replay_many(pool, orders, clock=clock, deadline=deadline, asha=True)
    return bool(pruned(done, min(deadline, done.lasted.min())).any())


def _best_minus_last(cell: Cell) -> tuple[np.ndarray, float]:
    """Return grid winners' test score at the best checkpoint minus at the last, a value a seed.

    And the error over examples, as of two scores that have nothing in common.
    """
    best, last = cell.grid.whole("test_score"), cell.grid.last("test_score")
    numbers = cell.grid.trials["configuration"].to_numpy()
    winners = np.bincount(numbers[cell.grids()[0].place[0]]).argmax()
    at = numbers == winners
    error = score_error(float(np.mean(best[at])), metric=TASKS[cell.task].metric, n=1000)
    return (best - last)[at], math.sqrt(2) * error


def real_answers(lab: Laboratory) -> list[Answer]:
    """Judge on real recorded curves what needs neither a grid search nor the paper's own tasks."""
    poor, hits, clock = [], [], Clock(unit="steps")
    for pool in lab.others.values():
        best = float(np.nanmax(pool.whole("validation_score")))
        poor += _poor(pool, best, metric="accuracy", n=9815)  # MNLI, matched
        hits.append(float(_prunes(pool, clock, 4 * pool.ends(pool.times(clock)).mean())))
    if not hits:
        return []
    prunes = exists(hits, 0.01, units="models and tasks")
    return [
        Answer("liu-setting-matters", "recorded", "full", some(poor)),
        Answer("liu-asha-prunes-good-trials", "recorded", "full", prunes),
    ]


def shares_by_method(means: pd.DataFrame) -> pd.DataFrame:
    """Estimate how often runs overfit at 1 GST, by model and method, and what chance gives."""
    first = means[(means["budget_gst"] == 1) & means["space"].isin(["full", "grid"])]
    return effects(first, "overfits", by=["model", "method"])


def overtuning_answers(
    rows: pd.DataFrame, models: Sequence[str], *, n_trials: int = 16
) -> list[Answer]:
    """Judge how often the miniature's tuning runs are overtuned, its tasks standing for others.

    Args:
        rows: from `pools.overtuning`.
        models: of the miniature.
    """
    rows = rows[rows["n_trials"] == n_trials].assign(mild=rows["none"] + rows["slight"])
    names = rows["pool"].astype("str").str.split(", ", expand=True).reindex(columns=[0, 1])
    rows, task = rows[names[0].isin(models)], names[1]
    cases = {
        "schneider-mostly-none": ("none", above(0.5)),
        "schneider-mostly-mild": ("mild", above(0.5)),
        "schneider-severe-some": ("severe", within(0.05, 0.2)),
    }
    shares = rows.groupby(task)[["none", "mild", "severe"]].mean()
    return [
        Answer(claim, "miniature", "toy",
               mean(shares[column].dropna().to_dict(), region, tasks="sample"))
        for claim, (column, region) in cases.items()
    ]  # fmt: skip
