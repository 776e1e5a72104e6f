"""The league: tuners in processes of their own, on pools made here, ranked by regret."""

import importlib.util

import league
import numpy as np
import pytest
from processes import become_subreaper
from releasing import hidden_seed

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
    status, regrets = play(tmp_path, pool, tuner("low"), monkeypatch)
    assert status == "played" and regrets == pytest.approx([0.80 - 0.56] * 2)
    assert play(tmp_path, pool, tuner("high"), monkeypatch)[1] == pytest.approx([0, 0])


def test_stopped_trials_leave_budget_for_others(tmp_path, pool, monkeypatch):
    # a quarter of an epoch each: twelve trials, so all eleven are seen
    _, regrets = play(tmp_path, pool, tuner("low", "False"), monkeypatch)
    assert regrets == pytest.approx([0, 0])


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
    status, regrets = play(tmp_path, pool, source, monkeypatch)
    assert status.startswith("failed") and said in status and len(regrets) == 0


def test_prints_of_a_tuner_do_not_disturb(tmp_path, pool, monkeypatch):
    source = tuner("high").replace("return {name", "print('hello'); return {name")
    assert play(tmp_path, pool, source, monkeypatch)[0] == "played"


def test_ranks_are_shared_by_tuners_that_cannot_be_told_apart():
    noise = np.random.default_rng(0).normal(0, 1, 100)
    regrets = {"worst": noise + 3, "best": noise, "like best": noise[::-1] + 0.01}
    table = league.rank(regrets).set_index("tuner")
    assert table.index.tolist() == ["best", "like best", "worst"]
    assert table["rank"].tolist() == [1, 1, 3]
    # of the same rounds a small difference is told: it is paired
    near = league.rank({"best": noise, "near": noise + 0.05 + 0.001 * noise[::-1]})
    assert near["rank"].tolist() == [1, 2]
    assert near["behind"].tolist() == pytest.approx([0, 0.05 + 0.001 * noise.mean()])
    assert league.rank({}).empty


def test_a_board_lists_failed_tuners_last(tmp_path, monkeypatch):
    monkeypatch.setitem(league.REPETITIONS, "public", 2)
    for name, source in (("a_broken", "raise OSError('no')"), ("b_fine", tuner("high"))):
        (tmp_path / f"{name}.py").write_text(source)
    files = sorted(tmp_path.glob("*.py"))
    how = {"board": "public", "secret": 0, "isolation": "limits"}
    table = league.write_board(files, tmp_path / "boards", **how)
    assert table["tuner"].tolist() == ["b_fine", "a_broken"]
    assert table["rank"].tolist()[0] == 1 and table["rank"].isna().tolist() == [False, True]
    assert (tmp_path / "boards/public.csv").read_text().count("\n") == 3


class Here:
    """A tuner in this process; `shift` is what its author has added to the seeds."""

    def __init__(self, name, shift=0):
        spec = importlib.util.spec_from_file_location(name, league.BASELINES / f"{name}.py")
        self.module, self.shift = importlib.util.module_from_spec(spec), shift
        spec.loader.exec_module(self.module)

    def ask(self, method, *arguments):
        if method == "start":
            space, budget, seed = arguments
            self.tuner = self.module.Tuner(space, budget, seed + self.shift)
            return True
        return getattr(self.tuner, method)(*arguments)


def regrets_of(player, pools, seeds):
    rounds = enumerate(seeds)
    return np.array([league.play(player, pools[n % 2], seed=seed) for n, seed in rounds])


def test_on_the_final_board_asha_is_told_from_random_search():
    pools = league.read_pools(secret=hidden_seed("a"))["final"]
    seeds = [7919 * n for n in range(league.REPETITIONS["final"])]
    names = ["asha", "random_search"]
    table = league.rank({name: regrets_of(Here(name), pools, seeds) for name in names})
    assert table["tuner"].tolist() == names and table["rank"].tolist() == [1, 2]


def test_a_tuner_that_overfits_the_public_board_drops():
    """Random search whose author has tried 40 shifts of the seed, and kept the luckiest."""
    boards = league.read_pools(secret=hidden_seed("a"))
    public = {
        shift: regrets_of(Here("random_search", shift), boards["public"], range(10))
        for shift in range(0, 4000, 100)
    }
    luckiest = min(public, key=lambda shift: public[shift].mean())
    asha = Here("asha"), Here("random_search", luckiest)
    first, then = (
        [regrets_of(player, boards[board], seeds).mean() for player in asha]
        for board, seeds in (("public", range(10)), ("final", range(50_000, 50_150)))
    )
    assert first[1] < first[0] and then[1] > then[0]
    assert then[1] > 1.3 * first[1]


def test_the_boards_share_no_configuration():
    pools = league.read_pools(secret=5)
    rates = {
        board: {c["learning_rate"] for p in many for c in p.configurations}
        for board, many in pools.items()
    }
    assert len(pools["public"]) == len(pools["final"]) == 2
    assert not rates["public"] & rates["final"]
    assert all(np.isfinite(p.validation).any(axis=1).all() for many in pools.values() for p in many)
