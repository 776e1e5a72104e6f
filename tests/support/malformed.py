"""Malformed input, generated from valid input by rules, each with what must be said about it."""

import copy
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import yaml

from official_layout import OFFICIAL
from repro.paths import PROFILES

MANY = 10**30
# what no number, text, list or switch of a profile can be
WRONG = {
    int: ("many", [1, 2], {"a": 1}, True, 1.5, math.nan, math.inf, -1, MANY),
    float: ("much", [1.0, 2.0, 3.0, 4.0], {"a": 1}, True, math.nan, math.inf, -1.0, MANY),
    str: (5, 1.5, True, {"a": 1}),
    bool: ("many", 5, [True], {"a": True}),
    list: (5, True, 1.5, {"a": 1}),
}
FREE = {"description"}  # any text is right
BROKEN = {"budget_gst", "budgets_gst", "cpus_per_trial", "gpus_per_trial", "interval", "shift"}


@dataclass(frozen=True)
class Malformed:
    """A text, or a file's content, that must be refused."""

    name: str
    content: str | Callable[[], str]  # or how to make it, since most are never tried
    file: str = ""  # inside a folder, where it is one of several

    @property
    def text(self) -> str:
        return self.content if isinstance(self.content, str) else self.content()


def profiles() -> Iterator[Malformed]:
    """Yield profiles, each with one thing wrong."""
    for stem in ("smoke", "mini"):
        text = (PROFILES / f"{stem}.yaml").read_text()
        values = yaml.safe_load(text)
        for path, value in _leaves(values):
            name = next(key for key in reversed(path) if isinstance(key, str))
            kind = float if name in BROKEN and type(value) is int else type(value)
            for wrong in WRONG[kind] if name not in FREE else ():
                changed = partial(_changed, values, path, wrong)
                yield Malformed(f"{stem}: {_dotted(path)} {wrong!r:.20}", changed)
        for path in _keys(values):
            yield Malformed(f"{stem}: {_dotted(path)} misspelt", partial(_misspelt, values, path))
        for line in text.splitlines():
            if line and line[0].isalpha() and not line.endswith(":"):
                yield Malformed(f"{stem}: {line.partition(':')[0]} twice", f"{text}\n{line}\n")
        yield from _damaged(stem, text)


