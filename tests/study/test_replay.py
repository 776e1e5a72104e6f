"""Replays on recorded trials do what live runs do, and thousands at once what one does."""

import numpy as np
import pytest
from tests.support.recorded_pools import make_pool
from tests.support.serial import tune_runs

from repro.study.pools import Clock
from repro.study.replay import Searcher, replay
from repro.study.replay_many import replay_many
from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import Choice, LogUniform, SearchSpace, Uniform

SPACE = SearchSpace(
    "full",
    "electra",
    {
        "learning_rate": LogUniform(1e-4, 1e-3),
        "warmup_ratio": Uniform(0, 0.2),
        "batch_size": Choice((16, 32)),
    },
    {"epochs": 2},
)


class Listed(Searcher):
    """Suggests rows of a pool one after another."""

    def __init__(self, order):
        self.rows = list(order)

    def suggest(self, trial):
        self.is_empty = trial >= len(self.rows)
        return None if self.is_empty else {}


def test_random_search_on_two_workers_by_hand():
    # Trials of 3, 1, 2, 2 and 2 epochs on two workers: the third starts when the second ends, at 1,
    # and the last two at 3, when both the first and the third end.
    lengths, scores = [3, 1, 2, 2, 2], [0.5, 0.6, 0.7, 0.9, 0.8]
    pool = make_pool(*({"validation": [s] * n} for n, s in zip(lengths, scores, strict=True)))
    done = replay_many(pool, np.array([[0, 1, 2, 3, 4]]), clock=Clock(2), deadline=4, asha=False)
    assert done.starts.tolist() == [[0, 0, 1, 3, 3]]
    assert done.evaluations(2.5).tolist() == [[2, 1, 1, 0, 0]]
    assert done.at(2.5).validation_score == 0.7
    assert done.at(2.5).n_trials == 3
    assert done.evaluations(4).tolist() == [[3, 1, 2, 1, 1]]  # the last are cut
    assert done.at(4).place == 3


def test_asha_by_hand():
    # One worker, in order. Rung 1: .5 first, then .4 is below the quantile of (.5) and stops; .6
    # is above that of (.5, .4), which is .475, goes on, and at evaluation 4 it meets .7 alone.
    curves = [[0.5, 0.5, 0.5, 0.7, 0.7], [0.4] * 5, [0.6] * 5]
    pool = make_pool(*({"validation": curve} for curve in curves))
    done = replay_many(pool, np.array([[0, 1, 2]]), clock=Clock(1), deadline=99, asha=True)
    assert done.reached.tolist() == [[5, 1, 4]]
    assert done.starts.tolist() == [[0, 5, 6]]
    assert done.lasted.tolist() == [10]


def test_delays_move_what_follows():
    pool = make_pool({"validation": [0.5, 0.6]}, {"validation": [0.4, 0.4]}, {"validation": [0.3]})
    clock = Clock(1, start=0.5, report=0.25, decision=2)
    done = replay_many(pool, np.array([[0, 1, 2]]), clock=clock, deadline=99, asha=True)
    # The first ends at .5 + 2 + 2 * .25 = 3, its worker is free at 5; the second stops at its
    # first evaluation, at 5 + .5 + 1 + .25 = 6.75, its worker is free at 8.75.
    assert done.starts.tolist() == [[0, 5, 8.75]]


def random_pool(rng, n):
    """Make trials of few, hence equal, scores, of unlike lengths, and with missing scores."""
    rows = []
    for _ in range(n):
        length = rng.choice([0, 1, 3, 4, 16, 17, 40, 70], p=[0.02, *[0.14] * 7])
        scores = np.round(np.cumsum(rng.normal(0.01, 0.02, length)) + 0.5, 2)
        scores[rng.random(length) < 0.02] = np.nan
        rows.append({"validation": scores, "epochs": np.arange(1, length + 1) * rng.integers(1, 3)})
    return make_pool(*rows)


@pytest.mark.parametrize("asha", [False, True])
@pytest.mark.parametrize("clock", [Clock(), Clock(3, start=1.5, report=0.25, decision=2)], ids=str)
def test_thousands_at_once_equal_the_state_machine_trial_for_trial(asha, clock):
    rng = np.random.default_rng(0)
    pool = random_pool(rng, 150)
    orders = np.array([rng.permutation(150) for _ in range(8)])
    many = replay_many(pool, orders, clock=clock, deadline=120, asha=asha)
    for number, order in enumerate(orders):
        run = TuningRun("r", "seeds_asha" if asha else "seeds", SPACE, 0, grid=({},))
        one = replay(run, pool, clock=clock, deadline=120, searcher=Listed(order))
        n = one.starts.shape[1]
        np.testing.assert_array_equal(one.starts[0], many.starts[number, :n])
        assert not np.isfinite(many.starts[number, n:]).any()
        for time in (20, 119.5, 120):
            counts = many.evaluations(time)[number, :n]
            np.testing.assert_array_equal(one.evaluations(time)[0], counts)
            assert one.at(time).place == many.at(time).place[number]
        assert one.lasted == many.lasted[number] == np.inf


