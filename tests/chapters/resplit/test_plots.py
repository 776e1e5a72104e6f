"""The figures of the notebook on resplits."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from repro.chapters.resplit.plots import figure_optimism, figure_scores_against, figure_simulated


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def both(simulated):
    return pd.concat([simulated, simulated.assign(task="cola")])


def legend_of(figure):
    return [text.get_text() for text in figure.legends[0].texts]


def test_trials_have_a_panel_a_task_and_split_with_the_best_four_ringed(trials):
    figure = figure_scores_against(trials)
    assert [ax.get_title() for ax in figure.axes] == [
        "RTE, original", "CoLA, original", "RTE, resplit", "CoLA, resplit",
    ]  # fmt: skip
    assert figure.axes[0].get_xlim() == figure.axes[0].get_ylim()
    rings = figure.axes[0].collections[1].get_offsets()
    assert len(rings) == 3 * 4  # four of each of three repetitions


def test_simulated_runs_have_a_line_a_shift(both):
    figure = figure_simulated(both[both["n_trials"] == 8])
    assert [ax.get_title() for ax in figure.axes] == ["RTE", "CoLA"]
    assert len(figure.axes[0].get_lines()) == 2
    assert legend_of(figure) == ["shift 0: same distribution", "shift 1"]


def test_the_winner_s_curse_has_a_line_a_size_and_the_observed_runs(both):
    runs = pd.DataFrame({"task": "rte", "n_trials": [1, 2, 1], "optimism": [0.1, 0.2, 0.3]})
    figure = figure_optimism(both, pd.concat([runs, runs.assign(task="cola")]))
    assert [ax.get_title() for ax in figure.axes] == ["RTE", "CoLA"]
    names = ["simulated, 20 examples", "simulated, 50 examples", "observed, mean of runs"]
    assert legend_of(figure) == names
    # the mean is drawn where all runs have so many trials
    x, y = figure.axes[0].get_lines()[2].get_data()
    assert (*x, *y) == pytest.approx((1, 20))
