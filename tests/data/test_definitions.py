import pytest

from repro.data.definitions import GLUE_SIZES, TASKS, Task
from repro.data.tasks import load_task, resolve_task


def write_own(folder, description, **files):
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    (folder / "birds.yaml").write_text(description)
    return folder / "birds.yaml"


OWN = """
files: {train: train.csv, validation: validation.csv, test: test.csv}
text: [first, second]
label: kind
labels: [cat, owl]
metric: accuracy
metrics: [accuracy, f1]
"""
OWN_FILES = {
    "train__csv": 'first,second,kind\n"It hoots, softly","Says ""hoo""",owl\nIt purrs,Mew,cat\n',
    "validation__csv": "first,kind,second\nIt flies,owl,Hoo\n",
    "test__csv": "first,second\nIt naps,Mew\n",
}


def test_metrics_are_those_of_the_paper():
    metrics = {name: task.metrics for name, task in TASKS.items()}
    assert metrics.pop("cola") == ("matthews",)
    assert metrics.pop("stsb") == ("pearson", "spearman")
    assert metrics.pop("mrpc") == metrics.pop("qqp") == ("accuracy", "f1")
    assert set(metrics.values()) == {("accuracy",)}
    assert all(task.metric == task.metrics[0] for task in TASKS.values())


def test_classes_are_in_the_hubs_order():
    labels = {name: task.labels for name, task in TASKS.items()}
    nli = ("entailment", "not_entailment")
    assert labels["rte"] == labels["qnli"] == labels["superglue_rte"] == nli
    assert labels["wnli"] == ("not_entailment", "entailment")  # the other way round
    assert labels["mnli"] == ("entailment", "neutral", "contradiction")
    assert labels["mrpc"][1] == "equivalent" and labels["qqp"][1] == "duplicate"
    assert labels["cola"][1] == "acceptable" and labels["sst2"][1] == "positive"


def test_sizes_are_those_of_the_official_files():
    # examples of train, validation and test as GLUE's own site and the files give them
    assert set(GLUE_SIZES) == set(TASKS)
    assert GLUE_SIZES["rte"] == {"train": 2490, "validation": 277, "test": 3000}
    assert list(GLUE_SIZES["stsb"].values()) == [5749, 1500, 1379]
    assert GLUE_SIZES["mnli"]["test-mismatched"] == 9847 and GLUE_SIZES["mnli"]["test-ax"] == 1104


def test_unknown_task_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown task 'mrcp' .did you mean 'mrpc'.*cola, sst2"):
        resolve_task("mrcp")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "a/b"}, "`name` must be letters"),
        ({"text_fields": ()}, "must have 1 or 2 text columns"),
        ({"labels": ("a", "a")}, "two or more different labels"),
        ({"labels": ("a",)}, "two or more different labels"),
        ({"labels": None}, "either labels or a range"),
        ({"score_range": (0.0, 1.0)}, "either labels or a range"),
        ({"metric": "pearson", "metrics": ("pearson",)}, "unknown metric .* 'pearson'; known: acc"),
        ({"metrics": ("f1",)}, "`metrics` must hold 'accuracy'"),
    ],
)
def test_contradictory_task_is_refused(changed, message):
    parts = {
        "name": "birds",
        "text_fields": ("text",),
        "labels": ("a", "b"),
        "metric": "accuracy",
        "metrics": ("accuracy",),
    }
    with pytest.raises(ValueError, match=message):
        Task(**parts | changed)


def test_own_task_from_csv(tmp_path):
    path = write_own(tmp_path, OWN, **OWN_FILES)
    data = load_task(path)
    assert data.task == resolve_task(path)
    assert (data.task.name, data.task.metrics) == ("birds", ("accuracy", "f1"))
    rows = data.splits["train"].to_dict("records")
    assert rows[0] == {
        "text_a": "It hoots, softly",
        "text_b": 'Says "hoo"',
        "label": 1,
        "index": 0,
    }
    assert data.splits["validation"]["text_b"].tolist() == ["Hoo"]
    assert data.hidden("test")


def test_own_task_from_tsv_and_json_lines(tmp_path):
    description = """
name: likeness
files: {train: train.tsv, validation: validation.jsonl}
text: words
regression: [-1, 1]
metric: spearman
index: number
"""
    data = load_task(
        write_own(
            tmp_path,
            description,
            train__tsv='words\tlabel\tnumber\nhe said "so\t-1\t12\n',
            validation__jsonl='{"words": "so", "label": 0.5, "number": 3, "more": null}\n',
        )
    )
    assert data.task.name == "likeness" and set(data.splits) == {"train", "validation"}
    expected = {"text_a": 'he said "so', "label": -1.0, "index": 12}
    assert data.splits["train"].to_dict("records") == [expected]
    assert data.splits["validation"]["label"].tolist() == [0.5]
    assert not data.hidden("train")


