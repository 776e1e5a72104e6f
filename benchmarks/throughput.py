"""Compare a trial's training throughput with that of transformers' own Trainer.

Both train the same model on the same examples in batches of the same size, with the same precision
and one thread, padding each batch to its longest example. Trainer is taken as it comes, and at its
best: with examples that are tensors already, and batches of examples of like length, which repro
does without, since it changes what is trained. All take turns, so that a busy machine slows all;
the ratio of each turn is what counts, and the median over turns is the result. Time is
from the first update to the last, without loading, set-up or evaluation; as CPU time it says the
same on a machine that others use too.

    python benchmarks/throughput.py [--glue DIR] [--turns 5] [--updates 60] [--precision fp32]
"""

import argparse
import platform
import statistics
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DataCollatorWithPadding,
    PreTrainedTokenizerFast,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from repro.data.tasks import TaskData, load_task
from repro.models import build as repro_models
from repro.training import trial as training
from repro.training.trial import Seeds, TrainingSettings, train_trial

SPECIAL = {name: f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
TINY = {"num_hidden_layers": 2, "hidden_size": 128, "num_attention_heads": 4}
SMALL = {"num_hidden_layers": 6, "hidden_size": 384, "num_attention_heads": 6}
CONFIGURATION = {
    "learning_rate": 1e-4,
    "warmup_ratio": 0.1,
    "weight_decay": 0.01,
    "hidden_dropout": 0.1,
    "attention_dropout": 0.1,
    "epochs": 100,
    "batch_size": 32,
}


def main() -> None:
    arguments = _arguments()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(f"{platform.processor() or platform.machine()}, torch {torch.__version__}, 1 thread")
    print("| model | task | precision | Trainer ex/s | at its best | repro |", end=" ")
    print("ratio (CPU time) to Trainer | to its best |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        cases = [("2 x 128", load_task("mnli"), TINY, 64, arguments.updates)]
        if arguments.glue:
            rte = load_task("rte", arguments.glue)
            cases.append(("6 x 384", rte, SMALL, 128, max(4, arguments.updates // 6)))
        for name, data, sizes, max_length, n_updates in cases:
            folder = Path(scratch) / name.replace(" ", "")
            _make_model(folder, data, sizes)
            case = Case(folder, data, max_length, n_updates, arguments.precision)
            print(f"| {name} | {data.task.name} | {_compare(case, arguments.turns)}", flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--glue", help="a directory with the official GLUE files, for real RTE")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--updates", type=int, default=60, help="of the tiny model, a turn")
    parser.add_argument("--precision", default="fp32", choices=["fp32", "bf16"])
    return parser.parse_args()


class Case:
    """One model and task, encoded once for both."""

    def __init__(self, folder: Path, data: TaskData, max_length: int, n_updates: int, precision):
        self.spec = repro_models.resolve_model(str(folder))
        self.data = repro_models.encode(data, self.spec, max_length=max_length)
        self.max_length, self.n_updates, self.precision = max_length, n_updates, precision
        # The validation split is cut short: evaluations are not what is measured here.
        split = self.data.splits["validation"]
        cut = {k: None if v is None else v[:8] for k, v in vars(split).items()}
        self.data.splits["validation"] = type(split)(**cut)
        self.data.splits.pop("test", None)
        rows = _rows(self.data.splits["train"])
        self.tensors = [{name: torch.tensor(v) for name, v in row.items()} for row in rows]


def _compare(case: Case, turns: int) -> str:
    runs = {
        "theirs": _time_trainer,
        "best": partial(_time_trainer, at_its_best=True),
        "ours": _time_ours,
    }
    seconds = {name: [] for name in runs}
    for turn in range(turns + 1):
        for name in list(runs)[:: 1 if turn % 2 else -1]:
            measured = runs[name](case)
            if turn:  # the first turn warms up
                seconds[name].append(measured)
    n = case.n_updates * CONFIGURATION["batch_size"]
    rate = {k: statistics.median(n / wall for wall, _ in v) for k, v in seconds.items()}
    ratios = []
    for name in ("theirs", "best"):
        pairs = list(zip(seconds[name], seconds["ours"], strict=True))
        wall, cpu = (statistics.median(a[i] / b[i] for a, b in pairs) for i in (0, 1))
        ratios.append(f"{wall:.2f} ({cpu:.2f})")
    rates = " | ".join(f"{rate[name]:.0f}" for name in runs)
    return f"{case.precision} | {rates} | {' | '.join(ratios)} |"


class _Stopwatch(TrainerCallback):
    """Wall and CPU seconds from the first update to the last."""

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 0:
            self.start = _now()

    def on_train_end(self, args, state, control, **kwargs):
        self.end = _now()


def _now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _time_trainer(case: Case, *, at_its_best: bool = False) -> tuple[float, float]:
    model = repro_models.build_model(
        case.spec, task=case.data.task, configuration=CONFIGURATION, init_seed=0
    )
    tokenizer, watch = repro_models.load_tokenizer(case.spec), _Stopwatch()
    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output_dir=output,
            per_device_train_batch_size=CONFIGURATION["batch_size"],
            learning_rate=CONFIGURATION["learning_rate"],
            weight_decay=CONFIGURATION["weight_decay"],
            warmup_steps=CONFIGURATION["warmup_ratio"],
            max_steps=case.n_updates,
            bf16=case.precision == "bf16",
            save_strategy="no",
            logging_strategy="no",
            report_to="none",
            use_cpu=True,
            disable_tqdm=True,
            dataloader_pin_memory=False,
            train_sampling_strategy="group_by_length" if at_its_best else "random",
        )
        trainer = Trainer(
            model=model,
            args=arguments,
            train_dataset=case.tensors if at_its_best else _rows(case.data.splits["train"]),
            data_collator=_pad_tensors if at_its_best else DataCollatorWithPadding(tokenizer),
            callbacks=[watch],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    return tuple(end - start for start, end in zip(watch.start, watch.end, strict=True))


def _rows(split) -> list[dict]:
    """Return the encoded examples as the Trainer wants them: unpadded, one dictionary each."""
    return [
        {
            "input_ids": split.ids[i, :n].tolist(),
            "token_type_ids": split.types[i, :n].tolist(),
            "attention_mask": [1] * int(n),
            "labels": int(split.labels[i]),
        }
        for i, n in enumerate(split.lengths)
    ]


def _pad_tensors(rows: list[dict]) -> dict:
    """Make a batch of rows that are tensors already; padding is 0 everywhere."""
    batch = {
        name: torch.nn.utils.rnn.pad_sequence([row[name] for row in rows], batch_first=True)
        for name in rows[0]
        if name != "labels"
    }
    return batch | {"labels": torch.stack([row["labels"] for row in rows])}


def _time_ours(case: Case) -> tuple[float, float]:
    settings = TrainingSettings(
        evaluations_per_epoch=1,
        max_steps=case.n_updates,
        max_length=case.max_length,
        precision=case.precision,
        device="cpu",
    )
    total, train = [0.0, 0.0], training._Trial._train

    def watched(trial, n_steps):
        start = _now()
        losses = train(trial, n_steps)
        for i, (a, b) in enumerate(zip(start, _now(), strict=True)):
            total[i] += b - a
        return losses

    training._Trial._train = watched
    try:
        result = train_trial(
            CONFIGURATION, model=case.spec, data=case.data, settings=settings, seeds=Seeds(0, 0, 0)
        )
    finally:
        training._Trial._train = train
    assert result.status == "completed", result.message
    return tuple(total)


def _make_model(folder: Path, data: TaskData, sizes: dict) -> None:
    """Save a BERT of random weights with a vocabulary of the task's own words."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=SPECIAL["unk"]))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    frame = data.splits["train"]
    texts = [text for c in ("text_a", "text_b") if c in frame for text in frame[c]]
    trainer = trainers.WordLevelTrainer(special_tokens=list(SPECIAL.values()), show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(t, tokenizer.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        intermediate_size=4 * sizes["hidden_size"],
        max_position_embeddings=128,
        **sizes,
    )
    names = {f"{name}_token": token for name, token in SPECIAL.items()}
    with repro_models.quiet():
        torch.manual_seed(0)
        BertForMaskedLM(config).save_pretrained(folder)
        PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


if __name__ == "__main__":
    main()
