"""What is computed and drawn of strategies, on frames made by hand."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.strategies.analysis import (
    cost_to_match_grid,
    incumbent_bands,
    incumbents_by_cost,
    lineage,
    paired_differences,
    strategy_scores,
    timeline,
    utilisation,
)
from repro.chapters.strategies.claims import difference_frame, spread_ratio, strategy_claims
from repro.chapters.strategies.plots import (
    figure_incumbent_bands,
    figure_schedule,
    figure_workers,
    plot_population,
    plot_strategy_differences,
)
from repro.chapters.strategies.tables import (
    exchange_table,
    schedule_table,
    strategy_label,
    strategy_table,
)
from repro.records import make_table

KEY = {"task": "rte", "model": "m", "space": "article", "variant": "", "stage": ""}
SCORES = {"grid": [0.5, 0.7, 0.6], "hyperopt_asha": [0.6, 0.4, 0.8], "pbt": [0.4, 0.6, 0.65]}


def trial(method, repetition, number, score, **more):
    """Ten steps, one epoch, two seconds; two evaluations: half the score, then the score."""
    run_id = f"m/rte/{method}/article/rep{repetition}"
    row = {**KEY, "run_id": run_id, "method": method, "repetition": repetition, "message": ""}
    row |= {"trial_id": f"{run_id}/trial{number:04d}", "trial": number, "status": "completed"}
    row |= {"init_seed": 1, "order_seed": 1, "dropout_seed": 1, "steps": 10, "worker": "h:1"}
    row |= {"epochs_trained": 1.0, "seconds": 2.0, "training_seconds": 1.0}
    row |= {"evaluation_seconds": 1.0, "started_at": 100.0 + 3 * number, "best_step": 10}
    row |= {"validation_score": score, "test_score": score - 0.1, "last_validation_score": score}
    return row | {"learning_rate": 1e-4 * (number + 1), "batch_size": 16, "epochs": 3} | more


@pytest.fixture
def frames():
    rows = [
        trial(method, repetition, number, score + 0.01 * repetition)
        for method, scores in SCORES.items()
        for repetition in (1, 2)
        for number, score in enumerate(scores)
    ]
    trials = make_table("trials", rows)
    evaluations = [
        {"trial_id": row["trial_id"], "step": step, "epoch": step / 10, "seconds": step / 5.0}
        | {"validation_score": row["validation_score"] * step / 10, "validation_loss": 1.0}
        for row in rows
        for step in (5, 10)
    ]
    runs = [
        {name: row[name] for name in (*KEY, "run_id", "method", "repetition")}
        | {"profile": "p", "split": "official", "budget_unit": "steps", "best_trial_id": ""}
        | {"steps": 30, "n_trials": 3, "n_failed": 0, "epochs_trained": 3.0, "seconds": 6.0}
        for row in rows
        if row["trial"] == 0
    ]
    return make_table("runs", runs), trials, make_table("evaluations", evaluations)


@pytest.fixture
def segments(frames):
    """Of repetition 1: trial 2 of member 1 continues trial 0 of member 0."""
    rows = []
    for number, (member, parent, copied) in enumerate([(0, "", None), (1, "", None), (1, 0, 0)]):
        run_id = "m/rte/pbt/article/rep1"
        parent = f"{run_id}/trial{parent:04d}" if parent != "" else ""
        row = {"run_id": run_id, "trial_id": f"{run_id}/trial{number:04d}", "member": member}
        row |= {"generation": 1 + (number > 1), "start": float(number > 1), "parent": parent}
        row |= {"end": row["start"] + 1, "copied_from": copied, "exchange_seconds": 0.05}
        rows.append(row | {"operations": "learning_rate * 1.2" if copied is not None else ""})
    return make_table("segments", rows)


@pytest.mark.parametrize(
    ("cost", "spent"),
    # three trials of 10 steps, 1 epoch, 2 s; evaluations at half and end (1 s and 2 s)
    [
        ("steps", [5, 10, 15, 20, 25, 30]),
        ("epochs", [0.5, 1, 1.5, 2, 2.5, 3]),
        ("seconds", [1, 2, 3, 4, 5, 6]),
    ],
)
def test_incumbents_by_hand(frames, cost, spent):
    _, trials, evaluations = frames
    curves = incumbents_by_cost(trials.sample(frac=1, random_state=0), evaluations, cost=cost)
    grid = curves[curves["run_id"] == "m/rte/grid/article/rep1"]
    assert grid["spent"].tolist() == pytest.approx(spent)
    # scores .51, .71, .61, half of each in between
    expected = [0.255, 0.51, 0.51, 0.71, 0.71, 0.71]
    assert grid["incumbent_score"].tolist() == pytest.approx(expected)


def test_a_segments_epochs_count_from_its_own_start(frames):
    _, trials, evaluations = frames
    later = evaluations.assign(epoch=evaluations["epoch"] + 4.0)  # of a lineage 4 epochs old
    curves = [incumbents_by_cost(trials, e, cost="epochs")["spent"] for e in (evaluations, later)]
    assert curves[0].tolist() == pytest.approx(curves[1].tolist())


def test_bands_hold_the_last_score_and_bracket_the_mean(frames):
    _, trials, evaluations = frames
    bands = incumbent_bands(incumbents_by_cost(trials, evaluations, cost="steps"), n_points=6)
    grid = bands[bands["method"] == "grid"]
    assert grid["spent"].tolist() == [5, 10, 15, 20, 25, 30]
    # repetitions at .51 and .52 after the first trial, .71 and .72 at the end
    assert grid["mean"].tolist()[1] == pytest.approx(0.515)
    assert grid["mean"].tolist()[-1] == pytest.approx(0.715)
    assert (grid["low"] <= grid["mean"]).all() and (grid["mean"] <= grid["high"]).all()
    assert set(bands["n"]) == {2}


def test_what_it_cost_to_match_grid_search_by_hand(frames):
    _, trials, evaluations = frames
    saved = cost_to_match_grid(incumbents_by_cost(trials, evaluations, cost="steps"))
    saved = saved.set_index(["method", "repetition"])
    # grid ends at .71 after 30 steps; Hyperopt passes it in its third trial, at step 30; PBT never
    assert saved.loc[("hyperopt_asha", 1), "spent"] == 30
    assert saved.loc[("hyperopt_asha", 1), "saved"] == 0.0
    assert np.isnan(saved.loc[("pbt", 1), "saved"])
    assert "grid" not in saved.index.get_level_values("method")


def test_differences_are_taken_within_a_repetition(frames):
    runs, trials, _ = frames
    scores = strategy_scores(runs, trials)
    pairs = paired_differences(scores, ("hyperopt_asha", ""), ("grid", ""))
    assert pairs["difference"].tolist() == pytest.approx([0.1] * 4)  # .8 against .7, both splits
    assert sorted(pairs["split"]) == ["test", "test", "validation", "validation"]
    assert scores["steps_spent"].tolist() == [30] * 6


def test_the_lineage_follows_the_checkpoints(frames, segments):
    _, trials, _ = frames
    found = lineage(trials, segments, "m/rte/pbt/article/rep1/trial0002")
    assert found["trial_id"].str[-1].tolist() == ["0", "2"]
    assert found["member"].tolist() == [0, 1]
    assert found["learning_rate"].tolist() == pytest.approx([1e-4, 3e-4])


def test_lanes_and_utilisation_by_hand():
    # Two overlap from 1 to 2; the third comes 100 s later, of which 10 are kept.
    rows = [trial("grid", 1, n, 0.5, started_at=at) for n, at in enumerate((0.0, 1.0, 103.0))]
    times = timeline(make_table("trials", rows))
    assert times["worker"].tolist() == [0, 1, 0]
    assert times["start"].tolist() == [0.0, 1.0, 13.0]
    busy = utilisation(times, n_bins=15)  # one second each
    assert busy["busy"].tolist() == pytest.approx([1, 2, 1, *[0] * 10, 1, 1])


def test_the_spread_of_configurations_by_hand():
    # Means 1 and 5, variances 2 within: between them 8 - 2/2 = 7; sqrt(7/2).
    assert spread_ratio(np.array([[0.0, 2.0], [4.0, 6.0]])) == pytest.approx(np.sqrt(3.5))
    assert spread_ratio(np.array([[0.0, 2.0], [2.0, 0.0]])) == 0.0
    assert np.isnan(spread_ratio(np.array([[1.0, 1.0], [2.0, 2.0]])))


def test_claims_are_decided_by_their_intervals(frames):
    runs, trials, evaluations = frames
    saved = cost_to_match_grid(incumbents_by_cost(trials, evaluations, cost="steps"))
    claims = {row["claim"]: row for row in strategy_claims(runs, trials, saved)}
    # PBT's .65 is below grid's .7 and Hyperopt's .8 in both repetitions
    assert claims["PBT beats grid search on test"]["agrees"] is False
    assert claims["PBT beats Bayesian search on validation"]["agrees"] is False
    assert claims["PBT beats Bayesian search on validation"]["here"] == "-15.00 points (n = 2)"
    # three configurations: one bootstrap draw in nine holds only one of them, with no spread
    assert claims["Hyperparameters move the score more than seeds do"]["agrees"] is None


def test_without_scores_nothing_is_claimed(frames):
    runs, trials, _ = frames
    failed = trials.assign(validation_score=np.nan, test_score=np.nan, status="failed")
    saved = pd.DataFrame(columns=["method", "variant", "saved"])
    claims = strategy_claims(runs, failed, saved)
    assert {row["agrees"] for row in claims} == {None}
    assert difference_frame(strategy_scores(runs, failed)).empty


def test_strategies_are_named_by_what_differs():
    assert strategy_label("pbt", "") == "PBT"
    assert strategy_label("pbt", "every0.5") == "PBT, every 0.5 epochs"
    assert strategy_label("hyperopt_asha", "starts1") == "Hyperopt+ASHA, 1 random start"
    assert strategy_label("pbt", "best-seeds") == "PBT, from the best seeds"


def test_tables_and_figures_show_what_they_are_given(frames, segments):
    runs, trials, evaluations = frames
    curves = incumbents_by_cost(trials, evaluations, cost="steps")
    scores, saved = strategy_scores(runs, trials), cost_to_match_grid(curves)
    table = strategy_table(scores, saved, note="Note.").frame.set_index("strategy")
    assert table.loc["Hyperopt+ASHA", "validation"] == "81.5 ± 0.7"
    assert table.loc["PBT", "reached grid's"] == "0 of 2"
    schedule = lineage(trials, segments, "m/rte/pbt/article/rep1/trial0002")
    assert schedule_table(schedule, note="").frame["learning rate"].tolist() == ["1e-4", "3e-4"]
    exchange = exchange_table(segments, trials, note="").frame
    assert exchange["share of training time"].tolist() == ["5.0%"]  # 0.05 of 1 s a segment
    times = timeline(trials)
    figure = figure_workers(times, utilisation(times))
    assert figure.axes[1].get_ylabel() == "busy workers"
    figure = figure_incumbent_bands({"steps": incumbent_bands(curves)})
    assert [len(ax.lines) for ax in figure.axes] == [3]
    assert len(plot_population(segments, trials, lineage=schedule).patches) >= 3
    assert len(figure_schedule(schedule, names=["learning_rate"]).axes) == 2
    assert len(plot_strategy_differences(difference_frame(scores)).get_yticks()) == 4
