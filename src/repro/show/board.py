"""The verdict board: what holds, at a glance. `templates/board.html` draws it."""

import math
import re
from collections import Counter
from pathlib import Path

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape  # which jinja2 brings along

from repro.labels import EVIDENCE_LABELS, SOURCE_LABELS, in_number, in_order, label
from repro.show.cells import in_paper_order
from repro.show.ledger import GLYPHS, estimate_text, further_text, value_text
from repro.show.table import Table, typeset
from repro.stats.decisions import (
    BY_CONSTRUCTION,
    FAILS,
    HOLDS,
    NOT_TESTABLE,
    UNDECIDED,
    VERDICTS,
)

COLOURS = {HOLDS: "#2166ac", FAILS: "#b2182b"}
BOTH = "holds and does not hold"
DECIDED, OPEN = (HOLDS, FAILS, BOTH), (UNDECIDED,)
CLOSED = (BY_CONSTRUCTION, NOT_TESTABLE)
_WIDTH, _LINE = 240, 18  # pixels: of a forest row, and the height of one kind of evidence in it


def _markdown(text: str) -> Markup:
    """Write a sentence with **bold** and `code` as HTML."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", str(escape(typeset(text))))
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", text))


TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
)
TEMPLATES.filters |= {"markdown": _markdown, "typeset": typeset}


def overview(rows: pd.DataFrame) -> str:
    """Say in a paragraph how many claims hold, by kind of evidence.

    Args:
        rows: of a `claims.json`: one row a claim and evidence.
    """
    if rows.empty:
        return "No claim was judged yet."
    n = Counter(_outcomes(rows))
    disagree = f", and for {n[BOTH]} the kinds of evidence disagree" if n[BOTH] else ""
    parts = []
    for evidence in in_order(rows["evidence"].dropna(), EVIDENCE_LABELS):
        part = rows[(rows["evidence"] == evidence) & ~rows["verdict"].isin(CLOSED)]
        scale = " (toy scale)" if (part["scale"] == "toy").all() and len(part) else ""
        n_decided = int(part["verdict"].isin(DECIDED).sum())
        parts.append(f"{n_decided} of {len(part)} by {_EVIDENCE.get(evidence, evidence)}{scale}")
    return typeset(
        f"{in_number(n.total(), 'claim')} of {in_number(rows['source'].nunique(), 'source')}: "
        f"**{n[HOLDS]} hold{'s' * (n[HOLDS] == 1)}, "
        f"{n[FAILS]} do{'es' * (n[FAILS] == 1)} not hold, "
        f"{n[UNDECIDED]} {'is' if n[UNDECIDED] == 1 else 'are'} undecided**{disagree}; "
        f"{n[BY_CONSTRUCTION]} could not have come out otherwise and {n[NOT_TESTABLE]} cannot be "
        f"tested here. Decided: {', '.join(parts)}."
    )


_EVIDENCE = {
    "published": "the printed numbers, analysed again",
    "miniature": "the miniature's runs",
    "recorded": "recorded curves of large models",
    "own run": "runs of your own",
}


def _outcomes(rows: pd.DataFrame) -> pd.Series:
    """Return of each claim the firmest verdict, or BOTH where one evidence contradicts another."""
    words = rows.groupby("id")["verdict"].agg(set)
    return words.map(lambda w: BOTH if {HOLDS, FAILS} <= w else min(w, key=VERDICTS.index))


def by_source(rows: pd.DataFrame) -> list[str]:
    """Say for each source of which a claim could be tested how many of its claims came out how."""
    lines = []
    for source in in_order(rows["source"], SOURCE_LABELS):
        n = Counter(_outcomes(rows[rows["source"] == source]))
        if not {*n} <= {*CLOSED}:
            text = f"**{label(source, SOURCE_LABELS)}**, {in_number(n.total(), 'claim')}: "
            text += f"{n[HOLDS] + n[BOTH]} hold, {n[FAILS] + n[BOTH]} do not, "
            lines.append(f"{text}{n[UNDECIDED]} undecided")
    return lines


def counts_table(rows: pd.DataFrame) -> Table:
    """Count the verdicts by source and evidence."""
    counted = rows.assign(evidence=rows["evidence"].fillna("none"))
    data = pd.crosstab([counted["source"], counted["evidence"]], counted["verdict"])
    data = data.reindex(columns=list(GLYPHS), fill_value=0).reset_index()
    columns = {
        "source": ("source", lambda name: label(name, SOURCE_LABELS)),
        "evidence": ("evidence", lambda name: label(name, EVIDENCE_LABELS)),
        **{f"{glyph} {word}": (word, "d") for word, glyph in GLYPHS.items()},
    }
    return Table.of(
        in_paper_order(data, ["source", "evidence"]),
        name="verdicts",
        caption="How many claims of each source came out how, on each kind of evidence.",
        columns=columns,
        blocks="source",
    )


def claim_groups(rows: pd.DataFrame) -> list[dict]:
    """Sort the claims into those decided, open and closed, and these by source."""
    rows = rows.assign(evidence=rows["evidence"].fillna(""))
    outcomes, groups = _outcomes(rows), []
    for verdicts, title in (
        (DECIDED, "Decided"),
        (OPEN, "Undecided: the data allow the claim and its opposite"),
        (CLOSED, "True by construction, or not testable here"),
    ):
        ids = outcomes.index[outcomes.isin(verdicts)]
        chosen = dict(list(rows[rows["id"].isin(ids)].groupby("source")))
        sources = {
            label(name, SOURCE_LABELS): [
                _claim(claim) for _, claim in chosen[name].groupby("id", sort=False)
            ]
            for name in in_order(chosen, SOURCE_LABELS)
        }
        if sources:
            is_open = verdicts == DECIDED
            groups.append({"title": title, "n": len(ids), "sources": sources, "open": is_open})
    return groups


def _claim(claim: pd.DataFrame) -> dict:
    first, verdicts = claim.iloc[0], []
    for row in claim.to_dict("records"):
        evidence = label(row["evidence"], EVIDENCE_LABELS)
        value = estimate_text(row["estimate"], row["low"], row["high"], row["unit"])
        further = further_text(row["runs_needed"], row["counted"])
        why = f"{evidence}: {value}; {row['reason']}".removeprefix(": –; ")
        why += f"; would decide it: {further}" if further else ""
        look = {"glyph": GLYPHS[row["verdict"]], "colour": _colour(row), "why": why}
        known = {name: row[name] for name in ("verdict", "notebook")}
        verdicts.append(known | look | {"evidence": evidence})
    section = str(first["section"])
    kind = "sec. " if section[:1].isdigit() else "app. " if re.match(r"[A-Z]\.", section) else ""
    place = f"({kind}{section})" if section else ""
    about = {"id": first["id"], "text": first["claim"], "place": place}
    return about | {"verdicts": verdicts, "forest": forest(claim)}


def _colour(row: dict) -> str:
    return COLOURS.get(row["verdict"], "#6e6e6e")


def forest(claim: pd.DataFrame) -> dict | None:
    """Lay out one claim's evidence on one scale, a line a kind of evidence; None without any.

    What the claim allows is shaded; a tick is the published value; an interval that is longer
    than the rest of the picture ends in an arrow.

    Args:
        claim: the ledger's rows of one claim.
    """
    shown = claim[claim["estimate"].notna()]
    if shown.empty:
        return None
    first, unit = shown.iloc[0], shown["unit"].iloc[0]
    shown = shown[shown["unit"] == unit]  # another unit has another scale
    ends = [first["claimed_low"], first["claimed_high"]]
    printed = first["published_value"]
    fixed = [v for v in (*shown["estimate"], printed, *ends) if pd.notna(v) and math.isfinite(v)]
    span = (max(fixed) - min(fixed)) or abs(fixed[0]) or 1.0
    drawn = [*fixed, *shown["low"].dropna(), *shown["high"].dropna()]
    low = max(min(drawn), min(fixed) - span) - 0.08 * span
    high = min(max(drawn), max(fixed) + span) + 0.08 * span

    def x(value: float) -> float:
        return round(_WIDTH * (min(max(value, low), high) - low) / (high - low), 1)

    inner = [end for end in ends if pd.notna(end) and math.isfinite(end)]
    bounds = [x(end) for end in inner]
    left, right = (x(e if e in inner else edge) for e, edge in zip(ends, (low, high), strict=True))
    labels = [(x(end), value_text(end, unit)) for end in inner]
    if len(inner) == 2 and bounds[1] - bounds[0] < 0.4 * _WIDTH:  # no room for two
        text = f"{value_text(inner[0], '')} to {value_text(inner[1], unit)}"
        labels = [(sum(bounds) / 2, text)]
    lines, texts = [], []
    for place, row in enumerate(shown.to_dict("records")):
        line = {"y": _LINE * (place + 0.5), "at": x(row["estimate"]), "colour": _colour(row)}
        line |= {"hollow": row["evidence"] == "published", "ends": (), "arrows": []}
        if row["low"] < row["high"]:
            line["ends"] = x(row["low"]), x(row["high"])
            line["arrows"] += [(x(low), 6)] if row["low"] < low else []
            line["arrows"] += [(x(high), -6)] if row["high"] > high else []
        lines.append(line)
        value = estimate_text(row["estimate"], row["low"], row["high"], unit)
        texts.append(f"{label(row['evidence'], EVIDENCE_LABELS)} {value}")
    return {
        "width": _WIDTH,
        "height": _LINE * len(shown),
        "title": typeset("; ".join(texts)),
        "claimed": (left, round(max(right - left, 1.5), 1)),
        "bounds": bounds,
        "printed": x(printed) if pd.notna(printed) else None,
        "lines": lines,
        "labels": labels,
    }
