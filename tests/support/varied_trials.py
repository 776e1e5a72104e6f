"""Trials of three hyperparameters, drawn at random or one factor at a time, for tests."""

import numpy as np

from repro.records import make_table, run_key

BASELINE = {"learning_rate": 5e-5, "weight_decay": 0.01, "hidden_dropout": 0.1}
BASELINE |= {"attention_dropout": 0.1, "adam_epsilon": 1e-8}
CANDIDATES = {
    "learning_rate": ("learning_rate",),
    "weight_decay": ("weight_decay",),
    "dropout": ("hidden_dropout", "attention_dropout"),
    "adam_epsilon": ("adam_epsilon",),
}
DESIGN = {"baseline": BASELINE, "candidates": CANDIDATES}
NAMES = ["learning_rate", "weight_decay", "hidden_dropout"]


def make_trials(rows):
    """Make trials from their hyperparameters, scores and, if they say so, seeds and status."""
    table = []
    for number, row in enumerate(rows):
        key = run_key("m", "mrpc", "rs", space="full") | {"trial_id": f"m/mrpc/rs/{number}"}
        key |= {"trial": number, "status": "completed", "message": "", "worker": "", "steps": 1}
        key |= {"init_seed": 1, "order_seed": 1, "dropout_seed": 1}
        table.append(key | row)
    return make_table("trials", table)


def variation(scores, **changes):
    """Train a variation of the baseline with seeds 1, 2, ...; a score of None failed."""
    return [
        BASELINE | changes | {"init_seed": seed, "validation_score": score}
        | {"status": "completed" if score is not None else "diverged"}
        for seed, score in enumerate(scores, start=1)
    ]  # fmt: skip


def one_factor_trials():
    """Three seeds of a baseline and of four candidates; the last trial of weight decay failed."""
    return make_trials(
        variation([0.80, 0.82, 0.84])
        + variation([0.70, 0.71, 0.75], learning_rate=2e-4)
        + variation([0.81, 0.83, None], weight_decay=0.1)
        + variation([0.82, 0.81, 0.84], hidden_dropout=0.0, attention_dropout=0.0)
        + variation([0.80, 0.82, 0.84], adam_epsilon=1e-6)
    )


def random_trials(score, n=80, seed=0):
    """Draw three hyperparameters; `score` takes them, in [-1, 1] each, and noise of sd 1."""
    rng = np.random.default_rng(seed)
    points = rng.uniform(-1, 1, (n, 3))
    scores = score(*points.T, rng.normal(size=n))
    points = (points + 1.1) / 10
    return make_trials(
        dict(zip(NAMES, point, strict=True)) | {"validation_score": value}
        for point, value in zip(points.tolist(), scores.tolist(), strict=True)
    )


DEGENERATE = {
    "none": [],
    "one": variation([0.8]),
    "tied": variation([0.8] * 4) + variation([0.8] * 4, learning_rate=1e-4),
    "failed": variation([None] * 4) + variation([None] * 4, learning_rate=1e-4),
    "missing": variation([float("nan"), 0.8]) + variation([0.8, float("nan")], weight_decay=0.1),
    "constant": variation([0.7, 0.8, 0.9, 0.6, 0.75, 0.81, 0.82, 0.83, 0.84]),
}
