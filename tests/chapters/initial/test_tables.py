"""Tables: the cells they show, the marks they carry, and that no format is broken by its text."""

import io
import re

import numpy as np
import pandas as pd
import pytest

from repro.chapters.initial.score_tables import table3, table8_9
from repro.chapters.initial.tables import claims_table, table2, table6
from repro.show import cells
from repro.show.cells import describe_study
from repro.show.spaces import space_rows, table1
from repro.show.studies import best_vs_last
from repro.show.table import Mark, Table
from synthetic_study import make_study

NAN = float("nan")
MODEL = "tiny-electra"


@pytest.fixture(scope="module")
def study():
    return make_study(tasks=("cola", "mrpc"))


@pytest.fixture(scope="module")
def published():
    """A made-up Table 3 in percent, with another model's rows that must not show."""
    rows = [
        ("electra-base", "mrpc", method, split, metric, score)
        for method in ("grid", "rs")
        for split in ("validation", "test")
        for metric, score in (("f1", 92.3), ("accuracy", 89.2))
    ]
    rows.append(("roberta-base", "cola", "grid", "test", "matthews", 11.1))
    return pd.DataFrame(rows, columns=["model", "task", "method", "split", "metric", "score"])


def row_of(table, **values):
    frame = table.frame
    for name, value in values.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


# --- one table, four formats --------------------------------------------------------------------


@pytest.fixture
def small():
    frame = pd.DataFrame({"task_name": ["a|b & <c>", "d"], "score": ["-1.0 ± 0.2", "50%"]})
    marks = pd.DataFrame({"task_name": ["bold", ""], "score": ["up bold", ""]})
    legend = {"up": Mark("dark", "higher than grid")}
    return Table("t", "Scores, in % of 1_000.", frame, marks, legend, blocks="task_name")


def test_markdown_marks_by_symbols_and_escapes_pipes(small):
    text = small.to_markdown()
    assert "| **a\\|b & <c>** | **-1.0 ± 0.2** ▲ |" in text
    assert text.startswith("Scores, in % of 1_000. ▲ higher than grid.")
    columns = {len(re.findall(r"(?<!\\)\|", line)) for line in text.splitlines()[2:]}
    assert columns == {3}


def test_latex_shades_and_escapes(small):
    text = small.to_latex()
    assert r"\cellcolor[gray]{0.65}" in text
    assert r"$-$1.0 $\pm$ 0.2" in text
    assert r"a|b \& $<$c$>$" in text
    assert r"50\%" in text
    assert r"Scores, in \% of 1\_000. Dark grey: higher than grid." in text
    assert text.count("{") == text.count("}")
    assert text.count(r"\midrule") == 2  # under the head, and where the block changes


def test_html_shades_and_escapes(small):
    text = small._repr_html_()
    assert "a|b &amp; &lt;c&gt;" in text
    assert "background:rgb(166,166,166)" in text  # 0.65 x 255 = 165.75
    assert "font-weight:bold" in text
    assert "caption" not in small.to_html(caption=False)


def test_csv_holds_the_numbers_behind_the_cells(small):
    assert small.to_csv().startswith("task_name,score")
    numbers = Table("t", "c", small.frame, data=pd.DataFrame({"x": [0.1, NAN]}))
    assert pd.read_csv(io.StringIO(numbers.to_csv()))["x"].tolist()[0] == 0.1


def test_marks_must_fit(small):
    with pytest.raises(ValueError, match=r"shape of `frame`, \(2, 2\), but got \(1, 2\)"):
        Table("t", "c", small.frame, small.marks.head(1), small.legend)
    with pytest.raises(ValueError, match=r"must be 'bold' or among \[\], but got \['up'\]"):
        Table("t", "c", small.frame, small.marks)
    with pytest.raises(ValueError, match="`shade` must be one of"):
        Mark("black", "y")


def test_an_empty_table_can_be_written():
    table = Table("t", "Nothing.", pd.DataFrame(columns=["a", "b"], dtype="str"))
    for text in (table.to_markdown(), table.to_latex(), table.to_html(), table.to_csv()):
        assert "a" in text


