"""Tuning runs as state machines, driven by hand; nothing is trained."""

import math

import numpy as np
import pytest

from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import RunState, StudyScheduler, TuningRun, wall_clock
from repro.tuning.spaces import sample_configuration, search_space

SPACE = search_space("electra-mini", epochs=3)
GRID = tuple({"learning_rate": rate, "epochs": 3} for rate in (1e-4, 1e-3, 1e-2))


class TrialStore:
    """Keeps everything in memory; `recall` gives what a former one recorded."""

    def __init__(self, former=None):
        self.results, self.finished = {}, {}
        self._former = former.results if former else {}

    def recall(self, request):
        known = self._former.get((request.run_id, request.trial))
        return known[1] if known and known[0] == request.configuration else None

    def record(self, request, result):
        self.results[request.run_id, request.trial] = request.configuration, result

    def finish(self, run, *, budget, spent):
        self.finished[run.run_id] = budget, spent


def make_run(method="rs", *, run_id=None, seed=1, **changes):
    if method == "grid":
        return TuningRun(run_id or "grid", method, SPACE, seed, grid=GRID, **changes)
    settings = {"grid_run_id": "grid", "budget_gst": 1.0} | changes
    return TuningRun(run_id or method, method, SPACE, seed, **settings)


def make_state(method="rs", *, budget=math.inf, store=None, unit="steps", **changes):
    state = RunState(make_run(method, **changes), unit=unit, store=store or TrialStore())
    state.budget = budget
    return state


def train(state, request, scores, *, steps=1):
    """Report `scores`, `steps` updates and half a second each, until the run ends the trial."""
    evaluations, verdict = [], None
    for i, score in enumerate(scores, start=1):
        evaluations.append(Evaluation(i * steps, i, i * 0.5, loss=0.5, score=score, metrics={}))
        if verdict := state.on_evaluation(request.trial, evaluations[-1], number=i):
            break
    result = TrialResult(
        verdict or "completed",
        evaluations=tuple(evaluations),
        steps=steps * len(evaluations),
        seconds=0.5 * len(evaluations),
    )
    state.on_result(request.trial, result)
    return result.status


def test_grid_search_tries_each_configuration_once_and_then_is_finished():
    state = make_state("grid")
    seen = []
    while request := state.next_request():
        seen.append(request.configuration)
        train(state, request, [0.5])
    assert tuple(seen) == GRID
    assert state.finished
    assert state.spent == 3


def test_one_trial_at_a_time_unless_asked_otherwise():
    state = make_state()
    assert state.next_request().trial == 0
    assert state.next_request() is None
    pair = make_state(trials_at_once=2)
    assert [pair.next_request().trial, pair.next_request().trial] == [0, 1]
    assert pair.next_request() is None


def test_a_trial_is_cut_at_the_first_evaluation_after_the_budget_is_spent():
    # Budget 10, 4 updates an evaluation: 3 x 4 = 12 in the first trial, cut there.
    state = make_state(budget=10)
    assert train(state, state.next_request(), [0.1, 0.2, 0.3, 0.4], steps=4) == "cut"
    assert state.spent == 12
    assert state.finished
    assert state.next_request() is None


def test_a_budget_in_seconds_counts_seconds():
    # 0.5 s an evaluation: the third reaches 1.5 s.
    state = make_state(budget=1.3, unit="seconds")
    assert train(state, state.next_request(), [0.1] * 10, steps=1000) == "cut"
    assert state.spent == 1.5


def test_seconds_are_those_of_the_wall_where_trials_run_side_by_side():
    # Two slots, half a second an evaluation. Trials of 2, 1 and 3 evaluations: the third starts
    # where the second ended, at .5 s, and ends at 2 s; the first slot is at 1 s.
    state = make_state("grid", unit="seconds", trials_at_once=2)
    first, second = state.next_request(), state.next_request()
    assert state.next_request() is None
    train(state, second, [0.1])
    third = state.next_request()
    train(state, first, [0.1] * 2)
    train(state, third, [0.1] * 3)
    assert state.spent == 2.0 == wall_clock([1.0, 0.5, 1.5], trials_at_once=2)
    assert state.next_request() is None and state.finished


def test_a_trial_is_cut_when_its_own_slot_has_reached_the_budget():
    # The paper's case: grid's three trials of four evaluations on four slots cost 2 s, and four
    # trials of that length are as many that all end before they are cut at three quarters.
    state = make_state(budget=2.0, unit="seconds", trials_at_once=4)
    requests = [state.next_request() for _ in range(4)]
    verdicts = []
    for number in range(1, 5):
        evaluation = Evaluation(number, number, number * 0.5, loss=0.5, score=0.1, metrics={})
        verdicts += [state.on_evaluation(r.trial, evaluation, number=number) for r in requests]
    assert verdicts == [None] * 12 + ["cut"] * 4
    for request in requests:
        state.on_result(request.trial, TrialResult("completed", steps=4, seconds=2.0))
    assert state.spent == 2.0 and state.finished and state.next_request() is None


