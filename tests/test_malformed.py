"""Malformed input is refused before any training, in one line that names what and where.

`make test` tries a sample; REPRO_FUZZ=1, as `make fuzz` sets it, all of them.
"""

import json
import os
import random
import shutil

import pytest

import malformed
from official_layout import write_official
from repro.cli.commands import main
from repro.data.definitions import TASKS
from repro.data.tasks import load_task
from repro.models.build import build_model, load_tokenizer, resolve_model
from repro.models.locate import check_length, read_config
from repro.results.deferred import read_returned_scores
from repro.study.profile import load_profile
from tiny_models import make_model

ALL = bool(os.environ.get("REPRO_FUZZ"))


def some(cases, n):
    """Draw n cases, the same in every process of a run; or return them all."""
    cases = list(cases)
    chosen = cases if ALL else random.Random(20261121).sample(cases, min(n, len(cases)))
    return [pytest.param(case, id=case.name) for case in chosen]


def refusal(act, *, naming):
    """Return what is said; an error of any other kind is a traceback to the user."""
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        act()
    said = str(caught.value)
    assert naming in said
    assert "\n" not in said
    assert len(said) < 800
    return said


@pytest.mark.parametrize("case", some(malformed.profiles(), 40))
def test_a_malformed_profile(case, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(case.text)
    refusal(lambda: load_profile(path), naming="mine.yaml")


@pytest.mark.parametrize("case", some(malformed.data_files(), 20))
def test_a_malformed_data_file(case, tmp_path):
    task = case.name.partition(":")[0]
    write_official(tmp_path, task)
    path = tmp_path / case.file
    path.write_bytes(case.text.encode("utf-8", "surrogateescape"))
    refusal(lambda: load_task(task, tmp_path), naming=path.name)


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("models") / "m")


CONFIG = {"vocab_size": 65, "max_position_embeddings": 40, "model_type": "bert", "hidden_size": 32}
CONFIG |= {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}


def use(folder):
    check_length(folder.name, read_config(str(folder)), 32)
    spec = resolve_model(str(folder))
    load_tokenizer(spec)
    build_model(spec, task=TASKS["rte"], configuration={}, init_seed=0)


@pytest.mark.parametrize("case", some(malformed.model_configs(CONFIG), 12))
def test_a_malformed_model(case, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "m")
    whole = json.loads((folder / case.file).read_text())
    changed = json.loads(case.text) if case.text.startswith('{"vocab') else None
    text = json.dumps(whole | changed) if changed else case.text
    (folder / case.file).write_text(text)
    refusal(lambda: use(folder), naming=str(folder))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
@pytest.mark.parametrize("damage", ["cut", "emptied", "flipped", "removed"])
def test_a_damaged_model(file, damage, model, tmp_path):
    folder = shutil.copytree(model, tmp_path / "m")
    content = (folder / file).read_bytes()
    (folder / file).unlink()
    changed = {
        "cut": content[:200],
        "emptied": b"",
        "flipped": bytes([content[0] ^ 64]) + content[1:],
    }
    if damage in changed:
        (folder / file).write_bytes(changed[damage])
    refusal(lambda: use(folder), naming=str(folder))


@pytest.mark.parametrize("case", some(malformed.returned_scores(), 8))
def test_malformed_returned_scores(case, tmp_path):
    path = tmp_path / "scores.csv"
    path.write_bytes(case.text.encode("utf-8", "surrogateescape"))
    refusal(lambda: read_returned_scores(path), naming="scores.csv")


def must_not_start(*arguments, **keywords):
    raise AssertionError("nothing may be started")


@pytest.mark.parametrize("line", malformed.COMMANDS)
def test_a_malformed_command(line, capsys, monkeypatch):
    monkeypatch.setattr("repro.cli.notebooks.run_notebooks", must_not_start)
    monkeypatch.setattr("repro.study.recording.record", must_not_start)
    monkeypatch.setattr("repro.cli.plan.plan", must_not_start)
    try:
        status = main(line.split())
    except SystemExit as end:  # argparse's own
        status = end.code
    said = capsys.readouterr().err.strip()
    assert status == 2
    assert said.splitlines()[-1].partition("error: ")[2]
