import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from pretrain.manifest import checksums
from pretrain.pretraining import main, pretrain, save
from pretrain.recipe import FAMILIES, MODELS, Recipe
from repro.paths import ROOT

EMBEDDED = ROOT / "data/mini"


def test_pretraining_repeats_itself():
    recipe = Recipe("electra", steps=2, n_pairs=300)
    model, averages = pretrain(recipe)
    torch.manual_seed(99)
    again, _ = pretrain(recipe)
    assert all(map(torch.equal, model.state_dict().values(), again.state_dict().values()))
    assert np.isfinite(list(averages.values())).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_pretrained_model_loads_without_special_code(family, tmp_path):
    model, averages = pretrain(Recipe(family, steps=1, n_pairs=300))
    save(model, averages, tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert manifest["recipe"]["steps"] == 1 and manifest["sha256"] == checksums(tmp_path)
    reloaded = AutoModel.from_pretrained(tmp_path).state_dict()
    kept = model.encoder.state_dict()
    assert all(torch.equal(kept[key], reloaded[key]) for key in kept)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"family": "gpt"}, "must be one of electra.*'gpt'"), ({"steps": 0}, "at least 1, but got 0")],
)
def test_impossible_recipes_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**{"family": "bert", "steps": 1} | arguments)


def test_the_command_of_a_manifest_makes_such_a_model_again(tmp_path):
    model, averages = pretrain(Recipe("bert", steps=1, n_pairs=300))
    save(model, averages, tmp_path)
    command = json.loads((tmp_path / "manifest.json").read_text())["command"]
    variable, python, *arguments = command.replace("DIR", str(tmp_path)).split()
    assert (variable, python) == ("PYTHONPATH=tools", "python")
    shown = subprocess.run(
        [sys.executable, *arguments[:2], "--help"],
        cwd=ROOT, env={"PYTHONPATH": "tools:src"}, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for option in arguments[2::2]:
        assert option in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--model", "tiny-gpt"], "invalid choice: 'tiny-gpt'"),
        (["--out", "somewhere"], "name it by `--model`"),
    ],
)
def test_the_command_refuses_what_it_cannot_do(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("model", MODELS)
def test_embedded_weights_are_those_of_their_manifest(model):
    manifest = json.loads((EMBEDDED / model / "manifest.json").read_text())
    assert manifest["sha256"] == checksums(EMBEDDED / model), "restore them or run `make pretrain`"
    assert f"--model {model}" in manifest["command"]
    assert (EMBEDDED / model / "model.safetensors").stat().st_size < 4e6


@pytest.mark.parametrize("model", MODELS)
def test_embedded_models_lack_an_output_layer_and_nothing_else(model):
    loaded, information = AutoModelForSequenceClassification.from_pretrained(
        EMBEDDED / model, num_labels=3, output_loading_info=True
    )
    layer = "classifier." if model == "tiny-bert" else "classifier.out_proj."
    assert set(information["missing_keys"]) == {f"{layer}weight", f"{layer}bias"}
    assert not information["unexpected_keys"]
    tokenizer = AutoTokenizer.from_pretrained(EMBEDDED / model)
    inputs = tokenizer(["the doctor praised an owl"], ["who ?"], return_tensors="pt")
    assert loaded(**inputs).logits.shape == (1, 3)
    assert tokenizer.unk_token_id not in inputs["input_ids"]
