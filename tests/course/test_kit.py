"""What students get: all they need, no solution, no hidden test, and torch only where needed."""

import subprocess
import sys

import kit
import pytest
from notebook_format import hide_tests, put_together
from releasing import release_one

from submissions import SOURCE, read_cells, read_solutions

RECORDED = ("asha_by_hand", "exam", "overfitting_validation", "seeds_and_reporting")
# Refuses what numpy and pandas would use where it is there, and all that must not be needed.
ONLY = """
import sys
class Only:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top in {"repro", "torch", "scipy", "pyarrow", "matplotlib", "sklearn"}:
            raise ModuleNotFoundError(f"{top} is not part of the light track", name=name)
sys.meta_path.insert(0, Only())
"""


@pytest.fixture(scope="module")
def kit_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kit") / "kit"
    kit.write_kit(folder)
    return folder


def test_the_kit_has_neither_a_solution_nor_a_hidden_test(kit_folder):
    files = [path for path in kit_folder.rglob("*") if path.is_file()]
    text = {path: path.read_bytes().decode("utf-8", "replace") for path in files}
    whole = "".join(text.values())
    assert len(files) > 100 and not list(kit_folder.rglob("exam*"))
    assert [p for p in files if "assignments/source" in str(p) or p.name == "pool.csv.gz"] == []
    for assignment in sorted(path.name for path in SOURCE.iterdir()):
        _, cells = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
        for cell in cells.values():
            for part in ("SOLUTION", "HIDDEN TESTS"):
                _, _, secret = cell.source.partition(f"### BEGIN {part}")
                secret, _, _ = secret.partition(f"### END {part}")
                lines = [line.strip() for line in secret.splitlines() if len(line.strip()) > 40]
                given = hide_tests(cell.source)
                assert not [line for line in lines if line in whole and line not in given]


def test_the_package_in_the_kit_is_whole(kit_folder):
    package = kit_folder / "trained/package"
    for name in ("src/repro/training/trial.py", "data/mini", "pyproject.toml", "requirements.lock"):
        assert (package / name).exists()
    assert not list(kit_folder.rglob("__pycache__"))


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_assignments_need_numpy_and_pandas_alone(name, tmp_path):
    original, _ = read_cells(SOURCE / name / f"{name}.ipynb")
    release_one(name, tmp_path / name)
    released, cells = read_cells(tmp_path / name / f"{name}.ipynb")
    for cell, text in read_solutions(name).items():
        cells[cell].source = text
    code = "\n\n".join(cell.source for cell in put_together(released, released))
    script = tmp_path / "run.py"
    script.write_text(ONLY + code)
    command = [sys.executable, "-I", str(script)]
    done = subprocess.run(command, cwd=tmp_path / name, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-1500:]
    assert len(original.cells) == len(released.cells)
