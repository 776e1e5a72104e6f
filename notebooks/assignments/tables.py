"""The tables that come with the assignments on recorded trials.

Those in `source/` are the draw of seed 0; a student with tables of his or her own has another.
`python tables.py` draws those of seed 0 anew; `record.py` records what they are drawn from.
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd

SOURCE = Path(__file__).resolve().parent / "source"
N_TRIALS = 48
QUARTERS = 16  # of an epoch, that the curves last
N_PRACTICE = 400  # of the 1,000 test examples; the others are sealed
N_SEEDS = 20  # of the 24 recorded ones
_ORDERS = 200  # of the trials, over which ASHA's regret is averaged


def write_tables(assignment: str, to: Path, seed: int) -> None:
    """Write the tables of an assignment into a new or empty folder."""
    to.mkdir(parents=True, exist_ok=True)
    if seed == 0:
        for path in sorted((SOURCE / assignment).glob("*.csv")):
            shutil.copyfile(path, to / path.name)
    elif assignment in DRAWS:
        _write(assignment, to, seed)


def _write(assignment: str, to: Path, seed: int) -> None:
    for name, table in DRAWS[assignment](seed).items():
        table.to_csv(to / f"{name}.csv", index=False)


def draw_curves(seed: int) -> dict[str, pd.DataFrame]:
    """Draw learning curves of DeBERTa-base on MNLI, of trials of four epochs (Lourie et al. 2023).

    The score after a quarter is that of the last evaluation until then. Drawn anew until ASHA loses
    something in the recorded order, and on average over orders: that is what is to be seen.
    """
    trials, curves = _read_curves()
    rng = np.random.default_rng(seed)
    while True:
        drawn = rng.choice(len(trials), N_TRIALS, replace=False)
        values = curves[drawn]
        regrets = [_regret(values[rng.permutation(N_TRIALS)]) for _ in range(_ORDERS)]
        if _regret(values) > 0.0005 and np.mean(regrets) > 0.0005:
            break
    table = trials.iloc[drawn].reset_index(drop=True).rename_axis("trial").reset_index()
    long = pd.DataFrame(values, columns=range(1, QUARTERS + 1)).rename_axis("trial").reset_index()
    long = long.melt("trial", var_name="quarter", value_name="validation_score")
    return {"trials": table, "curves": long.sort_values(["trial", "quarter"]).round(5)}


def _read_curves() -> tuple[pd.DataFrame, np.ndarray]:
    from repro.results.recorded import read_recorded

    recorded = read_recorded("deberta")
    of_cell = recorded.trials.query("model == 'deberta-base' and epochs == 4")
    evaluations = dict(list(recorded.evaluations.query("model == 'deberta-base'").groupby("trial")))
    ends = np.arange(1, QUARTERS + 1) / 4 + 1e-9
    curves = []
    for trial in of_cell["trial"]:
        curve = evaluations[trial].sort_values("step")
        at = np.searchsorted(curve["epoch"].to_numpy(), ends) - 1
        curves.append(np.where(at >= 0, curve["validation_score"].to_numpy()[at], 0.0))
    table = pd.DataFrame(
        {
            "learning_rate": of_cell["learning_rate"].map("{:.3g}".format).astype(float),
            "warmup_share": (of_cell["warmup_steps"] / of_cell["total_steps"]).round(3),
            "batch_size": of_cell["batch_size"],
            "classifier_dropout": of_cell["classifier_dropout"].round(3),
        }
    )
    return table.reset_index(drop=True), np.array(curves)


def _regret(curves: np.ndarray) -> float:
    """Return what ASHA loses with rungs at quarters 1 and 4, the trials in this order."""
    seen, kept = {1: [], 4: []}, []
    for curve in curves:
        for rung, earlier in seen.items():
            score = curve[rung - 1]
            stops = bool(earlier) and score < np.percentile(earlier, 75)
            earlier.append(score)
            if stops:
                break
        else:
            kept.append(curve[-1])
    return float(curves[:, -1].max() - max(kept))


def draw_scores(seed: int) -> dict[str, pd.DataFrame]:
    """Draw trials of a tiny RoBERTa on the miniature of RTE, example by example.

    Drawn anew until the best one on validation is not the best one on the sealed test examples.
    """
    pool = pd.read_csv(SOURCE / "overfitting_validation/pool.csv.gz", dtype={"right": str})
    right = np.array([list(text) for text in pool.pop("right")]).astype(int)
    rng = np.random.default_rng(seed)
    while True:
        drawn = rng.choice(len(pool), N_TRIALS, replace=False)
        examples = rng.permutation(right.shape[1])
        practice, sealed = examples[:N_PRACTICE], examples[N_PRACTICE:]
        table = pool.iloc[drawn].reset_index(drop=True).rename_axis("trial").reset_index()
        test = right[drawn][:, sealed].mean(axis=1)
        best = table["validation"].to_numpy() == table["validation"].max()
        if best.sum() == 1 and test[best][0] < test.max():
            break
    marks = ["".join(map(str, row)) for row in right[drawn][:, practice]]
    return {
        "trials": table,
        "practice": pd.DataFrame({"trial": range(N_TRIALS), "right": marks}),
        "sealed_test_scores": pd.DataFrame({"trial": range(N_TRIALS), "test_score": test.round(6)}),
    }


def draw_seeds(seed: int) -> dict[str, pd.DataFrame]:
    """Draw some of the recorded seeds of each configuration."""
    table = pd.read_csv(SOURCE / "seeds_and_reporting/pool.csv.gz")
    rng = np.random.default_rng(seed)
    kept = [
        group.iloc[np.sort(rng.choice(len(group), N_SEEDS, replace=False))]
        for _, group in table.groupby("name", sort=False)
    ]
    return {"seeds": pd.concat(kept, ignore_index=True)}


DRAWS = {
    "asha_by_hand": draw_curves,
    "overfitting_validation": draw_scores,
    "seeds_and_reporting": draw_seeds,
}

if __name__ == "__main__":
    for _assignment in sys.argv[1:] or DRAWS:
        _write(_assignment, SOURCE / _assignment, 0)
