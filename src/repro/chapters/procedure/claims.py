"""The claims of Liu & Wang's section 5, on their printed rounds and on rounds of one's own.

Models and tasks are fixed. What varies are the repetitions of a round, and the examples, which all
rounds share. A round is chosen by what the one before it gave: where that makes a change come out
as claimed by itself, the claim can fail and cannot hold.
"""

from collections.abc import Mapping
from dataclasses import replace
from math import sqrt

import pandas as pd

from repro.chapters.procedure.rules import PATH, Rule, judge_rounds, paths_of, replay
from repro.chapters.procedure.uncertainty import published_uncertainty
from repro.published import load_published, published_overfitting_trials, published_rounds
from repro.stats.contrasts import on_each
from repro.stats.decisions import Estimate, above, below, within
from repro.stats.ledger import Answer
from repro.stats.overfitting import compare_with_grid
from repro.stats.rules import (
    every,
    exists,
    from_error,
    mean,
    recount,
    share,
    some,
    undecidable,
    withheld,
)

ELECTRA, ROBERTA = "electra-base", "roberta-base"
FOUR_TASKS = [(ELECTRA, task) for task in ("rte", "stsb", "sst2", "qnli")]
BROUGHT = [(ELECTRA, "rte"), (ELECTRA, "sst2"), (ELECTRA, "qnli"), (ROBERTA, "cola")]
LARGE = 4.0  # GST, the paper's larger budget
# model, task and, where only one is meant, method; and what is claimed of each split's difference
# from grid search once the budget was raised
AT_FOUR_GST = {
    "liu-stsb-four-gst": ([(ELECTRA, "stsb", "")], {"validation": above(), "test": above()}),
    "liu-validation-only": (
        [(ELECTRA, "sst2", "rs"), (ROBERTA, "cola", "")], {"validation": above(), "test": below()},
    ),
    "liu-four-gst-not-enough": (
        [(ELECTRA, "rte", ""), (ELECTRA, "qnli", "")], {"validation": below()},
    ),
}  # fmt: skip
_TOLERANCE = 1e-9


def published_answers() -> list[Answer]:
    """Judge what Tables 5 and 8 to 11, and the numbers in section 5.3, can decide."""
    verdicts = load_published("liu_wang_2021_table05")
    trace = replay(published_rounds(), verdicts)
    rounds = published_uncertainty(judge_rounds(published_rounds(), Rule(weak="tie")))
    rounds = _placed(rounds, trace).assign(paper=rounds["model"])
    models = (ELECTRA, ROBERTA)
    trials = pd.concat(published_overfitting_trials(m).assign(model=m, paper=m) for m in models)
    cases = verdicts.assign(
        succeeds=verdicts["verdict"] == "succeeds",
        first=verdicts.eval("verdict == 'succeeds' and space == 'full' and budget_gst == 1"),
    )
    cases = cases.groupby(["model", "task"])[["succeeds", "first"]].any()
    k, n = cases["succeeds"].sum(), len(cases)
    paths, printed = paths_of(trace), {"n": n, "units": "printed cases"}
    n_same, n_over = paths["agrees"].sum(), (verdicts["verdict"] == "overfits").sum()
    cost = load_published("stated_numbers").query("quantity == 'cost'").set_index("about")["value"]
    trials = compare_with_grid(trials.reset_index(drop=True))
    estimates = _of_rounds(rounds) | _of_best_trials(trials) | {
        "liu-procedure-adds-successes": recount(k - cases["first"].sum(), above(), **printed),
        "liu-successes": recount(k, within(6.5, 7.5), **printed),
        "liu-failures": recount(n - k, within(6.5, 7.5), **printed),
        "liu-overfitting-remains": recount(n_over, above(), n=len(verdicts), units="printed paths"),
        "liu-paths-give-verdicts": recount(
            n_same, within(21.5, 22.5), n=len(paths), units="printed paths"
        ),
        "liu-procedure-cost": recount(
            cost["procedure"] / cost["all combinations"], below(1), n=2, units="printed numbers"
        ),
        "liu-random-above-asha": recount(
            (_random_ahead(rounds) > _TOLERANCE).sum(), above(3.5), n=4, units="printed tasks"
        ),
    }  # fmt: skip
    units = {"liu-random-above-asha": "cases"}
    return [Answer(claim, "published", "full", found, units.get(claim, ""))
            for claim, found in estimates.items()]  # fmt: skip


