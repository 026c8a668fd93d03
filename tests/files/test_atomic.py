"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO, Any

import pytest

from traceview.files.atomic import atomic_write, replacing


@pytest.fixture
def order(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The order of fsync and rename calls, through the real functions."""
    calls: list[str] = []
    fsync, replace = os.fsync, os.replace

    def recording_fsync(descriptor: int) -> None:
        calls.append("fsync directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "fsync file")
        fsync(descriptor)

    def recording_replace(source: Any, target: Any) -> None:
        calls.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", recording_fsync)
    monkeypatch.setattr(os, "replace", recording_replace)
    return calls


@pytest.mark.parametrize("content", [b"new", "new", lambda stream: stream.write(b"new")])
def test_writes_syncs_and_renames_in_this_order(tmp_path: Path, order: list[str], content: Any) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    assert atomic_write(target, content) == target
    assert target.read_bytes() == b"new"
    assert order == ["fsync file", "rename", "fsync directory"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")

    def fail(stream: IO[bytes]) -> None:
        stream.write(b"half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        atomic_write(target, fail)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_permissions_private_when_new_and_kept_when_old(tmp_path: Path) -> None:
    new = atomic_write(tmp_path / "new", b"x")
    assert new.stat().st_mode & 0o777 == 0o600
    new.chmod(0o644)
    atomic_write(new, b"y")
    assert new.stat().st_mode & 0o777 == 0o644


def test_a_link_keeps_pointing_at_the_file_that_is_replaced(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("old")
    link = tmp_path / "link"
    link.symlink_to(real)
    atomic_write(link, b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_nobody_sees_the_file_before_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "file") as temporary:
        temporary.write_text("part")
        assert not (tmp_path / "file").exists()
        assert temporary.parent == tmp_path
    assert (tmp_path / "file").read_text() == "part"
