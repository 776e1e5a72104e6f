import random

import numpy as np
import pytest

from repro.data.definitions import GLUE_SIZES, TASKS
from repro.data.miniature import lexicon
from repro.data.miniature.tasks import SIZES, load_mini_task

COLUMNS = {name: list(TASKS[name].text_fields) for name in SIZES}


@pytest.fixture(scope="module", params=SIZES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def frames(name):
    return load_mini_task(name)


def texts(name, frame):
    return set(frame[COLUMNS[name]].itertuples(index=False, name=None))


def test_frames_have_glue_columns_and_sizes(name, frames):
    assert {split: len(frame) for split, frame in frames.items()} == SIZES[name]
    for frame in frames.values():
        assert list(frame) == [*COLUMNS[name], "label", "idx"]
        assert list(frame["idx"]) == list(range(len(frame)))
        assert not frame.isna().any(axis=None)


def test_same_seed_same_frames_whatever_the_global_generators(name, frames):
    random.seed(1)
    np.random.seed(1)
    again = load_mini_task(name)
    other = load_mini_task(name, seed=1)
    for split, frame in frames.items():
        assert frame.equals(again[split])
        assert not frame.equals(other[split])


def test_shift_changes_the_test_split_alone(name, frames):
    shifted = load_mini_task(name, shift=1.0)
    assert frames["train"].equals(shifted["train"])
    assert frames["validation"].equals(shifted["validation"])
    assert not frames["test"].equals(shifted["test"])


def test_shift_moves_frequent_words_to_rare_ones(name):
    """The commonest noun of all validation texts is rarer in the shifted test."""
    frames = load_mini_task(name, shift=1.0, sizes={"validation": 200, "test": 200})
    words = [" ".join(frames[s][COLUMNS[name]].to_numpy().ravel()).split() for s in frames]
    nouns = set(lexicon.OPINION_TARGETS if name == "sst2" else lexicon.NOUNS["person"])
    counts = [[w.count(noun) / len(w) for noun in sorted(nouns)] for w in words]
    assert counts[2][int(np.argmax(counts[1]))] < max(counts[1])


def test_no_text_is_in_two_splits(name, frames):
    splits = [texts(name, frame) for frame in frames.values()]
    assert sum(map(len, splits)) == sum(map(len, frames.values()))
    assert len(set.union(*splits)) == sum(map(len, splits))


@pytest.mark.parametrize(
    ("name", "shares"),
    [("cola", {1: 0.7}), ("mrpc", {1: 0.67}), ("qqp", {1: 0.37}), ("mnli", {0: 1 / 3, 2: 1 / 3}),
     ("sst2", {1: 0.52}), ("qnli", {0: 0.5}), ("rte", {0: 0.5})],
)  # fmt: skip
def test_labels_come_in_glue_like_shares(name, shares):
    labels = load_mini_task(name)["train"]["label"]
    for label, share in shares.items():  # noise moves a share by at most 4 points
        assert (labels == label).mean() == pytest.approx(share, abs=0.045)


def test_stsb_scores_fill_the_range():
    scores = load_mini_task("stsb")["train"]["label"]
    assert scores.dtype == float
    assert scores.between(0, 5).all()
    assert scores.std() > 1


def test_wnli_validation_asks_the_other_candidate_of_training_sentences():
    frames = load_mini_task("wnli")
    train, validation = frames["train"], frames["validation"]
    assert list(validation["label"].value_counts()[[0, 1]]) == [40, 31]  # as in GLUE
    both = validation.merge(train, on="sentence1", suffixes=("", "_train"))
    assert len(both) >= 64  # 65 in GLUE
    assert (both["label"] != both["label_train"]).all()
    assert (both["sentence2"] != both["sentence2_train"]).all()


def test_wnli_is_validated_and_tested_on_as_many_examples_as_in_glue():
    assert all(
        SIZES["wnli"][split] == GLUE_SIZES["wnli"][split] for split in ("validation", "test")
    )


def test_sizes_can_be_overridden_for_some_splits():
    frames = load_mini_task("rte", sizes={"train": 7})
    assert [len(frame) for frame in frames.values()] == [7, 120, 250]
    assert len(load_mini_task("mnli", sizes={"validation": 1})["validation"]) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "rt"}, r"must be asked for one of cola, sst2.*got 'rt'"),
        ({"shift": 1.5}, r"`shift` must lie in \[0, 1\], but got 1.5"),
        ({"shift": float("nan")}, "`shift` must lie"),
        ({"sizes": {"dev": 3}}, r"must name train, validation or test, but got \['dev'\]"),
        ({"sizes": {"test": 0}}, r"must be at least 1, but got \{'test': 0\}"),
    ],
)
def test_impossible_requests_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        load_mini_task(**{"name": "rte"} | arguments)
