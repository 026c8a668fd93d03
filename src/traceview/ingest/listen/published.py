"""A part under the mark of its plan, so that it is found again by a process that comes after a kill."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from traceview.ingest.directory import StoreDirectory
from traceview.sources.base import CanonicalRow
from traceview.sources.part_names import with_mark
from traceview.sources.parts import write_rows


def publish(rows: Collection[CanonicalRow], store: Path, mark: str, *, new: bool) -> str | None:
    """The name of the part with this mark, written unless it is there; None without rows. Raises OSError, BadInput."""
    if not rows:
        return None
    inbox, _, number = mark.partition(":")
    end = f"{inbox}-{int(number):08d}"
    found = None if new else with_mark(store.iterdir(), end)
    if found is not None:
        return found.name
    return StoreDirectory(store).publish(lambda path: write_rows(list(rows), path), mark=end).name
