import numpy as np
import pandas as pd
import pytest

from repro.data.definitions import GLUE_SIZES, TASKS, Task
from repro.data.splits import split_data
from repro.data.tasks import TaskData, load_task
from repro.paths import ROOT


def make_data(n_train=100, n_validation=20, *, share=0.3, task="cola", test=True):
    """Rows that say where they are from; the first `share` of each split have class 1."""

    def frame(split, n):
        label = (np.arange(n) < round(share * n)).astype("int64")
        if task == "stsb":
            label = np.linspace(0, 5, n)
        texts = [f"{split} {i}" for i in range(n)]
        return pd.DataFrame({"text_a": texts, "label": label, "index": np.arange(n) + 1000})

    splits = {"train": frame("train", n_train), "validation": frame("validation", n_validation)}
    return TaskData(TASKS[task], splits | ({"test": frame("test", 10)} if test else {}))


def texts(data, *splits):
    return [text for split in splits for text in data.splits[split]["text_a"]]


ALL = ("train", "validation", "test")


def test_official_split_is_left_as_it_is():
    data = make_data()
    assert split_data(data).fingerprint() == data.fingerprint()
    assert split_data(data, "official", seed=1).fingerprint() == data.fingerprint()


def test_resplit_cuts_at_eight_and_nine_tenths():
    # 100 + 17 = 117 rows: cuts at floor(93.6) = 93 and floor(105.3) = 105
    parts = split_data(make_data(100, 17), "resplit").splits
    assert [len(parts[split]) for split in ALL] == [93, 12, 12]
    # 60 rows: 0.7 + 0.1 is a rounding below 0.8, the cuts are at 42 and 48 all the same
    parts = split_data(make_data(40, 20), "resplit", ratios=(0.7, 0.1, 0.2)).splits
    assert [len(parts[split]) for split in ALL] == [42, 6, 12]


@pytest.mark.parametrize("task", ["cola", "stsb"])
def test_resplit_deals_every_labelled_row_once(task):
    data = make_data(task=task)
    parts = split_data(data, "resplit")
    assert sorted(texts(parts, *ALL)) == sorted(texts(data, "train", "validation"))
    labels = dict(zip(texts(data, "train"), data.splits["train"]["label"], strict=True))
    for part in parts.splits.values():
        assert all(
            labels.get(t, x) == x for t, x in zip(part["text_a"], part["label"], strict=True)
        )
    assert not parts.hidden("test")


def test_resplit_numbers_the_joined_rows():
    parts = split_data(make_data(100, 20), "resplit")
    index = np.concatenate([parts.splits[split]["index"] for split in ALL])
    assert sorted(index) == list(range(120))
    for part in parts.splits.values():
        for text, number in zip(part["text_a"], part["index"], strict=True):
            split, position = text.split()
            assert number == int(position) + (100 if split == "validation" else 0)


def test_held_out_makes_the_validation_set_the_test_set():
    data = make_data(400, 20)
    parts = split_data(data, "held_out")
    pd.testing.assert_frame_equal(parts.splits["test"], data.splits["validation"])
    assert len(parts.splits["validation"]) == 20 and len(parts.splits["train"]) == 380
    assert sorted(texts(parts, "train", "validation")) == sorted(texts(data, "train"))
    rows = data.splits["train"].set_index("text_a")["index"]
    carved = parts.splits["validation"]
    assert rows[carved["text_a"]].tolist() == carved["index"].tolist()


def test_held_out_takes_at_most_a_tenth_of_train():
    parts = split_data(make_data(100, 60), "held_out").splits
    assert [len(parts[split]) for split in ALL] == [90, 10, 60]


@pytest.mark.parametrize("kind", ["resplit", "held_out"])
@pytest.mark.parametrize("share", [0.03, 0.3, 0.5, 0.9])
def test_every_part_holds_each_class_in_its_share(kind, share):
    for seed in range(5):
        parts = split_data(make_data(500, 100, share=share), kind, seed=seed).splits
        for part in parts.values():
            assert abs(part["label"].sum() - share * len(part)) <= 2


@pytest.mark.parametrize("kind", ["resplit", "held_out"])
@pytest.mark.parametrize("task", ["cola", "stsb"])
def test_splits_depend_on_the_seed_alone(kind, task):
    data = make_data(task=task)
    first = split_data(data, kind, seed=7).fingerprint()
    np.random.seed(0)
    assert split_data(data, kind, seed=7).fingerprint() == first
    assert split_data(data, kind, seed=8).fingerprint() != first
    assert split_data(data, kind).fingerprint() == split_data(data, kind, seed=42).fingerprint()


