"""What must hold before a study trains: disk and memory here, a GPU and the folder everywhere.

What fails later, in a worker, costs hours or gives wrong numbers in silence. So each machine that
may train is asked for its versions, for the folder that all must share, and for one step of the
largest batch on its device.
"""

import os
import shutil
import socket
import sys
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

import psutil

from repro.data.tasks import resolve_task
from repro.study.objective import Prepared, TrialSettings
from repro.study.planning import device_bytes, planned_cost, result_bytes, shared_bytes
from repro.study.profile import Profile
from repro.tuning.runs import TuningRun

_PACKAGES = ("torch", "transformers", "ray", "numpy")
_PROCESS_BYTES = 0.6e9  # of a worker that has loaded torch and transformers
_PATIENCE = 600  # seconds for a machine to load torch from a shared folder and train a step
_CGROUP = Path("/sys/fs/cgroup/memory.max")  # what a container may take
_ON_RESULTS = ("encoded examples", "states of a population")  # the rest lies in the hub's cache


def check_before_training(
    profile: Profile, runs: Sequence[TuningRun], prepared: Prepared, *, results: Path
) -> None:
    """Raise unless disk and memory suffice here and, for GPUs or a cluster, on each machine.

    Raises:
        ValueError: in one line, with all that does not hold and the way out.
    """
    problems = [*_resource_problems(profile)]
    place = next(path for path in (results, *results.absolute().parents) if path.is_dir())
    free, shared = shutil.disk_usage(place).free, shared_bytes(runs)
    needed = sum(result_bytes(run, planned_cost(run)) for run in runs)
    needed += sum(shared.get(part, 0) for part in _ON_RESULTS)
    if needed > free:
        problems.append(
            f"{results} must have {needed / 1e9:.1f} GB free, but has {free / 1e9:.1f}; free some, "
            "or name another folder as REPRO_RESULTS"
        )
    if not (profile.gpus_per_trial or os.environ.get("RAY_ADDRESS")):
        problems += _memory_problems(profile, runs)
    elif not problems:
        problems += _machine_problems(profile, runs, prepared, results)
    if problems:
        raise ValueError(f"this study cannot be trained as it is: {'; '.join(problems)}")


def _resource_problems(profile: Profile) -> Iterable[str]:
    """Yield what this machine does not have; a Ray that runs somewhere is asked for itself."""
    ready = "ray" in sys.modules and sys.modules["ray"].is_initialized()
    if ready or os.environ.get("RAY_ADDRESS"):
        return
    there = {"cpus": len(os.sched_getaffinity(0))}
    if profile.gpus_per_trial:
        import torch

        there["gpus"] = torch.cuda.device_count()
    for name, most in there.items():
        if (amount := getattr(profile, f"{name}_per_trial")) > most:
            yield (
                f"`{name}_per_trial` must be at most what this machine has, {most}, but got "
                f"{amount:g}; lower it, or name a cluster as RAY_ADDRESS"
            )


