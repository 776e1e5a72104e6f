"""Settings from YAML files, checked by pydantic; whatever is wrong is said in one line."""

import re
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from repro.names import suggest_name


class Checked(BaseModel):
    """A part of a YAML file: its keys are all known, and it does not change."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """YAML whose keys come once, and whose numbers are those of YAML 1.2: 1e-4, but not 1:30."""

    def compose_mapping_node(self, anchor: str | None) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        keys = [key.value for key, _ in node.value]
        if twice := next((key for key in keys if keys.count(key) > 1), None):
            raise yaml.MarkedYAMLError(
                problem=f"key {twice!r} is there twice", problem_mark=node.start_mark
            )
        return node


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in known if not tag.endswith((":int", ":float"))]
    for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for kind, pattern in {
    "int": r"[-+]?(0|[1-9][0-9]*)",
    "float": r"[-+]?(\.[0-9]+|[0-9]+\.[0-9]*)([eE][-+]?[0-9]+)?|[-+]?[0-9]+[eE][-+]?[0-9]+"
    r"|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
}.items():
    _Loader.add_implicit_resolver(
        f"tag:yaml.org,2002:{kind}", re.compile(rf"^(?:{pattern})$"), list("-+.0123456789")
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of `key: value` lines.

    Raises:
        ValueError: in one line that does not name the file, if it is no such file.
    """
    try:
        values = parse_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError("must be YAML, but " + " ".join(str(error).split())) from None
    except RecursionError:
        raise ValueError("must be YAML of a few levels, but is nested too deeply") from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError(f"must hold `key: value` lines, but got {values!r:.60}")
    return values


def parse_yaml(text: str) -> Any:
    """Return what a YAML text says.

    Raises:
        yaml.YAMLError: if it is none, has a key twice, or repeats a part of itself beyond measure.
    """
    values = yaml.load(text, _Loader)  # a safe one
    waiting, n = [values], 0
    while waiting:
        part, n = waiting.pop(), n + 1
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part
        if n > _MOST_VALUES:
            raise yaml.YAMLError(f"it holds more than {_MOST_VALUES:,} values")
    return values


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """Say the first problem that pydantic found with a `model`, a misspelt key before all."""
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            name, known = str(first["loc"][-1]), list(_part(model, first["loc"][:-1]).model_fields)
            what = f"unknown key{suggest_name(name, known)}; known: {', '.join(known)}"
        case "missing":
            what = "must be given"
        case "value_error":
            what = first["msg"].removeprefix("Value error, ")
        case "string_type" if isinstance(first["input"], bool):
            what = (
                f"must be text, but got {first['input']}; put it in quotes "
                "(YAML reads a bare yes, no, on, off as true or false)"
            )
        case _:
            what = first["msg"].replace("Input should be", "must be").replace("valid tuple", "list")
            what += f", but got {first['input']!r}"
    return f"`{where}`: {what}" if where else what


def _part(model: type[BaseModel], location: tuple[str | int, ...]) -> type[BaseModel]:
    """Return the model at a place inside `model`, however it is optional or listed there."""
    for key in location:
        if key in model.model_fields:
            kind = model.model_fields[key].annotation
            kinds = [k for k in (kind, *get_args(kind)) if isinstance(k, type)]
            model = next((k for k in kinds if issubclass(k, BaseModel)), model)
    return model
