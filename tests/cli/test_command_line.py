"""The command line: notebooks run headlessly, what is kept of them, and what is refused."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import pytest

from repro.cli import commands as command_line
from repro.cli import notebooks as reproduce
from repro.paths import RESULTS, ROOT

NOTEBOOKS = ROOT / "tests/support/notebooks"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Let the command line work in a folder of its own, on the tests' notebooks."""
    folders = reproduce.Folders(
        notebooks=NOTEBOOKS, build=tmp_path / "build", figures=tmp_path / "figures"
    )
    monkeypatch.setattr(reproduce, "Folders", lambda: folders)
    monkeypatch.setattr(reproduce, "run_notebooks", refuse_to_run)
    return folders


def refuse_to_run(*arguments, **keywords):
    raise AssertionError("nothing should have been run")


def path_of(name):
    return str(NOTEBOOKS / f"{name}.ipynb")


def test_notebooks_run_in_order_and_what_fails_is_kept(tmp_path, monkeypatch):
    # an empty home but for a broken kernel of the same name: this Python's own must be taken
    jupyter = tmp_path / "home/.local/share/jupyter"
    (jupyter / "kernels/python3").mkdir(parents=True)
    broken = '{"argv": ["/absent"], "display_name": "x", "language": "python"}'
    (jupyter / "kernels/python3/kernel.json").write_text(broken)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("JUPYTER_PATH", str(jupyter))
    notebooks = [NOTEBOOKS / "succeeds.ipynb", NOTEBOOKS / "fails.ipynb"]
    out = io.StringIO()
    with pytest.raises(reproduce.NotebookError) as caught:
        reproduce.run_notebooks(
            notebooks,
            profile="smoke",
            parameters=reproduce.check_parameters(notebooks, {"times": 3}),
            folders=reproduce.Folders(NOTEBOOKS, tmp_path / "build", tmp_path / "figures"),
            out=out,
        )
    done = tmp_path / "figures/smoke/succeeds"
    assert sorted(p.name for p in done.iterdir()) == ["succeeds.html", "succeeds.ipynb"]
    assert "<script src=" not in (done / "succeeds.html").read_text()
    assert "unpkg" not in (done / "succeeds.html").read_text()  # where widgets would come from
    executed = (done / "succeeds.ipynb").read_text()
    assert f"['smoke', 3, None, '{sys.prefix}']" in executed
    assert str(tmp_path) not in executed
    assert str(NOTEBOOKS) not in executed
    assert "succeeds: done in " in out.getvalue()

    kept = tmp_path / "build/failed/fails.ipynb"
    assert "fails: cell [3] failed: ValueError: times must be 1, but got 3" in str(caught.value)
    assert str(kept) in str(caught.value)
    assert "times must be 1, but got 3" in kept.read_text()
    assert [p.name for p in (tmp_path / "build").iterdir()] == ["failed"]
    assert not (tmp_path / "figures/smoke/fails").exists()


INTERRUPTED = """
import sys
from pathlib import Path
from repro.cli import commands as command_line
from repro.cli import notebooks as reproduce

folders = reproduce.Folders(Path("."), Path(sys.argv[1]) / "build", Path(sys.argv[1]) / "figures")
reproduce.Folders = lambda: folders
sys.exit(command_line.main(["reproduce", "--profile", "smoke", "--notebook", sys.argv[2]]))
"""


def test_interrupt_leaves_no_kernel_behind(tmp_path):
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path), path_of("waits")]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=take_interrupts,
    ) as process:
        # the notebook's second cell writes its process id as its progress, then sleeps
        line = next(line for line in process.stdout if line.startswith("waits: pid "))
        kernel = int(line.split()[-1])
        assert is_alive(kernel)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 130
    assert "interrupted; what was finished is kept: the same command goes on" in errors
    assert "Traceback" not in errors
    assert not is_alive(kernel)
    assert list((tmp_path / "build").iterdir()) == []


