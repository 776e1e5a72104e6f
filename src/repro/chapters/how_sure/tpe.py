"""Bayesian optimisation on recorded trials, by the state machine of live runs."""

import pandas as pd

from repro.chapters.how_sure.laboratory import Cell, Laboratory
from repro.models.locate import guess_family
from repro.stats.intervals import t_interval
from repro.study.replay import replay
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import search_space

RANDOM_STARTS = 10  # Optuna's default
_SCORES = {"validation": "validation_score", "test": "test_score"}


def compare_tpe(lab: Laboratory) -> pd.DataFrame:
    """Replay BO+ASHA at 1 GST, and set it against replays of ASHA.

    Returns:
        one row a model and task: n (replays), n_trials and n_proposed (means; the rest are random
        starts), and of validation and test the mean minus ASHA's, with `_low` and `_high` (95 % by
        Student's t over the replays). No row where the recorded trials do not last.
    """
    rows = []
    for cell in lab.cells:
        asha = cell.runs("asha", "full").get(1.0)
        if asha is None or lab.settings.tpe_replays < 2:
            continue
        found = [_one(cell, number) for number in range(lab.settings.tpe_replays)]
        runs = pd.DataFrame([vars(run) for run in found if run is not None])
        if len(runs) < 2:
            continue
        n_trials = runs["n_trials"].map(lambda n: n[0])
        row = cell.key | {"n": len(runs), "n_trials": n_trials.mean()}
        row["n_proposed"] = (n_trials - RANDOM_STARTS).clip(lower=0).mean()
        for split, name in _SCORES.items():
            scores = runs[name].map(lambda score: score[0]) - getattr(asha, name)[0].mean()
            known = t_interval(scores)
            row |= {split: known["mean"]} | {
                f"{split}_{end}": known[end] for end in ("low", "high")
            }
        rows.append(row)
    ends = [f"{split}{end}" for split in _SCORES for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["model", "task", "n", "n_trials", "n_proposed", *ends])


def _one(cell: Cell, seed: int):
    """Return the incumbent of one replay; None where the recorded trials did not last."""
    pool = cell.pools["full"]
    epochs = int(pool.trials["epochs"].iloc[0])
    space = search_space(guess_family(cell.model), epochs=epochs)
    run = TuningRun("replay", "bo_asha", space, seed, n_trials=len(pool))
    done = replay(run, pool, clock=cell.clock, deadline=cell.gst)
    return done.at(cell.gst) if done.lasted[0] >= cell.gst else None
