"""The claims of section 5, held against paths whose answers are known."""

import pandas as pd
import pytest

from repro.chapters.procedure.claims import procedure_claims
from repro.chapters.procedure.costs import published_costs
from repro.chapters.procedure.patterns import published_patterns

ELECTRA, ROBERTA = "electra-base", "roberta-base"


@pytest.fixture
def hold(trace):
    patterns, costs = published_patterns(), published_costs(trace)

    def against_electra(ours, *, model=ELECTRA, paper=ELECTRA, share=None):
        return procedure_claims(
            ours,
            trace,
            model=model,
            paper=paper,
            costs=costs if share is None else costs.assign(share_steps=share),
            patterns=patterns,
            paper_patterns=patterns,
        )

    return against_electra


def test_the_papers_paths_agree_with_themselves(trace, hold):
    claims = hold(trace)
    assert [claim.agrees for claim in claims] == [True] * 6
    assert claims[4].paper == "6.8 of 16 days (42%)"
    assert claims[5].here == "9 of 9 (100%)"


def test_other_shares_disagree_or_are_left_open(trace, hold):
    claims = hold(trace, model=ROBERTA, share=1.2)
    # RoBERTa's warm-up lies below grid's in 8 of 13 runs, ELECTRA's in 9 of 9. Fisher: of C(22, 13)
    # = 497420 tables, C(17, 8) = 24310 are this one and C(17, 13) = 2380 rarer: p = .0537, not
    # unlike at 5 %; but Wilson's interval of 8 / 13 ends at 82 %, below the paper's 100 %.
    assert (claims[5].here, claims[5].interval) == ("8 of 13 (62%)", "[36%, 82%]")
    assert claims[5].agrees is None
    assert claims[4].agrees is False


def test_without_a_raised_budget_nothing_is_said_of_it(trace, hold):
    first = trace[(trace["model"] == ELECTRA) & (trace["round"] == 0)]
    claims = hold(first.assign(decision="succeeds"))
    assert claims[2].here == "no round raised the budget" and claims[2].agrees is None
    assert [claims[i].here for i in (0, 1)] == ["none", "none"]  # nothing failed, none reduced
    assert [claims[i].agrees for i in (0, 1)] == [None, None]


def test_a_budget_that_lowers_every_score_disagrees(trace, hold):
    ours = trace[trace["model"] == ELECTRA].copy()
    ours["mean_validation_score"] = 1 - 0.1 * ours["round"] + 0 * pd.Series(range(len(ours)))
    assert hold(ours)[2].agrees is False
    assert hold(ours)[2].here == "-10.00 points"


def test_a_model_that_stands_for_none_has_no_claims(trace, hold):
    assert hold(trace.assign(model="tiny-bert"), model="tiny-bert", paper="") == []
