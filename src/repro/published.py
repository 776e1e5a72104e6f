"""Read the numbers that the papers print, one tidy table a file in `data/published`.

`data/published/README.md` says what every column means, which page it was taken from, and where
the papers contradict themselves; nothing there is corrected. Scores are in percent, as printed;
the package's own results are fractions.
"""

from functools import cache

import pandas as pd

from repro.names import check_name
from repro.paths import data_directory
from repro.results.files import digest, fingerprint

# What Liu & Wang optimise where a task has several metrics (footnote 2 to section 2).
_TUNED_METRICS = {"mrpc": "accuracy", "stsb": "pearson"}

_MODELS = ("electra-base", "roberta-base")
_PROVENANCE = ["source", "table", "page"]

# A grid row has no round and no repetition; the mean over repetitions is the repetition "mean".
_DTYPES = {"round": "Int64", "repetition": "str", "overfitting_risk": "boolean"}


def list_published() -> list[str]:
    """Name all published tables, as `load_published` knows them."""
    return sorted(path.stem for path in data_directory("published").glob("*.csv"))


@cache
def published_fingerprint() -> str:
    """Return 16 hexadecimal digits that depend on all published tables."""
    folder = data_directory("published")
    return fingerprint(f"{path.name} {digest(path)}" for path in folder.glob("*.csv"))


def load_published(name: str) -> pd.DataFrame:
    """Read one published table, exactly as printed.

    Args:
        name: paper and table, such as "liu_wang_2021_table03".
    Raises:
        ValueError: if there is no such table.
    """
    check_name("published table", name, list_published())
    return pd.read_csv(data_directory("published") / f"{name}.csv", dtype=_DTYPES)


def published_scores(model: str, *, tuned_only: bool = False) -> pd.DataFrame:
    """Give one model's scores of the initial study, one row a task, method, split and metric.

    Args:
        model: "electra-base" or "roberta-base".
        tuned_only: leave out F1 (MRPC) and Spearman (STS-B), which tuning did not optimise.
    Source: Liu & Wang 2021, Table 3; what is optimised, footnote 2.
    """
    scores = _rows_for_model("liu_wang_2021_table03", model)
    tuned = scores["task"].map(_TUNED_METRICS).fillna(scores["metric"])
    return scores[scores["metric"] == tuned].reset_index(drop=True) if tuned_only else scores


def published_overfitting_trials(model: str) -> pd.DataFrame:
    """Give the best trials of one model's overfitting tuning runs, each task's grid trial first.

    Source: Liu & Wang 2021, Table 8 (ELECTRA) and Table 9 (RoBERTa).
    """
    number = "08" if model == "electra-base" else "09"
    return _rows_for_model(f"liu_wang_2021_table{number}", model)


def published_rounds() -> pd.DataFrame:
    """Give the rounds of the procedure for both models, as fractions, and no rows of means.

    Validation losses, which the paper does not print, are NaN.

    Source: Liu & Wang 2021, Tables 10 and 11.
    """
    tables = [load_published(f"liu_wang_2021_table{number}") for number in (10, 11)]
    rows = pd.concat(tables, ignore_index=True)
    rows = rows[rows["repetition"] != "mean"].reset_index(drop=True)
    scores = {name: rows[name] / 100 for name in ("validation_score", "test_score")}
    return rows.assign(**scores, validation_loss=float("nan"))


def published_grid_cost() -> pd.DataFrame:
    """Give the cost of grid search (1 GST) in seconds, by task and model; NaN where not run.

    Source: Liu & Wang 2021, Table 2.
    """
    return load_published("liu_wang_2021_table02").drop(columns=_PROVENANCE)


def counterpart(family: str) -> str:
    """Return the paper's model that a search space's family stands for; empty where there is none.

    Liu & Wang tuned ELECTRA-base and RoBERTa-base; BERT is not among their models.
    """
    model = f"{family.removesuffix('-mini')}-base"
    return model if model in _MODELS else ""


def _rows_for_model(name: str, model: str) -> pd.DataFrame:
    check_name("model", model, _MODELS)
    table = load_published(name)
    rows = table[table["model"] == model]
    return rows.drop(columns=[*_PROVENANCE, "model"]).reset_index(drop=True)
