"""Two repetitions of the article's three strategies, of three trials each, made by hand."""

import pytest

from repro.records import make_table

KEY = {"task": "rte", "model": "m", "space": "article", "variant": "", "stage": ""}
SCORES = {"grid": [0.5, 0.7, 0.6], "hyperopt_asha": [0.6, 0.4, 0.8], "pbt": [0.4, 0.6, 0.65]}


def make_trial(method, repetition, number, score, **more):
    """Ten steps, one epoch, two seconds; two evaluations: half the score, then the score."""
    run_id = f"m/rte/{method}/article/rep{repetition}"
    row = {**KEY, "run_id": run_id, "method": method, "repetition": repetition, "message": ""}
    row |= {"trial_id": f"{run_id}/trial{number:04d}", "trial": number, "status": "completed"}
    row |= {"init_seed": 1, "order_seed": 1, "dropout_seed": 1, "steps": 10, "worker": "h:1"}
    row |= {"epochs_trained": 1.0, "seconds": 2.0, "training_seconds": 1.0}
    row |= {"evaluation_seconds": 1.0, "started_at": 100.0 + 3 * number, "best_step": 10}
    row |= {"validation_score": score, "test_score": score - 0.1, "last_validation_score": score}
    return (
        row
        | {
            "learning_rate": 1e-4 * (number + 1),
            "batch_size": 16,
            "weight_decay": 0.01,
            "epochs": 3,
        }
        | more
    )


@pytest.fixture
def trial():
    return make_trial


@pytest.fixture
def frames():
    rows = [
        make_trial(method, repetition, number, score + 0.01 * repetition)
        for method, scores in SCORES.items()
        for repetition in (1, 2)
        for number, score in enumerate(scores)
    ]
    trials = make_table("trials", rows)
    evaluations = [
        {"trial_id": row["trial_id"], "step": step, "epoch": step / 10, "seconds": step / 5.0}
        | {"validation_score": row["validation_score"] * step / 10, "validation_loss": 1.0}
        for row in rows
        for step in (5, 10)
    ]
    runs = [
        {name: row[name] for name in (*KEY, "run_id", "method", "repetition")}
        | {"profile": "p", "split": "official", "budget_unit": "steps", "best_trial_id": ""}
        | {"steps": 30, "n_trials": 3, "n_failed": 0, "epochs_trained": 3.0, "seconds": 6.0}
        for row in rows
        if row["trial"] == 0
    ]
    return make_table("runs", runs), trials, make_table("evaluations", evaluations)


@pytest.fixture
def segments(frames):
    """Of repetition 1: trial 2 of member 1 continues trial 0 of member 0."""
    rows = []
    for number, (member, parent, copied) in enumerate([(0, "", None), (1, "", None), (1, 0, 0)]):
        run_id = "m/rte/pbt/article/rep1"
        parent = f"{run_id}/trial{parent:04d}" if parent != "" else ""
        row = {"run_id": run_id, "trial_id": f"{run_id}/trial{number:04d}", "member": member}
        row |= {"generation": 1 + (number > 1), "start": float(number > 1), "parent": parent}
        row |= {"end": row["start"] + 1, "copied_from": copied, "exchange_seconds": 0.05}
        rows.append(row | {"operations": "learning_rate * 1.2" if copied is not None else ""})
    return make_table("segments", rows)
