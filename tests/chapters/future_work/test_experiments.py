"""What section 7 proposes, on made-up trials in which it is known what must come out."""

import numpy as np
import pandas as pd
import pytest

from repro.chapters.future_work import claims, experiments, show
from repro.results.recorded import pack_predictions, read_recorded, write_recorded

SIZES = {"validation": 60, "test": 90}
HYPERPARAMETERS = ("warmup_ratio", "attention_dropout", "hidden_dropout", "weight_decay")


def answers(labels, accuracy, rng):
    right = rng.random(len(labels)) < accuracy
    return np.where(right, labels, 1 - labels).astype("u1")


def record(folder, *, n_full=120, spaces=("full", "grid", "seeds"), seed=0):
    """Write trials of a task, one evaluation each, whose accuracy on test is about their own."""
    rng = np.random.default_rng(seed)
    labels = {split: rng.integers(2, size=n) for split, n in SIZES.items()}
    trials, evaluations, predictions = [], [], []
    for space in spaces:
        n_seeds = {"full": 1, "grid": 9, "seeds": 6}[space]
        n = n_full if space == "full" else 4
        for trial, (configuration, k) in enumerate(
            (c, k) for c in range(n) for k in range(n_seeds)
        ):
            key = {"model": "m", "task": "rte", "space": space, "trial": trial}
            accuracy = rng.uniform(0.6, 0.9)
            given = {split: answers(y, accuracy, rng) for split, y in labels.items()}
            scores = {split: (given[split] == y).mean() for split, y in labels.items()}
            varied = rng.random(4) if space == "full" else np.full(4, 0.1)
            trials.append(
                key | dict(zip(HYPERPARAMETERS, varied, strict=True))
                | {"status": "completed", "total_steps": 5, "configuration": configuration,
                   "init_seed": 42 + k}
            )  # fmt: skip
            evaluations.append(
                key | {"step": 5, "epoch": 1.0, "validation_score": scores["validation"],
                       "validation_loss": 1 - scores["validation"], "test_score": scores["test"]}
            )  # fmt: skip
            packed = {f"{split}_predictions": pack_predictions(v) for split, v in given.items()}
            predictions.append(key | packed)
    rows = [
        {"space": space, "task": "rte", "split": split, "labels": pack_predictions(y)}
        for space in spaces for split, y in labels.items()
    ]  # fmt: skip
    tables = {"trials": trials, "evaluations": evaluations, "predictions": predictions}
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items()}
    write_recorded(folder, **frames, labels=pd.DataFrame(rows), about={"what": "made up"})
    return read_recorded(folder)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return record(tmp_path_factory.mktemp("recorded") / "trials")


@pytest.fixture(scope="module")
def pools(recorded):
    return experiments.read_cells(recorded)["m", "rte"]


def test_test_scores_are_those_of_the_predictions(recorded, pools):
    kept = recorded.evaluations.query("space == 'full'")["test_score"].to_numpy()
    assert experiments.best_scores(pools["full"])["test_score"].to_numpy() == pytest.approx(kept)


def test_parts_share_no_trial_seed_or_test_example(pools):
    parts = [pools["full"].part(i, 3) for i in range(3)]
    trials = [set(part.trials["trial"]) for part in parts]
    assert set.union(*trials) == set(range(120)) and sum(map(len, trials)) == 120
    seeds = [set(pools["grid"].part(i, 3).trials["init_seed"]) for i in range(3)]
    assert sorted(s for part in seeds for s in part) == list(range(42, 51))
    assert [len(part.labels("test")) for part in parts] == [30] * 3
    assert [part.answers("test").shape for part in parts] == [(40, 30)] * 3
    assert [len(part.labels("validation")) for part in parts] == [60] * 3


def test_a_choice_is_the_highest_and_the_earlier_on_a_tie():
    searches = np.array([[0, 1, 2], [3, 2, 1]])
    assert experiments.choose(np.array([0.1, 0.5, 0.5, np.nan]), searches).tolist() == [1, 2]


def test_scores_of_answers_are_accuracies_or_correlations():
    labels = np.array([0.0, 1, 0, 1])
    given = np.array([[0, 1, 0, 1], [1, 0, 1, 0], [1, 1, 1, 1]])
    assert experiments.score_answers("matthews", given, labels) == pytest.approx([1, -1, 0])
    assert experiments.score_answers("accuracy", given, labels).tolist() == [1, 0, 0.5]


def test_choosing_by_a_loss_that_follows_the_score_changes_nothing(pools):
    # the loss is one minus the score, so that both choose the same trial
    assert experiments.loss_as_proxy(pools, np.random.default_rng(0)) == 0


def test_a_vote_of_independent_runs_beats_the_best_of_them(pools):
    assert experiments.ensemble(pools, np.random.default_rng(0)) > 0.02


def test_the_best_of_many_runs_beats_the_grid_more_often_on_validation(pools):
    # and where it loses on test it overfits: a share, so that differences lie within [-1, 1]
    value = experiments.repetitions_overfit(pools, np.random.default_rng(0))
    assert -1 <= value <= 1


def test_all_experiments_run_are_judged_and_shown(recorded):
    results = experiments.run_experiments(recorded)
    assert set(results["claim"]) == set(experiments.EXPERIMENTS)
    assert (results.groupby("claim").size() == experiments.PARTS).all()
    again = experiments.run_experiments(recorded)
    pd.testing.assert_frame_equal(results, again)
    by_claim = {answer.claim: answer.estimate for answer in claims.answers(results)}
    # three values, which decide nothing
    assert all("fewer than 5" in found.reason for found in by_claim.values())
    frame = show.experiments_table(results, note="").frame
    assert len(frame) == len(experiments.EXPERIMENTS) and "RTE" in frame
    assert len(show.plot_experiments(results).get_yticklabels()) == len(frame)
    assert show.describe(results).startswith("Of 8 proposals, ")


def test_too_few_trials_and_missing_spaces_are_left_out_and_said(tmp_path):
    few = record(tmp_path / "few", n_full=30, spaces=("full",))
    results = experiments.run_experiments(few)
    assert results.empty
    found = claims.judge(results, "future-ensemble")
    assert "no trials" in found.reason
    assert show.describe(results) == "No interval excludes zero."
