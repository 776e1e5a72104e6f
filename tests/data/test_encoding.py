"""Encoded tasks: padded arrays, and the same ones from disk for whoever asks first or later."""

from dataclasses import fields

import numpy as np
import pytest

import repro.data.encoding as encoding
from repro.data.encoding import encode_split, read_encoded, write_encoded
from repro.models.build import encode, load_tokenizer, resolve_model
from tiny_models import PAIR, make_data, make_model


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    return resolve_model(str(make_model(tmp_path_factory.mktemp("model") / "bert")))


def test_texts_are_padded_and_cut_as_the_tokenizer_says(spec, monkeypatch):
    frame = make_data(PAIR, n_train=7).splits["train"]
    monkeypatch.setattr(encoding, "_TEXTS_AT_ONCE", 3)  # 3 + 3 + 1: no text is lost at a seam
    split = encode_split("train", frame, load_tokenizer(spec), max_length=12, typed=True)
    texts = frame["text_a"].tolist(), frame["text_b"].tolist()
    expected = load_tokenizer(spec)(
        *texts, truncation=True, max_length=12, return_token_type_ids=True
    )
    for i, (ids, types) in enumerate(
        zip(expected["input_ids"], expected["token_type_ids"], strict=True)
    ):
        n = split.lengths[i]
        assert (n, split.ids[i, :n].tolist(), split.types[i, :n].tolist()) == (len(ids), ids, types)
        assert not split.ids[i, n:].any() and not split.types[i, n:].any()  # the padding id is 0
    assert split.labels.tolist() == frame["label"].tolist()


def test_what_is_read_back_is_what_was_written(spec, tmp_path):
    data = encode(make_data(PAIR), spec, max_length=20)
    assert read_encoded(tmp_path / "kept", task=PAIR, model=spec.path) is None
    write_encoded(data, tmp_path / "kept")
    again = read_encoded(tmp_path / "kept", task=PAIR, model=spec.path)
    assert (again.task, again.model, again.max_length, again.pad_id) == (PAIR, spec.path, 20, 0)
    assert list(again.splits) == list(data.splits)
    for name, split in data.splits.items():
        for field in fields(split):
            one, other = getattr(split, field.name), getattr(again.splits[name], field.name)
            assert (one is None and other is None) or (
                one.dtype == other.dtype and np.array_equal(one, other)
            )
    assert again.splits["test"].labels is None  # they stay behind


@pytest.mark.parametrize("file", ["train.ids.npy", "about.json"])
@pytest.mark.parametrize("damage", ["flipped", "emptied", "removed"])
def test_damaged_examples_are_dropped_and_told(file, damage, spec, tmp_path, caplog):
    data = encode(make_data(PAIR), spec, max_length=20)
    write_encoded(data, tmp_path / "kept")
    path = tmp_path / "kept" / file
    content = path.read_bytes()
    path.unlink()
    if damage != "removed":
        last = content[:-1] + bytes([content[-1] ^ 4])
        path.write_bytes(last if damage == "flipped" else b"")
    assert read_encoded(tmp_path / "kept", task=PAIR, model=spec.path) is None
    assert "kept is not as it was written; its examples are encoded again" in caplog.text
    write_encoded(data, tmp_path / "kept")
    assert read_encoded(tmp_path / "kept", task=PAIR, model=spec.path) is not None


def test_whoever_comes_second_leaves_what_the_first_wrote(spec, tmp_path):
    data = encode(make_data(), spec, max_length=20)
    write_encoded(data, tmp_path / "kept")
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()}
    write_encoded(data, tmp_path / "kept")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "kept").iterdir()} == first
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
