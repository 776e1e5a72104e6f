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
_EXAM_CELL = {"model": "tiny-electra", "task": "mrpc", "space": "full"}
_EXAM_SEEDS = {"plain": "failing", "corrected": "failing-corrected", "longer": "failing-longer"}
_SHOWN = ("learning_rate", "warmup_ratio", "hidden_dropout", "weight_decay", "batch_size")


def read_pool(
    name_or_folder: str | Path = "mini", n_trials: int = 60, cell: dict[str, str] = _CELL
) -> pd.DataFrame:
    """Return recorded trials with what each got right, example by example, as a text of 0 and 1."""
    recorded = read_recorded(name_or_folder)
    trials = recorded.trials[(recorded.trials[list(cell)] == pd.Series(cell)).all(axis=1)]
    trials = trials[trials["status"] == "completed"].set_index("trial").iloc[:n_trials]
    right = {}
    for split in ("validation", "test"):
        labels = recorded.labels(split, task=cell["task"], space=cell["space"])
        right[split] = recorded.predictions(split, **cell).loc[trials.index] == labels
    pool = trials[list(_SHOWN)].map(lambda value: float(f"{value:.4g}"))
    pool["batch_size"] = trials["batch_size"].astype(int)
    pool["validation"] = right["validation"].mean(axis=1).round(6)
    rows = right["test"].astype(int).astype(str)
    return pool.assign(right=rows.agg("".join, axis=1)).reset_index(drop=True)


def read_seeds() -> pd.DataFrame:
    """Return the last scores of recorded trials that differ in their seeds alone, by name."""
    evaluations = read_recorded("seeds").evaluations.sort_values(["trial", "step"])
    tables = []
    for name, space in _EXAM_SEEDS.items():
        rows = evaluations[evaluations["space"] == space]
        scores = rows.groupby("trial")["validation_score"].last().round(4)
        tables.append(pd.DataFrame({"name": name, "score": scores}))
    return pd.concat(tables, ignore_index=True)


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


def write_pool(assignment: str, pool: pd.DataFrame, name: str = "pool") -> None:
    """Write a pool, the same bytes for the same trials."""
    path = SOURCE / assignment / f"{name}.csv.gz"
    pool.to_csv(path, index=False, compression={"method": "gzip", "mtime": 0})


if __name__ == "__main__":
    write_pool("overfitting_validation", read_pool())
    write_pool("seeds_and_reporting", record_seeds())
    write_pool("exam", read_pool(cell=_EXAM_CELL))
    write_pool("exam", read_seeds(), "seeds_pool")
