"""What the workers of a study do: train one request on its data, which they keep between trials."""

import shutil
from functools import lru_cache

from repro.data.splits import split_data
from repro.data.tasks import TaskData, load_task, score_predictions
from repro.study.profile import Profile
from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Request


def load_data(profile: Profile, task: str) -> TaskData:
    """Return the data of a task as the profile wants them: source, shift, sizes, split, labels."""
    return _load_data(
        task,
        profile.source,
        profile.shift,
        tuple(sorted((profile.sizes or {}).items())),
        tuple(sorted(profile.shifted_tests.items())),
        profile.test_labels.get(task),
        profile.split,
        profile.split_seed,
        profile.split_ratios,
    )


def load_blind(profile: Profile, task: str) -> TaskData:
    """Return the data as they are without the gold labels that the profile names.

    On these alone depends what tuning does: to name gold labels later trains nothing anew.
    """
    return load_data(profile.model_copy(update={"test_labels": {}}), task)


@lru_cache(maxsize=32)
def _load_data(
    task, source, shift, sizes, shifted_tests, test_labels, split, seed, ratios
) -> TaskData:
    knobs = {"shift": shift, "sizes": dict(sizes), "shifted_tests": dict(shifted_tests)}
    data = load_task(task, source, **knobs, test_labels=test_labels)
    return split_data(data, split, seed=seed, ratios=ratios)


def fine_tune(request: Request, report, *, profile: Profile, folders: dict) -> TrialResult:
    """Train one request in a worker: the objective of every study.

    The worker keeps data and pretrained weights between trials.
    """
    from repro.training.trial import Seeds, StopTrial, train_trial

    task, model = request.context["task"], request.context["model"]
    max_length = request.configuration.get("max_length", profile.max_length)
    spec, data = encoded(profile, task, model, max_length=max_length)

    def tell(evaluation: Evaluation) -> None:
        if verdict := report(evaluation):
            raise StopTrial(verdict)

    folder = folders[request.run_id]
    checkpoint = folder.checkpoint(request.trial)
    shutil.rmtree(checkpoint, ignore_errors=True)  # of a trial that was killed
    return train_trial(
        request.configuration,
        model=spec,
        data=data,
        settings=training_settings(profile, task),
        seeds=request.seeds or Seeds(*[profile.training_seed] * 3),
        report=tell,
        save_best_to=checkpoint if profile.keep_checkpoints else None,
        score_to_beat=request.score_to_beat,
        segment=request.segment,
        **_states(request, folder),
    )


def _states(request: Request, folder) -> dict:
    """Say where the state of a segment comes from and goes to, as arguments of `train_trial`."""
    segment = request.segment
    if segment is None:
        return {}
    folder.drop_states(before=segment.generation - 1)  # all of that generation are done
    states = {"save_state_to": folder.state(request.trial, segment.generation)}
    if segment.parent is not None:
        states["load_state_from"] = folder.state(segment.parent, segment.generation - 1)
    return states


def training_settings(profile: Profile, task: str):
    """Return how every trial of this task is trained, on this machine."""
    from repro.training.device import usable_precision
    from repro.training.trial import TrainingSettings

    return TrainingSettings(
        evaluations_per_epoch=profile.evaluations_for(task),
        precision=usable_precision(profile.precision),
        max_length=profile.max_length,
        adam_epsilon=profile.adam_epsilon,
        dropout_after_first_validation=profile.dropout_after_first_validation,
    )


def encoded(profile: Profile, task: str, model: str, *, max_length: int | None = None):
    """Return the model's specification and the encoded data, read only once in a process.

    Args:
        max_length: in place of the profile's, where it is searched.
    """
    return _encode(load_blind(profile, task), model, int(max_length or profile.max_length))


@lru_cache(maxsize=8)
def _encode(data: TaskData, model: str, max_length: int):
    from repro.models.build import build_model, encode, resolve_model

    spec = resolve_model(model)
    build_model(spec, task=data.task, configuration={}, init_seed=0)  # so that no trial pays for
    labels = data.splits["validation"]["label"].to_numpy()  # reading weights and importing metrics
    score_predictions(data.task, labels, labels)
    return spec, encode(data, spec, max_length=max_length)
