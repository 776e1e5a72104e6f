"""The figures of the course project show what they are given."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from project_stages import study
from repro.chapters.three_stage import analysis, one_factor, plots
from repro.stats.incumbents import incumbent_bands
from varied_trials import DEGENERATE, DESIGN, make_trials, one_factor_trials


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_effects_say_their_values_and_failures():
    differences = one_factor.seed_differences(one_factor_trials(), **DESIGN)
    effects = one_factor.one_factor_effects(differences)
    ax = plots.plot_effects(effects, differences, band=0.02)
    assert [t.get_text() for t in ax.get_yticklabels()][2:] == ["dropout", "Adam epsilon"]
    assert {"1e-06", "0.1 (1 failed)"} <= {t.get_text() for t in ax.texts}


@pytest.mark.parametrize("name", ["none", "failed", "constant"])
def test_effects_of_degenerate_trials_are_drawn(name):
    differences = one_factor.seed_differences(make_trials(DEGENERATE[name]), **DESIGN)
    effects = one_factor.one_factor_effects(differences)
    ax = plots.plot_effects(effects, differences, band=float("nan"))
    assert len(ax.get_yticks()) == effects["candidate"].nunique()


def test_the_figures_show_what_they_are_given():
    trials = study()
    curves = analysis.sweep_curves(trials)
    ax = plots.plot_sweeps(curves, incumbent_bands(curves, n_points=3), manual=0.82)
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["cold sweep", "warm sweep", "manual grid's best, mean"]
    final = analysis.final_scores(trials)
    figure = plots.figure_final(trials, final)
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert labels == list(analysis.FINAL_LABELS.values())
    means = analysis.manual_means(trials)
    assert means["mean"].tolist() == pytest.approx([0.81, 0.83])
    grid = plots.figure_manual_grid(means)
    assert [text.get_text() for text in grid.axes[0].texts] == ["81.0", "83.0"]
    searches = analysis.search_trials(trials)
    surface = plots.plot_surface(analysis.response_surface(searches), searches)
    assert surface.texts[0].get_text() == "too few trials to fit a surface"
    for drawn in (figure, grid, ax.figure):
        drawn.canvas.draw()


def test_where_all_failed_everything_is_drawn():
    nothing = {name: (np.nan, np.nan) for name in analysis.FINAL_LABELS}
    scores = {"manual": [np.nan, np.nan], "cold": [np.nan] * 3, "warm": [np.nan]}
    trials = study(scores, final=nothing)
    final = analysis.final_scores(trials)
    assert final["mean"].isna().all() and (final["n_missing"] == 2).all()
    curves = analysis.sweep_curves(trials)
    for figure in (
        plots.figure_final(trials, final),
        plots.figure_manual_grid(analysis.manual_means(trials)),
        plots.plot_sweeps(curves, curves[:0], manual=float("nan")).figure,
    ):
        figure.canvas.draw()
