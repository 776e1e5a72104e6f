"""Tuning runs carried out on Ray: what a study proposes is trained by the slots of a desk.

The study stays in this process and the desk (see `desk`) passes messages. Slots stay warm between
studies; `make reproduce` opens one desk for all its notebooks, a notebook by itself opens its own.
"""

import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from repro.tuning import in_process as here
from repro.tuning.cluster import SESSION_VARIABLE, ask, connect, disconnect
from repro.tuning.in_process import Objective
from repro.tuning.runs import Request, StudyScheduler, TrialStore, TuningRun

_ATTEMPTS = 3  # to train a trial whose worker was lost
_LOST = (
    "a trial must keep its worker, but {0}, trial {1} lost {n}, the last as {why}; is there enough "
    "memory? Ray's logs say more, and finished trials are kept"
)


class ObjectiveError(RuntimeError):
    """The objective raised: not a trial that went wrong, but something that must be mended."""


class LostWorkersError(RuntimeError):
    """Workers were lost again and again: nothing can be said about the trials that they had."""


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
    in_process: bool = False,
) -> int:
    """Carry out tuning runs side by side on Ray; everything that comes of them goes to `store`.

    Args:
        runs: a budget waits for the grid search that it refers to.
        objective: trains one request; picklable. `report(evaluation)` returns None to go on, or
            the status to end the trial with. It turns what goes wrong in training into a result;
            what it raises means that nothing could be trained, and ends the study.
        unit: of the budgets, "steps" or "seconds".
        known_costs: what grid searches finished earlier spent, by run_id, in `unit`.
        trials_at_once: over all runs; as many as the resources allow when None.
        in_process: train here, one trial after another, without Ray; the outcome is the same.
    Returns:
        how many workers there were.
    Raises:
        ValueError: if a budget refers to a grid search that is neither in `runs` nor known, or no
            machine has the resources.
        ObjectiveError: if the objective raised; finished trials are in the store.
        LostWorkersError: if a trial lost its worker time and again; finished trials are there.
        KeyboardInterrupt: if interrupted; the store holds all finished trials, and Ray is ended.
    """
    if in_process:
        here.tune_runs(runs, objective, store=store, unit=unit, known_costs=known_costs)
        return 1
    study = StudyScheduler(runs, unit=unit, store=store, known_costs=known_costs or {})
    first = study.next_request()
    if first is None:  # the store held all there was to do
        return 0
    try:
        connect()
        desk = open_desk(cpus_per_trial, gpus_per_trial)
        try:
            with _joined(desk, objective) as exchange:
                return _carry_out(study, first, exchange, at_most=trials_at_once or float("inf"))
        finally:
            if os.environ.get("RAY_ADDRESS"):  # others wait for its machines
                close_desk(desk)
    except KeyboardInterrupt:
        disconnect()
        raise


def _carry_out(study: StudyScheduler, first: Request, exchange: Callable, *, at_most) -> int:
    """Keep the slots busy, with one request in waiting, until the study is finished."""
    from ray import cloudpickle

    waiting, verdicts, n_slots = [first], [], 0
    in_training: dict[tuple[str, int], Request] = {}
    evaluations, losses = Counter(), Counter()
    while not study.finished:
        requests = []
        while len(in_training) < min(n_slots + 1, at_most):
            request = waiting.pop() if waiting else study.next_request(at_once=n_slots)
            if request is None:
                break
            key = request.run_id, request.trial
            in_training[key], evaluations[key] = request, 0
            requests.append((key, cloudpickle.dumps(request)))
        if not in_training:
            break
        events, n_slots = exchange(requests, verdicts)
        verdicts = []
        for kind, slot, key, payload in events:
            if kind == "evaluation":
                evaluations[key] += 1
                state, evaluation = study.runs[key[0]], cloudpickle.loads(payload)
                verdict = state.on_evaluation(key[1], evaluation, number=evaluations[key])
                verdicts.append((slot, verdict))
            elif kind == "result":
                del evaluations[key]
                study.on_result(in_training.pop(key), cloudpickle.loads(payload))
            elif kind == "error":
                raise ObjectiveError(payload)
            elif kind == "broken":
                raise LostWorkersError(payload)
            elif kind == "lost":
                losses[key] += 1
                if losses[key] == _ATTEMPTS:
                    raise LostWorkersError(_LOST.format(*key, n=_ATTEMPTS, why=payload))
                waiting.append(in_training.pop(key))
    assert study.finished
    return n_slots


@contextmanager
def _joined(desk, objective: Objective) -> Iterator[Callable]:
    """Be a study at the desk; what is in training at the end is abandoned."""
    import ray

    name = uuid.uuid4().hex
    ray.get(desk.join.remote(name, [ray.put(objective)]))
    try:
        yield lambda *news: ray.get(desk.exchange.remote(name, *news))
    except ray.exceptions.RayActorError as error:
        raise LostWorkersError(
            "the process that hands out trials must keep running, but it ended; finished trials "
            "are kept, run it again to go on"
        ) from error
    finally:
        if ray.is_initialized():
            desk.leave.remote(name)


def open_desk(cpus_per_trial: float = 1, gpus_per_trial: float = 0):
    """Return the desk of this process, or the one of its session, with slots of these resources.

    Raises:
        ValueError: if no machine has the resources.
        RuntimeError: if the session's desk has others.
    """
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from repro.tuning.desk import Desk

    resources = {"cpu": cpus_per_trial, "gpu": gpus_per_trial}
    _check_resources(resources)
    shared = os.environ.get(SESSION_VARIABLE)
    name = ask(Path(shared), "desk") if shared else desk_name()
    try:
        desk = ray.get_actor(name)
        if (others := ray.get(desk.resources.remote())) == resources:
            return desk
        if shared:
            raise RuntimeError(
                f"all notebooks of one command must give their trials the same resources, but "
                f"got {resources} beside {others}; run this notebook by itself"
            )
        close_desk(desk)
    except ValueError:  # there is none yet
        pass
    # With the driver, not on a machine that may go away.
    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    desk = (
        ray.remote(Desk)
        .options(name=name, num_cpus=0, max_concurrency=100_000, scheduling_strategy=here)
        .remote()
    )
    folder = tempfile.TemporaryDirectory(prefix="repro-tune-")
    _opened.append((desk, folder))
    ray.get(desk.open.remote(resources, folder.name))
    return desk


def close_desk(desk) -> None:
    """End a desk of this process with its slots; leave one that is shared as it is."""
    import ray

    if ray.is_initialized() and SESSION_VARIABLE not in os.environ:
        ray.get(desk.close.remote())
        ray.kill(desk)


def desk_name() -> str:
    """Return the name of this process's own desk."""
    return f"desk-{os.getpid()}"


_opened = []  # a desk stays as long as somebody holds it, and so does Ray Tune's folder


def _check_resources(resources: dict[str, float]) -> None:
    import ray

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    for name, amount in resources.items():
        most = max(node.get(name.upper(), 0) for node in nodes)
        if amount > most:
            raise ValueError(
                f"`{name}s_per_trial` must be at most what one machine has, {most:g}, but got "
                f"{amount:g}; lower it in the profile"
            )
