"""The tables of strategies hold what they are given, in words."""

from types import SimpleNamespace

import pandas as pd
import pytest

from repro.chapters.strategies.analysis import (
    compare_replay,
    exchange_costs,
    lineage,
    strategy_scores,
    summarise_strategies,
    warmups,
)
from repro.chapters.strategies.spaces import article_grid, bayesian_space, population_space
from repro.chapters.strategies.tables import (
    describe_differences,
    exchange_table,
    replay_table,
    schedule_table,
    spaces_table,
    strategy_label,
    strategy_table,
    warmup_table,
)


def test_the_three_search_spaces_stand_side_by_side():
    spaces = {"grid": None, "hyperopt_asha": bayesian_space("article", n_train=2490)}
    spaces["pbt"] = population_space("article")
    grid = tuple(article_grid("article"))
    planned = [
        SimpleNamespace(tuning=SimpleNamespace(method=method, space=space, grid=grid))
        for method, space in spaces.items()
    ]
    frame = spaces_table(planned, profile="p").frame.set_index("hyperparameter")
    assert frame.loc["warm-up steps"].tolist() == ["0", "(0, 500)", "0"]
    assert frame.loc["batch size"].tolist() == ["{16, 32}", "(16, 64)", "{16, 32, 64}"]


def test_strategies_are_named_by_what_differs():
    assert strategy_label("pbt", "") == "PBT"
    assert strategy_label("pbt", "every0.5") == "PBT, every 0.5 epochs"
    assert strategy_label("hyperopt_asha", "starts1") == "Bayesian search, random starts: 1"
    assert strategy_label("pbt", "best-seeds") == "PBT, from the best seeds"
    assert strategy_label("pbt", "new idea") == "PBT, new idea"


def test_scores_and_costs_of_each_strategy(frames):
    scores = strategy_scores(*frames)
    table = strategy_table(summarise_strategies(scores), note="Note.").frame.set_index("strategy")
    assert list(table.index) == ["grid", "Bayesian search", "PBT"]
    assert table.loc["Bayesian search", "validation"] == "81.5 ± 0.7"
    assert table.loc["PBT", "reached grid's"] == "0 of 2"
    assert table.loc["grid", ["reached grid's", "steps saved"]].tolist() == ["–", "–"]


def test_what_is_missing_and_what_came_back_is_marked(frames):
    scores = strategy_scores(*frames)
    scores.loc[scores.index[0], ["validation_score", "test_score"]] = None
    scores["test_source"] = "returned"
    frame = strategy_table(summarise_strategies(scores), note="").frame
    assert frame.loc[0, "validation"] == "72.0 (n=1)"
    assert frame.loc[1, "test"] == "71.5 ± 0.7†"
    scores[["validation_score", "test_score"]] = float("nan")
    frame = strategy_table(summarise_strategies(scores), note="").frame
    assert frame["validation"].tolist() == ["–"] * 3


def test_the_schedule_its_replay_and_its_costs(frames, segments):
    trials = frames[1].assign(warmup_steps=0.0)
    schedule = lineage(trials, segments, "m/rte/pbt/article/rep1/trial0002")
    frame = schedule_table(schedule, note="").frame
    assert frame["learning rate"].tolist() == ["1e-4", "3e-4"]
    assert frame["member"].tolist() == ["0", "1 (copied 0)"]
    assert frame["explored"].tolist() == ["–", "learning rate * 1.2"]
    exchange = exchange_table(exchange_costs(segments, trials), note="").frame
    assert exchange["share of training time"].tolist() == ["5.0%"]  # 0.05 of 1 s a segment
    assert exchange["milliseconds each"].tolist() == ["50.0"]

    class Missing:
        last = None

    replay = replay_table(compare_replay(schedule, [Missing()] * 2), note="").frame
    assert replay["trained again"].tolist() == ["–"] * 2 and set(replay["the same"]) == {"no"}
    rows = warmup_table(warmups(trials), note="").frame
    assert rows["trials"].tolist() == ["6 (100%)"]


@pytest.mark.parametrize(
    ("n", "end"),
    [
        (2, "in 2 repetitions, too few for an interval."),
        (5, "(95% interval +0.0 to +2.0), in 5 repetitions."),
    ],
)
def test_the_winner_is_described_by_what_it_gains(n, end):
    about = {"comparison": "PBT over grid search, test", "mean": 0.01, "low": 0.0, "high": 0.02}
    text = describe_differences(pd.DataFrame([about | {"difference": 0.01}] * n))
    assert text.startswith("On test PBT gains +1.0 points over grid search") and text.endswith(end)
    assert "nothing can be compared" in describe_differences(pd.DataFrame([about]).head(0))
