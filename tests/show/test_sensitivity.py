"""Figures of sensitivity show what they are given."""

import warnings

import matplotlib.pyplot as plt
import pytest
from matplotlib.collections import LineCollection

from repro.show.sensitivity import (
    figure_slices,
    plot_importance,
    plot_interactions,
    plot_parallel_coordinates,
)
from repro.stats.interactions import interactions
from repro.stats.sensitivity import importance, slices
from varied_trials import DEGENERATE, NAMES, make_trials, one_factor_trials, random_trials


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_figures_show_what_they_are_given():
    table = random_trials(lambda a, b, c, noise: a * b + 0.2 * noise)
    shares = importance(table, names=NAMES)
    assert len(plot_importance(shares).containers) == 1
    assert plot_importance(shares.drop(columns="method")).get_legend() is None
    ax = plot_interactions(interactions(table, names=NAMES, n_shuffles=99))
    assert sum("*" in t.get_text() for t in ax.texts) == 1
    figure = figure_slices(table, slices(table, names=NAMES))
    labels = [ax.get_xlabel() for ax in figure.axes]
    assert labels == ["learning rate", "weight decay", "hidden dropout"]


def test_every_scored_trial_is_a_line_and_learning_rates_lie_by_their_logarithm():
    trials = one_factor_trials().assign(learning_rate=1e-4)
    trials.loc[trials.index[:2], "learning_rate"] = 1e-2, 1e-3
    ax = plot_parallel_coordinates(trials, names=["learning_rate"])
    (lines,) = (c for c in ax.collections if isinstance(c, LineCollection))
    assert len(lines.get_segments()) == trials["validation_score"].notna().sum()
    # of 1e-4, 1e-3 and 1e-2 the second lies in the middle
    heights = {round(float(segment[0, 1]), 6) for segment in lines.get_segments()}
    assert heights == {0.0, 0.5, 1.0}
    assert {"0.0001", "0.01", "84.0"} <= {t.get_text() for t in ax.texts}


@pytest.mark.parametrize("name", ["none", "failed", "constant"])
def test_figures_of_degenerate_trials_are_drawn(name):
    table = make_trials(DEGENERATE[name])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plot_importance(importance(table, names=NAMES))
        plot_interactions(interactions(table, names=NAMES, n_shuffles=20))
        figure_slices(table, slices(table, names=NAMES))
        plot_parallel_coordinates(table, names=NAMES)
        plt.gcf().canvas.draw()
