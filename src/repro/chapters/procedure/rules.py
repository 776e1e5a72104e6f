"""Liu & Wang's troubleshooting procedure (their Figure 1) as a state machine, without training.

A decision is a function of one round's scores, of grid search's, and of where the path stands.
Frames of rounds have the shape of the published Tables 10 and 11 in fractions: one row a
repetition, and grid search's row for each model and task.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from repro.names import check_name
from repro.stats.overfitting import judge

WEAK = ("loss", "tie", "off")  # what else weak overfitting needs, besides a tie and a lower test
OUTPERFORMS = ("means", "validation", "every")
ACTIONS = ("reduce_space", "more_budget")
VERDICTS = ("succeeds", "overfits", "tbd")
PATH = ("model", "task", "method")
_SCORES = ("validation_score", "test_score")
_TOLERANCE = 1e-9  # scores closer than this are equal


@dataclass(frozen=True)
class Rule:
    """What overfits weakly, and what it means to outperform grid search.

    Args:
        weak: at equal validation scores and a lower test score, a repetition overfits weakly if
            its validation loss is below grid's ("loss", sec. 5.2), always ("tie", where losses are
            not printed), or never ("off").
        outperforms: the means lie above grid's on validation and test ("means"), on validation
            ("validation"), or every repetition does on both ("every").
    """

    weak: str = "loss"
    outperforms: str = "means"

    def __post_init__(self):
        check_name("rule `weak`", self.weak, WEAK)
        check_name("rule `outperforms`", self.outperforms, OUTPERFORMS)


@dataclass(frozen=True)
class Setting:
    """Where a path stands: the search space and the budget of its next round."""

    space: str
    budget_gst: float


@dataclass(frozen=True)
class Ladder:
    """Search spaces from the largest to the smallest, and budgets from the least to the most."""

    spaces: tuple[str, ...] = ("full", "s-wr", "smin")
    budgets: tuple[float, ...] = (1.0, 4.0)

    @property
    def start(self) -> Setting:
        return Setting(self.spaces[0], self.budgets[0])

    def after(self, setting: Setting, action: str) -> Setting | None:
        """Return the setting after an action, or None where it is not possible."""
        if action == "reduce_space":
            space = _next(self.spaces, setting.space)
            return None if space is None else Setting(space, setting.budget_gst)
        budget = _next(self.budgets, setting.budget_gst)
        return None if budget is None else Setting(setting.space, budget)


@dataclass(frozen=True)
class Decision:
    """What one round leads to: an action with the setting of the next round, or a verdict."""

    action: str  # one of ACTIONS or VERDICTS
    reason: str
    next: Setting | None = None


PAPER_LADDERS = {
    "electra-base": Ladder(("full", "s-wr", "smin")),
    "roberta-base": Ladder(("full", "s-wr-hdo", "smin")),
}


def decide(
    scores: pd.DataFrame, setting: Setting, *, ladder: Ladder, rule: Rule | None = None
) -> Decision:
    """Decide what follows one round of a path.

    Args:
        scores: rows of one round from `judge_rounds`.
        setting: where the round was run.
    Source: Liu & Wang 2021, Figure 1 and sec. 4.2; its order as Tables 10 and 11 behave.
    """
    rule = rule or Rule()
    overfitting = scores[scores["verdict"] != "no"]
    if len(overfitting):
        what, action, verdict = _tell_overfitting(overfitting, len(scores)), *_ON_OVERFITTING
    elif _outperforms(scores, rule):
        return Decision("succeeds", f"no repetition overfits; {_tell_means(scores)}")
    else:
        what, action, verdict = f"no repetition overfits; {_tell_means(scores)}", *_ON_TOO_LITTLE
    following = ladder.after(setting, action)
    if following is None:
        return Decision(verdict, f"{what}; {_at_the_end(setting, action)}")
    return Decision(action, what, following)


_ON_OVERFITTING = ("reduce_space", "overfits")
_ON_TOO_LITTLE = ("more_budget", "tbd")


def judge_rounds(rounds: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Put grid search's scores and a verdict beside every repetition; nothing may be missing.

    Args:
        rounds: columns model, task, method, round, repetition, validation_score, test_score and
            validation_loss (fractions; the loss may be NaN); grid search's rows have method
            "grid" and no round.
    Returns:
        the rows of the other methods, with grid_validation_score, grid_test_score,
        grid_validation_loss, and `verdict`: overfits, weak or no (see `overfitting.judge`).
    Raises:
        ValueError: naming the cell without grid search, with a missing score (or a missing loss
            that leaves a tie open), or with another number of repetitions than the others.
    """
    is_grid = rounds["method"] == "grid"
    names = [*_SCORES, "validation_loss", *rounds.columns.intersection(["test_source"])]
    grid = rounds[is_grid].set_index(["model", "task"])[names].add_prefix("grid_")
    paired = rounds[~is_grid].join(grid, on=["model", "task"], validate="many_to_one")
    _check_grid(paired, grid)
    for name in (*_SCORES, *(f"grid_{s}" for s in _SCORES)):
        if paired[name].isna().any():
            row = paired[paired[name].isna()].iloc[0]
            raise ValueError(
                f"`{name}` of {_name(row)} must be a number, but is missing; look at the failed "
                "trials, or take a split whose test labels are known"
            )
    _check_repetitions(paired)
    paired = paired.reset_index(drop=True).astype({"round": int})
    return paired.assign(verdict=_verdicts(paired, rule))


