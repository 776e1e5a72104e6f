"""The initial study's figures, checked on what they hold, not on pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection

from repro.chapters.initial.analysis import example_run, trial_counts
from repro.chapters.initial.plots import (
    figure_aggregates,
    figure_anatomy,
    figure_differences,
    figure_differences_by_run,
    figure_incumbents,
    plot_quadrant,
    plot_trial_counts,
)
from repro.show.style import PAGE_WIDTH
from repro.stats.aggregates import aggregate, performance_profile
from repro.stats.incumbents import SPLITS, best_trials, differences_from_grid
from synthetic_study import make_study

NAN = float("nan")


@pytest.fixture(scope="module")
def study():
    return make_study(tasks=("rte", "mrpc"), models=("tiny-electra",))


@pytest.fixture(scope="module")
def by_run(study):
    return differences_from_grid(best_trials(study.trials, study.runs))


@pytest.fixture(autouse=True)
def close_figures():
    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.fixture
def cells():
    """RTE: +2, none; MRPC: -1, not run."""
    return pd.DataFrame(
        {"task": ["rte", "rte", "mrpc"], "method": ["rs", "asha", "rs"]}
        | {"difference": [0.02, NAN, -0.01]}
    )


def heatmap(cells):
    """Draw the cells on both splits; return the panel of validation."""
    both = [cells.assign(model="m", split=split) for split in SPLITS]
    return figure_differences(pd.concat(both)).axes[0]


def test_a_failing_plot_leaves_the_users_style(cells):
    before = mpl.rcParams.copy()
    with pytest.raises(ValueError, match="one row a model, split, task and method"):
        heatmap(pd.concat([cells, cells]))
    assert mpl.rcParams == before


def test_heatmap_is_centred_at_zero_in_points(cells):
    ax = heatmap(cells)
    image = ax.images[0]
    assert image.get_clim() == (-2, 2)
    assert np.allclose(image.get_array().filled(NAN), [[2, NAN], [-1, NAN]], equal_nan=True)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["RTE", "MRPC"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["RS", "RS+ASHA"]


def test_heatmap_hatches_a_failed_cell_but_not_one_that_was_not_run(cells):
    ax = heatmap(cells)
    assert [p.get_xy() for p in ax.patches] == [(0.5, -0.5)]  # RTE, RS+ASHA
    assert ax.patches[0].get_hatch()
    assert sorted(t.get_text() for t in ax.texts) == ["+2.0", "−1.0"]


def test_heatmap_of_nothing_but_failures(cells):
    ax = heatmap(cells.assign(difference=NAN))
    assert len(ax.patches) == 3
    assert ax.images[0].get_clim() == (-1, 1)


def test_panels_share_tasks_and_scale(cells):
    other = pd.DataFrame({"task": ["wnli"], "method": ["rs"], "difference": [0.05]})
    parts = [cells.assign(split="validation"), other.assign(split="test")]
    figure = figure_differences(pd.concat(parts).assign(model="m"))
    panels = figure.axes[:2]
    assert [ax.get_title() for ax in panels] == ["m\nvalidation", "m\ntest"]
    assert {ax.images[0].get_clim() for ax in panels} == {(-5, 5)}
    assert [t.get_text() for t in panels[0].get_yticklabels()] == ["WNLI", "RTE", "MRPC"]
    assert len(panels[1].patches) == 0  # what was not run is not hatched
    assert figure.get_figwidth() == PAGE_WIDTH
    assert figure.legends[0].get_texts()[0].get_text() == "no score"


def test_every_run_is_a_point(by_run):
    rows = by_run[by_run["split"] == "test"]
    ax = figure_differences_by_run(by_run).axes[1]
    groups = [c for c in ax.collections if isinstance(c, PathCollection)]
    drawn = np.concatenate([c.get_offsets()[:, 1].filled(NAN) for c in groups])
    assert len(drawn) == len(rows)
    assert np.allclose(np.sort(drawn), np.sort(100 * rows["difference"]), equal_nan=True)


def test_points_of_a_task_stay_in_its_slot(by_run):
    ax = figure_differences_by_run(by_run).axes[1]
    groups = [c for c in ax.collections if isinstance(c, PathCollection)]
    x = np.concatenate([c.get_offsets()[:, 0] for c in groups])
    # RTE stands at 0, MRPC at 1: three methods, three repetitions
    assert ((x > -0.4) & (x < 0.4)).sum() == ((x > 0.6) & (x < 1.4)).sum() == 9


def test_missing_runs_are_counted_under_their_task(by_run):
    rows = by_run.copy()
    failed = rows.index[(rows["task"] == "rte") & (rows["split"] == "test")][:2]
    rows.loc[failed, "difference"] = NAN
    ax = figure_differences_by_run(rows).axes[1]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["RTE\n(2 missing)", "MRPC\n(1 missing)"]


def test_validation_and_test_panels_share_their_scale(by_run):
    figure = figure_differences_by_run(by_run)
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert [ax.get_ylabel() for ax in figure.axes] == ["validation", "test"]
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert names == ["RS", "RS+ASHA", "BO+ASHA"]


def test_bars_add_up_to_the_number_of_trials(study, one_model):
    counts = trial_counts(one_model(study))
    ax = plot_trial_counts(counts)
    stacks = {}
    for bar in ax.patches:
        stacks.setdefault(round(bar.get_x(), 6), []).append(bar)
    for bars in stacks.values():
        top = max(bar.get_y() + bar.get_height() for bar in bars)
        assert top == pytest.approx(sum(bar.get_height() for bar in bars))
    total = sum(bar.get_height() for bar in ax.patches)
    assert total == pytest.approx(counts["n_trials"].sum())
    names = [t.get_text() for t in ax.figure.legends[0].get_texts()]
    assert "failed or diverged" in names
    assert "cut" not in names  # there was none


def gain(source, validation, test, error=0.01):
    columns = {"validation_gain": validation, "test_gain": test}
    return {"source": source, "validation_error": error, "test_error": error} | columns


def test_the_quadrant_counts_what_it_cannot_show():
    rows = [gain("paper", 0.001 * n, -0.001 * n) for n in range(40)] + [gain("here", 0.9, 0.9)]
    ax = plot_quadrant(pd.DataFrame(rows))
    assert {"overfits", "1 more lie outside"} <= {text.get_text() for text in ax.texts}
    assert ax.get_xlim() == ax.get_ylim()
    names = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert names == ["Liu & Wang, as printed", "these runs"]


def test_the_anatomy_of_a_run_has_a_bar_a_trial(study, one_model):
    trials, curves = example_run(one_model(study))
    above, below = figure_anatomy(trials, curves).axes
    assert len(below.patches) == len(trials)
    # the last bar ends where the run's spending ends
    ends = [bar.get_x() + bar.get_width() for bar in below.patches]
    assert max(ends) == pytest.approx(curves["spent"].max())
    assert len(above.lines) == 1


def test_aggregates_are_hollow_on_validation_and_filled_on_test(by_run):
    across = aggregate(by_run, ["split", "method"])
    of_test = performance_profile(by_run[by_run["split"] == "test"], ["method"])
    left, middle, right = figure_aggregates(across, of_test).axes
    points = [c for c in left.collections if isinstance(c, PathCollection)]
    hollow = [np.allclose(c.get_facecolor()[0, :3], 1) for c in points]
    assert hollow == [True] * 3 + [False] * 3
    assert [text.get_text() for text in right.get_legend().get_texts()] == [
        "RS",
        "RS+ASHA",
        "BO+ASHA",
    ]
    assert middle.get_xlabel().startswith("probability of beating")


def test_incumbents_have_a_mean_line_a_method(study, one_model):
    figure = figure_incumbents(one_model(study).curves)
    assert [len(ax.lines) for ax in figure.axes] == [4, 4]
