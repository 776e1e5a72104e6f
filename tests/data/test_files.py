import json

import numpy as np
import pytest

from official_layout import FIRST_TEXTS, OFFICIAL, write_official
from repro.data.definitions import GLUE_SIZES, TASKS
from repro.data.tasks import load_task
from repro.paths import ROOT

GLUE = ROOT.parent / "shared" / "glue"


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_layout_loads(tmp_path, name):
    data = load_task(name, write_official(tmp_path, name))
    pair = ["text_b"] if len(TASKS[name].text_fields) == 2 else []
    for frame in data.splits.values():
        assert list(frame.columns) == ["text_a", *pair, "label", "index"]
        assert frame["index"].dtype == "int64"
        assert frame["label"].dtype == ("float64" if name == "stsb" else "int64")
    texts = data.splits["train"][["text_a", *pair]]
    assert texts.iloc[0].tolist() == FIRST_TEXTS[name]
    assert data.splits["train"]["label"].tolist() == OFFICIAL[name][4]
    assert [data.hidden(split) for split in data.splits] == [False, False, True]


@pytest.mark.parametrize(
    ("name", "train_counts", "validation_counts"),
    [
        ("wnli", [323, 312], [40, 31]),
        ("rte", [1249, 1241], [146, 131]),
        ("cola", [2528, 6023], [322, 721]),
        ("stsb", None, None),
    ],
)
def test_real_files_have_the_official_counts(name, train_counts, validation_counts):
    if not GLUE.is_dir():
        pytest.skip(f"the real GLUE files are not at {GLUE}")
    data = load_task(name, GLUE)
    assert {split: len(frame) for split, frame in data.splits.items()} == GLUE_SIZES[name]
    assert data.hidden("test")
    if train_counts:
        assert np.bincount(data.splits["train"]["label"]).tolist() == train_counts
        assert np.bincount(data.splits["validation"]["label"]).tolist() == validation_counts


def test_real_gold_labels_fit_the_test_set():
    if not GLUE.is_dir():
        pytest.skip(f"the real GLUE files are not at {GLUE}")
    data = load_task("stsb", GLUE, test_labels=GLUE / "STS-B" / "original" / "sts-test.tsv")
    assert not data.hidden("test") and data.splits["test"]["label"].between(0, 5).all()


def test_texts_are_kept_as_they_are(tmp_path):
    for name in ("sst2", "rte", "qnli", "mrpc"):
        write_official(tmp_path, name)
    assert load_task("sst2", tmp_path).splits["train"]["text_a"][0] == "a fine owl "
    rte = load_task("rte", tmp_path).splits["train"]
    assert rte["text_a"].tolist() == ['"Sit," he said.', '"An owl sat.']
    assert load_task("qnli", tmp_path).splits["validation"]["text_b"][0] == "A \ufeffcat ran."
    assert load_task("mrpc", tmp_path).splits["train"]["text_b"][1] == "A cat."


def test_lines_end_at_line_feeds_alone(tmp_path):
    train = "index\tsentence1\tsentence2\tlabel\r\n0\tA\u2028B\x85C\tD\x0bE\rF\tentailment\r\n"
    frame = load_task("rte", write_official(tmp_path, "rte", train=train)).splits["train"]
    assert frame["text_a"][0] == "A\u2028B\x85C" and frame["text_b"][0] == "D\x0bE\rF"


def test_index_is_the_files_own(tmp_path):
    data = load_task("qqp", write_official(tmp_path, "qqp"))
    assert data.splits["train"]["index"].tolist() == [41, 7]


def test_rows_that_an_early_qqp_download_broke_are_left_out(tmp_path):
    train = OFFICIAL["qqp"][1] + "8\t5\t6\tWhat\nis it?\tWhat?\t1\n"
    frame = load_task("qqp", write_official(tmp_path, "qqp", train=train)).splits["train"]
    assert frame["text_a"].tolist() == ["Who?", "Who?"]


RTE_HEADER = "index\tsentence1\tsentence2\tlabel\n"


@pytest.mark.parametrize(
    ("name", "train", "message"),
    [
        ("rte", RTE_HEADER + "0\ta\tb\tentailment\n1\ta\tb\n", "line 3 must have 4 col.* got 3"),
        ("rte", RTE_HEADER + "0\ta\tb\tc\tentailment\n", "line 2 must have 4 columns, but got 5"),
        ("rte", RTE_HEADER + "0\ta\tb\tentails\n", "line 2: label .* entailment, not_.* 'entails'"),
        ("rte", RTE_HEADER + "0\ta\tb\t1\n", "one of entailment, not_entailment, but got '1'"),
        ("rte", RTE_HEADER + "x\ta\tb\tentailment\n", "line 2: `index` must be an integer.*'x'"),
        ("rte", RTE_HEADER, "at least one row, but has none"),
        ("rte", "", "header and rows, but is empty"),
        ("rte", "index\tpremise\tsentence2\tlabel\n", "must have the columns .'sentence1'"),
        ("cola", "", "at least one row, but has none"),
        ("cola", "x\t1\tsome text\n", "line 1 must have 4 columns, but got 3"),
        ("cola", "x\t2\t\tsome text\n", "line 1: label of cola must be one of 0, 1, but got '2'"),
        ("stsb", OFFICIAL["stsb"][1].replace("4.800", "5.1"), r"in \[0.0, 5.0\], but got '5.1'"),
        ("stsb", OFFICIAL["stsb"][1].replace("4.800", "nan"), "a number in .* but got 'nan'"),
        ("stsb", OFFICIAL["stsb"][1].replace("4.800", "-1"), "a number in .* but got '-1'"),
    ],
)
def test_malformed_file_is_refused_with_its_line(tmp_path, name, train, message):
    with pytest.raises(ValueError, match=f"train.tsv.*{message}") as caught:
        load_task(name, write_official(tmp_path, name, train=train))
    assert "\n" not in str(caught.value)


