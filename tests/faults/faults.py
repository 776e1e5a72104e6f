"""Disturb a tiny study, let it go on, and compare all its tables with those of an undisturbed one.

python tests/faults/faults.py [--kills 100] [--damages 200] [--minutes 30] [--seed 0]
"""

import argparse
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest import mock

import psutil
import tiny_study

PAUSE = 0.01  # seconds between evaluations: a study takes about three
PATIENCE = 300  # seconds for whatever must come to its end
ENDINGS = {
    "killed": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGHUP": [signal.SIGHUP],
    "Ctrl-C": [signal.SIGINT],
    "Ctrl-C twice": [signal.SIGINT, signal.SIGINT],
}


class Fault(Exception):
    """Something was lost, or was not told."""


@dataclass
class Tally:
    """What became of one kind of disturbance."""

    done: int = 0
    told: int = 0  # the study ended with a line that says what to do; the others went on
    studies: int = 0  # whose tables were compared
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Bench:
    """A folder to work in, a random number generator, and what the tables must be."""

    def __init__(self, folder: Path, seed: int):
        self.folder, self.rng, self._n = folder, random.Random(seed), 0
        self._turns = Counter()
        self.whole = folder / "whole"
        self.expected = tiny_study.tables(tiny_study.carry_out(self.whole))
        self.begun = [self._interrupted(n) for n in (2, 5, 8, 15, 25)]

    def new(self) -> Path:
        self._n += 1
        return self.folder / f"study{self._n}"

    def turn(self, choices: Sequence):
        """Return one of these, each in its turn."""
        n = self._turns[tuple(choices)]
        self._turns[tuple(choices)] += 1
        return choices[n % len(choices)]

    def copy(self, of: Path) -> Path:
        return shutil.copytree(of, self.new())

    def _interrupted(self, n_trials: int) -> Path:
        """Return the folder of a study that was interrupted in a trial."""
        folder, left = self.new(), iter(range(n_trials))

        def train(*arguments, **keywords):
            if next(left, None) is None:
                raise KeyboardInterrupt
            return plain(*arguments, **keywords)

        plain = tiny_study.train
        try:
            with mock.patch("tiny_study.train", train):
                tiny_study.carry_out(folder)
        except KeyboardInterrupt:
            return folder
        raise AssertionError("it must not come to its end")

    def go_on(self, folder: Path) -> bool:
        """Let a study come to its end and compare; tell whether it first said what to do."""
        told = False
        try:
            results = tiny_study.carry_out(folder)
        except ValueError as error:
            told = True
            self._obey(str(error), folder)
            results = tiny_study.carry_out(folder)
        found = tiny_study.tables(results)
        if found != self.expected:
            names = {**found, **self.expected}
            raise Fault(f"differ: {[n for n in names if found.get(n) != self.expected.get(n)]}")
        if left := [*folder.rglob("*.partial"), *folder.rglob("*.tmp")]:
            raise Fault(f"left behind: {left}")
        shutil.rmtree(folder)
        return told

    @staticmethod
    def _obey(line: str, folder: Path) -> None:
        """Do what the line says: remove a folder of the study."""
        _, _, after = line.partition("remove ")
        path = Path(after.partition(" ")[0])
        if "\n" in line or not after or not path.is_relative_to(folder):
            raise Fault(f"says no way out: {line}")
        shutil.rmtree(path)


# ---- files


WAYS: dict[str, Callable[[bytes, random.Random], bytes | None]] = {
    "truncated": lambda content, rng: content[: rng.randrange(len(content))],
    "emptied": lambda content, rng: b"",
    "removed": lambda content, rng: None,
    "a bit flipped": lambda content, rng: flip(content, rng),
}
TABLES = ("trials", "evaluations", "losses", "segments", "examples")
FINISHED = ["run.json", "trials/*.npz", *(f"{name}.parquet" for name in TABLES)]
# Weights are too large to be read each time: their size is looked at, not their bits.
WEIGHTS = "checkpoints/*/*"
IN_PROGRESS = ["*.partial/trials/*.npz", "*.partial/states/*"]


def flip(content: bytes, rng: random.Random) -> bytes:
    place = rng.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)]) + content[place + 1 :]