def _memory_problems(profile: Profile, runs: Sequence[TuningRun]) -> Iterable[str]:
    slots = max(1, len(os.sched_getaffinity(0)) // profile.cpus_per_trial)
    slots = min(slots, profile.trials_at_once or slots)
    largest = max(device_bytes(run.context, planned_cost(run).largest_batch) for run in runs)
    needed, there = slots * (_PROCESS_BYTES + largest), psutil.virtual_memory().total
    if _CGROUP.is_file() and (limit := _CGROUP.read_text().strip()) != "max":
        there = min(there, float(limit))
    if needed > there:
        yield (
            f"{slots:g} trials at once must have about {needed / 1e9:.1f} GB of memory, but this "
            f"machine has {there / 1e9:.1f}; set `trials_at_once` or `cpus_per_trial`, or name "
            "smaller models"
        )


@dataclass(frozen=True)
class Answer:
    """What a machine says of itself."""

    machine: str
    versions: dict[str, str]
    sees_folder: bool
    gpu: str = ""
    gpu_bytes: float = float("inf")
    peak_bytes: float = 0.0  # of one trial
    failure: str = ""  # of its step on the device


def inspect_machine(mark: Path, trials: TrialSettings, batch_size: int, model: str) -> Answer:
    """Say what this machine has, and train one step of the largest batch there may be."""
    answer = Answer(socket.gethostname(), _versions(), mark.is_file())
    if not answer.sees_folder:  # nor would it see the model
        return answer
    from repro.models.build import resolve_model
    from repro.training.device import find_device, name_gpu
    from repro.training.rehearsal import peak_memory, rehearse

    try:
        device, task = find_device(trials.training.device), resolve_task(trials.data.task)
        result = rehearse(resolve_model(model), task, trials.training, batch_size=batch_size)
        failure = "" if result.status == "completed" else f"{result.status}: {result.message}"
        peak, total = peak_memory(trials.training)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        return replace(answer, failure=reason)
    return replace(answer, gpu=name_gpu(device), gpu_bytes=total, peak_bytes=peak, failure=failure)


def _versions() -> dict[str, str]:
    import repro

    return {"repro": repro.__version__} | {name: version(name) for name in _PACKAGES}


def judge(answers: Sequence[Answer], profile: Profile, results: Path) -> Iterable[str]:
    """Yield what speaks against training on these machines."""
    here = _versions()
    if not answers:
        yield (
            f"a machine must offer {profile.gpus_per_trial:g} GPU and {profile.cpus_per_trial:g} "
            "cores to a trial, but Ray sees none that does; start Ray where the GPUs are, or set "
            "`gpus_per_trial: 0`"
        )
    for answer in answers:
        there, others = answer.machine, {n: v for n, v in answer.versions.items() if v != here[n]}
        together = answer.peak_bytes / (profile.gpus_per_trial or 1)
        if others:
            yield (
                f"{there} must have the versions of this machine, but has {others}; start Ray "
                "there from the project's .venv"
            )
        if not answer.sees_folder:
            yield (
                f"{there} must see {results}, but does not; put the project, and HF_HOME, into a "
                "folder that all machines share"
            )
        elif answer.failure:
            yield (
                f"{there} must be able to train a step of the largest batch, but got "
                f"{answer.failure:.300}; install the torch build for its driver, or lower "
                "`max_length` or `gpus_per_trial: 0`"
            )
        elif profile.gpus_per_trial and together > answer.gpu_bytes:
            yield (
                f"{there}'s {answer.gpu} must hold {1 / profile.gpus_per_trial:g} trials of "
                f"{answer.peak_bytes / 1e9:.1f} GB, but has {answer.gpu_bytes / 1e9:.1f}; raise "
                "`gpus_per_trial`"
            )


def _machine_problems(profile, runs, prepared: Prepared, results: Path) -> list[str]:
    """Ask each machine of the cluster that can hold a trial."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    from repro.tuning.cluster import connect

    connect()
    free, there = (r.get("GPU", 0) for r in (ray.available_resources(), ray.cluster_resources()))
    if profile.gpus_per_trial and free < there:
        return []  # the GPUs are at work for this very command, which has asked before
    run = max(runs, key=lambda run: device_bytes(run.context, planned_cost(run).largest_batch))
    needs = {"CPU": profile.cpus_per_trial, "GPU": profile.gpus_per_trial}
    results.mkdir(parents=True, exist_ok=True)
    mark = results.absolute() / f".seen-{uuid.uuid4().hex}"
    mark.touch()
    try:
        asked = [
            ray.remote(max_retries=0)(inspect_machine)
            .options(
                num_cpus=0,  # trials of another study may have them all
                num_gpus=needs["GPU"],
                scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            )
            .remote(
                mark,
                run.context,
                planned_cost(run).largest_batch,
                prepared.models[run.context.model],
            )
            for node in ray.nodes()
            if node["Alive"] and all(node["Resources"].get(n, 0) >= m for n, m in needs.items())
        ]
        return [*judge(ray.get(asked, timeout=_PATIENCE), profile, results)]
    except ray.exceptions.RayError as error:
        return [f"every machine must answer, but {str(error).splitlines()[0]}"]
    finally:
        mark.unlink()
