"""What a notebook shows: each table and figure is saved and displayed in one call.

A notebook's folder holds its tables (CSV and LaTeX), its figures (PNG and PDF) and `items.json`,
from which `page` writes them all on one page again at any time. Each item has a place there: "top"
of the page, "lead" of its notebook's section, or "folded" away beneath it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pandas as pd

from repro.names import check_name
from repro.paths import FIGURES
from repro.published import published_fingerprint
from repro.results.files import fingerprint
from repro.show.ledger import chapter_rows, ledger_table, summary, write_claims
from repro.show.style import paper_style, round_ticks
from repro.show.table import Table, typeset
from repro.stats.ledger import Answer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ITEMS = "items.json"
PLACES = ("top", "lead", "folded")
Place = Literal["top", "lead", "folded"]
_PNG_DPI = 200
_SHOWN_DPI = 110  # pixels an inch of a figure in a notebook


class Report:
    """The tables and figures of one notebook under one profile; a new report replaces the old.

    Args:
        notebook: such as 01_initial_study.
        profile: name of the folder under `figures`, as `Profile.folder` gives it.
        note: what holds for every figure: profile, repetitions, failures.
    """

    def __init__(self, notebook: str, profile: str, *, note: str = "", figures: Path = FIGURES):
        self.folder = Path(figures) / profile / notebook
        self.note = note
        self._items: dict[str, dict] = {}
        for item in read_items(self.folder):
            for path in self.folder.glob(f"{item['name']}.*"):
                path.unlink()
        self._write_items()

    def headline(self, finding: str) -> None:
        """Say in one sentence what came out; it opens the notebook's section, and is shown."""
        self._add("headline", kind="headline", caption="", finding=typeset(finding))
        _display(f"**What came out.** {typeset(finding)}")

    def table(self, table: Table, *, finding: str = "", place: Place = "folded") -> None:
        """Write a table as CSV and LaTeX, and show it.

        Args:
            finding: one sentence that says what these numbers show, shown above it.
        """
        path = self._path(table.name)
        path.with_name(f"{table.name}.csv").write_text(table.to_csv(), encoding="utf-8")
        path.with_name(f"{table.name}.tex").write_text(table.to_latex(), encoding="utf-8")
        item = {"caption": table.full_caption(), "finding": typeset(finding), "place": place}
        html = table.to_html(table_id=f"{self.folder.name}-{table.name}", caption=False)
        self._add(table.name, kind="table", html=html, **item)
        _display(item["finding"], table)

    def figure(
        self,
        figure: Figure,
        name: str,
        caption: str,
        *,
        finding: str = "",
        note: str | None = None,
        place: Place = "folded",
    ) -> None:
        """Write a figure as PNG (200 dpi) and PDF, the same bytes each time on one machine.

        pyplot forgets it, so that a notebook shows it here and not once more.

        Args:
            finding: one sentence that says what this figure shows, shown above it.
            note: in the place of the report's; empty for a picture of published numbers.
        """
        import matplotlib.pyplot as plt
        from IPython.display import Image

        path, inches = self._path(name), round(figure.get_figwidth(), 2)
        png = path.with_name(f"{name}.png")
        round_ticks(figure)
        with paper_style():
            figure.savefig(png, dpi=_PNG_DPI)
            figure.set_layout_engine(
                "none"
            )  # it is laid out; doing it again takes most of the time
            figure.savefig(path.with_name(f"{name}.pdf"), metadata={"CreationDate": None})
        plt.close(figure)
        caption, note = typeset(caption), typeset(self.note if note is None else note)
        item = {"caption": caption, "note": note, "finding": typeset(finding), "place": place}
        self._add(name, kind="figure", inches=inches, **item)
        shown = Image(png.read_bytes(), width=round(_SHOWN_DPI * inches), alt=caption)
        _display(item["finding"], shown)

    def claims(
        self,
        answers: Sequence[Answer],
        *,
        data: Collection[str] = (),
        only_answered: bool = False,
    ) -> pd.DataFrame:
        """Judge the chapter's claims, show the ledger's rows, and keep them in `claims.json`.

        Args:
            data: fingerprints of the results or recorded trials that the answers rest on; those
                from printed numbers have `published_fingerprint`.
            only_answered: leave out the claims of these chapters that have no answer here, since
                other notebooks judge them.
        Returns:
            the rows, from `ledger.chapter_rows`.
        """
        rows = chapter_rows(answers)
        rows = rows[rows["evidence"].notna()] if only_answered else rows
        printed = {"published": published_fingerprint()}
        own = dict.fromkeys(set(rows["evidence"].dropna()) - {"published"}, fingerprint(data))
        rows = rows.assign(data=rows["evidence"].map(printed | own).fillna(""))
        profile, notebook = self.folder.parent.name, self.folder.name
        command = f"make reproduce PROFILE={profile} NOTEBOOK={notebook}"
        write_claims(self.folder, rows, notebook=notebook, command=command)
        self.table(ledger_table(rows, note=self.note), finding=summary(rows))
        return rows

    def _path(self, name: str) -> Path:
        if not re.fullmatch(r"\w[\w.-]*", name):
            raise ValueError(
                f"`name` must be of letters, digits, '_', '-' and '.', but got {name!r}; "
                "it becomes a file name"
            )
        return self.folder / name

    def _add(self, name: str, **item) -> None:
        check_name("place", item.get("place", "folded"), PLACES)
        self._items[name] = {"name": name} | item
        self._write_items()

    def _write_items(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(list(self._items.values()), indent=1, ensure_ascii=False)
        (self.folder / ITEMS).write_text(text + "\n", encoding="utf-8")


def read_items(folder: Path) -> list[dict]:
    """Return what a report has put into a folder, in its order; nothing where there was none.

    Raises:
        ValueError: if the folder's list is not one of ours.
    """
    path = folder / ITEMS
    if not path.is_file():
        return []
    try:
        items = json.loads(path.read_text(encoding="utf-8"))
        known = all({"name", "kind", "caption"} <= set(item) for item in items)
    except (json.JSONDecodeError, TypeError):
        known = False
    if not known:
        raise ValueError(
            f"{path} must be a report's list of tables and figures, but is not; remove it and run "
            "the notebook again"
        )
    return items


def model_slug(model: str) -> str:
    """Turn a model's name or path into a part of a file name."""
    return re.sub(r"[^\w.-]+", "-", model).strip("-")


def _display(finding: str, *shown: object) -> None:
    from IPython.display import Markdown, display

    display(*([Markdown(finding)] if finding else []), *shown)
