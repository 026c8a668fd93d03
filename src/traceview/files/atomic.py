"""Files that appear whole or not at all: temporary file, fsync, rename, fsync of the directory."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

TEMPORARY_PREFIX = ".traceview-"
TEMPORARY_SUFFIX = ".tmp"
LEFTOVER_SECONDS = 24 * 3600
SIDE_FILES = ("-journal", "-wal", "-shm")
"""What SQLite may leave beside a temporary file that was not finished."""


def atomic_write(
    path: Path, content: bytes | str | Callable[[IO[bytes]], object], *, mode: int = 0o600
) -> Path:
    """Write a file so that a reader sees the old one or the new one, never a part.

    `content` is bytes, text (UTF-8) or a function that writes to the open binary file. `mode` are the permissions
    of a new file; a file that is replaced keeps its own. The temporary file is removed on failure. Raises OSError.
    """
    with replacing(path, mode=mode) as temporary, temporary.open("wb") as stream:
        if callable(content):
            content(stream)
        else:
            stream.write(content.encode() if isinstance(content, str) else content)
    return path


@contextmanager
def replacing(path: Path, *, mode: int = 0o600) -> Iterator[Path]:
    """Give the path of a temporary file beside `path`; when the block ends well it is synced and takes its name.

    For libraries that want a path of their own to write to. Raises OSError, also where `path` is a device or a pipe.
    """
    path = _resolved(path)
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file, and never replaced by one", str(path))
    start = f"{TEMPORARY_PREFIX}{path.name[:80]}."
    _remove_leftovers(path.parent, start)
    temporary = path.with_name(f"{start}{secrets.token_hex(6)}{TEMPORARY_SUFFIX}")
    try:
        permissions = path.stat().st_mode & 0o7777 if path.exists() else mode
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, permissions))
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        os.replace(temporary, path)  # noqa: PTH105 (the one name that tests watch for order)
    except BaseException:
        for left in (temporary, *(temporary.with_name(temporary.name + side) for side in SIDE_FILES)):
            left.unlink(missing_ok=True)
        raise
    fsync_directory(path.parent)


def _remove_leftovers(folder: Path, start: str) -> None:
    """Remove what a process that was killed left of this file: temporary files that nobody wrote to for a day."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith(start) or TEMPORARY_SUFFIX not in entry.name:
                continue
            if time.time() - entry.stat(follow_symlinks=False).st_mtime > LEFTOVER_SECONDS:
                Path(entry.path).unlink(missing_ok=True)


def _resolved(path: Path) -> Path:
    """The file that a link stands for. Raises OSError for links that lead in a circle."""
    if not path.is_symlink():
        return path
    with suppress(RuntimeError):  # Python before 3.13 raises it for a circle; later ones give a link back
        real = path.resolve()
        if not real.is_symlink():
            return real
    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))


def fsync_directory(directory: Path) -> None:
    """Make renames inside a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