def take_interrupts():
    """Let Ctrl-C work in a child though these tests may run in the background, where it is off."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def is_alive(process_id):
    try:
        os.kill(process_id, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--profile", "minni"], "error: a profile must be .*got 'minni'"),
        (["--notebook", "succeed"], "error: a notebook must be .*got 'succeed'"),
        (["--notebook", "succeeds.ipynb"], "error: a notebook must be"),
        (["-p", "tims", "3"], r"unknown parameter 'tims' \(did you mean 'times'\?\); known to "),
        (["-p", "methods", "[rss]"], "error: .*mini.yaml: `methods`: unknown method 'rss'"),
        (["-p", "times", "[1"], "error: a value after -p must be YAML, but got '.1'"),
        (["--data", "no/such/folder"], "`source`: must be mini, hub or an existing directory"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(folders, capsys, arguments, message):
    if "--notebook" not in arguments:
        arguments = [*arguments, "--notebook", path_of("succeeds")]
    assert command_line.main(["reproduce", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert not folders.build.exists()


def test_a_plan_is_made_of_the_notebooks_that_are_named(capsys):
    plan = ["plan", "--steps-per-second", "100", "--profile", "smoke"]
    assert command_line.main([*plan, "--notebook", "03", "--notebook", "05"]) == 0
    lines = capsys.readouterr().out.splitlines()
    last = next(n for n, line in enumerate(lines) if line.split()[0] == "total")
    assert {line.split()[0] for line in lines[1:last]} == {"03", "05"}
    assert any("trials at once" in line for line in lines[last + 1 :])
    assert command_line.main([*plan, "--notebook", "13"]) == 2
    assert "a notebook must be" in capsys.readouterr().err
    assert command_line.main([*plan, "-p", "repetitons", "2"]) == 2
    assert "unknown key 'repetitons' (did you mean 'repetitions'?)" in capsys.readouterr().err


def test_debug_shows_the_traceback(folders):
    with pytest.raises(FileNotFoundError, match="'minni'"):
        command_line.main(["--debug", "reproduce", "--profile", "minni"])


def test_values_reach_the_notebook_typed(folders, monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr(
        reproduce, "run_notebooks", lambda *_, parameters, **__: given.extend(parameters) or []
    )
    mine = tmp_path / "mine.yaml"
    mine.write_text((ROOT / "profiles/smoke.yaml").read_text())
    (folders.figures / "mine").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    values = ["-p", "times", "7", "-p", "rate", "1e-4"]
    arguments = ["reproduce", "--notebook", path_of("succeeds"), "--profile", "mine.yaml", *values]
    assert command_line.main(arguments) == 0
    assert (folders.figures / "mine/index.html").is_file()
    assert given == [{"profile": str(mine), "times": 7, "rate": 1e-4}]


def test_each_notebook_gets_the_values_it_knows(tmp_path):
    one, other = NOTEBOOKS / "succeeds.ipynb", tmp_path / "02_other.ipynb"
    content = json.loads(one.read_text())
    content["cells"][1]["source"] = ["tasks: list = None  # which tasks"]
    other.write_text(json.dumps(content))
    values = {"times": 1, "tasks": ["rte"]}
    assert reproduce.check_parameters([one, other], values) == [{"times": 1}, {"tasks": ["rte"]}]


def test_notebooks_are_found_by_name_number_and_path(tmp_path):
    for name in ("00_start_here", "01_initial_study", "draft"):
        (tmp_path / f"{name}.ipynb").touch()
    found = reproduce.find_notebooks([], tmp_path)
    assert [p.stem for p in found] == ["00_start_here", "01_initial_study"]
    assert reproduce.find_notebooks(["01", "00_start_here"], tmp_path) == found[::-1]
    with pytest.raises(FileNotFoundError, match="must be notebooks NN_name.ipynb in"):
        reproduce.find_notebooks([], tmp_path / "absent")


def test_files_are_listed_by_folder_and_ending(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = ("table_3.md", "table_3.csv", "heatmap.png")
    listed = reproduce.describe_files([tmp_path / "figures/mini/01" / name for name in names])
    assert listed.splitlines() == ["figures/mini/01/", "  heatmap  .png", "  table_3  .csv .md"]


def test_profiles_are_listed(capsys):
    assert command_line.main(["profiles"]) == 0
    assert "paper       Liu & Wang 2021" in capsys.readouterr().out


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0:00"), (75, "1:15"), (3723, "1:02:03")])
def test_times_are_readable(seconds, text):
    assert reproduce.format_seconds(seconds) == text


def test_what_is_made_may_go_elsewhere(tmp_path):
    """As where the checkout cannot be written to."""
    code = "from repro.cli.notebooks import Folders; print(Folders().figures, Folders().build)"
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src"), "REPRO_FIGURES": f"{tmp_path}/f"}
    command = [sys.executable, "-c", code]
    said = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    assert said.stdout.split() == [f"{tmp_path}/f", f"{tmp_path}/build"]


def test_what_a_run_writes_is_not_tracked():
    """Neither `make reproduce` nor `make test` changes a file that git tracks."""
    if not (ROOT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("this is no checkout")
    folders = reproduce.Folders()
    written = [folders.build, RESULTS, *(folders.figures / f for f in ("mini", "mini-changed"))]
    inside = [str(folder / "x") for folder in written if folder.is_relative_to(ROOT)]
    ignored = subprocess.run(
        ["git", "check-ignore", *inside], cwd=ROOT, capture_output=True, text=True
    )
    assert ignored.stdout.split() == inside
    tracked = subprocess.run(
        ["git", "ls-files", *written], cwd=ROOT, capture_output=True, text=True
    )
    assert tracked.stdout == ""


def test_the_ledger_is_listed_by_evidence_and_source(folders, capsys):
    """Where nothing was run yet it is the reference's."""
    assert command_line.main(["claims", "--profile", "laptop"]) == 2
    assert "run `make reproduce` first" in capsys.readouterr().err
    listing = ["claims", "--source", "course_project", "--evidence", "published"]
    assert command_line.main(listing) == 0
    listed = capsys.readouterr().out
    assert "course-balanced (published (full))" in listed
    assert "liu-" not in listed
    assert command_line.main(["claims", "--source", "course"]) == 2
    assert "unknown source 'course'" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_the_end_of_a_session_is_an_interrupt(number, monkeypatch, capsys, request):
    def ended(*arguments, **keywords):
        signal.raise_signal(number)

    # what a shell starts in the background ignores Ctrl-C
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, usual))
    monkeypatch.setattr("repro.study.recording.record", ended)
    before = signal.getsignal(number)
    assert command_line.main(["record"]) == 130
    assert "the same command goes on" in capsys.readouterr().err
    assert signal.getsignal(number) is before
