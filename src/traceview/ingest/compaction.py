"""`store compact`: small parts merged into large ones, while others read and write the store.

Neighbours are merged, so that of a span in several parts the newest goes on counting. A merged part is written under a
temporary name, what it replaces is written down, and it appears by one rename: from that moment the others are
superseded. Killed before, nothing has changed for readers; killed after, the superseded files are left for the next
import or compaction to remove.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import Struct, to_builtins

from traceview.ingest.directory import StoreDirectory
from traceview.ingest.memory import Memory
from traceview.model.errors import BadInput
from traceview.sources.merging import merge_parts
from traceview.sources.part_names import numbers_of
from traceview.sources.parts import ROW_GROUP_ROWS, check_part, no_space

MERGED_ROWS = 64 * ROW_GROUP_ROWS
MERGED_BYTES = 256 << 20
"""No merged part is larger than this; a part of half of it is not merged any more."""
MERGED_PARTS = 8
"""So many are merged at a time: where their times overlap, each takes some 20 MB of memory."""


class Size(Struct, frozen=True):
    """A file, its rows, and its bytes."""

    path: Path
    rows: int
    bytes: int


@dataclass
class CompactReport:
    """What a compaction did: files before and after, of parts and of scores, and their bytes.

    `dropped` are earlier versions of spans, and scores written twice, that are gone. `removed` files were superseded;
    `kept` ones are too, and are removed once nobody reads them. `broken` parts cannot be read and were left alone.
    """

    store: str
    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    dropped: int = 0
    removed: int = 0
    kept: int = 0
    broken: int = 0

    def as_json(self) -> dict[str, Any]:
        """The report as one JSON object."""
        told: dict[str, Any] = to_builtins(self)
        return told


def compact(
    path: Path,
    *,
    on_merge: Callable[[int, int], object] | None = None,
    on_wait: Callable[[int], object] | None = None,
) -> CompactReport:
    """Merge what is small; `on_merge` gets how many merges are done, and of how many.

    `on_wait` gets the process id of an import or another compaction that is waited for. Raises BadInput if there is no
    store, a part is damaged, or the store cannot be written.
    """
    if not path.is_dir():
        raise BadInput(f"{path} is no directory", hint="give the directory of a store")
    try:
        store = StoreDirectory(path)
        with store.working(on_wait):
            return _compact(store, on_merge or (lambda done, of: None))
    except OSError as error:
        raise no_space(path, error, store=True) from error


def _compact(store: StoreDirectory, on_merge: Callable[[int, int], object]) -> CompactReport:
    report = CompactReport(str(store.path))
    memory = _memory(store)
    store.tidy()
    scores = store.score_files()
    report.files_before = len(store.parts()) + len(scores)
    report.bytes_before = _bytes([*store.parts(), *scores])
    done = 0
    while True:
        # what was merged may be small enough to be merged again
        runs, report.broken = _runs(store.parts())
        if not runs:
            break
        for number, run in enumerate(runs):
            on_merge(done, done + len(runs) - number)
            report.dropped += _merge(store, run)
            done += 1
    if len(scores) > 1:
        report.dropped += _merge_scores(store, scores)
    on_merge(done, done)
    if memory is not None:
        memory.follow()
    removed, kept = store.tidy()
    report.removed, report.kept = len(removed), len(kept)
    after = [*store.parts(), *store.score_files()]
    report.files_after, report.bytes_after = len(after), _bytes(after)
    return report


def _memory(store: StoreDirectory) -> Memory | None:
    """What the store remembers; None if that is damaged, which the next import tells."""
    try:
        return Memory(store.path)
    except BadInput:
        return None


def _merge(store: StoreDirectory, run: Sequence[Path]) -> int:
    """Put one part in the place of several; how many earlier versions are gone."""
    dropped = 0

    def write(path: Path) -> None:
        nonlocal dropped
        dropped = merge_parts(run, path).dropped

    store.supersede(write, run)
    return dropped


def _merge_scores(store: StoreDirectory, files: Sequence[Path]) -> int:
    """Put one file of scores in the place of several; a score that was written twice stays where it was last."""
    lines = [line for file in files for line in file.read_bytes().splitlines(keepends=True)]
    kept = list(dict.fromkeys(reversed(lines)))
    kept.reverse()
    store.supersede(lambda path: path.write_bytes(b"".join(kept)), files)
    return len(lines) - len(kept)


def _runs(parts: Sequence[Path]) -> tuple[list[list[Path]], int]:
    """The neighbours that are to be merged, and how many parts cannot be read."""
    sizes: list[Size | None] = []
    broken = 0
    for part in parts:
        if numbers_of(part.name) is None:
            sizes.append(None)
        elif check_part(part) is not None:
            sizes.append(None)
            broken += 1
        else:
            sizes.append(_size(part))
    return runs_of(sizes), broken


def runs_of(sizes: Sequence[Size | None]) -> list[list[Path]]:
    """The runs of two and more neighbours that make a part of bounded size; None is what cannot be merged."""
    runs: list[list[Path]] = []
    run: list[Path] = []
    rows = size = 0
    for one in sizes:
        large = one is None or one.rows > MERGED_ROWS // 2 or one.bytes > MERGED_BYTES // 2
        full = len(run) == MERGED_PARTS
        if full or large or one is None or rows + one.rows > MERGED_ROWS or size + one.bytes > MERGED_BYTES:
            runs.append(run)
            run, rows, size = [], 0, 0
        if not large and one is not None:
            run.append(one.path)
            rows, size = rows + one.rows, size + one.bytes
    return [one for one in (*runs, run) if len(one) > 1]


def _size(part: Path) -> Size:
    import pyarrow.parquet as pq

    return Size(part, pq.read_metadata(part).num_rows, part.stat().st_size)


def _bytes(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths)
