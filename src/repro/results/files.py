"""Files that are there whole or not at all, even after a power cut."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path


def write_whole(path: Path, content: bytes) -> str:
    """Write a file in one step, on the disk before it has its name; return its `digest`."""
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    return hashlib.sha256(content).hexdigest()


def fingerprint(parts: Iterable[str]) -> str:
    """Return 16 hexadecimal digits of texts, whatever their order; nothing where there are none."""
    text = "\n".join(sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
