"""Trials of any tool as one tidy frame, with what was left out and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from repro.judging.columns import (
    SHARES,
    STATUS,
    find_direction,
    find_hyperparameters,
    find_score,
    find_test_score,
    hyperparameter_name,
    is_prefixed,
    is_seed,
    key,
)
from repro.names import suggest_name

MOST_BYTES = 500_000_000  # of a file that is read
_OURS = {*"trial status score test_score seed configuration n variance first".split()}
ENDED = ("completed", "stopped")
_IDS = ("trial_id", "trial", "number", "id", "run_id", "name")


@dataclass(frozen=True)
class Trials:
    """One search.

    Args:
        frame: one row a trial in the order of starting: trial, status (completed, stopped, failed,
            running), score and test_score (larger is better, a loss negated; NaN where there is
            none), seed, configuration (a number; the same for repetitions), hyperparameters.
        hyperparameters: their columns.
        score: the name of what was optimised.
        sign: 1, or -1 for a loss.
        domains: hyperparameter -> (low, high) where the tool says what might be drawn.
        notes: what was left out or supposed, one sentence each.
    """

    frame: pd.DataFrame
    hyperparameters: tuple[str, ...]
    score: str
    sign: int = 1
    domains: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def scored(self) -> pd.DataFrame:
        """The trials with a score that have ended."""
        return self.frame[self.frame["score"].notna() & self.frame["status"].isin(ENDED)]

    @property
    def is_share(self) -> bool:
        """Whether the score is a share of right (or wrong) answers."""
        return bool(SHARES & set(key(self.score).split("_")))


def as_trials(
    frame: pd.DataFrame,
    *,
    score: str | None = None,
    test: str | None = None,
    direction: str | None = None,
    hyperparameters: Sequence[str] | None = None,
    where: Mapping[str, object] | None = None,
    domains: Mapping[str, tuple[float, float]] | None = None,
    notes: Iterable[str] = (),
) -> Trials:
    """Read a table of trials, one row a trial.

    Args:
        score, test, hyperparameters: columns; found by their usual names where not given.
        direction: "maximize" or "minimize"; told from the score's name where not given.
        where: column -> the value, or list of values, that its rows must have, to judge a part.
    Raises:
        ValueError: if what must be known cannot be told from the table.
    """
    frame = select(frame, where).reset_index(drop=True)
    for column in (c for c in frame if key(c) in ("task", "dataset")):
        if frame[column].nunique() > 1 and column not in (hyperparameters or ()):
            raise ValueError(
                f"the trials must be of one task, but `{column}` has {frame[column].nunique()}; "
                f"choose with where={{'{column}': ...}}"
            )
    score = _column(frame, score, "score") or find_score(frame.columns)
    test = _column(frame, test, "test") or find_test_score(frame.columns, score)
    sign, notes = find_direction(score, _one_direction(frame, direction)), list(notes)
    apart = {score, test, *(where or ())}
    names = [c for c in find_hyperparameters(frame.columns, hyperparameters) if c not in apart]
    tidy = pd.DataFrame({"trial": _ids(frame), "status": _statuses(frame)})
    tidy["score"] = sign * _numbers(frame, score)
    tidy["test_score"] = sign * _numbers(frame, test) if test else np.nan
    seeds = [c for c in frame if is_seed(c) and c not in names]
    tidy["seed"] = frame[seeds].astype(str).agg(" ".join, axis=1) if seeds else ""
    renamed = [hyperparameter_name(name) for name in names]
    if len(set(renamed)) < len(renamed):  # such as lr beside learning_rate
        renamed = list(map(str, names))
    renamed = [f"{name}_" if name in _OURS else name for name in renamed]
    for name, column in zip(renamed, names, strict=True):
        values, numbers = frame[column], pd.to_numeric(frame[column], errors="coerce")
        if values.dtype != bool and numbers.notna().equals(values.notna()):
            tidy[name] = numbers.astype(float)
        else:
            tidy[name] = values.astype(str).where(values.notna())
    tidy, notes = _without_copies(tidy, renamed, notes)
    tidy.loc[tidy["score"].isna() & (tidy["status"] == "completed"), "status"] = "failed"
    rounded = [tidy[n].map("{:.9g}".format) if tidy[n].dtype == float else tidy[n] for n in renamed]
    tidy["configuration"] = range(len(tidy))  # each its own, where no hyperparameter is known
    if renamed:
        groups = pd.concat(rounded, axis=1).groupby(renamed, sort=False, dropna=False)
        tidy["configuration"] = groups.ngroup()
    ignored = {*_IDS, "status", "state"}
    unused = [str(c) for c in frame if c not in {*names, *apart, *seeds} and key(c) not in ignored]
    if unused and hyperparameters is None and not any(map(is_prefixed, names)):
        more = f" and {len(unused) - 8} more" if len(unused) > 8 else ""
        notes.append(f"Columns taken for no hyperparameter: {', '.join(unused[:8])}{more}.")
    domains = {hyperparameter_name(name): ends for name, ends in (domains or {}).items()}
    notes += _left_out(tidy, score)
    return Trials(tidy, tuple(renamed), str(score), sign, domains, tuple(notes))


def _left_out(tidy: pd.DataFrame, score: str) -> list[str]:
    """Say what is not judged."""
    status, has_score = tidy["status"], tidy["score"].notna()
    if not (has_score & status.isin(ENDED)).any():
        counts = status.value_counts().to_dict()
        raise ValueError(
            f"at least one trial must have ended with a score `{score}`, but none has: "
            f"{counts or 'no trials at all'}"
        )
    notes = []
    for word, what in (("failed", "Failed or without a score"), ("running", "Still running")):
        if n := int((status == word).sum()):
            notes.append(f"{what}: {n} of {len(status)} trials, counted but not judged.")
    if n := int((has_score & (status == "stopped")).sum()):
        notes.append(f"Stopped early: {n} trials; each stands with the score that it had then.")
    return notes


def select(frame: pd.DataFrame, where: Mapping[str, object] | None) -> pd.DataFrame:
    """Return the rows that have these values, or one of a list of them, in these columns."""
    for column, value in (where or {}).items():
        _column(frame, column, "where")
        known = frame[column].drop_duplicates().tolist()
        frame = frame[frame[column].isin(value if isinstance(value, list) else [value])]
        if not len(frame):
            raise ValueError(f"`where` must leave some trials, but {column} is among {known[:20]}")
    return frame


def _column(frame: pd.DataFrame, name: str | None, what: str) -> str | None:
    if name is not None and name not in frame:
        near = suggest_name(name, map(str, frame.columns))
        raise ValueError(f"`{what}` must name a column, but got {name!r}{near}; "
                         f"there are {list(map(str, frame.columns))}")  # fmt: skip
    return name


def _one_direction(frame: pd.DataFrame, direction: str | None) -> str | None:
    """Return the direction asked for, or that of the column of directions."""
    columns = [c for c in frame if key(c) in ("direction", "mode")]
    if direction is None and columns:
        known = frame[columns[0]].dropna().astype(str).str.lower().str[:3].unique()
        if len(known) > 1:
            raise ValueError(
                f"all trials must have one direction, but `{columns[0]}` has {sorted(known)}; "
                "judge them apart with where=..., or give direction="
            )
        direction = f"{known[0]}imize" if len(known) else None
    return direction


def _ids(frame: pd.DataFrame) -> pd.Series:
    by_key = {key(column): column for column in frame}
    ids = [by_key[name] for name in _IDS if name in by_key and frame[by_key[name]].is_unique]
    ids += [by_key[name] for name in _IDS[:4] if name in by_key]
    return frame[ids[0]].astype(str) if ids else pd.Series(frame.index.astype(str), frame.index)


def _statuses(frame: pd.DataFrame) -> pd.Series:
    columns = [c for c in frame if key(c) in ("status", "state")]
    if not columns:
        return pd.Series("completed", frame.index)
    words = frame[columns[0]].astype(str).map(lambda v: key(v.rpartition(".")[2]))
    if unknown := sorted(set(words) - set(STATUS)):
        raise ValueError(f"`{columns[0]}` must be among {sorted(STATUS)}, but got {unknown}")
    return words.map(STATUS)


def _numbers(frame: pd.DataFrame, column: str) -> pd.Series:
    values = pd.to_numeric(frame[column], errors="coerce").astype(float)
    nothing = frame[column].astype(str).str.lower().isin(["nan", "", "none", "null", "infinity"])
    texts = frame[column].notna() & values.isna() & ~nothing
    if texts.any():
        raise ValueError(
            f"`{column}` must hold numbers, but row {int(np.argmax(texts))} holds "
            f"{frame[column][texts].iloc[0]!r}"
        )
    return values.replace([np.inf, -np.inf], np.nan)


def _without_copies(tidy: pd.DataFrame, names: list[str], notes: list[str]):
    """Drop rows that are there twice; refuse two different rows of one trial."""
    copies = tidy.duplicated()
    again = tidy[~copies]
    if again["trial"].duplicated().any():
        name = again.loc[again["trial"].duplicated(), "trial"].iloc[0]
        raise ValueError(
            f"each trial must be one row, but {name!r} has several that differ; "
            "keep one evaluation a trial, or one tuning run with where=..."
        )
    known = (again["seed"] != "") & again["score"].notna() & bool(names)
    same = known & again.duplicated([*names, "seed", "score"])
    if n := int(copies.sum() + same.sum()):
        notes = [*notes, f"Left out: {n} rows that repeat a trial with the same seed or id."]
    return again[~same].reset_index(drop=True), notes


def check_readable(path: Path) -> Path:
    """Return a file that may be read.

    Raises:
        ValueError: of a pickle, an archive and a large file, before anything of it is loaded.
    """
    if path.suffix.lower() in (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".ckpt"):
        raise ValueError(
            f"{path} must not be a pickle, which can run code when loaded; write a CSV file"
        )
    if path.suffix.lower() in (".zip", ".gz", ".bz2", ".xz", ".tar", ".tgz", ".zst", ".7z"):
        raise ValueError(f"{path} must not be an archive; unpack it and name what is inside")
    if (size := path.stat().st_size) > MOST_BYTES:
        raise ValueError(
            f"{path} must be at most {MOST_BYTES:,} bytes, but is {size:,}; take fewer columns"
        )
    return path
