"""What a notebook would run, and what it costs before it is run: steps, hours, disk, memory."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from repro.data.definitions import GLUE_SIZES, GLUE_TOKENS
from repro.models.locate import EMBEDDED
from repro.models.size import ModelSize, model_size
from repro.study.objective import DataSettings, TrialSettings, count_training_examples
from repro.study.runs import StudyRun
from repro.tuning.methods import LISTED, METHODS
from repro.tuning.runs import TuningRun
from repro.tuning.spaces import ends, grid_configurations

_BYTES_A_STEP, _BYTES_A_RUN = 8, 60_000  # of the tables, measured on the mini profile
_BYTES_A_TOKEN, _BYTES_A_WORD = 5, 6  # encoded: id and segment; as it comes
_GENERATIONS = 2  # whose states a population keeps at a time
_BYTES_OF_CUDA = 0.8e9  # what a process takes of a GPU before it has a model


@dataclass(frozen=True)
class PlannedRun:
    """A tuning run of a notebook; its chapter's `run.planned_runs(profile)` yields them."""

    part: str  # of the notebook's section
    run: StudyRun
    depends: bool = False  # on what comes out of other runs: there are at most these
    counted: bool = False  # among the runs of the initial study


@dataclass(frozen=True)
class Cost:
    """What a tuning run costs in full-length trials."""

    trials: int
    steps: int  # optimizer steps
    exact: bool  # else at most this, since the searcher or the scheduler decides
    batch_size: int  # of most steps
    largest_batch: int


def planned_cost(run: TuningRun) -> Cost:
    """Count the trials of a tuning run and their steps from its settings alone."""
    n = count_training_examples(run.context.data)

    def steps(*configurations: dict) -> int:
        return sum(c["epochs"] * math.ceil(n / c["batch_size"]) for c in configurations)

    def batches(*configurations: dict) -> tuple[int, int]:
        sizes = [int(c["batch_size"]) for c in configurations]
        return max(sizes, key=lambda size: size**-1 * sizes.count(size)), max(sizes)

    if run.method in LISTED:
        exact = METHODS[run.method][1] is None
        return Cost(len(run.grid), steps(*run.grid), exact, *batches(*run.grid))
    if run.has_budget:
        grid = grid_configurations(run.space.family, epochs=run.space.fixed["epochs"])
        trials, gst = math.ceil(run.budget_gst * len(grid)), steps(*grid)
        batch, largest = batches(*grid)
        largest = max(largest, int(_ends(run, "batch_size")[1]))
        return Cost(trials, math.ceil(run.budget_gst * gst), True, batch, largest)
    (fewest, most), (smallest, largest) = (_ends(run, name) for name in ("epochs", "batch_size"))
    longest, batch = steps({"epochs": most, "batch_size": smallest}), (int(smallest), int(largest))
    if run.method == "pbt":
        members, segments = run.options["population"], math.ceil(most / run.options["interval"])
        return Cost(members * segments, members * longest, False, *batch)
    exact = METHODS[run.method][1] is None and fewest == most and smallest == largest
    return Cost(run.n_trials, run.n_trials * longest, exact, *batch)


def _ends(run: TuningRun, name: str) -> tuple:
    value = run.space.fixed.get(name)
    return ends(run.space.domains[name]) if value is None else (value, value)


@dataclass(frozen=True)
class Card:
    """A kind of GPU, as far as a plan needs it. Estimates by arithmetic: none was ever run on."""

    name: str
    flops: float  # that fine-tuning reaches in 16 bits, a second: about a fifth of the peak
    gigabytes: float

    def steps_per_second(self, size: ModelSize, *, tokens: float, sharing: float = 1) -> float:
        """Return updates a second of each of the trials that share the card.

        The arithmetic is done in turn; launching it takes a host 12 ms for twelve layers.
        """
        seconds = size.training_flops(tokens) / self.flops * sharing + 0.012 * size.layers / 12
        return 1 / seconds


CARDS = {
    card.name: card
    for card in (
        Card("T4", 13e12, 15),
        Card("V100", 38e12, 16),
        Card("A100", 80e12, 40),
        Card("H200", 194e12, 141),
    )
}


def estimated_rate(
    trials: TrialSettings, batch_size: int, card: Card, *, sharing: float = 1
) -> float:
    """Return steps a second on a card, evaluations included, by arithmetic.

    An evaluated example costs a third of a trained one.

    Args:
        sharing: so many trials on the card.
    """
    task, n_train = trials.data.task, count_training_examples(trials.data)
    n_evaluated = GLUE_SIZES.get(task, {}).get("validation", n_train / 10)
    share = n_evaluated * trials.training.evaluations_per_epoch / n_train / 3
    longest = trials.training.max_length
    tokens = batch_size * min(longest, GLUE_TOKENS.get(task, longest))
    size = model_size(trials.model)
    return card.steps_per_second(size, tokens=tokens, sharing=sharing) / (1 + share)


def device_bytes(trials: TrialSettings, largest_batch: int) -> float:
    """Return the memory that a trial needs at most, on its device."""
    tokens, halved = largest_batch * trials.training.max_length, trials.training.precision != "fp32"
    needed = model_size(trials.model).trial_bytes(tokens, halved=halved)
    return needed + (_BYTES_OF_CUDA if trials.training.device == "cuda" else 0)


def result_bytes(run: TuningRun, cost: Cost) -> float:
    """Return what the folder of a tuning run takes, when it is finished."""
    kept = model_size(run.context.model).weight_bytes if run.context.keep_checkpoint else 0
    return _BYTES_A_RUN + cost.steps * _BYTES_A_STEP + kept


def shared_bytes(runs: Iterable[TuningRun]) -> dict[str, float]:
    """Return what a study takes on disk beside its results: name of the part -> bytes.

    Models and data of the hub, encoded examples, and the states of the largest population.
    """
    contexts, states = set(), 0.0
    for run in runs:
        contexts.add((run.context.model, run.context.data, run.context.training.max_length))
        if run.method == "pbt":
            state = model_size(run.context.model).state_bytes
            states = max(states, _GENERATIONS * run.options["population"] * state)

    def examples(data: DataSettings) -> float:
        if data.source == "mini":
            return 1.5 * count_training_examples(data)
        return sum(GLUE_SIZES.get(data.task, {}).values())

    named = {model for model, _, _ in contexts}
    models = {name for name in named if name not in EMBEDDED and not Path(name).is_dir()}
    tasks = {data.task: data for _, data, _ in contexts if data.source == "hub"}
    words = sum(examples(data) * GLUE_TOKENS.get(task, 50) for task, data in tasks.items())
    tokens = sum(examples(data) * length for _, data, length in contexts)
    parts = {
        "models": sum(model_size(model).weight_bytes for model in models),
        "data": words * _BYTES_A_WORD,
        "encoded examples": tokens * _BYTES_A_TOKEN,
        "states of a population": states,
    }
    return {part: size for part, size in parts.items() if size}
