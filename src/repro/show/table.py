"""One table of text cells, written as HTML, LaTeX or CSV, with grey shades that have a meaning."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

BOLD, BLUE = "bold", "blue"  # of a cell's text; blue is bold, too
_TEXTS = {BOLD: "font-weight:bold", BLUE: "color:#1f4e9c;font-weight:bold"}
NOTHING = "–"  # no number, where one could be
Format = str | Callable[..., str]

# black stays readable on all of them
_GREYS = {"dark": "#a6a6a6", "medium": "#c7c7c7", "light": "#e6e6e6"}
_LONG = 40  # characters: a column with such a cell is wrapped
_NUMBER = re.compile(r"[-+−\d.,/±()\[\] %–e]*(n=\d+\))?†?")
_LATEX = str.maketrans(
    {
        **{"±": r"$\pm$", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$", "–": "--"},
        **{"→": r"$\to$", "↓": r"$\downarrow$", "↑": r"$\uparrow$", "†": r"$^\dagger$"},
        **{"<": r"$<$", ">": r"$>$", "−": "$-$", "✓": r"$\surd$", "✗": r"$\times$"},
        **{"“": "``", "”": "''", "≈": r"$\approx$", "σ": r"$\sigma$"},
    }
)
_CSS = [
    {"selector": "", "props": "border-collapse:collapse;font-size:90%"},
    {"selector": "caption", "props": "caption-side:top;text-align:left;padding:4px 0"},
    {"selector": "th", "props": "padding:2px 8px;vertical-align:bottom;border-bottom:1px solid"},
    {"selector": "td", "props": "padding:2px 8px"},
]


@dataclass(frozen=True)
class Mark:
    """What a shaded cell means."""

    shade: str  # "dark", "medium" or "light"
    meaning: str


@dataclass(frozen=True)
class Table:
    """A table to show.

    Args:
        name: file name without suffix.
        caption: what the cells are, in which unit, from which profile and how many repetitions.
        frame: the cells, all text, without an index; heads may have two levels.
        marks: as `frame`; each cell holds keys of `legend`, BOLD or BLUE, separated by blanks.
        legend: what the marks mean.
        data: the numbers behind the cells, in tidy form; written as CSV in place of the cells.
        blocks: a rule is drawn where this column changes.
    """

    name: str
    caption: str
    frame: pd.DataFrame
    marks: pd.DataFrame | None = None
    legend: Mapping[str, Mark] = field(default_factory=dict)
    data: pd.DataFrame | None = None
    blocks: str | tuple[str, str] = ""

    def __post_init__(self):
        if self.marks is None:
            return
        assert self.marks.shape == self.frame.shape, "marks must have the shape of the cells"
        used = {token for cell in self.marks.to_numpy().ravel() for token in cell.split()}
        assert used <= {*self.legend, *_TEXTS}, f"marks without a meaning: {used - {*self.legend}}"

    @classmethod
    def of(
        cls,
        data: pd.DataFrame,
        *,
        name: str,
        caption: str,
        columns: Mapping[str, str | tuple[str | Sequence[str], Format]],
        **more,
    ) -> Table:
        """Make a table of one row a row of `data`, which becomes the numbers behind it.

        Args:
            columns: head -> the column of `data` with the text; or that column and how to write
                its value, a format ("+.1f"; a missing value is a dash) or a function; or several
                columns and a function of their values.
            more: `marks`, `legend` and `blocks`.
        """
        cells = {head: _write(data, entry) for head, entry in columns.items()}
        frame = pd.DataFrame(cells, columns=list(columns), dtype="str")
        return cls(name, caption, frame, data=data, **more)

    def to_csv(self) -> str:
        """Write the numbers behind the table (or its cells where there are none) as CSV."""
        return (self.frame if self.data is None else self.data).to_csv(index=False)

    def to_latex(self) -> str:
        """Write a LaTeX table; it needs the packages booktabs, colortbl and xcolor."""
        lines = (
            self._styler(escape="latex")
            .to_latex(
                hrules=True,
                convert_css=True,
                multicol_align="c",
                column_format="".join(
                    r"p{5cm}" if wraps else alignment[0]
                    for alignment, wraps in zip(self._alignments(), self._wraps(), strict=True)
                ),
            )
            .splitlines()
        )
        first = lines.index("\\midrule") + 1
        for row in reversed(self._new_blocks()):
            lines.insert(first + row, "\\midrule")
        caption = self.full_caption().replace("\\", r"\textbackslash ")
        caption = re.sub(r"[&%$#_{}]", r"\\\g<0>", caption)
        caption = caption.replace("~", r"\textasciitilde ").replace("^", r"\textasciicircum ")
        tabular = "\n".join([*lines, f"\\caption{{{caption}}}"])
        return (
            "% needs \\usepackage{booktabs}, \\usepackage{colortbl} and \\usepackage{xcolor}\n"
            f"\\begin{{table}}\n\\centering\\small\n{tabular.translate(_LATEX)}\n"
            f"\\label{{tab:{self.name}}}\n\\end{{table}}\n"
        )

    def to_html(self, *, caption: bool = True, table_id: str = "") -> str:
        """Write an HTML table whose styles are its own, so that it shows anywhere.

        Args:
            table_id: distinct on a page; the table's name by default.
        """
        styler = self._styler(escape="html").set_table_styles(_CSS)
        if caption:
            styler = styler.set_caption(html.escape(self.full_caption(), quote=False))
        return styler.to_html(
            table_uuid=table_id or self.name, table_attributes='class="repro"', cell_ids=False
        )

    def _repr_html_(self) -> str:
        return self.to_html()

    def _styler(self, *, escape: str):
        frame = self.frame.reset_index(drop=True).map(typeset)
        styler = frame.style.hide(axis="index").format(escape=escape)
        styler = styler.format_index(escape=escape, axis="columns")
        return styler.apply(lambda _: self._css(escape), axis=None)

    def _css(self, kind: str) -> pd.DataFrame:
        """Return the style of each cell: shades, bold, numbers flush right, rules of blocks."""
        looks = _TEXTS | {
            key: f"background-color:{_GREYS[mark.shade]}" for key, mark in self.legend.items()
        }
        marks = pd.DataFrame("", self.frame.index, self.frame.columns)
        marks = (marks if self.marks is None else self.marks).reset_index(drop=True)
        # text first, as a style of LaTeX must be
        css = marks.map(
            lambda cell: "".join(f"{looks[key]};" for key in looks if key in cell.split())
        )
        if kind == "html":
            spaces = ["normal;min-width:14em" if wraps else "nowrap" for wraps in self._wraps()]
            of_columns = zip(self._alignments(), spaces, strict=True)
            css = css.add(
                [f"text-align:{a};white-space:{s}" for a, s in of_columns], axis="columns"
            )
            css.loc[self._new_blocks()] += ";border-top:1px solid #999"
        return css.set_axis(self.frame.columns, axis="columns")

    def _alignments(self) -> list[str]:
        """Set numbers flush right, all else flush left."""
        columns = self.frame.to_numpy().T
        numeric = [len(c) > 0 and all(map(_NUMBER.fullmatch, c)) for c in columns]
        return ["right" if n else "left" for n in numeric]

    def _wraps(self) -> list[bool]:
        return (self.frame.map(len) > _LONG).any().tolist()

    def _new_blocks(self) -> list[int]:
        """Return the rows, but the first, at which a block begins."""
        if not self.blocks:
            return []
        block = self.frame[self.blocks].reset_index(drop=True)
        return list(block.index[block.ne(block.shift())][1:])

    def full_caption(self) -> str:
        """Return the caption with what the shades mean, as it is printed."""
        text = "; ".join(f"{m.shade} grey: {m.meaning}" for m in self.legend.values())
        caption = f"{self.caption} {text[:1].upper()}{text[1:]}." if text else self.caption
        return typeset(caption)


def typeset(text: str) -> str:
    """Write numbers as in print: a true minus, no negative zero, and 95% without a space."""
    text = re.sub(r"(?<![\w.])[-−](0(?:\.0+)?)(?![\d.]*\d)", r"\1", text)
    text = re.sub(r"(?<![\w.−-])-(?=\.?\d)", "−", text)
    return re.sub(r"(?<=\d)[  ]%", "%", text)


def number(value: float, form: str = ".1f") -> str:
    """Format a number; a missing one is a dash, and there is no negative zero."""
    if pd.isna(value):
        return NOTHING
    text = format(value, form)
    return text.replace("-", "", 1) if re.fullmatch(r"-[0.,]+%?", text) else text


def _write(data: pd.DataFrame, entry) -> list[str]:
    if isinstance(entry, str):
        return data[entry].astype(str).tolist()
    names, form = entry
    if isinstance(names, str):
        write = form if callable(form) else lambda value: number(value, form)
        return [write(value) for value in data[names]]
    return [form(*values) for values in data[list(names)].itertuples(index=False, name=None)]