def _verdicts(paired: pd.DataFrame, rule: Rule) -> pd.Series:
    if rule.weak != "loss":  # a loss that decides every tie, one way or the other
        loss = 0.0 if rule.weak == "tie" else 2.0
        paired = paired.assign(validation_loss=loss, grid_validation_loss=1.0)
    verdicts = judge(paired, tolerance=_TOLERANCE)
    if (verdicts == "unknown").any():
        row = paired[verdicts == "unknown"].iloc[0]
        raise ValueError(
            f"the validation losses of {_name(row)} and of its grid search must be known to judge "
            "a tie, but one is missing; use the rule `weak` 'tie' or 'off'"
        )
    return verdicts


def trace_round(
    scores: pd.DataFrame, setting: Setting, *, ladder: Ladder, rule: Rule
) -> tuple[dict, Decision]:
    """Decide on one round and lay it out as a row of the trace.

    Args:
        scores: rows of one round from `judge_rounds`.
        setting: where the round was run.
    Returns:
        the row (the path, round, setting, scores of grid and means, how many overfit, decision,
        reason) and the decision.
    """
    decision = decide(scores, setting, ladder=ladder, rule=rule)
    first = scores.iloc[0]
    row = {name: first[name] for name in (*PATH, "round", "action")}
    row |= {"space": setting.space, "budget_gst": setting.budget_gst, "n": len(scores)}
    row |= {f"grid_{s}": first[f"grid_{s}"] for s in _SCORES}
    row |= {f"mean_{s}": float(scores[s].mean()) for s in _SCORES}
    row |= {"n_overfits": int((scores["verdict"] == "overfits").sum())}
    row |= {"n_weak": int((scores["verdict"] == "weak").sum())}
    return row | {"decision": decision.action, "reason": decision.reason}, decision


def replay(
    rounds: pd.DataFrame,
    verdicts: pd.DataFrame,
    *,
    ladders: Mapping[str, Ladder] = PAPER_LADDERS,
    rule: Rule | None = None,
) -> pd.DataFrame:
    """Feed the state machine with rounds that were run, and hold it against what was done then.

    Args:
        rounds: as for `judge_rounds`, with `action`: what led to the round.
        verdicts: model, task, method and verdict at the end of each path.
        ladders: by model.
        rule: weak overfitting from ties by default, since the paper prints no losses.
    Returns:
        the trace, one row a round, with `published` (what the paper did next, or its verdict) and
        `agrees`.
    """
    rule = rule or Rule(weak="tie")
    final = verdicts.set_index(list(PATH))["verdict"]
    rows = []
    for path, of_path in judge_rounds(rounds, rule).groupby(list(PATH), sort=False):
        ladder, actions = ladders[path[0]], of_path.drop_duplicates("round")["action"].tolist()
        setting = ladder.start
        done_next = [*actions[1:], final[path]]
        for (_, scores), action, done in zip(
            of_path.groupby("round"), actions, done_next, strict=True
        ):
            setting = ladder.after(setting, action) if action in ACTIONS else setting
            row, _ = trace_round(scores, setting, ladder=ladder, rule=rule)
            rows.append(row | {"published": done, "agrees": row["decision"] == done})
    return pd.DataFrame(rows)


