"""Tuning runs as state machines, driven by hand; nothing is trained."""

import math

import numpy as np
import pytest

from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Cell, Plan, TuningRun
from repro.tuning.spaces import sample_configuration, search_space

SPACE = search_space("electra-mini", epochs=3)
GRID = tuple({"learning_rate": rate, "epochs": 3} for rate in (1e-4, 1e-3, 1e-2))


class Journal:
    """Keeps everything in memory; `recall` gives what a former journal recorded."""

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
        return TuningRun(run_id or "grid", method, SPACE, seed, grid=GRID)
    settings = {"grid_run_id": "grid", "budget_gst": 1.0} | changes
    return TuningRun(run_id or method, method, SPACE, seed, **settings)


def make_cell(method="rs", *, budget=math.inf, journal=None, unit="steps", **changes):
    cell = Cell(make_run(method, **changes), unit=unit, journal=journal or Journal())
    cell.budget = budget
    return cell


def train(cell, request, scores, *, steps=1):
    """Report `scores`, `steps` updates and half a second each, until the cell ends the trial."""
    evaluations, verdict = [], None
    for i, score in enumerate(scores, start=1):
        evaluations.append(Evaluation(i * steps, i, i * 0.5, loss=0.5, score=score, metrics={}))
        if verdict := cell.on_evaluation(request.trial, evaluations[-1], number=i):
            break
    result = TrialResult(
        verdict or "completed",
        evaluations=tuple(evaluations),
        steps=steps * len(evaluations),
        seconds=0.5 * len(evaluations),
    )
    cell.on_result(request.trial, result)
    return result.status


def test_grid_search_tries_each_configuration_once_and_then_is_finished():
    cell = make_cell("grid")
    seen = []
    while request := cell.next_request():
        seen.append(request.configuration)
        train(cell, request, [0.5])
    assert tuple(seen) == GRID
    assert cell.finished
    assert cell.spent == 3


def test_one_trial_at_a_time_unless_asked_otherwise():
    cell = make_cell()
    assert cell.next_request().trial == 0
    assert cell.next_request() is None
    pair = make_cell(trials_at_once=2)
    assert [pair.next_request().trial, pair.next_request().trial] == [0, 1]
    assert pair.next_request() is None


def test_a_trial_is_cut_at_the_first_evaluation_after_the_budget_is_spent():
    # Budget 10, 4 updates an evaluation: 3 x 4 = 12 in the first trial, cut there.
    cell = make_cell(budget=10)
    assert train(cell, cell.next_request(), [0.1, 0.2, 0.3, 0.4], steps=4) == "cut"
    assert cell.spent == 12
    assert cell.finished
    assert cell.next_request() is None


def test_a_budget_in_seconds_counts_seconds():
    # 0.5 s an evaluation: the third reaches 1.5 s.
    cell = make_cell(budget=1.3, unit="seconds")
    assert train(cell, cell.next_request(), [0.1] * 10, steps=1000) == "cut"
    assert cell.spent == 1.5


def test_nothing_starts_before_the_budget_is_known():
    cell = make_cell(budget=math.nan)
    assert cell.next_request() is None
    assert not cell.finished


def test_the_score_to_beat_is_the_best_so_far():
    cell = make_cell()
    request = cell.next_request()
    assert request.score_to_beat == -math.inf
    train(cell, request, [0.3, 0.7, 0.5])
    assert cell.next_request().score_to_beat == 0.7


def test_asha_stops_who_is_below_the_best_quarter_of_a_rung():
    # Ray's ASHA with reduction factor 4 asks at rung 1 for the 75th percentile of the scores so
    # far there: after 0.8 a trial with 0.1 is below it, one with 0.9 is above.
    cell = make_cell("asha")
    assert train(cell, cell.next_request(), [0.8, 0.8]) == "completed"
    assert train(cell, cell.next_request(), [0.1, 0.9]) == "stopped"
    assert train(cell, cell.next_request(), [0.9, 0.9]) == "completed"


def test_random_search_does_not_stop_anybody():
    cell = make_cell("rs")
    assert train(cell, cell.next_request(), [0.8, 0.8]) == "completed"
    assert train(cell, cell.next_request(), [0.1, 0.1]) == "completed"


def test_a_run_gives_up_when_trials_keep_failing_before_their_first_update():
    cell = make_cell(budget=100)
    n = 0
    while request := cell.next_request():
        cell.on_result(request.trial, TrialResult("failed", "no memory"))
        n += 1
    assert n == 5
    assert cell.finished


BAYESIAN = ["bo_asha", "hyperopt_asha"]


@pytest.mark.parametrize("method", BAYESIAN)
def test_bayesian_optimisation_takes_failed_trials(method):
    cell = make_cell(method, budget=1000)
    for scores in ([0.5], [], [0.7]):
        train(cell, cell.next_request(), scores)
    request = cell.next_request()
    assert SPACE.domains["learning_rate"].contains(request.configuration["learning_rate"])
    assert request.configuration["epochs"] == 3


METHODS = ["rs", "asha", *BAYESIAN]


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_proposes_the_same_and_another_seed_others(method):
    options = {"random_starts": 10} if method in BAYESIAN else {}

    def proposals(seed):
        cell = make_cell(method, seed=seed, options=options)
        found = []
        for i in range(14):  # beyond TPE's ten random starts
            request = cell.next_request()
            found.append(request.configuration)
            train(cell, request, [i % 5 / 10])
        return found

    assert proposals(1) == proposals(1)
    assert proposals(1) != proposals(2)


