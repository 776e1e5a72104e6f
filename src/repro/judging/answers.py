"""The sentences of a judgement, each generated from its numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd

from repro.judging.evidence import Finding, seed_deviation, share_above
from repro.labels import HYPERPARAMETER_LABELS, label
from repro.stats.expected_performance import expected_maximum

if TYPE_CHECKING:
    from repro.judging.judgement import Judgement


def answer_all(judgement: Judgement) -> pd.DataFrame:
    """Answer each question: question, estimate, low, high, answer, basis."""
    parts = (_incumbent, _gain, _above, _curve, _overtuning, _seeds, _help, _importance, _edges)
    rows = [row for part in parts if (row := part(judgement))]
    columns = ["question", "estimate", "low", "high", "answer", "basis"]
    return pd.DataFrame(rows, columns=columns)


def _incumbent(j: Judgement) -> tuple:
    best = j.configurations.loc[j.configurations["score"].idxmax()]
    finding = _signed(j.incumbent, j.trials.sign)
    trial = j.trials.scored.loc[j.trials.scored["configuration"] == best["configuration"], "trial"]
    known = [n for n in j.trials.hyperparameters if pd.notna(best[n])]
    settings = ", ".join(f"{_name(n)} {_value(best[n])}" for n in known[:6])
    where = f" ({settings})" if settings else ""
    times = f", the mean of {best['n']:.0f} trials" if best["n"] > 1 else ""
    answer = (
        f"The best of {len(j.trials.frame)} trials is trial {trial.iloc[0]}{where} with "
        f"{j.trials.score} {number(finding.value)}{times}{_interval(finding)}."
    )
    return _row("What does the incumbent score?", finding, answer)


def _gain(j: Judgement) -> tuple:
    f, what = j.gain, "the default" if j.default else "the first configuration"
    if f.value == 0 and f.basis:
        answer = f"It is {what} itself: nothing that was tried scored higher."
    else:
        size = f"On validation it is {number(f.value)} better than {what}"
        verdict = {1: "more than luck", -1: "in truth it is worse", 0: "luck is not ruled out"}
        known = "" if f.reason else f": {verdict[(f.low > 0) - (f.high < 0)]}"
        again = f.reason and f.reason == j.incumbent.reason
        interval = ", again without an interval" if again else _interval(f)
        answer = f"{size}{interval}{known}."
    return _row("Is it better than the default, or luck?", f, answer)


def _above(j: Judgement) -> tuple | None:
    if len(j.configurations) <= 5:
        return None
    f = share_above(j.configurations, j.default_row)
    what = "the default" if j.default else "the first configuration"
    answer = f"Of the configurations tried {_percent(f)} scored better than {what} in single runs."
    return _row("How easily is the default beaten?", f, answer)


def _curve(j: Judgement) -> tuple:
    question = "What do so many trials reach?"
    if isinstance(j.curve, str):
        return _refused(question, f"A tuning curve is not given: {j.curve}.")
    last = j.curve.iloc[-1]
    f = _signed(Finding(last["best"], last["low"], last["high"]), j.trials.sign)
    answer = (
        f"{last['n']:.0f} configurations drawn like these reach {number(f.value)} (median best; "
        f"with all shorter searches at once {_open(f)}), if none was chosen in the light of others."
    )
    return _row(question, f, answer, f"{last['n_scores']:.0f} configurations")


def _overtuning(j: Judgement) -> tuple:
    question, o = "Was the validation set overtuned?", j.overtuning
    if isinstance(o, str):
        return _refused(question, f"Overtuning is not known: {o}.")
    found = "no overtuning"
    if o["absolute"] > 0:
        gain = "; tuning had gained nothing on test to compare it with"
        if math.isfinite(o["relative"]):
            gain = f", {100 * o['relative']:.0f} % of what tuning had gained on test"
        found = f"{'severe ' * o['severe']}overtuning of {number(o['absolute'])}{gain}"
    answer = (
        f"Test scores of the successive incumbents show {found}; the last one's validation "
        f"score is {number(abs(o['gap']))} {'better' if o['gap'] >= 0 else 'worse'} than its test "
        "score."
    )
    basis = f"{o['n_incumbents']} incumbents; an observation, without interval"
    return _row(question, Finding(o["relative"]), answer, basis)


def _seeds(j: Judgement) -> tuple:
    question, f = "How much of the spread is seeds?", j.seeds
    if f.reason:
        return _refused(question, f"The share of seeds in the variance is not known: {f.reason}.")
    deviation, _ = seed_deviation(j.configurations)
    answer = (
        f"Seeds account for {_percent(f)} of the variance of scores among repeated "
        f"configurations (standard deviation {number(deviation)})."
    )
    return _row(question, f, answer)


def _help(j: Judgement) -> tuple:
    question = "Would more trials or more seeds help?"
    deviation, df = seed_deviation(j.configurations)
    scores = j.trials.scored.drop_duplicates("configuration")["score"]
    if len(scores) < 4 or isinstance(j.curve, str) or not df:
        why = "seeds are not known" if not df else "trials are few, or of a search that learned"
        return _refused(question, f"Whether more trials or more seeds would help is open: {why}.")
    n = len(scores)
    means = expected_maximum(scores, [n // 2, n], replacement=False)["mean"]
    doubled = float(means.iloc[1] - means.iloc[0])
    more = "seeds: the ranking at the top is mostly luck" if doubled < deviation else "trials"
    answer = (
        f"The last doubling of trials raised the best score by {number(doubled)} on average, and "
        f"the same configuration varies by {number(deviation)} between seeds; what helps is more "
        f"{more}."
    )
    return _row(question, Finding(doubled), answer, f"{n} configurations, {df} repetitions")


def _importance(j: Judgement) -> tuple:
    question, table = "Which hyperparameters matter?", j.importance
    if not len(table):
        few = "none varies over at least eight trials that ran to their end"
        return _refused(question, f"Which hyperparameters matter is not known: {few}.")
    shown = table[table["p_holm"] < 0.05].sort_values("share", ascending=False)
    parts = [
        f"{_name(r.hyperparameter)} {_percent(Finding(r.share, r.low, r.high))}"
        for r in shown.itertuples()
    ]
    rest = len(table) - len(shown)
    answer = "None of the hyperparameters is shown to matter by itself."
    if parts:
        answer = f"Of the variation in rank of scores these explain alone: {', '.join(parts)}"
        answer += f"; {rest} more show nothing." if rest else "."
    return _refused(question, answer, f"{table['n'].max()} completed trials")


def _edges(j: Judgement) -> tuple:
    question, table = "Is the optimum on an edge?", j.edges
    if not len(table):
        return _refused(question, "No hyperparameter is a number whose range is known.")
    at = table[table["edge"] != ""]
    parts = [
        f"{_name(r.hyperparameter)} ({_value(r.value)}, at the {r.edge} end of {_value(r.low)} to "
        f"{_value(r.high)})"
        for r in at.itertuples()
    ]
    answer = f"The best trials crowd at an edge: {', '.join(parts)}; widen it." if parts else (
        f"The best trials crowd at no edge of the {len(table)} ranges."
    )  # fmt: skip
    known = int(table["known_range"].sum())
    basis = f"ranges of the tool for {known}, of the trials for {len(table) - known}"
    return _refused(question, answer, basis)


def number(value: float) -> str:
    """Write a score with four digits and a true minus."""
    return f"{value:.4g}".replace("-", "−")


def _value(value: object) -> str:
    return number(value) if isinstance(value, int | float) else str(value)


def _name(hyperparameter: str) -> str:
    return label(hyperparameter, HYPERPARAMETER_LABELS)


def _signed(finding: Finding, sign: int) -> Finding:
    """Turn a score back into the loss that it was."""
    if sign > 0:
        return finding
    return Finding(-finding.value, -finding.high, -finding.low, finding.basis, finding.reason)


def _interval(f: Finding) -> str:
    if f.reason:
        return f" (no interval: {f.reason})"
    return f" (95 % interval {number(f.low)} to {number(f.high)})"


def _open(f: Finding) -> str:
    """Write an interval, either end of which may be open."""
    if math.isfinite(f.low) and math.isfinite(f.high):
        return f"{number(f.low)} to {number(f.high)}"
    if math.isfinite(f.low):
        return f"at least {number(f.low)}"
    return f"at most {number(f.high)}" if math.isfinite(f.high) else "not bounded"


def _percent(f: Finding) -> str:
    low, value, high = (f"{100 * v:.0f}" for v in (f.low, f.value, f.high))
    return f"{value} % ({low} to {high})"


def _row(question: str, f: Finding, answer: str, basis: str = "") -> tuple:
    return question, f.value, f.low, f.high, answer, basis or f.basis or f.reason


def _refused(question: str, answer: str, basis: str = "") -> tuple:
    return _row(question, Finding(math.nan), answer, basis)