class Store(dict):
    """Keeps requests and results by the number of the trial."""

    def recall(self, request):
        return None

    def record(self, request, result):
        self[request.trial] = request.configuration, result

    def finish(self, run, **spent): ...


def objective(request, report=lambda evaluation: None):
    """Score a configuration after each of 8 evaluations, in its own time."""
    configuration = request if isinstance(request, dict) else request.configuration
    rate, warmup = configuration["learning_rate"], configuration["warmup_ratio"]
    evaluations = []
    for n in range(1, 9):
        score = round(1 - abs(np.log10(rate) + 3.4) - warmup / n - 1 / n, 3)
        step = n * 320 // configuration["batch_size"]
        evaluations.append(Evaluation(step, n / 4, 0.0, 1 - score, score, {}))
        if verdict := report(evaluations[-1]):
            break
    return TrialResult(verdict or "completed", evaluations=tuple(evaluations), steps=step)


@pytest.mark.parametrize("method", ["rs", "asha", "bo_asha"])
def test_a_replay_given_the_configurations_of_a_live_run_equals_it(method):
    run = TuningRun("r", method, SPACE, 7, grid_run_id="g", budget_gst=1)
    tune_runs([run], objective, store=(live := Store()), known_costs={"g": 4000})
    rng, rows = np.random.default_rng(0), []
    for configuration, _ in live.values():
        whole = objective(configuration).evaluations
        curve = {"validation": [e.score for e in whole], "epochs": [e.epoch for e in whole]}
        rows.append(configuration | curve | {"steps": [e.step for e in whole]})
    places = rng.permutation(len(rows))  # the order of recording does not matter
    pool = make_pool(*(rows[i] for i in places))
    done = replay(run, pool, clock=Clock(1), budget=4000)
    assert [places[row] for row in done.order[0]] == list(live)
    assert done.reached[0].tolist() == [len(result.evaluations) for _, result in live.values()]
    assert len(live) > 10 or method == "rs"  # so that TPE proposed


def test_tpe_is_answered_by_the_nearest_recorded_configuration_and_learns_of_it():
    rng, rows = np.random.default_rng(0), []
    for _ in range(60):
        configuration = {name: domain.sample(rng) for name, domain in SPACE.domains.items()}
        scores = [e.score for e in objective(configuration).evaluations]
        rows.append(configuration | {"validation": scores})
    pool = make_pool(*rows)
    run = TuningRun("r", "bo", SPACE, 0, n_trials=30)
    done = replay(run, pool, clock=Clock(1))
    assert sorted(set(done.order[0])) == sorted(done.order[0])  # none is used twice
    scores = pool.whole("validation_score")
    proposed = scores[done.order[0, 10:]]
    assert proposed.mean() > np.delete(scores, done.order[0]).mean() + 0.1


def test_too_small_a_pool_is_named():
    pool = make_pool({"validation": [0.5, 0.6]}, {"validation": [0.4, 0.4]})
    done = replay_many(pool, np.array([[0, 1]]), clock=Clock(1), deadline=9, asha=False)
    assert done.at(4).validation_score == 0.6
    with pytest.raises(ValueError, match=r"recorded trials of m/t/full must be enough for 5 epo"):
        done.at(5)


def test_what_was_not_recorded_is_refused():
    rate, warmup = {"learning_rate": 1e-2, "batch_size": 16}, {"warmup_ratio": 0.1}
    run = TuningRun("r", "bo", SPACE, 0, n_trials=1)
    with pytest.raises(ValueError, match=r"must say what full searches, but lack \['warmup_ratio"):
        replay(run, make_pool({"validation": [0.5]} | rate), clock=Clock())
    with pytest.raises(ValueError, match=r"the learning_rate of m/t/full must lie in LogUniform"):
        replay(run, make_pool({"validation": [0.5]} | rate | warmup), clock=Clock())
    with pytest.raises(ValueError, match="random search or TPE, but got 'pbt'"):
        replay(TuningRun("r", "pbt", SPACE, 0), make_pool({"validation": [0.5]}), clock=Clock())
    with pytest.raises(ValueError, match="must have workers"):
        Clock(0)
