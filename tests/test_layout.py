"""The shape of the repository: who imports whom, dependency files, notebooks, Makefile."""

import ast
import json
import re
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import PackageNotFoundError, distributions, requires
from pathlib import Path

import papermill
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src/repro"

# A module imports only from its left. A new one goes where its imports allow, and no further right
# than it must. What is in a package may import within it.
SHARED = "names records".split()
PACKAGES = {"mini", "analysis", "display", "explorer"}
TRAINING = """
    mini task_definitions task_files task_frames task_sources tasks splits spaces
    article_spaces project_spaces population methods
    model_files profile_parts
    resplit_settings
    strategy_settings three_stage_settings
    procedure_settings
    profiles encoding models batches packing trial update readback
    checkpoint
    training tuning objective cluster orchestration outcomes predictions run_folders
    tracking late_scores
    results progress study seed_study submission
    strategies three_stage
    plan_parts planning
""".split()
ANALYSIS = "published labels analysis display release".split()
TOP = """
    live procedure explorer reproduce __main__
""".split()  # may join the halves

# heavy packages, and the modules that may import them
HEAVY = {
    "torch": "mini models packing trial update readback checkpoint training tracking".split(),
    "transformers": "mini models".split(),
    "datasets": ["task_sources"],
    "ray": "population methods cluster orchestration".split(),
    "optuna": ["methods"],
    "hyperopt": ["methods"],
    "sklearn": ["tasks"],
    "statsmodels": ["analysis"],
    "scipy": ["tasks", "analysis"],
    "matplotlib": "display live explorer".split(),
    "ipywidgets": ["explorer"],
    "seaborn": ["display"],
}


def module_of(path):
    """Name a file's module, and a package's files after the package."""
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def imports_of(path):
    """Find what a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports must be absolute"
            names = [alias.name for alias in node.names]
            yield from (f"repro.{n}" for n in names) if node.module == "repro" else [node.module]


FILES = sorted(path for path in SOURCE.rglob("*.py") if path != SOURCE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_import_only_leftwards(path):
    module = module_of(path)
    halves = {name: [*SHARED, *half] for half in (TRAINING, ANALYSIS) for name in half}
    halves |= {name: SHARED for name in SHARED}
    halves |= {name: [*SHARED, *TRAINING, *ANALYSIS, *TOP] for name in TOP}
    assert module in halves, f"say in {Path(__file__).name} where `{module}` stands"
    order = halves[module]
    allowed = {module, *order[: order.index(module)]} - ({module} - PACKAGES)
    imported = {name.split(".")[1] for name in imports_of(path) if name.startswith("repro.")}
    assert imported <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_heavy_packages_stay_where_they_belong(path):
    imported = {name.split(".")[0] for name in imports_of(path)}
    assert {name for name in imported & set(HEAVY) if module_of(path) not in HEAVY[name]} == set()


def test_analysis_imports_nothing_of_training():
    modules = [f"repro.{module_of(p)}" for p in FILES if module_of(p) in ANALYSIS]
    modules += [
        f"repro.{p.parent.name}.{p.stem}" for p in FILES if p.parent.name in ("analysis", "display")
    ]
    code = f"import sys, {', '.join(sorted(set(modules)))}; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(
        command, check=True, capture_output=True, text=True, env={"PYTHONPATH": str(ROOT / "src")}
    ).stdout.split()
    assert "repro.display.plots" in loaded
    assert set(loaded) & {"torch", "ray", "transformers", "datasets", "optuna"} == set()
    training = {f"repro.{module}" for module in TRAINING}
    assert set(loaded) & training == set()


def read_lock():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version for name, version in pins}, len(pins)


def test_what_the_browser_test_adds_is_pinned_and_at_odds_with_nothing():
    lines = (ROOT / "requirements-browser.lock").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert "playwright" in pins
    assert {name: pins[name] for name in pins.keys() & read_lock()[0]} == {}


def read_project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def needed_directly():
    project = read_project()
    extras = project["optional-dependencies"]
    needed = [*project["dependencies"], *extras["test"], *extras["courses"]]
    return [Requirement(line) for line in needed]


def test_lock_pins_each_package_once_without_build_tags():
    pins, n_lines = read_lock()
    assert len(pins) == n_lines
    assert [v for v in pins.values() if not re.fullmatch(r"[0-9][0-9a-z.]*", v)] == []
    assert pins["torch"] == "2.13.0"


def test_lock_satisfies_what_the_project_needs():
    pins, _ = read_lock()
    for needed in needed_directly():
        assert pins[canonicalize_name(needed.name)] in needed.specifier, needed
    assert "==2.13.0" in [str(n.specifier) for n in needed_directly() if n.name == "torch"]


def test_lock_suits_the_oldest_python():
    oldest = read_project()["requires-python"].removeprefix(">=") + ".0"
    pins, _ = read_lock()
    installed = {canonicalize_name(d.name): d.metadata["Requires-Python"] for d in distributions()}
    ranges = {name: SpecifierSet(installed.get(name) or "") for name in pins}
    assert [name for name, versions in ranges.items() if oldest not in versions] == []


def test_lock_is_complete():
    # torch's GPU libraries come with the build of torch that the machine's index offers
    from_torch = re.compile("(nvidia|cuda|triton)")
    pins, _ = read_lock()
    missing = {n for n in needed_in_all() if n not in pins and not from_torch.match(n)}
    assert missing == set()


def needed_in_all():
    """Follow the requirements of installed packages; those of another system are not there."""
    seen, waiting = set(), needed_directly()
    while waiting:
        needed = waiting.pop()
        name = canonicalize_name(needed.name)
        if (name, *sorted(needed.extras)) in seen:
            continue
        seen.add((name, *sorted(needed.extras)))
        environments = [{"extra": extra} for extra in (needed.extras or {""})]
        try:
            further = [Requirement(line) for line in requires(name) or []]
        except PackageNotFoundError:
            continue
        waiting += [r for r in further if not r.marker or any(map(r.marker.evaluate, environments))]
    return {name for name, *_ in seen}


def test_conda_environment_says_the_same_dependencies():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    *conda, pip = environment["dependencies"]
    assert conda == [f"python{read_project()['requires-python']}", "pip"]
    assert pip == {"pip": ["-r requirements.lock", "-e ."]}


@pytest.mark.parametrize(
    "name",
    [
        *("requirements.lock", "requirements-browser.lock", "environment.yml", "pyproject.toml"),
        *("Makefile", ".ci/run"),
    ],
)
def test_no_package_index_is_named(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert re.findall(r"\S*://\S*|\S*index-url\S*|\S*find-links\S*", text) == []


def test_every_target_of_make_is_in_its_help():
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = re.search(r"\.PHONY: (.*)", text).group(1).split()
    assert {"help", "reproduce", "test", "lint", "lab", "plan", "pretrain", "clean"} <= set(targets)
    assert "|| :" not in text
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    printed = subprocess.run(["make"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert [t for t in targets if not re.search(rf"^make {t} +\w", printed, re.M)] == []


IMPORTS = 1  # number of the code cell that holds them all
PARAMETER = re.compile(r"[a-z][a-z0-9_]*: [^=#]+ = [^=#]+  # [^=]+")


def find_faults(notebook):
    """Return how a notebook breaks the house's rules (STYLE.md), one line for each fault."""
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    n_markdown = sum(cell["cell_type"] == "markdown" for cell in cells)
    sources = ["".join(cell["source"]) for cell in code]
    faults = []
    if not cells or cells[0]["cell_type"] != "markdown":
        faults.append("must open with markdown")
    if any(cell["outputs"] or cell["execution_count"] is not None for cell in code):
        faults.append("must be without outputs")
    if [i for i, cell in enumerate(code) if "parameters" in cell["metadata"].get("tags", [])] != [
        0
    ]:
        faults.append("the first code cell, and no other, must be tagged parameters")
    for line in "".join(sources[:1]).splitlines():
        if not PARAMETER.fullmatch(line):
            faults.append(f"must be `name: type = value  # meaning`: {line}")
    if n_markdown < len(code):
        faults.append(f"{n_markdown} markdown cells must not be fewer than {len(code)} of code")
    for number, source in enumerate(sources):
        faults += _find_faults_in_cell(number, source)
    return faults


