"""Finished tuning runs of a real profile with made-up trials, written without any training."""

import numpy as np

from repro.study.objective import load_data
from repro.study.runs import bind_run
from repro.study.study import enumerate_runs
from repro.training.types import Evaluation, TrialResult
from repro.tuning.runs import Request


def write_runs(profile, folder, *, n_trials=3, seed=0):
    """Finish every run of `profile` in `folder`; trial 1 fails before it predicts anything."""
    rng = np.random.default_rng(seed)
    runs = enumerate_runs(profile)
    for run in runs:
        data, own = load_data(run.tuning.context.data), bind_run(profile, run, results=folder)
        for number in range(n_trials):
            (seeds,) = run.tuning.seeds
            request = Request(run.tuning.run_id, number, {"learning_rate": 1e-3}, {}, seeds=seeds)
            failed = TrialResult("failed", steps=5, seconds=1.0)
            own.record(request, failed if number == 1 else make_result(data, rng))
        examples = {name: frame.copy() for name, frame in data.splits.items() if name != "train"}
        ledger = {"budget_unit": "steps", "budget": np.inf, "spent": 15}
        own.finish(task=data.task, examples=examples, ledger=ledger)
    return runs


def make_result(data, rng):
    """Return a trial that guesses; a regression guesses also outside of the range."""

    def guess(n):
        if data.task.labels is None:
            return rng.permutation(np.linspace(-1, 6, n))
        return rng.integers(len(data.task.labels), size=n)

    predictions = {f"{s}_best": guess(len(f)) for s, f in data.splits.items() if s != "train"}
    predictions |= {f"{s}_last": guess(len(data.splits[s])) for s in ("validation", "test")}
    best, last = (
        Evaluation(step, step / 5, 1.0, 0.5, score, {data.task.metric: score})
        for step, score in ((4, rng.uniform(0.5, 0.9)), (5, 0.4))
    )
    return TrialResult(
        "completed", hyperparameters={"learning_rate": 1e-3}, evaluations=(best, last),
        losses=np.ones(5, np.float32), predictions=predictions, steps=5, epochs_trained=1.0,
        seconds=1.0, training_seconds=0.5, evaluation_seconds=0.5,
    )  # fmt: skip
