"""The nine miniature GLUE tasks as data frames, in the hub's columns and label conventions."""

import random

import pandas as pd

from repro.data.definitions import TASKS
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


# task -> `draw(voice, label)`, which gives the texts of one example (STS-B's gives its label too),
# and the share of each label before noise (of a graded label there is none)
_DRAWN = {
    "cola": (single.draw_cola, {0: 0.3, 1: 0.7}),
    "sst2": (single.draw_sst2, {0: 0.48, 1: 0.52}),
    "mrpc": (pairs.draw_mrpc, {0: 0.33, 1: 0.67}),
    "stsb": (pairs.draw_stsb, {}),
    "qqp": (pairs.draw_qqp, {0: 0.63, 1: 0.37}),
    "mnli": (pairs.draw_mnli, {0: 1 / 3, 1: 1 / 3, 2: 1 / 3}),
    "qnli": (pairs.draw_qnli, {0: 0.5, 1: 0.5}),
    "rte": (pairs.draw_rte, {0: 0.5, 1: 0.5}),
}
# WNLI's label shares in GLUE; 65 of 71 validation rows ask a training row's other candidate
_WNLI_SHARES = {
    "train": {0: 0.51, 1: 0.49},
    "validation": {0: 40 / 71, 1: 31 / 71},
    "test": {0: 0.651, 1: 0.349},
}
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
    if name not in SIZES:
        raise ValueError(
            f"source 'mini' must be asked for one of {', '.join(SIZES)}, but got {name!r}; "
            "use source 'hub' or a directory"
        )
    if not 0 <= shift <= 1:
        raise ValueError(f"`shift` must lie in [0, 1], but got {shift}; use 0 for no shift")
    sizes = SIZES[name] | dict(sizes or {})
    if unknown := sorted(set(sizes) - set(SIZES[name])):
        raise ValueError(
            f"`sizes` must name train, validation or test, but got {unknown}; remove them"
        )
    if small := {split: n for split, n in sizes.items() if n < 1}:
        raise ValueError(f"`sizes` must be at least 1, but got {small}; ask for more examples")
    columns = TASKS[name].text_fields
    voices = {  # whose draws depend on this task, seed and split alone
        split: Voice(random.Random(f"{name}/{seed}/{split}"), shift if split == "test" else 0.0)
        for split in sizes
    }
    if name == "wnli":
        rows = _draw_wnli(voices, sizes)
    else:
        seen = set()
        rows = {
            split: _draw_rows(name, voices[split], n=n, n_texts=len(columns), seen=seen)
            for split, n in sizes.items()
        }
    return {
        split: pd.DataFrame(examples, columns=[*columns, "label"]).assign(idx=range(len(examples)))
        for split, examples in rows.items()
    }


def _labels(rng, shares, n):
    """Deal out n labels in the given shares, in random order; None where there are no shares."""
    if not shares:
        return [None] * n
    labels = [label for label, share in shares.items() for _ in range(round(share * n))]
    labels = (labels + list(shares) * n)[:n]
    rng.shuffle(labels)
    return labels


def _draw_rows(name, voice, *, n, n_texts, seen):
    """Draw n examples whose texts are new, and replace some labels by wrong ones."""
    draw, shares = _DRAWN[name]
    rows = []
    for label in _labels(voice.rng, shares, n):
        row = draw(voice, label)
        while row[:n_texts] in seen:
            row = draw(voice, label)
        seen.add(row[:n_texts])
        if label is not None and voice.rng.random() < LABEL_NOISE:
            label = voice.rng.choice([other for other in shares if other != label])
        rows.append(row if label is None else (*row, label))
    return rows


def _draw_wnli(voices, sizes):
    """Draw WNLI, whose validation mostly asks the other candidate of a training sentence.

    As in GLUE, who memorises the training rows answers the validation wrongly, and a model does
    best to stay with the majority class.
    """
    seen, rows = set(), {split: [] for split in sizes}
    asked = []
    for split, n in sizes.items():
        voice = voices[split]
        reusable = list(asked) if split == "validation" else []
        for i, label in enumerate(_labels(voice.rng, _WNLI_SHARES[split], n)):
            source = next((a for a in reusable if a[2] != label), None)
            if source and i < _WNLI_REUSED * n:
                reusable.remove(source)
                rows[split].append((source[0], source[1], label))
                continue
            sentence, readings = pairs.draw_winograd(voice)
            while sentence in seen:
                sentence, readings = pairs.draw_winograd(voice)
            seen.add(sentence)
            voice.rng.shuffle(readings)
            rows[split].append((sentence, readings[0], label))
            asked.append((sentence, readings[1], label))
    return rows
