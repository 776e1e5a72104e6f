"""The hub's repositories, by a stand-in on loopback: fetched once, at fixed commits."""

import hashlib
import subprocess
import sys

import pandas
import pytest

from hub_server import as_parquet, model_files, serve_glue, serve_model, serving
from repro.data.definitions import TASKS
from repro.data.hub import REVISIONS, fetch
from repro.data.tasks import load_task
from repro.models.locate import find_model, weights_fingerprint

ELECTRA, ROBERTA = "google/electra-base-discriminator", "FacebookAI/roberta-base"
SMALL = {"config.json": b"{}", "model.safetensors": b"weights", "tokenizer.json": b"{}"}


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with serving(monkeypatch, tmp_path / "cache") as server:
        yield server


def start_anew():
    """Forget what this process has fetched, as a new one would."""
    fetch.cache_clear()


def test_a_task_of_the_hub_is_what_its_files_hold(hub):
    serve_glue(hub, ["rte", "stsb"], sizes={"train": 30, "validation": 8, "test": 9})
    data, mini = load_task("rte", "hub"), load_task("rte", "mini", sizes={"train": 30})
    assert data.splits["train"].equals(mini.splits["train"])
    assert data.hidden("test") and len(data.splits["test"]) == 9
    assert load_task("stsb", "hub").hidden("test")
    # nothing of STS-B was downloaded for RTE
    first = [path for path in hub.requests if "parquet" in path][:3]
    assert all("/rte/" in path for path in first)


def test_mnli_comes_with_its_matched_splits_and_further_test_sets(hub):
    def rows(text, label):
        columns = {"premise": [text], "hypothesis": ["b"], "label": [label], "idx": [0]}
        return as_parquet(pandas.DataFrame(columns), classes=TASKS["mnli"].labels)

    names = ("validation_mismatched", "validation_matched", "test_mismatched", "test_matched")
    files = {f"mnli/{n}-00000-of-00001.parquet": rows(n, -1 if "test" in n else 1) for n in names}
    files["mnli/train-00000-of-00001.parquet"] = rows("train", 2)
    files["ax/test-00000-of-00001.parquet"] = rows("diagnostic", -1)
    hub.push("dataset", "nyu-mll/glue", files, commit=REVISIONS["nyu-mll/glue"])
    data = load_task("mnli", "hub")
    assert {name: frame["text_a"].tolist() for name, frame in data.splits.items()} == {
        "train": ["train"],
        "validation": ["validation_matched"],
        "test": ["test_matched"],
        "test-mismatched": ["test_mismatched"],
        "test-ax": ["diagnostic"],
    }
    assert data.hidden("test-ax") and data.hidden("test-mismatched")


def test_superglue_has_a_repository_of_its_own(hub):
    columns = {"premise": ["An owl."], "hypothesis": ["b"], "label": [1], "idx": [0]}
    rows = as_parquet(pandas.DataFrame(columns), classes=TASKS["rte"].labels)
    files = {f"rte/{split}-00000-of-00001.parquet": rows for split in ("train", "validation")}
    hub.push("dataset", "aps/super_glue", files, commit=REVISIONS["aps/super_glue"])
    assert load_task("superglue_rte", "hub").splits["train"]["text_a"].tolist() == ["An owl."]


def test_what_was_fetched_at_a_fixed_commit_asks_nothing_more_of_the_hub(hub):
    serve_model(hub, ROBERTA, SMALL)
    folder = find_model(ROBERTA)
    assert folder.endswith(REVISIONS[ROBERTA])
    n_asked = len(hub.requests)
    start_anew()
    assert find_model(ROBERTA) == folder
    assert len(hub.requests) == n_asked
    hub.close()
    start_anew()
    assert find_model(ROBERTA) == folder


def test_a_model_without_safetensors_on_main_comes_from_the_proposal_that_adds_them(hub):
    serve_model(hub, ELECTRA, SMALL)
    folder = find_model(ELECTRA)
    assert "622038df" in folder
    assert not any("pytorch_model.bin" in path for path in hub.requests)
    with pytest.raises(ValueError, match=r"has no weights; a revision may have it: .*@refs/pr/1"):
        find_model(ELECTRA + "@main")


def test_a_proposal_that_was_changed_is_refused(hub):
    serve_model(hub, ELECTRA, SMALL)
    changed = hub.push("model", ELECTRA, SMALL | {"merges.txt": b""}, ref="refs/pr/4")
    with pytest.raises(ValueError, match=f"must be commit 622038df, but got {changed}; to use it"):
        find_model(ELECTRA)
    assert find_model(f"{ELECTRA}@{changed}").endswith(changed)


def test_a_branch_that_moved_gives_another_fingerprint(hub):
    hub.push("model", "someone/small", SMALL)
    before = weights_fingerprint(find_model("someone/small"))
    hub.push("model", "someone/small", SMALL | {"model.safetensors": b"better"})
    assert weights_fingerprint(find_model("someone/small")) == before  # one process, one commit
    start_anew()
    assert weights_fingerprint(find_model("someone/small")) != before


def test_a_revision_that_is_gone_is_said_with_the_way_out(hub):
    hub.push("model", "someone/small", SMALL)
    with pytest.raises(ValueError, match=r"must have the revision v2, .* someone/small@main, or"):
        find_model("someone/small@v2")
    with pytest.raises(ValueError, match=r"someone/none must be a public model of the hub"):
        find_model("someone/none")


def test_too_many_requests_are_waited_out(hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    serve_model(hub, ROBERTA, SMALL)
    hub.refusals = [(429, {"Retry-After": "0"}), (503, {})]
    assert find_model(ROBERTA).endswith(REVISIONS[ROBERTA])


def test_a_hub_out_of_reach_is_said_in_one_line(hub, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    hub.close()
    with pytest.raises(ConnectionError, match=r"nyu-mll/glue must be within reach.*connect") as one:
        load_task("rte", "hub")
    assert "\n" not in str(one.value)
    with pytest.raises(ConnectionError, match=r"one of \['tiny-electra'.*but got 'tinybert'"):
        find_model("tinybert")


def test_eight_processes_at_once_get_the_same_files(hub, tmp_path):
    serve_model(hub, ELECTRA, model_files("tiny-electra"))
    code = (
        "from repro.data.hub import fetch; "
        f"folder = fetch({ELECTRA!r}, kind='model', files=('*.safetensors',)); "
        "import hashlib; weights = (folder / 'model.safetensors').read_bytes(); "
        "print(hashlib.sha256(weights).hexdigest())"
    )
    environment = {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path / "home"),
        "PYTHONPATH": ":".join(sys.path),
    }
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, env=environment)
        for _ in range(8)
    ]
    answers = {process.communicate(timeout=120)[0] for process in processes}
    weights = hashlib.sha256(model_files("tiny-electra")["model.safetensors"]).hexdigest()
    assert answers == {weights.encode() + b"\n"}
