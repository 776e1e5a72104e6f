"""The page `index.html` of a profile: what holds, then a section a notebook, then all the rest.

It needs nothing but the folder that it lies in, and is the same each time.
"""

import html
import json
import re
from pathlib import Path

import pandas as pd

from repro.show import board
from repro.show.ledger import FILE, read_claims
from repro.show.reference import Comparison
from repro.show.report import ITEMS, read_items
from repro.show.table import typeset

_SUFFIXES = {"table": (".csv", ".tex"), "figure": (".png", ".pdf")}
_EMPTY = "This notebook has shown nothing; run it again."


def write_page(directory: str | Path, comparison: Comparison | None = None) -> Path:
    """Write `index.html` in `directory`: the verdicts, and the tables and figures of its folders.

    Args:
        directory: figures/<profile>; it holds the profile's `claims.json`, and each notebook's
            folder the executed notebook.
        comparison: with the reference; what differs is listed at the end.
    Raises:
        ValueError: if a folder's list of items is not one of ours.
    """
    directory = Path(directory)
    folders = sorted(path.parent for path in directory.glob(f"*/{ITEMS}"))
    path, claims = directory / "index.html", directory / FILE
    rows = read_claims(claims) if claims.is_file() else pd.DataFrame()
    sections = [_verdicts(rows, folders), *map(_section, folders)]
    links = {"verdicts": "What holds", **{folder.name: _title(folder) for folder in folders}}
    if comparison is not None:
        sections.append(_comparison(comparison))
        links["reference"] = "The reference"
    page = _PAGE.format(
        title=f"Does tuning help? Profile {html.escape(directory.resolve().name)}",
        contents="\n".join(f'<a href="#{k}">{html.escape(v)}</a>' for k, v in links.items()),
        sections="\n".join(sections),
        style=_STYLE,
        script=_SCRIPT,
    )
    path.write_text(page, encoding="utf-8")
    return path


def _verdicts(rows: pd.DataFrame, folders: list[Path]) -> str:
    parts = [f"<p>{_markdown(board.overview(rows))}</p>"]
    if not rows.empty:
        lines = "".join(f"<li>{_markdown(line)}</li>" for line in board.by_source(rows))
        about = board.counts_table(rows).to_html(caption=False)
        about = f'<div class="wide">{about}</div>'
        parts.append(f"<ul>{lines}</ul>")
        parts.append(f"<details><summary>by source and evidence</summary>{about}</details>")
    tops = [(f, i) for f in folders for i in read_items(f) if i.get("place") == "top"]
    parts += [_item(*top) for top in tops]
    if not rows.empty:
        parts.append(f"<h3>The verdict board</h3>{board.board(rows)}")
    if not folders:
        parts.append("<p>Nothing was made yet: run <code>make reproduce</code>.</p>")
    return f'<section id="verdicts"><h2>What holds</h2>{"".join(parts)}</section>'


def _section(folder: Path) -> str:
    name, items = html.escape(folder.name), read_items(folder)
    executed = {"executed notebook": ".html", "as .ipynb": ".ipynb"}
    links = [_link(folder, folder.name + suffix, text) for text, suffix in executed.items()]
    lines = [item["finding"] for item in items if item["kind"] == "headline"]
    shown = [item for item in items if item["kind"] != "headline"]
    first = [item for item in shown if item.get("place") in ("top", "lead")]
    first = first or [item for item in shown if item["kind"] == "figure"][:2]
    body = [_item(folder, item) for item in first if item.get("place") != "top"]
    notes = list(dict.fromkeys(item["note"] for item in shown if item.get("note")))
    if notes and body:
        body.append(f'<p class="note">{" ".join(_markdown(note) for note in notes)}</p>')
    rest = [_item(folder, item) for item in shown if item not in first]
    if rest:
        head = f"<summary>{len(rest)} more tables and figures</summary>"
        body.append(f"<details>{head}\n{''.join(rest)}</details>")
    return "\n".join(
        [
            f'<section id="{name}"><h2>{html.escape(_title(folder))}</h2>',
            *(f'<p class="headline">{_markdown(line)}</p>' for line in lines),
            *(body or [f"<p>{_EMPTY}</p>"]),
            f'<p class="links">{name}: {" · ".join(filter(None, links)) or "not kept"}</p>',
            "</section>",
        ]
    )


def _title(folder: Path) -> str:
    """Return the executed notebook's own heading; the folder's name where there is none."""
    path = folder / f"{folder.name}.ipynb"
    if path.is_file():
        cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [{}])
        heading = re.match(r"# (.+)", "".join(cells[0].get("source", "")))
        if heading:
            return heading[1].strip()
    return folder.name


