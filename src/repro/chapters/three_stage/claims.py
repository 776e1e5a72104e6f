"""The course project's claims, each held against what was found here.

The project ran every configuration once.
"""

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from repro.chapters.three_stage.analysis import final_pairs, late_gains, search_pairs, sweep_curves
from repro.show.claims import claims_in_words as claims_in_words
from repro.show.claims import claims_table as claims_table
from repro.stats.intervals import summarise_differences
from repro.stats.verdicts import Claim, Unit, hold

THREE = ("learning rate", "warm-up steps", "weight decay")  # the project's most important
_SURE = 0.95  # of the resamples
_STAGES = {
    "baseline": "the baseline",
    "manual": "manual tuning",
    "cold": "the cold sweep",
    "warm": "a sweep warm-started from the manual results",
    "printed-manual": "the project's best manual configuration",
    "printed-automatic": "the project's best automatic configuration",
}
_PRINTED = {"baseline": "baseline", "manual": "manual", "cold": "automatic"}
_SHARE = Unit(100, "+.0f", " % of variation, interactions minus main effects")


def three_stage_claims(
    trials: pd.DataFrame, *, published: pd.DataFrame, parts: pd.DataFrame, seed: int = 0
) -> list[Claim]:
    """Hold the project's claims about the stages' results against ours.

    Args:
        published: method, score (percent).
        parts: from `interactions.variation_parts`.
    """
    printed, rows = published.set_index("method")["score"], []
    compared = ("manual", "baseline"), ("cold", "baseline"), ("manual", "cold"), ("warm", "cold")
    for first, second in compared:
        better, paper = (
            f"{_STAGES[first].capitalize()} beats {_STAGES[second]}",
            "expected, not tried",
        )
        if first in _PRINTED:
            paper = f"{printed[_PRINTED[first]] - printed[_PRINTED[second]]:+.2f} points"
        pairs, again = search_pairs(trials, first, second), final_pairs(trials, first, second)
        rows.append((f"{better}, best trials on validation", paper, pairs, "validation"))
        claim = f"{better}, chosen configuration with fresh seeds on test"
        rows.append((claim, "not tested", again, "test"))
    for name in ("printed-manual", "printed-automatic"):
        claim = f"{_STAGES[name].capitalize()} beats the baseline, fresh seeds on test"
        pairs = final_pairs(trials, name, "baseline")
        rows.append((claim, "better on validation", pairs, "test"))
    claims = []
    for claim, paper, pairs, split in rows:
        known = pairs[pairs["split"] == split].dropna(subset="difference")
        unit = "repetitions" if "repetition" in pairs else "seeds"
        claims.append(hold(f"{claim} (n = {len(known)} {unit})", paper, _mean(known, seed)))
    return [*claims, _still_rising(trials, seed), _interactions(parts)]


def _mean(known: pd.DataFrame, seed: int) -> pd.Series | None:
    means = summarise_differences(known.assign(task="all"), ["task"], seed=seed)
    return means.iloc[0] if len(known) else None


def _still_rising(trials: pd.DataFrame, seed: int) -> Claim:
    """Look for a gain late in the sweep; an incumbent cannot fall, so any gain at all is above 0.

    Where every sweep gained nothing the claim does not hold.
    """
    gains = late_gains(sweep_curves(trials[trials["stage"] == "cold"])).dropna(subset="difference")
    rising, n = int((gains["difference"] > 0).sum()), len(gains)
    n_late = gains["n_late"].max() if n else 0
    claim = f"The sweep still improves at its end: a gain in its last {n_late} trials"
    note = f"; in {rising} of {n} sweeps"
    mean = hold(claim, "steady improvement", _mean(gains, seed), note=note)
    return replace(mean, agrees=None if 0 < rising < n or not n else bool(rising))


def _interactions(parts: pd.DataFrame) -> Claim:
    claim = "Improvements arise mainly from interactions, not from single hyperparameters"
    difference = parts.set_index("part").loc["interactions minus main effects"]
    if pd.isna(difference["low"]):
        return Claim(claim, "assumed", "too few trials")
    return hold(claim, "assumed", difference.rename({"share": "mean"}), unit=_SHARE)


def factor_claims(effects: pd.DataFrame, ranks: pd.DataFrame, firsts: pd.DataFrame) -> list[Claim]:
    """Hold the project's claims about single hyperparameters against our first stage.

    Args:
        effects: from `one_factor.one_factor_effects`.
        ranks, firsts: from `one_factor.rank_candidates`, with `top=3` and `top=1`.
    """
    return [
        _among("The three most important are " + ", ".join(THREE), ranks, THREE),
        _among("The learning rate has the most impact", firsts, THREE[:1]),
        _effect(effects, "warm-up steps", "lower", "50-100 of 50-200 best"),
        _effect(effects, "warm-up steps", "higher", "50-100 of 50-200 best", sign=-1),
        _effect(effects, "weight decay", "higher", "0.05-0.2 best"),
    ]


def _among(claim: str, ranks: pd.DataFrame, names: Sequence[str]) -> Claim:
    """Agree where each of `names` is among the top in nearly all resamples over seeds."""
    shares = ranks.set_index("candidate")["top_share"].reindex(list(names)).fillna(0.0)
    first = ", ".join(ranks.dropna(subset="rank").head(len(names))["candidate"]) or "no scores"
    often = ", ".join(f"{name} in {share:.0%}" for name, share in shares.items())
    sure, out = (shares >= _SURE).all(), (shares <= 1 - _SURE).any()
    agrees = True if sure else False if out else None
    return Claim(claim, "yes", first, f"{often} of resamples", agrees)


def _effect(effects, candidate: str, direction: str, paper: str, *, sign: int = 1) -> Claim:
    rows = effects[(effects["candidate"] == candidate) & (effects["direction"] == direction)]
    effect = next((row for _, row in rows.dropna(subset="low").iterrows()), None)
    better, n = "better" if sign > 0 else "worse", 0 if effect is None else effect["n"]
    claim = f"A {direction} value than the baseline's of {candidate} is {better} (n = {n} seeds)"
    return hold(claim, paper, effect, sign=sign)
