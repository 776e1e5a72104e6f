"""The dependency files agree with one another, and name no package index; make explains itself."""

import re
import shutil
import subprocess
import tomllib
from importlib.metadata import PackageNotFoundError, distributions, requires

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from repro.paths import ROOT


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
    needed = [*project["dependencies"], *extras["full"], *extras["test"]]
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
