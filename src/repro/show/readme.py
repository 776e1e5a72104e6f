"""The README's list of what came out, written from the ledger of the reference."""

from pathlib import Path

import pandas as pd

from repro.labels import EVIDENCE_LABELS, in_order, label
from repro.show.board import overview
from repro.show.ledger import GLYPHS
from repro.show.table import typeset
from repro.stats.decisions import FAILS, HOLDS

BEGIN, END = "<!-- what came out: `make reference` writes it -->", "<!-- end of what came out -->"
CLAIMS = (  # of each notebook those that say most
    *("liu-hpo-often-fails", "liu-overfitting-exists", "liu-more-trials"),
    *("liu-random-search-stands", "liu-best-checkpoint-test"),
    *("liu-procedure-adds-successes", "liu-overfitting-remains", "liu-low-warmup"),
    *("dodge-seeds-move-scores", "dodge-wi-do-comparable", "dodge-stopping-helps"),
    *("liu-original-split-negative", "liu-split-explains"),
    *("wandb-pbt-beats-grid", "wandb-random-starts"),
    *("course-learning-rate-most", "course-manual-beats-baseline"),
)


def outcomes(rows: pd.DataFrame) -> str:
    """Say in Markdown what holds: the paragraph, and a table of the main claims, decided first.

    Args:
        rows: of a `claims.json`.
    """
    table = []
    for place, claim in enumerate(CLAIMS):
        of_claim = rows[rows["id"] == claim]
        if of_claim.empty:
            continue
        first, words = of_claim.iloc[0], set(of_claim["verdict"])
        notebook = next((n for n in of_claim["notebook"] if isinstance(n, str) and n), "")
        link = f"[{notebook[:2]}](notebooks/{notebook}.ipynb)" if notebook else "–"
        cells = typeset(first["claim"]), _verdicts(of_claim), link
        table.append((not words & {HOLDS, FAILS}, place, f"| {' | '.join(cells)} |"))
    head = [overview(rows), "", "| Claim | Verdict, by evidence | Notebook |", "|---|---|---|"]
    return "\n".join([*head, *(line for *_, line in sorted(table))])  # decided ones first


def renew_readme(path: Path, rows: pd.DataFrame) -> None:
    """Replace what came out in a README.

    Raises:
        ValueError: if it does not say where that stands.
    """
    text = path.read_text(encoding="utf-8")
    if BEGIN not in text or END not in text.split(BEGIN)[-1]:
        raise ValueError(f"{path} must hold the lines {BEGIN!r} and {END!r}, but does not")
    before, rest = text.split(BEGIN, 1)
    after = rest.split(END, 1)[1]
    path.write_text(f"{before}{BEGIN}\n{outcomes(rows)}\n{END}{after}", encoding="utf-8")


def _verdicts(claim: pd.DataFrame) -> str:
    words = {}  # verdict -> the kinds of evidence that give it
    for evidence in in_order(claim["evidence"].dropna(), EVIDENCE_LABELS):
        word = claim.loc[claim["evidence"] == evidence, "verdict"].iloc[0]
        words.setdefault(word, []).append(label(evidence, EVIDENCE_LABELS))
    if not words:
        word = claim["verdict"].iloc[0]
        return f"{GLYPHS[word]} {word}"
    return "<br>".join(f"{GLYPHS[w]} {w} ({', '.join(where)})" for w, where in words.items())