def test_file_that_is_not_utf8_is_refused(tmp_path):
    write_official(tmp_path, "rte")
    (tmp_path / "RTE" / "dev.tsv").write_bytes(RTE_HEADER.encode() + b"0\tcaf\xe9\tb\tentailment\n")
    with pytest.raises(ValueError, match=r"dev.tsv must be UTF-8"):
        load_task("rte", tmp_path)


def test_missing_files_are_named(tmp_path):
    write_official(tmp_path, "rte", dev=None)
    with pytest.raises(FileNotFoundError, match=r"dev.tsv must be a file"):
        load_task("rte", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"CoLA/train.tsv .* cola/train-.* has .'RTE'"):
        load_task("cola", tmp_path)


def test_data_may_lack_a_test_set(tmp_path):
    assert set(load_task("rte", write_official(tmp_path, "rte", test=None)).splits) == {
        "train",
        "validation",
    }


def test_superglue_reads_json_lines(tmp_path):
    row = {"premise": 'An "owl".', "hypothesis": "A bird.", "label": "not_entailment", "idx": 5}
    (tmp_path / "RTE").mkdir()
    for name in ("train", "val"):
        (tmp_path / "RTE" / f"{name}.jsonl").write_text(json.dumps(row) + "\n")
    hidden = {key: value for key, value in row.items() if key != "label"}
    (tmp_path / "RTE" / "test.jsonl").write_text(json.dumps(hidden) + "\n")
    data = load_task("superglue_rte", tmp_path)
    expected = {"text_a": 'An "owl".', "text_b": "A bird.", "label": 1, "index": 5}
    assert data.splits["validation"].to_dict("records") == [expected]
    assert data.hidden("test")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"premise": "a", ', "line 2 must be JSON"),
        ('["a", "b"]', "line 2 must be a JSON object"),
        ('{"premise": "a", "label": "entailment", "idx": 1}', "line 2: `hypothesis` must be text"),
        ('{"premise": "a", "hypothesis": "b", "label": [1], "idx": 1}', "one of entailment.*.1."),
    ],
)
def test_malformed_json_line_is_refused(tmp_path, line, message):
    good = '{"premise": "a", "hypothesis": "b", "label": "entailment", "idx": 0}\n'
    (tmp_path / "RTE").mkdir()
    (tmp_path / "RTE" / "train.jsonl").write_text(good + line)
    (tmp_path / "RTE" / "val.jsonl").write_text(good)
    with pytest.raises(ValueError, match=f"train.jsonl.*{message}"):
        load_task("superglue_rte", tmp_path)


STSB_GOLD = (
    "g\tf\t2012\t0004\t4.5\tA cat.\tOne cat. \ng\tf\t2012\t0005\t1.5\tA cat.\tA dog.\tu\tu\n"
)


def test_gold_labels_fill_the_test_set(tmp_path):
    write_official(tmp_path, "stsb")
    write_official(tmp_path, "mrpc")
    (tmp_path / "sts-test.tsv").write_text(STSB_GOLD)
    stsb = load_task("stsb", tmp_path, test_labels=tmp_path / "sts-test.tsv")
    assert stsb.splits["test"]["label"].tolist() == [4.5, 1.5] and not stsb.hidden("test")
    assert load_task("stsb", tmp_path).hidden("test")
    gold = "\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t5\t6\tA cat.\tOne cat.\n"
    (tmp_path / "msr_paraphrase_test.txt").write_text(gold)
    mrpc = load_task("mrpc", tmp_path, test_labels=tmp_path / "msr_paraphrase_test.txt")
    assert mrpc.splits["test"]["label"].tolist() == [1]


@pytest.mark.parametrize(
    ("gold", "message"),
    [
        (STSB_GOLD * 2, "must have 2 rows .* but got 4"),
        (
            STSB_GOLD.replace("A dog.", "A cow."),
            "line 2: `sentence2` must be the text .* same row .*A cow",
        ),
        (STSB_GOLD.replace("1.5", "9"), "line 2: label of stsb must be a number"),
    ],
)
def test_gold_labels_of_other_rows_are_refused(tmp_path, gold, message):
    (tmp_path / "gold.tsv").write_text(gold)
    with pytest.raises(ValueError, match=message):
        load_task("stsb", write_official(tmp_path, "stsb"), test_labels=tmp_path / "gold.tsv")


def test_gold_labels_need_a_test_set(tmp_path):
    (tmp_path / "gold.tsv").write_text(STSB_GOLD)
    with pytest.raises(ValueError, match="stsb has none"):
        load_task(
            "stsb",
            write_official(tmp_path, "stsb", test=None),
            test_labels=tmp_path / "gold.tsv",
        )
