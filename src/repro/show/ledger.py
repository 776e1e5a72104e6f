"""The ledger of claims as a table, and as `claims.json` of a notebook or of a whole profile."""

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from repro import __version__
from repro.labels import EVIDENCE_LABELS, label
from repro.show.table import NOTHING, Table, number, typeset
from repro.stats.decisions import BY_CONSTRUCTION, FAILS, HOLDS, NOT_TESTABLE, UNDECIDED
from repro.stats.ledger import Answer, judge, load_claims

FILE = "claims.json"
GLYPHS = {HOLDS: "✓", FAILS: "✗", UNDECIDED: "?", BY_CONSTRUCTION: "=", NOT_TESTABLE: NOTHING}
_NUMBERS = ("estimate", "low", "high", "claimed_low", "claimed_high", "published_value")
_FORMS = {"points": "+.2f", "percent": ".0f", "cases": ".0f", "trials": ".1f"}


def chapter_rows(answers: Sequence[Answer]) -> pd.DataFrame:
    """Judge answers; return the ledger's rows of the chapters that they come from.

    Returns:
        as `stats.ledger.judge`, with the claim's sentence, section and published_value.
    """
    claims = load_claims()
    chapters = set(claims.loc[[answer.claim for answer in answers], "chapter"])
    rows = judge(answers, claims).join(claims[["claim", "section", "published_value"]], on="id")
    return rows[rows["id"].map(claims["chapter"]).isin(chapters)].reset_index(drop=True)


def ledger_table(rows: pd.DataFrame, *, note: str = "") -> Table:
    """Set each claim beside the verdict on it.

    Args:
        rows: from `chapter_rows`, or of a `claims.json`.
        note: where the numbers come from.
    """
    caption = (
        "The sources' claims and the verdicts on them. Intervals are of 95 %; a verdict is "
        f"corrected for all claims of its source. {note}"
    )
    columns = {
        "verdict": ("verdict", lambda word: f"{GLYPHS[word]} {word}"),
        "claim": "claim",
        "evidence": (["evidence", "scale"], lambda e, s: NOTHING if pd.isna(e) else f"{e} ({s})"),
        "published": (["published_value", "unit"], value_text),
        "estimate": (["estimate", "low", "high", "unit"], estimate_text),
        "why": "reason",
        "would decide it": (["runs_needed", "counted"], further_text),
    }
    return Table.of(rows, name="claims", caption=caption, columns=columns)


def summary(rows: pd.DataFrame) -> str:
    """Count the verdicts in one sentence."""
    counts = rows["verdict"].value_counts()
    parts = [f"{counts[word]} {word}" for word in GLYPHS if word in counts]
    return f"{len(rows)} verdicts: {', '.join(parts)}." if parts else "No claim was judged."


def in_words(rows: pd.DataFrame) -> str:
    """Say each verdict in one line of Markdown.

    Args:
        rows: as for `ledger_table`.
    """
    lines = []
    for row in rows.itertuples():
        value = estimate_text(row.estimate, row.low, row.high, row.unit)
        known = "" if value == NOTHING else f"{value.replace('[', '(95% interval ', 1)}; "
        evidence = label(row.evidence, EVIDENCE_LABELS) if isinstance(row.evidence, str) else ""
        start = f"**{row.verdict.capitalize()}**{f' ({evidence})' if evidence else ''}"
        text = typeset(f"{start}: {row.claim} {known.replace(']', ')', 1)}{row.reason}.")
        lines.append(f"- {text}")
    return "\n".join(lines)


def write_claims(folder: Path, rows: pd.DataFrame, **about: str) -> None:
    """Write `claims.json`: what made the rows, and the rows; a number that is missing is null.

    Args:
        about: added to each row, such as its notebook and the command that makes it.
    """
    frame = rows.assign(**about, version=__version__)
    clean = [{k: _plain(v) for k, v in row.items()} for row in frame.to_dict("records")]
    text = json.dumps({"rows": clean}, indent=1, ensure_ascii=False, allow_nan=False)
    (folder / FILE).write_text(text + "\n", encoding="utf-8")


def read_claims(path: Path) -> pd.DataFrame:
    """Read the rows of a `claims.json`.

    Raises:
        ValueError: if it is not one.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        frame = pd.DataFrame(rows)
        frame = frame.reindex(columns=list(dict.fromkeys([*frame, *_NUMBERS])))
        return frame.astype({"id": str} | dict.fromkeys(_NUMBERS, float))
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(
            f"{path} must be a ledger of claims, but is not; remove it and run the notebook again"
        ) from None


def collect_claims(directory: Path) -> pd.DataFrame:
    """Join the ledgers of all notebooks of a profile, with the claims that none of them judges.

    Args:
        directory: figures/<profile>; its own `claims.json` is written. Of a claim that two of its
            notebooks judge on one kind of evidence the later one's verdict stands: it replays
            recorded trials by the thousand, where the other has a few live runs.
    """
    parts = [read_claims(path) for path in sorted(directory.glob(f"*/{FILE}"))]
    claims = load_claims()
    judged = {claim for part in parts for claim in part["id"]}
    others = judge([], claims).join(claims[["claim", "section", "published_value"]], on="id")
    others = others[~others["id"].isin(judged)].assign(notebook="", command="", data="")
    place = {claim: number for number, claim in enumerate(claims["id"])}
    rows = pd.concat([*parts, others], ignore_index=True)
    answered = set(rows.loc[rows["evidence"].notna(), "id"])
    rows = rows[rows["evidence"].notna() | ~rows["id"].isin(answered)]
    rows = rows.drop_duplicates(["id", "evidence"], keep="last")
    rows = rows.sort_values("id", key=lambda ids: ids.map(place), kind="stable", ignore_index=True)
    write_claims(directory, rows)
    return rows


def value_text(value: float, unit: str) -> str:
    """Write a claim's value with its unit."""
    if pd.isna(value):
        return NOTHING
    return f"{number(value, _FORMS.get(unit, '.3g'))} {unit}".strip()


def estimate_text(value: float, low: float, high: float, unit: str) -> str:
    """Write an estimate with its 95% interval and its unit."""
    form = _FORMS.get(unit, ".3g")
    if pd.isna(value):
        return NOTHING
    interval = "" if pd.isna(low) else f" [{number(low, form)}, {number(high, form)}]"
    return f"{number(value, form)}{interval} {unit}".strip()


def further_text(needed: object, counted: object) -> str:
    """Say how many further runs would decide a claim, or why none would."""
    if isinstance(needed, str):
        return needed
    return "" if pd.isna(needed) else f"{needed:,.0f} further {counted}"


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value.item() if hasattr(value, "item") else value
