"""The seed study: which trials it asks for, what they share, and that it runs as a study does."""

import dataclasses

import pytest
import torch

from repro.chapters.seeds.analysis import best_scores, evaluation_scores, score_matrices
from repro.chapters.seeds.failures import ended_runs
from repro.chapters.seeds.run import (
    describe_tasks,
    enumerate_seed_runs,
    recorded_release,
    run_seed_study,
    seed_configuration,
    seed_grid,
    trace_gradients,
)
from repro.data.tasks import resolve_task
from repro.models.build import build_model, resolve_model
from repro.records import check_table
from repro.results.recorded import read_recorded
from repro.study.profile import load_profile
from repro.study.runs import bind_run
from repro.training.types import Seeds, TrialResult
from repro.tuning.runs import RunState, TuningRun
from tiny_models import SETTINGS

pytest_plugins = ("tiny_trials",)


def smoke(**changes):
    return load_profile("smoke", seed_study=changes)


@pytest.mark.parametrize(
    ("name", "trials", "evaluations"),
    [("mini", [9] * 4, [10] * 4), ("paper", [625, 625, 625, 225], [10, 10, 10, 42])],
)
def test_profiles_ask_for_a_full_grid_of_seeds_on_each_task(name, trials, evaluations):
    study = load_profile(name).seed_study
    assert study.tasks == ("mrpc", "rte", "cola", "sst2")
    grids = [seed_grid(study, task) for task in study.tasks]
    assert [len({(s.init, s.order) for s in grid}) for grid in grids] == trials
    assert [len(set(grid)) for grid in grids] == trials
    assert all(len({s.dropout for s in grid}) == len(grid) for grid in grids)
    found = [
        study.evaluations_per_epoch.get(t, study.evaluations_per_epoch["default"])
        for t in study.tasks
    ]
    assert found == evaluations


def test_paper_profile_fine_tunes_as_the_paper_says():
    study = load_profile("paper").seed_study
    # sec. 2.2: BERT-large, three epochs, batch size 16, learning rate 2e-5, dropout .1
    wanted = {"learning_rate": 2e-5, "batch_size": 16, "epochs": 3}
    wanted |= {"hidden_dropout": 0.1, "attention_dropout": 0.1}
    assert wanted.items() <= seed_configuration(study, "mrpc").items()
    assert study.name == "google-bert/bert-large-uncased"
    # and where it is silent as the authors' code
    theirs = {"warmup_ratio": 0.1, "weight_decay": 0.01, "adam_epsilon": 1e-6}
    assert theirs.items() <= seed_configuration(study, "mrpc").items()
    assert (study.optimizer, study.schedule_applied) == ("bertadam", "twice")
    assert not study.dropout_after_first_validation


def test_a_section_takes_single_changes():
    profile = smoke(n_init_seeds=2, tasks=["rte"], configuration=None)
    assert [(s.init, s.order) for s in seed_grid(profile.seed_study, "rte")] == [
        *((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)),
    ]
    assert profile.title == "smoke (seed_study n_init_seeds 2 tasks rte)"
    assert profile.folder == "smoke-changed"
    assert smoke(tasks=None).folder == "smoke"
    assert smoke(name="tiny-electra").seed_study.family == "electra-mini"
    assert {s.dropout for s in seed_grid(smoke(dropout_seed=7).seed_study, "rte")} == {7}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_init_seeds": 1}, "`n_init_seeds` must be at least 2, but got 1"),
        ({"n_order_seeds": {"default": 1}}, "`n_order_seeds` must be at least 2"),
        ({"evaluations_per_epoch": 9}, "must be at least 10, but got 9"),
        ({"n_seeds": 4}, "unknown key"),
        ({"configuration": {"rate": 1}}, "hyperparameter"),
    ],
)
def test_impossible_seed_studies_are_refused_in_one_line(changes, message):
    with pytest.raises(ValueError, match=message) as raised:
        smoke(**changes)
    assert "\n" not in str(raised.value)


def test_seeds_is_no_method_of_a_tuning_study():
    with pytest.raises(ValueError, match="seeds"):
        load_profile("smoke", methods=["grid", "seeds"])


def test_the_same_weight_seed_gives_all_tasks_the_same_classifier():
    spec = resolve_model("tiny-bert")

    def classifier(task, seed):
        return build_model(spec, task=resolve_task(task), configuration={}, init_seed=seed)

    ours, others = classifier("mrpc", 3), classifier("sst2", 3)
    assert torch.equal(ours.classifier.weight, others.classifier.weight)
    assert not torch.equal(ours.classifier.weight, classifier("mrpc", 4).classifier.weight)


def listed_run(**changes):
    run = enumerate_seed_runs(smoke(tasks=["rte"]))[0].tuning
    return dataclasses.replace(run, **changes)


class Memory:
    """A store of trials that keeps nothing."""

    def recall(self, request):
        return None

    def record(self, request, result):
        pass


