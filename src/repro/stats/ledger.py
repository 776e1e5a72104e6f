"""The ledger of claims: what each source claims, and what the evidence says of it."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from repro.names import check_name
from repro.published import load_published
from repro.stats.decisions import LEVEL, UNDECIDED, Estimate, correct, runs_needed, verdict

EVIDENCE = ("published", "miniature", "recorded", "own run")
SCALES = ("toy", "partial", "full")
COLUMNS = (
    *("id", "source", "evidence", "scale", "verdict", "reason", "estimate", "low", "high"),
    *("claimed_low", "claimed_high", "unit", "n", "counted", "p", "p_corrected", "runs_needed"),
)


@dataclass(frozen=True)
class Answer:
    """What one kind of evidence says of one claim.

    Args:
        claim: an id of `load_claims`.
        evidence: one of EVIDENCE: published numbers analysed again, the miniature, real recorded
            curves, or a larger run of one's own.
        scale: one of SCALES.
        estimate: of scores and shares as fractions; the ledger gives them in the claim's unit.
        unit: of the estimate, where it is not the claim's.
        by_construction: why the claim cannot come out otherwise here, though it might elsewhere.
    """

    claim: str
    evidence: str
    scale: str
    estimate: Estimate
    unit: str = ""
    by_construction: str = ""

    def __post_init__(self):
        check_name("evidence", self.evidence, EVIDENCE)
        check_name("scale", self.scale, SCALES)


def load_claims() -> pd.DataFrame:
    """Read every claim of the four sources: one row a claim; empty text where there is none.

    Raises:
        ValueError: if an id is there twice.
    """
    claims = load_published("claims")
    if len(again := claims.loc[claims["id"].duplicated(), "id"]):
        raise ValueError(f"a claim must be listed once, but {again.iloc[0]!r} is there again")
    texts = claims.columns.drop("published_value")
    return claims.fillna(dict.fromkeys(texts, "")).set_index("id", drop=False)


def judge(answers: Iterable[Answer], claims: pd.DataFrame | None = None) -> pd.DataFrame:
    """Decide every claim on every evidence there is.

    P-values are corrected over all claims of a source that might come out either way, for each kind
    of evidence by itself, so that a verdict does not change with what else was run.

    Args:
        claims: from `load_claims`, which is the default.
    Returns:
        one row a claim and evidence, and one (no evidence) for a claim without any: COLUMNS;
        `claimed_low` and `claimed_high` are the ends of the values that the claim allows, infinite
        where there is none; `n` of `counted` units; `runs_needed` of undecided ones, see
        `decisions.runs_needed`.
    Raises:
        ValueError: if an answer is to no known claim, or to one that has another on the same
            evidence.
    """
    claims, answers = load_claims() if claims is None else claims, list(answers)
    groups = {}
    for answer in answers:
        check_name("claim", answer.claim, claims["id"])
        group = groups.setdefault((claims.loc[answer.claim, "source"], answer.evidence), {})
        if answer.claim in group:
            raise ValueError(
                f"a claim must have one answer an evidence, but {answer.claim!r} has several for "
                f"{answer.evidence!r}"
            )
        group[answer.claim] = answer
    n_open = claims[claims["by_construction"] == ""].groupby("source").size()
    rows = []
    for (source, _), group in groups.items():
        free = [claim for claim, answer in group.items() if not _given(answer, claims)]
        p = correct([group[claim].estimate for claim in free], n_claims=n_open[source])
        p = dict(zip(free, map(float, p), strict=True))
        rows += [_row(answer, claims, p.get(c), n_open[source]) for c, answer in group.items()]
    for claim in claims[~claims["id"].isin([answer.claim for answer in answers])].itertuples():
        word, reason = verdict(None, by_construction=claim.by_construction)
        known = {"id": claim.id, "source": claim.source, "unit": claim.unit}
        rows.append(known | {"verdict": word, "reason": reason})
    place = {claim: number for number, claim in enumerate(claims["id"])}
    rows.sort(key=lambda row: (place[row["id"]], EVIDENCE.index(row.get("evidence", EVIDENCE[0]))))
    return pd.DataFrame(rows, columns=COLUMNS)


def _given(answer: Answer, claims: pd.DataFrame) -> str:
    return claims.loc[answer.claim, "by_construction"] or answer.by_construction


def _row(answer: Answer, claims: pd.DataFrame, p: float | None, n_claims: int) -> dict:
    estimate = answer.estimate
    word, reason = verdict(estimate, p=p, by_construction=_given(answer, claims))
    unit = answer.unit or claims.loc[answer.claim, "unit"]
    factor = 100 if unit in ("points", "percent") else 1
    needed = runs_needed(estimate, level=LEVEL / n_claims) if word == UNDECIDED else ""
    if needed == 0:  # it is left open by a test that asks for more than the spread tells
        needed = "unknown: one of its two tests has decided, the other one has not"
    return {
        "id": answer.claim,
        "source": claims.loc[answer.claim, "source"],
        "evidence": answer.evidence,
        "scale": answer.scale,
        "verdict": word,
        "reason": reason,
        "estimate": factor * estimate.value,
        "low": factor * estimate.low,
        "high": factor * estimate.high,
        "claimed_low": factor * estimate.region.low,
        "claimed_high": factor * estimate.region.high,
        "unit": unit,
        "n": estimate.n,
        "counted": estimate.units,
        "p": estimate.p,
        "p_corrected": p,
        "runs_needed": needed,
    }
