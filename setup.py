"""Let a wheel carry what the repository keeps beside the code; pyproject.toml says all the rest.

In the wheel it lies in `repro/carried`, where `repro.paths` finds it.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

CARRIED = ("data/published", "data/recorded", "data/mini", "profiles")
NOT_CARRIED = shutil.ignore_patterns("__pycache__", "*.partial")


class CarryData(build_py):
    """Copy data, profiles, notebooks and the reference's numbers into the package."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:  # finds them where they are
            return
        root, target = Path(__file__).parent, Path(self.build_lib) / "repro/carried"
        for folder in CARRIED:
            shutil.copytree(root / folder, target / folder, ignore=NOT_CARRIED, dirs_exist_ok=True)
        numbers = [f for end in ("json", "csv") for f in root.glob(f"figures/reference/**/*.{end}")]
        for file in [*root.glob("notebooks/*.ipynb"), *numbers]:
            copy = target / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


setup(cmdclass={"build_py": CarryData})
