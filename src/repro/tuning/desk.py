"""The worker slots that train, which Ray Tune places and replaces, and the desk that serves them.

What Ray Tune calls a trial is here a slot: a long-lived process that asks the desk for the next
request, trains it and hands in what came of it. The desk is an actor, and Ray Tune a thread beside
its event loop. It knows nothing of tuning runs, and does not unpickle what it passes on; for the
reasons see ARCHITECTURE.md.
"""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any

from repro.training.types import Evaluation, MachineFailure
from repro.tuning.cluster import ENVIRONMENT
from repro.tuning.in_process import train

ABANDONED = "abandoned"  # the verdict on a trial whose study has gone
_PATIENCE = 30  # seconds for slots to end
_MOST_STILLBORN = 20  # slots in a row that are lost before they asked for work


@dataclass
class _Study:
    """One study at the desk: what it wants trained, and what it has not fetched yet."""

    objective: list  # one ObjectRef; in a list Ray leaves it as it is
    queue: deque = field(default_factory=deque)  # (key, pickled request)
    events: list = field(default_factory=list)  # (kind, slot, key, payload)
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class Desk:
    """Passes requests to idle slots and what they say back to the study that asked."""

    def __init__(self):
        self._studies: dict[str, _Study] = {}
        self._slots: dict[str, tuple[str, Hashable] | None] = {}  # slot -> study and key
        self._idle: dict[str, asyncio.Future] = {}
        self._verdicts: dict[str, asyncio.Future] = {}
        self._lost: set[str] = set()
        self._closing = threading.Event()
        self._stillborn, self._broken, self._busy = 0, "", 0.0

    async def open(self, resources: dict[str, float], folder: str) -> None:
        """Start Ray Tune, with slots of these resources and its files in `folder`."""
        import ray

        os.environ.update(ENVIRONMENT)
        self._resources = resources
        desk = ray.get_runtime_context().current_actor
        arguments = desk, resources, folder, self._closing
        self._tune = threading.Thread(target=_keep_slots, args=arguments, daemon=True)
        self._tune.start()

    async def close(self) -> None:
        """End the slots and give back what Ray has reserved for them."""
        self._closing.set()
        for waiting in self._idle.values():
            waiting.set_result(None)
        await asyncio.to_thread(self._tune.join, _PATIENCE)

    async def resources(self) -> dict[str, float]:
        """Return what a slot has."""
        return self._resources

    async def usage(self) -> tuple[float, int]:
        """Return the seconds that slots have spent in training and evaluation, and their number."""
        return self._busy, len(self._slots)

    async def join(self, study: str, objective: list) -> None:
        """Open a study; those that came before are served before it."""
        self._studies[study] = _Study(objective)

    async def leave(self, study: str) -> None:
        """Close a study: what it still has in training ends at its next evaluation."""
        if left := self._studies.pop(study, None):
            left.changed.set()
        for slot, verdict in list(self._verdicts.items()):
            if self._slots[slot][0] == study:
                self._answer(slot, ABANDONED, verdict)

    async def exchange(
        self, study: str, requests: list[tuple], verdicts: list[tuple]
    ) -> tuple[list[tuple], int]:
        """Take new requests and answers to evaluations; return what happened, once something has.

        Args:
            requests: pairs of a key and a pickled request.
            verdicts: pairs of a slot that waits and the verdict on its trial, or None to go on.
        Returns:
            the events (kind, slot, key, payload) in their order, and how many slots there are.
            Kinds: "evaluation", "result" (pickled), "error", "lost", "broken" (a text), "slots".
        """
        me = self._studies[study]
        me.queue.extend(requests)
        for slot, verdict in verdicts:
            if waiting := self._verdicts.get(slot):  # else it was lost meanwhile
                self._answer(slot, verdict, waiting)
        self._hand_out()
        me.changed.clear()
        if not (me.events or self._broken):
            await me.changed.wait()
        if self._broken:
            me.events.append(("broken", "", None, self._broken))
        events, me.events = me.events, []
        return events, len(self._slots)

    async def work(self, slot: str, outcome: tuple | None = None) -> tuple[list, bytes] | None:
        """Take what came of a slot's last request; return the next one, once there is one.

        Args:
            outcome: kind, payload and seconds of work.
        Returns:
            the objective and the pickled request; None when the desk closes.
        """
        if slot in self._slots:
            kind, payload, seconds = outcome
            self._busy += seconds
            self._notify(slot, kind, payload)
            self._slots[slot] = None
        else:
            self._slots[slot], self._stillborn = None, 0
            self._lost.discard(slot)  # its machine was only silent
            for study in self._studies.values():
                study.events.append(("slots", slot, None, None))
                study.changed.set()
        self._idle[slot] = asyncio.get_running_loop().create_future()
        waiting = self._idle[slot]
        self._hand_out()
        return await waiting

    async def report(self, slot: str, evaluation: bytes) -> str | None:
        """Pass on an evaluation; return the verdict of the study."""
        if self._slots[slot][0] not in self._studies:
            return ABANDONED
        self._verdicts[slot] = verdict = asyncio.get_running_loop().create_future()
        self._notify(slot, "evaluation", evaluation)
        return await verdict

    async def lost(self, slot: str, why: str = "its process ended") -> None:
        """Tell the study that a slot trained for that its request must be trained again."""
        if slot in self._lost:  # told by itself, then by Ray Tune
            return
        self._lost.add(slot)
        if slot not in self._slots:
            self._stillborn += 1
            if self._stillborn >= _MOST_STILLBORN:
                await self.broke(
                    f"{self._stillborn} workers in a row ended before their first trial"
                )
            return
        self._notify(slot, "lost", why)
        del self._slots[slot]
        self._idle.pop(slot, None)
        self._verdicts.pop(slot, None)

    async def broke(self, why: str) -> None:
        """Let every study know that nothing will be trained any more."""
        self._broken = f"Ray Tune must keep workers running, but {why}; see Ray's logs"
        for study in self._studies.values():
            study.changed.set()

    def _notify(self, slot: str, kind: str, payload: Any) -> None:
        name, key = self._slots[slot] or (None, None)
        if study := self._studies.get(name):
            study.events.append((kind, slot, key, payload))
            study.changed.set()

    def _answer(self, slot: str, verdict: str | None, waiting: asyncio.Future) -> None:
        del self._verdicts[slot]
        waiting.set_result(verdict)

    def _hand_out(self) -> None:
        for name, study in self._studies.items():
            while study.queue and self._idle:
                slot = next(iter(self._idle))
                key, request = study.queue.popleft()
                self._slots[slot] = name, key
                self._idle.pop(slot).set_result((study.objective, request))


