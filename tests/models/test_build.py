import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForSequenceClassification

from repro.models import build as models
from repro.models.build import build_model, dropout_places, encode, quiet, resolve_model
from tiny_models import BINARY, PAIR, REGRESSION, make_data, make_model

FAMILIES = ("bert", "electra", "roberta", "distilbert")


@pytest.fixture(scope="module")
def specs(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {family: resolve_model(str(make_model(root / family, family))) for family in FAMILIES}


def build(spec, *, task=BINARY, seed=0, **configuration):
    return build_model(spec, task=task, configuration=configuration, init_seed=seed)


def fresh_names(spec):
    with quiet():
        _, report = AutoModelForSequenceClassification.from_pretrained(
            spec.path, num_labels=2, output_loading_info=True
        )
    return set(report["missing_keys"])


def test_resolve_model_finds_an_embedded_name_and_a_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("REPRO_DATA", str(tmp_path))
    made = make_model(tmp_path / "mini" / "tiny-bert")
    assert resolve_model("tiny-bert") == models.ModelSpec("tiny-bert", str(made), "bert")
    assert resolve_model(str(made)).family == "bert"
    with pytest.raises(ValueError, match="'tiny-electra' must be in .*; build it by `make pret"):
        resolve_model("tiny-electra")


@pytest.mark.parametrize("missing", ["config.json", "model.safetensors", "tokenizer.json"])
def test_resolve_model_says_what_a_directory_lacks(tmp_path, missing):
    directory = make_model(tmp_path / "model")
    (directory / missing).unlink()
    with pytest.raises(ValueError, match=f"must hold .*{missing}.* but has no") as error:
        resolve_model(str(directory))
    assert "\n" not in str(error.value)


def test_weights_other_than_safetensors_count_as_missing(tmp_path):
    directory = make_model(tmp_path / "model")
    (directory / "model.safetensors").rename(directory / "pytorch_model.bin")
    with pytest.raises(ValueError, match="has no weights"):
        resolve_model(str(directory))


@pytest.mark.parametrize("family", FAMILIES)
def test_build_model_gives_the_pretrained_weights(specs, family):
    with quiet():
        expected = AutoModelForSequenceClassification.from_pretrained(specs[family].path).eval()
    model, fresh = build(specs[family]).eval(), fresh_names(specs[family])
    assert fresh and type(model) is type(expected)
    state = model.state_dict()
    assert state.keys() == expected.state_dict().keys()
    for name, tensor in expected.state_dict().items():
        assert name in fresh or torch.equal(state[name], tensor), name
    expected.load_state_dict(state)
    ids = torch.tensor([[2, 7, 9, 3]])
    torch.testing.assert_close(model(ids).logits, expected(ids).logits, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_classifier_depends_on_its_seed_alone(specs, family):
    fresh = {name for name in fresh_names(specs[family]) if name.endswith("weight")}
    before = torch.get_rng_state()
    first = build(specs[family], seed=1).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(99)
    same = build(specs[family], seed=1, hidden_dropout=0.3).state_dict()
    other = build(specs[family], seed=2).state_dict()
    for name, tensor in first.items():
        assert torch.equal(tensor, same[name]), name
        assert torch.equal(tensor, other[name]) == (name not in fresh), name


def test_the_classifier_has_the_family_s_scale(tmp_path):
    spec = resolve_model(str(make_model(tmp_path / "m", "electra", initializer_range=0.1)))
    state = build(spec).state_dict()
    # 32 x 32 draws: the standard error of their standard deviation is 2 % of it.
    assert state["classifier.dense.weight"].std() == pytest.approx(0.1, rel=0.1)
    assert not state["classifier.dense.bias"].any()


def test_tasks_of_other_shapes_share_what_they_can(specs):
    two, three = (build(specs["electra"], task=task).state_dict() for task in (BINARY, PAIR))
    assert torch.equal(two["classifier.dense.weight"], three["classifier.dense.weight"])
    assert three["classifier.out_proj.weight"].shape == (3, 32)
    assert build(specs["bert"], task=REGRESSION).config.num_labels == 1


def test_a_model_s_copies_are_its_own(specs):
    first = build(specs["bert"])
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    assert any(parameter.any() for parameter in build(specs["bert"]).parameters())


def test_a_checkpoint_written_anew_is_read_anew(tmp_path):
    directory = make_model(tmp_path / "m")
    old = build(resolve_model(str(directory)))
    make_model(directory, initializer_range=0.5)
    new = build(resolve_model(str(directory)))
    key = "bert.embeddings.word_embeddings.weight"
    assert new.state_dict()[key].std() > 5 * old.state_dict()[key].std()


def test_half_precision_checkpoints_are_trained_in_full(tmp_path, specs):
    build(specs["bert"]).to(torch.bfloat16).save_pretrained(tmp_path / "half")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "half" / file).write_text((_path(specs["bert"]) / file).read_text())
    model = build(resolve_model(str(tmp_path / "half")))
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


def test_a_classifier_for_other_labels_is_replaced(tmp_path, specs):
    build(specs["bert"], task=PAIR, seed=5).save_pretrained(tmp_path / "tuned")
    for file in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / "tuned" / file).write_text((_path(specs["bert"]) / file).read_text())
    spec = resolve_model(str(tmp_path / "tuned"))
    kept, replaced = build(spec, task=PAIR, seed=6), build(spec, task=BINARY, seed=6)
    tuned = build(specs["bert"], task=PAIR, seed=5)
    assert torch.equal(kept.classifier.weight, tuned.classifier.weight)
    assert replaced.classifier.weight.shape == (2, 32)


def _path(spec):
    from pathlib import Path

    return Path(spec.path)


