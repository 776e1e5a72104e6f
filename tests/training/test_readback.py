import math
from dataclasses import replace
from itertools import repeat

import numpy as np
import pytest
import torch

from repro.models.build import encode, resolve_model
from repro.training import trial as training
from repro.training.trial import TrainingSettings
from tiny_models import SETTINGS, make_data

pytest_plugins = ("tiny_trials",)

# What is refused before any training


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"learning_rat": 1e-3}, r"must be among \['learning_rate'.*got \['learning_rat'\]"),
        ({"batch_size": 0}, "`batch_size` must be more than 0"),
        ({"batch_size": 1.5}, "`batch_size` must be a whole number"),
        ({"learning_rate": -1.0}, "`learning_rate` must be more than 0"),
        ({"learning_rate": math.nan}, "`learning_rate` must be more than 0 and finite"),
        ({"learning_rate": "1e-3"}, "`learning_rate` must be a number, but got '1e-3'"),
        ({"learning_rate": None}, r"lacks \['learning_rate'\]"),
        ({"hidden_dropout": 1.5}, "`hidden_dropout` must be at least 0 and at most 1"),
        ({"epochs": 0}, "`epochs` must be more than 0"),
        ({"warmup_steps": 3}, "got both"),
        ({"max_length": 16}, "`max_length` must be that of the encoded data, 32, but got 16"),
    ],
)
def test_wrong_configurations_are_refused(run, wrong, message):
    with pytest.raises(ValueError, match=message):
        run(**wrong)


def test_wrong_settings_are_refused(run, encoded):
    with pytest.raises(ValueError, match="`precision` must be in"):
        TrainingSettings(precision="fp8")
    with pytest.raises(ValueError, match="`evaluations_per_epoch` must be a whole number from 1"):
        TrainingSettings(evaluations_per_epoch=0)
    with pytest.raises(ValueError, match="encode.* for .*bert, but was for .*electra"):
        run(data=encoded["electra", "binary"])
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="finds no GPU: .*ask for 'cpu'"):
            run(settings=replace(SETTINGS, device="cuda"))


@pytest.mark.parametrize("split", ["train", "validation"])
def test_hidden_labels_are_refused_where_they_are_needed(run, encoded, split):
    data = encoded["bert", "binary"]
    hidden = replace(data.splits[split], labels=np.full_like(data.splits[split].labels, -1))
    with pytest.raises(ValueError, match=f"split '{split}' of cola must be labelled"):
        run(data=replace(data, splits=data.splits | {split: hidden}))


# Read-back: whatever does not land fails the trial and is named


def unsearched(model_builder, *names):
    def build(spec, *, configuration, **keywords):
        landed = {k: v for k, v in configuration.items() if k not in names}
        return model_builder(spec, configuration=landed, **keywords)

    return build


def one_dropout_off(model_builder, module_name):
    def build(spec, **keywords):
        model = model_builder(spec, **keywords)
        model.get_submodule(module_name).p = 0.0
        return model

    return build


def with_groups(optimizer_maker, **values):
    def make(*arguments):
        optimizer = optimizer_maker(*arguments)
        for group in optimizer.param_groups:
            group.update(values)
        return optimizer

    return make


def scheduled(schedule_maker, **values):
    def make(*arguments, **keywords):
        return replace(schedule_maker(*arguments, **keywords), **values)

    return make


def without_last_parameter(optimizer_maker):
    def make(*arguments):
        optimizer = optimizer_maker(*arguments)
        optimizer.param_groups[0]["params"].pop()
        return optimizer

    return make


def rebatched(batch_maker, **values):
    return lambda n_train, **keywords: batch_maker(n_train, **keywords | values)


SABOTAGES = {
    "hidden_dropout": ("build_model", lambda f: unsearched(f, "hidden_dropout")),
    "attention_dropout": ("build_model", lambda f: unsearched(f, "attention_dropout")),
    "hidden_dropout in one place": (
        "build_model",
        lambda f: one_dropout_off(f, "bert.encoder.layer.1.output.dropout"),
    ),
    "attention_dropout in one place": (
        "build_model",
        lambda f: one_dropout_off(f, "bert.encoder.layer.0.attention.self.dropout"),
    ),
    "learning_rate": ("make_optimizer", lambda f: with_groups(f, lr=5e-5)),
    "adam_epsilon": ("make_optimizer", lambda f: with_groups(f, eps=1e-8)),
    "weight_decay": ("make_optimizer", lambda f: with_groups(f, weight_decay=0.0)),
    "weight_decay of biases": ("make_optimizer", lambda f: with_groups(f, weight_decay=0.1)),
    "optimizer": ("make_optimizer", without_last_parameter),
    "warmup_ratio": ("make_schedule", lambda f: scheduled(f, warmup_steps=0)),
    "epochs": ("make_schedule", lambda f: scheduled(f, total_steps=4, warmup_steps=1)),
    "batch_size": ("training_batches", lambda f: rebatched(f, batch_size=8)),
    "batch_size too large": ("training_batches", lambda f: rebatched(f, batch_size=32)),
    "epochs of some examples": (
        "training_batches",
        lambda f: lambda *a, **k: repeat(next(f(*a, **k))),
    ),
    "max_grad_norm": ("make_schedule", lambda f: scheduled(f, max_grad_norm=5.0)),
}


@pytest.mark.parametrize("name", SABOTAGES)
def test_what_does_not_land_fails_the_trial(run, monkeypatch, name):
    target, sabotage = SABOTAGES[name]
    monkeypatch.setattr(training, target, sabotage(getattr(training, target)))
    result = run()
    assert result.status == "failed"
    assert name.split()[0] in result.message and "must" in result.message
    assert result.steps == 0 and len(result.losses) == 0


def test_texts_longer_than_max_length_fail_the_trial(run, encoded):
    wide = encode(
        make_data(length=(33, 38)), resolve_model(encoded["bert", "binary"].model), max_length=40
    )
    result = run(data=replace(wide, max_length=32))
    assert result.status == "failed" and "`max_length`" in result.message


def test_warmup_steps_land(run, monkeypatch):
    result = run(warmup_ratio=None, warmup_steps=3)
    assert result.hyperparameters["warmup_steps"] == 3
    assert result.hyperparameters["warmup_ratio"] == 3 / 8
    monkeypatch.setattr(
        training, "make_schedule", scheduled(training.make_schedule, warmup_steps=1)
    )
    assert "`warmup_steps`" in run(warmup_ratio=None, warmup_steps=3).message


@pytest.mark.parametrize("steps", [8, 9, 500])
def test_a_warmup_longer_than_the_training_lands(run, steps):
    # 8 updates: the rate is still rising at the end, as with transformers' schedule
    result = run(warmup_ratio=None, warmup_steps=steps)
    assert (result.status, result.hyperparameters["warmup_steps"]) == ("completed", steps)


def test_every_family_lands_its_dropouts(run):
    for family in ("electra", "roberta", "distilbert"):
        landed = run(family=family, epochs=1).hyperparameters
        assert (landed["hidden_dropout"], landed["attention_dropout"]) == (0.15, 0.2)


@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_a_dropout_lands_where_zero_leaves_it_without_a_module(run, dropout):
    # ModernBERT puts an Identity in the place of an attention dropout of zero; it has no other
    result = run(family="modernbert", epochs=1, attention_dropout=dropout, hidden_dropout=None)
    assert (result.status, result.message) == ("completed", "")
    assert result.hyperparameters["attention_dropout"] == dropout
    assert np.isnan(result.hyperparameters["hidden_dropout"])
