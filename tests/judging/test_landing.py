"""Faults planted on the way from a searched hyperparameter to the training, and clean trials."""

import warnings

import numpy as np
import pytest
import torch
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_constant_schedule,
    get_linear_schedule_with_warmup,
)

import repro
from repro.judging.landing import LANDED, LandingError, rates_ahead

REQUESTED = {
    "learning_rate": 1e-3,
    "warmup_ratio": 0.3,
    "weight_decay": 0.1,
    "batch_size": 4,
    "epochs": 2,
    "hidden_dropout": 0.2,
    "attention_dropout": 0.05,
    "adam_epsilon": 1e-6,
}
N_EXAMPLES, STEPS = 20, 10  # five batches of four, two passes
SIZES = {"vocab_size": 30, "max_position_embeddings": 16, "pad_token_id": 0}
BERT_SIZES = SIZES | {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2}
BERT_SIZES |= {"intermediate_size": 8}
SMALL = {
    "bert": BERT_SIZES,
    "electra": BERT_SIZES | {"embedding_size": 8},
    "roberta": BERT_SIZES,
    "distilbert": SIZES | {"dim": 8, "n_layers": 1, "n_heads": 2, "hidden_dim": 8},
    "deberta-v2": BERT_SIZES,
}


def make_model(family="bert", *, hidden=0.2, attention=0.05):
    config = AutoConfig.for_model(family, **SMALL[family])
    names = ("dropout", "attention_dropout")
    if family != "distilbert":
        names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    for name, value in zip(names, (hidden, attention), strict=True):
        setattr(config, name, value)
    return AutoModelForSequenceClassification.from_config(config)


def make_optimizer(model, *, decay=0.1, spare=True, **settings):
    matrices = [p for p in model.parameters() if p.ndim >= 2]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": decay}]
    groups.append({"params": vectors, "weight_decay": 0.0 if spare else decay})
    return torch.optim.AdamW(groups, **{"lr": 1e-3, "eps": 1e-6} | settings)


def examples(n=N_EXAMPLES):
    ids = torch.randint(1, 30, (n, 6))
    row = {"attention_mask": torch.ones(6, dtype=torch.long)}
    return [{"input_ids": ids[i], "labels": i % 2} | row for i in range(n)]


def set_up(family="bert"):
    model = make_model(family)
    optimizer = make_optimizer(model)
    return {
        "model": model,
        "optimizer": optimizer,
        "scheduler": get_linear_schedule_with_warmup(optimizer, 3, STEPS),
        "total_steps": STEPS,
        "dataloader": torch.utils.data.DataLoader(examples(), batch_size=4),
    }


def linear(objects, *, warmup=3, optimizer=None):
    optimizer = optimizer or objects["optimizer"]
    return get_linear_schedule_with_warmup(optimizer, warmup, STEPS)


def dropout_set_after_the_model_was_built(objects):
    objects["model"] = make_model(hidden=0.1)
    objects["model"].config.hidden_dropout_prob = 0.2
    objects["optimizer"] = make_optimizer(objects["model"])
    objects["scheduler"] = linear(objects)


def attention_dropout_under_a_wrong_name(objects):
    objects["model"] = make_model(attention=0.1)
    objects["model"].config.attention_dropout_prob = 0.05
    objects["optimizer"] = make_optimizer(objects["model"])
    objects["scheduler"] = linear(objects)


def one_dropout_module_replaced(objects):
    objects["model"].bert.embeddings.dropout = torch.nn.Dropout(0.5)


def warmup_cast_to_zero(objects):
    objects["scheduler"] = linear(objects, warmup=int(0.3))


def schedule_without_warmup(objects):
    objects["scheduler"] = get_constant_schedule(objects["optimizer"])


def decay_on_excluded_parameters(objects):
    objects["optimizer"] = make_optimizer(objects["model"], spare=False)
    objects["scheduler"] = linear(objects)


def decay_left_at_its_default(objects):
    objects["optimizer"] = make_optimizer(objects["model"], decay=0.01)
    objects["scheduler"] = linear(objects)


def rate_overwritten_by_a_schedule(objects):
    objects["scheduler"] = torch.optim.lr_scheduler.OneCycleLR(
        objects["optimizer"], max_lr=3e-3, total_steps=STEPS, pct_start=0.4
    )


def warmup_longer_than_the_training(objects):
    objects["scheduler"] = linear(objects, warmup=30)


def optimizer_of_another_model(objects):
    objects["model"] = make_model()


def schedule_of_another_optimizer(objects):
    objects["scheduler"] = linear(objects, optimizer=make_optimizer(objects["model"]))


def batches_made_before(objects):
    objects["dataloader"] = torch.utils.data.DataLoader(examples(), batch_size=5)


def training_cut_by_a_maximum(objects):
    objects["total_steps"] = 8
    objects["scheduler"] = get_linear_schedule_with_warmup(objects["optimizer"], 3, 8)


def epsilon_swallowed(objects):
    objects["optimizer"] = make_optimizer(objects["model"], eps=1e-8)
    objects["scheduler"] = linear(objects)


