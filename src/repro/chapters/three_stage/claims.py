"""The course project's claims, each held against what was found here.

The project ran every configuration once. A claim about a difference agrees when our 95 % interval
lies on its side of zero, disagrees on the other, and is undecided when it holds zero.
"""

from collections.abc import Sequence

import pandas as pd

from repro.chapters.initial.claims import difference_claim
from repro.chapters.three_stage.analysis import final_pairs, late_gains, search_pairs, sweep_curves
from repro.stats.intervals import summarise_differences

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
_COMPARED = (("manual", "baseline"), ("cold", "baseline"), ("manual", "cold"), ("warm", "cold"))
_PRINTED = {"baseline": "baseline", "manual": "manual", "cold": "automatic"}


def three_stage_claims(
    trials: pd.DataFrame, *, published: pd.DataFrame, parts: pd.DataFrame, seed: int = 0
) -> list[dict]:
    """Hold the project's claims about the stages' results against ours.

    Args:
        published: method, score (percent).
        parts: from `analysis.interactions.variation_parts`.
    Returns:
        rows for `tables.claims_table`: claim, paper, here, interval, agrees.
    """
    printed = published.set_index("method")["score"]
    rows = []
    for first, second in _COMPARED:
        better = f"{_STAGES[first].capitalize()} beats {_STAGES[second]}"
        paper = _printed_difference(printed, first, second)
        searched = search_pairs(trials, first, second)
        rows.append(_pair_claim(f"{better}, best trials on validation", paper, searched, seed))
        final = final_pairs(trials, first, second)
        again = f"{better}, chosen configuration with fresh seeds on test"
        rows.append(_pair_claim(again, "not tested", final, seed, split="test"))
    for name in ("printed-manual", "printed-automatic"):
        claim = f"{_STAGES[name].capitalize()} beats the baseline, fresh seeds on test"
        pairs = final_pairs(trials, name, "baseline")
        rows.append(_pair_claim(claim, "better on validation", pairs, seed, split="test"))
    return [*rows, _still_rising(trials, seed), _interactions(parts)]


def _printed_difference(printed: pd.Series, first: str, second: str) -> str:
    if first not in _PRINTED:
        return "expected, not tried"
    return f"{printed[_PRINTED[first]] - printed[_PRINTED[second]]:+.2f} points"


def _pair_claim(claim: str, paper: str, pairs, seed: int, *, split: str = "validation") -> dict:
    known = pairs[pairs["split"] == split].dropna(subset="difference")
    unit = "repetitions" if "repetition" in pairs else "seeds"
    return difference_claim(f"{claim} (n = {len(known)} {unit})", paper, _mean(known, seed), 1)


def _mean(known: pd.DataFrame, seed: int) -> pd.Series | None:
    found = summarise_differences(known.assign(task="all"), ["task"], seed=seed)
    return found.iloc[0] if len(known) else None


def _still_rising(trials: pd.DataFrame, seed: int) -> dict:
    """Look for a gain late in the sweep; an incumbent cannot fall, so any gain at all is above 0.

    Where every sweep gained nothing the claim does not hold.
    """
    gains = late_gains(sweep_curves(trials[trials["stage"] == "cold"])).dropna(subset="difference")
    rising, n = int((gains["difference"] > 0).sum()), len(gains)
    n_late = gains["n_late"].max() if n else 0
    claim = f"The sweep still improves at its end: a gain in its last {n_late} trials"
    row = difference_claim(claim, "steady improvement", _mean(gains, seed), 1)
    agrees = None if 0 < rising < n or not n else bool(rising)
    return row | {"here": f"{row['here']}; in {rising} of {n} sweeps", "agrees": agrees}


def _interactions(parts: pd.DataFrame) -> dict:
    found = parts.set_index("part").loc["interactions minus main effects"]
    claim = "Improvements arise mainly from interactions, not from single hyperparameters"
    row = {"claim": claim, "paper": "assumed"}
    if pd.isna(found["low"]):
        return row | {"here": "too few trials", "interval": "", "agrees": None}
    here = f"{100 * found['share']:+.0f} % of variation, interactions minus main effects"
    interval = f"[{100 * found['low']:+.0f}, {100 * found['high']:+.0f}]"
    agrees = True if found["low"] > 0 else False if found["high"] < 0 else None
    return row | {"here": here, "interval": interval, "agrees": agrees}


def factor_claims(effects: pd.DataFrame, ranks: pd.DataFrame, firsts: pd.DataFrame) -> list[dict]:
    """Hold the project's claims about single hyperparameters against our first stage.

    Args:
        effects: from `analysis.one_factor.one_factor_effects`.
        ranks, firsts: from `analysis.one_factor.rank_candidates`, the latter with `top=1`.
    """
    return [
        _among("The three most important are " + ", ".join(THREE), ranks, THREE),
        _among("The learning rate has the most impact", firsts, THREE[:1]),
        _effect(effects, "warm-up steps", ("lower", "better"), "50-100 of 50-200 best"),
        _effect(effects, "warm-up steps", ("higher", "worse"), "50-100 of 50-200 best"),
        _effect(effects, "weight decay", ("higher", "better"), "0.05-0.2 best"),
    ]


def _among(claim: str, ranks: pd.DataFrame, names: Sequence[str]) -> dict:
    """Agree where each of `names` is among the top in nearly all resamples over seeds."""
    shares = ranks.set_index("candidate")["top_share"].reindex(list(names)).fillna(0.0)
    found = ranks.dropna(subset="rank").head(len(names))["candidate"]
    sure, out = (shares >= _SURE).all(), (shares <= 1 - _SURE).any()
    return {
        "claim": claim,
        "paper": "yes",
        "here": ", ".join(found) or "no scores",
        "interval": ", ".join(f"{n} in {share:.0%}" for n, share in shares.items())
        + " of resamples",
        "agrees": True if sure else False if out else None,
    }


def _effect(effects: pd.DataFrame, candidate: str, what: tuple[str, str], paper: str) -> dict:
    direction, better = what
    rows = effects[(effects["candidate"] == candidate) & (effects["direction"] == direction)]
    found = rows.dropna(subset="low").iloc[0] if rows["low"].notna().any() else None
    n = 0 if found is None else found["n"]
    claim = f"A {direction} value than the baseline's of {candidate} is {better} (n = {n} seeds)"
    return difference_claim(claim, paper, found, 1 if better == "better" else -1)
