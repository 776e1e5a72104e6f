import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForSequenceClassification

from repro.models.build import encode, resolve_model
from repro.models.packing import DeviceSplit, pad, plain_logits
from repro.paths import ROOT
from repro.training import trial as training
from repro.training.types import MachineFailure
from tiny_models import CONFIGURATION, REGRESSION, SEEDS, SETTINGS, make_data

pytest_plugins = ("tiny_trials",)

# Seeds


def test_the_same_seeds_give_the_same_bits_whatever_the_global_generators(run):
    torch.manual_seed(1)
    np.random.seed(1)
    first = run()
    torch.manual_seed(2)
    np.random.seed(2)
    before = torch.get_rng_state()
    again = run()
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(first.losses, again.losses)
    for name, predictions in first.predictions.items():
        assert np.array_equal(predictions, again.predictions[name])


_IN_A_PROCESS = """
import sys
from repro.models.build import encode, resolve_model
from tiny_models import make_data
from repro.training.trial import train_trial
from tiny_models import CONFIGURATION, SEEDS, SETTINGS
spec = resolve_model(sys.argv[1])
data = encode(make_data(), spec, max_length=32)
result = train_trial(CONFIGURATION, model=spec, data=data, settings=SETTINGS, seeds=SEEDS)
print(result.losses.tobytes().hex())
"""


