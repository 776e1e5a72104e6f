"""Verdicts, the correction for many claims, and how many runs would decide."""

import math
from dataclasses import replace

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from repro.stats.decisions import (
    VERDICTS,
    Estimate,
    Region,
    above,
    below,
    correct,
    holm,
    runs_needed,
    verdict,
    within,
)
from repro.stats.rules import from_error, mean, recount, share, undecidable, withheld

CLEAR = from_error(2.0, 0.5, above(), n=20, units="runs", df=19)  # t = 4


def test_a_claim_holds_fails_or_stays_open_by_the_side_on_which_the_interval_lies():
    values = {"holds": 2.0, "undecided": 0.4, "does not hold": -2.0}
    for region, sign in ((above(), 1), (below(), -1)):
        for word, value in values.items():
            found = from_error(sign * value, 0.5, region, n=20, units="runs", df=19)
            assert verdict(found)[0] == word
    inside, outside, either = (
        from_error(v, 0.3, within(-1, 1), n=20, units="runs") for v in (0, 3, 0.9)
    )
    assert [verdict(e)[0] for e in (inside, outside, either)] == list(VERDICTS[:3])


def test_a_verdict_has_its_reason():
    where = "the value lies where it is claimed"
    assert verdict(CLEAR)[1] == f"{where} (p = 0.00077 corrected, 20 runs)"
    word, reason = verdict(CLEAR, p=0.034 * 4)
    assert word == "undecided" and "0.00077 were it the only claim" in reason
    assert verdict(None) == ("not testable here", "nothing here estimates it")
    assert verdict(undecidable("no runs", above())) == ("undecided", "no runs")
    counted = recount(6, within(6.5, 7.5), n=13, units="cases")
    assert verdict(counted) == (
        "does not hold",
        "the value does not lie where it is claimed (counted in 13 cases)",
    )


def test_what_cannot_come_out_otherwise_is_said_to_be_so_whatever_the_numbers():
    reason = "the best is never below the last"
    assert verdict(CLEAR, by_construction=reason) == ("true by construction", reason)
    assert verdict(None, by_construction=reason)[0] == "true by construction"


def test_an_estimate_without_a_number_or_a_reason_is_an_error():
    nothing = replace(CLEAR, value=math.nan)
    with pytest.raises(ValueError, match="a number or say why it is none"):
        verdict(nothing)


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (-math.inf, math.inf)])
def test_a_claim_that_allows_nothing_or_all_is_refused(ends):
    with pytest.raises(ValueError, match="some values and not all, but got"):
        Region(*ends)


def estimates_with(p_values):
    return [Estimate(1, 0, 2, 9, "runs", above(), p_for=p / 2) for p in p_values]


def test_the_correction_is_holms():
    p = [0.01, 0.04, 0.001, 0.03, 0.2]
    found = correct(estimates_with(p))
    # .001 x 5, .01 x 4, .03 x 3, then .04 x 2 = .08, which may not be below .09; .2
    assert found == pytest.approx([0.04, 0.09, 0.005, 0.09, 0.2])
    assert found == pytest.approx(multipletests(p, method="holm")[1])


def test_a_missing_p_value_stays_missing_and_does_not_count():
    # sorted .01, .02, .03, .5 times 4, 3, 2, 1, none below the one before
    found = holm([0.02, math.nan, 0.5, 0.01, 0.03])
    assert found == pytest.approx([0.06, math.nan, 0.5, 0.04, 0.06], nan_ok=True)
    assert holm([0.6, 0.9]).tolist() == [1.0, 1.0]


def test_claims_that_were_not_estimated_count_in_the_correction_and_counts_do_not():
    found = correct(estimates_with([0.01, 0.02]), n_claims=44)
    assert found == pytest.approx([0.44, 0.86])
    counted = recount(6, above(5), n=13, units="cases")
    assert correct([counted, *estimates_with([0.01])]) == pytest.approx([0, 0.01])
    assert len(correct([])) == 0


def test_runs_are_not_asked_for_where_they_would_tell_nothing():
    assert runs_needed(CLEAR) == 0
    small = from_error(0.4, 0.5, above(margin=0.5), n=20, units="runs", df=19)
    assert runs_needed(small) == "none: the effect is within the margin"
    assert isinstance(runs_needed(replace(small, region=above())), int)
    tiny = mean({"rte": [-1.0, 1.0, -1.0, 1.0, 0.01]}, above(), tasks="fixed")
    assert runs_needed(tiny) == "none: it would take more than 100,000 repetitions"
    assert runs_needed(undecidable("no runs", above())) == "unknown: no runs"
    counted = recount(6, above(5), n=13, units="cases")
    assert runs_needed(counted) == "none: what is printed can only be counted"


def test_too_few_values_decide_nothing_but_tell_how_many_would():
    found = mean({"rte": [0.1, 0.11, 0.12]}, above(), tasks="fixed")
    assert found.p == 1 and found.reason == "3 repetitions, fewer than 5"
    assert runs_needed(found) == 2  # so far from 0, the minimum is enough
    assert runs_needed(mean({"rte": [-0.1, 0.2, 0.02]}, above(), tasks="fixed")) > 20
    assert runs_needed(withheld(found, "why")) == "unknown: 3 repetitions, fewer than 5; why"


def test_runs_needed_are_those_of_the_textbook():
    # Cohen 1988, table 2.4.1: d = .5, two-sided .05, power .8: n = 34 for one sample
    values = np.array([-1.0, 1.0] * 5) / math.sqrt(10 / 9) + 0.5
    assert runs_needed(mean({"rte": values}, above(), tasks="fixed")) == pytest.approx(24, abs=1)
    # a share of .7 against .5: n = 47 by the normal approximation, some more by exact tests
    assert 37 <= runs_needed(share([1] * 7 + [0] * 3, above(0.5), units="runs")) <= 43


def test_a_stricter_level_asks_for_more_runs():
    open_ = from_error(0.4, 0.3, above(), n=20, units="runs", df=19)
    assert runs_needed(open_, level=0.05 / 44) > 1.5 * runs_needed(open_)