def _leaves(value: Any, path: tuple = ()) -> Iterator[tuple[tuple, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _leaves(part, (*path, key))
    elif isinstance(value, list):
        yield path, value
        for number, part in enumerate(value):
            yield from _leaves(part, (*path, number))
    else:
        yield path, value


def _keys(value: Any, path: tuple = ()) -> Iterator[tuple]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield (*path, key)
            yield from _keys(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _keys(part, (*path, number))


def _changed(values: Any, path: tuple, value: Any) -> str:
    values = copy.deepcopy(values)
    part = values
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return yaml.safe_dump(values)


def _misspelt(values: Any, path: tuple) -> str:
    values = copy.deepcopy(values)
    part = values
    for key in path[:-1]:
        part = part[key]
    part[f"{path[-1]}x"] = part.pop(path[-1])
    return yaml.safe_dump(values)


def _dotted(path: tuple) -> str:
    return ".".join(map(str, path))


def _damaged(stem: str, text: str) -> Iterator[Malformed]:
    yield Malformed(f"{stem}: nested", text + "x: " + "[" * 3000)
    yield Malformed(f"{stem}: cut in a list", text[: text.rindex("[") + 1])
    yield Malformed(f"{stem}: tabs", text.replace("  ", "\t"))
    yield Malformed(f"{stem}: empty", "")
    yield Malformed(f"{stem}: a list", "- a\n- b\n")
    yield Malformed(f"{stem}: an object", text + "\nx: !!python/object/apply:os.getcwd []\n")


def data_files() -> Iterator[Malformed]:
    """Yield files of the official GLUE layout, each with one thing wrong; the task comes first."""
    for task, (folder, *texts, _) in OFFICIAL.items():
        for name, text in zip(_names(task), texts, strict=True):
            rows = text.splitlines()
            broken = {
                "is empty": "",
                "has NUL bytes": text.replace("\t", "\0", 1),
                "is not UTF-8": text.replace("\t", "\udcff\t", 1),
                "lacks its columns": "a\tb\tc\n" + "\n".join(rows[1:]),
                "ends within a row": text.rstrip("\n").rpartition("\t")[0],
                "has a row too long": text.rstrip("\n") + "\tmore\tand more\n",
            }
            if task == "qqp":  # whose short rows are skipped, since a known download has some
                del broken["ends within a row"]
            for what, wrong in broken.items():
                yield Malformed(f"{task}: {name} {what}", wrong, f"{folder}/{name}")


def _names(task: str) -> tuple[str, str, str]:
    matched = {"dev.tsv": "dev_matched.tsv", "test.tsv": "test_matched.tsv"}
    names = ("train.tsv", "dev.tsv", "test.tsv")
    return tuple(matched.get(name, name) for name in names) if task == "mnli" else names


CONFIG = (
    *("vocab_size", "hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size"),
    *("max_position_embeddings", "model_type"),
)


def model_configs(config: dict) -> Iterator[Malformed]:
    """Yield texts of a model's config.json, each with one thing wrong."""
    for name in CONFIG:
        for wrong in ("many", None, [], -1, 0, MANY if name != "vocab_size" else 3):
            text = json.dumps(config | {name: wrong})
            yield Malformed(f"config.json: {name} {wrong!r:.20}", text, "config.json")
    for what, text in {"empty": "", "a list": "[]", "a text": '"bert"', "cut": '{"a": '}.items():
        yield Malformed(f"config.json is {what}", text, "config.json")
    deep = '{"a": ' + "[" * 100_000
    yield Malformed("config.json is nested", deep, "config.json")


RETURNED = "task,run,trial,metric,percent\nrte,run-1,trial0001,accuracy,71.2\n"


def returned_scores() -> Iterator[Malformed]:
    """Yield files of scores that came back, each with one thing wrong."""
    for old, new in {
        "rte": "rtee",
        "accuracy": "accurcy",
        "71.2": "seventy",
        "percent": "per cent",
        ",run-1": "",
        "71.2\n": "171.2\n",
        "71.2\n ": "nan\n",
        "task,": "task,task,",
    }.items():
        text = RETURNED.replace(old.strip(" "), new, 1)
        yield Malformed(f"scores: {new!r} for {old!r}", text)
    yield Malformed("scores: not UTF-8", RETURNED.replace("run-1", "run-\udcff"))
    yield Malformed("scores: 7_1", RETURNED.replace("71.2", "7_1"))
    yield Malformed("scores: a negative accuracy", RETURNED.replace("71.2", "-3"))
    yield Malformed("scores: a fraction", RETURNED.replace("71.2", "0.712"))
    yield Malformed("scores: twice", RETURNED + RETURNED.splitlines()[1] + "\n")
    yield Malformed("scores: empty", "")


COMMANDS = [
    "", "reprduce", "reproduce --profile nope",
    "plan --profile nope.yaml", "reproduce --notebook 99_none", "reproduce -p repetitions",
    "reproduce -p nope 1",
    "reproduce --profile smoke -p repetitions 0", "reproduce --profile smoke -p models nope/nope[",
    "reproduce --profile smoke -p repetitions [", "reproduce --profile smoke -p profile mini",
    "reproduce --profile smoke --data /nowhere", "plan --profile smoke --steps-per-second nan",
    "plan --profile smoke --steps-per-second -1", "plan --profile smoke --steps-per-second x",
    "plan --profile smoke --steps-per-second 0", "plan --profile smoke --gpus -1",
    "claims --source nobody", "claims --evidence hearsay", "claims --profile nope",
    "submit --profile smoke --rank 0", "submit --profile smoke --rank x",
    "submit --profile smoke --model nobody", "submit --profile smoke --method sorcery",
    "record nope", "record --first 0", "record --workers 0",
    "record --first -1", "judge /nowhere.csv", "judge", "release --profile nope",
]  # fmt: skip
