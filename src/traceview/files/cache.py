"""What lies in the cache directory, and how it is cleared without pulling it from under a running process."""

from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

from msgspec import Struct

from traceview.files.dirs import cache_dir


class CacheEntry(Struct, frozen=True):
    """One converted source or index: its name in the cache, size in bytes, files, newest change."""

    name: str
    bytes: int
    files: int
    modified_ns: int


class Cleared(Struct, frozen=True):
    """What `clear_cache` did: entries and bytes gone, and (name, reason) of what it kept."""

    entries: int
    bytes: int
    kept: tuple[tuple[str, str], ...]


def cache_entries() -> tuple[CacheEntry, ...]:
    """The entries of the cache directory that hold a file, largest first."""
    entries = (_entry(path) for path in cache_dir().iterdir())
    return tuple(sorted((one for one in entries if one.files), key=lambda entry: (-entry.bytes, entry.name)))


def clear_cache() -> Cleared:
    """Delete every entry that no other process is writing."""
    gone, freed, kept = 0, 0, []
    for path in sorted(cache_dir().iterdir()):
        size = _entry(path).bytes
        if _is_locked(path):
            kept.append((path.name, "another traceview is writing it"))
            continue
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        except OSError as error:
            kept.append((path.name, error.strerror or str(error)))
            continue
        gone += 1
        freed += size
    return Cleared(gone, freed, tuple(kept))


def _files(path: Path) -> list[os.stat_result]:
    candidates = [path, *path.rglob("*")] if path.is_dir() and not path.is_symlink() else [path]
    stats = []
    for candidate in candidates:
        try:
            if not candidate.is_dir():
                stats.append(candidate.lstat())
        except FileNotFoundError:
            continue  # removed by its owner while we looked
    return stats


def _entry(path: Path) -> CacheEntry:
    stats = _files(path)
    modified = max((stat.st_mtime_ns for stat in stats), default=0)
    return CacheEntry(path.name, sum(stat.st_size for stat in stats), len(stats), modified)


def _is_locked(path: Path) -> bool:
    """True if some process holds an flock on a lock file of this entry."""
    locks = path.rglob("*.lock") if path.is_dir() else [path] if path.suffix == ".lock" else []
    for lock in locks:
        with lock.open("rb") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                return True
    return False
