"""Where pretrained models are, found without loading anything."""

import hashlib
from pathlib import Path


def find_model(name):
    from repro.models import data_directory, EMBEDDED
    return data_directory() / "mini" / name if name in EMBEDDED else name

def weights_fingerprint(path) -> str:
    path = Path(path)
    if not path.is_dir():
        return str(path)
    digest = hashlib.sha256()
    for file in sorted(path.glob("*")):
        if file.is_file() and file.name != "README.md":
            digest.update(file.name.encode()); digest.update(file.read_bytes())
    return digest.hexdigest()[:16]
