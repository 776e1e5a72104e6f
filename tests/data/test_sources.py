import json

import numpy as np
import pandas as pd
import pytest

from official_layout import write_official
from repro.data.definitions import TASKS
from repro.data.tasks import load_task


def write_parquet(folder, split, columns, shard="00000-of-00001"):
    folder.mkdir(parents=True, exist_ok=True)
    pd.DataFrame(columns).to_parquet(folder / f"{split}-{shard}.parquet")


def rte_columns(labels=(0, 1), **more):
    texts = {"sentence1": ["An owl.", "A cat."], "sentence2": ["A bird.", "A dog."]}
    return texts | {"label": list(labels), "idx": [0, 1]} | more


@pytest.mark.parametrize("place", ["rte", "rte/data", "data/rte", "data", "."])
def test_hub_copy_loads_from_each_place(tmp_path, place):
    for split in ("train", "validation"):
        write_parquet(tmp_path / place, split, rte_columns())
    write_parquet(tmp_path / place, "test", rte_columns(labels=(-1, -1)))
    data = load_task("rte", tmp_path)
    expected = {"text_a": "An owl.", "text_b": "A bird.", "label": 0, "index": 0}
    assert data.splits["train"].to_dict("records")[0] == expected
    assert data.hidden("test") and not data.hidden("validation")


def test_hub_copy_joins_shards_and_takes_the_matched_split(tmp_path):
    def row(text, label):
        return {"premise": [text], "hypothesis": ["b"], "label": [label], "idx": [0]}

    write_parquet(tmp_path / "mnli", "train", row("first", 2), "00000-of-00002")
    write_parquet(tmp_path / "mnli", "train", row("second", 1), "00001-of-00002")
    for kind in ("matched", "mismatched"):
        write_parquet(tmp_path / "mnli", f"validation_{kind}", row(kind, 0))
        write_parquet(tmp_path / "mnli", f"test_{kind}", row(kind, -1))
    data = load_task("mnli", tmp_path)
    assert data.splits["train"]["text_a"].tolist() == ["first", "second"]
    assert data.splits["validation"]["text_a"].tolist() == ["matched"]
    assert data.splits["test"]["text_a"].tolist() == ["matched"]
    assert data.splits["test-mismatched"]["text_a"].tolist() == ["mismatched"]
    write_parquet(tmp_path / "ax", "test", row("diagnostic", -1))
    assert load_task("mnli", tmp_path).splits["test-ax"]["text_a"].tolist() == ["diagnostic"]


def test_hub_copy_hides_scores_that_are_minus_one(tmp_path):
    for split, score in (("train", 2.5), ("validation", 0.0), ("test", -1.0)):
        write_parquet(tmp_path / "stsb", split, rte_columns(labels=(score, score)))
    data = load_task("stsb", tmp_path)
    assert data.hidden("test") and data.splits["test"]["label"].isna().all()
    assert not data.hidden("validation")


def test_hub_copy_with_other_classes_is_refused(tmp_path):
    import pyarrow
    from pyarrow import parquet

    table = pyarrow.table(rte_columns())
    feature = {"names": ["not_entailment", "entailment"], "_type": "ClassLabel"}
    described = json.dumps({"info": {"features": {"label": feature}}})
    (tmp_path / "rte").mkdir()
    for split in ("train", "validation"):
        parquet.write_table(
            table.replace_schema_metadata({"huggingface": described}),
            tmp_path / "rte" / f"{split}-00000-of-00001.parquet",
        )
    with pytest.raises(ValueError, match=r"classes .'entailment', 'not_.* but got .'not_ent"):
        load_task("rte", tmp_path)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (rte_columns(labels=(0, 2)), "train.* row 1: label of rte must be one of .* but got 2"),
        (
            rte_columns(labels=(0, -1)),
            "every row of the train split of rte .* none for 1 of 2 rows",
        ),
        (
            rte_columns(labels=(-1, -1)),
            "every row of the train split of rte .* none for 2 of 2 rows",
        ),
        (rte_columns(sentence1=["a", None]), "row 1: `sentence1` must be text, but got None"),
        ({"premise": ["a"]}, "must have the columns .'sentence1', 'sentence2', 'label'"),
        ({name: values[:0] for name, values in rte_columns().items()}, "at least one row"),
    ],
)
def test_malformed_hub_copy_is_refused(tmp_path, columns, message):
    write_parquet(tmp_path / "rte", "train", columns)
    write_parquet(tmp_path / "rte", "validation", rte_columns())
    with pytest.raises(ValueError, match=message):
        load_task("rte", tmp_path)


def test_pointer_instead_of_parquet_is_refused(tmp_path):
    (tmp_path / "rte").mkdir()
    (tmp_path / "rte" / "train-00000-of-00001.parquet").write_text("version https://git-lfs\n" * 3)
    with pytest.raises(ValueError, match="must be a parquet file.*git-lfs pointer"):
        load_task("rte", tmp_path)


def test_hub_copy_without_validation_is_refused(tmp_path):
    write_parquet(tmp_path / "rte", "train", rte_columns())
    with pytest.raises(FileNotFoundError, match="must hold validation-"):
        load_task("rte", tmp_path)


def test_official_mnli_has_its_further_test_sets_where_they_are(tmp_path):
    write_official(tmp_path, "mnli")
    assert set(load_task("mnli", tmp_path).splits) == {"train", "validation", "test"}
    header = "index\tsentence1\tsentence2\n"
    (tmp_path / "MNLI/test_mismatched.tsv").write_text(header + "0\tAn owl.\tIt sat.\n")
    (tmp_path / "diagnostic").mkdir()
    (tmp_path / "diagnostic/diagnostic.tsv").write_text(header + "7\tA cat.\tIt ran.\n")
    splits = load_task("mnli", tmp_path).splits
    assert splits["test-mismatched"]["text_a"].tolist() == ["An owl."]
    assert splits["test-ax"]["index"].tolist() == [7]
    assert set(splits["test-ax"]["label"]) == {-1}


@pytest.mark.parametrize("name", [name for name in TASKS if name != "superglue_rte"])
def test_miniature_loads(name):
    data = load_task(name, "mini", sizes={"train": 20, "validation": 12, "test": 8})
    assert [len(frame) for frame in data.splits.values()] == [20, 12, 8]
    assert not data.hidden("test")


def test_miniature_follows_seed_and_shift():
    sizes = {"train": 20, "validation": 12, "test": 20}

    def load(**options):
        return load_task("rte", "mini", sizes=sizes, **options).fingerprint()

    first = load(seed=1)
    np.random.seed(0)
    assert load(seed=1) == first
    assert load(seed=2) != first
    assert load(seed=1, shift=1.0) != first


def test_miniature_of_superglue_is_refused():
    with pytest.raises(
        ValueError, match="'mini' must be asked for one of cola, .* 'superglue_rte'"
    ):
        load_task("superglue_rte", "mini")


def test_unknown_source_is_refused(tmp_path):
    with pytest.raises(ValueError, match="must be 'mini', 'hub' or a directory, but got 'mnii'"):
        load_task("rte", "mnii")


@pytest.mark.parametrize(
    "option", [{"shift": 0.5}, {"sizes": {"train": 3}}, {"shifted_tests": {0.5: 3}}]
)
def test_options_of_the_miniature_are_refused_elsewhere(tmp_path, option):
    with pytest.raises(ValueError, match="`shift`, `sizes` and `shifted_tests` must be left out"):
        load_task("rte", write_official(tmp_path, "rte"), **option)