# --- cells --------------------------------------------------------------------------------------


def test_numbers_as_text():
    assert cells.percent(0.8766) == "87.7"
    assert cells.points(0.0081) == "+0.8"
    assert cells.points(-0.0001) == "0.0"
    assert cells.points(NAN) == cells.percent(NAN) == "–"
    assert cells.interval(-0.003, 0.019) == " [-0.3, +1.9]"
    assert cells.interval(NAN, NAN) == ""
    assert cells.scientific(3.9e-5) == "3.9e-5"
    assert [cells.short(x) for x in (1e-4, 2.99e-5, 0.0015)] == ["1e-4", "2.99e-5", "1.5e-3"]
    assert [cells.seconds(x) for x in (3.14, 7800.0)] == ["3.1", "7,800"]


def test_mean_and_spread_says_when_repetitions_are_missing():
    rows = pd.DataFrame({"mean": [0.9, 0.8], "sd": [0.01, 0.02], "n": [2, 2]}, ["f1", "accuracy"])
    assert cells.mean_and_spread(rows, ["f1", "accuracy"], n_expected=2) == "90.0/80.0 ± 1.0/2.0"
    assert cells.mean_and_spread(rows, ["f1"], n_expected=3) == "90.0 ± 1.0 (n=2)"
    assert cells.mean_and_spread(rows.assign(n=1), ["f1"], n_expected=1) == "90.0"
    assert cells.mean_and_spread(rows.assign(n=0), ["f1"], n_expected=3) == "–"
    assert cells.mean_and_spread(rows.head(0), ["f1"], n_expected=3) == "–"


def test_study_note_counts_failures_and_empty_runs(study):
    # 2 models x 2 tasks x (1 grid + 3 methods x 3) = 40 runs of 4 trials; 1 failed, 1 diverged,
    # and a dead run of 4
    note = describe_study(study.runs, study.trials)
    assert note == (
        "Profile mini; n = 3 repetitions (grid search: 1); 6 of 160 trials failed or diverged; "
        "1 of 40 tuning runs without a score."
    )


def test_study_note_says_unequal_repetitions(study):
    runs = study.runs[study.runs["run_id"] != f"{MODEL}/cola/rs/1gst/full/rep3"]
    assert "n = 2 to 3 repetitions" in describe_study(runs, study.trials)


# --- the paper's tables -------------------------------------------------------------------------


def test_table3_shows_both_and_never_mixes_them(study, published):
    table = table3(
        study.runs, study.trials, model=MODEL, published=published, published_model="electra-base"
    )
    paper = row_of(table, split="test", method="grid", source="paper")
    assert paper["MRPC (F1/acc.)"] == "92.3/89.2"
    assert paper["CoLA (Matthews)"] == "–"  # roberta-base's 11.1 belongs elsewhere
    here = row_of(table, split="validation", method="grid", source="here")
    best = study.trials.query("model == @MODEL and task == 'mrpc' and method == 'grid'")
    best = best.loc[best["validation_score"].idxmax()]
    expected = f"{100 * best['validation_f1']:.1f}/{100 * best['validation_accuracy']:.1f}"
    assert here["MRPC (F1/acc.)"] == expected
    assert "paper" not in set(table.frame.query("method == 'BO+ASHA'")["source"])
    assert "tiny-electra in the place of the paper's electra-base" in table.caption
    assert "Profile mini; n = 3 repetitions (grid search: 1)" in table.caption


def test_table3_marks_means_above_grid(study):
    table = table3(study.runs, study.trials, model=MODEL)
    data = table.data.query("metric == 'score' and split == 'test' and task == 'cola'")
    means = data.set_index("method")["mean"]
    for method, name in (("rs", "RS"), ("asha", "RS+ASHA"), ("bo_asha", "BO+ASHA")):
        place = row_of(table, split="test", method=name).name
        marked = table.marks.loc[place, "CoLA (Matthews)"]
        assert marked == ("above" if means[method] > means["grid"] else "")


