"""The paper's tables: the cells they show and the marks they carry."""

import re

import pytest

from repro.chapters.initial.tables import table2, table3, table6, table8_9
from repro.show.cells import describe_study
from synthetic_study import make_study

NAN = float("nan")
MODEL = "tiny-electra"


@pytest.fixture(scope="module")
def study():
    return make_study(tasks=("cola", "mrpc"))


def row_of(table, **values):
    frame = table.frame
    for name, value in values.items():
        frame = frame[frame[name] == value]
    assert len(frame) == 1
    return frame.iloc[0]


def row_of_table3(table, split, method):
    heads = table.frame[""]
    (place,) = table.frame.index[(heads["split"] == split) & (heads["method"] == method)]
    return table.frame.loc[place]


def with_scores(study, run, validation, test):
    trials = study.trials.copy()
    trials.loc[trials["run_id"] == run, ["validation_score", "test_score"]] = [validation, test]
    return trials


RUN = f"{MODEL}/mrpc/rs/1gst/full/rep3"


def test_table2_puts_the_papers_seconds_beside(study, one_model):
    table = table2([one_model(study, MODEL, "electra-base"), one_model(study, "tiny-roberta")])
    row = row_of(table, model=MODEL, task="MRPC")
    assert (row["steps"], row["seconds"], row["paper: seconds"]) == ("400", "40", "420")
    assert row_of(table, model="tiny-roberta", task="MRPC")["paper: seconds"] == "–"
    assert table.frame["task"].tolist() == ["MRPC", "CoLA"] * 2
    assert "grid search: n = 1" in table.caption


def test_table3_shows_both_and_never_mixes_them(study, one_model):
    model = one_model(study, MODEL, "electra-base")
    table = table3(model)
    paper = row_of_table3(table, "test", "grid")["as printed"]
    assert paper["MRPC (F1/acc.)"] == "91.1/87.9"
    assert paper["CoLA (Matthews)"] == "58.5"
    here = row_of_table3(table, "validation", "grid")["here"]
    best = model.trials.query("task == 'mrpc' and method == 'grid'")
    best = best.loc[best["validation_score"].idxmax()]
    expected = f"{100 * best['validation_f1']:.1f}/{100 * best['validation_accuracy']:.1f}"
    assert here["MRPC (F1/acc.)"] == expected
    assert "tiny-electra in place of the paper's electra-base" in table.caption
    assert "Profile mini; n = 3 repetitions (grid search: 1)" in table.caption


def test_table3_without_a_published_model_has_no_columns_of_it(study, one_model):
    table = table3(one_model(study))
    assert set(table.frame.columns.get_level_values(0)) == {"", "here"}
    assert table.caption.startswith("Table 3 with tiny-electra: ")
    assert "as printed" not in table.caption


def test_table3_marks_means_above_grid(study, one_model):
    table = table3(one_model(study))
    data = table.data.query("metric == 'score' and split == 'test' and task == 'cola'")
    means = data.set_index("method")["mean"]
    for method, name in (("rs", "RS"), ("asha", "RS+ASHA"), ("bo_asha", "BO+ASHA")):
        place = row_of_table3(table, "test", name).name
        marked = table.marks.loc[place, ("here", "CoLA (Matthews)")]
        assert marked == ("above" if means[method] > means["grid"] else "")


def test_table3_says_when_repetitions_are_missing(study, one_model):
    table = table3(one_model(study, "tiny-roberta"))
    dead = row_of_table3(table, "test", "BO+ASHA")["here"]  # 2 of 3 repetitions have a score
    assert re.fullmatch(r"[\d.]+/[\d.]+ ± [\d.]+/[\d.]+ \(n=2\)", dead["MRPC (F1/acc.)"])
    assert "1 of 20 tuning runs without a score" in table.caption
    grid = row_of_table3(table, "test", "grid")["here"]["CoLA (Matthews)"]
    assert re.fullmatch(r"[\d.]+", grid)  # one repetition has no standard deviation


