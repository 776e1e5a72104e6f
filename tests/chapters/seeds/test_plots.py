"""The figures of the seed study, on made-up runs with holes."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from repro.chapters.seeds import plots
from repro.chapters.seeds.analysis import (
    best_scores,
    by_task,
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
    correlations = evaluation_correlations(scores, kind="spearman", best_so_far=False)
    return {
        "expected": panels(plots.plot_expected, by_task(scenario_curves(scores)), legend=3),
        "matrix": panels(plots.plot_matrix, {t: sorted_matrix(m) for t, m in matrices.items()}),
        "extremes": panels(plots.plot_extremes, {t: extreme_seeds(m) for t, m in matrices.items()}),
        "curves": panels(plots.plot_curves, by_task(scores)),
        "correlations": plots.figure_correlations(correlations, kind="spearman"),
        "settings": panels(plots.plot_settings, by_task(stopping), legend=3),
        "gains": panels(plots.plot_gains, by_task(stopping), legend=2),
        "deviations": panels(
            plots.plot_deviations, {t: seed_deviations(m) for t, m in matrices.items()}, legend=3
        ),
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
    assert names_of(figures["extremes"].axes[0]) == ["best WI", "worst WI", "best DO", "worst DO"]
    assert names_of(figures["deviations"].axes[0])[-1] == "all runs"
    assert len(figures["curves"].axes[0].lines) == 15
    shaded = figures["gains"].axes[0].collections[0].get_paths()[0].vertices[:, 1]
    mrpc = stopping[stopping["task"] == "mrpc"]
    assert shaded.min() == pytest.approx(100 * mrpc["others_lowest"].min())
    assert shaded.max() == pytest.approx(100 * mrpc["others_highest"].max())


def test_groups_without_spread_are_vertical_lines():
    ax = plots.plot_extremes(extreme_seeds(matrix(np.full((2, 2), 0.5))))
    assert all(len(set(line.get_xdata())) == 1 for line in ax.lines)
    assert len(ax.lines) == 4


def test_degenerate_runs_are_drawn(degenerate_scores):
    progress = progress_matrices(degenerate_scores, best_so_far=True)
    figures = draw_all(degenerate_scores, compare_settings(progress))
    for figure in figures.values():
        figure.canvas.draw()
