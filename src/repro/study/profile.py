"""Profiles: what a study runs, as YAML files that are checked before anything starts.

A profile says everything that decides the numbers: data, models, tasks, methods, budgets, seeds,
training settings and resources. Values given to `load_profile` override the file's.
"""

import importlib.util
import pkgutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, create_model, field_validator, model_validator

from repro.checked import Checked, one_line, read_yaml
from repro.names import check_name, suggest_name
from repro.paths import PROFILES
from repro.study.objective import DataSettings, TrialSettings
from repro.study.settings import (
    Amount,
    Budget,
    Count,
    ModelSettings,
    Number,
    PerTask,
    Section,
    Seed,
    Several,
    Share,
    Sizes,
    distinct,
    for_task,
    listed,
)
from repro.training.types import Seeds, TrainingSettings
from repro.tuning.methods import METHODS


class Profile(Checked):
    """All that decides the numbers of a study; see profiles/*.yaml for what the values mean.

    A profile that was loaded has a field more for the section of each chapter.
    """

    name: str
    description: str = ""
    source: str = "mini"
    split: Literal["official", "resplit", "held_out"] = "official"
    split_seed: Seed = 42
    split_ratios: tuple[Share, Share, Share] = (0.8, 0.1, 0.1)  # train, validation, test: resplit
    shift: Share = 0.0
    sizes: Sizes = Field(default={})  # mini only
    # shift -> examples of a further test set, which every trial predicts; mini only
    shifted_tests: dict[Share, Count] = Field(default={})
    test_labels: dict[str, str] = Field(default={})  # task -> file of the test set's gold labels
    returned_scores: str | None = None  # file of scores that came back for submitted predictions
    models: Annotated[tuple[ModelSettings, ...], Field(min_length=1)]
    methods: Several
    budget_gst: Budget = 1.0
    budget_unit: Literal["steps", "seconds"] = "steps"
    repetitions: Count = 3
    seed: Seed = 0
    training_seed: Seed = 42
    dropout_after_first_validation: bool = True
    evaluations_per_epoch: PerTask = Field(default={"default": 5})
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    max_length: Annotated[Count, Field(ge=4)] = 128
    adam_epsilon: Amount = 1e-6
    cpus_per_trial: Amount = 1
    gpus_per_trial: Annotated[Number, Field(ge=0, le=1000)] = 0
    trials_at_once_per_run: Count = 1
    trials_at_once: Count | None = None
    keep_checkpoints: bool = False
    tracking: Literal["none", "tensorboard", "wandb"] = "none"
    overrides: dict[str, Any] = Field(default={})  # given to load_profile, for tables to name

    def model(self, name: str) -> ModelSettings:
        """Return the settings of the model `name`."""
        check_name("model", name, [model.name for model in self.models])
        return next(model for model in self.models if model.name == name)

    def evaluations_for(self, task: str) -> int:
        """Return how many times an epoch `task` is evaluated."""
        return for_task("evaluations_per_epoch", self.evaluations_per_epoch, task)

    def data(self, task: str) -> DataSettings:
        """Return which examples of `task` are trained, validated and tested on."""
        return DataSettings(
            task=task,
            source=self.source,
            split=self.split,
            split_seed=self.split_seed,
            split_ratios=self.split_ratios,
            shift=self.shift,
            sizes=tuple(sorted(self.sizes.get(task, self.sizes.get("default", {})).items())),
            shifted_tests=tuple(sorted(self.shifted_tests.items())),
        )

    def training(self, task: str) -> TrainingSettings:
        """Return how every trial on `task` is trained: without a GPU of its own on the CPU."""
        on_cpu = not self.gpus_per_trial
        return TrainingSettings(
            evaluations_per_epoch=self.evaluations_for(task),
            # slow on a CPU, and its loss scaling is made for GPUs; bf16 has 16 bits too
            precision="bf16" if on_cpu and self.precision == "fp16" else self.precision,
            device="cpu" if on_cpu else "cuda",
            max_length=self.max_length,
            adam_epsilon=self.adam_epsilon,
            dropout_after_first_validation=self.dropout_after_first_validation,
        )

    def trials(self, model: str, task: str) -> TrialSettings:
        """Return what all trials of `model` on `task` share."""
        return TrialSettings(model, self.data(task), self.training(task), self.keep_checkpoints)

    @property
    def seeds(self) -> Seeds:
        """The seeds of every trial, unless a chapter has its own."""
        return Seeds(*[self.training_seed] * 3)

    @property
    def title(self) -> str:
        """Name the profile and what was overridden, for captions: `mini (repetitions 1)`."""
        changes = ", ".join(f"{key} {_plain(value)}" for key, value in self.overrides.items())
        return f"{self.name} ({changes})" if changes else self.name

    @property
    def folder(self) -> str:
        """Name the folder of its figures; changed, a profile does not write over its own."""
        return f"{self.name}-changed" if set(self.overrides) - {"source"} else self.name

    @property
    def evidence(self) -> tuple[str, str]:
        """Say what evidence on a claim its runs are, and at which scale; see `stats.ledger`."""
        if self.source == "mini":
            return "miniature", "toy"
        return "own run", "full" if self.name == "paper" and not self.overrides else "partial"

    @field_validator("source")
    @classmethod
    def _check_source(cls, source: str) -> str:
        if source in ("mini", "hub") or Path(source).is_dir():
            return source
        raise ValueError(f"must be mini, hub or an existing directory, but got {source!r}")

    @field_validator("methods")
    @classmethod
    def _check_methods(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        known = [method for method in METHODS if not method.startswith("seeds")]
        return distinct(check_name("method", method, known) for method in methods)

    @model_validator(mode="after")
    def _check_together(self) -> "Profile":
        distinct(model.name for model in self.models)
        tasks = {task for model in self.models for task in model.tasks}
        for task in tasks:
            self.evaluations_for(task)
        for knob in ("shift", "sizes", "shifted_tests"):
            if getattr(self, knob) and self.source != "mini":
                raise ValueError(f"`{knob}` must be left out unless `source` is mini; drop it")
        for task in self.test_labels:
            check_name("task of `test_labels`", task, sorted(tasks))
        if self.test_labels and (self.source == "mini" or self.split != "official"):
            raise ValueError(
                "`test_labels` must go with hidden test labels, but `source` is "
                f"{self.source} and `split` {self.split}; drop it or use split 'official'"
            )
        for file in filter(None, (*self.test_labels.values(), self.returned_scores)):
            if not Path(file).is_file():
                raise ValueError(f"{file} must be a file, but there is none; mend its path")
        if self.trials_at_once is not None and self.trials_at_once < self.trials_at_once_per_run:
            raise ValueError(
                "`trials_at_once` must be at least `trials_at_once_per_run`, but got "
                f"{self.trials_at_once} and {self.trials_at_once_per_run}; raise the first"
            )
        for section in vars(self).values():
            if isinstance(section, Section):
                section.check(self)
        return self


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        pairs = (f"{key} {_plain(part)}" for key, part in value.items())
        return str(value["name"]) if "tasks" in value and "name" in value else " ".join(pairs)
    return " ".join(map(_plain, value)) if isinstance(value, list | tuple) else str(value)


def chapter_modules(name: str, *, having: str) -> Iterator[ModuleType]:
    """Yield the module `name` of those chapters where it has what is asked for: none is listed."""
    chapters = importlib.import_module("repro.chapters")
    for chapter in pkgutil.iter_modules(chapters.__path__, f"{chapters.__name__}."):
        if importlib.util.find_spec(f"{chapter.name}.{name}"):
            module = importlib.import_module(f"{chapter.name}.{name}")
            if hasattr(module, having):
                yield module


@cache
def profile_class() -> type[Profile]:
    """Return the profile with the section of each chapter; one that must say something is None."""
    fields = {}
    for module in chapter_modules("settings", having="SECTIONS"):
        for key, section in module.SECTIONS.items():
            must_say = any(field.is_required() for field in section.model_fields.values())
            fields[key] = (section | None, None) if must_say else (section, section())
    return create_model("Profile", __base__=Profile, **fields)


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
    overrides, known = _given(overrides) or {}, overridable_keys()
    try:
        values = read_yaml(path)
        for key in overrides:
            check_name("key", key, known)
        for key in values:
            check_name("key", key, known[: -len(_FOR_MODELS)])
        merged = _merge(values, overrides)
        return profile_class()(**merged, name=path.stem, overrides=overrides)
    except ValidationError as error:
        raise ValueError(f"{path}: {one_line(error, profile_class())}") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


_FOR_MODELS = ("tasks", "epochs")


def overridable_keys() -> tuple[str, ...]:
    """Return what `load_profile` takes as overrides."""
    own = (key for key in profile_class().model_fields if key not in ("name", "overrides"))
    return (*own, *_FOR_MODELS)


def known_profiles() -> dict[str, str]:
    """Return name -> description of the profiles in profiles/."""
    paths = sorted(PROFILES.glob("*.yaml"))
    return {path.stem: read_yaml(path).get("description", "") for path in paths}


def _find(name_or_path: str | Path) -> Path:
    path = Path(name_or_path)
    if path.suffix not in (".yaml", ".yml"):
        path = PROFILES / f"{name_or_path}.yaml"
    if path.is_file():
        return path
    known = sorted(path.stem for path in PROFILES.glob("*.yaml"))
    raise FileNotFoundError(
        f"a profile must be a YAML file or one of {known}, but got {str(name_or_path)!r}"
        + suggest_name(str(name_or_path), known)
    )


def _given(values: dict[str, Any]) -> dict[str, Any] | None:
    """Leave out what is None, in mappings too."""
    values = {k: _given(v) if isinstance(v, dict) and v else v for k, v in values.items()}
    return {key: value for key, value in values.items() if value is not None} or None


def _merge(values: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    """Put the overrides over the file's values, `tasks` and `epochs` into each model."""
    merged = values | {key: v for key, v in overrides.items() if key not in _FOR_MODELS}
    for key in overrides.keys() & values.keys() - set(Profile.model_fields):  # of sections
        if isinstance(values[key], dict) and isinstance(overrides[key], dict):
            # another model in it has a family of its own
            guessed = {"family": None} if "name" in overrides[key] else {}
            merged[key] = values[key] | guessed | overrides[key]
    for_models = {key: overrides[key] for key in _FOR_MODELS if key in overrides}
    models = listed(merged.get("models"))
    if isinstance(models, list | tuple):
        models = [_model(model, values.get("models")) for model in models]
        merged["models"] = [m | for_models if isinstance(m, dict) else m for m in models]
    return merged


def _model(model: Any, in_file: Any) -> Any:
    """Find a model that is given by its name; a new one is like the first of the file."""
    valid = isinstance(in_file, list) and all(isinstance(known, dict) for known in in_file)
    if not isinstance(model, str) or not (valid and in_file):
        return model
    named = [known for known in in_file if known.get("name") == model]
    return named[0] if named else in_file[0] | {"name": model, "family": None}
