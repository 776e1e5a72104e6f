"""Figures of the procedure, checked on what they hold, not on pixels."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from repro.chapters.procedure.plots import (
    figure_full_curves,
    figure_path_strips,
    plot_against_chance,
    plot_flow,
    plot_rungs,
)

ELECTRA = "electra-base"


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def outlined(ax):
    """Return the rounds and rows of the outlined cells."""
    boxes = [patch for patch in ax.patches if patch.get_linewidth() > 1]
    return sorted((round(b.get_x() + 0.45), round(b.get_y() + 0.4)) for b in boxes)


def test_figure_1_has_three_ends_and_answers_on_its_edges():
    words = [text.get_text() for text in plot_flow().texts]
    assert {"overfits", "succeeds", "no verdict"} <= set(words)
    assert (words.count("yes"), words.count("no")) == (4, 4)


def test_a_strip_has_a_cell_a_round_and_outlines_what_differs(trace):
    paper = trace.query("model == @ELECTRA and task == 'rte'")
    # RTE with random search: more budget, reduce, reduce, overfits; the second differs here
    ours = paper.assign(agrees=True)
    ours.loc[(ours["method"] == "rs") & (ours["round"] == 1), "decision"] = "succeeds"
    figure = figure_path_strips({"paper": paper, "ours": ours[ours["round"] < 2]})
    left, right = figure.axes
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["RTE, RS", "RTE, RS+ASHA"]
    assert [text.get_text() for text in left.texts][:4] == ["↑", "↓", "↓", "✗"]
    assert outlined(left) == []
    assert outlined(right) == [(1, 0)]


def test_a_replay_that_leads_elsewhere_is_outlined(trace):
    roberta = trace.query("model == 'roberta-base'")
    (ax,) = figure_path_strips({"roberta-base": roberta}).axes
    assert len(outlined(ax)) == (~roberta["agrees"]).sum() > 0


def test_observed_rounds_stand_beside_chance():
    rounds = pd.DataFrame({"model": ["m"], "task": ["rte"], "n_over": [1], "n": [4]})
    rounds = rounds.assign(share=0.25, low=0.05, high=0.7, p_overfits=0.5)
    ax = plot_against_chance(rounds)
    points = [c.get_offsets().tolist() for c in ax.collections if len(c.get_offsets())]
    assert [[25, 0]] in points and [[50, 0]] in points
    assert ax.get_yticklabels()[0].get_text() == "m, RTE (1 of 4)"


def test_rungs_and_curves_are_drawn():
    times = pd.DataFrame({"name": ["a", "b"], "epochs": [3, 10], "warmup_ends": [0.3, 1.0]})
    times = times.assign(warmup_ends_low=0, warmup_ends_high=[0.6, 2.0], rungs=[(1.0,), (0.2, 0.8)])
    ax = plot_rungs(times)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    drawn = [c.get_offsets().tolist() for c in ax.collections if len(c.get_offsets()) > 1]
    assert [[0.3, 0], [1.0, 1]] in drawn and [[1.0, 0], [0.2, 1], [0.8, 1]] in drawn
    full = pd.DataFrame({"model": "a", "task": "rte", "warmup_ratio": [0.0, 0.1, 0.2]})
    full["curve"] = [(0.5, 0.6), (0.4, 0.9), (0.3, 0.2)]
    axes = figure_full_curves(full, times).axes
    winner = next(line for line in axes[0].lines if line.get_label() == "the winner")
    assert winner.get_ydata().tolist() == [40, 90]
    assert winner.get_xdata().tolist() == [1.5, 3.0]
