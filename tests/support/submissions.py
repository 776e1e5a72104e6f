"""What a class hands in, for the tests of the assignments: answers right, wrong and hostile."""

import os
import sys
import types
from types import SimpleNamespace

import nbformat
import numpy as np
from notebook_format import is_test, name_of, put_together, set_hidden_seed
from tables import write_tables

from repro.paths import ROOT

HOME = os.path.expanduser("~")
FOLDER = ROOT / "notebooks/assignments"
SOURCE = FOLDER / "source"

# Put before the first answer of `asha_by_hand`, the rest of it being right: what status it has, and
# points at most. What `lingers` starts must be gone afterwards.
LINGERS = "98765"
HOSTILE = {
    "loops": ("while True:\n    pass", "timed out", 13),
    "stubborn": (
        "while True:\n    try:\n        while True:\n            pass\n"
        "    except BaseException:\n        pass",
        "timed out",
        0,
    ),
    "hungry": ("hog = bytearray(2**40)", "out of memory", 13),  # refused at once, on any machine
    "shared": (
        "import mmap, time\nhog = mmap.mmap(-1, 2**31)\n"
        "for _ in range(1500):\n    hog.write(bytes(2**20))\ntime.sleep(600)",
        "out of memory",
        0,
    ),
    "forks": (
        "import os, time\nfor _ in range(200):\n    if os.fork() == 0:\n        time.sleep(600)\n"
        "time.sleep(600)",
        "failed",
        0,
    ),
    "transforms": (
        "import ast\nclass Empty(ast.NodeTransformer):\n"
        "    def visit_Assert(self, node):\n        return ast.Pass()\n"
        "get_ipython().ast_transformers.append(Empty())",
        "tampered",
        0,
    ),
    "patches": ("import numpy\nnumpy.allclose = lambda *a, **k: True", "tampered", 0),
    "deletes": (
        "import pathlib, shutil\n"
        "shutil.rmtree(pathlib.Path.cwd(), ignore_errors=True)\n"
        "shutil.rmtree(pathlib.Path.home(), ignore_errors=True)",
        "graded",
        15,
    ),
    "dies": ("import os\nos._exit(0)", "failed", 0),
    "lingers": (
        f"import subprocess\nsubprocess.Popen(['sleep', '{LINGERS}'], start_new_session=True, "
        "env={})",
        "graded",
        15,
    ),
    "mistyped": ("def unfinished(:", "graded", 13),
}
# What a sandbox must keep from a submission: each fails there, and the rest is graded.
FORBIDDEN = {
    "reads_home": f"import os\nassert len(os.listdir({HOME!r})) == {len(os.listdir(HOME))}",
    "reads_source": f"open({str(SOURCE / 'asha_by_hand/asha_by_hand.ipynb')!r}).read()",
    "reads_recordings": f"import os\nassert os.listdir({str(ROOT / 'data/recorded')!r})",
    "connects": "import socket\nsocket.create_connection(('192.0.2.1', 9), timeout=2)",
    "writes": f"open({str(FOLDER / 'hacked')!r}, 'w').write('x')",
    "signals": "import os\nos.kill(os.getppid() or -1, 9)\nassert 'bwrap' not in os.environ\n1 / 0",
}


def read_cells(path):
    notebook = nbformat.read(path, as_version=4)
    return notebook, {name_of(cell): cell for cell in notebook.cells if name_of(cell)}


def read_solutions(assignment):
    """Return the instructor's answers, cell by cell."""
    _, cells = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    return {
        name: c.source
        for name, c in cells.items()
        if c.metadata.nbgrader.solution and not c.metadata.nbgrader.grade
    }


def answer(assignment, *changes):
    """Return the instructor's answers with (cell, what is there, what stands instead), ... ."""
    answers = read_solutions(assignment)
    for cell, there, instead in changes:
        assert there in answers[cell], (cell, there)
        answers[cell] = answers[cell].replace(there, instead)
    return answers


def hand_in(released, to, *, assignment, answers):
    """Write a submission: the students' version with these answers."""
    notebook, cells = read_cells(released / assignment / f"{assignment}.ipynb")
    for name, text in answers.items():
        cells[name].source = text
    (to / assignment).mkdir(parents=True)
    nbformat.write(notebook, to / assignment / f"{assignment}.ipynb")


def run_here(assignment, answers, folder, *, seed=0):
    """Run the cells of a submission in this process; return test -> what it ended with, or None.

    Args:
        seed: of the tables and of the hidden tests.
    """
    source, _ = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    submitted, own = read_cells(SOURCE / assignment / f"{assignment}.ipynb")
    for name, text in answers.items():
        own[name].source = text
    set_hidden_seed(source, seed)
    write_tables(assignment, folder, seed)
    space, outcome, before = {"__name__": "__main__"}, {}, os.getcwd()
    os.chdir(folder)
    try:
        for cell in put_together(source, submitted):
            error = None
            try:
                exec(cell.source, space)
            except Exception as raised:
                error = f"{type(raised).__name__}: {raised}"
            if is_test(cell):
                outcome[name_of(cell)] = error
    finally:
        os.chdir(before)
    return outcome


def stub_training(monkeypatch, digits=4):
    """Replace training by a formula whose last digits depend on `digits`, as on other machines."""

    def train_trial(configuration, *, model, data, settings, seeds):
        text = repr(sorted((k, float(v)) for k, v in configuration.items())) + str(seeds.init)
        luck = np.random.default_rng(list(text.encode())).normal(0, 0.01)
        rate = abs(np.log10(configuration["learning_rate"]) + 2.7)
        score = round(float(np.clip(0.85 - 0.08 * rate + luck, 0, 1)), digits)
        predictions = {"test_last": np.arange(400) % 10 < 8}
        return SimpleNamespace(
            last=SimpleNamespace(score=score), status="completed", predictions=predictions
        )

    frames = {"test": {"label": SimpleNamespace(to_numpy=lambda: np.ones(400, bool))}}
    stubs = {
        "repro.training.trial": {"train_trial": train_trial},
        "repro.models.build": {"encode": lambda *a, **k: None, "resolve_model": lambda name: None},
        "repro.data.tasks": {"load_task": lambda *a, **k: SimpleNamespace(splits=frames)},
    }
    for name, content in stubs.items():
        module = types.ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
