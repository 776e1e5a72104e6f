"""The claims of section 5, each held against what our paths did."""

from collections.abc import Mapping
from dataclasses import replace

import pandas as pd
from scipy.stats import binomtest, fisher_exact

from repro.chapters.procedure.rules import PATH, paths_of
from repro.show.claims import claims_in_words as claims_in_words
from repro.stats.intervals import summarise_differences
from repro.stats.verdicts import Claim, hold


def procedure_claims(
    trace: pd.DataFrame,
    published: pd.DataFrame,
    *,
    model: str,
    paper: str,
    costs: pd.DataFrame,
    patterns: Mapping[str, pd.DataFrame],
    paper_patterns: Mapping[str, pd.DataFrame],
    seed: int = 0,
) -> list[Claim]:
    """Hold the claims of section 5 on one model against our paths.

    Args:
        trace, published: our trace and the replay of the paper's.
        paper: the published model that `model` stands for; without one there are no claims.
        costs: from `procedure_costs`.
        patterns, paper_patterns: model -> from `hyperparameter_patterns`.
    """
    if not paper:
        return []
    traces = trace[trace["model"] == model], published[published["model"] == paper]
    share = costs.set_index("model").loc[model, "share_steps"]
    gains, printed = map(_gains_of_budget, traces)
    estimate = summarise_differences(gains, ["all"], seed=seed).iloc[0] if len(gains) else None
    raised = f"{100 * printed['difference'].mean():+.2f} points"
    budget = hold("More budget raises the mean validation score (5.2)", raised, estimate)
    often = ", as often as in the paper"
    return [
        _compare(
            f"Where HPO fails at 1 GST, the procedure makes it succeed{often} (5.3)",
            *map(_rescued, traces),
        ),
        _compare(
            f"After a reduction of the space, no repetition overfits{often} (5.2)",
            *map(_freed, traces),
        ),
        replace(budget, here="no round raised the budget") if gains.empty else budget,
        _compare(
            f"Overfitting remains in the smallest space{often} (5.3)",
            *(paths_of(frame)["verdict"] == "overfits" for frame in traces),
        ),
        Claim(
            "The procedure costs less than every space x budget (5.3)",
            f"6.8 of 16 days ({6.8 / 16:.0%})",
            f"{share:.0%} of the steps",
            agrees=bool(share < 1),
        ),
        _compare(
            f"Overfitting runs' warm-up lies below grid's{often} (5.1)",
            *map(_shorter_warmups, (patterns[model], paper_patterns[paper])),
        ),
    ]


def _compare(claim: str, ours: pd.Series, paper: pd.Series) -> Claim:
    """Compare two shares of yes or no: unlike where Fisher's exact test says so at 5 %.

    They agree where, besides, our Wilson interval holds the paper's share.
    """
    counts = [(int(rows.sum()), len(rows)) for rows in (ours, paper)]
    here, printed = (f"{k} of {n} ({k / n:.0%})" if n else "none" for k, n in counts)
    if not len(ours) or not len(paper):
        return Claim(claim, printed, here)
    low, high = binomtest(*counts[0]).proportion_ci(method="wilson")
    unlike = fisher_exact([[k, n - k] for k, n in counts]).pvalue < 0.05
    agrees = False if unlike else (True if low <= counts[1][0] / counts[1][1] <= high else None)
    return Claim(claim, printed, here, f"[{low:.0%}, {high:.0%}]", agrees)


def _rescued(trace: pd.DataFrame) -> pd.Series:
    """Tell of each path that did not succeed in its first round whether it did at last."""
    first = trace[trace["round"] == 0].set_index(list(PATH))["decision"]
    last = paths_of(trace).set_index(list(PATH))["verdict"]
    return last.loc[first.index[first != "succeeds"]] == "succeeds"


def _freed(trace: pd.DataFrame) -> pd.Series:
    """Tell of each round after a reduction whether none of its repetitions overfits."""
    after = trace[trace["action"] == "reduce_space"]
    return after["n_overfits"] + after["n_weak"] == 0


def _gains_of_budget(trace: pd.DataFrame) -> pd.DataFrame:
    before = trace.groupby(list(PATH), sort=False)["mean_validation_score"].shift()
    frame = trace.assign(difference=trace["mean_validation_score"] - before, all="all")
    return frame[frame["action"] == "more_budget"]


def _shorter_warmups(patterns: pd.DataFrame) -> pd.Series:
    counts = patterns.set_index("hyperparameter").loc["warmup_ratio", ["n_lower", "n_higher"]]
    return pd.Series([True, False]).repeat(counts.astype(int).to_numpy())