def _placed(rounds: pd.DataFrame, trace: pd.DataFrame) -> pd.DataFrame:
    """Put where its path stood beside each repetition of a round."""
    keys, places = [*PATH, "round"], ["space", "budget_gst"]
    rounds = rounds.drop(columns=places, errors="ignore")
    return rounds.merge(trace[[*keys, *places]], on=keys, validate="many_to_one")


def _of_rounds(rounds: pd.DataFrame) -> dict[str, Estimate]:
    """Judge what rounds decide, of `judge_rounds` with the errors of `uncertainty` and places."""
    rounds = rounds.assign(
        over=(rounds["verdict"] == "overfits").astype(float),
        validation_gain=rounds["validation_score"] - rounds["grid_validation_score"],
        test_gain=rounds["test_score"] - rounds["grid_test_score"],
    )
    raised, reduced = _changes(rounds, "more_budget"), _changes(rounds, "reduce_space")
    first = rounds[rounds["round"] == 0].pivot_table(
        index=["model", "task"], columns="method", values="validation_score"
    )
    first = first.reindex(columns=["rs", "asha"]).dropna()
    better = rounds[rounds["validation_gain"] > _TOLERANCE]
    is_worse = (better["test_gain"] < -_TOLERANCE).astype(float)
    return _against_grid(rounds) | _of_budget(raised) | _of_reduction(reduced) | {
        "liu-most-still-overfit": _still_overfits(rounds),
        "liu-random-below-asha": share(
            (first["rs"] - first["asha"] > _TOLERANCE).astype(float), below(0.5),
            units="models and tasks",
        ),
        "liu-test-mostly-worse": share(
            dict(list(is_worse.groupby([better["model"], better["task"]]))),
            above(0.5), units="models and tasks",
        ),
    }  # fmt: skip


def _changes(rounds: pd.DataFrame, action: str) -> pd.DataFrame:
    """Set each repetition of a round that an action led to beside one of the round before it.

    Which one does not matter: rounds draw their trials independently.
    """
    keys, names = [*PATH, "round", "repetition"], ["validation_score", "over", "space"]
    before = rounds[[*keys, *names]].assign(round=rounds["round"] + 1)
    after = rounds[rounds["action"] == action]
    return after.merge(before, on=keys, suffixes=("", "_before"), validate="one_to_one")


def _of(rows: pd.DataFrame, cells: list[tuple[str, str]]) -> pd.DataFrame:
    return rows[pd.MultiIndex.from_frame(rows[["paper", "task"]]).isin(cells)]


def _against_grid(rounds: pd.DataFrame) -> dict[str, Estimate]:
    raised = rounds[(rounds["action"] == "more_budget") & (rounds["budget_gst"] >= LARGE)]
    found = {}
    for claim, (cells, claimed) in AT_FOUR_GST.items():
        cases = {}
        for paper, task, method in cells:
            rows = _of(raised, [(paper, task)])
            rows = rows[rows["method"] == method] if method else rows
            if claim == "liu-four-gst-not-enough":
                rows = rows[rows["space"] == "full"]
            of_model, sides = rows.groupby("model"), []
            for split, region in claimed.items():
                gains = dict(list(of_model[f"{split}_gain"]))
                errors = of_model[f"se_{split}_difference"].mean().to_dict()
                sides.append(mean(gains, region, tasks="fixed", shared=errors))
            cases[task] = every(sides)
        found[claim] = on_each(cases)
    return found


