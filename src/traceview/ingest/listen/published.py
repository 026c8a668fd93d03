"""A part under the mark of its plan, so that it is found again by a process that comes after a kill."""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path

from traceview.sources.base import CanonicalRow
from traceview.sources.parts import PART_SUFFIX, write_part


def publish(rows: Collection[CanonicalRow], store: Path, mark: str, *, new: bool) -> str | None:
    """The name of the part with this mark, written unless it is there; None without rows. Raises OSError."""
    if not rows:
        return None
    inbox, _, number = mark.partition(":")
    end = f"-{inbox}-{int(number):08d}{PART_SUFFIX}"
    found = None if new else next((path.name for path in store.iterdir() if path.name.endswith(end)), None)
    if found is not None:
        return found
    name = f"part-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}{end}"
    return write_part(list(rows), store, name).name
