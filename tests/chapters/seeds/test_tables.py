"""The tables, figures and claims of the seed study, on made-up runs with holes."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from repro.chapters.initial.tables import claims_table
from repro.chapters.seeds.analysis import (
    aggregated_deviations,
    best_scores,
    diverged_share,
    evaluation_scores,
    extreme_seeds,
    score_matrices,
    seed_deviations,
    sorted_matrix,
)
from repro.chapters.seeds.claims import seed_claims
from repro.chapters.seeds.early_stopping import best_settings, judge_settings, search_settings
from repro.chapters.seeds.plots import (
    figure_correlations,
    figure_curves,
    figure_densities,
    figure_deviations,
    figure_expected,
    figure_gains,
    figure_matrices,
    figure_settings,
)
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
from repro.published import load_published
from repro.stats.correlation import (
    evaluation_correlations,
    progress_matrices,
    progress_matrix,
)
from repro.stats.expected_performance import scenario_curves
from seed_scores import tidy

NOTE = "A note."


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def scores():
    """4 x 4 seeds on two tasks, 6 evaluations; WI matters, a run failed and one stopped early."""
    rng, parts = np.random.default_rng(0), []
    for task in ("mrpc", "cola"):
        runs = [
            (0.6 + 0.05 * (i // 4) + np.linspace(0, 0.1, 6) + rng.normal(0, 0.02, 6)).tolist()
            for i in range(16)
        ]
        runs[3], runs[5] = [], runs[5][:2]
        parts.append(evaluation_scores(*tidy(runs, task=task, n_order=4, accuracy=task == "mrpc")))
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def best(scores):
    return best_scores(scores)


@pytest.fixture(scope="module")
def matrices(best):
    return score_matrices(best)


@pytest.fixture(scope="module")
def stopping(scores):
    found, judged = [], []
    for task, rows in scores.groupby("task"):
        progress = progress_matrix(rows, best_so_far=True)
        found.append(best_settings(search_settings(progress, [1, 2, 3])).assign(task=task))
        judged.append(judge_settings(progress, [1, 2, 3], n_splits=2).assign(task=task))
    return pd.concat(found), pd.concat(judged)


def test_the_note_counts_seeds_and_missing_runs(best):
    note = describe_seeds(best, model="m", profile="p")
    assert (
        note == "m, profile p; WI x DO seeds: MRPC 4 x 4, CoLA 4 x 4; 2 of 32 runs without a score."
    )


def test_table_1_and_2_put_ours_beside_the_printed(best):
    table = table1(best, load_published("dodge_2020_table01"), note=NOTE).frame
    assert table.columns.tolist() == ["model", "MRPC", "CoLA"]
    assert table.iloc[2].tolist() == ["BERT, best of all seeds (Dodge et al. 2020)", "91.4", "67.6"]
    ours = best.groupby("task")["score"].max()
    assert table.iloc[-1, 1:].tolist() == [f"{100 * ours[t]:.1f}" for t in ("mrpc", "cola")]
    facts = pd.DataFrame({"task": ["mrpc", "cola"], "metric": ["a", "b"]})
    facts = facts.assign(majority_baseline=[0.7, 0.0], n_train=[300, 800], n_validation=[150, 200])
    table = table2(facts, load_published("dodge_2020_table02"), note=NOTE).frame
    assert table["MRPC"].tolist() == ["0.70", "300", "150", "0.75", "3,700", "409"]


def test_table_3_and_4_hold_both_rows(matrices):
    table = table3(matrices, load_published("dodge_2020_table03"), note=NOTE)
    ours = aggregated_deviations(matrices["mrpc"])
    assert table.frame["MRPC"].tolist()[:2] == [f"{ours['wi']:.4f}", "0.0580"]
    assert table.data["n_missing"].tolist() == [1, 1]
    table = table4(matrices, load_published("dodge_2020_table04"), note=NOTE)
    assert table.frame["MRPC"][0] == "2.0e-6"
    assert table.frame["factor"].tolist() == ["WI"] * 5 + ["DO"] * 5
    table = variance_table(matrices, note=NOTE)
    shares = table.data[table.data["task"] == "mrpc"].set_index("factor")["share"]
    assert shares["wi"] > 0.5 > shares["do"]
    assert table.frame["MRPC"][0].startswith(f"{100 * shares['wi']:.0f} [")


def test_ranks_and_divergence_are_shown(best):
    table = rank_table(best, note=NOTE)
    assert table.frame["WI seed"].tolist() == ["4", "3", "2", "1"]
    assert "Kendall's W = 1.00" in table.caption
    shares = diverged_share(best, pd.Series({"mrpc": 0.6, "cola": 0.7}))
    frame = diverged_table(shares, margin=0.02, note=NOTE).frame
    assert frame["without a score"].tolist() == ["1", "1"]


def test_the_calculator_shows_one_row_a_task(stopping):
    found, judged = stopping
    frame = stopping_table(found, judged, budget=2, note=NOTE).frame
    assert frame["task"].tolist() == ["CoLA", "MRPC"]
    row = found[(found["budget"] == 2) & (found["task"] == "cola")].iloc[0]
    assert frame.loc[0, "start"] == str(row["t"])


def test_claims_are_judged(scores, best, stopping):
    rows = seed_claims(scores, best, stopping[1])
    frame = claims_table(rows, note=NOTE).frame
    assert len(frame) == 7
    # WI was given an effect on both tasks, DO none; both tasks have the same order of WI seeds
    assert frame["agrees"].tolist() == ["undecided", "undecided", "yes", "undecided", *["yes"] * 3]


def test_figures_have_one_panel_a_task(scores, best, matrices, stopping):
    spearman = {
        task: evaluation_correlations(progress_matrix(rows, best_so_far=False))
        for task, rows in scores.groupby("task")
    }
    extremes = {
        task: {
            (factor, name): rows["score"]
            for factor in ("wi", "do")
            for name, rows in extreme_seeds(matrix, factor).groupby("extreme")
        }
        for task, matrix in matrices.items()
    }
    deviations = {task: seed_deviations(matrix) for task, matrix in matrices.items()}
    totals = {task: aggregated_deviations(matrix)["total"] for task, matrix in matrices.items()}
    figures = [
        figure_expected(scenario_curves(scores)),
        figure_matrices({task: sorted_matrix(matrix) for task, matrix in matrices.items()}),
        figure_densities(extremes),
        figure_curves(scores),
        figure_correlations(spearman, kind="Spearman"),
        figure_settings(stopping[0]),
        figure_gains(*stopping),
        figure_deviations(deviations, totals),
    ]
    for figure in figures:
        titled = [ax.get_title() for ax in figure.axes if ax.get_title()]
        assert sorted(titled) == ["CoLA", "MRPC"]
    hatched = [p for p in figures[1].axes[0].patches if p.get_hatch()]
    assert len(hatched) == 1  # the failed run
    assert len({line.get_label() for line in figures[0].axes[0].lines}) == 3


def test_alike_and_single_scores_are_drawn_too():
    alike = np.full(4, 0.5)
    figure = figure_densities({"mrpc": {("wi", "best"): alike, ("wi", "worst"): alike[:0]}})
    assert len(figure.axes[0].lines) == 1


@pytest.mark.parametrize(
    "values", [[1.0, 1.0], [0.0, 0.0], []], ids=["perfect", "diverged", "lost"]
)
def test_degenerate_runs_are_shown_and_counted(values):
    """Tell what there is to tell where all runs are alike, or none has a score."""
    good = [[0.5, 0.5 + i / 100] for i in range(4)]
    parts = [
        tidy(runs, task=t, accuracy=False) for t, runs in (("rte", good), ("cola", [values] * 4))
    ]
    scores = pd.concat([evaluation_scores(*part) for part in parts], ignore_index=True)
    best = best_scores(scores)
    grids = score_matrices(best)
    curves = progress_matrices(scores, best_so_far=True)
    assert list(curves) == (["rte", "cola"] if values else ["rte"])
    found = pd.concat(
        best_settings(search_settings(p, [1, 2])).assign(task=task) for task, p in curves.items()
    )
    judged = pd.concat(judge_settings(p, [1, 2]).assign(task=task) for task, p in curves.items())
    figure_matrices({task: sorted_matrix(grid) for task, grid in grids.items()}).canvas.draw()
    figure_expected(scenario_curves(scores)).canvas.draw()
    figure_curves(scores).canvas.draw()
    figure_gains(found, judged).canvas.draw()
    figure_settings(found).canvas.draw()
    totals = {task: aggregated_deviations(grid)["total"] for task, grid in grids.items()}
    deviations = {task: seed_deviations(grid) for task, grid in grids.items()}
    figure_deviations(deviations, totals).canvas.draw()
    for table in (
        table1(best, load_published("dodge_2020_table01"), note=NOTE),
        table3(grids, load_published("dodge_2020_table03"), note=NOTE),
        table4(grids, load_published("dodge_2020_table04"), note=NOTE),
        variance_table(grids, note=NOTE),
        stopping_table(found, judged, budget=2, note=NOTE),
        claims_table(seed_claims(scores, best, judged), note=NOTE),
    ):
        assert table.to_markdown()
    shares = diverged_share(best, pd.Series({"rte": 0.4, "cola": 0.0})).set_index("task")
    assert shares.loc["cola", "n_diverged"] == (0 if values == [1.0, 1.0] else 4)
    assert shares.loc["cola", "n_missing"] == (0 if values else 4)