@pytest.mark.parametrize("kind", ["resplit", "held_out"])
@pytest.mark.parametrize("task", ["cola", "stsb"])
def test_rows_are_drawn_from_everywhere(kind, task):
    # 50 of 500 rows drawn at random: their mean position is 249.5 with a standard error of 20
    # (for classes a little less); a cut without shuffling would give 25 or 475.
    parts = split_data(make_data(500, 50, task=task), kind)
    drawn = [int(t.split()[1]) for t in texts(parts, "validation") if t.startswith("train")]
    assert abs(np.mean(drawn) - 249.5) < 100
    # gaps between random rows vary as much as they are long, 10; every tenth row would give 0
    assert np.diff(np.sort(drawn)).std() > 4
    order = [int(t.split()[1]) for t in texts(parts, "train") if t.startswith("train")]
    assert abs(np.corrcoef(order, np.arange(len(order)))[0, 1]) < 0.2


def test_the_argument_is_left_as_it_was():
    data = make_data()
    before = data.fingerprint()
    for kind in ("resplit", "held_out"):
        split_data(data, kind)
    assert data.fingerprint() == before


def test_official_split_needs_a_test_set_and_the_others_do_not():
    data = make_data(test=False)
    with pytest.raises(ValueError, match="cola must have a test set.*'held_out' or 'resplit'"):
        split_data(data)
    assert set(split_data(data, "resplit").splits) == set(ALL)
    assert set(split_data(data, "held_out").splits) == set(ALL)


def test_unknown_split_lists_the_known_ones():
    with pytest.raises(ValueError, match="'heldout'.*'held_out'.*official, resplit, held_out"):
        split_data(make_data(), "heldout")


@pytest.mark.parametrize(
    "ratios", [(8, 1, 1), (0.8, 0.1, 0.2), (0.9, 0.1, 0.0), (1.2, -0.1, -0.1), (0.9, 0.1)]
)
def test_ratios_must_be_shares_that_sum_to_one(ratios):
    with pytest.raises(ValueError, match="three shares above 0 that sum to 1, but got"):
        split_data(make_data(), "resplit", ratios=ratios)


@pytest.mark.parametrize(("kind", "too_few"), [("resplit", 2), ("held_out", 1)])
def test_class_with_too_few_examples_is_named(kind, too_few):
    task = Task("birds", ("text",), ("owl", "crow", "wren"), "accuracy", ("accuracy",))

    def data(n_wrens):
        label = np.array([0, 1] * 40 + [2] * n_wrens)
        n = len(label)
        frame = pd.DataFrame({"text_a": ["x"] * n, "label": label, "index": np.arange(n)})
        return TaskData(task, {"train": frame, "validation": frame[:20]})

    with pytest.raises(
        ValueError, match=f"class 'wren' of birds .* {too_few + 1} parts.*has {too_few}"
    ):
        split_data(data(too_few), kind)
    split_data(data(too_few + 1), kind)
    split_data(data(0), kind)  # a class that the data do not have at all is no obstacle


@pytest.mark.parametrize(("kind", "n_train"), [("resplit", 3), ("held_out", 9)])
def test_too_little_data_is_refused(kind, n_train):
    with pytest.raises(ValueError, match="every part of stsb must hold an example"):
        split_data(make_data(n_train, 1, task="stsb"), kind)


GLUE = ROOT.parent / "shared/glue"


@pytest.mark.skipif(not GLUE.is_dir(), reason="the real GLUE files are not beside this repository")
@pytest.mark.parametrize("task", ["cola", "stsb", "rte", "wnli"])
def test_real_files_are_resplit_and_held_out(task):
    data = load_task(task, GLUE)
    n_train, n_validation = (GLUE_SIZES[task][split] for split in ALL[:2])
    n = n_train + n_validation
    cuts = [n * 8 // 10, n * 9 // 10, n]
    resplit, held_out = (split_data(data, kind) for kind in ("resplit", "held_out"))
    assert [len(resplit.splits[s]) for s in ALL] == [cuts[0], cuts[1] - cuts[0], n - cuts[1]]
    numbers = np.concatenate([resplit.splits[s]["index"] for s in ALL])
    assert sorted(numbers) == list(range(n))  # each row once: disjoint, and nothing lost
    assert not resplit.hidden("test") and not held_out.hidden("test")
    carved = min(n_validation, n_train // 10)
    sizes = [n_train - carved, carved, n_validation]
    assert [len(held_out.splits[s]) for s in ALL] == sizes
    both = [set(held_out.splits[s]["index"]) for s in ("train", "validation")]
    assert len(both[0] & both[1]) == 0
    if data.task.labels is not None:
        joined = pd.concat([data.splits[s]["label"] for s in ALL[:2]])
        for part in resplit.splits.values():
            assert abs((part["label"] == 1).sum() - (joined == 1).mean() * len(part)) <= 2
    again = split_data(load_task(task, GLUE), "resplit")
    assert again.fingerprint() == resplit.fingerprint()
    assert split_data(data, "resplit", seed=43).fingerprint() != resplit.fingerprint()