def test_every_trial_has_its_seeds_and_all_may_start_at_once():
    state = RunState(listed_run(), unit="steps", store=Memory())
    requests = [state.next_request() for _ in range(9)]
    assert [r.seeds for r in requests] == list(seed_grid(smoke().seed_study, "rte"))
    assert len({str(r.configuration) for r in requests}) == 1
    assert state.next_request() is None
    for request in requests:  # a failed trial does not end the others
        state.on_result(request.trial, TrialResult("failed"))
    assert state.next_request() is None
    assert state.finished


def test_as_many_seeds_as_trials_are_wanted():
    with pytest.raises(ValueError, match="as many as the configurations .* but got 2 for 9"):
        listed_run(seeds=(Seeds(1, 1, 1),) * 2)
    with pytest.raises(ValueError, match="must have configurations"):
        TuningRun(run_id="a", method="seeds", space=listed_run().space, seed=0)


def test_a_changed_study_asks_another_question():
    def paths(**changes):
        profile = smoke(**changes)
        return {bind_run(profile, run).path for run in enumerate_seed_runs(profile)}

    assert len(paths() | paths(dropout_after_first_validation=False)) == 4
    assert len(paths() | paths(dropout_seed=1)) == 4
    assert paths() == paths(tasks=["rte", "mrpc"])
    with pytest.raises(ValueError, match="must have a section `seed_study`"):
        enumerate_seed_runs(load_profile("smoke").model_copy(update={"seed_study": None}))


def test_dropout_is_off_after_the_first_validation_where_asked(run):
    off = dataclasses.replace(SETTINGS, dropout_after_first_validation=False)
    seeds = [Seeds(1, 1, dropout) for dropout in (1, 2)]
    with_noise = [run(settings=SETTINGS, seeds=s, hidden_dropout=0.3).losses for s in seeds]
    without = [run(settings=off, seeds=s, hidden_dropout=0.3) for s in seeds]
    first = without[0].evaluations[0].step
    # until the first validation both have dropout: equal by seed; after it, only one has
    assert (with_noise[0][:first] == without[0].losses[:first]).all()
    assert (with_noise[0][:first] != with_noise[1][:first]).any()
    assert (with_noise[0][first:] != without[0].losses[first:]).any()
    assert without[0].settings["dropout_after_first_validation"] is False


def test_tasks_are_described_as_in_table_2():
    facts = describe_tasks(smoke()).set_index("task")
    assert facts["n_train"].tolist() == [64, 64]
    assert facts.loc["mrpc", "metric"] == "accuracy_f1_mean"
    # 32 examples; always "equivalent": F1 = 2a / (1 + a) at accuracy a
    accuracy = round(32 * 0.66) / 32
    assert facts.loc["mrpc", "majority_baseline"] == pytest.approx(
        (accuracy + 2 * accuracy / (1 + accuracy)) / 2, abs=0.06
    )


def test_a_seed_study_leaves_tidy_tables_and_is_not_repeated(tmp_path, monkeypatch):
    profile = smoke(tasks=["rte"], n_init_seeds=2, n_order_seeds=2)
    results = run_seed_study(profile, results=tmp_path)
    trials = results.trials
    for name in ("runs", "trials", "evaluations", "losses"):
        check_table(name, getattr(results, name))
    seeds = trials[["init_seed", "order_seed", "dropout_seed"]].itertuples(index=False, name=None)
    assert [Seeds(*s) for s in seeds] == list(seed_grid(profile.seed_study, "rte"))
    # 64 examples in batches of 8: 8 updates an epoch, each followed by an evaluation
    assert (results.evaluations.groupby("trial_id").size() == 8).all()
    assert len(results.losses) == 4 * 8
    monkeypatch.setattr("repro.tuning.ray_tune.tune_runs", None)
    assert run_seed_study(profile, results=tmp_path).trials.equals(trials)


def test_recorded_runs_are_read_as_a_release():
    recorded = read_recorded("seeds")
    data = recorded_release(recorded)
    best = best_scores(evaluation_scores(data.trials, data.evaluations))
    for task, matrix in score_matrices(best).items():
        assert min(matrix.shape) >= 5, task
    facts = data.tasks.set_index("task")
    assert facts.loc["mrpc", "metric"] == "accuracy"  # the mean with F1 was not recorded
    assert facts["majority_baseline"].between(0, 0.7).all()


def test_a_space_that_was_not_recorded_is_named(tmp_path):
    recorded = read_recorded("seeds")
    without = dataclasses.replace(recorded, trials=recorded.trials.query("space == 'failing'"))
    with pytest.raises(ValueError, match="must hold trials of the space 'init-x-order'"):
        recorded_release(without)


def test_gradients_of_recorded_runs_are_traced_by_part():
    recorded = read_recorded("seeds")
    picked = ended_runs(recorded.trials, recorded.evaluations).query("way == 'failing'").head(1)
    norms = trace_gradients(recorded, picked)
    assert list(dict.fromkeys(norms["part"])) == ["embeddings", "layer 1", "layer 2", "head"]
    # 800 examples in batches of 16, 3 epochs
    assert norms["step"].max() == 150 and len(norms) == 4 * 150
    assert (norms["norm"] > 0).all()
