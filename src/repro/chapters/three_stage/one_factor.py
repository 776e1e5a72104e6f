"""One factor at a time: what changing one hyperparameter does, told from the noise of the seeds.

A candidate is one hyperparameter, or several that move together; a variation is a candidate at one
value. Every variation is trained with the baseline's seeds, so that differences are paired.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from repro.chapters.three_stage.spaces import CANDIDATES, Project
from repro.stats.contrasts import score_table
from repro.stats.decisions import holm
from repro.stats.intervals import LEVEL, N_RESAMPLES, t_interval
from repro.stats.sensitivity import SCORE, completed

ALPHA = 0.05
SEEDS = ["init_seed", "order_seed", "dropout_seed"]
_VARIATION = ["candidate", "direction", "value"]


def candidate_values(project: Project) -> pd.DataFrame:
    """List the lower, the baseline's and the higher value of each candidate, as text."""
    values = pd.DataFrame(project.values, index=["lower", "baseline", "higher"])
    return values.T.map("{:.3g}".format)


def seed_differences(
    trials: pd.DataFrame,
    *,
    baseline: Mapping[str, float],
    candidates: Mapping[str, Sequence[str]],
) -> pd.DataFrame:
    """Subtract from each trial's score that of the baseline with the same seeds.

    Args:
        baseline: hyperparameter -> value; what a trial has beyond these is not looked at.
        candidates: label -> the hyperparameters that move together.
    Returns:
        one row a trial that is not the baseline's: candidate, direction ("lower", "higher"), value
        (of the candidate's first hyperparameter that differs), SEEDS, trial_id, completed,
        difference (NaN where this trial or the baseline's did not complete).
    Raises:
        ValueError: if a trial differs in no candidate or in several, two trials are the same
            variation with the same seeds, or none is the baseline.
    """
    table = _variations(trials, baseline, candidates)
    table["completed"] = table["status"] == "completed"
    table["score"] = table[SCORE].where(table["completed"])
    again = table[table.duplicated([*_VARIATION, *SEEDS])]
    if len(again):
        raise ValueError(
            f"a variation must be there once with the same seeds, but {again['trial_id'].iloc[0]} "
            "is a second one; select one task, model and tuning run"
        )
    is_baseline = table["candidate"] == ""
    if len(table) and not is_baseline.any():
        raise ValueError(f"one trial at least must be the baseline, {dict(baseline)}, but none is")
    of_baseline = table[is_baseline].set_index(SEEDS)["score"].rename("of_baseline")
    table = table[~is_baseline].join(of_baseline, on=SEEDS)
    table["difference"] = table["score"] - table["of_baseline"]
    table = table.sort_values(["place", "value"])
    return table[[*_VARIATION, *SEEDS, "trial_id", "completed", "difference"]]


def seed_table(
    trials: pd.DataFrame, predictions: pd.DataFrame, *, baseline: Mapping[str, float]
) -> pd.DataFrame:
    """Set the changes from the baseline side by side: a `score_table` by candidate and side."""
    table = _variations(trials, baseline, CANDIDATES)
    table[SCORE] = table[SCORE].where(table["status"] == "completed")
    table.loc[table["candidate"] == "", "direction"] = ""
    columns = {"columns": ["candidate", "direction"], "by": "init_seed", "split": "validation"}
    scores = score_table(table, predictions, **columns)
    return scores.sub(scores["", ""], axis=0) if ("", "") in scores else scores.iloc[:, :0]


def _variations(trials: pd.DataFrame, baseline, candidates) -> pd.DataFrame:
    """Name each trial's variation, and its candidate's place; the baseline's candidate is empty."""
    moving = [column for columns in candidates.values() for column in columns]
    usual = pd.Series(baseline, dtype=float)[[*moving, *(c for c in baseline if c not in moving)]]
    values = trials[usual.index].to_numpy(float)
    differs = pd.DataFrame(~np.isclose(values, usual, rtol=1e-6, atol=0), columns=usual.index)
    moved = np.stack([differs[list(columns)].any(axis=1) for columns in candidates.values()])
    astray = differs.drop(columns=moving).any(axis=1).to_numpy()
    if (wrong := (moved.sum(axis=0) > 1) | astray).any():
        raise ValueError(
            "a trial must be the baseline or differ from it in one candidate, but "
            f"{trials.loc[wrong, 'trial_id'].iloc[0]} does not; select the trials of this design"
        )
    place, first = moved.argmax(axis=0), differs.to_numpy().argmax(axis=1)
    value = values[np.arange(len(trials)), first]
    direction = np.where(value > usual.to_numpy()[first], "higher", "lower")
    table = trials.assign(place=place, direction=direction, value=value)
    table["candidate"] = np.array([*candidates])[place]
    table.loc[~moved.any(axis=0), _VARIATION] = ["", "", np.nan]
    return table


