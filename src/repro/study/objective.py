"""What the workers of a study do: train one request on its data, which they keep between trials."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from repro.data.definitions import GLUE_SIZES
from repro.data.encoding import read_encoded, write_encoded
from repro.data.metrics import score_predictions
from repro.data.splits import split_data
from repro.data.tasks import TaskData, load_task, resolve_task
from repro.models.locate import find_model
from repro.results.folders import RunFolder
from repro.training.types import TrainingSettings, TrialResult
from repro.tuning.runs import Request


@dataclass(frozen=True)
class DataSettings:
    """Which examples a trial is trained, validated and tested on (see `load_task`, `split_data`).

    Gold labels of a hidden test set are no part of it: tuning does not depend on them.
    """

    task: str  # a name, or the YAML file of a task of one's own
    source: str = "mini"
    split: str = "official"
    split_seed: int = 42
    split_ratios: tuple[float, float, float] = (0.8, 0.1, 0.1)
    shift: float = 0.0
    sizes: tuple[tuple[str, int], ...] = ()
    shifted_tests: tuple[tuple[float, int], ...] = ()


@dataclass(frozen=True)
class TrialSettings:
    """What all trials of a tuning run share, and all that a worker is told about them."""

    model: str
    data: DataSettings
    training: TrainingSettings
    keep_checkpoint: bool = False


@lru_cache(maxsize=32)
def load_data(settings: DataSettings, *, test_labels: str | None = None) -> TaskData:
    """Load a task's data and split them; `test_labels` is a file of the test set's gold labels."""
    data = load_task(
        settings.task,
        settings.source,
        shift=settings.shift,
        sizes=dict(settings.sizes),
        shifted_tests=dict(settings.shifted_tests),
        test_labels=test_labels,
    )
    return split_data(data, settings.split, seed=settings.split_seed, ratios=settings.split_ratios)


@lru_cache(maxsize=32)
def fingerprint_data(settings: DataSettings) -> str:
    """Return the fingerprint of what `load_data` gives without gold labels."""
    return load_data(settings).fingerprint()


def count_training_examples(settings: DataSettings) -> int:
    """Return how many examples `load_data` gives to train on; those of the hub need no download."""
    if settings.source != "hub" or settings.task not in GLUE_SIZES:
        return len(load_data(settings).splits["train"])
    sizes = GLUE_SIZES[settings.task]
    train, validation = sizes["train"], sizes["validation"]
    if settings.split == "resplit":
        return int((train + validation) * settings.split_ratios[0] + 1e-9)
    return train - min(validation, train // 10) if settings.split == "held_out" else train


@dataclass(frozen=True)
class Prepared:
    """What a study's driver found for its workers, so that they need no hub and no raw data."""

    models: Mapping[str, str]  # their directories, by name
    encodings: Path  # a folder that all machines see; what is not there yet a worker writes

    def encoding(self, folder: RunFolder, max_length: int) -> Path:
        """Return where the examples of a tuning run are, in tokens of its model."""
        inputs = folder.about["inputs"]
        key = f"{inputs['data']} {inputs['weights']} {max_length}"
        return self.encodings / hashlib.sha256(key.encode()).hexdigest()[:16]


def prepare(contexts: Mapping[str, TrialSettings], folders, *, results: Path) -> Prepared:
    """Find all models of a study; encode what is not of the miniature, which anybody can generate.

    Args:
        contexts: what the trials of each tuning run share, by run_id; `folders` likewise.
    """
    names = {trials.model for trials in contexts.values()}
    prepared = Prepared({name: find_model(name) for name in names}, results / "encoded")
    for run_id, trials in contexts.items():
        length = trials.training.max_length
        place = prepared.encoding(folders[run_id], length)
        if trials.data.source == "mini":
            continue
        model, task = prepared.models[trials.model], resolve_task(trials.data.task)
        if read_encoded(place, task=task, model=model) is None:
            from repro.models.build import encode, resolve_model

            data = load_data(trials.data)
            write_encoded(encode(data, resolve_model(model), max_length=length), place)
    return prepared


def fine_tune(
    request: Request, report, *, folders: dict[str, RunFolder], prepared: Prepared | None = None
) -> TrialResult:
    """Train one request in a worker: the objective of every study."""
    from repro.training.trial import train_trial

    trials: TrialSettings = request.context
    folder, segment, states = folders[request.run_id], request.segment, {}
    max_length = int(request.configuration.get("max_length", trials.training.max_length))
    name, kept = trials.model, None
    if prepared:
        name, kept = prepared.models[name], prepared.encoding(folder, max_length)
    model, data = encoded(name, trials.data, max_length=max_length, kept=kept)
    if trials.training.device == "cuda":
        _start_gpu(model, data.task, trials.training)
    checkpoint = folder.checkpoint(request.trial)
    shutil.rmtree(checkpoint, ignore_errors=True)  # of a trial that was killed
    if segment is not None:
        folder.drop_states(before=segment.generation - 1)  # all of that generation are done
        states["save_state_to"] = folder.state(request.trial, segment.generation)
        if segment.parent is not None:
            states["load_state_from"] = folder.state(segment.parent, segment.generation - 1)
    return train_trial(
        request.configuration,
        model=model,
        data=data,
        settings=trials.training,
        seeds=request.seeds,
        report=report,
        save_best_to=checkpoint if trials.keep_checkpoint else None,
        score_to_beat=request.score_to_beat,
        segment=segment,
        **states,
    )


@lru_cache(maxsize=8)
def _start_gpu(model, task, settings: TrainingSettings) -> None:
    """Let the first touch of a GPU, which takes seconds, be no trial's, whose seconds may count."""
    from repro.training.rehearsal import rehearse

    rehearse(model, task, settings)


@lru_cache(maxsize=8)
def encoded(model: str, settings: DataSettings, *, max_length: int, kept: Path | None = None):
    """Return a model's specification and its encoded data, read only once in a process.

    Args:
        kept: the folder of these very data, written if it is not there; None: not kept on disk.
    """
    from repro.models.build import build_model, encode, resolve_model

    spec, task = resolve_model(model), resolve_task(settings.task)
    data = read_encoded(kept, task=task, model=spec.path) if kept else None
    if data is None:
        data = encode(load_data(settings), spec, max_length=max_length)
        if kept:
            write_encoded(data, kept)
    build_model(spec, task=task, configuration={}, init_seed=0)  # so that no trial pays for
    labels = data.splits["validation"].labels  # reading weights and importing metrics
    score_predictions(task, labels, labels)
    return spec, data
