"""Merges the parts of a store that receives: a part a second would soon be too many for whoever opens it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from traceview.model.errors import TraceviewError, sentence_of
from traceview.sources.parts import parts_in

MORE_PARTS = 256
"""So many parts more than after the last time, and they are merged."""


class Merger:
    """Compacts in a thread of its own, while parts go on being written; it may be killed at any time."""

    def __init__(self, store: Path, on_failure: Callable[[str], object]) -> None:
        self._store = store
        self._on_failure = on_failure
        self._next = MORE_PARTS
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether it merges now."""
        return self._thread is not None and self._thread.is_alive()

    def look(self) -> None:
        """Begin to merge if there are many parts."""
        if not self.busy and len(parts_in(self._store)) >= self._next:
            self._thread = threading.Thread(target=self._merge, name="merge", daemon=True)
            self._thread.start()

    def wait(self) -> None:
        """Until what was begun is done."""
        if self._thread is not None:
            self._thread.join()

    def _merge(self) -> None:
        from traceview.ingest.compaction import compact

        try:
            compact(self._store)
        except TraceviewError as error:
            self._on_failure(sentence_of(error)[0])
        self._next = len(parts_in(self._store)) + MORE_PARTS
