"""Where variance comes from: sources of chance crossed with each other, in recorded runs."""

import numpy as np
import pandas as pd

from repro.stats.decisions import Estimate, Region
from repro.stats.rules import EQUAL, MINIMUM, missing_scores, undecidable
from repro.stats.variance_components import crossed_components, drawn_components, ratio_of_draws

SPACE = "sources"  # of the recorded runs
SOURCES = {  # column of the recorded trials -> what it is
    "init_seed": "initialisation",
    "order_seed": "data order",
    "dropout_seed": "dropout",
    "split_seed": "data split",
}


def source_scores(trials: pd.DataFrame, evaluations: pd.DataFrame) -> pd.DataFrame:
    """Return one row a run of SPACE: its level of each of SOURCES, and its score on test.

    The score is that at the run's best checkpoint by validation (fraction; NaN where it has none).
    """
    trials = trials[trials["space"] == SPACE]
    rows = evaluations[evaluations["space"] == SPACE].sort_values("step")
    rows = rows.dropna(subset="validation_score")
    best = rows.loc[rows.groupby("trial")["validation_score"].idxmax()]
    scores = best.set_index("trial")["test_score"].astype(float)
    frame = trials[["trial", *SOURCES]].reset_index(drop=True)
    return frame.assign(score=frame["trial"].map(scores))


def source_components(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the `crossed_components` of the SOURCES, from `source_scores`."""
    return crossed_components(scores, factors=list(SOURCES))


def judge_ratio(scores: pd.DataFrame, region: Region, *, of: str, to: str) -> Estimate:
    """Judge the ratio of two sources' components by generalised p-values.

    Source: Weerahandi 1993.
    """
    names = list(SOURCES)
    levels = int(scores[[of, to]].nunique().min())
    known = {"n": levels, "units": "levels of each source"}
    if reason := missing_scores(scores["score"].to_numpy(float)):
        return undecidable(reason, region, **known)
    if levels < MINIMUM or scores["score"].nunique() < 2:
        few = f"{levels} levels of a source, fewer than {MINIMUM}"
        return undecidable(few if levels < MINIMUM else EQUAL, region, **known)
    variances = source_components(scores).set_index("factor")["variance"]
    if variances.isna().any():
        return undecidable("too few runs to tell the sources apart", region, **known)
    value = float(variances[of] / variances[to]) if variances[to] > 0 else np.inf
    draws = drawn_components(scores, factors=names)
    chosen = draws[names.index(of)], draws[names.index(to)]
    return ratio_of_draws(chosen, value, region, **known)
