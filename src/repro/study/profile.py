"""Profiles: what a study runs, as YAML files that are checked before anything starts.

A profile says everything that decides the numbers: data, models, tasks, methods, budgets, seeds,
training settings and resources. Values given to `load_profile` override the file's.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from repro.chapters.procedure.settings import ProcedureSettings
from repro.chapters.resplit.settings import ResplitSettings
from repro.chapters.strategies.settings import StrategySettings
from repro.chapters.three_stage.settings import ThreeStageSettings
from repro.names import check_name, suggest_name
from repro.paths import PROFILES
from repro.study.profile_parts import (
    Checked,
    Count,
    ModelSettings,
    PerTask,
    Seed,
    SeedStudy,
    Several,
    check_label_files,
    distinct,
    for_task,
    listed,
)
from repro.tuning.methods import METHODS


class Profile(Checked):
    """All that decides the numbers of a study; see profiles/*.yaml for what the values mean."""

    name: str
    description: str = ""
    source: str = "mini"
    split: Literal["official", "resplit", "held_out"] = "official"
    split_seed: Seed = 42
    split_ratios: tuple[float, float, float] = (0.8, 0.1, 0.1)  # train, validation, test: resplit
    shift: Annotated[float, Field(ge=0, le=1)] = 0.0
    sizes: dict[Literal["train", "validation", "test"], Count] | None = None
    # shift -> examples of a further test set, which every trial predicts; mini only
    shifted_tests: dict[Annotated[float, Field(ge=0, le=1)], Count] = Field(default={})
    test_labels: dict[str, str] = Field(default={})  # task -> file of the test set's gold labels
    returned_scores: str | None = None  # file of scores that came back for submitted predictions
    models: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
    methods: Several
    budget_gst: Annotated[float, Field(gt=0)] = 1.0
    budget_unit: Literal["steps", "seconds"] = "steps"
    repetitions: Count = 3
    seed: Seed = 0
    training_seed: Seed = 42
    dropout_after_first_validation: bool = True
    evaluations_per_epoch: PerTask = Field(default={"default": 5})
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    max_length: Annotated[int, Field(ge=4, strict=True)] = 128
    adam_epsilon: Annotated[float, Field(gt=0)] = 1e-6
    cpus_per_trial: Annotated[float, Field(gt=0)] = 1
    gpus_per_trial: Annotated[float, Field(ge=0)] = 0
    trials_at_once_per_run: Count = 1
    trials_at_once: Count | None = None
    keep_checkpoints: bool = False
    tracking: Literal["none", "tensorboard", "wandb"] = "none"
    procedure: ProcedureSettings = ProcedureSettings()
    seed_study: SeedStudy | None = None
    resplit: ResplitSettings = ResplitSettings()
    strategies: StrategySettings = StrategySettings()
    three_stage: ThreeStageSettings = ThreeStageSettings()
    overrides: dict[str, Any] = Field(default={})  # given to load_profile, for tables to name

    def model(self, name: str) -> ModelSettings:
        """Return the settings of the model `name`."""
        check_name("model", name, [model.name for model in self.models])
        return next(model for model in self.models if model.name == name)

    def epochs_for(self, model: str, task: str) -> int:
        """Return the passes over the training data of `task` with `model`."""
        return for_task("epochs", self.model(model).epochs, task)

    def evaluations_for(self, task: str) -> int:
        """Return how many times an epoch `task` is evaluated."""
        return for_task("evaluations_per_epoch", self.evaluations_per_epoch, task)

    @property
    def title(self) -> str:
        """Name the profile and what was overridden, for captions: `mini (repetitions 1)`."""
        changes = ", ".join(f"{key} {_plain(value)}" for key, value in self.overrides.items())
        return f"{self.name} ({changes})" if changes else self.name

    @property
    def folder(self) -> str:
        """Name the folder of its figures; changed, a profile does not write over its own."""
        return f"{self.name}-changed" if set(self.overrides) - {"source"} else self.name

    @field_validator("source")
    @classmethod
    def _check_source(cls, source: str) -> str:
        if source in ("mini", "hub") or Path(source).is_dir():
            return source
        raise ValueError(f"must be mini, hub or an existing directory, but got {source!r}")

    @field_validator("methods")
    @classmethod
    def _check_methods(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        for method in methods:
            check_name("method", method, [m for m in METHODS if not m.startswith("seeds")])
        return distinct(methods)

    @model_validator(mode="after")
    def _check_together(self) -> "Profile":
        distinct(model.name for model in self.models)
        for model in self.models:
            self.procedure.check_family(model.family)
        for task in (task for model in self.models for task in model.tasks):
            self.evaluations_for(task)
        for knob in ("shift", "sizes", "shifted_tests"):
            if getattr(self, knob) and self.source != "mini":
                raise ValueError(f"`{knob}` must be left out unless `source` is mini; drop it")
        check_label_files(self)
        if self.trials_at_once is not None and self.trials_at_once < self.trials_at_once_per_run:
            raise ValueError(
                "`trials_at_once` must be at least `trials_at_once_per_run`, but got "
                f"{self.trials_at_once} and {self.trials_at_once_per_run}; raise the first"
            )
        return self


def load_profile(name_or_path: str | Path, **overrides: Any) -> Profile:
    """Read a profile and check it, with some of its values overridden.

    Args:
        name_or_path: a file's stem in profiles/, or the path of a YAML file.
        overrides: fields of the profile; None leaves the file's value. `tasks` and `epochs` go to
            every model. In `models`, a name picks that model of the profile; a new name takes the
            tasks and epochs of the profile's first model; a mapping gives all of one model. Of a
            section a mapping changes what it names.
    Raises:
        ValueError: in one line, naming the file and the key, if anything is unknown or impossible.
        FileNotFoundError: if there is no such profile; the known ones are listed.
    """
    path = _find(name_or_path)
    overrides = _given(overrides) or {}
    try:
        values = _read(path)
        _refuse_unknown(overrides, overridable_keys())
        _refuse_unknown(values, _KEYS)
        return Profile(**_merge(values, overrides), name=path.stem, overrides=overrides)
    except ValidationError as error:
        raise ValueError(f"{path}: {_one_line(error)}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def overridable_keys() -> tuple[str, ...]:
    """Return what `load_profile` takes as overrides."""
    return (*_KEYS, "tasks", "epochs")


def known_profiles() -> dict[str, str]:
    """Return name -> description of the profiles in profiles/."""
    return {p.stem: _read(p).get("description", "") for p in sorted(PROFILES.glob("*.yaml"))}


_KEYS = tuple(key for key in Profile.model_fields if key not in ("name", "overrides"))
_SECTIONS = {
    key: kind
    for key, field in Profile.model_fields.items()
    for kind in get_args(field.annotation) or [field.annotation]
    if isinstance(kind, type) and issubclass(kind, Checked) and kind is not ModelSettings
}


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = PROFILES / f"{name_or_path}.yaml"
    if path.is_file():
        return path
    known = [p.stem for p in sorted(PROFILES.glob("*.yaml"))]
    raise FileNotFoundError(
        f"a profile must be a YAML file or one of {known}, but got {str(name_or_path)!r}"
        + suggest_name(str(name_or_path), known)
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError("must be YAML, but " + " ".join(str(error).split())) from None
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise ValueError("must hold `key: value` lines; profiles/mini.yaml shows them")
    return values


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is None, in mappings too."""
    values = {k: _given(v) if isinstance(v, dict) and v else v for k, v in values.items()}
    return {key: value for key, value in values.items() if value is not None} or None


def _merge(values: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Put the overrides over the file's values, `tasks` and `epochs` into each model."""
    of_models = {key: overrides[key] for key in ("tasks", "epochs") if key in overrides}
    for key in _SECTIONS.keys() & overrides.keys() & values.keys():
        overrides = overrides | {key: _section(values[key], overrides[key])}
    merged = values | {key: v for key, v in overrides.items() if key not in of_models}
    models = listed(merged.get("models"))
    if not isinstance(models, list | tuple):
        return merged
    models = [_settings(model, values.get("models")) for model in models]
    models = [model | of_models if isinstance(model, dict) else model for model in models]
    return merged | {"models": models}


def _section(of_file: Any, given: Any) -> Any:
    """Change a section; another model in it has a family of its own."""
    if not (isinstance(of_file, dict) and isinstance(given, dict)):
        return given
    guessed = {"family": None} if "name" in given else {}
    return of_file | guessed | given


def _settings(model: Any, of_file: Any) -> Any:
    """Find a model that is given by its name; a new one is like the first of the file."""
    valid = isinstance(of_file, list) and all(isinstance(known, dict) for known in of_file)
    if not isinstance(model, str) or not (valid and of_file):
        return model
    named = [known for known in of_file if known.get("name") == model]
    return named[0] if named else of_file[0] | {"name": model, "family": None}


def _refuse_unknown(values: Iterable[str], known: Iterable[str]) -> None:
    for key in values:
        check_name("key", key, known)


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{key} {_plain(part)}" for key, part in value.items())
        return str(value["name"]) if "tasks" in value and "name" in value else " ".join(pairs)
    return " ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def _one_line(error: ValidationError) -> str:
    """Say the first problem that pydantic found in one line of ours, a misspelt key before all."""
    problems = error.errors(include_url=False)
    first = min(problems, key=lambda problem: problem["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in first["loc"])
    match first["type"]:
        case "extra_forbidden":
            section = _SECTIONS.get(str(first["loc"][0]), ModelSettings)
            name, known = str(first["loc"][-1]), list(section.model_fields)
            what = f"unknown key{suggest_name(name, known)}; known: {', '.join(known)}"
        case "missing":
            what = "must be given"
        case "value_error":
            what = first["msg"].removeprefix("Value error, ")
        case _:
            what = f"{first['msg']}, but got {first['input']!r}"
    return f"`{where}`: {what}" if where else what
