"""A tiny study whose trials train nothing: grid search, two searches of two budgets, a population.

python tests/faults/tiny_study.py RESULTS [--pause SECONDS] [--ray]
"""

import argparse
import hashlib
import json
import shutil
import sys
import time
from functools import partial
from pathlib import Path
from unittest import mock

import numpy as np
from safetensors.numpy import load_file, save_file

from repro.records import run_key
from repro.results.tables import Results
from repro.study.profile import load_profile
from repro.study.runs import StudyRun
from repro.study.study import budgeted_runs, read_results, run_all
from repro.training.types import Evaluation, TrialResult
from repro.tuning.spaces import search_space

_N = 32  # examples of validation and test each
_CHANGING = ["started_at", "worker"]


def planned() -> tuple:
    """Return the profile and its tuning runs, about 40 trials."""
    profile = load_profile("smoke", tasks=["rte"], keep_checkpoints=True)
    model = profile.models[0]
    runs = {
        run.key["run_id"]: run
        for gst in (1, 3)
        for run in budgeted_runs(
            profile, model, profile.data("rte"), methods=["rs", "asha"], budget_gst=gst
        )
    }
    key = run_key(model.name, "rte", "pbt", "population", space="full")
    population = StudyRun.of(
        profile,
        key,
        profile.trials(model.name, "rte"),
        space=search_space(model.family, epochs=3),
        options={"population": 3, "interval": 1.0},
        trials_at_once=3,
    )
    return profile, [population, *runs.values()]


def train(request, report, *, folders, prepared=None, pause: float = 0.0) -> TrialResult:
    """Stand in for the training: scores are drawn from what a trial is and what it goes on from."""
    folder, segment, inherited = folders[request.run_id], request.segment, 0.0
    if segment and segment.parent is not None:
        parent = folder.state(segment.parent, segment.generation - 1)
        inherited = float(load_file(parent)["score"][0])
    what = json.dumps([request.configuration, inherited], sort_keys=True)
    rng = np.random.default_rng(list(hashlib.sha256(what.encode()).digest()))
    evaluations, status = [], "completed"
    for step in range(1, 5):
        time.sleep(pause)
        score = float(rng.random())
        evaluation = Evaluation(step, step / 4, 0.1 * step, 1 - score, score, {"accuracy": score})
        evaluations.append(evaluation)
        if verdict := report(evaluation):
            status = verdict
            break
    result = TrialResult(
        status,
        hyperparameters=request.configuration,
        settings={"device": "cpu"},
        evaluations=tuple(evaluations),
        losses=rng.random(step).astype(np.float32),
        predictions={
            f"{split}_{checkpoint}": rng.integers(2, size=_N)
            for split in ("validation", "test")
            for checkpoint in ("best", "last")
        },
        steps=step,
        epochs_trained=step / 4,
        **dict.fromkeys(("seconds", "training_seconds"), 0.1 * step),
    )
    if segment:
        path = folder.state(request.trial, segment.generation)
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({"score": np.array([score]), "weights": rng.random(100)}, path)
    if result.score > request.score_to_beat:
        checkpoint = folder.checkpoint(request.trial)
        shutil.rmtree(checkpoint, ignore_errors=True)
        checkpoint.mkdir(parents=True)
        (checkpoint / "model.safetensors").write_text(what)
    return result


def carry_out(folder: Path, *, pause: float = 0.0) -> Results:
    """Run what is not finished in a folder of results."""
    profile, runs = planned()
    with mock.patch("repro.study.study.fine_tune", partial(train, pause=pause)):
        return run_all(profile, runs, results=folder)


def read(folder: Path) -> Results:
    """Read the finished study."""
    return read_results(*planned(), results=folder)


def tables(results: Results) -> dict[str, str]:
    """Return all that a study has found: each table, prediction and checkpoint by its digest."""
    texts = {
        "runs": results.runs.to_csv(),
        "trials": results.trials.drop(columns=_CHANGING).to_csv(),
        **{name: getattr(results, name).to_csv() for name in ("evaluations", "losses", "segments")},
    }
    for folder in results.folders:
        texts[f"{folder.name} predictions"] = folder.trial_predictions().to_csv()
        for kept in folder.path.glob("checkpoints/*/*"):
            texts[f"{folder.name} {kept.parent.name}"] = kept.read_text()
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between evaluations")
    parser.add_argument("--ray", action="store_true", help="let two workers of Ray train")
    options = parser.parse_args()
    if options.ray:
        from repro.tuning.cluster import connect

        connect(cores=2)
    try:
        carry_out(options.results, pause=options.pause)
    except (ValueError, OSError, RuntimeError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
