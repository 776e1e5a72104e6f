"""Replays on recorded pools, their two errors, and the procedure walked on them."""

import numpy as np
import pandas as pd
import pytest
from tests.chapters.how_sure.conftest import SETTINGS, make_cell, make_laboratory, make_trial
from tests.support.recorded_pools import make_pool, make_recorded

from repro.chapters.how_sure import effects, paths, pools, studies
from repro.chapters.how_sure.laboratory import open_laboratory, pool_sizes
from repro.chapters.procedure import rules
from repro.results.recorded import write_recorded


def test_grid_search_sets_the_budget():
    # Two configurations of three epochs on two workers: 1 GST is 3 epochs, worth 2 trainings.
    cell = make_cell()
    assert cell.gst == 3
    assert cell.trainings(1.0) == 2
    runs = cell.runs("rs", "full")
    assert (runs[1.0].n_trials == 2).all()
    assert (runs[4.0].n_trials == 8).all()


def test_a_budget_that_the_pool_does_not_last_for_is_left_out():
    cell = make_cell(n=5)
    assert list(cell.runs("rs", "full")) == [1.0, 2.0]  # 4 GST takes eight trials


def test_the_first_world_is_as_recorded_and_the_others_resample():
    cell = make_cell()
    own = cell.runs("rs", "full", n_worlds=21)[1.0]
    test = cell.pools["full"].whole("test_score")
    np.testing.assert_array_equal(own.test_score[0], test[own.place[0]])
    assert (own.test_score[1:] != test[own.place[1:]]).all()  # of resampled examples


def test_the_two_errors_are_told_apart():
    # Worlds of sd 3, batches of sd 1 in each: the pool's error is about 3, not sqrt(9 + 1 / 2).
    rng = np.random.default_rng(0)
    worlds = rng.normal(0, 3, (4000, 1)) + rng.normal(0, 1, (4000, 2))
    found = effects.with_errors(rng.normal(5, 1, 10), worlds)
    assert found["pool_error"] == pytest.approx(3, abs=0.1)
    assert found["replay_error"] == pytest.approx(1 / np.sqrt(10), rel=0.5)
    assert found["low"] < found["value"] < found["high"]


def test_effects_are_means_over_worlds_and_cells(lab, means):
    found = effects.effects(means, "validation").set_index(["method", "space", "budget_gst"])
    cell = lab.cells[0]
    mean = cell.runs("rs", "full")[1.0].validation_score.mean()
    expected = mean - cell.grids()[0].validation_score.mean()
    assert found.loc[("rs", "full", 1.0), "value"] == pytest.approx(expected)
    assert abs(found.loc[("grid", "grid", 1.0), "value"]) < 0.01  # chance
    more = effects.difference(means, "validation", {"budget_gst": 2.0}, {"budget_gst": 1.0})
    pairs = found.xs("full", level="space")["value"].unstack("budget_gst")
    assert more["n_pairs"].tolist() == [2]
    assert more["value"].iloc[0] == pytest.approx((pairs[2.0] - pairs[1.0]).mean())


def test_a_large_difference_is_seldom_missed_and_a_small_one_is(lab):
    clear = studies.conclusions(make_laboratory(good=0.2), repetitions=[3])
    by_means = clear["way"] != "tested"
    assert (clear.loc[by_means, "right"] == 1).all()
    assert (clear["right"] > 0.9).all()
    unclear = studies.conclusions(lab, repetitions=[1, 3]).query("split == 'test'")
    assert (unclear["right"] + unclear["wrong"] + unclear["undecided"]).round(9).eq(1).all()
    table = unclear.pivot(index=["method", "n"], columns="way", values="wrong")
    assert (table.xs(3, level="n")["tested"] <= table.xs(3, level="n")["repeated"]).all()
    differences = studies.study_differences(lab)
    assert differences["p_wrong"].between(0, 1).all()


