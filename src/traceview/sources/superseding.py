"""Which files of a store are superseded: those of which it is proven that a merged one has what they hold.

A compaction writes down what a merged file replaces in `.traceview-merges.json`, before the file takes its name: the
size and a digest of it and of every file that it replaces. Where that record fits, the replaced files are passed over
from the rename on, so that no reader sees a span twice or not at all, and they may be removed. A merged file without
such a record (of an older traceview, or copied from elsewhere) hides a file only if it can be read and holds everything
that is in it, and then that file is never removed. All other files are read, whatever their names say: those with more
numbers later, since they may be newer.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from traceview.files.atomic import atomic_write
from traceview.sources.part_names import PART_SUFFIX, by_numbers, covered

MERGES = ".traceview-merges.json"
_TAIL_BYTES = 256 * 1024
"""The footer of a part is within it, with the sizes of its columns and the least and largest of their values."""

Fingerprint = tuple[int, str]
"""The size of a file, and a digest of its end."""


def superseded(paths: Iterable[Path]) -> dict[Path, Path]:
    """The files that are proven to be in another one of the same directory, and that other one."""
    paths = list(paths)
    gone = proven(paths)
    return gone | _contained(paths, gone)


def proven(paths: Iterable[Path]) -> dict[Path, Path]:
    """The files of which a compaction wrote down that another one replaces them, and that other one."""
    found: dict[Path, Path] = {}
    records: dict[Path, dict[str, Any]] = {}
    for path, over in covered(paths).items():
        if path.parent not in records:
            records[path.parent] = _read(path.parent)
        by = next((one for one in over if _is_recorded(records[path.parent], one, path)), None)
        if by is not None:
            found[path] = by
    return found


def merged_in(directory: Path) -> list[str]:
    """The names of the files of which a compaction wrote down that a file which is there as it was replaces them."""
    return [
        name
        for merged, entry in _read(directory).items()
        if _is_as_recorded(entry, directory / merged)
        for name in entry["replaces"]
    ]


def current(paths: Sequence[Path]) -> list[Path]:
    """The files without those that are superseded, in the order given.

    If there are files whose numbers others have without superseding them, all are in the order in which they count.
    """
    gone = superseded(paths)
    kept = [path for path in paths if path not in gone]
    return sorted(kept, key=by_numbers) if covered(kept) else kept


def record(merged: Path, becomes: str, replaced: Iterable[Path]) -> None:
    """Write down that a file, once it has its name, replaces others of its directory. Raises OSError."""
    directory = merged.parent
    told = {name: entry for name, entry in _read(directory).items() if (directory / name).exists()}
    told[becomes] = {
        "is": _fingerprint(merged),
        "replaces": {path.name: _fingerprint(path) for path in replaced},
    }
    atomic_write(directory / MERGES, json.dumps(told, indent=1))


def _is_recorded(records: dict[str, Any], merged: Path, path: Path) -> bool:
    try:
        entry = records[merged.name]
        return _is_as_recorded(entry, merged) and tuple(entry["replaces"][path.name]) == _fingerprint(path)
    except (KeyError, TypeError, OSError):
        return False


def _is_as_recorded(entry: Any, merged: Path) -> bool:
    """Whether a merged file is the one of which its record tells."""
    try:
        return tuple(entry["is"]) == _fingerprint(merged) and isinstance(entry["replaces"], dict)
    except (KeyError, TypeError, OSError):
        return False


def _read(directory: Path) -> dict[str, Any]:
    """The record of a directory; nothing is proven by one that is missing or damaged."""
    try:
        told = json.loads((directory / MERGES).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _fingerprint(path: Path) -> Fingerprint:
    """What tells a file from another of the same name. Raises OSError."""
    return _digested(path, *_state(path))


def _state(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


@lru_cache(maxsize=4096)
def _digested(path: Path, size: int, *_state: int) -> Fingerprint:
    with path.open("rb") as stream:
        stream.seek(max(0, size - _TAIL_BYTES))
        return size, hashlib.blake2b(stream.read(_TAIL_BYTES), digest_size=16).hexdigest()


def _contained(paths: Iterable[Path], without: Container[Path]) -> dict[Path, Path]:
    """The files that are in another one that has their numbers, by what both hold."""
    found: dict[Path, Path] = {}
    for path, over in covered(paths).items():
        if path in without:
            continue
        for one in over:
            try:
                holds = _holds(one, _state(one), path, _state(path))
            except OSError:
                holds = False
            if holds:
                found[path] = one
                break
    return found


@lru_cache(maxsize=1024)
def _holds(merged: Path, _merged_state: tuple[int, ...], path: Path, _path_state: tuple[int, ...]) -> bool:
    """Whether a file has all spans or scores of another one, maybe newer versions of them. Raises OSError."""
    if path.suffix != PART_SUFFIX:
        return set(path.read_bytes().splitlines()) <= set(merged.read_bytes().splitlines())
    import duckdb

    from traceview.sources.sql import identifier, literal

    named = "trace_id IS NOT NULL AND span_id IS NOT NULL"
    inner, outer = (f"read_parquet({literal(str(one))})" for one in (path, merged))
    try:
        with duckdb.connect() as connection:
            there = [row[0] for row in connection.execute(f"DESCRIBE FROM {inner}").fetchall()]
            whole = ", ".join(identifier(name) for name in there)
            # a span without ids has no versions: all of it has to be there
            missing = connection.execute(
                f"SELECT (SELECT count(*) FROM (SELECT trace_id, span_id FROM {inner} WHERE {named} "
                f"EXCEPT SELECT trace_id, span_id FROM {outer})) + (SELECT count(*) FROM "
                f"(SELECT {whole} FROM {inner} WHERE NOT ({named}) EXCEPT ALL "
                f"SELECT {whole} FROM {outer} WHERE NOT ({named})))"
            ).fetchall()
    except duckdb.Error:
        return False
    return bool(missing[0][0] == 0)
