"""Recorded trials: each trained once, to its end, and kept so that replays can draw on them.

A folder of `data/recorded/` holds `trials.parquet` (one row a trial), `evaluations.parquet` (one
row an evaluation) and `manifest.json`, which says what they are and what the files must be.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from repro.names import check_name
from repro.paths import data_directory

FORMAT = 1
TRIAL_KEY = ("model", "task", "space", "trial")
# besides the key and hyperparameters under their names in `records`
_COLUMNS = {
    "trials": {"status", "total_steps"},
    "evaluations": {"step", "epoch", "validation_score", "test_score"},
}


@dataclass(frozen=True)
class Recorded:
    """The trials of one folder.

    `trials` has TRIAL_KEY, status, total_steps, hyperparameters; `evaluations` has TRIAL_KEY, step,
    epoch, validation_score, test_score (fractions; NaN where test was not predicted).
    """

    trials: pd.DataFrame
    evaluations: pd.DataFrame
    manifest: dict


def recorded_folders() -> dict[str, Path]:
    """Return name -> folder of the recorded trials that the package carries."""
    paths = sorted(data_directory().glob("recorded/*/manifest.json"))
    return {path.parent.name: path.parent for path in paths}


def read_recorded(name_or_folder: str | Path) -> Recorded:
    """Read recorded trials and check that they are what their manifest says.

    Raises:
        ValueError: naming the file, if it is of another format, or is not as it was written.
    """
    folder = Path(name_or_folder)
    if not (folder / "manifest.json").is_file():
        known = recorded_folders()
        folder = known[check_name("recorded trials", str(name_or_folder), known)]
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("format") != FORMAT:
        raise ValueError(
            f"{folder / 'manifest.json'} must be of format {FORMAT}, but is of "
            f"{manifest.get('format')}; use the version of repro that wrote it"
        )
    for file, digest in manifest["files"].items():
        if not (folder / file).is_file() or _digest(folder / file) != digest:
            raise ValueError(
                f"{folder / file} must be as it was recorded, but it is missing or was changed; "
                "restore it from the repository or record it again"
            )
    tables = {t: pd.read_parquet(folder / f"{t}.parquet") for t in _COLUMNS}
    return Recorded(**tables, manifest=manifest)


def write_recorded(
    folder: Path, *, trials: pd.DataFrame, evaluations: pd.DataFrame, about: dict
) -> None:
    """Write recorded trials with their manifest, which comes last.

    Args:
        about: what was recorded, from where, with which versions and settings, and its licence.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, table in {"trials": trials, "evaluations": evaluations}.items():
        missing = {*TRIAL_KEY, *_COLUMNS[name]} - set(table)
        assert not missing, f"{name} lack {missing}"
        path = folder / f"{name}.parquet"
        table.to_parquet(path, index=False, compression="zstd")
        files[path.name] = _digest(path)
    manifest = {"format": FORMAT, **about, "n_trials": len(trials), "files": files}
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
