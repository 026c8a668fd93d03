"""Small files: what is no file is refused at once, and so is one that is too large."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from traceview.files.small import small_bytes
from traceview.model.errors import BadInput


def test_files_and_links_to_them_are_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 10)
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert small_bytes(tmp_path / "a", 10) == small_bytes(tmp_path / "b", 10) == b"x" * 10
    with pytest.raises(BadInput, match="it has 10 bytes, 9 at most"):
        small_bytes(tmp_path / "a", 9)
    with pytest.raises(FileNotFoundError):
        small_bytes(tmp_path / "c", 9)


def test_pipes_devices_and_folders_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, target in (("a", "pipe"), ("b", "/dev/zero"), ("c", "/dev/tty")):
        (tmp_path / name).symlink_to(target)
        with pytest.raises(BadInput, match="it is no regular file"):
            small_bytes(tmp_path / name, 10)
    with pytest.raises(BadInput, match="it is a folder"):
        small_bytes(tmp_path, 10)
