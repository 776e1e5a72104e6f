"""A data release: one archive of tidy tables that pandas alone can read, and its reader.

The archive is a zip of CSV files with a data dictionary and checksums. An analysis that reads it
trains nothing, so anybody's data of this form will do.
"""

import hashlib
import io
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from repro.records import TABLES, check_table, make_table
from repro.results.files import write_zip

SUMS, DICTIONARY, README = "SHA256SUMS", "data_dictionary.csv", "README.md"


@dataclass(frozen=True)
class Release:
    """The tables of one seed study (see `records`)."""

    runs: pd.DataFrame
    trials: pd.DataFrame
    evaluations: pd.DataFrame
    losses: pd.DataFrame
    tasks: pd.DataFrame

    @property
    def profile(self) -> str:
        """Name the profile that asked for the runs, for captions."""
        return ", ".join(sorted(set(self.runs["profile"]))) or "unknown"

    @property
    def models(self) -> str:
        """Name the models that were trained, for captions."""
        return ", ".join(sorted(set(self.trials["model"])))


_NAMES = [field.name for field in fields(Release)]


def as_release(results, tasks: pd.DataFrame) -> Release:
    """Join a study's results with what is to be known of its tasks.

    Args:
        results: with the attributes runs, trials, evaluations and losses.
        tasks: the table `tasks`.
    """
    tables = {name: getattr(results, name) for name in _NAMES if name != "tasks"}
    return Release(**tables, tasks=make_table("tasks", tasks.to_dict("records")))


def write_release(release: Release, path: Path) -> Path:
    """Write the archive, complete or not at all; the same tables give the same bytes.

    Raises:
        ValueError: if a table is not what `records` says, or the path does not end in .zip.
    """
    path = Path(path)
    if path.suffix != ".zip":
        raise ValueError(f"`path` must end in .zip, but got {path.name}; name it so")
    contents = {}
    for name in _NAMES:
        table = check_table(name, getattr(release, name))
        contents[f"{name}.csv"] = table.to_csv(index=False, lineterminator="\n")
    words = pd.DataFrame([vars(c) | {"table": name} for name in _NAMES for c in TABLES[name]])
    contents[DICTIONARY] = words.to_csv(index=False, lineterminator="\n")
    contents[README] = _readme(release)
    contents = {name: text.encode() for name, text in contents.items()}
    sums = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in contents.items()]
    contents[SUMS] = "".join(sums).encode()
    write_zip(path, contents)
    return path


def _readme(release: Release) -> str:
    counts = "\n".join(f"- `{n}.csv`: {len(getattr(release, n)):,} rows" for n in _NAMES)
    return f"""# Fine-tunings that differ only in their seeds

Profile {release.profile}; models {release.models}; tasks
{", ".join(release.tasks["task"])}. Scores are fractions, larger is better.

{counts}
- `{DICTIONARY}`: every column's table, kind, unit and meaning
- `{SUMS}`: checksums, for `sha256sum -c {SUMS}`

Unzip it, then `pandas.read_csv("trials.csv")`; trials, evaluations and losses share `trial_id`.
"""


def read_release(path: str | Path) -> Release:
    """Read an archive, ours or somebody else's, and check it.

    Somebody else's may leave out the runs, the losses and the checksums.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: naming the file in the archive that is missing, changed or not as it must be.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"a release must be a file, but there is none at {path}")
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} must be a zip archive, but is not; `make release` writes one")
    with zipfile.ZipFile(path) as archive:
        contents = {name: archive.read(name) for name in archive.namelist() if "/" not in name}
    for line in contents.get(SUMS, b"").decode().splitlines():
        checksum, name = line.split(maxsplit=1)
        if hashlib.sha256(contents.get(name, b"")).hexdigest() != checksum:
            raise ValueError(
                f"{path}: {name} must have the checksum in {SUMS}, but has not; "
                "get the archive again"
            )
    return Release(*(_read_table(path, name, contents.get(f"{name}.csv")) for name in _NAMES))


def _read_table(path: Path, name: str, data: bytes | None) -> pd.DataFrame:
    if data is None:
        if name in ("runs", "losses"):
            return make_table(name, [])
        raise ValueError(f"{path} must hold {name}.csv, but holds none; see data_dictionary.csv")
    kinds = {column.name: column.kind for column in TABLES[name]}
    texts = [column for column, kind in kinds.items() if kind == "text"]
    frame = pd.read_csv(
        io.BytesIO(data),
        dtype=dict.fromkeys(texts, "str"),
        keep_default_na=False,
        na_values={column: [""] for column, kind in kinds.items() if kind == "number"},
    )
    try:
        return check_table(name, frame)
    except ValueError as error:
        raise ValueError(f"{path}: {name}.csv: {error}") from None
