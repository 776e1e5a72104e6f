"""The course project's claims follow the intervals of what was found here."""

import numpy as np

from project_stages import EFFECTS, PARTS, RANKS, study
from repro.chapters.three_stage.analysis import FINAL_LABELS
from repro.chapters.three_stage.claims import factor_claims, three_stage_claims
from repro.published import load_published

PUBLISHED = load_published("course_project_table01")


def test_claims_about_single_factors_follow_their_intervals():
    agrees = [claim.agrees for claim in factor_claims(EFFECTS, RANKS, RANKS.head(1))]
    # three: one is in half of the resamples only; most impact; fewer; more (worse); more decay
    assert agrees == [None, True, True, False, None]
    out = RANKS.assign(top_share=[1.0, 1.0, 0.01])
    assert factor_claims(EFFECTS, out, RANKS.head(1))[0].agrees is False
    sure = RANKS.assign(top_share=1.0)
    assert factor_claims(EFFECTS, sure, RANKS.head(1))[0].agrees is True


CLAIMS = {
    "Manual tuning beats the baseline, best": True,
    "Manual tuning beats the cold sweep, best": False,
    "A sweep warm-started from the manual results beats the cold sweep, best": False,
    "A sweep warm-started from the manual results beats the cold sweep, chosen": True,
    "The sweep still improves": False,
    "Improvements arise mainly from interactions": False,
}


def test_claims_about_stages_follow_their_intervals():
    rows = three_stage_claims(study(), published=PUBLISHED, parts=PARTS)
    agrees = {row.claim: row.agrees for row in rows}
    verdicts = {name: next(a for c, a in agrees.items() if c.startswith(name)) for name in CLAIMS}
    assert verdicts == CLAIMS
    assert rows[0].paper == "+0.73 points" and "n = 2 repetitions" in rows[0].claim


def test_where_all_failed_nothing_is_decided():
    nothing = {name: (np.nan, np.nan) for name in FINAL_LABELS}
    scores = {"manual": [np.nan, np.nan], "cold": [np.nan] * 3, "warm": [np.nan]}
    trials, parts = study(scores, final=nothing), PARTS.assign(low=np.nan)
    claims = three_stage_claims(trials, published=PUBLISHED, parts=parts)
    assert {claim.agrees for claim in claims} == {None}
    ranks = RANKS.assign(rank=np.nan, top_share=0.0)
    claims = factor_claims(EFFECTS.assign(low=np.nan), ranks, ranks)
    assert claims[0].here == "no scores" and claims[2].here == "no scores"