def test_table3_names_missing_repetitions(study):
    table = table3(study.runs, study.trials, model="tiny-roberta")
    dead = row_of(table, split="test", method="BO+ASHA")  # 2 of 3 repetitions have a score
    assert dead["MRPC (F1/acc.)"].endswith("(n=2)")
    assert "1 of 20 tuning runs without a score" in table.caption


def test_table3_refuses_two_settings_of_one_method(study):
    runs = pd.concat([study.runs, study.runs.assign(space="s-wr")])
    with pytest.raises(ValueError, match="one search space and one budget"):
        table3(runs, study.trials, model=MODEL)
    with pytest.raises(ValueError, match="`model` must be one of"):
        table3(study.runs, study.trials, model="bert")


def test_table3_of_hidden_test_labels(study):
    hidden = [c for c in study.trials if c.startswith("test_")]
    trials = study.trials.assign(**dict.fromkeys(hidden, NAN))
    table = table3(study.runs, trials, model=MODEL)
    assert row_of(table, split="test", method="RS")["CoLA (Matthews)"] == "–"


def test_scores_that_came_back_have_a_dagger_each(study):
    trials = study.trials.assign(test_source="labels")
    run = trials["run_id"] == f"{MODEL}/mrpc/rs/1gst/full/rep3"
    trials.loc[run, ["validation_score", "test_score"]] = [0.99, 0.01]  # overfits
    trials.loc[run, "test_source"] = "returned"
    ours = [frame[frame["model"] == MODEL] for frame in (study.runs, trials)]
    assert "test scores of 1 of 20 tuning runs (†) came back from GLUE" in describe_study(*ours)
    three = table3(study.runs, trials, model=MODEL)
    marked = three.frame.map(lambda text: "†" in text).stack()
    place = row_of(three, split="test", method="RS").name
    assert marked[marked].index.tolist() == [(place, "MRPC (F1/acc.)")]
    eight = table8_9(study.runs, trials, model=MODEL).frame
    assert eight.loc[eight["test"].str.endswith("†"), "run"].tolist() == ["MRPC, RS, rep 3"]
    assert "†" in three.caption and "†" in three.to_markdown() and "†" in three.to_html()
    assert "†" not in three.to_csv()
    assert three.data.query("n_returned > 0")["split"].unique().tolist() == ["test"]
    latex = three.to_latex()
    assert "†" not in latex and latex.count(r"$^\dagger$") == 2  # the cell and the caption
    assert "{lllrr}" in latex  # still numbers
    assert "†" not in table3(study.runs, study.trials, model=MODEL).to_markdown()


def test_table2_puts_the_papers_seconds_beside(study):
    published = pd.DataFrame(
        {"model": ["electra-base"], "task": ["mrpc"], "grid_seconds": [420], "epochs": [3]}
    )
    models = {MODEL: "electra-base"}
    table = table2(study.runs, study.trials, published=published, published_models=models)
    row = row_of(table, model=MODEL, task="MRPC")
    assert (row["steps"], row["seconds"], row["paper: seconds"]) == ("400", "40", "420")
    assert row_of(table, model="tiny-roberta", task="MRPC")["paper: seconds"] == "–"
    assert "grid search: n = 1" in table.caption


def test_table6_counts_trials_and_early_ends(study):
    published = pd.DataFrame({"task": ["mrpc"], "method": ["asha"], "n_trials": [36]})
    table = table6(study.runs, study.trials, model=MODEL, published=published)
    row = row_of(table, task="MRPC")
    assert (row["RS+ASHA"], row["RS+ASHA: early"], row["RS+ASHA: paper"]) == ("4", "2", "36")
    assert row["RS: paper"] == "–"


def test_table8_9_marks_higher_and_lower(study):
    trials = study.trials.copy()
    run = trials["run_id"] == f"{MODEL}/mrpc/rs/1gst/full/rep3"
    trials.loc[run, ["validation_score", "test_score"]] = [0.99, 0.01]
    trials.loc[run, ["warmup_ratio", "hidden_dropout", "attention_dropout"]] = [0.2, 0.01, 0.1]
    table = table8_9(study.runs, trials, model=MODEL)
    place = row_of(table, run="MRPC, RS, rep 3").name
    names = ["warm-up ratio", "hidden dropout", "attention dropout"]
    assert table.marks.loc[place, names].tolist() == ["higher", "lower", ""]
    grid = row_of(table, run="MRPC, grid").name
    assert table.marks.loc[grid, "run"] == "bold"
    assert re.search(r"\d+ of 18 runs overfit", table.caption)


