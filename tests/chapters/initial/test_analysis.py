"""The initial study's numbers: costs, counts, differences, and the paper's beside them."""

from types import SimpleNamespace

import pandas as pd
import pytest

from repro.chapters.initial.analysis import (
    PAPER_MODELS,
    by_model,
    describe_aggregates,
    describe_outcome,
    describe_proposals,
    describe_run,
    example_run,
    grid_costs,
    mean_differences,
    overfitting_beside_published,
    published_differences,
    scores_beside_published,
    trial_counts,
)
from synthetic_study import make_study

RUN = "tiny-electra/rte/asha/1gst/full/rep1"


@pytest.fixture(scope="module")
def study():
    return make_study()


def test_a_study_is_cut_by_the_models_of_its_profile(study):
    models = [SimpleNamespace(name="tiny-roberta", family="roberta-mini")]
    models.append(SimpleNamespace(name="tiny-electra", family="bert-mini"))
    roberta, electra = by_model(study, SimpleNamespace(models=models))
    assert (roberta.paper, electra.paper) == ("roberta-base", "")  # BERT is not in the paper
    assert set(roberta.runs["model"]) == set(roberta.best["model"]) == {"tiny-roberta"}
    assert set(electra.trials["model"]) == {"tiny-electra"}
    with pytest.raises(ValueError, match="unknown model .*; known: tiny-electra, tiny-roberta"):
        by_model(study, SimpleNamespace(models=[SimpleNamespace(name="bert", family="bert")]))


def test_two_settings_of_one_method_are_refused(study, one_model):
    runs = pd.concat([study.runs, study.runs.assign(space="s-wr")])
    with pytest.raises(ValueError, match="one search space and one budget"):
        one_model(study, runs=runs)


def test_grid_costs_are_sums_over_trials(study, one_model):
    # 4 grid trials of 100 steps and 10 s each, in the one grid run
    costs = grid_costs(one_model(study, paper="electra-base")).set_index("task")
    row = costs.loc["rte"]
    assert (row["steps"], row["seconds"], row["n_trials"], row["epochs"]) == (400, 40, 4, 3)
    assert (row["published_seconds"], row["published_epochs"]) == (1000, 10)
    assert grid_costs(one_model(study))["published_seconds"].isna().all()


def test_trial_counts_average_over_repetitions_by_status(study, one_model):
    # rs on MRPC: repetition 1 has a failed trial, 2 a diverged one, 3 neither: 1/3 each
    counts = trial_counts(one_model(study, paper="electra-base")).set_index(["task", "method"])
    row = counts.loc[("mrpc", "rs")]
    assert row["failed"] == row["diverged"] == pytest.approx(1 / 3)
    assert row["completed"] == pytest.approx(10 / 3)
    assert (row["n_trials"], row["n_runs"], row["published_n_trials"]) == (4, 3, 5)


def test_trial_counts_see_a_run_without_trials(study, one_model):
    trials = study.trials[study.trials["run_id"] != RUN]
    counts = trial_counts(one_model(study, trials=trials)).set_index(["task", "method"])
    row = counts.loc[("rte", "asha")]
    assert row["n_trials"] == pytest.approx(8 / 3)
    assert (row["minimum"], row["maximum"], row["n_runs"]) == (0, 4, 3)


def test_scores_stand_beside_the_printed_ones_of_their_model(study, one_model):
    keys = ["task", "method", "split", "metric"]
    data = scores_beside_published(one_model(study, paper="electra-base")).set_index(keys)
    assert data.loc[("rte", "grid", "test", "accuracy"), "published"] == pytest.approx(0.768)
    assert data.loc[("rte", "rs", "test", "accuracy"), "published"] == pytest.approx(0.756)
    assert pd.isna(data.loc[("rte", "rs", "test", "score"), "published"])
    rs, grid = (data.loc[("rte", method, "test", "score")] for method in ("rs", "grid"))
    assert rs["above_grid"] == (rs["mean"] > grid["mean"])
    assert not grid["above_grid"]
    assert scores_beside_published(one_model(study))["published"].isna().all()


def test_published_differences_are_fractions():
    # Table 3, RTE test: ELECTRA's grid 76.8, RS 75.6 -> -1.2 points
    table = published_differences(*PAPER_MODELS).set_index(["model", "task", "method", "split"])
    found = table.loc[("electra-base", "rte", "rs", "test"), "difference"]
    assert found == pytest.approx(-0.012)
    assert table.index.is_unique  # one metric a task


def test_mean_differences_average_a_models_repetitions(study, one_model):
    means = mean_differences([one_model(study), one_model(study, "tiny-roberta")])
    row = means.set_index(["model", "split", "task", "method"]).loc[
        ("tiny-electra", "test", "rte", "rs")
    ]
    best = one_model(study).best.query("task == 'rte'").set_index("method")["test_score"]
    assert row["difference"] == pytest.approx(best["rs"].mean() - best["grid"])
    assert row["n"] == 3


def test_overfitting_runs_stand_above_the_papers_of_the_same_tasks(study, one_model):
    trials = study.trials.copy()
    trials.loc[trials["run_id"] == RUN, ["validation_score", "test_score"]] = [0.99, 0.01]
    model = one_model(study, paper="roberta-base", trials=trials)
    rows = overfitting_beside_published(model)
    paper = rows[rows["source"] == "paper"]
    assert set(paper["task"]) == {"rte", "mrpc", "cola"}  # Table 9 has WNLI and STS-B, too
    assert ((rows["task"] == "rte") & (rows["validation_score"] == 0.99)).any()
    assert set(overfitting_beside_published(one_model(study))["source"]) <= {"here"}


def test_what_came_of_tuning_turns_with_the_numbers(study, one_model):
    model = one_model(study)
    across = pd.DataFrame({"split": ["test"] * 2, "method": ["rs", "asha"], "iqm": [0.01, -0.02]})
    text = describe_outcome([model], across)
    assert text.endswith("gains -2.0 to +1.0 points on test, depending on the method.")
    better = model.trials.assign(validation_score=0.9, test_score=0.9)
    is_grid = better["method"] == "grid"
    better.loc[is_grid, ["validation_score", "test_score"]] = 0.1
    n = better["task"].nunique()
    assert f"in 0 of {n} cases" in describe_outcome([one_model(study, trials=better)], across)
    worse = better.assign(validation_score=0.1, test_score=0.1)
    assert f"in {n} of {n} cases" in describe_outcome([one_model(study, trials=worse)], across)


def test_aggregates_gain_lose_or_neither():
    rows = {"split": "test", "method": ["rs", "asha", "bo_asha"]}
    across = pd.DataFrame(rows).assign(iqm_low=[0.01, -0.3, -0.1], iqm_high=[0.02, -0.1, 0.1])
    text = describe_aggregates(across)
    assert text == "All tasks together, RS gain and RS+ASHA lose against grid search on test."
    assert "no method is distinguishable" in describe_aggregates(across.tail(1))


def test_bayesian_optimisation_proposes_or_not(study, one_model):
    model = one_model(study)  # four trials a run
    assert describe_proposals(model).startswith("BO+ASHA is RS+ASHA here in all but name")
    assert describe_proposals(model, random_starts=2).startswith("BO proposed configurations in")


def test_one_run_is_described(study, one_model):
    trials, curves = example_run(one_model(study))
    assert set(curves["run_id"]) == set(trials["run_id"]) and trials["run_id"].nunique() == 1
    assert f"started {len(trials)} trials: " in describe_run(trials)
    nothing = trials.assign(validation_score=float("nan"))
    assert describe_run(nothing).endswith("None has a score.")