def test_many_decisions_equal_the_procedure_s_own():
    rng = np.random.default_rng(0)
    runs = rng.integers(-2, 3, (60, 3, 3)) / 100 + 0.5  # ties are frequent
    names = ["validation_score", "test_score", "validation_loss"]
    rows = pd.DataFrame(runs.reshape(-1, 3), columns=names)
    rows = rows.assign(task=np.repeat(np.arange(60).astype(str), 3), repetition=[1, 2, 3] * 60)
    grid = pd.DataFrame(
        {"task": rows["task"].unique(), "repetition": 1} | dict.fromkeys(names, 0.5)
    )
    frame = pd.concat([rows.assign(method="rs", round=0), grid.assign(method="grid")])
    judged = rules.judge_rounds(frame.assign(model="m"), rules.Rule())
    ladder, at = rules.Ladder(("smin",), (4.0,)), {"tbd": "neither"}
    expected = [
        rules.decide(judged[judged["task"] == task], ladder.start, ladder=ladder).action
        for task in grid["task"]
    ]
    decided = paths.decide(runs, np.full((60, 1, 3), 0.5))
    assert decided.tolist() == [at.get(action, action) for action in expected]
    assert set(decided) == {"overfits", "succeeds", "neither"}


def test_walks_end_where_the_procedure_ends():
    good = make_laboratory(good=0.3, spread=0.0)
    walks = paths.walk_paths(good)
    assert set(walks["verdict"]) == {"succeeds"}
    assert set(walks["path"]) == {"full 1"}
    poor = make_laboratory(good=-0.3, spread=0.0)
    walks = paths.walk_paths(poor)
    assert set(walks["path"]) == {"full 1 → full 4"}  # no space is reduced: nothing overfits
    shares = paths.verdict_shares(walks)
    assert (shares["tbd"] == 1).all() and (shares["agree"] == 1).all()


def test_overtuning_by_hand():
    # Validation .1, .2, .3 in this order of quality; test .5, .8, .6. Runs of all three end at .6;
    # those that met the second before the third had .8: half of the orders lose .2.
    pool = make_pool(
        *({"validation": [v], "test": [t]} for v, t in ((0.1, 0.5), (0.2, 0.8), (0.3, 0.6)))
    )
    found = pools.overtuning({"x": pool}, counts=[3]).iloc[0]
    assert found["points"] == pytest.approx(0.1, abs=0.02)
    # Started with the first, the gain is .3 (lost 2/3) or .1 (nothing lost).
    assert found["severe"] < 0.5


def test_correlations_among_the_best_are_looser():
    rng = np.random.default_rng(0)
    level = rng.uniform(0.5, 0.9, 200)
    rows = [{"validation": [v], "test": [v + rng.normal(0, 0.02)]} for v in level]
    found = pools.top_correlations({"x": make_pool(*rows)}).iloc[0]
    assert found["r"] > 0.95 > found["median"]
    assert found["low"] < 0 < found["high"]


def test_what_is_missing_or_too_small_is_named(tmp_path):
    def open_with(**update):
        return open_laboratory(SETTINGS.model_copy(update=update))

    with pytest.raises(ValueError, match=r"replayed: nowhere \(not recorded yet\); record more"):
        open_with(recorded=("nowhere",))
    rng, key = np.random.default_rng(0), ("tiny-electra", "rte")
    rows = {(*key, "full"): [make_trial(rng, good=0) for _ in range(3)]}
    recorded = make_recorded(rows)
    write_recorded(
        tmp_path / "x", trials=recorded.trials, evaluations=recorded.evaluations, about={}
    )
    here = (str(tmp_path / "x"),)
    with pytest.raises(ValueError, match=r"tiny-electra/rte/full \(3 trials, fewer than 4\)"):
        open_with(recorded=here, fewest=4)
    with pytest.raises(ValueError, match="rte .too little of grid search recorded"):
        open_with(recorded=here, fewest=3)


def test_what_can_be_replayed_is_counted():
    counts = pool_sizes(make_laboratory()).iloc[0]
    assert (counts["full"], counts["grid_configurations"], counts["grid_seeds"]) == (40, 2, 4)
