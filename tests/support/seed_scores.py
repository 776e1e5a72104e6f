"""Scores of made-up seed studies, in tidy form."""

import numpy as np
import pandas as pd


def tidy(scores, task="mrpc", n_order=2, accuracy=True):
    """Make trials and evaluations from one list of scores a trial."""
    trials, evaluations = [], []
    for number, values in enumerate(scores):
        seeds = {"init_seed": number // n_order + 1, "order_seed": number % n_order + 1}
        name = f"{task}/{number}"
        trials.append({"task": task, "trial_id": name, "status": "completed"} | seeds)
        for step, value in enumerate(values, start=1):
            row = {"trial_id": name, "step": step, "epoch": step / 2, "validation_score": value}
            pair = (value, value - 0.1) if accuracy else (np.nan, np.nan)
            evaluations.append(row | dict(zip(("accuracy", "f1"), pair, strict=True)))
    columns = ["trial_id", "step", "epoch", "validation_score", "accuracy", "f1"]
    evaluations = pd.DataFrame(evaluations, columns=columns)
    return pd.DataFrame(trials), evaluations.astype(dict.fromkeys(columns[1:], float))


def matrix(values):
    """Lay scores out by WI seed (rows) and DO seed (columns)."""
    values = np.asarray(values, float)
    index = pd.Index(range(1, len(values) + 1), name="init_seed")
    columns = pd.Index(range(1, values.shape[1] + 1), name="order_seed")
    return pd.DataFrame(values, index=index, columns=columns)
