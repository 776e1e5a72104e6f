"""One factor at a time: what changing one hyperparameter does, told from the noise of the seeds.

Frames in are `trials` of `repro.records`, of one task, model and split. A candidate is one
hyperparameter, or several that move together; a variation is a candidate at one value. Every
variation is trained with the baseline's seeds, so that differences are paired. Scores are
fractions.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.stats import t

from repro.stats.intervals import LEVEL, t_interval
from repro.stats.sensitivity import holm

TOP = 3  # candidates that the project goes on with
ALPHA = 0.05
SEEDS = ["init_seed", "order_seed", "dropout_seed"]
_VARIATION = ["candidate", "direction", "value"]


def seed_differences(
    trials: pd.DataFrame,
    *,
    baseline: Mapping[str, float],
    candidates: Mapping[str, Sequence[str]],
    score: str = "validation_score",
) -> pd.DataFrame:
    """Subtract from each trial's score that of the baseline with the same seeds.

    Args:
        baseline: hyperparameter -> value; what a trial has beyond these is not looked at.
        candidates: label -> the hyperparameters that move together.
        score: a column of `trials`.
    Returns:
        one row a trial other than the baseline's: candidate, direction ("lower", "higher"), value
        (of the candidate's first hyperparameter that differs), the seeds, trial_id, completed,
        difference (NaN where this trial or the baseline's did not complete).
    Raises:
        ValueError: if a trial differs in no candidate or in several, two trials are the same
            variation with the same seeds, or none is the baseline.
    """
    table = _variations(trials, baseline, candidates)
    completed = table["status"] == "completed"
    table = table.assign(completed=completed, score=table[score].where(completed))
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
    return table[[*_VARIATION, *SEEDS, "trial_id", "completed", "difference"]]


def _variations(trials: pd.DataFrame, baseline, candidates) -> pd.DataFrame:
    """Name each trial's variation; the baseline's candidate is empty."""
    table = trials.assign(candidate="", direction="", value=np.nan)
    n_different = pd.Series(0, index=trials.index)
    for name, columns in candidates.items():
        differs = pd.DataFrame({c: ~_same(trials[c], baseline[c]) for c in columns})
        rows = differs.any(axis=1)
        n_different += rows
        for column in reversed(columns):  # the first that differs is written last
            own = differs[column]
            above = trials.loc[own, column] > baseline[column]
            table.loc[own, "direction"] = np.where(above, "higher", "lower")
            table.loc[own, "value"] = trials.loc[own, column]
        table.loc[rows, "candidate"] = name
    others = set(baseline) - {c for columns in candidates.values() for c in columns}
    astray = ~pd.Series(True, index=trials.index)
    for column in others:
        astray |= ~_same(trials[column], baseline[column])
    if (wrong := (n_different > 1) | astray).any():
        raise ValueError(
            "a trial must be the baseline or differ from it in one candidate, but "
            f"{trials.loc[wrong, 'trial_id'].iloc[0]} does not; select the trials of this design"
        )
    return table


def _same(values: pd.Series, value: float) -> pd.Series:
    return pd.Series(np.isclose(values.astype(float), value, rtol=1e-6, atol=0), values.index)


def one_factor_effects(trials: pd.DataFrame, **design) -> pd.DataFrame:
    """Tell what each variation does to the score: the mean paired difference, with its interval.

    Args:
        design: `baseline`, `candidates` and `score`, as for `seed_differences`.
    Returns:
        one row a variation, in the order of the candidates: candidate, direction, value,
        difference (fraction), low, high (95 % t interval over pairs), p (two-sided t test),
        p_holm (Holm's correction over all rows), n (pairs), n_failed (trials that did not
        complete) and failed (their names).
    """
    pairs = seed_differences(trials, **design)
    order = {name: place for place, name in enumerate(design["candidates"])}
    pairs = pairs.sort_values(["candidate", "value"], key=lambda c: c.map(order).fillna(c))
    rows = []
    for key, group in pairs.groupby(_VARIATION, sort=False):
        values = group["difference"].dropna().to_numpy()
        failed = sorted(group.loc[~group["completed"], "trial_id"])
        row = dict(zip(_VARIATION, key, strict=True)) | t_interval(values)
        rows.append(row | {"n_failed": len(failed), "failed": ", ".join(failed)})
    columns = [*_VARIATION, "mean", "low", "high", "p", "n", "n_failed", "failed"]
    table = pd.DataFrame(rows, columns=columns).rename(columns={"mean": "difference"})
    table.insert(7, "p_holm", holm(table["p"]))
    return table


def baseline_noise(
    trials: pd.DataFrame, *, baseline: Mapping[str, float], score: str = "validation_score"
) -> dict:
    """Tell how far two runs of the baseline lie apart that differ in nothing but their seeds.

    Returns:
        sd (over seeds), band (half-width that holds 95 % of the differences between two single
        runs; prediction interval of the normal distribution), n. NaN for fewer than two.
    """
    same = pd.Series(True, index=trials.index)
    for name, value in baseline.items():
        same &= _same(trials[name], value)
    scores = trials.loc[same & (trials["status"] == "completed"), score].dropna()
    sd = float(scores.std(ddof=1)) if len(scores) > 1 else float("nan")
    factor = t.ppf((1 + LEVEL) / 2, max(1, len(scores) - 1)) * np.sqrt(2)
    return {"sd": sd, "band": float(factor * sd), "n": len(scores)}


def rank_candidates(
    trials: pd.DataFrame, *, n_resamples: int = 2000, seed: int = 0, top: int = TOP, **design
) -> pd.DataFrame:
    """Rank the candidates by their impact, the largest mean difference that they make.

    Args:
        n_resamples: bootstrap resamples over seeds, the same for all variations.
        top: how many candidates are chosen.
        design: `baseline`, `candidates` and `score`, as for `seed_differences`.
    Returns:
        one row a candidate, the largest impact first: candidate, impact (fraction, without its
        sign), rank (ties share the smallest; NaN without a pair), top_share (of the resamples with
        the candidate among the `top`; ties share the places), direction, value and difference of
        the variation that has it, p_holm (the smallest of its variations), above_noise (that is
        below 5 %), n_failed (over its variations).
    """
    effects = one_factor_effects(trials, **design)
    shares = _top_shares(seed_differences(trials, **design), n_resamples, seed, top)
    effects["impact"] = effects["difference"].abs()
    largest = effects.sort_values("impact", ascending=False, kind="stable")
    columns = ["impact", "direction", "value", "difference"]
    table = largest.drop_duplicates("candidate").set_index("candidate")[columns]
    groups = effects.groupby("candidate")
    table = table.assign(
        rank=table["impact"].rank(method="min", ascending=False),
        top_share=shares,
        p_holm=groups["p_holm"].min(),
        n_failed=groups["n_failed"].sum(),
    )
    table["above_noise"] = table["p_holm"] < ALPHA
    order = ["impact", "rank", "top_share", *columns[1:], "p_holm", "above_noise", "n_failed"]
    return table[order].rename_axis("candidate").reset_index()


def _top_shares(pairs: pd.DataFrame, n_resamples: int, seed: int, top: int) -> pd.Series:
    """Return the share of resamples in which each candidate is among the `top`."""
    wide = pairs.pivot_table(index=["candidate", "value"], columns=SEEDS, values="difference")
    known = wide.notna().to_numpy(float)
    n_seeds = wide.shape[1]
    if not n_seeds:
        return pd.Series(dtype=float)
    rng = np.random.default_rng(seed)
    weights = rng.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=n_resamples)
    n_pairs = weights @ known.T  # (resamples, variations)
    means = weights @ np.nan_to_num(wide.to_numpy()).T / np.maximum(n_pairs, 1)
    sizes = pd.DataFrame(np.where(n_pairs > 0, np.abs(means), -1.0).T, index=wide.index)
    impacts = sizes.groupby("candidate").max()
    values = impacts.to_numpy().round(12)
    above = (values[None] > values[:, None]).sum(axis=1)  # how many are larger
    tied = (values[None] == values[:, None]).sum(axis=1)
    places = np.where(values >= 0, ((top - above) / tied).clip(0, 1), 0.0)
    return pd.Series(places.mean(axis=1), impacts.index)