def test_table3_of_hidden_test_labels(study, one_model):
    hidden = [c for c in study.trials if c.startswith("test_")]
    trials = study.trials.assign(**dict.fromkeys(hidden, NAN))
    table = table3(one_model(study, trials=trials))
    assert row_of_table3(table, "test", "RS")["here"]["CoLA (Matthews)"] == "–"


def test_scores_that_came_back_have_a_dagger_each(study, one_model):
    trials = with_scores(study, RUN, 0.99, 0.01).assign(test_source="labels")  # overfits
    trials.loc[trials["run_id"] == RUN, "test_source"] = "returned"
    model = one_model(study, trials=trials)
    note = describe_study(model.runs, model.trials)
    assert "test scores of 1 of 20 tuning runs (†) came back from GLUE" in note
    three = table3(model)
    marked = three.frame["here"].map(lambda text: "†" in text).stack()
    place = row_of_table3(three, "test", "RS").name
    assert marked[marked].index.tolist() == [(place, "MRPC (F1/acc.)")]
    eight = table8_9(model).frame
    assert eight.loc[eight["test"].str.endswith("†"), "run"].tolist() == ["MRPC, RS, rep 3"]
    assert "†" in three.caption and "†" in three.to_html()
    assert "†" not in three.to_csv()
    assert three.data.query("n_returned > 0")["split"].unique().tolist() == ["test"]
    latex = three.to_latex()
    assert "†" not in latex and latex.count(r"$^\dagger$") == 2  # the cell and the caption
    assert "{llrr}" in latex  # still numbers
    assert "†" not in table3(one_model(study)).to_html()


def test_table6_counts_trials_and_early_ends(study, one_model):
    row = row_of(table6(one_model(study, paper="electra-base")), task="MRPC")
    assert (row["RS+ASHA"], row["RS+ASHA: early"], row["RS+ASHA: paper"]) == ("4", "2", "36")
    assert row["RS: paper"] == "5"
    assert "RS: paper" not in table6(one_model(study, paper="roberta-base")).frame  # not printed


def test_table6_gives_the_range_where_repetitions_differ(study, one_model):
    trials = study.trials[study.trials["trial_id"] != f"{RUN}/trial0003"]
    row = row_of(table6(one_model(study, trials=trials)), task="MRPC")
    assert row["RS"] == "3.67 (3–4)"


def test_table8_9_marks_higher_and_lower(study, one_model):
    trials = with_scores(study, RUN, 0.99, 0.01)
    names = ["warmup_ratio", "hidden_dropout", "attention_dropout"]
    trials.loc[trials["run_id"] == RUN, names] = [0.2, 0.01, 0.1]
    table = table8_9(one_model(study, trials=trials))
    place = row_of(table, run="MRPC, RS, rep 3").name
    names = ["warm-up ratio", "hidden dropout", "attention dropout"]
    assert table.marks.loc[place, names].tolist() == ["higher", "lower", ""]
    grid = row_of(table, run="MRPC, grid").name
    assert table.marks.loc[grid, "run"] == "bold"
    assert re.search(r"\d+ of 18 runs overfit", table.caption)


def test_table8_9_shows_the_papers_rows_in_the_papers_order(study, one_model):
    table = table8_9(one_model(study, paper="electra-base"))
    paper = table.frame[table.frame["source"] == "paper"]
    # Table 8 begins with MRPC; its SST-2 and others were not run here
    assert paper["run"].tolist()[:2] == ["MRPC, grid", "MRPC, RS, rep 1"]
    assert paper["run"].str.match("MRPC|CoLA").all()
    first = paper.iloc[1]
    assert (first["validation"], first["test"]) == ("92.7/90.0", "90.4/87.1")
    assert (first["learning rate"], first["warm-up ratio"]) == ("3.9e-5", "0.014")
    assert table.marks.loc[first.name, "learning rate"] == "lower"
    assert table.frame["source"].tolist()[-1] == "paper"  # ours come first


def test_table8_9_without_overfitting_says_so(study, one_model):
    trials = study.trials.assign(validation_score=0.5, test_score=0.5)
    table = table8_9(one_model(study, trials=trials))
    assert table.frame.empty
    assert "0 of 18 runs overfit" in table.caption
    assert "source" in table.to_html()
