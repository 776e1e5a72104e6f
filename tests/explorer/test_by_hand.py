"""Tuning by hand against random search: who answers, what is counted, what stays sealed."""

import math
from itertools import combinations

import numpy as np
import pytest

from repro.explorer import by_hand_form
from repro.explorer.by_hand import RANDOM, YOU, Contest, RecordedAnswers, share_beaten
from repro.explorer.by_hand_form import ByHandForm
from repro.explorer.small_runs import family_space
from repro.results.recorded import read_recorded
from repro.study.pools import read_pools
from repro.study.profile import load_profile


@pytest.fixture(scope="module")
def profile():
    return load_profile("mini")


@pytest.fixture(scope="module")
def pool():
    return read_pools(read_recorded("mini"))["tiny-electra", "rte"]["full"]


@pytest.fixture
def space(profile):
    return family_space(profile, "tiny-electra", "rte")


def test_the_nearest_recorded_trial_answers_once(pool, space):
    answers = RecordedAnswers(pool, space)
    asked = pool.trials.loc[7, list(space.domains)].to_dict()
    first, second = answers(asked), answers(asked)
    assert {name: first[name] for name in asked} == asked
    assert first["validation_score"] == pool.whole("validation_score")[7]
    assert {name: second[name] for name in asked} != asked
    # by hand: of all other trials none lies nearer in the space
    places = np.column_stack([d.position(pool.trials[n]) for n, d in space.domains.items()])
    distance = ((places - places[7]) ** 2).sum(axis=1)
    nearest = int(np.argsort(distance)[1])
    assert second["validation_score"] == pool.whole("validation_score")[nearest]


def test_answers_end_with_the_trials(pool, space):
    few = RecordedAnswers(pool.part(0, len(pool)), space)  # a single trial
    asked = pool.trials.loc[0].to_dict()
    few(asked)
    with pytest.raises(ValueError, match="all .* recorded trials have answered: begin again"):
        few(asked)


def test_both_have_as_many_trials_and_random_search_follows_its_seed(pool, space):
    def contest(seed):
        answers = RecordedAnswers(pool, space), RecordedAnswers(pool, space)
        made = Contest(space, answers, seed=seed)
        for row in (3, 4, 5):
            made.play(pool.trials.loc[row, list(space.domains)].to_dict())
        return made.trials

    one, same, other = contest(1), contest(1), contest(2)
    assert one.equals(same) and one["who"].tolist() == [YOU, RANDOM] * 3
    scores = {key: rows["validation_score"].tolist() for key, rows in other.groupby("who")}
    assert scores[YOU] == one[one["who"] == YOU]["validation_score"].tolist()
    assert scores[RANDOM] != one[one["who"] == RANDOM]["validation_score"].tolist()


def test_test_scores_are_sealed_behind_a_counted_look(pool, space):
    contest = Contest(space, (RecordedAnswers(pool, space), RecordedAnswers(pool, space)), seed=1)
    contest.play(pool.trials.loc[3].to_dict())
    assert "test_score" not in contest.trials and contest.n_looks == 0
    tests = contest.look()
    assert tests[YOU] == pool.whole("test_score")[3] and contest.n_looks == 1


def test_the_share_of_random_searches_is_that_of_all_draws():
    scores = np.array([0.1, 0.4, 0.4, 0.6, np.nan])
    draws = [max(draw) for draw in combinations(scores[:4], 2)]
    assert share_beaten(0.4, scores, 2) == sum(best <= 0.4 for best in draws) / len(draws)
    assert share_beaten(0.7, scores, 3) == 1 and share_beaten(0.0, scores, 1) == 0
    assert math.isclose(share_beaten(0.4, scores, 1), 3 / 4)


def test_the_form_plays_says_who_answered_and_counts_looks(profile):
    form = ByHandForm(profile)
    assert "the one nearest to what you choose" in form.status.value and form.look_button.disabled
    form.try_button.click()
    form.try_button.click()
    assert form.status.value.startswith("Trial 2: ") and "random searches of 2" in form.status.value
    assert 'alt="Trial 2' in form.picture.value and "On test" not in form.status.value
    form.look_button.click()
    assert "On test: " in form.status.value and "so far: 1" in form.status.value
    form.seed.value = 2
    assert form.contest.trials.empty and form.look_button.disabled


def test_the_form_trains_where_that_is_asked_for(profile, monkeypatch):
    asked = []

    def train_answers(profile, *, model, task):
        return lambda configuration: (
            asked.append(configuration)
            or configuration
            | {
                "validation_score": 0.5,
                "test_score": 0.4,
            }
        )

    monkeypatch.setattr(by_hand_form, "train_answers", train_answers)
    form = ByHandForm(profile)
    form.source.value = "real training"
    assert "trains two trials" in form.status.value
    form.controls["learning_rate"].value = 1e-3
    form.play()
    assert asked[0]["learning_rate"] == pytest.approx(1e-3) and "epochs" in asked[0]
    assert set(asked[0]) == set(asked[1]) and "random searches" not in form.status.value
