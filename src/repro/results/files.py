"""Files that are there whole or not at all, even after a power cut."""

import hashlib
import io
import os
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

_SEAL = b"\nsha256:"


def write_whole(path: Path, content: bytes) -> str:
    """Write a file in one step, on the disk before it has its name; return its `digest`.

    Raises:
        OSError: naming the file, if it cannot be written; nothing is left of it then.
    """
    temporary = path.with_name(path.name + ".tmp")
    try:
        with naming(path):
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    return hashlib.sha256(content).hexdigest()


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an error of the disk say what could not be written; by itself it may name no file."""
    try:
        yield
    except OSError as error:
        raise OSError(
            error.errno,
            f"{path} must be written, but the disk says: {error.strerror}; mend that and run "
            "again, what was written before is kept",
        ) from None


def sealed(content: bytes) -> bytes:
    """Return content with its checksum behind it."""
    return content + _SEAL + hashlib.sha256(content).digest()


def unsealed(content: bytes) -> bytes:
    """Return what was sealed, or what never was as it is.

    Raises:
        ValueError: if it is not as it was sealed.
    """
    start = len(content) - len(_SEAL) - hashlib.sha256().digest_size
    if start < 0 or not content.startswith(_SEAL, start):
        return content
    inside = content[:start]
    if sealed(inside) != content:
        raise ValueError("it was changed after it was written")
    return inside


def write_zip(path: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write files into a zip; the same contents give the same bytes."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, whole.getvalue())


def fingerprint(parts: Iterable[str]) -> str:
    """Return 16 hexadecimal digits of texts, whatever their order; nothing where there are none."""
    text = "\n".join(sorted(parts))
    return hashlib.sha256(text.encode()).hexdigest()[:16] if text else ""


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
