"""One table of text cells, written as Markdown, LaTeX, CSV or HTML, with its grey shades."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

BOLD = "bold"


@dataclass(frozen=True)
class Mark:
    """What a shaded cell means, and how it shows: a grey, or a symbol where there are no greys."""

    shade: str  # "dark", "medium" or "light"
    symbol: str
    meaning: str

    def __post_init__(self):
        if self.shade not in _GREYS:
            raise ValueError(f"`shade` must be one of {sorted(_GREYS)}, but got {self.shade!r}")


@dataclass(frozen=True)
class Table:
    """A table to show.

    Args:
        name: file name without suffix.
        caption: what the cells are, in which unit, from which profile and how many repetitions.
        frame: the cells, all text, without an index.
        marks: as `frame`; each cell holds keys of `legend` and "bold", separated by blanks.
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
    blocks: str = ""

    def __post_init__(self):
        if self.marks is None:
            return
        if self.marks.shape != self.frame.shape:
            raise ValueError(
                f"`marks` must have the shape of `frame`, {self.frame.shape}, "
                f"but got {self.marks.shape}"
            )
        used = {token for row in self._rows(self.marks) for cell in row for token in cell.split()}
        if unknown := used - set(self.legend) - {BOLD}:
            raise ValueError(
                f"marks must be 'bold' or among {sorted(self.legend)}, but got {sorted(unknown)}"
            )

    def to_csv(self) -> str:
        """Write the numbers behind the table (or its cells where there are none) as CSV."""
        return (self.frame if self.data is None else self.data).to_csv(index=False)

    def to_markdown(self) -> str:
        """Write the caption and the table in Markdown; shades become symbols."""
        lines = [self._line(self.frame.columns), self._line(["---"] * self.frame.shape[1])]
        for cells, marks in self._marked_rows():
            lines.append(
                self._line([self._markdown_cell(*c) for c in zip(cells, marks, strict=True)])
            )
        key = [f"{m.symbol} {m.meaning}" for m in self.legend.values()]
        return "\n".join([f"{self._with_key(key)}\n", *lines]) + "\n"

    def to_latex(self) -> str:
        """Write a LaTeX table; it needs the packages booktabs and colortbl."""
        columns = "".join("r" if n else "l" for n in self._numeric())
        lines = ["% needs \\usepackage{booktabs} and \\usepackage{colortbl}", "\\begin{table}"]
        lines += ["\\centering\\small", f"\\begin{{tabular}}{{{columns}}}", "\\toprule"]
        lines += [" & ".join(_latex(c) for c in self.frame.columns) + r" \\", "\\midrule"]
        for new, (cells, marks) in zip(self._new_blocks(), self._marked_rows(), strict=True):
            lines += ["\\midrule"] * new
            row = [self._latex_cell(*c) for c in zip(cells, marks, strict=True)]
            lines.append(" & ".join(row) + r" \\")
        caption = self._with_key(self._shade_key())
        lines += ["\\bottomrule", "\\end{tabular}", f"\\caption{{{_latex(caption)}}}"]
        return "\n".join([*lines, f"\\label{{tab:{self.name}}}", "\\end{table}"]) + "\n"

    def to_html(self, *, caption: bool = True) -> str:
        """Write an HTML table whose styles lie in its own tags, so that it shows anywhere."""
        lines = ['<table class="repro" style="border-collapse:collapse;font-size:90%">']
        if caption:
            text = html.escape(self._with_key(self._shade_key()))
            lines.append(f'<caption style="{_CAPTION_STYLE}">{text}</caption>')
        numeric = self._numeric()
        heads = [
            f'<th style="{_cell_style(n, heading=True)}">{html.escape(str(c))}</th>'
            for c, n in zip(self.frame.columns, numeric, strict=True)
        ]
        lines.append(f"<thead><tr>{''.join(heads)}</tr></thead><tbody>")
        for new, (cells, marks) in zip(self._new_blocks(), self._marked_rows(), strict=True):
            row = [self._html_cell(*c, new=new) for c in zip(cells, marks, numeric, strict=True)]
            lines.append(f"<tr>{''.join(row)}</tr>")
        return "\n".join([*lines, "</tbody></table>"])

    def _repr_html_(self) -> str:
        return self.to_html()

    def _rows(self, frame) -> list[tuple]:
        return list(frame.itertuples(index=False, name=None))

    def _marked_rows(self):
        empty = [("",) * self.frame.shape[1]] * len(self.frame)
        marks = empty if self.marks is None else self._rows(self.marks)
        return zip(self._rows(self.frame), marks, strict=True)

    def _new_blocks(self) -> list[bool]:
        if not self.blocks:
            return [False] * len(self.frame)
        column = self.frame[self.blocks]
        return [i > 0 and new for i, new in enumerate(column != column.shift())]

    def _numeric(self) -> list[bool]:
        """Whether a column's cells are numbers: then it is set flush right."""
        cells = [self.frame.iloc[:, i] for i in range(self.frame.shape[1])]
        return [bool(len(c)) and all(map(_NUMBER.fullmatch, c)) for c in cells]

    def _with_key(self, key: list[str]) -> str:
        text = "; ".join(key)
        return f"{self.caption} {text[:1].upper()}{text[1:]}." if key else self.caption

    def _shade_key(self) -> list[str]:
        return [f"{m.shade} grey: {m.meaning}" for m in self.legend.values()]

    def _line(self, cells) -> str:
        return "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"

    def _markdown_cell(self, cell, marks) -> str:
        tokens = marks.split()
        text = f"**{cell}**" if BOLD in tokens and cell else cell
        return " ".join([text, *(self.legend[t].symbol for t in tokens if t != BOLD)])

    def _latex_cell(self, cell, marks) -> str:
        text = _latex(cell)
        for token in marks.split():
            if token == BOLD:
                text = f"\\textbf{{{text}}}"
            else:
                grey = _GREYS[self.legend[token].shade]
                text = f"\\cellcolor[gray]{{{grey:.2f}}}{text}"
        return text

    def _html_cell(self, cell, marks, numeric, *, new) -> str:
        style = _cell_style(numeric) + (";border-top:1px solid #999" if new else "")
        for token in marks.split():
            if token == BOLD:
                style += ";font-weight:bold"
            else:
                level = round(255 * _GREYS[self.legend[token].shade])
                style += f";background:rgb({level},{level},{level});color:#000"
        return f'<td style="{style}">{html.escape(cell)}</td>'


_GREYS = {"dark": 0.65, "medium": 0.78, "light": 0.90}  # 0 is black; black text stays readable
_NUMBER = re.compile(r"[-+\d.,/±()\[\] %–e]*(n=\d+\))?†?")
_CAPTION_STYLE = "caption-side:top;text-align:left;padding:4px 0;max-width:60em"
_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    **{"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"},
    **{"±": r"$\pm$", "×": r"$\times$", "≥": r"$\geq$", "≤": r"$\leq$", "–": "--", "→": r"$\to$"},
    **{"†": r"$^\dagger$", "<": r"$<$", ">": r"$>$", "−": "$-$"},
}


def _latex(text: str) -> str:
    """Escape what LaTeX would read as a command; the minus of a number becomes a real one."""
    text = "".join(_LATEX.get(character, character) for character in str(text))
    return re.sub(r"(?<![\w-])-(?=\d)", "$-$", text)


def _cell_style(numeric: bool, *, heading: bool = False) -> str:
    style = f"text-align:{'right' if numeric else 'left'};padding:2px 8px"
    if heading:
        return f"{style};vertical-align:bottom;border-bottom:1px solid"
    return f"{style};white-space:nowrap"
