"""Archives: zip files that are there complete or not at all."""

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_zip(path: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write files into a zip; the same contents give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    os.replace(partial, path)
