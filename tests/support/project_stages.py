"""A made-up study of the course project's stages, and what its claims and tables are given."""

import numpy as np
import pandas as pd

from repro.chapters.three_stage.analysis import FINAL_LABELS
from repro.records import make_table, run_key

TUNED = {"learning_rate": 1e-3, "weight_decay": 0.01, "warmup_steps": 8.0}
EFFECTS = pd.DataFrame(
    {
        "candidate": ["learning rate", "warm-up steps", "warm-up steps", "weight decay"],
        "direction": ["lower", "lower", "higher", "higher"],
        "value": [1e-5, 4.0, 16.0, 0.1],
        "difference": [-0.05, 0.02, 0.01, 0.0],
        "low": [-0.06, 0.01, 0.005, 0.0],
        "high": [-0.04, 0.03, 0.02, 0.0],
        "n": 8,
        "n_failed": [0, 0, 0, 2],
    }
)
RANKS = pd.DataFrame(
    {
        "candidate": ["learning rate", "warm-up steps", "weight decay"],
        "rank": [1.0, 2.0, 3.0],
        "top_share": [1.0, 0.97, 0.5],
        "above_noise": [True, True, False],
    }
)


def trial(stage, number, score, *, variant="", repetition=1, seed=1, **values):
    method = {"manual": "grid", "cold": "bo", "warm": "bo"}.get(stage, "seeds")
    columns = {"space": method, "stage": stage, "variant": variant, "repetition": repetition}
    text = run_key("m", "mrpc", method, f"{stage}-{variant}", **columns)
    text |= {"trial_id": f"{text['run_id']}/trial{number:04d}", "message": "", "worker": ""}
    status = "failed" if np.isnan(score) else "completed"
    numbers = {"trial": number, "steps": 1}
    seeds = {"init_seed": seed, "order_seed": seed, "dropout_seed": seed}
    scores = {"validation_score": score, "test_score": score - 0.01}
    return text | {"status": status} | numbers | seeds | scores | TUNED | values


def study(scores=None, *, final=None):
    """Two repetitions of each search, and two fresh seeds of each final configuration."""
    scores = scores or {"manual": [0.8, 0.82], "cold": [0.7, 0.85, 0.81], "warm": [0.83]}
    rows = [
        trial(stage, i, score + 0.02 * (repetition - 1), repetition=repetition, **rate(i))
        for stage, found in scores.items()
        for repetition in (1, 2)
        for i, score in enumerate(found)
    ]
    for place, name in enumerate(FINAL_LABELS):
        found = (final or {}).get(name, (0.80 + 0.01 * place, 0.82 + 0.01 * place))
        rows += [trial("final", i, s, variant=name, seed=100 + i) for i, s in enumerate(found)]
    return make_table("trials", rows)


def rate(i):
    return {"learning_rate": (1e-3, 2e-3, 3e-3)[i]}
