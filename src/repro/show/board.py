"""The verdict board: what holds, at a glance, as HTML that needs nothing but itself."""

import html
import math
import re

import pandas as pd

from repro.labels import EVIDENCE_LABELS, SOURCE_LABELS, in_order, label
from repro.show.ledger import GLYPHS, estimate_text, further_text, value_text
from repro.show.table import Table, typeset
from repro.stats.decisions import BY_CONSTRUCTION, FAILS, HOLDS, NOT_TESTABLE, UNDECIDED

COLOURS = {HOLDS: "#2166ac", FAILS: "#b2182b", UNDECIDED: "#6e6e6e"}
DECIDED, OPEN, CLOSED = (HOLDS, FAILS), (UNDECIDED,), (BY_CONSTRUCTION, NOT_TESTABLE)
# pixels: of a forest row; the height of one kind of evidence in it, and of a bound's value below
_WIDTH, _LINE, _LABEL = 240, 18, 12


def overview(rows: pd.DataFrame) -> str:
    """Say in a paragraph how many claims hold, by kind of evidence.

    Args:
        rows: of a `claims.json`: one row a claim and evidence.
    """
    if rows.empty:
        return "No claim was judged yet."
    words = rows.groupby("id")["verdict"].agg(set)
    holds, fails = (words.map(lambda w, word=word: word in w) for word in DECIDED)
    both = holds & fails
    given = words.map(lambda w: w <= {*CLOSED})
    n_open = int((~given & ~holds & ~fails).sum())
    n_holds, n_fails = int((holds & ~both).sum()), int((fails & ~both).sum())
    text = f"{_count(len(words), 'claim')} of {_count(rows['source'].nunique(), 'source')}: "
    text += (
        f"**{n_holds} hold{'s' * (n_holds == 1)}, {n_fails} do{'es' * (n_fails == 1)} not hold, "
    )
    text += f"{n_open} {'is' if n_open == 1 else 'are'} undecided**"
    text += f", and for {both.sum()} the kinds of evidence disagree" if both.any() else ""
    n_true = int((given & words.map(lambda w: BY_CONSTRUCTION in w)).sum())
    text += f"; {n_true} could not have come out otherwise and {given.sum() - n_true} cannot be "
    text += "tested here. "
    parts = []
    for evidence in in_order(rows["evidence"].dropna(), EVIDENCE_LABELS):
        part = rows[(rows["evidence"] == evidence) & ~rows["verdict"].isin(CLOSED)]
        scale = " (toy scale)" if (part["scale"] == "toy").all() and len(part) else ""
        n = int(part["verdict"].isin(DECIDED).sum())
        parts.append(f"{n} of {len(part)} by {_EVIDENCE.get(evidence, evidence)}{scale}")
    return typeset(f"{text}Decided: {', '.join(parts)}.")


_EVIDENCE = {
    "published": "the printed numbers, analysed again",
    "miniature": "the miniature's runs",
    "recorded": "recorded curves of large models",
    "own run": "runs of your own",
}


def by_source(rows: pd.DataFrame) -> list[str]:
    """Say for each source of which a claim could be tested how many of its claims came out how."""
    lines = []
    for source in in_order(rows["source"], SOURCE_LABELS):
        words = rows[rows["source"] == source].groupby("id")["verdict"].agg(set)
        holds, fails, unsure = (words.map(lambda w, k=k: k in w).sum() for k in (*DECIDED, *OPEN))
        if not holds + fails + unsure:
            continue
        text = f"**{label(source, SOURCE_LABELS)}**, {_count(len(words), 'claim')}: {holds} hold, "
        lines.append(f"{text}{fails} do not, {unsure - _also(words)} undecided")
    return lines


def _also(words: pd.Series) -> int:
    """Count the claims that one kind of evidence decides and another leaves open."""
    return int(words.map(lambda w: UNDECIDED in w and bool(w & {*DECIDED})).sum())


def counts_table(rows: pd.DataFrame) -> Table:
    """Count the verdicts by source and evidence."""
    counted = rows.assign(evidence=rows["evidence"].fillna("none"))
    data = pd.crosstab([counted["source"], counted["evidence"]], counted["verdict"])
    data = data.reindex(columns=list(GLYPHS), fill_value=0).reset_index()
    orders = {"source": SOURCE_LABELS, "evidence": EVIDENCE_LABELS}
    data = data.sort_values(
        ["source", "evidence"],
        key=lambda column: column.map(in_order(column, orders[column.name]).index),
    )
    columns = {
        "source": ("source", lambda name: label(name, SOURCE_LABELS)),
        "evidence": ("evidence", lambda name: label(name, EVIDENCE_LABELS)),
        **{f"{glyph} {word}": (word, "d") for word, glyph in GLYPHS.items()},
    }
    caption = "How many claims of each source came out how, on each kind of evidence."
    return Table.of(data, name="verdicts", caption=caption, columns=columns, blocks="source")


