import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from repro.training import trial as training
from repro.training.optimizer import clip_each, clipping, make_optimizer
from repro.training.schedule import make_schedule
from repro.training.types import NEWER, TrainingSettings
from tiny_models import SETTINGS

pytest_plugins = ("tiny_trials",)

RATE, DECAY, EPSILON = 1e-2, 0.1, 1e-6
ASKED = {"batch_size": 16, "epochs": 3, "warmup_ratio": 0.1, "warmup_steps": None}


def bert_adam_by_formula(values, gradients, *, decays, rates):
    """Do BertAdam's updates in numpy, tensor by tensor, as its formula reads."""
    values = [value.copy() for value in values]
    m = [np.zeros_like(value) for value in values]
    v = [np.zeros_like(value) for value in values]
    for rate, step in zip(rates, gradients, strict=True):
        for i, gradient in enumerate(step):
            norm = math.sqrt((gradient**2).sum())
            if norm > 1:
                gradient = gradient / (norm + 1e-6)
            m[i] = 0.9 * m[i] + 0.1 * gradient
            v[i] = 0.999 * v[i] + 0.001 * gradient**2
            update = m[i] / (np.sqrt(v[i]) + EPSILON)
            if decays[i]:
                update = update + DECAY * values[i]
            values[i] = values[i] - rate * update
    return values


@pytest.fixture
def model():
    torch.manual_seed(0)
    layers = torch.nn.Linear(7, 5), torch.nn.LayerNorm(5), torch.nn.Linear(5, 2)
    return torch.nn.Sequential(*layers).double()


def test_bertadam_is_its_formula(model):
    # gradients from a tenth to ten times the norm at which each tensor is clipped by itself
    rng = np.random.default_rng(1)
    parameters = list(model.parameters())
    start = [p.detach().numpy().copy() for p in parameters]
    rates = RATE * np.linspace(0, 1, 40)
    gradients = [
        [rng.normal(size=p.shape) * 10 ** rng.uniform(-2, 1) for p in parameters] for _ in rates
    ]
    asked = {"learning_rate": RATE, "weight_decay": DECAY, "adam_epsilon": EPSILON}
    optimizer = make_optimizer(model, asked, "bertadam")
    for rate, step in zip(rates, gradients, strict=True):
        for group in optimizer.param_groups:
            group["lr"] = rate
        for parameter, gradient in zip(parameters, step, strict=True):
            parameter.grad = torch.from_numpy(gradient.copy())
        clipping(optimizer)(parameters, 1.0)
        optimizer.step()
    decays = [p.ndim >= 2 for p in parameters]
    expected = bert_adam_by_formula(start, gradients, decays=decays, rates=rates)
    for parameter, before, after in zip(parameters, start, expected, strict=True):
        np.testing.assert_allclose(parameter.detach().numpy(), after, rtol=0, atol=1e-7)
        assert np.abs(after - before).max() > 0.05


def test_clipping_by_tensor_spares_short_gradients_and_parameters_without_one():
    # norms 5 and 0.5: the first is cut to 1, so 3 and 4 become 0.6 and 0.8; the second stays
    long, short, frozen = (torch.nn.Parameter(torch.zeros(2)) for _ in range(3))
    long.grad, short.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.3, 0.4])
    clip_each([long, frozen, short], 1.0)
    assert long.grad.tolist() == pytest.approx([0.6, 0.8], abs=1e-6)
    assert short.grad.tolist() == pytest.approx([0.3, 0.4]) and frozen.grad is None


def test_bertadams_schedule_by_hand():
    # 50 examples in batches of 16, 3 epochs: 3 x 4 = 12 updates, but 50 / 16 x 3 = 9.375, so the
    # authors plan 9; warm-up .25 of 9 = 2.25: updates 0, 1, 2 rise, update 3 is at 1 - 3/9; the
    # last ones go below zero
    asked = ASKED | {"warmup_ratio": 0.25, "max_grad_norm": 1.0}
    schedule = make_schedule(asked, n_train=50, evaluations_per_epoch=1, optimizer="bertadam")
    assert (schedule.total_steps, schedule.planned_steps, schedule.warmup_steps) == (12, 9, 3)
    rates = [schedule.rate_factor(step) for step in range(12)]
    expected = [0, 1 / 2.25, 2 / 2.25, 6 / 9, 5 / 9, 4 / 9, 3 / 9, 2 / 9, 1 / 9, 0, -1 / 9, -2 / 9]
    assert rates == pytest.approx(expected)
    # twice: each epoch of 4 updates multiplies by the first four factors
    twice = replace(schedule, twice=True)
    again = [twice.rate_factor(step) for step in range(12)]
    assert again == pytest.approx(np.multiply(expected, expected[:4] * 3))


