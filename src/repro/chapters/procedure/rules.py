"""Liu & Wang's troubleshooting procedure (their Figure 1) as a state machine, without training.

A decision is a function of one round's scores, of grid search's, and of where the path stands.
Frames of rounds have the shape of the published Tables 10 and 11 in fractions: one row a
repetition, and grid search's row for each model and task.
"""

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from repro.stats.incumbents import pair_with_grid
from repro.stats.overfitting import judge

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
        outperforms: the means lie above grid's on both splits, on validation alone, or every
            repetition does on both.
    """

    weak: Literal["loss", "tie", "off"] = "loss"
    outperforms: Literal["means", "validation", "every"] = "means"


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
            smaller = self.spaces[self.spaces.index(setting.space) + 1 :]
            return Setting(smaller[0], setting.budget_gst) if smaller else None
        larger = self.budgets[self.budgets.index(setting.budget_gst) + 1 :]
        return Setting(setting.space, larger[0]) if larger else None


@dataclass(frozen=True)
class Decision:
    """What one round leads to: an action with the setting of the next round, or a verdict."""

    action: str  # reduce_space or more_budget; succeeds, overfits or tbd
    reason: str
    next: Setting | None = None


PAPER_LADDERS = {
    "electra-base": Ladder(("full", "s-wr", "smin")),
    "roberta-base": Ladder(("full", "s-wr-hdo", "smin")),
}


def decide(
    scores: pd.DataFrame, setting: Setting, *, ladder: Ladder, rule: Rule | None = None
) -> Decision:
    """Decide what follows one round of a path, whose rows are from `judge_rounds`.

    Source: Liu & Wang 2021, Figure 1 and sec. 4.2; its order as Tables 10 and 11 behave.
    """
    gains, overfits = _gains(scores), scores["verdict"] != "no"
    means = "no repetition overfits; mean minus grid: validation {:+.2f}, test {:+.2f} points"
    reason = means.format(*100 * gains.mean())
    if overfits.any():
        reason = _describe_overfitting(scores[overfits], len(scores))
        action, verdict, end = "reduce_space", "overfits", f"{setting.space} cannot be reduced"
    elif _outperforms(gains, rule or Rule()):
        return Decision("succeeds", reason)
    else:
        action, verdict, end = "more_budget", "tbd", f"{setting.budget_gst:g} GST is the most"
    following = ladder.after(setting, action)
    if following is None:
        return Decision(verdict, f"{reason}; {end}")
    return Decision(action, reason, following)


def _gains(scores: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({s: scores[s] - scores[f"grid_{s}"] for s in _SCORES})


def _outperforms(gains: pd.DataFrame, rule: Rule) -> bool:
    if rule.outperforms == "every":
        return bool((gains > _TOLERANCE).all(axis=None))
    means = gains.mean()
    return bool((means if rule.outperforms == "means" else means.iloc[:1]).gt(_TOLERANCE).all())


def _describe_overfitting(rows: pd.DataFrame, n: int) -> str:
    parts = [
        f"rep {rep}{' weakly' if verdict == 'weak' else ''} "
        f"(validation {validation:+.1f}, test {test:+.1f})"
        for rep, verdict, validation, test in zip(
            rows["repetition"], rows["verdict"], *100 * _gains(rows).T.to_numpy(), strict=True
        )
    ]
    return f"{len(rows)} of {n} overfit: {', '.join(parts)}"


def judge_rounds(rounds: pd.DataFrame, rule: Rule) -> pd.DataFrame:
    """Put grid search's scores and a verdict beside every repetition; nothing may be missing.

    Args:
        rounds: columns model, task, method, round, repetition, validation_score, test_score and
            validation_loss (which may be NaN); grid search's rows have no round.
    Returns:
        the rows of the other methods, with grid_validation_score, grid_test_score,
        grid_validation_loss, and `verdict`: overfits, weak or no (see `overfitting.judge`).
    Raises:
        ValueError: naming the cell without grid search, with a missing score (or a missing loss
            that leaves a tie open), or with another number of repetitions than the others.
    """
    paired = pair_with_grid(rounds)
    for name in (*_SCORES, *(f"grid_{score}" for score in _SCORES)):
        if len(missing := paired[paired[name].isna()]):
            raise ValueError(
                f"`{name}` of {_place(missing)} must be a number, but is missing; look at the "
                "failed trials, or take a split whose test labels are known"
            )
    counts = paired.groupby([*PATH, "round"], sort=False)["repetition"].nunique()
    usual = counts.mode().max()
    if len(odd := counts[counts != usual]):
        *path, number = odd.index[0]
        raise ValueError(
            f"every round must have {usual} repetitions as the others, but {'/'.join(path)}, round "
            f"{number:g} has {odd.iloc[0]}; run the missing ones or leave the others out"
        )
    return paired.assign(round=paired["round"].astype(int), verdict=_verdicts(paired, rule))


def _verdicts(paired: pd.DataFrame, rule: Rule) -> pd.Series:
    if rule.weak != "loss":  # a loss that decides every tie, one way or the other
        loss = 0.0 if rule.weak == "tie" else 2.0
        paired = paired.assign(validation_loss=loss, grid_validation_loss=1.0)
    verdicts = judge(paired, tolerance=_TOLERANCE)
    if len(unknown := paired[verdicts == "unknown"]):
        raise ValueError(
            f"the validation losses of {_place(unknown)} and of its grid search must be known to "
            "judge a tie, but one is missing; use the rule `weak` 'tie' or 'off'"
        )
    return verdicts


def _place(rows: pd.DataFrame) -> str:
    """Name the first of the rows."""
    row = rows.iloc[0]
    where = "/".join(str(row[name]) for name in PATH)
    return f"{where}, round {row['round']:g}, repetition {row['repetition']}"


def trace_round(
    scores: pd.DataFrame, setting: Setting, *, ladder: Ladder, rule: Rule
) -> tuple[dict, Decision]:
    """Return one round as a row of the trace, and the decision on it (see `decide`)."""
    decision = decide(scores, setting, ladder=ladder, rule=rule)
    first, n_of = scores.iloc[0], scores["verdict"].value_counts()
    row = {name: first[name] for name in (*PATH, "round", "action")}
    row |= {"space": setting.space, "budget_gst": setting.budget_gst, "n": len(scores)}
    row |= {f"grid_{s}": first[f"grid_{s}"] for s in _SCORES}
    row |= {f"mean_{s}": float(scores[s].mean()) for s in _SCORES}
    row |= {"n_overfits": int(n_of.get("overfits", 0)), "n_weak": int(n_of.get("weak", 0))}
    return row | {"decision": decision.action, "reason": decision.reason}, decision


def replay(
    rounds: pd.DataFrame, verdicts: pd.DataFrame, *, rule: Rule | None = None
) -> pd.DataFrame:
    """Feed the state machine with the paper's rounds, and hold it against what was done then.

    Args:
        rounds: as for `judge_rounds`, with `action`: what led to the round.
        verdicts: Table 5.
        rule: weak overfitting from ties by default, since the paper prints no losses.
    Returns:
        the trace, one row a round, with `published` (what the paper did next) and `agrees`.
    """
    rule = rule or Rule(weak="tie")
    final = verdicts.set_index(list(PATH))["verdict"]
    rows = []
    for path, of_path in judge_rounds(rounds, rule).groupby(list(PATH), sort=False):
        ladder, actions = PAPER_LADDERS[path[0]], of_path.groupby("round")["action"].first()
        setting, done_next = ladder.start, [*actions[1:], final[path]]
        for (number, scores), done in zip(of_path.groupby("round"), done_next, strict=True):
            setting = ladder.after(setting, actions[number]) if number else setting
            row, _ = trace_round(scores, setting, ladder=ladder, rule=rule)
            rows.append(row | {"published": done, "agrees": row["decision"] == done})
    return pd.DataFrame(rows)


def paths_of(trace: pd.DataFrame) -> pd.DataFrame:
    """Return one row a path: its verdict, where it ended and, of a replay, whether all agrees."""
    paths = trace.groupby(list(PATH), sort=False)
    table = paths[["decision", "space", "budget_gst"]].last().assign(n_rounds=paths.size())
    if "agrees" in trace:
        table["agrees"] = paths["agrees"].all()
    return table.rename(columns={"decision": "verdict"}).reset_index()


def replay_options(rounds: pd.DataFrame, verdicts: pd.DataFrame) -> pd.DataFrame:
    """Count the paths that are walked as printed under each reading of the paper's rule."""
    readings = {
        "as above": Rule(weak="tie"),
        "no weak overfitting": Rule(weak="off"),
        "outperforms on validation alone": Rule(weak="tie", outperforms="validation"),
        "every repetition outperforms": Rule(weak="tie", outperforms="every"),
    }
    same = {name: paths_of(replay(rounds, verdicts, rule=rule)) for name, rule in readings.items()}
    rows = [(name, paths["agrees"].sum(), len(paths)) for name, paths in same.items()]
    return pd.DataFrame(rows, columns=["rule", "n_as_printed", "n_paths"])
