"""Figures of the procedure, checked on what they hold, not on pixels."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from repro.chapters.procedure.plots import figure_flow, figure_full_curves, plot_flow, plot_rungs

ELECTRA = "electra-base"


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


def test_figure_1_marks_each_methods_way(trace):
    bare = len(plot_flow(trace.iloc[:0]).lines)
    path = trace.query("model == @ELECTRA and task == 'rte' and method == 'rs'")
    ax = plot_flow(path)
    # start; run, overfitting?; outperform?, raisable?, back up twice; reducible?, back twice; end
    assert len(ax.lines) - bare == 1 + 1 + 2 + 2 + 1 + 2 + 1
    counts = [t.get_text() for t in ax.texts if t.get_text().endswith("×")]
    assert sorted(counts) == ["2×", "2×", "3×", "4×"]
    assert len(figure_flow(trace[trace["model"] == ELECTRA]).axes) == 6


def test_rungs_and_curves_are_drawn():
    times = pd.DataFrame({"name": ["a", "b"], "epochs": [3, 10], "warmup_ends": [0.3, 1.0]})
    times = times.assign(warmup_ends_low=0, warmup_ends_high=[0.6, 2.0], rungs=[(1.0,), (0.2, 0.8)])
    ax = plot_rungs(times)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]
    drawn = [c.get_offsets().tolist() for c in ax.collections if len(c.get_offsets()) > 1]
    assert [[0.3, 0], [1.0, 1]] in drawn and [[1.0, 0], [0.2, 1], [0.8, 1]] in drawn
    full = pd.DataFrame({"model": "a", "task": "rte", "short_warmup": [True, True, False]})
    full["curve"] = [(0.5, 0.6), (0.4, 0.9), (0.3, 0.2)]
    axes = figure_full_curves(full, times).axes
    winner = next(line for line in axes[0].lines if line.get_label() == "the winner")
    assert winner.get_ydata().tolist() == [40, 90]
    assert winner.get_xdata().tolist() == [1.5, 3.0]