def test_nothing_starts_before_the_budget_is_known():
    state = make_state(budget=math.nan)
    assert state.next_request() is None
    assert not state.finished


def test_the_score_to_beat_is_the_best_so_far():
    state = make_state()
    request = state.next_request()
    assert request.score_to_beat == -math.inf
    train(state, request, [0.3, 0.7, 0.5])
    assert state.next_request().score_to_beat == 0.7


def test_asha_stops_who_is_below_the_best_quarter_of_a_rung():
    # Ray's ASHA with reduction factor 4 asks at rung 1 for the 75th percentile of the scores so
    # far there: after 0.8 a trial with 0.1 is below it, one with 0.9 is above.
    state = make_state("asha")
    assert train(state, state.next_request(), [0.8, 0.8]) == "completed"
    assert train(state, state.next_request(), [0.1, 0.9]) == "stopped"
    assert train(state, state.next_request(), [0.9, 0.9]) == "completed"


def test_random_search_does_not_stop_anybody():
    state = make_state("rs")
    assert train(state, state.next_request(), [0.8, 0.8]) == "completed"
    assert train(state, state.next_request(), [0.1, 0.1]) == "completed"


def test_a_run_gives_up_when_trials_keep_failing_before_their_first_update():
    state = make_state(budget=100)
    n = 0
    while request := state.next_request():
        state.on_result(request.trial, TrialResult("failed", "no memory"))
        n += 1
    assert n == 5
    assert state.finished


BAYESIAN = ["bo_asha", "hyperopt_asha"]


@pytest.mark.parametrize("method", BAYESIAN)
def test_bayesian_optimisation_takes_failed_trials(method):
    state = make_state(method, budget=1000)
    for scores in ([0.5], [], [0.7]):
        train(state, state.next_request(), scores)
    request = state.next_request()
    assert SPACE.domains["learning_rate"].contains(request.configuration["learning_rate"])
    assert request.configuration["epochs"] == 3


METHODS = ["rs", "asha", *BAYESIAN]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_proposes_the_same_and_another_seed_others(method):
    options = {"random_starts": 10} if method in BAYESIAN else {}

    def proposals(seed):
        state = make_state(method, seed=seed, options=options)
        found = []
        for i in range(14):  # beyond TPE's ten random starts
            request = state.next_request()
            found.append(request.configuration)
            train(state, request, [i % 5 / 10])
        return found

    assert proposals(1) == proposals(1)
    assert proposals(1) != proposals(2)


def run_study(study, *, stop_after=None):
    """Train everything a study proposes, three evaluations a trial; scores from learning rates."""
    n = 0
    while request := study.next_request():
        if n == stop_after:
            return
        rate = request.configuration["learning_rate"]
        train(study.runs[request.run_id], request, [rate, 2 * rate, 3 * rate], steps=2)
        n += 1


RUNS = [make_run("grid"), *(make_run(method, seed=7) for method in (*METHODS, "pbt"))]


def make_study(store, runs=None, costs=None):
    return StudyScheduler(runs or RUNS, unit="steps", store=store, known_costs=costs or {})


def test_budgets_are_multiples_of_what_grid_search_spent():
    store = TrialStore()
    study = make_study(store, [make_run("grid"), make_run("rs", budget_gst=2.0)])
    run_study(study)
    assert study.finished
    assert store.finished["grid"] == (math.inf, 18)  # three trials of six updates
    assert store.finished["rs"] == (36, 36)


def chains(*lengths):
    return [TuningRun(f"rs{i}", "rs", SPACE, i, n_trials=n) for i, n in enumerate(lengths)]


def train_in_lockstep(study, *, slots):
    """Train trials of one length, as many at once as there are slots; return the rounds needed."""
    rounds = 0
    while not study.finished:
        requests = [study.next_request(at_once=slots) for _ in range(slots)]
        for request in filter(None, requests):
            study.on_result(request, TrialResult("completed", steps=1))
        rounds += 1
    return rounds


def test_a_run_that_would_outlast_the_others_is_served_first():
    # Three runs of 8 trials, one after another each, on two slots: 24 / 2 = 12 rounds at best. In
    # their order the first two would take 8 rounds, and the third 8 more by itself.
    assert train_in_lockstep(make_study(TrialStore(), chains(8, 8, 8)), slots=2) == 12
    # 2 + 2 + 2 + 6: the last must start at once to be done in 6
    assert train_in_lockstep(make_study(TrialStore(), chains(2, 2, 2, 6)), slots=2) == 6


def test_other_runs_are_served_in_their_order():
    study = make_study(TrialStore(), chains(2, 2, 2, 2, 2))
    asked = [study.next_request(at_once=2).run_id for _ in range(2)]
    assert asked == ["rs0", "rs1"]


def test_a_larger_budget_waits_for_the_smaller_one_whose_trials_it_has():
    runs = [
        make_run("rs", run_id="large", budget_gst=2.0, after="small"),
        make_run("grid"),
        make_run("rs", run_id="small"),
    ]
    store, order = TrialStore(), []
    study = make_study(store, runs)
    while request := study.next_request(at_once=4):
        order.append(request.run_id)
        train(study.runs[request.run_id], request, [0.5], steps=2)
    assert list(dict.fromkeys(order)) == ["grid", "small", "large"]
    assert study.finished


