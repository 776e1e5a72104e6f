"""The figures of strategies show what they are given."""

import matplotlib.pyplot as plt
import pytest

from repro.chapters.strategies.analysis import (
    article_bands,
    lineage,
    of_article,
    strategy_differences,
    strategy_scores,
    timeline,
    utilisation,
)
from repro.chapters.strategies.plots import (
    figure_incumbent_bands,
    figure_parallel_coordinates,
    figure_schedule,
    figure_workers,
    plot_population,
    plot_strategy_differences,
)


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_costs_workers_and_trials_have_their_panels(frames):
    _, trials, evaluations = frames
    figure = figure_incumbent_bands(article_bands(trials, evaluations))
    assert [len(ax.lines) for ax in figure.axes] == [3, 3, 3]
    assert figure.axes[2].get_xlabel() == "seconds of trials spent"
    times = timeline(trials)
    figure = figure_workers(times, utilisation(times))
    assert figure.axes[1].get_ylabel() == "busy workers"
    figure = figure_parallel_coordinates(of_article(trials))
    assert [ax.get_title() for ax in figure.axes] == ["grid", "Hyperopt+ASHA", "PBT"]
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels == ["learning rate", "validation score (%)"]  # nothing else varies


def test_a_population_and_its_schedule(frames, segments):
    _, trials, _ = frames
    schedule = lineage(trials, segments, "m/rte/pbt/article/rep1/trial0002")
    ax = plot_population(segments, trials, lineage=schedule)
    edges = [bar.get_edgecolor()[:3] for bar in ax.patches]
    assert edges == [(0, 0, 0), (1, 1, 1), (0, 0, 0)]  # black: the lineage
    assert len(figure_schedule(schedule).axes) == 4


def test_a_segment_without_a_score_is_white(frames, segments):
    trials = frames[1]
    first = trials["trial_id"] == segments["trial_id"][0]
    trials.loc[first, "last_validation_score"] = float("nan")
    ax = plot_population(segments, trials, lineage=segments.head(0))
    is_white = [bar.get_facecolor()[:3] == (1, 1, 1) for bar in ax.patches]
    assert is_white == [True, False, False]


def test_differences_that_nobody_has_are_left_out(frames):
    differences = strategy_differences(strategy_scores(*frames))
    assert len(plot_strategy_differences(differences).get_yticks()) == 4
    alone = strategy_scores(*frames).query("method != 'grid'")
    differences = strategy_differences(alone)
    assert len(plot_strategy_differences(differences).get_yticks()) == 2
