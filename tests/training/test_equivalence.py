from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
import torch
from transformers import Trainer, TrainerCallback, TrainingArguments

from repro.models.build import build_model, resolve_model
from repro.models.packing import DeviceSplit, pad
from repro.training.schedule import training_batches
from repro.training.trial import train_trial
from tiny_models import CONFIGURATION, PAIR, SEEDS, SETTINGS, make_model

pytest_plugins = ("tiny_trials",)


class _SameOrder(Trainer):
    """The Trainer, given our batches in our order."""

    batches = None

    def get_train_dataloader(self):
        return self.batches


class _Losses(TrainerCallback):
    def __init__(self):
        self.seen = []

    def on_log(self, args, state, control, logs, **kwargs):
        if "loss" in logs:
            self.seen.append(logs["loss"])


@pytest.mark.filterwarnings("ignore")  # the Trainer's own
@pytest.mark.parametrize("family", ["bert", "electra", "roberta", "distilbert"])
def test_losses_are_those_of_the_trainer(specs, encoded, run, tmp_path, family):
    asked = {"hidden_dropout": 0.0, "attention_dropout": 0.0, "epochs": 13}
    if family == "distilbert":  # whose head has a dropout of its own
        specs = specs | {
            family: resolve_model(str(make_model(tmp_path / "m", family, seq_classif_dropout=0.0)))
        }
        data = replace(encoded[family, "pair"], model=specs[family].path)
        ours = train_trial(
            CONFIGURATION | asked, model=specs[family], data=data, settings=SETTINGS, seeds=SEEDS
        )
    else:
        data = encoded[family, "pair"]
        ours = run(family=family, task="pair", **asked)
    assert ours.status == "completed" and ours.steps == 52
    model = build_model(specs[family], task=PAIR, configuration=asked | {"epochs": 0}, init_seed=1)
    theirs = _train_with_trainer(model, data.splits["train"], ours, tmp_path / "out")
    assert np.abs(np.diff(ours.losses)).max() > 1e-2  # it does learn, so that this says something
    np.testing.assert_allclose(ours.losses[:50], theirs[:50], atol=1e-4, rtol=0)


def _train_with_trainer(model, split, ours, directory):
    arguments = TrainingArguments(
        output_dir=str(directory),
        learning_rate=CONFIGURATION["learning_rate"],
        weight_decay=CONFIGURATION["weight_decay"],
        adam_epsilon=SETTINGS.adam_epsilon,
        max_grad_norm=1.0,
        warmup_steps=ours.hyperparameters["warmup_steps"],
        max_steps=ours.steps,
        lr_scheduler_type="linear",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
    )
    batches = training_batches(60, batch_size=CONFIGURATION["batch_size"], seed=SEEDS.order)
    rows = islice(batches, ours.steps)
    examples, labels = DeviceSplit.of(split, torch.device("cpu")), torch.from_numpy(split.labels)
    losses = _Losses()
    trainer = _SameOrder(model=model, args=arguments, callbacks=[losses])
    trainer.batches = [
        pad(examples, r, order) | {"labels": labels[order]}
        for r, order in ((r, torch.from_numpy(r)) for r in rows)
    ]
    trainer.train()
    return losses.seen
