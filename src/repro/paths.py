"""Where things are: the repository's folders, and the variables that move them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "profiles"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RESULTS = Path(os.environ.get("REPRO_RESULTS", ROOT / "data/results"))


def data_directory() -> Path:
    """Return the folder of embedded models and published tables: $REPRO_DATA, or the repository's.

    Raises:
        FileNotFoundError: if it is not there.
    """
    path = Path(os.environ.get("REPRO_DATA", ROOT / "data"))
    if not path.is_dir():
        raise FileNotFoundError(
            f"there must be a folder of data, but {path} is none; set REPRO_DATA to the "
            "repository's `data` folder"
        )
    return path
