"""The course: hand out assignments, collect and grade what comes back, turn it into marks.

See README.md beside this file, and docs/course.md for the course as a whole.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path

import collecting
import grading
import kit
import processes
import psutil
import releasing
import similarity
import totals
from sandbox import Limits

HERE = Path(__file__).resolve().parent


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)

    release = commands.add_parser("release", help="write the students' versions")
    release.add_argument("--to", type=Path, default=HERE / "release")
    release.add_argument("--students", type=Path, help="names: tables for each")
    which = releasing.list_assignments()
    release.add_argument("--assignment", choices=which, help="this one; else all but the exam")
    whole = commands.add_parser("kit", help="write all that students need, without solutions")
    whole.add_argument("--to", type=Path, default=HERE / "kit")

    collect = commands.add_parser("collect", help="take submissions out of an LMS's zip")
    collect.add_argument("zip", type=Path, nargs="+")
    collect.add_argument("--assignment", required=True, choices=which)
    collect.add_argument("--to", type=Path, default=HERE / "submitted")

    grade = commands.add_parser("grade", help="grade a folder of submissions")
    grade.add_argument("submissions", type=Path)
    grade.add_argument("--to", type=Path, default=HERE / "grades")
    grade.add_argument("--resume", action="store_true", help="grade what is new or was changed")
    grade.add_argument("--again", action="store_true", help="grade all again, one by one replaced")
    grade.add_argument("--only", default="", metavar="STUDENT", help="of this student, all again")
    grade.add_argument("--jobs", type=int, help="submissions at once; default: cores and memory")
    grade.add_argument("--require-sandbox", action="store_true", help="refuse to grade without")
    for name, value in vars(Limits()).items():
        option, kind = f"--{name.replace('_', '-')}", type(value)
        default = None if name == "memory_gb" else value
        shown = "min(4, available / jobs)" if default is None else value
        grade.add_argument(option, type=kind, default=default, help=f"default {shown}")

    marks = commands.add_parser("totals", help="add marks by hand, lateness; fill an LMS's table")
    marks.add_argument("grades", type=Path, nargs="?", default=HERE / "grades")
    marks.add_argument("--due", type=datetime.fromisoformat, help="2026-11-30T23:59+01:00")
    marks.add_argument("--percent-per-day", type=float, default=10.0)
    marks.add_argument("--grace-minutes", type=float, default=10.0)
    marks.add_argument("--lms", type=Path, help="a grade table exported by Moodle or Canvas")
    marks.add_argument("--assignment", help="whose marks go into the LMS's table")
    marks.add_argument("--column", help="of the LMS's table, to be filled")

    alike = commands.add_parser("similarity", help="list pairs of submissions that are alike")
    alike.add_argument("submissions", type=Path)
    alike.add_argument("--at-least", type=float, default=0.8)
    for command in (release, whole, grade):
        command.add_argument("--secret", default="", help="seeds tables, hidden tests")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; errors of use are one line."""
    options = _parse(arguments)
    try:
        _COMMANDS[options.command](options)
    except (ImportError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def _release(options: argparse.Namespace) -> None:
    students = _names(options.students)
    if bool(students) != bool(options.secret):
        raise ValueError("tables for each student need both --students and --secret, to draw them")
    which = (options.assignment,) if options.assignment else tuple(releasing.list_homework())
    releasing.release(options.to, secret=options.secret, students=students, assignments=which)
    print(f"released {', '.join(which)} to {options.to}")


def _names(path: Path | None) -> tuple[str, ...]:
    lines = path.read_text("utf-8").splitlines() if path else []
    names = tuple(line.strip() for line in lines if line.strip())
    if bad := [name for name in names if not collecting.is_plain(name)]:
        raise ValueError(f"a student's name must be letters, digits, - and _, but got {bad[0]!r}")
    return names


def _kit(options: argparse.Namespace) -> None:
    kit.write_kit(options.to)
    print(f"see {options.to / 'README.md'}")


def _collect(options: argparse.Namespace) -> None:
    problems = collecting.collect(options.zip, options.to, assignment=options.assignment)
    for problem in problems:
        print(f"not collected: {problem}", file=sys.stderr)


def _grade(options: argparse.Namespace) -> None:
    to, begun = options.to, (options.to / "grades.csv").is_file()
    if to.exists() and any(to.iterdir()) and not begun:
        raise ValueError(f"only earlier grades are added to, but {to} has no grades.csv")
    if begun and not (options.resume or options.again or options.only):
        raise ValueError(
            f"{to} holds grades; go on with --resume, grade all again with --again, one student "
            "with --only NAME, or name another folder with --to"
        )
    found = grading.find_submissions(options.submissions, options.only)
    isolation = grading.choose_isolation(required=options.require_sandbox)
    jobs = options.jobs or grading.usual_jobs(options.memory_gb or 2.0)
    values = {name: getattr(options, name) for name in vars(Limits())}
    free = psutil.virtual_memory().available / 2**30
    values["memory_gb"] = options.memory_gb or round(min(4.0, free / jobs), 2)
    again = options.again or bool(options.only)
    how = grading.Grading(Limits(**values), jobs, isolation, options.secret, again)
    processes.become_subreaper()
    try:
        grading.grade(found, to, how)
    finally:
        processes.end_descendants()
    print(f"see {to / 'grades.csv'}")


def _totals(options: argparse.Namespace) -> None:
    late = totals.Lateness(options.due, options.percent_per_day, options.grace_minutes)
    table = totals.write_totals(options.grades, late)
    if options.lms:
        path = totals.fill_lms(options.lms, table, options.assignment, options.column)
        print(f"see {path}")
    print(f"see {options.grades / 'totals.csv'}")


def _similarity(options: argparse.Namespace) -> None:
    table = similarity.compare(options.submissions, at_least=options.at_least)
    print(table.to_string(index=False) if len(table) else "no pair is that much alike")


_COMMANDS = {
    "release": _release,
    "kit": _kit,
    "collect": _collect,
    "grade": _grade,
    "totals": _totals,
    "similarity": _similarity,
}

if __name__ == "__main__":
    sys.exit(main())
