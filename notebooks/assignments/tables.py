"""The tables that come with the assignments on recorded trials.

Those in `source/` are the draw of seed 0; a student with tables of his or her own has another.
`python tables.py` draws those of seed 0 anew; `record.py` records what they are drawn from.
"""

import shutil
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

SOURCE = Path(__file__).resolve().parent / "source"
N_TRIALS = 48
QUARTERS = 16  # of an epoch, that the curves last
N_PRACTICE = 400  # of the 1,000 test examples; the others are sealed
N_SEEDS = 20  # of the recorded ones
N_EXAM_TRIALS, N_JUDGED = 40, 12  # curves; trials with what each got right
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
    trials, curves = _read_curves("deberta-base")
    rng = np.random.default_rng(seed)
    while True:
        drawn = rng.choice(len(trials), N_TRIALS, replace=False)
        values = curves[drawn]
        regrets = [_regret(values[rng.permutation(N_TRIALS)]) for _ in range(_ORDERS)]
        if _regret(values) > 0.0005 and np.mean(regrets) > 0.0005:
            break
    table = trials.iloc[drawn].reset_index(drop=True).rename_axis("trial").reset_index()
    return {"trials": table, "curves": _long(values)}


def _long(curves: np.ndarray) -> pd.DataFrame:
    """Return curves, shape (n_trials, QUARTERS), as one row a trial and quarter."""
    table = pd.DataFrame(curves, columns=range(1, QUARTERS + 1)).rename_axis("trial").reset_index()
    table = table.melt("trial", var_name="quarter", value_name="validation_score")
    return table.sort_values(["trial", "quarter"]).round(5)


@cache  # a class has many tables
def _read_curves(model: str) -> tuple[pd.DataFrame, np.ndarray]:
    from repro.results.recorded import read_recorded

    recorded = read_recorded("deberta")
    of_cell = recorded.trials.query("model == @model and epochs == 4")
    evaluations = dict(list(recorded.evaluations.query("model == @model").groupby("trial")))
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
    pool, right = _read_right("overfitting_validation")
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
    return {
        "trials": table,
        "practice": _marks(right[drawn][:, practice]),
        "sealed_test_scores": pd.DataFrame({"trial": range(N_TRIALS), "test_score": test.round(6)}),
    }


def _read_right(assignment: str) -> tuple[pd.DataFrame, np.ndarray]:
    """Return a pool's trials, and what each got right: shape (n_trials, n_examples), 0 or 1."""
    pool = pd.read_csv(SOURCE / assignment / "pool.csv.gz", dtype={"right": str})
    return pool, np.array([list(text) for text in pool.pop("right")]).astype(int)


def _marks(right: np.ndarray) -> pd.DataFrame:
    """Return what trials got right as a table: a row a trial, a text of 0 and 1."""
    texts = ["".join(map(str, row)) for row in right]
    return pd.DataFrame({"trial": range(len(right)), "right": texts})


def draw_seeds(seed: int) -> dict[str, pd.DataFrame]:
    """Draw some of the recorded seeds of each configuration."""
    table = pd.read_csv(SOURCE / "seeds_and_reporting/pool.csv.gz")
    return {"seeds": _some_seeds(table, np.random.default_rng(seed))}


def _some_seeds(table: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    kept = [
        group.iloc[np.sort(rng.choice(len(group), N_SEEDS, replace=False))]
        for _, group in table.groupby("name", sort=False)
    ]
    return pd.concat(kept, ignore_index=True)


def draw_exam(seed: int) -> dict[str, pd.DataFrame]:
    """Draw curves of DeBERTaV3 (Lourie et al. 2023), and trials of the miniature, for the exam.

    Drawn anew until there is something to see: early scores that mislead, and the longer the less;
    a correction that helps and a longer training that may not; trials that the same examples tell
    from the best one where examples of their own would not, and others that nothing does.
    """
    rng = np.random.default_rng(seed)
    _, curves = _read_curves("deberta-v3-base")
    while True:
        values = curves[rng.choice(len(curves), N_EXAM_TRIALS, replace=False)]
        best = [set(np.argsort(-values[:, q - 1], kind="stable")[:10]) for q in (1, 4, QUARTERS)]
        if len(best[0] & best[2]) < len(best[1] & best[2]) < 10:
            break
    table = pd.read_csv(SOURCE / "exam/seeds_pool.csv.gz")
    while True:
        seeds = _some_seeds(table, rng)
        groups = {name: rows.to_numpy() for name, rows in seeds.groupby("name")["score"]}
        corrected, longer = (_ratio(groups[n], groups["plain"]) for n in ("corrected", "longer"))
        if corrected > 4 and abs(longer) < 1.5:
            break
    right = _read_right("exam")[1]
    while True:
        drawn = rng.choice(len(right), N_JUDGED, replace=False)
        some = right[drawn][:, rng.permutation(right.shape[1])[:N_PRACTICE]]
        leads = some[some.mean(axis=1).argmax()] - some
        errors = leads.std(axis=1, ddof=1) / np.sqrt(N_PRACTICE)
        paired = leads.mean(axis=1) / np.where(errors > 0, errors, 1)
        apart = np.sqrt(2 * some.var(axis=1, ddof=1) / N_PRACTICE)
        unpaired = leads.mean(axis=1) / np.where(apart > 0, apart, 1)
        if ((paired > 2.4) & (unpaired < 1.6)).any() and ((paired > 0) & (paired < 1.6)).sum() > 1:
            break
    return {"curves": _long(values), "seeds": seeds, "right": _marks(some)}


def _ratio(a: np.ndarray, b: np.ndarray) -> float:
    """Return the difference of two means in standard errors."""
    return (a.mean() - b.mean()) / np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))


DRAWS = {
    "asha_by_hand": draw_curves,
    "exam": draw_exam,
    "overfitting_validation": draw_scores,
    "seeds_and_reporting": draw_seeds,
}

if __name__ == "__main__":
    for _assignment in sys.argv[1:] or DRAWS:
        _write(_assignment, SOURCE / _assignment, 0)