def test_two_processes_give_the_same_bits(run, specs):
    here = ROOT / "tests/support"
    other = subprocess.run(
        [sys.executable, "-c", _IN_A_PROCESS, specs["bert"].path],
        env={
            "PYTHONPATH": f"{here}:{ROOT / 'src'}",
            "PATH": "/usr/bin:/bin",
            "HOME": "/tmp",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.split()[-1] == run().losses.tobytes().hex()


@pytest.mark.parametrize("seed", ["init", "order", "dropout"])
def test_each_seed_matters_by_itself(run, seed):
    first, other = run(), run(seeds=replace(SEEDS, **{seed: 10}))
    assert not np.array_equal(first.losses, other.losses)
    if seed == "dropout":
        off = {"hidden_dropout": 0.0, "attention_dropout": 0.0}
        quiet = [run(seeds=replace(SEEDS, dropout=k), **off).losses for k in (3, 10)]
        assert np.array_equal(*quiet)


def test_evaluations_do_not_change_the_training(run):
    # Dropout must be on again after an evaluation, and draw on where it stopped; what `report`
    # draws from the global generators is its own.
    few = run(settings=replace(SETTINGS, evaluations_per_epoch=1))

    def draw(evaluation):
        torch.rand(3)

    many = run(settings=replace(SETTINGS, evaluations_per_epoch=4), report=draw)
    assert np.array_equal(few.losses, many.losses)
    # With next to no learning rate only dropout moves the losses: it must at every update.
    moved, still = (
        run(learning_rate=1e-30, hidden_dropout=p, attention_dropout=p).losses for p in (0.2, 0.0)
    )
    assert (np.abs(moved - still) > 1e-5).all()


def test_the_number_of_threads_is_put_back(run):
    before, during = torch.get_num_threads(), []
    torch.set_num_threads(3)
    try:
        run(epochs=1, report=lambda _: during.append(torch.get_num_threads()))
        assert set(during) == {1} and torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


# Results


def scores(monkeypatch, values):
    given = iter(values)
    monkeypatch.setattr(training, "score_predictions", lambda *arguments: {"pearson": next(given)})


@pytest.mark.parametrize(
    ("values", "best"),
    [
        ((0.5, 0.7, 0.7, 0.6), 4),  # evaluations after updates 2, 4, 6, 8; of equals the earlier
        ((0.5, 0.6, 0.7, 0.8), 8),
        ((0.9, 0.6, 0.7, 0.8), 2),
        ((math.nan, 0.6, math.nan, 0.2), 4),
        ((math.nan,) * 4, 2),
        ((-1.0, -0.5, -0.5, -0.9), 4),
    ],
)
def test_best_and_last(run, monkeypatch, tmp_path, values, best):
    scores(monkeypatch, values)
    reported = []
    result = run(task="regression", report=reported.append, save_best_to=tmp_path / "best")
    assert [e.step for e in result.evaluations] == [2, 4, 6, 8]
    assert tuple(reported) == result.evaluations
    assert result.best.step == best and result.last.step == 8
    shorter = run_to(run, best, monkeypatch, values)
    for split in ("validation", "test"):
        expected = shorter.predictions[f"{split}_last"]
        assert np.array_equal(result.predictions[f"{split}_best"], expected)
        same = np.array_equal(expected, result.predictions[f"{split}_last"])
        assert same == (best == 8)  # every update moves the predictions, so this tells states apart
    assert (tmp_path / "best" / "model.safetensors").is_file()


def run_to(run, step, monkeypatch, values):
    """Train the same trial, but stop it after `step`, so that its last state is that one."""
    scores(monkeypatch, values)

    return run(task="regression", report=lambda e: "cut" if e.step == step else None)


def test_the_saved_checkpoint_gives_the_predictions(run, encoded, tmp_path):
    result = run(task="regression", save_best_to=tmp_path / "best", epochs=4)
    spec = resolve_model(str(tmp_path / "best"))
    model = AutoModelForSequenceClassification.from_pretrained(spec.path).eval()
    split = DeviceSplit.of(encoded["bert", "regression"].splits["test"], torch.device("cpu"))
    logits = plain_logits(model, pad(split, np.arange(20), torch.arange(20)))
    predicted = logits[:, 0].detach().numpy()
    np.testing.assert_allclose(predicted, result.predictions["test_best"], atol=1e-5)
    with pytest.raises(ValueError, match="`save_best_to` must not exist yet"):
        run(save_best_to=tmp_path / "best")


def test_only_a_better_checkpoint_is_saved(run, tmp_path):
    best = run().best.score
    for name, score, written in (("a", best, False), ("b", best - 0.01, True)):
        run(save_best_to=tmp_path / name, score_to_beat=score)
        assert (tmp_path / name).exists() == written


def test_a_result_in_full(run):
    result = run(warmup_ratio=0.2)
    # 8 updates; ceil(0.2 x 8) = 2 of warm-up
    assert result.hyperparameters == {
        **CONFIGURATION,
        "warmup_ratio": 0.2,
        "warmup_steps": 2,
        "epochs": 2.0,
        "adam_epsilon": 1e-6,
        "max_grad_norm": 1.0,
        "max_length": 32,
    }
    assert (result.status, result.message, result.steps) == ("completed", "", 8)
    assert result.epochs_trained == 2.0
    assert result.losses.dtype == np.float32 and result.losses.shape == (8,)
    assert [e.epoch for e in result.evaluations] == [0.5, 1.0, 1.5, 2.0]
    assert 0 < result.training_seconds + result.evaluation_seconds <= result.seconds
    assert result.settings["precision"] == "fp32" and result.settings["device"] == "cpu"
    assert set(result.predictions) == {
        f"{split}_{which}" for split in ("validation", "test") for which in ("best", "last")
    }


def test_what_is_not_searched_is_read_back_too(run):
    result = run(hidden_dropout=None, attention_dropout=None, warmup_ratio=None, weight_decay=None)
    landed = result.hyperparameters
    assert landed["hidden_dropout"] == landed["attention_dropout"] == 0.1  # the checkpoint's own
    assert landed["weight_decay"] == landed["warmup_ratio"] == landed["warmup_steps"] == 0


def test_regression(run):
    result = run(task="regression", epochs=3)
    assert result.status == "completed"
    assert set(result.best.metrics) == {"pearson", "spearman"}
    assert result.predictions["test_best"].dtype == np.float32
    assert result.predictions["test_best"].shape == (20,)
    labels = make_data(REGRESSION).splits["validation"]["label"].to_numpy()
    mse = np.mean((result.predictions["validation_last"] - labels) ** 2)
    assert result.last.loss == pytest.approx(mse, rel=1e-5)


def test_a_small_model_learns(run, encoded):
    data = encode_more(encoded)
    result = run(data=data, epochs=6, learning_rate=5e-3, weight_decay=0.01)
    assert result.losses[-3:].mean() < 0.5 * result.losses[:3].mean()
    assert result.best.score > 0.7


def encode_more(encoded):
    spec = resolve_model(encoded["bert", "binary"].model)
    return encode(make_data(n_train=200, length=(8, 14)), spec, max_length=32)


def test_no_test_split_no_test_predictions(run, encoded):
    data = encoded["bert", "binary"]
    result = run(data=replace(data, splits={k: v for k, v in data.splits.items() if k != "test"}))
    assert set(result.predictions) == {"validation_best", "validation_last"}


@pytest.mark.parametrize("reason", ["stopped", "cut"])
def test_report_ends_a_trial(run, reason):
    result = run(report=lambda evaluation: reason if evaluation.step == 4 else None)
    assert (result.status, result.steps, len(result.evaluations)) == (reason, 4, 2)
    assert len(result.predictions) == 4 and len(result.losses) == 4
    assert result.epochs_trained == 1.0
    assert np.array_equal(result.losses, run().losses[:4])  # the schedule is the whole trial's
    with pytest.raises(ValueError, match="'stopped' or 'cut', but got 'bored'"):
        run(report=lambda evaluation: "bored")


def test_other_errors_of_report_go_through(run):
    def report(evaluation):
        raise RuntimeError("no connection")

    with pytest.raises(RuntimeError, match="no connection"):
        run(report=report)


def test_a_trial_that_diverges_is_a_row(run, monkeypatch):
    real, calls = training.mean_loss, []

    def loss(logits, labels):
        calls.append(1)
        return real(logits, labels) * (math.nan if len(calls) == 5 else 1.0)

    # Calls: updates 1 and 2, evaluation, updates 3 (the fourth call) and 4 (the fifth).
    monkeypatch.setattr(training, "mean_loss", loss)
    result = run()
    assert result.status == "diverged"
    assert result.message == "training loss nan at step 4"
    assert result.steps == 4 and np.isnan(result.losses[3]) and np.isfinite(result.losses[:3]).all()
    assert result.best == result.last == result.evaluations[0]
    assert {"validation_best", "test_best"} <= set(result.predictions)


def test_a_trial_that_diverges_at_once_has_no_best(run):
    result = run(learning_rate=1e30, warmup_ratio=0.0, max_grad_norm=1e30)
    assert result.status == "diverged" and " loss nan at step " in result.message
    assert result.best is None and result.last is None and result.predictions == {}
    assert result.hyperparameters["learning_rate"] == 1e30


@pytest.fixture
def fail_at_fifth_batch(monkeypatch):
    """Let the forward pass of a trial raise an error, after its first evaluation."""
    real, calls = training.packed_logits, []

    def plant(error):
        def forward(model, batch):
            calls.append(1)
            if len(calls) == 5:
                raise error
            return real(model, batch)

        monkeypatch.setattr(training, "packed_logits", forward)

    return plant


def test_a_trial_that_fails_is_a_row(run, fail_at_fifth_batch):
    fail_at_fifth_batch(RuntimeError("shapes do not fit\nat all"))
    result = run()
    assert result.status == "failed"
    assert result.message == "RuntimeError: shapes do not fit"
    assert result.best.step == 2 and "test_best" in result.predictions


def test_a_machine_that_fails_is_no_result(run, fail_at_fifth_batch):
    fail_at_fifth_batch(torch.OutOfMemoryError("CUDA out of memory"))
    with pytest.raises(MachineFailure, match="OutOfMemoryError: CUDA out of memory"):
        run()


def test_fp16_needs_a_gpu(run):
    with pytest.raises(ValueError, match="'fp32' or 'bf16' on a CPU, but got 'fp16'"):
        run(settings=replace(SETTINGS, precision="fp16"))


def test_bf16_is_near_fp32_and_not_the_same(run):
    full, half = run(), run(settings=replace(SETTINGS, precision="bf16"))
    assert half.settings["precision"] == "bf16" and half.status == "completed"
    assert not np.array_equal(full.losses, half.losses)
    assert half.losses[0] == pytest.approx(full.losses[0], abs=0.05)


def test_a_traced_trial_predicts_test_at_new_bests_and_where_asked_and_trains_the_same(run):
    plain, traced = run(), run(trace_test_at={1, 3})
    assert np.array_equal(plain.losses, traced.losses)
    for name, predictions in plain.predictions.items():
        assert np.array_equal(predictions, traced.predictions[name])
    scores = [e.score for e in traced.evaluations]
    new_bests = {
        n for n in range(1, len(scores) + 1) if scores[n - 1] > max([-1, *scores[: n - 1]])
    }
    at = {
        int(n.removeprefix("test_"))
        for n in traced.predictions
        if n.removeprefix("test_").isdigit()
    }
    assert at == new_bests | {1, 3}
    best = scores.index(max(scores)) + 1
    assert np.array_equal(traced.predictions[f"test_{best}"], plain.predictions["test_best"])