def _item(folder: Path, item: dict) -> str:
    name, caption = html.escape(item["name"]), html.escape(item["caption"])
    links = [_link(folder, item["name"] + suffix, suffix) for suffix in _SUFFIXES[item["kind"]]]
    finding = f'<p class="finding">{_markdown(item["finding"])}</p>' if item.get("finding") else ""
    if item["kind"] == "table":  # its HTML was escaped by Table
        shown = f'<div class="wide">{item["html"]}</div>'
    elif not (folder / f"{item['name']}.png").is_file():
        shown = f"<p>The picture {name}.png is missing; run the notebook again.</p>"
    else:
        # one scale for all figures, and none so small on a phone that it cannot be read
        style = f"width:{7.5 * item['inches']:.1f}em;min-width:{5.4 * item['inches']:.1f}em"
        source = f"{html.escape(folder.name)}/{name}.png"
        image = f'<img src="{source}" alt="{caption}" style="{style}" loading="lazy">'
        shown = f'<div class="wide"><a href="{source}">{image}</a></div>'
    below = f"<figcaption>{caption} {' '.join(filter(None, links))}</figcaption>"
    return f'<figure id="{html.escape(folder.name)}-{name}">{finding}{shown}{below}</figure>\n'


def _comparison(comparison: Comparison) -> str:
    text = f"<p>{html.escape(comparison.sentence())}.</p>"
    if not comparison.differences.empty:
        table = comparison.table().to_html(caption=False)
        text += (
            f'<details><summary>the differences</summary><div class="wide">{table}</div></details>'
        )
    return f'<section id="reference"><h2>Against the reference</h2>{text}</section>'


def _markdown(text: str) -> str:
    """Write a sentence with **bold** and `code` as HTML."""
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", html.escape(typeset(text), quote=False))
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def _link(folder: Path, file: str, text: str) -> str:
    """Return a link to a file of the folder; nothing where there is none."""
    if not (folder / file).exists():
        return ""
    return f'<a href="{html.escape(f"{folder.name}/{file}")}">{html.escape(text)}</a>'


_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 0; color: #222; background: #fff; }
a { color: #0b5394; text-decoration: none; } a:hover { text-decoration: underline; }
header, main { padding: 0 1.2em; max-width: 62em; }
h1 { font-size: 1.5em; } h2 { font-size: 1.3em; margin-top: 2.2em; } h4 { margin: 1em 0 .3em; }
section, figure, li { scroll-margin-top: 3.5em; }
nav { position: sticky; top: 0; background: #fff; border-bottom: 1px solid #ccc; z-index: 2;
      padding: .5em 1.2em; display: flex; gap: 1.2em; overflow-x: auto; white-space: nowrap;
      font-size: 90%; }
nav a { flex: none; max-width: 16em; overflow: hidden; text-overflow: ellipsis; }
figure { margin: 1.5em 0 2em; } figcaption, .key, .links, .note { font-size: 85%; color: #555; }
figcaption a { font-family: monospace; margin-left: .3em; }
.headline { font-size: 115%; }
.finding { margin: 0 0 .5em; padding-left: .7em; border-left: 3px solid #2166ac; }
img { max-width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; } table { font-variant-numeric: tabular-nums; }
details { margin: .6em 0; } summary { cursor: pointer; color: #0b5394; }
.board { list-style: none; padding: 0; margin: 0; }
.board > li { display: grid; grid-template-columns: 15.5em 1fr 15em; gap: .2em 1.2em;
              border-top: 1px solid #ddd; padding: .45em 0; align-items: start; }
.forest text { font-size: 10px; fill: #555; } .board details { font-size: 85%; margin: 0; }
.verdicts span { display: block; font-size: 90%; line-height: 18px; margin-bottom: 2px; }
.verdicts a { font-size: 85%; } .board ul { margin: .2em 0; padding-left: 1.2em; }
.forest svg { width: 100%; display: block; } .board small { color: #666; }
.nothing { color: #777; font-size: 85%; }
.key svg { width: 14px; height: 14px; vertical-align: -2px; margin-left: .8em; }
.claimed { fill: #d6e6f2; } .bound { stroke: #7a9ab3; stroke-width: 1; fill: none; }
.printed { stroke: #000; stroke-width: 2; stroke-dasharray: 3 2; fill: none; }
@media (min-width: 1150px) {
  body { display: grid; grid-template-columns: 15em minmax(0, 1fr); }
  header { grid-column: 2; } main { grid-column: 2; }
  nav { grid-column: 1; grid-row: 1 / span 2; flex-direction: column; white-space: normal;
        height: 100vh; box-sizing: border-box; border: 0; border-right: 1px solid #ddd; gap: .8em; }
  nav a { max-width: none; overflow: visible; }
}
@media (max-width: 620px) {
  .board > li { grid-template-columns: 1fr; } .forest { max-width: 20em; }
  body { font-size: 15px; } .verdicts span { line-height: 1.4; }
}
@media print {
  nav, .links, summary { display: none; } body { display: block; font-size: 10pt; }
  .board > li, figure { break-inside: avoid; } h2, h3, h4 { break-after: avoid; }
  .wide { overflow: visible; } .wide table { font-size: 7pt; }
  details:not([open]) { display: none; }
  img { min-width: 0 !important; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
}
"""
# a link into what is folded opens it
_SCRIPT = """
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let e = target; e; e = e.parentElement) if (e.tagName === "DETAILS") e.open = true;
  if (target) target.scrollIntoView();
}
addEventListener("hashchange", unfold); addEventListener("DOMContentLoaded", unfold);
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
<script>{script}</script>
</head>
<body>
<nav aria-label="contents">
{contents}
</nav>
<header><h1>{title}</h1></header>
<main>
{sections}
</main>
</body>
</html>
"""