@pytest.mark.parametrize(
    ("plant", "named"),
    [
        (dropout_set_after_the_model_was_built, "hidden_dropout"),
        (attention_dropout_under_a_wrong_name, "attention_dropout"),
        (one_dropout_module_replaced, "hidden_dropout"),
        (warmup_cast_to_zero, "warmup_ratio"),
        (schedule_without_warmup, "warmup_ratio"),
        (decay_on_excluded_parameters, "weight_decay"),
        (decay_left_at_its_default, "weight_decay"),
        (rate_overwritten_by_a_schedule, "learning_rate"),
        (warmup_longer_than_the_training, "learning_rate"),
        (optimizer_of_another_model, "optimizer"),
        (schedule_of_another_optimizer, "scheduler"),
        (batches_made_before, "batch_size"),
        (training_cut_by_a_maximum, "epochs"),
        (epsilon_swallowed, "adam_epsilon"),
    ],
)
def test_planted_faults_are_caught_by_name(plant, named):
    objects = set_up()
    plant(objects)
    with pytest.raises(LandingError, match=f"`{named}`"):
        repro.check_landing(REQUESTED, **objects)


@pytest.mark.parametrize("family", SMALL)
def test_clean_trials_raise_no_alarm(family):
    table = repro.check_landing(REQUESTED, **set_up(family))
    assert table["name"].tolist() == list(REQUESTED)
    assert set(table["verdict"]) == {LANDED}


def test_a_name_that_nothing_has_is_a_fault_unless_it_is_left_out():
    requested = REQUESTED | {"learnin_rate": 1e-3}
    with pytest.raises(LandingError, match="`learnin_rate` cannot be read: nothing that trains"):
        repro.check_landing(requested, **set_up())
    assert len(repro.check_landing(requested, **set_up(), ignore=("learnin_rate",))) == 8
    with pytest.raises(ValueError, match="`ignore` must be among the requested names"):
        repro.check_landing(REQUESTED, **set_up(), ignore=("nothing",))


def test_a_fault_may_warn_or_be_returned_instead():
    requested = REQUESTED | {"learning_rate": 2e-3}
    with pytest.warns(RuntimeWarning, match="requested as 0.002 but is 0.001"):
        repro.check_landing(requested, **set_up(), on_fault="warn")
    table = repro.check_landing(requested, **set_up(), on_fault="return")
    assert table.loc[table["verdict"] != LANDED, "name"].tolist() == ["learning_rate"]
    with pytest.raises(ValueError, match="unknown action `on_fault` 'stop'"):
        repro.check_landing(requested, **set_up(), on_fault="stop")


def test_reading_a_schedule_ahead_does_not_move_it():
    objects = set_up()
    rates = rates_ahead(objects["optimizer"], objects["scheduler"], STEPS)
    # up by thirds of 1e-3 for three updates, then down by sevenths
    expected = [0, 1 / 3, 2 / 3, 1, 6 / 7, 5 / 7, 4 / 7, 3 / 7, 2 / 7, 1 / 7]
    assert rates[:, 0] == pytest.approx(1e-3 * np.array(expected))
    assert objects["scheduler"].last_epoch == 0
    assert objects["optimizer"].param_groups[0]["lr"] == 0


def train(tmp_path, *, callbacks, family="bert", model=None, **changed):
    arguments = {"learning_rate": 1e-3, "warmup_steps": 0.3, "weight_decay": 0.1}
    arguments |= {"per_device_train_batch_size": 4, "num_train_epochs": 2, "use_cpu": True}
    arguments |= {"report_to": [], "save_strategy": "no", "disable_tqdm": True}
    arguments |= {"logging_strategy": "no", "adam_epsilon": 1e-6}
    trainer = Trainer(
        model=model or make_model(family),
        args=TrainingArguments(str(tmp_path), **arguments | changed),
        train_dataset=examples(),
        callbacks=callbacks,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of transformers' own, on pinned memory and the like
        trainer.train()
    return trainer


TRAINER_NAMES = {
    "learning_rate": 1e-3,
    "warmup_steps": 0.3,
    "weight_decay": 0.1,
    "per_device_train_batch_size": 4,
    "num_train_epochs": 2,
    "adam_epsilon": 1e-6,
    "seed": 42,
}


@pytest.mark.parametrize("family", ["bert", "distilbert"])
def test_clean_trials_of_the_trainer_raise_no_alarm(tmp_path, family):
    names = ("hidden_dropout_prob", "attention_probs_dropout_prob")
    names = ("dropout", "attention_dropout") if family == "distilbert" else names
    requested = TRAINER_NAMES | dict(zip(names, (0.2, 0.05), strict=True))
    callback = repro.landing_callback(requested)
    train(tmp_path, callbacks=[callback], family=family)
    assert callback.table["name"].tolist() == list(requested)
    assert set(callback.table["verdict"]) == {LANDED}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"warmup_steps": 0}, "warmup_steps"),
        ({"learning_rate": 2e-3}, "learning_rate"),
        ({"max_steps": 7}, "num_train_epochs"),
        ({"seed": 1}, "seed"),
    ],
)
def test_faults_of_the_trainer_are_caught_before_it_trains(tmp_path, changed, named):
    with pytest.raises(LandingError, match=f"`{named}`"):
        train(tmp_path, callbacks=[repro.landing_callback(TRAINER_NAMES)], **changed)


class Overwrite(TrainerCallback):
    def on_step_end(self, args, state, control, optimizer=None, **objects):
        if state.global_step == 4:
            for group in optimizer.param_groups:
                group["lr"] = 0.5


def test_a_rate_that_is_overwritten_while_training_is_caught(tmp_path):
    callbacks = [Overwrite(), repro.landing_callback(TRAINER_NAMES)]
    with pytest.raises(LandingError, match="`learning_rate` .* is 0.5 .step 4"):
        train(tmp_path, callbacks=callbacks)


def test_a_search_of_the_trainer_needs_no_list_of_names(tmp_path):
    with pytest.raises(ValueError, match="`requested` must be given outside"):
        train(tmp_path, callbacks=[repro.landing_callback()])
