"""Tuning by hand: configurations chosen one by one, against random search at as many trials."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd

from repro.results.trials import score_trial
from repro.study.objective import encoded, load_data
from repro.study.pools import Pool
from repro.study.profile import Profile
from repro.training.trial import train_trial
from repro.tuning.spaces import SearchSpace, sample_configuration

YOU, RANDOM = "you", "random search"
Answer = Callable[[dict], dict]


class RecordedAnswers:
    """Answers a configuration with the nearest recorded trial that it has not answered with yet.

    Near is measured in the search space, each hyperparameter from 0 to 1.
    """

    def __init__(self, pool: Pool, space: SearchSpace):
        self._pool, self._space = pool, space
        self._unused = pool.lengths > 0
        self._places = self._place(pool.trials)

    def _place(self, values) -> np.ndarray:
        domains = self._space.domains.items()
        return np.column_stack([domain.position(values[name]) for name, domain in domains])

    def __call__(self, configuration: dict) -> dict:
        if not self._unused.any():
            raise ValueError(f"all {len(self._pool)} recorded trials have answered: begin again")
        distance = ((self._places - self._place(configuration)) ** 2).sum(axis=1)
        row = int(np.where(self._unused, distance, np.inf).argmin())
        self._unused[row] = False
        scores = {f"{s}_score": self._pool.whole(f"{s}_score")[row] for s in ("validation", "test")}
        return self._pool.trials.loc[row, list(self._space.domains)].to_dict() | scores


def train_answers(profile: Profile, *, model: str, task: str) -> Answer:
    """Return what trains a configuration as every trial of a profile is trained."""
    settings = profile.data(task)
    spec, examples = encoded(model, settings, max_length=profile.max_length)
    data = load_data(settings, test_labels=profile.test_labels.get(task))

    def answer(configuration: dict) -> dict:
        result = train_trial(
            configuration,
            model=spec,
            data=examples,
            settings=profile.training(task),
            seeds=profile.seeds,
        )
        scores = score_trial(result, data).query("metric == @data.task.metric")
        best = scores.set_index("split")["best"].astype(float)
        return configuration | {f"{split}_score": best[split] for split in ("validation", "test")}

    return answer


class Contest:
    """Your trials and those of a random search, of one space, each answered in the same way.

    Args:
        answers: of you and of the random search, so that neither uses up the other's trials.
        seed: of the random search.
    """

    def __init__(self, space: SearchSpace, answers: tuple[Answer, Answer], *, seed: int):
        self.space, self._answers = space, dict(zip((YOU, RANDOM), answers, strict=True))
        self._rng, self._rows, self.n_looks = np.random.default_rng(seed), [], 0

    def play(self, configuration: dict) -> None:
        """Try a configuration, and let random search try one of its own."""
        drawn = sample_configuration(self.space, self._rng)
        tried = {YOU: self.space.fixed | configuration, RANDOM: drawn}
        number = len(self._rows) // 2 + 1
        answers = {who: self._answers[who](tried[who]) for who in tried}
        self._rows += [{"who": who, "n": number} | answers[who] for who in answers]

    @property
    def trials(self) -> pd.DataFrame:
        """One row a trial: who, n (from 1), hyperparameters, validation_score; no test score."""
        columns = ["who", "n", *self.space.domains, "validation_score"]
        return pd.DataFrame(self._rows, columns=columns)

    def look(self) -> dict[str, float]:
        """Return the test scores of the two that validation chose, and count the look."""
        self.n_looks += 1
        rows = pd.DataFrame(self._rows).dropna(subset="validation_score")
        best = rows.loc[rows.groupby("who")["validation_score"].idxmax()]
        return best.set_index("who")["test_score"].to_dict()


def share_beaten(score: float, scores: np.ndarray, n: int) -> float:
    """Return in what share of random searches the best of n different scores is at most `score`."""
    known = scores[~np.isnan(scores)]
    return math.comb(int((known <= score).sum()), n) / math.comb(len(known), n)
