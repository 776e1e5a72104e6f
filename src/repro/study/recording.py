"""Recording: trials trained once, to their end, with test scored on the way, for replays.

Trials are trained in chunks by plain processes of one thread each (what they are: see
`recording_plan`). A finished chunk is one file, so that a killed recording goes on; the tables of
the folder are made of all chunks, and name for each trial the chunk that it came with.
"""

import math
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from importlib.metadata import version
from itertools import count
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd

from repro.data.definitions import is_test
from repro.data.metrics import score_predictions
from repro.names import check_name
from repro.paths import RESULTS
from repro.records import HYPERPARAMETERS
from repro.results.files import write_whole
from repro.results.recorded import (
    TRIAL_KEY,
    Recorded,
    pack_predictions,
    read_recorded,
    write_recorded,
)
from repro.study.objective import encoded, load_data
from repro.study.recording_plan import (
    TRACED,
    Chunk,
    Plan,
    PlannedTrial,
    chunks,
    data_of,
    planned_trials,
    read_plan,
)

FIRST_LOSS = 1e-3  # how far the first validation loss may lie off on another kind of machine
_CURVE = ("step", "epoch", "validation_score", "validation_loss", "test_score")


def record(
    folder: Path,
    parts: Sequence[str] = (),
    *,
    first: int | None = None,
    workers: int | None = None,
    results: Path = RESULTS,
    say: Callable[[str], None] = print,
) -> None:
    """Train what a folder of recorded trials lacks of its plan, and write its tables.

    Args:
        parts, first: see `chunks`.
        workers: processes; as many as there are cores when None.
        results: where finished chunks are kept until all is written.
    Raises:
        ValueError: before any training, if the plan is not what it must be.
    """
    plan, kept = read_plan(folder), results / "recording" / folder.name
    has_tables = (folder / "manifest.json").is_file()
    known = set(read_recorded(folder).trials["chunk"]) if has_tables else set()
    missing = [
        chunk
        for chunk in chunks(plan, parts, first=first)
        if chunk.file not in known and not (kept / chunk.file).is_file()
    ]
    say(f"{sum(len(chunk.trials) for chunk in missing)} trials are to be recorded")
    n_workers = min(workers or len(os.sched_getaffinity(0)), len(missing))
    if missing:
        with ProcessPoolExecutor(n_workers, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_train_chunk, chunk, kept / chunk.file) for chunk in missing]
            try:
                for n_done, job in enumerate(as_completed(jobs), start=1):
                    job.result()
                    say(f"{n_done} of {len(jobs)} chunks are recorded")
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise
    collect(folder, results=results)


def _train_chunk(chunk: Chunk, path: Path) -> None:
    rows = [_row(trial, train_planned(trial)) for trial in chunk.trials]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, pd.DataFrame(rows).to_parquet(index=False, compression="zstd"))


def train_planned(trial: PlannedTrial, **further):
    """Train one trial as it is recorded; `further` arguments go to `train_trial`."""
    from repro.training.trial import train_trial

    model, data = encoded(trial.key["model"], trial.data, max_length=trial.training.max_length)
    return train_trial(
        trial.configuration,
        model=model,
        data=data,
        settings=trial.training,
        seeds=trial.seeds,
        trace_test_at=TRACED,
        **further,
    )


def _row(trial: PlannedTrial, result) -> dict:
    """Return all that is kept of one trial: scalars, curves as lists, predictions as bytes."""
    data = load_data(trial.data)
    best = {n.removesuffix("_best"): p for n, p in result.predictions.items() if "_best" in n}
    scores = {
        f"{split.replace('-', '_')}_score": _score(data, split, predictions)
        for split, predictions in best.items()
        if is_test(split) and split != "test"
    }
    steps_per_epoch = math.ceil(len(data.splits["train"]) / int(trial.configuration["batch_size"]))
    return {
        **trial.key,
        "configuration": trial.configuration_number,
        "status": result.status,
        "message": result.message,
        "total_steps": steps_per_epoch * int(trial.configuration["epochs"]),
        "training_seconds": result.training_seconds,
        **{name: result.hyperparameters.get(name) for name in HYPERPARAMETERS},
        **{f"{source}_seed": seed for source, seed in vars(trial.seeds).items()},
        "split_seed": trial.data.split_seed,
        "optimizer": trial.training.optimizer,
        **scores,
        **curve(trial, result),
        **{f"{split}_predictions": pack_predictions(p) for split, p in best.items()},
    }


