"""A study's data, gold labels of hidden test sets, and that no trial is given test labels."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from official_layout import write_official
from repro.data.definitions import GLUE_SIZES, OFFICIAL_SPLITS
from repro.data.miniature.tasks import load_mini_task
from repro.study import objective
from repro.study.objective import (
    DataSettings,
    count_training_examples,
    encoded,
    fine_tune,
    load_data,
    prepare,
)
from repro.study.profile import load_profile
from repro.study.runs import bind_run
from repro.study.study import enumerate_runs
from repro.training import trial as training
from repro.tuning.runs import Request

pytest_plugins = ("tiny_trials",)
GOLD = "g\tf\t2012\t0004\t5.0\tA cat.\tOne cat.\ng\tf\t2012\t0005\t1.5\tA cat.\tA dog.\n"


def smoke(**changes):
    return load_profile("smoke", **({"tasks": ["rte"], "shifted_tests": {1.0: 20}} | changes))


def load(profile, task="rte"):
    return load_data(profile.data(task), test_labels=profile.test_labels.get(task))


@pytest.fixture
def glue(tmp_path):
    """STS-B in the official layout with hidden test labels, and its gold labels in a file."""
    write_official(tmp_path, "stsb")
    gold = tmp_path / "gold.tsv"
    gold.write_text(GOLD, encoding="utf-8")
    return {"tasks": ["stsb"], "source": str(tmp_path), "sizes": {}, "shifted_tests": {}}, gold


def with_other_test_labels(data):
    changed = {
        name: frame.assign(label=1 - frame["label"]) if name.startswith("test") else frame
        for name, frame in data.splits.items()
    }
    return replace(data, splits=data.splits | changed)


def given_to_a_trial(profile, monkeypatch):
    """Return all that `fine_tune` hands to the training of one trial, as bytes."""
    given = {}

    def train(configuration, **arguments):
        given.update(arguments, configuration=configuration)
        raise InterruptedError

    monkeypatch.setattr(training, "train_trial", train)
    encoded.cache_clear()
    run = enumerate_runs(profile)[0]
    tuning, folder = run.tuning, bind_run(profile, run)
    request = Request(tuning.run_id, 0, tuning.grid[0], tuning.context, seeds=tuning.seeds[0])
    with pytest.raises(InterruptedError):
        fine_tune(request, print, folders={request.run_id: folder})
    arrays = [given["data"].splits[name].labels for name in ("test", "test-shift1")]
    assert arrays == [None, None]
    assert given["data"].splits["train"].labels is not None
    given.pop("report")  # a closure over the run's own progress
    return pickle.dumps(given)


def test_a_trial_is_given_nothing_that_depends_on_test_labels(monkeypatch):
    profile = smoke()
    data = load(profile)
    before = given_to_a_trial(profile, monkeypatch)
    monkeypatch.setattr(objective, "load_data", lambda *_: with_other_test_labels(data))
    assert given_to_a_trial(profile, monkeypatch) == before
    # the comparison can tell: another validation label is seen
    other = data.splits["validation"].assign(label=0)
    changed = replace(data, splits=data.splits | {"validation": other})
    monkeypatch.setattr(objective, "load_data", lambda *_: changed)
    assert given_to_a_trial(profile, monkeypatch) != before
    encoded.cache_clear()


def request_of(run, **changes):
    tuning = run.tuning
    configuration = tuning.grid[0] | changes
    return Request(tuning.run_id, 0, configuration, tuning.context, seeds=tuning.seeds[0])


def test_prepared_workers_read_no_data_and_train_the_same(tmp_path, monkeypatch):
    place = tmp_path / "glue/rte"
    place.mkdir(parents=True)
    for split, frame in load_mini_task("rte", sizes=dict.fromkeys(OFFICIAL_SPLITS, 60)).items():
        frame.to_parquet(place / f"{split}.parquet")
    profile = smoke(source=str(tmp_path / "glue"), sizes={}, shifted_tests={}, split="held_out")
    run = enumerate_runs(profile)[0]
    folders = {run.tuning.run_id: bind_run(profile, run, results=tmp_path)}
    plain = fine_tune(request_of(run), lambda evaluation: None, folders=folders)
    contexts = {run.tuning.run_id: run.tuning.context}
    prepared = prepare(contexts, folders, results=tmp_path / "shared")
    assert len(list((tmp_path / "shared/encoded").iterdir())) == 1
    monkeypatch.setattr(objective, "load_data", None)  # it would raise
    again = fine_tune(request_of(run), lambda e: None, folders=folders, prepared=prepared)
    assert again.losses.tobytes() == plain.losses.tobytes()
    assert {name: p.tobytes() for name, p in again.predictions.items()} == {
        name: p.tobytes() for name, p in plain.predictions.items()
    }


def test_what_nobody_prepared_is_written_once_by_the_worker_that_needs_it(tmp_path, monkeypatch):
    profile = smoke()
    run = enumerate_runs(profile)[0]
    folders = {run.tuning.run_id: bind_run(profile, run, results=tmp_path)}
    prepared = prepare({run.tuning.run_id: run.tuning.context}, folders, results=tmp_path)
    assert not (tmp_path / "encoded").exists()  # the miniature is generated by anybody
    for length in (16, 20):
        fine_tune(request_of(run, max_length=length), print, folders=folders, prepared=prepared)
    written = {path: path.stat().st_mtime_ns for path in (tmp_path / "encoded").rglob("*")}
    assert len(list((tmp_path / "encoded").iterdir())) == 2
    encoded.cache_clear()  # another worker
    monkeypatch.setattr(objective, "load_data", None)
    fine_tune(request_of(run, max_length=20), print, folders=folders, prepared=prepared)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "encoded").rglob("*")} == written


def test_what_is_sent_to_a_worker_holds_no_examples():
    profile = smoke()
    runs = enumerate_runs(profile)
    folders = {run.tuning.run_id: bind_run(profile, run) for run in runs}
    sent = pickle.dumps([folders, [run.tuning.context for run in runs]])
    first = load(profile).splits["test"]["text_a"].iloc[0]
    assert first.encode() not in sent


def test_shifted_tests_are_further_test_sets_of_their_own_size():
    data = load(smoke(shifted_tests={0.0: 10, 0.5: 20}))
    assert {name: len(frame) for name, frame in data.splits.items()} == {
        "train": 64, "validation": 32, "test": 32, "test-shift0": 10, "test-shift0.5": 20,
    }  # fmt: skip
    plain = load(smoke(shifted_tests={}))
    for name, frame in plain.splits.items():
        assert frame.equals(data.splits[name])
    assert set(load(smoke(split="resplit")).splits) == {"train", "validation", "test"}


def test_gold_labels_are_used_when_named_and_train_nothing_anew(glue):
    changes, gold = glue
    hidden = smoke(**changes)
    assert load(hidden, "stsb").hidden("test")
    named = smoke(**changes, test_labels={"stsb": str(gold)})
    assert load(named, "stsb").splits["test"]["label"].tolist() == [5.0, 1.5]
    assert load_data(named.data("stsb")).hidden("test")
    _, data = encoded("tiny-electra", named.data("stsb"), max_length=48)
    assert data.splits["test"].labels is None
    paths = [[bind_run(p, run).path for run in enumerate_runs(p)] for p in (hidden, named)]
    assert paths[0] == paths[1]


def test_files_of_labels_that_cannot_be_used_are_refused(glue):
    changes, gold = glue
    with pytest.raises(ValueError, match="unknown task of `test_labels` 'rte'; known: stsb"):
        smoke(**changes, test_labels={"rte": str(gold)})
    with pytest.raises(ValueError, match="nothing.tsv must be a file, but there is none"):
        smoke(**changes, test_labels={"stsb": "nothing.tsv"})
    with pytest.raises(ValueError, match="`test_labels` must go with hidden test labels.*mini"):
        smoke(test_labels={"rte": str(gold)})
    with pytest.raises(ValueError, match="`split` resplit; drop it or use split 'official'"):
        smoke(**changes, split="resplit", test_labels={"stsb": str(gold)})
    gold.write_text(GOLD.splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(ValueError, match="must have 2 rows as the test set has, but got 1"):
        load(smoke(**changes, test_labels={"stsb": str(gold)}), "stsb")


def test_the_profile_says_the_ratios_of_a_resplit():
    profile = smoke(split="resplit", split_ratios=[0.5, 0.25, 0.25])
    sizes = [len(f) for f in load(profile).splits.values()]
    assert sizes == [48, 24, 24]
    with pytest.raises(ValueError, match="three shares above 0 that sum to 1"):
        load(smoke(split="resplit", split_ratios=[0.8, 0.1, 0.2]))
    assert np.isclose(sum(smoke().split_ratios), 1)


@pytest.mark.parametrize("split", ["official", "held_out", "resplit"])
def test_examples_of_the_hub_are_counted_as_they_would_be_split(split, monkeypatch):
    # 103 + 21 of the hub and of the miniature; ratios at which rounding matters: 0.7 of 124 is 86.8
    monkeypatch.setitem(GLUE_SIZES, "rte", {"train": 103, "validation": 21, "test": 9})
    sizes = (("test", 9), ("train", 103), ("validation", 21))
    ratios = {"split": split, "split_ratios": (0.7, 0.1, 0.2)}
    loaded = load_data(DataSettings("rte", sizes=sizes, **ratios)).splits["train"]
    assert count_training_examples(DataSettings("rte", source="hub", **ratios)) == len(loaded)


def test_studies_of_two_splits_do_not_share_results():
    official, resplit = (
        {bind_run(p, run).path for run in enumerate_runs(p)}
        for p in (smoke(split=split, shifted_tests={}) for split in ("official", "resplit"))
    )
    assert not official & resplit


def test_further_test_sets_are_predicted_by_the_best_checkpoint(run, encoded):
    data = encoded["bert", "binary"]
    further = replace(data, splits=data.splits | {"test-ax": data.splits["test"]})
    found = run(data=further).predictions
    np.testing.assert_array_equal(found["test-ax_best"], found["test_best"])
    assert "test-ax_last" not in found
