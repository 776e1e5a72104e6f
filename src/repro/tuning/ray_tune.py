"""Ray Tune trains what a study's tuning runs propose.

One Tune experiment holds all tuning runs of a study, so that one warm worker process a core
serves them all; an experiment a run would pay several seconds of cold start each time. The study
enters as a Ray searcher and a Ray scheduler. A trial is never killed: when its run stops it, a
mailbox tells the worker, which scores its checkpoints and hands in a complete result.
"""

import os
import socket
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from repro.training.types import Evaluation, TrialResult
from repro.tuning.cluster import connect, disconnect
from repro.tuning.runs import Request, StudyScheduler, TrialStore, TuningRun

Objective = Callable[[Request, Callable[[Evaluation], str | None]], TrialResult]
_ATTEMPTS = 20  # to train a trial; until Ray knows that a node is gone, each one there is lost


class ObjectiveError(RuntimeError):
    """The objective raised: not a trial that went wrong, but something that must be mended."""


def tune_runs(
    runs: list[TuningRun],
    objective: Objective,
    *,
    store: TrialStore,
    unit: str = "steps",
    known_costs: dict[str, float] | None = None,
    cpus_per_trial: float = 1,
    gpus_per_trial: float = 0,
    trials_at_once: int | None = None,
) -> None:
    """Carry out tuning runs side by side on Ray; everything that comes of them goes to `store`.

    Args:
        runs: started in this order; a budget waits for the grid search that it refers to.
        objective: trains one request; picklable. `report(evaluation)` returns None to go on, or
            the status to end the trial with. It turns what goes wrong in training into a result;
            what it raises means that nothing could be trained, and ends the study.
        unit: of the budgets, "steps" or "seconds".
        known_costs: what grid searches finished earlier spent, by run_id, in `unit`.
        trials_at_once: over all runs; as many as the resources allow when None.
    Raises:
        ValueError: if a budget refers to a grid search that is neither in `runs` nor known.
        ObjectiveError: if the objective raised; finished trials are in the store.
        KeyboardInterrupt: if interrupted; the store holds all finished trials, and Ray is ended.
    """
    study = StudyScheduler(runs, unit=unit, store=store, known_costs=known_costs or {})
    first = study.next_request()
    if first is None:  # the store held all there was to do
        return
    try:
        connect()
        resources = {"cpu": cpus_per_trial, "gpu": gpus_per_trial}
        _fit(study, first, objective, resources=resources, trials_at_once=trials_at_once)
        if not study.finished:
            raise KeyboardInterrupt("interrupted; finished trials are kept, run it again to go on")
    except KeyboardInterrupt:
        disconnect()
        raise


def _fit(study: StudyScheduler, first: Request, objective, *, resources, trials_at_once) -> None:
    import ray
    from ray import tune

    mailbox, errors = _start_mailbox(), []
    try:
        with tempfile.TemporaryDirectory(prefix="repro-tune-") as folder:
            tune.Tuner(
                tune.with_resources(_make_trainable(objective, mailbox), resources),
                tune_config=tune.TuneConfig(
                    search_alg=_make_searcher(study, first, errors),
                    scheduler=_make_messenger(study, mailbox, errors),
                    num_samples=10**9,
                    max_concurrent_trials=trials_at_once,
                    reuse_actors=True,
                ),
                run_config=tune.RunConfig(storage_path=folder, name="study", verbose=0),
            ).fit()
    finally:
        ray.kill(mailbox)


def _start_mailbox():
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    @ray.remote(num_cpus=0)
    class Mailbox:
        """Tells workers how their trial shall end."""

        def __init__(self):
            self._verdicts = {}

        def put(self, trial_id: str, verdict: str) -> None:
            self._verdicts[trial_id] = verdict

        def take(self, trial_id: str) -> str | None:
            return self._verdicts.pop(trial_id, None)

    # With the driver, not on a machine that may go away.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return Mailbox.options(scheduling_strategy=here).remote()


def _make_trainable(objective: Objective, mailbox) -> Callable[[dict], None]:
    def train(config: dict) -> None:
        import ray
        from ray import tune

        trial_id = tune.get_context().get_trial_id()
        request = config["request"][0]

        def report(evaluation: Evaluation) -> str | None:
            tune.report({"evaluation": [evaluation]})
            return ray.get(mailbox.take.remote(trial_id))

        started_at = time.time()
        try:
            result = objective(request, report)
        except Exception as error:  # Ray would try such a trial again
            where = f"{request.run_id}, trial {request.trial}"
            tune.report({"error": [f"{where}: {type(error).__name__}: {error}"], "done": True})
            return
        worker = f"{socket.gethostname()}:{os.getpid()}"
        result = replace(result, started_at=started_at, worker=worker)
        tune.report({"result": [result], "done": True})

    return train


def _make_searcher(study: StudyScheduler, first: Request, errors: list[str]):
    from ray.tune.search import Searcher

    class StudySearcher(Searcher):
        """Hands the study's requests to Ray Tune, once more where a worker or node was lost."""

        def __init__(self):
            super().__init__()
            self._waiting = [first]
            self._requests: dict[str, Request] = {}
            self._losses = Counter()

        def suggest(self, trial_id: str):
            if errors:
                raise ObjectiveError(errors[0])
            request = self._waiting.pop() if self._waiting else study.next_request()
            if request is None:
                return Searcher.FINISHED if study.finished else None
            self._requests[trial_id] = request
            return {"request": [request]}

        def on_trial_complete(self, trial_id, result=None, error=False):
            if not error:
                return
            request = self._requests[trial_id]
            self._losses[request.run_id, request.trial] += 1
            if self._losses[request.run_id, request.trial] < _ATTEMPTS:
                self._waiting.append(request)
            else:
                lost = TrialResult("failed", "the worker process was lost; see Ray's logs")
                study.on_result(request, lost)

        def save(self, checkpoint_path: str):
            """Nothing: the store of trials resumes a study, not Tune."""

        restore = save

        def get_state(self):
            return {}

    return StudySearcher()


def _make_messenger(study: StudyScheduler, mailbox, errors: list[str]):
    import ray
    from ray.tune.schedulers import FIFOScheduler, TrialScheduler

    class Messenger(FIFOScheduler):
        """Passes reports to the study, and verdicts to the workers."""

        def on_trial_result(self, tune_controller, trial, result):
            request, number = trial.config["request"][0], result["training_iteration"]
            state = study.runs[request.run_id]
            verdict = state.on_evaluation(request.trial, result["evaluation"][0], number=number)
            if verdict:
                ray.get(mailbox.put.remote(trial.trial_id, verdict))
            return TrialScheduler.CONTINUE

        def on_trial_complete(self, tune_controller, trial, result):
            if "error" in result:  # Ray swallows what is raised here
                errors.append(result["error"][0])
            else:
                study.on_result(trial.config["request"][0], result["result"][0])

    return Messenger()