def spoil(bench: Bench, folder: Path, pattern: str) -> str:
    """Damage a file of this kind in some way; return which and how."""
    path = bench.rng.choice(sorted(folder.rglob(pattern)))
    is_sealed = path.suffix in (".json", ".npz", ".parquet")
    ways = [way for way in WAYS if is_sealed or way != "a bit flipped"]
    way, content = bench.rng.choice(ways), path.read_bytes()
    path.unlink()
    if (damaged := WAYS[way](content, bench.rng)) is not None:
        path.write_bytes(damaged)
    return f"{path.relative_to(folder)} {way}"


def damage_finished(bench: Bench) -> tuple[int, bool]:
    """Damage a finished study: to read it must be refused, by name; to run it must mend it."""
    folder = bench.copy(bench.whole)
    how = spoil(bench, folder, bench.turn([*FINISHED, WEIGHTS]))
    try:
        found = tiny_study.tables(tiny_study.read(folder))
        if found != bench.expected:
            raise Fault(f"{how}: read without a word")
    except ValueError as error:
        if str(folder) not in str(error) or "\n" in str(error):
            raise Fault(f"{how}: {error}") from None
    return 1, bench.go_on(folder)


def damage_in_progress(bench: Bench) -> tuple[int, bool]:
    """Damage a study that was interrupted."""
    kind = bench.turn(IN_PROGRESS)
    folder = bench.copy(bench.rng.choice([path for path in bench.begun if [*path.rglob(kind)]]))
    spoil(bench, folder, kind)
    return 1, bench.go_on(folder)


# ---- processes


def start(folder: Path, *, pause: float = PAUSE, before: Callable = lambda: None):
    """Let a process run the study."""
    process = multiprocessing.get_context("fork").Process(
        target=_carry_out, args=(folder, pause, before)
    )
    process.start()
    return process


def _carry_out(folder: Path, pause: float, before: Callable) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    before()
    with open(folder.with_suffix(".log"), "a") as log, redirect_stderr(log):
        try:
            tiny_study.carry_out(folder, pause=pause)
        except (ValueError, OSError, RuntimeError, KeyboardInterrupt) as error:
            print(f"error: {error}", file=log)
            sys.exit(1)


def said(folder: Path) -> str:
    """Return the error of the last process."""
    return folder.with_suffix(".log").read_text().rpartition("error: ")[2].strip()


def kill_drivers(bench: Bench) -> tuple[int, bool]:
    """End the process that runs a study, up to four times, at random moments."""
    folder, n = bench.new(), 0
    for _ in range(bench.rng.randint(1, 4)):
        process = start(folder)
        time.sleep(bench.rng.uniform(0.1, 2))
        if process.is_alive():
            n += 1
            for number in ENDINGS[bench.turn([*ENDINGS])]:
                os.kill(process.pid, number)
        process.join(PATIENCE)
    return n, bench.go_on(folder)


def run_side_by_side(bench: Bench) -> tuple[int, bool]:
    """Let two or three processes run one study, and kill one of them now and then."""
    folder = bench.new()
    processes = [start(folder) for _ in range(bench.rng.choice([2, 3]))]
    if victim := bench.rng.choice([*processes, None]):
        time.sleep(bench.rng.uniform(0.1, 2))
        victim.kill()
    for process in processes:
        process.join(PATIENCE)
        if process is not victim and process.exitcode != 0:
            raise Fault(f"ended with {process.exitcode}: {said(folder)}")
    return 1, bench.go_on(folder)


def jump_clocks(bench: Bench) -> tuple[int, bool]:
    """Let the clock of a study go forth and back by days."""
    folder, real, rng = bench.new(), time.time, bench.rng

    def jump():
        time.time = lambda: real() + rng.uniform(-1e6, 1e6)

    process = start(folder, pause=0, before=jump)
    process.join(PATIENCE)
    return 1, bench.go_on(folder)


@contextmanager
def small_disk(place: Path, size: int) -> Iterator[Callable]:
    """Make `place` a file system of so many bytes, where one may; else limit each file's size.

    Yields:
        what a process must do before it writes there.
    """
    place.mkdir()
    mounted = os.geteuid() == 0 and not _mount("-t", "tmpfs", "-o", f"size={size}", "none", place)
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size // 50, -1))
    try:
        yield (lambda: None) if mounted else limit
        if mounted and _mount("-o", "remount,size=100m", place):
            raise RuntimeError(f"{place} cannot be made larger")
    finally:
        if mounted:
            kept = shutil.copytree(place, place.with_name(f"{place.name}-kept"))
            subprocess.run(["umount", place], check=True)
            place.rmdir()
            kept.rename(place)


