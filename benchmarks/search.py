"""Compare random search end to end, from a cold start, with what others offer for it.

Each tool fine-tunes so many configurations of tiny-electra on the miniature's RTE for three epochs,
drawn from the same ranges, with an evaluation after each epoch, in a process of its own: from its
first import to its last trial. The tools take turns. FLAML takes part where it is installed.

    python benchmarks/search.py [--trials 12 60] [--turns 1] [--tools repro in_process ray optuna]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.util import find_spec
from pathlib import Path

MODEL, TASK, EPOCHS = "tiny-electra", "rte", 3
NAMES = {
    "repro": "repro, on Ray",
    "in_process": "repro, in this process",
    "ray": "Trainer.hyperparameter_search, ray",
    "optuna": "Trainer.hyperparameter_search, optuna",
    "flaml": "FLAML's AutoML",
}
COUNTERPARTS = {"ray": "repro", "optuna": "in_process", "flaml": "in_process"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--trials", type=int, nargs="+", default=[12, 60])
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--tools", nargs="+", choices=[*NAMES], default=[*NAMES])
    parser.add_argument("--one", choices=[*NAMES], help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return search(options.one, options.trials[0])
    tools = [name for name in options.tools if name != "flaml" or find_spec("flaml")]
    print("| tool | trials | wall s | times repro's, on as many cores | CPU s |")
    print("|---|---|---|---|---|")
    for n in options.trials:
        seconds = {name: [] for name in tools}
        for turn in range(options.turns):
            for name in tools[:: 1 if turn % 2 == 0 else -1]:
                seconds[name].append(measure(name, n))
        medians = {k: statistics.median(wall for wall, _ in v) for k, v in seconds.items()}
        for name in tools:
            cpu = statistics.median(cpu for _, cpu in seconds[name])
            ratio = medians[name] / medians.get(COUNTERPARTS.get(name), float("nan"))
            shown = f"{ratio:.2f}" if ratio == ratio else ""
            print(f"| {NAMES[name]} | {n} | {medians[name]:.1f} | {shown} | {cpu:.0f} |")
    if "flaml" in options.tools and "flaml" not in tools:
        print("\nFLAML is not installed here.")


def measure(name: str, n: int) -> tuple[float, float]:
    """Return wall and CPU seconds of a tool in a process of its own, with all it starts."""
    command = [sys.executable, __file__, "--one", name, "--trials", str(n)]
    start, before = time.perf_counter(), sum(os.times()[2:4])
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start, sum(os.times()[2:4]) - before


def search(name: str, n: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        match name:
            case "repro" | "in_process":
                search_ours(n, Path(folder), in_process=name == "in_process")
            case "ray" | "optuna":
                search_theirs(n, folder, backend=name)
            case "flaml":
                search_flaml(n, folder)


def search_ours(n: int, folder: Path, *, in_process: bool) -> None:
    from repro.explorer.small_runs import family_space
    from repro.records import run_key
    from repro.study.objective import fine_tune
    from repro.study.profile import load_profile
    from repro.study.progress import StudyProgress
    from repro.study.runs import StudyRun, bind_run
    from repro.study.study import StudyStore
    from repro.tuning.ray_tune import tune_runs

    profile = load_profile("mini", models=[MODEL], tasks=[TASK], evaluations_per_epoch=1)
    key = run_key(MODEL, TASK, "rs", f"{n}trials", space="full", repetition=1)
    space = family_space(profile, MODEL, TASK)
    options = {"space": space, "n_trials": n, "trials_at_once": n}
    run = StudyRun.of(profile, key, profile.trials(MODEL, TASK), **options)
    folders = {key["run_id"]: bind_run(profile, run, results=folder)}
    store = StudyStore(profile, folders, StudyProgress(n_runs=1))
    tune_runs([run.tuning], partial(fine_tune, folders=folders), store=store, in_process=in_process)


def prepare():
    """Return what Trainer needs: a model for each trial, rows, a collator and the ranges."""
    from transformers import AutoModelForSequenceClassification, DataCollatorWithPadding

    from repro.data.tasks import load_task
    from repro.models.build import encode, load_tokenizer, quiet, resolve_model
    from repro.models.locate import find_model
    from repro.tuning.spaces import search_space

    spec, data = resolve_model(MODEL), load_task(TASK)
    encoded, path = encode(data, spec, max_length=48), find_model(MODEL)

    def make_model(trial=None):
        with quiet():
            return AutoModelForSequenceClassification.from_pretrained(path, num_labels=2)

    rows = {
        name: [
            {
                "input_ids": split.ids[i, :length].tolist(),
                "token_type_ids": split.types[i, :length].tolist(),
                "labels": int(split.labels[i]),
            }
            for i, length in enumerate(split.lengths)
        ]
        for name in ("train", "validation")
        for split in [encoded.splits[name]]
    }
    domains = search_space("electra-mini", epochs=EPOCHS).domains
    return make_model, rows, DataCollatorWithPadding(load_tokenizer(spec)), domains


def search_theirs(n: int, folder: str, *, backend: str) -> None:
    import torch
    from transformers import Trainer, TrainingArguments

    torch.set_num_threads(1)
    make_model, rows, collator, domains = prepare()
    rate, sizes = domains["learning_rate"], list(domains["batch_size"].values)
    arguments = TrainingArguments(
        output_dir=folder,
        num_train_epochs=EPOCHS,
        eval_strategy="epoch",
        per_device_eval_batch_size=128,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model_init=make_model,
        args=arguments,
        train_dataset=rows["train"],
        eval_dataset=rows["validation"],
        data_collator=collator,
    )

    def for_optuna(trial) -> dict:
        return {
            "learning_rate": trial.suggest_float("learning_rate", rate.low, rate.high, log=True),
            "per_device_train_batch_size": trial.suggest_categorical("batch_size", sizes),
        }

    def for_ray(trial) -> dict:
        from ray import tune

        return {
            "learning_rate": tune.loguniform(rate.low, rate.high),
            "per_device_train_batch_size": tune.choice(sizes),
        }

    options = {"resources_per_trial": {"cpu": 1}, "storage_path": folder, "verbose": 0}
    trainer.hyperparameter_search(
        hp_space=for_ray if backend == "ray" else for_optuna,
        compute_objective=lambda metrics: metrics["eval_loss"],
        n_trials=n,
        backend=backend,
        **(options if backend == "ray" else {}),
    )


def search_flaml(n: int, folder: str) -> None:
    from flaml import AutoML

    from repro.data.tasks import load_task
    from repro.models.locate import find_model

    data = load_task(TASK)
    frames = {name: data.splits[name] for name in ("train", "validation")}
    columns = ["text_a", "text_b"]
    AutoML().fit(
        X_train=frames["train"][columns],
        y_train=frames["train"]["label"],
        X_val=frames["validation"][columns],
        y_val=frames["validation"]["label"],
        task="seq-classification",
        metric="accuracy",
        max_iter=n,
        estimator_list=["transformer"],
        fit_kwargs_by_estimator={
            "transformer": {"model_path": find_model(MODEL), "output_dir": folder}
        },
    )


if __name__ == "__main__":
    main()
