"""Population-based training, driven by hand; nothing is trained."""

import math
import random
from types import SimpleNamespace

import numpy as np
import pytest

from repro.chapters.strategies.spaces import population_space
from repro.tuning.population import PopulationSearcher, explore, quantiles
from repro.tuning.spaces import Choice, SearchSpace, Uniform

SPACE = population_space("article")
FOUR_EPOCHS = SearchSpace("s", "f", {"learning_rate": Uniform(1e-5, 5e-5)}, {"epochs": 4})


def live(searcher, score):
    """Train a whole population; `score(segment, configuration)`. Return trial -> all of it."""
    lives = {}
    while True:
        generation = []
        while not searcher.waiting:
            trial = len(lives)
            configuration = searcher.suggest(trial)
            if configuration is None:
                return lives
            lives[trial] = searcher.segment(trial), configuration
            generation.append(trial)
        for trial in reversed(generation):  # in whatever order they end
            searcher.tell(trial, score(*lives[trial]))


def by_rate(segment, configuration):
    return configuration["learning_rate"]


def make(space=FOUR_EPOCHS, seed=1, **options):
    return PopulationSearcher(space, seed, **options)


def test_four_members_for_four_epochs_by_hand():
    # Scores are the members' numbers: member 0 is the worst quarter, member 3 the best. Each
    # generation member 0 continues member 3's last segment with member 3's configuration,
    # perturbed; the others continue their own.
    lives = live(make(population=4), lambda segment, _: float(segment.member))
    segments = {(s.member, s.generation): (s, n, c) for n, (s, c) in lives.items()}
    assert len(lives) == 4 * 4
    for (member, generation), (segment, _, configuration) in segments.items():
        assert (segment.start, segment.end) == (generation - 1, generation)
        if generation == 1:
            assert segment.parent is None and segment.copied_from is None
            continue
        source = 3 if member == 0 else member
        _, parent, before = segments[source, generation - 1]
        assert segment.parent == parent
        assert segment.copied_from == (3 if member == 0 else None)
        assert (configuration == before) == (member != 0)
        assert bool(segment.operations) == (member == 0)


def test_the_next_generation_waits_for_all_of_this_one():
    searcher = make(population=3)
    for trial in range(3):
        assert not searcher.waiting
        searcher.suggest(trial)
    assert searcher.waiting
    searcher.tell(0, 0.1)
    searcher.tell(2, 0.3)
    assert searcher.waiting
    searcher.tell(1, 0.2)
    assert not searcher.waiting


@pytest.mark.parametrize("interval", [0.5, 1.0, 1.5, 3.0])
def test_every_member_trains_its_epochs_without_a_gap(interval):
    lives = live(make(SPACE, interval=interval), by_rate)
    for segment, configuration in lives.values():
        assert segment.end <= configuration["epochs"]
        if segment.parent is not None:
            parent, _ = lives[segment.parent]
            assert (segment.start, segment.generation) == (parent.end, parent.generation + 1)
    parents = {segment.parent for segment, _ in lives.values()}
    last = [(s, c) for n, (s, c) in lives.items() if n not in parents]
    ended = [s.end == c["epochs"] for s, c in last]
    assert sum(ended) >= 8  # the others' weights were given up for better ones
    assert {s.end for (s, _), e in zip(last, ended, strict=True) if not e} <= set(
        np.arange(1, 20) * interval
    )


def test_a_member_that_is_done_neither_gives_nor_takes():
    space = SearchSpace("s", "f", {"epochs": Choice((1, 2, 3))}, {"learning_rate": 1e-5})
    known = [{"learning_rate": 1e-5, "epochs": epochs} for epochs in (1, 3, 3, 3)]
    lives = live(make(space, population=4, known=known), lambda s, _: 4.0 - s.member)
    later = [segment for segment, _ in lives.values() if segment.generation > 1]
    assert {segment.member for segment in later} == {1, 2, 3}  # the best one was done at once
    assert {segment.copied_from for segment in later} == {None, 1}


def test_a_member_without_a_checkpoint_copies_whatever_the_quantile():
    def score(segment, _):
        return math.nan if segment.generation == 1 and segment.member < 3 else float(segment.member)

    lives = live(make(population=4), score)
    second = [segment for segment, _ in lives.values() if segment.generation == 2]
    assert [segment.copied_from for segment in second] == [3, 3, 3, None]
    assert {segment.parent for segment in second} == {3}


def test_a_population_that_lost_everybody_ends():
    assert len(live(make(population=3), lambda *_: math.nan)) == 3


def test_known_configurations_are_the_first_members():
    known = [{"learning_rate": 3e-5, "epochs": 4}]
    searcher = make(population=3, known=known)
    assert searcher.suggest(0) == known[0]
    assert searcher.suggest(1) not in known
    assert make(population=3).suggest(0) not in known


def test_the_same_seed_lives_the_same_life_and_another_another():
    random.seed(1)
    first = live(make(SPACE, seed=4), by_rate)
    state = random.getstate()
    assert live(make(SPACE, seed=4), by_rate) == first
    assert random.getstate() == state  # Ray's code draws from the global generator; we must not
    assert live(make(SPACE, seed=5), by_rate) != first


def test_exploring_follows_the_paper():
    found, rng = [], np.random.default_rng(0)
    before = {"learning_rate": 3e-5, "weight_decay": 0.1, "batch_size": 16, "epochs": 3}
    for _ in range(400):
        after, operations = explore(before, SPACE, rng)
        assert after["epochs"] == 3 and "epochs" not in operations
        assert after["batch_size"] in (16, 32, 64)
        found.append(after["learning_rate"] / 3e-5)
    factors = np.round(found, 12)
    perturbed = np.isin(factors, (0.8, 1.2))
    # resampled with probability 1/4: 100 of 400, give or take four standard deviations of 8.7
    assert 65 < (~perturbed).sum() < 135
    assert 0.35 < np.mean(factors[perturbed] == 1.2) < 0.65


def test_quantiles_are_rays():
    members = [SimpleNamespace(score=score) for score in (0.3, 0.1, 0.5, 0.2, 0.4)]
    # ceil(5 x 0.25) = 2 of five; of two at most one; of one none
    lower, upper = quantiles(members)
    assert [m.score for m in lower] == [0.1, 0.2] and [m.score for m in upper] == [0.4, 0.5]
    lower, upper = quantiles(members[:2])
    assert [m.score for m in lower] == [0.1] and [m.score for m in upper] == [0.3]
    assert quantiles(members[:1]) == ([], [])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 1}, "`population` must be at least 2, but got 1"),
        ({"interval": 4}, "less than the longest training, 4 epochs, but got 4"),
        ({"interval": 0}, "`interval` must be more than 0"),
        ({"population": 2, "known": [{}] * 3}, "`known` must be at most as many"),
    ],
)
def test_a_population_in_which_nobody_could_copy_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)
