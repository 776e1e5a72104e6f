"""Record what the tables of the assignments are drawn from, where no recording has it yet.

`python record.py` writes the pools anew: the seeds are trained here (minutes), the scores example
by example come from the recorded trials of the miniature. `tables.py` draws tables from them.
"""

from pathlib import Path

import pandas as pd

from repro.data.tasks import load_task
from repro.models.build import encode, resolve_model
from repro.results.recorded import read_recorded
from repro.training.trial import train_trial
from repro.training.types import Seeds, TrainingSettings

SOURCE = Path(__file__).parent / "source"
SIZES = {"train": 256, "validation": 200, "test": 400}
COMPARED = {  # for the assignment on seeds; "again" is "plain" with other seeds
    "plain": {"learning_rate": 1e-3, "hidden_dropout": 0.1},
    "again": {"learning_rate": 1e-3, "hidden_dropout": 0.1},
    "slow": {"learning_rate": 3e-4, "hidden_dropout": 0.1},
}
_CELL = {"model": "tiny-roberta", "task": "rte", "space": "full"}
_SHOWN = ("learning_rate", "warmup_ratio", "hidden_dropout", "weight_decay", "batch_size")


def read_pool(name_or_folder: str | Path = "mini", n_trials: int = 60) -> pd.DataFrame:
    """Return recorded trials with what each got right, example by example, as a text of 0 and 1."""
    recorded = read_recorded(name_or_folder)
    trials = recorded.trials[(recorded.trials[list(_CELL)] == pd.Series(_CELL)).all(axis=1)]
    trials = trials[trials["status"] == "completed"].set_index("trial").iloc[:n_trials]
    right = {}
    for split in ("validation", "test"):
        labels = recorded.labels(split, task=_CELL["task"], space=_CELL["space"])
        right[split] = recorded.predictions(split, **_CELL).loc[trials.index] == labels
    pool = trials[list(_SHOWN)].map(lambda value: float(f"{value:.4g}"))
    pool["batch_size"] = trials["batch_size"].astype(int)
    pool["validation"] = right["validation"].mean(axis=1).round(6)
    rows = right["test"].astype(int).astype(str)
    return pool.assign(right=rows.agg("".join, axis=1)).reset_index(drop=True)


def record_seeds(n_seeds: int = 24) -> pd.DataFrame:
    """Train each of COMPARED with seeds of its own."""
    model = resolve_model("tiny-electra")
    data = encode(load_task("mrpc", sizes=SIZES, seed=1), model, max_length=48)
    settings = TrainingSettings(evaluations_per_epoch=1, max_length=48, device="cpu")
    rest = {"batch_size": 16, "epochs": 3, "warmup_ratio": 0.1, "weight_decay": 0.0}
    rest["attention_dropout"] = 0.1
    rows = []
    for place, (name, configuration) in enumerate(COMPARED.items()):
        for seed in range(1000 * place, 1000 * place + n_seeds):
            seeds = Seeds(init=seed, order=seed, dropout=seed)
            asked = rest | configuration
            result = train_trial(asked, model=model, data=data, settings=settings, seeds=seeds)
            rows.append({"name": name, "seed": seed, "validation_score": result.last.score})
    return pd.DataFrame(rows).round(6)


def write_pool(assignment: str, pool: pd.DataFrame) -> None:
    """Write a pool, the same bytes for the same trials."""
    path = SOURCE / assignment / "pool.csv.gz"
    pool.to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})


if __name__ == "__main__":
    write_pool("overfitting_validation", read_pool())
    write_pool("seeds_and_reporting", record_seeds())
