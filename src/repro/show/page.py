"""The page `index.html` of a profile: what holds, then a section a notebook, then all the rest.

It needs nothing but the folder that it lies in, and is the same each time.
"""

import json
import re
from pathlib import Path

import pandas as pd

from repro.show import board
from repro.show.ledger import FILE, read_claims
from repro.show.reference import Comparison
from repro.show.report import ITEMS, read_items


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
    path, claims = directory / "index.html", directory / FILE
    rows = read_claims(claims) if claims.is_file() else pd.DataFrame()
    verdicts = {"overview": board.overview(rows), "groups": []}
    if not rows.empty:
        verdicts |= {"groups": board.claim_groups(rows), "by_source": board.by_source(rows)}
        verdicts["counts"] = board.counts_table(rows).to_html(caption=False)
    page = board.TEMPLATES.get_template("page.html").render(
        profile=directory.resolve().name,
        folders=[_contents(path.parent) for path in sorted(directory.glob(f"*/{ITEMS}"))],
        comparison=comparison,
        **verdicts,
    )
    path.write_text(page, encoding="utf-8")
    return path


def _contents(folder: Path) -> dict:
    """Say what a notebook's section shows, and where: on top, in front, or folded away."""
    items = read_items(folder)
    shown = [item for item in items if item["kind"] != "headline"]
    first = [item for item in shown if item.get("place") in ("top", "lead")]
    first = first or [item for item in shown if item["kind"] == "figure"][:2]
    return {
        "path": folder,
        "name": folder.name,
        "title": _title(folder),
        "headlines": [item for item in items if item["kind"] == "headline"],
        "top": [item for item in first if item.get("place") == "top"],
        "lead": [item for item in first if item.get("place") != "top"],
        "notes": list(dict.fromkeys(item["note"] for item in shown if item.get("note"))),
        "rest": [item for item in shown if item not in first],
    }


def _title(folder: Path) -> str:
    """Return the executed notebook's own heading; the folder's name where there is none."""
    path = folder / f"{folder.name}.ipynb"
    if path.is_file():
        cells = json.loads(path.read_text(encoding="utf-8")).get("cells", [{}])
        heading = re.match(r"# (.+)", "".join(cells[0].get("source", "")))
        if heading:
            return heading[1].strip()
    return folder.name
