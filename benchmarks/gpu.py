"""What a GPU makes of fine-tuning, in ten minutes: `python benchmarks/gpu.py`; writes GPU.md.

It has not been run on any GPU so far: whoever has one is asked to. Models have published sizes and
random weights, examples are of the lengths of MNLI's, so that nothing is downloaded. Measured are

- steps a second with each precision, and the share of the card's speed at multiplying matrices;
- how far the losses of the precisions part, and whether a trial repeats itself bit for bit;
- several trials side by side on the card;
- how often a step makes the host wait for the card, which should be never.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer, BertConfig

from repro.data.definitions import TASKS
from repro.data.encoding import EncodedSplit, EncodedTask
from repro.models.build import resolve_model
from repro.models.size import model_size
from repro.paths import ROOT, data_directory
from repro.training.device import find_device, name_gpu
from repro.training.trial import train_trial
from repro.training.types import Seeds, TrainingSettings, TrialResult

SHAPES = {"base": (12, 768, 3072), "large": (24, 1024, 4096), "tiny": (2, 128, 512)}
PRECISIONS = ("fp32", "bf16", "fp16")
BATCH, LENGTH, N_TRAIN = 32, 128, 3200
MEAN_LENGTH, SPREAD = 39, 18  # of MNLI's examples, in tokens
CONFIGURATION = {"learning_rate": 3e-5, "batch_size": BATCH, "epochs": 1, "warmup_ratio": 0.1}


def make_model(folder: Path, shape: str) -> str:
    """Save a BERT of a published size with random weights."""
    layers, width, inner = SHAPES[shape]
    config = BertConfig(
        num_hidden_layers=layers,
        hidden_size=width,
        intermediate_size=inner,
        num_attention_heads=width // 64,
        num_labels=3,
    )
    torch.manual_seed(0)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder / shape)
    # any tokenizer: the examples are made of ids
    tokenizer = AutoTokenizer.from_pretrained(data_directory() / "mini/tiny-bert")
    tokenizer.save_pretrained(folder / shape)
    return str(folder / shape)


def make_data(model: str) -> EncodedTask:
    """Make examples of random words, as long as MNLI's."""
    rng = np.random.default_rng(0)

    def split(n: int) -> EncodedSplit:
        lengths = np.clip(rng.normal(MEAN_LENGTH, SPREAD, n).astype(np.int64), 8, LENGTH)
        ids = rng.integers(5, 30_000, (n, lengths.max())).astype(np.int32)
        ids[np.arange(lengths.max()) >= lengths[:, None]] = 0
        return EncodedSplit(ids, None, lengths, rng.integers(0, 3, n), np.arange(n))

    return EncodedTask(
        TASKS["mnli"], model, {"train": split(N_TRAIN), "validation": split(320)}, LENGTH, 0
    )


def train(model: str, device: str, *, precision: str, steps: int) -> TrialResult:
    settings = TrainingSettings(
        evaluations_per_epoch=1, precision=precision, device=device, max_steps=steps
    )
    result = train_trial(
        CONFIGURATION,
        model=resolve_model(model),
        data=make_data(model),
        settings=settings,
        seeds=Seeds(1, 2, 3),
    )
    if result.status != "completed":
        raise RuntimeError(f"{model} in {precision} {result.status}: {result.message}")
    return replace(result, predictions={})


def matrix_flops(device: torch.device, precision: str) -> float:
    """Return the operations a second at which the card multiplies large matrices."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    n = 8192 if device.type == "cuda" else 512
    left, right = (torch.randn(n, n, device=device, dtype=dtype) for _ in range(2))
    for n_times in (3, 20):  # the first warms up
        _wait(device)
        begin = time.perf_counter()
        for _ in range(n_times):
            left @ right
        _wait(device)
        seconds = (time.perf_counter() - begin) / n_times
    return 2 * n**3 / seconds


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def speed_rows(models: dict[str, str], device: str, steps: int) -> Iterator[dict]:
    """Yield steps a second of each model and precision, and what became of the losses."""
    for shape, model in models.items():
        tokens = make_data(model).splits["train"].lengths.mean() * BATCH
        reference = None
        for precision in PRECISIONS[: 2 if device == "cpu" else None]:
            train(model, device, precision=precision, steps=3)  # warms up
            result = train(model, device, precision=precision, steps=steps)
            again = train(model, device, precision=precision, steps=steps)
            rate = result.steps / result.training_seconds
            flops = rate * model_size(model).training_flops(tokens)
            reference = result.losses if reference is None else reference
            share = flops / matrix_flops(find_device(device), precision)
            yield {
                "model": f"BERT-{shape}",
                "precision": precision,
                "steps/s": f"{rate:.1f}",
                "of the matrix speed": f"{share:.0%}",
                "repeats bit for bit": str(np.array_equal(result.losses, again.losses)),
                "largest loss difference from fp32": (
                    f"{np.abs(result.losses - reference).max():.1e}"
                ),
            }


def sharing_rows(model: str, device: str, steps: int) -> Iterator[dict]:
    """Yield steps a second, of all together, of several trials on the card."""
    for n in (1, 2, 4):
        with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
            jobs = [pool.submit(_train_briefly, model, device, steps) for _ in range(n)]
            rates = [job.result() for job in jobs]
        yield {"trials at once": str(n), "steps/s of all": f"{sum(rates):.1f}"}


def _train_briefly(model: str, device: str, steps: int) -> float:
    precision = "fp32" if device == "cpu" else "bf16"
    train(model, device, precision=precision, steps=3)
    result = train(model, device, precision=precision, steps=steps)
    return result.steps / result.training_seconds


def count_waits(model: str, steps: int) -> float:
    """Return how often a step makes the host wait for the card, by CUDA's own watch."""

    def count(n: int) -> int:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            torch.cuda.set_sync_debug_mode("warn")
            try:
                train(model, "cuda", precision="bf16", steps=n)
            finally:
                torch.cuda.set_sync_debug_mode("default")
        return sum("synchroniz" in str(warning.message) for warning in caught)

    return (count(2 * steps) - count(steps)) / steps


def table(rows: list[dict]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda", help="cuda, or cpu to try the script")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--shapes", nargs="+", default=["base", "large"], choices=[*SHAPES])
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/GPU.md")
    options = parser.parse_args()
    device = find_device(options.device)
    with tempfile.TemporaryDirectory(prefix="repro-gpu-") as folder:
        models = {shape: make_model(Path(folder), shape) for shape in options.shapes}
        first = next(iter(models.values()))
        parts = [
            f"# Fine-tuning on {name_gpu(device) or 'a CPU, to try the script'}",
            f"Batches of {BATCH} examples of {MEAN_LENGTH} tokens on average; torch "
            f"{torch.__version__}. `python benchmarks/gpu.py` makes this page.",
            table([*speed_rows(models, options.device, options.steps)]),
            table([*sharing_rows(first, options.device, options.steps)]),
        ]
        if device.type == "cuda":
            waits = count_waits(first, options.steps)
            parts.append(f"A step makes the host wait for the card {waits:.2f} times.")
    options.out.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    print(options.out.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
