"""Who may import whom: a core, a room for each chapter, and a half that never loads torch."""

import ast
import subprocess
import sys

from repro.paths import ROOT

SOURCE = ROOT / "src/repro"
ABOVE_THE_CORE = {"chapters", "cli", "explorer", "judging", "__main__"}
TRAINS = {"run", "settings", "spaces"}  # of a chapter's modules: those that may train
HEAVY = {"torch", "ray", "transformers", "datasets", "optuna", "hyperopt"}


def imports_of(path):
    """Find the modules of ours that a file imports, wherever in it, as tuples of their parts."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports must be absolute"
            yield from ((*node.module.split("."), alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (tuple(alias.name.split(".")) for alias in node.names)


def test_the_core_knows_no_chapter_and_a_chapter_no_other():
    faults = []
    for path in SOURCE.rglob("*.py"):
        room, *inside = path.relative_to(SOURCE).with_suffix("").parts
        for package, *name in imports_of(path):
            if package != "repro" or not name:
                continue
            if room not in ABOVE_THE_CORE and name[0] in ABOVE_THE_CORE:
                faults.append(f"{path}: the core imports {'.'.join(name)}")
            if room == name[0] == "chapters" and name[1] != inside[0]:
                faults.append(f"{path}: a chapter imports {'.'.join(name)}")
    assert faults == []


def light_modules():
    """Name what must load without torch: statistics, display, reading, and chapters' analyses."""
    paths = [*SOURCE.glob("stats/*.py"), *SOURCE.glob("show/*.py"), *SOURCE.glob("judging/*.py")]
    paths += [SOURCE / "results/tables.py", *SOURCE.glob("*.py")]
    paths += [p for p in SOURCE.glob("chapters/*/*.py") if p.stem not in TRAINS]
    names = {p.relative_to(SOURCE.parent).with_suffix("").parts for p in paths}
    return sorted(".".join(name).removesuffix(".__init__") for name in names)


def test_what_reads_and_shows_loads_neither_torch_nor_ray():
    modules = [name for name in light_modules() if not name.endswith("__main__")]
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")}
    ).stdout.split()
    assert {"repro.show.table", "repro.chapters.seeds.tables"} <= set(loaded)
    assert set(loaded) & HEAVY == set()
