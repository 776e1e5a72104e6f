"""The figures of the seed study, on made-up runs with holes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from repro.chapters.seeds import authors, plots
from repro.chapters.seeds.analysis import (
    best_scores,
    by_task,
    components_by_task,
    early_correlations,
    evaluation_correlations,
    extreme_seeds,
    progress_matrices,
    scenario_curves,
    score_matrices,
    seed_deviations,
    sorted_matrix,
)
from repro.chapters.seeds.early_stopping import compare_settings
from repro.show.panels import panels
from seed_scores import matrix


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def draw_all(scores, stopping):
    matrices = score_matrices(best_scores(scores))
    correlations = {
        kind: evaluation_correlations(scores, kind=kind, best_so_far=False)
        for kind in ("spearman", "pearson")
    }
    return {
        "expected": panels(plots.plot_expected, by_task(scenario_curves(scores)), legend=3),
        "matrix": panels(plots.plot_matrix, {t: sorted_matrix(m) for t, m in matrices.items()}),
        "extremes": panels(plots.plot_extremes, {t: extreme_seeds(m) for t, m in matrices.items()}),
        "curves": panels(plots.plot_curves, by_task(scores)),
        "correlations": plots.figure_correlations(correlations),
        "early": panels(plots.plot_early, by_task(early_correlations(scores)), legend=3),
        "settings": panels(plots.plot_settings, by_task(stopping), legend=3),
        "stops": panels(plots.plot_stops, by_task(stopping)),
        "gains": panels(plots.plot_gains, by_task(stopping), legend=2),
        "deviations": panels(
            plots.plot_deviations, {t: seed_deviations(m) for t, m in matrices.items()}, legend=1
        ),
        "shares": panels(plots.plot_shares, by_task(components_by_task(matrices))),
    }


def names_of(ax):
    return [line.get_label() for line in ax.lines]


def test_each_figure_names_what_it_draws(scores, stopping):
    figures = draw_all(scores, stopping)
    for figure in figures.values():
        titled = [ax.get_title() for ax in figure.axes if ax.get_title()]
        assert titled == ["MRPC", "CoLA"]
    hatched = [p for p in figures["matrix"].axes[0].patches if p.get_hatch()]
    assert len(hatched) == 1  # the failed run
    assert names_of(figures["expected"].axes[0]) == [
        "every evaluation", "every epoch", "once, at the end",
    ]  # fmt: skip
    extremes = [tick.get_text() for tick in figures["extremes"].axes[0].get_xticklabels()]
    assert extremes == ["best\nWI", "worst\nWI", "best\nDO", "worst\nDO"]
    assert names_of(figures["deviations"].axes[0])[-1] == "all runs"
    assert len(figures["curves"].axes[0].lines) == 15
    shaded = figures["gains"].axes[0].collections[0].get_paths()[0].vertices[:, 1]
    mrpc = stopping[stopping["task"] == "mrpc"]
    assert shaded.min() == pytest.approx(100 * mrpc["others_lowest"].min())
    assert shaded.max() == pytest.approx(100 * mrpc["others_highest"].max())


def test_every_run_of_a_group_is_a_point_and_its_mean_a_line():
    # two WI seeds of two runs each, and two DO seeds: four groups of two points
    ax = plots.plot_extremes(extreme_seeds(matrix(np.array([[0.5, 0.6], [0.7, 0.8]]))))
    points, means = ax.lines[0::2], ax.lines[1::2]
    assert [len(line.get_ydata()) for line in points] == [2] * 4
    assert means[0].get_ydata() == pytest.approx([75, 75])  # the best WI seed


def test_the_printed_gains_are_points_and_have_no_range():
    ax = plots.plot_gains(by_task(authors.printed_settings())["mrpc"])
    assert names_of(ax)[0] == "printed" and len(ax.lines[0].get_xdata()) == 30
    assert not ax.collections


def test_degenerate_runs_are_drawn(degenerate_scores):
    progress = progress_matrices(degenerate_scores, best_so_far=True)
    figures = draw_all(degenerate_scores, compare_settings(progress))
    for figure in figures.values():
        figure.canvas.draw()
