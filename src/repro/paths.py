"""Where things are: the repository's folders, and the variables that move them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROFILES = ROOT / "profiles"
NOTEBOOKS = ROOT / "notebooks"
FIGURES = ROOT / "figures"
RESULTS = Path(os.environ.get("REPRO_RESULTS", ROOT / "data/results"))


def data_directory(*inside: str) -> Path:
    """Return the folder of what the repository brings along, or one inside; $REPRO_DATA moves it.

    Raises:
        FileNotFoundError: if it is not there.
    """
    path = Path(os.environ.get("REPRO_DATA", ROOT / "data"), *inside)
    if not path.is_dir():
        raise FileNotFoundError(
            f"there must be a folder of data, but {path} is none; set REPRO_DATA to the "
            "repository's `data` folder"
        )
    return path
