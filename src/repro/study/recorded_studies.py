"""Whole studies with more repetitions than one waits for, recorded for their chapters to judge.

A folder of `data/recorded/studies/` is named after a chapter's section of the profile. Its
`plan.yaml` says which profile was changed how; the tables hold all tuning runs, and
`predictions.parquet` what each trial's best checkpoint answers. The study that one trains oneself
is its beginning, so that the two can be held against each other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from repro.checked import Checked, read_yaml
from repro.paths import RESULTS, data_directory
from repro.records import HYPERPARAMETERS
from repro.results.folders import EXAMPLE
from repro.results.recorded import (
    pack_predictions,
    read_tables,
    tables_fingerprint,
    unpack_predictions,
    write_tables,
)
from repro.results.tables import Results
from repro.study.profile import Profile, load_profile
from repro.study.recording import versions

_TABLES = ("runs", "trials", "evaluations", "predictions", "examples")
_SEEDS = ("init_seed", "order_seed", "dropout_seed")
_SAME_TRIAL = ["stage", "variant", "method", "repetition", "place", *HYPERPARAMETERS, *_SEEDS]
_SCORES = ("validation_score", "test_score")


class StudyPlan(Checked):
    """What a folder holds: a study of a profile, some values of whose section are changed."""

    what: str
    licence: str
    profile: str
    changes: dict[str, int]  # numbers of repetitions and seeds, under their names in the section


@dataclass(frozen=True, eq=False)
class RecordedStudy:
    """Finished tuning runs as tidy tables, as `Results` has them."""

    tables: dict[str, pd.DataFrame]
    manifest: dict

    @property
    def runs(self) -> pd.DataFrame:
        return self.tables["runs"]

    @property
    def trials(self) -> pd.DataFrame:
        return self.tables["trials"]

    @property
    def evaluations(self) -> pd.DataFrame:
        return self.tables["evaluations"]

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the tables."""
        return tables_fingerprint(self.manifest)

    @cached_property
    def _predictions(self) -> pd.DataFrame:
        packed = self.tables["predictions"].set_index("trial_id")["predictions"]
        columns = {trial: unpack_predictions(values) for trial, values in packed.items()}
        return pd.concat([self.tables["examples"], pd.DataFrame(columns)], axis=1)

    def joint_predictions(self, model: str, task: str) -> pd.DataFrame:
        """Return what all trials predict, as `Results.joint_predictions` does."""
        assert {(model, task)} == set(zip(self.runs["model"], self.runs["task"], strict=True))
        return self._predictions


def study_folder(section: str) -> Path:
    """Return the folder of a chapter's recorded study."""
    return data_directory("recorded") / "studies" / section


def record_study(
    section: str, run: Callable[..., Results], *, folder: Path, results: Path = RESULTS
) -> None:
    """Carry out the study of a folder's plan and write its tables.

    Args:
        section: of the profile, which the plan changes.
        run: the chapter's, of a profile and the folder of results, where it goes on.
    """
    plan = StudyPlan(**read_yaml(folder / "plan.yaml"))
    profile = load_profile(plan.profile, **{section: plan.changes})
    study = run(profile, results=results)
    (model,), (task,) = (study.runs[name].unique() for name in ("model", "task"))
    joint = study.joint_predictions(model, task)
    answers = joint.drop(columns=list(EXAMPLE))
    packed = [pack_predictions(answers[trial].to_numpy()) for trial in answers]
    about = {
        "what": plan.what,
        "licence": plan.licence,
        "settings": _settings(profile, section, plan),
        "versions": versions(),
    }
    tables = {
        "runs": study.runs,
        "trials": study.trials.assign(worker="", started_at=np.nan),  # of one machine
        "evaluations": study.evaluations,
        "predictions": pd.DataFrame({"trial_id": answers.columns, "predictions": packed}),
        "examples": joint[list(EXAMPLE)],
    }
    write_tables(folder, tables, about=about)


def read_study(folder: Path) -> RecordedStudy:
    """Read a recorded study and check that it is what its manifest says.

    Raises:
        ValueError: naming the file, if it is of another format, or is not as it was written.
    """
    return RecordedStudy(*read_tables(folder, _TABLES))


def longest_study(
    own: Results, profile: Profile, *, section: str, folder: Path | None = None
) -> tuple[Results | RecordedStudy, str]:
    """Return the recorded study whose beginning one's own study is, or else one's own.

    Returns:
        the study, and a sentence that says which it is, and how many of one's own trials came out
        as they were recorded.
    Raises:
        ValueError: if on a machine of the recording's kind, with its versions, some did not.
    """
    folder = folder or study_folder(section)
    unknown = own, "Judged on these runs: none with their settings were recorded before."
    if not (folder / "manifest.json").is_file():
        return unknown
    recorded, plan = read_study(folder), StudyPlan(**read_yaml(folder / "plan.yaml"))
    is_profile = profile.name == plan.profile and set(profile.overrides) <= {section}
    if not is_profile or _settings(profile, section, plan) != recorded.manifest["settings"]:
        return unknown
    same = _same(own.trials, recorded.trials)
    if recorded.manifest["versions"] == versions() and not same.all():
        raise ValueError(
            f"the trials of this study must come out as those in {folder}, of which they are the "
            f"first, but {(~same).sum()} of {len(same)} did not; restore the folder, or if the "
            "training was changed on purpose, record it again by `make record`"
        )
    return recorded, (
        f"Judged on {recorded.trials['repetition'].max()} repetitions that were recorded before. "
        f"These runs are the first of them: {same.sum()} of {len(same)} trials have the scores "
        "that were recorded, bit for bit."
    )


def _same(own: pd.DataFrame, recorded: pd.DataFrame) -> pd.Series:
    """Tell of each of one's own trials whether it was recorded with the same scores."""
    own, recorded = (
        # where seeds are listed, more of them move a configuration's place
        trials.assign(place=trials["trial"].where(trials["method"] != "seeds", 0))
        for trials in (own, recorded)
    )
    known = recorded[[*_SAME_TRIAL, *_SCORES]].drop_duplicates(_SAME_TRIAL)
    both = own.merge(known, on=_SAME_TRIAL, how="left", suffixes=("", "_known"), indicator=True)
    same = both["_merge"] == "both"
    for score in _SCORES:
        same &= both[score].eq(both[f"{score}_known"]) | both[score].isna()
    return same


def _settings(profile: Profile, section: str, plan: StudyPlan) -> dict:
    """Return the section without what the plan changes, as JSON has it."""
    settings = getattr(profile, section).model_dump(mode="json")
    return {name: value for name, value in settings.items() if name not in plan.changes}
