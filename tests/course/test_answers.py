"""What the assignments' tests accept: right answers of many forms, and no wrong or forged one."""

import pytest

from answers import VARIANTS, WRONG
from submissions import SOURCE, answer, read_solutions, run_here, stub_training

ASSIGNMENTS = sorted(path.name for path in SOURCE.iterdir() if path.is_dir())


def failures(outcome):
    return {name: error for name, error in outcome.items() if error}


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    stub_training(monkeypatch)
    monkeypatch.setenv("GRADING", "1")


def test_every_assignment_has_variants_and_wrong_answers():
    assert set(VARIANTS) == set(WRONG) == set(ASSIGNMENTS)
    assert all(len(variants) >= 8 for variants in VARIANTS.values())


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("seed", [0, 1234])
def test_solutions_pass_with_any_tables(name, seed, tmp_path):
    assert failures(run_here(name, read_solutions(name), tmp_path, seed=seed)) == {}


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_solutions_pass_where_last_digits_differ(name, tmp_path, monkeypatch):
    stub_training(monkeypatch, digits=3)
    assert failures(run_here(name, read_solutions(name), tmp_path, seed=2)) == {}


@pytest.mark.parametrize("name", ASSIGNMENTS)
@pytest.mark.parametrize("place", range(8))
def test_right_answers_of_other_forms_pass(name, place, tmp_path):
    cell, there, instead = VARIANTS[name][place]
    if instead.startswith("np.float64(max("):
        there, instead = there + " for", instead + " for"  # the bracket closes behind the loop
        answers = answer(name, (cell, there, instead))
        answers[cell] = answers[cell].replace("in configurations)\n", "in configurations))\n")
    else:
        answers = answer(name, (cell, there, instead))
    assert failures(run_here(name, answers, tmp_path, seed=place)) == {}


@pytest.mark.parametrize(
    ("name", "change"), [(name, change) for name, many in WRONG.items() for change in many]
)
def test_wrong_and_forged_answers_lose_points(name, change, tmp_path):
    *how, costs = change
    failed = failures(run_here(name, answer(name, how), tmp_path, seed=3))
    assert costs in failed
    assert failed[costs].count(": ") >= 1  # a message, or what went wrong
