"""What keeps the files of a store there while somebody reads them.

Whoever opens a store holds a shared lock on a file in it, taken before its files are listed. Files that another one
supersedes are removed by a writer that gets the lock for itself, or once they have been superseded for an hour: by then
whoever has the store open has taken up the file that stands for them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from traceview.sources.superseding import proven

READERS = ".traceview-readers.lock"
GRACE_SECONDS = 3600


class Lease:
    """The shared lock of one store, held until this object is gone."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __del__(self) -> None:
        with suppress(OSError):
            os.close(self._descriptor)


def lease(directory: Path) -> Lease | None:
    """The lease of a store; None for a directory that is none, or where the file system cannot lock."""
    try:
        descriptor = os.open(directory / READERS, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
    except OSError:
        os.close(descriptor)
        return None
    return Lease(descriptor)


def leases(directories: Iterable[Path]) -> tuple[Lease, ...]:
    """The leases of those directories that are stores."""
    return tuple(held for directory in sorted(set(directories)) if (held := lease(directory)) is not None)


def remove_superseded(directory: Path) -> tuple[list[Path], list[Path]]:
    """Remove the superseded files of a store that nobody reads; which were removed, and which were kept for readers.

    Only files of which a compaction wrote down that they are replaced. Raises OSError.
    """
    gone = proven(list(directory.iterdir()))
    if not gone:
        return [], []
    descriptor = os.open(directory / READERS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            alone = True
        except OSError:
            alone = False
        removed, kept = [], []
        for path, by in gone.items():
            if alone or time.time() - by.stat().st_mtime > GRACE_SECONDS:
                path.unlink(missing_ok=True)
                removed.append(path)
            else:
                kept.append(path)
        return removed, kept
    finally:
        os.close(descriptor)
