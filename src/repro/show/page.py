"""The page `index.html` of a profile: all its tables and figures, one section a notebook."""

import html
from pathlib import Path

from repro.show.reference import Comparison
from repro.show.report import ITEMS, read_items

_SUFFIXES = {"table": (".csv", ".tex"), "figure": (".png", ".pdf")}


def write_page(directory: str | Path, comparison: Comparison | None = None) -> Path:
    """Write `index.html` in `directory`: all tables and figures of its folders, one a notebook.

    Args:
        directory: figures/<profile>; an executed notebook lies in its folder.
        comparison: with the reference; said first, and what differs is listed at the end.
    Raises:
        ValueError: if a folder's list of items is not one of ours.
    """
    directory = Path(directory)
    folders = sorted(
        path.parent for path in directory.glob(f"*/{ITEMS}") if read_items(path.parent)
    )
    names = [html.escape(folder.name) for folder in folders]
    differs = comparison is not None and not comparison.differences.empty
    sections = [*map(_section, folders), *([comparison.table().to_html()] if differs else [])]
    page = _PAGE.format(
        title=f"Tables and figures, profile {html.escape(directory.resolve().name)}",
        contents=" ".join(f'<a href="#{n}">{n}</a>' for n in names) or "Nothing was made yet.",
        comparison=html.escape(comparison.sentence()) if comparison else "",
        sections="\n".join(sections),
        style=_STYLE,
    )
    path = directory / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _section(folder: Path) -> str:
    name = html.escape(folder.name)
    executed = {"executed notebook": ".html", "as .ipynb": ".ipynb"}
    links = [_link(folder, folder.name + suffix, text) for text, suffix in executed.items()]
    head = f'<section id="{name}"><h2>{name}</h2><p>{" · ".join(filter(None, links))}</p>'
    return "\n".join([head, *(_item(folder, item) for item in read_items(folder)), "</section>"])


def _item(folder: Path, item: dict) -> str:
    name, caption = html.escape(item["name"]), html.escape(item["caption"])
    links = [_link(folder, item["name"] + suffix, suffix) for suffix in _SUFFIXES[item["kind"]]]
    finding = f"<p>{html.escape(item['finding'])}</p>" if item.get("finding") else ""
    if item["kind"] == "table":  # its HTML was escaped by Table; its own caption stands above it
        shown, caption = f'<div class="wide">{item["html"]}</div>', ""
    else:
        width = f"{7.5 * item['inches']:.1f}em"  # one scale for all figures
        source = f"{html.escape(folder.name)}/{name}.png"
        shown = f'<img src="{source}" alt="{caption}" style="width:{width}" loading="lazy">'
    below = f"<figcaption>{caption} {' '.join(filter(None, links))}</figcaption>"
    return f'<figure id="{html.escape(folder.name)}-{name}">{finding}{shown}{below}</figure>\n'


def _link(folder: Path, file: str, text: str) -> str:
    """Return a link to a file of the folder; nothing where there is none."""
    if not (folder / file).exists():
        return ""
    return f'<a href="{html.escape(f"{folder.name}/{file}")}">{html.escape(text)}</a>'


_STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; max-width: 70em; margin: 2em auto; padding: 0 1em;
       color: #222; background: #fff; }
h1 { font-size: 1.5em; } h2 { font-size: 1.2em; margin-top: 2.5em; border-bottom: 1px solid #ccc; }
nav a { margin-right: 1em; } a { color: #0b5394; text-decoration: none; }
a:hover { text-decoration: underline; }
figure { margin: 1.5em 0 2.5em; } figcaption { font-size: 90%; max-width: 60em; color: #444; }
figcaption a { font-family: monospace; margin-left: 0.3em; }
img { max-width: 100%; height: auto; display: block; }
.wide { overflow-x: auto; }
"""
_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
<nav>{contents}</nav>
<p>{comparison}</p>
{sections}
</body>
</html>
"""
