"""Run notebooks, plan studies, write submissions and releases, list profiles: `python -m repro`."""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from repro.checked import parse_yaml
from repro.cli import notebooks as reproduce
from repro.names import check_name
from repro.paths import REFERENCE
from repro.study.profile import Profile, known_profiles, load_profile, overridable_keys


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit status: 1 for a failed notebook, 2 for bad input."""
    options = _parser().parse_args(arguments)
    try:
        with _signals_as_interrupt():
            return options.command(options)
    except KeyboardInterrupt:
        print("\ninterrupted; what was finished is kept: the same command goes on", file=sys.stderr)
        return 130
    except (reproduce.NotebookError, ValueError, OSError) as error:
        if options.debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        return 1 if isinstance(error, reproduce.NotebookError) else 2


@contextmanager
def _signals_as_interrupt() -> Iterator[None]:
    """Let the end of a session or a batch job do what Ctrl-C does."""
    signals = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.default_int_handler) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m repro", description=__doc__)
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    run = commands.add_parser("reproduce", help="run notebooks; tables and figures go to figures/")
    run.set_defaults(command=_reproduce)
    plan = commands.add_parser("plan", help="list what the notebooks would run, with its cost")
    plan.add_argument(
        "--steps-per-second",
        type=_rate,
        action="append",
        default=[],
        metavar="[MODEL=]RATE",
        help="of one trial; default: measured here",
    )
    plan.add_argument("--card", help="T4, V100, A100 or H200: rates by arithmetic, not measured")
    plan.add_argument("--gpus", type=_count, help="how many; default: those of this machine")
    plan.set_defaults(command=_plan)
    for command in (run, plan):
        command.add_argument("--notebook", action="append", default=[], help="name; default: all")
    send = commands.add_parser("submit", help="write a GLUE submission of a study's incumbents")
    send.add_argument("--model", help="of the profile; default: its first")
    send.add_argument("--method", help="whose trials, such as rs; default: of all methods")
    send.add_argument("--rank", type=int, default=1, help="by validation score; default: 1")
    send.add_argument("--out", type=Path, default=Path("submission.zip"), help="the zip to write")
    send.set_defaults(command=_submit)
    give = commands.add_parser("release", help="write the seed study's data as one archive")
    give.add_argument("--out", type=Path, default=Path("dist/seeds.zip"), help="the zip to write")
    give.set_defaults(command=_release)
    for command in (run, plan, send, give):
        command.add_argument("--profile", default="mini", help="a name in profiles/ or a file")
        command.add_argument("--data", metavar="SOURCE", help="mini, hub or a directory")
        command.add_argument(
            "-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), dest="values"
        )
    profiles = commands.add_parser("profiles", help="list the profiles")
    claims = commands.add_parser("claims", help="list the sources' claims and the verdicts on them")
    claims.add_argument("--profile", default="mini", help="whose last run; default: mini")
    for part in ("evidence", "source"):
        claims.add_argument(f"--{part}", help="only these")
    claims.add_argument("--undecided", action="store_true", help="only these")
    claims.set_defaults(command=_list_claims)
    keep = commands.add_parser("record", help="train what data/recorded/NAME lacks of its plan")
    keep.add_argument("name", nargs="?", default="mini", metavar="NAME", help="default: mini")
    keep.add_argument("--parts", nargs="+", default=[], help="of the plan; default: all")
    keep.add_argument("--first", type=_count, metavar="N", help="only so many trials of each cell")
    keep.add_argument("--workers", type=_count, metavar="N", help="processes; default: one a core")
    keep.set_defaults(command=_record)
    judge = commands.add_parser("judge", help="judge the trials of any tool: luck, or better?")
    judge.add_argument("trials", help="a file, folder, storage or name; see `repro.judge`")
    for name in ("score", "test", "direction", "study"):
        judge.add_argument(f"--{name}", help="found by itself where it can be")
    judge.add_argument("--where", nargs=2, action="append", default=[], metavar=("COLUMN", "VALUE"))
    judge.add_argument("--n-validation", type=int, help="validation examples, if score is a share")
    judge.add_argument("--json", type=Path, metavar="FILE", help="write the numbers there too")
    judge.set_defaults(command=_judge)
    renew = commands.add_parser("reference", help="make the last run of mini the reference")
    renew.set_defaults(command=_renew_reference)
    profiles.set_defaults(command=_list_profiles)
    return parser


def _reproduce(options: argparse.Namespace) -> int:
    from repro.show import reference
    from repro.show.ledger import collect_claims, summary
    from repro.show.page import write_page

    started, folders = time.monotonic(), reproduce.Folders()
    values = _values(options)
    known = overridable_keys()
    profile = load_profile(options.profile, **{k: v for k, v in values.items() if k in known})
    notebooks = reproduce.find_notebooks(options.notebook, folders.notebooks)
    values = {"profile": _absolute(options.profile)} | values
    parameters = reproduce.check_parameters(notebooks, values)
    made = reproduce.run_notebooks(
        notebooks,
        profile=profile.folder,
        parameters=parameters,
        folders=folders,
        cpus_per_trial=profile.cpus_per_trial,
        gpus_per_trial=profile.gpus_per_trial,
    )
    directory, comparison = folders.figures / profile.folder, None
    if profile.folder == reference.PROFILE:
        comparison = reference.compare(directory, REFERENCE)
    ledger = collect_claims(directory)
    page = write_page(directory, comparison)
    print(reproduce.describe_files([*made, page]))
    elapsed = reproduce.format_seconds(time.monotonic() - started)
    print(f"{len(made)} files in {elapsed}; to look at them open {page}")
    print(f"the ledger of claims: {summary(ledger)}")
    if comparison:
        print(comparison.sentence())
    return 0


def _list_claims(options: argparse.Namespace) -> int:
    from repro.show import reference
    from repro.show.ledger import FILE, GLYPHS, ledger_table, read_claims, summary
    from repro.stats.decisions import UNDECIDED

    figures = reproduce.Folders().figures
    path = figures / options.profile / FILE
    if not path.is_file() and options.profile == reference.PROFILE:
        path = REFERENCE / FILE
    if not path.is_file():
        raise FileNotFoundError(f"{path} must be there, but is not; run `make reproduce` first")
    rows = read_claims(path)
    for part in ("evidence", "source"):
        if value := getattr(options, part):
            rows = rows[rows[part] == check_name(part, value, sorted(set(rows[part].dropna())))]
    if options.undecided:
        rows = rows[rows["verdict"] == UNDECIDED]
    for row, cells in zip(rows.itertuples(), ledger_table(rows).frame.itertuples(), strict=True):
        print(f"{GLYPHS[row.verdict]} {row.id} ({cells.evidence}): {row.claim}")
        print(f"    {row.verdict}: {cells.estimate}; {row.reason}")
    print(summary(rows))
    return 0


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be 1, 2, ..., but got {text!r}")
    return int(text)


def _rate(text: str) -> tuple[str, float]:
    model, _, rate = text.rpartition("=")
    if not 0 < float(rate) < float("inf"):  # what is no number argparse refuses
        raise argparse.ArgumentTypeError(f"must be above 0, but got {text!r}")
    return model, float(rate)


def _record(options: argparse.Namespace) -> int:
    from repro.paths import data_directory
    from repro.study.profile import chapter_modules
    from repro.study.recorded_studies import record_study, study_folder
    from repro.study.recording import record

    studies = {}
    for module in chapter_modules("run", having="STUDY"):
        studies |= module.STUDY
    if options.name in studies:
        folder = study_folder(options.name)
        record_study(options.name, studies[options.name], folder=folder)
    else:
        folder = data_directory("recorded", options.name)
        record(folder, options.parts, first=options.first, workers=options.workers)
    print(f"what is recorded is now in {folder}")
    return 0


def _judge(options: argparse.Namespace) -> int:
    import repro

    names = ("score", "test", "direction", "study", "n_validation")
    where = {column: _parse_value(value) for column, value in options.where}
    known = {name: getattr(options, name) for name in names}
    judgement = repro.judge(options.trials, where=where or None, **known)
    print(judgement)
    if options.json:
        options.json.write_text(judgement.to_json() + "\n", encoding="utf-8")
    return 0


def _renew_reference(options: argparse.Namespace) -> int:
    from repro.paths import ROOT
    from repro.show import reference
    from repro.show.ledger import FILE, read_claims
    from repro.show.readme import renew_readme

    figures = reproduce.Folders().figures
    folder = figures / reference.FOLDER
    n_files = reference.renew(figures / reference.PROFILE, folder)
    print(f"{n_files} files are now the reference, in {folder}")
    renew_readme(ROOT / "README.md", read_claims(folder / FILE))
    print("README.md says what came out")
    return 0


def _plan(options: argparse.Namespace) -> int:
    from repro.cli.plan import by_part, describe, plan

    notebooks = reproduce.find_notebooks(options.notebook, reproduce.Folders().notebooks)
    chosen = {"notebooks": [path.stem for path in notebooks] if options.notebook else ()}
    profile, stated = _load(options), dict(options.steps_per_second)
    planned = plan(
        profile,
        steps_per_second=stated.get("", stated) or None,
        card=options.card,
        gpus=options.gpus,
        **chosen,
    )
    print(by_part(planned.table).to_string(index=False, float_format="{:.3g}".format))
    print(describe(planned, profile, **chosen))
    for section, why in planned.left_out.items():
        print(f"left out: {section}, for {why}")
    return 0


def _submit(options: argparse.Namespace) -> int:
    from repro.study.submission import submit

    profile = _load(options)
    files = submit(
        profile, out=options.out, model=options.model, method=options.method, rank=options.rank
    )
    print(files.to_string(index=False, na_rep="", float_format="{:.4f}".format))
    filled = files.loc[files["run"] == "", "file"]
    if len(filled):
        print(f"filled, for the site wants them all, and worth no score: {', '.join(filled)}")
    scores = profile.returned_scores or options.out.with_suffix(".csv")
    print(f"wrote {options.out}; enter what comes back in {scores}, in percent, and name that file")
    print("in the profile as `returned_scores`")
    return 0


def _release(options: argparse.Namespace) -> int:
    from repro.chapters.seeds.release import as_release, write_release
    from repro.chapters.seeds.run import describe_tasks, finished_seed_study

    profile = _load(options)
    release = as_release(finished_seed_study(profile), describe_tasks(profile))
    path = write_release(release, options.out)
    print(f"{path}: {len(release.trials)} trials, {path.stat().st_size / 1e6:.1f} MB")
    return 0


def _list_profiles(options: argparse.Namespace) -> int:
    for name, description in known_profiles().items():
        print(f"{name:10}  {description}")
    return 0


def _load(options: argparse.Namespace) -> Profile:
    """Load the profile with all values given; they must be the profile's."""
    values = _values(options)
    for name in values:
        check_name("key", name, overridable_keys())
    return load_profile(options.profile, **values)


def _values(options: argparse.Namespace) -> dict[str, Any]:
    values = {name: _parse_value(text) for name, text in options.values}
    if "profile" in values:
        raise ValueError("the profile must be named by --profile, but is also given after -p")
    return values | ({} if options.data is None else {"source": _absolute(options.data)})


def _parse_value(text: str) -> Any:
    try:
        return parse_yaml(text)
    except (yaml.YAMLError, RecursionError):
        raise ValueError(f"a value after -p must be YAML, but got {text!r}; quote it") from None


def _absolute(name_or_path: str) -> str:
    """Make a path hold wherever it is read; names stay."""
    is_path = name_or_path not in ("mini", "hub") and Path(name_or_path).exists()
    return str(Path(name_or_path).resolve()) if is_path else name_or_path