def _keep_slots(desk, resources: dict[str, float], folder: str, closing) -> None:
    """Let Ray Tune keep as many slots as the machines hold, until the desk closes."""
    from ray import tune

    class Watch(tune.Callback):
        def on_trial_error(self, iteration, trials, trial, **info):
            desk.lost.remote(trial.trial_id)

    class Stop(tune.Stopper):
        def __call__(self, trial_id, result):
            return False

        def stop_all(self):
            return closing.is_set()

        def __reduce__(self):  # Tune wants to save it; nothing of this is read again
            return (object, ())

    why = "it ended"
    try:
        tune.Tuner(
            tune.with_resources(_make_slot(desk), resources),
            tune_config=tune.TuneConfig(num_samples=10**9),
            run_config=tune.RunConfig(
                storage_path=folder, name="slots", verbose=0, callbacks=[Watch()], stop=Stop()
            ),
        ).fit()
    except BaseException as error:
        why = f"{type(error).__name__}: {error}"
    desk.broke.remote(why)


def _make_slot(desk):
    def slot(config: dict) -> None:
        import ray
        from ray import cloudpickle, tune

        name, outcome = tune.get_context().get_trial_id(), None
        fetch = lru_cache(maxsize=4)(ray.get)  # a study's objective, once a process

        def report(evaluation: Evaluation) -> str | None:
            verdict = ray.get(desk.report.remote(name, cloudpickle.dumps(evaluation)))
            if verdict == ABANDONED:
                raise _Abandoned
            return verdict

        while (work := ray.get(desk.work.remote(name, outcome))) is not None:
            (objective,), pickled = work
            request = cloudpickle.loads(pickled)
            watched = report if request.may_be_ended else lambda evaluation: None
            try:
                outcome = _train(partial(fetch, objective), request, watched)
            except MachineFailure as error:  # this process is not to be trusted any more
                ray.get(desk.lost.remote(name, str(error)))
                os._exit(1)

    return slot


class _Abandoned(Exception):
    """The study that asked for this trial has gone."""


def _train(fetch, request, report) -> tuple[str, Any, float]:
    from ray import cloudpickle

    try:
        result = train(request, fetch(), report)
    except _Abandoned:
        return "abandoned", None, 0.0
    except MachineFailure:
        raise
    except Exception as error:
        where = f"{request.run_id}, trial {request.trial}"
        what = str(error).strip().partition("\n")[0]
        return "error", f"{where}: {type(error).__name__}: {what}", 0.0
    seconds = result.training_seconds + result.evaluation_seconds
    return "result", cloudpickle.dumps(result), seconds
