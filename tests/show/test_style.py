"""Figures, checked on what they hold, not on pixels."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb

from repro.labels import METHOD_LABELS
from repro.show.curves import (
    figure_incumbents,
    figure_learning_curve,
    plot_incumbents,
    plot_losses,
    plot_scores,
)
from repro.show.style import (
    COLUMN_WIDTH,
    METHOD_STYLES,
    PAGE_WIDTH,
    figure_differences,
    figure_differences_by_run,
    paper_style,
    plot_differences,
    plot_differences_by_run,
    plot_trial_counts,
    style_of,
)
from repro.stats.incumbents import (
    best_against_last,
    best_trials,
    differences_from_grid,
    incumbent_curves,
    published_differences,
    trial_counts,
)
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


# --- styles -------------------------------------------------------------------------------------


def test_every_method_has_a_look_of_its_own():
    assert set(METHOD_STYLES) == set(METHOD_LABELS)
    for attribute in ("colour", "marker", "line", "label"):
        looks = [getattr(style, attribute) for style in METHOD_STYLES.values()]
        assert len(set(looks)) == len(looks)


def test_every_colour_stands_out_from_white():
    # WCAG relative luminance; the contrast with white is 1.05 / (luminance + 0.05)
    for style in METHOD_STYLES.values():
        rgb = to_rgb(style.colour)
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        assert 1.05 / (np.dot([0.2126, 0.7152, 0.0722], linear) + 0.05) > 2


def test_unknown_method_lists_the_known():
    with pytest.raises(ValueError, match=r"must be one of \['grid', 'rs'.* got 'bohb'"):
        style_of("bohb")


def test_the_style_ends_with_its_block():
    before = mpl.rcParams.copy()
    with paper_style():
        assert mpl.rcParams["font.size"] == 8
    assert mpl.rcParams == before


def test_a_failing_plot_leaves_the_users_style(cells):
    before = mpl.rcParams.copy()
    with pytest.raises(ValueError, match="one row a task and method"):
        plot_differences(pd.concat([cells, cells]))
    assert mpl.rcParams == before


# --- differences --------------------------------------------------------------------------------


def test_heatmap_is_centred_at_zero_in_points(cells):
    ax = plot_differences(cells)
    image = ax.images[0]
    assert image.get_clim() == (-2, 2)
    assert np.allclose(image.get_array().filled(NAN), [[2, NAN], [-1, NAN]], equal_nan=True)
    assert [t.get_text() for t in ax.get_yticklabels()] == ["RTE", "MRPC"]
    assert [t.get_text() for t in ax.get_xticklabels()] == ["RS", "RS+ASHA"]


def test_heatmap_hatches_a_failed_cell_but_not_one_that_was_not_run(cells):
    ax = plot_differences(cells)
    assert [p.get_xy() for p in ax.patches] == [(0.5, -0.5)]  # RTE, RS+ASHA
    assert ax.patches[0].get_hatch()
    assert sorted(t.get_text() for t in ax.texts) == ["+2.0", "-1.0"]


def test_heatmap_of_nothing_but_failures(cells):
    ax = plot_differences(cells.assign(difference=NAN))
    assert len(ax.patches) == 3
    assert ax.images[0].get_clim() == (-1, 1)


def test_panels_share_tasks_and_scale(cells):
    other = pd.DataFrame({"task": ["wnli"], "method": ["rs"], "difference": [0.05]})
    figure = figure_differences({"a": cells, "b": other})
    panels = figure.axes[:2]
    assert {ax.images[0].get_clim() for ax in panels} == {(-5, 5)}
    assert [t.get_text() for t in panels[0].get_yticklabels()] == ["WNLI", "RTE", "MRPC"]
    assert len(panels[1].patches) == 0  # what was not run is not hatched
    assert figure.get_figwidth() == PAGE_WIDTH
    assert figure.legends[0].get_texts()[0].get_text() == "no score"


def test_published_differences_are_fractions():
    # Table 3, RTE test: grid 76.8, RS 75.6 -> -1.2 points
    rows = [("rte", "grid", "test", 76.8), ("rte", "rs", "test", 75.6)]
    scores = pd.DataFrame(rows, columns=["task", "method", "split", "score"])
    table = published_differences(scores)
    assert table["difference"].tolist() == pytest.approx([-0.012])
    with pytest.raises(ValueError, match="one metric a task"):
        published_differences(pd.concat([scores, scores]))


def test_every_run_is_a_point(by_run):
    rows = by_run[by_run["split"] == "test"]
    ax = plot_differences_by_run(rows)
    groups = [c for c in ax.collections if isinstance(c, PathCollection)]
    drawn = np.concatenate([c.get_offsets()[:, 1].filled(NAN) for c in groups])
    assert len(drawn) == len(rows)
    assert np.allclose(np.sort(drawn), np.sort(100 * rows["difference"]), equal_nan=True)


def test_points_of_a_task_stay_in_its_slot(by_run):
    rows = by_run[by_run["split"] == "test"]
    ax = plot_differences_by_run(rows)
    groups = [c for c in ax.collections if isinstance(c, PathCollection)]
    x = np.concatenate([c.get_offsets()[:, 0] for c in groups])
    # RTE stands at 0, MRPC at 1: three methods, three repetitions
    assert ((x > -0.4) & (x < 0.4)).sum() == ((x > 0.6) & (x < 1.4)).sum() == 9


def test_missing_runs_are_counted_under_their_task(by_run):
    rows = by_run[by_run["split"] == "test"].copy()
    rows.loc[rows.index[rows["task"] == "rte"][:2], "difference"] = NAN
    ax = plot_differences_by_run(rows)
    assert [t.get_text() for t in ax.get_xticklabels()] == ["RTE\n(2 missing)", "MRPC\n(1 missing)"]


def test_validation_and_test_panels_share_their_scale(study):
    pairs = best_against_last(best_trials(study.trials))
    figure = figure_differences_by_run(pairs, what="best minus last")
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    assert [ax.get_ylabel() for ax in figure.axes] == ["validation", "test"]
    names = [t.get_text() for t in figure.legends[0].get_texts()]
    assert names == ["grid", "RS", "RS+ASHA", "BO+ASHA"]


def test_bars_add_up_to_the_number_of_trials(study):
    counts = trial_counts(study.trials)
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


# --- curves -------------------------------------------------------------------------------------


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