def _find_faults_in_cell(number, source):
    where = f"code cell {number}"
    most = 20 if number == IMPORTS else 15
    if len(source.splitlines()) > most:
        yield f"{where} must have at most {most} lines"
    if re.search(r"^\s*[%!]", source, re.M):
        yield f"{where} must have no magic"
        return
    nodes = list(ast.walk(ast.parse(source)))
    if any(isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) for n in nodes):
        yield f"{where} must define nothing"
    if number != IMPORTS and any(isinstance(n, ast.Import | ast.ImportFrom) for n in nodes):
        yield f"{where} must not import: the second code cell does"
    texts = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    if any(re.match(r"[/~]\w|[A-Za-z]:\\|\w+://", text) for text in texts):
        yield f"{where} must have no absolute path or address"


NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_keep_the_contract(path):
    assert re.fullmatch(r"\d\d_[a-z0-9_]+|explore", path.stem)
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert find_faults(notebook) == []
    parameters = "".join(notebook["cells"][1]["source"]).splitlines()
    # papermill must see them all, or it takes a value for unknown
    assert list(papermill.inspect_notebook(str(path))) == [p.split(":")[0] for p in parameters]


def markdown(source):
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def code(source, *, tags=(), outputs=()):
    cell = {"cell_type": "code", "execution_count": None, "source": source}
    return cell | {"metadata": {"tags": list(tags)}, "outputs": list(outputs)}


PARAMETERS = code('profile: str = "mini"  # what to run', tags=["parameters"])
LOADED = code("import math\n" * 20)
GOOD = [markdown("# A"), PARAMETERS, markdown("b"), LOADED, markdown("c"), code("math.pi")]


@pytest.mark.parametrize(
    ("cells", "fault"),
    [
        (GOOD, None),
        (GOOD[1:], "must open with markdown"),
        ([*GOOD[:5], code("math.pi", outputs=["3.14"])], "must be without outputs"),
        ([*GOOD[:5], code("1", tags=["parameters"])], "and no other, must be tagged"),
        ([markdown("a"), code("seed = 1", tags=["parameters"])], "name: type = value"),
        ([markdown("a"), code("a: int = 1  # b=1", tags=["parameters"])], "name: type = value"),
        ([*GOOD, code("1")], "must not be fewer"),
        ([*GOOD[:5], code("1\n" * 16)], "at most 15 lines"),
        ([*GOOD[:3], code("import math\n" * 21), *GOOD[4:]], "at most 20 lines"),
        ([*GOOD[:5], code("%pip install x")], "no magic"),
        ([*GOOD[:5], code("def f(): pass")], "define nothing"),
        ([*GOOD[:5], code("from os import path")], "must not import"),
        ([*GOOD[:5], code("open('/tmp/x')")], "no absolute path"),
        ([*GOOD[:5], code("get('https://example.org')")], "no absolute path or address"),
    ],
)
def test_faults_of_notebooks_are_found(cells, fault):
    faults = find_faults({"cells": cells})
    assert faults == [] if fault is None else any(fault in found for found in faults)
