"""Figures over steps, checked on what they hold, not on pixels."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from repro.show.curves import (
    figure_incumbents,
    figure_learning_curve,
    plot_incumbents,
    plot_losses,
    plot_scores,
)
from repro.show.style import COLUMN_WIDTH
from repro.stats.incumbents import incumbent_curves
from synthetic_study import make_study

NAN = float("nan")


@pytest.fixture(scope="module")
def study():
    return make_study(tasks=("rte", "mrpc"), models=("tiny-electra",))


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def one_trial(study):
    trial = study.trials.loc[study.trials["status"] == "completed", "trial_id"].iloc[0]
    return [f[f["trial_id"] == trial] for f in (study.evaluations, study.losses)]


def test_learning_curve_rings_the_first_of_the_best(one_trial):
    evaluations, losses = one_trial
    evaluations = evaluations.assign(validation_score=[0.1, 0.5, 0.5] + [0.2] * 7)
    figure = figure_learning_curve(evaluations.sample(frac=1, random_state=0), losses)
    above, below = figure.axes
    assert below.collections[0].get_offsets().tolist() == [[20, 50]]
    assert len(above.lines[0].get_xdata()) == len(losses)
    assert (above.get_xlabel(), below.get_xlabel()) == ("", "optimizer step")


def test_learning_curve_without_a_score_has_no_ring(one_trial):
    ax = plot_scores(one_trial[0].assign(validation_score=NAN))
    assert len(ax.collections) == 0


def test_learning_curve_of_two_trials_is_refused(study):
    with pytest.raises(ValueError, match="must be of one trial, but got"):
        plot_losses(study.losses, study.evaluations)


def test_incumbents_are_one_line_a_run_and_one_entry_a_method(study):
    curves = incumbent_curves(study.trials, study.evaluations)
    ax = plot_incumbents(curves[curves["task"] == "rte"])
    gaps = [np.isnan(line.get_ydata()) for line in ax.lines]
    assert [int(gap.sum()) + 1 for gap in gaps] == [1, 3, 3, 3]  # grid once
    assert ax.get_legend_handles_labels()[1] == ["grid", "RS", "RS+ASHA", "BO+ASHA"]
    for line, gap in zip(ax.lines, gaps, strict=True):
        runs = np.split(line.get_ydata(), np.flatnonzero(gap))
        assert all(np.nanmin(np.diff(run)) >= 0 for run in runs)
        assert line.get_markevery() == [*(np.flatnonzero(gap) - 1), len(gap) - 1]  # the ends
    assert ax.figure.get_figwidth() == COLUMN_WIDTH


def test_incumbents_of_one_evaluation_can_be_drawn(study):
    curves = incumbent_curves(study.trials, study.evaluations).head(1)
    assert len(plot_incumbents(curves).lines) == 1


def test_one_panel_a_task_and_none_empty(study):
    curves = incumbent_curves(study.trials, study.evaluations)
    figure = figure_incumbents(curves)
    assert [ax.get_title() for ax in figure.axes] == ["RTE", "MRPC"]
    assert all(ax.lines for ax in figure.axes)