def _score(data, split: str, predictions: np.ndarray) -> float:
    labels = data.splits[split]["label"].to_numpy()
    return score_predictions(data.task, predictions, labels)[data.task.metric]


def curve(trial: PlannedTrial, result) -> dict[str, np.ndarray]:
    """Return the columns of the recorded evaluations of one trial (32-bit numbers)."""
    data = load_data(trial.data)
    traced = {
        int(name.removeprefix("test_")): _score(data, "test", predictions)
        for name, predictions in result.predictions.items()
        if name.removeprefix("test_").isdigit()
    }
    evaluations = result.evaluations
    if "test_last" in result.predictions:
        traced[len(evaluations)] = _score(data, "test", result.predictions["test_last"])
    return {
        "step": np.array([e.step for e in evaluations], np.int32),
        "epoch": np.array([e.epoch for e in evaluations], np.float32),
        "validation_score": np.array([e.score for e in evaluations], np.float32),
        "validation_loss": np.array([e.loss for e in evaluations], np.float32),
        "test_score": np.array(
            [traced.get(n, np.nan) for n in range(1, len(evaluations) + 1)], np.float32
        ),
    }


def _recorded_before(folder: Path) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the chunks of a folder's tables: name and rows, as the chunk's file has them."""
    if not (folder / "manifest.json").is_file():
        return
    recorded = read_recorded(folder)
    curves = recorded.evaluations.groupby(list(TRIAL_KEY), sort=False)[list(_CURVE)].agg(list)
    predictions = pd.read_parquet(folder / "predictions.parquet")
    rows = recorded.trials.merge(curves.reset_index(), how="left", on=list(TRIAL_KEY))
    rows = rows.merge(predictions, how="left", on=list(TRIAL_KEY))
    yield from rows.groupby("chunk", sort=False)


def collect(folder: Path, *, results: Path = RESULTS) -> None:
    """Write the tables of a folder from all chunks of its plan that are recorded so far."""
    plan, kept = read_plan(folder), results / "recording" / folder.name
    before, tables = dict(_recorded_before(folder)), []
    for chunk in chunks(plan):
        if (kept / chunk.file).is_file():
            tables.append(pd.read_parquet(kept / chunk.file).assign(chunk=chunk.file))
        elif chunk.file in before:
            tables.append(before[chunk.file])
    rows = pd.concat(tables, ignore_index=True)
    packed = [name for name in rows if name.endswith("_predictions")]
    evaluations = rows[[*TRIAL_KEY, *_CURVE]].explode(list(_CURVE), ignore_index=True)
    kinds = {name: "int32" if name == "step" else "float32" for name in _CURVE}
    about = {
        "what": plan.what,
        "licence": plan.licence,
        "scores": "validation: the examples that a trial selects on; test: other examples of the "
        "same distribution; test_shift1_score: of another, at the best checkpoint",
        "versions": versions(),
    }
    write_recorded(
        folder,
        trials=rows.drop(columns=[*_CURVE, *packed]),
        evaluations=evaluations.dropna(subset=["step"]).astype(kinds),
        predictions=rows[[*TRIAL_KEY, *packed]],
        labels=_labels(plan),
        about=about,
    )


def _labels(plan: Plan) -> pd.DataFrame:
    """Return the labels of what was predicted; of a resplit they differ from trial to trial."""
    rows = []
    for part in (part for part in plan.parts if not part.split_counts):
        for task in part.sizes:
            splits = load_data(data_of(plan, part, task)).splits
            labels = {n: f["label"].to_numpy() for n, f in splits.items() if n != "train"}
            packed = {n: pack_predictions(values) for n, values in labels.items()}
            key = {"space": part.space, "task": task}
            rows += [key | {"split": n, "labels": values} for n, values in packed.items()]
    return pd.DataFrame(rows)


def train_again(
    recorded: Recorded,
    *,
    n: int,
    until: int | None = None,
    seed: int | None = None,
    apply: Callable = map,
) -> pd.DataFrame:
    """Train recorded trials again, drawn at random, and compare their curves.

    Args:
        until: the evaluation, one of TRACED, at which a trial is ended; None: to its end.
        seed: of the draw; another one each time when None.
        apply: trains them, as `map` does here one by one, and an executor's side by side.
    Returns:
        one row a trial: TRIAL_KEY, n_evaluations, first_difference (of the first validation loss),
        largest_difference (over all scores and losses, 32-bit), same (bit for bit).
    Raises:
        ValueError: if a trial is not of the folder's plan.
    """
    plan = read_plan(recorded.folder)
    parts = {part.space: part for part in plan.parts}
    drawn = recorded.trials.sample(min(n, len(recorded.trials)), random_state=seed)
    keys, trials = drawn[list(TRIAL_KEY)].to_dict("records"), []
    for key in keys:
        check_name("part of the plan", key["space"], parts)
        cell = planned_trials(plan, parts[key["space"]], key["model"], key["task"])
        trials.append(cell[key["trial"]])
    curves = (recorded.evaluations.merge(pd.DataFrame([key]))[list(_CURVE)] for key in keys)
    before = [curve.head(until or len(curve)) for curve in curves]
    retrained = apply(partial(_curve_again, until=until), trials)
    again = zip(keys, before, map(pd.DataFrame, retrained), strict=True)
    return pd.DataFrame([key | _compare(old, new) for key, old, new in again])


def _curve_again(trial: PlannedTrial, until: int | None) -> dict[str, np.ndarray]:
    number = count(1)
    result = train_planned(trial, report=lambda _: "cut" if next(number) == until else None)
    return curve(trial, result)


def check_reproduced(again: pd.DataFrame, recorded: Recorded) -> None:
    """Raise unless what `train_again` found is what the record promises.

    On a machine of the recording's kind, with its versions, every number must be the same. On
    others the last digits differ, and training makes more of them: there the first validation
    loss must agree within FIRST_LOSS, as it is seen before much has been trained.
    """
    strict = recorded.manifest["versions"] == versions()
    wrong = again[~again["same"] & (strict | (again["first_difference"] > FIRST_LOSS))]
    if len(wrong):
        first = ", ".join(map(str, wrong.iloc[0][list(TRIAL_KEY)]))
        raise ValueError(
            f"recorded trials must come out as they were recorded, but {len(wrong)} of "
            f"{len(again)} did not, the first of them {first} of {recorded.folder}; restore the "
            "folder, or if the training was changed on purpose, record it again by `make record`"
        )


def versions() -> dict[str, str]:
    """Return what decides the last digits of a number."""
    import torch

    return {name: version(name) for name in ("torch", "transformers", "numpy")} | {
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


def _compare(before: pd.DataFrame, again: pd.DataFrame) -> dict:
    if len(before) != len(again):
        lost = dict.fromkeys(("first_difference", "largest_difference"), np.inf)
        return {"n_evaluations": len(again), **lost, "same": False}
    differences = before.to_numpy(float) - again.to_numpy(float)
    known = differences[~np.isnan(differences)]
    holes = np.array_equal(before.isna(), again.isna())
    largest = float(np.abs(known).max(initial=0.0)) if holes else np.inf
    return {
        "n_evaluations": len(again),
        "first_difference": abs(differences[0, _CURVE.index("validation_loss")]),
        "largest_difference": largest,
        "same": largest == 0.0,
    }
