"""What other tools leave on disk, made small and without them: the same eight trials each time."""

import json
import struct

import pandas as pd

SCORES = [0.60, 0.72, 0.70, 0.81, 0.55, 0.79, 0.83, 0.66]
TESTS = [0.58, 0.71, 0.71, 0.78, 0.56, 0.80, 0.77, 0.64]
RATES = [1e-5, 3e-5, 2e-5, 1e-4, 5e-6, 8e-5, 2e-4, 1e-3]


def frame():
    columns = {"lr": RATES, "val_accuracy": SCORES, "test_accuracy": TESTS}
    return pd.DataFrame({"trial": range(8)} | columns)


def write_csv(folder):
    path = folder / "trials.csv"
    frame().to_csv(path, index=False)
    return path


def write_ray(folder, *, failed=2, stopped=4):
    """Write a Ray Tune experiment: trial folders with result.json, and the experiment's state."""
    states = []
    for i, (rate, score, test) in enumerate(zip(RATES, SCORES, TESTS, strict=True)):
        name = f"train_{i:05d}"
        (folder / name).mkdir(parents=True)
        steps = 2 if i == stopped else 3
        for step in range(1, steps + 1):
            result = {"val_accuracy": score - 0.1 * (steps - step), "test_accuracy": test}
            result |= {"training_iteration": step, "trial_id": f"a_{i:05d}", "done": step == steps}
            result |= {"config": {"lr": rate, "model": {"layers": 2}}, "time_total_s": 1.5}
            with (folder / name / "result.json").open("a", encoding="utf-8") as file:
                file.write(json.dumps(result) + "\n")
        if i == failed:
            (folder / name / "error.txt").write_text("boom", encoding="utf-8")
        status = "ERROR" if i == failed else "TERMINATED"
        states.append([json.dumps({"relative_logdir": name, "status": status}), "{}"])
    state = json.dumps({"trial_data": states})
    (folder / "experiment_state-2026-01-01_00-00-00.json").write_text(state, encoding="utf-8")
    (folder / "tuner.pkl").write_bytes(b"never loaded")
    return folder


def write_trainer_states(folder):
    """Write what transformers' Trainer saves in each run's checkpoints."""
    for i, (rate, score) in enumerate(zip(RATES, SCORES, strict=True)):
        for step in (10, 20):
            logs = [
                {"epoch": s / 10, "step": s, "eval_accuracy": score - 0.05 * (s == 10),
                 "eval_runtime": 0.1}
                for s in range(10, step + 1, 10)
            ]  # fmt: skip
            state = {"global_step": step, "max_steps": 20, "log_history": logs}
            state |= {"trial_params": {"learning_rate": rate}, "best_metric": None}
            state |= {"train_batch_size": 16, "num_train_epochs": 2}
            path = folder / f"run-{i}/checkpoint-{step}"
            path.mkdir(parents=True)
            (path / "trainer_state.json").write_text(json.dumps(state), encoding="utf-8")
    return folder


def write_wandb(folder):
    """Write Weights & Biases' offline run files; the last is still going on, the third crashed."""
    for i, (rate, score) in enumerate(zip(RATES, SCORES, strict=True)):
        run = folder / f"wandb/offline-run-20260101_00000{i}-run{i}"
        run.mkdir(parents=True)
        items = {"lr": rate, "_wandb": {}, "model": {"layers": 2}}
        records = [_field(17, _field(1, b"id") + _field(4, _items(items)))]
        for step, value in enumerate((score - 0.1, score)):
            summary = _items({"_step": step, "val_accuracy": value}, nested=True)
            records.append(_field(3, summary))
        records.append(_field(7, b"x" * 40_000))  # longer than a block of the log
        if i < 7:
            records.append(_field(18, b"\x08\x01" if i == 2 else b""))  # exit code 1, or none
        (run / f"run-run{i}.wandb").write_bytes(_log(records))
    return folder


def write_optuna(folder):
    """Write an Optuna storage with one study, pruned and failed trials among the eight."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = f"sqlite:///{folder / 'study.db'}"
    study = optuna.create_study(study_name="tuning", storage=storage, direction="maximize")
    domain = {"lr": optuna.distributions.FloatDistribution(1e-6, 1e-2, log=True)}
    for i, (rate, score) in enumerate(zip(RATES, SCORES, strict=True)):
        state = {2: optuna.trial.TrialState.FAIL, 4: optuna.trial.TrialState.PRUNED}.get(
            i, optuna.trial.TrialState.COMPLETE
        )
        known = {"params": {"lr": rate}, "distributions": domain, "state": state}
        value = score if state == optuna.trial.TrialState.COMPLETE else None
        test = {"test_value": TESTS[i]}
        study.add_trial(optuna.trial.create_trial(value=value, user_attrs=test, **known))
    return folder / "study.db"


def _log(records):
    """Lay records out as LevelDB's log does: blocks of 32,768 bytes, parts with headers of 7."""
    data = b":W&B\xe1\xbe\x00"
    for record in records:
        first = True
        while True:
            room = 32768 - len(data) % 32768
            if room < 7:
                data += b"\x00" * room
                continue
            part, record = record[: room - 7], record[room - 7 :]
            kind = {(True, True): 1, (True, False): 2, (False, False): 3, (False, True): 4}
            data += struct.pack("<IHB", 0, len(part), kind[first, not record]) + part
            first = False
            if not record:
                break
    return data


def _varint(value):
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def _field(number, payload):
    return _varint(number << 3 | 2) + _varint(len(payload)) + payload


def _items(values, *, nested=False):
    """Write key and value as JSON; wandb writes a summary's keys as nested ones of one part."""
    return b"".join(
        _field(1, _field(2 if nested else 1, k.encode()) + _field(16, json.dumps(v).encode()))
        for k, v in values.items()
    )
