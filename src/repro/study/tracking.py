"""Log finished trials to TensorBoard or Weights & Biases, beside the results; off by default.

Tracking must never stop a study: the first failure is told, and nothing is logged from then on. No
account is needed: Weights & Biases writes its run files offline unless the environment variable
WANDB_MODE says otherwise; there a tuning run is one run, for to open one takes seconds.
"""

import json
import logging
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from repro.training.types import TrialResult
from repro.tuning.runs import Request

_LOG = logging.getLogger("repro.study.tracking")


class Tracker:
    """Logs finished trials into a folder beside that of their tuning run.

    Args:
        kind: one of TRACKERS.
    Raises:
        ValueError: if its package is not installed.
    """

    def __init__(self, kind: str):
        self.kind, self.log = kind, TRACKERS[kind]()
        if kind != "none" and find_spec(kind) is None:
            raise ValueError(
                f"`tracking` must have its package, but {kind} is not installed: "
                "pip install 'repro[tracking]', or set `tracking: none`"
            )

    def trial_done(self, run_path: Path, request: Request, result: TrialResult) -> None:
        """Log the configuration and the evaluations of one trial."""
        folder = run_path.with_name(f"{run_path.name}.{self.kind}")
        self._guarded("trial_done", folder, request, result)

    def run_done(self, run_id: str) -> None:
        """Close what is open for a tuning run."""
        self._guarded("run_done", run_id)

    def _guarded(self, what: str, *arguments) -> None:
        try:
            getattr(self.log, what)(*arguments)
        except Exception as error:  # whatever a tracker does wrong, the study goes on
            self.log = NoLog()
            why = f"failed ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
            _LOG.warning("tracking to %s %s; the study goes on without it", self.kind, why)


class NoLog:
    """What the logs have in common, and the one that is off."""

    def trial_done(self, folder: Path, request: Request, result: TrialResult) -> None:
        pass

    def run_done(self, run_id: str) -> None:
        pass


class TensorBoard(NoLog):
    """One folder of events a trial."""

    def trial_done(self, folder: Path, request: Request, result: TrialResult) -> None:
        from torch.utils.tensorboard import SummaryWriter

        with SummaryWriter(str(folder / f"trial{request.trial:04d}")) as writer:
            for step, numbers in _evaluations(result):
                for name, value in numbers.items():
                    writer.add_scalar(name, value, step)
            writer.add_text("trial", _about(request, result))


class WeightsAndBiases(NoLog):
    """One run a tuning run; its rows are the trials' evaluations, with trial and step."""

    def __init__(self):
        self._runs = {}

    def trial_done(self, folder: Path, request: Request, result: TrialResult) -> None:
        import wandb

        if request.run_id not in self._runs:
            folder.mkdir(parents=True, exist_ok=True)
            self._runs[request.run_id] = wandb.init(
                project="repro",
                name=request.run_id,
                dir=str(folder),
                mode=os.environ.get("WANDB_MODE", "offline"),
                reinit="create_new",  # several tuning runs are open at a time
                settings=wandb.Settings(silent=True, console="off", x_disable_stats=True),
            )
        run = self._runs[request.run_id]
        for step, numbers in _evaluations(result):
            run.log({"trial": request.trial, "step": step, **request.configuration, **numbers})
        run.summary[f"trial{request.trial:04d}"] = _about(request, result)

    def run_done(self, run_id: str) -> None:
        if run := self._runs.pop(run_id, None):
            run.finish()


TRACKERS = {"none": NoLog, "tensorboard": TensorBoard, "wandb": WeightsAndBiases}


def _evaluations(result: TrialResult) -> Iterator[tuple[int, dict[str, float]]]:
    for evaluation in result.evaluations:
        numbers = {"score": evaluation.score, "loss": evaluation.loss} | evaluation.metrics
        yield evaluation.step, {f"validation/{name}": value for name, value in numbers.items()}


def _about(request: Request, result: TrialResult) -> str:
    about = {"trial": request.trial, "status": result.status, "message": result.message}
    about |= {"best_score": result.score, "configuration": request.configuration}
    return json.dumps(about | ({"segment": vars(request.segment)} if request.segment else {}))
