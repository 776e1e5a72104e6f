"""Measure how informative the embedded miniature is; write benchmarks/MINI.md and its trials.

    python benchmarks/mini_report.py

Per model family and task: pretrained against random initialisation, headroom, good learning rates,
what configurations, seeds and too high a learning rate do, and what shifting the test does.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from mini_tables import SEARCH_SEEDS, good_learning_rates, write_report

from repro.data.miniature.tasks import SIZES
from repro.models.locate import find_model, weights_fingerprint
from repro.tuning.spaces import sample_configuration, search_space

HERE = Path(__file__).resolve().parent
LEARNING_RATES = (3e-4, 1e-3, 2e-3, 3e-3)
TOO_HIGH = 1e-2
BASE = {
    "warmup_ratio": 0.1, "attention_dropout": 0.1, "hidden_dropout": 0.1, "weight_decay": 0.0,
    "batch_size": 32,
}  # fmt: skip
EPOCHS = {"tiny-electra": 3, "tiny-roberta": 3, "tiny-bert": 5}
MODELS = tuple(EPOCHS)
SHIFTS = (0.0, 1.0)
N_CONFIGURATIONS = 12


@dataclass(frozen=True)
class Job:
    """One fine-tuning: what is asked for, and why."""

    model: str
    task: str
    purpose: str  # search, seeds, random init, configurations, wide, too high
    seed: int
    learning_rate: float
    changes: tuple = ()

    @property
    def configuration(self):
        own = {"epochs": EPOCHS[self.model], "learning_rate": self.learning_rate}
        return BASE | own | dict(self.changes)


# --------------------------------------------------------------------------- fine-tunings


def random_copy(model, seed, directory):
    """Write a copy of an embedded model with fresh weights; return its specification."""
    import torch
    from transformers import AutoConfig, AutoModelForSequenceClassification

    from repro.models.build import load_tokenizer, quiet, resolve_model

    target = directory / f"{model}-{seed}"
    if not target.exists():
        torch.manual_seed(seed)
        spec = resolve_model(model)
        fresh = AutoModelForSequenceClassification.from_config(
            AutoConfig.from_pretrained(spec.path)
        )
        with quiet():
            fresh.save_pretrained(target)
        load_tokenizer(spec).save_pretrained(target)
    return replace(resolve_model(model), path=str(target))


@cache
def load_shifted(task):
    """Load a task whose test split holds one test set per shift, one after the other."""
    from repro.data.tasks import load_task

    loaded = [load_task(task, shift=shift) for shift in SHIFTS]
    tests = pd.concat([data.splits["test"] for data in loaded], ignore_index=True)
    return replace(
        loaded[0], splits=loaded[0].splits | {"test": tests.assign(index=range(len(tests)))}
    )


def run(job, scratch):
    """Fine-tune once; return the job's facts with validation and test scores."""
    from repro.data.metrics import score_predictions
    from repro.models.build import encode, resolve_model
    from repro.training.trial import Seeds, TrainingSettings, train_trial

    fresh = job.purpose == "random init"
    spec = random_copy(job.model, job.seed, scratch) if fresh else resolve_model(job.model)
    data = load_shifted(job.task)
    settings = TrainingSettings(evaluations_per_epoch=2, max_length=64)
    started = time.process_time()
    result = train_trial(
        job.configuration,
        model=spec,
        data=encode(data, spec, max_length=64),
        settings=settings,
        seeds=Seeds(init=job.seed, order=job.seed, dropout=job.seed),
    )
    seconds = time.process_time() - started
    labels = data.splits["test"]["label"].to_numpy()
    half = len(labels) // len(SHIFTS)
    facts = {
        "model": job.model, "task": job.task, "purpose": job.purpose, "seed": job.seed,
        **job.configuration, "status": result.status, "cpu_seconds": seconds,
        "validation": result.best.score if result.best else np.nan,
        "last_validation": result.last.score if result.last else np.nan,
    }  # fmt: skip
    for i, shift in enumerate(SHIFTS):
        part = slice(i * half, (i + 1) * half)
        predictions = result.predictions.get("test_best")
        scored = predictions is not None
        scores = score_predictions(data.task, predictions[part], labels[part]) if scored else {}
        facts[f"test_{shift:g}"] = scores.get(data.task.metric, np.nan)
        facts[f"test_{shift:g}_f1"] = scores.get("f1", np.nan)
    return facts


def random_configuration(model, *, wide, rng):
    """Draw a configuration from the family's search space, or with rates of two decades."""
    family = model.removeprefix("tiny-") + "-mini"
    drawn = sample_configuration(search_space(family, epochs=EPOCHS[model]), rng)
    if wide:
        drawn["learning_rate"] = float(10 ** rng.uniform(-4, -2))
    return drawn.pop("learning_rate"), tuple(drawn.items())


def search_jobs(models, tasks):
    """List the fine-tunings that find good learning rates, pretrained and not."""
    return [
        Job(model, task, purpose, seed, rate)
        for model in models
        for task in tasks
        for rate in LEARNING_RATES
        for purpose in ("search", "random init")
        for seed in range(SEARCH_SEEDS)
    ]


def follow_up_jobs(trials, seeds):
    """List the fine-tunings at the good learning rates, and around them."""
    jobs = []
    for (model, task), rates in good_learning_rates(trials).groupby(["model", "task"]):
        rate = rates.set_index("purpose")["learning_rate"]
        for seed in range(seeds):
            jobs.append(Job(model, task, "seeds", seed, rate["search"]))
            jobs.append(Job(model, task, "too high", seed, TOO_HIGH))
            if seed >= SEARCH_SEEDS:
                jobs.append(Job(model, task, "random init", seed, rate["random init"]))
        for purpose in ("configurations", "wide"):
            rng = np.random.default_rng([SIZES[task]["train"], len(task)])
            for _ in range(N_CONFIGURATIONS):
                drawn = random_configuration(model, wide=purpose == "wide", rng=rng)
                jobs.append(Job(model, task, purpose, 0, *drawn))
    return jobs


def run_all(jobs, scratch, processes):
    """Run the jobs, several at a time, with a line for every hundredth."""
    with ProcessPoolExecutor(processes) as pool:
        futures = [pool.submit(run, job, scratch) for job in jobs]
        rows = []
        for future in futures:
            rows.append(future.result())
            if len(rows) % 100 == 0:
                print(f"{len(rows)}/{len(jobs)} fine-tunings", flush=True)
    return pd.DataFrame(rows)


def add_weights(trials):
    """Say with each trial which weights its model had, so that a test can tell old reports."""
    weights = {model: weights_fingerprint(find_model(model)) for model in trials["model"].unique()}
    return trials.assign(weights=trials["model"].map(weights))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", default=list(MODELS), choices=MODELS)
    parser.add_argument("--tasks", nargs="+", default=list(SIZES), choices=list(SIZES))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--out", type=Path, default=HERE / "MINI.md")
    parser.add_argument("--scratch", type=Path, default=Path("/tmp/repro-mini-report"))
    given = parser.parse_args()
    given.scratch.mkdir(parents=True, exist_ok=True)
    searched = run_all(search_jobs(given.models, given.tasks), given.scratch, given.processes)
    followed = run_all(follow_up_jobs(searched, given.seeds), given.scratch, given.processes)
    trials = pd.concat([searched, followed], ignore_index=True)
    trials = add_weights(trials)
    trials.to_csv(given.out.with_name("mini_trials.csv"), index=False, float_format="%.4g")
    write_report(trials, given.out, seeds=given.seeds, configurations=N_CONFIGURATIONS)
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
