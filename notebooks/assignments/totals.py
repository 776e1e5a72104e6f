"""Marks of machine and hand together, less what lateness costs, and into an LMS's own table."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

_KEY = ["student", "assignment"]


@dataclass(frozen=True)
class Lateness:
    """What lateness costs: each day that has begun, after the grace."""

    due: datetime | None = None
    percent_per_day: float = 10.0
    grace_minutes: float = 10.0

    def days(self, handed_in: str) -> int:
        """Return how many days late a submission is; 0 where nothing is due."""
        if self.due is None or not handed_in:
            return 0
        due = self.due if self.due.tzinfo else self.due.replace(tzinfo=UTC)
        minutes = (datetime.fromisoformat(handed_in) - due).total_seconds() / 60
        return math.ceil(minutes / 1440) if minutes > self.grace_minutes else 0

    def share(self, days: int) -> float:
        """Return the share of the points that is left."""
        return max(0.0, 1 - days * self.percent_per_day / 100)


def write_totals(grades: Path, late: Lateness) -> pd.DataFrame:
    """Write totals.csv from grades.csv and the marks given in manual.csv, and return it."""
    table = pd.read_csv(grades / "grades.csv", dtype={"student": str}, keep_default_na=False)
    manual = pd.read_csv(grades / "manual.csv", dtype={"student": str})
    by_hand = manual.dropna(subset="score").groupby(_KEY)[["score", "max_score"]].sum()
    if (by_hand["score"] > by_hand["max_score"]).any():
        who = ", ".join(by_hand.index[by_hand["score"] > by_hand["max_score"]][0])
        raise ValueError(f"marks in manual.csv must not be above max_score, but are for {who}")
    waiting = manual[manual["score"].isna()].groupby(_KEY).size()
    keys = pd.MultiIndex.from_frame(table[_KEY])
    given = by_hand.reindex(keys, fill_value=0.0).reset_index(drop=True)
    table["to_mark"] = waiting.reindex(keys, fill_value=0).to_numpy()
    table["days_late"] = table["handed_in"].map(late.days)
    table["max_score"] += given["max_score"]
    points = (table["score"] + given["score"]) * table["days_late"].map(late.share)
    table["score"] = points.round(2)
    columns = [*_KEY, "status", "score", "max_score", "days_late", "to_mark"]
    table[columns].to_csv(grades / "totals.csv", index=False)
    return table[columns]


def fill_lms(exported: Path, table: pd.DataFrame, assignment: str | None, column: str | None):
    """Fill a column of the table that Moodle or Canvas exported, matched by the student's number.

    Returns:
        the new file, beside the old one.
    Raises:
        ValueError: if the column, the assignment or the numbers are not there.
    """
    lms = pd.read_csv(exported, dtype=str, keep_default_na=False)
    ids = next((c for c in ("Identifier", "ID", "ID number") if c in lms), None)
    if ids is None or column not in lms:
        raise ValueError(
            f"{exported} must have a column Identifier (Moodle) or ID (Canvas) and the --column to "
            f"fill, but has {list(lms)}"
        )
    rows = table[table["assignment"] == assignment]
    if rows.empty:
        raise ValueError(
            f"--assignment must be one of {sorted(table['assignment'].unique())}, got {assignment}"
        )
    scores = {
        re.sub(r".*_", "", who): s for who, s in zip(rows["student"], rows["score"], strict=True)
    }
    numbers = lms[ids].str.extract(r"(\d+)", expand=False)
    if not numbers.isin(list(scores)).any():
        raise ValueError(f"no number in the column {ids} is that of a graded student")
    lms[column] = numbers.map(scores).map("{:g}".format, na_action="ignore").fillna(lms[column])
    path = exported.with_name(f"{exported.stem}-filled.csv")
    lms.to_csv(path, index=False)
    return path
