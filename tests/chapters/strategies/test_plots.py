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
    figure_parallel_coordinates,
    figure_workers,
    plot_incumbent_bands,
    plot_population,
    plot_strategy_differences,
)
from repro.chapters.strategies.tables import describe_schedule


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_costs_workers_and_trials_have_their_panels(frames):
    _, trials, evaluations = frames
    assert len(plot_incumbent_bands(article_bands(trials, evaluations)).lines) == 3
    times = timeline(trials)
    figure = figure_workers(times, utilisation(times))
    assert figure.axes[1].get_ylabel() == "busy workers"
    figure = figure_parallel_coordinates(of_article(trials))
    assert [ax.get_title() for ax in figure.axes[:3]] == ["grid", "Bayesian search", "PBT"]
    bars = figure.axes[3:]  # one scale of colours for all three
    assert len({bar.get_ylim() for bar in bars}) == 1 and len(bars) == 3
    labels = [tick.get_text() for tick in figure.axes[0].get_xticklabels()]
    assert labels == ["learning rate", "validation score (%)"]  # nothing else varies


def test_a_population_and_its_schedule(frames, segments):
    _, trials, _ = frames
    schedule = lineage(trials, segments, "m/rte/pbt/article/rep1/trial0002")
    ax = plot_population(segments, trials, lineage=schedule)
    edges = [bar.get_edgecolor()[:3] for bar in ax.patches]
    assert edges == [(0, 0, 0), (1, 1, 1), (0, 0, 0)]  # black: the lineage
    assert describe_schedule(schedule).startswith("The best lineage copied another member")
    born = schedule.assign(copied_from=float("nan"), operations="")
    assert "was never perturbed" in describe_schedule(born)


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