def board(rows: pd.DataFrame) -> str:
    """Write every claim as a row: its verdicts, its intervals, and links to the evidence.

    Decided claims come first and open, the others folded, by source.
    """
    words = rows.groupby("id")["verdict"].agg(set)
    parts = [_KEY]
    for group, title, is_open in (
        (DECIDED, "Decided", True),
        (OPEN, "Undecided: the data allow the claim and its opposite", False),
        (CLOSED, "True by construction, or not testable here", False),
    ):
        ids = words.index[words.map(lambda w, group=group: bool(w & set(group)))]
        words = words.drop(ids)
        chosen = rows[rows["id"].isin(ids)]
        if chosen.empty:
            continue
        sources = in_order(chosen["source"], SOURCE_LABELS)
        body = "\n".join(_of_source(chosen, name) for name in sources)
        head = f"<summary>{title} ({chosen['id'].nunique()})</summary>"
        parts.append(f"<details{' open' if is_open else ''}>{head}\n{body}</details>")
    return "\n".join(parts)


def _of_source(rows: pd.DataFrame, source: str) -> str:
    claims = rows[rows["source"] == source].groupby("id", sort=False)
    items = "\n".join(_row(group) for _, group in claims)
    return f'<h4>{html.escape(label(source, SOURCE_LABELS))}</h4>\n<ul class="board">{items}</ul>'


def _row(claim: pd.DataFrame) -> str:
    first = claim.iloc[0]
    lines = "".join(_verdict(row) for row in claim.to_dict("records"))
    place = f" <small>{html.escape(_place(str(first['section'])))}</small>"
    return (
        f'<li id="claim-{html.escape(first["id"])}"><div class="verdicts">{lines}</div>'
        f"<div>{html.escape(typeset(first['claim']))}{place}{_why(claim)}</div>"
        f"{forest(claim)}</li>"
    )


def _place(section: str) -> str:
    kind = "sec. " if section[:1].isdigit() else "app. " if re.match(r"[A-Z]\.", section) else ""
    return f"({kind}{section})" if section else ""


def _verdict(row: dict) -> str:
    word, evidence = row["verdict"], row["evidence"]
    colour = COLOURS.get(word, "#6e6e6e")
    source = label(evidence, EVIDENCE_LABELS) if isinstance(evidence, str) else "no evidence"
    if isinstance(evidence, str) and row["notebook"]:
        source = f'<a href="#{html.escape(row["notebook"])}-claims">{html.escape(source)}</a>'
    mark = f'<b style="color:{colour}">{GLYPHS[word]} {html.escape(word)}</b>'
    return f"<span>{mark} {source}</span>"


def _why(claim: pd.DataFrame) -> str:
    lines = []
    for row in claim.to_dict("records"):
        evidence = row["evidence"] if isinstance(row["evidence"], str) else ""
        value = estimate_text(row["estimate"], row["low"], row["high"], row["unit"])
        further = further_text(row["runs_needed"], row["counted"])
        text = f"{label(evidence, EVIDENCE_LABELS)}: {value}; {row['reason']}"
        text += f"; would decide it: {further}" if further else ""
        lines.append(f"<li>{html.escape(typeset(text.removeprefix(': –; ')))}</li>")
    return f"<details><summary>numbers and reason</summary><ul>{''.join(lines)}</ul></details>"