def _of_budget(raised: pd.DataFrame) -> dict[str, Estimate]:
    gains = raised["validation_score"] - raised["validation_score_before"]
    raised = raised.assign(gains=gains, brought=raised["over"] - raised["over_before"])
    cell = ["model", "task"]
    by_task = raised.groupby([*cell, "repetition"])["gains"].mean().groupby(cell)
    errors = raised.groupby(cell)["se_validation_difference"].mean()
    table = _of(raised, FOUR_TASKS).pivot_table(
        index=[*cell, "repetition"], columns="method", values="gains"
    )
    table = table.reindex(columns=["rs", "asha"]).dropna()
    further = (table["rs"] - table["asha"]).groupby(cell)
    paths = _of(raised, BROUGHT).groupby(list(PATH))["brought"]
    why = "the budget is raised only where nothing overfits, so that overfitting can only appear"
    found = {
        claim: mean(dict(list(groups)), above(), tasks="fixed", shared=shared)
        for claim, groups, shared in (
            ("liu-budget-raises-validation", by_task, errors.to_dict()),
            ("liu-random-gains-more", further, (sqrt(2) * errors).to_dict()),
            ("liu-budget-brings-overfitting", paths, None),
        )
    }
    brings = "liu-budget-brings-overfitting"
    return found | {brings: _cannot_hold(found[brings], why)}


def _of_reduction(reduced: pd.DataFrame) -> dict[str, Estimate]:
    """Judge the share of repetitions that overfit after a reduction minus that before."""
    keys = [*PATH, "round"]
    reduced = reduced.assign(change=reduced["over"] - reduced["over_before"])
    first = reduced[reduced["space_before"] == "full"]
    warmup = first[(first["paper"] == ELECTRA) & (first["space"] == "s-wr")]

    def change(rows: pd.DataFrame, sign: int) -> Estimate:
        values = {key: sign * part for key, part in rows.groupby(keys)["change"]}
        found = mean(values, above() if sign < 0 else below(), tasks="fixed")
        why = "the space is reduced where overfitting was seen, so that less is seen by chance next"
        return _cannot_hold(found, why)

    anywhere = change(reduced, 1)
    if not anywhere.reason:  # on average it does not, and yet it might on one path
        anywhere = withheld(anywhere, "a mean over paths does not say that none of them gains")
    return {
        "liu-larger-space-overfits": change(first, -1),
        "liu-fixed-warmup-helps": change(warmup, 1),
        "liu-reducing-can-help": anywhere,
    }


def _cannot_hold(found: Estimate, why: str) -> Estimate:
    return withheld(found, why) if found.p_for < found.p_against else replace(found, p_for=1.0)


def _still_overfits(rounds: pd.DataFrame) -> Estimate:
    hits = []
    for _, path in _of(rounds, BROUGHT).groupby(list(PATH)):
        since = path.loc[path["action"] == "more_budget", "round"].min()
        later = path[(path["round"] > since) & (path["action"] == "reduce_space")]
        hits += [float(later["over"].any())] if len(later) else []
    return share(hits, above(0.5), units="paths")


def _random_ahead(rounds: pd.DataFrame) -> pd.Series:
    """Subtract ASHA's best validation score from random search's, once the budget was raised."""
    raised = _of(rounds[rounds["action"] == "more_budget"], FOUR_TASKS)
    best = raised.groupby(["task", "method"])["validation_score"].max().unstack()
    best = best.reindex(columns=["rs", "asha"]).dropna()
    return best["rs"] - best["asha"]


