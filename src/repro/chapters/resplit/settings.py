"""The settings of notebook 04, and the two studies that it compares."""

from typing import Annotated, Any

from pydantic import Field, model_validator

from repro.study.profile_parts import Checked, Count, Several

Shift = Annotated[float, Field(ge=0, le=1)]


class ResplitSettings(Checked):
    """Random search on the original split and on a resplit, and what is simulated from it."""

    models: Several | None = None  # the profile's first one when None
    tasks: Several = ("qnli",)  # the paper's
    budget_gst: Annotated[float, Field(gt=0)] = 4.0  # for several trials more than four
    repetitions: Count = 3
    shifts: tuple[Shift, ...] = (0.0, 0.5, 1.0)  # of further test sets; mini only
    examples: Annotated[int, Field(ge=4)] = 600  # in each of them
    validation_sizes: tuple[Count, ...] = (50, 100, 200, 400)  # simulated
    trial_counts: tuple[Annotated[int, Field(ge=4)], ...] = (4, 8, 16, 24)  # simulated
    draws: Count = 400  # simulated tuning runs

    @model_validator(mode="after")
    def _check_together(self) -> "ResplitSettings":
        if 0.0 not in self.shifts:
            raise ValueError(
                "`shifts` must hold 0, the distribution of the validation set, "
                f"but got {self.shifts}; add it"
            )
        return self


def split_profiles(profile: Any) -> dict[str, Any]:
    """Return the profiles of two studies: on the profile's own split, and on a resplit.

    Args:
        profile: a Profile with the section `resplit`.
    Returns:
        "original" and "resplit" -> profile; the test set of the former is at shift 0 where data are
        generated, and its trials also predict a test set at each shift.
    """
    settings = profile.resplit
    names = settings.models or (profile.models[0].name,)
    models = [profile.model(name).model_dump() | {"tasks": settings.tasks} for name in names]
    original = profile.split if profile.split != "resplit" else "official"
    shifted = dict.fromkeys(settings.shifts, settings.examples) if profile.source == "mini" else {}
    return {
        name: type(profile).model_validate(
            dict(profile)
            | {"split": split, "models": models, "methods": ("grid", "rs")}
            | {"budget_gst": settings.budget_gst, "repetitions": settings.repetitions}
            | {"shifted_tests": shifted if name == "original" else {}, "shift": 0.0}
            | ({} if split == "official" else {"test_labels": {}})
        )
        for name, split in {"original": original, "resplit": "resplit"}.items()
    }
