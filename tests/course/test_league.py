"""The league: tuners in processes of their own, on pools made here, ranked by regret."""

import league
import numpy as np
import pytest
from processes import become_subreaper

GOOD = """
class Tuner:
    def __init__(self, space, budget, seed): self.space = space
    def suggest(self): return {name: {VALUE} for name, (low, high, scale) in self.space.items()}
    def tell(self, trial, configuration, epochs, score): return {GOES_ON}
"""


@pytest.fixture
def pool():
    """Eleven trials along a diagonal of the space: the farther up, the better; all of one epoch."""
    places = np.linspace(0, 1, 11)
    configurations = []
    for place in places:
        values = {}
        for name, (low, high, scale) in league.SPACE.items():
            value = low * (high / low) ** place if scale == "log" else low + place * (high - low)
            values[name] = value
        configurations.append(values)
    known = np.array([True] * 3 + [False] * 3)
    scores = np.where(known, (0.5 + 0.03 * np.arange(11))[:, None], np.nan)
    return league.Pool(configurations, np.tile(places[:, None], 5), scores, scores)


def play(tmp_path, pool, source, monkeypatch, budget=3.0):
    become_subreaper()
    monkeypatch.setattr(league, "BUDGET", budget)
    monkeypatch.setitem(league.REPETITIONS, "public", 2)
    file = tmp_path / "mine.py"
    file.write_text(source)
    return league.play_all(file, [pool], board="public", secret=0, isolation="limits")


def tuner(value, goes_on="True"):
    return GOOD.replace("{VALUE}", value).replace("{GOES_ON}", goes_on)


def test_regret_is_what_is_missing_to_the_best(tmp_path, pool, monkeypatch):
    # three whole trials: those nearest to the lower end, of which the third scores .56 of .80
    row = play(tmp_path, pool, tuner("low"), monkeypatch)
    assert row["status"] == "played" and row["repetitions"] == 2
    assert row["mean_regret"] == pytest.approx(0.80 - 0.56)
    assert play(tmp_path, pool, tuner("high"), monkeypatch)["mean_regret"] == pytest.approx(0)


def test_stopped_trials_leave_budget_for_others(tmp_path, pool, monkeypatch):
    # a quarter of an epoch each: twelve trials, so all eleven are seen
    row = play(tmp_path, pool, tuner("low", "False"), monkeypatch)
    assert row["mean_regret"] == pytest.approx(0)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise OSError('no')", "OSError: no"),
        (tuner("'x'"), "could not convert"),
        (tuner("low").replace("suggest", "propose"), "no attribute 'suggest'"),
        ("import os\nos._exit(3)", "has ended"),
        (tuner("low").replace("return {name", "return {name + '_'"), "must have ['learning_rate'"),
    ],
)
def test_a_tuner_that_fails_is_a_row_that_says_why(tmp_path, pool, monkeypatch, source, said):
    row = play(tmp_path, pool, source, monkeypatch)
    assert row["status"].startswith("failed") and said in row["status"]
    assert "mean_regret" not in row


def test_prints_of_a_tuner_do_not_disturb(tmp_path, pool, monkeypatch):
    source = tuner("high").replace("return {name", "print('hello'); return {name")
    assert play(tmp_path, pool, source, monkeypatch)["status"] == "played"


def test_the_boards_share_no_configuration():
    pools = league.read_pools(secret=5)
    rates = {
        board: {c["learning_rate"] for p in many for c in p.configurations}
        for board, many in pools.items()
    }
    assert len(pools["public"]) == len(pools["final"]) == 2
    assert not rates["public"] & rates["final"]
    assert all(np.isfinite(p.validation).any(axis=1).all() for many in pools.values() for p in many)