def run_plan(plan, *, stop_after=None):
    """Train everything a plan proposes, three evaluations a trial; scores from learning rates."""
    n = 0
    while request := plan.next_request():
        if n == stop_after:
            return
        rate = request.configuration["learning_rate"]
        train(plan.cells[request.run_id], request, [rate, 2 * rate, 3 * rate], steps=2)
        n += 1


RUNS = [make_run("grid"), *(make_run(method, seed=7) for method in (*METHODS, "pbt"))]


def make_plan(journal, runs=None, costs=None):
    return Plan(runs or RUNS, unit="steps", journal=journal, known_costs=costs or {})


def test_budgets_are_multiples_of_what_grid_search_spent():
    journal = Journal()
    plan = make_plan(journal, [make_run("grid"), make_run("rs", budget_gst=2.0)])
    run_plan(plan)
    assert plan.finished
    assert journal.finished["grid"] == (math.inf, 18)  # three trials of six updates
    assert journal.finished["rs"] == (36, 36)


def test_a_finished_grid_search_need_not_run_again():
    journal = Journal()
    plan = make_plan(journal, [make_run("rs")], costs={"grid": 10.0})
    run_plan(plan)
    assert journal.finished["rs"][0] == 10.0


def numbers(journal):
    return {
        key: (configuration, result.status, result.evaluations, result.steps)
        for key, (configuration, result) in journal.results.items()
    }


def test_a_plan_resumed_from_the_journal_goes_on_as_if_never_interrupted():
    whole, first = Journal(), Journal()
    run_plan(make_plan(whole))
    run_plan(make_plan(first), stop_after=6)
    second = Journal(former=first)
    run_plan(make_plan(second))
    assert len(first.results) == 6
    assert numbers(first) | numbers(second) == numbers(whole)
    assert not set(first.results) & set(second.results)  # nothing was trained twice
    assert second.finished == whole.finished


def test_a_complete_journal_needs_no_training():
    whole = Journal()
    run_plan(make_plan(whole))
    again = Journal(former=whole)
    plan = make_plan(again)
    assert plan.next_request() is None
    assert plan.finished
    assert again.finished == whole.finished


def test_a_number_of_trials_may_stand_in_place_of_a_budget():
    run = TuningRun("rs", "rs", SPACE, 1, n_trials=3)
    cell = Cell(run, unit="steps", journal=Journal())
    n = 0
    while request := cell.next_request():
        assert not cell.finished
        train(cell, request, [0.5] * 100)
        n += 1
    assert n == 3 and cell.finished


@pytest.mark.parametrize("method", BAYESIAN)
def test_known_configurations_are_tried_first_and_in_their_order(method):
    known = [
        sample_configuration(SPACE, np.random.default_rng(seed)) | {"batch_size": size}
        for seed, size in enumerate((64, 16))
    ]
    cell = make_cell(method, options={"known": known})
    for expected in known:
        request = cell.next_request()
        assert request.configuration == pytest.approx(expected)
        train(cell, request, [0.5])
    assert cell.next_request().configuration not in known


@pytest.mark.parametrize("method", BAYESIAN)
def test_after_its_random_starts_bayesian_optimisation_goes_where_scores_are_high(method):
    # The score is the share of the learning rate's range; random draws would average a half.
    low, high = (math.log(getattr(SPACE.domains["learning_rate"], e)) for e in ("low", "high"))
    cell, shares = make_cell(method, options={"random_starts": 10}), []
    for _ in range(40):
        request = cell.next_request()
        shares.append((math.log(request.configuration["learning_rate"]) - low) / (high - low))
        train(cell, request, [shares[-1]])
    assert np.mean(shares[20:]) > 0.65


def test_known_scores_are_told_and_not_tried_again():
    # as above, but forty scores come from elsewhere: proposals are good from the first on
    rng = np.random.default_rng(3)
    known = [sample_configuration(SPACE, rng) for _ in range(40)]
    low, high = (math.log(getattr(SPACE.domains["learning_rate"], e)) for e in ("low", "high"))
    shares = [(math.log(c["learning_rate"]) - low) / (high - low) for c in known]
    options = {"known": known, "known_scores": shares}
    run = TuningRun("bo", "bo", SPACE, 1, n_trials=10, options=options)
    cell, found = Cell(run, unit="steps", journal=Journal()), []
    while request := cell.next_request():
        assert request.configuration not in known
        found.append(math.log(request.configuration["learning_rate"]))
        train(cell, request, [0.5])
    assert len(found) == 10 and (np.mean(found) - low) / (high - low) > 0.65


@pytest.mark.parametrize("scores", [[0.5], [0.5, math.nan]])
def test_known_scores_must_be_one_a_known_configuration(scores):
    known = [sample_configuration(SPACE, np.random.default_rng(seed)) for seed in range(2)]
    with pytest.raises(ValueError, match="`known_scores` must be 2 finite numbers"):
        make_cell("bo_asha", options={"known": known, "known_scores": scores})


def test_bad_runs_are_refused():
    with pytest.raises(ValueError, match="`method` must be one of .*'rs'.* but got 'random'"):
        make_run("random")
    with pytest.raises(ValueError, match="`grid` is empty"):
        TuningRun("grid", "grid", SPACE, 1)
    with pytest.raises(ValueError, match="`budget_gst` > 0"):
        make_run("rs", budget_gst=0.0)
    with pytest.raises(ValueError, match="refers to grid, which is not among the runs"):
        make_plan(Journal(), [make_run("rs")])
    with pytest.raises(ValueError, match="`unit` must be one of"):
        make_cell(unit="hours")
