"""One trial: fine-tune a model with one configuration and score it; knows nothing of tuning.

`train_trial` calls a plain `report(evaluation)`, which may say how to end. All that comes back is
numpy and plain Python. The same arguments give the same numbers, bit for bit, on one machine,
whatever the state of the global random generators.
"""

import math
import time
from collections.abc import Callable, Collection
from dataclasses import asdict
from itertools import chain, islice
from pathlib import Path

import numpy as np
import torch

from repro.data.definitions import is_test
from repro.data.encoding import EncodedTask
from repro.data.metrics import score_predictions
from repro.models.build import build_model
from repro.models.locate import ModelSpec
from repro.models.packing import DeviceSplit, can_pack, pack, packed_logits, pad, plain_logits
from repro.training.checkpoint import load_state, save_model, save_state
from repro.training.device import autocast, find_device, is_machine_failure, name_gpu, one_thread
from repro.training.optimizer import DropoutNoise, clipping, decide, make_optimizer, mean_loss
from repro.training.readback import (
    SetUp,
    check_configuration,
    check_fit,
    read_back,
    searched_dropouts,
)
from repro.training.schedule import make_schedule, training_batches
from repro.training.types import (
    OVERRIDABLE,
    Evaluation,
    MachineFailure,
    Seeds,
    Segment,
    TrainingSettings,
    TrialResult,
)

_EVALUATION_BATCH_SIZE = 128


class _Diverged(Exception):
    """A loss that is not finite."""


def train_trial(
    configuration: dict,
    *,
    model: ModelSpec,
    data: EncodedTask,
    settings: TrainingSettings,
    seeds: Seeds,
    report: Callable[[Evaluation], str | None] = lambda evaluation: None,
    trace_test_at: Collection[int] | None = None,
    save_best_to: Path | None = None,
    score_to_beat: float = -math.inf,
    segment: Segment | None = None,
    load_state_from: Path | None = None,
    save_state_to: Path | None = None,
    trace_gradients: bool = False,
) -> TrialResult:
    """Fine-tune a model with one configuration and predict validation and test.

    A trial that diverges or fails gives a result all the same. What `report` raises goes through.

    Args:
        report: is given each evaluation; returns None to go on, "stopped" (by a scheduler) or "cut"
            (by the budget) to end the trial.
        trace_test_at: numbers of evaluations, from 1 on, at which test is predicted too, as it then
            is at each new best: predictions "test_1" and so on. None: only at the best and the end.
        save_best_to: a directory to make, with the best checkpoint and the tokenizer.
        score_to_beat: the best checkpoint is written only if its validation score is higher.
        segment: the part of the trial to train; steps count from its start. None: all of it.
        load_state_from: the state at the segment's start, which another trial saved.
        save_state_to: a file for the state at its end.
        trace_gradients: keep the norm of each tensor's gradient before each update's clipping.
    Raises:
        ValueError: before any training, if configuration, data, model and settings do not fit.
        MachineFailure: if memory, disk or accelerator failed; this process should end then.
    """
    trial = _Trial(
        configuration,
        model=model,
        data=data,
        settings=settings,
        seeds=seeds,
        segment=segment,
        trace_test_at=trace_test_at,
    )
    trial.trace_gradients = trace_gradients
    if save_best_to is not None and Path(save_best_to).exists():
        raise ValueError(f"`save_best_to` must not exist yet, but got {save_best_to}; remove it")
    with one_thread():
        ended = trial.run(report, load_state_from, save_state_to)
        ended = trial.predict_tests(*ended)
        if save_best_to is not None:
            trial.save_best(Path(save_best_to), score_to_beat)
    return trial.result(*ended)


