"""Directories that belong to a living process: those of the dead are removed by whoever comes next."""

from __future__ import annotations

import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO

_OWNER = "owner.lock"
_YOUNG_SECONDS = 60.0
"""Below this age a directory without a lock file may be one whose owner is just about to make it."""


class OwnedDirectory:
    """A new directory below `parent`, locked as long as this process lives or until `close`, which removes it."""

    def __init__(self, parent: Path, prefix: str) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        self._lock: IO[bytes] = (self.path / _OWNER).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)

    def close(self) -> None:
        """Remove the directory."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._lock.close()


def remove_orphans(parent: Path, prefix: str) -> int:
    """Remove the directories of this prefix whose owner is dead; how many they were."""
    removed = 0
    for directory in parent.glob(f"{prefix}*"):
        try:
            if _is_orphan(directory):
                shutil.rmtree(directory)
                removed += 1
        except OSError:
            continue  # another process removes it at this moment
    return removed


def _is_orphan(directory: Path) -> bool:
    lock = directory / _OWNER
    if not lock.exists():
        return time.time() - directory.stat().st_mtime > _YOUNG_SECONDS
    with lock.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True
