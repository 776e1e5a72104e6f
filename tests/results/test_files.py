"""Files that are there whole or not at all, with a checksum that finds damage."""

import errno

import pytest

from repro.results.files import sealed, unsealed, write_whole


def test_a_full_disk_is_told_with_the_file_and_leaves_what_was_there(tmp_path, monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "run.json"
    write_whole(path, b"before")
    monkeypatch.setattr("os.fsync", refuse)
    message = r"run\.json must be written, but the disk says: No space left .* is kept"
    with pytest.raises(OSError, match=message) as caught:
        write_whole(path, b"after")
    assert caught.value.errno == errno.ENOSPC
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]
    assert path.read_bytes() == b"before"


def test_what_was_sealed_comes_back_or_is_refused():
    content = sealed(b"scores")
    assert unsealed(content) == b"scores"
    assert unsealed(b"never sealed") == b"never sealed"
    for place in range(len(b"scores")):
        changed = bytearray(content)
        changed[place] ^= 1
        with pytest.raises(ValueError, match="was changed"):
            unsealed(bytes(changed))