def _mount(*arguments) -> int:
    return subprocess.run(["mount", *arguments], stderr=subprocess.DEVNULL).returncode


def fill_disk(bench: Bench) -> tuple[int, bool]:
    """Let a study fill its disk, and make room."""
    folder = bench.new()
    with small_disk(folder, bench.rng.randrange(50_000, 1_000_000)) as before:
        process = start(folder, pause=0, before=before)
        process.join(PATIENCE)
        if told := process.exitcode != 0:
            line = said(folder)
            if process.exitcode != 1 or str(folder) not in line or "\n" in line:
                raise Fault(f"a full disk ended with {process.exitcode}: {line}")
    bench.go_on(folder)
    return 1, told


def forbid_writing(bench: Bench) -> tuple[int, bool]:
    """Make the folder of results read-only under a study that has begun or is to begin."""
    folder = bench.copy(bench.rng.choice(bench.begun))
    with read_only(folder) as is_so:
        if not is_so:
            return 0, bench.go_on(folder)
        process = start(folder, pause=0)
        process.join(PATIENCE)
        line = said(folder)
        if process.exitcode != 1 or str(folder) not in line or "\n" in line:
            raise Fault(f"read-only ended with {process.exitcode}: {line}")
    bench.go_on(folder)
    return 1, True


@contextmanager
def read_only(folder: Path) -> Iterator[bool]:
    """Let nobody write below a folder for a while, root included; tell whether that is so."""
    if os.geteuid() == 0:
        is_so = not _mount("--bind", folder, folder)
        is_so = is_so and not _mount("-o", "remount,ro,bind", folder)
        yield is_so
        if is_so:
            subprocess.run(["umount", folder], check=True)
        return
    places = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for place in places:
        place.chmod(0o555)
    yield True
    for place in places:
        place.chmod(0o755)


# ---- Ray and notebooks


PARTS_OF_RAY = ("worker", "raylet", "driver", "desk", "gcs_server")


