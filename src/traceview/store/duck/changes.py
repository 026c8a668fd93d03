"""What has changed in a source since it was read: a cheap look, and which files were only added."""

from __future__ import annotations

import contextlib
from pathlib import Path

from msgspec.structs import replace

from traceview.sources.identity import FileIdentity
from traceview.sources.open import OpenedSources, Relation
from traceview.store.duck.reading import Reader


def files_of(sources: OpenedSources) -> frozenset[FileIdentity]:
    """What tells later whether the files of a source are still those that were read."""
    found = set()
    for path in sources.paths:
        with contextlib.suppress(OSError):
            found.add(FileIdentity.of(path))
    return frozenset(found)


def added(
    before: frozenset[FileIdentity], found: OpenedSources, reader: Reader
) -> list[tuple[Relation, bool]] | None:
    """The Parquet files that were added, by relation, and whether each joins the last relation of `reader`.

    None if anything else has changed: a file that was read is gone or another, or there is something to convert.
    """
    if found.conversion is not None or any(one.kind != "parquet" for one in found.relations):
        return None
    read = {str(path) for placed in reader.placed for path in placed.files()}
    if {one.path for one in before} != read or not before <= files_of(found):
        return None
    last = reader.placed[-1].relation if reader.placed else None
    arrived: list[tuple[Relation, bool]] = []
    for relation in found.relations:
        files = tuple(path for path in relation.files if str(path) not in read)
        if files:
            joins = last is not None and last.files[0] in relation.files and last.mapping == relation.mapping
            arrived.append((replace(relation, files=files, rows=None), joins and not arrived))
    return arrived or None


def state_of(sources: OpenedSources) -> tuple[tuple[str, int, int], ...]:
    """What changes when a file is rewritten or a directory gets another: a cheap look, before a real one."""
    found = []
    for path in (*sources.paths, *(Path(argument) for argument in sources.arguments)):
        for one in (path, path.parent) if any(sign in path.name for sign in "*?[") else (path,):
            try:
                status = one.stat()
            except OSError:
                continue
            found.append((str(one), status.st_size, status.st_mtime_ns))
    return tuple(found)
