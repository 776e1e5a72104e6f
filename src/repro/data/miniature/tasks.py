"""The nine miniature GLUE tasks as data frames, in the hub's columns and label conventions."""

import random
from dataclasses import dataclass

import pandas as pd

from repro.data.miniature import pairs, single
from repro.data.miniature.grammar import Voice

LABEL_NOISE = 0.04  # share of labels replaced by another one, in every split but WNLI's

# examples per split; WNLI's validation and test have GLUE's own sizes
SIZES = {
    "cola": {"train": 800, "validation": 200, "test": 400},
    "sst2": {"train": 700, "validation": 150, "test": 300},
    "mrpc": {"train": 300, "validation": 150, "test": 300},
    "stsb": {"train": 400, "validation": 150, "test": 300},
    "qqp": {"train": 500, "validation": 200, "test": 400},
    "mnli": {"train": 600, "validation": 200, "test": 400},
    "qnli": {"train": 500, "validation": 200, "test": 400},
    "rte": {"train": 250, "validation": 120, "test": 250},
    "wnli": {"train": 200, "validation": 71, "test": 146},
}


@dataclass(frozen=True)
class MiniTask:
    """How a task's examples are drawn and named.

    Args:
        draw: `draw(voice, label)` gives the texts of one example; STS-B's gives its label too.
        columns: names of the text columns.
        shares: label -> its share of the examples before noise; empty for a graded label.
    """

    draw: object
    columns: tuple[str, ...]
    shares: dict[int, float]


_SENTENCES = ("sentence1", "sentence2")
_TASKS = {
    "cola": MiniTask(single.draw_cola, ("sentence",), {0: 0.3, 1: 0.7}),
    "sst2": MiniTask(single.draw_sst2, ("sentence",), {0: 0.48, 1: 0.52}),
    "mrpc": MiniTask(pairs.draw_mrpc, _SENTENCES, {0: 0.33, 1: 0.67}),
    "stsb": MiniTask(pairs.draw_stsb, _SENTENCES, {}),
    "qqp": MiniTask(pairs.draw_qqp, ("question1", "question2"), {0: 0.63, 1: 0.37}),
    "mnli": MiniTask(pairs.draw_mnli, ("premise", "hypothesis"), {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}),
    "qnli": MiniTask(pairs.draw_qnli, ("question", "sentence"), {0: 0.5, 1: 0.5}),
    "rte": MiniTask(pairs.draw_rte, _SENTENCES, {0: 0.5, 1: 0.5}),
    "wnli": MiniTask(None, _SENTENCES, {0: 0.51, 1: 0.49}),
}
# WNLI's label shares in GLUE; 65 of 71 validation rows ask a training row's other candidate
_WNLI_SHARES = {"train": {0: 0.51, 1: 0.49}, "validation": {0: 40 / 71, 1: 31 / 71}}
_WNLI_SHARES["test"] = {0: 0.651, 1: 0.349}
_WNLI_REUSED = 65 / 71


def load_mini_task(name, *, seed=0, shift=0.0, sizes=None):
    """Generate one task.

    Args:
        name: one of the keys of `SIZES`.
        seed: another seed gives other examples of the same task.
        shift: in [0, 1], how far the test split's words and constructions drift from the common
            to the rare ones; training and validation examples do not depend on it.
        sizes: examples per split, overriding some of `SIZES[name]`.
    Returns:
        data frames `train`, `validation` and `test` with the hub's columns, no text in two splits.
    Raises:
        ValueError: if the name, the shift or a size is not a valid one.
    """
    _check(name, shift, sizes or {})
    sizes = SIZES[name] | (sizes or {})
    if name == "wnli":
        return _load_wnli(sizes, seed, shift)
    seen, frames = set(), {}
    for split, n in sizes.items():
        voice = make_voice(name, seed, split, shift if split == "test" else 0.0)
        rows = _draw_rows(_TASKS[name], voice, n, seen)
        frames[split] = _frame(rows, _TASKS[name].columns)
    return frames


def _check(name, shift, sizes):
    if name not in SIZES:
        raise ValueError(
            f"source 'mini' must be asked for one of {', '.join(SIZES)}, but got {name!r}; "
            "use source 'hub' or a directory"
        )
    if not 0 <= shift <= 1:
        raise ValueError(f"`shift` must lie in [0, 1], but got {shift}; use 0 for no shift.")
    unknown = set(sizes) - set(SIZES[name])
    if unknown:
        raise ValueError(
            f"`sizes` must name train, validation or test, but got {sorted(unknown)}; remove them."
        )
    small = {split: n for split, n in sizes.items() if n < 1}
    if small:
        raise ValueError(f"`sizes` must be at least 1, but got {small}; ask for more examples.")


def make_voice(name, seed, split, shift=0.0):
    """Make a voice whose draws depend on this task, seed and split alone."""
    return Voice(random.Random(f"{name}/{seed}/{split}"), shift)


def _labels(rng, shares, n):
    """Deal out n labels in the given shares, in random order; None where there are no shares."""
    if not shares:
        return [None] * n
    labels = [label for label, share in shares.items() for _ in range(round(share * n))]
    labels = (labels + list(shares) * n)[:n]
    rng.shuffle(labels)
    return labels


def _draw_rows(task, voice, n, seen):
    """Draw n examples whose texts are new, and replace some labels by wrong ones."""
    rows = []
    for label in _labels(voice.rng, task.shares, n):
        texts = task.draw(voice, label)
        while texts[: len(task.columns)] in seen:
            texts = task.draw(voice, label)
        seen.add(texts[: len(task.columns)])
        if label is not None and voice.rng.random() < LABEL_NOISE:
            label = voice.rng.choice([other for other in task.shares if other != label])
        rows.append(texts if label is None else (*texts, label))
    return rows


def _frame(rows, columns):
    frame = pd.DataFrame(rows, columns=[*columns, "label"])
    return frame.assign(idx=range(len(frame)))


def _load_wnli(sizes, seed, shift):
    """Generate WNLI, whose validation mostly asks the other candidate of a training sentence.

    As in GLUE, who memorises the training rows answers the validation wrongly, and a model does
    best to stay with the majority class.
    """
    seen, rows = set(), {split: [] for split in sizes}
    asked = []
    for split, n in sizes.items():
        voice = make_voice("wnli", seed, split, shift if split == "test" else 0.0)
        reusable = list(asked) if split == "validation" else []
        for i, label in enumerate(_labels(voice.rng, _WNLI_SHARES[split], n)):
            source = next((a for a in reusable if a[2] != label), None)
            if source and i < _WNLI_REUSED * n:
                reusable.remove(source)
                rows[split].append((source[0], source[1], label))
                continue
            sentence, readings = draw_new_winograd(voice, seen)
            voice.rng.shuffle(readings)
            rows[split].append((sentence, readings[0], label))
            asked.append((sentence, readings[1], label))
    return {split: _frame(split_rows, _SENTENCES) for split, split_rows in rows.items()}


def draw_new_winograd(voice, seen):
    """Draw an ambiguous sentence that is not in `seen`, and add it."""
    sentence, readings = pairs.draw_winograd(voice)
    while sentence in seen:
        sentence, readings = pairs.draw_winograd(voice)
    seen.add(sentence)
    return sentence, readings