def kill_parts_of_ray(bench: Bench) -> tuple[int, bool]:
    """End a process of Ray while two workers train."""
    folder, part = bench.new(), bench.turn(PARTS_OF_RAY)
    environment = os.environ | {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
    command = [sys.executable, tiny_study.__file__, folder, "--pause", "0.05", "--ray"]
    with open(folder.with_suffix(".log"), "w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    wait_until(lambda: process.poll() is not None or [*folder.rglob("*.npz")])
    time.sleep(bench.rng.uniform(0, 2))
    family = [psutil.Process(process.pid)]
    family += family[0].children(recursive=True)
    victims = [member for member in family[1:] if _is(part, member)]
    victim = bench.rng.choice(victims) if victims else family[0]
    victim.kill()
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(family[1:], timeout=PATIENCE)
    if alive:
        raise Fault(f"{part} killed, and {[p.name() for p in alive]} stay")
    text = folder.with_suffix(".log").read_text()
    if process.returncode not in (0, 1, -signal.SIGKILL) or "Traceback" in text:
        raise Fault(f"{part} killed, ended with {process.returncode}: {text[-2000:]}")
    bench.go_on(folder)
    return 1, process.returncode == 1


def _is(part: str, process: psutil.Process) -> bool:
    try:
        name, title = process.name(), " ".join(process.cmdline())
    except psutil.Error:
        return False
    if part in ("raylet", "gcs_server"):
        return name == part
    is_desk = title.startswith("ray::Desk")
    return is_desk if part == "desk" else title.startswith("ray::Impl") and part == "worker"


COMMAND = """
import sys
from pathlib import Path
from repro.cli import commands, notebooks

here = Path(sys.argv[1])
folders = notebooks.Folders(here, here / "build", here / "figures")
notebooks.Folders = lambda: folders
notebook = str(here / "00_tiny.ipynb")
sys.exit(commands.main(["reproduce", "--profile", "smoke", "--notebook", notebook]))
"""


def disturb_notebooks(bench: Bench) -> tuple[int, bool]:
    """Kill the kernel of a notebook that runs a study, or end the command; nothing may be left."""
    folder, how = bench.new(), bench.turn(["kernel", *[*ENDINGS][1:]])
    here = folder.with_name(f"{folder.name}-command")
    temporary = here / "tmp"
    temporary.mkdir(parents=True)
    _write_notebook(here / "00_tiny.ipynb", folder)
    paths = [str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join(paths)}
    with open(folder.with_suffix(".log"), "w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", COMMAND, here],
            stdout=log,
            stderr=log,
            env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
    wait_until(lambda: process.poll() is not None or [*folder.rglob("*.npz")])
    if process.poll() is not None:
        raise Fault(f"ended by itself: {folder.with_suffix('.log').read_text()}")
    children = psutil.Process(process.pid).children(recursive=True)
    time.sleep(bench.rng.uniform(0, 0.5))
    if how == "kernel":
        next(c for c in children if "ipykernel_launcher" in " ".join(c.cmdline())).kill()
    for number in ENDINGS.get(how, ()):
        process.send_signal(number)
        time.sleep(0.2)
    process.wait(PATIENCE)
    _, alive = psutil.wait_procs(children, timeout=PATIENCE)
    text = folder.with_suffix(".log").read_text()
    expected = (1, "error: 00_tiny: ") if how == "kernel" else (130, "interrupted; what was")
    in_temporary = [path for path in temporary.iterdir() if not path.name.startswith("ray")]
    left = [*in_temporary, *(here / "build").glob("00_tiny-*"), *alive]
    if left or process.returncode != expected[0] or expected[1] not in text or "Trace" in text:
        raise Fault(f"{how}: left {left}, ended with {process.returncode}: {text}")
    shutil.rmtree(here)
    bench.go_on(folder)
    return 1, True


def _write_notebook(path: Path, results: Path) -> None:
    import nbformat

    code = f"""from pathlib import Path
import tiny_study
tiny_study.carry_out(Path({str(results)!r}), pause=0.05)"""
    cells = [nbformat.v4.new_code_cell(text) for text in ('profile = "smoke"', code)]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), path)


def wait_until(holds: Callable) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > deadline:
            raise Fault("nothing has come in time")
        time.sleep(0.02)


# ---- all of it

KILLS = {kill_drivers: 0.75, run_side_by_side: 0.1, kill_parts_of_ray: 0.1, disturb_notebooks: 0.05}
DAMAGES = {
    **{damage_finished: 0.5, damage_in_progress: 0.3},
    **{fill_disk: 0.1, forbid_writing: 0.05, jump_clocks: 0.05},
}


def disturb(bench: Bench, n: int, kinds: dict[Callable, float], *, until: float) -> dict:
    """Do n things of these kinds, in these shares, unless time is over before."""
    tallies = {}
    for kind, share in kinds.items():
        tally = tallies[kind] = Tally()
        begun = time.monotonic()
        while tally.done < round(n * share) and time.monotonic() < until:
            try:
                done, told = kind(bench)
                tally.done, tally.told = tally.done + done, tally.told + told
            except Exception as problem:
                tally.done += 1
                tally.problems.append(f"{type(problem).__name__}: {problem}")
            tally.studies += 1
        tally.seconds = time.monotonic() - begun
    return tallies


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--damages", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=30, help="after which nothing is begun")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    with (
        tempfile.TemporaryDirectory(prefix="faults-") as folder,
        open(os.devnull, "w") as nothing,
        redirect_stderr(nothing),
    ):
        bench = Bench(Path(folder), options.seed)
        tallies = disturb(bench, options.damages, DAMAGES, until=until)
        tallies |= disturb(bench, options.kills, KILLS, until=until)
    print("| what was done | times | ended with a line | studies | tables equal | seconds |")
    print("|---|---|---|---|---|---|")
    for kind, t in tallies.items():
        what = kind.__doc__.partition(".")[0].partition("\n")[0]
        equal = t.studies - len(t.problems)
        print(f"| {what} | {t.done} | {t.told} | {t.studies} | {equal} | {t.seconds:.0f} |")
    for problem in (problem for t in tallies.values() for problem in t.problems):
        print(problem)
    return any(t.problems for t in tallies.values())


if __name__ == "__main__":
    sys.exit(main())
