"""Small files that are there whole or not at all."""

from __future__ import annotations

import errno
import os

import pytest

from engine.station.durable import write_whole


def test_a_file_that_cannot_be_written_leaves_the_old_one_and_nothing_else(tmp_path, monkeypatch):
    file = tmp_path / "marks" / "b.json"
    write_whole(file, b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(file, b"new")
    assert {one.name: one.read_bytes() for one in file.parent.iterdir()} == {"b.json": b"old"}