def forest(claim: pd.DataFrame) -> str:
    """Draw one claim's evidence on one scale as SVG: a line a kind of evidence.

    What the claim allows is shaded; a tick is the published value; an interval that is longer
    than the rest of the picture ends in an arrow.

    Args:
        claim: the ledger's rows of one claim; nothing is drawn where none has an estimate.
    """
    shown = claim[claim["estimate"].notna()]
    if shown.empty:
        return '<div class="forest nothing">no estimate</div>'
    first, unit = shown.iloc[0], shown["unit"].iloc[0]
    shown = shown[shown["unit"] == unit]  # another unit has another scale
    ends = [first["claimed_low"], first["claimed_high"]]
    fixed = [*shown["estimate"], first["published_value"], *ends]
    fixed = [v for v in fixed if pd.notna(v) and math.isfinite(v)]
    span = (max(fixed) - min(fixed)) or abs(fixed[0]) or 1.0
    drawn = [v for v in [*shown["low"], *shown["high"]] if pd.notna(v)]
    low = max(min([*fixed, *drawn]), min(fixed) - span) - 0.08 * span
    high = min(max([*fixed, *drawn]), max(fixed) + span) + 0.08 * span

    def x(value: float) -> float:
        return round(_WIDTH * (min(max(value, low), high) - low) / (high - low), 1)

    height, parts = _LINE * len(shown), []
    inner = [e for e in ends if pd.notna(e) and math.isfinite(e)]
    if inner:
        left, right = (x(e) if e in inner else x(s) for e, s in zip(ends, (low, high), strict=True))
        box = f'x="{left}" width="{max(right - left, 1.5):.1f}" height="{height}"'
        parts.append(f'<rect {box} class="claimed"/>')
    parts += [f'<path d="M{x(end)} 0V{height}" class="bound"/>' for end in inner]
    if pd.notna(first["published_value"]):
        parts.append(f'<path d="M{x(first["published_value"])} 0v{height}" class="printed"/>')
    for place, row in enumerate(shown.to_dict("records")):
        parts.append(_evidence_line(row, x, _LINE * (place + 0.5), ends=(low, high)))
    texts = [
        f"{label(r['evidence'], EVIDENCE_LABELS)} "
        f"{estimate_text(r['estimate'], r['low'], r['high'], r['unit'])}"
        for r in shown.to_dict("records")
    ]
    title = html.escape(typeset("; ".join(texts)))
    if len(inner) == 2 and x(inner[1]) - x(inner[0]) < 0.4 * _WIDTH:  # no room for two
        text = f"{value_text(inner[0], '')} to {value_text(inner[1], unit)}"
        parts.append(_bound_label(text, (x(inner[0]) + x(inner[1])) / 2, height))
    else:
        parts += [_bound_label(value_text(end, unit), x(end), height) for end in inner]
    return (
        f'<div class="forest"><svg viewBox="0 0 {_WIDTH} {height + _LABEL}" role="img" '
        f'aria-label="{title}"><title>{title}</title>{"".join(parts)}</svg></div>'
    )


def _bound_label(text: str, at: float, height: float) -> str:
    side = "start" if at < 0.25 * _WIDTH else "end" if at > 0.75 * _WIDTH else "middle"
    text = html.escape(typeset(text.replace("+", "")))
    return f'<text x="{at}" y="{height + _LABEL - 2}" text-anchor="{side}">{text}</text>'


def _evidence_line(row: dict, x, y: float, *, ends: tuple[float, float]) -> str:
    colour, at = COLOURS.get(row["verdict"], "#6e6e6e"), x(row["estimate"])
    line = ""
    if pd.notna(row["low"]) and row["low"] < row["high"]:
        tips = [(row["low"] < ends[0], x(ends[0]), 6), (row["high"] > ends[1], x(ends[1]), -6)]
        arrows = "".join(
            f"M{tip + by} {y - 4}L{tip} {y}L{tip + by} {y + 4}"
            for beyond, tip, by in tips
            if beyond
        )
        line = (
            f'<path d="M{x(row["low"])} {y}H{x(row["high"])}{arrows}" fill="none" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
    if row["evidence"] == "published":  # hollow, as in all pictures
        corners = f"{at},{y - 5} {at + 5},{y} {at},{y + 5} {at - 5},{y}"
        return (
            f'{line}<polygon points="{corners}" fill="#fff" stroke="{colour}" stroke-width="1.6"/>'
        )
    return f'{line}<circle cx="{at}" cy="{y}" r="4.5" fill="{colour}"/>'


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' * (n != 1)}"


_KEY = (
    '<p class="key"><svg viewBox="0 0 14 14"><polygon points="7,1 13,7 7,13 1,7" fill="#fff" '
    'stroke="#333" stroke-width="1.6"/></svg> printed numbers, analysed again '
    '<svg viewBox="0 0 14 14"><circle cx="7" cy="7" r="5.5" fill="#333"/></svg> own runs '
    '<svg viewBox="0 0 14 14"><rect width="14" height="14" class="claimed"/></svg> where the claim '
    'would be true <svg viewBox="0 0 14 14"><path d="M7 0V14" class="printed"/></svg> the value '
    "that the source prints. Lines are 95% intervals before correction; verdicts are corrected for "
    "all claims of a source.</p>"
)