def test_table8_9_shows_the_papers_rows_in_the_papers_order(study):
    row = {"task": "mrpc", "method": "grid", "repetition": NAN, "is_grid": True}
    row |= {"metric": "accuracy", "validation_score": 89.2, "test_score": 87.9}
    row |= {"second_metric": "f1", "second_validation_score": 92.3, "second_test_score": 91.1}
    row |= {"learning_rate": 1e-4, "warmup_ratio": 0.1, "batch_size": 32, "hidden_dropout": 0.1}
    row |= {"attention_dropout": 0.1, "weight_decay": NAN}
    run = row | {"method": "rs", "repetition": "1", "is_grid": False, "learning_rate": 3.9e-5}
    published = pd.DataFrame([row, run, row | {"task": "sst2"}])
    table = table8_9(study.runs, study.trials, model=MODEL, published=published)
    paper = table.frame[table.frame["source"] == "paper"]
    assert paper["run"].tolist() == ["MRPC, grid", "MRPC, RS, rep 1"]  # SST-2 was not run here
    assert paper["validation"].tolist() == ["92.3/89.2"] * 2
    assert table.marks.loc[paper.index[1], "learning rate"] == "lower"


def test_table8_9_without_overfitting_says_so(study):
    trials = study.trials.assign(validation_score=0.5, test_score=0.5)
    table = table8_9(study.runs, trials, model=MODEL)
    assert table.frame.empty
    assert "0 of 18 runs overfit" in table.caption
    assert "source" in table.to_markdown()


def test_best_vs_last_averages_tasks_alike(study):
    table = best_vs_last(study.runs, study.trials, model=MODEL)
    data = table.data.query("split == 'test'").set_index("task")
    assert data.loc["all", "best"] == pytest.approx(data.loc[["cola", "mrpc"], "best"].mean())
    gap = data["best"] - data["last"]
    assert np.allclose(gap, data["difference"])
    assert (data["low"] <= data["difference"]).all()
    assert table.frame["task"].tolist() == ["MRPC", "CoLA", "all tasks"]


def test_table1_from_spaces_and_from_the_paper():
    spaces = pytest.importorskip("repro.tuning.spaces")
    ours = space_rows(
        "google/electra",
        space=spaces.search_space("electra", epochs=3),
        grid=spaces.grid_configurations("electra", epochs=3),
    )
    table = table1(ours, profile="paper").frame.set_index("hyperparameter")
    grid, full = table["google/electra, grid (here)"], table["google/electra, full (here)"]
    assert grid["learning rate"] == "{3e-5, 1e-4, 1.5e-4}"
    assert full["learning rate"] == "log(2.99e-5, 1.51e-4)"
    assert (grid["batch size"], full["batch size"]) == ("32", "{16, 32, 64}")
    assert (full["warm-up ratio"], full["epochs"]) == ("(0, 0.2)", "3")


def test_table1_groups_the_tasks_of_a_value():
    rows = pd.DataFrame({"task": ["rte", "stsb", "other"], "value": [10, 10, 3]}).assign(
        model="m", space="grid", hyperparameter="epochs", domain="constant", bound=""
    )
    assert table1(rows).frame.iloc[0, 1] == "10 for RTE, STS-B; 3 for other"


def test_claims():
    row = {"claim": "c", "paper": "p", "here": "h", "interval": "", "agrees": None}
    table = claims_table([row, row | {"agrees": np.True_}], note="Profile mini.")
    assert table.frame["agrees"].tolist() == ["undecided", "yes"]
    assert table.caption.endswith("Profile mini.")
    with pytest.raises(ValueError, match="must have the keys"):
        claims_table([{"claim": "c"}], note="")