def _of_best_trials(trials: pd.DataFrame) -> dict[str, Estimate]:
    """Judge on which side of grid search's value the best trials of overfitting runs lie.

    Runs on one task share its grid search and data, and so count as one. The trials are those of
    `compare_with_grid`, with the column `paper`.
    """

    def lower(paper: str, name: str) -> Estimate:
        rows = trials[(trials["paper"] == paper) & ~trials["is_grid"]]
        is_lower = (rows[f"{name}_against_grid"] == "lower").astype(float)
        groups = dict(list(is_lower.groupby([rows["model"], rows["task"]])))
        return share(groups, above(0.5), units="tasks")

    both = [lower(ROBERTA, name) for name in ("warmup_ratio", "hidden_dropout")]
    return {"liu-low-warmup": lower(ELECTRA, "warmup_ratio"), "liu-warmup-and-dropout": every(both)}


def own_answers(
    rounds: pd.DataFrame,
    trace: pd.DataFrame,
    *,
    stands_for: Mapping[str, str],
    trials: pd.DataFrame,
    losses: pd.DataFrame,
    costs: pd.DataFrame,
    evidence: str,
    scale: str,
) -> list[Answer]:
    """Judge one's own paths.

    Args:
        rounds: from `sign_uncertainty`, of all repetitions.
        stands_for: model -> the paper's, for which it answers; where that is empty, for none.
        trials: of the first round, from `overfitting_hyperparameters`.
        losses, costs: from `asha_losses` and `procedure_costs`.
    """
    papers = {model: paper for model, paper in stands_for.items() if paper}
    rounds, trace, trials, losses, costs = (
        frame[frame["model"].isin(papers)] for frame in (rounds, trace, trials, losses, costs)
    )
    rounds = _placed(rounds, trace).assign(paper=lambda table: table["model"].map(papers))
    trials = trials.assign(paper=trials["model"].map(papers))
    paths, cell = paths_of(trace), ["model", "task"]
    firsts = trace.query("round == 0 and decision == 'succeeds'")
    n_first = len(firsts[cell].drop_duplicates())
    n_last = len(paths.loc[paths["verdict"] == "succeeds", cell].drop_duplicates())
    ahead = _random_ahead(rounds)
    smallest = rounds.merge(paths.loc[paths["verdict"] == "overfits", [*PATH, "n_rounds"]])
    smallest = smallest[smallest["round"] == smallest["n_rounds"] - 1]
    stopped = (losses["p_winner_stopped"] > 0).astype(float)
    cases = {"n": len(paths[cell].drop_duplicates()), "units": "models and tasks"}
    cost = costs["share_steps"].mean()
    estimates = _of_rounds(rounds) | _of_best_trials(trials) | {
        "liu-procedure-adds-successes": recount(n_last - n_first, above(), **cases),
        "liu-overfitting-remains": _overfits(smallest),
        "liu-procedure-cost": recount(cost, below(1), n=len(costs), units="models")
        if len(costs) else undecidable("no runs", below(1)),
        "liu-random-above-asha": undecidable(
            "the best of few repetitions, whose spread is not known" if len(ahead) else "no runs",
            above(), value=float(ahead.mean()), n=len(ahead), units="tasks",
        ),
        "liu-asha-prunes-good-trials": exists(stopped, 0.01, units="sets of trials"),
    }  # fmt: skip
    why = {
        "liu-budget-raises-validation": "a round of a larger budget begins with the trials of the "
        "smaller one, so that its best validation score cannot be lower"
    }
    units = {"liu-overfitting-remains": "points"}
    return [
        Answer(claim, evidence, scale, found, units.get(claim, ""), why.get(claim, ""))
        for claim, found in estimates.items()
    ]


def _overfits(rounds: pd.DataFrame) -> Estimate:
    """Judge whether any repetition gains on validation and loses on test, beyond its examples."""
    cases = []
    for row in rounds.to_dict("records"):
        sides = []
        for split, region in (("validation", above()), ("test", below())):
            gain = row[f"{split}_score"] - row[f"grid_{split}_score"]
            error = row[f"se_{split}_difference"]
            sides.append(from_error(gain, error, region, n=1, units="repetitions"))
        cases.append(every(sides))
    nothing = undecidable("no path ends with overfitting", above())
    return replace(some(cases), n=len(cases)) if cases else nothing