def paths_of(trace: pd.DataFrame) -> pd.DataFrame:
    """Sum up a trace, one row a path: its actions, verdict and where it ended.

    Returns:
        model, task, method, actions (tuple), n_rounds, verdict, space, budget_gst and, for a
        replay, agrees (all of its rounds do).
    """
    rows = []
    for path, of_path in trace.groupby(list(PATH), sort=False):
        last = of_path.iloc[-1]
        row = dict(zip(PATH, path, strict=True)) | {"n_rounds": len(of_path)}
        row |= {"actions": tuple(of_path["decision"][:-1]), "verdict": last["decision"]}
        row |= {"space": last["space"], "budget_gst": last["budget_gst"]}
        rows.append(row | ({"agrees": of_path["agrees"].all()} if "agrees" in of_path else {}))
    return pd.DataFrame(rows)


def _next(steps: tuple, current) -> object | None:
    place = steps.index(current) + 1
    return steps[place] if place < len(steps) else None


def _outperforms(scores: pd.DataFrame, rule: Rule) -> bool:
    gains = _gains(scores)
    if rule.outperforms == "every":
        return bool((gains > _TOLERANCE).all(axis=None))
    means = gains.mean()
    return bool((means if rule.outperforms == "means" else means.iloc[:1]).gt(_TOLERANCE).all())


def _gains(scores: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({s: scores[s] - scores[f"grid_{s}"] for s in _SCORES})


def _tell_means(scores: pd.DataFrame) -> str:
    validation, test = 100 * _gains(scores).mean()
    return f"mean minus grid: validation {validation:+.2f}, test {test:+.2f} points"


def _tell_overfitting(rows: pd.DataFrame, n: int) -> str:
    gains = 100 * _gains(rows)
    parts = [
        f"rep {rep}{' weakly' if verdict == 'weak' else ''} "
        f"(validation {validation:+.1f}, test {test:+.1f})"
        for rep, verdict, validation, test in zip(
            rows["repetition"], rows["verdict"], *gains.T.to_numpy(), strict=True
        )
    ]
    return f"{len(rows)} of {n} overfit: {', '.join(parts)}"


def _at_the_end(setting: Setting, action: str) -> str:
    if action == "reduce_space":
        return f"{setting.space} cannot be reduced"
    return f"{setting.budget_gst:g} GST is the most"


def _name(row: Mapping) -> str:
    where = "/".join(str(row[name]) for name in PATH)
    return f"{where}, round {row['round']:g}, repetition {row['repetition']}"


def _check_grid(paired: pd.DataFrame, grid: pd.DataFrame) -> None:
    places = pd.MultiIndex.from_frame(paired[["model", "task"]])
    if len(without := paired[~places.isin(grid.index)]):
        row = without.iloc[0]
        raise ValueError(
            f"{row['model']}/{row['task']} must have a grid search to compare with, but has none; "
            "add method 'grid'"
        )


def _check_repetitions(paired: pd.DataFrame) -> None:
    counts = paired.groupby([*PATH, "round"], sort=False)["repetition"].nunique()
    usual = counts.mode().max()
    if len(odd := counts[counts != usual]):
        *path, number = odd.index[0]
        raise ValueError(
            f"every round must have {usual} repetitions as the others, but {'/'.join(path)}, round "
            f"{number:g} has {odd.iloc[0]}; run the missing ones or leave the others out"
        )