class _Trial:
    """The state of one trial while it runs."""

    def __init__(
        self, configuration, *, model, data, settings, seeds, segment, trace_test_at
    ) -> None:
        self.started = time.perf_counter()
        self.trace_test_at = trace_test_at
        self.spec, self.data, self.settings, self.seeds = model, data, settings, seeds
        self.device = find_device(settings.device)
        self.requested = check_configuration(
            configuration, defaults={name: getattr(settings, name) for name in OVERRIDABLE}
        )
        check_fit(self.requested, spec=model, data=data, settings=settings)
        self.whole = make_schedule(
            self.requested,
            n_train=len(data.splits["train"]),
            evaluations_per_epoch=settings.evaluations_per_epoch,
            max_steps=settings.max_steps,
            optimizer=settings.optimizer,
            applied=settings.schedule_applied,
        )
        self.schedule = self.whole.between(segment.start, segment.end) if segment else self.whole
        self.hyperparameters = self.requested
        self.step = 0
        self.losses = np.empty(0, dtype=np.float32)
        self.evaluations: list[Evaluation] = []
        self.best: Evaluation | None = None
        self.predictions: dict[str, np.ndarray] = {}
        self.trace_gradients, self.gradient_norms = False, []
        self.training_seconds = self.evaluation_seconds = self.exchange_seconds = 0.0

    def run(
        self, report: Callable, load_from: Path | None, save_to: Path | None
    ) -> tuple[str, str]:
        """Train to the end, as `report` says or until it goes wrong; return status and message."""
        if ended := self._guarded(self._set_up, load_from):
            return ended
        for step in self.schedule.evaluation_steps:
            if ended := self._guarded(self._advance, step):
                return ended
            verdict = report(self.evaluations[-1])
            if verdict in ("stopped", "cut"):
                return verdict, ""
            if verdict is not None:
                raise ValueError(
                    f"`report` must return None, 'stopped' or 'cut', but got {verdict!r}"
                )
        return self._guarded(self._exchange, save_state, save_to) or ("completed", "")

    def _guarded(self, work: Callable, *arguments) -> tuple[str, str] | None:
        try:
            work(*arguments)
        except _Diverged as error:
            return "diverged", str(error)
        except Exception as error:  # a trial that fails is a row, unless the machine did
            if is_machine_failure(error):
                raise MachineFailure(f"{type(error).__name__}: {error}") from error
            return "failed", f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        return None

    def _set_up(self, load_from: Path | None) -> None:
        train, seeds = self.data.splits["train"], self.seeds
        self.model = build_model(
            self.spec,
            task=self.data.task,
            configuration=searched_dropouts(self.requested),
            init_seed=seeds.init,
            fresh_layers=self.settings.reinitialised_layers,
        ).to(self.device)
        self.optimizer = make_optimizer(self.model, self.requested, self.settings.optimizer)
        self.clip = clipping(self.optimizer)
        batches = training_batches(
            len(train), batch_size=self.schedule.batch_size, seed=seeds.order
        )
        first_epoch = list(islice(batches, self.schedule.steps_per_epoch))
        self.batches = islice(chain(first_epoch, batches), self.schedule.first_step, None)
        self.hyperparameters = read_back(
            self.requested,
            SetUp(self.model, self.optimizer, self.whole, first_epoch, self.data),
            spec=self.spec,
            settings=self.settings,
        )
        self.train = DeviceSplit.of(train, self.device)
        self.labels = torch.from_numpy(train.labels).to(self.device)
        self.scaler = torch.amp.GradScaler(enabled=self.settings.precision == "fp16")
        packed = can_pack(self.model)
        self.make_batch, self.logits = (pack, packed_logits) if packed else (pad, plain_logits)
        self.noise = DropoutNoise(seeds.dropout, self.device)
        self._exchange(load_state, load_from)
        self.state = list(self.model.state_dict().values())  # the tensors in use, not copies
        self.best_state = [torch.empty_like(tensor) for tensor in self.state]
        self.validation = self._evaluation_batches("validation")

    def _exchange(self, move: Callable, path: Path | None) -> None:
        """Load or save the state of the training, where there is a file for it."""
        if path is not None:
            begin = time.perf_counter()
            try:
                move(path, self.model, self.optimizer, noise=self.noise, scaler=self.scaler)
            except Exception as error:  # says nothing about the configuration
                raise MachineFailure(f"{path}: {type(error).__name__}: {error}") from error
            self.exchange_seconds += time.perf_counter() - begin

    def _evaluation_batches(self, name: str) -> list:
        """Return pairs of positions and batch on the device, of examples of like length."""
        split = DeviceSplit.of(self.data.splits[name], self.device)
        order = np.argsort(-split.known_lengths, kind="stable")
        batches = np.split(order, range(_EVALUATION_BATCH_SIZE, len(order), _EVALUATION_BATCH_SIZE))
        return [(rows, self.make_batch(split, rows, self._send(rows))) for rows in batches]

    def _send(self, rows: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(rows).to(self.device)

    def _advance(self, until: int) -> None:
        """Train up to step `until`, evaluate there, and keep the state if it is the best."""
        begin = time.perf_counter()
        try:
            losses = self._train(until - self.step).numpy(force=True)
        finally:
            self.training_seconds += time.perf_counter() - begin
        finite = np.isfinite(losses)
        kept = len(losses) if finite.all() else int(np.argmin(finite)) + 1
        self.losses = np.concatenate([self.losses, losses[:kept]])
        self.step = len(self.losses)
        if not finite.all():
            raise _Diverged(f"training loss {losses[kept - 1]} at step {self.step}")
        begin = time.perf_counter()
        self._evaluate()
        self.evaluation_seconds += time.perf_counter() - begin

    def _train(self, n_steps: int) -> torch.Tensor:
        """Do `n_steps` updates; return their losses, fetched from the device only at the end."""
        losses = torch.empty(n_steps, device=self.device)
        groups, batches = self.optimizer.param_groups, list(islice(self.batches, n_steps))
        order = self._send(np.concatenate(batches)).split([len(rows) for rows in batches])
        parameters = list(self.model.parameters())
        rate = self.hyperparameters["learning_rate"]
        self.model.train(self.settings.dropout_after_first_validation or not self.evaluations)
        with self.noise.drawn():
            for i, (rows, places) in enumerate(zip(batches, order, strict=True)):
                batch = self.make_batch(self.train, rows, places)
                labels = self.labels[places]
                for group in groups:
                    group["lr"] = rate * self.schedule.rate_factor(self.step + i)
                with autocast(self.device, self.settings.precision):
                    logits = self.logits(self.model, batch)
                loss = mean_loss(logits, labels)
                self.scaler.scale(loss).backward()
                self.scaler.unscale_(self.optimizer)
                if self.trace_gradients:
                    gradients = (p.grad for p in parameters)
                    norms = [0.0 if g is None else float(g.norm()) for g in gradients]
                    self.gradient_norms.append(norms)
                self.clip(parameters, self.schedule.max_grad_norm)
                self.scaler.step(self.optimizer)
                self.scaler.update()
                self.optimizer.zero_grad(set_to_none=True)
                losses[i] = loss.detach()
        return losses

    def _evaluate(self) -> None:
        validation, task = self.data.splits["validation"], self.data.task
        logits = self._predict(self.validation, len(validation))
        loss = float(mean_loss(torch.from_numpy(logits), torch.from_numpy(validation.labels)))
        if not math.isfinite(loss):
            raise _Diverged(f"validation loss {loss} at step {self.step}")
        predictions = decide(logits)
        metrics = score_predictions(task, predictions, validation.labels)
        evaluation = Evaluation(
            step=self.step,
            epoch=(self.schedule.first_step + self.step) / self.schedule.steps_per_epoch,
            seconds=time.perf_counter() - self.started,
            loss=loss,
            score=metrics[task.metric],
            metrics=metrics,
        )
        self.evaluations.append(evaluation)
        self.predictions["validation_last"] = predictions
        is_best = self.best is None or evaluation.rank > self.best.rank
        if is_best:
            self.best = evaluation
            self.predictions["validation_best"] = predictions
            for kept, tensor in zip(self.best_state, self.state, strict=True):
                kept.copy_(tensor)
        number = len(self.evaluations)
        if self.trace_test_at is not None and (is_best or number in self.trace_test_at):
            self.predictions[f"test_{number}"] = self._predict_split("test")

    def _predict(self, batches: list, n: int) -> np.ndarray:
        self.model.eval()
        with torch.inference_mode(), autocast(self.device, self.settings.precision):
            logits = [self.logits(self.model, batch).float() for _, batch in batches]
        rows = np.concatenate([rows for rows, _ in batches])
        ordered = np.empty((n, logits[0].shape[1]), dtype=np.float32)
        ordered[rows] = torch.cat(logits).numpy(force=True)
        return ordered

    def predict_tests(self, status: str, message: str) -> tuple[str, str]:
        """Predict test with the last state, if it is still there, all test splits with the best."""
        if self.best is None or "test" not in self.data.splits:
            return status, message
        begin = time.perf_counter()
        ended = self._guarded(self._predict_tests, status not in ("diverged", "failed"))
        self.evaluation_seconds += time.perf_counter() - begin
        return ended or (status, message)

    def _predict_split(self, name: str) -> np.ndarray:
        batches = self._evaluation_batches(name)
        return decide(self._predict(batches, len(self.data.splits[name])))

    def _predict_tests(self, last_is_here: bool) -> None:
        last, best_is_last = len(self.evaluations), self.best is self.evaluations[-1]
        best = self.evaluations.index(self.best) + 1
        traced = {number: self.predictions.get(f"test_{number}") for number in (best, last)}
        if last_is_here and not best_is_last:
            known = traced[last] is not None
            self.predictions["test_last"] = traced[last] if known else self._predict_split("test")
        self._restore_best()
        for name in filter(is_test, self.data.splits):
            known = name == "test" and traced[best] is not None
            predictions = traced[best] if known else self._predict_split(name)
            self.predictions[f"{name}_best"] = predictions
        if best_is_last:
            self.predictions["test_last"] = self.predictions["test_best"]

    def _restore_best(self) -> None:
        with torch.no_grad():
            for kept, tensor in zip(self.best_state, self.state, strict=True):
                tensor.copy_(kept)

    def save_best(self, directory: Path, score_to_beat: float) -> None:
        """Write the best checkpoint if there is one and it is good enough; complete or not."""
        if self.best is None or (score_to_beat > -math.inf and self.best.rank <= score_to_beat):
            return
        self._restore_best()
        save_model(directory, self.model, self.spec)

    def result(self, status: str, message: str) -> TrialResult:
        """Gather what the trial leaves behind; what is overridable is read back, not a setting."""
        settings = {n: v for n, v in asdict(self.settings).items() if n not in OVERRIDABLE}
        norms = np.array(self.gradient_norms, np.float32).T
        traced = [name for name, _ in self.model.named_parameters()] if len(norms) else []
        return TrialResult(
            status,
            message,
            hyperparameters=self.hyperparameters,
            settings=settings | {"device": str(self.device), "gpu": name_gpu(self.device)},
            evaluations=tuple(self.evaluations),
            losses=self.losses,
            predictions=self.predictions,
            gradient_norms=dict(zip(traced, norms, strict=True)),
            steps=self.step,
            epochs_trained=self.step / self.schedule.steps_per_epoch,
            seconds=time.perf_counter() - self.started,
            training_seconds=self.training_seconds,
            evaluation_seconds=self.evaluation_seconds,
            exchange_seconds=self.exchange_seconds,
        )
