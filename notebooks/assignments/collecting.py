"""Take the submissions of one assignment out of the zip that Moodle or Canvas makes."""

import os
import re
import shutil
import time
import zipfile
from pathlib import Path, PurePosixPath

from notebook_format import MOST_BYTES

# Moodle: "Ann Smith_1234567_assignsubmission_file_/any.ipynb", or all in one name
_MOODLE = re.compile(r"^(?P<name>[^/]+?)_(?P<id>\d+)_assignsubmission_file")
# Canvas: "smithann_LATE_1234567_7654321_any-1.ipynb"
_CANVAS = re.compile(r"^(?P<name>[^_/]+)(?:_LATE)?_(?P<id>\d+)_\d+_")


def is_plain(name: str) -> bool:
    """Say whether a name can be that of a folder, whatever it is given to."""
    return re.fullmatch(r"[\w-][\w.-]*", name) is not None


def student_of(path: str) -> str | None:
    """Return `name_id` of the student who handed in this file of a zip; None if none is named."""
    for part in PurePosixPath(path).parts:
        if found := _MOODLE.match(part) or _CANVAS.match(part):
            name = re.sub(r"[^\w]+", "-", found["name"]).strip("-")
            return f"{name}_{found['id']}"
    return None


def collect(zips: list[Path], to: Path, *, assignment: str) -> list[str]:
    """Write <student>/<assignment>/<assignment>.ipynb for each notebook in the zips.

    Nothing is unpacked under a name of the zip's: paths that leave the folder lead nowhere. Of
    several notebooks of a student the newest counts; its time is that of handing in.

    Returns:
        what was left out, and why.
    """
    newest, problems = {}, []
    for path in zips:
        try:
            with zipfile.ZipFile(path) as archive:
                entries = [e for e in archive.infolist() if not e.is_dir()]
        except (OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"must be a zip, but {path}: {error}") from None
        for entry in entries:
            student = student_of(entry.filename)
            if ".." in PurePosixPath(entry.filename).parts or entry.filename.startswith("/"):
                problems.append(f"{entry.filename}: its path leaves the folder")
            elif student is None or not entry.filename.endswith(".ipynb"):
                problems.append(f"{entry.filename}: no notebook, or no student's number")
            elif entry.file_size > MOST_BYTES:
                problems.append(f"{entry.filename}: larger than {MOST_BYTES} bytes")
            else:
                newest.setdefault(student, []).append((entry.date_time, str(path), entry.filename))
    for student, files in newest.items():
        *older, (when, archive, name) = sorted(files)
        problems += [f"{file}: {student} has a later one" for _, _, file in older]
        _extract(archive, name, to / student / assignment / f"{assignment}.ipynb", when)
    return problems


def _extract(archive: str, name: str, to: Path, when: tuple) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(archive) as opened, opened.open(name) as source, to.open("wb") as target:
        shutil.copyfileobj(source, target)
    seconds = time.mktime((*when, 0, 0, -1))
    os.utime(to, (seconds, seconds))
