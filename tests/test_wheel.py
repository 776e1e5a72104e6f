"""The wheel, built offline and installed where torch and Ray are not, judges trials of every tool.

The empty environment is one of Python's own (venv) that sees, as links, just the packages that
pyproject.toml names as dependencies, and what these need: what is not declared is not there. For
Optuna's storages Optuna is added. No package index is asked.
"""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from foreign_trials import write_csv, write_optuna, write_ray, write_trainer_states, write_wandb
from repro.paths import ROOT

CARRIED = ("data/published", "data/recorded", "data/mini", "profiles", "notebooks", "src")
FILES = ("pyproject.toml", "setup.py", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build it from a copy, so that nothing is written into the repository."""
    copy = tmp_path_factory.mktemp("repository")
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "assignments", "*.partial")
    for folder in (*CARRIED, "figures/reference"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for file in FILES:
        shutil.copy(ROOT / file, copy)
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-c", BUILD, str(out)]
    subprocess.run(command, cwd=copy, check=True, capture_output=True, text=True)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory):
    """Return the Python of an environment that has the wheel and its light dependencies."""
    folder = tmp_path_factory.mktemp("environment")
    command = [sys.executable, "-m", "venv", "--without-pip", str(folder)]
    subprocess.run(command, check=True)
    site = Path(sysconfig.get_path("purelib", "venv", vars={"base": str(folder)}))
    with zipfile.ZipFile(wheel) as archive:  # which is what installing a pure wheel does
        archive.extractall(site)
    metadata = next(site.glob("repro-*.dist-info/METADATA")).read_text(encoding="utf-8")
    needed = re.findall(r"^Requires-Dist: (.*)$", metadata, re.M)
    for name in closure([n for n in needed if "extra ==" not in n] + ["optuna"]):
        link(name, site)
    return site / "../../../bin/python"


def closure(needed):
    """Name the distributions that requirements lead to, on this machine."""
    found, waiting = set(), [Requirement(line) for line in needed]
    while waiting:
        requirement = waiting.pop()
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = distribution(requirement.name)
        except PackageNotFoundError:
            continue
        if installed.name not in found:
            found.add(installed.name)
            waiting += [Requirement(line) for line in installed.requires or []]
    return found


def link(name, site):
    """Make what a distribution has at the top of site-packages visible in another one."""
    home = Path(distribution(name).locate_file(""))
    for top in {Path(file).parts[0] for file in distribution(name).files}:
        if top not in ("..", "__pycache__") and not (site / top).exists():
            os.symlink(home / top, site / top)


def run(environment, *arguments, cwd):
    variables = {"PATH": "", "HOME": str(cwd), "MPLBACKEND": "agg"}
    command = [str(environment), *arguments]
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sources")
    writers = {"ray": write_ray, "trainer": write_trainer_states, "wandb": write_wandb}
    for name, write in writers.items():
        (folder / name).mkdir()
        write(folder / name)
    return [*(folder / name for name in writers), write_csv(folder), write_optuna(folder)]


JUDGE = """
import importlib.util, sys
import repro
assert repro.__file__.startswith(sys.prefix), repro.__file__
for source in sys.argv[1:]:
    judgement = repro.judge(source)
    judgement._repr_html_(), judgement.to_json(), judgement.plot_trials()
recorded = repro.judge("deberta", where={"model": "deberta-v3-base"})
assert len(recorded.configurations) == 1024
from repro.published import list_published, load_published
assert len(load_published("liu_wang_2021_table03"))
print(repro.design("deberta", where={"model": "deberta-base"}, effect=0.01))
from repro.show.page import write_page
assert "No claim was judged yet" in write_page(".").read_text(encoding="utf-8")
for name in ("torch", "ray", "transformers", "jupyterlab"):
    assert importlib.util.find_spec(name) is None, name
"""


def test_every_source_is_judged_where_torch_and_ray_are_not(environment, sources, tmp_path):
    out = run(environment, "-c", JUDGE, *map(str, sources), cwd=tmp_path)
    assert "independent trials" in out
    assert {path.name for path in tmp_path.iterdir()} <= {".cache", ".config", "index.html"}


def test_the_commands_work_from_any_folder(environment, sources, tmp_path):
    assert "The best of 8 trials" in run(
        environment, "-m", "repro", "judge", str(sources[3]), cwd=tmp_path
    )
    assert "mini" in run(environment, "-m", "repro", "profiles", cwd=tmp_path)
    assert "does not hold" in run(environment, "-m", "repro", "claims", cwd=tmp_path)


def test_the_light_part_names_neither_torch_nor_ray(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith("METADATA"))
        metadata = archive.read(name).decode()
        carried = [n for n in archive.namelist() if "/carried/" in n]
    light = [n for n in re.findall(r"^Requires-Dist: (.*)$", metadata, re.M) if "extra ==" not in n]
    assert 5 < len(light) < 12
    assert not [n for n in light if re.match("torch|ray|transformers|jupyter|optuna", n)]
    assert any(n.endswith("published/claims.csv") for n in carried)
    assert any(n.endswith("recorded/deberta/trials.parquet") for n in carried)
    assert any(n.endswith("notebooks/judge.ipynb") for n in carried)
