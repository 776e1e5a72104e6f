"""Recorded trials: each trained once, to its end, and kept so that replays can draw on them.

A folder of `data/recorded/` holds `trials.parquet` (one row a trial), `evaluations.parquet` (one
row an evaluation) and `manifest.json`, which says what they are and what the files must be; where
predictions were kept, also `predictions.parquet` (one row a trial) and `labels.parquet`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from repro.names import check_name
from repro.paths import data_directory
from repro.results.files import digest, fingerprint

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
    folder: Path

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits of the tables."""
        return tables_fingerprint(self.manifest)

    @property
    def has_predictions(self) -> bool:
        """Tell whether predictions were kept."""
        return "predictions.parquet" in self.manifest.get("files", {})

    def predictions(self, split: str, **cell: str) -> pd.DataFrame:
        """Return predictions at the best checkpoints: a row a trial, a column an example.

        Args:
            split: validation, test or test-shift1.
            cell: model, task and space.
        Returns:
            indexed by `trial`; class ids, or numbers (16-bit) of a regression.
        """
        table = _of_cell(pd.read_parquet(self.folder / "predictions.parquet"), cell)
        packed = table.set_index("trial")[f"{split}_predictions"].dropna()
        return pd.DataFrame(map(unpack_predictions, packed), index=packed.index)

    def labels(self, split: str, **cell: str) -> np.ndarray:
        """Return the labels of the examples of `predictions`; `cell` are task and space."""
        table = _of_cell(pd.read_parquet(self.folder / "labels.parquet"), cell | {"split": split})
        return unpack_predictions(table["labels"].item())


def _of_cell(table: pd.DataFrame, cell: dict[str, str]) -> pd.DataFrame:
    return table[(table[list(cell)] == pd.Series(cell)).all(axis=1)]


def pack_predictions(values: np.ndarray) -> bytes:
    """Return class ids below 256, or numbers rounded to 16 bits, as bytes that say which."""
    is_number = values.dtype.kind == "f"
    return (
        b"f" + values.astype("<f2").tobytes() if is_number else b"c" + values.astype("u1").tobytes()
    )


def unpack_predictions(packed: bytes) -> np.ndarray:
    """Return what `pack_predictions` packed, shape (n,)."""
    return np.frombuffer(packed[1:], "<f2" if packed[:1] == b"f" else "u1")


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
    tables, manifest = read_tables(folder, tuple(_COLUMNS))
    return Recorded(**tables, manifest=manifest, folder=folder)


def write_recorded(
    folder: Path,
    *,
    trials: pd.DataFrame,
    evaluations: pd.DataFrame,
    about: dict,
    **further: pd.DataFrame,
) -> None:
    """Write recorded trials with their manifest, which comes last.

    Args:
        further: more tables: `predictions` and `labels`.
        about: what was recorded, from where, with which versions and settings, and its licence.
    """
    tables = {"trials": trials, "evaluations": evaluations, **further}
    for name, columns in _COLUMNS.items():
        missing = {*TRIAL_KEY, *columns} - set(tables[name])
        assert not missing, f"{name} lack {missing}"
    write_tables(folder, tables, about=about)


def write_tables(folder: Path, tables: dict[str, pd.DataFrame], *, about: dict) -> None:
    """Write tables, one of them `trials`, and then a manifest that says what they must be."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, table in tables.items():
        path = folder / f"{name}.parquet"
        table.to_parquet(path, index=False, compression="zstd")
        files[path.name] = digest(path)
    manifest = {"format": FORMAT, **about, "n_trials": len(tables["trials"]), "files": files}
    text = json.dumps(manifest, indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(text + "\n", encoding="utf-8")


def read_tables(folder: Path, names: Iterable[str]) -> tuple[dict[str, pd.DataFrame], dict]:
    """Return tables and manifest of a folder of `write_tables`, whose files are all checked.

    Raises:
        ValueError: naming the file, if it is of another format, or is not as it was written.
    """
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("format") != FORMAT:
        raise ValueError(
            f"{folder / 'manifest.json'} must be of format {FORMAT}, but is of "
            f"{manifest.get('format')}; use the version of repro that wrote it"
        )
    for file, known in manifest["files"].items():
        if not (folder / file).is_file() or digest(folder / file) != known:
            raise ValueError(
                f"{folder / file} must be as it was recorded, but it is missing or was changed; "
                "restore it from the repository or record it again"
            )
    return {name: pd.read_parquet(folder / f"{name}.parquet") for name in names}, manifest


def tables_fingerprint(manifest: dict) -> str:
    """Return 16 hexadecimal digits of the tables that a manifest describes."""
    return fingerprint(f"{file} {known}" for file, known in manifest["files"].items())