def test_nobody_is_asked_about_a_trial_that_nothing_can_end():
    assert not make_state("grid").next_request().may_be_ended
    assert make_state("rs").next_request().may_be_ended  # its budget may be spent
    assert not RunState(chains(3)[0], unit="steps", store=TrialStore()).next_request().may_be_ended
    assert make_state("asha", grid_run_id=None, n_trials=3).next_request().may_be_ended


def test_a_finished_grid_search_need_not_run_again():
    store = TrialStore()
    study = make_study(store, [make_run("rs")], costs={"grid": 10.0})
    run_study(study)
    assert store.finished["rs"][0] == 10.0


def numbers(store):
    return {
        key: (configuration, result.status, result.evaluations, result.steps)
        for key, (configuration, result) in store.results.items()
    }


def test_a_study_resumed_from_the_store_goes_on_as_if_never_interrupted():
    whole, first = TrialStore(), TrialStore()
    run_study(make_study(whole))
    run_study(make_study(first), stop_after=6)
    second = TrialStore(former=first)
    run_study(make_study(second))
    assert len(first.results) == 6
    assert numbers(first) | numbers(second) == numbers(whole)
    assert not set(first.results) & set(second.results)  # nothing was trained twice
    assert second.finished == whole.finished


def test_a_complete_store_needs_no_training():
    whole = TrialStore()
    run_study(make_study(whole))
    again = TrialStore(former=whole)
    study = make_study(again)
    assert study.next_request() is None
    assert study.finished
    assert again.finished == whole.finished


def test_a_number_of_trials_may_stand_in_place_of_a_budget():
    run = TuningRun("rs", "rs", SPACE, 1, n_trials=3)
    state = RunState(run, unit="steps", store=TrialStore())
    n = 0
    while request := state.next_request():
        assert not state.finished
        train(state, request, [0.5] * 100)
        n += 1
    assert n == 3 and state.finished


@pytest.mark.parametrize("method", BAYESIAN)
def test_known_configurations_are_tried_first_and_in_their_order(method):
    known = [
        sample_configuration(SPACE, np.random.default_rng(seed)) | {"batch_size": size}
        for seed, size in enumerate((64, 16))
    ]
    state = make_state(method, options={"known": known})
    for expected in known:
        request = state.next_request()
        assert request.configuration == pytest.approx(expected)
        train(state, request, [0.5])
    assert state.next_request().configuration not in known


@pytest.mark.parametrize("method", BAYESIAN)
def test_after_its_random_starts_bayesian_optimisation_goes_where_scores_are_high(method):
    # The score is the share of the learning rate's range; random draws would average a half.
    low, high = (math.log(getattr(SPACE.domains["learning_rate"], e)) for e in ("low", "high"))
    state, shares = make_state(method, options={"random_starts": 10}), []
    for _ in range(40):
        request = state.next_request()
        shares.append((math.log(request.configuration["learning_rate"]) - low) / (high - low))
        train(state, request, [shares[-1]])
    assert np.mean(shares[20:]) > 0.65


def test_known_scores_are_told_and_not_tried_again():
    # as above, but forty scores come from elsewhere: proposals are good from the first on
    rng = np.random.default_rng(3)
    known = [sample_configuration(SPACE, rng) for _ in range(40)]
    low, high = (math.log(getattr(SPACE.domains["learning_rate"], e)) for e in ("low", "high"))
    shares = [(math.log(c["learning_rate"]) - low) / (high - low) for c in known]
    options = {"known": known, "known_scores": shares}
    run = TuningRun("bo", "bo", SPACE, 1, n_trials=10, options=options)
    state, found = RunState(run, unit="steps", store=TrialStore()), []
    while request := state.next_request():
        assert request.configuration not in known
        found.append(math.log(request.configuration["learning_rate"]))
        train(state, request, [0.5])
    assert len(found) == 10 and (np.mean(found) - low) / (high - low) > 0.65


@pytest.mark.parametrize("scores", [[0.5], [0.5, math.nan]])
def test_known_scores_must_be_one_a_known_configuration(scores):
    known = [sample_configuration(SPACE, np.random.default_rng(seed)) for seed in range(2)]
    with pytest.raises(ValueError, match="`known_scores` must be 2 finite numbers"):
        make_state("bo_asha", options={"known": known, "known_scores": scores})


def test_bad_runs_are_refused():
    with pytest.raises(ValueError, match="`method` must be one of .*'rs'.* but got 'random'"):
        make_run("random")
    with pytest.raises(ValueError, match="has no `grid`"):
        TuningRun("grid", "grid", SPACE, 1)
    with pytest.raises(ValueError, match="`budget_gst` > 0"):
        make_run("rs", budget_gst=0.0)
    with pytest.raises(ValueError, match="refers to grid, which is not among the runs"):
        make_study(TrialStore(), [make_run("rs")])
