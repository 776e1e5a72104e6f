"""Where things are, in the repository or in an installed wheel, and the variables that move them.

A wheel carries the repository's data, profiles and notebooks in `repro/carried` (see `setup.py`).
What is written then goes below the folder where one works; in the repository, below that.
"""

import os
from pathlib import Path

_ABOVE = Path(__file__).resolve().parents[2]
IN_REPOSITORY = (_ABOVE / "pyproject.toml").is_file()
ROOT = _ABOVE if IN_REPOSITORY else Path.cwd()
CARRIED = _ABOVE if IN_REPOSITORY else Path(__file__).resolve().parent / "carried"
PROFILES = CARRIED / "profiles"
NOTEBOOKS = CARRIED / "notebooks"
REFERENCE = CARRIED / "figures/reference"
FIGURES = Path(os.environ.get("REPRO_FIGURES", ROOT / "figures"))
RESULTS = Path(os.environ.get("REPRO_RESULTS", ROOT / "data/results"))


def data_directory(*inside: str) -> Path:
    """Return the folder of what the package brings along, or one inside; $REPRO_DATA moves it.

    Raises:
        FileNotFoundError: if it is not there.
    """
    path = Path(os.environ.get("REPRO_DATA", CARRIED / "data"), *inside)
    if not path.is_dir():
        raise FileNotFoundError(
            f"there must be a folder of data, but {path} is none; set REPRO_DATA to the "
            "repository's `data` folder"
        )
    return path
