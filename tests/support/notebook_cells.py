"""Run a notebook's cells in this process."""

import json

import matplotlib.pyplot as plt

from repro.paths import ROOT
from repro.show import report


def run_notebook(name, parameters, figures, monkeypatch):
    """Run the cells with these parameters; return what was reported under `figures`, by name."""
    monkeypatch.setattr(report.Report.__init__, "__kwdefaults__", {"note": "", "figures": figures})
    plt.switch_backend("agg")
    notebook = json.loads((ROOT / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8"))
    first, *others = (
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"
    )
    names = {}
    exec(first, names)
    assert set(parameters) <= set(names)
    names |= parameters
    for source in others:
        exec(source, names)
    plt.close("all")
    return {item["name"]: item for item in report.read_items(names["report"].folder)}
