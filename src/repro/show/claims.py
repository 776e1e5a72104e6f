"""Claims and their verdicts as a table and in words."""

from collections.abc import Sequence

import pandas as pd

from repro.show.table import Table
from repro.stats.verdicts import Claim


def claims_table(claims: Sequence[Claim], *, note: str, name: str = "claims") -> Table:
    """Set the published claims against what was found here.

    Args:
        note: where the numbers come from; see `cells.describe_study`.
    """
    columns = list(Claim.__dataclass_fields__)
    verdicts = {True: "yes", False: "no", None: "undecided"}
    rows = [vars(claim) | {"agrees": verdicts[claim.agrees]} for claim in claims]
    caption = f"The paper's claims and what was found here. {note}"
    return Table(name, caption, pd.DataFrame(rows, columns=columns, dtype="str"))


def claims_in_words(claims: Sequence[Claim], *, model: str, profile: str) -> str:
    """Say in Markdown which claims hold, which do not, and which these data leave open."""
    if not claims:
        return f"{model} stands for no model of the paper: no claim is held against it."
    verdicts = {True: "holds", False: "does **not** hold", None: "is left open"}
    lines = [f"With {model}, profile {profile}:", ""]
    for claim in claims:
        numbers = f"{claim.here} {claim.interval}".strip()
        lines.append(f"- {claim.claim}: {verdicts[claim.agrees]} here ({numbers}).")
    return "\n".join(lines)
