"""Population-based training, synchronous: what each member trains next, and from which checkpoint.

A population of members trains side by side. After every interval the worst quarter each copies
the weights, the optimizer and the configuration of one of the best quarter (exploit) and perturbs
the configuration (explore). One interval of one member is a `Segment`, trained as a trial of its
own that continues another. Nobody starts the next interval before all have finished this one, so
that the outcome does not depend on timing.

Quantiles and perturbations are those of Ray's PopulationBasedTraining, and its own code explores;
as there, a perturbed number may leave its range and a member that has done all its epochs neither
gives nor takes. A member without a checkpoint, since it failed, always takes.

Source: Jaderberg et al. 2017, "Population Based Training of Neural Networks".
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from repro.training.types import Segment
from repro.tuning.spaces import Choice, SearchSpace, ends, sample_configuration

QUANTILE = 0.25
RESAMPLE_PROBABILITY = 0.25
FACTORS = (1.2, 0.8)
NEVER_PERTURBED = ("epochs",)  # as in Ray's example


@dataclass
class _Member:
    number: int
    configuration: dict
    position: float = 0.0  # epochs
    trial: int | None = None  # the last one, whose checkpoint it goes on from
    score: float = math.nan  # at the end of the last one
    copied_from: int | None = None
    operations: str = ""

    @property
    def finished(self) -> bool:
        return self.position >= self.configuration["epochs"]


class PopulationSearcher:
    """The searcher of method `pbt`; its trials are segments (see `methods`).

    Args:
        population: members.
        interval: epochs between perturbations.
        known: configurations of the first members; the others are drawn.
    Raises:
        ValueError: if nobody could copy from anybody.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int,
        *,
        population: int = 8,
        interval: float = 1.0,
        known: Sequence[dict] = (),
    ):
        epochs = space.domains.get("epochs")
        longest = space.fixed["epochs"] if epochs is None else ends(epochs)[1]
        if population < 2:
            raise ValueError(
                f"`population` must be at least 2, but got {population}; "
                "one member has nobody to copy from, use method 'rs' instead"
            )
        if not 0 < interval < longest:
            raise ValueError(
                "`interval` must be more than 0 and less than the longest training, "
                f"{longest} epochs, but got {interval}; else nothing is ever perturbed"
            )
        if len(known) > population:
            raise ValueError(
                f"`known` must be at most as many as `population`, {population}, "
                f"but got {len(known)}"
            )
        self._space, self._seed, self._interval = space, seed, interval
        rng = np.random.default_rng(seed)
        drawn = [sample_configuration(space, rng) for _ in range(population)]
        first = [dict(c) for c in known] + drawn[len(known) :]
        self._members = [_Member(number, c) for number, c in enumerate(first)]
        self._generation = 0
        self._queue: list[_Member] = []
        self._running: dict[int, _Member] = {}
        self._segments: dict[int, Segment] = {}

    @property
    def waiting(self) -> bool:
        """Whether the next segment depends on one that is still being trained."""
        return bool(self._running) and not self._queue

    def suggest(self, trial: int) -> dict | None:
        """Return the configuration of the next segment, or None at the end of all lives."""
        if not self._queue:
            self._generation += 1
            alive = [member for member in self._members if not member.finished]
            self._queue = self._exploit(alive) if self._generation > 1 else alive
        if not self._queue:
            return None
        member = self._queue.pop(0)
        self._running[trial] = member
        self._segments[trial] = Segment(
            member=member.number,
            generation=self._generation,
            start=member.position,
            end=min(self._generation * self._interval, member.configuration["epochs"]),
            parent=member.trial,
            copied_from=member.copied_from,
            operations=member.operations,
        )
        return dict(member.configuration)

    def segment(self, trial: int) -> Segment:
        """Return what the trial trains."""
        return self._segments[trial]

    def tell(self, trial: int, score: float) -> None:
        """Take the score at a segment's end; NaN: it has none, nor a checkpoint."""
        member = self._running.pop(trial)
        member.position = self._segments[trial].end
        member.score, member.copied_from, member.operations = score, None, ""
        member.trial = None if math.isnan(score) else trial

    def _exploit(self, alive: list[_Member]) -> list[_Member]:
        """Let the worst copy the best; return those that can go on."""
        lower, upper = quantiles([m for m in alive if m.trial is not None])
        lost = [member for member in alive if member.trial is None]
        donors = upper or [m for m in alive if m.trial is not None]
        if not donors:
            return []
        sources = [(d.number, d.trial, dict(d.configuration)) for d in donors]
        for member in sorted([*lower, *lost], key=lambda member: member.number):
            rng = np.random.default_rng([self._seed, self._generation, member.number])
            source = sources[int(rng.integers(len(sources)))]
            member.copied_from, member.trial, copied = source
            member.configuration, member.operations = explore(copied, self._space, rng)
        return alive


def quantiles(members: Sequence, fraction: float = QUANTILE) -> tuple[list, list]:
    """Return the worst and the best members by score, of equal number, as Ray does."""
    ranked = sorted(members, key=lambda member: member.score)
    if len(ranked) <= 1:
        return [], []
    n = min(math.ceil(len(ranked) * fraction), len(ranked) // 2)
    return ranked[:n], ranked[-n:]


def explore(configuration: dict, space: SearchSpace, rng: np.random.Generator) -> tuple[dict, str]:
    """Perturb a configuration with Ray's code; return it and what was done to it."""
    from ray.tune.schedulers.pbt import _explore

    mutations = {
        name: list(domain.values) if isinstance(domain, Choice) else partial(domain.sample, rng)
        for name, domain in space.domains.items()
        if name not in NEVER_PERTURBED
    }
    state = random.getstate()  # Ray draws from the global generator: it gets ours, and its own back
    random.seed(int(rng.integers(2**32)))
    try:
        perturbed, operations = _explore(
            configuration, mutations, RESAMPLE_PROBABILITY, FACTORS, None
        )
    finally:
        random.setstate(state)
    return perturbed, "; ".join(f"{name} {what}" for name, what in operations.items())
