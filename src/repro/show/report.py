"""Save tables and figures, and list them on one page with their captions.

Each saved thing has a small `<name>.json` beside it with its kind and caption, so that the page can
be written again at any time from what lies in the folders.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from repro.show.style import paper_style
from repro.show.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PNG_DPI = 200
_SUFFIXES = {"table": (".csv", ".md", ".tex"), "figure": (".png", ".pdf")}


def save_table(table: Table, directory: str | Path) -> list[Path]:
    """Write `table` as CSV, Markdown and LaTeX into `directory`, in place of an older one.

    Returns:
        the paths written, the record with the caption last.
    """
    directory = _prepare(directory, table.name)
    texts = {".csv": table.to_csv(), ".md": table.to_markdown(), ".tex": table.to_latex()}
    paths = []
    for suffix, text in texts.items():
        paths.append(directory / f"{table.name}{suffix}")
        paths[-1].write_text(text, encoding="utf-8")
    record = {"kind": "table", "caption": table.caption, "html": table.to_html()}
    return [*paths, _write_record(directory, table.name, record)]


def save_figure(figure: Figure, directory: str | Path, name: str, caption: str) -> list[Path]:
    """Write `figure` as PNG (200 dpi) and PDF, byte for byte the same each time on one machine.

    pyplot forgets it, so that a notebook shows it where it is asked to, and not once more.

    Returns:
        the paths written, the record with the caption last.
    """
    import matplotlib.pyplot as plt

    directory = _prepare(directory, name)
    png, pdf = directory / f"{name}.png", directory / f"{name}.pdf"
    with paper_style():
        figure.savefig(png, dpi=_PNG_DPI)
        figure.savefig(pdf, metadata={"CreationDate": None})
    plt.close(figure)
    record = {"kind": "figure", "caption": caption, "inches": round(figure.get_figwidth(), 2)}
    return [png, pdf, _write_record(directory, name, record)]


def write_index(directory: str | Path) -> Path:
    """Write `index.html` in `directory`: all tables and figures of its folders, one a notebook.

    Args:
        directory: figures/<profile>; the executed notebooks lie in it, or in their folders.
    Raises:
        ValueError: if a record is not one of ours.
    """
    directory = Path(directory)
    folders = sorted(f for f in directory.iterdir() if f.is_dir() and any(f.glob("*.json")))
    sections = [_section(folder) for folder in folders]
    names = [f'<a href="#{html.escape(f.name)}">{html.escape(f.name)}</a>' for f in folders]
    page = _PAGE.format(
        title=f"Tables and figures, profile {html.escape(directory.resolve().name)}",
        contents=" ".join(names) or "Nothing was made yet.",
        sections="\n".join(sections),
        style=_STYLE,
    )
    path = directory / "index.html"
    path.write_text(page, encoding="utf-8")
    return path


def _prepare(directory: str | Path, name: str) -> Path:
    if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
        raise ValueError(
            f"`name` must be of letters, digits, '_', '-' and '.', but got {name!r}; "
            "it becomes a file name"
        )
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _write_record(directory: Path, name: str, record: dict) -> Path:
    path = directory / f"{name}.json"
    text = json.dumps(record, indent=1, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return path


def _read_record(path: Path) -> dict:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        known = record["kind"] in _SUFFIXES and isinstance(record["caption"], str)
    except (json.JSONDecodeError, KeyError, TypeError):
        known = False
    if not known:
        raise ValueError(
            f"{path} must be a record of save_table or save_figure, but is not; "
            "remove it or make the table or figure again"
        )
    return record


def _section(folder: Path) -> str:
    name = html.escape(folder.name)
    paths = sorted(folder.glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    items = [_item(path, _read_record(path)) for path in paths]  # as the notebook made them
    head = f'<section id="{name}"><h2>{name}</h2>{_notebook_links(folder)}'
    return "\n".join([head, *items, "</section>"])


def _notebook_links(folder: Path) -> str:
    links = []
    for suffix, text in ((".html", "executed notebook"), (".ipynb", "as .ipynb")):
        for path in (folder.with_name(folder.name + suffix), folder / f"{folder.name}{suffix}"):
            if path.exists():
                links.append(_link(path, folder.parent, text))
                break
    return f"<p>{' · '.join(links)}</p>" if links else ""


def _item(path: Path, record: dict) -> str:
    caption = html.escape(record["caption"])
    files = [path.with_name(path.stem + suffix) for suffix in _SUFFIXES[record["kind"]]]
    root = path.parent.parent
    links = " ".join(_link(f, root, f.suffix) for f in files if f.exists())
    if record["kind"] == "table":  # its HTML was escaped by Table; its own caption stands above it
        body = f'<div class="wide">{record.get("html", "")}</div><figcaption>{links}</figcaption>'
    else:
        image = html.escape(files[0].relative_to(root).as_posix())
        width = f"{7.5 * float(record.get('inches', 7)):.1f}em"  # one scale for all figures
        body = f'<img src="{image}" alt="{caption}" style="width:{width}" loading="lazy">'
        body += f"<figcaption>{caption} {links}</figcaption>"
    return f'<figure id="{html.escape(f"{path.parent.name}-{path.stem}")}">{body}</figure>\n'


def _link(path: Path, root: Path, text: str) -> str:
    return f'<a href="{html.escape(path.relative_to(root).as_posix())}">{html.escape(text)}</a>'


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
{sections}
</body>
</html>
"""
