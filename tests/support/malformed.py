"""Malformed input, generated from valid input by rules, each with what must be said about it."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

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
    """A text that must be refused."""

    name: str
    text: str


def profiles() -> Iterator[Malformed]:
    """Yield profiles, each with one thing wrong."""
    for stem in ("smoke", "mini"):
        text = (PROFILES / f"{stem}.yaml").read_text()
        values = yaml.safe_load(text)
        for path, value in _leaves(values):
            name = next(key for key in reversed(path) if isinstance(key, str))
            kind = float if name in BROKEN and type(value) is int else type(value)
            for wrong in WRONG[kind] if name not in FREE else ():
                changed = _changed(values, path, wrong)
                yield Malformed(f"{stem}: {_dotted(path)} {wrong!r:.20}", yaml.safe_dump(changed))
        for path in _keys(values):
            yield Malformed(
                f"{stem}: {_dotted(path)} misspelt", yaml.safe_dump(_misspelt(values, path))
            )
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


def _changed(values: Any, path: tuple, value: Any) -> Any:
    values = copy.deepcopy(values)
    part = values
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return values


def _misspelt(values: Any, path: tuple) -> Any:
    values = copy.deepcopy(values)
    part = values
    for key in path[:-1]:
        part = part[key]
    part[f"{path[-1]}x"] = part.pop(path[-1])
    return values


def _dotted(path: tuple) -> str:
    return ".".join(map(str, path))


def _damaged(stem: str, text: str) -> Iterator[Malformed]:
    yield Malformed(f"{stem}: nested", text + "x: " + "[" * 3000)
    yield Malformed(f"{stem}: cut in a list", text[: text.rindex("[") + 1])
    yield Malformed(f"{stem}: tabs", text.replace("  ", "\t"))
    yield Malformed(f"{stem}: empty", "")
    yield Malformed(f"{stem}: a list", "- a\n- b\n")
    yield Malformed(f"{stem}: an object", text + "\nx: !!python/object/apply:os.getcwd []\n")