def test_own_labels_may_be_numbers_or_truth_values(tmp_path):
    files = {
        "train__jsonl": '{"t": "a", "label": 1}\n{"t": "b", "label": 0}\n',
        "validation__jsonl": '{"t": "c", "label": 0}\n',
    }
    description = "{files: {train: train.jsonl, validation: validation.jsonl}, text: t, "
    path = write_own(tmp_path, description + "labels: [0, 1], metric: accuracy}", **files)
    assert load_task(path).splits["train"]["label"].tolist() == [1, 0]
    files = {name: text.replace(": 1", ": true") for name, text in files.items()}
    files = {name: text.replace(": 0", ": false") for name, text in files.items()}
    path = write_own(tmp_path, description + "labels: ['false', 'true'], metric: f1}", **files)
    assert load_task(path).splits["train"]["label"].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("metric: accuracy", "metrik: accuracy", "`metrik`: unknown key .did you mean 'metric'"),
        ("metric: accuracy", "metric: bleu", "unknown metric for task birds 'bleu'"),
        ("text: [first, second]", "", "`text`: must be given"),
        ("text: [first, second]", "text: [first, third]", "train.csv must have .* .'third'"),
        ("text: [first, second]", "text: []", "must have 1 or 2 text columns"),
        ("labels: [cat, owl]", "labels: [no, yes]", "`labels.0`: must be text.* False; put it in"),
        ("labels: [cat, owl]", "labels: [cat, dog]", "train.csv line 2: label .* cat, dog.*'owl'"),
        ("labels: [cat, owl]", "regression: 5", "`regression`: must be a list, but got 5"),
        ("labels: [cat, owl]", "regression: [1]", "`regression.1`: must be given"),
        ("labels: [cat, owl]", "regression: [0, 5]", "unknown metric for task birds 'accuracy'"),
        ("labels: [cat, owl]", "regression: [5, 0]", "lowest score below its highest"),
        ("metrics: [accuracy, f1]", "metrics: []", "`metrics` must hold 'accuracy'"),
        ("label: kind", "label: class", "train.csv must have the columns .'class'"),
        ("label: kind", "name: rte", "`name` must not be a built-in task's"),
        (", validation: validation.csv", "", "`files.validation`: must be given"),
        ("test: test.csv", "dev: test.csv", "`files.dev`: unknown key; known: train, validation"),
        ("train: train.csv", "train: train.xlsx", "must end in one of .tsv, .txt, .csv"),
        ("labels: [cat", "labels: [cat: [", "must be YAML"),
        (OWN, "- a list", "must hold `key: value` lines, but got .'a list'"),
    ],
)
def test_wrong_description_of_an_own_task_is_refused(tmp_path, old, new, message):
    path = write_own(tmp_path, OWN.replace(old, new), **OWN_FILES)
    with pytest.raises(ValueError, match=message) as caught:
        load_task(path)
    assert "\n" not in str(caught.value)


def test_malformed_csv_is_refused_with_its_line(tmp_path):
    files = OWN_FILES | {"validation__csv": "first,second,kind\nIt flies,Hoo\n"}
    with pytest.raises(ValueError, match=r"validation.csv line 2 must have 3 columns, but got 2"):
        load_task(write_own(tmp_path, OWN, **files))
    files = OWN_FILES | {"validation__csv": 'first,second,kind\nIt flies,"Hoo,owl\n'}
    with pytest.raises(ValueError, match=r"validation.csv line 2 must be CSV"):
        load_task(write_own(tmp_path, OWN, **files))


def test_missing_files_of_an_own_task_are_named(tmp_path):
    path = write_own(tmp_path, OWN, train__csv=OWN_FILES["train__csv"])
    with pytest.raises(FileNotFoundError, match=r"validation.csv must be a file"):
        load_task(path)
    with pytest.raises(FileNotFoundError, match=r"none.yaml must be a task's YAML file"):
        load_task(tmp_path / "none.yaml")


def test_own_task_takes_gold_labels(tmp_path):
    path = write_own(tmp_path, OWN, gold__csv="kind\ncat\n", **OWN_FILES)
    data = load_task(path, test_labels=tmp_path / "gold.csv")
    assert data.splits["test"]["label"].tolist() == [0]


def test_options_of_the_miniature_are_refused_for_own_tasks(tmp_path):
    with pytest.raises(ValueError, match="`shift`, `sizes` and `shifted_tests` must be left out"):
        load_task(write_own(tmp_path, OWN, **OWN_FILES), shift=0.5)
