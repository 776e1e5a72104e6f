"""What the paper's own print decides, of runs that are known by a summary only."""

import math

import numpy as np
import pandas as pd

from repro.chapters.seeds.seed_rules import KINDS, LOG, error_of_deviation
from repro.published import load_published
from repro.stats.decisions import Estimate, Region, above, below
from repro.stats.rules import every, from_error, score_error


def one_good_seed() -> Estimate:
    """Judge the ranks of the best WI seed, which are all that is printed, by chance ranks.

    That a given seed's ranks add up to so little, each over its number of seeds, times the number
    of seeds that all tasks have: it was named for being the best.
    """
    stated = load_published("stated_numbers").query("source == 'dodge_2020'")
    seeds = _n_seeds()
    ranks = stated.query("section == '4.3' and quantity == 'rank'").set_index("about")["value"]
    places = np.meshgrid(*(np.arange(1, seeds[task] + 1) / seeds[task] for task in ranks.index))
    total = sum(rank / seeds[task] for task, rank in ranks.items())
    p = float((sum(places) <= total + 1e-9).mean() * min(seeds.values()))
    value, nan = total / len(ranks), math.nan
    return Estimate(value, nan, nan, min(seeds.values()), "seeds", below(0.5), p_for=p)


def _n_seeds() -> dict[str, int]:
    stated = load_published("stated_numbers").query("quantity == 'n_seeds'")
    return {task: int(row.value) for row in stated.itertuples() for task in row.about.split()}


def printed_deviations() -> dict[str, Estimate]:
    table = load_published("dodge_2020_table03").query("aggregated_over == 'total'")
    printed, seeds = table.set_index("task")["standard_deviation"], _n_seeds()
    return {
        task: from_error(printed[task], error_of_deviation(n), above(0.01),
                         n=n, units=KINDS, df=n - 1, scale=LOG)
        for task, n in seeds.items()
    }  # fmt: skip


def gains_over_others(n_examples: pd.Series) -> dict[str, Estimate]:
    """Judge the gains of Table 1, as if the two scores were of unrelated samples of examples."""
    table = load_published("dodge_2020_table01").dropna(subset="score")
    table = table.assign(score=table["score"] / 100)
    ours = table[table["reported_by"] == "dodge_2020"].set_index("task")["score"]
    same = table[(table["model"] == "bert-large") & (table["reported_by"] != "dodge_2020")]
    newer = table[table["model"].isin(["xlnet", "roberta", "albert"]) & (table["task"] == "mrpc")]

    def gains(rows: pd.DataFrame, region: Region) -> Estimate:
        cases = []
        for row in rows.itertuples():
            n = int(n_examples[row.task])
            error = math.sqrt(2) * score_error(row.score, metric=row.metric, n=n)
            gain = ours[row.task] - row.score
            cases.append(from_error(gain, error, region, n=n, units="examples"))
        return every(cases)

    best = same.loc[same.groupby("task")["score"].idxmax()]
    return {
        "dodge-best-above-published": gains(best, above()),
        "dodge-seven-points": gains(same[same["task"].isin(["rte", "cola"])], above(0.065)),
        "dodge-mrpc-above-newer-models": gains(newer.nlargest(1, "score"), above()),
    }
