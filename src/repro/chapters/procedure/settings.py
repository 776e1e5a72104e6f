"""The section `procedure` of a profile: what notebook 02 runs, and by which rules."""

from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from repro.names import check_name
from repro.study.settings import Budget, Section, Several, distinct
from repro.tuning.spaces import FAMILIES, search_space

_S_WR, _S_WR_HDO = ("full", "s-wr", "smin"), ("full", "s-wr-hdo", "smin")
_DEFAULT = {"default": _S_WR, "roberta": _S_WR_HDO, "roberta-mini": _S_WR_HDO}
ALL = "all"


def _by_family(value: Any) -> Any:
    return value if isinstance(value, dict) else {"default": value}


class ProcedureSettings(Section):
    """Spaces from the largest to the smallest, budgets, rules (Liu & Wang 2021, sec. 5)."""

    spaces: dict[str, Several] = Field(default=_DEFAULT)  # by family; see `spaces.search_space`
    budgets_gst: Annotated[tuple[Budget, ...], Field(min_length=1)] = (1, 4)
    methods: Several = ("rs", "asha", "bo_asha")
    # of each model's tasks: all, or a few, or a few by family
    tasks: Annotated[dict[str, Several], BeforeValidator(_by_family)] = Field(
        default={"default": (ALL,)}
    )
    fix: Literal["order", "mined"] = "order"  # mined: the middle spaces give way to one that
    # fixes what the overfitting runs of the first round point to
    weak: Literal["loss", "tie", "off"] = "loss"  # see `rules.Rule`
    outperforms: Literal["means", "validation", "every"] = "means"

    def spaces_for(self, family: str) -> tuple[str, ...]:
        """Return the spaces of a family, or the default's."""
        return self.spaces[family if family in self.spaces else "default"]

    def tasks_for(self, family: str, tasks: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of a model's tasks that the procedure runs on."""
        chosen = self.tasks[family if family in self.tasks else "default"]
        return tasks if chosen == (ALL,) else tuple(task for task in tasks if task in chosen)

    @field_validator("budgets_gst")
    @classmethod
    def _check_budgets(cls, budgets: tuple[float, ...]) -> tuple[float, ...]:
        if any(b <= a for a, b in pairwise(budgets)):
            raise ValueError(f"must rise from one to the next, but got {list(budgets)}; sort them")
        return tuple(map(float, budgets))

    @field_validator("methods")
    @classmethod
    def _check_methods(cls, methods: tuple[str, ...]) -> tuple[str, ...]:
        if "grid" in methods:
            raise ValueError("must not hold grid, which all others are compared with; drop it")
        return distinct(methods)

    @model_validator(mode="after")
    def _check_spaces(self) -> "ProcedureSettings":
        for what in ("spaces", "tasks"):
            names = set(getattr(self, what))
            if "default" not in names:
                raise ValueError(f"`{what}` must have a default, but got {sorted(names)}; add it")
            for family in names - {"default"}:
                check_name("family", family, FAMILIES)
        for family in set(self.spaces) - {"default"}:
            self._check_family(family)
        return self

    def check(self, profile: Any) -> None:
        """Raise unless each model's spaces are its family's, each smaller than the one before."""
        for model in profile.models:
            self._check_family(model.family)

    def _check_family(self, family: str) -> None:
        spaces = [search_space(family, epochs=1, reduction=r) for r in self.spaces_for(family)]
        for larger, smaller in pairwise(spaces):
            if not set(smaller.domains) < set(larger.domains):
                raise ValueError(
                    f"each space of {family} must search fewer hyperparameters than the one "
                    f"before it, but {smaller.name} comes after {larger.name}; sort or drop them"
                )


SECTIONS = {"procedure": ProcedureSettings}
