"""The published tables are complete, use one vocabulary, and load with clear errors."""

import itertools

import pandas as pd
import pytest

from repro.paths import ROOT
from repro.published import (
    list_published,
    load_published,
    published_grid_cost,
    published_overfitting_trials,
    published_scores,
)

N_ROWS = {
    "course_project_table01": 3,  # baseline, manual, automatic
    "dodge_2020_table01": 7 * 4,  # models x tasks
    "dodge_2020_table02": 4,
    "dodge_2020_table03": 3 * 4,
    "dodge_2020_table04": 2 * 4,
    # learning rate, four unit intervals, batch size (two models), epochs (two models)
    "liu_wang_2021_table01": 2 * (3 + 2) + 4 * 2 * (1 + 2) + (1 + 3) + (2 + 3) + 2 * 3 + 2,
    "liu_wang_2021_table02": 9 * 2,
    "liu_wang_2021_table03": 4 * 2 * (10 + 7),  # methods x splits x (task, metric) pairs
    "liu_wang_2021_table04": 1 + 4 * 4,  # grid + rounds x (repetitions and mean)
    "liu_wang_2021_table05": (8 + 5) * 3,
    "liu_wang_2021_table06": 8 * 3,
    "liu_wang_2021_table07": 2 * 4,
    "liu_wang_2021_table08": 3 + 9,  # grid + overfitting tuning runs
    "liu_wang_2021_table09": 5 + 13,  # the caption says 11, the table lists 13
    "liu_wang_2021_table10": 6 + 4 * (4 + 6 + 6 + 4 + 8 + 4),  # grid + 4 x rounds of each task
    "liu_wang_2021_table11": 5 + 4 * (6 + 6 + 5 + 7 + 5),
    "mosbach_2021_table01": 3 * 3,  # recipes x tasks
    "zhang_2021_table01": 4 * 4,
}

MODELS = {"electra-base", "roberta-base", "bert-large", "stilts", "xlnet", "roberta", "albert"}
MODELS |= {"distilbert"}
TASKS = {"wnli", "rte", "mrpc", "cola", "stsb", "sst2", "qnli", "mnli", "qqp"}
VOCABULARY = {
    "source": {"liu_wang_2021", "dodge_2020", "course_project", "mosbach_2021", "zhang_2021"},
    "task": TASKS | {"all", "other"},
    "model": MODELS,
    "method": {"grid", "rs", "asha", "bo_asha", "baseline", "manual", "automatic"},
    "split": {"validation", "test"},
    "metric": {"accuracy", "f1", "matthews", "pearson", "spearman", "accuracy_f1_mean"},
    "second_metric": {"f1", "spearman"},
    "space": {"grid", "full", "s-wr", "s-wr-hdo", "smin"},
    "action": {"start", "more_budget", "reduce_space"},
    "verdict": {"succeeds", "overfits", "tbd"},
    "repetition": {"1", "2", "3", "mean"},
    "domain": {"constant", "choice", "interval", "log_interval"},
    "bound": {"low", "high"},
    "partition": {"origin", "resplit"},
    "aggregated_over": {"wi", "do", "total"},
    "factor": {"wi", "do"},
}


def test_all_tables_are_there():
    assert [name for name in list_published() if "_table" in name] == sorted(N_ROWS)


@pytest.mark.parametrize("name", sorted(N_ROWS))
def test_a_table_has_its_rows_each_once_with_its_origin(name):
    table = load_published(name)
    assert len(table) == N_ROWS[name]
    assert not table.duplicated().any()
    assert (table["source"] + "_table" + table["table"].map("{:02d}".format) == name).all()
    if name.startswith(("course_project", "mosbach", "zhang")):  # pages are not known
        assert "page" not in table
        return
    first, last = (2286, 2300) if name.startswith("liu") else (1, 12)
    assert table["page"].nunique() == 1 and table["page"].between(first, last).all()


@pytest.mark.parametrize("name", sorted(N_ROWS))
def test_words_are_the_vocabulary_and_scores_are_percent(name):
    table = load_published(name)
    for column in table.columns.intersection(list(VOCABULARY)):
        assert set(table[column].dropna()) <= VOCABULARY[column], column
    for column in [c for c in table.columns if c.endswith("score")]:
        assert table[column].dropna().between(50, 100).all(), column


def test_the_dictionary_names_every_table_and_column():
    text = (ROOT / "data/published/README.md").read_text(encoding="utf-8")
    columns = itertools.chain(*(load_published(name).columns for name in N_ROWS))
    assert [name for name in sorted({*N_ROWS, *columns}) if f"`{name}`" not in text] == []


def test_scores_of_the_initial_study():
    scores = published_scores("electra-base")
    assert list(scores.columns) == ["task", "method", "split", "metric", "score"]
    mrpc = scores.query("task == 'mrpc' and method == 'grid' and split == 'test'")
    assert dict(zip(mrpc["metric"], mrpc["score"], strict=True)) == {"f1": 91.1, "accuracy": 87.9}


def test_tuned_scores_are_one_a_task_method_and_split():
    scores = published_scores("roberta-base", tuned_only=True)
    assert len(scores) == 5 * 4 * 2
    assert not scores.duplicated(["task", "method", "split"]).any()
    metrics = dict(zip(scores["task"], scores["metric"], strict=True))
    assert metrics == {
        "wnli": "accuracy",
        "rte": "accuracy",
        "mrpc": "accuracy",
        "cola": "matthews",
        "stsb": "pearson",
    }


def test_overfitting_trials_start_with_grid_for_each_task():
    for model, n_tasks in {"electra-base": 3, "roberta-base": 5}.items():
        first = published_overfitting_trials(model).groupby("task", sort=False).head(1)
        assert first["is_grid"].tolist() == [True] * n_tasks


def test_trial_counts_are_higher_with_early_stopping():
    counts = load_published("liu_wang_2021_table06").pivot(
        index="task", columns="method", values="n_trials"
    )
    assert counts.loc["rte"].to_dict() == {"rs": 6, "asha": 27, "bo_asha": 38}
    assert (counts["rs"] < counts[["asha", "bo_asha"]].min(axis=1)).all()


def test_tasks_pruned_at_two_hours_have_no_scores():
    # Section 3: a task is pruned where grid search takes longer than two hours, or was not run.
    costs = published_grid_cost()
    for model, rows in costs.groupby("model"):
        kept = rows.loc[rows["grid_seconds"] <= 2 * 3600, "task"]
        assert set(kept) == set(published_scores(model)["task"])


def test_an_unknown_table_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="unknown published table 'table3'.*liu_wang_2021_table03"):
        load_published("table3")


@pytest.mark.parametrize("accessor", [published_scores, published_overfitting_trials])
def test_an_unknown_model_is_refused_with_the_known_ones(accessor):
    with pytest.raises(
        ValueError, match="unknown model 'bert-large'; known: electra-base, roberta-base"
    ):
        accessor("bert-large")


def test_the_environment_moves_the_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="set REPRO_DATA to"):
        list_published()
    (tmp_path / "published").mkdir()
    pd.DataFrame({"repetition": ["1"]}).to_csv(tmp_path / "published" / "a.csv", index=False)
    assert list_published() == ["a"]
    assert load_published("a")["repetition"].tolist() == ["1"]