def test_the_authors_double_schedule_peaks_where_their_settings_say():
    # 2490 training examples (RTE), batches of 16, 3 epochs: the peaks of the three epochs and the
    # mean are those of s(j/T) s(k/T), j from 0 in each epoch
    asked = ASKED | {"max_grad_norm": 1.0}
    course = {"n_train": 2490, "evaluations_per_epoch": 1, "optimizer": "bertadam"}
    schedule = make_schedule(asked, **course, applied="twice")
    rates = [schedule.rate_factor(step) for step in range(468)]
    assert (schedule.total_steps, schedule.planned_steps) == (468, 466)
    peaks = [max(rates[start : start + 156]) for start in (0, 156, 312)]
    assert peaks == pytest.approx([0.97, 0.56, 0.23], abs=0.02)
    assert np.mean(rates) == pytest.approx(0.325, abs=0.002)
    assert rates[-1] < 0


def test_segments_keep_the_schedule_of_the_whole():
    asked = ASKED | {"max_grad_norm": 1.0}
    course = {"n_train": 50, "evaluations_per_epoch": 1, "optimizer": "bertadam"}
    schedule = make_schedule(asked, **course, applied="twice")
    second = schedule.between(1, 2)
    assert [second.rate_factor(i) for i in range(4)] == [
        schedule.rate_factor(4 + i) for i in range(4)
    ]


AUTHORS = {"optimizer": "bertadam", "schedule_applied": "twice"}


@pytest.mark.parametrize("settings", [AUTHORS, {"optimizer": "bertadam"}])
@pytest.mark.parametrize("warmup", [{}, {"warmup_ratio": None, "warmup_steps": 3}])
def test_bertadam_trains_and_lands(run, settings, warmup):
    result = run(settings=replace(SETTINGS, **settings), **warmup)
    assert (result.status, result.message) == ("completed", "")
    assert result.settings["optimizer"] == "bertadam"
    plain = run(**warmup)
    assert not np.array_equal(result.losses, plain.losses)
    # the very first loss is that of the same weights, data and dropout masks
    assert result.losses[0] == plain.losses[0]


def test_the_schedule_twice_works_with_either_optimizer(run):
    once, twice = (run(settings=replace(SETTINGS, schedule_applied=a)) for a in ("once", "twice"))
    assert twice.status == "completed"
    assert not np.array_equal(once.losses, twice.losses)


def always(maker, **values):
    return lambda *arguments, **keywords: maker(*arguments, **keywords | values)


@pytest.mark.parametrize(
    ("target", "values", "named"),
    [
        ("make_optimizer", {"name": "adamw"}, "`optimizer` must reach the training as bertadam"),
        ("make_schedule", {"optimizer": "adamw"}, "`optimizer` must reach the training as"),
        ("make_schedule", {"applied": "once"}, "`schedule_applied` must reach the training as"),
    ],
)
def test_settings_that_do_not_land_fail_the_trial(run, monkeypatch, target, values, named):
    maker = getattr(training, target)
    sabotaged = always(maker, **values)
    if target == "make_optimizer":
        sabotaged = lambda model, asked, name: maker(model, asked, **values)  # noqa: E731
    monkeypatch.setattr(training, target, sabotaged)
    result = run(settings=replace(SETTINGS, **AUTHORS))
    assert result.status == "failed" and named in result.message


def test_top_layers_start_fresh_and_the_classifier_stays(run):
    plain, fresh = (run(settings=replace(SETTINGS, reinitialised_layers=n)) for n in (0, 1))
    assert fresh.status == "completed" and fresh.settings["reinitialised_layers"] == 1
    assert not np.array_equal(plain.losses, fresh.losses)
    deep = run(settings=replace(SETTINGS, reinitialised_layers=3))
    assert "must be at most the model's 2 layers, but got 3" in deep.message


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"optimizer": "sgd"}, r"`optimizer` must be in \('adamw', 'bertadam'\), but got 'sgd'"),
        ({"schedule_applied": "thrice"}, "`schedule_applied` must be in"),
        ({"reinitialised_layers": -1}, "`reinitialised_layers` must be 0, 1, ..., but got -1"),
    ],
)
def test_unknown_choices_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        TrainingSettings(**wrong)


def test_newer_settings_are_named_with_their_defaults():
    defaults = TrainingSettings()
    assert {name: getattr(defaults, name) for name in NEWER} == NEWER


def test_traced_gradients_are_those_before_clipping_and_change_nothing(run):
    plain, traced = run(), run(trace_gradients=True)
    assert np.array_equal(plain.losses, traced.losses) and not plain.gradient_norms
    norms = traced.gradient_norms
    assert {len(values) for values in norms.values()} == {traced.steps}
    assert all((values >= 0).all() for values in norms.values())
    # the classifier learns from the first update on
    assert norms["classifier.weight"].min() > 0
