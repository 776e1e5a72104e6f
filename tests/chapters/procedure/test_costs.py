"""What the procedure cost, by hand and against the paper's days."""

import pandas as pd
import pytest

from repro.chapters.procedure.costs import procedure_costs, published_costs
from repro.chapters.procedure.rules import PAPER_LADDERS
from repro.chapters.procedure.tables import costs_table


def test_published_costs_are_near_the_papers_days(trace):
    # Random search and ASHA; BO+ASHA would be half as much again. The paper: 6.8 of 16 days.
    costs = published_costs(trace)
    days = 1.5 * costs[["seconds", "all_seconds"]].sum() / 86400
    assert days["seconds"] == pytest.approx(6.8, abs=0.7)
    assert days["all_seconds"] == pytest.approx(16, abs=0.5)
    assert costs_table(costs, unit="days", note="").frame["rounds"].tolist() == [
        "32 of 72",
        "29 of 60",
    ]


def test_costs_by_hand():
    # One path, full at 1 and 4 GST, n = 2; grid search 10 steps. Not run: four settings of 1 and
    # 4 GST twice, (1 + 4 + 1 + 4) x 10 x 2 = 200 steps at the path's 2 seconds a step.
    trace = pd.DataFrame({"budget_gst": [1.0, 4.0], "steps": [20, 80], "seconds": [40.0, 160.0]})
    trace = trace.assign(model="m", task="t", method="rs", space="full", n=2)
    grid = pd.DataFrame({"model": ["m"], "task": ["t"], "steps": [10], "seconds": [5.0]})
    costs = procedure_costs(trace, grid, {"m": PAPER_LADDERS["electra-base"]}).iloc[0]
    assert (costs["steps"], costs["all_steps"]) == (110, 310)
    assert (costs["seconds"], costs["all_seconds"]) == (205, 605)
    assert (costs["rounds"], costs["all_rounds"]) == (2, 6)
    row = costs_table(costs.to_frame().T, unit="steps", note="").frame.iloc[0]
    assert row[["rounds", "steps", "steps, all", "share"]].tolist() == [
        "2 of 6",
        "110",
        "310",
        "35%",
    ]
