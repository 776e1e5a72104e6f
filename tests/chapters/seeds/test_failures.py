"""Runs that fail, seed by seed: counted by hand, drawn, judged."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from repro.chapters.seeds import cause_tables, plots
from repro.chapters.seeds.failures import (
    compare_ways,
    early_signs,
    ended_runs,
    progress,
    summarise_ways,
)
from repro.chapters.seeds.followup_claims import (
    mean_gain,
    only_first_fails,
    published_answers,
    recorded_answers,
    spread_ratio,
)
from repro.stats.ledger import judge

# the end scores of seeds 0, 1, ... of each way
ENDS = {
    "failing": [0.0, 0.0, 0.3, 0.2, -0.1, 0.4],
    "failing-corrected": [0.4, 0.5, 0.4, 0.5, 0.4, 0.5],
    "failing-longer": [0.3, 0.0, 0.3],
}


def recorded(ends=ENDS, status="completed"):
    """Make recorded trials and evaluations: two evaluations, the first at half the last score."""
    trials, evaluations = [], []
    for space, scores in ends.items():
        for trial, score in enumerate(scores):
            key = {"model": "m", "task": "cola", "space": space, "trial": trial}
            trials.append(key | {"status": status, "init_seed": trial})
            for step, value in ((5, score / 2), (10, score)):
                evaluations.append(key | {"step": step, "validation_score": value})
    return pd.DataFrame(trials), pd.DataFrame(evaluations)


@pytest.fixture
def runs():
    return ended_runs(*recorded())


def test_failed_is_what_ends_at_a_guess_or_without_a_score(runs):
    usual = runs[runs["way"] == "failing"]
    assert usual["failed"].tolist() == [True, True, False, False, True, False]
    lost = ended_runs(*recorded(status="diverged"))
    assert lost["failed"].all() and lost["end_score"].isna().all()


def test_two_runs_of_a_way_and_seed_are_refused():
    trials, evaluations = recorded()
    with pytest.raises(ValueError, match="one run a way and seed"):
        ended_runs(trials.assign(init_seed=1), evaluations)


def test_ways_are_summarised_and_compared_on_common_seeds(runs):
    table = summarise_ways(runs).set_index("way")
    assert table.loc["failing", ["n_failed", "n"]].tolist() == [3, 6]
    assert table.loc["failing", "maximum"] == 0.4
    pair = compare_ways(runs).set_index("second").loc["failing-corrected"]
    assert (pair["n"], pair["only_first"], pair["only_second"]) == (6, 3, 0)
    assert pair["p"] == pytest.approx(2 / 2**3)  # three of three on one side
    # gains .4, .5, .1, .3, .5, .1: mean 1.9 / 6
    assert pair["mean"] == pytest.approx(1.9 / 6)
    longer = compare_ways(runs).set_index("second").loc["failing-longer"]
    assert (longer["n"], longer["only_first"]) == (3, 1)


def test_early_signs_by_hand(runs):
    _, evaluations = recorded()
    signs = early_signs(evaluations, runs, way="failing")
    # at half: 0, 0, .15, .1, -.05, .2: all three that fail lie below all that do not
    assert signs["auc"].tolist() == [1, 1]
    assert signs["share"].tolist() == [0.5, 1]
    assert signs.loc[0, ["n_low", "n_low_failed"]].tolist() == [3, 3]
    assert early_signs(evaluations, runs, way="failing-corrected").empty  # none fails


def test_progress_is_the_best_so_far_of_the_usual_way():
    _, evaluations = recorded()
    assert progress(evaluations)["cola"].iloc[4].tolist() == [-0.05, -0.05]


def test_claims_count_pairs_gains_and_spreads(runs):
    found = only_first_fails(runs, "failing", "failing-corrected")
    assert (found.value, found.n) == (1, 3)
    assert mean_gain(runs, "failing", "failing-corrected").value == pytest.approx(1.9 / 6)
    table = np.array([ENDS["failing"], ENDS["failing-corrected"]])
    ratio = table[1].std() / table[0].std()
    assert spread_ratio(runs, "failing", "failing-corrected").value == pytest.approx(ratio)
    nothing = only_first_fails(runs, "failing-corrected", "failing-reinitialised")
    assert "in none of 0 pairs" in nothing.reason


def gradients(runs):
    rows = runs[runs["way"] == "failing"]
    norm = {True: 0.01, False: 1.0}
    return pd.DataFrame(
        {"trial": row.trial, "failed": row.failed, "part": part, "step": step,
         "norm": norm[row.failed] * (1 + 0.1 * row.trial)}
        for row in rows.itertuples() for part in ("embeddings", "head") for step in range(1, 31)
    )  # fmt: skip


def test_all_claims_of_the_follow_ups_are_judged(runs):
    rng = np.random.default_rng(0)
    answers = recorded_answers(
        runs,
        norms=gradients(runs),
        sources=pd.DataFrame(
            rng.integers(3, size=(9, 4)),
            columns=["init_seed", "order_seed", "dropout_seed", "split_seed"],
        ).assign(score=rng.random(9)),
        matrices={},
        right={"stable": rng.random((9, 50)) < 0.8, "unstable": rng.random((9, 50)) < 0.5},
    )
    rows = judge([*answers, *published_answers()]).set_index(["id", "evidence"])
    vanishing = rows.loc[("mosbach-gradients-vanish", "miniature")]
    assert vanishing["estimate"] < 0.02 and vanishing["verdict"] == "holds"
    assert rows.loc[("bouthillier-pairs-enough", "published"), "verdict"] == "does not hold"
    assert rows.loc[("zhang-half-fail", "published"), "estimate"] == pytest.approx(48)
    for claim in ("bouthillier-split-largest", "zhang-init-order-comparable"):
        assert rows.loc[(claim, "miniature"), "verdict"] == "undecided"


def test_ways_and_gradients_are_drawn_and_put_into_tables(runs):
    ax = plots.plot_ways(runs)
    assert [tick.get_text() for tick in ax.get_yticklabels()] == [
        "uncorrected", "uncorrected, three times as long", "corrected",
    ]  # fmt: skip
    figure = plots.figure_gradients(gradients(runs))
    assert [ax.get_title() for ax in figure.axes] == ["embeddings", "head"]
    plt.close("all")
    summary, compared = summarise_ways(runs), compare_ways(runs)
    assert cause_tables.ways_table(summary, note="").frame["failed"][0] == "3 of 6"
    shown = cause_tables.compared_table(compared, note="").frame
    assert shown["only without it fail"].tolist()[0] == "3"
    assert "3 of 6 uncorrected runs fail and 0 of 6" in cause_tables.describe_failures(
        summary, compared
    )
    assert cause_tables.outperforming_table(runs, note="").frame["pairs"].tolist()[0] == "6"
    assert len(cause_tables.printed_recipes().frame) == 7
