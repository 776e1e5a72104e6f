"""The tables of the recorded assignments show what the assignments teach."""

import numpy as np
import pandas as pd
import pytest
import tables

from submissions import SOURCE, answer, read_cells


def functions_of(assignment, *cells):
    """Return what the instructor's answers define."""
    _, given = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    space = {}
    exec("import math\nimport numpy as np\nimport pandas as pd", space)
    if "class Pool" in given["setup"].source:
        exec(
            "class Pool" + given["setup"].source.partition("class Pool")[2].split("\n\n\n")[0],
            space,
        )
    for cell in cells:
        exec(answer(assignment)[cell].partition("\n\n\noptimism = ")[0], space)
    return space


@pytest.mark.parametrize("assignment", tables.DRAWS)
def test_the_tables_in_source_are_the_draw_of_seed_0(assignment):
    for name, table in tables.DRAWS[assignment](0).items():
        text = (SOURCE / assignment / f"{name}.csv").read_text()
        assert table.to_csv(index=False) == text


@pytest.mark.parametrize("seed", [0, 7])
def test_asha_loses_something_and_mostly_late_bloomers(seed):
    drawn = tables.draw_curves(seed)
    curves = drawn["curves"].pivot(index="trial", columns="quarter", values="validation_score")
    space = functions_of("asha_by_hand", "rungs", "halving", "asha", "losses", "orders")

    def run(pool, names):
        return space["asha"](pool, names, [1, 4, 16], 4)

    assert np.mean(space["regrets"](curves, run, 60, seed=1)) > 0.0003
    lost = space["losses"](curves, run(space["Pool"](curves), list(curves.index)))
    assert lost["regret"] > 0 and lost["lost"] >= 3 and lost["saved"] > 0.5
    # the best ten at the end were not the best ten after the first quarter
    early, late = (set(curves[q].sort_values().index[-10:]) for q in (1, 16))
    assert len(early & late) < 8
    assert {"learning_rate", "warmup_share", "batch_size"} <= set(drawn["trials"])


@pytest.mark.parametrize("seed", [0, 7])
def test_optimism_rises_with_the_number_of_trials_beyond_chance(seed):
    drawn = tables.draw_scores(seed)
    right = np.array([list(row) for row in drawn["practice"]["right"]]).astype(int)
    space = functions_of("overfitting_validation", "optimism")
    found = {n: space["mean_optimism"](right, n, 40, seed=0) for n in (1, 4, 16, 48)}
    # one standard error of a mean of 2000 draws is about .0015
    assert abs(found[1]) < 0.006
    assert found[4] > found[1] + 0.01 and found[16] > found[4] + 0.006 and found[48] > found[16]


@pytest.mark.parametrize("seed", [0, 7])
def test_the_best_on_validation_is_not_the_best_on_test(seed):
    drawn = tables.draw_scores(seed)
    best = drawn["trials"]["validation"].idxmax()
    test = drawn["sealed_test_scores"]["test_score"]
    assert test[best] < test.max()
    assert drawn["trials"]["validation"][best] > test[best]


def test_seeds_of_the_same_configuration_are_others_and_of_one_kind():
    table = pd.read_csv(SOURCE / "seeds_and_reporting/seeds.csv")
    assert table.groupby("name").size().to_dict() == dict.fromkeys(("again", "plain", "slow"), 20)
    assert not set(table.query("name == 'plain'")["seed"]) & set(
        table.query("name == 'again'")["seed"]
    )


@pytest.mark.parametrize("seed", [0, 7])
def test_the_exam_has_claims_that_hold_and_claims_that_do_not(seed):
    drawn = tables.draw_exam(seed)
    space = functions_of("exam", "early", "configurations")
    curves = drawn["curves"].pivot(index="trial", columns="quarter", values="validation_score")
    assert space["kept"](curves, 1, 10) < space["kept"](curves, 4, 10) < 10
    groups = {name: rows.to_numpy() for name, rows in drawn["seeds"].groupby("name")["score"]}
    assert space["verdict"](groups["corrected"], groups["plain"], 0) == "better"
    assert space["verdict"](groups["longer"], groups["plain"], 0) == "open"
    exec(answer("exam")["examples"].partition("sorted(level")[0], space)
    right = np.array([list(row) for row in drawn["right"]["right"]]).astype(int)
    assert 2 < len(space["level"](right)) < len(right)