# Where each dropout acts with 2 layers, from the architectures' own code: hidden dropout after
# the embeddings, after attention and after the feed-forward part of each layer, and in the head
# (DistilBERT: no dropout after attention, and the head has a setting of its own).
PLACES = {"bert": (6, 2), "electra": (6, 2), "roberta": (6, 2), "distilbert": (3, 2)}


@pytest.mark.parametrize("family", FAMILIES)
def test_dropouts_reach_their_places_and_only_those(specs, family):
    model = build(specs[family], hidden_dropout=0.31, attention_dropout=0.17)
    for name, value, n in zip(
        ("hidden_dropout", "attention_dropout"), (0.31, 0.17), PLACES[family], strict=True
    ):
        places = dropout_places(specs[family], task=BINARY, name=name)
        assert len(places) == n
        found = [m for m, module in model.named_modules() if getattr(module, "p", None) == value]
        assert sorted(found) == sorted(module for module, _ in places)
    assert any("attention" in module for module, _ in places)


def test_a_head_s_own_dropout_stays(tmp_path):
    spec = resolve_model(str(make_model(tmp_path / "m", "bert", classifier_dropout=0.25)))
    model = build(spec, hidden_dropout=0.4)
    assert model.dropout.p == 0.25
    assert model.bert.embeddings.dropout.p == 0.4


def test_a_dropout_without_a_place_is_refused(specs, monkeypatch):
    monkeypatch.setitem(models.DROPOUT_FIELDS, "attention_dropout", ("no_such_setting",))
    with pytest.raises(ValueError, match="take it out of the search space"):
        build(specs["bert"], attention_dropout=0.1)


def test_a_dropout_that_no_module_carries_is_refused(specs, monkeypatch):
    monkeypatch.setitem(models.DROPOUT_FIELDS, "attention_dropout", ("layer_norm_eps",))
    monkeypatch.setattr(models, "_empty_model", lambda config: torch.nn.Linear(1, 1))
    with pytest.raises(ValueError, match="no module of 'bert' carries it"):
        dropout_places(specs["bert"], task=REGRESSION, name="attention_dropout")


def test_encode_by_hand(specs):
    data = make_data(PAIR, n_train=1, n_other=2)
    data.splits["train"] = data.splits["train"].assign(text_a=["w0 w1"], text_b=["w59"], label=2)
    encoded = encode(data, specs["bert"], max_length=32)
    train = encoded.splits["train"]
    # [CLS] w0 w1 [SEP] w59 [SEP]; words start after the five special tokens
    assert train.ids.tolist() == [[2, 5, 6, 3, 64, 3]]
    assert train.types.tolist() == [[0, 0, 0, 0, 1, 1]]
    assert train.lengths.tolist() == [6] and train.labels.tolist() == [2]
    assert encoded.splits["test"].labels is None
    assert encoded.splits["test"].index.tolist() == [0, 1]


def test_encode_pads_and_cuts(specs):
    encoded = encode(make_data(PAIR, length=(1, 20)), specs["bert"], max_length=12)
    train = encoded.splits["train"]
    assert train.ids.shape[1] == train.lengths.max() == 12
    padding = np.arange(12) >= train.lengths[:, None]
    assert (train.ids[padding] == 0).all() and (train.ids[~padding] != 0).all()


def test_encode_gives_segments_only_to_models_that_know_them(specs):
    for family, typed in {"bert": True, "electra": True, "roberta": False}.items():
        encoded = encode(make_data(PAIR), specs[family], max_length=16)
        assert (encoded.splits["train"].types is not None) == typed


def test_encode_refuses_what_the_model_cannot_take(specs):
    with pytest.raises(ValueError, match="between 4 and 40 for .* but got 41"):
        encode(make_data(), specs["bert"], max_length=41)
    with pytest.raises(ValueError, match="between 4 and 39"):  # RoBERTa starts at its padding + 1
        encode(make_data(), specs["roberta"], max_length=40)
    data = make_data()
    data.splits["validation"] = data.splits["validation"].iloc[:0]
    with pytest.raises(ValueError, match="split 'validation' must hold examples"):
        encode(data, specs["bert"], max_length=16)


def test_labels_are_saved_by_name(specs, tmp_path):
    build(specs["bert"]).save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["id2label"] == {"0": "unacceptable", "1": "acceptable"}


def _rewrite(folder, change):
    path = folder / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


def _configure(folder, **values):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


WRONG_WEIGHTS = {
    "all renamed": lambda f: _rewrite(f, lambda ts: {f"x.{n}": t for n, t in ts.items()}),
    "a layer missing": lambda f: _rewrite(
        f, lambda ts: {n: t for n, t in ts.items() if "layer.1." not in n}
    ),
    "transposed": lambda f: _rewrite(
        f, lambda ts: {n: t.T.contiguous() if t.ndim == 2 else t for n, t in ts.items()}
    ),
    "fewer embeddings": lambda f: _rewrite(
        f, lambda ts: {n: t[:-5] if "word_emb" in n else t for n, t in ts.items()}
    ),
    "NaN": lambda f: _rewrite(f, lambda ts: {n: t * float("nan") for n, t in ts.items()}),
    "another hidden size": lambda f: _configure(f, hidden_size=16),
    "another architecture": lambda f: _configure(f, model_type="electra"),
}


@pytest.mark.parametrize("case", WRONG_WEIGHTS)
def test_a_checkpoint_that_does_not_fit_is_refused_with_its_tensors(tmp_path, case):
    folder = make_model(tmp_path / "m", "bert")
    build(resolve_model(str(folder)))  # before the change it fits
    WRONG_WEIGHTS[case](folder)
    with pytest.raises(ValueError, match=r"m must hold the pretrained weights of .*: \w+\.\w+"):
        build(resolve_model(str(folder)))