def one_factor_effects(differences: pd.DataFrame) -> pd.DataFrame:
    """Tell what each variation does to the score, from `seed_differences`.

    Returns:
        one row a variation: candidate, direction, value, difference (mean over pairs, fraction),
        low, high (95 % t interval), p (two-sided t test), p_holm (over all rows), n (pairs),
        n_failed (trials that did not complete) and failed (their names).
    """
    rows = []
    for key, group in differences.groupby(_VARIATION, sort=False):
        failed = sorted(group.loc[~group["completed"], "trial_id"])
        found = t_interval(group["difference"].dropna())
        rows.append((*key, *found.values(), len(failed), ", ".join(failed)))
    columns = [*_VARIATION, "difference", "low", "high", "p", "n", "n_failed", "failed"]
    table = pd.DataFrame(rows, columns=columns)
    table.insert(7, "p_holm", holm(table["p"]))
    return table


def baseline_noise(trials: pd.DataFrame, *, baseline: Mapping[str, float]) -> dict:
    """Tell how far two runs of the baseline lie apart that differ in nothing but their seeds.

    Returns:
        sd (over seeds), band (half-width that holds 95 % of the differences between two single
        runs, by the normal distribution), n. NaN for fewer than two.
    """
    done = completed(trials, SCORE)
    same = np.isclose(done[list(baseline)].astype(float), [*baseline.values()], rtol=1e-6, atol=0)
    scores = done.loc[same.all(axis=1), SCORE]
    factor = t.ppf((1 + LEVEL) / 2, max(1, len(scores) - 1)) * np.sqrt(2)
    return {"sd": scores.std(), "band": factor * scores.std(), "n": len(scores)}


def rank_candidates(differences: pd.DataFrame, *, top: int, seed: int = 0) -> pd.DataFrame:
    """Rank the candidates by their impact, the largest mean difference that they make.

    Returns:
        one row a candidate, the largest impact first: candidate, impact (fraction, without its
        sign), rank (ties share the smallest; NaN without a pair), top_share (of the bootstrap
        resamples over seeds, the same for all variations, with the candidate among the `top`; ties
        share the places), above_noise (whether p_holm of one of its variations is below 5 %).
    """
    effects = one_factor_effects(differences)
    effects["impact"] = effects["difference"].abs()
    groups = effects.groupby("candidate", sort=False)
    table = groups["impact"].max().sort_values(ascending=False, kind="stable").to_frame()
    table["rank"] = table["impact"].rank(method="min", ascending=False)
    table["top_share"] = _top_shares(differences, top, seed)
    table["above_noise"] = groups["p_holm"].min() < ALPHA
    return table.reset_index()


def _top_shares(differences: pd.DataFrame, top: int, seed: int) -> pd.Series:
    """Return the share of resamples in which each candidate is among the `top`."""
    variation = ["candidate", "value"]
    wide = differences.pivot_table(index=variation, columns=SEEDS, values="difference")
    if not (n_seeds := wide.shape[1]):
        return pd.Series(dtype=float)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=N_RESAMPLES)
    n_pairs = weights @ wide.notna().to_numpy(float).T  # (N_RESAMPLES, n_variations)
    means = weights @ np.nan_to_num(wide.to_numpy()).T / np.maximum(n_pairs, 1)
    sizes = pd.DataFrame(np.where(n_pairs > 0, np.abs(means), -1.0).T, index=wide.index)
    impacts = sizes.groupby("candidate").max()
    values = impacts.to_numpy().round(12)
    above = (values[None] > values[:, None]).sum(axis=1)  # how many are larger
    tied = (values[None] == values[:, None]).sum(axis=1)
    places = np.where(values >= 0, ((top - above) / tied).clip(0, 1), 0.0)
    return pd.Series(places.mean(axis=1), impacts.index)
