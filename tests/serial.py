"""Carry out tuning runs in this process, one trial after another: what Ray does, without Ray."""

from repro.tuning import Plan


def tune_runs(runs, objective, *, journal, unit="steps", known_costs=None, stop_after=None, **_):
    """Stand in for `orchestration.tune_runs`; `stop_after` so many trials it is as if killed."""
    plan = Plan(runs, unit=unit, journal=journal, known_costs=known_costs or {})
    n = 0
    while request := plan.next_request():
        if n == stop_after:
            raise KeyboardInterrupt
        cell, evaluations = plan.cells[request.run_id], []

        def report(progress, request=request, cell=cell, evaluations=evaluations):
            evaluations.append(progress)
            return cell.on_progress(request.trial, progress, evaluation=len(evaluations))

        plan.on_outcome(request, objective(request, report))
        n += 1
    assert plan.finished
