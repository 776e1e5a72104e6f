"""How many seeds, trials and validation examples a study needs, and what one could have found."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import chdtri, nctdtr, ndtri, stdtrit

from repro.judging.answers import number
from repro.judging.evidence import configurations, seed_deviation
from repro.judging.importers import read_trials
from repro.stats.intervals import share_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from repro.show.table import Table

_ALPHA = 0.05
_MOST = 10_000  # seeds or trials that one would ask for
_N_DRAWS = 2000
_FEW = 10  # configurations of a pilot, below which it says nothing of others


def design(
    pilot: Any = None,
    *,
    effect: float | None = None,
    power: float = 0.8,
    seeds: int | None = None,
    trials: int | None = None,
    n_validation: int | None = None,
    budget: int | None = None,
    sd: float | None = None,
    sd_configurations: float | None = None,
    accuracy: float | None = None,
    disagreement: float | None = None,
    baseline: float | None = None,
    cost: float = 1.0,
    **columns: Any,
) -> Design:
    """Plan a study, or tell what one could have found.

    With `effect`: what it takes to find it with `power` (two-sided tests at 5 %). Besides, for each
    of `seeds`, `trials` and `n_validation`: the smallest effect that so many find; and for
    `budget`: how to split it between new trials and repetitions of the best.

    Args:
        pilot: trials, as `judge` takes them; repeated configurations give the spread of seeds.
        effect: a difference of two scores, in their unit.
        seeds: of each of two configurations that are compared.
        trials: configurations drawn independently; needs a pilot.
        n_validation: examples; needs `accuracy`, a fraction.
        budget: trainings in all.
        sd, sd_configurations: standard deviations of seeds and of configurations, in the unit of
            the scores, instead of the pilot's; for example as printed in a paper.
        accuracy: a fraction, about that of the models to compare.
        disagreement: the share of examples that one of them has right and the other wrong; if None,
            as if they erred independently, which asks for the most examples.
        baseline: the score that new trials shall beat by `effect`; the pilot's first trial's if
            None.
        cost: of one training, in any unit.
        columns: of `judge`, to read the pilot.
    Raises:
        ValueError: if nothing is asked, or what it takes to answer is missing.
    """
    if not 0.05 < power < 1 or (effect is not None and not effect > 0) or not cost > 0:
        raise ValueError(
            f"`power` must be between .05 and 1, `effect` and `cost` above 0, but got {power}, "
            f"{effect} and {cost}"
        )
    plan = _Plan(power, sd, (math.nan, math.nan), sd_configurations, pd.DataFrame(), cost)
    if pilot is not None:
        plan = plan.with_pilot(configurations(read_trials(pilot, **columns)))
    rows = []
    if effect is not None:
        rows += [plan.seeds_for(effect)] if plan.sd else []
        rows += [plan.trials_for(effect, baseline)] if len(plan.table) >= _FEW else []
        rows += [plan.examples_for(effect, accuracy, disagreement)] if accuracy else []
    if seeds is not None:
        rows.append(plan.found_with_seeds(seeds))
    if trials is not None:
        rows.append(plan.reached_with_trials(trials))
    if n_validation is not None:
        rows.append(plan.found_with_examples(n_validation, accuracy, disagreement))
    if budget is not None:
        rows.append(plan.split(budget))
    if not rows:
        raise ValueError(
            "a design must ask something: give `effect` with `sd`, `accuracy` or a `pilot` with "
            "repetitions; or `seeds`, `trials`, `n_validation` or `budget`"
        )
    columns = ["question", "value", "low", "high", "answer", "basis"]
    return Design(pd.DataFrame(rows, columns=columns), effect, power, plan.sd)


@dataclass(frozen=True)
class Design:
    """The answers of a design; shows as a table in Jupyter, as text elsewhere.

    Args:
        answers: one row a question: question, value, low, high (how far the pilot leaves it open),
            answer, basis.
    """

    answers: pd.DataFrame
    effect: float | None
    power: float
    sd: float | None

    @property
    def table(self) -> Table:
        """The answers as a table to show, or to write as CSV or LaTeX."""
        from repro.show.table import Table

        caption = f"What it takes, for {100 * self.power:.0f} % power and two-sided tests at 5 %."
        columns = {"question": "question", "answer": "answer", "rests on": "basis"}
        return Table.of(self.answers, name="design", caption=caption, columns=columns)

    def plot_power(self, ax: Axes | None = None) -> Axes:
        """Draw the power over the number of seeds of each of two configurations."""
        from repro.judging.plots import plot_power

        if not (self.sd and self.effect):
            raise ValueError("power is drawn of an effect and the spread of seeds: give both")
        n = np.arange(2, max(12, 2 * seeds_needed(self.effect, self.sd, power=self.power)) + 1)
        values = [two_sample_power(self.effect, self.sd, int(k)) for k in n]
        return plot_power(pd.DataFrame({"n": n, "power": values}), ax, power=self.power)

    def to_json(self) -> str:
        """Write the answers as JSON; missing numbers are null."""
        return self.answers.to_json(orient="records", indent=1, force_ascii=False)

    def __str__(self) -> str:
        return "\n".join(self.answers["answer"])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html()


def two_sample_power(effect: float, sd: float, n: int) -> float:
    """Return the power of Student's t test of two samples of n each, two-sided at 5 %.

    What it decides for the wrong side does not count.

    Source: Cohen 1988, ch. 2.
    """
    df, shift = 2 * n - 2, effect / sd * math.sqrt(n / 2)
    critical = stdtrit(df, 1 - _ALPHA / 2)
    if shift > 30:
        return 1.0
    return float(1 - nctdtr(df, shift, critical))


def seeds_needed(effect: float, sd: float, *, power: float = 0.8) -> int:
    """Return the smallest number of seeds of each of two configurations, at most 10,000."""
    n = 2
    while two_sample_power(effect, sd, n) < power and n < _MOST:
        n = n + 1 if n < 100 else math.ceil(1.01 * n)
    return n


def trials_needed(share_below: float, *, power: float = 0.8) -> float:
    """Return how many independent trials contain one beyond `share_below` with probability power.

    The best of n lies below with probability share_below ** n.
    """
    if share_below <= 0:
        return 1
    return math.ceil(math.log(1 - power) / math.log(share_below)) if share_below < 1 else math.inf


@dataclass(frozen=True)
class _Plan:
    """What is known; each question's method returns its row of answers."""

    power: float
    sd: float | None
    sd_interval: tuple[float, float]
    sd_configurations: float | None
    table: pd.DataFrame
    cost: float

    def with_pilot(self, table: pd.DataFrame) -> _Plan:
        deviation, df = seed_deviation(table)
        if self.sd is not None or not df:
            return replace(self, table=table)
        ends = tuple(deviation * math.sqrt(df / chdtri(df, p)) for p in (0.025, 0.975))
        return replace(self, table=table, sd=deviation, sd_interval=ends)

    @property
    def promise(self) -> str:
        return f"{100 * self.power:.0f} %"

    @property
    def spread_of_seeds(self) -> str:
        return f"standard deviation of seeds {number(self.sd)}; normal scores"

    def seeds_for(self, effect: float) -> tuple:
        n, low, high = (
            math.nan if math.isnan(sd) else seeds_needed(effect, sd, power=self.power)
            for sd in (self.sd, *self.sd_interval)
        )
        doubt = f" (the pilot leaves {low} to {high} open)" if low == low else ""
        answer = (
            f"A difference of {number(effect)} between two configurations is found with "
            f"{self.promise} power by {n} seeds of each{doubt}: {2 * n} trainings, cost "
            f"{number(2 * n * self.cost)}."
        )
        return "How many seeds?", n, low, high, answer, self.spread_of_seeds

    def found_with_seeds(self, n: int) -> tuple:
        if not self.sd or n < 2:
            raise ValueError(
                "`seeds` must be at least 2, with `sd` or a `pilot` that repeats configurations"
            )
        relative = brentq(lambda e: two_sample_power(e, 1.0, n) - self.power, 0, 100, xtol=1e-12)
        found, low, high = (relative * sd for sd in (self.sd, *self.sd_interval))
        answer = (
            f"{n} seeds of each of two configurations find a difference of {number(found)} or more "
            f"with {self.promise} power; smaller ones are missed more often."
        )
        question = "What could so many seeds find?"
        return question, found, low, high, answer, self.spread_of_seeds

    def trials_for(self, effect: float, baseline: float | None) -> tuple:
        scores = self._scores()
        target = (self.table["score"].iloc[0] if baseline is None else baseline) + effect
        below, n = int((scores < target).sum()), len(scores)
        shares = below / n, *share_interval(below, n)
        count, fewest, most = (trials_needed(share, power=self.power) for share in shares)
        if below == n:
            answer = (
                f"None of {n} configurations reached {number(target)}: it would take at least "
                f"{fewest:.0f} trials, if it can be reached at all."
            )
        else:
            answer = (
                f"With {self.promise} probability {count:.0f} independent trials ({fewest:.0f} to "
                f"{most:.0f}) contain one that scores {number(target)} or more: cost "
                f"{number(count * self.cost)}."
            )
        basis = f"{n - below} of {n} configurations of the pilot scored so, in single runs"
        return "How many trials?", count, fewest, most, answer, basis

    def reached_with_trials(self, n: int) -> tuple:
        scores, place = np.sort(self._scores()), (1 - self.power) ** (1 / n)
        reached = scores[max(0, math.ceil(round(place * len(scores), 9)) - 1)]
        answer = (
            f"The best of {n} independent trials scores {number(reached)} or more with "
            f"{self.promise} probability."
        )
        basis = f"{len(scores)} configurations of the pilot, in single runs"
        return "What do so many trials reach?", reached, math.nan, math.nan, answer, basis

    def examples_for(self, effect: float, accuracy: float, disagreement: float | None) -> tuple:
        """Source: Connor 1987 (McNemar's test), without its correction of second order."""
        spread, z, basis = self._examples(accuracy, disagreement)
        n = math.ceil(z**2 * max(spread - effect**2, 0) / effect**2)
        answer = (
            f"For other examples of the same kind, {n:,} validation examples find a difference of "
            f"{number(effect)} between two trained models with {self.promise} power."
        )
        return "How many examples?", n, math.nan, math.nan, answer, basis

    def found_with_examples(self, n: int, accuracy, disagreement: float | None) -> tuple:
        spread, z, basis = self._examples(accuracy, disagreement)
        effect = z * math.sqrt(spread / (n + z * z))
        answer = (
            f"{n:,} validation examples find a difference of {number(effect)} or more between two "
            f"trained models with {self.promise} power."
        )
        return "What could so many examples find?", effect, math.nan, math.nan, answer, basis

    def _examples(self, accuracy, disagreement: float | None) -> tuple[float, float, str]:
        """Return the share of examples that two models disagree on, z, and on what it rests."""
        if accuracy is None or not 0 < accuracy < 1:
            raise ValueError(f"`accuracy` must be a fraction between 0 and 1, but got {accuracy}")
        z = ndtri(1 - _ALPHA / 2) + ndtri(self.power)
        if disagreement is None:
            basis = "as if the two erred independently; models that err alike need fewer"
            return 2 * accuracy * (1 - accuracy), z, basis
        return disagreement, z, f"they disagree on {100 * disagreement:.3g} % of the examples"

    def split(self, budget: int) -> tuple:
        """Compare ways of spending trainings: new trials, or repetitions of the best of them."""
        population = self._true_scores()
        ways = {(budget, 1, 0)}
        for k, repeats in itertools.product((2, 3, 5, 10, 20), (1, 2, 4, 9)):
            if budget - k * repeats >= k:
                ways.add((budget - k * repeats, k, repeats))
        rng = np.random.default_rng(0)
        drawn = rng.choice(population, size=(_N_DRAWS, budget))
        noise = self.sd * rng.standard_normal((_N_DRAWS, budget + 180))
        values = {way: _chosen_score(drawn, noise, way) for way in sorted(ways)}
        first, k, repeats = best = max(values, key=values.get)
        gain = values[best] - values[budget, 1, 0]
        how = f"{first} configurations once, then the best {k} {repeats} more times each"
        answer = (
            f"Of {budget} trainings, spend all on new configurations: repetitions gain nothing."
            if not repeats
            else f"Of {budget} trainings, train {how}, and choose by the means: on average "
            f"{number(gain)} better in truth than all on new configurations."
        )
        basis = f"{_N_DRAWS} simulated searches, seeds' standard deviation {number(self.sd)}"
        return "How to split a budget?", first, math.nan, math.nan, answer, basis

    def _scores(self) -> np.ndarray:
        if len(self.table) < _FEW:
            raise ValueError(
                f"`trials` must come with a `pilot` of at least {_FEW} configurations, but got "
                f"{len(self.table)}: give trials of the same search"
            )
        return self.table["score"].to_numpy(float)

    def _true_scores(self) -> np.ndarray:
        """Return a population of configurations' true scores, seeds' part of their spread removed.

        A pilot's means are drawn together; without a pilot they are normal.
        """
        if self.sd is None or (self.sd_configurations is None and not len(self.table)):
            raise ValueError(
                "`budget` must come with a `pilot` that repeats configurations, or with `sd` and "
                "`sd_configurations`"
            )
        if self.sd_configurations is not None:
            return self.sd_configurations * ndtri((np.arange(1000) + 0.5) / 1000)
        scores = self._scores()
        noise = self.sd**2 * (1 / self.table["n"]).mean()
        share = max(0.0, 1 - noise / max(scores.var(ddof=1), 1e-300))
        return scores.mean() + math.sqrt(share) * (scores - scores.mean())


def _chosen_score(drawn: np.ndarray, noise: np.ndarray, way: tuple[int, int, int]) -> float:
    """Return the mean true score of what is chosen, over simulated searches."""
    first, k, repeats = way
    true, rows = drawn[:, :first], np.arange(len(drawn))[:, None]
    seen = true + noise[:, :first]
    if not repeats:
        return float(true[rows[:, 0], seen.argmax(axis=1)].mean())
    top = np.argpartition(seen, -k, axis=1)[:, -k:]
    again = noise[:, -k * repeats :].reshape(len(drawn), k, repeats).sum(axis=2)
    means = (seen[rows, top] + repeats * true[rows, top] + again) / (1 + repeats)
    return float(true[rows[:, 0], top[rows[:, 0], means.argmax(axis=1)]].mean())
