"""What tells one state of a file from another."""

from __future__ import annotations

from pathlib import Path

from msgspec import Struct


class FileIdentity(Struct, frozen=True):
    """What tells whether a file is still the one that was read."""

    path: str
    size: int
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> FileIdentity:
        """The identity now. Raises OSError if the file has vanished."""
        status = path.stat()
        return cls(str(path), status.st_size, status.st_mtime_ns)
