"""Judge a search: is its winner better than the default, or luck, and what would help?"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from repro.judging import evidence
from repro.judging.evidence import Finding
from repro.judging.importers import read_trials
from repro.judging.trials import Trials
from repro.names import check_name
from repro.stats.bands import tuning_bands

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from repro.show.table import Table

MINIMUM = 5  # configurations, below which nothing is said of others like them
_LEARNS = 0.01  # p of a trend upwards, below which trials are no independent draws


def judge(
    trials: Any,
    *,
    default: Mapping[str, Any] | None = None,
    n_validation: int | None = None,
    score: str | None = None,
    test: str | None = None,
    direction: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    where: Mapping[str, Any] | None = None,
    study: str | None = None,
) -> Judgement:
    """Judge the trials of one search, made with any tool.

    Intervals are of 95 % and allow for the choice of the best. What the trials do not allow to say
    is said to be so, with what would allow it.

    Args:
        trials: a frame or CSV file of one row a trial; an Optuna study or the URL of its storage; a
            Ray Tune folder or `ResultGrid`; a folder of transformers' `trainer_state.json`; Weights
            & Biases' CSV export or offline runs; a folder of ours, or the name of recorded trials.
        default: hyperparameters of the configuration that the incumbent is compared with; the
            first trial's when None.
        n_validation: validation examples, if the score is the share of right (or wrong) answers
            among them: intervals then speak of other examples too, not only of other seeds.
        score, test: columns of validation and test scores; found by their names when None.
        direction: "maximize" or "minimize"; told from the name of the score when None.
        hyperparameters: columns; found by their names when None.
        where: column -> value or list of values, to judge a part of a table.
        study: which study of an Optuna storage.
    Raises:
        ValueError: in one line, if the trials cannot be read as those of one search.
    """
    given = {"score": score, "test": test, "direction": direction, "where": where}
    given |= {"hyperparameters": hyperparameters, "study": study}
    given = {name: value for name, value in given.items() if value is not None}
    return Judgement(read_trials(trials, **given), default, n_validation)


@dataclass(frozen=True)
class Judgement:
    """What the trials of one search are worth; shows as a table in Jupyter, as text elsewhere."""

    trials: Trials
    default: Mapping[str, Any] | None = None
    n_validation: int | None = None

    def __post_init__(self):
        if self.n_validation is not None and not self.trials.is_share:
            raise ValueError(
                "`n_validation` must go with a share of right or wrong answers, such as accuracy, "
                f"but the score is `{self.trials.score}`; leave it out"
            )
        self.default_row  # an unknown default is an error now, not when it is shown  # noqa: B018

    @cached_property
    def configurations(self) -> pd.DataFrame:
        """One row a configuration (see `evidence.configurations`)."""
        return evidence.configurations(self.trials)

    @cached_property
    def default_row(self) -> int:
        """The row of the default in `configurations`."""
        table, rows = self.configurations, np.ones(len(self.configurations), bool)
        for name, value in (self.default or {}).items():
            check_name("hyperparameter of `default`", name, self.trials.hyperparameters)
            same = table[name] == value
            if isinstance(value, int | float) and table[name].dtype == float:
                same = np.isclose(table[name], value, rtol=1e-6, atol=0)
            rows &= same
        if not rows.any():
            raise ValueError(
                f"`default` must be among the trials that have a score, but {dict(self.default)} "
                "is not; train it, with several seeds"
            )
        return int(np.argmax(rows))

    @cached_property
    def incumbent(self) -> Finding:
        """What the best configuration scores, over other seeds (and examples)."""
        best = self.configurations["score"].max()
        return evidence.incumbent_score(self.configurations, examples=self._examples_error(best))

    @cached_property
    def gain(self) -> Finding:
        """By how much the incumbent is better than the default."""
        scores = self.configurations["score"]
        errors = [self._examples_error(s) for s in (scores.max(), scores[self.default_row])]
        examples = math.hypot(*errors)  # were the errors independent; they are less than that
        return evidence.gain_over(self.configurations, self.default_row, examples=examples)

    def _examples_error(self, score: float) -> float:
        if self.n_validation is None:
            return 0.0
        unit = 100.0 if self.trials.frame["score"].abs().max() > 1 else 1.0
        share = min(1.0, abs(score) / unit)
        return unit * math.sqrt(share * (1 - share) / self.n_validation)

    @cached_property
    def curve(self) -> pd.DataFrame | str:
        """The best of n configurations over n, with bands for all n at once; or why there is none.

        Columns n, best (its median), low, high in the unit of the scores, larger being better (a
        loss is negated).
        """
        firsts = self.trials.scored.drop_duplicates("configuration")["score"]
        if len(firsts) < MINIMUM:
            return f"there are fewer than {MINIMUM} configurations"
        if evidence.trend(firsts) < _LEARNS:
            return (
                "later trials score higher than earlier ones: the search learned, so its trials "
                "are no independent draws, which a tuning curve is made of"
            )
        return tuning_bands(firsts)

    @cached_property
    def seeds(self) -> Finding:
        """Which share of the variance is that of seeds."""
        return evidence.seed_share(self.configurations)

    @cached_property
    def overtuning(self) -> dict | str:
        """How much test score was tuned away (see `evidence.overtuning`); or why not known."""
        return evidence.overtuning(self.configurations)

    @cached_property
    def importance(self) -> pd.DataFrame:
        """What each hyperparameter explains (see `evidence.importance`)."""
        return evidence.importance(self.trials)

    @cached_property
    def edges(self) -> pd.DataFrame:
        """Where in its range the incumbent lies (see `evidence.edges`)."""
        return evidence.edges(self.trials, self.importance)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """One row a question: question, estimate, low, high, answer (a sentence), basis."""
        from repro.judging.answers import answer_all

        return answer_all(self)

    @property
    def text(self) -> str:
        """The answers as one paragraph that may be published."""
        return " ".join(self.answers["answer"])

    @property
    def table(self) -> Table:
        """The answers as a table to show, or to write as CSV or LaTeX."""
        from repro.show.table import Table

        n, k = len(self.trials.frame), len(self.configurations)
        caption = (
            f"What {n} trials of {k} configurations show (score: {self.trials.score}; intervals: "
            "95 %, allowing for the choice of the best). " + " ".join(self.trials.notes)
        )
        columns = {"question": "question", "answer": "answer", "rests on": "basis"}
        return Table.of(self.answers, name="judgement", caption=caption, columns=columns)

    def plot_curve(self, ax: Axes | None = None) -> Axes:
        """Draw the best of n trials over n, with its band."""
        from repro.judging.plots import plot_curve

        if isinstance(self.curve, str):
            raise ValueError(f"there must be a tuning curve, but {self.curve}")
        return plot_curve(self.curve, ax, score=self.trials.score, sign=self.trials.sign)

    def plot_importance(self, ax: Axes | None = None) -> Axes:
        """Draw the share of variation that each hyperparameter explains, with intervals."""
        from repro.show.sensitivity import plot_importance

        if not len(self.importance):
            raise ValueError("there must be a hyperparameter that varies over at least 8 trials")
        return plot_importance(self.importance, ax)

    def plot_trials(self, ax: Axes | None = None) -> Axes:
        """Draw the scores in the order of trials, with the incumbent so far and the default."""
        from repro.judging.plots import plot_trials

        default = self.configurations.loc[self.default_row, "score"]
        return plot_trials(self.trials, ax, default=default)

    def to_json(self) -> str:
        """Write answers, curve, importance, edges and notes as JSON; missing numbers are null."""
        frames = {"answers": self.answers, "importance": self.importance, "edges": self.edges}
        if not isinstance(self.curve, str):
            frames["curve"] = self.curve
        tables = {k: json.loads(v.to_json(orient="records")) for k, v in frames.items()}
        about = {"score": self.trials.score, "sign": self.trials.sign, "text": self.text}
        about |= {"n_trials": len(self.trials.frame), "notes": list(self.trials.notes)}
        return json.dumps(about | tables, indent=1, ensure_ascii=False)

    def __str__(self) -> str:
        return "\n".join([*self.answers["answer"], *self.trials.notes])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.table.to_html()
