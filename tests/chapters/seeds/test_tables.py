"""The tables of the seed study, on made-up runs with holes."""

import pandas as pd

from repro.chapters.seeds.analysis import (
    aggregated_deviations,
    best_scores,
    components_by_task,
    diverged_share,
    progress_matrices,
    rank_seeds,
    score_matrices,
)
from repro.chapters.seeds.early_stopping import compare_settings
from repro.chapters.seeds.significance import concordance, seed_tests
from repro.chapters.seeds.tables import (
    describe_seeds,
    diverged_table,
    rank_table,
    stopping_table,
    table1,
    table2,
    table3,
    table4,
    variance_table,
)

NOTE = "A note."


def test_the_note_counts_seeds_and_missing_runs(best):
    assert describe_seeds(best, model="m", profile="p") == (
        "m, profile p; WI x DO seeds: MRPC 4 x 4, CoLA 4 x 4; 2 of 32 runs without a score."
    )


def test_table_1_puts_ours_beneath_the_printed(best):
    table = table1(best, note=NOTE).frame
    assert table.columns.tolist() == ["model", "MRPC", "CoLA"]
    assert table.iloc[2].tolist() == ["BERT, best of all seeds (Dodge et al. 2020)", "91.4", "67.6"]
    ours = best.groupby("task")["score"].max()
    assert table.iloc[-1, 1:].tolist() == [f"{100 * ours[t]:.1f}" for t in ("mrpc", "cola")]


def test_table_2_puts_the_printed_sizes_beneath_ours():
    facts = pd.DataFrame({"task": ["mrpc", "cola"], "metric": ["a", "b"]})
    facts = facts.assign(majority_baseline=[0.7, 0.0], n_train=[300, 800], n_validation=[150, 200])
    table = table2(facts, note=NOTE).frame
    assert table["MRPC"].tolist() == ["0.70", "300", "150", "0.75", "3,700", "409"]
    assert table[""].tolist()[::3] == ["majority baseline, here", "majority baseline, paper"]


def test_table_3_has_ours_and_the_printed_in_turn(matrices):
    deviations = aggregated_deviations(matrices)
    table = table3(deviations, note=NOTE)
    assert table.frame["MRPC"].tolist()[:2] == [f"{deviations['wi'][0]:.4f}", "0.0580"]
    assert table.frame[""].tolist()[-2:] == ["Total, here", "Total, paper"]
    assert table.data["n_missing"].tolist() == [1, 1]


def test_table_4_has_a_block_of_tests_a_factor(seeds_tested):
    table = table4(seeds_tested, note=NOTE)
    assert table.frame["MRPC"][0] == "2.0e-6"
    assert table.frame["factor"].tolist() == ["WI"] * 5 + ["DO"] * 5
    assert table.frame["test"].tolist()[3:5] == [
        "two-way analysis of variance", "shuffles with p < .05",
    ]  # fmt: skip
    shares = seeds_tested.set_index(["factor", "task"])["p_naive_below_5"]
    assert table.frame["CoLA"].iloc[-1] == f"{shares['do', 'cola']:.0%}"


def test_components_are_shown_with_their_intervals(components):
    table = variance_table(components, note=NOTE)
    shares = components[components["task"] == "mrpc"].set_index("factor")["share"]
    assert shares["wi"] > 0.5 > shares["do"]
    assert table.frame["share of variance"].tolist() == ["WI", "DO", "rest"]
    assert table.frame["MRPC"][0].startswith(f"{100 * shares['wi']:.0f} [")


def test_ranks_and_divergence_are_shown(best):
    ranks = rank_seeds(best)
    table = rank_table(ranks, concordance(ranks), note=NOTE)
    assert table.frame["WI seed"].tolist() == ["4", "3", "2", "1"]
    assert table.frame["mean rank"].tolist() == ["1.0", "2.0", "3.0", "4.0"]
    assert "Kendall's W = 1.00" in table.caption
    shares = diverged_share(best, pd.Series({"mrpc": 0.6, "cola": 0.7}))
    frame = diverged_table(shares, margin=0.02, note=NOTE).frame
    assert frame["without a score"].tolist() == ["1", "1"]


def test_the_calculator_shows_one_row_a_task(stopping):
    table = stopping_table(stopping, budget=2, note=NOTE)
    assert table.frame["task"].tolist() == ["MRPC", "CoLA"]
    row = stopping[(stopping["budget"] == 2) & (stopping["task"] == "cola")].iloc[0]
    assert table.frame.loc[1, "expected score"] == f"{100 * row['score']:.1f}"
    assert table.data["budget"].nunique() == 30


def test_a_setting_is_recommended_only_where_it_wins_on_other_runs():
    row = {"task": "rte", "budget": 2, "t": 6, "p": 1, "f": 0.3, "score": 0.8, "baseline": 0.7}
    row |= {"relative_error_reduction": 0.33, "others_mean": 0.1, "wins": True}
    shown = stopping_table(pd.DataFrame([row, row | {"wins": False}]), budget=2, note=NOTE).frame
    assert shown["recommended"].tolist() == [
        "start 6, stop at 30%, keep 1", "train 2 to the end: nothing wins on other runs",
    ]  # fmt: skip


def test_degenerate_runs_are_shown(degenerate_scores):
    """Tell what there is to tell where all runs are alike, or none has a score."""
    best = best_scores(degenerate_scores)
    matrices = score_matrices(best)
    components, ranks = components_by_task(matrices), rank_seeds(best)
    stopping = compare_settings(progress_matrices(degenerate_scores, best_so_far=True))
    tables = (
        table1(best, note=NOTE),
        table3(aggregated_deviations(matrices), note=NOTE),
        table4(seed_tests(matrices, components), note=NOTE),
        variance_table(components, note=NOTE),
        rank_table(ranks, concordance(ranks), note=NOTE),
        stopping_table(stopping, budget=2, note=NOTE),
    )
    for table in tables:
        assert table.to_html() and table.to_latex()
    assert tables[3].frame["CoLA"].tolist() == ["–"] * 3
